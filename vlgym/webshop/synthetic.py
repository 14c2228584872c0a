"""Synthetic products in the original's raw schema: any number, from a seed, each one without making the others.

Shares of categories, lengths of texts, numbers of options and attributes, and prices follow the original's first 1,000
products (docs of this family, README). What is sold is in ``synthetic_kinds.txt``. Only raw 64-bit draws of PCG64 are
used, which NumPy keeps the same for ever, so a product depends on (seed, number) and on nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

CATEGORIES = {"beauty": 238, "electronics": 229, "garden": 216, "fashion": 200, "grocery": 117}
"""Products per thousand."""
OPTION_GROUPS = {
    "beauty": (655, 285, 60),
    "electronics": (770, 175, 55),
    "garden": (505, 300, 195),
    "fashion": (200, 135, 550, 115),
    "grocery": (740, 180, 80),
}
"""Per thousand products: how many have 0, 1, 2, 3 option groups."""
ATTRIBUTES = (185, 191, 189, 134, 120, 65, 40, 30, 22, 14, 10)
"""Per thousand products: how many have 0, 1, 2, ... attributes."""
INSTRUCTED = 664
"""Per thousand products with two attributes or more: how many have an instruction (415 of 1,000 products)."""

_FIRST = (
    "Brun Calv Dorr Elm Fenn Grett Hask Ivor Jorl Kell Lorn Morv Nald Oster Parr Quill Rusk Sorr Tarn Ulv Vess Wend "
    "Yarr Zell"
).split()
_LAST = "aby adel anic arvo egan ello emby ettra iden ifor imar iska odan oley omir onda orix unara uvia ywell".split()
_HOUSE = {
    "beauty": ("Beauty", "Botanics", "Skin Lab", "Cosmetics"),
    "electronics": ("Tech", "Audio", "Digital", "Labs"),
    "garden": ("Home", "Living", "House", "Furniture"),
    "fashion": ("Wear", "Apparel", "Studio", "& Co"),
    "grocery": ("Foods", "Kitchen", "Farms", "Provisions"),
}
_TAILS = {
    "beauty": ("Vegan", "Gift for Mom", "Salon Quality", "Daily Care", "Made in Small Batches", "for Women and Men"),
    "electronics": ("Upgraded Version", "2 Year Warranty", "New Model", "Simple Setup", "Compact", "Gift for Him"),
    "garden": ("Modern Design", "Housewarming Gift", "Minimalist", "Nordic Look", "Clean Lines", "Modern Home Decor"),
    "fashion": ("Casual Style", "Trendy", "Everyday Basics", "Birthday Gift", "Comfy", "Fall and Winter Fashion"),
    "grocery": ("Great Taste", "Family Recipe", "Small Batch", "Gift for Food Lovers", "Freshly Packed", "Bulk Value"),
}
_SMALL_WORDS = frozenset("a an and as at for from in into of on or the to up with".split())
_PROPER = frozenset("Bluetooth Android Windows Himalayan Galaxy Christmas Halloween Valentines Italian Oxford".split())
_ASIN_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


# --- What is sold -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """A phrase that goals ask for, its place in an instruction (p, w or f) and sentences that say it."""

    phrase: str
    place: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product: all with the same query."""

    query: str
    category: str
    path: str
    names: tuple[str, ...]
    modifiers: tuple[str, ...]
    uses: tuple[str, ...]
    prices: tuple[float, float]
    options: tuple[tuple[str, tuple[str, ...]], ...]
    attributes: tuple[Attribute, ...]
    notes: tuple[str, ...]
    chatter: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class World:
    """All kinds by category, and the sets of phrases that exclude each other."""

    kinds: dict[str, tuple[Kind, ...]]
    exclusive: tuple[frozenset[str], ...]


def _split(text: str, by: str = ",") -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(by) if part.strip())


