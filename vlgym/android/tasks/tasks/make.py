"""Tasks to make, to tick off, to move and to delete."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.state import samples
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.tasks.base import (
    DB,
    DONE,
    PRIORITIES,
    TITLE,
    One,
    TasksTask,
    Todo,
    day_words,
    new_title,
)
from vlgym.android.tasks.template import Params, Screen, click, enter, launch, seek


class Add(TasksTask):
    """A new task, nothing but a title."""

    name = "TasksAdd"
    instruction = 'Create a task "{title}" in the Tasks app.'
    checkpoints = ("open the app", "done")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks and a new title."""
        todos = self.todos(rng)
        return {"title": new_title(rng, todos), "tasks": todos}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the new one."""
        return [*p["tasks"], [p["title"], 2, None, None, False, "", "Default list", []]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type and save."""
        yield from launch(screen, "Tasks")
        yield click("Create new task")
        yield enter(p["title"])
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave without saving."""
        yield from launch(screen, "Tasks")
        yield click("Create new task")
        yield enter(p["title"])
        yield "press(back)"
        yield "press(back)"
        yield click("Discard")


class AddDetailed(TasksTask):
    """A new task with everything."""

    name = "TasksAddDetailed"
    instruction = (
        'Create a task "{title}" in the Tasks app with {priority} priority, due on {when}, '
        'and with the description "{notes}".'
    )
    checkpoints = ("open the app", "create a task", "done")
    steps = 10

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks and a new one."""
        todos = self.todos(rng)
        day = rng.randint(1, 30)
        place = rng.choice((0, 1, 3))
        return {"title": new_title(rng, todos), "priority": PRIORITIES[place].lower(), "when": day_words(day),
                "notes": samples.detail(rng), "day": day, "level": place, "tasks": todos}  # fmt: skip

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the new one."""
        return [*p["tasks"], [p["title"], p["level"], p["day"], None, False, p["notes"], "Default list", []]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Some task of that title is there."""
        return (any(row[0] == p["title"] for row in self.rows(phone)),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form."""
        yield from self._fill(screen, p, p["day"])

    def _fill(self, screen: Screen, p: Params, day: int) -> Iterator[str]:
        yield from launch(screen, "Tasks")
        yield click("Create new task")
        yield enter(p["title"])
        yield enter(p["notes"], "Description")
        yield click(f"{PRIORITIES[p['level']]} priority")
        yield click("Due date")
        yield from self.to_day(screen, day)
        yield click("OK")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the day before."""
        yield from self._fill(screen, p, p["day"] - 1)


class Complete(One):
    """A task that is done."""

    name = "TasksComplete"
    instruction = 'Mark the task "{title}" as completed in the Tasks app.'
    checkpoints = ("open the app", "done")
    steps = 3

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with this one done."""
        return self.changed(p, p["title"], done=True)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Tick it."""
        yield from self._tick(screen, p["title"])

    def _tick(self, screen: Screen, title: str) -> Iterator[str]:
        yield from launch(screen, "Tasks")
        yield from seek(screen, f"Complete {title}")
        yield click(f"Complete {title}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Tick another one."""
        yield from self._tick(screen, self.other(p))


class CompleteThree(TasksTask):
    """Three tasks that are done."""

    name = "TasksCompleteThree"
    instruction = 'Complete these tasks in the Tasks app: "{first}", "{second}" and "{third}".'
    checkpoints = ("open the app", "complete one of them", "done")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks and three of them."""
        todos = self.todos(rng)
        first, second, third = (todo[TITLE] for todo in rng.sample(todos, 3))
        return {"first": first, "second": second, "third": third, "tasks": todos}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with the three done."""
        names = (p["first"], p["second"], p["third"])
        return [[*t[:DONE], t[TITLE] in names, *t[DONE + 1 :]] for t in p["tasks"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them is done."""
        done = {row[0] for row in self.rows(phone) if row[3]}
        return (bool(done & {p["first"], p["second"], p["third"]}),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Tick them."""
        yield from self._tick(screen, (p["first"], p["second"], p["third"]))

    def _tick(self, screen: Screen, titles: Sequence[str]) -> Iterator[str]:
        yield from launch(screen, "Tasks")
        for title in titles:
            yield from seek(screen, f"Complete {title}")
            yield click(f"Complete {title}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last and tick another one."""
        other = next(t[TITLE] for t in p["tasks"] if t[TITLE] not in (p["first"], p["second"], p["third"]))
        yield from self._tick(screen, (p["first"], p["second"], other))


class Delete(One):
    """A task that has become needless."""

    name = "TasksDelete"
    instruction = 'Delete the task "{title}" from the Tasks app.'
    checkpoints = ("open the app", "done")
    steps = 5

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks without it."""
        return [todo for todo in p["tasks"] if todo[TITLE] != p["title"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it, delete it."""
        yield from self.to_task(screen, p["title"])
        yield click("Delete")
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Complete it instead."""
        yield from launch(screen, "Tasks")
        yield from seek(screen, p["title"])
        yield click(f"Complete {p['title']}")


class MoveToNewList(One):
    """A list of its own for a task."""

    name = "TasksMoveToNewList"
    instruction = 'Create a list "{list}" in the Tasks app and move the task "{title}" into it.'
    checkpoints = ("open the app", "create the list", "done")
    steps = 12

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks, one of them and a list."""
        p = super().draw(rng)
        name = rng.choice(("Errands", "Household", "Project", "Autumn", "School", "Club", "Garden", "Someday"))
        return {"list": name, "title": p["title"], "tasks": p["tasks"]}

    def after(self, p: Params) -> list[Todo]:
        """Return the tasks with this one in the list."""
        return self.changed(p, p["title"], list=p["list"])

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """The list is there."""
        return (bool(phone.rows(DB, "SELECT 1 FROM caldav_lists WHERE cdl_name = ?", (p["list"],))),)

    def _make(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, "Tasks")
        yield click("Open drawer")
        yield from seek(screen, "Create new list")
        yield click("Create new list")
        yield enter(p["list"], "Display name")
        yield click("Save")
        yield click("Open drawer")
        yield click("My Tasks")

    def _move(self, screen: Screen, p: Params, title: str) -> Iterator[str]:
        yield from self._make(screen, p)
        yield from seek(screen, title)
        yield click(screen.get(title, clickable=True).index)
        yield click("List")
        yield click(p["list"])
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Make the list, then move the task."""
        yield from self._move(screen, p, p["title"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Move another task."""
        yield from self._move(screen, p, self.other(p))


class ClearCompleted(TasksTask):
    """Done tasks that can go."""

    name = "TasksClearCompleted"
    instruction = "Delete all completed tasks in the Tasks app; keep the open ones."
    checkpoints = ("open the app", "done")
    steps = 5
    least, most = 6, 9

    def draw(self, rng: random.Random) -> Params:
        """Draw tasks of which two or three are done."""
        todos = self.todos(rng)
        for todo in rng.sample(todos, rng.randint(2, 3)):
            todo[DONE] = True
        return {"tasks": todos}

    def after(self, p: Params) -> list[Todo]:
        """Return the open tasks."""
        return [todo for todo in p["tasks"] if not todo[DONE]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the menu."""
        yield from launch(screen, "Tasks")
        yield click("More options")
        yield click("Clear completed")
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete just one of them."""
        title = next(todo[TITLE] for todo in p["tasks"] if todo[DONE])
        yield from launch(screen, "Tasks")
        yield click("More options")
        yield click("Show completed")
        yield from seek(screen, title)
        yield click(screen.get(title, clickable=True).index)
        yield click("Delete")
        yield click("OK")
