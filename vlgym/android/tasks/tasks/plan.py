"""How urgent, when, under which tag: tasks to plan, and questions about the plan."""

from __future__ import annotations

import random
from collections.abc import Iterator

from vlgym.android.tasks.desk import AppQuestion
from vlgym.android.tasks.tasks.base import (
    DAY,
    PRIORITIES,
    PRIORITY,
    TIMES,
    TITLE,
    One,
    TasksTask,
    Todo,
    day_words,
)
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, launch, seek


class SetPriority(One):
    """A task that is more urgent, or less."""

    name = "TasksSetPriority"
    instruction = 'Give the task "{title}" in the Tasks app {priority} priority.'
    checkpoints = ("open the app", "done")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks, one of them and another priority."""
        p = super().draw(rng)
        now = next(todo[PRIORITY] for todo in p["tasks"] if todo[TITLE] == p["title"])
        level = rng.choice([n for n in range(4) if n != now])
        return {"title": p["title"], "priority": PRIORITIES[level].lower(), "level": level, "tasks": p["tasks"]}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the new priority."""
        return self.changed(p, p["title"], priority=p["level"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose it and save."""
        yield from self.to_task(screen, p["title"])
        yield click(f"{PRIORITIES[p['level']]} priority")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the next one."""
        yield from self.to_task(screen, p["title"])
        yield click(f"{PRIORITIES[(p['level'] + 1) % 4]} priority")
        yield click("Save")


class Reschedule(One):
    """A task for another day."""

    name = "TasksReschedule"
    instruction = 'Change the due date of the task "{title}" in the Tasks app to {when}.'
    checkpoints = ("open the app", "done")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks, one of them and a day on which it is not due."""
        p = super().draw(rng)
        day = rng.choice([n for n in range(1, 40) if n not in self.days])
        return {"title": p["title"], "when": day_words(day), "day": day, "tasks": p["tasks"]}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the new day."""
        return self.changed(p, p["title"], day=p["day"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the day and save."""
        yield from self._choose(screen, p)
        yield click("Save")

    def _choose(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from self.to_task(screen, p["title"])
        yield click("Due date")
        yield from self.to_day(screen, p["day"])
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose it and discard the change."""
        yield from self._choose(screen, p)
        yield "press(back)"
        yield click("Discard")


class SetTime(One):
    """A task for a time of day."""

    name = "TasksSetTime"
    instruction = 'Make the task "{title}" in the Tasks app due on {when} at {time}.'
    checkpoints = ("open the app", "done")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks, one of them, a day and a time."""
        p = super().draw(rng)
        day, hour = rng.randint(1, 12), rng.choice(list(TIMES))
        return {"title": p["title"], "when": day_words(day), "time": TIMES[hour][1], "day": day, "hour": hour,
                "tasks": p["tasks"]}  # fmt: skip

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the new time."""
        return self.changed(p, p["title"], day=p["day"], hour=p["hour"])

    def _choose(self, screen: Screen, p: Params, hour: int) -> Iterator[str]:
        yield from self.to_task(screen, p["title"])
        yield click("Due date")
        yield from self.to_day(screen, p["day"])
        yield click(TIMES[hour][0])
        yield click("OK")
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose day and time and save."""
        yield from self._choose(screen, p, p["hour"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose another time."""
        yield from self._choose(screen, p, next(hour for hour in TIMES if hour != p["hour"]))


class AddTag(One):
    """A tag for a task."""

    name = "TasksAddTag"
    instruction = 'Tag the task "{title}" in the Tasks app with "{tag}"; the tag does not exist yet.'
    checkpoints = ("open the app", "done")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks, one of them and a tag."""
        p = super().draw(rng)
        tag = rng.choice(("errand", "weekend", "quick", "phone", "outside", "money", "waiting", "family"))
        return {"title": p["title"], "tag": tag, "tasks": p["tasks"]}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the tag."""
        return self.changed(p, p["title"], tags=[p["tag"]])

    def _tag(self, screen: Screen, title: str, tag: str) -> Iterator[str]:
        yield from self.to_task(screen, title)
        yield click("Tags")
        yield enter(tag, "Create new tag")
        yield click("OK")
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Make the tag in the form."""
        yield from self._tag(screen, p["title"], p["tag"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Tag another task."""
        yield from self._tag(screen, self.other(p), p["tag"])


class DueOn(TasksTask, AppQuestion):
    """What is due on a day."""

    name = "TasksDueOn"
    instruction = "Which task is due on {when} according to the Tasks app? Answer with its title."
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks of which one is due on the day."""
        todos = self.todos(rng)
        chosen = rng.choice(todos)
        day = rng.randint(2, 13)
        for todo in todos:
            if todo[DAY] == day:
                todo[DAY] = None
        chosen[DAY] = day
        return {"when": day_words(day), "answer": chosen[TITLE], "tasks": todos}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look through the list."""
        yield from launch(screen, "Tasks")
        yield from seek(screen, p["answer"])
        yield answer(p["answer"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Name another one."""
        yield from launch(screen, "Tasks")
        yield answer(next(todo[TITLE] for todo in p["tasks"] if todo[TITLE] != p["answer"]))


class DueTodayCount(TasksTask, AppQuestion):
    """How much waits today."""

    name = "TasksDueTodayCount"
    instruction = "How many open tasks are due today or are overdue in the Tasks app? Answer with a number."
    steps = 4
    days = (None, -3, -1, 0, 0, 1, 2, 5)

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks of which at least one is due."""
        todos = self.todos(rng)
        todos[0][DAY] = rng.choice((-1, 0))
        count = sum(todo[DAY] is not None and todo[DAY] <= 0 for todo in todos)
        return {"answer": str(count), "tasks": todos}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the number in the drawer."""
        yield from launch(screen, "Tasks")
        yield click("Open drawer")
        yield answer(next(word for word in screen.get("Today", clickable=True).words if word.isdecimal()))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Count all tasks, or one too many."""
        yield from launch(screen, "Tasks")
        yield answer(str(int(p["answer"]) + 1))
