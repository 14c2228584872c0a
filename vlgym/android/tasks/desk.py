"""What the tasks of one app have in common: it is opened, something in its data changes, and nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Template, same_answer

Rows = list[tuple[Any, ...]]


class AppTask(Template):
    """Base of the tasks of one app.

    Attributes:
        package: of the app.
    """

    package = ""
    checkpoints: tuple[str, ...] = ("open the app", "done")

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the states between opening the app and success hold, as `checkpoints` names them."""
        return ()

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the app's data are exactly those of a success."""
        raise NotImplementedError

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the data."""
        return self.is_open(phone), *self.between(phone, p), self.solved(phone, p)

    def is_open(self, phone: Phone) -> bool:
        """Return whether the app is in front."""
        return phone.foreground().startswith(f"{self.package}/")


class AppQuestion(AppTask):
    """Base of questions: `wanted` is the answer; `solved` says whether the data are still as they were."""

    ends = "answer"
    checkpoints: tuple[str, ...] = ("open the app", "give the right answer")

    def wanted(self, p: Params) -> str:
        """Return the right answer."""
        return str(p["answer"])

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer."""
        right = bool(answer) and self.says(answer, p) and self.solved(phone, p)
        return self.is_open(phone) or right, right

    def says(self, given: str, p: Params) -> bool:
        """Return whether an answer is right."""
        return same_answer(given, self.wanted(p))
