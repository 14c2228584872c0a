"""The system's own windows: status bar, navigation bar, notification shade with quick settings, recent apps, volume."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from vlgym.android.ui.material import AppIcon, app_face
from vlgym.android.ui.paint import Painter, Recording
from vlgym.android.ui.scroll import HorizontalScrollView, ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, ImageButton, ImageView, Picture, SeekBar, TextView

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.android.systemui"


def clock_text(manager: WindowManager) -> str:
    """Return the time as the status bar shows it."""
    moment = manager.state.clock.local()
    if manager.state.settings.get("system", "time_12_24") == "24":
        return f"{moment:%H:%M}"
    return f"{moment.hour % 12 or 12}:{moment:%M}"


def status_icons(manager: WindowManager) -> list[tuple[str, str]]:
    """Return icon and description of what the right end of the status bar shows."""
    settings = manager.state.settings
    number = settings.number
    icons = []
    if number("global", "zen_mode"):
        icons.append(("do_not_disturb_on", "Do Not Disturb."))
    if any(alarm.get("clock") for alarm in manager.ui["alarms"]):
        icons.append(("alarm", "Alarm set."))
    if number("global", "bluetooth_on"):
        icons.append(("bluetooth", "Bluetooth on."))
    if number("global", "mode_ringer", 2) != 2:
        icons.append(("vibration", "Ringer vibrate."))
    if number("global", "wifi_on") in (1, 2):
        icons.append(("signal_wifi_4_bar", "Wifi signal full."))
    if number("global", "airplane_mode_on"):
        icons.append(("airplanemode_active", "Airplane mode."))
    else:
        icons.append(("signal_cellular_4_bar", "Phone signal full."))
    icons.append(("battery_full", "Battery 100 percent."))
    return icons


def status_bar(manager: WindowManager) -> View:
    """Return the status bar: clock, notifications' icons, radios, battery."""
    ink = manager.activity().bars
    posted = [app_face(n["package"])[0] for n in manager.notices.all()][:4]
    left = [ImageView(icon, size=15, colour=ink, margin=(3, 0)) for icon in dict.fromkeys(posted)]
    right = [
        ImageView(icon, size=15, colour=ink, content_desc=text, margin=(1.5, 0)) for icon, text in status_icons(manager)
    ]
    return Row(
        TextView(clock_text(manager), style="title_small", colour=ink, id="clock", margin=(0, 0, 6, 0)),
        *left,
        Space(weight=1),
        *right,
        width=MATCH,
        height=MATCH,
        padding=(24, 4, 20, 0),
        id="status_bar",
    )


def status_stamp(manager: WindowManager) -> Hashable:
    """Return what the status bar is made of."""
    posted = tuple(note["package"] for note in manager.notices.all())
    return manager.activity().bars, clock_text(manager), tuple(status_icons(manager)), posted


def navigation_stamp(manager: WindowManager) -> Hashable:
    """Return what the navigation bar is made of."""
    return manager.activity().bars, manager.gestures, bool(manager.ui["ime"].get("shown"))


def navigation_bar(manager: WindowManager) -> View:
    """Return the gesture handle, or the three buttons."""
    ink = "on_surface" if manager.ui["ime"].get("shown") else manager.activity().bars
    if manager.gestures:
        handle = View(width=108, height=4, radius=2, background=ink, gravity="center", id="home_handle")
        return FrameLayout(handle, width=MATCH, height=MATCH)

    def shape(kind: str) -> Callable[[Painter, int, int, int, int], None]:
        def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
            colour, unit = manager.metrics.colour(ink), manager.metrics.dp(1)
            x, y = left + width / 2, top + height / 2
            if kind == "back":
                for dy in (-7, 7):
                    p.line(x + 5 * unit, y + dy * unit, x - 6 * unit, y, colour, 2 * unit)
                p.line(x + 5 * unit, y - 7 * unit, x + 5 * unit, y + 7 * unit, colour, 2 * unit)
            elif kind == "home":
                p.circle(x, y, 8 * unit, colour, 2 * unit)
            else:
                p.round(x - 7 * unit, y - 7 * unit, x + 7 * unit, y + 7 * unit, 2 * unit, colour, 2 * unit)

        return draw

    keys = (
        ("back", "Back", manager.back),
        ("home", "Home", manager.home),
        ("recent_apps", "Overview", manager.show_recents),
    )
    cells = [
        Picture(shape(name), id=name, content_desc=label, on_click=act, weight=1, height=MATCH, radius=24)
        for name, label, act in keys
    ]
    return Row(*cells, width=MATCH, height=MATCH, padding=(32, 0))


