"""Rows of the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PACKAGE = "com.arduia.expense"
INCOME = 2
"""Category whose amounts are earned and not spent."""

ICONS = {
    "others": "more_horiz",
    "income": "account_balance_wallet",
    "food": "restaurant",
    "housing": "home",
    "social": "group",
    "entertainment": "videogame_asset",
    "transportation": "directions_car",
    "clothes": "shopping_cart",
    "health_care": "favorite",
    "education": "school",
    "donation": "cake",
}
"""Category's picture -> icon."""

ORDERS = ("Newest first", "Oldest first", "Highest amount", "Lowest amount")
_ORDER_SQL = ("created_date DESC, expense_id DESC", "created_date, expense_id", "amount DESC", "amount")


@dataclass(frozen=True, slots=True)
class Category:
    """A row of category."""

    id: int
    name: str
    icon: str


@dataclass(frozen=True, slots=True)
class Expense:
    """A row of expense; the amount in hundredths, times in milliseconds since 1970."""

    id: int
    name: str
    amount: int
    category: int
    note: str
    created: int
    modified: int

    @property
    def shown(self) -> str:
        """The amount in words."""
        return ("+" if self.category == INCOME else "") + money(self.amount)


def money(amount: int) -> str:
    """Return an amount in hundredths as "$1,234.50"."""
    return f"${amount / 100:,.2f}"


def read_money(text: str) -> int | None:
    """Return hundredths of what was typed, None for what is no positive amount."""
    try:
        value = round(float(text.replace(",", "")) * 100)
    except ValueError:
        return None
    return value if 0 < value < 10**12 else None


class Ledger:
    """The ledger's rows and what changes them."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self.state.app_database(PACKAGE, "accounting.db")

    def categories(self) -> list[Category]:
        """Return the categories."""
        rows = self.database.execute("SELECT category_id, name, img FROM category ORDER BY category_id")
        return [Category(number, name, ICONS.get(img, "more_horiz")) for number, name, img in rows]

    def all(self, order: int = 0, category: int = 0, words: str = "") -> list[Expense]:
        """Return the entries in one of ORDERS, of one category if it is not 0, whose name or note has the words."""
        rows = self.database.execute(
            "SELECT expense_id, IFNULL(name, ''), amount, category, IFNULL(note, ''), created_date, modified_date"
            " FROM expense WHERE ?1 IN (0, category) AND (?2 = '' OR instr(lower(name || ' ' || IFNULL(note, '')), ?2))"
            f" ORDER BY {_ORDER_SQL[order]}",
            (category, words.strip().lower()),
        )
        return [Expense(*row) for row in rows]

    def get(self, number: int) -> Expense | None:
        """Return an entry."""
        return next((entry for entry in self.all() if entry.id == number), None)

    def save(self, number: int, name: str, amount: int, category: int, note: str, created: int) -> int:
        """Change an entry, or add one if its number is 0; return its number."""
        values = {
            "name": name,
            "amount": amount,
            "category": category,
            "note": note,
            "created_date": created,
            "modified_date": self.state.clock.now_ms,
        }
        if not number:
            return self.database.insert("expense", values)
        self.database.execute(
            "UPDATE expense SET name = ?, amount = ?, category = ?, note = ?, created_date = ?, modified_date = ?"
            " WHERE expense_id = ?",
            (*values.values(), number),
        )
        return number

    def delete(self, numbers: Iterable[int]) -> None:
        """Delete entries."""
        for number in numbers:
            self.database.execute("DELETE FROM expense WHERE expense_id = ?", (number,))
