"""What the tasks with files have in common: folders of the shared storage that begin one way and should end another."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from vlgym.android.tasks.desk import AppTask
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, launch, seek

Tree = dict[str, str]
"""Path below the root -> a file's text; a path that ends in a slash is a folder."""


class StorageTask(AppTask):
    """Base: `begin` says what there is below `root` at first, `after` what there should be; nothing else may change."""

    label = ""
    root = ""
    folders: Sequence[str] = ()
    """What is cleared, below the root; the root itself if there is none."""

    def begin(self, p: Params) -> Tree:
        """Return the files and folders to begin with."""
        tree: Tree = p["files"]
        return tree

    def after(self, p: Params) -> Tree:
        """Return the files and folders of a success."""
        return self.begin(p)

    @property
    def roots(self) -> list[str]:
        """Absolute paths of the folders that count."""
        return [f"{self.root}/{name}" for name in self.folders] or [self.root]

    def setup(self, phone: Phone, p: Params) -> None:
        """Clear the folders and write the files."""
        for folder in self.roots:
            for name in phone.list(folder):
                phone.remove(f"{folder}/{name}")
            phone.shell(f"mkdir -p {shlex.quote(folder)}")
        for path, text in self.begin(p).items():
            if path.endswith("/"):
                phone.shell(f"mkdir -p {shlex.quote(f'{self.root}/{path}')}")
            else:
                phone.write(f"{self.root}/{path}", text.encode())

    def now(self, phone: Phone) -> set[str]:
        """Return the paths below the root that there are; those of folders end in a slash."""
        found: set[str] = set()
        for kind, end in (("d", "/"), ("f", "")):
            roots = " ".join(map(shlex.quote, self.roots))
            lines = phone.shell(f"find {roots} -mindepth 1 -type {kind}").splitlines()
            found |= {line.removeprefix(f"{self.root}/") + end for line in lines}
        return found

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether exactly the files of a success are there; blanks at the end of a text do not count."""
        return self.holds(phone, self.after(p))

    def holds(self, phone: Phone, tree: Mapping[str, str]) -> bool:
        """Return whether exactly these files and folders are there."""
        wanted = set(tree)
        for path in tree:
            parts = path.rstrip("/").split("/")[:-1]
            wanted |= {"/".join(parts[:depth]) + "/" for depth in range(1, len(parts) + 1)}
        wanted -= {f"{folder}/" for folder in self.folders}
        if self.now(phone) != wanted:
            return False
        for path, text in tree.items():
            if not path.endswith("/"):
                data = phone.read(f"{self.root}/{path}")
                if data is None or data.decode("utf-8", "replace").rstrip() != text.rstrip():
                    return False
        return True

    def has(self, phone: Phone, path: str) -> bool:
        """Return whether there is something at a path below the root."""
        folder, _, name = f"{self.root}/{path.rstrip('/')}".rpartition("/")
        return name in phone.list(folder)

    def start(self, screen: Screen) -> Iterator[str]:
        """Start the app."""
        yield from launch(screen, self.label)

    def pick(self, screen: Screen, name: str) -> Iterator[str]:
        """Touch a row of a list by its name."""
        yield from seek(screen, name)
        yield click(screen.get(name, clickable=True).index)
