"""The browser's history: visited pages by day, searched and forgotten."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.browser.model import Browser, host_of
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Empty, ListItem, Section, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import Button, ImageButton


class History(Activity):
    """Visited pages by day. Saved: "words" of the search, "searching"."""

    @property
    def browser(self) -> Browser:
        """The browser's data."""
        return Browser(self.manager)

    def on_create(self) -> View:
        """Return the list."""
        words = str(self.saved.get("words", ""))
        if self.saved.get("searching"):
            bar = Row(
                ImageButton("arrow_back", content_desc="Navigate up", on_click=self._leave, colour="on_surface"),
                EditText(
                    "", hint="Search your history", box="none", action="search", weight=1, id="search_text",
                    on_text=lambda text: self.set(words=text),
                ),
                width=MATCH,
                height=64,
                padding=(4, 0),
                id="toolbar",
            )  # fmt: skip
        else:
            bar = Toolbar("History", ActionItem("search", "Search", self._search, "search_menu_id"), on_up=self.finish)
        rows: list[View] = []
        today, day = self.state.clock.local().date(), None
        for number, url, title, at in self.browser.history(words):
            date = self.state.clock.local(at).date()
            if date != day:
                day = date
                name = {0: "Today - ", 1: "Yesterday - "}.get((today - date) // timedelta(days=1), "")
                rows.append(Section(f"{name}{date:%b} {date.day}, {date.year}"))
            rows.append(
                ListItem(
                    title,
                    host_of(url),
                    icon="public",
                    trailing=ImageButton(
                        "close", content_desc=f"Remove {title}", on_click=partial(self._forget, number)
                    ),
                    padding=(24, 0, 8, 0),
                    on_click=partial(self._open, url),
                )
            )
        clear = Button(
            "Clear browsing data…",
            kind="text",
            on_click=lambda: self.show("clear"),
            margin=(12, 4),
            id="clear_browsing_data",
        )
        body: View = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="history_list")
        if not rows:
            body = Column(Empty("You’ll find your history here", "history"), width=MATCH, weight=1)
        return Column(bar, None if words else clear, body, width=MATCH, height=MATCH)

    def _search(self) -> None:
        self.set(searching=True, words="")
        field = self.find("search_text")
        self.manager.edit(field, field.left, field.top)

    def _leave(self) -> None:
        self.manager.hide_keyboard()
        self.set(searching=False, words="")

    def on_back(self) -> bool:
        """Leave the search first."""
        if self.saved.get("searching"):
            self._leave()
            return True
        return False

    def _open(self, url: str) -> None:
        self.browser.go(url)
        self.finish()

    def _forget(self, number: int | None) -> None:
        self.browser.forget(number)
        self.invalidate()

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the question before everything is forgotten."""
        return AlertDialog(
            "Clear browsing data?",
            message="This clears the history of all visited pages on this device.",
            buttons=(("Cancel", self.dismiss), ("Clear", self.then(lambda: self._forget(None)))),
        )
