"""Ways to the goals of AndroidWorld's tasks on our phone: by its own actions where an app is touched, else by data.

A goal is a function of (hand, task). AndroidWorld's modules are imported inside functions: they need not be there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from typing import Any

Goal = Callable[["Hand", Any], object]
MARKOR = "/storage/emulated/0/Documents/Markor"
SHARED = "/storage/emulated/0"


class Hand:
    """What acts: AndroidWorld's JSON actions, and its adb calls."""

    def __init__(self, env: Any) -> None:
        self.env, self.controller = env, env.controller

    def act(self, kind: str, **fields: Any) -> None:
        """Execute one of AndroidWorld's actions and give the screen a second."""
        from android_world.env import actuation, json_action

        self.env.execute_action(json_action.JSONAction(action_type=kind, **fields))
        actuation.time.sleep(1.0)

    def elements(self) -> list[Any]:
        """Return the elements of the screen; a second look, for the first may be as old as the forwarder's period."""
        self.env.get_state()
        return list(self.env.get_state().ui_elements)

    def find(self, name: str) -> int:
        """Return the index of the last element whose text, description or hint is the name."""
        elements = self.elements()
        found = [n for n, e in enumerate(elements) if name in (e.text, e.content_description, e.hint_text)]
        assert found, f"{name!r} is not among {[e.text or e.content_description for e in elements]}"
        return found[-1]

    def click(self, *names: str) -> None:
        """Click elements by name, one after the other."""
        for name in names:
            self.act("click", index=self.find(name))

    def find_id(self, name: str) -> int:
        """Return the index of the element with an id."""
        elements = self.elements()
        return next(n for n, e in enumerate(elements) if (e.resource_name or "").endswith(f":id/{name}"))

    def fill(self, name: str, words: str) -> None:
        """Type into a field; AndroidWorld's action ends with ENTER."""
        self.act("input_text", index=self.find(name), text=words)

    def shell(self, line: str) -> str:
        """Return what a line prints in the phone's shell."""
        from android_world.env import adb_utils

        return str(adb_utils.issue_generic_request(["shell", line], self.controller).generic.output.decode())

    def write(self, path: str, text: str) -> None:
        """Write a text file."""
        self.shell(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}")

    def sms(self, number: str, words: str) -> None:
        """Write and send a message as AndroidWorld's own tool does: an intent and a click."""
        from android_world.env import tools

        tools.AndroidToolController(self.controller).send_sms(number, words)

    def switch(self, page: str, label: str) -> None:
        """Turn a switch on a page of the settings."""
        self.shell(f"am start -a android.settings.{page}_SETTINGS")
        self.click(label)


# ---------------------------------------------------------------- by touches


def _contact(hand: Hand, first: str, last: str, phone: str) -> None:
    hand.act("open_app", app_name="contacts")
    hand.click("Create contact")
    for hint, words in (("First name", first), ("Last name", last), ("Phone", phone)):
        hand.fill(hint, words)


def _add_contact(hand: Hand, task: Any) -> None:
    first, _, last = task.params["name"].partition(" ")
    _contact(hand, first, last, task.params["number"])
    hand.click("Save")


def _draft_contact(hand: Hand, task: Any) -> None:
    p = task.params
    _contact(hand, p["first"], p["last"], p["phone"])
    hand.click("Phone label", p["phone_label"])


def _timer(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name="clock")
    hand.click("Timer")
    hand.click(*"{hours:02d}{minutes:02d}{seconds:02d}".format(**task.params).lstrip("0"))


def _clock(*names: str) -> Goal:
    def reach(hand: Hand, task: Any) -> None:
        hand.act("open_app", app_name="clock")
        hand.click(*names)

    return reach


def _photo(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name="camera")
    hand.click("Shutter")


def _video(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name="camera")
    hand.click("Video mode", "Record video")
    hand.act("wait")
    hand.click("Stop recording")


