"""The frozen base at work: a queue of chunk actions per environment, refilled on its own when it is empty.

A chunk depends on what its environment sees and on noise keyed by (seed, the episode's key, the chunk's number), so
neither the other environments, nor their resets, nor their number change it by a bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlgym_agents.robot.arms import Array, Mask, state_of
from vlgym_agents.robot.diffusion import DiffusionPolicy
from vlgym_agents.robot.frames import WORLD, Frames


class ChunkedBase:
    """The base policy for N environments.

    Args:
        policy: frozen.
        num: N.
        seed: of the sampling noise.
        frames: how the policy was told states and actions.

    Attributes:
        left: actions in each environment's queue, int [N].
    """

    def __init__(self, policy: DiffusionPolicy, num: int, seed: int, frames: Frames = WORLD) -> None:
        self.policy, self.seed, self.frames = policy.eval().requires_grad_(False), seed, frames
        o = policy.options
        self._chunk = np.zeros((num, o.horizon, policy.size))
        self._key = np.zeros(num, np.int64)
        self._count = np.zeros(num, np.int64)
        self.left = np.zeros(num, np.int64)

    def reset(self, mask: Mask, keys: NDArray[np.int64]) -> None:
        """Empty the queues of `mask`; `keys` [N] name the episodes that begin there."""
        self.left[mask], self._count[mask], self._key[mask] = 0, 0, keys[mask]

    def next(self, obs: Any, rows: Mask | None = None) -> Array:
        """Return the next action [n, A] of all environments, or of `rows`, and take it off their queues.

        Args:
            obs: observations of all N environments.
        """
        chosen = np.arange(len(self.left)) if rows is None else np.flatnonzero(rows)
        self.refill(obs, chosen)
        place = self.policy.options.execute - self.left[chosen]
        self.left[chosen] -= 1
        return self._chunk[chosen, place]

    def chunk(self, obs: Any, rows: Mask | None = None) -> Array:
        """Return the executed part of fresh chunks [n, execute, A]; their queues are empty afterwards."""
        chosen = np.arange(len(self.left)) if rows is None else np.flatnonzero(rows)
        self.left[chosen] = 0
        self.refill(obs, chosen)
        self.left[chosen] = 0
        return self._chunk[chosen, : self.policy.options.execute]

    def refill(self, obs: Any, chosen: NDArray[np.int64]) -> None:
        """Sample new chunks where a queue of the `chosen` environments is empty."""
        empty = chosen[self.left[chosen] == 0]
        if not len(empty):
            return
        o = self.policy.options
        warm = (self._count[empty] > 0) & (o.warm_start > 0)
        for part, is_warm in ((empty[~warm], False), (empty[warm], True)):
            if len(part):
                raw, told = state_of(obs)[part], self.policy.seen.into(self.frames.see(obs)[part])
                images = torch.from_numpy(obs["image"][part]) if o.images else None
                begin = self._tail(part, raw) if is_warm else None
                chunk = self.policy.sample(self._see(told, images), self._noise(part), begin)
                self._chunk[part] = self.frames.out_of(raw, self.policy.done.out_of(chunk))
        self.left[empty] = o.execute
        self._count[empty] += 1

    @torch.no_grad()
    def _see(self, state: Tensor, images: Tensor | None) -> Tensor:
        if images is None:
            return self.policy.condition(state)
        # one at a time: how many environments look at once must not change what one of them sees
        return torch.cat([self.policy.condition(state[i : i + 1], images[i : i + 1]) for i in range(len(state))])

    def _tail(self, part: NDArray[np.int64], raw: Array) -> Tensor:
        """Return the actions of the last chunks that were not executed, the last one repeated, as seen from here."""
        o = self.policy.options
        index = np.minimum(np.arange(o.horizon) + o.execute, o.horizon - 1)
        return self.policy.done.into(self.frames.into(raw, self._chunk[part][:, index]))

    def _noise(self, part: NDArray[np.int64]) -> Tensor:
        shape = (self.policy.options.horizon, self.policy.size)
        draws = [
            np.random.Generator(
                np.random.Philox(key=[self.seed, int(self._key[i])], counter=int(self._count[i]) << 64)
            ).standard_normal(shape, np.float32)
            for i in part
        ]
        return torch.from_numpy(np.array(draws))
