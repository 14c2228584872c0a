"""An image as cells: scaled to the grid, blank cells dropped (flat-patch pruning), each cell a place to tap."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym_agents.policies.nano.config import NanoConfig

_REMEMBERED = 256
"""Pictures that stay in memory: the episodes of a group begin alike."""
_known: OrderedDict[Any, Picture] = OrderedDict()

_FLAT = 12.0
"""Cells whose pixel variance, summed over channels, is below are blank (a deviation of two grey levels)."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Attributes:
    image: uint8 [H, W, 3], sides multiples of the cell's.
    cells: int32 [c], kept cells, row-major index in the grid of the image, ascending.
    texts: per kept cell, "x, y" of its centre as fractions of width and height.
    digest: of the picture it was made of, and of how.
    """

    image: NDArray[np.uint8]
    cells: NDArray[np.int32]
    texts: tuple[str, ...]
    digest: bytes


def prepare(image: NDArray[np.uint8], config: NanoConfig) -> Picture:
    """Scale down to the grid if need be, pad to whole cells, keep the cells with the largest pixel variance.

    Raises:
        ValueError: not a uint8 [H, W, 3] image.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"An image must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}.")
    how = (image.shape, tuple(config.cell), tuple(config.grid), config.max_cells, config.thin)
    digest = hashlib.sha1(np.ascontiguousarray(image).data, usedforsecurity=False)
    digest.update(repr(how).encode())
    name = digest.digest()
    if name not in _known:
        _known[name] = _prepared(image, config, name)
        if len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    _known.move_to_end(name)
    return _known[name]


def _prepared(image: NDArray[np.uint8], config: NanoConfig, name: bytes) -> Picture:
    (ch, cw), (rows, cols) = config.cell, config.grid
    scale = min(1.0, rows * ch / image.shape[0], cols * cw / image.shape[1])
    if scale < 1.0:
        from PIL import Image

        size = (max(int(image.shape[1] * scale), 1), max(int(image.shape[0] * scale), 1))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    height, width = image.shape[:2]
    image = np.pad(image, ((0, -height % ch), (0, -width % cw), (0, 0)), mode="edge")
    spread = _spread(image, ch, cw)
    if config.thin:
        spread = _thinned(spread)
    flat = spread.reshape(-1)
    order = np.argsort(-flat, kind="stable")[: config.max_cells]
    cells = np.sort(order[flat[order] > _FLAT]).astype(np.int32)
    x = np.minimum((cells % spread.shape[1] + 0.5) * cw / width, 1.0)
    y = np.minimum((cells // spread.shape[1] + 0.5) * ch / height, 1.0)
    texts = tuple(f"{a:.3f}, {b:.3f}" for a, b in zip(x.tolist(), y.tolist()))
    return Picture(np.array(image), cells, texts, name)


def _thinned(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `spread` with zeros at all cells but the busier one of each pair side by side, and of those but the ones
    with no busier pair above or below: one cell or two a word, since every cell reads the whole word it belongs to."""
    rows, columns = spread.shape
    pairs = np.pad(spread, ((0, 0), (0, columns % 2))).reshape(rows, -1, 2)
    most = pairs.max(2)
    around = np.pad(most, ((1, 1), (0, 0)))
    peak = (most > around[:-2]) & (most >= around[2:])
    right = pairs[..., 1] > pairs[..., 0]
    kept = np.stack([peak & ~right, peak & right], 2).reshape(rows, -1)[:, :columns]
    thinned: NDArray[np.float64] = spread * kept
    return thinned


def _spread(image: NDArray[np.uint8], ch: int, cw: int) -> NDArray[np.float64]:
    """Return the pixel variance of every cell, summed over channels, float [rows, columns]; sums are exact integers."""
    rows, columns = image.shape[0] // ch, image.shape[1] // cw
    strips = image.reshape(rows, ch, -1).astype(np.uint32)

    def per_cell(values: NDArray[np.uint32]) -> NDArray[np.float64]:
        sums: NDArray[np.uint32] = values.sum(1, dtype=np.uint32).reshape(rows, columns, cw, 3).sum(2, dtype=np.uint32)
        return sums.astype(np.float64) / (ch * cw)

    spread: NDArray[np.float64] = (per_cell(strips * strips) - per_cell(strips) ** 2).sum(-1)
    return spread
