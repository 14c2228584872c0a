"""The batch of robots that the methods of this package act in, as they see it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator
from numpy.typing import NDArray

from vlgym.core.errors import VlgymError
from vlgym_agents.schema import OptionError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Arms(Protocol):
    """A native vector environment with autoreset "Disabled": an ended episode waits for ``reset_mask``.

    N environments, observations of D numbers (or a dict of `state` [N, D] and `image` uint8 [N, H, W, 3]), actions of A
    numbers in [-1, 1], simulator states of S numbers.
    """

    num_envs: int
    max_steps: int
    single_action_space: Any
    single_observation_space: Any
    tasks: Any

    @property
    def model_hash(self) -> str: ...
    @property
    def states(self) -> Array: ...
    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]: ...
    def step(self, actions: Array) -> tuple[Any, Array, Mask, Mask, dict[str, Any]]: ...
    def near_field(self, obs: Any) -> Array: ...
    def expert(self, rng: np.random.Generator) -> Any: ...
    def set_states(self, states: Array, mask: Mask | None = None) -> Any: ...
    def render(self, i: int | None = None, width: int = 320, height: int = 240) -> Any: ...
    def close(self) -> None: ...


NEEDED = ("near_field", "expert", "states", "set_states", "model_hash", "max_steps", "tasks")


def make_arms(env_id: str, num_envs: int, given: Mapping[str, Any], **more: Any) -> Arms:
    """Make `num_envs` robots of an id; `given` are the environment's options, `more` those the method sets.

    Raises:
        OptionError: the id has no native batch, or its options are wrong.
    """
    spec = gymnasium.spec(env_id.rpartition(":")[2])
    if spec.vector_entry_point is None:
        raise OptionError(
            f"{env_id} is no batch of robots, which this method learns in; choose one such as vlgym/PegInsert-v0."
        )
    try:
        entry = spec.vector_entry_point
        creator = load_env_creator(entry) if isinstance(entry, str) else entry
        known = inspect.signature(creator).parameters
        options = {**given, **{name: value for name, value in more.items() if name in known}}
        envs: Any = gymnasium.make_vec(
            env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **options
        ).unwrapped
    except (ValueError, TypeError) as error:
        if isinstance(error, VlgymError):
            raise
        raise OptionError(f"Cannot make {env_id}: {error}") from error
    missing = [name for name in NEEDED if not hasattr(envs, name)]
    if missing:
        envs.close()
        raise OptionError(
            f"{env_id} is no batch of robots, which this method learns in (it has no {missing[0]}); choose one such as "
            f"vlgym/PegInsert-v0."
        )
    arms: Arms = envs
    return arms


def own_numbers(arms: Arms) -> int:
    """Return how many numbers at the front of the state are the robot's own; raises OptionError if it does not say."""
    found = getattr(arms, "proprio", 0)
    if not found:
        raise OptionError("This robot does not say which numbers are its own; give their count with base.proprio.")
    return int(found)


def state_of(obs: Any) -> Array:
    """Return the state part [N, D] of observations."""
    found: Array = obs["state"] if isinstance(obs, Mapping) else obs
    return found


def errors_of(infos: Mapping[str, Any], count: int) -> Mask:
    """Return where the machinery failed, bool [N]."""
    return np.array([bool(text) for text in infos.get("env_error", [""] * count)])
