"""An observation as pieces: one transformer position per instruction word, line of text, element and image cell.

The page text is the contract's element markup, one string a line: ``[button] x [button_]`` is an element,
``[clicked button] x [clicked button_]`` a chosen or visited one, anything else is text. Page text is data: whatever it
contains, it only ever becomes pieces, and the only ids made from it are BPE ids inside a piece.

Legend: n pieces of a chunk (its final `<act>` position included), w words of a chunk, T BPE tokens of a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlgym_agents.policies.nano import images
from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.grammar import allowed_verbs
from vlgym_agents.policies.nano.tokenizer import ACT, BUTTON, CELL, CLICKED, LINE, WORD, NanoTokenizer, glyphs
from vlgym_agents.types import Chunk

_MARKUP = (("[button] ", " [button_]", BUTTON), ("[clicked button] ", " [clicked button_]", CLICKED))
_MAX_CHARS = 200_000
_MAX_LINE = 2_000
_EDGE = ".,;:!?\"'()[]{}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One position: its kind id, what is read, and (if it can be pointed at) the text that pointing at it writes."""

    kind: int
    text: str
    points: str = ""


def read_line(line: str) -> Piece:
    """Return the piece of one non-empty line of page text."""
    for opening, closing, kind in _MARKUP:
        if line.startswith(opening) and line.endswith(closing) and len(line) >= len(opening) + len(closing):
            inner = line[len(opening) : len(line) - len(closing)].strip()
            return Piece(kind, inner, inner)
    return Piece(LINE, line)


def read_page(text: str, instruction: str, clickable: Mapping[str, str]) -> list[Piece]:
    """Return the pieces of a page.

    Args:
        text: the observation's text; either one string a line, or flat with " [SEP] " between strings.
        instruction: lines equal to it, and the line "Instruction:", are left out.
        clickable: lower-cased element text -> its text in the family's own actions, where the family enumerates them;
            in flat text, which has no markup, it also tells elements from text.
    """
    text = text[:_MAX_CHARS]
    flat = "\n" not in text.strip() and " [SEP] " in text
    said = instruction.strip()
    pieces = []
    for raw in text.split(" [SEP] ") if flat else text.splitlines():
        line = raw.strip()[:_MAX_LINE]
        if not line or line == "Instruction:" or (said and line == said):
            continue
        piece = read_line(line)
        if flat and line.lower() in clickable:
            piece = Piece(BUTTON, line, line)
        if piece.points.lower() in clickable:
            piece = Piece(piece.kind, piece.text, clickable[piece.points.lower()])
        pieces.append(piece)
    return pieces


def read_instruction(instruction: str, limit: int) -> list[Piece]:
    """Return one piece a word; pointing at it writes the word without the punctuation around it."""
    words = instruction[:_MAX_CHARS].split()[:limit]
    return [Piece(WORD, word, word.strip(_EDGE) or word) for word in words]


