"""Tasks that make events, and questions about events."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from vlgym.android.tasks.calendar.base import (
    DAYS,
    NOTES,
    PLACES,
    REMINDERS,
    TITLES,
    WEEK,
    Event,
    EventTask,
    draw_events,
    say_day,
    say_time,
)
from vlgym.android.tasks.clock.alarms import pick_time
from vlgym.android.tasks.desk import AppQuestion
from vlgym.android.tasks.people import SAID, draw_people, name_of, set_people, set_texts, texts, wanted_texts
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, launch


class AddEvent(EventTask):
    """A new event of an hour."""

    name = "CalendarAddEvent"
    instruction = 'Create a calendar event "{title}" on {date}, 2023 from {time} to {end}.'
    checkpoints: tuple[str, ...] = ("open the calendar", "begin a new event", "save the event")
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw the others and the new one."""
        *events, new = draw_events(rng, rng.randint(4, 6))
        new["minute"] = rng.choice((0, 15, 30))
        end = f"{new['hour'] + 1:02d}:{new['minute']:02d}"
        date_ = say_day(new["day"])
        return {"events": events, "new": new, "title": new["title"], "date": date_, "time": say_time(new), "end": end}

    def after(self, p: Params) -> list[Event]:
        """Return the events with the new one."""
        return [*p["events"], p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the form is open or done with."""
        return ("EventActivity" in phone.foreground() or self.solved(phone, p),)

    def begin(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to a form with title and start."""
        yield from launch(screen, "Calendar")
        yield click(p["date"])
        yield click("New Event")
        yield enter(p["title"], "Title")
        yield click("Start time")
        yield from pick_time(p["new"]["hour"], p["new"]["minute"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form in and save it."""
        yield from self.begin(screen, p)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Discard it."""
        yield from self.begin(screen, p)
        yield click("Close")
        yield click("Discard")


class AddFullEvent(AddEvent):
    """A new event with everything."""

    name = "CalendarAddFullEvent"
    instruction = (
        'Create a calendar event "{title}" on {date}, 2023 from {time} to {end} at the location "{location}" with the '
        'description "{description}". Set a reminder {reminder}.'
    )
    steps = 18

    def draw(self, rng: random.Random) -> Params:
        """Draw the rest as well."""
        p = super().draw(rng)
        minutes = rng.choice((45, 90, 120))
        until = datetime(2023, 10, 1, p["new"]["hour"], p["new"]["minute"]) + timedelta(minutes=minutes)
        more = {"location": rng.choice(PLACES), "description": rng.choice(NOTES)}
        reminder = rng.choice(list(REMINDERS))
        new = {**p["new"], **more, "minutes": minutes, "reminder": REMINDERS[reminder]}
        return {**p, **more, "new": new, "reminder": reminder, "end": f"{until:%H:%M}"}

    def fill(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what fills in everything but the reminder."""
        yield from self.begin(screen, p)
        hour, minute = map(int, p["end"].split(":"))
        yield click("End time")
        yield from pick_time(hour, minute)
        yield enter(p["location"], "Location")
        yield enter(p["description"], "Description")
        yield "press(back)"  # the keyboard

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill everything in."""
        yield from self.fill(screen, p)
        yield click("Reminder")
        yield click(p["reminder"])
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the reminder."""
        yield from self.fill(screen, p)
        yield click("Save")


class AddWeekly(AddEvent):
    """A new event that repeats."""

    name = "CalendarAddWeeklyEvent"
    instruction = (
        'Create a calendar event "{title}" from {time} to {end} that starts on {date}, 2023 and repeats weekly on '
        "{days}."
    )
    steps = 14

    def draw(self, rng: random.Random) -> Params:
        """Draw two days of the week, one of them the first day's."""
        p = super().draw(rng)
        first = date.fromisoformat(p["new"]["day"]).weekday()
        bits = sorted({first, rng.choice([n for n in range(7) if n != first])})
        new = {**p["new"], "interval": WEEK, "rule": sum(1 << bit for bit in bits)}
        return {**p, "new": new, "first": first, "bits": bits, "days": " and ".join(DAYS[bit] for bit in bits)}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the repetition and its other day."""
        yield from self.begin(screen, p)
        yield click("Repetition")
        yield click("Weekly")
        yield click("Repeat on")
        for bit in p["bits"]:
            if bit != p["first"]:
                yield click(DAYS[bit])
        yield click("OK")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Let it repeat on one day only."""
        yield from self.begin(screen, p)
        yield click("Repetition")
        yield click("Weekly")
        yield click("Save")


class EventFromMessage(AddEvent):
    """An event that somebody has written about."""

    name = "CalendarEventFromMessage"
    instruction = (
        '{name} has sent me a text message with the date and the time of "{title}". Add it to my calendar under this '
        "title, one hour long."
    )
    checkpoints: tuple[str, ...] = ("open the calendar", "begin a new event", "save the event")
    steps = 12

    def draw(self, rng: random.Random) -> Params:
        """Draw people and their messages as well."""
        p, people = super().draw(rng), draw_people(rng, 4)
        said = [f"{p['title']} is on {p['date']} at {p['time']}.", *rng.sample(SAID, 3)]
        messages = [[who["number"], body, 3 + 50 * n, True, True] for n, (who, body) in enumerate(zip(people, said))]
        return {**p, "people": people, "texts": messages, "name": name_of(people[0])}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make people and messages as well."""
        super().setup(phone, p)
        set_people(phone, p["people"])
        set_texts(phone, p["texts"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the event is there and the messages are as they were."""
        return super().solved(phone, p) and texts(phone) == wanted_texts(p["texts"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the message, then make the event."""
        yield from launch(screen, "SMS Messenger")
        yield click(p["name"])
        body = next(word for e in screen.elements for word in e.words if word.startswith(f"{p['title']} is on "))
        day, _, time = body.removeprefix(f"{p['title']} is on ").rstrip(".").partition(" at ")
        hour, minute = map(int, time.split(":"))
        yield from super().solve(screen, {**p, "date": day, "new": {**p["new"], "hour": hour, "minute": minute}})

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Put it down for the same time today."""
        yield from super().solve(screen, {**p, "date": "October 15"})


class WhenIs(EventTask, AppQuestion):
    """When is it?"""

    name = "CalendarWhenIs"
    instruction = 'On which day of October and at what time does my event "{title}" begin? Answer like 17, 09:30.'
    checkpoints: tuple[str, ...] = ("open the calendar", "give day and time")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw the answer as well."""
        p = super().draw(rng)
        return {**p, "answer": f"{p['date'].split()[-1]}, {p['time']}"}

    reached = AppQuestion.reached

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Search for it."""
        yield from launch(screen, "Calendar")
        yield click("Search")
        yield enter(p["title"])
        found = next(word for e in screen.elements for word in e.words if word.startswith("Oct "))
        day, _, times = found.removeprefix("Oct ").partition(", ")
        yield answer(f"{day}, {times[:5]}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Name another event's."""
        one = p["events"][(p["which"] + 1) % len(p["events"])]
        yield from launch(screen, "Calendar")
        yield answer(f"{int(one['day'][-2:])}, {say_time(one)}")


class WhatIsAt(EventTask, AppQuestion):
    """What is then?"""

    name = "CalendarWhatIsAt"
    instruction = "Which event in my calendar begins on {date} at {time}? Answer with its title."
    checkpoints: tuple[str, ...] = ("open the calendar", "give the title")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw the answer as well."""
        p = super().draw(rng)
        return {**p, "answer": p["title"]}

    reached = AppQuestion.reached

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look at the day."""
        yield from launch(screen, "Calendar")
        yield click(p["date"])
        found = next(e for e in screen.elements if any(word.startswith(p["time"]) for word in e.words))
        yield answer(next(word for word in found.words if word in TITLES))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Name another event."""
        yield from launch(screen, "Calendar")
        yield answer(self.another(p)["title"])
