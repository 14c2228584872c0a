"""Does the trainer learn an environment, and is it the reward that teaches it? Paired runs with controls.

    python benchmarks/learning.py --docs docs                 # WebShop: 6 arms, 3 to 5 seeds; table and plot into docs/
    python benchmarks/learning.py --env android --docs docs   # the phone
    python benchmarks/learning.py --quick                     # 1 seed, 2 arms, a few steps: does the machinery run
    python benchmarks/learning.py --arms grpo --seeds 3 --json figures.json

Every run starts from the shipped warm start, trains on tasks of the training split and is evaluated on the same 200
held-out test tasks before and after. Arms of one seed share tasks, episode seeds and sampling noise; all that read text
spend the same number of episodes and optimiser steps. A run that is already in the output folder is not repeated, so an
interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from paired import ROOT, Arm, hardware, plot, smooth

from vlgym.core.errors import VlgymError
from vlgym_agents.compare.runs import Job, Outcome, read, run_all


@dataclass(frozen=True)
class Suite:
    """The arms of one environment.

    Attributes:
        page: of the docs, without its ending; the plot has the same name.
        arms: name -> arm, its flags those of a whole run.
        main: arms that the claim is about; the others are rivals and controls.
        setting, limits: what the page says before and after the table.
    """

    page: str
    arms: Mapping[str, Arm]
    main: tuple[str, ...]
    setting: str
    limits: str


def _controls(*flags: str) -> dict[str, Arm]:
    """Return the control arms: GRPO on text without the reward's information, and against it."""
    words = {
        "shuffled": ("shuffled_rewards", "returns permuted within the batch"),
        "zero": ("zero_advantages", "all advantages zero"),
        "flipped": ("sign_flip", "advantages with the opposite sign"),
    }
    return {
        name: Arm("grpo", f"GRPO, {said}, text", (*flags, "--set", f"run.control={control}"))
        for name, (control, said) in words.items()
    }


_WEBSHOP = ("--env", "webshop", "--steps", "20")
_ANDROID = ("--env", "android")
_PIXELS = (*_ANDROID, "--model", "nano-android-pixels")
SUITES: dict[str, Suite] = {
    "webshop": Suite(
        page="learning",
        arms={
            "pixels": Arm("grpo", "GRPO, pixels and text: `make train`", ("--preset", "webshop-pixels")),
            "grpo": Arm("grpo", "GRPO, text", _WEBSHOP),
            "filtered_bc": Arm(
                "filtered-bc", "filtered behaviour cloning on its own successful episodes, text", _WEBSHOP
            ),
            **_controls(*_WEBSHOP),
        },
        main=("pixels", "grpo"),
        setting="""- Environment `vlgym/WebShop-v0`, default catalogue (`synthetic:1000`). *Pixels and text*: the
  policy saw the observation keys `image` (320 x 240, drawn by Chromium), `text` and `instruction`. *Text*: `text` and
  `instruction`.
- Policy: nano, from the shipped WebShop warm start (the same for all runs; its convolutions stay frozen).
- Success is a reward of exactly 1.""",
        limits="""The learning rate and its schedule were chosen in earlier runs
that looked at the test split (seed 0); the size of the warm start and the steps of text on the dev split. The runs with
pixels made 12 steps at first, gained 18.3 ± 7.2 points on these seeds while still rising, and were made anew with 24.
Success is sampled; greedy decoding of the warm start (its model card) succeeds no more often, so the gain is not the
sharpening alone.""",
    ),
    "android": Suite(
        page="learning-android",
        arms={
            "arpo": Arm("arpo", "ARPO, element list: `vlgym-train --env android --algo arpo`", _ANDROID),
            "grpo": Arm("grpo", "GRPO, element list: `vlgym-train --env android --algo grpo`", _ANDROID),
            "pixels": Arm("grpo", "GRPO, pixels alone: the same with `--model nano-android-pixels`", _PIXELS),
            "pixels_shuffled": Arm(
                "grpo",
                "GRPO, returns permuted within the batch, pixels alone",
                (*_PIXELS, "--set", "run.control=shuffled_rewards"),
            ),
            **_controls(*_ANDROID),
        },
        main=("arpo", "grpo", "pixels"),
        setting="""- Environment `vlgym/Android-v0`. *Element list*: the 37 plain kinds of tasks with solutions of up to
  four steps, in episodes of at most eight; the policy saw `text` and `instruction`. *Pixels alone*: the 18 of them with
  solutions of up to three steps, in episodes of at most six; the policy saw the screen of 360 x 800 pixels (`image`,
  its smallest text is 11 pixels high) and `instruction`, one turn at a time, and answered with taps on points.
- Policy: nano, from the shipped warm starts `nano-android` and `nano-android-pixels` (the same for all runs). ARPO
  trains on 256 tasks that come back, of 11,100; the others draw from all of them (of 5,400 from pixels).""",
        limits="""Size of the warm start, learning rate and number of groups were
chosen in single runs that looked at 100 test tasks (seed 0). Success is sampled; greedy decoding of the warm start
succeeds on 58 % from the element list and on 44 % from pixels (their model cards), so a part of the gain is that the
policy makes up its mind. From pixels, starts that were surer of themselves (entropy 0.3 instead of 0.4 nats a token)
had gained little after eight steps and were not followed further; 30 steps at learning rate 4e-4 gained 18.6 points in
the mean of four seeds, and the runs were made anew with 50 steps at 3e-4. The run of seed 4 had a core of its own and
took 17.3 minutes.""",
    ),
}
T975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""97.5 % quantile of Student's t by degrees of freedom."""

Runs = Mapping[str, Sequence[Outcome]]
"""Finished runs by arm."""


