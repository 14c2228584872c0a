"""Ours against the original's strings, clickables and rewards, frozen as digests by freeze_parity.py (no product
text)."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from freeze_parity import action_text, digest, noun_hash, picked

from vlgym.core.errors import TaskError
from vlgym.webshop.env import Shop, WebShopEnv
from vlgym.webshop.pages import to_text

HERE = Path(__file__).parent
FROZEN = Path(os.environ.get("VLGYM_PARITY_FILE", HERE / "parity.json.gz"))
DATA = Path(os.environ.get("VLGYM_TEST_DATA", HERE.parents[2] / "shared" / "data")) / "webshop"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the original's 1,000 products are not at {DATA}")


class AsFrozen:
    """The catalogue with the nouns of the original's tagger and the hits of the frozen run, both known by hashes."""

    def __init__(self, catalogue: Any, frozen: dict[str, Any]) -> None:
        self._catalogue, self._frozen = catalogue, frozen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)

    def nouns(self, index: int) -> frozenset[str]:
        return frozenset(self._frozen["nouns"][self.product(index).asin][1])

    def noun_count(self, index: int) -> int:
        return self._frozen["nouns"][self.product(index).asin][0]

    def search(self, query: str) -> Any:
        special = query.split(" ")[0] in ("<c>", "<q>")
        return self._catalogue.search(query) if special else self._frozen["hits"][digest(query)]


@pytest.fixture(scope="module")
def frozen() -> dict[str, Any]:
    return json.loads(gzip.decompress(FROZEN.read_bytes()))


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "show_attrs"])
def env(request: pytest.FixtureRequest, frozen: dict[str, Any]) -> WebShopEnv:
    made = WebShopEnv(str(DATA), goals="synthetic", max_steps=1000)
    catalogue: Any = AsFrozen(made.shop.catalogue, frozen)
    made.shop = Shop(catalogue, made.shop.book, show_attrs=request.param)
    return made


def test_every_frozen_step_shows_the_same_strings_clickables_and_rewards(
    env: WebShopEnv, frozen: dict[str, Any]
) -> None:
    steps, wrong = 0, []
    for walk in frozen["walks"]:
        if walk["show_attrs"] != env.shop.maker.show_attrs:
            continue
        observation, _ = env.reset(options={"task": env.shop.book.id(walk["goal"])})
        for number, (code, rich, text, clickables, reward, done) in enumerate(walk["steps"]):
            got, terminated, said = 0.0, False, "reset"
            if code != "start":
                said = action_text(code, observation["instruction"], names(env))
                observation, got, terminated, _, _ = env.step(said)
            shown = (
                digest(observation["text"]),
                digest(to_text(env.page)),
                digest("\n".join(names(env))),
                got,
                terminated,
            )
            steps += 1
            if shown != (rich, text, clickables, reward, done):
                which = [a == b for a, b in zip(shown, (rich, text, clickables, reward, done))]
                wrong.append((walk["goal"], number, said, which, got, reward))
                break
    assert not wrong, f"{len(wrong)} walks differ in {steps} steps, first: {wrong[:5]}"
    assert steps > 50


def names(env: WebShopEnv) -> list[str]:
    """Return the original's `clickables`: ours, and the search button that it lists though it does nothing."""
    return [*env._session.view.targets, *["search"] * (env.page.kind == "search")]


def test_every_frozen_purchase_has_the_same_reward_and_parts(env: WebShopEnv, frozen: dict[str, Any]) -> None:
    book, scorer, wrong = env.shop.book, env.shop.scorer, []
    for position, row, draws, human, reward, parts in frozen["purchases"]:
        wanted = book.goal(book.id(position))
        options = dict(wanted.goal.options)  # type: ignore[arg-type]
        goal = replace(wanted.goal, options=tuple(options.values())) if human else wanted.goal
        chosen = picked(dict(scorer.catalogue.product(row).options), draws, options)
        score = scorer.score(row, chosen, book.price(row), goal, wanted.target)
        # The original leaves the parts of absent options out; ours are 0 with weight 0.
        if score.reward != reward or score.parts != {"r_option": 0.0, "w_option": 0.0, **parts}:
            wrong.append((position, row, score, reward, parts))
    assert not wrong, f"{len(wrong)} of {len(frozen['purchases'])} purchases differ, first: {wrong[:3]}"
    assert len(frozen["purchases"]) >= 100


def test_unknown_task_names_a_near_one(env: WebShopEnv) -> None:
    with pytest.raises(TaskError, match=r"Did you mean|One that exists"):
        env.tasks["B000-s1"]


def test_noun_hashes_tell_nouns_apart() -> None:
    assert noun_hash("shoe") != noun_hash("shoes")
