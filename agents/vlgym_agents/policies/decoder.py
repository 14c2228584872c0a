"""Our own forward pass of Llama- and Qwen2-type text decoders, on the `transformers` module's own weights.

Why: rollouts re-read nothing (KV kept across turns), waste nothing on padding (tokens of all rows are packed; only
attention sees rows), and the last layer and the head run only where a token is predicted. The parameters are the
module's: gradients reach them, `save_pretrained`, adapters and optimisers work as ever.

Layers: RMSNorm, rotary positions (one- or three-dimensional), grouped-query attention with optional biases and q/k
norms, SwiGLU. Linear layers wrapped by an adapter are called as modules; plain ones that read the same input (q, k, v;
gate, up) are laid out in one buffer, of which the module's parameters become views, and run as one product.

Legend: N packed tokens, B rows, T tokens of a row, S kept positions, d hidden, Hq / Hk query and key heads, D head
size.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vlgym_agents.policies.blocks import Angles, Layer, add_linear, norm, rotated
from vlgym_agents.policies.kv import KV, Work

LAYERS = frozenset(f"{name}DecoderLayer" for name in ("Llama", "Mistral", "Qwen2", "Qwen3", "Qwen2VL", "Qwen2_5_VL"))
"""Layer classes whose mathematics is the one above."""

ROPE_TYPES = frozenset({"default", "linear", "llama3", "yarn", "mrope"})
"""Rotary variants whose frequencies do not depend on the length of the text."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive rows of equal geometry, attended in one call.

    Attributes:
        rows: [first, past-the-last) row.  start: tokens already cached in each.  count: new tokens of each.
        offset: index of the run's first packed token.
    """

    rows: tuple[int, int]
    start: int
    count: int
    offset: int


Places = tuple[Tensor, Tensor]
"""(row, column) of each packed token in the cache."""


def runs_of(starts: Sequence[int], counts: Sequence[int]) -> list[Run]:
    """Group consecutive rows with equal (start, count)."""
    runs, row, offset = [], 0, 0
    for (start, count), group in itertools.groupby(zip(starts, counts)):
        size = len(list(group))
        runs.append(Run((row, row + size), int(start), int(count), offset))
        row, offset = row + size, offset + size * int(count)
    return runs


class Decoder:
    """Forward passes of one text decoder: with a cache for sampling (`extend`), without for scoring (`read`).

    Attributes:
        recompute: keep only the layers' inputs for the backward pass and compute the rest again.
    """

    def __init__(self, text_model: nn.Module, head: nn.Module) -> None:
        """Bind to the modules.

        Args:
            text_model: has `embed_tokens`, `layers`, `norm`, `rotary_emb`, `config`.
            head: maps hidden states to logits.

        Raises:
            ValueError: the architecture is not one of those above (use `unsupported` to ask first).
        """
        if reason := unsupported(text_model):
            raise ValueError(reason)
        model: Any = text_model
        config = model.config
        self.model = model
        self.head = head
        self.embedding: Any = model.embed_tokens
        self.heads = int(config.num_attention_heads)
        self.kv_heads = int(config.num_key_value_heads)
        self.head_dim = int(getattr(config, "head_dim", None) or config.hidden_size // self.heads)
        self.layers = [Layer(layer) for layer in model.layers]
        self.norm = model.norm
        self.recompute = False
        self._sections = _sections(config, self.head_dim // 2)
        self._table: tuple[Tensor, Tensor] | None = None

    def refresh(self) -> None:
        """Check that parameters still lie where they were fused; cheap, to be called before a batch of work."""
        for layer in self.layers:
            layer.qkv.fuse()
            layer.gate_up.fuse()

    def kv(self, slots: int) -> KV:
        """Return an empty cache for `slots` rows."""
        size = {"layers": len(self.layers), "heads": self.kv_heads, "dim": self.head_dim}
        return KV(self.embedding.weight, slots=slots, **size)

    def embed(self, ids: Tensor) -> Tensor:
        """Return input embeddings, int64 [N] -> [N, d]."""
        x: Tensor = self.embedding(ids)
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits, [S, d] -> [S, V]."""
        out: Tensor = self.head(hidden)
        return out

    def angles(self, positions: Tensor) -> Angles:
        """Return rotations of int64 positions, [N], or [3, N] (time, height, width) for three-dimensional ones."""
        rope = self.model.rotary_emb
        top = int(positions.max()) + 1
        dtype, device = self.embedding.weight.dtype, positions.device
        if self._table is None or self._table[0].shape[0] < top or self._table[0].device != device:
            steps = torch.arange(max(1024, 2 * top), device=device).float()
            freqs = steps[:, None] * rope.inv_freq.to(device, torch.float32)
            scale = rope.attention_scaling
            self._table = ((freqs.cos() * scale).to(dtype), (freqs.sin() * scale).to(dtype))
        cos, sin = self._table
        if positions.ndim == 1:
            return Angles(cos[positions][:, None], sin[positions][:, None])
        rows = positions[self._sections.to(device)].t()  # [N, D/2]: the position that turns each pair
        pairs = torch.arange(rows.shape[1], device=device)
        return Angles(cos[rows, pairs][:, None], sin[rows, pairs][:, None])

    @torch.no_grad()
    def extend(self, x: Tensor, angles: Angles, work: Work, counts: Sequence[int]) -> Tensor:
        """Append tokens to cached rows.

        Args:
            x: [N, d], embeddings of the new tokens, row after row.
            angles: of those tokens.
            work: cached rows; capacity must suffice. Their lengths grow.
            counts: number of new tokens of each row, at least 1.

        Returns:
            [B, d], normed hidden state of the last token of each row.
        """
        starts = work.lengths
        ends = starts + np.asarray(counts)
        runs = runs_of(starts.tolist(), counts)
        last = torch.as_tensor(np.cumsum(counts) - 1, device=x.device)
        places = None if len(runs) == 1 else _places(starts, counts, x.device)
        newest = _newest_mask(ends, x)
        single = len(x) == len(last)
        masks = None if single else [_chunk_mask(run, x) for run in runs]
        for i, layer in enumerate(self.layers):
            h = norm(x, layer.norm_in)
            final = i == len(self.layers) - 1 and not single
            q, k, v = self._project(layer, h, angles, last if final else None)
            self._store(work.k[i], work.v[i], k, v, runs, places)
            if final:
                x = x[last]
            if single or final:
                attended = self._attend_newest(q, work.k[i], work.v[i], int(ends.max()), newest)
            else:
                assert masks is not None
                attended = self._attend_chunks(q, work.k[i], work.v[i], runs, masks)
            x = layer.mlp(add_linear(x, attended, layer.out))
        work.lengths = ends
        return norm(x, self.norm)

    def read(self, x: Tensor, angles: Angles, counts: Sequence[int], keep: Sequence[NDArray[np.int64]]) -> Tensor:
        """Read whole rows without a cache, differentiably.

        Args:
            x: [N, d], embeddings, row after row; rows of equal length should be neighbours.
            angles: of those tokens.
            counts: length of each row.
            keep: per row, ascending positions whose hidden states are wanted.

        Returns:
            [S, d], normed hidden states of the kept positions, row after row.
        """
        runs = _split_by_keep(runs_of([0] * len(counts), counts), keep)
        offsets = np.cumsum([0, *counts[:-1]])
        kept = torch.as_tensor(np.concatenate([o + k for o, k in zip(offsets, keep)]), device=x.device)
        for layer in self.layers[:-1]:
            if self.recompute and torch.is_grad_enabled():
                x = checkpoint(self._block, layer, x, angles, runs, use_reentrant=False)
            else:
                x = self._block(layer, x, angles, runs)
        layer = self.layers[-1]
        q, k, v = self._project(layer, norm(x, layer.norm_in), angles, kept)
        x = layer.mlp(add_linear(x[kept], self._attend_kept(q, k, v, runs, keep), layer.out))
        return norm(x, self.norm)

    # ------------------------------------------------------------------ parts

    def _block(self, layer: Layer, x: Tensor, angles: Angles, runs: list[Run]) -> Tensor:
        """One layer over whole rows, [N, d] -> [N, d]."""
        q, k, v = self._project(layer, norm(x, layer.norm_in), angles, None)
        return layer.mlp(add_linear(x, self._attend_causal(q, k, v, runs), layer.out))

    def _project(self, layer: Layer, h: Tensor, angles: Angles, only: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return rotated q [N or S, Hq, D], rotated k and plain v [N, Hk, D]; queries of `only` some tokens."""
        heads, kv_heads = self.heads, self.kv_heads
        turn = angles if only is None else angles.take(only)
        if layer.norm_q is not None:
            out = layer.qkv(h)
            q, k, v = self._split(out, heads, kv_heads, kv_heads)
            q = norm(q if only is None else q[only], layer.norm_q)
            k = norm(k, layer.norm_k)
            q, k = rotated(q.flatten(1), turn, heads), rotated(k.flatten(1), angles, kv_heads)
            return self._split(q, heads)[0], self._split(k, kv_heads)[0], v
        if only is None:
            q, k, v = self._split(rotated(layer.qkv(h), angles, heads + kv_heads), heads, kv_heads, kv_heads)
            return q, k, v
        (q,) = self._split(rotated(layer.qkv(h[only], 0, 1), turn, heads), heads)
        k, v = self._split(rotated(layer.qkv(h, 1, 3), angles, kv_heads), kv_heads, kv_heads)
        return q, k, v

    def _split(self, x: Tensor, *heads: int) -> list[Tensor]:
        """[N, sum(heads) * D] -> one [N, heads_i, D] each."""
        sizes = [n * self.head_dim for n in heads]
        return [part.view(len(x), -1, self.head_dim) for part in torch.split(x, sizes, 1)]

    @staticmethod
    def _store(keys: Tensor, values: Tensor, k: Tensor, v: Tensor, runs: list[Run], places: Places | None) -> None:
        """Write packed k, v [N, Hk, D] behind what each row holds."""
        if places is None:
            (run,) = runs
            rows, end = run.rows[1] - run.rows[0], run.start + run.count
            keys[..., run.start : end] = _rows(k, rows).transpose(2, 3)
            values[:, :, run.start : end] = _rows(v, rows)
        else:
            keys.permute(0, 3, 1, 2)[places] = k
            values.transpose(1, 2)[places] = v

    def _attend_newest(self, q: Tensor, k: Tensor, v: Tensor, width: int, mask: Tensor | None) -> Tensor:
        """One query a row against its whole context: q [B, Hq, D] -> [B, Hq * D]. Grouped heads act as queries."""
        q = q.reshape(len(q), self.kv_heads, -1, self.head_dim) * self.head_dim**-0.5
        scores = torch.matmul(q, k[..., :width])
        if mask is not None:
            scores += mask
        weights = torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype)
        return torch.matmul(weights, v[:, :, :width]).reshape(len(q), -1)

    def _attend_chunks(self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run], masks: list[Tensor | None]) -> Tensor:
        """New tokens against old and new ones: q [N, Hq, D] -> [N, Hq * D]."""
        parts = []
        for run, mask in zip(runs, masks):
            rows, end = slice(*run.rows), run.start + run.count
            n = (run.rows[1] - run.rows[0]) * run.count
            query = _rows(q[run.offset : run.offset + n], run.rows[1] - run.rows[0])
            causal = mask is None and run.count > 1
            keys = k[rows, ..., :end].transpose(2, 3).contiguous()
            out = self._sdpa(query, keys, v[rows, :, :end], mask, causal)
            parts.append(out.transpose(1, 2).reshape(n, -1))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_causal(self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run]) -> Tensor:
        """Rows against themselves: packed q [N, Hq, D], k, v [N, Hk, D] -> [N, Hq * D]; no mask is ever built."""
        parts = []
        sizes = [(run.rows[1] - run.rows[0]) * run.count for run in runs]
        for run, *piece in zip(runs, *(torch.split(t, sizes) for t in (q, k, v))):  # split: one cat backward
            q_, k_, v_ = (_rows(t, run.rows[1] - run.rows[0]) for t in piece)
            out = self._sdpa(q_, k_, v_, None, True)
            parts.append(out.transpose(1, 2).flatten(0, 1).flatten(1))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_kept(
        self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run], keep: Sequence[NDArray[np.int64]]
    ) -> Tensor:
        """Kept queries [S, Hq, D] against whole rows -> [S, Hq * D]; rows of a run keep the same positions."""
        parts = []
        heights = [run.rows[1] - run.rows[0] for run in runs]
        asked = torch.split(q, [n * len(keep[run.rows[0]]) for n, run in zip(heights, runs)])
        whole = (torch.split(t, [n * run.count for n, run in zip(heights, runs)]) for t in (k, v))
        for run, n, mine, *pair in zip(runs, heights, asked, *whole):
            if not len(mine):
                continue
            positions = torch.as_tensor(keep[run.rows[0]], device=q.device)
            end = int(positions[-1]) + 1  # nobody looks further
            q_, (k_, v_) = _rows(mine, n), (_rows(t, n)[:, :, :end] for t in pair)
            mask = _additive(torch.arange(end, device=q.device) <= positions[:, None], q)
            parts.append(self._sdpa(q_, k_, v_, mask, False).transpose(1, 2).flatten(0, 1).flatten(1))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _sdpa(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=self.heads != self.kv_heads
        )


def unsupported(text_model: nn.Module) -> str:
    """Return why `Decoder` cannot run this module ("" if it can), in one sentence."""
    model: Any = text_model
    layers = getattr(model, "layers", None)
    if not layers or not hasattr(model, "rotary_emb") or not hasattr(model, "embed_tokens"):
        return f"{type(model).__name__} is not a decoder-only text model with rotary positions."
    config = model.config
    kinds = {type(layer).__name__ for layer in layers}
    if not kinds <= LAYERS:
        return f"The layers of {type(model).__name__} are {', '.join(sorted(kinds))}, which decoder.py does not know."
    if config.hidden_act not in ("silu", "swish"):
        return f"The activation {config.hidden_act!r} is not SwiGLU's silu."
    if any(getattr(layer.self_attn, "sliding_window", None) for layer in layers):
        return "Sliding-window attention is not supported."
    if model.rotary_emb.rope_type not in ROPE_TYPES:
        return f"Rotary positions of type {model.rotary_emb.rope_type!r} depend on the length of the text."
    return ""


def _rows(x: Tensor, rows: int) -> Tensor:
    """Packed [rows * T, H, D] -> [rows, H, T, D], a view."""
    return x.reshape(rows, -1, *x.shape[1:]).transpose(1, 2)


def _sections(config: Any, pairs: int) -> Tensor:
    """Return int64 [pairs]: which of (time, height, width) turns each pair of a head."""
    rope = getattr(config, "rope_parameters", None) or {}
    sections = rope.get("mrope_section")
    if not sections:
        return torch.zeros(pairs, dtype=torch.int64)
    if not rope.get("mrope_interleaved", False):
        return torch.repeat_interleave(torch.arange(3), torch.tensor(sections))
    axes = torch.zeros(pairs, dtype=torch.int64)
    for axis in (1, 2):
        axes[axis : sections[axis] * 3 : 3] = axis
    return axes


def _split_by_keep(runs: list[Run], keep: Sequence[NDArray[np.int64]]) -> list[Run]:
    """Cut runs where neighbouring rows keep different positions."""
    out = []
    for run in runs:
        first = run.rows[0]
        for row in range(run.rows[0] + 1, run.rows[1] + 1):
            if row == run.rows[1] or not np.array_equal(keep[row], keep[first]):
                offset = run.offset + (first - run.rows[0]) * run.count
                out.append(Run((first, row), run.start, run.count, offset))
                first = row
    return out


def _additive(visible: Tensor, like: Tensor) -> Tensor:
    """Turn a boolean mask into an additive one of the dtype of `like`."""
    return torch.zeros(visible.shape, dtype=like.dtype, device=like.device).masked_fill_(~visible, -torch.inf)


def _chunk_mask(run: Run, like: Tensor) -> Tensor | None:
    """Return [T, start + T], or None where nothing is cached yet (plain causal) or one token sees everything."""
    if run.start == 0 or run.count == 1:
        return None
    columns = torch.arange(run.start + run.count, device=like.device)
    return _additive(columns <= columns[run.start :, None], like)


def _newest_mask(ends: NDArray[np.int64], like: Tensor) -> Tensor | None:
    """Return [B, 1, 1, longest], or None where all rows are equally long."""
    if (ends == ends[0]).all():
        return None
    columns = torch.arange(int(ends.max()), device=like.device)
    return _additive(columns < torch.as_tensor(ends, device=like.device)[:, None], like)[:, None, None]


def _places(starts: NDArray[np.int64], counts: Sequence[int], device: torch.device) -> Places:
    """Return (row, column) of each packed token in the cache."""
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = np.concatenate([np.arange(start, start + count) for start, count in zip(starts, counts)])
    return torch.as_tensor(rows, device=device), torch.as_tensor(columns, device=device)
