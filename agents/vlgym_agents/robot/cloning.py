"""Behaviour cloning: the base policy's training, one resumable slice of gradient steps at a time."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vlgym_agents.robot.demonstrations import Demonstration, DemonstrationError, Demonstrations
from vlgym_agents.robot.diffusion import DiffusionOptions, DiffusionPolicy


class Cloning:
    """Fits a diffusion policy to demonstrations.

    Args:
        options: of the policy and its training.
        demonstrations: what is cloned.
        seed: of initial weights, batches and noise.

    Attributes:
        policy: what the optimiser moves.
        average: its running average, which acts.
        done: gradient steps so far.
    """

    def __init__(self, options: DiffusionOptions, demonstrations: Demonstrations, seed: int) -> None:
        self.options = options
        torch.manual_seed(seed)
        states, self._chunks, actions, self._images = _rows(demonstrations, options)
        self.policy = DiffusionPolicy(options, states, actions)
        self.average: DiffusionPolicy = copy.deepcopy(self.policy).requires_grad_(False)
        self._states = self.policy.seen.into(states)
        self._chunks = self.policy.done.into(self._chunks.numpy())
        self._rng = torch.Generator().manual_seed(seed)
        self._optimiser = torch.optim.AdamW(
            self.policy.parameters(), lr=options.lr, weight_decay=options.weight_decay, betas=(0.95, 0.999)
        )
        self.done = 0

    def rate(self, step: int) -> float:
        """Return the learning rate of gradient step `step` (from 0): a ramp, then a cosine to zero."""
        o = self.options
        if step < o.warmup:
            return o.lr * (step + 1) / o.warmup
        return 0.5 * o.lr * (1 + math.cos(math.pi * (step - o.warmup) / max(o.updates - o.warmup, 1)))

    def train(self, steps: int) -> dict[str, float]:
        """Do so many gradient steps; return metrics.

        Raises:
            DemonstrationError: the loss is not finite.
        """
        total = norm = 0.0
        for _ in range(steps):
            for group in self._optimiser.param_groups:
                group["lr"] = self.rate(self.done)
            rows = torch.randint(len(self._states), (self.options.batch,), generator=self._rng)
            images = self._pictures(rows)
            loss = self.policy.loss(self._chunks[rows], self.policy.condition(self._states[rows], images), self._rng)
            self._optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm += float(nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0))
            self._optimiser.step()
            self.done += 1
            self._follow()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise DemonstrationError("The base policy's loss is not finite any more; lower base.lr and start anew.")
        return {"base_loss": total / steps, "base_grad_norm": norm / steps, "base_updates": float(self.done)}

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.options.ema, (1 + self.done) / (10 + self.done))
        for mine, theirs in zip(self.average.parameters(), self.policy.parameters()):
            mine.lerp_(theirs, 1 - decay)

    def _pictures(self, rows: Tensor) -> Tensor | None:
        return None if self._images is None else shifted(self._images[rows], self._rng)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next gradient step depends on."""
        return {
            "policy": self.policy.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rng": self._rng.get_state(),
            "done": self.done,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.policy.load_state_dict(state["policy"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._rng.set_state(state["rng"])
        self.done = state["done"]


def shifted(images: Tensor, rng: torch.Generator, pad: int = 4) -> Tensor:
    """Return images [B, h, w, 3] moved by up to `pad` pixels, their edges repeated (Yarats et al. 2021, DrQ)."""
    b, h, w, _ = images.shape
    dy, dx = (torch.randint(-pad, pad + 1, (b, 1), generator=rng) for _ in range(2))
    ys, xs = ((torch.arange(n)[None] + d).clamp(0, n - 1) for n, d in ((h, dy), (w, dx)))
    return images[torch.arange(b)[:, None, None], ys[:, :, None], xs[:, None, :]]


def chunks_of(episode: Demonstration, horizon: int) -> NDArray[np.float64]:
    """Return [T, horizon, A]: the actions from each control step on, the episode's last one repeated."""
    index = np.arange(len(episode))[:, None] + np.arange(horizon)
    chunks: NDArray[np.float64] = episode.actions[np.minimum(index, len(episode) - 1)]
    return chunks


def _rows(
    demonstrations: Demonstrations, options: DiffusionOptions
) -> tuple[NDArray[np.float64], Tensor, NDArray[np.float64], Tensor | None]:
    """Return states [n, D], chunks [n, H, A] that repeat an episode's last action, actions [n, A], images or None."""
    chunks = [chunks_of(episode, options.horizon) for episode in demonstrations.episodes]
    states = np.concatenate([episode.observations for episode in demonstrations.episodes])
    actions = np.concatenate([episode.actions for episode in demonstrations.episodes])
    images = None
    if options.images:
        if any(episode.images is None for episode in demonstrations.episodes):
            raise DemonstrationError("An image policy needs demonstrations with images; collect them with base.images.")
        images = torch.from_numpy(np.concatenate([e.images for e in demonstrations.episodes if e.images is not None]))
    return states, torch.from_numpy(np.concatenate(chunks)), actions, images
