"""Tasks whose optimum is known and that are hard in one way alone: for trying a method, in seconds.

    vlgym-train --env vlgym_agents.sanity:sanity/Credit-v0 --model tabular --algo grpo   # hard: credit under noise
    vlgym-train --env vlgym_agents.sanity:sanity/Chain-v0 --model tabular --algo arpo    # hard: success is rare

Free of torch: worker processes import this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np

from vlgym.core.actions import Action
from vlgym.core.env import Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, TaskError, did_you_mean
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task, TaskSet

ROOMS, DOORS = 4, 8


class PickGrammar:
    """``pick[k]`` with a digit k."""

    help = "pick[k] with a digit k"
    verbs: tuple[str, ...] = ("pick[",)

    def parse(self, text: str) -> Action:
        """Return the pick; raises ActionError."""
        found = re.fullmatch(r"pick\[([0-9])\]", text) if isinstance(text, str) else None
        if found is None:
            raise ActionError(f"{str(text)[:40]!r} is no action; write pick[k] with a digit k.")
        return Action("pick", (int(found[1]),))

    def format(self, action: Action) -> str:
        """Return the text of a pick."""
        return f"pick[{action.args[0]}]"


class Credit(VlgymEnv):
    """The first pick decides what the last turn pays; everything in between is noise.

    Task: a hall has a number 0-3, and one of its eight doors leads to gold. The page after the first pick tells gold
        from dust; the picks after it change nothing that matters.
    Reward: 1 at the last turn if the first door was right. Beside it every turn after the first pays a random sum of
        mean 0, which depends on the seed and on all picks so far: members of a group are paid different sums.
    Ends: after `turns` picks. Success and score say whether the first door was right, free of noise.
    Optimum: success 1, mean return 1; the random policy has success 1/8.
    Source: ours.
    """

    def __init__(
        self,
        *,
        turns: int = 2,
        noise: float = 2.0,
        max_steps: int = 0,
        split: str | None = None,
        action_mode: str = "text",
    ) -> None:
        """Make the environment.

        Args:
            turns: picks of an episode, at least 2.
            noise: standard deviation of the random sum of a turn, at least 0.
            max_steps: steps after which an episode is cut, refused picks included; 0: twice the picks.
            split: of the tasks drawn by `reset`.
            action_mode: "text", or "native": `Discrete(8)`.
        """
        if turns < 2 or noise < 0:
            raise ValueError(f"turns must be at least 2 and noise at least 0, got {turns} and {noise}.")
        super().__init__(max_steps=max_steps or 2 * turns, split=split, action_mode=action_mode)
        self.turns, self.noise = turns, noise
        self.grammar = PickGrammar()
        splits = {name: [f"{name}-hall-{i}" for i in range(ROOMS)] for name in ("train", "dev", "test")}
        self.tasks = TaskSet(splits, lambda task: self._task(splits, task))
        text = TextSpace(64)
        self.observation_space = gym.spaces.Dict({"instruction": text, "text": text})
        self.action_space = text if action_mode == "text" else gym.spaces.Discrete(DOORS)

    def _task(self, splits: Mapping[str, Sequence[str]], task_id: str) -> Task:
        """Return a task: the halls are the same in every split, as there is nothing to generalise over."""
        for split, ids in splits.items():
            if task_id in ids:
                return Task(task_id, "find the gold", split, 1.0)
        known = [one for ids in splits.values() for one in ids]
        raise TaskError(f"Unknown task {task_id!r}.{did_you_mean(task_id, known)}")

    @property
    def right(self) -> int:
        """The door that leads to gold."""
        return (3 * self._hall + 1) % DOORS

    def _start(self, task: Task, seed: int) -> Outcome:
        self._hall, self._seed = int(task.id[-1]), seed
        self._picks: list[int] = []
        return Outcome()

    def _observe(self) -> dict[str, Any]:
        done = len(self._picks)
        page = (
            f"{'gold' if self._picks[0] == self.right else 'dust'}, corridor {done}" if done else f"hall {self._hall}"
        )
        return {"instruction": "find the gold", "text": page}

    def _act(self, action: Action) -> Outcome:
        pick = int(action.args[0])
        if pick >= DOORS:
            raise ActionError(f"There is no door {pick}; the doors are 0 to {DOORS - 1}.")
        self._picks.append(pick)
        done, gold = len(self._picks), self._picks[0] == self.right
        reward = 0.0
        if done > 1:
            luck = np.random.Generator(np.random.Philox(np.random.SeedSequence([self._seed, *self._picks])))
            reward = float(self.noise * luck.standard_normal()) + float(gold and done == self.turns)
        return Outcome(reward, done == self.turns, gold, float(gold))

    def _available(self) -> tuple[str, ...]:
        return tuple(f"pick[{k}]" for k in range(DOORS))

    def _native(self, action: Any) -> Action:
        return Action("pick", (int(action),))

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return "random" or "oracle", which takes the right door."""
        rng = np.random.default_rng(seed)
        if name == "oracle":
            return lambda observation, info: f"pick[{self.right}]"
        if name == "random":
            return lambda observation, info: f"pick[{rng.integers(DOORS)}]"
        return super().scripted_policy(name, seed)