@lru_cache(maxsize=1)
def world() -> World:
    """Read ``synthetic_kinds.txt``."""
    attributes: dict[str, Attribute] = {}
    options: dict[str, tuple[str, ...]] = {}
    chatter: dict[str, tuple[str, ...]] = {}
    exclusive: list[frozenset[str]] = []
    kinds: dict[str, list[Kind]] = {name: [] for name in CATEGORIES}
    section = department = ""
    shared: dict[str, tuple[str, ...]] = {}
    for line in Path(__file__).with_name("synthetic_kinds.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section, _, department = (part.strip() for part in line[1:].partition("]"))
            continue
        if section == "attributes":
            phrase, place, sentences = _split(line, "|")
            attributes[phrase] = Attribute(phrase, place, _split(sentences, " / "))
        elif section == "options":
            name, values = line.split(" = ")
            options[name] = _split(values)
        elif section == "chatter":
            category, sentences = _split(line, "|")
            chatter[category] = _split(sentences, " / ")
        elif section == "exclusive":
            exclusive.append(frozenset(_split(line)))
        elif line.startswith(("attributes:", "notes:")):
            name, _, text = line.partition(":")
            shared[name] = _split(text, " / " if name == "notes" else ",")
        else:
            shared["chatter"] = chatter[department.split(" | ")[0]]
            kind = _kind(line, department, shared, attributes, options)
            kinds[kind.category].append(kind)
    return World({name: tuple(found) for name, found in kinds.items()}, tuple(exclusive))


def _kind(line: str, department: str, shared: dict[str, tuple[str, ...]], attributes: Any, options: Any) -> Kind:
    columns = [part.strip() for part in line.split(" | ")]
    query, path, names, modifiers, uses, prices, sets, without = columns + [""] * (8 - len(columns))
    category, top = _split(department, " | ")
    low, high = prices.split("-")
    return Kind(
        query=query,
        category=category,
        path=f"{top} › {path}",
        names=_split(names),
        modifiers=_split(modifiers),
        uses=_split(uses),
        prices=(float(low), float(high)),
        options=tuple((name.split("/")[0], options[name]) for name in _split(sets)),
        attributes=tuple(attributes[a] for a in shared["attributes"] if a not in _split(without)),
        notes=shared["notes"],
        chatter=shared["chatter"],
    )


# --- Dice -------------------------------------------------------------------------------------------------------------


class Dice:
    """Draws that depend on (seed, number) alone, the same on every machine and with every version of NumPy."""

    def __init__(self, seed: int, number: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, number]))
        self._next = iter(self._bits.random_raw(192).tolist())

    def below(self, n: int) -> int:
        """Return an integer in [0, n)."""
        for value in self._next:
            return int(value) % n
        self._next = iter(self._bits.random_raw(192).tolist())
        return self.below(n)

    def chance(self, per_thousand: int) -> bool:
        return self.below(1000) < per_thousand

    def weighted(self, weights: Sequence[int]) -> int:
        """Return an index drawn by integer weights."""
        left = self.below(sum(weights))
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        raise AssertionError("weights are positive")

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Return `count` different items in a random order."""
        pool = list(items)
        return [pool.pop(self.below(len(pool))) for _ in range(min(count, len(pool)))]


# --- Words ------------------------------------------------------------------------------------------------------------


def _title_case(text: str) -> str:
    words = text.split(" ")
    if "/" in text:
        return "/".join(map(_title_case, text.split("/")))
    return " ".join(w if i and w in _SMALL_WORDS else w.upper() if w in ("bpa", "gmo", "usb", "led", "hd", "usda") else
                    w[:1].upper() + w[1:] for i, w in enumerate(words))  # fmt: skip


def _heading(attribute: Attribute) -> str:
    """Return an attribute as titles and headings print it."""
    return _title_case(("no " if attribute.phrase.startswith("artificial") else "") + attribute.phrase)


def _lower(name: str) -> str:
    """Return a name as it stands inside a sentence: "USB C Cable" gives "USB C cable"."""
    return " ".join(w.lower() if w[1:].islower() and w not in _PROPER else w for w in name.split(" "))


def _is_plural(name: str) -> bool:
    last = name.split(" (")[0].split(" with ")[0].split(" of ")[0].split(" ")[-1]
    return last.endswith("s") and not last.endswith("ss") and last not in ("Lens", "Canvas")


def _say(sentence: str, name: str) -> str:
    """Fill {this}, {it} and the verbs of a sentence for a product name."""
    if "{" not in sentence:
        return sentence
    plural = _is_plural(name)
    this = ("these " if plural else "this ") + _lower(name)
    said = sentence.format(
        this=this, it="they" if plural else "it", s="" if plural else "s", es="" if plural else "es",
        has="have" if plural else "has", it2="them" if plural else "it",
    )  # fmt: skip
    return said[:1].upper() + said[1:]


# --- One product ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is decided of a product before its texts are written."""

    kind: Kind
    brand: str
    name: str
    modifier: str
    uses: list[str]
    features: list[Attribute]
    """All that its texts speak of."""
    listed: int
    """How many of the features the attribute file knows (the first ones)."""
    options: dict[str, list[str]]
    fixed: list[str]
    """Values of the option sets of which the product offers no choice."""


