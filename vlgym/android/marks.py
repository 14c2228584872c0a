"""Set-of-marks: boxes and numbers over a picture, one for each element that can be touched."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vlgym.android.elements import Elements

_COLOURS = ((214, 40, 57), (0, 98, 190), (0, 122, 74), (150, 60, 180), (190, 92, 0), (0, 118, 128))
_DIGITS = (
    *("01110 10001 10011 10101 11001 10001 01110", "00100 01100 00100 00100 00100 00100 01110"),
    *("01110 10001 00001 00110 01000 10000 11111", "11110 00001 00001 01110 00001 00001 11110"),
    *("00010 00110 01010 10010 11111 00010 00010", "11111 10000 11110 00001 00001 10001 01110"),
    *("00110 01000 10000 11110 10001 10001 01110", "11111 00001 00010 00100 01000 01000 01000"),
    *("01110 10001 10001 01110 10001 10001 01110", "01110 10001 10001 01111 00001 00010 01100"),
)
"""Digits of 5 by 7 dots."""

Picture = NDArray[np.uint8]


@lru_cache(maxsize=1024)
def _plate(number: int, scale: int, colour: tuple[int, int, int]) -> Picture:
    """Return a number in white on a colour, uint8 [h, w, 3]."""
    glyphs = [np.array([[dot == "1" for dot in row] for row in _DIGITS[int(d)].split()]) for d in str(number)]
    gap = np.zeros((7, 1), bool)
    dots = np.concatenate([part for glyph in glyphs for part in (glyph, gap)][:-1], axis=1)
    dots = np.pad(dots.repeat(scale, 0).repeat(scale, 1), 2 * scale - 1)
    return np.where(dots[..., None], np.uint8(255), np.array(colour, np.uint8))


def draw(picture: Picture, elements: Elements) -> Picture:
    """Return a copy of a picture, uint8 [H, W, 3], on which everything that can be touched has its number.

    The number stands in the upper left corner of the element's box and is the element's index.
    """
    marked = picture.copy()
    height, width = marked.shape[:2]
    scale = max(1, round(min(height, width) / 260))
    for item in elements.touchables:
        colour = _COLOURS[item.index % len(_COLOURS)]
        left, top = round(item.bounds[0] * width), round(item.bounds[1] * height)
        right, bottom = min(round(item.bounds[2] * width), width), min(round(item.bounds[3] * height), height)
        if right - left < 3 or bottom - top < 3:
            continue
        for edge in (
            np.s_[top : top + scale, left:right],
            np.s_[bottom - scale : bottom, left:right],
            np.s_[top:bottom, left : left + scale],
            np.s_[top:bottom, right - scale : right],
        ):
            marked[edge] = colour
        plate = _plate(item.index, scale, colour)
        y, x = min(top, height - plate.shape[0]), min(left, width - plate.shape[1])
        marked[max(y, 0) : max(y, 0) + plate.shape[0], max(x, 0) : max(x, 0) + plate.shape[1]] = plate
    return marked
