"""Rows of the to-do list."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PACKAGE = "org.tasks"
PRIORITIES = ("High", "Medium", "Low", "None")
"""Names of `importance` 0 to 3."""
DEFAULT_PRIORITY = 2
REPEATS = ("Does not repeat", "Daily", "Weekly", "Monthly", "Yearly")
_RULES = ("", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=MONTHLY", "RRULE:FREQ=YEARLY")
SORTS = ("Smart sort", "By due date", "By priority", "By title", "By last modified")
HIDES = ("No start date", "Due date", "Day before due", "Week before due")


@dataclass(frozen=True, slots=True)
class Task:
    """A row of tasks; times in milliseconds since 1970, 0 for none."""

    id: int
    title: str
    priority: int
    due: int
    hide: int
    completed: int
    notes: str
    rule: str
    modified: int
    list: str
    tags: tuple[str, ...]

    @property
    def has_time(self) -> bool:
        """Whether it is due at a time of day and not just on a day: such times have a second."""
        return self.due > 0 and self.due % 60_000 > 0


class TaskStore:
    """The tasks, lists and tags, and what changes them."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def database(self) -> Database:
        """The database of the app."""
        return self.state.app_database(PACKAGE, "database")

    def lists(self) -> list[tuple[str, str]]:
        """Return (uuid, name) of the lists; the first is where tasks without a list belong."""
        rows = self.database.execute("SELECT cdl_uuid, cdl_name FROM caldav_lists ORDER BY cdl_order, cdl_id")
        return [(uuid, name) for uuid, name in rows] or [("default", "Default list")]

    def tags(self) -> list[tuple[str, str]]:
        """Return (uid, name) of the tags by name."""
        rows = self.database.execute("SELECT remoteId, name FROM tagdata ORDER BY lower(name)")
        return [(uid, name) for uid, name in rows]

    def all(self) -> list[Task]:
        """Return the tasks that have not been deleted."""
        tags: dict[int, list[str]] = {}
        for task, name in self.database.execute("SELECT task, name FROM tags ORDER BY lower(name)"):
            tags.setdefault(task, []).append(name)
        home = self.lists()[0][0]
        rows = self.database.execute(
            "SELECT _id, IFNULL(title, ''), importance, dueDate, hideUntil, completed, IFNULL(notes, ''),"
            " IFNULL(recurrence, ''), modified, (SELECT cd_calendar FROM caldav_tasks WHERE cd_task = tasks._id"
            " AND cd_deleted = 0) FROM tasks WHERE deleted = 0"
        )
        return [Task(*(*row[:9], row[9] or home, tuple(tags.get(row[0], ())))) for row in rows]

    def get(self, number: int) -> Task | None:
        """Return a task."""
        return next((task for task in self.all() if task.id == number), None)

    def sort(self, tasks: Iterable[Task], how: int) -> list[Task]:
        """Return tasks in one of SORTS; what is completed comes last."""
        never = 1 << 62
        keys = (
            lambda t: ((t.due or never) // 86_400_000, t.priority, t.due or never),
            lambda t: (t.due or never,),
            lambda t: (t.priority, t.due or never),
            lambda t: (t.title.lower(),),
            lambda t: (-t.modified,),
        )
        return sorted(tasks, key=lambda task: (task.completed > 0, *keys[how](task), task.title.lower(), task.id))

    # ------------------------------------------------------------ change

    def add(self, title: str, **values: Any) -> int:
        """Add a task; return its number."""
        now = self.state.clock.now_ms
        row: dict[str, Any] = dict.fromkeys(
            ("dueDate", "hideUntil", "completed", "deleted", "estimatedSeconds", "elapsedSeconds", "timerStart",
             "notificationFlags", "lastNotified", "repeat_from", "collapsed", "parent", "read_only"), 0
        )  # fmt: skip
        row.update(title=title, importance=DEFAULT_PRIORITY, created=now, modified=now, remoteId=self._uid())
        row.update(values)
        return self.database.insert("tasks", row)

    def _uid(self) -> str:
        return str(self.state.random.bits() >> 1)

    def change(self, number: int, **values: Any) -> None:
        """Change columns of a task."""
        values["modified"] = self.state.clock.now_ms
        names = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE tasks SET {names} WHERE _id = ?", (*values.values(), number))

    def complete(self, number: int, on: bool) -> None:
        """Complete a task, or undo that; one that repeats gets its next day instead."""
        task = self.get(number)
        if task is None:
            return
        if on and task.rule:
            self.change(number, dueDate=self._next_due(task))
        else:
            self.change(number, completed=self.state.clock.now_ms if on else 0)

    def _next_due(self, task: Task) -> int:
        clock = self.state.clock
        base = clock.local((task.due or clock.now_ms) * 1000).replace(tzinfo=None)
        after = next_time(base, task.rule)
        return round(clock.from_local(after).timestamp() * 1000)

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete tasks: they stay in the table, marked."""
        for number in numbers:
            self.change(number, deleted=self.state.clock.now_ms)

    def restore(self, numbers: Iterable[int]) -> None:
        """Bring deleted tasks back."""
        for number in numbers:
            self.change(number, deleted=0)

    def put_in_list(self, number: int, uuid: str) -> None:
        """Move a task into a list."""
        self.database.execute("DELETE FROM caldav_tasks WHERE cd_task = ?", (number,))
        self.database.insert(
            "caldav_tasks",
            {"cd_task": number, "cd_calendar": uuid, "cd_remote_id": self._uid(), "cd_last_sync": 0, "cd_deleted": 0},
        )

    def put_tags(self, number: int, names: Sequence[str]) -> None:
        """Give a task exactly these tags; unknown ones are made."""
        known = {name: uid for uid, name in self.tags()}
        self.database.execute("DELETE FROM tags WHERE task = ?", (number,))
        (remote,) = self.database.execute("SELECT remoteId FROM tasks WHERE _id = ?", (number,))[0]
        for name in names:
            uid = known.get(name) or self.add_tag(name)
            self.database.insert("tags", {"task": number, "name": name, "tag_uid": uid, "task_uid": remote})

    def add_tag(self, name: str) -> str:
        """Make a tag; return its uid."""
        uid = self._uid()
        self.database.insert("tagdata", {"remoteId": uid, "name": name, "color": 0, "td_icon": -1, "td_order": -1})
        return uid

    def add_list(self, name: str) -> str:
        """Make a list; return its uuid."""
        uuid = self._uid()
        order = len(self.lists())
        self.database.insert(
            "caldav_lists",
            {"cdl_account": "local", "cdl_uuid": uuid, "cdl_name": name, "cdl_color": 0, "cdl_icon": -1,
             "cdl_order": order, "cdl_access": 0, "cdl_last_sync": 0},
        )  # fmt: skip
        return uuid


def repeat_of(rule: str) -> int:
    """Return the place in REPEATS of a recurrence rule."""
    return next((n for n, known in enumerate(_RULES) if known and rule.startswith(known)), 0)


def rule_of(repeat: int) -> str:
    """Return the recurrence rule of a place in REPEATS."""
    return _RULES[repeat]


def next_time(moment: datetime, rule: str) -> datetime:
    """Return the next time of a recurrence rule."""
    kind = repeat_of(rule)
    if kind <= 2:
        return moment + timedelta(days=7 if kind == 2 else 1)
    months = moment.month + (1 if kind == 3 else 12)
    year, month = moment.year + (months - 1) // 12, (months - 1) % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
