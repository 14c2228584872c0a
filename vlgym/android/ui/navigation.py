"""Moving about the phone: starting and ending activities, back and home, recent apps, shade, keyboard, sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlgym.android.apps import receiver
from vlgym.android.state.intents import ACTION_MAIN, CATEGORY_LAUNCHER, FLAG_NEW_TASK, Intent
from vlgym.android.ui import ime
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.scroll import scrollers_of
from vlgym.android.ui.tasks import Record, Tasks
from vlgym.android.ui.view import Row, View
from vlgym.android.ui.widgets import TextView

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.ui.activity import Activity
    from vlgym.android.ui.keys import Keys
    from vlgym.android.ui.notices import Alarms, Notices
    from vlgym.android.ui.touch import Touch
    from vlgym.android.ui.window import Window

TOAST_US, VOLUME_US = 2_000_000, 3_000_000


class Navigation:
    """What the system does on its own behalf; the part of the window manager that changes `state.ui`."""

    state: State
    tasks: Tasks
    touch: Touch
    keys: Keys
    notices: Notices
    alarms: Alarms
    changed: bool

    if TYPE_CHECKING:

        @property
        def ui(self) -> dict[str, Any]: ...
        def activity(self, record: Record | None = None) -> Activity: ...
        def layers(self) -> list[Window]: ...
        def window(self, name: str) -> Window | None: ...
        def drop_window(self, name: str) -> None: ...
        def changed_system(self) -> None: ...
        def new_id(self) -> int: ...

    # ------------------------------------------------------------ activities

    def start(self, what: str | Intent, caller: Record | None = None, request: str = "") -> str:
        """Start an activity; return its component. Raises LookupError if nothing answers."""
        component, intent = self.tasks.resolve(what)
        self._pause()
        record, is_new = self.tasks.start(component, intent, caller, request)
        self._come_forward()
        if is_new:
            self.activity(record).on_start()
        elif intent.action != ACTION_MAIN or intent.extras:
            self.activity(record).on_new_intent()
        self.changed_system()
        return component

    def _pause(self) -> None:
        """Tell the resumed activity that it is about to be left."""
        if self.tasks.all and not self.ui["recents"]:
            self.activity().on_pause()

    def _come_forward(self) -> None:
        """Put away what lies over a screen when another one comes."""
        self.ui["recents"], self.ui["shade"] = False, ""
        self.ui.pop("selection", None)
        self.hide_keyboard()
        self.changed_system()

    def finish(self, record: Record, result: Any = None) -> None:
        """End an activity; behind the last one of its task is the home screen."""
        alone = any(task["activities"][0] is record and len(task["activities"]) == 1 for task in self.tasks.all)
        front = self.tasks.top is record
        waiting = self.tasks.finish(record)
        self._forget(record)
        if alone and front:
            self.tasks.home()
        self._come_forward()
        if waiting is not None:
            self.activity(waiting).on_result(record["request"], result)

    def _forget(self, record: Record) -> None:
        for dialog in record["dialogs"]:
            self.drop_window(f"dialog:{dialog['id']}")
        self.drop_window(f"activity:{record['id']}")

    def force_stop(self, package: str) -> None:
        """End a package's activities and alarms and take back its notifications."""
        for task in self.tasks.all:
            for record in task["activities"]:
                if record["component"].partition("/")[0] == package:
                    self._forget(record)
        self.tasks.drop_package(package)
        self.alarms.cancel(package)
        self.ui["notifications"] = [note for note in self.notices.all() if note["package"] != package]
        self._come_forward()

    def broadcast(self, package: str, key: str, payload: dict[str, Any]) -> None:
        """Call a package's receiver, if it has one."""
        call = receiver(package)
        if call is not None:
            call(self, key, payload)  # type: ignore[arg-type]

    def open_page(self, component: str) -> None:
        """Start an activity as a system window does: in a task of its own."""
        self.start(Intent(component=component, flags=FLAG_NEW_TASK))

    def launch(self, package: str) -> None:
        """Start a package as the launcher does: bring its task back, or start its first activity."""
        component = self.state.packages[package].launcher
        self.start(Intent(ACTION_MAIN, component=component, categories=(CATEGORY_LAUNCHER,), flags=FLAG_NEW_TASK))

    def close_system(self) -> None:
        """Put shade, recent apps and keyboard away."""
        self._come_forward()

    # ------------------------------------------------------------ back, home, recent apps

    def back(self) -> None:
        """Do what the back key or gesture does."""
        ui = self.ui
        if ui["shade"]:
            self.close_shade()
        elif ui.get("selection"):
            self.close_selection()
        elif ui["ime"].get("shown"):
            self.hide_keyboard()
        elif ui["recents"]:
            ui["recents"] = False
            self.changed_system()
        else:
            self._back_in_app()

    def _back_in_app(self) -> None:
        activity = self.activity()
        record = activity.record
        if record["dialogs"]:
            activity.dismiss()
            return
        if activity.on_back():
            return
        task = self.tasks.all[0]["activities"]
        if record["component"] == self.state.packages.home():
            return
        packages = self.state.packages
        is_launcher = activity.package in packages and packages[activity.package].launcher == record["component"]
        if len(task) == 1 and is_launcher:
            self.home()  # since Android 12 the first screen of an app is not ended but left
        else:
            activity.finish()

    def home(self) -> None:
        """Go to the home screen."""
        self._pause()
        was_home = bool(self.tasks.all) and self.tasks.top["component"] == self.state.packages.home()
        record = self.tasks.home()
        self._come_forward()
        if was_home:
            self.activity(record).on_new_intent()
        self.changed_system()

    def show_recents(self) -> None:
        """Open the recent apps."""
        self._pause()
        self._come_forward()
        self.ui["recents"] = True

    def toggle_recents(self) -> None:
        """Open the recent apps, or go back from them to the last app."""
        if self.ui["recents"]:
            home = self.state.packages.home()
            others = [task["id"] for task in self.tasks.all if task["activities"][0]["component"] != home]
            self.resume_task(others[0]) if others else self.back()
        else:
            self.show_recents()

    def resume_task(self, number: int) -> None:
        """Bring a task to the front."""
        self._pause()
        tasks = self.tasks.all
        tasks.sort(key=lambda task: task["id"] != number)
        self._come_forward()

    def end_task(self, number: int) -> bool:
        """Swipe a task away."""
        for task in self.tasks.all:
            if task["id"] == number:
                for record in task["activities"]:
                    self._forget(record)
        self.tasks.remove(number)
        self.changed_system()
        return True

    def end_all(self) -> None:
        """Swipe all tasks away."""
        home = self.state.packages.home()
        for number in [t["id"] for t in self.tasks.all if t["activities"][0]["component"] != home]:
            self.end_task(number)
        self.home()

    # ------------------------------------------------------------ shade

    def open_shade(self, part: str) -> None:
        """Pull the shade down: "notifications" or "quick"."""
        self.hide_keyboard()
        self.ui["shade"] = part
        self.changed_system()

    def close_shade(self) -> None:
        """Push the shade up."""
        if self.ui["shade"]:
            self.ui["shade"] = ""
            self.drop_window("shade")
            self.changed_system()

    def shade_swipe(self, side: str) -> bool:
        """Swipe on the open shade: down for all quick settings, up to close."""
        if side == "down" and self.ui["shade"] == "notifications":
            self.open_shade("quick")
        elif side == "up" and self.ui["shade"] == "quick":
            self.open_shade("notifications")
        elif side == "up":
            self.close_shade()
        else:
            return False
        return True

    # ------------------------------------------------------------ keyboard

    def focused_window(self) -> Window:
        """Return the window that keys reach: the highest that takes them."""
        return next(window for window in reversed(self.layers()) if window.focusable and window.name != "navigation")

    def focused_view(self) -> View | None:
        """Return the view that keys reach."""
        return self.focused_window().focused()

    def edit(self, view: View, x: float, y: float) -> None:
        """Put the cursor into a field and open the keyboard."""
        self.close_selection()
        view.window.focus_on(view)
        if isinstance(view, EditText):
            view.cursor_to(x, y)
        self.follow_focus()

    def follow_focus(self) -> None:
        """Open the keyboard if the focus is in a field, and bring the field into view."""
        view = self.focused_view()
        if not isinstance(view, EditText):
            return
        if (
            not self.ui["ime"].get("shown")
            or self.ui["ime"]["action"] != view.action
            or self.ui["ime"]["page"] in ("digits", "decimals", "dial")
        ):
            self.ui["ime"] = {"shown": True, "page": ime.first_page(view), "action": view.action}
        self.changed_system()
        view = self.focused_view()
        for scroller in scrollers_of(view) if view is not None else ():
            scroller.reveal(view)  # type: ignore[arg-type]

    def focus(self, name: str) -> None:
        """Give the focus to the view with an id and open the keyboard if it is a field."""
        window = self.focused_window()
        window.focus_on(window.find(name))
        self.follow_focus()

    def hide_keyboard(self) -> None:
        """Put the keyboard away."""
        if self.ui["ime"].get("shown"):
            self.ui["ime"] = {}
            self.changed_system()

    def keyboard(self) -> View:
        """Return the keyboard's view."""
        return ime.Keyboard(self, self.ui["ime"]["page"], self.ui["ime"]["action"])  # type: ignore[arg-type]

    def keyboard_stamp(self) -> tuple[object, ...]:
        """Return what the keyboard is made of."""
        return tuple(self.ui["ime"].values())

    def keyboard_key(self, face: str) -> None:
        """Press a key of the on-screen keyboard."""
        page = self.ui["ime"].get("page", "lower")
        turns = {"?123": "symbols", "ABC": "lower", "=\\<": "more", "⇧": "lower" if page == "upper" else "upper"}
        if face in turns:
            self._turn_page(turns[face])
            return
        view = self.focused_view()
        self.close_selection()
        if not isinstance(view, EditText):
            return
        if face == "⌫":
            view.delete()
        elif face == "⏎":
            if view.submit():
                self.hide_keyboard()
            else:
                self.follow_focus()
        else:
            view.insert(" " if face == "␣" else face)
            if page == "upper":
                self._turn_page("lower")

    def _turn_page(self, page: str) -> None:
        self.ui["ime"]["page"] = page
        window = self.window("ime")
        if window is not None:
            window.rebuild()

    def select_word(self, view: View) -> None:
        """Select the word at the cursor and offer what can be done with it."""
        if isinstance(view, EditText):
            view.select_word()
            box = [view.left, view.top, view.left + view.w, view.top + view.h]
            self.ui["selection"] = {"window": view.window.name, "view": view.key, "at": box}
            self.changed = True

    def selection_menu(self) -> View:
        """Return the menu of a selection: cut, copy, paste, select all."""
        place = self.ui["selection"]

        def on_field(act: Callable[[EditText], object]) -> Callable[[], None]:
            def run() -> None:
                window = self.window(place["window"])
                field = window.find(place["view"]) if window is not None else None
                self.close_selection()
                if isinstance(field, EditText):
                    act(field)

            return run

        def copy(field: EditText) -> None:
            if field.selected_text() and not field.password:
                self.state.clipboard = field.selected_text()

        def cut(field: EditText) -> None:
            copy(field)
            if not field.password:
                field.delete()

        entries = {
            "Cut": cut,
            "Copy": copy,
            "Paste": lambda field: field.insert(self.state.clipboard),
            "Select all": lambda field: field.select(0, len(field.text)),
        }
        words = [
            TextView(
                label,
                style="label_large",
                padding=(14, 14),
                radius=24,
                on_click=on_field(act),
                id="floating_toolbar_menu_item_text",
            )
            for label, act in entries.items()
        ]
        left, top, right, bottom = place["at"]
        bar = Row(*words, background="surface_container", radius=24, border="outline_variant")
        bar.place, height = "anchor", round(56 * self.state.density / 160)
        fits = top >= 2 * height
        bar.anchor = (left, top - height if fits else bottom, right, top)
        return bar

    def close_selection(self) -> None:
        """Put the menu of a selection away."""
        if self.ui.pop("selection", None):
            self.changed = True

    # ------------------------------------------------------------ the rest

    def wake(self, on: bool) -> None:
        """Switch the screen on or off."""
        if self.ui["awake"] != on:
            self._pause()
            self.ui["awake"] = on
            self.ui.pop("touch", None)
            self.changed = True

    def change_volume(self, by: int) -> None:
        """Turn the media volume and show its panel."""
        settings = self.state.settings
        level = min(max(settings.number("system", "volume_music", 5) + by, 0), 15)
        settings.put("system", "volume_music", level)
        self.ui["volume_until"] = self.state.clock.uptime_us + VOLUME_US
        self.changed_system()

    def toast(self, text: str) -> None:
        """Show a short message."""
        until = self.state.clock.uptime_us + TOAST_US
        self.ui["toast"] = {"id": self.new_id(), "text": text, "until": until}
        self.changed = True
