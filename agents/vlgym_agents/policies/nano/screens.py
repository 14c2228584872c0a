"""Generic synthetic screens, drawn with Pillow, with exact labels: every glyph where it is, words, and what to tap."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym_agents.policies.nano.tokenizer import glyphs, invented_word, lexicon

SLOT, LINE = 4, 8
"""Pixels of a glyph label slot: width and height."""
_CELL = 16
_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "LiberationSans-Regular.ttf",
    "LiberationSans-Bold.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
)
_BUILT_IN_SHARE = 0.4

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """Attributes:
    image: uint8 [H, W, 3].
    glyphs: int64 [H / 8, W / 4], glyph class of each slot, 0 blank.
    words: the distinct words drawn.
    reads: int64 [H / 8, W / 16], index in `words` of the word that fills each cell, -1 none.
    labels: text of each widget.  boxes: where each is.
    """

    image: NDArray[np.uint8]
    glyphs: NDArray[np.int64]
    words: list[str]
    reads: NDArray[np.int64]
    labels: list[str]
    boxes: list[Box]


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size) if not name else ImageFont.truetype(name, size)


@lru_cache(maxsize=1)
def fonts() -> tuple[str, ...]:
    """Return the fonts found on this machine; "" is Pillow's own, which is always there."""
    found = []
    for name in _FONTS:
        try:
            _font(name, 12)
        except OSError:
            continue
        found.append(name)
    return ("", *found)


