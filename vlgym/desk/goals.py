"""What a task wants, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from vlgym.desk.apps import FIELDS, Field
from vlgym.desk.world import Desk


@dataclass(frozen=True, slots=True)
class Goal:
    """Set some fields and save their windows; leave everything else as it is.

    Attributes:
        values: value of every field at the start.
        app, page: the window that is open at the start; "" for none.
        apps: apps to save, in the order of the instruction.
        changes: path -> value wanted, in the order of the instruction.
    """

    values: dict[str, str]
    app: str
    page: str
    apps: tuple[str, ...]
    changes: dict[str, str]

    def wanted(self, path: str) -> str:
        """Return the value that a field must have in the end."""
        return self.changes.get(path, self.values[path])

    def start(self) -> Desk:
        """Return the desk as the task finds it."""
        return Desk(dict(self.values), app=self.app, page=self.page)

    def met_by(self, desk: Desk) -> bool:
        """Return whether the window saved last was to be saved, once, and holds what is wanted."""
        app = desk.saved[-1]
        return (
            app in self.apps
            and desk.saved.count(app) == 1
            and all(desk.values[path] == self.wanted(path) for path in FIELDS if path.startswith(f"{app}/"))
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts to write, in the order of the instruction."""
        return tuple(value for path, value in self.changes.items() if FIELDS[path].kind == "entry")


def say(goal: Goal) -> str:
    """Return the instruction, such as "In Settings: Sound, turn Mute on, set Output to Speaker; save."."""
    changed = [FIELDS[path] for path in goal.changes]
    return " ".join(_say_app(app, [field for field in changed if field.app == app], goal) for app in goal.apps)


def _say_app(app: str, changed: list[Field], goal: Goal) -> str:
    pages = groupby(changed, key=lambda field: field.page)
    parts = [f"{page}, " + ", ".join(say_change(field, goal) for field in fields) for page, fields in pages]
    return f"In {app}: " + "; ".join([*parts, "save."])


def say_change(field: Field, goal: Goal) -> str:
    """Return the words for one field."""
    value = goal.wanted(field.path)
    if field.kind == "toggle":
        return f"turn {field.name} {value}"
    return f'write "{value}" in {field.name}' if field.kind == "entry" else f"set {field.name} to {value}"
