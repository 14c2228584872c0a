"""Containers that scroll, with Android's fling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, UNLIMITED, View, ViewGroup

if TYPE_CHECKING:
    from vlgym.android.ui.window import Window

FLING_S = 0.325
"""Time constant of a fling: what is left to go falls to 1/e in this many seconds."""
STILL_PX = 6.0
"""A fling with less than this to go, in display pixels, has arrived."""
MIN_FLING_DP, MAX_FLING_DP = 50.0, 8000.0
"""Speeds in dp a second: slower is no fling, faster is cut."""


class Scroller(ViewGroup):
    """Shows a part of something longer than itself.

    Saved state: "at" is the offset in pixels; while it flies "from", "go" and "since" say where from, how far in all
    and since which uptime in microseconds.
    """

    scrollable = True
    vertical = True
    extent = 0
    """Length of the content in pixels."""

    @property
    def room(self) -> int:
        """Length of the window onto the content in pixels."""
        left, top, right, bottom = self.pads
        return self.h - top - bottom if self.vertical else self.w - left - right

    @property
    def furthest(self) -> int:
        """Largest offset in pixels."""
        return max(0, self.extent - self.room)

    @property
    def offset(self) -> int:
        """Offset now in whole pixels."""
        return int(self._exact + 0.5)

    @property
    def _exact(self) -> float:
        """Offset now."""
        state = self.recall()
        at: float = state.get("at", 0.0)
        if "go" in state:
            left = self._left_to_go(state)
            at = state["from"] + state["go"] - (left if abs(left) >= STILL_PX else 0)
        return min(max(at, 0.0), float(self.furthest))

    @property
    def is_flying(self) -> bool:
        """Whether the content moves by itself at this moment."""
        state = self.recall()
        if "go" not in state:
            return False
        left = self._left_to_go(state)
        return bool(0 < state["from"] + state["go"] - left < self.furthest and abs(left) >= STILL_PX)

    def _left_to_go(self, state: dict[str, Any]) -> float:
        passed = (self.window.uptime_us - state["since"]) / 1e6
        return float(state["go"] * math.exp(-passed / FLING_S))

    def can_scroll(self, step: float) -> bool:
        """Return whether it can move in the direction of the sign of `step`."""
        return self.offset < self.furthest if step > 0 else self.offset > 0

    def scroll_to(self, offset: float) -> None:
        """Move at once."""
        state = self.remember()
        state.clear()
        state["at"] = min(max(offset, 0.0), float(self.furthest))
        self.window.relayout(self)

    def scroll_by(self, step: float) -> None:
        """Move by pixels at once."""
        self.scroll_to(self._exact + step)

    def fling(self, speed: float) -> None:
        """Let go of the content at a speed in pixels a second."""
        density = self.metrics.density
        if abs(speed) >= MIN_FLING_DP * density:
            speed = math.copysign(min(abs(speed), MAX_FLING_DP * density), speed)
            start = self._exact
            self.remember().clear()
            self.remember().update({"from": start, "go": speed * FLING_S, "since": self.window.uptime_us})
            self.window.relayout(self)

    def halt(self) -> None:
        """Stop where it is now."""
        if "go" in self.recall():
            self.scroll_to(self._exact)

    def reveal(self, view: View) -> None:
        """Scroll so that a view inside is seen."""
        low = (view.top if self.vertical else view.left) - (self.top + self.pads[1] if self.vertical else self.left)
        high = low + (view.h if self.vertical else view.w)
        if low < 0:
            self.scroll_by(low)
        elif high > self.room:
            self.scroll_by(high - self.room)

    def page(self, direction: int) -> bool:
        """Scroll by most of a window; return whether there was anywhere to go."""
        if not self.can_scroll(direction):
            return False
        self.scroll_by(direction * self.room * 0.8)
        return True

    def follow(self) -> None:
        """Move the content to where the offset says."""
        if self.children:
            child = self.children[0]
            left, top = self.left + self.pads[0] + child.margins[0], self.top + self.pads[1] + child.margins[1]
            if self.vertical:
                child.shift(left - child.left, top - self.offset - child.top)
            else:
                child.shift(left - self.offset - child.left, top - child.top)

    def draw(self, p: Painter) -> None:
        """Draw what lies inside the window."""
        View.draw(self, p)
        right, bottom = self.left + self.w, self.top + self.h
        p.clip(self.left, self.top, right, bottom)
        for child in self.children:
            if child.visible and child.top < bottom and child.top + child.h > self.top:
                child.paint(p)
        p.unclip()

    def hit(self, x: float, y: float) -> View | None:
        """Return the deepest view under a point inside the window."""
        return super().hit(x, y) if self.visible and self.contains(x, y) else None


class ScrollView(Scroller):
    """Scrolls one child up and down; all of the child is built."""

    android_class = "android.widget.ScrollView"

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the child's size."""
        left, top, right, bottom = self.pads
        child = self.children[0]
        self.measure_child(child, width - left - right, UNLIMITED, exact_width, False)
        if child.height == MATCH and exact_height and child.h < height - top - bottom:
            child.measure(child.w, height - top - bottom, True, True)
        self.extent = child.h + child.margins[1] + child.margins[3]
        return child.w + left + right, self.extent + top + bottom

    def layout(self, left: int, top: int) -> None:
        """Place the child, moved by the offset."""
        super().layout(left, top)
        child = self.children[0]
        child.layout(left + self.pads[0] + child.margins[0], top + self.pads[1] + child.margins[1] - self.offset)

    def draw(self, p: Painter) -> None:
        """Draw the child; a column draws only its rows inside the window."""
        View.draw(self, p)
        top, bottom = self.top, self.top + self.h
        p.clip(self.left, top, self.left + self.w, bottom)
        child = self.children[0]
        View.draw(child, p)
        for row in child.children or ():
            if row.visible and row.top < bottom and row.top + row.h > top:
                row.paint(p)
        p.unclip()


