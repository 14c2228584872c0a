"""Codecs between the phone's actions and the formats of other suites; what a format cannot say is an ActionError.

Decoding an encoded action gives the action back, points within half a pixel where the format has pixels. Encoding a
decoded one gives the same text up to spelling.

Source: AndroidWorld (Rawles et al. 2024, arXiv 2405.14573), AitW (Rawles et al. 2023, arXiv 2307.10088), AndroidControl
(Li et al. 2024, arXiv 2406.03679), GUI-R1 (Luo et al. 2025, arXiv 2504.10458).
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

from vlgym.android.actions import DIRECTIONS, PhoneGrammar
from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError, did_you_mean

_GRAMMAR = PhoneGrammar()


class Codec(Protocol):
    """One foreign format."""

    name: str

    def encode(self, action: Action) -> str:
        """Return the action as text of the format; raises ActionError if the format has no such action."""
        ...

    def decode(self, text: str) -> Action:
        """Return the action of a text of the format; raises ActionError with one sentence for anything else."""
        ...


def _checked(verb: str, *args: str | float | int) -> Action:
    """Return an action that the grammar accepts, so that what a decoder lets through can always be written down."""
    action = Action(verb, args)
    _GRAMMAR.format(action)
    return action


def _load(text: str, name: str) -> dict[str, Any]:
    """Read one JSON object, also with prose or a code fence around it."""
    if not isinstance(text, str) or len(text) > MAX_ACTION_CHARS:
        raise ActionError(f"An action in {name}'s format is a text of at most {MAX_ACTION_CHARS} characters.")
    begin, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[begin : end + 1], strict=False) if 0 <= begin < end else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ActionError(f"{text[:60]!r} is no JSON object of {name}.")
    return found


def _field(data: Mapping[str, Any], key: str, kind: type, name: str) -> Any:
    """Return a field of the right type; raise ActionError otherwise."""
    value = data.get(key)
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise ActionError(f"{name}'s field {key!r} should be {kind.__name__}, got {value!r:.40}.")
    return value


def _one_of(value: Any, known: tuple[str, ...], name: str) -> str:
    if not isinstance(value, str) or value not in known:
        near = did_you_mean(value, known) if isinstance(value, str) else ""
        raise ActionError(f"{name} has no {value!r:.40}.{near} Known: {', '.join(known)}.")
    return value


def _refuse(action: Action, name: str) -> ActionError:
    return ActionError(f"{name} has no action like {_GRAMMAR.format(action)[:80]}.")


class _Pixels:
    """Fractions of the screen <-> pixels. A pixel stands for its middle, so that pixels come back exactly."""

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        if min(size) < 1:
            raise ValueError(f"A screen has at least one pixel, got {size}.")
        self.name, self.size = name, size

    def to_pixels(self, x: float, y: float) -> tuple[int, int]:
        width, height = self.size
        return min(int(x * width), width - 1), min(int(y * height), height - 1)

    def to_fractions(self, x: Any, y: Any) -> tuple[float, float]:
        found = []
        for value, side in zip((x, y), self.size):
            whole = not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
            if not whole or not 0 <= value <= side:
                raise ActionError(f"{self.name}'s point ({x!r:.20}, {y!r:.20}) is not on the screen of {self.size}.")
            found.append((min(int(value), side - 1) + 0.5) / side)
        return found[0], found[1]


_TURNED = {"up": "up", "down": "down", "left": "right", "right": "left"}
"""AndroidWorld's `swipe` moves the finger to the right for "left" and to the left for "right", up and down as named."""


