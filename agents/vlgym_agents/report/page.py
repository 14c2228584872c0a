"""The page: the parts that need no script, and the template they are put in."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from vlgym.core.errors import UnknownNameError
from vlgym.registry import env_id
from vlgym_agents.report import payload as payloads
from vlgym_agents.report.payload import SHARES
from vlgym_agents.report.run import Run, number
from vlgym_agents.stats import bootstrap


def render(run: Run) -> str:
    """Return the page of a run."""
    style, script = template("report.css"), template("report.js") + template("episodes.js")
    heading = _heading(run)
    payload = payloads.build(run)
    fields = {
        "title": html.escape(f"{heading} – vlgym report"),
        "heading": html.escape(heading),
        "style": style,
        "style_hash": digest(style),
        "script": script,
        "script_hash": digest(script),
        "status": _status(run),
        "facts": _facts(run),
        "results": _results(run),
        "curves_note": "" if payload["curves"] else _note("No training step was finished, so there is no curve."),
        "episodes_note": _episodes_note(run, payload),
        "setup": _setup(run),
        "footer": html.escape(
            f"Made from {run.folder.resolve().name}/ (config.json, metrics.jsonl, eval_*.json, episodes/)."
        ),
        "data": payloads.embed(payload),
    }
    # One pass, so that a value which looks like a placeholder stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: fields[match[1]], template("report.html"))


def _heading(run: Run) -> str:
    env = str(run.option("env") or "")
    with contextlib.suppress(UnknownNameError):
        env = env_id(env)  # a tag such as "webshop" becomes the id
    return " on ".join(part for part in (str(run.option("algo") or ""), env) if part) or run.folder.resolve().name


def template(name: str) -> str:
    """Return a file of the templates folder."""
    return (resources.files("vlgym_agents.report") / "templates" / name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return the source expression of the content security policy that allows exactly `text`."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _note(text: str, kind: str = "") -> str:
    return f'<p class="note {kind}">{html.escape(text)}</p>'


def _status(run: Run) -> str:
    """Return one sentence on how far the run came, and one per unreadable file."""
    done, wanted = _steps_done(run), run.option("steps")
    if run.after:
        sentence, kind = _verdict(run), "good" if _gain(run, "success")[1] > 0 else ""
    elif not run.config and not run.metrics:
        sentence, kind = "This folder holds no run yet: neither config.json nor metrics.jsonl can be read.", "bad"
    else:
        total = f" of {wanted}" if wanted else ""
        sentence = (
            f"Not finished: {done}{total} steps are done and there is no evaluation after training. The run is still "
            f"going, was stopped, or died; vlgym-train --resume goes on from its last checkpoint."
        )
        kind = "warn"
    return _note(sentence, kind) + "".join(_note(problem, "warn") for problem in run.problems)


def _verdict(run: Run) -> str:
    after = run.after.get("success") or {}
    count, split = run.after.get("episodes", "?"), run.after.get("split", "")
    where = f"on {count} {split} episodes".replace("  ", " ")
    if not run.before:
        return f"Success after training: {_percent(after.get('value'))} {where}. There is no evaluation before it."
    change, low, high = _gain(run, "success")
    start, end = _percent((run.before.get("success") or {}).get("value")), _percent(after.get("value"))
    sentence = f"Success went from {start} to {end} {where}: {_points(change)} points"
    if math.isnan(low):
        return sentence + "."
    sentence += f", 95 % interval {_points(low)} to {_points(high)}."
    return sentence if low > 0 or high < 0 else sentence + " The interval contains zero: no change is shown."


def _steps_done(run: Run) -> int:
    return max((int(number(row.get("step")) or 0) for row in run.metrics), default=0)


def _facts(run: Run) -> str:
    last = run.metrics[-1] if run.metrics else {}
    evaluations = run.evaluations or [run.before, run.after]
    wall = sum(number(row.get("seconds")) or 0 for row in run.metrics)
    facts = {
        "Model": run.option("model") if run.speaks else None,
        "Seed": run.option("seed"),
        "Control": None if run.option("control") == "none" else run.option("control"),
        "Training steps": _steps_done(run) or None,
        "Training time": _duration(wall),
        "CPU time": _duration(sum(number(row.get("cpu_s")) or 0 for row in run.metrics)),
        "Evaluation time": _duration(sum(number(entry.get("seconds")) or 0 for entry in evaluations)),
        "Environment steps": f"{last['env_steps']:,.0f}" if number(last.get("env_steps")) is not None else None,
        "Sampled tokens": f"{last['tokens']:,}" if number(last.get("tokens")) is not None else None,
        "Started": str(run.config.get("created", "")).replace("T", " ")[:16],
    }
    return "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in facts.items()
        if value not in (None, "")
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min"
        if hours
        else f"{minutes} min {rest:02d} s"
        if minutes
        else f"{rest} s"
        if seconds
        else ""
    )


def _percent(value: Any) -> str:
    share = number(value)
    return "–" if share is None else f"{100 * share:.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _gain(run: Run, key: str) -> tuple[float, float, float]:
    """Return (after - before, low, high) of a metric; NaN where it cannot be known.

    The interval is a 95 % percentile bootstrap over the tasks both evaluations have, each with its own before and
    after: pairing removes the spread between easy and hard tasks.
    """
    start, end = (number((entry.get(key) or {}).get("value")) for entry in (run.before, run.after))
    if start is None or end is None:
        return math.nan, math.nan, math.nan
    before, after = (
        {(task["task"], task.get("seed")): float(task[key]) for task in entry.get("tasks") or () if key in task}
        for entry in (run.before, run.after)
    )
    differences = np.array([after[task] - before[task] for task in before if task in after], dtype=np.float64)
    if len(differences) < 2:
        return end - start, math.nan, math.nan
    interval = bootstrap(differences)
    return end - start, interval.low, interval.high


def _results(run: Run) -> str:
    if not run.before and not run.after:
        return _note("There is no evaluation yet: neither before nor after training.")
    rows = [
        _result_row(run, key, title)
        for key, title in (("success", "Success"), ("score", "Score"), ("return", "Return"))
    ]
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("", "Before", "After", "Change", "Estimate and interval")
    )
    table = f'<table class="results panel"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return table + f'<p class="muted">{html.escape(_how_measured(run))}</p>' + _others(run)


def _others(run: Run) -> str:
    """Return the evaluations beside before and after, such as that of a teacher, on the same starts."""
    parts = []
    for entry in run.evaluations:
        name, success = str(entry.get("name", "")), entry.get("success") or {}
        if name and name not in ("before", "after") and not name.startswith("step-"):
            low, high = _percent(success.get("low")).removesuffix(" %"), _percent(success.get("high"))
            parts.append(f"{name} ({entry.get('decoding', '?')}): {_percent(success.get('value'))}, {low} to {high}")
    return f'<p class="muted">{html.escape("Success beside these: " + "; ".join(parts))}.</p>' if parts else ""


def _how_measured(run: Run) -> str:
    entry = run.after or run.before
    success, score = entry.get("success") or {}, entry.get("score") or {}
    parts = [
        f"{entry.get('episodes', '?')} episodes of the {entry.get('split', '?')} split,"
        f" {entry.get('decoding', '?')} decoding.",
        f"Intervals: {success.get('interval', '?')} for success, {score.get('interval', '?')} otherwise;"
        " that of the change is a paired bootstrap over tasks.",
    ]
    for key, name, show in (
        ("turns", "Turns per episode", "{:.1f}"),
        ("tokens_per_turn", "Tokens per turn", "{:.1f}"),
        ("invalid", "Refused actions", "{:.1%}"),
    ):
        if not run.speaks and key != "turns":
            continue  # numbers of text
        values = [number(part.get(key)) for part in (run.before, run.after) if part]
        if values and None not in values:
            parts.append(f"{name}: {' → '.join(show.format(value) for value in values)}.")
    if errors := sum(int(number(part.get("env_errors")) or 0) for part in (run.before, run.after)):
        parts.append(f"{errors} episodes were lost to failures of the machinery and are not counted.")
    return " ".join(parts)


def _result_row(run: Run, key: str, title: str) -> str:
    share = key in SHARES

    def show(value: float | None) -> str:
        return "–" if value is None or math.isnan(value) else f"{100 * value:.1f} %" if share else f"{value:.3f}"

    cells, bars = [], []
    for label, entry, mark in (("Before", run.before, "b"), ("After", run.after, "a")):
        part = entry.get(key) or {}
        value, low, high = (number(part.get(name)) for name in ("value", "low", "high"))
        interval = ""
        if low is not None and high is not None:
            interval = f'<span class="interval">{show(low).removesuffix(" %")} to {show(high)}</span>'
        cells.append(f'<td data-label="{label}"><span class="value">{show(value)}</span>{interval}</td>')
        if value is not None:
            bars.append((mark, value, value if low is None else low, value if high is None else high))
    change, low, high = _gain(run, key)
    if math.isnan(change):
        cells.append('<td data-label="Change"><span class="value">–</span></td>')
    else:
        mark = "up" if low > 0 else "down" if high < 0 else ""
        sign = _points if share else _signed
        interval = "" if math.isnan(low) else f'<span class="interval">{sign(low)} to {sign(high)}</span>'
        cells.append(f'<td data-label="Change" class="{mark}"><span class="value">{sign(change)}</span>{interval}</td>')
    return f'<tr><th scope="row">{title}</th>{"".join(cells)}<td class="plot">{_interval_plot(bars, share)}</td></tr>'


def _interval_plot(bars: Sequence[tuple[str, float, float, float]], share: bool) -> str:
    """Return an SVG with one line per estimate on a common axis (0 to 1 for shares)."""
    if not bars:
        return ""
    low, high = (0.0, 1.0) if share else (min(0.0, *(bar[2] for bar in bars)), max(1.0, *(bar[3] for bar in bars)))
    width = 300

    def x(value: float) -> float:
        return 8 + (width - 16) * (value - low) / (high - low)

    parts = [f'<line class="axis" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="34" y2="34"/>']
    for tick in (low, (low + high) / 2, high):
        text = f"{100 * tick:.0f} %" if share else f"{tick:g}"
        parts.append(f'<text x="{x(tick):.1f}" y="46" text-anchor="middle">{text}</text>')
    for row, (mark, value, start, end) in enumerate(bars):
        y = 9 + 14 * row
        parts.append(f'<line class="{mark}" x1="{x(start):.1f}" x2="{x(end):.1f}" y1="{y}" y2="{y}" stroke-width="2"/>')
        parts.append(f'<circle class="{mark}" cx="{x(value):.1f}" cy="{y}" r="4.5"/>')
    return f'<svg viewBox="0 0 {width} 50" aria-hidden="true">{"".join(parts)}</svg>'


def _episodes_note(run: Run, payload: Mapping[str, Any]) -> str:
    if not run.episodes:
        return _note("No episode was kept in this run's episodes folder.")
    notes = ""
    if missing := len(run.episodes) - len(payload["episodes"]):
        notes += _note(
            f"{missing} of {len(run.episodes)} episodes are not in this file, to keep it small; they are in episodes/."
        )
    return notes


def _setup(run: Run) -> str:
    if not run.config:
        return _note("config.json is missing, so what was run is not known.", "warn")
    command = shlex.join(str(word) for word in run.config.get("command") or ())
    parts = [f"<pre>{html.escape(command)}</pre>"] if command else []
    sources = run.config.get("sources") or {}
    options = run.config.get("options") or {}
    chosen = {key: value for key, value in options.items() if sources.get(key, "default") != "default"}
    rest = {key: value for key, value in options.items() if key not in chosen}
    blocks = [f'<div class="setup panel"><h3>Command</h3>{"".join(parts) or "<p>not recorded</p>"}</div>']
    for title, table, is_open in (
        ("Options that were chosen", chosen, True),
        ("Options left at their defaults", rest, False),
        ("Versions", run.config.get("versions") or {}, False),
    ):
        if table:
            cells = "".join(
                f"<div><dt>{html.escape(str(key))}</dt><dd>{html.escape(_plain(value))}</dd></div>"
                for key, value in sorted(table.items())
            )
            blocks.append(
                f'<details class="setup panel"{" open" if is_open else ""}><summary>{title} ({len(table)})</summary>'
                f'<dl class="options">{cells}</dl></details>'
            )
    return "".join(blocks)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
