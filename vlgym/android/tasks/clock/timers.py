"""Tasks about timers, the stopwatch and the world clock."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.clock.alarms import DB
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, click, launch, long_press, seek

CITIES = {
    "Berlin": "Europe/Berlin",
    "Tokyo": "Asia/Tokyo",
    "New York": "America/New_York",
    "London": "Europe/London",
    "Madrid": "Europe/Madrid",
    "Dubai": "Asia/Dubai",
    "Paris": "Europe/Paris",
    "Chicago": "America/Chicago",
    "Singapore": "Asia/Singapore",
}


class StartTimer(Template):
    """A timer."""

    name = "ClockStartTimer"
    app = "clock"
    instruction = "Start a timer of {words}."
    checkpoints = ("open the clock", "start a timer of {words}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw a length of minutes and seconds, now and then of hours."""
        hours, minutes, seconds = rng.choice((0, 0, 1, 2)), rng.randrange(1, 60), rng.choice((0, 15, 30, 45))
        return {"length": [hours, minutes, seconds], "words": length_words(hours, minutes, seconds)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Take other timers away."""
        phone.execute(DB, "DELETE FROM timers")

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge: one timer, of that length, running."""
        hours, minutes, seconds = p["length"]
        wanted = [((hours * 3600 + minutes * 60 + seconds) * 1000, "RUNNING")]
        found = phone.rows(DB, "SELECT length_ms, state FROM timers")
        return ("deskclock" in phone.foreground(), found == wanted)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type the digits and start."""
        yield from launch(screen, "Clock")
        yield click("Timer")
        hours, minutes, seconds = p["length"]
        for digit in f"{hours:02d}{minutes:02d}{seconds:02d}".lstrip("0"):
            yield click(digit)
        yield click("Start")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take minutes for seconds."""
        hours, minutes, seconds = p["length"]
        yield from self.solve(screen, {"length": [0, hours, minutes + (not seconds and not hours)]})


def length_words(hours: int, minutes: int, seconds: int) -> str:
    """Return a length of time in words."""
    parts = [
        f"{number} {unit}{'s' * (number > 1)}"
        for number, unit in ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
        if number
    ]
    return " and ".join(", ".join(parts).rsplit(", ", 1))


class DeleteTimer(Template):
    """Delete one of two timers."""

    name = "ClockDeleteTimer"
    app = "clock"
    instruction = "Delete the timer called {label} and keep the other one."
    checkpoints = ("open the clock", "delete the timer called {label}")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw two timers."""
        label, other = rng.sample(("Tea", "Pasta", "Bread", "Nap", "Stretching", "Rice", "Eggs"), 2)
        return {"label": label, "other": other, "first": rng.randrange(2), "minutes": rng.sample(range(3, 40), 2)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make two timers that stand still."""
        phone.execute(DB, "DELETE FROM timers")
        names = [p["label"], p["other"]] if p["first"] else [p["other"], p["label"]]
        for name, minutes in zip(names, p["minutes"]):
            phone.execute(
                DB,
                "INSERT INTO timers (length_ms, total_ms, left_ms, state, label) VALUES (?, ?, ?, 'RESET', ?)",
                (*[minutes * 60_000] * 3, name),
            )

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge: the other one is left as it was."""
        found = phone.rows(DB, "SELECT label, state FROM timers")
        return ("deskclock" in phone.foreground(), found == [(p["other"], "RESET")])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its cross."""
        yield from launch(screen, "Clock")
        yield click("Timer")
        yield from seek(screen, p["label"])
        yield click(screen.after(p["label"], "Delete").label)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the other one."""
        yield from self.solve(screen, {"label": p["other"]})


class Stopwatch(Template):
    """The stopwatch, run, stopped or set back."""

    name = "ClockStopwatch"
    app = "clock"
    instruction = "{Verb} the stopwatch."
    checkpoints = ("open the clock", "{verb} the stopwatch")
    steps = 3
    _ENDS = {"start": "RUNNING", "pause": "PAUSED", "reset": "RESET"}
    _STARTS = {"start": "RESET", "pause": "RUNNING", "reset": "PAUSED"}

    def draw(self, rng: random.Random) -> Params:
        """Draw what to do, and what it shows."""
        verb = rng.choice(("start", "pause", "reset"))
        return {"verb": verb, "Verb": verb.capitalize(), "shown": rng.randrange(5_000, 600_000, 10)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Let it stand or run."""
        state = self._STARTS[p["verb"]]
        shown = 0 if state == "RESET" else p["shown"]
        phone.execute(DB, "DELETE FROM laps")
        uptime = int(float(phone.shell("cat /proc/uptime").split()[0]) * 1000)
        phone.execute(DB, "UPDATE stopwatch SET state = ?, started_ms = ?, accumulated_ms = ?", (state, uptime, shown))

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge its state; pausing and starting leave no laps."""
        done = phone.rows(DB, "SELECT state FROM stopwatch") == [(self._ENDS[p["verb"]],)]
        return ("deskclock" in phone.foreground(), done and not phone.rows(DB, "SELECT 1 FROM laps"))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its button."""
        yield from launch(screen, "Clock")
        yield click("Stopwatch")
        yield click(p["Verb"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch another button, or only look."""
        yield from launch(screen, "Clock")
        yield click("Stopwatch")
        yield {"start": "wait", "pause": click("Lap"), "reset": "wait"}[p["verb"]]


class Laps(Template):
    """Some laps."""

    name = "ClockLaps"
    app = "clock"
    instruction = "Start the stopwatch, take {count} laps, then pause it."
    checkpoints = ("open the clock", "start the stopwatch", "take {count} laps", "pause the stopwatch")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw how many."""
        return {"count": rng.randint(2, 6), "shown": 0}

    def setup(self, phone: Phone, p: Params) -> None:
        """Set the stopwatch back."""
        phone.execute(DB, "DELETE FROM laps")
        phone.execute(DB, "UPDATE stopwatch SET state = 'RESET', started_ms = 0, accumulated_ms = 0")

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge state and laps."""
        ((state,),) = phone.rows(DB, "SELECT state FROM stopwatch")
        laps = len(phone.rows(DB, "SELECT 1 FROM laps"))
        there = laps == p["count"]
        return ("deskclock" in phone.foreground(), state == "RUNNING", there, there and state == "PAUSED")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Start, lap, pause."""
        yield from launch(screen, "Clock")
        yield click("Stopwatch")
        yield click("Start")
        yield from [click("Lap")] * p["count"]
        yield click("Pause")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take one lap too many."""
        yield from self.solve(screen, {"count": p["count"] + 1})


class AddCity(Template):
    """A city of the world clock."""

    name = "ClockAddCity"
    app = "clock"
    instruction = "Add {city} to the world clock."
    checkpoints = ("open the clock", "add {city} to the world clock")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw the city and one that is there already."""
        city, other = rng.sample(sorted(CITIES), 2)
        return {"city": city, "other": other}

    def setup(self, phone: Phone, p: Params) -> None:
        """Leave one city."""
        phone.execute(DB, "DELETE FROM cities")
        phone.execute(DB, "INSERT INTO cities (zone) VALUES (?)", (CITIES[p["other"]],))

    def wanted(self, p: Params) -> list[tuple[str]]:
        """Return the zones of a success."""
        return [(zone,) for zone in sorted((CITIES[p["other"]], CITIES[p["city"]]))]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the cities."""
        found = phone.rows(DB, "SELECT zone FROM cities ORDER BY zone")
        return ("deskclock" in phone.foreground(), found == self.wanted(p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Tick it."""
        yield from launch(screen, "Clock")
        yield click(screen.get("Clock", resource_id="com.google.android.deskclock:id/tab_clock").label)
        yield click("Cities")
        yield from seek(screen, p["city"])
        yield click(p["city"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take the tick of the other city away as well."""
        yield from self.solve(screen, {**p, "city": p["other"]})


class RemoveCity(AddCity):
    """Take a city away."""

    name = "ClockRemoveCity"
    instruction = "Remove {city} from the world clock."
    checkpoints = ("open the clock", "remove {city} from the world clock")
    steps = 3

    def setup(self, phone: Phone, p: Params) -> None:
        """Leave two cities."""
        phone.execute(DB, "DELETE FROM cities")
        for zone in sorted((CITIES[p["other"]], CITIES[p["city"]])):
            phone.execute(DB, "INSERT INTO cities (zone) VALUES (?)", (zone,))

    def wanted(self, p: Params) -> list[tuple[str]]:
        """Return the zone that stays."""
        return [(CITIES[p["other"]],)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it."""
        yield from launch(screen, "Clock")
        yield click(screen.get("Clock", resource_id="com.google.android.deskclock:id/tab_clock").label)
        yield long_press(p["city"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Remove the other one."""
        yield from self.solve(screen, {"city": p["other"]})
