"""Set-ups and judges that need people: contacts, calls and messages, written and read through a Phone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from vlgym.android.tasks.phone import Phone

CONTACTS = "/data/data/com.android.providers.contacts/databases/contacts2.db"
CALLS = "/data/data/com.android.providers.contacts/databases/calllog.db"
TEXTS = "/data/data/com.android.providers.telephony/databases/mmssms.db"
FIRST = (
    *("Ada", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katya", "Leon"),
    *("Mira", "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tessa", "Umut", "Vera", "Wanda", "Yusuf", "Zoe"),
)
LAST = (
    *("Adler", "Becker", "Castro", "Duarte", "Engel", "Ferrari", "Grau", "Haas", "Iwata", "Jansen", "Keller", "Lopez"),
    *("Moreno", "Nowak", "Okafor", "Petit", "Ramos", "Singh", "Tanaka", "Urban", "Varga", "Weiss", "Yilmaz", "Zeman"),
)
COMPANIES = ("Harbour Bakery", "Northwind Travel", "Lindgren Optics", "Blue Door Studio", "Atlas Cycles", "Fern Books")
SAID = (
    "Are we still on for tomorrow?",
    "The parcel is at the neighbour's.",
    "Thanks for the lift yesterday!",
    "I left the keys on the shelf.",
    "Can you send me the photos?",
    "Happy birthday! Cake at four.",
    "The train is twenty minutes late.",
    "Did you find the blue folder?",
    "Practice is moved to Thursday.",
    "The plumber comes at nine.",
    "Lunch at the usual place?",
    "Sorry, I missed your call.",
)
TYPES = {"Mobile": 2, "Home": 1, "Work": 3}
Person = dict[str, Any]
"""Plain data: "first", "last", "number", and where they are known "type", "email", "company", "note", "starred"."""
Card = tuple[Any, ...]
"""What a judge compares of a contact: first, last, numbers with types, addresses, company, note, whether starred."""


def name_of(person: Person) -> str:
    """Return first and last name."""
    return f"{person['first']} {person['last']}"


def draw_number(rng: random.Random) -> str:
    """Return a number with area code, of those that reach nobody."""
    return f"{rng.choice((202, 303, 415, 512, 617, 718, 805, 917))}5550{rng.randint(100, 199)}"


def draw_people(rng: random.Random, count: int) -> list[Person]:
    """Return people with different first names and different numbers."""
    numbers: list[str] = []
    while len(numbers) < count:
        number = draw_number(rng)
        if all(number[-7:] != other[-7:] for other in numbers):
            numbers.append(number)
    firsts, lasts = rng.sample(FIRST, count), rng.sample(LAST, count)
    return [{"first": f, "last": name, "number": n} for f, name, n in zip(firsts, lasts, numbers)]


# ---------------------------------------------------------------------- contacts


def set_people(phone: Phone, people: Sequence[Person]) -> None:
    """Make these the only contacts."""
    for table in ("data", "raw_contacts", "contacts"):
        phone.execute(CONTACTS, f"DELETE FROM {table}")
    for raw, person in enumerate(people, 1):
        phone.execute(CONTACTS, "INSERT INTO raw_contacts (_id, account_id) VALUES (?, 1)", (raw,))
        rows: list[tuple[object, ...]] = [(7, name_of(person), person["first"], person["last"])]
        if person.get("number"):
            rows.append((5, person["number"], person.get("type", 2), None))
        if person.get("email"):
            rows.append((1, person["email"], 1, None))
        if person.get("company"):
            rows.append((4, person["company"], None, None))
        for row in rows:
            phone.execute(
                CONTACTS,
                "INSERT INTO data (raw_contact_id, mimetype_id, data1, data2, data3) VALUES (?, ?, ?, ?, ?)",
                (raw, *row),
            )
        if person.get("starred"):
            phone.execute(CONTACTS, "UPDATE contacts SET starred = 1 WHERE name_raw_contact_id = ?", (raw,))


def digits(number: str) -> str:
    """Return the digits of a number."""
    return "".join(sign for sign in number if sign.isdigit())


def cards(phone: Phone) -> list[Card]:
    """Return the contacts as judges compare them, sorted."""
    rows = phone.rows(
        CONTACTS,
        "SELECT raw_contacts.contact_id, contacts.starred, data.mimetype_id, data.data1, data.data2, data.data3 FROM"
        " raw_contacts JOIN contacts ON contacts._id = raw_contacts.contact_id LEFT JOIN data ON"
        " data.raw_contact_id = raw_contacts._id WHERE raw_contacts.deleted = 0 ORDER BY data._id",
    )
    found: dict[object, dict[str, Any]] = {}
    for number, starred, kind, data1, data2, data3 in rows:
        card = found.setdefault(
            number,
            {
                "first": "",
                "last": "",
                "phones": [],
                "emails": [],
                "company": "",
                "note": "",
                "star": bool(int(starred)),
            },
        )
        if kind is None:
            continue
        kind, text = int(kind), str(data1 or "")
        if kind == 7:
            card["first"], card["last"] = str(data2 or ""), str(data3 or "")
        elif kind == 5:
            card["phones"].append((digits(text), int(data2 or 0)))
        elif kind == 1:
            card["emails"].append(text)
        elif kind in (4, 12):
            card["company" if kind == 4 else "note"] = text
    return sorted(
        (c["first"], c["last"], tuple(sorted(c["phones"])), tuple(c["emails"]), c["company"], c["note"], c["star"])
        for c in found.values()
    )


def wanted_cards(people: Iterable[Person]) -> list[Card]:
    """Return what `cards` returns when these are the contacts."""
    return sorted(
        (
            p["first"],
            p["last"],
            ((digits(p["number"]), p.get("type", 2)),) if p.get("number") else (),
            (p["email"],) if p.get("email") else (),
            p.get("company", ""),
            p.get("note", ""),
            bool(p.get("starred")),
        )
        for p in people
    )


# ---------------------------------------------------------------------- calls and messages


def now_ms(phone: Phone) -> int:
    """Return the phone's time in milliseconds since 1970."""
    return int(phone.now().timestamp()) * 1000


