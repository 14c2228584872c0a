"""Tasks of the messenger that need another app as well."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.calendar.base import draw_events, row_of, rows, say_day, say_time, set_events
from vlgym.android.tasks.messages.base import APP, TextTask
from vlgym.android.tasks.messages.writing import Reply, SendToContact
from vlgym.android.tasks.people import (
    cards,
    digits,
    draw_people,
    name_of,
    wanted_cards,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, enter, launch, seek


class ShareNumber(SendToContact):
    """Somebody's number for somebody else."""

    name = "MessagesShareNumber"
    instruction = "Text {name} the phone number of {asked}, digits only, nothing else."
    checkpoints: tuple[str, ...] = (
        "open the messages",
        "open the conversation with {name}",
        "send the number of {asked}",
    )
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw whose number is wanted as well."""
        p = super().draw(rng)
        place = rng.choice([n for n in range(len(p["people"])) if n != p["which"]])
        asked = p["people"][place]
        texts_ = [text for text in p["texts"] if text[0] != asked["number"]]
        return {**p, "texts": texts_, "asked": name_of(asked), "body": asked["number"]}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the number in the contacts and send it."""
        yield from launch(screen, "Contacts")
        yield from seek(screen, p["asked"])
        yield click(p["asked"])
        wanted = next(e for e in screen.elements if digits(e.label)[-10:] == p["body"])
        yield from Reply().open(screen, p)
        yield enter(digits(wanted.label)[-10:], "Type a message…")
        yield click("Send")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Send the name instead."""
        yield from Reply().open(screen, p)
        yield enter(p["asked"], "Type a message…")
        yield click("Send")


class SaveSender(TextTask):
    """A contact from a message."""

    name = "MessagesSaveSender"
    instruction = "Somebody whose number is not in my contacts has texted me their name. Save them as a new contact."
    checkpoints: tuple[str, ...] = ("open the messages", "begin a contact", "save the sender")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw who has written as well."""
        p = super().draw(rng)
        taken = {person["first"] for person in p["people"]}
        new = next(one for one in draw_people(rng, 9) if one["first"] not in taken)
        new["number"] = new["number"][:-3] + str(rng.randint(200, 299))
        line = rng.choice(("Hi, this is {}. I have a new number!", "{} here, please save my number.", "It's me, {}."))
        text = [new["number"], line.format(name_of(new)), rng.choice((4, 4000, 6000)), True, True]
        return {**p, "new": new, "texts": [*p["texts"], text]}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether exactly that contact is new."""
        return super().solved(phone, p) and cards(phone) == wanted_cards([*p["people"], p["new"]])

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the form is open or done with."""
        return ("ContactEditorActivity" in phone.foreground() or self.solved(phone, p),)

    def is_open(self, phone: Phone) -> bool:
        """Return whether one of the two apps is in front."""
        return super().is_open(phone) or "contacts" in phone.foreground()

    def fill(self, screen: Screen, p: Params, first: str, last: str) -> Iterator[str]:
        """Yield what leads to the filled form."""
        number = p["new"]["number"]
        shown = f"({number[:3]}) {number[3:6]}-{number[6:]}"
        yield from launch(screen, APP)
        yield from seek(screen, shown)
        yield click(shown)
        yield click("More options")
        yield click("Add number to contact")
        yield enter(first, "First name")
        yield enter(last, "Last name")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Save it from the conversation."""
        yield from self.fill(screen, p, p["new"]["first"], p["new"]["last"])
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Confuse first and last name."""
        yield from self.fill(screen, p, p["new"]["last"], p["new"]["first"])
        yield click("Save")


class SendEventTime(SendToContact):
    """When an event begins, for somebody."""

    name = "MessagesSendEventTime"
    instruction = 'Text {name} when the event "{title}" on {date} in my calendar begins: the time alone, like 09:30.'
    checkpoints: tuple[str, ...] = ("open the messages", "open the conversation with {name}", "send the time")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw events as well."""
        p, events = super().draw(rng), draw_events(rng, 5)
        one = events[0]
        return {**p, "events": events, "title": one["title"], "date": say_day(one["day"]), "body": say_time(one)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the events as well."""
        super().setup(phone, p)
        set_events(phone, p["events"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the message is sent and the calendar is as it was."""
        zone = phone.now().tzinfo
        return super().solved(phone, p) and rows(phone) == sorted(row_of(event, zone) for event in p["events"])

    def tell(self, screen: Screen, p: Params, place: slice) -> Iterator[str]:
        """Yield what reads the times and sends a part of them."""
        yield from launch(screen, "Calendar")
        yield click(p["date"])
        row = next(e for e in screen.elements if p["title"] in e.words)
        times = next(word for word in row.words if " - " in word and word[:2].isdecimal())
        yield from Reply().open(screen, p)
        yield enter(times[place], "Type a message…")
        yield click("Send")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Send the beginning."""
        yield from self.tell(screen, p, slice(0, 5))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Send the end."""
        yield from self.tell(screen, p, slice(-5, None))
