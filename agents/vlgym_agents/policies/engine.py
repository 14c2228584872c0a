"""Two ways to run a hub model over segments of ids and images: our packed decoder, or the library's own forward.

`PackedEngine` serves Llama- and Qwen2-type text decoders (text models, Qwen2-VL, Qwen2.5-VL, Idefics3, SmolVLM, LLaVA):
`decoder.py` on the module's weights. `ModuleEngine` serves everything else that `transformers` loads: one row at a time
with the library's cache, exact for any architecture, slower. Both feed only new tokens to a running context.

Legend: B rows of a call, S kept positions, d hidden.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlgym_agents.policies.decoder import Decoder, unsupported
from vlgym_agents.policies.kv import KV, Work
from vlgym_agents.policies.processors import Image, ImageReader, layout
from vlgym_agents.types import Ids

PACK = 4096
"""Tokens run through the decoder at once (at least one row): bounds memory, and keeps activations near the caches."""

SPARE = 1 << 28
"""A session's cache of at most so many bytes is kept for the next session."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """New tokens of one row.

    Attributes:
        ids: int64 [n].
        positions: int64 [n], or [3, n] for models with three-dimensional positions.
        images: uint8 [H, W, 3] arrays whose placeholders are in `ids`.
    """

    ids: NDArray[np.int64]
    positions: Tensor
    images: tuple[Image, ...] = ()

    def key(self) -> bytes:
        """Return what tells this segment from others: its ids and the pixels of its images."""
        digest = hashlib.blake2b(self.ids.tobytes(), digest_size=16)
        for image in self.images:
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).data)
        return digest.digest()


class Cache(Protocol):
    """Contexts of up to `slots` rows.

    Attributes:
        drop_below: `drop` pays once this share of the open rows, or less, goes on.
    """

    drop_below: float

    def open(self, slots: Sequence[int], segments: Sequence[Segment], room: int) -> Tensor:
        """Append segments to slots and leave room for more; return hidden states [B, d] at the last tokens."""
        ...

    def step(self, ids: Tensor, positions: NDArray[np.int64]) -> Tensor:
        """Append one token to each open row; return hidden states [B, d]."""
        ...

    def drop(self, rows: Sequence[int]) -> None:
        """Go on with these rows of the open ones only."""
        ...

    def close(self, lengths: Sequence[int]) -> None:
        """End the call; `lengths[i]` tokens of the i-th slot given to `open` are kept."""
        ...

    def length(self, slot: int) -> int:
        """Return the number of cached tokens."""
        ...

    def free(self, slot: int) -> None:
        """Forget a slot."""
        ...


class Engine(Protocol):
    """A model that can run with a cache and without."""

    def cache(self, slots: int) -> Cache:
        """Return an empty cache."""
        ...

    def read(self, segments: Sequence[Segment], keep: Sequence[NDArray[np.int64]]) -> Tensor:
        """Return hidden states [S, d] at kept positions of whole rows, differentiably, rows in the order given."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Return logits, [S, d] -> [S, V]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The pieces of a `transformers` model: the whole without its head, its text decoder, the head."""

    core: Any
    text: Any
    head: Any

    @classmethod
    def of(cls, model: Any) -> Parts:
        """Take a model (possibly wrapped by peft) apart."""
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        core = base.base_model  # `model` or, in older architectures, `transformer`
        text = next((getattr(core, n) for n in ("language_model", "text_model") if hasattr(core, n)), core)
        return cls(core, text, base.get_output_embeddings())

    def features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Return image features [n, d] of all images, in order."""
        device = self.head.weight.device
        found = self.core.get_image_features(**{k: v.to(device) for k, v in inputs.items()})
        pooled = getattr(found, "pooler_output", found)
        if isinstance(pooled, (list, tuple)):
            pooled = torch.cat([p.flatten(0, -2) for p in pooled])
        features: Tensor = pooled.flatten(0, -2)
        return features


class PackedEngine:
    """`Decoder` on the model's weights; image features are computed by the model's own tower."""

    def __init__(self, parts: Parts, reader: ImageReader | None) -> None:
        self.parts = parts
        self.reader = reader
        self.decoder = Decoder(parts.text, parts.head)
        self.spare: KV | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """See `Engine.logits`."""
        return self.decoder.logits(hidden)

    def cache(self, slots: int) -> PackedCache:
        """See `Engine.cache`."""
        return PackedCache(self, slots)

    def embed(self, segments: Sequence[Segment]) -> tuple[Tensor, Any, list[int]]:
        """Return (embeddings [N, d], angles, lengths) of segments, packed."""
        device = self.decoder.embedding.weight.device
        ids = torch.from_numpy(np.concatenate([s.ids for s in segments])).to(device)
        positions = torch.cat([s.positions for s in segments], -1).to(device)
        x = self.decoder.embed(ids)
        if images := [image for s in segments for image in s.images]:
            assert self.reader is not None
            features = self.parts.features(self.reader.inputs(images)).to(x.dtype)
            x = x.masked_scatter((ids == self.reader.placeholder)[:, None], features)
        return x, self.decoder.angles(positions), [len(s.ids) for s in segments]

    def read(self, segments: Sequence[Segment], keep: Sequence[NDArray[np.int64]]) -> Tensor:
        """See `Engine.read`; rows are cut after their last kept position and run in packs of like length."""
        self.decoder.refresh()
        order = sorted((i for i, k in enumerate(keep) if len(k)), key=lambda i: -len(segments[i].ids))
        if not order:
            return _nothing(self.decoder.embedding.weight)
        packs = _packs([len(segments[i].ids) for i in order])
        out: list[Tensor | None] = [None] * len(segments)
        for first, last in packs:
            rows = order[first:last]
            x, angles, counts = self.embed([segments[i] for i in rows])
            hidden = self.decoder.read(x, angles, counts, [keep[i] for i in rows])
            for i, piece in zip(rows, torch.split(hidden, [len(keep[i]) for i in rows])):
                out[i] = piece
        return torch.cat([piece for piece in out if piece is not None])


class PackedCache:
    """See `Cache`: one `KV`; equal first segments (the members of a group) are read once and copied."""

    drop_below = 0.6  # dropping copies the contexts of the rest

    def __init__(self, engine: PackedEngine, slots: int) -> None:
        self.engine = engine
        spare, engine.spare = engine.spare, None
        reuse = spare is not None and spare.fits(engine.decoder.embedding.weight, slots)
        self.kv = spare if spare is not None and reuse else engine.decoder.kv(slots)
        self._chain: list[Work] = []

    def __del__(self) -> None:
        """Leave small memory to the next session: fresh pages cost more than what is done in them."""
        if self.kv.nbytes <= SPARE:
            self.kv.lengths[:] = 0
            self.engine.spare = self.kv

    def length(self, slot: int) -> int:
        """See `Cache.length`."""
        return int(self.kv.lengths[slot])

    def free(self, slot: int) -> None:
        """See `Cache.free`."""
        self.kv.lengths[slot] = 0

    @torch.no_grad()
    def open(self, slots: Sequence[int], segments: Sequence[Segment], room: int) -> Tensor:
        """See `Cache.open`."""
        self.engine.decoder.refresh()
        slots = list(slots)
        self.kv.reserve(max(self.length(s) + len(g.ids) for s, g in zip(slots, segments)) + room)
        source = self._sources(slots, segments)
        own = [i for i, j in enumerate(source) if i == j]
        work = Work(self.kv, [slots[i] for i in own])
        hidden = torch.cat(
            [self._extend(work, [segments[i] for i in own[a:b]], a, b) for a, b in self._cuts(own, segments)]
        )
        if len(own) == len(slots):
            self._chain = [work]
            return hidden
        work.close()
        for i in own:
            twins = [slots[j] for j, k in enumerate(source) if k == i and j != i]
            if twins:
                self.kv.copy(slots[i], twins)
        self._chain = [Work(self.kv, slots)]
        place = {i: n for n, i in enumerate(own)}
        return hidden[torch.tensor([place[i] for i in source], device=hidden.device)]

    def _sources(self, slots: Sequence[int], segments: Sequence[Segment]) -> list[int]:
        """Return, per row, the row that will be read for it: itself, or the first that opens with the same segment."""
        seen: dict[bytes, int] = {}
        return [i if self.length(s) else seen.setdefault(g.key(), i) for i, (s, g) in enumerate(zip(slots, segments))]

    @staticmethod
    def _cuts(own: Sequence[int], segments: Sequence[Segment]) -> list[tuple[int, int]]:
        return _packs([len(segments[i].ids) for i in own])

    def _extend(self, work: Work, segments: Sequence[Segment], first: int, last: int) -> Tensor:
        x, angles, counts = self.engine.embed(segments)
        whole = last - first == len(work.slots)
        part = work if whole else Work(work, range(first, last))
        hidden = self.engine.decoder.extend(x, angles, part, counts)
        if not whole:
            part.close()
        return hidden

    @torch.no_grad()
    def step(self, ids: Tensor, positions: NDArray[np.int64]) -> Tensor:
        """See `Cache.step`."""
        decoder, work = self.engine.decoder, self._chain[-1]
        angles = decoder.angles(torch.from_numpy(positions).to(ids.device))
        return decoder.extend(decoder.embed(ids), angles, work, [1] * len(ids))

    def drop(self, rows: Sequence[int]) -> None:
        """See `Cache.drop`."""
        self._chain.append(Work(self._chain[-1], rows))

    def close(self, lengths: Sequence[int]) -> None:
        """See `Cache.close`."""
        slots = self._chain[0].slots
        while self._chain:
            self._chain.pop().close()
        self.kv.lengths[slots] = lengths


class ModuleEngine:
    """The library's forward, row by row."""

    def __init__(self, parts: Parts, reader: ImageReader | None) -> None:
        self.parts = parts
        self.reader = reader

    def logits(self, hidden: Tensor) -> Tensor:
        """See `Engine.logits`."""
        out: Tensor = self.parts.head(hidden)
        return out

    def cache(self, slots: int) -> ModuleCache:
        """See `Engine.cache`."""
        return ModuleCache(self, slots)

    def forward(self, segment: Segment, past: Any = None) -> Tensor:
        """Return hidden states [n, d] of one segment; `past` is extended in place."""
        device = self.parts.head.weight.device
        ids = torch.from_numpy(segment.ids).to(device)[None]
        inputs: dict[str, Any] = {"input_ids": ids, "use_cache": past is not None, "past_key_values": past}
        positions = segment.positions.to(device)
        inputs["position_ids"] = positions[None] if positions.ndim == 1 else positions[:, None]
        if self.reader is not None:
            if segment.images:
                inputs |= {k: v.to(device) for k, v in self.reader.inputs(segment.images).items()}
            if positions.ndim == 2:
                inputs["mm_token_type_ids"] = (ids == self.reader.placeholder).int()
        hidden: Tensor = self.parts.core(**inputs).last_hidden_state[0]
        return hidden

    def read(self, segments: Sequence[Segment], keep: Sequence[NDArray[np.int64]]) -> Tensor:
        """See `Engine.read`."""
        weight: Tensor = self.parts.head.weight
        read = [self.forward(s)[torch.from_numpy(k).to(weight.device)] for s, k in zip(segments, keep) if len(k)]
        return torch.cat(read) if read else _nothing(weight)


