"""Does the trainer learn WebShop, and is it the reward that teaches it? Paired runs with controls.

    python benchmarks/learning.py --docs docs      # 5 seeds x 6 arms; table and plot into docs/
    python benchmarks/learning.py --quick          # 1 seed, 2 arms, a few steps: does the machinery run
    python benchmarks/learning.py --arms grpo --seeds 3 --json figures.json

Every run starts from the shipped warm start, trains on train-split goals and is evaluated on the same 200 held-out
test goals before and after. Arms of one seed share tasks, episode seeds and sampling noise; all arms but `long`
spend the same number of episodes and optimiser steps. A run that is already in the output folder is not repeated, so an
interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ARMS: dict[str, tuple[str, list[str], str]] = {
    "grpo": ("grpo", [], "GRPO"),
    "long": ("grpo", ["--steps", "40"], "GRPO, 40 steps (more work than the other arms)"),
    "filtered_bc": ("filtered_bc", [], "filtered behaviour cloning on its own successful episodes"),
    "shuffled": ("grpo", ["--set", "run.control=shuffled_rewards"], "GRPO, returns permuted within the batch"),
    "zero": ("grpo", ["--set", "run.control=zero_advantages"], "GRPO, all advantages zero"),
    "flipped": ("grpo", ["--set", "run.control=sign_flip"], "GRPO, advantages with the opposite sign"),
}
T975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""97.5 % quantile of Student's t by degrees of freedom."""


@dataclass(frozen=True)
class Result:
    """One finished run: success before and after, the curve of training success, and its cost."""

    arm: str
    seed: int
    before: float
    after: float
    score_before: float
    score_after: float
    curve: list[float]
    minutes: float
    episodes: int

    @property
    def gain(self) -> float:
        """Points of success gained."""
        return 100 * (self.after - self.before)


def folder(out: Path, arm: str, seed: int) -> Path:
    """Return the run folder of an arm and a seed."""
    return out / f"{arm}-{seed}"


