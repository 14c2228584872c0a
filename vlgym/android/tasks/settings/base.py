"""What the settings' tasks share: where switches are, what tasks begin with, how changes are judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, click, launch, seek

Key = tuple[str, str]
"""Table and name of a setting."""


class Toggle(NamedTuple):
    """A switch of the settings: where it is, what it is called there and in an instruction, what it writes."""

    path: tuple[str, ...]
    label: str
    words: str
    key: Key
    on: str = "1"
    off: str = "0"


NETWORK, SOUND, DISPLAY = "Network & internet", "Sound & vibration", "Display"
TOGGLES = {
    toggle.words: toggle
    for toggle in (
        Toggle((NETWORK, "Internet"), "Wi-Fi", "Wi-Fi", ("global", "wifi_on")),
        Toggle(("Connected devices", "Bluetooth"), "Use Bluetooth", "Bluetooth", ("global", "bluetooth_on")),
        Toggle((NETWORK,), "Airplane mode", "airplane mode", ("global", "airplane_mode_on")),
        Toggle((NETWORK,), "Mobile data", "mobile data", ("global", "mobile_data")),
        Toggle((NETWORK,), "Data Saver", "Data Saver", ("global", "data_saver")),
        Toggle(("Connected devices",), "NFC", "NFC", ("global", "nfc_on")),
        Toggle(("Notifications",), "Notification history", "notification history",
               ("secure", "notification_history_enabled")),
        Toggle(("Notifications",), "Pop on screen", "pop-up notifications (Pop on screen)",
               ("global", "heads_up_notifications_enabled")),
        Toggle(("Notifications",), "Notification dot on app icon", "the notification dot on app icons",
               ("secure", "notification_badging")),
        Toggle(("Battery",), "Battery Saver", "Battery Saver", ("global", "low_power")),
        Toggle(("Battery",), "Battery percentage", "the battery percentage in the status bar",
               ("system", "status_bar_show_battery_percent")),
        Toggle((SOUND, "Do Not Disturb"), "Turn on Do Not Disturb", "Do Not Disturb", ("global", "zen_mode")),
        Toggle((SOUND,), "Vibrate for calls", "vibration for calls", ("system", "vibrate_when_ringing")),
        Toggle((SOUND,), "Dial pad tones", "dial pad tones", ("system", "dtmf_tone")),
        Toggle((SOUND,), "Screen locking sound", "the screen locking sound",
               ("system", "lockscreen_sounds_enabled")),
        Toggle((SOUND,), "Touch sounds", "touch sounds", ("system", "sound_effects_enabled")),
        Toggle((DISPLAY,), "Adaptive brightness", "adaptive brightness", ("system", "screen_brightness_mode")),
        Toggle((DISPLAY,), "Dark theme", "the dark theme", ("secure", "ui_night_mode"), "2", "1"),
        Toggle((DISPLAY,), "Night Light", "Night Light", ("secure", "night_display_activated")),
        Toggle((DISPLAY,), "Show taps", "the display of taps", ("system", "show_touches")),
        Toggle(("Accessibility",), "Color inversion", "color inversion",
               ("secure", "accessibility_display_inversion_enabled")),
        Toggle(("Accessibility",), "Mono audio", "mono audio", ("system", "master_mono")),
        Toggle(("Location",), "Use location", "location", ("secure", "location_mode"), "3", "0"),
        Toggle(("System", "Date & time"), "Use 24-hour format", "the 24-hour format", ("system", "time_12_24"),
               "24", "12"),
    )
}  # fmt: skip
"""The switches by what an instruction calls them."""

START: dict[Key, str] = {
    **{toggle.key: toggle.off for toggle in TOGGLES.values()},
    **{
        TOGGLES[words].key: TOGGLES[words].on
        for words in ("Wi-Fi", "Bluetooth", "mobile data", "location", "dial pad tones", "touch sounds")
    },
    ("global", "heads_up_notifications_enabled"): "1",
    ("secure", "notification_badging"): "1",
    ("system", "lockscreen_sounds_enabled"): "1",
    ("system", "time_12_24"): "24",
    ("global", "wifi_network"): "AndroidWifi",
    ("global", "device_name"): "Android phone",
    ("secure", "bluetooth_name"): "Android phone",
    ("secure", "navigation_mode"): "2",
    ("system", "screen_brightness"): "102",
    ("system", "screen_off_timeout"): "60000",
    ("system", "font_scale"): "1.0",
    ("system", "volume_music"): "5",
    ("system", "volume_voice"): "4",
    ("system", "volume_ring"): "5",
    ("system", "volume_notification"): "5",
    ("system", "volume_alarm"): "6",
}
"""What tasks begin with, and what must be so in the end but for the changes that are asked for."""
TIMEOUTS = {
    "15 seconds": "15000",
    "30 seconds": "30000",
    "2 minutes": "120000",
    "5 minutes": "300000",
    "10 minutes": "600000",
    "30 minutes": "1800000",
}
"""Screen timeout as the settings say it -> milliseconds."""
FONT_SIZES = {
    "Small": "0.85",
    "Default": "1.0",
    "Large": "1.15",
    "Larger": "1.3",
    "Very large": "1.5",
    "Largest": "1.8",
}
"""Font size as the settings say it -> scale."""
_UNSET = {("global", "wifi_network"): "AndroidWifi", ("secure", "notification_badging"): "1"}
RADIOS = (("global", "wifi_on"), ("global", "bluetooth_on"), ("global", "mobile_data"))
"""What airplane mode changes."""
AIRPLANE = ("global", "airplane_mode_on")


def put(phone: Phone, values: Mapping[Key, str]) -> None:
    """Set what differs."""
    for (table, name), value in values.items():
        if phone.setting(table, name) != value:
            phone.put_setting(table, name, value)


def holds(phone: Phone, key: Key, value: str) -> bool:
    """Return whether a setting has a value; what was never set counts as its default."""
    found = phone.setting(*key)
    return (found if found is not None else _UNSET.get(key, "0")) == value


def walk(screen: Screen, *titles: str) -> Iterator[str]:
    """Yield the touches that open the settings and go from page to page."""
    yield from launch(screen, "Settings")
    for title in titles:
        yield from seek(screen, title)
        yield click(title)


class SettingsTask(Template):
    """Base of the tasks that change settings.

    `wanted` names the changes; every other setting of START must stay as `begin` made it, but for those in `loose`.
    """

    app = "settings"
    loose: tuple[Key, ...] = ()
    checkpoints: tuple[str, ...] = ("open the settings", "make the change")

    def begin(self, p: Params) -> dict[Key, str]:
        """Return settings that differ from START to begin with."""
        return {}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the changes."""
        raise NotImplementedError

    def setup(self, phone: Phone, p: Params) -> None:
        """Set everything that is judged."""
        put(phone, {**START, **self.begin(p)})

    def untouched(self, phone: Phone, p: Params) -> bool:
        """Return whether all that nobody asked for is as it was."""
        wanted = self.wanted(p)
        kept = {key: value for key, value in {**START, **self.begin(p)}.items() if key not in wanted}
        return all(holds(phone, key, value) for key, value in kept.items() if key not in self.loose)

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the changes are made and nothing else is."""
        return all(holds(phone, *item) for item in self.wanted(p).items()) and self.untouched(phone, p)

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge."""
        return (phone.foreground().startswith("com.android.settings/"), self.solved(phone, p))
