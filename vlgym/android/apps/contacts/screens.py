"""The list of contacts: by name, favourites, search, selection."""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

from vlgym.android.apps.contacts.model import CARD, Contact, People, new_contact
from vlgym.android.apps.contacts.parts import Avatar, Mark, SearchBar, SearchField, SelectionBar
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, PopupMenu
from vlgym.android.ui.material import ActionItem, BottomNavigation, Destination, Empty, FloatingActionButton
from vlgym.android.ui.scroll import RecyclerView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import TextView

TABS = (Destination("Contacts", "person"), Destination("Favorites", "star"))


class PeopleActivity(Activity):
    """The list. Saved: "tab"; "query" while searching, "pane" counts searches; "chosen", ids of a selection."""

    foot = "surface_container"
    snackbar_lift = 152.0

    def on_start(self) -> None:
        """A contact's URI opens its card above the list."""
        place = self.intent.data.rpartition("/")[2]
        if "contacts/" in self.intent.data and place.isdigit():
            self.start(CARD, contact=int(place))

    @cached_property
    def people(self) -> People:
        """The contacts."""
        return People(self.state)

    @property
    def chosen(self) -> list[int]:
        """Ids of the selected contacts."""
        return list(self.saved.get("chosen", ()))

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the list under its bar."""
        tab, query = int(self.saved.get("tab", 0)), self.saved.get("query")
        people = self.people.all()
        if query is not None:
            found = [c for c in people if query.strip() and c.matches(query)]
            hint = "No contacts found" if query.strip() else "Search by name, number or email"
            page: View = self._list(found) if found else Empty(hint, "search")
            body = FrameLayout(page, width=MATCH, weight=1, id=f"pane{self.saved.get('pane', 0)}")
            return Column(self._search_field(str(query)), body, width=MATCH, height=MATCH, id=f"search{self._pane}")
        if tab == 1:
            people = [c for c in people if c.starred]
        nothing = ("No contacts in this account", "No favorites yet")[tab]
        page = self._list(people, headings=tab == 0) if people else Empty(nothing, ("person", "star")[tab])
        add = FloatingActionButton(
            "add", "Create contact", lambda: self.start(new_contact()), id="floating_action_button"
        )
        chosen = self.chosen
        body = FrameLayout(page, None if chosen else add, width=MATCH, weight=1, id=f"page_{TABS[tab].label}")
        foot = None if chosen else BottomNavigation(TABS, tab, lambda n: self.set(tab=n))
        return Column(self._bar(chosen, len(people)), body, foot, width=MATCH, height=MATCH)

    @property
    def _pane(self) -> int:
        return int(self.saved.get("pane", 0))

    def _bar(self, chosen: list[int], count: int) -> View:
        more = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        if not chosen:
            return SearchBar("Search contacts", self.open_search, more)
        return SelectionBar(
            len(chosen),
            self.deselect,
            ActionItem("star_border", "Add to favorites", self._star, "star"),
            ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "delete"),
            more,
        )

    def _search_field(self, query: str) -> View:
        return SearchField(
            "Search contacts", query, lambda words: self.set(query=words), self.close_search, self.open_search
        )

    def _list(self, people: list[Contact], headings: bool = False) -> View:
        def item(place: int) -> View:
            if place == len(people):
                return Space()  # room for the button
            initial, before = (_initial(people[n]) if n >= 0 else "" for n in (place, place - 1))
            return self._row(people[place], initial if headings and initial != before else "", headings)

        return RecyclerView(len(people) + 1, item, item_height=60, width=MATCH, height=MATCH, id="contacts_list")

    def _row(self, contact: Contact, letter: str, headings: bool) -> View:
        chosen = contact.id in self.chosen
        mark = Mark() if chosen else Avatar(contact.name)
        words = TextView(contact.name, style="body_large", lines=1, weight=1, id="cliv_name_textview")
        row = Row(
            mark,
            Space(width=16),
            words,
            weight=1,
            min_height=60,
            padding=(12, 0),
            radius=16,
            selected=chosen,
            background="secondary_container" if chosen else "",
            on_click=partial(self._touch, contact.id),
            on_long_click=partial(self.toggle, contact.id),
        )
        head = TextView(letter, style="title_small", colour="primary", width=28, align="center") if headings else None
        return Row(head, row, width=MATCH, padding=(8, 0))

    def _touch(self, number: int) -> None:
        if self.chosen:
            self.toggle(number)
        else:
            self.start(CARD, contact=number)

    # ------------------------------------------------------------ search

    def open_search(self) -> None:
        """Open an empty search."""
        self.set(query="", pane=self._pane + 1)
        self.manager.focus("search_view")

    def close_search(self) -> None:
        """Go back to the list."""
        self.manager.hide_keyboard()
        self.saved.pop("query", None)
        self.set(pane=self._pane + 1)

    def on_back(self) -> bool:
        """Leave selection and search first."""
        if self.chosen:
            self.deselect()
        elif "query" in self.saved:
            self.close_search()
        else:
            return False
        return True

    # ------------------------------------------------------------ selection

    def toggle(self, number: int) -> None:
        """Select a contact or take it out of the selection."""
        chosen = self.chosen
        self.set(chosen=[n for n in chosen if n != number] if number in chosen else [*chosen, number])

    def deselect(self) -> None:
        """End the selection."""
        self.set(chosen=[])

    def _star(self) -> None:
        self.people.star(self.chosen, True)
        self.deselect()
        self.snackbar("Added to favorites")

    def _delete(self) -> None:
        count = len(self.chosen)
        self.people.delete(self.chosen)
        self.deselect()
        self.snackbar("Contact deleted" if count == 1 else f"{count} contacts deleted")

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the menu, and the question before a deletion."""
        if name == "delete":
            count = len(self.chosen)
            return AlertDialog(
                "Delete contact?" if count == 1 else f"Delete {count} contacts?",
                message="Deleted contacts cannot be brought back on this phone.",
                buttons=(("Cancel", self.dismiss), ("Delete", self.then(self._delete))),
            )
        everybody = [contact.id for contact in self.people.all()]
        items = [("Select all", self.then(lambda: self.set(chosen=everybody)))]
        if not self.chosen:
            items.append(("Settings", self.then(lambda: self.start("com.android.settings/.Settings"))))
        return PopupMenu(items, args["at"])


def _initial(contact: Contact) -> str:
    """Return the letter that a contact stands under."""
    return contact.name[:1].upper() if contact.name[:1].isalpha() else "#"
