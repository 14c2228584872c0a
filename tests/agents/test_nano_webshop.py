"""The shipped warm start on the environment it is for: exact there too, and neither helpless nor finished."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from vlgym_agents.policies.nano import NanoPolicy, load  # noqa: E402
from vlgym_agents.policy import Sampling  # noqa: E402
from vlgym_agents.pool import EnvSpec, make_pool  # noqa: E402
from vlgym_agents.rollout import Request, Rollout, collect  # noqa: E402
from vlgym_agents.types import Row, Trace  # noqa: E402

SAMPLING = Sampling(max_tokens=32)


@pytest.fixture(scope="module")
def policy() -> NanoPolicy:
    return load("nano", family="webshop")


@pytest.fixture(scope="module")
def traces(policy: NanoPolicy) -> list[Trace]:
    spec = EnvSpec("vlgym/WebShop-v0", {})
    with contextlib.closing(spec.make()) as env:
        tasks = list(env.unwrapped.tasks.ids("train"))[:40]
    requests = [Request(task, i, i, 0, (0, i)) for i, task in enumerate(tasks)]
    with contextlib.closing(make_pool(spec, 8, workers=0)) as pool:
        return collect(policy, pool, requests, Rollout(sampling=SAMPLING, batch=8))


def test_scorer_agrees_with_the_sampler_over_whole_episodes(policy: NanoPolicy, traces: list[Trace]) -> None:
    rows = [Row(tuple(u.chunk for u in t.turns), tuple(u.ids for u in t.turns), (True,) * len(t.turns)) for t in traces]
    sampled = np.concatenate([turn.logprobs for trace in traces for turn in trace.turns])
    assert len(sampled) > 1000
    with torch.no_grad():
        alone = np.concatenate([policy.score([row], SAMPLING).logprobs.numpy() for row in rows])
        together = np.concatenate([policy.score(rows[i : i + 5], SAMPLING).logprobs.numpy() for i in range(0, 40, 5)])
    assert np.abs(alone - sampled).max() <= 1e-5
    assert np.abs(together - sampled).max() <= 1e-5


def test_it_is_a_start_and_leaves_room(traces: list[Trace]) -> None:
    success = np.mean([trace.success for trace in traces])
    assert 0.1 < success < 0.75  # the random policy: 0.01, the oracle: 1
