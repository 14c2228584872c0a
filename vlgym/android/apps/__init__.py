"""The apps of the phone: which class shows which activity. Classes are imported when they are first shown."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlgym.android.ui.activity import Activity
    from vlgym.android.ui.windows import WindowManager

_HERE = "vlgym.android.apps."
_LAUNCHER = "com.google.android.apps.nexuslauncher"
_SETTINGS = "com.android.settings/com.android.settings"

ACTIVITIES: dict[str, str] = {
    _LAUNCHER + "/" + _LAUNCHER + ".NexusLauncherActivity": "launcher:Launcher",
    _SETTINGS + ".Settings": "settings.home:Settings",
    **{
        f"{_SETTINGS}{name}": "settings.pages:SettingsActivity"
        for name in (
            ".SubSettings",
            ".Settings$NetworkDashboardActivity",
            ".Settings$WifiSettingsActivity",
            ".Settings$BluetoothSettingsActivity",
            ".Settings$ManageApplicationsActivity",
            ".applications.InstalledAppDetailsTop",
            ".Settings$DisplaySettingsActivity",
            ".Settings$SoundSettingsActivity",
            ".Settings$DateTimeSettingsActivity",
            ".Settings$LanguageAndInputSettingsActivity",
            ".Settings$MyDeviceInfoActivity",
        )
    },
    "com.google.android.deskclock/com.android.deskclock.DeskClock": "clock.screens:DeskClock",
}
"""Full component -> module below this package and class."""

RECEIVERS: dict[str, str] = {"com.google.android.deskclock": "clock.events:receive"}
"""Package -> function f(manager, key, payload) that hears of its alarms and of its notifications' buttons."""


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(_HERE + module), name)


@cache
def activity_class(component: str) -> type[Activity]:
    """Return the class of a component; one without a screen of its own shows the app's name."""
    if component in ACTIVITIES:
        found: type[Activity] = _load(ACTIVITIES[component])
        return found
    from vlgym.android.ui.activity import PlainActivity

    return PlainActivity


@cache
def receiver(package: str) -> Callable[[WindowManager, str, dict[str, Any]], None] | None:
    """Return what hears of a package's alarms, or None."""
    return _load(RECEIVERS[package]) if package in RECEIVERS else None
