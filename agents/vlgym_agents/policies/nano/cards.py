"""Model cards of the shipped weights, written by the commands that make them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HEAD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
---

# {title}

A vision-language transformer of {parameters:,} parameters that reads a screen as pieces (instruction words, lines of
text, elements, image cells) and speaks in verbs and pointers. Architecture: `vlgym_agents.policies.nano`.
"""

_GENERAL = """
General weights. They were trained on generic synthetic lists and Pillow-drawn screens (`lists.py`, `screens.py`) from a
lexicon of our own and invented words, never on a benchmark's pages or tasks. Rebuild them:

    {command}

{lists} steps on lists, {read} steps of reading, {joint} steps on both, seed {seed}.

## Measured

{examples} fresh examples each, greedy. "Unseen" words are kept out of the training screens (about one word in eight).

{table}
"""

_FAMILY = """
Warm start for `{env}`: the general weights imitated {found} successful episodes of the environment's oracle on tasks of
the training split ({epochs} passes, peak learning rate {lr}). It knows the family's moves and little more: it is
where reinforcement learning begins. Rebuild it:

    {command}

## Measured on the test split

{table}
"""

_LIMITS = """
## Limits

It knows no language beyond matching words, comparing numbers and copying; in images it reads English-like text of 10 to
16 pixels; it is meant for learning experiments on a laptop, not for use.
"""


def _table(rows: Mapping[str, Any]) -> str:
    return "\n".join(["| what | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])


def write_general(
    folder: Path, parameters: int, command: str, budget: Mapping[str, Any], figures: Mapping[str, Any]
) -> None:
    """Write README.md of the general weights."""
    text = _HEAD.format(title="vlgym-nano", parameters=parameters)
    named = {name.replace("_", " "): value for name, value in figures.items()}
    steps = {key: budget[key] for key in ("lists", "read", "joint", "seed", "examples")}
    text += _GENERAL.format(command=command, table=_table(named), **steps)
    (folder / "README.md").write_text(text + _LIMITS)


def write_family(
    folder: Path, parameters: int, command: str, start: Mapping[str, Any], figures: Mapping[str, Any]
) -> None:
    """Write README.md of a warm start."""
    rows = {}
    for decoding in ("greedy", "sampled"):
        if decoding in figures:
            for name in ("success", "score"):
                found = figures[decoding][name]
                rows[f"{name}, {decoding}"] = f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
    text = _HEAD.format(title=f"vlgym-nano, warm start for {start['env']}", parameters=parameters)
    shown = int(figures["demonstrations"])
    text += _FAMILY.format(
        env=start["env"], found=shown, epochs=start["epochs"], lr=start["lr"], command=command, table=_table(rows)
    )
    (folder / "README.md").write_text(text + _LIMITS)
