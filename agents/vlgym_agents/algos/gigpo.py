"""GiGPO: beside the group of episodes, groups of steps that met the same state.

Episodes of a group start alike, so their paths cross. Steps of the group's episodes that met the same observation (the
anchor) form a step group; a step's discounted return relative to that group says which action was better there. Both
advantages add up: A = A_episode + omega A_step. With omega 0 the method is GRPO bit for bit.

- Two observations are the same if the policy read the same tokens, pictures and side data. With the whole episode in
  the context the first observation also holds the task's opening, so a return to the start is another state; with
  rollout.window 1 every observation opens its own context.
- A step that no other met has step advantage 0.
- The released trainer makes each turn a training row of its own: that is rollout.window 1 here (`--preset
  gigpo-faithful`). Its random duplication of rows to fill a batch is not followed [C].
- Terms of the return that are no rewards of the environment (`algo.success_weight`, ...) arrive with the last step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vlgym_agents.advantages import group_advantages
from vlgym_agents.algos import grpo
from vlgym_agents.recipe import Credit, Group, Parts, Setting, turn_rewards
from vlgym_agents.schema import at_least, one_of
from vlgym_agents.types import Chunk, Floats, Trace


@dataclass(frozen=True)
class GigpoOptions(grpo.GrpoOptions):
    """GRPO's options, and the step groups'; `norm` scales both advantages."""

    step_weight: float = 1.0
    """omega, the weight of the step advantage beside the episode's; 0 is GRPO (GiGPO: 1)"""
    gamma: float = 0.95
    """discount per environment step of the return that steps are compared by, in [0, 1] (GiGPO's release: 0.95)"""

    def __post_init__(self) -> None:
        """Refuse values the method does not mean."""
        grpo.GrpoOptions.__post_init__(self)
        one_of(self, norm=("mean", "mean_std"))
        at_least(self, step_weight=0, gamma=0)
        if self.gamma > 1:
            raise ValueError(f"gamma must be at most 1, got {self.gamma}.")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        return {**super().idle(), **({} if self.step_weight else {"gamma": "algo.step_weight is 0"})}


def anchor(chunk: Chunk) -> bytes:
    """Return a digest of what the policy read; equal observations have equal digests."""
    digest = hashlib.blake2b(np.ascontiguousarray(chunk.ids).tobytes(), digest_size=16)
    for part in (*chunk.images, *(chunk.extra[key] for key in sorted(chunk.extra))):
        is_array = isinstance(part, np.ndarray)
        digest.update(b"|" + (np.ascontiguousarray(part).tobytes() if is_array else repr(part).encode()))
    return digest.digest()


def step_returns(rewards: Floats, gamma: float) -> NDArray[np.float64]:
    """Return the discounted return from each step on, float64 [K]: G_k = r_k + gamma G_(k+1)."""
    out = np.array(rewards, np.float64)
    for k in range(len(out) - 2, -1, -1):
        out[k] += gamma * out[k + 1]
    return out


def step_advantages(group: Sequence[Trace], options: GigpoOptions) -> list[Floats]:
    """Return the step advantages of a group's episodes, float32 [K] each (GiGPO section 4)."""
    returns = [step_returns(turn_rewards(trace), options.gamma) for trace in group]
    out = [np.zeros(len(trace.turns), np.float32) for trace in group]
    met: dict[bytes, list[tuple[int, int]]] = {}
    for i, trace in enumerate(group):
        for k, turn in enumerate(trace.turns):
            met.setdefault(anchor(turn.chunk), []).append((i, k))
    for steps in met.values():
        relative = group_advantages(
            [returns[i][k] for i, k in steps], options.norm, ddof=options.adv_ddof, eps=options.adv_eps
        )
        for (i, k), advantage in zip(steps, relative):
            out[i][k] = advantage
    return out


@dataclass(frozen=True)
class StepGroupCredit:
    """Advantage of a turn: its episode's relative to the group, plus omega times its own relative to its state's."""

    options: GigpoOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one number per turn."""
        o = self.options
        episodes = grpo.GroupCredit(o)(groups).advantages
        steps = [advantages for group in groups for advantages in step_advantages(group, o)]
        traces = [trace for group in groups for trace in group]
        cut = [o.mask_truncated and trace.turns[-1].truncated for trace in traces]
        weight = [0.0 if masked else o.step_weight for masked in cut]
        return Credit([(e + w * s).astype(np.float32) for e, w, s in zip(episodes, weight, steps)])


def build(options: GigpoOptions, setting: Setting) -> Parts:
    """Compose GiGPO: GRPO with another credit."""
    return replace(grpo.build(options, setting), credit=StepGroupCredit(options))


RECIPE = replace(
    grpo.RECIPE,
    name="gigpo",
    summary="GRPO plus advantages of steps among those that met the same state",
    source="arXiv 2505.10978 section 4 and its release verl-agent [C]",
    options=GigpoOptions,
    build=build,
    preset={"algo.norm": "mean"},
)
