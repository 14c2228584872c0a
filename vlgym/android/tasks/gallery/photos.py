"""Tasks with photos: deleting, restoring, renaming, moving, marking, sorting."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.gallery.base import BIN, DB, FOLDERS, Files, GalleryTask, _name, contents, draw_photos
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import (
    Params,
    Screen,
    click,
    enter,
    launch,
    long_press,
    seek,
)


class PhotoTask(GalleryTask):
    """Base of tasks about one photo of the camera: "files", "path" and its "name"."""

    def draw(self, rng: random.Random) -> Params:
        """Draw photos and one of them."""
        files = {**draw_photos(rng, "DCIM/Camera", rng.randint(3, 6)), **draw_photos(rng, "Pictures/Holiday", 2)}
        path = rng.choice([path for path in files if path.startswith("DCIM")])
        return {"files": files, "path": path, "name": _name(path)}

    def _open(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, "Gallery")
        yield click("Camera")
        yield click(p["name"])

    def _wrong(self, p: Params) -> Params:
        """Return the params of a neighbour."""
        other = next(path for path in p["files"] if path.startswith("DCIM") and path != p["path"])
        return {**p, "path": other, "name": _name(other)}

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take the neighbour."""
        yield from self.solve(screen, self._wrong(p))


class DeletePhoto(PhotoTask):
    """Delete one photo."""

    name = "GalleryDeletePhoto"
    instruction = "Delete the photo {name} from the Camera folder."
    checkpoints = ("open the gallery", "delete {name}")
    steps = 6

    def wanted(self, p: Params) -> Files:
        """Return all but that one."""
        return {path: kind for path, kind in p["files"].items() if path != p["path"]}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it and delete it."""
        yield from self._open(screen, p)
        yield click("Delete")
        yield click("Yes")


class LikePhoto(PhotoTask):
    """Mark a favourite."""

    name = "GalleryFavoritePhoto"
    instruction = "Add the photo {name} to the favorites."
    checkpoints = ("open the gallery", "add {name} to the favorites")
    steps = 5

    def liked(self, p: Params) -> Sequence[str]:
        """Return that one."""
        return (p["path"],)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it and touch the star."""
        yield from self._open(screen, p)
        yield click("Toggle favorite")


class RenamePhoto(PhotoTask):
    """Rename a photo."""

    name = "GalleryRenamePhoto"
    instruction = "Rename the photo {name} to {new}."
    checkpoints = ("open the gallery", "rename {name} to {new}")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw a name."""
        stem = (
            f"{rng.choice(('sunny', 'first', 'best', 'quiet', 'lovely'))}_{rng.choice(('day', 'walk', 'view', 'trip'))}"
        )
        return {**super().draw(rng), "new": f"{stem}.jpg"}

    def wanted(self, p: Params) -> Files:
        """Return the files under their names."""
        return {f"DCIM/Camera/{p['new']}" if path == p["path"] else path: kind for path, kind in p["files"].items()}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it and rename it."""
        yield from self._open(screen, p)
        yield click("More options")
        yield click("Rename")
        field = screen.find("Title", editable=True)
        assert field is not None
        yield f'replace[{field.label}]("{p["new"].removesuffix(".jpg")}")'