class Chain(Credit):
    """Every pick has to be right, and only the end tells.

    Task: each of four halls wants its own sequence of doors; the page says how far one has come, not whether the picks
        so far were right. Shorter tasks want the beginning of the same sequence.
    Reward: 1 at the last turn if all were. No noise.
    Ends: after as many picks as the task wants, `turns` at most.
    Info: `progress`, the right picks before the first wrong one, of how many: a checkpoint each.
    Optimum: success 1; the random policy has success `doors` ** -`turns`.
    Source: ours.
    """

    def __init__(self, *, turns: int = 4, doors: int = 3, shortest: int = 0, **others: Any) -> None:
        """Make the environment.

        Args:
            turns: picks of the longest task.
            doors: to choose from, 2 to 8.
            shortest: picks of the shortest task; there is one of every length up to `turns`. 0: all are of `turns`.
            others: as for `Credit`, but noise.
        """
        if not 2 <= doors <= DOORS:
            raise ValueError(f"doors must be from 2 to {DOORS}, got {doors}.")
        if not 0 <= shortest <= turns:
            raise ValueError(f"shortest must be from 0 to turns, {turns}, got {shortest}.")
        super().__init__(turns=turns, noise=0.0, **others)
        self.doors, self._length = doors, turns
        if shortest:
            ids = [f"{n:02d}-hall-{i}" for n in range(shortest, turns + 1) for i in range(ROOMS)]
            splits = {name: [f"{name}-{one}" for one in ids] for name in ("train", "dev", "test")}
            self.tasks = TaskSet(splits, lambda task: self._task(splits, task))

    @property
    def right(self) -> int:
        """The right door of this turn."""
        return (self._hall + 2 * len(self._picks) + len(self._picks) ** 2 // 2) % self.doors

    def _task(self, splits: Mapping[str, Sequence[str]], task_id: str) -> Task:
        task = super()._task(splits, task_id)
        length = int(task_id.split("-")[1]) if task_id.count("-") == 3 else self.turns
        names = tuple(f"corridor {turn + 1}" for turn in range(length))
        return replace(task, difficulty=float(length), checkpoints=names)

    def _start(self, task: Task, seed: int) -> Outcome:
        self._lost, self._climbed, self._length = False, 0, int(task.difficulty)
        super()._start(task, seed)
        return self._idle()

    def _idle(self) -> Outcome:
        return Outcome(extra={"progress": (self._climbed, self._length)})

    def _observe(self) -> dict[str, Any]:
        return {"instruction": "find the gold", "text": f"hall {self._hall}, corridor {len(self._picks)}"}

    def _act(self, action: Action) -> Outcome:
        pick = int(action.args[0])
        if pick >= self.doors:
            raise ActionError(f"There is no door {pick}; the doors are 0 to {self.doors - 1}.")
        self._lost |= pick != self.right
        self._climbed += not self._lost
        self._picks.append(pick)
        done, won = len(self._picks) == self._length, self._climbed == self._length
        return Outcome(float(won), done, won, float(won), self._idle().extra)

    def _available(self) -> tuple[str, ...]:
        return tuple(f"pick[{k}]" for k in range(self.doors))

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return "random" or "oracle", which takes the right doors."""
        rng = np.random.default_rng(seed)
        if name == "random":
            return lambda observation, info: f"pick[{rng.integers(self.doors)}]"
        return super().scripted_policy(name, seed)


gym.register("sanity/Credit-v0", "vlgym_agents.sanity:Credit")
gym.register("sanity/Chain-v0", "vlgym_agents.sanity:Chain")
