"""What the script of the page draws from: curves, episodes and screenshots, within a size budget."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vlgym_agents.report.run import Run, number
from vlgym_agents.stats import METRICS

MAX_TEXT_BYTES = 24 << 20
MAX_IMAGE_BYTES = 24 << 20
"""Budgets of one report: what is past them stays in the run folder, and the page says so."""

SHARES = frozenset(
    (
        "success",
        "score",
        "invalid",
        "unparsable",
        "truncated",
        "zero_gradient_groups",
        "all_fail_groups",
        "all_success_groups",
        "replayed",
        "clip_low",
        "clip_high",
    )
)
"""Metrics shown in percent."""

UNSMOOTHED = frozenset(("env_errors", "lr"))
"""Metrics that a moving average would misrepresent."""

CURVES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Learning": (
        ("Success", ("success",)),
        ("Return", ("return",)),
        ("Score", ("score",)),
        ("Groups without a gradient", ("zero_gradient_groups", "all_fail_groups", "all_success_groups")),
    ),
    "Behaviour": (
        ("Turns per episode", ("turns",)),
        ("Tokens per turn", ("tokens_per_turn",)),
        ("Refused and unreadable actions", ("invalid", "unparsable")),
        ("Entropy", ("entropy",)),
    ),
    "Optimisation": (
        ("Loss", ("loss",)),
        ("Gradient norm", ("grad_norm",)),
        ("KL to the reference", ("kl",)),
        ("Clipped importance ratios", ("clip_low", "clip_high")),
        ("Importance ratio", ("ratio_mean", "ratio_max")),
        ("Spread of returns in a group", ("group_return_std",)),
        ("Trained tokens", ("trained_tokens",)),
        ("Learning rate", ("lr",)),
    ),
    "Machine": (
        ("Sampler-trainer log-prob gap", ("logprob_gap", "logprob_gap_max")),
        ("Sampled tokens per second", ("tokens_per_s",)),
        ("Episodes per second", ("episodes_per_s",)),
        ("Seconds per step", ("rollout_s", "update_s", "seconds", "cpu_s")),
        ("Episodes cut by a limit", ("truncated",)),
        ("Replayed episodes", ("replayed",)),
        ("Machinery failures", ("env_errors",)),
    ),
}
"""Group -> (title, metrics drawn together). Numeric metrics named nowhere get a chart under "Of the method"."""

COUNTERS = frozenset(("step", "groups", "env_steps", "tokens", "optimiser_steps", "extra_forwards", "replay_forwards"))
"""Metrics without a curve: running totals and bookkeeping."""

LABELS = {
    "zero_gradient_groups": "no gradient",
    "all_fail_groups": "all failed",
    "all_success_groups": "all solved",
    "invalid": "refused",
    "unparsable": "unreadable",
    "clip_low": "below",
    "clip_high": "above",
    "ratio_mean": "mean",
    "ratio_max": "largest",
    "logprob_gap": "mean",
    "logprob_gap_max": "largest",
    "rollout_s": "collecting",
    "update_s": "learning",
    "seconds": "wall",
    "cpu_s": "CPU",
}
"""What a line is called in the legend of its chart, where the metric's name would not do."""


def build(run: Run) -> dict[str, Any]:
    """Return steps, curves, episodes, images as data URIs, and the names of images left out."""
    rows = {int(row["step"]): row for row in run.metrics if number(row.get("step")) is not None}
    steps = sorted(rows)
    episodes, images, left_out = _fit(run)
    return {
        "steps": steps,
        "curves": _curves(run, [rows[step] for step in steps]) if steps else [],
        "episodes": episodes,
        "images": images,
        "left_out": left_out,
    }


def _curves(run: Run, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    named = {key for charts in CURVES.values() for _, keys in charts for key in keys} | COUNTERS
    others = sorted({key for row in rows for key in row} - named)
    groups = {**CURVES, "Of the method": tuple((key.replace("_", " "), (key,)) for key in others)}
    drawn = {
        group: [chart for title, keys in charts if (chart := _chart(run, rows, title, keys))]
        for group, charts in groups.items()
    }
    return [{"group": group, "charts": charts} for group, charts in drawn.items() if charts]


def _chart(run: Run, rows: Sequence[Mapping[str, Any]], title: str, keys: Sequence[str]) -> dict[str, Any] | None:
    """Return what one chart draws, or None if no step has a value for it."""
    columns = {key: [number(row.get(key)) for row in rows] for key in keys}
    lines = {key: ys for key, ys in columns.items() if any(y is not None for y in ys)}
    if not lines:
        return None
    return {
        "title": title,
        "help": METRICS.get(keys[0], "") if len(keys) == 1 else "",
        "unit": "share" if keys[0] in SHARES else "",
        "smooth": keys[0] not in UNSMOOTHED,
        "series": [{"label": LABELS.get(key, key.replace("_", " ")), "y": ys} for key, ys in lines.items()],
        "points": _eval_points(run, keys[0]),
    }


def _eval_points(run: Run, key: str) -> list[dict[str, Any]]:
    """Return the evaluations of a metric as points with their intervals."""
    points = []
    for evaluation in run.evaluations or [entry for entry in (run.before, run.after) if entry]:
        entry = evaluation.get(key)
        value = number(entry.get("value")) if isinstance(entry, dict) else None
        if isinstance(entry, dict) and value is not None:
            low, high = number(entry.get("low")), number(entry.get("high"))
            low, high = (low, high) if low is not None and high is not None else (None, None)
            points.append({"x": int(number(evaluation.get("step")) or 0), "y": value, "low": low, "high": high})
    return points


def _fit(run: Run) -> tuple[list[dict[str, Any]], dict[str, str], list[str]]:
    """Return (episodes, images as data URIs, names of images left out) within the budgets of one report.

    Evaluations come before training episodes and late steps before early ones; the order shown stays that of the run.
    """
    chosen: list[dict[str, Any]] = []
    images: dict[str, str] = {}
    left_out: list[str] = []
    text_room, image_room = MAX_TEXT_BYTES, MAX_IMAGE_BYTES
    for episode in sorted(run.episodes, key=lambda e: (e["kind"] == "train", -e["step"])):
        text_room -= len(json.dumps(episode))
        if text_room < 0:
            break
        chosen.append(episode)
        for name in (turn["image"] for turn in episode["turns"] if turn["image"]):
            path = run.folder / "episodes" / Path(name).name  # the folder's own files only, whatever the record says
            size = path.stat().st_size if path.is_file() else 0
            if size > image_room:
                left_out.append(name)
            elif size and name not in images:
                image_room -= size
                images[name] = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    kept = {episode["name"] for episode in chosen}
    return [episode for episode in run.episodes if episode["name"] in kept], images, left_out


def embed(payload: Mapping[str, Any]) -> str:
    """Return JSON that is safe inside a script element: ASCII, with no character that HTML gives a meaning."""
    text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
