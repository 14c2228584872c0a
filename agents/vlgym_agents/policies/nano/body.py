"""The transformer body: pre-norm blocks with RoPE and squared-ReLU MLPs, and the key-value cache they run on.

Legend: B sequences, L positions computed now, S positions seen (cached and new), H heads.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from vlgym_agents.policies.nano.config import NanoConfig

Remember = Callable[[int, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(layer, new keys [B, H, L, d/H], new values) -> keys and values [B, H, S, d/H] to attend to."""


def rotary(positions: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosines and sines, float [B, 1, L, size/2] each, for int64 [B, L] positions."""
    rate = 10000.0 ** (-torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size)
    angle = positions[:, None, :, None].float() * rate
    return angle.cos(), angle.sin()


def _turn(x: torch.Tensor, rope: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    cos, sin = rope
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Block(nn.Module):
    """x + attention(norm x), then x + mlp(norm x). Keys start equal to queries, so that like attends to like."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.before = nn.RMSNorm(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.o = nn.Linear(d, d, bias=False)
        self.between = nn.RMSNorm(d)
        self.up = nn.Linear(d, config.expansion * d, bias=False)
        self.down = nn.Linear(config.expansion * d, d, bias=False)
        with torch.no_grad():
            nn.init.normal_(self.qkv.weight[:d], std=1.6 * d**-0.5)
            self.qkv.weight[d : 2 * d] = self.qkv.weight[:d]
        nn.init.zeros_(self.o.weight)
        nn.init.zeros_(self.down.weight)

    def forward(
        self,
        x: torch.Tensor,
        rope: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor,
        layer: int,
        remember: Remember,
    ) -> torch.Tensor:
        """Map float [B, L, d] to the same; mask float [B, 1, L, S], added to the scores."""
        b, n, d = x.shape
        q, k, v = self.qkv(self.before(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        k, v = remember(layer, _turn(k, rope), v)
        y = F.scaled_dot_product_attention(_turn(q, rope), k, v, attn_mask=mask)
        x = x + self.o(y.transpose(1, 2).reshape(b, n, d))
        out: torch.Tensor = x + self.down(F.relu(self.up(self.between(x))).square())
        return out


class Body(nn.Module):
    """The blocks and the final norm."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.size = config.width // config.heads
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.layers)])
        self.norm = nn.RMSNorm(config.width)

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, remember: Remember | None = None
    ) -> torch.Tensor:
        """Return hidden states.

        Args:
            x: float [B, L, d].  positions: int64 [B, L].  mask: bool [B, L, S], which positions each may attend to.
            remember: the cache; None attends to the new positions only (S = L).
        """
        rope = rotary(positions, self.size)
        keep = remember or (lambda layer, k, v: (k, v))
        hidden = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill_(~mask, -torch.inf)[:, None]
        for layer, block in enumerate(self.blocks):
            x = block(x, rope, hidden, layer, keep)
        out: torch.Tensor = self.norm(x)
        return out