class AndroidWorldCodec:
    """AndroidWorld's JSON actions.

    Args:
        size: width and height of the screen in pixels.
    """

    name = "AndroidWorld"
    _bare = {
        "wait": {"action_type": "wait"},
        "done": {"action_type": "status", "goal_status": "complete"},
        "impossible": {"action_type": "status", "goal_status": "infeasible"},
    }
    _keys = {"back": "navigate_back", "home": "navigate_home", "enter": "keyboard_enter"}
    _gestures = {"tap": "click", "click": "click", "double_tap": "double_tap", "long_press": "long_press"}
    _types = (
        *("click", "double_tap", "long_press", "scroll", "swipe", "input_text", "navigate_home", "navigate_back"),
        *("keyboard_enter", "open_app", "status", "wait", "answer"),
    )

    def __init__(self, size: tuple[int, int]) -> None:
        self._pixels = _Pixels(self.name, size)

    def _at(self, where: tuple[Any, ...]) -> dict[str, int] | None:
        """Return the fields of a target, None if AndroidWorld has none like it (a label)."""
        match where:
            case ():
                return {}
            case (int(index),):
                return {"index": index}
            case (float(x), float(y)):
                return dict(zip("xy", self._pixels.to_pixels(x, y)))
        return None

    def encode(self, action: Action) -> str:
        """Return the action as JSON."""
        data: dict[str, Any] | None = None
        match action:
            case Action("wait" | "done" | "impossible", ()):
                data = self._bare[action.verb]
            case Action("press", (str(key),)) if key in self._keys:
                data = {"action_type": self._keys[key]}
            case Action("tap" | "click" | "double_tap" | "long_press", where):
                at = self._at(where)
                data = at and {"action_type": self._gestures[action.verb], **at}
            case Action("swipe", (str(direction),)):
                data = {"action_type": "swipe", "direction": _TURNED[direction]}
            case Action("scroll", (str(direction), *where)):
                at = self._at(tuple(where))
                data = None if at is None else {"action_type": "scroll", "direction": direction, **at}
            case Action("submit" | "replace", (str(words), *where)):
                at = self._at(tuple(where))
                clear = {"clear_text": True} if action.verb == "replace" else {}
                data = at and {"action_type": "input_text", "text": words, **at, **clear}
            case Action("open_app", (str(app),)):
                data = {"action_type": "open_app", "app_name": app}
            case Action("answer", (str(words),)):
                data = {"action_type": "answer", "text": words}
        if not data:
            raise _refuse(action, self.name)
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    def _target(self, data: Mapping[str, Any]) -> tuple[int | float, ...]:
        """Return the target of an action: an index, a point, or nothing."""
        if data.get("index") is not None:
            index = data["index"]
            digits = index if isinstance(index, str) else str(index) if isinstance(index, int) else ""
            if isinstance(index, bool) or not re.fullmatch(r"[0-9]{1,6}", digits) or "x" in data or "y" in data:
                raise ActionError(f"AndroidWorld's index {index!r:.40} is no element's, or comes with a point.")
            return (int(digits),)
        if data.get("x") is None and data.get("y") is None:
            return ()
        return self._pixels.to_fractions(data.get("x"), data.get("y"))

    def decode(self, text: str) -> Action:
        """Return the action of a JSON text."""
        data = _load(text, self.name)
        kind = _one_of(data.get("action_type"), self._types, self.name)
        if kind in ("click", "double_tap", "long_press"):
            where = self._target(data)
            if not where:
                raise ActionError(f"AndroidWorld's {kind} needs an index, or x and y.")
            return _checked("tap" if kind == "click" and len(where) == 2 else kind, *where)
        if kind == "swipe":
            return Action("swipe", (_TURNED[_one_of(data.get("direction"), DIRECTIONS, self.name)],))
        if kind == "scroll":
            where = self._target(data)
            if len(where) == 2:
                raise ActionError("AndroidWorld's scroll takes an index, no point.")
            return _checked("scroll", _one_of(data.get("direction"), DIRECTIONS, self.name), *where)
        if kind == "input_text":
            where = self._target(data)
            if not where:
                raise ActionError("AndroidWorld's input_text needs an index, or x and y.")
            verb = "replace" if data.get("clear_text") is True else "submit"
            return _checked(verb, _field(data, "text", str, self.name), *where)
        if kind == "open_app":
            return _checked("open_app", _field(data, "app_name", str, self.name))
        if kind == "answer":
            return _checked("answer", _field(data, "text", str, self.name))
        if kind == "status":
            status = _one_of(data.get("goal_status"), ("complete", "infeasible"), self.name)
            return Action("done" if status == "complete" else "impossible")
        keys = {value: key for key, value in self._keys.items()}
        return Action("press", (keys[kind],)) if kind in keys else Action("wait")


