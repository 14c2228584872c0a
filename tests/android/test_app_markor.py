"""The notebook: notes are written, read, undone, renamed, moved, shared and deleted."""

from __future__ import annotations

import pytest
from office import check_screen, hold, started, write
from phone import SETTINGS, Phone

from vlgym.android.apps.markor.editor import plain

HOME = "/storage/emulated/0/Documents/Markor"
FIELD = "document__fragment__edit__highlighting_editor"


@pytest.fixture
def phone() -> Phone:
    phone = started("net.gsantner.markor")
    files = phone.state.files
    for name in files.list(HOME):
        files.remove(f"{HOME}/{name}", tree=True)
    files.mkdir(f"{HOME}/Trips")
    files.write(f"{HOME}/shopping.md", b"# Shopping\n\n- [ ] milk\n- [x] bread\n\nAsk **Ida**.")
    files.write(f"{HOME}/plan.txt", b"Meet at nine.")
    return phone


def text(phone: Phone, name: str) -> str:
    return phone.state.files.read(f"{HOME}/{name}").decode()


def test_edit_undo_and_save(phone: Phone) -> None:
    check_screen(phone)
    phone.press("plan.txt")
    write(phone, FIELD, "Meet at ten.")
    assert text(phone, "plan.txt") == "Meet at nine."
    phone.press("Save")
    assert text(phone, "plan.txt") == "Meet at ten."
    check_screen(phone)
    phone.press("Undo", "Navigate up")
    assert text(phone, "plan.txt") != "Meet at ten."


def test_leaving_keeps_the_text(phone: Phone) -> None:
    phone.press("plan.txt")
    write(phone, FIELD, "Two\nlines")
    phone.key(4)
    phone.key(4)
    assert text(phone, "plan.txt") == "Two\nlines"
    assert phone.shows("shopping.md")


@pytest.mark.parametrize("leave", ["home", "recents", "another app", "screen off"])
def test_a_note_is_saved_when_another_screen_comes(phone: Phone, leave: str) -> None:
    phone.press("plan.txt")
    write(phone, FIELD, "Meet at eleven.")
    assert text(phone, "plan.txt") == "Meet at nine."
    if leave == "another app":
        phone.start_activity(SETTINGS)
    else:
        phone.key({"home": 3, "recents": 187, "screen off": 26}[leave])
    assert text(phone, "plan.txt") == "Meet at eleven."


def test_read_and_tick(phone: Phone) -> None:
    phone.press("shopping.md", "View mode")
    assert phone.shows("Ask Ida.")
    check_screen(phone)
    phone.press("milk")
    assert "- [x] milk\n- [x] bread" in text(phone, "shopping.md")
    phone.press("bread", "Edit mode")
    assert "- [x] milk\n- [ ] bread" in text(phone, "shopping.md")
    assert phone.shows(FIELD)


def test_marks(phone: Phone) -> None:
    phone.press("plan.txt")
    write(phone, FIELD, "tea")
    phone.press("Checkbox", "Save")
    assert text(phone, "plan.txt") == "- [ ] tea"
    write(phone, FIELD, "on ")
    phone.press("Date", "Save")
    assert text(phone, "plan.txt") == "on 2023-10-15"
    assert plain("**a** _b_ [c](https://x) `d`") == "a _b_ c d"


def test_new_file_and_folder(phone: Phone) -> None:
    phone.press("Create a new file or folder", "new_file_dialog__type", "Plain text")
    write(phone, "new_file_dialog__name", "memo")
    check_screen(phone)
    phone.press("OK")
    assert text(phone, "memo.txt") == ""
    phone.press("Navigate up", "Create a new file or folder")
    write(phone, "new_file_dialog__name", "plan.txt")
    phone.press("OK")
    assert text(phone, "plan.txt") == "Meet at nine."
    phone.press("Create a new file or folder")
    write(phone, "new_file_dialog__name", "Ideas")
    phone.press("Folder")
    assert phone.state.files.is_dir(f"{HOME}/Ideas")
    assert phone.shows("Ideas")


def test_rename_move_copy_delete(phone: Phone) -> None:
    hold(phone, "plan.txt").press("Rename")
    write(phone, "rename_name", "plan.md")
    phone.press("OK")
    hold(phone, "plan.md").press("Move", "Trips")
    check_screen(phone)
    phone.press("Move here")
    assert text(phone, "Trips/plan.md") == "Meet at nine."
    hold(phone, "plan.md").press("More options", "Copy", "Parent folder", "Copy here")
    assert phone.state.files.list(HOME) == ["Trips", "plan.md", "shopping.md"]
    hold(phone, "Trips").press("shopping.md", "Delete", "OK")
    assert phone.state.files.list(HOME) == ["plan.md"]


def test_back_leaves_a_folder(phone: Phone) -> None:
    phone.press("Trips")
    phone.key(4)
    phone.advance(0.5)
    assert phone.shows("shopping.md")


def test_quick_note(phone: Phone) -> None:
    phone.press("QuickNote")
    write(phone, FIELD, "call back")
    phone.key(4)
    phone.press("More")
    assert text(phone, "QuickNote.md") == "call back"
    check_screen(phone)


def test_view_intent_opens_a_document(phone: Phone) -> None:
    phone.shell(f"am start -a android.intent.action.VIEW -d file://{HOME}/plan.txt -t text/plain")
    phone.advance(0.5)
    assert phone.foreground().endswith("DocumentActivity")
    assert phone.shows("Meet at nine.")
