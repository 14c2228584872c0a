"""The messenger: conversations, new ones, selections, archive, messages that arrive."""

from __future__ import annotations

import pytest
from phone import Phone

from vlgym.android.apps.messages.model import MAIN, THREAD, Texts
from vlgym.android.tasks.people import reads, set_people, set_texts, texts, wanted_texts
from vlgym.android.tasks.phone import SimPhone
from vlgym.android.wire import modem

ADA = {"first": "Ada", "last": "Moreno", "number": "4155550101"}
BEN = {"first": "Ben", "last": "Okafor", "number": "2025550102"}
STRANGER = "6175550177"
SAID = [
    ["4155550101", "Did the parcel arrive?", 300, True, True],
    ["4155550101", "Yes, thank you", 290, False, True],
    ["4155550101", "See you on Friday", 20, True, False],
    [STRANGER, "Your code is 4471", 4000, True, True],
]


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    set_people(SimPhone(phone), [ADA, BEN])
    set_texts(SimPhone(phone), SAID)
    phone.start_activity(MAIN)
    phone.advance(1)
    return phone


def said(phone: Phone) -> list[tuple[str, str, int]]:
    return texts(SimPhone(phone))


def hold(phone: Phone, name: str) -> None:
    x, y = phone.centre(name)
    phone.swipe(x, y, x, y, 0.8)
    phone.advance(0.5)


def write(phone: Phone, words: str) -> None:
    phone.press("thread_type_message")
    phone.text(words)
    phone.press("Send")


def test_opening_a_conversation_reads_it_and_answers(phone: Phone) -> None:
    assert reads(SimPhone(phone)) == {"4155550101": False, STRANGER: True}
    phone.press("Ada Moreno")
    assert phone.foreground() == THREAD
    assert all(reads(SimPhone(phone)).values())
    phone.press("Send")  # nothing to send
    write(phone, "Fine!")
    assert said(phone) == wanted_texts([*SAID, ["4155550101", "Fine!", 0, False, True]])
    assert phone.shows("Fine!")
    assert phone.shows("Type a message…")
    assert phone.shell("content query --uri content://sms/sent --projection body").stdout.startswith(
        b"Row: 0 body=Fine!"
    )


@pytest.mark.parametrize("address", ["+1 415 555 0101", "Ada Moreno"])
def test_a_new_conversation_goes_on_with_the_old_one(phone: Phone, address: str) -> None:
    phone.press("New conversation")
    phone.text(address)
    phone.press("Confirm")
    assert phone.foreground() == THREAD
    assert phone.shows("See you on Friday")
    write(phone, "Again")
    assert ("4155550101", "Again", 2) in said(phone)
    assert len(Texts(phone.state).threads()) == 2


def test_a_new_number_makes_a_new_conversation(phone: Phone) -> None:
    phone.press("New conversation")
    phone.text("zz")
    phone.press("Confirm")
    assert phone.shows("Type in a number or choose a contact.")
    phone.advance(3)
    phone.chord(113, 29)
    phone.key(67)
    phone.text("ben")
    phone.advance(0.3)
    phone.press("Ben Okafor")
    write(phone, "Hello")
    assert ("2025550102", "Hello", 2) in said(phone)
    assert len(Texts(phone.state).threads()) == 3
    phone.key(4)
    phone.advance(0.5)
    assert phone.foreground() == MAIN


def test_a_message_without_a_network_fails_and_is_sent_later(phone: Phone) -> None:
    phone.state.effects.set_airplane(True)
    phone.press("Ada Moreno")
    write(phone, "Late")
    assert ("4155550101", "Late", 5) in said(phone)
    assert phone.shows("Message not sent. Touch to retry.")
    phone.state.effects.set_airplane(False)
    phone.press("Late")
    assert ("4155550101", "Late", 2) in said(phone)
    assert ("4155550101", "Late", 5) not in said(phone)


