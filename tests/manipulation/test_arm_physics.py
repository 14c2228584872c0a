"""The physics of the arm: gravity, contacts, energy, and what must be impossible."""

from __future__ import annotations

import numpy as np
import pytest

from vlgym.manipulation.control import wrap
from vlgym.manipulation.tasks import TASKS, make
from vlgym.manipulation.tasks.blocks import HALF, put
from vlgym.manipulation.tasks.peg import DEPTH, TOP
from vlgym.manipulation.vector import ArmVectorEnv
from vlgym.manipulation.world import World

mujoco = pytest.importorskip("mujoco")

ALL = np.ones(1, bool)


def aim(world: World, target: np.ndarray) -> np.ndarray:
    """Return the actions of tip targets, metres and radians [N, A]."""
    return np.clip(2 * (target - world.low) / (world.high - world.low) - 1, -1, 1)


def deepest(world: World) -> float:
    """Return the deepest penetration of any contact, metres."""
    return max((-float(data.contact.dist.min()) for data in world.data if data.ncon), default=0.0)


def test_free_fall_within_two_percent():
    world = World(make("Lift"), 1)
    world.reset(0, (0, 0))
    put(world, 0, "cube", np.array([0.6, 0.15, 1.0]), 0.0)
    mujoco.mj_step(world.model, world.data[0], 60)
    address, slot = world.joint("cube")
    fallen, time = 1.0 - world.data[0].qpos[address + 2], world.data[0].time
    assert fallen == pytest.approx(0.5 * 9.81 * time**2, rel=0.02)
    assert world.data[0].qvel[slot + 2] == pytest.approx(-9.81 * time, rel=0.02)


def test_a_peg_larger_than_the_hole_never_enters_in_200_hard_pushes():
    envs = ArmVectorEnv("PegInsert", 20, clearance=-0.1, start_range=0.3)
    rng, depth = np.random.default_rng(0), 0.0
    for _ in range(10):
        obs, _ = envs.reset(seed=int(rng.integers(1000)))
        over = np.column_stack((obs[:, 17:19], np.full(20, 0.05), np.arctan2(obs[:, 15], obs[:, 16])))
        for _ in range(15):
            envs.step(aim(envs.world, over))
        for _ in range(10):  # full force downwards, with a wobble that looks for a way in
            wobble = np.column_stack((rng.normal(0, 0.001, (20, 2)), np.full(20, -0.05), rng.normal(0, 0.02, 20)))
            envs.step(aim(envs.world, over + wobble))
            depth = max(depth, TOP - float(envs.world.tip[:, 2].min()))
            assert deepest(envs.world) < 0.001
        assert not envs.world.reached[:, 1:].any()
        assert np.hypot(*(envs.world.tip - over[:, :3])[:, :2].T).max() < 0.01, "the pushes were beside the hole"
    assert depth < 0.003, "a tilted edge dips in, the peg does not"


def test_penetration_stays_under_a_millimetre_while_inserting():
    envs = ArmVectorEnv("PegInsert", 16, clearance=0.2)
    obs, _ = envs.reset(seed=3)
    expert, worst = envs.expert(np.random.default_rng(0)), 0.0
    for _ in range(80):
        obs, *_ = envs.step(expert.act(obs))
        worst = max(worst, deepest(envs.world))
    assert envs.world.reached[:, -1].mean() > 0.7
    assert 0.0 < worst < 0.001


def test_energy_is_sane():
    """At rest nothing gains energy: cubes stay, and the arm holds its pose without drift."""
    world = World(make("Stack"), 1)
    world.reset(0, (0, 1))
    world.gather()
    before, tip = world.q[:, 9:].copy(), world.tip.copy()
    for _ in range(100):
        world.step(aim(world, world.target), ALL)
    assert np.abs(world.q[:, 9:] - before).max() < 1e-3
    assert np.abs(world.tip - tip).max() < 1e-4
    assert np.abs(world.v).max() < 1e-2
    put(world, 0, "red", np.array([0.6, 0.18, HALF + 0.10]), 0.3)  # a drop: no bounce higher than the fall
    highest_after_landing, landed = 0.0, False
    for _ in range(40):
        world.step(aim(world, world.target), ALL)
        height = float(world.bodies[0, world.body("red"), 2])
        landed |= height < HALF + 0.005
        highest_after_landing = max(highest_after_landing, height if landed else 0.0)
    assert landed
    assert highest_after_landing < HALF + 0.01


def test_a_blocked_hand_pushes_with_bounded_force():
    world = World(make("PegInsert", start_range=0.0), 1)
    world.reset(0, (0, 0))
    world.gather()
    target = np.array([[0.5 + 0.03, 0.0, 0.0, 0.0]])  # onto the block, beside the hole
    force = np.zeros(6)
    for _ in range(60):
        world.step(aim(world, target), ALL)
    data = world.data[0]
    total = 0.0
    for k in range(data.ncon):
        mujoco.mj_contactForce(world.model, data, k, force)
        total += float(force[0])
    assert 10 < total < 40


def test_the_tip_goes_where_it_is_told():
    """Over the workspace the tip settles within 0.1 mm and 1 mrad of its target."""
    task = make("PegInsert")
    world = World(task, 16)
    for i in range(16):
        world.reset(i, (0, i))
        world.data[i].mocap_pos[0] = [5, 5, 0]  # nothing in the way
    world.gather()
    low, high = world.low + np.array([0, 0, 0.05, 0]), world.high
    target = np.random.default_rng(1).uniform(low, high, (16, 4))
    for _ in range(80):
        world.step(aim(world, target), np.ones(16, bool))
    assert np.abs(world.tip - target[:, :3]).max() < 1e-4
    assert np.abs(wrap(world.yaw - target[:, 3])).max() < 1e-3
    assert np.abs(world.rotation[:, :2, 2]).max() < 1e-3


def test_gravity_does_not_pull_the_arm_down_and_the_arm_is_no_ghost():
    """A cube under the pads stops the hand; without the pads' contact it would pass through."""
    world = World(make("Lift", start_range=0.0), 1)
    world.reset(0, (0, 0))
    put(world, 0, "cube", np.array([0.5, 0.045, HALF]), 0.0)  # under one open finger
    world.gather()
    target = np.array([[0.5, 0.0, 0.01, 0.0, 1.0]])
    for _ in range(60):
        world.step(aim(world, target), ALL)
    assert world.tip[0, 2] > 0.03


@pytest.mark.parametrize("name", TASKS)
def test_starts_are_at_rest(name):
    """Nothing jumps at the start: no part overlaps another."""
    world = World(make(name), 8)
    for i in range(8):
        world.reset(i, (2, i))
    world.gather()
    places = world.bodies.copy()
    for _ in range(10):
        world.step(aim(world, world.target), np.ones(8, bool))
    parts = [k for body, k in world._bodies.items() if body not in ("world",) and k > world.body("right_finger")]
    assert np.abs(world.bodies[:, parts] - places[:, parts]).max(initial=0.0) < 2e-3
    assert deepest(world) < 0.001


def test_success_is_where_the_tip_is_deep_in_the_hole():
    envs = ArmVectorEnv("PegInsert", 4, clearance=0.5)
    obs, _ = envs.reset(seed=0)
    expert = envs.expert(np.random.default_rng(0), noise=0.0)
    for _ in range(60):
        obs, _, terminated, *_ = envs.step(expert.act(obs))
    assert terminated.all()
    assert (obs[:, 21] < -DEPTH).all()
    assert (np.abs(obs[:, 19:21]) < 0.0015).all()
