"""What the phone says of its screen is what the screen shows: by OCR, by touch, by geometry; and all of it repeats."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from phone import Box, Phone, act, actions, bounds

from vlgym.android.ui.view import View

SCREENS = 100
KEYBOARD = "com.google.android.inputmethod.latin"
ACTIONS = 1000
SMALL = (360, 800)
_LOOKS = (
    "settings put system font_scale 1.15",
    "settings put system font_scale 1.0",
    "cmd uimode night yes",
    "cmd uimode night no",
    "settings put system accelerometer_rotation 0; settings put system user_rotation 1",
    "settings put system accelerometer_rotation 1",
    "cmd statusbar expand-notifications",
    "cmd statusbar expand-settings",
)


def screens(count: int, seed: int = 0) -> Iterator[Phone]:
    """Yield a phone that has wandered through its apps, at one screen after another."""
    rng, phone = random.Random(seed), Phone()
    apps = [package.name for package in phone.state.packages.launchable()]
    seen: set[str] = set()
    for turn in range(20 * count):
        if turn % 6 == 0:
            phone.close_system_dialogs()
            phone.windows.launch(apps[turn // 6 % len(apps)])
        elif rng.random() < 0.06:
            phone.shell(rng.choice(_LOOKS))
        else:
            touchable = [node for node in phone.nodes() if node.get("clickable") == "true"]
            if touchable:
                left, top, right, bottom = bounds(rng.choice(touchable))
                phone.tap((left + right) / 2, (top + bottom) / 2)
            else:
                phone.key(4)
        phone.advance(3.0)
        digest = hashlib.blake2b(phone.screenshot(SMALL).tobytes()).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield phone
            if len(seen) == count:
                return
    raise AssertionError(f"only {len(seen)} screens were found")


# ---------------------------------------------------------------- OCR


def drawn(view: View) -> str:
    """Return the text that a view draws: what does not fit is an ellipsis there."""
    broken = getattr(view, "broken", None)
    return " ".join(broken) if broken and broken[-1].endswith("…") else view.text_shown


def inside(box: Box, other: Box) -> bool:
    return other[0] <= box[0] and other[1] <= box[1] and box[2] <= other[2] and box[3] <= other[3]


def box_of(view: View) -> Box:
    return view.left, view.top, view.left + view.w, view.top + view.h


def texts(phone: Phone) -> Iterator[tuple[str, Box]]:
    """Yield the texts of the screen that nothing hides or cuts, and their boxes."""
    layers, front = phone.windows.layers(), phone.windows.in_front()
    display = (0, 0, *phone.size)
    for place, window in enumerate(layers):
        for view in window.tree().walk() if window in front and window.package != KEYBOARD else ():
            box, text = box_of(view), drawn(view)
            if not text.strip() or view.password or view.android_class.endswith("SeekBar"):
                continue
            if not all(inside(box, around) for around in [display, *map(box_of, view.ancestors())]):
                continue
            middle = (box[1] + box[3]) / 2
            points = [(x, middle) for x in (box[0] + 2, (box[0] + box[2]) / 2, box[2] - 2)]
            if any(above.tree().hit(*point) for above in layers[place + 1 :] for point in points):
                continue
            found = [window.tree().hit(*point) for point in points]
            if all(hit is not None and (hit is view or view in hit.ancestors()) for hit in found):
                yield text, within_corners(view)


def within_corners(view: View) -> Box:
    """Return the box of a view without the round corners and the border of its background."""
    dp = view.metrics.dp
    inset = min(dp(view.radius), view.w // 2, view.h // 2) * 3 // 10 if view.background else 0
    inset += dp(3) if view.border else 0
    left, top, right, bottom = box_of(view)
    return left + inset, top + inset, right - inset, bottom - inset


def crop(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return a box of a picture, dark on light, with room around it."""
    import cv2

    grey = cv2.cvtColor(picture[box[1] : box[3], box[0] : box[2]], cv2.COLOR_RGB2GRAY).astype(np.float32)
    paper = float(np.median(grey))
    grey = np.abs(grey - paper)
    shown: NDArray[np.uint8] = (255 - 255 * grey / max(float(grey.max()), 1.0)).astype(np.uint8)
    if shown.shape[0] > 130:  # tesseract knows thin strokes of a body text's size
        shown = cv2.resize(shown, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return np.pad(shown, 24, constant_values=255)


def read_back(crops: list[NDArray[np.uint8]], folder: Path) -> list[str]:
    """Return what tesseract reads in each picture, one process for all."""
    import cv2

    names = []
    for number, picture in enumerate(crops):
        names.append(str(folder / f"{number}.png"))
        cv2.imwrite(names[-1], picture)
    (folder / "list.txt").write_text("\n".join(names))
    command = ["tesseract", str(folder / "list.txt"), "-", "--psm", "6", "-c", "page_separator=\f"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return done.stdout.split("\f")[: len(crops)]


def signs(text: str) -> str:
    """Return the letters and digits of a text."""
    return "".join(sign for sign in text if sign.isalnum())


@pytest.mark.skipif(not shutil.which("tesseract"), reason="no tesseract: apt-get install tesseract-ocr")
def test_texts_are_read_back_where_they_are_said_to_be(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    found: dict[tuple[str, bytes], NDArray[np.uint8]] = {}
    for phone in screens(SCREENS):
        picture = phone.screenshot()
        for text, box in texts(phone):
            piece = crop(picture, box)
            found.setdefault((text, hashlib.blake2b(piece.tobytes()).digest()), piece)
    wanted = right = 0
    missed = []
    for (text, _), said in zip(found, read_back(list(found.values()), tmp_path), strict=True):
        shown, seen = signs(text), signs(said)
        blocks = difflib.SequenceMatcher(None, shown, seen, autojunk=False).get_matching_blocks()
        wanted, right = wanted + len(shown), right + sum(block.size for block in blocks)
        if shown != seen:
            missed.append((text, said.strip()))
    assert wanted > 1500, wanted
    assert right >= 0.95 * wanted, (right, wanted, missed)


# ---------------------------------------------------------------- geometry


def test_bounds_nest_and_what_is_tapped_is_what_was_named() -> None:
    hits, misses = 0, []
    for phone in screens(SCREENS, seed=1):
        check_nesting(ElementTree.fromstring(phone.hierarchy()), (0, 0, *phone.size))
        for view, hit in centres(phone):
            hits += hit is view
            misses += [] if hit is view else [(phone.foreground(), view.key, hit and hit.key)]
    assert hits > 1000, hits
    assert len(misses) <= 0.01 * hits, misses  # cards whose middle is a button of theirs


def check_nesting(around: ElementTree.Element, outer: Box) -> None:
    for node in around:
        left, top, right, bottom = box = bounds(node)
        assert left < right, node.attrib
        assert top < bottom, node.attrib
        assert inside(box, outer), (node.attrib, around.attrib)
        check_nesting(node, box)


def centres(phone: Phone) -> Iterator[tuple[View, View | None]]:
    """Yield what can be tapped, and what a tap on the middle of what is shown of it reaches."""
    layers = phone.windows.layers()
    for place, window in enumerate(layers):
        for view in window.tree().walk() if window in phone.windows.in_front() else ():
            left, top, right, bottom = 0, 0, *phone.size
            for around in view.ancestors():
                box = box_of(around)
                left, top, right, bottom = max(left, box[0]), max(top, box[1]), min(right, box[2]), min(bottom, box[3])
            if not view.clickable or not view.enabled or left >= right or top >= bottom:
                continue
            x, y = (left + right) / 2, (top + bottom) / 2
            if not any(above.tree().hit(x, y) for above in layers[place + 1 :]):
                hit = window.tree().hit(x, y)
                chain = hit.ancestors() if hit is not None else iter(())
                yield view, next((v for v in chain if v.enabled and (v.clickable or v.editable)), None)


# ---------------------------------------------------------------- replay


def everything(phone: Phone) -> bytes:
    """Return a digest of pixels, XML, log and databases."""
    state = phone.state
    found = hashlib.blake2b(phone.screenshot(SMALL).tobytes() + phone.hierarchy().encode())
    for entry in state.log.entries():
        found.update(repr(entry).encode())
    for package in state.packages.all():
        for name, _ in package.databases:
            path = package.database_path(name)
            found.update(path.encode() + (state.files.read(path) if state.files.exists(path) else b"-"))
    return found.digest()


def run(phone: Phone, steps: list[tuple[int, int, int, int]]) -> str:
    """Act, and return a digest of all that was seen on the way and of everything at the end."""
    seen = hashlib.blake2b()
    for number, step in enumerate(steps):
        act(phone, *step)
        seen.update(phone.screenshot(SMALL).tobytes() if number % 4 else everything(phone))
    seen.update(everything(phone))
    return seen.hexdigest()


def test_a_thousand_actions_repeat_in_another_process_and_after_a_snapshot() -> None:
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_fidelity; test_fidelity.main()"
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    steps = actions(2024, ACTIONS)
    half, phone = ACTIONS // 2, Phone()
    first = run(phone, steps[:half])
    kept, before = phone.snapshot(), everything(phone)
    second = run(phone, steps[half:])
    assert everything(phone) != before
    run(phone, actions(99, 50))
    phone.restore(kept)
    assert everything(phone) == before
    assert phone.snapshot() == kept
    assert run(phone, steps[half:]) == second
    said, _ = other.communicate()
    assert said.decode().split() == [first, second]


def main() -> None:
    """Print what the actions lead to: the other process of the test above."""
    steps, phone = actions(2024, ACTIONS), Phone()
    print(run(phone, steps[: ACTIONS // 2]), run(phone, steps[ACTIONS // 2 :]))


def test_a_picture_that_is_held_never_changes() -> None:
    """Memory of pictures that nobody holds is used again, that of others never."""
    phone, rng = Phone(), random.Random(0)
    held: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    for step in actions(3, 60):
        act(phone, *step)
        picture = phone.screenshot(SMALL)
        assert not picture.flags.writeable
        part = rng.choice([picture, picture[10:20], picture[::7, ::5], picture.reshape(-1)])
        held.append((part, part.copy()))
        del picture, part
        held = [pair for pair in held if rng.random() < 0.9]
        for picture, copy in held:
            assert np.array_equal(picture, copy)
        del picture, copy


# ---------------------------------------------------------------- android-env


TASK = """
id: "settings" name: "Settings" description: "Look around."
reset_steps {
  adb_request { start_activity { full_activity: "com.android.settings/.Settings" } }
  success_condition {
    wait_for_app_screen {
      app_screen { activity: "com.android.settings/com.android.settings.Settings" } timeout_sec: 5
    }
  }
}
max_episode_steps: 12
"""


def conformance() -> type:
    """Return dm_env's own conformance tests, with the phone as the environment."""
    from absl.testing import parameterized
    from android_env.proto import task_pb2
    from dm_env import test_utils
    from google.protobuf import text_format

    from vlgym.android.device import Device
    from vlgym.android.simulator import make_env

    class PhoneConforms(test_utils.EnvironmentTestMixin, parameterized.TestCase):  # type: ignore[misc]
        def make_object_under_test(self) -> Any:
            return make_env(text_format.Parse(TASK, task_pb2.Task()), Device(), size=(90, 200))

        def assertValidStep(self, step: Any) -> None:
            if step.first():  # android-env says 0 here, as its own tests want it, where dm_env says None
                assert (step.reward, step.discount) == (0.0, 0.0)
                step = step._replace(reward=None, discount=None)
            super().assertValidStep(step)

        def make_action_sequence(self) -> Iterator[Any]:
            rng = np.random.default_rng(0)
            for _ in range(40):
                kind, place = rng.integers(3), rng.random(2, np.float32)
                yield {"action_type": np.array(kind, np.int32), "touch_position": place}

    return PhoneConforms


def test_dm_env_conformance() -> None:
    pytest.importorskip("android_env")
    import unittest

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(conformance()).run(result)
    assert result.testsRun >= 4
    assert not result.errors + result.failures, [text for _, text in result.errors + result.failures]


def test_android_envs_wrappers() -> None:
    pytest.importorskip("android_env")
    pytest.importorskip("PIL")
    from android_env.proto import task_pb2
    from google.protobuf import text_format

    from vlgym.android.device import Device
    from vlgym.android.simulator import make_env

    def wrapped(env: Any, *names: str, **options: Any) -> Any:
        for name in names:
            module = importlib.import_module(f"android_env.wrappers.{name}_wrapper")
            made = getattr(module, "".join(map(str.title, name.split("_"))) + "Wrapper")
            env = made(env, **options)
        return env

    chains = (
        (("discrete_action", "image_rescale", "flat_interface"), {}),
        (("last_action", "float_pixels"), {}),
        (("tap_action",), {}),
        (("swipe_action",), {}),
        (("rate_limit",), {"rate": 10_000}),
    )
    for names, options in chains:
        env = wrapped(make_env(text_format.Parse(TASK, task_pb2.Task()), Device(), size=(90, 200)), *names, **options)
        rng = np.random.default_rng(1)
        seen, ends = set(), 0
        try:
            step = env.reset()
            for _ in range(30):
                spec = env.action_spec()
                step = env.step(sample(spec, rng))
                env.observation_spec()
                pixels = step.observation if isinstance(step.observation, np.ndarray) else step.observation["pixels"]
                seen.add(np.asarray(pixels).tobytes())
                ends += step.last()
        finally:
            env.close()
        assert len(seen) > 1
        assert ends >= 1


def sample(spec: Any, rng: np.random.Generator) -> Any:
    """Return a random action of a dm_env spec."""
    if isinstance(spec, dict):
        return {name: sample(part, rng) for name, part in spec.items()}
    if spec.dtype.kind in "iu":
        low = int(np.min(getattr(spec, "minimum", 0)))
        high = int(np.max(getattr(spec, "maximum", getattr(spec, "num_values", 1) - 1)))
        return rng.integers(low, high, size=spec.shape, endpoint=True).astype(spec.dtype)
    return rng.random(spec.shape).astype(spec.dtype)
