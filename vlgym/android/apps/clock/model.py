"""Alarms, timers and the stopwatch of the clock, as rows of its database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state.databases import Database
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.google.android.deskclock"
COMPONENT = f"{PACKAGE}/com.android.deskclock.DeskClock"
TAG = "AlarmClock"
SNOOZE_MIN = 10
EVERY_DAY, WEEKDAYS, WEEKEND = 0b1111111, 0b0011111, 0b1100000
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Names of the bits of `daysofweek`, Monday is bit 0."""


@dataclass(frozen=True)
class Alarm:
    """A row of alarm_templates."""

    id: int
    hour: int
    minutes: int
    days: int
    enabled: bool
    vibrate: bool
    label: str

    def summary(self, now: datetime) -> str:
        """Return when it rings, in words."""
        if self.days == EVERY_DAY:
            return "Every day"
        if self.days:
            return ", ".join(name for bit, name in enumerate(DAYS) if self.days >> bit & 1)
        if not self.enabled:
            return "Not scheduled"
        return "Today" if self.next_ring(now).date() == now.date() else "Tomorrow"

    def next_ring(self, now: datetime) -> datetime:
        """Return the next local time after `now` at which it rings; naive or aware as `now` is."""
        ring = now.replace(hour=self.hour, minute=self.minutes, second=0, microsecond=0)
        while ring <= now or (self.days and not self.days >> ring.weekday() & 1):
            ring += timedelta(days=1)
        return ring


@dataclass(frozen=True)
class Timer:
    """A row of timers. Times in milliseconds, `started_ms` of uptime."""

    id: int
    length_ms: int
    total_ms: int
    left_ms: int
    started_ms: int
    state: str
    label: str

    def remaining_ms(self, uptime_ms: int) -> int:
        """Return what is left; negative after it has expired."""
        passed = uptime_ms - self.started_ms if self.state in ("RUNNING", "EXPIRED") else 0
        return self.left_ms - passed


