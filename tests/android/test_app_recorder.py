"""The recorder: recording over pauses and other apps, names, formats, playing, trash, settings."""

from __future__ import annotations

import pytest
from media_phone import RECORDER, names, replace
from phone import SMALL, Phone

from vlgym.android.apps.media import clip_length
from vlgym.android.apps.recorder.model import FOLDER, PACKAGE

RECORDS = FOLDER.removeprefix("/storage/emulated/0/")


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    phone.windows.launch(PACKAGE)
    return phone


def rows(phone: Phone) -> list[tuple[object, ...]]:
    database = phone.state.app_database(PACKAGE, "records.db")
    return database.execute(
        "SELECT name, duration / 1000000, format, sample_rate, removed > 0 FROM records ORDER BY _id"
    )


def record(phone: Phone, name: str = "", seconds: float = 3) -> None:
    """Record something and name it."""
    phone.press("Record")
    phone.advance(seconds)
    phone.press("Stop recording")
    if name:
        replace(phone, "input_name", name)
    phone.press("Save")


def test_the_launcher_leads_to_the_main_screen(phone: Phone) -> None:
    assert phone.foreground() == RECORDER
    phone.key(4)
    assert "launcher" in phone.foreground()


def test_a_recording_is_a_file_and_a_row(phone: Phone) -> None:
    record(phone, "Lecture", 7)
    assert names(phone, RECORDS) == ["Lecture.m4a"]
    assert rows(phone) == [("Lecture", 7, "m4a", 44100, 0)]
    data = phone.state.files.read(f"{FOLDER}/Lecture.m4a")
    assert 7_000 <= clip_length(data) < 8_000
    assert data[4:12] == b"ftypM4A "


def test_names_count_up_and_clashes_are_refused(phone: Phone) -> None:
    record(phone)
    record(phone)
    assert names(phone, RECORDS) == ["Record-1.m4a", "Record-2.m4a"]
    phone.press("Record", "Stop recording")
    for wrong in ("Record-1", "a/b"):
        replace(phone, "input_name", wrong)
        phone.press("Save")
        assert phone.shows("input_name")
    phone.press("Cancel")
    assert names(phone, RECORDS) == ["Record-1.m4a", "Record-2.m4a", "Record-3.m4a"]


def test_pauses_do_not_count_and_the_notification_controls(phone: Phone) -> None:
    phone.press("Record")
    phone.advance(2)
    phone.press("Pause recording")
    phone.advance(60)
    phone.key(3)
    phone.swipe(540, 10, 540, 1500)
    phone.advance(0.5)
    phone.press("Resume")
    phone.advance(5)
    phone.press("Stop")
    assert [row[:3] for row in rows(phone)] == [("Record-1", 8, "m4a")]
    assert not [note for note in phone.windows.notices.all() if note["package"] == PACKAGE]


def test_a_discarded_recording_leaves_nothing(phone: Phone) -> None:
    phone.press("Record", "Delete recording", "No")
    assert phone.shows("Stop recording")
    phone.press("Delete recording", "Yes")
    assert rows(phone) == []
    assert names(phone, RECORDS) == []
    assert phone.shows("Record")


def test_formats_and_rates(phone: Phone) -> None:
    phone.press("Settings", "Recording format", "Wav", "Sample rate", "8 kHz", "Channels", "Mono")
    phone.key(4)
    record(phone, "Rain", 2)
    data = phone.state.files.read(f"{FOLDER}/Rain.wav")
    assert data[:4] == b"RIFF"
    assert 16_000 * 2 <= len(data) - 44 <= 16_000 * 3.5
    assert rows(phone)[0][2:4] == ("wav", 8000)
    phone.press("Settings")
    phone.scroll_to("Reset recording settings").press("Reset recording settings")
    phone.key(4)
    record(phone, "Sun")
    assert rows(phone)[1][2:4] == ("m4a", 44100)


