"""Where things stand in a sequence of ids: who sees whom, at which position, and what each turn can point at.

A sequence is chunk, action, chunk, action, ...; a chunk is piece ids closed by `<act>`, everything else is an action.
Pieces of a chunk see the whole chunk and all before it; action tokens see what is before them (prefix-LM).

Legend: B sequences of L ids, Q turns in all sequences, K pointers of a turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlgym_agents.policies.nano.tokenizer import ACT, BUTTON, CELL, CLICKED, PAD, WORD

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Attributes:
    pieces: int64 [n], flat places b * L + i of the pieces, in order.
    positions: int64 [B, L], RoPE positions; the cells of an image share one.
    end: int64 [B, L], the last place each place sees.
    turn: int64 [B, L], turn (row of `candidates`) that a token after this place belongs to, -1 before the first.
    candidates: int64 [Q, K], flat places a turn can point at, padded with 0; counts: int64 [Q].
    acts: int64 [Q], flat place of the `<act>` of each turn.
    """

    pieces: Ints
    positions: Ints
    end: Ints
    turn: Ints
    candidates: Ints
    counts: Ints
    acts: Ints


def places(ids: Ints, start: int = 0) -> Ints:
    """Return RoPE positions int64 [L] of ids that follow `start` earlier positions."""
    step = np.ones(len(ids), np.int64)
    step[1:][(ids[1:] == CELL) & (ids[:-1] == CELL)] = 0
    step[ids == PAD] = 0
    return start + np.cumsum(step) - 1


def pointed(kinds: Ints) -> tuple[Ints, Ints]:
    """Return the places of a chunk that can be pointed at: (instruction words, elements then cells)."""
    elements = np.flatnonzero((kinds == BUTTON) | (kinds == CLICKED))
    return np.flatnonzero(kinds == WORD), np.concatenate([elements, np.flatnonzero(kinds == CELL)])


def lay_out(ids: Ints) -> Layout:
    """Return the layout of int64 [B, L] ids (0 pads, on either side)."""
    count, length = ids.shape
    piece = (ids > PAD) & (ids <= ACT)
    end = np.tile(np.arange(length), (count, 1))
    positions = np.zeros_like(ids)
    turn = np.full_like(ids, -1)
    lists: list[Ints] = []
    acts: list[int] = []
    for b in range(count):
        row, stops, start = ids[b], np.flatnonzero(ids[b] == ACT), 0
        positions[b] = places(row)
        words = np.zeros(0, np.int64)
        for t, stop in enumerate(stops.tolist()):
            inside = np.flatnonzero(piece[b, start : stop + 1]) + start
            end[b, inside] = stop
            word, rest = pointed(row[inside])
            words = inside[word] if t == 0 else words
            lists.append(b * length + np.concatenate([words, inside[rest]]))
            turn[b, stop:] = len(acts)
            acts.append(b * length + stop)
            start = stop + 1
    counts = np.array([len(part) for part in lists], np.int64)
    candidates = np.zeros((len(lists), max([1, *counts.tolist()])), np.int64)
    for q, part in enumerate(lists):
        candidates[q, : len(part)] = part
    pieces = np.flatnonzero(piece.reshape(-1))
    return Layout(pieces, positions, end, turn, candidates, counts, np.array(acts, np.int64))