def _record(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name="audio recorder")
    hand.click("Record")
    hand.act("wait")
    hand.click("Stop recording")
    name = task.params.get("file_name", "")
    if name:
        from android_world.env import adb_utils

        hand.act("click", index=hand.find_id("input_name"))
        hand.shell("input keycombination 113 29 && input keyevent 67")
        adb_utils.type_text(name, hand.controller)
    hand.click("Save")


def _wifi(hand: Hand, task: Any) -> None:
    hand.switch("WIFI", "Wi-Fi")


def _bluetooth(hand: Hand, task: Any) -> None:
    hand.switch("BLUETOOTH", "Use Bluetooth")


def _radios(hand: Hand, task: Any) -> None:
    _wifi(hand, task)
    _bluetooth(hand, task)


def _open(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name=task.params["app_name"])


def _wifi_and_open(hand: Hand, task: Any) -> None:
    _wifi(hand, task)
    _open(hand, task)


def _message(hand: Hand, task: Any) -> None:
    hand.sms(task.params["number"], task.params["message"])


def _answer(hand: Hand, task: Any) -> None:
    from android_world.task_evals.information_retrieval import proto_utils

    found = proto_utils.get_expected_answer(task.task)
    hand.act("answer", text=", ".join(_words(value) for value in found))


def _words(value: Any) -> str:
    """Return one expected answer as an agent would write it."""
    import datetime

    if isinstance(value, datetime.datetime):
        return f"{value:%B %d %Y %H:%M}"
    if isinstance(value, datetime.date):
        return f"{value:%B %d %Y}"
    if isinstance(value, datetime.time):
        return f"{value:%H:%M}"
    return str(value)


def _create_folder(hand: Hand, task: Any) -> None:
    hand.act("open_app", app_name="markor")
    hand.click("Create a new file or folder")
    hand.fill("Name", task.params["folder_name"])
    hand.click("Folder")


# ---------------------------------------------------------------- by data


def _clipboard(hand: Hand, task: Any) -> None:
    from android_world.env import adb_utils

    adb_utils.set_clipboard_contents(task.params["clipboard_content"], hand.controller)


def _brightness(value: int) -> Goal:
    return lambda hand, task: hand.shell(f"settings put system screen_brightness {value}")


def _note(name: str = "file_name", text: str = "text") -> Goal:
    return lambda hand, task: hand.write(f"{MARKOR}/{task.params[name]}", task.params[text])


def _note_and_sms(hand: Hand, task: Any) -> None:
    _note()(hand, task)
    hand.sms(task.params["number"], task.params["text"])


def _edit_note(hand: Hand, task: Any) -> None:
    p, old = task.params, task.original_content
    text = {"header": f"{p.get('header')}\n{old}", "footer": f"{old}\n{p.get('footer')}"}
    hand.write(f"{MARKOR}/{p['file_name']}", text.get(p["edit_type"], str(p.get("replace_text"))))


def _merge(hand: Hand, task: Any) -> None:
    p = task.params
    text = "\n\n".join(p[f"file{n}_content"] for n in (1, 2, 3))
    hand.write(f"{MARKOR}/{p['new_file_name']}", text)


def _rewrite(text: Callable[[dict[str, Any]], str]) -> Goal:
    """Return what gives a note another name and another text."""

    def reach(hand: Hand, task: Any) -> None:
        p = task.params
        hand.shell(f"rm {MARKOR}/{p['original_name']}")
        hand.write(f"{MARKOR}/{p['new_name']}", text(p))

    return reach


def _newest(hand: Hand, task: Any) -> None:
    hand.shell(f"rm {MARKOR}/{task.initial_file_list_sorted[-1].file_name}")


def _move(root: str) -> Goal:
    def reach(hand: Hand, task: Any) -> None:
        p = task.params
        hand.shell(f"mv {root}/{p['source_folder']}/{p['file_name']} {root}/{p['destination_folder']}/")

    return reach


