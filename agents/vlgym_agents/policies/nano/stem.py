"""Text stem: one vector per piece, made of what the piece says and of how it matches the instruction.

A word is the normalised sum of its BPE embeddings, so equal words have cosine 1 and inflections are near. Each piece is
matched word by word against the instruction (late interaction: the best match of every instruction word in the piece,
Khattab & Zaharia 2020), which costs a table look-up per pair of words instead of attention over tokens.

Legend: as in pack.py; d model width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.pack import Packed
from vlgym_agents.policies.nano.tokenizer import CONTROLS

_SHARPNESS = (1.0, 6.0, 40.0)


def steady(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply batches of matrices with sums in double precision.

    For products that are large and cancel. Sampler and scorer have batches of different shapes, so in single precision
    they would sum in different orders, and log-probs on WebShop would differ by up to 2e-5; so they do by 6e-6.
    """
    return torch.bmm(a.double(), b.double()).to(a.dtype)


class Mix(nn.Module):
    """Residual 5-tap depthwise convolution between two projections: a button sees the lines beside it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.into = nn.Linear(width, width, bias=False)
        self.taps = nn.Parameter(torch.zeros(5, width))
        self.out = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.taps, std=0.3)
        with torch.no_grad():
            self.taps[2] += 1.0
            self.out.weight.mul_(0.3)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Map float [C, P, d] to the same; `real` float [C, P, 1] is 0 on padding."""
        y = F.pad(self.into(self.norm(x)) * real, (0, 0, 2, 2))
        n = x.shape[1]
        y = sum(y[:, i : i + n] * self.taps[i] for i in range(5))  # type: ignore[assignment]
        mixed: torch.Tensor = x + self.out(F.relu(y).square())
        return mixed


