"""Pictures, clips and sounds as files: written, read, found and drawn, the same for camera, gallery and recorder.

A clip is an ISO base media file that says how long it is and carries one picture of itself; it holds no streams. A
sound is the silence that the microphone hears.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vlgym.android.state.files import SHARED_STORAGE
from vlgym.android.ui.paint import Painter, skia

if TYPE_CHECKING:
    from vlgym.android.state.databases import Database
    from vlgym.android.state.files import FileSystem

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")
VIDEOS = (".mp4", ".3gp", ".mkv", ".webm", ".mov")
_FOUR_DIGITS = re.compile(r'(fill|stroke)="#([0-9a-f]{3})([0-9a-f])"')
"""Colours with an opacity, which skia does not read."""
_SMOOTH = skia.SamplingOptions(skia.FilterMode.kLinear, skia.MipmapMode.kLinear)


@dataclass(frozen=True, slots=True)
class Item:
    """A picture or a clip in shared storage; size in bytes, time in milliseconds since 1970."""

    path: str
    size: int
    modified_ms: int

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The folder it lies in."""
        return self.path.rpartition("/")[0]

    @property
    def is_video(self) -> bool:
        """Whether it is a clip."""
        return self.path.lower().endswith(VIDEOS)


def find_media(files: FileSystem, root: str = SHARED_STORAGE) -> Iterator[Item]:
    """Yield pictures and clips below a folder; hidden folders and other apps' folders are left out."""
    for name in files.list(root):
        path = f"{root}/{name}"
        known = files.stat(path)
        if known.is_dir:
            if not name.startswith(".") and path != f"{SHARED_STORAGE}/Android":
                yield from find_media(files, path)
        elif name.lower().endswith(IMAGES + VIDEOS):
            yield Item(path, known.size, known.mtime_us // 1000)


def save(files: FileSystem, path: str, data: bytes) -> bool:
    """Write a file; return False, and leave nothing, if the disk is full."""
    try:
        files.write(path, data)
    except OSError:
        if files.exists(path):
            files.remove(path)
        return False
    return True


# ---------------------------------------------------------------- pictures


@lru_cache(128)
def decode(data: bytes) -> Any:
    """Return the skia image of an encoded picture, or None for one that cannot be read."""
    image = skia.Image.MakeFromEncoded(skia.Data.MakeWithCopy(data)) if data else None
    return image.makeRasterImage().withDefaultMipmaps() if image is not None else None


@lru_cache(64)
def decode_svg(text: str) -> Any:
    """Return the skia document of an SVG drawing, or None for a broken one."""
    text = _FOUR_DIGITS.sub(lambda m: f'{m[1]}="#{m[2]}" {m[1]}-opacity="{int(m[3], 16) / 15:.2f}"', text)
    return skia.SVGDOM.MakeFromStream(skia.MemoryStream(text.encode()))


def draw_image(p: Painter, image: Any, left: float, top: float, width: float, height: float, *, crop: bool) -> None:
    """Draw an image into a box in display pixels: cut to fill it, or whole in its middle."""
    scale_x, scale_y = width / image.width(), height / image.height()
    scale = max(scale_x, scale_y) if crop else min(scale_x, scale_y)
    w, h = image.width() * scale, image.height() * scale
    x, y = left + (width - w) / 2, top + (height - h) / 2
    p.clip(left, top, left + width, top + height)
    p.other(_draw_image, x, y, x + w, y + h, image, x, y, w, h)
    p.unclip()


def draw_svg(p: Painter, text: str, left: float, top: float, width: float, height: float) -> None:
    """Draw an SVG drawing that has a view box into a box in display pixels."""
    document = decode_svg(text)
    if document is not None:
        p.clip(left, top, left + width, top + height)
        p.other(_draw_svg, left, top, left + width, top + height, document, left, top, width, height)
        p.unclip()


def _draw_image(canvas: Any, image: Any, x: float, y: float, w: float, h: float) -> None:
    canvas.drawImageRect(image, skia.Rect(x, y, x + w, y + h), _SMOOTH)


def _draw_svg(canvas: Any, document: Any, left: float, top: float, width: float, height: float) -> None:
    canvas.translate(left, top)
    document.setContainerSize(skia.Size(width, height))
    document.render(canvas)


# ---------------------------------------------------------------- clips and sounds


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def clip(milliseconds: int, *, brand: bytes = b"isom", picture: bytes = b"", load: int = 0) -> bytes:
    """Return an ISO base media file.

    Args:
        milliseconds: how long it says it is.
        brand: four letters, e.g. ``b"M4A "``.
        picture: an encoded picture of it.
        load: bytes of (silent) media data.
    """
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = struct.pack(">5IIH10x", 0, 0, 0, 1000, milliseconds, 0x10000, 0x100) + matrix + bytes(24) + b"\0\0\0\2"
    parts = [_box(b"ftyp", brand, bytes(4), brand, b"mp42"), _box(b"moov", _box(b"mvhd", header))]
    if picture:
        parts.append(_box(b"free", picture))
    return b"".join([*parts, _box(b"mdat", bytes(load))])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


@lru_cache(128)
def clip_length(data: bytes) -> int:
    """Return how many milliseconds a clip or a sound lasts, 0 if it does not say."""
    if data[:4] == b"RIFF" and len(data) >= 44:
        rate, size = struct.unpack_from("<I", data, 28)[0], struct.unpack_from("<I", data, 40)[0]
        return int(size * 1000 // rate) if rate else 0
    for kind, body in _boxes(data):
        if kind == b"moov":
            for inner, header in _boxes(body):
                if inner == b"mvhd" and len(header) >= 20:
                    scale, length = struct.unpack_from(">II", header, 12)
                    return int(length * 1000 // scale) if scale else 0
    return 0


@lru_cache(128)
def clip_picture(data: bytes) -> bytes:
    """Return the picture that a clip carries, or nothing."""
    return next((body for kind, body in _boxes(data) if kind == b"free"), b"")


def wave(milliseconds: int, rate: int, channels: int) -> bytes:
    """Return silence as a WAV file of 16-bit samples."""
    size = milliseconds * rate // 1000 * channels * 2
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16),
        *(b"data", size),
    )
    return head + bytes(size)


# ---------------------------------------------------------------- words


def size_words(size: int) -> str:
    """Return bytes as people read them."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def length_words(milliseconds: int) -> str:
    """Return a length as minutes and seconds."""
    seconds = milliseconds // 1000
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


class Preferences:
    """An app's own settings: a table of texts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, key: str, default: str = "") -> str:
        """Return a value."""
        rows = self.database.execute("SELECT value FROM preferences WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else default

    def put(self, key: str, value: object) -> None:
        """Set a value."""
        self.database.execute("REPLACE INTO preferences VALUES (?, ?)", (key, str(value)))

    def number(self, key: str, default: int = 0) -> int:
        """Return a value as a whole number."""
        value = self.get(key)
        return int(value) if value.lstrip("-").isdigit() else default
