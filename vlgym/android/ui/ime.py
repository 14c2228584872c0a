"""The on-screen keyboard: rows of key views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlgym.android.ui.edit import EditText
from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.theme import Metrics
from vlgym.android.ui.view import MATCH, LinearLayout, Row, Space, View, ViewGroup

if TYPE_CHECKING:
    from vlgym.android.ui.window import Window
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.google.android.inputmethod.latin"
ROW_DP, LOW_ROW_DP, EDGE_DP = 54.0, 40.0, 6.0
_LOWER = ("q w e r t y u i o p", "a s d f g h j k l", "⇧ z x c v b n m ⌫", "?123 , ␣ . ⏎")
_PAGES = {
    "lower": _LOWER,
    "upper": tuple(row.upper() for row in _LOWER),
    "symbols": ("1 2 3 4 5 6 7 8 9 0", "@ # $ _ & - + ( ) /", "=\\< * \" ' : ; ! ? ⌫", "ABC , ␣ . ⏎"),
    "more": ("~ ` | • √ π ÷ × ¶ ∆", "£ ¢ € ¥ ^ ° = { } \\", "?123 % © ® ™ ✓ [ ] ⌫", "ABC < ␣ > ⏎"),
    "digits": ("1 2 3", "4 5 6", "7 8 9", "⌫ 0 ⏎"),
    "decimals": ("1 2 3 -", "4 5 6 ,", "7 8 9 ⌫", ". 0 ␣ ⏎"),
    "dial": ("1 2 3 +", "4 5 6 -", "7 8 9 ⌫", "* 0 # ⏎"),
}
_WIDE = {"⇧": 1.5, "⌫": 1.5, "?123": 1.5, "ABC": 1.5, "=\\<": 1.5, "␣": 5.0, "⏎": 1.5}
_NAMES = {
    "⇧": "Shift",
    "⌫": "Delete",
    "?123": "Symbol keyboard",
    "ABC": "Letters",
    "=\\<": "More symbols",
    "␣": "Space",
}
_ICONS = {"⌫": "backspace", "⏎": "keyboard_return"}
_ACTION_ICONS = {
    "search": "search",
    "next": "keyboard_arrow_right",
    "send": "send",
    "done": "check",
    "go": "arrow_forward",
}
_FACES = {"?123", "ABC", "=\\<"}


def height(metrics: Metrics) -> int:
    """Return the height of the keyboard above the navigation bar, in pixels."""
    return 4 * metrics.dp(row_dp(metrics)) + 2 * metrics.dp(EDGE_DP)


def row_dp(metrics: Metrics) -> float:
    """Return the height of a row of keys in dp: a display on its side has lower ones."""
    return ROW_DP if metrics.height >= metrics.width else LOW_ROW_DP


def first_page(field: EditText) -> str:
    """Return the page a keyboard opens with for a field."""
    pages = {"number": "digits", "decimal": "decimals", "phone": "dial"}
    if field.kind in pages:
        return pages[field.kind]
    return "lower" if field.text or field.kind in ("password", "email", "uri") else "upper"


class Key(View):
    """One key."""

    android_class = "android.widget.FrameLayout"

    def __init__(self, face: str, icon: str, keyboard: Keyboard) -> None:
        name = _NAMES.get(face, face)
        if face == "⏎":
            name = {"none": "Enter"}.get(keyboard.action, keyboard.action.capitalize())
        super().__init__(
            id=f"key_{name.lower().replace(' ', '_')}" if name[0].isalnum() else "",
            height=MATCH,
            weight=_WIDE.get(face, 1.0),
            content_desc=name,
            on_click=lambda: keyboard.manager.keyboard_key(face),
            radius=6,
            margin=(2.5, 5),
        )
        self.face, self.icon = face, icon
        self.background = "surface_highest" if face in _WIDE and face != "␣" else "surface_low"
        if keyboard.metrics.night:
            self.background = "surface_container" if face in _WIDE and face != "␣" else "surface_highest"
        if face == "⏎":
            self.background, self.radius = "primary_container", 24

    def on_draw(self, p: Painter) -> None:
        """Draw the face."""
        dp, colour = self.metrics.dp, self.metrics.colour("on_surface")
        if self.icon:
            side = dp(22)
            p.icon(self.icon, self.left + (self.w - side) / 2, self.top + (self.h - side) / 2, side, colour)
            return
        size = dp(14 if self.face in _FACES else 22)
        face = "" if self.face == "␣" else self.face
        x = self.left + (self.w - text_width(face, "Regular", size)) / 2
        p.text(face, x, self.top + baseline("Regular", size, self.h), "Regular", size, colour)


class Keyboard(LinearLayout):
    """The keyboard of a page."""

    android_class = "android.inputmethodservice.SoftInputWindow"

    def __init__(self, manager: WindowManager, page: str, action: str) -> None:
        self.manager, self.action = manager, action
        self.metrics = manager.metrics
        rows = []
        for row in _PAGES[page]:
            keys: list[View] = [Key(face, self._icon(face, page), self) for face in row.split()]
            if len(keys) == 9 and page in ("lower", "upper") and keys[0].content_desc in "aA":
                keys = [Space(weight=0.5), *keys, Space(weight=0.5)]
            rows.append(Row(*keys, width=MATCH, height=row_dp(self.metrics), padding=(2, 0)))
        super().__init__(*rows, width=MATCH, background="surface_container", padding=(2, EDGE_DP))
        self.place = "bottom"

    def _icon(self, face: str, page: str) -> str:
        if face == "⇧":
            return "arrow_upward" if page == "lower" else "keyboard_capslock"
        if face == "⏎" and self.action in _ACTION_ICONS:
            return _ACTION_ICONS[self.action]
        return _ICONS.get(face, "")

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window; the navigation bar lies over the lower padding."""
        super().attach(window, parent, key)
        left, top, right, bottom = self.pads
        self.pads = (left, top, right, bottom + self.manager.navigation_height)
