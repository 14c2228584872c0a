"""The gallery: folders, selections, the viewer, the recycle bin, and files that are no pictures."""

from __future__ import annotations

import pytest
from media_phone import SHARED, hold, names, phone_with_pictures, replace
from phone import SMALL, Phone

from vlgym.android.apps.media import clip, clip_length, decode, wave
from vlgym.android.apps.scenes import photo

CAMERA = "DCIM/Camera"


@pytest.fixture
def phone() -> Phone:
    return phone_with_pictures()


def test_folders_count_what_they_hold(phone: Phone) -> None:
    for title in ("Camera, 3 items", "Trips, 1 items", "Movies, 1 items"):
        assert phone.shows(title)
    assert not phone.shows("Recycle Bin")
    assert not phone.shows("Favorites")


def test_what_other_apps_and_hidden_folders_hold_is_not_shown(phone: Phone) -> None:
    for folder in ("Android/data/some.app", "Pictures/.secret"):
        phone.state.files.mkdir(f"{SHARED}/{folder}", parents=True)
        phone.state.files.write(f"{SHARED}/{folder}/x.jpg", photo("cat"))
    assert not phone.shows("some.app, 1 items")
    assert not phone.shows(".secret, 1 items")


def test_copy_and_move_of_a_selection(phone: Phone) -> None:
    phone.press("Camera, 3 items")
    hold(phone, "a.jpg")
    phone.press("b.jpg", "More options", "Copy to", "Download")
    assert names(phone, "Download") == ["a.jpg", "b.jpg"]
    assert len(names(phone, CAMERA)) == 3
    original = phone.state.files.read(f"{SHARED}/{CAMERA}/a.jpg")
    assert phone.state.files.read(f"{SHARED}/Download/a.jpg") == original
    hold(phone, "c.jpg")
    phone.press("More options", "Move to", "Trips")
    assert names(phone, CAMERA) == ["a.jpg", "b.jpg"]
    assert names(phone, "Pictures/Trips") == ["boat.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("way", "copies", "same"),
    [("Skip", ["a.jpg"], 0), ("Keep both", ["a(1).jpg", "a.jpg"], 0), ("Overwrite", ["a.jpg"], 1)],
)
def test_names_that_clash(phone: Phone, way: str, copies: list[str], same: int) -> None:
    other = photo("night")
    phone.state.files.write(f"{SHARED}/Download/a.jpg", other)
    phone.press("Camera, 3 items", "a.jpg", "More options", "Copy to", "Download", way)
    assert names(phone, "Download") == copies
    assert (phone.state.files.read(f"{SHARED}/Download/a.jpg") != other) == same


def test_a_new_folder_for_what_is_moved(phone: Phone) -> None:
    phone.press("Camera, 3 items", "b.jpg", "More options", "Move to")
    phone.scroll_to("Create new folder").press("Create new folder", "folder_name")
    phone.text("Best")
    phone.press("OK")
    assert names(phone, "Pictures/Best") == ["b.jpg"]
    assert names(phone, CAMERA) == ["a.jpg", "c.jpg"]
    assert phone.shows("a.jpg") or phone.shows("c.jpg"), "the viewer goes on to a neighbour"


def test_deleted_files_can_come_back(phone: Phone) -> None:
    phone.press("Camera, 3 items", "b.jpg", "Delete", "No")
    assert len(names(phone, CAMERA)) == 3
    phone.press("Delete", "Yes")
    assert names(phone, CAMERA) == ["a.jpg", "c.jpg"]
    phone.key(4)
    phone.key(4)
    phone.press("Recycle Bin, 1 items", "b.jpg", "Restore this file")
    assert len(names(phone, CAMERA)) == 3
    database = phone.state.app_database("com.simplemobiletools.gallery.pro", "gallery.db")
    assert database.execute("SELECT COUNT(*) FROM media") == [(0,)]


def test_the_bin_can_be_emptied(phone: Phone) -> None:
    phone.press("Camera, 3 items")
    hold(phone, "a.jpg")
    phone.press("More options", "Select all", "Delete", "Yes")
    phone.key(4)
    assert phone.shows("Recycle Bin, 3 items")
    assert not phone.shows("Camera, 3 items")
    phone.press("Recycle Bin, 3 items", "More options", "Empty Recycle Bin", "Yes")
    assert phone.shows("No media files have been found")
    assert (
        phone.state.app_database("com.simplemobiletools.gallery.pro", "gallery.db").execute("SELECT * FROM media") == []
    )


def test_renaming_follows_favourites_and_refuses_bad_names(phone: Phone) -> None:
    phone.press("Camera, 3 items", "a.jpg", "Toggle favorite", "More options", "Rename")
    replace(phone, "rename_item_name", "b")
    phone.press("OK")
    assert phone.shows("File “b.jpg” already exists")
    assert "a.jpg" in names(phone, CAMERA)
    replace(phone, "rename_item_extension", "txt")
    phone.press("OK")
    assert names(phone, CAMERA) == ["a.jpg", "b.jpg", "c.jpg"]
    replace(phone, "rename_item_extension", "jpg")
    replace(phone, "rename_item_name", "harbour")
    phone.press("OK")
    assert names(phone, CAMERA) == ["b.jpg", "c.jpg", "harbour.jpg"]
    rows = phone.state.app_database("com.simplemobiletools.gallery.pro", "gallery.db").execute(
        "SELECT * FROM favorites"
    )
    assert [row[1:] for row in rows] == [(f"{SHARED}/{CAMERA}/harbour.jpg", "harbour.jpg", f"{SHARED}/{CAMERA}")]


