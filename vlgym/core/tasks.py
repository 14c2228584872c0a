"""Tasks and task sets: what an environment can be asked to do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, overload

from vlgym.core.errors import TaskError, did_you_mean

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    Attributes:
        id: unique in its TaskSet, stable across processes and versions of the data it was made from.
        instruction: what the agent is told.
        split: "train", "dev" or "test".
        difficulty: length of the oracle's solution in steps, or the family's documented estimate of it.
        checkpoints: names of the intermediate states a solution passes, in order; empty if the family has none.
        data: the family's own payload.
    """

    id: str
    instruction: str
    split: str
    difficulty: float
    checkpoints: tuple[str, ...] = ()
    data: Any = None


class TaskSet(Mapping[str, Task]):
    """A lazily built mapping from task id to Task; millions of tasks cost only their ids' arithmetic.

    Args:
        splits: split name -> sequence of task ids (any Sequence: may compute its items).
        build: makes the Task of one id; called on access, so keep it cheap or cached.
    """

    def __init__(self, splits: Mapping[str, Sequence[str]], build: Callable[[str], Task]) -> None:
        self._splits = dict(splits)
        self._build = build

    def ids(self, split: str | None = None) -> Sequence[str]:
        """Return the task ids of `split`, or of all splits in order train, dev, test."""
        if split is None:
            return _Chain(tuple(self._splits.values()))
        if split not in self._splits:
            near = did_you_mean(split, self._splits)
            raise TaskError(f"Unknown split {split!r}; known: {', '.join(self._splits)}.{near}")
        return self._splits[split]

    def __getitem__(self, task_id: str) -> Task:
        """Return the task; raises TaskError with the nearest id."""
        return self._build(task_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids())

    def __len__(self) -> int:
        return sum(len(ids) for ids in self._splits.values())


class _Chain(Sequence[str]):
    """Sequences one after the other, without a copy."""

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        part = bisect_right(self._ends, place)
        return self._parts[part][place - (self._ends[part - 1] if part else 0)]
