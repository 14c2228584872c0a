"""Screenshots to model inputs with PIL and numpy alone: the composite processors of `transformers` need torchvision.

A reader answers three questions about an image: which ids stand for it in the prompt, which tensors the vision tower
wants, and where its tokens lie in the rotary positions. Results equal those of the library's own PIL processors.

Sources: Qwen2-VL (Wang et al. 2024, section 2: dynamic resolution, M-RoPE), Idefics3 (Laurencon et al. 2024, section
3.2: tiles and a global view); numbers come from each model's preprocessor configuration.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym.core.errors import VlgymError
from vlgym_agents.policies.prompt import Tokens

Image = NDArray[np.uint8]
Size = tuple[int, int]
"""(height, width) in pixels."""

IDEFICS_LARGEST = 4096
"""Idefics3's resize never exceeds this side (pixels)."""


class ImageReader(Protocol):
    """How one family of models reads images."""

    placeholder: int
    """The id whose embedding is replaced by an image feature."""

    def expand(self, size: Size) -> list[int]:
        """Return the ids that stand for an image of this size (they replace one placeholder of the template)."""
        ...

    def inputs(self, images: Sequence[Image]) -> dict[str, torch.Tensor]:
        """Return the keyword arguments of the model for images uint8 [H, W, 3]."""
        ...

    def grid(self, size: Size) -> Size | None:
        """Return (rows, columns) of the image's tokens where they have two-dimensional positions, else None."""
        ...

    def save(self, folder: Path) -> None:
        """Write the preprocessor configuration as `transformers` does."""
        ...


def layout(ids: NDArray[np.integer], placeholder: int, grids: Sequence[Size], start: int) -> tuple[torch.Tensor, int]:
    """Return three-dimensional rotary positions (M-RoPE) of a chunk.

    Text advances all axes by one; an image holds the time axis, counts rows and columns on the other two, and then all
    axes go on from the larger of its sides.

    Args:
        ids: [n].
        placeholder: the image id.
        grids: (rows, columns) of each image in the chunk, in order.
        start: position of the first id.

    Returns:
        (int64 [3, n] (time, height, width), position after the chunk).
    """
    out = np.empty((3, len(ids)), np.int64)
    at, position = 0, start
    for rows, columns in [*grids, (0, 0)]:
        rest = np.flatnonzero(ids[at:] == placeholder)
        text = int(rest[0]) if rows and len(rest) else len(ids) - at
        out[:, at : at + text] = np.arange(position, position + text)
        at, position = at + text, position + text
        n = rows * columns
        out[0, at : at + n] = position
        out[1, at : at + n] = position + np.repeat(np.arange(rows), columns)
        out[2, at : at + n] = position + np.tile(np.arange(columns), rows)
        at, position = at + n, position + max(rows, columns)
    return torch.from_numpy(out), position


def resize(image: Image, size: Size, resample: int) -> Image:
    """Resize uint8 [H, W, 3] to (height, width) with a PIL filter."""
    from PIL import Image as pil

    if image.shape[:2] == size:
        return image
    return np.asarray(pil.fromarray(image).resize((size[1], size[0]), resample=pil.Resampling(resample)))


class _Settings:
    """The numbers of a preprocessor configuration, with the library's defaults for what it leaves out."""

    def __init__(self, config: Mapping[str, Any], mean: Sequence[float], std: Sequence[float], resample: int) -> None:
        self.config = dict(config)
        self.resample = int(config.get("resample", resample))
        self.scale = float(config.get("rescale_factor", 1 / 255))
        self.mean = np.asarray(config.get("image_mean", mean), np.float32)
        self.std = np.asarray(config.get("image_std", std), np.float32)

    def save(self, folder: Path, **changed: Any) -> None:
        """Write preprocessor_config.json with what was changed."""
        (folder / "preprocessor_config.json").write_text(json.dumps({**self.config, **changed}, indent=1))

    def normalise(self, image: Image) -> NDArray[np.float32]:
        """uint8 [H, W, 3] -> float32 [3, H, W]."""
        return ((image.astype(np.float32) * np.float32(self.scale) - self.mean) / self.std).transpose(2, 0, 1)


