"""Virtual time: the device's wall clock and uptime move only when the device says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

START = datetime(2023, 10, 15, 15, 34, tzinfo=UTC)
"""Wall time of a fresh device, the moment AndroidWorld freezes its devices at."""

BOOTED_AGO_S = 180
"""Uptime of a fresh device in seconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)

ZONES: dict[str, tuple[int, str, str, str]] = {
    "UTC": (0, "UTC", "UTC", ""),
    "Etc/UTC": (0, "UTC", "UTC", ""),
    "GMT": (0, "GMT", "GMT", ""),
    "Europe/London": (0, "GMT", "BST", "eu"),
    "Europe/Lisbon": (0, "WET", "WEST", "eu"),
    "Europe/Paris": (60, "CET", "CEST", "eu"),
    "Europe/Berlin": (60, "CET", "CEST", "eu"),
    "Europe/Madrid": (60, "CET", "CEST", "eu"),
    "Europe/Zurich": (60, "CET", "CEST", "eu"),
    "Europe/Athens": (120, "EET", "EEST", "eu"),
    "Africa/Lagos": (60, "WAT", "WAT", ""),
    "Africa/Nairobi": (180, "EAT", "EAT", ""),
    "Asia/Dubai": (240, "+04", "+04", ""),
    "Asia/Kolkata": (330, "IST", "IST", ""),
    "Asia/Shanghai": (480, "CST", "CST", ""),
    "Asia/Singapore": (480, "+08", "+08", ""),
    "Asia/Tokyo": (540, "JST", "JST", ""),
    "Australia/Brisbane": (600, "AEST", "AEST", ""),
    "America/Sao_Paulo": (-180, "-03", "-03", ""),
    "America/New_York": (-300, "EST", "EDT", "us"),
    "America/Chicago": (-360, "CST", "CDT", "us"),
    "America/Denver": (-420, "MST", "MDT", "us"),
    "America/Phoenix": (-420, "MST", "MST", ""),
    "America/Los_Angeles": (-480, "PST", "PDT", "us"),
    "Pacific/Honolulu": (-600, "HST", "HST", ""),
}
"""Zone name -> (minutes east of UTC in winter, winter name, summer name, summer rule). The host is not asked."""


def _sunday(year: int, month: int, which: int) -> datetime:
    """Return midnight of the `which`-th Sunday of a month (from 1; -1 is the last), in UTC."""
    if which > 0:
        first = datetime(year, month, 1, tzinfo=UTC)
        return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
    last = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _is_summer(rule: str, offset: int, moment: datetime) -> bool:
    """Return whether summer time holds: EU rules since 1996, US rules since 2007."""
    if rule == "eu":
        hour = timedelta(hours=1)
        return _sunday(moment.year, 3, -1) + hour <= moment < _sunday(moment.year, 10, -1) + hour
    if rule == "us":
        two_local = timedelta(hours=2, minutes=-offset)
        begin, end = _sunday(moment.year, 3, 2), _sunday(moment.year, 11, 1)
        return begin + two_local <= moment < end + two_local - timedelta(hours=1)
    return False


class Clock:
    """Wall clock, uptime and time zone of one device, in whole microseconds.

    Attributes:
        now_us: wall time in microseconds since 1970-01-01 UTC.
        uptime_us: microseconds since boot; never set back.
        zone: a key of `ZONES`.
    """

    __slots__ = ("now_us", "uptime_us", "zone")

    def __init__(self) -> None:
        self.now_us = (START - _EPOCH) // _MICRO
        self.uptime_us = BOOTED_AGO_S * 1_000_000
        self.zone = "UTC"

    def advance(self, seconds: float) -> None:
        """Let time pass; negative seconds raise ValueError."""
        if not 0 <= seconds < 1e9:
            raise ValueError(f"Time can pass by 0 to 1e9 seconds, got {seconds}.")
        step = round(seconds * 1_000_000)
        self.now_us += step
        self.uptime_us += step

    def set(self, moment: datetime) -> None:
        """Set the wall clock to an aware datetime; uptime goes on as before."""
        self.now_us = (moment.astimezone(UTC) - _EPOCH) // _MICRO

    @property
    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970, as `System.currentTimeMillis()`."""
        return self.now_us // 1000

    @property
    def uptime_ms(self) -> int:
        """Milliseconds since boot, as `SystemClock.uptimeMillis()`."""
        return self.uptime_us // 1000

    def utc(self, micros: int | None = None) -> datetime:
        """Return a moment (default now) as an aware datetime in UTC."""
        return _EPOCH + timedelta(microseconds=self.now_us if micros is None else micros)

    def local(self, micros: int | None = None) -> datetime:
        """Return a moment (default now) in the device's time zone; `tzname()` is the zone's abbreviation."""
        moment = self.utc(micros)
        offset, winter, summer, rule = ZONES.get(self.zone, ZONES["UTC"])
        if _is_summer(rule, offset, moment):
            return moment.astimezone(timezone(timedelta(minutes=offset + 60), summer))
        return moment.astimezone(timezone(timedelta(minutes=offset), winter))

    def from_local(self, naive: datetime) -> datetime:
        """Return the aware datetime that a naive local wall time names."""
        guess = naive.replace(tzinfo=UTC)
        for _ in range(2):  # the offset depends on the moment and the moment on the offset
            offset = self.local((guess - _EPOCH) // _MICRO).utcoffset() or timedelta()
            guess = naive.replace(tzinfo=UTC) - offset
        return self.local((guess - _EPOCH) // _MICRO)

    def export(self) -> tuple[int, int, str]:
        """Return the clock as plain data."""
        return self.now_us, self.uptime_us, self.zone

    def load(self, data: tuple[int, int, str]) -> None:
        """Take over what `export` returned."""
        self.now_us, self.uptime_us, self.zone = data
