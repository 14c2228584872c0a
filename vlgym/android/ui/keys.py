"""What keys do: the system's own, typing, moving the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlgym.android.ui.edit import EditText
from vlgym.android.ui.scroll import Scroller
from vlgym.android.ui.view import View

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

HOME, BACK, UP, DOWN, LEFT, RIGHT, CENTER = 3, 4, 19, 20, 21, 22, 23
VOLUME_UP, VOLUME_DOWN, POWER, TAB, SPACE, ENTER, DELETE = 24, 25, 26, 61, 62, 66, 67
PAGE_UP, PAGE_DOWN, ESCAPE, CTRL, MOVE_HOME, MOVE_END = 92, 93, 111, 113, 122, 123
APP_SWITCH, SLEEP, WAKEUP, CUT, COPY, PASTE = 187, 223, 224, 277, 278, 279
_SHIFTS, _CTRLS = (59, 60), (113, 114)

_PLAIN = {
    55: ",",
    56: ".",
    62: " ",
    68: "`",
    69: "-",
    70: "=",
    71: "[",
    72: "]",
    73: "\\",
    74: ";",
    75: "'",
    76: "/",
    77: "@",
    81: "+",
    17: "*",
    18: "#",
    154: "/",
    155: "*",
    156: "-",
    157: "+",
    158: ".",
    159: ",",
    161: "=",
    162: "(",
    163: ")",
}
_SHIFTED = {
    55: "<",
    56: ">",
    68: "~",
    69: "_",
    70: "+",
    71: "{",
    72: "}",
    73: "|",
    74: ":",
    75: '"',
    76: "?",
    7: ")",
    8: "!",
    9: "@",
    10: "#",
    11: "$",
    12: "%",
    13: "^",
    14: "&",
    15: "*",
    16: "(",
}


def sign_of(code: int, shift: bool = False) -> str:
    """Return the character that a key types, empty if it types none."""
    if shift and code in _SHIFTED:
        return _SHIFTED[code]
    if 7 <= code <= 16:
        return chr(code - 7 + ord("0"))
    if 29 <= code <= 54:
        return chr(code - 29 + ord("A" if shift else "a"))
    if 144 <= code <= 153:
        return chr(code - 144 + ord("0"))
    return _PLAIN.get(code, "")


class Keys:
    """Takes the keys of a device to where they belong."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager = manager

    def press(self, code: int, long: bool, held: tuple[int, ...] = ()) -> None:
        """Press and release a key while others are held."""
        manager = self.manager
        manager.changed = True
        if self._system(code, long) or not manager.ui["awake"]:
            return
        shift = any(key in _SHIFTS for key in held)
        view = manager.focused_view()
        if any(key in _CTRLS for key in held) or code in (CUT, COPY, PASTE):
            self._edit_command(code, view)
            return
        sign = sign_of(code, shift)
        if isinstance(view, EditText) and shift and code in (LEFT, RIGHT, MOVE_HOME, MOVE_END):
            self._extend(view, code)
            return
        if view is not None and view.on_key(code, sign):
            return
        if self._navigate(code, view, -1 if shift else 1):
            return
        manager.activity().on_key(code, sign)

    def _system(self, code: int, long: bool) -> bool:
        """Take the keys that no app ever sees."""
        manager = self.manager
        if code in (POWER, SLEEP, WAKEUP, 276):
            manager.wake(not manager.ui["awake"] if code == POWER else code == WAKEUP)
            return True
        if not manager.ui["awake"]:
            if code in (HOME, 82):
                manager.wake(True)
            return True
        if code in (BACK, ESCAPE):
            manager.back()
        elif code == HOME:
            manager.show_recents() if long else manager.home()
        elif code == APP_SWITCH:
            manager.toggle_recents()
        elif code in (VOLUME_UP, VOLUME_DOWN):
            manager.change_volume(1 if code == VOLUME_UP else -1)
        elif code == 83:
            manager.open_shade("notifications")
        elif code in (220, 221):
            settings = manager.state.settings
            level = settings.number("system", "screen_brightness", 102) + (13 if code == 221 else -13)
            settings.put("system", "screen_brightness", min(max(level, 1), 255))
        elif code == 284:
            manager.home()
            manager.activity().on_key(code, "")
        else:
            return False
        return True

    def _edit_command(self, code: int, view: View | None) -> None:
        if not isinstance(view, EditText):
            return
        state = self.manager.state
        if code == 29:
            view.select(0, len(view.text))
        elif code in (31, 52, COPY, CUT) and view.selected_text() and not view.password:
            state.clipboard = view.selected_text()
            if code in (52, CUT):
                view.delete()
        elif code in (50, PASTE):
            view.insert(state.clipboard)

    @staticmethod
    def _extend(view: EditText, code: int) -> None:
        """Move one end of the selection."""
        anchor = int(view.recall().get("anchor", view.cursor))
        ends = {LEFT: max(view.cursor - 1, 0), RIGHT: min(view.cursor + 1, len(view.text)), MOVE_HOME: 0}
        view.select(anchor, ends.get(code, len(view.text)))

    def _navigate(self, code: int, view: View | None, tab: int) -> bool:
        """Move the focus or press what has it."""
        window = self.manager.focused_window()
        if code in (ENTER, CENTER, 160, SPACE) and view is not None:
            return view.perform_click()
        if code in (UP, DOWN, LEFT, RIGHT, TAB):
            window.keep()["keys"] = True
            step = tab if code == TAB else 1 if code in (DOWN, RIGHT) else -1
            if window.focus_next(view, step):
                self.manager.follow_focus()
                return True
            return self._page(step) if code in (UP, DOWN) else False
        if code in (PAGE_UP, PAGE_DOWN):
            return self._page(1 if code == PAGE_DOWN else -1)
        return False

    def _page(self, direction: int) -> bool:
        window = self.manager.focused_window()
        for view in window.tree().walk():
            if isinstance(view, Scroller) and view.vertical and view.page(direction):
                return True
        return False

    def type(self, words: str) -> None:
        """Type characters into the field that has the focus; elsewhere they are keys of the activity."""
        self.manager.changed = True
        if not self.manager.ui["awake"]:
            return
        for part in words.splitlines(keepends=True):
            line = part.rstrip("\r\n")
            view = self.manager.focused_view()
            if isinstance(view, EditText):
                view.insert(line)
            else:
                for sign in line:
                    self.manager.activity().on_key(0, sign)
            if line != part:
                self.press(ENTER, False)
