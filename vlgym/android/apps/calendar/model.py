"""Events, as rows of the calendar's database. Times there are seconds since 1970."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.simplemobiletools.calendar.pro"
MAIN = f"{PACKAGE}/{PACKAGE}.activities.MainActivity"
EVENT = f"{PACKAGE}/{PACKAGE}.activities.EventActivity"
DAY, WEEK, MONTH, YEAR = 86_400, 604_800, 2_592_001, 31_536_000
"""Values of repeat_interval."""
REPEATS = {0: "No repetition", DAY: "Daily", WEEK: "Weekly", MONTH: "Monthly", YEAR: "Yearly"}
REMINDERS = {-1: "No reminder", 0: "At the time of event", 5: "5 minutes before", 10: "10 minutes before",
             30: "30 minutes before", 60: "1 hour before", 1440: "1 day before"}  # fmt: skip
ALL_DAY = 1
"""Bit of `flags`."""
_COLUMNS = (
    "id, start_ts, end_ts, title, location, description, reminder_1_minutes, repeat_interval, repeat_rule,"
    " repeat_limit, repetition_exceptions, flags"
)


@dataclass(frozen=True, slots=True)
class Event:
    """A row of events. `rule` of a weekly event has a bit for each day, Monday is 1."""

    id: int
    start: int
    end: int
    title: str
    location: str = ""
    description: str = ""
    reminder: int = -1
    interval: int = 0
    rule: int = 0
    limit: int = 0
    exceptions: tuple[str, ...] = ()
    all_day: bool = False


class Events:
    """The events of a device, and what follows from changing them."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state = manager, manager.state

    @property
    def database(self) -> Database:
        """The calendar's database."""
        return self.state.app_database(PACKAGE, "events.db")

    def all(self) -> list[Event]:
        """Return the events as they are stored, by their start."""
        rows = self.database.execute(f"SELECT {_COLUMNS} FROM events WHERE type = 0 ORDER BY start_ts, id")
        return [_event(row) for row in rows]

    def get(self, number: int) -> Event | None:
        """Return an event by its id."""
        rows = self.database.execute(f"SELECT {_COLUMNS} FROM events WHERE id = ?", (number,))
        return _event(rows[0]) if rows else None

    def between(self, first: date, last: date) -> list[Event]:
        """Return what happens on some days, each occurrence with its own times, by start."""
        found: list[Event] = []
        for event in self.all():
            found += occurrences(self.state, event, first, last)
        return sorted(found, key=lambda e: (not e.all_day, e.start, e.title))

    def save(self, event: Event) -> int:
        """Write an event, a new one for id 0; return its id."""
        now = self.state.clock.now_ms
        row = {
            "start_ts": event.start,
            "end_ts": event.end,
            "title": event.title,
            "location": event.location,
            "description": event.description,
            "reminder_1_minutes": event.reminder,
            "repeat_interval": event.interval,
            "repeat_rule": event.rule,
            "repeat_limit": event.limit,
            "repetition_exceptions": "[" + ",".join(f'"{day}"' for day in event.exceptions) + "]",
            "flags": ALL_DAY if event.all_day else 0,
            "time_zone": self.state.clock.zone,
            "last_updated": now,
        }
        number = event.id
        if number:
            names = ", ".join(f"{name} = ?" for name in row)
            self.database.execute(f"UPDATE events SET {names} WHERE id = ?", (*row.values(), number))
        else:
            number = self.database.insert("events", {**_DEFAULTS, **row, "import_id": f"{now}{event.start}"})
        self._remind(replace(event, id=number))
        return number

    def delete(self, number: int) -> None:
        """Delete an event with all its repetitions."""
        self.database.execute("DELETE FROM events WHERE id = ?", (number,))
        self.manager.alarms.cancel(PACKAGE, f"event:{number}")
        self.manager.notices.cancel(PACKAGE, number)

    def skip(self, number: int, start: int) -> None:
        """Leave one repetition out."""
        event = self.get(number)
        if event is not None:
            day = f"{self.state.clock.local(start * 1_000_000):%Y%m%d}"
            self.save(replace(event, exceptions=(*event.exceptions, day)))

    def _remind(self, event: Event) -> None:
        self.manager.alarms.cancel(PACKAGE, f"event:{event.id}")
        if event.reminder < 0:
            return
        today = self.state.clock.local().date()
        for found in occurrences(self.state, event, today, today + timedelta(days=400)):
            at = (found.start - event.reminder * 60) * 1000
            if at > self.state.clock.now_ms:
                self.manager.alarms.set(PACKAGE, f"event:{event.id}", at, {"event": event.id, "start": found.start})
                return

    def tell(self, number: int, start: int) -> None:
        """Post the reminder of an event and set the next one."""
        event = self.get(number)
        if event is not None:
            moment = self.state.clock.local(start * 1_000_000)
            self.manager.notices.post(
                PACKAGE, number, event.title, f"{moment:%H:%M}", actions=("Snooze",), component=MAIN, heads_up=True
            )
            self._remind(event)

    def snooze(self, number: int) -> None:
        """Remind once more in ten minutes."""
        event = self.get(number)
        self.manager.notices.cancel(PACKAGE, number)
        if event is not None:
            at = self.state.clock.now_ms + 600_000
            payload = {"event": number, "start": event.start}
            self.manager.alarms.set(PACKAGE, f"event:{number}", at, payload)


