"""The to-do list: tasks are made, planned, ticked off, tagged, sorted into lists and deleted."""

from __future__ import annotations

from datetime import datetime

import pytest
from office import check_screen, hold, started, write
from phone import Phone

from vlgym.android.apps.tasks.model import Task, TaskStore, next_time

PACKAGE = "org.tasks"
DAY = 86_400_000
NOON = 1_697_371_200_000


@pytest.fixture
def phone() -> Phone:
    phone = started(PACKAGE)
    store = TaskStore(phone.state)
    phone.state.app_database(PACKAGE, "database").execute("DELETE FROM tasks")
    store.add("Call Omar", dueDate=NOON, importance=0)
    store.add("Buy stamps", notes="Ten of them")
    store.add("Water the tree", dueDate=NOON + DAY, recurrence="RRULE:FREQ=WEEKLY")
    return phone


def task(phone: Phone, title: str) -> Task:
    return next(task for task in TaskStore(phone.state).all() if task.title == title)


def test_new_task(phone: Phone) -> None:
    phone.press("Create new task")
    phone.text("Read the map")
    phone.press("Due date", "Tomorrow", "Evening", "OK", "High priority")
    check_screen(phone)
    phone.press("Save")
    made = task(phone, "Read the map")
    assert (made.due, made.priority, made.has_time) == (NOON + DAY + 5 * 3_600_000 + 1000, 0, True)
    assert phone.shows("Tomorrow, 5:00 PM")
    check_screen(phone)


def test_back_asks_before_it_discards(phone: Phone) -> None:
    phone.press("Buy stamps")
    write(phone, "title", "Buy envelopes")
    phone.key(4)  # the keyboard
    phone.key(4)
    check_screen(phone)
    phone.press("Keep editing")
    phone.key(4)
    phone.press("Discard")
    assert task(phone, "Buy stamps")
    phone.press("Buy stamps")
    write(phone, "notes", "Twelve\nat the kiosk")
    phone.press("Save")
    assert task(phone, "Buy stamps").notes == "Twelve\nat the kiosk"


def test_complete_and_undo(phone: Phone) -> None:
    phone.press("Complete Buy stamps")
    assert task(phone, "Buy stamps").completed
    assert not phone.shows("Buy stamps")
    phone.press("Undo")
    assert not task(phone, "Buy stamps").completed
    phone.press("Complete Water the tree")
    again = task(phone, "Water the tree")
    assert (again.completed, again.due) == (0, NOON + 8 * DAY)


def test_completed_ones_are_hidden_and_cleared(phone: Phone) -> None:
    phone.press("Complete Buy stamps", "More options", "Show completed")
    assert phone.shows("Reopen Buy stamps")
    phone.press("More options", "Clear completed", "OK")
    assert {item.title for item in TaskStore(phone.state).all()} == {"Call Omar", "Water the tree"}


def test_lists_and_tags(phone: Phone) -> None:
    phone.press("Open drawer")
    check_screen(phone)
    phone.press("Create new list")
    write(phone, "name", "Errands")
    phone.press("Save")
    assert phone.shows("There are no tasks here.")
    check_screen(phone)
    phone.press("Open drawer", "My Tasks", "Buy stamps", "List", "Errands", "Tags")
    write(phone, "new_tag", "kiosk")
    phone.press("OK", "Save", "Open drawer", "Errands")
    assert phone.shows("Buy stamps")
    assert not phone.shows("Call Omar")
    assert task(phone, "Buy stamps").tags == ("kiosk",)
    phone.press("Open drawer", "Today")
    assert phone.shows("Call Omar")
    assert not phone.shows("Buy stamps")


def test_select_several(phone: Phone) -> None:
    hold(phone, "Call Omar").press("Buy stamps")
    check_screen(phone)
    phone.press("Delete", "OK")
    assert [item.title for item in TaskStore(phone.state).all()] == ["Water the tree"]
    phone.press("Undo")
    assert len(TaskStore(phone.state).all()) == 3


def test_search_looks_into_descriptions(phone: Phone) -> None:
    phone.press("Search")
    phone.text("ten of")
    assert phone.shows("Buy stamps")
    assert not phone.shows("Call Omar")


def test_rules() -> None:
    end = datetime(2023, 10, 31, 12)
    days = [next_time(end, f"RRULE:FREQ={word}") for word in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")]
    assert [f"{day:%Y-%m-%d}" for day in days] == ["2023-11-01", "2023-11-07", "2023-11-30", "2024-10-31"]
