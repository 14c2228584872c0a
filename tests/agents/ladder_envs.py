"""A ladder of lengths with checkpoints: a task of length n shows n digits, one a page; a wrong one ends the episode."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from toy_envs import ToyEnv

from vlgym.core.actions import Action
from vlgym.core.env import Outcome
from vlgym.core.tasks import Task, TaskSet

LENGTHS = (1, 2, 3, 4, 5, 8, 9, 12)


class Ladder(ToyEnv):
    """Pick each page's digit; reward 1 at the top. Every page climbed is a checkpoint."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"max_steps": 12, **kwargs})
        names = [f"n{length}" for length in LENGTHS]
        self.tasks = TaskSet(dict.fromkeys(("train", "dev", "test"), names), self._task)

    def _task(self, task_id: str) -> Task:
        length = int(task_id[1:])
        return Task(task_id, "climb", "train", length, tuple(f"page {k}" for k in range(length)))

    def _start(self, task: Task, seed: int) -> Outcome:
        self.length = int(task.difficulty)
        self.digits = np.random.default_rng([seed, self.length]).integers(3, size=self.length)
        self.turn = 0
        return self._idle()

    def _idle(self) -> Outcome:
        return Outcome(extra={"progress": (self.turn, self.length)})

    def page(self) -> str:
        return str(self.digits[min(self.turn, self.length - 1)])

    def _act(self, action: Action) -> Outcome:
        if int(action.args[0]) != self.digits[self.turn]:
            return Outcome(terminated=True, extra={"progress": (self.turn, self.length)})
        self.turn += 1
        won = self.turn == self.length
        return Outcome(float(won), won, won, float(won), {"progress": (self.turn, self.length)})


gym.register("toys/Ladder-v0", Ladder)
