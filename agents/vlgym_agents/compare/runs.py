"""Runs to compare: started here, one process each, or found finished; and what a finished run folder says.

Legend: an outcome is one finished run; runs with one label differ in their seed only.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vlgym.core.errors import VlgymError
from vlgym_agents.report.run import load, number

KEPT = "job.json"
"""File in a run folder that says which flags made it, written when the run has ended well."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run to make.

    Attributes:
        label: what it stands for in tables; with `seed` the name of its folder.
        seed: seed of the run.
        flags: words of the `vlgym-train` command line, without seed and folder.
    """

    label: str
    seed: int
    flags: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return f"{self.label}-{self.seed}"


def run_all(jobs: Sequence[Job], out: Path, *, at_a_time: int = 2, say: Callable[[str], None] = print) -> list[Path]:
    """Make the runs that `out` does not hold yet, in the order given; returns all folders.

    Every run is a `vlgym-train` process with one torch thread. Finished folders are kept as they are, so an interrupted
    comparison goes on where it stopped; of new ones the checkpoints are removed.

    Raises:
        VlgymError: a run failed (its output is in the log named), or a folder was made with other flags.
    """
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max(at_a_time, 1)) as executor:
        waiting = [executor.submit(_run, job, out, say) for job in jobs]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def _run(job: Job, out: Path, say: Callable[[str], None]) -> Path:
    folder, log = out / job.name, out / f"{job.name}.log"
    if _finished(folder):
        made = _made_with(folder)
        if made is not None and made != list(job.flags):
            raise VlgymError(
                f"{str(folder)!r} was made with other flags ({' '.join(made)}); remove it or choose another --out."
            )
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    script = Path(sys.executable).with_name("vlgym-train")
    program = [str(script)] if script.exists() else [sys.executable, "-m", "vlgym_agents.cli"]
    command = [*program, *job.flags, "--seed", str(job.seed), "--out", str(folder), "--quiet"]
    command += ["--set", "run.torch_threads=1"]
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
        )
    if done.returncode != 0:
        raise VlgymError(f"The run {job.name} ended with status {done.returncode}; its output is in {str(log)!r}.")
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    (folder / KEPT).write_text(json.dumps({"label": job.label, "flags": job.flags}), encoding="utf-8")
    say(read(folder, job.label).line())
    return folder


def _finished(folder: Path) -> bool:
    try:
        read(folder, "any")
    except VlgymError:
        return False
    return True


def _made_with(folder: Path) -> list[str] | None:
    """Return the flags of a run that `run_all` made, None if another command did."""
    try:
        return list(json.loads((folder / KEPT).read_text(encoding="utf-8"))["flags"])
    except (OSError, ValueError, KeyError):
        return None


# ---------------------------------------------------------------------- what a run folder says


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        label, seed: which run of the comparison.
        folder: where it lies.
        options: resolved options, "section.name" -> value.
        rows: lines of metrics.jsonl, by step.
        evaluations: evaluation objects without their tasks, in order; the first is before training if there is one.
    """

    label: str
    seed: int
    folder: Path
    options: Mapping[str, Any]
    rows: list[dict[str, Any]] = field(repr=False)
    evaluations: list[dict[str, Any]] = field(repr=False)

    @property
    def env(self) -> str:
        """The environment, as it was named."""
        return str(self.options.get("run.env", ""))

    def column(self, key: str) -> list[float]:
        """Return a metric of every training step, NaN where a step has none."""
        return [float("nan") if (value := number(row.get(key))) is None else float(value) for row in self.rows]

    def total(self, key: str) -> float:
        """Return the sum of a metric over the steps that have it."""
        return float(np.nansum(self.column(key))) if self.rows else 0.0

    def mean(self, key: str) -> float:
        """Return the mean of a metric over the steps that have it."""
        known = [value for value in self.column(key) if value == value]
        return float(np.mean(known)) if known else float("nan")

    def last(self, key: str) -> float:
        """Return the last value of a running total, 0 without one."""
        return next((value for value in reversed(self.column(key)) if value == value), 0.0)

    @property
    def episodes(self) -> float:
        """Training episodes played, those of dropped groups included."""
        return self.total("groups") * float(self.options.get("rollout.group_size", 1))

    @property
    def extra_groups(self) -> float:
        """Groups drawn beyond those that the optimiser batches hold: dropped or probed."""
        wanted = float(self.options.get("rollout.groups", 0)) * len(self.rows)
        return max(self.total("groups") - wanted, 0.0) if wanted else 0.0

    @property
    def minutes(self) -> float:
        """Wall minutes of training and evaluation."""
        spent = self.total("seconds") + sum(float(number(e.get("seconds")) or 0) for e in self.evaluations)
        return spent / 60

    def spent(self, key: str, step: int) -> float:
        """Return what a running total ("env_steps", "tokens", "episodes") was after training step `step`."""
        if key == "episodes":
            groups = (number(row.get("groups")) or 0 for row in self.rows if int(row["step"]) <= step)
            return float(sum(groups)) * float(self.options.get("rollout.group_size", 1))
        return max((float(number(row.get(key)) or 0) for row in self.rows if int(row["step"]) <= step), default=0.0)

    @functools.lru_cache(maxsize=64)  # noqa: B019 (outcomes live as long as the program)
    def tasks(self, name: str) -> tuple[tuple[str, int, bool], ...]:
        """Return (task, seed, success) of every episode of the evaluation `name`."""
        entry = json.loads((self.folder / f"eval_{name}.json").read_text(encoding="utf-8"))
        return tuple((str(t["task"]), int(t.get("seed") or 0), bool(t["success"])) for t in entry["tasks"])

    def line(self) -> str:
        """Return one line for the terminal."""
        shown = [f"{100 * float(e['success']['value']):.1f}" for e in self.evaluations]
        return f"{self.label:16} seed {self.seed}: success {' -> '.join(shown) or '-'} % in {self.minutes:.1f} min"

    def __hash__(self) -> int:
        return hash(self.folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and other.folder == self.folder


def read(folder: Path, label: str = "") -> Outcome:
    """Return the outcome of a finished run; its label is what `run_all` wrote there, or else its method.

    Raises:
        VlgymError: no run folder, or the run has not ended.
    """
    run = load(folder)
    options = run.config.get("options") or {}
    if not options or not run.metrics:
        raise VlgymError(f"{str(folder)!r} holds no run; give folders that vlgym-train wrote.")
    done, wanted = int(run.metrics[-1].get("step") or 0), int(options.get("run.steps", 0))
    if done < wanted or (options.get("eval.episodes") and not run.after):
        raise VlgymError(
            f"The run in {str(folder)!r} has not ended (step {done} of {wanted}); go on with vlgym-train --resume."
        )
    if not label:
        kept = folder / KEPT
        label = json.loads(kept.read_text(encoding="utf-8"))["label"] if kept.exists() else str(options["run.algo"])
    return Outcome(label, int(options.get("run.seed", 0)), folder, options, run.metrics, run.evaluations)