_DEFAULTS: dict[str, object] = {
    "reminder_2_minutes": -1,
    "reminder_3_minutes": -1,
    "reminder_1_type": 0,
    "reminder_2_type": 0,
    "reminder_3_type": 0,
    "attendees": "[]",
    "event_type": 1,
    "parent_id": 0,
    "source": "simple-calendar",
    "availability": 0,
    "color": 0,
    "type": 0,
}


def _event(row: tuple[object, ...]) -> Event:
    number, start, end, title, location, text, reminder, interval, rule, limit, exceptions, flags = row
    left_out = tuple(part.strip(' "') for part in str(exceptions).strip("[]").split(",") if part.strip(' "'))
    return Event(
        int(str(number)), int(str(start)), int(str(end)), str(title), str(location), str(text), int(str(reminder)),
        int(str(interval)), int(str(rule)), int(str(limit)), left_out, bool(int(str(flags)) & ALL_DAY),
    )  # fmt: skip


def occurrences(state: State, event: Event, first: date, last: date) -> Iterator[Event]:
    """Yield an event's repetitions that touch the days from `first` to `last`."""
    local, length = _naive(state, event.start), event.end - event.start
    for day in _days(event, local.date(), first - timedelta(days=length // DAY + 1), last):
        start = int(state.clock.from_local(datetime.combine(day, local.time())).timestamp())
        end_day = _naive(state, max(start + length - 1, start)).date() if not event.all_day else (
            day + timedelta(days=length // DAY)
        )  # fmt: skip
        if end_day >= first and f"{day:%Y%m%d}" not in event.exceptions and not 0 < event.limit < start:
            yield replace(event, start=start, end=start + length)


def _naive(state: State, seconds: int) -> datetime:
    return state.clock.local(seconds * 1_000_000).replace(tzinfo=None)


def _days(event: Event, begin: date, first: date, last: date) -> Iterator[date]:
    """Yield the days on which an event begins, from `first` to `last`."""
    if not event.interval:
        if first <= begin <= last:
            yield begin
        return
    day = max(begin, first)
    while day <= last:
        days = (day - begin).days % 7
        if event.interval % WEEK == 0:
            monday = (begin.weekday() + (day - begin).days) // 7
            hit = monday % (event.interval // WEEK) == 0 and bool(
                event.rule >> day.weekday() & 1 if event.rule else not days
            )
        elif event.interval % MONTH == 0:
            hit = day.day == min(begin.day, calendar.monthrange(day.year, day.month)[1])
        elif event.interval % YEAR == 0:
            hit = (day.month, day.day) == (begin.month, begin.day)
        else:
            hit = (day - begin).days % max(event.interval // DAY, 1) == 0
        if hit:
            yield day
        day += timedelta(days=1)
