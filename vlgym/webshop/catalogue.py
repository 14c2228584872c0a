"""Opening a catalogue: the original's files or a synthetic one, one object per process, one mapped store per machine.

    catalogue = open_catalogue("synthetic:1000")            # or "synthetic:1000:7" for another seed
    catalogue = open_catalogue("~/webshop/data")            # a folder with items_shuffle*.json[.gz] and its neighbours
    product = catalogue.product(catalogue.search("red running shoes")[0])

Stores are kept in the folder that the environment variable VLGYM_CACHE names, by default the user's cache folder.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import CatalogueError, did_you_mean
from vlgym.webshop import nouns as noun_taggers
from vlgym.webshop import search as search_engine
from vlgym.webshop import store as stores
from vlgym.webshop import synthetic
from vlgym.webshop.raw import (
    FieldError,
    HumanInstruction,
    JsonStream,
    SyntheticInstruction,
    attribute_entry,
    clean_product,
    human_entry,
    search_text,
)
from vlgym.webshop.store import Mark, Record
from vlgym.webshop.types import Product

DATA_VERSION = 3
"""Raise it when the rules of `raw`, `analysis`, `search` or `nouns` change what a store of given files holds."""
IN_MEMORY = 20_000
"""Synthetic catalogues up to this size can do without a disk."""
_WHOLE = 1 << 25
"""Files up to this many bytes are known by their whole content, larger ones by samples and time."""
_SAMPLE = 1 << 16
BACKENDS = ("bm25", "tantivy")


class ProductCatalogue:
    """Products, search and the instructions from which goals are made. Use `open_catalogue`.

    Attributes:
        spec: what was opened.
        fingerprint: hex digest of the products; equal catalogues have equal fingerprints.
    """

    def __init__(self, spec: str, store: stores.Store, nouns: str, backend: str) -> None:
        self.spec, self.fingerprint = spec, store.fingerprint
        self._store, self._nouns_by, self._backend = store, nouns, backend
        self._tag = noun_taggers.tagger(nouns)
        self._index = search_engine.Index(store.arrays, store.arrays["asin_rank"])
        self._ranked = self._tantivy() if backend == "tantivy" else self._bm25
        # Bounded: a catalogue of a million products must not end up in memory.
        self._record = lru_cache(maxsize=8192)(store.record)
        self._title_nouns = lru_cache(maxsize=8192)(self._find_nouns)
        self._answer = lru_cache(maxsize=4096)(self._search)

    def __len__(self) -> int:
        return len(self._store)

    def __reduce__(self) -> tuple[Any, ...]:
        return (partial(open_catalogue, self.spec, nouns=self._nouns_by, backend=self._backend), ())

    def product(self, index: int) -> Product:
        """Return product `index`, in [0, len)."""
        return self._record(index).product

    def index(self, asin: str) -> int | None:
        """Return the index of an ASIN (as in the data: upper case), or None."""
        return self._store.row(asin)

    def search(self, query: str) -> Sequence[int]:
        """Return the indices of the at most 50 best products, best first.

        A query whose first word is ``<r>``, ``<a>``, ``<c>`` or ``<q>`` is answered as `search.answer` says; the last
        three list every product concerned.
        """
        return self._answer(query)

    def scored(self, query: str) -> list[tuple[int, float]]:
        """Return the same 50 products with their BM25 scores (no special words, no cache)."""
        return self._index.search(query)

    def nouns(self, index: int) -> frozenset[str]:
        """Return the distinct lower-cased nouns of product `index`'s title."""
        return self._title_nouns(index)[0]

    def noun_count(self, index: int) -> int:
        """Return how many words of the title are nouns, repeats counted: the original's title score divides by this."""
        return self._title_nouns(index)[1]

    def synthetic_instruction(self, index: int) -> SyntheticInstruction | None:
        """Return the generated instruction of product `index` (text and attributes, no options, no price), or None."""
        return self._record(index).synthetic

    def human_instructions(self, index: int) -> tuple[HumanInstruction, ...]:
        """Return the instructions that people wrote for product `index`, in the file's order."""
        return self._record(index).human

    def instructed(self, kind: str) -> NDArray[np.int64]:
        """Return the indices, ascending, of the products with "human" or "synthetic" instructions; reads none."""
        return self._store.arrays[kind]

    def _search(self, query: str) -> Sequence[int]:
        return tuple(search_engine.answer(self._index, query, self._ranked))

    def _bm25(self, query: str) -> list[int]:
        return [row for row, _ in self._index.search(query)]

    def _tantivy(self) -> Callable[[str], list[int]]:
        texts = (search_text(self._store.record(row).product) for row in range(len(self)))
        try:
            folder = cache_folder() / "webshop" / f"tantivy-{self.fingerprint}"
            return search_engine.tantivy_ranker(texts, folder)
        except OSError as error:
            raise _unwritable(error) from error

    def _find_nouns(self, index: int) -> tuple[frozenset[str], int]:
        record = self._record(index)
        found = record.nouns if self._tag is noun_taggers.builtin else self._tag(record.product.title)
        return frozenset(found), len(found)


