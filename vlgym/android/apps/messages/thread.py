"""A conversation: its messages in bubbles, and the field for the next one."""

from __future__ import annotations

from functools import partial
from typing import Any

from vlgym.android.apps.contacts.model import CARD, People, new_contact, shown_number
from vlgym.android.apps.contacts.parts import SelectionBar, dp_width
from vlgym.android.apps.messages.model import FAILED, INBOX, NEW, PACKAGE, Message, Texts
from vlgym.android.state.intents import Intent
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, LinearLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageView, TextView

_GAP_MS = 30 * 60_000
"""A longer pause between two messages shows the time anew."""


class Thread(Activity):
    """The conversation. Saved: "thread", its id (0 before the first message), "address", "chosen", "sent" counts."""

    def on_start(self) -> None:
        """Take the conversation from the intent and mark it as read."""
        extras = self.intent.extras
        self.saved.update(thread=int(extras.get("thread", 0)), address=str(extras.get("address", "")), fresh=True)
        self._seen()

    def _seen(self) -> None:
        if self.thread:
            Texts(self.state).mark([self.thread], read=True)
            self.manager.notices.cancel(PACKAGE, self.thread)

    @property
    def thread(self) -> int:
        """Id of the conversation."""
        return int(self.saved.get("thread", 0))

    @property
    def address(self) -> str:
        """The number at the other end."""
        return str(self.saved.get("address", ""))

    @property
    def chosen(self) -> list[int]:
        """Ids of the selected messages."""
        return list(self.saved.get("chosen", ()))

    def on_create(self) -> View:
        """Return bar, bubbles and field."""
        messages = Texts(self.state).messages(self.thread)
        rows: list[View] = []
        last = 0
        for message in messages:
            if message.when_ms - last > _GAP_MS:
                rows.append(self._time(message.when_ms))
            last = message.when_ms
            rows.append(self._bubble(message))
        column = Column(*rows, width=MATCH, padding=(12, 8, 12, 12), spacing=4)
        page = _FromFoot(column, width=MATCH, weight=1, id="thread_messages_list")
        return Column(self._bar(), page, self._entry(), width=MATCH, height=MATCH)

    def _bar(self) -> LinearLayout:
        if self.chosen:
            one = len(self.chosen) == 1
            return SelectionBar(
                len(self.chosen),
                lambda: self.set(chosen=[]),
                *(ActionItem("content_copy", "Copy to clipboard", self._copy, "cab_copy"),) * one,
                *(ActionItem("arrow_forward", "Forward", self._forward, "cab_forward"),) * one,
                ActionItem("delete_outline", "Delete", lambda: self.show("delete_messages"), "cab_delete"),
            )
        name = People(self.state).name_of(self.address)
        return Toolbar(
            name,
            ActionItem("call", "Dial number", self._call, "dial_number"),
            ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "delete"),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            on_up=self.finish,
        )

    def _time(self, when_ms: int) -> View:
        moment, now = self.state.clock.local(when_ms * 1000), self.state.clock.local()
        day = "" if moment.date() == now.date() else f"{moment:%b} {moment.day}, "
        text = TextView(
            f"{day}{moment:%H:%M}", style="label_medium", colour="on_surface_variant", id="thread_date_time"
        )
        return Row(Space(weight=1), text, Space(weight=1), width=MATCH, padding=(0, 10, 0, 4))

    def _bubble(self, message: Message) -> View:
        mine, chosen = message.type != INBOX, message.id in self.chosen
        ink = "on_primary" if mine else "on_surface"
        body = TextView(message.body, style="body_large", colour=ink, id="thread_message_body")
        room = dp_width(self.manager.metrics) - 24
        bubble = Row(
            body,
            padding=(14, 8),
            radius=18,
            background="tertiary" if chosen else "primary" if mine else "surface_highest",
            selected=chosen,
            on_click=partial(self._touch, message.id),
            on_long_click=partial(self.toggle, message.id),
        )
        holder = Column(bubble, align="right" if mine else "left", weight=5)
        failed = message.type == FAILED
        note = TextView("Message not sent. Touch to retry.", style="label_small", colour="error", align="right") if (
            failed
        ) else None  # fmt: skip
        gap = Space(weight=1, min_width=room / 6)
        row = Row(gap, holder, width=MATCH) if mine else Row(holder, gap, width=MATCH)
        return Column(row, note, width=MATCH, align="right") if note else row

    def _entry(self) -> View:
        draft = str(self.intent.extras.get("body", "")) if not self.saved.get("sent") else ""
        field = EditText(
            draft,
            hint="Type a message…",
            kind="multiline",
            box="none",
            weight=1,
            width=0,
            id="thread_type_message",
            on_text=lambda _: None,
        )
        send = Column(
            ImageView("send", size=24, colour="primary"),
            TextView("SMS", style="label_small", colour="primary"),
            content_desc="Send",
            on_click=self._send,
            id="thread_send_message",
            align="center",
            width=56,
            padding=(0, 6),
        )
        box = Row(field, width=0, weight=1, radius=26, background="surface_high", padding=(18, 2), min_height=52)
        return Row(
            box,
            send,
            width=MATCH,
            padding=(12, 8, 8, 8),
            spacing=4,
            id=f"entry{self.saved.get('sent', 0)}",
        )

    # ------------------------------------------------------------ acts

    def _send(self) -> None:
        body = self.find("thread_type_message").text.strip()
        if not body:
            return
        if not self.address:
            self.toast("There is nobody to send it to.")
            return
        thread = Texts(self.state).send(self.address, body)
        self.set(thread=thread, sent=int(self.saved.get("sent", 0)) + 1)
        self.manager.hide_keyboard()

    def _call(self) -> None:
        self.start(Intent(action="android.intent.action.CALL", data=f"tel:{self.address}"))

    def _touch(self, number: int) -> None:
        message = Texts(self.state).message(number)
        if self.chosen:
            self.toggle(number)
        elif message is not None and message.type == FAILED:
            Texts(self.state).delete([number])
            Texts(self.state).send(message.address, message.body)

    def toggle(self, number: int) -> None:
        """Select a message or take it out of the selection."""
        chosen = self.chosen
        self.set(chosen=[n for n in chosen if n != number] if number in chosen else [*chosen, number])

    def _copy(self) -> None:
        message = Texts(self.state).message(self.chosen[0])
        if message is not None:
            self.state.clipboard = message.body
            self.toast("Value copied to clipboard")
        self.set(chosen=[])

    def _forward(self) -> None:
        message = Texts(self.state).message(self.chosen[0])
        self.set(chosen=[])
        if message is not None:
            self.start(NEW, sms_body=message.body)

    def _delete_messages(self) -> None:
        Texts(self.state).delete(self.chosen)
        self.set(chosen=[])
        if not Texts(self.state).messages(self.thread):
            self.finish()

    def _delete(self) -> None:
        Texts(self.state).delete_threads([self.thread])
        self.finish()

    def _archive(self) -> None:
        Texts(self.state).archive([self.thread], True)
        self.finish()

    def _unread(self) -> None:
        Texts(self.state).mark([self.thread], read=False)
        self.finish()

    def on_back(self) -> bool:
        """Leave the selection first."""
        if self.chosen:
            self.set(chosen=[])
            return True
        return False

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the menu, and the questions before deletions."""
        if name != "menu":
            count = len(self.chosen)
            what = "this conversation" if name == "delete" else "1 message" if count == 1 else f"{count} messages"
            act = self._delete if name == "delete" else self._delete_messages
            return AlertDialog(
                "",
                message=f"Are you sure you want to delete {what}?",
                buttons=(("No", self.dismiss), ("Yes", self.then(act))),
            )
        found = People(self.state).who(self.address)
        if found is not None:
            person = ("Contact details", self.then(lambda: self.start(CARD, contact=found.id)))
        else:
            person = ("Add number to contact", self.then(lambda: self.start(new_contact(phone=self.address))))
        copy = self.then(self._copy_number)
        items = [person, ("Copy number", copy), ("Archive", self.then(self._archive))]
        return PopupMenu([*items, ("Mark as unread", self.then(self._unread))], args["at"])

    def _copy_number(self) -> None:
        self.state.clipboard = self.address
        self.toast(f"{shown_number(self.address)} copied")


class _FromFoot(ScrollView):
    """A list that begins at its foot: as long as nobody has scrolled, the last message is seen."""

    @property
    def _exact(self) -> float:
        return super()._exact if self.recall() else float(self.furthest)
