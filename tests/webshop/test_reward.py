"""The reward, against hand-worked numbers (test_parity.py compares it with the original's on real products)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import small_shop
from hypothesis import given
from hypothesis import strategies as st

from vlgym.webshop.catalogue import open_catalogue
from vlgym.webshop.reward import (
    COLOURS,
    NO_PARTS,
    PARTS,
    Scorer,
    count_options,
    fuzzy_match,
    normalise_colour,
    wanted_options,
)
from vlgym.webshop.types import Goal

SHOE, LEATHER, TABLE, LAMP, SOCK = 0, 1, 2, 3, 4
GOAL = Goal("B000000001", "", ("light weight", "rubber sole"), {"color": "red", "size": "7"}, 30.0)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shop")
        patch.setenv("VLGYM_CACHE", str(folder / "cache"))
        return Scorer(open_catalogue(small_shop.write(folder)))


def test_everything_right_is_one(scorer: Scorer) -> None:
    score = scorer.score(SHOE, {"color": "red", "size": "7"}, 19.99, GOAL, SHOE)
    assert score.reward == 1.0
    weights = {"w_att": 2 / 5, "w_option": 2 / 5, "w_price": 1 / 5}
    assert score.parts == {**dict.fromkeys(PARTS, 1.0), **weights}


@pytest.mark.parametrize(
    ("options", "price", "reward"),
    [
        ({"color": "red", "size": "8"}, 19.99, 4 / 5),
        ({}, 19.99, 3 / 5),
        ({"color": "red", "size": "7"}, 30.0, 1.0),
        ({"color": "red", "size": "7"}, 30.01, 4 / 5),
        ({"other group": "7", "third": "red"}, 50.0, 4 / 5),  # names of the chosen groups do not count
    ],
)
def test_each_part_counts_once(scorer: Scorer, options: dict[str, str], price: float, reward: float) -> None:
    assert scorer.score(SHOE, options, price, GOAL, SHOE).reward == reward


def test_reward_is_the_weighted_sum_of_its_parts_times_type(scorer: Scorer) -> None:
    for bought in range(len(scorer.catalogue)):
        score = scorer.score(bought, {"color": "red"}, 20.0, GOAL, SHOE)
        p = score.parts
        total = p["r_att"] * p["w_att"] + p["r_option"] * p["w_option"] + p["r_price"] * p["w_price"]
        assert score.reward == pytest.approx(p["r_type"] * total)
        assert set(p) == set(PARTS) == set(NO_PARTS)


def test_colour_rule_takes_the_first_colour_word_contained() -> None:
    assert normalise_colour("dark red") == "dark"
    assert normalise_colour("rust colored") == "red"  # "colo-red" comes before "rust"
    assert normalise_colour("7 wide") == "7 wide"
    assert len(COLOURS) == 102
    assert list(COLOURS) == sorted(COLOURS)


def test_the_two_option_paths_differ() -> None:
    """Mapping: the pair is printed and its colour is only seen where it stands alone; tuple: plain normalised
    values."""
    assert wanted_options({"color": "dark red", "size": "red"}) == ("('color', 'dark red')", "red")
    assert wanted_options(("dark red", "8 wide")) == ("dark", "8 wide")
    by_name = replace(GOAL, options={"color": "1877brown"})
    by_value = replace(GOAL, options=("1877brown",))
    assert count_options(["1877brown"], by_name) == 0
    assert count_options(["1877brown"], by_value) == 1
    assert count_options(["size"], replace(GOAL, options={"size": "9 wide"})) == 1  # the name itself matches the pair


def test_attributes_match_fuzzily_or_as_text(scorer: Scorer) -> None:
    def parts(attributes: tuple[str, ...]) -> float:
        return scorer.score(SHOE, {}, 1.0, replace(GOAL, attributes=attributes), SHOE).parts["r_att"]

    assert parts(("weight light",)) == 1.0  # word order is free
    assert parts(("second bullet",)) == 1.0  # in the bullets
    assert parts(("canvas",)) == 1.0  # in the title
    assert parts(("Canvas",)) == 0.0  # texts are lower-cased, the wanted attribute is not
    assert parts(("waterproof", "light weight")) == 0.5


def test_type_rules(scorer: Scorer) -> None:
    def kind(bought: int, target: int) -> tuple[float, ...]:
        parts = scorer.score(bought, {}, 1.0, GOAL, target).parts
        return parts["r_type"], parts["query_match"], parts["category_match"]

    assert kind(LEATHER, SHOE) == (1.0, 1.0, 1.0)
    assert kind(TABLE, SHOE) == (0.0, 0.0, 0.0)  # no noun shared: nothing, whatever else matches
    assert kind(SOCK, SHOE)[0] == 0.0  # even with two category levels shared
    assert kind(SOCK, SHOE)[2] == 1.0


class Nouns:
    """A catalogue whose titles have given nouns."""

    def __init__(self, catalogue: object, nouns: dict[int, list[str]]) -> None:
        self._catalogue, self._nouns = catalogue, nouns

    def product(self, index: int) -> object:
        return self._catalogue.product(index)  # type: ignore[attr-defined]

    def nouns(self, index: int) -> frozenset[str]:
        return frozenset(self._nouns[index])

    def noun_count(self, index: int) -> int:
        return len(self._nouns[index])


@pytest.mark.parametrize(
    ("have", "want", "title_score", "r_type"),
    [
        (["oak"], [], 0.2, 0.5),  # no noun wanted: 0.2, which is not more than 0.2
        (["a", "b"], ["a", "b", "c", "d"], 0.5, 1.0),
        (["a"], ["a", "b", "c", "d", "e"], 0.2, 0.5),
        (["a"], ["a", "a", "a", "b"], 0.25, 1.0),  # repeats count in the goal's title only
        (["a"], [*"abcdefghijk"], 1 / 11, 0.1),
        (["a"], [*"abcdefghij"], 0.1, 0.5),
        (["x"], ["a"], 0.0, 0.0),
    ],
)
def test_title_score_and_type(
    scorer: Scorer, have: list[str], want: list[str], title_score: float, r_type: float
) -> None:
    scorer = Scorer(Nouns(scorer.catalogue, {TABLE: have, SHOE: want}))  # type: ignore[arg-type]
    parts = scorer.score(TABLE, {}, 1.0, GOAL, SHOE).parts
    assert (parts["title_score"], parts["r_type"]) == (title_score, r_type)


@pytest.mark.parametrize(
    ("first", "second", "ratio"),  # ratios of thefuzz 0.22.1; 85 stands for 85.1 too, which does not match
    [
        *[("a", "", 0), ("", "", 0), ("!!!", "!!!", 0), ("red", "RED!", 100), ("dark red", "red", 100)],
        *[("size 7", "7", 100), ("naïve", "nave", 100), ("abcdefg", "abcdefh", 86), ("abcdef", "abcdeh", 83)],
        *[("long lasting", "long lasting battery", 100), ("easy clean", "easy to clean", 100), ("非", "非", 100)],
        *[("light weight", "lightweight", 96), ("waterproof", "water proof", 48), ("machine wash", "hand wash", 67)],
        *[("a" * 17, "a" * 22 + "b", 85), ("a" * 20, "a" * 26 + "b", 85), ("abcdefghijklmn", "abcdefghijklzz", 86)],
    ],
)
def test_fuzzy_match_has_thefuzz_semantics(first: str, second: str, ratio: int) -> None:
    assert fuzzy_match(first, second) == (ratio > 85)


@given(st.text(max_size=20), st.text(max_size=20))
def test_fuzzy_match_is_total_and_symmetric(first: str, second: str) -> None:
    assert fuzzy_match(first, second) == fuzzy_match(second, first)
    assert normalise_colour(first) in (*COLOURS, first)
