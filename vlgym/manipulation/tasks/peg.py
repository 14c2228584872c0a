"""Pegs: a square peg into a square hole a few tenths of a millimetre wider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlgym.manipulation.control import Array, angle_of, cosine, sine, wrap
from vlgym.manipulation.experts import Expert
from vlgym.manipulation.scene import Parts
from vlgym.manipulation.tasks.base import PROPRIO, ArmTask, Flags, Start, closeness, in_frame, upright

if TYPE_CHECKING:
    from vlgym.manipulation.world import World

HALF, LENGTH = 0.010, 0.070
"""Half the side of the peg, and its length, metres."""

TOP, FLOOR, OUTER = 0.040, 0.010, 0.045
"""Of the block with the hole: height, height of the hole's floor, half its side, metres."""

DEPTH = 0.025
"""How deep the tip must be for success, metres."""

GRIPPED = 0.0884
"""Where the peg's upper end is in the frame of the hand, metres."""

_MATTER = 'friction="0.2 0.005 0.0001" solref="0.01 1" solimp="0.95 0.99 0.0005"'

MIDDLE = np.array([0.5, 0.0])


def block(clearance: float) -> str:
    """Return the MJCF of the block, a fixture that `reset` moves: four walls and a floor.

    Args:
        clearance: between each side of the peg and its wall, metres; negative: the peg is larger than the hole.
    """
    hole = HALF + clearance
    wall, long, mid = (OUTER - hole) / 2, OUTER, (OUTER + hole) / 2
    tall = (TOP - FLOOR) / 2
    at = FLOOR + tall
    like = f'type="box" rgba="0.30 0.42 0.55 1" {_MATTER}'
    return f"""<body name="block" mocap="true">
      <geom name="floor" {like} size="{OUTER} {OUTER} {FLOOR / 2}" pos="0 0 {FLOOR / 2}"/>
      <geom name="east" {like} size="{wall:.6g} {long} {tall}" pos="{mid:.6g} 0 {at}"/>
      <geom name="west" {like} size="{wall:.6g} {long} {tall}" pos="-{mid:.6g} 0 {at}"/>
      <geom name="north" {like} size="{hole:.6g} {wall:.6g} {tall}" pos="0 {mid:.6g} {at}"/>
      <geom name="south" {like} size="{hole:.6g} {wall:.6g} {tall}" pos="0 -{mid:.6g} {at}"/>
    </body>"""


def aligned(turn: Array) -> Array:
    """Return 1 where a turn [N] (radians) is nothing, 1/2 where it is 20 mrad."""
    found: Array = 0.02 / (0.02 + np.abs(turn))
    return found


