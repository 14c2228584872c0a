"""A diffusion policy over chunks of actions: denoisers, DDPM training, DDIM sampling.

Source: Chi et al. 2023, "Diffusion Policy", sections 3 and 4; Ho et al. 2020 (DDPM), equations 4 and 14; Nichol and
Dhariwal 2021, equation 17 (squared-cosine schedule); Song et al. 2021 (DDIM), equation 12 with eta 0. Ours: the mlp
denoiser, and inference steps that are spread from the last training step down ("trailing"), so that pure noise meets
the step it was trained for.

Legend: B rows, H actions of a chunk, A numbers of an action, F numbers of what the policy sees, K training steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vlgym_agents.robot.sight import Sight
from vlgym_agents.schema import above_zero, at_least, one_of

BLOCK = 16
"""Rows of one sampling pass; short ones are padded, so that a row's chunk does not depend on how many there are."""


@dataclass(frozen=True)
class DiffusionOptions:
    """The base policy: a diffusion model over chunks of actions, cloned from demonstrations."""

    network: str = "mlp"
    """denoiser: mlp (small) or unet (Diffusion Policy's 1D U-Net)"""
    width: int = 256
    """of the mlp's layers, or of the U-Net's first level (its levels are 1, 2 and 4 times as wide)"""
    blocks: int = 2
    """residual blocks of the mlp"""
    horizon: int = 16
    """actions of a predicted chunk"""
    execute: int = 8
    """actions of a chunk that are executed before the next one is predicted"""
    train_steps: int = 100
    """noise levels of training (DDPM)"""
    sample_steps: int = 8
    """denoising steps of inference (DDIM)"""
    warm_start: int = 0
    """noise level to which the tail of the last chunk is taken for the next one; 0: start from pure noise"""
    updates: int = 8000
    """gradient steps"""
    batch: int = 128
    """rows of a gradient step"""
    lr: float = 1e-3
    """peak learning rate of AdamW (cosine to zero)"""
    warmup: int = 200
    """gradient steps over which it rises"""
    weight_decay: float = 1e-6
    """of AdamW"""
    ema: float = 0.995
    """decay of the averaged weights, which are the policy; 0: no average"""
    relative: bool = True
    """see and act from the robot's own frame where it has one; an image policy does not"""
    images: bool = False
    """see the camera and the robot's own state instead of the whole state"""
    proprio: int = 0
    """numbers at the front of the state that are the robot's own: what an image policy is told; 0: ask the robot"""
    draws: int = 1
    """noise levels at which each row of a batch is trained: a picture is looked at once for all of them (ours)"""
    shift: int = 0
    """pixels by which an image policy's pictures are moved at random (DrQ)"""
    estimate: float = 1.0
    """weight of the error with which an image policy tells the rest of the state from its picture"""
    resume_from: str = ""
    """run folder of diffusion-bc whose base is taken instead of training one"""

    def __post_init__(self) -> None:
        one_of(self, network=("mlp", "unet"))
        at_least(self, width=8, blocks=1, horizon=1, execute=1, train_steps=2, sample_steps=1, warm_start=0, updates=1)
        at_least(self, batch=1, warmup=0, weight_decay=0, ema=0, proprio=0, draws=1, shift=0, estimate=0)
        above_zero(self, "lr")
        if self.execute > self.horizon:
            raise ValueError(f"execute must be at most horizon ({self.horizon}), got {self.execute}.")
        if not (self.sample_steps <= self.train_steps and self.warm_start < self.train_steps and self.ema < 1):
            raise ValueError("sample_steps and warm_start must be below train_steps, and ema below 1.")
        if self.network == "unet" and (self.horizon % 4 or self.width % 8):
            raise ValueError(f"The unet needs a horizon that 4 divides and a width that 8 divides, got {self.horizon}.")


# ---------------------------------------------------------------------- denoisers


