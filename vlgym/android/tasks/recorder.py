"""Tasks with the audio recorder: recording, naming, settings, bookmarks, trash."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import Params, Screen, Template, answer, click, launch, same_answer, seek

PACKAGE = "com.dimowner.audiorecorder"
DB = f"/data/data/{PACKAGE}/databases/records.db"
FOLDER = f"{SHARED}/Android/data/{PACKAGE}/files/Music/records"
APP = "Audio Recorder"
NAMES = (
    *("Lecture", "Interview", "Piano", "Birdsong", "Meeting", "Shopping ideas", "Choir", "Voice note", "Podcast"),
    *("Rain", "Speech", "Guitar", "Train ride", "Poem", "Rehearsal"),
)
FORMATS = ("M4a", "Wav", "3gp")
RATES = ("8 kHz", "16 kHz", "22.05 kHz", "32 kHz", "48 kHz")
_RATE_PLACES = {name: place for place, name in zip((0, 1, 2, 3, 5), RATES)}
Row = tuple[str, int, str, bool, bool]
"""Name, length in seconds, format, whether bookmarked, whether in the trash."""


def rows(phone: Phone) -> list[Row]:
    """Return the recordings, by name; one whose file is gone counts as none."""
    there = set(phone.list(FOLDER))
    found = phone.rows(DB, "SELECT name, duration / 1000000, format, bookmark, removed > 0, path FROM records")
    return sorted((n, d, f, bool(b), bool(r)) for n, d, f, b, r, path in found if path.rpartition("/")[2] in there)


def settings(phone: Phone) -> dict[str, str]:
    """Return the recorder's settings that have been changed."""
    return {str(key): str(value) for key, value in phone.rows(DB, "SELECT key, value FROM preferences")}


