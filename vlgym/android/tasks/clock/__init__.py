"""Tasks in the clock: alarms, timers, stopwatch, world clock."""

from __future__ import annotations

from vlgym.android.tasks.clock.alarms import (
    AddAlarm,
    AddLabelledAlarm,
    AddWeekdayAlarm,
    AllAlarmsOff,
    AskAlarm,
    ChangeAlarm,
    DeleteAlarm,
    SwitchAlarm,
)
from vlgym.android.tasks.clock.timers import AddCity, DeleteTimer, Laps, RemoveCity, StartTimer, Stopwatch
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    *(AddAlarm(), AddLabelledAlarm(), AddWeekdayAlarm(), SwitchAlarm(), AllAlarmsOff(), DeleteAlarm(), ChangeAlarm()),
    *(AskAlarm(), StartTimer(), DeleteTimer(), Stopwatch(), Laps(), AddCity(), RemoveCity()),
)
