"""PPO with a critic of tokens: every sampled token is a step, its advantage by GAE over all tokens of the episode.

The reference point among methods with a critic; `vl_dac` differs from it in what counts as a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

import numpy as np
import torch

from vlgym_agents.advantages import gae, standardise
from vlgym_agents.algos.grpo import aggregate
from vlgym_agents.losses import Aggregation, LossOptions, kl, policy_loss, value_loss
from vlgym_agents.recipe import (
    Credit,
    Group,
    Metrics,
    Parts,
    Recipe,
    RecipeError,
    Setting,
    UniformTasks,
    View,
    reference_pass,
    require_critic,
    return_terms,
    turn_rewards,
)
from vlgym_agents.schema import above_zero, at_least, one_of
from vlgym_agents.types import Floats, Trace

KlTarget = Literal["reference", "old"]
T = TypeVar("T")


@dataclass(frozen=True)
class PpoOptions(LossOptions):
    """The clipped loss, the critic's, and generalised advantage estimation."""

    clip_high: float = 0.2
    """upper clip width, >= 0 (PPO: the same as the lower one)"""
    dual_clip: float = 0.0
    """where the advantage is negative a ratio counts at most this, > 1; 0 = off, as in PPO"""
    aggregation: Aggregation = "token_mean"
    """token_mean, turn_mean, sequence_mean or constant, for policy and critic alike (PPO: the mean over steps)"""
    kl_target: KlTarget = "reference"
    """what kl_coef ties the policy to: the frozen reference, or the old policy, by the forward KL (matters where a
    batch brings several updates: at the first the two are one)"""
    gamma: float = 1.0
    """discount per step, [0, 1]; a step is a token here (1: trainers of language models)"""
    lam: float = 0.95
    """decay of GAE per step, [0, 1] (PPO: 0.95)"""
    bootstrap: bool = True
    """where a limit cut an episode, the critic's value of the last observation stands for what would have followed
    (arXiv 1712.00378); false: the last step is left out of the advantages"""
    normalise: bool = True
    """shift and scale the advantages of a rollout batch to mean 0 and deviation 1"""
    value_coef: float = 0.5
    """weight of the critic's loss, >= 0 (PPO's code: 0.5, of half the squared error)"""
    value_clip: float = 0.0
    """how far a value may move from the old one before its loss stops falling; 0 = no limit (PPO's code: 0.2)"""
    value_rate: float = 1.0
    """the critic's learning rate as a multiple of the policy's, > 0 (verl's examples: 10)"""
    value_warmup: int = 0
    """training steps at the start in which the critic alone learns (verl's critic_warmup: 0)"""
    success_weight: float = 0.0
    """this is added at the end of an episode that solves its task, beside the environment's own reward (ours)"""
    format_weight: float = 0.0
    """share of turns without an action the environment accepts, times this, is subtracted at the end (ours)"""

    def __post_init__(self) -> None:
        """Refuse values no method means."""
        LossOptions.__post_init__(self)
        one_of(self, kl_target=get_args(KlTarget))
        at_least(self, gamma=0, lam=0, value_coef=0, value_clip=0, value_warmup=0, success_weight=0, format_weight=0)
        above_zero(self, "value_rate")
        if max(self.gamma, self.lam) > 1:
            raise ValueError(f"gamma and lam must be at most 1, got {self.gamma} and {self.lam}.")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found: dict[str, str] = {}
        if not self.kl_coef:
            found |= dict.fromkeys(("kl", "kl_unbiased", "kl_target"), "algo.kl_coef is 0")
        elif self.kl_target == "old":
            found["kl_unbiased"] = "algo.kl_target is old, whose samples the batch holds"
        if self.ratio == "cispo":
            found |= dict.fromkeys(("clip_low", "dual_clip"), "algo.ratio is cispo")
        return found


