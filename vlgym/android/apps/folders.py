"""Folders of the shared storage as file managers and editors use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlgym.android.state.files import SHARED_STORAGE

if TYPE_CHECKING:
    from vlgym.android.state import State

SORTS = ("Name", "Date modified", "Size", "Type")
TYPES = {
    "Images": ("jpg", "jpeg", "png", "gif", "webp", "bmp"),
    "Audio": ("mp3", "m4a", "wav", "ogg", "flac", "aac"),
    "Videos": ("mp4", "mkv", "webm", "3gp", "mov"),
    "Documents": ("txt", "md", "pdf", "csv", "json", "html", "doc", "docx", "xls", "xlsx", "log"),
}
"""Kind of file -> endings."""
_ICONS = {"Images": "image", "Audio": "audiotrack", "Videos": "videocam", "Documents": "description"}
_WORDS = {
    **{"jpg": "JPG image", "jpeg": "JPG image", "png": "PNG image", "gif": "GIF image", "webp": "WebP image"},
    **{"mp3": "MP3 audio", "m4a": "M4A audio", "wav": "WAV audio", "ogg": "OGG audio", "mp4": "MP4 video"},
    **{"txt": "TXT document", "md": "Markdown document", "pdf": "PDF document", "csv": "CSV document"},
    **{"zip": "ZIP archive", "json": "JSON document", "html": "HTML document", "apk": "Android application"},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder; size in bytes, time in milliseconds since 1970."""

    path: str
    is_dir: bool
    size: int
    modified: int

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.rpartition("/")[2]

    @property
    def ending(self) -> str:
        """Its file type's letters, lower case."""
        return self.name.rpartition(".")[2].lower() if "." in self.name[1:] and not self.is_dir else ""

    @property
    def kind(self) -> str:
        """A key of TYPES, or empty."""
        return next((kind for kind, endings in TYPES.items() if self.ending in endings), "")

    @property
    def type_words(self) -> str:
        """Its type in words."""
        if self.is_dir:
            return "Folder"
        return _WORDS.get(self.ending, f"{self.ending.upper()} file" if self.ending else "File")

    @property
    def icon(self) -> str:
        """The icon of its type."""
        return "folder" if self.is_dir else _ICONS.get(self.kind, "insert_drive_file")


def size_words(size: int) -> str:
    """Return bytes as Android writes them: "512 B", "1.20 kB"."""
    value, units = float(size), ("B", "kB", "MB", "GB")
    for unit in units:
        if value < 1000 or unit == units[-1]:
            digits = 0 if unit == "B" or value >= 100 else 1 if value >= 10 else 2
            return f"{value:.{digits}f} {unit}"
        value /= 1000
    raise AssertionError


class Folders:
    """The files of the shared storage. Methods raise OSError as the file system does."""

    def __init__(self, state: State) -> None:
        self.state, self.files = state, state.files

    def entry(self, path: str) -> Entry:
        """Return what a path names."""
        known = self.files.stat(path)
        return Entry(path, known.is_dir, 0 if known.is_dir else known.size, known.mtime_us // 1000)

    def entries(self, folder: str, sort: int = 0, *, hidden: bool = False, reverse: bool = False) -> list[Entry]:
        """Return a folder's entries in one of SORTS, folders first."""
        if not self.files.is_dir(folder):
            return []
        found = [self.entry(f"{folder}/{name}") for name in self.files.list(folder) if hidden or name[0] != "."]
        return self.sort(found, sort, reverse=reverse)

    def sort(self, entries: Iterable[Entry], sort: int, *, reverse: bool = False) -> list[Entry]:
        """Return entries in one of SORTS: the newest and the largest first, folders before files."""
        ordered = sorted(entries, key=lambda entry: entry.name.lower())
        if sort:
            keys = (lambda e: -e.modified, lambda e: -e.size, lambda e: (e.ending,))
            ordered.sort(key=keys[sort - 1])
        if reverse:
            ordered.reverse()
        return sorted(ordered, key=lambda entry: not entry.is_dir)

    def walk(self, folder: str = SHARED_STORAGE) -> Iterator[Entry]:
        """Yield the files below a folder; hidden ones and other apps' folders are left out."""
        for entry in self.entries(folder):
            if not entry.is_dir:
                yield entry
            elif entry.path != f"{SHARED_STORAGE}/Android":
                yield from self.walk(entry.path)

    def exists(self, path: str) -> bool:
        """Return whether a path names something."""
        return self.files.exists(path)

    # ------------------------------------------------------------ change

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self.files.mkdir(path)

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        self.files.write(path, data)

    def rename(self, path: str, name: str) -> str:
        """Rename an entry; return its new path. Raises FileExistsError if there is one of that name."""
        target = f"{path.rpartition('/')[0]}/{name}"
        if target != path:
            if self.files.exists(target):
                raise FileExistsError(target)
            self.files.rename(path, target)
        return target

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all it holds."""
        self.files.remove(path, tree=True)

    def free_name(self, folder: str, name: str) -> str:
        """Return a path in a folder that nothing has: "note (1).txt" if there is a "note.txt"."""
        stem, dot, ending = name.rpartition(".")
        if not dot or not stem:
            stem, dot, ending = name, "", ""
        path, number = f"{folder}/{name}", 0
        while self.files.exists(path):
            number += 1
            path = f"{folder}/{stem} ({number}){dot}{ending}"
        return path

    def copy(self, path: str, folder: str) -> str:
        """Copy an entry into a folder; return the copy's path."""
        target = self.free_name(folder, path.rpartition("/")[2])
        if self.files.is_dir(path):
            inside = [(place, known) for place, known in self.files.walk(path)]
            for place, known in inside:
                fresh = target + place[len(path) :]
                self.files.mkdir(fresh) if known.is_dir else self.files.write(fresh, self.files.read(place))
        else:
            self.files.write(target, self.files.read(path))
            self.files.touch(target, self.files.stat(path).mtime_us)
        return target

    def move(self, path: str, folder: str) -> str:
        """Move an entry into a folder; return its new path."""
        if path.rpartition("/")[0] == folder:
            return path
        target = self.free_name(folder, path.rpartition("/")[2])
        self.files.rename(path, target)
        return target


def may_name(name: str) -> bool:
    """Return whether a file can have this name."""
    return 0 < len(name.encode()) <= 255 and name not in (".", "..") and not set(name) & set('/\0\n"*:<>?\\|')
