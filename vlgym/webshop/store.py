"""A catalogue on disk: built once by streaming, then mapped by every process that opens it.

A store is a folder of flat arrays and a ``manifest.json`` with their types, sizes and checksums:

- ``records``: one JSON list per product (`Record.pack`), found through ``offset`` i64 [N + 1];
- ``asin_key`` u64 [N] sorted, ``asin_row`` i32 [N]: product of an ASIN; ``asin_rank`` i32 [N]: ASINs in order;
- ``human``, ``synthetic`` i64: products that have such instructions;
- the postings of `vlgym.webshop.search`.

A build writes parts of some thousand products into ``<store>.building``, each complete before the journal names it,
so that a killed build goes on where it was; the finished folder gets its name by one rename.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import CatalogueError
from vlgym.webshop.raw import HumanInstruction, SyntheticInstruction, search_text
from vlgym.webshop.search import Array, Arrays, Emit, PartIndex, key_of, label, merge
from vlgym.webshop.types import Product

FORMAT = 3
"""Of the folder; a store of another format is rebuilt."""
PART = 10_000
"""Products of a part."""
VERIFY_BELOW = 1 << 24
"""Stores up to this many bytes are checked whole at every opening (milliseconds); larger ones by sizes."""
_COPY = 1 << 24


@dataclass(frozen=True, slots=True)
class Record:
    """All that a store keeps of one product."""

    product: Product
    nouns: tuple[str, ...]
    """Lower-cased nouns of the title in order, repeats kept."""
    synthetic: SyntheticInstruction | None = None
    human: tuple[HumanInstruction, ...] = ()

    def pack(self) -> bytes:
        p, s = self.product, self.synthetic
        fields = [
            p.asin, p.title, p.category, p.product_category, p.query, p.description, p.bullets, p.attributes,
            p.options, p.pricing, p.price_tag, p.image, self.nouns,
            s and (s.instruction, s.instruction_attributes),
            [(h.instruction, h.instruction_attributes, h.instruction_options) for h in self.human],
        ]  # fmt: skip
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @staticmethod
    def unpack(data: bytes) -> Record:
        (asin, title, category, path, query, description, bullets, attributes, options, pricing, tag, image, nouns,
         synthetic, human) = json.loads(data.decode("utf-8", "surrogatepass"))  # fmt: skip
        groups = {name: tuple(values) for name, values in options.items()}
        product = Product(
            asin, title, category, path, query, description, tuple(bullets), tuple(attributes), groups, tuple(pricing),
            tag, image,
        )  # fmt: skip
        people = tuple(HumanInstruction(text, tuple(wanted), tuple(chosen)) for text, wanted, chosen in human)
        instruction = SyntheticInstruction(synthetic[0], tuple(synthetic[1])) if synthetic else None
        return Record(product, tuple(nouns), instruction, people)


# --- Parts ------------------------------------------------------------------------------------------------------------


class Part:
    """A run of products on its way into a store; duplicates within it are dropped."""

    def __init__(self) -> None:
        self._index = PartIndex()
        self._records: list[bytes] = []
        self._keys: dict[int, bytes] = {}
        self._human: list[int] = []
        self._synthetic: list[int] = []

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        product = record.product
        key = key_of(product.asin)
        if key in self._keys:
            return
        if record.human:
            self._human.append(len(self))
        if record.synthetic:
            self._synthetic.append(len(self))
        self._keys[key] = product.asin.encode("utf-8", "surrogatepass")
        self._records.append(record.pack())
        labels = [label("c", product.category), label("q", product.query)]
        labels += (label("a", attribute) for attribute in dict.fromkeys(product.attributes))
        self._index.add(search_text(product), labels)

    def arrays(self) -> dict[str, Array]:
        return self._index.arrays() | {
            "asin": np.fromiter(self._keys, np.uint64, len(self)),
            "name": np.array(list(self._keys.values()), "S"),
            "size": np.fromiter(map(len, self._records), np.int64, len(self)),
            "records": np.frombuffer(b"".join(self._records), np.uint8),
            "human": np.array(self._human, np.int64),
            "synthetic": np.array(self._synthetic, np.int64),
        }


def assemble(parts: Sequence[Arrays], emit: Emit, tick: Callable[[], None]) -> None:
    """Merge parts into the arrays of a store; `emit` receives each in pieces."""
    first = np.cumsum([0] + [len(part["size"]) for part in parts])
    for part in parts:
        for at in range(0, int(part["size"].sum()), _COPY):
            emit("records", part["records"][at : at + _COPY])
    emit("offset", np.cumsum(np.concatenate([np.zeros(1, np.int64), *(part["size"] for part in parts)])))
    asins = np.concatenate([part["asin"] for part in parts] or [np.empty(0, np.uint64)])
    order = np.argsort(asins, kind="stable")
    emit("asin_key", asins[order])
    emit("asin_row", order.astype(np.int32))
    names = np.concatenate([part["name"] for part in parts] or [np.empty(0, "S1")])
    rank = np.empty(len(names), np.int32)
    rank[np.argsort(names, kind="stable")] = np.arange(len(names), dtype=np.int32)
    emit("asin_rank", rank)
    for name in ("human", "synthetic"):
        emit(name, np.concatenate([np.empty(0, np.int64), *(part[name] + at for part, at in zip(parts, first))]))
    merge(parts, emit, tick)


# --- A finished store -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """The arrays of a catalogue, in memory or mapped."""

    arrays: Arrays
    records: bytes | mmap.mmap
    fingerprint: str

    def __len__(self) -> int:
        return len(self.arrays["offset"]) - 1

    def record(self, row: int) -> Record:
        offset = self.arrays["offset"]
        return Record.unpack(self.records[offset[row] : offset[row + 1]])

    def row(self, asin: str) -> int | None:
        """Return the product with this ASIN, or None."""
        keys, key = self.arrays["asin_key"], np.uint64(key_of(asin))
        at = int(np.searchsorted(keys, key))
        if at == len(keys) or keys[at] != key:
            return None
        return int(self.arrays["asin_row"][at])


def build_in_memory(records: Iterable[Record]) -> Store:
    """Build a store that touches no disk."""
    part = Part()
    for record in records:
        part.add(record)
    pieces: dict[str, list[Array]] = {}
    assemble([part.arrays()], lambda name, piece: pieces.setdefault(name, []).append(piece), lambda: None)
    arrays: dict[str, Array] = {"records": np.empty(0, np.uint8)}
    arrays |= {"doc": np.empty(0, np.int32), "code": np.empty(0, np.uint16)}
    arrays |= {name: np.concatenate(found) for name, found in pieces.items()}
    data = arrays.pop("records").tobytes()
    return Store(arrays, data, _fingerprint(len(part), blake2b(data).hexdigest()))


def _fingerprint(products: int, digest: str) -> str:
    return blake2b(f"{products} {digest}".encode(), digest_size=16).hexdigest()


class _Writer:
    """Receives arrays in pieces and writes each to its file, with checksums."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Any] = {}
        self._sums: dict[str, Any] = {}
        self._dtypes: dict[str, str] = {}

    def __call__(self, name: str, piece: Array) -> None:
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.bin").open("wb")
            self._sums[name] = blake2b()
            self._dtypes[name] = piece.dtype.newbyteorder("<").str
        data = np.ascontiguousarray(piece, self._dtypes[name])
        self._files[name].write(data)
        self._sums[name].update(data)

    def close(self) -> dict[str, dict[str, Any]]:
        """Flush everything to the disk; return the manifest's entries."""
        entries = {}
        for name, file in self._files.items():
            file.flush()
            os.fsync(file.fileno())
            entries[name] = {"dtype": self._dtypes[name], "bytes": file.tell(), "blake2b": self._sums[name].hexdigest()}
            file.close()
        return entries


