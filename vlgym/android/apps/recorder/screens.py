"""The recorder's screens: recording, the list of recordings, settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from vlgym.android.apps.media import length_words, size_words
from vlgym.android.apps.recorder.model import (
    BIT_RATES,
    CHANNELS,
    COMPONENT,
    FOLDER,
    FORMAT_NAMES,
    NAMINGS,
    ORDERS,
    PACKAGE,
    RATES,
    Record,
)
from vlgym.android.apps.recorder.parts import Listener, Wave
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.material import ActionItem, Empty, ListItem, Section, SwitchItem, Toolbar
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, TextView

_APP = f"{PACKAGE}/{PACKAGE}.app"


class Welcome(Activity):
    """What the launcher starts: it hands over to the main screen."""

    def on_start(self) -> None:
        """Start the main screen and go."""
        self.start(COMPONENT)
        self.finish()

    def on_create(self) -> View:
        """Return nothing; nobody sees it."""
        return Space()


class Main(Listener):
    """Records. Nothing is saved here: the recorder's own data say what goes on."""

    @property
    def tick_ms(self) -> int:
        """A recording and the player move with every tenth of a second."""
        recorder = self.recorder
        return 100 if recorder.status == "recording" or recorder.is_playing else 0

    def on_create(self) -> View:
        """Return the wave over the time and the buttons."""
        recorder, record = self.recorder, self.recorder.active
        going = recorder.status != "idle"
        length = recorder.recorded_ms if going else record.length_ms if record else 0
        actions = [] if going or record is None else [ActionItem("more_vert", "More options", self._more, "overflow")]
        if going:
            share, first, seed = 1.0, length // 100 - 64, 3
        else:
            share = recorder.played_ms / record.length_ms if record and record.length_ms else 0.0
            first, seed = 0, record.id if record else 0
        metrics = self.manager.metrics
        tall = 180 if metrics.height > metrics.width else 96
        wave = Wave(metrics, seed, first, share, live=going, tall=tall)
        name = "Recording…" if recorder.status == "recording" else "Paused" if going else record.name if record else ""
        format_words = record.summary() if record and not going else self._format()
        shown = length if going else recorder.played_ms if recorder.is_playing else length
        middle = Column(
            wave if going or record else Space(height=tall),
            TextView(length_words(shown), style="display_large", id="txt_duration_main", margin=(0, 24, 0, 4)),
            TextView(name or "No recording yet", style="title_medium", id="txt_name", lines=1),
            TextView(format_words, style="body_medium", colour="on_surface_variant", id="txt_record_info"),
            self.player(),
            width=MATCH,
            height=MATCH,
            align="center",
            spacing=4,
            padding=(16, 0),
        )
        return Column(
            Toolbar("Audio Recorder", *actions),
            ScrollView(middle, width=MATCH, weight=1, id="record_panel"),
            self._going() if going else self._resting(),
            width=MATCH,
            height=MATCH,
        )

    def _format(self) -> str:
        recorder = self.recorder
        rate = RATES[recorder.choice("rate", 4, len(RATES))]
        return f"{FORMAT_NAMES[recorder.format]}, {rate / 1000:g} kHz, {CHANNELS[recorder.choice('channels', 1, 2)]}"

    def _round(self, icon: str, label: str, act: Any, name: str, *, big: bool = False) -> View:
        side = 88 if big else 56
        return ImageButton(
            icon,
            content_desc=label,
            size=40 if big else 26,
            width=side,
            height=side,
            radius=side / 2,
            colour="on_error" if big else "on_surface",
            background="error" if big else "surface_container",
            on_click=act,
            id=name,
        )

    def _resting(self) -> View:
        return Row(
            self._round(
                "format_list_bulleted",
                "Records",
                lambda: self.start(f"{_APP}.records.RecordsActivity"),
                "btn_records_list",
            ),
            self._round("mic", "Record", lambda: self.act(self.recorder.begin), "btn_record", big=True),
            self._round(
                "settings", "Settings", lambda: self.start(f"{_APP}.settings.SettingsActivity"), "btn_settings"
            ),
            width=MATCH,
            height=144 if self.manager.metrics.height > self.manager.metrics.width else 104,
            align="center",
            spacing=40,
        )

    def _going(self) -> View:
        recorder = self.recorder
        paused = recorder.status == "paused"
        return Row(
            self._round("delete_outline", "Delete recording", lambda: self.show("discard"), "btn_record_delete"),
            self._round(
                "mic" if paused else "pause",
                "Resume recording" if paused else "Pause recording",
                lambda: self.act(recorder.begin if paused else recorder.pause),
                "btn_record",
                big=True,
            ),
            self._round("stop", "Stop recording", self._stop, "btn_record_stop"),
            width=MATCH,
            height=144 if self.manager.metrics.height > self.manager.metrics.width else 104,
            align="center",
            spacing=40,
        )

    def _stop(self) -> None:
        record = self.recorder.stop()
        if record is None:
            self.toast("Not enough storage space")
        elif self.recorder.asks_for_name:
            self.show("rename", record=record.id, fresh=True)
        self.invalidate()

    def _more(self) -> None:
        record = self.recorder.active
        if record is not None:
            self.menu("more", "overflow", record=record.id)

    def _more_dialog(self, args: dict[str, Any]) -> View:
        number = args["record"]
        return PopupMenu(
            [
                (label, self.then(partial(self.show, name, record=number)))
                for label, name in (("Rename", "rename"), ("Information", "information"), ("Delete", "delete"))
            ],
            args["at"],
        )

    def _discard_dialog(self, args: dict[str, Any]) -> View:
        discard = self.then(lambda: self.act(self.recorder.discard))
        words = "Do you want to delete the current recording?"
        return AlertDialog("Delete record", message=words, buttons=(("No", self.dismiss), ("Yes", discard)))


