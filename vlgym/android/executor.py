"""Actions as touches and keys: what each verb of the grammar does with a phone's screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from vlgym.android.actions import KEYS
from vlgym.android.elements import Box, Elements
from vlgym.core.actions import Action
from vlgym.core.errors import ActionError, did_you_mean

if TYPE_CHECKING:
    from vlgym.android.device import Device

SETTLE_S = 1.0
"""Time that passes after each action."""
WAIT_S = 4.0
"""Time that passes in ``wait``."""
REACH = 0.6
"""Share of a list's length that a scroll moves it by."""
_MOVES = 6
_HOLD_S = 0.15
"""How long the finger rests before it is lifted from a drag, so that nothing flies on."""
_DELETE, _A, _CTRL, _ENTER = 67, 29, 113, 66


class Hands(Protocol):
    """What can be done to a phone, in fractions of its screen."""

    def tap(self, x: float, y: float) -> None:
        """Touch and lift."""
        ...

    def swipe(self, x1: float, y1: float, x2: float, y2: float, seconds: float) -> None:
        """Move a finger evenly; what it moves flies on."""
        ...

    def drag(self, x1: float, y1: float, x2: float, y2: float, hold: float) -> None:
        """Rest for `hold` seconds, move, rest, lift; nothing flies on."""
        ...

    def key(self, code: int, *held: int) -> None:
        """Press a key by its KEYCODE_* number while others are held."""
        ...

    def text(self, words: str) -> None:
        """Type into the focused field."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def launch(self, name: str) -> None:
        """Start the app of that name as its icon does.

        Raises:
            ActionError: there is none.
        """
        ...


class SimHands:
    """Hands on a simulated phone."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def _pixels(self, x: float, y: float) -> tuple[float, float]:
        metrics = self.device.windows.metrics
        return min(x * metrics.width, metrics.width - 1), min(y * metrics.height, metrics.height - 1)

    def tap(self, x: float, y: float) -> None:
        """Touch and lift."""
        self.device.tap(*self._pixels(x, y))

    def swipe(self, x1: float, y1: float, x2: float, y2: float, seconds: float) -> None:
        """Move a finger evenly."""
        self.device.swipe(*self._pixels(x1, y1), *self._pixels(x2, y2), seconds)

    def drag(self, x1: float, y1: float, x2: float, y2: float, hold: float) -> None:
        """Rest, move, rest, lift."""
        device = self.device
        (x1, y1), (x2, y2) = self._pixels(x1, y1), self._pixels(x2, y2)
        device.touch("down", x1, y1)
        device.advance(hold)
        for step in range(1, _MOVES + 1):
            device.advance(0.02)
            device.touch("move", x1 + (x2 - x1) * step / _MOVES, y1 + (y2 - y1) * step / _MOVES)
        device.advance(_HOLD_S)
        device.touch("up", x2, y2)

    def key(self, code: int, *held: int) -> None:
        """Press a key."""
        self.device.chord(*held, code) if held else self.device.key(code)

    def text(self, words: str) -> None:
        """Type."""
        self.device.text(words)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.device.advance(seconds)

    def launch(self, name: str) -> None:
        """Start an app by its name."""
        with self.device.lock:
            apps = {package.label.casefold(): package.name for package in self.device.state.packages.launchable()}
            found = apps.get(name.strip().casefold())
            if found is None:
                near = did_you_mean(name.casefold()[:60], apps)
                raise ActionError(f"There is no app {name[:60]!r} on this phone.{near}")
            self.device.windows.launch(found)


_TOWARDS = {"up": (0.0, -1.0), "down": (0.0, 1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0)}
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
_SCREEN: Box = (0.0, 0.06, 1.0, 0.94)


