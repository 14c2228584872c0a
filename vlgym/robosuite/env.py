"""`vlgym/Robosuite-Lift-v0` and its kind: robosuite 1.5.2 behind real spaces, seeds and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, overload

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vlgym.core.actions import Action
from vlgym.core.cameras import backend, camera
from vlgym.core.env import Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, TaskError, did_you_mean
from vlgym.core.tasks import SPLITS, Task, TaskSet
from vlgym.robosuite.shim import load

ROBOTS: dict[str, tuple[str, ...]] = {
    "Lift": ("Panda",),
    "Stack": ("Panda",),
    "NutAssemblySquare": ("Panda",),
    "PickPlaceCan": ("Panda",),
    "Door": ("Panda",),
    "TwoArmPegInHole": ("Panda", "Panda"),
}
"""Task -> its robots."""

WORDS = {
    "Lift": "Lift the cube.",
    "Stack": "Put the red cube on the green cube.",
    "NutAssemblySquare": "Put the square nut over the square peg.",
    "PickPlaceCan": "Put the can into its bin.",
    "Door": "Open the door.",
    "TwoArmPegInHole": "Insert the peg into the hole with both arms.",
}

OBS_MODES, REWARDS = ("state", "image"), ("sparse", "dense")
COUNTS = {"train": 10_000, "dev": 500, "test": 500}
LIMIT, IMAGE = 100.0, 84
COLLISION = (0,)
"""robosuite's group of geoms that are there to collide, not to be seen."""