def test_messages_are_deleted_copied_and_forwarded(phone: Phone) -> None:
    phone.press("Ada Moreno")
    hold(phone, "Yes, thank you")
    phone.press("Copy to clipboard")
    assert phone.state.clipboard == "Yes, thank you"
    hold(phone, "Yes, thank you")
    phone.press("cab_delete", "No")
    assert len(said(phone)) == 4
    phone.press("cab_delete", "Yes")
    assert said(phone) == wanted_texts([SAID[0], SAID[2], SAID[3]])
    hold(phone, "Did the parcel arrive?")
    phone.press("Forward", "Ben Okafor")
    assert phone.shows("Did the parcel arrive?")
    phone.press("Send")
    assert ("2025550102", "Did the parcel arrive?", 2) in said(phone)


def test_conversations_are_deleted_marked_and_archived(phone: Phone) -> None:
    hold(phone, "Ada Moreno")
    phone.press("(617) 555-0177", "More options", "Mark as read")
    assert all(reads(SimPhone(phone)).values())
    hold(phone, "Ada Moreno")
    phone.press("More options", "Archive")
    assert not phone.shows("Ada Moreno")
    phone.press("More options", "Show archived")
    assert phone.shows("Ada Moreno")
    assert not phone.shows("(617) 555-0177")
    phone.key(4)
    phone.advance(0.5)
    hold(phone, "(617) 555-0177")
    phone.press("Delete", "Yes")
    assert said(phone) == wanted_texts(SAID[:3])
    assert phone.shows("No stored conversations have been found")


def test_search_finds_names_and_words(phone: Phone) -> None:
    phone.press("Search")
    phone.text("parcel")
    phone.advance(0.3)
    assert phone.shows("Did the parcel arrive?")
    assert not phone.shows("Your code is 4471")
    phone.press("Did the parcel arrive?")
    assert phone.foreground() == THREAD


def test_a_message_arrives(phone: Phone) -> None:
    phone.key(3)
    modem.receive_sms(phone, "2025550102", "Are you there?")
    phone.advance(0.5)
    assert phone.shows("Are you there?")
    assert phone.shows("Ben Okafor")
    assert reads(SimPhone(phone))["2025550102"] is False
    phone.press("Mark as read")
    assert reads(SimPhone(phone))["2025550102"] is True
    modem.receive_sms(phone, "2025550102", "Hello?")
    phone.advance(0.5)
    phone.press("Hello?")
    assert phone.foreground() == THREAD
    assert phone.shows("Ben Okafor")
    assert phone.shows("Are you there?")
    assert reads(SimPhone(phone))["2025550102"] is True


def test_a_message_in_the_open_conversation_is_read_at_once(phone: Phone) -> None:
    phone.press("Ada Moreno")
    modem.receive_sms(phone, "4155550101", "One more thing")
    phone.advance(0.5)
    assert phone.shows("One more thing")
    assert all(reads(SimPhone(phone)).values())


def test_long_conversations_begin_at_their_end(phone: Phone) -> None:
    many = [["4155550101", f"Message number {n}", 900 - n, bool(n % 2), True] for n in range(40)]
    set_texts(SimPhone(phone), many)
    phone.press("Ada Moreno")
    assert phone.shows("Message number 39")
    assert not phone.shows("Message number 0")
    for _ in range(8):
        phone.swipe(540, 700, 540, 1900, 0.3)
        phone.advance(2)
    assert phone.shows("Message number 0")
    assert not phone.shows("Message number 39")


def test_sendto_opens_the_conversation(phone: Phone) -> None:
    phone.shell("am start -a android.intent.action.SENDTO -d smsto:4155550101 --es sms_body 'On my way'")
    phone.advance(0.5)
    assert phone.foreground() == THREAD
    phone.press("Send")
    assert ("4155550101", "On my way", 2) in said(phone)


def test_the_send_button_says_what_it_sends(phone: Phone) -> None:
    phone.shell("am start -a android.intent.action.SENDTO -d sms:4155550101 --es sms_body Hello")
    phone.advance(0.5)
    phone.press("SMS")  # AndroidWorld clicks the word
    assert ("4155550101", "Hello", 2) in said(phone)
