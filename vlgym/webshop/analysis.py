"""The text analysis of Lucene's EnglishAnalyzer as Anserini uses it: tokens, possessives, stop words, Porter stems.

Source: Unicode Standard Annex 29 (word boundaries) for the tokens; M. F. Porter, "An algorithm for suffix stripping",
Program 14(3), 1980, with the author's two later departures ("bli" -> "ble", "logi" -> "log") for the stems.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
MAX_TOKEN = 255
"""Lucene cuts longer tokens into pieces of this many characters."""

_ASCII_TOKEN = re.compile(
    r"(?=_*[A-Za-z0-9])\w+(?:(?:(?<=[A-Za-z])[:.'](?=[A-Za-z])|(?<=[0-9])[,;.'](?=[0-9]))\w+)*", re.ASCII
)

_SINGLE = (
    r"[\u3041-\u3096\u309d-\u309f\u2e80-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff]"
)
_KATAKANA = r"[\u3031-\u3035\u309b\u309c\u30a0-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u32d0-\u32fe\u3300-\u3357\uff66-\uff9d]"
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3"
    "\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705"
    "\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767"
    "\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f"
    "\U0001f249-\U0001f3fa\U0001f400-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f"
    "\U0001f7d5-\U0001f7ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001faff]"
)
_MID_LETTER = "[:\u00b7\u05f4\u2027\ufe13\ufe55\uff1a.\u2018\u2019\u2024\ufe52\uff07\uff0e']"
_MID_NUMBER = "[,;\u037e\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b.\u2018\u2019\u2024\ufe52\uff07\uff0e']"


def _ranges(categories: frozenset[str], without: str = "") -> str:
    """Return the inside of a character class: the basic plane's characters of some general categories."""
    points = [c for c in range(0x80, 0x10000) if unicodedata.category(chr(c)) in categories and chr(c) not in without]
    pieces, start = [], 0
    for at, point in enumerate(points):
        if at + 1 == len(points) or points[at + 1] != point + 1:
            pieces.append(f"\\u{points[start]:04x}-\\u{point:04x}")
            start = at + 1
    return "".join(pieces)


@lru_cache(maxsize=1)
def _token_pattern() -> re.Pattern[str]:
    """Return the pattern of one token in any script; made on first need, as it walks the Unicode tables."""
    extend = f"[{_ranges(frozenset({'Mn', 'Mc', 'Me', 'Cf'}), chr(0x200B))}\uff9e\uff9f]"
    signs = _ranges(frozenset({"No"})) + r"\uff9e\uff9f"
    word = rf"(?:(?:(?!{_SINGLE}|{_KATAKANA})[^\W_{signs}]|[\u24b6-\u24e9]){extend}*|_)"
    middle = rf"(?:(?<=[^\W\d_]){_MID_LETTER}(?=[^\W\d_])|(?<=\d){_MID_NUMBER}(?=\d))"
    return re.compile(
        rf"(?=_*[^\W_]|[\u24b6-\u24e9]){word}+(?:{middle}{word}+)*|(?:{_KATAKANA}{extend}*)+|{_SINGLE}{extend}*"
        rf"|{_PICTOGRAPH}(?:{extend}|[\U0001f3fb-\U0001f3ff]|(?<=\u200d){_PICTOGRAPH})*|[\U0001f1e6-\U0001f1ff]{{2}}"
    )


def analyze(text: str) -> list[str]:
    """Return the index terms of `text`, in order, repeats kept."""
    tokens = (_ASCII_TOKEN if text.isascii() else _token_pattern()).findall(text)
    if len(text) > MAX_TOKEN and max(map(len, tokens), default=0) > MAX_TOKEN:
        tokens = [token[at : at + MAX_TOKEN] for token in tokens for at in range(0, len(token), MAX_TOKEN)]
    return [term for term in map(_term, tokens) if term]


@lru_cache(maxsize=1 << 16)
def _term(token: str) -> str:
    """Return the index term of one token, "" for a stop word."""
    if len(token) > 2 and token[-1] in "sS" and token[-2] in "'\u2019\uff07":
        token = token[:-2]
    token = token.lower()
    return "" if token in STOP_WORDS else stem(token)


# --- Porter's algorithm -----------------------------------------------------------------------------------------------

_STEP2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("logi", "log"),
)  # fmt: skip
_STEP3 = (("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""))
_STEP4 = (
    "al ance ence er ic able ible ant ement ment ent sion tion ou ism ate iti ous ive ize".split()
)  # "ion" is taken off only behind s or t
_VOWELS = frozenset("aeiou")


def _shape(word: str) -> str:
    """Return "v" or "c" for each letter of `word`: vowel or consonant; y is a vowel behind a consonant."""
    shape = ""
    for i, letter in enumerate(word):
        vowel = letter in _VOWELS or (letter == "y" and i > 0 and shape[-1] == "c")
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    """Return Porter's m: how often a vowel is followed by a consonant."""
    return _shape(word).count("vc")


def _double_consonant(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _short_syllable(word: str) -> bool:
    """Tell whether `word` ends consonant, vowel, consonant, the last not w, x or y."""
    return _shape(word)[-3:] == "cvc" and word[-1] not in "wxy"


def _plural_and_tense(word: str) -> str:
    """Steps 1a to 1c."""
    if word.endswith("sses") or word.endswith("ies"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("eed"):
        if _measure(word[:-3]) > 0:
            word = word[:-1]
    else:
        base = word[:-2] if word.endswith("ed") else word[:-3] if word.endswith("ing") else ""
        if base and "v" in _shape(base):
            if base.endswith(("at", "bl", "iz")):
                word = base + "e"
            elif _double_consonant(base):
                word = base if base[-1] in "lsz" else base[:-1]
            elif _measure(base) == 1 and _short_syllable(base):
                word = base + "e"
            else:
                word = base
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    return word


def _replace(word: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """Replace the longest matching suffix if what is before it has a measure above 0 (steps 2 and 3)."""
    matching = [pair for pair in pairs if word.endswith(pair[0])]
    if not matching:
        return word
    suffix, new = max(matching, key=lambda pair: len(pair[0]))
    base = word[: -len(suffix)]
    return base + new if _measure(base) > 0 else word


def _residue(word: str) -> str:
    """Steps 4 and 5."""
    matching = [suffix for suffix in _STEP4 if word.endswith(suffix)]
    if matching:
        suffix = max(matching, key=len)
        suffix = "ion" if suffix in ("sion", "tion") else suffix
        if _measure(word[: -len(suffix)]) > 1:
            word = word[: -len(suffix)]
    if word.endswith("e"):
        measure = _measure(word[:-1])
        if measure > 1 or (measure == 1 and not _short_syllable(word[:-1])):
            word = word[:-1]
    if word.endswith("ll") and _measure(word[:-1]) > 1:
        word = word[:-1]
    return word


def stem(word: str) -> str:
    """Return the Porter stem of a lower-cased word; words of at most two letters are their own stems."""
    if len(word) <= 2:
        return word
    return _residue(_replace(_replace(_plural_and_tense(word), _STEP2), _STEP3))