# ---------------------------------------------------------------- quick settings


class Tile(NamedTuple):
    """A tile of the quick settings."""

    label: str
    icon: str
    on: bool
    state: str
    toggle: Callable[[], object]
    page: str = ""
    """Settings activity that a long press opens."""


def tiles(manager: WindowManager) -> list[Tile]:
    """Return the tiles in order."""
    settings, effects = manager.state.settings, manager.state.effects
    number = settings.number

    def flip(space: str, key: str, on: int = 1, off: int = 0) -> Callable[[], None]:
        return lambda: settings.put(space, key, off if number(space, key) == on else on)

    wifi, bluetooth = number("global", "wifi_on") in (1, 2), bool(number("global", "bluetooth_on"))
    airplane, night = bool(number("global", "airplane_mode_on")), number("secure", "ui_night_mode", 1) == 2
    zen, turn = bool(number("global", "zen_mode")), bool(number("system", "accelerometer_rotation"))
    torch = bool(number("secure", "flashlight_enabled"))
    saver = bool(number("global", "low_power"))
    page = "com.android.settings/.Settings$"
    return [
        Tile(
            "Internet",
            "wifi" if wifi else "wifi_off",
            wifi,
            "AndroidWifi" if wifi else "Off",
            lambda: effects.set_wifi(not wifi, PACKAGE),
            page + "WifiSettingsActivity",
        ),
        Tile(
            "Bluetooth",
            "bluetooth" if bluetooth else "bluetooth_disabled",
            bluetooth,
            "On" if bluetooth else "Off",
            lambda: effects.set_bluetooth(not bluetooth, PACKAGE),
            page + "BluetoothSettingsActivity",
        ),
        Tile(
            "Flashlight",
            "flashlight_on" if torch else "flashlight_off",
            torch,
            "On" if torch else "Off",
            flip("secure", "flashlight_enabled"),
        ),
        Tile("Do Not Disturb", "do_not_disturb_on", zen, "On" if zen else "Off", flip("global", "zen_mode")),
        Tile(
            "Airplane mode",
            "airplanemode_active",
            airplane,
            "On" if airplane else "Off",
            lambda: effects.set_airplane(not airplane),
            page + "NetworkDashboardActivity",
        ),
        Tile("Auto-rotate", "screen_rotation", turn, "On" if turn else "Off", flip("system", "accelerometer_rotation")),
        Tile(
            "Dark theme",
            "dark_mode",
            night,
            "On" if night else "Off",
            flip("secure", "ui_night_mode", 2, 1),
            page + "DisplaySettingsActivity",
        ),
        Tile("Battery Saver", "battery_std", saver, "On" if saver else "Off", flip("global", "low_power")),
    ]


def _tile_view(manager: WindowManager, tile: Tile) -> View:
    ink = "on_primary" if tile.on else "on_surface"

    def act() -> None:
        tile.toggle()
        manager.changed_system()

    words = Column(
        TextView(tile.label, style="label_large", colour=ink, lines=1, id="tile_label"),
        TextView(tile.state, style="body_small", colour=ink, lines=1, id="app_label"),
        weight=1,
    )
    view = Row(
        ImageView(tile.icon, colour=ink, size=20),
        Space(width=12),
        words,
        weight=1,
        height=72,
        padding=(16, 0),
        radius=28,
        background="primary" if tile.on else "surface_high",
        on_click=act,
        content_desc=f"{tile.label}, {tile.state}",
        id=f"tile_{tile.label.lower().replace(' ', '_').replace('-', '_')}",
    )
    view.android_class, view.checkable, view.checked = "android.widget.Switch", True, tile.on
    if tile.page:
        view.on_long_click = lambda: manager.open_page(tile.page)
    return view


