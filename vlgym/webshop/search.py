"""BM25 as Lucene computes it, over postings that are plain arrays: in memory, or mapped from disk by all processes.

Score of a document: sum over the query's terms of ``w - w / (1 + tf * inv)``, with ``w = count * idf``,
``idf = ln(1 + (N - df + 0.5) / (df + 0.5))`` and ``inv = 1 / (k1 * (1 - b + b * length / mean))``, where `length` has
gone through one byte and back, as Lucene keeps it. Terms in 32-bit, sums in 64-bit floats, as there.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, in the variant of
Apache Lucene 9 (`BM25Similarity`, `SmallFloat`); k1 and b are Anserini's defaults, which the original uses.
"""

from __future__ import annotations

import os
import random
import shutil
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import require
from vlgym.webshop.analysis import analyze

K1, B = 0.9, 0.4
TOP = 50
"""Hits kept of a search, as in the original."""
KEPT_POSTINGS, KEPT_TOTAL = 2048, 1 << 20
"""Gains of terms with at most so many postings are kept in memory, so many in all (12 MB)."""
MERGE_POSTINGS = 1 << 22
"""Postings held in memory while parts are merged."""

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Emit = Callable[[str, Array], None]


@lru_cache(maxsize=1 << 16)
def key_of(text: str) -> int:
    """Return 64 bits of a hash, the same in every process; terms and ASINs are found by it."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def label(kind: str, text: str) -> str:
    """Return the index term that stands for a category, query or attribute (no text holds its first character)."""
    return f"\0{kind}{text}"


# --- One byte lengths, as Lucene's SmallFloat.intToByte4 --------------------------------------------------------------


def _long_to_int4(value: int) -> int:
    bits = value.bit_length()
    if bits < 4:
        return value
    shift = bits - 4
    return ((value >> shift) & 7) | ((shift + 1) << 3)


def _int4_to_long(code: int) -> int:
    bits, shift = code & 7, (code >> 3) - 1
    return bits if shift < 0 else (bits | 8) << shift


_FREE = 255 - _long_to_int4(2**31 - 1)
LENGTHS = np.array([i if i < _FREE else _FREE + _int4_to_long(i - _FREE) for i in range(256)], np.float64)
"""[256] length that each byte stands for."""


def length_bytes(lengths: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Return the bytes that lengths (terms of a document) are kept as; lengths are rounded down."""
    return (np.searchsorted(LENGTHS, lengths, side="right") - 1).astype(np.uint8)


# --- Building ---------------------------------------------------------------------------------------------------------


class PartIndex:
    """Postings of a run of documents, gathered in memory."""

    def __init__(self) -> None:
        self._terms: defaultdict[str, int] = defaultdict()
        self._terms.default_factory = self._terms.__len__
        self._ids, self._counts = array("i"), array("i")
        self._lengths = array("i")

    def add(self, text: str, labels: Iterable[str] = ()) -> None:
        """Add the next document: its text, and labels under which it is listed but not scored."""
        terms = analyze(text)
        length = len(terms)
        terms += labels
        self._ids.extend(map(self._terms.__getitem__, terms))
        self._counts.append(len(terms))
        self._lengths.append(length)

    def arrays(self) -> dict[str, Array]:
        """Return the part: terms sorted by key, each with its documents in order.

        Keys: ``key`` u64 [U], ``start`` i64 [U + 1], ``doc`` i32 [P], ``tf`` u16 [P], ``length`` i32 [documents].
        """
        documents = len(self._counts)
        names = list(self._terms)
        keys = np.fromiter(map(key_of, names), np.uint64, len(names))
        order = np.argsort(keys, kind="stable")
        rank = np.empty(len(names), np.int64)
        rank[order] = np.arange(len(names))
        ids = rank[np.frombuffer(self._ids, np.int32)] if names else np.empty(0, np.int64)
        docs = np.repeat(np.arange(documents, dtype=np.int64), np.frombuffer(self._counts, np.int32))
        pair, tf = np.unique(ids * max(documents, 1) + docs, return_counts=True)
        start = np.searchsorted(pair, np.arange(len(names) + 1, dtype=np.int64) * max(documents, 1))
        return {
            "key": keys[order],
            "start": start.astype(np.int64),
            "doc": (pair % max(documents, 1)).astype(np.int32),
            "tf": np.minimum(tf, 65535).astype(np.uint16),
            "length": np.frombuffer(self._lengths, np.int32).copy(),
        }


