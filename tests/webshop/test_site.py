"""The shop behind addresses: equal pages and rewards as in the environment, and orders that a judge can read."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest

from vlgym.core.site import (
    Button,
    Field,
    Figure,
    Heading,
    Link,
    Option,
    Page,
    Paragraph,
    Site,
    Step,
    Storage,
    open_site,
)
from vlgym.webshop.env import WebShopEnv
from vlgym.webshop.site import FIELD, WebShopSite

SIZE = "synthetic:200"


@pytest.fixture(scope="module")
def site() -> WebShopSite:
    return WebShopSite(SIZE)


def walk(site: Site, steps: tuple[Step, ...], storage: Storage) -> Page:
    """Walk through the site as a browser does: fields are filled, links and options followed, buttons pressed."""
    url, form = "/", dict[str, str]()
    page = site.open(url, None, storage)
    for step in steps:
        (block,) = [block for block in page.blocks if step.label in labels(block)][:1]
        if isinstance(block, Field):
            form[block.name] = step.text
            continue
        assert isinstance(block, (Link, Option, Button)), block
        fields = {b.name: form.get(b.name, b.value) for b in page.blocks if isinstance(b, Field)}
        url = urljoin(url, block.url)
        page, form = site.open(url, fields if isinstance(block, Button) else None, storage), {}
        url = page.url or url
    return page


def labels(block: object) -> tuple[str, ...]:
    return (getattr(block, "text", ""), getattr(block, "label", ""), *getattr(block, "notes", ()))


def test_errands_are_done_by_their_walk_and_rated_as_the_environment_does(site: WebShopSite) -> None:
    env = WebShopEnv(SIZE, nouns="builtin")
    for number in range(0, 400, 40):
        errand = site.errand(number)
        assert errand is not None
        storage: Storage = {}
        assert site.score(errand.id, storage) == 0.0
        page = walk(site, errand.walk, storage)
        assert page.url == "/order/1"
        assert json.loads(json.dumps(storage)) == storage
        assert site.score(errand.id, storage) == 1.0
        env.reset(options={"task": errand.id})
        (order,) = storage["orders"]
        query = errand.walk[0].text
        actions = [f"search[{query}]", *[f"click[{step.label.lower()}]" for step in errand.walk[2:]]]
        reward = [env.step(action)[1] for action in actions][-1]
        assert reward == 1.0
        assert order["asin"].lower() in actions[-len(order["options"]) - 2]
        assert errand.words == env.goal.goal.instruction


def test_worse_orders_earn_what_the_environment_pays(site: WebShopSite) -> None:
    env = WebShopEnv(SIZE, nouns="builtin")
    errand = site.errand(3)
    assert errand is not None
    rewards = set()
    for index in range(0, 200, 9):
        asin = site.shop.catalogue.product(index).asin
        storage: Storage = {}
        site.open(f"/buy/{asin}", {}, storage)
        env.reset(options={"task": errand.id})
        env._session.kind, env._session.product, env._session._view = "item", index, None
        reward = env.step("click[buy now]")[1]
        assert site.score(errand.id, storage) == reward
        rewards.add(reward)
    assert len(rewards) > 1


def test_two_orders_or_none_are_no_success(site: WebShopSite) -> None:
    errand = site.errand(0)
    assert errand is not None
    storage: Storage = {}
    walk(site, errand.walk, storage)
    walk(site, errand.walk, storage)
    assert [order["number"] for order in storage["orders"]] == [1, 2]
    assert site.score(errand.id, storage) == 0.0


def test_pages_show_what_the_environment_shows(site: WebShopSite) -> None:
    env = WebShopEnv(SIZE, nouns="builtin", quirks=dict.fromkeys(("search_anywhere", "endless_next"), False))
    env.reset(seed=1)
    env.step("search[shirt]")
    page = site.open("/search", {"q": "shirt"}, {})
    shown = [node.text for node in env.page.nodes if node.role == "asin"]
    assert [block.notes[1] for block in page.blocks if isinstance(block, Link) and block.svg] == shown
    assert env.page.nodes[1].text in [block.text for block in page.blocks if isinstance(block, Paragraph)]
    env.step(f"click[{shown[0].lower()}]")
    page = site.open(f"/item/{shown[0]}?q=shirt", None, {})
    options = [node.text.strip() for node in env.page.nodes if node.kind == "option"]
    assert [block.text for block in page.blocks if isinstance(block, Option)] == options
    assert any(isinstance(block, Figure) for block in page.blocks)
    env.step("click[description]")
    told = " ".join(node.text for node in env.page.nodes if node.role == "body").strip()
    page = site.open(f"/item/{shown[0]}/description?q=shirt", None, {})
    assert told in [getattr(block, "text", "") for block in page.blocks] or not told


def test_an_address_is_a_page(site: WebShopSite) -> None:
    """Options live in the address, so going back takes them away again; drawing a page changes nothing."""
    item = next(p for p in map(site.shop.catalogue.product, range(200)) if len(p.options) > 1)
    storage: Storage = {}
    page = site.open(f"/item/{item.asin}", None, storage)
    options = [block for block in page.blocks if isinstance(block, Option)]
    first = options[0]
    second = next(option for option in options if option.group != first.group)
    page = site.open(first.url, None, storage)
    both = next(b for b in page.blocks if isinstance(b, Option) and (b.group, b.text) == (second.group, second.text))
    page = site.open(both.url, None, storage)
    chosen = {(b.group, b.text) for b in page.blocks if isinstance(b, Option) and b.chosen}
    assert chosen == {(first.group, first.text), (second.group, second.text)}
    again = site.open(first.url, None, storage)
    assert {(b.group, b.text) for b in again.blocks if isinstance(b, Option) and b.chosen} == {
        (first.group, first.text)
    }
    assert storage == {}


def test_results_have_pages_and_an_end(site: WebShopSite) -> None:
    query = "high quality"
    url, numbers = f"/search?q={query.replace(' ', '+')}", []
    while url:
        page = site.open(url, None, {})
        numbers.append(sum(isinstance(block, Link) and bool(block.svg) for block in page.blocks))
        url = next((b.url for b in page.blocks if isinstance(b, Link) and b.text == "Next >"), "")
    total = len(site.shop.catalogue.search(query))
    assert total > 20
    assert numbers == [10] * (total // 10) + [total % 10] * (total % 10 > 0)
    assert any(isinstance(b, Link) and b.text == "< Prev" for b in page.blocks)


@pytest.mark.parametrize(
    "url",
    [
        "/nothing",
        "/item/B000000000",
        "/item",
        "/item/x/y/z",
        "/order/7",
        "/buy/B000000000",
        "/item/../../etc",
        "/search?page=x",
    ],
)
def test_addresses_that_lead_nowhere(site: WebShopSite, url: str) -> None:
    with pytest.raises(LookupError) as error:
        site.open(url, None, {})
    assert str(error.value.args[0]).endswith(".")


def test_strange_addresses_are_harmless(site: WebShopSite) -> None:
    asin = site.shop.catalogue.product(0).asin
    for tail in ('?options={"a":"b"}', "?page=99999999999", "?q=" + "x" * 5000, "?options=[1]&page=-3"):
        try:
            page = site.open(f"/item/{asin}{tail}", None, {})
        except LookupError:
            continue
        assert not any(isinstance(block, Option) and block.chosen for block in page.blocks)
    with pytest.raises(LookupError):
        site.open(f"/buy/{asin}", None, {})  # an address alone buys nothing


def test_the_order_can_be_read_again(site: WebShopSite) -> None:
    storage: Storage = {}
    asin = site.shop.catalogue.product(5).asin
    assert "no orders" in str(site.open("/orders", None, storage))
    page = site.open(f"/buy/{asin}", {}, storage)
    assert site.open(page.url, None, storage) == page
    assert any(isinstance(b, Link) and b.text == "Order 1" for b in site.open("/orders", None, storage).blocks)
    assert any(isinstance(b, Link) and b.url == "/orders" for b in site.open("/", None, storage).blocks)


def test_searching_finds_products(site: WebShopSite) -> None:
    hits = site.search("shirt")
    assert hits[0].url.startswith("/search?")
    assert len(hits) == 4
    for hit in hits:
        assert isinstance(site.open(hit.url, None, {}), Page)
    assert site.search("zzzqqq") == ()


def test_the_home_page_and_the_table() -> None:
    site = open_site("shop.test")
    assert isinstance(site, WebShopSite)
    page = site.open("/", None, {})
    assert page.blocks[0] == Heading("WebShop")
    assert any(isinstance(block, Field) and block.label == FIELD for block in page.blocks)
    assert open_site("elsewhere.test") is None
