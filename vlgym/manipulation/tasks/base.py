"""What a task of the arm is: parts on the table, a start, observations, checkpoints, and an expert."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from vlgym.manipulation.control import Array, cosine, sine, yaw_of
from vlgym.manipulation.frames import TipFrame
from vlgym.manipulation.scene import Parts

if TYPE_CHECKING:
    from vlgym.core.actions import Action
    from vlgym.manipulation.experts import Expert
    from vlgym.manipulation.skills import Skills
    from vlgym.manipulation.world import World

Flags = NDArray[np.bool_]

PROPRIO = 15
"""Numbers that every observation begins with, see `ArmTask.proprioception`; a gripper adds `GRIP`."""

GRIP = 2


@dataclass(frozen=True, slots=True)
class Start:
    """Where an episode begins.

    Attributes:
        tip: (4,) x, y, z in metres, yaw in radians.
        goal: (G,) the task's own parameters of the episode.
        opening: of the gripper, in [0, 1].
    """

    tip: Array
    goal: Array
    opening: float = 1.0


class ArmTask(ABC):
    """One kind of task.

    Attributes:
        name: as in `vlgym.manipulation.tasks.TASKS`.
        instruction: what is to be done, in words.
        checkpoints: names of the states on the way, the last of which is success.
        max_steps: control steps of an episode, 20 a second.
        max_words: actions of an episode on the language side.
        difficulty: control steps of the expert's solution, about.
        parts: what the scene has besides the arm.
        workspace: lowest and highest tip target: x, y, z in metres, yaw in radians.
        goal_size: G.
        size: D, numbers of an observation.
        layout: what the observation has after its proprioception, see `vlgym.manipulation.frames.COLUMNS`.
        camera: of image observations and pictures.
        things: (label, body) of what the language side names.
        movable: bodies among them that can be picked up.
    """

    name: ClassVar[str]
    instruction: str
    checkpoints: ClassVar[tuple[str, ...]]
    max_steps: int = 100
    max_words: int = 30
    difficulty: float = 40.0
    parts: Parts
    workspace: tuple[tuple[float, float, float, float], tuple[float, float, float, float]]
    goal_size: int = 0
    size: int
    layout: tuple[str | int, ...]
    camera: str = "front"
    things: tuple[tuple[str, str], ...] = ()
    movable: tuple[str, ...] = ()

    def __init__(self, start_range: float = 1.0) -> None:
        if not 0.0 <= start_range <= 1.5:
            raise ValueError(f"start_range must be within 0 and 1.5 (1: as trained), got {start_range}.")
        self.start_range = start_range

    def instruction_of(self, number: tuple[int, int]) -> str:
        """Return what is to be done from start `number`, in words."""
        return self.instruction

    @abstractmethod
    def place(self, world: World, i: int, rng: np.random.Generator) -> Start:
        """Put the parts of arm `i` in place (its MjData is freshly reset) and return the arm's own start."""

    @abstractmethod
    def observe(self, world: World) -> Array:
        """Return the observations [N, D]: all that the expert needs."""

    @abstractmethod
    def checks(self, world: World) -> Flags:
        """Return which checkpoints hold now, bool [N, C]."""

    @abstractmethod
    def nearness(self, world: World) -> list[Array]:
        """Return how near each checkpoint is now if the one before it holds, C columns [N] of which 1 is "at it"."""

    def potential(self, world: World) -> Array:
        """Return the share of the way to success [N], in [0, 1]: the furthest checkpoint that holds and `nearness` of
        the next. Its gain of a step is the dense reward (potential-based shaping, Ng et al. 1999; the stages: ours)."""
        held = self.checks(world)
        count = held.shape[1]
        stage = np.where(held, np.arange(1, count + 1), 0).max(axis=1)
        near = np.column_stack((*self.nearness(world), np.zeros(len(held))))[np.arange(len(held)), stage]
        share: Array = (stage + np.clip(near, 0.0, 1.0)) / count
        return share

    @abstractmethod
    def expert(self, num: int, rng: np.random.Generator, noise: float = 1.0) -> Expert:
        """Return a scripted expert for a batch of `num`."""

    def words(self, world: World, skills: Skills) -> Action | None:
        """Return the oracle's next action on the language side (world of one); None: what the expert does, in words."""
        return None

    def near_field(self, obs: Array) -> Array:
        """Return features [N, F] of observations [N, D] that resolve the last millimetres; F = 0 if there are none."""
        return np.zeros((len(obs), 0))

    def frame(self, obs: Array) -> TipFrame:
        """Return the tips' own frames for observations [N, D]."""
        return TipFrame.of(obs, self.workspace)

    def egocentric(self, obs: Array) -> Array:
        """Return observations [N, D] as told from the tips' own frames, [N, E]."""
        return self.frame(obs).told(obs, PROPRIO + GRIP * self.parts.gripper, self.layout)

    # ------------------------------------------------------------------ shared pieces

    def by_hand(self, obs: Array, offset: Array, turn: Array) -> Array:
        """Return near-field features [N, 8] of a thing to be gripped: it from the tip as the hand sees it (per 10 mm),
        the hand's turn against it (per 50 mrad), the lead of the last target over the tip (per 10 mm), and the
        gripper's opening, each cut to 3.

        Args:
            obs: observations [N, D].  offset: [N, 3] of the thing from the tip, metres.  turn: [N] radians.
        """
        frame, lead = self.frame(obs), obs[:, 11:14] - obs[:, :3]
        aside, ahead = frame.turned(offset[:, 0], offset[:, 1]), frame.turned(lead[:, 0], lead[:, 1])
        columns = (*(part / 0.010 for part in (*aside, offset[:, 2])), turn / 0.050)
        columns = (*columns, *(part / 0.010 for part in (*ahead, lead[:, 2])), obs[:, 15])
        features: Array = np.clip(np.stack(columns, axis=1), -3.0, 3.0)
        return features

    def proprioception(self, world: World) -> list[Array]:
        """Return columns: tip 3, tilt 2 (horizontal part of the hand's axis), sin and cos of yaw, speeds 3 (m/s) and of
        yaw (rad/s), last target 4; of a gripper also its opening and the last target of it, in [0, 1]."""
        columns = [world.tip, world.rotation[:, :2, 2], sine(world.yaw)[:, None], cosine(world.yaw)[:, None]]
        columns += [world.twist[:, :3], world.twist[:, 5:], world.target[:, :4]]
        if world.gripper:
            columns += [self.opening(world)[:, None], world.target[:, 4:]]
        return columns

    def opening(self, world: World) -> Array:
        """Return how far the gripper is open [N], in [0, 1]."""
        return 25.0 * world.q[:, 7]

    def seen(self, world: World, name: str) -> list[Array]:
        """Return columns on a body: place (3), sin and cos of its yaw, and place from the tip (3)."""
        number = world.body(name)
        place, turned = world.bodies[:, number], yaw_of(world.frames[:, number])
        return [place, sine(turned)[:, None], cosine(turned)[:, None], place - world.tip]


