"""The site as web pages: one self-contained HTML document per page of the model, own style sheet and pictures.

The same markup serves the agent (`forms=False`: what can be clicked fits a `DEFAULT_SIZE` viewport, because the action
grammar has no scrolling) and a person (`forms=True`, buttons that submit, for `vlgym-play`). Every text of the
catalogue is escaped, and there is no script and no address in the document.

Source: ours; which strings a page shows is the page model's business (`vlgym.webshop.pages`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from importlib import resources
from itertools import groupby
from typing import Any

from vlgym.webshop.pictures import picture
from vlgym.webshop.types import END_BUTTON, SUB_PAGES, Catalogue, Node, Page, Product

DEFAULT_SIZE = (640, 480)
"""(width, height) of the viewport in pixels that ten results, or an item with its options, are laid out for."""

_LOGO = (
    '<svg viewBox="0 0 24 24"><path d="M3 5h3l3 11h9l3-8H7" fill="none" stroke="#f0803c" stroke-width="2.5"/>'
    '<circle cx="10" cy="20" r="2" fill="#f0803c"/><circle cx="17" cy="20" r="2" fill="#f0803c"/></svg>'
)
_LONG_TEXT = 1500  # characters of a sub page that fit at 12 px


def render_html(page: Page, catalogue: Catalogue, *, forms: bool = False) -> str:
    """Return a page as an HTML document.

    Args:
        page: the page model.
        catalogue: where the products behind its pictures are looked up.
        forms: buttons, links and options submit a form (POST "act", fields `action`, or `template` and `text`).
    """
    body = _BODIES.get(page.kind, _sub)(_Writer(page, catalogue, forms))
    mode = "live" if forms else "shot"
    start, end = ('<form method="post" action="act" target="_top">', "</form>") if forms else ("", "")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>WebShop</title>'
        f'<style>{_style()}</style></head><body class="{mode}">{start}{body}{end}</body></html>'
    )


def play_html(env: Any) -> str:
    """Return the current page of a WebShopEnv for a person: what `vlgym-play` serves."""
    return render_html(env.page, env.shop.catalogue, forms=True)


@lru_cache(maxsize=1)
def _style() -> str:
    return resources.files("vlgym.webshop").joinpath("shop.css").read_text(encoding="utf-8")


class _Writer:
    """A page and how its pieces are written."""

    def __init__(self, page: Page, catalogue: Catalogue, forms: bool) -> None:
        self.page, self.catalogue, self.forms = page, catalogue, forms
        self.buttons = [node for node in page.nodes if node.kind == "button"]

    def texts(self, role: str) -> list[str]:
        """Return the strings of a role, escaped."""
        return [escape(node.text) for node in self.page.nodes if node.role == role]

    def button(self, node: Node, css: str) -> str:
        """Return what clicks a node, in a CSS class; " on" marks a chosen one."""
        css += " on" if node.chosen else ""
        submit = f' name="action" value="{escape(f"click[{node.value}]")}"' if self.forms else ' type="button"'
        pressed = f' aria-pressed="{str(node.chosen).lower()}"' if node.kind == "option" else ""
        return f'<button class="{css}"{submit}{pressed}>{escape(node.text.strip())}</button>'

    def title(self, node: Node, link: Node | None) -> str:
        """Return a product's title, which for a person opens the product as its ASIN does."""
        text = f'<span class="title">{escape(node.text)}</span>'
        if link is None or not self.forms:
            return text
        return f'<button class="plain" name="action" value="{escape(f"click[{link.value}]")}">{text}</button>'

    def product(self) -> Product | None:
        """Return the product the page is about."""
        index = self.catalogue.index(self.page.asin) if self.page.asin else None
        return self.catalogue.product(index) if index is not None else None

    def picture(self, product: Product | None, chosen: Iterable[tuple[str, str]] = ()) -> str:
        return f'<div class="pic">{picture(product, dict(chosen))}</div>' if product is not None else ""

    def frame(self, main: str, middle: str = '<span class="fill"></span>') -> str:
        """Return the page with its head: name, navigation and instruction."""
        away = {END_BUTTON, *SUB_PAGES} if self.page.kind == "item" else set()
        navigation = "".join(self.button(node, "nav") for node in self.buttons if node.text not in away)
        return (
            f'<header><span class="brand">{_LOGO}WebShop</span>{middle}{navigation}</header>'
            f'<p class="goal"><b>Instruction:</b> {escape(self.page.instruction)}</p><main>{main}</main>'
        )


def _search(w: _Writer) -> str:
    names = " name=text required autofocus" if w.forms else ""
    hidden = '<input type="hidden" name="template" value="search[{}]">' if w.forms else ""
    samples = "".join(w.picture(w.catalogue.product(i)) for i in range(min(8, len(w.catalogue))))
    label = next((escape(node.text) for node in w.buttons if node.text.lower() == "search"), "Search")
    return (
        f'<p class="goal"><b>Instruction:</b> {escape(w.page.instruction)}</p><main class="hero">'
        f'<h1>WebShop</h1><div class="bar">{hidden}<input type="text"{names} placeholder="Search for products" '
        f'aria-label="Search" autocomplete="off"><button>{label}</button></div><div class="row">{samples}</div></main>'
    )


