"""Command line: `vlgym-compare`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vlgym.core.errors import did_you_mean
from vlgym_agents import registry
from vlgym_agents.schema import OptionError

if TYPE_CHECKING:
    from vlgym_agents.compare.runs import Job


def main(argv: Sequence[str] | None = None) -> int:
    """Compare runs; returns the exit code."""
    from vlgym_agents.cli import guard

    return guard("vlgym-compare", lambda: _main(list(sys.argv[1:] if argv is None else argv)))


def _main(argv: list[str]) -> int:
    arguments = _parse(argv)
    from vlgym_agents.compare.figures import Comparison
    from vlgym_agents.compare.page import notes, write_page
    from vlgym_agents.compare.runs import read, run_all
    from vlgym_agents.compare.summary import text

    folders = [(Path(name), "") for name in arguments.runs]
    if arguments.algo:
        jobs = _jobs(arguments)
        made = run_all(jobs, arguments.out, at_a_time=arguments.jobs)
        folders += [(folder, job.label) for folder, job in zip(made, jobs)]
    comparison = Comparison.of([read(folder, label) for folder, label in folders])
    print(text(comparison))
    for note in notes(comparison):
        print(f"Note: {note}")
    print(f"Report: {write_page(comparison, arguments.html or arguments.out / 'compare.html')}")
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "vlgym-compare",
        description="Compare finished runs, or run several methods on the same tasks and seeds and compare them.",
        epilog="vlgym-compare runs/a runs/b    or    vlgym-compare --env desk --algo grpo,arpo --seeds 3 -- --steps 20",
        allow_abbrev=False,
    )
    parser.add_argument(
        "runs", nargs="*", metavar="RUN", help="run folders (before --); words after -- go to vlgym-train"
    )
    parser.add_argument("--env", default="", help="environment of the runs to make")
    parser.add_argument("--algo", default="", help="methods to run, comma-separated; the first is the reference")
    parser.add_argument("--seeds", type=int, default=5, help="runs per method, with the seeds 0, 1, ... (default: 5)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time (default: one a core)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/compare"), help="folder of the runs to make, and of the page"
    )
    parser.add_argument("--html", type=Path, help="the page (default: compare.html under --out)")
    before, words = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    arguments = parser.parse_args(before)
    arguments.words = words
    if arguments.seeds < 1 or arguments.jobs < 1:
        raise OptionError("--seeds and --jobs must be at least 1.")
    if bool(arguments.algo) != bool(arguments.env):
        raise OptionError("--algo and --env go together: the methods to run, and what they learn.")
    if words and not arguments.algo:
        raise OptionError("Words after -- go to the runs that --algo and --env ask for; there are none.")
    if not arguments.algo and not arguments.runs:
        raise OptionError("Nothing to compare: give run folders, or --env and --algo.")
    return arguments


def _jobs(arguments: argparse.Namespace) -> list[Job]:
    """Return the runs to make, seed by seed."""
    from vlgym_agents.compare.runs import Job

    names = [name for name in arguments.algo.split(",") if name]
    for name in names:
        if name not in registry.ALGOS:
            raise OptionError(f"Unknown method {name!r}.{did_you_mean(name, registry.ALGOS)} See vlgym-train --list.")
    flags = ("--env", arguments.env, *arguments.words)
    return [Job(name, seed, ("--algo", name, *flags)) for seed in range(arguments.seeds) for name in names]