SEEN = 8
"""Numbers of `ArmTask.seen`."""


def closeness(offset: Array, scale: float = 0.1) -> Array:
    """Return 1 where `offset` [N, K] is nothing, 1/2 where it is `scale` long (metres), and towards 0 far away."""
    found: Array = scale / (scale + np.sqrt((offset**2).sum(axis=1)))
    return found


def thing(name: str, shape: str, rgba: str, size: str, mass: float) -> str:
    """Return the MJCF of a thing that can be picked up: a geom of `shape` and `size` (metres) and `mass` (kg)."""
    return (
        f'<body name="{name}"><freejoint name="{name}"/><geom name="{name}" type="{shape}" size="{size}" rgba="{rgba}" '
        f'mass="{mass}" condim="4" friction="1 0.01 0.0001" solref="0.01 1" solimp="0.95 0.99 0.001"/></body>'
    )


def scatter(rng: np.random.Generator, count: int, reach: tuple[float, float], apart: float) -> Array:
    """Draw places [count, 2] (metres from the middle) within +-`reach`, at least `apart` metres from each other."""
    for _ in range(200):
        found: list[Array] = []
        for place in rng.uniform(-1, 1, (20 * count, 2)) * reach:
            if all(float(np.hypot(*(place - other))) >= apart for other in found):
                found.append(place)
            if len(found) == count:
                return np.array(found)
    raise ValueError(f"{count} things do not fit {apart} m apart into {reach}; widen start_range.")


def in_frame(point: Array, origin: Array, yaw: Array) -> Array:
    """Return points [N, 3] as seen from frames at `origin` [N, 3] turned by `yaw` [N] about the vertical."""
    offset, cos, sin = point - origin, cosine(yaw), sine(yaw)
    return np.stack(
        (cos * offset[:, 0] + sin * offset[:, 1], cos * offset[:, 1] - sin * offset[:, 0], offset[:, 2]), axis=1
    )


def upright(yaw: float) -> list[float]:
    """Return the quaternion of a turn about the vertical."""
    return [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))]