def _results(w: _Writer) -> str:
    cards = []
    shown = (node for node in w.page.nodes if node.product >= 0)
    for index, group in groupby(shown, key=lambda node: node.product):
        nodes = {node.role: node for node in group}
        link = w.button(nodes["asin"], "asin") if "asin" in nodes else ""
        price = escape(nodes["price"].text) if "price" in nodes else ""
        title = w.title(nodes["title"], nodes.get("asin")) if "title" in nodes else ""
        cards.append(
            f'<div class="card">{w.picture(w.catalogue.product(index))}<div class="text">{title}'
            f'<div class="foot">{link}<span class="price">{price}</span></div></div></div>'
        )
    listing = f'<div class="list">{"".join(cards)}</div>' if cards else '<p class="panel none">No more results.</p>'
    return w.frame(listing, f'<span class="total">{" ".join(w.texts("total"))}</span>')


def _item(w: _Writer) -> str:
    options = [node for node in w.page.nodes if node.kind == "option"]
    labels = {node.group: node.text for node in w.page.nodes if node.kind == "group"}
    groups = []
    for name, members in groupby(options, key=lambda node: node.group):
        pills = "".join(w.button(node, "pill") for node in members)
        groups.append(
            f'<div class="group"><b>{escape(labels.get(name, name))}</b><div class="pills">{pills}</div></div>'
        )
    tabs = "".join(w.button(node, "tab") for node in w.buttons if node.text in SUB_PAGES)
    now = "".join(w.button(node, "now") for node in w.buttons if node.text == END_BUTTON)
    image = w.picture(w.product(), [(node.group, node.value) for node in options if node.chosen])
    title, price, rating = (" ".join(w.texts(role)) for role in ("title", "price", "rating"))
    return w.frame(
        f'<div class="item{_density(options, len(labels))}"><div class="panel buy">{image}{tabs}{now}</div>'
        f'<div class="panel facts"><h1>{title}</h1><div class="money"><span class="price">{price}</span>'
        f'<span class="rating">{rating}</span></div>{"".join(groups)}</div></div>'
    )


def _density(options: Sequence[Node], groups: int) -> str:
    """Return the CSS class that lets all options fit the default viewport: about 370 x 270 pixels are theirs."""
    rows = sum(7 * len(node.text) + 26 for node in options) / 350
    if 26 * rows + 25 * groups <= 260:
        return ""
    tight = sum(6 * len(node.text) + 16 for node in options) / 350
    return " dense" if 20 * tight + 22 * groups <= 275 else " dense crowded"


def _sub(w: _Writer) -> str:
    bullets = [escape(node.text.strip()) for node in w.page.nodes if node.kind == "bullet" and node.text.strip()]
    texts = [escape(node.text) for node in w.page.nodes if node.kind in ("text", "heading")]
    body = "".join(f"<p>{text}</p>" for text in texts)
    body += f"<ul>{''.join(f'<li>{text}</li>' for text in bullets)}</ul>" if bullets else ""
    long = " long" if sum(map(len, (*texts, *bullets))) > _LONG_TEXT else ""
    return w.frame(
        f'<div class="panel sub{long}">{w.picture(w.product())}<div class="text"><h1>{escape(w.page.kind)}</h1>'
        f"{body or '<p class=none>Nothing is written here.</p>'}</div></div>"
    )


def _done(w: _Writer) -> str:
    texts = [node.text for node in w.page.nodes]
    score = _after(texts, "Your score (min 0.0, max 1.0)")
    try:
        chosen = json.loads(_after(texts, "options"))
        share = min(max(float(score), 0.0), 1.0)
        score = f"{share:.3g}"
    except ValueError:
        chosen, share = {}, 0.0
    options = ", ".join(f"{name}: {value}" for name, value in chosen.items())
    bought = f"Purchased {escape(w.page.asin)}" + (f" ({escape(options)})" if options else "")
    return (
        f'<p class="goal"><b>Instruction:</b> {escape(w.page.instruction)}</p><main class="done">'
        f"{w.picture(w.product(), chosen.items())}<h1>{escape(texts[0]) if texts else ''}</h1><p>{bought}</p>"
        f'<p>Your score (min 0.0, max 1.0)</p><p class="score">{escape(score)}</p>'
        f'<div class="meter"><i style="width:{100 * share:.1f}%"></i></div></main>'
    )


def _after(texts: Sequence[str], label: str) -> str:
    """Return the string that follows `label`, "" if there is none."""
    return texts[texts.index(label) + 1] if label in texts[:-1] else ""


_BODIES = {"search": _search, "results": _results, "item": _item, "done": _done}
