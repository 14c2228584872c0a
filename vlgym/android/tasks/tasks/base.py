"""What the tasks with the to-do list have in common."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from vlgym.android.state import samples
from vlgym.android.tasks.desk import AppTask, Rows
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, launch, seek

PACKAGE = "org.tasks"
DB = f"/data/data/{PACKAGE}/databases/database"
TODAY = date(2023, 10, 15)
DAY_MS, NOON_MS = 86_400_000, 1_697_371_200_000
PRIORITIES = ("High", "Medium", "Low", "No")
TIMES = {9: ("Morning", "9:00 AM"), 13: ("Afternoon", "1:00 PM"), 17: ("Evening", "5:00 PM"), 20: ("Night", "8:00 PM")}
"""Hour -> what the app calls it, and how people write it."""
TITLE, PRIORITY, DAY, HOUR, DONE, NOTES, LIST, TAGS = range(8)
Todo = list[Any]
"""[title, priority, days from today or None, hour or None, is done, notes, list, tags]."""


def due_ms(day: int | None, hour: int | None) -> int:
    """Return the due date as the app keeps it: noon for a day, a second after the minute for a time."""
    if day is None:
        return 0
    return NOON_MS + day * DAY_MS + (0 if hour is None else (hour - 12) * 3_600_000 + 1000)


def day_words(day: int) -> str:
    """Return a day as people write it: "Wednesday, October 18"."""
    moment = TODAY + timedelta(days=day)
    return f"{moment:%A, %B} {moment.day}"


def new_title(rng: random.Random, todos: Sequence[Todo]) -> str:
    """Draw a title that none of the tasks has."""
    titles = {todo[TITLE] for todo in todos}
    while True:
        title = samples.todo(rng)
        if title not in titles:
            return title


class TasksTask(AppTask):
    """Base: `p["tasks"]` are the tasks to begin with."""

    app = "tasks"
    package = PACKAGE
    least, most = 5, 8
    days: tuple[int | None, ...] = (None, None, -1, 0, 1, 2, 3, 4, 6, 9)

    def todos(self, rng: random.Random) -> list[Todo]:
        """Draw tasks whose titles differ."""
        titles = samples.several(rng, rng.randint(self.least, self.most), samples.todo, str)
        return [self.todo(rng, title) for title in titles]

    def todo(self, rng: random.Random, title: str) -> Todo:
        """Draw the rest of a task."""
        notes = samples.detail(rng) if rng.random() < 0.3 else ""
        return [title, rng.choice((0, 1, 2, 2, 3)), rng.choice(self.days), None, False, notes, "Default list", []]

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the tasks."""
        for table in ("tasks", "caldav_tasks", "tags", "tagdata", "alarms"):
            phone.execute(DB, f"DELETE FROM {table}")
        phone.execute(DB, "DELETE FROM caldav_lists WHERE cdl_uuid != 'default'")
        made = NOON_MS - 2 * DAY_MS
        for number, (title, priority, day, hour, done, notes, *_) in enumerate(p["tasks"], 1):
            phone.execute(
                DB,
                "INSERT INTO tasks (_id, title, importance, dueDate, hideUntil, created, modified, completed, deleted,"
                " notes, estimatedSeconds, elapsedSeconds, timerStart, notificationFlags, lastNotified, remoteId,"
                " collapsed, parent) VALUES (?, ?, ?, ?, 0, ?, ?, ?, 0, ?, 0, 0, 0, 0, 0, ?, 0, 0)",
                (number, title, priority, due_ms(day, hour), made, made, made if done else 0, notes or None,
                 str(4000 + number)),
            )  # fmt: skip

    def rows(self, phone: Phone) -> Rows:
        """Return the tasks now, as `after` describes them."""
        tags: dict[int, list[str]] = {}
        for task, name in phone.rows(DB, "SELECT task, name FROM tags ORDER BY name"):
            tags.setdefault(int(task), []).append(str(name))
        lists = {
            int(task): str(name)
            for task, name in phone.rows(
                DB, "SELECT cd_task, cdl_name FROM caldav_tasks JOIN caldav_lists ON cd_calendar = cdl_uuid"
            )
        }
        found = phone.rows(
            DB,
            "SELECT _id, title, importance, dueDate, completed > 0, IFNULL(notes, ''), IFNULL(recurrence, ''),"
            " hideUntil FROM tasks WHERE deleted = 0",
        )
        return sorted(
            (*row[1:4], bool(row[4]), row[5], lists.get(int(row[0]), "Default list"), tuple(tags.get(int(row[0]), ())),
             *row[6:])
            for row in found
        )  # fmt: skip

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks of a success."""
        return list(p["tasks"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether exactly the tasks of a success are there."""
        wanted = [
            (t[TITLE], t[PRIORITY], due_ms(t[DAY], t[HOUR]), t[DONE], t[NOTES], t[LIST], tuple(sorted(t[TAGS])), "", 0)
            for t in self.after(p)
        ]
        return self.rows(phone) == sorted(wanted)

    def changed(self, p: Params, title: str, **values: Any) -> list[Todo]:
        """Return the tasks with one changed; keywords are names of the columns, lower case."""
        columns = {"priority": PRIORITY, "day": DAY, "hour": HOUR, "done": DONE, "list": LIST, "tags": TAGS}
        found = []
        for todo in p["tasks"]:
            fresh = list(todo)
            if fresh[TITLE] == title:
                for name, value in values.items():
                    fresh[columns[name]] = value
            found.append(fresh)
        return found

    # ------------------------------------------------------------ for scripts

    def to_task(self, screen: Screen, title: str) -> Iterator[str]:
        """Open a task."""
        yield from launch(screen, "Tasks")
        yield from seek(screen, title)
        yield click(screen.get(title, clickable=True).index)

    def to_day(self, screen: Screen, day: int) -> Iterator[str]:
        """Choose a day in the open dialog of due dates."""
        moment = TODAY + timedelta(days=day)
        words = f"{moment.day} {moment:%B} {moment.year}"
        if not screen.has(words) and not screen.has(f"{moment:%B} {moment.year}"):
            yield click("Next month")
        yield click(words)


class One(TasksTask):
    """Base of tasks about one of the tasks: its "title"."""

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks and one of them."""
        todos = self.todos(rng)
        return {"title": rng.choice(todos)[TITLE], "tasks": todos}

    def other(self, p: Params) -> str:
        """Return the title of another one."""
        titles: list[str] = [todo[TITLE] for todo in p["tasks"]]
        return titles[titles.index(p["title"]) - 1]
