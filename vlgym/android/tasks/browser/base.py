"""What the tasks in the browser share: its data, and how scripts move through it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, click, enter, launch, seek

PACKAGE = "com.android.chrome"
DB = f"/data/data/{PACKAGE}/databases/browser.db"
HISTORY = f"/data/data/{PACKAGE}/app_chrome/Default/History"
SHOP, TOWN = "shop.test", "town.test"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PEOPLE = ("Ada Brook", "Tom Fisher", "Mia Stone", "Leo Hart", "Nora Field", "Sam Rivers", "Ivy Lane", "Max Ford")


def places() -> tuple[Any, ...]:
    """Return the places of the town guide."""
    from vlgym.android.apps.browser.town import places

    return places()


def place(name: str) -> Any:
    """Return a place by its name."""
    return next(found for found in places() if found.name == name)


def tabs(phone: Phone) -> list[str]:
    """Return the addresses that the tabs show, the oldest tab first."""
    rows = phone.rows(DB, "SELECT trail, place FROM tabs ORDER BY _id")
    return [str(json.loads(trail)[at][0]) for trail, at in rows]


def front(phone: Phone) -> str:
    """Return the address that the tab in front shows, "" if what it shows is an error."""
    rows = phone.rows(
        DB, "SELECT trail, place FROM tabs WHERE _id = (SELECT CAST(value AS INT) FROM preferences WHERE key = 'tab')"
    )
    if not rows:
        return ""
    url, _, problem = json.loads(rows[0][0])[rows[0][1]]
    return "" if problem else str(url)


def storage(phone: Phone, host: str) -> dict[str, Any]:
    """Return what a site remembers of this phone."""
    rows = phone.rows(DB, "SELECT data FROM storage WHERE host = ?", (host,))
    stored: dict[str, Any] = json.loads(rows[0][0]) if rows else {}
    return stored


def bookmarks(phone: Phone) -> list[str]:
    """Return the addresses of the bookmarks."""
    return sorted(row[0] for row in phone.rows(DB, "SELECT url FROM bookmarks"))


def fill(screen: Screen, words: str, field: str) -> Iterator[str]:
    """Yield what fills a field of a page."""
    yield from seek(screen, field)
    yield enter(words, field)


def touch(screen: Screen, words: str) -> Iterator[str]:
    """Yield what touches something further down on a page."""
    yield from seek(screen, words)
    yield click(words)


def visit(screen: Screen, host: str) -> Iterator[str]:
    """Yield what opens a site from the home screen, by the bar of the browser."""
    yield from launch(screen, "Chrome")
    yield click("Search or type URL")
    yield f'submit("{host}")'


class BrowserTask(Template):
    """Base: a browser without tabs, bookmarks, history or visits, but for what `prepare` adds."""

    app = "browser"

    def setup(self, phone: Phone, p: Params) -> None:
        """Clear the browser."""
        for table in ("tabs", "bookmarks", "storage", "preferences"):
            phone.execute(DB, f"DELETE FROM {table}")
        for table in ("urls", "visits"):
            phone.execute(HISTORY, f"DELETE FROM {table}")
        self.prepare(phone, p)

    def prepare(self, phone: Phone, p: Params) -> None:
        """Add what the task needs."""

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether it is done."""
        raise NotImplementedError

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in two parts."""
        return (PACKAGE in phone.foreground(), self.solved(phone, p))


def mark(phone: Phone, title: str, url: str) -> None:
    """Add a bookmark."""
    phone.execute(DB, "INSERT INTO bookmarks (title, url, added) VALUES (?, ?, 0)", (title, url))


def note(phone: Phone, title: str, url: str, minutes_ago: int) -> None:
    """Add a visited page."""
    at = int(phone.now().timestamp()) * 1_000_000 + 11_644_473_600_000_000 - minutes_ago * 60_000_000
    phone.execute(
        HISTORY, "INSERT INTO urls (url, title, visit_count, last_visit_time) VALUES (?, ?, 1, ?)", (url, title, at)
    )


def title_of(found: Any) -> tuple[str, str]:
    """Return title and address of a place's page."""
    return f"{found.name} - Town guide", f"http://{TOWN}/place/{found.slug}"
