"""The list of conversations, and the screen that begins one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

from vlgym.android.apps.contacts.model import People, digits, shown_number
from vlgym.android.apps.contacts.parts import Avatar, Mark, SearchBar, SearchField, SelectionBar
from vlgym.android.apps.messages.model import NEW, PACKAGE, THREAD, Texts, Thread, when_text
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Empty, FloatingActionButton, ListItem, Section, Toolbar
from vlgym.android.ui.scroll import RecyclerView, ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, TextView


class Conversations(Activity):
    """The list. Saved: "query" while searching, "pane" counts searches; "chosen"; "archive", whether it shows that."""

    @property
    def texts(self) -> Texts:
        """The messages."""
        return Texts(self.state)

    def on_start(self) -> None:
        """Log what the stock messenger logs."""
        self.log("BugleUsageStatistics", "BUGLE CREATE CONVERSATION_LIST VIA_DEFAULT")

    @property
    def chosen(self) -> list[int]:
        """Ids of the selected conversations."""
        return list(self.saved.get("chosen", ()))

    def on_create(self) -> View:
        """Return the list under its bar."""
        if "query" in self.saved:
            return self._search()
        archive, chosen = bool(self.saved.get("archive")), self.chosen
        threads = self.texts.threads(archive)
        more = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        if chosen:
            head: View = SelectionBar(
                len(chosen),
                lambda: self.set(chosen=[]),
                ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "cab_delete"),
                more,
            )
        elif archive:
            head = Toolbar("Archive", on_up=lambda: self.set(archive=False))
        else:
            head = SearchBar("Search", self.open_search, more)

        def item(place: int) -> View:
            return self._row(threads[place]) if place < len(threads) else Space()  # room for the button

        nothing = "No archived conversations have been found" if archive else "No stored conversations have been found"
        page: View = Empty(nothing, "chat")
        if threads:
            page = RecyclerView(
                len(threads) + 1, item, item_height=76, width=MATCH, height=MATCH, id="conversations_list"
            )
        add = FloatingActionButton(
            "message", "New conversation", lambda: self.start(NEW), id="conversations_fab", radius=28
        )
        body = FrameLayout(page, None if chosen or archive else add, width=MATCH, weight=1, id=f"archive{archive}")
        return Column(head, body, width=MATCH, height=MATCH)

    def _row(self, thread: Thread) -> View:
        chosen = thread.id in self.chosen
        moment, now = self.state.clock.local(thread.when_ms * 1000), self.state.clock.local()
        ink = "on_surface_variant" if thread.read else "on_surface"
        words = Column(
            TextView(
                thread.name, style="body_large" if thread.read else "title_medium", lines=1, id="conversation_address"
            ),
            TextView(
                thread.snippet,
                style="body_medium" if thread.read else "title_small",
                colour=ink,
                lines=1,
                id="conversation_body_short",
            ),
            weight=1,
            spacing=2,
        )
        date = TextView(when_text(moment, now), style="body_small", colour=ink, id="conversation_date")
        dot = View(width=10, height=10, radius=5, background="primary", content_desc="Unread", gravity="right")
        side = Column(date, None if thread.read else Row(dot, padding=(0, 6, 0, 0)), align="right")
        return Row(
            Mark(48) if chosen else Avatar(thread.name, 48),
            Space(width=16),
            words,
            Space(width=12),
            side,
            width=MATCH,
            min_height=76,
            padding=(16, 0),
            selected=chosen,
            background="secondary_container" if chosen else "",
            on_click=partial(self._touch, thread),
            on_long_click=partial(self.toggle, thread.id),
        )

    def _touch(self, thread: Thread) -> None:
        if self.chosen:
            self.toggle(thread.id)
        else:
            self.manager.hide_keyboard()
            self.start(THREAD, thread=thread.id, address=thread.address)

    def toggle(self, number: int) -> None:
        """Select a conversation or take it out of the selection."""
        chosen = self.chosen
        self.set(chosen=[n for n in chosen if n != number] if number in chosen else [*chosen, number])

    # ------------------------------------------------------------ search

    def open_search(self) -> None:
        """Open an empty search."""
        self.set(query="", pane=int(self.saved.get("pane", 0)) + 1)
        self.manager.focus("search_view")

    def close_search(self) -> None:
        """Go back to the list."""
        self.manager.hide_keyboard()
        self.saved.pop("query", None)
        self.invalidate()

    def _search(self) -> View:
        query = str(self.saved["query"])
        wanted = query.casefold().strip()
        rows: list[View] = []
        texts = self.texts
        threads = [*texts.threads(), *texts.threads(archived=True)]
        if len(wanted) >= 2:
            named = [t for t in threads if wanted in t.name.casefold() or wanted in digits(t.address)]
            rows += [self._found(thread, thread.name, thread.snippet, thread.when_ms) for thread in named]
            for thread in threads:
                for message in reversed(texts.messages(thread.id)):
                    if wanted in message.body.casefold():
                        rows.append(self._found(thread, thread.name, message.body, message.when_ms))
        bar = SearchField("Search", query, lambda words: self.set(query=words), self.close_search, self.open_search)
        hint = "No items found." if len(wanted) >= 2 else "Type in at least 2 characters to start the search."
        column = Column(*rows, width=MATCH, padding=(0, 4, 0, 32))
        page = ScrollView(column, width=MATCH, height=MATCH, id="search_results_list") if rows else Empty(hint)
        body = FrameLayout(page, width=MATCH, weight=1)
        return Column(bar, body, width=MATCH, height=MATCH, id=f"search{self.saved.get('pane', 0)}")

    def _found(self, thread: Thread, name: str, body: str, when_ms: int) -> View:
        moment = self.state.clock.local(when_ms * 1000)
        date = TextView(when_text(moment, self.state.clock.local()), style="body_small", colour="on_surface_variant")
        return ListItem(
            name, body, lead=Avatar(name), trailing=date, on_click=partial(self._touch, thread), padding=(16, 0)
        )

    def on_back(self) -> bool:
        """Leave selection, search and archive first."""
        if self.chosen:
            self.set(chosen=[])
        elif "query" in self.saved:
            self.close_search()
        elif self.saved.get("archive"):
            self.set(archive=False)
        else:
            return False
        return True

    # ------------------------------------------------------------ dialogs

    def _with_chosen(self, act: Callable[[list[int]], object]) -> Callable[[], None]:
        def run() -> None:
            chosen = self.chosen
            act(chosen)
            self.set(chosen=[])

        return self.then(run)

    def _delete(self, chosen: list[int]) -> None:
        self.texts.delete_threads(chosen)
        for number in chosen:
            self.manager.notices.cancel(PACKAGE, number)

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, and the question before a deletion."""
        texts, archive = self.texts, bool(self.saved.get("archive"))
        if name == "delete":
            count = len(self.chosen)
            what = "1 conversation" if count == 1 else f"{count} conversations"
            return AlertDialog(
                "",
                message=f"Are you sure you want to delete all messages of {what}?",
                buttons=(("No", self.dismiss), ("Yes", self._with_chosen(self._delete))),
            )
        if self.chosen:
            everything = [thread.id for thread in texts.threads(archive)]
            items = [
                ("Select all", self.then(lambda: self.set(chosen=everything))),
                ("Mark as read", self._with_chosen(lambda chosen: texts.mark(chosen, read=True))),
                ("Mark as unread", self._with_chosen(lambda chosen: texts.mark(chosen, read=False))),
                (
                    "Unarchive" if archive else "Archive",
                    self._with_chosen(lambda chosen: texts.archive(chosen, not archive)),
                ),
            ]
            return PopupMenu(items, args["at"])
        everything = [thread.id for thread in texts.threads()]
        return PopupMenu(
            (
                ("Mark all as read", self.then(lambda: texts.mark(everything, read=True))),
                ("Show archived", self.then(lambda: self.set(archive=True))),
                ("Settings", self.then(lambda: self.start("com.android.settings/.Settings$SoundSettingsActivity"))),
            ),
            args["at"],
        )


