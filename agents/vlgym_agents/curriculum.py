"""Which tasks come next: a fixed selection, a filter by probing, and stages from easy to hard.

A sampler changes its state in `update` alone, at the end of a step: a step that is abandoned leaves no mark.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from vlgym.core.tasks import Task
from vlgym_agents.recipe import Group, Metrics, RecipeError, UniformTasks
from vlgym_agents.rollout import generator
from vlgym_agents.schema import at_least, one_of
from vlgym_agents.types import Trace

SELECTION_SEED = 20250522
"""Of `select`: the same in every run, so that runs to be compared have the same tasks."""


def select(ids: Sequence[str], n: int) -> Sequence[str]:
    """Return `n` of the ids, drawn once for all runs, in their order; all of them where `n` is 0 or too large."""
    if not n or n >= len(ids):
        return ids
    chosen = generator(SELECTION_SEED).choice(len(ids), n, replace=False)
    return [ids[int(i)] for i in np.sort(chosen)]


class ProbedTasks:
    """Uniform over those candidates that the policy we start from solves now and then.

    While probing, steps collect episodes of the candidates; the method must not learn from them (`Parts.keep`), and
    they count as environment steps like any other. Then the candidates solved at least once stay. A task of success
    probability p stays with probability 1 - (1 - p)^rollouts.

    Args:
        candidates: task ids.
        rollouts: episodes of each candidate; 0: every candidate stays, nothing is probed.
        solved: trace -> whether it counts as a success.

    Source: ARPO, arXiv 2505.16282: 16 rollouts of each of 369 tasks leave 128 [S].
    """

    def __init__(self, candidates: Sequence[str], rollouts: int, solved: Callable[[Trace], bool]) -> None:
        self.candidates, self.rollouts, self.solved = candidates, rollouts, solved
        self.tried: dict[str, list[int]] = {}
        self.probing = rollouts > 0
        self._uniform = UniformTasks(candidates)

    def sample(self, n: int, rng: np.random.Generator) -> Sequence[str]:
        """Return `n` task ids: those still to be probed, in random order, or uniform ones."""
        if not self.probing:
            return self._uniform.sample(n, rng)
        left = self._left()
        chosen = [left[int(i)] for i in rng.permutation(len(left))[:n]]
        return [*chosen, *(self._uniform.sample(n - len(chosen), rng) if len(chosen) < n else ())]

    def _left(self) -> list[str]:
        return [task for task in self.candidates if self.tried.get(task, (0, 0))[0] < self.rollouts]

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Count successes while probing; raises RecipeError if no candidate was ever solved."""
        if self.rollouts and self.probing:
            before = len(self.tried), sum(n for n, _ in self.tried.values())
            for group in groups:
                found = self.tried.setdefault(group[0].task, [0, 0])
                for trace in group[: self.rollouts - found[0]]:
                    found[0] += 1
                    found[1] += bool(self.solved(trace))
            after = len(self.tried), sum(n for n, _ in self.tried.values())
            if not self._left() or before == after:  # without progress: what is left cannot be started at all
                self._close()
        return {"probing": float(self.probing), "tasks": float(len(self._uniform.ids))} if self.rollouts else {}

    def _close(self) -> None:
        self.probing = False
        kept = [task for task in self.candidates if self.tried.get(task, (0, 0))[1]]
        if not kept:
            raise RecipeError(
                f"None of {len(self.candidates)} tasks was solved in {self.rollouts} probing rollouts each; train the "
                f"policy by imitation first, or give algo.probe more rollouts or algo.tasks more tasks."
            )
        self._uniform = UniformTasks(kept)

    def state_dict(self) -> dict[str, Any]:
        """Return the counts."""
        return {"tried": {task: list(found) for task, found in self.tried.items()}, "probing": self.probing}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.tried = {task: list(found) for task, found in state["tried"].items()}
        self.probing = bool(state["probing"])
        if self.rollouts and not self.probing:
            self._close()


# ---------------------------------------------------------------------- stages

EMA_DECAY = 0.95
"""Of a stage's success, per group of it (CRAFT-GUI sheet, ours)."""
TASK_DECAY = 0.7
"""Of a task's success, per group of it (ours)."""
PRIOR = 0.5
"""Success of a task that was never tried (ours)."""
FLOOR = 0.02
"""Weight inside a stage that a task keeps when it is always or never solved (ours)."""
LENGTHS = 16
"""Successful episodes whose median length is a task's measured difficulty (ours)."""

