"""Leaf widgets: text, icons, buttons, switches, bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Painter, baseline, break_lines, text_width
from vlgym.android.ui.view import View

_MANY = 1 << 16
_DISABLED = "on_surface/0.38"


class TextView(View):
    """A text.

    Args:
        text: what it says.
        style: a name of `theme.TYPE`.
        colour: token or 0xAARRGGBB.
        lines: most lines shown; what is left out becomes an ellipsis.
        align: "left", "center" or "right" within the view.
    """

    android_class = "android.widget.TextView"

    def __init__(
        self,
        text: str = "",
        *,
        style: str = "body_medium",
        colour: str | int = "on_surface",
        lines: int = 0,
        align: str = "left",
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(**attrs)
        self.text, self.style, self.colour, self.lines, self.align = text, style, colour, lines or _MANY, align

    @property
    def text_shown(self) -> str:
        """The text."""
        return self.text

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the size of the broken text."""
        left, top, right, bottom = self.pads
        weight, size, line = self.metrics.type(self.style)
        self.broken = break_lines(self.text, weight, size, width - left - right, self.lines)
        self.widest = max([text_width(row, weight, size) for row in self.broken])
        return int(self.widest + 0.999) + left + right, round(line * len(self.broken)) + top + bottom

    def on_draw(self, p: Painter) -> None:
        """Draw the lines."""
        left, top, right, bottom = self.pads
        weight, size, line = self.metrics.type(self.style)
        colour = self.metrics.colour(self.colour if self.enabled else _DISABLED)
        inner = self.w - left - right
        if self.widest > inner + 1:
            self.broken = break_lines(self.text, weight, size, inner, self.lines)
        y = (
            self.top
            + top
            + max(0, (self.h - top - bottom - line * len(self.broken)) / 2)
            + baseline(weight, size, line)
        )
        for row in self.broken:
            x = float(self.left + left)
            if self.align != "left":
                free = inner - text_width(row, weight, size)
                x += free if self.align == "right" else free / 2
            p.text(row, x, y, weight, size, colour)
            y += line