class NewConversation(Activity):
    """Whom to write to. Saved: "words", what has been typed; "body", a text that is shared."""

    def on_start(self) -> None:
        """Go on to the conversation if the intent names a number."""
        intent = self.intent
        body = str(intent.extras.get("sms_body", intent.extras.get("android.intent.extra.TEXT", "")))
        self.saved.update(words="", body=body)
        if intent.scheme in ("sms", "smsto", "mms", "mmsto"):
            address = unquote(intent.data.partition(":")[2].partition("?")[0]).lstrip("/")
            if digits(address):
                self.open(address)
                return
        self.manager.focus("new_conversation_address")

    def open(self, address: str) -> None:
        """Show the conversation with a number in place of this screen."""
        thread, known = Texts(self.state).thread_with(address)
        body = self.saved.get("body", "")
        self.manager.hide_keyboard()
        self.start(THREAD, thread=thread, address=known, body=body)
        self.manager.finish(self.record)

    def on_create(self) -> View:
        """Return the field and the people."""
        words = str(self.saved.get("words", ""))
        people = [c for c in People(self.state).all() if c.phones and (not words.strip() or c.matches(words))]
        rows: list[View] = [Section("Contacts")] if people else []
        for contact in people:
            for number, _ in contact.phones:
                rows.append(
                    ListItem(
                        contact.name,
                        shown_number(number),
                        lead=Avatar(contact.name),
                        on_click=partial(self.open, number),
                        padding=(16, 0),
                    )
                )
        field = EditText(
            "",
            hint="Add Contact or Number…",
            box="none",
            weight=1,
            width=0,
            id="new_conversation_address",
            on_text=lambda typed: self.set(words=typed),
            on_submit=lambda _: self._confirm(),
        )
        confirm = ImageButton("check", content_desc="Confirm", on_click=self._confirm, id="new_conversation_confirm")
        entry = Row(field, confirm, width=MATCH, padding=(16, 0, 8, 0), background="surface_container", min_height=60)
        column = Column(*rows, width=MATCH, padding=(0, 4, 0, 32))
        page = ScrollView(column, width=MATCH, weight=1, id="contacts_list") if rows else Empty("No contacts found")
        body = FrameLayout(page, width=MATCH, weight=1)
        page.height = MATCH
        return Column(Toolbar("New conversation", on_up=self.finish), entry, body, width=MATCH, height=MATCH)

    def _confirm(self) -> None:
        words = str(self.saved.get("words", "")).strip()
        named = [c for c in People(self.state).all() if c.phones and c.name.casefold() == words.casefold()]
        if named:
            self.open(named[0].phones[0][0])
        elif digits(words):
            self.open(words)
        else:
            self.toast("Type in a number or choose a contact.")