class MoveToNewFolder(GalleryTask):
    """Several photos into a folder that is still to be made."""

    name = "GalleryMoveToNewFolder"
    instruction = "Move the photos {names} from the Camera folder into a new folder called {folder} in Pictures."
    checkpoints = ("open the gallery", "make the folder {folder}", "move the photos")
    steps = 10

    def draw(self, rng: random.Random) -> Params:
        """Draw two or three photos of several."""
        files = draw_photos(rng, "DCIM/Camera", rng.randint(4, 7))
        chosen = sorted(rng.sample(list(files), rng.randint(2, 3)))
        names = [_name(path) for path in chosen]
        words = " and ".join([", ".join(names[:-1]), names[-1]])
        return {"files": files, "chosen": chosen, "names": words, "folder": rng.choice(FOLDERS)}

    def wanted(self, p: Params) -> Files:
        """Return the files where they should be."""
        return {
            f"Pictures/{p['folder']}/{_name(path)}" if path in p["chosen"] else path: kind
            for path, kind in p["files"].items()
        }

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge folder and files."""
        made = p["folder"] in phone.list(f"{SHARED}/Pictures")
        return ("gallery" in phone.foreground(), made, made and self.solved(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select them, then move them."""
        yield from launch(screen, "Gallery")
        yield click("Camera")
        first, *rest = [_name(path) for path in p["chosen"]]
        yield long_press(first)
        for name in rest:
            yield click(name)
        yield click("More options")
        yield click("Move to")
        yield from seek(screen, "Create new folder")
        yield click("Create new folder")
        yield enter(p["folder"], "Title")
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last one."""
        yield from self.solve(screen, {**p, "chosen": p["chosen"][:-1]})


class RestorePhoto(GalleryTask):
    """Bring a photo back out of the recycle bin."""

    name = "GalleryRestorePhoto"
    instruction = "Restore the photo {name} from the recycle bin, and leave the other one in there."
    checkpoints = ("open the gallery", "restore {name}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw two deleted photos among others."""
        files = draw_photos(rng, "DCIM/Camera", 5)
        gone = rng.sample(list(files), 2)
        return {"files": files, "gone": gone, "name": _name(gone[0])}

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the files and delete two of them as the gallery does."""
        super().setup(phone, p)
        for path in p["gone"]:
            phone.remove(f"{SHARED}/{path}")
            target = f"{BIN}{SHARED}/{path}"
            phone.write(target, contents(p["files"][path], path))
            phone.execute(
                DB,
                "INSERT INTO media (filename, full_path, parent_path, last_modified, date_taken, size, type,"
                " video_duration, is_favorite, deleted_ts, media_store_id) VALUES (?, ?, ?, 1, 1, 1, 1, 0, 0, 1, 0)",
                (_name(path), target, target.rpartition("/")[0]),
            )

    def wanted(self, p: Params) -> Files:
        """Return the files without the one that stays deleted."""
        return {path: kind for path, kind in p["files"].items() if path != p["gone"][1]}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Judge the bin as well."""
        kept = [_name(row[0]) for row in phone.rows(DB, "SELECT full_path FROM media")]
        return kept == [_name(p["gone"][1])] and super().solved(phone, p)

    def _restore(self, screen: Screen, name: str) -> Iterator[str]:
        yield from launch(screen, "Gallery")
        yield click("Recycle Bin")
        yield click(name)
        yield click("Restore this file")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Restore it from the viewer."""
        yield from self._restore(screen, p["name"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Restore the other one."""
        yield from self._restore(screen, _name(p["gone"][1]))


class SortFolders(GalleryTask):
    """Order by something else."""

    name = "GallerySortBy"
    instruction = "Sort the gallery by {order} in {direction} order."
    checkpoints = ("open the gallery", "sort by {order}, {direction}")
    steps = 6
    _ORDERS = ("Name", "Path", "Size")

    def draw(self, rng: random.Random) -> Params:
        """Draw order and direction."""
        files = {**draw_photos(rng, "DCIM/Camera", 3), **draw_photos(rng, "Pictures/Holiday", 2)}
        order, direction = rng.choice(self._ORDERS), rng.choice(("Ascending", "Descending"))
        return {"files": files, "order": order.lower(), "direction": direction.lower()}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Judge the preferences."""
        found = {str(key): str(value) for key, value in phone.rows(DB, "SELECT key, value FROM preferences")}
        order = str(self._ORDERS.index(p["order"].capitalize()))
        down = str(int(p["direction"] == "descending"))
        return (found.get("order"), found.get("descending")) == (order, down) and super().solved(phone, p)

    def _choose(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, "Gallery")
        yield click("Sort by")
        yield click(p["order"].capitalize())
        yield click(p["direction"].capitalize())

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose both and accept."""
        yield from self._choose(screen, p)
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose both and cancel."""
        yield from self._choose(screen, p)
        yield click("Cancel")
