"""What an arm sees and does, told from its own tip: the same scene elsewhere on the table gives the same numbers.

A frame stands where the tip is and is turned as the tip is, about the vertical; heights stay those above the table. It
follows the relative trajectories of Chi et al. 2024, "Universal Manipulation Interface", section 3.3; that observations
are told the same way is ours.

Legend: N arms, D numbers of an observation, A of an action, H actions of a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlgym.manipulation.control import Array, angle_of, wrap

COLUMNS = {"height": 3, "flat": 2, "angle": 2, "offset": 3}
"""Kinds of columns of an observation after its proprioception, and how many numbers each is: a place of which the
height stays; a place on the table; sine and cosine of a yaw; a place from the tip. A number n: n columns that stay."""

BODY_LAYOUT = ("height", "angle", "offset")
"""Of `ArmTask.seen`."""


@dataclass(frozen=True, slots=True)
class TipFrame:
    """The frames of N arms.

    Moves are actions told from the tip: x and y ahead and to the left of it, in halves of the workspace's length along
    x; the height as it was; the yaw from the tip's; the gripper as it was.

    Attributes:
        place: [N, 2] of the tip on the table, metres.
        sin, cos: [N] of its yaw.
        yaw: [N] radians.
        half, middle: [4] of the workspace: half its extent, and its middle (metres, radians).
    """

    place: Array
    sin: Array
    cos: Array
    yaw: Array
    half: Array
    middle: Array

    @classmethod
    def of(cls, obs: Array, workspace: tuple[tuple[float, ...], tuple[float, ...]]) -> TipFrame:
        """Return the frames of the arms that observe `obs` [N, D] (see `ArmTask.proprioception`)."""
        low, high = np.array(workspace)
        yaw = angle_of(obs[:, 5], obs[:, 6])
        return cls(obs[:, :2], obs[:, 5], obs[:, 6], yaw, (high - low) / 2, (high + low) / 2)

    def turned(self, x: Array, y: Array, back: bool = False) -> tuple[Array, Array]:
        """Return vectors [N, ...] of the table as seen from the frames, or the other way if `back`."""
        shape = (-1,) + (1,) * (x.ndim - 1)
        sin, cos = self.sin.reshape(shape), self.cos.reshape(shape)
        sin = -sin if back else sin
        return cos * x + sin * y, cos * y - sin * x

    def into(self, actions: Array) -> Array:
        """Return the moves [N, H, A] that actions [N, H, A] are."""
        moves = actions.copy()
        x, y = (actions[..., k] * self.half[k] + self.middle[k] - self.place[:, k, None] for k in range(2))
        x, y = self.turned(x, y)
        moves[..., 0], moves[..., 1] = x / self.half[0], y / self.half[0]
        moves[..., 3] = wrap(actions[..., 3] * self.half[3] + self.middle[3] - self.yaw[:, None]) / self.half[3]
        return moves

    def out_of(self, moves: Array) -> Array:
        """Return the actions [N, H, A] that moves [N, H, A] are; they may lie outside of [-1, 1]."""
        actions = self.turn(moves)
        for k in range(2):
            actions[..., k] += (self.place[:, k, None] - self.middle[k]) / self.half[k]
        actions[..., 3] += (self.yaw[:, None] - self.middle[3]) / self.half[3]
        return actions

    def turn(self, moves: Array) -> Array:
        """Return what differences of moves [N, H, A] are as differences of actions; 0 stays 0."""
        actions = moves.copy()
        x, y = self.turned(moves[..., 0], moves[..., 1], back=True)
        actions[..., 0], actions[..., 1] = x, y * (self.half[0] / self.half[1])
        return actions

    def told(self, obs: Array, proprioception: int, layout: tuple[str | int, ...]) -> Array:
        """Return observations [N, D] from the frames, [N, E]; columns that place or turn alone would change are gone.

        Args:
            obs: proprioception first, then `layout`.
            proprioception: how many numbers it has.
            layout: kinds of the columns that follow, see `COLUMNS`.
        """
        tip, target = obs[:, :3], obs[:, 11:15]
        lead = wrap(target[:, 3] - self.yaw)
        pairs = (obs[:, 3:5], obs[:, 7:9], target[:, :2] - tip[:, :2])
        tilt, speed, ahead = (self.turned(pair[:, 0], pair[:, 1]) for pair in pairs)
        parts = [tip[:, 2], *tilt, *speed, obs[:, 9], obs[:, 10], *ahead, target[:, 2] - tip[:, 2], lead]
        parts += list(obs[:, 15:proprioception].T)
        at = proprioception
        for kind in layout:
            wide = COLUMNS[kind] if isinstance(kind, str) else kind
            columns = list(obs[:, at : at + wide].T)
            at += wide
            if kind == "height":
                columns = columns[2:]
            elif kind == "flat":
                columns = list(self.turned(columns[0] - tip[:, 0], columns[1] - tip[:, 1]))
            elif kind == "angle":  # of the difference; sine first
                columns = list(reversed(self.turned(columns[1], columns[0])))
            elif kind == "offset":
                columns = [*self.turned(columns[0], columns[1]), columns[2]]
            parts += columns
        return np.stack(parts, axis=1)
