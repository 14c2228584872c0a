"""Analysis and BM25 against numbers of Apache Lucene 9.5 (Anserini 0.22.1) and against the formula by hand."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym.webshop.analysis import analyze, stem
from vlgym.webshop.search import K1, LENGTHS, B, Index, PartIndex, answer, label, length_bytes, merge, tantivy_ranker

# Texts of our own; ids in an order that differs from the documents' (009 before 008), to see how ties are broken.
DOCUMENTS = {
    "B000000001": "Women's running shoes, breathable mesh; size: 7, 8, 9, and color: black, red",
    "B000000002": "men's running shoes with rubber sole color: black | white, blue",
    "B000000003": 'rustic solid wood console table 31.5" x 11.8" for the entryway',
    "B000000004": "console table, console lamp, console",
    "B000000005": "usb-c cable 6ft wi-fi 2.4ghz v1.08 (pack of 2)",
    "B000000006": "café crème — naïve résumé ★ 5★ ❤️ テスト 日本",
    "B000000007": "the and of to",
    "B000000009": "shoe shoes shoe's shoeing relational conditional generalizations oscillators",
    "B000000008": "shoe shoes shoe's shoeing relational conditional generalizations oscillators",
    "B00000000A": " ".join(f"word{i % 13} filler{i % 7}" for i in range(70)) + " running",
    "B00000000B": "r.e.m. u.s.a. 1,234.56 a:b x_y men’s don't 100%",
}
LUCENE = {
    "running shoes": "2:1.2089 1:1.1749 8:0.7655 9:0.765499 A:0.3049",
    "console table console": "4:3.3685 3:2.6354",
    "red running shoe for women": "1:3.471 2:1.2089 8:0.7655 9:0.765499 A:0.3049",
    "usb c cable": "5:3.5101",
    "café ★ テスト": "6:3.7833",
    "word1 filler2 running": "A:3.2324 2:0.679 1:0.6598",
    "the of": "",
    "men's 1,234.56 a:b u.s.a.": "B:4.4656 2:0.8785",
    "relation general oscillate": "8:2.6611 9:2.661099",
}
"""Query -> last letter of the id : score, as Anserini's SimpleSearcher printed them (it rounds to 1e-4)."""

LUCENE_TERMS = """
women's running shoes, 31.5" x 11.8" usb-c wi-fi 2.4ghz v1.08 => women run shoe 31.5 x 11.8 usb c wi fi 2.4ghz v1.08
r.e.m. u.s.a. 1,234.56 a:b x_y men’s don't 100% __ 3'4 => r.e.m u.s.a 1,234.56 a:b x_y men don't 100 3'4
café ★ 5★ ❤️ テスト 日本 👍🏽 ½ x² ® => café ★ 5 ★ ❤️ テスト 日 本 👍🏽 x ®
caresses ponies ties cats feed agreed plastered motoring sing => caress poni ti cat feed agre plaster motor sing
conflated troubled sized hopping tanned falling hissing => conflat troubl size hop tan fall hiss
fizzed failing filing happy sky relational conditional rational => fizz fail file happi sky relat condit ration
valenci hesitanci digitizer conformabli radicalli differentli => valenc hesit digit conform radic differ
vileli analogousli vietnamization predication operator feudalism => vile analog vietnam predic oper feudal
decisiveness hopefulness callousness formaliti sensitiviti sensibiliti => decis hope callous formal sensit sensibl
analogi triplicate formative formalize electriciti electrical => analog triplic form formal electr electr
hopeful goodness revival allowance inference airliner gyroscopic => hope good reviv allow infer airlin gyroscop
adjustable defensible irritant replacement adjustment dependent => adjust defens irrit replac adjust depend
adoption homologou communism activate angulariti effective => adopt homolog commun activ angular effect
bowdlerize probate rate cease controll roll => bowdler probat rate ceas control roll
""".strip().splitlines()
"""Text => the terms that Anserini's DefaultEnglishAnalyzer made of it."""


def build(parts: list[list[tuple[str, list[str]]]], ids: list[str]) -> Index:
    """Index texts (with labels) in parts, as the store does."""
    arrays = []
    for part in parts:
        index = PartIndex()
        for text, labels in part:
            index.add(text.lower(), labels)
        arrays.append(index.arrays())
    pieces: dict[str, list] = {}
    merge(arrays, lambda name, piece: pieces.setdefault(name, []).append(piece))
    rank = np.argsort(np.argsort(ids)).astype(np.int32)
    return Index({name: np.concatenate(found) for name, found in pieces.items()}, rank)


@pytest.fixture(scope="module")
def index() -> Index:
    return build([[(text, []) for text in DOCUMENTS.values()]], list(DOCUMENTS))


