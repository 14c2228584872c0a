"""What the words of the language side do: each runs the controller for a second or more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vlgym.core.actions import Action
from vlgym.core.errors import ActionError
from vlgym.manipulation.control import Array, wrap
from vlgym.manipulation.world import World

STEPS, FINGER_STEPS = 40, 8
"""Control steps that a move may take at most, and that the fingers take."""

NEAR, LIFT = 0.001, 0.10
"""A move has arrived within NEAR metres; things are picked up by LIFT metres."""

UNITS = np.array([100.0, 100.0, 100.0, 180.0 / np.pi])
"""From metres and radians to the centimetres and degrees of the words."""


class Skills:
    """Runs the actions of the grammar on one arm (a world of one)."""

    def __init__(self, world: World) -> None:
        self._world = world

    def run(self, action: Action) -> None:
        """Carry out an action until it has arrived, it takes too long, or the task is solved.

        Raises:
            ActionError: it names no place in the workspace, or nothing that can be picked; nothing has moved.
        """
        numbers = np.array(action.args, np.float64)
        if action.verb == "move":
            self._go(self._inside(numbers / UNITS))
        elif action.verb in ("open", "close"):
            self._fingers(float(action.verb == "open"))
        elif action.verb == "pick":
            self._pick(*numbers.tolist())
        else:
            self._place(*numbers.tolist())

    def available(self) -> tuple[str, ...]:
        """Return the forms of action that are possible."""
        fingers = ("open()", "close()", "pick(<u>, <v>)", "place(<u>, <v>)") if self._world.gripper else ()
        return ("move(<x>, <y>, <z>, <yaw>)", *fingers)

    def describe(self) -> str:
        """Return what is where, one thing a line, in centimetres and degrees."""
        world = self._world
        lines = [f"hand: {_pose(world.tip[0], float(world.yaw[0]))}"]
        if world.gripper:
            lines.append(f"fingers: {2500 * world.q[0, 7]:.0f}% open")
        for label, name in world.task.things:
            number = world.body(name)
            turned = world.frames[0, number]
            lines.append(f"{label}: {_pose(world.bodies[0, number], float(np.arctan2(turned[1, 0], turned[0, 0])))}")
        return "\n".join(lines)

    def point(self, verb: str, place: Array) -> Action:
        """Return the action `verb` at the point of the image where the task's camera has `place` (3,), metres."""
        eye, axes, half = self._eye()
        seen = axes.T @ (place - eye)
        u, v = 0.5 + 0.5 * seen[:2] * np.array([1, -1]) / (-seen[2] * half)
        return Action(verb, (round(float(np.clip(u, 0, 1)), 3), round(float(np.clip(v, 0, 1)), 3)))

    # ------------------------------------------------------------------ motions

    def _inside(self, target: Array) -> Array:
        low, high = self._world.low[:4], self._world.high[:4]
        if ((target < low - 1e-9) | (target > high + 1e-9)).any():
            names = ("x", "y", "z", "yaw")
            ranges = [f"{n} {a:.0f} to {b:.0f}" for n, a, b in zip(names, low * UNITS, high * UNITS)]
            raise ActionError(f"The hand reaches {', '.join(ranges)}, in centimetres and degrees; move within that.")
        return target

    def _servo(self, target: Array) -> bool:
        """One control step; return whether there is any use in another."""
        world = self._world
        actions = 2 * (target - world.low) / (world.high - world.low) - 1
        world.step(np.clip(actions, -1, 1)[None], np.ones(1, bool))
        return not (world.broken[0] or world.reached[0, -1])

    def _go(self, target: Array) -> bool:
        world = self._world
        full = np.concatenate((target, world.target[0, 4:]))
        for step in range(STEPS):
            if not self._servo(full):
                return False
            speed = float(np.abs(world.twist[0]).max())
            off = max(float(np.abs(world.tip[0] - target[:3]).max()), 0.1 * abs(float(wrap(world.yaw - target[3])[0])))
            if (off < NEAR and speed < 0.01) or (step > 5 and speed < 0.002):  # there, or blocked
                break
        return True

    def _fingers(self, opening: float) -> bool:
        target = np.append(self._world.target[0, :4], opening)
        return all(self._servo(target) for _ in range(FINGER_STEPS))

    def _pick(self, u: float, v: float) -> None:
        world = self._world
        body, _ = self._seen(u, v)
        named = {world.body(name): label for label, name in world.task.things if name in world.task.movable}
        if body not in named:
            raise ActionError(f"There is nothing to pick at ({u:g}, {v:g}); point at {' or '.join(named.values())}.")
        place, turned = world.bodies[0, body].copy(), world.frames[0, body]
        yaw = float(np.arctan2(turned[1, 0], turned[0, 0]))
        yaw = (yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4  # any face of a square thing will do
        low = np.clip(np.append(place, yaw), world.low[:4], world.high[:4])
        high = low.copy()
        high[2] = min(low[2] + LIFT, world.high[2])
        _ = self._fingers(1.0) and self._go(high) and self._go(low) and self._fingers(0.0) and self._go(high)

    def _place(self, u: float, v: float) -> None:
        world = self._world
        _, point = self._seen(u, v)
        low = np.clip(np.array([*point[:2], point[2] + 0.025, world.yaw[0]]), world.low[:4], world.high[:4])
        high = low.copy()
        high[2] = min(low[2] + LIFT, world.high[2])
        _ = self._go(high) and self._go(low) and self._fingers(1.0) and self._go(high)

    def _seen(self, u: float, v: float) -> tuple[int, Array]:
        """Return body and place (metres) of what the task's camera sees at a point of the image, the arm away."""
        import mujoco

        world = self._world
        model, data = world.model, world.data[0]
        eye, axes, half = self._eye()
        ray = axes @ np.array([(2 * u - 1) * half, (1 - 2 * v) * half, -1.0])
        ray /= np.linalg.norm(ray)
        geom = np.zeros(1, np.int32)
        groups: NDArray[np.uint8] = np.array([1, 0, 0, 0, 0, 0], np.uint8)  # the arm is group 2
        distance = mujoco.mj_ray(model, data, eye, ray, groups, 1, -1, geom)
        if distance < 0:
            raise ActionError(f"At ({u:g}, {v:g}) there is nothing but air; point at the table.")
        return int(model.geom_bodyid[geom[0]]), eye + distance * ray

    def _eye(self) -> tuple[Array, Array, float]:
        """Return place and axes of the task's camera, and the tangent of half its angle of view."""
        model = self._world.model
        number = model.cam(self._world.task.camera).id
        half = float(np.tan(np.radians(model.cam_fovy[number]) / 2))
        return model.cam_pos[number].copy(), model.cam_mat0[number].reshape(3, 3), half


def _pose(place: Array, yaw: float) -> str:
    x, y, z, turn = np.append(place, yaw) * UNITS
    return f"x {x:.2f} y {y:.2f} z {z:.2f} yaw {turn:.1f}"
