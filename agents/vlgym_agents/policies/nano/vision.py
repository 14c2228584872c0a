"""Vision stem: convolutions of stride 8 with an OCR head for pretraining, then a vector per kept cell of 16 x 8 pixels.

Source: ours; the auxiliary OCR labels use real glyph advances and sit in slots of 4 pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vlgym_agents.policies.nano.config import NanoConfig

CHANNELS = 96


class WordContext(nn.Module):
    """Residual depthwise 3 x 7 convolution and pointwise MLP: a glyph sees its word."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(CHANNELS, CHANNELS, (3, 7), padding=(1, 3), groups=CHANNELS)
        self.up = nn.Conv2d(CHANNELS, 2 * CHANNELS, 1)
        self.down = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [n, 96, h, w] to the same shape."""
        return x + self.down(F.relu(self.up(F.relu(self.mix(x)))))


class VisionStem(nn.Module):
    """Pixels to cell vectors."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.cell = config.cell
        self.glyphs = config.glyphs
        self.convs = nn.Sequential(
            nn.Conv2d(3, 24, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(48, CHANNELS, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1),
        )
        self.ocr = nn.Conv2d(CHANNELS, 2 * config.glyphs, 1)
        self.context = nn.Sequential(WordContext(), WordContext())
        self.project = nn.Linear(2 * CHANNELS, config.width)
        self.row = nn.Embedding(config.grid[0], config.width)
        self.column = nn.Embedding(config.grid[1], config.width)
        for table in (self.row, self.column):
            nn.init.normal_(table.weight, std=0.3)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the stride-8 map, float [n, 96, H/8, W/8], of uint8 [n, H, W, 3]."""
        x = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        return self.convs(x)

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """Return glyph logits, float [n, H/8, W/4, glyphs]: two horizontal slots per position of the map."""
        n, _, h, w = features.shape
        return self.ocr(features).view(n, 2, self.glyphs, h, w).permute(0, 3, 4, 1, 2).reshape(n, h, 2 * w, self.glyphs)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """Return a vector for every cell, float [n, rows, columns, d]."""
        x = self.context(features)
        n, c, h, w = x.shape
        pairs = x.view(n, c, h, w // 2, 2).permute(0, 2, 3, 4, 1).reshape(n, h, w // 2, 2 * c)
        return self.project(pairs) + self.row.weight[:h, None] + self.column.weight[None, : w // 2]

    def forward(self, pixels: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Return the vectors, float [c, d], of kept cells (int64 [c]) of one image (uint8 [H, W, 3])."""
        return self.embed(self.features(pixels[None])).flatten(0, 2)[cells]
