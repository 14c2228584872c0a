"""Tasks with the file manager: files and folders to make, name, copy, move and delete, and facts about them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.apps.folders import size_words
from vlgym.android.state import samples
from vlgym.android.tasks.desk import AppQuestion
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.storage import StorageTask, Tree
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, long_press, seek

FOLDERS = ("Documents", "Download", "Music", "Pictures")
_STEMS = ("invoice", "contract", "lecture", "menu", "route", "sketch", "recording", "poster", "timetable", "letter",
          "manual", "ticket", "report", "song", "map", "budget")  # fmt: skip
_MONTHS = (
    "january",
    "march",
    "april",
    "june",
    "august",
    "october",
    "winter",
    "spring",
    "autumn",
    "final",
    "old",
    "new",
)
_ENDINGS = ("pdf", "txt", "mp3", "csv", "zip", "html")
NEW = ("Taxes", "Trip", "Course", "Letters", "Backups", "Band", "Garden", "Club")


def file_name(rng: random.Random) -> str:
    """Draw a name such as "invoice_march.pdf"."""
    return f"{rng.choice(_STEMS)}_{rng.choice(_MONTHS)}.{rng.choice(_ENDINGS)}"


class FilesTask(StorageTask):
    """Base: `p["sizes"]` maps paths below the shared storage to bytes; folders end in a slash and have none."""

    app = "files"
    package = "com.google.android.documentsui"
    label = "Files"
    root = SHARED
    folders = FOLDERS
    least, most = 4, 7

    def begin(self, p: Params) -> Tree:
        """Return the files, made of one letter each."""
        return {path: path[-5] * size for path, size in p["sizes"].items()}

    def inside(self, rng: random.Random, folder: str, count: int = 0) -> dict[str, int]:
        """Draw files in a folder: path -> bytes."""
        names = samples.several(
            rng, count or rng.randint(self.least, self.most), file_name, lambda n: n.partition(".")[0]
        )
        return {f"{folder}/{name}": rng.randint(300, 40_000) for name in sorted(names)}

    def draw(self, rng: random.Random) -> Params:
        """Draw a folder with files, one of them, and files elsewhere."""
        folder, other = rng.sample(FOLDERS, 2)
        here = self.inside(rng, folder)
        name = rng.choice(list(here)).rpartition("/")[2]
        there = {path: size for path, size in self.inside(rng, other, 3).items() if not path.endswith("/" + name)}
        return {"name": name, "folder": folder, "other": other, "sizes": {**here, **there}}

    def neighbour(self, p: Params) -> str:
        """Return the name of another file in the folder."""
        names = [path.rpartition("/")[2] for path in p["sizes"] if path.startswith(p["folder"] + "/")]
        return str(next(name for name in names if name != p["name"]))

    # ------------------------------------------------------------ for scripts

    def to_folder(self, screen: Screen, folder: str) -> Iterator[str]:
        """Go to a folder of the shared storage."""
        yield from self.start(screen)
        yield click("Show roots")
        if folder == "Download":
            yield click("Downloads")
            return
        places = [element for element in screen.elements if element.clickable]
        yield click(places[[place.label for place in places].index("Downloads") + 1].index)
        yield from self.pick(screen, folder)

    def hold(self, screen: Screen, name: str) -> Iterator[str]:
        """Hold a row of the list."""
        yield from seek(screen, name)
        yield long_press(screen.get(name, clickable=True).index)

    def up(self, screen: Screen, folder: str) -> Iterator[str]:
        """Go from a folder to another one beside it."""
        yield click(next(e for e in screen.elements if e.clickable and "phone" in e.label.lower()).index)
        yield from self.pick(screen, folder)


class Delete(FilesTask):
    """A file that nobody needs."""

    name = "FilesDelete"
    instruction = 'Delete the file "{name}" from the folder {folder} with the Files app.'
    steps = 8

    def after(self, p: Params) -> Tree:
        """Return the files without it."""
        tree = self.begin(p)
        del tree[f"{p['folder']}/{p['name']}"]
        return tree

    def _delete(self, screen: Screen, p: Params, name: str) -> Iterator[str]:
        yield from self.to_folder(screen, p["folder"])
        yield from self.hold(screen, name)
        yield click("Delete")
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and delete it."""
        yield from self._delete(screen, p, p["name"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the one beside it."""
        yield from self._delete(screen, p, self.neighbour(p))


class Rename(FilesTask):
    """A file with the wrong name."""

    name = "FilesRename"
    instruction = 'Rename the file "{name}" in the folder {folder} to "{new}" with the Files app.'
    steps = 10

    def draw(self, rng: random.Random) -> Params:
        """Draw files, one of them and a name."""
        p = super().draw(rng)
        ending = p["name"].rpartition(".")[2]
        taken = {path.rpartition("/")[2].partition(".")[0] for path in p["sizes"]}
        new = next(stem for stem in iter(lambda: file_name(rng).partition(".")[0], "") if stem not in taken)
        return {"name": p["name"], "folder": p["folder"], "new": f"{new}.{ending}", "sizes": p["sizes"]}

    def after(self, p: Params) -> Tree:
        """Return the files with the new name."""
        tree = self.begin(p)
        tree[f"{p['folder']}/{p['new']}"] = tree.pop(f"{p['folder']}/{p['name']}")
        return tree

    def _type(self, screen: Screen, p: Params, new: str) -> Iterator[str]:
        yield from self.to_folder(screen, p["folder"])
        yield from self.hold(screen, p["name"])
        yield click("More options")
        yield click("Rename")
        yield f'replace("{new}")'

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and type the name."""
        yield from self._type(screen, p, p["new"])
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel at the end."""
        yield from self._type(screen, p, p["new"])
        yield click("Cancel")


class NewFolder(FilesTask):
    """A folder that is missing."""

    name = "FilesNewFolder"
    instruction = 'Create a folder "{new}" in the folder {folder} with the Files app.'
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw files and a name."""
        p = super().draw(rng)
        return {"new": rng.choice(NEW), "folder": p["folder"], "other": p["other"], "sizes": p["sizes"]}

    def after(self, p: Params) -> Tree:
        """Return the files and the folder."""
        return {**self.begin(p), f"{p['folder']}/{p['new']}/": ""}

    def _make(self, screen: Screen, p: Params, folder: str) -> Iterator[str]:
        yield from self.to_folder(screen, folder)
        yield click("More options")
        yield click("New folder")
        yield enter(p["new"])
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the menu."""
        yield from self._make(screen, p, p["folder"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Make it elsewhere."""
        yield from self._make(screen, p, p["other"])


class Move(FilesTask):
    """A file in the wrong folder."""

    name = "FilesMove"
    instruction = 'Move the file "{name}" from the folder {folder} to the folder {target} with the Files app.'
    steps = 11
    verb = "Move"

    def draw(self, rng: random.Random) -> Params:
        """Draw files, one of them and another folder."""
        p = super().draw(rng)
        target, third = rng.sample([folder for folder in FOLDERS if folder != p["folder"]], 2)
        taken = f"{target}/{p['name']}"
        return {"name": p["name"], "folder": p["folder"], "target": target, "third": third,
                "sizes": {path: size for path, size in p["sizes"].items() if path != taken}}  # fmt: skip

    def after(self, p: Params) -> Tree:
        """Return the files with this one in the other folder."""
        tree = self.begin(p)
        tree[f"{p['target']}/{p['name']}"] = tree.pop(f"{p['folder']}/{p['name']}")
        return tree

    def _move(self, screen: Screen, p: Params, target: str) -> Iterator[str]:
        yield from self.to_folder(screen, p["folder"])
        yield from self.hold(screen, p["name"])
        yield click("More options")
        yield click(f"{self.verb} to...")
        yield from self.up(screen, target)
        yield click(self.verb)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take it, go there, put it."""
        yield from self._move(screen, p, p["target"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Put it into a third folder."""
        yield from self._move(screen, p, p["third"])


class Copy(Move):
    """A file that is needed twice."""

    name = "FilesCopy"
    instruction = 'Copy the file "{name}" from the folder {folder} to the folder {target} with the Files app.'
    steps = 11
    verb = "Copy"

    def after(self, p: Params) -> Tree:
        """Return the files with the copy."""
        tree = self.begin(p)
        tree[f"{p['target']}/{p['name']}"] = tree[f"{p['folder']}/{p['name']}"]
        return tree

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Move it instead."""
        yield from self.to_folder(screen, p["folder"])
        yield from self.hold(screen, p["name"])
        yield click("More options")
        yield click("Move to...")
        yield from self.up(screen, p["target"])
        yield click("Move")


class DeleteKind(FilesTask):
    """All files of a kind."""

    name = "FilesDeleteKind"
    instruction = "Delete all {kind} files from the Download folder with the Files app; keep everything else."
    checkpoints = ("open the app", "delete one of them", "done")
    steps = 8
    least, most = 6, 8

    def draw(self, rng: random.Random) -> Params:
        """Draw files of which two or three are of the kind, and one of it elsewhere."""
        kind = rng.choice(_ENDINGS)
        sizes = self.inside(rng, "Download")
        names = [path.rpartition(".")[0] for path in sizes]
        other = [ending for ending in _ENDINGS if ending != kind]
        chosen = rng.sample(names, rng.randint(2, 3))
        ends = {stem: kind if stem in chosen else rng.choice(other) for stem in names}
        sizes = {f"{stem}.{ends[stem]}": size for stem, size in zip(names, sizes.values())}
        sizes[f"Documents/{rng.choice(_STEMS)}_kept.{kind}"] = rng.randint(300, 9000)
        return {"kind": kind.upper(), "sizes": sizes}

    def _gone(self, p: Params) -> list[str]:
        return [path for path in p["sizes"] if path.startswith("Download/") and path.endswith("." + p["kind"].lower())]

    def after(self, p: Params) -> Tree:
        """Return the other files."""
        gone = self._gone(p)
        return {path: text for path, text in self.begin(p).items() if path not in gone}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them is gone."""
        return (not all(self.has(phone, path) for path in self._gone(p)),)

    def _delete(self, screen: Screen, paths: Sequence[str]) -> Iterator[str]:
        yield from self.to_folder(screen, "Download")
        for place, path in enumerate(paths):
            name = path.rpartition("/")[2]
            yield from self.pick(screen, name) if place else self.hold(screen, name)
        yield click("Delete")
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select and delete them."""
        yield from self._delete(screen, self._gone(p))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget one."""
        yield from self._delete(screen, self._gone(p)[:-1])


class Tidy(FilesTask):
    """Files that belong together."""

    name = "FilesTidy"
    instruction = (
        'With the Files app, create a folder "{new}" in Documents and move the files "{first}" and "{second}" from '
        "Download into it."
    )
    checkpoints = ("open the app", "create the folder", "done")
    steps = 19

    def draw(self, rng: random.Random) -> Params:
        """Draw files, two of them and a name."""
        sizes = self.inside(rng, "Download")
        first, second = sorted(path.rpartition("/")[2] for path in rng.sample(list(sizes), 2))
        return {"new": rng.choice(NEW), "first": first, "second": second,
                "sizes": {**sizes, **self.inside(rng, "Documents", 2)}}  # fmt: skip

    def after(self, p: Params) -> Tree:
        """Return the files with the two in the folder."""
        names = (p["first"], p["second"])
        moved = {f"Download/{name}": f"Documents/{p['new']}/{name}" for name in names}
        return {moved.get(path, path): text for path, text in self.begin(p).items()}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """The folder is there."""
        return (self.has(phone, f"Documents/{p['new']}"),)

    def _tidy(self, screen: Screen, p: Params, names: Sequence[str]) -> Iterator[str]:
        yield from self.to_folder(screen, "Documents")
        yield click("More options")
        yield click("New folder")
        yield enter(p["new"])
        yield click("OK")
        yield click("Show roots")
        yield click("Downloads")
        for place, name in enumerate(names):
            yield from self.pick(screen, name) if place else self.hold(screen, name)
        yield click("More options")
        yield click("Move to...")
        yield from self.up(screen, "Documents")
        yield from self.pick(screen, p["new"])
        yield click("Move")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Make the folder, select the files, move them."""
        yield from self._tidy(screen, p, (p["first"], p["second"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Move only one."""
        yield from self._tidy(screen, p, (p["first"],))


class Size(FilesTask, AppQuestion):
    """How large a file is."""

    name = "FilesSize"
    instruction = 'How large is the file "{name}" in the folder {folder}? Answer as the Files app says it.'
    steps = 6

    def wanted(self, p: Params) -> str:
        """Return the size in words."""
        return size_words(p["sizes"][f"{p['folder']}/{p['name']}"])

    def says(self, given: str, p: Params) -> bool:
        """Compare without blanks."""
        return given.replace(" ", "").casefold().strip(".") == self.wanted(p).replace(" ", "").casefold()

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look at its row."""
        yield from self.to_folder(screen, p["folder"])
        yield from seek(screen, p["name"])
        yield answer(screen.get(p["name"], clickable=True).words[-1].split(", ")[2])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look at another row."""
        yield from self.to_folder(screen, p["folder"])
        yield answer(size_words(p["sizes"][f"{p['folder']}/{self.neighbour(p)}"]))


class Largest(FilesTask, AppQuestion):
    """Which file is the largest."""

    name = "FilesLargest"
    instruction = "Which file in the Download folder is the largest? Answer with its name as the Files app shows it."
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw files of clearly different sizes."""
        sizes = {path: 700 + 1400 * n * n for n, path in enumerate(self.inside(rng, "Download"), 1)}
        shuffled = rng.sample(list(sizes.values()), len(sizes))
        sizes = dict(zip(sizes, shuffled))
        return {"answer": max(sizes, key=lambda path: sizes[path]).rpartition("/")[2], "sizes": sizes}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Sort by size and read the first."""
        yield from self.to_folder(screen, "Download")
        yield click("More options")
        yield click("Sort by...")
        yield click("Size")
        yield answer(next(e.label for e in screen.elements if e.clickable and "." in e.label))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the first without sorting, or the second."""
        yield from self.to_folder(screen, "Download")
        names = [e.label for e in screen.elements if e.clickable and "." in e.label]
        yield answer(next(name for name in names if name != p["answer"]))


TEMPLATES = (
    Delete(), Rename(), NewFolder(), Move(), Copy(), DeleteKind(), Tidy(), Size(), Largest(),
)  # fmt: skip
