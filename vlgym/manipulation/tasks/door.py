"""A little door: take its bar and pull it open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlgym.manipulation.control import Array, angle_of, cosine, sine, wrap, yaw_of
from vlgym.manipulation.experts import LOOSE, Expert
from vlgym.manipulation.frames import BODY_LAYOUT
from vlgym.manipulation.scene import Parts
from vlgym.manipulation.tasks.base import SEEN, ArmTask, Flags, Start, closeness, upright
from vlgym.manipulation.tasks.blocks import BODY, MIDDLE, put, start_of_hand

if TYPE_CHECKING:
    from vlgym.manipulation.world import World

WIDE, TALL, THICK = 0.16, 0.10, 0.012
"""Of the door's leaf, metres."""

BAR = np.array([0.14, 0.038, 0.105])
"""Where the bar is taken, from the foot of the hinge in the frame of the leaf, metres."""

OPEN = 0.7
"""Angle at which the door counts as open, radians."""

_LIKE = 'type="box" condim="4" friction="1 0.01 0.0001" solref="0.01 1" solimp="0.95 0.99 0.001"'
_WORLD = f"""
    <body name="frame" mocap="true">
      <geom name="hinge" type="cylinder" size="0.008 0.065" pos="0 0 0.065" rgba="0.3 0.3 0.3 1"
        contype="0" conaffinity="0"/>
      <geom name="jamb" type="box" size="0.010 0.02 0.065" pos="{WIDE + 0.024} 0 0.065" rgba="0.45 0.36 0.28 1"
        contype="0" conaffinity="0"/>
    </body>
    <body name="leaf">
      <joint name="leaf" type="free" damping="0.02"/>
      <geom name="leaf" {_LIKE} size="{WIDE / 2} {THICK / 2} {TALL / 2}"
        pos="{WIDE / 2 + 0.01} 0 {TALL / 2 + 0.005}" mass="0.3" rgba="0.62 0.47 0.33 1"/>
      <geom name="low" {_LIKE} size="0.005 0.012 0.005" pos="{BAR[0]} 0.02 0.045" mass="0.01" rgba="0.75 0.75 0.78 1"/>
      <geom name="high" {_LIKE} size="0.005 0.012 0.005" pos="{BAR[0]} 0.02 0.075" mass="0.01" rgba="0.75 0.75 0.78 1"/>
      <geom name="bar" {_LIKE} size="0.008 0.006 0.042" pos="{BAR[0]} {BAR[1]} 0.078" mass="0.03"
        rgba="0.75 0.75 0.78 1"/>
    </body>"""
_PINS = "".join(
    f'<connect body1="frame" body2="leaf" anchor="0 0 {z}" solref="0.01 1" solimp="0.95 0.99 0.0005"/>'
    for z in (0.01, 0.10)
)