def test_swipes_go_through_a_folder(phone: Phone) -> None:
    phone.press("Camera, 3 items", "c.jpg")
    seen = []
    for _ in range(4):
        seen.append(next(name for name in ("a.jpg", "b.jpg", "c.jpg") if phone.shows(name)))
        phone.swipe(900, 1200, 200, 1200)
        phone.advance(0.5)
    assert seen == ["c.jpg", "b.jpg", "a.jpg", "a.jpg"]
    phone.swipe(540, 1000, 540, 1700)
    assert phone.foreground().endswith("MediaActivity")


def test_double_tap_enlarges_and_rotation_turns_the_file(phone: Phone) -> None:
    phone.press("Camera, 3 items", "c.jpg")
    before = phone.screenshot(SMALL)
    phone.tap(540, 1200)
    phone.advance(0.1)
    phone.tap(540, 1200)
    phone.advance(0.5)
    assert (phone.screenshot(SMALL) != before).any()
    path = f"{SHARED}/{CAMERA}/c.jpg"
    for size in ((640, 480), (480, 640)):
        phone.press("Rotate right")
        image = decode(phone.state.files.read(path))
        assert (image.width(), image.height()) == size


def test_a_clip_plays_and_can_be_sought(phone: Phone) -> None:
    phone.press("Movies, 1 items", "party.mp4, video 01:05", "Play")
    phone.advance(9.5)
    assert phone.shows("00:10")
    assert phone.shows("Pause")
    phone.press("Pause")
    phone.advance(30)
    assert phone.shows("00:10")
    bar = next(view for view in phone.views() if view.id == "video_seekbar")
    phone.tap(bar.left + bar.w / 2, bar.top + bar.h / 2)
    assert phone.shows("00:32")
    phone.press("Play")
    phone.advance(120)
    assert phone.shows("01:05")
    assert phone.shows("Play")


def test_search_order_and_filter(phone: Phone) -> None:
    phone.press("Search")
    phone.text("tri")
    assert phone.shows("Trips, 1 items")
    assert not phone.shows("Camera, 3 items")
    phone.key(4)
    phone.key(4)
    phone.press("Camera, 3 items", "Sort by", "Name", "Ascending", "OK")
    row = [node.get("content-desc") for node in phone.nodes() if node.get("content-desc", "").endswith(".jpg")]
    assert row == ["a.jpg", "b.jpg", "c.jpg"]
    phone.key(4)
    phone.press("More options", "Filter media", "Videos", "OK")
    assert not phone.shows("Movies, 1 items")
    assert phone.shows("Camera, 3 items")


def test_properties_and_names_say_what_a_file_is(phone: Phone) -> None:
    phone.press("Camera, 3 items", "a.jpg", "Properties")
    assert phone.shows("480 × 640")
    assert phone.shows("Internal/DCIM/Camera")
    assert phone.shows("15.10.2023, 15:35")
    phone.press("OK")
    phone.key(4)
    phone.press("More options", "Toggle filename visibility")
    assert phone.shows("medium_name")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0", clip(100)[:20]])
def test_broken_files_harm_nobody(data: bytes) -> None:
    phone = phone_with_pictures()
    phone.state.files.write(f"{SHARED}/Download/broken.jpg", data)
    phone.state.files.write(f"{SHARED}/Download/broken.mp4", data)
    phone.press("Download, 2 items")
    phone.screenshot(SMALL)
    phone.press("broken.jpg", "Properties", "OK", "Rotate right", "Delete", "Yes")
    phone.screenshot(SMALL)
    assert names(phone, "Download") == ["broken.mp4"]


def test_lengths_are_read_back() -> None:
    for length in (0, 1, 999, 65_000, 3_600_000):
        assert clip_length(clip(length)) == length
    assert clip_length(wave(1500, 8000, 2)) == 1500
    assert clip_length(b"") == clip_length(b"RIFF") == clip_length(b"\0\0\0\1moov") == 0
    assert decode(photo("cat", 4)) is not None
    assert photo("cat", 4) == photo("cat", 4) != photo("cat", 5)


def test_a_new_phone_has_photos() -> None:
    phone = Phone()
    phone.windows.launch("com.simplemobiletools.gallery.pro")
    assert phone.shows("Camera, 6 items")
    assert phone.shows("Garden, 2 items")
    for folder, count in (("DCIM/Camera", 6), ("Pictures/Garden", 2)):
        pictures = [decode(phone.state.files.read(f"{SHARED}/{folder}/{name}")) for name in names(phone, folder)]
        assert [(image.width(), image.height()) for image in pictures] == [(360, 480)] * count
