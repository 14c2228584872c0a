"""The first screen of the settings, and the activities that open a page directly."""

from __future__ import annotations

from functools import partial

from vlgym.android.apps.settings.pages import SettingsActivity
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import Empty
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, ImageView, TextView

# title, summary, icon, colour, fragment
ENTRIES = (
    ("Network & internet", "Mobile, Wi-Fi, hotspot", "wifi", 0xFF1A73E8, "network.NetworkDashboardFragment"),
    (
        "Connected devices",
        "Bluetooth, pairing",
        "devices",
        0xFF188038,
        "connecteddevice.ConnectedDeviceDashboardFragment",
    ),
    ("Apps", "Assistant, recent apps, default apps", "apps", 0xFFE8710A, "applications.AppDashboardFragment"),
    (
        "Notifications",
        "Notification history, conversations",
        "notifications",
        0xFFD93025,
        "notification.ConfigureNotificationSettings",
    ),
    ("Battery", "100%", "battery_full", 0xFF12805C, "fuelgauge.batteryusage.PowerUsageSummary"),
    ("Storage", "31% used - 5.5 GB free", "storage", 0xFF8430CE, "deviceinfo.StorageDashboardFragment"),
    ("Sound & vibration", "Volume, haptics, Do Not Disturb", "volume_up", 0xFFC5221F, "notification.SoundSettings"),
    ("Display", "Dark theme, font size, brightness", "brightness_6", 0xFFE37400, "DisplaySettings"),
    (
        "Accessibility",
        "Display, interaction, audio",
        "accessibility_new",
        0xFF1967D2,
        "accessibility.AccessibilitySettings",
    ),
    ("Location", "", "location_on", 0xFF1E8E3E, "location.LocationSettings"),
    ("System", "Languages, gestures, time, backup", "info", 0xFF5F6368, "system.SystemDashboardFragment"),
    ("About phone", "", "smartphone", 0xFF5F6368, "deviceinfo.aboutphone.MyDeviceInfoFragment"),
)

# what the search finds: words -> fragment
INDEX = (
    ("Wi-Fi", "Network & internet > Internet", "network.NetworkProviderSettings"),
    ("Internet", "Network & internet > Internet", "network.NetworkProviderSettings"),
    ("Airplane mode", "Network & internet", "network.NetworkDashboardFragment"),
    ("Bluetooth", "Connected devices > Bluetooth", "connecteddevice.BluetoothDashboardFragment"),
    ("Device name", "About phone", "deviceinfo.aboutphone.MyDeviceInfoFragment"),
    ("App info", "Apps > All apps", "applications.manageapplications.ManageApplications"),
    ("All apps", "Apps", "applications.manageapplications.ManageApplications"),
    ("Do Not Disturb", "Sound & vibration", "notification.zen.ZenModeSettings"),
    ("Notifications", "", "notification.ConfigureNotificationSettings"),
    ("Battery Saver", "Battery", "fuelgauge.batteryusage.PowerUsageSummary"),
    ("Media volume", "Sound & vibration", "notification.SoundSettings"),
    ("Alarm volume", "Sound & vibration", "notification.SoundSettings"),
    ("Ring volume", "Sound & vibration", "notification.SoundSettings"),
    ("Brightness level", "Display", "DisplaySettings"),
    ("Dark theme", "Display", "DisplaySettings"),
    ("Font size", "Display", "DisplaySettings"),
    ("Screen timeout", "Display", "DisplaySettings"),
    ("Auto-rotate screen", "Display", "DisplaySettings"),
    ("Use location", "Location", "location.LocationSettings"),
    ("Date & time", "System > Date & time", "datetime.DateTimeSettings"),
    ("Time zone", "System > Date & time", "datetime.DateTimeSettings"),
    ("Languages", "System > Languages & input", "language.LanguageAndInputSettings"),
    ("Gesture navigation", "System > Gestures", "gestures.SystemNavigationGestureSettings"),
    ("Storage", "", "deviceinfo.StorageDashboardFragment"),
)