class Door(ArmTask):
    """Pull a door open by 0.7 rad.

    Observation, [N, 33]: proprioception (17), the leaf (8; its yaw is the door's), the bar from the tip (3), the
    opening angle, and of the frame x, y, sin and cos of its yaw.
    """

    name = "Door"
    instruction = "Open the door by its bar."
    checkpoints = ("at the bar", "ajar", "open")
    parts = Parts(world=_WORLD, equality=_PINS)
    workspace = ((0.30, -0.22, 0.02, -1.0), (0.70, 0.30, 0.30, 1.8))
    size = BODY + SEEN + 8
    layout = (*BODY_LAYOUT, "offset", 1, "flat", "angle")
    things = (("door", "leaf"),)
    max_steps, difficulty = 150, 60.0

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw the hinge's place within 5 cm and the frame's yaw within 0.3 rad; the door is shut."""
        spread = self.start_range
        hinge = MIDDLE + np.array([-0.08, 0.0]) + spread * rng.uniform(-0.05, 0.05, 2)
        yaw = spread * rng.uniform(-0.3, 0.3)
        put(world, i, "leaf", np.array([*hinge, 0.0]), yaw)
        world.data[i].mocap_pos[0] = [*hinge, 0.0]
        world.data[i].mocap_quat[0] = upright(yaw)
        start = start_of_hand(rng, spread)
        start[2] += 0.05  # clear of the door
        return Start(start, np.zeros(0))

    def _angles(self, world: World) -> tuple[Array, Array]:
        frame = yaw_of(world.frames[:, world.body("frame")])
        return wrap(yaw_of(world.frames[:, world.body("leaf")]) - frame), frame

    def _bar(self, world: World) -> Array:
        leaf = world.body("leaf")
        bar: Array = world.bodies[:, leaf] + np.matmul(world.frames[:, leaf], BAR[:, None])[:, :, 0]
        return bar

    def observe(self, world: World) -> Array:
        """Return observations [N, 33]."""
        angle, yaw = self._angles(world)
        columns = [*self.proprioception(world), *self.seen(world, "leaf"), self._bar(world) - world.tip, angle[:, None]]
        columns += [world.bodies[:, world.body("frame"), :2], sine(yaw)[:, None], cosine(yaw)[:, None]]
        return np.concatenate(columns, axis=1)

    def checks(self, world: World) -> Flags:
        """The tip within 2 cm of the bar; 0.1 rad open; `OPEN` radians open."""
        angle, _ = self._angles(world)
        near = np.sqrt(((self._bar(world) - world.tip) ** 2).sum(axis=1)) < 0.02
        return np.stack((near, angle > 0.1, angle > OPEN), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the bar; how far the door is open."""
        angle, _ = self._angles(world)
        return [closeness(self._bar(world) - world.tip), angle / 0.1, angle / OPEN]

    def near_field(self, obs: Array) -> Array:
        """Return [N, 8]: the bar as the hand sees it, see `ArmTask.by_hand`."""
        leaf = obs[:, BODY : BODY + SEEN]
        turn = wrap(self.frame(obs).yaw - angle_of(leaf[:, 3], leaf[:, 4]))
        return self.by_hand(obs, obs[:, BODY + SEEN : BODY + SEEN + 3], turn)

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that takes the bar and follows its arc."""
        return _Puller(self, num, rng, noise)


class _Puller(Expert):
    ABOVE, DOWN, GRASP, PULL = range(4)
    AHEAD = 0.15

    def plan(self, obs: Array) -> tuple[Array, Array]:
        tip, leaf = obs[:, :3], obs[:, BODY : BODY + SEEN]
        bar, now = tip + obs[:, BODY + SEEN : BODY + SEEN + 3], angle_of(leaf[:, 3], leaf[:, 4])
        turn = np.abs(wrap(angle_of(obs[:, 5], obs[:, 6]) - now))
        off, phase = np.hypot(*(tip - bar)[:, :2].T), self.phase.copy()
        self.go((phase == self.ABOVE) & (off < 0.004) & (turn < 0.06), self.DOWN)
        self.go((phase == self.DOWN) & ((np.abs(tip[:, 2] - bar[:, 2]) < 0.005) | (self.age > 15)), self.GRASP)
        self.go((phase == self.GRASP) & (self.age >= 6), self.PULL)
        self.go((phase == self.PULL) & (off > LOOSE), self.ABOVE)
        pulling = self.phase == self.PULL
        angle = now + np.where(pulling, self.AHEAD, 0.0)
        cos, sin = cosine(angle), sine(angle)
        arc = leaf[:, :2] + np.column_stack((cos * BAR[0] - sin * BAR[1], sin * BAR[0] + cos * BAR[1]))
        place = np.where(pulling[:, None], arc, bar[:, :2])
        height = np.where(self.phase == self.ABOVE, bar[:, 2] + 0.05 + 0.03 * self.whim[:, 0], bar[:, 2])
        care = np.choose(self.phase, (0.0, 0.8, 0.8, 0.5))
        return np.column_stack((place, height, angle, self.phase <= self.DOWN)), care
