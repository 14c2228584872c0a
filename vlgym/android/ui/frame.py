"""The raster of a display: of every new screen it draws only what differs from the last one."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.android.ui.paint import BLACK, CURVED, FLAT, Op, round_clip, skia

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

COPIES = 2
"""Copies of a frame that are kept: memory that is new to the process costs as much as drawing into it."""
_TOP = itemgetter(1)
NEAR = 16
"""Damage less than so many display pixels apart is mended as one."""


def _unheld() -> int:
    """Return what `sys.getrefcount` counts, in a loop as that of `Frame._copy`, if nobody else holds an array."""
    copies = [[np.empty(1), 0, 0]]
    for copy in copies:
        return sys.getrefcount(copy[0])
    return 0


_UNHELD = _unheld()


def damage(old: Sequence[Op], new: Sequence[Op], pixel: float) -> list[Box]:
    """Return boxes, one below the other, that hold everything that two screens do not draw alike.

    Operations that both have, in the same order, draw alike wherever none of the others has ink. `pixel` is the length
    of a frame pixel; a box holds all pixels that what is in it touches, and drawing clipped to it, outwards to whole
    pixels, is drawing all of the new screen there.
    """
    first, most = 0, min(len(old), len(new))
    while first < most and (old[first] is new[first] or old[first] == new[first]):
        first += 1
    last = 0
    most -= first
    while last < most and (old[-1 - last] is new[-1 - last] or old[-1 - last] == new[-1 - last]):
        last += 1
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    both = set(before).intersection(after)
    if both and [op for op in before if op in both] != [op for op in after if op in both]:
        both = set()
    different = [op for ops in (before, after) for op in ops if op not in both]
    boxes = _merged([(op[1] - pixel, op[2] - pixel, op[3] + pixel, op[4] + pixel) for op in different])
    while True:
        grown = [_grown(box, new, pixel) for box in boxes]
        if grown == boxes:
            return boxes
        boxes = _merged(grown)


def _merged(boxes: list[Box]) -> list[Box]:
    """Return boxes that hold the given ones and lie one below the other."""
    found: list[Box] = []
    for box in sorted(boxes, key=_TOP):
        last = found[-1] if found else box
        if found and box[1] <= last[3] + NEAR:
            found[-1] = (min(last[0], box[0]), last[1], max(last[2], box[2]), max(last[3], box[3]))
        else:
            found.append(box)
    return found


def _grown(box: Box, ops: Sequence[Op], pixel: float) -> Box:
    """Return a box as large as exactness asks for.

    Skia's antialiasing of a curve depends on where the clip cuts it, and that of a rectangle's edge on whether the clip
    ends in the same row or column of pixels.
    """
    left, top, right, bottom = box
    for op in ops:
        if op[2] >= bottom + pixel or op[4] <= top - pixel or op[1] >= right + pixel or op[3] <= left - pixel:
            continue
        x0, y0, x1, y1 = op[5:9] if op[0] is round_clip else op[1:5]
        if op[0] in FLAT:
            left -= pixel * (abs(x0 - left) < pixel or abs(x1 - left) < pixel)
            top -= pixel * (abs(y0 - top) < pixel or abs(y1 - top) < pixel)
            right += pixel * (abs(x0 - right) < pixel or abs(x1 - right) < pixel)
            bottom += pixel * (abs(y0 - bottom) < pixel or abs(y1 - bottom) < pixel)
        elif op[0] in CURVED and x0 < right + pixel and x1 > left - pixel and y0 < bottom + pixel and y1 > top - pixel:
            left, top = x0 - pixel if x0 < left else left, y0 - pixel if y0 < top else top
            right, bottom = x1 + pixel if x1 > right else right, y1 + pixel if y1 > bottom else bottom
    return left, top, right, bottom


@lru_cache(8)
def _still(picture: Any, width: int, height: int, scale_x: float, scale_y: float) -> Pixels:
    """Return a skia picture as pixels, which all frames of a size share."""
    pixels, surface = _surface(width, height)
    canvas = surface.getCanvas()
    canvas.clear(BLACK)
    canvas.scale(scale_x, scale_y)
    canvas.drawPicture(picture)
    return pixels


def _surface(width: int, height: int) -> tuple[Pixels, Any]:
    pixels: Pixels = np.zeros((height, width, 4), np.uint8)
    info = skia.ImageInfo.Make(width, height, skia.ColorType.kRGBA_8888_ColorType, skia.AlphaType.kPremul_AlphaType)
    return pixels, skia.Surface.MakeRasterDirect(info, pixels, width * 4)


class Frame:
    """A raster of one size that shows one screen after another.

    Args:
        width, height: in pixels.
        scale_x, scale_y: frame pixels to a display pixel.
    """

    def __init__(self, width: int, height: int, scale_x: float, scale_y: float) -> None:
        self.width, self.height, self.scale = width, height, (scale_x, scale_y)
        self._pixels, self._surface = _surface(width, height)
        self._canvas = self._surface.getCanvas()
        self._copies: list[list[Any]] = []
        """Copies that were handed out: the array and the rows, first and behind the last, that it lacks."""
        self._ops: Sequence[Op] = ()
        self._ground: Any = None

    def show(self, ops: Sequence[Op], ground: Any = BLACK) -> Pixels:
        """Show operations on a ground, a colour or a skia picture.

        Returns:
            A copy, uint8 [height, width, 3], read-only; one that nobody holds any more is written over.
        """
        if ground == self._ground:
            boxes = damage(self._ops, ops, 1 / min(self.scale))
        else:
            boxes = [(0.0, 0.0, self.width / self.scale[0], self.height / self.scale[1])]
        self._ops, self._ground = ops, ground
        for box in boxes:
            self._mend(box)
        return self._copy()

    def _mend(self, box: Box) -> None:
        """Draw the pixels that a box of the display touches."""
        scale_x, scale_y = self.scale
        left, top = max(math.floor(box[0] * scale_x), 0), max(math.floor(box[1] * scale_y), 0)
        right, bottom = min(math.ceil(box[2] * scale_x), self.width), min(math.ceil(box[3] * scale_y), self.height)
        if left >= right or top >= bottom:
            return
        canvas = self._canvas
        canvas.save()
        canvas.clipRect(skia.Rect(left, top, right, bottom))
        if isinstance(self._ground, int):
            canvas.clear(self._ground)
        else:
            still = _still(self._ground, self.width, self.height, scale_x, scale_y)
            np.copyto(self._pixels[top:bottom, left:right], still[top:bottom, left:right])
        canvas.scale(scale_x, scale_y)
        x0, y0, x1, y1 = (left - 1) / scale_x, (top - 1) / scale_y, (right + 1) / scale_x, (bottom + 1) / scale_y
        for op in self._ops:
            if op[2] < y1 and op[4] > y0 and op[1] < x1 and op[3] > x0:
                op[0](canvas, op)
        canvas.restore()
        for copy in self._copies:
            copy[1], copy[2] = min(copy[1], top), max(copy[2], bottom)

    def _copy(self) -> Pixels:
        import cv2

        for copy in self._copies:
            if sys.getrefcount(copy[0]) == _UNHELD:
                break
        else:
            copy = [np.empty((self.height, self.width, 3), np.uint8), 0, self.height]
            if len(self._copies) < COPIES:
                self._copies.append(copy)
        pixels, top, bottom = copy
        if top < bottom:
            pixels.flags.writeable = True
            cv2.cvtColor(self._pixels[top:bottom], cv2.COLOR_RGBA2RGB, dst=pixels[top:bottom])
            pixels.flags.writeable = False
        copy[1], copy[2] = self.height, 0
        return pixels  # type: ignore[no-any-return]
