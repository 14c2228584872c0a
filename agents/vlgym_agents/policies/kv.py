"""Preallocated keys and values of running episodes, and the part of them that one call works on.

Legend: B rows, Hk key heads, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class KV:
    """Keys and values of `slots` rows: per layer [slots, Hk, capacity, D]; capacity grows as needed."""

    def __init__(self, like: Tensor, *, layers: int, slots: int, heads: int, dim: int) -> None:
        """Return an empty cache of the dtype and device of `like`."""
        empty = like.new_empty((slots, heads, 0, dim))
        self.k = [empty] * layers
        self.v = [empty] * layers
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
        have = self.k[0].shape[2]
        if capacity <= have:
            return
        capacity = max(256, -(-capacity // 64) * 64, 2 * have)
        used = int(self.lengths.max(initial=0))
        for store in (self.k, self.v):
            for i, old in enumerate(store):
                # zeros, not garbage: a masked column is multiplied by 0, and 0 * NaN is NaN
                store[i] = old.new_zeros((*old.shape[:2], capacity, old.shape[3]))
                store[i][:, :, :used] = old[:, :, :used]

    def copy(self, source: int, targets: Sequence[int]) -> None:
        """Copy the whole context of one row to others."""
        n = int(self.lengths[source])
        for store in (*self.k, *self.v):
            store[list(targets), :, :n] = store[source, :, :n]
        self.lengths[list(targets)] = n


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
            used = int(self.lengths.max())
            self.k, self.v = ([self._gather(s, used) for s in store] for store in (cache.k, cache.v))

    def _gather(self, store: Tensor, used: int) -> Tensor:
        out = store.new_zeros((len(self.slots), *store.shape[1:]))
        if used:
            torch.index_select(store[:, :, :used], 0, self._index, out=out[:, :, :used])
        return out

    def close(self) -> None:
        """Write lengths, and what was added to a copy, back to the cache."""
        self.cache.lengths[self.slots] = self.lengths
        if not self._view:
            columns = slice(self._opened, int(self.lengths.max()))
            for store, mine in zip((*self.cache.k, *self.cache.v), (*self.k, *self.v)):
                store[:, :, columns].index_copy_(0, self._index, mine[:, :, columns])
