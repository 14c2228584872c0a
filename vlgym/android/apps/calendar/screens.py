"""The calendar's main screen: a month, a day, or a list of what is to come; search and selection."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.calendar.model import EVENT, Event, Events
from vlgym.android.apps.contacts.parts import SearchBar, SearchField, SelectionBar
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.material import ActionItem, Empty, FloatingActionButton, Section
from vlgym.android.ui.pickers import DatePicker
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, LinearLayout, Row, View
from vlgym.android.ui.widgets import Divider, ImageButton, ImageView, TextView

VIEWS = ("Daily view", "Monthly view", "Simple event list")
DAILY, MONTHLY, LIST = range(3)
_CHIPS = 3
_LIST_DAYS = 365


def hours(event: Event, clock: Any) -> str:
    """Return from when to when an event lasts."""
    if event.all_day:
        return "All-day"
    start, end = clock.local(event.start * 1_000_000), clock.local(event.end * 1_000_000)
    if start == end:
        return f"{start:%H:%M}"
    day = "" if start.date() == end.date() else f"{end:%b} {end.day}, "
    return f"{start:%H:%M} - {day}{end:%H:%M}"


class Main(Activity):
    """The calendar. Saved: "view"; "day", an ISO date; "query" while searching; "chosen", [[id, start], ...]."""

    @property
    def events(self) -> Events:
        """The events."""
        return Events(self.manager)

    @property
    def today(self) -> date:
        """The date."""
        return self.state.clock.local().date()

    @property
    def day(self) -> date:
        """The day that is looked at."""
        return date.fromisoformat(self.saved["day"]) if "day" in self.saved else self.today

    @property
    def chosen(self) -> list[list[int]]:
        """Ids and starts of the selected events."""
        return [list(pair) for pair in self.saved.get("chosen", ())]

    @property
    def tick_ms(self) -> int:
        """Today moves on at midnight."""
        return 60_000

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the view that is chosen under its bar."""
        if "query" in self.saved:
            return self._search()
        view = int(self.saved.get("view", MONTHLY))
        page = (self._daily, self._monthly, self._list)[view]()
        add = FloatingActionButton("add", "New Event", self._new, id="calendar_fab", radius=28)
        body = FrameLayout(page, None if self.chosen else add, width=MATCH, weight=1, id=f"page{view}")
        return Column(self._bar(), body, width=MATCH, height=MATCH)

    def _bar(self) -> LinearLayout:
        if self.chosen:
            delete = ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "cab_delete")
            return SelectionBar(len(self.chosen), lambda: self.set(chosen=[]), delete)
        actions = [
            ActionItem("today", "Go to today", lambda: self.set(day=self.today.isoformat()), "go_to_today"),
            ActionItem("view_list", "Change view", lambda: self.show("view"), "change_view"),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
        ]
        return SearchBar("Search", self.open_search, *actions)

    def _head(self, title: str, before: Callable[[], object], after: Callable[[], object]) -> View:
        return Row(
            ImageButton("chevron_left", content_desc="Previous", on_click=before, id="top_left_arrow"),
            TextView(
                title,
                style="title_large",
                align="center",
                weight=1,
                lines=1,
                id="top_value",
                padding=(0, 8),
                on_click=lambda: self.show("date", year=self.day.year, month=self.day.month),
            ),
            ImageButton("chevron_right", content_desc="Next", on_click=after, id="top_right_arrow"),
            width=MATCH,
            height=52,
            padding=(4, 0),
        )

    def _go(self, by: int, months: bool) -> None:
        day = self.day
        if months:
            moved = day.year * 12 + day.month - 1 + by
            day = date(moved // 12, moved % 12 + 1, 1)
            if (day.year, day.month) == (self.today.year, self.today.month):
                day = self.today
        else:
            day += timedelta(days=by)
        self.set(day=day.isoformat())

    def _flick(self, months: bool) -> Callable[[str], bool]:
        def swiped(side: str) -> bool:
            if side not in ("left", "right"):
                return False
            self._go(1 if side == "left" else -1, months)
            return True

        return swiped

    # ------------------------------------------------------------ month

    def _monthly(self) -> View:
        day = self.day
        weeks = calendar.Calendar(firstweekday=6).monthdatescalendar(day.year, day.month)
        found: dict[date, list[Event]] = {}
        for event in self.events.between(weeks[0][0], weeks[-1][-1]):
            for shown in self._days_of(event):
                found.setdefault(shown, []).append(event)
        title = calendar.month_name[day.month] + ("" if day.year == self.today.year else f" {day.year}")
        head = self._head(title, lambda: self._go(-1, True), lambda: self._go(1, True))
        names = [
            TextView(
                name,
                style="label_medium",
                align="center",
                weight=1,
                colour="primary" if (number + 6) % 7 == self.today.weekday() else "on_surface_variant",
            )
            for number, name in enumerate(("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"))
        ]
        rows: list[View] = []
        wide = self.manager.metrics.width > self.manager.metrics.height
        for week in weeks:
            cells = [self._cell(one, found.get(one, ()), one.month == day.month) for one in week]
            rows += [
                Divider(),
                Row(*cells, width=MATCH, height=96) if wide else Row(*cells, width=MATCH, weight=1, height=0),
            ]
        weekdays = Row(*names, width=MATCH, height=28)
        if wide:
            column = Column(*rows, width=MATCH, padding=(0, 0, 0, 80))
            grid: View = ScrollView(column, width=MATCH, weight=1, on_swipe=self._flick(True), id="month_view")
        else:
            grid = Column(*rows, width=MATCH, weight=1, height=0, on_swipe=self._flick(True), id="month_view")
        return Column(head, weekdays, grid, width=MATCH, height=MATCH)

    def _days_of(self, event: Event) -> list[date]:
        local = self.state.clock.local
        first = local(event.start * 1_000_000).date()
        last = local(max(event.end - (0 if event.all_day else 1), event.start) * 1_000_000).date()
        return [first + timedelta(days=n) for n in range(min((last - first).days, 60) + 1)]

    def _cell(self, day: date, events: Sequence[Event], inside: bool) -> View:
        is_today = day == self.today
        number = TextView(
            str(day.day),
            style="label_large",
            align="center",
            width=28,
            height=28,
            radius=14,
            background="primary" if is_today else "",
            colour="on_primary" if is_today else "on_surface" if inside else "on_surface/0.45",
            gravity="center_horizontal",
        )
        chips = [
            TextView(
                event.title,
                style="label_small",
                lines=1,
                colour="on_primary_container",
                background="primary_container",
                radius=3,
                padding=(3, 0),
                width=MATCH,
            )
            for event in events[:_CHIPS]
        ]
        more = TextView(f"+{len(events) - _CHIPS}", style="label_small") if len(events) > _CHIPS else None
        return Column(
            number,
            *chips,
            more,
            weight=1,
            height=MATCH,
            spacing=2,
            padding=(1, 3, 1, 0),
            on_click=lambda: self.set(view=DAILY, day=day.isoformat(), back=MONTHLY),
            content_desc=f"{calendar.month_name[day.month]} {day.day}",
            id=f"day_{day:%Y%m%d}",
        )

    # ------------------------------------------------------------ day and list

    def _daily(self) -> View:
        day = self.day
        title = f"{calendar.month_name[day.month]} {day.day} ({day:%a})" + (
            "" if day.year == self.today.year else f" {day.year}"
        )
        found = self.events.between(day, day)
        head = self._head(title, lambda: self._go(-1, False), lambda: self._go(1, False))
        rows = [self._event_row(event) for event in found]
        if rows:
            column = Column(*rows, width=MATCH, padding=(12, 4, 12, 96), spacing=6)
            page: View = ScrollView(column, width=MATCH, weight=1, id="day_events", on_swipe=self._flick(False))
        else:
            page = FrameLayout(Empty("No items found."), width=MATCH, weight=1, on_swipe=self._flick(False))
        return Column(head, page, width=MATCH, height=MATCH, id=f"day{day}")

    def _list(self) -> View:
        first = self.day
        shown: date | None = None
        rows: list[View] = []
        for event in self.events.between(first, first + timedelta(days=_LIST_DAYS))[:400]:
            day = max(self._days_of(event)[0], first)
            if day != shown:
                year = "" if day.year == self.today.year else f", {day.year}"
                rows.append(Section(f"{day:%A}, {calendar.month_name[day.month]} {day.day}{year}"))
                shown = day
            rows.append(Column(self._event_row(event), width=MATCH, padding=(12, 0)))
        if not rows:
            return Empty("No upcoming events.", "event")
        column = Column(*rows, width=MATCH, padding=(0, 4, 0, 96), spacing=6)
        return ScrollView(column, width=MATCH, height=MATCH, id="calendar_events_list")

    def _event_row(self, event: Event, day: str = "") -> View:
        chosen = [event.id, event.start] in self.chosen
        time = f"{day}{hours(event, self.state.clock)}"
        words = Column(
            TextView(event.title, style="title_medium", lines=1, id="event_item_title"),
            TextView(time, style="body_medium", colour="on_surface_variant", id="event_item_time"),
            TextView(event.location, style="body_medium", colour="on_surface_variant", lines=1)
            if event.location
            else None,
            TextView(event.description, style="body_medium", colour="on_surface_variant", lines=2)
            if event.description
            else None,
            weight=1,
            padding=(14, 10),
            spacing=2,
        )
        repeat = ImageView("repeat", size=18, margin=(0, 0, 14, 0), content_desc="Repeats") if event.interval else None
        bar = View(width=5, height=MATCH, background="primary", radius=2)
        return Row(
            bar,
            words,
            repeat,
            width=MATCH,
            min_height=60,
            radius=12,
            background="primary_container" if chosen else "surface_container",
            selected=chosen,
            on_click=lambda: self._touch(event),
            on_long_click=lambda: self.toggle(event),
        )

    def _touch(self, event: Event) -> None:
        if self.chosen:
            self.toggle(event)
        else:
            self.manager.hide_keyboard()
            self.start(EVENT, event=event.id, start=event.start)

    def toggle(self, event: Event) -> None:
        """Select an event or take it out of the selection."""
        pair, chosen = [event.id, event.start], self.chosen
        self.set(chosen=[one for one in chosen if one != pair] if pair in chosen else [*chosen, pair])

    def _new(self) -> None:
        now = self.state.clock.local()
        hour = min(now.hour + 1, 23)
        self.start(EVENT, day=self.day.isoformat(), hour=hour)

    # ------------------------------------------------------------ search

    def open_search(self) -> None:
        """Open an empty search."""
        self.set(query="", pane=int(self.saved.get("pane", 0)) + 1)
        self.manager.focus("search_view")

    def close_search(self) -> None:
        """Go back."""
        self.manager.hide_keyboard()
        self.saved.pop("query", None)
        self.invalidate()

    def _search(self) -> View:
        query = str(self.saved["query"])
        wanted = query.casefold().strip()
        rows: list[View] = []
        for event in self.events.all() if len(wanted) >= 2 else ():
            if any(wanted in text.casefold() for text in (event.title, event.location, event.description)):
                moment = self.state.clock.local(event.start * 1_000_000)
                rows.append(self._event_row(event, f"{moment:%b} {moment.day}, "))
        hint = "No items found." if len(wanted) >= 2 else "Type in at least 2 characters to start the search."
        column = Column(*rows, width=MATCH, padding=(12, 8, 12, 32), spacing=6)
        page = ScrollView(column, width=MATCH, height=MATCH, id="search_results_list") if rows else Empty(hint)
        if self.chosen:
            bar: View = self._bar()
        else:
            bar = SearchField("Search", query, lambda words: self.set(query=words), self.close_search, self.open_search)
        body = FrameLayout(page, width=MATCH, weight=1)
        return Column(bar, body, width=MATCH, height=MATCH, id=f"search{self.saved.get('pane', 0)}")

    def on_back(self) -> bool:
        """Leave selection, search and a day opened from its month first."""
        if self.chosen:
            self.set(chosen=[])
        elif "query" in self.saved:
            self.close_search()
        elif "back" in self.saved:
            self.set(view=self.saved.pop("back"))
        else:
            return False
        return True

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the choice of views, the date picker, the menu, the question before a deletion."""
        if name == "view":
            return ChoiceDialog("Change view", VIEWS, int(self.saved.get("view", MONTHLY)), self._view, self.dismiss)
        if name == "date":
            return date_dialog(self, args, self.day, lambda day: self.set(day=day.isoformat()))
        if name == "delete":
            count = len(self.chosen)
            what = "1 event" if count == 1 else f"{count} events"
            return AlertDialog(
                "",
                message=f"Are you sure you want to delete {what}?",
                buttons=(("No", self.dismiss), ("Yes", self.then(self._delete))),
            )
        clock = self.then(lambda: self.start("com.android.settings/.Settings$DateTimeSettingsActivity"))
        jump = self.then(lambda: self.show("date", year=self.day.year, month=self.day.month))
        return PopupMenu((("Go to date", jump), ("Date & time settings", clock)), args["at"])

    def _view(self, view: int) -> None:
        self.dismiss()
        self.saved.pop("back", None)
        self.set(view=view)

    def _delete(self) -> None:
        for number, start in self.chosen:
            event = self.events.get(number)
            if event is not None and event.interval:
                self.events.skip(number, start)
            else:
                self.events.delete(number)
        self.set(chosen=[])


def date_dialog(screen: Activity, args: dict[str, Any], day: date, take: Callable[[date], object]) -> View:
    """Return a dialog that picks a day; `args` holds "year" and "month" shown, and the "picked" day."""
    picked = date.fromisoformat(args.get("picked", day.isoformat()))

    def choose(year: int, month: int, number: int) -> None:
        args["picked"] = date(year, month, number).isoformat()
        screen.invalidate()

    def turn(year: int, month: int) -> None:
        args.update(year=year, month=month)
        screen.invalidate()

    shown = picked.day if (picked.year, picked.month) == (args["year"], args["month"]) else 0
    head = TextView(f"{picked:%a, %b} {picked.day}", style="headline_large", margin=(24, 0, 24, 12), id="picker_date")
    return AlertDialog(
        "",
        head,
        DatePicker(args["year"], args["month"], shown, choose, turn),
        wide=True,
        buttons=(("Cancel", screen.dismiss), ("OK", screen.then(partial(take, picked)))),
    )
