"""Tasks in the phone app: calls, the keypad, the log."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from vlgym.android.tasks.desk import AppQuestion, AppTask
from vlgym.android.tasks.people import (
    Person,
    call_log,
    call_now,
    cards,
    digits,
    draw_number,
    draw_people,
    name_of,
    set_calls,
    set_people,
    wanted_cards,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, answer, click, enter, launch, long_press, seek

PACKAGE = "com.google.android.dialer"
INCOMING, OUTGOING, MISSED = 1, 2, 3


class CallTask(AppTask):
    """Base: people and a log; the people stay as they are, the log grows by nothing but what is wanted."""

    app = "dialer"
    package = PACKAGE
    checkpoints: tuple[str, ...] = ("open the phone app", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw people, a log, and one of the people."""
        people = draw_people(rng, rng.randint(4, 7))
        numbers = [person["number"] for person in people]
        ages = sorted(rng.sample(range(3, 2000), 5))
        log = [[rng.choice(numbers), rng.choice((INCOMING, OUTGOING)), age, rng.randint(20, 400)] for age in ages]
        which = rng.randrange(len(people))
        return {"people": people, "log": log, "which": which, "name": name_of(people[which])}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make people and log."""
        set_people(phone, p["people"])
        set_calls(phone, p["log"])

    def people_after(self, p: Params) -> list[Person]:
        """Return the contacts of a success."""
        return list(p["people"])

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return the log of a success, the latest first."""
        return [(digits(number), kind) for number, kind, _, _ in sorted(p["log"], key=lambda call: call[2])]

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether people and log are those of a success."""
        return cards(phone) == wanted_cards(self.people_after(p)) and call_log(phone) == self.log_after(p)


class CallContact(CallTask):
    """Call somebody."""

    name = "DialerCallContact"
    instruction = "Call {name}."
    checkpoints: tuple[str, ...] = ("open the phone app", "be in a call with {name}")
    steps = 4

    def number(self, p: Params) -> str:
        """Return whom to call."""
        return str(p["people"][p["which"]]["number"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the call is on and no other has been."""
        return call_now(phone) == digits(self.number(p)) and super().solved(phone, p)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call from the card."""
        yield from launch(screen, "Phone")
        yield click("Contacts")
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield click("Call")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call somebody else."""
        other = name_of(p["people"][(p["which"] + 1) % len(p["people"])])
        yield from self.solve(screen, {**p, "name": other})


