"""Scripted policies: the oracle, which asks the plan for its first step, and the random baseline."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vlgym.core.env import Observation, ScriptedPolicy
from vlgym.desk.apps import WORDS

if TYPE_CHECKING:
    from vlgym.desk.env import DeskEnv


def _oracle(env: DeskEnv, seed: int) -> ScriptedPolicy:
    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        return env.say(env.plan()[0])

    return act


def _random(env: DeskEnv, seed: int) -> ScriptedPolicy:
    rng = random.Random(seed)

    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        action = rng.choice(info["available_actions"])
        if action.startswith("tap("):
            return f"tap({rng.random():.3f}, {rng.random():.3f})"
        return str(action).replace("<words>", " ".join(rng.sample(WORDS, 2)))

    return act


POLICIES: dict[str, Callable[[DeskEnv, int], ScriptedPolicy]] = {"random": _random, "oracle": _oracle}
