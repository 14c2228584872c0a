"""The clock's screen: alarms, world clock, timers and stopwatch under one navigation bar."""

from __future__ import annotations

from typing import Any

from vlgym.android.apps.clock import parts
from vlgym.android.apps.clock.model import Clock, in_words
from vlgym.android.state.clock import ZONES
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, CheckDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, BottomNavigation, Destination, Toolbar
from vlgym.android.ui.pickers import TimeDialog
from vlgym.android.ui.view import MATCH, Column, FrameLayout, View

TABS = (
    Destination("Alarm", "alarm"),
    Destination("Clock", "access_time"),
    Destination("Timer", "hourglass_empty"),
    Destination("Stopwatch", "timer"),
)
ALARM, WORLD, TIMER, STOPWATCH = range(4)
_EXTRA = "android.intent.extra.alarm."


class DeskClock(Activity):
    """The clock. Saved: "tab"; "open", the alarm that is unfolded; "entry", digits of a new timer; "setup"."""

    foot = "surface_container"
    snackbar_lift = 80.0

    @property
    def clock(self) -> Clock:
        """The clock's data."""
        return Clock(self.manager)

    @property
    def tab(self) -> int:
        """The tab shown."""
        return int(self.saved.get("tab", ALARM))

    @property
    def tick_ms(self) -> int:
        """Running timers and the stopwatch move with every millisecond, the world clock with every second."""
        if self.tab == STOPWATCH:
            return 1 if self.clock.stopwatch()[0] == "RUNNING" else 0
        if self.tab == TIMER:
            return 1 if any(timer.state in ("RUNNING", "EXPIRED") for timer in self.clock.timers()) else 0
        return 1000 if self.tab == WORLD else 60_000

    # ------------------------------------------------------------ intents

    def on_start(self) -> None:
        """Do what the intent asks for."""
        self._obey()

    def on_new_intent(self) -> None:
        """Do what the new intent asks for."""
        self._obey()

    def _obey(self) -> None:
        intent = self.intent
        action, extras = intent.action.removeprefix("android.intent.action."), intent.extras
        if action == "SET_ALARM" and _EXTRA + "HOUR" in extras:
            hour, minute = int(extras[_EXTRA + "HOUR"]) % 24, int(extras.get(_EXTRA + "MINUTES", 0)) % 60
            self._add_alarm(hour, minute, str(extras.get(_EXTRA + "MESSAGE", "")))
        elif action == "SET_TIMER" and int(extras.get(_EXTRA + "LENGTH", 0)) > 0:
            self.clock.add_timer(int(extras[_EXTRA + "LENGTH"]), str(extras.get(_EXTRA + "MESSAGE", "")))
        self.saved["tab"] = {"SET_ALARM": ALARM, "SHOW_ALARMS": ALARM, "SET_TIMER": TIMER, "SHOW_TIMERS": TIMER}.get(
            action, self.tab
        )

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the tab over the navigation bar."""
        build = (parts.alarms, parts.world, parts.timers, parts.stopwatch)[self.tab]
        bar = Toolbar(
            TABS[self.tab].label,
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
        )
        page = FrameLayout(*build(self), width=MATCH, weight=1, id=f"page_{TABS[self.tab].label.lower()}")
        return Column(bar, page, BottomNavigation(TABS, self.tab, self.select), width=MATCH, height=MATCH)

    def select(self, tab: int) -> None:
        """Show a tab."""
        self.clock.log(f"Events: [{TABS[tab].label}] [Show Tab] [Tap]", "D")
        self.saved.clear()
        self.set(tab=tab)

    def refresh(self, *_: object) -> None:
        """Show changed data."""
        self.manager.changed_system()

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return time pickers, labels and menus."""
        full_day = self.state.settings.get("system", "time_12_24") == "24"
        if name == "time":
            return TimeDialog(
                args, self.invalidate, self.dismiss, self.then(lambda: self._take_time(args)), full_day=full_day
            )
        if name == "label":
            return self._label_dialog(args)
        if name == "cities":
            zones = sorted(zone for zone in ZONES if "/" in zone and not zone.startswith("Etc"))
            chosen = [zones.index(zone) for zone in self.clock.cities() if zone in zones]

            def toggle(place: int) -> None:
                self.clock.toggle_city(zones[place])
                self.refresh()

            return CheckDialog(
                "Cities", [parts.city(zone) for zone in zones], chosen, toggle, (("Done", self.dismiss),)
            )
        settings = self.then(lambda: self.start("com.android.settings/.Settings$DateTimeSettingsActivity"))
        return PopupMenu((("Date & time settings", settings),), args["at"])

    def ask_label(self, **args: Any) -> None:
        """Open the dialog that labels an alarm or a timer, ready to be typed in."""
        self.show("label", **args)
        self.manager.focus("edittext")

    def ask_time(self, alarm: int = 0, hour: int = 0, minute: int = 0) -> None:
        """Open the time picker for a new alarm, or for an old one."""
        self.show("time", hour=hour, minute=minute, hours=True, alarm=alarm)

    def _take_time(self, args: dict[str, Any]) -> None:
        if args["alarm"]:
            self.clock.change_alarm(args["alarm"], hour=args["hour"], minutes=args["minute"], enabled=1)
            self._say(args["alarm"])
        else:
            self._add_alarm(args["hour"], args["minute"])
        self.refresh()

    def _add_alarm(self, hour: int, minute: int, label: str = "") -> None:
        alarm = self.clock.add_alarm(hour, minute, label)
        self.saved["open"] = alarm.id
        self._say(alarm.id)

    def _say(self, number: int) -> None:
        alarm, now = self.clock.alarm(number), self.state.clock.local().replace(tzinfo=None)
        if alarm is not None and alarm.enabled:
            self.snackbar(in_words(alarm.next_ring(now) - now))

    def switch_alarm(self, number: int, on: bool) -> None:
        """Switch an alarm."""
        self.clock.change_alarm(number, enabled=int(on))
        self._say(number)
        self.refresh()

    def delete_alarm(self, number: int) -> None:
        """Delete an alarm; the snackbar can bring it back."""
        alarm = self.clock.alarm(number)
        if alarm is not None:
            self.saved["deleted"] = [alarm.hour, alarm.minutes, alarm.label, alarm.days]
            self.clock.delete_alarm(number)
            self.saved.pop("open", None)
            self.snackbar("Alarm deleted", "Undo")
            self.refresh()

    def on_snackbar(self) -> None:
        """Bring the deleted alarm back."""
        deleted = self.saved.pop("deleted", None)
        if deleted:
            self.clock.add_alarm(*deleted)
            self.refresh()

    def _label_dialog(self, args: dict[str, Any]) -> View:
        field = EditText(args["label"], hint="Label", margin=(24, 8), id="edittext")

        def accept() -> None:
            text = self.find("edittext").text
            self.dismiss()
            if "alarm" in args:
                self.clock.change_alarm(args["alarm"], label=text)
            else:
                self.clock.label_timer(args["timer"], text)
            self.refresh()

        return AlertDialog("Add label", field, buttons=(("Cancel", self.dismiss), ("OK", accept)))

    # ------------------------------------------------------------ timer entry

    def type_digit(self, digits: str) -> None:
        """Type digits of a new timer: they come in at the right."""
        entry = (self.saved.get("entry", "") + digits).lstrip("0")
        if len(entry) <= 6:
            self.set(entry=entry)

    def erase_digit(self) -> None:
        """Take the last digit away."""
        self.set(entry=self.saved.get("entry", "")[:-1])

    def start_entry(self) -> None:
        """Start the timer that has been typed."""
        hours, minutes, seconds = parts.entry_fields(self.saved.get("entry", ""))
        self.clock.add_timer(hours * 3600 + minutes * 60 + seconds)
        self.saved.pop("entry", None)
        self.set(setup=False)

    def on_back(self) -> bool:
        """Leave the entry of a timer if there are others."""
        if self.tab == TIMER and self.saved.get("setup") and self.clock.timers():
            self.set(setup=False, entry="")
            return True
        return False

    def on_key(self, code: int, sign: str) -> bool:
        """Type a timer's digits with keys."""
        typing = self.tab == TIMER and (self.saved.get("setup") or not self.clock.timers())
        if typing and (sign.isdigit() or 7 <= code <= 16):
            self.type_digit(sign or str(code - 7))
        elif typing and code == 67:
            self.erase_digit()
        return typing
