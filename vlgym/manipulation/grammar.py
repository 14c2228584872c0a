"""The language side: ``move(x, y, z, yaw)``, ``open()``, ``close()``, ``pick(u, v)``, ``place(u, v)``."""

from __future__ import annotations

import math

from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError

_ARGUMENTS = {"move": 4, "open": 0, "close": 0, "pick": 2, "place": 2}
_FAR = 1e4

_FINGERS = (
    "; open() and close() move the fingers; pick(u, v) grasps the thing at a point of the image and lifts it, and "
    "place(u, v) puts what is held down there, both as fractions of its width and height from the top left corner."
)


class ArmGrammar:
    """Text <-> Action(verb, numbers).

    Args:
        gripper: whether there are fingers to open and close, and so things to pick and place.
    """

    def __init__(self, gripper: bool = True) -> None:
        names = tuple(_ARGUMENTS) if gripper else ("move",)
        self.verbs: tuple[str, ...] = tuple(f"{name}(" for name in names)
        self._known = {name: _ARGUMENTS[name] for name in names}
        self._how = "write move(x, y, z, yaw)" + (", open(), close(), pick(u, v) or place(u, v)." if gripper else ".")
        self.help = (
            "move(x, y, z, yaw) brings the tip of the hand, which points down, to a place (centimetres, degrees)"
        )
        self.help += _FINGERS if gripper else "."

    def parse(self, text: str) -> Action:
        """Return the Action of `text`.

        Raises:
            ActionError: it is no string, too long, of another form, or its numbers are out of range; one sentence.
        """
        if not isinstance(text, str):
            raise ActionError(f"An action is a text, got {type(text).__name__}; {self._how}")
        if len(text) > MAX_ACTION_CHARS:
            raise ActionError(f"The action has {len(text)} characters, more than {MAX_ACTION_CHARS}; {self._how}")
        line = text.strip()
        name, bracket, rest = line.partition("(")
        if not bracket or not rest.endswith(")") or name not in self._known:
            raise ActionError(f"{line[:60]!r} is no action; {self._how}")
        inside = rest[:-1].split(",") if rest[:-1].strip() else []
        try:
            numbers = tuple(float(part) for part in inside)
        except ValueError:
            numbers = (math.nan,)
        count = self._known[name]
        if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
            raise ActionError(f"{name}({rest[:40]} needs {count or 'no'} numbers; {self._how}")
        if name in ("pick", "place") and not all(0 <= number <= 1 for number in numbers):
            raise ActionError(f"{name}({rest[:40]} is outside of the image; both numbers go from 0 to 1.")
        if any(abs(number) > _FAR for number in numbers):
            raise ActionError(f"{name}({rest[:40]} is far outside of the workspace, which is some 30 centimetres wide.")
        return Action(name, numbers)

    def format(self, action: Action) -> str:
        """Return the text of `action`; raises ActionError for one that the grammar cannot express."""
        if action.verb not in self._known or len(action.args) != self._known[action.verb]:
            raise ActionError(f"{str(action)[:80]} is no action of this arm; {self._how}")
        text = f"{action.verb}({', '.join(repr(float(number)) for number in action.args)})"
        if self.parse(text) != action:
            raise ActionError(f"{text[:60]!r} does not read as the action it should be; {self._how}")
        return text
