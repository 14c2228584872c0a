"""Vocabulary: a few control ids (piece kinds, verbs, closers), then a byte-level BPE trained on `lexicon.txt`."""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from vlgym_agents.types import Ids

KINDS = ("<pad>", "<word>", "<line>", "<button>", "<clicked>", "<cell>", "<act>")
PAD, WORD, LINE, BUTTON, CLICKED, CELL, ACT = range(len(KINDS))
VERBS = ("search[", "click[", "tap(", 'type("', "scroll(", "back(", "wait(", "stop(")
CLOSERS = ("]", ")", '")')
DIRECTIONS = ("up", "down", "left", "right")
CONTROLS = 32
"""Ids below are control ids; a BPE id is never below, so page text cannot spell one."""

_NAMED = KINDS + VERBS + CLOSERS + DIRECTIONS
CONTROL_TEXT = _NAMED + tuple(f"<spare{i}>" for i in range(CONTROLS - len(_NAMED)))
CONTROL_ID = {text: i for i, text in enumerate(CONTROL_TEXT)}
_CONTROL_TOKENS = [text if text.startswith("<") else f"<{text}>" for text in CONTROL_TEXT]
"""Their names in the vocabulary: a bare "]" there would be the byte as well."""

GLYPHS = "\0abcdefghijklmnopqrstuvwxyz0123456789.,:;-'$%&/()+!?#@_<>=*[]\"€"
"""Classes of the OCR head; 0 is blank."""

_GLYPH = {glyph: i for i, glyph in enumerate(GLYPHS)}
_DECIMAL = re.compile(r"[0-9][0-9,]{0,10}(\.[0-9]{1,6})?")
_WORD = re.compile(r"\d+(?:[.,]\d+)*(?![^\W_])|[^\W_]+(?:['’][^\W_]+)*")
_KEPT_LINES = 20_000
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_SYLLABLES = [
    c + v for c in "b c d f g h j k l m n p r s t v w z ch sh st tr br pl".split() for v in "a e i o u".split()
]


def lexicon() -> list[str]:
    """Return the distinct words of `lexicon.txt`, in order."""
    text = (Path(__file__).parent / "lexicon.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(dict.fromkeys(" ".join(lines).split()))


def invented_word(rng: random.Random) -> str:
    """Return a pronounceable word that is in no lexicon, such as "stopelu"."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4))) + rng.choice(["", "", "n", "r", "s", "x"])


def train_tokenizer(vocab_size: int = 2048, seed: int = 0) -> Tokenizer:
    """Train the BPE on the lexicon, its simple inflections, numbers and invented words; deterministic."""
    rng = random.Random(seed)
    words = lexicon()
    corpus = [" " + w for w in words for _ in range(8)]
    corpus += [f" {w}{end}" for w in words for end in ("s", "ing", "ed", "er", "ly", "'s")]
    corpus += [" " + w.capitalize() for w in words for _ in range(2)]
    corpus += [" " + invented_word(rng) for _ in range(4000)]
    corpus += [f" {rng.randint(0, 999)}.{rng.randint(0, 99):02d}" for _ in range(500)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=_CONTROL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer


def split_words(text: str) -> list[str]:
    """Return the lower-cased words of a text: runs of letters and digits; symbols where it has nothing else."""
    words = [word.lower() for word in _WORD.findall(text)]
    return words or ([text.strip()[:16]] if text.strip() else [])


def glyphs(word: str, width: int) -> list[int]:
    """Return the glyph classes of a word, letter case ignored, cut or padded to `width`; what is in no class is 0."""
    return [_GLYPH.get(letter, 0) for letter in word.lower()[:width].ljust(width, "\0")]


def numbers(text: str) -> list[float]:
    """Return the numbers a text names: those after a currency sign if any, else all."""
    found = [(text[max(m.start() - 1, 0) : m.start()], m.group().replace(",", "")) for m in _NUMBER.finditer(text)]
    money = [value for sign, value in found if sign in ("$", "€", "£")]
    return [float(value) for value in (money or [value for _, value in found]) if len(value) <= 12]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A text as it is read.

    Attributes:
        words: int32 [w, T], BPE ids of its words.  values: float32 [w], the number each word is, nan if none.
        span: smallest and largest number it names, nan if none.  spelt: the words.
    """

    words: Ids
    values: NDArray[np.float32]
    span: tuple[float, float]
    spelt: tuple[str, ...]


class NanoTokenizer(PreTrainedTokenizerFast):
    """The committed tokenizer; `line` is what the policy reads observations with: page text cannot reach ids below
    `CONTROLS`."""

    @classmethod
    def build(cls, vocab_size: int = 2048) -> NanoTokenizer:
        """Train it anew."""
        return cls(tokenizer_object=train_tokenizer(vocab_size), pad_token="<pad>")

    @cached_property
    def _plain(self) -> Tokenizer:
        plain = Tokenizer.from_str(self.backend_tokenizer.to_str())
        plain.encode_special_tokens = True
        return plain

    @cached_property
    def _lines(self) -> dict[tuple[str, int, int], Line]:
        return {}

    def plain(self, text: str) -> list[int]:
        """Return the BPE ids of a text; control words in it are ordinary characters."""
        return self._plain.encode(text, add_special_tokens=False).ids

    def spell(self, ids: list[int]) -> str:
        """Return the text of BPE ids."""
        return self._plain.decode(ids, skip_special_tokens=False)

    def word(self, word: str, width: int) -> list[int]:
        """Return the BPE ids of one word as if a space came before it, cut or padded with 0 to `width`."""
        plural = len(word) > 3 and word[-1] == "s" and word[-2] not in "s'’"  # "shirts" reads as "shirt" + "s"
        ids = self.plain(" " + word[:-1][:64]) + self.plain("s") if plural else self.plain(" " + word[:64])
        if len(ids) > width:  # keep long words (serial numbers) apart
            ids = [*ids[: width - 1], CONTROLS + 256 + zlib.crc32(word.encode()) % 1024]
        return ids + [0] * (width - len(ids))

    def line(self, text: str, words: int, width: int) -> Line:
        """Return how a text is read, of at most `words` words of `width` ids; cached, for pages repeat their lines."""
        key = (text, words, width)
        found = self._lines.get(key)
        if found is None:
            if len(self._lines) >= _KEPT_LINES:
                self._lines.clear()
            spelt = tuple(split_words(text)[:words])
            ids = np.array([self.word(word, width) for word in spelt], np.int32).reshape(-1, width)
            values = [float(w.replace(",", "")) if _DECIMAL.fullmatch(w) else np.nan for w in spelt]
            named = numbers(text) or [np.nan]
            found = Line(ids, np.array(values, np.float32), (min(named), max(named)), spelt)
            self._lines[key] = found
        return found
