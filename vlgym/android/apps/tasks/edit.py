"""The form of one task: what it says, when it is due, how important it is, where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from vlgym.android.apps.pages import PagedActivity, confirm, time_words
from vlgym.android.apps.tasks.model import (
    DEFAULT_PRIORITY,
    HIDES,
    PRIORITIES,
    REPEATS,
    TaskStore,
    repeat_of,
    rule_of,
)
from vlgym.android.ui.dialogs import AlertDialog, CheckDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Toolbar
from vlgym.android.ui.pickers import DatePicker, TimeDialog
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import Button, Divider, ImageButton, ImageView, TextView, ToggleChip

TIMES = (("No time", -1), ("Morning", 9), ("Afternoon", 13), ("Evening", 17), ("Night", 20))
"""Names of times of day and their hours."""
DAY_MS = 86_400_000


class TaskForm(PagedActivity):
    """The page "edit" of the to-do list. Its arguments hold all but the two texts, "was" how the form began."""

    if TYPE_CHECKING:

        @property
        def store(self) -> TaskStore: ...
        def due_words(self, due: int) -> str: ...

    def edit(self, number: int) -> None:
        """Open the form for a new task, or for an old one."""
        task = self.store.get(number)
        kind, key = self.saved.get("filter", ("all", ""))
        args: dict[str, Any] = {
            "title": task.title if task else "",
            "notes": task.notes if task else "",
            "due": task.due if task else 0,
            "priority": task.priority if task else DEFAULT_PRIORITY,
            "list": task.list if task else key if kind == "list" else self.store.lists()[0][0],
            "tags": list(task.tags) if task else [key] if kind == "tag" else [],
            "repeat": repeat_of(task.rule) if task else 0,
            "hide": _hide_place(task.hide, task.due) if task else 0,
        }
        if kind == "today" and not task:
            args["due"] = self._noon(self.now.date())
        self.open("edit", task=number, was={**args, "tags": list(args["tags"])}, **args)
        if not task:
            self.manager.focus("title")

    def page_edit(self) -> View:
        """Return the form."""
        args = self.args
        lists = dict(self.store.lists())
        due = self.due_words(args["due"]) if args["due"] else "No due date"
        menu = ActionItem("more_vert", "More options", lambda: self.menu("form_menu", "form_overflow"), "form_overflow")
        remove = ActionItem("delete_outline", "Delete", lambda: self.show("delete", tasks=[args["task"]]))
        bar = Toolbar(
            "", *((remove, menu) if args["task"] else (menu,)), on_up=self.save_form, up="Save", up_icon="save"
        )
        title = EditText(
            args["title"], hint="Task name", style="title_large", box="none", padding=(24, 8), min_height=64, id="title"
        )
        notes = EditText(args["notes"], hint="Description", kind="multiline", box="none", weight=1, id="notes")
        body = Column(
            title,
            self._field("schedule", due, "Due date", self._ask_due),
            self._priority(),
            Row(ImageView("notes", margin=(0, 16)), notes, spacing=24, padding=(24, 0), width=MATCH, align=""),
            Divider(margin=(72, 0, 0, 0)),
            self._field("view_list", lists.get(args["list"], "Default list"), "List", lambda: self.show("list")),
            self._field("label_outline", ", ".join(args["tags"]) or "Add tags", "Tags", lambda: self.show("tags")),
            self._field("visibility_off", HIDES[args["hide"]], "Start date", lambda: self.show("hide")),
            self._field("repeat", REPEATS[args["repeat"]], "Repeat", lambda: self.show("repeat")),
            width=MATCH,
            padding=(0, 0, 0, 24),
        )
        return Column(bar, ScrollView(body, width=MATCH, weight=1, id="edit_task"), width=MATCH, height=MATCH)

    def _field(self, icon: str, words: str, name: str, act: Callable[[], object]) -> View:
        plain = words in ("No due date", "Add tags", HIDES[0], REPEATS[0])
        row = Row(
            ImageView(icon),
            TextView(words, style="body_large", colour="on_surface_variant" if plain else "on_surface", weight=1),
            spacing=24,
            padding=(24, 0),
            width=MATCH,
            height=56,
            content_desc=name,
            on_click=act,
        )
        return Column(row, Divider(margin=(72, 0, 0, 0)), width=MATCH)

    def _priority(self) -> View:
        from vlgym.android.apps.tasks.screens import TINTS

        marks = []
        for place, name in enumerate(PRIORITIES):
            chosen = place == self.args["priority"]
            mark = ImageButton(
                "radio_button_checked" if chosen else "radio_button_unchecked",
                content_desc=f"{name} priority" if place < 3 else "No priority",
                colour=TINTS[place],
                on_click=partial(self.change, priority=place),
                id=f"priority_{name.lower()}",
            )
            mark.android_class, mark.checkable, mark.checked = "android.widget.RadioButton", True, chosen
            marks.append(mark)
        words = TextView("Priority", style="body_large", weight=1)
        row = Row(ImageView("flag_outline", margin=(0, 0, 24, 0)), words, *marks,
                  padding=(24, 0, 12, 0), width=MATCH, height=56)  # fmt: skip
        return Column(row, Divider(margin=(72, 0, 0, 0)), width=MATCH)

    # ------------------------------------------------------------ leaving

    def _now_in_form(self) -> dict[str, Any]:
        args = self.args
        texts = {"title": self.find("title").text.strip(), "notes": self.find("notes").text.strip()}
        return {**{key: args[key] for key in args["was"]}, **texts}

    def save_form(self) -> None:
        """Write the task and leave; a task without a title is dropped."""
        args, form = self.args, self._now_in_form()
        number = args["task"]
        if not form["title"]:
            self.close()
            return
        values = {
            "title": form["title"],
            "notes": form["notes"] or None,
            "dueDate": form["due"],
            "importance": form["priority"],
            "recurrence": rule_of(form["repeat"]) or None,
            "hideUntil": self._hide_until(form["hide"], form["due"]),
        }
        if not number:
            number = self.store.add(**values)
        elif form != args["was"]:
            self.store.change(number, **values)
        if form["list"] != args["was"]["list"] or not args["task"]:
            self.store.put_in_list(number, form["list"])
        if form["tags"] != args["was"]["tags"]:
            self.store.put_tags(number, form["tags"])
        self.close()

    def leave_form(self) -> None:
        """Leave the form; ask if something has been changed in it."""
        if self._now_in_form() != self.args["was"]:
            self.show("discard")
        else:
            self.close()

    def _hide_until(self, place: int, due: int) -> int:
        if not place or not due:
            return 0
        day = self.local(due).replace(hour=0, minute=0, second=0, microsecond=0)
        return self.millis(day - timedelta(days=(0, 0, 1, 7)[place]))

    # ------------------------------------------------------------ due date

    def _noon(self, day: date) -> int:
        return self.millis(datetime(day.year, day.month, day.day, 12))

    def _ask_due(self) -> None:
        due = self.args["due"]
        moment = self.local(due) if due else self.now
        timed = bool(due % 60_000)
        self.ask_date(
            "due", moment.date(), set=bool(due), hour=moment.hour if timed else -1, minute=moment.minute if timed else 0
        )

    def _take_due(self, args: dict[str, Any]) -> None:
        day = date(args["year"], args["month"], args["day"])
        if not args["set"]:
            self.change(due=0)
        elif args["hour"] < 0:
            self.change(due=self._noon(day))
        else:
            self.change(due=self.millis(datetime(day.year, day.month, day.day, args["hour"], args["minute"], 1)))

    def _due_dialog(self, args: dict[str, Any]) -> View:
        today = self.now.date()
        quick = (("Today", today), ("Tomorrow", today + timedelta(days=1)), ("Next week", today + timedelta(days=7)))
        shown = tuple(args["shown"])
        chosen = date(args["year"], args["month"], args["day"])

        def pick(year: int, month: int, day: int) -> None:
            args.update(year=year, month=month, day=day, shown=[year, month], set=True)
            self.invalidate()

        def turn(year: int, month: int) -> None:
            args["shown"] = [year, month]
            self.invalidate()

        def put(**values: Any) -> None:
            args.update(values)
            self.invalidate()

        def days(label: str, day: date) -> View:
            on = bool(args["set"]) and chosen == day
            return ToggleChip(label, on, on_change=lambda _: pick(day.year, day.month, day.day))

        def hours(label: str, hour: int) -> View:
            on = args["hour"] == hour and not (hour >= 0 and args["minute"])
            return ToggleChip(
                label, on, on_change=lambda _: put(hour=hour, minute=0, **({"set": True} if hour >= 0 else {}))
            )

        none = ToggleChip("No date", not args["set"], on_change=lambda _: put(set=False, hour=-1))
        here = args["set"] and (args["year"], args["month"]) == shown
        picker = DatePicker(shown[0], shown[1], args["day"] if here else 0, pick, turn)
        timed = args["hour"] >= 0
        clock = Button(
            time_words(datetime(2000, 1, 1, args["hour"], args["minute"])) if timed else "Pick time",
            kind="outlined",
            icon="access_time",
            on_click=lambda: self.show(
                "time", hour=max(args["hour"], 0) if timed else 9, minute=args["minute"], hours=True
            ),
            content_desc="Pick time",
            id="pick_time",
        )
        body = Column(
            Row(*(days(label, day) for label, day in quick), spacing=8, padding=(16, 0)),
            Row(none, *(hours(*time) for time in TIMES[:1]), spacing=8, padding=(16, 8)),
            picker,
            Row(*(hours(*time) for time in TIMES[1:]), spacing=6, padding=(12, 8)),
            Row(clock, padding=(16, 0)),
            width=MATCH,
        )
        ok = self.then(lambda: self._take_due(args))
        return AlertDialog("Due date", body, buttons=(("Cancel", self.dismiss), ("OK", ok)), wide=True)

    def _take_time(self, args: dict[str, Any]) -> None:
        """Put a time into the dialog beneath."""
        due = self.record["dialogs"][-1]["args"]
        due.update(hour=args["hour"], minute=args["minute"], set=True)
        self.invalidate()

    # ------------------------------------------------------------ dialogs

    def form_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return a dialog of the form."""
        if name == "due":
            return self._due_dialog(args)
        if name == "time":
            full_day = self.state.settings.get("system", "time_12_24") == "24"
            accept = self.then(lambda: self._take_time(args))
            return TimeDialog(args, self.invalidate, self.dismiss, accept, full_day=full_day)
        if name == "list":
            lists = self.store.lists()
            keys = [uuid for uuid, _ in lists]
            place = keys.index(self.args["list"]) if self.args["list"] in keys else 0
            return self._choice("List", [label for _, label in lists], place, lambda at: self.change(list=keys[at]))
        if name == "hide":
            return self._choice("Start date", list(HIDES), self.args["hide"], lambda at: self.change(hide=at))
        if name == "repeat":
            return self._choice("Repeat", list(REPEATS), self.args["repeat"], self._take_repeat)
        if name == "tags":
            return self._tags_dialog()
        if name == "discard":
            act = self.then(self.close)
            return confirm("", "Discard changes?", "Discard", act, self.dismiss, no="Keep editing")
        return PopupMenu((("Discard changes", self.then(self.close)),), args["at"])

    def _take_repeat(self, place: int) -> None:
        due = self.args["due"] or (self._noon(self.now.date()) if place else 0)
        self.change(repeat=place, due=due)

    def _choice(self, title: str, options: list[str], place: int, act: Callable[[int], object]) -> View:
        return ChoiceDialog(title, options, place, lambda at: self.then(lambda: act(at))(), self.dismiss)

    def _tags_dialog(self) -> View:
        names = sorted({name for _, name in self.store.tags()} | set(self.args["tags"]), key=str.lower)
        tags: list[str] = self.args["tags"]

        def toggle(place: int) -> None:
            name = names[place]
            self.change(tags=[tag for tag in tags if tag != name] if name in tags else [*tags, name])

        def finish() -> None:
            words = self.find("new_tag").text.strip()
            self.dismiss()
            self.change(tags=[*tags, words] if words and words not in tags else tags)

        chosen = [place for place, name in enumerate(names) if name in tags]
        field = EditText("", hint="Create new tag", margin=(24, 8), id="new_tag")
        dialog = CheckDialog("Tags", names, chosen, toggle, (("OK", finish),), above=field)
        return dialog


def _hide_place(hide: int, due: int) -> int:
    if not hide or not due:
        return 0
    return {0: 1, 1: 2}.get(int((due - hide) // DAY_MS), 3)
