"""What a finger means: tap, double tap, long press, scroll, fling, drag, and the system's edge gestures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlgym.android.ui.scroll import Scroller
from vlgym.android.ui.view import View
from vlgym.android.ui.window import Window

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

SLOP_DP = 8.0
"""A finger that moves less is still."""
LONG_PRESS_US = 500_000
DOUBLE_TAP_US = 300_000
DOUBLE_TAP_DP = 100.0
EDGE_DP = 24.0
"""Width of the strips at the sides in which the back gesture begins."""
SYSTEM_DP = 48.0
"""How far a finger must go for a system gesture."""
MIN_HOME_SPEED_DP = 150.0
"""Slower than this in dp a second, a swipe up from the bottom edge opens the recent apps."""
VELOCITY_US = 100_000
"""A finger's speed is taken over this time before it is lifted."""


class Touch:
    """Follows the one finger of a device.

    While it is down, `manager.ui["touch"]` holds all that is known of it: plain data, so that a gesture survives a
    snapshot.
    """

    def __init__(self, manager: WindowManager) -> None:
        self.manager = manager

    @property
    def record(self) -> dict[str, Any] | None:
        """The finger, or None if it is up."""
        return self.manager.ui.get("touch")

    def pressed_in(self, window: str) -> str:
        """Return the key of the view that is held down in a window."""
        record = self.record
        return str(record["pressed"]) if record and record["window"] == window else ""

    def _dp(self, value: float) -> float:
        return value * self.manager.metrics.density

    # ------------------------------------------------------------ down

    def down(self, x: float, y: float) -> None:
        """A finger comes down; a second one is not followed."""
        manager = self.manager
        if self.record is not None or not manager.ui["awake"]:
            return
        now = manager.state.clock.uptime_us
        window, view = self._target(x, y)
        record: dict[str, Any] = {
            "window": window.name if window else "",
            "view": view.key if view else "",
            "pressed": "",
            "mode": "press",
            "zone": self._zone(x, y),
            "x": x,
            "y": y,
            "since": now,
            "samples": [(now, x, y)],
        }
        manager.ui["touch"] = record
        manager.note_dirty()
        if window is None or view is None:
            return
        if window.halt():
            record["mode"] = "still"
            return
        dragged = _nearest(view, lambda v: v.on_drag is not None and v.enabled)
        if dragged is not None and dragged.on_drag is not None:
            record["mode"], record["view"] = "drag", dragged.key
            self._drag("down", dragged, x, y)
            return
        held = _nearest(view, lambda v: v.enabled and (v.clickable or v.long_clickable))
        if held is not None:
            record["pressed"] = held.key
            window.redraw()

    def _target(self, x: float, y: float) -> tuple[Window | None, View | None]:
        """Return the topmost window that takes a touch, and the view under it; no view if it is outside a modal one."""
        for window in reversed(self.manager.layers()):
            if window.name.startswith("toast:"):
                continue  # touches go through a toast
            view = window.tree().hit(x, y)
            if view is not None:
                return window, view
            if window.modal:
                return window, None
        return None, None

    def _zone(self, x: float, y: float) -> str:
        """Return which system gesture may begin here."""
        manager = self.manager
        width, height = manager.metrics.width, manager.metrics.height
        if y < manager.status_height and not manager.ui["shade"]:
            return "status"
        if manager.gestures and y >= height - manager.navigation_height:
            return "home"
        if manager.gestures and not self._dp(EDGE_DP) <= x < width - self._dp(EDGE_DP):
            return "left" if x < width / 2 else "right"
        return "shade" if manager.ui["shade"] else ""

    # ------------------------------------------------------------ move

    def move(self, x: float, y: float) -> None:
        """The finger moves."""
        record = self.record
        if record is None:
            return
        now = self.manager.state.clock.uptime_us
        _, last_x, last_y = record["samples"][-1]
        record["samples"] = [*(s for s in record["samples"][-20:] if now - s[0] <= VELOCITY_US), (now, x, y)]
        if record["mode"] == "press":
            self._settle(record, x, y)
        elif record["mode"] == "drag":
            self._with_view(record, lambda view: self._drag("move", view, x, y))
        elif record["mode"] == "scroll":
            scroller = self._view(record)
            if isinstance(scroller, Scroller):
                scroller.scroll_by(last_y - y if scroller.vertical else last_x - x)

    def _settle(self, record: dict[str, Any], x: float, y: float) -> None:
        """Decide what a finger that begins to move is about."""
        dx, dy = x - record["x"], y - record["y"]
        if max(abs(dx), abs(dy)) <= self._dp(SLOP_DP):
            return
        self._release(record)
        record["mode"] = "swipe"
        zone, view = record["zone"], self._view(record)
        if zone in ("status", "home") or (zone in ("left", "right") and abs(dx) > abs(dy)):
            record["mode"] = "system"
            return
        if view is None:
            return
        vertical = abs(dy) > abs(dx)
        for scroller in view.ancestors():
            if isinstance(scroller, Scroller) and scroller.vertical == vertical and scroller.furthest:
                if not scroller.can_scroll(-dy if vertical else -dx) and self._swipe_taken(view, scroller):
                    continue
                record["mode"], record["view"] = "scroll", scroller.key
                scroller.scroll_by(-dy if vertical else -dx)
                return

    @staticmethod
    def _swipe_taken(view: View, scroller: Scroller) -> bool:
        """Return whether something around a container that is at its end wants swipes."""
        return any(v.on_swipe is not None for v in scroller.ancestors())

    # ------------------------------------------------------------ up

    def up(self, x: float, y: float) -> None:
        """The finger is lifted."""
        record = self.record
        if record is None:
            return
        self.move(x, y)
        del self.manager.ui["touch"]
        self.manager.note_dirty()
        window = self.manager.window(record["window"])
        if window is not None and record["pressed"]:
            window.redraw()
        mode = record["mode"]
        if mode == "press":
            self._tap(record, window, x, y)
        elif mode == "drag":
            self._with_view(record, lambda view: self._drag("up", view, x, y))
        elif mode == "scroll":
            scroller = self._view(record)
            if isinstance(scroller, Scroller) and window is not None:
                speed_x, speed_y = _speed(record["samples"])
                scroller.fling(-speed_y if scroller.vertical else -speed_x)
                window.note_flying()
        elif mode == "system":
            self._system(record, x, y)
        elif mode == "swipe":
            self._swipe(record, x, y)

    def _tap(self, record: dict[str, Any], window: Window | None, x: float, y: float) -> None:
        if window is None:
            return
        if not record["view"]:
            if window.on_outside is not None:
                window.on_outside()
            return
        view = self._view(record)
        last, now = self.manager.ui.get("last_tap"), self.manager.state.clock.uptime_us
        self.manager.ui["last_tap"] = (now, x, y, record["view"])
        if view is None:
            return
        if window.data.get("keys"):
            window.keep().pop("keys")
            window.redraw()
        near = last is not None and max(abs(x - last[1]), abs(y - last[2])) <= self._dp(DOUBLE_TAP_DP)
        if last is not None and near and now - last[0] <= DOUBLE_TAP_US and last[3] == record["view"]:
            twice = _nearest(view, lambda v: v.enabled and (v.on_double_tap is not None or v.editable))
            if twice is not None:
                self.manager.ui.pop("last_tap")
                self._twice(twice)
                return
        for target in view.ancestors():
            if target.enabled and target.editable:
                self.manager.edit(target, x, y)
                return
            if target.perform_click():
                return

    def _twice(self, view: View) -> None:
        if view.on_double_tap is not None:
            view.on_double_tap()
        else:
            self.manager.select_word(view)

    def _swipe(self, record: dict[str, Any], x: float, y: float) -> None:
        dx, dy = x - record["x"], y - record["y"]
        side = ("down" if dy > 0 else "up") if abs(dy) > abs(dx) else ("right" if dx > 0 else "left")
        view = self._view(record)
        for target in view.ancestors() if view is not None else ():
            if target.on_swipe is not None and target.enabled and target.on_swipe(side):
                return
        if record["zone"] == "shade":
            self.manager.shade_swipe(side)

    def _system(self, record: dict[str, Any], x: float, y: float) -> None:
        """End a gesture that began at an edge of the display."""
        manager, zone = self.manager, record["zone"]
        dx, dy = x - record["x"], y - record["y"]
        far = self._dp(SYSTEM_DP)
        if zone == "status" and dy > far:
            manager.open_shade("notifications")
        elif zone == "home" and dy < -far:
            slow = abs(_speed(record["samples"])[1]) < self._dp(MIN_HOME_SPEED_DP)
            if slow and manager.state.clock.uptime_us - record["since"] > LONG_PRESS_US:
                manager.show_recents()
            else:
                manager.home()
        elif (zone == "left" and dx > far) or (zone == "right" and dx < -far):
            manager.back()

    # ------------------------------------------------------------ time

    def deadline(self) -> int | None:
        """Return the uptime in microseconds at which a finger at rest becomes a long press."""
        record = self.record
        if record is None or record["mode"] != "press" or not record["view"]:
            return None
        return int(record["since"]) + LONG_PRESS_US

    def tick(self) -> None:
        """Make a long press of a finger that has rested long enough."""
        deadline, record = self.deadline(), self.record
        if deadline is None or record is None or self.manager.state.clock.uptime_us < deadline:
            return
        view = self._view(record)
        target = _nearest(view, lambda v: v.enabled and v.long_clickable) if view is not None else None
        if target is None:
            record["since"] = 1 << 60  # nothing listens: a later lift is a tap
            return
        self._release(record)
        record["mode"] = "still"
        if target.on_long_click is not None:
            target.on_long_click()
        elif target.editable:
            self.manager.edit(target, record["x"], record["y"])
            self.manager.select_word(target)

    # ------------------------------------------------------------ helpers

    def _release(self, record: dict[str, Any]) -> None:
        window = self.manager.window(record["window"])
        if record["pressed"] and window is not None:
            window.redraw()
        record["pressed"] = ""

    def _view(self, record: dict[str, Any]) -> View | None:
        window = self.manager.window(record["window"])
        return window.find(record["view"]) if window is not None and record["view"] else None

    def _with_view(self, record: dict[str, Any], act: Callable[[View], object]) -> None:
        view = self._view(record)
        if view is not None:
            act(view)

    @staticmethod
    def _drag(kind: str, view: View, x: float, y: float) -> None:
        if view.on_drag is not None:
            view.on_drag(kind, (x - view.left) / max(view.w, 1), (y - view.top) / max(view.h, 1))


def _nearest(view: View, fits: Callable[[View], bool]) -> View | None:
    return next((found for found in view.ancestors() if fits(found)), None)


def _speed(samples: list[tuple[int, float, float]]) -> tuple[float, float]:
    """Return the speed of a finger in pixels a second."""
    (t0, x0, y0), (t1, x1, y1) = samples[0], samples[-1]
    seconds = (t1 - t0) / 1e6
    return ((x1 - x0) / seconds, (y1 - y0) / seconds) if seconds > 0 else (0.0, 0.0)
