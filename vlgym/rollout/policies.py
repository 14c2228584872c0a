"""Who plays: a scripted policy of the environment, a folder that another package can load, or an endpoint.

A package that can play from a folder (a training run, a model) says so by an entry point of the group `vlgym.policies`
that names a function

    load(folder: str, env) -> Player | None

which returns None for a folder that is not its own. vlgym itself knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from vlgym.core.env import Observation
from vlgym.core.errors import MissingDependencyError, UnknownNameError, did_you_mean
from vlgym.rollout.endpoint import Endpoint, EndpointOptions
from vlgym.rollout.episode import Act, Move, Player, PolicyError, Request

GROUP = "vlgym.policies"


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy by name, made in the process that plays it.

    Attributes:
        name: a scripted policy ("random", "oracle", ...), a folder, or the address of an endpoint.
        endpoint: how to talk to an endpoint.
    """

    name: str
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)

    @property
    def is_endpoint(self) -> bool:
        """Whether the name is an address."""
        return self.name.startswith(("http://", "https://"))

    def check(self, scripts: tuple[str, ...]) -> None:
        """Refuse what cannot be a policy before any process is started.

        Raises:
            UnknownNameError: neither a scripted policy nor a folder nor an address.
            PolicyError: an endpoint without a model.
        """
        if self.is_endpoint:
            if not self.endpoint.model:
                raise PolicyError(f"The endpoint {self.name} needs the name of a model: give --model.")
        elif self.name not in scripts and not Path(self.name).is_dir():
            raise UnknownNameError(
                f"Unknown policy {self.name!r}.{did_you_mean(self.name, scripts)} Give one of the environment's "
                f"({', '.join(scripts)}), a run folder, or an address such as http://localhost:8000/v1."
            )

    def bind(self, env: Any) -> Player:
        """Return the policy for an environment.

        Raises:
            PolicyError: no package loads this folder.  MissingDependencyError: the one that would lacks a package.
        """
        if self.is_endpoint:
            if env.unwrapped.action_mode == "native":
                raise PolicyError(
                    "An endpoint acts by words, this environment takes numbers: --set env.action_mode=text."
                )
            return Endpoint(self.name, self.endpoint, env).play
        if self.name in env.unwrapped.scripted:
            return _scripted(env.unwrapped, self.name)
        return _folder(self.name, env)


def _scripted(env: Any, name: str) -> Player:
    def player(request: Request) -> Act:
        policy = env.scripted_policy(name, request.seed)

        def act(observation: Observation, info: Any) -> Move:
            action = policy(observation, info)
            if isinstance(action, str) and env.action_mode == "native":
                raise PolicyError(f"{name!r} acts by words here: leave away --set env.action_mode=native.")
            return Move(action)

        return act

    return player


def _folder(folder: str, env: Any) -> Player:
    for point in entry_points(group=GROUP):
        try:
            player: Player | None = point.load()(folder, env)
        except ImportError as error:
            if isinstance(error, MissingDependencyError):
                raise
            raise PolicyError(f"The policies of {point.value!r} cannot be loaded: {error}") from error
        if player is not None:
            return player
    raise PolicyError(f"No installed package plays from the folder {folder!r}; is it a run folder of vlgym-train?")
