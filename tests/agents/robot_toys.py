"""A peg and a slot in the plane, with the interface of a batch of arms: what the robot methods are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from vlgym.core.tasks import Task, TaskSet

ID = "robot_toys/Slot-v0"
SPEED, DEPTH, STEPS = 0.15, -0.3, 24


class Slot(VectorEnv):
    """Move the peg over the slot, then down into it; a peg beside the slot stands on the table at y = 0.

    State [N, 5]: x, y, slot, elapsed, ended. Observation [N, 4]: x, y, slot, x - slot. `fail_at`: a control step at
    which the machinery of environment 0 fails. `images`: a picture of peg and slot as well; `randomize`: on a table of
    the start's own colour. The peg's place is the robot's own, that of the slot is not.
    """

    proprio = 2

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}

    def __init__(
        self,
        num_envs: int = 1,
        width: float = 0.05,
        fail_at: int = -1,
        max_steps: int = STEPS,
        images: bool = False,
        randomize: str = "",
    ) -> None:
        self.images, self.randomize = images, randomize
        self.num_envs, self.width, self.fail_at, self.max_steps = num_envs, width, fail_at, max_steps
        self.single_observation_space = spaces.Box(-2, 2, (4,), np.float64)
        self.single_action_space = spaces.Box(-1, 1, (2,), np.float64)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        ids = {split: tuple(f"{split}-{k:03d}" for k in range(200)) for split in ("train", "dev", "test")}
        self.tasks = TaskSet(ids, lambda name: Task(name, "Put the peg into the slot.", name.partition("-")[0], 10, ()))
        self._random: list[Any] = [np.random.default_rng(k) for k in range(num_envs)]
        self._state = np.zeros((num_envs, 5))
        self.model_hash = f"slot-{width}"
        self.closed_by_us = False

    def reset(self, *, seed: Any = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        options = options or {}
        mask = np.asarray(options.get("reset_mask", np.ones(self.num_envs, bool)))
        chosen = options.get("task")
        names = [chosen] * self.num_envs if chosen is None or isinstance(chosen, str) else chosen
        for i in np.flatnonzero(mask):
            if seed is not None:
                self._random[i] = np.random.default_rng(seed + int(i))
            name = names[i] or f"train-{int(self._random[i].integers(200)):03d}"
            split, _, digits = name.partition("-")
            start = np.random.default_rng([len(split), int(digits)])
            self._state[i] = (start.uniform(-0.8, 0.8), 0.6, start.uniform(-0.5, 0.5), 0, 0)
        return self._look(), self._infos(np.zeros(self.num_envs, bool))

    def _look(self) -> np.ndarray:
        x, y, slot = self._state[:, :3].T
        state = np.stack((x, y, slot, x - slot), axis=1)
        return (
            {"state": state, "image": np.stack([self._picture(*row) for row in state[:, :3]])} if self.images else state
        )

    def _picture(self, x: float, y: float, slot: float) -> np.ndarray:
        """Return uint8 [32, 32, 3]: the peg red, the slot green."""
        table = int(127 * (1 + np.sin(1e4 * slot))) if self.randomize else 60
        picture = np.full((32, 32, 3), (table // 2, 0, table), np.uint8)
        for row, column, colour in ((y, x, (250, 0, 0)), (-0.9, slot, (0, 250, 0))):
            i, j = int((1 - row) / 2 * 28), int((column + 1) / 2 * 28)
            picture[max(i, 0) : i + 4, max(j, 0) : j + 4] = colour
        return picture

    def _infos(self, broken: np.ndarray) -> dict[str, Any]:
        done = self._state[:, 1] < DEPTH
        words = np.array(["the toy broke" if b else "" for b in broken], object)
        return {"is_success": done, "success": done, "score": done.astype(float), "env_error": words}

    def step(self, actions: np.ndarray) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        assert np.isfinite(actions).all()
        assert (np.abs(actions) <= 1).all()
        s = self._state
        moving = s[:, 4] == 0
        shift = np.clip(np.asarray(actions) - s[:, :2], -SPEED, SPEED)
        x, y = s[:, 0] + shift[:, 0], s[:, 1] + shift[:, 1]
        inside = np.abs(s[:, 0] - s[:, 2]) < self.width
        x = np.where(s[:, 1] < 0, s[:, 0], x)  # the slot's walls
        y = np.where((y < 0) & ~inside, np.maximum(y, 0.0), y)
        s[:, 0], s[:, 1] = np.where(moving, x, s[:, 0]), np.where(moving, y, s[:, 1])
        s[:, 3] += moving
        success = s[:, 1] < DEPTH
        broken = np.zeros(self.num_envs, bool)
        broken[0] = moving[0] and s[0, 3] == self.fail_at
        truncated = (~success & (s[:, 3] >= self.max_steps)) | broken
        s[:, 4] = success | truncated
        return self._look(), (moving & success).astype(float), success.copy(), truncated, self._infos(broken)

    def near_field(self, obs: Any) -> np.ndarray:
        obs = obs["state"] if isinstance(obs, dict) else obs
        return np.clip(obs[:, 3:] / self.width, -3, 3)

    def expert(self, rng: np.random.Generator) -> Any:
        return _Expert(rng)

    @property
    def states(self) -> np.ndarray:
        return self._state.copy()

    def set_states(self, states: np.ndarray, mask: Any = None) -> np.ndarray:
        self._state[:] = states
        return self._look()

    def render(self, i: int | None = None, width: int = 320, height: int = 240) -> Any:
        picture = np.full((height, width, 3), 230, np.uint8)
        x, y = self._state[i or 0, :2]
        row, column = int((1 - y) / 2 * (height - 9)), int((x + 1) / 2 * (width - 9))
        picture[max(row, 0) : row + 8, max(column, 0) : column + 8] = (200, 60, 40)
        return picture

    def close_extras(self, **kwargs: Any) -> None:
        self.closed_by_us = True


class _Expert:
    """Goes over the slot with a tremor, then down."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def reset(self, mask: Any = None) -> None:
        pass

    def act(self, obs: np.ndarray) -> np.ndarray:
        x = obs[:, 2] + 0.03 * self._rng.standard_normal(len(obs))
        return np.stack((x, np.where(np.abs(obs[:, 3]) < 0.04, obs[:, 1] - 0.15, 0.3)), axis=1).clip(-1, 1)


class Single(gymnasium.Env):
    """Only there so that the id has a single environment, whose options the command line reads."""

    def __init__(
        self, width: float = 0.05, fail_at: int = -1, randomize: str = "", render_mode: str | None = None
    ) -> None:
        self.width = width


if ID not in gymnasium.registry:
    gymnasium.register(ID, entry_point="robot_toys:Single", vector_entry_point="robot_toys:Slot")