class Sinusoid(nn.Module):
    """Noise level [B] -> [B, width], as positions in a transformer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("rates", torch.exp(torch.arange(width // 2) * (-math.log(1e4) / (width // 2 - 1))))

    def forward(self, level: Tensor) -> Tensor:
        angle: Tensor = level.float()[:, None] * self.rates  # type: ignore[operator]
        return torch.cat((angle.sin(), angle.cos()), dim=1)


class MlpDenoiser(nn.Module):
    """Noisy chunk [B, H, A], level [B], condition [B, F] -> noise [B, H, A]."""

    def __init__(self, horizon: int, action: int, condition: int, width: int, blocks: int) -> None:
        super().__init__()
        self.shape = (horizon, action)
        self.time = nn.Sequential(Sinusoid(64), nn.Linear(64, 64), nn.SiLU())
        self.enter = nn.Linear(horizon * action + condition + 64, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
            for _ in range(blocks)
        )
        self.leave = nn.Sequential(nn.SiLU(), nn.Linear(width, horizon * action))

    def forward(self, chunk: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        x = self.enter(torch.cat((chunk.flatten(1), condition, self.time(level)), dim=1))
        for block in self.blocks:
            x = x + block(x)
        noise: Tensor = self.leave(x)
        return noise.view(-1, *self.shape)


class _Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(inputs, outputs, 5, padding=2), nn.GroupNorm(8, outputs), nn.Mish())

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.body(x)
        return found


class _Film(nn.Module):
    """Two convolutions, the first one's channels scaled and shifted by the condition."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(inputs, outputs), _Conv(outputs, outputs)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * outputs))
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[:, :, None].chunk(2, dim=1)
        found: Tensor = self.second(self.first(x) * scale + shift) + self.skip(x)
        return found