class RobosuiteEnv(VlgymEnv):
    """A task of robosuite, 20 control steps a second.

    Actions: Box [-1, 1] of robosuite's default controller (for one Panda 7: pose steps and gripper).
    Observation: a flat Box of robosuite's proprioception and object state; with `obs_mode="image"` a Dict of `state`
        and `image` (uint8 [84, 84, 3], camera "agentview", without shadows and multisampling).
    Reward: 1 for success, else 0; with `reward="dense"` also what a step has gained of robosuite's own shaped reward,
        which is 1 at success: paid as it is, it would be better to hover before the goal than to end there.
    Ends: terminated by success, truncated after `max_steps`.
    Source: robosuite 1.5.2 (MIT). It ships no experts, so there is no oracle.

    Args:
        task: a key of `ROBOTS`.
        action_mode: "native"; there is no language side.
        obs_mode: "state" or "image".
        max_steps: of an episode.
        split: split that `reset` draws starts from; None draws from all.
        reward: "sparse" or "dense".
        render_mode: None or "rgb_array".
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    scripted: ClassVar[tuple[str, ...]] = ("random",)

    def __init__(
        self,
        task: str = "Lift",
        action_mode: str = "native",
        obs_mode: str = "state",
        max_steps: int = 200,
        split: str | None = "train",
        *,
        reward: str = "sparse",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(max_steps=max_steps, split=split, action_mode=action_mode)
        for name, value, known in (
            ("task", task, tuple(ROBOTS)),
            ("action_mode", action_mode, ("native",)),
            ("obs_mode", obs_mode, OBS_MODES),
            ("reward", reward, REWARDS),
            ("render_mode", render_mode or "rgb_array", ("rgb_array",)),
        ):
            if value not in known:
                near = did_you_mean(str(value), known)
                raise ValueError(f"Unknown {name} {value!r} of robosuite; known: {', '.join(known)}.{near}")
        if render_mode or obs_mode == "image":
            backend()
        self.obs_mode, self.render_mode, self._name = obs_mode, render_mode, task
        self._dense = reward == "dense"
        self.tasks = TaskSet({split: _Ids(split) for split in SPLITS}, self._build)
        self.grammar = _NoWords()
        self.sim_env: Any = load().make(
            task,
            robots=list(ROBOTS[task]),
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            hard_reset=False,
            ignore_done=True,
            control_freq=20,
            seed=0,
            reward_shaping=self._dense,
        )
        low, high = self.sim_env.action_spec
        self.action_space = spaces.Box(low, high, dtype=np.float64)
        state = spaces.Box(-LIMIT, LIMIT, self._state(self.sim_env._get_observations()).shape, np.float64)
        image = spaces.Box(0, 255, (IMAGE, IMAGE, 3), np.uint8)
        seen: Any = spaces.Dict({"state": state, "image": image}) if obs_mode == "image" else state
        self.observation_space = seen

    def _build(self, task_id: str) -> Task:
        split, _, digits = str(task_id).partition("-")
        if split not in COUNTS or len(digits) != 5 or not digits.isdigit() or int(digits) >= COUNTS[split]:
            raise TaskError(f"Unknown task {str(task_id)[:60]!r}; ids go from 'train-00000' to 'test-00499'.")
        return Task(task_id, WORDS[self._name], split, 100.0, ("done",), (SPLITS.index(split), int(digits)))

    @staticmethod
    def _state(observation: dict[str, Any]) -> NDArray[np.float64]:
        wanted = sorted(key for key in observation if key.endswith(("proprio-state", "object-state")))
        return np.clip(np.concatenate([observation[key] for key in wanted]).astype(np.float64), -LIMIT, LIMIT)

    # ------------------------------------------------------------------ the template's parts

    def _start(self, task: Task, seed: int) -> Outcome:
        fresh = np.random.default_rng(list(task.data))
        self.sim_env.rng.bit_generator.state = fresh.bit_generator.state  # in place: samplers hold this generator
        self._seen = self._state(self.sim_env.reset())
        self._done = False
        self._way = float(self.sim_env.reward(None)) if self._dense else 0.0
        return self._outcome(0.0)

    def _act(self, action: Action) -> Outcome:
        observation, way, *_ = self.sim_env.step(np.array(action.args))
        self._seen = self._state(observation)
        before, self._done = self._done, self._done or bool(self.sim_env._check_success())
        gain, self._way = (way - self._way, way) if self._dense else (0.0, 0.0)
        return self._outcome(float(self._done and not before) + gain)

    def _idle(self) -> Outcome:
        return self._outcome(0.0)

    def _outcome(self, reward: float) -> Outcome:
        done = self._done
        extra = {"is_success": done, "progress": (int(done), 1), "subgoal": "" if done else "done"}
        return Outcome(reward=reward, terminated=done, success=done, score=float(done), extra=extra)

    def _observe(self) -> Any:
        if self.obs_mode == "state":
            return self._seen.copy()
        return {"state": self._seen.copy(), "image": self._picture(IMAGE, IMAGE)}

    def _blank(self) -> Any:
        if isinstance(self.observation_space, spaces.Box):
            return np.zeros(self.observation_space.shape, self.observation_space.dtype)
        return super()._blank()

    def _native(self, action: Any) -> Action:
        assert self.action_space.shape is not None
        row = action if isinstance(action, np.ndarray) and action.dtype.kind in "fiu" else np.empty(0)
        if row.shape != self.action_space.shape or not (np.abs(row) <= 1.0 + 1e-6).all():
            shown = np.round(row, 3).tolist() if row.shape == self.action_space.shape else repr(action)[:40]
            raise ActionError(f"A native action is {self.action_space.shape[0]} numbers within [-1, 1], got {shown}.")
        return Action("servo", tuple(np.clip(row, -1.0, 1.0).tolist()))

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return "random": actions drawn from the space."""
        if name != "random":
            return super().scripted_policy(name, seed)
        rng, width = np.random.default_rng(seed), self.action_space.shape
        return lambda observation, info: rng.uniform(-1, 1, width)  # type: ignore[return-value]

    def oracle_claims(self, task_id: str) -> bool:
        """Return False: robosuite ships no expert."""
        return False

    def _picture(self, width: int, height: int) -> NDArray[np.uint8]:
        sim = self.sim_env.sim
        return camera(sim.model._model, "agentview", width, height, COLLISION).frame(sim.data._data)

    def render(self) -> Any:
        """Return the scene as uint8 [240, 320, 3] if `render_mode` is "rgb_array"."""
        return self._picture(320, 240) if self.render_mode == "rgb_array" and self.task else None

    def close(self) -> None:
        """Release robosuite's simulation."""
        self.sim_env.close()


class _Ids(Sequence[str]):
    def __init__(self, split: str) -> None:
        self._split = split

    def __len__(self) -> int:
        return COUNTS[self._split]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return f"{self._split}-{range(len(self))[index]:05d}"


class _NoWords:
    """The grammar of an environment without a language side."""

    help = "Numbers only: robosuite's tasks have no language side."
    verbs: tuple[str, ...] = ()

    def parse(self, text: str) -> Action:
        """Refuse every text."""
        raise ActionError("robosuite's tasks have no language side; pass an array of the action space.")

    def format(self, action: Action) -> str:
        """Refuse every action."""
        raise ActionError("robosuite's tasks have no language side.")
