"""The desktop as it stands, and what a click or a typed text does to it. Knows nothing of tasks, rewards or pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from vlgym.core.errors import ActionError, did_you_mean
from vlgym.desk.apps import FIELDS, ON_PAGE, PAGES

SAVE, CANCEL = "Save", "Cancel"


@dataclass(frozen=True, slots=True)
class Element:
    """Something on the screen that can be clicked.

    Attributes:
        kind: "icon", "tab", "toggle", "choice", "entry", "option" or "button".
        name: what it is called.  value: what it holds, if it shows a value.
        marked: it is the page shown, switched on, chosen, or waits for text.
    """

    kind: str
    name: str
    value: str = ""
    marked: bool = False

    @property
    def label(self) -> str:
        """What is written on it."""
        return f"{self.name}: {self.value}" if self.kind in ("choice", "entry") else self.name


@dataclass(frozen=True)
class View:
    """A screen without its pixels.

    Attributes:
        title: of the window or list in front.  elements: in reading order.
        text: the contract's element markup, one string a line.
        clicks: ``click[label]`` of every element.  names: lower-cased label and name -> element.
    """

    title: str
    elements: tuple[Element, ...]
    text: str
    clicks: tuple[str, ...]
    names: Mapping[str, Element]

    def find(self, name: str) -> Element:
        """Return the element with a label or name, whatever its case; raises ActionError with the nearest."""
        found = self.names.get(name.strip().lower())
        if found is None:
            near = did_you_mean(name[:60].lower(), self.names)
            raise ActionError(f"There is no {name[:60]!r} on this screen.{near}")
        return found


@dataclass
class Desk:
    """The whole state.

    A window edits a draft. Save makes the draft the truth and closes the window; Cancel forgets it.

    Attributes:
        values: what is saved, path -> value, of every field.
        draft: changes of the open window that are not saved yet.
        app, page: the window that is open and its page; "" on the desktop.
        focus: path of the field whose list is open or that waits for text; "".
        saved: apps saved so far.
    """

    values: dict[str, str]
    draft: dict[str, str] = field(default_factory=dict)
    app: str = ""
    page: str = ""
    focus: str = ""
    saved: list[str] = field(default_factory=list)

    def shown(self, path: str) -> str:
        """Return the value of a field as the screen shows it."""
        return self.draft.get(path, self.values[path])

    @property
    def awaits(self) -> str:
        """What the desk waits for: "entry" for text, "choice" for a pick from the open list, "" for nothing."""
        return FIELDS[self.focus].kind if self.focus else ""

    @property
    def view(self) -> View:
        """The screen now."""
        values = tuple(self.shown(field.path) for field in ON_PAGE[self.app, self.page]) if self.app else ()
        return _view(self.app, self.page, self.focus, values)

    def click(self, element: Element) -> None:
        """Do what a click on an element of the current view does."""
        path = f"{self.app}/{self.page}/{element.name}"
        picked, self.focus = self.focus, ""
        match element.kind:
            case "icon":
                self.app, self.page = element.name, PAGES[element.name][0]
            case "tab":
                self.page = element.name
            case "toggle":
                self._write(path, "off" if element.marked else "on")
            case "choice" | "entry":
                self.focus = path
            case "option":
                self._write(picked, element.name)
            case "button":
                if element.name == SAVE:
                    self.values.update(self.draft)
                    self.saved.append(self.app)
                self.draft = {}
                self.app = self.page = ""

    def type(self, text: str) -> None:
        """Replace what the waiting entry holds; raises ActionError if none waits."""
        if self.awaits != "entry":
            raise ActionError("Nothing waits for text; click a text field first.")
        self._write(self.focus, text)
        self.focus = ""

    def _write(self, path: str, value: str) -> None:
        self.draft[path] = value
        if value == self.values[path]:
            del self.draft[path]

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data; ``Desk(**state)`` is an equal desk."""
        return asdict(self)


@lru_cache(maxsize=1 << 14)
def _view(app: str, page: str, focus: str, values: tuple[str, ...]) -> View:
    """Draw up the screen: the desktop, an open list, or a window."""
    opened = FIELDS.get(focus)
    if not app:
        title, elements = "Desktop", [Element("icon", name) for name in PAGES]
    elif opened is not None and opened.kind == "choice":
        now = values[ON_PAGE[app, page].index(opened)]
        title, elements = opened.name, [Element("option", name, marked=name == now) for name in opened.options]
    else:
        title, elements = app, [Element("tab", name, marked=name == page) for name in PAGES[app]]
        for each, value in zip(ON_PAGE[app, page], values):
            marked = value == "on" if each.kind == "toggle" else each.path == focus
            elements.append(Element(each.kind, each.name, value, marked))
        elements += [Element("button", SAVE), Element("button", CANCEL)]
    names = {element.name.lower(): element for element in elements}
    names |= {element.label.lower(): element for element in elements}
    lines = [title, *map(_markup, elements)]
    return View(title, tuple(elements), "\n".join(lines), tuple(f"click[{e.label}]" for e in elements), names)


def _markup(element: Element) -> str:
    tag = "clicked button" if element.marked else "button"
    return f"[{tag}] {element.label} [{tag}_]"