class ModuleCache:
    """See `Cache`: one library cache per slot."""

    drop_below = 0.999

    def __init__(self, engine: ModuleEngine, slots: int) -> None:
        self.engine = engine
        self._past: list[Any] = [None] * slots
        self._lengths = [0] * slots
        self._open: list[int] = []
        self._slots: list[int] = []

    def length(self, slot: int) -> int:
        """See `Cache.length`."""
        return self._lengths[slot]

    def free(self, slot: int) -> None:
        """See `Cache.free`."""
        self._past[slot], self._lengths[slot] = None, 0

    @torch.no_grad()
    def open(self, slots: Sequence[int], segments: Sequence[Segment], room: int) -> Tensor:
        """See `Cache.open`."""
        from transformers import DynamicCache

        self._slots, self._open = list(slots), list(slots)
        for slot in slots:
            if self._past[slot] is None:
                self._past[slot] = DynamicCache(config=self.engine.parts.text.config)
        hidden = [self.engine.forward(segment, self._past[slot])[-1] for slot, segment in zip(slots, segments)]
        return torch.stack(hidden)

    @torch.no_grad()
    def step(self, ids: Tensor, positions: NDArray[np.int64]) -> Tensor:
        """See `Cache.step`."""
        three = bool(self.engine.reader is not None and self.engine.reader.grid((64, 64)))
        out = []
        for slot, one, position in zip(self._open, ids.tolist(), positions.tolist()):
            where = torch.full((3, 1), position) if three else torch.tensor([position])
            out.append(self.engine.forward(Segment(np.array([one]), where), self._past[slot])[-1])
        return torch.stack(out)

    def drop(self, rows: Sequence[int]) -> None:
        """See `Cache.drop`."""
        self._open = [self._open[row] for row in rows]

    def close(self, lengths: Sequence[int]) -> None:
        """See `Cache.close`; finished rows were dropped at once, so nothing needs cutting back."""
        for slot, length in zip(self._slots, lengths):
            self._lengths[slot] = length
        self._open = []


