"""The action grammar of the phone and its parser, which is total on any input.

A gesture names a point by fractions of the screen's width and height, or an element in square brackets: a number is its
place in the element list, anything else its label. `Action.args` are, by verb::

    tap, double_tap, long_press     (x, y)
    click, double_tap, long_press   (element,)                 element: int, or str for a label
    swipe                           (x1, y1, x2, y2) | (direction,)   the way the finger moves
    drag                            (x1, y1, x2, y2)
    scroll                          (direction,) | (direction, element)   the way the view moves over the content
    type, submit, replace           (text,) | (text, element) | (text, x, y)
    press                           (key,)
    open_app, answer                (text,)
    wait, done, impossible          ()
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError, did_you_mean

DIRECTIONS = ("up", "down", "left", "right")
KEYS = {
    **{"back": 4, "home": 3, "enter": 66, "recents": 187, "delete": 67, "tab": 61, "space": 62, "escape": 111},
    **{"up": 19, "down": 20, "left": 21, "right": 22, "menu": 82, "search": 84, "power": 26},
    **{"volume_up": 24, "volume_down": 25, "volume_mute": 164},
}
"""Name in ``press(name)`` -> Android's KEYCODE_* number."""

MAX_TEXT = 2000
"""Longest text that is typed, answered or named."""

_UNTYPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no text has: controls other than tab and newline, halves of characters."""

_POINTS = ("tap", "double_tap", "long_press")
_ELEMENTS = ("click", "double_tap", "long_press")
_TYPING = ("type", "submit", "replace")
_TEXTS = ("open_app", "answer")
_BARE = ("wait", "done", "impossible")
VERBS = tuple(dict.fromkeys((*_POINTS, *_ELEMENTS, "swipe", "drag", "scroll", *_TYPING, "press", *_TEXTS, *_BARE)))

_HOW = 'write for example tap(0.41, 0.73), click[Save], type("Ada"), swipe(up), press(back), open_app("Clock") or done.'

Element = int | str


class PhoneGrammar:
    """Text <-> Action; the module's docstring lists the forms."""

    help = (
        "tap(x, y) touches a point, as fractions of the screen's width and height from the top left corner; "
        "double_tap(x, y), long_press(x, y) do so twice or for long; click[element] touches an element by its number "
        'in the element list as in click[3] or by its label as in click[Save] or click["7"]; double_tap[element] and '
        "long_press[element] likewise; swipe(x1, y1, x2, y2) moves a finger quickly, swipe(up) across the whole screen "
        "(up, down, left, right); drag(x1, y1, x2, y2) holds what is touched and carries it; scroll(down) shows what "
        'is further down, scroll[element](down) in one element; type("text") writes into the focused field, '
        'type[element]("text") and type(x, y, "text") touch the field first, submit("text") presses enter after it, '
        'replace("text") empties the field before and presses enter after; press(back) presses a key '
        f"({', '.join(KEYS)}), back() and home() are short forms; "
        'open_app("Clock") opens an app by its name; wait lets a moment pass; answer("text") gives the answer to a '
        "question; done ends a task that is accomplished, impossible one that cannot be."
    )
    verbs: tuple[str, ...] = (
        *(f"{verb}(" for verb in (*_POINTS, "swipe", "drag", "scroll", *_TYPING, "press", *_TEXTS)),
        *(f"{verb}[" for verb in (*_ELEMENTS, "scroll", *_TYPING)),
        *_BARE,
    )

    def parse(self, text: str) -> Action:
        """Return the Action of `text`.

        Raises:
            ActionError: the text is no string, too long, or of another form; one sentence.
        """
        if not isinstance(text, str):
            raise ActionError(f"An action is a text, got {type(text).__name__}; {_HOW}")
        if len(text) > MAX_ACTION_CHARS:
            raise ActionError(f"The action has {len(text)} characters, more than {MAX_ACTION_CHARS}; {_HOW}")
        line = text.strip()
        if line in _SHORT:
            return _SHORT[line]
        verb = line[: next((at for at, sign in enumerate(line) if not (sign.isalpha() or sign == "_")), len(line))]
        if verb not in VERBS:
            raise ActionError(f"{line[:60]!r} is no action.{did_you_mean(verb, VERBS) if verb else ''} Please {_HOW}")
        return _PARSERS[verb](verb, line[len(verb) :])

    def format(self, action: Action) -> str:
        """Return the text of `action`; raises ActionError for one that the grammar cannot express."""
        match action:
            case Action(verb, ()):
                text = verb
            case Action("click" | "double_tap" | "long_press", (int() | str() as element,)):
                text = f"{action.verb}[{show_element(element)}]"
            case Action("scroll", (str(direction), int() | str() as element)):
                text = f"scroll[{show_element(element)}]({direction})"
            case Action("swipe" | "scroll" | "press", (str(word),)):
                text = f"{action.verb}({word})"
            case Action("type" | "submit" | "replace", (str(words), int() | str() as element)):
                text = f"{action.verb}[{show_element(element)}]({_quoted(words)})"
            case Action("type" | "submit" | "replace", (str(words), float(x), float(y))):
                text = f"{action.verb}({x!r}, {y!r}, {_quoted(words)})"
            case Action("type" | "submit" | "replace" | "open_app" | "answer", (str(words),)):
                text = f"{action.verb}({_quoted(words)})"
            case Action(verb, (float(), float(), *_) as numbers):
                text = f"{verb}({', '.join(repr(number) for number in numbers)})"
            case _:
                raise ActionError(f"{str(action)[:80]} is no action of the phone; {_HOW}")
        if self.parse(text) != action:
            raise ActionError(f"{text[:60]!r} does not read as the action it should be; {_HOW}")
        return text