def ends(run: Outcome, metric: str) -> tuple[float, float]:
    """Return a metric ("success" or "score") before and after training."""
    first, last = run.evaluations[0], run.evaluations[-1]
    return float(first[metric]["value"]), float(last[metric]["value"])


def gain(run: Outcome) -> float:
    """Return the points of success gained."""
    before, after = ends(run, "success")
    return 100 * (after - before)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return (mean, half width of the 95 % Student interval)."""
    if len(values) < 2:
        return values[0], math.nan
    half = T975.get(len(values) - 1, 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def table(runs: Runs, arms: Mapping[str, Arm]) -> str:
    """Return the markdown table of all arms."""
    lines = [
        "| arm | success before | after | gain, points (95 % interval) | gain per seed | score before -> after "
        "| episodes | minutes | CPU minutes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm, own in runs.items():
        success, score = (list(zip(*(ends(run, metric) for run in own))) for metric in ("success", "score"))
        mean, half = interval([gain(run) for run in own])
        lines.append(
            f"| {arms[arm].words} | {100 * statistics.mean(success[0]):.1f} % "
            f"| {100 * statistics.mean(success[1]):.1f} % | **{mean:+.1f}** ± {half:.1f} "
            f"| {', '.join(f'{gain(run):+.1f}' for run in own)} "
            f"| {statistics.mean(score[0]):.3f} -> {statistics.mean(score[1]):.3f} "
            f"| {own[0].episodes:,.0f} | {statistics.mean(run.minutes for run in own):.1f} "
            f"| {statistics.mean(sum(run.column('cpu_s')) for run in own) / 60:.1f} |"
        )
    return "\n".join(lines)


def curve(run: Outcome) -> tuple[list[float], list[float]]:
    """Return (training episodes played, their success, smoothed over three steps)."""
    each = run.episodes / len(run.rows)
    return [each * (i + 1) for i in range(len(run.rows))], smooth(run.column("success"), 3)


def report(suite: Suite, runs: Runs, command: str, at_a_time: int) -> str:
    """Return the page of the docs."""
    return f"""# Does it learn?

Made by `{command}` on {hardware(at_a_time)}.

{suite.setting}
- Evaluation: 200 held-out tasks of the test split, the same before and after, sampled at temperature 1.
- Arms of one seed that see the same share tasks, episode seeds and sampling noise, and spend the same episodes and
  optimiser steps.
- Minutes are wall time of one run, both evaluations included, while the machine did other work; CPU minutes are those
  of training alone.

{table(runs, suite.arms)}

The interval is Student's over seeds. The last rows are controls: without the reward's information there must be
no gain, against it there must be a loss.

![Training success by arm]({suite.page}.png)

What this does not show: what other hyper-parameters do. {suite.limits}
"""


def main() -> None:
    """Run what is missing, print the table, write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", default="webshop", choices=tuple(SUITES), help="environment (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of the arms that the claim is about (default 5)")
    parser.add_argument("--rival-seeds", type=int, default=3, help="seeds of the other arms (default 3)")
    parser.add_argument("--arms", help="comma-separated (default: all)")
    parser.add_argument("--steps", type=int, help="training steps (default: each arm's own)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--out", type=Path, help="folder of the runs (default runs/ and the page's name)")
    parser.add_argument("--docs", type=Path, help="write the page and its plot here, e.g. docs")
    parser.add_argument("--json", type=Path, help="write the figures as a flat JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed, two arms, three steps, small evaluation")
    parser.add_argument("train_flags", nargs="*", help="after --: further flags of vlgym-train, the same for all arms")
    args = parser.parse_args()
    suite = SUITES[args.env]
    args.out = args.out or ROOT / "runs" / suite.page
    if args.quick:
        args.seeds, args.rival_seeds, args.arms, args.steps = 1, 1, "grpo,zero", 3
        args.out = args.out.with_name(f"{suite.page}-quick")
        args.train_flags = ["--set", "eval.episodes=20", *args.train_flags]
    chosen = args.arms.split(",") if args.arms else list(suite.arms)
    unknown = [arm for arm in chosen if arm not in suite.arms]
    if unknown:
        raise SystemExit(f"Unknown arm {unknown[0]!r}; known: {', '.join(suite.arms)}.")
    steps = ("--steps", str(args.steps)) if args.steps else ()
    seeds = {arm: args.seeds if arm in suite.main else args.rival_seeds for arm in chosen}
    jobs = [
        Job(arm, seed, ("--algo", suite.arms[arm].algo, *suite.arms[arm].flags, *steps, *args.train_flags))
        for seed in range(max(seeds.values()))
        for arm in chosen
        if seed < seeds[arm]
    ]
    run_all(jobs, args.out, at_a_time=args.jobs)
    runs = {arm: [read(args.out / f"{arm}-{seed}", arm) for seed in range(seeds[arm])] for arm in chosen}
    print("\n" + table(runs, suite.arms))
    if args.json:
        figures = {f"{arm}_gain_points": interval([gain(run) for run in own])[0] for arm, own in runs.items()}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    if args.docs:
        curves = {suite.arms[arm].words: [curve(run) for run in own] for arm, own in runs.items()}
        words = {"x": "training episodes", "y": "success of fresh training episodes, %"}
        plot(curves, args.docs / f"{suite.page}.png", **words)
        command = f"python benchmarks/learning.py --env {args.env} --seeds {args.seeds} --rival-seeds"
        command += f" {args.rival_seeds} --docs docs"
        (args.docs / f"{suite.page}.md").write_text(report(suite, runs, command, args.jobs))


if __name__ == "__main__":
    try:
        main()
    except VlgymError as error:
        raise SystemExit(str(error)) from None
