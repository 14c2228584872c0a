"""The shipped warm starts in the environments they are for: exact there too, and neither helpless nor finished."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from vlgym_agents.options import resolve  # noqa: E402
from vlgym_agents.policies.nano import NanoPolicy, load, shipped, wishes  # noqa: E402
from vlgym_agents.policy import Sampling  # noqa: E402
from vlgym_agents.pool import EnvSpec, make_pool  # noqa: E402
from vlgym_agents.rollout import Request, Rollout, collect  # noqa: E402
from vlgym_agents.types import Row, Trace  # noqa: E402

SAMPLING = Sampling(max_tokens=32)
STARTS = {
    "nano-webshop": ("webshop", "vlgym/WebShop-v0", "rapidfuzz"),
    "nano-android": ("android", "vlgym/Android-v0", "skia"),
    "nano-android-pixels": ("android", "vlgym/Android-v0", "skia"),
}
"""Weights -> (family, environment, what it needs)."""


@pytest.fixture(scope="module", params=STARTS)
def start(request: Any) -> tuple[NanoPolicy, list[Trace]]:
    """A warm start and episodes of it on tasks of the training split."""
    family, env_id, needs = STARTS[request.param]
    pytest.importorskip(needs)
    policy, wanted = load(request.param), wishes(request.param, family)
    kwargs = {name.removeprefix("env."): value for name, value in wanted.items() if name.startswith("env.")}
    spec = EnvSpec(env_id, kwargs)
    with contextlib.closing(spec.make()) as env:
        ids = list(env.unwrapped.tasks.ids("train"))
    chosen = np.random.default_rng(0).choice(len(ids), 40, replace=False)
    requests = [Request(ids[task], i, i, 0, (0, i)) for i, task in enumerate(chosen)]
    how = Rollout(sampling=SAMPLING, batch=8, window=wanted.get("rollout.window", 0))
    with contextlib.closing(make_pool(spec, 8, workers=0)) as pool:
        return policy, collect(policy, pool, requests, how)


def rows_of(trace: Trace) -> list[Row]:
    """Return what a start saw at a time: the whole episode, or each turn alone if every turn opens with the goal."""
    if all(turn.chunk.extra["n_words"] for turn in trace.turns):
        return [Row((turn.chunk,), (turn.ids,), (True,)) for turn in trace.turns]
    return [Row(tuple(u.chunk for u in trace.turns), tuple(u.ids for u in trace.turns), (True,) * len(trace.turns))]


def test_scorer_agrees_with_the_sampler_over_whole_episodes(start: Any) -> None:
    policy, traces = start
    rows = [row for trace in traces for row in rows_of(trace)]
    sampled = np.concatenate([turn.logprobs for trace in traces for turn in trace.turns])
    assert len(sampled) > 200
    with torch.no_grad():
        alone = np.concatenate([policy.score([row], SAMPLING).logprobs.numpy() for row in rows])
        by_five = [policy.score(rows[i : i + 5], SAMPLING).logprobs.numpy() for i in range(0, len(rows), 5)]
    assert np.abs(alone - sampled).max() <= 1e-5
    assert np.abs(np.concatenate(by_five) - sampled).max() <= 1e-5


def test_it_is_a_start_and_leaves_room(start: Any) -> None:
    success = np.mean([trace.success for trace in start[1]])
    assert 0.1 < success < 0.75  # the random policy: 0.01, the oracle: 1


def test_a_start_says_what_it_was_begun_on() -> None:
    asked = resolve([("flag", {"run.env": "android", "run.algo": "arpo", "env.max_steps": "12"})])
    assert (asked.env["plain"], asked.env["lengths"], asked.env["max_steps"]) == (True, [1, 4], 12)
    assert (asked.sources["env.plain"], asked.sources["env.max_steps"]) == ("model preset", "flag")
    assert asked.algo.tasks == wishes("nano", "android")["algo.tasks"]
    assert wishes("nano-android", "android-clock") == wishes("nano", "android")
    assert wishes(str(shipped("android")), "android") == wishes("nano", "android")
    for other in ("desk", "webshop", ""):
        assert wishes("nano", other) == {}
        assert other == "" or wishes("nano-android", other) == {}
    assert resolve([("flag", {"run.env": "android", "run.algo": "grpo"})]).env["plain"] is True


def test_a_thin_picture_keeps_a_cell_of_every_word() -> None:
    from PIL import Image, ImageDraw, ImageFont

    picture, font = Image.new("RGB", (320, 800), "white"), ImageFont.load_default(14)
    pen, boxes = ImageDraw.Draw(picture), []
    for row in range(20):
        for column in range(2):
            place = (8 + 150 * column, 9 + 37 * row)
            pen.text(place, "Bluetooth", fill="black", font=font)
            boxes.append(pen.textbbox(place, "Bluetooth", font=font))
    whole = load("nano", max_cells=500, grid_rows=100)
    thin = load("nano", max_cells=500, grid_rows=100, thin=True)
    seen = [
        policy.encode({"instruction": "", "image": np.asarray(picture)}, {}, first=True) for policy in (whole, thin)
    ]
    assert seen[1].images[0].shape == (800, 320, 3)  # not scaled down
    cells = [{(int(i) % 20, int(i) // 20) for i in chunk.extra["cells"]} for chunk in seen]
    assert cells[1] < cells[0]
    assert len(cells[1]) < len(cells[0]) / 2
    assert not any((x, y + 1) in cells[1] or (x + 1 - 2 * (x % 2), y) in cells[1] for x, y in cells[1])
    for left, top, right, bottom in boxes:
        assert any(left < 16 * x + 16 and 16 * x < right and top < 8 * y + 8 and 8 * y < bottom for x, y in cells[1])


def test_rows_of_cells_beyond_those_known_are_added() -> None:
    known, more = load("nano"), load("nano", grid_rows=100)
    rows = known.core.vision.row.weight.shape[0]
    assert torch.equal(more.core.vision.row.weight[:rows], known.core.vision.row.weight)
    assert torch.equal(more.core.vision.row.weight, load("nano", grid_rows=100).core.vision.row.weight)
    assert len(more.core.vision.row.weight) == 100


def test_a_tap_is_said_as_the_next_cell_in_pixels() -> None:
    image = np.full((800, 160, 3), 255, np.uint8)
    image[240:248:2, 0:16] = 0  # beside the point, far in fractions of the width
    image[320:328:2, 64:80] = 0  # below it, near in fractions of the height
    policy = load("nano", grid_rows=100)
    chunk = policy.encode({"instruction": "", "image": image}, {"available_actions": ("tap(<x>, <y>)",)}, first=True)
    said = policy.demonstrate((chunk,), "tap(0.45, 0.305)")
    assert chunk.extra["points"][int(said[1]) - policy.config.vocab_size] == "0.050, 0.305"
