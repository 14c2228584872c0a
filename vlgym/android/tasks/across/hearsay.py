"""Things read in one place and used in another."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.calendar.base import Event, EventTask
from vlgym.android.tasks.clock.alarms import alarms, pick_time, set_alarms
from vlgym.android.tasks.contacts import AddContact
from vlgym.android.tasks.expense import Add as AddExpense
from vlgym.android.tasks.markor import Create
from vlgym.android.tasks.people import digits
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.settings.base import walk
from vlgym.android.tasks.storage import Tree
from vlgym.android.tasks.system import NOTES, post, posted
from vlgym.android.tasks.tasks.make import Add as AddTask
from vlgym.android.tasks.template import Params, Screen, Template, click, launch, seek


class Told(Template):
    """Mixed into a task whose words stand in one of the notifications `p["notes"]`, which must stay.

    `told` says what that notification reads.
    """

    app = "across"

    def told(self, p: Params) -> tuple[str, str]:
        """Return title and text of the notification."""
        raise NotImplementedError

    def others(self, rng: random.Random) -> list[list[str]]:
        """Draw two notifications about something else."""
        return [
            [title, text.format(clock=f"{rng.randrange(8, 20):02d}:15", number=rng.randint(2, 60))]
            for title, text in rng.sample(NOTES, 2)
        ]

    def draw(self, rng: random.Random) -> Params:
        """Draw the task and the other notifications."""
        return {**super().draw(rng), "notes": self.others(rng), "place": rng.randrange(3)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Prepare the task and post the notifications."""
        super().setup(phone, p)
        notes = [*p["notes"]]
        notes.insert(p["place"], list(self.told(p)))
        post(phone, notes)

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the task and that the notifications are still there."""
        *before, last = super().reached(phone, p, answer)
        return (*before, last and len(posted(phone)) == 3)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read, then do it."""
        yield "scroll(up)"
        yield "press(home)"
        yield from super().solve(screen, p)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read, then nearly do it."""
        yield "scroll(up)"
        yield "press(home)"
        yield from super().near_miss(screen, p)


class NoticeToTask(Told, AddTask):
    """A request becomes a task."""

    app = "across"
    name = "AcrossNotificationToTask"
    instruction = "The notification titled Ida asks you for something. Put it on the list in Tasks, in the same words."
    steps = 7

    def told(self, p: Params) -> tuple[str, str]:
        """Return the request."""
        return "Ida", p["title"]


class NoticeToContact(Told, AddContact):
    """A number becomes a contact."""

    app = "across"
    name = "AcrossNotificationToContact"
    instruction = "A notification tells the phone number of {name}. Create a contact for {name} with that number."
    checkpoints: tuple[str, ...] = ("open the contacts", "begin a new contact", "save {name} with the number")
    steps = 8

    def told(self, p: Params) -> tuple[str, str]:
        """Return the number."""
        return "New number", f"{p['name']} can now be reached at {digits(p['number'])}"


class NoticeToExpense(Told, AddExpense):
    """A payment becomes an expense."""

    app = "across"
    name = "AcrossNotificationToExpense"
    instruction = (
        'A notification tells what was paid for "{name}". Add it to Pro Expense under that name, '
        'category "{category}", with the note "{note}".'
    )
    steps = 10

    def told(self, p: Params) -> tuple[str, str]:
        """Return the payment."""
        return "Bank", f"{p['name']}: you paid {p['amount']}"


class EventToAlarm(EventTask):
    """An event's time becomes an alarm."""

    app = "across"
    name = "AcrossEventToAlarm"
    instruction = 'Set an alarm for the time at which the event "{title}" begins; it is in the calendar on {date}.'
    checkpoints: tuple[str, ...] = ("look into the calendar", "set the alarm and change nothing else")
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw events at times that the dial of the time picker names."""
        p = super().draw(rng)
        one: Event = p["events"][p["which"]]
        return {**p, "new": [one["hour"], one["minute"]]}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the events, and take the alarms away."""
        super().setup(phone, p)
        set_alarms(phone, [])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether there is that alarm and the events are as they were."""
        return super().solved(phone, p) and alarms(phone) == [(*p["new"], 0, 1, "")]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look the event up, then set the alarm."""
        yield from self.open(screen, p)
        yield "press(home)"
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(*p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set it for an hour earlier."""
        yield from self.solve(screen, {**p, "new": [p["new"][0] - 1, p["new"][1]]})


class BuildNumberToNote(Create):
    """What the settings say becomes a note."""

    app = "across"
    name = "AcrossSettingToNote"
    instruction = 'Create a note "{name}" in Markor that holds this phone\'s {what} as the settings show it, no more.'
    checkpoints = ("open Markor", "create the file", "write down the {what}")
    steps = 11
    _PROPERTIES = {
        "Build number": "ro.build.id",
        "Android version": "ro.build.version.release",
        "Model": "ro.product.model",
        "Android security update": "ro.build.version.security_patch",
    }

    def draw(self, rng: random.Random) -> Params:
        """Draw what to write down."""
        row = rng.choice(list(self._PROPERTIES))
        return {**super().draw(rng), "text": "", "row": row, "what": row if row.startswith("Android") else row.lower()}

    def after(self, p: Params) -> Tree:
        """Return the notes and the new one."""
        return {**p["files"], p["name"]: p["text"]}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the note says what the property is."""
        truth = phone.shell(f"getprop {self._PROPERTIES[p['row']]}").strip()
        return super().solved(phone, {**p, "text": truth})

    def _look(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from walk(screen, "About phone")
        yield from seek(screen, p["row"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look it up, then write it down."""
        yield from self._look(screen, p)
        mark = screen.get(p["row"])
        words = [word for element in screen.elements[mark.index :] for word in element.words]
        found = words[words.index(p["row"]) + 1]
        yield "press(home)"
        yield from super().solve(screen, {**p, "text": found})

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write down what it is called."""
        yield from self._look(screen, p)
        yield "press(home)"
        yield from super().solve(screen, {**p, "text": p["row"]})
