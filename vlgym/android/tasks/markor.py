"""Tasks with the notebook: notes to write, mend, rename, move and delete, and things to find in them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.state import samples
from vlgym.android.tasks.desk import AppQuestion
from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.storage import StorageTask, Tree
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, long_press, seek

FOLDERS = ("Projects", "Travel", "Home", "Archive", "School", "Friends", "Health", "Work")
FIELD = "Write here"


class MarkorTask(StorageTask):
    """Base: `p["files"]` are the notes."""

    app = "markor"
    package = "net.gsantner.markor"
    label = "Markor"
    root = f"{SHARED}/Documents/Markor"

    def notes(self, rng: random.Random, count: int = 0) -> Tree:
        """Draw notes whose names differ."""
        names = samples.several(rng, count or rng.randint(4, 7), samples.note_name, lambda n: n.partition(".")[0])
        return {name: "\n".join(samples.sentences(rng, rng.randint(1, 4))) for name in names}

    def draw(self, rng: random.Random) -> Params:
        """Draw notes and one of them."""
        files = self.notes(rng)
        return {"name": rng.choice(list(files)), "files": files}

    def other(self, p: Params) -> str:
        """Return the name of another note."""
        return str(next(name for name in p["files"] if name != p["name"] and not name.endswith("/")))

    def open(self, screen: Screen, name: str) -> Iterator[str]:
        """Open a note."""
        yield from self.start(screen)
        yield from self.pick(screen, name)

    def hold(self, screen: Screen, name: str) -> Iterator[str]:
        """Hold a row of the list."""
        yield from seek(screen, name)
        yield long_press(screen.get(name, clickable=True).index)


def _write(words: str) -> str:
    return enter(words, FIELD).replace("type[", "replace[", 1)


class Create(MarkorTask):
    """A new note."""

    name = "MarkorCreateNote"
    instruction = 'Create a note "{name}" in Markor with the text "{text}".'
    checkpoints = ("open the app", "create the file", "done")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw notes and a new one."""
        files = self.notes(rng)
        *_, name = files
        del files[name]
        return {"name": name, "text": " ".join(samples.sentences(rng, 2)), "files": files}

    def after(self, p: Params) -> Tree:
        """Return the notes with the new one."""
        return {**p["files"], p["name"]: p["text"]}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """The file is there."""
        return (self.has(phone, p["name"]),)

    def _make(self, screen: Screen, name: str, text: str) -> Iterator[str]:
        yield from self.start(screen)
        yield click("Create a new file or folder")
        yield enter(name)
        yield click("OK")
        yield enter(text, FIELD)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Name it, write, save."""
        yield from self._make(screen, p["name"], p["text"])
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Mistype its name."""
        yield from self._make(screen, f"my_{p['name']}", p["text"])
        yield click("Save")


