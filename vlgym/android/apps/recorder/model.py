"""Recordings as files and rows, the recording under way and the one being played."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from vlgym.android.apps.media import Preferences, clip, length_words, save, wave
from vlgym.android.state.files import SHARED_STORAGE

if TYPE_CHECKING:
    from vlgym.android.state.databases import Database
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.dimowner.audiorecorder"
COMPONENT = f"{PACKAGE}/{PACKAGE}.app.main.MainActivity"
FOLDER = f"{SHARED_STORAGE}/Android/data/{PACKAGE}/files/Music/records"
FORMATS = ("m4a", "wav", "3gp")
FORMAT_NAMES = ("M4a", "Wav", "3gp")
RATES = (8000, 16000, 22050, 32000, 44100, 48000)
BIT_RATES = (48000, 96000, 128000, 192000, 256000)
CHANNELS = ("Mono", "Stereo")
NAMINGS = ("Record-1", "Date 2023-10-15 15.34.00", "Timestamp 1697384040000")
ORDERS = ("By date", "By name", "By length", "By size")
TRASH_ENDING = ".del"
SILENCE_BYTES_S = 300
"""What a second of silence takes as compressed sound."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of records; length in milliseconds, size in bytes, `created` in milliseconds since 1970."""

    id: int
    name: str
    length_ms: int
    created: int
    path: str
    format: str
    size: int
    rate: int
    channels: int
    bit_rate: int
    bookmark: int
    removed: int

    def summary(self) -> str:
        """Return how it was recorded, in words."""
        rate = f"{self.rate / 1000:g} kHz"
        bits = f", {self.bit_rate // 1000} kbps" if self.bit_rate and self.format == "m4a" else ""
        return f"{FORMAT_NAMES[FORMATS.index(self.format)]}, {rate}{bits}, {CHANNELS[self.channels - 1]}"


_COLUMNS = (
    "_id, name, duration / 1000, created, path, format, size, sample_rate, channel_count, bitrate, bookmark, removed"
)


