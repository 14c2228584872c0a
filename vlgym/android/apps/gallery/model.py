"""The gallery's data: pictures and clips of shared storage, favourites, a recycle bin, an order."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlgym.android.apps.media import IMAGES, VIDEOS, Item, Preferences, find_media, save
from vlgym.android.state.files import SHARED_STORAGE

if TYPE_CHECKING:
    from vlgym.android.state.databases import Database
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.simplemobiletools.gallery.pro"
BIN = f"/data/data/{PACKAGE}/files/recycle_bin"
FAVOURITES, RECYCLED = "favorites", "recycle_bin"
"""Names of the two folders that are none."""
ORDERS = ("Name", "Path", "Size", "Last modified")
KINDS = ("Images", "Videos")


class Library:
    """What the gallery shows and does."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state, self.files = manager, manager.state, manager.state.files
        self.preferences = Preferences(self.database)

    @property
    def database(self) -> Database:
        """The gallery's database: rows of `media` are what lies in the recycle bin."""
        return self.state.app_database(PACKAGE, "gallery.db")

    # ------------------------------------------------------------ looking

    def _shown(self, item: Item) -> bool:
        hidden = self.preferences.number("hidden_kinds")
        return not hidden >> int(item.is_video) & 1

    def _ordered(self, items: Sequence[Item]) -> list[Item]:
        order, down = self.preferences.number("order", 3), self.preferences.number("descending", 1) == 1
        keys = (
            lambda item: (item.name.lower(), item.path),
            lambda item: (item.path.lower(), item.path),
            lambda item: (item.size, item.path),
            lambda item: (item.modified_ms, item.path),
        )
        return sorted(items, key=keys[order % 4], reverse=down)

    def all(self) -> list[Item]:
        """Return everything that is shown, in order."""
        return self._ordered([item for item in find_media(self.files) if self._shown(item)])

    def items(self, folder: str) -> list[Item]:
        """Return what a folder holds, in order."""
        if folder == RECYCLED:
            return self._ordered(list(find_media(self.files, BIN)) if self.files.exists(BIN) else [])
        if folder == FAVOURITES:
            kept = set(self.favourites())
            return [item for item in self.all() if item.path in kept]
        return [item for item in self.all() if item.folder == folder]

    def folders(self) -> list[tuple[str, list[Item]]]:
        """Return the folders with what they hold: favourites first, the recycle bin last."""
        found: dict[str, list[Item]] = {}
        for item in self.all():
            found.setdefault(item.folder, []).append(item)
        for path in self.preferences.get("made").split("\n"):
            if path and path not in found and self.files.is_dir(path):
                found[path] = []
        named = sorted(found.items(), key=lambda pair: self.title(pair[0]).lower())
        liked, dropped = self.items(FAVOURITES), self.items(RECYCLED)
        return [
            *([(FAVOURITES, liked)] if liked else []),
            *named,
            *([(RECYCLED, dropped)] if dropped else []),
        ]

    def title(self, folder: str) -> str:
        """Return what a folder is called."""
        named = {FAVOURITES: "Favorites", RECYCLED: "Recycle Bin", SHARED_STORAGE: "Internal"}
        return named.get(folder) or folder.rpartition("/")[2]

    def favourites(self) -> list[str]:
        """Return the paths of the favourites."""
        return [row[0] for row in self.database.execute("SELECT full_path FROM favorites ORDER BY id")]

    def targets(self) -> list[str]:
        """Return the folders that something can be copied to: those with pictures and the usual ones."""
        usual = (f"{SHARED_STORAGE}/{name}" for name in ("DCIM", "Download", "Movies", "Pictures"))
        found = [*(path for path, _ in self.folders() if path.startswith("/")), *usual]
        return sorted({path for path in found if self.files.is_dir(path)}, key=lambda path: path.lower())

    # ------------------------------------------------------------ changing

    def like(self, paths: Sequence[str], on: bool) -> None:
        """Make favourites, or no favourites."""
        for path in paths:
            self.database.execute("DELETE FROM favorites WHERE full_path = ?", (path,))
            if on:
                folder, _, name = path.rpartition("/")
                values = {"full_path": path, "filename": name, "parent_path": folder}
                self.database.insert("favorites", values)

    def _moved(self, old: str, new: str) -> None:
        folder, _, name = new.rpartition("/")
        self.database.execute(
            "UPDATE favorites SET full_path = ?, filename = ?, parent_path = ? WHERE full_path = ?",
            (new, name, folder, old),
        )

    def recycle(self, paths: Sequence[str]) -> None:
        """Move files to the recycle bin; delete those for good that lie there already."""
        for path in paths:
            self.like([path], False)
            if path.startswith(BIN):
                self.files.remove(path)
                self.database.execute("DELETE FROM media WHERE full_path = ?", (path,))
                continue
            target = BIN + path
            self.files.mkdir(target.rpartition("/")[0], parents=True)
            if self.files.exists(target):
                self.files.remove(target)
            known = self.files.stat(path)
            self.files.rename(path, target)
            folder, _, name = target.rpartition("/")
            self.database.execute("DELETE FROM media WHERE full_path = ?", (target,))
            self.database.insert(
                "media",
                {
                    "filename": name,
                    "full_path": target,
                    "parent_path": folder,
                    "last_modified": known.mtime_us // 1000,
                    "date_taken": known.mtime_us // 1000,
                    "size": known.size,
                    "type": 2 if name.lower().endswith(VIDEOS) else 1,
                    "video_duration": 0,
                    "is_favorite": 0,
                    "deleted_ts": self.state.clock.now_ms,
                    "media_store_id": 0,
                },
            )

    def restore(self, paths: Sequence[str]) -> None:
        """Put files of the recycle bin back where they were."""
        for path in paths:
            target = path.removeprefix(BIN)
            self.files.mkdir(target.rpartition("/")[0], parents=True)
            self.files.rename(path, self.free(target) if self.files.exists(target) else target)
            self.database.execute("DELETE FROM media WHERE full_path = ?", (path,))

    def free(self, path: str) -> str:
        """Return a name like this one that nothing has yet."""
        stem, dot, ending = path.rpartition(".")
        number = 1
        while self.files.exists(f"{stem}({number}){dot}{ending}"):
            number += 1
        return f"{stem}({number}){dot}{ending}"

    def clashes(self, paths: Sequence[str], folder: str) -> list[str]:
        """Return the names of files that a folder has already."""
        names = (path.rpartition("/")[2] for path in paths)
        return [name for name in names if self.files.exists(f"{folder}/{name}")]

    def carry(self, paths: Sequence[str], folder: str, *, move: bool, clash: str) -> int:
        """Copy or move files into a folder; return how many, fewer if the disk is full.

        Args:
            clash: "skip", "overwrite" or "keep" what has the name already.
        """
        done = 0
        for path in paths:
            target = f"{folder}/{path.rpartition('/')[2]}"
            if self.files.exists(target):
                if clash == "skip" or (clash == "overwrite" and target == path):
                    continue
                target = self.free(target) if clash == "keep" else target
            if move:
                if self.files.exists(target):
                    self.files.remove(target)
                self.files.rename(path, target)
                self._moved(path, target)
            elif not save(self.files, target, self.files.read(path)):
                break
            done += 1
        return done

    def rename(self, path: str, name: str) -> str:
        """Give a file another name; return what is wrong with it, or nothing."""
        target = f"{path.rpartition('/')[0]}/{name}"
        if not name or "/" in name or not name.lower().endswith(IMAGES + VIDEOS):
            return "Invalid filename"
        if target == path:
            return ""
        if self.files.exists(target):
            return f"File “{name}” already exists"
        self.files.rename(path, target)
        self._moved(path, target)
        return ""

    def make_folder(self, path: str) -> str:
        """Make a folder and show it though it is empty; return what went wrong, or nothing."""
        name = path.rpartition("/")[2]
        if not name.strip():
            return "Invalid name"
        try:
            self.files.mkdir(path)
        except OSError as error:
            return "The folder already exists" if error.errno == errno.EEXIST else "Could not create the folder"
        self.preferences.put("made", f"{self.preferences.get('made')}\n{path}".strip("\n"))
        return ""