@pytest.mark.parametrize("line", LUCENE_TERMS)
def test_terms_are_lucenes(line: str) -> None:
    text, terms = line.split(" => ")
    assert analyze(text) == terms.split()


def test_short_words_and_long_tokens() -> None:
    assert stem("as") == "as"
    assert stem("ies") == "i"
    assert [len(t) for t in analyze("9" * 600)] == [255, 255, 90]
    assert analyze("") == analyze(" —… !") == []


@pytest.mark.parametrize("query", LUCENE)
def test_scores_are_lucenes(index: Index, query: str) -> None:
    expected = [hit.split(":") for hit in LUCENE[query].split()]
    found = index.search(query)
    assert [list(DOCUMENTS)[row][-1] for row, _ in found] == [letter for letter, _ in expected]
    assert [score for _, score in found] == pytest.approx([float(score) for _, score in expected], abs=1.1e-4)


def by_hand(query: str, documents: list[str]) -> list[float]:
    """BM25 in plain floats, straight from the formula (lengths below 40 are kept exactly by Lucene's byte)."""
    terms = [analyze(text) for text in documents]
    mean = sum(map(len, terms)) / len(terms)
    scores = [0.0] * len(terms)
    for word in analyze(query):
        df = sum(word in t for t in terms)
        idf = math.log(1 + (len(terms) - df + 0.5) / (df + 0.5))
        for row, t in enumerate(terms):
            tf = t.count(word)
            scores[row] += idf * tf / (tf + K1 * (1 - B + B * len(t) / mean))
    return scores


words = st.sampled_from("red blue shoe table lamp oak usb cable tea green mug".split())
texts = st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(texts, st.lists(words, min_size=1, max_size=5).map(" ".join), st.data())
def test_any_split_into_parts_gives_the_formula(documents: list[str], query: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(documents)))
    rows = [(text, [label("c", str(i % 2))]) for i, text in enumerate(documents)]
    index = build([rows[:cut], rows[cut:]], [f"{i:03d}" for i in range(len(documents))])
    assert index.scores(query).tolist() == pytest.approx(by_hand(query, documents), rel=1e-5)
    assert index.listing("c", "1") == list(range(1, len(documents), 2))
    assert index.search(query, k=3) == index.search(query, k=len(documents))[:3]


def test_lengths_go_through_lucenes_byte() -> None:
    assert LENGTHS[:45].tolist() == [*range(41), 42, 44, 46, 48]
    assert (np.diff(LENGTHS) > 0).all()
    lengths = np.array([0, 1, 39, 40, 41, 42, 43, 1000, 2**31 - 1])
    kept = LENGTHS[length_bytes(lengths)]
    assert (kept <= lengths).all()
    assert (kept >= lengths * 0.9).all()


def test_labels_are_listed_but_neither_found_nor_counted(index: Index) -> None:
    labelled = build([[(text, [label("a", "rubber sole")]) for text in DOCUMENTS.values()]], list(DOCUMENTS))
    assert labelled.listing("a", "rubber sole") == list(range(len(DOCUMENTS)))
    assert labelled.listing("a", "steel") == []
    for query in LUCENE:
        assert labelled.search(query) == index.search(query)


def test_special_first_words() -> None:
    rows = [(f"thing {i}", [label("c", "beauty" if i % 3 else "garden"), label("q", "hair masks")]) for i in range(80)]
    index = build([rows], [f"{i:03d}" for i in range(80)])

    def ranked(query: str) -> list[int]:
        return [-1]

    drawn = answer(index, "<r>", ranked)
    assert len(set(drawn)) == 50
    assert drawn == answer(index, "<r>", ranked) != answer(index, "<r> 2", ranked)
    assert answer(index, "<c> garden", ranked) == list(range(0, 80, 3))
    assert len(answer(index, "<q> hair masks", ranked)) == 80
    assert answer(index, "<a> soft", ranked) == answer(index, "<c>", ranked) == []
    assert answer(index, "<rx> shoes", ranked) == [-1]


def test_few_terms_do_not_fill_the_memory(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlgym.webshop.search.KEPT_TOTAL", 4)
    small = build([[(text, []) for text in DOCUMENTS.values()]], list(DOCUMENTS))
    for query in [*LUCENE, *LUCENE]:
        assert small.search(query) == index.search(query)
    assert sum(len(docs) for docs, _ in small._kept.values()) <= 4


def test_tantivy_finds_the_same_documents(index: Index, tmp_path) -> None:
    pytest.importorskip("tantivy", reason="the extra vlgym[search] is not installed")
    ranked = tantivy_ranker((text.lower() for text in DOCUMENTS.values()), tmp_path / "index")
    again = tantivy_ranker(iter(()), tmp_path / "index")  # opened, not built
    for query in LUCENE:
        assert Counter(ranked(query)) == Counter(row for row, _ in index.search(query))
        assert again(query) == ranked(query)
