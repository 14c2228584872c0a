"""Views: measure, layout, draw and hit testing, with Android's class and attribute names.

A view tree is made anew whenever what it shows may have changed; it is a function of saved state. What a view itself
must remember (scroll offset, edited text) is a dict of plain data that the window keeps under the view's key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Op, Painter
from vlgym.android.ui.theme import Metrics, Sides

if TYPE_CHECKING:
    from vlgym.android.ui.window import Window

MATCH, WRAP = -1.0, -2.0
UNLIMITED = 1 << 24
"""A length that means "as long as it likes", pixels."""

_NONE = (0, 0, 0, 0)


class View:
    """A rectangle on the screen.

    Attributes:
        key: path of ids or places from the window's root; the name of the view's saved state.
        left, top, w, h: the box in display pixels.
    """

    android_class = "android.view.View"
    id = ""
    width: float = WRAP
    height: float = WRAP
    weight = 0.0
    margin: Sides = 0.0
    padding: Sides = 0.0
    gravity = ""
    min_width = 0.0
    min_height = 0.0
    background: str | int = ""
    radius = 0.0
    border: str | int = ""
    on_click: Callable[[], object] | None = None
    on_long_click: Callable[[], object] | None = None
    on_double_tap: Callable[[], object] | None = None
    on_swipe: Callable[[str], bool] | None = None
    on_drag: Callable[[str, float, float], object] | None = None
    content_desc = ""
    enabled = True
    visible = True
    selected = False
    focusable = False
    ripple = True
    checkable = False
    checked = False
    scrollable = False
    editable = False
    password = False
    measured_last = False
    """In a LinearLayout: measured when its siblings are, so that it shrinks and they do not."""
    place = ""
    """Of a window's root: "" fills the window's box; "center", "bottom", "top" stand there; "anchor" by `anchor`."""
    anchor: tuple[int, int, int, int] = (0, 0, 0, 0)

    key = ""
    left = top = w = h = 0
    parent: ViewGroup | None = None
    drawn: list[Op] | None = None
    """What was drawn last, with everything in it; None when that is out of date."""
    window: Window
    metrics: Metrics
    children: Sequence[View] = ()

    def __init__(self, **attrs: Unpack[Attrs]) -> None:
        self.__dict__.update(attrs)

    # ------------------------------------------------------------ tree

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window under a key; state saved under the key comes back."""
        self.window, self.parent, self.key = window, parent, key
        self.metrics = window.metrics
        self.pads = self.metrics.sides(self.padding) if self.padding else _NONE
        self.margins = self.metrics.sides(self.margin) if self.margin else _NONE

    def walk(self) -> Iterator[View]:
        """Yield the view and everything in it that is not gone, parents first."""
        rest: list[View] = [self]
        while rest:
            view = rest.pop()
            if view.visible:
                yield view
                if view.children:
                    rest.extend(reversed(view.children))

    def remember(self) -> dict[str, Any]:
        """Return the view's saved state, writable."""
        return self.window.keep_view_state(self.key)

    def recall(self) -> dict[str, Any]:
        """Return the view's saved state to read."""
        return self.window.view_state(self.key)

    @property
    def text_shown(self) -> str:
        """What `text` is in the view hierarchy."""
        return ""

    @property
    def clickable(self) -> bool:
        """Whether a tap does something."""
        return self.on_click is not None or self.on_drag is not None or self.checkable

    @property
    def long_clickable(self) -> bool:
        """Whether a long press does something."""
        return self.on_long_click is not None

    @property
    def can_focus(self) -> bool:
        """Whether keys can reach it."""
        return self.enabled and (self.focusable or self.on_click is not None or self.checkable)

    @property
    def is_focused(self) -> bool:
        """Whether keys reach it now."""
        return bool(self.key) and self.window.focus == self.key

    # ------------------------------------------------------------ measure and layout

    def measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> None:
        """Choose `w` and `h` in pixels, at most the lengths given; an exact length is taken."""
        w, h = self.on_measure(width, height, exact_width, exact_height)
        metrics = self.metrics
        self.w = width if exact_width else min(max(w, metrics.dp(self.min_width)), width)
        self.h = height if exact_height else min(max(h, metrics.dp(self.min_height)), height)

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the size the view would like, padding included."""
        left, top, right, bottom = self.pads
        return left + right, top + bottom

    def layout(self, left: int, top: int) -> None:
        """Take a place; containers place their children."""
        self.left, self.top, self.drawn = left, top, None

    def shift(self, dx: int, dy: int) -> None:
        """Move with everything in it."""
        rest: list[View] = [self] if dx or dy else []
        while rest:
            view = rest.pop()
            view.left += dx
            view.top += dy
            view.drawn = None
            if view.children:
                rest.extend(view.children)

    # ------------------------------------------------------------ draw

    def outdate(self) -> None:
        """What was drawn last is out of date, and that of every container around."""
        for view in self.ancestors():
            view.drawn = None

    def invalidate(self) -> None:
        """Have it drawn anew: what it shows has changed, and its size has not."""
        self.outdate()
        self.window.redraw()

    def paint(self, p: Painter) -> None:
        """Draw, or repeat what was drawn last."""
        if self.drawn is None:
            first = len(p.ops)
            self.draw(p)
            self.drawn = p.ops[first:]
        else:
            p.ops += self.drawn

    def draw(self, p: Painter) -> None:
        """Draw the background, the content and the mark of a finger or of the focus."""
        if self.background or self.border:
            self.draw_background(p)
        self.on_draw(p)
        if self.window.marked and self.ripple:
            self._draw_mark(p)

    def draw_background(self, p: Painter) -> None:
        """Draw the background and its border."""
        metrics = self.metrics
        right, bottom = self.left + self.w, self.top + self.h
        radius = min(metrics.dp(self.radius), self.w / 2, self.h / 2)
        if self.background:
            colour = metrics.colour(self.background)
            if radius:
                p.round(self.left, self.top, right, bottom, radius, colour)
            else:
                p.rect(self.left, self.top, right, bottom, colour)
        if self.border:
            p.round(self.left, self.top, right, bottom, radius, metrics.colour(self.border), metrics.dp(1))

    def on_draw(self, p: Painter) -> None:
        """Draw what is special to the class."""

    def _draw_mark(self, p: Painter) -> None:
        alpha = self.window.marked.get(self.key)
        if alpha and not self.editable and self.clickable:
            radius = min(self.metrics.dp(self.radius), self.w / 2, self.h / 2)
            colour = self.metrics.colour("on_surface/" + alpha)
            p.round(self.left, self.top, self.left + self.w, self.top + self.h, radius, colour)

    # ------------------------------------------------------------ fingers

    def contains(self, x: float, y: float) -> bool:
        """Return whether a point lies in the box."""
        return self.left <= x < self.left + self.w and self.top <= y < self.top + self.h

    def hit(self, x: float, y: float) -> View | None:
        """Return the deepest view under a point, the one drawn last first."""
        if not self.visible or not self.contains(x, y):
            return None
        for child in reversed(self.children):
            found = child.hit(x, y)
            if found is not None:
                return found
        return self

    def ancestors(self) -> Iterator[View]:
        """Yield the view and its containers, inmost first."""
        view: View | None = self
        while view is not None:
            yield view
            view = view.parent

    def perform_click(self) -> bool:
        """Do what a tap does; return whether there was something to do."""
        if not self.enabled or self.on_click is None:
            return False
        self.on_click()
        return True

    def on_key(self, code: int, sign: str) -> bool:
        """Take a key while focused; return whether it was of use. `sign` is the character it types, or empty."""
        return False


class ViewGroup(View):
    """A view with children."""

    android_class = "android.view.ViewGroup"

    def __init__(self, *children: View | None, **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.children = [child for child in children if child is not None]

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window with all children."""
        super().attach(window, parent, key)
        self.attach_children(self.children)

    def attach_children(self, children: Sequence[View], first: int = 0) -> None:
        """Attach children; each one's key ends in its id, or in its place where it has none of its own."""
        seen: set[str] = set()
        for place, child in enumerate(children, first):
            name = child.id if child.id and child.id not in seen else f"{child.id}{place}"
            seen.add(name)
            child.attach(self.window, self, f"{self.key}/{name}")

    def measure_child(
        self, child: View, width: int, height: int, exact_width: bool = False, exact_height: bool = False
    ) -> None:
        """Measure a child in a space from which its margins are still to be taken."""
        left, top, right, bottom = child.margins
        dp = self.metrics.dp
        if child.width >= 0:
            w, exact_w = dp(child.width), True
        else:
            w, exact_w = max(width - left - right, 0), child.width == MATCH and exact_width
        if child.height >= 0:
            h, exact_h = dp(child.height), True
        else:
            h, exact_h = max(height - top - bottom, 0), child.height == MATCH and exact_height
        child.measure(w, h, exact_w, exact_h)

    def draw(self, p: Painter) -> None:
        """Draw the background, then the children."""
        super().draw(p)
        for child in self.children:
            if child.visible:
                child.paint(p)


