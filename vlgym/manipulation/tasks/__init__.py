"""The tasks of the arm, one file each kind; `make` finds one by its name."""

from __future__ import annotations

import importlib
from typing import Any

from vlgym.core.errors import did_you_mean
from vlgym.manipulation.tasks.base import ArmTask

TASKS: dict[str, str] = {
    "PegInsert": "vlgym.manipulation.tasks.peg:PegInsert",
    "PegPickInsert": "vlgym.manipulation.tasks.pick_insert:PegPickInsert",
    "NutOnPeg": "vlgym.manipulation.tasks.pick_insert:NutOnPeg",
    "Lift": "vlgym.manipulation.tasks.blocks:Lift",
    "Stack": "vlgym.manipulation.tasks.blocks:Stack",
    "Door": "vlgym.manipulation.tasks.door:Door",
    "PickPlace": "vlgym.manipulation.tasks.pick_place:PickPlace",
}
"""Name -> "module:Class"."""


def make(name: str, **options: Any) -> ArmTask:
    """Return the task of that name; raises ValueError for an unknown one."""
    if name not in TASKS:
        raise ValueError(f"Unknown arm task {name!r}; known: {', '.join(TASKS)}.{did_you_mean(name, TASKS)}")
    module, _, attribute = TASKS[name].partition(":")
    task: ArmTask = getattr(importlib.import_module(module), attribute)(**options)
    return task
