"""Errands in two or three apps, and the first things read in one and used in another."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.clock.alarms import DB, ClockTask, clock_time, draw_time, pick_time
from vlgym.android.tasks.clock.timers import length_words
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.settings.base import START, put
from vlgym.android.tasks.system import post, posted
from vlgym.android.tasks.template import Params, Screen, Template, click, launch

_NOTES = f"{SHARED}/Documents/Markor"


class Errand(Template):
    """Several tasks, one after the other; what each forbids is forbidden throughout.

    Args:
        name: of the template.
        steps: of the oracle.
        parts: the tasks.
    """

    app = "across"

    def __init__(self, name: str, steps: int, *parts: Template) -> None:
        self.name, self.steps, self.parts = name, steps, parts
        self.checkpoints = (*(f"part {place}" for place in range(1, len(parts) + 1)), "have done all of it")

    def draw(self, rng: random.Random) -> Params:
        """Draw the params of each part."""
        return {"parts": [part.draw(rng) for part in self.parts]}

    def _all(self, p: Params) -> list[tuple[Template, Params]]:
        return list(zip(self.parts, p["parts"]))

    def say(self, p: Params) -> str:
        """Return the parts' instructions in a row."""
        first, *rest = (part.say(params) for part, params in self._all(p))
        return " ".join([first, *(f"Then {said[0].lower()}{said[1:]}" for said in rest)])

    def names(self, p: Params) -> tuple[str, ...]:
        """Return what the parts reach in the end."""
        return (*(part.names(params)[-1] for part, params in self._all(p)), "have done all of it")

    def setup(self, phone: Phone, p: Params) -> None:
        """Prepare every part."""
        for part, params in self._all(p):
            part.setup(phone, params)

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge how many of the first parts are done, and all."""
        done = [bool(part.reached(phone, params, answer)[-1]) for part, params in self._all(p)]
        return (*(all(done[: n + 1]) for n in range(len(done))), all(done))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Do one part after the other, each from the home screen."""
        for place, (part, params) in enumerate(self._all(p)):
            if place:
                yield "press(home)"
            yield from part.solve(screen, params)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last part."""
        yield from self.solve(screen, {"parts": p["parts"][:-1]})


class NoteToAlarm(ClockTask):
    """A time in a notification becomes an alarm."""

    name = "AcrossNotificationToAlarm"
    app = "across"
    instruction = "A notification says when the {what} is. Set an alarm for that time."
    checkpoints = ("open the clock", "set the alarm", "keep the other alarms and the notifications")
    steps = 7
    _WORDS = (
        ("train", "Train", "Your train leaves at {}"),
        ("concert", "Tickets", "Concert tonight, doors open at {}"),
        ("meeting", "Office", "Meeting moved to {}, room 4"),
        ("swimming course", "Pool", "The swimming course begins at {}"),
        ("delivery", "Parcel", "The delivery arrives at {}"),
    )

    def draw(self, rng: random.Random) -> Params:
        """Draw three notifications with times and one of them; and other alarms."""
        picked, times = rng.sample(self._WORDS, 3), [draw_time(rng) for _ in range(3)]
        notes = [[title, text.format(clock_time(*time))] for (_, title, text), time in zip(picked, times)]
        place = rng.randrange(3)
        return {
            "what": picked[place][0],
            "new": list(times[place]),
            "wrong": list(times[place - 1]) if times[place - 1] != times[place] else [4, 10],
            "notes": notes,
            "alarms": self.draw_alarms(rng, 2),
        }

    def after(self, p: Params) -> list[list[object]]:
        """Return the alarms with the new one."""
        return [*p["alarms"], [*p["new"], 0, 1, ""]]

    def setup(self, phone: Phone, p: Params) -> None:
        """Post the notifications and make the alarms."""
        super().setup(phone, p)
        post(phone, p["notes"])

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge alarms and notifications."""
        added = any(list(row) == p["new"] for row in phone.rows(DB, "SELECT hour, minutes FROM alarm_templates"))
        kept = posted(phone) == sorted(title for title, _ in p["notes"])
        return ("deskclock" in phone.foreground(), added, kept and self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look, then set it."""
        yield "scroll(up)"
        yield "press(home)"
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(*p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take the time of another notification."""
        yield from self.solve(screen, {**p, "new": p["wrong"]})


class NoteFileToTimer(Template):
    """A number in a note becomes a timer."""

    name = "AcrossRecipeNoteToTimer"
    app = "across"
    instruction = "The note {file} in Markor says how long the {dish} must cook. Start a timer of that length."
    checkpoints = ("open the note", "start the timer")
    steps = 11
    _DISHES = ("rice", "beans", "soup", "potatoes", "stew", "dumplings", "polenta")

    def draw(self, rng: random.Random) -> Params:
        """Draw the dish, its time and other notes."""
        dish, *others = rng.sample(self._DISHES, 3)
        minutes = rng.sample(range(4, 59), 3)
        return {"dish": dish, "file": f"{dish}.md", "minutes": minutes, "others": others}

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the notes and take timers away."""
        phone.execute(DB, "DELETE FROM timers")
        phone.remove(_NOTES)
        for dish, minutes in zip((p["dish"], *p["others"]), p["minutes"]):
            text = f"# {dish.capitalize()}\n\nRinse, cover with water, add salt.\nCook for {minutes} minutes.\n"
            phone.write(f"{_NOTES}/{dish}.md", text.encode())

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the timers; the notes must be as they were."""
        wanted = [(p["minutes"][0] * 60_000, "RUNNING")]
        found = phone.rows(DB, "SELECT length_ms, state FROM timers")
        kept = phone.list(_NOTES) == sorted(f"{dish}.md" for dish in (p["dish"], *p["others"]))
        return (phone.foreground().startswith("net.gsantner.markor/"), found == wanted and kept)

    def solve(self, screen: Screen, p: Params, place: int = 0) -> Iterator[str]:
        """Read, then start it."""
        yield from launch(screen, "Markor")
        yield click(p["file"])
        yield "press(home)"
        yield from launch(screen, "Clock")
        yield click("Timer")
        for digit in f"{p['minutes'][place]}00":
            yield click(digit)
        yield click("Start")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take the time of another dish."""
        yield from self.solve(screen, p, 1)


class Bedtime(Template):
    """The phone made quiet and dark, and an alarm for the morning."""

    name = "AcrossBedtime"
    app = "across"
    instruction = (
        "Get the phone ready for the night: turn Do Not Disturb on, turn the dark theme on, "
        "and set an alarm for {time}."
    )
    checkpoints = ("turn Do Not Disturb on", "turn the dark theme on", "set an alarm for {time}")
    steps = 14
    _QUIET, _DARK = ("global", "zen_mode"), ("secure", "ui_night_mode")

    def draw(self, rng: random.Random) -> Params:
        """Draw the time."""
        new = [rng.randrange(5, 10), rng.randrange(0, 60, 5)]
        return {"new": new, "time": clock_time(*new)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make it noisy and bright."""
        put(phone, START)
        phone.execute(DB, "DELETE FROM alarm_instances")
        phone.execute(DB, "DELETE FROM alarm_templates")

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge settings and alarms."""
        quiet, dark = phone.setting(*self._QUIET) == "1", phone.setting(*self._DARK) == "2"
        rows = phone.rows(DB, "SELECT hour, minutes, enabled FROM alarm_templates")
        return (quiet, quiet and dark, quiet and dark and rows == [(*p["new"], 1)])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Settings, then clock."""
        yield from launch(screen, "Settings")
        for title in ("Sound & vibration", "Do Not Disturb", "Turn on Do Not Disturb"):
            yield click(title)
        yield from ["press(back)"] * 2
        for title in ("Display", "Dark theme"):
            yield click(title)
        yield "press(home)"
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(*p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set the alarm for the evening."""
        yield from self.solve(screen, {"new": [p["new"][0] + 12, p["new"][1]]})


class TimerText(Errand):
    """Quiet time for work: Do Not Disturb and a timer."""

    def names(self, p: Params) -> tuple[str, ...]:
        """Return the two parts and the whole."""
        hours, minutes, seconds = p["parts"][1]["length"]
        return ("turn Do Not Disturb on or off", f"start {length_words(hours, minutes, seconds)}", "have done both")
