"""Writing a run folder, TensorBoard, Weights & Biases, and the progress bar.

Run folder (everything a person or the report reads; written as the run goes):

    config.json          {"format": 1, "created": ISO time, "command": [argv], "versions": {package: version},
                          "options": {"algo.clip_high": value, ...}, "sources": {"algo.clip_high": "flag", ...}}
    metrics.jsonl        one flat JSON object per training step; keys in stats.METRICS, the method may add some
    eval.jsonl           one line per evaluation, in order; the object of eval_<name>.json without "tasks"
    eval_before.json     evaluation before training; eval_after.json: after; eval_step-000050.json: on the way
    episodes/NAME.json   a sampled episode; NAME is "train-000010-g003-m00" (step, group, member) or "before-0007"
    episodes/NAME-tNN.png  screenshot before action NN (only where the environment shows images)
    tb/                  TensorBoard events (tags are "train/<metric>", "eval/<name>")
    checkpoints/step-NNNNNN/  see checkpoint.py
    report.html          written at the end by report.write_report

An evaluation object:

    {"name": "before", "step": 0, "split": "test", "decoding": "sampled", "episodes": 200, "env_errors": 0,
     "success": {"value": 0.31, "low": 0.25, "high": 0.38, "interval": "Wilson 95%"},
     "score":   {"value": 0.52, "low": 0.48, "high": 0.56, "interval": "bootstrap 95%"},
     "return":  {"value": ..., "low": ..., "high": ..., "interval": "bootstrap 95%"},
     "turns": 5.1, "tokens_per_turn": 7.0, "invalid": 0.02, "seconds": 41.0, "observation_hash": "hex",
     "tasks": [{"task": id, "seed": 7, "success": true, "score": 1.0, "turns": 4}, ...]}

An episode object (`value` null without a critic, `image` null without a screenshot, `text`/`instruction` null where
the observation has no such key; `info` holds the light part of the environment's info after the step):

    {"name": NAME, "kind": "train" | "before" | "after" | "step-000050", "step": 10, "task": id, "seed": 7,
     "group": 3, "member": 0, "instruction": str, "success": bool, "score": 0.5, "return": 0.5,
     "return_parts": {"env": 0.5, "format": 0.0}, "advantage": 0.87 | null, "env_error": "", "replayed": false,
     "turns": [{"image": "NAME-t00.png" | null, "text": str | null, "instruction": str | null,
                "words": "the model's text", "action": "click[buy now]", "tokens": 5, "logprob": -1.2, "value": null,
                "reward": 0.0, "terminated": false, "truncated": false, "action_valid": true, "error": "",
                "info": {...}}]}
"""

from __future__ import annotations

import contextlib
import json
import math
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from vlgym.core.errors import VlgymError, require
from vlgym_agents.checkpoint import disk_errors
from vlgym_agents.options import Config
from vlgym_agents.types import Trace, Turn

SHOWN = {
    "success": ("success", ".2f"),
    "return": ("return", ".3f"),
    "tokens_per_s": ("tok/s", ".0f"),
    "episodes_per_s": ("ep/s", ".2f"),
    "base_loss": ("loss", ".3f"),
    "env_steps": ("steps", ".0f"),
}
"""Metric -> its label and format beside the progress bar."""

PACKAGES = ("vlgym", "numpy", "torch", "transformers", "gymnasium", "mujoco")


def to_json(value: Any) -> Any:
    """Return `value` as JSON can hold it: numpy scalars and arrays plain, NaN and infinities null, the rest as text."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [to_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)


def episode_json(
    trace: Trace, name: str, kind: str, step: int, *, advantage: Any = None, parts: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the episode object of the run folder (see above); `image` is True where a picture must be written."""
    return {
        "name": name,
        "kind": kind,
        "step": step,
        "task": trace.task,
        "seed": trace.seed,
        "group": trace.group,
        "member": trace.member,
        "instruction": trace.instruction,
        "success": trace.success,
        "score": trace.score,
        "return": trace.ret,
        "return_parts": dict(parts or {}),
        "advantage": None if advantage is None else float(np.mean(advantage)),
        "env_error": trace.env_error,
        "replayed": trace.replayed,
        "turns": [_turn_json(turn, f"{name}-t{k:02d}.png") for k, turn in enumerate(trace.turns)],
    }


def _turn_json(turn: Turn, picture: str) -> dict[str, Any]:
    seen = turn.observation or {}
    return {
        "image": picture if "image" in seen else None,
        "text": seen.get("text"),
        "instruction": seen.get("instruction"),
        "words": turn.text,
        "action": turn.action,
        "tokens": len(turn.ids),
        "logprob": float(turn.logprobs.sum()),
        "value": turn.value,
        "reward": turn.reward,
        "terminated": turn.terminated,
        "truncated": turn.truncated,
        "action_valid": bool(turn.info.get("action_valid", True)),
        "error": str(turn.info.get("error") or ""),
        "info": dict(turn.info),
    }


