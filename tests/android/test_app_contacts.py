"""The contacts app: list, search, selection, card and form, by touches and keys."""

from __future__ import annotations

import pytest
from phone import Phone

from vlgym.android.apps.contacts.model import CARD, PEOPLE, People, same_number, shown_number
from vlgym.android.tasks.people import cards, draw_people, set_people, wanted_cards
from vlgym.android.tasks.phone import SimPhone

ADA = {"first": "Ada", "last": "Moreno", "number": "4155550101", "email": "ada@example.org", "starred": True}
BEN = {"first": "Ben", "last": "Okafor", "number": "2025550102", "type": 3, "company": "Fern Books"}
CARLA = {"first": "Carla", "last": "Weiss", "number": "5125550103"}


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    set_people(SimPhone(phone), [ADA, BEN, CARLA])
    phone.start_activity(PEOPLE)
    phone.advance(1)
    return phone


def people(phone: Phone) -> list[tuple[object, ...]]:
    return cards(SimPhone(phone))


def hold(phone: Phone, name: str) -> None:
    x, y = phone.centre(name)
    phone.swipe(x, y, x, y, 0.8)
    phone.advance(0.5)


def fill(phone: Phone, **fields: str) -> None:
    for name, words in fields.items():
        phone.scroll_to(name).press(name)
        phone.text(words)
        phone.advance(0.3)


def test_new_contact_is_saved_with_all_its_fields(phone: Phone) -> None:
    phone.press("Create contact")
    assert phone.foreground().endswith("ContactEditorActivity")
    assert "act=android.intent.action.INSERT" in phone.logged("ActivityTaskManager")[-1]
    fill(phone, first="Dora", last="Haas", company="Atlas", phone0="3035550104")
    phone.key(4)
    phone.press("Phone label", "Work")
    fill(phone, email0="dora@example.org", note="Choir")
    phone.press("Save")
    dora = {"first": "Dora", "last": "Haas", "number": "3035550104", "type": 3, "company": "Atlas"}
    assert people(phone) == wanted_cards([ADA, BEN, CARLA, {**dora, "email": "dora@example.org", "note": "Choir"}])
    assert phone.foreground() == CARD
    assert phone.shows("(303) 555-0104")
    phone.key(4)
    assert phone.foreground() == PEOPLE


def test_a_contact_may_have_several_numbers(phone: Phone) -> None:
    phone.press("Carla Weiss", "Edit contact", "add_phone")
    fill(phone, phone1="3035550199")
    phone.press("Save")
    carla = next(c for c in People(phone.state).all() if c.first == "Carla")
    assert [number for number, _ in carla.phones] == ["5125550103", "3035550199"]


def test_leaving_a_changed_form_asks(phone: Phone) -> None:
    before = people(phone)
    phone.press("Ada Moreno", "Edit contact")
    phone.press("Cancel")  # nothing has changed: no question
    assert phone.foreground() == CARD
    phone.press("Edit contact")
    fill(phone, last="x")
    phone.key(4)  # the keyboard
    phone.key(4)
    phone.advance(0.5)
    assert phone.shows("Your changes have not been saved.")
    phone.press("Discard")
    assert people(phone) == before
    assert phone.foreground() == CARD
    phone.press("Edit contact")
    fill(phone, last="x")
    phone.press("Cancel", "Save")
    assert phone.shows("Ada Morenox")


def test_an_empty_form_is_not_saved(phone: Phone) -> None:
    phone.press("Create contact", "Save")
    assert phone.foreground().endswith("ContactEditorActivity")
    assert len(people(phone)) == 3


@pytest.mark.parametrize(
    ("words", "found"),
    [("be", "Ben Okafor"), ("oka", "Ben Okafor"), ("5550103", "Carla Weiss"), ("ada@", "Ada Moreno")],
)
def test_search_finds_by_name_number_and_address(phone: Phone, words: str, found: str) -> None:
    phone.press("Search contacts")
    phone.text(words)
    phone.advance(0.3)
    names = {"Ada Moreno", "Ben Okafor", "Carla Weiss"}
    assert {name for name in names if phone.shows(name)} == {found}
    phone.press("Clear search")
    assert not phone.shows(found)
    phone.press("Close search")
    assert all(map(phone.shows, names))


