"""Notifications and alarms: the notification manager and the alarm manager of a device, as plain data in `state.ui`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.state.intents import FLAG_NEW_TASK, Intent

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

HEADS_UP_US = 5_000_000


class Notices:
    """Notifications in ``state.ui["notifications"]``, the newest first.

    Each is {"package", "id", "title", "text", "actions": labels, "ongoing", "component" and "extras" of what a tap
    starts, "heads_up": uptime in microseconds until which it is shown over the screen}.
    """

    def __init__(self, manager: WindowManager) -> None:
        self.manager = manager

    def all(self) -> list[dict[str, Any]]:
        """Return the notifications, the newest first."""
        posted: list[dict[str, Any]] = self.manager.ui["notifications"]
        return posted

    def post(
        self,
        package: str,
        number: int,
        title: str,
        text: str = "",
        *,
        actions: tuple[str, ...] = (),
        ongoing: bool = False,
        component: str = "",
        extras: dict[str, Any] | None = None,
        heads_up: bool = False,
    ) -> None:
        """Post a notification, or replace the one of that package and number."""
        manager = self.manager
        self._take(package, number)
        until = manager.state.clock.uptime_us + HEADS_UP_US if heads_up else 0
        self.all().insert(
            0,
            {
                "package": package,
                "id": number,
                "title": title,
                "text": text,
                "actions": list(actions),
                "ongoing": ongoing,
                "component": component,
                "extras": extras or {},
                "heads_up": until,
            },
        )
        manager.changed_system()

    def cancel(self, package: str, number: int) -> None:
        """Take a notification back."""
        if self._take(package, number):
            self.manager.changed_system()

    def _take(self, package: str, number: int) -> bool:
        posted = self.all()
        kept = [note for note in posted if (note["package"], note["id"]) != (package, number)]
        found = len(kept) != len(posted)
        posted[:] = kept
        return found

    def heads_up(self) -> dict[str, Any] | None:
        """Return the notification to show over the screen now."""
        now = self.manager.state.clock.uptime_us
        return next((note for note in self.all() if note.get("heads_up", 0) > now), None)

    def open(self, note: dict[str, Any]) -> None:
        """Do what a tap on a notification does."""
        manager = self.manager
        manager.close_shade()
        if not note.get("ongoing"):
            self.cancel(note["package"], note["id"])
        if note.get("component"):
            manager.start(Intent(component=note["component"], extras=note.get("extras", {}), flags=FLAG_NEW_TASK))

    def act(self, note: dict[str, Any], label: str) -> None:
        """Press a notification's button: the app's receiver hears ("action", {"id", "label"})."""
        self.manager.broadcast(note["package"], "action", {"id": note["id"], "label": label})
        self.manager.changed_system()

    def dismiss(self, note: dict[str, Any]) -> bool:
        """Swipe a notification away; return False for one that stays."""
        if note.get("ongoing"):
            return False
        self.cancel(note["package"], note["id"])
        self.manager.broadcast(note["package"], "dismissed", {"id": note["id"]})
        return True

    def clear(self) -> None:
        """Swipe everything away that goes."""
        for note in list(self.all()):
            self.dismiss(note)
        self.manager.close_shade()


class Alarms:
    """Alarms in ``state.ui["alarms"]``: {"package", "key", "at_ms", "payload", "clock", "up"}; see `set`."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager = manager

    def _all(self) -> list[dict[str, Any]]:
        alarms: list[dict[str, Any]] = self.manager.ui["alarms"]
        return alarms

    def set(
        self,
        package: str,
        key: str,
        at_ms: int,
        payload: dict[str, Any] | None = None,
        *,
        clock: bool = False,
        up: bool = False,
    ) -> None:
        """Have a package's receiver called with (key, payload) at a time; an earlier alarm of that key is replaced.

        Args:
            at_ms: wall time in milliseconds since 1970, or milliseconds since boot if `up`.
            clock: an alarm clock: the status bar shows it.
        """
        self.cancel(package, key)
        self._all().append(
            {"package": package, "key": key, "at_ms": at_ms, "payload": payload or {}, "clock": clock, "up": up}
        )
        self.manager.changed_system()

    def cancel(self, package: str, key: str = "") -> None:
        """Cancel an alarm, or all of a package."""
        kept = [a for a in self._all() if a["package"] != package or (key and a["key"] != key)]
        if len(kept) != len(self._all()):
            self.manager.ui["alarms"] = kept
            self.manager.changed_system()

    def _due_us(self, alarm: dict[str, Any]) -> int:
        """Return the uptime at which an alarm is due."""
        clock = self.manager.state.clock
        at = int(alarm["at_ms"]) * 1000
        return at if alarm["up"] else at - clock.now_us + clock.uptime_us

    def next_us(self) -> int | None:
        """Return the uptime in microseconds at which the next alarm is due."""
        return min(map(self._due_us, self._all()), default=None)

    def fire(self) -> None:
        """Call the receivers of what is due."""
        now = self.manager.state.clock.uptime_us
        for alarm in sorted((a for a in self._all() if self._due_us(a) <= now), key=self._due_us):
            if alarm in self._all():
                self._all().remove(alarm)
                self.manager.broadcast(alarm["package"], alarm["key"], alarm["payload"])
                self.manager.changed_system()