class PegInsert(ArmTask):
    """Insert a square peg, held fast, into a square hole.

    Observation, [N, 22]: proprioception (15), sin and cos of the hole's yaw, the hole's x and y, and the tip as seen
    from the top of the hole (3).

    Args:
        clearance: between each side of the peg and its wall, in millimetres: 1.0, 0.5, 0.3 and 0.2 are the levels.
        start_range: times the range of the hole's place and of the tip's start; 1.5 goes beyond what is trained on.
    """

    name = "PegInsert"
    instruction = "Insert the peg into the hole."
    checkpoints = ("over the hole", "entered", "inserted")
    workspace = ((0.35, -0.15, 0.0, -1.0), (0.65, 0.15, 0.20, 1.0))
    size = PROPRIO + 7
    layout = ("angle", "flat", 3)
    things = (("hole", "block"),)
    difficulty = 30.0

    def __init__(self, clearance: float = 0.3, start_range: float = 1.0) -> None:
        super().__init__(start_range)
        if not -5.0 <= clearance <= 5.0:
            raise ValueError(f"clearance is in millimetres a side, within -5 and 5; got {clearance}.")
        self.clearance = float(clearance)
        peg = f"""<geom name="peg" type="box" size="{HALF} {HALF} {LENGTH / 2}" pos="0 0 {GRIPPED + LENGTH / 2}"
          mass="0.05" contype="1" conaffinity="1" {_MATTER} rgba="0.85 0.65 0.20 1"/>"""
        self.parts = Parts(
            world=block(self.clearance / 1000),
            tool=peg,
            tip=(0.0, 0.0, GRIPPED + LENGTH),
            gripper=False,
            opening=HALF,
        )

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw the hole (x, y within 5 cm, yaw within 0.4 rad) and the tip's start (6 cm, 0.4 rad, 5 to 10 cm up)."""
        spread = self.start_range
        hole, hole_yaw = MIDDLE + spread * rng.uniform(-0.05, 0.05, 2), spread * rng.uniform(-0.4, 0.4)
        tip, yaw = MIDDLE + spread * rng.uniform(-0.06, 0.06, 2), spread * rng.uniform(-0.4, 0.4)
        world.data[i].mocap_pos[0] = [*hole, 0.0]
        world.data[i].mocap_quat[0] = upright(hole_yaw)
        return Start(np.array([*tip, rng.uniform(0.09, 0.14), yaw]), np.zeros(0))

    def _tip_in_hole(self, world: World) -> tuple[Array, Array]:
        number = world.body("block")
        yaw = angle_of(world.frames[:, number, 1, 0], world.frames[:, number, 0, 0])
        top = world.bodies[:, number] + np.array([0.0, 0.0, TOP])
        return in_frame(world.tip, top, yaw), yaw

    def observe(self, world: World) -> Array:
        """Return observations [N, 22]."""
        seen, yaw = self._tip_in_hole(world)
        hole = world.bodies[:, world.body("block"), :2]
        columns = [*self.proprioception(world), sine(yaw)[:, None], cosine(yaw)[:, None], hole, seen]
        return np.concatenate(columns, axis=1)

    def checks(self, world: World) -> Flags:
        """Over the hole within its clearance (at least 1 mm); 5 mm in; `DEPTH` in."""
        seen, _ = self._tip_in_hole(world)
        near = np.abs(seen[:, :2]).max(axis=1) < max(self.clearance, 1.0) / 1000
        inside = np.abs(seen[:, :2]).max(axis=1) < HALF  # below the top there is nowhere else to be
        return np.stack((near, inside & (seen[:, 2] < -0.005), inside & (seen[:, 2] < -DEPTH)), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the hole, coarse and fine; then the peg's turn and its way down."""
        seen, yaw = self._tip_in_hole(world)
        turn, deep = np.abs(wrap(world.yaw - yaw)), -seen[:, 2]
        over = 0.5 * closeness(seen) + 0.5 * closeness(seen[:, :2], 0.005)
        return [over, 0.5 * aligned(turn) + 0.5 * closeness(seen[:, 2:] + 0.005, 0.02), deep / DEPTH]

    def near_field(self, obs: Array) -> Array:
        """Return [N, 7]: the tip from the hole (x, y per 2 mm, z per 10 mm), yaw error per 20 mrad, and the lead of the
        last target over the tip (per 5 mm), each cut to 3."""
        seen, yaw = obs[:, PROPRIO + 4 : PROPRIO + 7], angle_of(obs[:, 5], obs[:, 6])
        turn = wrap(yaw - angle_of(obs[:, PROPRIO], obs[:, PROPRIO + 1]))
        lead = obs[:, 11:14] - obs[:, :3]
        columns = (seen[:, :2] / 0.002, seen[:, 2:] / 0.010, turn[:, None] / 0.020, lead / 0.005)
        return np.clip(np.concatenate(columns, axis=1), -3.0, 3.0)

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that goes over the hole, aligns, inserts, and tries again if the peg stands on the block."""
        return _Inserter(self, num, rng, noise)


class _Inserter(Expert):
    APPROACH, ALIGN, INSERT = range(3)

    def plan(self, obs: Array) -> tuple[Array, Array]:
        seen, hole = obs[:, PROPRIO + 4 : PROPRIO + 7], obs[:, PROPRIO + 2 : PROPRIO + 4]
        hole_yaw = angle_of(obs[:, PROPRIO], obs[:, PROPRIO + 1])
        turn = np.abs(wrap(angle_of(obs[:, 5], obs[:, 6]) - hole_yaw))
        off = np.hypot(seen[:, 0], seen[:, 1])
        phase = self.phase
        self.go((phase == self.APPROACH) & (off < 0.004) & (turn < 0.03), self.ALIGN)
        still = np.hypot(obs[:, 7], obs[:, 8]) < 0.004
        exact = (off < 0.0003) & (turn < 0.01) & still | (self.age > 12)
        self.go((phase == self.ALIGN) & exact & (self.phase == phase), self.INSERT)
        stuck = (phase == self.INSERT) & (self.age > 20) & (seen[:, 2] > -0.003)
        self.go(stuck, self.ALIGN)
        hover = TOP + 0.015 + 0.035 * self.whim[:, 0]
        lower = np.maximum(obs[:, 2] - 0.004, TOP - DEPTH - 0.003)  # slowly: haste swings the tip off the hole
        height = np.choose(self.phase, (hover, np.full(len(obs), TOP + 0.004), lower))
        care = np.choose(self.phase, (0.0, 0.85, 0.9))
        stands = (self.phase == self.INSERT) & (seen[:, 2] > -0.003)
        pull = np.where(stands, 4.0, 0.0)[:, None] * (hole - obs[:, :2])  # what overcomes friction on the block
        return np.column_stack((hole + np.clip(pull, -0.003, 0.003), height, hole_yaw)), care