def save(store: Store, folder: Path) -> None:
    """Write an in-memory store to `folder`, atomically.

    Raises:
        OSError: the folder cannot be written.
    """
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        writer = _Writer(temporary)
        writer("records", np.frombuffer(store.records, np.uint8))
        for name, values in store.arrays.items():
            writer(name, values)
        _finish(temporary, folder, writer, len(store))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _finish(built: Path, folder: Path, writer: _Writer, products: int) -> None:
    files = writer.close()
    manifest = {
        "format": FORMAT,
        "products": products,
        "fingerprint": _fingerprint(products, files["records"]["blake2b"]),
        "files": files,
    }
    _write_json(built / "manifest.json", manifest)
    if folder.exists():  # Damaged, or another process was faster: ours is as good.
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError) if folder.exists() else contextlib.nullcontext():
        os.replace(built, folder)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(folder: Path, *, verify: bool | None = None) -> Store | None:
    """Map a store; None if there is none or it is damaged or of another format.

    Args:
        folder: the store.
        verify: compare the checksums; by default only for small stores.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        if manifest["format"] != FORMAT:
            return None
        files = manifest["files"]
        if verify is None:
            verify = sum(entry["bytes"] for entry in files.values()) <= VERIFY_BELOW
        arrays: dict[str, Array] = {}
        records: bytes | mmap.mmap = b""
        for name, entry in files.items():
            with (folder / f"{name}.bin").open("rb") as file:
                data = map_file(file)
            if len(data) != entry["bytes"] or (verify and blake2b(data).hexdigest() != entry["blake2b"]):
                return None
            if name == "records":
                records = data
            else:
                arrays[name] = np.frombuffer(data, entry["dtype"])
        return Store(arrays, records, manifest["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def map_file(file: IO[bytes]) -> bytes | mmap.mmap:
    """Map a whole open file for reading."""
    if os.fstat(file.fileno()).st_size == 0:
        return b""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


# --- Building by streaming --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a source stands behind a record: enough to go on from there."""

    number: int
    offset: int


