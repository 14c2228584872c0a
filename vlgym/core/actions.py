"""The typed action and the protocol of an action grammar (text <-> Action). Model text is parsed, never evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_ACTION_CHARS = 4096
"""Longer action text is refused unread: no grammar of the suite needs more, and a model can emit megabytes."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action: a verb of the family's grammar and its arguments, already of the right types."""

    verb: str
    args: tuple[str | float | int, ...] = ()


class Grammar(Protocol):
    """One text form of a family's actions; `parse(format(a)) == a` for every action."""

    help: str
    """The grammar in words, for a prompt."""

    verbs: tuple[str, ...]
    """Opening text of each action form, e.g. ``("search[", "click[")``."""

    def parse(self, text: str) -> Action:
        """Return the Action, or raise ActionError with one sentence."""
        ...

    def format(self, action: Action) -> str:
        """Return the canonical text of an action."""
        ...
