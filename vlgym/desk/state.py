"""The desk and the goal as one vector, for agents that do not read: what is shown, what is set, what is wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vlgym.desk.apps import FIELDS, ON_PAGE, PAGES, Field
from vlgym.desk.goals import Goal
from vlgym.desk.world import Desk

_PLACES = {place: i for i, place in enumerate([("", ""), *ON_PAGE])}
_APPS = {app: i for i, app in enumerate(PAGES)}
SIZE = len(_PLACES) + len(_APPS) + 3 * len(FIELDS)


def as_vector(desk: Desk, goal: Goal) -> NDArray[np.float32]:
    """Return float32 [SIZE] in [-1, 1]: the page shown (one-hot), windows still to save (0 or 1), then for each field
    its value, the value wanted, and whether its list is open or it waits for text.

    Values of a toggle or choice are even steps from -1 (first option) to 1 (last); a text field is 1 where it holds
    what is wanted, else -1.
    """
    place, todo = np.zeros(len(_PLACES), np.float32), np.zeros(len(_APPS), np.float32)
    place[_PLACES[desk.app, desk.page]] = 1
    todo[[_APPS[app] for app in goal.apps if app not in desk.saved]] = 1
    rows = [
        (_level(field, desk.shown(path), goal), _level(field, goal.wanted(path), goal), path == desk.focus)
        for path, field in FIELDS.items()
    ]
    return np.concatenate([place, todo, np.array(rows, np.float32).T.reshape(-1)])


def _level(field: Field, value: str, goal: Goal) -> float:
    if field.kind == "entry":
        return 1.0 if value == goal.wanted(field.path) else -1.0
    return 2 * field.options.index(value) / (len(field.options) - 1) - 1
