"""The file manager: folders, kinds of files, and the choice of a folder to copy or move to."""

from __future__ import annotations

from functools import partial
from typing import Any

from vlgym.android.apps.folders import SORTS, TYPES, Entry, Folders, may_name, size_words
from vlgym.android.apps.markor.editor import facts_dialog
from vlgym.android.apps.pages import DrawerItem, PagedActivity, chip_row, confirm, day_words, time_words
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.state.intents import ACTION_VIEW, Intent
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Empty, ListItem, Toolbar
from vlgym.android.ui.scroll import RecyclerView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, View
from vlgym.android.ui.widgets import Button, ImageView, TextView, ToggleChip

ROOTS = (
    ("Recent", "schedule", ""),
    ("Images", "image", "Images"),
    ("Videos", "videocam", "Videos"),
    ("Audio", "audiotrack", "Audio"),
    ("Documents", "description", "Documents"),
)
DOWNLOADS = f"{SHARED_STORAGE}/Download"
_LOGGED = {"Images": "images", "Videos": "videos", "Audio": "audio", "Documents": "documents"}
_MIME = {"Images": "image", "Videos": "video", "Audio": "audio", "Documents": "text"}
MOST_RECENT = 30


class Files(PagedActivity):
    """The file manager. Pages: root (a kind of file), folder. Saved besides: "sort", "reverse", "grid", "hidden",
    "clip" (how, paths)."""

    first = "root"

    def on_start(self) -> None:
        """Begin with what is recent, or with the downloads."""
        super().on_start()
        self.args.update(kind="")

    @property
    def folders(self) -> Folders:
        """The shared storage."""
        return Folders(self.state)

    @property
    def model(self) -> str:
        """What the phone calls itself."""
        return str(self.state.properties["ro.product.model"])

    @property
    def chosen(self) -> list[str]:
        """Paths of the selected entries that still exist."""
        return [path for path in self.args.get("selected", ()) if self.folders.exists(path)]

    # ------------------------------------------------------------ what is shown

    def _entries(self) -> list[Entry]:
        args, folders = self.args, self.folders
        sort, back = self.saved.get("sort", 0), bool(self.saved.get("reverse"))
        words = str(args.get("words", "")).lower() if args.get("search") else None
        only = args.get("only", "")
        if self.page[0] == "folder":
            path = args["path"]
            hidden = bool(self.saved.get("hidden"))
            found = folders.entries(path, hidden=hidden) if words is None else list(folders.walk(path))
        else:
            found = [entry for entry in folders.walk() if not args["kind"] or entry.kind == args["kind"]]
            if not args["kind"]:
                found = folders.sort(found, 1)[:MOST_RECENT]
                sort = sort or 1
        if self.saved.get("clip"):
            found = [entry for entry in found if entry.is_dir]
        return folders.sort(
            [e for e in found if (not words or words in e.name.lower()) and (not only or e.kind == only)],
            sort,
            reverse=back,
        )

    def page_root(self) -> View:
        """Return the files of a kind, or the latest."""
        kind = self.args["kind"]
        chips = [ToggleChip(name, name == self.args.get("only"), on_change=partial(self._only, name)) for name in TYPES]
        title = next(label for label, _, value in ROOTS if value == kind)
        return self._page(title, None if kind else chip_row(*chips))

    def _only(self, name: str, on: bool) -> None:
        self.change(only=name if on else "")

    def page_folder(self) -> View:
        """Return a folder under the way to it."""
        path = self.args["path"]
        parts = path.removeprefix(SHARED_STORAGE).strip("/").split("/") if path != SHARED_STORAGE else []
        crumbs: list[View] = []
        for depth in range(len(parts) + 1):
            place = "/".join([SHARED_STORAGE, *parts[:depth]])
            label = parts[depth - 1] if depth else self.model
            last = depth == len(parts)
            ink = "on_surface" if last else "on_surface_variant"
            crumbs.append(TextView(label, style="label_large", colour=ink, padding=(4, 10)))
            if not last:
                crumbs[-1].on_click = partial(self._enter, place)
                crumbs.append(ImageView("chevron_right", size=18))
        return self._page(parts[-1] if parts else self.model, chip_row(*crumbs))

    def _page(self, title: str, strip: View | None) -> View:
        entries, chosen = self._entries(), self.chosen
        grid = bool(self.saved.get("grid"))
        build = self._cell if grid else self._row
        body: View = RecyclerView(
            len(entries), lambda place: build(entries[place], chosen), item_height=136 if grid else 72,
            columns=2 if grid else 1, width=MATCH, height=MATCH, padding=(8, 0, 8, 24) if grid else (0, 0, 0, 24),
            id="dir_list",
        )  # fmt: skip
        if not entries:
            body = Empty("No items" if not self.args.get("search") else "No matches", "folder_open")
        foot = self._clip_bar(*self.saved["clip"]) if self.saved.get("clip") else None
        page = FrameLayout(body, width=MATCH, weight=1)
        return Column(self._bar(title, chosen), strip, page, foot, width=MATCH, height=MATCH)

    def _row(self, entry: Entry, chosen: list[str]) -> View:
        marked = entry.path in chosen
        about = f"{day_words(self.local(entry.modified).date())}"
        if not entry.is_dir:
            about += f", {size_words(entry.size)}, {entry.type_words}"
        icon = ImageView("check_circle" if marked else entry.icon,
                         colour="primary" if marked or entry.is_dir else "on_surface_variant")  # fmt: skip
        view = ListItem(
            entry.name,
            about,
            lead=icon,
            selected=marked,
            background="secondary_container" if marked else "",
        )
        return self._touched(view, entry, chosen)

    def _touched(self, view: View, entry: Entry, chosen: list[str]) -> View:
        """Return the view of an entry with what a touch does, short and long."""
        view.on_click = partial(self.pick, entry.path) if chosen else partial(self._open, entry)
        if not self.saved.get("clip"):
            view.on_long_click = partial(self.pick, entry.path)
        return view

    def _cell(self, entry: Entry, chosen: list[str]) -> View:
        marked = entry.path in chosen
        mark = "check_circle" if marked else entry.icon
        icon = ImageView(mark, size=40, colour="primary" if marked or entry.is_dir else "on_surface_variant")
        view = Column(
            icon,
            TextView(entry.name, style="body_medium", lines=1),
            align="center",
            spacing=12,
            margin=4,
            radius=12,
            padding=(8, 0),
            selected=marked,
            background="secondary_container" if marked else "surface_container",
        )
        return self._touched(view, entry, chosen)

    # ------------------------------------------------------------ bars

    def _bar(self, title: str, chosen: list[str]) -> View:
        more = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        if chosen:
            return self.selection_bar(
                f"{len(chosen)} selected",
                ActionItem("share", "Share", self._share),
                ActionItem("delete", "Delete", lambda: self.show("delete", paths=chosen)),
                more,
            )
        if self.args.get("search"):
            return self.search_bar("Search this phone")
        grid = bool(self.saved.get("grid"))
        return Toolbar(
            title,
            ActionItem("search", "Search", self.search),
            ActionItem("view_list" if grid else "grid_view", "List view" if grid else "Grid view",
                       lambda: self.set(grid=not grid)),
            more,
            on_up=self.open_drawer,
            up="Show roots",
            up_icon="menu",
        )  # fmt: skip

    def _clip_bar(self, how: str, paths: list[str]) -> View:
        here = self.page[0] == "folder"
        count = "1 item" if len(paths) == 1 else f"{len(paths)} items"
        words = TextView(count if here else "Choose a folder", style="body_large", weight=1)
        return Row(
            words,
            Button("Cancel", kind="text", on_click=lambda: self.set(clip=None)),
            Button(how.title(), on_click=self._paste, enabled=here, id="button1"),
            spacing=8,
            width=MATCH,
            height=72,
            padding=(24, 0, 16, 0),
            background="surface_container",
        )

    # ------------------------------------------------------------ going about

    def _enter(self, path: str) -> None:
        names = [page[1].get("path") for page in self.saved["pages"]]
        if path in names:
            del self.saved["pages"][names.index(path) + 1 :]
            self._turn()
        else:
            self.open("folder", path=path)

    def _go(self, kind: str) -> None:
        if kind.startswith("/"):
            self.replace("folder", path=kind)
        else:
            self.replace("root", kind=kind)
            if kind:
                self.log("DirectoryFragment", f"Showing directory: document/{_LOGGED[kind]}", "D")
        if kind == DOWNLOADS:
            self.log("DirectoryFragment", "Showing directory: document/download", "D")

    def _open(self, entry: Entry) -> None:
        if entry.is_dir:
            self._enter(entry.path)
            return
        kind = "plain" if entry.kind == "Documents" else entry.ending
        kind = "text/html" if entry.ending in ("html", "htm") else f"{_MIME.get(entry.kind, 'application')}/{kind}"
        try:
            self.start(Intent(ACTION_VIEW, data=f"file://{entry.path}", type=kind))
        except LookupError:
            self.toast("No app can open this file")

    def on_back(self) -> bool:
        """Leave selection and search, then the folder, then the choice of a folder."""
        if self.leave_mode():
            return True
        if len(self.saved["pages"]) > 1:
            self.close()
            return True
        if self.saved.get("clip"):
            self.set(clip=None)
            return True
        if self.page[0] == "folder" or self.args["kind"]:
            self.replace("root", kind="")
            return True
        return False

    # ------------------------------------------------------------ what is done to files

    def _share(self) -> None:
        text = "\n".join(path.rpartition("/")[2] for path in self.chosen)
        try:
            extras = {"android.intent.extra.TEXT": text}
            self.start(Intent("android.intent.action.SEND", type="text/plain", extras=extras))
        except LookupError:
            self.toast("No app can share this")

    def _take(self, how: str) -> None:
        self.saved["clip"] = [how, self.chosen]
        self.unpick()

    def _paste(self) -> None:
        how, paths = self.saved.pop("clip")
        folder, done = self.args["path"], 0
        for path in paths:
            try:
                (self.folders.move if how == "move" else self.folders.copy)(path, folder)
                done += 1
            except OSError:
                self.toast(f"Cannot {how} {path.rpartition('/')[2]} here")
        if done:
            self.snackbar(f"{done} item{'' if done == 1 else 's'} {'moved' if how == 'move' else 'copied'}")
        self.invalidate()

    def _delete(self, paths: list[str]) -> None:
        for path in paths:
            if self.folders.exists(path):
                self.folders.delete(path)
        self.unpick()
        self.snackbar(f"{len(paths)} item{'' if len(paths) == 1 else 's'} deleted")

    def _name(self, path: str) -> None:
        """Take the name that has been typed: of an entry, or of a new folder if there is none."""
        name = self.find("file_name").text.strip()
        if not may_name(name):
            return
        self.dismiss()
        try:
            if path:
                self.folders.rename(path, name)
            else:
                self.folders.make_folder(f"{self.args['path']}/{name}")
        except FileExistsError:
            self.toast("There is something of this name already")
        self.unpick()

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, questions, the drawer, and the dialogs that name files."""
        if name == "drawer":
            return self._drawer()
        if name == "sort":
            return ChoiceDialog(
                "Sort by", SORTS, self.saved.get("sort", 0),
                lambda place: self.then(lambda: self.set(sort=place))(), self.dismiss,
            )  # fmt: skip
        if name == "delete":
            paths = args["paths"]
            one = paths[0].rpartition("/")[2]
            message = f'Delete "{one}"?' if len(paths) == 1 else f"Delete {len(paths)} items?"
            return confirm("", message, "OK", self.then(lambda: self._delete(paths)), self.dismiss)
        if name == "name":
            path = args["path"]
            field = EditText(path.rpartition("/")[2], hint="Name", margin=(24, 8), id="file_name")
            ok = partial(self._name, path)
            title = "Rename" if path else "New folder"
            return AlertDialog(title, field, buttons=(("Cancel", self.dismiss), ("OK", ok)))
        if name == "info":
            return self._info(self.folders.entry(args["path"]))
        return PopupMenu(self._menu_items(), args["at"])

    def _menu_items(self) -> list[tuple[str, Any]]:
        chosen = self.chosen
        if not chosen:
            hidden, back = bool(self.saved.get("hidden")), bool(self.saved.get("reverse"))
            items = [("Sort by...", self.then(lambda: self.show("sort"))),
                     ("Reverse order", self.then(lambda: self.set(reverse=not back))),
                     ("Select all", self.then(self._pick_all))]  # fmt: skip
            if self.page[0] == "folder":
                items.insert(0, ("New folder", self.then(lambda: self._ask_name(""))))
                words = "Hide hidden files" if hidden else "Show hidden files"
                items.append((words, self.then(lambda: self.set(hidden=not hidden))))
            return items
        items = [("Select all", self.then(self._pick_all)), ("Copy to...", self.then(lambda: self._take("copy"))),
                 ("Move to...", self.then(lambda: self._take("move")))]  # fmt: skip
        if len(chosen) == 1:
            items += [("Rename", self.then(lambda: self._ask_name(chosen[0]))),
                      ("Get info", self.then(lambda: self.show("info", path=chosen[0])))]  # fmt: skip
        return items

    def _ask_name(self, path: str) -> None:
        self.show("name", path=path)
        self.manager.focus("file_name")

    def _pick_all(self) -> None:
        paths = [entry.path for entry in self._entries()]
        if paths:
            self.change(selected=paths)

    def _info(self, entry: Entry) -> View:
        moment = self.local(entry.modified)
        facts = (
            ("Name", entry.name),
            ("Type", entry.type_words),
            ("Size", f"{len(self.folders.entries(entry.path))} items" if entry.is_dir else size_words(entry.size)),
            ("Modified", f"{day_words(moment.date())}, {time_words(moment)}"),
            ("Path", entry.path),
        )
        return facts_dialog("Info", facts, self.dismiss)

    def _drawer(self) -> View:
        here = self.args.get("path") if self.page[0] == "folder" else self.args["kind"]
        items: list[DrawerItem | str | None] = [
            DrawerItem(label, icon, partial(self._go, kind), kind == here) for label, icon, kind in ROOTS
        ]
        items.append(DrawerItem("Downloads", "download", partial(self._go, DOWNLOADS), here == DOWNLOADS))
        items.append(None)
        items.append(DrawerItem(self.model, "smartphone", partial(self._go, SHARED_STORAGE), here == SHARED_STORAGE))
        return self.drawer("Files", items)
