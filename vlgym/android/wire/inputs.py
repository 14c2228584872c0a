"""What arrives from outside of the device: fingers on the panel and keys of a computer's keyboard.

The emulator takes touches in the panel's upright frame and keys as codes of the host's platform; the device takes
display pixels and Android's KEYCODE_* numbers.

Source: the emulator's emulator_controller.proto, Android's Generic.kl key layout, the USB HID usage tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.device import Device

Finger = tuple[float, float, bool, int]
"""x and y in pixels of the upright panel, whether it touches, and which finger it is."""


def to_display(x: float, y: float, rotation: int, width: int, height: int) -> tuple[float, float]:
    """Return where a point of the upright panel of `width` x `height` lies on the display turned by quarter turns."""
    match rotation % 4:
        case 1:
            return y, width - 1 - x
        case 2:
            return width - 1 - x, height - 1 - y
        case 3:
            return height - 1 - y, x
    return x, y


class Fingers:
    """Turns states of fingers into touches of the device, which follows one finger at a time."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._down: int | None = None

    def send(self, fingers: Iterable[Finger]) -> None:
        """Take the state of some fingers: the first to touch leads until it lifts, a lift without it is ignored."""
        device = self._device
        with device.lock:
            state = device.state
            for x, y, touches, number in fingers:
                if (self._down is None and not touches) or self._down not in (None, number):
                    continue
                kind = "up" if not touches else "down" if self._down is None else "move"
                self._down = number if touches else None
                device.touch(kind, *to_display(x, y, device.rotation, state.width, state.height))  # type: ignore[arg-type]


# name of Android's key code: Android's number, then evdev, Windows virtual-key, macOS and USB HID codes
_TABLE = """
ESCAPE 111 1 27 53 41; 1 8 2 49 18 30; 2 9 3 50 19 31; 3 10 4 51 20 32; 4 11 5 52 21 33; 5 12 6 53 23 34
6 13 7 54 22 35; 7 14 8 55 26 36; 8 15 9 56 28 37; 9 16 10 57 25 38; 0 7 11 48 29 39; MINUS 69 12 189 27 45
EQUALS 70 13 187 24 46; DEL 67 14 8 51 42; TAB 61 15 9 48 43; Q 45 16 81 12 20; W 51 17 87 13 26; E 33 18 69 14 8
R 46 19 82 15 21; T 48 20 84 17 23; Y 53 21 89 16 28; U 49 22 85 32 24; I 37 23 73 34 12; O 43 24 79 31 18
P 44 25 80 35 19; LEFT_BRACKET 71 26 219 33 47; RIGHT_BRACKET 72 27 221 30 48; ENTER 66 28 13 36 40
CTRL_LEFT 113 29 162 59 224; A 29 30 65 0 4; S 47 31 83 1 22; D 32 32 68 2 7; F 34 33 70 3 9; G 35 34 71 5 10
H 36 35 72 4 11; J 38 36 74 38 13; K 39 37 75 40 14; L 40 38 76 37 15; SEMICOLON 74 39 186 41 51
APOSTROPHE 75 40 222 39 52; GRAVE 68 41 192 50 53; SHIFT_LEFT 59 42 160 56 225; BACKSLASH 73 43 220 42 49
Z 54 44 90 6 29; X 52 45 88 7 27; C 31 46 67 8 6; V 50 47 86 9 25; B 30 48 66 11 5; N 42 49 78 45 17
M 41 50 77 46 16; COMMA 55 51 188 43 54; PERIOD 56 52 190 47 55; SLASH 76 53 191 44 56
SHIFT_RIGHT 60 54 161 60 229; NUMPAD_MULTIPLY 155 55 106 67 85; ALT_LEFT 57 56 164 58 226; SPACE 62 57 32 49 44
CAPS_LOCK 115 58 20 57 57; F1 131 59 112 122 58; F2 132 60 113 120 59; F3 133 61 114 99 60; F4 134 62 115 118 61
F5 135 63 116 96 62; F6 136 64 117 97 63; F7 137 65 118 98 64; F8 138 66 119 100 65; F9 139 67 120 101 66
F10 140 68 121 109 67; F11 141 87 122 103 68; F12 142 88 123 111 69; CTRL_RIGHT 114 97 163 62 228
ALT_RIGHT 58 100 165 61 230; HOME 3 102 - - -; DPAD_UP 19 103 38 126 82; PAGE_UP 92 104 33 116 75
DPAD_LEFT 21 105 37 123 80; DPAD_RIGHT 22 106 39 124 79; MOVE_END 123 107 35 119 77; DPAD_DOWN 20 108 40 125 81
PAGE_DOWN 93 109 34 121 78; INSERT 124 110 45 114 73; FORWARD_DEL 112 111 46 117 76; MOVE_HOME 122 - 36 115 74
VOLUME_MUTE 164 113 173 74 127; VOLUME_DOWN 25 114 174 73 129; VOLUME_UP 24 115 175 72 128; POWER 26 116 - - 102
META_LEFT 117 125 91 55 227; META_RIGHT 118 126 92 54 231; MENU 82 139 93 110 101; BACK 4 158 166 - 241
APP_SWITCH 187 580 - - -; SEARCH 84 217 170 - -; MEDIA_PLAY_PAUSE 85 164 179 - -; CAMERA 27 212 - - -
"""
_COLUMNS = ("android", "evdev", "win", "mac", "usb")


