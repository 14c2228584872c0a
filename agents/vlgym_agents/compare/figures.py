"""Figures of a comparison: what each run scored at the same cost, and intervals over the runs of a method."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlgym.core.stats import Interval
from vlgym_agents.compare.runs import Outcome
from vlgym_agents.stats import bootstrap, interquartile_mean, stratified_bootstrap

Metric = Callable[[Outcome, float], float]
"""(outcome, environment steps that all runs of its seed made) -> a number; NaN where it cannot be known."""


def curve(outcome: Outcome, bucket: str = "") -> tuple[list[float], list[float]]:
    """Return environment steps and success of the run's evaluations, in order.

    `bucket`, a regular expression, restricts the success to tasks whose id it matches.
    """
    steps = [outcome.spent("env_steps", int(e.get("step") or 0)) for e in outcome.evaluations]
    return steps, [_success(outcome, i, bucket) for i in range(len(steps))]


def _success(outcome: Outcome, index: int, bucket: str) -> float:
    entry = outcome.evaluations[index]
    if not bucket:
        return float(entry["success"]["value"])
    chosen = [won for task, _, won in outcome.tasks(str(entry["name"])) if re.search(bucket, task)]
    return float(np.mean(chosen)) if chosen else math.nan


def final(bucket: str = "") -> Metric:
    """Success of the last evaluation: after the same optimiser steps."""
    return lambda outcome, budget: _success(outcome, len(outcome.evaluations) - 1, bucket)


def at_budget(bucket: str = "") -> Metric:
    """Success after as many environment steps as the cheapest run of the seed made, between evaluations by a line."""

    def value(outcome: Outcome, budget: float) -> float:
        steps, success = curve(outcome, bucket)
        return float(np.interp(budget, steps, success)) if steps else math.nan

    return value


def area(bucket: str = "") -> Metric:
    """Mean success over the environment steps from 0 to the budget: area under the evaluation curve, in [0, 1]."""

    def value(outcome: Outcome, budget: float) -> float:
        steps, success = curve(outcome, bucket)
        if len(steps) < 2 or budget <= 0:
            return math.nan
        inner = [(x, y) for x, y in zip(steps, success) if x < budget] + [
            (budget, float(np.interp(budget, steps, success)))
        ]
        xs, ys = zip(*inner)
        return float(np.trapezoid(ys, xs) / (budget - xs[0]))

    return value


def cost_to(threshold: float, unit: str = "env_steps") -> Metric:
    """Environment steps, tokens or episodes until an evaluation reaches `threshold`; all of the run's if none does."""

    def value(outcome: Outcome, budget: float) -> float:
        for index, entry in enumerate(outcome.evaluations):
            if _success(outcome, index, "") >= threshold:
                return outcome.spent(unit, int(entry.get("step") or 0))
        return outcome.spent(unit, int(outcome.options["run.steps"]))

    return value


def average(key: str) -> Metric:
    """Mean of a training metric over the steps."""
    return lambda outcome, budget: outcome.mean(key)


# ---------------------------------------------------------------------- over runs


@dataclass(frozen=True)
class Comparison:
    """Outcomes by label; the first label is what the others are compared with.

    Attributes:
        outcomes: label -> its outcomes, one per (environment, seed).
    """

    outcomes: Mapping[str, Sequence[Outcome]]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Comparison:
        """Return the comparison of outcomes, labels in order of first appearance.

        Runs that share label, environment and seed are no repetitions of each other: they go by their folders' names.
        """
        times = Counter((outcome.label, *_key(outcome)) for outcome in outcomes)
        clashing = {label for (label, *_), n in times.items() if n > 1}
        found: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            name = outcome.folder.resolve().name if outcome.label in clashing else outcome.label
            found.setdefault(name, []).append(outcome)
        return cls(found)

    def budget(self, outcome: Outcome) -> float:
        """Return the environment steps of the cheapest run that shares environment and seed with `outcome`."""
        return min(o.last("env_steps") for runs in self.outcomes.values() for o in runs if _key(o) == _key(outcome))

    def values(self, label: str, metric: Metric) -> dict[tuple[str, int], float]:
        """Return (environment, seed) -> metric for the runs of a label."""
        return {_key(o): metric(o, self.budget(o)) for o in self.outcomes.get(label, ())}

    def interval(self, label: str, metric: Metric) -> Interval:
        """Return the interquartile mean over the runs of a label, resampled within each environment."""
        return _interval(self.values(label, metric))

    def differences(self, label: str, other: str, metric: Metric) -> dict[tuple[str, int], float]:
        """Return (environment, seed) -> metric of `label` minus metric of `other`, where both have a run."""
        mine, theirs = self.values(label, metric), self.values(other, metric)
        return {key: mine[key] - theirs[key] for key in mine if key in theirs}

    def difference(self, label: str, other: str, metric: Metric) -> Interval:
        """Return the interquartile mean of the paired differences."""
        return _interval(self.differences(label, other, metric))


def _key(outcome: Outcome) -> tuple[str, int]:
    return outcome.env, outcome.seed


def _interval(values: Mapping[tuple[str, int], float]) -> Interval:
    strata: dict[str, list[float]] = {}
    for (env, _), value in values.items():
        if not math.isnan(value):
            strata.setdefault(env, []).append(value)
    if not strata:
        return bootstrap([], interquartile_mean)
    return stratified_bootstrap(list(strata.values()), interquartile_mean)
