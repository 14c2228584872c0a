"""What the tasks of the calendar share: events, written and read through a Phone."""

from __future__ import annotations

import calendar
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from vlgym.android.tasks.desk import AppTask, Rows
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, launch, seek

DB = "/data/data/com.simplemobiletools.calendar.pro/databases/events.db"
TITLES = (
    *("Dentist", "Team lunch", "Piano lesson", "Budget review", "Car inspection", "Book club", "Haircut", "Choir"),
    *(
        "Parents' evening",
        "Vet visit",
        "Chess night",
        "Tax office",
        "Blood donation",
        "Museum tour",
        "Yoga",
        "Call Ina",
    ),
)
PLACES = ("Harbour street 4", "Room 12", "Town hall", "Cafe Lumen", "Station west", "Old mill")
NOTES = ("Bring the papers", "Ask for the receipt", "Be early", "Take the umbrella", "Wear the good shoes")
REMINDERS = {"10 minutes before": 10, "30 minutes before": 30, "1 hour before": 60, "1 day before": 1440}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEK = 604_800
Event = dict[str, Any]
"""Plain data: "title", "day" (ISO), "hour", "minute", and maybe "minutes" (how long), "location", "description",
"reminder", "interval", "rule", "skipped" (days left out)."""

_FIELDS = (
    "title, start_ts, end_ts, location, description, reminder_1_minutes, repeat_interval, repeat_rule, repeat_limit,"
    " repetition_exceptions, flags"
)


def row_of(event: Event, zone: Any) -> tuple[Any, ...]:
    """Return an event as a row of the fields that judges compare."""
    day = date.fromisoformat(event["day"])
    start = int(datetime(day.year, day.month, day.day, event["hour"], event["minute"], tzinfo=zone).timestamp())
    skipped = "[" + ",".join(f'"{one}"' for one in event.get("skipped", ())) + "]"
    return (
        event["title"],
        start,
        start + 60 * event.get("minutes", 60),
        event.get("location", ""),
        event.get("description", ""),
        event.get("reminder", -1),
        event.get("interval", 0),
        event.get("rule", 0),
        0,
        skipped,
        0,
    )


def rows(phone: Phone) -> Rows:
    """Return the events, sorted."""
    found = phone.rows(DB, f"SELECT {_FIELDS} FROM events WHERE type = 0")
    return sorted(
        (str(title), int(start), int(end), str(place), str(text), *(int(n) for n in numbers), str(skipped), int(flags))
        for title, start, end, place, text, *numbers, skipped, flags in found
    )


def set_events(phone: Phone, events: Sequence[Event]) -> None:
    """Make these the only events."""
    phone.execute(DB, "DELETE FROM events")
    zone = phone.now().tzinfo
    for event in events:
        phone.execute(
            DB,
            f"INSERT INTO events ({_FIELDS}, reminder_2_minutes, reminder_3_minutes, reminder_1_type, reminder_2_type,"
            " reminder_3_type, attendees, import_id, time_zone, event_type, parent_id, last_updated, source,"
            " availability, color, type) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, -1, -1, 0, 0, 0, '[]', '', 'UTC', 1,"
            " 0, 0, 'simple-calendar', 0, 0, 0)",
            row_of(event, zone),
        )


def say_day(day: str) -> str:
    """Return a day as the month's cells call it: October 17."""
    found = date.fromisoformat(day)
    return f"{calendar.month_name[found.month]} {found.day}"


def say_time(event: Event) -> str:
    """Return when an event begins: 09:30."""
    return f"{event['hour']:02d}:{event['minute']:02d}"


def draw_events(rng: random.Random, count: int) -> list[Event]:
    """Return events with different titles later this month, none at the same time as another."""
    slots = rng.sample([(day, hour) for day in range(16, 32) for hour in range(7, 22, 2)], count)
    return [
        {"title": title, "day": f"2023-10-{day}", "hour": hour, "minute": rng.choice((0, 15, 30, 45))}
        for title, (day, hour) in zip(rng.sample(TITLES, count), slots)
    ]


class EventTask(AppTask):
    """Base of the tasks about events: `before` is what set-up leaves, `after` what there should be."""

    app = "calendar"
    package = "com.simplemobiletools.calendar.pro"
    checkpoints: tuple[str, ...] = ("open the calendar", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw events and one of them."""
        events = draw_events(rng, rng.randint(4, 8))
        which = rng.randrange(len(events))
        one = events[which]
        return {
            "events": events,
            "which": which,
            "title": one["title"],
            "date": say_day(one["day"]),
            "time": say_time(one),
        }

    def after(self, p: Params) -> list[Event]:
        """Return the events of a success."""
        return list(p["events"])

    def changed(self, p: Params, **values: object) -> list[Event]:
        """Return the events with the chosen one changed."""
        return [{**event, **values} if n == p["which"] else event for n, event in enumerate(p["events"])]

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the events."""
        set_events(phone, p["events"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the events are those of a success."""
        zone = phone.now().tzinfo
        return rows(phone) == sorted(row_of(event, zone) for event in self.after(p))

    def open(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what opens the chosen event."""
        yield from launch(screen, "Calendar")
        yield click(p["date"])
        yield from seek(screen, p["title"])
        yield click(p["title"])

    def another(self, p: Params) -> Params:
        """Return params about another event."""
        n = (p["which"] + 1) % len(p["events"])
        one = p["events"][n]
        return {**p, "which": n, "title": one["title"], "date": say_day(one["day"])}
