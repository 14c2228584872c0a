"""Paired experiments: arms that share tasks, seeds and sampling noise, judged by claims that stand before the run.

Used by benchmarks/methods.py and benchmarks/learning.py.

    python benchmarks/paired.py --quick     # nothing to run here; the two above have the experiments
"""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vlgym.core.stats import Interval
from vlgym_agents.compare.figures import Comparison, Metric, at_budget
from vlgym_agents.compare.runs import Job

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Arm:
    """One way to train: method, words for tables, and what differs from the experiment's own flags."""

    algo: str
    words: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds, and the figures that say so."""

    words: str
    holds: bool
    evidence: str

    def __str__(self) -> str:
        return f"{'HOLDS' if self.holds else 'DOES NOT HOLD'}: {self.words} ({self.evidence})"


Rule = Callable[[Comparison], tuple[bool, str]]
"""Figures -> (does it hold, evidence in words)."""


@dataclass(frozen=True)
class Claim:
    """A sentence declared before the run, and the rule that decides it."""

    words: str
    rule: Rule

    def judge(self, comparison: Comparison) -> Verdict:
        """Return the verdict on finished runs."""
        holds, evidence = self.rule(comparison)
        return Verdict(self.words, holds, evidence)


@dataclass(frozen=True)
class Experiment:
    """The paired experiment of a method.

    Attributes:
        title: of its section in the results page.
        setting: what is trained on what, in words.
        flags: `vlgym-train` flags all arms share (environment, warm start, group size, evaluation ...).
        steps: training steps: the same optimiser steps for every arm.
        arms: name -> arm; the first is the baseline that others are compared with.
        claims: declared before the run.
        metrics: column title -> metric; the first is the one claims are about.
        seeds: runs per arm.
        quick: flags that make a small run of it, for a test of the machinery.
        why: what a reader should know about the choices (controls, what was tried).
    """

    title: str
    setting: str
    flags: tuple[str, ...]
    steps: int
    arms: Mapping[str, Arm]
    claims: tuple[Claim, ...]
    metrics: Mapping[str, Metric] = field(default_factory=lambda: {"success at equal environment steps": at_budget()})
    seeds: int = 5
    quick: tuple[str, ...] = ()
    why: str = ""

    def jobs(self, seeds: int, *, quick: bool = False, arms: Sequence[str] = ()) -> list[Job]:
        """Return the runs of the arms (default: all), seed by seed, so that an interrupted experiment is balanced."""
        steps = ("--steps", str(2 if quick else self.steps))
        small = self.quick if quick else ()
        return [
            Job(name, seed, ("--algo", arm.algo, *steps, *self.flags, *arm.flags, *small))
            for seed in range(seeds)
            for name, arm in self.arms.items()
            if not arms or name in arms
        ]


# ---------------------------------------------------------------------- rules of claims


def shown(found: Interval) -> str:
    """Return an estimate with its interval in as many digits as its size asks for."""
    digits = ".3f" if max(abs(found.value), abs(found.low), abs(found.high)) < 10 else ",.0f"
    return f"{found.value:{digits}} [{found.low:{digits}}, {found.high:{digits}}]"


def wins(arm: str, other: str, metric: Metric, *, of: float = 0.8, smaller: bool = False) -> Rule:
    """`arm` is better than `other` on at least the share `of` of the paired seeds (4 of 5)."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        found = list(comparison.differences(arm, other, metric).values())
        won = sum(d < 0 if smaller else d > 0 for d in found)
        middle = comparison.difference(arm, other, metric)
        return bool(found) and won >= of * len(found), f"{won} of {len(found)} seeds, difference {shown(middle)}"

    return rule


def not_above(arm: str, other: str, metric: Metric) -> Rule:
    """The interval of the paired difference `arm` - `other` does not lie above zero: the control gains nothing."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        middle = comparison.difference(arm, other, metric)
        return middle.low <= 0, f"difference {shown(middle)}"

    return rule


def above(arm: str, other: str, metric: Metric) -> Rule:
    """The interval of the paired difference `arm` - `other` lies above zero."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        middle = comparison.difference(arm, other, metric)
        return middle.low > 0, f"difference {shown(middle)}"

    return rule


def at_most(arm: str, other: str, metric: Metric, *, share: float) -> Rule:
    """The interquartile mean of `arm` is at most `share` of that of `other`."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        mine, theirs = comparison.interval(arm, metric).value, comparison.interval(other, metric).value
        ratio = mine / theirs if theirs else math.nan
        return ratio <= share, f"{mine:.4g} against {theirs:.4g}, ratio {ratio:.2f}"

    return rule


def more_than(arm: str, other: str, metric: Metric, *, share: float) -> Rule:
    """The interquartile mean of `arm` is more than `share` of that of `other`."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        holds, words = at_most(arm, other, metric, share=share)(comparison)
        return not holds, words

    return rule


def every(*rules: Rule) -> Rule:
    """All of the rules hold."""

    def rule(comparison: Comparison) -> tuple[bool, str]:
        found = [one(comparison) for one in rules]
        return all(holds for holds, _ in found), "; ".join(words for _, words in found)

    return rule


# ---------------------------------------------------------------------- plots and words


def smooth(values: Sequence[float], width: int = 5) -> list[float]:
    """Return the trailing mean over `width` values."""
    return [statistics.mean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]


def plot(
    curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], path: Path, *, x: str, y: str
) -> None:
    """Draw the mean over runs and their range; `curves` maps words to (x, y in [0, 1]) of each run."""
    import matplotlib
    import numpy as np

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=110)
    highest = 0.0
    for words, runs in curves.items():
        if not runs:
            continue
        end = min(xs[-1] for xs, _ in runs)
        start = max(xs[0] for xs, _ in runs)
        grid = np.linspace(start, end, 100)
        lines = 100 * np.array([np.interp(grid, xs, ys) for xs, ys in runs])
        (line,) = axes.plot(grid, lines.mean(0), label=words)
        highest = max(highest, float(lines.max()))
        axes.fill_between(grid, lines.min(0), lines.max(0), alpha=0.15, color=line.get_color())
    axes.set(xlabel=x, ylabel=y, ylim=(0, min(100.0, 1.3 * highest or 1.0)))
    axes.grid(alpha=0.3)
    columns = 1 if max(map(len, curves), default=0) > 50 else 2
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=columns, frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def hardware(at_a_time: int) -> str:
    """Return what the runs were made on, in words."""
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), no GPU, {at_a_time} run{'s' * (at_a_time != 1)} at a time "
        f"with one thread each"
    )
