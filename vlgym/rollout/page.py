"""The report of a rollout: one HTML file without a script that makes no request. Page text is hostile: all escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from vlgym.rollout.episode import Episode, Turn

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def write_page(folder: Path, summary: Mapping[str, Any], episodes: Sequence[Episode]) -> Path:
    """Write `folder`/report.html and return its path.

    Args:
        folder: exists.
        summary: the summary line.
        episodes: those played; the ones with turns are shown turn by turn.
    """
    target = folder / "report.html"
    part = folder / "report.html.part"
    part.write_text(page(summary, episodes), encoding="utf-8", errors="replace", newline="\n")
    part.replace(target)
    return target


def page(summary: Mapping[str, Any], episodes: Sequence[Episode]) -> str:
    """Return the document."""
    ordered = sorted(episodes, key=lambda episode: episode.index)
    title = f"{summary['policy']} on {summary['env']}"
    recorded = "".join(_episode(episode) for episode in ordered if episode.turns)
    style = resources.files("vlgym.rollout").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} – vlgym rollout</title><style>{style}</style></head>'
        f"<body><h1>{escape(title)}</h1>{_head(summary)}"
        f"<h2>Episodes</h2>{_table(ordered)}"
        + (f"<h2>Turn by turn</h2>{recorded}" if recorded else "")
        + "</body></html>\n"
    )


def _head(summary: Mapping[str, Any]) -> str:
    success = summary["success"]
    interval = f"{_percent(success['value'])} ({_percent(success['low'])} to {_percent(success['high'])})"
    facts = {
        "Success, 95 % interval": interval if summary["episodes"] else "–",
        "Episodes": f"{summary['episodes']} of {summary['requested']}",
        "Mean score": f"{summary['score']:.3f}" if summary["episodes"] else "–",
        "Steps": summary["steps"],
        "Steps per second": summary["steps_per_s"],
        "Refused actions": _percent(summary["invalid_rate"]) if summary["steps"] else "–",
        "Machinery failures": summary["env_errors"],
        "Workers": summary["workers"],
        "Split, seed": f"{summary['split']}, {summary['seed']}",
        "Wall time": f"{summary['seconds']:.1f} s",
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items())
    note = f'<p class="note">Ended early: {escape(summary["stopped"])}</p>' if summary["stopped"] else ""
    digest = f'<p class="dim">Observation hash {escape(summary["observation_hash"])}, vlgym {escape(summary["vlgym"])}'
    return f"{note}<dl>{cells}</dl>{digest}</p>"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(episodes: Sequence[Episode]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", "Task", "Success", "Score", "Return", "Steps", "Seconds"))
    rows = "".join(
        f"<tr><td>{e.index}</td><td>{escape(e.task)}</td><td>{_verdict(e)}</td><td>{e.score:.3f}</td>"
        f"<td>{e.reward:.3f}</td><td>{e.steps}</td><td>{e.seconds:.2f}</td></tr>"
        for e in episodes
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _verdict(episode: Episode) -> str:
    return '<span class="good">yes</span>' if episode.success else '<span class="bad">no</span>'


def _episode(episode: Episode) -> str:
    turns = "".join(_turn(number, turn) for number, turn in enumerate(episode.turns))
    heading = f"<b>{episode.index}. {escape(episode.instruction or episode.task)}</b>"
    return f"<details><summary>{heading} solved: {_verdict(episode)}</summary>{turns}</details>"


def _turn(number: int, turn: Turn) -> str:
    image = base64.b64encode(turn.image).decode("ascii")
    seen = f'<img alt="what the agent saw" src="data:image/png;base64,{image}">' if image else ""
    seen += f"<pre>{escape(turn.text)}</pre>" if turn.text else ""
    done = f"<p><code>{escape(turn.action)}</code></p>"
    done += f"<pre>{escape(turn.words)}</pre>" if turn.words else ""
    done += f'<p class="bad">{escape(turn.error)}</p>' if turn.error else ""
    return f"<section><h3>Turn {number + 1}, reward {turn.reward:g}</h3><div>{seen}</div><div>{done}</div></section>"
