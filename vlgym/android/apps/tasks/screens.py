"""The to-do list: tasks of a list, a tag or a day, and the drawer that leads to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.pages import DrawerItem, PagedActivity, confirm, time_words
from vlgym.android.apps.tasks.edit import TaskForm
from vlgym.android.apps.tasks.model import SORTS, Task, TaskStore
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Empty, FloatingActionButton, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import Divider, ImageButton, ImageView, TextView

TINTS = (0xFFD32F2F, 0xFFF57C00, 0xFF1E6FD9, 0xFF74777F)
"""Colours of the priorities."""


class Tasks(TaskForm, PagedActivity):
    """The to-do list. Pages: home, the list; edit, one task. Saved besides: "filter", "sort", "completed"."""

    snackbar_lift = 72.0

    @property
    def foot(self) -> str:  # type: ignore[override]
        """The bar at the foot goes on under the navigation bar."""
        return "surface_container" if self.page[0] == "home" else ""

    @property
    def store(self) -> TaskStore:
        """The data."""
        return TaskStore(self.state)

    @property
    def filter(self) -> tuple[str, str]:
        """What is shown: ("all" | "today" | "list" | "tag", key)."""
        kind, key = self.saved.get("filter", ("all", ""))
        return kind, key

    def _title(self) -> str:
        kind, key = self.filter
        if kind == "list":
            return dict(self.store.lists()).get(key, "Default list")
        return key if kind == "tag" else {"all": "My Tasks", "today": "Today"}[kind]

    def _fits(self, task: Task, where: tuple[str, str] | None = None) -> bool:
        """Return whether a task belongs to a list, tag or day, by default to what is shown."""
        kind, key = where or self.filter
        if kind == "today":
            return task.due > 0 and self.local(task.due).date() <= self.now.date()
        return kind == "all" or (key == task.list if kind == "list" else key in task.tags)

    def _shown(self) -> list[Task]:
        """Return the tasks of the list as they stand on the screen."""
        words = str(self.args.get("words", "")).lower() if self.args.get("search") else None
        now = self.state.clock.now_ms
        tasks = [
            task
            for task in self.store.all()
            if (not task.completed or self.saved.get("completed"))
            and (task.hide <= now or self.saved.get("unstarted"))
            and (self._fits(task) if words is None else words in f"{task.title}\n{task.notes}".lower())
        ]
        return self.store.sort(tasks, self.saved.get("sort", 0))

    # ------------------------------------------------------------ list

    def page_home(self) -> View:
        """Return the list over the bar at the foot."""
        chosen = self.chosen
        tasks = self._shown()
        rows = [self._row(task, task.id in chosen) for task in tasks]
        nothing = "No matching tasks" if self.args.get("search") else "There are no tasks here."
        body: View = Empty(nothing, "task_alt")
        if rows:
            body = ScrollView(Column(*rows, width=MATCH, padding=(0, 0, 0, 96)), width=MATCH, height=MATCH)
            body.id = "recycler_view"
        page = FrameLayout(body, width=MATCH, weight=1)
        return Column(self._bar(chosen), page, self._foot(), width=MATCH, height=MATCH)

    def _bar(self, chosen: list[int]) -> View:
        if chosen:
            return self.selection_bar(
                str(len(chosen)),
                ActionItem("check_circle", "Complete", partial(self._complete_all, chosen)),
                ActionItem("content_copy", "Copy", partial(self._copy_all, chosen)),
                ActionItem("delete", "Delete", lambda: self.show("delete", tasks=list(chosen))),
            )
        if self.args.get("search"):
            return self.search_bar("Search tasks")
        return Toolbar(self._title())

    def _foot(self) -> View:
        def button(icon: str, label: str, act: Callable[[], object], name: str = "") -> View:
            return ImageButton(icon, content_desc=label, on_click=act, id=name)

        add = FloatingActionButton("add", "Create new task", lambda: self.edit(0), gravity="", margin=(0, 0, 12, 0))
        return Row(
            button("menu", "Open drawer", self.open_drawer),
            button("search", "Search", self.search),
            button("sort", "Sort", lambda: self.show("sort")),
            button("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            Space(weight=1),
            add,
            width=MATCH,
            height=72,
            padding=(8, 0),
            background="surface_container",
            id="bottom_app_bar",
        )

    def _row(self, task: Task, chosen: bool) -> View:
        done = task.completed > 0
        mark = ImageButton(
            "check_circle" if done else "radio_button_unchecked",
            content_desc=f"{'Reopen' if done else 'Complete'} {task.title}",
            colour="on_surface_variant" if done else TINTS[task.priority],
            on_click=partial(self._tick, task.id, not done),
            id="complete_box",
        )
        mark.android_class = "android.widget.CheckBox"
        mark.checkable, mark.checked = True, done
        notes = TextView(task.notes.split("\n")[0], colour="on_surface_variant", lines=1) if task.notes else None
        words = Column(
            TextView(task.title, style="body_large", lines=2, colour="on_surface_variant" if done else "on_surface"),
            notes,
            self._chips(task),
            weight=1,
            padding=(0, 12),
            spacing=4,
        )
        selecting = "selected" in self.args
        row = Row(
            mark,
            words,
            width=MATCH,
            min_height=60,
            padding=(8, 0, 16, 0),
            selected=chosen,
            background="secondary_container" if chosen else "",
            on_click=partial(self.pick if selecting else self.edit, task.id),
            on_long_click=partial(self.pick, task.id),
        )
        return Column(row, Divider(margin=(56, 0, 0, 0)), width=MATCH)

    def _chips(self, task: Task) -> View | None:
        chips: list[View] = []
        if task.due:
            limit = self._now_ms if task.has_time else self._start_of_day()
            late = not task.completed and task.due < limit
            chips.append(_chip(self.due_words(task.due), "schedule", "error" if late else "on_surface_variant"))
        if task.rule:
            chips.append(_chip("", "repeat", "on_surface_variant", "Repeats"))
        if self.filter[0] != "list" and len(self.store.lists()) > 1:
            chips.append(_chip(dict(self.store.lists()).get(task.list, ""), "view_list", "on_surface_variant"))
        chips += [_chip(tag, "label_outline", "on_surface_variant") for tag in task.tags]
        return Row(*chips, spacing=8) if chips else None

    @property
    def _now_ms(self) -> int:
        return self.state.clock.now_ms

    def _start_of_day(self) -> int:
        return self.millis(self.now.replace(hour=0, minute=0, second=0, microsecond=0))

    def due_words(self, due: int) -> str:
        """Return when something is due, in words."""
        moment = self.local(due)
        words = _day_words(moment.date(), self.now.date())
        return f"{words}, {time_words(moment)}" if due % 60_000 else words

    # ------------------------------------------------------------ selection, search

    def on_back(self) -> bool:
        """Leave selection and search, then the form, then a filter."""
        if self.page[0] == "edit":
            self.leave_form()
            return True
        if self.leave_mode():
            return True
        if self.filter[0] != "all":
            self.set(filter=("all", ""))
            return True
        return super().on_back()

    def _tick(self, number: int, on: bool) -> None:
        task = self.store.get(number)
        self.store.complete(number, on)
        if on and task is not None:
            self.saved["undo"] = ["complete", [number], task.due]
            self.snackbar(f"{task.title} completed", "Undo")

    def _complete_all(self, numbers: list[int]) -> None:
        for number in numbers:
            self.store.complete(number, True)
        self.unpick()

    def _copy_all(self, numbers: list[int]) -> None:
        for number in numbers:
            task = self.store.get(number)
            if task is not None:
                copy = self.store.add(task.title, importance=task.priority, dueDate=task.due, notes=task.notes or None,
                                      recurrence=task.rule or None, hideUntil=task.hide)  # fmt: skip
                self.store.put_in_list(copy, task.list)
                self.store.put_tags(copy, task.tags)
        self.unpick()

    def delete(self, numbers: list[int]) -> None:
        """Delete tasks; the snackbar can bring them back."""
        self.store.delete(numbers)
        self.args.pop("selected", None)
        self.saved["undo"] = ["delete", numbers, 0]
        self.snackbar("Task deleted" if len(numbers) == 1 else f"{len(numbers)} tasks deleted", "Undo")
        self.invalidate()

    def on_snackbar(self) -> None:
        """Take back what was done last."""
        kind, numbers, due = self.saved.pop("undo", ("", [], 0))
        if kind == "delete":
            self.store.restore(numbers)
        for number in numbers if kind == "complete" else ():
            self.store.change(number, completed=0, dueDate=due)

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, questions, the drawer, or a dialog of the form."""
        if name == "sort":
            return ChoiceDialog(
                "Sort by", SORTS, self.saved.get("sort", 0),
                lambda place: self.then(lambda: self.set(sort=place))(), self.dismiss,
            )  # fmt: skip
        if name == "delete":
            count = len(args["tasks"])
            message = "Delete this task?" if count == 1 else f"Delete {count} tasks?"
            act = self.then(lambda: self._delete_from(args["tasks"]))
            return confirm("Delete", message, "OK", act, self.dismiss)
        if name == "menu":
            shown, early = bool(self.saved.get("completed")), bool(self.saved.get("unstarted"))
            return PopupMenu(
                (
                    ("Hide completed" if shown else "Show completed", self.then(lambda: self.set(completed=not shown))),
                    ("Hide unstarted" if early else "Show unstarted", self.then(lambda: self.set(unstarted=not early))),
                    ("Clear completed", self.then(lambda: self.show("clear"))),
                ),
                args["at"],
            )
        if name == "clear":
            done = [task.id for task in self.store.all() if task.completed and self._fits(task)]
            message = f"Delete {len(done)} completed tasks?"
            return confirm("Clear completed", message, "OK", self.then(lambda: self.delete(done)), self.dismiss)
        if name in ("new_list", "new_tag"):
            return self._name_dialog(name, "New list" if name == "new_list" else "New tag")
        if name == "drawer":
            return self._drawer()
        return self.form_dialog(name, args)

    def _delete_from(self, numbers: list[int]) -> None:
        if self.page[0] == "edit":
            self.close()
        self.delete(numbers)

    def _name_dialog(self, kind: str, title: str) -> View:
        field = EditText("", hint="Display name", margin=(24, 8), id="name")

        def accept() -> None:
            text = self.find("name").text.strip()
            self.dismiss()
            if text and kind == "new_list":
                self.set(filter=("list", self.store.add_list(text)))
            elif text:
                self.store.add_tag(text)
                self.set(filter=("tag", text))

        return AlertDialog(title, field, buttons=(("Cancel", self.dismiss), ("Save", accept)))

    def _drawer(self) -> View:
        tasks = [task for task in self.store.all() if not task.completed and task.hide <= self._now_ms]

        def item(label: str, icon: str, kind: str, key: str = "") -> DrawerItem:
            here = self.filter == (kind, key)
            count = sum(self._fits(task, (kind, key)) for task in tasks)
            return DrawerItem(label, icon, lambda: self.set(filter=(kind, key)), here, str(count or ""))

        items: list[DrawerItem | str | None] = [
            item("My Tasks", "apps", "all"),
            item("Today", "today", "today"),
            "Tags",
            *(item(name, "label_outline", "tag", name) for _, name in self.store.tags()),
            DrawerItem("Create new tag", "add", lambda: self.show("new_tag")),
            "Local lists",
            *(item(name, "view_list", "list", uuid) for uuid, name in self.store.lists()),
            DrawerItem("Create new list", "add", lambda: self.show("new_list")),
        ]
        return self.drawer("Tasks", items, "task_alt")


def _chip(text: str, icon: str, ink: str, name: str = "") -> View:
    words = TextView(text, style="label_medium", colour=ink, lines=1) if text else None
    return Row(
        ImageView(icon, size=14, colour=ink, content_desc=name), words, spacing=4, padding=(8, 3), radius=8,
        background="surface_container",
    )  # fmt: skip


def _day_words(day: date, today: date) -> str:
    near = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((day - today).days)
    if near:
        return near
    if today < day < today + timedelta(days=7):
        return f"{day:%A}"
    return f"{day:%b} {day.day}" + ("" if day.year == today.year else f", {day.year}")
