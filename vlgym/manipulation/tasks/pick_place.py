"""Language: put the thing that the instruction names on the plate that it names; the rest is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vlgym.core.actions import Action
from vlgym.manipulation.control import Array, angle_of
from vlgym.manipulation.experts import Carrier, Expert
from vlgym.manipulation.frames import BODY_LAYOUT
from vlgym.manipulation.scene import Parts
from vlgym.manipulation.tasks.base import SEEN, ArmTask, Flags, Start, closeness, scatter, thing
from vlgym.manipulation.tasks.blocks import BODY, HALF, MIDDLE, WORKSPACE, put, square

if TYPE_CHECKING:
    from vlgym.manipulation.skills import Skills
    from vlgym.manipulation.world import World

THINGS = ("red cube", "green cube", "blue cylinder", "yellow cylinder")
PLATES = ("white plate", "black plate")
PHRASES = ("Put the {} on the {}.", "Place the {} onto the {}.", "Move the {} to the {}.", "The {} belongs on the {}.")

PLATE, RIM = 0.045, 0.004
"""Radius and height of a plate, metres."""

_COLOURS = {
    "red": "0.80 0.15 0.12 1",
    "green": "0.15 0.55 0.20 1",
    "blue": "0.15 0.30 0.80 1",
    "yellow": "0.90 0.75 0.10 1",
}
_GREYS = {"white": "0.92 0.92 0.90 1", "black": "0.10 0.10 0.10 1"}


def _name(label: str) -> str:
    return label.replace(" ", "_")


def _scene() -> str:
    text = ""
    for label in THINGS:
        colour, shape = label.split()
        geom, size = ("box", f"{HALF} {HALF} {HALF}") if shape == "cube" else ("cylinder", f"{HALF} {HALF}")
        text += thing(_name(label), geom, _COLOURS[colour], size, 0.08)
    for label in PLATES:
        text += f"""<body name="{_name(label)}" mocap="true"><geom name="{_name(label)}" type="cylinder"
          size="{PLATE} {RIM / 2}" pos="0 0 {RIM / 2}" rgba="{_GREYS[label.split()[0]]}"/></body>"""
    return text


class PickPlace(ArmTask):
    """Put one of four things on one of two plates, as told.

    Observation, [N, 45]: proprioception (17), the wanted thing (8), the wanted plate's x and y and its place from the
    tip (5), the other things' places from the tip (9), and which thing and which plate are wanted (4 and 2 zeros and
    ones). The language side is told in words and sees the picture.
    """

    name = "PickPlace"
    instruction = PHRASES[0].format(THINGS[0], PLATES[0])
    checkpoints = ("at the thing", "off the table", "over the plate", "placed")
    parts = Parts(world=_scene())
    workspace = WORKSPACE
    size = BODY + SEEN + 5 + 9 + 6
    layout = (*BODY_LAYOUT, "flat", "offset", "offset", "offset", "offset", 6)
    goal_size = 2
    things = tuple((label, _name(label)) for label in (*THINGS, *PLATES))
    movable = tuple(_name(label) for label in THINGS)
    max_steps, max_words, difficulty = 200, 8, 70.0

    def _wanted(self, rng: np.random.Generator) -> tuple[int, int, int]:
        """Draw thing, plate and phrase: the first draws of a start."""
        return int(rng.integers(len(THINGS))), int(rng.integers(len(PLATES))), int(rng.integers(len(PHRASES)))

    def instruction_of(self, number: tuple[int, int]) -> str:
        """Return the sentence of start `number`."""
        what, where, phrase = self._wanted(np.random.default_rng(list(number)))
        return PHRASES[phrase].format(THINGS[what], PLATES[where])

    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Draw what is wanted, and places for four things and two plates, 8.5 cm apart; the hand waits aside."""
        what, where, _ = self._wanted(rng)
        spread = max(self.start_range, 1.0)
        places = MIDDLE + scatter(rng, len(THINGS) + len(PLATES), (0.14, min(0.16 * spread, 0.19)), 0.085)
        for label, place in zip(THINGS, places):
            put(world, i, _name(label), np.array([*place, HALF]), rng.uniform(-np.pi / 4, np.pi / 4))
        for k, place in enumerate(places[len(THINGS) :]):
            world.data[i].mocap_pos[k] = [*place, 0.0]
        tip = np.array([0.36 + 0.02 * rng.random(), rng.uniform(-0.05, 0.05), rng.uniform(0.24, 0.28), 0.0])
        return Start(tip, np.array([what, where], np.float64))

    def _chosen(self, world: World) -> tuple[Array, Array, Array]:
        """Return the bodies of all things and plates [N, 6, 3], and which thing and plate are wanted, int [N]."""
        bodies = world.bodies[:, [world.body(name) for _, name in self.things]]
        return bodies, world.goal[:, 0].astype(np.int64), world.goal[:, 1].astype(np.int64)

    def observe(self, world: World) -> Array:
        """Return observations [N, 45]."""
        bodies, what, where = self._chosen(world)
        rows = np.arange(world.num)
        seen = np.stack([np.concatenate(self.seen(world, name), axis=1) for name in self.movable], axis=1)
        plate = bodies[rows, len(THINGS) + where]
        others = np.array([[k for k in range(len(THINGS)) if k != j] for j in range(len(THINGS))])[what]
        rest = seen[rows[:, None], others, 5:8].reshape(world.num, 9)
        columns = [*self.proprioception(world), seen[rows, what], plate[:, :2], plate - world.tip, rest]
        return np.concatenate([*columns, np.eye(len(THINGS))[what], np.eye(len(PLATES))[where]], axis=1)

    def checks(self, world: World) -> Flags:
        """The tip within 1.5 cm of the thing; 1 cm off the table; above the plate or on it; resting, let go of."""
        bodies, what, where = self._chosen(world)
        rows = np.arange(world.num)
        held, plate = bodies[rows, what], bodies[rows, len(THINGS) + where]
        near = np.sqrt(((held - world.tip) ** 2).sum(axis=1)) < 0.015
        over = np.sqrt(((held - plate)[:, :2] ** 2).sum(axis=1)) < PLATE - 0.005
        slots = np.array([world.joint(name)[1] for name in self.movable])[what]
        still = np.abs(world.v[rows[:, None], slots[:, None] + np.arange(6)]).max(axis=1) < 0.1
        rests = over & (held[:, 2] < HALF + RIM + 0.004) & still
        alone = (world.q[:, 7] > 0.024) & (world.tip[:, 2] > held[:, 2] + HALF)
        lifted = near & (held[:, 2] > HALF + 0.01)
        return np.stack((near, lifted, over & (held[:, 2] > HALF + RIM / 2), rests & alone), axis=1)

    def nearness(self, world: World) -> list[Array]:
        """The tip's way to the thing; how high it is; its way to the plate; down onto it and let go of."""
        bodies, what, where = self._chosen(world)
        rows = np.arange(world.num)
        held, plate = bodies[rows, what], bodies[rows, len(THINGS) + where]
        offset = held - plate - np.array([0.0, 0.0, HALF + RIM])
        down = 0.5 * closeness(offset[:, 2:], 0.02) + 0.5 * self.opening(world)
        return [closeness(held - world.tip), (held[:, 2] - HALF) / 0.01, closeness(offset[:, :2]), down]

    def words(self, world: World, skills: Skills) -> Action | None:
        """Return what a reader of the instruction does next: point at the thing, then at the plate."""
        bodies, what, where = self._chosen(world)
        held = bodies[0, what[0]]
        in_hand = float(np.abs(held - world.tip[0]).max()) < 0.02 and held[2] > HALF + 0.01
        goal = bodies[0, len(THINGS) + where[0]] + np.array([0.0, 0.0, RIM])
        return skills.point("place", goal) if in_hand else skills.point("pick", held)

    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return an expert that does as told."""
        return _Placer(self, num, rng, noise)


class _Placer(Carrier):
    clear, exact = 0.08, 0.006

    def grasp(self, obs: Array) -> Array:
        body = obs[:, BODY : BODY + SEEN]
        return np.column_stack((body[:, :3], square(angle_of(body[:, 3], body[:, 4]))))

    def goal(self, obs: Array) -> Array:
        plate, yaw = obs[:, BODY + SEEN : BODY + SEEN + 2], angle_of(obs[:, 5], obs[:, 6])
        held = np.where((self.phase >= self.LIFT)[:, None], obs[:, BODY : BODY + 3] - obs[:, :3], 0.0)
        where = np.column_stack((plate, np.full(len(obs), RIM + HALF + 0.001))) - held
        return np.column_stack((where, yaw))