Order = Literal["easy_first", "hard_first"]
Measure = Literal["oracle", "measured"]


@dataclass(frozen=True)
class StageOptions:
    """Stages by difficulty, the mixture they are drawn in, and when the current one changes."""

    tasks: int = 4096
    """draw from at most so many tasks of the split, the same in every run; 0: all (each one's length is looked up)"""
    stages: tuple[int, ...] = (3, 8)
    """largest difficulty of every stage but the last (CRAFT-GUI: 1-3, 4-8, 9 and more steps); []: one stage"""
    order: Order = "easy_first"
    """easy_first, or hard_first as a control"""
    difficulty: Measure = "oracle"
    """oracle: the task's stated length, where it has one; measured: median length of its last 16 solved episodes. With
    neither a task belongs to the current stage (ours)"""
    learnability: bool = True
    """inside the current and the next stage a task of success p weighs p (1 - p) + 0.02; false: all equal (ours)"""
    earlier_share: float = 0.2
    """share of groups from the stages before the current one (ours)"""
    next_share: float = 0.1
    """share of groups from the stage after it (ours)"""
    promote_at: float = 0.7
    """go on to the next stage when the current one's running success is at least this ... (ours)"""
    promote_after: int = 200
    """... and so many of its groups were seen (ours)"""
    stage_share: float = 1 / 3
    """go on in any case after this share of the run's steps; 0: never (ours)"""
    demote_below: float = 0.5
    """go back when a mastered stage's running success stays below this ... (ours)"""
    demote_after: int = 100
    """... for so many groups of any stage (ours)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        one_of(self, order=get_args(Order), difficulty=get_args(Measure))
        at_least(self, tasks=0, earlier_share=0, next_share=0, promote_after=0, stage_share=0, demote_after=1)
        bounds = list(self.stages) if isinstance(self.stages, (list, tuple)) else [math.nan]
        if any(isinstance(b, bool) or not isinstance(b, int) for b in bounds) or bounds != sorted(set(bounds)):
            raise ValueError(f"stages must be whole numbers in ascending order, such as [3, 8], got {self.stages!r}.")
        if not self.earlier_share + self.next_share <= 1:
            raise ValueError(
                f"earlier_share and next_share must leave something to the current stage, got {self.earlier_share} and "
                f"{self.next_share}."
            )

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        if self.stages:
            return {}
        names = {f.name for f in fields(StageOptions)} - {"tasks", "stages", "learnability"}
        return dict.fromkeys(names, "algo.stages is empty")


@dataclass(slots=True)
class Progress:
    """Where a curriculum stands; positions count stages in the order they come.

    Attributes:
        current: position of the current stage.
        groups: groups of the current stage seen since it became current.  steps: training steps since then.
        low: groups seen since the stage before fell below `demote_below`.
        success: running success per position, NaN before its first group.
        mastered: whether a position was left by success.
        planned: training steps of the run.
    """

    current: int
    groups: int
    steps: int
    low: int
    success: list[float]
    mastered: list[bool]
    planned: int


class Stages:
    """Tasks from easy to hard (or in reverse), a stage at a time, mixed with what came before and what comes next.

    Args:
        tasks: of the environment.
        ids: those to draw from.
        options: stages, mixture, promotion.
        steps: training steps of the run; 0: unknown, then a stage is left by success alone.

    Source: CRAFT-GUI, arXiv 2508.11360: stages by number of steps [S]; mixture, promotion and weights ours [O].
    """

    def __init__(self, tasks: Mapping[str, Task], ids: Sequence[str], options: StageOptions, steps: int = 0) -> None:
        self.options, self.ids = options, UniformTasks(ids).ids
        n = len(options.stages) + 1
        stated = options.difficulty == "oracle" and n > 1
        self._stated = {task: float(tasks[task].difficulty) for task in ids} if stated else {}
        self.at = Progress(0, 0, 0, 0, [math.nan] * n, [False] * n, steps)
        self.rate: dict[str, float] = {}
        self.lengths: dict[str, list[int]] = {}
        self._skip_empty()

    def length(self, task: str) -> float | None:
        """Return a task's difficulty in steps, None if nobody knows."""
        stated = self._stated.get(task, 0.0)
        if stated > 0:
            return stated
        return float(np.median(self.lengths[task])) if task in self.lengths else None

    def position(self, task: str) -> int:
        """Return the position of a task's stage."""
        length = self.length(task)
        if length is None:
            return self.at.current
        stage = bisect_left(self.options.stages, length)
        return stage if self.options.order == "easy_first" else len(self.options.stages) - stage

    # -------------------------------------------------------------- drawing

    def sample(self, n: int, rng: np.random.Generator) -> Sequence[str]:
        """Return `n` task ids: those of the current stage first, then earlier ones, then ones of the next."""
        if not self.options.stages:
            return self._draw(self.ids, n, rng, self.options.learnability)
        pools = self._pools()
        now = self.at.current
        earlier = [task for pool in pools[:now] for task in pool]
        following = pools[now + 1] if now + 1 < len(pools) else []
        n_earlier = round(self.options.earlier_share * n) if earlier else 0
        n_next = round(self.options.next_share * n) if following else 0
        return [
            *self._draw(pools[now] or self.ids, n - n_earlier - n_next, rng, self.options.learnability),
            *self._draw(earlier, n_earlier, rng, False),
            *self._draw(following, n_next, rng, self.options.learnability),
        ]

    def _pools(self) -> list[list[str]]:
        pools: list[list[str]] = [[] for _ in self.at.success]
        for task in self.ids:
            pools[self.position(task)].append(task)
        return pools

    def _draw(self, pool: Sequence[str], n: int, rng: np.random.Generator, weighted: bool) -> list[str]:
        if not n:
            return []
        p = None
        if weighted:
            rates = np.array([self.rate.get(task, PRIOR) for task in pool])
            p = rates * (1 - rates) + FLOOR
            p /= p.sum()
        return [pool[int(i)] for i in rng.choice(len(pool), n, replace=n > len(pool), p=p)]

    # -------------------------------------------------------------- learning from what happened

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Follow the success of stages and tasks, then change the stage if it is time."""
        met = [self.length(group[0].task) for group in groups]
        for group in groups:
            self._count(group)
        self.at.steps += 1
        metrics = {"stage": self.at.current + 1.0} if self.options.stages else {}
        for place, success in enumerate(self.at.success):
            if self.options.stages and not math.isnan(success):
                metrics[f"stage_{place + 1}_success"] = success
        known = [length for length in met if length is not None]
        if known:
            metrics["difficulty"] = float(np.mean(known))
        self._move()
        return metrics

    def _count(self, group: Group) -> None:
        task, at = group[0].task, self.at
        place, rate = self.position(task), float(np.mean([trace.success for trace in group]))
        before = at.success[place]
        at.success[place] = rate if math.isnan(before) else EMA_DECAY * before + (1 - EMA_DECAY) * rate
        at.groups += place == at.current
        forgotten = at.current > 0 and at.success[at.current - 1] < self.options.demote_below
        at.low = at.low + 1 if forgotten else 0
        self.rate[task] = TASK_DECAY * self.rate.get(task, PRIOR) + (1 - TASK_DECAY) * rate
        solved = [len(trace.turns) for trace in group if trace.success]
        if solved and self._stated.get(task, 0.0) <= 0:
            self.lengths[task] = [*self.lengths.get(task, ()), *solved][-LENGTHS:]

    def _move(self) -> None:
        o, at = self.options, self.at
        mastered = at.success[at.current] >= o.promote_at and at.groups >= o.promote_after
        spent = bool(at.planned and o.stage_share) and at.steps >= o.stage_share * at.planned
        if at.current + 1 < len(at.success) and (mastered or spent):
            at.mastered[at.current] = mastered
            self._enter(at.current + 1)
            self._skip_empty()
        elif at.current and at.mastered[at.current - 1] and at.low >= o.demote_after:
            at.mastered[at.current - 1] = False  # it has to be mastered anew
            self._enter(at.current - 1)

    def _enter(self, place: int) -> None:
        self.at.current, self.at.groups, self.at.steps, self.at.low = place, 0, 0, 0

    def _skip_empty(self) -> None:
        """Go past stages that no task belongs to."""
        if self._stated:
            pools = self._pools()
            while self.at.current + 1 < len(pools) and not pools[self.at.current]:
                self._enter(self.at.current + 1)

    def state_dict(self) -> dict[str, Any]:
        """Return where the curriculum stands and what it knows of the tasks."""
        lengths = {task: list(found) for task, found in self.lengths.items()}
        return {"at": asdict(self.at), "rate": dict(self.rate), "lengths": lengths}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned, the planned number of steps included."""
        at = state["at"]
        self.at = Progress(**{**at, "success": list(at["success"]), "mastered": list(at["mastered"])})
        self.rate = dict(state["rate"])
        self.lengths = {task: list(found) for task, found in state["lengths"].items()}