class QwenReader:
    """Qwen2-VL, Qwen2.5-VL, Qwen3-VL: the image at its own aspect ratio, cut into patches, merged m x m into tokens."""

    def __init__(self, config: Any, settings: Mapping[str, Any], max_pixels: int | None) -> None:
        clip = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
        self._settings = _Settings(settings, *clip, resample=3)
        self.placeholder = int(config.image_token_id)
        vision = config.vision_config
        self.patch = int(settings.get("patch_size", vision.patch_size))
        self.frames = int(settings.get("temporal_patch_size", vision.temporal_patch_size))
        self.merge = int(settings.get("merge_size", vision.spatial_merge_size))
        size = settings.get("size") or {}
        self.least = int(settings.get("min_pixels") or size.get("shortest_edge") or 56 * 56)
        most = int(settings.get("max_pixels") or size.get("longest_edge") or 28 * 28 * 1280)
        self.most = min(most, max_pixels) if max_pixels else most
        self.least = min(self.least, self.most)

    def fit(self, size: Size) -> Size:
        """Return the size an image is resized to: multiples of patch x merge, area within the limits, aspect kept."""
        height, width = size
        if max(size) > 200 * min(size):
            raise VlgymError(f"An image of {height} x {width} pixels is too elongated; its sides may differ 200-fold.")
        unit = self.patch * self.merge
        h, w = round(height / unit) * unit, round(width / unit) * unit
        if h * w > self.most:
            shrink = math.sqrt(height * width / self.most)
            h, w = (max(unit, math.floor(side / shrink / unit) * unit) for side in size)
        elif h * w < self.least:
            grow = math.sqrt(self.least / (height * width))
            h, w = (math.ceil(side * grow / unit) * unit for side in size)
        return h, w

    def grid(self, size: Size) -> Size:
        """See `ImageReader.grid`."""
        unit = self.patch * self.merge
        height, width = self.fit(size)
        return height // unit, width // unit

    def expand(self, size: Size) -> list[int]:
        """See `ImageReader.expand`."""
        rows, columns = self.grid(size)
        return [self.placeholder] * (rows * columns)

    def inputs(self, images: Sequence[Image]) -> dict[str, torch.Tensor]:
        """Return pixel_values float32 [patches, 3 * frames * p * p] and image_grid_thw int64 [images, 3]."""
        patches, grids = [], []
        p, m = self.patch, self.merge
        for image in images:
            size = self.fit(image.shape[:2])
            rows, columns = size[0] // p, size[1] // p
            pixels = self._settings.normalise(resize(image, size, self._settings.resample))
            blocks = pixels.reshape(3, rows // m, m, p, columns // m, m, p).transpose(1, 4, 2, 5, 0, 3, 6)
            repeated = np.repeat(blocks[:, :, :, :, :, None], self.frames, axis=5)
            patches.append(repeated.reshape(rows * columns, -1))
            grids.append((1, rows, columns))
        return {
            "pixel_values": torch.from_numpy(np.concatenate(patches)),
            "image_grid_thw": torch.tensor(grids, dtype=torch.int64),
        }

    def save(self, folder: Path) -> None:
        """See `ImageReader.save`."""
        size = {"shortest_edge": self.least, "longest_edge": self.most}
        sizes = {"patch_size": self.patch, "temporal_patch_size": self.frames, "merge_size": self.merge, "size": size}
        kept = {k: v for k, v in self._settings.config.items() if k not in ("min_pixels", "max_pixels")}
        self._settings.config = {"image_processor_type": "Qwen2VLImageProcessor", **kept}
        self._settings.save(folder, **sizes)


class IdeficsReader:
    """Idefics3 and SmolVLM: the image enlarged and cut into square tiles, each read alone, then the whole once more."""

    def __init__(self, config: Any, settings: Mapping[str, Any], tokens: Tokens, max_pixels: int | None) -> None:
        self._settings = _Settings(settings, (0.5,) * 3, (0.5,) * 3, resample=1)
        self._tokens = tokens
        self.placeholder = int(config.image_token_id)
        self.tile = int((settings.get("max_image_size") or {}).get("longest_edge", 364))
        self.longest = int((settings.get("size") or {}).get("longest_edge", 4 * 364))
        self.split = bool(settings.get("do_image_splitting", True))
        if max_pixels:  # fewer tiles is how this family spends less
            tiles = int(math.sqrt(max_pixels) // self.tile)
            self.longest = min(self.longest, max(tiles, 1) * self.tile)
            self.split = self.split and tiles > 1
        vision = config.vision_config
        self.per_tile = int((vision.image_size // vision.patch_size) ** 2 / config.scale_factor**2)
        self._known: dict[Size, list[int]] = {}

    def fit(self, size: Size) -> tuple[Size, Size]:
        """Return (size of the first resize, size that is cut into tiles)."""
        sides = _longest_side(size, self.longest, even=True)
        if max(sides) > IDEFICS_LARGEST:
            sides = _longest_side(sides, IDEFICS_LARGEST, even=False)
        height, width = sides
        ratio = width / height
        up = [math.ceil(side / self.tile) * self.tile for side in sides]
        if width >= height:
            return sides, (math.ceil(int(up[1] / ratio) / self.tile) * self.tile, up[1])
        return sides, (up[0], math.ceil(int(up[0] * ratio) / self.tile) * self.tile)

    def tiles(self, size: Size) -> Size:
        """Return (rows, columns) of tiles, (0, 0) if the image is read whole only."""
        if not self.split:
            return 0, 0
        height, width = self.fit(size)[1]
        rows, columns = height // self.tile, width // self.tile
        return (rows, columns) if rows * columns > 1 else (0, 0)

    def grid(self, size: Size) -> None:
        """See `ImageReader.grid`: positions are one-dimensional."""
        return None

    def expand(self, size: Size) -> list[int]:
        """Return the ids of every tile in reading order, then of the whole image."""
        tiles = self.tiles(size)
        if tiles not in self._known:
            image = self._tokens.tokenizer.convert_ids_to_tokens(self.placeholder)
            fence = "<fake_token_around_image>"
            text = ""
            for row in range(1, tiles[0] + 1):
                text += "".join(f"{fence}<row_{row}_col_{column}>{image}" for column in range(1, tiles[1] + 1)) + "\n"
            text += ("\n" if tiles[0] else "") + f"{fence}<global-img>{image}{fence}"
            ids = self._tokens.control_text(text)
            self._known[tiles] = [i for one in ids for i in [one] * (self.per_tile if one == self.placeholder else 1)]
        return self._known[tiles]

    def inputs(self, images: Sequence[Image]) -> dict[str, torch.Tensor]:
        """Return pixel_values float32 [1, tiles of all images, 3, tile, tile]."""
        frames, resample, tile = [], self._settings.resample, self.tile
        for image in images:
            first, full = self.fit(image.shape[:2])
            whole = resize(image, first, resample)
            rows, columns = self.tiles(image.shape[:2])
            if self.split:
                whole = resize(whole, full, resample)
            cuts = [(r * tile, c * tile) for r in range(rows) for c in range(columns)]
            views = [whole[y : y + tile, x : x + tile] for y, x in cuts] + [resize(whole, (tile, tile), resample)]
            frames += [self._settings.normalise(view) for view in views]
        return {"pixel_values": torch.from_numpy(np.stack(frames)[None])}

    def save(self, folder: Path) -> None:
        """See `ImageReader.save`."""
        sizes = {"size": {"longest_edge": self.longest}, "max_image_size": {"longest_edge": self.tile}}
        self._settings.config = {"image_processor_type": "Idefics3ImageProcessor", **self._settings.config}
        self._settings.save(folder, **sizes, do_image_splitting=self.split)


def _longest_side(size: Size, longest: int, *, even: bool) -> Size:
    """Scale (height, width) so that the longer side is `longest`; the other is rounded up to even if asked."""
    height, width = size
    ratio = width / height
    if width >= height:
        other = int(longest / ratio)
        return max(other + (other % 2 if even else 0), 1), longest
    other = int(longest * ratio)
    return longest, max(other + (other % 2 if even else 0), 1)


class LibraryReader:
    """Any other model whose image processor works without torchvision (LLaVA, ...): the library's, image part only."""

    def __init__(self, config: Any, source: str, features: Any) -> None:
        """Load the image processor of `source`; `features(inputs)` returns image features."""
        from transformers import AutoImageProcessor

        self.placeholder = int(getattr(config, "image_token_id", None) or config.image_token_index)
        factory: Any = AutoImageProcessor
        self._processor = factory.from_pretrained(source, backend="pil")
        self._features = features
        self._known: dict[Size, int] = {}

    def grid(self, size: Size) -> None:
        """See `ImageReader.grid`: positions are one-dimensional."""
        return None

    def expand(self, size: Size) -> list[int]:
        """Return as many placeholders as the vision tower makes features of a blank image of this size."""
        if size not in self._known:
            with torch.no_grad():
                self._known[size] = len(self._features(self.inputs([np.zeros((*size, 3), np.uint8)])))
        return [self.placeholder] * self._known[size]

    def inputs(self, images: Sequence[Image]) -> dict[str, torch.Tensor]:
        """Return what the library's processor returns."""
        found = self._processor(images=list(images), return_tensors="pt", input_data_format="channels_last")
        return dict(found)

    def save(self, folder: Path) -> None:
        """See `ImageReader.save`."""
        self._processor.save_pretrained(folder)


def image_settings(source: str) -> dict[str, Any]:
    """Return the image part of a model's preprocessor configuration ({} if it has none)."""
    from transformers.utils.hub import cached_file

    for name in ("preprocessor_config.json", "processor_config.json"):
        path = cached_file(source, name, _raise_exceptions_for_missing_entries=False)
        if path:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
            return dict(found.get("image_processor", found))
    return {}


def image_reader(config: Any, source: str, tokens: Tokens, max_pixels: int | None, features: Any) -> ImageReader | None:
    """Return the reader for a model's configuration, or None for a model without a vision tower.

    Args:
        config: the model's `transformers` configuration.
        source: hub id or folder, where the preprocessor configuration lies.
        tokens: the tokenizer.
        max_pixels: upper limit of an image's area after resizing; None is the model's own.
        features: maps `inputs` to image features (for models whose number of tokens only the tower knows).
    """
    if getattr(config, "vision_config", None) is None:
        return None
    kind = config.model_type
    if kind in ("qwen2_vl", "qwen2_5_vl", "qwen3_vl"):
        return QwenReader(config, image_settings(source), max_pixels)
    if kind in ("idefics3", "smolvlm"):
        return IdeficsReader(config, image_settings(source), tokens, max_pixels)
    return LibraryReader(config, source, features)
