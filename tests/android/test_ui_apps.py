"""The apps that prove the toolkit, used by touch: Settings and Clock."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("skia")

from phone import CLOCK, SETTINGS, SMALL, Phone, bounds

from vlgym.android.apps import ACTIVITIES, RECEIVERS, activity_class, receiver
from vlgym.android.apps.clock.model import Alarm, in_words
from vlgym.android.apps.settings import pages
from vlgym.android.state.catalogue import PACKAGES
from vlgym.android.state.intents import Intent, component
from vlgym.android.ui.activity import PlainActivity


@pytest.fixture
def phone() -> Phone:
    return Phone()


def opened(phone: Phone, page: str = "") -> Phone:
    phone.start_activity(SETTINGS + page)
    return phone


# ---------------------------------------------------------------- tables


def test_every_component_of_the_table_is_installed_and_resolves() -> None:
    installed = {component(package.name, activity.name) for package in PACKAGES for activity in package.activities}
    assert set(ACTIVITIES) <= installed
    for name in ACTIVITIES:
        assert activity_class(name) is not PlainActivity
    assert activity_class("org.example/org.example.Main") is PlainActivity
    assert all(callable(receiver(package)) for package in RECEIVERS)
    assert receiver("org.example") is None


@pytest.mark.parametrize("fragment", pages.FRAGMENTS)
def test_every_settings_page_opens_and_draws(phone: Phone, fragment: str) -> None:
    extras = {pages.FRAGMENT: f"{pages.PACKAGE}.{fragment}", "package": "org.tasks", "network": "AndroidWifi"}
    phone.start_activity(Intent(component=f"{pages.PACKAGE}/{pages.PACKAGE}.SubSettings", extras=extras))
    assert phone.shows(pages.page_class(fragment).title)
    assert phone.logged("SettingsActivity") == [f"Switching to fragment com.android.settings.{fragment}"]
    assert phone.screenshot(SMALL).std() > 5


def test_every_settings_action_reaches_its_page(phone: Phone) -> None:
    from vlgym.android.state.catalogue import SETTINGS_PAGES

    for action, name in SETTINGS_PAGES.items():
        data = "package:org.tasks" if "DETAILS" in action else ""
        assert phone.start_activity(Intent(action=action, data=data)) == component("com.android.settings", name)
        assert phone.shows("Tasks") or not data


# ---------------------------------------------------------------- settings


def test_wifi_from_the_first_screen(phone: Phone) -> None:
    opened(phone).press("Network & internet", "Internet", "Wi-Fi")
    assert phone.state.settings.get("global", "wifi_on") == "0"
    assert phone.shows("To see available networks, turn on Wi-Fi")
    assert phone.logged("WifiService") == ["setWifiEnabled package=com.android.settings uid=1000 enable=false"]
    phone.press("Wi-Fi")
    assert phone.state.settings.get("global", "wifi_on") == "1"
    assert phone.shows("AndroidWifi")


def test_a_secured_network_wants_its_password(phone: Phone) -> None:
    opened(phone, "$WifiSettingsActivity").press("Maple Street 12", "password")
    phone.text("short")
    phone.key(4)
    phone.press("Connect")
    assert phone.state.settings.get("global", "wifi_network") is None
    assert phone.shows("The password has at least 8 characters")
    phone.press("password")
    phone.text("long enough")
    phone.key(66)
    phone.press("Connect")
    assert phone.state.settings.get("global", "wifi_network") == "Maple Street 12"


def test_bluetooth_and_its_name(phone: Phone) -> None:
    opened(phone).press("Connected devices", "Bluetooth", "Use Bluetooth")
    assert phone.state.settings.get("global", "bluetooth_on") == "0"
    phone.press("Use Bluetooth", "Device name", "edittext")
    phone.chord(113, 29)
    phone.text("Ada")
    phone.key(66)
    phone.press("Rename")
    assert phone.state.settings.get("secure", "bluetooth_name") == "Ada"
    assert any("BluetoothDeviceRenamePreferenceController" in line for line in phone.logged("PrefCtrlListHelper"))


def test_airplane_mode_takes_the_radios_along(phone: Phone) -> None:
    opened(phone).press("Network & internet", "Airplane mode")
    assert phone.state.settings.number("global", "airplane_mode_on") == 1
    assert phone.shows("Wi-Fi is off")
    assert next(n for n in phone.named("Mobile data") if n.get("text")).get("enabled") == "false"
    phone.press("Mobile data")
    assert phone.state.settings.number("global", "mobile_data") == 1, "a row that is off takes no taps"


def test_brightness_and_volume_by_sliders(phone: Phone) -> None:
    opened(phone).scroll_to("Display").press("Display", "Brightness level")
    left, top, right, bottom = bounds(phone.named("slider")[0])
    phone.swipe(left + 200, (top + bottom) / 2, right - 1, (top + bottom) / 2)
    assert phone.state.settings.get("system", "screen_brightness") == "255"
    phone.tap(left + 1, (top + bottom) / 2)
    assert phone.state.settings.number("system", "screen_brightness") <= 2
    opened(phone, "$SoundSettingsActivity")
    bar = next(
        n
        for n in phone.nodes()
        if n.get("class") == "android.widget.SeekBar" and n.get("content-desc") == "Alarm volume"
    )
    left, top, right, bottom = bounds(bar)
    phone.tap(right - 5, (top + bottom) / 2)
    assert phone.state.settings.get("system", "volume_alarm") == "7"
    assert phone.logged("vol.Events")[-1] == "writeEvent level_changed STREAM_ALARM 7"


def test_dark_theme_font_size_and_timeout(phone: Phone) -> None:
    before = opened(phone, "$DisplaySettingsActivity").screenshot(SMALL)
    phone.press("Dark theme")
    assert phone.state.settings.get("secure", "ui_night_mode") == "2"
    assert phone.screenshot(SMALL).mean() < before.mean() / 3
    phone.press("Screen timeout", "2 minutes")
    assert phone.state.settings.get("system", "screen_off_timeout") == "120000"
    phone.press("Font size")
    _left, top, right, bottom = bounds(phone.named("seek_bar")[0])
    phone.tap(right - 5, (top + bottom) / 2)
    assert phone.state.settings.get("system", "font_scale") == "1.8"
    phone.press("Done")
    assert phone.shows("Largest")


def test_date_time_and_zone(phone: Phone) -> None:
    opened(phone, "$DateTimeSettingsActivity").press("Date", "Next month", "3 November 2023", "OK")
    assert phone.state.clock.local().date() == datetime(2023, 11, 3).date()
    phone.press("Time")
    dial = bounds(phone.named("material_clock_face")[0])
    phone.tap(dial[0] + (dial[2] - dial[0]) * 0.9, (dial[1] + dial[3]) / 2)  # three o'clock; the minutes follow
    phone.tap((dial[0] + dial[2]) / 2, dial[3] - (dial[3] - dial[1]) * 0.1)
    phone.press("OK")
    assert f"{phone.state.clock.local():%H:%M}" == "03:30"
    phone.press("Use 24-hour format")
    assert phone.shows("3:30 AM")
    phone.press("Time zone").scroll_to("Asia/Tokyo").press("Asia/Tokyo")
    assert phone.state.clock.zone == "Asia/Tokyo"
    assert f"{phone.state.clock.local():%H:%M}" == "12:30"
    phone.press("Set time automatically")
    assert phone.named("Date")[0].get("enabled") == "false"


def test_apps_are_stopped_disabled_cleared_and_uninstalled(phone: Phone) -> None:
    phone.start_activity("org.tasks/com.todoroo.astrid.activity.MainActivity")
    opened(phone).press("Apps", "See all 16 apps").scroll_to("Tasks").press("Tasks")
    assert phone.state.processes.pid("org.tasks")
    phone.press("Force stop", "OK")
    assert not phone.state.processes.pid("org.tasks")
    assert all("org.tasks" not in task["activities"][0] for task in phone.stack())
    phone.press("Storage & cache")
    phone.state.files.write("/data/data/org.tasks/note.txt", b"kept")
    phone.press("Clear storage", "Delete")
    assert not phone.state.files.exists("/data/data/org.tasks/note.txt")
    phone.key(4)
    phone.press("Uninstall", "OK")
    assert "org.tasks" not in phone.state.packages
    assert phone.shows("SMS Messenger")
    phone.key(3)
    phone.key(284)
    assert phone.shows("Audio Recorder")
    assert not phone.shows("Tasks")
    opened(phone, "$ManageApplicationsActivity").scroll_to("Clock").press("Clock", "Disable", "Disable app")
    assert not phone.state.packages.state("com.google.android.deskclock").enabled
    phone.press("Enable")
    assert phone.state.packages.state("com.google.android.deskclock").enabled


def test_search_finds_pages(phone: Phone) -> None:
    opened(phone).press("Search settings")
    phone.text("dark th")
    phone.press("Dark theme")
    assert phone.shows("Screen timeout")
    phone.key(4)
    assert phone.shows("search_src_text")
    phone.press("search_src_text")
    phone.text("zzz")
    assert phone.shows("No results")


def test_gestures_page_changes_the_navigation(phone: Phone) -> None:
    opened(phone).scroll_to("System").press("System", "Gestures", "3-button navigation")
    assert phone.state.settings.get("secure", "navigation_mode") == "0"
    assert any(view.id == "recent_apps" for view in phone.views())


# ---------------------------------------------------------------- clock


def clock(phone: Phone, *tabs: str) -> Phone:
    phone.start_activity(CLOCK)
    return phone.press(*tabs)


def rows(phone: Phone, sql: str) -> list[tuple[object, ...]]:
    return list(phone.state.app_database("com.google.android.deskclock", "alarms.db").execute(sql))


def test_an_alarm_is_set_rings_is_snoozed_and_dismissed(phone: Phone) -> None:
    clock(phone, "Add alarm")
    dial = bounds(phone.named("material_clock_face")[0])
    middle = (dial[1] + dial[3]) / 2
    phone.tap(dial[0] + (dial[2] - dial[0]) * 0.22, middle)  # inner nine: 21
    phone.tap(dial[0] + (dial[2] - dial[0]) * 0.9, middle)
    phone.press("OK")
    assert rows(phone, "SELECT hour, minutes, enabled, daysofweek FROM alarm_templates WHERE _id > 2") == [
        (21, 15, 1, 0)
    ]
    assert phone.shows("Alarm set for 5 hours and 40 minutes from now.")
    assert any(line.startswith("Created new alarm instance") for line in phone.logged("AlarmClock"))
    assert any("nextUserAlarmTime=Sun Oct 15 21:15:00" in line for line in phone.logged("ConditionProviders.SCP"))
    phone.key(3)
    wait = (datetime(2023, 10, 15, 21, 15) - phone.state.clock.local().replace(tzinfo=None)).total_seconds()
    phone.advance(wait - 1)
    assert not phone.shows("Snooze")
    phone.advance(1)
    phone.press("Snooze")
    phone.advance(9 * 60)
    assert not phone.shows("Dismiss")
    phone.advance(60)
    phone.key(83)
    phone.press("Dismiss")
    assert rows(phone, "SELECT enabled FROM alarm_templates WHERE _id > 2") == [(0,)]
    assert phone.windows.notices.all() == []


def test_alarm_cards_are_edited(phone: Phone) -> None:
    clock(phone, "Expand alarm", "Sunday", "Friday", "Vibrate", "edit_label", "edittext")
    phone.text("Swim")
    phone.key(66)
    phone.press("OK")
    found = rows(phone, "SELECT _id, daysofweek, vibrate, label FROM alarm_templates WHERE label = 'Swim'")
    assert len(found) == 1
    original = {1: 0b0011111, 2: 0b1100000}[int(str(found[0][0]))]
    assert found[0][1:] == (original ^ 0b1010000, 0, "Swim")
    phone.press("Delete alarm")
    assert rows(phone, "SELECT count(*) FROM alarm_templates") == [(1,)]
    assert any(line.startswith("Removed alarm") for line in phone.logged("AlarmClock"))
    phone.press("Undo")
    assert rows(phone, "SELECT label FROM alarm_templates WHERE label = 'Swim'") == [("Swim",)]


def test_alarm_times_and_words() -> None:
    now = datetime(2023, 10, 15, 15, 34)  # a Sunday
    assert Alarm(1, 15, 34, 0, True, True, "").next_ring(now) == datetime(2023, 10, 16, 15, 34)
    assert Alarm(1, 15, 35, 0, True, True, "").next_ring(now) == datetime(2023, 10, 15, 15, 35)
    assert Alarm(1, 8, 0, 0b0000100, True, True, "").next_ring(now) == datetime(2023, 10, 18, 8, 0)
    assert Alarm(1, 8, 0, 0b1000000, True, True, "").next_ring(now) == datetime(2023, 10, 22, 8, 0)
    later = Alarm(1, 8, 0, 0, True, True, "").next_ring(now)
    assert in_words(later - now) == "Alarm set for 16 hours and 26 minutes from now."
    assert in_words(now - now) == "Alarm set for less than 1 minute from now."


def test_a_timer_counts_down_pauses_and_ends(phone: Phone) -> None:
    clock(phone, "Timer", "1", "6", "3", "5")
    assert phone.shows("00h 16m 35s")
    phone.press("Delete", "0", "Start")
    assert phone.shows("16:30")
    phone.advance(60)
    phone.press("Pause")
    assert phone.shows("15:30")
    phone.advance(600)
    assert phone.shows("15:30")
    phone.press("Add 1 minute", "Start")
    phone.key(3)
    phone.advance(16 * 60 + 28.9)  # a second has passed while pressing
    assert not phone.shows("Time’s up")
    phone.advance(0.1)
    assert phone.shows("Time’s up")
    phone.press("Stop")
    clock(phone)
    assert phone.shows("16:30")
    phone.press("Delete")
    assert phone.shows("00h 00m 00s")


def test_the_stopwatch(phone: Phone) -> None:
    clock(phone, "Stopwatch")
    assert phone.shows("Start")
    assert not phone.shows("Lap")
    x, y = phone.centre("Start")
    phone.tap(x, y)
    phone.advance(61.23)
    assert phone.shows("01:01.23")
    lap = phone.centre("Lap")
    phone.tap(*lap)
    phone.advance(10)
    phone.tap(x, y)
    assert phone.shows("01:11.23")
    phone.advance(100)
    assert phone.shows("01:11.23")
    assert phone.shows("Reset")
    assert phone.shows("01:01.23")
    assert any("[Stopwatch] [Start]" in line for line in phone.logged("AlarmClock"))
    phone.press("Reset")
    assert phone.shows("00:00.00")


def test_the_world_clock(phone: Phone) -> None:
    clock(phone, "Clock", "Cities")
    phone.scroll_to("Tokyo").press("Tokyo", "Done")
    assert phone.shows("Tomorrow, 9 hours ahead")
    assert phone.shows("00:34")


def test_intents_set_alarms_and_timers(phone: Phone) -> None:
    extra = "android.intent.extra.alarm."
    phone.shell(
        f"am start -a android.intent.action.SET_ALARM --ei {extra}HOUR 6 --ei {extra}MINUTES 30 --es {extra}MESSAGE Run"
    )
    assert rows(phone, "SELECT hour, minutes, label FROM alarm_templates WHERE _id > 2") == [(6, 30, "Run")]
    phone.shell(f"am start -a android.intent.action.SET_TIMER --ei {extra}LENGTH 90")
    assert phone.shows("1:30")


# ---------------------------------------------------------------- reading


@pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed: apt-get install tesseract-ocr"
)
def test_what_the_hierarchy_says_can_be_read_in_the_picture(phone: Phone, tmp_path: Path) -> None:
    import cv2

    right = total = 0
    for start in (SETTINGS, SETTINGS + "$DisplaySettingsActivity"):
        phone.start_activity(start)
        picture = phone.screenshot()
        lines, images = [], []
        for node in phone.nodes():
            text, (left, top, stop, bottom) = node.get("text", ""), bounds(node)
            if len(text) > 3 and node.get("class") == "android.widget.TextView" and bottom - top < 120:
                lines.append(text)
                images.append(
                    cv2.copyMakeBorder(
                        picture[top:bottom, left:stop], 14, 14, 20, 1080 - (stop - left), cv2.BORDER_REPLICATE
                    )
                )
        file = tmp_path / "page.png"
        cv2.imwrite(str(file), cv2.vconcat(images))
        done = subprocess.run(
            ["tesseract", str(file), "-", "--psm", "6"],
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        read = "".join(done.stdout.split())
        for line in lines:
            total += len(line)
            right += len(line) if line.replace(" ", "") in read else 0
    assert total > 300
    assert right / total >= 0.95
