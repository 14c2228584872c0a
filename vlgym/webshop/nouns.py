"""Nouns of a title, which the reward compares."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"[^\W_]+")
_OTHER = frozenset("a an and or of for with the in on to by from at as is are".split())


def builtin(title: str) -> list[str]:
    """Return the lower-cased nouns of a title, in order, repeats kept."""
    return [w for w in _TOKEN.findall(title.lower()) if w not in _OTHER and not w.isdigit()]


def tagger(kind: str) -> Callable[[str], list[str]]:
    return builtin
