"""The action grammar ``click[label]``, ``type("text")``, ``tap(x, y)`` and its parser, which is total on any input."""

from __future__ import annotations

import math

from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError

MAX_TYPED = 40
"""Longest text an entry takes."""

_HOW = 'write click[label], type("text") or tap(x, y).'


class DeskGrammar:
    """Text <-> Action("click", (label,)), Action("type", (text,)) or Action("tap", (x, y))."""

    help = (
        "click[label] clicks what has that label, such as click[Settings] or click[Save]; "
        'type("text") writes into the text field clicked last; '
        "tap(x, y) clicks a point of the screen, as fractions of its width and height from the top left corner."
    )
    verbs: tuple[str, ...] = ("click[", 'type("', "tap(")

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
        if line.startswith("click[") and line.endswith("]") and line[6:-1].strip():
            return Action("click", (line[6:-1].strip(),))
        if line.startswith('type("') and line.endswith('")') and len(line) >= 8:
            return Action("type", (_typed(line[6:-2]),))
        if line.startswith("tap(") and line.endswith(")"):
            return Action("tap", _point(line[4:-1]))
        raise ActionError(f"{line[:60]!r} is no action; {_HOW}")

    def format(self, action: Action) -> str:
        """Return the text of `action`; raises ActionError for one that the grammar cannot express."""
        match action:
            case Action("click", (str(label),)):
                text = f"click[{label}]"
            case Action("type", (str(words),)):
                text = f'type("{words}")'
            case Action("tap", (float(x), float(y))):
                text = f"tap({x!r}, {y!r})"
            case _:
                raise ActionError(f"{str(action)[:80]} is no desk action; {_HOW}")
        if self.parse(text) != action:
            raise ActionError(f"{text[:60]!r} does not read as the action it should be; {_HOW}")
        return text


def _typed(words: str) -> str:
    """Check the text between the quotes."""
    if not 0 < len(words) <= MAX_TYPED or not words.isprintable() or '"' in words:
        raise ActionError(f"A text field takes 1 to {MAX_TYPED} printable characters, no quotes; got {words[:60]!r}.")
    return words


def _point(inside: str) -> tuple[float, float]:
    """Read the two numbers between the parentheses."""
    try:
        x, y = (float(part) for part in inside.split(","))
    except ValueError:
        raise ActionError(f"tap({inside[:40]}) needs two numbers, as in tap(0.41, 0.73).") from None
    if not (math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1):
        raise ActionError(f"tap({inside[:40]}) is outside of the screen; both numbers go from 0 to 1.")
    return x, y
