"""Tasks with the ledger: entries to make, mend and delete, and sums to find."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from vlgym.android.state import samples
from vlgym.android.tasks.desk import AppQuestion, AppTask, Rows
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, launch, long_press, seek

PACKAGE = "com.arduia.expense"
DB = f"/data/data/{PACKAGE}/databases/accounting.db"
CATEGORIES = ("Others", "Income", "Food", "Housing", "Social", "Entertainment", "Transportation", "Clothes",
              "Health Care", "Education", "Donation")  # fmt: skip
INCOME = 2
NOON_MS, STEP_MS = 1_697_371_200_000, 41_000_000
"""Noon of 15 October 2023, and the time between two entries."""


def shown(amount: int) -> str:
    """Return an amount in hundredths as people write it: "12.50", "80"."""
    return f"{amount / 100:.2f}".removesuffix(".00")


def number_in(words: str) -> float | None:
    """Return the amount that an answer names."""
    digits = "".join(sign for sign in words.replace(",", "") if sign.isdigit() or sign == ".").strip(".")
    try:
        return float(digits)
    except ValueError:
        return None


class ExpenseTask(AppTask):
    """Base: `p["entries"]` are the entries to begin with, newest first, each [name, amount, category, note]."""

    app = "expense"
    package = PACKAGE
    least, most = 6, 9

    def entries(self, rng: random.Random) -> list[list[Any]]:
        """Draw entries whose names differ."""
        found: list[list[Any]] = samples.several(
            rng, rng.randint(self.least, self.most), samples.expense, lambda e: e[0]
        )
        return found

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the entries."""
        phone.execute(DB, "DELETE FROM expense")
        for place, (name, amount, category, note) in enumerate(p["entries"]):
            made = NOON_MS - STEP_MS * place
            phone.execute(
                DB,
                "INSERT INTO expense (name, amount, category, note, created_date, modified_date)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (name, amount, category, note, made, made),
            )

    def rows(self, phone: Phone) -> Rows:
        """Return the entries now."""
        return sorted(
            tuple(row) for row in phone.rows(DB, "SELECT name, amount, category, IFNULL(note, '') FROM expense")
        )

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries of a success."""
        return list(p["entries"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether exactly the entries of a success are there, the old ones on their days."""
        if self.rows(phone) != sorted(tuple(entry) for entry in self.after(p)):
            return False
        old = {NOON_MS - STEP_MS * place: entry[0] for place, entry in enumerate(p["entries"])}
        made = phone.rows(DB, "SELECT created_date, name FROM expense")
        return all(old.get(when, name) == name for when, name in made if when <= NOON_MS)

    def to_logs(self, screen: Screen) -> Iterator[str]:
        """Go to the list of entries."""
        yield from launch(screen, "Pro Expense")
        yield click("More")

    def to_entry(self, screen: Screen, name: str) -> Iterator[str]:
        """Open an entry."""
        yield from self.to_logs(screen)
        yield from seek(screen, name)
        yield click(screen.get(name, clickable=True).index)

    def fill(self, screen: Screen, entry: Sequence[Any]) -> Iterator[str]:
        """Fill the empty form."""
        name, amount, category, note = entry
        yield enter(name, "Name")
        yield enter(shown(amount), "Amount")
        if note:
            yield enter(note, "Note")
        if category != 1:
            yield from seek(screen, CATEGORIES[category - 1])
            yield click(CATEGORIES[category - 1])


def _fresh(rng: random.Random, entries: Sequence[Sequence[Any]], count: int = 1) -> list[list[Any]]:
    """Draw new entries whose names none of the old ones has."""
    names = {entry[0] for entry in entries}
    found: list[list[Any]] = []
    while len(found) < count:
        entry = samples.expense(rng)
        if entry[0] not in names:
            names.add(entry[0])
            found.append(entry)
    return found