def test_selection_stars_and_deletes(phone: Phone) -> None:
    hold(phone, "Ben Okafor")
    phone.press("Carla Weiss", "Add to favorites", "tab_favorites")
    assert phone.shows("Ada Moreno")
    assert phone.shows("Ben Okafor")
    assert phone.shows("Carla Weiss")
    phone.press("tab_contacts")
    hold(phone, "Ben Okafor")
    phone.press("Carla Weiss")
    assert phone.shows("2")
    phone.press("delete", "Cancel")
    assert len(people(phone)) == 3
    phone.press("delete", "Delete")
    assert people(phone) == wanted_cards([ADA])


def test_select_all_and_back_ends_the_selection(phone: Phone) -> None:
    phone.press("More options", "Select all")
    assert phone.shows("3")
    phone.key(4)
    phone.advance(0.3)
    assert phone.shows("Search contacts")
    assert phone.foreground() == PEOPLE


def test_card_stars_calls_writes_and_deletes(phone: Phone) -> None:
    phone.press("Ben Okafor", "Add to favorites")
    assert people(phone) == wanted_cards([ADA, {**BEN, "starred": True}, CARLA])
    phone.press("Remove from favorites", "Text")
    assert phone.foreground().endswith(".ThreadActivity")
    assert phone.shows("Ben Okafor")
    phone.key(4)
    phone.advance(0.5)
    assert phone.foreground() == CARD
    phone.press("verb_call")
    assert phone.foreground().endswith("InCallActivity")
    assert phone.state.call["number"] == "2025550102"
    phone.press("End call")
    assert phone.foreground() == CARD
    phone.press("More options", "Delete", "Delete")
    assert people(phone) == wanted_cards([ADA, CARLA])


def test_intents_fill_the_form_and_open_a_card(phone: Phone) -> None:
    phone.shell(
        "am start -a android.intent.action.INSERT -t vnd.android.cursor.dir/contact -e name 'Ines Lopez'"
        " -e phone 555123"
    )
    phone.advance(0.5)
    assert all(map(phone.shows, ("Ines", "Lopez", "555123", "Create contact")))
    assert any("INSERT" in line and "ContactEditorActivity" in line for line in phone.logged("ActivityTaskManager"))
    number = next(c.id for c in People(phone.state).all() if c.first == "Ben")
    phone.shell(f"am start -a android.intent.action.VIEW -d content://contacts/people/{number}")
    phone.shell(f"am start -a android.intent.action.VIEW -d content://com.android.contacts/contacts/{number}")
    phone.advance(0.5)
    assert phone.shows("Fern Books")


def test_snapshot_in_the_middle_of_the_form(phone: Phone) -> None:
    phone.press("Create contact")
    fill(phone, first="Dora")
    data, picture = phone.snapshot(), phone.screenshot((270, 600)).copy()
    fill(phone, last="Haas")
    phone.restore(data)
    assert (phone.screenshot((270, 600)) == picture).all()
    other = Phone()
    other.restore(data)
    other.press("Save")
    assert ("Dora", "", (), (), "", "", False) in people(other)


def test_numbers() -> None:
    assert same_number("+1 (415) 555-0101", "4155550101")
    assert not same_number("5550101", "5550102")
    assert not same_number("112", "5550112")
    assert shown_number("4155550101") == "(415) 555-0101"
    assert shown_number("+14155550101") == "+1 415-555-0101"
    assert shown_number("5550101") == "555-0101"
    assert shown_number("112") == "112"


def test_generated_people_differ() -> None:
    import random

    found = draw_people(random.Random(3), 20)
    assert len({person["first"] for person in found}) == len({person["number"] for person in found}) == 20
