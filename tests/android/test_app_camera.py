"""The camera: what it writes, how its settings show in it, and its self-timer."""

from __future__ import annotations

import numpy as np
import pytest
from media_phone import CAMERA, SHARED, names, phone_without_pictures
from phone import SMALL, Phone

from vlgym.android.apps.media import clip_length, clip_picture, decode
from vlgym.android.state.intents import Intent

PHOTOS, VIDEOS = "Pictures", "Movies"


@pytest.fixture
def phone() -> Phone:
    phone = phone_without_pictures()
    phone.start_activity(CAMERA)
    return phone


def read(phone: Phone, name: str, folder: str = PHOTOS) -> bytes:
    return phone.state.files.read(f"{SHARED}/{folder}/{name}")


def size(data: bytes) -> tuple[int, int]:
    image = decode(data)
    return image.width(), image.height()


def test_a_photo_is_a_picture_of_what_was_seen(phone: Phone) -> None:
    phone.press("Shutter")
    (name,) = names(phone, PHOTOS)
    assert name == "IMG_20231015_153400.jpg"
    data = read(phone, name)
    assert data[:2] == b"\xff\xd8"
    assert size(data) == (480, 640)
    shot = np.asarray(decode(data).toarray())
    assert len(np.unique(shot[..., 0])) > 50, "there is something in it"


def test_two_photos_of_one_second_have_two_names(phone: Phone) -> None:
    phone.tap(*phone.centre("Shutter"))
    phone.tap(*phone.centre("Shutter"))
    assert names(phone, PHOTOS) == ["IMG_20231015_153400.jpg", "IMG_20231015_153400_1.jpg"]


def test_settings_change_the_picture(phone: Phone) -> None:
    phone.press("Zoom 2×", "Settings", "Aspect ratio", "1:1", "Shutter", "Zoom 1×", "Switch to front camera", "Shutter")
    first, second = (read(phone, name) for name in names(phone, PHOTOS))
    assert size(first) == size(second) == (480, 480)
    assert first != second
    rows = phone.state.app_database("com.android.camera2", "camera.db").query("SELECT * FROM pictures")
    assert [(row["lens"], row["zoom"], row["ratio"]) for row in rows] == [("back", 2.0, "1:1"), ("front", 1.0, "1:1")]


def test_grid_and_flash_are_seen(phone: Phone) -> None:
    before = phone.screenshot(SMALL)
    phone.press("Grid, off")
    assert (phone.screenshot(SMALL) != before).any()
    phone.press("Flash, auto", "Flash, on")
    assert phone.shows("Flash, off")
    assert phone.shows("Grid, on")


def test_self_timer_counts_down_and_can_be_stopped(phone: Phone) -> None:
    phone.press("Timer, off", "Shutter")
    assert phone.shows("remaining_seconds")
    assert not names(phone, PHOTOS)
    phone.advance(3)
    assert len(names(phone, PHOTOS)) == 1
    phone.press("Shutter")
    phone.advance(1)
    phone.press("Shutter")
    phone.advance(9)
    assert len(names(phone, PHOTOS)) == 1, "a second press stops the countdown"


def test_self_timer_ends_when_the_camera_is_left(phone: Phone) -> None:
    phone.press("Timer, off", "Shutter")
    phone.key(3)
    phone.advance(9)
    assert not names(phone, PHOTOS)


def test_a_video_is_as_long_as_it_was_recorded(phone: Phone) -> None:
    phone.press("Video mode", "Record video")
    phone.advance(4.5)
    assert phone.shows("00:05")
    phone.press("Pause recording")
    phone.advance(20)
    phone.press("Resume recording")
    phone.advance(1.5)
    phone.press("Stop recording")
    (name,) = names(phone, VIDEOS)
    assert name.startswith("VID_")
    assert name.endswith(".mp4")
    data = read(phone, name, VIDEOS)
    assert 7_000 <= clip_length(data) <= 8_000
    assert decode(clip_picture(data)) is not None


def test_back_ends_a_recording_before_it_leaves(phone: Phone) -> None:
    phone.press("Video mode", "Record video")
    phone.key(4)
    assert len(names(phone, VIDEOS)) == 1
    assert phone.foreground() == CAMERA


def test_a_recording_survives_a_snapshot(phone: Phone) -> None:
    phone.press("Video mode", "Record video")
    phone.advance(2)
    twin = Phone()
    twin.restore(phone.snapshot())
    for device in (phone, twin):
        device.advance(2)
        device.press("Stop recording")
    assert phone.state.snapshot() == twin.state.snapshot()
    assert (phone.screenshot(SMALL) == twin.screenshot(SMALL)).all()


def test_swipes_change_the_mode_and_taps_focus(phone: Phone) -> None:
    phone.swipe(300, 900, 900, 900)
    assert phone.shows("Record video")
    phone.swipe(900, 900, 300, 900)
    assert phone.shows("Shutter")
    before = phone.screenshot(SMALL)
    phone.tap(500, 900)
    assert (phone.screenshot(SMALL) != before).any()
    assert not names(phone, PHOTOS)


def test_other_apps_can_ask_for_a_picture(phone: Phone) -> None:
    caller = phone.foreground()
    phone.start_activity(Intent("android.media.action.IMAGE_CAPTURE"))
    phone.press("Shutter")
    assert len(names(phone, PHOTOS)) == 1
    assert phone.foreground() == caller
    phone.start_activity(Intent("android.media.action.VIDEO_CAPTURE"))
    assert phone.shows("Record video")


def test_the_thumbnail_opens_the_last_picture(phone: Phone) -> None:
    assert not phone.shows("Open last photo")
    phone.press("Shutter", "Open last photo")
    assert phone.foreground().endswith("PhotoVideoActivity")
    assert phone.shows("IMG_20231015_153400.jpg")


def test_a_full_disk_costs_a_message(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlgym.android.state.files.MAX_DISK", 1)
    phone.press("Shutter")
    assert phone.shows("Not enough storage space")
    assert not names(phone, PHOTOS)
