"""Endless tasks from a seed.

A task id is "split-length-number", such as "train-07-00042"; any number is a task. The id seeds the generator, so a
task is the same in every process. Its length, the number of steps of the shortest solution, is exact: a goal is drawn
by spending a budget of steps.

Splits differ in what is wanted: the place a goal starts from and its changes are hashed, and the hash decides the
split. A combination that is wanted in dev or test is never wanted in train.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import overload

from vlgym.core.errors import TaskError, did_you_mean
from vlgym.core.tasks import SPLITS, Task, TaskSet
from vlgym.desk.apps import FIELDS, ON_PAGE, PAGES, WORDS, Field
from vlgym.desk.goals import Goal, say
from vlgym.desk.oracle import checkpoints

LONGEST = 15
LISTED = {"train": 30_000, "dev": 1_500, "test": 1_500}
"""Tasks that a split lists, about; all others are found under their ids."""


class TaskIds(Sequence[str]):
    """The ids that a split lists, computed; lengths take turns, so any stretch of them is an even mixture."""

    def __init__(self, split: str, lengths: range) -> None:
        self._split, self._lengths = split, lengths
        self._count = LISTED[split] // len(lengths) * len(lengths)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        number, turn = divmod(range(self._count)[index], len(self._lengths))
        return f"{self._split}-{self._lengths[turn]:02d}-{number:05d}"


def task_set(lengths: range) -> TaskSet:
    """Return the tasks of these lengths."""
    return TaskSet({split: TaskIds(split, lengths) for split in SPLITS}, build)


@lru_cache(maxsize=1 << 13)
def build(task_id: str) -> Task:
    """Return the task of an id; raises TaskError."""
    split, length = _parse(task_id)
    rng = random.Random(task_id)
    goal = draw_goal(length, rng)
    while split_of(goal) != split:
        goal = draw_goal(length, rng)
    return Task(task_id, say(goal), split, length, checkpoints(goal), goal)


def _parse(task_id: str) -> tuple[str, int]:
    """Return (split, length)."""
    split, length, number = [*str(task_id)[:80].split("-"), "", ""][:3]
    known = split in SPLITS and length in {f"{n:02d}" for n in range(1, LONGEST + 1)}
    if not known or task_id != f"{split}-{length}-{number}" or not (number.isascii() and number.isdecimal()):
        raise TaskError(
            f"Unknown task {str(task_id)[:80]!r}; write split-length-number with a length from 01 to {LONGEST}, "
            f"such as 'train-07-00042'.{did_you_mean(split, SPLITS)}"
        )
    return split, int(length)


def split_of(goal: Goal) -> str:
    """Return the split that a goal belongs to: three of five train, one dev, one test."""
    changes = sorted(f"{path}={value}" for path, value in goal.changes.items())
    digest = zlib.crc32(";".join([goal.app, goal.page, *sorted(goal.apps), *changes]).encode())
    return ("dev", "test", "train", "train", "train")[digest % 5]


def draw_goal(length: int, rng: random.Random) -> Goal:
    """Return a random goal whose shortest solution has `length` steps."""
    while True:
        values = {path: _draw_value(field, rng) for path, field in FIELDS.items()}
        apps = rng.sample(list(PAGES), rng.randint(1, max(1, length // 4)))
        inside = length == 1 or rng.random() < 0.5
        shown = {app: PAGES[app][0] for app in apps}  # where a window stands when it is opened
        if inside:
            shown[apps[0]] = rng.choice(PAGES[apps[0]])
        budget = length - 2 * len(apps) + inside  # opening and saving each window, but for one that is open
        picked = _spend(budget, shown, rng)
        if picked is not None:
            changes = {field.path: _draw_value(field, rng, values[field.path]) for field in picked}
            return Goal(values, *((apps[0], shown[apps[0]]) if inside else ("", "")), tuple(apps), changes)


def _spend(budget: int, shown: dict[str, str], rng: random.Random) -> list[Field] | None:
    """Return fields whose changes take exactly `budget` steps in windows that open on the pages `shown`, in the order
    of windows and screens; None if a step is left over or a window without a change."""
    seen = set(shown.items())
    idle, picked = list(shown), set[Field]()
    while budget > 0:
        offers = []
        for app in idle or shown:
            for page in PAGES[app]:
                price = (app, page) not in seen
                offers += [f for f in ON_PAGE[app, page] if f not in picked and f.steps + price <= budget]
        if not offers:
            return None
        field = rng.choice(offers)
        budget -= field.steps + ((field.app, field.page) not in seen)
        seen.add((field.app, field.page))
        picked.add(field)
        idle = [app for app in idle if app != field.app]
    if budget < 0 or (idle and len(shown) > 1):
        return None
    order = list(shown)
    return sorted(picked, key=lambda field: (order.index(field.app), field.number))


def _draw_value(field: Field, rng: random.Random, other_than: str = "") -> str:
    while True:
        value = " ".join(rng.sample(WORDS, 2)) if field.kind == "entry" else rng.choice(field.options)
        if value != other_than:
            return value
