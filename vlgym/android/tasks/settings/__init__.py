"""Tasks in the settings: switches, choices, sliders, names, networks, apps, and what can be read there."""

from __future__ import annotations

from typing import Any

from vlgym.android.tasks.settings.base import DISPLAY, RADIOS, SOUND, TIMEOUTS, TOGGLES
from vlgym.android.tasks.settings.choices import Choice, FontSize, Slider
from vlgym.android.tasks.settings.more import AppNotifications, Ask, SetDate, TimeZone, Uninstall
from vlgym.android.tasks.settings.networks import ForgetNetwork, OpenNetwork, Rename, SecuredNetwork
from vlgym.android.tasks.settings.switches import Switch, Switches
from vlgym.android.tasks.template import Template

_LANGUAGES = {
    "Deutsch (Deutschland)": "de-DE",
    "English (United Kingdom)": "en-GB",
    "Español (España)": "es-ES",
    "Français (France)": "fr-FR",
    "Italiano (Italia)": "it-IT",
}
_VOLUMES: dict[str, Any] = {
    words: ((SOUND,), f"{words.capitalize()}", ("system", key))
    for words, key in (
        ("alarm volume", "volume_alarm"),
        ("call volume", "volume_voice"),
        ("media volume", "volume_music"),
        ("notification volume", "volume_notification"),
        ("ring volume", "volume_ring"),
    )
}
_MANY = tuple(
    words
    for words in TOGGLES
    if words
    not in ("Wi-Fi", "Bluetooth", "airplane mode", "the dark theme", "Do Not Disturb", "location", "mobile data")
)

TEMPLATES: tuple[Template, ...] = (
    Switch("SettingsWifi", 4, "Wi-Fi"),
    Switch("SettingsBluetooth", 4, "Bluetooth"),
    Switch("SettingsAirplaneMode", 3, "airplane mode", loose=RADIOS),
    Switch("SettingsMobileData", 3, "mobile data"),
    Switch("SettingsDarkTheme", 3, "the dark theme"),
    Switch("SettingsDoNotDisturb", 4, "Do Not Disturb"),
    Switch("SettingsLocation", 4, "location"),
    Switch("SettingsSwitch", 4, *_MANY),
    Switches("SettingsThreeSwitches", 11, 3),
    Switches("SettingsFiveSwitches", 17, 5),
    Choice("SettingsScreenTimeout", 4, "Set the screen timeout to {choice}.", (DISPLAY, "Screen timeout"),
           ("system", "screen_off_timeout"), TIMEOUTS),
    Choice("SettingsLanguage", 5, "Change the language of the phone to {choice}.", ("System", "Languages & input"),
           ("system", "system_locales"), _LANGUAGES),
    Choice("SettingsNavigation", 5, "Change the system navigation to {choice}.", ("System", "Gestures"),
           ("secure", "navigation_mode"), {"3-button navigation": "0", "Gesture navigation": "2"}),
    Slider("SettingsBrightness", 4, "Set the {what} to {end}.",
           {"brightness": ((DISPLAY, "Brightness level"), "Display brightness", ("system", "screen_brightness"))},
           {"the maximum": (1.0, ("255",)), "the minimum": (0.0, ("1",))}),
    Slider("SettingsVolume", 3, "Set the {what} to {end}.", _VOLUMES,
           {"the maximum": (1.0, ("7", "5", "15", "7", "7")), "zero": (0.0, ("0",) * 5)}),
    FontSize(),
    OpenNetwork(),
    SecuredNetwork(),
    ForgetNetwork(),
    Rename("SettingsDeviceName", 6, 'Change the device name of this phone to "{words}".',
           ("About phone", "Device name"), ("global", "device_name"), "OK"),
    Rename("SettingsBluetoothName", 6, 'Rename this phone for Bluetooth to "{words}".',
           ("Connected devices", "Bluetooth", "Device name"), ("secure", "bluetooth_name"), "Rename"),
    TimeZone(),
    SetDate(),
    AppNotifications(),
    Uninstall(),
    Ask(),
)  # fmt: skip
