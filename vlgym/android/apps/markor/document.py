"""The activity that shows one file."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from vlgym.android.apps.markor.editor import Editor
from vlgym.android.apps.pages import confirm
from vlgym.android.ui.dialogs import PopupMenu
from vlgym.android.ui.material import ActionItem, Toolbar
from vlgym.android.ui.view import MATCH, Column, View

EXTRA_PATH, EXTRA_VIEW = "EXTRA_PATH", "EXTRA_DO_PREVIEW"


class Document(Editor):
    """The editor of one file, which it keeps when it is left."""

    first = "editor"

    def on_start(self) -> None:
        """Open the file of the intent."""
        super().on_start()
        path = str(self.intent.extras.get(EXTRA_PATH, "")) or unquote(self.intent.data.partition("://")[2])
        self.args.update(path=path, view=bool(self.intent.extras.get(EXTRA_VIEW, False)))
        if self.intent.extras.get("android.intent.extra.TEXT") and path:
            self.folders.write(path, str(self.intent.extras["android.intent.extra.TEXT"]).encode())

    def page_editor(self) -> View:
        """Return the app bar over the text."""
        name = self.args["path"].rpartition("/")[2]
        more = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        bar = Toolbar(name.rpartition(".")[0] or name, *self.tools(), more, on_up=self.on_back)
        return Column(bar, *self.editor(), width=MATCH, height=MATCH)

    def on_back(self) -> bool:
        """Save and leave."""
        self.save()
        self.finish()
        return True

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the menu, the facts, the question before a deletion."""
        path = self.args["path"]
        if name == "menu":
            return PopupMenu(
                (
                    ("Share", self.then(self.save, lambda: self.share(self.words))),
                    ("Info", self.then(self.save, lambda: self.show("info"))),
                    ("Delete", self.then(lambda: self.show("delete"))),
                ),
                args["at"],
            )
        if name == "info":
            return self.info_dialog(self.folders.entry(path))
        name = path.rpartition("/")[2]
        return confirm("Confirm delete", f"Delete {name}?", "OK", self.then(self._delete), self.dismiss)

    def _delete(self) -> None:
        if self.folders.exists(self.args["path"]):
            self.folders.delete(self.args["path"])
        self.finish()