class Add(ExpenseTask):
    """A new entry."""

    name = "ExpenseAdd"
    instruction = 'Add to Pro Expense: {name} for {amount}, category "{category}", with the note "{note}".'
    checkpoints = ("open the app", "save an entry", "done")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw old entries and a new one."""
        entries = self.entries(rng)
        (name, amount, category, note), *_ = _fresh(rng, entries)
        return {"name": name, "amount": shown(amount), "category": CATEGORIES[category - 1], "note": note,
                "entries": entries, "new": [name, amount, category, note]}  # fmt: skip

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries with the new one."""
        return [*p["entries"], p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Something has been added."""
        return (len(self.rows(phone)) > len(p["entries"]),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form and save."""
        yield from launch(screen, "Pro Expense")
        yield click("Add expense")
        yield from self.fill(screen, p["new"])
        yield from seek(screen, "Save")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Put it into the wrong category."""
        name, amount, category, note = p["new"]
        yield from launch(screen, "Pro Expense")
        yield click("Add expense")
        yield from self.fill(screen, [name, amount, category % 11 + 1, note])
        yield from seek(screen, "Save")
        yield click("Save")


class AddSeveral(ExpenseTask):
    """Three new entries in a row."""

    name = "ExpenseAddThree"
    checkpoints = ("open the app", "add the first", "add the second", "done")
    steps = 17

    def draw(self, rng: random.Random) -> Params:
        """Draw old entries and three new ones without notes."""
        entries = self.entries(rng)
        new = [[*entry[:3], ""] for entry in _fresh(rng, entries, 3)]
        words = [word for name, amount, category, _ in new for word in (name, shown(amount), CATEGORIES[category - 1])]
        return {"entries": entries, "new": new, "words": words}

    def say(self, p: Params) -> str:
        """List the entries."""
        lines = [f"{name} ({CATEGORIES[category - 1]}, {shown(amount)})" for name, amount, category, _ in p["new"]]
        return f"Add these entries to Pro Expense: {', '.join(lines)}."

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries with the new ones."""
        return [*p["entries"], *p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One, then two have been added."""
        rows = self.rows(phone)
        done = sum(tuple(entry) in rows for entry in p["new"])
        return done >= 1, done >= 2

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form three times."""
        yield from self._add(screen, p["new"])

    def _add(self, screen: Screen, new: Sequence[Sequence[Any]]) -> Iterator[str]:
        yield from launch(screen, "Pro Expense")
        for entry in new:
            yield click("Add expense")
            yield from self.fill(screen, entry)
            yield from seek(screen, "Save")
            yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave the last one out."""
        yield from self._add(screen, p["new"][:2])


class Delete(ExpenseTask):
    """An entry that was a mistake."""

    name = "ExpenseDelete"
    instruction = 'Delete the entry "{name}" from Pro Expense.'
    checkpoints = ("open the app", "done")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw entries and one of them."""
        entries = self.entries(rng)
        return {"name": rng.choice(entries)[0], "entries": entries}

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries without it."""
        return [entry for entry in p["entries"] if entry[0] != p["name"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it, delete it."""
        yield from self._delete(screen, p["name"])

    def _delete(self, screen: Screen, name: str) -> Iterator[str]:
        yield from self.to_entry(screen, name)
        yield click("Delete")
        yield click(screen.get("Delete", class_name="android.widget.Button").index)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the one beside it."""
        names = [entry[0] for entry in p["entries"]]
        yield from self._delete(screen, names[names.index(p["name"]) - 1])


class DeleteSeveral(ExpenseTask):
    """Three entries at once."""

    name = "ExpenseDeleteThree"
    instruction = 'Delete three entries from Pro Expense: "{first}", "{second}" and "{third}".'
    checkpoints = ("open the app", "delete one of them", "done")
    steps = 8
    least, most = 7, 9

    def draw(self, rng: random.Random) -> Params:
        """Draw entries and three of them, in the order in which they stand."""
        entries = self.entries(rng)
        first, second, third = (entries[place][0] for place in sorted(rng.sample(range(len(entries)), 3)))
        return {"first": first, "second": second, "third": third, "entries": entries}

    def _gone(self, p: Params) -> tuple[str, ...]:
        return p["first"], p["second"], p["third"]

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries without them."""
        return [entry for entry in p["entries"] if entry[0] not in self._gone(p)]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them is gone."""
        names = {row[0] for row in self.rows(phone)}
        return (any(name not in names for name in self._gone(p)),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select and delete them."""
        yield from self._delete(screen, self._gone(p))

    def _delete(self, screen: Screen, names: Sequence[str]) -> Iterator[str]:
        yield from self.to_logs(screen)
        for place, name in enumerate(names):
            yield from seek(screen, name)
            element = screen.get(name, clickable=True).index
            yield click(element) if place else long_press(element)
        yield click("Delete")
        yield click(screen.get("Delete", class_name="android.widget.Button").index)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete one too many."""
        other = next(entry[0] for entry in p["entries"] if entry[0] not in self._gone(p))
        yield from self._delete(screen, (*self._gone(p), other))


class DeleteTwins(ExpenseTask):
    """Entries made twice by mistake."""

    name = "ExpenseDeleteDuplicates"
    instruction = (
        "One entry in Pro Expense was made twice: same name, amount, category and note. Delete one of the two."
    )
    checkpoints = ("open the app", "done")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw entries; one stands twice, another shares its name with a different one."""
        entries = self.entries(rng)
        twin, like = rng.sample(range(len(entries)), 2)
        other = [*entries[like]]
        other[1] += 100
        name = entries[twin][0]
        for entry in (list(entries[twin]), other):
            entries.insert(rng.randrange(len(entries) + 1), entry)
        return {"entries": entries, "twin": name, "like": other[0]}

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries without the twin."""
        rest = list(p["entries"])
        rest.remove(next(entry for entry in rest if entry[0] == p["twin"]))
        return rest

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the first of the two."""
        yield from self._delete(screen, p["twin"])

    def _delete(self, screen: Screen, name: str) -> Iterator[str]:
        yield from self.to_entry(screen, name)
        yield click("Delete")
        yield click(screen.get("Delete", class_name="android.widget.Button").index)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete one that only has the same name as another."""
        yield from self._delete(screen, p["like"])


class ChangeAmount(ExpenseTask):
    """An amount that is wrong."""

    name = "ExpenseChangeAmount"
    instruction = 'In Pro Expense the amount of "{name}" is wrong: it should be {amount}.'
    checkpoints = ("open the app", "done")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw entries, one of them and its amount."""
        entries = self.entries(rng)
        chosen = rng.choice(entries)
        return {"name": chosen[0], "amount": shown(chosen[1] + rng.randint(1, 400) * 5), "entries": entries}

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries with the new amount."""
        amount = round(float(p["amount"]) * 100)
        return [[e[0], amount if e[0] == p["name"] else e[1], *e[2:]] for e in p["entries"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Replace the amount and save."""
        yield from self._type(screen, p)
        yield from seek(screen, "Save")
        yield click("Save")

    def _type(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from self.to_entry(screen, p["name"])
        yield click("Edit")
        yield f'replace[Amount]("{p["amount"]}")'

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave without saving."""
        yield from self._type(screen, p)
        yield click("Navigate up")


class ChangeCategory(ExpenseTask):
    """An entry in the wrong category."""

    name = "ExpenseChangeCategory"
    instruction = 'Move the entry "{name}" in Pro Expense to the category "{category}".'
    checkpoints = ("open the app", "done")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw entries, one of them and another category."""
        entries = self.entries(rng)
        chosen = rng.choice(entries)
        category = rng.choice([n for n in range(1, 12) if n != chosen[2]])
        return {"name": chosen[0], "category": CATEGORIES[category - 1], "entries": entries}

    def after(self, p: Params) -> list[Sequence[Any]]:
        """Return the entries with the new category."""
        category = CATEGORIES.index(p["category"]) + 1
        return [[e[0], e[1], category if e[0] == p["name"] else e[2], e[3]] for e in p["entries"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the category and save."""
        yield from self._choose(screen, p, p["category"])

    def _choose(self, screen: Screen, p: Params, category: str) -> Iterator[str]:
        yield from self.to_entry(screen, p["name"])
        yield click("Edit")
        yield from seek(screen, category)
        yield click(category)
        yield from seek(screen, "Save")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the next category."""
        yield from self._choose(screen, p, CATEGORIES[(CATEGORIES.index(p["category"]) + 1) % 11])


class HowMuch(ExpenseTask, AppQuestion):
    """What an entry cost."""

    name = "ExpenseHowMuch"
    instruction = 'How much was "{name}" according to Pro Expense? Answer with the amount.'
    checkpoints = ("open the app", "give the right answer")
    ends = "answer"
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw entries and one of them."""
        entries = self.entries(rng)
        chosen = rng.choice(entries)
        return {"name": chosen[0], "answer": shown(chosen[1]), "entries": entries}

    def says(self, given: str, p: Params) -> bool:
        """Compare the numbers."""
        return number_in(given) == float(p["answer"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look it up."""
        yield from self.to_logs(screen)
        yield from seek(screen, p["name"])
        element = screen.get(p["name"], clickable=True)
        yield answer(next(word for word in element.words if word.strip("+").startswith("$")))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the amount of the one beside it."""
        yield from self.to_logs(screen)
        other = next(e for e in p["entries"] if e[0] != p["name"] and shown(e[1]) != p["answer"])
        yield answer(f"${shown(other[1])}")


class CategorySum(ExpenseTask, AppQuestion):
    """What a category cost in all."""

    name = "ExpenseCategorySum"
    instruction = 'How much was spent in all in the category "{category}" of Pro Expense? Answer with the amount.'
    checkpoints = ("open the app", "give the right answer")
    ends = "answer"
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw entries of which two or three are of one category."""
        category = rng.choice([n for n in range(1, 12) if n != INCOME])
        entries: list[list[Any]] = [e for e in self.entries(rng) if e[2] not in (category, INCOME)]
        count = rng.randint(2, 3)
        entries += samples.several(rng, count, lambda r: samples.expense(r, category), lambda e: e[0])
        rng.shuffle(entries)
        total = sum(entry[1] for entry in entries if entry[2] == category)
        return {"category": CATEGORIES[category - 1], "answer": shown(total), "entries": entries}

    def says(self, given: str, p: Params) -> bool:
        """Compare the numbers."""
        return number_in(given) == float(p["answer"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the statistics."""
        yield from launch(screen, "Pro Expense")
        yield click("Open navigation drawer")
        yield click("Statistics")
        yield from seek(screen, p["category"])
        place = screen.get(p["category"]).index
        yield answer(next(e.text for e in screen.elements[place + 1 :] if "$" in e.text).partition(" ")[0])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Give the amount of just one of them."""
        yield from self.to_logs(screen)
        category = CATEGORIES.index(p["category"]) + 1
        yield answer(shown(next(e[1] for e in p["entries"] if e[2] == category)))


TEMPLATES = (
    Add(), AddSeveral(), Delete(), DeleteSeveral(), DeleteTwins(), ChangeAmount(), ChangeCategory(), HowMuch(),
    CategorySum(),
)  # fmt: skip