def _fit(pieces: list[Piece], limit: int) -> list[Piece]:
    """Drop the middle of an overlong page: what opens and what closes a page is worth most."""
    return pieces if len(pieces) <= limit else pieces[: limit // 2] + pieces[len(pieces) - (limit - limit // 2) :]


def _elements(actions: Sequence[str]) -> dict[str, str]:
    """Return lower-cased element text -> element text of the ``click[...]`` among enumerated actions."""
    inner = [action[6:-1] for action in actions if action.startswith("click[") and action.endswith("]")]
    return {text.lower(): text for text in inner}


def encode(
    observation: Mapping[str, Any],
    info: Mapping[str, Any],
    config: NanoConfig,
    tokenizer: NanoTokenizer,
    *,
    first: bool,
) -> Chunk:
    """Return the chunk of an observation; `first` puts the instruction's words before the page.

    `Chunk.ids` are the kind ids of the pieces and a final `<act>`. `Chunk.extra`:
        words: int32 [w, T] BPE ids.  split: int32 [n + 1], words split[i]:split[i+1] belong to piece i.
        header: int32 [n], the nearest text line above (-1 none).  numbers: float32 [n, 2] smallest and largest number
        (nan none).  word_numbers: float32 [w].  points: texts written by pointing, instruction words, then elements,
        then cells.  n_words, n_elements: how many of each.  letters: int32 [words of the instruction, letters], their
        spelling.  verbs: int32, ids of the verbs on offer.  cells: int32 [c], kept cells of the image.  key: digest of
        all that the model sees; picture: digest of the image; tall: its height over its width.
    """
    actions = tuple(info.get("available_actions", ()))
    clickable = _elements(actions)
    instruction = str(observation.get("instruction", ""))
    page = read_page(str(observation.get("text", "")), instruction, clickable)
    if "text" not in observation and clickable:
        page = [Piece(BUTTON, text, text) for text in clickable.values()]
    head = read_instruction(instruction, config.max_words) if first else []
    picture = images.prepare(observation["image"], config) if "image" in observation else None
    pieces = head + _fit(page, min(config.max_pieces, config.max_pointers - len(head) - config.max_cells))
    return _chunk(pieces, picture, allowed_verbs(actions), config, tokenizer)


def _chunk(
    pieces: list[Piece],
    picture: images.Picture | None,
    verbs: tuple[int, ...],
    config: NanoConfig,
    tokenizer: NanoTokenizer,
) -> Chunk:
    """Lay pieces out as arrays."""
    n_cells = 0 if picture is None else len(picture.cells)
    kinds = [piece.kind for piece in pieces]
    ids = np.array(kinds + [CELL] * n_cells + [ACT], np.int32)
    words, width, spelling = config.piece_words, config.word_tokens, config.word_letters
    lines = [tokenizer.line(piece.text, words, width) for piece in pieces]
    split = np.zeros(len(ids) + 1, np.int32)
    split[1 : len(pieces) + 1] = np.cumsum([len(line.words) for line in lines])
    split[len(pieces) + 1 :] = split[len(pieces)]
    spans = np.full((len(ids), 2), np.nan, np.float32)
    spans[: len(pieces)] = np.array([line.span for line in lines], np.float32).reshape(-1, 2)
    header = np.full(len(ids), -1, np.int32)
    header[: len(pieces)] = _headers(kinds)
    pointed = [i for i, k in enumerate(kinds) if k == WORD] + [i for i, k in enumerate(kinds) if k in (BUTTON, CLICKED)]
    heard = [word for line, kind in zip(lines, kinds) if kind == WORD for word in line.spelt]
    blank = np.zeros((0, width), np.int32)
    extra: dict[str, Any] = {
        "words": np.concatenate([blank, *(line.words for line in lines)]),
        "word_numbers": np.concatenate([np.zeros(0, np.float32), *(line.values for line in lines)]),
        "split": split,
        "header": header,
        "numbers": spans,
        "points": tuple(pieces[i].points for i in pointed) + (() if picture is None else picture.texts),
        "letters": np.array([glyphs(word, spelling) for word in heard], np.int32).reshape(-1, spelling),
        "n_words": kinds.count(WORD),
        "n_elements": kinds.count(BUTTON) + kinds.count(CLICKED),
        "verbs": np.array(verbs, np.int32),
        "cells": np.zeros(0, np.int32) if picture is None else picture.cells,
    }
    seen = [extra["words"], split, extra["cells"], ids, spans]
    if picture is not None:
        extra["tall"] = picture.image.shape[0] / picture.image.shape[1]
        extra["picture"] = picture.digest
    extra["key"] = _digest(seen) + extra.get("picture", b"")
    return Chunk(ids, () if picture is None else (picture.image,), extra)


def _headers(kinds: Sequence[int]) -> list[int]:
    """Return, for each piece, the nearest text line above it, -1 if none; instruction words have none."""
    above, found = -1, []
    for i, kind in enumerate(kinds):
        found.append(above if kind != WORD else -1)
        above = i if kind == LINE else above
    return found


def _digest(arrays: Sequence[np.ndarray]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()
