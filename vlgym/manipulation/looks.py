"""Visual randomisation: colours, light and the camera's pose of an episode, drawn from the name of its start.

A start state has one look, in whatever batch, thread or process; physics never sees it. The table may have any colour;
everything else keeps the colour its name says and changes only in brightness and tint, so that instructions stay true.

Source: Tobin et al. 2017, "Domain Randomization for Transferring Deep Neural Networks", section III; the ranges are
ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from vlgym.core.cameras import Look
from vlgym.core.errors import did_you_mean
from vlgym.manipulation.control import Array

KINDS = ("", "visual")
"""What the environments' option `randomize` may be."""

TABLE = (0.15, 0.85)
"""Range of the table's red, green and blue."""

BRIGHTNESS, TINT = (0.7, 1.2), 0.08
"""Of every other colour: range of a factor on all channels, largest change of a channel."""

LIGHT, TILT = (0.7, 1.25), 0.5
"""Range of a factor on all lamps; largest horizontal change of the sun's direction."""

PLACE, AIM, ROLL, ZOOM = 0.03, 0.015, 0.03, 0.03
"""Largest change of the camera's place and of what it looks at (metres), of its roll (radians), and of its scale."""

_STREAM = 7_919
"""Keeps looks apart from what else is drawn from the name of a start."""


class Looks:
    """The looks of a scene's starts.

    Args:
        model: the MjModel.
        camera: name of the fixed camera that is moved.
    """

    def __init__(self, model: Any, camera: str) -> None:
        own = np.where(
            (model.geom_matid >= 0)[:, None],
            model.mat_rgba[np.maximum(model.geom_matid, 0), :3],
            model.geom_rgba[:, :3],
        )
        self._colours, self._kind = np.unique(own, axis=0, return_inverse=True)
        self._kind = self._kind.reshape(-1)
        self._table = int(model.geom("table").id)
        number = int(model.cam(camera).id)
        self._place = np.array(model.cam_pos0[number])
        axes = np.array(model.cam_mat0[number]).reshape(3, 3)
        self._up, forward = axes[:, 1], -axes[:, 2]
        self._aim = self._place - forward * (self._place[2] / forward[2])  # the point of the table it looks at
        self._of = lru_cache(4096)(self._draw)

    def _draw(self, split: int, count: int) -> Look:
        """Return the look of the start that these integers name."""
        rng = np.random.default_rng([split, count, _STREAM])
        colours = self._colours * rng.uniform(*BRIGHTNESS, (len(self._colours), 1))
        colours = colours + rng.uniform(-TINT, TINT, colours.shape)
        found = np.clip(colours, 0.0, 1.0)[self._kind]
        found[self._table] = rng.uniform(*TABLE, 3)
        place = self._place + rng.uniform(-PLACE, PLACE, 3)
        forward = self._aim + rng.uniform(-AIM, AIM, 3) - place
        forward /= np.linalg.norm(forward)
        side = np.cross(forward, self._up)
        side /= np.linalg.norm(side)
        roll = rng.uniform(-ROLL, ROLL)
        up = np.cos(roll) * np.cross(side, forward) + np.sin(roll) * side
        tilt = np.array([*rng.uniform(-TILT, TILT, 2), 0.0])
        light, zoom = rng.uniform(*LIGHT), 1.0 + rng.uniform(-ZOOM, ZOOM)
        return Look(found.astype(np.float32), float(light), tilt, place, forward, up, float(zoom))

    def batch(self, starts: Array) -> Sequence[Look]:
        """Return the looks of starts [N, 2]: split's number and count."""
        return [self._of(int(split), int(count)) for split, count in starts]


def looks_for(kind: str, model: Any, camera: str) -> Looks | None:
    """Return the looks that the option `randomize` asks for, None for the model's own; raises ValueError."""
    if kind not in KINDS:
        raise ValueError(f"Unknown randomize {kind!r}; known: 'visual', or '' for none.{did_you_mean(kind, KINDS[1:])}")
    return Looks(model, camera) if kind else None
