"""Spaces that Gymnasium lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory

_WORDS = "abcdefghijklmnopqrstuvwxyz []"


class TextSpace(spaces.Text):
    """Any text of at most `max_length` characters.

    `spaces.Text` holds its whole character set in a dictionary and looks every character up; a page may contain any
    character, so here membership is a matter of type and length alone. Samples are short ASCII texts. Between processes
    texts travel as UTF-8 in shared memory.
    """

    def __init__(self, max_length: int, *, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(max_length=max_length, min_length=0, charset=_WORDS, seed=seed)

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that fits."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Return a short random text (masks are ignored: they belong to character sets)."""
        length = int(self.np_random.integers(1, min(24, self.max_length) + 1))
        return "".join(_WORDS[at] for at in self.np_random.integers(len(_WORDS), size=length))

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"

    def __eq__(self, other: object, /) -> bool:
        return isinstance(other, TextSpace) and self.max_length == other.max_length

    __hash__ = None  # type: ignore[assignment]

    @property
    def is_np_flattenable(self) -> bool:
        """False: there is no character set to number."""
        return False

    @property
    def slot_bytes(self) -> int:
        """Bytes of shared memory of one text: its length and at most 4 bytes a character."""
        return 8 + 4 * self.max_length


@create_shared_memory.register(TextSpace)
def _create(space: TextSpace, n: int = 1, ctx: Any = None) -> Any:
    return ctx.RawArray("b", n * space.slot_bytes)


@write_to_shared_memory.register(TextSpace)
def _write(space: TextSpace, index: int, values: str, shared_memory: Any) -> None:
    data = values.encode("utf-8", "surrogatepass")
    start, view = index * space.slot_bytes, memoryview(shared_memory).cast("B")
    view[start : start + 8] = len(data).to_bytes(8, "little")
    view[start + 8 : start + 8 + len(data)] = data


class _SharedTexts(Sequence[str]):
    """A batch of texts in shared memory, read when looked at: AsyncVectorEnv asks for its observations only once,
    before any is written, and hands out deep copies; the copy is a plain tuple."""

    def __init__(self, space: TextSpace, memory: Any, n: int) -> None:
        self._size, self._memory, self._n = space.slot_bytes, memory, n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return tuple(self)[index]
        view, start = memoryview(self._memory).cast("B"), range(self._n)[index] * self._size
        length = int.from_bytes(view[start : start + 8], "little")
        return bytes(view[start + 8 : start + 8 + length]).decode("utf-8", "surrogatepass")

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)


@read_from_shared_memory.register(TextSpace)
def _read(space: TextSpace, shared_memory: Any, n: int = 1) -> Sequence[str]:
    return _SharedTexts(space, shared_memory, n)
