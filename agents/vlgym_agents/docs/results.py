"""The page of measured results, docs/methods/results.md: one section per experiment, found by a mark above it."""

from __future__ import annotations

import re
from pathlib import Path

MARK = re.compile(r"^<!-- experiment: ([\w-]+) -->\n", re.MULTILINE)


def mark(name: str) -> str:
    """Return the line that begins the section of an experiment."""
    return f"<!-- experiment: {name} -->"


def sections(page: Path) -> dict[str, str]:
    """Return experiment -> its section, from the heading on; {} where there is no page yet."""
    if not page.exists():
        return {}
    _, *found = MARK.split(page.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(found[::2], found[1::2])}
