"""The pages as HTML: nothing lost, nothing smuggled in, and all of it legible in the viewport an agent sees."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym.core.browser import find_executable
from vlgym.core.errors import ActionError, MissingDependencyError
from vlgym.webshop.catalogue import open_catalogue
from vlgym.webshop.env import WebShopEnv
from vlgym.webshop.html import DEFAULT_SIZE, render_html
from vlgym.webshop.pictures import _book, kind_of, picture
from vlgym.webshop.types import Node, Page, Product

CATALOGUE = "synthetic:300"
TAGS = set(
    "html head meta title style body form header span main p b div button input h1 ul li i svg g path circle ellipse "
    "rect".split()
)
KINDS = ("search", "results", "item", "description", "features", "reviews", "attributes", "done")


class Reader(HTMLParser):
    """Collects visible text, tags and attributes of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text, self.tags, self.attributes, self.values = "", set[str](), set[str](), []
        self._style = False
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._style = tag == "style"
        if tag == "button" and dict(attrs).get("name") == "action":
            self.values.append(dict(attrs)["value"])

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._style = False


def walk(env: WebShopEnv, product: Product) -> Iterator[Page]:
    """Yield every page on the way to buying the last option of each group of a product."""
    env.reset(seed=0)
    yield env.page
    env.step(f"search[{product.title.replace('[', ' ').replace(']', ' ')[:300]}]")
    yield env.page
    if f"click[{product.asin.lower()}]" not in env._available():
        return
    for value in (product.asin, *(values[-1] for values in product.options.values())):
        try:
            env._act(env.grammar.parse(f"click[{value}]"))
        except ActionError:
            return  # an option whose name the grammar cannot say
        yield env.page
    for name in ("description", "features", "reviews"):
        env._act(env.grammar.parse(f"click[{name}]"))
        yield env.page
        env._act(env.grammar.parse("click[< prev]"))
    env._act(env.grammar.parse("click[buy now]"))
    yield env.page


@pytest.fixture(scope="module")
def env() -> WebShopEnv:
    return WebShopEnv(CATALOGUE, max_steps=100)


@pytest.mark.parametrize("forms", [False, True])
def test_all_strings_of_the_page_model_are_shown(env: WebShopEnv, forms: bool) -> None:
    catalogue = env.shop.catalogue
    for index in range(0, 300, 10):
        for page in walk(env, catalogue.product(index)):
            read = Reader(render_html(page, catalogue, forms=forms))
            assert read.tags <= TAGS
            shown = "".join(read.text.split())
            assert "".join(page.instruction.split()) in shown
            if page.kind == "done":
                assert page.asin in shown
                continue
            for node in page.nodes:
                assert "".join(node.text.split()) in shown, node
            if forms:
                expected = {f"click[{node.value}]" for node in page.nodes if node.value and node.text != "Search"}
                assert set(read.values) == expected


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=y>', "' onclick='z", "]]>", "</style>", "&lt;b", "\ud800"]
    ),
)
NODES = st.lists(
    st.builds(
        Node,
        kind=st.sampled_from(["heading", "text", "button", "link", "option", "group", "bullet"]),
        text=HOSTILE,
        value=HOSTILE,
        chosen=st.booleans(),
        group=HOSTILE,
        product=st.integers(-1, 20),
        role=st.sampled_from(["title", "price", "rating", "asin", "body", "total", ""]),
    ),
    max_size=8,
).map(tuple)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), instruction=HOSTILE, nodes=NODES, forms=st.booleans(), known=st.booleans())
def test_no_text_becomes_markup(kind: str, instruction: str, nodes: tuple[Node, ...], forms: bool, known: bool) -> None:
    catalogue = open_catalogue(CATALOGUE)
    page = Page(kind, instruction, nodes, asin=catalogue.product(0).asin if known else "B0UNKNOWN")
    read = Reader(render_html(page, catalogue, forms=forms))
    assert read.tags <= TAGS
    assert not any(name.startswith("on") or name in ("src", "href", "srcdoc") for name in read.attributes)


def test_done_page_shows_score_and_choice(env: WebShopEnv) -> None:
    product = next(p for p in map(env.shop.catalogue.product, range(300)) if p.options)
    *_, last = walk(env, product)
    text = Reader(render_html(last, env.shop.catalogue)).text
    assert "Thank you for shopping with us!" in text
    assert f"{env._session.reward:.3g}" in text
    assert next(iter(env.chosen.values())) in text


# ---------------------------------------------------------------------- pictures


