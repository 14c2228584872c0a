"""The picture of a view: where its elements are, and their pixels. Pure numpy; equal views are equal pixels anywhere.

An element is a small picture of its own that is drawn once and kept; a screen pastes them into a window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import ActionError
from vlgym.desk.apps import PAGES
from vlgym.desk.font import HEIGHT, Colour, Patch, blend, width_of, write
from vlgym.desk.world import Element, View

SMALLEST = 240
_BAR, _TITLE, _TAB, _ROW, _BUTTON = 18, 22, 24, 25, 24  # heights
_WINDOW = (300, 240)
_PAPER, _INK, _GREY, _LINE = (250, 250, 252), (28, 30, 38), (120, 124, 136), (214, 216, 224)
_ACCENT, _WHITE, _NIGHT = (36, 104, 214), (255, 255, 255), (30, 36, 52)
_WALL = (52, 98, 138)
_ICONS = ((96, 108, 128), (210, 74, 66), (232, 150, 40), (52, 148, 92), (80, 120, 214))

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""


class Screen:
    """Draws views at one size.

    Args:
        width, height: in pixels, at least SMALLEST.
    """

    def __init__(self, width: int, height: int) -> None:
        if width < SMALLEST or height < SMALLEST:
            raise ValueError(f"A screen of {width}x{height} is too small; make it {SMALLEST}x{SMALLEST} or larger.")
        self.shape = (height, width, 3)

    def draw(self, view: View) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3]."""
        height, width, _ = self.shape
        picture = _backdrop(height, width).copy()
        boxes = _layout(view, height, width)
        if view.elements[0].kind != "icon":
            left, top, right, _ = _window(height, width)
            bottom = boxes[-1][3] + 8  # a list is as long as its options
            picture[top:bottom, left:right] = _frame(view.title, right - left, bottom - top)
        for element, (left, top, right, bottom) in zip(view.elements, boxes):
            picture[top:bottom, left:right] = _picture(element, right - left, bottom - top)
        return picture

    def at(self, view: View, x: float, y: float) -> Element:
        """Return the element under a point given in fractions of the sides; raises ActionError if there is none."""
        height, width, _ = self.shape
        for element, (left, top, right, bottom) in zip(view.elements, _layout(view, height, width)):
            if left <= x * width < right and top <= y * height < bottom:
                return element
        raise ActionError(f"There is nothing to tap at ({x:.3f}, {y:.3f}).")

    def aim(self, view: View, name: str) -> tuple[float, float]:
        """Return where to tap an element, in fractions of the sides: the middle of its name."""
        height, width, _ = self.shape
        found = view.elements.index(view.find(name))
        left, top, right, bottom = _layout(view, height, width)[found]
        x, y = _name_at(view.elements[found], right - left, bottom - top)
        return round((left + x) / width, 4), round((top + y) / height, 4)


# ---------------------------------------------------------------------- where things are


def _window(height: int, width: int) -> Box:
    """Return the box of a window: in the middle, below the menu bar; a small screen it fills."""
    w, h = min(_WINDOW[0], width), min(_WINDOW[1], height - _BAR)
    left, top = (width - w) // 2, _BAR + (height - _BAR - h) // 2
    return left, top, left + w, top + h