@dataclass(frozen=True)
class ActorCritic:
    """The clipped surrogate and the critic's loss.

    Attributes:
        options: coefficients.
        per_turn: the critic learns the value before each turn; otherwise before each token.
    """

    options: PpoOptions
    per_turn: bool = False

    def __call__(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the loss of a micro-batch and its metrics; without the policy's part while the critic warms up."""
        loss, metrics = self.critic(view)
        if view.step <= self.options.value_warmup:  # no policy term at all: a zero gradient would still move AdamW
            return loss, metrics
        policy, found = self.policy(view)
        return policy + loss, found | metrics

    def policy(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the policy's loss, its KL term included."""
        o, s, lp = self.options, view.streams, view.scores.logprobs
        to_old = o.kl_coef > 0 and o.kl_target == "old"
        loss, metrics = policy_loss(
            lp,
            s["old_logprobs"],
            s["advantages"],
            s["weights"],
            replace(o, kl_coef=0.0) if to_old else o,
            lp_ref=s.get("reference"),
            lp_behaviour=s["behaviour"],
            sequence=view.rows,
        )
        if to_old:  # KL(old || policy): the batch is a sample of the first argument
            penalty = kl(s["old_logprobs"], lp, o.kl)
            loss = loss + o.kl_coef * (s["weights"] * penalty).sum()
            metrics["kl"] = float(penalty.detach().mean())
        return loss, metrics

    def critic(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the critic's loss: a mean over turns, or the token weights' mean over tokens it was asked about."""
        s, values = view.streams, view.scores.values
        assert values is not None, "build() asked for a critic"
        weights = torch.full_like(s["weights"], view.per_action) if self.per_turn else s["weights"]
        asked = view.heads if self.per_turn else torch.arange(len(weights), device=weights.device)
        asked = asked[s["targets"][asked].isfinite()]
        values, targets = values[asked], s["targets"][asked]
        losses = value_loss(values, targets, s["values"][asked], self.options.value_clip)
        metrics = {"value": float(values.detach().mean()), "value_loss": float(losses.detach().mean())}
        return self.options.value_coef * (weights[asked] * losses).sum(), metrics if len(asked) else {}


@dataclass(frozen=True)
class TokenCredit:
    """GAE over the tokens of an episode, across its turns; a turn's reward comes with its last token."""

    options: PpoOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one advantage and one target per sampled token."""
        found = [self.episode(trace) for group in groups for trace in group]
        advantages, targets, values = ([part[i] for part in found] for i in range(3))
        if self.options.normalise:
            advantages = standardise(advantages, [~np.isnan(v) for v in values])
        return Credit(advantages, targets, values)

    def episode(self, trace: Trace) -> tuple[Floats, Floats, Floats]:
        """Return (advantages, targets, values) of an episode, float32 [n] each.

        A token without a choice is no step: its advantage is 0 and its target and value are NaN.
        """
        values = np.concatenate(recorded([turn.values for turn in trace.turns], trace))
        ends = np.cumsum([len(turn.ids) for turn in trace.turns]) - 1
        steps = np.flatnonzero(~np.isnan(values))
        rewards = np.zeros(len(steps), np.float32)  # of a turn, at the last step that is not behind its last token
        np.add.at(rewards, np.searchsorted(steps, ends, side="right").clip(min=1) - 1, turn_rewards(trace))
        o, out = self.options, np.full((2, len(values)), np.nan, np.float32)
        out[0] = 0.0
        out[:, steps] = gae(rewards, values[steps], gamma=o.gamma, lam=o.lam, bootstrap=future(trace, o))
        return out[0], out[1], values


def recorded(values: Sequence[T | None], trace: Trace) -> list[T]:
    """Return the values of an episode's turns; raises RecipeError where none were recorded at sampling."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise RecipeError(
            f"Episode {trace.task!r} (seed {trace.seed}) was sampled without a critic; give the model a value head "
            f"(model.value_head true), or choose a method without a critic."
        )
    return known


def future(trace: Trace, options: PpoOptions) -> float | None:
    """Return the value of what follows the last turn: 0 after an end; where a limit cut it, the critic's, or None."""
    if not trace.turns[-1].truncated:
        return 0.0
    return trace.bootstrap if options.bootstrap else None


def build(options: PpoOptions, setting: Setting) -> Parts:
    """Compose PPO."""
    require_critic(setting.policy)
    tied = options.kl_coef > 0 and options.kl_target == "reference"
    return Parts(
        sampler=UniformTasks(setting.tasks.ids(setting.split)),
        rewards=return_terms(options.success_weight, options.format_weight),
        credit=TokenCredit(options),
        objective=ActorCritic(options),
        weigh=aggregate(options),
        passes={"reference": reference_pass(setting.policy)} if tied else {},
        critic=options.value_rate,
    )


RECIPE = Recipe(
    name="ppo",
    summary="clipped policy gradient with a critic of every token",
    source="arXiv 1707.06347; GAE over tokens across turns: arXiv 1506.02438; the critic on a stopped gradient: ours",
    options=PpoOptions,
    build=build,
    preset={"model.value_head": True},
)
