"""The process table: who runs, under which pid, and the lines the activity manager logs about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state.device_state import State

_BOOTED = (
    ("init", 1, 0, 0),
    ("kthreadd", 2, 0, 0),
    ("logd", 143, 1, 1036),
    ("adbd", 331, 1, 2000),
    ("surfaceflinger", 389, 1, 1000),
    ("zygote64", 402, 1, 0),
    ("system_server", 601, 402, 1000),
)
_PERSISTENT = ("com.android.systemui", "com.android.phone", "com.google.android.inputmethod.latin")


class Processes:
    """Processes by name.

    Attributes:
        system: pid of system_server, under which the system's services log.
    """

    system = 601

    def __init__(self, state: State) -> None:
        self._state = state
        self._table: dict[str, tuple[int, int, int, int]] = {}
        self._next = 1200

    def boot(self) -> None:
        """Start what runs on a fresh device."""
        for name, pid, parent, uid in _BOOTED:
            self._table[name] = (pid, parent, uid, self._state.clock.uptime_ms)
        for name in _PERSISTENT:
            if name in self._state.packages:
                self.start(name, "")

    def start(self, package: str, reason: str = "pre-top-activity") -> int:
        """Start a package's process unless it runs; return its pid.

        Args:
            reason: what for, e.g. ``top-activity {com.android.settings/...}``; empty logs nothing.
        """
        running = self._table.get(package)
        if running is not None:
            return running[0]
        state = self._state
        uid = state.packages.state(package).uid
        self._next += 7
        pid = self._next
        self._table[package] = (pid, 402, uid, state.clock.uptime_ms)
        if reason:
            who = f"u0a{uid - 10000}" if uid >= 10000 else str(uid)
            state.log.write("ActivityManager", f"Start proc {pid}:{package}/{who} for {reason}", pid=self.system)
        return pid

    def kill(self, package: str, reason: str = "") -> bool:
        """End a package's process; return whether it ran."""
        running = self._table.pop(package, None)
        if running is None:
            return False
        pid, _, uid, _ = running
        if reason:
            who = f"u0a{uid - 10000}" if uid >= 10000 else str(uid)
            self._state.log.write(
                "ActivityManager", f"Killing {pid}:{package}/{who} (adj 0): {reason}", pid=self.system
            )
        return True

    def pid(self, name: str) -> int:
        """Return a process's pid, 0 if it does not run."""
        return self._table.get(name, (0,))[0]

    def all(self) -> list[tuple[str, int, int, int]]:
        """Return (name, pid, parent's pid, uid) of every process, by pid."""
        return sorted(((name, *row[:3]) for name, row in self._table.items()), key=lambda row: row[1])

    def log(self, package: str, tag: str, message: str, priority: str = "I") -> None:
        """Write a log line in the name of a package's process, started if need be."""
        pid = self.start(package)
        self._state.log.write(tag, message, priority, pid=pid, uid=self._state.packages.state(package).uid)

    def export(self) -> tuple[dict[str, tuple[int, int, int, int]], int]:
        """Return the table as plain data."""
        return self._table, self._next

    def load(self, data: tuple[dict[str, tuple[int, int, int, int]], int]) -> None:
        """Take over what `export` returned."""
        self._table, self._next = data
