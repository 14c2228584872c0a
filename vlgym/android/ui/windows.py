"""The window manager: which windows are on the screen, what they show, and where fingers and keys go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlgym.android.apps import activity_class
from vlgym.android.ui import ime, systemui
from vlgym.android.ui.activity import Activity, DecorView
from vlgym.android.ui.dialogs import SnackbarView, ToastView
from vlgym.android.ui.frame import Frame
from vlgym.android.ui.hierarchy import to_xml
from vlgym.android.ui.keys import Keys
from vlgym.android.ui.navigation import Navigation
from vlgym.android.ui.notices import Alarms, Notices
from vlgym.android.ui.paint import BLACK
from vlgym.android.ui.tasks import Record, Tasks
from vlgym.android.ui.theme import Metrics
from vlgym.android.ui.touch import Touch
from vlgym.android.ui.view import View
from vlgym.android.ui.window import Box, Window

if TYPE_CHECKING:
    from vlgym.android.state import State

STATUS_DP, GESTURE_DP, BUTTONS_DP = 32.0, 24.0, 48.0


def fresh_ui() -> dict[str, Any]:
    """Return the plain data of a window manager that has shown nothing yet."""
    return {
        "tasks": [],
        "next": 0,
        "windows": {},
        "ime": {},
        "shade": "",
        "recents": False,
        "awake": True,
        "alarms": [],
        "notifications": [],
    }


class WindowManager(Navigation):
    """Shows a device's state. All it remembers lies in ``state.ui`` as plain data; the rest is made from it.

    Attributes:
        frames: how often the screen has been found out of date.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.tasks, self.touch, self.keys = Tasks(state), Touch(self), Keys(self)
        self.notices, self.alarms = Notices(self), Alarms(self)
        self._windows: dict[str, Window] = {}
        self._activities: dict[int, Activity] = {}
        self._shots: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self._frames: dict[tuple[float, ...], Frame] = {}
        self._xml = ""
        self._layers: list[Window] = []
        self._seen = (-1, -1, 0)
        self._changed = self._restacked = True
        self.frames = 0
        self.metrics = self._measure_display()
        if not state.ui.get("tasks"):
            state.ui.update({**fresh_ui(), **state.ui})
            self.home()

    # ------------------------------------------------------------ data

    @property
    def changed(self) -> bool:
        """Whether anything may look different since the last frame."""
        return self._changed

    @changed.setter
    def changed(self, changed: bool) -> None:
        self._changed = changed
        self._restacked = self._restacked or changed

    def note_dirty(self) -> None:
        """A window looks different; which windows there are has not changed."""
        self._changed = True

    @property
    def ui(self) -> dict[str, Any]:
        """The plain data."""
        return self.state.ui

    def new_id(self) -> int:
        """Return a number not used before on this device."""
        return self.tasks.new_id()

    def forget(self) -> None:
        """Make everything anew from the state, as after a snapshot is restored."""
        self._windows.clear()
        self._activities.clear()
        self.metrics = self._measure_display()
        self.changed = True

    def changed_system(self) -> None:
        """Build every window anew."""
        for window in self._windows.values():
            window.rebuild()
        self.changed = True

    def sync(self) -> None:
        """Put out of date what state and time have changed."""
        state = self.state
        seen = (state.revision, state.clock.now_us, state.clock.uptime_us)
        if seen == self._seen:
            return
        if seen[0] != self._seen[0]:
            self.configure()
            self.changed_system()
        for window in self._windows.values():
            window.sync()
        if any(self._seen[2] < at <= seen[2] for at in self._endings()):
            self.changed = True
        self._seen = seen

    def configure(self) -> None:
        """Follow the settings of the display."""
        metrics = self._measure_display()
        if metrics != self.metrics:
            self.metrics = metrics
            self._windows.clear()
            self.changed = True

    def _endings(self) -> list[int]:
        """Return the uptimes at which something on the screen goes away by itself."""
        shown = [self.ui.get("toast", {}).get("until"), self.ui.get("volume_until")]
        shown.append(self.tasks.top.get("snackbar", {}).get("until"))
        shown += [note.get("heads_up") for note in self.notices.all()]
        return [at for at in shown if at]

    # ------------------------------------------------------------ the display

    @property
    def rotation(self) -> int:
        """Quarter turns of the display."""
        settings = self.state.settings
        if settings.number("system", "accelerometer_rotation"):
            return 0  # nobody turns the phone, so the sensor says upright
        return settings.number("system", "user_rotation") % 4

    @property
    def panel(self) -> tuple[int, int]:
        """Width and height of the upright panel in pixels, after `wm size`."""
        words = str(self.ui.get("wm_size") or "").split("x")
        if len(words) == 2 and all(word.isdigit() and 64 <= int(word) <= 8192 for word in words):
            return int(words[0]), int(words[1])
        return self.state.width, self.state.height

    def _measure_display(self) -> Metrics:
        settings = self.state.settings
        width, height = self.panel
        if self.rotation % 2:
            width, height = height, width
        density = int(self.ui.get("wm_density") or self.state.density)
        try:
            scale = float(settings.get("system", "font_scale") or 1.0)
        except ValueError:
            scale = 1.0
        night = settings.number("secure", "ui_night_mode", 1) == 2
        return Metrics(width, height, min(max(density, 72), 1200) / 160, min(max(scale, 0.5), 2.0), night)

    @property
    def gestures(self) -> bool:
        """Whether the phone is moved through by gestures and not by three buttons."""
        return self.state.settings.number("secure", "navigation_mode", 2) == 2

    @property
    def status_height(self) -> int:
        """Height of the status bar in pixels."""
        return self.metrics.dp(STATUS_DP)

    @property
    def navigation_height(self) -> int:
        """Height of the navigation bar in pixels."""
        return self.metrics.dp(GESTURE_DP if self.gestures else BUTTONS_DP)

    @property
    def insets(self) -> tuple[int, int, int, int]:
        """What bars and keyboard take of an activity's window, in pixels."""
        bottom = self.navigation_height
        if self.ui["ime"].get("shown"):
            bottom += ime.height(self.metrics)
        return 0, self.status_height, 0, bottom

    # ------------------------------------------------------------ windows

    def activity(self, record: Record | None = None) -> Activity:
        """Return the Activity of a record, by default of the resumed one."""
        record = record or self.tasks.top
        found = self._activities.get(record["id"])
        if found is None or found.record is not record:
            found = self._activities[record["id"]] = activity_class(record["component"])(self, record)
        return found

    def _window(self, name: str, package: str, build: Callable[[], View], box: Box, **options: Any) -> Window:
        """Return the window of a name, kept as long as its box is the same."""
        found = self._windows.get(name)
        if found is None or found.box != box:
            found = self._windows[name] = Window(self, name, package, build, box, **options)
        found.tick_ms = options.get("tick_ms", 0)
        return found

    def activity_window(self, activity: Activity) -> Window:
        """Return the window of an activity."""
        width, height = self.metrics.width, self.metrics.height

        def build() -> View:
            decor = DecorView(activity.on_create(), width=-1, height=-1, background=activity.background)
            decor.foot = activity.foot
            return decor

        return self._window(
            f"activity:{activity.record['id']}",
            activity.package,
            build,
            (0, 0, width, height),
            tick_ms=activity.tick_ms,
        )

    def windows_of(self, activity: Activity) -> list[Window]:
        """Return the windows of an activity, lowest first: its own and its dialogs'."""
        return [self.activity_window(activity)] + [self._dialog(activity, d) for d in activity.record["dialogs"]]

    def rebuild_dialogs(self, activity: Activity) -> None:
        """Build the dialogs of an activity anew."""
        for dialog in activity.record["dialogs"]:
            if f"dialog:{dialog['id']}" in self._windows:
                self._windows[f"dialog:{dialog['id']}"].rebuild()

    def _dialog(self, activity: Activity, dialog: dict[str, Any]) -> Window:
        left, top, right, bottom = self.insets
        gap = 0 if dialog.get("sheet") else self.metrics.dp(8)
        box = (left, top + gap, self.metrics.width - right, self.metrics.height - bottom - gap)
        if dialog["args"].get("drawer"):
            box = (0, 0, self.metrics.width, self.metrics.height)
        return self._window(
            f"dialog:{dialog['id']}",
            activity.package,
            lambda: activity.on_dialog(dialog["name"], dialog["args"]),
            box,
            scrim=0.0 if "at" in dialog["args"] else 0.4,
            modal=True,
            on_outside=self.back,
            tick_ms=activity.tick_ms,
        )

    def layers(self) -> list[Window]:
        """Return the windows on the screen, lowest first."""
        self.sync()
        if not self._restacked:
            return self._layers
        activity, metrics, now = self.activity(), self.metrics, self.state.clock.uptime_us
        width, height = metrics.width, metrics.height
        found = self.windows_of(activity)
        above = self.insets[3] + metrics.dp(8)
        snack, toast = activity.record.get("snackbar"), self.ui.get("toast", {})
        if snack and snack["until"] > now:
            box = (metrics.dp(8), 0, width - metrics.dp(8), height - above - metrics.dp(activity.snackbar_lift))
            snackbar = self._window(
                f"snack:{snack['id']}", activity.package, lambda: self._snackbar(activity), box, focusable=False
            )
            found.insert(1, snackbar)  # above the screen, below dialogs and menus
        if self.ui["recents"]:
            found = [self._window("recents", systemui.PACKAGE, lambda: systemui.recents(self), (0, 0, width, height))]
        if self.ui["ime"].get("shown"):
            box = (0, 0, width, height)
            keys = self._window("ime", ime.PACKAGE, self.keyboard, box, stamp=self.keyboard_stamp, focusable=False)
            found.append(keys)
        if self.ui.get("selection"):
            box = (0, self.status_height, width, height)
            found.append(
                self._window(
                    "selection",
                    activity.package,
                    self.selection_menu,
                    box,
                    focusable=False,
                    on_outside=self.close_selection,
                )
            )
        if toast.get("until", 0) > now:
            box = (0, 0, width, height - above - metrics.dp(40))
            found.append(
                self._window(
                    f"toast:{toast['id']}",
                    activity.package,
                    lambda: ToastView(toast["text"]),
                    box,
                    focusable=False,
                )
            )
        bar, foot = (0, 0, width, self.status_height), (0, height - self.navigation_height, width, height)
        found.append(
            self._window(
                "status",
                systemui.PACKAGE,
                lambda: systemui.status_bar(self),
                bar,
                stamp=lambda: systemui.status_stamp(self),
                listed=False,
                focusable=False,
                tick_ms=60_000,
            )
        )
        found.append(
            self._window(
                "navigation",
                systemui.PACKAGE,
                lambda: systemui.navigation_bar(self),
                foot,
                stamp=lambda: systemui.navigation_stamp(self),
                listed=False,
                focusable=False,
            )
        )
        found += self._system_layers(now)
        self._layers, self._restacked = found, False
        names = {window.name for window in found}
        for name in [name for name in self._windows if name not in names]:
            del self._windows[name]
        return found

    def _system_layers(self, now: int) -> list[Window]:
        """Return what the system lays over the bars: a note, the volume panel, the shade."""
        found: list[Window] = []
        metrics, width, height = self.metrics, self.metrics.width, self.metrics.height
        note = self.notices.heads_up()
        if note is not None and not self.ui["shade"]:
            box = (metrics.dp(8), self.status_height, width - metrics.dp(8), height)
            found.append(
                self._window(
                    f"note:{note['id']}:{note['heads_up']}",
                    systemui.PACKAGE,
                    lambda: systemui.heads_up(self, note),
                    box,
                    focusable=False,
                )
            )
        if self.ui.get("volume_until", 0) > now:
            box = (0, self.status_height, width, height)
            found.append(
                self._window("volume", systemui.PACKAGE, lambda: systemui.volume_panel(self), box, focusable=False)
            )
        if self.ui["shade"]:
            found.append(
                self._window(
                    "shade",
                    systemui.PACKAGE,
                    lambda: systemui.shade(self),
                    (0, 0, width, height),
                    modal=True,
                    tick_ms=60_000,
                )
            )
        return found

    def window(self, name: str) -> Window | None:
        """Return a window on the screen by its name."""
        return next((window for window in self.layers() if window.name == name), None)

    def drop_window(self, name: str) -> None:
        """Forget what a window remembered."""
        self._windows.pop(name, None)
        self.ui["windows"].pop(name, None)

    def _snackbar(self, activity: Activity) -> View:
        snack = activity.record["snackbar"]

        def act() -> None:
            activity.record.pop("snackbar", None)
            self.changed = True
            activity.on_snackbar()

        return SnackbarView(snack["text"], snack["action"], act)

    # ------------------------------------------------------------ pictures

    def screenshot(self, size: tuple[int, int] | None) -> NDArray[np.uint8]:
        """Return the picture; see `Device.screenshot`."""
        self.sync()
        if self.changed:
            self._outdate()
        panel = self.panel
        width, height = size or panel
        key = (width, height)
        if key not in self._shots:
            if len(self._shots) >= 2:
                self._shots.clear()
            scale = (width / panel[0], height / panel[1])
            if self.rotation % 2:
                width, height, scale = height, width, (scale[1], scale[0])
            layers = self._uncovered() if self.ui["awake"] else []
            ground = layers[0].paper if layers else BLACK
            ground = ground or systemui.wallpaper(self.metrics.width, self.metrics.height, self.metrics.night)
            ops = [op for window in layers for op in window.drawing()]
            self._shots[key] = self._frame(width, height, *scale).show(ops, ground)
            self._changed = False
        return self._shots[key]

    def _frame(self, *key: float) -> Frame:
        """Return the raster of a size and scale; of two sizes at most what they show is remembered."""
        if key not in self._frames:
            if len(self._frames) >= 2:
                self._frames.clear()
            self._frames[key] = Frame(int(key[0]), int(key[1]), *key[2:])
        return self._frames[key]

    def _uncovered(self) -> list[Window]:
        """Return the windows that are to be drawn: from the highest one that hides everything beneath it."""
        layers = self.layers()
        for place in range(len(layers) - 1, 0, -1):
            if layers[place].paper:
                return layers[place:]
        return layers

    def _outdate(self) -> None:
        self.frames += 1
        self._shots.clear()
        self._xml = ""
        self.changed = False

    def hierarchy(self) -> str:
        """Return the XML of the windows that a person would say are in front."""
        self.sync()
        if self.changed:
            self._outdate()
        if not self._xml:
            self._xml = to_xml(self.in_front(), self.rotation, self.metrics.width, self.metrics.height)
            self.changed = False
        return self._xml

    def in_front(self) -> list[Window]:
        """Return the windows that can be read and touched, lowest first: without the bars, from the modal one up."""
        windows = [window for window in self.layers() if window.listed]
        modal = [place for place, window in enumerate(windows) if window.modal]
        return windows[modal[-1] :] if modal else windows

    def look(self) -> int:
        """Return a number that is another one when the screen may show something else than at the last look."""
        self.sync()
        if self.changed:
            self._outdate()
        return self.frames

    # ------------------------------------------------------------ time

    def next_event_us(self) -> int | None:
        """Return the uptime at which something happens by itself: a long press, an alarm."""
        times = [at for at in (self.touch.deadline(), self.alarms.next_us()) if at is not None]
        return min(times, default=None)

    def tick(self) -> None:
        """Let happen what is due."""
        self.touch.tick()
        self.alarms.fire()

    def settle(self) -> None:
        """Note which lists have come to rest."""
        for window in self._windows.values():
            if window.data.get("flying"):
                window.relayout()
                window.note_flying()

    def after_shell(self) -> None:
        """Follow what a shell command may have changed; packages and calls have no counter of their own."""
        self.configure()
        self.changed_system()
