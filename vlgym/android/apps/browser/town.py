"""A small town's guide: places with opening hours, prices and numbers, and a form that books a visit. Own words."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from vlgym.core.site import Block, Button, Errand, Field, Heading, Hit, Link, Page, Paragraph, Rule, Storage

COLOUR = 0xFF3F7D5A
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLACES = {
    "Maritime Museum": "Ships, sextants and the story of the harbour, in the old customs house.",
    "City Library": "Three floors of books, a reading garden and quiet desks by the river.",
    "Botanical Garden": "Palm houses, a rose walk and more than two thousand kinds of plants.",
    "Swimming Hall": "A long pool, a warm pool for children and a sauna with a view of the hills.",
    "Planetarium": "The sky of any night, told under a dome of eighteen metres.",
    "Castle Hill": "Walls, a well and a tower of ninety steps above the old town.",
    "Art Gallery": "Painters of the coast from three centuries, and a new show every season.",
    "Science Centre": "Levers, lenses and lightning: everything here wants to be touched.",
    "Railway Museum": "Steam engines, sleeping cars and a model line that fills a hall.",
    "Adventure Park": "Rope bridges between tall trees, in five degrees of courage.",
    "Puppet Theatre": "Strings, shadows and hand puppets for people from four to ninety-nine.",
    "Ice Rink": "Skating from autumn to spring, with skates to hire at the door.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the town; hours by day, None for closed; prices in euros."""

    name: str
    text: str
    slug: str
    street: str
    phone: str
    adult: str
    child: str
    hours: tuple[tuple[str, str] | None, ...]


@cache
def places() -> tuple[Place, ...]:
    """Return the places, always the same."""
    rng = random.Random("town guide")
    streets = ("Harbour Street", "Mill Lane", "Station Road", "Castle Walk", "River Bank", "Market Square")
    found = []
    for name, text in _PLACES.items():
        opens, closes = (
            rng.choice(("08:00", "09:00", "10:00", "10:30")),
            rng.choice(("17:00", "18:00", "19:30", "21:00")),
        )
        closed = rng.randrange(7)
        early, late = rng.choice(("11:00", "12:00")), rng.choice(("16:00", "20:00", "22:00"))
        hours = tuple(None if day == closed else (early, late) if day > 4 else (opens, closes) for day in range(7))
        adult = rng.choice((4.5, 6.0, 7.5, 9.0, 12.0, 14.5))
        place = Place(
            name,
            text,
            name.lower().replace(" ", "-"),
            f"{rng.choice(streets)} {rng.randint(1, 90)}",
            f"555-0{rng.randint(100, 199)}",
            f"{adult:.2f}",
            f"{adult / 2:.2f}",
            hours,
        )
        found.append(place)
    return tuple(found)


def place(name: str) -> Place:
    """Return a place by its name or its slug; raises LookupError for another one."""
    for found in places():
        if name in (found.name, found.slug):
            return found
    raise LookupError("The guide knows no such place.")


class TownSite:
    """The guide. Bookings lie in the visitor's storage: {"bookings": [{"place", "name", "date", "tickets"}]}."""

    name = "Town guide"

    def open(self, url: str, form: Mapping[str, str] | None, storage: Storage) -> Page:
        """Return a page; the form of a booking page adds a booking."""
        path = [part for part in urlsplit(url).path.split("/") if part]
        if not path:
            return self._home(storage)
        if path[0] == "place" and len(path) == 2:
            return self._place(place(path[1]))
        if path[0] == "book" and len(path) == 2:
            return self._book(place(path[1]), form, storage)
        if path[0] == "bookings":
            return self._bookings(storage)
        raise LookupError("The guide has no such page.")

    def _home(self, storage: Storage) -> Page:
        blocks: list[Block] = [Heading("Town guide"), Paragraph("What to see, when it is open and what it costs.")]
        if storage.get("bookings"):
            blocks.append(Link("Your bookings", "/bookings"))
        blocks.append(Heading("Places", 2))
        blocks += [Link(found.name, f"/place/{found.slug}", "", (found.street,)) for found in places()]
        return Page("Town guide", tuple(blocks), colour=COLOUR)

    def _place(self, found: Place) -> Page:
        rows = [
            Paragraph(f"{day}: {' to '.join(hours) if hours else 'closed'}", "bullet")
            for day, hours in zip(DAYS, found.hours)
        ]
        blocks: tuple[Block, ...] = (
            Link("All places", "/"),
            Heading(found.name),
            Paragraph(found.text),
            Heading("Opening hours", 2),
            *rows,
            Heading("Tickets", 2),
            Paragraph(f"Adults: {found.adult} €", "bullet"),
            Paragraph(f"Children: {found.child} €", "bullet"),
            Heading("Contact", 2),
            Paragraph(found.street),
            Paragraph(f"Phone {found.phone}"),
            Rule(),
            Link("Book a visit", f"/book/{found.slug}"),
        )
        return Page(f"{found.name} - Town guide", blocks, colour=COLOUR)

    def _book(self, found: Place, form: Mapping[str, str] | None, storage: Storage) -> Page:
        values = {name: " ".join((form or {}).get(name, "").split())[:200] for name in ("name", "date", "tickets")}
        wrong = ""
        if form is not None:
            tickets = values["tickets"]
            if not values["name"] or not values["date"]:
                wrong = "Please fill in every field."
            elif not (tickets.isdecimal() and 1 <= int(tickets) <= 20):
                wrong = "Please order between 1 and 20 tickets."
            else:
                storage.setdefault("bookings", []).append({"place": found.name, **values, "tickets": int(tickets)})
                return self._bookings(storage, fresh=True)
        blocks: tuple[Block, ...] = (
            Link("Back", f"/place/{found.slug}"),
            Heading(f"Book a visit: {found.name}"),
            *((Paragraph(wrong, "strong"),) if wrong else ()),
            Field("name", "Your name", values["name"]),
            Field("date", "Date", values["date"]),
            Field("tickets", "Number of tickets", values["tickets"], "number"),
            Button("Book", f"/book/{found.slug}"),
        )
        return Page(f"Book a visit: {found.name}", blocks, colour=COLOUR)

    def _bookings(self, storage: Storage, *, fresh: bool = False) -> Page:
        blocks: list[Block] = [
            Link("All places", "/"),
            Heading("Thank you, it is booked!" if fresh else "Your bookings"),
        ]
        for booking in storage.get("bookings", []):
            blocks.append(Heading(booking["place"], 2))
            blocks.append(Paragraph(f"{booking['date']}, {booking['tickets']} tickets, {booking['name']}"))
        if not storage.get("bookings"):
            blocks.append(Paragraph("You have not booked anything yet."))
        return Page("Your bookings - Town guide", tuple(blocks), "/bookings", COLOUR)

    def search(self, words: str) -> tuple[Hit, ...]:
        """Return the places whose name or text has one of the words."""
        wanted = {word for word in words.lower().split() if len(word) > 2}
        found = [(sum(word in f"{p.name} {p.text}".lower() for word in wanted), p) for p in places()]
        ranked = sorted((pair for pair in found if pair[0]), key=lambda pair: -pair[0])
        return tuple(Hit(f"{p.name} - Town guide", f"/place/{p.slug}", p.text) for _, p in ranked[:4])

    def errand(self, number: int) -> Errand | None:
        """The guide has no errands of its own."""
        return None

    def score(self, errand: str, storage: Storage) -> float:
        """Nothing is rated here."""
        return 0.0
