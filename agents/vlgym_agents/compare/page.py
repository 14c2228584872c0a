"""The page of a comparison: one self-contained file with the table and the curves of all methods over each other."""

from __future__ import annotations

import html
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vlgym.core.errors import VlgymError
from vlgym_agents.compare.figures import Comparison, curve
from vlgym_agents.compare.runs import Outcome
from vlgym_agents.compare.summary import HOW, TITLES, lines
from vlgym_agents.report.page import digest, template
from vlgym_agents.report.payload import COUNTERS, CURVES, SHARES, UNSMOOTHED, embed
from vlgym_agents.stats import METRICS

POINTS, COLOURS = 61, 8
"""Points of a curve, and lines that a chart can tell apart."""

Lines = Sequence[tuple[Sequence[float], Sequence[float]]]
"""(environment steps, values) of each run."""


def write_page(comparison: Comparison, path: Path) -> Path:
    """Write the page and return its path; raises VlgymError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(comparison), encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise VlgymError(f"Cannot write {str(path)!r} ({error.strerror}); choose another --html.") from error
    return path


def render(comparison: Comparison) -> str:
    """Return the page."""
    style, script = template("report.css") + template("compare.css"), template("report.js")
    title = f"{', '.join(comparison.outcomes)} on {', '.join(_environments(comparison))}"
    fields = {
        "title": html.escape(title),
        "style": style,
        "style_hash": digest(style),
        "script": script,
        "script_hash": digest(script),
        "notes": "".join(f'<p class="note warn">{html.escape(note)}</p>' for note in notes(comparison)),
        "results": _table(comparison),
        "how": html.escape(HOW),
        "runs": _runs(comparison),
        "footer": html.escape("Made by vlgym-compare from the run folders listed above."),
        "data": embed(payload(comparison)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: fields[match[1]], template("compare.html"))


def _outcomes(comparison: Comparison) -> list[Outcome]:
    return [outcome for runs in comparison.outcomes.values() for outcome in runs]


def _environments(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(outcome.env for outcome in _outcomes(comparison)))


def notes(comparison: Comparison) -> list[str]:
    """Return sentences on what makes the runs less comparable than they look."""
    found = []
    keys = {label: {(o.env, o.seed) for o in runs} for label, runs in comparison.outcomes.items()}
    if len(set(map(frozenset, keys.values()))) > 1:
        found.append("The methods were not run with the same environments and seeds; differences use those they share.")
    for option in ("run.model", "run.steps", "rollout.groups", "rollout.group_size", "eval.episodes", "eval.seed"):
        values = {str(outcome.options.get(option)) for outcome in _outcomes(comparison)}
        if len(values) > 1:
            found.append(f"The runs differ in {option}: {', '.join(sorted(values))}.")
    steps = {outcome.total("optimiser_steps") for outcome in _outcomes(comparison)}
    if len(steps) > 1:
        found.append(f"The runs differ in optimiser steps: {', '.join(f'{n:.0f}' for n in sorted(steps))}.")
    if len(comparison.outcomes) > COLOURS:
        found.append(f"Curves are drawn for the first {COLOURS} methods only.")
    return found


def _table(comparison: Comparison) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in TITLES)
    body = ""
    for line in lines(comparison):
        first, *rest = line.cells()
        mark = "up" if line.difference.low > 0 else "down" if line.difference.high < 0 else ""
        cells = "".join(_cell(cell, mark if name == "difference" else "") for name, cell in zip(TITLES[1:], rest))
        body += f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>'
    return f'<table class="results panel"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(text: str, mark: str) -> str:
    value, _, interval = text.partition(" [")
    below = (
        f'<span class="interval">{html.escape(interval.rstrip("]").replace(", ", " to "))}</span>' if interval else ""
    )
    return f'<td class="{mark}"><span class="value">{html.escape(value)}</span>{below}</td>'


def _runs(comparison: Comparison) -> str:
    """Return the folders and commands, and the options in which the runs differ."""
    everything = _outcomes(comparison)
    differing = sorted(
        key
        for key in {key for o in everything for key in o.options}
        if key not in ("run.out", "run.seed") and len({str(o.options.get(key)) for o in everything}) > 1
    )
    blocks = []
    for outcome in everything:
        options = {key: outcome.options.get(key) for key in differing if key in outcome.options}
        cells = "".join(
            f"<div><dt>{html.escape(key)}</dt><dd>{html.escape(str(value))}</dd></div>"
            for key, value in options.items()
        )
        heading = f"{outcome.label}, seed {outcome.seed}, {outcome.env}: {shlex.quote(str(outcome.folder.name))}"
        blocks.append(
            f'<details class="setup panel"><summary>{html.escape(heading)}</summary>'
            f'<dl class="options">{cells}</dl></details>'
        )
    return "".join(blocks)


# ---------------------------------------------------------------------- curves


def payload(comparison: Comparison) -> dict[str, Any]:
    """Return what the script draws: for every metric one chart, one line and band per method."""
    shown = dict(list(comparison.outcomes.items())[:COLOURS])
    end = max((o.last("env_steps") for runs in shown.values() for o in runs), default=1.0)
    grid = np.unique(np.linspace(0, max(end, 1.0), POINTS).round())
    held_out: dict[str, Lines] = {
        label: [curve(o) for o in runs if len(o.evaluations) > 1] for label, runs in shown.items()
    }
    groups: list[dict[str, Any]] = [
        {"group": "Held-out tasks", "charts": _chart("Success", "success", held_out, grid, still=True)}
    ]
    named = {key for charts in CURVES.values() for _, keys in charts for key in keys} | COUNTERS
    others = sorted({key for runs in shown.values() for o in runs for row in o.rows for key in row} - named)
    tables = {
        **{group: [(title, key) for title, keys in charts for key in keys] for group, charts in CURVES.items()},
        "Of the methods": [(key.replace("_", " "), key) for key in others],
    }
    for group, charts in tables.items():
        drawn = [c for title, key in charts for c in _chart(_title(title, key), key, _columns(shown, key), grid)]
        groups.append({"group": group, "charts": drawn})
    return {
        "steps": grid.astype(int).tolist(),
        "axis": "environment step",
        "smoothing": "0",
        "curves": [group for group in groups if group["charts"]],
        "episodes": [],
        "images": {},
        "left_out": [],
    }


def _title(title: str, key: str) -> str:
    alone = sum(len(keys) == 1 for charts in CURVES.values() for name, keys in charts if name == title and key in keys)
    return title if alone or title == key.replace("_", " ") else f"{title}: {key.replace('_', ' ')}"


def _columns(shown: Mapping[str, Sequence[Outcome]], key: str) -> dict[str, Lines]:
    columns = {label: [(o.column("env_steps"), o.column(key)) for o in runs] for label, runs in shown.items()}
    return {label: [line for line in found if not np.isnan(line[1]).all()] for label, found in columns.items()}


def _chart(
    title: str, key: str, runs: Mapping[str, Lines], grid: np.ndarray, *, still: bool = False
) -> list[dict[str, Any]]:
    """Return the chart in a list, [] where no run has the metric; `still`: never smoothed."""
    series: list[dict[str, Any]] = []
    for label, lines_ in runs.items():
        if not lines_:
            series.append({"label": label, "y": [None] * len(grid)})
            continue
        values = np.array([_on(grid, xs, ys) for xs, ys in lines_])
        full = ~np.isnan(values).any(0)
        columns = {"y": values.mean(0), "low": values.min(0), "high": values.max(0)}
        listed = {name: [float(v) if ok else None for v, ok in zip(c, full)] for name, c in columns.items()}
        series.append({"label": label, **(listed if len(lines_) > 1 else {"y": listed["y"]})})
    if all(y is None for one in series for y in one["y"]):
        return []
    return [
        {
            "title": title,
            "help": "mean over runs and their range" if key == "success" else METRICS.get(key, ""),
            "unit": "share" if key in SHARES else "",
            "smooth": key not in UNSMOOTHED and not still,
            "series": series,
            "points": [],
        }
    ]


def _on(grid: np.ndarray, xs: Sequence[float], ys: Sequence[float]) -> np.ndarray:
    """Return a run's values on the grid, by straight lines between them and NaN outside."""
    x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    known = ~(np.isnan(x) | np.isnan(y))
    return np.asarray(np.interp(grid, x[known], y[known], left=math.nan, right=math.nan))
