"""Tasks across apps: errands in two or three of them, and things read in one and used in another."""

from __future__ import annotations

from vlgym.android.tasks.across.errands import Bedtime, Errand, NoteFileToTimer, NoteToAlarm, TimerText
from vlgym.android.tasks.across.hearsay import (
    BuildNumberToNote,
    EventToAlarm,
    NoticeToContact,
    NoticeToExpense,
    NoticeToTask,
)
from vlgym.android.tasks.clock.alarms import AddLabelledAlarm
from vlgym.android.tasks.clock.timers import AddCity, StartTimer
from vlgym.android.tasks.settings.more import TimeZone
from vlgym.android.tasks.settings.networks import OpenNetwork
from vlgym.android.tasks.settings.switches import Switch
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    Bedtime(),
    NoteToAlarm(),
    NoteFileToTimer(),
    NoticeToTask(),
    NoticeToContact(),
    NoticeToExpense(),
    EventToAlarm(),
    BuildNumberToNote(),
    TimerText("AcrossQuietWork", 12, Switch("", 4, "Do Not Disturb"), StartTimer()),
    Errand("AcrossTravel", 12, TimeZone(), AddCity()),
    Errand("AcrossConnectAndWake", 13, OpenNetwork(), AddLabelledAlarm()),
)
