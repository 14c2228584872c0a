"""The search engine of the browser: it asks every other site."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

from vlgym.core.site import Block, Button, Errand, Field, Heading, Hit, Link, Page, Paragraph, Storage, open_site

HOST = "search.test"


def search_url(words: str) -> str:
    """Return the address of the results for some words."""
    return f"http://{HOST}/?{urlencode({'q': words})}"


class SearchSite:
    """Results of all sites that the browser reaches."""

    name = "Search"

    def open(self, url: str, form: Mapping[str, str] | None, storage: Storage) -> Page:
        """Return the results for the words of the form or of the address."""
        words = (form or {}).get("q", "") if form is not None else "".join(parse_qs(urlsplit(url).query).get("q", []))
        words = " ".join(words.split())[:300]
        blocks: list[Block] = [Heading("Search"), Field("q", "Search the web", words), Button("Search", "/")]
        hits = self.everywhere(words) if words else ()
        for host, hit in hits:
            blocks.append(Link(hit.title, f"http://{host}{hit.url}", "", (host, hit.text)))
        if words and not hits:
            blocks.append(Paragraph(f"No results for {words}.", "strong"))
        title = f"{words} - Search" if words else "Search"
        return Page(title, tuple(blocks), f"/?{urlencode({'q': words})}" if words else "/", 0xFF4A6FB5)

    def everywhere(self, words: str) -> tuple[tuple[str, Hit], ...]:
        """Return host and hit of what the sites find."""
        from vlgym.registry import SITES

        found = []
        for host in SITES:
            site = open_site(host) if host != HOST else None
            found += [(host, hit) for hit in site.search(words)] if site is not None else []
        return tuple(found)

    def search(self, words: str) -> tuple[Hit, ...]:
        """A search engine does not find itself."""
        return ()

    def errand(self, number: int) -> Errand | None:
        """There are no errands here."""
        return None

    def score(self, errand: str, storage: Storage) -> float:
        """Nothing is rated here."""
        return 0.0
