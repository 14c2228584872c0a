"""The gallery's lists: folders, and what is in one."""

from __future__ import annotations

from functools import partial
from typing import Any

from vlgym.android.apps.gallery.model import KINDS, ORDERS, RECYCLED
from vlgym.android.apps.gallery.parts import thumbnail, tile
from vlgym.android.apps.gallery.work import Worker
from vlgym.android.apps.media import Item
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.dialogs import AlertDialog, CheckDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Empty, Section, Toolbar
from vlgym.android.ui.scroll import RecyclerView
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import ImageButton, RadioButton, TextView

_HERE = "com.simplemobiletools.gallery.pro/com.simplemobiletools.gallery.pro.activities"


class Lists(Worker):
    """What folders and their contents have in common: search, order and filter."""

    def _columns(self, width: float) -> int:
        """Return how many cells of a width in dp stand side by side."""
        metrics = self.manager.metrics
        return max(2, int(metrics.width / metrics.density // width))

    def _search_bar(self, hint: str) -> View:
        words = self.saved.get("words", "")
        field = EditText(
            words,
            hint=hint,
            box="none",
            action="search",
            on_text=lambda text: self.set(words=text),
            weight=1,
            id="top_toolbar_search",
        )
        return Row(
            ImageButton("arrow_back", content_desc="Navigate up", on_click=self._leave_search, colour="on_surface"),
            field,
            ImageButton("close", content_desc="Clear", on_click=self._clear, id="search_clear") if words else None,
            width=MATCH,
            height=64,
            padding=(4, 0),
            id="toolbar",
        )

    def _clear(self) -> None:
        self.find("top_toolbar_search").set_text("")

    def _leave_search(self) -> None:
        self.manager.hide_keyboard()
        self.set(searching=False, words="")

    def _search(self) -> None:
        self.set(searching=True, words="")
        field = self.find("top_toolbar_search")
        self.manager.edit(field, field.left, field.top)

    def on_back(self) -> bool:
        """Leave the selection or the search first."""
        if self.saved.get("selected"):
            self.set(selected=[])
            return True
        if self.saved.get("searching"):
            self._leave_search()
            return True
        return False

    def _sort_dialog(self, args: dict[str, Any]) -> View:
        preferences = self.library.preferences
        order, down = preferences.number("order", 3), preferences.number("descending", 1)

        def choose(key: str, value: int) -> None:
            args[key] = value
            self.invalidate()

        def row(label: str, key: str, value: int, on: bool) -> View:
            return Row(
                RadioButton(on),
                TextView(label, style="body_large", id="text1"),
                width=MATCH,
                min_height=48,
                spacing=16,
                padding=(24, 0),
                on_click=partial(choose, key, value),
            )

        chosen, falling = int(args.get("order", order)), int(args.get("descending", down))
        rows = [row(name, "order", place, place == chosen) for place, name in enumerate(ORDERS)]
        ways = [row(name, "descending", way, way == falling) for way, name in enumerate(("Ascending", "Descending"))]

        def accept() -> None:
            preferences.put("order", chosen)
            preferences.put("descending", falling)
            self.invalidate()

        buttons = (("Cancel", self.dismiss), ("OK", self.then(accept)))
        return AlertDialog("Sort by", *rows, Section("Direction"), *ways, buttons=buttons)

    def _filter_dialog(self, args: dict[str, Any]) -> View:
        preferences = self.library.preferences
        hidden = preferences.number("hidden_kinds")

        def toggle(place: int) -> None:
            preferences.put("hidden_kinds", hidden ^ 1 << place)
            self.invalidate()

        chosen = [place for place in range(len(KINDS)) if not hidden >> place & 1]
        return CheckDialog("Filter media", KINDS, chosen, toggle, (("OK", self.dismiss),))


class Folders(Lists):
    """The folders. Saved: "searching" and "words" of the search."""

    def on_create(self) -> View:
        """Return the folders as cards."""
        library, words = self.library, str(self.saved.get("words", "")).lower()
        if self.saved.get("searching"):
            bar = self._search_bar("Search folders")
        else:
            bar = Toolbar(
                "Gallery",
                ActionItem("search", "Search", self._search, "search"),
                ActionItem("photo_camera", "Open camera", self._camera, "open_camera"),
                ActionItem("sort", "Sort by", lambda: self.show("sort"), "sort"),
                ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            )
        found = [(path, items) for path, items in library.folders() if words in library.title(path).lower()]
        if not found:
            body: View = Empty("No media files have been found" if not words else "No items found", "image_outline")
        else:
            body = RecyclerView(
                len(found),
                lambda place: self._card(*found[place]),
                item_height=244,
                columns=self._columns(200),
                width=MATCH,
                height=MATCH,
                padding=(8, 0, 8, 0),
                id="directories_grid",
            )
        return Column(bar, Column(body, width=MATCH, weight=1), width=MATCH, height=MATCH)

    def _card(self, path: str, items: list[Item]) -> View:
        library = self.library
        title = library.title(path)
        return Column(
            thumbnail(library.files, items[0] if items else None, 20, width=MATCH, weight=1, id="dir_thumbnail"),
            TextView(title, style="title_medium", lines=1, id="dir_name", margin=(4, 8, 4, 0)),
            TextView(str(len(items)), style="body_small", colour="on_surface_variant", id="photo_cnt", margin=(4, 0)),
            width=MATCH,
            margin=8,
            radius=20,
            content_desc=f"{title}, {len(items)} items",
            on_click=lambda: self.start(f"{_HERE}.MediaActivity", directory=path),
            id="dir_holder",
        )

    def _camera(self) -> None:
        self.start("com.android.camera2/com.android.camera.CameraLauncher")

    def chosen(self) -> list[str]:
        """Folders themselves are never chosen."""
        return []

    def _menu_dialog(self, args: dict[str, Any]) -> View:
        everything = partial(self.start, f"{_HERE}.MediaActivity", directory="")
        return self._menu_of(
            (
                ("Show all folders content", everything),
                ("Filter media", lambda: self.show("filter")),
                ("Create new folder", lambda: self.show("folder", base=SHARED_STORAGE)),
                ("Open recycle bin", lambda: self.start(f"{_HERE}.MediaActivity", directory=RECYCLED)),
            ),
            args["at"],
        )


class Media(Lists):
    """The contents of a folder. Saved: "selected", paths; "searching" and "words"."""

    @property
    def folder(self) -> str:
        """The folder, "" for all of them."""
        return str(self.intent.extras.get("directory", ""))

    def _items(self) -> list[Item]:
        words = str(self.saved.get("words", "")).lower()
        found = self.library.items(self.folder) if self.folder else self.library.all()
        return [item for item in found if words in item.name.lower()]

    def chosen(self) -> list[str]:
        """Return the selected paths that are still there."""
        there = {item.path for item in self._items()}
        return [path for path in self.saved.get("selected", []) if path in there]

    def done(self) -> None:
        """End the selection."""
        self.set(selected=[])

    def on_create(self) -> View:
        """Return the grid."""
        library, items, liked = self.library, self._items(), set(self.library.favourites())
        picked, named = self.chosen(), self.library.preferences.number("file_names") == 1
        if not items:
            body: View = Empty("No media files have been found", "image_outline")
        else:
            body = RecyclerView(
                len(items),
                lambda place: tile(
                    library.files,
                    items[place],
                    picked=items[place].path in picked,
                    liked=items[place].path in liked,
                    named=named,
                    width=MATCH,
                    height=MATCH,
                    margin=1,
                    selected=items[place].path in picked,
                    on_click=partial(self._tap, items[place].path),
                    on_long_click=partial(self._pick, items[place].path),
                    id="media_item_holder",
                ),
                item_height=137,
                columns=self._columns(137),
                width=MATCH,
                height=MATCH,
                id="media_grid",
            )
        return Column(self._bar(picked, len(items)), Column(body, width=MATCH, weight=1), width=MATCH, height=MATCH)

    def _bar(self, picked: list[str], count: int) -> View:
        if picked:
            binned = self.folder == RECYCLED
            own = (
                [ActionItem("restart_alt", "Restore", self._restore, "cab_restore")]
                if binned
                else [ActionItem("share", "Share", lambda: self.show("share"), "cab_share")]
            )
            return Toolbar(
                f"{len(picked)} / {count}",
                ActionItem("delete_outline", "Delete", lambda: self.show("delete"), "cab_delete"),
                *own,
                ActionItem("more_vert", "More options", lambda: self.menu("selection", "overflow"), "overflow"),
                on_up=lambda: self.set(selected=[]),
                up="Clear selection",
                up_icon="close",
                background="surface_container",
            )
        if self.saved.get("searching"):
            return self._search_bar("Search files")
        title = self.library.title(self.folder) if self.folder else "All folders"
        return Toolbar(
            title,
            ActionItem("search", "Search", self._search, "search"),
            ActionItem("sort", "Sort by", lambda: self.show("sort"), "sort"),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            on_up=self.finish,
        )

    def _tap(self, path: str) -> None:
        if self.chosen():
            self._pick(path)
        else:
            self.start(f"{_HERE}.PhotoVideoActivity", path=path, directory=self.folder)

    def _pick(self, path: str) -> None:
        picked = self.chosen()
        self.set(selected=[p for p in picked if p != path] if path in picked else [*picked, path])

    def _restore(self) -> None:
        self.library.restore(self.chosen())
        self.toast("Files restored")
        self.done()

    def _menu_dialog(self, args: dict[str, Any]) -> View:
        items: list[tuple[str, Any]] = [
            ("Filter media", lambda: self.show("filter")),
            ("Toggle filename visibility", self._toggle_names),
        ]
        if self.folder == RECYCLED:
            items += [("Restore all files", self._restore_all), ("Empty Recycle Bin", lambda: self.show("empty"))]
        elif self.folder.startswith("/"):
            items.append(("Create new folder", lambda: self.show("folder", base=self.folder)))
        return self._menu_of(items, args["at"])

    def _toggle_names(self) -> None:
        preferences = self.library.preferences
        preferences.put("file_names", 1 - preferences.number("file_names"))
        self.invalidate()

    def _restore_all(self) -> None:
        self.saved["selected"] = [item.path for item in self._items()]
        self._restore()

    def _empty_dialog(self, args: dict[str, Any]) -> View:
        def empty() -> None:
            self.library.recycle([item.path for item in self.library.items(RECYCLED)])
            self.done()

        words = "Are you sure you want to empty the Recycle Bin? The files will be permanently lost."
        return AlertDialog("", message=words, buttons=(("No", self.dismiss), ("Yes", self.then(empty))))

    def _selection_dialog(self, args: dict[str, Any]) -> View:
        picked = self.chosen()
        liked = set(self.library.favourites())
        every = [item.path for item in self._items()]
        items: list[tuple[str, Any]] = []
        if self.folder != RECYCLED:
            on = not all(path in liked for path in picked)
            items += [("Rename", lambda: self.show("rename"))] if len(picked) == 1 else []
            items += [
                ("Copy to", lambda: self.show("carry", move=False)),
                ("Move to", lambda: self.show("carry", move=True)),
                ("Add to favorites" if on else "Remove from favorites", lambda: self._like(picked, on)),
            ]
        items += [
            ("Select all", lambda: self.set(selected=every)),
            ("Properties", lambda: self.show("properties")),
        ]
        return self._menu_of(items, args["at"])

    def _like(self, paths: list[str], on: bool) -> None:
        self.library.like(paths, on)
        self.done()