def engine(model: Any, reader: ImageReader | None) -> Engine:
    """Return the fastest engine that can run `model`."""
    parts = Parts.of(model)
    return ModuleEngine(parts, reader) if unsupported(parts.text) else PackedEngine(parts, reader)


def segment(
    pieces: Sequence[Ids], images: Sequence[Image], reader: ImageReader | None, start: int
) -> tuple[Segment, int]:
    """Join ids into a segment.

    Args:
        pieces: id arrays, joined in order.
        images: whose placeholders are in them.
        reader: of the model.
        start: position of the first id.

    Returns:
        (segment, position after it).
    """
    ids = np.concatenate(pieces).astype(np.int64)
    grids = [reader.grid(image.shape[:2]) for image in images] if reader is not None else []
    if reader is not None and reader.grid((64, 64)) is not None:
        positions, after = layout(ids, reader.placeholder, [g for g in grids if g is not None], start)
    else:
        positions, after = torch.arange(start, start + len(ids)), start + len(ids)
    return Segment(ids, positions, tuple(images)), after


def _nothing(weight: Tensor) -> Tensor:
    """Return hidden states [0, d] for an embedding [V, d]."""
    return weight.new_zeros((0, weight.shape[1]))


def _packs(counts: Sequence[int]) -> list[tuple[int, int]]:
    """Cut rows into consecutive packs of at most PACK tokens (or one row)."""
    packs, first, total = [], 0, 0
    for i, count in enumerate(counts):
        if total and total + count > PACK:
            packs.append((first, i))
            first, total = i, 0
        total += count
    return [*packs, (first, len(counts))]
