"""The browser's main screen: the page under its bar, the address being typed, tabs, bookmarks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vlgym.android.apps.browser.blocks import PageView
from vlgym.android.apps.browser.model import NEW_TAB, Browser, Tab, Unreachable, address, host_of, spoken
from vlgym.android.apps.browser.search import HOST
from vlgym.android.state.intents import ACTION_VIEW
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import Empty, ListItem, Section, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, ImageButton, ImageView, TextView

_HISTORY = "com.android.chrome/org.chromium.chrome.browser.history.HistoryActivity"
PAGE, TYPING, TABS, BOOKMARKS = "page", "typing", "tabs", "bookmarks"


class Main(Activity):
    """The browser. Saved: "screen", one of PAGE, TYPING, TABS, BOOKMARKS; "words" typed into the bar."""

    @property
    def browser(self) -> Browser:
        """The browser's data."""
        return Browser(self.manager)

    @property
    def screen(self) -> str:
        """What is shown."""
        return str(self.saved.get("screen", PAGE))

    # ------------------------------------------------------------ intents

    def on_start(self) -> None:
        """Open the address of the intent."""
        intent = self.intent
        if intent.action == ACTION_VIEW and intent.data:
            browser = self.browser
            if browser.tab().url != NEW_TAB:
                browser.add_tab()
            browser.go(address(intent.data), replace_page=True)
            self.saved["screen"] = PAGE

    def on_new_intent(self) -> None:
        """Open the address of the new intent."""
        self.on_start()

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the screen that is shown."""
        build: Callable[[], View] = getattr(self, f"_{self.screen}_screen")
        return build()

    def _bar(self, tab: Tab) -> View:
        shown = spoken(tab.url)
        secure = "lock_outline" if tab.url.startswith("http") else "info_outline"
        pill = Row(
            ImageView(secure if shown else "search", size=18),
            TextView(shown or "Search or type URL", style="body_large", lines=1, weight=1, id="url_bar"),
            weight=1,
            height=44,
            radius=22,
            spacing=10,
            padding=(14, 0),
            background="surface_high",
            on_click=self._type,
            id="location_bar",
        )
        count = len(self.browser.tabs()) or 1
        tabs = FrameLayout(
            TextView(str(count), style="label_medium", gravity="center", align="center"),
            width=24,
            height=24,
            radius=6,
            border="on_surface",
            gravity="center",
        )
        return Row(
            ImageButton("home_outline", content_desc="Home", on_click=lambda: self._go(NEW_TAB), id="home_button"),
            pill,
            FrameLayout(
                tabs,
                width=48,
                height=48,
                radius=24,
                content_desc="Switch or close tabs",
                on_click=lambda: self.set(screen=TABS),
                id="tab_switcher_button",
            ),
            ImageButton(
                "more_vert",
                content_desc="More options",
                on_click=lambda: self.menu("menu", "menu_button"),
                id="menu_button",
            ),
            width=MATCH,
            height=64,
            padding=(4, 0, 0, 0),
            id="toolbar",
        )

    def _page_screen(self) -> View:
        tab = self.browser.tab()
        if tab.url == NEW_TAB:
            body = self._new_tab()
        else:
            body = self._web(tab)
        name = f"tab{tab.id}_{tab.place}"
        scroll = ScrollView(body, width=MATCH, height=MATCH, id=name)
        web = FrameLayout(
            scroll, width=MATCH, weight=1, id="compositor_view_holder", android_class="android.webkit.WebView"
        )
        return Column(self._bar(tab), web, width=MATCH, height=MATCH)

    def _web(self, tab: Tab) -> View:
        try:
            page = self.browser.page()
        except Unreachable as problem:
            return Column(
                ImageView("cloud_off", size=64, colour="outline"),
                TextView(problem.heading, style="headline_small"),
                TextView(problem.text, style="body_large", colour="on_surface_variant"),
                TextView(problem.code, style="body_small", colour="on_surface_variant"),
                Button("Reload", on_click=self._reload, margin=(0, 16, 0, 0)),
                width=MATCH,
                spacing=12,
                padding=(24, 64, 24, 24),
            )
        view = PageView(self.manager.metrics, self._follow, lambda url: self._send(url, view))
        return view.build(page)

    def _new_tab(self) -> View:
        search = Row(
            ImageView("search", size=22),
            TextView("Search or type URL", style="body_large", colour="on_surface_variant", weight=1),
            ImageView("mic_outline", size=22),
            width=MATCH,
            height=56,
            radius=28,
            spacing=14,
            padding=(20, 0),
            background="surface_high",
            on_click=self._type,
            id="search_box",
        )
        from vlgym.registry import SITES

        tiles = [self._tile(host.partition(".")[0].capitalize(), f"http://{host}/") for host in SITES if host != HOST]
        recent = [
            ListItem(title, host_of(url), icon="history", on_click=partial(self._go, url))
            for _, url, title, _ in self.browser.history()[:4]
        ]
        return Column(
            Space(height=72),
            search,
            Row(*tiles, width=MATCH, align="center", margin=(0, 20, 0, 12)),
            Section("Recently visited") if recent else None,
            *recent,
            width=MATCH,
            padding=(16, 0),
        )

    def _tile(self, name: str, url: str) -> View:
        mark = FrameLayout(
            TextView(name[0], style="title_large", gravity="center", align="center"),
            width=56,
            height=56,
            radius=28,
            background="surface_high",
        )
        return Column(
            mark,
            TextView(name, style="label_medium", lines=1, align="center"),
            weight=1,
            spacing=8,
            align="center",
            padding=(4, 12),
            radius=12,
            on_click=partial(self._go, url),
        )

    # ------------------------------------------------------------ typing

    def _type(self) -> None:
        self.set(screen=TYPING, words="")
        field = self.find("url_field")
        shown = spoken(self.browser.tab().url)
        if shown:
            field.set_text(shown)
        self.manager.edit(field, field.left, field.top)
        field = self.find("url_field")
        field.select(0, len(field.text))

    def _typing_screen(self) -> View:
        words = str(self.saved.get("words", ""))
        field = EditText(
            "",
            hint="Search or type URL",
            kind="uri",
            action="go",
            box="filled",
            on_text=lambda text: self.set(words=text),
            on_submit=self._submit,
            weight=1,
            height=44,
            min_height=44,
            radius=22,
            id="url_field",
        )
        field.android_class = "android.widget.EditText"
        bar = Row(
            ImageButton("arrow_back", content_desc="Back", on_click=self._stop_typing, colour="on_surface"),
            field,
            ImageButton("close", content_desc="Clear input", on_click=self._clear, id="delete_button"),
            width=MATCH,
            height=64,
            padding=(4, 0),
            id="toolbar",
        )
        rows: list[View] = []
        if words and words != spoken(self.browser.tab().url):
            rows.append(ListItem(words, "Search", icon="search", on_click=lambda: self._submit(words)))
        seen: set[str] = set()
        for _, title, url in self.browser.bookmarks():
            if words.lower() in f"{title} {url}".lower() and url not in seen:
                rows.append(ListItem(title, spoken(url), icon="star", on_click=partial(self._go, url)))
                seen.add(url)
        for _, url, title, _ in self.browser.history(words)[:6]:
            if url not in seen:
                rows.append(ListItem(title, spoken(url), icon="history", on_click=partial(self._go, url)))
        return Column(bar, ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1), width=MATCH, height=MATCH)

    def _clear(self) -> None:
        self.find("url_field").set_text("")

    def _stop_typing(self) -> None:
        self.manager.hide_keyboard()
        self.set(screen=PAGE, words="")

    def _submit(self, words: str) -> None:
        if words.strip():
            self._go(address(words))

    # ------------------------------------------------------------ going

    def _go(self, url: str) -> None:
        self.manager.hide_keyboard()
        self.browser.go(url)
        self.set(screen=PAGE, words="")

    def _follow(self, link: str) -> None:
        self.manager.hide_keyboard()
        self.browser.follow(link)
        self.invalidate()

    def _send(self, link: str, view: PageView) -> None:
        fields = view.texts(self.find)
        self.manager.hide_keyboard()
        self.browser.send(link, fields)
        self.invalidate()

    def _reload(self) -> None:
        self.browser.reload()
        self.invalidate()

    def on_back(self) -> bool:
        """Leave what lies over the page, then go back in the tab."""
        if self.screen != PAGE:
            self._stop_typing()
            return True
        if self.browser.move(-1):
            self.invalidate()
            return True
        return False

    # ------------------------------------------------------------ tabs

    def _tabs_screen(self) -> View:
        browser = self.browser
        front = browser.tab().id
        cards = [self._tab_card(tab, tab.id == front) for tab in browser.tabs()]
        rows = [Row(*pair, width=MATCH, spacing=12, align="top") for pair in _pairs(cards)]
        bar = Row(
            Button(
                "New tab", kind="tonal", icon="add", on_click=self._new, content_desc="New tab", id="new_tab_button"
            ),
            Space(weight=1),
            ImageButton(
                "more_vert",
                content_desc="More options",
                on_click=lambda: self.menu("tabs_menu", "menu_button"),
                id="menu_button",
            ),
            width=MATCH,
            height=64,
            padding=(12, 0, 4, 0),
            id="toolbar",
        )
        body: View = ScrollView(
            Column(*rows, width=MATCH, spacing=12, padding=12), width=MATCH, weight=1, id="tab_list_view"
        )
        if not cards:
            body = Column(Empty("You’ll find your tabs here", "tab"), width=MATCH, weight=1)
        return Column(bar, body, width=MATCH, height=MATCH)

    def _tab_card(self, tab: Tab, front: bool) -> View:
        head = Row(
            TextView(tab.title, style="label_large", lines=1, weight=1, id="tab_title"),
            ImageButton(
                "close",
                size=20,
                content_desc=f"Close {tab.title} tab",
                on_click=partial(self._close, tab.id),
                id="action_button",
            ),
            width=MATCH,
            padding=(14, 0, 2, 0),
        )
        face = Column(
            TextView(tab.title, style="title_medium", lines=3),
            TextView(spoken(tab.url), style="body_small", colour="on_surface_variant", lines=3),
            width=MATCH,
            height=150,
            spacing=6,
            padding=14,
            background="surface",
            radius=14,
        )
        return Column(
            head,
            face,
            weight=1,
            radius=18,
            padding=(4, 0, 4, 4),
            background="primary_container" if front else "surface_high",
            selected=front,
            on_click=partial(self._choose, tab.id),
            id="tab_card",
        )

    def _new(self) -> None:
        self.browser.add_tab()
        self.set(screen=PAGE)

    def _choose(self, number: int) -> None:
        self.browser.choose_tab(number)
        self.set(screen=PAGE)

    def _close(self, number: int) -> None:
        self.browser.close_tab(number)
        self.invalidate()

    # ------------------------------------------------------------ bookmarks

    def _bookmarks_screen(self) -> View:
        rows = [
            ListItem(
                title,
                spoken(url),
                icon="star",
                trailing=ImageButton(
                    "delete_outline", content_desc=f"Delete {title}", on_click=partial(self._drop, url)
                ),
                padding=(24, 0, 8, 0),
                on_click=partial(self._go, url),
            )
            for _, title, url in self.browser.bookmarks()
        ]
        body: View = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="bookmark_list")
        if not rows:
            body = Column(Empty("You’ll find your bookmarks here", "star_outline"), width=MATCH, weight=1)
        return Column(Toolbar("Bookmarks", on_up=self._stop_typing), body, width=MATCH, height=MATCH)

    def _drop(self, url: str) -> None:
        self.browser.drop_bookmark(url)
        self.snackbar("Bookmark deleted")
        self.invalidate()

    def _mark(self, on: bool) -> None:
        tab = self.browser.tab()
        if on:
            self.browser.bookmark(tab.url, tab.title)
            self.snackbar("Bookmarked")
        else:
            self.browser.drop_bookmark(tab.url)
            self.snackbar("Bookmark deleted")
        self.invalidate()

    # ------------------------------------------------------------ menus

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return a menu."""
        browser = self.browser
        tab = browser.tab()
        items: list[tuple[str, Callable[[], object]]]
        if name == "tabs_menu":
            items = [("New tab", self._new), ("Close all tabs", self._close_all)]
        else:
            items = [("New tab", self._new)]
            if tab.place + 1 < len(tab.trail):
                items.append(("Forward", self._forward))
            if tab.url != NEW_TAB:
                marked = any(url == tab.url for _, _, url in browser.bookmarks())
                items.append(("Remove bookmark" if marked else "Bookmark", partial(self._mark, not marked)))
                items.append(("Refresh", self._reload))
                items.append(("Copy link", self._copy))
            items += [
                ("History", lambda: self.start(_HISTORY)),
                ("Bookmarks", lambda: self.set(screen=BOOKMARKS)),
            ]
        return PopupMenu([(text, self.then(act)) for text, act in items], args["at"])

    def _forward(self) -> None:
        self.browser.move(1)
        self.invalidate()

    def _copy(self) -> None:
        self.state.clipboard = self.browser.tab().url
        self.toast("Link copied")

    def _close_all(self) -> None:
        self.browser.close_tabs()
        self.invalidate()


def _pairs(views: list[View]) -> list[list[View]]:
    """Return views two by two; a lone last one gets an empty neighbour."""
    return [
        [*views[at : at + 2], *([Space(weight=1)] if at + 1 == len(views) else [])] for at in range(0, len(views), 2)
    ]
