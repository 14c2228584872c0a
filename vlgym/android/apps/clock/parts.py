"""The four tabs of the clock, each a function from the activity to its views."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from vlgym.android.apps.clock.model import DAYS, Alarm, Timer
from vlgym.android.state.clock import Clock as Zoned
from vlgym.android.ui.material import Card, Empty, FloatingActionButton
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, LinearLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, CheckBox, ImageButton, ImageView, Picture, Switch, TextView

if TYPE_CHECKING:
    from vlgym.android.apps.clock.screens import DeskClock

_WEEK = (6, 0, 1, 2, 3, 4, 5)
"""Bits of the days from Sunday on."""


def _time(screen: DeskClock, hour: int, minute: int) -> tuple[str, str]:
    """Return a time of day and, on a twelve-hour phone, its half."""
    if screen.state.settings.get("system", "time_12_24") == "24":
        return f"{hour:02d}:{minute:02d}", ""
    return f"{hour % 12 or 12}:{minute:02d}", "AM" if hour < 12 else "PM"


# ---------------------------------------------------------------- alarms


def alarms(screen: DeskClock) -> list[View]:
    """Return the alarms and the button that adds one."""
    cards = [_alarm_card(screen, alarm) for alarm in screen.clock.alarms()]
    moment = screen.state.clock.local()
    add = FloatingActionButton(
        "add", "Add alarm", lambda: screen.ask_time(0, moment.hour, moment.minute), gravity="bottom|center_horizontal"
    )
    if not cards:
        return [Empty("No Alarms", "alarm"), add]
    body = Column(*cards, width=MATCH, spacing=8, padding=(12, 4, 12, 96))
    return [ScrollView(body, width=MATCH, height=MATCH, id="alarm_recycler_view"), add]


def _alarm_card(screen: DeskClock, alarm: Alarm) -> LinearLayout:
    opened = screen.saved.get("open") == alarm.id
    text, half = _time(screen, alarm.hour, alarm.minutes)
    ink = "on_surface" if alarm.enabled else "on_surface_variant"
    time = Row(
        TextView(text, style="display_large" if opened else "display_medium", colour=ink),
        TextView(half, style="title_medium", colour=ink, gravity="bottom", margin=(4, 0, 0, 10)) if half else None,
        id="digital_clock",
        content_desc=f"{text} {half}".strip(),
        radius=12,
        on_click=lambda: screen.ask_time(alarm.id, alarm.hour, alarm.minutes),
    )
    fold = ImageButton(
        "expand_less" if opened else "expand_more",
        content_desc="Collapse alarm" if opened else "Expand alarm",
        id="arrow",
        on_click=lambda: screen.set(open=0 if opened else alarm.id),
    )
    mark = Switch(
        alarm.enabled,
        on_change=lambda on: screen.switch_alarm(alarm.id, on),
        id="onoff",
        content_desc=f"Alarm {text} {half}".strip(),
    )
    summary = TextView(
        alarm.summary(screen.state.clock.local()), style="body_medium", colour="on_surface_variant", id="days_of_week"
    )
    label = TextView(alarm.label, style="body_medium", id="label") if alarm.label and not opened else None
    head = Row(time, Space(weight=1), fold, width=MATCH)
    foot = Row(Column(summary, label, weight=1), mark, width=MATCH, min_height=40)
    rest = _alarm_details(screen, alarm) if opened else []
    card = Card(
        _label_row(screen, alarm) if opened else None,
        head,
        foot,
        *rest,
        padding=(20, 8, 12, 12),
        radius=24,
        id=f"alarm_{alarm.id}",
        on_click=lambda: screen.set(open=0 if opened else alarm.id),
        ripple=False,
    )
    return card


def _label_row(screen: DeskClock, alarm: Alarm) -> View:
    return Row(
        ImageView("label_outline", size=20),
        TextView(alarm.label or "Add label", style="body_medium", colour="on_surface_variant"),
        spacing=12,
        min_height=44,
        width=MATCH,
        id="edit_label",
        content_desc="Label",
        radius=12,
        on_click=lambda: screen.ask_label(alarm=alarm.id, label=alarm.label),
    )


def _alarm_details(screen: DeskClock, alarm: Alarm) -> list[View]:
    def day(bit: int) -> View:
        on = bool(alarm.days >> bit & 1)
        mark = TextView(
            DAYS[bit][0],
            style="label_large",
            align="center",
            width=38,
            height=38,
            radius=19,
            selected=on,
            background="primary" if on else "surface_highest",
            colour="on_primary" if on else "on_surface",
            content_desc=("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")[(bit + 1) % 7],
            on_click=lambda: _change(screen, alarm, daysofweek=alarm.days ^ (1 << bit)),
            id=f"day_button_{bit}",
        )
        mark.android_class, mark.checkable, mark.checked = "android.widget.CheckBox", True, on
        return FrameLayout(mark, weight=1)

    vibrate = CheckBox(
        alarm.vibrate, on_change=lambda on: _change(screen, alarm, vibrate=int(on)), content_desc="Vibrate"
    )
    words = TextView("Vibrate", style="body_large", weight=1)
    return [
        Row(*(day(bit) for bit in _WEEK), width=MATCH, height=56),
        Row(
            ImageView("notifications_active", size=22),
            Space(width=16),
            TextView("Default (Bright Morning)", style="body_large", weight=1),
            width=MATCH,
            min_height=48,
            id="choose_ringtone",
        ),
        Row(
            ImageView("vibration", size=22),
            Space(width=16),
            words,
            vibrate,
            width=MATCH,
            min_height=48,
            padding=(0, 0, 8, 0),
        ),
        Row(
            ImageView("delete_outline", size=22),
            Space(width=16),
            TextView("Delete", style="body_large"),
            width=MATCH,
            min_height=48,
            on_click=lambda: screen.delete_alarm(alarm.id),
            id="delete",
            content_desc="Delete alarm",
            radius=12,
        ),
    ]


def _change(screen: DeskClock, alarm: Alarm, **values: int) -> None:
    screen.clock.change_alarm(alarm.id, **values)
    screen.refresh()


# ---------------------------------------------------------------- world clock


def city(zone: str) -> str:
    """Return the city of a time zone."""
    return zone.rpartition("/")[2].replace("_", " ")


def world(screen: DeskClock) -> list[View]:
    """Return the local time and that of the chosen cities."""
    moment = screen.state.clock.local()
    text, half = _time(screen, moment.hour, moment.minute)
    head = Column(
        Row(
            TextView(text, style="display_large", id="digital_clock"),
            TextView(half, style="title_large") if half else None,
            spacing=8,
        ),
        TextView(f"{moment:%a, %b} {moment.day}", style="title_medium", colour="on_surface_variant", id="date"),
        width=MATCH,
        padding=(24, 24),
        spacing=4,
    )
    rows = [_city_row(screen, zone) for zone in screen.clock.cities()]
    body = Column(head, *rows, width=MATCH, spacing=8, padding=(0, 0, 0, 96))
    add = FloatingActionButton("add", "Cities", lambda: screen.show("cities"), gravity="bottom|center_horizontal")
    return [ScrollView(body, width=MATCH, height=MATCH, id="cities"), add]


def _drop_city(screen: DeskClock, zone: str) -> None:
    screen.clock.toggle_city(zone)
    screen.refresh()


def _city_row(screen: DeskClock, zone: str) -> View:
    there = Zoned()
    there.load((screen.state.clock.now_us, screen.state.clock.uptime_us, zone))
    moment, here = there.local(), screen.state.clock.local()
    text, half = _time(screen, moment.hour, moment.minute)
    hours = ((moment.utcoffset() or timedelta()) - (here.utcoffset() or timedelta())).total_seconds() / 3600
    day = {-1: "Yesterday, ", 0: "", 1: "Tomorrow, "}[(moment.date() - here.date()).days]
    words = (
        f"{day}{abs(hours):g} hour{'' if abs(hours) == 1 else 's'} {'ahead' if hours > 0 else 'behind'}"
        if hours
        else f"{day}Same time"
    )
    return Row(
        Column(
            TextView(city(zone), style="title_large", id="city_name"),
            TextView(words, style="body_medium", colour="on_surface_variant"),
            weight=1,
        ),
        TextView(f"{text} {half}".strip(), style="headline_large", id="city_time"),
        width=MATCH,
        padding=(24, 8),
        min_height=72,
        on_long_click=lambda: _drop_city(screen, zone),
        id="city",
    )


# ---------------------------------------------------------------- timers


def entry_fields(entry: str) -> tuple[int, int, int]:
    """Return hours, minutes, seconds of typed digits."""
    digits = entry.rjust(6, "0")[-6:]
    return int(digits[:2]), int(digits[2:4]), int(digits[4:])


def timers(screen: DeskClock) -> list[View]:
    """Return the timers, or the keypad for a new one."""
    found = screen.clock.timers()
    if not found or screen.saved.get("setup"):
        return _keypad(screen)
    cards = [_timer_card(screen, timer) for timer in found]
    add = FloatingActionButton(
        "add", "Add timer", lambda: screen.set(setup=True, entry=""), gravity="bottom|center_horizontal"
    )
    body = Column(*cards, width=MATCH, spacing=12, padding=(16, 4, 16, 96))
    return [ScrollView(body, width=MATCH, height=MATCH, id="timer_list"), add]


def _keypad(screen: DeskClock) -> list[View]:
    entry = screen.saved.get("entry", "")
    hours, minutes, seconds = entry_fields(entry)
    shown = TextView(
        f"{hours:02d}h {minutes:02d}m {seconds:02d}s",
        style="display_medium",
        align="center",
        width=MATCH,
        colour="primary" if entry else "on_surface_variant",
        id="timer_setup_time",
        padding=(0, 20),
    )

    def key(label: str) -> View:
        if label == "⌫":
            mark: View = ImageView("backspace", gravity="center", colour="on_surface")
        else:
            mark = TextView(label, style="headline_medium", gravity="center")
        press = screen.erase_digit if label == "⌫" else lambda: screen.type_digit(label)
        name = "Delete" if label == "⌫" else ""
        return FrameLayout(
            mark,
            width=84,
            height=84,
            radius=42,
            background="surface_high",
            on_click=press,
            content_desc=name,
            id="timer_setup_delete" if name else f"timer_setup_digit_{label}",
            android_class="android.widget.Button",
        )

    rows = [Row(*(key(label) for label in row.split()), spacing=12) for row in ("1 2 3", "4 5 6", "7 8 9", "00 0 ⌫")]
    body: list[View] = [Column(shown, *rows, width=MATCH, spacing=12, align="center_horizontal")]
    if entry:
        body.append(_round("play_arrow", "Start", screen.start_entry, gravity="bottom|center_horizontal"))
    if screen.clock.timers():
        body.append(
            ImageButton(
                "close",
                content_desc="Cancel",
                gravity="bottom|left",
                margin=(48, 24),
                id="cancel",
                on_click=lambda: screen.set(setup=False, entry=""),
            )
        )
    return body


def _round(
    icon: str, label: str, act: Callable[[], object], *, big: bool = True, gravity: str = "", id: str = "fab"
) -> View:
    side = 80 if big else 56
    return ImageButton(
        icon,
        size=32 if big else 24,
        content_desc=label,
        on_click=act,
        width=side,
        height=side,
        radius=28 if big else 20,
        background="primary" if big else "secondary_container",
        colour="on_primary" if big else "on_secondary_container",
        gravity=gravity,
        margin=(0, 0, 0, 20) if gravity else 0,
        id=id,
    )


def _left(milliseconds: int) -> str:
    """Return what a timer shows: whole seconds, rounded up; negative after the end."""
    sign = "-" if milliseconds < 0 else ""
    seconds = -(-milliseconds // 1000) if milliseconds >= 0 else -milliseconds // 1000
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return sign + (
        f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}" if minutes else f"{seconds}"
    )


def _timer_card(screen: DeskClock, timer: Timer) -> View:
    clock, number = screen.clock, timer.id
    remaining = timer.remaining_ms(screen.state.clock.uptime_ms)
    share = min(max(remaining / max(timer.total_ms, 1), 0.0), 1.0)

    def then(act: Callable[[int], object]) -> Callable[[], None]:
        def run() -> None:
            act(number)
            screen.refresh()

        return run

    def ring(p: Painter, left: int, top: int, width: int, height: int) -> None:
        metrics = screen.manager.metrics
        stroke = metrics.dp(8)
        x, y, radius = left + width / 2, top + height / 2, width / 2 - stroke
        p.circle(x, y, radius, metrics.colour("surface_highest"), stroke)
        if share:
            p.arc(x, y, radius, -90, 360 * share, metrics.colour("primary"), stroke)

    face = FrameLayout(
        Picture(ring, width=220, height=220),
        TextView(_left(remaining), style="display_medium", gravity="center", id="timer_time_text"),
        gravity="center_horizontal",
    )
    running, expired = timer.state == "RUNNING", timer.state == "EXPIRED"
    if expired:
        main = _round("stop", "Stop", then(clock.reset_timer), id="stop")
    elif running:
        main = _round("pause", "Pause", then(clock.pause_timer), id="play_pause")
    else:
        main = _round("play_arrow", "Start", then(clock.start_timer), id="play_pause")
    seconds = timer.length_ms // 1000
    name = timer.label or f"{seconds // 60}m {seconds % 60:02d}s timer"
    head = Row(
        TextView(
            name,
            style="title_medium",
            weight=1,
            id="timer_label",
            padding=(0, 8),
            on_click=lambda: screen.ask_label(timer=number, label=timer.label),
        ),
        ImageButton("close", content_desc="Delete", on_click=then(clock.delete_timer), id="delete_timer"),
        width=MATCH,
    )
    buttons = Row(
        Button("+1:00", kind="tonal", on_click=then(clock.extend_timer), content_desc="Add 1 minute", id="reset_add"),
        main,
        _round("replay", "Reset", then(clock.reset_timer), big=False, id="reset"),
        width=MATCH,
        align="center",
        spacing=24,
    )
    return Card(head, face, buttons, radius=28, padding=(20, 8, 12, 20), spacing=8, id=f"timer_{number}")


# ---------------------------------------------------------------- stopwatch


def _stopwatch_text(milliseconds: int) -> tuple[str, str]:
    seconds, hundredths = milliseconds // 1000, milliseconds // 10 % 100
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    head = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
    return head, f"{hundredths:02d}"


def stopwatch(screen: DeskClock) -> list[View]:
    """Return the running time, the laps and the buttons."""
    clock = screen.clock
    state, total = clock.stopwatch()
    head, tail = _stopwatch_text(total)

    def then(act: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            act()
            screen.refresh()

        return run

    digits = Row(
        TextView(head, style="display_large", id="stopwatch_time_text"),
        TextView(
            tail,
            style="headline_large",
            colour="primary",
            gravity="bottom",
            margin=(6, 0, 0, 6),
            id="stopwatch_hundredths_text",
        ),
        content_desc=f"{head}.{tail}",
    )
    time = Row(digits, width=MATCH, height=220, align="center")
    laps, before, rows = clock.laps(), 0, []
    for number, end in enumerate(laps, 1):
        lap, whole = ".".join(_stopwatch_text(end - before)), ".".join(_stopwatch_text(end))
        rows.append(
            Row(
                TextView(f"# {number}", style="body_large", width=72),
                TextView(lap, style="body_large", weight=1),
                TextView(whole, style="body_large"),
                width=MATCH,
                min_height=44,
                padding=(32, 0),
                id=f"lap_{number}",
            )
        )
        before = end
    body = Column(time, *reversed(rows), width=MATCH, padding=(0, 0, 0, 120))
    buttons: list[View] = []
    if state == "RUNNING":
        buttons = [
            Space(width=56),
            _round("pause", "Pause", then(clock.pause_stopwatch)),
            _round("timer", "Lap", then(clock.lap), big=False, id="right_button"),
        ]
    elif state == "PAUSED":
        buttons = [
            _round("replay", "Reset", then(clock.reset_stopwatch), big=False, id="left_button"),
            _round("play_arrow", "Start", then(clock.start_stopwatch)),
            Space(width=56),
        ]
    else:
        buttons = [_round("play_arrow", "Start", then(clock.start_stopwatch))]
    bar = Row(*buttons, spacing=32, gravity="bottom|center_horizontal", margin=(0, 0, 0, 20))
    return [ScrollView(body, width=MATCH, height=MATCH, id="laps_list"), bar]