class Button(View):
    """A Material button.

    Args:
        text: its label.
        kind: "filled", "tonal", "outlined", "text".
        icon: name of an icon before the label.
    """

    android_class = "android.widget.Button"
    _FACES = {
        "filled": ("primary", "on_primary"),
        "tonal": ("secondary_container", "on_secondary_container"),
        "outlined": ("", "primary"),
        "text": ("", "primary"),
        "danger": ("error", "on_error"),
    }

    def __init__(self, text: str, *, kind: str = "filled", icon: str = "", **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.text, self.kind, self.icon = text, kind, icon
        face, self.ink = self._FACES[kind]
        self.background = attrs.get("background", face if self.enabled or not face else "on_surface/0.12")
        self.border = attrs.get("border", "outline" if kind == "outlined" else "")
        self.radius = attrs.get("radius", 999)
        self.min_height = attrs.get("min_height", 40)
        self.padding = attrs.get("padding", (12, 0) if kind == "text" else (24, 0))

    @property
    def text_shown(self) -> str:
        """The label."""
        return self.text

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the label's size and the paddings."""
        weight, size, line = self.metrics.type("label_large")
        icon = self.metrics.dp(26) if self.icon else 0
        return int(text_width(self.text, weight, size) + 0.999) + icon + self.pads[0] + self.pads[2], int(line)

    def on_draw(self, p: Painter) -> None:
        """Draw icon and label in the middle."""
        dp = self.metrics.dp
        weight, size, line = self.metrics.type("label_large")
        colour = self.metrics.colour(self.ink if self.enabled else _DISABLED)
        icon = dp(26) if self.icon else 0
        room = self.w - min(self.pads[0] + self.pads[2], dp(16)) - icon
        (label,) = break_lines(self.text, weight, size, room, 1)
        x = self.left + (self.w - icon - text_width(label, weight, size)) / 2
        if self.icon:
            p.icon(self.icon, x, self.top + (self.h - dp(18)) / 2, dp(18), colour)
        p.text(label, x + icon, self.top + (self.h - line) / 2 + baseline(weight, size, line), weight, size, colour)


class ImageView(View):
    """An icon.

    Args:
        icon: a name of `icons.txt`.
        size: side of the icon in dp.
        colour: token or 0xAARRGGBB.
    """

    android_class = "android.widget.ImageView"

    def __init__(
        self, icon: str = "", *, size: float = 24, colour: str | int = "on_surface_variant", **attrs: Unpack[Attrs]
    ) -> None:
        super().__init__(**attrs)
        self.icon, self.size, self.colour = icon, size, colour

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the icon's side and the paddings."""
        side = self.metrics.dp(self.size)
        return side + self.pads[0] + self.pads[2], side + self.pads[1] + self.pads[3]

    def on_draw(self, p: Painter) -> None:
        """Draw the icon in the middle."""
        if self.icon:
            side = self.metrics.dp(self.size)
            colour = self.metrics.colour(self.colour if self.enabled else _DISABLED)
            p.icon(self.icon, self.left + (self.w - side) / 2, self.top + (self.h - side) / 2, side, colour)


class ImageButton(ImageView):
    """An icon to tap, 48 dp across."""

    android_class = "android.widget.ImageButton"
    min_width = min_height = 48.0
    radius = 999.0


class Picture(View):
    """A view drawn by a function f(painter, left, top, width, height), all in display pixels."""

    android_class = "android.widget.ImageView"

    def __init__(self, draw: Callable[[Painter, int, int, int, int], None], **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.drawing = draw

    def on_draw(self, p: Painter) -> None:
        """Call the function."""
        self.drawing(p, self.left, self.top, self.w, self.h)


class Divider(View):
    """A thin line."""

    def __init__(self, **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.width, self.height, self.background = attrs.get("width", -1.0), attrs.get("height", 1), "outline_variant"


# ---------------------------------------------------------------- two states


class CompoundButton(View):
    """Something on or off.

    Args:
        checked: whether it is on.
        on_change: called with the new value when it is tapped; without it a tap goes to the row it stands in.
        text: label beside it.
    """

    checkable = True
    side = 24.0

    def __init__(
        self,
        checked: bool = False,
        *,
        on_change: Callable[[bool], object] | None = None,
        text: str = "",
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(**attrs)
        self.checked, self.on_change, self.text = checked, on_change, text

    @property
    def text_shown(self) -> str:
        """The label."""
        return self.text

    @property
    def clickable(self) -> bool:
        """Whether it takes taps itself."""
        return self.on_change is not None or self.on_click is not None

    @property
    def can_focus(self) -> bool:
        """Whether keys can reach it."""
        return self.enabled and self.clickable

    def perform_click(self) -> bool:
        """Switch."""
        if self.enabled and self.on_change is not None:
            self.on_change(not self.checked)
            return True
        return super().perform_click()

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the mark's size and the label's."""
        dp = self.metrics.dp
        weight, size, line = self.metrics.type("body_large")
        label = int(text_width(self.text, weight, size) + 0.999) + dp(12) if self.text else 0
        w, h = dp(self.side), max(dp(32), int(line))
        return w + label + self.pads[0] + self.pads[2], h + self.pads[1] + self.pads[3]

    def on_draw(self, p: Painter) -> None:
        """Draw mark and label."""
        x, y = self.left + self.pads[0], self.top + self.h / 2
        self.draw_mark(p, x, y)
        if self.text:
            weight, size, line = self.metrics.type("body_large")
            x += self.metrics.dp(self.side) + self.metrics.dp(12)
            colour = self.metrics.colour("on_surface" if self.enabled else _DISABLED)
            p.text(self.text, x, y - line / 2 + baseline(weight, size, line), weight, size, colour)

    def draw_mark(self, p: Painter, x: float, y: float) -> None:
        """Draw the mark, its left edge at x, its middle at height y."""

    def _ink(self, on: str, off: str) -> int:
        return self.metrics.colour((on if self.checked else off) if self.enabled else _DISABLED)


class CheckBox(CompoundButton):
    """A box with a tick."""

    android_class = "android.widget.CheckBox"

    def draw_mark(self, p: Painter, x: float, y: float) -> None:
        """Draw the box."""
        side = self.metrics.dp(24)
        name = "check_box" if self.checked else "check_box_outline_blank"
        p.icon(name, x, y - side / 2, side, self._ink("primary", "on_surface_variant"))


class RadioButton(CompoundButton):
    """A ring with a dot; on_change hears only of switching on."""

    android_class = "android.widget.RadioButton"

    def perform_click(self) -> bool:
        """Switch on."""
        if self.checked and self.enabled and self.on_change is not None:
            return True
        return super().perform_click()

    def draw_mark(self, p: Painter, x: float, y: float) -> None:
        """Draw the ring."""
        side = self.metrics.dp(24)
        name = "radio_button_checked" if self.checked else "radio_button_unchecked"
        p.icon(name, x, y - side / 2, side, self._ink("primary", "on_surface_variant"))


class Switch(CompoundButton):
    """A sliding switch."""

    android_class = "android.widget.Switch"
    side = 52.0

    @property
    def text_shown(self) -> str:
        """What a switch without a label reads: its state, as older Androids show."""
        return self.text

    def draw_mark(self, p: Painter, x: float, y: float) -> None:
        """Draw track and thumb."""
        dp, colour = self.metrics.dp, self.metrics.colour
        right, top, bottom = x + dp(52), y - dp(16), y + dp(16)
        if self.checked:
            p.round(x, top, right, bottom, dp(16), colour("primary" if self.enabled else "on_surface/0.12"))
            p.circle(right - dp(16), y, dp(12), colour("on_primary" if self.enabled else "surface"))
        else:
            p.round(x, top, right, bottom, dp(16), colour("surface_highest"))
            p.round(x, top, right, bottom, dp(16), self._ink("outline", "outline"), dp(2))
            p.circle(x + dp(16), y, dp(8), self._ink("outline", "outline"))


class ToggleChip(CompoundButton):
    """A filter chip: a label that is on or off."""

    android_class = "android.widget.CompoundButton"

    def __init__(
        self,
        text: str,
        checked: bool = False,
        *,
        on_change: Callable[[bool], object] | None = None,
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(checked, on_change=on_change, text=text, **attrs)
        self.radius = attrs.get("radius", 8.0)
        self.background = "secondary_container" if checked else ""
        self.border = "" if checked else "outline"

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Return the label's size with room around."""
        weight, size, _ = self.metrics.type("label_large")
        return int(text_width(self.text, weight, size)) + self.metrics.dp(32), self.metrics.dp(32)

    def on_draw(self, p: Painter) -> None:
        """Draw the label in the middle."""
        weight, size, line = self.metrics.type("label_large")
        x = self.left + (self.w - text_width(self.text, weight, size)) / 2
        y = self.top + (self.h - line) / 2 + baseline(weight, size, line)
        p.text(self.text, x, y, weight, size, self._ink("on_secondary_container", "on_surface_variant"))


# ---------------------------------------------------------------- bars


class ProgressBar(View):
    """How far something has got, 0 to 1."""

    android_class = "android.widget.ProgressBar"

    def __init__(self, value: float, **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.value = value
        self.width, self.height = attrs.get("width", -1.0), attrs.get("height", 4)

    def on_draw(self, p: Painter) -> None:
        """Draw the track and the part that is done."""
        colour, radius = self.metrics.colour, self.h / 2
        p.round(self.left, self.top, self.left + self.w, self.top + self.h, radius, colour("surface_highest"))
        end = self.left + self.w * min(max(self.value, 0.0), 1.0)
        p.round(self.left, self.top, max(end, self.left + self.h), self.top + self.h, radius, colour("primary"))


class SeekBar(View):
    """A slider of whole numbers.

    Args:
        value, most: where it stands, from 0.
        on_change: called with the new value while a finger moves it.
        thick: the broad form of the quick settings.
        icon: drawn at the left end of the broad form.
    """

    android_class = "android.widget.SeekBar"

    def __init__(
        self,
        value: int,
        most: int,
        *,
        on_change: Callable[[int], object] | None = None,
        thick: bool = False,
        icon: str = "",
        **attrs: Unpack[Attrs],
    ) -> None:
        super().__init__(**attrs)
        self.value, self.most, self.on_change, self.thick, self.icon = value, most, on_change, thick, icon
        self.width = attrs.get("width", -1.0)
        self.height = attrs.get("height", 48)
        self.ripple, self.focusable = False, True
        self.on_drag = self._dragged

    @property
    def text_shown(self) -> str:
        """The value as SeekBar reports it, with one decimal."""
        return f"{self.value}.0"

    def _ends(self) -> tuple[float, float]:
        inset = self.metrics.dp(0 if self.thick else 12)
        return self.left + inset, self.left + self.w - inset

    def _dragged(self, kind: str, x: float, y: float) -> None:
        first, last = self._ends()
        share = (self.left + x * self.w - first) / max(last - first, 1)
        self._move_to(round(min(max(share, 0.0), 1.0) * self.most))

    def _move_to(self, value: int) -> None:
        value = min(max(value, 0), self.most)
        if self.enabled and self.on_change is not None and value != self.value:
            self.value = value
            self.on_change(value)
            self.invalidate()

    def on_key(self, code: int, sign: str) -> bool:
        """Move by a twentieth with the left and right keys."""
        if code not in (21, 22):
            return False
        step = max(1, self.most // 20)
        self._move_to(self.value + (step if code == 22 else -step))
        return True

    def on_draw(self, p: Painter) -> None:
        """Draw track and thumb."""
        dp, colour = self.metrics.dp, self.metrics.colour
        first, last = self._ends()
        at = first + (last - first) * self.value / max(self.most, 1)
        y = self.top + self.h / 2
        if self.thick:
            top, bottom = self.top, self.top + self.h
            p.round(first, top, last, bottom, self.h / 2, colour("surface_highest"))
            p.clip(first, top, last, bottom, self.h / 2)
            p.rect(first, top, max(at, first + self.h), bottom, colour("primary"))
            p.unclip()
            if self.icon:
                p.icon(self.icon, first + (self.h - dp(24)) / 2, y - dp(12), dp(24), colour("on_primary"))
            return
        on = "primary" if self.enabled else _DISABLED
        p.round(first, y - dp(2), last, y + dp(2), dp(2), colour("surface_highest"))
        p.round(first, y - dp(2), max(at, first + dp(4)), y + dp(2), dp(2), colour(on))
        p.circle(at, y, dp(10), colour(on))
