"""The action grammar `search[words]`, `click[value]` and its parser, which is total on any input."""

from __future__ import annotations

from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError, did_you_mean

VERBS = ("search", "click")


class WebShopGrammar:
    """Text <-> Action.

    The reading is the original's: verb and argument are the groups of the regular expression ``(.+)\\[(.+)\\]`` matched
    from the start of the text. So the last ``[`` that still has an argument opens it, the last ``]`` of the first line
    closes it, what follows is ignored, and the verb must be exact (no blank before it, lower case). The argument is
    lower-cased. Here it is two `rfind`, in linear time, instead of a backtracking expression.
    """

    help = (
        "search[words] looks for products with these words; click[value] presses a button, opens a product or chooses "
        "an option, where value is the text shown, e.g. click[b07djjxgb5], click[next >], click[red], click[buy now]."
    )
    verbs: tuple[str, ...] = ("search[", "click[")

    def parse(self, text: str) -> Action:
        """Return the Action of `text`.

        Raises:
            ActionError: the text is no string, too long, or of another form; one sentence.
        """
        if not isinstance(text, str):
            raise ActionError(f"An action is a text such as search[red shoes], got {type(text).__name__}.")
        if len(text) > MAX_ACTION_CHARS:
            raise ActionError(f"The action has {len(text)} characters; write one of at most {MAX_ACTION_CHARS}.")
        line = text.partition("\n")[0]
        close = line.rfind("]")
        start = line.rfind("[", 0, max(close - 1, 0))
        if start < 1:
            raise ActionError(f"{_quote(text)} is no action; write search[words] or click[value].")
        verb = line[:start]
        if verb not in VERBS:
            hint = did_you_mean(verb[-40:], VERBS) or " Write search[words] or click[value]."
            raise ActionError(f"Unknown action {_quote(verb)}.{hint}")
        return Action(verb, (line[start + 1 : close].lower(),))

    def format(self, action: Action) -> str:
        """Return the text of `action`; raises ActionError for one that the grammar cannot express (e.g. ``[``
        inside)."""
        if action.verb not in VERBS or len(action.args) != 1 or not isinstance(action.args[0], str):
            raise ActionError(f"{action!r} is no WebShop action; build Action('search'|'click', (text,)).")
        text = f"{action.verb}[{action.args[0]}]"
        if self.parse(text) != action:
            raise ActionError(f"The argument {_quote(action.args[0])} cannot be written in this grammar.")
        return text

    def can_click(self, value: str) -> bool:
        """Return whether ``click[value]`` reads as a click on exactly `value` (not so with ``[`` inside)."""
        try:
            return self.parse(f"click[{value}]").args == (value,)
        except ActionError:
            return False


def _quote(text: str) -> str:
    """Return a printable excerpt of hostile text."""
    return repr(text if len(text) <= 60 else text[:60] + "…")