def _shift(gravity: str, horizontal: bool, free: int) -> int:
    """Return how far a gravity moves a child into the free space along an axis."""
    return free * _halves(gravity, horizontal) // 2 if gravity and free > 0 else 0


@cache
def _halves(gravity: str, horizontal: bool) -> int:
    """Return how many halves of the free space along an axis a gravity leaves before a child: 0, 1 or 2."""
    if ("right" if horizontal else "bottom") in gravity:
        return 2
    own = "center_horizontal" if horizontal else "center_vertical"
    return int(own in gravity or "center" in gravity.split("|"))


class FrameLayout(ViewGroup):
    """Children lie on one another, each where its gravity says."""

    android_class = "android.widget.FrameLayout"

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the size of the largest child; children that match the parent are measured by it."""
        left, top, right, bottom = self.pads
        inner_w, inner_h = max(width - left - right, 0), max(height - top - bottom, 0)
        w = h = 0
        for child in self.children:
            if child.visible:
                self.measure_child(child, inner_w, inner_h, exact_width, exact_height)
                w = max(w, child.w + child.margins[0] + child.margins[2])
                h = max(h, child.h + child.margins[1] + child.margins[3])
        for child in self.children:
            if child.visible and (
                (child.width == MATCH and not exact_width) or (child.height == MATCH and not exact_height)
            ):
                self.measure_child(child, w, h, child.width == MATCH, child.height == MATCH)
        return w + left + right, h + top + bottom

    def layout(self, left: int, top: int) -> None:
        """Place every child by its gravity."""
        super().layout(left, top)
        pads = self.pads
        for child in self.children:
            if child.visible:
                m = child.margins
                free_w = self.w - pads[0] - pads[2] - child.w - m[0] - m[2]
                free_h = self.h - pads[1] - pads[3] - child.h - m[1] - m[3]
                child.layout(
                    left + pads[0] + m[0] + _shift(child.gravity, True, free_w),
                    top + pads[1] + m[1] + _shift(child.gravity, False, free_h),
                )


def _last(view: View) -> bool:
    return view.measured_last


class LinearLayout(ViewGroup):
    """Children in a row or a column.

    Args:
        vertical: a column.
        spacing: dp between two children.
        align: where children stand across the axis, and where all of them stand along it if there is space.
    """

    android_class = "android.widget.LinearLayout"

    def __init__(
        self,
        *children: View | None,
        vertical: bool = True,
        spacing: float = 0.0,
        align: str = "",
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(*children, **attrs)
        self.vertical, self.spacing, self.align = vertical, spacing, align

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Measure children without weight first; those with weight share what is left."""
        left, top, right, bottom = self.pads
        inner_w, inner_h = max(width - left - right, 0), max(height - top - bottom, 0)
        shown = [child for child in self.children if child.visible]
        gap = self.metrics.dp(self.spacing)
        used = gap * max(len(shown) - 1, 0)
        main, exact_main = (inner_h, exact_height) if self.vertical else (inner_w, exact_width)
        shares = 0.0
        bounded = exact_main or (main < UNLIMITED // 2 and any(c.weight for c in shown))
        for child in sorted(shown, key=_last) if any(map(_last, shown)) else shown:
            if child.weight and bounded:
                shares += child.weight
                m = child.margins
                used += m[1] + m[3] if self.vertical else m[0] + m[2]
                continue
            if self.vertical:
                self.measure_child(child, inner_w, max(main - used, 0), exact_width, exact_height)
                used += child.h + child.margins[1] + child.margins[3]
            else:
                self.measure_child(child, max(main - used, 0), inner_h, exact_width, exact_height)
                used += child.w + child.margins[0] + child.margins[2]
        if shares:
            used += self._share(shown, max(main - used, 0), shares, inner_w, inner_h, exact_width, exact_height)
        cross = self._cross(shown)
        if not (exact_width if self.vertical else exact_height):
            self._stretch(shown, cross)
        return (
            (cross + left + right, used + top + bottom)
            if self.vertical
            else (used + left + right, cross + top + bottom)
        )

    def _share(
        self, shown: Sequence[View], free: int, shares: float, width: int, height: int, exact_w: bool, exact_h: bool
    ) -> int:
        """Give the free length to the children with weight; return how much they took."""
        taken = 0
        for child in shown:
            if child.weight:
                part = int(free * child.weight / shares + 0.5) if shares > child.weight else free
                shares -= child.weight
                free -= part
                taken += part
                m = child.margins
                if self.vertical:
                    dim = self.metrics.dp(child.width) if child.width >= 0 else max(width - m[0] - m[2], 0)
                    child.measure(dim, part, child.width >= 0 or (child.width == MATCH and exact_w), True)
                else:
                    dim = self.metrics.dp(child.height) if child.height >= 0 else max(height - m[1] - m[3], 0)
                    child.measure(part, dim, True, child.height >= 0 or (child.height == MATCH and exact_h))
        return taken

    def _cross(self, shown: Sequence[View]) -> int:
        if self.vertical:
            return max((c.w + c.margins[0] + c.margins[2] for c in shown), default=0)
        return max((c.h + c.margins[1] + c.margins[3] for c in shown), default=0)

    def _stretch(self, shown: Sequence[View], cross: int) -> None:
        """Give children that match the parent the width (or height) that the widest one has."""
        for child in shown:
            m = child.margins
            if self.vertical and child.width == MATCH:
                child.measure(cross - m[0] - m[2], child.h, True, True)
            elif not self.vertical and child.height == MATCH:
                child.measure(child.w, cross - m[1] - m[3], True, True)

    def layout(self, left: int, top: int) -> None:
        """Place children one after the other."""
        super().layout(left, top)
        pads, gap = self.pads, self.metrics.dp(self.spacing)
        shown = [child for child in self.children if child.visible]
        inner_w, inner_h = self.w - pads[0] - pads[2], self.h - pads[1] - pads[3]
        x, y, align = left + pads[0], top + pads[1], self.align
        if align and _shift(align, not self.vertical, 2):  # all of them together do not begin at the start
            gaps = gap * max(len(shown) - 1, 0)
            if self.vertical:
                y += _shift(align, False, inner_h - gaps - sum(c.h + c.margins[1] + c.margins[3] for c in shown))
            else:
                x += _shift(align, True, inner_w - gaps - sum(c.w + c.margins[0] + c.margins[2] for c in shown))
        for child in shown:
            _, m_top, m_right, m_bottom = m = child.margins
            gravity = child.gravity or align
            if self.vertical:
                free = inner_w - child.w - m[0] - m_right if gravity else 0
                child.layout(x + m[0] + (_shift(gravity, True, free) if free > 0 else 0), y + m_top)
                y += child.h + m_top + m_bottom + gap
            else:
                free = inner_h - child.h - m_top - m_bottom if gravity else 0
                child.layout(x + m[0], y + m_top + (_shift(gravity, False, free) if free > 0 else 0))
                x += child.w + m[0] + m_right + gap


def Column(*children: View | None, spacing: float = 0.0, align: str = "", **attrs: Unpack[Attrs]) -> LinearLayout:
    """Return a vertical LinearLayout."""
    return LinearLayout(*children, vertical=True, spacing=spacing, align=align, **attrs)


def Row(
    *children: View | None, spacing: float = 0.0, align: str = "center_vertical", **attrs: Unpack[Attrs]
) -> LinearLayout:
    """Return a horizontal LinearLayout, children centred across."""
    return LinearLayout(*children, vertical=False, spacing=spacing, align=align, **attrs)


class Space(View):
    """Nothing, of a given size."""

    android_class = "android.widget.Space"
