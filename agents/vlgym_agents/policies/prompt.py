"""Words in and out of a hub model: chat-template pieces, tokenisation that page text cannot subvert, reading actions.

A conversation is never rendered twice. The template is rendered once, on a conversation of marker words, cut at the
markers into pieces, and checked to repeat itself turn after turn; from then on only pieces and new content are appended
as ids. Content is tokenised without special tokens, so a page that prints ``<|im_end|>`` or ``<image>`` prints letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlgym.core.errors import VlgymError
from vlgym_agents.types import Ids

SYSTEM = (
    "You act in an environment, one action per turn, until the task is done.\n"
    "{help}\n"
    "Think briefly if it helps, then end your reply with the action between tags: <action>...</action>"
)
"""System prompt; {help} is the environment's action grammar in words. Ours."""

ACTION_TAG = re.compile(r"<action>(.*?)(?:</action>|\Z)", re.DOTALL | re.IGNORECASE)
ACTION_LINE = re.compile(r"^\s*action\s*:\s*(.*\S)\s*$", re.IGNORECASE | re.MULTILINE)

PLAIN = ("", "\n\n", "\n\nReply: ", "\n\n")
"""Pieces for a model without a chat template: before the system text, before the first page, before a reply, before
a later page. The end-of-sequence token closes a reply."""


def read_action(text: str) -> str:
    """Return the action in a model's reply; a total function.

    The last ``<action>...</action>`` (a missing end tag is forgiven); else the last line ``Action: ...``; else the last
    line that is not blank; stripped of white space and surrounding backquotes. "" if there is nothing.
    """
    found = ACTION_TAG.findall(text) or ACTION_LINE.findall(text)
    if found:
        return str(found[-1]).strip().strip("`").strip()
    lines = [line.strip().strip("`").strip() for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "")


def write_action(action: str) -> str:
    """Return the reply that utters `action`; `read_action` inverts it."""
    return f"<action>{action}</action>"


def describe(observation: Mapping[str, Any], info: Mapping[str, Any], *, first: bool, list_actions: bool) -> str:
    """Return an observation in words: instruction (first turn, unless the page has it), error, page, state, actions."""
    parts = []
    page = str(observation.get("text", ""))
    instruction = str(observation.get("instruction", ""))
    if first and instruction and instruction not in page:
        parts.append(f"Instruction: {instruction}")
    if info.get("error"):
        parts.append(f"Your last action had no effect: {info['error']}")
    if page:
        parts.append(page)
    if "state" in observation:
        parts.append("State: " + " ".join(f"{x:.4g}" for x in np.ravel(observation["state"])))
    if list_actions and (actions := info.get("available_actions")):
        parts.append("Possible actions: " + ", ".join(map(str, actions)))
    return "\n".join(parts)


