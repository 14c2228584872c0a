"""A contact's card, and the form that makes or changes a contact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from vlgym.android.apps.contacts.model import (
    CARD,
    EMAIL_TYPES,
    PHONE_TYPES,
    Contact,
    People,
    edit_contact,
    shown_number,
)
from vlgym.android.apps.contacts.parts import Avatar
from vlgym.android.state.intents import Intent
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Card, Dropdown, Empty, ListItem, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, ImageButton, ImageView, TextView

_INSERT = {"name": "first", "phone": "phone0", "email": "email0", "company": "company", "notes": "note"}
"""Extras of an INSERT intent -> fields."""


class QuickContact(Activity):
    """A card. Intent: "contact", the id; or a contact's URI."""

    @cached_property
    def people(self) -> People:
        """The contacts."""
        return People(self.state)

    @property
    def contact(self) -> Contact | None:
        """Whose card it is."""
        return self.people.get(_wanted(self.intent))

    def on_create(self) -> View:
        """Return the card."""
        contact = self.contact
        if contact is None:
            bar = Toolbar("", on_up=self.finish)
            return Column(bar, Empty("The contact does not exist.", "person"), width=MATCH, height=MATCH)
        starred = contact.starred
        bar = Toolbar(
            "",
            ActionItem("edit", "Edit contact", lambda: self.start(edit_contact(contact.id)), "menu_edit"),
            ActionItem(
                "star" if starred else "star_border",
                "Remove from favorites" if starred else "Add to favorites",
                lambda: self.people.star([contact.id], not starred),
                "menu_star",
            ),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            on_up=self.finish,
        )
        head = Column(
            Avatar(contact.name, 120),
            TextView(contact.name, style="headline_medium", align="center", id="large_title", lines=2),
            TextView(contact.company, style="body_large", colour="on_surface_variant") if contact.company else None,
            width=MATCH,
            align="center_horizontal",
            spacing=12,
            padding=(24, 8, 24, 16),
        )
        body = Column(head, self._actions(contact), self._details(contact), width=MATCH, padding=(16, 0, 16, 32))
        return Column(bar, ScrollView(body, width=MATCH, weight=1, id="quickcontact_list"), width=MATCH, height=MATCH)

    def _actions(self, contact: Contact) -> View:
        phone = contact.phones[0][0] if contact.phones else ""
        email = contact.emails[0][0] if contact.emails else ""

        def cell(icon: str, label: str, on: bool, act: Callable[[], object]) -> View:
            ink = "primary" if on else "outline_variant"
            return Column(
                FrameLayout(
                    ImageView(icon, colour="on_secondary_container" if on else ink, gravity="center"),
                    width=56,
                    height=40,
                    radius=20,
                    background="secondary_container" if on else "surface_container",
                ),
                TextView(label, style="label_medium", colour="on_surface_variant" if on else ink),
                spacing=6,
                align="center",
                weight=1,
                padding=(0, 8),
                radius=16,
                enabled=on,
                on_click=act,
                content_desc=label,
                id=f"verb_{label.lower()}",
            )

        return Row(
            cell("call", "Call", bool(phone), lambda: self.call(phone)),
            cell("message", "Text", bool(phone), lambda: self.write(phone)),
            cell("email", "Email", bool(email), lambda: self.toast("No app can send emails.")),
            width=MATCH,
            padding=(0, 0, 0, 16),
        )

    def _details(self, contact: Contact) -> View:
        rows: list[View] = []
        for number, kind in contact.phones:
            text = ImageButton(
                "message",
                content_desc=f"Text {shown_number(number)}",
                on_click=partial(self.write, number),
                id="alternate_icon",
            )
            rows.append(
                ListItem(
                    shown_number(number),
                    PHONE_TYPES.get(kind, "Other"),
                    icon="call",
                    trailing=text,
                    on_click=partial(self.call, number),
                    padding=(4, 0),
                )
            )
        for address, kind in contact.emails:
            rows.append(ListItem(address, EMAIL_TYPES.get(kind, "Other"), icon="email", padding=(4, 0)))
        if contact.note:
            rows.append(ListItem(contact.note, "Note", icon="notes", padding=(4, 0)))
        if not rows:
            add = Button("Add phone number", kind="text", on_click=lambda: self.start(edit_contact(contact.id)))
            rows.append(Row(add, width=MATCH))
        return Card(TextView("Contact info", style="title_small", padding=(4, 0)), *rows, padding=(12, 14, 8, 8))

    def call(self, number: str) -> None:
        """Call a number."""
        self.start(Intent(action="android.intent.action.CALL", data=f"tel:{number}"))

    def write(self, number: str) -> None:
        """Write a message to a number."""
        self.start(Intent(action="android.intent.action.SENDTO", data=f"smsto:{number}"))

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the menu, and the question before the deletion."""
        if name == "delete":
            return AlertDialog(
                "Delete contact?",
                message="This contact will be deleted from the phone for good.",
                buttons=(("Cancel", self.dismiss), ("Delete", self.then(self._delete))),
            )
        return PopupMenu((("Delete", self.then(lambda: self.show("delete"))),), args["at"])

    def _delete(self) -> None:
        contact = self.contact
        if contact is not None:
            self.people.delete([contact.id])
            self.toast(f"{contact.name} deleted")
        self.finish()


def _wanted(intent: Intent) -> int:
    """Return the id of the contact that an intent is about, 0 for none."""
    place = intent.data.rstrip("/").rpartition("/")[2]
    return int(intent.extras.get("contact", 0)) or (int(place) if place.isdigit() else 0)


class ContactEditor(Activity):
    """The form. Intent: "contact", the id, or fields of a new one.

    Saved: "phones" and "emails", numbers of fields; "type:phone0" and so on, the kinds.
    """

    def on_start(self) -> None:
        """Take the number of fields and their kinds from what there is."""
        contact = self.contact
        phones, emails = (contact.phones, contact.emails) if contact is not None else ((), ())
        self.saved.update(phones=max(len(phones), 1), emails=max(len(emails), 1))
        for name, found in (("phone", phones), ("email", emails)):
            self.saved.update({f"type:{name}{place}": kind for place, (_, kind) in enumerate(found)})
        self.manager.changed = True

    @property
    def contact(self) -> Contact | None:
        """The contact that is edited, None for a new one."""
        return People(self.state).get(_wanted(self.intent))

    def before(self) -> dict[str, str]:
        """Return what the fields begin with."""
        contact, found = self.contact, {}
        if contact is None:
            for extra, field in _INSERT.items():
                found[field] = str(self.intent.extras.get(extra, ""))
            first, _, last = found["first"].rpartition(" ")
            found.update(first=first or last, last=last if first else "")
            return found
        found = {"first": contact.first, "last": contact.last, "company": contact.company, "note": contact.note}
        for name, values in (("phone", contact.phones), ("email", contact.emails)):
            found.update({f"{name}{place}": value for place, (value, _) in enumerate(values)})
        return found

    def _kind(self, name: str) -> int:
        return int(self.saved.get(f"type:{name}", 2 if name.startswith("phone") else 1))

    def on_create(self) -> View:
        """Return the form."""
        before = self.before()

        def field(name: str, hint: str, kind: str = "text", icon: str = "") -> View:
            edit = EditText(before.get(name, ""), hint=hint, kind=kind, action="next", id=name, weight=1, width=0)
            lead: View = ImageView(icon, width=24, height=24) if icon else Space(width=24)
            return Row(lead, Space(width=16), edit, width=MATCH, id=f"row_{name}")

        rows: list[View] = [
            Column(
                Avatar(self.contact.name if self.contact else "", 96),
                width=MATCH,
                align="center_horizontal",
                padding=(0, 8, 0, 16),
            ),
            field("first", "First name", icon="person"),
            field("last", "Last name"),
            field("company", "Company", icon="work"),
        ]
        for name, hint, icon, kinds in (
            ("phone", "Phone", "call", PHONE_TYPES),
            ("email", "Email", "email", EMAIL_TYPES),
        ):
            count = int(self.saved[f"{name}s"])
            for place in range(count):
                words = hint if place == 0 else f"{hint} {place + 1}"
                rows.append(field(f"{name}{place}", words, "phone" if name == "phone" else "email", icon))
                rows.append(self._kind_row(f"{name}{place}", words, kinds))
                icon = ""
            add = Button(f"Add {name}", kind="text", icon="add", id=f"add_{name}")
            add.on_click = partial(self.set, **{f"{name}s": count + 1})
            rows.append(Row(Space(width=40), add, width=MATCH))
        rows.append(field("note", "Note", icon="notes"))
        bar = Toolbar(
            "Create contact" if self.contact is None else "Edit contact",
            on_up=self.leave,
            up_icon="close",
            up="Cancel",
        )
        bar.children = [*bar.children, Button("Save", on_click=self.save, id="toolbar_button", margin=(0, 0, 12, 0))]
        body = Column(*rows, width=MATCH, spacing=12, padding=(16, 8, 16, 48))
        return Column(bar, ScrollView(body, width=MATCH, weight=1, id="editor"), width=MATCH, height=MATCH)

    def _kind_row(self, name: str, words: str, kinds: dict[int, str]) -> View:
        drop = Dropdown(
            f"{words} label",
            kinds.get(self._kind(name), "Other"),
            lambda: self.menu("kind", f"kind_{name}", field=name),
            id=f"kind_{name}",
            width=180,
        )
        return Row(Space(width=40), drop, width=MATCH)

    # ------------------------------------------------------------ saving

    def typed(self) -> dict[str, str]:
        """Return what is in the fields."""
        names = ["first", "last", "company", "note"]
        names += [f"{kind}{place}" for kind in ("phone", "email") for place in range(int(self.saved[f"{kind}s"]))]
        return {name: self.window.find(name).text.strip() for name in names}  # type: ignore[union-attr]

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from what is saved."""
        before = self.before()
        kinds = self.contact is not None and any(
            self._kind(f"{name}{place}") != kind
            for name, found in (("phone", self.contact.phones), ("email", self.contact.emails))
            for place, (_, kind) in enumerate(found)
        )
        return kinds or any(value != before.get(name, "") for name, value in self.typed().items())

    def save(self) -> None:
        """Write the contact and show its card."""
        found, contact = self.typed(), self.contact
        if not any(found.values()):
            self.toast("Add info to save as a contact.")
            return

        def values(name: str) -> list[tuple[str, int]]:
            names = [f"{name}{place}" for place in range(int(self.saved[f"{name}s"]))]
            return [(found[name], self._kind(name)) for name in names if found[name]]

        number = People(self.state).save(
            contact.id if contact is not None else 0,
            found["first"],
            found["last"],
            found["company"],
            values("phone"),
            values("email"),
            found["note"],
        )
        self.manager.hide_keyboard()
        self.finish()
        self.toast("Contact saved")
        if contact is None:
            top = self.manager.tasks.top  # whoever asked for the contact comes back behind its card
            at_home = top["component"] == self.state.packages.home()
            self.manager.start(Intent(component=CARD, extras={"contact": number}), None if at_home else top)

    def leave(self) -> None:
        """Leave; ask first if there is something to lose."""
        if self.is_changed:
            self.manager.hide_keyboard()
            self.show("leave")
        else:
            self.finish()

    def on_back(self) -> bool:
        """Ask before changes are lost."""
        self.leave()
        return True

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the menu of kinds, and the question before changes are lost."""
        if name == "leave":
            return AlertDialog(
                "",
                message="Your changes have not been saved.",
                buttons=(("Discard", self.then(self.finish)), ("Save", self.then(self.save))),
            )
        field = str(args["field"])
        kinds = PHONE_TYPES if field.startswith("phone") else EMAIL_TYPES

        def choose(kind: int) -> Callable[[], None]:
            return self.then(lambda: self.set(**{f"type:{field}": kind}))

        return PopupMenu([(label, choose(kind)) for kind, label in kinds.items()], args["at"])
