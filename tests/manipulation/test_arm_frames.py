"""The tip's own frame: moves are actions told otherwise, and the same scene elsewhere is the same observation."""

from __future__ import annotations

import numpy as np
import pytest

from vlgym.manipulation.control import wrap
from vlgym.manipulation.frames import TipFrame
from vlgym.manipulation.tasks import TASKS
from vlgym.manipulation.vector import ArmVectorEnv

WORKSPACE = ((0.35, -0.20, 0.0, -1.0), (0.65, 0.20, 0.20, 1.0))


def observations(n: int = 6) -> np.ndarray:
    """Return observations of a peg, [n, 22], as they come up along random ways."""
    envs, rng = ArmVectorEnv("PegInsert", n), np.random.default_rng(0)
    obs, _ = envs.reset(seed=3)
    for _ in range(4):
        obs, *_ = envs.step(rng.uniform(-0.4, 0.4, (n, 4)))
    return obs


def test_moves_and_actions_are_inverse() -> None:
    frame, actions = TipFrame.of(observations(), WORKSPACE), np.random.default_rng(1).uniform(-1, 1, (6, 5, 5))
    moves = frame.into(actions)
    assert np.allclose(frame.out_of(moves), actions, atol=1e-12)
    assert np.array_equal(moves[..., [2, 4]], actions[..., [2, 4]])  # heights and the gripper are not told otherwise
    assert np.abs(moves[..., 0] - actions[..., 0]).max() > 0.05


def test_a_move_is_metres_ahead_of_the_tip() -> None:
    obs = observations()
    low, high = (np.array(bound) for bound in WORKSPACE)
    yaw, ahead = np.arctan2(obs[:, 5], obs[:, 6]), 0.03
    target = obs[:, :2] + ahead * np.stack((np.cos(yaw), np.sin(yaw)), 1)
    actions = np.zeros((6, 1, 4))
    actions[:, 0, :2] = 2 * (target - low[:2]) / (high - low)[:2] - 1
    actions[:, 0, 3] = yaw + 0.1
    moves = TipFrame.of(obs, WORKSPACE).into(actions)[:, 0]
    assert np.allclose(moves, [[ahead / 0.15, 0, 0, 0.1]], atol=1e-9)


def test_differences_turn_with_the_tip_and_nothing_stays_nothing() -> None:
    frame, rng = TipFrame.of(observations(), WORKSPACE), np.random.default_rng(2)
    moves, step = rng.uniform(-1, 1, (6, 3, 4)), rng.uniform(-0.1, 0.1, (6, 3, 4))
    assert np.allclose(frame.out_of(moves + step) - frame.out_of(moves), frame.turn(step), atol=1e-12)
    assert not np.abs(frame.turn(0 * step)).any()


@pytest.mark.parametrize("task", TASKS)
def test_a_scene_moved_and_turned_looks_the_same_from_the_tip(task: str) -> None:
    """Move and turn every place, yaw and offset of an observation by hand; what is told stays."""
    envs = ArmVectorEnv(task, 4)
    obs, _ = envs.reset(seed=5)
    for _ in range(3):
        obs, *_ = envs.step(np.random.default_rng(3).uniform(-0.3, 0.3, (4, envs.single_action_space.shape[0])))
    turn, shift = 0.3, np.array([0.04, -0.02])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = obs.copy()

    def place(at: int) -> None:
        moved[:, at : at + 2] = obs[:, at : at + 2] @ rotation.T + shift

    def offset(at: int) -> None:
        moved[:, at : at + 2] = obs[:, at : at + 2] @ rotation.T

    def angle(at: int) -> None:
        now = np.arctan2(obs[:, at], obs[:, at + 1]) + turn
        moved[:, at], moved[:, at + 1] = np.sin(now), np.cos(now)

    for at, change in ((0, place), (3, offset), (5, angle), (7, offset), (11, place)):
        change(at)
    moved[:, 14] = wrap(obs[:, 14] + turn)
    at = 17 if envs.task.parts.gripper else 15
    for kind in envs.task.layout:
        if isinstance(kind, str):
            {"height": place, "flat": place, "angle": angle, "offset": offset}[kind](at)
        at += kind if isinstance(kind, int) else {"height": 3, "flat": 2, "angle": 2, "offset": 3}[kind]
    assert at == obs.shape[1]
    assert np.allclose(envs.egocentric(moved), envs.egocentric(obs), atol=1e-9)
    assert not np.allclose(moved, obs, atol=1e-3)


def test_one_arm_is_told_what_it_is_told_among_many() -> None:
    envs, obs = ArmVectorEnv("PegInsert", 1), observations()
    many = envs.egocentric(obs)
    for i in range(6):
        assert np.array_equal(envs.egocentric(obs[i : i + 1])[0], many[i])
    moves = np.random.default_rng(4).uniform(-1, 1, (6, 8, 4))
    assert np.array_equal(envs.frame(obs).out_of(moves)[2], envs.frame(obs[2:3]).out_of(moves[2:3])[0])
