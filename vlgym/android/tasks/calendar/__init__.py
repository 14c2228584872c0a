"""Tasks in the calendar: new events, changed ones, repetitions, deletions, questions."""

from __future__ import annotations

from vlgym.android.tasks.calendar.changing import (
    DeleteDay,
    DeleteEvent,
    MoveDay,
    MoveTime,
    RenameEvent,
    SetReminder,
    SkipOccurrence,
)
from vlgym.android.tasks.calendar.making import AddEvent, AddFullEvent, AddWeekly, EventFromMessage, WhatIsAt, WhenIs
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    *(AddEvent(), AddFullEvent(), AddWeekly(), DeleteEvent(), DeleteDay(), MoveTime(), MoveDay()),
    *(SetReminder(), RenameEvent(), SkipOccurrence(), EventFromMessage(), WhenIs(), WhatIsAt()),
)
