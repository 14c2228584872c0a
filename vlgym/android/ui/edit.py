"""The editable text field."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.view import View

MAX_CHARS = 100_000
"""A longer text is cut."""
DOT = "•"

KINDS = ("text", "number", "decimal", "phone", "email", "uri", "password", "multiline")
"""What is typed into a field; chooses the keyboard."""
ACTIONS = ("done", "search", "next", "send", "go", "none")
"""What the keyboard's enter key does."""


@lru_cache(2048)
def wrap(text: str, weight: str, size: float, width: float) -> tuple[tuple[int, str], ...]:
    """Break a text into rows no wider than `width` pixels; return each with the index of its first character."""
    rows: list[tuple[int, str]] = []
    at = 0
    for paragraph in text.split("\n"):
        start = 0
        while True:
            end = _row_end(paragraph, start, weight, size, width)
            rows.append((at + start, paragraph[start:end]))
            if end >= len(paragraph):
                break
            start = end
        at += len(paragraph) + 1
    return tuple(rows)


def _row_end(text: str, start: int, weight: str, size: float, width: float) -> int:
    if text_width(text[start:], weight, size) <= width:
        return len(text)
    low, high = start + 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(text[start:middle], weight, size) <= width else (low, middle - 1)
    blank = text.rfind(" ", start, low)
    return blank + 1 if blank > start else low


