"""System, date & time, languages, gestures, battery, storage, location, about the phone."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.settings.pages import Page
from vlgym.android.state.clock import ZONES
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ListItem, MainSwitch, Section, SwitchItem
from vlgym.android.ui.pickers import DatePicker, TimeDialog
from vlgym.android.ui.view import MATCH, Row, View
from vlgym.android.ui.widgets import ProgressBar, RadioButton, TextView

LOCALES = (
    ("en-US", "English (United States)"),
    ("en-GB", "English (United Kingdom)"),
    ("de-DE", "Deutsch (Deutschland)"),
    ("fr-FR", "Français (France)"),
    ("es-ES", "Español (España)"),
    ("it-IT", "Italiano (Italia)"),
)
CAPACITY_GB, USED_GB = 8.0, 2.5


class SystemDashboard(Page):
    """System."""

    title = "System"

    def rows(self) -> list[View | None]:
        """Return the links."""
        locale = dict(LOCALES).get(self.state.properties.get("persist.sys.locale", "en-US"), "English")
        gestures = self.number("secure", "navigation_mode", 2) == 2
        moment = self.state.clock.local()
        return [
            self.link("Languages & input", locale, "language.LanguageAndInputSettings", icon="language"),
            self.link(
                "Gestures",
                "Gesture navigation" if gestures else "3-button navigation",
                "gestures.SystemNavigationGestureSettings",
                icon="swipe",
            ),
            self.link(
                "Date & time", f"{moment.tzname()} {zone_offset(self)}", "datetime.DateTimeSettings", icon="access_time"
            ),
            ListItem(
                "System update",
                f"Updated to Android {self.state.properties['ro.build.version.release']}",
                icon="system_update",
            ),
        ]


def zone_offset(page: Page) -> str:
    """Return the offset of the time zone as "GMT+01:00"."""
    minutes = int((page.state.clock.local().utcoffset() or timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"GMT{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


class DateTimeSettings(Page):
    """Date & time."""

    title = "Date & time"

    def rows(self) -> list[View | None]:
        """Return automatic time, date, time, zone, format."""
        automatic, zone_auto = bool(self.number("global", "auto_time")), bool(self.number("global", "auto_time_zone"))
        moment = self.state.clock.local()
        full_day = self.state.settings.get("system", "time_12_24") == "24"
        time = f"{moment:%H:%M}" if full_day else f"{moment.hour % 12 or 12}:{moment:%M %p}"
        sample = "13:00" if full_day else "1:00 PM"
        return [
            SwitchItem("Set time automatically", automatic, self.toggle("global", "auto_time")),
            ListItem(
                "Date", f"{moment:%B} {moment.day}, {moment.year}", enabled=not automatic, on_click=self._ask_date
            ),
            ListItem("Time", time, enabled=not automatic, on_click=self._ask_time),
            SwitchItem("Set time zone automatically", zone_auto, self.toggle("global", "auto_time_zone")),
            ListItem(
                "Time zone",
                f"{zone_offset(self)} {self.state.clock.zone.replace('_', ' ')}",
                enabled=not zone_auto,
                on_click=lambda: self.host.show("zone"),
            ),
            SwitchItem("Use 24-hour format", full_day, self._format, sample),
        ]

    def _format(self, on: bool) -> None:
        self.put("system", "time_12_24", "24" if on else "12")

    def _ask_date(self) -> None:
        moment = self.state.clock.local()
        self.host.show("date", year=moment.year, month=moment.month, day=moment.day, shown=[moment.year, moment.month])

    def _ask_time(self) -> None:
        moment = self.state.clock.local()
        self.host.show("time", hour=moment.hour, minute=moment.minute, hours=True)

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return a picker."""
        if name == "date":
            return self._date_dialog(args)
        if name == "time":
            return TimeDialog(
                args,
                self.host.invalidate,
                self.host.dismiss,
                lambda: self._set_time(args),
                full_day=self.state.settings.get("system", "time_12_24") == "24",
            )
        rows = [
            Row(
                RadioButton(zone == self.state.clock.zone),
                TextView(zone.replace("_", " "), style="body_large", id="name"),
                width=MATCH,
                min_height=48,
                spacing=16,
                padding=(24, 0),
                on_click=partial(self._set_zone, zone),
            )
            for zone in sorted(ZONES)
            if "/" in zone or zone == "UTC"
        ]
        return AlertDialog("Time zone", *rows, buttons=(("Cancel", self.host.dismiss),))

    def _date_dialog(self, args: dict[str, Any]) -> View:
        def pick(year: int, month: int, day: int) -> None:
            args.update(year=year, month=month, day=day)
            self.host.invalidate()

        def turn(year: int, month: int) -> None:
            args["shown"] = [year, month]
            self.host.invalidate()

        year, month = args["shown"]
        day = args["day"] if (args["year"], args["month"]) == (year, month) else 0
        picker = DatePicker(year, month, day, pick, turn)
        buttons = (("Cancel", self.host.dismiss), ("OK", self.host.then(lambda: self._set_date(args))))
        return AlertDialog("", picker, buttons=buttons, wide=True)

    def _set_date(self, args: dict[str, Any]) -> None:
        local = self.state.clock.local()
        self._set(local.replace(year=args["year"], month=args["month"], day=args["day"]).replace(tzinfo=None))

    def _set_time(self, args: dict[str, Any]) -> None:
        self.host.dismiss()
        local = self.state.clock.local()
        self._set(local.replace(hour=args["hour"], minute=args["minute"], second=0, microsecond=0, tzinfo=None))

    def _set(self, naive: Any) -> None:
        self.state.clock.set(self.state.clock.from_local(naive))
        self.host.manager.changed_system()

    def _set_zone(self, zone: str) -> None:
        self.host.dismiss()
        self.state.set_time_zone(zone)
        self.host.manager.changed_system()