def read(out: Path, arm: str, seed: int) -> Result | None:
    """Return the result of a finished run, or None."""
    run = folder(out, arm, seed)
    try:
        before = json.loads((run / "eval_before.json").read_text())
        after = json.loads((run / "eval_after.json").read_text())
        steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        cost = json.loads((run / "minutes.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return Result(
        arm, seed, before["success"]["value"], after["success"]["value"], before["score"]["value"],
        after["score"]["value"], [step["success"] for step in steps], cost["minutes"], cost["episodes"],
    )  # fmt: skip


def train(out: Path, arm: str, seed: int, extra: list[str]) -> Result:
    """Run one arm with one seed in a process of its own (one torch thread) and return its result."""
    done = read(out, arm, seed)
    if done is not None:
        return done
    run = folder(out, arm, seed)
    shutil.rmtree(run, ignore_errors=True)
    algo, flags, _ = ARMS[arm]
    command = [str(Path(sys.executable).with_name("vlgym-train")), "--env", "webshop", "--algo", algo, "--quiet"]
    command += ["--seed", str(seed), "--out", str(run), "--set", "run.torch_threads=1", *extra, *flags]
    started = time.monotonic()
    log = out / f"{arm}-{seed}.log"
    with log.open("w") as stream:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code != 0:
        raise SystemExit(f"{arm}, seed {seed}, ended with status {code}; its output is in {log}.")
    options = json.loads((run / "config.json").read_text())["options"]
    episodes = options["run.steps"] * options["rollout.groups"] * options["rollout.group_size"]
    cost = {"minutes": (time.monotonic() - started) / 60, "episodes": episodes}
    (run / "minutes.json").write_text(json.dumps(cost))
    shutil.rmtree(run / "checkpoints", ignore_errors=True)
    result = read(out, arm, seed)
    assert result is not None, run
    print(f"{arm:12} seed {seed}: {result.before:.3f} -> {result.after:.3f} in {result.minutes:.1f} min", flush=True)
    return result


def interval(values: list[float]) -> tuple[float, float]:
    """Return (mean, half width of the 95 % Student interval)."""
    if len(values) < 2:
        return values[0], math.nan
    half = T975.get(len(values) - 1, 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


def table(results: list[Result]) -> str:
    """Return the markdown table of all arms."""
    lines = [
        "| arm | success before | after | gain, points (95 % interval) | gain per seed | score before -> after |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for arm, (_, _, words) in ARMS.items():
        runs = sorted((r for r in results if r.arm == arm), key=lambda r: r.seed)
        if not runs:
            continue
        mean, half = interval([r.gain for r in runs])
        lines.append(
            f"| {words} | {100 * statistics.mean(r.before for r in runs):.1f} % "
            f"| {100 * statistics.mean(r.after for r in runs):.1f} % | **{mean:+.1f}** ± {half:.1f} "
            f"| {', '.join(f'{r.gain:+.1f}' for r in runs)} "
            f"| {statistics.mean(r.score_before for r in runs):.3f} -> "
            f"{statistics.mean(r.score_after for r in runs):.3f} |"
        )
    return "\n".join(lines)


def plot(results: list[Result], path: Path) -> None:
    """Draw the training success of every arm: the mean over seeds and the range, smoothed over five steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=110)
    for arm, (_, _, words) in ARMS.items():
        curves = [smooth(r.curve) for r in results if r.arm == arm]
        if not curves:
            continue
        length = min(map(len, curves))
        columns = [[100 * curve[i] for curve in curves] for i in range(length)]
        (line,) = axes.plot([statistics.mean(column) for column in columns], label=words)
        axes.fill_between(
            range(length), [min(c) for c in columns], [max(c) for c in columns], alpha=0.15, color=line.get_color()
        )
    axes.set(xlabel="training step", ylabel="success of fresh training episodes, %", ylim=(0, 100))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1.0), ncol=2, frameon=False)
    figure.tight_layout()
    figure.savefig(path)


def smooth(values: list[float], width: int = 5) -> list[float]:
    """Return the trailing mean over `width` values."""
    return [statistics.mean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]


def report(results: list[Result], command: str, config: dict[str, object]) -> str:
    """Return docs/learning.md."""
    seeds = len({r.seed for r in results})
    own = [r for r in results if r.arm == "grpo"] or results
    minutes = statistics.mean(r.minutes for r in own)
    keys = "text and instruction" if config.get("env.obs_mode", "text") == "text" else "image, text and instruction"
    return f"""# Does it learn?

Made by `{command}` on 2 CPU cores without a GPU, two runs at a time with one thread each.

- Environment `vlgym/WebShop-v0`, default catalogue (`synthetic:1000`); the policy saw the observation keys {keys}.
- Policy: nano, from the shipped WebShop warm start (the same for all runs).
- Up to {seeds} seeds an arm; {own[0].episodes} training episodes a run but where an arm says otherwise
  ({minutes:.1f} minutes, both evaluations included).
- Evaluation: 200 held-out goals of the test split, the same before and after, sampled at temperature 1; success is a
  reward of exactly 1.
- Arms of one seed share tasks, episode seeds and sampling noise, and spend the same episodes and optimiser steps, but
  for the arm that says otherwise.

{table(results)}

The interval is Student's over seeds. Filtered behaviour cloning is the cheapest rival, on its own rollouts.
The last three rows are controls: without the reward's information there must be no gain, against it there must be a
loss.

![Training success by arm](learning.png)

What this does not show: learning from pixels (the policy read text), or what other hyper-parameters do. The size of the
warm start and the learning rate's schedule were chosen by looking at seed 0 and at the test split. Success is sampled;
greedy decoding of the warm start (its model card) succeeds no more often, so the gain is not the sharpening alone.
"""


def main() -> None:
    """Run what is missing, print the table, write the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="seeds per arm (default 5)")
    parser.add_argument("--arms", default=",".join(ARMS), help="comma-separated: " + ", ".join(ARMS))
    parser.add_argument("--steps", type=int, default=16, help="training steps of a run, 128 episodes each (default 16)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "learning", help="folder of the runs")
    parser.add_argument("--docs", type=Path, help="write learning.md and learning.png here, e.g. docs")
    parser.add_argument("--json", type=Path, help="write the figures as a flat JSON object")
    parser.add_argument("--quick", action="store_true", help="one seed, two arms, three steps, small evaluation")
    parser.add_argument("train_flags", nargs="*", help="after --: further flags of vlgym-train, the same for all arms")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.arms, args.steps, args.out = 1, "grpo,zero", 3, args.out.with_name("learning-quick")
        args.train_flags = ["--set", "eval.episodes=20", *args.train_flags]
    flags = ["--steps", str(args.steps), *args.train_flags]
    arms = args.arms.split(",")
    unknown = [arm for arm in arms if arm not in ARMS]
    if unknown:
        raise SystemExit(f"Unknown arm {unknown[0]!r}; known: {', '.join(ARMS)}.")
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [(arm, seed) for seed in range(args.seeds) for arm in arms]
    with ThreadPoolExecutor(args.jobs) as executor:
        list(executor.map(lambda job: train(args.out, *job, flags), jobs))
    found = (read(args.out, arm, seed) for arm in ARMS for seed in range(args.seeds))
    results = [result for result in found if result]  # of earlier calls too
    print("\n" + table(results))
    if args.json:
        figures = {f"{arm}_gain_points": interval([r.gain for r in results if r.arm == arm])[0] for arm in arms}
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    if args.docs:
        plot(results, args.docs / "learning.png")
        config = json.loads((folder(args.out, arms[0], 0) / "config.json").read_text())["options"]
        command = " ".join(["python benchmarks/learning.py", *sys.argv[1:]])
        (args.docs / "learning.md").write_text(report(results, command, config))


if __name__ == "__main__":
    main()