# --- Opening ----------------------------------------------------------------------------------------------------------

_opened: dict[tuple[str, str, str], ProductCatalogue] = {}
_opening = threading.Lock()


def open_catalogue(spec: str | Path, *, nouns: str = "auto", backend: str = "bm25") -> ProductCatalogue:
    """Open a catalogue; the same arguments give the same object within a process.

    Args:
        spec: "synthetic:N" or "synthetic:N:SEED"; a folder with the original's items_shuffle*.json, items_ins_v2*.json
            and items_human_ins.json (plain or .gz; the last two may be absent); or one items_shuffle*.json, whose
            neighbours are then found beside it.
        nouns: which words of a title the reward counts as nouns: "builtin" (ours), "spacy" (the original's, needs the
            extra), "auto" (the same as "builtin").
        backend: "bm25" (exact, as Lucene) or "tantivy" (other constants; for a very large catalogue).

    Raises:
        CatalogueError: the spec, a file or the cache folder is wrong.
        MissingDependencyError: spaCy or tantivy is wanted and absent.
    """
    text = str(spec)
    if not text.startswith("synthetic"):
        text = str(Path(text).expanduser().resolve())
    nouns = "builtin" if nouns == "auto" else nouns
    with _opening:
        key = (text, nouns, backend)
        if key not in _opened:
            noun_taggers.tagger(nouns)  # A missing extra shows before minutes of building.
            _opened[key] = _open(text, nouns, backend)
        return _opened[key]


def _open(spec: str, nouns: str, backend: str) -> ProductCatalogue:
    if backend not in BACKENDS:
        raise CatalogueError(
            f"Unknown search backend {backend!r}; known: {', '.join(BACKENDS)}.{did_you_mean(backend, BACKENDS)}"
        )
    store = _synthetic_store(spec) if spec.startswith("synthetic") else _file_store(Path(spec))
    return ProductCatalogue(spec, store, nouns, backend)


