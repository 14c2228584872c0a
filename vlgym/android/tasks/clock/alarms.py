"""Tasks about alarms."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, answer, click, enter, launch, seek

DB = "/data/data/com.google.android.deskclock/databases/alarms.db"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LABELS = ("Swimming", "Standup", "Medicine", "Piano", "School run", "Bakery", "Yoga", "Flight", "Laundry", "Dentist")
Alarm = tuple[int, int, int, int, str]
"""Hour, minutes, days as bits (Monday is 1), whether it is on, label."""


def clock_time(hour: int, minute: int) -> str:
    """Return a time as this phone writes it."""
    return f"{hour:02d}:{minute:02d}"


def draw_time(rng: random.Random) -> tuple[int, int]:
    """Return an hour and a minute that the dial of the time picker names."""
    return rng.randrange(5, 23), rng.randrange(0, 60, 5)


def alarms(phone: Phone) -> list[Alarm]:
    """Return the alarms on the phone."""
    return phone.rows(
        DB, "SELECT hour, minutes, daysofweek, enabled, label FROM alarm_templates ORDER BY 1, 2, 3, 4, 5"
    )


def set_alarms(phone: Phone, wanted: Sequence[Sequence[Any]]) -> None:
    """Make these the only alarms."""
    phone.execute(DB, "DELETE FROM alarm_instances")
    phone.execute(DB, "DELETE FROM alarm_templates")
    for hour, minutes, days, on, label in wanted:
        phone.execute(
            DB,
            "INSERT INTO alarm_templates (hour, minutes, daysofweek, enabled, label, vibrate)"
            " VALUES (?, ?, ?, ?, ?, 1)",
            (hour, minutes, days, on, label),
        )


def pick_time(hour: int, minute: int) -> Iterator[str]:
    """Yield the touches that set a time picker."""
    yield click(f"{hour} hours")
    yield click(f"{minute} minutes")
    yield click("OK")


class ClockTask(Template):
    """Base of the tasks about alarms: `before` is what set-up leaves, `after` what there should be."""

    app = "clock"

    def draw_alarms(self, rng: random.Random, count: int) -> list[list[Any]]:
        """Return alarms at different times under different labels, all off."""
        times = {draw_time(rng) for _ in range(4 * count)}
        labels = rng.sample(LABELS, count)
        chosen = rng.sample(sorted(times), count)
        return [[h, m, rng.choice((0, 31, 96)), 0, label] for (h, m), label in zip(sorted(chosen), labels)]

    def before(self, p: Params) -> list[list[Any]]:
        """Return the alarms to begin with."""
        return list(p["alarms"])

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms of a success."""
        raise NotImplementedError

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the alarms."""
        set_alarms(phone, self.before(p))

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the alarms are those of a success."""
        return alarms(phone) == sorted(map(tuple, self.after(p)))

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the alarms."""
        return ("deskclock" in phone.foreground(), self.solved(phone, p))


class AddAlarm(ClockTask):
    """A new alarm."""

    name = "ClockAddAlarm"
    instruction = "Set an alarm for {time}."
    checkpoints: tuple[str, ...] = ("open the clock", "add an alarm for {time}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw other alarms and the new time."""
        *others, new = self.draw_alarms(rng, rng.randint(2, 3))
        return {"time": clock_time(*new[:2]), "new": new[:2], "alarms": others}

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms with the new one."""
        return [*p["alarms"], [*p["new"], 0, 1, ""]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add it."""
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(*p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Pick another minute."""
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(p["new"][0], (p["new"][1] + 5) % 60)


class AddLabelledAlarm(AddAlarm):
    """A new alarm with a label."""

    name = "ClockAddLabelledAlarm"
    instruction = "Set an alarm for {time} and label it {label}."
    checkpoints: tuple[str, ...] = ("open the clock", "add an alarm for {time}", "label it {label}")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw a label as well."""
        p = super().draw(rng)
        used = {alarm[4] for alarm in p["alarms"]}
        return {**p, "label": rng.choice([label for label in LABELS if label not in used])}

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms with the labelled one."""
        return [*p["alarms"], [*p["new"], 0, 1, p["label"]]]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in three parts."""
        added = any(list(found[:2]) == p["new"] and found[3] for found in alarms(phone))
        return ("deskclock" in phone.foreground(), added, self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add it and label it."""
        yield from super().solve(screen, p)
        yield from seek(screen, "Add label")
        yield click("Add label")
        yield enter(p["label"])
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel the label."""
        yield from super().solve(screen, p)
        yield from seek(screen, "Add label")
        yield click("Add label")
        yield enter(p["label"])
        yield click("Cancel")


class AddWeekdayAlarm(AddAlarm):
    """A new alarm on certain days."""

    name = "ClockAddRepeatingAlarm"
    instruction = "Set an alarm for {time} that rings every {days}."
    checkpoints: tuple[str, ...] = ("open the clock", "add an alarm for {time}", "let it ring every {days}")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw two to four days."""
        bits = sorted(rng.sample(range(7), rng.randint(2, 4)))
        days = [DAYS[bit] for bit in bits]
        return {**super().draw(rng), "bits": bits, "days": " and ".join([", ".join(days[:-1]), days[-1]])}

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms with the repeating one."""
        return [*p["alarms"], [*p["new"], sum(1 << bit for bit in p["bits"]), 1, ""]]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in three parts."""
        added = any(list(found[:2]) == p["new"] and found[3] for found in alarms(phone))
        return ("deskclock" in phone.foreground(), added, self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add it and choose the days."""
        yield from super().solve(screen, p)
        for bit in p["bits"]:
            yield from seek(screen, DAYS[bit])
            yield click(DAYS[bit])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave the last day out and take another."""
        yield from self.solve(screen, {**p, "bits": p["bits"][:-1]})
        yield click(next(DAYS[bit] for bit in range(7) if bit not in p["bits"]))


class SwitchAlarm(ClockTask):
    """Switch one alarm."""

    name = "ClockSwitchAlarm"
    instruction = "Turn the {time} alarm {state}."
    checkpoints: tuple[str, ...] = ("open the clock", "turn the {time} alarm {state}")
    steps = 2

    def draw(self, rng: random.Random) -> Params:
        """Draw alarms and which one to switch."""
        found = self.draw_alarms(rng, 3)
        for alarm in found:
            alarm[3] = rng.randrange(2)
        which = rng.randrange(3)
        state = "off" if found[which][3] else "on"
        return {"alarms": found, "which": which, "time": clock_time(*found[which][:2]), "state": state}

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms with that one switched."""
        return [[*a[:3], 1 - a[3], a[4]] if n == p["which"] else a for n, a in enumerate(p["alarms"])]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its switch."""
        yield from launch(screen, "Clock")
        yield from seek(screen, f"Alarm {p['time']}")
        yield click(f"Alarm {p['time']}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Switch its neighbour."""
        wrong = p["alarms"][(p["which"] + 1) % 3]
        yield from self.solve(screen, {**p, "time": clock_time(*wrong[:2])})


class AllAlarmsOff(ClockTask):
    """Switch several alarms off."""

    name = "ClockAllAlarmsOff"
    instruction = "Turn all alarms off, but do not delete any."
    checkpoints: tuple[str, ...] = ("open the clock", "turn all alarms off")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw alarms, two or more of them on."""
        found = self.draw_alarms(rng, 3)
        on = set(rng.sample(range(3), rng.randint(2, 3)))
        return {"alarms": [[*a[:3], int(n in on), a[4]] for n, a in enumerate(found)]}

    def after(self, p: Params) -> list[list[Any]]:
        """Return all off."""
        return [[*a[:3], 0, a[4]] for a in p["alarms"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Switch those that are on."""
        yield from launch(screen, "Clock")
        for alarm in p["alarms"]:
            if alarm[3]:
                yield from seek(screen, f"Alarm {clock_time(*alarm[:2])}")
                yield click(f"Alarm {clock_time(*alarm[:2])}")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave one on."""
        kept = next(a for a in p["alarms"] if a[3])
        yield from self.solve(screen, {"alarms": [a for a in p["alarms"] if a != kept]})


class DeleteAlarm(ClockTask):
    """Delete one alarm."""

    name = "ClockDeleteAlarm"
    instruction = "Delete the alarm labelled {label}."
    checkpoints: tuple[str, ...] = ("open the clock", "delete the alarm labelled {label}")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw alarms and which one goes."""
        found = self.draw_alarms(rng, 3)
        return {"alarms": found, "which": (which := rng.randrange(3)), "label": found[which][4]}

    def after(self, p: Params) -> list[list[Any]]:
        """Return the others."""
        return [a for n, a in enumerate(p["alarms"]) if n != p["which"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Unfold it and delete it."""
        time = clock_time(*p["alarms"][p["which"]][:2])
        yield from launch(screen, "Clock")
        yield click(screen.after(time, "Expand alarm").label)
        yield from seek(screen, "Delete alarm")
        yield click("Delete alarm")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another one."""
        yield from self.solve(screen, {**p, "which": (p["which"] + 1) % 3})


class ChangeAlarm(ClockTask):
    """Move an alarm."""

    name = "ClockChangeAlarmTime"
    instruction = "Move the {old} alarm to {time}."
    checkpoints: tuple[str, ...] = ("open the clock", "move the {old} alarm to {time}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw alarms, which one moves, and where to."""
        *found, new = self.draw_alarms(rng, 4)
        which = rng.randrange(3)
        return {
            "alarms": found,
            "which": which,
            "old": clock_time(*found[which][:2]),
            "new": new[:2],
            "time": clock_time(*new[:2]),
        }

    def after(self, p: Params) -> list[list[Any]]:
        """Return the alarms with that one moved; setting its time switches it on."""
        return [[*p["new"], a[2], 1, a[4]] if n == p["which"] else a for n, a in enumerate(p["alarms"])]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set its time."""
        yield from launch(screen, "Clock")
        yield click(p["old"])
        yield from pick_time(*p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add a new one instead."""
        yield from launch(screen, "Clock")
        yield click("Add alarm")
        yield from pick_time(*p["new"])


class AskAlarm(ClockTask):
    """Read off a time."""

    name = "ClockAskAlarmTime"
    instruction = "At what time is the alarm labelled {label} set? Answer as in 07:30."
    checkpoints: tuple[str, ...] = ("open the clock", "answer")
    steps = 2
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw alarms and which one is asked for."""
        found = self.draw_alarms(rng, 3)
        which = rng.randrange(3)
        return {"alarms": found, "which": which, "label": found[which][4]}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; the alarms must be untouched."""
        right = answer.strip(" .") == clock_time(*p["alarms"][p["which"]][:2])
        return ("deskclock" in phone.foreground(), right and alarms(phone) == sorted(map(tuple, p["alarms"])))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look and answer."""
        yield from launch(screen, "Clock")
        yield answer(clock_time(*p["alarms"][p["which"]][:2]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with the time of another one."""
        yield from self.solve(screen, {**p, "which": (p["which"] + 1) % 3})
