"""Every registered environment passes every check of the contract suite; nothing to edit when one is added."""

from __future__ import annotations

import functools

import gymnasium
import pytest

import vlgym
from vlgym.core import checks
from vlgym.registry import ENVS

OWN = [row for row in ENVS if row.extra != "robosuite"]
"""All but those that need packages beyond the development set; tests/robosuite checks them where they are installed."""


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("row", OWN, ids=lambda row: row.name)
def test_contract(row: vlgym.registry.EnvRow, check: object) -> None:
    check(functools.partial(checks.make_unwrapped, row.id))  # type: ignore[operator]


@pytest.mark.parametrize("row", [row for row in ENVS if row.vector_entry_point], ids=lambda row: row.name)
def test_native_batch_shows_what_single_environments_show(row: vlgym.registry.EnvRow) -> None:
    batch = gymnasium.make_vec(row.id, num_envs=3)
    observations, infos = batch.reset(seed=7)
    for i in range(3):
        alone, info = checks.make_unwrapped(row.id).reset(seed=7 + i)
        assert infos["task"][i] == info["task"]
        for key, value in checks.parts(alone).items():
            assert checks.same(checks.parts(observations)[key][i], value)
    assert batch.observation_space.contains(observations)
    assert "autoreset_mode" in batch.metadata
    batch.close()


def test_a_broken_environment_is_found_out() -> None:
    class Unseeded:
        count = 0

        def __call__(self, **kwargs: object) -> checks.VlgymEnv:
            env = checks.make_unwrapped(ENVS[0].id, **kwargs)
            Unseeded.count += 1
            start, shift = env._start, Unseeded.count
            ids = env.tasks.ids()
            env._start = lambda task, seed: start(env.tasks[ids[(hash(task.id) + shift) % 50]], seed)  # type: ignore
            return env

    with pytest.raises(AssertionError, match="differ"):
        checks.determinism(Unseeded())
