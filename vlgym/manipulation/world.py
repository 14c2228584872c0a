"""A batch of arms: N copies of one scene, driven at 20 Hz by tip targets. Single environments are batches of one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import VlgymError, require
from vlgym.manipulation.control import HOME, Array, jacobian, joint_step, lead, pose_error, yaw_of
from vlgym.manipulation.scene import TIMESTEP, build
from vlgym.manipulation.tasks.base import ArmTask

SUBSTEPS = 10
"""Physics steps of a control step."""

PERIOD = SUBSTEPS * TIMESTEP
"""Seconds of a control step."""

OPEN = 0.04
"""Travel of a finger, metres."""

_SPEED_LIMIT = 1e3
"""Joint speeds above it (rad/s) are a simulation that has diverged."""

_MAGIC = b"vlgym-arm-1 "


class World:
    """N arms with the parts of a task.

    Everything that the future depends on is a row of `states`: MuJoCo's integration state (time, positions,
    velocities, controls, solver warm start, poses of fixtures) and the memory of the episode.

    Args:
        task: what is to be done; shared by all arms.
        num: N.
        threads: how many threads share the physics; results do not depend on it.
        looks: the name of an episode's start is a part of `states`, because its look depends on it.

    Attributes:
        q, v: joint positions [N, nq] and velocities [N, nv], radians, metres and their rates.
        tip, rotation, twist: of the tool's tip, [N, 3] metres, [N, 3, 3], [N, 6] metres and radians a second.
        bodies, frames: positions [N, bodies, 3] and rotations [N, bodies, 3, 3] of all bodies.
        target: [N, A] last target: x, y, z (metres), yaw (radians), and of a gripper 1 (open) or 0 (closed).
        elapsed: control steps of the episode, int [N].
        reached: checkpoints reached, bool [N, C].
        goal: the task's own parameters of the episode, [N, G].
        start: integers that name the episode's start, split and count, [N, 2]; [N, 0] without looks.
        broken: the simulation of an arm has diverged; it stands still until its next reset, bool [N].
    """

    def __init__(self, task: ArmTask, num: int, threads: int = 1, looks: bool = False) -> None:
        if num < 1 or threads < 1:
            raise ValueError(f"num_envs and threads must be at least 1, got {num} and {threads}.")
        self._mujoco = require("mujoco", extra="mujoco", purpose="The arm")
        self.task, self.num, self.scene = task, num, build(task.parts)
        self.model: Any = self.scene.model
        self.data = [self._mujoco.MjData(self.model) for _ in range(num)]
        model, mujoco = self.model, self._mujoco
        self._spec = int(mujoco.mjtState.mjSTATE_INTEGRATION)
        self._physics = int(mujoco.mj_stateSize(model, self._spec))
        self._tip = int(model.site("tip").id)
        self._bodies = {model.body(k).name: k for k in range(model.nbody)}
        self._joints = {
            model.jnt(k).name: (int(model.jnt_qposadr[k]), int(model.jnt_dofadr[k])) for k in range(model.njnt)
        }
        self._base = self.body("link0")
        self.gripper = task.parts.gripper
        self._views = {
            name: [getattr(data, name)[None] for data in self.data]
            for name in ("qpos", "qvel", "xpos", "xmat", "site_xpos", "site_xmat", "cdof", "subtree_com")
        }
        self.low, self.high = (
            np.array([*bound, *((float(k),) * self.gripper)]) for k, bound in enumerate(task.workspace)
        )
        self.target = np.zeros((num, len(self.low)))
        self.elapsed = np.zeros(num, np.int64)
        self.reached = np.zeros((num, len(task.checkpoints)), bool)
        self.goal = np.zeros((num, task.goal_size))
        self.start = np.zeros((num, 2 * looks))
        self.broken = np.zeros(num, bool)
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self.gather()

    # ------------------------------------------------------------------ names

    def body(self, name: str) -> int:
        """Return the number of a body of the scene."""
        return self._bodies[name]

    def joint(self, name: str) -> tuple[int, int]:
        """Return the addresses of a joint in `q` and in `v`."""
        return self._joints[name]

    # ------------------------------------------------------------------ episodes

    def reset(self, i: int, number: Sequence[int]) -> None:
        """Put arm `i` into start state `number` (integers that name it: split and count)."""
        data, rng = self.data[i], np.random.default_rng(list(number))
        self._mujoco.mj_resetData(self.model, data)
        self.elapsed[i], self.reached[i], self.broken[i] = 0, False, False
        start = self.task.place(self, i, rng)
        data.qpos[:7] = HOME
        self.goal[i] = start.goal
        self.start[i] = number[: self.start.shape[1]]
        self.target[i, :4] = start.tip
        if self.gripper:
            data.qpos[7:9] = OPEN * start.opening
            self.target[i, 4] = start.opening
        self.solve(i, self.target[i])
        data.ctrl[:] = [*start.tip[:3], 0.0, 0.0, start.tip[3], *([OPEN * start.opening] if self.gripper else [])]

    def solve(self, i: int, target: Array, tolerance: float = 1e-5) -> None:
        """Move the joints of arm `i`, not its time, until the tip is at `target` [>= 4] (inverse kinematics)."""
        data = self.data[i]
        for _ in range(100):
            self._kinematics(data)
            rotation = data.site_xmat[self._tip].reshape(1, 3, 3)
            error = pose_error(data.site_xpos[[self._tip]], rotation, target[None])
            if float(np.abs(error).max()) < tolerance:
                return
            jac = jacobian(data.cdof[None, :7], data.subtree_com[[self._base]], data.site_xpos[[self._tip]])
            step = joint_step(data.qpos[None, :7], jac, error)[0]
            data.qpos[:7] += step
        raise VlgymError(f"The arm does not reach {np.round(target[:4], 3).tolist()}; keep targets in the workspace.")

    def step(self, actions: Array, moving: NDArray[np.bool_]) -> None:
        """Advance the arms of the mask `moving` by one control step towards `actions` [N, A] in [-1, 1]."""
        moving = moving & ~self.broken
        target = self.low + (np.clip(actions, -1.0, 1.0) + 1.0) * (0.5 * (self.high - self.low))
        if self.gripper:  # open or closed, as robosuite's: half a grip holds nothing, and is a mean of two intentions
            target[:, 4] = np.where(actions[:, 4] == 0.0, self.target[:, 4], actions[:, 4] > 0.0)
        self.target = np.where(moving[:, None], target, self.target)
        command = lead(self.tip, self.yaw, self.twist, self.target, PERIOD)
        if self.gripper:
            command = np.concatenate((command, OPEN * self.target[:, 4:]), axis=1)
        order = np.flatnonzero(moving).tolist()
        if self._threads == 1 or len(order) < 2:
            self._advance(order, command)
        else:
            self._pool = self._pool or ThreadPoolExecutor(self._threads - 1, "vlgym-arm")
            parts = [order[k :: self._threads] for k in range(self._threads)]
            others = [self._pool.submit(self._advance, part, command) for part in parts[1:]]
            self._advance(parts[0], command)
            for other in others:
                other.result()
        self.gather()
        self.elapsed += moving
        bad = moving & ~(np.abs(self.v).max(axis=1) < _SPEED_LIMIT)  # NaN is not below it either, and MuJoCo leaves it
        if bad.any():
            self._shelve(bad)
        self.reached |= self.task.checks(self) & (moving & ~bad)[:, None]

    def _advance(self, order: list[int], command: Array) -> None:
        mujoco, model = self._mujoco, self.model
        for i in order:
            data = self.data[i]
            data.ctrl[:] = command[i]
            mujoco.mj_step(model, data, SUBSTEPS)
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)

    def _shelve(self, bad: NDArray[np.bool_]) -> None:
        """Take diverged arms out of the simulation: at rest in the home pose, so that nothing spreads."""
        self.broken |= bad
        for i in np.flatnonzero(bad):
            self._mujoco.mj_resetData(self.model, self.data[i])
            self._kinematics(self.data[i])
        self.gather()

    def _kinematics(self, data: Any) -> None:
        self._mujoco.mj_kinematics(self.model, data)
        self._mujoco.mj_comPos(self.model, data)

    def gather(self) -> None:
        """Read positions, velocities and poses of all arms into the arrays of this object."""
        found = {name: np.concatenate(views) for name, views in self._views.items()}
        self.q, self.v = found["qpos"], found["qvel"]
        self.bodies, self.frames = found["xpos"], found["xmat"].reshape(self.num, -1, 3, 3)
        self.tip = found["site_xpos"][:, self._tip]
        self.rotation = found["site_xmat"][:, self._tip].reshape(self.num, 3, 3)
        self._jac = jacobian(found["cdof"][:, :7], found["subtree_com"][:, self._base], self.tip)
        self.twist = np.matmul(self._jac, self.v[:, :7, None])[:, :, 0]
        self.yaw = yaw_of(self.rotation)

    # ------------------------------------------------------------------ states

    @property
    def states(self) -> Array:
        """[N, S] everything the future depends on, as numbers."""
        return np.stack([self._state(i) for i in range(self.num)])

    def _state(self, i: int) -> Array:
        physics = np.empty(self._physics)
        self._mujoco.mj_getState(self.model, self.data[i], physics, self._spec)
        memory = (
            self.target[i],
            self.elapsed[i, None],
            self.reached[i],
            self.broken[i, None],
            self.goal[i],
            self.start[i],
        )
        return np.concatenate((physics, *memory), dtype=np.float64)

    def set_states(self, states: Array, mask: NDArray[np.bool_] | None = None) -> None:
        """Take over `states` [N, S], all or the rows of `mask` [N].

        Raises:
            VlgymError: the shape is that of another scene, or there are numbers that are not finite.
        """
        memory = (self.target, self.reached, self.goal, self.start)
        wide = self._physics + 2 + sum(part.shape[1] for part in memory)
        rows: list[int] = np.arange(self.num)[slice(None) if mask is None else mask].tolist()
        if states.shape != (self.num, wide) or not np.isfinite(states[rows]).all():
            raise VlgymError(f"States must be finite and of shape {(self.num, wide)}, got {states.shape}.")
        sizes = [self._physics, self.target.shape[1], 1, self.reached.shape[1], 1, self.goal.shape[1]]
        ends = np.cumsum(sizes)
        for i in rows:
            physics, target, elapsed, reached, broken, goal, start = np.split(states[i], ends)
            self._mujoco.mj_setState(self.model, self.data[i], np.ascontiguousarray(physics), self._spec)
            self._kinematics(self.data[i])
            self.target[i], self.elapsed[i], self.reached[i] = target, int(elapsed[0]), reached > 0
            self.broken[i], self.goal[i], self.start[i] = broken[0] > 0, goal, start
        self.gather()

    def snapshot(self, i: int) -> bytes:
        """Return the state of arm `i`, contacts and solver's warm start included, as bytes."""
        return bytes(_MAGIC + bytes.fromhex(self.scene.hash) + self._state(i).tobytes())

    def restore(self, i: int, snapshot: bytes) -> None:
        """Put arm `i` into the state of `snapshot`.

        Raises:
            VlgymError: the bytes are no snapshot, or one of another scene.
        """
        head = len(_MAGIC) + 32
        if snapshot[: len(_MAGIC)] != _MAGIC or (len(snapshot) - head) % 8:
            raise VlgymError("These bytes are no snapshot of an arm; pass what snapshot() returned.")
        if snapshot[len(_MAGIC) : head] != bytes.fromhex(self.scene.hash):
            raise VlgymError("The snapshot is of another scene; restore it into the same task with the same options.")
        row = np.frombuffer(snapshot[head:], np.float64)
        states, mask = np.zeros((self.num, len(row))), np.zeros(self.num, bool)
        states[i], mask[i] = row, True
        self.set_states(states, mask)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