class RecorderTask(Template):
    """Base: `p["records"]` are the recordings to begin with; `fits` judges those of the end."""

    app = "recorder"
    checkpoints: tuple[str, ...] = ("open the recorder", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw two to four recordings."""
        names = rng.sample(NAMES, rng.randint(2, 4))
        return {"records": sorted([name, rng.randint(4, 400), "m4a", False, False] for name in names)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the recordings and forget settings."""
        from vlgym.android.apps.media import clip

        phone.remove(FOLDER)
        phone.shell(f"mkdir -p {FOLDER}")
        phone.execute(DB, "DELETE FROM records")
        phone.execute(DB, "DELETE FROM preferences")
        created = int(phone.now().timestamp() * 1000)
        for number, (name, seconds, ending, marked, removed) in enumerate(p["records"]):
            data = clip(seconds * 1000, brand=b"M4A ", load=seconds * 300)
            path, at = f"{FOLDER}/{name}.{ending}{'.del' * removed}", created - 86_400_000 * (number + 1)
            phone.write(path, data)
            phone.execute(
                DB,
                "INSERT INTO records (name, duration, created, added, removed, path, format, size, sample_rate,"
                " channel_count, bitrate, bookmark) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 44100, 2, 128000, ?)",
                (name, seconds * 1_000_000, at, at, at * removed, path, ending, len(data), int(marked)),
            )

    def new(self, phone: Phone, p: Params) -> list[Row] | None:
        """Return the recordings that were not there at first; None if one of those has changed."""
        now, before = rows(phone), [tuple(record) for record in p["records"]]
        return [row for row in now if row not in before] if all(row in now for row in before) else None

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether all is as a success leaves it."""
        return rows(phone) == sorted(self.wanted(p))

    def wanted(self, p: Params) -> list[Row]:
        """Return the recordings of a success."""
        return [tuple(record) for record in p["records"]]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the recordings."""
        return (PACKAGE in phone.foreground(), self.solved(phone, p))


class Record(RecorderTask):
    """AndroidWorld's AudioRecorderRecordAudio."""

    name = "RecorderRecordAudio"
    instruction = "Record an audio clip with Audio Recorder and save it."
    checkpoints = ("open the recorder", "save a recording")
    steps = 4

    def solved(self, phone: Phone, p: Params) -> bool:
        """One new recording, and the dialog about its name is answered."""
        new = self.new(phone, p)
        return new is not None and len(new) == 1 and settings(phone).get("status") == "idle"

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Record and stop."""
        yield from launch(screen, APP)
        yield click("Record")
        yield click("Stop recording")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Throw the recording away."""
        yield from launch(screen, APP)
        yield click("Record")
        yield click("Delete recording")
        yield click("Yes")


class RecordNamed(RecorderTask):
    """AndroidWorld's AudioRecorderRecordAudioWithFileName."""

    name = "RecorderRecordAudioWithName"
    instruction = "Record an audio clip with Audio Recorder and save it under the name {name}."
    checkpoints = ("open the recorder", "save a recording", "call it {name}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw a name nothing has."""
        p = super().draw(rng)
        used = {record[0] for record in p["records"]}
        stem = rng.choice([name for name in NAMES if name not in used])
        return {**p, "name": f"{stem} {rng.randint(2, 40)}"}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge number and name."""
        new = self.new(phone, p)
        saved = new is not None and len(new) == 1
        return (PACKAGE in phone.foreground(), saved, bool(saved and new and new[0][0] == p["name"]))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Record, stop, name."""
        yield from launch(screen, APP)
        yield click("Record")
        yield click("Stop recording")
        yield f'replace[Record name]("{p["name"]}")'

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type behind the name that is there."""
        yield from launch(screen, APP)
        yield click("Record")
        yield click("Stop recording")
        yield f'submit[Record name]("{p["name"]}")'


class RecordLong(RecorderTask):
    """A recording of some length."""

    name = "RecorderRecordLength"
    instruction = "Record an audio clip that is between {low} and {high} seconds long and save it."
    checkpoints = ("open the recorder", "save a recording of {low} to {high} seconds")
    steps = 14

    def draw(self, rng: random.Random) -> Params:
        """Draw the length."""
        low = rng.randint(12, 50)
        return {**super().draw(rng), "low": low, "high": low + 9}

    def solved(self, phone: Phone, p: Params) -> bool:
        """One new recording of that length."""
        new = self.new(phone, p)
        return new is not None and len(new) == 1 and p["low"] <= new[0][1] <= p["high"]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Watch the time on the screen."""
        yield from launch(screen, APP)
        yield click("Record")
        while _seconds(screen) < p["low"] + 1:
            yield "wait"
        yield click("Stop recording")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Stop too early."""
        yield from self.solve(screen, {**p, "low": p["low"] // 2 - 3})


def _seconds(screen: Screen) -> int:
    """Return the time that the recorder shows."""
    for element in screen.elements:
        if element.resource_id.endswith("txt_duration_main"):
            minutes, seconds = element.text.split(":")
            return int(minutes) * 60 + int(seconds)
    return 0


class OneRecord(RecorderTask):
    """Base of tasks about one recording, called `p["name"]`."""

    def draw(self, rng: random.Random) -> Params:
        """Draw which one."""
        p = super().draw(rng)
        return {**p, "name": rng.choice(p["records"])[0]}

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """Return what becomes of the recording that is meant."""
        raise NotImplementedError

    def wanted(self, p: Params) -> list[Row]:
        """Return the recordings with that one changed."""
        kept = [tuple(record) for record in p["records"] if record[0] != p["name"]]
        return [*kept, *(row for record in p["records"] if record[0] == p["name"] for row in self.change(record, p))]

    def _open(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, APP)
        yield click("Records")
        yield from seek(screen, p["name"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take another recording."""
        other = next(record[0] for record in p["records"] if record[0] != p["name"])
        yield from self.solve(screen, {**p, "name": other})


class Rename(OneRecord):
    """Rename a recording."""

    name = "RecorderRenameRecord"
    instruction = "In Audio Recorder, rename the record {name} to {new}."
    checkpoints = ("open the recorder", "rename {name} to {new}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw a new name."""
        p = super().draw(rng)
        used = {record[0] for record in p["records"]}
        return {**p, "new": f"{rng.choice([n for n in NAMES if n not in used])} {rng.choice('ABCDEFG')}"}

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """Under its new name."""
        return [(p["new"], record[1], record[2], False, False)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use its menu."""
        yield from self._open(screen, p)
        yield click(f"Options for {p['name']}")
        yield click("Rename")
        yield f'replace[Record name]("{p["new"]}")'


class Delete(OneRecord):
    """Delete a recording."""

    name = "RecorderDeleteRecord"
    instruction = "In Audio Recorder, delete the record {name}."
    checkpoints = ("open the recorder", "delete {name}")
    steps = 6

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """In the trash."""
        return [(record[0], record[1], record[2], False, True)]

    def solved(self, phone: Phone, p: Params) -> bool:
        """In the trash, or gone for good."""
        gone = [row for row in self.wanted(p) if not row[4]]
        return rows(phone) in (sorted(self.wanted(p)), sorted(gone))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use its menu."""
        yield from self._open(screen, p)
        yield click(f"Options for {p['name']}")
        yield click("Delete")
        yield click("Yes")


class Bookmark(OneRecord):
    """Mark a recording."""

    name = "RecorderBookmarkRecord"
    instruction = "In Audio Recorder, bookmark the record {name}."
    checkpoints = ("open the recorder", "bookmark {name}")
    steps = 4

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """Marked."""
        return [(record[0], record[1], record[2], True, False)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its mark."""
        yield from self._open(screen, p)
        yield click(f"Bookmark {p['name']}")


class Restore(OneRecord):
    """Bring a recording back."""

    name = "RecorderRestoreRecord"
    instruction = "In Audio Recorder, restore the record {name} from the trash."
    checkpoints = ("open the recorder", "restore {name}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw recordings, all but one in the trash."""
        p = super().draw(rng)
        kept = rng.choice([record[0] for record in p["records"] if record[0] != p["name"]])
        extra = [name for name in NAMES if name not in {record[0] for record in p["records"]}]
        p["records"].append([rng.choice(extra), rng.randint(4, 400), "m4a", False, False])
        return {**p, "records": sorted([*r[:4], r[0] != kept] for r in p["records"])}

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """Out of the trash."""
        return [(record[0], record[1], record[2], False, False)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the trash."""
        yield from launch(screen, APP)
        yield click("Records")
        yield click("Trash")
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield click("Restore")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete it forever."""
        yield from launch(screen, APP)
        yield click("Records")
        yield click("Trash")
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield click("Delete forever")


class AskLength(OneRecord):
    """How long a recording is."""

    name = "RecorderAskLength"
    instruction = "How long is the record {name} in Audio Recorder? Answer with minutes and seconds as in 01:05."
    checkpoints = ("open the recorder", "answer")
    steps = 4
    ends: Literal["state", "answer", "done"] = "answer"

    def change(self, record: Sequence[Any], p: Params) -> list[Row]:
        """As it was."""
        return [tuple(record)]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; the recordings must be untouched."""
        right = same_answer(answer, _length(p))
        return (PACKAGE in phone.foreground(), right and self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it off the list."""
        yield from self._open(screen, p)
        yield answer(_length(p))


def _length(p: Params) -> str:
    seconds = next(record[1] for record in p["records"] if record[0] == p["name"])
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


class SetUp(RecorderTask):
    """How the recorder records."""

    name = "RecorderSetFormat"
    instruction = "Set Audio Recorder to record in {format} format with a sample rate of {rate}."
    checkpoints = ("open the recorder", "choose the format {format}", "choose the sample rate {rate}")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw both."""
        return {**super().draw(rng), "format": rng.choice(FORMATS[1:]), "rate": rng.choice(RATES)}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge both settings."""
        found = settings(phone)
        form = found.get("format") == str(FORMATS.index(p["format"]))
        both = form and found.get("rate") == str(_RATE_PLACES[p["rate"]])
        return (PACKAGE in phone.foreground(), form, both and self.solved(phone, p))

    def _choose(self, p: Params) -> Iterator[str]:
        yield click("Settings")
        yield click("Recording format")
        yield click(p["format"])
        yield click("Sample rate")
        yield click(p["rate"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose both."""
        yield from launch(screen, APP)
        yield from self._choose(p)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose another rate."""
        other = RATES[(RATES.index(p["rate"]) + 1) % len(RATES)]
        yield from self.solve(screen, {**p, "rate": other})


class RecordInFormat(SetUp):
    """A named recording in another format."""

    name = "RecorderRecordInFormat"
    instruction = "Record an audio clip in {format} format with a sample rate of {rate} and save it as {name}."
    checkpoints = ("open the recorder", "save a recording in {format} format", "at {rate} under the name {name}")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw a name."""
        p = super().draw(rng)
        used = {record[0] for record in p["records"]}
        return {**p, "name": rng.choice([name for name in NAMES if name not in used])}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the file's row."""
        new = self.new(phone, p)
        form = new is not None and [row[2] for row in new] == [p["format"].lower()]
        rates = phone.rows(DB, "SELECT sample_rate FROM records WHERE name = ?", (p["name"],))
        rate = float(p["rate"].split()[0]) * 1000
        done = form and new is not None and new[0][0] == p["name"] and rates == [(int(rate),)]
        return (PACKAGE in phone.foreground(), form, done)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set up, record, stop, name."""
        yield from super().solve(screen, p)
        yield "press(back)"
        yield click("Record")
        yield click("Stop recording")
        yield f'replace[Record name]("{p["name"]}")'


class TidyUp(RecorderTask):
    """Several things with several recordings."""

    name = "RecorderTidyUp"
    instruction = (
        "In Audio Recorder, rename the record {first} to {new}, delete the record {second}, bookmark the record "
        "{third} and restore the record {fourth} from the trash."
    )
    checkpoints = (
        *("open the recorder", "rename {first} to {new}", "delete {second}", "bookmark {third}"),
        "restore {fourth}",
    )
    steps = 13

    def draw(self, rng: random.Random) -> Params:
        """Draw five recordings, one of them in the trash, and a name."""
        *names, new = rng.sample(NAMES, 6)
        records = [[name, rng.randint(4, 400), "m4a", False, name == names[3]] for name in names]
        roles = dict(zip(("first", "second", "third", "fourth"), names))
        return {"records": sorted(records), **roles, "new": f"{new} {rng.randint(2, 9)}"}

    def wanted(self, p: Params) -> list[Row]:
        """Return the recordings of a success."""
        return [
            (p["new"] if name == p["first"] else name, length, ending, name == p["third"], name == p["second"])
            for name, length, ending, _, _ in p["records"]
        ]

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in five parts."""
        found = {row[0]: row for row in rows(phone)}
        renamed = p["new"] in found and p["first"] not in found
        deleted = p["second"] not in found or found[p["second"]][4]
        marked = p["third"] in found and found[p["third"]][3]
        return (PACKAGE in phone.foreground(), renamed, deleted, marked, self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """One after the other."""
        yield from launch(screen, APP)
        yield click("Records")
        yield click(f"Options for {p['first']}")
        yield click("Rename")
        yield f'replace[Record name]("{p["new"]}")'
        yield click(f"Options for {p['second']}")
        yield click("Delete")
        yield click("Yes")
        yield click(f"Bookmark {p['third']}")
        yield click("Trash")
        yield click(p["fourth"])
        yield click("Restore")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Bring the wrong one back."""
        yield from self.solve(screen, {**p, "fourth": p["second"]})


TEMPLATES: tuple[Template, ...] = (
    *(Record(), RecordNamed(), RecordLong(), Rename(), Delete(), Bookmark(), Restore(), AskLength(), SetUp()),
    *(RecordInFormat(), TidyUp()),
)
