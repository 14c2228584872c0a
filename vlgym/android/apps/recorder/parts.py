"""Pieces of the recorder's screens: the wave, the player, the dialogs about one recording."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vlgym.android.apps.media import length_words, size_words
from vlgym.android.apps.recorder.model import Record, Recorder
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import ImageButton, Picture, SeekBar, TextView

if TYPE_CHECKING:
    from vlgym.android.ui.theme import Metrics


def Wave(metrics: Metrics, seed: int, first: int, share: float, *, live: bool, tall: float = 180) -> Picture:
    """Return the picture of a sound: bars from number `first` on; those before `share` of the width are coloured."""

    def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
        step, thick = metrics.dp(6), metrics.dp(3)
        middle, count = top + height / 2, int(width // step)
        for bar in range(count):
            number = first + bar
            swing = math.sin(number * 0.37 + seed) * math.sin(number * 0.11 + seed * 1.7) * math.cos(number * 1.9)
            reach: float = height * (0.06 + 0.36 * abs(swing))
            if live and number < 0:
                reach = height * 0.015
            x = float(left + bar * step)
            done = bar < share * count
            colour = metrics.colour("primary" if done else "outline_variant")
            p.round(x, middle - reach, x + thick, middle + reach, thick / 2, colour)
        if not live:
            x = left + share * width
            p.rect(x, top, x + metrics.dp(2), top + height, metrics.colour("error"))

    return Picture(draw, width=MATCH, height=tall, id="waveform", content_desc="Waveform")


class Listener(Activity):
    """Base of the recorder's screens: the player and the dialogs about one recording."""

    @property
    def recorder(self) -> Recorder:
        """The recorder's data."""
        return Recorder(self.manager)

    def player(self) -> View | None:
        """Return the player of the active recording."""
        recorder, record = self.recorder, self.recorder.active
        if record is None or recorder.status != "idle":
            return None
        at = recorder.played_ms
        line = Row(
            TextView(length_words(at), style="label_medium", id="txt_progress"),
            SeekBar(
                at // 100,
                max(record.length_ms // 100, 1),
                on_change=self._seek,
                weight=1,
                width=MATCH,
                id="play_progress",
            ),
            TextView(length_words(record.length_ms), style="label_medium", id="txt_duration"),
            width=MATCH,
            spacing=8,
            padding=(24, 0),
        )
        playing = recorder.is_playing
        buttons = Row(
            ImageButton(
                "pause" if playing else "play_arrow",
                content_desc="Pause" if playing else "Play",
                size=32,
                width=64,
                height=64,
                colour="on_primary_container",
                background="primary_container",
                on_click=self._toggle,
                id="btn_play",
            ),
            ImageButton(
                "stop",
                content_desc="Stop",
                size=28,
                on_click=lambda: self.act(recorder.halt),
                enabled=playing or at > 0,
                id="btn_stop",
            ),
            width=MATCH,
            align="center",
            spacing=16,
        )
        return Column(line, buttons, width=MATCH, id="player")

    def act(self, call: Callable[[], object]) -> None:
        """Do something and show it."""
        call()
        self.invalidate()

    def _toggle(self) -> None:
        recorder = self.recorder
        self.act(recorder.rest if recorder.is_playing else recorder.play)

    def _seek(self, value: int) -> None:
        self.recorder.seek(value * 100)
        self.invalidate()

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialog of a name."""
        build: Callable[[dict[str, Any]], View] = getattr(self, f"_{name}_dialog")
        return build(args)

    def _record(self, args: dict[str, Any]) -> Record:
        record = self.recorder.record(int(args["record"]))
        assert record is not None
        return record

    def _rename_dialog(self, args: dict[str, Any]) -> View:
        record = self._record(args)

        def accept(*_: object) -> None:
            wrong = self.recorder.rename(record, self.find("input_name").text)
            if wrong:
                self.toast(wrong)
                return
            self.dismiss()
            self.invalidate()

        field = EditText(record.name, hint="Record name", margin=(24, 0), on_submit=accept, id="input_name")
        title = "Save record as" if args.get("fresh") else "Rename record"
        words = "Save" if args.get("fresh") else "Rename"
        return AlertDialog(title, field, buttons=(("Cancel", self.dismiss), (words, accept)))

    def _delete_dialog(self, args: dict[str, Any]) -> View:
        record = self._record(args)
        words = f"Do you want to move “{record.name}” to trash?"

        def drop() -> None:
            self.recorder.drop(record)
            self.invalidate()

        return AlertDialog("Delete record", message=words, buttons=(("No", self.dismiss), ("Yes", self.then(drop))))

    def _information_dialog(self, args: dict[str, Any]) -> View:
        record = self._record(args)
        moment = self.state.clock.local(record.created * 1000)
        rows = (
            ("Name", record.name),
            ("Format", record.summary()),
            ("Duration", length_words(record.length_ms)),
            ("Size", size_words(record.size)),
            ("File location", record.path.replace(SHARED_STORAGE, "Internal", 1)),
            ("Created", f"{moment:%d %b %Y, %H:%M:%S}"),
        )
        body = [
            Column(
                TextView(label, style="body_small", colour="on_surface_variant"),
                TextView(value, style="body_large", id=f"txt_{label.lower().replace(' ', '_')}"),
                width=MATCH,
                padding=(24, 6),
            )
            for label, value in rows
        ]
        return AlertDialog("Information", *body, buttons=(("OK", self.dismiss),))
