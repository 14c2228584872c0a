"""Filtered behaviour cloning: imitate the step's own successful episodes. The plainest of learners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch

from vlgym_agents.losses import Aggregation, token_weights
from vlgym_agents.recipe import Credit, Group, Metrics, Parts, Recipe, Setting, UniformTasks, View, env_return
from vlgym_agents.schema import one_of
from vlgym_agents.types import Batch, Floats


@dataclass(frozen=True)
class FilteredBcOptions:
    """Which episodes are imitated."""

    min_return: float = 1.0
    """an episode whose return is at least this is imitated, every other one is left out"""
    aggregation: Aggregation = "token_mean"
    """token_mean, turn_mean or sequence_mean, over the imitated episodes"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning here."""
        one_of(self, aggregation=[mode for mode in get_args(Aggregation) if mode != "constant"])


def imitation(view: View) -> tuple[torch.Tensor, Metrics]:
    """Advantage-weighted negative log-likelihood: -sum_t weights_t A_t lp_t."""
    losses = -view.streams["advantages"] * view.scores.logprobs
    return (view.streams["weights"] * losses).sum(), {"nll": float(-view.scores.logprobs.detach().mean())}


def build(options: FilteredBcOptions, setting: Setting) -> Parts:
    """Compose filtered behaviour cloning."""

    def credit(groups: Sequence[Group]) -> Credit:
        """1 for the tokens of an episode that is imitated, 0 for all others."""
        return Credit([float(trace.ret >= options.min_return) for group in groups for trace in group])

    def weigh(batch: Batch) -> Floats:
        """Weights over the imitated tokens only; the others are in no denominator."""
        chosen = batch.advantages != 0
        weights = np.zeros(len(chosen), np.float32)
        weights[chosen] = token_weights(
            batch.trace[chosen], batch.row[chosen], options.aggregation, turn=batch.turn[chosen]
        )
        return weights

    return Parts(
        sampler=UniformTasks(setting.tasks.ids(setting.split)),
        rewards={"env": env_return},
        credit=credit,
        objective=imitation,
        weigh=weigh,
        idle_zero=True,
    )


RECIPE = Recipe(
    name="filtered-bc",
    summary="behaviour cloning of the step's own successful episodes",
    source="ours, the usual control (expert iteration with one sample per prompt)",
    options=FilteredBcOptions,
    build=build,
)
