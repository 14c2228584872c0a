"""Pictures in the forms that clients ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import require

Pixels = NDArray[np.uint8]


def rgba(pixels: Pixels) -> Pixels:
    """Return uint8 [H, W, 3] with an opaque alpha channel, [H, W, 4], contiguous."""
    cv2 = require("cv2", extra="android", purpose="Sending screenshots")
    image: Pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    return image


def png(pixels: Pixels) -> bytes:
    """Return uint8 [H, W, 3] as a PNG file."""
    cv2 = require("cv2", extra="android", purpose="Sending screenshots")
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ValueError(f"An array of shape {pixels.shape} cannot be written as PNG.")
    return bytes(data)


def fitted(width: int, height: int, wanted: tuple[int, int]) -> tuple[int, int]:
    """Return the size of the largest picture of the display's aspect within `wanted` (0 sets no bound), no larger."""
    scale = min([1.0] + [limit / side for limit, side in zip(wanted, (width, height)) if limit > 0])
    return max(1, round(width * scale)), max(1, round(height * scale))