def set_calls(phone: Phone, calls: Sequence[Sequence[Any]]) -> None:
    """Make these the call log: [number, type, minutes ago, seconds]."""
    phone.execute(CALLS, "DELETE FROM calls")
    now = now_ms(phone)
    for number, kind, ago, seconds in calls:
        phone.execute(
            CALLS,
            "INSERT INTO calls (number, type, date, duration, new) VALUES (?, ?, ?, ?, ?)",
            (number, kind, now - ago * 60_000, seconds, int(kind == 3)),
        )


def call_log(phone: Phone) -> list[tuple[str, int]]:
    """Return digits and type of the logged calls, the latest first."""
    rows = phone.rows(CALLS, "SELECT number, type FROM calls ORDER BY date DESC, _id DESC")
    return [(digits(str(number)), int(kind)) for number, kind in rows]


def call_now(phone: Phone) -> str:
    """Return the digits of the number that a call is on with, empty for none."""
    lines = [line.strip().partition("=") for line in phone.shell("dumpsys telephony.registry").split("\n")]
    found = {key: value for key, _, value in lines}
    return digits(found.get("mCallIncomingNumber", "")) if found.get("mCallState") == "2" else ""


def set_texts(phone: Phone, texts: Sequence[Sequence[Any]]) -> None:
    """Make these the messages: [number, body, minutes ago, received, read]."""
    for table in ("sms", "threads", "canonical_addresses"):
        phone.execute(TEXTS, f"DELETE FROM {table}")
    now = now_ms(phone)
    for number, body, ago, received, read in sorted(texts, key=lambda text: -text[2]):
        phone.execute(
            TEXTS,
            "INSERT INTO sms (address, body, date, type, read, seen) VALUES (?, ?, ?, ?, ?, 1)",
            (number, body, now - ago * 60_000, 1 if received else 2, int(read)),
        )


Text = tuple[str, str, int]
"""Digits of the number, body, type (1 received, 2 sent)."""


def texts(phone: Phone) -> list[Text]:
    """Return the messages, sorted."""
    rows = phone.rows(TEXTS, "SELECT address, body, type FROM sms")
    return sorted((digits(str(number)), str(body), int(kind)) for number, body, kind in rows)


def wanted_texts(found: Iterable[Sequence[Any]]) -> list[Text]:
    """Return what `texts` returns when these are the messages, as `set_texts` takes them."""
    return sorted((digits(number), body, 1 if received else 2) for number, body, _, received, _ in found)


def reads(phone: Phone) -> dict[str, bool]:
    """Return digits of each conversation's number -> whether all of it has been read."""
    rows = phone.rows(TEXTS, "SELECT address, MIN(read) FROM sms GROUP BY thread_id")
    return {digits(str(number)): bool(int(read)) for number, read in rows}
