"""The file manager: folders are walked, files selected, renamed, copied, moved and deleted."""

from __future__ import annotations

import pytest
from office import check_screen, elements, hold, write
from phone import Phone

from vlgym.android.apps.folders import Folders, may_name, size_words

ROOT = "/storage/emulated/0"


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    files = phone.state.files
    for folder in ("DCIM", "Documents", "Download", "Movies", "Music", "Pictures", "Recordings"):
        for name in files.list(f"{ROOT}/{folder}"):
            files.remove(f"{ROOT}/{folder}/{name}", tree=True)
    for path, size in (("Download/bill.pdf", 2000), ("Download/song.mp3", 9000), ("Download/notes.txt", 40)):
        files.write(f"{ROOT}/{path}", b"x" * size)
    phone.windows.launch("com.google.android.documentsui")
    phone.advance(1.0)
    return phone


def names(phone: Phone, folder: str) -> list[str]:
    return phone.state.files.list(f"{ROOT}/{folder}")


def shown(phone: Phone) -> list[str]:
    return [element.label for element in elements(phone).items if element.clickable and "." in element.label]


def test_sizes_and_names() -> None:
    assert [size_words(n) for n in (0, 999, 1000, 48213, 3_248_213)] == [
        "0 B",
        "999 B",
        "1.00 kB",
        "48.2 kB",
        "3.25 MB",
    ]
    assert may_name("a b.txt")
    assert not any(map(may_name, ("", ".", "..", "a/b", "a:b", "x" * 256)))


def test_roots(phone: Phone) -> None:
    assert set(shown(phone)) == {"bill.pdf", "song.mp3", "notes.txt"}
    check_screen(phone)
    phone.press("Audio")
    assert shown(phone) == ["song.mp3"]
    phone.press("Show roots")
    check_screen(phone)
    phone.press("Documents")
    assert shown(phone) == ["bill.pdf", "notes.txt"]
    assert phone.logged("DirectoryFragment") == ["Showing directory: document/documents"]
    phone.press("Show roots", "Downloads", "More options", "Sort by...", "Size")
    assert shown(phone) == ["song.mp3", "bill.pdf", "notes.txt"]
    phone.press("Grid view")
    assert shown(phone) == ["song.mp3", "bill.pdf", "notes.txt"]
    check_screen(phone)


def test_copy_and_move(phone: Phone) -> None:
    phone.press("Show roots", "Downloads")
    hold(phone, "bill.pdf").press("More options", "Copy to...", "Copy")
    assert names(phone, "Download") == ["bill (1).pdf", "bill.pdf", "notes.txt", "song.mp3"]
    hold(phone, "bill.pdf").press("song.mp3")
    check_screen(phone)
    phone.press("More options", "Move to...", "Simulated phone", "Music")
    check_screen(phone)
    phone.press("Move")
    assert names(phone, "Music") == ["bill.pdf", "song.mp3"]
    assert names(phone, "Download") == ["bill (1).pdf", "notes.txt"]


def test_a_folder_does_not_move_into_itself(phone: Phone) -> None:
    phone.state.files.mkdir(f"{ROOT}/Download/in")
    phone.press("Show roots", "Downloads")
    hold(phone, "in").press("More options", "Move to...", "in", "Move")
    assert "in" in names(phone, "Download")


def test_rename_delete_and_new_folder(phone: Phone) -> None:
    phone.press("Show roots", "Downloads")
    hold(phone, "notes.txt").press("More options", "Rename")
    write(phone, "file_name", "song.mp3")
    phone.press("OK")
    assert "notes.txt" in names(phone, "Download")
    hold(phone, "notes.txt").press("More options", "Rename")
    write(phone, "file_name", "words.txt")
    phone.press("OK", "More options", "New folder")
    phone.text("Old")
    phone.press("OK")
    assert names(phone, "Download") == ["Old", "bill.pdf", "song.mp3", "words.txt"]
    hold(phone, "Old").press("bill.pdf", "Delete", "Cancel", "Delete", "OK")
    assert names(phone, "Download") == ["song.mp3", "words.txt"]


def test_open_search_and_info(phone: Phone) -> None:
    phone.press("Search")
    phone.text("bil")
    assert shown(phone) == ["bill.pdf"]
    hold(phone, "bill.pdf").press("More options", "Get info")
    assert phone.shows("2.00 kB")
    assert phone.shows(f"{ROOT}/Download/bill.pdf")
    check_screen(phone)
    phone.press("OK")
    phone.key(4)
    phone.press("Close search", "notes.txt")
    assert phone.foreground().startswith("net.gsantner.markor/")


def test_copies_of_folders_are_whole(phone: Phone) -> None:
    files, folders = phone.state.files, Folders(phone.state)
    files.mkdir(f"{ROOT}/Music/a/b", parents=True)
    files.write(f"{ROOT}/Music/a/b/c.txt", b"deep")
    copy = folders.copy(f"{ROOT}/Music/a", f"{ROOT}/Download")
    assert files.read(f"{copy}/b/c.txt") == b"deep"
    assert folders.copy(f"{ROOT}/Music/a", f"{ROOT}/Download") == f"{ROOT}/Download/a (1)"
