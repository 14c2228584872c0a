"""What the network does to the phone: messages arrive, calls come in and end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vlgym.android.apps.dialer.model import IDLE, Calls
from vlgym.android.apps.dialer.model import PACKAGE as DIALER

if TYPE_CHECKING:
    from vlgym.android.device import Device

MESSAGES = "com.simplemobiletools.smsmessenger"
_NUMBER = re.compile(r"[+]?[0-9*#() .-]{1,40}|[A-Za-z0-9 ._-]{1,11}")


def _checked(number: str) -> str:
    """Return a telephone number or an alphanumeric sender; raise ValueError for anything else."""
    if not _NUMBER.fullmatch(number.strip()):
        raise ValueError(f"{number[:40]!r} is no telephone number.")
    return number.strip()


def receive_sms(device: Device, number: str, text: str) -> None:
    """Let a message arrive from a number; raises ValueError for what is no number."""
    number = _checked(number)
    with device.lock:
        state = device.state
        row = {"address": number, "body": text, "read": 0, "seen": 0, "date_sent": state.clock.now_ms}
        uri = state.content.insert("content://sms/inbox", row)
        state.log.write(
            "InboundSmsHandler", f"Delivering SMS to inbox: {uri}", pid=state.processes.pid("com.android.phone")
        )
        _tell(device, MESSAGES, "received", {"id": int(uri.rpartition("/")[2])})


def change_call(device: Device, what: str, number: str = "") -> None:
    """Change the phone call from the network's side.

    Args:
        what: "call" a call comes in; "accept" the other side or the user takes it; "cancel", "busy" it ends.
        number: of the caller.

    Raises:
        ValueError: the number is none.
        LookupError: there is no such call now; one sentence.
    """
    with device.lock:
        calls, call = Calls(device.state), device.state.call
        if what == "call":
            number = _checked(number)
            if call["state"] != IDLE:
                raise LookupError(f"There is a call with {call['number']} already.")
            calls.ring(number)
        elif what == "accept" and call["state"] != IDLE and calls.seconds is None:
            calls.answer()
        elif what in ("cancel", "busy") and call["state"] != IDLE:
            ended = calls.end()
            _tell(device, DIALER, "ended", {"number": ended.number, "type": ended.type})
        else:
            raise LookupError(f"{what!r} does not fit: the phone is {('idle', 'ringing', 'in a call')[call['state']]}.")
        _tell(device, DIALER, "call", {})


def _tell(device: Device, package: str, key: str, payload: dict[str, Any]) -> None:
    """Let an app know, if the device has a screen."""
    windows = getattr(device, "windows", None)
    if windows is not None:
        windows.broadcast(package, key, payload)
