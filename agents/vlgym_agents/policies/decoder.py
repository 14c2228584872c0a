"""Our own forward pass of Llama- and Qwen2-type text decoders, on the `transformers` module's own weights.

Why: rollouts re-read nothing (KV kept across turns), waste nothing on padding (tokens of all rows are packed; only
attention sees rows), and the last layer and the head run only where a token is predicted. The parameters are the
module's: gradients reach them, `save_pretrained`, adapters and optimisers work as ever.

Layers: RMSNorm, rotary positions (one- or three-dimensional), grouped-query attention with optional biases and q/k
norms, SwiGLU. Linear layers wrapped by an adapter are called as modules; plain ones that read the same input (q, k, v;
gate, up) are laid out in one buffer, of which the module's parameters become views, and run as one product.

Legend: N packed tokens, B rows, T tokens of a row, S kept positions, d hidden, Hq / Hk query and key heads, D head size.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

LAYERS = frozenset(
    f"{name}DecoderLayer" for name in ("Llama", "Mistral", "Qwen2", "Qwen3", "Qwen2VL", "Qwen2_5_VL")
)
"""Layer classes whose mathematics is the one above."""

ROPE_TYPES = frozenset({"default", "linear", "llama3", "yarn", "mrope"})
"""Rotary variants whose frequencies do not depend on the length of the text."""


class Angles(NamedTuple):
    """cos and sin of each token's rotation: [N, 1, D/2] each, in the dtype of the activations."""

    cos: Tensor
    sin: Tensor

    def take(self, index: Tensor) -> Angles:
        """Return the angles of some tokens."""
        return Angles(self.cos[index], self.sin[index])


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


def runs_of(starts: Sequence[int], counts: Sequence[int]) -> list[Run]:
    """Group consecutive rows with equal (start, count)."""
    runs, row, offset = [], 0, 0
    for (start, count), group in itertools.groupby(zip(starts, counts)):
        size = len(list(group))
        runs.append(Run((row, row + size), int(start), int(count), offset))
        row, offset = row + size, offset + size * int(count)
    return runs


# ---------------------------------------------------------------------- differentiable pieces


