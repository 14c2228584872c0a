"""Questions about what the gallery shows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Literal

from vlgym.android.tasks.gallery.base import FOLDERS, Files, GalleryTask, _draw_receipt, _name, draw_photos
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import (
    Params,
    Screen,
    answer,
    click,
    launch,
    same_answer,
)


class ReadReceipt(GalleryTask):
    """Read what only pixels say."""

    name = "GalleryReadReceipt"
    instruction = "What is the total on the receipt {name} in the {folder} folder of the gallery? Answer as in 12.30."
    checkpoints = ("open the gallery", "answer")
    steps = 5
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw two receipts."""
        folder = rng.choice(FOLDERS)
        names = [f"receipt_{number}.jpg" for number in rng.sample(range(100, 999), 2)]
        files = {f"Pictures/{folder}/{name}": _draw_receipt(rng) for name in names}
        return {"files": {**files, **draw_photos(rng, f"Pictures/{folder}", 3)}, "folder": folder, "name": names[0]}

    def _total(self, p: Params, name: str) -> str:
        return str(p["files"][f"Pictures/{p['folder']}/{name}"][2][-1][1])

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; the files must be untouched."""
        right = same_answer(answer.replace("€", "").replace("$", ""), self._total(p, p["name"]))
        return ("gallery" in phone.foreground(), right and self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look at it."""
        yield from launch(screen, "Gallery")
        yield click(p["folder"])
        yield click(p["name"])
        yield answer(self._total(p, p["name"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with the first price."""
        yield from launch(screen, "Gallery")
        yield click(p["folder"])
        yield click(p["name"])
        yield answer(str(p["files"][f"Pictures/{p['folder']}/{p['name']}"][2][0][1]))


class AskClipLength(GalleryTask):
    """How long a clip is."""

    name = "GalleryAskVideoLength"
    instruction = "How long is the video {name} in the gallery? Answer with minutes and seconds as in 01:05."
    checkpoints = ("open the gallery", "answer")
    steps = 5
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw clips."""
        lengths = rng.sample(range(5, 240), 3)
        names = rng.sample(("party", "concert", "kitten", "harbour", "parade", "surf", "fireworks"), 3)
        files: Files = {f"Movies/{name}.mp4": ["clip", length] for name, length in zip(names, lengths)}
        return {"files": {**files, **draw_photos(rng, "DCIM/Camera", 3)}, "name": f"{names[0]}.mp4"}

    def _length(self, p: Params, name: str) -> str:
        seconds = p["files"][f"Movies/{name}"][1]
        return f"{seconds // 60:02d}:{seconds % 60:02d}"

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; the files must be untouched."""
        right = same_answer(answer, self._length(p, p["name"]))
        return ("gallery" in phone.foreground(), right and self.solved(phone, p))

    def _look(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, "Gallery")
        yield click("Movies")
        found = next(e for e in screen.elements if e.label.startswith(p["name"]))
        yield click(found.label)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it."""
        yield from self._look(screen, p)
        yield answer(self._length(p, p["name"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer for another clip."""
        yield from self._look(screen, p)
        others = [_name(path) for path in p["files"] if path.startswith("Movies/") and _name(path) != p["name"]]
        yield answer(self._length(p, others[0]))


class AskCount(GalleryTask):
    """How many photos a folder has."""

    name = "GalleryCountPhotos"
    instruction = "How many photos are in the {folder} folder of the gallery? Answer with a number."
    checkpoints = ("open the gallery", "answer")
    steps = 3
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw folders of different sizes."""
        folders = rng.sample(FOLDERS, 3)
        files: Files = {}
        for folder, count in zip(folders, rng.sample(range(2, 10), 3)):
            files |= draw_photos(rng, f"Pictures/{folder}", count)
        return {"files": files, "folder": folders[0], "other": folders[1]}

    def _count(self, p: Params, folder: str) -> str:
        return str(sum(path.startswith(f"Pictures/{folder}/") for path in p["files"]))

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; the files must be untouched."""
        right = same_answer(answer, self._count(p, p["folder"]))
        return ("gallery" in phone.foreground(), right and self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it off the folder."""
        yield from launch(screen, "Gallery")
        yield answer(self._count(p, p["folder"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read off the wrong one."""
        yield from launch(screen, "Gallery")
        yield answer(self._count(p, p["other"]))
