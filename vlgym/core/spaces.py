"""Spaces that Gymnasium lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


class TextSpace(spaces.Text):
    """Any unicode text of at most `max_length` characters.

    `spaces.Text` holds its whole character set in a dictionary and looks every character up; a page may contain any
    character, so here membership is a matter of type and length alone. Samples are short ASCII words.
    """

    def __init__(self, max_length: int = 1_000_000, *, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(max_length=max_length, min_length=0, charset="abcdefghijklmnopqrstuvwxyz []", seed=seed)

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that fits."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Return a short random text (masks are ignored: they belong to character sets)."""
        length = int(self.np_random.integers(1, min(24, self.max_length) + 1))
        return "".join(self.np_random.choice(list(self.character_list), size=length))

    def __repr__(self) -> str:
        return f"TextSpace({self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpace) and self.max_length == other.max_length


def texts(items: Sequence[str]) -> NDArray[np.object_]:
    """Return strings as an object array [n] (a batched text, without padding)."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array