class _JointLinear(torch.autograd.Function):
    """y = x W^T + b where W and b are buffers whose row blocks are the given parameters."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *params: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sizes = [0 if p is None else p.shape[0] for p in params]
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad
        half = len(ctx.sizes) // 2
        out: list[Tensor | None] = [g @ weight if needs[0] else None, None, None]
        for part, wanted in ((0, needs[3 : 3 + half]), (1, needs[3 + half :])):
            total = (g.t() @ x if part == 0 else g.sum(0)) if any(wanted) else None
            sizes = ctx.sizes[:half]
            pieces = total.split(sizes) if total is not None else [None] * half
            out += [piece if want else None for piece, want in zip(pieces, wanted)]
        return tuple(out)


class _Norm(torch.autograd.Function):
    """RMSNorm that keeps only its input and the inverse root-mean-square."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        rstd = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, rstd)
        return (x * rstd).mul_(weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, weight, rstd = ctx.saved_tensors
        hat = x * rstd
        gw = None
        if ctx.needs_input_grad[1]:
            gw = (g * hat).reshape(-1, x.shape[-1]).sum(0)
        gx = g * weight
        dot = torch.linalg.vecdot(gx, hat).unsqueeze(-1).div_(x.shape[-1])
        gx.sub_(hat.mul_(dot)).mul_(rstd)
        return gx, gw, None


class _Rotate(torch.autograd.Function):
    """Rotate the first `heads` heads of [N, H, D] in place of a copy; the backward rotates by the opposite angle."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return rotate(x, Angles(cos, sin))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        return rotate(grads[0], Angles(cos, -sin)), None, None


class _SwiGLU(torch.autograd.Function):
    """silu(gate) * up of [N, 2M] = [gate | up]."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        gate, up = z.chunk(2, -1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        (z,) = ctx.saved_tensors
        gate, up = z.chunk(2, -1)
        out = torch.empty_like(z)
        dgate, dup = out.chunk(2, -1)
        torch.mul(g, F.silu(gate), out=dup)
        torch.ops.aten.silu_backward.grad_input(g * up, gate, grad_input=dgate)
        return (out,)


def rotate(x: Tensor, angles: Angles) -> Tensor:
    """Rotate pairs (i, i + D/2) of the last axis: [N, H, D] -> [N, H, D]."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    out = torch.empty_like(x)
    torch.mul(a, angles.cos, out=out[..., :half]).addcmul_(b, angles.sin, value=-1)
    torch.mul(b, angles.cos, out=out[..., half:]).addcmul_(a, angles.sin)
    return out


class Joint:
    """Linear layers that read the same input, run as one product where none of them is wrapped."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.modules = list(modules)
        self.sizes = [int(m.out_features) for m in self.modules]  # type: ignore[arg-type]
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        self.fuse()

    def fuse(self) -> None:
        """Lay plain layers out in one buffer and make their parameters views of it (again, if something moved them)."""
        plain = [m for m in self.modules if type(m) is nn.Linear]
        biased = {m.bias is not None for m in plain}
        if len(plain) < len(self.modules) or len(biased) != 1 or len({m.weight.dtype for m in plain}) != 1:
            self.weight = self.bias = None
            return
        with torch.no_grad():
            self.weight = _as_one([m.weight for m in plain], self.weight)
            self.bias = _as_one([m.bias for m in plain], self.bias) if biased == {True} else None

    def __call__(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Return the outputs of layers [first, last), side by side: [N, in] -> [N, sum of their sizes]."""
        part = slice(first, last)
        modules = self.modules[part]
        if self.weight is None:
            return torch.cat([m(x) for m in modules], -1) if len(modules) > 1 else modules[0](x)
        top, size = sum(self.sizes[:first]), sum(self.sizes[part])
        weight = self.weight[top : top + size]
        bias = None if self.bias is None else self.bias[top : top + size]
        if not torch.is_grad_enabled():
            return F.linear(x, weight, bias)
        params = [m.weight for m in modules] + [m.bias for m in modules]
        return _JointLinear.apply(x, weight, bias, *params)


def _as_one(parts: list[Tensor], current: Tensor | None) -> Tensor:
    """Return one [sum, ...] tensor that shares memory with every part (the parts are moved into it if need be)."""
    offset = 0
    for part in parts:
        if current is None or current.dtype != part.dtype or part.data_ptr() != current[offset:].data_ptr():
            break
        offset += part.shape[0]
    else:
        assert current is not None
        return current
    whole = torch.cat([p.detach() for p in parts])
    for part, piece in zip(parts, whole.split([p.shape[0] for p in parts])):
        part.data = piece
    return whole


class Layer:
    """One decoder block."""

    def __init__(self, module: nn.Module) -> None:
        attention: Any = module.self_attn
        mlp: Any = module.mlp
        self.qkv = Joint([attention.q_proj, attention.k_proj, attention.v_proj])
        self.out = attention.o_proj
        self.gate_up = Joint([mlp.gate_proj, mlp.up_proj])
        self.down = mlp.down_proj
        self.norm_in: Any = module.input_layernorm
        self.norm_mlp: Any = module.post_attention_layernorm
        self.norm_q: Any = getattr(attention, "q_norm", None)
        self.norm_k: Any = getattr(attention, "k_norm", None)

    def mlp(self, x: Tensor) -> Tensor:
        """Return x + MLP(norm(x)), [N, d]."""
        z = self.gate_up(norm(x, self.norm_mlp))
        if torch.is_grad_enabled():
            h = _SwiGLU.apply(z)
        else:
            gate, up = z.chunk(2, -1)
            h = F.silu(gate).mul_(up)
        return add_linear(x, h, self.down)


def norm(x: Tensor, module: Any) -> Tensor:
    """RMSNorm over the last axis; half precision is normalised in float32, as `transformers` does."""
    if x.dtype != torch.float32:
        return module(x)
    if torch.is_grad_enabled():
        return _Norm.apply(x, module.weight, module.variance_epsilon)
    return F.rms_norm(x, (x.shape[-1],), module.weight, module.variance_epsilon)


def add_linear(x: Tensor, h: Tensor, linear: nn.Module) -> Tensor:
    """Return x + linear(h), without a temporary where the layer is plain."""
    if type(linear) is nn.Linear and linear.bias is None:
        return torch.addmm(x, h, linear.weight.t())
    return x + linear(h)


# ---------------------------------------------------------------------- cache


class KV:
    """Keys and values of `slots` rows: per layer [slots, Hk, capacity, D]; capacity grows as needed."""

    def __init__(self, decoder: Decoder, slots: int) -> None:
        weight = decoder.embedding.weight
        empty = weight.new_empty((slots, decoder.kv_heads, 0, decoder.head_dim))
        self.k = [empty for _ in decoder.layers]
        self.v = [empty for _ in decoder.layers]
        self.lengths: NDArray[np.int64] = np.zeros(slots, np.int64)

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` tokens a row."""
        have = self.k[0].shape[2]
        if capacity <= have:
            return
        capacity = max(-(-capacity // 64) * 64, have + have // 2)
        used = int(self.lengths.max(initial=0))
        for store in (self.k, self.v):
            for i, old in enumerate(store):
                # zeros, not garbage: a masked column is multiplied by 0, and 0 * NaN is NaN
                store[i] = old.new_zeros((*old.shape[:2], capacity, old.shape[3]))
                store[i][:, :, :used] = old[:, :, :used]

    def copy(self, source: int, targets: Sequence[int]) -> None:
        """Copy the whole context of one row to others."""
        n = int(self.lengths[source])
        for store in (*self.k, *self.v):
            store[list(targets), :, :n] = store[source, :, :n]
        self.lengths[list(targets)] = n


class Work:
    """The rows of a cache that one call works on: a view if they are consecutive, else a copy that `close` writes back."""

    def __init__(self, cache: KV, slots: Sequence[int]) -> None:
        self.cache = cache
        self.slots = list(slots)
        self.lengths = cache.lengths[self.slots].copy()
        self._opened = int(self.lengths.min())
        first, n = self.slots[0], len(self.slots)
        self._view = self.slots == list(range(first, first + n))
        if self._view:
            self.k = [k[first : first + n] for k in cache.k]
            self.v = [v[first : first + n] for v in cache.v]
        else:
            self._index = torch.as_tensor(self.slots, device=cache.k[0].device)
            used = int(self.lengths.max())
            self.k, self.v = ([self._gather(s, used) for s in store] for store in (cache.k, cache.v))

    def _gather(self, store: Tensor, used: int) -> Tensor:
        out = store.new_zeros((len(self.slots), *store.shape[1:]))
        torch.index_select(store[:, :, :used], 0, self._index, out=out[:, :, :used]) if used else None
        return out

    def close(self) -> None:
        """Write lengths, and what was added to a copy, back to the cache."""
        self.cache.lengths[self.slots] = self.lengths
        if not self._view:
            columns = slice(self._opened, int(self.lengths.max()))
            for store, mine in zip((*self.cache.k, *self.cache.v), (*self.k, *self.v)):
                store[:, :, columns].index_copy_(0, self._index, mine[:, :, columns])


# ---------------------------------------------------------------------- decoder


class Decoder:
    """Forward passes of one text decoder: with a cache for sampling (`extend`), without for scoring (`read`)."""

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
        self._sections = _sections(config, self.head_dim // 2)
        self._table: tuple[Tensor, Tensor] | None = None

    def refresh(self) -> None:
        """Check that parameters still lie where they were fused; cheap, to be called before a batch of work."""
        for layer in self.layers:
            layer.qkv.fuse()
            layer.gate_up.fuse()

    def embed(self, ids: Tensor) -> Tensor:
        """Return input embeddings, int64 [N] -> [N, d]."""
        return self.embedding(ids)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits, [S, d] -> [S, V]."""
        return self.head(hidden)

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
            self._store(work.k[i], k, runs, places)
            self._store(work.v[i], v, runs, places)
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
            q, k, v = self._project(layer, norm(x, layer.norm_in), angles, None)
            x = layer.mlp(add_linear(x, self._attend_causal(q, k, v, runs), layer.out))
        layer = self.layers[-1]
        q, k, v = self._project(layer, norm(x, layer.norm_in), angles, kept)
        x = layer.mlp(add_linear(x[kept], self._attend_kept(q, k, v, runs, keep), layer.out))
        return norm(x, self.norm)

    # ------------------------------------------------------------------ parts

    def _project(self, layer: Layer, h: Tensor, angles: Angles, only: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return rotated q [N or S, Hq, D], rotated k and plain v [N, Hk, D]; queries of the tokens `only`, if given."""
        dim, both = self.head_dim, self.heads + self.kv_heads
        if only is None and layer.norm_q is None:
            out = layer.qkv(h).view(len(h), -1, dim)
            qk = self._rotate(out[:, :both], angles)
            return qk[:, : self.heads], qk[:, self.heads :], out[:, both:]
        if only is None:
            out = layer.qkv(h).view(len(h), -1, dim)
            q, kv, turn = out[:, : self.heads], out[:, self.heads :], angles
        else:
            q = layer.qkv(h[only], 0, 1).view(len(only), -1, dim)
            kv, turn = layer.qkv(h, 1, 3).view(len(h), -1, dim), angles.take(only)
        k, v = kv[:, : self.kv_heads], kv[:, self.kv_heads :]
        if layer.norm_q is not None:
            q, k = norm(q, layer.norm_q), norm(k, layer.norm_k)
        return self._rotate(q, turn), self._rotate(k, angles), v

    @staticmethod
    def _rotate(x: Tensor, angles: Angles) -> Tensor:
        return _Rotate.apply(x, *angles) if torch.is_grad_enabled() else rotate(x, angles)

    @staticmethod
    def _store(store: Tensor, new: Tensor, runs: list[Run], places: tuple[Tensor, Tensor] | None) -> None:
        """Write [N, Hk, D] into [B, Hk, capacity, D] behind what each row holds."""
        if places is None:
            (run,) = runs
            rows = run.rows[1] - run.rows[0]
            store[:, :, run.start : run.start + run.count] = new.unflatten(0, (rows, run.count)).transpose(1, 2)
        else:
            store.transpose(1, 2)[places] = new

    def _attend_newest(self, q: Tensor, k: Tensor, v: Tensor, width: int, mask: Tensor | None) -> Tensor:
        """One query a row against its whole context: q [B, Hq, D] -> [B, Hq * D]. Grouped heads act as queries."""
        q = q.reshape(len(q), self.kv_heads, -1, self.head_dim)
        out = F.scaled_dot_product_attention(q, k[:, :, :width], v[:, :, :width], attn_mask=mask)
        return out.reshape(len(q), -1)

    def _attend_chunks(self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run], masks: list[Tensor | None]) -> Tensor:
        """New tokens against old and new ones: q [N, Hq, D] -> [N, Hq * D]."""
        parts = []
        for run, mask in zip(runs, masks):
            rows, end = slice(*run.rows), run.start + run.count
            n = (run.rows[1] - run.rows[0]) * run.count
            query = q[run.offset : run.offset + n].unflatten(0, (-1, run.count)).transpose(1, 2)
            causal = mask is None and run.count > 1
            out = self._sdpa(query, k[rows, :, :end], v[rows, :, :end], mask, causal)
            parts.append(out.transpose(1, 2).reshape(n, -1))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_causal(self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run]) -> Tensor:
        """Rows against themselves: packed q [N, Hq, D], k, v [N, Hk, D] -> [N, Hq * D]; no mask is ever built."""
        parts = []
        for run in runs:
            rows = slice(run.offset, run.offset + (run.rows[1] - run.rows[0]) * run.count)
            q_, k_, v_ = (t[rows].unflatten(0, (-1, run.count)).transpose(1, 2) for t in (q, k, v))
            out = self._sdpa(q_, k_, v_, None, True)
            parts.append(out.transpose(1, 2).flatten(0, 1).flatten(1))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _attend_kept(
        self, q: Tensor, k: Tensor, v: Tensor, runs: list[Run], keep: Sequence[NDArray[np.int64]]
    ) -> Tensor:
        """Kept queries [S, Hq, D] against whole rows -> [S, Hq * D]; rows of a run keep the same positions."""
        parts, done = [], 0
        for run in runs:
            positions = torch.as_tensor(keep[run.rows[0]], device=q.device)
            rows = run.rows[1] - run.rows[0]
            if not len(positions):
                continue
            end = int(positions[-1]) + 1  # nobody looks further
            span = slice(run.offset, run.offset + rows * run.count)
            k_, v_ = (t[span].unflatten(0, (rows, run.count))[:, :end].transpose(1, 2) for t in (k, v))
            q_ = q[done : done + rows * len(positions)].unflatten(0, (rows, -1)).transpose(1, 2)
            done += rows * len(positions)
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


def _places(starts: NDArray[np.int64], counts: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return (row, column) of each packed token in the cache."""
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = np.concatenate([np.arange(start, start + count) for start, count in zip(starts, counts)])
    return torch.as_tensor(rows, device=device), torch.as_tensor(columns, device=device)
