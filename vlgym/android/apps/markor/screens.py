"""The notebook: its folders, the to-do list, the quick note, and what else there is."""

from __future__ import annotations

from functools import partial
from typing import Any

from vlgym.android.apps.folders import SORTS, Entry, may_name, size_words
from vlgym.android.apps.markor.document import EXTRA_PATH
from vlgym.android.apps.markor.editor import Editor
from vlgym.android.apps.pages import confirm, day_words, time_words
from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import (
    ActionItem,
    BottomNavigation,
    Destination,
    Dropdown,
    Empty,
    FloatingActionButton,
    ListItem,
    Section,
    SwitchItem,
    Toolbar,
)
from vlgym.android.ui.scroll import RecyclerView, ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, View
from vlgym.android.ui.widgets import Button, ImageView, TextView

HOME = f"{SHARED_STORAGE}/Documents/Markor"
TODO, QUICK = f"{HOME}/todo.txt", f"{HOME}/QuickNote.md"
PLACES = (
    Destination("Files", "folder"),
    Destination("To-Do", "checklist"),
    Destination("QuickNote", "note"),
    Destination("More", "more_horiz"),
)
PAGES = ("home", "todo", "quick", "more")
KINDS = (("Markdown", ".md"), ("Plain text", ".txt"), ("To-do list", ".todo.txt"), ("CSV", ".csv"))