class Painter:
    """Draws screens; the same seed and fonts give the same screens.

    Args:
        seed: of the screens.
        held_out: draw only words kept out of training (True), or only the others (False); invented words go by hash.
    """

    def __init__(self, seed: int = 0, held_out: bool = False) -> None:
        self.rng = random.Random(seed)
        self.held_out = held_out
        self.pool = [word for word in lexicon() if is_held_out(word) == held_out]

    def word(self) -> str:
        """Return a word of this painter's half."""
        roll = self.rng.random()
        if roll < 0.6:
            return self.rng.choice(self.pool)
        if roll < 0.7:
            return (
                f"{self.rng.choice(['$', '', ''])}{self.rng.randint(0, 199)}{self.rng.choice(['', '.99', '.50', '%'])}"
            )
        while is_held_out(word := invented_word(self.rng)) != self.held_out:
            pass
        return word

    def screen(self, height: int = 128, width: int = 128, *, dense: bool = False) -> Screen:
        """Return one screen with widgets that do not overlap, or (`dense`) one full of lines of text, which teaches
        reading several times faster; sides are multiples of 8 and 16."""
        from PIL import Image, ImageDraw

        rng = self.rng
        back = tuple(rng.randint(200, 255) if rng.random() < 0.75 else rng.randint(0, 60) for _ in range(3))
        if rng.random() < 0.5:
            back = (back[0],) * 3
        picture = Image.new("RGB", (width, height), back)
        drawn = _Drawn(height, width)
        pen = ImageDraw.Draw(picture)
        below = rng.randint(0, 6)
        for _ in range(20 if dense else rng.randint(6, 12 + height * width // 2048)):
            label = " ".join(self._case(self.word()) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]) + 3 * dense))
            font = _font(self._face(), rng.choice((10, 11, 12, 12, 13, 14, 16)))
            padding = rng.randint(0, 2) if dense else rng.randint(2, 6)
            while " " in label and font.getlength(label) + 2 * padding >= width:
                label = label.rpartition(" ")[0]
            _, top, right, bottom = (int(edge) for edge in font.getbbox(label))
            w, h = right + 2 * padding, bottom + 2 * padding
            if w >= width or below * dense + h >= height:
                continue
            x, y = rng.randint(0, width - w - 1), below if dense else rng.randint(0, height - h - 1)
            if drawn.overlaps(box := (x, y, x + w, y + h)):
                continue
            below = y + h + 1
            ink = self._frame(pen, box, back)
            pen.text((x + padding, y + padding), label, font=font, fill=ink)
            drawn.write(label, font, x + padding, (y + padding + (top + bottom) // 2) // LINE)
            drawn.labels.append(label)
            drawn.boxes.append(box)
        image = np.asarray(picture)
        if rng.random() < 0.3:
            noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(1, 6), image.shape)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        return Screen(np.ascontiguousarray(image), drawn.glyphs, drawn.words, drawn.reads, drawn.labels, drawn.boxes)

    def _face(self) -> str:
        found = fonts()
        return "" if self.rng.random() < _BUILT_IN_SHARE else self.rng.choice(found)

    def _case(self, word: str) -> str:
        return self.rng.choice([word, word, word, word.capitalize(), word.capitalize(), word.upper()])

    def _frame(self, pen: Any, box: Box, back: tuple[int, ...]) -> tuple[int, ...]:
        """Draw a button or nothing; return an ink that can be read on it."""
        paper = back
        if self.rng.random() < 0.5:
            paper = tuple(self.rng.randint(0, 255) for _ in range(3))
            edge = tuple(self.rng.randint(0, 255) for _ in range(3))
            pen.rounded_rectangle(box, self.rng.choice([0, 0, 3, 5]), fill=paper, outline=edge)
        light = int(sum(paper) / 3)
        low, high = (0, max(light - 110, 0)) if light > 127 else (min(light + 110, 255), 255)
        return tuple(self.rng.randint(low, high) for _ in range(3))


class Gallery:
    """Screens that come again: drawing one costs more than a training step on it.

    Each call of `take` draws a quarter of the screens anew and hangs them in place of old ones.
    """

    def __init__(self, painter: Painter, *, dense: bool, room: int = 768) -> None:
        self.painter, self.dense, self.room = painter, dense, room
        self._hung: dict[tuple[int, int], list[Screen]] = {}

    def take(self, count: int, height: int, width: int) -> list[Screen]:
        """Return `count` screens of one size, a quarter of them new."""
        rng, hung = self.painter.rng, self._hung.setdefault((height, width), [])
        fresh = [
            self.painter.screen(height, width, dense=self.dense) for _ in range(max(count // 4, count - len(hung)))
        ]
        screens = fresh + rng.sample(hung, count - len(fresh))
        for screen in fresh:
            if len(hung) < self.room:
                hung.append(screen)
            else:
                hung[rng.randrange(self.room)] = screen
        return screens


class _Drawn:
    """What has been drawn so far, and its labels; see Screen."""

    def __init__(self, height: int, width: int) -> None:
        self.glyphs = np.zeros((height // LINE, width // SLOT), np.int64)
        self.reads = np.full((height // LINE, width // _CELL), -1, np.int64)
        self.words: list[str] = []
        self.labels: list[str] = []
        self.boxes: list[Box] = []
        self._shares = np.zeros(self.reads.shape, np.float32)

    def overlaps(self, box: Box) -> bool:
        """Return whether a box would cover a widget."""
        left, top, right, bottom = box
        return any(left < r and x < right and top < b and y < bottom for x, y, r, b in self.boxes)

    def write(self, label: str, font: Any, start: int, row: int) -> None:
        """Label one line of text by the advance of every glyph."""
        at = [start + font.getlength(label[:i]) for i in range(len(label) + 1)]
        done = 0
        for word in label.split(" "):
            left, right = at[done], at[done + len(word)]
            for i, glyph in enumerate(glyphs(word, len(word))):
                middle = (at[done + i] + at[done + i + 1]) / 2
                self.glyphs[row, min(int(middle) // SLOT, self.glyphs.shape[1] - 1)] = glyph
            name = word.lower()
            if name not in self.words:
                self.words.append(name)
            for column in range(int(left) // _CELL, min(int(right) // _CELL + 1, self.reads.shape[1])):
                share = min(right, (column + 1) * _CELL) - max(left, column * _CELL)
                if share > max(self._shares[row, column], 5):
                    self._shares[row, column] = share
                    self.reads[row, column] = self.words.index(name)
            done += len(word) + 1


def is_held_out(word: str) -> bool:
    """Return whether a word is kept out of the training screens (about one in eight)."""
    return sum(ord(letter) * (i + 3) for i, letter in enumerate(word)) % 8 == 0