class Tokens:
    """A tokenizer with the distinction that matters here: control tokens, and content that can never contain one."""

    def __init__(self, tokenizer: Any, control: set[int]) -> None:
        """Wrap a `transformers` tokenizer.

        Args:
            tokenizer: slow or fast.
            control: further ids that content may not contain (image placeholders of the model's config, ...).
        """
        self.tokenizer = tokenizer
        added = getattr(tokenizer, "added_tokens_decoder", {})
        self.control: set[int] = control | set(tokenizer.all_special_ids) | {i for i, t in added.items() if t.special}
        names = [t for i in self.control if i < len(tokenizer) and (t := tokenizer.convert_ids_to_tokens(i))]
        names.sort(key=len, reverse=True)
        self._names = re.compile("|".join(map(re.escape, names))) if names else None

    def __len__(self) -> int:
        """Return the number of ids that have a token."""
        return len(self.tokenizer)

    def control_text(self, text: str) -> list[int]:
        """Tokenise text of ours (template pieces), special tokens recognised."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    def content(self, text: str, limit: int | None = None) -> list[int]:
        """Tokenise foreign text: control tokens spelled in it become ordinary letters.

        Args:
            text: any text.
            limit: at most so many ids; the rest is cut.
        """
        if limit is not None:
            text = text[: 16 * limit]  # a megabyte of page is not worth tokenising to keep a thousand ids
        ids = self._plain(text)
        if self._names is not None and not self.control.isdisjoint(ids):
            ids = [i for piece in self._break(text) for i in self._plain(piece) if i not in self.control]
        return ids[:limit]

    def _plain(self, text: str) -> list[int]:
        if not text:
            return []
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def _break(self, text: str) -> list[str]:
        """Cut every spelled control token after its first letter, so that no tokenizer can see it whole."""
        assert self._names is not None
        pieces, start = [], 0
        for match in self._names.finditer(text):
            pieces.append(text[start : match.start() + 1])
            start = match.start() + 1
        return [*pieces, text[start:]]

    def decode(self, ids: Ids) -> str:
        """Return sampled ids as text for people, control tokens left out."""
        return str(self.tokenizer.decode([int(i) for i in ids if int(i) not in self.control], skip_special_tokens=True))


@dataclass(frozen=True, slots=True)
class Pieces:
    """What the chat template puts around contents, as ids.

    Attributes:
        opening: before the system text; None if the template knows no system role (its text then opens the first page).
        first: before the first page.  ask: from a page to the reply.  later: from the end of a reply to the next page.
        end: the id that ends a reply.
    """

    opening: list[int] | None
    first: list[int]
    ask: list[int]
    later: list[int]
    end: int


def pieces(tokens: Tokens, *, image: bool) -> Pieces:
    """Render the chat template on marker words and cut it into pieces.

    Args:
        tokens: the tokenizer.
        image: whether each page comes with an image (its placeholder is then in `first` and `later`).

    Raises:
        VlgymError: the template does not repeat itself turn after turn, or nothing ends a reply.
    """
    if getattr(tokens.tokenizer, "chat_template", None):
        texts = _cut_template(tokens.tokenizer, image)
    elif image:
        raise VlgymError("This model takes images but has no chat template; add chat_template.jinja to its folder.")
    else:
        texts = PLAIN[0], PLAIN[1], PLAIN[2], (tokens.tokenizer.eos_token or "") + PLAIN[3]
    opening, first, ask, later = (None if t is None else tokens.control_text(t) for t in texts)
    assert first is not None
    assert ask is not None
    assert later is not None
    if opening is not None and not getattr(tokens.tokenizer, "chat_template", None):
        opening = list(tokens.tokenizer("")["input_ids"])
        opening = [i for i in opening if i != tokens.tokenizer.eos_token_id]
    end = later[0] if later and later[0] in tokens.control else tokens.tokenizer.eos_token_id
    if end is None:
        raise VlgymError("Nothing ends a reply: neither the chat template nor the tokenizer has an end token.")
    return Pieces(opening, first, ask, later[1:] if later and later[0] == end else later, int(end))


def _cut_template(tokenizer: Any, image: bool) -> tuple[str | None, str, str, str]:
    """Return (opening, first, ask, later) of the tokenizer's chat template."""
    for system in (True, False):
        for parts in (True, False) if image else (False, True):
            markers = ["vlgymsystem"] * system + ["vlgymask0", "vlgymreply0", "vlgymask1", "vlgymreply1", "vlgymask2"]
            try:
                text = tokenizer.apply_chat_template(
                    _conversation(markers, image, parts), tokenize=False, add_generation_prompt=True
                )
            except Exception:  # a template may raise whatever its author liked, most often on the system role
                continue
            cuts = re.split("|".join(markers), text)
            if [text.count(m) for m in markers] != [1] * len(markers) or re.findall("|".join(markers), text) != markers:
                continue
            opening, (first, ask0, later0, ask1, later1, ask2) = cuts[0] if system else None, cuts[-6:]
            # SmolVLM's template has "Assistant: " in history and asks with "Assistant:": the model says the space
            if not ask0.rstrip() == ask1.rstrip() == ask2.rstrip() or later0 != later1:
                raise VlgymError(
                    "The chat template of this model rewrites earlier turns, so a growing context cannot be cached; "
                    "give the tokenizer a template that renders every turn alike."
                )
            return opening, first, ask2, later0
    raise VlgymError("The chat template of this model cannot render a conversation of user and assistant turns.")


def _conversation(markers: list[str], image: bool, parts: bool) -> list[dict[str, Any]]:
    roles = (["system"] if len(markers) == 6 else []) + ["user", "assistant", "user", "assistant", "user"]
    out: list[dict[str, Any]] = []
    for role, word in zip(roles, markers):
        content: Any = word
        if parts:
            content = [{"type": "image"}] * (image and role == "user") + [{"type": "text", "text": word}]
        out.append({"role": role, "content": content})
    return out
