"""The reset/step template every family fills in: see the environment contract in docs/architecture.md."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from vlgym.core.actions import Action, Grammar
from vlgym.core.errors import ActionError, BackendError, TaskError, VlgymError, did_you_mean
from vlgym.core.tasks import Task, TaskSet

Observation = dict[str, Any]
ScriptedPolicy = Callable[[Observation, Mapping[str, Any]], str]
"""(observation, info) -> action text."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one action did to the world.

    Attributes:
        reward: reward of this step.
        terminated: the task ended (bought, answered, solved, failed for good).
        success: the task is solved now.
        score: in [0, 1], the task's own measure so far.
        extra: family-specific info entries; the same keys must come from `_start`.
    """

    reward: float = 0.0
    terminated: bool = False
    success: bool = False
    score: float = 0.0
    extra: Mapping[str, Any] = field(default_factory=dict)


class VlgymEnv(gym.Env[Observation, Any]):
    """Template: a family implements `_start`, `_act`, `_observe`, `_available` and the attributes below.

    Attributes:
        tasks: the TaskSet; `reset(options={"task": id})` picks one, `{"split": name}` draws one of a split.
        grammar: the language-side action grammar; `action_help` is its wording for a prompt.
        scripted: names of the scripted policies `scripted_policy(name)` can make; always has "random", and "oracle"
            where the family ships an expert.
    """

    tasks: TaskSet
    grammar: Grammar
    scripted: ClassVar[tuple[str, ...]] = ("random", "oracle")

    def __init__(self, *, max_steps: int, split: str | None = None, action_mode: str = "text") -> None:
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}.")
        if action_mode not in ("text", "native"):
            raise ValueError(f"Unknown action_mode {action_mode!r}; known: text, native.")
        self.max_steps = max_steps
        self.split = split
        self.action_mode = action_mode
        self.task: Task | None = None
        self._elapsed = 0

    # ------------------------------------------------------------------ filled in by the family

    @abstractmethod
    def _start(self, task: Task, seed: int) -> Outcome:
        """Put the world into the initial state of (task, seed); the same pair is always the same state."""

    @abstractmethod
    def _act(self, action: Action) -> Outcome:
        """Apply one parsed action; raise ActionError if it names nothing possible here (the state must not change)."""

    @abstractmethod
    def _observe(self) -> Observation:
        """Return the observation of the current state; keys and shapes exactly as in `observation_space`."""

    def _available(self) -> tuple[str, ...]:
        """Return action texts possible now, where enumerable; a free-text argument is written ``search[<words>]``."""
        return ()

    def _native(self, action: Any) -> Action:
        """Map an element of the native action space to an Action; raise ActionError where it has no meaning now."""
        raise NotImplementedError

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return a fresh scripted policy bound to this environment; raises ValueError for an unknown name."""
        raise ValueError(f"{type(self).__name__} has no scripted policy {name!r}; known: {', '.join(self.scripted)}.")

    def oracle_claims(self, task_id: str) -> bool:
        """Return whether the oracle promises success on a task within `max_steps`."""
        return "oracle" in self.scripted

    # ------------------------------------------------------------------ the contract

    @property
    def action_help(self) -> str:
        """The action grammar in words, for a prompt."""
        return self.grammar.help

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: seeds the task draw and the initial state; None continues the environment's own stream.
            options: ``{"task": id}`` picks a task, ``{"split": name}`` draws one from a split.

        Returns:
            (observation, info); info has the same keys as from `step`.

        Raises:
            TaskError: unknown task or split.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        task_id, split = options.pop("task", None), options.pop("split", self.split)
        if options:
            name = next(iter(options))
            near = did_you_mean(name, ("task", "split"))
            raise TaskError(f"Unknown reset option {name!r}; known: task, split.{near}")
        if task_id is None:
            ids = self.tasks.ids(split)
            task_id = ids[int(self.np_random.integers(len(ids)))]
        self.task = self.tasks[task_id]
        self._elapsed = 0
        state_seed = int(seed) if seed is not None else int(self.np_random.integers(2**31))
        try:
            outcome = self._start(self.task, state_seed)
            return self._observe(), self._info(outcome)
        except BackendError as error:
            return self._blank(), self._info(Outcome(), env_error=str(error))

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply one action (text, or an element of the native space).

        Bad action text changes nothing and is reported in ``info["error"]``; a failure of the machinery ends the
        episode with ``truncated=True`` and ``info["env_error"]``.
        """
        if self.task is None:
            raise VlgymError("step() was called before reset(); call reset() first.")
        self._elapsed += 1
        message: str | None = None
        try:
            try:
                parsed = self._native(action) if self.action_mode == "native" else self.grammar.parse(action)
                outcome = self._act(parsed)
            except ActionError as error:
                message = str(error)
                outcome = self._idle()
            observation = self._observe()
        except BackendError as error:
            return self._blank(), 0.0, False, True, self._info(Outcome(), env_error=str(error))
        truncated = not outcome.terminated and self._elapsed >= self.max_steps
        return observation, float(outcome.reward), outcome.terminated, truncated, self._info(outcome, error=message)

    def _idle(self) -> Outcome:
        """Outcome of an action that did nothing; families whose `extra` is not empty override it."""
        return Outcome()

    def _info(self, outcome: Outcome, *, error: str | None = None, env_error: str | None = None) -> dict[str, Any]:
        assert self.task is not None
        return {
            "task": self.task.id,
            "success": bool(outcome.success),
            "score": float(outcome.score),
            "action_valid": error is None and env_error is None,
            "error": error or "",
            "env_error": env_error or "",
            "available_actions": self._available() if env_error is None else (),
            **outcome.extra,
        }

    def _blank(self) -> Observation:
        """An observation of zeros and empty strings: what is left to show when the machinery failed."""
        blank: Observation = {}
        assert isinstance(self.observation_space, gym.spaces.Dict)
        for key, space in self.observation_space.spaces.items():
            blank[key] = np.zeros(space.shape, space.dtype) if isinstance(space, gym.spaces.Box) else ""
        return blank