class RunFolder:
    """The folder of one run, open for writing.

    Args:
        path: created if need be; must be empty unless `resumed`.
        config: written to config.json.
        resumed: step of the checkpoint the run goes on from; later lines of metrics.jsonl are dropped. None: a new run.
        quiet: no progress bar.
        lines: steps of the whole run, where they are not run.steps.

    Raises:
        CheckpointError: the folder cannot be written.  VlgymError: it holds another run.
    """

    def __init__(
        self, path: Path, config: Config, *, resumed: int | None = None, quiet: bool = False, lines: int | None = None
    ) -> None:
        self.path, self.resumed = path, resumed
        if resumed is None and (path / "metrics.jsonl").exists():
            raise VlgymError(f"{str(path)!r} already holds a run: continue it with --resume, or choose another --out.")
        with self.writing():
            (path / "episodes").mkdir(parents=True, exist_ok=True)
            if resumed is None:
                self.write("config.json", self._describe(config))
            else:
                self._forget_after(resumed)
            self._metrics: TextIO = open(path / "metrics.jsonl", "a", encoding="utf-8")  # noqa: SIM115 (held open)
            self._board = self._open_board(resumed)
        self._wandb = self._open_wandb(config) if config.run.wandb else None
        self._bar = self._open_bar(config.run.steps if lines is None else lines, resumed or 0, quiet)

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Turn a full or read-only disk into one sentence."""
        return disk_errors("the run", self.path, "The last checkpoint is intact: mend it, then use --resume.")

    @staticmethod
    def _describe(config: Config) -> dict[str, Any]:
        versions = {"python": platform.python_version()}
        for package in PACKAGES:
            with contextlib.suppress(PackageNotFoundError):
                versions[package] = version(package)
        return {
            "format": 1,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": sys.argv,
            "versions": versions,
            "options": config.flat(),
            "sources": dict(config.sources),
        }

    def _forget_after(self, step: int) -> None:
        for name in ("metrics.jsonl", "eval.jsonl"):
            file = self.path / name
            if file.exists():
                lines = [line for line in file.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
                file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _open_board(self, resumed: int | None) -> Any:
        require("tensorboard", extra="train", purpose="Curves")
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.path / "tb"), purge_step=None if resumed is None else resumed + 1)

    def _open_wandb(self, config: Config) -> Any:
        wandb = require("wandb", extra="wandb", purpose="--wandb")
        return wandb.init(project="vlgym", dir=str(self.path), config=to_json(config.flat()), resume="allow")

    @staticmethod
    def _open_bar(steps: int, start: int, quiet: bool) -> Any:
        from tqdm import tqdm

        pause = 0.1 if sys.stderr.isatty() else 10.0  # a log file wants few lines
        return tqdm(total=steps, initial=start, disable=quiet, unit="step", dynamic_ncols=True, mininterval=pause)

    # -------------------------------------------------------------- events

    def metrics(self, values: Mapping[str, float]) -> None:
        """Write one line of metrics.jsonl and the curves, and move the bar."""
        step = int(values["step"])
        with self.writing():
            self._metrics.write(json.dumps(to_json(values)) + "\n")
            self._metrics.flush()
            for name, value in values.items():
                if name != "step":
                    self._board.add_scalar(f"train/{name}", value, step)
        if self._wandb is not None:
            self._wandb.log({f"train/{name}": value for name, value in values.items()}, step=step)
        shown = {label: f"{values[name]:{form}}" for name, (label, form) in SHOWN.items() if name in values}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(step - self._bar.n)

    def evaluation(self, result: Mapping[str, Any]) -> None:
        """Write eval_<name>.json and one line of eval.jsonl."""
        with self.writing():
            self.write(f"eval_{result['name']}.json", result)
            short = {key: value for key, value in result.items() if key != "tasks"}
            with open(self.path / "eval.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(to_json(short)) + "\n")
            for name in ("success", "score", "return"):
                self._board.add_scalar(f"eval/{name}", result[name]["value"], int(result["step"]))
            self._board.flush()
        if self._wandb is not None:
            self._wandb.log({f"eval/{name}": result[name]["value"] for name in ("success", "score", "return")})

    def episode(self, trace: Trace, episode: Mapping[str, Any]) -> None:
        """Write a sampled episode and its pictures."""
        from PIL import Image

        with self.writing():
            for turn, described in zip(trace.turns, episode["turns"]):
                if described["image"]:
                    assert turn.observation is not None
                    Image.fromarray(turn.observation["image"]).save(self.path / "episodes" / described["image"])
            self.write(f"episodes/{episode['name']}.json", episode)

    def progress(self, what: str, total: int) -> Callable[[Trace], None]:
        """Return a callback that shows how many of `total` episodes of `what` have ended."""
        done = 0

        def show(_: Trace) -> None:
            nonlocal done
            done += 1
            self._bar.set_description(f"{what} {done}/{total}", refresh=False)
            self._bar.update(0)  # redraws, if the last time is long enough ago

        return show

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def write(self, name: str, value: Any) -> None:
        """Write a JSON file of the run folder."""
        (self.path / name).write_text(json.dumps(to_json(value), indent=1, ensure_ascii=False), encoding="utf-8")

    def close(self) -> None:
        """Flush and close everything."""
        with contextlib.suppress(OSError):
            self._metrics.close()
            self._board.close()
        self._bar.close()
        if self._wandb is not None:
            self._wandb.finish()


def _step_of(line: str) -> float:
    """Return the step of a line; a half-written line counts as later than any step."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return math.inf


def success_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return evaluations as a table for the terminal."""
    lines = [f"{'evaluation':<14}{'step':>6}{'episodes':>10}  {'success':<24}{'score':<24}{'turns':>6}"]
    for r in results:
        success, score = (
            f"{r[k]['value']:.3f} [{r[k]['low']:.3f}, {r[k]['high']:.3f}]" if r[k]["value"] is not None else "-"
            for k in ("success", "score")
        )
        lines.append(f"{r['name']:<14}{r['step']:>6}{r['episodes']:>10}  {success:<24}{score:<24}{r['turns']:>6.2f}")
    return "\n".join(lines)
