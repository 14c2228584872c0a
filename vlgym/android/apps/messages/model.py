"""Text messages, as rows of the telephony provider's database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlgym.android.apps.contacts.model import People, same_number

if TYPE_CHECKING:
    from datetime import datetime

    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PACKAGE = "com.simplemobiletools.smsmessenger"
MAIN = f"{PACKAGE}/{PACKAGE}.activities.MainActivity"
NEW = f"{PACKAGE}/{PACKAGE}.activities.NewConversationActivity"
THREAD = f"{PACKAGE}/{PACKAGE}.activities.ThreadActivity"
INBOX, SENT, DRAFT, FAILED = 1, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation; time in milliseconds since 1970."""

    id: int
    address: str
    name: str
    snippet: str
    when_ms: int
    read: bool
    archived: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message; time in milliseconds since 1970."""

    id: int
    address: str
    body: str
    when_ms: int
    type: int


class Texts:
    """The messages of a device."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def database(self) -> Database:
        """The provider's database."""
        return self.state.app_database("com.android.providers.telephony", "mmssms.db")

    def threads(self, archived: bool = False) -> list[Thread]:
        """Return the conversations, the latest first."""
        rows = self.database.execute(
            "SELECT threads._id, sms.address, sms.body, sms.date, threads.read, threads.archived FROM threads JOIN sms"
            " ON sms._id = (SELECT _id FROM sms WHERE thread_id = threads._id ORDER BY date DESC, _id DESC LIMIT 1)"
            " ORDER BY sms.date DESC, threads._id DESC"
        )
        people = People(self.state)
        return [
            Thread(n, address or "", people.name_of(address or ""), body or "", when or 0, bool(read), bool(old))
            for n, address, body, when, read, old in rows
            if bool(old) == archived
        ]

    def messages(self, thread: int) -> list[Message]:
        """Return the messages of a conversation, the oldest first."""
        rows = self.database.execute(
            "SELECT _id, address, body, date, type FROM sms WHERE thread_id = ? AND type != 3 ORDER BY date, _id",
            (thread,),
        )
        return [Message(n, address or "", body or "", when or 0, kind) for n, address, body, when, kind in rows]

    def message(self, number: int) -> Message | None:
        """Return a message by its id."""
        rows = self.database.execute("SELECT _id, address, body, date, type FROM sms WHERE _id = ?", (number,))
        return Message(*rows[0]) if rows else None

    def thread_with(self, address: str) -> tuple[int, str]:
        """Return the conversation with a number, 0 for none, and the number as it stands there."""
        rows = self.database.execute("SELECT DISTINCT thread_id, address FROM sms ORDER BY thread_id")
        return next(((n, known) for n, known in rows if known and same_number(known, address)), (0, address))

    def send(self, address: str, body: str) -> int:
        """Send a message; without a network it fails and is kept. Return its conversation."""
        _, address = self.thread_with(address)
        offline = self.state.settings.get("global", "airplane_mode_on") == "1"
        now = self.state.clock.now_ms
        row = {
            "address": address,
            "body": body,
            "date": now,
            "date_sent": 0 if offline else now,
            "read": 1,
            "seen": 1,
            "type": FAILED if offline else SENT,
            "creator": PACKAGE,
        }
        number = self.database.insert("sms", row)
        return int(self.database.execute("SELECT thread_id FROM sms WHERE _id = ?", (number,))[0][0])

    def mark(self, threads: Sequence[int], *, read: bool) -> None:
        """Mark conversations as read, or the last message received in each as unread."""
        for thread in threads:
            if read:
                self.database.execute("UPDATE sms SET read = 1, seen = 1 WHERE thread_id = ? AND read = 0", (thread,))
                self.database.execute("UPDATE threads SET read = 1 WHERE _id = ? AND read = 0", (thread,))
            else:
                self.database.execute(
                    "UPDATE sms SET read = 0 WHERE _id = (SELECT _id FROM sms WHERE thread_id = ? ORDER BY date DESC,"
                    " _id DESC LIMIT 1)",
                    (thread,),
                )

    def archive(self, threads: Sequence[int], on: bool) -> None:
        """Put conversations into the archive or take them out."""
        for thread in threads:
            self.database.execute("UPDATE threads SET archived = ? WHERE _id = ?", (int(on), thread))

    def delete_threads(self, threads: Sequence[int]) -> None:
        """Delete conversations."""
        for thread in threads:
            self.database.execute("DELETE FROM sms WHERE thread_id = ?", (thread,))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete messages."""
        for number in numbers:
            self.database.execute("DELETE FROM sms WHERE _id = ?", (number,))


def when_text(moment: datetime, now: datetime) -> str:
    """Return a time as lists show it: the time today, else the day."""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    return f"{moment:%b} {moment.day}" if moment.year == now.year else f"{moment:%b} {moment.day}, {moment.year}"