_INDEXED = {title for title, _, _ in INDEX}


class Settings(SettingsActivity):
    """The list of all parts. Saved: "query" while searching."""

    def on_start(self) -> None:
        """Log nothing: it is the dashboard, no fragment."""
        if self.fragment:
            super().on_start()

    def on_new_intent(self) -> None:
        """Come back to the list."""
        self.saved.pop("query", None)

    def on_back(self) -> bool:
        """Leave the search."""
        if "query" not in self.saved:
            return False
        del self.saved["query"]
        self.invalidate()
        return True

    def on_create(self) -> View:
        """Return the list, or what the search finds."""
        if self.fragment:
            return super().on_create()
        return self._search() if "query" in self.saved else self._list()

    def _list(self) -> View:
        bar = Row(
            ImageView("search"),
            Space(width=16),
            TextView("Search settings", style="body_large", colour="on_surface_variant"),
            width=MATCH,
            height=56,
            radius=28,
            background="surface_high",
            padding=(20, 0),
            margin=(16, 0, 16, 16),
            id="search_action_bar",
            on_click=self._open_search,
            content_desc="Search settings",
        )
        content = Column(
            TextView("Settings", style="display_small", margin=(24, 64, 24, 28), id="homepage_title"),
            bar,
            *(self._entry(*entry) for entry in ENTRIES),
            width=MATCH,
            padding=(0, 0, 0, 24),
        )
        return ScrollView(content, width=MATCH, height=MATCH, id="main_content")

    def _entry(self, title: str, summary: str, icon: str, colour: int, fragment: str) -> View:
        if title == "Location":
            summary = "On" if self.state.settings.number("secure", "location_mode", 3) else "Off"
        elif title == "About phone":
            summary = self.state.settings.get("global", "device_name") or ""
        mark = FrameLayout(
            ImageView(icon, size=20, colour=0xFFFFFFFF, gravity="center"),
            width=40,
            height=40,
            radius=20,
            background=colour,
            id="icon_frame",
        )
        words = Column(
            TextView(title, style="list_title", id="title", lines=1),
            TextView(summary, style="body_medium", colour="on_surface_variant", id="summary", lines=1)
            if summary
            else None,
            weight=1,
        )
        return Row(
            mark,
            Space(width=20),
            words,
            width=MATCH,
            min_height=80,
            padding=(20, 8),
            on_click=lambda: self.open(fragment),
        )

    # ------------------------------------------------------------ search

    def _open_search(self) -> None:
        self.set(query="")
        self.manager.focus("search_src_text")

    def _search(self) -> View:
        words = self.saved["query"].lower().split()
        found = [
            (title, path, fragment)
            for title, path, fragment in (*INDEX, *((t, "", f) for t, _, _, _, f in ENTRIES if t not in _INDEXED))
            if words and all(word in title.lower() for word in words)
        ]
        found = list({(title, fragment): (title, path, fragment) for title, path, fragment in found}.values())
        field = EditText(
            hint="Search settings",
            action="search",
            box="none",
            weight=1,
            id="search_src_text",
            on_text=lambda text: self.set(query=text),
        )
        bar = Row(
            ImageButton("arrow_back", content_desc="Back", on_click=self.manager.back),
            field,
            width=MATCH,
            height=64,
            padding=(4, 0, 16, 0),
            background="surface_container",
        )
        rows = [
            Column(
                TextView(title, style="body_large", id="title"),
                TextView(path, style="body_medium", colour="on_surface_variant", id="breadcrumb") if path else None,
                width=MATCH,
                padding=(24, 12),
                on_click=partial(self.open, fragment),
            )
            for title, path, fragment in found
        ]
        results: View = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="list_results")
        if words and not rows:
            results = Empty("No results", "search")
            results.weight = 1
        return Column(bar, results, width=MATCH, height=MATCH)
