"""Vision stem: what is drawn at each cell of 16 x 8 pixels, and which word of the instruction is written there.

Convolutions of stride 8 carry an OCR head (used in pretraining only). Every cell also reads the word it belongs to: a
vector to be compared with the spelling of the instruction's words, so that a word never seen in training can be found.

Legend: n images; h, w rows and columns of the stride-8 map; c kept cells; M words of the instruction; s spelling width.
Source: ours; OCR labels use real glyph advances and sit in slots of 4 pixels.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.pack import Packed

CHANNELS = 96
SPELLING = 64
_REMEMBERED = 2048
"""Pictures whose kept cells stay in memory while the convolutions are frozen; 0.1 MB each."""


def ink(light: torch.Tensor) -> torch.Tensor:
    """Return how far every pixel stands out from its surroundings, float [n, 1, H, W] of the same shape.

    It is in units of the local deviation and positive on the rarer side: dark and light text look alike.
    """

    def around(x: torch.Tensor) -> torch.Tensor:
        coarse = F.avg_pool2d(x, 16, 4, 6, count_include_pad=False)
        return coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)

    off = light - around(light)
    spread = around(off.square())
    rarer = torch.tanh(3.0 * around(off**3) / (spread**1.5 + 1e-4))
    return off * torch.rsqrt(spread + 1e-3) * rarer


class ChannelNorm(nn.Module):
    """RMS norm over the channels of each pixel: learning speeds up as with batch norm, but no image sees another."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [n, channels, h, w] to the same shape."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-4) * self.gain


class WordContext(nn.Module):
    """Residual depthwise 3 x 9 convolution and pointwise MLP: a glyph sees its word."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(CHANNELS, CHANNELS, (3, 9), padding=(1, 4), groups=CHANNELS)
        self.up = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1)
        self.down = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [n, 96, h, w] to the same shape."""
        out: torch.Tensor = x + self.down(F.relu(self.up(F.relu(self.mix(x)))))
        return out


class VisionStem(nn.Module):
    """Pixels to cell vectors."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.glyphs = config.glyphs
        self.convs = nn.Sequential(
            nn.Conv2d(4, 24, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, 1),
            ChannelNorm(48),
            nn.ReLU(),
            nn.Conv2d(48, CHANNELS, 3, 2, 1),
            ChannelNorm(CHANNELS),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1),
        )
        for conv in (part for part in self.convs if isinstance(part, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.convs.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ocr = nn.Conv2d(CHANNELS, 2 * config.glyphs, 1)
        self.context = nn.Sequential(WordContext(), WordContext())
        self.project = nn.Linear(2 * CHANNELS, config.width)
        self.row = nn.Embedding(config.grid[0], config.width)
        self.column = nn.Embedding(config.grid[1], config.width)
        self.letter = nn.Embedding(config.glyphs, SPELLING)
        places = torch.where(torch.rand(config.word_letters, SPELLING) < 0.5, -1.0, 1.0)
        self.places = nn.Parameter(places)
        self.reads = nn.Linear(2 * CHANNELS, SPELLING)
        self.slope = nn.Parameter(torch.tensor(10.0))
        self.threshold = nn.Parameter(torch.tensor(0.6))
        for table in (self.row, self.column):
            nn.init.normal_(table.weight, std=0.3)
        self._remembered: OrderedDict[tuple[object, ...], torch.Tensor] = OrderedDict()

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the stride-8 map, float [n, 96, h, w], of uint8 [n, H, W, 3]."""
        colour = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        features: torch.Tensor = self.convs(torch.cat([colour, ink(colour.mean(1, keepdim=True))], 1))
        return features

    def glyph_logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return float [n, h, 2w, glyphs]: two horizontal slots a place of the map."""
        n, _, h, w = features.shape
        logits: torch.Tensor = self.ocr(features).view(n, 2, self.glyphs, h, w).permute(0, 3, 4, 1, 2)
        return logits.reshape(n, h, 2 * w, self.glyphs)

    def cells(self, features: torch.Tensor) -> torch.Tensor:
        """Return what every cell holds, float [n, h, w / 2, 192]: two places of the map in the context of the line."""
        x = self.context(features)
        n, c, h, w = x.shape
        pairs: torch.Tensor = x.view(n, c, h, w // 2, 2).permute(0, 2, 3, 4, 1)
        return pairs.reshape(n, h, w // 2, 2 * c)

    def maps(self, pixels: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return the cells, float [h, w / 2, 192], of each image; images of one size go through together."""
        found: list[torch.Tensor] = [torch.empty(0)] * len(pixels)
        for shape in dict.fromkeys(image.shape for image in pixels):
            same = [i for i, image in enumerate(pixels) if image.shape == shape]
            for i, cells in zip(same, self.cells(self.features(torch.stack([pixels[i] for i in same])))):
                found[i] = cells
        return found

    def freeze(self) -> None:
        """Keep the convolutions as they are: what a picture holds is then computed once."""
        for part in (self.convs, self.ocr, self.context):
            part.requires_grad_(False)

    def held(self, packed: Packed, maps: list[torch.Tensor] | None = None) -> list[torch.Tensor]:
        """Return what the kept cells of each distinct picture hold, float [c, 192]; `maps`: if known already.

        Frozen convolutions see each picture alone, so that its features do not depend on the pictures beside it.
        """
        if maps is None and not any(p.requires_grad for p in self.convs.parameters()):
            return [self._recall(packed, i) for i in range(len(packed.pixels))]
        maps = self.maps(list(packed.pixels)) if maps is None else maps
        return [cells.flatten(0, 1)[kept] for cells, kept in zip(maps, packed.cells)]

    def _recall(self, packed: Packed, i: int) -> torch.Tensor:
        """Return what the kept cells of picture `i` hold, from memory if it was seen before."""
        weights = [p for part in (self.convs, self.context) for p in part.parameters()]
        known = (packed.pictures[i], weights[0].device, sum(p._version for p in weights))  # loading weights ages them
        if known not in self._remembered:
            with torch.no_grad():
                cells = self.maps([packed.pixels[i]])[0]
            self._remembered[known] = cells.flatten(0, 1)[packed.cells[i]]
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(known)
        return self._remembered[known]

    def spelling(self, letters: torch.Tensor) -> torch.Tensor:
        """Return unit vectors, float [..., s], of words given by glyph classes, int64 [..., letters] (0 pads)."""
        parts = self.letter(letters) * self.places * (letters > 0)[..., None]
        return F.normalize(parts.sum(-2), dim=-1)

    def reading(self, cells: torch.Tensor) -> torch.Tensor:
        """Return unit vectors, float [..., s], to be compared with spellings."""
        return F.normalize(self.reads(cells), dim=-1)

    def forward(
        self, held: torch.Tensor, place: tuple[torch.Tensor, int], spelling: torch.Tensor, meaning: torch.Tensor
    ) -> torch.Tensor:
        """Return the vectors, float [c, d], of the kept cells of a picture.

        Args:
            held: float [c, 192], from `held`.
            place: where they are: int64 [c], row-major index, and the columns of the grid.
            spelling: float [M, s] of the instruction's words; meaning: float [M, d], what a match with each adds.
        """
        kept, columns = place
        match = torch.sigmoid(self.slope * (self.reading(held) @ spelling.T - self.threshold))
        row, column = torch.div(kept, columns, rounding_mode="floor"), kept % columns
        vectors: torch.Tensor = self.project(held) + self.row(row) + self.column(column) + match @ meaning
        return vectors
