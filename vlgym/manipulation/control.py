"""The arm's controller and its inverse kinematics.

The hand always points down; a target is (x, y, z, yaw) of its tip. The model drives the tip by an impedance (springs
and dampers along x, y, z, roll, pitch and yaw, see envs_assets/panda), so that a blocked hand pushes straight and with
known force; `lead` says how far ahead of the tip the springs may pull. Inverse kinematics, for starts, is damped least
squares:

    dq = J^T (J J^T + damping^2 I)^-1 (e - J dq0) + dq0,   dq0 = posture (home - q)

with J the 6 x 7 Jacobian and e the error of the tip. Sources: Hogan 1985 (impedance control), Nakamura and Hanafusa
1986 (damped least squares), Siciliano et al. 2009, section 3.5 (null-space posture).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HOME = np.array([0.0, 0.2, 0.0, -2.2, 0.0, 2.4, np.pi / 4])
"""Joint angles the posture term pulls to, radians: elbow up, hand down over the middle of the table."""

REACH, LEAP, TURN = 0.005, 0.025, 0.15
"""Largest lead of the springs over a tip at rest and over a moving one (metres), and over its yaw (radians): a blocked
hand pushes with 20 newtons (4000 newtons a metre), one that is free gathers speed."""

DAMPING, POSTURE = 0.002, 0.05


def lead(tip: Array, yaw: Array, twist: Array, target: Array, period: float) -> Array:
    """Return what the springs are told [N, 6]: the target, or a point on the way to it.

    Args:
        tip: [N, 3] metres.
        yaw: [N] radians.
        twist: [N, 6] m/s and rad/s.
        target: [N, >= 4]: x, y, z, yaw.
        period: seconds of a control step.
    """
    way = target[:, :3] - tip
    command = np.zeros((len(tip), 6))
    for part in (slice(0, 2), slice(2, 3)):  # apart, so that a push downwards takes nothing from the aim
        length = np.sqrt((way[:, part] ** 2).sum(axis=1))
        speed = np.sqrt((twist[:, part] ** 2).sum(axis=1))
        reach = np.minimum(REACH + 1.5 * period * speed, LEAP)
        command[:, part] = tip[:, part] + way[:, part] * (reach / np.maximum(length, reach))[:, None]
    command[:, 5] = yaw + np.clip(wrap(target[:, 3] - yaw), -TURN, TURN)
    return command


def jacobian(cdof: Array, centre: Array, point: Array) -> Array:
    """Return the Jacobian of a point of the hand.

    Args:
        cdof: [N, 7, 6] motion axes of the joints, rotation first, about `centre` (MuJoCo's ``cdof``).
        centre: [N, 3] centre of mass of the arm (MuJoCo's ``subtree_com`` of its base).
        point: [N, 3] metres.

    Returns:
        [N, 6, 7], translation first.
    """
    axes, offset = cdof[:, :, :3], (point - centre)[:, None, :]
    found = np.empty((len(cdof), 6, 7))
    a, b, c = axes[..., 0], axes[..., 1], axes[..., 2]
    x, y, z = offset[..., 0], offset[..., 1], offset[..., 2]
    found[:, 0] = cdof[:, :, 3] + b * z - c * y
    found[:, 1] = cdof[:, :, 4] + c * x - a * z
    found[:, 2] = cdof[:, :, 5] + a * y - b * x
    found[:, 3], found[:, 4], found[:, 5] = a, b, c
    return found


def sine(angles: Array) -> Array:
    """Return the sines of angles [N]. NumPy's own (1.26) may differ in the last bit with where an array lies in memory;
    equal states must give equal bits."""
    return np.array([math.sin(angle) for angle in angles.tolist()])


def cosine(angles: Array) -> Array:
    """Return the cosines of angles [N], see `sine`."""
    return np.array([math.cos(angle) for angle in angles.tolist()])


def angle_of(y: Array, x: Array) -> Array:
    """Return the angles of vectors [N], radians, see `sine`."""
    return np.array([math.atan2(b, a) for b, a in zip(y.tolist(), x.tolist())])


def yaw_of(rotation: Array) -> Array:
    """Return the yaw of a hand that points down, radians [N], from its rotation [N, 3, 3]."""
    return angle_of(rotation[:, 1, 0], rotation[:, 0, 0])


def wrap(angle: Array) -> Array:
    """Return the angle within [-pi, pi), radians."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def pose_error(tip: Array, rotation: Array, target: Array, turn: float = 0.5) -> Array:
    """Return the twist [N, 6] (metres, radians) from the tip to the target.

    Args:
        tip: [N, 3] metres.
        rotation: [N, 3, 3] of the tip's frame.
        target: [N, >= 4]: x, y, z, yaw.
        turn: largest yaw of one step, radians.
    """
    error = np.zeros((len(tip), 6))
    error[:, :3] = target[:, :3] - tip
    now = yaw_of(rotation)
    yaw = now + np.clip(wrap(target[:, 3] - now), -turn, turn)
    cos, sin, zero = cosine(yaw), sine(yaw), np.zeros(len(tip))
    wanted = (np.stack((cos, sin, zero), 1), np.stack((sin, -cos, zero), 1), np.stack((zero, zero, zero - 1), 1))
    for k, axis in enumerate(wanted):
        error[:, 3:] += 0.5 * _cross(rotation[:, :, k], axis)
    return error


def _cross(a: Array, b: Array) -> Array:  # np.cross is ten times slower on a single row
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx), axis=1)


def joint_step(q: Array, jac: Array, error: Array) -> Array:
    """Return the joint step [N, 7] (radians) that closes `error` [N, 6], with the posture in the null space."""
    rest = POSTURE * (HOME - q)
    gram = np.matmul(jac, jac.transpose(0, 2, 1))
    gram[:, range(6), range(6)] += DAMPING**2
    right = error - np.matmul(jac, rest[:, :, None])[:, :, 0]
    weights = np.linalg.solve(gram, right[:, :, None])
    step: Array = rest + np.matmul(jac.transpose(0, 2, 1), weights)[:, :, 0]
    return step
