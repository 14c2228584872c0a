"""input: taps, swipes, text and keys."""

from __future__ import annotations

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.keycodes import keycode
from vlgym.android.shell.io import clean

_SOURCES = ("touchscreen", "touchpad", "mouse", "keyboard", "dpad", "gamepad", "stylus", "trackball", "rotaryencoder",
            "joystick", "touchnavigation")  # fmt: skip
MAX_SECONDS = 60.0
LONG_PRESS = 0.6
"""Seconds a finger rests before `draganddrop` moves: more than the 0.5 of a long press."""


def input_(call: Call) -> int:
    """Touch and type."""
    words = list(call.words)
    while words and (words[0] in _SOURCES or words[0] == "-d"):
        del words[: 2 if words[0] == "-d" else 1]
    verb, rest = (words[0], words[1:]) if words else ("", [])
    verbs = {"tap": _tap, "swipe": _swipe, "draganddrop": _drag, "text": _text, "keyevent": _key, "press": _press,
             "keycombination": _chord, "motionevent": _motion, "roll": _roll, "scroll": _roll}  # fmt: skip
    if verb not in verbs:
        call.error(f"Error: Unknown command: {verb}")
        return 255
    try:
        return verbs[verb](call, rest)
    except (ValueError, IndexError):
        call.error(f"Error: Invalid arguments for command: {verb}")
        return 255


def _tap(call: Call, words: list[str]) -> int:
    x, y = (float(word) for word in words)
    call.device.tap(x, y)
    return 0


def _swipe(call: Call, words: list[str]) -> int:
    x1, y1, x2, y2 = (float(word) for word in words[:4])
    milliseconds = float(words[4]) if len(words) > 4 else 300.0
    call.device.swipe(x1, y1, x2, y2, min(max(milliseconds, 0) / 1000, MAX_SECONDS))
    return 0


def _drag(call: Call, words: list[str]) -> int:
    x1, y1, x2, y2 = (float(word) for word in words[:4])
    seconds = min(float(words[4]) / 1000 if len(words) > 4 else 0.3, MAX_SECONDS)
    device = call.device
    device.touch("down", x1, y1)
    device.advance(LONG_PRESS)
    steps = 20
    for step in range(1, steps + 1):
        device.advance(seconds / steps)
        device.touch("move", x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps)
    device.touch("up", x2, y2)
    return 0


def _text(call: Call, words: list[str]) -> int:
    if not words:
        raise ValueError("nothing to type")
    call.device.text(clean(" ".join(words).replace("%s", " ")))
    return 0


def _key(call: Call, words: list[str]) -> int:
    long = words[:1] == ["--longpress"]
    times = 1
    names = [word for word in words if not word.startswith("--")]
    if words[:1] == ["--doubletap"]:
        times = 2
    if not names:
        raise ValueError("no key")
    for name in names:
        code = keycode(name)
        for _ in range(times):
            call.device.key(code, long=long)
    return 0


def _chord(call: Call, words: list[str]) -> int:
    names = words[2:] if words[:1] == ["-t"] else words
    if len(names) < 2:
        raise ValueError("two keys at least")
    call.device.chord(*(keycode(name) for name in names))
    return 0


def _motion(call: Call, words: list[str]) -> int:
    kinds = {"DOWN": "down", "MOVE": "move", "UP": "up", "CANCEL": "up"}
    kind = kinds.get(words[0].upper())
    if kind is None:
        raise ValueError(words[0])
    call.device.touch(kind, float(words[1]), float(words[2]))  # type: ignore[arg-type]
    return 0


def _press(call: Call, words: list[str]) -> int:
    call.device.key(keycode("DPAD_CENTER"))
    return 0


def _roll(call: Call, words: list[str]) -> int:
    """Rolling a trackball does nothing on a phone without one."""
    return 0


COMMANDS = {"input": input_}
