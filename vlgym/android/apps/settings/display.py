"""Display and accessibility."""

from __future__ import annotations

from typing import Any

from vlgym.android.apps.settings.pages import Page
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog
from vlgym.android.ui.material import Card, ListItem, Section, SwitchItem
from vlgym.android.ui.view import MATCH, View
from vlgym.android.ui.widgets import SeekBar, TextView

SIZES = (0.85, 1.0, 1.15, 1.3, 1.5, 1.8)
"""Font scales, the second is the default."""
SIZE_NAMES = ("Small", "Default", "Large", "Larger", "Very large", "Largest")
TIMEOUTS = (
    (15_000, "15 seconds"),
    (30_000, "30 seconds"),
    (60_000, "1 minute"),
    (120_000, "2 minutes"),
    (300_000, "5 minutes"),
    (600_000, "10 minutes"),
    (1_800_000, "30 minutes"),
)
MAX_BRIGHTNESS = 255


def size_of(page: Page) -> int:
    """Return the place of the font scale in SIZES."""
    try:
        scale = float(page.state.settings.get("system", "font_scale") or 1.0)
    except ValueError:
        scale = 1.0
    return min(range(len(SIZES)), key=lambda place: abs(SIZES[place] - scale))


class DisplaySettings(Page):
    """Display."""

    title = "Display"

    def rows(self) -> list[View | None]:
        """Return brightness, lock, appearance, colour."""
        level = self.number("system", "screen_brightness", 102)
        wait = self.number("system", "screen_off_timeout", 60_000)
        night = self.number("secure", "ui_night_mode", 1) == 2
        return [
            Section("Brightness"),
            ListItem(
                "Brightness level",
                f"{round(100 * level / MAX_BRIGHTNESS)}%",
                on_click=lambda: self.host.show("brightness"),
            ),
            SwitchItem(
                "Adaptive brightness",
                bool(self.number("system", "screen_brightness_mode")),
                self.toggle("system", "screen_brightness_mode"),
                "Off" if not self.number("system", "screen_brightness_mode") else "On",
            ),
            Section("Lock display"),
            ListItem(
                "Screen timeout", f"After {_wait_name(wait)} of inactivity", on_click=lambda: self.host.show("timeout")
            ),
            Section("Appearance"),
            SwitchItem(
                "Dark theme",
                night,
                self.toggle("secure", "ui_night_mode", 2, 1),
                "Will never turn off automatically" if night else "Will never turn on automatically",
            ),
            ListItem("Font size", SIZE_NAMES[size_of(self)], on_click=lambda: self.host.show("font")),
            Section("Other display controls"),
            SwitchItem(
                "Auto-rotate screen",
                bool(self.number("system", "accelerometer_rotation")),
                self.toggle("system", "accelerometer_rotation"),
            ),
            SwitchItem(
                "Night Light",
                bool(self.number("secure", "night_display_activated")),
                self.toggle("secure", "night_display_activated"),
            ),
            SwitchItem("Show taps", bool(self.number("system", "show_touches")), self.toggle("system", "show_touches")),
        ]

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return a slider or a choice."""
        host = self.host
        if name == "brightness":
            bar = SeekBar(
                self.number("system", "screen_brightness", 102),
                MAX_BRIGHTNESS,
                thick=True,
                icon="brightness_high",
                id="slider",
                content_desc="Display brightness",
                on_change=lambda v: self.put("system", "screen_brightness", max(v, 1)),
                margin=(24, 8),
            )
            dialog = AlertDialog("", bar)
            dialog.place = "top"
            return dialog
        if name == "timeout":
            waits = [wait for wait, _ in TIMEOUTS]
            now = self.number("system", "screen_off_timeout", 60_000)
            chosen = waits.index(now) if now in waits else -1

            def choose(place: int) -> None:
                host.dismiss()
                self.put("system", "screen_off_timeout", waits[place])

            return ChoiceDialog("Screen timeout", [label for _, label in TIMEOUTS], chosen, choose, host.dismiss)
        return font_dialog(self)


def font_dialog(page: Page) -> View:
    """Return the font size slider with a sample."""
    place = size_of(page)
    sample = Card(
        TextView("Sample text", style="title_medium"),
        TextView(
            "Even with eyes protected by the green spectacles, Dorothy and her friends were dazzled.",
            style="body_medium",
        ),
        margin=(24, 0),
        spacing=4,
    )
    bar = SeekBar(
        place,
        len(SIZES) - 1,
        id="seek_bar",
        content_desc="Font size",
        margin=(12, 8),
        on_change=lambda v: page.put("system", "font_scale", str(SIZES[v])),
    )
    label = TextView(SIZE_NAMES[place], style="body_medium", align="center", width=MATCH, id="current_label")
    return AlertDialog("Font size", sample, bar, label, buttons=(("Done", page.host.dismiss),))


def _wait_name(wait: int) -> str:
    return dict(TIMEOUTS).get(wait, f"{wait // 1000} seconds")


class Accessibility(Page):
    """Accessibility."""

    title = "Accessibility"

    def rows(self) -> list[View | None]:
        """Return what helps to see and hear."""
        on = "accessibility_display_inversion_enabled"
        return [
            Section("Display"),
            ListItem(
                "Font size", SIZE_NAMES[size_of(self)], icon="format_size", on_click=lambda: self.host.show("font")
            ),
            SwitchItem("Color inversion", bool(self.number("secure", on)), self.toggle("secure", on), icon="palette"),
            Section("Interaction controls"),
            SwitchItem(
                "Remove animations",
                self.state.settings.get("global", "animator_duration_scale") in ("0", "0.0"),
                lambda v: self.put("global", "animator_duration_scale", "0" if v else "1.0"),
                icon="touch_app",
            ),
            Section("Audio"),
            SwitchItem(
                "Mono audio",
                bool(self.number("system", "master_mono")),
                self.toggle("system", "master_mono"),
                icon="hearing",
            ),
        ]

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the font size slider."""
        return font_dialog(self)
