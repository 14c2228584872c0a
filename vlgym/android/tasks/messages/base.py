"""What the tasks of the messenger share: people who have written."""

from __future__ import annotations

import random
from typing import Any

from vlgym.android.tasks.desk import AppTask
from vlgym.android.tasks.people import (
    SAID,
    Text,
    draw_people,
    name_of,
    set_people,
    set_texts,
    texts,
    wanted_texts,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params

APP = "SMS Messenger"
TO_SAY = (
    "I will be there at seven",
    "Please bring the blue umbrella",
    "The meeting is in room 12",
    "Could you water the plants",
    "Dinner is ready",
    "I am on my way",
    "See you at the station",
    "Yes, that works for me",
)


class TextTask(AppTask):
    """Base: people who have written; messages change by exactly what is wanted."""

    app = "messages"
    package = "com.simplemobiletools.smsmessenger"
    checkpoints: tuple[str, ...] = ("open the messages", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw people, a message or more from each, and one of the people."""
        people = draw_people(rng, rng.randint(4, 6))
        said = rng.sample(SAID, 2 * len(people))
        ages = sorted(rng.sample(range(5, 5000, 3), 2 * len(people)))
        found: list[list[Any]] = []
        for place, person in enumerate(people):
            found.append([person["number"], said[2 * place], ages[2 * place], True, True])
            if rng.random() < 0.5:
                found.append([person["number"], said[2 * place + 1], ages[2 * place + 1], rng.random() < 0.5, True])
        which = rng.randrange(len(people))
        return {"people": people, "texts": found, "which": which, "name": name_of(people[which])}

    def setup(self, phone: Phone, p: Params) -> None:
        """Make people and messages."""
        set_people(phone, p["people"])
        set_texts(phone, p["texts"])

    def number(self, p: Params) -> str:
        """Return the number of the one that the task is about."""
        return str(p["people"][p["which"]]["number"])

    def other(self, p: Params) -> str:
        """Return another name."""
        return name_of(p["people"][(p["which"] + 1) % len(p["people"])])

    def after(self, p: Params) -> list[Text]:
        """Return the messages of a success."""
        return wanted_texts(p["texts"])

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the messages are those of a success."""
        return texts(phone) == self.after(p)
