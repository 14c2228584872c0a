"""Tasks that change or delete events."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date

from vlgym.android.tasks.calendar.base import (
    PLACES,
    REMINDERS,
    TITLES,
    WEEK,
    Event,
    EventTask,
    say_day,
)
from vlgym.android.tasks.clock.alarms import pick_time
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, enter, launch, long_press


class DeleteEvent(EventTask):
    """An event less."""

    name = "CalendarDeleteEvent"
    instruction = 'Delete the event "{title}" on {date} from the calendar.'
    checkpoints: tuple[str, ...] = ("open the calendar", 'delete "{title}"')
    steps = 5

    def after(self, p: Params) -> list[Event]:
        """Return the others."""
        return [event for n, event in enumerate(p["events"]) if n != p["which"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it and delete it."""
        yield from self.open(screen, p)
        yield click("Delete")
        yield click("Yes")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another."""
        yield from self.solve(screen, self.another(p))


class DeleteDay(DeleteEvent):
    """A free day."""

    name = "CalendarClearDay"
    instruction = "Delete all events on {date} from the calendar, and no others."
    checkpoints: tuple[str, ...] = ("open the calendar", "have no events on {date}")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw two or three events on one day."""
        p = super().draw(rng)
        count = rng.randint(2, 3)
        day = p["events"][0]["day"]
        hours = rng.sample(range(7, 22, 3), count)
        for event, hour in zip(p["events"], hours):
            event.update(day=day, hour=hour)
        for event in p["events"][count:]:
            if event["day"] == day:
                event["day"] = "2023-11-02"
        return {"events": p["events"], "count": count, "date": say_day(day)}

    def after(self, p: Params) -> list[Event]:
        """Return the others."""
        return list(p["events"][p["count"] :])

    def select(self, screen: Screen, p: Params, count: int) -> Iterator[str]:
        """Yield what deletes the first so many events of the day."""
        yield from launch(screen, "Calendar")
        yield click(p["date"])
        for turn, event in enumerate(p["events"][:count]):
            yield click(event["title"]) if turn else long_press(event["title"])
        yield click("Delete")
        yield click("Yes")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select all and delete them."""
        yield from self.select(screen, p, p["count"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave one."""
        yield from self.select(screen, p, p["count"] - 1)


class MoveTime(EventTask):
    """Another time."""

    name = "CalendarMoveTime"
    instruction = 'Move the event "{title}" on {date} to {new_time} on the same day; it should stay as long as it is.'
    checkpoints: tuple[str, ...] = ("open the calendar", "open the event", "save the new time")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw the new time as well."""
        p = super().draw(rng)
        hour, minute = rng.choice(range(6, 21, 2)), rng.choice((0, 15, 30, 45))
        return {**p, "hour": hour, "minute": minute, "new_time": f"{hour:02d}:{minute:02d}"}

    def after(self, p: Params) -> list[Event]:
        """Return the events with the new time."""
        return self.changed(p, hour=p["hour"], minute=p["minute"])

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the form is open or done with."""
        return ("EventActivity" in phone.foreground() or self.solved(phone, p),)

    def set(self, screen: Screen, p: Params, which: str) -> Iterator[str]:
        """Yield what sets one of the two times."""
        yield from self.open(screen, p)
        yield click(which)
        yield from pick_time(p["hour"], p["minute"])
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set the start."""
        yield from self.set(screen, p, "Start time")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set the end."""
        yield from self.set(screen, p, "End time")


class MoveDay(MoveTime):
    """Another day."""

    name = "CalendarMoveDay"
    instruction = 'Postpone the event "{title}" from {date} to {new_date}, 2023 at the same time.'
    checkpoints: tuple[str, ...] = ("open the calendar", "open the event", "save the new day")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw a day of next month."""
        p = EventTask.draw(self, rng)
        day = f"2023-11-{rng.randint(1, 30):02d}"
        return {**p, "day": day, "new_date": say_day(day)}

    def after(self, p: Params) -> list[Event]:
        """Return the events with the new day."""
        return self.changed(p, day=p["day"])

    def turn(self, screen: Screen, p: Params, *moves: str) -> Iterator[str]:
        """Yield what picks the day after the calendar has been turned."""
        yield from self.open(screen, p)
        yield click("Start date")
        for move in moves:
            yield click(move)
        day = date.fromisoformat(p["day"])
        months = [e.label for e in screen.elements if e.label.startswith(f"{day.day} ") and e.label.endswith(" 2023")]
        yield click(months[0] if months else "OK")
        yield click("OK")
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Turn to the next month and pick the day."""
        yield from self.turn(screen, p, "Next month")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Pick the day in the month before."""
        yield from self.turn(screen, p, "Next month", "Previous month", "Previous month")


class SetReminder(MoveTime):
    """A reminder."""

    name = "CalendarSetReminder"
    instruction = 'Set a reminder {reminder} the event "{title}" on {date}.'
    checkpoints: tuple[str, ...] = ("open the calendar", "open the event", "save the reminder")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw the reminder as well."""
        chosen = rng.choice(list(REMINDERS))
        return {**EventTask.draw(self, rng), "choice": chosen, "reminder": chosen}

    def after(self, p: Params) -> list[Event]:
        """Return the events with the reminder."""
        return self.changed(p, reminder=REMINDERS[p["choice"]])

    def choose(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what chooses the reminder."""
        yield from self.open(screen, p)
        yield click("Reminder")
        yield click(p["choice"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose and save."""
        yield from self.choose(screen, p)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose and leave."""
        yield from self.choose(screen, p)
        yield "press(home)"


class RenameEvent(MoveTime):
    """Another title and place."""

    name = "CalendarRenameEvent"
    instruction = 'Rename the event "{title}" on {date} to "{new_title}" and set its location to "{location}".'
    checkpoints: tuple[str, ...] = ("open the calendar", "open the event", "save title and location")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw title and place as well."""
        p = EventTask.draw(self, rng)
        used = {event["title"] for event in p["events"]}
        new = rng.choice([title for title in TITLES if title not in used])
        return {**p, "new_title": new, "location": rng.choice(PLACES)}

    def after(self, p: Params) -> list[Event]:
        """Return the events with both."""
        return self.changed(p, title=p["new_title"], location=p["location"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Replace the title, fill in the place."""
        yield from self.open(screen, p)
        yield enter(p["new_title"], "Title").replace("type[", "replace[", 1)
        yield enter(p["location"], "Location")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write the new title behind the old one."""
        yield from self.open(screen, p)
        yield enter(p["new_title"], "Title")
        yield enter(p["location"], "Location")
        yield click("Save")


class SkipOccurrence(EventTask):
    """One repetition less."""

    name = "CalendarSkipOccurrence"
    instruction = 'The event "{title}" repeats every week. Delete it on {date} only; all others should stay.'
    checkpoints: tuple[str, ...] = ("open the calendar", 'delete "{title}" on {date}')
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw a weekly event and which of its days is free."""
        p = super().draw(rng)
        first = rng.randint(16, 19)
        events = self.changed(p, day=f"2023-10-{first}", interval=WEEK, rule=1 << date(2023, 10, first).weekday())
        return {**p, "events": events, "skip": f"202310{first + 7}", "date": f"October {first + 7}"}

    def after(self, p: Params) -> list[Event]:
        """Return the events with a day left out."""
        return self.changed(p, skipped=[p["skip"]])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the one."""
        yield from self.open(screen, p)
        yield click("Delete")
        yield click("Only this occurrence")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete all."""
        yield from self.open(screen, p)
        yield click("Delete")
        yield click("All occurrences")
