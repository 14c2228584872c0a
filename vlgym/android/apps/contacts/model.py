"""The people of the phone, as rows of the contacts provider's database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlgym.android.state.intents import Intent

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PEOPLE = "com.google.android.contacts/com.android.contacts.activities.PeopleActivity"
EDITOR = "com.google.android.contacts/com.android.contacts.activities.ContactEditorActivity"
CARD = "com.google.android.contacts/com.android.contacts.quickcontact.QuickContactActivity"

NAME, PHONE, EMAIL, COMPANY, NOTE = 7, 5, 1, 4, 12
"""Numbers of the MIME types of data rows."""
PHONE_TYPES = {2: "Mobile", 1: "Home", 3: "Work", 12: "Main", 7: "Other"}
EMAIL_TYPES = {1: "Home", 2: "Work", 4: "Mobile", 3: "Other"}


def new_contact(**fields: str) -> Intent:
    """Return the intent that opens the form of a new contact, with fields filled in: "name", "phone", "email"."""
    kind = "vnd.android.cursor.dir/raw_contact"
    return Intent(action="android.intent.action.INSERT", type=kind, component=EDITOR, extras=fields)


def edit_contact(number: int) -> Intent:
    """Return the intent that opens the form of a contact."""
    uri = f"content://com.android.contacts/contacts/{number}"
    return Intent(action="android.intent.action.EDIT", data=uri, component=EDITOR)


def digits(number: str) -> str:
    """Return what is dialled of a number."""
    return re.sub(r"[^\d+*#]", "", number)


def same_number(one: str, other: str) -> bool:
    """Return whether two numbers reach the same phone, as PhoneNumberUtils compares them loosely."""
    a, b = digits(one).lstrip("+"), digits(other).lstrip("+")
    return bool(a) and (a == b or (min(len(a), len(b)) >= 7 and a[-7:] == b[-7:]))


def _tail(number: str) -> str:
    """Return the end of a number, which is the same for all ways to write it."""
    return digits(number).lstrip("+")[-7:]


def shown_number(number: str) -> str:
    """Return a number with its groups apart: +1 555-010-4477, (555) 010-4477."""
    plain = digits(number)
    if len(plain) == 12 and plain.startswith("+1"):
        return f"+1 {plain[2:5]}-{plain[5:8]}-{plain[8:]}"
    if len(plain) == 10 and plain.isdigit():
        return f"({plain[:3]}) {plain[3:6]}-{plain[6:]}"
    if len(plain) == 7 and plain.isdigit():
        return f"{plain[:3]}-{plain[3:]}"
    return number


@dataclass(frozen=True, slots=True)
class Contact:
    """A person. `phones` and `emails` are (value, type number)."""

    id: int
    name: str
    first: str
    last: str
    starred: bool
    phones: tuple[tuple[str, int], ...]
    emails: tuple[tuple[str, int], ...]
    company: str
    note: str

    def matches(self, words: str) -> bool:
        """Return whether a search finds the person: by the beginning of a word, by a number, by an address."""
        wanted = words.casefold().strip()
        number = digits(words)
        begins = any(part.startswith(wanted) for part in self.name.casefold().split())
        return (
            begins
            or self.name.casefold().startswith(wanted)
            or (len(number) > 1 and any(number in digits(phone) for phone, _ in self.phones))
            or any(email.casefold().startswith(wanted) for email, _ in self.emails)
        )


class People:
    """The contacts of a device; reads them anew when the database has changed."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._read: tuple[Database, int] | None = None
        self._people: list[Contact] = []
        self._book: dict[str, list[tuple[str, Contact]]] = {}

    @property
    def database(self) -> Database:
        """The provider's database."""
        return self.state.app_database("com.android.providers.contacts", "contacts2.db")

    def all(self) -> list[Contact]:
        """Return everybody by name."""
        database = self.database
        if self._read is None or self._read[0] is not database or self._read[1] != database.changes:
            self._read, self._people, self._book = (database, database.changes), self._all(database), {}
            for contact in self._people:
                for number, _ in contact.phones:
                    self._book.setdefault(_tail(number), []).append((number, contact))
        return self._people

    def _all(self, database: Database) -> list[Contact]:
        rows = database.execute(
            "SELECT raw_contacts.contact_id, raw_contacts.display_name, contacts.starred, data.mimetype_id, data.data1,"
            " data.data2, data.data3 FROM raw_contacts JOIN contacts ON contacts._id = raw_contacts.contact_id"
            " LEFT JOIN data ON data.raw_contact_id = raw_contacts._id WHERE raw_contacts.deleted = 0 ORDER BY data._id"
        )
        people: dict[int, list[tuple[object, ...]]] = {}
        for row in rows:
            people.setdefault(row[0], []).append(row[1:])
        return sorted((_contact(n, found) for n, found in people.items()), key=lambda c: (c.name.casefold(), c.id))

    def get(self, number: int) -> Contact | None:
        """Return a contact by its id."""
        return next((contact for contact in self.all() if contact.id == number), None)

    def who(self, phone: str) -> Contact | None:
        """Return whose number it is."""
        self.all()
        return next((c for number, c in self._book.get(_tail(phone), ()) if same_number(phone, number)), None)

    def name_of(self, phone: str) -> str:
        """Return the name that goes with a number, or the number."""
        found = self.who(phone)
        return found.name if found is not None else shown_number(phone)

    def save(
        self,
        number: int,
        first: str,
        last: str,
        company: str,
        phones: Sequence[tuple[str, int]],
        emails: Sequence[tuple[str, int]],
        note: str,
    ) -> int:
        """Write a contact, a new one for number 0; return its id."""
        database = self.database
        if not number:
            raw = database.insert("raw_contacts", {"account_id": 1})
            number = database.execute("SELECT contact_id FROM raw_contacts WHERE _id = ?", (raw,))[0][0]
        raw = database.execute("SELECT name_raw_contact_id FROM contacts WHERE _id = ?", (number,))[0][0]
        kinds = (NAME, PHONE, EMAIL, COMPANY, NOTE)
        database.execute(
            f"DELETE FROM data WHERE raw_contact_id = ? AND mimetype_id IN ({','.join('?' * len(kinds))})",
            (raw, *kinds),
        )
        name = " ".join(part for part in (first.strip(), last.strip()) if part)
        shown = name or company or (phones[0][0] if phones else emails[0][0] if emails else "(No name)")
        database.execute(
            "UPDATE raw_contacts SET display_name = ?, sort_key = ?, version = version + 1, dirty = 1 WHERE _id = ?",
            (shown, shown, raw),
        )
        rows: list[tuple[int, str, object, object]] = []
        if name:
            rows.append((NAME, name, first.strip() or None, last.strip() or None))
        rows += [(PHONE, value, kind, None) for value, kind in phones]
        rows += [(EMAIL, value, kind, None) for value, kind in emails]
        rows += [(COMPANY, company, None, None)] * bool(company) + [(NOTE, note, None, None)] * bool(note)
        for kind, data1, data2, data3 in rows:
            values = {"raw_contact_id": raw, "mimetype_id": kind, "data1": data1, "data2": data2, "data3": data3}
            database.insert("data", values)
        now = self.state.clock.now_ms
        database.execute("UPDATE contacts SET contact_last_updated_timestamp = ? WHERE _id = ?", (now, number))
        return int(number)

    def star(self, numbers: Sequence[int], on: bool) -> None:
        """Add contacts to the favourites or take them away."""
        for number in numbers:
            self.database.execute("UPDATE contacts SET starred = ? WHERE _id = ?", (int(on), number))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete contacts."""
        for number in numbers:
            self.database.execute("DELETE FROM contacts WHERE _id = ?", (number,))


def _contact(number: int, rows: Sequence[tuple[object, ...]]) -> Contact:
    name, starred = str(rows[0][0] or "(No name)"), bool(rows[0][1])
    by_kind: dict[object, list[tuple[str, object, object]]] = {}
    for _, _, kind, data1, data2, data3 in rows:
        by_kind.setdefault(kind, []).append((str(data1 or ""), data2, data3))
    full = by_kind.get(NAME, [("", None, None)])[0]
    first, last = str(full[1] or ""), str(full[2] or "")
    if full[0] and not (first or last):
        first, _, last = full[0].partition(" ")

    def typed(kind: int, usual: int) -> tuple[tuple[str, int], ...]:
        found = by_kind.get(kind, ())
        return tuple((value, int(str(type_)) if str(type_ or "").isdigit() else usual) for value, type_, _ in found)

    company, note = (by_kind.get(kind, [("", None, None)])[0][0] for kind in (COMPANY, NOTE))
    return Contact(number, name, first, last, starred, typed(PHONE, 2), typed(EMAIL, 1), company, note)
