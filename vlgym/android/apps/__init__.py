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
_DIALER = "com.google.android.dialer"
_SIMPLE = "com.simplemobiletools."

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
    "com.google.android.contacts/com.android.contacts.activities.PeopleActivity": "contacts.screens:PeopleActivity",
    "com.google.android.contacts/com.android.contacts.activities.ContactEditorActivity": "contacts.card:ContactEditor",
    "com.google.android.contacts/com.android.contacts.quickcontact.QuickContactActivity": "contacts.card:QuickContact",
    _DIALER + "/com.google.android.dialer.extensions.GoogleDialtactsActivity": "dialer.screens:GoogleDialtactsActivity",
    _DIALER + "/com.android.incallui.InCallActivity": "dialer.in_call:InCallActivity",
    **{
        f"{_SIMPLE}{app}/{_SIMPLE}{app}.activities.{name}": place
        for app, name, place in (
            ("smsmessenger", "MainActivity", "messages.screens:Conversations"),
            ("smsmessenger", "NewConversationActivity", "messages.screens:NewConversation"),
            ("smsmessenger", "ThreadActivity", "messages.thread:Thread"),
            ("calendar.pro", "MainActivity", "calendar.screens:Main"),
            ("calendar.pro", "EventActivity", "calendar.event:EventForm"),
        )
    },
    "net.gsantner.markor/net.gsantner.markor.activity.MainActivity": "markor.screens:Main",
    "net.gsantner.markor/net.gsantner.markor.activity.DocumentActivity": "markor.document:Document",
    "com.google.android.documentsui/com.android.documentsui.files.FilesActivity": "files.screens:Files",
    "org.tasks/com.todoroo.astrid.activity.MainActivity": "tasks.screens:Tasks",
    "com.arduia.expense/com.arduia.expense.ui.MainActivity": "expense.screens:Expenses",
    "com.flauschcode.broccoli/com.flauschcode.broccoli.MainActivity": "recipe.screens:Recipes",
    "com.android.chrome/com.google.android.apps.chrome.Main": "browser.screens:Main",
    "com.android.chrome/org.chromium.chrome.browser.history.HistoryActivity": "browser.history:History",
    "com.android.camera2/com.android.camera.CameraLauncher": "camera.screens:CameraLauncher",
    **{
        f"com.dimowner.audiorecorder/com.dimowner.audiorecorder.app.{name}": f"recorder.screens:{place}"
        for name, place in (
            ("welcome.WelcomeActivity", "Welcome"),
            ("main.MainActivity", "Main"),
            ("records.RecordsActivity", "Records"),
            ("settings.SettingsActivity", "Options"),
        )
    },
    **{
        f"com.simplemobiletools.gallery.pro/com.simplemobiletools.gallery.pro.activities.{name}": place
        for name, place in (
            ("MainActivity", "gallery.screens:Folders"),
            ("MediaActivity", "gallery.screens:Media"),
            ("PhotoVideoActivity", "gallery.viewer:Viewer"),
        )
    },
}
"""Full component -> module below this package and class."""

RECEIVERS: dict[str, str] = {
    "com.google.android.deskclock": "clock.events:receive",
    "com.google.android.dialer": "dialer.events:receive",
    "com.simplemobiletools.smsmessenger": "messages.events:receive",
    "com.simplemobiletools.calendar.pro": "calendar.events:receive",
    "com.android.camera2": "camera.events:receive",
    "com.dimowner.audiorecorder": "recorder.events:receive",
}
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
