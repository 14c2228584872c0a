"""Goals: the original's rules, seeded, lazy, and their splits."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from hashlib import sha256
from itertools import chain, product
from pathlib import Path

import pytest
import small_shop

from vlgym.core.errors import CatalogueError, TaskError
from vlgym.webshop.catalogue import ProductCatalogue, open_catalogue
from vlgym.webshop.goals import NO_LIMIT, GoalBook, price_limit, price_of

DATA = Path(os.environ.get("VLGYM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "webshop"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProductCatalogue:
    monkeypatch.setenv("VLGYM_CACHE", str(tmp_path / "cache"))
    return open_catalogue(small_shop.write(tmp_path))


@pytest.fixture
def with_human(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProductCatalogue:
    monkeypatch.setenv("VLGYM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "human").mkdir()
    return open_catalogue(small_shop.write(tmp_path / "human", human=True))


def test_price_limit_is_one_of_the_next_four_tens_but_never_the_nearest() -> None:
    seen = {price_limit(25.0, seed) for seed in range(200)}
    assert {upper for upper, _ in seen} == {40.0, 50.0, 60.0}
    assert (60.0, ", and price lower than 60.00 dollars") in seen


def test_price_limit_is_the_larger_of_two_draws() -> None:
    counts = [price_limit(25.0, seed)[0] for seed in range(6000)]
    shares = [counts.count(upper) / 6000 for upper in (40.0, 50.0, 60.0)]  # 1, 2 and 3 of the 6 pairs
    assert shares == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.02)


@pytest.mark.parametrize(
    ("price", "limits"), [(970.0, {990.0}), (980.0, {NO_LIMIT}), (5000.0, {NO_LIMIT}), (10.0, {30.0, 40.0, 50.0})]
)
def test_price_limit_at_the_ends_of_the_range(price: float, limits: set[float]) -> None:
    found = {price_limit(price, seed) for seed in range(100)}
    assert {upper for upper, _ in found} == limits
    assert all((text == "") == (upper == NO_LIMIT) for upper, text in found)


def test_prices(catalogue: ProductCatalogue) -> None:
    single, ranged, missing = (catalogue.product(index) for index in range(3))
    assert price_of(single, 0) == 19.99
    assert price_of(missing, 0) == 100.0
    draws = {price_of(ranged, seed) for seed in range(50)}
    assert len(draws) == 50
    assert all(30.0 <= draw <= 50.0 for draw in draws)


def test_synthetic_goals_are_the_product_of_sorted_option_groups(catalogue: ProductCatalogue) -> None:
    book = GoalBook(catalogue, "synthetic")
    found = [book.goal(f"B000000001-s{number}").goal.options for number in range(4)]
    assert found == [{"color": c, "size": s} for c, s in product(("red", "rust colored"), ("7", "8"))]
    text = book.goal("B000000001-s2").goal.instruction
    assert text.startswith(
        "Find me light weight sneakers with rubber sole with color: rust colored, and size: 7, and price lower than "
    )
    assert book.goal("C000000000-s0").goal.instruction.startswith("Find me soft socks number 0, and price")
    assert len(book) == 4 + 1 + 1 + 10 + 23
    assert book.goal("B000000003-s0").goal.price_upper > 100.0


def test_human_goals_skip_empty_attributes_and_strip_dots(with_human: ProductCatalogue) -> None:
    book = GoalBook(with_human)
    assert (book.kind, len(book)) == ("human", 3)
    goal = book.goal("B000000001-h1").goal
    assert goal.instruction.startswith("rust colored sneakers, and price lower than ")
    assert (goal.options, goal.attributes) == (("rust colored",), ("rubber sole",))
    assert book.weight("B000000001-h1") == 1.0


def test_weights_are_mean_inverse_frequencies(catalogue: ProductCatalogue) -> None:
    book = GoalBook(catalogue, "synthetic")
    assert book.weight("B000000001-s0") == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert book.weight("C000000003-s0") == pytest.approx(1 / 23)


def test_order_is_the_originals_shuffle(catalogue: ProductCatalogue) -> None:
    book = GoalBook(catalogue, "synthetic")
    plain = [book._id(goal) for goal in range(len(book))]
    random.Random(233).shuffle(plain)
    assert [book.id(position) for position in range(len(book))] == plain
    tasks = book.tasks()
    assert [*tasks.ids("test"), *tasks.ids("dev"), *tasks.ids("train")] == plain


@pytest.mark.parametrize("split_by", ["goal", "product"])
def test_splits_are_disjoint_complete_and_not_empty(catalogue: ProductCatalogue, split_by: str) -> None:
    tasks = GoalBook(catalogue, "synthetic", split_by=split_by).tasks()
    parts = {name: list(tasks.ids(name)) for name in ("train", "dev", "test")}
    assert all(parts.values())
    assert sorted(chain(*parts.values())) == sorted(set(tasks.ids()))
    assert len(tasks) == len(tasks.ids()) == len(list(tasks))
    assert all(tasks[task].split == name for name, ids in parts.items() for task in ids)
    if split_by == "product":
        asins = [{task.partition("-")[0] for task in ids} for ids in parts.values()]
        assert sum(map(len, asins)) == len(set().union(*asins))


def test_all_ids_are_lazy_and_indexable(catalogue: ProductCatalogue) -> None:
    ids = GoalBook(catalogue, "synthetic").tasks().ids()
    assert ids[0] == next(iter(ids))
    assert ids[-1] == list(ids)[-1]
    assert ids[2:5] == list(ids)[2:5]
    with pytest.raises(IndexError):
        ids[len(ids)]


@pytest.mark.parametrize(
    "wrong",
    [
        "B000000001-s4",
        "B000000001-s-1",
        "B000000001-s01",
        "B000000001-h0",
        "B999999999-s0",
        "",
        "-",
        "B000000001-s" + "9" * 6000,
        "B000000001-s٣",
    ],
)
def test_unknown_ids_are_task_errors(catalogue: ProductCatalogue, wrong: str) -> None:
    tasks = GoalBook(catalogue, "synthetic").tasks()
    with pytest.raises(TaskError, match="Unknown task") as caught:
        tasks[wrong]
    assert len(str(caught.value)) < 300


def test_too_few_goals_and_unknown_kinds_are_clear(catalogue: ProductCatalogue, with_human: ProductCatalogue) -> None:
    with pytest.raises(CatalogueError, match="0 human goals"):
        GoalBook(catalogue, "human")
    with pytest.raises(CatalogueError, match="2 human products"):
        GoalBook(with_human, "human", split_by="product")
    with pytest.raises(ValueError, match="Unknown goals 'synthetc'"):
        GoalBook(catalogue, "synthetc")


def test_seed_changes_limits_only(catalogue: ProductCatalogue) -> None:
    books = [GoalBook(catalogue, "synthetic", seed) for seed in (0, 0, 1)]
    texts = [[book.goal(book.id(n)).goal.instruction for n in range(len(book))] for book in books]
    assert texts[0] == texts[1] != texts[2]
    cut = [[text.partition(", and price")[0] for text in found] for found in texts]
    assert cut[0] == cut[2]


DIGEST = """
import json, sys
from hashlib import sha256
from vlgym.webshop.catalogue import open_catalogue
from vlgym.webshop.goals import GoalBook
book = GoalBook(open_catalogue(sys.argv[1]), "synthetic")
goals = [book.goal(book.id(n)).goal for n in range(len(book))]
text = json.dumps([[g.asin, g.instruction, g.attributes, dict(g.options), g.price_upper] for g in goals])
print(len(goals), sha256(text.encode()).hexdigest())
"""


@pytest.mark.skipif(not DATA.exists(), reason=f"the original's 1,000 products are not at {DATA}")
def test_real_products_give_6910_goals_equal_in_two_processes() -> None:
    outputs = []
    for hash_seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", DIGEST, str(DATA)],
            capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        outputs.append(ran.stdout.split())
    assert outputs[0] == outputs[1]
    assert outputs[0][0] == "6910"
    book = GoalBook(open_catalogue(DATA), "synthetic")
    goals = [book.goal(book.id(n)).goal for n in range(len(book))]
    text = json.dumps([[g.asin, g.instruction, g.attributes, dict(g.options), g.price_upper] for g in goals])
    assert sha256(text.encode()).hexdigest() == outputs[0][1]
    assert [len(book.tasks().ids(name)) for name in ("train", "dev", "test")] == [5410, 1000, 500]


def test_default_catalogue_has_200_test_goals() -> None:
    tasks = GoalBook(open_catalogue("synthetic:1000"), "synthetic", split_by="product").tasks()
    assert len(tasks.ids("test")) >= 200
