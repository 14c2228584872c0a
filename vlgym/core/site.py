"""Sites: what a family shows in the browser of another one, as pages of plain blocks.

A browser asks a site for the page at an address and draws its blocks; a site knows nothing of screens. What a site must
remember of its visitor lies in a dict of plain JSON that the browser keeps, so sites have no state of their own, and a
snapshot of the visitor's device holds the visit. The table of sites is `vlgym.registry.SITES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

Storage = dict[str, Any]
"""What a site remembers of one visitor: plain JSON, changed by `Site.open` alone."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's, 2 a section's."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text. Style: "plain", "strong", "small", "price" or "bullet"."""

    text: str
    style: Literal["plain", "strong", "small", "price", "bullet"] = "plain"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture: an SVG drawing with a view box, as a string. Height in hundredths of its width."""

    svg: str
    text: str = ""
    height: int = 60


@dataclass(frozen=True, slots=True)
class Link:
    """A text that leads to an address, relative to the page's.

    Attributes:
        svg: a small drawing beside the text.
        notes: lines below the text.
    """

    text: str
    url: str
    svg: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One value that can be chosen by going to an address; options of a group stand side by side."""

    text: str
    url: str
    group: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field to type in; its text is sent under its name by the page's buttons."""

    name: str
    label: str
    value: str = ""
    kind: Literal["text", "number", "multiline"] = "text"


@dataclass(frozen=True, slots=True)
class Button:
    """A button that sends the page's fields to an address. Kind: "main" or "plain"."""

    text: str
    url: str
    kind: Literal["main", "plain"] = "main"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the page."""


Block = Heading | Paragraph | Figure | Link | Option | Field | Button | Rule


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        title: for tabs, history and bookmarks.
        blocks: in reading order.
        url: where the page truly is, if not at the address that was asked for.
        colour: of the site, 0xAARRGGBB.
    """

    title: str
    blocks: tuple[Block, ...]
    url: str = ""
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """What a search finds on a site."""

    title: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a visit: type `text` into the field of that label, or (no text) touch what has that label."""

    label: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to be done on a site.

    Attributes:
        id: what `Site.score` takes.
        words: what to do, in words.
        start: address to begin at.
        walk: steps that do it from there.
    """

    id: str
    words: str
    start: str
    walk: tuple[Step, ...]


class Site(Protocol):
    """A site. Addresses are paths with a query, such as "/search?q=shirt"; equal calls give equal pages."""

    name: str
    """What people call it."""

    def open(self, url: str, form: Mapping[str, str] | None, storage: Storage) -> Page:
        """Return the page at an address; `form` holds the fields that a button sends.

        Raises:
            LookupError: there is no such page; the sentence is for the visitor.
        """
        ...

    def search(self, words: str) -> tuple[Hit, ...]:
        """Return what a search engine would find here, best first."""
        ...

    def errand(self, number: int) -> Errand | None:
        """Return an errand that can be done, None if the site has none; any number gives one."""
        ...

    def score(self, errand: str, storage: Storage) -> float:
        """Return how well the visitor whose storage this is has done an errand, in [0, 1]."""
        ...


@cache
def open_site(host: str) -> Site | None:
    """Return the site of a host, one for a process, or None if the table has none of that name."""
    from vlgym.registry import SITES

    if host not in SITES:
        return None
    module, _, name = SITES[host].partition(":")
    site: Site = getattr(importlib.import_module(module), name)()
    return site