def cache_folder() -> Path:
    """Return the folder for stores: VLGYM_CACHE, else the user's cache folder of the platform."""
    chosen = os.environ.get("VLGYM_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vlgym"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "vlgym" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vlgym"


def _digest(*parts: bytes) -> str:
    return blake2b(b"\0".join(parts), digest_size=10).hexdigest()


# --- Synthetic --------------------------------------------------------------------------------------------------------


def _synthetic_store(spec: str) -> stores.Store:
    match = re.fullmatch(r"synthetic:(\d{1,8})(?::(\d{1,18}))?", spec)
    if not match or not int(match[1]):
        raise CatalogueError(
            f"Catalogue {spec!r} is malformed: write 'synthetic:N' or 'synthetic:N:SEED', N from 1 to 99999999."
        )
    size, seed = int(match[1]), int(match[2] or 0)
    here = Path(__file__).parent
    names = ["analysis", "nouns", "raw", "search", "store", "synthetic", "synthetic_kinds"]
    code = _digest(*((here / f"{name}.py").read_bytes() for name in names if (here / f"{name}.py").exists()))
    folder = cache_folder() / "webshop" / f"synthetic-{size}-{seed}-{code}"
    found = stores.load(folder)
    if found is not None:
        return found
    if size <= IN_MEMORY:
        store = stores.build_in_memory(_synthetic_records(size, seed, 0))
        try:
            stores.save(store, folder)
        except OSError:  # A cache is a convenience here.
            return store
        return stores.load(folder) or store
    source = _SyntheticSource(size, seed)
    return _build(stores.Source(source.read, source.progress, spec), folder)


def _synthetic_records(size: int, seed: int, first: int) -> Iterator[Record]:
    for number in range(first, size):
        raw, entry = synthetic.generate(number, seed)
        attributes, instruction = attribute_entry(entry)
        product = clean_product(raw, attributes)
        assert product is not None
        yield Record(product, tuple(noun_taggers.builtin(product.title)), instruction)


class _SyntheticSource:
    def __init__(self, size: int, seed: int) -> None:
        self._size, self._seed, self._done = size, seed, 0

    def read(self, mark: Mark) -> Iterator[tuple[Record, Mark]]:
        for done, record in enumerate(_synthetic_records(self._size, self._seed, mark.number), mark.number + 1):
            self._done = done
            yield record, Mark(done, 0)

    def progress(self) -> float:
        return self._done / self._size


# --- Files of the original --------------------------------------------------------------------------------------------


def _file_store(path: Path) -> stores.Store:
    products, attributes, human = _find_files(path)
    paths = [file for file in (products, attributes, human) if file is not None]
    present = bytes([DATA_VERSION, attributes is not None, human is not None])
    key = _digest(present, *(_file_key(file) for file in paths))
    folder = cache_folder() / "webshop" / f"files-{key}"
    found = stores.load(folder)
    if found is not None:
        return found
    source = _FileSource(products, attributes, human)
    return _build(stores.Source(source.read, source.progress, products.name), folder)


def _build(source: stores.Source, folder: Path) -> stores.Store:
    try:
        stores.build(source, folder)
    except OSError as error:
        raise _unwritable(error) from error
    store = stores.load(folder)
    if store is None:
        raise CatalogueError(f"The store {folder} was damaged while it was written; delete it and try again.")
    return store


def _unwritable(error: OSError) -> CatalogueError:
    return CatalogueError(
        f"Cannot write the catalogue's store to {cache_folder()} ({error.strerror or error}): free space there, or set "
        "the environment variable VLGYM_CACHE to a folder you may write."
    )


def _find_files(path: Path) -> tuple[Path, Path | None, Path | None]:
    """Return the product, attribute and human instruction files of a spec."""
    if not path.exists():
        raise CatalogueError(
            f"No catalogue at {path}: give a folder with items_shuffle*.json, such a file, or 'synthetic:1000'."
        )
    folder = path if path.is_dir() else path.parent
    products = path if path.is_file() else _only(folder, "items_shuffle", "")
    if products is None:
        raise CatalogueError(f"{folder} holds no items_shuffle*.json or .json.gz, the original's product file.")
    suffix = re.sub(r"\.json(\.gz)?$", "", products.name).removeprefix("items_shuffle")
    return products, _only(folder, "items_ins_v2", suffix), _only(folder, "items_human_ins", suffix)


def _only(folder: Path, stem: str, suffix: str) -> Path | None:
    """Return the file ``stem*.json[.gz]`` of a folder; among several the one with the suffix, else without any."""
    try:
        found = sorted(p for p in folder.iterdir() if re.fullmatch(rf"{stem}.*\.json(\.gz)?", p.name) and p.is_file())
    except OSError as error:
        raise CatalogueError(f"Cannot read the folder {folder}: {error.strerror}.") from error
    for wanted in (suffix, ""):
        exact = [p for p in found if p.name.split(".json")[0] == stem + wanted]
        if exact:
            return exact[0]
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise CatalogueError(f"{folder} holds several {stem} files ({names}): give the product file itself.")
    return found[0] if found else None


def _file_key(path: Path) -> bytes:
    """Return what identifies a file's content: all of a small one, size, time and samples of a large one."""
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            if info.st_size <= _WHOLE:
                return blake2b(file.read()).digest()
            pieces = [f"{info.st_size} {info.st_mtime_ns}".encode()]
            for part in range(64):
                file.seek(part * (info.st_size - _SAMPLE) // 63)
                pieces.append(file.read(_SAMPLE))
            return blake2b(b"".join(pieces)).digest()
    except OSError as error:
        raise CatalogueError(
            f"Cannot read {path} ({error.strerror or error}): check the path and its rights."
        ) from error


class _Side:
    """A file keyed by ASIN, kept packed beside the build and looked up through sorted keys."""

    def __init__(self, path: Path, parse: Callable[[Any], Any], folder: Path) -> None:
        keys, offsets = array("Q"), array("q", [0])
        self._parse = parse
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (lives as long as the object)
        stream = JsonStream(path, "{")
        try:
            for asin, entry in stream:
                try:
                    parse(entry)
                except FieldError as error:
                    raise CatalogueError(f"{path}, record {stream.number} ({asin[:20]}): {error}.") from None
                keys.append(search_engine.key_of(asin))
                offsets.append(offsets[-1] + self._file.write(json.dumps(entry).encode()))
        finally:
            stream.close()
        found = np.frombuffer(keys, np.uint64) if keys else np.empty(0, np.uint64)
        self._rows = np.argsort(found, kind="stable")
        self._keys, self._offsets = found[self._rows], np.frombuffer(offsets, np.int64)

    def get(self, asin: str) -> Any:
        """Return the parsed entry of an ASIN (the last one of several), or None."""
        key = np.uint64(search_engine.key_of(asin))
        at = int(np.searchsorted(self._keys, key, side="right")) - 1
        if at < 0 or self._keys[at] != key:
            return None
        row = self._rows[at]
        self._file.seek(self._offsets[row])
        return self._parse(json.loads(self._file.read(self._offsets[row + 1] - self._offsets[row])))


class _FileSource:
    """Products of the original's files, joined with their attributes and instructions."""

    def __init__(self, products: Path, attributes: Path | None, human: Path | None) -> None:
        self._path, self._sides = products, (attributes, human)
        self._stream: JsonStream | None = None
        self._size = max(products.stat().st_size, 1)

    def read(self, mark: Mark) -> Iterator[tuple[Record | None, Mark]]:
        folder = cache_folder() / "webshop"
        parsers: tuple[Callable[[Any], Any], ...] = (attribute_entry, human_entry)
        attributes, human = (
            None if path is None else _Side(path, parse, folder) for path, parse in zip(self._sides, parsers)
        )
        stream = self._stream = JsonStream(self._path, start=mark.offset, number=mark.number)
        try:
            for raw in stream:
                yield self._record(raw, stream.number, attributes, human), Mark(stream.number + 1, stream.offset)
        finally:
            stream.close()

    def progress(self) -> float:
        return self._stream.progress() / self._size if self._stream else 0.0

    def _record(self, raw: Any, number: int, attributes: _Side | None, human: _Side | None) -> Record | None:
        asin = raw.get("asin") if isinstance(raw, dict) else None
        found, instruction = (attributes.get(asin) if attributes and isinstance(asin, str) else None) or (None, None)
        try:
            product = clean_product(raw, found)
        except FieldError as error:
            raise CatalogueError(f"{self._path}, record {number}: {error}.") from None
        if product is None:
            return None
        people = (human and human.get(product.asin)) or ()
        return Record(product, tuple(noun_taggers.builtin(product.title)), instruction, people)
