"""Preallocated keys and values of running episodes, and the part of them that one call works on.

Keys lie transposed: one new token a row then reads its keys and values in the order memory gives them, which is what
sampling spends its time on.

Legend: B rows, Hk key heads, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

KEYS, VALUES = 3, 2
"""The dimension that counts tokens: keys are [B, Hk, D, capacity], values [B, Hk, capacity, D]."""


class KV:
    """Keys and values of `slots` rows, per layer; capacity grows as needed."""

    def __init__(self, like: Tensor, *, layers: int, slots: int, heads: int, dim: int) -> None:
        """Return an empty cache of the dtype and device of `like`."""
        self.k = [like.new_empty((slots, heads, dim, 0))] * layers
        self.v = [like.new_empty((slots, heads, 0, dim))] * layers
        self.lengths: NDArray[np.int64] = np.zeros(slots, np.int64)

    @property
    def nbytes(self) -> int:
        """Memory of all keys and values."""
        return sum(store.nbytes for store in (*self.k, *self.v))

    def fits(self, like: Tensor, slots: int) -> bool:
        """Return whether a new cache of `slots` rows for weights like these would be of this kind."""
        mine = self.k[0]
        return len(mine) == slots and mine.dtype == like.dtype and mine.device == like.device

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` tokens a row."""
        have = self.k[0].shape[KEYS]
        if capacity <= have:
            return
        capacity = max(256, -(-capacity // 64) * 64, 2 * have)
        used = int(self.lengths.max(initial=0))
        for stores, dim in ((self.k, KEYS), (self.v, VALUES)):
            for i, old in enumerate(stores):
                shape = list(old.shape)
                shape[dim] = capacity
                # zeros, not garbage: a masked column is multiplied by 0, and 0 * NaN is NaN
                stores[i] = old.new_zeros(shape)
                stores[i].narrow(dim, 0, used).copy_(old.narrow(dim, 0, used))

    def copy(self, source: int, targets: Sequence[int]) -> None:
        """Copy the whole context of one row to others."""
        n, rows = int(self.lengths[source]), list(targets)
        for stores, dim in ((self.k, KEYS), (self.v, VALUES)):
            for store in stores:
                part = store.narrow(dim, 0, n)
                part[rows] = part[source]
        self.lengths[rows] = n


class Work:
    """The rows of a cache that one call works on: a view, or a copy that `close` writes back."""

    def __init__(self, cache: KV | Work, slots: Sequence[int]) -> None:
        self.cache = cache
        self.slots = list(slots)
        self.k: list[Tensor]
        self.v: list[Tensor]
        self.lengths: NDArray[np.int64] = cache.lengths[self.slots].copy()
        self._opened = int(self.lengths.min())
        first, n = self.slots[0], len(self.slots)
        self._view = self.slots == list(range(first, first + n))
        if self._view:
            self.k = [k[first : first + n] for k in cache.k]
            self.v = [v[first : first + n] for v in cache.v]
        else:
            self._index = torch.as_tensor(self.slots, device=cache.k[0].device)
            self.k = [self._gather(k, KEYS) for k in cache.k]
            self.v = [self._gather(v, VALUES) for v in cache.v]

    def _gather(self, store: Tensor, dim: int) -> Tensor:
        out = store.new_zeros((len(self.slots), *store.shape[1:]))
        if used := int(self.lengths.max()):
            out.narrow(dim, 0, used).copy_(store.narrow(dim, 0, used).index_select(0, self._index))
        return out

    def close(self) -> None:
        """Write lengths, and what was added to a copy, back to the cache."""
        self.cache.lengths[self.slots] = self.lengths
        new = int(self.lengths.max()) - self._opened
        if self._view or new <= 0:
            return
        for stores, mine, dim in ((self.cache.k, self.k, KEYS), (self.cache.v, self.v, VALUES)):
            for store, part in zip(stores, mine):
                store.narrow(dim, self._opened, new).index_copy_(0, self._index, part.narrow(dim, self._opened, new))