class Clock:
    """The clock's data and what follows from changing them."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state = manager, manager.state

    @property
    def database(self) -> Database:
        """The clock's database."""
        return self.state.app_database(PACKAGE, "alarms.db")

    def log(self, message: str, priority: str = "I") -> None:
        """Log under the clock's tag."""
        self.state.processes.log(PACKAGE, TAG, message, priority)

    # ------------------------------------------------------------ alarms

    def alarms(self) -> list[Alarm]:
        """Return the alarms by time of day."""
        rows = self.database.execute(
            "SELECT _id, hour, minutes, daysofweek, enabled, vibrate, label FROM alarm_templates"
            " ORDER BY hour, minutes, _id"
        )
        return [Alarm(n, h, m, days, bool(on), bool(shakes), label) for n, h, m, days, on, shakes, label in rows]

    def alarm(self, number: int) -> Alarm | None:
        """Return an alarm by its number."""
        return next((alarm for alarm in self.alarms() if alarm.id == number), None)

    def add_alarm(self, hour: int, minutes: int, label: str = "", days: int = 0) -> Alarm:
        """Add an alarm that is on."""
        number = self.database.insert(
            "alarm_templates",
            {
                "hour": hour,
                "minutes": minutes,
                "daysofweek": days,
                "enabled": 1,
                "vibrate": 1,
                "label": label,
            },
        )
        self.log("Events: [Alarm] [Create] [DeskClock]", "D")
        self._schedule(number)
        found = self.alarm(number)
        assert found is not None
        return found

    def change_alarm(self, number: int, **values: int | str) -> None:
        """Change columns of an alarm and schedule it anew."""
        names = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE alarm_templates SET {names} WHERE _id = ?", (*values.values(), number))
        self._schedule(number)

    def delete_alarm(self, number: int) -> None:
        """Delete an alarm."""
        self._unschedule(number)
        self.database.execute("DELETE FROM alarm_templates WHERE _id = ?", (number,))
        self.log(f"Removed alarm: {number}")
        self.log("Events: [Alarm] [Delete] [DeskClock]", "D")
        self._tell_next()

    def _unschedule(self, number: int) -> None:
        self.manager.alarms.cancel(PACKAGE, f"alarm:{number}")
        self.manager.notices.cancel(PACKAGE, number)
        self.database.execute("DELETE FROM alarm_instances WHERE alarm_id = ?", (number,))

    def _schedule(self, number: int) -> None:
        self._unschedule(number)
        alarm = self.alarm(number)
        if alarm is not None and alarm.enabled:
            self._ring_at(alarm, alarm.next_ring(self.state.clock.local().replace(tzinfo=None)))
        self._tell_next()

    def _ring_at(self, alarm: Alarm, ring: datetime) -> None:
        at = self.state.clock.from_local(ring)
        self.manager.alarms.set(
            PACKAGE, f"alarm:{alarm.id}", round(at.timestamp() * 1000), {"alarm": alarm.id}, clock=True
        )
        self.database.insert(
            "alarm_instances",
            {
                "year": ring.year,
                "month": ring.month - 1,
                "day": ring.day,
                "hour": ring.hour,
                "minutes": ring.minute,
                "vibrate": int(alarm.vibrate),
                "label": alarm.label,
                "alarm_state": 1,
                "alarm_id": alarm.id,
            },
        )
        self.log(
            f"Created new alarm instance: AlarmInstance{{mId={alarm.id}, {ring:%Y-%m-%d %H:%M}, mLabel={alarm.label}}}"
        )

    def _tell_next(self) -> None:
        """Log the next alarm as the system's schedule provider does."""
        rings = [alarm["at_ms"] for alarm in self.manager.ui["alarms"] if alarm["clock"]]
        if rings:
            moment = self.state.clock.local(min(rings) * 1000)
            self.state.log.write(
                "ConditionProviders.SCP",
                f"updateNextUserAlarm nextUserAlarmTime={moment:%a %b %d %H:%M:%S %Z %Y} ({min(rings)})",
                "D",
                pid=self.state.processes.system,
            )

    def ring(self, number: int) -> None:
        """Ring: show the notification with its two buttons."""
        alarm = self.alarm(number)
        if alarm is not None:
            self.log(f"Alarm ringing: {number}")
            moment = self.state.clock.local()
            self.manager.notices.post(
                PACKAGE,
                number,
                alarm.label or "Alarm",
                f"{moment:%a} {time_text(self.state, alarm.hour, alarm.minutes)}",
                actions=("Snooze", "Dismiss"),
                ongoing=True,
                component=COMPONENT,
                heads_up=True,
            )

    def snooze(self, number: int) -> None:
        """Ring again in some minutes."""
        alarm = self.alarm(number)
        self._unschedule(number)
        if alarm is not None:
            self._ring_at(alarm, self.state.clock.local().replace(tzinfo=None) + timedelta(minutes=SNOOZE_MIN))

    def dismiss(self, number: int) -> None:
        """Stop ringing; an alarm without days is then off."""
        alarm = self.alarm(number)
        if alarm is not None and not alarm.days:
            self.change_alarm(number, enabled=0)
        elif alarm is not None:
            self._schedule(number)

    # ------------------------------------------------------------ timers

    def timers(self) -> list[Timer]:
        """Return the timers, the newest first."""
        rows = self.database.execute(
            "SELECT _id, length_ms, total_ms, left_ms, started_ms, state, label FROM timers ORDER BY _id DESC"
        )
        return [Timer(*row) for row in rows]

    def _timer(self, number: int) -> Timer | None:
        return next((timer for timer in self.timers() if timer.id == number), None)

    def add_timer(self, seconds: int, label: str = "") -> int:
        """Add a timer and start it; return its number."""
        length = seconds * 1000
        number = self.database.insert(
            "timers",
            {
                "length_ms": length,
                "total_ms": length,
                "left_ms": length,
                "state": "RESET",
                "label": label,
            },
        )
        self.log("Events: [Timer] [Create] [DeskClock]", "D")
        self.start_timer(number)
        return number

    def _set_timer(self, number: int, **values: int | str) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE timers SET {names} WHERE _id = ?", (*values.values(), number))
        timer = self._timer(number)
        self.manager.alarms.cancel(PACKAGE, f"timer:{number}")
        if timer is not None and timer.state == "RUNNING":
            at = timer.started_ms + timer.left_ms
            self.manager.alarms.set(PACKAGE, f"timer:{number}", at, {"timer": number}, up=True)
        if timer is None or timer.state != "EXPIRED":
            self.manager.notices.cancel(PACKAGE, 1000 + number)

    def start_timer(self, number: int) -> None:
        """Start or go on."""
        self._set_timer(number, state="RUNNING", started_ms=self.state.clock.uptime_ms)
        self.log("Events: [Timer] [Start] [DeskClock]", "D")

    def pause_timer(self, number: int) -> None:
        """Pause."""
        timer = self._timer(number)
        if timer is not None:
            left = timer.remaining_ms(self.state.clock.uptime_ms)
            self._set_timer(number, state="PAUSED", left_ms=left)
            self.log("Events: [Timer] [Pause] [DeskClock]", "D")

    def reset_timer(self, number: int) -> None:
        """Set back to the full length."""
        timer = self._timer(number)
        if timer is not None:
            self._set_timer(number, state="RESET", left_ms=timer.length_ms, total_ms=timer.length_ms)
            self.log("Events: [Timer] [Reset] [DeskClock]", "D")

    def extend_timer(self, number: int) -> None:
        """Add a minute; an expired timer runs for one more minute."""
        timer, uptime = self._timer(number), self.state.clock.uptime_ms
        if timer is not None:
            left = max(timer.remaining_ms(uptime), 0) + 60_000
            state = "RUNNING" if timer.state == "EXPIRED" else timer.state
            self._set_timer(number, left_ms=left, total_ms=max(timer.total_ms, left), started_ms=uptime, state=state)

    def delete_timer(self, number: int) -> None:
        """Delete."""
        self.database.execute("DELETE FROM timers WHERE _id = ?", (number,))
        self.manager.alarms.cancel(PACKAGE, f"timer:{number}")
        self.manager.notices.cancel(PACKAGE, 1000 + number)
        self.log("Events: [Timer] [Delete] [DeskClock]", "D")

    def label_timer(self, number: int, label: str) -> None:
        """Name a timer."""
        self.database.execute("UPDATE timers SET label = ? WHERE _id = ?", (label, number))

    def expire(self, number: int) -> None:
        """Time is up."""
        timer = self._timer(number)
        if timer is not None:
            self.database.execute("UPDATE timers SET state = 'EXPIRED' WHERE _id = ?", (number,))
            self.log(f"Timer expired: {number}")
            self.manager.notices.post(
                PACKAGE,
                1000 + number,
                timer.label or "Timer",
                "Time’s up",
                actions=("Stop", "Add 1 minute"),
                ongoing=True,
                component=COMPONENT,
                heads_up=True,
            )

    # ------------------------------------------------------------ stopwatch

    def stopwatch(self) -> tuple[str, int]:
        """Return the state (RESET, RUNNING, PAUSED) and the time shown in milliseconds."""
        state, started, total = self.database.execute("SELECT state, started_ms, accumulated_ms FROM stopwatch")[0]
        return state, total + (self.state.clock.uptime_ms - started if state == "RUNNING" else 0)

    def laps(self) -> list[int]:
        """Return the time at the end of each lap in milliseconds."""
        return [row[0] for row in self.database.execute("SELECT total_ms FROM laps ORDER BY _id")]

    def _set_stopwatch(self, state: str, total: int, event: str) -> None:
        self.database.execute(
            "UPDATE stopwatch SET state = ?, started_ms = ?, accumulated_ms = ?",
            (state, self.state.clock.uptime_ms, total),
        )
        self.log(f"Events: [Stopwatch] [{event}] [DeskClock]", "D")

    def start_stopwatch(self) -> None:
        """Start or go on."""
        self._set_stopwatch("RUNNING", self.stopwatch()[1], "Start")

    def pause_stopwatch(self) -> None:
        """Pause."""
        self._set_stopwatch("PAUSED", self.stopwatch()[1], "Pause")

    def reset_stopwatch(self) -> None:
        """Set to zero and forget the laps."""
        self.database.execute("DELETE FROM laps")
        self._set_stopwatch("RESET", 0, "Reset")

    def lap(self) -> None:
        """Note the time of a lap."""
        self.database.insert("laps", {"total_ms": self.stopwatch()[1]})
        self.log("Events: [Stopwatch] [Lap] [DeskClock]", "D")

    # ------------------------------------------------------------ cities

    def cities(self) -> list[str]:
        """Return the time zones of the chosen cities."""
        return [row[0] for row in self.database.execute("SELECT zone FROM cities ORDER BY _id")]

    def toggle_city(self, zone: str) -> None:
        """Add a city, or take it away."""
        if zone in self.cities():
            self.database.execute("DELETE FROM cities WHERE zone = ?", (zone,))
        else:
            self.database.insert("cities", {"zone": zone})


def time_text(state: object, hour: int, minute: int) -> str:
    """Return a time of day in the phone's format."""
    settings = state.settings  # type: ignore[attr-defined]
    if settings.get("system", "time_12_24") == "24":
        return f"{hour:02d}:{minute:02d}"
    return f"{hour % 12 or 12}:{minute:02d} {'AM' if hour < 12 else 'PM'}"


def in_words(wait: timedelta) -> str:
    """Return how long it is until an alarm, as the clock says it."""
    minutes = max(int(wait.total_seconds() // 60), 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [
        f"{n} {unit}{'s' if n > 1 else ''}" for n, unit in ((days, "day"), (hours, "hour"), (minutes, "minute")) if n
    ]
    if not parts:
        return "Alarm set for less than 1 minute from now."
    return f"Alarm set for {' and '.join([', '.join(parts[:-1]), parts[-1]] if parts[:-1] else parts)} from now."
