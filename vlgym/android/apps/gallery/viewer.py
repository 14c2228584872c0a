"""The gallery's viewer: one picture or clip at a time, swiped through."""

from __future__ import annotations

from typing import Any

from vlgym.android.apps.gallery.model import BIN, RECYCLED
from vlgym.android.apps.gallery.parts import image_of
from vlgym.android.apps.gallery.work import Worker
from vlgym.android.apps.media import Item, clip_length, draw_image, length_words
from vlgym.android.ui.material import ActionItem, Empty, Toolbar
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, Picture, SeekBar, TextView


class Viewer(Worker):
    """Shows what the intent names.

    Saved: "path", what is shown; "zoom", how much it is enlarged; "plain", the bars are hidden; "played" milliseconds
    of the clip before "since", the uptime at which it went on (0 while it rests).
    """

    def on_start(self) -> None:
        """Show the picture of the intent."""
        intent = self.intent
        path = str(intent.extras.get("path", "")) or intent.data.removeprefix("file://")
        self.saved["path"] = self.state.files.real(path) if path and self.state.files.exists(path) else path

    def _items(self) -> list[Item]:
        folder = str(self.intent.extras.get("directory", self.path.rpartition("/")[0]))
        return self.library.items(folder) if folder else self.library.all()

    @property
    def path(self) -> str:
        """What is shown."""
        return str(self.saved.get("path", ""))

    def chosen(self) -> list[str]:
        """Return what is shown."""
        return [self.path]

    def _place(self, items: list[Item]) -> int:
        return next((place for place, item in enumerate(items) if item.path == self.path), 0)

    def done(self) -> None:
        """Go on to the neighbour of a picture that is gone; leave an empty folder."""
        if not self.state.files.exists(self.path):
            items = self._items()
            if not items:
                self.finish()
                return
            place = min(int(self.saved.get("place", 0)), len(items) - 1)
            self.saved["path"] = items[place].path
        self.set(zoom=1, since=0, played=0)

    def renamed(self, path: str) -> None:
        """Go on showing the file."""
        self.set(path=path)

    # ------------------------------------------------------------ screen

    @property
    def tick_ms(self) -> int:
        """A clip that plays moves with every tenth of a second."""
        return 100 if self.saved.get("since") else 0

    def on_create(self) -> View:
        """Return the picture between two bars."""
        files = self.state.files
        if not self.path or not files.exists(self.path):
            return Column(
                Toolbar("", on_up=self.finish), Empty("The file could not be opened", "image_outline"), height=MATCH
            )
        image, zoom = image_of(files, self.path), float(self.saved.get("zoom", 1))

        def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
            p.clip(left, top, left + width, top + height)
            if image is not None:
                w, h = width * zoom, height * zoom
                draw_image(p, image, left + (width - w) / 2, top + (height - h) / 2, w, h, crop=False)
            p.unclip()

        name = self.path.rpartition("/")[2]
        picture = Picture(
            draw,
            width=MATCH,
            height=MATCH,
            id="gestures_view",
            content_desc=name,
            ripple=False,
            on_click=lambda: self.set(plain=not self.saved.get("plain")),
            on_double_tap=lambda: self.set(zoom=1 if zoom > 1 else 2, plain=not self.saved.get("plain")),
            on_swipe=self._swipe,
        )
        is_video = self.path.lower().endswith((".mp4", ".3gp"))
        middle = FrameLayout(picture, self._player() if is_video else None, width=MATCH, weight=1, id="view_pager")
        if self.saved.get("plain"):
            return Column(middle, width=MATCH, height=MATCH, background="black")
        return Column(self._bar(name), middle, self._actions(), width=MATCH, height=MATCH)

    def _bar(self, name: str) -> View:
        return Toolbar(
            name,
            ActionItem("info_outline", "Properties", lambda: self.show("properties"), "menu_properties"),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
            on_up=self.finish,
        )

    def _actions(self) -> View:
        liked = self.path in self.library.favourites()
        binned = self.path.startswith(BIN)

        def button(icon: str, label: str, act: Any, name: str) -> View:
            return ImageButton(icon, content_desc=label, on_click=act, colour="on_surface", weight=1, id=name)

        if binned:
            buttons = [button("restart_alt", "Restore this file", self._restore, "bottom_restore")]
        else:
            buttons = [
                button(
                    "star" if liked else "star_border",
                    "Toggle favorite" if not liked else "Remove from favorites",
                    lambda: self._like(not liked),
                    "bottom_favorite",
                ),
                button("rotate_right", "Rotate right", self._rotate, "bottom_rotate"),
                button("share", "Share", lambda: self.show("share"), "bottom_share"),
            ]
        buttons.append(button("delete_outline", "Delete", self._delete, "bottom_delete"))
        return Row(*buttons, width=MATCH, height=72, background="surface_container", id="bottom_actions_wrapper")

    def _player(self) -> View:
        length, at = clip_length(self.state.files.read(self.path)), self._at()
        playing = bool(self.saved.get("since")) and at < length
        button = ImageButton(
            "pause" if playing else "play_arrow",
            content_desc="Pause" if playing else "Play",
            colour=0xFFFFFFFF,
            size=40,
            width=72,
            height=72,
            background=0x99000000,
            gravity="center",
            on_click=self._toggle,
            id="video_toggle_play_pause",
        )
        line = Row(
            TextView(length_words(at), style="label_medium", colour=0xFFFFFFFF, id="video_curr_time"),
            SeekBar(at // 100, max(length // 100, 1), on_change=self._seek, weight=1, id="video_seekbar", width=MATCH),
            TextView(length_words(length), style="label_medium", colour=0xFFFFFFFF, id="video_duration"),
            width=MATCH,
            spacing=8,
            padding=(16, 0),
            background=0x99000000,
            gravity="bottom",
        )
        return FrameLayout(button, line, Space(), width=MATCH, height=MATCH)

    # ------------------------------------------------------------ playing

    def _at(self) -> int:
        since, played = int(self.saved.get("since", 0)), int(self.saved.get("played", 0))
        length = clip_length(self.state.files.read(self.path))
        return min(played + (self.state.clock.uptime_ms - since if since else 0), length)

    def _toggle(self) -> None:
        at, length = self._at(), clip_length(self.state.files.read(self.path))
        if self.saved.get("since") and at < length:
            self.set(played=at, since=0)
        else:
            self.set(played=0 if at >= length else at, since=self.state.clock.uptime_ms)

    def _seek(self, value: int) -> None:
        since = self.state.clock.uptime_ms if self.saved.get("since") else 0
        self.set(played=value * 100, since=since)

    # ------------------------------------------------------------ doing

    def _swipe(self, side: str) -> bool:
        if side == "down":
            self.finish()
            return True
        if side not in ("left", "right"):
            return False
        items = self._items()
        place = self._place(items) + (1 if side == "left" else -1)
        if 0 <= place < len(items):
            self.set(path=items[place].path, zoom=1, since=0, played=0)
        return True

    def _remember_place(self) -> None:
        self.saved["place"] = self._place(self._items())

    def _delete(self) -> None:
        self._remember_place()
        self.show("delete")

    def _restore(self) -> None:
        self._remember_place()
        self.library.restore([self.path])
        self.toast("Files restored")
        self.done()

    def _like(self, on: bool) -> None:
        self.library.like([self.path], on)
        self.invalidate()

    def _rotate(self) -> None:
        from vlgym.android.apps.gallery.turning import turned

        files = self.state.files
        data = turned(files.read(self.path), png=self.path.lower().endswith(".png"))
        if data:
            files.write(self.path, data)
            self.toast("Rotated")
        self.invalidate()

    def _menu_dialog(self, args: dict[str, Any]) -> View:
        def carry(move: bool) -> None:
            self._remember_place()
            self.show("carry", move=move)

        items: list[tuple[str, Any]] = [
            ("Rename", lambda: self.show("rename")),
            ("Copy to", lambda: carry(False)),
            ("Move to", lambda: carry(True)),
            ("Rotate right", self._rotate),
        ]
        if self.path.startswith(BIN) or self.intent.extras.get("directory") == RECYCLED:
            items = [("Restore this file", self._restore)]
        return self._menu_of(items, args["at"])