def test_it_need_not_ask_for_a_name(phone: Phone) -> None:
    phone.press("Settings", "Ask to rename after recording", "Record name format", "Date 2023-10-15 15.34.00")
    phone.key(4)
    phone.press("Record", "Stop recording")
    assert not phone.shows("input_name")
    assert names(phone, RECORDS)[0].startswith("2023-10-15 15.34.")


def test_playing_pausing_and_seeking(phone: Phone) -> None:
    record(phone, "Choir", 19.5)
    phone.press("Play")
    phone.advance(4.6)
    assert phone.shows("00:05")
    phone.press("Pause")
    before = phone.screenshot(SMALL)
    phone.advance(10)
    assert (phone.screenshot(SMALL) == before).all(), "nothing moves while it rests"
    bar = next(view for view in phone.views() if view.id == "play_progress")
    phone.tap(bar.left + bar.w / 2, bar.top + bar.h / 2)
    assert phone.shows("00:10")
    phone.press("Play")
    phone.advance(30)
    assert phone.shows("Play")
    assert not phone.shows("Pause")
    phone.press("Stop")
    assert phone.shows("00:00")


def test_the_list_renames_marks_sorts_and_deletes(phone: Phone) -> None:
    for name, seconds in (("Zebra", 9), ("Ant", 3), ("Moth", 5)):
        record(phone, name, seconds)
    phone.press("Records", "Bookmark Ant", "Show bookmarks")
    assert phone.shows("Ant")
    assert not phone.shows("Zebra")
    phone.press("Show all records", "Sort", "By length")
    order = [n.get("text") for n in phone.nodes() if n.get("text") in ("Zebra", "Ant", "Moth")]
    assert order[:3] == ["Zebra", "Moth", "Ant"]
    phone.press("Options for Moth", "Rename")
    replace(phone, "input_name", "Bee")
    phone.press("Rename", "Options for Zebra", "Delete", "Yes")
    assert names(phone, RECORDS) == ["Ant.m4a", "Bee.m4a", "Zebra.m4a.del"]
    phone.press("Trash", "Zebra", "Restore")
    assert phone.shows("Trash is empty")
    assert names(phone, RECORDS) == ["Ant.m4a", "Bee.m4a", "Zebra.m4a"]
    phone.key(4)
    assert phone.shows("Zebra")


def test_trash_can_be_emptied(phone: Phone) -> None:
    record(phone, "Old")
    phone.press("Records", "Options for Old", "Delete", "Yes", "Trash", "Delete all", "Yes")
    assert rows(phone) == []
    assert names(phone, RECORDS) == []


def test_playing_from_the_list_and_information(phone: Phone) -> None:
    record(phone, "Poem", 4)
    phone.press("Records", "record_1")
    assert phone.shows("Pause")
    phone.press("Options for Poem", "Information")
    assert phone.shows("M4a, 44.1 kHz, 128 kbps, Stereo")
    assert phone.shows("00:04")


def test_equal_recordings_in_two_phones_and_after_a_snapshot(phone: Phone) -> None:
    phone.press("Record")
    phone.advance(3)
    twin = Phone()
    twin.restore(phone.snapshot())
    for device in (phone, twin):
        device.advance(3)
        device.press("Stop recording", "Save", "Play")
        device.advance(1)
    assert phone.snapshot() == twin.snapshot()
    assert (phone.screenshot(SMALL) == twin.screenshot(SMALL)).all()


def test_a_full_disk_costs_a_message(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlgym.android.state.files.MAX_DISK", 1)
    phone.press("Record", "Stop recording")
    assert phone.shows("Not enough storage space")
    assert rows(phone) == []
    assert names(phone, RECORDS) == []


def test_its_folder_is_there_before_the_first_recording(phone: Phone) -> None:
    assert names(phone, RECORDS) == []
    assert phone.state.files.is_dir(FOLDER)
    phone.shell(f"rm -r {FOLDER}; pm clear {PACKAGE}")
    assert phone.state.files.is_dir(FOLDER)
