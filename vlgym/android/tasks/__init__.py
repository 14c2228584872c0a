"""Task templates: one file a family, which is an app; a file is imported when a task of its family is first made."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from vlgym.android.tasks.template import Template

FAMILIES = (
    *("settings", "clock", "system", "contacts", "dialer", "messages", "calendar", "markor", "files", "tasks"),
    *("expense", "recipe", "browser", "camera", "gallery", "recorder", "across"),
)
"""Names of the families and of their modules here, each with a tuple ``TEMPLATES``."""


@cache
def templates(family: str) -> tuple[Template, ...]:
    """Return the templates of a family, none if it is not written."""
    name = f"{__name__}.{family}"
    try:
        found: tuple[Template, ...] = importlib.import_module(name).TEMPLATES
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return ()
    return found


def catalogue(families: Iterable[str] = FAMILIES) -> dict[str, Template]:
    """Return name -> template, over some families."""
    return {template.name: template for family in families for template in templates(family)}
