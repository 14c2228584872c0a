"""The ledger: entries are made, found, changed and deleted, and sums follow."""

from __future__ import annotations

import pytest
from office import check_screen, elements, hold, started, write
from phone import Phone

from vlgym.android.apps.expense.model import Ledger, money, read_money

PACKAGE = "com.arduia.expense"


@pytest.fixture
def phone() -> Phone:
    phone = started(PACKAGE)
    ledger = Ledger(phone.state)
    ledger.delete([entry.id for entry in ledger.all()])
    now = phone.state.clock.now_ms
    for place, (name, amount, category, note) in enumerate(
        (("Groceries", 4520, 3, "weekly"), ("Salary", 250_000, 2, ""), ("Cinema", 1450, 6, ""), ("Lunch", 980, 3, ""))
    ):
        ledger.save(0, name, amount, category, note, now - place * 40_000_000)
    return phone


def rows(phone: Phone) -> list[tuple[str, int, int, str]]:
    return [(entry.name, entry.amount, entry.category, entry.note) for entry in Ledger(phone.state).all()]


def test_amounts() -> None:
    assert money(123450) == "$1,234.50"
    assert [read_money(text) for text in ("12", "12.5", "1,200.00", "", "-3", "0", "a")] == [
        1200, 1250, 120000, None, None, None, None,
    ]  # fmt: skip


def test_sums_of_the_month(phone: Phone) -> None:
    assert phone.shows("$69.50")
    assert phone.shows("$2,500.00")
    check_screen(phone)
    phone.press("Open navigation drawer", "Statistics")
    assert phone.shows("$55.00 (79%)")
    check_screen(phone)


def test_add(phone: Phone) -> None:
    phone.press("Add expense")
    phone.text("Boots")
    write(phone, "edt_amount", "79.9")
    phone.press("Save")
    assert rows(phone)[0] == ("Boots", 7990, 1, "")
    phone.press("Add expense", "Clothes", "Save")
    assert phone.shows("Enter an amount")
    check_screen(phone)
    write(phone, "edt_amount", "5")
    phone.press("Date", "3 October 2023", "OK", "Save")
    oldest = Ledger(phone.state).all(order=1)[0]
    assert (oldest.amount, oldest.category) == (500, 8)
    assert phone.state.clock.local(oldest.created * 1000).day == 3


def test_change_and_leave(phone: Phone) -> None:
    phone.press("More", "Cinema", "Edit")
    write(phone, "edt_amount", "15")
    phone.press("Food", "Save")
    assert ("Cinema", 1500, 3, "") in rows(phone)
    before = rows(phone)
    phone.press("Cinema", "Edit")
    write(phone, "edt_name", "Theatre")
    phone.press("Navigate up")
    assert rows(phone) == before


def test_delete_one_or_several(phone: Phone) -> None:
    phone.press("More", "Lunch", "Delete", "Cancel")
    assert len(rows(phone)) == 4
    phone.press("Lunch", "Delete", "Delete")
    assert [row[0] for row in rows(phone)] == ["Groceries", "Salary", "Cinema"]
    hold(phone, "Cinema").press("Groceries")
    check_screen(phone)
    phone.press("Delete", "Delete")
    assert [row[0] for row in rows(phone)] == ["Salary"]


def test_search_sort_and_filter(phone: Phone) -> None:
    def names() -> list[str]:
        known = {row[0] for row in rows(phone)}
        return [element.label for element in elements(phone).items if element.label in known]

    phone.press("More", "Sort", "Highest amount")
    assert names() == ["Salary", "Groceries", "Cinema", "Lunch"]
    phone.press("Filter by category", "Food")
    assert names() == ["Groceries", "Lunch"]
    phone.press("Remove filter Food", "Search")
    phone.text("week")
    assert names() == ["Groceries"]
