"""Cubes: lift one, stack two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlgym.manipulation.control import Array, angle_of
from vlgym.manipulation.experts import Carrier, Expert
from vlgym.manipulation.frames import BODY_LAYOUT
from vlgym.manipulation.scene import Parts
from vlgym.manipulation.tasks.base import (
    GRIP,
    PROPRIO,
    SEEN,
    ArmTask,
    Flags,
    Start,
    closeness,
    scatter,
    thing,
    upright,
)

if TYPE_CHECKING:
    from vlgym.manipulation.world import World

HALF = 0.020
"""Half the side of a cube, metres."""

HIGH = 0.10
"""How far a cube must be lifted, metres."""

MIDDLE = np.array([0.5, 0.0])
BODY = GRIP + PROPRIO
_SIZE = f"{HALF} {HALF} {HALF}"
WORKSPACE = ((0.33, -0.20, 0.008, -1.2), (0.67, 0.20, 0.30, 1.2))


def put(world: World, i: int, name: str, place: Array, yaw: float) -> None:
    """Put a free thing of arm `i` at `place` (3,), turned by `yaw`."""
    address, _ = world.joint(name)
    world.data[i].qpos[address : address + 7] = [*place, *upright(yaw)]


def start_of_hand(rng: np.random.Generator, spread: float) -> Array:
    """Draw the tip's start (4,): within 5 cm of the middle, 15 to 20 cm up, yaw within 0.3 rad, all times `spread`."""
    return np.array(
        [*(MIDDLE + spread * rng.uniform(-0.05, 0.05, 2)), rng.uniform(0.15, 0.20), spread * rng.uniform(-0.3, 0.3)]
    )


def square(angle: Array) -> Array:
    """Return the turn of a square thing that is nearest to none, radians in [-pi/4, pi/4)."""
    return (angle + np.pi / 4) % (np.pi / 2) - np.pi / 4