def _delete_file(hand: Hand, task: Any) -> None:
    p = task.params
    hand.shell(f"rm {SHARED}/{p['subfolder']}/{p['file_name']}")


def _copy_receipt(hand: Hand, task: Any) -> None:
    hand.shell(f"cp /sdcard/DCIM/{task.params['file_name']} /sdcard/Download/")


def _add_rows(hand: Hand, task: Any) -> None:
    task.add_rows(task.params["row_objects"], hand.env)


def _delete_rows(hand: Hand, task: Any) -> None:
    """Delete the rows of the goal in the app's database; of duplicates, all but one."""
    ids = [getattr(row, task.db_key) for row in task.rows_to_delete]
    ids = ids[1:] if hasattr(task, "duplicate_rows") else ids
    sql = f"DELETE FROM {task.table_name} WHERE {task.db_key} IN ({', '.join(map(str, ids))})"
    hand.shell(f"sqlite3 {task.db_path} {shlex.quote(sql)}")


# ---------------------------------------------------------------- which task


def _all(names: str, goal: Goal) -> Iterable[tuple[str, Goal]]:
    return ((name, goal) for name in names.split())


TOUCHED: dict[str, Goal] = {
    "AudioRecorderRecordAudio": _record,
    "AudioRecorderRecordAudioWithFileName": _record,
    "CameraTakePhoto": _photo,
    "CameraTakeVideo": _video,
    "ClockStopWatchPausedVerify": _clock("Stopwatch"),
    "ClockStopWatchRunning": _clock("Stopwatch", "Start"),
    "ClockTimerEntry": _timer,
    "ContactsAddContact": _add_contact,
    "ContactsNewContactDraft": _draft_contact,
    "MarkorCreateFolder": _create_folder,
    "OpenAppTaskEval": _open,
    "TurnOffWifiAndTurnOnBluetooth": _radios,
    "TurnOnWifiAndOpenApp": _wifi_and_open,
    **dict(_all("SystemWifiTurnOff SystemWifiTurnOn", _wifi)),
    **dict(_all("SystemBluetoothTurnOff SystemBluetoothTurnOn", _bluetooth)),
    **dict(_all("SimpleSmsReply SimpleSmsReplyMostRecent SimpleSmsResend SimpleSmsSend", _message)),
    **dict(_all("SimpleSmsSendClipboardContent SimpleSmsSendReceivedAddress", _message)),
    **dict(_all("SimpleCalendarEventsOnDate SimpleCalendarNextEvent SimpleCalendarEventOnDateAtTime", _answer)),
    **dict(_all("SimpleCalendarAnyEventsOnDate SimpleCalendarNextMeetingWithPerson", _answer)),
    **dict(_all("SimpleCalendarLocationOfEvent SimpleCalendarEventsInNextWeek", _answer)),
    **dict(_all("SimpleCalendarFirstEventAfterStartTime SimpleCalendarEventsInTimeRange", _answer)),
    **dict(_all("TasksDueOnDate TasksHighPriorityTasks TasksHighPriorityTasksDueOnDate TasksDueNextWeek", _answer)),
    **dict(_all("TasksCompletedTasksForDate TasksIncompleteTasksOnDate", _answer)),
}
"""Tasks whose goal is reached by AndroidWorld's actions."""

