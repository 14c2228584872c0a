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
def start(request: Any) -> tuple[NanoPolicy, list[Trace], dict[str, Any]]:
    """A warm start, episodes of it on tasks of the training split, and its wishes."""
    family, env_id, needs = STARTS[request.param]
    pytest.importorskip(needs)
    policy, wanted = load(request.param), wishes(request.param, family)
    kwargs = {name.removeprefix("env."): value for name, value in wanted.items() if name.startswith("env.")}
    spec = EnvSpec(env_id, kwargs)
    count = 16 if kwargs.get("obs_mode") == "image" else 40
    with contextlib.closing(spec.make()) as env:
        ids = list(env.unwrapped.tasks.ids("train"))
    chosen = np.random.default_rng(0).choice(len(ids), count, replace=False)
    requests = [Request(ids[task], i, i, 0, (0, i)) for i, task in enumerate(chosen)]
    rollout = Rollout(sampling=SAMPLING, batch=8, window=wanted.get("rollout.window", 0))
    with contextlib.closing(make_pool(spec, 8, workers=0)) as pool:
        return policy, collect(policy, pool, requests, rollout), wanted


def rows_of(trace: Trace, window: int) -> list[Row]:
    """Return what is scored of an episode: one row, or one a turn where the policy sees but one."""
    if window:
        return [Row((turn.chunk,), (turn.ids,), (True,)) for turn in trace.turns]
    return [Row(tuple(t.chunk for t in trace.turns), tuple(t.ids for t in trace.turns), (True,) * len(trace.turns))]


def test_scorer_agrees_with_the_sampler_over_whole_episodes(start: Any) -> None:
    policy, traces, wanted = start
    rows = [row for trace in traces for row in rows_of(trace, wanted.get("rollout.window", 0))]
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