def _columns() -> dict[str, dict[int, str]]:
    """Return code -> key name for every column of the table."""
    found: dict[str, dict[int, str]] = {column: {} for column in _COLUMNS}
    for row in _TABLE.replace("\n", ";").split(";"):
        name, *codes = row.split() or [""]
        for column, code in zip(_COLUMNS, codes):
            if code != "-":
                found[column][int(code)] = name
    found["xkb"] = {code + 8: name for code, name in found["evdev"].items()}
    return found


NAMES = _columns()
"""Platform ("evdev", "xkb", "win", "mac", "usb", "android") -> code -> name of the key as KEYCODE_ has it."""
KEYCODES = {name: code for code, name in NAMES["android"].items()}

_W3C = {
    **{"Enter": "ENTER", "Backspace": "DEL", "Delete": "FORWARD_DEL", "Tab": "TAB", "Escape": "ESCAPE", " ": "SPACE"},
    **{"ArrowUp": "DPAD_UP", "ArrowDown": "DPAD_DOWN", "ArrowLeft": "DPAD_LEFT", "ArrowRight": "DPAD_RIGHT"},
    **{"GoHome": "HOME", "GoBack": "BACK", "BrowserBack": "BACK", "AppSwitch": "APP_SWITCH", "Power": "POWER"},
    **{"Home": "MOVE_HOME", "End": "MOVE_END", "PageUp": "PAGE_UP", "PageDown": "PAGE_DOWN", "Insert": "INSERT"},
    **{"AudioVolumeUp": "VOLUME_UP", "AudioVolumeDown": "VOLUME_DOWN", "AudioVolumeMute": "VOLUME_MUTE"},
    **{"ContextMenu": "MENU", "Camera": "CAMERA", "BrowserSearch": "SEARCH"},
}
"""Key values of the W3C's UI Events, which the emulator takes in `KeyboardEvent.key`."""

_PLAIN = {**{chr(code + 32): chr(code) for code in range(65, 91)}, **{digit: digit for digit in "0123456789"}}
_PLAIN |= dict(zip("-=[];'`\\,./ ", ("MINUS EQUALS LEFT_BRACKET RIGHT_BRACKET SEMICOLON APOSTROPHE GRAVE BACKSLASH "
                                      "COMMA PERIOD SLASH SPACE").split()))  # fmt: skip
_UNSHIFTED = {name: sign for sign, name in _PLAIN.items()}
_SHIFTED = {**{sign: sign.upper() for sign in "abcdefghijklmnopqrstuvwxyz"}, " ": " "}
_SHIFTED |= dict(zip("1234567890-=[];'`\\,./", '!@#$%^&*()_+{}:"~|<>?'))


@dataclass(slots=True)
class Keyboard:
    """A hardware keyboard on the device: keeps track of shift, and presses a key when it goes down."""

    device: Device
    shift: int = 0
    caps: bool = False

    def code(self, platform: str, code: int, event: str) -> None:
        """Take an event of a key.

        Args:
            platform: a key of `NAMES`.
            code: the platform's number of the key; an unknown one does nothing, as on the emulator.
            event: "keydown", "keyup" or "keypress".
        """
        name = NAMES[platform].get(code)
        if name is not None:
            self._named(name, event)

    def key(self, value: str, event: str) -> None:
        """Take an event of a key by its W3C name or its character; unknown names do nothing."""
        if value in _W3C:
            self._named(_W3C[value], event)
        elif len(value) == 1 and value.isprintable() and event != "keyup":
            self.device.text(value)

    def _named(self, name: str, event: str) -> None:
        if name.startswith("SHIFT_"):
            self.shift = max(0, self.shift + {"keydown": 1, "keyup": -1}.get(event, 0))
        elif event == "keyup" or name.startswith(("CTRL_", "ALT_", "META_")):
            return
        elif name == "CAPS_LOCK":
            self.caps = not self.caps
        elif name in _UNSHIFTED and (self.shift or (self.caps and len(name) == 1 and name.isalpha())):
            sign = _UNSHIFTED[name]
            upper = bool(self.shift) != (self.caps and sign.isalpha())
            self.device.text(_SHIFTED[sign] if upper else sign)
        else:
            self.device.key(KEYCODES[name])
