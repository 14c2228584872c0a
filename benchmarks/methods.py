"""The paired experiment of a method, with its controls: does what the method claims hold here?

    python benchmarks/methods.py --method arpo                  # 5 seeds of every arm; table, curves, verdicts
    python benchmarks/methods.py --method arpo --docs docs      # ... into docs/methods/
    python benchmarks/methods.py --quick                        # two arms of each, two tiny steps: does it run

Runs share tasks, episode seeds and sampling noise across the arms of a seed, make the same optimiser steps, and are
compared at the same number of environment steps, those of dropped or probing episodes included. Claims and their
thresholds are in benchmarks/experiments.py, declared before the runs. A finished run is kept and not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from experiments import EXPERIMENTS
from paired import ROOT, Experiment, Verdict, hardware, plot, shown

from vlgym.core.errors import VlgymError
from vlgym_agents.compare.figures import Comparison, area, curve, final
from vlgym_agents.compare.runs import Job, read, run_all
from vlgym_agents.docs import pages, results


def compare(wanted: Sequence[Job], out: Path, jobs: int) -> Comparison:
    """Make what runs are missing and return all of them."""
    folders = run_all(wanted, out, at_a_time=jobs)
    return Comparison.of([read(folder, job.label) for folder, job in zip(folders, wanted)])


def table(experiment: Experiment, comparison: Comparison) -> str:
    """Return the markdown table of the arms: scores with intervals, then costs."""
    first = next(iter(experiment.arms))
    lead, metric = next(iter(experiment.metrics.items()))
    titles = [
        "arm", f"{lead} (95 %)", f"difference to {first}", "per seed", *list(experiment.metrics)[1:],
        "at the end", "area", "zero-gradient groups", "environment steps", "extra groups", "extra forwards", "minutes",
    ]  # fmt: skip
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    for name, runs in comparison.outcomes.items():
        arm = experiment.arms[name]
        cells = [
            arm.words,
            f"**{shown(comparison.interval(name, metric))}**",
            "-" if name == first else shown(comparison.difference(name, first, metric)),
            ", ".join(f"{v:.3f}" if v < 10 else f"{v:,.0f}" for v in comparison.values(name, metric).values()),
            *(shown(comparison.interval(name, other)) for other in list(experiment.metrics.values())[1:]),
            f"{comparison.interval(name, final()).value:.3f}",
            f"{comparison.interval(name, area()).value:.3f}",
            f"{100 * _mean([o.mean('zero_gradient_groups') for o in runs]):.0f} %",
            f"{_mean([o.last('env_steps') for o in runs]):,.0f}",
            f"{_mean([o.extra_groups for o in runs]):,.0f}",
            f"{_mean([o.total('extra_forwards') + o.total('replay_forwards') for o in runs]):,.0f}",
            f"{_mean([o.minutes for o in runs]):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def section(name: str, experiment: Experiment, comparison: Comparison, verdicts: list[Verdict], where: str) -> str:
    """Return the markdown section of an experiment."""
    runs = [o for outcomes in comparison.outcomes.values() for o in outcomes]
    claims = "\n".join(f"- **{'Holds' if v.holds else 'Does not hold'}**: {v.words} ({v.evidence})." for v in verdicts)
    seeds = len({o.seed for o in runs})
    return f"""## {experiment.title}

{experiment.setting}
Arms share tasks, episode seeds and sampling noise; {seeds} seeds, {experiment.steps} optimiser batches each. Made by
`python benchmarks/methods.py --method {name}` on {where};
{sum(o.minutes for o in runs):.0f} wall minutes of all runs added up.

Claims, declared before the run:

{claims}

{table(experiment, comparison)}

![{experiment.title}: success over environment steps]({name}.png)
{f"{chr(10)}{experiment.why}{chr(10)}" if experiment.why else ""}"""


HEAD = """# What the methods' claims come to on this suite

Written by `python benchmarks/methods.py --method NAME --docs docs`; the experiments and their thresholds stand in
`benchmarks/experiments.py` and were declared before the runs.

How to read a table: figures are interquartile means over seeds with the 95 % interval of a bootstrap that resamples
seeds; differences are paired by seed. Success is that of held-out tasks. *At equal environment steps* reads every
arm's evaluation curve at the environment steps of the cheapest arm of the seed, so that a method pays for every
episode it draws; *at the end* is after the same optimiser steps; *area* is the mean success over those environment
steps. Extra groups are those drawn beyond what the optimiser batches hold; extra forwards are rows scored without a
gradient (references, old log-probs).
"""


def write_docs(folder: Path, name: str, text: str) -> None:
    """Put the section of an experiment into the results page, in the order of the table of experiments."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "results.md"
    sections = results.sections(page) | {name: text}
    body = (f"{results.mark(key)}\n{sections[key].strip()}\n" for key in EXPERIMENTS if key in sections)
    page.write_text("\n".join([HEAD, *body]), encoding="utf-8")


def main() -> None:
    """Run what is missing of the experiments asked for; print tables and verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="", help="one of " + ", ".join(EXPERIMENTS) + "; default: all")
    parser.add_argument("--seeds", type=int, default=0, help="seeds per arm (default: the experiment's)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time (default: one a core)")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "methods", help="folder of the runs")
    parser.add_argument(
        "--docs", type=Path, help="write methods/results.md and the curves under this folder, e.g. docs"
    )
    parser.add_argument("--json", type=Path, help="write the figures as a flat JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed, two tiny steps: tests the machinery only")
    args = parser.parse_args()
    if args.method and args.method not in EXPERIMENTS:
        raise SystemExit(f"Unknown method {args.method!r}; experiments: {', '.join(EXPERIMENTS)}.")
    if args.quick and args.docs:
        raise SystemExit("--quick measures nothing; leave out --docs.")
    figures: dict[str, float] = {}
    for name in [args.method] if args.method else list(EXPERIMENTS):
        experiment = EXPERIMENTS[name]
        seeds = 1 if args.quick else args.seeds or experiment.seeds
        out = args.out / ("quick" if args.quick else "") / name
        print(f"== {experiment.title}")
        arms = list(experiment.arms)[:2] if args.quick and not args.method else []
        comparison = compare(experiment.jobs(seeds, quick=args.quick, arms=arms), out, args.jobs)
        verdicts = [] if args.quick else [claim.judge(comparison) for claim in experiment.claims]
        print(table(experiment, comparison), *verdicts, sep="\n")
        metric = next(iter(experiment.metrics.values()))
        figures |= {f"{name}_{arm}": comparison.interval(arm, metric).value for arm in comparison.outcomes}
        figures |= {f"{name}_claim_{i}_holds": float(v.holds) for i, v in enumerate(verdicts, 1)}
        if args.docs:
            folder = args.docs / "methods"
            write_docs(folder, name, section(name, experiment, comparison, verdicts, hardware(args.jobs)))
            curves = {a.words: [curve(o) for o in comparison.outcomes[n]] for n, a in experiment.arms.items()}
            plot(curves, folder / f"{name}.png", x="environment steps", y="success on held-out tasks, %")
            pages.write(folder)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except VlgymError as error:
        raise SystemExit(str(error)) from None