class Main(Editor):
    """The notebook. Pages: home, a folder; todo, quick, more. Saved besides: "folder", "sort", "hidden", "clip"."""

    foot = "surface_container"
    snackbar_lift = 80.0

    def on_start(self) -> None:
        """Begin in the notebook's folder."""
        super().on_start()
        self.saved["folder"] = HOME

    @property
    def folder(self) -> str:
        """The folder shown; the notebook's own if it is gone."""
        path = str(self.saved["folder"])
        return path if self.folders.exists(path) else HOME

    @property
    def chosen(self) -> list[str]:
        """Paths of the selected entries that still exist."""
        return [path for path in self.args.get("selected", ()) if self.folders.exists(path)]

    def _entries(self) -> list[Entry]:
        sort, back = self.saved.get("sort", 0), bool(self.saved.get("reverse"))
        hidden = bool(self.saved.get("hidden"))
        if self.args.get("search"):
            words = str(self.args.get("words", "")).lower()
            found = [entry for entry in self.folders.walk(self.folder) if words in entry.name.lower()]
            return self.folders.sort(found, sort, reverse=back)
        return self.folders.entries(self.folder, sort, hidden=hidden, reverse=back)

    # ------------------------------------------------------------ files

    def page_home(self) -> View:
        """Return the folder."""
        entries, chosen = self._entries(), self.chosen
        up = self.folder != SHARED_STORAGE and not self.args.get("search")

        def item(place: int) -> View:
            if up and place == 0:
                return ListItem("..", self.folder.rpartition("/")[0], icon="folder_outline", on_click=self._go_up,
                                content_desc="Parent folder")  # fmt: skip
            return self._row(entries[place - up], chosen)

        body: View = RecyclerView(len(entries) + up, item, item_height=72, width=MATCH, height=MATCH, id="files",
                                  padding=(0, 0, 0, 88))  # fmt: skip
        if not entries and not up:
            body = Empty("Nothing found", "folder_open")
        add = FloatingActionButton("add", "Create a new file or folder", self._ask_new, id="fab_add_new_item")
        clip = self.saved.get("clip")
        page = FrameLayout(body, None if chosen or clip else add, width=MATCH, weight=1)
        foot = self._clip_bar(*clip) if clip else self._places(0)
        return Column(self._bar(chosen), page, foot, width=MATCH, height=MATCH)

    def _clip_bar(self, how: str, paths: list[str]) -> View:
        return Row(
            TextView("1 item" if len(paths) == 1 else f"{len(paths)} items", style="body_large", weight=1),
            Button("Cancel", kind="text", on_click=lambda: self.set(clip=None)),
            Button(f"{how.title()} here", on_click=self._paste, id="paste"),
            spacing=8,
            width=MATCH,
            height=80,
            padding=(24, 0, 16, 0),
            background="surface_container",
        )

    def _row(self, entry: Entry, chosen: list[str]) -> View:
        moment = self.local(entry.modified)
        when = f"{day_words(moment.date())}, {time_words(moment)}"
        about = when if entry.is_dir else f"{when}, {size_words(entry.size)}"
        marked = entry.path in chosen
        act = partial(self.pick, entry.path) if chosen else partial(self._open, entry)
        icon = ImageView("check_circle" if marked else entry.icon, colour="primary" if marked or entry.is_dir else
                         "on_surface_variant")  # fmt: skip
        return ListItem(
            entry.name,
            about,
            lead=icon,
            selected=marked,
            background="secondary_container" if marked else "",
            on_click=act,
            on_long_click=partial(self.pick, entry.path),
        )

    def _bar(self, chosen: list[str]) -> View:
        if chosen:
            one = chosen[0]
            return self.selection_bar(
                str(len(chosen)),
                *(
                    [ActionItem("drive_file_rename_outline", "Rename", lambda: self.show("rename", path=one))]
                    if len(chosen) == 1
                    else []
                ),
                ActionItem("drive_file_move", "Move", lambda: self._take("move")),
                ActionItem("delete", "Delete", lambda: self.show("delete", paths=chosen)),
                ActionItem("more_vert", "More options", lambda: self.menu("chosen_menu", "overflow"), "overflow"),
            )
        if self.args.get("search"):
            return self.search_bar("Search files")
        name = "Internal storage" if self.folder == SHARED_STORAGE else self.folder.rpartition("/")[2]
        return Toolbar(
            name,
            ActionItem("search", "Search", self.search),
            ActionItem("sort", "Sort by", lambda: self.show("sort")),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
        )

    def _places(self, here: int) -> View:
        return BottomNavigation(PLACES, here, lambda place: self._go(PAGES[place]))

    def _go(self, page: str) -> None:
        if page == self.page[0]:
            return
        if self.page[0] in ("todo", "quick"):
            self.save()
        path = {"todo": TODO, "quick": QUICK}.get(page)
        self.replace(page, **({"path": path, "view": False} if path else {}))

    def _open(self, entry: Entry) -> None:
        if entry.is_dir:
            self._enter(entry.path)
        elif entry.kind in ("Images", "Audio", "Videos"):
            self.toast("This is not a text file")
        else:
            self._open_document(entry.path)

    def _open_document(self, path: str) -> None:
        self.start("net.gsantner.markor/net.gsantner.markor.activity.DocumentActivity", **{EXTRA_PATH: path})

    def _enter(self, path: str) -> None:
        self.saved["folder"] = path
        self.replace("home")

    def _go_up(self) -> None:
        self._enter(self.folder.rpartition("/")[0])

    def on_back(self) -> bool:
        """Leave selection and search, then the folder, then the tab."""
        if self.page[0] in ("todo", "quick"):
            self.save()
        if self.leave_mode():
            return True
        if self.page[0] == "home" and self.saved.get("clip"):
            self.set(clip=None)
            return True
        if self.page[0] == "home" and self.folder.startswith(HOME + "/"):
            self._go_up()
            return True
        return super().on_back()

    # ------------------------------------------------------------ what is done to files

    def _take(self, how: str) -> None:
        self.saved["clip"] = [how, self.chosen]
        self.unpick()

    def _paste(self) -> None:
        how, paths = self.saved.pop("clip")
        done = 0
        for path in paths:
            try:
                (self.folders.move if how == "move" else self.folders.copy)(path, self.folder)
                done += 1
            except OSError:
                self.toast(f"Cannot {how} {path.rpartition('/')[2]} here")
        self.invalidate()
        if done:
            self.snackbar(f"{done} {'moved' if how == 'move' else 'copied'}")

    def _ask_new(self) -> None:
        self.show("new", kind=0)
        self.manager.focus("new_file_dialog__name")

    def _make(self, args: dict[str, Any], folder: bool) -> None:
        name = self.find("new_file_dialog__name").text.strip()
        ending = KINDS[args["kind"]][1]
        if not folder and not any(name.endswith(known) for _, known in KINDS):
            name += ending
        if not may_name(name.removesuffix(ending) or name) or not may_name(name):
            return
        path = f"{self.folder}/{name}"
        self.dismiss()
        if folder and not self.folders.exists(path):
            self.folders.make_folder(path)
            self._enter(path)
        elif self.folders.exists(path):
            self.toast("A file of this name exists already")
        else:
            self.folders.write(path, b"")
            self._open_document(path)

    def _rename(self, path: str) -> None:
        name = self.find("rename_name").text.strip()
        if not may_name(name):
            return
        self.dismiss()
        try:
            self.folders.rename(path, name)
        except FileExistsError:
            self.toast("A file of this name exists already")
        self.unpick()

    def _delete(self, paths: list[str]) -> None:
        for path in paths:
            if self.folders.exists(path):
                self.folders.delete(path)
        self.unpick()
        self.snackbar(f"{len(paths)} deleted")

    # ------------------------------------------------------------ the other tabs

    def page_todo(self) -> View:
        """Return the to-do list's text."""
        return self._text_tab(1)

    def page_quick(self) -> View:
        """Return the quick note's text."""
        return self._text_tab(2)

    def _text_tab(self, place: int) -> View:
        self.editor_page = PAGES[place]
        bar = Toolbar(PLACES[place].label, *self.tools())
        return Column(bar, *self.editor(), self._places(place), width=MATCH, height=MATCH)

    def page_more(self) -> View:
        """Return settings and facts."""
        notes = sum(1 for _ in self.folders.walk(HOME)) if self.folders.exists(HOME) else 0
        rows: list[View] = [
            Section("Notebook"),
            ListItem("Notebook folder", HOME, icon="folder"),
            ListItem("Notes", f"{notes} files", icon="description"),
            Section("File browser"),
            ListItem("Sort by", SORTS[self.saved.get("sort", 0)], icon="sort", on_click=lambda: self.show("sort")),
            SwitchItem(
                "Show hidden files", bool(self.saved.get("hidden")), lambda on: self.set(hidden=on), icon="visibility"
            ),
            SwitchItem("Reverse order", bool(self.saved.get("reverse")), lambda on: self.set(reverse=on), icon="swipe"),
        ]
        body = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="more")
        return Column(Toolbar("More"), body, self._places(3), width=MATCH, height=MATCH)

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, questions and the dialogs that name files."""
        if name == "sort":
            return ChoiceDialog(
                "Sort by", SORTS, self.saved.get("sort", 0),
                lambda place: self.then(lambda: self.set(sort=place))(), self.dismiss,
            )  # fmt: skip
        if name == "new":
            return self._new_dialog(args)
        if name == "kind":
            new = next(dialog["args"] for dialog in self.record["dialogs"] if dialog["name"] == "new")
            return PopupMenu([(label, self.then(partial(self._choose_kind, new, place)))
                              for place, (label, _) in enumerate(KINDS)], args["at"])  # fmt: skip
        if name == "rename":
            field = EditText(args["path"].rpartition("/")[2], hint="Name", margin=(24, 8), id="rename_name")
            ok = partial(self._rename, args["path"])
            return AlertDialog("Rename", field, buttons=(("Cancel", self.dismiss), ("OK", ok)))
        if name == "delete":
            names = "\n".join(path.rpartition("/")[2] for path in args["paths"])
            act = self.then(lambda: self._delete(args["paths"]))
            return confirm("Confirm delete", f"Do you really want to delete these?\n\n{names}", "OK", act, self.dismiss)
        if name == "info":
            return self.info_dialog(self.folders.entry(args["path"]))
        if name == "chosen_menu":
            return self._chosen_menu(args)
        return PopupMenu(
            (
                ("New folder or file", self.then(self._ask_new)),
                ("Go to notebook", self.then(lambda: self._enter(HOME))),
                ("Select all", self.then(self._pick_all)),
            ),
            args["at"],
        )

    def _pick_all(self) -> None:
        paths = [entry.path for entry in self._entries()]
        if paths:
            self.change(selected=paths)

    def _chosen_menu(self, args: dict[str, Any]) -> View:
        chosen = self.chosen
        items = [("Copy", self.then(lambda: self._take("copy"))), ("Select all", self.then(self._pick_all))]
        if len(chosen) == 1:
            entry = self.folders.entry(chosen[0])
            items.append(("Info", self.then(lambda: self.show("info", path=entry.path))))
            if not entry.is_dir:
                text = self.state.files.read(entry.path).decode("utf-8", "replace")
                items.append(("Share", self.then(lambda: self.share(text))))
        return PopupMenu(items, args["at"])

    def _choose_kind(self, args: dict[str, Any], place: int) -> None:
        args["kind"] = place
        self.invalidate()

    def _new_dialog(self, args: dict[str, Any]) -> View:
        label, ending = KINDS[args["kind"]]
        name = EditText("", hint="Name", margin=(24, 0, 24, 12), id="new_file_dialog__name")
        kind = Dropdown(
            "Type", f"{label} ({ending})", lambda: self.menu("kind", "new_file_dialog__type"), margin=(24, 0),
            width=272, id="new_file_dialog__type",
        )  # fmt: skip
        return AlertDialog(
            "Create a new file or folder",
            name,
            kind,
            buttons=(
                ("Folder", partial(self._make, args, True)),
                ("Cancel", self.dismiss),
                ("OK", partial(self._make, args, False)),
            ),
        )
