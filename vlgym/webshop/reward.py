"""The reward of `buy now`, exactly as the original computes it (`goal.py` of the WebShop repository, after its PR 8).

``reward = r_type * (attributes matched + options matched + [price <= limit]) / (attributes + options + 1)``

Every comparison of two strings is cached: a purchase that resembles an earlier one costs microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.fuzz import token_set_ratio
from rapidfuzz.utils import default_process

from vlgym.webshop.types import Catalogue, Goal, Product

FUZZY_THRESHOLD = 85
"""A match is a ratio above it, after rounding to an integer."""

PARTS = (
    *("r_type", "r_att", "w_att", "r_option", "w_option", "r_price", "w_price"),
    *("query_match", "category_match", "title_score"),
)

_COLOUR_WORDS = """
    alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy camel camo
    caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral cranberry cream
    crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass gray green grey heather
    indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon mauve merlot midnight mint mocha
    multicolor mushroom mustard natural navy nude olive orange peach pewter pink plum purple rainbow red rose royal
    rust sand sapphire seashell silver skull slate steel stone stonewash sunflower tan taupe teal tiger turquoise
    violet walnut wheat white wine yellow
"""
COLOURS = tuple(_COLOUR_WORDS.split())
"""Colour words in the order in which they are tried: the first one contained in a value replaces it."""

_LATIN_1_HIGH = dict.fromkeys(range(128, 256))


@dataclass(frozen=True, slots=True)
class Score:
    """A purchase's reward in [0, 1] and its parts (`PARTS`, all floats; absent ones are 0 with weight 0)."""

    reward: float
    parts: Mapping[str, float]


NO_PARTS: Mapping[str, float] = dict.fromkeys(PARTS, 0.0)
"""Parts before anything was bought."""


@lru_cache(maxsize=65536)
def _processed(text: str) -> str:
    return default_process(text.translate(_LATIN_1_HIGH))


@lru_cache(maxsize=262144)
def fuzzy_match(first: str, second: str) -> bool:
    """Return whether two strings match: thefuzz's `token_set_ratio` (ASCII forced, rounded to int) exceeds 85."""
    return round(token_set_ratio(_processed(first), _processed(second))) > FUZZY_THRESHOLD


@lru_cache(maxsize=65536)
def normalise_colour(value: str) -> str:
    """Return the first colour word contained in `value` (also inside a word: "colored" is "red"), else `value`."""
    return next((colour for colour in COLOURS if colour in value), value)


@lru_cache(maxsize=65536)
def _wanted_pair(name: str, value: str) -> str:
    """Return what a (name, value) goal option is compared as: the original hands the tuple itself to its colour rule,
    so a colour counts only if it *is* the name or the value, and then prints the tuple."""
    pair = (name, value)
    return next((colour for colour in COLOURS if colour in pair), str(pair))


def wanted_options(options: Mapping[str, str] | tuple[str, ...]) -> tuple[str, ...]:
    """Return the strings that goal options are compared as: one path for synthetic goals (mapping), one for human
    goals."""
    if isinstance(options, Mapping):
        return tuple(_wanted_pair(name, value) for name, value in options.items())
    return tuple(normalise_colour(value) for value in options)


def count_options(chosen: Iterable[str], goal: Goal) -> int:
    """Return how many of the goal's options are matched by a chosen value."""
    values = [normalise_colour(value) for value in chosen]
    return sum(any(fuzzy_match(value, want) for value in values) for want in wanted_options(goal.options))


class Scorer:
    """Rewards of one catalogue; safe to share between environments and threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._type = lru_cache(maxsize=65536)(self._type_parts)
        self._attributes = lru_cache(maxsize=65536)(self._count_attributes)

    def score(self, bought: int, options: Mapping[str, str], price: float, goal: Goal, target: int) -> Score:
        """Return the score of buying product `bought` with `options` (group -> value) at `price` for `goal`.

        Args:
            target: index of the goal's product.
        """
        r_type, query_match, category_match, title_score = self._type(bought, target)
        n_att = self._attributes(bought, goal.attributes)
        n_opt = count_options(options.values(), goal) if goal.options else 0
        in_price = price <= goal.price_upper
        total = len(goal.attributes) + len(goal.options) + 1
        reward = (n_att + n_opt + in_price) / total * r_type
        parts = {
            "r_type": r_type,
            "r_att": n_att / len(goal.attributes) if goal.attributes else 0.0,
            "w_att": len(goal.attributes) / total,
            "r_option": n_opt / len(goal.options) if goal.options else 0.0,
            "w_option": len(goal.options) / total,
            "r_price": float(in_price),
            "w_price": 1 / total,
            "query_match": query_match,
            "category_match": category_match,
            "title_score": title_score,
        }
        return Score(reward, parts)

    def _type_parts(self, bought: int, target: int) -> tuple[float, float, float, float]:
        """Return (r_type, query match, category match, title score) of a product against the goal's product."""
        have, want = self.catalogue.product(bought), self.catalogue.product(target)
        query_match = have.query == want.query
        category_match = len(_levels(have) & _levels(want)) >= 2
        # The original divides the shared distinct nouns by all nouns of the goal's title, repeats counted.
        count = self.catalogue.noun_count(target)
        shared = len(self.catalogue.nouns(target) & self.catalogue.nouns(bought))
        title_score = shared / count if count else 0.2
        r_type = 1.0 if query_match or category_match or title_score > 0.2 else 0.5
        if title_score < 0.1:
            r_type = 0.1 if title_score > 0.0 else 0.0
        return r_type, float(query_match), float(category_match), title_score

    def _count_attributes(self, bought: int, attributes: tuple[str, ...]) -> int:
        """Return how many goal attributes the product has: fuzzily among its own, or literally in its texts."""
        item = self.catalogue.product(bought)
        texts = (item.title.lower(), " ".join(item.bullets).lower(), item.description.lower())
        return sum(
            any(fuzzy_match(own, wanted) for own in item.attributes) or any(wanted in text for text in texts)
            for wanted in attributes
        )


def _levels(item: Product) -> set[str]:
    return {level.strip() for level in item.product_category.split("›")}
