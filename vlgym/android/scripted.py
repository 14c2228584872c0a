"""Scripted policies: the templates' own solutions and near misses, and the random baseline."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vlgym.core.actions import Action
from vlgym.core.env import Observation, ScriptedPolicy

if TYPE_CHECKING:
    from vlgym.android.env import AndroidEnv


_TYPING = ("type", "submit", "replace")


def _plainly(env: AndroidEnv, text: str) -> list[str]:
    """Return an action as the plainest ones: what is typed into a field is a touch of the field, then the typing.

    Where elements have numbers it stays one action.
    """
    action = env.grammar.parse(text)
    if action.verb not in _TYPING or len(action.args) != 2 or env.obs_mode == "marks":
        return [text]
    words, field = action.args
    found = env.elements.find(str(field)) if isinstance(field, str) else env.elements.items[int(field)]
    typing = env.grammar.format(Action(action.verb, (words,)))
    if found is not None and found.editable and found.focused:
        return [typing]
    return [env.grammar.format(Action("click", (field,))), typing]


def _script(name: str) -> Callable[[AndroidEnv, int], ScriptedPolicy]:
    def make(env: AndroidEnv, seed: int) -> ScriptedPolicy:
        episode = -1
        running: Iterator[str] = iter(())
        ahead: list[str] = []

        def act(observation: Observation, info: Mapping[str, Any]) -> str:
            nonlocal episode, running, ahead
            if episode != env.episode:
                episode, running, ahead = env.episode, env.script(name), []
            if not ahead:
                ahead = _plainly(env, next(running, "done"))
            return env.say(ahead.pop(0))

        return act

    return make


def _random(env: AndroidEnv, seed: int) -> ScriptedPolicy:
    rng = random.Random(seed)

    def act(observation: Observation, info: Mapping[str, Any]) -> str:
        action = str(rng.choice(info["available_actions"]))
        if action.startswith("tap("):
            return f"tap({rng.random():.3f}, {rng.random():.3f})"
        return action.replace("<words>", rng.choice([*env.words, "hello", "42"]).replace('"', ""))

    return act


POLICIES: dict[str, Callable[[AndroidEnv, int], ScriptedPolicy]] = {
    "random": _random,
    "oracle": _script("solve"),
    "near_miss": _script("near_miss"),
}
