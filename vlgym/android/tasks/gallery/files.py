"""Tasks with files of several kinds."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.gallery.base import DB, FOLDERS, Files, GalleryTask, _draw_receipt, _name, draw_photos, there
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import (
    Params,
    Screen,
    click,
    launch,
    long_press,
    seek,
)


class CopyReceipt(GalleryTask):
    """AndroidWorld's SaveCopyOfReceiptTaskEval."""

    name = "GallerySaveCopyOfReceipt"
    instruction = "Save a copy of {name} from the {folder} folder in Download under the same name."
    checkpoints = ("open the gallery", "copy {name} to Download")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw the receipt and photos beside it."""
        folder = rng.choice(FOLDERS)
        name = f"receipt_{rng.randint(100, 999)}.png"
        files = draw_photos(rng, f"Pictures/{folder}", rng.randint(2, 4))
        files |= draw_photos(rng, "DCIM/Camera", 2)
        files[f"Pictures/{folder}/{name}"] = _draw_receipt(rng)
        return {"files": files, "folder": folder, "name": name}

    def wanted(self, p: Params) -> Files:
        """Return the files and the copy."""
        return {**p["files"], f"Download/{p['name']}": p["files"][f"Pictures/{p['folder']}/{p['name']}"]}

    def _carry(self, screen: Screen, p: Params, way: str) -> Iterator[str]:
        yield from launch(screen, "Gallery")
        yield click(p["folder"])
        yield click(p["name"])
        yield click("More options")
        yield click(way)
        yield click("Download")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Copy it from the viewer."""
        yield from self._carry(screen, p, "Copy to")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Move it instead."""
        yield from self._carry(screen, p, "Move to")


class TidyUp(GalleryTask):
    """Several things with several files."""

    name = "GalleryTidyUp"
    instruction = (
        "In the gallery, delete the video {clip} from Movies, make {photo} from the Camera folder a favorite, and copy "
        "{receipt} from Download into the {folder} folder."
    )
    checkpoints = ("open the gallery", "delete {clip}", "make {photo} a favorite", "copy {receipt} to {folder}")
    steps = 17

    def draw(self, rng: random.Random) -> Params:
        """Draw the files."""
        photos = draw_photos(rng, "DCIM/Camera", 3)
        clips = rng.sample(("party.mp4", "concert.mp4", "kitten.mp4", "parade.mp4"), 2)
        folder, receipt = rng.choice(FOLDERS), f"receipt_{rng.randint(100, 999)}.jpg"
        files: Files = {**photos, **{f"Movies/{clip}": ["clip", rng.randint(5, 90)] for clip in clips}}
        files |= draw_photos(rng, f"Pictures/{folder}", 2)
        files[f"Download/{receipt}"] = _draw_receipt(rng)
        photo = _name(rng.choice(list(photos)))
        return {"files": files, "clip": clips[0], "photo": photo, "receipt": receipt, "folder": folder}

    def liked(self, p: Params) -> Sequence[str]:
        """Return the photo."""
        return (f"DCIM/Camera/{p['photo']}",)

    def wanted(self, p: Params) -> Files:
        """Return the files without the clip and with the copy."""
        files = {path: kind for path, kind in p["files"].items() if path != f"Movies/{p['clip']}"}
        return {**files, f"Pictures/{p['folder']}/{p['receipt']}": p["files"][f"Download/{p['receipt']}"]}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge in four parts."""
        files = there(phone)
        liked = [row[0] for row in phone.rows(DB, "SELECT full_path FROM favorites")]
        return (
            "gallery" in phone.foreground(),
            f"Movies/{p['clip']}" not in files,
            liked == [f"{SHARED}/DCIM/Camera/{p['photo']}"],
            self.solved(phone, p),
        )

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """One thing after the other."""
        yield from launch(screen, "Gallery")
        yield click("Movies")
        found = next(e for e in screen.elements if e.label.startswith(p["clip"]))
        yield long_press(found.label)
        yield click("Delete")
        yield click("Yes")
        yield "press(back)"
        yield click("Camera")
        yield click(p["photo"])
        yield click("Toggle favorite")
        yield "press(back)"
        yield "press(back)"
        yield click("Download")
        yield click(p["receipt"])
        yield click("More options")
        yield click("Copy to")
        yield from seek(screen, p["folder"])
        yield click(p["folder"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the other clip."""
        other = next(_name(f) for f in p["files"] if f.startswith("Movies/") and _name(f) != p["clip"])
        yield from self.solve(screen, {**p, "clip": other})


class ShootAndName(GalleryTask):
    """A photo that is still to be taken."""

    name = "GalleryTakeAndNamePhoto"
    instruction = "Take a photo with the camera, rename it to {new} in the gallery and make it a favorite."
    checkpoints = ("take a photo", "rename it to {new}", "make it a favorite")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw old photos and the name."""
        stem = f"{rng.choice(('market', 'window', 'garden', 'desk', 'harbour'))}_{rng.randint(10, 99)}"
        return {"files": draw_photos(rng, "DCIM/Camera", rng.randint(2, 4)), "new": f"{stem}.jpg"}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge what is new, and that the rest is as it was."""
        files, old = there(phone), set(p["files"])
        new = files - old
        path = f"Pictures/{p['new']}"
        taken = old <= files and len(new) == 1
        named = taken and new == {path}
        liked = [row[0] for row in phone.rows(DB, "SELECT full_path FROM favorites")] == [f"{SHARED}/{path}"]
        data = (phone.read(f"{SHARED}/{path}") or b"") if named else b""
        return (taken, named, named and liked and data[:2] == b"\xff\xd8" and "gallery" in phone.foreground())

    def _take(self, screen: Screen) -> Iterator[str]:
        yield from launch(screen, "Camera")
        yield click("Shutter")
        yield click("Open last photo")

    def _rename(self, screen: Screen, p: Params) -> Iterator[str]:
        yield click("More options")
        yield click("Rename")
        yield f'replace[Title]("{p["new"].removesuffix(".jpg")}")'

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go on from the camera's thumbnail."""
        yield from self._take(screen)
        yield click("Toggle favorite")
        yield from self._rename(screen, p)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take two."""
        yield from launch(screen, "Camera")
        yield click("Shutter")
        yield click("Shutter")
        yield click("Open last photo")
        yield click("Toggle favorite")
        yield from self._rename(screen, p)
