"""Behaviour cloning: the base policy's training, one resumable slice of gradient steps at a time."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vlgym_agents.robot.arms import Array
from vlgym_agents.robot.demonstrations import Demonstration, DemonstrationError, Demonstrations
from vlgym_agents.robot.diffusion import DiffusionOptions, DiffusionPolicy
from vlgym_agents.robot.frames import WORLD, Frames


class Cloning:
    """Fits a diffusion policy to demonstrations.

    Args:
        options: of the policy and its training.
        demonstrations: what is cloned.
        seed: of initial weights, batches and noise.
        frames: how states and actions are told to the policy.

    Attributes:
        policy: what the optimiser moves.
        average: its running average, which acts.
        done: gradient steps so far.
    """

    def __init__(
        self, options: DiffusionOptions, demonstrations: Demonstrations, seed: int, frames: Frames = WORLD
    ) -> None:
        self.options = options
        torch.manual_seed(seed)
        states, chunks = told(demonstrations, options.horizon, frames)
        self._images = _images(demonstrations) if options.images else None
        self.policy = policy_for(options, states, chunks)
        self.average: DiffusionPolicy = copy.deepcopy(self.policy).requires_grad_(False)
        self._states = self.policy.seen.into(states)
        self._chunks = self.policy.done.into(chunks)
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
        total = norm = wrong = 0.0
        for _ in range(steps):
            for group in self._optimiser.param_groups:
                group["lr"] = self.rate(self.done)
            rows = torch.randint(len(self._states), (self.options.batch,), generator=self._rng)
            images = self._pictures(rows)
            seen = self.policy.condition(self._states[rows], images)
            chunks, many = (part.repeat_interleave(self.options.draws, 0) for part in (self._chunks[rows], seen))
            loss = self.policy.loss(chunks, many, self._rng)
            total += float(loss.detach())
            if self.policy.sight is not None:
                misjudged = self.policy.sight.error(seen, self._states[rows])
                loss = loss + self.options.estimate * misjudged
                wrong += float(misjudged.detach())
            self._optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm += float(nn.utils.clip_grad_norm_(self.policy.parameters(), 1.0))
            self._optimiser.step()
            self.done += 1
            self._follow()
        if not math.isfinite(total + wrong):
            raise DemonstrationError("The base policy's loss is not finite any more; lower base.lr and start anew.")
        metrics = {"base_loss": total / steps, "base_grad_norm": norm / steps, "base_updates": float(self.done)}
        return metrics | ({"base_estimate_error": wrong / steps} if self.policy.sight is not None else {})

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.options.ema, (1 + self.done) / (10 + self.done))
        for mine, theirs in zip(self.average.parameters(), self.policy.parameters()):
            mine.lerp_(theirs, 1 - decay)

    def _pictures(self, rows: Tensor) -> Tensor | None:
        if self._images is None or not self.options.shift:
            return None if self._images is None else self._images[rows]
        return shifted(self._images[rows], self._rng, self.options.shift)

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


def shifted(images: Tensor, rng: torch.Generator, pad: int) -> Tensor:
    """Return images [B, h, w, 3] moved by up to `pad` pixels, their edges repeated (Yarats et al. 2021, DrQ)."""
    b, h, w, _ = images.shape
    dy, dx = (torch.randint(-pad, pad + 1, (b, 1), generator=rng) for _ in range(2))
    ys, xs = ((torch.arange(n)[None] + d).clamp(0, n - 1) for n, d in ((h, dy), (w, dx)))
    return images[torch.arange(b)[:, None, None], ys[:, :, None], xs[:, None, :]]


def chunks_of(episode: Demonstration, horizon: int) -> Array:
    """Return [T, horizon, A]: the actions from each control step on, the episode's last one repeated."""
    index = np.arange(len(episode))[:, None] + np.arange(horizon)
    chunks: Array = episode.actions[np.minimum(index, len(episode) - 1)]
    return chunks


def told(demonstrations: Demonstrations, horizon: int, frames: Frames) -> tuple[Array, Array]:
    """Return states [n, E] and chunks of moves [n, H, A] of demonstrations, as networks are told them."""
    raw = np.concatenate([episode.observations for episode in demonstrations.episodes])
    chunks = np.concatenate([chunks_of(episode, horizon) for episode in demonstrations.episodes])
    return frames.see(raw), frames.into(raw, chunks)


def policy_for(options: DiffusionOptions, states: Array, chunks: Array) -> DiffusionPolicy:
    """Return a fresh policy with the normalisation of these states [n, E] and moves [n, H, A]."""
    return DiffusionPolicy(options, states, chunks.reshape(-1, chunks.shape[-1]))


def _images(demonstrations: Demonstrations) -> Tensor:
    if any(episode.images is None for episode in demonstrations.episodes):
        raise DemonstrationError("An image policy needs demonstrations with images; collect them with base.images.")
    return torch.from_numpy(np.concatenate([e.images for e in demonstrations.episodes if e.images is not None]))
