"""Text as pixels: a bitmap face that is the same on every machine, read from font.txt.

font.txt holds one glyph a line: the character, then its rows as hexadecimal grey levels. It was drawn from Pillow's
built-in face (Aileron Regular, CC0) at 12 pixels by ``python -m vlgym.desk.font > vlgym/desk/font.txt``.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import require

SIZE, HEIGHT = 12, 15
"""Pixels: of the face, of a line."""

Colour = tuple[int, int, int]
Patch = NDArray[np.uint8]


@lru_cache(maxsize=1)
def _glyphs() -> dict[str, NDArray[np.float32]]:
    """Return character -> float32 [HEIGHT, advance], how much ink covers each pixel."""
    lines = resources.files("vlgym.desk").joinpath("font.txt").read_text(encoding="utf-8").splitlines()
    grey = {line[0]: [[int(digit, 16) for digit in row] for row in line[2:].split("/")] for line in lines}
    return {letter: np.divide(rows, 15, dtype=np.float32) for letter, rows in grey.items()}


def width_of(text: str) -> int:
    """Return the width of a text in pixels."""
    glyphs = _glyphs()
    return sum(glyphs.get(letter, glyphs["?"]).shape[1] for letter in text)


@lru_cache(maxsize=1 << 12)
def write(text: str, ink: Colour, paper: Colour) -> Patch:
    """Return a text in one line, uint8 [HEIGHT, width, 3]; characters that the face lacks are question marks."""
    glyphs = _glyphs()
    parts = [np.zeros((HEIGHT, 0), np.float32), *(glyphs.get(letter, glyphs["?"]) for letter in text)]
    return blend(ink, paper, np.concatenate(parts, 1))


def blend(ink: Colour, paper: Colour, cover: NDArray[np.floating]) -> Patch:
    """Return uint8 [H, W, 3]: ink where `cover` [H, W] is 1, paper where it is 0."""
    share = cover[..., None]
    mixed: Patch = np.rint(np.array(paper) * (1 - share) + np.array(ink) * share).astype(np.uint8)
    return mixed


def _draw_face() -> None:
    """Print font.txt."""
    require("PIL", extra="train", purpose="Drawing the face anew")
    from PIL import Image, ImageDraw, ImageFont

    face = ImageFont.load_default(SIZE)
    for letter in map(chr, range(32, 127)):
        picture = Image.new("L", (round(face.getlength(letter)), HEIGHT))
        ImageDraw.Draw(picture).text((0, 0), letter, font=face, fill=255)
        rows = ["".join(f"{round(level / 17):x}" for level in row) for row in np.asarray(picture).tolist()]
        print(letter, "/".join(rows))


if __name__ == "__main__":
    _draw_face()
