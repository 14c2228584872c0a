"""The browser: sites, forms, tabs, history, bookmarks, files, and pages that cannot be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest
from media_phone import CHROME, SHARED, replace
from phone import SMALL, Phone

from vlgym import registry
from vlgym.android.apps.browser.local import read_page
from vlgym.android.apps.browser.model import Browser, address, host_of, spoken
from vlgym.android.apps.browser.town import TownSite, place, places
from vlgym.android.state.intents import ACTION_VIEW, Intent
from vlgym.core import site as parts
from vlgym.core.site import Heading, Link, Page, Paragraph, open_site

REAL = dict(registry.SITES)


class EchoSite:
    """A site that shows what it is sent, and every kind of block."""

    name = "Echo"

    def open(self, url: str, form: Mapping[str, str] | None, storage: parts.Storage) -> Page:
        if url.startswith("/broken"):
            raise LookupError("There is nothing here.")
        if form is not None:
            storage["sent"] = [*storage.get("sent", []), dict(form)]
        options = [parts.Option(word, f"/?pick={word}", "size", word in url) for word in ("small", "medium", "large")]
        blocks: tuple[parts.Block, ...] = (
            Heading("Echo"),
            Paragraph(f"Sent {len(storage.get('sent', []))} times"),
            *options,
            parts.Field("first", "First name", "Ada"),
            parts.Field("age", "Age", kind="number"),
            parts.Button("Send", "/"),
            parts.Button("Elsewhere", "/else", "plain"),
            parts.Figure('<svg viewBox="0 0 9 9"><rect width="9" height="9" fill="#e112"/></svg>', "A square"),
            parts.Rule(),
            Link("Next page", "/next?n=2"),
            Link("Broken", "/broken"),
        )
        return Page(f"Echo {url}", blocks, url, 0xFF336699)

    def search(self, words: str) -> tuple[parts.Hit, ...]:
        return (parts.Hit(f"Echo of {words}", f"/next?q={words}", "An echo."),)

    def errand(self, number: int) -> parts.Errand | None:
        return None

    def score(self, errand: str, storage: parts.Storage) -> float:
        return 0.0


@pytest.fixture(autouse=True)
def echo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the browser reach the echo and the town, but not the shop: that is another family's."""
    sites = {
        "echo.test": f"{__name__}:EchoSite",
        **{host: registry.SITES[host] for host in ("town.test", "search.test")},
    }
    monkeypatch.setattr(registry, "SITES", sites)
    open_site.cache_clear()
    yield
    open_site.cache_clear()


