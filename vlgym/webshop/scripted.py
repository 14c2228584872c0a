"""Scripted shoppers: the oracle that reaches reward 1.0, the paper's rule baseline and a random one.

They act through the public actions alone. The oracle knows the goal's product and the reward's rules; it plans a
purchase, verifies the plan with the reward function and declines a goal for which it finds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from vlgym.core.env import Observation, ScriptedPolicy
from vlgym.webshop.goals import ShoppingGoal
from vlgym.webshop.grammar import WebShopGrammar
from vlgym.webshop.pages import HITS_PER_PAGE
from vlgym.webshop.reward import fuzzy_match, normalise_colour, wanted_options
from vlgym.webshop.session import RESERVED
from vlgym.webshop.types import Goal

if TYPE_CHECKING:
    from vlgym.webshop.env import Shop, WebShopEnv

_PRICE_SENTENCE = re.compile(r",? and price lower than [\d.]+ dollars$")
_BOILERPLATE = re.compile(r"^find me\b|\bwith\b|\band\b|[,:\[\]\n]")
_NAVIGATION = ("click[back to search]", "click[next >]", "click[< prev]")


@dataclass(frozen=True, slots=True)
class Plan:
    """A purchase that earns reward 1.0.

    Attributes:
        query: what to search for.
        page: results page, from 1, that lists the product.
        product: index of the product.
        clicks: option values to click, in order.
    """

    query: str
    page: int
    product: int
    clicks: tuple[str, ...]

    @property
    def length(self) -> int:
        """Steps it takes: search, turning pages, open, options, buy."""
        return 2 + self.page + len(self.clicks)


def make_plan(shop: Shop, goal: ShoppingGoal) -> Plan | None:
    """Return the oracle's plan for a goal, or None if it finds none.

    It declines goals whose own product cannot earn 1.0: the reward's colour rule turns a chosen "1877brown" into
    "brown", which then does not match the wanted "1877brown".
    """
    clicks = _clicks(shop, goal)
    if clicks is None:
        return None
    best: Plan | None = None
    for query in _queries(goal.goal.instruction, shop.catalogue.product(goal.target).title):
        hits = shop.catalogue.search(query)
        if goal.target in hits:
            page = hits.index(goal.target) // HITS_PER_PAGE + 1
            if best is None or page < best.page:
                best = Plan(query, page, goal.target, clicks)
            if page == 1:
                break
    return best


def _clicks(shop: Shop, goal: ShoppingGoal) -> tuple[str, ...] | None:
    """Return option values with which buying the goal's product earns 1.0, or None."""
    targets = shop.maker.item(goal.target).targets
    can_click = WebShopGrammar().can_click
    groups = {
        value: str(group)
        for value, (kind, group) in targets.items()
        if kind == "option" and value not in RESERVED and can_click(value)
    }
    for clicks in _coverings(groups, goal.goal):
        chosen = {groups[value]: value for value in clicks}
        if shop.scorer.score(goal.target, chosen, goal.price, goal.goal, goal.target).reward == 1.0:
            return clicks
    return None


def _queries(instruction: str, title: str) -> Iterator[str]:
    """Yield queries to try, those that a reader of the instruction would write first."""
    wish = _PRICE_SENTENCE.sub("", instruction.lower())
    yield " ".join(_BOILERPLATE.sub(" ", wish).split())
    yield " ".join(_BOILERPLATE.sub(" ", wish.partition(" with ")[0]).split())
    yield _sayable(wish)
    yield _sayable(title.lower())


def _sayable(text: str) -> str:
    """Return a text without the signs that the action grammar reads."""
    return " ".join(re.sub(r"[\[\]\n]", " ", text).split())


def _coverings(groups: Mapping[str, str], goal: Goal, limit: int = 64) -> Iterator[tuple[str, ...]]:
    """Yield choices of option values, at most one a group, that match all wanted options; the goal's own first."""
    own = tuple(dict.fromkeys(goal.options.values() if isinstance(goal.options, Mapping) else goal.options))
    if all(value in groups for value in own) and len({groups[value] for value in own}) == len(own):
        yield own
    wants = wanted_options(goal.options)
    offers = {want: [value for value in groups if fuzzy_match(normalise_colour(value), want)] for want in wants}
    yield from islice(_cover(wants, offers, groups, ()), limit)


def _cover(
    wants: Sequence[str], offers: Mapping[str, list[str]], groups: Mapping[str, str], chosen: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    open_wants = [want for want in wants if not any(value in offers[want] for value in chosen)]
    if not open_wants:
        yield chosen
        return
    used = {groups[value] for value in chosen}
    for value in offers[open_wants[0]]:
        if groups[value] not in used:
            yield from _cover(open_wants, offers, groups, (*chosen, value))


# ---------------------------------------------------------------------- policies


def oracle(env: WebShopEnv, seed: int = 0) -> ScriptedPolicy:
    """Return the oracle: it looks at the environment's page and goal and takes the next step of the plan from there,
    from any state; on a goal that it declines it acts as the rule baseline."""
    fallback = rule(env, seed)

    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        plan = env.plan(info["task"])
        return fallback(observation, info) if plan is None else _next_step(env, plan)

    return act


def _next_step(env: WebShopEnv, plan: Plan) -> str:
    page, asin = env.page, env.shop.catalogue.product(plan.product).asin
    chosen = env.chosen
    if page.kind == "item" and page.asin == asin:
        missing = [value for value in plan.clicks if value not in chosen.values()]
        return f"click[{missing[0]}]" if missing else "click[buy now]"
    if page.kind == "results" and page.keywords == plan.query and page.number <= plan.page:
        return f"click[{asin.lower()}]" if page.number == plan.page else "click[next >]"
    if page.has_search_bar or env.quirks.search_anywhere:
        return f"search[{plan.query}]"
    return "click[back to search]"


def rule(env: WebShopEnv, seed: int = 0) -> ScriptedPolicy:
    """Return the paper's rule baseline: search for the instruction's text, open the first item, buy."""

    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        available = info["available_actions"]
        if "search[<words>]" in available:
            return f"search[{_sayable(observation['instruction'])}]"
        if "click[buy now]" in available:
            return "click[buy now]"
        items = [action for action in available if action not in _NAVIGATION]
        return items[0] if items else "click[back to search]"

    return act


def random(env: WebShopEnv, seed: int = 0) -> ScriptedPolicy:
    """Return a policy that takes any available action with equal chance; it searches for a run of the instruction's
    words."""
    rng = np.random.default_rng(seed)

    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        available = info["available_actions"]
        action = available[int(rng.integers(len(available)))] if available else "search[<words>]"
        if action != "search[<words>]":
            return action
        words = _sayable(observation["instruction"]).split()
        start = int(rng.integers(len(words)))
        return f"search[{' '.join(words[start : start + int(rng.integers(1, 7))])}]"

    return act


POLICIES: dict[str, Callable[[WebShopEnv, int], ScriptedPolicy]] = {"random": random, "rule": rule, "oracle": oracle}
