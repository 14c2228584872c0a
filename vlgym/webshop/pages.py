"""The page model of the site and its two text forms, identical to the original's strings without any HTML.

Source: templates and `convert_html_to_text` of the WebShop repository (Yao et al. 2022). What the browser of the
original (BeautifulSoup) does to white space is part of the strings and is reproduced by `_shown`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from vlgym.webshop.grammar import WebShopGrammar
from vlgym.webshop.types import (
    BACK_TO_SEARCH,
    END_BUTTON,
    NEXT_PAGE,
    PREV_PAGE,
    SUB_PAGES,
    Catalogue,
    Node,
    Page,
    Product,
)

HITS_PER_PAGE = 10
_GRAMMAR = WebShopGrammar()
SEPARATOR = " [SEP] "

Target = tuple[str, str | int]
"""What a click reaches: ("button", ""), ("link", product index) or ("option", group)."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of a page that does not depend on the goal, shared by all sessions.

    Attributes:
        nodes: visible strings in reading order, without the instruction.
        targets: what ``click[...]`` takes here -> what it reaches; in the original's order, later groups win a
            collision.
        available: action texts possible here (not those of values that the grammar cannot say).
    """

    nodes: tuple[Node, ...]
    targets: Mapping[str, Target]
    available: tuple[str, ...]
    rendered: dict[str, tuple[str, str]] = field(default_factory=dict, compare=False)
    """Strings of a TextForm, by its name, made when first asked for."""


def _view(nodes: Iterable[Node | None], *, search_bar: bool = False) -> View:
    shown = tuple(node for node in nodes if node is not None and node.text)
    targets: dict[str, Target] = {}
    for kind in ("button", "link", "option"):
        for node in shown:
            if node.kind == kind and node.value:
                reached: str | int = node.product if kind == "link" else node.group
                targets[node.value] = (kind, reached)
    available = ["search[<words>]"] if search_bar else []
    for value, (kind, _) in targets.items():
        if kind != "option" or (value != "search" and _GRAMMAR.can_click(value)):
            available.append(f"click[{value}]")
    return View(shown, targets, tuple(available))


def _shown(text: str) -> str:
    """Return a template string as the original's parser leaves it: blank runs become one blank, or "" with a
    newline."""
    if text.strip(" \n\t\f\r"):
        return text
    return "" if "\n" in text or not text else " "


def _chosen(node: Node) -> Node:
    """Return a node marked as chosen (`dataclasses.replace` takes ten times as long)."""
    return Node(node.kind, node.text, node.value, True, node.group, node.product, node.role)


def _button(text: str) -> Node:
    return Node("button", text, value=text.lower())


_BACK, _PREV, _NEXT = _button(BACK_TO_SEARCH), _button(PREV_PAGE), _button(NEXT_PAGE)
_SEARCH = _view((Node("heading", "WebShop"), Node("button", "Search")), search_bar=True)


class PageMaker:
    """Makes the pages of one catalogue; stateless but for its caches, safe to share between environments and threads.

    Args:
        catalogue: the products.
        show_attrs: item pages offer the "Attributes" page too.
    """

    def __init__(self, catalogue: Catalogue, show_attrs: bool = False) -> None:
        self.catalogue = catalogue
        self.show_attrs = show_attrs
        self.search = _SEARCH
        self.item = lru_cache(maxsize=4096)(self._item)
        self.item_with = lru_cache(maxsize=4096)(self._item_with)
        self.sub_page = lru_cache(maxsize=2048)(self._sub_page)
        self._hits = lru_cache(maxsize=1024)(self._make_hits)
        self._entry = lru_cache(maxsize=8192)(self._make_entry)

    def results(self, hits: Sequence[int], number: int, visited: frozenset[int] | set[int]) -> View:
        """Return page `number` (from 1) of the products `hits`; the ASINs of `visited` are marked."""
        window = tuple(hits[(number - 1) * HITS_PER_PAGE : number * HITS_PER_PAGE])
        view = self._hits(window, number, len(hits))
        if visited and not visited.isdisjoint(window):
            nodes = tuple(_chosen(n) if n.role == "asin" and n.product in visited else n for n in view.nodes)
            return View(nodes, view.targets, view.available)
        return view

    def _make_hits(self, window: tuple[int, ...], number: int, total: int) -> View:
        head = Node("heading", f"Page {number} (Total results: {total})", role="total")
        entries = [node for index in window for node in self._entry(index)]
        return _view((_BACK, head, _PREV if number > 1 else None, _NEXT, *entries))

    def _make_entry(self, index: int) -> tuple[Node, ...]:
        item = self.catalogue.product(index)
        return (
            Node("link", item.asin, value=item.asin.lower(), product=index, role="asin"),
            Node("text", _shown(item.title), product=index, role="title"),
            Node("text", item.price_tag, product=index, role="price"),
        )

    def _item(self, index: int) -> View:
        """Return the item page of product `index` with no option chosen."""
        item = self.catalogue.product(index)
        options = []
        for group, values in item.options.items():
            options.append(Node("group", _shown(group), group=group))
            options += [Node("option", value, value=value, group=group) for value in values]
        return _view(
            (
                _BACK,
                _PREV,
                *options,
                Node("heading", _shown(item.title), role="title"),
                Node("heading", f"Price: {item.price_tag}", role="price"),
                Node("heading", "Rating: N.A.", role="rating"),
                *(_button(name) for name in SUB_PAGES if name != "Attributes" or self.show_attrs),
                _button(END_BUTTON),
            )
        )

    def _item_with(self, index: int, chosen: frozenset[tuple[str, str]]) -> View:
        """Return the item page of product `index` with the (group, value) pairs of `chosen` marked."""
        view = self.item(index)
        if not chosen:
            return view
        nodes = tuple(
            _chosen(node) if node.kind == "option" and (node.group, node.value) in chosen else node
            for node in view.nodes
        )
        return View(nodes, view.targets, view.available)

    def _sub_page(self, index: int, name: str) -> View:
        """Return the page `name` (one of SUB_PAGES) of product `index`."""
        return _view((_BACK, _PREV, *_SUB_NODES[name](self.catalogue.product(index))))


def _description(item: Product) -> list[Node]:
    return [Node("text", _shown(item.description), role="body")]


def _features(item: Product) -> list[Node]:
    return [Node("bullet", _shown(f" {bullet}"), role="body") for bullet in item.bullets]


def _reviews(item: Product) -> list[Node]:
    return []  # the original's loader leaves every product without reviews


def _attributes(item: Product) -> list[Node]:
    bullets = [Node("bullet", _shown(f" {attribute}"), role="body") for attribute in item.attributes]
    return bullets + [Node("heading", _shown(text)) for text in (item.category, item.query, item.product_category)]


_SUB_NODES = dict(zip(SUB_PAGES, (_description, _features, _reviews, _attributes)))


def done_view(asin: str, options: Mapping[str, str], reward: float) -> View:
    """Return the thank-you page; the original's goal dump is empty but for its labels."""
    dump = json.dumps(options, sort_keys=True)
    for sign in "<>&'":
        dump = dump.replace(sign, f"\\u{ord(sign):04x}")
    texts = (
        *("Thank you for shopping with us!", "Your code: ", "None", " (Paste it in your MTurk interface.)"),
        *("Purchased", "asin", asin, "options", dump, "attrs", "None", "category", "None", "query", "None"),
        *("product category", "None", "Target", "asin", "options", "attrs", "price upper", "instuction text"),
        *("category", "product category", "query", "Goal ", "None", "Reward"),
        *("Your score (min 0.0, max 1.0)", str(reward), "Reward Details ", "None"),
    )
    return View(tuple(Node("text", text) for text in texts), {}, ())


