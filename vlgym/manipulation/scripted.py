"""Scripted policies of one arm: random, the expert with a steady hand, and with the tremor it demonstrates with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vlgym.core.actions import Action
from vlgym.core.env import Observation, ScriptedPolicy

if TYPE_CHECKING:
    from vlgym.manipulation.env import ArmEnv


def random(env: ArmEnv, seed: int) -> ScriptedPolicy:
    """Return a policy that draws targets anywhere in the workspace."""
    rng = np.random.default_rng(seed)
    width = env.world.target.shape[1]

    def act(observation: Observation, info: Mapping[str, Any]) -> Any:
        draw = rng.uniform(-1, 1, width)
        if env.action_mode == "native":
            return draw
        verbs = [verb[:-1] for verb in env.grammar.verbs]
        verb = verbs[int(rng.integers(len(verbs)))]
        if verb == "move":
            return env.say_move(env.world.low[:4] + (draw[:4] + 1) / 2 * (env.world.high - env.world.low)[:4])
        numbers = tuple(round(float(x), 3) for x in rng.random(2)) if verb in ("pick", "place") else ()
        return env.grammar.format(Action(verb, numbers))

    return act


def _expert(noise: float) -> Callable[[ArmEnv, int], ScriptedPolicy]:
    def make(env: ArmEnv, seed: int) -> ScriptedPolicy:
        expert = env.kind.expert(1, np.random.default_rng(seed), noise)

        def act(observation: Observation, info: Mapping[str, Any]) -> Any:
            if not env.elapsed:
                expert.reset()
            words = env.words() if env.action_mode == "text" and not noise else None
            if words is not None:
                return words
            row = expert.act(env.kind.observe(env.world))[0]
            return row if env.action_mode == "native" else env.say(row)

        return act

    return make


POLICIES: dict[str, Callable[[ArmEnv, int], ScriptedPolicy]] = {
    "random": random,
    "oracle": _expert(0.0),
    "expert": _expert(1.0),
}