@dataclass(frozen=True)
class Source:
    """Records to build a store from.

    Attributes:
        read: yields (record or None if the original skips it, mark behind it) from a mark on.
        progress: share read so far, in [0, 1].
        name: shown beside the progress bar.
    """

    read: Callable[[Mark], Iterator[tuple[Record | None, Mark]]]
    progress: Callable[[], float]
    name: str


def build(source: Source, folder: Path) -> None:
    """Build the store `folder` in bounded memory, going on where an earlier build was cut off.

    Raises:
        CatalogueError: the source is damaged (nothing is left behind).
        OSError: the folder cannot be written.
    """
    work = folder.with_name(folder.name + ".building")
    work.mkdir(parents=True, exist_ok=True)
    with _lock(folder.with_name(folder.name + ".lock")):
        if load(folder) is not None:  # Another process built it while we waited.
            return
        work.mkdir(exist_ok=True)
        bar = Bar(f"Building {source.name}")
        try:
            parts = _write_parts(source, work, bar)
            if not parts:
                raise CatalogueError(f"{source.name} holds no product with an ASIN.")
            merged = work / "store"
            shutil.rmtree(merged, ignore_errors=True)
            merged.mkdir()
            writer = _Writer(merged)
            bar.show(1.0, "merging")
            assemble(parts, writer, lambda: bar.show(1.0, "merging"))
            _finish(merged, folder, writer, sum(len(part["size"]) for part in parts))
        except CatalogueError:
            shutil.rmtree(work, ignore_errors=True)
            raise
        finally:
            bar.close()
        del parts
        shutil.rmtree(work, ignore_errors=True)


def _write_parts(source: Source, work: Path, bar: Bar) -> list[Arrays]:
    """Read the source to its end, writing parts; return them mapped."""
    journal = work / "journal.json"
    try:
        state = json.loads(journal.read_text())
        mark, count, complete = Mark(*state["mark"]), int(state["parts"]), bool(state["complete"])
    except (OSError, ValueError, KeyError, TypeError):
        mark, count, complete = Mark(0, 0), 0, False
    parts: list[Arrays] = [_SavedPart(work / f"part{i:05d}") for i in range(count)]
    seen = np.unique(np.concatenate([np.empty(0, np.uint64), *(part["asin"] for part in parts)]))

    def flush(part: Part, complete: bool) -> None:
        nonlocal seen
        if len(part):
            path = work / f"part{len(parts):05d}"
            _save_part(part.arrays(), path)
            parts.append(_SavedPart(path))
            seen = np.union1d(seen, parts[-1]["asin"])
        _write_json(journal, {"mark": [mark.number, mark.offset], "parts": len(parts), "complete": complete})

    if complete:
        return parts
    part = Part()
    for record, at in source.read(mark):
        mark = at
        if record is not None and not _holds(seen, key_of(record.product.asin)):
            part.add(record)
        if len(part) >= PART:
            flush(part, complete=False)
            part = Part()
        if mark.number % 500 == 0:
            bar.show(source.progress(), f"{mark.number} products")
    flush(part, complete=True)
    return parts


def _holds(keys: NDArray[np.uint64], key: int) -> bool:
    at = int(np.searchsorted(keys, np.uint64(key)))
    return at < len(keys) and int(keys[at]) == key


def _save_part(arrays: Arrays, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for name, values in arrays.items():
        with (path / f"{name}.npy").open("wb") as file:
            np.save(file, values)
            file.flush()
            os.fsync(file.fileno())


class _SavedPart(Mapping[str, Array]):
    """A part on disk; each access maps an array anew, so that pages once read do not stay in this process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, name: str) -> Array:
        return np.asarray(np.load(self._path / f"{name}.npy", mmap_mode="r"))

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in self._path.glob("*.npy"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process build at a time; the system frees the lock of a killed one."""
    try:
        import fcntl
    except ImportError:  # Windows: two builders would only do the work twice.
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another process is building this catalogue; waiting for it.", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Bar:
    """A progress bar on a terminal (tqdm where installed), silent elsewhere."""

    def __init__(self, title: str) -> None:
        self._title, self._tqdm, self._shown = title, None, False
        if not sys.stderr.isatty():
            return
        try:
            from tqdm import tqdm
        except ImportError:
            self._shown = True
        else:
            self._tqdm = tqdm(total=100, desc=title, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} {postfix}")

    def show(self, share: float, note: str) -> None:
        if self._tqdm is not None:
            self._tqdm.set_postfix_str(note, refresh=False)
            self._tqdm.update(round(100 * share, 1) - self._tqdm.n)
        elif self._shown:
            print(f"\r{self._title}: {share:4.0%} {note}", end="", file=sys.stderr)

    def close(self) -> None:
        if self._tqdm is not None:
            self._tqdm.close()
        elif self._shown:
            print(file=sys.stderr)