@dataclass(frozen=True, slots=True)
class TextForm:
    """One of the original's text observations.

    Attributes:
        name: the original's name of the mode.
        separator: ends each string, or joins them.
        render: nodes -> (what stands before the instruction, what stands after it).
    """

    name: str
    separator: str
    render: Callable[[Sequence[Node]], tuple[str, str]]

    def of_page(self, page: Page) -> str:
        """Return the observation of a page."""
        return self._compose(page.kind, page.instruction, *self.render(page.nodes))

    def of_view(self, view: View, kind: str, instruction: str) -> str:
        """Return the same from a view, whose rendered strings are kept."""
        rendered = view.rendered.get(self.name)
        if rendered is None:
            rendered = view.rendered[self.name] = self.render(view.nodes)
        return self._compose(kind, instruction, *rendered)

    def _compose(self, kind: str, instruction: str, before: str, after: str) -> str:
        """Put the instruction where the original's templates have it: below the search page's heading, else on top."""
        if kind == "done":
            return after
        wish = _shown(instruction) and self._string(instruction) + self.separator
        if kind == "search":
            heading, _, rest = after.partition(self.separator)
            return f"{heading}{self.separator}{self._string('Instruction: ')}{self.separator}{wish}{rest}"
        return f"{before}Instruction:{self.separator}{wish}{after}"

    def _string(self, text: str) -> str:
        return text if self.name == "text_rich" else text.strip()


def _plain(nodes: Sequence[Node]) -> tuple[str, str]:
    return "", SEPARATOR.join([node.text.strip() for node in nodes])


def _rich(nodes: Sequence[Node]) -> tuple[str, str]:
    lines, clicked = [], []
    for node in nodes:
        kind, text = node.kind, node.text
        mark = "clicked button" if node.chosen else "button"
        if kind == "button":
            lines.append(f"[button] {text} [button_]\n")
        elif kind == "option":
            lines.append(f"  [{mark}] {text} [{mark}_]\n")
            if node.chosen:
                clicked.append(f"You have clicked {text}.\n")
        elif kind == "link":
            lines.append(f"\n[{mark}] {text} [{mark}_]\n")
        else:
            lines.append(text + "\n")
    return "".join(clicked[::-1]), "".join(lines)


TEXT_RICH, TEXT = TextForm("text_rich", "\n", _rich), TextForm("text", SEPARATOR, _plain)
TEXT_FORMS = {form.name: form for form in (TEXT_RICH, TEXT)}


def to_text(page: Page) -> str:
    """Return the original's `text` observation: visible strings joined by " [SEP] "."""
    return TEXT.of_page(page)


def to_text_rich(page: Page) -> str:
    """Return the original's `text_rich` observation: one string a line, what can be clicked in brackets."""
    return TEXT_RICH.of_page(page)
