"""The browser's data: tabs, history, bookmarks, what sites remember; and how an address becomes a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from vlgym.android.apps.browser.local import read_page
from vlgym.android.apps.browser.search import search_url
from vlgym.android.apps.media import Preferences
from vlgym.core.site import Page, open_site

if TYPE_CHECKING:
    from vlgym.android.state.databases import Database
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.android.chrome"
NEW_TAB = "chrome://newtab"
MAX_TRAIL = 50
_EPOCH_US = 11_644_473_600_000_000
"""From 1601 to 1970, microseconds."""
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?(/.*)?$")


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: the pages it has shown, (address, title, what was wrong), and which of them it shows."""

    id: int
    trail: tuple[tuple[str, str, str], ...]
    place: int

    @property
    def url(self) -> str:
        """The address of its page."""
        return self.trail[self.place][0]

    @property
    def title(self) -> str:
        """The title of its page."""
        return self.trail[self.place][1]


class Unreachable(Exception):
    """A page cannot be shown: a heading, a sentence and a code, as the browser prints them."""

    def __init__(self, heading: str, text: str, code: str) -> None:
        super().__init__(text)
        self.heading, self.text, self.code = heading, text, code


def address(typed: str) -> str:
    """Return where typed words lead: an address as it is, a host as an address, anything else to a search."""
    words = typed.strip()
    if re.match(r"(https?|file|chrome)://?", words):
        return words
    if words.startswith("/sdcard/") or words.startswith("/storage/"):
        return f"file://{words}"
    return f"http://{words}" if _HOST.match(words) and " " not in words else search_url(words)


def spoken(url: str) -> str:
    """Return an address as the bar shows it."""
    return "" if url == NEW_TAB else re.sub(r"^https?://", "", url).rstrip("/")


def host_of(url: str) -> str:
    """Return the host of an address, the path of a file."""
    return urlsplit(url).hostname or spoken(url)


