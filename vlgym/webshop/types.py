"""Products, goals and pages: the words the rooms of this family exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

END_BUTTON = "Buy Now"
NEXT_PAGE = "Next >"
PREV_PAGE = "< Prev"
BACK_TO_SEARCH = "Back to Search"
SUB_PAGES = ("Description", "Features", "Reviews", "Attributes")


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the original's loader leaves it (Yao et al. 2022, `load_products`)."""

    asin: str
    title: str
    category: str
    """Top category, e.g. "beauty" (`category` of the raw file)."""
    product_category: str
    """Full path "A › B › C"."""
    query: str
    description: str
    bullets: tuple[str, ...]
    attributes: tuple[str, ...]
    """("DUMMY_ATTR",) if the attribute file knows none, as in the original."""
    options: Mapping[str, tuple[str, ...]]
    """Lower-cased group name -> values."""
    pricing: tuple[float, ...]
    """() unknown (100.0 is used), (p,) or (low, high)."""
    price_tag: str
    """As shown on pages."""
    image: str
    """URL or path of the main picture in the original's data; never fetched."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One shopping goal (section 1.5 of the original's `goal.py`)."""

    asin: str
    instruction: str
    """Instruction text with its price sentence."""
    attributes: tuple[str, ...]
    options: Mapping[str, str] | tuple[str, ...]
    """Mapping for synthetic goals, tuple of values for human goals: the original's reward treats them differently."""
    price_upper: float
    weight: float = 1.0


class Catalogue(Protocol):
    """Products and search; one object for all environments of a process, its files mapped by all processes."""

    fingerprint: str
    """Hex digest of the content: equal catalogues have equal fingerprints."""

    def __len__(self) -> int: ...

    def product(self, index: int) -> Product:
        """Return product `index` (cached, cheap)."""
        ...

    def index(self, asin: str) -> int | None:
        """Return the index of an ASIN (upper case), or None."""
        ...

    def search(self, query: str) -> Sequence[int]:
        """Return indices of the at most 50 best products for a query, best first (cached per query)."""
        ...

    def nouns(self, index: int) -> frozenset[str]:
        """Return the distinct lower-cased nouns of product `index`'s title."""
        ...

    def noun_count(self, index: int) -> int:
        """Return how many words of the title are nouns, repeats counted (the original's title score divides by it)."""
        ...


@dataclass(frozen=True, slots=True)
class Node:
    """One visible string of a page.

    Attributes:
        kind: "heading", "text", "button" (submits a form), "link" (an ASIN), "option" (a radio's label), "group" (an
            option group's name), "bullet".
        text: the string as the original's template prints it.
        value: what ``click[...]`` takes; "" if the node cannot be clicked.
        chosen: the option is selected, or the ASIN was visited in this session.
        group: lower-cased option group of an option.
        product: index of the product that a "link"/title/price node of a results page belongs to, -1 elsewhere.
        role: how a renderer may style it: "title", "price", "rating", "asin", "body", "total", "".
    """

    kind: str
    text: str
    value: str = ""
    chosen: bool = False
    group: str = ""
    product: int = -1
    role: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the site, from which text, text_rich and HTML are rendered.

    Attributes:
        kind: "search", "results", "item", "description", "features", "reviews", "attributes" or "done".
        instruction: the goal's instruction text.
        nodes: visible strings in reading order.
        has_search_bar: a ``search[...]`` is offered on this page.
        asin: ASIN of the item shown, "" elsewhere.
        number: page number of a results page, 0 elsewhere.
        keywords: query of the current results.
    """

    kind: str
    instruction: str
    nodes: tuple[Node, ...]
    has_search_bar: bool = False
    asin: str = ""
    number: int = 0
    keywords: str = ""
