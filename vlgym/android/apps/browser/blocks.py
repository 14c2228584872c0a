"""Pages of blocks as views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vlgym.android.apps.media import draw_svg
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.paint import Painter, text_width
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import Button, Divider, Picture, TextView, ToggleChip
from vlgym.core import site as parts
from vlgym.core.site import Block, Page

if TYPE_CHECKING:
    from vlgym.android.ui.theme import Metrics

SIDE = 16
"""Margin of a page, dp."""
_HEADINGS = {1: "headline_small", 2: "title_large"}
_TEXTS = {"plain": "body_large", "strong": "title_medium", "small": "body_medium", "price": "title_large"}


class PageView:
    """Makes the views of a page.

    Args:
        metrics: of the display.
        follow: called with the address of a link.
        send: called with a button's address; `texts` then tells what is in the fields.
    """

    def __init__(self, metrics: Metrics, follow: Callable[[str], object], send: Callable[[str], object]) -> None:
        self.metrics, self.follow, self.send = metrics, follow, send
        self.width = metrics.width / metrics.density - 2 * SIDE
        self.fields: list[EditText] = []
        self._first_button = ""
        self._last_field: Block | None = None

    def build(self, page: Page) -> View:
        """Return the column of a page's blocks."""
        views: list[View] = []
        self._first_button = next((b.url for b in page.blocks if isinstance(b, parts.Button)), "")
        self._last_field = next((b for b in reversed(page.blocks) if isinstance(b, parts.Field)), None)
        for kind, group in groupby(page.blocks, key=lambda block: type(block)):
            if kind is parts.Option:
                views += self._options(list(group))  # type: ignore[arg-type]
            else:
                views += [self._view(block) for block in group]
        band = View(width=MATCH, height=4, background=page.colour) if page.colour else None
        body = Column(*views, width=MATCH, spacing=10, padding=(SIDE, 16, SIDE, 48))
        return Column(band, body, width=MATCH)

    def texts(self, find: Callable[[str], Any]) -> Mapping[str, str]:
        """Return what is in the fields, by name."""
        return {field.id.removeprefix("field_"): find(field.id).text for field in self.fields}

    # ------------------------------------------------------------ blocks

    def _view(self, block: Block) -> View:
        make: Callable[[Any], View] = getattr(self, f"_{type(block).__name__.lower()}")
        return make(block)

    def _heading(self, block: parts.Heading) -> View:
        return TextView(block.text, style=_HEADINGS.get(block.level, "title_medium"), margin=(0, 6, 0, 2))

    def _paragraph(self, block: parts.Paragraph) -> View:
        if block.style == "bullet":
            dot = View(
                width=6, height=6, radius=3, background="on_surface_variant", gravity="top", margin=(4, 9, 10, 0)
            )
            return Row(dot, TextView(block.text, style="body_large", weight=1), width=MATCH)
        colour = "on_surface_variant" if block.style == "small" else "on_surface"
        return TextView(block.text, style=_TEXTS[block.style], colour=colour)

    def _figure(self, block: parts.Figure) -> View:
        height = self.width * block.height / 100

        def draw(p: Painter, left: int, top: int, width: int, tall: int) -> None:
            p.round(left, top, left + width, top + tall, self.metrics.dp(12), self.metrics.colour("surface_container"))
            draw_svg(p, block.svg, left + (width - tall) / 2, top, tall, tall)

        return Picture(draw, width=MATCH, height=height, content_desc=block.text, radius=12)

    def _link(self, block: parts.Link) -> View:
        act = lambda: self.follow(block.url)  # noqa: E731
        if not block.svg and not block.notes:
            text = TextView(block.text, style="body_large", colour="primary")
            return Row(text, min_height=40, padding=(0, 4), radius=8, on_click=act, android_class="android.view.View")

        def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
            p.clip(left, top, left + width, top + height, self.metrics.dp(8))
            draw_svg(p, block.svg, left, top, width, height)
            p.unclip()

        words = Column(
            TextView(block.text, style="body_large", colour="primary", lines=3),
            *(TextView(note, style="body_medium", colour="on_surface_variant", lines=2) for note in block.notes),
            weight=1,
            spacing=2,
        )
        return Row(
            Picture(draw, width=88, height=88) if block.svg else None,
            words,
            width=MATCH,
            spacing=14,
            padding=12,
            radius=12,
            background="surface_low",
            on_click=act,
            android_class="android.view.View",
        )

    def _options(self, options: Sequence[parts.Option]) -> list[View]:
        """Return chips in as many rows as they need."""
        weight, size, _ = self.metrics.type("label_large")
        room, used = self.metrics.dp(self.width), 0.0
        rows: list[list[View]] = []
        row: list[View] = []
        for option in options:
            chip = ToggleChip(
                option.text,
                option.chosen,
                on_change=partial(self._choose, option.url),
                min_height=36,
                content_desc=option.text,
            )
            wide = text_width(option.text, weight, size) + self.metrics.dp(40)
            if row and used + wide > room:
                rows.append(row)
                row, used = [], 0.0
            row.append(chip)
            used += wide
        return [Row(*chips, spacing=8, width=MATCH) for chips in (*rows, row)]

    def _choose(self, url: str, on: bool) -> None:
        self.follow(url)

    def _field(self, block: parts.Field) -> View:
        kind = {"number": "number", "multiline": "multiline"}.get(block.kind, "text")
        field = EditText(
            block.value,
            hint=block.label,
            kind=kind,
            action="go" if block is self._last_field else "next",
            on_submit=lambda _: self.send(self._first_button) if self._first_button else None,
            content_desc=block.label,
            id=f"field_{block.name}",
        )
        self.fields.append(field)
        return field

    def _button(self, block: parts.Button) -> View:
        return Button(
            block.text,
            kind="filled" if block.kind == "main" else "outlined",
            width=MATCH,
            height=48,
            on_click=lambda: self.send(block.url),
        )

    def _rule(self, block: parts.Rule) -> View:
        return Divider(margin=(0, 8))
