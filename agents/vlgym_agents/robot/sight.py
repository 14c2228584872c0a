"""The eyes of an image policy: a picture and the robot's own numbers, and out of both an estimate of the whole state.

Source: Levine et al. 2016, "End-to-End Training of Deep Visuomotor Policies", section 5.1 (mean place of each channel's
activity, and a pose that the features are trained to tell). Ours: the estimate itself is told to the policy as well.

Legend: B rows, P numbers of the robot itself, R other numbers of the state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANNELS = 32
"""Channels whose places are taken: two features each."""

SHARPNESS = 5.0
"""Factor on activities before the softmax: a fresh channel that looks at everything at once learns slowly (ours)."""


class Camera(nn.Module):
    """Images uint8 [B, h, w, 3] -> features [B, 2 * CHANNELS]: the mean place of each channel's activity."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 24, 7, 4, 3), nn.ReLU(), nn.Conv2d(24, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, CHANNELS, 1)
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.body(images.permute(0, 3, 1, 2).float() / 127.5 - 1)
        b, c, h, w = x.shape
        share = (SHARPNESS * x).flatten(2).softmax(dim=2).view(b, c, h, w)
        ys, xs = torch.linspace(-1, 1, h), torch.linspace(-1, 1, w)
        return torch.cat(((share.sum(3) * ys).sum(2), (share.sum(2) * xs).sum(2)), dim=1)


class Sight(nn.Module):
    """What an image policy goes by: own numbers, features of the picture, estimate of the rest of the state.

    Args:
        own: P.
        rest: R; 0 where demonstrations have nothing but the robot's own numbers.
    """

    def __init__(self, own: int, rest: int) -> None:
        super().__init__()
        self.own, self.rest = own, rest
        self.size = own + 2 * CHANNELS + rest
        self.camera = Camera()
        self.guess = (
            nn.Sequential(nn.Linear(own + 2 * CHANNELS, 128), nn.ReLU(), nn.Linear(128, rest)) if rest else None
        )

    def forward(self, own: Tensor, images: Tensor) -> Tensor:
        """Return [B, size] of normalised numbers [B, P] and images uint8 [B, h, w, 3]."""
        seen = torch.cat((own, self.camera(images)), dim=1)
        return seen if self.guess is None else torch.cat((seen, self.guess(seen)), dim=1)

    def error(self, told: Tensor, state: Tensor) -> Tensor:
        """Return the mean squared error of the estimates in [B, size] for normalised states [B, P + R]."""
        if not self.rest:
            return torch.zeros(())
        return torch.nn.functional.mse_loss(told[:, -self.rest :], state[:, self.own :])
