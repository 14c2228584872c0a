"""The synthetic catalogue: the same everywhere, like the original in its numbers, and worth choosing from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest

from vlgym.webshop import synthetic
from vlgym.webshop.raw import attribute_entry, clean_product
from vlgym.webshop.types import Product

SIZE = 2000
FIRST_PRODUCTS = "3c979e23d1ec76e29fe7b4d7fe14cb91"
"""Digest of the first 100 products of seed 0. It changes when the generator does: say so in the changelog."""

Made = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return list(synthetic.records(SIZE))


@pytest.fixture(scope="module")
def products(made: list[Made]) -> list[Product]:
    cleaned = [clean_product(record, attribute_entry(entry)[0]) for record, entry in made]
    assert None not in cleaned
    return [product for product in cleaned if product is not None]


def text_of(product: Product) -> str:
    return " ".join([product.title, *product.bullets, product.description]).lower()


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_products_are_the_same_in_every_process_and_version() -> None:
    code = "import json; from vlgym.webshop.synthetic import records; from hashlib import blake2b;"
    code += "print(blake2b(json.dumps(list(records(100))).encode(), digest_size=16).hexdigest())"
    for seed in ("0", "1"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        assert said.stdout.strip() == FIRST_PRODUCTS


def test_a_product_depends_on_seed_and_number_alone(made: list[Made]) -> None:
    assert synthetic.generate(1234, 0) == made[1234]
    assert synthetic.generate(1234, 1) != made[1234]
    assert list(synthetic.records(3, 0)) == made[:3]


def test_asins_look_right_and_differ(made: list[Made]) -> None:
    asins = [record["asin"] for record, _ in made]
    assert all(re.fullmatch(r"B0[0-9A-Z]{8}", asin) for asin in asins)
    assert len(set(asins)) == SIZE
    assert len({synthetic._asin(number, 3) for number in range(0, 10**9, 99_991)}) == 10_001


def test_numbers_are_like_the_originals(products: list[Product], made: list[Made]) -> None:
    categories = Counter(product.category for product in products)
    for name, expected in synthetic.CATEGORIES.items():
        assert categories[name] / SIZE == pytest.approx(expected / 1000, abs=0.03)
    assert 200 <= len({product.query for product in products[:1000]}) <= 260
    groups = Counter(len(product.options) for product in products)
    for count, expected in ((0, 0.577), (1, 0.245), (2, 0.165), (3, 0.013)):
        assert groups[count] / SIZE == pytest.approx(expected, abs=0.04)
    values = [len(offered) for product in products for offered in product.options.values()]
    assert sum(values) / len(values) == pytest.approx(5.7, abs=1.0)
    assert sum(len(product.title) for product in products) / SIZE == pytest.approx(116, abs=8)
    assert sum(len(product.attributes) for product in products) / SIZE == pytest.approx(2.8, abs=0.3)
    assert share([not product.attributes for product in products]) == pytest.approx(0.185, abs=0.03)
    assert share([len(product.pricing) == 2 for product in products]) == pytest.approx(0.093, abs=0.03)
    assert share([not product.description for product in products]) == pytest.approx(0.301, abs=0.03)
    prices = sorted(product.pricing[0] for product in products if product.pricing)
    assert prices[len(prices) // 2] == pytest.approx(29.95, abs=6)
    assert share(["instruction" in entry for _, entry in made]) == pytest.approx(0.415, abs=0.03)


def test_attributes_are_said_in_the_texts(products: list[Product]) -> None:
    for product in products:
        for attribute in product.attributes:
            assert attribute in text_of(product), (product.asin, attribute)


def test_exclusive_attributes_never_meet(products: list[Product]) -> None:
    for product in products:
        for group in synthetic.world().exclusive:
            assert len(group.intersection(product.attributes)) <= 1, product.asin


def test_instructions_name_the_query_and_the_attributes(made: list[Made]) -> None:
    for record, entry in made:
        if "instruction" in entry:
            wanted = entry["instruction_attributes"]
            assert len(wanted) >= 2
            assert set(wanted) <= set(entry["attributes"])
            assert record["query"] in entry["instruction"]
            assert all(attribute in entry["instruction"] for attribute in wanted)


def test_texts_are_finished(products: list[Product]) -> None:
    for product in products:
        text = " ".join([product.title, *product.bullets, product.description])
        assert not re.search(r"[{}]|  | ,|\bNone\b|\.\.| \.|,,", text), text
        assert all(bullet[-1] in ".!?" for bullet in product.bullets)
        assert 20 <= len(product.title) <= 250
        assert len(set(product.options)) == len(product.options)
        for offered in product.options.values():
            assert len(set(offered)) == len(offered) >= 2


def test_shoppers_have_a_choice(products: list[Product]) -> None:
    """Most products have rivals of the same query that differ in attributes, options or price."""
    rivals: dict[str, list[Product]] = defaultdict(list)
    for product in products[:1000]:
        rivals[product.query].append(product)
    shelf = [len(rivals[product.query]) for product in products[:1000]]
    assert share([count >= 3 for count in shelf]) > 0.7
    pairs = [pair for found in rivals.values() for pair in pairwise(found)]
    assert share([set(a.attributes) != set(b.attributes) for a, b in pairs]) > 0.9
    assert share([a.pricing != b.pricing for a, b in pairs]) > 0.9


def test_every_kind_is_complete() -> None:
    for category, kinds in synthetic.world().kinds.items():
        assert len({kind.query for kind in kinds}) == len(kinds) > 15
        for kind in kinds:
            assert kind.category == category
            assert kind.prices[0] < kind.prices[1]
            assert min(len(kind.names), len(kind.modifiers), len(kind.uses)) >= 2, kind.query
            assert len(kind.attributes) >= 4, kind.query
            assert len(kind.notes) >= 3
            assert len({group for group, _ in kind.options}) == len(kind.options), kind.query


def test_files_have_the_originals_schema(tmp_path: Any) -> None:
    path = synthetic.write_files(tmp_path, 12, 5)
    assert json.loads(path.read_text(encoding="utf-8")) == [record for record, _ in synthetic.records(12, 5)]
    side = json.loads((tmp_path / "items_ins_v2.json").read_text(encoding="utf-8"))
    assert list(side.values()) == [entry for _, entry in synthetic.records(12, 5)]
