"""What is left of a policy of states when its student sees pictures alone, and what is visual randomisation worth?

    python benchmarks/distillation.py --docs docs                       # all; docs/benchmarks/distillation.md
    python benchmarks/distillation.py --teacher runs/residual/resip-0   # with a teacher that is there
    python benchmarks/distillation.py --quick --json out.json           # does the machinery run

The teacher is a finished run of resip on PegInsert (0.3 mm). One student learns from its successes under visual
randomisation, the control from as many of them in the colours, light and camera of the model; both are evaluated on the
same held-out starts on pictures of both kinds. Held-out starts have looks of their own, never seen in training. The
hole is wide (5 mm a side), because a pixel of these pictures is about 7 mm. Further words are flags of vlgym-train for
both students. A run that is finished in the output folder is not repeated, one that was interrupted goes on. Minutes
of CPU are those of cloning.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from vlgym_agents import cli

FLAGS = (
    *("--env.clearance", "5", "--demos.count", "1600", "--base.updates", "12000", "--base.batch", "32"),
    *("--base.width", "128", "--base.lr", "2e-3", "--base.warmup", "100", "--eval.episodes", "100"),
)
"""Of both students."""

STUDENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "randomised": ("visual", ()),
    "plain": ("", ()),
}
"""Student -> `env.randomize` of the pictures it learns from, further flags."""

KINDS = {"": "plain", "visual": "randomised"}
"""`env.randomize` -> name of the pictures, and of the evaluation on them where others were learnt from."""

QUICK = ["--demos.count", "4", "--base.updates", "10", "--base.width", "32", "--eval.episodes", "4"]

FINDINGS = """\
Without randomisation the student is as good as its teacher, on the one look it knows; on other looks it is lost.
Under randomisation the same budget buys half of that: the places of things are read less well from 1,600 looks, and
the plain look, which is none of them, is no easier than a random one. Four times the episodes and updates of an
earlier run (400 and 3,000) took the randomised student from 20 to 45 %, so more of both is what is left to try."""


def train(folder: Path, flags: list[str]) -> None:
    """Do, or finish, a run."""
    if (folder / "report.html").exists():
        return
    begun = (folder / "checkpoints").exists()
    status = cli.train(["--resume", str(folder)] if begun else [*flags, "--out", str(folder)])
    if status:
        sys.exit(status)


def figures_of(folder: Path, learnt: str) -> dict[str, Any]:
    """Return the figures of a student's run: kind of pictures -> success, and what it cost; `learnt`: its own kind."""
    files = {kind: "after" if kind == learnt else kind for kind in KINDS.values()}
    found = {kind: json.loads((folder / f"eval_{file}.json").read_text()) for kind, file in files.items()}
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    options = json.loads((folder / "config.json").read_text())["options"]
    return {
        **{kind: part["success"] for kind, part in found.items()},
        "teacher": json.loads((folder / "eval_teacher.json").read_text())["success"],
        "learnt": f"{options['demos.count']} episodes in {learnt} pictures, {options['base.updates']} updates",
        "episodes": found["plain"]["episodes"],
        "cpu_min": sum(row["cpu_s"] for row in rows) / 60,
    }


def share(part: dict[str, Any]) -> str:
    """Return a rate with its interval, in percent."""
    return f"{100 * part['value']:.0f} [{100 * part['low']:.0f}, {100 * part['high']:.0f}]"


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the results as Markdown."""
    head = ("policy", "learnt from", "on plain pictures, %", "on randomised pictures, %", "starts", "CPU min")
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    best = max(results.values(), key=lambda figures: int(figures["episodes"]))
    lines.append(f"| teacher | states | {share(best['teacher'])} | (it sees none) | {best['episodes']} | |")
    for name, figures in results.items():
        cells = [name, figures["learnt"], share(figures["plain"]), share(figures["randomised"])]
        lines.append("| " + " | ".join([*cells, str(figures["episodes"]), f"{figures['cpu_min']:.1f}"]) + " |")
    return "\n".join(lines)


def page(results: dict[str, dict[str, Any]], words: list[str]) -> str:
    """Return the page of the documentation."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    command = f"    python benchmarks/distillation.py {'-- ' if words else ''}{' '.join(words)}".rstrip()
    flags = f"Students: `vlgym-train --env peg-insert --algo distil {' '.join((*FLAGS, *words))}`."
    rates = f"One seed, Wilson intervals. {machine}."
    parts = (
        "# From states to pictures",
        command,
        (__doc__ or "").split("\n\n")[-1].strip(),
        flags,
        table(results),
        FINDINGS,
        rates,
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run the experiment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, help="run folder; otherwise one of resip is made")
    parser.add_argument("--out", type=Path, default=Path("runs/distillation"))
    parser.add_argument("--docs", type=Path, help="write benchmarks/distillation.md there")
    parser.add_argument("--json", type=Path, help="write flat figures there")
    parser.add_argument("--quick", action="store_true", help="an untrained teacher, a few steps")
    parser.add_argument("words", nargs="*", help="flags of vlgym-train for both students")
    arguments = parser.parse_args()
    out = arguments.out / "quick" if arguments.quick else arguments.out
    task = ["--env", "peg-insert", "--run.record", "0" if arguments.quick else "1"]
    teacher = arguments.teacher or out / "teacher"
    if arguments.teacher is None:
        small = ["--demos.count", "40", "--base.updates", "500", "--eval.episodes", "4"]
        train(teacher, [*task, "--algo", *(["diffusion-bc", *small] if arguments.quick else ["resip"])])
    results = {}
    for name, (kind, more) in STUDENTS.items():
        flags = [*task, "--algo", "distil", "--algo.teacher", str(teacher), "--env.randomize", kind, *FLAGS, *more]
        train(out / name, [*flags, *(QUICK if arguments.quick else []), *arguments.words])
        results[name] = figures_of(out / name, KINDS[kind])
    print(table(results))
    if arguments.json:
        flat = {f"{name}_on_{kind}": results[name][kind]["value"] for name in results for kind in KINDS.values()}
        flat |= {f"{name}_cpu_min": figures["cpu_min"] for name, figures in results.items()}
        flat["teacher"] = results["plain"]["teacher"]["value"]
        arguments.json.write_text(json.dumps(flat, indent=1))
    if arguments.docs:
        text = page(results, arguments.words)
        (arguments.docs / "benchmarks" / "distillation.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
