"""The calendar: month, day and list, the form, repetitions, reminders."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from phone import Phone

from vlgym.android.apps.calendar.model import EVENT, MAIN, MONTH, WEEK, YEAR, Event, Events, occurrences
from vlgym.android.tasks.calendar.base import row_of, rows, set_events
from vlgym.android.tasks.phone import SimPhone

DENTIST = {"title": "Dentist", "day": "2023-10-17", "hour": 9, "minute": 30, "location": "Mill street"}
CHOIR = {"title": "Choir", "day": "2023-10-18", "hour": 18, "minute": 0, "interval": WEEK, "rule": 4}
TAX = {"title": "Tax office", "day": "2023-11-06", "hour": 11, "minute": 0}


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    set_events(SimPhone(phone), [DENTIST, CHOIR, TAX])
    phone.start_activity(MAIN)
    phone.advance(1)
    return phone


def pull_shade(phone: Phone) -> None:
    phone.swipe(540, 10, 540, 1500, 0.3)
    phone.advance(1)


def check(phone: Phone, *events: dict[str, object]) -> None:
    assert rows(SimPhone(phone)) == sorted(row_of(event, UTC) for event in events)


def hold(phone: Phone, name: str) -> None:
    x, y = phone.centre(name)
    phone.swipe(x, y, x, y, 0.8)
    phone.advance(0.5)


def test_month_shows_events_and_turns(phone: Phone) -> None:
    assert phone.shows("October")
    assert len(phone.named("Choir")) == 3
    assert phone.shows("Dentist")
    phone.press("Next")
    assert phone.shows("November")
    assert phone.shows("Tax office")
    assert not phone.shows("Dentist")
    phone.swipe(200, 1200, 900, 1200, 0.1)
    phone.advance(1)
    assert phone.shows("October")
    phone.swipe(900, 1200, 200, 1200, 0.1)
    phone.advance(1)
    phone.press("Go to today")
    assert phone.shows("October")


def test_a_day_lists_its_events_and_back_returns(phone: Phone) -> None:
    phone.press("October 17")
    assert phone.shows("October 17 (Tue)")
    assert phone.shows("09:30 - 10:30")
    assert phone.shows("Mill street")
    phone.press("Next")
    assert phone.shows("Choir")
    assert not phone.shows("Dentist")
    phone.key(4)
    phone.advance(0.5)
    assert phone.shows("October")


def test_views_change_and_search_finds(phone: Phone) -> None:
    phone.press("Change view", "Simple event list")
    assert phone.shows("Tuesday, October 17")
    assert phone.shows("Wednesday, October 25")
    phone.press("Search")
    phone.text("mill")
    phone.advance(0.3)
    assert phone.shows("Dentist")
    assert not phone.shows("Choir")
    phone.press("Dentist")
    assert phone.foreground() == EVENT


def test_a_new_event_with_everything(phone: Phone) -> None:
    phone.press("October 20", "New Event", "event_title")
    phone.text("Museum")
    phone.press("event_location")
    phone.text("Old town")
    phone.key(4)
    phone.press("Start time", "14 hours", "15 minutes", "OK", "End time", "16 hours", "30 minutes", "OK")
    phone.press("Reminder", "30 minutes before", "Repetition", "Monthly", "Save")
    new = {"title": "Museum", "day": "2023-10-20", "hour": 14, "minute": 15, "minutes": 135, "location": "Old town"}
    check(phone, DENTIST, CHOIR, TAX, {**new, "reminder": 30, "interval": MONTH, "rule": 1})
    assert phone.shows("14:15 - 16:30")


def test_wrong_events_are_not_saved(phone: Phone) -> None:
    phone.press("New Event", "Save")
    assert phone.foreground() == EVENT
    assert phone.shows("Title cannot be empty")
    phone.advance(3)
    phone.press("event_title")
    phone.text("Backwards")
    phone.key(4)
    phone.press("End time", "3 hours", "0 minutes", "OK", "Save")
    assert phone.foreground() == EVENT
    assert phone.shows("The event cannot end earlier than it starts")
    phone.press("Close", "Discard")
    check(phone, DENTIST, CHOIR, TAX)


def test_the_end_follows_the_start(phone: Phone) -> None:
    phone.press("October 17", "Dentist", "Start date", "Next month", "9 November 2023", "OK", "Save")
    check(phone, {**DENTIST, "day": "2023-11-09"}, CHOIR, TAX)


def test_leaving_a_changed_form_asks(phone: Phone) -> None:
    phone.press("October 17", "Dentist", "Close")
    assert phone.foreground() == MAIN
    phone.press("Dentist", "All-day", "Close", "Save")
    found = Events(phone.windows).all()[0]
    assert found.all_day
    assert found.title == "Dentist"
    assert phone.shows("All-day")


def test_events_are_deleted(phone: Phone) -> None:
    phone.press("October 17", "Dentist", "Delete", "No", "Delete", "Yes")
    check(phone, CHOIR, TAX)
    phone.key(4)
    phone.press("Change view", "Simple event list")
    hold(phone, "Tax office")
    phone.press("Delete", "Yes")
    check(phone, CHOIR)


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("Only this occurrence", ["10-17", "10-18", "11-01"]),
        ("This and all future occurrences", ["10-17", "10-18"]),
        ("All occurrences", ["10-17"]),
    ],
)
def test_repetitions_are_deleted(phone: Phone, choice: str, left: list[str]) -> None:
    phone.press("October 25", "Choir", "Delete", choice)
    found = Events(phone.windows).between(date(2023, 10, 16), date(2023, 11, 2))
    assert [f"{phone.state.clock.utc(event.start * 1_000_000):%m-%d}" for event in found] == left


def test_changing_a_later_repetition_moves_them_all(phone: Phone) -> None:
    phone.press("October 25", "Choir", "Start time", "20 hours", "0 minutes", "OK", "Save")
    check(phone, DENTIST, {**CHOIR, "hour": 20}, TAX)


def test_a_reminder_rings_and_snoozes(phone: Phone) -> None:
    phone.press("New Event", "event_title")
    phone.text("Soon")
    phone.key(4)
    phone.press("Reminder", "10 minutes before", "Save")
    phone.key(3)
    phone.advance(15 * 60)
    assert not phone.windows.notices.all()
    phone.advance(62)
    assert [note["title"] for note in phone.windows.notices.all()] == ["Soon"]
    pull_shade(phone)
    phone.press("Snooze")
    assert not phone.windows.notices.all()
    phone.advance(601)
    assert [note["title"] for note in phone.windows.notices.all()] == ["Soon"]


@pytest.mark.parametrize(
    ("interval", "rule", "first", "days"),
    [
        (WEEK, 0b0000101, date(2023, 10, 16), ["10-16", "10-18", "10-23", "10-25", "10-30"]),
        (2 * WEEK, 0b0000001, date(2023, 10, 16), ["10-16", "10-30"]),
        (86_400, 0, date(2023, 10, 28), ["10-28", "10-29", "10-30"]),
        (MONTH, 1, date(2023, 8, 31), ["09-30"]),
        (YEAR, 1, date(2021, 10, 20), ["10-20"]),
    ],
)
def test_repetitions(interval: int, rule: int, first: date, days: list[str]) -> None:
    state = Phone().state
    start = int(datetime(first.year, first.month, first.day, 9, tzinfo=UTC).timestamp())
    event = Event(1, start, start + 3600, "x", interval=interval, rule=rule)
    window = (date(2023, 9, 1), date(2023, 9, 30)) if interval == MONTH else (date(2023, 10, 1), date(2023, 10, 30))
    found = [state.clock.utc(e.start * 1_000_000) for e in occurrences(state, event, *window)]
    assert [f"{moment:%m-%d}" for moment in found] == days
    assert all(moment.hour == 9 for moment in found)