# ---------------------------------------------------------------- writing


def _quoted(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


def show_element(element: Element) -> str:
    """Return what stands in the brackets; labels that would read as something else are quoted."""
    if isinstance(element, int):
        return str(element)
    plain = element.isprintable() and element == element.strip() and "](" not in element
    return element if plain and element and not element.isdecimal() and element[0] != '"' else _quoted(element)


# ---------------------------------------------------------------- reading


def _text(quoted: str, what: str) -> str:
    """Read a text in double quotes, JSON's escapes inside."""
    if len(quoted) < 2 or quoted[0] != '"' or quoted[-1] != '"':
        raise ActionError(f"{what} needs a text in double quotes, got {quoted[:60]!r}; {_HOW}")
    try:
        words = json.loads(quoted, strict=False)
    except (ValueError, RecursionError):
        raise ActionError(f'{quoted[:60]} is no text: write \\" for a quote and \\\\ for a backslash inside.') from None
    if not isinstance(words, str):
        raise ActionError(f"{what} needs a text in double quotes, got {quoted[:60]!r}; {_HOW}")
    if not 0 < len(words) <= MAX_TEXT:
        raise ActionError(f"{what} takes 1 to {MAX_TEXT} characters, got {len(words)}.")
    odd = _UNTYPED.search(words)
    if odd is not None:
        raise ActionError(f"{what} takes no control characters, got {odd[0]!a}.")
    return words


def _element(inside: str) -> Element:
    """Read what stands in square brackets: a number, a label, or a label in quotes."""
    inside = inside.strip()
    if inside.isascii() and inside.isdecimal():
        if len(inside) > 6:
            raise ActionError(f"No element has the number {inside[:20]}.")
        return int(inside)
    if inside.startswith('"'):
        return _text(inside, "An element")
    if not inside or not inside.isprintable():
        raise ActionError(f"{inside[:60]!r} names no element; write its number or its label, as in click[Save].")
    return inside


def _fractions(parts: list[str], count: int, verb: str) -> tuple[float, ...]:
    """Read `count` numbers from 0 to 1."""
    shown = f"{verb}({', '.join(parts)[:40]})"
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        example = "0.41, 0.73" if count == 2 else "0.5, 0.8, 0.5, 0.2"
        raise ActionError(f"{shown} needs {count} numbers, as in {verb}({example}).")
    if not all(math.isfinite(number) and 0 <= number <= 1 for number in numbers):
        raise ActionError(f"{shown} is outside of the screen; all numbers go from 0 to 1.")
    return tuple(abs(number) for number in numbers)  # -0.0 is 0.0


def _direction(word: str, verb: str) -> str:
    if word.strip() not in DIRECTIONS:
        raise ActionError(f"{verb}({word[:20]}) needs one of {', '.join(DIRECTIONS)}.")
    return word.strip()


def _inside(rest: str, signs: str, verb: str) -> str:
    """Return what stands between the opening and the closing sign."""
    if len(rest) < 2 or rest[0] != signs[0] or rest[-1] != signs[1]:
        raise ActionError(f"{(verb + rest)[:60]!r} is no action; {_HOW}")
    return rest[1:-1]


def _parse_gesture(verb: str, rest: str) -> Action:
    if rest.startswith("[") and verb in _ELEMENTS:
        return Action(verb, (_element(_inside(rest, "[]", verb)),))
    if verb not in _POINTS:
        raise ActionError(f"{verb} names an element, as in {verb}[Save]; a point is touched by tap(0.41, 0.73).")
    return Action(verb, _fractions(_inside(rest, "()", verb).split(","), 2, verb))


def _parse_move(verb: str, rest: str) -> Action:
    inside = _inside(rest, "()", verb)
    if verb == "swipe" and "," not in inside:
        return Action(verb, (_direction(inside, verb),))
    return Action(verb, _fractions(inside.split(","), 4, verb))


def _parse_scroll(verb: str, rest: str) -> Action:
    if not rest.startswith("["):
        return Action(verb, (_direction(_inside(rest, "()", verb), verb),))
    label, found, direction = rest[1:].rpartition("](")
    if not found or not direction.endswith(")"):
        raise ActionError(f"{(verb + rest)[:60]!r} is no action; write scroll[element](down).")
    return Action(verb, (_direction(direction[:-1], verb), _element(label)))


def _parse_typing(verb: str, rest: str) -> Action:
    if rest.startswith("["):
        # a quote inside a text is escaped, so that the last ](" is the one between element and text
        label, found, words = rest[1:].rpartition(']("')
        if not found or not words.endswith(")"):
            raise ActionError(f'{(verb + rest)[:60]!r} is no action; write {verb}[element]("text").')
        return Action(verb, (_text(f'"{words[:-1]}', verb), _element(label)))
    inside = _inside(rest, "()", verb).strip()
    if inside.startswith('"'):
        return Action(verb, (_text(inside, verb),))
    parts = inside.split(",", 2)
    if len(parts) != 3:
        raise ActionError(f'{(verb + rest)[:60]!r} is no action; write {verb}("text") or {verb}(0.4, 0.7, "text").')
    return Action(verb, (_text(parts[2].strip(), verb), *_fractions(parts[:2], 2, verb)))


def _parse_press(verb: str, rest: str) -> Action:
    key = _inside(rest, "()", verb).strip()
    if key not in KEYS:
        raise ActionError(f"press({key[:20]}) names no key.{did_you_mean(key, KEYS)} Known: {', '.join(KEYS)}.")
    return Action(verb, (key,))


def _parse_text(verb: str, rest: str) -> Action:
    return Action(verb, (_text(_inside(rest, "()", verb).strip(), verb),))


def _parse_bare(verb: str, rest: str) -> Action:
    if rest not in ("", "()"):
        raise ActionError(f"{(verb + rest)[:60]!r} is no action; {verb} stands alone.")
    return Action(verb)


_SHORT = {"back()": Action("press", ("back",)), "home()": Action("press", ("home",)), "stop()": Action("done")}
"""Other texts that are read; `format` never writes them."""

_PARSERS: dict[str, Callable[[str, str], Action]] = {
    **dict.fromkeys((*_POINTS, *_ELEMENTS), _parse_gesture),
    **dict.fromkeys(("swipe", "drag"), _parse_move),
    "scroll": _parse_scroll,
    **dict.fromkeys(_TYPING, _parse_typing),
    "press": _parse_press,
    **dict.fromkeys(_TEXTS, _parse_text),
    **dict.fromkeys(_BARE, _parse_bare),
}
