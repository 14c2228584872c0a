"""Pickers of a date and of a time of day."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.dialogs import AlertDialog, Callback
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.view import MATCH, Column, LinearLayout, Row, Space, View, ViewGroup
from vlgym.android.ui.widgets import ImageButton, TextView


class _Number(View):
    """A number of the dial: named for the view hierarchy; the dial draws it and takes its touches."""

    android_class = "android.widget.TextView"
    ripple = False

    width = height = 36.0

    def __init__(self, text: str, **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.text = text

    @property
    def text_shown(self) -> str:
        """The number."""
        return self.text


class ClockDial(ViewGroup):
    """The dial of a time picker: the numbers of hours or minutes in a circle, to tap or to drag to.

    Args:
        value: hour 0 to 23 or minute 0 to 59.
        hours: whether the dial is for hours; with `half_day` it shows 12 of them.
        on_change: called with the value and whether the finger has been lifted.
    """

    android_class = "android.view.View"
    ripple = False

    def __init__(
        self,
        value: int,
        *,
        hours: bool,
        half_day: bool,
        on_change: Callable[[int, bool], object],
        **attrs: Unpack[Attrs],
    ) -> None:
        self.value, self.hours, self.half_day, self.on_change = value, hours, half_day, on_change
        super().__init__(*map(self._number, self._numbers()), **attrs)
        self.width = self.height = 256.0
        self.radius, self.background = 128.0, "surface_highest"
        self.on_drag = self._dragged

    def _number(self, number: tuple[str, float, float, int]) -> View:
        text, _, _, value = number
        unit = "minutes" if not self.hours else "o'clock" if self.half_day else "hours"
        return _Number(
            text,
            content_desc=f"{int(text)} {unit}",
            selected=value == self.value,
            on_click=lambda: self.on_change(value, True),
        )

    def on_measure(self, width: int, height: int, exact_width: bool, exact_height: bool) -> tuple[int, int]:
        """Measure the numbers; the dial's own size is fixed."""
        for child in self.children:
            self.measure_child(child, width, height)
        return width, height

    def layout(self, left: int, top: int) -> None:
        """Place the numbers on their circles."""
        super().layout(left, top)
        for child, (_, turn, reach, _) in zip(self.children, self._numbers()):
            x, y = self._spot(turn, reach)
            child.layout(round(x - child.w / 2), round(y - child.h / 2))

    def _dragged(self, kind: str, x: float, y: float) -> None:
        dx, dy = x - 0.5, y - 0.5
        if math.hypot(dx, dy) < 0.06:
            return
        turn = (math.atan2(dx, -dy) / (2 * math.pi)) % 1.0
        if not self.hours:
            value = round(turn * 60) % 60
            value = round(turn * 12) % 12 * 5 if kind == "down" else value
        else:
            value = round(turn * 12) % 12
            if self.half_day:
                value += 12 if self.value >= 12 else 0
            elif math.hypot(dx, dy) < 0.32:
                value = value + 12 if value else 0
            else:
                value = value or 12
        self.on_change(value, kind == "up")

    def _spot(self, share: float, reach: float) -> tuple[float, float]:
        angle = share * 2 * math.pi
        radius = self.w / 2 * reach
        return self.left + self.w / 2 + math.sin(angle) * radius, self.top + self.h / 2 - math.cos(angle) * radius

    def _numbers(self) -> list[tuple[str, float, float, int]]:
        """Return text, share of the turn, share of the radius and value of each number."""
        if not self.hours:
            return [(f"{5 * n:02d}", n / 12, 0.8, 5 * n) for n in range(12)]
        if self.half_day:
            base = 12 if self.value >= 12 else 0
            return [(str(n or 12), n / 12, 0.8, base + n) for n in range(12)]
        outer = [(str(n), n % 12 / 12, 0.82, n) for n in range(1, 13)]
        return outer + [(f"{n % 24:02d}", n % 12 / 12, 0.5, n % 24) for n in range(13, 25)]

    def on_draw(self, p: Painter) -> None:
        """Draw hand and numbers."""
        dp, colour = self.metrics.dp, self.metrics.colour
        inner = self.hours and not self.half_day and (self.value == 0 or self.value > 12)
        share = self.value % 12 / 12 if self.hours else self.value / 60
        x, y = self._spot(share, 0.5 if inner else (0.82 if self.hours and not self.half_day else 0.8))
        middle = (self.left + self.w / 2, self.top + self.h / 2)
        p.line(*middle, x, y, colour("primary"), dp(2))
        p.circle(*middle, dp(4), colour("primary"))
        p.circle(x, y, dp(20), colour("primary"))
        for text, turn, reach, value in self._numbers():
            tx, ty = self._spot(turn, reach)
            size = self.metrics.type("body_large" if reach > 0.6 else "body_small")[1]
            ink = colour("on_primary" if value == self.value else "on_surface")
            left = tx - text_width(text, "Regular", size) / 2
            p.text(text, left, ty - size / 2 + baseline("Regular", size, size), "Regular", size, ink)


