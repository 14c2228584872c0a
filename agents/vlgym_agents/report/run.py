"""Reading a run folder (its format: see record.py), whatever state it is in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlgym_agents.registry import PROGRAMS


@dataclass(slots=True)
class Run:
    """What a run folder holds; `problems` are sentences about files that could not be read."""

    folder: Path
    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    before: dict[str, Any]
    after: dict[str, Any]
    episodes: list[dict[str, Any]]
    problems: list[str] = field(default_factory=list)

    def option(self, name: str) -> Any:
        """Return option ``run.<name>`` of config.json, or None."""
        return (self.config.get("options") or {}).get(f"run.{name}")

    @property
    def speaks(self) -> bool:
        """Whether a model of tokens acts; programs have options of their own and none."""
        return self.option("algo") not in PROGRAMS


def load(folder: Path) -> Run:
    """Read what there is; what cannot be read becomes a sentence in `problems`."""
    problems: list[str] = []
    episodes = [
        _episode(raw, path.stem)
        for path in sorted((folder / "episodes").glob("*.json"))
        if (raw := _json(path, problems))
    ]
    order = {"before": 0, "after": 2}
    episodes.sort(key=lambda e: (order.get(e["kind"], 1), e["step"], e["kind"], e["name"]))
    return Run(
        folder,
        _json(folder / "config.json", problems),
        _lines(folder / "metrics.jsonl", problems),
        _lines(folder / "eval.jsonl", problems),
        _json(folder / "eval_before.json", problems),
        _json(folder / "eval_after.json", problems),
        episodes,
        problems,
    )


def _json(path: Path, problems: list[str]) -> dict[str, Any]:
    """Return the object in a file; {} where the file is absent, or unreadable (which is noted)."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{path.name} could not be read ({error}).")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name} holds no JSON object.")
        return {}
    return value


def _lines(path: Path, problems: list[str]) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file; broken lines (a run that died while writing) are noted and left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"{path.name} could not be read ({error}).")
        return []
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            row = "broken"
        if isinstance(row, dict):
            rows.append(row)
        elif row is not None:
            problems.append(f"{path.name}: line {number} is not a JSON object and was left out.")
    return rows


def _episode(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an episode with every key the page reads, of the type it reads."""
    text = {key: str(raw.get(key) or "") for key in ("task", "instruction", "env_error")}
    turns = [
        {
            "image": str(turn["image"]) if turn.get("image") else None,
            "text": None if turn.get("text") is None else str(turn["text"]),
            "instruction": None if turn.get("instruction") is None else str(turn["instruction"]),
            **{key: str(turn.get(key) or "") for key in ("words", "action", "error")},
            **{key: number(turn.get(key)) for key in ("tokens", "logprob", "value", "reward")},
            **{key: bool(turn.get(key)) for key in ("terminated", "truncated")},
            "action_valid": bool(turn.get("action_valid", True)),
            "info": _clean(turn.get("info") or {}),
        }
        for turn in raw.get("turns") or ()
        if isinstance(turn, dict)
    ]
    return {
        "name": name,
        "kind": str(raw.get("kind") or "train"),
        **text,
        **{key: int(number(raw.get(key)) or 0) for key in ("step", "seed", "group", "member")},
        **{key: number(raw.get(key)) for key in ("score", "return", "advantage")},
        **{key: bool(raw.get(key)) for key in ("success", "replayed")},
        "return_parts": _clean(raw.get("return_parts") or {}),
        "turns": turns,
    }


def number(value: Any) -> float | int | None:
    """Return a finite number, or None: NaN and infinity have no JSON."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


def _clean(value: Any) -> Any:
    """Return a JSON value without NaN or infinity (they become text)."""
    if isinstance(value, dict):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
