"""Observations as tensors: distinct (opening, chunk) pairs, padded per piece, flat per word.

Legend: C pairs, P pieces of the longest chunk, I distinct openings, M words of the longest instruction, W words in all,
U distinct words, T BPE tokens of a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from vlgym_agents.types import Chunk

Pair = tuple[Mapping[str, Any], Chunk]
"""`extra` of the chunk that opened the context (its instruction), and a chunk read under it."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """Attributes:
    kinds: int64 [C, P], 0 where padded.
    header: int64 [C, P], the piece above, itself if none; headed: float [C, P], 1 if there is one.
    numbers: float [C, P, 2] log of smallest and largest number; counted: float [C, P], 1 if there are numbers.
    lengths: float [C, P], words of a piece.
    table: int64 [U, T], BPE ids of the distinct words.
    words: int64 [W], row of `table`; piece: int64 [W], flat piece c * P + p; of: int64 [W], the pair.
    per_piece: int64 [C * P], words of each piece (they are in order in `words`).
    said: int64 [I, M], rows of `table`; heard: bool [I, M], not padding; spoken: float [I, M], log of the number a
        word is, 0 if none; numeric: bool [I, M].
    opening: int64 [C], the opening of each pair.
    letters: int64 [I, M, letters], spelling of the instruction's words.
    pixels: the distinct images, uint8 [H, W, 3]; cells: int64, the kept cells of each; pictures: digest of each.
    pictured: (pair, image) of each pair that has one.
    """

    kinds: torch.Tensor
    header: torch.Tensor
    headed: torch.Tensor
    numbers: torch.Tensor
    counted: torch.Tensor
    lengths: torch.Tensor
    table: torch.Tensor
    words: torch.Tensor
    piece: torch.Tensor
    of: torch.Tensor
    per_piece: torch.Tensor
    said: torch.Tensor
    heard: torch.Tensor
    spoken: torch.Tensor
    numeric: torch.Tensor
    opening: torch.Tensor
    letters: torch.Tensor
    pixels: tuple[torch.Tensor, ...] = ()
    cells: tuple[torch.Tensor, ...] = ()
    pictures: tuple[bytes, ...] = ()
    pictured: tuple[tuple[int, int], ...] = ()

    def to(self, device: torch.device | str) -> Packed:
        """Return the pack on `device`."""
        moved = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, torch.Tensor):
                value = value.to(device)
            elif value and isinstance(value[0], torch.Tensor):
                value = tuple(part.to(device) for part in value)
            moved[field.name] = value
        return Packed(**moved)


def pack(pairs: Sequence[Pair]) -> Packed:
    """Lay out distinct pairs; see `distinct` for finding them."""
    chunks = [chunk for _, chunk in pairs]
    count, longest = len(chunks), max(len(chunk.ids) for chunk in chunks)
    kinds = np.zeros((count, longest), np.int64)
    header = np.tile(np.arange(longest), (count, 1))
    headed = np.zeros((count, longest), np.float32)
    spans = np.full((count, longest, 2), np.nan, np.float32)
    per_piece = np.zeros((count, longest), np.int64)
    for c, chunk in enumerate(chunks):
        n, extra = len(chunk.ids), chunk.extra
        kinds[c, :n] = chunk.ids
        above = extra["header"]
        headed[c, :n] = above >= 0
        header[c, :n] = np.where(above >= 0, above, np.arange(n))
        spans[c, :n] = extra["numbers"]
        per_piece[c, :n] = np.diff(extra["split"])
    counted = ~np.isnan(spans[..., 0])
    lengths = per_piece.reshape(-1)
    openings, opening = _openings(pairs)
    rows = [chunk.extra["words"] for chunk in chunks] + [extra["words"][: _heard(extra)] for extra in openings]
    table, index = _distinct_rows(np.concatenate(rows))
    total = int(lengths.sum())
    said, heard, spoken = _said(openings, index[total:])
    letters = np.zeros((*said.shape, openings[0]["letters"].shape[1]), np.int64)
    for i, extra in enumerate(openings):
        letters[i, : len(extra["letters"])] = extra["letters"]
    shown = [c for c, chunk in enumerate(chunks) if chunk.images]
    images = {chunks[c].extra["picture"]: chunks[c] for c in shown}
    number = {picture: i for i, picture in enumerate(images)}
    return Packed(
        kinds=torch.from_numpy(kinds),
        header=torch.from_numpy(header),
        headed=torch.from_numpy(headed),
        numbers=torch.from_numpy(np.log(np.maximum(np.where(counted[..., None], spans, 1.0), 1e-2), dtype=np.float32)),
        counted=torch.from_numpy(counted.astype(np.float32)),
        lengths=torch.from_numpy(per_piece.astype(np.float32)),
        table=torch.from_numpy(table),
        words=torch.from_numpy(index[:total]),
        piece=torch.from_numpy(np.repeat(np.arange(count * longest), lengths)),
        of=torch.from_numpy(np.repeat(np.arange(count), per_piece.sum(1))),
        per_piece=torch.from_numpy(lengths),
        said=torch.from_numpy(said),
        heard=torch.from_numpy(heard),
        spoken=torch.from_numpy(np.log(np.maximum(np.nan_to_num(spoken, nan=1.0), 1e-2))),
        numeric=torch.from_numpy(~np.isnan(spoken)),
        opening=torch.from_numpy(opening),
        letters=torch.from_numpy(letters),
        pixels=tuple(torch.from_numpy(chunk.images[0]) for chunk in images.values()),
        cells=tuple(torch.from_numpy(chunk.extra["cells"].astype(np.int64)) for chunk in images.values()),
        pictures=tuple(images),
        pictured=tuple((c, number[chunks[c].extra["picture"]]) for c in shown),
    )


def _heard(extra: Mapping[str, Any]) -> int:
    """Number of words in the instruction pieces of an opening."""
    return int(extra["split"][extra["n_words"]])


def _openings(pairs: Sequence[Pair]) -> tuple[list[Mapping[str, Any]], np.ndarray]:
    """Return the distinct openings and, per pair, which one it has."""
    index: dict[bytes, int] = {}
    openings: list[Mapping[str, Any]] = []
    opening = np.zeros(len(pairs), np.int64)
    for c, (extra, _) in enumerate(pairs):
        if extra["key"] not in index:
            index[extra["key"]] = len(openings)
            openings.append(extra)
        opening[c] = index[extra["key"]]
    return openings, opening


def _said(openings: Sequence[Mapping[str, Any]], index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pad the instructions' words; at least one column, so that no tensor is empty."""
    counts = [_heard(extra) for extra in openings]
    longest = max([1, *counts])
    said = np.zeros((len(openings), longest), np.int64)
    heard = np.zeros((len(openings), longest), bool)
    spoken = np.full((len(openings), longest), np.nan, np.float32)
    start = 0
    for i, (extra, n) in enumerate(zip(openings, counts)):
        said[i, :n] = index[start : start + n]
        heard[i, :n] = True
        spoken[i, :n] = extra["word_numbers"][:n]
        start += n
    return said, heard, spoken


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (distinct rows int64 [U, T], index int64 [len(rows)]); at least one row."""
    if not len(rows):
        return np.zeros((1, rows.shape[1]), np.int64), np.zeros(0, np.int64)
    mix = (np.arange(1, rows.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)
    state = np.zeros(len(rows), np.uint64)
    for column, odd in zip(rows.T, mix):  # a 64-bit hash stands for a row: sorting rows themselves is ten times slower
        state = (state ^ column.astype(np.uint64)) * odd
        state ^= state >> np.uint64(29)
    _, first, index = np.unique(state, return_index=True, return_inverse=True)
    return rows[first].astype(np.int64), index.reshape(-1).astype(np.int64)


def distinct(pairs: Sequence[Pair]) -> tuple[list[Pair], np.ndarray]:
    """Return the distinct pairs by content and, for each given pair, its index among them: group members often stand
    on the same page with the same instruction, which is then encoded once."""
    seen: dict[tuple[bytes, bytes], int] = {}
    kept: list[Pair] = []
    index = np.zeros(len(pairs), np.int64)
    for i, (opening, chunk) in enumerate(pairs):
        key = (opening["key"], chunk.extra["key"])
        if key not in seen:
            seen[key] = len(kept)
            kept.append((opening, chunk))
        index[i] = seen[key]
    return kept, index
