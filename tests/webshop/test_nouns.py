"""Nouns of titles: our own tagger, and the original's where spaCy is installed."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlgym.core.errors import MissingDependencyError, VlgymError
from vlgym.webshop import synthetic
from vlgym.webshop.nouns import SPACY_MODEL, builtin, tagger


@pytest.mark.parametrize(
    ("title", "nouns"),
    [
        ("Rustic Console Table with Drawers for the Living Room", "rustic console table drawers living room"),
        ("women's waterproof shoes, easy to clean and made of 2 soft layers", "women shoes layers"),
        ("T-Shirt for Men (Pack of 3)", "t shirt men pack"),
        ("40mm Watch Band 5G 1.5 x 2 inch 10%", "mm watch band g inch %"),
        ("US Flag, Size A to XL | One Hundred", "us flag size xl |"),
        ("Very Large Bag That Fits You Perfectly", "large bag fits"),
        ("a large bag that fits you perfectly", "bag"),
        ("MP3 Player 1080p S10 3/4", "mp3 player 1080p s10"),
        ("", ""),
        (" - / … ✔ ", ""),
    ],
)
def test_nouns_of_titles(title: str, nouns: str) -> None:
    assert builtin(title) == nouns.split()


def test_repeats_are_kept() -> None:
    assert builtin("Tea Cup, Tea Pot, Tea") == ["tea", "cup", "tea", "pot", "tea"]


@given(st.text(max_size=60))
def test_any_title_has_lower_case_nouns(title: str) -> None:
    found = builtin(title)
    assert all(noun and noun == noun.lower() and " " not in noun for noun in found)
    assert builtin(f"{title} Lamp")[-1] == "lamp"


def test_unknown_taggers_and_missing_spacy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tagger("auto") is tagger("builtin") is builtin
    with pytest.raises(VlgymError, match="Did you mean 'spacy'"):
        tagger("spacey")
    tagger.__globals__["_spacy"].cache_clear()
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "vlgym\[spacy\]"'):
        tagger("spacy")


def test_ours_agree_with_the_originals_model() -> None:
    spacy = pytest.importorskip("spacy", reason="the extra vlgym[spacy] is not installed")
    if not spacy.util.is_package(SPACY_MODEL):
        pytest.skip(f"spaCy's model {SPACY_MODEL} is not installed")
    theirs = tagger("spacy")
    same = ours = original = 0
    for number in range(300):
        title = synthetic.generate(number, 7)[0]["name"]
        a, b = Counter(builtin(title)), Counter(theirs(title))
        same, ours, original = same + (a & b).total(), ours + a.total(), original + b.total()
    assert 2 * same / (ours + original) > 0.93