class AitwCodec:
    """Android in the Wild's fields of one step, as a JSON object; points are (y, x) from 0 to 1.

    A dual-point action is a tap where both points are at most 0.04 apart, a swipe otherwise; the swipe's own directions
    are not told apart from their points.
    """

    name = "AitW"
    tap_distance = 0.04
    _type, _dual = 3, 4
    _keys = {"back": 5, "home": 6, "enter": 7}
    _bare = {"done": 10, "impossible": 11}

    def encode(self, action: Action) -> str:
        """Return the action's fields as JSON."""
        kind, words = self._dual, ""
        touch = lift = (-1.0, -1.0)
        match action:
            case Action("tap", (float(x), float(y))):
                touch = lift = (y, x)
            case Action("swipe", (float(x1), float(y1), float(x2), float(y2))):
                if math.dist((x1, y1), (x2, y2)) <= self.tap_distance:
                    raise ActionError(f"AitW takes a swipe of at most {self.tap_distance} of the screen for a tap.")
                touch, lift = (y1, x1), (y2, x2)
            case Action("type", (str(text),)):
                kind, words = self._type, text
            case Action("press", (str(key),)) if key in self._keys:
                kind = self._keys[key]
            case Action("done" | "impossible", ()):
                kind = self._bare[action.verb]
            case _:
                raise _refuse(action, self.name)
        data = {"results/action_type": kind, "results/type_action": words}
        return json.dumps(data | {"results/yx_touch": touch, "results/yx_lift": lift}, ensure_ascii=False)

    def decode(self, text: str) -> Action:
        """Return the action of the fields."""
        data = _load(text, self.name)
        kind = _field(data, "results/action_type", int, self.name)
        if kind == self._dual:
            (y1, x1), (y2, x2) = self._point(data, "results/yx_touch"), self._point(data, "results/yx_lift")
            if math.dist((x1, y1), (x2, y2)) <= self.tap_distance:
                return _checked("tap", x1, y1)
            return _checked("swipe", x1, y1, x2, y2)
        if kind == self._type:
            return _checked("type", _field(data, "results/type_action", str, self.name))
        names = {code: Action("press", (key,)) for key, code in self._keys.items()}
        names |= {code: Action(verb) for verb, code in self._bare.items()}
        if kind not in names:
            raise ActionError(f"AitW has no action type {kind}; known: 3 to 7, 10 and 11.")
        return names[kind]

    def _point(self, data: Mapping[str, Any], key: str) -> tuple[float, float]:
        value = data.get(key)
        pair = value if isinstance(value, (list, tuple)) and len(value) == 2 else ()
        numbers = [float(one) for one in pair if isinstance(one, (int, float)) and not isinstance(one, bool)]
        if len(numbers) != 2 or not all(0 <= number <= 1 for number in numbers):
            raise ActionError(f"AitW's field {key!r} should be [y, x] from 0 to 1, got {value!r:.40}.")
        return numbers[0], numbers[1]


class AndroidControlCodec:
    """AndroidControl's JSON actions.

    Args:
        size: width and height of the screenshot in pixels.
    """

    name = "AndroidControl"
    _keys = {"back": "navigate_back", "home": "navigate_home"}
    _points = {"tap": "click", "long_press": "long_press"}
    _types = (
        "click",
        "long_press",
        "scroll",
        "open_app",
        "type",
        "input_text",
        "navigate_home",
        "navigate_back",
        "wait",
    )

    def __init__(self, size: tuple[int, int]) -> None:
        self._pixels = _Pixels(self.name, size)

    def encode(self, action: Action) -> str:
        """Return the action as JSON."""
        match action:
            case Action("tap" | "long_press", (float(x), float(y))):
                data: dict[str, Any] = {"action_type": self._points[action.verb]}
                data |= zip("xy", self._pixels.to_pixels(x, y))
            case Action("scroll", (str(direction),)):
                data = {"action_type": "scroll", "direction": direction}
            case Action("open_app", (str(app),)):
                data = {"action_type": "open_app", "app_name": app}
            case Action("type", (str(words),)):
                data = {"action_type": "input_text", "text": words}
            case Action("submit", (str(words), float(x), float(y))):
                data = {"action_type": "type", "text": words} | dict(zip("xy", self._pixels.to_pixels(x, y)))
            case Action("press", (str(key),)) if key in self._keys:
                data = {"action_type": self._keys[key]}
            case Action("wait", ()):
                data = {"action_type": "wait"}
            case _:
                raise _refuse(action, self.name)
        return json.dumps(data, ensure_ascii=False)

    def decode(self, text: str) -> Action:
        """Return the action of a JSON text."""
        data = _load(text, self.name)
        kind = _one_of(data.get("action_type"), self._types, self.name)
        if kind in ("click", "long_press"):
            point = self._pixels.to_fractions(data.get("x"), data.get("y"))
            return _checked("tap" if kind == "click" else kind, *point)
        if kind == "scroll":
            return Action("scroll", (_one_of(data.get("direction"), DIRECTIONS, self.name),))
        if kind == "open_app":
            return _checked("open_app", _field(data, "app_name", str, self.name))
        if kind == "input_text":
            return _checked("type", _field(data, "text", str, self.name))
        if kind == "type":
            point = self._pixels.to_fractions(data.get("x"), data.get("y"))
            return _checked("submit", _field(data, "text", str, self.name), *point)
        keys = {value: key for key, value in self._keys.items()}
        return Action("press", (keys[kind],)) if kind in keys else Action("wait")