def _grid(views: list[View], columns: int = 2) -> list[View]:
    rows: list[View] = []
    for first in range(0, len(views), columns):
        rows.append(Row(*views[first : first + columns], width=MATCH, spacing=8))
    return rows


def _brightness(manager: WindowManager) -> View:
    settings = manager.state.settings

    def change(value: int) -> None:
        settings.put("system", "screen_brightness", max(value, 1))
        manager.changed_system()

    return SeekBar(
        settings.number("system", "screen_brightness", 102),
        255,
        on_change=change,
        thick=True,
        icon="brightness_high",
        id="slider",
        content_desc="Display brightness",
        height=48,
    )


def _notification(manager: WindowManager, note: dict[str, Any]) -> View:
    package = note["package"]
    packages = manager.state.packages
    label = packages[package].label if package in packages else package
    buttons = [
        Button(text, kind="text", on_click=partial(manager.notices.act, note, text)) for text in note.get("actions", ())
    ]
    card = Column(
        Row(
            AppIcon(package, 20),
            TextView(label, style="body_small", colour="on_surface_variant", id="app_name_text"),
            spacing=8,
        ),
        TextView(note["title"], style="title_small", id="title", lines=1),
        TextView(note["text"], style="body_medium", colour="on_surface_variant", id="text", lines=3)
        if note["text"]
        else None,
        Row(*buttons, margin=(-12, 4, 0, 0)) if buttons else None,
        width=MATCH,
        padding=16,
        radius=24,
        background="surface_low",
        spacing=4,
        id="notification",
        on_click=lambda: manager.notices.open(note),
        on_swipe=lambda side: side in ("left", "right") and manager.notices.dismiss(note),
    )
    card.android_class = "android.widget.FrameLayout"
    return card


def shade(manager: WindowManager) -> View:
    """Return the shade: some tiles over the notifications, or all tiles with the brightness slider."""
    full = manager.ui["shade"] == "quick"
    moment = manager.state.clock.local()
    all_tiles = [_tile_view(manager, tile) for tile in tiles(manager)]
    head = Row(
        TextView(clock_text(manager), style="headline_medium" if full else "title_medium", id="clock"),
        TextView(f"{moment:%a, %b} {moment.day}", style="title_small", colour="on_surface_variant", id="date"),
        Space(weight=1),
        *(ImageView(icon, size=16, content_desc=text) for icon, text in status_icons(manager)),
        width=MATCH,
        spacing=8,
        padding=(8, 0),
    )
    content: list[View] = [head]
    if full:
        content += [_brightness(manager), *_grid(all_tiles)]
        content.append(
            Row(
                Space(weight=1),
                ImageButton("edit", content_desc="Edit tiles", size=20, enabled=False),
                ImageButton(
                    "settings",
                    content_desc="Open settings.",
                    size=20,
                    id="settings_button",
                    on_click=lambda: manager.open_page("com.android.settings/.Settings"),
                ),
                ImageButton("power_settings_new", content_desc="Open power menu.", size=20, enabled=False),
                width=MATCH,
            )
        )
    else:
        content += _grid(all_tiles[:4])
        notes = manager.notices.all()
        content += [_notification(manager, note) for note in notes]
        if notes:
            clear = Button("Clear all", kind="tonal", on_click=manager.notices.clear, id="dismiss_text")
            content.append(Row(Space(weight=1), clear, width=MATCH))
        else:
            quiet = TextView(
                "No notifications", style="body_medium", colour="on_surface_variant", id="no_notifications"
            )
            content.append(Row(quiet, width=MATCH, align="center", height=64))
    body = Column(*content, width=MATCH, spacing=8)
    panel = FrameLayout(
        ScrollView(body, width=MATCH, id="shade_scroll"),
        width=MATCH,
        height=MATCH,
        background="surface_container",
        padding=(16, 44, 16, 24),
        on_swipe=manager.shade_swipe,
        id="notification_panel",
    )
    return panel