class Records(Listener):
    """The recordings. Saved: "marked", only bookmarks; "trash", what was deleted."""

    @property
    def tick_ms(self) -> int:
        """The player moves with every tenth of a second."""
        return 100 if self.recorder.is_playing else 0

    def on_back(self) -> bool:
        """Leave the trash first."""
        if self.saved.get("trash"):
            self.set(trash=False)
            return True
        return False

    def on_create(self) -> View:
        """Return the list over the player."""
        recorder, trash, marked = self.recorder, bool(self.saved.get("trash")), bool(self.saved.get("marked"))
        found = [r for r in recorder.records(trash=trash) if trash or r.bookmark or not marked]
        if trash:
            bar = Toolbar(
                "Trash",
                ActionItem("delete_outline", "Delete all", lambda: self.show("empty"), "btn_delete_all"),
                on_up=lambda: self.set(trash=False),
            )
        else:
            bar = Toolbar(
                "Records",
                ActionItem(
                    "bookmark" if marked else "bookmark_outline",
                    "Show all records" if marked else "Show bookmarks",
                    lambda: self.set(marked=not marked),
                    "btn_bookmarks",
                ),
                ActionItem("sort", "Sort", lambda: self.show("sort"), "btn_sort"),
                ActionItem("delete_outline", "Trash", lambda: self.set(trash=True), "btn_trash"),
                on_up=self.finish,
            )
        rows = [self._trash_row(record) if trash else self._row(record) for record in found]
        body: View = ScrollView(Column(*rows, width=MATCH), width=MATCH, height=MATCH, id="recycler_view")
        if not rows:
            words = "Trash is empty" if trash else "No bookmarks" if marked else "No records"
            body = Empty(words, "delete_outline" if trash else "mic_outline")
        foot = None if trash else self.player()
        panel = Column(
            TextView(active.name, style="title_small", padding=(24, 12, 24, 0), id="txt_name", lines=1)
            if (active := recorder.active)
            else None,
            foot,
            width=MATCH,
            background="surface_container",
            padding=(0, 0, 0, 12),
        )
        return Column(
            bar,
            FrameLayout(body, width=MATCH, weight=1),
            panel if foot is not None else None,
            width=MATCH,
            height=MATCH,
        )

    def _facts(self, record: Record) -> str:
        moment = self.state.clock.local(record.created * 1000)
        return f"{length_words(record.length_ms)} · {size_words(record.size)} · {moment:%d %b %Y}"

    def _row(self, record: Record) -> View:
        recorder = self.recorder
        active = recorder.active
        chosen = active is not None and active.id == record.id

        def play() -> None:
            recorder.choose(record)
            recorder.play()

        mark = ImageButton(
            "bookmark" if record.bookmark else "bookmark_outline",
            content_desc=f"Remove bookmark from {record.name}" if record.bookmark else f"Bookmark {record.name}",
            on_click=lambda: self.act(lambda: recorder.bookmark(record, not record.bookmark)),
        )
        more = ImageButton(
            "more_vert",
            content_desc=f"Options for {record.name}",
            on_click=lambda: self.menu("options", f"options_{record.id}", record=record.id),
            id=f"options_{record.id}",
        )
        return ListItem(
            record.name,
            self._facts(record),
            icon="graphic_eq" if chosen else "play_arrow",
            trailing=Row(mark, more),
            background="secondary_container" if chosen else "",
            padding=(24, 0, 4, 0),
            on_click=lambda: self.act(play),
            on_long_click=lambda: self.show("information", record=record.id),
            id=f"record_{record.id}",
        )

    def _trash_row(self, record: Record) -> View:
        return ListItem(
            record.name,
            self._facts(record),
            icon="delete_outline",
            on_click=lambda: self.show("trashed", record=record.id),
            id=f"record_{record.id}",
        )

    def _options_dialog(self, args: dict[str, Any]) -> View:
        record = self._record(args)
        items: list[tuple[str, Any]] = [
            ("Share", self.then(lambda: self.toast("No app can take the record"))),
            ("Information", self.then(lambda: self.show("information", record=record.id))),
            ("Rename", self.then(lambda: self.show("rename", record=record.id))),
            ("Delete", self.then(lambda: self.show("delete", record=record.id))),
        ]
        return PopupMenu(items, args["at"])

    def _sort_dialog(self, args: dict[str, Any]) -> View:
        preferences = self.recorder.preferences

        def choose(place: int) -> None:
            self.dismiss()
            self.act(lambda: preferences.put("order", place))

        return ChoiceDialog("Sort", ORDERS, preferences.number("order"), choose, self.dismiss)

    def _trashed_dialog(self, args: dict[str, Any]) -> View:
        recorder, record = self.recorder, self._record(args)
        return AlertDialog(
            record.name,
            message=self._facts(record),
            buttons=(
                ("Cancel", self.dismiss),
                ("Delete forever", self.then(lambda: self.act(lambda: recorder.erase(record)))),
                ("Restore", self.then(lambda: self.act(lambda: recorder.restore(record)))),
            ),
        )

    def _empty_dialog(self, args: dict[str, Any]) -> View:
        def empty() -> None:
            for record in self.recorder.records(trash=True):
                self.recorder.erase(record)
            self.invalidate()

        words = "Do you want to delete all records in trash? This cannot be undone."
        return AlertDialog("Delete all", message=words, buttons=(("No", self.dismiss), ("Yes", self.then(empty))))