class LanguageSettings(Page):
    """Languages & input."""

    title = "Languages & input"

    def on_open(self) -> None:
        """Log as AOSP does when the locale picker is near."""
        self.host.log("LocalePicker", "locales shown", "D")

    def rows(self) -> list[View | None]:
        """Return the languages and the keyboard."""
        current = self.state.properties.get("persist.sys.locale", "en-US")
        rows: list[View | None] = [Section("System language")]
        rows += [
            ListItem(name, trailing=RadioButton(tag == current), on_click=partial(self._choose, tag))
            for tag, name in LOCALES
        ]
        rows += [Section("Keyboards"), ListItem("On-screen keyboard", "Gboard", icon="keyboard")]
        return rows

    def _choose(self, tag: str) -> None:
        self.state.properties["persist.sys.locale"] = tag
        self.put("system", "system_locales", tag)


class NavigationMode(Page):
    """System navigation."""

    title = "System navigation"

    def rows(self) -> list[View | None]:
        """Return the two ways."""
        mode = self.number("secure", "navigation_mode", 2)
        ways = (
            (
                2,
                "Gesture navigation",
                "To go Home, swipe up from the bottom of the screen. To go back, swipe from either edge.",
            ),
            (0, "3-button navigation", "Go back, Home, and switch apps with buttons at the bottom of your screen."),
        )
        return [
            ListItem(
                title,
                summary,
                lead=RadioButton(mode == value),
                on_click=partial(self.put, "secure", "navigation_mode", value),
            )
            for value, title, summary in ways
        ]


class Battery(Page):
    """Battery."""

    title = "Battery"

    def rows(self) -> list[View | None]:
        """Return level and saver."""
        level = int(self.state.properties.get("vlgym.battery.level", "100"))
        big = TextView(f"{level}%", style="display_medium", padding=(24, 0))
        bar = ProgressBar(level / 100, margin=(24, 12), height=12)
        low = bool(self.number("global", "low_power"))
        percent = bool(self.number("system", "status_bar_show_battery_percent"))
        return [
            big,
            bar,
            SwitchItem(
                "Battery Saver", low, self.toggle("global", "low_power"), "Extend battery life", icon="battery_std"
            ),
            SwitchItem(
                "Battery percentage",
                percent,
                self.toggle("system", "status_bar_show_battery_percent"),
                "Show battery percentage in status bar",
            ),
        ]


class Storage(Page):
    """Storage."""

    title = "Storage"

    def rows(self) -> list[View | None]:
        """Return what takes how much."""
        shares = (
            ("Apps", "apps", 1.3),
            ("System", "settings", 0.9),
            ("Images", "image", 0.2),
            ("Audio", "music_note", 0.1),
        )
        return [
            TextView(f"{USED_GB} GB used", style="headline_large", padding=(24, 0)),
            TextView(f"of {CAPACITY_GB:.0f} GB", style="body_medium", colour="on_surface_variant", padding=(24, 0)),
            ProgressBar(USED_GB / CAPACITY_GB, margin=(24, 16), height=12),
            *(ListItem(name, f"{size} GB", icon=icon) for name, icon, size in shares),
        ]


class Location(Page):
    """Location."""

    title = "Location"

    def rows(self) -> list[View | None]:
        """Return the switch."""
        on = bool(self.number("secure", "location_mode", 3))
        return [
            MainSwitch("Use location", on, self.toggle("secure", "location_mode", 3, 0)),
            ListItem("App location permissions", "0 of 3 apps have access to location"),
            ListItem("Recent access", "No apps recently accessed location"),
        ]


class AboutPhone(Page):
    """About phone."""

    title = "About phone"

    def rows(self) -> list[View | None]:
        """Return name, numbers and versions."""
        properties = self.state.properties
        name = self.state.settings.get("global", "device_name") or ""
        return [
            ListItem("Device name", name, on_click=lambda: self.host.ask("name")),
            Section("Phone number"),
            ListItem("Phone number (SIM slot 1)", "+1 555-521-5554"),
            Section("Device details"),
            ListItem("Model", properties["ro.product.model"]),
            ListItem("Android version", properties["ro.build.version.release"]),
            ListItem("Android security update", properties["ro.build.version.security_patch"]),
            ListItem(
                "Build number",
                properties["ro.build.id"],
                on_click=lambda: self.host.toast("You are already a developer"),
            ),
            ListItem("Wi-Fi MAC address", "02:15:b2:00:00:00"),
        ]

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialog that renames the phone."""
        host = self.host
        now = self.state.settings.get("global", "device_name") or ""
        field = EditText(now, hint="Device name", margin=(24, 8), id="edittext")

        def rename() -> None:
            text = host.find("edittext").text.strip()
            host.dismiss()
            if text:
                self.put("global", "device_name", text)

        return AlertDialog("Device name", field, buttons=(("Cancel", host.dismiss), ("OK", rename)))