# ---------------------------------------------------------------- recent apps, volume


def recents(manager: WindowManager) -> View:
    """Return the recent apps: a card for each task, swiped up to end it."""
    home = manager.state.packages.home()
    tasks = [task for task in manager.tasks.all if task["activities"][0]["component"] != home]
    if not tasks:
        return FrameLayout(
            TextView("No recent items", style="title_large", colour="on_surface", gravity="center"),
            width=MATCH,
            height=MATCH,
            background="surface_high",
            on_click=manager.home,
            content_desc="No recent items",
        )
    cards = [_recent_card(manager, task) for task in tasks]
    strip = HorizontalScrollView(
        Row(*cards, spacing=16, padding=(48, 0)), width=MATCH, height=560, gravity="center", id="overview_panel"
    )
    clear = Button(
        "Clear all",
        kind="text",
        gravity="bottom|center_horizontal",
        margin=(0, 0, 0, 64),
        id="clear_all",
        on_click=manager.end_all,
    )
    return FrameLayout(
        strip,
        clear,
        width=MATCH,
        height=MATCH,
        background="surface_high",
        on_click=manager.home,
        content_desc="Recent apps",
    )


def _recent_card(manager: WindowManager, task: dict[str, Any]) -> View:
    package = task["activities"][0]["component"].partition("/")[0]
    packages = manager.state.packages
    label = packages[package].label if package in packages else package
    number = task["id"]
    face = Column(
        AppIcon(package, 72),
        TextView(label, style="headline_small", margin=(0, 16, 0, 0)),
        width=MATCH,
        weight=1,
        background="surface",
        radius=28,
        align="center",
        id="snapshot",
        content_desc=label,
        on_click=lambda: manager.resume_task(number),
        on_swipe=lambda side: side == "up" and manager.end_task(number),
    )
    return Column(
        Row(AppIcon(package, 36), gravity="center_horizontal", height=52),
        face,
        width=264,
        height=MATCH,
        id="task",
        content_desc=label,
    )


def volume_panel(manager: WindowManager) -> View:
    """Return the panel that the volume keys open."""
    settings = manager.state.settings

    def change(value: int) -> None:
        settings.put("system", "volume_music", value)
        manager.changed_system()

    bar = SeekBar(
        settings.number("system", "volume_music", 5),
        15,
        on_change=change,
        id="volume_row_slider",
        content_desc="Media volume",
        width=200,
    )
    more = ImageButton(
        "tune",
        content_desc="Settings",
        on_click=lambda: manager.open_page("com.android.settings/.Settings$SoundSettingsActivity"),
    )
    panel = Row(
        ImageView("music_note"), bar, more, background="surface_container", radius=28, padding=(16, 4), spacing=4
    )
    panel.place = "top"
    return panel


def heads_up(manager: WindowManager, note: dict[str, Any]) -> View:
    """Return a notification as it pops up over the screen."""
    card = _notification(manager, note)
    card.place, card.background = "top", "surface_high"
    return card


@lru_cache(16)
def wallpaper(w: int, h: int, night: bool) -> Any:
    """Return the picture of the wallpaper over a display: a slow gradient with two hills."""
    recording = Recording(w, h)
    p = recording.painter
    sky = (0xFF0E1830, 0xFF1D3057, 0xFF3A3F6B) if night else (0xFF2B5C8A, 0xFF4C86AE, 0xFF8E9FB5)
    hills = (0xFF1B2A4A, 0xFF131E36) if night else (0xFF3B647F, 0xFF27485F)
    p.gradient(0, 0, w, h, sky)
    p.circle(w * 0.78, h * 0.3, min(w, h) * 0.09, 0xFFF4F1DE if night else 0xFFFFF3D6)
    p.circle(w * 0.1, h * 1.28, max(w, h) * 0.55, hills[0])
    p.circle(w * 0.95, h * 1.35, max(w, h) * 0.55, hills[1])
    return recording.finish()
