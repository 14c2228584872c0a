"""Scripted experts: closed loops over observations, with phases and with the noise of an unsteady hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlgym.manipulation.control import Array, angle_of, wrap

if TYPE_CHECKING:
    from vlgym.manipulation.tasks.base import ArmTask

TREMOR = np.array([0.002, 0.002, 0.002, 0.010])
"""Standard deviation of the noise on x, y, z (metres) and yaw (radians) of the target."""

RECALL = 0.85
"""How much of the noise is left after a control step (an Ornstein-Uhlenbeck process)."""

LOOSE = 0.03
"""Metres between fingertips and thing under which a grasp is not yet closed around it."""


class Expert(ABC):
    """A noisy expert for N environments; each has its own phase and its own tremor.

    Args:
        task: gives the scale of actions.
        num: N.
        rng: source of the noise.
        noise: times `TREMOR`; 0 is a steady hand.

    Attributes:
        phase: what each environment is doing, int [N]; 0 after a reset.
        age: control steps since the phase began, int [N].
    """

    def __init__(self, task: ArmTask, num: int, rng: np.random.Generator, noise: float = 1.0) -> None:
        low, high = (np.array([*bound, *((float(k),) * task.parts.gripper)]) for k, bound in enumerate(task.workspace))
        self.task, self._low, self._span, self._rng, self._noise = task, low, high - low, rng, noise
        self.phase, self.age = np.zeros(num, np.int64), np.zeros(num, np.int64)
        self._tremor = np.zeros((num, 4))
        self.whim = np.zeros((num, 4))
        self.reset()

    def reset(self, mask: NDArray[np.bool_] | None = None) -> None:
        """Begin anew, everywhere or where `mask` [N] says."""
        chosen = np.ones(len(self.phase), bool) if mask is None else np.asarray(mask, bool)
        self.phase[chosen], self.age[chosen] = 0, 0
        count = int(chosen.sum())
        self._tremor[chosen] = self._noise * TREMOR * self._rng.standard_normal((count, 4))
        self.whim[chosen] = self._rng.random((count, 4)) if self._noise else 0.5

    def act(self, obs: Array) -> Array:
        """Return actions [N, A] in [-1, 1] for observations [N, D]."""
        before = self.phase.copy()
        target, care = self.plan(obs)
        self.age = np.where(self.phase == before, self.age + 1, 0)
        fresh = self._noise * TREMOR * self._rng.standard_normal(self._tremor.shape)
        self._tremor = RECALL * self._tremor + np.sqrt(1 - RECALL**2) * fresh
        target[:, :4] += (1 - care)[:, None] * self._tremor
        actions: Array = np.clip(2 * (target - self._low) / self._span - 1, -1.0, 1.0)
        return actions

    @abstractmethod
    def plan(self, obs: Array) -> tuple[Array, Array]:
        """Advance `phase` and return targets [N, A] and how steadily to go there, [N] in [0, 1]."""

    def go(self, where: NDArray[np.bool_], phase: int) -> None:
        """Enter `phase` where the mask says."""
        self.phase = np.where(where, phase, self.phase)


class Carrier(Expert):
    """Picks a thing up, carries it to a place, lowers it there and lets go; begins again when it has slipped.

    A task fills in `grasp`, `goal` and the numbers below.

    Attributes:
        clear: height above the grasp to come down from, and above the goal to carry at, metres.
        exact: how near the goal's x and y must be before lowering, metres.
        creep: largest step downwards, metres, when nearer than `slow` (metres) to the goal.
        release: whether the thing is to be let go of.
    """

    ABOVE, DOWN, GRASP, LIFT, CARRY, LOWER, RELEASE, LEAVE = range(8)
    clear, exact, creep, slow, release = 0.06, 0.003, 0.008, 0.02, True

    @abstractmethod
    def grasp(self, obs: Array) -> Array:
        """Return where the tip takes hold of the thing [N, 4]: x, y, z, yaw."""

    @abstractmethod
    def goal(self, obs: Array) -> Array:
        """Return where the tip is when the thing, as it is held, is in place [N, 4]."""

    def plan(self, obs: Array) -> tuple[Array, Array]:
        """Advance each environment's phase and return targets [N, 5] and care [N]."""
        tip, hold, goal = obs[:, :3], self.grasp(obs), self.goal(obs)
        yaw, speed = angle_of(obs[:, 5], obs[:, 6]), np.sqrt((obs[:, 7:10] ** 2).sum(axis=1))
        off, turn = np.hypot(*(tip - hold[:, :3])[:, :2].T), np.abs(wrap(yaw - hold[:, 3]))
        short, twist = np.hypot(*(tip - goal[:, :3])[:, :2].T), np.abs(wrap(yaw - goal[:, 3]))
        phase, age = self.phase.copy(), self.age
        up = goal[:, 2] + self.clear
        self.go((phase == self.ABOVE) & (off < 0.004) & (turn < 0.06), self.DOWN)
        low = (np.abs(tip[:, 2] - hold[:, 2]) < 0.004) & (speed < 0.03) | (age > 15)
        self.go((phase == self.DOWN) & low, self.GRASP)
        self.go((phase == self.GRASP) & (age >= 6), self.LIFT)
        self.go((phase == self.LIFT) & ((tip[:, 2] > up - 0.01) | (age > 15)), self.CARRY)
        there = (short < self.exact) & (twist < 0.03) & (speed < 0.03) | (age > 40)
        self.go((phase == self.CARRY) & there, self.LOWER)
        down = (tip[:, 2] < goal[:, 2] + 0.003) | (age > 30)
        self.go((phase == self.LOWER) & down & self.release, self.RELEASE)
        self.go((phase == self.LOWER) & (age > 40) & (not self.release), self.CARRY)
        self.go((phase == self.RELEASE) & (age >= 5), self.LEAVE)
        self.go((phase == self.LEAVE) & (age >= 15), self.ABOVE)
        lost = np.sqrt(((tip - hold[:, :3]) ** 2).sum(axis=1)) > LOOSE
        self.go((phase >= self.LIFT) & (phase <= self.LOWER) & lost & (self.phase == phase), self.ABOVE)
        return self._targets(tip, yaw, hold, goal, up)

    def _targets(self, tip: Array, yaw: Array, hold: Array, goal: Array, up: Array) -> tuple[Array, Array]:
        now = self.phase
        early, at_goal = now <= self.LIFT, now >= self.CARRY
        place = np.where(early[:, None], hold[:, :2], goal[:, :2])
        place[now == self.LIFT] = tip[now == self.LIFT, :2]
        angle = np.where(early, hold[:, 3], goal[:, 3])
        angle = np.where((now == self.LIFT) | (now == self.GRASP), yaw, angle)
        creep = np.where(tip[:, 2] > goal[:, 2] + self.slow, 0.02, self.creep)
        down = np.maximum(tip[:, 2] - creep, goal[:, 2] - 0.002)
        over = hold[:, 2] + self.clear + 0.03 * self.whim[:, 0]
        heights = (over, hold[:, 2], hold[:, 2], up + 0.01, up, down, goal[:, 2], goal[:, 2] + 0.10)
        open_ = (now <= self.DOWN) | (now >= self.RELEASE)
        care = np.where((now == self.ABOVE) | (now == self.CARRY), 0.0, 0.8)
        return np.column_stack((place, np.choose(now, heights), angle, open_ & (early | at_goal))), care