class Lift(ArmTask):
    """Lift a cube 10 cm.

    Observation, [N, 25]: proprioception (17) and the cube (8: place, sin and cos of its yaw, place from the tip).
    """

    name = "Lift"
    instruction = "Lift the red cube."
    checkpoints = ("at the cube", "off the table", "lifted")
    parts = Parts(world=thing("cube", "box", "0.80 0.15 0.12 1", _SIZE, 0.1))
    workspace = WORKSPACE
    size = BODY + SEEN
    layout = BODY_LAYOUT
    things = (("red cube", "cube"),)
    movable = ("cube",)
    difficulty = 40.0

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw the cube's place within 9 cm and its yaw."""
        spread = self.start_range
        place = MIDDLE + spread * rng.uniform(-0.09, 0.09, 2)
        put(world, i, "cube", np.array([*place, HALF]), spread * rng.uniform(-np.pi / 4, np.pi / 4))
        return Start(start_of_hand(rng, spread), np.zeros(0))

    def observe(self, world: World) -> Array:
        """Return observations [N, 25]."""
        return np.concatenate([*self.proprioception(world), *self.seen(world, "cube")], axis=1)

    def checks(self, world: World) -> Flags:
        """The tip within 1.5 cm of the cube; 1 cm and 10 cm off the table."""
        cube = world.bodies[:, world.body("cube")]
        near = np.sqrt(((cube - world.tip) ** 2).sum(axis=1)) < 0.015
        high = cube[:, 2] - HALF
        return np.stack((near, near & (high > 0.01), near & (high > HIGH)), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the cube; how high the cube is."""
        cube = world.bodies[:, world.body("cube")]
        high = cube[:, 2] - HALF
        return [closeness(cube - world.tip), high / 0.01, high / HIGH]

    def near_field(self, obs: Array) -> Array:
        """Return [N, 8]: the cube as the hand sees it, see `ArmTask.by_hand`."""
        cube = obs[:, BODY : BODY + SEEN]
        turn = square(self.frame(obs).yaw - angle_of(cube[:, 3], cube[:, 4]))
        return self.by_hand(obs, cube[:, 5:8], turn)

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that takes hold of the cube and lifts."""
        return _Lifter(self, num, rng, noise)


class _Lifter(Carrier):
    release = False

    def grasp(self, obs: Array) -> Array:
        cube = obs[:, BODY : BODY + SEEN]
        return np.column_stack((cube[:, :3], square(angle_of(cube[:, 3], cube[:, 4]))))

    def goal(self, obs: Array) -> Array:
        yaw = angle_of(obs[:, 5], obs[:, 6])
        return np.column_stack((obs[:, :2], np.full(len(obs), HALF + HIGH + 0.02), yaw))


class Stack(ArmTask):
    """Put the red cube on the green one and let go.

    Observation, [N, 33]: proprioception (17), the red cube (8) and the green one (8).
    """

    name = "Stack"
    instruction = "Put the red cube on the green cube."
    checkpoints = ("at the red cube", "off the table", "over the green cube", "stacked")
    parts = Parts(
        world=thing("red", "box", "0.80 0.15 0.12 1", _SIZE, 0.1)
        + thing("green", "box", "0.15 0.55 0.20 1", _SIZE, 0.1)
    )
    workspace = WORKSPACE
    size = BODY + 2 * SEEN
    layout = (*BODY_LAYOUT, *BODY_LAYOUT)
    things = (("red cube", "red"), ("green cube", "green"))
    movable = ("red", "green")
    difficulty = 70.0
    max_steps = 200

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw the cubes' places within 10 cm, at least 8 cm apart, and their yaws."""
        spread = self.start_range
        reach = max(spread, 0.5) * 0.10
        for name, place in zip(("red", "green"), MIDDLE + scatter(rng, 2, (reach, reach), 0.08)):
            put(world, i, name, np.array([*place, HALF]), spread * rng.uniform(-np.pi / 4, np.pi / 4))
        return Start(start_of_hand(rng, spread), np.zeros(0))

    def observe(self, world: World) -> Array:
        """Return observations [N, 33]."""
        columns = [*self.proprioception(world), *self.seen(world, "red"), *self.seen(world, "green")]
        return np.concatenate(columns, axis=1)

    def checks(self, world: World) -> Flags:
        """The tip within 1.5 cm of the red cube; 1 cm off the table; above the green one; resting on it, let go of."""
        red, green = (world.bodies[:, world.body(name)] for name in ("red", "green"))
        near = np.sqrt(((red - world.tip) ** 2).sum(axis=1)) < 0.015
        offset = red - green
        over = (np.abs(offset[:, :2]).max(axis=1) < HALF) & (offset[:, 2] > 1.8 * HALF)
        _, slot = world.joint("red")
        still = np.abs(world.v[:, slot : slot + 6]).max(axis=1) < 0.1
        rests = over & (np.abs(offset[:, 2] - 2 * HALF) < 0.004) & still
        alone = (world.q[:, 7] > 0.024) & (world.tip[:, 2] > red[:, 2] + HALF)
        return np.stack((near, near & (red[:, 2] > HALF + 0.01), over, rests & alone), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the red cube; how high it is; its way to above the green one; down onto it and let go of."""
        red, green = (world.bodies[:, world.body(name)] for name in ("red", "green"))
        offset = red - green - np.array([0.0, 0.0, 2 * HALF])
        down = 0.5 * closeness(offset, 0.02) + 0.5 * self.opening(world)
        return [closeness(red - world.tip), (red[:, 2] - HALF) / 0.01, closeness(offset), down]

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that stacks."""
        return _Stacker(self, num, rng, noise)


class _Stacker(Carrier):
    def grasp(self, obs: Array) -> Array:
        cube = obs[:, BODY : BODY + SEEN]
        return np.column_stack((cube[:, :3], square(angle_of(cube[:, 3], cube[:, 4]))))

    def goal(self, obs: Array) -> Array:
        cube = obs[:, BODY + SEEN : BODY + 2 * SEEN]
        held = obs[:, BODY : BODY + 3] - obs[:, :3]
        held = np.where((self.phase >= self.LIFT)[:, None], held, 0.0)
        place = cube[:, :3] + np.array([0.0, 0.0, 2 * HALF + 0.001]) - held
        return np.column_stack((place, square(angle_of(cube[:, 3], cube[:, 4]))))