class CreateFolder(MarkorTask):
    """A new folder."""

    name = "MarkorCreateFolder"
    instruction = 'Create a folder "{folder}" in Markor.'
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw notes and a folder."""
        return {"folder": rng.choice(FOLDERS), "files": self.notes(rng)}

    def after(self, p: Params) -> Tree:
        """Return the notes and the folder."""
        return {**p["files"], f"{p['folder']}/": ""}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Name it."""
        yield from self._make(screen, p)
        yield click("Folder")

    def _make(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from self.start(screen)
        yield click("Create a new file or folder")
        yield enter(p["folder"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Make a file instead."""
        yield from self._make(screen, p)
        yield click("OK")


class Delete(MarkorTask):
    """A note that nobody needs."""

    name = "MarkorDeleteNote"
    instruction = 'Delete the note "{name}" in Markor.'
    steps = 5

    def after(self, p: Params) -> Tree:
        """Return the notes without it."""
        return {name: text for name, text in p["files"].items() if name != p["name"]}

    def _delete(self, screen: Screen, name: str) -> Iterator[str]:
        yield from self.start(screen)
        yield from self.hold(screen, name)
        yield click("Delete")
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and delete it."""
        yield from self._delete(screen, p["name"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another one."""
        yield from self._delete(screen, self.other(p))


class DeleteEnding(MarkorTask):
    """Notes of one kind that nobody needs."""

    name = "MarkorDeleteEnding"
    instruction = 'Delete all notes in Markor whose names end in "{ending}"; keep all others.'
    checkpoints = ("open the app", "delete one of them", "done")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw notes of which three have the ending."""
        files = self.notes(rng, rng.randint(6, 8))
        ending = rng.choice((".md", ".txt"))
        other = ".txt" if ending == ".md" else ".md"
        chosen = rng.sample(list(files), 3)
        return {
            "ending": ending,
            "files": {
                name.partition(".")[0] + (ending if name in chosen else other): text for name, text in files.items()
            },
        }

    def _gone(self, p: Params) -> list[str]:
        return sorted((name for name in p["files"] if name.endswith(p["ending"])), key=str.lower)

    def after(self, p: Params) -> Tree:
        """Return the notes without them."""
        return {name: text for name, text in p["files"].items() if not name.endswith(p["ending"])}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them is gone."""
        return (not all(self.has(phone, name) for name in self._gone(p)),)

    def _delete(self, screen: Screen, names: Sequence[str]) -> Iterator[str]:
        yield from self.start(screen)
        for place, name in enumerate(names):
            yield from self.pick(screen, name) if place else self.hold(screen, name)
        yield click("Delete")
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select them and delete them."""
        yield from self._delete(screen, self._gone(p))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last."""
        yield from self._delete(screen, self._gone(p)[:-1])


class Rename(MarkorTask):
    """A note with the wrong name."""

    name = "MarkorRenameNote"
    instruction = 'Rename the note "{name}" in Markor to "{new}".'
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw notes, one of them and a name."""
        files = self.notes(rng)
        *_, new = files
        del files[new]
        name = rng.choice(list(files))
        return {"name": name, "new": new.partition(".")[0] + "." + name.rpartition(".")[2], "files": files}

    def after(self, p: Params) -> Tree:
        """Return the notes with the new name."""
        return {p["new"] if name == p["name"] else name: text for name, text in p["files"].items()}

    def _rename(self, screen: Screen, name: str, new: str) -> Iterator[str]:
        yield from self.start(screen)
        yield from self.hold(screen, name)
        yield click("Rename")
        yield f'replace[Name]("{new}")'
        yield click("OK")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and type the name."""
        yield from self._rename(screen, p["name"], p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the ending."""
        yield from self._rename(screen, p["name"], p["new"].partition(".")[0])


class Move(MarkorTask):
    """A note in the wrong folder."""

    name = "MarkorMoveNote"
    instruction = 'Move the note "{name}" in Markor from the folder "{source}" to the folder "{target}".'
    checkpoints = ("open the app", "done")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw two folders with notes, and one of them."""
        source, target, third = rng.sample(FOLDERS, 3)
        files = self.notes(rng)
        inside = {f"{source}/{name}": text for name, text in files.items()}
        name = rng.choice(list(files))
        other = {f"{target}/{n}": text for n, text in self.notes(rng, 2).items() if n not in files}
        return {"name": name, "source": source, "target": target, "third": third,
                "files": {**inside, **other, f"{target}/": "", f"{third}/": ""}}  # fmt: skip

    def after(self, p: Params) -> Tree:
        """Return the notes with this one in the other folder."""
        old, new = f"{p['source']}/{p['name']}", f"{p['target']}/{p['name']}"
        return {new if path == old else path: text for path, text in p["files"].items()}

    def _move(self, screen: Screen, p: Params, target: str) -> Iterator[str]:
        yield from self.open(screen, p["source"])
        yield from self.hold(screen, p["name"])
        yield click("Move")
        yield click("Parent folder")
        yield from self.pick(screen, target)
        yield click("Move here")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take it, go there, put it."""
        yield from self._move(screen, p, p["target"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Put it into a third folder."""
        yield from self._move(screen, p, p["third"])


class Append(MarkorTask):
    """A line to be added."""

    name = "MarkorAppendLine"
    instruction = 'Add the line "{line}" at the end of the note "{name}" in Markor and save it.'
    checkpoints = ("open the app", "done")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw notes, one of them and a line that it does not have."""
        p = super().draw(rng)
        held = p["files"][p["name"]]
        line = next(line for line in samples.sentences(rng, 6) if line not in held)
        return {"name": p["name"], "line": line, "files": p["files"]}

    def after(self, p: Params) -> Tree:
        """Return the notes with the line."""
        return {n: f"{text}\n{p['line']}" if n == p["name"] else text for n, text in p["files"].items()}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the end of the text, type, save."""
        yield from self.open(screen, p["name"])
        right, bottom = screen.get(FIELD).bounds[2:]
        yield f"tap({right - 0.03:.3f}, {bottom - 0.03:.3f})"
        yield enter(f"\n{p['line']}")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Overwrite what was there."""
        yield from self.open(screen, p["name"])
        yield _write(p["line"])
        yield click("Save")


class Tick(MarkorTask):
    """Something bought."""

    name = "MarkorTickItem"
    instruction = 'Tick "{item}" in the checklist "{name}" in Markor.'
    checkpoints = ("open the app", "done")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw a checklist among notes, and one of its open items."""
        files = self.notes(rng)
        name = (
            f"{rng.choice(('shopping', 'pantry', 'packing', 'tools'))}_{rng.choice(('monday', 'friday', 'sunday'))}.md"
        )
        items = samples.items(rng, rng.randint(4, 7))
        item = rng.choice(items)
        marks = {thing: " " if thing == item else rng.choice("  x") for thing in items}
        files[name] = "\n".join(f"- [{mark}] {thing}" for thing, mark in marks.items())
        return {"item": item, "name": name, "files": dict(sorted(files.items()))}

    def after(self, p: Params) -> Tree:
        """Return the notes with the mark."""
        text = p["files"][p["name"]].replace(f"- [ ] {p['item']}", f"- [x] {p['item']}")
        return {**p["files"], p["name"]: text}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it and touch the item."""
        yield from self._tick(screen, p["name"], p["item"])

    def _tick(self, screen: Screen, name: str, item: str) -> Iterator[str]:
        yield from self.open(screen, name)
        yield click("View mode")
        yield from seek(screen, item)
        yield click(item)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch another item."""
        lines = p["files"][p["name"]].split("\n")
        yield from self._tick(screen, p["name"], next(line[6:] for line in lines if line[6:] != p["item"]))


class Merge(MarkorTask):
    """Two notes to be one."""

    name = "MarkorMergeNotes"
    instruction = (
        'Create a note "{new}" in Markor that holds the text of "{first}" and, on the next line, that of "{second}". '
        "Keep the old notes."
    )
    checkpoints = ("open the app", "create the file", "done")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw notes of one line, two of them and a new name."""
        files = {name: text.split("\n")[0] for name, text in self.notes(rng).items()}
        *_, new = files
        del files[new]
        first = rng.choice(list(files))
        other = [name for name in files if files[name] != files[first]]
        if not other:
            return self.draw(rng)
        second = rng.choice(other)
        return {"new": new, "first": first, "second": second, "files": files}

    def after(self, p: Params) -> Tree:
        """Return the notes with the new one."""
        files = p["files"]
        return {**files, p["new"]: f"{files[p['first']]}\n{files[p['second']]}"}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """The file is there."""
        return (self.has(phone, p["new"]),)

    def _merge(self, screen: Screen, p: Params, names: Sequence[str]) -> Iterator[str]:
        yield from self.start(screen)
        texts = []
        for name in names:
            yield from self.pick(screen, name)
            texts.append(next(word for word in screen.get(FIELD).words))
            yield click("Navigate up")
        yield click("Create a new file or folder")
        yield enter(p["new"])
        yield click("OK")
        yield enter("\n".join(texts), FIELD)
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read both, write the third."""
        yield from self._merge(screen, p, (p["first"], p["second"]))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take them in the wrong order."""
        yield from self._merge(screen, p, (p["second"], p["first"]))


class Find(MarkorTask, AppQuestion):
    """Which note says it."""

    name = "MarkorLastItem"
    instruction = 'What is the last item of the list in the note "{name}" in Markor? Answer with the item.'
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw a list among notes."""
        files = self.notes(rng)
        name = f"{rng.choice(('cellar', 'kitchen', 'trip', 'camping'))}_{rng.choice(('list', 'stock', 'needs'))}.md"
        items = samples.items(rng, rng.randint(4, 8))
        files[name] = "\n".join(f"- {item}" for item in items)
        return {"name": name, "answer": items[-1], "first": items[0], "files": dict(sorted(files.items()))}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it and read."""
        yield from self.open(screen, p["name"])
        yield answer(screen.get(FIELD).text.rpartition("- ")[2])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read the first item."""
        yield from self.open(screen, p["name"])
        yield answer(p["first"])


TEMPLATES = (
    Create(), CreateFolder(), Delete(), DeleteEnding(), Rename(), Move(), Append(), Tick(), Merge(), Find(),
)  # fmt: skip
