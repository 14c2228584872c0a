"""Tasks with bookmarks, history and tabs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.browser.base import (
    DB,
    HISTORY,
    PACKAGE,
    TOWN,
    BrowserTask,
    bookmarks,
    front,
    mark,
    note,
    place,
    places,
    tabs,
    title_of,
    touch,
    visit,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, launch


class AddBookmark(BrowserTask):
    """Keep a page."""

    name = "BrowserBookmarkPage"
    instruction = "In Chrome, bookmark the page of the {place} on the website town.test."
    checkpoints = ("open the browser", "open the page of the {place}", "bookmark it")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw the place and one that has a bookmark."""
        found, other = rng.sample(places(), 2)
        return {"place": found.name, "other": other.name}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Leave one bookmark."""
        mark(phone, *title_of(place(p["other"])))

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the bookmarks."""
        wanted = sorted(title_of(place(p[key]))[1] for key in ("place", "other"))
        there = place(p["place"]).slug in front(phone)
        return (PACKAGE in phone.foreground(), there, bookmarks(phone) == wanted)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the menu."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["place"])
        yield click("More options")
        yield click("Bookmark")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Keep the page that lists all places."""
        yield from visit(screen, TOWN)
        yield click("More options")
        yield click("Bookmark")


class DeleteBookmark(BrowserTask):
    """Delete a bookmark."""

    name = "BrowserDeleteBookmark"
    instruction = "In Chrome, delete the bookmark of the {place}."
    checkpoints = ("open the browser", "delete the bookmark")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw bookmarks."""
        names = [found.name for found in rng.sample(places(), rng.randint(3, 5))]
        return {"places": names, "place": rng.choice(names)}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Add them."""
        for name in p["places"]:
            mark(phone, *title_of(place(name)))

    def solved(self, phone: Phone, p: Params) -> bool:
        """All but that one."""
        return bookmarks(phone) == sorted(title_of(place(name))[1] for name in p["places"] if name != p["place"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the list."""
        yield from launch(screen, "Chrome")
        yield click("More options")
        yield click("Bookmarks")
        yield click(f"Delete {p['place']} - Town guide")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another."""
        yield from self.solve(screen, {**p, "place": next(name for name in p["places"] if name != p["place"])})


class ForgetPage(BrowserTask):
    """Delete one page from the history."""

    name = "BrowserRemoveFromHistory"
    instruction = "Remove the page of the {place} from Chrome's history and keep the rest."
    checkpoints = ("open the browser", "remove the page from the history")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw visited pages."""
        names = [found.name for found in rng.sample(places(), rng.randint(3, 6))]
        return {"places": names, "place": rng.choice(names)}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Add them."""
        for number, name in enumerate(p["places"]):
            note(phone, *title_of(place(name)), 7 * number + 3)

    def _left(self, p: Params) -> list[str]:
        return sorted(title_of(place(name))[1] for name in p["places"] if name != p["place"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """All but that one."""
        return sorted(row[0] for row in phone.rows(HISTORY, "SELECT url FROM urls")) == self._left(p)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the list."""
        yield from launch(screen, "Chrome")
        yield click("More options")
        yield click("History")
        yield from touch(screen, f"Remove {p['place']} - Town guide")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Clear everything."""
        yield from launch(screen, "Chrome")
        yield click("More options")
        yield click("History")
        yield click("Clear browsing data…")
        yield click("Clear")


class ClearHistory(ForgetPage):
    """Delete the whole history."""

    name = "BrowserClearHistory"
    instruction = "Clear Chrome's history, but keep the bookmark of the {place}."
    checkpoints = ("open the browser", "clear the history")
    steps = 5

    def prepare(self, phone: Phone, p: Params) -> None:
        """Add pages and a bookmark."""
        super().prepare(phone, p)
        mark(phone, *title_of(place(p["place"])))

    def solved(self, phone: Phone, p: Params) -> bool:
        """No page is left."""
        kept = bookmarks(phone) == [title_of(place(p["place"]))[1]]
        return kept and not phone.rows(HISTORY, "SELECT url FROM urls")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Clear and confirm."""
        yield from launch(screen, "Chrome")
        yield click("More options")
        yield click("History")
        yield click("Clear browsing data…")
        yield click("Clear")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Do not confirm."""
        yield from launch(screen, "Chrome")
        yield click("More options")
        yield click("History")
        yield click("Clear browsing data…")
        yield click("Cancel")


class CloseTab(BrowserTask):
    """Close one of several tabs."""

    name = "BrowserCloseTab"
    instruction = "In Chrome, close the tab with the {place} and leave the others open."
    checkpoints = ("open the browser", "close the tab")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw tabs."""
        names = [found.name for found in rng.sample(places(), rng.randint(3, 5))]
        return {"places": names, "place": rng.choice(names)}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Open them."""
        for name in p["places"]:
            title, url = title_of(place(name))
            trail = json.dumps([["chrome://newtab", "New tab", ""], [url, title, ""]])
            phone.execute(DB, "INSERT INTO tabs (trail, place) VALUES (?, 1)", (trail,))

    def solved(self, phone: Phone, p: Params) -> bool:
        """All but that one, as they were."""
        return tabs(phone) == [title_of(place(name))[1] for name in p["places"] if name != p["place"]]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the overview."""
        yield from launch(screen, "Chrome")
        yield click("Switch or close tabs")
        yield from touch(screen, f"Close {p['place']} - Town guide tab")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Close all."""
        yield from launch(screen, "Chrome")
        yield click("Switch or close tabs")
        yield click("More options")
        yield click("Close all tabs")


class TwoTabs(BrowserTask):
    """Two pages side by side."""

    name = "BrowserOpenTwoTabs"
    instruction = "In Chrome, open the pages of the {first} and of the {second} on the website town.test in two tabs."
    checkpoints = ("open the browser", "open the page of the {first}", "open the page of the {second} in another tab")
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw two places."""
        first, second = rng.sample(places(), 2)
        return {"first": first.name, "second": second.name}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the tabs."""
        shown = tabs(phone)
        first, second = (title_of(place(p[key]))[1] for key in ("first", "second"))
        return (PACKAGE in phone.foreground(), first in shown, sorted(shown) == sorted((first, second)))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """One after the other."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["first"])
        yield click("More options")
        yield click("New tab")
        yield click("Search or type URL")
        yield f'submit("{TOWN}")'
        yield from touch(screen, p["second"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open both in one tab."""
        yield from visit(screen, TOWN)
        yield from touch(screen, p["first"])
        yield "press(back)"
        yield from touch(screen, p["second"])


class TidyUp(BrowserTask):
    """Leave no trace of one place."""

    name = "BrowserTidyUp"
    instruction = (
        "In Chrome, close the tab with the {place}, delete its bookmark and remove its page from the history. Keep "
        "everything else."
    )
    checkpoints = ("open the browser", "close the tab", "delete the bookmark", "remove the page from the history")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw places that are open, kept and visited."""
        names = [found.name for found in rng.sample(places(), rng.randint(3, 4))]
        return {"places": names, "place": rng.choice(names)}

    def prepare(self, phone: Phone, p: Params) -> None:
        """Open, keep and visit them."""
        for number, name in enumerate(p["places"]):
            title, url = title_of(place(name))
            trail = json.dumps([["chrome://newtab", "New tab", ""], [url, title, ""]])
            phone.execute(DB, "INSERT INTO tabs (trail, place) VALUES (?, 1)", (trail,))
            mark(phone, title, url)
            note(phone, title, url, 7 * number + 3)

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in four parts."""
        kept = [title_of(place(name))[1] for name in p["places"] if name != p["place"]]
        shown = sorted(url for url in tabs(phone) if "/place/" in url) == sorted(kept)
        marked = bookmarks(phone) == sorted(kept)
        past = sorted(row[0] for row in phone.rows(HISTORY, "SELECT url FROM urls")) == sorted(kept)
        return (PACKAGE in phone.foreground(), shown, marked, shown and marked and past)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """One list after the other."""
        yield from launch(screen, "Chrome")
        yield click("Switch or close tabs")
        yield from touch(screen, f"Close {p['place']} - Town guide tab")
        yield "press(back)"
        yield click("More options")
        yield click("Bookmarks")
        yield from touch(screen, f"Delete {p['place']} - Town guide")
        yield "press(back)"
        yield click("More options")
        yield click("History")
        yield from touch(screen, f"Remove {p['place']} - Town guide")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Do so for another place."""
        yield from self.solve(screen, {**p, "place": next(name for name in p["places"] if name != p["place"])})
