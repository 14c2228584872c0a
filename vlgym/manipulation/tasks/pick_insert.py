"""Things to be picked up and fitted: a peg into a hole, a nut over a post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlgym.manipulation.control import Array, angle_of, cosine, sine, wrap, yaw_of
from vlgym.manipulation.experts import Carrier, Expert
from vlgym.manipulation.frames import BODY_LAYOUT
from vlgym.manipulation.scene import Parts
from vlgym.manipulation.tasks import peg
from vlgym.manipulation.tasks.base import SEEN, ArmTask, Flags, Start, closeness, in_frame, scatter, thing, upright
from vlgym.manipulation.tasks.blocks import BODY, MIDDLE, put, square, start_of_hand

if TYPE_CHECKING:
    from vlgym.manipulation.world import World

WORKSPACE = ((0.33, -0.20, 0.008, -1.6), (0.67, 0.20, 0.30, 1.6))


class PegPickInsert(ArmTask):
    """Take a standing peg and insert it into the hole.

    Observation, [N, 33]: proprioception (17), the peg (8) and the block with the hole (8).

    Args:
        clearance: between each side of the peg and its wall, in millimetres.
        start_range: times the range of starts.
    """

    name = "PegPickInsert"
    instruction = "Pick up the peg and insert it into the hole."
    checkpoints = ("at the peg", "off the table", "over the hole", "inserted")
    workspace = WORKSPACE
    size = BODY + 2 * SEEN
    layout = (*BODY_LAYOUT, *BODY_LAYOUT)
    things = (("peg", "peg"), ("hole", "block"))
    movable = ("peg",)
    max_steps, difficulty = 200, 80.0

    def __init__(self, clearance: float = 1.0, start_range: float = 1.0) -> None:
        super().__init__(start_range)
        if not -5.0 <= clearance <= 5.0:
            raise ValueError(f"clearance is in millimetres a side, within -5 and 5; got {clearance}.")
        self.clearance = float(clearance)
        size = f"{peg.HALF} {peg.HALF} {peg.LENGTH / 2}"
        self.parts = Parts(world=peg.block(self.clearance / 1000) + thing("peg", "box", "0.85 0.65 0.20 1", size, 0.05))

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw peg and block within 10 cm of the middle, 12 cm apart, turned by up to 0.4 rad."""
        spread = self.start_range
        reach = max(spread, 0.8) * 0.10
        stand, hole = MIDDLE + scatter(rng, 2, (reach, reach), 0.12)
        put(world, i, "peg", np.array([*stand, peg.LENGTH / 2]), spread * rng.uniform(-0.4, 0.4))
        world.data[i].mocap_pos[0] = [*hole, 0.0]
        world.data[i].mocap_quat[0] = upright(spread * rng.uniform(-0.4, 0.4))
        return Start(start_of_hand(rng, spread), np.zeros(0))

    def observe(self, world: World) -> Array:
        """Return observations [N, 33]."""
        columns = [*self.proprioception(world), *self.seen(world, "peg"), *self.seen(world, "block")]
        return np.concatenate(columns, axis=1)

    def _foot(self, world: World) -> Array:
        """Return the middle of the peg's lower end as seen from the top of the hole [N, 3]."""
        body, block = world.body("peg"), world.body("block")
        foot = world.bodies[:, body] - 0.5 * peg.LENGTH * world.frames[:, body, :, 2]
        top = world.bodies[:, block] + np.array([0.0, 0.0, peg.TOP])
        return in_frame(foot, top, yaw_of(world.frames[:, block]))

    def checks(self, world: World) -> Flags:
        """The tip within 3.5 cm of the peg's middle; the peg 1 cm off the table; over the hole; `DEPTH` in it."""
        place, foot = world.bodies[:, world.body("peg")], self._foot(world)
        near = np.sqrt(((place - world.tip) ** 2).sum(axis=1)) < 0.035
        inside = np.abs(foot[:, :2]).max(axis=1) < peg.HALF
        over = (np.abs(foot[:, :2]).max(axis=1) < max(self.clearance, 1.0) / 1000) & (foot[:, 2] < 0.03)
        return np.stack((near, near & (foot[:, 2] > 0.01 - peg.TOP), over, inside & (foot[:, 2] < -peg.DEPTH)), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the peg's upper half; how high the peg is; its way to the hole; its turn and way down."""
        body, block = world.body("peg"), world.body("block")
        place, foot = world.bodies[:, body], self._foot(world)
        turn = square(yaw_of(world.frames[:, body]) - yaw_of(world.frames[:, block]))
        over = 0.5 * closeness(foot - np.array([0.0, 0.0, 0.015])) + 0.5 * closeness(foot[:, :2], 0.005)
        down = 0.5 * peg.aligned(turn) + 0.5 * closeness(foot[:, 2:] + peg.DEPTH, 0.02)
        return [closeness(place + np.array([0.0, 0.0, 0.02]) - world.tip), (foot[:, 2] + peg.TOP) / 0.01, over, down]

    def near_field(self, obs: Array) -> Array:
        """Return [N, 4]: the peg's foot from the hole (x, y per 2 mm, z per 10 mm), yaw error per 20 mrad, cut to 3."""
        body, block = obs[:, BODY : BODY + SEEN], obs[:, BODY + SEEN : BODY + 2 * SEEN]
        turn = square(angle_of(body[:, 3], body[:, 4]) - angle_of(block[:, 3], block[:, 4]))
        offset = body[:, :3] - block[:, :3] - np.array([0.0, 0.0, peg.TOP + peg.LENGTH / 2])
        found = np.column_stack((offset / np.array([0.002, 0.002, 0.010]), turn / 0.020))
        features: Array = np.clip(found, -3.0, 3.0)
        return features

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that takes the peg near its upper end and inserts it."""
        return _PegCarrier(self, num, rng, noise)


class _Fitter(Carrier):
    """Aims the thing itself, not the tip: what is held sits a little differently in each grip."""

    exact, creep, slow, release = 0.0006, 0.003, 0.045, False

    def aim(self, obs: Array, wanted: Array, yaw: Array) -> Array:
        """Return the tip's pose [N, 4] that brings the thing to `wanted` [N, 3] and `yaw` [N], given how it is held."""
        body, held = obs[:, BODY : BODY + SEEN], (self.phase >= self.LIFT)[:, None]
        hold, tip_yaw = self.grasp(obs), angle_of(obs[:, 5], obs[:, 6])
        now = angle_of(body[:, 3], body[:, 4])
        turn = np.where(held[:, 0], tip_yaw, hold[:, 3]) - now  # of the tip from the thing
        offset = np.where(held, obs[:, :3], hold[:, :3]) - body[:, :3]
        cos, sin = cosine(yaw - now), sine(yaw - now)
        moved = np.column_stack(
            (cos * offset[:, 0] - sin * offset[:, 1], sin * offset[:, 0] + cos * offset[:, 1], offset[:, 2])
        )
        return np.column_stack((wanted + moved, wrap(yaw + turn)))


class _PegCarrier(_Fitter):
    clear = 0.07

    def grasp(self, obs: Array) -> Array:
        body = obs[:, BODY : BODY + SEEN]
        return np.column_stack((body[:, :2], body[:, 2] + 0.02, square(angle_of(body[:, 3], body[:, 4]))))

    def goal(self, obs: Array) -> Array:
        body, block = obs[:, BODY : BODY + SEEN], obs[:, BODY + SEEN : BODY + 2 * SEEN]
        now, hole = angle_of(body[:, 3], body[:, 4]), angle_of(block[:, 3], block[:, 4])
        wanted = block[:, :3] + np.array([0.0, 0.0, peg.FLOOR + peg.LENGTH / 2 + 0.002])
        return self.aim(obs, wanted, now + square(hole - now))


POST, POST_HEIGHT = 0.0095, 0.060
"""Half the side of the post and its height, metres."""

RING, THICK, ARM = 0.030, 0.010, 0.055
"""Half the outer side of the nut, half its thickness, and how far its handle reaches out, metres."""

HANDLE = 0.045
"""From the middle of the nut to where the handle is taken, metres."""


class NutOnPeg(ArmTask):
    """Put a square nut over a square post by its handle.

    Observation, [N, 33]: proprioception (17), the nut (8) and the post (8).

    Args:
        clearance: between each side of the post and the nut, in millimetres.
        start_range: times the range of starts.
    """

    name = "NutOnPeg"
    instruction = "Put the square nut over the post."
    checkpoints = ("at the handle", "off the table", "over the post", "on the post")
    workspace = WORKSPACE
    size = BODY + 2 * SEEN
    layout = (*BODY_LAYOUT, *BODY_LAYOUT)
    things = (("nut", "nut"), ("post", "post"))
    movable = ("nut",)
    max_steps, difficulty = 200, 80.0

    def __init__(self, clearance: float = 1.5, start_range: float = 1.0) -> None:
        super().__init__(start_range)
        if not 0.0 < clearance <= 5.0:
            raise ValueError(f"clearance is in millimetres a side, above 0 and up to 5; got {clearance}.")
        self.clearance = float(clearance)
        self.parts = Parts(world=_nut(POST + self.clearance / 1000) + _post())

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw nut and post within 9 cm of the middle, 13 cm apart, turned by up to 0.6 and 0.4 rad."""
        spread = self.start_range
        reach = max(spread, 0.9) * 0.09
        place, post = MIDDLE + scatter(rng, 2, (reach, reach), 0.13)
        put(world, i, "nut", np.array([*place, THICK]), spread * rng.uniform(-0.6, 0.6))
        world.data[i].mocap_pos[0] = [*post, 0.0]
        world.data[i].mocap_quat[0] = upright(spread * rng.uniform(-0.4, 0.4))
        return Start(start_of_hand(rng, spread), np.zeros(0))

    def observe(self, world: World) -> Array:
        """Return observations [N, 33]."""
        columns = [*self.proprioception(world), *self.seen(world, "nut"), *self.seen(world, "post")]
        return np.concatenate(columns, axis=1)

    def checks(self, world: World) -> Flags:
        """The tip within 2 cm of the handle; the nut 1 cm off the table; above the post; round it and 3 cm down."""
        body = world.body("nut")
        nut, post = world.bodies[:, body], world.bodies[:, world.body("post")]
        handle = nut + HANDLE * world.frames[:, body, :, 0]
        near = np.sqrt(((handle - world.tip) ** 2).sum(axis=1)) < 0.02
        offset = np.abs(nut - post)[:, :2].max(axis=1)
        over = (offset < 0.004) & (nut[:, 2] > 0.02)
        on = (offset < 0.004) & (nut[:, 2] < POST_HEIGHT - 0.03)
        return np.stack((near, near & (nut[:, 2] > THICK + 0.01), over, on), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the handle; how high the nut is; its way to above the post; its turn and way down."""
        body, post = world.body("nut"), world.body("post")
        nut = world.bodies[:, body]
        offset = nut - world.bodies[:, post]
        handle = nut + HANDLE * world.frames[:, body, :, 0]
        turn = square(yaw_of(world.frames[:, body]) - yaw_of(world.frames[:, post]))
        above = offset - np.array([0.0, 0.0, POST_HEIGHT + 0.02])
        over = 0.5 * closeness(above) + 0.5 * closeness(offset[:, :2], 0.01)
        down = 0.5 * peg.aligned(turn) + 0.5 * closeness(offset[:, 2:] - (POST_HEIGHT - 0.03), 0.02)
        return [closeness(handle - world.tip), (nut[:, 2] - THICK) / 0.01, over, down]

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that takes the handle and lowers the nut over the post."""
        return _NutCarrier(self, num, rng, noise)


class _NutCarrier(_Fitter):
    clear = 0.07

    def grasp(self, obs: Array) -> Array:
        body = obs[:, BODY : BODY + SEEN]
        yaw = angle_of(body[:, 3], body[:, 4])
        place = body[:, :2] + HANDLE * np.column_stack((cosine(yaw), sine(yaw)))
        return np.column_stack((place, body[:, 2], yaw))

    def goal(self, obs: Array) -> Array:
        body, post = obs[:, BODY : BODY + SEEN], obs[:, BODY + SEEN : BODY + 2 * SEEN]
        now, stands = angle_of(body[:, 3], body[:, 4]), angle_of(post[:, 3], post[:, 4])
        return self.aim(obs, post[:, :3] + np.array([0.0, 0.0, THICK + 0.004]), now + square(stands - now))


def _nut(hole: float) -> str:
    """Return a free square nut: four bars round a hole of half side `hole` (metres), and a handle along x."""
    like = (
        'type="box" rgba="0.70 0.72 0.75 1" condim="4" friction="0.8 0.01 0.0001" '
        'solref="0.01 1" solimp="0.95 0.99 0.001"'
    )
    bar, mid = (RING - hole) / 2, (RING + hole) / 2
    return f"""<body name="nut"><freejoint name="nut"/>
      <geom name="nut_east" {like} size="{bar:.6g} {RING} {THICK}" pos="{mid:.6g} 0 0" mass="0.02"/>
      <geom name="nut_west" {like} size="{bar:.6g} {RING} {THICK}" pos="-{mid:.6g} 0 0" mass="0.02"/>
      <geom name="nut_north" {like} size="{hole:.6g} {bar:.6g} {THICK}" pos="0 {mid:.6g} 0" mass="0.01"/>
      <geom name="nut_south" {like} size="{hole:.6g} {bar:.6g} {THICK}" pos="0 -{mid:.6g} 0" mass="0.01"/>
      <geom name="handle" {like} size="{(ARM - RING) / 2} 0.009 {THICK}" pos="{(ARM + RING) / 2} 0 0" mass="0.02"/>
    </body>"""


def _post() -> str:
    """Return the square post, a fixture that `reset` moves."""
    return f"""<body name="post" mocap="true">
      <geom name="post" type="box" size="{POST} {POST} {POST_HEIGHT / 2}" pos="0 0 {POST_HEIGHT / 2}"
        rgba="0.30 0.42 0.55 1" friction="0.2 0.005 0.0001" solref="0.01 1" solimp="0.95 0.99 0.001"/>
    </body>"""
