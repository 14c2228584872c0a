"""A window: one view tree in a box of the display, its focus, and what it draws."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from vlgym.android.ui.paint import Op, Painter
from vlgym.android.ui.scroll import Scroller, scrollers_of
from vlgym.android.ui.view import WRAP, View

if TYPE_CHECKING:
    from vlgym.android.ui.theme import Metrics
    from vlgym.android.ui.windows import WindowManager

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in display pixels."""

_NOTHING: dict[str, Any] = {}


class Window:
    """One layer of the screen.

    What must outlive the view tree (focus, views' state) lies in `data`, plain data that the window manager keeps.

    Args:
        manager: the window manager.
        name: unique among the windows; the key of `data`.
        package: whose window it is.
        build: makes the view tree; None for no window at this moment.
        box: where it lies.
        scrim: opacity of the shade over what lies beneath, 0 for none.
        modal: whether touches outside its tree go no further.
        stamp: what the tree is made of, where that is cheaper to tell than to make it; an equal stamp keeps the tree.
        tick_ms: the tree is made anew when the clock passes a multiple of so many milliseconds; 0 for never.
        on_outside: what a tap outside does.
    """

    def __init__(
        self,
        manager: WindowManager,
        name: str,
        package: str,
        build: Callable[[], View],
        box: Box,
        *,
        scrim: float = 0.0,
        modal: bool = False,
        focusable: bool = True,
        listed: bool = True,
        stamp: Callable[[], Hashable] | None = None,
        tick_ms: int = 0,
        on_outside: Callable[[], object] | None = None,
    ) -> None:
        self.manager, self.name, self.package, self._build, self.box = manager, name, package, build, box
        self.scrim, self.modal, self.focusable, self.listed = scrim, modal, focusable, listed
        self.tick_ms, self.on_outside, self._made_of = tick_ms, on_outside, stamp
        self._made: Hashable = None
        self.metrics: Metrics = manager.metrics
        self.root: View | None = None
        self._level = 3
        """What is out of date: 3 the tree, 2 its sizes, 1 places, and its drawing in every case."""
        self._drawing: list[Op] | None = None
        self._stamp = self._ticks()
        self.marked: dict[str, str] = {}
        """Key -> opacity of the mark of what is held or focused in the drawing; empty for a focus without a mark."""
        self._moved: set[Scroller] = set()

    # ------------------------------------------------------------ saved data

    @property
    def data(self) -> dict[str, Any]:
        """Plain data of the window, to read."""
        data: dict[str, Any] = self.manager.ui["windows"].get(self.name, _NOTHING)
        return data

    def keep(self) -> dict[str, Any]:
        """Return the plain data of the window, to write."""
        data: dict[str, Any] = self.manager.ui["windows"].setdefault(self.name, {})
        return data

    def view_state(self, key: str) -> dict[str, Any]:
        """Return what a view remembers, to read."""
        state: dict[str, Any] = self.data.get("views", _NOTHING).get(key, _NOTHING)
        return state

    def keep_view_state(self, key: str) -> dict[str, Any]:
        """Return what a view remembers, to write."""
        state: dict[str, Any] = self.keep().setdefault("views", {}).setdefault(key, {})
        return state

    @property
    def focus(self) -> str:
        """Key of the view that keys reach."""
        return str(self.data.get("focus", ""))

    @property
    def pressed(self) -> str:
        """Key of the view that a finger holds."""
        return self.manager.touch.pressed_in(self.name)

    @property
    def shows_focus(self) -> bool:
        """Whether the focus is marked: only after keys, not after touches, as in Android's touch mode."""
        return bool(self.data.get("keys"))

    @property
    def uptime_us(self) -> int:
        """Microseconds since boot."""
        return self.manager.state.clock.uptime_us

    # ------------------------------------------------------------ dirt

    def _dirty(self, level: int) -> None:
        self._level = max(self._level, level)
        self._drawing = None
        self.manager.note_dirty()

    def rebuild(self) -> None:
        """The tree is out of date."""
        if self._made_of is None or self.root is None or self._made_of() != self._made:
            self._dirty(3)

    def reform(self) -> None:
        """Sizes are out of date."""
        self._dirty(2)

    def relayout(self, scroller: Scroller | None = None) -> None:
        """Places are out of date: all, or those in a container that has scrolled."""
        if scroller is None:
            self._dirty(1)
        else:
            self._moved.add(scroller)
            scroller.outdate()
            self._dirty(0)

    def redraw(self) -> None:
        """The drawing is out of date: a view in it, what is held or what has the focus."""
        self._dirty(0)

    def _ticks(self) -> int:
        return self.manager.state.clock.now_us // 1000 // self.tick_ms if self.tick_ms else 0

    def sync(self) -> None:
        """Note what the passing of time has put out of date."""
        stamp = self._ticks()
        if stamp != self._stamp:
            self._stamp = stamp
            self.rebuild()
        if self.data.get("flying"):
            self.relayout()

    # ------------------------------------------------------------ tree

    def tree(self) -> View:
        """Return the root view, up to date and laid out."""
        if self.root is None or self._level == 3:
            self.root = self._build()
            self._made = self._made_of() if self._made_of is not None else None
            self.root.attach(self, None, self.name)
            self._level = 2
        root = self.root
        if self._level == 2:
            left, top, right, bottom = self.box
            fills, width = not root.place, right - left
            if root.place and root.width >= 0:
                width = min(width, self.metrics.dp(root.width))
            root.measure(width, bottom - top, fills or root.width != WRAP, fills)
            self._level = 1
        if self._level == 1:
            root.layout(*self._corner(root))
            self._moved.clear()
            self._level = 0
        while self._moved:
            self._moved.pop().follow()
        return root

    def _corner(self, root: View) -> tuple[int, int]:
        """Return where the tree begins: it fills the box, or stands in it as its `place` says."""
        left, top, right, bottom = self.box
        if root.place == "anchor":
            from_left, from_top, to_right, to_bottom = root.anchor
            x = from_left if from_left + root.w <= right else to_right - root.w
            y = from_top if from_top + root.h <= bottom else to_bottom - root.h
            return max(x, left), max(y, top)
        if root.place:
            left += (right - left - root.w) // 2
            top = {"bottom": bottom - root.h, "top": top}.get(root.place, top + (bottom - top - root.h) // 2)
        return left, top

    @property
    def paper(self) -> int:
        """The colour with which its tree fills the whole display, so that nothing beneath is seen; 0 if it does not.

        It is not in `drawing`: what draws the window begins with it.
        """
        root, metrics = self.tree(), self.metrics
        if not root.background or self.scrim or root.radius or root.left or root.top or root.border:
            return 0
        if root.w != metrics.width or root.h != metrics.height:
            return 0
        colour = metrics.colour(root.background)
        return colour if colour >> 24 == 255 else 0

    def drawing(self) -> list[Op]:
        """Return what the window draws; views that are not out of date repeat what they drew last."""
        root = self.tree()
        if self._drawing is None:
            self._mark()
            p = Painter()
            if self.scrim:
                p.rect(0, 0, self.metrics.width, self.metrics.height, round(self.scrim * 255) << 24)
            background = root.background
            if self.paper:
                root.background = ""
            root.paint(p)
            root.background = background
            self._drawing = p.ops
        return self._drawing

    def _mark(self) -> None:
        """Mark what is held and what has the focus; those that were marked otherwise are out of date."""
        marked = {self.focus: "0.10" if self.shows_focus else ""} if self.focus else {}
        if self.pressed:
            marked[self.pressed] = "0.12"
        for key in {key for key, _ in marked.items() ^ self.marked.items()}:
            view = self.find(key)
            if view is not None:
                view.outdate()
        self.marked = marked

    def find(self, name: str) -> View | None:
        """Return the first view with an id or a key."""
        root = self.tree()
        if name != self.name and not name.startswith(f"{self.name}/"):
            return next((view for view in root.walk() if view.id == name), None)
        view: View | None = root
        while view is not None and view.key != name:  # a key is the way from the root
            children = (child for child in view.children if child.visible)
            view = next((c for c in children if c.key == name or name.startswith(f"{c.key}/")), None)
        return view

    # ------------------------------------------------------------ flings

    def note_flying(self) -> None:
        """Remember which containers move by themselves, and forget those that have come to rest."""
        keys = [view.key for view in self.tree().walk() if isinstance(view, Scroller) and view.is_flying]
        if keys:
            self.keep()["flying"] = keys
        elif self.data:
            self.keep().pop("flying", None)

    def halt(self) -> bool:
        """Stop everything that flies; return whether anything did."""
        keys = self.keep().pop("flying", None) if self.data else None
        for view in self.tree().walk() if keys else ():
            if isinstance(view, Scroller):
                view.halt()
        return bool(keys)

    # ------------------------------------------------------------ focus

    def focus_on(self, view: View | None) -> None:
        """Give the focus to a view, or take it away."""
        key = view.key if view is not None else ""
        if key != self.focus:
            self.keep()["focus"] = key
            self.redraw()

    def focused(self) -> View | None:
        """Return the view that keys reach."""
        return self.find(self.focus) if self.focus else None

    def focus_next(self, view: View | None, step: int = 1, *, editable: bool = False) -> bool:
        """Move the focus to the next view in reading order; return whether there was one."""
        stops = [v for v in self.tree().walk() if v.can_focus and (v.editable or not editable)]
        if not stops:
            return False
        stops.sort(key=lambda v: (v.top, v.left))
        place = stops.index(view) + step if view in stops else (0 if step > 0 else len(stops) - 1)
        if not 0 <= place < len(stops):
            return False
        self.focus_on(stops[place])
        for scroller in scrollers_of(stops[place]):
            scroller.reveal(stops[place])
        return True

    def hide_keyboard(self) -> None:
        """Put the on-screen keyboard away."""
        self.manager.hide_keyboard()
