"""The table of a comparison: scores with intervals, paired differences, and what each method cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlgym.core.stats import Interval
from vlgym_agents.compare.figures import Comparison, area, at_budget, final
from vlgym_agents.compare.runs import Outcome
from vlgym_agents.stats import bootstrap

UNKNOWN = Interval(math.nan, math.nan, math.nan, "")
TITLES = (
    "method", "runs", "success at the end", "at equal env steps", "difference", "better in", "area",
    "env steps", "tokens", "optimiser steps", "extra groups", "minutes",
)  # fmt: skip
HOW = (
    "Success on held-out tasks: interquartile means over runs with the 95 % interval of a bootstrap that resamples the "
    "runs of each environment (of the tasks, where there is one run of each method). At equal env steps: read off the "
    "evaluation curve at the environment steps of the cheapest run of the seed. Difference: to the first method at "
    "equal environment steps, paired by environment and seed. Area: mean success over those environment steps. Costs "
    "are means of a run; extra groups were drawn beyond the optimiser batches."
)


@dataclass(frozen=True, slots=True)
class Line:
    """One method of the table; shares in [0, 1], costs per run."""

    label: str
    runs: int
    final: Interval
    budget: Interval
    difference: Interval
    better: str
    area: Interval
    env_steps: float
    tokens: float
    optimiser_steps: float
    extra_groups: float
    minutes: float

    def cells(self) -> tuple[str, ...]:
        """Return what the table shows, in the order of TITLES."""
        counts = (self.env_steps, self.tokens, self.optimiser_steps, self.extra_groups)
        return (
            self.label,
            str(self.runs),
            percent(self.final),
            percent(self.budget),
            percent(self.difference, sign="+"),
            self.better,
            percent(self.area),
            *(f"{count:,.0f}" for count in counts),
            f"{self.minutes:.1f}",
        )


def percent(found: Interval, sign: str = "") -> str:
    """Return an interval of shares in percent, "-" where nothing is known."""
    if math.isnan(found.value):
        return "-"
    value, low, high = (f"{100 * x:{sign}.1f}" for x in (found.value, found.low, found.high))
    return value if math.isnan(found.low) else f"{value} [{low}, {high}]"


def lines(comparison: Comparison) -> list[Line]:
    """Return one line per method; the first is what the others are compared with."""
    labels = list(comparison.outcomes)
    return [_line(comparison, label, labels[0]) for label in labels]


def _line(comparison: Comparison, label: str, first: str) -> Line:
    runs, metric = comparison.outcomes[label], at_budget()
    known = [o for o in runs if o.evaluations]
    apart = {} if label == first else comparison.differences(label, first, metric)
    single = all(len(outcomes) == 1 for outcomes in comparison.outcomes.values())
    end = comparison.interval(label, final()) if known else UNKNOWN
    budget = comparison.interval(label, metric) if known else UNKNOWN
    difference = comparison.difference(label, first, metric) if apart else UNKNOWN
    if single and known:
        end = _evaluated(runs[0])
        budget = Interval(budget.value, math.nan, math.nan, "")
        if apart:
            difference = _over_tasks(difference.value, runs[0], comparison.outcomes[first][0])
    return Line(
        label,
        len(runs),
        end,
        budget,
        difference,
        f"{sum(d > 0 for d in apart.values())} of {len(apart)}" if apart else "-",
        comparison.interval(label, area()) if known else UNKNOWN,
        _mean([o.last("env_steps") for o in runs]),
        _mean([o.last("tokens") for o in runs]),
        _mean([o.total("optimiser_steps") for o in runs]),
        _mean([o.extra_groups for o in runs]),
        _mean([o.minutes for o in runs]),
    )


def _evaluated(outcome: Outcome) -> Interval:
    """Return the success of the last evaluation with its own interval, over tasks."""
    entry = outcome.evaluations[-1]["success"]
    value, low, high = (float(entry[key]) for key in ("value", "low", "high"))
    return Interval(value, low, high, str(entry.get("interval", "")))


def _over_tasks(value: float, one: Outcome, other: Outcome) -> Interval:
    """Return `value` with an interval from pairing the tasks of two last evaluations; without if they share none."""
    mine, theirs = (
        {(task, seed): float(won) for task, seed, won in o.tasks(str(o.evaluations[-1]["name"]))} for o in (one, other)
    )
    apart = np.array([mine[key] - theirs[key] for key in mine if key in theirs])
    if len(apart) < 2:
        return Interval(value, math.nan, math.nan, "")
    found = bootstrap(apart)
    shift = value - found.value
    return Interval(value, found.low + shift, found.high + shift, "bootstrap over tasks 95%")


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def text(comparison: Comparison) -> str:
    """Return the table for a terminal."""
    rows = [TITLES, *(line.cells() for line in lines(comparison))]
    wide = [max(len(row[i]) for row in rows) for i in range(len(TITLES))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, wide)).rstrip() for row in rows)
