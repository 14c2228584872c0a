"""GRPO, multi-turn: the return of an episode relative to its group, shared by all tokens the policy sampled in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import torch

from vlgym_agents.advantages import Norm, group_advantages, zero_variance
from vlgym_agents.losses import LossOptions, policy_loss, token_weights
from vlgym_agents.recipe import (
    Credit,
    Group,
    Metrics,
    Parts,
    Pass,
    Recipe,
    Setting,
    UniformTasks,
    View,
    reference_pass,
    return_terms,
)
from vlgym_agents.schema import above_zero, at_least, one_of
from vlgym_agents.types import Batch, Floats


@dataclass(frozen=True)
class GrpoOptions(LossOptions):
    """Advantages, sampling of groups and the loss."""

    norm: Norm = "mean_std"
    """baseline and scale of a group: mean_std (GRPO), mean (Dr. GRPO), rloo (arXiv 2402.14740), none"""
    adv_ddof: int = 1
    """1: sample deviation (verl and TRL), 0: population deviation"""
    adv_eps: float = 1e-6
    """added to the deviation (verl family: 1e-6, TRL: 1e-4)"""
    dynamic_sampling: bool = False
    """drop groups whose returns are all equal and draw others (DAPO, arXiv 2503.14476, section 3.2)"""
    oversample: float = 3.0
    """with dynamic sampling: draw at most so many times the wanted groups (ours)"""
    success_weight: float = 0.0
    """this is added to the return of an episode that solves its task, beside the environment's own reward (ours)"""
    format_weight: float = 0.0
    """share of turns without an action the environment accepts, times this, is subtracted from the return (ours)"""
    progress_weight: float = 0.0
    """the share of the task's checkpoints that an episode reached, times this, is added to its return (ours)"""
    mask_truncated: bool = False
    """give episodes that a step limit cut no gradient; they still count in the group's baseline (DAPO section 3.4)"""

    def __post_init__(self) -> None:
        """Refuse values no method means."""
        LossOptions.__post_init__(self)
        one_of(self, norm=get_args(Norm))
        at_least(self, oversample=1, success_weight=0, format_weight=0, progress_weight=0, adv_eps=0, adv_ddof=0)
        above_zero(self, "oversample")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found: dict[str, str] = {}
        if not self.kl_coef:
            found |= dict.fromkeys(("kl", "kl_unbiased"), "algo.kl_coef is 0")
        if not self.dynamic_sampling:
            found["oversample"] = "algo.dynamic_sampling is false"
        if self.norm != "mean_std":
            found |= dict.fromkeys(("adv_ddof", "adv_eps"), f"algo.norm is {self.norm}")
        if self.ratio == "cispo":
            found |= dict.fromkeys(("clip_low", "dual_clip"), "algo.ratio is cispo")
        return found


@dataclass(frozen=True)
class GroupCredit:
    """Advantage of a trace: its return relative to its group."""

    options: GrpoOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one number per trace."""
        o = self.options
        advantages = []
        for group in groups:
            relative = group_advantages([t.ret for t in group], o.norm, ddof=o.adv_ddof, eps=o.adv_eps)
            cut = [o.mask_truncated and trace.turns[-1].truncated for trace in group]
            advantages += [0.0 if masked else float(a) for a, masked in zip(relative, cut)]
        return Credit(advantages)


@dataclass(frozen=True)
class ClippedObjective:
    """The clipped surrogate of `losses.policy_loss`, with a KL term where the options want one."""

    options: LossOptions

    def __call__(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the loss of a micro-batch and its metrics."""
        s = view.streams
        return policy_loss(
            view.scores.logprobs,
            s["old_logprobs"],
            s["advantages"],
            s["weights"],
            self.options,
            lp_ref=s.get("reference"),
            lp_behaviour=s["behaviour"],
            sequence=view.rows,
        )


def aggregate(options: LossOptions) -> Callable[[Batch], Floats]:
    """Return the token weights of the options' aggregation."""

    def weigh(batch: Batch) -> Floats:
        """Token weights, denominators over the whole optimiser batch."""
        return token_weights(
            batch.trace,
            batch.row,
            options.aggregation,
            turn=batch.turn,
            constant_length=options.constant_length or None,
        )

    return weigh


def ranked(group: Group) -> bool:
    """Whether the returns of a group differ, so that it says which episode was better."""
    return not zero_variance([trace.ret for trace in group])


def build(options: GrpoOptions, setting: Setting) -> Parts:
    """Compose GRPO."""
    passes: dict[str, Pass] = {"reference": reference_pass(setting.policy)} if options.kl_coef else {}
    return Parts(
        sampler=UniformTasks(setting.tasks.ids(setting.split)),
        rewards=return_terms(options.success_weight, options.format_weight, options.progress_weight),
        credit=GroupCredit(options),
        objective=ClippedObjective(options),
        weigh=aggregate(options),
        keep=ranked if options.dynamic_sampling else Parts.keep,
        refill=options.oversample if options.dynamic_sampling else 1.0,
        passes=passes,
        idle_zero=not options.kl_coef,
    )


RECIPE = Recipe(
    name="grpo",
    summary="group-relative policy optimisation over whole episodes",
    source="arXiv 2402.03300; asymmetric clip, token mean and dynamic sampling: arXiv 2503.14476",
    options=GrpoOptions,
    build=build,
)