def DatePicker(
    year: int, month: int, day: int, on_pick: Callable[[int, int, int], object], on_month: Callable[[int, int], object]
) -> LinearLayout:
    """Return a month's calendar with arrows; `day` 0 marks none. Weeks begin on Sunday."""

    def turn(by: int) -> Callback:
        moved = year * 12 + month - 1 + by
        return lambda: on_month(moved // 12, moved % 12 + 1)

    head = Row(
        TextView(
            f"{calendar.month_name[month]} {year}", style="title_small", weight=1, padding=(12, 0), id="month_label"
        ),
        ImageButton("chevron_left", content_desc="Previous month", on_click=turn(-1), id="prev"),
        ImageButton("chevron_right", content_desc="Next month", on_click=turn(1), id="next"),
        width=MATCH,
    )
    names = Row(
        *(TextView(n, style="body_small", align="center", weight=1, colour="on_surface_variant") for n in "SMTWTFS"),
        width=MATCH,
        height=32,
    )
    weeks = []
    for week in calendar.Calendar(firstweekday=6).monthdayscalendar(year, month):
        cells: list[View] = []
        for number in week:
            if not number:
                cells.append(Space(weight=1, height=40))
                continue
            chosen = number == day
            cells.append(
                TextView(
                    str(number),
                    style="body_large",
                    align="center",
                    weight=1,
                    height=40,
                    radius=20,
                    selected=chosen,
                    background="primary" if chosen else "",
                    colour="on_primary" if chosen else "on_surface",
                    content_desc=f"{number} {calendar.month_name[month]} {year}",
                    on_click=partial(on_pick, year, month, number),
                )
            )
        weeks.append(Row(*cells, width=MATCH))
    return Column(head, names, *weeks, width=MATCH, padding=(16, 0))


def _half_days(hour: int, change: Callable[..., None]) -> View:
    """Return the AM and PM buttons beside the time."""
    marks = [
        TextView(
            label,
            style="title_small",
            align="center",
            width=52,
            height=40,
            background="tertiary_container" if on else "",
            border="outline",
            selected=on,
            on_click=partial(change, hour=hour % 12 + add),
            id=f"material_clock_period_{label.lower()}_button",
        )
        for label, on, add in (("AM", hour < 12, 0), ("PM", hour >= 12, 12))
    ]
    return Column(*marks)


def TimeDialog(
    args: dict[str, Any],
    redraw: Callable[[], object],
    cancel: Callable[[], object],
    accept: Callable[[], object],
    *,
    full_day: bool,
) -> View:
    """Return a time picker; `args` holds "hour", "minute" and "hours" (is the hour being set?) and is changed.

    A button changes between the dial and two fields, as "typed" in `args` says.
    """

    def change(**values: Any) -> None:
        args.update(values)
        redraw()

    def turned(value: int, lifted: bool) -> None:
        if args["hours"]:
            change(hour=value, hours=not lifted)
        else:
            change(minute=value)

    hour, minute, typed = args["hour"], args["minute"], bool(args.get("typed"))
    half = None if full_day else _half_days(hour, change)
    if typed:
        parts = _time_fields(args, full_day)
    else:
        shown = f"{hour:02d}" if full_day else str(hour % 12 or 12)
        parts = (
            _time_part(shown, "hours", args["hours"], lambda: change(hours=True)),
            _time_part(f"{minute:02d}", "minutes", not args["hours"], lambda: change(hours=False)),
        )
    colon = TextView(":", style="display_medium", padding=(6, 0))
    head = Row(parts[0], colon, parts[1], half, width=MATCH, align="center", spacing=4)
    dial = ClockDial(
        hour if args["hours"] else minute,
        hours=args["hours"],
        half_day=not full_day,
        on_change=turned,
        gravity="center_horizontal",
        margin=(0, 20),
        id="material_clock_face",
        content_desc="Hour dial" if args["hours"] else "Minute dial",
    )
    title = "Enter time" if typed else "Select time"
    body = Column(
        TextView(title, style="label_medium", colour="on_surface_variant", margin=(24, 0, 24, 16)),
        head,
        None if typed else dial,
        width=MATCH,
    )
    mode = ImageButton(
        "schedule" if typed else "keyboard",
        content_desc="Switch to clock mode" if typed else "Switch to text input mode",
        on_click=lambda: change(typed=not typed),
        id="material_timepicker_mode_button",
    )
    return AlertDialog("", body, buttons=(("Cancel", cancel), ("OK", accept)), lead=mode)


def _time_part(text: str, name: str, chosen: bool, act: Callback) -> View:
    """Return the hour or the minute over the dial; a tap lets the dial set it."""
    return TextView(
        text,
        style="display_medium",
        align="center",
        width=96,
        height=80,
        radius=8,
        selected=chosen,
        id=name,
        background="primary_container" if chosen else "surface_highest",
        on_click=act,
    )


def _time_fields(args: dict[str, Any], full_day: bool) -> tuple[View, View]:
    """Return fields for hour and minute; what is no hour or minute changes nothing."""

    def on_hour(text: str) -> None:
        value = int(text) if text.isdecimal() else -1
        if full_day and 0 <= value < 24:
            args["hour"] = value
        elif not full_day and 1 <= value <= 12:
            args["hour"] = value % 12 + (12 if args["hour"] >= 12 else 0)

    def on_minute(text: str) -> None:
        if text.isdecimal() and int(text) < 60:
            args["minute"] = int(text)

    def field(text: str, name: str, hint: str, on_text: Callable[[str], object], action: str) -> View:
        def on_change(words: str) -> None:  # the last two digits count, so that what was there need not be deleted
            if len(words) > 2:
                view.set_text(words[-2:])
            else:
                on_text(words)

        view = EditText(
            text,
            hint=hint,
            kind="number",
            action=action,
            on_text=on_change,
            style="display_small",
            box="filled",
            width=96,
            height=80,
            padding=(12, 0),
            id=f"material_{name}_text_input",
            content_desc=hint,
        )
        return view

    hour = args["hour"]
    shown = f"{hour:02d}" if full_day else str(hour % 12 or 12)
    first = field(shown, "hour", "Hour", on_hour, "next")
    return first, field(f"{args['minute']:02d}", "minute", "Minute", on_minute, "done")
