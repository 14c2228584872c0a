"""The shop as a site for a phone's browser: the same sessions, pages and rewards behind addresses.

An address holds what a session knows (query, page, product, options), so going back and reloading work as on the web.
Buying leaves an order in the visitor's storage, ``{"orders": [{"number", "asin", "title", "options", "price"}]}``,
and `WebShopSite.score` rates it by the reward of the environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from vlgym.core.actions import Action
from vlgym.core.site import (
    Block,
    Button,
    Errand,
    Field,
    Figure,
    Heading,
    Hit,
    Link,
    Option,
    Page,
    Paragraph,
    Rule,
    Step,
    Storage,
)
from vlgym.webshop.env import Shop, open_shop
from vlgym.webshop.pictures import picture
from vlgym.webshop.session import Quirks, Session
from vlgym.webshop.types import BACK_TO_SEARCH, END_BUTTON, NEXT_PAGE, PREV_PAGE, SUB_PAGES, Node

COLOUR = 0xFFE0702E
FIELD = "Search products"
_TITLE = 90
"""Characters of a title that a list shows."""
_SUB = {name.lower(): name for name in SUB_PAGES}


class WebShopSite:
    """The WebShop as a `vlgym.core.site.Site`.

    Args:
        catalogue: as of `WebShopEnv`.
        goal_seed: seed of prices and price limits.
    """

    name = "WebShop"

    def __init__(self, catalogue: str = "synthetic:1000", goal_seed: int = 0) -> None:
        self._options = (catalogue, "builtin", "auto", goal_seed, "auto", False)
        self.errand = lru_cache(maxsize=1024)(self._errand)

    @property
    def shop(self) -> Shop:
        """The shop, opened at the first visit."""
        return open_shop(*self._options)

    # ------------------------------------------------------------------ addresses

    def _session(self, path: list[str], query: Mapping[str, str]) -> Session:
        """Return the session that an address describes; raises LookupError if nothing is there."""
        session = Session(self.shop.maker, Quirks.none())
        state: dict[str, Any] = session.state()
        try:
            number, options = int(query.get("page", "1") or 1), json.loads(query.get("options", "{}") or "{}")
            options = {str(name): str(value) for name, value in options.items()}
        except (ValueError, AttributeError):
            raise LookupError("This address is damaged.") from None
        state |= {"query": query.get("q", "")[:1000], "number": min(max(number, 1), 99)}
        if path and path[0] in ("item", "buy"):
            index = self.shop.catalogue.index(path[1].upper()) if len(path) > 1 else None
            if index is None:
                raise LookupError("The shop has no such product.")
            offered = self.shop.catalogue.product(index).options
            kept = {name: value for name, value in options.items() if value in offered.get(name, ())}
            kind = path[2] if len(path) > 2 and path[0] == "item" else "item"
            if kind not in ("item", *_SUB):
                raise LookupError("The shop has no such page.")
            state |= {"kind": kind, "product": index, "options": kept, "visited": [index]}
        elif path[:1] == ["search"]:
            state["kind"] = "results"
        elif path:
            raise LookupError("The shop has no such page.")
        session.load(state)
        return session

    @staticmethod
    def _address(session: Session, path: str, **changes: str | int) -> str:
        query: dict[str, str | int] = {"q": session.query, "page": max(session.number, 1)}
        if session.options:
            query["options"] = json.dumps(session.options, sort_keys=True)
        query |= changes
        return f"{path}?{urlencode({name: value for name, value in query.items() if value != ''})}"

    # ------------------------------------------------------------------ pages

    def open(self, url: str, form: Mapping[str, str] | None, storage: Storage) -> Page:
        """Return a page; the form of the search page leads to results, that of an item buys it."""
        parts = urlsplit(url)
        path = [part for part in parts.path.split("/") if part]
        query = dict(parse_qsl(parts.query))
        if path[:1] == ["orders"]:
            return self._orders(storage)
        if path[:1] == ["order"]:
            return self._order(path[1] if len(path) > 1 else "", storage)
        if path == ["search"] and form is not None:
            url = f"/search?{urlencode({'q': form.get('q', ''), 'page': 1})}"
            return self.open(url, None, storage)
        session = self._session(path, query)
        if path[:1] == ["buy"]:
            return self._buy(session, form, storage)
        if session.kind == "search":
            return self._home(storage)
        if session.kind == "results":
            return self._results(session)
        return self._item(session) if session.kind == "item" else self._sub(session)

    def _head(self) -> tuple[Block, ...]:
        return (Link(BACK_TO_SEARCH, "/"),)

    def _home(self, storage: Storage) -> Page:
        catalogue = self.shop.catalogue
        blocks: list[Block] = [
            Heading("WebShop"),
            Paragraph(f"{len(catalogue)} products"),
            Field("q", FIELD),
            Button("Search", "/search"),
        ]
        if storage.get("orders"):
            blocks.append(Link("Your orders", "/orders"))
        blocks.append(Heading("Popular today", 2))
        blocks += [
            self._card(index, f"/item/{catalogue.product(index).asin}") for index in range(min(6, len(catalogue)))
        ]
        return Page("WebShop", tuple(blocks), colour=COLOUR)

    def _card(self, index: int, url: str) -> Link:
        item = self.shop.catalogue.product(index)
        title = item.title if len(item.title) <= _TITLE else item.title[: _TITLE - 1].rstrip() + "…"
        return Link(title, url, picture(item), (item.price_tag, item.asin))

    def _results(self, session: Session) -> Page:
        nodes = session.view.nodes
        total = next((node.text for node in nodes if node.role == "total"), "")
        products = [node.product for node in nodes if node.role == "asin"]
        blocks: list[Block] = [
            *self._head(),
            Field("q", FIELD, session.query),
            Button("Search", "/search"),
            Paragraph(total),
        ]
        if not products:
            blocks.append(Paragraph("Nothing was found.", "strong"))
        for index in products:
            item = self.shop.catalogue.product(index)
            blocks.append(self._card(index, self._address(session, f"/item/{item.asin}")))
        if session.number > 1:
            blocks.append(Link(PREV_PAGE, self._address(session, "/search", page=session.number - 1)))
        if self._has_more(session):
            blocks.append(Link(NEXT_PAGE, self._address(session, "/search", page=session.number + 1)))
        url = self._address(session, "/search")
        return Page(f"{session.query} - WebShop", tuple(blocks), url, COLOUR)

    def _has_more(self, session: Session) -> bool:
        return len(self.shop.catalogue.search(session.query)) > 10 * session.number

    def _item(self, session: Session) -> Page:
        item = self.shop.catalogue.product(session.product)
        here = f"/item/{item.asin}"
        blocks: list[Block] = [*self._head()]
        if session.query:
            blocks.append(Link("Back to results", f"/search?{urlencode({'q': session.query, 'page': session.number})}"))
        blocks += [Figure(picture(item, session.options), item.title), *self._facts(session.view.nodes)]
        group = ""
        for node in session.view.nodes:
            if node.kind == "group":
                blocks.append(Paragraph(node.text.strip(), "strong"))
            elif node.kind == "option":
                group = node.group
                options = {**session.options, group: node.value}
                url = self._address(session, here, options=json.dumps(options, sort_keys=True))
                blocks.append(Option(node.text.strip(), url, group, node.chosen))
        blocks.append(Button(END_BUTTON, self._address(session, f"/buy/{item.asin}")))
        names = [name for name in SUB_PAGES if any(node.text == name for node in session.view.nodes)]
        blocks += [Link(name, self._address(session, f"{here}/{quote(name.lower())}")) for name in names]
        return Page(item.title[:_TITLE], tuple(blocks), colour=COLOUR)

    @staticmethod
    def _facts(nodes: tuple[Node, ...]) -> Iterator[Block]:
        for node in nodes:
            if node.role == "title":
                yield Heading(node.text.strip(), 2)
            elif node.role == "price":
                yield Paragraph(node.text.strip(), "price")
            elif node.role == "rating":
                yield Paragraph(node.text.strip(), "small")

    def _sub(self, session: Session) -> Page:
        item = self.shop.catalogue.product(session.product)
        blocks: list[Block] = [Link(PREV_PAGE, self._address(session, f"/item/{item.asin}"))]
        blocks.append(Heading(_SUB[session.kind]))
        told = [node for node in session.view.nodes if node.kind in ("text", "heading", "bullet") and node.text.strip()]
        blocks += [Paragraph(node.text.strip(), "bullet" if node.kind == "bullet" else "plain") for node in told]
        if not told:
            blocks.append(Paragraph("Nothing is written here."))
        return Page(f"{_SUB[session.kind]}: {item.title[:_TITLE]}", tuple(blocks), colour=COLOUR)

    # ------------------------------------------------------------------ orders

    def _buy(self, session: Session, form: Mapping[str, str] | None, storage: Storage) -> Page:
        if form is None:
            raise LookupError("Nothing is bought by an address alone; press Buy Now.")
        session.act(Action("click", (END_BUTTON.lower(),)))
        orders = storage.setdefault("orders", [])
        item = self.shop.catalogue.product(session.product)
        orders.append(
            {
                "number": len(orders) + 1,
                "asin": item.asin,
                "title": item.title,
                "options": dict(session.options),
                "price": round(self.shop.book.price(session.product), 2),
            }
        )
        return self._order(str(len(orders)), storage)

    def _order(self, number: str, storage: Storage) -> Page:
        found = next((order for order in storage.get("orders", []) if str(order["number"]) == number), None)
        if found is None:
            raise LookupError("You have no such order.")
        blocks: list[Block] = [
            Heading("Thank you for shopping with us!"),
            Paragraph(f"Order {found['number']}", "strong"),
            Paragraph(found["title"]),
            *(Paragraph(f"{name}: {value}", "bullet") for name, value in found["options"].items()),
            Paragraph(f"${found['price']:.2f}", "price"),
            Rule(),
            Link("Your orders", "/orders"),
            *self._head(),
        ]
        return Page(f"Order {found['number']} - WebShop", tuple(blocks), f"/order/{found['number']}", COLOUR)

    def _orders(self, storage: Storage) -> Page:
        orders = storage.get("orders", [])
        rows = [
            Link(f"Order {order['number']}", f"/order/{order['number']}", "", (order["title"][:_TITLE],))
            for order in reversed(orders)
        ]
        blocks = (*self._head(), Heading("Your orders"), *(rows or (Paragraph("There are no orders yet."),)))
        return Page("Your orders - WebShop", blocks, colour=COLOUR)

    # ------------------------------------------------------------------ searching, errands

    def search(self, words: str) -> tuple[Hit, ...]:
        """Return the shop's own results page and the three best products."""
        catalogue = self.shop.catalogue
        found = [catalogue.product(index) for index in islice(catalogue.search(words), 3)]
        if not found:
            return ()
        listing = Hit(f"{words} - WebShop", f"/search?{urlencode({'q': words})}", f"Shop for {words} at WebShop.")
        return (listing, *(Hit(item.title[:_TITLE], f"/item/{item.asin}", item.price_tag) for item in found))

    def _errand(self, number: int) -> Errand | None:
        """Return the goal of that number, or of the next one whose product a plan finds on the first two pages."""
        book = self.shop.book
        for step in range(min(len(book), 200)):
            task = book.task(book.id((number + step) % len(book)))
            plan = self.shop.plan(task.id)
            if plan is None or plan.page > 2 or not self._is_plain(plan.product, plan.clicks):
                continue
            walk = [Step(FIELD, plan.query), Step("Search"), *[Step(NEXT_PAGE)] * (plan.page - 1)]
            walk.append(Step(self.shop.catalogue.product(plan.product).asin))
            walk += [*(Step(click) for click in plan.clicks), Step(END_BUTTON)]
            return Errand(task.id, task.instruction, "/", tuple(walk))
        return None

    def _is_plain(self, product: int, clicks: tuple[str, ...]) -> bool:
        """Return whether each of the values has a chip of its own on the product's page."""
        values = [value.strip() for group in self.shop.catalogue.product(product).options.values() for value in group]
        return all(values.count(click) == 1 for click in clicks)

    def score(self, errand: str, storage: Storage) -> float:
        """Return the reward of the visitor's only order for a goal; 0 without one, or with several."""
        orders = storage.get("orders", [])
        index = self.shop.catalogue.index(orders[0]["asin"]) if len(orders) == 1 else None
        if index is None:
            return 0.0
        goal = self.shop.book.goal(errand)
        options = {str(name): str(value) for name, value in orders[0]["options"].items()}
        return self.shop.scorer.score(index, options, self.shop.book.price(index), goal.goal, goal.target).reward
