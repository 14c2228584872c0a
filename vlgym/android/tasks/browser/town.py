"""Tasks on the town guide and on a page of the phone: finding, reading, adding up, booking."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

from vlgym.android.tasks.browser.base import (
    DAYS,
    PACKAGE,
    PEOPLE,
    TOWN,
    BrowserTask,
    fill,
    front,
    place,
    places,
    storage,
    touch,
    visit,
)
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import Params, Screen, answer, same_answer, seek


class OpenPlace(BrowserTask):
    """Go to a page."""

    name = "BrowserOpenPage"
    instruction = "Open the page of the {place} on the website town.test in Chrome."
    checkpoints = ("open the browser", "open town.test", "open the page of the {place}")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw the place."""
        return {"place": rng.choice(places()).name}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the tab in front."""
        url = urlsplit(front(phone))
        there = url.hostname == TOWN
        done = there and url.path == f"/place/{place(p['place']).slug}" and PACKAGE in phone.foreground()
        return (PACKAGE in phone.foreground(), there, done)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type the address, follow the link."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["place"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Follow another link."""
        other = next(found.name for found in places() if found.name != p["place"])
        yield from self.solve(screen, {"place": other})


class AskOpening(BrowserTask):
    """When a place opens or closes."""

    name = "BrowserAskOpeningHours"
    instruction = "According to the website town.test, when does the {place} {verb} on {day}? Answer as in 09:30."
    checkpoints = ("open the browser", "open the page of the {place}", "answer")
    steps = 5
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw a place and a day on which it is open."""
        found = rng.choice(places())
        day = rng.choice([day for day in range(7) if found.hours[day]])
        return {"place": found.name, "day": DAYS[day], "verb": rng.choice(("open", "close"))}

    def _time(self, p: Params, verb: str) -> str:
        return str(place(p["place"]).hours[DAYS.index(p["day"])][verb == "close"])

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; nothing may have been booked."""
        there = place(p["place"]).slug in front(phone)
        right = same_answer(answer, self._time(p, p["verb"])) and not storage(phone, TOWN)
        return (PACKAGE in phone.foreground(), there, right)

    def _read(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from visit(screen, TOWN)
        yield from touch(screen, p["place"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read and answer."""
        yield from self._read(screen, p)
        yield answer(self._time(p, p["verb"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take opening for closing."""
        yield from self._read(screen, p)
        yield answer(self._time(p, "close" if p["verb"] == "open" else "open"))


class AskPrice(AskOpening):
    """What a visit costs, to be added up."""

    name = "BrowserAskTicketPrice"
    instruction = (
        "According to the website town.test, what do tickets for {adults} adults and {children} children cost in all "
        "at the {place}? Answer with the number of euros, as in 24.50."
    )
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw a place and a family."""
        return {"place": rng.choice(places()).name, "adults": rng.randint(2, 4), "children": rng.randint(2, 5)}

    def _sum(self, p: Params, adults: int, children: int) -> str:
        found = place(p["place"])
        return f"{adults * float(found.adult) + children * float(found.child):.2f}"

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer as a number."""
        there = place(p["place"]).slug in front(phone)
        try:
            given = f"{float(answer.replace('€', '').strip(' .')):.2f}"
        except ValueError:
            given = ""
        right = given == self._sum(p, p["adults"], p["children"]) and not storage(phone, TOWN)
        return (PACKAGE in phone.foreground(), there, right)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read, add up, answer."""
        yield from self._read(screen, p)
        yield answer(self._sum(p, p["adults"], p["children"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Count the children as adults."""
        yield from self._read(screen, p)
        yield answer(self._sum(p, p["adults"] + p["children"], 0))


class BookVisit(BrowserTask):
    """Fill in a form."""

    name = "BrowserBookVisit"
    instruction = "On the website town.test, book a visit to the {place} on {date} for {name} with {tickets} tickets."
    checkpoints = ("open the browser", "open the page of the {place}", "book the visit")
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw the booking."""
        date = f"{rng.randint(1, 28)} {rng.choice(('November', 'December', 'January'))}"
        return {
            "place": rng.choice(places()).name,
            "name": rng.choice(PEOPLE),
            "date": date,
            "tickets": rng.randint(2, 12),
        }

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the bookings."""
        bookings = storage(phone, TOWN).get("bookings", [])
        wanted = [{key: p[key] for key in ("place", "name", "date", "tickets")}]
        done = bookings == wanted
        return (PACKAGE in phone.foreground(), done or place(p["place"]).slug in front(phone), done)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill in every field."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["place"])
        yield from touch(screen, "Book a visit")
        yield from fill(screen, p["name"], "Your name")
        yield from fill(screen, p["date"], "Date")
        yield from fill(screen, str(p["tickets"]), "Number of tickets")
        yield from touch(screen, "Book")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Order one ticket too many."""
        yield from self.solve(screen, {**p, "tickets": p["tickets"] + 1})


class ReadFile(BrowserTask):
    """A page that lies on the phone, in the manner of AndroidWorld's BrowserMultiply."""

    name = "BrowserMultiply"
    instruction = (
        "Open the file {file} of the Download folder in Chrome. What is the product of the numbers on it? Answer with "
        "the number."
    )
    checkpoints = ("open the browser", "open the file", "answer")
    steps = 4
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw the numbers."""
        file = f"{rng.choice(('numbers', 'task', 'page', 'sheet'))}_{rng.randint(10, 99)}.html"
        return {"numbers": [rng.randint(2, 9) for _ in range(rng.randint(3, 5))], "file": file}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Write the file."""
        for name in phone.list(f"{SHARED}/Download"):
            phone.remove(f"{SHARED}/Download/{name}")
        rows = "".join(f"<li>Number {place}: {number}</li>" for place, number in enumerate(p["numbers"], 1))
        text = (
            "<!DOCTYPE html><html><head><title>Numbers</title></head><body><h1>Numbers</h1>"
            f"<p>Multiply these.</p><ul>{rows}</ul></body></html>"
        )
        phone.write(f"{SHARED}/Download/{p['file']}", text.encode())

    @staticmethod
    def _product(numbers: Sequence[int]) -> int:
        product = 1
        for number in numbers:
            product *= number
        return product

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer."""
        right = same_answer(answer.replace(",", ""), str(self._product(p["numbers"])))
        there = front(phone).endswith(f"/Download/{p['file']}")
        return (PACKAGE in phone.foreground(), there, right and there)

    def _look(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from visit(screen, f"file:///sdcard/Download/{p['file']}")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open, read, multiply."""
        yield from self._look(screen, p)
        yield answer(str(self._product(p["numbers"])))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add up."""
        yield from self._look(screen, p)
        numbers = p["numbers"]
        yield answer(str(sum(numbers) if sum(numbers) != self._product(numbers) else sum(numbers) + 1))


class BookCheaper(BookVisit):
    """Compare two places, then book the cheaper one."""

    name = "BrowserBookCheaperVisit"
    instruction = (
        "On the website town.test, find out whether the {first} or the {second} is cheaper for adults, and book a "
        "visit to the cheaper one on {date} for {name} with {tickets} tickets."
    )
    checkpoints = ("open the browser", "look at a place", "book the visit")
    steps = 13

    def draw(self, rng: random.Random) -> Params:
        """Draw two places of different prices."""
        p = super().draw(rng)
        one = place(p["place"])
        other = rng.choice([found for found in places() if found.adult != one.adult])
        cheap = min(one, other, key=lambda found: float(found.adult))
        first, second = rng.sample((one.name, other.name), 2)
        return {**p, "first": first, "second": second, "place": cheap.name}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the bookings."""
        opened, _, done = super().reached(phone, p, answer)
        seen = any(place(p[key]).slug in front(phone) for key in ("first", "second"))
        return (opened, done or seen, done)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look at both, go back to the cheaper one, book."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["first"])
        yield "press(back)"
        yield from touch(screen, p["second"])
        if p["place"] == p["first"]:
            yield "press(back)"
            yield from seek(screen, p["first"], "up", 3)
            yield from touch(screen, p["first"])
        yield from touch(screen, "Book a visit")
        yield from fill(screen, p["name"], "Your name")
        yield from fill(screen, p["date"], "Date")
        yield from fill(screen, str(p["tickets"]), "Number of tickets")
        yield from touch(screen, "Book")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Book the dearer one."""
        dear = p["second"] if p["place"] == p["first"] else p["first"]
        yield from self.solve(screen, {**p, "place": dear})
