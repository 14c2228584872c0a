"""One shopper's walk through the site: what search and click do, quirks of the original included."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vlgym.core.actions import Action
from vlgym.core.errors import ActionError, did_you_mean
from vlgym.webshop.pages import HITS_PER_PAGE, PageMaker, View, done_view
from vlgym.webshop.types import BACK_TO_SEARCH, END_BUTTON, NEXT_PAGE, PREV_PAGE, SUB_PAGES, Page

_BACK, _NEXT, _PREV, _BUY = (name.lower() for name in (BACK_TO_SEARCH, NEXT_PAGE, PREV_PAGE, END_BUTTON))
_SUB = {name.lower(): name for name in SUB_PAGES}
_STATE = ("kind", "query", "number", "product", "options", "reward")
RESERVED = frozenset((_BACK, _NEXT, _PREV, _BUY, "search", *_SUB))
"""Names that are read as buttons even where an option has them."""
_URL_NAMES = {"results": "search_results", "item": "item_page", "sub": "item_sub_page"}


@dataclass(frozen=True, slots=True)
class Quirks:
    """Odd behaviour of the original's text environment: True keeps it, False mends it. Defaults give identical strings.

    Attributes:
        search_anywhere: ``search[...]`` works on every page, also where no search bar is shown.
        endless_next: ``Next >`` goes past the last results page, to empty pages.
        option_mark_by_url: an option is shown as clicked if its text stands in quotes in the page's address. So options
            with a quote or a non-ASCII sign are never marked, and quoted words of the query or option names mark some.
        page_names_in_url: ``< Prev`` decides where it is by searching the address for page names, so a query with
            "item_page" or "search_results" in it misleads it.
        special_keywords: queries whose first word is ``<r>``, ``<a>``, ``<c>`` or ``<q>`` list random products or all
            of an attribute, a category, a query, instead of being searched. (The original draws anew for every page,
            here the draw belongs to the query; and ``<a>`` crashes the original's text environment.)
    """

    search_anywhere: bool = True
    endless_next: bool = True
    option_mark_by_url: bool = True
    page_names_in_url: bool = True
    special_keywords: bool = True

    @classmethod
    def none(cls) -> Quirks:
        """Return the flags of a site without any of them."""
        return cls(**{flag.name: False for flag in fields(cls)})


class Session:
    """The state of one visit, a few hundred bytes; everything heavy is in the shared `PageMaker`.

    Attributes:
        kind: page shown: "search", "results", "item", a sub page's name in lower case, or "done".
        query: words of the current results.
        number: current results page, from 1.
        product: index of the product shown or bought, -1 if none.
        options: chosen option group -> value; emptied whenever a results page is shown.
        visited: indices of the products opened since the search page.
        reward: reward of the purchase, 0 before it.
    """

    __slots__ = (
        "_hits",
        "_view",
        "kind",
        "maker",
        "number",
        "options",
        "product",
        "query",
        "quirks",
        "reward",
        "visited",
    )

    def __init__(self, maker: PageMaker, quirks: Quirks) -> None:
        self.maker = maker
        self.quirks = quirks
        self.reward = 0.0
        self._home()

    def _home(self) -> None:
        self.kind = "search"
        self.query = ""
        self.number = 0
        self.product = -1
        self.options: dict[str, str] = {}
        self.visited: set[int] = set()
        self._hits: Sequence[int] = ()
        self._view: View | None = None

    # ------------------------------------------------------------------ acting

    def act(self, action: Action) -> bool:
        """Apply an action; return whether it is the purchase, whose reward `finish` then takes.

        Raises:
            ActionError: it names nothing on this page; the state is unchanged.
        """
        argument = str(action.args[0])
        if self.kind == "done":
            raise ActionError("The purchase is made and the episode over; call reset().")
        if action.verb == "click":
            return self._click(argument)
        if self.kind != "search" and not self.quirks.search_anywhere:
            raise ActionError("This page has no search bar; click[back to search] first.")
        self._results(argument, 1)
        return False

    def finish(self, reward: float) -> None:
        """Show the thank-you page of the purchase."""
        self.kind, self.reward, self._view = "done", reward, None

    def _results(self, query: str, number: int) -> None:
        hits = self._find(query)
        if number > 1 and not self.quirks.endless_next and (number - 1) * HITS_PER_PAGE >= len(hits):
            raise ActionError(f"Page {number - 1} is the last page of results.")
        self.kind, self.query, self.number, self.product = "results", query, number, -1
        self.options = {}
        self._hits, self._view = hits, None

    def _find(self, query: str) -> Sequence[int]:
        if not self.quirks.special_keywords and query.startswith("<"):
            query = " " + query  # keywords are recognised at the very beginning only
        return self.maker.catalogue.search(query)

    def _click(self, value: str) -> bool:
        target = self.view.targets.get(value)
        if target is None or value == "search":
            hint = did_you_mean(value[:80], self.view.targets)
            raise ActionError(f"Nothing to click is called {value[:80]!r} on this page.{hint}")
        # As in the original the name decides before the element: an option called "description" opens that page.
        if value == _BUY:
            return True
        if value == _BACK:
            self._home()
        elif value in (_NEXT, _PREV) and (where := self._where()) == "results":
            self._results(self.query, self.number + (1 if value == _NEXT else -1))
        elif value == _PREV and where == "item":
            self._results(self.query, self.number)
        else:
            self._open(value, *target)
        return False

    def _open(self, value: str, kind: str, reached: str | int) -> None:
        """Show a sub page, the page of a product, or the current product's page with one more option chosen."""
        self._view = None
        if value in _SUB:
            self.kind = value
            return
        self.kind = "item"
        if kind == "link":
            self.product = int(reached)
            self.visited.add(self.product)
        elif kind == "option":
            self.options[str(reached)] = value

    def _where(self) -> str:
        """Return which kind of page the original takes the current one for."""
        actual = self.kind if self.kind in ("results", "item") else "sub"
        if not self.quirks.page_names_in_url:
            return actual
        address = self.query.replace(" ", "+") + str(self.options)
        return next(kind for kind, name in _URL_NAMES.items() if kind == actual or name in address)

    # ------------------------------------------------------------------ looking

    @property
    def view(self) -> View:
        """The current page without the goal's instruction."""
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def _make_view(self) -> View:
        if self.kind == "search":
            return self.maker.search
        if self.kind == "results":
            return self.maker.results(self._hits, self.number, self.visited)
        if self.kind == "item":
            return self.maker.item_with(self.product, self._marked())
        if self.kind == "done":
            return done_view(self.asin, self.options, self.reward)
        return self.maker.sub_page(self.product, _SUB[self.kind])

    def _marked(self) -> frozenset[tuple[str, str]]:
        """Return the (group, value) pairs that the item page shows as chosen."""
        if not self.quirks.option_mark_by_url:
            return frozenset(self.options.items())
        if not self.options and '"' not in self.query:
            return frozenset()
        address = f"{self.query.replace(' ', '+')}/{self.number}/{json.dumps(self.options)}"
        offered = self.maker.catalogue.product(self.product).options
        return frozenset(
            (group, value) for group, values in offered.items() for value in values if f'"{value}"' in address
        )

    @property
    def asin(self) -> str:
        """ASIN of the product shown or bought, "" if none."""
        return self.maker.catalogue.product(self.product).asin if self.product >= 0 else ""

    def page(self, instruction: str) -> Page:
        """Return the current page for a goal's instruction text."""
        view = self.view
        return Page(
            self.kind,
            instruction,
            view.nodes,
            has_search_bar=self.kind == "search",
            asin=self.asin,
            number=self.number if self.kind == "results" else 0,
            keywords=self.query,
        )

    # ------------------------------------------------------------------ saving

    def state(self) -> dict[str, Any]:
        """Return the state as plain JSON types."""
        return {name: getattr(self, name) for name in _STATE} | {"visited": sorted(self.visited)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state made by `state` on the same catalogue; raises KeyError if it is incomplete."""
        self._home()
        for name in _STATE:
            setattr(self, name, state[name])
        self.options, self.visited = dict(state["options"]), set(state["visited"])
        if self.kind == "results":
            self._hits = self._find(self.query)
