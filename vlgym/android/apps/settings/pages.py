"""A settings page and the activity that shows it; pages bear the names of AOSP's fragments."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlgym.android.state.intents import Intent
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.material import ActionItem, LargeTitle, ListItem
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, View

if TYPE_CHECKING:
    from vlgym.android.state import State

PACKAGE = "com.android.settings"
FRAGMENT = ":settings:show_fragment"
ARGUMENTS = ":settings:show_fragment_args"

FRAGMENTS: dict[str, str] = {
    "network.NetworkDashboardFragment": "network:NetworkDashboard",
    "network.NetworkProviderSettings": "network:WifiSettings",
    "wifi.details.WifiNetworkDetailsFragment": "network:WifiDetails",
    "connecteddevice.ConnectedDeviceDashboardFragment": "network:ConnectedDevices",
    "connecteddevice.BluetoothDashboardFragment": "network:BluetoothSettings",
    "applications.AppDashboardFragment": "apps:AppDashboard",
    "applications.manageapplications.ManageApplications": "apps:ManageApplications",
    "applications.appinfo.AppInfoDashboardFragment": "apps:AppDetails",
    "applications.AppStorageSettings": "apps:AppStorage",
    "notification.app.AppNotificationSettings": "apps:AppNotifications",
    "notification.ConfigureNotificationSettings": "sound:Notifications",
    "notification.SoundSettings": "sound:SoundSettings",
    "notification.zen.ZenModeSettings": "sound:ZenMode",
    "fuelgauge.batteryusage.PowerUsageSummary": "system:Battery",
    "deviceinfo.StorageDashboardFragment": "system:Storage",
    "DisplaySettings": "display:DisplaySettings",
    "accessibility.AccessibilitySettings": "display:Accessibility",
    "location.LocationSettings": "system:Location",
    "system.SystemDashboardFragment": "system:SystemDashboard",
    "language.LanguageAndInputSettings": "system:LanguageSettings",
    "datetime.DateTimeSettings": "system:DateTimeSettings",
    "gestures.SystemNavigationGestureSettings": "system:NavigationMode",
    "deviceinfo.aboutphone.MyDeviceInfoFragment": "system:AboutPhone",
}
"""Fragment name below com.android.settings -> module here and class."""

ENTRANCES: dict[str, str] = {
    ".SubSettings": "system.SystemDashboardFragment",
    ".Settings$NetworkDashboardActivity": "network.NetworkDashboardFragment",
    ".Settings$WifiSettingsActivity": "network.NetworkProviderSettings",
    ".Settings$BluetoothSettingsActivity": "connecteddevice.BluetoothDashboardFragment",
    ".Settings$ManageApplicationsActivity": "applications.manageapplications.ManageApplications",
    ".applications.InstalledAppDetailsTop": "applications.appinfo.AppInfoDashboardFragment",
    ".Settings$DisplaySettingsActivity": "DisplaySettings",
    ".Settings$SoundSettingsActivity": "notification.SoundSettings",
    ".Settings$DateTimeSettingsActivity": "datetime.DateTimeSettings",
    ".Settings$LanguageAndInputSettingsActivity": "language.LanguageAndInputSettings",
    ".Settings$MyDeviceInfoActivity": "deviceinfo.aboutphone.MyDeviceInfoFragment",
}
"""Activity below com.android.settings -> the fragment it opens with."""


class Page:
    """One page of the settings.

    Attributes:
        host: the activity that shows it.
        title: the heading.
        fragment: its name in FRAGMENTS.
    """

    title = ""
    fragment = ""

    def __init__(self, host: SettingsActivity) -> None:
        self.host = host

    @property
    def state(self) -> State:
        """The device's state."""
        return self.host.state

    @property
    def saved(self) -> dict[str, Any]:
        """Plain data of the page."""
        return self.host.saved

    def rows(self) -> list[View | None]:
        """Return what lies under the title."""
        raise NotImplementedError

    def actions(self) -> list[ActionItem]:
        """Return buttons of the app bar."""
        return []

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return a dialog that `host.show` asked for."""
        raise NotImplementedError(name)

    def on_open(self) -> None:
        """Called once when the page opens."""

    def number(self, space: str, key: str, default: int = 0) -> int:
        """Return a setting."""
        return self.state.settings.number(space, key, default)

    def put(self, space: str, key: str, value: str | int) -> None:
        """Change a setting and show it."""
        self.state.settings.put(space, key, value)
        self.host.manager.changed_system()

    def toggle(self, space: str, key: str, on: int = 1, off: int = 0) -> Callable[[bool], None]:
        """Return what a switch calls to change a setting."""
        return lambda value: self.put(space, key, on if value else off)

    def link(self, title: str, summary: str, fragment: str, *, icon: str = "", **arguments: Any) -> View:
        """Return a row that opens another page."""
        return ListItem(title, summary, icon=icon, on_click=lambda: self.host.open(fragment, **arguments))


def page_class(fragment: str) -> type[Page]:
    """Return the class of a fragment."""
    module, _, name = FRAGMENTS[fragment].partition(":")
    found: type[Page] = getattr(importlib.import_module(f"vlgym.android.apps.settings.{module}"), name)
    found.fragment = fragment
    return found


class SettingsActivity(Activity):
    """Shows the page that its component or its intent names."""

    @property
    def fragment(self) -> str:
        """Name of the page's fragment."""
        named = str(self.intent.extras.get(FRAGMENT, "")).removeprefix(PACKAGE + ".")
        return (
            named if named in FRAGMENTS else ENTRANCES.get(self.component.rpartition("/")[2].removeprefix(PACKAGE), "")
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """What the page is about."""
        extras = dict(self.intent.extras)
        if self.intent.data.startswith("package:"):
            extras["package"] = self.intent.data.partition(":")[2]
        return extras

    @property
    def page(self) -> Page:
        """The page."""
        return page_class(self.fragment)(self)

    @property
    def tick_ms(self) -> int:
        """Pages that show the time follow it."""
        return 60_000 if self.fragment.startswith("datetime.") else 0

    def on_start(self) -> None:
        """Log what AOSP logs."""
        if self.fragment:
            self.log("SettingsActivity", f"Switching to fragment {PACKAGE}.{self.fragment}", "D")
            self.page.on_open()

    def on_new_intent(self) -> None:
        """Log the new page."""
        self.on_start()

    def on_create(self) -> View:
        """Return the page under its title."""
        page = self.page
        content = Column(
            LargeTitle(page.title, *page.actions(), on_up=self.finish), *page.rows(), width=MATCH, padding=(0, 0, 0, 24)
        )
        return ScrollView(
            content, width=MATCH, height=MATCH, id="content_parent_" + self.fragment.rpartition(".")[2].lower()
        )

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the page's dialog."""
        return self.page.dialog(name, args)

    def ask(self, name: str, **args: Any) -> None:
        """Open a dialog whose field "edittext" is ready to be typed in."""
        self.show(name, **args)
        self.manager.focus("edittext")

    def open(self, fragment: str, **arguments: Any) -> None:
        """Open another page."""
        extras = {FRAGMENT: f"{PACKAGE}.{fragment}", **arguments}
        self.start(Intent(component=f"{PACKAGE}/{PACKAGE}.SubSettings", extras=extras))
