"""What lies over a screen: dialogs, menus, sheets, pickers, snackbars, toasts."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Unpack

from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Attrs, Column, LinearLayout, Row, Space, View, ViewGroup
from vlgym.android.ui.widgets import Button, CheckBox, ImageButton, RadioButton, TextView

Callback = Callable[[], object]


def AlertDialog(
    title: str,
    *content: View | None,
    message: str = "",
    buttons: Sequence[tuple[str, Callback]] = (),
    wide: bool = False,
) -> LinearLayout:
    """Return a dialog: title, message, content and text buttons at the lower right, the positive one last."""
    body = [view for view in content if view is not None]
    if message:
        body.insert(
            0, TextView(message, style="body_medium", colour="on_surface_variant", id="message", margin=(24, 0))
        )
    actions = [Button(label, kind="text", on_click=act, id=f"button{n}") for n, (label, act) in enumerate(buttons, 1)]
    heading = (
        TextView(title, style="headline_small", id="alertTitle", margin=(24, 24, 24, 16)) if title else Space(height=24)
    )
    scroll = ScrollView(Column(*body, width=MATCH), width=MATCH, id="dialog_content")
    scroll.measured_last = True
    dialog = Column(
        heading,
        scroll,
        Row(Space(weight=1), *actions, width=MATCH, padding=(16, 16, 24, 20), spacing=8) if actions else None,
        width=360 if wide else 320,
        background="surface_high",
        radius=28,
        padding=0 if actions else (0, 0, 0, 20),
    )
    dialog.place = "center"
    return dialog


def ChoiceDialog(
    title: str, options: Sequence[str], chosen: int, on_choose: Callable[[int], object], on_cancel: Callback
) -> LinearLayout:
    """Return a dialog of radio buttons; choosing one should close it."""
    rows = [
        Row(
            RadioButton(place == chosen),
            TextView(text, style="body_large", id="text1"),
            width=MATCH,
            min_height=52,
            spacing=16,
            padding=(24, 0),
            on_click=partial(on_choose, place),
            content_desc="",
        )
        for place, text in enumerate(options)
    ]
    return AlertDialog(title, *rows, buttons=(("Cancel", on_cancel),))


def CheckDialog(
    title: str,
    options: Sequence[str],
    chosen: Sequence[int],
    on_toggle: Callable[[int], object],
    buttons: Sequence[tuple[str, Callback]],
) -> LinearLayout:
    """Return a dialog of check boxes."""
    rows = [
        Row(
            CheckBox(place in chosen),
            TextView(text, style="body_large", id="text1"),
            width=MATCH,
            min_height=52,
            spacing=16,
            padding=(24, 0),
            on_click=partial(on_toggle, place),
        )
        for place, text in enumerate(options)
    ]
    return AlertDialog(title, *rows, buttons=buttons)


def PopupMenu(items: Sequence[tuple[str, Callback]], at: Sequence[int] = ()) -> LinearLayout:
    """Return a menu beside the box `at` (left, top, right, bottom in pixels), as `Activity.menu` passes it."""
    rows = [
        Row(
            TextView(text, style="body_large", lines=1, id="title"),
            min_height=48,
            padding=(16, 0),
            width=MATCH,
            on_click=act,
        )
        for text, act in items
    ]
    inner = Column(*rows, width=MATCH)
    menu = Column(
        ScrollView(inner, width=MATCH),
        background="surface_container",
        radius=8,
        padding=(0, 8),
        min_width=160,
        width=200,
    )
    menu.android_class = "android.widget.ListView"
    menu.place = "anchor" if at else "center"
    if at:
        left, top, right, bottom = at
        menu.anchor = (left, top, right, bottom)
    return menu


def BottomSheet(*content: View | None, title: str = "") -> LinearLayout:
    """Return a sheet at the foot of the screen."""
    handle = View(
        width=32, height=4, radius=2, background="outline", gravity="center_horizontal", margin=(0, 16, 0, 12)
    )
    heading = TextView(title, style="title_large", margin=(24, 0, 24, 8)) if title else None
    body = Column(handle, heading, *content, width=MATCH, padding=(0, 0, 0, 32), background="surface_low", radius=28)
    sheet = Column(body, width=MATCH)
    sheet.place = "bottom"
    return sheet


def SnackbarView(text: str, action: str, on_action: Callback) -> LinearLayout:
    """Return a snackbar."""
    button = (
        Row(
            TextView(action, style="label_large", colour="inverse_primary"),
            padding=(12, 0),
            min_height=40,
            radius=20,
            on_click=on_action,
            content_desc=action,
        )
        if action
        else None
    )
    bar = Row(
        TextView(text, style="body_medium", colour="inverse_on_surface", weight=1, id="snackbar_text", padding=(0, 14)),
        button,
        width=MATCH,
        min_height=48,
        padding=(16, 0, 8, 0),
        background="inverse_surface",
        radius=4,
        margin=0,
    )
    bar.place = "bottom"
    return bar


def ToastView(text: str) -> LinearLayout:
    """Return a toast."""
    words = TextView(text, style="body_medium", colour="on_surface", align="center", padding=(20, 12), lines=3)
    toast = Row(words, background="surface_highest", radius=24, ripple=False)
    toast.android_class, toast.place = "android.widget.FrameLayout", "bottom"
    return toast


# ---------------------------------------------------------------- pickers


def Stepper(
    value: int,
    least: int,
    most: int,
    on_change: Callable[[int], object],
    *,
    width: int = 2,
    name: str = "",
    wrap: bool = True,
) -> LinearLayout:
    """Return a NumberPicker: the value between an arrow up and an arrow down."""

    def step(by: int) -> None:
        new = value + by
        span = most - least + 1
        on_change(least + (new - least) % span if wrap else min(max(new, least), most))

    picker = Column(
        ImageButton("keyboard_arrow_up", on_click=lambda: step(1), content_desc=f"Increase {name}", id=f"{name}_up"),
        TextView(f"{value:0{width}d}", style="display_small", id=f"{name}_value", padding=(8, 4)),
        ImageButton(
            "keyboard_arrow_down", on_click=lambda: step(-1), content_desc=f"Decrease {name}", id=f"{name}_down"
        ),
        align="center",
    )
    picker.android_class, picker.id = "android.widget.NumberPicker", name
    return picker


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
    """Return a time picker; `args` holds "hour", "minute" and "hours" (is the hour being set?) and is changed."""

    def change(**values: Any) -> None:
        args.update(values)
        redraw()

    def turned(value: int, lifted: bool) -> None:
        if args["hours"]:
            change(hour=value, hours=not lifted)
        else:
            change(minute=value)

    def field(text: str, hours: bool, name: str) -> View:
        chosen = args["hours"] == hours
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
            on_click=lambda: change(hours=hours),
        )

    hour, minute = args["hour"], args["minute"]
    shown = f"{hour:02d}" if full_day else str(hour % 12 or 12)
    half = None if full_day else _half_days(hour, change)
    head = Row(
        field(shown, True, "hours"),
        TextView(":", style="display_medium", padding=(6, 0)),
        field(f"{minute:02d}", False, "minutes"),
        half,
        width=MATCH,
        align="center",
        spacing=4,
    )
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
    body = Column(
        TextView("Select time", style="label_medium", colour="on_surface_variant", margin=(24, 0, 24, 16)),
        head,
        dial,
        width=MATCH,
    )
    return AlertDialog("", body, buttons=(("Cancel", cancel), ("OK", accept)))