class Options(Listener):
    """The recorder's settings."""

    def _choices(self) -> dict[str, tuple[str, Sequence[str], int]]:
        """Return setting -> (title, options, default)."""
        return {
            "naming": ("Record name format", NAMINGS, 0),
            "format": ("Recording format", FORMAT_NAMES, 0),
            "rate": ("Sample rate", [f"{rate / 1000:g} kHz" for rate in RATES], 4),
            "bits": ("Bitrate", [f"{rate // 1000} kbps" for rate in BIT_RATES], 2),
            "channels": ("Channels", CHANNELS, 1),
        }

    def on_create(self) -> View:
        """Return the settings."""
        recorder, icons = self.recorder, ("edit_outline", "audiotrack", "graphic_eq", "memory", "hearing")
        rows = [
            ListItem(
                title,
                options[recorder.choice(key, default, len(options))],
                icon=icon,
                on_click=partial(self.show, "choice", key=key),
                id=f"setting_{key}",
            )
            for (key, (title, options, default)), icon in zip(self._choices().items(), icons)
        ]

        def switch(key: str, title: str, icon: str, default: int) -> View:
            on = recorder.preferences.number(key, default) == 1
            return SwitchItem(
                title, on, lambda value: self.act(lambda: recorder.preferences.put(key, int(value))), icon=icon
            )

        body = Column(
            Section("Behaviour"),
            switch("ask_name", "Ask to rename after recording", "drive_file_rename_outline", 1),
            switch("keep_on", "Keep screen on while recording", "light_mode", 0),
            Section("Recording"),
            *rows,
            Section("Storage"),
            ListItem("File location", FOLDER.replace(SHARED_STORAGE, "Internal", 1), icon="folder_outline"),
            ListItem("Reset recording settings", icon="restart_alt", on_click=self._reset, id="btn_reset"),
            width=MATCH,
        )
        return Column(
            Toolbar("Settings", on_up=self.finish),
            ScrollView(body, width=MATCH, weight=1, id="settings_list"),
            width=MATCH,
            height=MATCH,
        )

    def _reset(self) -> None:
        for key, (_, _, default) in self._choices().items():
            self.recorder.preferences.put(key, default)
        self.toast("Settings were reset")
        self.invalidate()

    def _choice_dialog(self, args: dict[str, Any]) -> View:
        key = str(args["key"])
        title, options, default = self._choices()[key]

        def choose(place: int) -> None:
            self.dismiss()
            self.act(lambda: self.recorder.preferences.put(key, place))

        return ChoiceDialog(title, options, self.recorder.choice(key, default, len(options)), choose, self.dismiss)
