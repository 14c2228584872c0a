"""Batches: rows and masks by provenance, splitting and order leave the gradient unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_policy import END, ToyPolicy

from vlgym.core.tasks import Task, TaskSet
from vlgym_agents import registry
from vlgym_agents.advantages import to_tokens
from vlgym_agents.batch import action_heads, make_batch, micro_batches, take, trace_rows, with_weights
from vlgym_agents.learn import Learner
from vlgym_agents.options import OptimOptions
from vlgym_agents.policy import Sampling
from vlgym_agents.recipe import Credit, Setting
from vlgym_agents.types import Chunk, Row, Trace, Turn

SAMPLING = Sampling(max_tokens=3)


def made_up(seed: int = 0, n: int = 6) -> list[Trace]:
    """Traces of 1 to 4 turns with plausible tokens and arbitrary old log-probs."""
    rng = np.random.default_rng(seed)
    traces = []
    for i in range(n):
        trace = Trace("t", 0, i // 3, i % 3)
        for _ in range(rng.integers(1, 5)):
            chunk = Chunk(rng.integers(16, 100, rng.integers(1, 6)).astype(np.int32))
            ids = rng.integers(0, END, rng.integers(1, 4)).astype(np.int32)
            turn = Turn(chunk, ids, rng.normal(-2, 0.4, len(ids)).astype(np.float32), "", "x")
            turn.opening = Chunk(np.concatenate([[16], chunk.ids]).astype(np.int32))
            trace.turns.append(turn)
        trace.ret = float(rng.normal())
        traces.append(trace)
    return traces


def test_one_row_of_the_whole_episode():
    trace = made_up()[0]
    ((row, turns),) = trace_rows(trace, 0)
    assert turns == list(range(len(trace.turns)))
    assert row.chunks == tuple(turn.chunk for turn in trace.turns)
    assert all(row.trained)
    assert row.n_trained == trace.n_tokens


@pytest.mark.parametrize("window", [1, 2, 3])
def test_windowed_rows(window):
    trace = next(t for t in made_up(n=20) if len(t.turns) == 4)
    rows = trace_rows(trace, window)
    assert [turns for _, turns in rows] == [[0], [1], [2], [3]]
    for k, (row, _) in enumerate(rows):
        first = max(0, k - window + 1)
        assert len(row.chunks) == k - first + 1
        assert row.trained == (False,) * (k - first) + (True,)
        assert [list(ids) for ids in row.actions] == [list(t.ids) for t in trace.turns[first : k + 1]]
        assert row.chunks[-1] is trace.turns[k].chunk
        assert k == first or row.chunks[0] is trace.turns[first].opening
    assert sum(row.n_trained for row, _ in rows) == trace.n_tokens


def test_flat_arrays_line_up():
    traces = made_up()
    for window in (0, 1, 2):
        batch = make_batch(traces, window)
        expected = [(i, k, lp) for i, t in enumerate(traces) for k, turn in enumerate(t.turns) for lp in turn.logprobs]
        assert list(zip(batch.trace, batch.turn, batch.old_logprobs)) == expected
        assert len(action_heads(batch)) == sum(len(t.turns) for t in traces)
        assert batch.row.max() == len(batch.rows) - 1


def test_take_keeps_tokens_with_their_rows():
    batch = make_batch(made_up(), 1)
    part, index = take(batch, [3, 0])
    assert part.rows == [batch.rows[3], batch.rows[0]]
    assert np.array_equal(part.old_logprobs, batch.old_logprobs[index])
    assert np.array_equal(batch.row[index], np.repeat([3, 0], [batch.rows[3].n_trained, batch.rows[0].n_trained]))


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 120))
@settings(max_examples=60, deadline=None)
def test_micro_batches_partition_within_the_budget(lengths, budget):
    rows = [Row((Chunk(np.zeros(n - 1, np.int32)),), (np.zeros(1, np.int32),), (True,)) for n in lengths]
    parts = micro_batches(rows, budget)
    assert sorted(i for part in parts for i in part) == list(range(len(rows)))
    assert all(len(part) == 1 or len(part) * max(lengths[i] for i in part) <= budget for part in parts)


def test_bad_weights_are_refused():
    batch = make_batch(made_up(), 0)
    good = np.ones(len(batch.row), np.float32)
    with pytest.raises(ValueError, match="weights must be finite"):
        with_weights(batch, good, good * np.nan)
    with pytest.raises(ValueError, match="advantages must be finite, one per token"):
        with_weights(batch, good[1:], good)


def test_turn_level_advantages_reach_their_tokens():
    traces = made_up()[:1]
    batch = make_batch(traces, 0)
    spread = to_tokens([np.arange(len(traces[0].turns), dtype=np.float32)], batch.trace, batch.turn)
    assert np.array_equal(spread, batch.turn.astype(np.float32))


# ---------------------------------------------------------------------- gradients through the learner


def learner(policy, window=0, algo="grpo", steps=1, options=None, **optim):
    """Return a learner of a method with some of its options."""
    recipe = registry.recipe(algo)
    tasks = TaskSet({"train": ["t"]}, lambda name: Task(name, "", "train", 1.0))
    parts = recipe.build(recipe.options(**(options or {})), Setting(tasks, "train", policy, SAMPLING))
    return Learner(policy, parts, OptimOptions(**optim), sampling=SAMPLING, window=window, steps=steps)


def update(made, groups):
    """Take one update on groups of traces."""
    traces = [trace for group in groups for trace in group]
    return made.update(traces, made.parts.credit(groups), 1, np.random.default_rng(0))


def gradient(traces, *, window=0, micro=10**9, **options):
    """Return (gradient, metrics) of one optimiser batch; the optimiser does not move."""
    torch.manual_seed(0)
    policy = ToyPolicy()
    groups: dict[int, list[Trace]] = {}
    for trace in traces:
        groups.setdefault(trace.group, []).append(trace)
    made = learner(policy, window, options=options, lr=0.0, clip_norm=0.0, micro_tokens=micro)
    metrics = update(made, list(groups.values()))
    return torch.cat([p.grad.flatten() for p in policy.module.parameters() if p.grad is not None]), metrics


VARIANTS = [
    {},
    {"aggregation": "sequence_mean"},
    {"aggregation": "turn_mean"},
    {"aggregation": "constant", "constant_length": 10},
    {"kl_coef": 0.1},
    {"kl_coef": 0.1, "kl": "k2", "norm": "rloo"},
    {"ratio": "sequence"},
    {"ratio": "cispo", "dual_clip": 0.0},
    {"importance_cap": 2.0},
]


@pytest.mark.parametrize("window", [0, 2])
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_gradient_does_not_depend_on_the_split(options, window):
    whole, metrics = gradient(made_up(), window=window, **options)
    assert whole.abs().max() > 1e-4
    for micro in (1, 30, 70):
        split, other = gradient(made_up(), window=window, micro=micro, **options)
        assert torch.allclose(whole, split, atol=1e-6)
        assert other["loss"] == pytest.approx(metrics["loss"], abs=1e-6)
        assert other["clip_high"] == pytest.approx(metrics["clip_high"], abs=1e-6)
        assert other["entropy"] == pytest.approx(metrics["entropy"], abs=1e-5)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_gradient_does_not_depend_on_the_order(options):
    traces = made_up()
    whole, _ = gradient(traces, **options)
    reordered, _ = gradient(traces[3:] + traces[:3][::-1], **options)
    assert torch.allclose(whole, reordered, atol=1e-6)


def test_observation_tokens_get_no_loss():
    """The loss is that of the sampled tokens alone: hand-computed from the scores of the rows."""
    traces = made_up()
    _, metrics = gradient(traces, dual_clip=0.0, clip_low=1.0, clip_high=1e9, norm="mean")
    torch.manual_seed(0)
    policy = ToyPolicy()
    batch = make_batch(traces, 0)
    lp = policy.score(batch.rows, SAMPLING).logprobs.detach().numpy()
    mean = {g: np.mean([t.ret for t in traces if t.group == g]) for g in (0, 1)}
    advantage = np.array([traces[i].ret - mean[traces[i].group] for i in batch.trace])
    expected = -(np.exp(lp - batch.old_logprobs) * advantage).mean()
    assert metrics["loss"] == pytest.approx(expected, abs=1e-5)


def test_rows_without_advantage_cost_nothing_and_count_in_the_denominator():
    traces = made_up()
    for trace in traces[3:]:
        trace.ret = 1.0  # the second group has no variance
    calls = []

    class Counting(ToyPolicy):
        def score(self, rows, sampling):
            calls.append(len(rows))
            return super().score(rows, sampling)

    both, _ = gradient(traces)
    alone, _ = gradient(traces[:3])
    tokens = [sum(t.n_tokens for t in part) for part in (traces, traces[:3])]
    assert torch.allclose(both * tokens[0], alone * tokens[1], atol=1e-5)
    update(learner(Counting()), [traces[:3], traces[3:]])
    assert sum(calls) == 3


def test_no_advantage_no_movement():
    traces = made_up()
    policy = ToyPolicy()
    before = {k: v.clone() for k, v in policy.module.state_dict().items()}
    metrics = learner(policy, lr=0.1).update(traces, Credit([0.0] * len(traces)), 1, np.random.default_rng(0))
    assert metrics["grad_norm"] == 0.0
    assert metrics["trained_tokens"] == 0.0
    assert all(torch.equal(before[k], v) for k, v in policy.module.state_dict().items())


@pytest.mark.parametrize("minibatches", [1, 2, 4])
def test_minibatches_cover_every_trace_once(minibatches):
    traces = made_up()
    made = learner(ToyPolicy(), 1, epochs=2, minibatches=minibatches)
    batch = make_batch(traces, 1)
    shares = made._minibatches(batch, len(traces), np.random.default_rng(0))
    assert sorted(row for share in shares for row in share) == list(range(len(batch.rows)))
    of_row = batch.trace[np.searchsorted(batch.row, np.arange(len(batch.rows)))]
    owners = [set(of_row[share]) for share in shares]
    assert sum(map(len, owners)) == len(traces)
    metrics = made.update(traces, Credit([1.0] * len(traces)), 1, np.random.default_rng(0))
    assert metrics["optimiser_steps"] == 2 * minibatches


def test_schedule():
    made = learner(ToyPolicy(), steps=4, lr=1.0, warmup=2, schedule="linear")
    assert [made.lr(step) for step in (1, 2, 3, 4)] == [0.5, 0.75, 0.5, 0.25]
