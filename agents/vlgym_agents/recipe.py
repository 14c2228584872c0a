"""What a method is: a Recipe, the named composition of parts that the loop runs without knowing its name.

    sampler -> (rollout) -> rewards -> repair, keep -> credit -> weigh -> passes, objective -> (optimiser) -> sampler

Every part is a function or a small object; one with `state_dict` / `load_state_dict` is saved in the checkpoint. A
method that differs in one part is ``dataclasses.replace`` of another method's parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import torch

from vlgym.core.errors import VlgymError
from vlgym.core.tasks import TaskSet
from vlgym_agents.policy import Policy, Sampling, Scores
from vlgym_agents.rollout import Observe
from vlgym_agents.types import Batch, Floats, Row, Trace

Group = list[Trace]
"""Episodes that share task and initial state; those the machinery spoilt are not in it."""

Metrics = dict[str, float]


class RecipeError(VlgymError, ValueError):
    """A method needs something that the policy or the environment does not have; says what."""


class TaskSampler(Protocol):
    """Which tasks come next (curricula)."""

    def sample(self, n: int, rng: np.random.Generator) -> Sequence[str]:
        """Return `n` task ids; all randomness comes from `rng`, which is keyed by seed and step."""
        ...

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Learn from the fresh groups of a step, before any is dropped or repaired; return metrics to log."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Credit:
    """Who deserves what.

    Attributes:
        advantages: one entry per trace: a number shared by its tokens, float32 [K], one per turn, or float32 [n], one
            per sampled token.
        targets: per trace float32 [K] or [n], what the critic should have said before each turn or token, NaN where it
            was not asked; None without a critic.
        values: per trace float32 [K] or [n], what it did say; needed by an objective that clips its change.
    """

    advantages: list[Any]
    targets: list[Floats] | None = None
    values: list[Floats] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A micro-batch of whole rows as an objective sees it; n tokens.

    Attributes:
        batch: the rows and flat arrays [n].
        scores: differentiable scores of those rows.
        streams: float32 [n] tensors: "advantages", "old_logprobs", "weights", "behaviour" (log-probs recorded at
            sampling), "targets" and "values" (of the token or its turn, with a critic), and one per entry of `passes`.
        rows: int64 [n], row of each token.
        heads: int64 [T], index in [0, n) of the first token of each trained action.
        per_action: 1 / trained actions of the whole optimiser batch: an action's weight in a mean over actions.
        step: training step, from 1.
    """

    batch: Batch
    scores: Scores
    streams: Mapping[str, torch.Tensor]
    rows: torch.Tensor
    heads: torch.Tensor
    per_action: float
    step: int = 0


Rewards = Mapping[str, Callable[[Trace], float]]
Objective = Callable[[View], tuple[torch.Tensor, Metrics]]
"""Loss of a micro-batch, to be minimised. Losses of micro-batches must add up to the batch's: use the token weights."""

Pass = Callable[[Sequence[Row], Sampling], torch.Tensor]
"""A forward pass without gradient: rows -> float32 [n]."""


