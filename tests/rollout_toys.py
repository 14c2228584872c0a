"""A small environment that fails in the way it is told to, for the tests of `vlgym-rollout`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
from gymnasium import spaces

from vlgym.core.actions import Action
from vlgym.core.env import Observation, Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, BackendError
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task, TaskSet

IDS = tuple(f"task-{i}" for i in range(12))


class _Grammar:
    help = "go takes a step."
    verbs = ("go",)

    def parse(self, text: str) -> Action:
        if text != "go":
            raise ActionError(f"{text[:40]!r} is no action; write go.")
        return Action("go")

    def format(self, action: Action) -> str:
        return action.verb


class FrailEnv(VlgymEnv):
    """Three steps to the goal; the first second step of all processes fails by `mode`, the others if it is "always".

    `mark` is the file by which processes know that it has failed already. "stillborn": every process but the first dies
    at the start; "child": every environment keeps a process of its own, and nothing fails.
    """

    def __init__(self, mode: str, mark: str) -> None:
        super().__init__(max_steps=9)
        self.mode, self.mark, self.grammar = mode, Path(mark), _Grammar()
        self.tasks = TaskSet({"train": IDS[:4], "dev": IDS[4:8], "test": IDS[8:]}, self._build)
        self.action_space = TextSpace(16)
        self.observation_space = spaces.Dict({"instruction": TextSpace(64), "text": TextSpace(64)})
        self.child: subprocess.Popen[bytes] | None = None
        if mode == "stillborn" and not self._first():
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "child":
            self.child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    def _build(self, task_id: str) -> Task:
        return Task(task_id, "Go three times.", "test", 3.0)

    def _start(self, task: Task, seed: int) -> Outcome:
        self.at = 0
        return Outcome()

    def _first(self) -> bool:
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _act(self, action: Action) -> Outcome:
        self.at += 1
        if self.mode == "child":
            time.sleep(0.01)
        elif self.at == 2 and self.mode != "stillborn" and (self.mode == "always" or self._first()):
            self._fail()
        done = self.at == 3
        return Outcome(reward=float(done), terminated=done, success=done, score=float(done))

    def _fail(self) -> None:
        if self.mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.mode == "hang":
            time.sleep(3600)
        elif self.mode == "raise":
            raise OSError("boom")
        raise BackendError("the screen went dark; the next reset starts it again.")

    def _observe(self) -> Observation:
        return {"instruction": "Go three times.", "text": f"{self.at} of 3"}

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        return lambda observation, info: "go"

    def close(self) -> None:
        if self.child is not None:
            self.child.communicate()


gymnasium.register("Frail-v0", entry_point=FrailEnv)
