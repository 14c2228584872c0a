"""A native batch of arms: one model, N states, threads over the physics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from vlgym.core.cameras import Camera, backend, camera
from vlgym.core.errors import ActionError, TaskError, did_you_mean
from vlgym.manipulation.control import Array
from vlgym.manipulation.experts import Expert
from vlgym.manipulation.frames import TipFrame
from vlgym.manipulation.looks import looks_for
from vlgym.manipulation.starts import task_set
from vlgym.manipulation.tasks import make
from vlgym.manipulation.tasks.base import GRIP, PROPRIO, ArmTask
from vlgym.manipulation.world import World

LIMIT = 10.0
"""Bound of every number of an observation; metres, radians and their rates stay far below."""

IMAGE = 84
"""Height and width of image observations, pixels."""

REWARDS = ("sparse", "dense")

ArmObservation = Any  # [N, D], or a dict of state [N, D] and image [N, 84, 84, 3]
Infos = dict[str, Any]


class ArmVectorEnv(VectorEnv[Any, Array, NDArray[Any]]):
    """`num_envs` arms in lock-step, 20 control steps a second.

    Actions [N, A] in [-1, 1] are absolute targets of the tip: x, y, z and yaw scaled to the task's workspace, and of a
    gripper whether it is open (above 0), closed (below) or as it was (0). The reward is 1 for success, which
    terminates, and with `reward="dense"` also what a step has gained of the way there (`ArmTask.potential`);
    `max_steps` truncates.

    Infos: `is_success` and `success` bool [N], `checkpoints` bool [N, C] (reached so far), `score` [N] their share,
    `task` (ids) and `env_error` (texts; a simulation that has diverged truncates its episode) as object arrays.

    Autoreset is "Disabled" unless chosen otherwise: an arm whose episode has ended stands still and pays nothing until
    ``reset(options={"reset_mask": bool [N]})``. "SameStep" resets within the step; the true last observation and infos
    are then in ``infos["final_obs"]`` [N, D] and ``infos["final_info"]``, where the mask ``infos["_final_obs"]`` says.

    Args:
        task: a name of `vlgym.manipulation.tasks.TASKS`.
        num_envs: N.
        threads: how many threads share the physics; results do not depend on it.
        max_steps: of an episode; None: the task's own.
        reward: "sparse" or "dense".
        start_range: times the range of starts the task is trained on, up to 1.5.
        images: observe a Dict of `state` and `image` (uint8 [84, 84, 3], the task's camera), not the state alone.
        randomize: "visual": each start has colours, light and a camera pose of its own, see `looks.py`; "": none has.
        split: split that `reset` draws starts from.
        autoreset_mode: "Disabled" or "SameStep", or the enum.
        render_mode: None or "rgb_array".
        options: of the task, such as `clearance` (millimetres) of the pegs.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(
        self,
        task: str = "PegInsert",
        num_envs: int = 1,
        *,
        threads: int = 1,
        max_steps: int | None = None,
        reward: str = "sparse",
        start_range: float = 1.0,
        images: bool = False,
        randomize: str = "",
        split: str | None = "train",
        autoreset_mode: str | AutoresetMode = "Disabled",
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            raise ValueError('A batch of arms has autoreset_mode "Disabled" or "SameStep", not "NextStep".')
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"Unknown render_mode {render_mode!r}; known: rgb_array.")
        self._dense = dense(reward)
        if images or render_mode:
            backend()  # that nothing can be drawn is an error now, not at the first picture
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.task: ArmTask = make(task, start_range=start_range, **options)
        self.tasks, self.split = task_set(self.task), split
        self.tasks.ids(split)  # an unknown split is an error now, not at the first reset
        self.num_envs, self.render_mode, self.images = num_envs, render_mode, images
        self.max_steps = self.task.max_steps if max_steps is None else max_steps
        if self.max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}.")
        self.world = World(self.task, num_envs, threads, looks=bool(randomize))
        self._looks = looks_for(randomize, self.world.model, self.task.camera)
        state = spaces.Box(-LIMIT, LIMIT, (self.task.size,), np.float64)
        image = spaces.Box(0, 255, (IMAGE, IMAGE, 3), np.uint8)
        self.single_observation_space = spaces.Dict({"state": state, "image": image}) if images else state
        self.single_action_space = spaces.Box(-1.0, 1.0, (self.world.target.shape[1],), np.float64)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._random: list[np.random.Generator | None] = [None] * num_envs
        self._names = np.full(num_envs, "", object)
        self._errors = np.full(num_envs, "", object)
        self._ended = np.ones(num_envs, bool)
        self._pictures = np.zeros((num_envs, IMAGE, IMAGE, 3), np.uint8) if images else np.zeros(0, np.uint8)
        self._all = np.ones(num_envs, bool)

    # ------------------------------------------------------------------ episodes

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[ArmObservation, Infos]:
        """Start new episodes.

        Args:
            seed: environment i gets ``seed + i``; or one seed each.
            options: "task": an id or N of them; "split": draw from this split; "reset_mask": bool [N] limits the reset.
        """
        options = dict(options or {})
        mask = np.asarray(options.pop("reset_mask", self._all), bool)
        chosen, split = options.pop("task", None), options.pop("split", self.split)
        if options:
            near = did_you_mean(next(iter(options)), ("task", "split", "reset_mask"))
            raise TaskError(f"Unknown reset option {next(iter(options))!r}; known: task, split, reset_mask.{near}")
        single = chosen is None or isinstance(chosen, str)
        names: list[str | None] = [chosen] * self.num_envs if single else list(chosen or ())
        seeds = (
            list(seed) if isinstance(seed, Sequence) else [None if seed is None else seed + i for i in self._numbers]
        )
        if not len(names) == len(seeds) == len(mask) == self.num_envs:
            raise ValueError(f"Give one task, seed and mask entry for each of the {self.num_envs} environments.")
        if not mask.all() and (self._names[~mask] == "").any():
            raise ValueError("The first reset must start all environments; leave reset_mask away.")
        ids = self.tasks.ids(split)
        for i in np.flatnonzero(mask).tolist():
            random = self._stream(i, seeds[i])
            name = names[i] or ids[int(random.integers(len(ids)))]
            self.world.reset(i, self.tasks[name].data)
            self._names[i], self._errors[i] = name, ""
        self.world.gather()
        self._ended = self._ended & ~mask
        return self._observe(mask), self._infos()

    @property
    def _numbers(self) -> range:
        return range(self.num_envs)

    def _stream(self, i: int, seed: int | None) -> np.random.Generator:
        found = self._random[i]
        if seed is not None or found is None:
            found, _ = seeding.np_random(seed)
            self._random[i] = found
        return found

    def step(self, actions: NDArray[Any]) -> tuple[ArmObservation, Array, NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Advance every arm whose episode goes on by 1/20 second.

        Raises:
            ActionError: an action is not finite or outside of [-1, 1]; nothing has moved.
        """
        actions = check_actions(actions, (self.num_envs, self.world.target.shape[1]))
        moving = ~self._ended
        way = self.task.potential(self.world) if self._dense else 0.0
        self.world.step(actions, moving)
        success = self.world.reached[:, -1]
        rewards = np.where(moving & success, 1.0, 0.0)
        if self._dense:
            rewards = np.where(moving & ~self.world.broken, rewards + self.task.potential(self.world) - way, 0.0)
        terminated = success.copy()
        truncated = (~success & (self.world.elapsed >= self.max_steps)) | self.world.broken
        for i in np.flatnonzero(moving & self.world.broken):
            self._errors[i] = DIVERGED
        self._ended = terminated | truncated
        observations, infos = self._observe(moving), self._infos()
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._ended.any():
            ended, last = self._ended.copy(), infos
            final = observations
            observations, infos = self.reset(options={"reset_mask": ended})
            infos |= {"final_obs": final, "final_info": last, "_final_obs": ended, "_final_info": ended}
        return observations, rewards, terminated, truncated, infos

    def _observe(self, changed: NDArray[np.bool_]) -> ArmObservation:
        """Return the observations; only the arms of the mask `changed` are looked at anew."""
        state = np.clip(self.task.observe(self.world), -LIMIT, LIMIT)
        if not self.images:
            return state
        rows = np.flatnonzero(changed)
        if len(rows):
            looks = self._looks.batch(self.world.start[rows]) if self._looks else None
            self._pictures[rows] = self._camera(IMAGE, IMAGE).batch([self.world.data[i] for i in rows], looks)
        return {"state": state, "image": self._pictures.copy()}

    def _infos(self) -> Infos:
        reached = self.world.reached.copy()
        found: Infos = {
            "success": reached[:, -1],
            "is_success": reached[:, -1],
            "score": reached.mean(axis=1),
            "checkpoints": reached,
            "task": self._names.copy(),
            "env_error": self._errors.copy(),
        }
        return found | {f"_{name}": self._all for name in list(found)}

    # ------------------------------------------------------------------ experts, features, states, pictures

    def near_field(self, obs: ArmObservation) -> Array:
        """Return the task's features of the last millimetres [N, F] from observations; F = 0 where there are none."""
        return self.task.near_field(obs["state"] if isinstance(obs, Mapping) else obs)

    def egocentric(self, obs: ArmObservation) -> Array:
        """Return observations as told from the tips' own frames [N, E], see `vlgym.manipulation.frames`."""
        return self.task.egocentric(obs["state"] if isinstance(obs, Mapping) else obs)

    def frame(self, obs: ArmObservation) -> TipFrame:
        """Return the tips' own frames, which turn actions into moves and back."""
        return self.task.frame(obs["state"] if isinstance(obs, Mapping) else obs)

    def expert(self, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return the task's scripted expert for this batch; `noise` times its tremor, 0 for a steady hand."""
        return self.task.expert(self.num_envs, rng, noise)

    @property
    def proprio(self) -> int:
        """Numbers at the front of the state that are the arm's own."""
        return PROPRIO + GRIP * self.task.parts.gripper

    @property
    def model_hash(self) -> str:
        """Digest of the model's text and meshes: demonstrations replay under an equal one."""
        return self.world.scene.hash

    @property
    def states(self) -> Array:
        """[N, S] everything the arms' futures depend on but the choice of later tasks; `set_states` takes it back."""
        return self.world.states

    def set_states(self, states: Array, mask: NDArray[np.bool_] | None = None) -> ArmObservation:
        """Take over states [N, S], all or the rows of `mask`, and return the observations."""
        self.world.set_states(np.asarray(states, np.float64), mask)
        taken = self._all if mask is None else np.asarray(mask, bool)
        done = self.world.reached[:, -1] | self.world.broken | (self.world.elapsed >= self.max_steps)
        self._ended = np.where(taken, done, self._ended)
        self._names[taken] = np.where(self._names[taken] == "", "restored", self._names[taken])
        return self._observe(taken)

    def snapshot(self, i: int) -> bytes:
        """Return the state of arm `i` as bytes, mid-contact too."""
        return self.world.snapshot(i)

    def restore(self, i: int, snapshot: bytes) -> ArmObservation:
        """Put arm `i` into the state of a snapshot of the same task and options; return all observations."""
        self.world.restore(i, snapshot)
        return self.set_states(self.states, np.arange(self.num_envs) == i)

    def _camera(self, width: int, height: int) -> Camera:
        return camera(self.world.model, self.task.camera, width, height)

    def render(self, i: int | None = None, width: int = 320, height: int = 240) -> Any:
        """Return a picture, uint8 [height, width, 3], of arm `i`; without `i` of each, if there is a render mode."""
        if i is None:
            return tuple(self.render(k, width, height) for k in self._numbers) if self.render_mode else None
        look = self._looks.batch(self.world.start[[i]])[0] if self._looks else None
        return self._camera(width, height).frame(self.world.data[i], look)

    def close_extras(self, **kwargs: Any) -> None:
        self.world.close()


def dense(reward: str) -> bool:
    """Return whether a kind of reward is dense; raises ValueError where it is none."""
    if reward not in REWARDS:
        raise ValueError(f"Unknown reward {reward!r}; known: {', '.join(REWARDS)}.{did_you_mean(reward, REWARDS)}")
    return reward == "dense"


DIVERGED = "The simulation has diverged; reset the environment, and report the actions that led here."


def check_actions(actions: Any, shape: tuple[int, int]) -> Array:
    """Return the actions as float64, or raise ActionError saying which one is wrong and why."""
    try:
        found = np.asarray(actions, np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != shape:
        raise ActionError(f"Actions are {shape[0]} rows of {shape[1]} numbers in [-1, 1], got {_short(actions)}.")
    bad = np.flatnonzero(~(np.abs(found) <= 1.0 + 1e-6).all(axis=1))
    if len(bad):
        row = np.round(found[bad[0]], 3).tolist()
        raise ActionError(f"Action {row} of environment {bad[0]} is not within [-1, 1]; clip it before step().")
    return found


def _short(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)[:60]
