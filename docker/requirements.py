"""Print what vlgym and some of its extras need, one requirement a line, for `pip install -r`.

    python docker/requirements.py web android

An image installs these before it copies the source, so that a change of the source does not download them again.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements(*extras: str) -> list[str]:
    """Return the requirements of the package and its extras, extras of extras included, in order.

    Raises:
        SystemExit: no such extra.
    """
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    found: dict[str, None] = dict.fromkeys(project["dependencies"])
    todo = list(extras)
    while todo:
        extra = todo.pop(0)
        if extra not in optional:
            raise SystemExit(f"pyproject.toml has no extra {extra!r}; known: {', '.join(optional)}.")
        for line in optional[extra]:
            own = re.fullmatch(r"vlgym\[(.+)\]", line)
            if own:
                todo += own[1].split(",")
            else:
                found[line] = None
    return list(found)


if __name__ == "__main__":
    print("\n".join(requirements(*sys.argv[1:])))
