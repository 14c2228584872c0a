"""Tasks that write, answer and forward."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.messages.base import APP, TO_SAY, TextTask
from vlgym.android.tasks.people import (
    Text,
    digits,
    draw_number,
    name_of,
    texts,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, click, enter, launch, long_press, seek


class SendText(TextTask):
    """A message to a number."""

    name = "MessagesSend"
    instruction = 'Send a text message to {shown} that says "{body}".'
    checkpoints: tuple[str, ...] = ("open the messages", "begin a conversation", "send the message")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw a number and a text as well."""
        number = draw_number(rng)[:-3] + str(rng.randint(200, 299))
        return {**super().draw(rng), "to": number, "shown": number, "body": rng.choice(TO_SAY)}

    def number(self, p: Params) -> str:
        """Return whom to write to."""
        return str(p["to"])

    def after(self, p: Params) -> list[Text]:
        """Return the messages with the new one."""
        return sorted([*super().after(p), (digits(self.number(p)), p["body"], 2)])

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether a conversation is open or all is done."""
        return ("ThreadActivity" in phone.foreground() or self.solved(phone, p),)

    def open(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the conversation."""
        yield from launch(screen, APP)
        yield click("New conversation")
        yield enter(p["to"])
        yield click("Confirm")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write and send it."""
        yield from self.open(screen, p)
        yield enter(p["body"], "Type a message…")
        yield click("Send")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write it and go back."""
        yield from self.open(screen, p)
        yield enter(p["body"], "Type a message…")
        yield "press(back)"
        yield "press(back)"


class SendToContact(SendText):
    """A message to somebody who has not written."""

    name = "MessagesSendToContact"
    instruction = 'Text {name} this: "{body}".'
    checkpoints: tuple[str, ...] = ("open the messages", "open the conversation with {name}", "send the message")
    steps = 6

    def number(self, p: Params) -> str:
        """Return whom to write to."""
        return TextTask.number(self, p)

    def open(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the conversation."""
        yield from launch(screen, APP)
        yield click("New conversation")
        yield enter(p["name"].split()[0])
        yield click(p["name"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write to somebody else."""
        yield from self.solve(screen, {**p, "name": self.other(p)})


class Reply(SendToContact):
    """An answer."""

    name = "MessagesReply"
    instruction = 'Reply to the message from {name} with "{body}".'
    steps = 4

    def open(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the conversation."""
        yield from launch(screen, APP)
        yield from seek(screen, p["name"])
        yield click(p["name"])


class ReplyToLatest(Reply):
    """An answer to whoever wrote last."""

    name = "MessagesReplyToLatest"
    instruction = 'Reply to the most recent message I have received with "{body}".'
    checkpoints: tuple[str, ...] = ("open the messages", "open the latest conversation", "send the message")

    def draw(self, rng: random.Random) -> Params:
        """Draw the latest message as well."""
        p = super().draw(rng)
        others = [text for text in p["texts"] if text[2] > 4]
        return {**p, "texts": [*others, [self.number(p), "Please answer me soon.", 2, True, False]]}


class Forward(SendToContact):
    """A message passed on."""

    name = "MessagesForward"
    instruction = "Forward the latest message from {sender} to {name}."
    checkpoints: tuple[str, ...] = ("open the messages", "open a conversation", "forward the message")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw the sender as well."""
        p = super().draw(rng)
        place = rng.choice([n for n in range(len(p["people"])) if n != p["which"]])
        sender = p["people"][place]
        kept = [text for text in p["texts"] if text[0] != sender["number"] or text[3]]
        body = min((text for text in kept if text[0] == sender["number"]), key=lambda text: text[2])[1]
        return {**p, "texts": kept, "sender": name_of(sender), "body": body}

    def take(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the choice of who gets it."""
        yield from launch(screen, APP)
        yield from seek(screen, p["sender"])
        yield click(p["sender"])
        yield long_press(p["body"])
        yield click("Forward")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold the message, forward it, send it."""
        yield from self.take(screen, p)
        yield from seek(screen, p["name"])
        yield click(p["name"])
        yield click("Send")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Send it back to where it came from."""
        yield from self.solve(screen, {**p, "name": p["sender"]})


class SendToSeveral(SendToContact):
    """One message to three people."""

    name = "MessagesSendToSeveral"
    instruction = 'Send "{body}" to each of these people in a message of their own: {names}.'
    checkpoints: tuple[str, ...] = ("open the messages", "write to one of them", "write to all of them")
    steps = 18

    def draw(self, rng: random.Random) -> Params:
        """Draw three of the people."""
        p = super().draw(rng)
        chosen = rng.sample(range(len(p["people"])), 3)
        return {**p, "chosen": chosen, "names": ", ".join(name_of(p["people"][n]) for n in chosen)}

    def wanted(self, p: Params) -> list[Text]:
        """Return the three messages."""
        return [(p["people"][n]["number"], p["body"], 2) for n in p["chosen"]]

    def after(self, p: Params) -> list[Text]:
        """Return the messages with the three."""
        return sorted([*TextTask.after(self, p), *self.wanted(p)])

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether one has been sent."""
        sent = texts(phone)
        return (any(text in sent for text in self.wanted(p)),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Begin a conversation with each."""
        yield from launch(screen, APP)
        for turn, number in enumerate(p["chosen"]):
            if turn:
                yield "press(back)"
            name = name_of(p["people"][number])
            yield click("New conversation")
            yield enter(name.split()[0])
            yield click(name)
            yield enter(p["body"], "Type a message…")
            yield click("Send")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last one."""
        yield from self.solve(screen, {**p, "chosen": p["chosen"][:-1]})
