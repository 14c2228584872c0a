"""Goals by the original's rules (`goal.py` of the WebShop repository), with every draw made from a seed.

The original draws prices of price ranges and price limits from an unseeded generator before it shuffles the goals with
seed 233, so its instructions, and even rewards, differ between processes. Here each draw is a function of
(seed, ASIN): independent of order and of the other products, hence the same in every process and free to be lazy.
The order of the goals is the original's: Python's `random.Random(233).shuffle`.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import accumulate
from math import prod

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import CatalogueError, TaskError, did_you_mean
from vlgym.core.tasks import SPLITS, Task, TaskSet
from vlgym.webshop.catalogue import ProductCatalogue
from vlgym.webshop.types import Goal, Product

PRICE_LIMITS = tuple(10.0 * step for step in range(1, 100))
NO_LIMIT = 1_000_000.0
DEFAULT_PRICE = 100.0
SHUFFLE_SEED = 233
TEST_GOALS, DEV_GOALS = 500, 1000
"""Sizes of the original's test and dev splits."""
_EXACT_SHUFFLE = 1 << 20
"""Up to so many goals the order is the original's; more (cartesian products over a huge catalogue) are shuffled by
NumPy."""


def _unit(seed: int, *key: object) -> float:
    """Return a uniform number in [0, 1) that belongs to (seed, key)."""
    digest = blake2b("\0".join(map(str, (seed, *key))).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / (1 << 53)


def price_of(product: Product, seed: int) -> float:
    """Return what a product costs: its price, a uniform draw from its range, or 100.0 if it has none."""
    if not product.pricing:
        return DEFAULT_PRICE
    if len(product.pricing) == 1:
        return product.pricing[0]
    low, high = product.pricing[:2]
    return low + (high - low) * _unit(seed, "price", product.asin)


def price_limit(price: float, seed: int, *key: object) -> tuple[float, str]:
    """Return (limit, its sentence): the larger of two draws from the 4 multiples of 10 next above `price`, at most
    990."""
    first = bisect_right(PRICE_LIMITS, price)
    near = PRICE_LIMITS[first : first + 4]
    if len(near) < 2:
        return NO_LIMIT, ""
    uppers = [upper for at, upper in enumerate(near) for _ in range(at)]  # one entry for each pair it is the larger of
    upper = uppers[int(_unit(seed, "limit", *key) * len(uppers))]
    return upper, f", and price lower than {upper:.2f} dollars"


class GoalBook:
    """All goals of a catalogue, computed when asked for: only their number per product is held.

    Args:
        catalogue: the products.
        kind: "human", "synthetic", or "auto" (human if the catalogue has instructions written by people).
        seed: seed of prices and price limits.
        split_by: "goal" (the original's: by position in the shuffled order), or "product" (no product has goals in two
            splits).

    Raises:
        CatalogueError: no goals of that kind, or too few to split.
        ValueError: unknown kind or split rule.
    """

    def __init__(self, catalogue: ProductCatalogue, kind: str = "auto", seed: int = 0, split_by: str = "goal") -> None:
        if kind not in ("auto", "human", "synthetic"):
            raise ValueError(f"Unknown goals {kind!r}; known: auto, human, synthetic.")
        if split_by not in ("goal", "product"):
            raise ValueError(f"Unknown split rule {split_by!r}; known: goal, product.")
        if kind == "auto":
            kind = "human" if len(catalogue.instructed("human")) else "synthetic"
        self.catalogue, self.kind, self.seed, self.split_by = catalogue, kind, seed, split_by
        counts = [(index, self._count(index)) for index in catalogue.instructed(kind).tolist()]
        self.products = [index for index, count in counts if count]
        self._starts = [0, *accumulate(count for _, count in counts if count)]
        self.goal = lru_cache(maxsize=8192)(self._goal)
        units = len(self) if split_by == "goal" else len(self.products)
        if units < 3:
            raise CatalogueError(
                f"The catalogue has {units} {kind} {split_by}s to split into train, dev and test; "
                "give one with at least 3."
            )
        self._order = _shuffled(len(self))
        self._split = self._split_goals() if split_by == "goal" else self._split_products()

    def __len__(self) -> int:
        return self._starts[-1]

    def _count(self, index: int) -> int:
        if self.kind == "human":
            return sum(bool(entry.instruction_attributes) for entry in self.catalogue.human_instructions(index))
        return prod(len(values) for values in self.catalogue.product(index).options.values())

    # ------------------------------------------------------------------ goals

    def _goal(self, task_id: str) -> ShoppingGoal:
        slot, number = self._parse(task_id)
        index = self.products[slot]
        product = self.catalogue.product(index)
        make = self._human if self.kind == "human" else self._synthetic
        return ShoppingGoal(make(index, product, number), index, price_of(product, self.seed))

    def _synthetic(self, index: int, product: Product, number: int) -> Goal:
        """Return combination `number` of the product's option values: sorted group names, the last one fastest."""
        source = self.catalogue.synthetic_instruction(index)
        assert source is not None
        names, rest, values = sorted(product.options), number, []
        for name in reversed(names):
            rest, digit = divmod(rest, len(product.options[name]))
            values.append(product.options[name][digit])
        options = dict(zip(names, reversed(values)))
        wanted = ", and ".join(f"{name}: {value}" for name, value in options.items())
        upper, sentence = price_limit(price_of(product, self.seed), self.seed, product.asin)
        text = f"{source.instruction}{' with ' + wanted if wanted else ''}{sentence}"
        return Goal(product.asin, text, source.instruction_attributes, options, upper)

    def _human(self, index: int, product: Product, number: int) -> Goal:
        entries = [entry for entry in self.catalogue.human_instructions(index) if entry.instruction_attributes]
        entry = entries[number]
        upper, sentence = price_limit(price_of(product, self.seed), self.seed, product.asin, number)
        text = entry.instruction.strip(".") + sentence
        return Goal(product.asin, text, entry.instruction_attributes, entry.instruction_options, upper)

    def price(self, index: int) -> float:
        """Return the price of product `index` under the seed."""
        return price_of(self.catalogue.product(index), self.seed)

    def weight(self, task_id: str) -> float:
        """Return the original's sampling weight: 1 for human goals, the mean inverse frequency of its attributes for
        synthetic ones (the first call counts all goals)."""
        if self.kind == "human":
            return 1.0
        attributes = self.goal(task_id).goal.attributes
        return sum(1.0 / self._frequency[attribute] for attribute in attributes) / len(attributes)

    @cached_property
    def _frequency(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for slot, index in enumerate(self.products):
            source = self.catalogue.synthetic_instruction(index)
            assert source is not None
            for attribute in source.instruction_attributes:
                counts[attribute] += self._starts[slot + 1] - self._starts[slot]
        return counts

    # ------------------------------------------------------------------ ids, order, splits

    def id(self, position: int) -> str:
        """Return the task id of goal `position` of the shuffled order (the original's session number)."""
        return self._id(int(self._order[position]))

    def _id(self, goal: int) -> str:
        slot = bisect_right(self._starts, goal) - 1
        return f"{self.catalogue.product(self.products[slot]).asin}-{self.kind[0]}{goal - self._starts[slot]}"

    def _parse(self, task_id: str) -> tuple[int, int]:
        """Return (slot of the product, number of the goal within it); raises TaskError with the nearest id."""
        asin, _, name = task_id.rpartition("-") if isinstance(task_id, str) else ("", "", "")
        index = self.catalogue.index(asin)
        slot = self._slots.get(index, -1) if index is not None else -1
        if slot >= 0:
            count = self._starts[slot + 1] - self._starts[slot]
            if (
                name[1:].isdecimal()
                and len(name) < 12
                and name == f"{self.kind[0]}{int(name[1:])}"
                and int(name[1:]) < count
            ):
                return slot, int(name[1:])
            known = [f"{asin}-{self.kind[0]}{number}" for number in range(min(count, 1000))]
        else:
            known = [self._id(self._starts[near]) for near in range(min(len(self.products), 2000))]
        hint = did_you_mean(str(task_id)[:80], known) or f" One that exists is {known[0]!r}."
        raise TaskError(f"Unknown task {str(task_id)[:80]!r} in the {len(self)} {self.kind} goals.{hint}")

    @cached_property
    def _slots(self) -> dict[int, int]:
        return {int(index): slot for slot, index in enumerate(self.products)}

    def _split_goals(self) -> dict[str, NDArray[np.int64]]:
        """Split by position: 500 test, the next 1000 dev, rest train; of fewer than 3000 goals a sixth and a third."""
        test = min(TEST_GOALS, max(1, len(self) // 6))
        dev = min(DEV_GOALS, max(1, len(self) // 3))
        parts = np.split(self._order, [test, test + dev])
        return dict(zip(("test", "dev", "train"), parts))

    def _split_products(self) -> dict[str, NDArray[np.int64]]:
        """Split by product, in shuffled order: a fifth (at least one) test, a tenth (at least one) dev, rest train."""
        fate = np.zeros(len(self.products), np.int8)
        order = _shuffled(len(self.products))
        test, dev = max(1, len(order) // 5), max(1, len(order) // 10)
        fate[order[:test]], fate[order[test : test + dev]] = 2, 1
        of_goal = np.repeat(fate, np.diff(self._starts))[self._order]
        return {name: self._order[of_goal == value] for value, name in enumerate(SPLITS)}

    @cached_property
    def _split_of(self) -> NDArray[np.int8]:
        """int8 [goals]: index in SPLITS of each goal."""
        found = np.zeros(len(self), np.int8)
        for value, name in enumerate(SPLITS):
            found[self._split[name]] = value
        return found

    def tasks(self) -> GoalTasks:
        """Return the goals as a TaskSet."""
        return GoalTasks(self)

    def task(self, task_id: str) -> Task:
        """Return one goal as a Task; its difficulty is the length of the shortest plan: search, open, one click an
        option, buy."""
        goal = self.goal(task_id)
        slot, number = self._parse(task_id)
        split = SPLITS[self._split_of[self._starts[slot] + number]]
        return Task(task_id, goal.goal.instruction, split, 3.0 + len(goal.goal.options), data=goal)


@dataclass(frozen=True, slots=True)
class ShoppingGoal:
    """Payload of a WebShop task: the goal, the index of its product and that product's price."""

    goal: Goal
    target: int
    price: float


class GoalIds(Sequence[str]):
    """Task ids of some goals, computed when asked for."""

    def __init__(self, book: GoalBook, goals: Sequence[NDArray[np.int64]]) -> None:
        self._book, self._goals = book, goals
        self._ends = list(accumulate(len(part) for part in goals))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = int(at) + (len(self) if at < 0 else 0)
        if not 0 <= at < len(self):
            raise IndexError(f"Task number {at} is outside of 0..{len(self) - 1}.")
        part = bisect_right(self._ends, at)
        return self._book._id(int(self._goals[part][at - (self._ends[part - 1] if part else 0)]))

    def __iter__(self) -> Iterator[str]:
        return (self._book._id(int(goal)) for part in self._goals for goal in part)


class GoalTasks(TaskSet):
    """The goals of a catalogue as tasks; the ids of all splits are as lazy as those of one."""

    def __init__(self, book: GoalBook) -> None:
        self.book = book
        super().__init__(
            {name: GoalIds(book, [book._split[name]]) for name in SPLITS}, lru_cache(maxsize=8192)(book.task)
        )
        self._all = GoalIds(book, [book._split[name] for name in SPLITS])

    def ids(self, split: str | None = None) -> Sequence[str]:
        """Return the task ids of `split`, or of all splits in order train, dev, test."""
        return self._all if split is None else super().ids(split)


def _shuffled(count: int) -> NDArray[np.int64]:
    """Return the order into which the original shuffles `count` goals."""
    if count > _EXACT_SHUFFLE:
        return np.random.default_rng(SHUFFLE_SEED).permutation(count)
    order = list(range(count))
    random.Random(SHUFFLE_SEED).shuffle(order)
    return np.array(order, np.int64)
