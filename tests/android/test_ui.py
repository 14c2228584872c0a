"""The screen: views, drawing, touches, keys, windows. What is drawn is a function of saved state."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("skia")

from phone import CLOCK, SETTINGS, SMALL, Phone, act, actions, bounds

from vlgym.android.ui.edit import EditText
from vlgym.android.ui.scroll import Scroller

HOME = "com.google.android.apps.nexuslauncher/com.google.android.apps.nexuslauncher.NexusLauncherActivity"


@pytest.fixture
def phone() -> Phone:
    return Phone()


def digest(phone: Phone) -> str:
    """Return a hash of pixels, hierarchy, log and state."""
    parts = [phone.screenshot(SMALL).tobytes(), phone.hierarchy().encode(), phone.snapshot()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


# ---------------------------------------------------------------- pictures


def test_a_fresh_phone_shows_the_home_screen(phone: Phone) -> None:
    picture = phone.screenshot()
    assert picture.shape == (2400, 1080, 3)
    assert picture.dtype == np.uint8
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
    assert phone.foreground() == HOME
    assert phone.shows("Settings")


def test_an_unchanged_frame_is_the_same_array_and_nobody_can_write_on_it(phone: Phone) -> None:
    first = phone.screenshot(SMALL)
    phone.advance(3.0)
    assert phone.screenshot(SMALL) is first
    assert not first.flags.writeable
    phone.advance(60.0)  # the clock of the status bar moves on
    assert phone.screenshot(SMALL) is not first
    assert (phone.screenshot(SMALL) != first).any()
    assert phone.shell("settings put secure ui_night_mode 2").code == 0
    assert phone.screenshot(SMALL).mean() < first.mean()


def test_the_picture_is_drawn_at_the_size_asked_for(phone: Phone) -> None:
    """A smaller picture is not a scaled one, and what is in it lies where the hierarchy says."""
    import cv2

    phone.start_activity(SETTINGS)
    full, small = phone.screenshot(), phone.screenshot((360, 800))
    assert small.shape == (800, 360, 3)
    scaled = cv2.resize(full, (360, 800), interpolation=cv2.INTER_AREA)
    difference = np.abs(scaled.astype(int) - small.astype(int))
    assert 0 < difference.mean() < 3
    _left, top, right, bottom = bounds(phone.named("search_action_bar")[0])
    assert tuple(small[(top + bottom) // 6, right // 3 - 20]) == tuple(full[(top + bottom) // 2, right - 60])


def test_drawing_changes_nothing(phone: Phone) -> None:
    phone.start_activity(CLOCK)
    phone.press("Timer", "1", "5")
    before = phone.snapshot()
    for size in (None, SMALL, (90, 200)):
        phone.screenshot(size)
    phone.hierarchy()
    assert phone.snapshot() == before


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_everything_shown_comes_from_saved_state(seed: int) -> None:
    """After any action the views can be thrown away; a snapshot replays to equal pixels, hierarchy and state."""
    phone = Phone(seed=seed)
    twin = Phone(seed=99)
    steps = actions(seed, 60)
    for number, step in enumerate(steps):
        act(phone, *step)
        picture, xml = phone.screenshot(SMALL), phone.hierarchy()
        if number % 6 == 0:
            phone.windows.forget()
            assert (phone.screenshot(SMALL) == picture).all(), step
            assert phone.hierarchy() == xml
        if number == 40:
            saved = phone.snapshot()
    twin.restore(saved)
    for step in steps[41:]:
        act(twin, *step)
    assert digest(twin) == digest(phone)
    assert [e.message for e in twin.state.log.entries()] == [e.message for e in phone.state.log.entries()]


def test_a_restore_in_the_middle_of_a_gesture_goes_on_with_it(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    phone.touch("down", 500, 1800)
    for y in range(1780, 1200, -40):
        phone.advance(0.016)
        phone.touch("move", 500, y)
    saved = phone.snapshot()
    ends = []
    for _ in range(2):
        phone.restore(saved)
        phone.touch("up", 500, 1200)
        phone.advance(2.0)
        ends.append(digest(phone))
    assert ends[0] == ends[1]


def test_two_processes_draw_equal_pixels() -> None:
    code = f"""
import hashlib, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from phone import Phone, act, actions, SMALL
phone, seen = Phone(), hashlib.sha256()
for step in actions(7, 40):
    act(phone, *step)
    seen.update(phone.screenshot(SMALL).tobytes() + phone.hierarchy().encode())