class GuiR1Codec:
    """GUI-R1's list of one Python dictionary, inside <answer> tags where there are any.

    Args:
        size: width and height of the screenshot in pixels.
    """

    name = "GUI-R1"
    _bare = {"wait": "wait", "done": "complete", "impossible": "impossible"}
    _keys = {"back": "press_back", "home": "press_home", "recents": "press_recent", "enter": "enter"}
    _points = {"tap": "click", "long_press": "long_press"}
    _texts = {"type": "type", "open_app": "open_app", "scroll": "scroll"}
    _no_point, _no_text = (-100, -100), "no input text"

    def __init__(self, size: tuple[int, int]) -> None:
        self._pixels = _Pixels(self.name, size)

    def encode(self, action: Action) -> str:
        """Return the action as GUI-R1's answer without tags."""
        kind, point, words = "", self._no_point, self._no_text
        match action:
            case Action("tap" | "long_press", (float(x), float(y))):
                kind, point = self._points[action.verb], self._pixels.to_pixels(x, y)
            case Action("type" | "open_app" | "scroll", (str(text),)):
                kind, words = self._texts[action.verb], text
            case Action("press", (str(key),)) if key in self._keys:
                kind = self._keys[key]
            case Action("wait" | "done" | "impossible", ()):
                kind = self._bare[action.verb]
        if not kind:
            raise _refuse(action, self.name)
        return repr([{"action": kind, "point": list(point), "input_text": words}])

    def decode(self, text: str) -> Action:
        """Return the action of an answer; a list of several is refused."""
        if not isinstance(text, str) or len(text) > MAX_ACTION_CHARS:
            raise ActionError(f"An answer of GUI-R1 is a text of at most {MAX_ACTION_CHARS} characters.")
        found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
        line = (found[1] if found else text).strip()
        try:
            data = ast.literal_eval(line)  # reads literals only, runs nothing
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            data = None
        data = data[0] if isinstance(data, list) and len(data) == 1 else data
        if not isinstance(data, dict):
            raise ActionError(f"{line[:60]!r} is no list of one dictionary of GUI-R1.")
        known = (*self._points.values(), *self._texts.values(), *self._keys.values(), *self._bare.values())
        kind = _one_of(data.get("action"), known, self.name)
        names = {
            theirs: ours
            for table in (self._points, self._texts, self._keys, self._bare)
            for ours, theirs in table.items()
        }
        if kind in self._points.values():
            point = data.get("point")
            pair = point if isinstance(point, (list, tuple)) and len(point) == 2 else (None, None)
            return _checked(names[kind], *self._pixels.to_fractions(*pair))
        if kind in self._texts.values():
            words = _field(data, "input_text", str, self.name)
            return _checked(names[kind], _one_of(words, DIRECTIONS, self.name) if kind == "scroll" else words)
        return Action("press", (names[kind],)) if kind in self._keys.values() else Action(names[kind])


def codec(name: str, size: tuple[int, int]) -> Codec:
    """Return the codec "androidworld", "aitw", "androidcontrol" or "gui-r1" for a screen of `size` in pixels."""
    match name:
        case "androidworld":
            return AndroidWorldCodec(size)
        case "aitw":
            return AitwCodec()
        case "androidcontrol":
            return AndroidControlCodec(size)
        case "gui-r1":
            return GuiR1Codec(size)
    known = ("androidworld", "aitw", "androidcontrol", "gui-r1")
    raise ActionError(f"There is no codec {name!r:.40}.{did_you_mean(str(name), known)} Known: {', '.join(known)}.")