def generate(number: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return product `number` of a seed as a record of items_shuffle.json, and its entry of items_ins_v2.json."""
    dice = Dice(seed, number)
    draft = _draft(dice)
    price = _price(dice, draft)
    asin = _asin(number, seed)
    bullets, description = _texts(dice, draft)
    record = {
        "name": _title(dice, draft),
        "product_information": {},
        "brand": f"Visit the {draft.brand} Store",
        "brand_url": "",
        "full_description": description,
        "pricing": price,
        "list_price": "",
        "availability_status": "In Stock.",
        "images": [f"synthetic/{asin}.jpg"],
        "product_category": draft.kind.path,
        "average_rating": "",
        "small_description": bullets,
        "total_reviews": "",
        "total_answered_questions": "",
        "customization_options": {_title_case(g): _choices(values) for g, values in draft.options.items()} or "",
        "seller_id": "",
        "seller_name": draft.brand,
        "fulfilled_by_amazon": False,
        "fast_track_message": "",
        "aplus_present": "",
        "asin": asin,
        "category": draft.kind.category,
        "query": draft.kind.query,
        "page": 1 + dice.below(400),
        "small_description_old": "",
    }
    return record, _entry(dice, draft)


def _choices(values: list[str]) -> list[dict[str, Any]]:
    return [{"value": _title_case(value), "is_selected": not at, "image": None} for at, value in enumerate(values)]


def _asin(number: int, seed: int) -> str:
    """Return an identifier that looks like one; different numbers of a seed never share one."""
    left = (number * 1_234_567_890_123 + seed * 987_654_321 + 55_555_555) % 36**8  # the factor is coprime to 36
    digits = ""
    for _ in range(8):
        left, digit = divmod(left, 36)
        digits = _ASIN_DIGITS[digit] + digits
    return "B0" + digits


def _draft(dice: Dice) -> _Draft:
    category = list(CATEGORIES)[dice.weighted(list(CATEGORIES.values()))]
    kind = dice.pick(world().kinds[category])
    brand = dice.pick(_FIRST) + dice.pick(_LAST)
    if dice.chance(300):
        brand += " " + dice.pick(_HOUSE[category])
    listed = dice.weighted(ATTRIBUTES)
    features: list[Attribute] = []
    taken: set[str] = set()
    for attribute in dice.some(kind.attributes, len(kind.attributes)):
        if len(features) < max(listed, 2) + 1 and attribute.phrase not in taken:
            features.append(attribute)
            taken = taken.union(*(group for group in world().exclusive if attribute.phrase in group))
    groups = dice.weighted(OPTION_GROUPS[category])
    options: dict[str, list[str]] = {}
    fixed = []
    for at, (group, values) in enumerate(kind.options):
        if at < groups:
            options[group] = _values(dice, group, values)
        else:
            fixed.append(_title_case(dice.pick(values)))
    return _Draft(
        kind, brand, dice.pick(kind.names), dice.pick(kind.modifiers), dice.some(kind.uses, 2), features,
        min(listed, len(features)), options, fixed,
    )  # fmt: skip


def _values(dice: Dice, group: str, values: tuple[str, ...]) -> list[str]:
    """Choose what a group offers: a run of sizes in order, colors in any order, some of them in pairs."""
    count = len(values) if dice.chance(300) else 2 + dice.below(max(1, len(values) - 1))
    count = min(count, len(values))
    if group == "size":
        start = dice.below(len(values) - count + 1)
        return list(values[start : start + count])
    chosen = dice.some(values, count)
    if group == "color" and dice.chance(180):
        pairs = [f"{a}/{b}" for a in chosen for b in chosen if a < b]
        chosen += dice.some(pairs, 1 + dice.below(12))
    return chosen


def _price(dice: Dice, draft: _Draft) -> str | None:
    if dice.chance(80):
        return None
    low, high = draft.kind.prices
    amount = low * (high / low) ** (dice.below(10_000) / 10_000)
    amount = math.floor(amount) + dice.pick((0.99, 0.99, 0.99, 0.95, 0.49, 0.0))
    if dice.chance(240 if draft.options else 0):
        return f"${amount:,.2f}${amount * (1.2 + dice.below(80) / 100):,.2f}"
    return f"${amount:,.2f}"


def _title(dice: Dice, draft: _Draft) -> str:
    """Write a title: brand, what it is, then what shoppers may type, up to a drawn length."""
    goal = 40 + dice.below(85) + dice.below(85)
    front = [_heading(a) for a in draft.features if a.place == "p" and dice.chance(450)][:1]
    head = [draft.brand] * dice.chance(880) + front + [draft.modifier, draft.name]
    title = " ".join(head)
    if dice.chance(650):
        title += f" for {draft.uses[0]}"
    tails = []
    for attribute in draft.features:
        heading = _heading(attribute)
        plain = attribute.place == "p" or heading.startswith("No ")
        if heading not in front:
            tails.append(heading if plain else f"{'with' if attribute.place == 'w' else 'for'} {heading}")
    tails = dice.some(tails, len(tails)) + [use.removeprefix("the ") for use in draft.uses[1:]]
    tails += dice.some(_TAILS[draft.kind.category], 3)
    fixed = ""
    if draft.fixed and dice.chance(800):
        fixed = f" ({', '.join(draft.fixed)})" if dice.chance(500) else f", {', '.join(draft.fixed)}"
    mark = dice.pick((", ", ", ", " - "))
    for tail in tails:
        if len(title) + len(tail) + len(fixed) > goal:
            break
        run_on = tail.startswith(("with ", "for ")) and f" {tail.split(' ')[0]} " not in title
        title += (" " if run_on else mark) + tail
    return title + fixed


def _texts(dice: Dice, draft: _Draft) -> tuple[list[str], str]:
    """Write the bullets and the description; together they say every feature at least once."""
    name = draft.name
    said = [dice.some([_say(s, name) for s in a.sentences], 2) for a in draft.features]
    notes = dice.some(draft.kind.notes, len(draft.kind.notes))
    chatter = dice.some(draft.kind.chatter, len(draft.kind.chatter))
    wordy = dice.below(4)
    style = dice.pick(("{}: {}", "【{}】{}", "{} - {}", "✔ {}: {}"))
    pairs = [(_heading(attribute), sentences[0]) for attribute, sentences in zip(draft.features, said)]
    uses = " and for ".join(map(_lower, draft.uses))
    pairs.append(("Use", f"A good choice for {uses}. {notes[0]}"))
    if draft.fixed:
        pairs.append(("Details", f"{', '.join(draft.fixed)}. {notes[1]}"))
    bullets = []
    for header, sentence in pairs:
        if len(chatter) > 4 - wordy and dice.chance(400 + 150 * wordy):
            sentence += " " + chatter.pop()
        bullets.append(style.format(header.upper() if style == "{} - {}" else header, sentence))
    if dice.chance(500):
        bullets = dice.some(bullets, len(bullets))
    if dice.chance(80):
        bullets = [" ".join(bullets)]
    if dice.chance(300):
        return bullets, ""
    plural = _is_plural(name)
    opening = dice.pick((
        "Meet the {brand} {name}.",
        "{brand} makes one thing and makes it well: the {mod} {lower}.",
        "Looking for {a}{lower} you can rely on? Here {is} the {brand} {name}.",
        "The {mod} {lower} by {brand} {is} made for {uses}.",
    ))  # fmt: skip
    lower = _lower(name)
    article = "" if plural else "an " if lower[0] in "aeiou" or lower.startswith(("LED", "HDMI", "MP3", "AA")) else "a "
    text = [
        opening.format(
            brand=draft.brand, name=name, mod=_lower(draft.modifier), lower=lower, uses=uses, a=article,
            **{"is": "are" if plural else "is"},
        )
    ]  # fmt: skip
    text += [sentences[-1] for sentences in said]
    text += notes[2:] + chatter[: 1 + wordy]
    it = "They fit" if plural else "It fits"
    text.append(f"{it} {dice.pick(('every day', 'the way you live', 'small and large budgets', 'young and old'))}.")
    text.append(dice.pick((
        f"What you get: 1 x {name}, and our promise to answer every mail.",
        "Not happy? Write to us within 60 days and get your money back.",
        f"{draft.brand} is a small team, and every order helps us grow.",
        "Shipped within two days, with a tracking number.",
    )))  # fmt: skip
    return bullets, " ".join(text)


def _entry(dice: Dice, draft: _Draft) -> dict[str, Any]:
    """Write the product's entry of the attribute file."""
    listed = draft.features[: draft.listed]
    entry: dict[str, Any] = {"attributes": [a.phrase for a in listed]}
    if len(listed) < 2 or not dice.chance(INSTRUCTED):
        return entry
    wanted = dice.some(listed, len(listed) if dice.chance(500) else 2 + dice.below(len(listed) - 1))
    phrases = {place: ", ".join(a.phrase for a in wanted if a.place == place) for place in "pwf"}
    parts = ["Find me", phrases["p"], draft.kind.query]
    parts += [f"with {phrases['w']}" if phrases["w"] else "", f"for {phrases['f']}" if phrases["f"] else ""]
    in_order = [a.phrase for place in "pwf" for a in wanted if a.place == place]
    return entry | {"instruction": " ".join(part for part in parts if part), "instruction_attributes": in_order}


def records(size: int, seed: int = 0) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the first `size` products of a seed, as `generate`."""
    for number in range(size):
        yield generate(number, seed)


def write_files(folder: Path, size: int, seed: int = 0) -> Path:
    """Write a catalogue in the original's format: items_shuffle.json and items_ins_v2.json, in bounded memory.

    Returns:
        The product file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "items_shuffle.json"
    ins = folder / "items_ins_v2.json"
    with path.open("w", encoding="utf-8") as products, ins.open("w", encoding="utf-8") as side:
        products.write("[")
        side.write("{")
        for number, (record, entry) in enumerate(records(size, seed)):
            comma = ",\n" if number else ""
            products.write(comma + json.dumps(record, ensure_ascii=False))
            side.write(f"{comma}{json.dumps(record['asin'])}: {json.dumps(entry)}")
        products.write("]")
        side.write("}")
    return path