class TextStem(nn.Module):
    """Packed pieces to vectors, float [C, P, d]."""

    FEATURES = 18

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        d = config.width
        self.embed = nn.Embedding(config.vocab_size, d)
        nn.init.normal_(self.embed.weight, std=1.0)
        gains = torch.ones(config.word_tokens, d)
        gains[1:] = torch.where(torch.rand(config.word_tokens - 1, d) < 0.5, -1.0, 1.0)
        self.gains = nn.Parameter(gains)  # a token counts differently at each place of a word
        self.asks = nn.Linear(d, d, bias=False)
        self.keys = nn.Linear(d, d, bias=False)
        nn.init.eye_(self.asks.weight)
        nn.init.eye_(self.keys.weight)
        self.slope = nn.Parameter(torch.tensor(10.0))
        self.threshold = nn.Parameter(torch.tensor(0.65))
        self.hear = nn.Linear(d, d)
        self.number = nn.Linear(2, d)
        self.heard = Mix(d)
        self.soft = nn.Linear(d, d, bias=False)
        self.exact = nn.Linear(d, d, bias=False)
        self.weigh = nn.Linear(d, 2)
        self.kind = nn.Embedding(CONTROLS, d)
        self.says = nn.Linear(d, d, bias=False)
        self.measures = nn.Linear(self.FEATURES, d)
        self.norm = nn.RMSNorm(d)
        self.up = nn.Linear(d, 2 * d)
        self.down = nn.Linear(2 * d, d)
        self.above = nn.Linear(d, d, bias=False)
        self.mixes = nn.ModuleList([Mix(d), Mix(d)])
        nn.init.normal_(self.kind.weight, std=0.5)

    def words(self, table: torch.Tensor) -> torch.Tensor:
        """Return unit vectors, float [U, d], of words given by BPE ids, int64 [U, T] (0 pads)."""
        parts = self.embed(table) * self.gains * (table > 0)[..., None]
        return F.normalize(parts.sum(1), dim=-1)

    def forward(self, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (vectors of the pieces, zero on padding; what a match with each instruction word adds to one, float
        [I, M, d])."""
        words = self.words(packed.table)
        heard = self._instruction(packed, words)  # [I, M, d]
        mask = packed.heard.float()
        weights = torch.sigmoid(self.weigh(heard)[..., 0]) * mask  # [I, M]
        soft, exact, best, precise = self._match(packed, words)
        opening = packed.opening
        meaning = self.soft(heard) * 0.5
        values = torch.cat([meaning, self.exact(heard) * 0.5], 1)[opening]  # [C, 2M, d]
        matched = steady(torch.cat([soft, exact], -1), values)
        features = self._features(packed, soft, weights[opening], best, precise, heard)
        content = self._content(packed, words)
        x = self.kind(packed.kinds) + self.says(content) + matched + self.measures(features)
        x = x + self.down(F.relu(self.up(self.norm(x))).square())
        real = (packed.kinds > 0).float()[..., None]
        above = x.gather(1, packed.header[..., None].expand_as(x)) * packed.headed[..., None]
        x = (x + self.above(above)) * real
        for mix in self.mixes:
            x = mix(x, real)
        return x * real, meaning

    def _instruction(self, packed: Packed, words: torch.Tensor) -> torch.Tensor:
        """Return the instruction's words in context, float [I, M, d]."""
        said = words[packed.said] * packed.heard[..., None]
        number = torch.stack([packed.numeric.float(), packed.spoken.float() / 4], -1)
        x = self.hear(said) * 3.0 + self.number(number)
        heard: torch.Tensor = self.heard(x, packed.heard.float()[..., None])
        return heard

    def _match(self, packed: Packed, words: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the best soft and exact match of every instruction word in every piece (float [C, P, M] each), and per
        word of the pieces the best soft and exact match in the instruction (float [W] each)."""
        count, longest = packed.kinds.shape
        heard, said = packed.heard, packed.said
        spoken, index = torch.unique(said, return_inverse=True)
        cosine = F.normalize(self.asks(words), dim=-1) @ F.normalize(self.keys(words[spoken]), dim=-1).T
        table = torch.sigmoid(self.slope * (cosine - self.threshold))  # [U, spoken]
        column, known = index[packed.opening][packed.of], heard[packed.opening][packed.of].float()  # [W, M]
        soft = table.reshape(-1).take(packed.words[:, None] * table.shape[1] + column) * known
        exact = (packed.words[:, None] == said[packed.opening][packed.of]).float() * known
        both = torch.cat([soft, exact], 1)
        pieces = both.new_zeros(count * longest, both.shape[1])
        pieces = pieces.scatter_reduce(0, packed.piece[:, None].expand_as(both), both, "amax")
        soft_piece, exact_piece = pieces.view(count, longest, -1).chunk(2, -1)
        return soft_piece, exact_piece, soft.amax(1), exact.amax(1)

    def _features(
        self,
        packed: Packed,
        soft: torch.Tensor,
        weights: torch.Tensor,
        best: torch.Tensor,
        precise: torch.Tensor,
        heard: torch.Tensor,
    ) -> torch.Tensor:
        """Return scalar measures of the match, float [C, P, FEATURES]."""
        count, longest = packed.kinds.shape
        per = torch.stack([best, precise], 1)
        sums = per.new_zeros(count * longest, 2).index_add(0, packed.piece, per).view(count, longest, 2)
        n = packed.lengths[..., None].clamp(min=1)
        worst = per.new_ones(count * longest).scatter_reduce(0, packed.piece, best, "amin").view(count, longest)
        told = (packed.lengths > 0).float()
        recall = (soft * weights[:, None]).sum(-1)
        share = recall / weights.sum(-1, keepdim=True).clamp(min=1e-3)
        lead = share - share.amax(1, keepdim=True)
        bound, bounded = self._bound(packed, heard)
        gap = (bound[packed.opening][:, None, None] - packed.numbers) * packed.counted[..., None]
        gap = gap * bounded[packed.opening][:, None, None]
        compared = [torch.tanh(gap * s) for s in _SHARPNESS]  # [C, P, 2] each
        counted = packed.counted > 0
        low = packed.numbers[..., 0].masked_fill(~counted, torch.inf).amin(1, keepdim=True)
        high = packed.numbers[..., 1].masked_fill(~counted, -torch.inf).amax(1, keepdim=True)
        least = torch.tanh(4 * (packed.numbers[..., 0] - low).masked_fill(~counted, 0.0))
        most = torch.tanh(4 * (high - packed.numbers[..., 1]).masked_fill(~counted, 0.0))
        plain = [least, most, recall / 4, share, lead * 4, worst * told, packed.lengths.log1p() / 3, packed.counted]
        return torch.cat(
            [
                torch.stack([*plain, packed.counted * packed.numbers[..., 0] / 4, (lead > -1e-6).float() * told], -1),
                sums / n,
                *compared,
            ],
            -1,
        )

    def _bound(self, packed: Packed, heard: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the number of the instruction that numbers are compared with, chosen by attention (log, [I]), and
        whether there is one."""
        score = self.weigh(heard)[..., 1].masked_fill(~packed.numeric, -1e4)
        share = torch.softmax(score, -1)
        return (share * packed.spoken).sum(-1), packed.numeric.any(-1).float()

    def _content(self, packed: Packed, words: torch.Tensor) -> torch.Tensor:
        """Return the mean of the words of each piece, times the root of their number, float [C, P, d]."""
        count, longest = packed.kinds.shape
        total = words.new_zeros(count * longest, words.shape[1]).index_add(0, packed.piece, words[packed.words])
        return total.view(count, longest, -1) / packed.lengths[..., None].clamp(min=1).sqrt() * 3.0
