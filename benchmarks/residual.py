"""Does a residual on a cloned base reach what cloning cannot, from nothing, in half an hour on two cores?

    python benchmarks/residual.py --docs docs                # all arms, 3 seeds; table into docs/benchmarks/residual.md
    python benchmarks/residual.py --arms resip --seeds 1     # a part of it
    python benchmarks/residual.py --quick --json out.json    # does the machinery run

Every run does demonstrations, cloning and reinforcement with one command of `vlgym-train`, one torch thread and one
thread of physics, and is evaluated on the same held-out starts (500) before and after, then on a looser hole (0.4 mm)
and from 1.5 times the range of starts, neither of which it has seen. A run that is finished in the output folder is not
repeated and one that was interrupted goes on. The time reported is CPU time of the learning process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlgym_agents import cli

SHARED = ("--demos.count", "10", "--base.updates", "2000")
"""Few demonstrations: with 20 and more the cloned base solves nine starts of ten and leaves little to show."""


@dataclass(frozen=True)
class Arm:
    """One setting of the experiment: environment, method, flags, and whether unseen conditions are measured."""

    env: str
    algo: str
    flags: tuple[str, ...]
    transfer: bool = False


ARMS: dict[str, Arm] = {
    "resip": Arm("peg-insert", "resip", (*SHARED, "--run.steps", "120"), True),
    "resfit": Arm("peg-insert", "resfit", (*SHARED, "--run.steps", "400"), True),
    "residual-chunk": Arm("peg-insert", "residual-chunk", (*SHARED, "--run.steps", "120")),
    "policy-decorator": Arm("peg-insert", "policy-decorator", (*SHARED, "--run.steps", "800")),
    "ppo-finetune": Arm("peg-insert", "ppo-finetune", ("--demos.count", "10", "--run.steps", "120")),
    "ppo-scratch": Arm("peg-insert", "ppo-scratch", ("--demos.count", "10", "--run.steps", "120")),
    "resip-stack": Arm("stack", "resip", (*SHARED, "--run.steps", "120")),
}

TRANSFER = {"clearance 0.4 mm": ("env.clearance=0.4",), "start range x 1.5": ("env.start_range=1.5",)}


def run(arm: Arm, seed: int, folder: Path, quick: bool) -> dict[str, Any]:
    """Do, or finish, a run; return its figures."""
    if not (folder / "eval_after.json").exists():
        flags = ["--env", arm.env, "--algo", arm.algo, "--seed", str(seed), "--out", str(folder), *arm.flags]
        if quick:
            flags += ["--run.steps", "1", "--eval.episodes", "16", "--run.record", "0"]
            flags += ["--base.updates", "20"] if "--base.updates" in arm.flags else []
        status = cli.train(["--resume", str(folder)] if (folder / "checkpoints").exists() else flags)
        if status:
            sys.exit(status)
    before, after = (json.loads((folder / f"eval_{name}.json").read_text()) for name in ("before", "after"))
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    figures = {
        "before": before["success"],
        "after": after["success"],
        "cpu_min": sum(row["cpu_s"] for row in rows) / 60,
        "env_steps": rows[-1].get("env_steps", 0),
    }
    for name, settings in TRANSFER.items() if arm.transfer else ():
        figures[name] = measured(folder, name, settings, 16 if quick else 500)
    return figures


def measured(folder: Path, name: str, settings: tuple[str, ...], episodes: int) -> dict[str, Any]:
    """Return the success of a run under other conditions, measured once and kept in its folder."""
    path = folder / f"transfer_{name.replace(' ', '_')}.json"
    if not path.exists():
        flags = [word for setting in settings for word in ("--set", setting)]
        status = cli.evaluate(["--policy", str(folder), "--episodes", str(episodes), *flags, "--json", str(path)])
        if status:
            sys.exit(status)
    found: dict[str, Any] = json.loads(path.read_text())["success"]
    return found


def share(part: dict[str, Any]) -> str:
    """Return a rate with its interval, in percent."""
    return f"{100 * part['value']:.1f} [{100 * part['low']:.1f}, {100 * part['high']:.1f}]"


def table(results: dict[str, dict[int, dict[str, Any]]]) -> str:
    """Return the results as Markdown: a row per run."""
    head = ("arm", "seed", "before, %", "after, %", *(f"{name}, %" for name in TRANSFER), "CPU min", "env steps")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for arm, runs in results.items():
        for seed, figures in runs.items():
            far = [share(figures[name]) if name in figures else "" for name in TRANSFER]
            cells = [arm, str(seed), share(figures["before"]), share(figures["after"]), *far]
            cells += [f"{figures['cpu_min']:.1f}", f"{figures['env_steps']:,.0f}"]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/residual"))
    parser.add_argument("--docs", type=Path, help="write benchmarks/residual.md there")
    parser.add_argument("--json", type=Path, help="write flat figures there")
    parser.add_argument("--quick", action="store_true", help="one seed of the first arm, a few steps")
    arguments = parser.parse_args()
    arms, seeds = (arguments.arms[:1], 1) if arguments.quick else (arguments.arms, arguments.seeds)
    out = arguments.out / "quick" if arguments.quick else arguments.out
    results: dict[str, dict[int, dict[str, Any]]] = {}
    for seed in range(seeds):
        for name in arms:
            results.setdefault(name, {})[seed] = run(ARMS[name], seed, out / f"{name}-{seed}", arguments.quick)
    text = table(results)
    print(text)
    if arguments.json:
        flat = {
            f"{name}_{key}": statistics.median(figures[key]["value"] for figures in runs.values())
            for name, runs in results.items()
            for key in ("before", "after")
        }
        flat |= {f"{name}_worst": min(f["after"]["value"] for f in runs.values()) for name, runs in results.items()}
        flat |= {f"{name}_cpu_min": max(f["cpu_min"] for f in runs.values()) for name, runs in results.items()}
        arguments.json.write_text(json.dumps(flat, indent=1))
    if arguments.docs:
        words = (__doc__ or "").split("\n\n")[-1].strip()
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        page = f"# A residual on a cloned base\n\n{words}\n\n{text}\n\nRates with Wilson 95 % intervals. {machine}.\n"
        (arguments.docs / "benchmarks" / "residual.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
