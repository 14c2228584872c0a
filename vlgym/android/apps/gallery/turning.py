"""Turning pictures by a quarter."""

from __future__ import annotations

from vlgym.android.apps.media import decode
from vlgym.android.ui.paint import skia


def turned(data: bytes, *, png: bool) -> bytes:
    """Return an encoded picture turned to the right by a quarter, nothing for what cannot be read."""
    image = decode(data)
    if image is None:
        return b""
    surface = skia.Surface(image.height(), image.width())
    canvas = surface.getCanvas()
    canvas.translate(image.height(), 0)
    canvas.rotate(90)
    canvas.drawImage(image, 0, 0)
    kind = skia.EncodedImageFormat.kPNG if png else skia.EncodedImageFormat.kJPEG
    return bytes(surface.makeImageSnapshot().encodeToData(kind, 90))