class EditText(View):
    """A field to type in.

    Saved state: "text", "cursor" and "anchor" (the other end of the selection), from the first edit on.

    Args:
        initial: text of a field that nobody has edited.
        hint: shown while it is empty.
        kind: one of KINDS.
        action: one of ACTIONS.
        on_text: called with the text after each change.
        on_submit: called with the text when the enter key is pressed and `action` is not "none" or "next".
        style: a name of `theme.TYPE`.
        box: "outlined", "filled", "line" or "none".
    """

    android_class = "android.widget.EditText"
    editable = True
    focusable = True
    ripple = False

    def __init__(
        self,
        initial: str = "",
        *,
        hint: str = "",
        kind: str = "text",
        action: str = "done",
        on_text: Callable[[str], object] | None = None,
        on_submit: Callable[[str], object] | None = None,
        style: str = "body_large",
        box: str = "outlined",
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(**attrs)
        self.initial, self.hint, self.kind, self.style, self.box = initial, hint, kind, style, box
        self.on_text, self.on_submit = on_text, on_submit
        self.multiline = kind == "multiline"
        self.action = "none" if self.multiline else action
        self.password = kind == "password"
        self.padding = attrs.get("padding", (0, 8) if box in ("none", "line") else (16, 0))
        self.min_height = attrs.get("min_height", 48 if box in ("none", "line") else 56)
        self.width = attrs.get("width", -1.0)
        self.radius = attrs.get("radius", 4.0)

    # ------------------------------------------------------------ the text

    @property
    def text(self) -> str:
        """What is in it."""
        return str(self.recall().get("text", self.initial))

    @property
    def cursor(self) -> int:
        """Index of the character behind the cursor."""
        return int(self.recall().get("cursor", len(self.text)))

    @property
    def selection(self) -> tuple[int, int]:
        """First and last index of the selected text."""
        state, cursor = self.recall(), self.cursor
        anchor = int(state.get("anchor", cursor))
        return min(anchor, cursor), max(anchor, cursor)

    @property
    def text_shown(self) -> str:
        """The text as the view hierarchy has it: dots for a password, the hint of an empty field."""
        return self.display or self.hint

    @property
    def display(self) -> str:
        """The text as it is drawn."""
        return DOT * len(self.text) if self.password else self.text

    @property
    def clickable(self) -> bool:
        """Fields take taps."""
        return True

    @property
    def long_clickable(self) -> bool:
        """Fields take long presses: they select."""
        return True

    def set_text(self, text: str) -> None:
        """Replace the text; the cursor goes behind it."""
        self._write(text[:MAX_CHARS], len(text[:MAX_CHARS]))

    def _write(self, text: str, cursor: int) -> None:
        changed = text != self.text
        self.remember().update({"text": text, "cursor": cursor, "anchor": cursor})
        self.window.reform()
        if changed and self.on_text is not None:
            self.on_text(text)

    def insert(self, words: str) -> None:
        """Type: replace the selection."""
        if not self.multiline:
            words = words.replace("\n", " ")
        if self.kind in ("number", "decimal"):
            words = "".join(
                sign for sign in words if sign in ("0123456789" if self.kind == "number" else "0123456789.,-")
            )
        first, last = self.selection
        text = self.text
        self._write((text[:first] + words + text[last:])[:MAX_CHARS], min(first + len(words), MAX_CHARS))

    def delete(self, forward: bool = False) -> None:
        """Delete the selection, or one character before (or behind) the cursor."""
        first, last = self.selection
        text = self.text
        if first == last:
            first, last = (first, min(last + 1, len(text))) if forward else (max(first - 1, 0), last)
        if first != last:
            self._write(text[:first] + text[last:], first)

    def select(self, first: int, last: int) -> None:
        """Select a part."""
        self.remember().update({"text": self.text, "cursor": last, "anchor": first})
        self.invalidate()

    def selected_text(self) -> str:
        """Return the selected part."""
        first, last = self.selection
        return self.text[first:last]

    def select_word(self) -> None:
        """Select the word at the cursor."""
        text, at = self.text, self.cursor
        first, last = at, at
        while first > 0 and text[first - 1].isalnum():
            first -= 1
        while last < len(text) and text[last].isalnum():
            last += 1
        self.select(first, last)

    def submit(self) -> bool:
        """Do what the enter key does; return whether the keyboard should go."""
        if self.multiline:
            self.insert("\n")
            return False
        if self.action == "next":
            return not self.window.focus_next(self, editable=True)
        if self.on_submit is not None:
            self.on_submit(self.text)
        return True

    # ------------------------------------------------------------ measure and draw

    def _inner(self) -> float:
        return max(self.w - self.pads[0] - self.pads[2], 1)

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return one line's height, or that of all lines of a multiline field."""
        left, top, right, bottom = self.pads
        weight, size, line = self.metrics.type(self.style)
        rows = 1
        if self.multiline:
            rows = len(wrap(self.display, weight, size, max(width - left - right, 1)))
            top = top or self.metrics.dp(16)
            bottom = bottom or self.metrics.dp(16)
        return width, round(line * rows) + top + bottom

    def _rows(self) -> tuple[tuple[int, str], ...]:
        weight, size, _ = self.metrics.type(self.style)
        return wrap(self.display, weight, size, self._inner()) if self.multiline else ((0, self.display),)

    def _shift(self) -> float:
        """Return how far a single line is scrolled to the left so that the cursor is seen, in pixels."""
        if self.multiline:
            return 0.0
        weight, size, _ = self.metrics.type(self.style)
        return max(0.0, text_width(self.display[: self.cursor], weight, size) - self._inner() + self.metrics.dp(2))

    def _first_line_top(self) -> float:
        _, _, line = self.metrics.type(self.style)
        if self.multiline:
            return self.top + (self.pads[1] or self.metrics.dp(16))
        return self.top + (self.h - line) / 2

    def cursor_to(self, x: float, y: float) -> None:
        """Put the cursor nearest to a point in display pixels."""
        weight, size, line = self.metrics.type(self.style)
        rows = self._rows()
        start, row = rows[min(max(int((y - self._first_line_top()) / line), 0), len(rows) - 1)]
        goal = x - self.left - self.pads[0] + self._shift()
        place = min(range(len(row) + 1), key=lambda n: abs(text_width(row[:n], weight, size) - goal))
        self.select(start + place, start + place)

    def on_draw(self, p: Painter) -> None:
        """Draw box, text or hint, selection and cursor."""
        dp, colour, focused = self.metrics.dp, self.metrics.colour, self.is_focused
        right, bottom = self.left + self.w, self.top + self.h
        edge = colour("primary" if focused else "outline")
        if self.box == "filled":
            p.round(self.left, self.top, right, bottom, dp(self.radius), colour("surface_highest"))
        if self.box == "outlined":
            p.round(self.left, self.top, right, bottom, dp(self.radius), edge, dp(2 if focused else 1))
        elif self.box in ("line", "filled") and self.radius < 20:
            p.rect(self.left, bottom - dp(2 if focused else 1), right, bottom, edge)
        weight, size, line = self.metrics.type(self.style)
        x, y, drop = self.left + self.pads[0] - self._shift(), self._first_line_top(), baseline(weight, size, line)
        p.clip(self.left + self.pads[0] - dp(1), self.top, right - self.pads[2] + dp(1), bottom)
        rows = self._rows()
        if not self.display:
            p.text(self.hint, x, y + drop, weight, size, colour("on_surface_variant"))
        first, last = self.selection
        for number, (start, row) in enumerate(rows):
            top = y + number * line
            if focused and first < last and first < start + len(row) + 1 and last > start:
                low = x + text_width(row[: max(first - start, 0)], weight, size)
                p.rect(
                    low,
                    top,
                    x + text_width(row[: max(last - start, 0)], weight, size),
                    top + line,
                    colour("primary/0.3"),
                )
            p.text(row, x, top + drop, weight, size, colour("on_surface"))
        if focused and first == last:
            number = max(n for n, (start, _) in enumerate(rows) if start <= self.cursor)
            start, row = rows[number]
            at = x + text_width(row[: self.cursor - start], weight, size)
            p.rect(at, y + number * line, at + dp(2), y + (number + 1) * line, colour("primary"))
        p.unclip()

    # ------------------------------------------------------------ keys

    def on_key(self, code: int, sign: str) -> bool:
        """Take characters and the editing keys."""
        if code == 66 or code == 160:
            if self.submit():
                self.window.hide_keyboard()
        elif code == 67:
            self.delete()
        elif code == 112:
            self.delete(forward=True)
        elif code in (21, 22, 122, 123):
            moves = {21: max(self.cursor - 1, 0), 22: min(self.cursor + 1, len(self.text)), 122: 0, 123: len(self.text)}
            self.select(moves[code], moves[code])
        elif sign:
            self.insert(sign)
        else:
            return False
        return True