class DialNumber(CallContact):
    """Dial a number."""

    name = "DialerDialNumber"
    instruction = "Use the keypad of the phone app to call {number}."
    checkpoints: tuple[str, ...] = ("open the phone app", "be in a call with {number}")
    steps = 10

    def draw(self, rng: random.Random) -> Params:
        """Draw a short number as well."""
        return {**super().draw(rng), "number": f"5550{rng.randint(100, 199)}"}

    def number(self, p: Params) -> str:
        """Return the number."""
        return str(p["number"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the digits."""
        yield from launch(screen, "Phone")
        yield click("Keypad")
        for digit in p["number"]:
            key = screen.find(digit, class_name="android.widget.Button")
            assert key is not None
            yield click(key.index)
        yield click("Call")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Mistake the last digit."""
        yield from self.solve(screen, {**p, "number": p["number"][:-1] + str((int(p["number"][-1]) + 1) % 10)})


class CallAndHangUp(CallContact):
    """A short call."""

    name = "DialerCallAndHangUp"
    instruction = "Call {name}, wait until the call is answered, and then hang up."
    checkpoints: tuple[str, ...] = ("open the phone app", "be in a call with {name}", "hang up")
    steps = 6

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return the log with the call on top."""
        return [(digits(self.number(p)), OUTGOING), *super().log_after(p)]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the call is on, or has been."""
        return (call_now(phone) == digits(self.number(p)) or self.solved(phone, p),)

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the call has taken some time and is over."""
        if call_now(phone) or not CallTask.solved(self, phone, p):
            return False
        seconds = phone.rows(_CALLS, "SELECT duration FROM calls ORDER BY date DESC, _id DESC LIMIT 1")
        return bool(seconds) and int(seconds[0][0]) > 0

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call, wait, hang up."""
        yield from super().solve(screen, p)
        yield "wait"
        yield click("End call")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hang up before anybody answers."""
        yield from super().solve(screen, p)
        yield click("End call")


class CallTwo(CallAndHangUp):
    """Two short calls."""

    name = "DialerCallTwo"
    instruction = "Call {name} first and then {name2}. Hang up each time after the call has been answered."
    checkpoints: tuple[str, ...] = ("open the phone app", "have called {name}", "have called {name2}")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw the second as well."""
        p = super().draw(rng)
        second = rng.choice([n for n in range(len(p["people"])) if n != p["which"]])
        return {**p, "second": second, "name2": name_of(p["people"][second])}

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return the log with both calls on top."""
        return [(p["people"][p["second"]]["number"], OUTGOING), *super().log_after(p)]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the first has been called."""
        return ((digits(self.number(p)), OUTGOING) in call_log(phone)[:2],)

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether both calls have taken some time."""
        seconds = phone.rows(_CALLS, "SELECT duration FROM calls ORDER BY date DESC, _id DESC LIMIT 2")
        return super().solved(phone, p) and all(int(row[0]) > 0 for row in seconds)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call one, go back, call the other."""
        yield from super().solve(screen, p)
        yield "press(back)"
        yield from seek(screen, p["name2"])
        yield click(p["name2"])
        yield click("Call")
        yield "wait"
        yield click("End call")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call them in the wrong order."""
        yield from self.solve(screen, {**p, "name": p["name2"], "name2": p["name"]})


_CALLS = "/data/data/com.android.providers.contacts/databases/calllog.db"


class CallBack(CallContact):
    """Return a missed call."""

    name = "DialerCallBack"
    instruction = "Call back whoever's call I missed most recently."
    checkpoints: tuple[str, ...] = ("open the phone app", "be in a call with the one whose call was missed last")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw missed calls as well."""
        p = super().draw(rng)
        one, two = rng.sample(range(len(p["people"])), 2)
        late, early = sorted(rng.sample(range(2, 900), 2))
        log = [call for call in p["log"] if call[2] not in (late, early)]
        log += [[p["people"][one]["number"], MISSED, late, 0], [p["people"][two]["number"], MISSED, early, 0]]
        return {**p, "log": log, "which": one, "wrong": two, "name": name_of(p["people"][one])}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Filter the log and call."""
        yield from launch(screen, "Phone")
        yield click("Missed")
        yield click(f"Call {p['name']}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Call back the other one."""
        yield from self.solve(screen, {**p, "name": name_of(p["people"][p["wrong"]])})


class ClearLog(CallTask):
    """Empty the log."""

    name = "DialerClearHistory"
    instruction = "Clear the whole call history of the phone app."
    checkpoints: tuple[str, ...] = ("open the phone app", "empty the call history")
    steps = 4

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return nothing."""
        return []

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the menu."""
        yield from launch(screen, "Phone")
        yield click("More options")
        yield click("Clear call history")
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel the question."""
        yield from launch(screen, "Phone")
        yield click("More options")
        yield click("Clear call history")
        yield click("Cancel")


class DeleteCall(CallTask):
    """One call less in the log."""

    name = "DialerDeleteCall"
    instruction = "Delete the call from {shown} from the call history, and nothing else."
    checkpoints: tuple[str, ...] = ("open the phone app", "delete the call")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw a call from a stranger as well."""
        p = super().draw(rng)
        number = draw_number(rng)[:-3] + str(rng.randint(200, 299))
        age = rng.choice([n for n in range(5, 1500) if all(n != call[2] for call in p["log"])])
        log = [*p["log"], [number, rng.choice((INCOMING, MISSED)), age, 0]]
        return {**p, "log": log, "number": number, "shown": f"({number[:3]}) {number[3:6]}-{number[6:]}"}

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return the log without it."""
        return [call for call in super().log_after(p) if call[0] != p["number"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold the row and delete it."""
        yield from launch(screen, "Phone")
        yield from seek(screen, p["shown"])
        yield long_press(p["shown"])
        yield click("Delete")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another call."""
        number = p["log"][0][0]
        wrong = next(person for person in p["people"] if person["number"] == number)
        yield from self.solve(screen, {**p, "shown": name_of(wrong)})


class SaveCaller(DeleteCall):
    """A contact from the log."""

    name = "DialerSaveCaller"
    instruction = "The call from {shown} was from {caller}. Save this number as a new contact under that name."
    checkpoints: tuple[str, ...] = ("open the phone app", "begin a contact for the number", "save {caller}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw who it was as well."""
        p = super().draw(rng)
        taken = {person["first"] for person in p["people"]}
        new: dict[str, Any] = next(one for one in draw_people(rng, 9) if one["first"] not in taken)
        return {**p, "new": {**new, "number": p["number"]}, "caller": name_of(new)}

    def log_after(self, p: Params) -> list[tuple[str, int]]:
        """Return the log as it is."""
        return CallTask.log_after(self, p)

    def people_after(self, p: Params) -> list[Person]:
        """Return everybody and the caller."""
        return [*p["people"], p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the form is open or done with."""
        return ("ContactEditorActivity" in phone.foreground() or self.solved(phone, p),)

    def fill(self, screen: Screen, p: Params, first: str) -> Iterator[str]:
        """Yield what leads to the filled form."""
        yield from launch(screen, "Phone")
        yield from seek(screen, p["shown"])
        yield click(p["shown"])
        yield from seek(screen, "Add contact")
        yield click("Add contact")
        yield enter(first, "First name")
        yield enter(p["new"]["last"], "Last name")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form in and save it."""
        yield from self.fill(screen, p, p["new"]["first"])
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write the whole name into the first field."""
        yield from self.fill(screen, p, p["caller"])
        yield click("Save")


class CountMissed(CallTask, AppQuestion):
    """How many calls were missed?"""

    name = "DialerCountMissed"
    instruction = "How many missed calls from {name} are in my call history? Answer with a number."
    checkpoints: tuple[str, ...] = ("open the phone app", "give the number")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw missed calls as well."""
        p = super().draw(rng)
        count = rng.randint(1, 3)
        mine, other = (p["people"][(p["which"] + n) % len(p["people"])]["number"] for n in (0, 1))
        ages = rng.sample([n for n in range(5, 1500) if all(n != call[2] for call in p["log"])], 5)
        missed = [[mine if n < count else other, MISSED, age, 0] for n, age in enumerate(ages[: count + 2])]
        return {**p, "log": [*p["log"], *missed], "answer": str(count)}

    reached = AppQuestion.reached

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Count them in the filtered log."""
        yield from launch(screen, "Phone")
        yield click("Missed")
        yield answer(str(sum(f"Call {p['name']}" == e.description for e in screen.elements)))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Count all missed calls."""
        yield from launch(screen, "Phone")
        yield click("Missed")
        yield answer(str(sum(e.description.startswith("Call ") for e in screen.elements)))


TEMPLATES: tuple[Template, ...] = (
    CallContact(),
    DialNumber(),
    CallAndHangUp(),
    CallTwo(),
    CallBack(),
    ClearLog(),
    DeleteCall(),
    SaveCaller(),
    CountMissed(),
)
