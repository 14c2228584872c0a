"""The form that makes or changes an event."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.calendar.model import DAY, MONTH, REMINDERS, REPEATS, WEEK, YEAR, Event, Events
from vlgym.android.apps.calendar.screens import date_dialog
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, CheckDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Toolbar
from vlgym.android.ui.pickers import TimeDialog
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, Row, Space, View
from vlgym.android.ui.widgets import Divider, ImageView, Switch, TextView

_FIELDS = ("title", "location", "description")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class EventForm(Activity):
    """The form. Intent: "event" and "start" of the repetition, or "day" and "hour" of a new one.

    Saved: "start", "end" (naive ISO times), "all_day", "reminder", "interval", "rule", "limit", and "first": what
    these were in the beginning.
    """

    @property
    def events(self) -> Events:
        """The events."""
        return Events(self.manager)

    @property
    def event(self) -> Event | None:
        """The event that is edited, as stored; None for a new one."""
        return self.events.get(int(self.intent.extras.get("event", 0)))

    def on_start(self) -> None:
        """Begin with the event, or with the next full hour."""
        event, extras = self.event, self.intent.extras
        if event is not None:
            shift = int(extras.get("start", event.start)) - event.start
            start, end = (self._naive(at + shift) for at in (event.start, event.end))
            rest: dict[str, Any] = {
                "all_day": event.all_day, "reminder": event.reminder, "interval": event.interval, "rule": event.rule,
                "limit": event.limit,
            }  # fmt: skip
        else:
            now = self.state.clock.local()
            day = date.fromisoformat(str(extras.get("day", now.date().isoformat())))
            start = datetime.combine(day, time(int(extras.get("hour", min(now.hour + 1, 23)))))
            if "beginTime" in extras:
                start = self._naive(int(extras["beginTime"]) // 1000)
            end = self._naive(int(extras["endTime"]) // 1000) if "endTime" in extras else start + timedelta(hours=1)
            rest = {"all_day": bool(extras.get("allDay")), "reminder": -1, "interval": 0, "rule": 0, "limit": 0}
        self.saved.update(start=start.isoformat(), end=end.isoformat(), **rest)
        self.saved["first"] = {k: v for k, v in self.saved.items() if k != "first"}

    def _naive(self, seconds: int) -> datetime:
        return self.state.clock.local(seconds * 1_000_000).replace(tzinfo=None)

    def _time(self, name: str) -> datetime:
        return datetime.fromisoformat(self.saved[name])

    def _words(self) -> dict[str, str]:
        event, extras = self.event, self.intent.extras
        if event is not None:
            return {"title": event.title, "location": event.location, "description": event.description}
        given = {"title": "title", "location": "eventLocation", "description": "description"}
        return {name: str(extras.get(extra, "")) for name, extra in given.items()}

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the form."""
        old, saved = self.event is not None, self.saved
        words = self._words()
        actions = [ActionItem("check", "Save", self.save, "save")]
        if old:
            actions.append(ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "delete"))
            actions.append(ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"))
        bar = Toolbar("Edit Event" if old else "New Event", *actions, on_up=self.leave, up_icon="close", up="Close")
        fields = [
            EditText(words[name], hint=name.capitalize(), box="line", action="next", id=f"event_{name}",
                     kind="multiline" if name == "description" else "text")
            for name in _FIELDS
        ]  # fmt: skip
        all_day = bool(saved["all_day"])
        whole = Row(
            ImageView("schedule"),
            Space(width=20),
            TextView("All-day", style="body_large", weight=1),
            Switch(all_day, content_desc="All-day", id="event_all_day"),
            width=MATCH,
            min_height=56,
            padding=(16, 0),
            on_click=lambda: self.set(all_day=not all_day),
        )
        rows: list[View | None] = [
            Column(*fields, width=MATCH, padding=(16, 8), spacing=8),
            Divider(),
            whole,
            self._when("start", "Start", all_day),
            self._when("end", "End", all_day),
            Divider(),
            self._choice("notifications_none", "Reminder", REMINDERS.get(saved["reminder"], "Custom"), "reminder"),
            Divider(),
            self._choice("repeat", "Repetition", self._repeat_text(), "repeat"),
            self._choice("", "Repeat on", self._rule_text(), "rule") if saved["interval"] == WEEK else None,
            self._choice("", "Repeat till", self._limit_text(), "limit") if saved["interval"] else None,
            Divider(),
            Row(
                ImageView("palette_outline"),
                Space(width=20),
                TextView("Regular event", style="body_large", weight=1),
                View(width=20, height=20, radius=10, background="primary"),
                width=MATCH,
                min_height=56,
                padding=(16, 0),
                id="event_type",
            ),
        ]
        column = Column(*rows, width=MATCH, padding=(0, 0, 0, 48))
        return Column(bar, ScrollView(column, width=MATCH, weight=1, id="event_scrollview"), width=MATCH, height=MATCH)

    def _when(self, name: str, label: str, all_day: bool) -> View:
        moment = self._time(name)
        day = TextView(
            f"{calendar.month_name[moment.month]} {moment.day}, {moment.year} ({moment:%a})",
            style="body_large",
            weight=1,
            padding=(0, 14),
            content_desc=f"{label} date",
            id=f"event_{name}_date",
            on_click=lambda: self.show("date", which=name, year=moment.year, month=moment.month),
        )
        hour = TextView(
            f"{moment:%H:%M}",
            style="body_large",
            padding=(16, 14),
            content_desc=f"{label} time",
            id=f"event_{name}_time",
            on_click=lambda: self.show("time", which=name, hour=moment.hour, minute=moment.minute, hours=True),
        )
        return Row(Space(width=44), day, None if all_day else hour, width=MATCH, padding=(16, 0), min_height=52)

    def _choice(self, icon: str, label: str, value: str, dialog: str) -> View:
        lead: View = ImageView(icon) if icon else Space(width=24)
        return Row(
            lead,
            Space(width=20),
            TextView(value, style="body_large", weight=1),
            width=MATCH,
            min_height=56,
            padding=(16, 0),
            content_desc=label,
            id=f"event_{dialog}",
            on_click=lambda: self._ask(dialog),
        )

    def _ask(self, dialog: str) -> None:
        moment = self._time("start")
        self.manager.hide_keyboard()
        self.show(dialog, **({"year": moment.year, "month": moment.month} if dialog == "limit" else {}))

    def _repeat_text(self) -> str:
        return REPEATS.get(self.saved["interval"], "Custom")

    def _rule_text(self) -> str:
        on = [day for bit, day in enumerate(_DAYS) if self.saved["rule"] >> bit & 1]
        return "Every day" if len(on) == 7 else ", ".join(day[:3] for day in on) or "Never"

    def _limit_text(self) -> str:
        if not self.saved["limit"]:
            return "Forever"
        last = self._naive(self.saved["limit"])
        return f"{calendar.month_name[last.month]} {last.day}, {last.year}"

    # ------------------------------------------------------------ saving

    def _typed(self) -> dict[str, str]:
        return {name: self.window.find(f"event_{name}").text.strip() for name in _FIELDS}  # type: ignore[union-attr]

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the beginning."""
        first = self.saved["first"]
        return self._typed() != self._words() or any(self.saved[name] != value for name, value in first.items())

    def save(self) -> None:
        """Write the event, unless something is wrong with it."""
        words, saved = self._typed(), self.saved
        start, end = self._time("start"), self._time("end")
        if saved["all_day"]:
            start, end = (datetime.combine(at.date(), time()) for at in (start, end))
        if not words["title"]:
            self.toast("Title cannot be empty")
            return
        if end < start:
            self.toast("The event cannot end earlier than it starts")
            return
        first, last = (int(self.state.clock.from_local(at).timestamp()) for at in (start, end))
        event = self.event
        if event is not None and event.interval:  # the times on the screen are those of one repetition
            shown = self._naive(int(self.intent.extras.get("start", event.start)))
            moved = first - int(self.state.clock.from_local(shown).timestamp())
            first, last = event.start + moved, event.start + moved + last - first
        self.manager.hide_keyboard()
        self.events.save(
            replace(
                event or Event(0, 0, 0, ""),
                start=first,
                end=last,
                reminder=saved["reminder"],
                interval=saved["interval"],
                rule=saved["rule"],
                limit=saved["limit"],
                all_day=saved["all_day"],
                title=words["title"],
                location=words["location"],
                description=words["description"],
            )
        )
        self.finish()

    def leave(self) -> None:
        """Leave; ask first if there is something to lose."""
        self.manager.hide_keyboard()
        if self.is_changed:
            self.show("leave")
        else:
            self.finish()

    def on_back(self) -> bool:
        """Ask before changes are lost."""
        self.leave()
        return True

    def _delete(self, which: int) -> None:
        event = self.event
        if event is not None:
            start = int(self.intent.extras.get("start", event.start))
            if which == 0 and event.interval:
                self.events.skip(event.id, start)
            elif which == 1 and start > event.start:
                self.events.save(replace(event, limit=start - 1))
            else:
                self.events.delete(event.id)
        self.finish()

    def _duplicate(self) -> None:
        event = self.event
        if event is not None:
            self.finish()
            self.start("com.simplemobiletools.calendar.pro/.activities.EventActivity", title=event.title,
                       eventLocation=event.location, description=event.description, beginTime=event.start * 1000,
                       endTime=event.end * 1000)  # fmt: skip

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return pickers, choices and questions."""
        questions: dict[str, Callable[[dict[str, Any]], View]] = {
            "date": self._date_dialog,
            "time": self._time_dialog,
            "limit": self._limit_dialog,
            "reminder": self._reminder_dialog,
            "repeat": self._repeat_dialog,
            "rule": self._rule_dialog,
            "delete": self._delete_dialog,
        }
        if name in questions:
            return questions[name](args)
        if name == "leave":
            return AlertDialog(
                "",
                message="You have unsaved changes. Save before exit?",
                buttons=(("Discard", self.then(self.finish)), ("Save", self.then(self.save))),
            )
        return PopupMenu((("Duplicate event", self.then(self._duplicate)),), args["at"])

    def _move(self, which: str, moment: datetime) -> None:
        """Set a time; the end follows the start."""
        if which == "start":
            shift = moment - self._time("start")
            rule = self.saved["rule"]
            if self.saved["interval"] == WEEK and rule == 1 << self._time("start").weekday():
                rule = 1 << moment.weekday()
            self.set(start=moment.isoformat(), end=(self._time("end") + shift).isoformat(), rule=rule)
        else:
            self.set(end=moment.isoformat())

    def _date_dialog(self, args: dict[str, Any]) -> View:
        moment = self._time(args["which"])

        def take(day: date) -> None:
            self._move(args["which"], datetime.combine(day, moment.time()))

        return date_dialog(self, args, moment.date(), take)

    def _time_dialog(self, args: dict[str, Any]) -> View:
        moment = self._time(args["which"])

        def take() -> None:
            self._move(args["which"], moment.replace(hour=args["hour"], minute=args["minute"]))

        full_day = self.state.settings.get("system", "time_12_24") == "24"
        return TimeDialog(args, self.invalidate, self.dismiss, self.then(take), full_day=full_day)

    def _limit_dialog(self, args: dict[str, Any]) -> View:
        last = self._naive(self.saved["limit"]).date() if self.saved["limit"] else self._time("start").date()

        def take(day: date) -> None:
            end = datetime.combine(day, time(23, 59, 59))
            self.set(limit=int(self.state.clock.from_local(end).timestamp()))

        return date_dialog(self, args, last, take)

    def _reminder_dialog(self, args: dict[str, Any]) -> View:
        values = list(REMINDERS)
        chosen = values.index(self.saved["reminder"]) if self.saved["reminder"] in values else -1

        def choose(place: int) -> None:
            self.dismiss()
            self.set(reminder=values[place])

        return ChoiceDialog("Reminder", list(REMINDERS.values()), chosen, choose, self.dismiss)

    def _repeat_dialog(self, args: dict[str, Any]) -> View:
        values = [0, DAY, WEEK, MONTH, YEAR]
        chosen = values.index(self.saved["interval"]) if self.saved["interval"] in values else -1

        def choose(place: int) -> None:
            self.dismiss()
            interval = values[place]
            rule = 1 << self._time("start").weekday() if interval == WEEK else int(interval in (MONTH, YEAR))
            self.set(interval=interval, rule=rule, limit=self.saved["limit"] if interval else 0)

        return ChoiceDialog("Repetition", [REPEATS[v] for v in values], chosen, choose, self.dismiss)

    def _rule_dialog(self, args: dict[str, Any]) -> View:
        on = [bit for bit in range(7) if self.saved["rule"] >> bit & 1]
        return CheckDialog(
            "Repeat on", _DAYS, on, lambda bit: self.set(rule=self.saved["rule"] ^ 1 << bit), (("OK", self.dismiss),)
        )

    def _delete_dialog(self, args: dict[str, Any]) -> View:
        event = self.event
        if event is not None and event.interval:
            options = ("Only this occurrence", "This and all future occurrences", "All occurrences")

            def choose(place: int) -> None:
                self.dismiss()
                self._delete(place)

            return ChoiceDialog("Delete", options, -1, choose, self.dismiss)
        return AlertDialog(
            "",
            message="Are you sure you want to delete this event?",
            buttons=(("No", self.dismiss), ("Yes", self.then(partial(self._delete, 2)))),
        )
