"""A sparse chain with checkpoints. Free of torch: worker processes import this module."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from toy_envs import ToyEnv

from vlgym.core.env import Outcome
from vlgym.core.tasks import Task

STAGES = "subgoal_toys:toys/Stages-v0"


class Stages(ToyEnv):
    """Pick the task's digits in order; a wrong pick changes nothing; reward 1 at the end only.

    Args:
        length: digits.
        spare: steps beyond the digits; 0: as many as digits.
        told: the page shows the digit wanted; otherwise only the checkpoints know it.
    """

    def __init__(self, *, length: int = 3, spare: int = 0, told: bool = True, **kwargs: Any):
        super().__init__(**{"max_steps": length + (spare or length), **kwargs})
        self.length, self.told = length, told

    def _task(self, task_id: str) -> Task:
        digits = np.random.default_rng(int(task_id[1:])).integers(4, size=self.length)
        names = tuple(str(digit) for digit in digits)
        return Task(task_id, "pick well", "train", float(self.length), names)

    def _start(self, task: Task, seed: int) -> Outcome:
        self.turn = 0
        return self._outcome()

    def _outcome(self, reward: float = 0.0) -> Outcome:
        names, done = self.task.checkpoints, self.turn == self.length
        noted = {"progress": (self.turn, self.length), "subgoal": "" if done else names[self.turn]}
        return Outcome(reward, done, done, self.turn / self.length, noted)

    def _idle(self) -> Outcome:
        return self._outcome()

    def page(self) -> str:
        return self.task.checkpoints[min(self.turn, self.length - 1)] if self.told else ""

    def judge(self, pick: int) -> Outcome:
        self.turn += str(pick) == self.task.checkpoints[self.turn]
        return self._outcome(float(self.turn == self.length))

    def scripted_policy(self, name: str, seed: int = 0):
        rng = np.random.default_rng(seed)
        if name == "oracle":
            return lambda observation, info: f"pick[{info['subgoal']}]"
        return lambda observation, info: f"pick[{rng.integers(4)}]"


gym.register("toys/Stages-v0", Stages)
