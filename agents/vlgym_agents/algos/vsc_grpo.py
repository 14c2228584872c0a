"""VSC-GRPO, the group variant of VSC-RL: segments between subgoals compete with their like.

An episode is cut after every step that reaches a subgoal or the goal. Each segment's discounted return is compared with
those of its group that pursued the same subgoal, and joins the advantage that the episode has of its goal. The
composition is ours [O]: VSC-RL itself (arXiv 2502.07949, `vsc_rl.py`) knows no groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vlgym_agents.advantages import group_advantages
from vlgym_agents.algos import grpo
from vlgym_agents.recipe import Credit, Group, Parts, Recipe, Setting
from vlgym_agents.reference import Imitator, goal_reference_pass
from vlgym_agents.schema import at_least
from vlgym_agents.subgoals import Segment, SubgoalOptions, segments
from vlgym_agents.types import Floats


@dataclass(frozen=True)
class VscGrpoOptions(SubgoalOptions, grpo.GrpoOptions):
    """GRPO's options, where the subgoals come from, and what they are worth. kl_coef weighs the divergence from the
    reference that reads the goal alone, the one VSC-RL states [A]."""

    lambda_sg: float = 0.5
    """weight of the segment's advantage beside the goal's; 0: GRPO (ours)"""
    gamma_s: float = 0.9
    """a segment that reaches its subgoal in n steps returns gamma_s^(n - 1), in (0, 1] (ours)"""
    beta_ref: float = 0.0
    """weight of imitating actions that the frozen reference takes when it reads the goal alone; 0: off (ours: 0.01)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        grpo.GrpoOptions.__post_init__(self)
        SubgoalOptions.__post_init__(self)
        at_least(self, lambda_sg=0, beta_ref=0)
        if not 0 < self.gamma_s <= 1:
            raise ValueError(f"gamma_s must be above 0 and at most 1, got {self.gamma_s}.")

    def idle(self) -> dict[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found = {**grpo.GrpoOptions.idle(self), **SubgoalOptions.idle(self)}
        if not self.lambda_sg:
            found["gamma_s"] = "algo.lambda_sg is 0"
        return found


@dataclass(frozen=True)
class SegmentCredit:
    """Advantage of a turn: its episode's among the group, plus lambda_sg times its segment's among its like."""

    options: VscGrpoOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one number per trace, or one per turn where a group has segments to compare."""
        credit = grpo.GroupCredit(self.options)(groups)
        if not self.options.lambda_sg:
            return credit
        advantages, goal = [], iter(credit.advantages)
        for group in groups:
            for extra, trace in zip(self.relative(group), group):
                own = next(goal)
                masked = self.options.mask_truncated and trace.turns[-1].truncated
                advantages.append(own if masked or not extra.any() else own + self.options.lambda_sg * extra)
        return replace(credit, advantages=advantages)

    def relative(self, group: Group) -> list[Floats]:
        """Return float32 [K] per trace: the relative return of the segment each turn is in, 0 where nothing compares.

        Segments with the same subgoal index compete; a subgoal that fewer than two episodes pursued gives nothing.
        """
        o = self.options
        extra = [np.zeros(len(trace.turns), np.float32) for trace in group]
        pursued: dict[int, list[tuple[int, Segment]]] = {}
        for i, trace in enumerate(group):
            if any("progress" in turn.info for turn in trace.turns):
                for segment in segments(trace, trace.success):
                    pursued.setdefault(segment.index, []).append((i, segment))
        for rivals in pursued.values():
            returns = [o.gamma_s ** (len(segment) - 1) * segment.reached for _, segment in rivals]
            found = group_advantages(returns, "mean_std", ddof=o.adv_ddof, eps=o.adv_eps)
            for (i, segment), advantage in zip(rivals, found):
                extra[i][segment.first : segment.last] = advantage
        return extra


def build(options: VscGrpoOptions, setting: Setting) -> Parts:
    """Compose VSC-GRPO: GRPO with subgoals shown, segments credited, and a reference that reads the goal alone."""
    parts, credit = grpo.build(options, setting), SegmentCredit(options)
    parts = replace(
        parts, credit=credit, observe=options.observe(setting, plain=bool(options.kl_coef or options.beta_ref))
    )
    if options.dynamic_sampling and options.lambda_sg:
        spread = parts.keep
        parts = replace(parts, keep=lambda group: spread(group) or any(e.any() for e in credit.relative(group)))
    if options.kl_coef:
        parts = replace(parts, passes={"reference": goal_reference_pass(setting.policy)})
    if options.beta_ref:
        imitator = Imitator(setting, options.beta_ref)
        parts = replace(parts, repair=imitator, objective=imitator.joined(parts.objective), idle_zero=False)
    return parts


RECIPE = Recipe(
    name="vsc-grpo",
    summary="GRPO with subgoals shown to the policy and advantages of the segments between them",
    source="ours, after VSC-RL (arXiv 2502.07949)",
    options=VscGrpoOptions,
    build=build,
)