def merge(parts: Sequence[Arrays], emit: Emit, tick: Callable[[], None] = lambda: None) -> None:
    """Merge parts into one index, in bounded memory; `emit` receives each array in pieces, in order.

    Emits ``term_key`` u64 [U], ``term_start`` i64 [U + 1], ``doc`` i32 [P], ``code`` u16 or u32 [P] (index into
    ``impact``), ``impact`` f32 [C] (the ``tf * inv`` of the module's formula) and ``texts`` i64 [1] (the formula's N:
    as in Lucene, documents without a term do not count).
    """
    lengths = np.concatenate([part["length"] for part in parts]) if parts else np.empty(0, np.int32)
    norms = length_bytes(lengths)
    first = np.cumsum([0] + [len(part["length"]) for part in parts])
    keys = _union([part["key"] for part in parts])
    sizes = np.zeros(len(keys), np.int64)
    for part in parts:
        sizes[np.searchsorted(keys, part["key"])] += np.diff(part["start"])
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    impact, codes = _impacts(parts, norms, first, lengths)
    emit("term_key", keys)
    emit("term_start", start)
    emit("impact", impact)
    emit("texts", np.array([np.count_nonzero(lengths)], np.int64))
    low = 0
    while low < len(keys):
        high = max(low + 1, int(np.searchsorted(start, start[low] + MERGE_POSTINGS, side="right")) - 1)
        doc = np.empty(start[high] - start[low], np.int32)
        pair = np.empty(len(doc), np.int64)
        fill = start[low:high] - start[low]
        for part, offset in zip(parts, first):
            a, b = np.searchsorted(part["key"], [keys[low], keys[high - 1]])
            b += int(b < len(part["key"]) and part["key"][b] == keys[high - 1])
            begin, size = int(part["start"][a]), np.diff(part["start"][a : b + 1])
            slots = np.searchsorted(keys[low:high], part["key"][a:b])
            to = np.repeat(fill[slots] - (part["start"][a:b] - begin), size) + np.arange(size.sum())
            docs = part["doc"][begin : begin + len(to)] + np.int32(offset)
            doc[to] = docs
            pair[to] = (part["tf"][begin : begin + len(to)].astype(np.int64) << 8) | norms[docs]
            fill[slots] += size
        emit("doc", doc)
        emit("code", codes[pair])
        low = high
        tick()


def _union(keys: Sequence[Array]) -> Array:
    found = np.empty(0, np.uint64)
    for more in keys:
        found = np.union1d(found, more)
    return found


def _impacts(parts: Sequence[Arrays], norms: Array, first: Array, lengths: Array) -> tuple[Array, Array]:
    """Return the impact of every (tf, length byte) that occurs, f32 [C], and the code of each ``tf * 256 + byte``."""
    seen = np.zeros(1 << 24, bool)
    for part, offset in zip(parts, first):
        for at in range(0, len(part["doc"]), MERGE_POSTINGS):
            rows = slice(at, at + MERGE_POSTINGS)
            seen[(part["tf"][rows].astype(np.int64) << 8) | norms[part["doc"][rows] + offset]] = True
    pairs = np.flatnonzero(seen)
    mean = np.float32(lengths.sum(dtype=np.int64) / max(np.count_nonzero(lengths), 1)) or np.float32(1)
    k1, b = np.float32(K1), np.float32(B)
    inverse = np.float32(1) / (k1 * ((np.float32(1) - b) + b * LENGTHS.astype(np.float32) / mean))
    impact = (pairs >> 8).astype(np.float32) * inverse[pairs & 255]
    codes = np.zeros(len(seen), np.uint16 if len(pairs) <= 65536 else np.uint32)
    codes[pairs] = np.arange(len(pairs))
    return impact.astype(np.float32), codes


# --- Searching --------------------------------------------------------------------------------------------------------


