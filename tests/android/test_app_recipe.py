"""The recipe book: recipes are written, found, marked, sorted into categories and deleted."""

from __future__ import annotations

import pytest
from office import check_screen, hold, started, write
from phone import Phone

from vlgym.android.apps.recipe.model import FIELDS, Book
from vlgym.android.apps.recipe.season import produce

PACKAGE = "com.flauschcode.broccoli"


@pytest.fixture
def phone() -> Phone:
    phone = started(PACKAGE)
    book = Book(phone.state)
    book.delete([recipe.id for recipe in book.all()])
    blank = dict.fromkeys(FIELDS, "")
    soup = {
        **blank,
        "title": "Leek soup",
        "servings": "4",
        "ingredients": "3 leeks\nCream",
        "directions": "Cut.\nBoil.",
    }
    book.save(0, soup, ["One pot"])
    book.save(0, {**blank, "title": "Plum pie", "description": "With cinnamon"}, ["Baking"])
    return phone


def titles(phone: Phone) -> list[str]:
    return [recipe.title for recipe in Book(phone.state).all()]


def test_read(phone: Phone) -> None:
    check_screen(phone)
    phone.press("Leek soup")
    assert phone.shows("3 leeks")
    phone.press("Directions")
    assert phone.shows("Boil.")
    check_screen(phone)
    phone.press("Add to favorites")
    assert [recipe.favorite for recipe in Book(phone.state).all()] == [True, False]
    phone.press("Navigate up", "Favorites")
    assert phone.shows("Leek soup")
    assert not phone.shows("Plum pie")


def test_write(phone: Phone) -> None:
    phone.press("New recipe", "Save")
    assert phone.shows("A recipe needs a title")
    write(phone, "new_title", "Bean stew")
    write(phone, "new_servings", "6")
    phone.key(4)
    phone.press("Categories", "One pot", "Weekdays", "OK")
    check_screen(phone)
    phone.press("Save")
    made = Book(phone.state).all()[0]
    assert (made.title, made.servings, made.categories) == ("Bean stew", "6", ("One pot", "Weekdays"))
    assert phone.shows("Ingredients")


def test_leaving_the_form_asks(phone: Phone) -> None:
    phone.press("Plum pie", "More options", "Edit")
    write(phone, "new_title", "Apple pie")
    phone.press("Navigate up", "Cancel", "Navigate up", "Discard")
    assert titles(phone) == ["Leek soup", "Plum pie"]


def test_delete_by_menu_and_by_hold(phone: Phone) -> None:
    phone.press("Leek soup", "More options", "Delete", "Cancel", "More options", "Delete", "Delete")
    assert titles(phone) == ["Plum pie"]
    hold(phone, "Plum pie")
    check_screen(phone)
    phone.press("Delete", "Delete")
    assert titles(phone) == []
    assert phone.shows("No recipes found")


def test_search_finds_words_of_the_description(phone: Phone) -> None:
    phone.press("Search")
    phone.text("cinnamon")
    assert phone.shows("Plum pie")
    assert not phone.shows("Leek soup")
    phone.key(4)
    phone.key(4)
    assert phone.shows("Leek soup")


def test_categories(phone: Phone) -> None:
    phone.press("More options", "Categories", "New category")
    write(phone, "category_name", "Winter")
    phone.press("Save", "Baking")
    write(phone, "category_name", "Cakes")
    phone.press("Save", "One pot", "Delete")
    check_screen(phone)
    assert Book(phone.state).categories() == ["Cakes", "Weekdays", "Winter"]
    assert [recipe.categories for recipe in Book(phone.state).all()] == [(), ("Cakes",)]


def test_seasons(phone: Phone) -> None:
    phone.press("Seasons")
    assert phone.shows("Apple")
    phone.press("Jan")
    assert not phone.shows("Apple")
    assert phone.shows("Kale")
    check_screen(phone)
    assert ("Leek", "Vegetable") in produce(2)
    assert all(produce(month) for month in range(1, 13))
