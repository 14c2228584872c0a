"""Tasks in the SMS Messenger: writing, answering, forwarding, tidying up, questions, errands."""

from __future__ import annotations

from vlgym.android.tasks.messages.errands import SaveSender, SendEventTime, ShareNumber
from vlgym.android.tasks.messages.tidying import Archive, DeleteMessage, DeleteThread, FindCode, MarkAllRead
from vlgym.android.tasks.messages.writing import Forward, Reply, ReplyToLatest, SendText, SendToContact, SendToSeveral
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    *(SendText(), SendToContact(), Reply(), ReplyToLatest(), ShareNumber(), Forward(), SendToSeveral()),
    *(DeleteThread(), DeleteMessage(), MarkAllRead(), Archive(), FindCode(), SaveSender(), SendEventTime()),
)