class Index:
    """Search over merged postings.

    Args:
        arrays: what `merge` emitted.
        rank: i32 [documents], the order in which documents of equal score are given (the original: by ASIN).
    """

    def __init__(self, arrays: Arrays, rank: NDArray[np.int32]) -> None:
        self.documents, self._rank = len(rank), rank
        self._keys, self._start = arrays["term_key"], arrays["term_start"]
        self._doc, self._code, self._impact = arrays["doc"], arrays["code"], arrays["impact"]
        self._texts = int(arrays["texts"][0])
        self._kept: dict[tuple[str, int], tuple[Array, NDArray[np.float32]]] = {}
        self._room = KEPT_TOTAL

    def listing(self, kind: str, text: str) -> list[int]:
        """Return all documents that carry a label, in order."""
        rows = self._rows(label(kind, text))
        return [int(row) for row in self._doc[rows]]

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return the score of every document, f32 [documents]."""
        found = [self._gains(term, count) for term, count in Counter(analyze(query)).items()]
        docs, gains = zip(*found) if found else ((), ())
        if not sum(map(len, docs)):
            return np.zeros(self.documents, np.float32)
        total = np.bincount(np.concatenate(docs), np.concatenate(gains), self.documents)
        return total.astype(np.float32)

    def _gains(self, term: str, count: int) -> tuple[Array, NDArray[np.float32]]:
        """Return the documents of a term and what it adds to their scores; short lists are kept."""
        kept = self._kept.get((term, count))
        if kept is not None:
            return kept
        rows = self._rows(term)
        df = rows.stop - rows.start
        weight = self._weight(df, count)
        gain = weight - weight / (np.float32(1) + self._impact)
        found = self._doc[rows], gain[self._code[rows]]
        if df <= KEPT_POSTINGS and self._room > df:
            self._kept[term, count] = found
            self._room -= df + 1
        return found

    def search(self, query: str, k: int = TOP) -> list[tuple[int, float]]:
        """Return the at most `k` best documents with their scores, best first, equal ones by rank."""
        scores = self.scores(query)
        least = np.float32(0)
        if k < len(scores):
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
        found = np.flatnonzero(scores >= least) if least > 0 else np.flatnonzero(scores)
        found = found[np.lexsort((self._rank[found], -scores[found]))][:k]
        return list(zip(found.tolist(), scores[found].tolist()))

    def _rows(self, term: str) -> slice:
        key = np.uint64(key_of(term))
        at = int(np.searchsorted(self._keys, key))
        if at == len(self._keys) or self._keys[at] != key:
            return slice(0, 0)
        return slice(int(self._start[at]), int(self._start[at + 1]))

    def _weight(self, df: int, count: int) -> np.float32:
        idf = np.float32(np.log(1 + (self._texts - df + 0.5) / (df + 0.5)))
        return np.float32(count) * idf


def answer(index: Index, query: str, ranked: Callable[[str], Sequence[int]]) -> Sequence[int]:
    """Answer a query as the original's `get_top_n_product_from_keywords`, with its four special first words.

    ``<r>`` draws 50 products (the original draws anew each time; here the text of the query is the seed),
    ``<a> words`` lists the products with that attribute, ``<c> word`` a category, ``<q> words`` a query class.
    """
    words = query.split(" ")
    if words[0] == "<r>":
        return random.Random(query).sample(range(index.documents), min(TOP, index.documents))
    if words[0] == "<c>":
        return index.listing("c", words[1].strip() if len(words) > 1 else "")
    if words[0] in ("<a>", "<q>"):
        return index.listing(words[0][1], " ".join(words[1:]).strip())
    return ranked(query)


# --- Tantivy, for very large catalogues -------------------------------------------------------------------------------


def tantivy_ranker(texts: Iterable[str], folder: Path) -> Callable[[str], list[int]]:
    """Return a search by tantivy over our terms; its BM25 has k1 1.2 and b 0.75, so its order differs a little.

    Args:
        texts: `search_text` of each document; read only if `folder` holds no index yet.
        folder: where the index is, or is built (atomically).

    Raises:
        MissingDependencyError: tantivy is not installed.
        OSError: the folder cannot be written.
    """
    tantivy = require("tantivy", extra="search", purpose="backend='tantivy'")
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field("row", stored=True)
    schema = builder.build()
    if not folder.exists():
        work = folder.with_name(folder.name + f".{os.getpid()}.tmp")
        work.mkdir(parents=True)
        try:
            writer = tantivy.Index(schema, path=str(work)).writer(num_threads=1)
            for row, text in enumerate(texts):
                document = tantivy.Document()
                document.add_text("body", " ".join(analyze(text)))
                document.add_unsigned("row", row)
                writer.add_document(document)
            writer.commit()
            writer.wait_merging_threads()
            os.replace(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    searcher = tantivy.Index.open(str(folder)).searcher()

    def ranked(query: str) -> list[int]:
        terms = [tantivy.Query.term_query(schema, "body", term, index_option="freq") for term in analyze(query)]
        if not terms:
            return []
        wanted = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        hits = [(-score, searcher.doc(address)["row"][0]) for score, address in searcher.search(wanted, TOP).hits]
        return [row for _, row in sorted(hits)]

    return ranked
