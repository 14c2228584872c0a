"""What the network and the buttons of notifications tell the messenger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.contacts.model import People
from vlgym.android.apps.messages.model import PACKAGE, THREAD, Texts

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Tell of a new message, or mark its conversation as read."""
    texts = Texts(manager.state)
    if key == "received":
        message = texts.message(int(payload["id"]))
        if message is None:
            return
        thread, _ = texts.thread_with(message.address)
        texts.archive([thread], False)
        if manager.tasks.top["component"] == THREAD and manager.tasks.top["saved"].get("thread") == thread:
            texts.mark([thread], read=True)
            manager.changed_system()
            return
        manager.notices.post(
            PACKAGE,
            thread,
            People(manager.state).name_of(message.address),
            message.body,
            actions=("Mark as read",),
            component=THREAD,
            extras={"thread": thread, "address": message.address},
            heads_up=True,
        )
    elif key == "action":
        texts.mark([int(payload["id"])], read=True)
        manager.notices.cancel(PACKAGE, int(payload["id"]))
