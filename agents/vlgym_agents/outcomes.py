"""Small outcome classifiers on hashed features of what the policy read: critics that cost no pass of the policy.

Legend: n states, D features of a state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym_agents.types import Chunk, Floats

BUCKETS = 512
"""Hash buckets of the tokens of one chunk."""
CELLS = 16
"""Rows and columns of grey values that stand for an image."""
WIDTH = 2 * BUCKETS + CELLS * CELLS
"""D."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


def features(opening: Chunk, chunk: Chunk) -> Floats:
    """Return float32 [D] of a state: the chunk that opened the context (it holds the goal) and the present one.

    Tokens are a bag of hashed ids and pairs of ids, with every row of the policy's token tables (two-dimensional
    integer arrays in `Chunk.extra`) as a word of its own; counts enter as log(1 + count). Images are CELLS x CELLS grey
    means in [0, 1]. Any policy's chunks will do; ours ([O]: the release feeds RoBERTa and image features).
    """
    return np.concatenate([_bag(opening), _bag(chunk), _grey(chunk)])


def _bag(chunk: Chunk) -> Floats:
    ids = chunk.ids.astype(np.uint64)
    found = [_hash(ids[:, None], 1), _hash(np.stack([ids[:-1], ids[1:]], 1), 2)] if len(ids) else []
    for salt, name in enumerate(sorted(chunk.extra), start=3):
        table = chunk.extra[name]
        if isinstance(table, np.ndarray) and table.ndim == 2 and table.size and table.dtype.kind in "iu":
            found.append(_hash(table.astype(np.uint64), salt))
    counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *found]), minlength=BUCKETS)
    return np.log1p(counts).astype(np.float32)


def _hash(rows: NDArray[np.uint64], salt: int) -> NDArray[np.int64]:
    """Return the bucket of each row of ids."""
    state = np.full(len(rows), salt, np.uint64) * _MIX
    for column in rows.T:
        state = (state ^ (column + np.uint64(1))) * _MIX
        state ^= state >> np.uint64(29)
    return (state % np.uint64(BUCKETS)).astype(np.int64)


def _grey(chunk: Chunk) -> Floats:
    if not chunk.images:
        return np.zeros(CELLS * CELLS, np.float32)
    grey = chunk.images[-1].astype(np.float32).mean(-1) / 255.0
    rows, columns = (np.linspace(0, size, CELLS + 1).astype(int)[:-1] for size in grey.shape)
    rows, columns = np.minimum(rows, grey.shape[0] - 1), np.minimum(columns, grey.shape[1] - 1)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, 0), columns, 1)
    tall, wide = (np.maximum(np.diff(np.append(at, size)), 1) for at, size in zip((rows, columns), grey.shape))
    return np.asarray(sums / (tall[:, None] * wide), np.float32).reshape(-1)


class Outcome:
    """A two-class classifier: how probable is it that what began, or goes on, in a state succeeds?

    Args:
        heads: independent networks; the estimate is the smallest (a double critic has two).
        lr: learning rate of Adam.
        seed: of the initial weights; the global generator of torch is left alone.
        hidden: width of the one hidden layer.
    """

    def __init__(self, heads: int, lr: float, seed: int, hidden: int = 64) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.nets = torch.nn.ModuleList(
                torch.nn.Sequential(torch.nn.Linear(WIDTH, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 2))
                for _ in range(heads)
            )
        self.optimiser = torch.optim.Adam(self.nets.parameters(), lr=lr)

    @torch.no_grad()
    def __call__(self, states: Floats) -> Floats:
        """Return float32 [n] probabilities of success for states [n, D]."""
        x = torch.from_numpy(np.ascontiguousarray(states, np.float32)).reshape(-1, WIDTH)
        found: Floats = torch.stack([net(x).softmax(-1)[:, 1] for net in self.nets]).amin(0).numpy()
        return found

    def loss(self, states: Floats, labels: NDArray[np.bool_]) -> torch.Tensor:
        """Return the cross-entropy of labels [n], summed over heads."""
        x = torch.from_numpy(np.ascontiguousarray(states, np.float32))
        y = torch.from_numpy(labels.astype(np.int64))
        losses = [torch.nn.functional.cross_entropy(net(x), y) for net in self.nets]
        return torch.stack(losses).sum()

    def learn(self, states: Floats, labels: NDArray[np.bool_]) -> float:
        """Take one step on states [n, D]; returns the loss before it."""
        loss = self.loss(states, labels)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        return float(loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """Return weights and optimiser state."""
        return {"nets": self.nets.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.nets.load_state_dict(state["nets"])
        self.optimiser.load_state_dict(state["optimiser"])
