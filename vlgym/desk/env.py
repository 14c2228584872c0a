"""`vlgym/Desk-v0`: a small desktop on which settings are to be changed and saved. Synthetic, endless, fast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vlgym.core.actions import Action
from vlgym.core.env import Observation, Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, VlgymError, did_you_mean
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task
from vlgym.desk.goals import Goal
from vlgym.desk.grammar import DeskGrammar
from vlgym.desk.oracle import Step, plan
from vlgym.desk.screen import Screen
from vlgym.desk.scripted import POLICIES
from vlgym.desk.state import SIZE as STATE_SIZE
from vlgym.desk.state import as_vector
from vlgym.desk.tasks import LONGEST, task_set
from vlgym.desk.world import Desk

OBS_MODES = ("text", "image", "both", "state")
CLICKS, TEXTS = 16, 4
"""Native actions: click one of so many elements, type one of so many texts of the instruction."""


class DeskEnv(VlgymEnv):
    """Change what the instruction names, save each window, touch nothing else.

    Task: open windows, go to pages, switch toggles, pick from lists, write in text fields, save; 1 to 15 steps.
    Instruction: "In Settings: Display, turn Dark mode on; Sound, set Output to Speaker; save."
    Actions: ``click[label]``, ``type("text")``, ``tap(x, y)``; a wrong one changes nothing. ``native``: `Discrete(20)`,
        i < 16 clicks the i-th element of the screen, 16 + j types the j-th quoted text of the instruction.
    Observation: Dict of `instruction` and, by `obs_mode`, `text` (the screen's elements) and `image` (uint8 [H, W, 3]);
        or of `state` alone (float32 [S] in [-1, 1]; goal included), for agents that do not read.
    Reward: 1 for the save that completes the task, else 0.
    Ends: terminated when all is saved, or by saving a window that is not as wanted; truncated after `max_steps`.
    Info: `progress` (checkpoints reached, of how many), `subgoal` (what to do next, in words; "" at the end); `score`
        is the share of checkpoints reached.
    Source: ours.

    Args:
        lengths: (shortest, longest) solution of the tasks, in steps, 1 to 15.
        obs_mode: "text", "image", "both" or "state".
        action_mode: "text" or "native".
        max_steps: steps of an episode; 0: the longest solution and 5 more.
        split: split that `reset` draws from; None draws from all tasks.
        width: of the image in pixels, at least 192.
        height: of the image in pixels, at least 192.
        render_mode: None or "rgb_array".
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}
    scripted: ClassVar[tuple[str, ...]] = tuple(POLICIES)

    def __init__(
        self,
        lengths: Sequence[int] = (1, LONGEST),
        obs_mode: str = "text",
        action_mode: str = "text",
        max_steps: int = 0,
        split: str | None = None,
        *,
        width: int = 256,
        height: int = 256,
        render_mode: str | None = None,
    ) -> None:
        lengths = tuple(lengths)
        if len(lengths) != 2 or not 1 <= lengths[0] <= lengths[1] <= LONGEST:
            raise ValueError(f"lengths must be (shortest, longest) within 1 and {LONGEST}, got {lengths}.")
        super().__init__(max_steps=max_steps or lengths[1] + 5, split=split, action_mode=action_mode)
        _check("obs_mode", obs_mode, OBS_MODES)
        if render_mode is not None:
            _check("render_mode", render_mode, ("rgb_array",))
        self.obs_mode, self.render_mode = obs_mode, render_mode
        self.tasks = task_set(range(lengths[0], lengths[1] + 1))
        if split is not None:
            self.tasks.ids(split)  # an unknown split is an error now, not at the first reset
        self.grammar = DeskGrammar()
        self._screen = Screen(width, height)
        self.action_space = spaces.Discrete(CLICKS + TEXTS) if action_mode == "native" else TextSpace(4096)
        self.observation_space = self._make_space()

    def _make_space(self) -> spaces.Dict:
        if self.obs_mode == "state":
            return spaces.Dict({"state": spaces.Box(-1, 1, (STATE_SIZE,), np.float32)})
        found: dict[str, spaces.Space[Any]] = {"instruction": TextSpace(1024)}
        if self.obs_mode != "image":
            found["text"] = TextSpace(2048)
        if self.obs_mode != "text":
            found["image"] = spaces.Box(0, 255, self._screen.shape, np.uint8)
        return spaces.Dict(found)

    # ------------------------------------------------------------------ the template's parts

    def _start(self, task: Task, seed: int) -> Outcome:
        self._goal: Goal = task.data
        self._desk = self._goal.start()
        self._reached, self._failed, self._solved = 0, False, False
        return self._outcome()

    def _act(self, action: Action) -> Outcome:
        desk, argument = self._desk, action.args[0]
        saved = len(desk.saved)
        if action.verb == "type":
            desk.type(str(argument))
        elif action.verb == "tap":
            x, y = map(float, action.args)
            desk.click(self._screen.at(desk.view, x, y))
        else:
            desk.click(desk.view.find(str(argument)))
        self._failed |= len(desk.saved) > saved and not self._goal.met_by(desk)
        return self._outcome()

    def _idle(self) -> Outcome:
        return self._outcome()

    def _outcome(self) -> Outcome:
        """Judge the state: what is reached is read off the plan for what is left."""
        assert self.task is not None
        goal, desk, before = self._goal, self._desk, self._solved
        self._solved = not self._failed and len(desk.saved) == len(goal.apps)
        left = [] if self._failed else self.plan()
        total = len(self.task.checkpoints)
        if not self._failed:
            ahead = {step.subgoal for step in left}
            self._reached = max(self._reached, sum(name not in ahead for name in self.task.checkpoints))
        return Outcome(
            reward=float(self._solved and not before),
            terminated=self._solved or self._failed,
            success=self._solved,
            score=self._reached / total,
            extra={"progress": (self._reached, total), "subgoal": left[0].subgoal if left else ""},
        )

    def _observe(self) -> Observation:
        assert self.task is not None
        if self.obs_mode == "state":
            return {"state": as_vector(self._desk, self._goal)}
        view = self._desk.view
        observation: Observation = {"instruction": self.task.instruction}
        if self.obs_mode != "image":
            observation["text"] = view.text
        if self.obs_mode != "text":
            observation["image"] = self._screen.draw(view)
        return observation

    def _available(self) -> tuple[str, ...]:
        found = () if self.obs_mode == "image" else self._desk.view.clicks
        if self._desk.awaits == "entry":
            found += ('type("<words>")',)
        if self.obs_mode in ("image", "both"):
            found += ("tap(<x>, <y>)",)
        return found

    def _native(self, action: Any) -> Action:
        number = int(action) if self.action_space.contains(action) else -1
        if number < 0:
            raise ActionError(f"A native action is a number from 0 to {CLICKS + TEXTS - 1}, got {str(action)[:40]!r}.")
        labels, texts = [element.label for element in self._desk.view.elements], self._goal.texts
        if number < CLICKS and number >= len(labels):
            raise ActionError(f"Action {number} clicks nothing: this screen has {len(labels)} elements.")
        if number - CLICKS >= len(texts):
            raise ActionError(f"Action {number} types nothing: the instruction has {len(texts)} texts.")
        return Action("click", (labels[number],)) if number < CLICKS else Action("type", (texts[number - CLICKS],))

    # ------------------------------------------------------------------ the expert, snapshots, pictures

    def plan(self) -> list[Step]:
        """Return the steps that are left to the solution, from the current state."""
        return plan(self._desk, self._goal)

    def say(self, step: Step) -> str:
        """Return the action text of a step of the plan, for the current screen: a tap if there is only an image."""
        if step.verb == "click" and self.obs_mode == "image":
            x, y = self._screen.aim(self._desk.view, step.argument)
            return self.grammar.format(Action("tap", (x, y)))
        label = self._desk.view.find(step.argument).label if step.verb == "click" else step.argument
        return self.grammar.format(Action(step.verb, (label,)))

    def oracle_claims(self, task_id: str) -> bool:
        """Return whether the oracle promises success on a task: if there are steps enough."""
        return self.tasks[task_id].difficulty <= self.max_steps

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return a fresh policy: "random" (any available action) or "oracle"."""
        return POLICIES[name](self, seed) if name in POLICIES else super().scripted_policy(name, seed)

    def snapshot(self) -> bytes:
        """Return the state of the episode and of the task stream; any environment of this class can restore it."""
        if self.task is None:
            raise VlgymError("There is nothing to take a snapshot of before reset(); call reset() first.")
        state = {
            "task": self.task.id,
            "elapsed": self._elapsed,
            "desk": self._desk.state(),
            "judged": [self._reached, self._failed, self._solved],
            "random": self.np_random.bit_generator.state,
        }
        return json.dumps(state).encode()

    def restore(self, snapshot: bytes) -> tuple[Observation, dict[str, Any]]:
        """Take over a state made by `snapshot`; return its observation and info.

        Raises:
            VlgymError: it is no snapshot.
        """
        try:
            state = json.loads(snapshot)
            task, desk = self.tasks[state["task"]], Desk(**state["desk"])
            (reached, failed, solved), elapsed = state["judged"], int(state["elapsed"])
            self.np_random.bit_generator.state = state["random"]
        except (ValueError, TypeError, KeyError) as error:
            raise VlgymError("These bytes are no Desk snapshot; pass what snapshot() returned.") from error
        self.task, self._goal, self._desk, self._elapsed = task, task.data, desk, elapsed
        self._reached, self._failed, self._solved = reached, failed, solved
        return self._observe(), self._info(self._outcome())

    def render(self) -> NDArray[np.uint8] | None:
        """Return the screen as uint8 [H, W, 3] if `render_mode` is "rgb_array"."""
        return self._screen.draw(self._desk.view) if self.render_mode == "rgb_array" and self.task else None


def _check(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"Unknown {name} {value!r}; known: {', '.join(known)}.{did_you_mean(str(value), known)}")