class Executor:
    """Does actions with a pair of hands.

    Args:
        hands: on which phone.
        look: returns the element list of the screen as it is now.
    """

    def __init__(self, hands: Hands, look: Callable[[], Elements]) -> None:
        self.hands, self.look = hands, look

    def perform(self, action: Action) -> None:
        """Do an action and let the screen come to rest; ``answer``, ``done`` and ``impossible`` touch nothing.

        Raises:
            ActionError: it names nothing that is there; nothing has been touched.
        """
        self._VERBS[action.verb](self, *action.args)
        if action.verb not in ("answer", "done", "impossible"):
            self.hands.wait(SETTLE_S)

    # ------------------------------------------------------------ fingers

    def _place(self, where: tuple[Any, ...]) -> tuple[float, float]:
        """Return the point that (x, y) or (element,) names."""
        if len(where) == 2:
            return where
        elements = self.look()
        return elements.aim(elements.get(where[0]))

    def _tap(self, *where: Any) -> None:
        self.hands.tap(*self._place(where))

    def _double_tap(self, *where: Any) -> None:
        x, y = self._place(where)
        self.hands.tap(x, y)
        self.hands.wait(0.1)
        self.hands.tap(x, y)

    def _long_press(self, *where: Any) -> None:
        x, y = self._place(where)
        self.hands.swipe(x, y, x, y, 0.8)

    def _swipe(self, *way: Any) -> None:
        if len(way) == 4:
            self.hands.swipe(*way, 0.3)
            return
        dx, dy = _TOWARDS[way[0]]
        self.hands.swipe(0.5 - 0.3 * dx, 0.5 - 0.25 * dy, 0.5 + 0.3 * dx, 0.5 + 0.25 * dy, 0.3)

    def _drag(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.hands.drag(x1, y1, x2, y2, 0.6)

    def _scroll(self, direction: str, element: int | str | None = None) -> None:
        """Show what is further in a direction: the finger moves the other way."""
        elements = self.look()
        vertical = direction in ("up", "down")
        inside = [box for box, is_vertical in elements.scrollers if is_vertical == vertical]
        if element is not None:
            found = elements.get(element)
            x, y = found.centre
            inside = [box for box in inside if box[0] <= x < box[2] and box[1] <= y < box[3]] or [found.bounds]
        box = max(inside, key=_area, default=_SCREEN)
        for across in _LANES:
            line = stroke(box, direction, across)
            if _is_free(elements, *line[:2]):
                break
        self.hands.drag(*line, 0.0)

    # ------------------------------------------------------------ keys

    def _type(self, words: str, *where: Any, clear: bool = False, send: bool = False) -> None:
        elements = self.look()
        if where:
            if len(where) == 1 and not elements.get(where[0]).editable:
                raise ActionError(f"{str(where[0])[:60]!r} takes no text; name a text field.")
            self._tap(*where)
            self.hands.wait(0.3)
        elif elements.focus is None:
            fields = [item.label for item in elements.touchables if item.editable]
            here = f" Fields here: {', '.join(fields)[:120]}." if fields else ""
            raise ActionError(f"Nothing waits for text; touch a text field first.{here}")
        if clear:
            self.hands.key(_A, _CTRL)
            self.hands.key(_DELETE)
        self.hands.text(words)
        if send:
            self.hands.key(_ENTER)

    def _submit(self, words: str, *where: Any) -> None:
        self._type(words, *where, send=True)

    def _replace(self, words: str, *where: Any) -> None:
        self._type(words, *where, clear=True, send=True)

    def _press(self, key: str) -> None:
        self.hands.key(KEYS[key])

    # ------------------------------------------------------------ the rest

    def _open_app(self, name: str) -> None:
        self.hands.launch(name)

    def _wait(self) -> None:
        self.hands.wait(WAIT_S)

    def _nothing(self, *_: Any) -> None:
        pass

    _VERBS: dict[str, Callable[..., None]] = {
        "tap": _tap,
        "click": _tap,
        "double_tap": _double_tap,
        "long_press": _long_press,
        "swipe": _swipe,
        "drag": _drag,
        "scroll": _scroll,
        "type": _type,
        "submit": _submit,
        "replace": _replace,
        "press": _press,
        "open_app": _open_app,
        "wait": _wait,
        "answer": _nothing,
        "done": _nothing,
        "impossible": _nothing,
    }


_LANES = (0.5, 0.97, 0.03, 0.3, 0.7)
"""Where across a list a finger may begin to scroll; the first that meets nothing that follows a finger."""


def stroke(box: Box, direction: str, across: float = 0.5) -> tuple[float, float, float, float]:
    """Return where a finger goes from and to that shows what is further in a direction in a box: the other way.

    Args:
        across: where across the box, 0 to 1.
    """
    left, top, right, bottom = box
    dx, dy = _TOWARDS[_OPPOSITE[direction]]
    x = left + (right - left) * (across if dy else 0.5)
    y = top + (bottom - top) * (across if dx else 0.5)
    w, h = (right - left) * REACH / 2 * dx, (bottom - top) * REACH / 2 * dy
    return round(x - w, 4), round(y - h, 4), round(x + w, 4), round(y + h, 4)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _is_free(elements: Elements, x: float, y: float) -> bool:
    """Return whether a finger put down here moves the list and not a slider."""
    for item in elements.items:
        left, top, right, bottom = item.bounds
        if left <= x < right and top <= y < bottom and item.class_name.endswith(("SeekBar", "Slider", "ClockDial")):
            return False
    return True
