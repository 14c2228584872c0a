"""VL-DAC: the policy learns token by token, the critic turn by turn.

A turn is a step: its advantage comes from GAE over the environment's steps with the critic's value of each observation,
and all tokens of its response share it. The critic reads the hidden state at the last prompt token, without gradient to
the body. No groups are needed: `rollout.group_size` may be 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from vlgym_agents.advantages import gae, group_advantages, standardise
from vlgym_agents.algos import ppo
from vlgym_agents.algos.ppo import ActorCritic, PpoOptions, future, recorded
from vlgym_agents.losses import Aggregation, importance_ratio
from vlgym_agents.recipe import Credit, Group, Metrics, Parts, Recipe, Setting, View, turn_rewards
from vlgym_agents.schema import at_least
from vlgym_agents.types import Floats, Trace


@dataclass(frozen=True)
class VlDacOptions(PpoOptions):
    """As PPO, over turns. [P]: arXiv 2508.04280; [C]: its release, corl-team/VL-DAC."""

    clip_low: float = 0.1
    """lower clip width of the probability ratio, in [0, 1] ([C]: 0.1)"""
    clip_high: float = 0.1
    """upper clip width, >= 0 ([C]: 0.1)"""
    aggregation: Aggregation = "turn_mean"
    """turn_mean: the mean over turns of the mean over their tokens [P]"""
    kl_coef: float = 0.0
    """weight of the KL penalty, >= 0 ([C]: 0.04, for 7 billion parameters; ours is off, as for every method here)"""
    kl_unbiased: bool = False
    """multiply the KL estimate to the reference by the ratio ([C]: no)"""
    gamma: float = 0.99
    """discount per environment step, [0, 1] ([C]: 0.99 in WebShop, 0.9 in MiniWorld)"""
    lam: float = 0.95
    """decay of GAE per environment step, [0, 1] ([C]: 0.95)"""
    value_clip: float = 0.0
    """how far a value may move from the old one before its loss stops falling; 0 = no limit ([C]: 0.1; ours is off)"""
    value_rate: float = 1.0
    """the critic's learning rate as a multiple of the policy's, > 0 ([C]: 1)"""
    value_warmup: int = 2
    """training steps at the start in which the critic alone learns ([C]: 2)"""
    ratio_limit: float = 0.0
    """a turn with a ratio above this counts by the clipped branch alone; 0 = off ([C]: 10)"""
    group_eta: float = 0.0
    """0: the advantage is the turn's, as in the paper; above: the group's plus this times the turn's, and the turn's
    alone in groups without variance (ours, a hybrid with GRPO: try 0.5)"""

    def __post_init__(self) -> None:
        """Refuse values no method means."""
        PpoOptions.__post_init__(self)
        at_least(self, ratio_limit=0, group_eta=0)

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found = dict(PpoOptions.idle(self))
        if self.group_eta:
            found["normalise"] = "algo.group_eta is positive, which adds turns of deviation 1"
        return found


@dataclass(frozen=True)
class TurnCredit:
    """GAE over the turns of an episode.

        delta_k = r_k + gamma V(s_k+1) - V(s_k);   A_k = delta_k + gamma lam A_k+1;   target_k = A_k + V(s_k)

    where V(s_K+1) is 0 after an end, and the critic's value of the last observation where a limit cut the episode
    (Pardo et al. 2018, arXiv 1712.00378 [O]; the release leaves the cut turn out [C]). Then (A - mean) / (std + 1e-8)
    over the whole rollout batch, by the sample deviation.

    Source: arXiv 2508.04280 [P], checked with its code [C].
    """

    options: VlDacOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one advantage and one target per turn."""
        found = [self.episode(trace) for group in groups for trace in group]
        advantages, targets, values = ([part[i] for part in found] for i in range(3))
        if self.options.normalise or self.options.group_eta:
            advantages = standardise(advantages)
        if self.options.group_eta:
            advantages = self.joined(groups, advantages)
        return Credit(advantages, targets, values)

    def episode(self, trace: Trace) -> tuple[Floats, Floats, Floats]:
        """Return (advantages, targets, values) of an episode, float32 [K] each."""
        o = self.options
        values = np.array(recorded([turn.value for turn in trace.turns], trace), np.float32)
        advantages, targets = gae(turn_rewards(trace), values, gamma=o.gamma, lam=o.lam, bootstrap=future(trace, o))
        return advantages, targets, values

    def joined(self, groups: Sequence[Group], advantages: Sequence[Floats]) -> list[Floats]:
        """Return A_group + eta A_turn; A_turn alone in a group without variance, which ranks nobody [O]."""
        relative = [group_advantages([trace.ret for trace in group]) for group in groups]
        own = [(float(a), bool(group.any())) for group in relative for a in group]
        eta = self.options.group_eta
        return [
            np.float32(a) + np.float32(eta) * turns if ranks else turns for (a, ranks), turns in zip(own, advantages)
        ]


@dataclass(frozen=True)
class TurnObjective(ActorCritic):
    """The loss of PPO with a critic of turns, and the release's answer to wild ratios."""

    def policy(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the policy's loss; turns with a ratio above `ratio_limit` count at their clipped log-probs [C].

        There min(rho A, clip(rho) A) is clip(rho) A, whose gradient is zero outside the clip range on either side.
        """
        o = self.options
        assert isinstance(o, VlDacOptions)
        if o.ratio_limit:
            lp, old = view.scores.logprobs, view.streams["old_logprobs"]
            ratio = importance_ratio(lp, old).detach()
            turn = torch.bucketize(torch.arange(len(lp), device=lp.device), view.heads, right=True) - 1
            peak = ratio.new_zeros(len(view.heads)).scatter_reduce(0, turn, ratio, "amax")
            near = old + (lp - old).clamp(math.log(max(1 - o.clip_low, 1e-30)), math.log1p(o.clip_high))
            lp = torch.where((peak > o.ratio_limit)[turn], near, lp)
            view = replace(view, scores=replace(view.scores, logprobs=lp))
        return super().policy(view)


def build(options: VlDacOptions, setting: Setting) -> Parts:
    """Compose VL-DAC."""
    objective = TurnObjective(options, per_turn=True)
    return replace(ppo.build(options, setting), credit=TurnCredit(options), objective=objective)


RECIPE = Recipe(
    name="vl-dac",
    summary="token-level PPO with a critic of turns on a stopped gradient",
    source="arXiv 2508.04280 and its release corl-team/VL-DAC; bootstrapping at limits, hybrid with groups: ours",
    options=VlDacOptions,
    build=build,
    preset={"model.value_head": True},
)
