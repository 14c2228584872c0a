"""The HTML report of a run: one self-contained file made from the run folder (its format: see record.py).

    python -m vlgym_agents.report runs/NAME

The file makes no request: style, script, curves and screenshots are inside it, and its content security policy allows
nothing else. Page text and model words are hostile input: they travel as JSON with every "<" escaped, and the script
shows them through `textContent` only. A folder that lacks pieces (no evaluation yet, no episode, a run that died in
mid-line) gives a report of what is there.
"""

from __future__ import annotations

from pathlib import Path

from vlgym.core.errors import VlgymError
from vlgym_agents.report.page import render
from vlgym_agents.report.run import load

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Write `run_dir`/report.html from the files of the run folder and return its path.

    Raises:
        VlgymError: `run_dir` is no folder, or the file cannot be written.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise VlgymError(f"No run folder at {str(folder)!r}; give the folder that vlgym-train wrote (its --out).")
    page = render(load(folder))
    target, part = folder / "report.html", folder / "report.html.part"
    try:
        part.write_text(page, encoding="utf-8", errors="replace", newline="\n")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise VlgymError(f"Cannot write {str(target)!r} ({error.strerror}); free space or make it writable.") from error
    return target