@lru_cache(maxsize=1 << 13)
def _boxes(kinds: tuple[str, ...], height: int, width: int) -> tuple[Box, ...]:
    """Return the boxes of elements of these kinds."""
    if kinds[0] == "icon":
        column, row = width // 3, (height - _BAR) // 3
        return tuple(
            (i % 3 * column, _BAR + 8 + i // 3 * row, (i % 3 + 1) * column, _BAR + 8 + (i // 3 + 1) * row - 8)
            for i in range(len(kinds))
        )
    left, top, right, bottom = _window(height, width)
    below = top + _TITLE + 4
    tabs, buttons = kinds.count("tab"), kinds.count("button")
    boxes: list[Box] = []
    for i, kind in enumerate(kinds):
        if kind == "tab":
            step = (right - left - 12) // tabs
            boxes.append((left + 6 + i * step, below, left + 6 + (i + 1) * step, below + _TAB))
        elif kind == "button":  # from the right: the first is outermost
            at = right - 8 - (i - len(kinds) + buttons) * 76
            boxes.append((at - 70, bottom - 8 - _BUTTON, at, bottom - 8))
        else:
            down = below + (_TAB + 6) * bool(tabs) + (i - tabs) * _ROW
            boxes.append((left + 6, down, right - 6, down + _ROW))
    return tuple(boxes)


def _layout(view: View, height: int, width: int) -> tuple[Box, ...]:
    return _boxes(tuple(element.kind for element in view.elements), height, width)


def _name_at(element: Element, width: int, height: int) -> tuple[int, int]:
    """Return the middle of an element's name, from its upper left corner."""
    if element.kind == "icon":
        return width // 2, height - 10
    if element.kind in ("tab", "button"):
        return width // 2, height // 2
    indent = 24 if element.kind == "option" else 6
    return indent + width_of(element.name) // 2, height // 2


# ---------------------------------------------------------------------- what things look like


@lru_cache(maxsize=1 << 13)
def _picture(element: Element, width: int, height: int) -> Patch:
    """Draw one element."""
    return _DRAWN[element.kind](element, width, height)


def _icon(element: Element, width: int, height: int) -> Patch:
    colour = _ICONS[list(PAGES).index(element.name) % len(_ICONS)]
    patch = _sheet(width, height, _WALL)
    side = height - 26
    _centre(patch, _rounded(side, side, 9, colour, _WALL), width // 2, 2 + side // 2)
    letter = write(element.name[0], _WHITE, colour).repeat(2, 0).repeat(2, 1)
    _centre(patch, letter, width // 2, 2 + side // 2)
    _centre(patch, write(element.name, _WHITE, _WALL), width // 2, height - 10)
    return patch


def _tab(element: Element, width: int, height: int) -> Patch:
    paper = _PAPER if element.marked else (232, 234, 240)
    patch = _sheet(width, height, paper)
    patch[-1] = _LINE
    if element.marked:
        patch[-3:, 4:-4] = _ACCENT
    _centre(patch, write(element.name, _ACCENT if element.marked else _INK, paper), width // 2, height // 2)
    return patch


def _toggle(element: Element, width: int, height: int) -> Patch:
    patch = _named(element.name, 6, width, height)
    track = _ACCENT if element.marked else (176, 180, 190)
    switch = _rounded(30, 16, 8, track, _PAPER)
    knob = _rounded(12, 12, 6, _WHITE, track)
    _paste(switch, knob, 16 if element.marked else 2, 2)
    _paste(patch, switch, width - 38, (height - 16) // 2)
    return patch


def _choice(element: Element, width: int, height: int) -> Patch:
    patch = _named(element.name, 6, width, height)
    box = _held(element.value, width // 2 - 8, _LINE, _WHITE)
    for i in range(4):  # the arrow
        box[8 + i, box.shape[1] - 14 + i : box.shape[1] - 7 - i] = _GREY
    _paste(patch, box, width - box.shape[1] - 8, (height - box.shape[0]) // 2)
    return patch


def _entry(element: Element, width: int, height: int) -> Patch:
    patch = _named(element.name, 6, width, height)
    box = _held(element.value, width // 2 - 8, _ACCENT if element.marked else _LINE, _WHITE)
    if element.marked:  # selected: typing replaces it
        area = box[2:-2, 3 : min(6 + width_of(element.value), box.shape[1] - 3)]
        area[area.sum(-1) > 600] = (184, 210, 250)
    _paste(patch, box, width - box.shape[1] - 8, (height - box.shape[0]) // 2)
    return patch


def _option(element: Element, width: int, height: int) -> Patch:
    patch = _named(element.name, 24, width, height)
    ring = _rounded(12, 12, 6, _ACCENT if element.marked else _GREY, _PAPER)
    _paste(ring, _rounded(8, 8, 4, _WHITE, tuple(ring[6, 2].tolist())), 2, 2)
    if element.marked:
        _paste(ring, _rounded(6, 6, 3, _ACCENT, _WHITE), 3, 3)
    _paste(patch, ring, 6, (height - 12) // 2)
    return patch


def _button(element: Element, width: int, height: int) -> Patch:
    primary = element.name == "Save"
    paper = _ACCENT if primary else (228, 230, 236)
    patch = _rounded(width, height, 5, paper, _PAPER)
    _centre(patch, write(element.name, _WHITE if primary else _INK, paper), width // 2, height // 2)
    return patch


_DRAWN: dict[str, Callable[[Element, int, int], Patch]] = {
    "icon": _icon,
    "tab": _tab,
    "toggle": _toggle,
    "choice": _choice,
    "entry": _entry,
    "option": _option,
    "button": _button,
}


def _named(name: str, indent: int, width: int, height: int) -> Patch:
    """Draw a row with a name and a hairline below."""
    patch = _sheet(width, height, _PAPER)
    patch[-1, 6:-6] = (236, 237, 242)
    _paste(patch, write(name, _INK, _PAPER), indent, (height - HEIGHT) // 2)
    return patch


def _held(value: str, width: int, edge: Colour, paper: Colour) -> Patch:
    """Draw a box that holds a value; of a longer one the end is seen."""
    box = _rounded(width, 20, 3, edge, _PAPER)
    _paste(box, _rounded(width - 2, 18, 2, paper, edge), 1, 1)
    text = write(value, _INK, paper)[:, -(width - 12) :]
    _paste(box, text, 6, 2)
    return box


@lru_cache(maxsize=8)
def _backdrop(height: int, width: int) -> Patch:
    """Draw the wallpaper and the menu bar."""
    picture = _sheet(width, height, _WALL)
    picture[:_BAR] = _NIGHT
    _paste(picture, write("Desk", _WHITE, _NIGHT), 8, 1)
    return picture


@lru_cache(maxsize=256)
def _frame(title: str, width: int, height: int) -> Patch:
    """Draw an empty window."""
    patch = _sheet(width, height, _PAPER)
    patch[:_TITLE] = (56, 64, 84)
    _paste(patch, write(title, _WHITE, (56, 64, 84)), 10, (_TITLE - HEIGHT) // 2)
    return patch


def _sheet(width: int, height: int, colour: Colour) -> Patch:
    return np.full((height, width, 3), colour, np.uint8)


def _rounded(width: int, height: int, radius: int, colour: Colour, paper: Colour) -> Patch:
    """Draw a rectangle with rounded corners, smooth at the edges."""
    y, x = np.ogrid[:height, :width]
    dx = np.maximum(np.abs(x - (width - 1) / 2) - (width / 2 - radius), 0)
    dy = np.maximum(np.abs(y - (height - 1) / 2) - (height / 2 - radius), 0)
    return blend(colour, paper, np.clip(radius + 0.5 - np.hypot(dx, dy), 0, 1))


def _paste(patch: Patch, part: Patch, left: int, top: int) -> None:
    room = patch[top : top + part.shape[0], left : left + part.shape[1]]
    room[:] = part[: room.shape[0], : room.shape[1]]


def _centre(patch: Patch, part: Patch, x: int, y: int) -> None:
    _paste(patch, part, max(x - part.shape[1] // 2, 0), max(y - part.shape[0] // 2, 0))
