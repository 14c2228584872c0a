"""Lessons in finding a name on pictures of an environment's own screens: "tap <name>", any place in the element counts.

Imitation of whole episodes learns where things are and forgets to read what they say; rehearsed beside it, these
lessons keep the reading. Source: ours.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym_agents.policies.nano.policy import NanoPolicy
from vlgym_agents.policy import Sampling
from vlgym_agents.pool import EnvSpec
from vlgym_agents.types import Ids, Row

_SAMPLING = Sampling(max_tokens=32)
_TAP = ("tap(<x>, <y>)",)
_ASKS = ("tap {}", "open {}", "touch {}", "{}", "turn {} on", "choose {} now", "find the {} here")
_NAME = range(3, 40)
"""Characters of a name that is asked for."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """A screen and what can be asked for on it.

    Attributes:
        image: uint8 [H, W, 3].
        names: written names that occur once -> bounds (left, top, right, bottom) as fractions of the screen.
    """

    image: NDArray[np.uint8]
    names: tuple[tuple[str, Box], ...]


def screens(env_id: str, env_kwargs: Mapping[str, Any], episodes: int, seed: int) -> list[Screen]:
    """Return the screens of the oracle's episodes on tasks of the training split.

    Args:
        env_id, env_kwargs: of an environment with pictures that knows its `elements`, such as the phone.
        episodes: how many.
        seed: of the tasks' choice and of the initial states.

    Raises:
        ValueError: the environment has no elements or no pictures.
    """
    found: list[Screen] = []
    with contextlib.closing(EnvSpec(env_id, dict(env_kwargs)).make()) as env:
        phone, rng = env.unwrapped, random.Random(seed)
        observation, info = phone.reset(seed=seed)
        if not hasattr(phone, "elements") or "image" not in observation:
            raise ValueError(f"{env_id} shows no pictures with known elements; leave out --ground.")
        train = phone.tasks.ids("train")
        for episode in range(episodes):
            observation, info = phone.reset(seed=seed + episode, options={"task": rng.choice(train)})
            oracle, over = phone.scripted_policy("oracle"), False
            while not over:
                names = written(phone.elements.touchables)
                if names:
                    found.append(Screen(observation["image"].copy(), names))
                observation, _, terminated, truncated, info = phone.step(oracle(observation, info))
                over = terminated or truncated
    return found


def written(elements: Any) -> tuple[tuple[str, Box], ...]:
    """Return the names that are written on the screen, once each, and the bounds of what they name."""
    places: dict[str, list[Box]] = {}
    for element in elements:
        name = element.words[0].split("\n")[0] if element.words else ""
        if len(name) in _NAME and name != element.description:  # a description is heard, not seen
            places.setdefault(name, []).append(element.bounds)
    return tuple((name, boxes[0]) for name, boxes in places.items() if len(boxes) == 1)


class Lessons:
    """Draws lessons on screens.

    Args:
        policy: it is asked.
        screens: not empty.
        seed: of the draws.
    """

    def __init__(self, policy: NanoPolicy, screens: list[Screen], seed: int) -> None:
        self._policy, self._screens, self._rng = policy, screens, random.Random(seed)

    def draw(self) -> tuple[Row, Ids]:
        """Return one lesson: a row with one tap, and the ids of all taps that hit what is asked for."""
        config = self._policy.config
        while True:
            screen = self._rng.choice(self._screens)
            name, (left, top, right, bottom) = self._rng.choice(screen.names)
            ask = self._rng.choice(_ASKS).format(name if self._rng.random() < 0.5 else name.lower())
            observation = {"instruction": ask, "image": screen.image}
            chunk = self._policy.encode(observation, {"available_actions": _TAP}, first=True)
            before = chunk.extra["n_words"] + chunk.extra["n_elements"]
            points = np.array([[float(part) for part in point.split(",")] for point in chunk.extra["points"][before:]])
            x, y = points.T
            inside = np.flatnonzero((x >= left) & (x < right) & (y >= top) & (y < bottom))
            if len(inside):
                ids = self._policy.demonstrate((chunk,), f"tap({x[inside[0]]}, {y[inside[0]]})")
                return Row((chunk,), (ids,), (True,)), (config.vocab_size + before + inside).astype(np.int32)

    def loss(self, count: int) -> torch.Tensor:
        """Return the mean over `count` lessons of -log of the probability to hit."""
        rows, hits = zip(*(self.draw() for _ in range(count)))
        return -self._policy.mass(rows, hits, _SAMPLING).mean()


def practise(policy: NanoPolicy, lessons: Lessons, steps: int, *, count: int = 32, lr: float = 5e-4) -> float:
    """Train in place on lessons alone; return the mean loss of the last ten steps, NaN for no steps."""
    parameters = list(policy.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.98))
    losses: list[float] = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = lr * min((step + 1) / 20, 1.0) * max(1.0 - step / steps, 0.05)
        loss = lessons.loss(count)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
    return float(np.mean(losses[-10:])) if losses else float("nan")
