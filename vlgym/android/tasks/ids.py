"""Endless tasks from templates.

A task id is "Template-split-number", such as "ClockAddAlarm-train-00042"; any number is a task. The id seeds the
generator that draws the params, so a task is the same in every process.

Splits differ in what is wanted: params are hashed, and the hash decides the split, so what is asked in dev or test is
never asked in train. Only a template with hardly any choices repeats itself.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, overload

from vlgym.android.tasks.template import Params, Template
from vlgym.core.errors import TaskError, did_you_mean
from vlgym.core.tasks import SPLITS, Task, TaskSet

LISTED = {"train": 300, "dev": 20, "test": 20}
"""Tasks of a template that a split lists; all others are found under their ids."""
_TRIES = 60
"""Draws after which a template is taken to have no other params."""


class PhoneTask(NamedTuple):
    """What a Task of the phone holds as its data."""

    template: Template
    params: Params


class TaskIds(Sequence[str]):
    """The ids that a split lists, computed; templates take turns, so any stretch of them is an even mixture."""

    def __init__(self, split: str, names: Sequence[str]) -> None:
        self._split, self._names = split, names

    def __len__(self) -> int:
        return LISTED[self._split] * len(self._names)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number, turn = divmod(range(len(self))[index], len(self._names))
        return f"{self._names[turn]}-{self._split}-{number:05d}"


def task_set(templates: Mapping[str, Template]) -> TaskSet:
    """Return the tasks of some templates."""

    def build(task_id: str) -> Task:
        name, split, number = [*str(task_id)[:120].split("-"), "", "", ""][:3]
        known = name in templates and split in SPLITS and number.isascii() and number.isdecimal()
        if not known or task_id != f"{name}-{split}-{number}":
            near = did_you_mean(name, templates) or did_you_mean(split, SPLITS)
            raise TaskError(
                f"Unknown task {str(task_id)[:80]!r}; write Template-split-number, such as "
                f"'{next(iter(templates))}-train-00042'.{near}"
            )
        return _build(templates[name], split, task_id)

    return TaskSet({split: TaskIds(split, tuple(templates)) for split in SPLITS}, build)


@lru_cache(maxsize=1 << 13)
def _build(template: Template, split: str, task_id: str) -> Task:
    rng = random.Random(task_id)
    for _ in range(_TRIES):
        params = template.draw(rng)
        if split_of(template, params) == split:
            break
    data = PhoneTask(template, params)
    return Task(task_id, template.say(params), split, template.steps, template.names(params), data)


def split_of(template: Template, params: Params) -> str:
    """Return the split that params belong to: three of five train, one dev, one test."""
    digest = zlib.crc32(f"{template.name} {json.dumps(params, sort_keys=True)}".encode())
    return ("dev", "test", "train", "train", "train")[digest % 5]
