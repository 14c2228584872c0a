"""What the network and the buttons of notifications tell the phone app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.contacts.model import People
from vlgym.android.apps.dialer.model import IDLE, IN_CALL, MAIN, MISSED, PACKAGE, RINGING, Call, Calls
from vlgym.android.state.intents import Intent

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

ONGOING, MISSED_CALL = 1, 2


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Take a call's change of state or a notification's button."""
    calls = Calls(manager.state)
    if key == "call":
        follow(manager, shows=True)
    elif key == "ended" and payload["type"] == MISSED:
        tell_missed(manager, payload["number"])
    elif key == "action" and payload["id"] == MISSED_CALL:
        last = next((call for call in calls.all() if call.type == MISSED), None)
        manager.notices.cancel(PACKAGE, MISSED_CALL)
        if last is not None:
            action, scheme = ("CALL", "tel") if payload["label"] == "Call back" else ("SENDTO", "smsto")
            manager.close_shade()
            manager.start(Intent(action=f"android.intent.action.{action}", data=f"{scheme}:{last.number}"))
    elif key == "action" and payload["label"] == "Answer" and manager.state.call["state"] == RINGING:
        calls.answer()
        manager.close_shade()
        follow(manager, shows=True)
    elif key == "action" and manager.state.call["state"] != IDLE:
        hang_up(manager)


def hang_up(manager: WindowManager) -> Call:
    """End the call from this side."""
    call = Calls(manager.state).end(declined=True)
    follow(manager)
    return call


def follow(manager: WindowManager, *, shows: bool = False) -> None:
    """Bring screen and notification in line with the call."""
    call = manager.state.call
    manager.changed_system()
    if call["state"] == IDLE:
        manager.notices.cancel(PACKAGE, ONGOING)
        found = [r for task in manager.tasks.all for r in task["activities"] if r["component"] == IN_CALL]
        for record in found:
            manager.finish(record)
        return
    ringing = call["state"] == RINGING
    manager.notices.post(
        PACKAGE,
        ONGOING,
        People(manager.state).name_of(call["number"]),
        "Incoming call" if ringing else "Ongoing call",
        actions=("Decline", "Answer") if ringing else ("Hang up",),
        ongoing=True,
        component=IN_CALL,
    )
    top = manager.tasks.top
    if shows and top["component"] != IN_CALL:
        at_home = top["component"] == manager.state.packages.home()
        # above the app that calls, so that this app is back when the call ends
        manager.start(Intent(component=IN_CALL), caller=None if at_home else top)


def tell_missed(manager: WindowManager, number: str) -> None:
    """Post the notification of a missed call."""
    manager.notices.post(
        PACKAGE,
        MISSED_CALL,
        "Missed call",
        People(manager.state).name_of(number),
        actions=("Call back", "Message"),
        component=MAIN,
    )