WRITTEN: dict[str, Goal] = {
    "FilesDeleteFile": _delete_file,
    "FilesMoveFile": _move(SHARED),
    "MarkorAddNoteHeader": _rewrite(lambda p: f"{p['header']}\n\n{p['original_content']}\n"),
    "MarkorChangeNoteContent": _rewrite(lambda p: str(p["updated_content"])),
    "MarkorCreateNote": _note(),
    "MarkorCreateNoteAndSms": _note_and_sms,
    "MarkorCreateNoteFromClipboard": _note(text="file_content"),
    "MarkorDeleteAllNotes": lambda hand, task: hand.shell(f"rm {MARKOR}/*"),
    "MarkorDeleteNewestNote": _newest,
    "MarkorDeleteNote": lambda hand, task: hand.shell(f"rm {MARKOR}/{task.params['file_name']}"),
    "MarkorEditNote": _edit_note,
    "MarkorMergeNotes": _merge,
    "MarkorMoveNote": _move(MARKOR),
    "MarkorTranscribeReceipt": _note(),
    "SaveCopyOfReceiptTaskEval": _copy_receipt,
    "SystemBrightnessMax": _brightness(255),
    "SystemBrightnessMin": _brightness(1),
    "SystemCopyToClipboard": _clipboard,
    **dict(_all("SimpleCalendarAddOneEvent SimpleCalendarAddOneEventInTwoWeeks", _add_rows)),
    **dict(_all("SimpleCalendarAddOneEventRelativeDay SimpleCalendarAddOneEventTomorrow", _add_rows)),
    **dict(_all("SimpleCalendarAddRepeatingEvent ExpenseAddSingle ExpenseAddMultiple", _add_rows)),
    **dict(_all("ExpenseAddMultipleFromGallery ExpenseAddMultipleFromMarkor RecipeAddSingleRecipe", _add_rows)),
    **dict(_all("RecipeAddMultipleRecipes RecipeAddMultipleRecipesFromImage", _add_rows)),
    **dict(_all("RecipeAddMultipleRecipesFromMarkor RecipeAddMultipleRecipesFromMarkor2", _add_rows)),
    **dict(_all("SimpleCalendarDeleteEvents SimpleCalendarDeleteEventsOnRelativeDay", _delete_rows)),
    **dict(_all("SimpleCalendarDeleteOneEvent ExpenseDeleteSingle ExpenseDeleteMultiple", _delete_rows)),
    **dict(_all("ExpenseDeleteMultiple2 ExpenseDeleteDuplicates ExpenseDeleteDuplicates2", _delete_rows)),
    **dict(_all("RecipeDeleteSingleRecipe RecipeDeleteSingleWithRecipeWithNoise", _delete_rows)),
    **dict(_all("RecipeDeleteMultipleRecipes RecipeDeleteMultipleRecipesWithConstraint", _delete_rows)),
    **dict(_all("RecipeDeleteMultipleRecipesWithNoise RecipeDeleteDuplicateRecipes", _delete_rows)),
    **dict(_all("RecipeDeleteDuplicateRecipes2 RecipeDeleteDuplicateRecipes3", _delete_rows)),
}
"""Tasks whose goal is written into the phone's files, databases or settings."""

UNDONE = {
    "SystemBluetoothTurnOffVerify": "svc bluetooth enable",
    "SystemBluetoothTurnOnVerify": "svc bluetooth disable",
    "SystemBrightnessMaxVerify": "settings put system screen_brightness 99",
    "SystemBrightnessMinVerify": "settings put system screen_brightness 99",
    "SystemWifiTurnOffVerify": "svc wifi enable",
    "SystemWifiTurnOnVerify": "svc wifi disable",
}
"""Tasks that begin at their goal -> what takes it away."""

ONLY_BEGUN = ("BrowserDraw", "BrowserMaze", "BrowserMultiply")
"""Tasks on pages of JavaScript, which our browser does not run: set up and judged 0, no more."""

NO_APP = {"vlc": "VLC", "osmand": "OsmAnd", "retro": "Retro Music", "draw": "Simple Draw Pro", "joplin": "Joplin"}
NO_APP |= {"open tracks": "OpenTracks"}
"""Name in AndroidWorld -> app that our phone does not have."""


def missing(task: Any) -> str:
    """Return the app that a task needs and our phone does not have, or nothing."""
    named = " ".join(task.app_names).lower()
    return next((app for word, app in NO_APP.items() if word in named), "")