class Recorder:
    """The recorder's data and what follows from changing them."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state, self.files = manager, manager.state, manager.state.files
        self.preferences = Preferences(self.database)

    @property
    def database(self) -> Database:
        """The recorder's database; lengths in microseconds."""
        return self.state.app_database(PACKAGE, "records.db")

    # ------------------------------------------------------------ records

    def _select(self, where: str, *values: object) -> list[Record]:
        rows = self.database.execute(f"SELECT {_COLUMNS} FROM records WHERE {where}", values)
        return [Record(*row) for row in rows]

    def records(self, *, trash: bool = False) -> list[Record]:
        """Return the recordings in the chosen order, or those in the trash."""
        if trash:
            return self._select("removed > 0 ORDER BY removed DESC, _id DESC")
        order = self.preferences.number("order")
        found = self._select("removed = 0 ORDER BY created DESC, _id DESC")
        if order == 1:
            found.sort(key=lambda record: record.name.lower())
        elif order in (2, 3):
            found.sort(key=lambda record: record.length_ms if order == 2 else record.size, reverse=True)
        return found

    def record(self, number: int) -> Record | None:
        """Return a recording by its number."""
        return next(iter(self._select("_id = ?", number)), None)

    def rename(self, record: Record, name: str) -> str:
        """Give a recording another name; return what is wrong with it, or nothing."""
        name = name.strip()
        if not name or "/" in name:
            return "Incorrect name"
        path = f"{record.path.rpartition('/')[0]}/{name}.{record.format}"
        if path == record.path:
            return ""
        if self.files.exists(path):
            return "Record with this name already exists"
        self.files.rename(record.path, path)
        self.database.execute("UPDATE records SET name = ?, path = ? WHERE _id = ?", (name, path, record.id))
        return ""

    def bookmark(self, record: Record, on: bool) -> None:
        """Mark a recording, or take the mark away."""
        self.database.execute("UPDATE records SET bookmark = ? WHERE _id = ?", (int(on), record.id))

    def drop(self, record: Record) -> None:
        """Move a recording to the trash."""
        if self.active is not None and self.active.id == record.id:
            self.preferences.put("active", 0)
            self.halt()
        path = record.path + TRASH_ENDING
        if self.files.exists(record.path):
            self.files.rename(record.path, path)
        now = self.state.clock.now_ms
        self.database.execute("UPDATE records SET removed = ?, path = ? WHERE _id = ?", (now, path, record.id))

    def restore(self, record: Record) -> None:
        """Take a recording out of the trash."""
        path = record.path.removesuffix(TRASH_ENDING)
        if self.files.exists(record.path):
            self.files.rename(record.path, path)
        self.database.execute("UPDATE records SET removed = 0, path = ? WHERE _id = ?", (path, record.id))

    def erase(self, record: Record) -> None:
        """Delete a recording for good."""
        if self.files.exists(record.path):
            self.files.remove(record.path)
        self.database.execute("DELETE FROM records WHERE _id = ?", (record.id,))

    # ------------------------------------------------------------ recording

    def choice(self, key: str, default: int, count: int) -> int:
        """Return which of `count` options a setting has."""
        place = self.preferences.number(key, default)
        return place if 0 <= place < count else default

    @property
    def format(self) -> int:
        """Place of the format in FORMATS."""
        return self.choice("format", 0, len(FORMATS))

    @property
    def asks_for_name(self) -> bool:
        """Whether a name is asked for after recording."""
        return self.preferences.number("ask_name", 1) == 1

    @property
    def status(self) -> str:
        """ "idle", "recording" or "paused"."""
        return self.preferences.get("status", "idle")

    @property
    def recorded_ms(self) -> int:
        """How long the recording under way is."""
        going = self.state.clock.uptime_ms - self.preferences.number("began") if self.status == "recording" else 0
        return self.preferences.number("kept") + going

    def begin(self) -> None:
        """Record, or go on after a pause."""
        if self.status == "idle":
            self.preferences.put("kept", 0)
            self.halt()
        self.preferences.put("began", self.state.clock.uptime_ms)
        self._turn("recording")

    def pause(self) -> None:
        """Let the recording rest."""
        self.preferences.put("kept", self.recorded_ms)
        self._turn("paused")

    def discard(self) -> None:
        """Throw the recording away."""
        self._turn("idle")

    def _turn(self, status: str) -> None:
        self.preferences.put("status", status)
        self.state.processes.log(PACKAGE, "AppRecorder", f"Recording state: {status}", "D")
        if status == "idle":
            self.manager.notices.cancel(PACKAGE, 303)
            return
        paused = status == "paused"
        self.manager.notices.post(
            PACKAGE,
            303,
            "Recording paused" if paused else "Recording",
            length_words(self.recorded_ms),
            actions=("Resume" if paused else "Pause", "Stop"),
            ongoing=True,
            component=COMPONENT,
        )

    def _name(self) -> str:
        moment: datetime = self.state.clock.local()
        naming = self.choice("naming", 0, len(NAMINGS))
        if naming == 1:
            return f"{moment:%Y-%m-%d %H.%M.%S}"
        if naming == 2:
            return str(self.state.clock.now_ms)
        return f"Record-{self.preferences.number('counter') + 1}"

    def stop(self) -> Record | None:
        """End the recording and keep it; return it, None if there was none or no space."""
        if self.status == "idle":
            return None
        length, place = self.recorded_ms, self.format
        self._turn("idle")
        rate = RATES[self.choice("rate", 4, len(RATES))]
        channels = self.choice("channels", 1, 2) + 1
        if FORMATS[place] == "wav":
            data = wave(length, rate, channels)
        else:
            brand = b"M4A " if FORMATS[place] == "m4a" else b"3gp4"
            data = clip(length, brand=brand, load=length * SILENCE_BYTES_S // 1000)
        name = self._name()
        self.files.mkdir(FOLDER, parents=True)
        path, number = f"{FOLDER}/{name}.{FORMATS[place]}", 1
        while self.files.exists(path):
            number += 1
            path = f"{FOLDER}/{name}-{number}.{FORMATS[place]}"
        if not save(self.files, path, data):
            return None
        now, bits = self.state.clock.now_ms, BIT_RATES[self.choice("bits", 2, len(BIT_RATES))]
        row = self.database.insert(
            "records",
            {
                "name": path.rpartition("/")[2].rpartition(".")[0],
                "duration": length * 1000,
                "created": now,
                "added": now,
                "path": path,
                "format": FORMATS[place],
                "size": len(data),
                "sample_rate": rate,
                "channel_count": channels,
                "bitrate": bits if FORMATS[place] == "m4a" else 0,
            },
        )
        self.preferences.put("counter", self.preferences.number("counter") + 1)
        self.preferences.put("active", row)
        return self.record(row)

    # ------------------------------------------------------------ playing

    @property
    def active(self) -> Record | None:
        """The recording that can be played."""
        record = self.record(self.preferences.number("active"))
        return record if record is not None and not record.removed else None

    @property
    def is_playing(self) -> bool:
        """Whether it plays."""
        return self.preferences.number("play_since") > 0 and not self._is_over

    @property
    def _is_over(self) -> bool:
        record = self.active
        return record is None or self.played_ms >= record.length_ms

    @property
    def played_ms(self) -> int:
        """How far it has been played."""
        record, since = self.active, self.preferences.number("play_since")
        at = self.preferences.number("play_at") + (self.state.clock.uptime_ms - since if since else 0)
        return min(at, record.length_ms if record is not None else 0)

    def choose(self, record: Record) -> None:
        """Make a recording the one to be played."""
        self.halt()
        self.preferences.put("active", record.id)

    def play(self) -> None:
        """Play, from the beginning after the end."""
        self.preferences.put("play_at", 0 if self._is_over else self.played_ms)
        self.preferences.put("play_since", self.state.clock.uptime_ms)

    def rest(self) -> None:
        """Pause playing."""
        self.preferences.put("play_at", self.played_ms)
        self.preferences.put("play_since", 0)

    def halt(self) -> None:
        """Stop playing."""
        self.preferences.put("play_at", 0)
        self.preferences.put("play_since", 0)

    def seek(self, milliseconds: int) -> None:
        """Go to a place."""
        playing = self.is_playing
        self.preferences.put("play_at", milliseconds)
        self.preferences.put("play_since", self.state.clock.uptime_ms if playing else 0)
