"""Collecting: continuous batch, independence of neighbours and workers, windows, accidents, format failures."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from toy_policy import ToyPolicy
from toy_run import BANDIT, TWO_TURNS

from vlgym_agents.batch import make_batch
from vlgym_agents.policy import Sampling
from vlgym_agents.pool import EnvSpec, ProcessPool, ThreadPool, make_pool
from vlgym_agents.rollout import Request, Rollout, RolloutError, collect, generator, light

SAMPLING = Sampling(max_tokens=3)


@pytest.fixture(scope="module")
def policy():
    torch.manual_seed(1)
    return ToyPolicy()


def requests(n: int, size: int = 2, **kwargs):
    return [Request(f"t{g}", 10 + g, g, m, (7, g, m), **kwargs) for g in range(n) for m in range(size)]


def gather(policy, spec, wanted, *, slots=4, workers=0, **rollout):
    with contextlib.closing(make_pool(spec, slots, workers=workers)) as pool:
        return collect(policy, pool, wanted, Rollout(**{"sampling": SAMPLING, "batch": slots, **rollout}))


def words(traces):
    return [[(t.ids.tolist(), t.logprobs.tolist(), t.action, t.reward) for t in trace.turns] for trace in traces]


def test_order_and_contents(policy):
    traces = gather(policy, EnvSpec(TWO_TURNS), requests(6), version=9)
    assert [(t.task, t.seed, t.group, t.member) for t in traces] == [
        (r.task, r.seed, r.group, r.member) for r in requests(6)
    ]
    assert all(trace.turns[-1].terminated or trace.turns[-1].truncated for trace in traces)
    assert all(trace.version == 9 and trace.instruction == "pick well" for trace in traces)
    assert {len(trace.turns) for trace in traces} <= {2, 3}
    first_pages = {trace.seed: bytes(trace.turns[0].chunk.ids) for trace in traces}
    assert all(
        bytes(trace.turns[0].chunk.ids) == first_pages[trace.seed] for trace in traces
    )  # a group shares its start


@pytest.mark.parametrize(("slots", "workers"), [(1, 0), (3, 0), (12, 0), (4, 1), (4, 3)])
def test_same_episodes_whatever_batch_and_workers(policy, slots, workers):
    spec = EnvSpec(TWO_TURNS)
    assert words(gather(policy, spec, requests(5), slots=slots, workers=workers)) == words(
        gather(policy, spec, requests(5))
    )


def test_randomness_is_the_episode_s_own(policy):
    """Leaving out other episodes changes nothing; another key does."""
    whole = words(gather(policy, EnvSpec(TWO_TURNS), requests(4)))
    assert words(gather(policy, EnvSpec(TWO_TURNS), requests(4)[3:5])) == whole[3:5]
    other = [Request("t1", 11, 1, 0, (8, 1, 0))]
    assert words(gather(policy, EnvSpec(TWO_TURNS), other)) != whole[2:3]
    assert generator(1, 2).random() == generator(1, 2).random() != generator(1, 3).random()


def test_a_finished_episode_is_replaced_at_once(policy):
    """With two slots and four one-turn episodes, each round samples both."""
    sizes = []

    class Counting(ToyPolicy):
        def session(self, slots):
            session = super().session(slots)
            act = session.act
            session.act = lambda slots, *rest: sizes.append(len(slots)) or act(slots, *rest)
            return session

    gather(Counting(), EnvSpec(BANDIT), requests(4, 1), slots=2)
    assert sizes == [2, 2]


@pytest.mark.parametrize("window", [0, 1, 2, 3])
def test_trained_logprobs_are_the_sampled_ones(policy, window):
    """Under any window the trainer scores each token in the context it was sampled in."""
    traces = gather(policy, EnvSpec(TWO_TURNS), requests(6), window=window)
    batch = make_batch(traces, window)
    scores = policy.score(batch.rows, SAMPLING)
    assert np.abs(scores.logprobs.detach().numpy() - batch.old_logprobs).max() < 1e-5
    assert len(batch.rows) == (len(traces) if window == 0 else sum(len(t.turns) for t in traces))
    sampled = [value for trace in traces for turn in trace.turns for value in turn.values]
    assert scores.values.detach().numpy() == pytest.approx(sampled, abs=1e-5)


def test_window_hides_the_past(policy):
    traces = gather(policy, EnvSpec(TWO_TURNS), requests(3), window=1)
    batch = make_batch(traces, 1)
    assert all(len(row.chunks) == 1 and row.trained == (True,) for row in batch.rows)
    two = make_batch(gather(policy, EnvSpec(TWO_TURNS), requests(3), window=2), 2)
    assert all(row.trained[:-1] == (False,) * (len(row.chunks) - 1) and len(row.chunks) <= 2 for row in two.rows)
    opening = "pick well|"
    assert all(bytes((row.chunks[0].ids - 16).astype(np.uint8)).decode().startswith(opening) for row in two.rows)


def test_window_needs_a_session_that_can_reread(policy):
    class Forgetful(ToyPolicy):
        def session(self, slots):
            inner = super().session(slots)

            class Bare:
                act, free = inner.act, inner.free

            return Bare()

    with pytest.raises(RolloutError, match=r"set rollout\.window to 0 or 1"):
        gather(Forgetful(), EnvSpec(TWO_TURNS), requests(1), window=2)
    assert gather(Forgetful(), EnvSpec(TWO_TURNS), requests(1), window=1)


def test_turn_limit(policy):
    traces = gather(policy, EnvSpec(TWO_TURNS), requests(4), max_turns=1)
    assert all(len(trace.turns) == 1 and trace.turns[0].truncated and not trace.turns[0].terminated for trace in traces)


class Mute(ToyPolicy):
    """Ends every response at once, so no action can be read."""

    def session(self, slots):
        with torch.no_grad():
            self.module.head.bias[8] = 100.0
        return super().session(slots)


@pytest.mark.parametrize("end", [True, False])
def test_unparsable_responses(end):
    traces = gather(Mute(), EnvSpec(TWO_TURNS), requests(2), end_unparsable=end)
    for trace in traces:
        assert len(trace.turns) == (1 if end else 3)  # the environment's own limit
        assert trace.turns[-1].truncated
        assert not trace.turns[0].action
        assert not trace.turns[0].info["action_valid"]
        assert trace.turns[0].info["error"]


def test_accident_is_retried_with_the_same_randomness(policy, tmp_path):
    fuse = tmp_path / "fuse"
    clean = gather(policy, EnvSpec(TWO_TURNS), requests(4))
    fuse.touch()
    spec = EnvSpec(TWO_TURNS, {"accident": "backend", "fuse": str(fuse)})
    traces = gather(policy, spec, requests(4))
    lost = [trace for trace in traces if trace.env_error]
    assert len(lost) == 1
    assert "the toy broke" in lost[0].env_error
    assert words(trace for trace in traces if not trace.env_error) == words(clean)
    with pytest.raises(ValueError, match="no tokens to learn from"):
        make_batch(lost, 0)


def test_killed_worker_costs_the_episodes_in_flight(policy, tmp_path):
    fuse = tmp_path / "fuse"
    clean = gather(policy, EnvSpec(TWO_TURNS), requests(6))
    fuse.touch()
    spec = EnvSpec(TWO_TURNS, {"accident": "kill", "fuse": str(fuse)})
    with contextlib.closing(ProcessPool(spec, 4, workers=2)) as pool:
        traces = collect(policy, pool, requests(6), Rollout(SAMPLING, batch=4))
        assert pool.restarts == 1
    lost = [trace for trace in traces if trace.env_error]
    assert 1 <= len(lost) <= 2
    assert all("died" in trace.env_error for trace in lost)
    assert words(trace for trace in traces if not trace.env_error) == words(clean)


def test_a_world_that_always_fails_is_one_sentence(policy):
    with pytest.raises(RolloutError, match=r"Every episode failed; the first said: .*nonsense"):
        gather(policy, EnvSpec(BANDIT, {"nonsense": 1}), requests(2))


def test_observations_are_kept_only_on_request(policy):
    wanted = [*requests(1, record=True), *requests(2)[2:]]
    traces = gather(policy, EnvSpec(TWO_TURNS, {"image": True}), wanted)
    kept = [trace.turns[0].observation is not None for trace in traces]
    assert kept == [True, True, False, False]
    pictures = [turn.observation["image"] for turn in traces[0].turns]
    assert not np.array_equal(pictures[0], pictures[1])  # no turn aliases another's array


def test_light_info():
    info = {
        "a": np.float32(1),
        "available_actions": ("x",) * 1000,
        "text": "y" * 9999,
        "deep": {"b": 1, "c": object()},
        "z": object(),
    }
    assert light(info) == {"a": 1.0, "text": "y" * 2000, "deep": {"b": 1}}


def test_pools_survive_a_collection(policy):
    with contextlib.closing(ThreadPool(EnvSpec(BANDIT), 2)) as pool:
        one = collect(policy, pool, requests(3), Rollout(SAMPLING))
        assert words(collect(policy, pool, requests(3), Rollout(SAMPLING))) == words(one)
