"""Sound & vibration, Do Not Disturb, notifications."""

from __future__ import annotations

from vlgym.android.apps.settings.pages import Page
from vlgym.android.ui.material import ListItem, MainSwitch, Section, SwitchItem
from vlgym.android.ui.view import MATCH, Column, Row, Space, View
from vlgym.android.ui.widgets import ImageView, SeekBar, TextView

# label, icon, setting, highest level
STREAMS = (
    ("Media volume", "music_note", "volume_music", 15),
    ("Call volume", "call", "volume_voice", 5),
    ("Ring volume", "notifications_active", "volume_ring", 7),
    ("Notification volume", "notifications", "volume_notification", 7),
    ("Alarm volume", "alarm", "volume_alarm", 7),
)


class SoundSettings(Page):
    """Sound & vibration."""

    title = "Sound & vibration"

    def rows(self) -> list[View | None]:
        """Return a slider for each stream, then the rest."""
        zen = bool(self.number("global", "zen_mode"))
        return [
            *(self._volume(*stream) for stream in STREAMS),
            self.link("Do Not Disturb", "On" if zen else "Off", "notification.zen.ZenModeSettings"),
            SwitchItem(
                "Vibrate for calls",
                bool(self.number("system", "vibrate_when_ringing")),
                self.toggle("system", "vibrate_when_ringing"),
                "Vibrate when a call comes in",
            ),
            Section("Other sounds"),
            SwitchItem(
                "Dial pad tones", bool(self.number("system", "dtmf_tone", 1)), self.toggle("system", "dtmf_tone")
            ),
            SwitchItem(
                "Screen locking sound",
                bool(self.number("system", "lockscreen_sounds_enabled", 1)),
                self.toggle("system", "lockscreen_sounds_enabled"),
            ),
            SwitchItem(
                "Touch sounds",
                bool(self.number("system", "sound_effects_enabled", 1)),
                self.toggle("system", "sound_effects_enabled"),
            ),
        ]

    def _volume(self, label: str, icon: str, key: str, most: int) -> View:
        bar = SeekBar(
            min(self.number("system", key, 5), most),
            most,
            id="seekbar",
            content_desc=label,
            on_change=lambda value: self.put("system", key, value),
        )
        words = Column(TextView(label, style="body_large", id="title", margin=(12, 8, 0, 0)), bar, weight=1)
        return Row(ImageView(icon), Space(width=8), words, width=MATCH, padding=(24, 0, 12, 0), id=key)


class ZenMode(Page):
    """Do Not Disturb."""

    title = "Do Not Disturb"

    def rows(self) -> list[View | None]:
        """Return the switch and the exceptions."""
        on = bool(self.number("global", "zen_mode"))
        return [
            MainSwitch("Turn on Do Not Disturb", on, self.toggle("global", "zen_mode")),
            Section("What can interrupt Do Not Disturb"),
            SwitchItem(
                "Alarms",
                bool(self.number("global", "zen_alarms", 1)),
                self.toggle("global", "zen_alarms"),
                icon="alarm",
            ),
            SwitchItem(
                "Calls", bool(self.number("global", "zen_calls", 1)), self.toggle("global", "zen_calls"), icon="call"
            ),
            SwitchItem(
                "Messages",
                bool(self.number("global", "zen_messages")),
                self.toggle("global", "zen_messages"),
                icon="message",
            ),
        ]


class Notifications(Page):
    """Notifications."""

    title = "Notifications"

    def rows(self) -> list[View | None]:
        """Return history, pop-ups, Do Not Disturb."""
        zen = bool(self.number("global", "zen_mode"))
        heads = "heads_up_notifications_enabled"
        return [
            self.link(
                "App settings",
                "Control notifications from individual apps",
                "applications.manageapplications.ManageApplications",
            ),
            SwitchItem(
                "Notification history",
                bool(self.number("secure", "notification_history_enabled")),
                self.toggle("secure", "notification_history_enabled"),
            ),
            SwitchItem("Pop on screen", bool(self.number("global", heads, 1)), self.toggle("global", heads)),
            self.link("Do Not Disturb", "On" if zen else "Off", "notification.zen.ZenModeSettings"),
            SwitchItem(
                "Notification dot on app icon",
                bool(self.number("secure", "notification_badging", 1)),
                self.toggle("secure", "notification_badging"),
            ),
            ListItem("Sensitive notifications", "Shown on the lock screen"),
        ]
