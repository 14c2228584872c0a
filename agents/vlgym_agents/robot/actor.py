"""From what robots see to what they do: a decision, normal around a learnt mean, on top of the base or alone.

Four controllers share this file: a residual on each action of the base (ResiP), one on each chunk of it, and an actor
without a base that decides chunks or single actions. A decision holds for `hold` control steps.

Source: Ankile et al. 2024, "From Imitation to Refinement", section 4 and the released trainer; the near-field features
and the split of authority (scale) from exploration (log_std) are ours.

Legend: N environments, n of them that decide now, A numbers of an action, F features.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vlgym.core.errors import VlgymError
from vlgym_agents.robot.arms import Arms, Array, Mask, state_of
from vlgym_agents.robot.chunks import ChunkedBase
from vlgym_agents.robot.diffusion import MinMax
from vlgym_agents.robot.frames import WORLD, Frames

MODES = ("residual", "residual-chunk", "alone")


class DivergedError(VlgymError, RuntimeError):
    """Weights or actions are not finite any more; says what to change."""


def network(sizes: Sequence[int], out: int, gain: float, bias: float | None) -> nn.Sequential:
    """Return a ReLU network whose last layer has orthogonal weights of `gain`, and a constant bias or none."""
    layers: list[nn.Module] = []
    for wide, next_ in itertools.pairwise(sizes):
        linear = nn.Linear(wide, next_)
        nn.init.orthogonal_(linear.weight, math.sqrt(2))
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    last = nn.Linear(sizes[-1], out, bias=bias is not None)
    if gain:
        nn.init.orthogonal_(last.weight, gain)
    else:
        nn.init.zeros_(last.weight)  # the mean decision is exactly 0 to begin with
    if bias is not None:
        nn.init.constant_(last.bias, bias)
    return nn.Sequential(*layers, last)


class Gaussian(nn.Module):
    """Decisions [n, G] for features [n, F]: normal, with a mean that is learnt and a spread that is not.

    Args:
        inputs: F.  out: G.  width: of the two hidden layers.
        log_std: logarithm of the standard deviation, in units of the decision.
        gain: of the mean's last layer; 0 begins at exactly 0.
    """

    def __init__(self, inputs: int, out: int, width: int, log_std: float, gain: float = 0.0) -> None:
        super().__init__()
        self.mean = network((inputs, width, width), out, gain, None if gain == 0 else 0.0)
        self.log_std = log_std

    def sample(self, mean: Tensor, rng: torch.Generator) -> Tensor:
        """Return decisions around `mean` [n, G]."""
        return mean + math.exp(self.log_std) * torch.randn(mean.shape, generator=rng)

    def log_prob(self, mean: Tensor, decision: Tensor) -> Tensor:
        """Return the log density [n] of decisions [n, G]."""
        z = (decision - mean) * math.exp(-self.log_std)
        return -0.5 * (z**2).sum(dim=1) - decision.shape[1] * (self.log_std + 0.5 * math.log(2 * math.pi))


@dataclass(slots=True)
class View:
    """What n environments decide by: features [n, F], states [n, D], the base's actions [n, hold, A] or None."""

    features: Tensor
    states: Array
    base: Array | None

    def with_rows(self, mask: Mask, other: View) -> View:
        """Return this view [N] with that of the environments of `mask` [N] in their places."""
        both = View(self.features.clone(), self.states.copy(), None if self.base is None else self.base.copy())
        both.features[torch.from_numpy(mask)], both.states[mask] = other.features, other.states
        if both.base is not None and other.base is not None:
            both.base[mask] = other.base
        return both


class Controller:
    """Turns observations into features and decisions into actions.

    Args:
        arms: the robots.
        mode: one of MODES.
        seen, done: normalisation of states and actions.
        base: of the residual modes.
        hold: control steps that a decision holds (1 for "residual", the executed chunk for "residual-chunk").
        scale: normalised action per unit of the decision.
        near: give the actor the environment's near-field features as well.
        frames: how states and actions are told to base and actor.
    """

    def __init__(
        self,
        arms: Arms,
        mode: str,
        seen: MinMax,
        done: MinMax,
        *,
        base: ChunkedBase | None = None,
        hold: int = 1,
        scale: float = 0.1,
        near: bool = True,
        frames: Frames = WORLD,
    ) -> None:
        self.arms, self.mode, self.seen, self.done, self.base, self.frames = arms, mode, seen, done, base, frames
        self.hold, self.scale, self.near = hold, scale, near
        self.action = int(arms.single_action_space.shape[0])
        n = arms.num_envs
        self.left = np.zeros(n, np.int64)
        self._plan = np.zeros((n, hold, self.action))

    @property
    def decision(self) -> int:
        """Numbers of a decision."""
        return self.hold * self.action

    def features(self, obs: Any) -> int:
        """Return F."""
        state = int(self.frames.see(obs).shape[1]) + (self.arms.near_field(obs).shape[1] if self.near else 0)
        return state + (self.decision if self.base else 0)

    def reset(self, mask: Mask, keys: Any) -> None:
        """Begin new episodes, named by `keys` [N], where `mask` [N] says."""
        self.left[mask] = 0
        if self.base is not None:
            self.base.reset(mask, keys)

    def view(self, obs: Any, rows: Mask) -> View:
        """Return what the environments of `rows` go by; takes their next action or chunk off the base's queues."""
        states, parts = state_of(obs)[rows], [self.seen.into(self.frames.see(obs)[rows])]
        if self.near:
            parts.append(torch.from_numpy(self.arms.near_field(obs)[rows]).float())
        base = None
        if self.base is not None:
            base = self.base.next(obs, rows)[:, None] if self.mode == "residual" else self.base.chunk(obs, rows)
            parts.append(self.told(states, base))
        return View(torch.cat(parts, dim=1), states, base)

    def told(self, states: Array, actions: Array) -> Tensor:
        """Return actions [n, hold, A] as networks are told them in `states` [n, D]: normalised moves [n, G]."""
        return self.done.into(self.frames.into(states, actions)).flatten(1)

    def decide(self, rows: Mask, view: View, decision: Tensor) -> None:
        """Take decisions [n, G] of the environments of `rows`: they hold for `hold` control steps."""
        if not torch.isfinite(decision).all():
            raise DivergedError(
                "The policy's decisions are not finite any more; lower algo.lr or algo.log_std and start anew with "
                "another --out."
            )
        moves = decision.view(-1, self.hold, self.action)
        if view.base is None:
            plan = self.frames.out_of(view.states, self.done.out_of(moves))
        else:
            plan = view.base + self.frames.turn(view.states, self.done.stretched(self.scale * moves))
        self._plan[rows] = plan
        self.left[rows] = self.hold

    def act(self) -> Array:
        """Return the actions [N, A] in [-1, 1] of this control step."""
        place = np.maximum(self.hold - self.left, 0)
        self.left = np.maximum(self.left - 1, 0)
        planned: Array = self._plan[np.arange(len(place)), np.minimum(place, self.hold - 1)]
        return np.clip(planned, -1.0, 1.0)
