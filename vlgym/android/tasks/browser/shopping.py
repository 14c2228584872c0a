"""Tasks in the shop: a goal of the WebShop, and a price."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

from vlgym.android.tasks.browser.base import PACKAGE, SHOP, BrowserTask, fill, front, storage, touch, visit
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, same_answer, seek
from vlgym.core.site import Site, open_site


def shop() -> Site:
    """Return the shop."""
    found = open_site(SHOP)
    assert found is not None
    return found


class BuyProduct(BrowserTask):
    """A goal of the WebShop, on a phone."""

    name = "BrowserBuyProduct"
    instruction = "{words}. Buy it at shop.test in Chrome."
    checkpoints = ("open the browser", "open shop.test", "order something", "order what was wanted")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw a goal."""
        found = shop().errand(rng.randrange(1 << 20))
        assert found is not None
        return {
            "errand": found.id,
            "words": found.words,
            "walk": [[step.label, step.text] for step in found.walk],
        }

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the order by the shop's own reward."""
        stored = storage(phone, SHOP)
        ordered = bool(stored.get("orders"))
        done = ordered and shop().score(p["errand"], stored) == 1.0
        there = ordered or urlsplit(front(phone)).hostname == SHOP
        return (PACKAGE in phone.foreground(), there, ordered, done)

    def _walk(self, screen: Screen, walk: Sequence[Sequence[str]]) -> Iterator[str]:
        yield from visit(screen, SHOP)
        for label, text in walk:
            yield from fill(screen, text, label) if text else touch(screen, label)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Search, open, choose, buy."""
        yield from self._walk(screen, p["walk"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Buy the first thing on the shop's front page."""
        yield from visit(screen, SHOP)
        yield from seek(screen, "Popular today")
        asins = [word for e in screen.elements for word in e.words if len(word) == 10 and word[0] == "B"]
        wanted = p["errand"].partition("-")[0]
        yield from touch(screen, next(asin for asin in asins if asin != wanted))
        yield from touch(screen, "Buy Now")


class AskProductPrice(BrowserTask):
    """What the best result costs."""

    name = "BrowserAskProductPrice"
    instruction = "Search shop.test in Chrome for {query}. What does the first result cost? Answer with its price."
    checkpoints = ("open the browser", "search for it", "answer")
    steps = 6
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw what to search for."""
        while True:
            found = shop().errand(rng.randrange(1 << 20))
            assert found is not None
            query = " ".join(found.walk[0].text.split()[:6])
            hits = shop().search(query)
            if len(hits) > 2 and hits[1].text != hits[2].text:
                return {"query": query, "price": hits[1].text, "next": hits[2].text}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; nothing may have been bought."""
        given, wanted = (text.replace("$", "").replace(",", "") for text in (answer, p["price"]))
        right = same_answer(given, wanted) or _number(given) == _number(wanted) is not None
        there = urlsplit(front(phone)).path == "/search"
        return (PACKAGE in phone.foreground(), there, right and not storage(phone, SHOP))

    def _look(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from visit(screen, SHOP)
        yield enter(p["query"], "Search products")
        yield click("Search")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Search, read, answer."""
        yield from self._look(screen, p)
        yield answer(p["price"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with the price of the second."""
        yield from self._look(screen, p)
        yield answer(p["next"])


def _number(text: str) -> float | None:
    try:
        return float(text.strip(" ."))
    except ValueError:
        return None