def make(title: str, query: str = "", category: str = "garden", path: str = "", asin: str = "B000000001") -> Product:
    return Product(asin, title, category, path, query, "", (), ("DUMMY_ATTR",), {}, (), "", "")


def test_every_drawing_is_well_formed_and_used() -> None:
    book = _book()
    assert set(book.kinds.values()) <= set(book.drawings)
    for kind in book.drawings:
        word = next((word for word, of in book.kinds.items() if of == kind), None)
        if word is not None:
            image = picture(make("x", word))
            assert "{" not in image
            ElementTree.fromstring(image)


@pytest.mark.parametrize(
    ("product", "kind"),
    [
        (make("x", "women's sandals"), "sandal"),
        (make("x", "vanities", path="Home › Lighting › Vanity Lights"), "sconce"),
        (make("x", "console tables", path="Home › Sofa & Console Tables"), "table"),
        (make("Leather office chair with phone pocket"), "office"),
        (make("Zzz qqq", category="grocery"), "pouch"),
        (make("Zzz qqq", category="unheard of"), "crate"),
    ],
)
def test_kind_is_the_head_noun(product: Product, kind: str) -> None:
    assert kind_of(product) == kind


def test_colour_follows_option_then_title_then_asin() -> None:
    book, mug = _book(), make("Red coffee mug", "mugs")
    assert f"#{book.colours['red']}" in picture(mug)
    assert f"#{book.colours['navy']}" in picture(mug, {"size": "large", "color": "2-Navy"})
    plain = make("coffee mug", "mugs")
    assert picture(plain) == picture(plain)
    assert len({picture(make("coffee mug", "mugs", asin=f"B00000000{n}")) for n in range(9)}) > 3


# ---------------------------------------------------------------------- what an agent sees

_FAULTS = """(size) => {
  const faults = [];
  for (const node of document.querySelectorAll('button, .title, .price, .goal, h1, .total, .rating, b')) {
    const box = node.getBoundingClientRect(), name = node.className + ':' + node.textContent.slice(0, 40);
    if (box.right > size[0] + 0.5 || box.left < -0.5 || box.top < -0.5 || box.bottom > size[1] + 0.5)
      faults.push(name + ' outside at ' + [box.left, box.top, box.right, box.bottom].map(Math.round));
    if (parseFloat(getComputedStyle(node).fontSize) < 11) faults.push(name + ' small');
    if (node.tagName === 'BUTTON') {
      const hit = document.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
      if (!node.contains(hit)) faults.push(name + ' covered');
    }
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def window() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as api:
        try:
            executable = find_executable(api.chromium.executable_path)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        browser = api.chromium.launch(executable_path=executable, args=["--font-render-hinting=none"])
        yield browser.new_page()
        browser.close()


def faults(window: Any, page: Page, catalogue: Any, size: tuple[int, int]) -> list[str]:
    window.set_viewport_size({"width": size[0], "height": size[1]})
    window.set_content(render_html(page, catalogue))
    found: list[str] = window.evaluate(_FAULTS, size)
    return found


@pytest.mark.browser
@pytest.mark.parametrize("size", [DEFAULT_SIZE, (480, 640)])
def test_everything_is_legible_and_inside_the_viewport(env: WebShopEnv, window: Any, size: tuple[int, int]) -> None:
    catalogue = env.shop.catalogue
    largest = sorted(range(300), key=lambda i: -sum(map(len, sum(catalogue.product(i).options.values(), ()))))
    for index in (*largest[:4], largest[150]):
        for page in walk(env, catalogue.product(index)):
            assert faults(window, page, catalogue, size) == []


def real_catalogue() -> Path:
    root = Path(os.environ.get("VLGYM_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    return root / "webshop"


@pytest.mark.browser
@pytest.mark.skipif(not real_catalogue().is_dir(), reason="the original's products are not here (VLGYM_TEST_DATA)")
def test_item_pages_of_real_products_fit(window: Any) -> None:
    env = WebShopEnv(str(real_catalogue()))
    catalogue, maker = env.shop.catalogue, env.shop.maker
    spilling = 0
    many = sorted(range(len(catalogue)), key=lambda i: -sum(map(len, sum(catalogue.product(i).options.values(), ()))))
    for index in many[:60]:
        page = Page("item", "Find me " + "something long and detailed, " * 4, maker.item(index).nodes)
        spilling += bool(faults(window, page, catalogue, DEFAULT_SIZE))
    assert spilling <= 3  # fonts differ between machines
