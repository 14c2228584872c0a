"""Scenes: what the camera sees and what the photos on the phone show, painted from a number.

Own artwork: a handful of motifs, each with seeded colours and places, drawn by skia and encoded as JPEG.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from vlgym.android.ui.paint import BOLD, REGULAR, Painter, Recording, skia, text_width

WIDTH, HEIGHT = 480, 640
"""Size of a photo in pixels."""


def _path(points: Sequence[tuple[float, float]]) -> Any:
    path = skia.Path()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    path.close()
    return path


def _ridge(p: Painter, rng: random.Random, base: float, height: float, colour: int, steps: int = 7) -> None:
    points = [(0.0, float(HEIGHT))]
    for step in range(steps + 1):
        points.append((WIDTH * step / steps, base - height * rng.random()))
    p.path(_path([*points, (WIDTH, HEIGHT)]), colour)


def _sky(p: Painter, rng: random.Random, *pairs: tuple[int, int]) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, rng.choice(pairs))


def _mountains(p: Painter, rng: random.Random) -> None:
    _sky(p, rng, (0xFF6FA8DC, 0xFFE9F1F7), (0xFFF29E6D, 0xFFFBE3C8), (0xFF4A6FA5, 0xFFC9D7EA))
    p.circle(90 + 300 * rng.random(), 130, 40, 0xFFFFF3C4)
    for base, colour in ((330, 0xFF8FA3B8), (400, 0xFF61788F), (480, 0xFF3F5767)):
        _ridge(p, rng, base, 170, colour)
    p.gradient(0, 500, WIDTH, HEIGHT, (0xFF5B86A6, 0xFF2E4E68))
    for line in range(6):
        y = 520 + 20 * line
        p.line(60 + 40 * rng.random(), y, 260 + 160 * rng.random(), y, 0x55FFFFFF, 3)


def _beach(p: Painter, rng: random.Random) -> None:
    _sky(p, rng, (0xFF58B4E5, 0xFFDDF2FA), (0xFFF7B267, 0xFFF4845F))
    p.circle(120 + 250 * rng.random(), 150, 45, 0xFFFFF0B3)
    p.rect(0, 300, WIDTH, 430, 0xFF2A8CB0)
    for line in range(4):
        p.line(0, 330 + 28 * line, WIDTH, 330 + 28 * line, 0x44FFFFFF, 4)
    p.rect(0, 430, WIDTH, HEIGHT, 0xFFF0D9A8)
    x = 120 + 220 * rng.random()
    p.line(x, 400, x + 14, 590, 0xFF8A5A35, 8)
    shade = rng.choice((0xFFE4572E, 0xFF2E86AB, 0xFFA23B72, 0xFF3BB273))
    top = skia.Path()
    top.moveTo(x - 110, 440)
    top.quadTo(x - 10, 290, x + 110, 415)
    top.close()
    p.path(top, shade)
    p.round(x + 60, 575, x + 180, 600, 8, rng.choice((0xFFE9C46A, 0xFF5FA8D3)))


def _city(p: Painter, rng: random.Random) -> None:
    _sky(p, rng, (0xFF2B2D5B, 0xFFE58E73), (0xFF5C7FA3, 0xFFDCE6EE), (0xFF10132E, 0xFF3B3F73))
    x = -20.0
    while x < WIDTH:
        width, height = rng.randint(55, 105), rng.randint(170, 430)
        face = rng.choice((0xFF2F3A4A, 0xFF46566B, 0xFF3A3F58, 0xFF59606F))
        p.rect(x, HEIGHT - height, x + width, HEIGHT, face)
        for row in range(int(height // 34)):
            for column in range(int(width // 24)):
                lit = rng.random() < 0.55
                left, top = x + 9 + 24 * column, HEIGHT - height + 14 + 34 * row
                p.rect(left, top, left + 12, top + 18, 0xFFF6D186 if lit else 0xFF222A38)
        x += width + rng.randint(2, 14)


def _forest(p: Painter, rng: random.Random) -> None:
    _sky(p, rng, (0xFFBFD8C8, 0xFFF1F6EC), (0xFFF2C57C, 0xFFF7EBD3))
    for layer, colour in enumerate((0xFF8FB59B, 0xFF4F8163, 0xFF2B5540)):
        for place in range(7):
            x = WIDTH * (place + rng.random()) / 7
            base, height = 470 + 75 * layer, rng.randint(220, 330)
            p.rect(x - 7, base - 20, x + 7, base + 40, 0xFF5A4632)
            for part in range(3):
                top = base - height + part * height * 0.27
                spread = 34 + 20 * part
                p.path(_path([(x, top), (x - spread, top + height * 0.42), (x + spread, top + height * 0.42)]), colour)
    p.rect(0, 610, WIDTH, HEIGHT, 0xFF38563F)


def _flowers(p: Painter, rng: random.Random) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, rng.choice(((0xFFBFE3C0, 0xFF4D8B55), (0xFFDCEBF7, 0xFF6FA35F))))
    for _ in range(9):
        x, y, size = 50 + 380 * rng.random(), 110 + 380 * rng.random(), rng.randint(26, 46)
        p.line(x, y, x + 20 * rng.random() - 10, HEIGHT, 0xFF3B6E3F, 6)
        colour = rng.choice((0xFFE63946, 0xFFF4A261, 0xFFB56BC9, 0xFFF7F7F7, 0xFFFFC8DD))
        for petal in range(7):
            angle = petal * 2 * math.pi / 7
            p.circle(x + math.cos(angle) * size * 0.8, y + math.sin(angle) * size * 0.8, size * 0.5, colour)
        p.circle(x, y, size * 0.48, 0xFFF2C14E)


def _cup(p: Painter, rng: random.Random) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, rng.choice(((0xFFE7D8C9, 0xFFC9B29B), (0xFFD5DEE7, 0xFFAAB8C5))))
    p.gradient(0, 380, WIDTH, HEIGHT, (0xFF9A6B43, 0xFF6E4A2D))
    colour = rng.choice((0xFFFFFFFF, 0xFF2A9D8F, 0xFFE76F51, 0xFF264653))
    p.round(90, 480, 390, 510, 15, 0xFFF1EDE6)
    p.circle(345, 385, 52, colour, 22)
    p.round(140, 300, 340, 490, 46, colour)
    p.round(140, 285, 340, 330, 22, 0xFFEFE7DC)
    p.round(156, 294, 324, 322, 14, 0xFF5B3A21)
    for line in range(3):
        x, bend = 190 + 50 * line, 14 * rng.random()
        p.line(x, 265, x + bend, 225, 0x88FFFFFF, 8)
        p.line(x + bend, 225, x - bend, 180, 0x66FFFFFF, 8)


def _cat(p: Painter, rng: random.Random) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, rng.choice(((0xFFF0C9A8, 0xFFD98E73), (0xFFBFD7EA, 0xFF7EA0BD))))
    fur = rng.choice((0xFF3D3D45, 0xFFD9843B, 0xFF8D8D97, 0xFFEDE3D3))
    p.round(110, 420, 370, 720, 120, fur)
    for side in (-1, 1):
        x = 240 + side * 100
        p.path(_path([(x - 55, 290), (x + side * 25, 130), (x + 55, 290)]), fur)
        p.path(_path([(x - 25, 270), (x + side * 15, 180), (x + 28, 270)]), 0xFFE8A0A0)
    p.circle(240, 340, 150, fur)
    for side in (-1, 1):
        p.circle(240 + side * 60, 320, 34, rng.choice((0xFFB8D86B, 0xFFF2D15C)))
        p.round(240 + side * 60 - 8, 292, 240 + side * 60 + 8, 348, 8, 0xFF15151A)
        for whisker in range(3):
            y = 385 + 16 * whisker
            p.line(240 + side * 40, y, 240 + side * 165, y - 14 + 14 * whisker, 0xCCFFFFFF, 3)
    p.path(_path([(222, 372), (258, 372), (240, 394)]), 0xFFE58C8C)


def _bicycle(p: Painter, rng: random.Random) -> None:
    p.rect(0, 0, WIDTH, HEIGHT, rng.choice((0xFFC8553D, 0xFF588B8B, 0xFFE0C097)))
    for row in range(16):
        p.line(0, 34 * row, WIDTH, 34 * row, 0x22000000, 3)
    p.rect(0, 545, WIDTH, HEIGHT, 0xFF7D7F7C)
    frame = rng.choice((0xFF1D3557, 0xFFF1FAEE, 0xFFF4A300))
    for x in (130, 350):
        p.circle(x, 470, 80, 0xFF1C1C1C, 12)
        for spoke in range(8):
            angle = spoke * math.pi / 4
            p.line(x, 470, x + 74 * math.cos(angle), 470 + 74 * math.sin(angle), 0x88222222, 2)
    for x0, y0, x1, y1 in (
        *((130, 470, 200, 350), (200, 350, 320, 350), (320, 350, 350, 470), (130, 470, 235, 470)),
        *((235, 470, 200, 350), (235, 470, 322, 352), (200, 350, 190, 320), (320, 350, 310, 300)),
    ):
        p.line(x0, y0, x1, y1, frame, 12)
    p.line(160, 316, 222, 316, 0xFF222222, 16)
    p.line(280, 296, 330, 302, 0xFF222222, 10)


def _balloons(p: Painter, rng: random.Random) -> None:
    _sky(p, rng, (0xFF74B9E7, 0xFFF2F7FB), (0xFFF6AE9A, 0xFFFDE9D9))
    for place, size in ((150, 95), (340, 66), (240, 46)):
        x, y = place + 50 * rng.random(), 120 + 200 * rng.random()
        colour = rng.choice((0xFFD62839, 0xFF2A6F97, 0xFFF9A03F, 0xFF6A4C93))
        p.circle(x, y, size, colour)
        p.path(_path([(x - size * 0.9, y + size * 0.4), (x + size * 0.9, y + size * 0.4), (x, y + size * 1.5)]), colour)
        p.round(x - size * 0.18, y - size, x + size * 0.18, y + size * 0.9, size * 0.18, 0x55FFFFFF)
        p.round(x - size * 0.2, y + size * 1.6, x + size * 0.2, y + size * 1.95, 4, 0xFF7A4E2D)
    _ridge(p, rng, 590, 60, 0xFF6B9A58, 5)


def _night(p: Painter, rng: random.Random) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, (0xFF0B1030, 0xFF2E3B73))
    for _ in range(60):
        p.circle(WIDTH * rng.random(), 430 * rng.random(), 1 + 2 * rng.random(), 0xFFFDF7D8)
    x = 100 + 250 * rng.random()
    p.circle(x, 150, 60, 0xFFF5F0D0)
    p.circle(x + 26, 138, 52, 0xFF111840)
    _ridge(p, rng, 520, 120, 0xFF141B33)
    _ridge(p, rng, 590, 90, 0xFF0B1020)


def _portrait(p: Painter, rng: random.Random) -> None:
    p.gradient(0, 0, WIDTH, HEIGHT, rng.choice(((0xFFE3E7EC, 0xFFB9C4CF), (0xFFF3DDC9, 0xFFCFA78A))))
    skin = rng.choice((0xFFF1C9A5, 0xFFC68642, 0xFF8D5524, 0xFFFFDBAC))
    hair, shirt = rng.choice((0xFF2B1B12, 0xFF6B4423, 0xFF1A1A1A)), rng.choice((0xFF2A9D8F, 0xFFE76F51, 0xFF3D5A80))
    p.round(60, 490, 420, 760, 120, shirt)
    p.round(195, 400, 285, 530, 40, skin)
    p.circle(240, 285, 150, hair)
    p.round(130, 205, 350, 450, 110, skin)
    p.round(120, 175, 360, 255, 60, hair)
    for side in (-1, 1):
        p.circle(240 + side * 48, 310, 13, 0xFF22222A)
        p.line(240 + side * 30, 280, 240 + side * 68, 277, hair, 8)
    p.arc(240, 365, 42, 25, 130, 0xFF9B4B42, 8)


MOTIFS: dict[str, Callable[[Painter, random.Random], None]] = {
    "mountains": _mountains,
    "beach": _beach,
    "city": _city,
    "forest": _forest,
    "flowers": _flowers,
    "cup": _cup,
    "cat": _cat,
    "bicycle": _bicycle,
    "balloons": _balloons,
    "night": _night,
}
"""Motif -> what paints it."""


@lru_cache(64)
def picture(motif: str, seed: int = 0) -> Any:
    """Return the recorded drawing of a motif ("portrait" and those of MOTIFS), WIDTH x HEIGHT."""
    recording = Recording(WIDTH, HEIGHT)
    (_portrait if motif == "portrait" else MOTIFS[motif])(recording.painter, random.Random(f"{motif} {seed}"))
    return recording.finish()


def encode(drawing: Any, width: int = WIDTH, height: int = HEIGHT, *, zoom: float = 1.0, png: bool = False) -> bytes:
    """Return a drawing as the bytes of a JPEG (or PNG) file; `zoom` enlarges its middle."""
    surface = skia.Surface(width, height)
    canvas = surface.getCanvas()
    canvas.clear(0xFFFFFFFF)
    canvas.translate(width / 2, height / 2)
    scale = max(width / WIDTH, height / HEIGHT) * zoom
    canvas.scale(scale, scale)
    canvas.translate(-WIDTH / 2, -HEIGHT / 2)
    canvas.drawPicture(drawing)
    kind = skia.EncodedImageFormat.kPNG if png else skia.EncodedImageFormat.kJPEG
    return bytes(surface.makeImageSnapshot().encodeToData(kind, 85))


@lru_cache(256)
def photo(motif: str, seed: int = 0) -> bytes:
    """Return a photo of a motif, a JPEG file."""
    return encode(picture(motif, seed))


@lru_cache(256)
def receipt(shop: str, rows: tuple[tuple[str, str], ...], *, png: bool = False) -> bytes:
    """Return a picture of a receipt: the shop's name over rows of (what, how much), the last one the total."""
    recording = Recording(WIDTH, HEIGHT)
    p = recording.painter
    p.gradient(0, 0, WIDTH, HEIGHT, (0xFF8C7355, 0xFF6B573F))
    p.rect(50, 30, WIDTH - 50, HEIGHT - 30, 0xFFFDFBF5)
    ink = 0xFF26262B
    p.text(shop, (WIDTH - text_width(shop, BOLD, 34.0)) / 2, 100, BOLD, 34.0, ink)
    y = 165.0
    for place, (what, much) in enumerate(rows):
        last = place == len(rows) - 1
        weight = BOLD if last else REGULAR
        if last:
            p.line(75, y - 24, WIDTH - 75, y - 24, ink, 2)
            y += 16
        p.text(what, 75, y, weight, 27.0, ink)
        p.text(much, WIDTH - 75 - text_width(much, weight, 27.0), y, weight, 27.0, ink)
        y += 46
    p.text("Thank you", (WIDTH - text_width("Thank you", REGULAR, 24.0)) / 2, HEIGHT - 60, REGULAR, 24.0, ink)
    return encode(recording.finish(), png=png)