seen.update(phone.screenshot((540, 1200)).tobytes() + phone.snapshot())
print(seen.hexdigest())
"""
    runs = []
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": salt}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        runs.append(done.stdout)
    assert runs[0] == runs[1]


def test_devices_in_threads_do_not_meet() -> None:
    alone = Phone()
    for step in actions(5, 12):
        act(alone, *step)
    found: list[str] = []

    def run() -> None:
        phone = Phone()
        for step in actions(5, 12):
            act(phone, *step)
            phone.screenshot(SMALL)
        found.append(digest(phone))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [digest(alone)] * 4


# ---------------------------------------------------------------- hierarchy


@pytest.mark.parametrize("seed", [11, 12])
def test_bounds_nest_and_centres_hit_their_node(seed: int) -> None:
    phone = Phone()
    for step in actions(seed, 50):
        act(phone, *step)
        root = ElementTree.fromstring(phone.hierarchy())
        assert root.get("rotation") == "0"
        _check_nesting(root, (0, 0, *phone.size))
    clickable = 0
    for window in phone.windows.layers():
        for view in window.tree().walk():
            x, y = view.left + view.w / 2, view.top + view.h / 2
            seen = window.tree().hit(x, y)
            if view.on_click is not None and seen is not None and seen is not window.tree():
                chain = list(seen.ancestors())
                clickable += view in chain or any(v.clickable for v in chain)
    assert clickable


def _check_nesting(node: ElementTree.Element, outer: tuple[int, int, int, int]) -> None:
    for child in node:
        left, top, right, bottom = bounds(child)
        assert outer[0] <= left < right <= outer[2], child.attrib
        assert outer[1] <= top < bottom <= outer[3], child.attrib
        _check_nesting(child, (left, top, right, bottom))


def test_hierarchy_has_the_attributes_of_uiautomator(phone: Phone) -> None:
    phone.start_activity(SETTINGS + "$DisplaySettingsActivity")
    switch = next(
        n for n in phone.nodes() if n.get("class") == "android.widget.Switch" and n.get("content-desc") == "Dark theme"
    )
    wanted = {"index", "text", "resource-id", "class", "package", "content-desc", "checkable", "checked", "clickable"}
    wanted |= {"enabled", "focusable", "focused", "scrollable", "long-clickable", "password", "selected", "bounds"}
    assert set(switch.attrib) == wanted
    # the row takes the touches of a switch that has it for itself
    assert (switch.get("checkable"), switch.get("checked"), switch.get("clickable")) == ("true", "false", "false")
    assert switch.get("package") == "com.android.settings"
    assert any(n.get("scrollable") == "true" for n in phone.nodes())
    phone.press("Dark theme")
    assert next(n for n in phone.nodes() if n.get("content-desc") == "Dark theme").get("checked") == "true"


def test_hostile_text_stays_text(phone: Phone) -> None:
    words = '<b a="1">&\x01\ud800 ]]>'
    phone.state.settings.put("global", "device_name", words)
    phone.start_activity(SETTINGS + "$MyDeviceInfoActivity")
    assert phone.shows('<b a="1">&.. ]]>')


def test_only_the_dialog_is_in_front(phone: Phone) -> None:
    phone.start_activity(SETTINGS + "$DisplaySettingsActivity")
    phone.press("Font size")
    assert phone.shows("Sample text")
    assert not phone.shows("Dark theme")
    phone.tap(540, 300)  # outside
    assert phone.shows("Dark theme")
    assert not phone.shows("Sample text")


# ---------------------------------------------------------------- fingers


def test_a_press_becomes_long_after_half_a_second(phone: Phone) -> None:
    for wait, opened in ((0.499, False), (0.5, True)):
        phone.key(3)
        x, y = phone.centre("Clock")
        phone.touch("down", x, y)
        phone.advance(wait)
        assert phone.shows("App info") is opened
        phone.touch("up", x, y)
        assert phone.foreground().startswith("com.android.settings/" if opened else "com.google.android.deskclock/")


def test_a_finger_that_leaves_clicks_nothing(phone: Phone) -> None:
    x, y = phone.centre("Clock")
    phone.touch("down", x, y)
    phone.touch("move", x + 300, y)
    phone.touch("up", x + 300, y)
    assert phone.foreground() == HOME
    phone.touch("up", x, y)  # without a down
    phone.touch("move", x, y)
    assert phone.foreground() == HOME


def scroller(phone: Phone) -> Scroller:
    return next(view for view in phone.views() if isinstance(view, Scroller) and view.furthest)


def test_a_slow_drag_scrolls_by_the_finger_and_a_fast_one_flies_on(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    phone.touch("down", 500, 1800)
    for y in (1700, 1600, 1500):
        phone.advance(0.3)
        phone.touch("move", 500, y)
    phone.advance(0.3)
    phone.touch("up", 500, 1500)
    assert scroller(phone).offset == 300
    phone.advance(2.0)
    assert scroller(phone).offset == 300
    phone.swipe(500, 1500, 500, 1300, 0.1)
    assert scroller(phone).offset == 500
    phone.advance(3.0)
    assert scroller(phone).offset > 700


def test_a_fling_does_not_depend_on_how_time_is_cut(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    phone.swipe(500, 1600, 500, 1450, 0.1)
    saved, seen = phone.snapshot(), []
    for steps in (1, 7):
        phone.restore(saved)
        for _ in range(steps):
            phone.advance(0.35 / steps)
            if steps > 1:
                phone.screenshot(SMALL)
        seen.append((scroller(phone).offset, phone.screenshot(SMALL).tobytes()))
    assert seen[0] == seen[1]
    at = scroller(phone).offset
    phone.touch("down", 500, 1200)  # a finger stops it and clicks nothing
    phone.touch("up", 500, 1200)
    phone.advance(1.0)
    assert scroller(phone).offset == at
    assert phone.foreground().endswith(".Settings")


def test_edges_belong_to_the_system(phone: Phone) -> None:
    phone.start_activity(CLOCK)
    phone.swipe(540, 2390, 540, 1500, 0.15)
    assert phone.foreground() == HOME
    phone.start_activity(CLOCK)
    phone.touch("down", 540, 2390)
    for y in (2200, 2000, 1900):
        phone.advance(0.1)
        phone.touch("move", 540, y)
    phone.advance(0.5)
    phone.touch("up", 540, 1900)
    assert phone.shows("Clear all")
    phone.press("snapshot")
    assert phone.foreground().startswith("com.google.android.deskclock")
    phone.start_activity(SETTINGS)
    phone.press("Battery")
    phone.swipe(5, 1200, 500, 1200)
    assert phone.foreground().endswith(".Settings")
    phone.press("Battery")
    phone.swipe(1075, 1200, 600, 1200)
    assert phone.foreground().endswith(".Settings")


def test_three_buttons_instead_of_gestures(phone: Phone) -> None:
    phone.shell("settings put secure navigation_mode 0")
    phone.start_activity(CLOCK)
    buttons = {view.id: view for view in phone.views() if view.id in ("back", "home", "recent_apps")}
    phone.tap(buttons["home"].left + 50, buttons["home"].top + 60)
    assert phone.foreground() == HOME
    phone.tap(buttons["recent_apps"].left + 50, buttons["recent_apps"].top + 60)
    assert phone.shows("Clear all")
    phone.tap(buttons["back"].left + 50, buttons["back"].top + 60)
    assert not phone.shows("Clear all")


# ---------------------------------------------------------------- keys and keyboard


def field(phone: Phone) -> EditText:
    return next(view for view in phone.views() if isinstance(view, EditText))


def drawer(phone: Phone) -> Phone:
    phone.swipe(540, 2000, 540, 900)
    phone.press("fallback_search_view")
    return phone


def test_the_keyboard_is_made_of_keys(phone: Phone) -> None:
    drawer(phone)
    phone.press("C", "l", "o", "Space", "Symbol keyboard", "1", "More symbols", "~", "Letters")
    assert field(phone).text == "Clo 1~"
    phone.press("Delete", "Delete", "Delete")
    assert field(phone).text == "Clo"
    phone.press("Shift", "C")
    assert field(phone).text == "CloC"
    phone.press("k")
    phone.press("Delete", "Delete", "Search")
    assert phone.foreground().startswith("com.google.android.deskclock")


def test_typing_and_editing_with_keys(phone: Phone) -> None:
    drawer(phone)
    phone.text("clock face")
    assert field(phone).text == "clock face"
    phone.chord(113, 29)
    assert field(phone).selected_text() == "clock face"
    phone.chord(113, 31)
    phone.key(67)
    assert field(phone).text == ""
    assert phone.state.clipboard == "clock face"
    phone.chord(113, 50)
    phone.key(122)
    phone.chord(59, 29)
    phone.key(112)
    assert field(phone).text == "Alock face"
    phone.key(123)
    phone.key(67)
    assert field(phone).text == "Alock fac"


def test_back_puts_the_keyboard_away_first(phone: Phone) -> None:
    drawer(phone)
    assert phone.shows("Space")
    keyboard_top = min(bounds(n)[1] for n in phone.nodes() if "latin" in (n.get("package") or ""))
    assert all(bounds(n)[3] <= keyboard_top for n in phone.nodes() if n.get("content-desc") == "Clock")
    phone.key(4)
    assert not phone.shows("Space")
    assert phone.shows("fallback_search_view")
    phone.key(4)
    assert not phone.shows("fallback_search_view")


def test_double_tap_and_long_press_select(phone: Phone) -> None:
    drawer(phone)
    phone.text("big clock")
    phone.advance(1.0)
    _x, y = phone.centre("fallback_search_view")
    left = bounds(phone.named("fallback_search_view")[0])[0] + 60
    phone.tap(left, y)
    phone.advance(0.1)
    phone.tap(left, y)
    assert field(phone).selected_text() == "big"
    phone.press("Cut")
    assert field(phone).text == " clock"
    assert phone.state.clipboard == "big"
    phone.swipe(left + 40, y, left + 40, y, 0.6)
    assert field(phone).selected_text() == "clock"
    phone.press("Paste")
    assert field(phone).text == " big"


def test_dpad_and_tab_move_the_focus(phone: Phone) -> None:
    phone.start_activity(SETTINGS)
    for _ in range(3):
        phone.key(20)
    focused = [n for n in phone.nodes() if n.get("focused") == "true"]
    assert len(focused) == 1
    assert focused[0].find("./node/node[@text='Connected devices']") is not None
    phone.key(66)
    assert phone.shows("Connection preferences")
