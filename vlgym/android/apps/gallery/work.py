"""What can be done with pictures, in every screen of the gallery: dialogs that delete, rename, copy, move and tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from vlgym.android.apps.gallery.model import BIN, Library
from vlgym.android.apps.media import clip_length, decode, length_words, size_words
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, BottomSheet, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ListItem
from vlgym.android.ui.view import MATCH, Column, View
from vlgym.android.ui.widgets import TextView


def shown(path: str) -> str:
    """Return a path as people see it."""
    return path.replace(SHARED_STORAGE, "Internal", 1)


class Worker(Activity):
    """Base of the gallery's screens."""

    @property
    def library(self) -> Library:
        """The gallery's data."""
        return Library(self.manager)

    def chosen(self) -> list[str]:
        """Return the paths that the buttons act on."""
        raise NotImplementedError

    def done(self) -> None:
        """Called when something was done with them."""
        self.invalidate()

    def called(self, paths: Sequence[str]) -> str:
        """Return files in words."""
        return f"“{paths[0].rpartition('/')[2]}”" if len(paths) == 1 else f"{len(paths)} items"

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialog of a name."""
        build: Callable[[dict[str, Any]], View] = getattr(self, f"_{name}_dialog")
        return build(args)

    def _menu_of(self, items: Sequence[tuple[str, Callable[[], object]]], at: Sequence[int]) -> View:
        return PopupMenu([(text, self.then(act)) for text, act in items], at)

    def _delete_dialog(self, args: dict[str, Any]) -> View:
        paths = self.chosen()
        binned = all(path.startswith(BIN) for path in paths)
        words = (
            f"Are you sure you want to delete {self.called(paths)}? This cannot be undone."
            if binned
            else f"Are you sure you want to move {self.called(paths)} into the Recycle Bin?"
        )

        def delete() -> None:
            self.library.recycle(paths)
            self.done()

        return AlertDialog("", message=words, buttons=(("No", self.dismiss), ("Yes", self.then(delete))))

    def _rename_dialog(self, args: dict[str, Any]) -> View:
        path = self.chosen()[0]
        stem, _, ending = path.rpartition("/")[2].rpartition(".")

        def accept(*_: object) -> None:
            name = f"{self.find('rename_item_name').text.strip()}.{self.find('rename_item_extension').text.strip()}"
            wrong = self.library.rename(path, name)
            if wrong:
                self.toast(wrong)
                return
            self.dismiss()
            self.renamed(f"{path.rpartition('/')[0]}/{name}")

        body = Column(
            TextView("Folder", style="body_small", colour="on_surface_variant"),
            TextView(shown(path.rpartition("/")[0]), style="body_large", margin=(0, 0, 0, 12)),
            EditText(stem, hint="Title", on_submit=accept, id="rename_item_name"),
            TextView("Extension", style="body_small", colour="on_surface_variant", margin=(0, 12, 0, 0)),
            EditText(ending, hint="Extension", on_submit=accept, id="rename_item_extension"),
            width=MATCH,
            padding=(24, 0),
        )
        return AlertDialog("Rename", body, buttons=(("Cancel", self.dismiss), ("OK", accept)))

    def renamed(self, path: str) -> None:
        """Called with the new path of the file."""
        self.done()

    def _properties_dialog(self, args: dict[str, Any]) -> View:
        library, paths = self.library, self.chosen()
        known = [library.files.stat(path) for path in paths]
        rows = [("Size", size_words(sum(stat.size for stat in known)))]
        if len(paths) == 1:
            path, data = paths[0], library.files.read(paths[0])
            moment = self.state.clock.local(known[0].mtime_us)
            rows = [("Name", path.rpartition("/")[2]), ("Path", shown(path.rpartition("/")[0])), *rows]
            rows.append(("Last modified", f"{moment:%d.%m.%Y, %H:%M}"))
            image = decode(data)
            if image is not None:
                rows.append(("Resolution", f"{image.width()} × {image.height()}"))
            elif clip_length(data):
                rows.append(("Duration", length_words(clip_length(data))))
        else:
            rows.insert(0, ("Items selected", str(len(paths))))
        body = [
            Column(
                TextView(label, style="body_small", colour="on_surface_variant"),
                TextView(value, style="body_large", id=f"property_{label.lower().replace(' ', '_')}"),
                width=MATCH,
                padding=(24, 6),
            )
            for label, value in rows
        ]
        return AlertDialog("Properties", *body, buttons=(("OK", self.dismiss),))

    def _share_dialog(self, args: dict[str, Any]) -> View:
        paths = self.chosen()

        def copy() -> None:
            self.state.clipboard = "\n".join(paths)
            self.toast("Path copied to clipboard")

        return BottomSheet(
            ListItem(self.called(paths), shown(paths[0].rpartition("/")[0]), icon="image"),
            ListItem("Copy path", icon="content_copy", on_click=self.then(copy)),
            ListItem(
                "Nearby devices",
                icon="bluetooth",
                on_click=self.then(lambda: self.toast("No devices found")),
            ),
            title="Share",
        )

    # ------------------------------------------------------------ copy and move

    def _carry_dialog(self, args: dict[str, Any]) -> View:
        library, move = self.library, bool(args["move"])
        rows = [
            ListItem(
                library.title(path),
                shown(path),
                icon="folder_outline",
                on_click=self.then(partial(self._carry, path, move)),
            )
            for path in library.targets()
        ]
        fresh = ListItem(
            "Create new folder",
            icon="create_new_folder",
            on_click=self.then(lambda: self.show("folder", move=move, carry=True)),
        )
        title = "Select destination"
        return AlertDialog(title, *rows, fresh, buttons=(("Cancel", self.dismiss),), wide=True)

    def _carry(self, folder: str, move: bool) -> None:
        if self.library.clashes(self.chosen(), folder):
            self.show("clash", folder=folder, move=move)
        else:
            self._carried(folder, move, "skip")

    def _clash_dialog(self, args: dict[str, Any]) -> View:
        folder, move = args["folder"], args["move"]
        name = self.library.clashes(self.chosen(), folder)[0]
        ways = (("Skip", "skip"), ("Keep both", "keep"), ("Overwrite", "overwrite"))
        rows = [ListItem(label, on_click=self.then(partial(self._carried, folder, move, way))) for label, way in ways]
        return AlertDialog(f"File “{name}” already exists", *rows, buttons=(("Cancel", self.dismiss),))

    def _carried(self, folder: str, move: bool, clash: str) -> None:
        paths = self.chosen()
        count = self.library.carry(paths, folder, move=move, clash=clash)
        if count == 0 and len(paths):
            self.toast("No new items were found")
        else:
            self.toast(("Copying" if not move else "Moving") + " completed successfully")
        self.done()

    def _folder_dialog(self, args: dict[str, Any]) -> View:
        base = str(args.get("base") or f"{SHARED_STORAGE}/Pictures")

        def accept(*_: object) -> None:
            path = f"{base}/{self.find('folder_name').text.strip()}"
            wrong = self.library.make_folder(path)
            if wrong:
                self.toast(wrong)
                return
            self.dismiss()
            if args.get("carry"):
                self._carry(path, bool(args["move"]))
            else:
                self.invalidate()

        body = Column(
            TextView("Folder", style="body_small", colour="on_surface_variant"),
            TextView(shown(base), style="body_large", margin=(0, 0, 0, 12)),
            EditText("", hint="Title", on_submit=accept, id="folder_name"),
            width=MATCH,
            padding=(24, 0),
        )
        return AlertDialog("Create new folder", body, buttons=(("Cancel", self.dismiss), ("OK", accept)))
