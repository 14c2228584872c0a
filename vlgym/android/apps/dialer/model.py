"""Calls: the one that is on, and the log of those that were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlgym.android.apps.contacts.model import digits

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PACKAGE = "com.google.android.dialer"
MAIN = f"{PACKAGE}/com.google.android.dialer.extensions.GoogleDialtactsActivity"
IN_CALL = f"{PACKAGE}/com.android.incallui.InCallActivity"
IDLE, RINGING, OFF_HOOK = range(3)
"""State of the call, as TelephonyManager's CALL_STATE_*."""
INCOMING, OUTGOING, MISSED, REJECTED = 1, 2, 3, 5
"""Types of logged calls."""
ANSWER_MS = 3000
"""How long the other side of an outgoing call lets it ring."""
EMERGENCY = ("112", "911", "999", "000", "110", "118", "119")


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the call log; time in milliseconds since 1970."""

    id: int
    number: str
    when_ms: int
    seconds: int
    type: int
    new: bool


class Calls:
    """The calls of a device. ``state.call`` is the one that is on; see `State`. Keys of ours: "incoming", and
    "answered_ms", when the other side takes or took it."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def database(self) -> Database:
        """The call log's database."""
        return self.state.app_database("com.android.providers.contacts", "calllog.db")

    # ------------------------------------------------------------ the call that is on

    @property
    def seconds(self) -> int | None:
        """How long the two have been talking, None while it rings."""
        call = self.state.call
        start = call.get("answered_ms", call["since_ms"])
        passed = self.state.clock.now_ms - start
        return passed // 1000 if call["state"] == OFF_HOOK and passed >= 0 else None

    def dial(self, number: str) -> None:
        """Call a number."""
        now = self.state.clock.now_ms
        if digits(number) in EMERGENCY:
            self._log("Emergency number detected")
        self._change(
            {"state": OFF_HOOK, "number": number, "since_ms": now, "incoming": False, "answered_ms": now + ANSWER_MS}
        )

    def ring(self, number: str) -> None:
        """Let a call come in."""
        self._change({"state": RINGING, "number": number, "since_ms": self.state.clock.now_ms, "incoming": True})

    def answer(self) -> None:
        """Take a call that comes in; or let the other side take one that goes out."""
        now = self.state.clock.now_ms
        self._change({**self.state.call, "state": OFF_HOOK, "answered_ms": now})

    def end(self, *, declined: bool = False) -> Call:
        """End the call and log it."""
        call, seconds = self.state.call, self.seconds
        kind = OUTGOING
        if call.get("incoming", True):
            ringing = call["state"] == RINGING
            kind = (REJECTED if declined else MISSED) if ringing else INCOMING
        row = {
            "number": call["number"],
            "date": call["since_ms"],
            "duration": seconds or 0,
            "type": kind,
            "new": int(kind == MISSED),
            "is_read": int(kind != MISSED),
        }
        number = int(self.state.content.insert("content://call_log/calls", row).rpartition("/")[2])
        self._change({"state": IDLE, "number": "", "since_ms": 0})
        return Call(number, call["number"], call["since_ms"], seconds or 0, kind, kind == MISSED)

    def _change(self, call: dict[str, object]) -> None:
        before = self.state.call["state"]
        self.state.call = call
        self._log(f"Call state {before} -> {call['state']}")

    def _log(self, message: str) -> None:
        self.state.log.write("Telecom", message, pid=self.state.processes.system)

    # ------------------------------------------------------------ the log

    def all(self) -> list[Call]:
        """Return the logged calls, the latest first."""
        rows = self.database.execute(
            "SELECT _id, number, date, duration, type, new FROM calls ORDER BY date DESC, _id DESC"
        )
        return [Call(n, str(who or ""), date or 0, s or 0, kind or 0, bool(new)) for n, who, date, s, kind, new in rows]

    def delete(self, number: int) -> None:
        """Take a call out of the log."""
        self.database.execute("DELETE FROM calls WHERE _id = ?", (number,))

    def clear(self) -> None:
        """Empty the log."""
        self.database.execute("DELETE FROM calls")

    def seen(self) -> None:
        """Note that missed calls have been looked at."""
        self.database.execute("UPDATE calls SET new = 0, is_read = 1 WHERE new = 1")


def spoken(seconds: int) -> str:
    """Return how long a call was: 02:05."""
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"
