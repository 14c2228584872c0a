"""What wakes the clock: alarms, timers, and the buttons of its notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.clock.model import Clock

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Take an alarm's or a notification's call."""
    clock = Clock(manager)
    if key.startswith("alarm:"):
        clock.ring(payload["alarm"])
    elif key.startswith("timer:"):
        clock.expire(payload["timer"])
    elif key == "action":
        number = payload["id"]
        if number >= 1000:
            clock.reset_timer(number - 1000) if payload["label"] == "Stop" else clock.extend_timer(number - 1000)
        else:
            clock.snooze(number) if payload["label"] == "Snooze" else clock.dismiss(number)
