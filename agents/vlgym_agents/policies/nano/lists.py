"""Generic synthetic pages and what to do on them, for pretraining: find, compare, choose, copy. No benchmark's task.

Every page is drawn from the lexicon mixed with invented words, so that what is learned is matching, not a vocabulary.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from vlgym_agents.policies.nano.tokenizer import invented_word, lexicon


@dataclass(frozen=True, slots=True)
class Lesson:
    """A page and the one right action on it."""

    kind: str
    instruction: str
    text: str
    action: str
    actions: tuple[str, ...]


_WORDS = lexicon()
_PLAIN_BUTTONS = (
    "Home,Help,Settings,< Prev,Next >,Cancel,About,Share,Details,Notes,History,Options,Back to Start".split(",")
)
_DONE = "Done,Save,Submit,Finish,Confirm,Apply,Send,OK,Continue,Order Now,Accept".split(",")
_JOINS = (" with ", ", ", " and ", ", and ", " for ", " in ")


class Teacher:
    """Draws lessons; the same seed gives the same lessons."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self.makers: dict[str, Callable[[], Lesson]] = {
            "press": self.press,
            "record": self.record,
            "bounded": self.bounded,
            "extreme": self.extreme,
            "form": self.form,
            "look_up": self.look_up,
            "write": self.write,
            "move": self.move,
        }
        self.weights = (0.8, 2.3, 2.2, 0.9, 3.0, 1.2, 0.3, 0.5)

    def lesson(self, kind: str | None = None) -> Lesson:
        """Return the next lesson, of any kind unless one is named."""
        name = kind or self.rng.choices(list(self.makers), self.weights)[0]
        return self.makers[name]()

    # ------------------------------------------------------------------ words

    def word(self) -> str:
        """Return a word: mostly from the lexicon, else invented, a size or a number with a unit."""
        roll = self.rng.random()
        if roll < 0.7:
            return self.rng.choice(_WORDS)
        if roll < 0.92:
            return invented_word(self.rng)
        number = self.rng.choice([1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 50, 64, 100])
        return f"{number}{self.rng.choice(['', '.5', 'x', 'cm', 'gb', '-pack', 'ml', 'a'])}"

    def words(self, low: int, high: int) -> list[str]:
        """Return between `low` and `high` distinct words."""
        return list(dict.fromkeys(self.word() for _ in range(self.rng.randint(low, high))))

    def _phrase(self, words: list[str]) -> str:
        """Join words as people do, in phrases."""
        text = words[0]
        for word in words[1:]:
            text += (" " if self.rng.random() < 0.6 else self.rng.choice(_JOINS)) + word
        return text

    def _dress(self, text: str) -> str:
        """Vary the letter case as pages do."""
        return self.rng.choice([text, text, text.title(), text.capitalize(), text.upper()])

    def _inflect(self, word: str) -> str:
        """Return the word, sometimes in another form."""
        if self.rng.random() < 0.85 or not word.isalpha():
            return word
        return word[:-1] if word.endswith("s") and len(word) > 4 else word + self.rng.choice(["s", "s", "ing", "ed"])

    # ------------------------------------------------------------------ pages

    def _lesson(self, kind: str, instruction: str, lines: list[str], action: str) -> Lesson:
        """Close a page; sometimes it repeats the instruction, as sites do."""
        if self.rng.random() < 0.5:
            lines = ["Instruction:", instruction, *lines]
        buttons = [line.strip()[9:-10] for line in lines if line.strip().startswith("[button] ")]
        named = self.rng.random() < 0.7 and action.startswith(("click[", "search["))
        actions = tuple(f"click[{b.lower()}]" for b in buttons) + (
            ("search[<words>]",) if action.startswith("search[") else ()
        )
        return Lesson(kind, instruction, "\n".join(lines), action, actions if named else ())

    def _button(self, text: str) -> str:
        return f"[button] {text} [button_]"

    def _furniture(self, low: int = 0, high: int = 4) -> list[str]:
        return [self._button(b) for b in self.rng.sample(_PLAIN_BUTTONS, self.rng.randint(low, high))]

    def press(self) -> Lesson:
        """Press the button with the words named."""
        labels = list(dict.fromkeys(" ".join(self.words(1, 3)) for _ in range(self.rng.randint(3, 12))))
        target = self.rng.choice(labels)
        verb = self.rng.choice(["press", "open", "go to", "choose", "tap on", "select the item", "click"])
        lines = [self._button(self._dress(label)) for label in labels] + self._furniture(0, 3)
        for _ in range(self.rng.randint(0, 4)):
            lines.insert(self.rng.randint(0, len(lines)), " ".join(self.words(2, 10)))
        return self._lesson("press", f"{verb} {target}", lines, f"click[{target}]")

    def _records(self, titles: list[list[str]], prices: list[float]) -> tuple[list[str], list[str]]:
        """Return (page lines, identifiers) of a list of records: a link, a title, a number."""
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
        names = ["".join(self.rng.choices(alphabet, k=self.rng.randint(4, 10))) for _ in titles]
        sign = self.rng.choice(["$", "$", "€", ""])
        mark = self.rng.random() < 0.15
        lines: list[str] = []
        for name, title, price in zip(names, titles, prices):
            seen = mark and self.rng.random() < 0.3
            lines.append(f"[clicked button] {name} [clicked button_]" if seen else self._button(name))
            lines.append(" ".join(self._dress(word) for word in title))
            if self.rng.random() < 0.15:
                lines.append(f"{sign}{price:.2f} to {sign}{price * self.rng.uniform(1.05, 1.8):.2f}")
            else:
                lines.append(f"{sign}{price:.2f}")
        return [*self._furniture(0, 3), self._dress(" ".join(self.words(1, 4))), *lines, *self._furniture(0, 1)], names

    def _titles(self, asked: list[str], count: int) -> list[list[str]]:
        """Return titles, the first with most of the words asked for, the others with fewer of them."""
        most = max(len(asked) - (self.rng.random() < 0.3), 1)
        titles = []
        for i in range(count):
            share = most if i == 0 else self.rng.randint(0, most - 1)
            kept = [self._inflect(word) for word in self.rng.sample(asked, share)]
            title = kept + [word for word in self.words(2, 16) if word not in asked]
            self.rng.shuffle(title)
            titles.append(title)
        return titles

    def record(self) -> Lesson:
        """Open the record whose title has the most of the words asked for."""
        asked = self.words(2, 7)
        titles = self._titles(asked, self.rng.randint(3, 10))
        order = self.rng.sample(range(len(titles)), len(titles))
        lines, names = self._records([titles[i] for i in order], [self._price() for _ in titles])
        opening = self.rng.choice(["Look for", "I want", "Show me", "open the entry about", "Get"])
        tail = self.rng.choice(["", f", and cost under {self.rng.randint(300, 900)}.00"])
        return self._lesson(
            "record", f"{opening} {self._phrase(asked)}{tail}", lines, f"click[{names[order.index(0)]}]"
        )

    def bounded(self) -> Lesson:
        """Of records that match equally, open the one on the right side of the number asked for."""
        asked = self.words(2, 6)
        below = self.rng.random() < 0.8
        bound = self.rng.choice([5, 10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 400])
        side = [self.rng.uniform(0.2, 0.97), self.rng.uniform(1.03, 3.0)]
        rivals = self.rng.randint(1, 3)
        titles = self._titles(asked, self.rng.randint(3, 9))
        same = [self._inflect(word) for word in titles[0]]
        prices = [bound * side[0 if below else 1]]
        for i in range(1, len(titles)):
            if i <= rivals:
                titles[i] = self.rng.sample(same, len(same))
                prices.append(bound * (self.rng.uniform(1.03, 3.0) if below else self.rng.uniform(0.2, 0.97)))
            else:
                prices.append(bound * self.rng.uniform(0.2, 3.0))
        order = self.rng.sample(range(len(titles)), len(titles))
        lines, names = self._records([titles[i] for i in order], [prices[i] for i in order])
        limit = self.rng.choice(["lower than", "below", "under", "less than", "at most"])
        if not below:
            limit = self.rng.choice(["higher than", "above", "over", "more than", "at least"])
        noun = self.rng.choice(["price", "cost", "number", "amount", "total"])
        unit = self.rng.choice(["", " dollars", " points"])
        ask = f"Look for {self._phrase(asked)}, and {noun} {limit} {bound:.2f}{unit}"
        return self._lesson("bounded", ask, lines, f"click[{names[order.index(0)]}]")

    def extreme(self) -> Lesson:
        """Open the record with the smallest or largest number."""
        lowest = self.rng.random() < 0.5
        prices = [self._price() for _ in range(self.rng.randint(2, 8))]
        lines, names = self._records([self.words(2, 10) for _ in prices], prices)
        target = names[prices.index(min(prices) if lowest else max(prices))]
        ask = self.rng.choice(
            ["the cheapest", "the lowest number", "the minimum"]
            if lowest
            else ["the most expensive", "the highest number", "the maximum"]
        )
        return self._lesson("extreme", f"open {ask}", lines, f"click[{target}]")

    def _price(self) -> float:
        return round(self.rng.choice([3, 10, 30, 100]) * self.rng.uniform(0.5, 3.0), 2)

    def form(self) -> Lesson:
        """Choose, group by group, the options named; when all are chosen, press the closing button."""
        lines: list[str] = []
        wanted: list[tuple[str, str]] = []
        pending: list[str] = []
        chosen_lines: list[str] = []
        for _ in range(self.rng.choice([0, 1, 1, 2, 2, 3])):
            name = self.word()
            values = list(
                dict.fromkeys(
                    " ".join(self.words(1, self.rng.choice([1, 1, 2, 3]))) for _ in range(self.rng.randint(1, 9))
                )
            )
            value = self.rng.choice(values)
            asked = self.rng.random() < 0.9
            done = self.rng.random() < 0.5
            lines.append(name)
            for v in values:
                clicked = done and v == value
                mark = "clicked button" if clicked else "button"
                lines.append(f"  [{mark}] {v} [{mark}_]")
                if clicked:
                    chosen_lines.append(f"You have clicked {v}.")
            if asked:
                wanted.append((name, value))
                pending += [] if done else [value]
        closing = self.rng.choice(_DONE)
        lines = chosen_lines + self._furniture(1, 2) + lines + [" ".join(self.words(4, 16)), f"Price: ${self._price()}"]
        lines += [*self._furniture(1, 4), self._button(closing)]
        pairs = [f"{n}: {v}" if self.rng.random() < 0.8 else f"{v} {n}" for n, v in wanted]
        ask = self._phrase(self.words(2, 6)) + "".join(
            f"{' with' if i == 0 else ', and'} {p}" for i, p in enumerate(pairs)
        )
        opening = self.rng.choice(["Set up", "I want", "Choose", "Make"])
        tail = self.rng.choice([f", then {closing.lower()}", "", ", and amount under 700.00"])
        return self._lesson("form", f"{opening} {ask}{tail}", lines, f"click[{pending[0] if pending else closing}]")

    def look_up(self) -> Lesson:
        """Copy the words to look for, in order, without the words around them."""
        asked = self.words(1, 7)
        opening = self.rng.choice(["Look up", "Search for", "find", "Please find me", "I am looking for"])
        tail = self.rng.choice(["", "", ", and price lower than 40.00 dollars", " in the list", " below 30"])
        lines = [*self._furniture(0, 2), self._button(self.rng.choice(["Search", "Go", "Find"]))]
        return self._lesson("look_up", f"{opening} {' '.join(asked)}{tail}", lines, f"search[{' '.join(asked)}]")

    def write(self) -> Lesson:
        """Write the words between quotes."""
        asked = " ".join(self.words(1, 4))
        lines = [" ".join(self.words(1, 3)), *self._furniture(0, 3)]
        return self._lesson(
            "write", f"{self.rng.choice(['type', 'enter', 'write'])} {asked}", lines, f'type("{asked}")'
        )

    def move(self) -> Lesson:
        """Scroll, go back, wait or stop as told."""
        way = self.rng.choice(["up", "down", "left", "right"])
        ask, action = self.rng.choice(
            [
                (f"scroll {way}", f"scroll({way})"),
                ("go back", "back()"),
                ("wait a moment", "wait()"),
                ("stop here", "stop()"),
            ]
        )
        return self._lesson("move", ask, [" ".join(self.words(1, 5)), *self._furniture(0, 4)], action)
