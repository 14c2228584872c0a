"""robosuite's tasks through the contract, and the sentences for versions that do not fit."""

from __future__ import annotations

import functools
import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from vlgym.core import checks
from vlgym.core.errors import MissingDependencyError
from vlgym.registry import ENVS
from vlgym.robosuite import shim
from vlgym.robosuite.env import RobosuiteEnv

ROWS = [row for row in ENVS if row.extra == "robosuite"]
QUICK = (checks.gymnasium_checker, checks.info_contract, checks.determinism, checks.bad_actions, checks.episode_ends)
installed = pytest.mark.skipif(importlib.util.find_spec("robosuite") is None, reason="robosuite is not installed")


@installed
@pytest.mark.slow
@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.__name__)
def test_contract(check):
    check(functools.partial(checks.make_unwrapped, ROWS[0].id))


@installed
@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_task_steps_and_repeats_itself(row):
    env = checks.make_unwrapped(row.id)
    first, info = env.reset(seed=3)
    actions = np.random.default_rng(0).uniform(-1, 1, (5, *env.action_space.shape))
    seen = [env.step(action)[0] for action in actions]
    again, _ = env.reset(seed=3)
    assert np.array_equal(first, again)
    assert all(np.array_equal(env.step(action)[0], old) for action, old in zip(actions, seen))
    assert not np.array_equal(env.reset(seed=4)[0], first)
    assert env.observation_space.contains(first)
    assert not info["success"]
    env.close()


@installed
@pytest.mark.slow
def test_success_pays_once_and_ends():
    env = RobosuiteEnv("Lift")
    env.reset(seed=0)
    env.sim_env._check_success = lambda: True
    _, reward, terminated, truncated, info = env.step(np.zeros(7))
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info["is_success"]
    env.close()


@installed
@pytest.mark.slow
def test_a_dense_reward_is_the_gain_of_robosuites_own():
    env, plain = RobosuiteEnv("Lift", reward="dense"), RobosuiteEnv("Lift")
    env.reset(seed=0)
    plain.reset(seed=0)
    way = env.sim_env.reward(None)
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 7)):
        seen, reward, *_ = env.step(action)
        assert np.array_equal(plain.step(action)[0], seen)
        assert reward == env.sim_env.reward(None) - way
        assert reward != 0
        way = env.sim_env.reward(None)
    env.close()
    plain.close()


def test_an_absent_robosuite_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"vlgym\[robosuite\]"):
        shim.load()


@pytest.mark.parametrize("version", ["3.2.7", "5.0.0"])
def test_another_mujoco_names_the_pins(monkeypatch, version):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shim, "require", lambda *args, **kwargs: SimpleNamespace(__version__=version))
    with pytest.raises(MissingDependencyError, match=rf"{version}.*mujoco>=3\.3,<5"):
        shim.load()


def test_another_numpy_names_the_pins(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(shim, "require", lambda *args, **kwargs: SimpleNamespace(__version__="3.9.0"))
    monkeypatch.setattr(shim.np, "__version__", "1.24.4")
    with pytest.raises(MissingDependencyError, match=r"1\.24\.4.*numpy>=1\.26"):
        shim.load()


def test_unknown_options_are_one_sentence():
    with pytest.raises(ValueError, match="Did you mean 'Lift'"):
        RobosuiteEnv("Lit")
    with pytest.raises(ValueError, match="native"):
        RobosuiteEnv("Lift", action_mode="text")
