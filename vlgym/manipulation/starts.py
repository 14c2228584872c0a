"""Task ids: ``split-number`` names a start state, whatever the seed; training never sees those of dev and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from vlgym.core.errors import TaskError
from vlgym.core.tasks import SPLITS, Task, TaskSet
from vlgym.manipulation.tasks.base import ArmTask

COUNTS = {"train": 100_000, "dev": 1_500, "test": 1_500}


class _Ids(Sequence[str]):
    """The ids of a split, made when looked at."""

    def __init__(self, split: str) -> None:
        self._split = split

    def __len__(self) -> int:
        return COUNTS[self._split]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return f"{self._split}-{range(len(self))[index]:05d}"


def key(task_id: str) -> tuple[int, int]:
    """Return the integers that name a start: the split's number and the count within it.

    Raises:
        TaskError: there is no such id.
    """
    split, _, digits = str(task_id).partition("-")
    if split in COUNTS and len(digits) == 5 and digits.isascii() and digits.isdigit() and int(digits) < COUNTS[split]:
        return SPLITS.index(split), int(digits)
    raise TaskError(
        f"Unknown task {str(task_id)[:60]!r}; ids go from 'train-00000' to 'test-{COUNTS['test'] - 1:05d}'."
    )


def task_set(task: ArmTask) -> TaskSet:
    """Return the starts of an arm task as a TaskSet."""

    def build(task_id: str) -> Task:
        number = key(task_id)
        return Task(task_id, task.instruction_of(number), SPLITS[number[0]], task.difficulty, task.checkpoints, number)

    return TaskSet({split: _Ids(split) for split in SPLITS}, build)
