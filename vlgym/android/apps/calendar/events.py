"""What wakes the calendar: reminders and their notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.calendar.model import Events

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Remind, or put a reminder off."""
    if key.startswith("event:"):
        Events(manager).tell(int(payload["event"]), int(payload["start"]))
    elif key == "action":
        Events(manager).snooze(int(payload["id"]))
