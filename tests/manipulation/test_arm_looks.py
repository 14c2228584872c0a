"""Visual randomisation: pictures change with the start, nothing else does."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import vlgym  # noqa: F401
from vlgym.core import cameras
from vlgym.core.errors import MissingDependencyError, VlgymError
from vlgym.manipulation.env import ArmEnv
from vlgym.manipulation.vector import ArmVectorEnv

pytest.importorskip("mujoco")


@pytest.fixture
def eyes() -> None:
    try:
        cameras.backend()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def play(envs: ArmVectorEnv, steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return states and pictures under the expert's noisy actions."""
    obs, _ = envs.reset(seed=seed)
    expert = envs.expert(np.random.default_rng(seed))
    states, pictures = [], []
    for _ in range(steps):
        obs, *_ = envs.step(expert.act(obs["state"]))
        states.append(obs["state"])
        pictures.append(obs["image"])
    return np.array(states), np.array(pictures)


@pytest.mark.parametrize("name", ["Lift", "PegInsert"])
def test_looks_change_pictures_and_not_one_bit_of_the_physics(eyes, name):
    plain, dressed = (ArmVectorEnv(name, 3, images=True, randomize=kind) for kind in ("", "visual"))
    (states, pictures), (others, looks) = play(plain, 12), play(dressed, 12)
    assert np.array_equal(states, others)
    assert dressed.model_hash == plain.model_hash
    assert np.array_equal(dressed.states[:, :-2], plain.states)
    assert (np.abs(pictures.astype(int) - looks) > 20).any(axis=4).mean(axis=(0, 2, 3)).min() > 0.3
    assert np.array_equal(play(plain, 12)[1], pictures)  # a look leaves nothing behind in the scene that both share


def test_a_batch_is_its_singles_to_the_pixel(eyes):
    envs = ArmVectorEnv("Lift", 3, images=True, randomize="visual")
    obs, _ = envs.reset(seed=4)
    assert len({picture.tobytes() for picture in obs["image"]}) == 3
    singles = [ArmEnv("Lift", obs_mode="image", randomize="visual", render_mode="rgb_array") for _ in range(3)]
    rows = np.random.default_rng(0).uniform(-1, 1, (3, 3, 5))
    for i, env in enumerate(singles):
        assert np.array_equal(env.reset(seed=4 + i)[0]["image"], obs["image"][i])
    for row in rows:
        obs, *_ = envs.step(row)
        for i, env in enumerate(singles):
            assert np.array_equal(env.step(row[i])[0]["image"], obs["image"][i])
    assert np.array_equal(singles[1].render(), envs.render(1))


def test_a_look_belongs_to_its_start(eyes):
    envs = ArmVectorEnv("Lift", 2, images=True, randomize="visual")
    first = envs.reset(options={"task": ["train-00003", "test-00003"]})[0]["image"]
    assert not np.array_equal(*first)
    envs.reset(seed=9)
    swapped = envs.reset(options={"task": ["test-00003", "train-00003"]})[0]["image"]
    assert np.array_equal(swapped, first[::-1])


def test_snapshots_and_states_carry_the_look(eyes):
    envs, other = (ArmVectorEnv("Stack", 2, images=True, randomize="visual") for _ in range(2))
    play(envs, 5, seed=3)
    obs = envs.set_states(envs.states)
    other.reset(seed=77)
    assert np.array_equal(other.restore(0, envs.snapshot(1))["image"][0], obs["image"][1])
    assert np.array_equal(other.set_states(envs.states)["image"], obs["image"])
    single, again = (ArmEnv("Stack", obs_mode="image", randomize="visual") for _ in range(2))
    seen = single.reset(seed=5)[0]
    again.reset(seed=6)
    assert np.array_equal(again.restore(single.snapshot())[0]["image"], seen["image"])
    plain = ArmVectorEnv("Stack", 2)
    plain.reset(seed=0)
    with pytest.raises(VlgymError, match="shape"):
        plain.set_states(envs.states)


def test_the_language_side_has_looks_too_and_keeps_the_colours_names(eyes):
    env = gymnasium.make("vlgym/PickPlace-v0", randomize="visual", obs_mode="image")
    pictures = [env.reset(options={"task": f"train-0000{k}"})[0]["image"].astype(int) for k in range(3)]
    assert pictures[0].shape == (224, 224, 3)
    for picture in pictures:  # a red and a green thing are in every picture, whatever the table's colour
        red, green, blue = np.moveaxis(picture, 2, 0)
        assert ((red > 1.6 * green) & (red > 1.6 * blue)).sum() > 30
        assert ((green > 1.3 * red) & (green > 1.3 * blue)).sum() > 30


def test_an_unknown_kind_is_one_sentence():
    for make in (ArmVectorEnv, ArmEnv):
        with pytest.raises(ValueError, match="Did you mean 'visual'"):
            make("Lift", randomize="visul")
