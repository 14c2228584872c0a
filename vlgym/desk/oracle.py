"""The expert: from any state, the steps that are left. Progress, subgoal and checkpoints are read off the same list."""

from __future__ import annotations

from dataclasses import dataclass

from vlgym.desk.apps import FIELDS, PAGES, Field
from vlgym.desk.goals import Goal, say_change
from vlgym.desk.world import CANCEL, SAVE, Desk


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the plan.

    Attributes:
        verb: "click" or "type".  argument: name of the element, or the text.
        subgoal: what it is for, in words; several steps may serve one subgoal.
    """

    verb: str
    argument: str
    subgoal: str


def plan(desk: Desk, goal: Goal) -> list[Step]:
    """Return the steps that solve the task from here; from its start there is no shorter way.

    A window that is open is finished first, and in it the page that is shown. What nobody asked for is taken back.
    """
    todo = [app for app in goal.apps if app not in desk.saved]
    steps: list[Step] = []
    if desk.app in todo:
        todo.sort(key=lambda app: app != desk.app)
    elif desk.app:
        steps = _leave(desk)
    for app in todo:
        page = desk.page
        if app != desk.app:
            page = PAGES[app][0]
            steps.append(Step("click", app, f"open {app}"))
        steps += _finish(desk, goal, app, page)
    return steps


def checkpoints(goal: Goal) -> tuple[str, ...]:
    """Return the subgoals of a task, in order."""
    return tuple(dict.fromkeys(step.subgoal for step in plan(goal.start(), goal)))


def _leave(desk: Desk) -> list[Step]:
    """Return the steps that close a window nobody asked for."""
    aim = f"cancel {desk.app}"
    picks = [Step("click", desk.shown(desk.focus), aim)] if desk.awaits == "choice" else []
    return [*picks, Step("click", CANCEL, aim)]


def _finish(desk: Desk, goal: Goal, app: str, page: str) -> list[Step]:
    """Return the steps in an open window, from `page` to Save."""
    steps: list[Step] = []
    for field in _pending(desk, goal, app, page):
        if field.page != page:
            page = field.page
            steps.append(Step("click", page, f"open {page} in {app}"))
        aim = say_change(field, goal)
        if field.path != desk.focus:
            steps.append(Step("click", field.name, aim))
        if field.kind != "toggle":
            steps.append(Step("type" if field.kind == "entry" else "click", goal.wanted(field.path), aim))
    return [*steps, Step("click", SAVE, f"save {app}")]


def _pending(desk: Desk, goal: Goal, app: str, page: str) -> list[Field]:
    """Return the fields to set in an app: the one that waits, then those of the page shown, then of the other pages."""
    paths = {path for path in goal.changes if FIELDS[path].app == app}
    opened = desk.focus if app == desk.app and desk.awaits == "choice" else ""
    if app == desk.app:
        paths |= desk.draft.keys() | ({opened} - {""})
    fields = (FIELDS[path] for path in paths if path == opened or desk.shown(path) != goal.wanted(path))
    return sorted(fields, key=lambda field: (field.path != desk.focus, field.page != page, field.number))
