"""The original's data files: read as streams, checked field by field, and turned into products.

A catalogue of the original is one JSON list of products of up to 5.2 GB; it is never held in memory.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlgym.core.errors import CatalogueError
from vlgym.webshop.types import Product

MAX_ASIN = 10
"""The original skips products with longer identifiers."""
DUMMY_ATTRIBUTES = ("DUMMY_ATTR",)
DEFAULT_PRICE_TAG = "$100.0"

_CHUNK = 1 << 20
_MAX_RECORD = 1 << 26
"""No record is this long (characters); a longer one means that the file is damaged."""
_NOT_IN_PRICE = re.compile(r"[^\d.]", re.ASCII)
_NUMBER_TAIL = 8
"""More characters than this behind a number show that it is complete."""
_SPACE = " \t\r\n\ufeff"


@dataclass(frozen=True, slots=True)
class HumanInstruction:
    """One instruction written by a person for a product (an entry of items_human_ins.json)."""

    instruction: str
    instruction_attributes: tuple[str, ...]
    instruction_options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SyntheticInstruction:
    """The generated instruction of a product (items_ins_v2.json), without options and price."""

    instruction: str
    instruction_attributes: tuple[str, ...]


# --- Reading one JSON list or object piece by piece -------------------------------------------------------------------


def _open(path: Path) -> tuple[io.BufferedIOBase, Any]:
    """Open a plain or gzip file; return the stream of its content and the file whose position tells the progress."""
    try:
        plain = path.open("rb")
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
    except OSError as error:
        raise CatalogueError(
            f"Cannot read {path} ({error.strerror or error}): check the path and its rights."
        ) from error
    return (gzip.GzipFile(fileobj=plain) if packed else plain), plain


class JsonStream:
    """The elements of one JSON list (or the pairs of one JSON object), one at a time, in bounded memory.

    Args:
        path: a JSON file, plain or gzip.
        kind: "[" for a list, "{" for an object.
        start: byte offset (of the unpacked content) right behind element `number` - 1, from an earlier run.
        number: number of the first element to read.
    """

    def __init__(self, path: Path, kind: str = "[", *, start: int = 0, number: int = 0) -> None:
        self.path, self.number = path, number
        self._kind, self._closing = kind, "]" if kind == "[" else "}"
        self._stream, self._plain = _open(path)
        self._text, self._at, self._counted, self._base, self._ended = "", 0, 0, start, False
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode
        self._scan = json.JSONDecoder().raw_decode
        self._fresh = start == 0
        if start:
            self._guard(lambda: self._stream.seek(start))

    def close(self) -> None:
        self._stream.close()
        self._plain.close()

    @property
    def offset(self) -> int:
        """Byte offset of the unpacked content behind the last element given out."""
        self._base += len(self._text[self._counted : self._at].encode())
        self._counted = self._at
        return self._base

    def progress(self) -> int:
        """Return the bytes of the file read so far."""
        return int(self._plain.tell())

    def __iter__(self) -> Iterator[Any]:
        """Yield the elements of a list, or (key, value) pairs of an object; `number` counts them."""
        if self._fresh:
            if self._next_sign() != self._kind:
                shape = "a list of products" if self._kind == "[" else "an object keyed by ASIN"
                raise CatalogueError(f"{self.path} is not {shape}: it must begin with {self._kind!r}.")
            self._at += 1
        first = self._fresh
        while (sign := self._next_sign()) != self._closing:
            if not first:
                if sign != ",":
                    raise self._damage("a comma is missing before it")
                self._at += 1
            first = False
            yield self._element()
            self.number += 1
        self._at += 1
        if self._next_sign(at_end_ok=True):
            raise CatalogueError(f"{self.path} goes on after its last record ({self.number}): the file is damaged.")

    def _element(self) -> Any:
        if self._kind == "[":
            return self._value()
        key = self._value()
        if not isinstance(key, str) or self._next_sign() != ":":
            raise self._damage("its key is not a string")
        self._at += 1
        return key, self._value()

    def _next_sign(self, *, at_end_ok: bool = False) -> str:
        """Return the next character that is not white space, without consuming it ("" at the end, if allowed)."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._fill():
                if at_end_ok:
                    return ""
                raise self._damage("the file ends there")

    def _value(self) -> Any:
        self._next_sign()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except RecursionError as error:
                raise self._damage("it is nested too deeply") from error
            except ValueError as error:
                if len(self._text) - self._at > _MAX_RECORD:
                    raise self._damage("it is longer than 64 MiB") from error
                if not self._fill(double=True):
                    raise self._damage(f"it is no valid JSON or the file ends within it ({error})") from error
                continue
            # A number may go on in the next chunk: "1" may be the beginning of "1.5e-3".
            size = end - self._at
            if type(value) in (int, float) and len(self._text) - end < _NUMBER_TAIL and self._fill():
                continue
            self._at += size  # filling may have moved the text
            return value

    def _fill(self, *, double: bool = False) -> bool:
        """Read on; drop what was given out. False at the end of the file."""
        if self._ended:
            return False
        if self._at:
            self._base = self.offset
            self._text, self._at, self._counted = self._text[self._at :], 0, 0
        size = max(_CHUNK, len(self._text) if double else 0)
        data = self._guard(lambda: self._stream.read(size))
        self._ended = not data
        self._text += self._guard(lambda: self._decode(data, self._ended))
        return not self._ended

    def _guard(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise self._damage(f"the file cannot be read there ({error})") from error

    def _damage(self, why: str) -> CatalogueError:
        return CatalogueError(f"{self.path}, record {self.number}: {why}; fetch the file again.")


# --- Fields -----------------------------------------------------------------------------------------------------------


class FieldError(ValueError):
    """A field of a record is wrong; the caller adds the file and the record's number."""


_MISSING = object()


def _field(record: Mapping[str, Any], name: str, kind: type | tuple[type, ...], *, default: Any = _MISSING) -> Any:
    """Return a field of the right type; null or absent gives the default if there is one."""
    value = record.get(name)
    if value is None and default is not _MISSING:
        return default
    if name not in record:
        raise FieldError(f"field {name!r} is missing")
    if not isinstance(value, kind) or isinstance(value, bool):
        kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise FieldError(f"field {name!r} must be {kinds}, not {type(value).__name__} {str(value)[:40]!r}")
    return value


def _strings(record: Mapping[str, Any], name: str, **default: Any) -> tuple[str, ...]:
    """Return a field that is a list of strings."""
    values = _field(record, name, (list, tuple), **default)
    for at, value in enumerate(values):
        if not isinstance(value, str):
            raise FieldError(f"field '{name}[{at}]' must be str, not {type(value).__name__} {str(value)[:40]!r}")
    return tuple(values)


def _prices(text: str) -> tuple[tuple[float, ...], str]:
    """Parse "$19.99$27.99"; return the prices and the tag shown on pages."""
    parts = [_NOT_IN_PRICE.sub("", part) for part in text.split("$")[1:3]]
    try:
        prices = tuple(float(part) for part in parts)
    except ValueError:
        raise FieldError(f"field 'pricing' holds no price: {text[:40]!r}") from None
    if not all(map(math.isfinite, prices)):
        raise FieldError(f"field 'pricing' is beyond any price: {text[:40]!r}")
    if not prices:
        return (), DEFAULT_PRICE_TAG
    return prices, " to ".join(f"${price}" for price in prices)


def _options(groups: Any) -> dict[str, tuple[str, ...]]:
    """Return lower-cased option groups with their values, as pages show them."""
    if not groups:
        return {}
    if not isinstance(groups, dict):
        raise FieldError(f"field 'customization_options' must be dict, not {type(groups).__name__}")
    options: dict[str, tuple[str, ...]] = {}
    for name, entries in groups.items():
        if entries is None:
            continue
        where = f"customization_options[{name!r}]"
        if not isinstance(entries, list):
            raise FieldError(f"field {where} must be list, not {type(entries).__name__}")
        if not all(isinstance(entry, dict) and isinstance(entry.get("value"), str) for entry in entries):
            raise FieldError(f"field {where} must hold objects with a string 'value'")
        options[name.lower()] = tuple(entry["value"].strip().replace("/", " | ").lower() for entry in entries)
    return options


def clean_product(record: Any, attributes: tuple[str, ...] | None) -> Product | None:
    """Turn a raw record into a product, by the rules of the original's `load_products`.

    Args:
        record: one element of items_shuffle.json.
        attributes: what the attribute file says of this product; None gives the original's placeholder.

    Returns:
        The product, or None if the original skips it (no ASIN, or one longer than 10).

    Raises:
        FieldError: a field is missing or of a wrong type.
    """
    if not isinstance(record, dict):
        raise FieldError(f"it must be an object, not {type(record).__name__}")
    asin = _field(record, "asin", str)
    if asin == "nan" or len(asin) > MAX_ASIN:
        return None
    prices, tag = _prices(_field(record, "pricing", str, default=""))
    bullets = record.get("small_description")
    bullets = (
        _strings(record, "small_description")
        if isinstance(bullets, list)
        else ((_field(record, "small_description", str, default=""),))
    )
    images = _strings(record, "images", default=())
    return Product(
        asin=asin,
        title=_field(record, "name", str),
        category=_field(record, "category", str, default=""),
        product_category=_field(record, "product_category", str, default=""),
        query=_field(record, "query", str).lower().strip(),
        description=_field(record, "full_description", str, default=""),
        bullets=bullets,
        attributes=DUMMY_ATTRIBUTES if attributes is None else attributes,
        options=_options(record.get("customization_options")),
        pricing=prices,
        price_tag=tag,
        image=images[0] if images else "",
    )


def attribute_entry(entry: Any) -> tuple[tuple[str, ...] | None, SyntheticInstruction | None]:
    """Check one value of items_ins_v2.json; return the product's attributes and its generated instruction."""
    if not isinstance(entry, dict):
        raise FieldError(f"it must be an object, not {type(entry).__name__}")
    attributes = _strings(entry, "attributes") if "attributes" in entry else None
    instruction = _field(entry, "instruction", str, default="")
    wanted = _strings(entry, "instruction_attributes", default=())
    return attributes, SyntheticInstruction(instruction, wanted) if instruction and wanted else None


def human_entry(entry: Any) -> tuple[HumanInstruction, ...]:
    """Check one value of items_human_ins.json."""
    if not isinstance(entry, list):
        raise FieldError(f"it must be a list, not {type(entry).__name__}")
    found = []
    for item in entry:
        if not isinstance(item, dict):
            raise FieldError(f"it must hold objects, not {type(item).__name__}")
        found.append(
            HumanInstruction(
                _field(item, "instruction", str),
                _strings(item, "instruction_attributes"),
                _strings(item, "instruction_options", default=()),
            )
        )
    return tuple(found)


def search_text(product: Product) -> str:
    """Return what is indexed of a product: title, description, first bullet and options (the original's `contents`)."""
    options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in product.options.items())
    first = product.bullets[0] if product.bullets else ""
    return f"{product.title} {product.description} {first} {options}".lower()