@pytest.mark.parametrize("host", REAL)
def test_the_table_of_sites_resolves(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SITES", REAL)
    site = open_site(host)
    assert site is not None
    assert site.name
    assert site.open("/", None, {}).blocks


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    phone.start_activity(CHROME)
    return phone


def go(phone: Phone, words: str) -> Phone:
    """Type into the bar and press enter."""
    phone.press("location_bar")
    phone.text(words)
    phone.key(66)
    phone.advance(0.5)
    return phone


def front(phone: Phone) -> str:
    return Browser(phone.windows).tab().url


def test_typed_words_become_addresses_or_searches() -> None:
    assert address("town.test") == "http://town.test"
    assert address(" http://a.b/c?d ") == "http://a.b/c?d"
    assert address("what is a sextant?").startswith("http://search.test/?q=what+is")
    assert address("/sdcard/Download/a.html") == "file:///sdcard/Download/a.html"
    assert spoken("http://town.test/") == "town.test"
    assert spoken("chrome://newtab") == ""
    assert host_of("http://a.b/c") == "a.b"
    assert host_of("file:///x/y.html") == "file:///x/y.html"


def test_every_block_is_drawn_and_named(phone: Phone) -> None:
    go(phone, "echo.test/?pick=medium")
    for words in ("Echo", "Sent 0 times", "small", "medium", "large", "First name", "Age", "Send", "Elsewhere"):
        assert phone.shows(words), words
    assert phone.shows("A square")
    assert phone.shows("Next page")
    (chip,) = [node for node in phone.nodes() if node.get("content-desc") == "medium"]
    assert chip.get("checked") == "true"
    assert phone.screenshot(SMALL).any()


def test_links_options_and_the_way_back(phone: Phone) -> None:
    go(phone, "echo.test/")
    phone.press("large").scroll_to("Next page").press("Next page")
    assert front(phone) == "http://echo.test/next?n=2"
    phone.key(4)
    assert front(phone) == "http://echo.test/?pick=large"
    phone.key(4)
    assert front(phone) == "http://echo.test/"
    phone.press("More options", "Forward")
    assert front(phone) == "http://echo.test/?pick=large"
    for _ in range(3):
        phone.key(4)
    assert "launcher" in phone.foreground(), "before the first page is the home screen"


def test_forms_are_sent_once_by_button_or_by_enter(phone: Phone) -> None:
    go(phone, "echo.test/")
    replace(phone, "First name", "Grace")
    phone.key(66)
    phone.text("4x2")
    phone.key(66)
    phone.advance(0.5)
    assert Browser(phone.windows).storage("echo.test") == {"sent": [{"first": "Grace", "age": "42"}]}
    phone.screenshot(SMALL)
    phone.press("More options", "Refresh")
    assert phone.shows("Sent 1 times"), "neither drawing nor reloading sends again"
    phone.press("Send")
    assert phone.shows("Sent 2 times")
    assert Browser(phone.windows).storage("echo.test")["sent"][1] == {"first": "Ada", "age": ""}


def test_fields_of_one_page_do_not_show_on_another(phone: Phone) -> None:
    go(phone, "echo.test/")
    replace(phone, "First name", "Grace")
    go(phone, "echo.test/next")
    assert phone.shows("Ada")
    assert not phone.shows("Grace")
    phone.key(4)
    assert phone.shows("Grace"), "the browser keeps what was typed"


def test_what_cannot_be_reached(phone: Phone) -> None:
    go(phone, "nowhere.invalid")
    assert phone.shows("ERR_NAME_NOT_RESOLVED")
    go(phone, "echo.test/broken")
    assert phone.shows("There is nothing here.")
    go(phone, "file:///sdcard/none.html")
    assert phone.shows("ERR_FILE_NOT_FOUND")
    assert [row[1] for row in Browser(phone.windows).history()] == []


def test_without_a_connection_pages_wait(phone: Phone) -> None:
    go(phone, "echo.test/")
    phone.shell("svc wifi disable; svc data disable")
    assert phone.shows("Next page"), "what is shown stays"
    go(phone, "town.test")
    assert phone.shows("ERR_INTERNET_DISCONNECTED")
    assert front(phone) == "http://town.test"
    phone.press("Reload")
    assert phone.shows("You’re offline")
    phone.shell("svc wifi enable")
    phone.press("Reload")
    assert phone.shows("Maritime Museum")


def test_search_finds_pages_of_all_sites(phone: Phone) -> None:
    go(phone, "maritime")
    assert phone.shows("Maritime Museum - Town guide")
    assert phone.shows("Echo of maritime")
    phone.press("Maritime Museum - Town guide")
    assert front(phone) == "http://town.test/place/maritime-museum"


def test_the_bar_suggests_and_can_be_left(phone: Phone) -> None:
    go(phone, "town.test")
    phone.press("Home", "location_bar")
    phone.text("tow")
    assert phone.shows("Town guide")
    phone.press("Back")
    assert front(phone) == "chrome://newtab"
    phone.press("location_bar")
    phone.text("tow")
    phone.press("Town guide")
    assert front(phone) == "http://town.test"


def test_tabs(phone: Phone) -> None:
    go(phone, "town.test")
    phone.press("More options", "New tab")
    go(phone, "echo.test/")
    phone.press("Switch or close tabs")
    assert phone.shows("Close Town guide tab")
    assert phone.shows("Close Echo / tab")
    phone.press("Close Echo / tab", "Town guide")
    assert front(phone) == "http://town.test"
    assert len(Browser(phone.windows).tabs()) == 1
    phone.press("Switch or close tabs", "More options", "Close all tabs")
    assert phone.shows("You’ll find your tabs here")
    phone.press("New tab")
    assert front(phone) == "chrome://newtab"


def test_bookmarks(phone: Phone) -> None:
    go(phone, "town.test")
    phone.press("More options", "Bookmark", "More options", "Bookmarks")
    assert phone.shows("Town guide")
    phone.press("Navigate up", "Home", "More options", "Bookmarks", "Town guide")
    assert front(phone) == "http://town.test"
    phone.press("More options", "Remove bookmark", "More options", "Bookmarks")
    assert phone.shows("You’ll find your bookmarks here")


def test_history_is_chromiums_and_can_be_cleared(phone: Phone) -> None:
    go(phone, "town.test")
    go(phone, "echo.test/")
    go(phone, "town.test")
    path = "/data/data/com.android.chrome/app_chrome/Default/History"
    rows = phone.state.database(path).execute("SELECT url, title, visit_count, last_visit_time FROM urls ORDER BY id")
    assert [row[:3] for row in rows] == [("http://town.test", "Town guide", 2), ("http://echo.test/", "Echo /", 1)]
    assert all(row[3] > 13_300_000_000_000_000 for row in rows), "microseconds since 1601"
    phone.press("More options", "History")
    assert phone.foreground().endswith("HistoryActivity")
    assert phone.shows("Today - Oct 15, 2023")
    phone.press("Remove Echo /", "Search")
    phone.text("echo")
    assert phone.shows("You’ll find your history here")
    phone.key(4)
    phone.key(4)
    phone.press("Clear browsing data…", "Cancel")
    assert phone.shows("Town guide")
    phone.press("Clear browsing data…", "Clear")
    assert phone.state.database(path).execute("SELECT COUNT(*) FROM urls, visits") == [(0,)]


def test_links_of_other_apps_open_in_a_new_tab(phone: Phone) -> None:
    go(phone, "echo.test/")
    phone.start_activity(Intent(ACTION_VIEW, data="http://town.test/place/ice-rink"))
    assert front(phone) == "http://town.test/place/ice-rink"
    assert len(Browser(phone.windows).tabs()) == 2


def test_html_files_are_read_without_their_scripts(phone: Phone) -> None:
    text = (
        "<html><head><title>My  page</title><style>p{}</style></head><body><h1>Hello</h1><p>One<br>two &amp; three"
        "<script>alert('no')</script><ul><li>first<li>second</ul><a href='more.html'>More</a><h2>End"
    )
    page = read_page(text.encode(), "x.html")
    assert page.title == "My page"
    assert [getattr(block, "text", "") for block in page.blocks] == [
        "Hello",
        "One",
        "two & three",
        "first",
        "second",
        "More",
        "End",
    ]
    for name in ("index.html", "more.html"):
        phone.state.files.write(f"{SHARED}/Download/{name}", text.encode())
    go(phone, "/sdcard/Download/index.html")
    phone.press("More")
    assert front(phone) == "file:///sdcard/Download/more.html"
    assert read_page(b"\xff\xfe<p", "x.html").blocks is not None
    assert [block.text for block in read_page(b"a\n\nb", "x.txt").blocks] == ["a", "b"]  # type: ignore[union-attr]


def test_visits_are_part_of_the_snapshot(phone: Phone) -> None:
    go(phone, "echo.test/")
    phone.press("Send")
    twin = Phone()
    twin.restore(phone.snapshot())
    assert (twin.screenshot(SMALL) == phone.screenshot(SMALL)).all()
    for device in (phone, twin):
        device.press("Send")
        assert device.shows("Sent 2 times")
    assert twin.snapshot() == phone.snapshot()


def test_the_town_checks_a_booking() -> None:
    town = TownSite()
    storage: parts.Storage = {}
    wrong = ({"name": "", "date": "x", "tickets": "2"}, {"name": "a", "date": "x", "tickets": "0"}, {"tickets": "many"})
    for form in wrong:
        page = town.open("/book/ice-rink", form, storage)
        assert storage == {}
        assert any("Please" in getattr(block, "text", "") for block in page.blocks)
    page = town.open("/book/ice-rink", {"name": "Ada", "date": "3 May", "tickets": "2"}, storage)
    assert page.url == "/bookings"
    assert storage == {"bookings": [{"place": "Ice Rink", "name": "Ada", "date": "3 May", "tickets": 2}]}
    assert json.loads(json.dumps(storage)) == storage
    assert "/bookings" in [getattr(block, "url", "") for block in town.open("/", None, storage).blocks]


def test_every_link_of_the_town_leads_somewhere() -> None:
    town, todo, seen = TownSite(), ["/"], set()
    while todo:
        url = todo.pop()
        if url not in seen:
            seen.add(url)
            todo += [block.url for block in town.open(url, None, {}).blocks if isinstance(block, Link)]
    assert len(seen) >= 2 * len(places())
    with pytest.raises(LookupError):
        town.open("/place/nowhere", None, {})
    assert len({place(found.name).phone for found in places()}) == len(places()), "every place has a number of its own"