class HorizontalScrollView(Scroller):
    """Scrolls one child left and right."""

    android_class = "android.widget.HorizontalScrollView"
    vertical = False

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the child's size."""
        left, top, right, bottom = self.pads
        child = self.children[0]
        self.measure_child(child, UNLIMITED, height - top - bottom, False, exact_height)
        self.extent = child.w + child.margins[0] + child.margins[2]
        return self.extent + left + right, child.h + child.margins[1] + child.margins[3] + top + bottom

    def layout(self, left: int, top: int) -> None:
        """Place the child, moved by the offset."""
        super().layout(left, top)
        child = self.children[0]
        child.layout(left + self.pads[0] + child.margins[0] - self.offset, top + self.pads[1] + child.margins[1])


class RecyclerView(Scroller):
    """A list whose items are built only where they are seen.

    Args:
        count: number of items.
        item: builds the item at a place.
        item_height: dp, the same for all.
        columns: items side by side.
        divider: a line between items.
    """

    android_class = "androidx.recyclerview.widget.RecyclerView"

    def __init__(
        self,
        count: int,
        item: Callable[[int], View],
        *,
        item_height: float,
        columns: int = 1,
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(**attrs)
        self.count, self.item, self.item_height, self.columns = count, item, item_height, columns
        self._built: dict[int, View] = {}

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window; items follow when they are laid out."""
        View.attach(self, window, parent, key)

    @property
    def _rows(self) -> int:
        return -(-self.count // self.columns)

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the length of all items."""
        _, top, _, bottom = self.pads
        self.extent = self._rows * self.metrics.dp(self.item_height)
        return width, min(self.extent + top + bottom, height)

    def follow(self) -> None:
        """Build and place the items that are in the window now."""
        self.layout(self.left, self.top)

    def layout(self, left: int, top: int) -> None:
        """Build and place the items in the window."""
        View.layout(self, left, top)
        step = self.metrics.dp(self.item_height)
        offset = self.offset
        first = offset // step * self.columns
        last = min(-(-(offset + self.room) // step) * self.columns, self.count)
        shown: list[View] = []
        across = (self.w - self.pads[0] - self.pads[2]) // self.columns
        for place in range(first, last):
            view = self._built.get(place)
            if view is None:
                view = self._built[place] = self.item(place)
                view.attach(self.window, self, f"{self.key}/{place}")
                m = view.margins
                view.measure(across - m[0] - m[2], step - m[1] - m[3], True, True)
            x = left + self.pads[0] + across * (place % self.columns) + view.margins[0]
            view.layout(x, top + self.pads[1] + view.margins[1] + place // self.columns * step - offset)
            shown.append(view)
        self.children = shown


def scrollers_of(view: View) -> Sequence[Scroller]:
    """Return the scrolling containers around a view, inmost first."""
    return [found for found in view.ancestors() if isinstance(found, Scroller)]