@dataclass(frozen=True)
class Parts:
    """A method, ready to run.

    Attributes:
        sampler: picks tasks.
        rewards: named terms; their sum is the return R of an episode, each is logged and shown in the report.
        credit: advantages of the groups' traces, in order (groups flattened).
        objective: the loss.
        weigh: token weights over a whole optimiser batch, denominators included (`losses.token_weights`).
        keep: whether a group stays in the batch; dropped groups are in no loss and no denominator.
        refill: dropped groups are replaced by fresh ones until so many times the wanted groups were drawn (1: never).
        repair: may replace members of a group (by stored successes, marked `replayed`); statistics are taken before.
        passes: extra forward passes before the first update; each becomes a stream. "old_logprobs" replaces the
            log-probs recorded at sampling, which then remain as "behaviour".
        idle_zero: tokens without advantage have no gradient, so rows made only of them need no forward pass.
        observe: how episodes are shown to the policy, in training and evaluation; None: as the environment does.
        critic: learning rate of the policy's critic as a multiple of the policy's own; 0: the method has no critic.
            With one, it judges where episodes stopped that a limit cut (`Trace.bootstrap`).
    """

    sampler: TaskSampler
    rewards: Rewards
    credit: Callable[[Sequence[Group]], Credit]
    objective: Objective
    weigh: Callable[[Batch], Floats]
    keep: Callable[[Group], bool] = lambda group: True
    refill: float = 1.0
    repair: Callable[[Sequence[Group], np.random.Generator], list[Group]] = lambda groups, rng: list(groups)
    passes: Mapping[str, Pass] = field(default_factory=dict)
    idle_zero: bool = False
    observe: Observe | None = None
    critic: float = 0.0

    def _stateful(self) -> Iterator[tuple[str, Any]]:
        for f in fields(self):
            part = getattr(self, f.name)
            if hasattr(part, "state_dict"):
                yield f.name, part

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every part that has one."""
        return {name: part.state_dict() for name, part in self._stateful()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for name, part in self._stateful():
            part.load_state_dict(state[name])


@dataclass(frozen=True, slots=True)
class Setting:
    """What a recipe may look at when it makes its parts.

    Attributes:
        tasks: the environment's tasks.  split: the one training draws from.
        policy: the policy, with the weights training starts from.
        sampling: how training episodes are sampled.
        updates: optimiser steps per rollout batch.
        window: turns the policy sees; 0: all.
        steps: training steps planned, for schedules; 0: unknown.
    """

    tasks: TaskSet
    split: str
    policy: Policy
    sampling: Sampling
    updates: int = 1
    window: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Recipe:
    """A method as a row of the table.

    Attributes:
        name, summary: for people.
        source: paper and section, or "ours".
        options: frozen dataclass of the method's own options (section algo).
        build: options, setting -> parts; raises RecipeError if the policy or environment lacks what it needs.
        preset: dotted options of the trainer that the method wants otherwise than the defaults.
    """

    name: str
    summary: str
    source: str
    options: type
    build: Callable[[Any, Setting], Parts]
    preset: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------------- parts every method can use


class UniformTasks:
    """Tasks drawn uniformly, without replacement inside a step where the split is large enough. Stateless."""

    def __init__(self, ids: Sequence[str]) -> None:
        if not len(ids):
            raise RecipeError("The environment has no tasks in the training split; choose another rollout.split.")
        self.ids = ids

    def sample(self, n: int, rng: np.random.Generator) -> Sequence[str]:
        """Return `n` task ids."""
        return [self.ids[int(i)] for i in rng.choice(len(self.ids), n, replace=n > len(self.ids))]

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Learn nothing."""
        return {}


def env_return(trace: Trace) -> float:
    """Sum of the environment's rewards."""
    return float(sum(turn.reward for turn in trace.turns))


def malformed_share(trace: Trace) -> float:
    """Share of turns that held no action the environment accepted, in [0, 1]."""
    return sum(not turn.info.get("action_valid", True) for turn in trace.turns) / max(len(trace.turns), 1)


def progress(trace: Trace) -> float:
    """Return the share of the task's checkpoints that the episode reached, in [0, 1]; 0 for a task without any."""
    noted = [turn.info["progress"] for turn in trace.turns if "progress" in turn.info]
    done, total = noted[-1] if noted else (0, 0)
    return done / total if total else 0.0


def return_terms(
    success_weight: float, format_weight: float, progress_weight: float = 0.0
) -> dict[str, Callable[[Trace], float]]:
    """Return the named terms of a return: the environment's, and those whose weight is not zero."""
    terms: dict[str, Callable[[Trace], float]] = {"env": env_return}
    if success_weight:
        terms["success"] = lambda trace: success_weight * trace.success
    if format_weight:
        terms["format"] = lambda trace: -format_weight * malformed_share(trace)
    if progress_weight:
        terms["progress"] = lambda trace: progress_weight * progress(trace)
    return terms


def turn_rewards(trace: Trace) -> Floats:
    """Return float32 [K]: the environment's rewards, and with the last what else the return R of the episode holds."""
    rewards = np.array([turn.reward for turn in trace.turns], np.float32)
    rewards[-1] += trace.ret - env_return(trace)
    return rewards


def require_critic(policy: Policy) -> None:
    """Raise RecipeError if the policy has no value head."""
    if policy.critic is None:
        raise RecipeError(
            f"Policy {policy.name!r} has no value head, which this method learns from; set model.value_head to true, "
            f"or choose a method without a critic."
        )


def reference_pass(policy: Policy) -> Pass:
    """Return the forward pass of the frozen reference policy, taken now; raises RecipeError if there is none."""
    reference = policy.reference()
    if reference is None:
        raise RecipeError(f"Policy {policy.name!r} has no reference for a KL term; set algo.kl_coef to 0.")
    return lambda rows, sampling: reference.score(rows, sampling).logprobs
