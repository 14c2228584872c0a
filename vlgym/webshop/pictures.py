"""Product pictures drawn by us: a small SVG illustration per kind of product, in the colour that was chosen.

The kind is read from the query, the category and the title by a table of words; the colour from the chosen option, the
title or the ASIN. No file, no network; a few microseconds when cached, well below a millisecond when not. The same
product with the same chosen options is always the same picture.

Source: ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from vlgym.webshop.types import Product

_FALLBACK = {"beauty": "bottle", "electronics": "device", "garden": "crate", "fashion": "tee", "grocery": "pouch"}
_TITLE_HEAD = re.compile(r" for | with | - |[,|(]")
"""What follows one of these in a title no longer names the product."""


@dataclass(frozen=True)
class _Book:
    """What pictures.json holds.

    Attributes:
        drawings: kind -> SVG fragment in a 100 x 100 box; {c} main colour, {d} darker, {e} darkest, {l} lighter,
            {a} accent.
        kinds: word of a shop -> kind.
        kind_words: finds those words, longest first, plurals included.
        colours: colour word -> "rrggbb".
        colour_words: finds those words.
        palette: "rrggbb" values for products that name no colour.
    """

    drawings: dict[str, str]
    kinds: dict[str, str]
    kind_words: re.Pattern[str]
    colours: dict[str, str]
    colour_words: re.Pattern[str]
    palette: list[str]


@lru_cache(maxsize=1)
def _book() -> _Book:
    raw = json.loads(resources.files("vlgym.webshop").joinpath("pictures.json").read_text(encoding="utf-8"))
    kinds = {word: kind for kind, words in raw["kinds"].items() for word in words.split(", ")}
    return _Book(raw["drawings"], kinds, _finder(kinds), raw["colours"], _finder(raw["colours"]), raw["palette"])


def _finder(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{longest_first})(?=e?s?(?!\w))")


def kind_of(product: Product) -> str:
    """Return the name of the drawing that suits a product: its head noun in category, title or query decides."""
    book = _book()
    *upper, leaf = product.product_category.lower().split("›")
    title = _TITLE_HEAD.split(product.title.lower(), maxsplit=1)[0]
    plain = () if "&" in leaf else (leaf,)  # "Sofa & Console Tables" says less than the query
    for text in (*plain, product.query.lower(), *re.split("[,&]", leaf), title, product.title.lower(), *upper[::-1]):
        found = book.kind_words.findall(text)
        if found:
            return book.kinds[found[-1]]  # the head of an English compound comes last
    return _FALLBACK.get(product.category, "crate")


def colours_of(product: Product, chosen: Mapping[str, str]) -> tuple[str, str]:
    """Return main and accent colour as "rrggbb": of the chosen options, else of the title, else by the ASIN."""
    book = _book()
    by_colour = sorted(chosen.items(), key=lambda pair: "colo" not in pair[0])
    seed = int(hashlib.blake2b(product.asin.encode(), digest_size=4).hexdigest(), 16)
    main, accent = book.palette[seed % len(book.palette)], book.palette[seed // 16 % len(book.palette)]
    for text in (*(value.lower() for _, value in by_colour), product.title.lower()):
        found = [book.colours[name] for name in book.colour_words.findall(text)]
        if found:
            return found[0], found[1] if len(found) > 1 and found[1] != found[0] else accent
    return main, accent


def _mix(colour: str, other: str, share: float) -> str:
    """Return `colour` with `share` of `other` mixed in, both "rrggbb"."""
    pairs = ((int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (0, 2, 4))
    return "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@lru_cache(maxsize=8192)
def _draw(kind: str, main: str, accent: str, tilt: int) -> str:
    shades = {
        "c": f"#{main}",
        "d": f"#{_mix(main, '101018', 0.24)}",
        "e": f"#{_mix(main, '14141c', 0.62)}",
        "l": f"#{_mix(main, 'ffffff', 0.45)}",
        "a": f"#{accent}",
    }
    body = _book().drawings[kind]
    for name, colour in shades.items():
        body = body.replace("{" + name + "}", colour)
    backs = ("eef1f6", "f3efe9", "ecf3ee", "f4eef1", "eef3f4")
    back = backs[tilt % len(backs)] if sum(int(main[i : i + 2], 16) for i in (0, 2, 4)) < 640 else "cfd6df"
    return (
        f'<svg viewBox="-8 -8 116 116" aria-hidden="true"><rect x="-8" y="-8" width="116" height="116" fill="#{back}"/>'
        f'<ellipse cx="50" cy="93" rx="36" ry="4" fill="#0002"/>{body}</svg>'
    )


def picture(product: Product, chosen: Mapping[str, str] | None = None) -> str:
    """Return the picture of a product as one inline `<svg>` element without a size of its own.

    Args:
        product: what to draw.
        chosen: option group -> value; a colour among them colours the drawing.
    """
    chosen = chosen or {}
    main, accent = colours_of(product, chosen)
    return _draw(kind_of(product), main, accent, sum(product.asin.encode()))
