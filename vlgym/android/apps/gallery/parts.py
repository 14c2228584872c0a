"""Pieces of the gallery's screens: thumbnails, tiles and the bar of a selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from vlgym.android.apps.media import Item, clip_length, clip_picture, decode, draw_image, length_words
from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, FrameLayout, View
from vlgym.android.ui.widgets import ImageView, Picture, TextView

if TYPE_CHECKING:
    from vlgym.android.state.files import FileSystem


def image_of(files: FileSystem, path: str) -> Any:
    """Return the skia image of a picture or of a clip, None for what cannot be read."""
    data = files.read(path)
    return decode(clip_picture(data) if path.lower().endswith((".mp4", ".3gp")) else data)


def thumbnail(files: FileSystem, item: Item | None, corner: float, **attrs: Unpack[Attrs]) -> Picture:
    """Return a picture cut to a box with round corners."""
    image = image_of(files, item.path) if item is not None else None

    def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
        metrics = view.metrics
        p.clip(left, top, left + width, top + height, metrics.dp(corner) if corner else 0.0)
        p.rect(left, top, left + width, top + height, metrics.colour("surface_highest"))
        if image is not None:
            draw_image(p, image, left, top, width, height, crop=True)
        p.unclip()

    view = Picture(draw, **attrs)
    return view


def tile(
    files: FileSystem, item: Item, *, picked: bool, liked: bool, named: bool = False, **attrs: Unpack[Attrs]
) -> View:
    """Return a cell of the grid: the picture, the length of a clip, marks of selection and favour."""
    length = clip_length(files.read(item.path)) if item.is_video else 0
    words = f"{item.name}, video {length_words(length)}" if item.is_video else item.name
    attrs.setdefault("content_desc", words)
    return FrameLayout(
        thumbnail(files, item, 0, width=MATCH, height=MATCH, margin=12 if picked else 0, id="medium_thumbnail"),
        ImageView("check_circle", colour="primary", size=26, gravity="top|right", margin=6, id="medium_check")
        if picked
        else None,
        ImageView("favorite", colour=0xFFFFFFFF, size=18, gravity="bottom|left", margin=8) if liked else None,
        ImageView("play_arrow", colour=0xFFFFFFFF, size=44, gravity="center", id="play_outline")
        if item.is_video
        else None,
        TextView(
            length_words(length),
            style="label_medium",
            colour=0xFFFFFFFF,
            background=0x99000000,
            radius=6,
            padding=(6, 2),
            gravity="bottom|right",
            margin=6,
            id="video_duration",
        )
        if item.is_video
        else None,
        TextView(
            item.name,
            style="label_small",
            colour=0xFFFFFFFF,
            background=0x99000000,
            padding=(4, 2),
            lines=2,
            width=MATCH,
            gravity="bottom",
            id="medium_name",
        )
        if named
        else None,
        **attrs,
    )