class Browser:
    """The browser's data and what follows from changing them."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state = manager, manager.state
        self.preferences = Preferences(self.database)

    @property
    def database(self) -> Database:
        """Tabs, bookmarks and storage."""
        return self.state.app_database(PACKAGE, "browser.db")

    @property
    def _past(self) -> Database:
        return self.state.database(f"/data/data/{PACKAGE}/app_chrome/Default/History")

    # ------------------------------------------------------------ tabs

    def tabs(self) -> list[Tab]:
        """Return the open tabs, the oldest first."""
        rows = self.database.execute("SELECT _id, trail, place FROM tabs ORDER BY _id")
        return [Tab(number, tuple(map(tuple, json.loads(trail))), place) for number, trail, place in rows]

    def tab(self) -> Tab:
        """Return the tab in front; with none open, what a new one would be (its number is 0)."""
        found = {tab.id: tab for tab in self.tabs()}
        chosen = found.get(self.preferences.number("tab"))
        return chosen or (found[max(found)] if found else Tab(0, ((NEW_TAB, "New tab", ""),), 0))

    def add_tab(self, url: str = NEW_TAB) -> None:
        """Open a tab and show it."""
        number = self.database.insert("tabs", {"trail": json.dumps([[NEW_TAB, "New tab", ""]])})
        self.preferences.put("tab", number)
        if url != NEW_TAB:
            self.go(url, replace_page=True)

    def choose_tab(self, number: int) -> None:
        """Show a tab."""
        self.preferences.put("tab", number)

    def close_tab(self, number: int) -> None:
        """Close a tab."""
        self.database.execute("DELETE FROM tabs WHERE _id = ?", (number,))

    def close_tabs(self) -> None:
        """Close all tabs."""
        self.database.execute("DELETE FROM tabs")

    def _save(self, tab: Tab) -> None:
        trail = json.dumps([list(step) for step in tab.trail])
        if tab.id:
            self.database.execute("UPDATE tabs SET trail = ?, place = ? WHERE _id = ?", (trail, tab.place, tab.id))
        else:
            self.preferences.put("tab", self.database.insert("tabs", {"trail": trail, "place": tab.place}))

    # ------------------------------------------------------------ going

    def go(self, url: str, form: Mapping[str, str] | None = None, *, replace_page: bool = False) -> None:
        """Go to an address; what cannot be reached shows why."""
        tab, title, problem = self.tab(), spoken(url), ""
        try:
            page = self._fetch(url, form)
            url, title = urljoin(url, page.url) if page.url else url, page.title
            self._note(url, title)
        except Unreachable as error:
            problem = "\n".join((error.heading, error.text, error.code))
        first = tab.trail[: tab.place] if replace_page else tab.trail[: tab.place + 1]
        trail = (*first, (url, title, problem))[-MAX_TRAIL:]
        self._save(Tab(tab.id, trail, len(trail) - 1))

    def reload(self) -> None:
        """Ask for the page shown once more."""
        self.go(self.tab().url, replace_page=True)

    def follow(self, link: str) -> None:
        """Follow a link of the page shown."""
        self.go(urljoin(self.tab().url, link))

    def send(self, link: str, fields: Mapping[str, str]) -> None:
        """Send a form of the page shown."""
        self.go(urljoin(self.tab().url, link), fields)

    def move(self, by: int) -> bool:
        """Go back (-1) or forward (1) among the pages of the tab; return whether there was one."""
        tab = self.tab()
        if not 0 <= tab.place + by < len(tab.trail):
            return False
        self._save(replace(tab, place=tab.place + by))
        return True

    def is_online(self) -> bool:
        """Whether there is a connection: Wi-Fi, or mobile data outside airplane mode."""
        settings = self.state.settings
        mobile = settings.number("global", "mobile_data", 1) and not settings.number("global", "airplane_mode_on")
        return bool(settings.number("global", "wifi_on") in (1, 2) or mobile)

    def page(self) -> Page:
        """Return the page in front; raises Unreachable."""
        tab = self.tab()
        problem = tab.trail[tab.place][2]
        if problem:
            heading, text, code = problem.split("\n")
            raise Unreachable(heading, text, code)
        return self._read(tab.url, None, self.storage(str(urlsplit(tab.url).hostname)))

    def _fetch(self, url: str, form: Mapping[str, str] | None) -> Page:
        """Return a page asked for by the visitor, and keep what the site then remembers."""
        if urlsplit(url).scheme in ("http", "https") and not self.is_online():
            text = "Turn off airplane mode or connect to Wi-Fi."
            raise Unreachable("You’re offline", text, "ERR_INTERNET_DISCONNECTED")
        host = str(urlsplit(url).hostname)
        storage = self.storage(host)
        before = json.dumps(storage, sort_keys=True)
        page = self._read(url, form, storage)
        after = json.dumps(storage, sort_keys=True)
        if after != before:
            self.database.execute("REPLACE INTO storage VALUES (?, ?)", (host, after))
        return page

    def _read(self, url: str, form: Mapping[str, str] | None, storage: dict[str, Any]) -> Page:
        parts = urlsplit(url)
        if parts.scheme == "chrome":
            return Page("New tab", ())
        if parts.scheme == "file":
            return self._file(unquote(parts.path))
        site = open_site(parts.hostname or "") if parts.scheme in ("http", "https") else None
        if site is None:
            text = f"{parts.hostname or url}’s server could not be found."
            raise Unreachable("This site can’t be reached", text, "ERR_NAME_NOT_RESOLVED")
        try:
            return site.open(parts.path + (f"?{parts.query}" if parts.query else ""), form, storage)
        except LookupError as error:
            raise Unreachable("This page isn’t working", str(error.args[0]), "HTTP ERROR 404") from None

    def _file(self, path: str) -> Page:
        files = self.state.files
        if not files.exists(path) or files.is_dir(path):
            raise Unreachable(
                "Your file couldn’t be accessed", "It may have been moved or deleted.", "ERR_FILE_NOT_FOUND"
            )
        return read_page(files.read(path), path.rpartition("/")[2])

    def storage(self, host: str) -> dict[str, Any]:
        """Return what a site remembers, a copy."""
        rows = self.database.execute("SELECT data FROM storage WHERE host = ?", (host,))
        stored: dict[str, Any] = json.loads(rows[0][0]) if rows else {}
        return stored

    # ------------------------------------------------------------ history and bookmarks

    def _note(self, url: str, title: str) -> None:
        if url.startswith("chrome:"):
            return
        past, now = self._past, self.state.clock.now_us + _EPOCH_US
        rows = past.execute("SELECT id FROM urls WHERE url = ?", (url,))
        if rows:
            number = rows[0][0]
            past.execute(
                "UPDATE urls SET title = ?, visit_count = visit_count + 1, last_visit_time = ? WHERE id = ?",
                (title, now, number),
            )
        else:
            number = past.insert("urls", {"url": url, "title": title, "visit_count": 1, "last_visit_time": now})
        past.insert("visits", {"url": number, "visit_time": now})

    def history(self, words: str = "") -> list[tuple[int, str, str, int]]:
        """Return number, address, title and time (microseconds since 1970) of visited pages, the latest first."""
        rows = self._past.execute(
            "SELECT id, url, title, last_visit_time FROM urls ORDER BY last_visit_time DESC, id DESC"
        )
        kept = [(n, url, title, at - _EPOCH_US) for n, url, title, at in rows]
        return [row for row in kept if words.lower() in f"{row[1]} {row[2]}".lower()]

    def forget(self, number: int | None = None) -> None:
        """Delete one page from the history, or all of it."""
        if number is None:
            self._past.execute("DELETE FROM urls")
            self._past.execute("DELETE FROM visits")
        else:
            self._past.execute("DELETE FROM urls WHERE id = ?", (number,))
            self._past.execute("DELETE FROM visits WHERE url = ?", (number,))

    def bookmarks(self) -> list[tuple[int, str, str]]:
        """Return number, title and address of the bookmarks, the latest first."""
        return [
            (n, t, u) for n, t, u in self.database.execute("SELECT _id, title, url FROM bookmarks ORDER BY _id DESC")
        ]

    def bookmark(self, url: str, title: str) -> None:
        """Add a bookmark."""
        values = (title, url, self.state.clock.now_ms)
        self.database.execute("INSERT OR IGNORE INTO bookmarks (title, url, added) VALUES (?, ?, ?)", values)

    def drop_bookmark(self, url: str) -> None:
        """Delete a bookmark."""
        self.database.execute("DELETE FROM bookmarks WHERE url = ?", (url,))
