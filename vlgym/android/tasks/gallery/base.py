"""What the tasks in the gallery share: files to begin with, files to end with."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import (
    Params,
    Template,
)

DB = "/data/data/com.simplemobiletools.gallery.pro/databases/gallery.db"
BIN = "/data/data/com.simplemobiletools.gallery.pro/files/recycle_bin"
ROOTS = ("DCIM", "Download", "Movies", "Pictures")
MOTIFS = ("mountains", "beach", "city", "forest", "flowers", "cup", "cat", "bicycle", "balloons", "night")
FOLDERS = ("Holiday", "Family", "Garden", "Work", "Trips", "Birthday")
SHOPS = ("Green Grocer", "Corner Bakery", "Book Nook", "Tea House", "Hardware Hall", "Paper & Pen")
GOODS = ("Apples", "Bread", "Pencils", "Green tea", "Notebook", "Screws", "Cheese", "Candles", "Honey", "Soap")
Files = dict[str, list[Any]]
"""Path below the shared storage -> what is in it: [motif, seed], ["clip", seconds] or ["receipt", shop, rows]."""


def contents(kind: Sequence[Any], name: str) -> bytes:
    """Return a file's bytes."""
    from vlgym.android.apps import media, scenes

    if kind[0] == "clip":
        return media.clip(
            kind[1] * 1000, picture=scenes.photo(MOTIFS[kind[1] % len(MOTIFS)], kind[1]), load=kind[1] * 100
        )
    if kind[0] == "receipt":
        rows = tuple((what, much) for what, much in kind[2])
        return scenes.receipt(kind[1], rows, png=name.endswith(".png"))
    return scenes.photo(kind[0], kind[1])


def draw_photos(rng: random.Random, folder: str, count: int) -> Files:
    """Return photos with the names that a camera gives."""
    names: Files = {}
    while len(names) < count:
        day, second = rng.randint(1, 14), rng.randint(80000, 195959)
        if second % 100 < 60 and second // 100 % 100 < 60:
            names[f"{folder}/IMG_202310{day:02d}_{second:06d}.jpg"] = [rng.choice(MOTIFS), rng.randrange(8)]
    return dict(sorted(names.items()))


def there(phone: Phone) -> set[str]:
    """Return the paths of all files in the gallery's folders, below the shared storage."""
    roots = " ".join(f"{SHARED}/{root}" for root in ROOTS)
    lines = phone.shell(f"find {roots} -type f").splitlines()
    return {line.removeprefix(f"{SHARED}/") for line in lines if "/.thumbnails/" not in line}


class GalleryTask(Template):
    """Base: `begin` says which files there are at first, `wanted` which there should be; nothing else may change."""

    app = "gallery"
    checkpoints: tuple[str, ...] = ("open the gallery", "done")

    def begin(self, p: Params) -> Files:
        """Return the files to begin with."""
        files: Files = p["files"]
        return files

    def wanted(self, p: Params) -> Files:
        """Return the files of a success."""
        return self.begin(p)

    def liked(self, p: Params) -> Sequence[str]:
        """Return the favourites of a success."""
        return ()

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the files."""
        for root in ROOTS:
            for name in phone.list(f"{SHARED}/{root}"):
                phone.remove(f"{SHARED}/{root}/{name}")
        for name in phone.list(BIN):
            phone.remove(f"{BIN}/{name}")
        for table in ("favorites", "media", "preferences"):
            phone.execute(DB, f"DELETE FROM {table}")
        for path, kind in self.begin(p).items():
            phone.write(f"{SHARED}/{path}", contents(kind, path))

    def holds(self, phone: Phone, files: Mapping[str, Sequence[Any]]) -> bool:
        """Return whether exactly these files are there, contents and all."""
        if there(phone) != set(files):
            return False
        return all(phone.read(f"{SHARED}/{path}") == contents(kind, path) for path, kind in files.items())

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether files and favourites are those of a success."""
        liked = [row[0].removeprefix(f"{SHARED}/") for row in phone.rows(DB, "SELECT full_path FROM favorites")]
        return sorted(liked) == sorted(self.liked(p)) and self.holds(phone, self.wanted(p))

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the files."""
        return ("gallery" in phone.foreground(), self.solved(phone, p))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _draw_receipt(rng: random.Random) -> list[Any]:
    cents = [rng.randint(80, 990) for _ in range(rng.randint(2, 4))]
    rows = [[what, f"{much / 100:.2f}"] for what, much in zip(rng.sample(GOODS, len(cents)), cents)]
    return ["receipt", rng.choice(SHOPS), [*rows, ["Total", f"{sum(cents) / 100:.2f}"]]]
