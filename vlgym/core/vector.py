"""A native batch of environments of one family, in lock-step: what families share of `gymnasium.make_vec`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from vlgym.core.env import Observation, VlgymEnv

Infos = dict[str, Any]


class BatchEnv(VectorEnv[dict[str, Any], Any, NDArray[Any]]):
    """`num_envs` environments in lock-step; a family names its class and gives a reference to the batch in its row of
    `vlgym.registry`.

    Observations are a Dict of batches: texts as tuples of N strings, arrays as arrays [N, ...]. `infos` holds one
    array [N] per key and a mask under ``_key``, as Gymnasium's vector environments do; texts and tuples are object
    arrays.

    Autoreset is `AutoresetMode.SAME_STEP` unless chosen otherwise: when an episode ends, the step returns the first
    observation of the next one, and the true last observation and info stand in ``infos["final_obs"]`` and
    ``infos["final_info"]`` (object arrays). With "NextStep" the step after the last resets and ignores its action; with
    "Disabled" the caller resets finished environments by ``reset(options={"reset_mask": bool [N]})``.

    Args:
        num_envs: how many.
        autoreset_mode: "SameStep", "NextStep" or "Disabled", or the enum.
        kwargs: options of one environment.
    """

    env_class: ClassVar[type[VlgymEnv]]

    def __init__(self, num_envs: int = 1, *, autoreset_mode: str | AutoresetMode = "SameStep", **kwargs: Any) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}.")
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.env_class.metadata, "autoreset_mode": self.autoreset_mode}
        self.num_envs = num_envs
        first = self.env_class(**kwargs)
        self.single_observation_space, self.single_action_space = first.observation_space, first.action_space
        self.envs = [first, *(self.env_class(**kwargs) for _ in range(num_envs - 1))]
        for env in self.envs[1:]:
            env.observation_space, env.action_space = first.observation_space, first.action_space
        self.observation_space = batch_space(first.observation_space, num_envs)
        self.action_space = batch_space(first.action_space, num_envs)
        self.render_mode = first.render_mode
        self._ended = np.zeros(num_envs, bool)
        self._last: list[Observation] = []

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], Infos]:
        """Start new episodes.

        Args:
            seed: environment i gets ``seed + i``; or one seed each.
            options: as for one environment; "task" may be a sequence of N ids; "reset_mask" bool [N] limits the reset.
        """
        options = dict(options or {})
        mask = np.asarray(options.pop("reset_mask", np.ones(self.num_envs, bool)), bool)
        task = options.pop("task", None)
        tasks = [task] * self.num_envs if task is None or isinstance(task, str) else list(task)
        seeds = (
            [None if seed is None else seed + i for i in range(self.num_envs)]
            if not isinstance(seed, Sequence)
            else seed
        )
        if not len(tasks) == len(seeds) == len(mask) == self.num_envs:
            raise ValueError(f"Give one task, seed and mask entry for each of the {self.num_envs} environments.")
        if not self._last and not mask.all():
            raise ValueError("The first reset must start all environments; leave reset_mask away.")
        infos: list[Infos | None] = [None] * self.num_envs
        self._last = self._last or [{}] * self.num_envs
        for i in map(int, np.flatnonzero(mask)):
            chosen = options if tasks[i] is None else {**options, "task": tasks[i]}
            self._last[i], infos[i] = self.envs[i].reset(seed=seeds[i], options=chosen)
        self._ended[mask] = False
        return self._batch(self._last), _columns(infos)

    def step(
        self, actions: Sequence[Any]
    ) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Step every environment; see the class for what happens to those whose episode ends."""
        if len(actions) != self.num_envs:
            raise ValueError(f"Got {len(actions)} actions for {self.num_envs} environments.")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise ValueError("An episode has ended; reset it with options={'reset_mask': ...} before the next step.")
        rewards = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        infos: list[Infos | None] = [None] * self.num_envs
        final: list[tuple[Observation, Infos] | None] = [None] * self.num_envs
        for i, env in enumerate(self.envs):
            if self._ended[i]:  # NEXT_STEP: this step is the reset
                self._last[i], infos[i] = env.reset()
                continue
            self._last[i], rewards[i], terminated[i], truncated[i], info = env.step(actions[i])
            if self.autoreset_mode is AutoresetMode.SAME_STEP and (terminated[i] or truncated[i]):
                final[i] = (self._last[i], info)
                self._last[i], info = env.reset()
            infos[i] = info
        self._ended = (terminated | truncated) & (self.autoreset_mode is not AutoresetMode.SAME_STEP)
        columns = _columns(infos)
        if any(final):
            columns["final_obs"] = _objects([entry and entry[0] for entry in final])
            columns["final_info"] = _objects([entry and entry[1] for entry in final])
            columns["_final_obs"] = columns["_final_info"] = np.array([entry is not None for entry in final])
        return self._batch(self._last), rewards, terminated, truncated, columns

    def _batch(self, observations: Sequence[Observation]) -> dict[str, Any]:
        batch: dict[str, Any] = {}
        for key in observations[0]:
            column = [observation[key] for observation in observations]
            batch[key] = np.stack(column) if isinstance(column[0], np.ndarray) else tuple(column)
        return batch

    def render(self) -> tuple[Any, ...] | None:
        """Return one frame per environment, or None without a render mode."""
        return tuple(env.render() for env in self.envs) if self.render_mode else None

    def close_extras(self, **kwargs: Any) -> None:
        for env in self.envs:
            env.close()


def _objects(items: Sequence[Any]) -> NDArray[np.object_]:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _columns(infos: Sequence[Infos | None]) -> Infos:
    """Turn infos (None: not reset now) into arrays with masks; nested dictionaries become nested columns."""
    first = next((info for info in infos if info is not None), {})
    present = np.array([info is not None for info in infos])
    columns: Infos = {}
    for key, value in first.items():
        if isinstance(value, dict):
            columns[key] = _columns([None if info is None else info[key] for info in infos])
        elif isinstance(value, (bool, int, float)):
            columns[key] = np.array([type(value)() if info is None else info[key] for info in infos])
        else:
            columns[key] = _objects([None if info is None else info[key] for info in infos])
        columns[f"_{key}"] = present
    return columns
