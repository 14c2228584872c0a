"""Views that the apps about people share: round pictures of letters, search bars, bars of a selection."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem
from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.theme import Metrics
from vlgym.android.ui.view import MATCH, Column, LinearLayout, Row, View
from vlgym.android.ui.widgets import Divider, ImageButton, ImageView, Picture, TextView

_FACES = (0xFF3F6FB5, 0xFFB0573A, 0xFF4B8A4F, 0xFF8259A5, 0xFF2F8C94, 0xFFA8812A, 0xFFB24470, 0xFF5D6B7A)


def Avatar(name: str, size: float = 40, **attrs: Unpack[Attrs]) -> View:
    """Return a coloured disc with the first letter of a name, or a person for a bare number."""
    face = _FACES[zlib.crc32(name.encode()) % len(_FACES)]
    letter = name[:1].upper() if name[:1].isalpha() else ""
    attrs.setdefault("width", size)
    attrs.setdefault("height", size)
    if not letter:
        attrs.setdefault("background", face)
        attrs.setdefault("radius", size / 2)
        return Row(ImageView("person", size=size * 0.6, colour="white"), align="center", **attrs)

    def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
        radius = min(width, height) / 2
        p.circle(left + width / 2, top + height / 2, radius, face)
        points = radius * 1.0
        x = left + (width - text_width(letter, "Regular", points)) / 2
        p.text(letter, x, top + height / 2 - points / 2 + baseline("Regular", points, points), "Regular", points, _INK)

    return Picture(draw, **attrs)


_INK = 0xFFFFFFFF


def SearchBar(hint: str, on_click: Callable[[], object], *actions: ActionItem, icon: str = "search") -> LinearLayout:
    """Return the round bar at the head of a list that opens its search."""
    buttons = [
        ImageButton(a.icon, content_desc=a.label, on_click=a.on_click, id=a.id, colour="on_surface_variant")
        for a in actions
    ]
    bar = Row(
        ImageView(icon, margin=(16, 0, 12, 0), colour="on_surface_variant"),
        TextView(hint, style="body_large", colour="on_surface_variant", weight=1, lines=1),
        *buttons,
        width=MATCH,
        height=52,
        radius=26,
        background="surface_high",
        on_click=on_click,
        id="search_bar",
        content_desc=hint,
        padding=(0, 0, 4, 0),
    )
    return Column(bar, width=MATCH, padding=(16, 8, 16, 6))


def SearchField(
    hint: str, words: str, on_text: Callable[[str], object], on_close: Callable[[], object], clear: Callable[[], object]
) -> LinearLayout:
    """Return the open search: an arrow, the field, a button that empties it."""
    field = EditText(
        words, hint=hint, box="none", action="search", on_text=on_text, weight=1, width=0, id="search_view"
    )
    empty = ImageButton("close", content_desc="Clear search", on_click=clear, id="clear_search") if words else None
    row = Row(
        ImageButton("arrow_back", content_desc="Close search", on_click=on_close, colour="on_surface"),
        field,
        empty,
        width=MATCH,
        height=64,
        padding=(4, 0),
        spacing=4,
    )
    return Column(row, Divider(), width=MATCH)


def SelectionBar(count: int, on_close: Callable[[], object], *actions: ActionItem) -> LinearLayout:
    """Return the bar of a list in which things are being selected."""
    buttons = [
        ImageButton(a.icon, content_desc=a.label, on_click=a.on_click, id=a.id, colour="on_surface_variant")
        for a in actions
    ]
    return Row(
        ImageButton("close", content_desc="Close selection", on_click=on_close, colour="on_surface"),
        TextView(str(count), style="title_large", weight=1, margin=(8, 0), id="selection_count"),
        *buttons,
        width=MATCH,
        height=68,
        padding=(4, 0),
        background="surface_high",
    )


def Mark(size: float = 40) -> View:
    """Return the tick that stands for the picture of what is selected."""
    return Row(
        ImageView("check", colour="on_primary", size=size * 0.6),
        width=size,
        height=size,
        radius=size / 2,
        background="primary",
        align="center",
    )


def dp_width(metrics: Metrics) -> float:
    """Return the width of the display in dp."""
    return metrics.width / metrics.density
