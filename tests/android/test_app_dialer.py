"""The phone app: keypad, log, search, calls out and in."""

from __future__ import annotations

import pytest
from phone import Phone

from vlgym.android.apps.dialer.model import IN_CALL, INCOMING, MAIN, MISSED, OUTGOING, REJECTED, Calls
from vlgym.android.tasks.people import call_log, call_now, set_calls, set_people
from vlgym.android.tasks.phone import SimPhone
from vlgym.android.wire import modem

ADA = {"first": "Ada", "last": "Moreno", "number": "4155550101", "starred": True}
BEN = {"first": "Ben", "last": "Okafor", "number": "2025550102"}
STRANGER = "6175550177"
LOG = [["4155550101", INCOMING, 10, 65], [STRANGER, MISSED, 60, 0], ["2025550102", OUTGOING, 2000, 30]]


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    set_people(SimPhone(phone), [ADA, BEN])
    set_calls(SimPhone(phone), LOG)
    phone.start_activity(MAIN)
    phone.advance(1)
    return phone


def pull_shade(phone: Phone) -> None:
    phone.swipe(540, 10, 540, 1500, 0.3)
    phone.advance(1)


def log(phone: Phone) -> list[tuple[str, int]]:
    return call_log(SimPhone(phone))


def old() -> list[tuple[str, int]]:
    return [(number, kind) for number, kind, _, _ in LOG]


def dial(phone: Phone, number: str) -> None:
    phone.press("Keypad", *number)


def test_keypad_dials_and_the_call_is_logged(phone: Phone) -> None:
    dial(phone, "5550199")
    assert phone.shows("555-0199")
    phone.press("dialpad_floating_action_button")
    assert phone.foreground() == IN_CALL
    assert phone.shows("Calling…")
    assert call_now(SimPhone(phone)) == "5550199"
    phone.advance(10)
    assert phone.shows("00:07")
    phone.press("End call")
    assert phone.foreground() == MAIN
    assert phone.state.call["state"] == 0
    assert log(phone) == [("5550199", OUTGOING), *old()]
    assert Calls(phone.state).all()[0].seconds == 7


def test_backspace_suggestions_and_the_last_number(phone: Phone) -> None:
    dial(phone, "415")
    assert phone.shows("Ada Moreno")
    assert not phone.shows("Ben Okafor")
    phone.press("Backspace", "Backspace", "Backspace")
    assert not phone.shows("Ada Moreno")
    phone.press("dialpad_floating_action_button")
    assert phone.shows("(202) 555-0102")
    assert phone.state.call["state"] == 0
    phone.press("Close keypad")
    assert phone.shows("Recents")


def test_emergency_numbers_are_noticed(phone: Phone) -> None:
    dial(phone, "112")
    phone.press("dialpad_floating_action_button")
    assert "Emergency number detected" in phone.logged("Telecom")


def test_no_calls_in_airplane_mode(phone: Phone) -> None:
    phone.state.effects.set_airplane(True)
    phone.press("Call Ada Moreno")
    assert phone.foreground() == MAIN
    assert phone.shows("Turn off airplane mode to make a call.")
    assert log(phone) == old()


def test_the_log_unfolds_filters_deletes_and_clears(phone: Phone) -> None:
    phone.press("(617) 555-0177")
    assert phone.shows("Missed call")
    assert phone.shows("Add contact")
    phone.press("Delete")
    assert log(phone) == [old()[0], old()[2]]
    phone.press("Missed")
    assert phone.shows("Your call log is empty")
    phone.press("All", "More options", "Clear call history", "Cancel")
    assert len(log(phone)) == 2
    phone.press("More options", "Clear call history", "OK")
    assert log(phone) == []


def test_a_caller_becomes_a_contact(phone: Phone) -> None:
    phone.press("(617) 555-0177", "Add contact")
    assert phone.shows(STRANGER)
    phone.press("first")
    phone.text("Ines")
    phone.press("Save")
    phone.key(4)
    phone.advance(0.5)
    assert phone.foreground() == MAIN
    assert phone.shows("Ines")


def test_search_calls_people_and_numbers(phone: Phone) -> None:
    phone.press("Search contacts")
    phone.text("ben")
    phone.advance(0.3)
    phone.press("Ben Okafor")
    assert call_now(SimPhone(phone)) == "2025550102"
    phone.press("End call", "Clear search")
    phone.text("5550144")
    phone.advance(0.3)
    phone.press("Call 555-0144")
    assert call_now(SimPhone(phone)) == "5550144"


def test_favorites_call_at_a_touch(phone: Phone) -> None:
    phone.press("Favorites")
    assert not phone.shows("Ben Okafor")
    phone.press("Ada Moreno")
    assert call_now(SimPhone(phone)) == "4155550101"


def test_an_incoming_call_is_answered(phone: Phone) -> None:
    phone.key(3)
    modem.change_call(phone, "call", "2025550102")
    phone.advance(1)
    assert phone.foreground() == IN_CALL
    assert phone.shows("Incoming call")
    assert phone.shows("Ben Okafor")
    phone.press("Answer")
    phone.advance(4)
    modem.change_call(phone, "cancel")
    phone.advance(0.5)
    assert phone.foreground() != IN_CALL
    assert log(phone)[0] == ("2025550102", INCOMING)
    assert Calls(phone.state).all()[0].seconds == 4


def test_an_incoming_call_is_declined_or_missed(phone: Phone) -> None:
    modem.change_call(phone, "call", STRANGER)
    phone.advance(1)
    phone.press("Decline")
    assert log(phone)[0] == (STRANGER, REJECTED)
    assert phone.foreground() == MAIN
    modem.change_call(phone, "call", STRANGER)
    phone.advance(1)
    modem.change_call(phone, "cancel")
    phone.advance(0.5)
    assert log(phone)[0] == (STRANGER, MISSED)
    pull_shade(phone)
    assert phone.shows("Missed call")
    phone.press("Call back")
    assert call_now(SimPhone(phone)) == STRANGER


def test_a_call_goes_on_behind_other_apps(phone: Phone) -> None:
    phone.press("Call Ada Moreno")
    phone.key(3)
    phone.advance(0.5)
    pull_shade(phone)
    phone.press("Ongoing call")
    assert phone.foreground() == IN_CALL
    phone.press("Mute", "Speaker")
    assert sum(node.get("checked") == "true" for node in phone.nodes()) == 2
    phone.key(3)
    pull_shade(phone)
    phone.press("Hang up")
    assert log(phone)[0] == ("4155550101", OUTGOING)
    assert not phone.state.call["state"]


def test_network_accepts_an_outgoing_call_at_once(phone: Phone) -> None:
    phone.press("Call Ada Moreno")
    assert Calls(phone.state).seconds is None
    modem.change_call(phone, "accept")
    assert Calls(phone.state).seconds == 0
    with pytest.raises(LookupError):
        modem.change_call(phone, "accept")


def test_dial_intent_fills_the_keypad(phone: Phone) -> None:
    phone.shell("am start -a android.intent.action.DIAL -d tel:5550123")
    phone.advance(0.5)
    assert phone.shows("555-0123")
    assert not phone.state.call["state"]
