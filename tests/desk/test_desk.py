"""The environment: its parser, its screens, its native side, and the contract in every mode."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym.core import checks
from vlgym.core.actions import Action
from vlgym.core.errors import ActionError, VlgymError
from vlgym.desk.apps import FIELDS, ON_PAGE, PAGES
from vlgym.desk.env import CLICKS, DeskEnv
from vlgym.desk.font import HEIGHT, width_of, write
from vlgym.desk.grammar import MAX_TYPED, DeskGrammar
from vlgym.desk.screen import SMALLEST, Screen, _layout
from vlgym.desk.world import Desk, View

MODES = ("image", "both", "state")
IN_MODES = (
    *(checks.gymnasium_checker, checks.info_contract, checks.determinism, checks.spaces_hold, checks.bad_actions),
    *(checks.oracle_solves, checks.snapshots, checks.native_mode),
)


@pytest.mark.parametrize("check", IN_MODES, ids=lambda check: check.__name__)
@pytest.mark.parametrize("obs_mode", MODES)
def test_contract_in_every_mode(obs_mode: str, check: object) -> None:
    check(functools.partial(checks.make_unwrapped, "vlgym/DeskMedium-v0", obs_mode=obs_mode))  # type: ignore[operator]


# ---------------------------------------------------------------------- grammar

grammar = DeskGrammar()
TEXT = st.text(max_size=60)
PIECES = st.lists(
    st.sampled_from(["click[", 'type("', "tap(", "]", '")', ")", "0.5", ", ", "nan", "Save", "1e999", " "])
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(TEXT, PIECES.map("".join), st.integers(), st.none(), st.binary(max_size=8)))
def test_any_input_is_an_action_or_an_action_error(text: object) -> None:
    try:
        action = grammar.parse(text)  # type: ignore[arg-type]
    except ActionError:
        return
    assert grammar.parse(grammar.format(action)) == action


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.builds(lambda x, y: Action("tap", (x, y)), st.floats(0, 1), st.floats(0, 1)),
        st.builds(lambda t: Action("type", (t,)), st.text("abc XYZ'[]()é", min_size=1, max_size=MAX_TYPED)),
        st.builds(lambda t: Action("click", (t,)), st.text("abc:]([) ", min_size=1).map(str.strip).filter(bool)),
    )
)
def test_actions_survive_their_text(action: Action) -> None:
    assert grammar.parse(grammar.format(action)) == action


@pytest.mark.parametrize(
    "action", [Action("click", (3,)), Action("type", ('"',)), Action("tap", (0.5,)), Action("tap", (math.nan, 0.0))]
)
def test_what_cannot_be_said_is_not_formatted(action: Action) -> None:
    with pytest.raises(ActionError):
        grammar.format(action)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(PIECES.map("".join), TEXT.map("click[{}]".format), TEXT.map('type("{}")'.format)), max_size=6)
)
def test_no_action_text_breaks_the_environment(actions: list[str]) -> None:
    env = DeskEnv(max_steps=50)
    env.reset(options={"task": "train-05-00003"})
    for action in actions:
        before = env._desk.state()
        observation, _, terminated, _, info = env.step(action)
        assert env.observation_space.contains(observation)
        assert info["action_valid"] or env._desk.state() == before
        if terminated:
            break


# ---------------------------------------------------------------------- screens


def every_view() -> list[View]:
    """Return the desktop, every page, every open list and every entry that waits."""
    values = {path: field.options[0] if field.options else "amber beach" for path, field in FIELDS.items()}
    views = [Desk(values).view]
    for app, page in ON_PAGE:
        views.append(Desk(values, app=app, page=page).view)
        views += [Desk(values, app=app, page=page, focus=f.path).view for f in ON_PAGE[app, page] if f.kind != "toggle"]
    return views


def test_names_on_a_screen_are_told_apart() -> None:
    for view in every_view():
        names = [element.name.lower() for element in view.elements]
        assert len(set(names)) == len(names), names
        assert len(view.elements) <= CLICKS
        assert len(view.text.splitlines()) <= 16, "a screen is a few lines: experiments run on a laptop"
        for element in view.elements:
            assert view.find(element.name) is view.find(element.label.upper()) is element


@pytest.mark.parametrize("size", [(SMALLEST, SMALLEST), (256, 256), (640, 480), (500, 240)], ids=str)
def test_every_element_is_where_it_is_tapped(size: tuple[int, int]) -> None:
    screen = Screen(*size)
    for view in every_view():
        picture = screen.draw(view)
        assert picture.shape == (size[1], size[0], 3)
        covered = np.zeros(picture.shape[:2], int)
        for left, top, right, bottom in _layout(view, size[1], size[0]):
            assert 0 <= left < right <= size[0]
            assert 0 <= top < bottom <= size[1]
            covered[top:bottom, left:right] += 1
        assert covered.max() == 1, "no element hides another"
        for element in view.elements:
            x, y = screen.aim(view, element.name)
            assert screen.at(view, x, y) is element
            column, row = int(x * size[0]), int(y * size[1])
            near = picture[row - 6 : row + 6, column - 8 : column + 8].reshape(-1, 3)
            assert near.std(0).max() > 20, f"nothing is written at {element}"
    with pytest.raises(ActionError, match="nothing to tap"):
        screen.at(view, 0.999, 0.001)


def test_pictures_show_what_the_text_says() -> None:
    screen, pictures = Screen(256, 256), {}
    for view in every_view():
        pictures.setdefault(screen.draw(view).tobytes(), view.text)
    assert len(pictures) == len({view.text for view in every_view()})
    first = Desk(dict.fromkeys(FIELDS, "off") | {"Settings/Display/Dark mode": "on"}, app="Settings", page="Display")
    on = screen.draw(first.view)
    first.click(first.view.find("dark mode"))
    assert "[button] Dark mode [button_]" in first.view.text
    changed = np.argwhere((screen.draw(first.view) != on).any(-1))
    assert len(changed) > 50
    left, top, right, bottom = _layout(first.view, 256, 256)[len(PAGES["Settings"])]
    assert (changed >= (top, left)).all()
    assert (changed < (bottom, right)).all()


def test_the_face_writes_in_any_colour() -> None:
    patch = write("Ag\u4e00", (0, 0, 0), (255, 255, 255))
    assert patch.shape == (HEIGHT, width_of("Ag?"), 3)
    assert np.array_equal(patch, write("Ag?", (0, 0, 0), (255, 255, 255)))
    assert patch.min() < 20
    assert patch.max() == 255
    assert np.array_equal(write("Ag", (255, 255, 255), (0, 0, 0)), 255 - write("Ag", (0, 0, 0), (255, 255, 255)))


# ---------------------------------------------------------------------- native side, options, snapshots


def test_the_native_side_can_do_every_task_and_the_state_tells_all() -> None:
    env = DeskEnv(obs_mode="state", action_mode="native")
    for task in ("train-01-00000", "train-08-00000", "dev-15-00001", "test-15-00002"):
        observation, info = env.reset(options={"task": task})
        terminated, seen = False, set()
        while not terminated:
            assert observation["state"].tobytes() not in seen, "each step shows"
            seen.add(observation["state"].tobytes())
            step = env.plan()[0]
            names = [element.name for element in env._desk.view.elements]
            texts = env.task.data.texts
            action = CLICKS + texts.index(step.argument) if step.verb == "type" else names.index(step.argument)
            observation, _, terminated, _, info = env.step(np.array(action))  # 0-d, as Stable-Baselines3 hands over
            assert info["action_valid"], info["error"]
        assert info["success"]
        values = observation["state"][-3 * len(FIELDS) :].reshape(3, -1)
        assert np.array_equal(values[0], values[1]), "what is wanted is set"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lengths": (0, 3)}, "lengths"),
        ({"lengths": (5, 4)}, "lengths"),
        ({"lengths": (3,)}, "lengths"),
        ({"obs_mode": "txt"}, "Did you mean 'text'"),
        ({"split": "tset"}, "Did you mean 'test'"),
        ({"width": 100}, "too small"),
        ({"render_mode": "human"}, "rgb_array"),
        ({"action_mode": "raw"}, "native"),
    ],
)
def test_options_are_checked(options: dict[str, object], words: str) -> None:
    with pytest.raises((ValueError, VlgymError), match=words):
        DeskEnv(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("snapshot", [b"", b"{}", b"[1]", b"\xff", b'{"task": "no"}'])
def test_other_bytes_are_no_snapshot(snapshot: bytes) -> None:
    env = DeskEnv()
    with pytest.raises(VlgymError, match="before reset"):
        env.snapshot()
    before = env.reset(seed=0)
    with pytest.raises(VlgymError, match="snapshot"):
        env.restore(snapshot)
    assert checks.same(env._observe(), before[0])


def test_a_snapshot_keeps_an_open_list_and_what_was_reached() -> None:
    env, other = DeskEnv(), DeskEnv()
    observation, info = env.reset(options={"task": "train-09-00001"})
    oracle = env.scripted_policy("oracle")
    while env._desk.awaits != "choice":
        observation, _, _, _, info = env.step(oracle(observation, info))
    shown, told = other.restore(env.snapshot())
    assert checks.same(shown, observation)
    assert told == info
    assert env.snapshot() == other.snapshot()


def test_render() -> None:
    env = DeskEnv(render_mode="rgb_array")
    assert env.render() is None
    env.reset(seed=0)
    assert env.render().shape == (256, 256, 3)  # type: ignore[union-attr]
    assert DeskEnv().render() is None
