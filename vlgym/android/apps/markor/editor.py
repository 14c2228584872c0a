"""The editor and the reader of one text file."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from vlgym.android.apps.folders import Entry, Folders, size_words
from vlgym.android.apps.pages import PagedActivity, day_words, time_words
from vlgym.android.state.intents import Intent
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem
from vlgym.android.ui.scroll import HorizontalScrollView, ScrollView
from vlgym.android.ui.view import MATCH, Column, Row, Space, View
from vlgym.android.ui.widgets import CheckBox, ImageButton, TextView

MOST_UNDONE = 30
HEADINGS = ("headline_medium", "headline_small", "title_large", "title_medium", "title_small", "title_small")
_MARKS = re.compile(r"(\*\*|__|~~|`|\*|\[([^\]]*)\]\([^)]*\))")
_TASK = re.compile(r"^(\s*[-*] \[)([ xX])(\] )(.*)$")

# icon, name, what is put before and behind the selection, and whether it belongs at the beginning of the line
_TOOLS = (
    ("check_box", "Checkbox", "- [ ] ", "", True),
    ("format_list_bulleted", "Unordered list", "- ", "", True),
    ("title", "Heading 1", "# ", "", True),
    ("format_size", "Heading 2", "## ", "", True),
    ("format_bold", "Bold", "**", "**", False),
    ("format_italic", "Italic", "_", "_", False),
    ("link", "Link", "[", "](https://)", False),
    ("schedule", "Date", "", "", False),
)


class Editor(PagedActivity):
    """What the pages that show a text file have in common; the page's arguments: "path", "view", "past", "future"."""

    @property
    def folders(self) -> Folders:
        """The shared storage."""
        return Folders(self.state)

    @property
    def words(self) -> str:
        """The file's text as it is on the disk."""
        path = self.args["path"]
        return self.state.files.read(path).decode("utf-8", "replace") if self.folders.exists(path) else ""

    # ------------------------------------------------------------ views

    def tools(self) -> list[ActionItem]:
        """Return the buttons of the app bar."""
        reading = self.args.get("view", False)
        switch = ActionItem(
            "edit" if reading else "visibility", "Edit mode" if reading else "View mode", self.switch_mode
        )
        if reading:
            return [switch]
        return [
            ActionItem("undo", "Undo", lambda: self._turn_back("past", "future")),
            ActionItem("redo", "Redo", lambda: self._turn_back("future", "past")),
            ActionItem("save", "Save", self._save_told),
            switch,
        ]

    def editor(self) -> list[View]:
        """Return the text, to edit or to read, and the bar of buttons below it."""
        if self.args.get("view"):
            lines = [self._line(n, line) for n, line in enumerate(self.words.split("\n"))]
            body = Column(*lines, width=MATCH, padding=(20, 8, 20, 32))
            return [ScrollView(body, width=MATCH, weight=1, id="document__fragment__view")]
        field = EditText(
            self.words, hint="Write here", kind="multiline", box="none", padding=(16, 8), min_height=480,
            on_text=self._note, id="document__fragment__edit__highlighting_editor",
        )  # fmt: skip
        buttons = [
            ImageButton(icon, content_desc=name, on_click=partial(self._mark, name, before, behind, first))
            for icon, name, before, behind, first in _TOOLS
        ]
        scroll = ScrollView(Column(field, width=MATCH), width=MATCH, weight=1, id="scroll")
        bar = HorizontalScrollView(
            Row(*buttons, padding=(4, 0)), width=MATCH, height=48, background="surface_container"
        )
        return [scroll, bar]

    def _line(self, number: int, line: str) -> View:
        """Return a line of Markdown as a view."""
        depth = len(line) - len(line.lstrip("#"))
        task = _TASK.match(line)
        if not line.strip():
            return Space(height=10)
        if 0 < depth <= 6 and line[depth : depth + 1] == " ":
            return TextView(plain(line[depth:].strip()), style=HEADINGS[depth - 1], padding=(0, 8, 0, 4))
        if task is not None:
            on = task[2] != " "
            words = TextView(plain(task[4]), style="body_large", weight=1)
            act = partial(self._tick, number, not on)
            return Row(CheckBox(on), words, spacing=12, width=MATCH, min_height=40, on_click=act)
        if line.lstrip()[:2] in ("- ", "* "):
            indent = len(line) - len(line.lstrip())
            dot = TextView("•", style="body_large")
            return Row(dot, TextView(plain(line.lstrip()[2:]), style="body_large", weight=1), spacing=12, width=MATCH,
                       padding=(8 + indent * 6, 2, 0, 2), align="")  # fmt: skip
        if set(line.strip()) == {"-"} and len(line.strip()) >= 3:
            return View(height=1, width=MATCH, margin=(0, 8), background="outline_variant")
        return TextView(plain(line), style="body_large", padding=(0, 2))

    # ------------------------------------------------------------ text

    def _field(self) -> EditText:
        field: EditText = self.find("document__fragment__edit__highlighting_editor")
        return field

    def _note(self, text: str) -> None:
        """Remember a change so that it can be undone."""
        past: list[str] = self.args.setdefault("past", [])
        past.append(self.args.get("last", self.words))
        del past[:-MOST_UNDONE]
        self.args["future"], self.args["last"] = [], text

    def _turn_back(self, source: str, target: str) -> None:
        if self.args.get(source):
            past, future = list(self.args.get("past", [])), list(self.args.get("future", []))
            kept = {"past": past, "future": future}
            text = kept[source].pop()
            kept[target].append(self._field().text)
            self._field().set_text(text)
            self.args.update(kept, last=text)

    def _mark(self, name: str, before: str, behind: str, line_start: bool) -> None:
        """Put marks around the selection or before the line."""
        field = self._field()
        first, last = field.selection
        text = field.text
        if name == "Date":
            moment = self.now
            field.insert(f"{moment:%Y-%m-%d}")
            return
        if line_start:
            start = text.rfind("\n", 0, first) + 1
            field.set_text(text[:start] + before + text[start:])
            field.select(first + len(before), last + len(before))
        else:
            field.set_text(text[:first] + before + text[first:last] + behind + text[last:])
            field.select(first + len(before), last + len(before))

    def _tick(self, number: int, on: bool) -> None:
        lines = self.words.split("\n")
        lines[number] = _TASK.sub(lambda m: m[1] + ("x" if on else " ") + m[3] + m[4], lines[number])
        self._write("\n".join(lines))

    def _write(self, text: str) -> None:
        path = self.args["path"]
        if text != self.words:
            self.folders.write(path, text.encode())

    def save(self) -> None:
        """Write the text into the file."""
        if not self.args.get("view") and "path" in self.args:
            self._write(self._field().text)

    def on_pause(self) -> None:
        """Save what is being edited."""
        with suppress(LookupError):  # a page without the field
            self.save()

    def _save_told(self) -> None:
        self.save()
        self.toast("Saved")

    def switch_mode(self) -> None:
        """Go from editing to reading, or back."""
        self.save()
        view = not self.args.get("view")
        self.manager.hide_keyboard()
        path = self.args["path"]
        self.saved["pages"].pop()
        self._put(self.editor_page, {"path": path, "view": view})
        self._turn()

    editor_page = "editor"

    def share(self, text: str) -> None:
        """Hand a text to another app."""
        try:
            self.start(
                Intent("android.intent.action.SEND", type="text/plain", extras={"android.intent.extra.TEXT": text})
            )
        except LookupError:
            self.toast("No app can share this")

    def info_dialog(self, entry: Entry) -> View:
        """Return what is known of a file."""
        moment = self.local(entry.modified)
        facts = (
            ("Name", entry.name),
            ("Location", entry.path.rpartition("/")[0]),
            ("Type", entry.type_words),
            ("Size", size_words(entry.size) if not entry.is_dir else f"{len(self.folders.entries(entry.path))} items"),
            ("Last modified", f"{day_words(moment.date())}, {time_words(moment)}"),
        )
        return facts_dialog("Info", facts, self.dismiss)


def facts_dialog(title: str, facts: tuple[tuple[str, str], ...], close: Callable[[], object]) -> View:
    """Return a dialog of names and values."""
    rows: list[View] = [
        Column(
            TextView(name, style="label_medium", colour="on_surface_variant"),
            TextView(value, style="body_large", lines=3),
            width=MATCH,
            padding=(24, 6),
        )
        for name, value in facts
    ]
    return AlertDialog(title, *rows, buttons=(("OK", close),))


def plain(text: str) -> str:
    """Return a line of Markdown without its marks."""
    return _MARKS.sub(lambda m: m[2] or "", text)
