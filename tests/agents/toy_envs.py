"""Tiny environments with known optima for tests of the trainer. Free of torch: worker processes import this module."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from vlgym.core.actions import Action
from vlgym.core.env import Outcome, VlgymEnv
from vlgym.core.errors import ActionError, BackendError
from vlgym.core.tasks import Task, TaskSet

PAYOFF = (0.0, 0.1, 0.2, 0.0, 0.3, 1.0, 0.1, 0.2)
"""The bandit's arms; arm 5 is best."""


class PickGrammar:
    """``pick[k]`` with a digit k."""

    help = "pick[k] with a digit k"
    verbs = ("pick[",)

    def parse(self, text: str) -> Action:
        digit = text.removeprefix("pick[").removesuffix("]")
        if not (text.startswith("pick[") and text.endswith("]") and digit.isdigit() and len(digit) == 1):
            raise ActionError(f"{text[:40]!r} is no action; write pick[k] with a digit k.")
        return Action("pick", (int(digit),))

    def format(self, action: Action) -> str:
        return f"pick[{action.args[0]}]"


class ToyEnv(VlgymEnv):
    """Shared by the two: tasks, spaces, and accidents on request.

    Args:
        accident: "" or "error", "backend", "hang", "kill": what happens at a step while the file `fuse` exists (it is
            removed first, so an accident happens once).
        fuse: path of that file.
        delay: seconds a step takes.
    """

    scripted: ClassVar[tuple[str, ...]] = ("random", "oracle")
    tasks_n = 12

    def __init__(self, *, accident: str = "", fuse: str = "", delay: float = 0.0, image: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if accident not in ("", "error", "backend", "hang", "kill"):
            raise ValueError(f"No such accident: {accident}.")
        self.accident, self.fuse, self.delay, self.image = accident, fuse, delay, image
        self.grammar = PickGrammar()
        bounds = {"train": (0, 8), "dev": (8, 9), "test": (9, 12)}
        self.tasks = TaskSet({name: [f"t{i}" for i in range(*b)] for name, b in bounds.items()}, self._task)
        text = gym.spaces.Text(64)
        spaces: dict[str, gym.Space[Any]] = {"instruction": text, "text": text}
        if image:
            spaces["image"] = gym.spaces.Box(0, 255, (4, 4, 3), np.uint8)
        self.observation_space = gym.spaces.Dict(spaces)
        self.action_space = text

    def _task(self, task_id: str) -> Task:
        return Task(task_id, "pick well", "train", 1.0)

    def _start(self, task: Task, seed: int) -> Outcome:
        self.digits = np.random.default_rng([seed, int(task.id[1:])]).integers(4, size=2)
        self.turn = 0
        self.right = True
        return Outcome()

    def _observe(self) -> dict[str, Any]:
        seen = {"instruction": "pick well", "text": self.page()}
        return seen | ({"image": np.full((4, 4, 3), 16 * self._elapsed, np.uint8)} if self.image else {})

    def page(self) -> str:
        raise NotImplementedError

    def _act(self, action: Action) -> Outcome:
        time.sleep(self.delay)
        if self.accident and self._burn():
            if self.accident == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.accident == "hang":
                time.sleep(60)
            raise (BackendError if self.accident == "backend" else RuntimeError)("the toy broke")
        return self.judge(int(action.args[0]))

    def _burn(self) -> bool:
        """Remove the fuse; only one environment of all processes can."""
        try:
            Path(self.fuse).unlink()
        except FileNotFoundError:
            return False
        return True

    def judge(self, pick: int) -> Outcome:
        raise NotImplementedError


class Bandit(ToyEnv):
    """One turn, eight arms."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"max_steps": 1, **kwargs})

    def page(self) -> str:
        return "arms"

    def judge(self, pick: int) -> Outcome:
        payoff = PAYOFF[pick] if pick < len(PAYOFF) else 0.0
        return Outcome(payoff, True, payoff == 1.0, payoff)

    def scripted_policy(self, name: str, seed: int = 0):
        rng = np.random.default_rng(seed)
        return lambda observation, info: f"pick[{5 if name == 'oracle' else rng.integers(8)}]"


class TwoTurns(ToyEnv):
    """Two pages, a digit on each; reward only at the end, and only if both were picked."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"max_steps": 3, **kwargs})

    def page(self) -> str:
        return str(self.digits[min(self.turn, 1)])

    def judge(self, pick: int) -> Outcome:
        self.right &= pick == self.digits[self.turn]
        self.turn += 1
        won = self.turn == 2 and bool(self.right)
        return Outcome(float(won), self.turn == 2, won, float(won))

    def scripted_policy(self, name: str, seed: int = 0):
        rng = np.random.default_rng(seed)
        if name == "oracle":
            return lambda observation, info: f"pick[{observation['text']}]"
        return lambda observation, info: f"pick[{rng.integers(4)}]"


for _name, _class in (("Bandit", Bandit), ("TwoTurns", TwoTurns)):
    gym.register(f"toys/{_name}-v0", _class)
