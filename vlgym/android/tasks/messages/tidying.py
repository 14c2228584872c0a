"""Tasks that delete, archive, mark and look up."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.desk import AppQuestion
from vlgym.android.tasks.messages.base import APP, TO_SAY, TextTask
from vlgym.android.tasks.people import (
    TEXTS,
    Text,
    digits,
    name_of,
    reads,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, answer, click, launch, long_press, seek


class DeleteThread(TextTask):
    """A conversation less."""

    name = "MessagesDeleteConversation"
    instruction = "Delete the whole conversation with {name}."
    checkpoints: tuple[str, ...] = ("open the messages", "delete the conversation with {name}")
    steps = 4

    def after(self, p: Params) -> list[Text]:
        """Return the others."""
        return [text for text in super().after(p) if text[0] != self.number(p)]

    def ask(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the question."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield long_press(p["name"])
        yield click("Delete")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete it from the list."""
        yield from self.ask(screen, p)
        yield click("Yes")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Say no."""
        yield from self.ask(screen, p)
        yield click("No")


class DeleteMessage(TextTask):
    """A message less."""

    name = "MessagesDeleteMessage"
    instruction = 'Delete the message "{body}" from the conversation with {name}, but keep the rest of it.'
    checkpoints: tuple[str, ...] = ("open the messages", "open the conversation with {name}", "delete the message")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw two more messages as well."""
        p = super().draw(rng)
        used = {text[1] for text in p["texts"]}
        more = [text for text in TO_SAY if text not in used][:2]
        extra = [[self.number(p), body, 5001 + 7 * n, bool(n), True] for n, body in enumerate(more)]
        return {**p, "texts": [*p["texts"], *extra], "body": rng.choice(more)}

    def after(self, p: Params) -> list[Text]:
        """Return the others."""
        return [text for text in super().after(p) if text[:2] != (self.number(p), p["body"])]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether a conversation is open or all is done."""
        return ("ThreadActivity" in phone.foreground() or self.solved(phone, p),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and delete it."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield long_press(p["body"])
        yield click("Delete")
        yield click("Yes")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete the conversation."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield click("Delete")
        yield click("Yes")


class MarkAllRead(TextTask):
    """Nothing new any more."""

    name = "MessagesMarkAllRead"
    instruction = "Mark all messages as read."
    checkpoints: tuple[str, ...] = ("open the messages", "have nothing unread")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw which are unread: those from three people or more."""
        p = super().draw(rng)
        new = rng.sample([person["number"] for person in p["people"]], 3)
        return {**p, "texts": [[*text[:4], not (text[3] and text[0] in new)] for text in p["texts"]]}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether all is read and nothing has gone."""
        return super().solved(phone, p) and all(reads(phone).values())

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the menu."""
        yield from launch(screen, APP)
        yield click("More options")
        yield click("Mark all as read")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read one of them only."""
        number = next(text[0] for text in p["texts"] if not text[4])
        name = next(name_of(person) for person in p["people"] if person["number"] == number)
        yield from launch(screen, APP)
        yield from seek(screen, name)
        yield click(name)


class Archive(TextTask):
    """A conversation put away."""

    name = "MessagesArchive"
    instruction = "Archive the conversation with {name}."
    checkpoints: tuple[str, ...] = ("open the messages", "archive the conversation with {name}")
    steps = 4

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether that conversation alone is in the archive."""
        rows = phone.rows(
            TEXTS, "SELECT DISTINCT sms.address FROM sms JOIN threads ON threads._id = sms.thread_id WHERE archived = 1"
        )
        return super().solved(phone, p) and [digits(str(row[0])) for row in rows] == [self.number(p)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it and use the menu."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield long_press(p["name"])
        yield click("More options")
        yield click("Archive")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Archive two."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield long_press(p["name"])
        yield from seek(screen, self.other(p), "up")
        yield click(self.other(p))
        yield click("More options")
        yield click("Archive")


class FindCode(TextTask, AppQuestion):
    """A code in a message."""

    name = "MessagesFindCode"
    instruction = "What is the booking code that {name} sent me? Answer with the code alone."
    checkpoints: tuple[str, ...] = ("open the messages", "give the code")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw codes as well."""
        p = super().draw(rng)
        letters = "ABCDEFGHKLMNPRSTUVWXYZ"
        codes = ["".join(rng.choices(letters, k=3)) + str(rng.randint(100, 999)) for _ in range(2)]
        numbers = [p["people"][(p["which"] + n) % len(p["people"])]["number"] for n in (0, 1)]
        more = [[number, f"Your booking code is {code}.", 5010 + n, True, True]
                for n, (number, code) in enumerate(zip(numbers, codes))]  # fmt: skip
        return {**p, "texts": [*p["texts"], *more], "answer": codes[0], "wrong": codes[1]}

    reached = AppQuestion.reached

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open the conversation and read it."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield click(p["name"])
        found = next(word for e in screen.elements for word in e.words if word.startswith("Your booking code is "))
        yield answer(found.split()[-1].rstrip("."))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with somebody else's."""
        yield from launch(screen, APP)
        yield answer(p["wrong"])
