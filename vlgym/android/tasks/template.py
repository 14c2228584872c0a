"""Task templates: what can be asked of the phone, how it is prepared, judged, solved, and nearly solved."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol

from vlgym.android.actions import PhoneGrammar
from vlgym.android.tasks.phone import Phone
from vlgym.core.actions import Action

Params = dict[str, Any]
"""What a task is about, as plain JSON."""


class Element(Protocol):
    """One thing on the screen: something to touch together with the words in it, or words that stand alone."""

    index: int
    """Its number, as in ``click[3]``; 0 is the first in reading order."""
    label: str
    """What it is called, as in ``click[Save]``: its description, else its first words, else hint or id."""
    text: str
    description: str
    words: tuple[str, ...]
    """All texts and descriptions in it, in reading order."""
    hint: str
    class_name: str
    resource_id: str
    package: str
    bounds: tuple[float, float, float, float]
    """Left, top, right, bottom, as fractions of the screen."""
    clickable: bool
    long_clickable: bool
    checkable: bool
    checked: bool
    editable: bool
    scrollable: bool
    focused: bool
    selected: bool
    enabled: bool


class Screen(Protocol):
    """What a script sees: the elements of the current screen, as an agent does."""

    @property
    def elements(self) -> Sequence[Element]:
        """The elements in reading order."""
        ...

    def find(self, words: str, **filters: object) -> Element | None:
        """Return the first element called or containing exactly these words whose attributes are as the filters say.

        An element's label comes before words within one: ``find("Save", clickable=True)``.
        """
        ...

    def has(self, words: str) -> bool:
        """Return whether `find` finds these words."""
        ...

    def get(self, words: str, **filters: object) -> Element:
        """Return what `find` finds.

        Raises:
            LookupError: there is nothing of these words.
        """
        ...

    def after(self, words: str, name: str) -> Element:
        """Return the element called `name` that follows the one with these words: the button of a row.

        Raises:
            LookupError: there is none.
        """
        ...


class Template:
    """A kind of task.

    A template is stateless: all that differs between its tasks lies in the params that `draw` returns.

    Attributes:
        name: CamelCase, unique, begins with the family's name where that reads well: "ContactsAddContact".
        app: the family: a name of `vlgym.android.tasks.FAMILIES`.
        instruction: a format string over the params; override `say` where that is not enough.
        checkpoints: names of the states that a solution passes, in order; the last is success. May use {params}.
        steps: actions of the oracle's solution for the first draw.
        ends: "state": the episode ends when success is reached; "answer": with ``answer(...)``; "done": with ``done``.
    """

    name = ""
    app = ""
    instruction = ""
    checkpoints: tuple[str, ...] = ("done",)
    steps = 1
    ends: Literal["state", "answer", "done"] = "state"

    def draw(self, rng: random.Random) -> Params:
        """Return the params of one task; equal generators, equal params."""
        return {}

    def say(self, p: Params) -> str:
        """Return the instruction."""
        return self.instruction.format(**p)

    def names(self, p: Params) -> tuple[str, ...]:
        """Return the checkpoints in words."""
        return tuple(name.format(**p) for name in self.checkpoints)

    def setup(self, phone: Phone, p: Params) -> None:
        """Prepare a phone that is as it left the factory: clear and fill what the task needs, distractors included."""

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Return for each checkpoint whether its state holds now; pure reads.

        Args:
            answer: the text of ``answer(...)`` if it has been given, else "".
        """
        raise NotImplementedError

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield the action texts of a solution by touches and keys alone; after each, `screen` shows what followed."""
        raise NotImplementedError

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield a plausible run that must not succeed: a wrong field, a change not saved, one deletion too many."""
        raise NotImplementedError


# ---------------------------------------------------------------------- for scripts

_GRAMMAR = PhoneGrammar()


def click(element: str | int) -> str:
    """Return ``click[element]``."""
    return _GRAMMAR.format(Action("click", (element,)))


def long_press(element: str | int) -> str:
    """Return ``long_press[element]``."""
    return _GRAMMAR.format(Action("long_press", (element,)))


def enter(words: str, element: str | int | None = None) -> str:
    """Return ``type("words")``, or ``type[element]("words")``, which touches a field first."""
    return _GRAMMAR.format(Action("type", (words,) if element is None else (words, element)))


def answer(words: str) -> str:
    """Return ``answer("words")``."""
    return _GRAMMAR.format(Action("answer", (words,)))


def open_app(name: str) -> str:
    """Return ``open_app("name")``."""
    return _GRAMMAR.format(Action("open_app", (name,)))


def seek(screen: Screen, words: str, direction: str = "down", most: int = 16) -> Iterator[str]:
    """Yield scrolls until the screen has these words, to one end and then back: ``yield from seek(screen, "Apps")``."""
    for _ in range(most):
        if screen.has(words):
            return
        before = [element.label for element in screen.elements]
        yield f"scroll({direction})"
        if before == [element.label for element in screen.elements]:
            direction = _BACK[direction]


_BACK = {"up": "down", "down": "up", "left": "right", "right": "left"}
LAUNCHER = "com.google.android.apps.nexuslauncher"


def launch(screen: Screen, app: str) -> Iterator[str]:
    """Yield touches that start an app by its icon, from wherever: ``yield from launch(screen, "Clock")``."""
    if not any(element.package == LAUNCHER for element in screen.elements):
        yield "press(home)"
    if screen.find(app, package=LAUNCHER) is None:
        yield "scroll(down)"  # the drawer
        yield from seek(screen, app)
    yield click(app)


def same_answer(given: str, wanted: str) -> bool:
    """Return whether an answer says what is wanted, whatever its case, blanks and closing full stop."""
    return " ".join(given.casefold().split()).strip(" .") == " ".join(wanted.casefold().split()).strip(" .")
