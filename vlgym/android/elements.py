"""The element list: what is on the screen as a short list of things to touch and words to read, in reading order.

As a screen reader does, it groups: what can be touched stands for all words in it that cannot be touched themselves.
Made from the views of a simulated phone or from the XML of `uiautomator dump`; both give equal lists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from vlgym.android.actions import show_element
from vlgym.core.errors import ActionError, did_you_mean

MAX_ELEMENTS = 160
MAX_LINE, MAX_TEXT = 120, 12_000
"""Longest line and longest text of a list, in characters."""
_PARAGRAPHS = 24
"""Lines shown of a text of many lines."""
KEYBOARD = "com.google.android.inputmethod.latin"
"""Package whose windows are left out: keys are pressed by ``type(...)``."""

_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the screen."""


@dataclass(frozen=True, slots=True)
class Element:
    """One thing on the screen. `vlgym.android.tasks.template.Element` says what scripts use of it.

    Attributes:
        index: its place in the list.
        label: what it is called; no two that can be touched have the same.
        line: label and what else it says, "Label: value, value"; as it stands in the text.
        bounds: of the whole of it.  named: of what stands first in it, where words are drawn.
    """

    index: int
    label: str
    line: str
    text: str
    description: str
    words: tuple[str, ...]
    hint: str
    class_name: str
    resource_id: str
    package: str
    bounds: Box
    named: Box
    clickable: bool
    long_clickable: bool
    checkable: bool
    checked: bool
    editable: bool
    scrollable: bool
    focused: bool
    selected: bool
    enabled: bool

    @property
    def touchable(self) -> bool:
        """Whether a touch does something."""
        return self.enabled and (self.clickable or self.long_clickable)

    @property
    def marked(self) -> bool:
        """Whether it is on, chosen, or has the cursor."""
        return self.checked or self.selected or (self.editable and self.focused)

    @property
    def name(self) -> str:
        """What stands in the brackets of ``click[...]`` to touch it."""
        return show_element(self.line)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, as fractions of the screen."""
        left, top, right, bottom = self.bounds
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True)
class Elements:
    """The list of one screen.

    Attributes:
        items: in reading order.
        scrollers: bounds of what can be scrolled, and whether it scrolls up and down.
        package: whose screen it is.
    """

    items: tuple[Element, ...]
    scrollers: tuple[tuple[Box, bool], ...]
    package: str

    @cached_property
    def touchables(self) -> tuple[Element, ...]:
        """The elements that can be touched."""
        return tuple(item for item in self.items if item.touchable)

    @cached_property
    def clicks(self) -> tuple[str, ...]:
        """``click[name]`` of every element that can be touched."""
        return tuple(f"click[{item.name}]" for item in self.touchables)

    @cached_property
    def names(self) -> Mapping[str, Element]:
        """Whatever an element may be called by, lower case -> element; what names it best wins."""
        found: dict[str, Element] = {}
        ranks: tuple[Callable[[Element], Iterable[str]], ...] = (
            lambda e: (e.line,),
            lambda e: (e.label,),
            lambda e: (e.description, e.text, e.hint),
            lambda e: e.words,
        )
        for items in (self.touchables, self.items):
            for rank in ranks:
                for item in items:
                    for name in rank(item):
                        found.setdefault(_key(name), item)
        found.pop("", None)
        return found

    @cached_property
    def focus(self) -> Element | None:
        """The field that has the cursor."""
        return next((item for item in self.items if item.editable and item.focused), None)

    def get(self, element: int | str) -> Element:
        """Return an element by its number or by its name; raises ActionError with the nearest."""
        if isinstance(element, int):
            if not 0 <= element < len(self.items):
                raise ActionError(f"There is no element {element}: the screen has 0 to {len(self.items) - 1}.")
            return self.items[element]
        found = self.names.get(_key(element))
        if found is None:
            near = did_you_mean(_key(element)[:60], [_key(item.label) for item in self.touchables])
            raise ActionError(f"There is no {element[:60]!r} on this screen.{near}")
        return found

    def find(self, words: str, **filters: object) -> Element | None:
        """Return the first element called, or containing, exactly these words, whose attributes are as given."""
        ranks: tuple[Callable[[Element], bool], ...] = (
            lambda e: words in (e.label, e.line),
            lambda e: words in (e.text, e.description, e.hint),
            lambda e: words in e.words,
        )
        for rank in ranks:
            for item in self.items:
                if rank(item) and all(getattr(item, name) == value for name, value in filters.items()):
                    return item
        return None

    def aim(self, element: Element) -> tuple[float, float]:
        """Return a point that touches an element and nothing that can be touched within it."""
        left, top, right, bottom = element.bounds
        within = self._above(element)
        for across, down in _AIMS:
            x, y = left + (right - left) * across, top + (bottom - top) * down
            if not any(box[0] <= x < box[2] and box[1] <= y < box[3] for box in within):
                return x, y
        return element.centre

    def point(self, element: Element, frame: NDArray[np.uint8]) -> tuple[float, float]:
        """Return a point where most is drawn of an element, in its name if that is written: where an eye goes.

        Args:
            element: of this list.
            frame: the screen, uint8 [H, W, 3].
        """
        height, width = frame.shape[:2]
        tall, wide = (max(round(side * width / 360), 1) for side in _PATCH)
        scale = np.array([width, height, width, height])
        left, top, right, bottom = (np.array(element.named) * scale).round().astype(int).tolist()
        rows, columns = (bottom - top) // tall, (right - left) // wide
        exact = element.text and element.description  # as the numbers of a dial: a little beside is another number
        if exact or not rows or not columns:
            return self.aim(element)
        patch = frame[top : top + rows * tall, left : left + columns * wide].astype(np.float32)
        drawn = patch.reshape(rows, tall, columns, wide, 3).var(axis=(1, 3)).sum(-1)
        x = (left + (np.arange(columns) + 0.5) * wide) / width
        y = (top + (np.arange(rows) + 0.5) * tall) / height
        for box in self._above(element):
            drawn[np.ix_((y >= box[1]) & (y < box[3]), (x >= box[0]) & (x < box[2]))] = 0
        row, column = np.unravel_index(drawn.argmax(), drawn.shape)
        return (float(x[column]), float(y[row])) if drawn[row, column] else self.aim(element)

    def _above(self, element: Element) -> list[Box]:
        """Return the bounds of what takes touches before an element does."""
        return [
            other.bounds
            for other in self.items
            if other is not element and (other.clickable or other.long_clickable) and _inside(other, element)
        ]

    @cached_property
    def text(self) -> str:
        """The list as text, a line each: the app, then ``[button] line [button_]`` or plain words."""
        return self._text(_markup)

    @cached_property
    def numbered(self) -> str:
        """The list as text with the number of what can be touched: ``[3] line``, and whether it is on."""
        return self._text(_numbered)

    def _text(self, write: Callable[[Element], str]) -> str:
        lines = [app_name(self.package)]
        for item in self.items:
            lines += [write(item)] if item.touchable else _paragraphs(item)
        return "\n".join(lines)[:MAX_TEXT]


_PATCH = (8, 16)
"""Height and width of what an eye rests on, in pixels of a screen 360 wide."""

_AIMS = ((0.5, 0.5), (0.25, 0.5), (0.1, 0.5), (0.75, 0.5), (0.9, 0.5), (0.5, 0.12), (0.5, 0.88), (0.04, 0.06))


def _inside(other: Element, element: Element) -> bool:
    """Return whether `other` comes later in reading order and overlaps, so that it takes touches first."""
    (a, b, c, d), (left, top, right, bottom) = other.bounds, element.bounds
    return other.index > element.index and a < right and c > left and b < bottom and d > top


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _markup(item: Element) -> str:
    tag = "clicked button" if item.marked else "button"
    return f"[{tag}] {item.name} [{tag}_]"


def _numbered(item: Element) -> str:
    state = ("" if not item.checkable else " (on)" if item.checked else " (off)") or " (chosen)" * item.marked
    return f"[{item.index}] {item.line}{state}"


def _paragraphs(item: Element) -> list[str]:
    lines = [line for word in item.words for line in word.split("\n")] if len(item.words) == 1 else [item.line]
    return [_cut(line) for line in lines if line.strip()][:_PARAGRAPHS]


def _cut(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1].rstrip() + "…"


def app_name(package: str) -> str:
    """Return what a package is called."""
    from vlgym.android.state.catalogue import PACKAGES

    if not _LABELS:
        _LABELS.update({known.name: known.label for known in PACKAGES})
    return _LABELS.get(package, package)


_LABELS: dict[str, str] = {}


# ---------------------------------------------------------------------- making a list


@dataclass(slots=True)
class _Draft:
    """An element that is being put together."""

    node: Any
    package: str
    box: tuple[int, int, int, int]
    words: list[str]
    named: tuple[int, int, int, int] | None
    checkable: bool
    checked: bool
    focused: bool
    selected: bool
    touchable: bool


@dataclass(slots=True)
class _Collector:
    """Walks trees of views, or of what stands for them, and groups what it meets."""

    drafts: list[_Draft] = field(default_factory=list)
    scrollers: list[tuple[tuple[int, int, int, int], bool]] = field(default_factory=list)

    def visit(self, node: Any, package: str, clip: tuple[int, int, int, int], owner: _Draft | None) -> None:
        left, top = node.left, node.top
        right, bottom = left + node.w, top + node.h
        box = (max(left, clip[0]), max(top, clip[1]), min(right, clip[2]), min(bottom, clip[3]))
        if box[2] <= box[0] or box[3] <= box[1]:
            return
        if node.scrollable and node.furthest > 0:
            self.scrollers.append((box, "Horizontal" not in node.android_class))
        text, description = node.text_shown, node.content_desc
        if node.clickable or node.long_clickable:
            owner = self._draft(node, package, box, True)
        elif owner is None and (text or description):
            self._draft(node, package, box, False)
        if owner is not None:
            words = owner.words
            if text and owner.named is None:
                owner.named = box
            for word in (description, text):
                if word and word not in words:
                    words.append(word)
            if node.checkable:
                owner.checkable, owner.checked = True, owner.checked or node.checked
            owner.selected = owner.selected or node.selected
        for child in node.children:
            if child.visible:
                self.visit(child, package, box, owner)

    def _draft(self, node: Any, package: str, box: tuple[int, int, int, int], touchable: bool) -> _Draft:
        words = [] if touchable else [word for word in dict.fromkeys((node.content_desc, node.text_shown)) if word]
        draft = _Draft(
            node, package, box, words, None, node.checkable, node.checked, node.is_focused, node.selected, touchable
        )
        self.drafts.append(draft)
        return draft

    def finish(self, width: int, height: int, package: str) -> Elements:
        """Return the list; what has neither words nor a name, as a row of which only an edge is seen, is left out."""
        taken: set[str] = set()
        named = [d for d in self.drafts if any(map(str.strip, d.words)) or d.node.id or not _is_group(d.node)]
        items = [_element(number, d, width, height, taken) for number, d in enumerate(named[:MAX_ELEMENTS])]
        scrollers = tuple((_fractions(box, width, height), vertical) for box, vertical in self.scrollers)
        return Elements(tuple(items), scrollers, package)


def _is_group(node: Any) -> bool:
    return str(node.android_class).endswith(("Layout", "ViewGroup", ".View"))


def _fractions(box: tuple[int, int, int, int], width: int, height: int) -> Box:
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _element(index: int, draft: _Draft, width: int, height: int, taken: set[str]) -> Element:
    node, words = draft.node, draft.words
    name = node.id.rpartition("/")[2]
    editable = node.android_class.endswith(("EditText", "AutoCompleteTextView"))
    hint = getattr(node, "hint", "") if editable else ""
    if editable and hint in words:
        words.remove(hint)
    called = node.content_desc or (hint if editable else "") or ("" if editable and name else next(iter(words), ""))
    called = _cut(called) or name.replace("_", " ") or node.android_class.rpartition(".")[2]
    label = called
    if draft.touchable:
        label = _unique(called, draft.checkable and node.checkable, taken)
    rest = [word for word in words if word not in called]
    line = _cut(f"{label}: {', '.join(rest)}") if rest else label
    return Element(
        index=index,
        label=label,
        line=line,
        text=node.text_shown,
        description=node.content_desc,
        words=tuple(words),
        hint=hint,
        class_name=node.android_class,
        resource_id=f"{draft.package}:id/{name}" if name else "",
        package=draft.package,
        bounds=_fractions(draft.box, width, height),
        named=_fractions(draft.named or draft.box, width, height),
        clickable=node.clickable,
        long_clickable=node.long_clickable,
        checkable=draft.checkable,
        checked=draft.checked,
        editable=editable,
        scrollable=bool(node.scrollable and node.furthest > 0),
        focused=draft.focused,
        selected=draft.selected,
        enabled=node.enabled,
    )


def _unique(label: str, switch: bool, taken: set[str]) -> str:
    """Return a label that nothing else has: "Wi-Fi switch" beside the row "Wi-Fi", else "Delete (2)"."""
    found, number = label, 1
    if switch and _key(found) in taken:
        label = found = f"{label} switch"
    while _key(found) in taken:
        number += 1
        found = f"{label} ({number})"
    taken.add(_key(found))
    return found


def from_views(windows: Sequence[tuple[str, Any]], width: int, height: int) -> Elements:
    """Return the list of windows, given as (package, root view), lowest first, on a display of that many pixels."""
    collector = _Collector()
    front = ""
    for package, root in windows:
        if package != KEYBOARD:
            front = front or package
            collector.visit(root, package, (0, 0, width, height), None)
    return collector.finish(width, height, front)


class _Node:
    """A node of the XML, with the names a view has."""

    visible = True

    def __init__(self, node: ElementTree.Element) -> None:
        get = node.get
        found = _BOUNDS.fullmatch(get("bounds", ""))
        left, top, right, bottom = map(int, found.groups()) if found else (0, 0, 0, 0)
        self.left, self.top, self.w, self.h = left, top, right - left, bottom - top
        self.text_shown, self.content_desc = get("text", ""), get("content-desc", "")
        self.hint, self.id, self.android_class = get("hint", ""), get("resource-id", ""), get("class", "")
        self.clickable, self.long_clickable = get("clickable") == "true", get("long-clickable") == "true"
        self.checkable, self.checked = get("checkable") == "true", get("checked") == "true"
        self.is_focused, self.selected = get("focused") == "true", get("selected") == "true"
        self.enabled, self.scrollable = get("enabled") == "true", get("scrollable") == "true"
        self.furthest = int(self.scrollable)
        self.package = get("package", "")
        self.node = node

    @property
    def children(self) -> Iterator[_Node]:
        """The nodes within."""
        return map(_Node, self.node.findall("node"))


def from_xml(xml: str, width: int, height: int) -> Elements:
    """Return the list of what `uiautomator dump` wrote, on a display of that many pixels."""
    roots = [_Node(node) for node in ElementTree.fromstring(xml).findall("node")]
    return from_views([(root.package, root) for root in roots], width, height)