class UnetDenoiser(nn.Module):
    """The 1D U-Net of Diffusion Policy over the chunk's time, conditioned by FiLM; as `MlpDenoiser`."""

    def __init__(self, horizon: int, action: int, condition: int, width: int) -> None:
        super().__init__()
        level = 256
        self.time = nn.Sequential(Sinusoid(level), nn.Linear(level, 4 * level), nn.Mish(), nn.Linear(4 * level, level))
        c, widths = level + condition, (width, 2 * width, 4 * width)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        before = action
        for k, wide in enumerate(widths):
            shrink = nn.Conv1d(wide, wide, 3, 2, 1) if k < 2 else nn.Identity()
            self.down.append(nn.ModuleList((_Film(before, wide, c), _Film(wide, wide, c), shrink)))
            before = wide
        self.middle = nn.ModuleList((_Film(before, before, c), _Film(before, before, c)))
        for wide in reversed(widths[:-1]):
            grow = nn.ConvTranspose1d(wide, wide, 4, 2, 1)
            self.up.append(nn.ModuleList((_Film(2 * before, wide, c), _Film(wide, wide, c), grow)))
            before = wide
        self.leave = nn.Sequential(_Conv(before, before), nn.Conv1d(before, action, 1))

    def forward(self, chunk: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        c, x = torch.cat((self.time(level), condition), dim=1), chunk.transpose(1, 2)
        skips = []
        for part in self.down:
            first, second, shrink = part.children()
            x = second(first(x, c), c)
            skips.append(x)
            x = shrink(x)
        for film in self.middle:
            x = film(x, c)
        for part in self.up:
            first, second, grow = part.children()
            x = grow(second(first(torch.cat((x, skips.pop()), dim=1), c), c))
        noise: Tensor = self.leave(x).transpose(1, 2)
        return noise


# ---------------------------------------------------------------------- the policy


class MinMax(nn.Module):
    """Numbers to [-1, 1] by the extremes of the demonstrations, and back (float64 outside, float32 inside)."""

    def __init__(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        super().__init__()
        span = np.where(high - low > 1e-6, high - low, 2.0)  # what never varies is shifted to -1 and not scaled
        self.register_buffer("low", torch.from_numpy(np.array(low, np.float64)))
        self.register_buffer("span", torch.from_numpy(span))

    def into(self, values: NDArray[np.float64], limit: float = 3.0) -> Tensor:
        """Return float32 numbers, cut to +-`limit`."""
        scaled = 2 * (torch.from_numpy(values) - self.low) / self.span - 1  # type: ignore[operator]
        return scaled.clamp(-limit, limit).float()

    def out_of(self, values: Tensor) -> NDArray[np.float64]:
        """Return float64 numbers."""
        return ((values.double() + 1) / 2 * self.span + self.low).numpy()  # type: ignore[operator]

    def stretched(self, values: Tensor) -> NDArray[np.float64]:
        """Return differences, float64, of normalised differences."""
        return (values.double() / 2 * self.span).numpy()  # type: ignore[operator]


class DiffusionPolicy(nn.Module):
    """Chunks of actions given what the robot sees.

    Args:
        options: network and schedules.
        observations: [n, D] of the demonstrations, for the normalisation.
        actions: [n, A] likewise.
    """

    def __init__(
        self, options: DiffusionOptions, observations: NDArray[np.float64], actions: NDArray[np.float64]
    ) -> None:
        super().__init__()
        self.options = options
        self.seen = MinMax(observations.min(axis=0), observations.max(axis=0))
        self.done = MinMax(actions.min(axis=0), actions.max(axis=0))
        self.size = actions.shape[1]
        o = options
        self.sight = Sight(o.proprio, observations.shape[1] - o.proprio) if o.images else None
        condition = self.sight.size if self.sight else observations.shape[1]
        self.net: nn.Module = (
            MlpDenoiser(o.horizon, self.size, condition, o.width, o.blocks)
            if o.network == "mlp"
            else UnetDenoiser(o.horizon, self.size, condition, o.width)
        )
        s = 0.008
        steps = torch.arange(o.train_steps + 1, dtype=torch.float64) / o.train_steps
        bar = torch.cos((steps + s) / (1 + s) * math.pi / 2) ** 2
        betas = (1 - bar[1:] / bar[:-1]).clamp(max=0.999)
        self.register_buffer("alpha_bar", torch.cumprod(1 - betas, 0).float())

    def condition(self, state: Tensor, images: Tensor | None = None) -> Tensor:
        """Return [B, F] of normalised states [B, D] and, for an image policy, images uint8 [B, h, w, 3]."""
        if self.sight is None:
            return state
        assert images is not None
        told: Tensor = self.sight(state[:, : self.options.proprio], images)
        return told

    def noised(self, chunk: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Return the chunk [B, H, A] at noise level [B]."""
        bar = self.alpha_bar[level][:, None, None]  # type: ignore[index]
        return bar.sqrt() * chunk + (1 - bar).sqrt() * noise

    def loss(self, chunk: Tensor, condition: Tensor, rng: torch.Generator) -> Tensor:
        """Return the mean squared error of the predicted noise for normalised chunks [B, H, A]."""
        level = torch.randint(self.options.train_steps, (len(chunk),), generator=rng)
        noise = torch.randn(chunk.shape, generator=rng)
        return functional.mse_loss(self.net(self.noised(chunk, noise, level), level, condition), noise)

    def levels(self, start: int) -> Sequence[int]:
        """Return the noise levels that inference visits, from `start` down."""
        count = max(1, round(self.options.sample_steps * (start + 1) / self.options.train_steps))
        return [round((start + 1) * (count - k) / count) - 1 for k in range(count)]

    @torch.no_grad()
    def sample(self, condition: Tensor, noise: Tensor, begin: Tensor | None = None) -> Tensor:
        """Return normalised chunks [B, H, A] in [-1, 1] by DDIM with eta 0.

        Args:
            condition: [B, F].
            noise: standard normal [B, H, A].
            begin: chunks [B, H, A] to be taken to noise level `warm_start` and denoised from there; None: pure noise.
        """
        parts = []
        for first in range(0, len(noise), BLOCK):
            rows = slice(first, first + BLOCK)
            short = BLOCK - len(noise[rows])
            c, x = (functional.pad(t[rows].flatten(1), (0, 0, 0, short)) for t in (condition, noise))
            x = x.view(-1, *noise.shape[1:])
            start = self.options.train_steps - 1
            if begin is not None:
                start = self.options.warm_start
                old = functional.pad(begin[rows], (0, 0, 0, 0, 0, short))
                x = self.noised(old, x, torch.full((BLOCK,), start))
            parts.append(self._denoise(c, x, start)[: BLOCK - short])
        return torch.cat(parts)

    def _denoise(self, condition: Tensor, x: Tensor, start: int) -> Tensor:
        levels = self.levels(start)
        for level, below in zip(levels, [*levels[1:], -1]):
            bar = self.alpha_bar[level]  # type: ignore[index]
            noise = self.net(x, torch.full((len(x),), level), condition)
            clean = ((x - (1 - bar).sqrt() * noise) / bar.sqrt()).clamp(-1, 1)
            noise = (x - bar.sqrt() * clean) / (1 - bar).sqrt()
            after = self.alpha_bar[below] if below >= 0 else torch.ones(())  # type: ignore[index]
            x = after.sqrt() * clean + (1 - after).sqrt() * noise
        return x
