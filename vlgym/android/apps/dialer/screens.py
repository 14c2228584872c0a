"""The phone app: favourites, recent calls, contacts, search and the keypad."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any
from urllib.parse import unquote

from vlgym.android.apps.contacts.model import CARD, PHONE_TYPES, Contact, People, digits, new_contact, shown_number
from vlgym.android.apps.contacts.parts import Avatar, SearchBar, SearchField
from vlgym.android.apps.dialer.events import MISSED_CALL, follow
from vlgym.android.apps.dialer.model import INCOMING, MISSED, OUTGOING, PACKAGE, REJECTED, Call, Calls, spoken
from vlgym.android.state.intents import Intent
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, PopupMenu
from vlgym.android.ui.material import (
    ActionItem,
    BottomNavigation,
    Destination,
    Empty,
    FloatingActionButton,
    ListItem,
    Section,
)
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, ImageView, TextView, ToggleChip

TABS = (Destination("Favorites", "star"), Destination("Recents", "schedule"), Destination("Contacts", "person"))
FAVORITES, RECENTS, CONTACTS = range(3)
_KEYS = (
    (("1", "voicemail"), ("2", "ABC"), ("3", "DEF")),
    (("4", "GHI"), ("5", "JKL"), ("6", "MNO")),
    (("7", "PQRS"), ("8", "TUV"), ("9", "WXYZ")),
    (("*", ""), ("0", "+"), ("#", "")),
)
_WORDS = {
    INCOMING: ("call_received", "Incoming call"),
    OUTGOING: ("call_made", "Outgoing call"),
    MISSED: ("call_missed", "Missed call"),
    REJECTED: ("block", "Declined call"),
}


class GoogleDialtactsActivity(Activity):
    """The app. Saved: "tab"; "open", the unfolded call; "missed", show only those; "pad" and "digits"; "query"."""

    foot = "surface_container"
    snackbar_lift = 152.0

    @property
    def calls(self) -> Calls:
        """The calls."""
        return Calls(self.state)

    @cached_property
    def people(self) -> People:
        """The contacts."""
        return People(self.state)

    def on_start(self) -> None:
        """Do what the intent asks for."""
        self.log("Dialer", "MainActivity.onCreate")
        self.on_new_intent()

    def on_new_intent(self) -> None:
        """Show a number on the keypad, or call it."""
        intent = self.intent
        number = unquote(intent.data.partition(":")[2]) if intent.scheme == "tel" else ""
        action = intent.action.rpartition(".")[2]
        if action == "CALL" and number:
            self.finish()
            self.call(number)
        elif action == "DIAL" or number:
            self.saved.update(pad=True, digits=digits(number))
        self.manager.changed = True

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the tab, the search or the keypad."""
        if "query" in self.saved:
            return self._search()
        if self.saved.get("pad"):
            return self._keypad()
        tab = int(self.saved.get("tab", RECENTS))
        page = (self._favorites, self._recents, self._contacts)[tab]()
        more = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        pad = FloatingActionButton("dialpad", "Keypad", lambda: self.set(pad=True, digits=""), id="dialpad_fab")
        body = FrameLayout(page, pad, width=MATCH, weight=1, id=f"page_{TABS[tab].label}")
        bar = SearchBar("Search contacts", self.open_search, more)
        return Column(bar, body, BottomNavigation(TABS, tab, self._select), width=MATCH, height=MATCH)

    def _select(self, tab: int) -> None:
        if tab == RECENTS:
            self.calls.seen()
            self.manager.notices.cancel(PACKAGE, MISSED_CALL)
        self.set(tab=tab, open=0)

    def _scroll(self, rows: list[View], name: str) -> View:
        return ScrollView(Column(*rows, width=MATCH, padding=(0, 4, 0, 96)), width=MATCH, height=MATCH, id=name)

    def _favorites(self) -> View:
        found = [c for c in self.people.all() if c.starred and c.phones]
        if not found:
            return Empty("No favorites yet", "star_border")
        tiles: list[View] = []
        for contact in found:
            tile = Column(
                Avatar(contact.name, 72),
                TextView(contact.name, style="body_medium", align="center", lines=1),
                spacing=10,
                align="center",
                weight=1,
                padding=(4, 14),
                radius=16,
                on_click=partial(self.call, contact.phones[0][0]),
                on_long_click=partial(self.start, CARD, contact=contact.id),
            )
            tiles.append(tile)
        rows: list[View] = [Section("Favorites")]
        for start in range(0, len(tiles), 3):
            group = tiles[start : start + 3]
            rows.append(Row(*group, *(Space(weight=1) for _ in range(3 - len(group))), width=MATCH, padding=(8, 0)))
        return self._scroll(rows, "favorites")

    def _contacts(self) -> View:
        rows: list[View] = [
            ListItem("Create new contact", icon="person_add", on_click=lambda: self.start(new_contact()))
        ]
        for contact in self.people.all():
            rows.append(
                ListItem(
                    contact.name,
                    lead=Avatar(contact.name),
                    on_click=partial(self.start, CARD, contact=contact.id),
                    min_height=60,
                )
            )
        return self._scroll(rows, "contacts")

    # ------------------------------------------------------------ recent calls

    def _recents(self) -> View:
        missed = bool(self.saved.get("missed"))
        chips = Row(
            ToggleChip("All", not missed, on_change=lambda _: self.set(missed=False)),
            ToggleChip("Missed", missed, on_change=lambda _: self.set(missed=True)),
            width=MATCH,
            spacing=8,
            padding=(20, 6),
        )
        rows: list[View] = []
        today, heading = self.state.clock.local().date(), ""
        for call in self.calls.all():
            if missed and call.type != MISSED:
                continue
            days = (today - self.state.clock.local(call.when_ms * 1000).date()).days
            name = "Today" if days <= 0 else "Yesterday" if days == 1 else "Older"
            if name != heading:
                rows.append(Section(name))
                heading = name
            rows.append(self._call_row(call))
        page = self._scroll(rows, "recents") if rows else Empty("Your call log is empty", "schedule")
        return Column(chips, FrameLayout(page, width=MATCH, weight=1), width=MATCH, height=MATCH)

    def _call_row(self, call: Call) -> View:
        found = self.people.who(call.number)
        name = found.name if found is not None else shown_number(call.number)
        icon, kind = _WORDS.get(call.type, _WORDS[INCOMING])
        moment, now = self.state.clock.local(call.when_ms * 1000), self.state.clock.local()
        day = "" if moment.date() == now.date() else f"{moment:%b} {moment.day}, "
        ink = "error" if call.type == MISSED else "on_surface_variant"
        detail = Row(
            ImageView(icon, size=16, colour=ink, content_desc=kind),
            TextView(f"{day}{moment:%H:%M}", style="body_medium", colour="on_surface_variant"),
            spacing=6,
        )
        row = Row(
            Avatar(name),
            Space(width=16),
            Column(TextView(name, lines=1, style="body_large", colour="error" if call.new else "on_surface"), detail,
                   weight=1, spacing=2),
            ImageButton("call", content_desc=f"Call {name}", on_click=partial(self.call, call.number), id="call_back"),
            width=MATCH,
            min_height=72,
            padding=(20, 0, 8, 0),
            on_click=lambda: self.set(open=0 if self.saved.get("open") == call.id else call.id),
            on_long_click=lambda: self.show("call", call=call.id, number=call.number),
        )  # fmt: skip
        if self.saved.get("open") != call.id:
            return row
        length = TextView(
            f"{kind}, {spoken(call.seconds)}" if call.seconds else kind, style="body_medium", padding=(76, 4),
            colour="on_surface_variant",
        )  # fmt: skip
        acts: list[tuple[str, str, Any]] = [
            ("message", "Message", partial(self._write, call.number)),
            ("delete_outline", "Delete", partial(self._delete, call.id)),
        ]
        if found is not None:
            acts.insert(0, ("person", "Contact details", partial(self.start, CARD, contact=found.id)))
        else:
            acts.insert(0, ("person_add", "Add contact", partial(self.start, new_contact(phone=call.number))))
        rows = [ListItem(label, icon=sign, on_click=act, padding=(76, 0, 16, 0), min_height=48)
                for sign, label, act in acts]  # fmt: skip
        return Column(row, length, *rows, width=MATCH, background="surface_container", id=f"call_{call.id}")

    def _delete(self, number: int) -> None:
        self.calls.delete(number)
        self.set(open=0)

    # ------------------------------------------------------------ search

    def open_search(self) -> None:
        """Open an empty search."""
        self.set(query="", pane=int(self.saved.get("pane", 0)) + 1)
        self.manager.focus("search_view")

    def close_search(self) -> None:
        """Go back to the tabs."""
        self.manager.hide_keyboard()
        self.saved.pop("query", None)
        self.invalidate()

    def _search(self) -> View:
        query = str(self.saved["query"])
        found = [c for c in self.people.all() if query.strip() and c.matches(query)]
        rows = self._suggestions(found, digits(query) if not any(map(str.isalpha, query)) else "")
        bar = SearchField(
            "Search contacts", query, lambda words: self.set(query=words), self.close_search, self.open_search
        )
        page = self._scroll(rows, "results") if rows else Empty("No matches" if query else "Who do you want to call?")
        body = FrameLayout(page, width=MATCH, weight=1)
        return Column(bar, body, width=MATCH, height=MATCH, id=f"search{self.saved.get('pane', 0)}")

    def _suggestions(self, people: list[Contact], number: str) -> list[View]:
        """Return rows of numbers to call, then what can be done with the number itself."""
        rows: list[View] = []
        for contact in people:
            for phone, kind in contact.phones:
                label = f"{PHONE_TYPES.get(kind, 'Other')} · {shown_number(phone)}"
                rows.append(
                    ListItem(contact.name, label, lead=Avatar(contact.name), on_click=partial(self.call, phone))
                )
        if number:
            shown = shown_number(number)
            rows += [
                ListItem(f"Call {shown}", icon="call", on_click=partial(self.call, number)),
                ListItem(
                    "Create new contact", icon="person_add", on_click=partial(self.start, new_contact(phone=number))
                ),
                ListItem("Send a message", icon="message", on_click=partial(self._write, number)),
            ]
        return rows

    # ------------------------------------------------------------ keypad

    def _keypad(self) -> View:
        typed = str(self.saved.get("digits", ""))
        found = [c for c in self.people.all() if typed and any(typed in digits(n) for n, _ in c.phones)]
        rows = self._suggestions(found[:3], typed)[: 3 if not found else 4] if typed else []
        if typed:
            rows = [row for row in rows if row.children and not _says(row, f"Call {shown_number(typed)}")]
        erase = ImageButton(
            "backspace",
            content_desc="Backspace",
            on_click=lambda: self.set(digits=typed[:-1]),
            on_long_click=lambda: self.set(digits=""),
            id="deleteButton",
        )
        shown = TextView(
            shown_number(typed) if typed else " ",
            style="headline_large",
            align="center",
            weight=1,
            lines=1,
            id="digits",
        )
        field = Row(
            Space(width=48),
            shown,
            erase if typed else Space(width=48),
            width=MATCH,
            min_height=52 if self._wide else 64,
        )
        keys = [Row(*(self._key(*key) for key in row), width=MATCH) for row in _KEYS]
        dial = Row(
            ImageView("call", colour="on_primary"),
            TextView("Call", style="label_large", colour="on_primary"),
            spacing=10,
            align="center",
            width=136,
            height=48 if self._wide else 60,
            radius=30,
            background="primary",
            on_click=self._dial,
            content_desc="Call",
            id="dialpad_floating_action_button",
            android_class="android.widget.Button",
        )
        pad = Column(
            field,
            *keys,
            Row(Space(weight=1), dial, Space(weight=1), width=MATCH, padding=(0, 4) if self._wide else (0, 10, 0, 16)),
            width=MATCH,
            padding=(16, 8),
            background="surface_container",
            id="dialpad",
        )
        head = Row(
            ImageButton("arrow_back", content_desc="Close keypad", on_click=lambda: self.set(pad=False)),
            width=MATCH,
            height=56,
            padding=(4, 0),
        )
        body = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="suggestions")
        if self._wide:
            pad.weight, pad.height = 1, MATCH
            return Row(Column(head, body, weight=1, height=MATCH), pad, width=MATCH, height=MATCH)
        return Column(head, body, pad, width=MATCH, height=MATCH)

    @property
    def _wide(self) -> bool:
        """Whether the phone lies on its side."""
        return self.manager.metrics.width > self.manager.metrics.height

    def _key(self, sign: str, letters: str) -> View:
        small: View = TextView(letters or " ", style="label_small", colour="on_surface_variant")
        if letters == "voicemail":
            small = ImageView("voicemail", size=16)
        below = None if self._wide else small
        face = Column(TextView(sign, style="headline_medium"), below, align="center", gravity="center")
        typed = str(self.saved.get("digits", ""))
        key = FrameLayout(
            face,
            weight=1,
            height=44 if self._wide else 66,
            radius=33,
            on_click=lambda: self.set(digits=(typed + sign)[:32]),
            content_desc=sign,
            android_class="android.widget.Button",
        )
        if sign == "0":
            key.on_long_click = lambda: self.set(digits=typed + "+")
        return key

    def _dial(self) -> None:
        typed = str(self.saved.get("digits", ""))
        if typed:
            self.call(typed)
            return
        last = next((call for call in self.calls.all() if call.type == OUTGOING), None)
        if last is not None:  # as in Android, an empty keypad recalls the last number
            self.set(digits=digits(last.number))

    def on_key(self, code: int, sign: str) -> bool:
        """Type digits with keys."""
        if not self.saved.get("pad"):
            return False
        typed = str(self.saved.get("digits", ""))
        if sign and sign in "0123456789*#+":
            self.set(digits=typed + sign)
        elif code == 67:
            self.set(digits=typed[:-1])
        elif code in (5, 66):
            self._dial()
        else:
            return False
        return True

    def on_back(self) -> bool:
        """Leave search and keypad first."""
        if "query" in self.saved:
            self.close_search()
        elif self.saved.get("pad"):
            self.set(pad=False)
        else:
            return False
        return True

    # ------------------------------------------------------------ acts

    def call(self, number: str) -> None:
        """Call a number."""
        settings = self.state.settings
        if settings.get("global", "airplane_mode_on") == "1":
            self.toast("Turn off airplane mode to make a call.")
        elif self.state.call["state"]:
            self.toast("There is a call already.")
        else:
            self.manager.hide_keyboard()
            self.calls.dial(number)
            self.saved.update(pad=False, digits="")
            follow(self.manager, shows=True)

    def _write(self, number: str) -> None:
        self.start(Intent(action="android.intent.action.SENDTO", data=f"smsto:{number}"))

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, and the question before the log is emptied."""
        if name == "clear":
            return AlertDialog(
                "Clear call history?",
                message="This deletes all calls from your history.",
                buttons=(("Cancel", self.dismiss), ("OK", self.then(self.calls.clear))),
            )
        if name == "call":
            copy = self.then(lambda: self._copy(str(args["number"])))
            return PopupMenu((("Copy number", copy), ("Delete", self.then(lambda: self._delete(args["call"])))))
        return PopupMenu(
            (
                ("Clear call history", self.then(lambda: self.show("clear"))),
                ("Settings", self.then(lambda: self.start("com.android.settings/.Settings$SoundSettingsActivity"))),
            ),
            args["at"],
        )

    def _copy(self, number: str) -> None:
        self.state.clipboard = number
        self.toast("Number copied")


def _says(view: View, words: str) -> bool:
    return view.text_shown == words or any(_says(child, words) for child in view.children)
