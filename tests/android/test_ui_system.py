"""The system's windows: shade, recents, volume, rotation, the stack of activities."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip("skia")

from phone import CLOCK, SETTINGS, SMALL, Phone, bounds

HOME = "com.google.android.apps.nexuslauncher/com.google.android.apps.nexuslauncher.NexusLauncherActivity"


@pytest.fixture
def phone() -> Phone:
    return Phone()


def test_shade_and_quick_settings(phone: Phone) -> None:
    phone.swipe(540, 20, 540, 1200)
    assert phone.shows("No notifications")
    assert not phone.shows("Airplane mode")
    phone.swipe(540, 700, 540, 1600)
    phone.press("Airplane mode")
    assert phone.state.settings.get("global", "airplane_mode_on") == "1"
    assert phone.state.settings.number("global", "bluetooth_on") == 0
    left, top, right, bottom = bounds(phone.named("slider")[0])
    phone.tap(left + (right - left) * 0.75, (top + bottom) / 2)
    assert abs(phone.state.settings.number("system", "screen_brightness") - 191) <= 2
    phone.swipe(540, 2000, 540, 900)
    phone.swipe(540, 2000, 540, 900)
    assert not phone.shows("Airplane mode")
    assert phone.shows("Clock")


def test_the_shell_moves_the_shade(phone: Phone) -> None:
    phone.shell("cmd statusbar expand-notifications")
    assert phone.shows("No notifications")
    assert not phone.shows("Airplane mode")
    phone.shell("cmd statusbar expand-settings")
    assert phone.shows("Airplane mode")
    phone.shell("cmd statusbar collapse")
    assert not phone.shows("Airplane mode")
    assert phone.shows("Clock")


@pytest.mark.parametrize(("word", "mode"), [("on", "2"), ("priority", "1"), ("alarms", "3"), ("off", "0")])
def test_the_shell_sets_do_not_disturb(phone: Phone, word: str, mode: str) -> None:
    phone.shell("settings put global zen_mode 9")
    assert phone.shell(f"cmd notification set_dnd {word}").code == 0
    assert phone.state.settings.get("global", "zen_mode") == mode
    assert phone.shell("cmd notification set_dnd loud").code == 255
    assert phone.state.settings.get("global", "zen_mode") == mode


def test_a_dialog_beside_the_keyboard_of_a_turned_display_keeps_its_buttons(phone: Phone) -> None:
    phone.shell("settings put system accelerometer_rotation 0; settings put system user_rotation 1")
    phone.start_activity(CLOCK)
    phone.press("tab_alarm", "fab", "Switch to text input mode")
    phone.press("Minute")
    assert phone.windows.ui["ime"]["shown"]
    top = bounds(phone.named("key_1")[0])[1]
    for name in ("Cancel", "OK", "Minute"):
        box = bounds(phone.named(name)[0])
        assert box[3] <= top, name
        assert box[3] - box[1] >= phone.windows.metrics.dp(40), name
    phone.text("37")
    assert phone.named("Minute")[0].get("text") == "37"


def test_a_time_is_typed_to_the_minute(phone: Phone) -> None:
    phone.start_activity(CLOCK)
    phone.press("tab_alarm", "fab", "Switch to text input mode", "Hour")
    phone.text("0")
    phone.text("9")
    phone.press("Minute")
    phone.text("37")
    phone.press("OK")
    assert phone.shows("09:37") or phone.shows("9:37")


def test_a_tile_held_opens_its_page(phone: Phone) -> None:
    phone.key(83)
    x, y = phone.centre("Bluetooth")
    phone.swipe(x, y, x, y, 0.6)
    assert phone.foreground().endswith("BluetoothSettingsActivity")
    assert not phone.shows("notification_panel")


def test_recent_apps(phone: Phone) -> None:
    phone.start_activity(CLOCK)
    phone.start_activity(SETTINGS)
    phone.key(187)
    assert [n.get("content-desc") for n in phone.nodes() if n.get("resource-id", "").endswith(":id/task")] == [
        "Settings",
        "Clock",
    ]
    x, _y = phone.centre("Settings")
    phone.swipe(x, 1200, x, 500, 0.2)
    assert [task["activities"][0].partition("/")[0] for task in phone.stack()] == [
        "com.google.android.deskclock",
        "com.google.android.apps.nexuslauncher",
    ]
    phone.press("Clear all")
    assert [task["activities"] for task in phone.stack()] == [[HOME]]
    assert phone.foreground() == HOME


def test_rotation_font_scale_and_density(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    upright = bounds(phone.named("Settings")[0])
    phone.shell("settings put system font_scale 1.5")
    larger = bounds(phone.named("Settings")[0])
    assert larger[3] - larger[1] > 1.3 * (upright[3] - upright[1])
    phone.shell("settings put system font_scale nonsense; settings put system user_rotation 1")
    assert (phone.size, phone.rotation) == ((2400, 1080), 1)
    assert phone.screenshot((360, 800)).shape == (360, 800, 3)
    assert ElementTree.fromstring(phone.hierarchy()).get("rotation") == "1"
    phone.shell("settings put system accelerometer_rotation 1")
    assert phone.size == (1080, 2400)
    phone.shell("wm density 280")
    smaller = bounds(phone.named("Settings")[0])
    assert smaller[3] - smaller[1] < upright[3] - upright[1]


def test_screen_off_takes_no_touches(phone: Phone) -> None:
    x, y = phone.centre("Clock")
    phone.key(26)
    assert not phone.screenshot(SMALL).any()
    phone.tap(x, y)
    phone.text("a")
    assert phone.foreground() == HOME
    phone.key(224)
    assert phone.screenshot(SMALL).any()
    phone.tap(x, y)
    assert phone.foreground().startswith("com.google.android.deskclock")


def test_volume_keys_show_a_panel_for_a_while(phone: Phone) -> None:
    phone.key(24)
    assert phone.state.settings.get("system", "volume_music") == "6"
    assert phone.shows("Media volume")
    phone.advance(2.9)
    assert phone.shows("Media volume")
    before = phone.screenshot(SMALL)
    phone.advance(0.2)
    assert not phone.shows("Media volume")
    assert (phone.screenshot(SMALL) != before).any()


def test_activity_stack(phone: Phone) -> None:
    with pytest.raises(LookupError, match="does not exist"):
        phone.start_activity("com.android.settings/.Nowhere")
    phone.start_activity(SETTINGS)
    phone.press("Apps", "See all 16 apps")
    assert [len(task["activities"]) for task in phone.stack()] == [3, 1]
    phone.key(3)
    phone.press("Settings")
    assert phone.shows("Audio Recorder"), "the launcher brings a task back as it was left"
    phone.start_activity(SETTINGS)
    assert next(len(task["activities"]) for task in phone.stack()) == 1, "singleTask"
    phone.key(4)
    assert phone.foreground() == HOME
    assert len(phone.stack()) == 2
    phone.force_stop("com.android.settings")
    assert len(phone.stack()) == 1
    assert phone.logged("ActivityTaskManager")[-1].startswith("START u0 {")


def test_an_app_without_screens_shows_its_name(phone: Phone) -> None:
    from vlgym.android.state.packages import ActivityInfo, Package

    phone.state.install(Package("org.example.empty", "Empty box", (ActivityInfo(".Main", "Empty box"),), system=False))
    phone.start_activity("org.example.empty/.Main")
    assert phone.shows("Empty box")
    phone.key(4)
    assert phone.foreground() == HOME


def test_a_snapshot_is_small_and_holds_plain_data(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    phone.press("Search settings", "W")
    assert len(phone.snapshot()) < 300_000

    def check(value: object) -> None:
        assert type(value) in (dict, list, tuple, str, bytes, int, float, bool, type(None)), value
        for part in value.items() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
            check(part)

    check(phone.state.ui)
