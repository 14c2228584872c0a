"""One episode: what is asked for, how it is played and what is kept of it."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from vlgym.core.env import Observation
from vlgym.core.episodes import absorb
from vlgym.core.errors import MissingDependencyError, VlgymError


class PolicyError(VlgymError, RuntimeError):
    """The policy cannot act (no answer from its server, no such model): the run ends, the agent is not to blame."""


class Move(NamedTuple):
    """What a policy answers to an observation: an action, and the words it was read from, if any.

    The action is a text, or of the native space where the environment was made with ``action_mode="native"``.
    """

    action: Any
    words: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """An episode to play.

    Attributes:
        index: its place in the schedule.
        task: task id.  seed: of the initial state.
        plan: seed of the schedule; with `index` it names the randomness of a policy.
        record: keep what was seen and said, for the report.
    """

    index: int
    task: str
    seed: int
    plan: int = 0
    record: bool = False


Act = Callable[[Observation, Mapping[str, Any]], Move]
"""A policy in one episode: called with every observation and info but the last."""

Player = Callable[[Request], Act]
"""A policy bound to an environment: makes the `Act` of one episode."""


@dataclass(slots=True)
class Turn:
    """An observation and the action taken there. `image` is a PNG file; "" and b"" where there was no such thing."""

    text: str
    image: bytes
    action: str
    words: str
    reward: float
    error: str


@dataclass(slots=True)
class Episode:
    """A played episode; one with `env_error` was spoilt by the machinery and says nothing about the policy.

    Attributes:
        index, task, seed: of its request.
        success, score: the environment's verdict, score in [0, 1].
        reward: sum over the episode (the return).
        steps: actions taken.  invalid: how many of them the environment refused.
        terminated, truncated: how it ended.
        env_error: what failed and how to mend it; "" if nothing did.
        seconds: wall time.
        observation_hash: SHA-256 over its observations (see `vlgym.core.episodes.absorb`).
        instruction, turns: kept where the request asked for a record.
    """

    index: int
    task: str
    seed: int
    success: bool = False
    score: float = 0.0
    reward: float = 0.0
    steps: int = 0
    invalid: int = 0
    terminated: bool = False
    truncated: bool = False
    env_error: str = ""
    seconds: float = 0.0
    observation_hash: str = ""
    instruction: str = ""
    turns: list[Turn] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the episode's line: everything but the record."""
        kept = {name: getattr(self, name) for name in self.__slots__ if name not in ("instruction", "turns", "reward")}
        return {"kind": "episode", **kept, "return": self.reward, "seconds": round(self.seconds, 3)}


def play(env: Any, player: Player, request: Request, beat: Callable[[], None]) -> Episode:
    """Play one episode; whatever the environment raises becomes `env_error`.

    Args:
        env: a Gymnasium environment that keeps the contract of docs/architecture.md.
        player: the policy.
        request: the episode.
        beat: called after the reset and after every step, a sign of life.

    Raises:
        PolicyError: the policy cannot act.
        MissingDependencyError: a package or program is absent, so no episode can be played.
    """
    started, episode = time.perf_counter(), Episode(request.index, request.task, request.seed)
    try:
        _play(env, player, request, episode, beat)
    except (PolicyError, MissingDependencyError):
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = "" if isinstance(error, VlgymError) else f" ({type(error).__name__} at {where.name}:{where.lineno})"
        episode.env_error = f"{error or 'the environment failed'}{place}"
    episode.seconds = time.perf_counter() - started
    return episode


def _play(env: Any, player: Player, request: Request, episode: Episode, beat: Callable[[], None]) -> None:
    digest = hashlib.sha256()
    observation, info = env.reset(seed=request.seed, options={"task": request.task})
    act = player(request)
    episode.instruction = str(_by_key(observation).get("instruction", ""))
    while not info.get("env_error"):
        beat()
        absorb(digest, _by_key(observation))
        episode.observation_hash = digest.hexdigest()
        if episode.terminated or episode.truncated:
            return
        before, move = observation, act(observation, info)
        observation, reward, episode.terminated, episode.truncated, info = env.step(move.action)
        episode.steps += 1
        episode.invalid += not info.get("action_valid", True)
        episode.reward += float(reward)
        episode.success, episode.score = bool(info.get("success")), float(info.get("score", 0.0))
        if request.record:
            episode.turns.append(_turn(_by_key(before), move, float(reward), info))
    episode.env_error = str(info["env_error"])


def _by_key(observation: Any) -> Mapping[str, Any]:
    """Return an observation by key; the native side of some environments gives a bare array."""
    return observation if isinstance(observation, Mapping) else {"observation": observation}


def _turn(observation: Mapping[str, Any], move: Move, reward: float, info: Mapping[str, Any]) -> Turn:
    from vlgym.play import png

    image = observation.get("image")
    picture = png(image) if isinstance(image, np.ndarray) else b""
    return Turn(
        str(observation.get("text", "")), picture, str(move.action), move.words, reward, str(info.get("error") or "")
    )
