"""From traces to optimiser batches to micro-batches of whole rows. No text, no padding, no tokeniser.

Legend: N trained tokens of a batch, T trained actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vlgym_agents.rollout import context
from vlgym_agents.types import Batch, Floats, Ids, Row, Trace, Turn

_NO_IDS = np.empty(0, np.int32)


def trace_rows(trace: Trace, window: int) -> list[tuple[Row, list[int]]]:
    """Return the training sequences of a trace, each with the turns its trained actions belong to.

    Args:
        trace: an episode with at least one turn.
        window: turns the policy saw; 0: all, and the whole episode is one row. Otherwise every turn is a row of its
            own, with exactly the context it was sampled in, and only its own tokens are trained.
    """
    turns = trace.turns
    if not window:
        row = Row(tuple(t.chunk for t in turns), tuple(t.ids for t in turns), (True,) * len(turns))
        return [(row, list(range(len(turns))))]
    return [(_windowed(turns[: k + 1], window), [k]) for k in range(len(turns))]


def _windowed(turns: Sequence[Turn], window: int) -> Row:
    chunks, actions = context(turns[:-1], min(window, len(turns)) - 1)
    return Row((*chunks, turns[-1].chunk), (*actions, turns[-1].ids), (False,) * len(actions) + (True,))


def make_batch(traces: Sequence[Trace], window: int) -> Batch:
    """Return the flat view of traces, with zero advantages and weights for others to fill in.

    Raises:
        ValueError: a trace without sampled tokens, or one whose environment failed: neither may reach the loss.
    """
    rows: list[Row] = []
    trace_of: list[NDArray[np.int32]] = []
    turn_of: list[NDArray[np.int32]] = []
    row_of: list[NDArray[np.int32]] = []
    old: list[Floats] = []
    for i, trace in enumerate(traces):
        if trace.env_error or not trace.n_tokens:
            raise ValueError(
                f"Episode {trace.task!r} (seed {trace.seed}) has no tokens to learn from: {trace.env_error or 'empty'}."
            )
        for row, turns in trace_rows(trace, window):
            for k in turns:
                n = len(trace.turns[k].ids)
                trace_of.append(np.full(n, i, np.int32))
                turn_of.append(np.full(n, k, np.int32))
                row_of.append(np.full(n, len(rows), np.int32))
                old.append(trace.turns[k].logprobs)
            rows.append(row)
    n = sum(len(part) for part in old)
    trace_ids, turn_ids, row_ids = (np.concatenate([_NO_IDS, *parts]) for parts in (trace_of, turn_of, row_of))
    old_logprobs: Floats = np.concatenate([np.empty(0, np.float32), *old]).astype(np.float32)
    return Batch(rows, trace_ids, turn_ids, row_ids, np.zeros(n, np.float32), old_logprobs, np.zeros(n, np.float32))


def take(batch: Batch, rows: Sequence[int]) -> tuple[Batch, NDArray[np.int64]]:
    """Return the batch of some rows, in the order given, and the positions of its tokens in `batch`."""
    starts = np.searchsorted(batch.row, np.arange(len(batch.rows) + 1))
    parts = [np.arange(starts[r], starts[r + 1]) for r in rows]
    index = np.concatenate(parts) if parts else np.empty(0, np.int64)
    renumbered: Ids = np.repeat(np.arange(len(rows), dtype=np.int32), [len(part) for part in parts])
    part = Batch(
        [batch.rows[r] for r in rows],
        batch.trace[index],
        batch.turn[index],
        renumbered,
        batch.advantages[index],
        batch.old_logprobs[index],
        batch.weights[index],
    )
    return part, index


def action_heads(batch: Batch) -> NDArray[np.int64]:
    """Return int64 [T]: the first token of each trained action, in order (a row and a turn name an action)."""
    if not len(batch.row):
        return np.empty(0, np.int64)
    fresh = np.ones(len(batch.row), bool)
    fresh[1:] = (np.diff(batch.row) != 0) | (np.diff(batch.turn) != 0)
    return np.flatnonzero(fresh)


def micro_batches(rows: Sequence[Row], budget: int, skip: Sequence[int] = ()) -> list[list[int]]:
    """Group rows of similar length so that rows times longest length stays within `budget` tokens; long rows go alone.

    Deterministic: longest first, ties by position.
    """
    left_out = set(skip)
    order = sorted((i for i in range(len(rows)) if i not in left_out), key=lambda i: (-rows[i].length, i))
    parts: list[list[int]] = []
    for i in order:
        if parts and (len(parts[-1]) + 1) * rows[parts[-1][0]].length <= budget:
            parts[-1].append(i)
        else:
            parts.append([i])
    return parts


def with_weights(batch: Batch, advantages: Floats, weights: Floats) -> Batch:
    """Return the batch with its advantages and weights filled in; checks shapes and finiteness."""
    for name, values in (("advantages", advantages), ("weights", weights)):
        if values.shape != batch.old_logprobs.shape or not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, one per token ({len(batch.old_logprobs)}), got {values.shape}.")
    return replace(batch, advantages=advantages.astype(np.float32), weights=weights.astype(np.float32))
