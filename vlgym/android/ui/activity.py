"""Activities: an app's screens, each a function of saved data.

An Activity object is made and thrown away at will; what it must keep lies in `saved` (plain data), in the views'
state, in settings and databases. `on_create` builds the screen from these and changes nothing. After a snapshot is
restored the activities are simply made again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlgym.android.state.intents import Intent, full_component
from vlgym.android.ui.view import FrameLayout, View, ViewGroup

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.ui.paint import Painter
    from vlgym.android.ui.window import Window
    from vlgym.android.ui.windows import WindowManager


class Activity:
    """Base of every activity.

    Attributes:
        manager: the window manager.
        record: plain data of this activity in its task: "id", "component", "intent", "saved", "dialogs", ...
        background: token behind the content; empty lets the wallpaper show.
        foot: token under the navigation bar, empty for the background.
        snackbar_lift: how far above the foot of the screen snackbars stand, dp.
        bars: ink of the status bar, a token.
        tick_ms: build the screen anew when the clock passes a multiple of so many milliseconds.
    """

    background = "surface"
    foot = ""
    snackbar_lift = 0.0
    bars = "on_surface"

    def __init__(self, manager: WindowManager, record: dict[str, Any]) -> None:
        self.manager, self.record = manager, record

    # ------------------------------------------------------------ what it is

    @property
    def state(self) -> State:
        """The device's state."""
        return self.manager.state

    @property
    def saved(self) -> dict[str, Any]:
        """Plain data that the activity keeps."""
        saved: dict[str, Any] = self.record["saved"]
        return saved

    @property
    def intent(self) -> Intent:
        """What it was started with."""
        return Intent.load(self.record["intent"])

    @property
    def component(self) -> str:
        """Its full component."""
        return str(self.record["component"])

    @property
    def package(self) -> str:
        """Its package."""
        return self.component.partition("/")[0]

    @property
    def tick_ms(self) -> int:
        """Milliseconds between two builds by the clock, 0 for never."""
        return 0

    @property
    def window(self) -> Window:
        """Its window."""
        return self.manager.activity_window(self)

    # ------------------------------------------------------------ to write in an app

    def on_create(self) -> View:
        """Return the screen."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Called once when it is started: set `saved`, log, change state."""

    def on_new_intent(self) -> None:
        """Called when a singleTask or singleTop activity is started again; `intent` is the new one."""

    def on_pause(self) -> None:
        """Called when another screen comes to the front; its windows are still there."""

    def on_back(self) -> bool:
        """Take the back key; return whether it was of use. If not, the activity ends."""
        return False

    def on_result(self, request: str, result: Any) -> None:
        """Take the result of an activity that this one started with a request."""

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialog, menu or sheet that `show` asked for."""
        raise NotImplementedError(f"{type(self).__name__} has no dialog {name!r}")

    def on_key(self, code: int, sign: str) -> bool:
        """Take a key that no view wanted."""
        return False

    # ------------------------------------------------------------ to use in an app

    def invalidate(self) -> None:
        """Build the screen anew: what it shows has changed."""
        self.window.rebuild()
        self.manager.rebuild_dialogs(self)

    def set(self, **values: Any) -> None:
        """Change saved data and build the screen anew."""
        self.saved.update(values)
        self.invalidate()

    def find(self, name: str) -> Any:
        """Return the view with an id, in the dialog on top if it has one, else on the screen.

        Raises:
            LookupError: there is none.
        """
        for window in reversed(self.manager.windows_of(self)):
            view = window.find(name)
            if view is not None:
                return view
        raise LookupError(f"{type(self).__name__} shows no view {name!r}.")

    def start(self, what: str | Intent, *, request: str = "", **extras: Any) -> None:
        """Start another activity; its result comes to `on_result` if there is a request."""
        intent = Intent(component=full_component(what), extras=extras) if isinstance(what, str) else what
        self.manager.start(intent, caller=self.record, request=request)

    def finish(self, result: Any = None) -> None:
        """End; hand a result to the activity below if it waits for one."""
        self.manager.finish(self.record, result)

    def show(self, name: str, **args: Any) -> None:
        """Open a dialog, a menu or a sheet; `on_dialog(name, args)` builds it."""
        self.record["dialogs"].append({"id": self.manager.new_id(), "name": name, "args": args})
        self.manager.changed = True

    def menu(self, name: str, view_id: str, **args: Any) -> None:
        """Open a menu beside a view."""
        view = self.find(view_id)
        self.show(name, at=[view.left, view.top, view.left + view.w, view.top + view.h], **args)

    def dismiss(self) -> None:
        """Close the dialog on top."""
        if self.record["dialogs"]:
            self.manager.hide_keyboard()
            self.manager.drop_window(f"dialog:{self.record['dialogs'].pop()['id']}")
            self.manager.changed = True

    def then(self, *actions: Callable[[], object]) -> Callable[[], None]:
        """Return a callback that closes the dialog on top and then calls the actions."""

        def run() -> None:
            self.dismiss()
            for action in actions:
                action()

        return run

    def toast(self, text: str) -> None:
        """Show a short message above everything for two seconds."""
        self.manager.toast(text)

    def snackbar(self, text: str, action: str = "") -> None:
        """Show a message at the foot of the screen for four seconds; `on_snackbar` hears of its button."""
        until = self.state.clock.uptime_us + 4_000_000
        self.record["snackbar"] = {"id": self.manager.new_id(), "text": text, "action": action, "until": until}
        self.manager.changed = True

    def on_snackbar(self) -> None:
        """Called when the snackbar's button is tapped."""

    def log(self, tag: str, message: str, priority: str = "I") -> None:
        """Write a log line in the app's name."""
        self.state.processes.log(self.package, tag, message, priority)


class DecorView(FrameLayout):
    """The root of an activity's window: its content inside the insets of bars and keyboard."""

    foot = ""

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window; the paddings are the insets."""
        super().attach(window, parent, key)
        self.pads = window.manager.insets

    def on_draw(self, p: Painter) -> None:
        """Draw the foot. Background and wallpaper have been put beneath by the window manager."""
        if self.foot:
            metrics, bottom = self.metrics, self.window.manager.navigation_height
            p.rect(0, metrics.height - bottom, metrics.width, metrics.height, metrics.colour(self.foot))


class PlainActivity(Activity):
    """What an installed component without a screen of its own shows: the app's name."""

    def on_create(self) -> View:
        """Return the label in the middle."""
        from vlgym.android.ui.widgets import TextView

        packages = self.state.packages
        label = packages[self.package].label if self.package in packages else self.package
        return FrameLayout(TextView(label, style="headline_medium", gravity="center"), width=-1, height=-1)
