"""nano on the desk: it can utter each action of the oracle, by text and by picture, and its warm start is a start."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import vlgym  # noqa: E402, F401
from vlgym_agents.imitate import demonstrations  # noqa: E402
from vlgym_agents.policies.nano import (  # noqa: E402
    NanoPolicy,
    fresh,
    grammar,
    load,
    shipped,
)
from vlgym_agents.policies.nano.session import points_of  # noqa: E402
from vlgym_agents.policies.nano.warmstart import Start, warm_start  # noqa: E402
from vlgym_agents.policy import Sampling  # noqa: E402
from vlgym_agents.pool import EnvSpec, make_pool  # noqa: E402
from vlgym_agents.rollout import Request, Rollout, collect  # noqa: E402
from vlgym_agents.types import Trace  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads cost a model of this size more than they bring."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def policy() -> NanoPolicy:
    return load("nano", family="desk")


@pytest.mark.parametrize("obs_mode", ["text", "image", "both"])
def test_it_can_say_whatever_the_oracle_says(policy: NanoPolicy, obs_mode: str) -> None:
    traces = demonstrations(
        "vlgym/DeskLong-v0", 12, 0, policy=policy, env_kwargs={"obs_mode": obs_mode}, split="dev", slots=4
    )
    assert len(traces) == 12, "each demonstration is kept: no action was beyond its grammar"


def test_its_taps_land_where_the_oracle_taps(policy: NanoPolicy) -> None:
    env = gymnasium.make("vlgym/DeskLong-v0", obs_mode="image").unwrapped
    for seed in range(12):
        observation, info = env.reset(seed=seed)
        oracle, chunks, ended = env.scripted_policy("oracle"), [], False
        while not ended:
            chunks.append(policy.encode(observation, info, first=not chunks))
            ids = policy.demonstrate(chunks, oracle(observation, info)).tolist()
            points = points_of(chunks[0].extra, chunks[-1].extra)
            said = grammar.spell(ids, points, policy.config.vocab_size, policy.tokenizer)
            observation, _, terminated, truncated, info = env.step(said)
            ended = terminated or truncated
        assert info["success"], f"seed {seed}: tapping the nearest cell missed"


def played(policy: NanoPolicy, env_id: str, episodes: int) -> list[Trace]:
    spec = EnvSpec(env_id, {})
    with contextlib.closing(spec.make()) as env:
        tasks = list(env.unwrapped.tasks.ids("dev"))[:episodes]
    requests = [Request(task, i, i, 0, (0, i)) for i, task in enumerate(tasks)]
    with contextlib.closing(make_pool(spec, 32, workers=0)) as pool:
        return collect(policy, pool, requests, Rollout(sampling=Sampling(max_tokens=32), batch=32))


def test_the_warm_start_leaves_room_at_every_length_and_screens_are_short(policy: NanoPolicy) -> None:
    assert shipped("desk") == shipped("desk-long")
    assert shipped("desk").name == "nano-desk"
    success = []
    for name, count in (("Short", 32), ("Medium", 64), ("Long", 32)):
        traces = played(policy, f"vlgym/Desk{name}-v0", count)
        success.append(np.mean([trace.success for trace in traces]))
        assert max(len(turn.chunk.ids) for trace in traces for turn in trace.turns) <= 80
        assert max(len(turn.chunk.ids) for trace in traces for turn in trace.turns[1:]) <= 16
    assert 0.4 < success[0] < 0.98
    assert 0.02 < success[1] < 0.35
    assert success[2] < 0.1


def test_a_policy_without_weights_learns_from_the_oracle() -> None:
    policy = fresh(seed=0)
    figures = warm_start(policy, Start("vlgym/DeskShort-v0", demos=24, epochs=6))
    assert figures["demonstrations"] == 24
    assert figures["loss"] < 0.8 * figures["loss_first"]
