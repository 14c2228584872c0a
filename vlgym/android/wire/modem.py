"""What the network does to the phone: messages arrive, calls come in and end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.device import Device

IDLE, RINGING, OFF_HOOK = range(3)
"""State of the call, as TelephonyManager's CALL_STATE_*."""
_INCOMING, _MISSED = 1, 3
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
        state = device.state
        call = state.call
        now = state.clock.now_ms
        if what == "call":
            number = _checked(number)
            if call["state"] != IDLE:
                raise LookupError(f"There is a call with {call['number']} already.")
            state.call = {"state": RINGING, "number": number, "since_ms": now}
        elif what == "accept" and call["state"] == RINGING:
            state.call = {**call, "state": OFF_HOOK, "since_ms": now}
        elif what in ("cancel", "busy") and call["state"] != IDLE:
            missed = call["state"] == RINGING
            seconds = 0 if missed else (now - call["since_ms"]) // 1000
            kind = _MISSED if missed else _INCOMING
            row = {
                "number": call["number"],
                "date": call["since_ms"],
                "duration": seconds,
                "type": kind,
                "new": int(missed),
            }
            state.content.insert("content://call_log/calls", row)
            state.call = {"state": IDLE, "number": "", "since_ms": 0}
        else:
            raise LookupError(f"{what!r} does not fit: the phone is {('idle', 'ringing', 'in a call')[call['state']]}.")
        state.log.write("Telecom", f"Call state {call['state']} -> {state.call['state']}", pid=state.processes.system)
