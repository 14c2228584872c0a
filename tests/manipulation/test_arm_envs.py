"""Batches, singles, snapshots, seeds, experts and faults of the arm."""

from __future__ import annotations

import shutil

import gymnasium
import numpy as np
import pytest

import vlgym  # noqa: F401
from vlgym.core import cameras
from vlgym.core.errors import ActionError, CatalogueError, MissingDependencyError, TaskError, VlgymError
from vlgym.manipulation import scene
from vlgym.manipulation.control import DAMPING, HOME, joint_step
from vlgym.manipulation.env import ArmEnv
from vlgym.manipulation.grammar import ArmGrammar
from vlgym.manipulation.tasks import TASKS, make
from vlgym.manipulation.vector import ArmVectorEnv

pytest.importorskip("mujoco")

NATIVE = list(TASKS)


def rollout(envs: ArmVectorEnv, steps: int, seed: int = 0) -> list[np.ndarray]:
    """Return observations, rewards and ends under the expert's noisy actions."""
    obs, _ = envs.reset(seed=seed)
    expert = envs.expert(np.random.default_rng(seed))
    found = [obs]
    for _ in range(steps):
        obs, rewards, terminated, truncated, _ = envs.step(expert.act(obs))
        found += [obs, rewards, terminated, truncated]
    return found


@pytest.mark.parametrize("name", NATIVE)
def test_a_batch_is_its_singles_bit_for_bit(name):
    num, steps = 3, 45
    envs = ArmVectorEnv(name, num)
    obs, infos = envs.reset(seed=11)
    actions = np.random.default_rng(0).uniform(-1, 1, (steps, num, envs.single_action_space.shape[0]))
    singles = [ArmEnv(name) for _ in range(num)]
    for i, env in enumerate(singles):
        alone, info = env.reset(seed=11 + i)
        assert np.array_equal(alone, obs[i])
        assert info["task"] == infos["task"][i]
    for row in actions:
        obs, rewards, terminated, truncated, infos = envs.step(row)
        for i, env in enumerate(singles):
            alone, reward, ended, cut, info = env.step(row[i])
            assert np.array_equal(alone, obs[i])
            assert (reward, ended, cut) == (rewards[i], terminated[i], truncated[i])
            assert info["checkpoints"] == tuple(infos["checkpoints"][i])


@pytest.mark.parametrize("name", NATIVE)
def test_a_dense_reward_is_the_gain_of_a_potential_that_the_expert_climbs(name):
    envs, plain = ArmVectorEnv(name, 3, reward="dense"), ArmVectorEnv(name, 3)
    alone = ArmEnv(name, reward="dense")
    obs, _ = envs.reset(seed=4)
    plain.reset(seed=4)
    alone.reset(seed=4)
    expert, ended = envs.expert(np.random.default_rng(4)), np.zeros(3, bool)
    start = way = envs.task.potential(envs.world)
    total, top, fall = np.zeros(3), start, np.zeros(3)
    assert (start < 0.3).all()
    while not ended.all():
        going = ~ended
        actions = expert.act(obs)
        obs, rewards, ended, truncated, _ = envs.step(actions)
        same, sparse, *_ = plain.step(actions)
        assert np.array_equal(same, obs)  # a reward moves nothing
        assert not truncated.any()
        if going[0]:
            assert alone.step(actions[0])[1] == rewards[0]
        now = envs.task.potential(envs.world)
        assert ((now >= 0) & (now <= 1)).all()
        assert np.array_equal(rewards[going], (sparse + now - way)[going])
        assert not rewards[~going].any()
        way, total, top = now, total + rewards, np.maximum(top, now)
        fall = np.maximum(fall, top - now)
    assert total == pytest.approx(2 - start)  # 1 for success, and the whole of the way
    assert (fall < 0.4).all()


def test_a_dense_reward_goes_on_after_a_snapshot():
    env, other = (ArmEnv("Lift", reward="dense") for _ in range(2))
    env.reset(seed=0)
    rows = np.random.default_rng(0).uniform(-1, 1, (20, 5))
    for row in rows[:10]:
        env.step(row)
    other.reset(seed=9)
    other.restore(env.snapshot())
    assert all(env.step(row)[1] == other.step(row)[1] for row in rows[10:])
    with pytest.raises(ValueError, match=r"Unknown reward 'dens'; known: sparse, dense. Did you mean"):
        ArmEnv(reward="dens")


def test_threads_and_batch_size_change_nothing():
    one, two = (rollout(ArmVectorEnv("Stack", 5, threads=threads), 60) for threads in (1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_reset_after_an_unrelated_episode_is_bit_identical():
    envs = ArmVectorEnv("PegInsert", 4)
    first = rollout(envs, 50, seed=7)
    rollout(envs, 33, seed=99)
    assert all(np.array_equal(a, b) for a, b in zip(first, rollout(envs, 50, seed=7), strict=True))


@pytest.mark.parametrize("name", ["PegInsert", "Stack", "Door"])
def test_snapshots_in_contact_go_on_bit_for_bit(name):
    options = {"clearance": -0.1} if name == "PegInsert" else {}  # the peg stands on the block
    envs, other = ArmVectorEnv(name, 2, **options), ArmVectorEnv(name, 1, **options)
    obs, _ = envs.reset(seed=5)
    expert = envs.expert(np.random.default_rng(0))
    for _ in range(80):
        obs, *_ = envs.step(expert.act(obs))
        if envs.world.data[0].ncon and envs.world.elapsed[0] > 30:
            break
    assert envs.world.data[0].ncon
    other.reset(seed=1234)
    assert np.array_equal(other.restore(0, envs.snapshot(0))[0], obs[0])
    for _ in range(20):
        action = expert.act(obs)
        obs, rewards, terminated, _, infos = envs.step(action)
        copied, reward, ended, _, again = other.step(action[:1])
        assert np.array_equal(copied[0], obs[0])
        assert (reward[0], ended[0]) == (rewards[0], terminated[0])
        assert np.array_equal(again["checkpoints"][0], infos["checkpoints"][0])


def test_states_replay_a_demonstration_bit_for_bit():
    envs = ArmVectorEnv("PegInsert", 3)
    obs, _ = envs.reset(seed=2)
    expert, states, actions = envs.expert(np.random.default_rng(0)), [], []
    for _ in range(40):
        states.append(envs.states)
        actions.append(expert.act(obs))
        obs, *_ = envs.step(actions[-1])
    again = ArmVectorEnv("PegInsert", 3)
    assert again.model_hash == envs.model_hash
    again.reset(seed=77)
    again.set_states(states[0])
    for state, action in zip(states, actions, strict=True):
        assert np.array_equal(again.states, state)
        again.step(action)
    assert np.array_equal(again.states, envs.states)
    assert ArmVectorEnv("PegInsert", 1, clearance=0.5).model_hash != envs.model_hash


def test_a_reset_of_some_leaves_their_neighbours_alone():
    envs, alone = ArmVectorEnv("PegInsert", 4), ArmVectorEnv("PegInsert", 4)
    rows = np.random.default_rng(0).uniform(-1, 1, (30, 4, 4))
    envs.reset(seed=0)
    alone.reset(seed=0)
    for k, row in enumerate(rows):
        if k == 10:
            envs.reset(options={"reset_mask": np.array([True, False, False, True])})
        obs, *_ = envs.step(row)
        other, *_ = alone.step(row)
        assert np.array_equal(obs[1:3], other[1:3])
    assert not np.array_equal(obs[0], other[0])


def test_disabled_autoreset_stands_still_and_same_step_shows_the_last_observation():
    envs = ArmVectorEnv("PegInsert", 2, max_steps=3)
    envs.reset(seed=0)
    for _ in range(3):
        obs, _, _, truncated, _ = envs.step(np.zeros((2, 4)))
    assert truncated.all()
    again, rewards, _, still, _ = envs.step(np.ones((2, 4)))
    assert np.array_equal(again, obs)
    assert still.all()
    assert not rewards.any()
    same = ArmVectorEnv("PegInsert", 2, max_steps=3, autoreset_mode="SameStep")
    same.reset(seed=0)
    for _ in range(3):
        first, _, _, truncated, infos = same.step(np.zeros((2, 4)))
    assert truncated.all()
    assert np.array_equal(infos["final_obs"], obs)
    assert not np.array_equal(first, obs)
    assert (same.world.elapsed == 0).all()


@pytest.mark.parametrize("name", NATIVE)
def test_experts_solve_their_tasks_and_random_does_not(name):
    envs = ArmVectorEnv(name, 6, split="test")
    obs, _ = envs.reset(seed=1)
    expert = envs.expert(np.random.default_rng(1))
    for _ in range(envs.max_steps):
        obs, _, terminated, truncated, infos = envs.step(expert.act(obs))
        if (terminated | truncated).all():
            break
    assert infos["is_success"].mean() >= 0.8
    envs.reset(seed=1)
    rng = np.random.default_rng(0)
    for _ in range(20):
        *_, infos = envs.step(rng.uniform(-1, 1, envs.action_space.shape))
    assert infos["is_success"].mean() < 0.5


def test_near_field_resolves_a_tenth_of_a_millimetre():
    envs = ArmVectorEnv("PegInsert", 1)
    obs, _ = envs.reset(seed=0)
    near = obs.copy()
    near[0, 19:22] = [0.0001, -0.0002, 0.001]
    features = envs.near_field(near)
    assert features.shape == (1, 7)
    assert features[0, :3] == pytest.approx([0.05, -0.1, 0.1])
    assert envs.near_field(obs)[0, 2] == 3.0
    assert ArmVectorEnv("Stack", 1).near_field(np.zeros((2, 33))).shape == (2, 0)


def test_the_doors_near_field_tells_a_grasp_from_a_miss():
    """The expert with its fingers round the bar, and the same hand a centimetre to its left."""
    envs = ArmVectorEnv("Door", 1)
    obs, _ = envs.reset(seed=0)
    expert = envs.expert(np.random.default_rng(0), 0.0)
    for _ in range(24):
        obs, *_ = envs.step(expert.act(obs))
    held = envs.near_field(obs)[0]
    assert np.abs(held[:2]).max() < 0.2
    assert abs(held[3]) < 0.5
    missed = obs.copy()
    sin, cos = obs[0, 5:7]
    missed[0, 25:27] += 0.01 * np.array([sin, -cos])  # the bar is to its right, as the hand sees it
    assert envs.near_field(missed)[0] - held == pytest.approx([0, -1, 0, 0, 0, 0, 0, 0], abs=1e-9)


def test_a_gripper_is_open_or_closed_or_stays():
    envs = ArmVectorEnv("Lift", 3)
    envs.reset(seed=0)
    actions = np.zeros((3, 5))
    for grip, target in (((0.1, 1.0, 0.0), (1, 1, 1)), ((-0.1, -1.0, 0.0), (0, 0, 1)), ((0.0, 0.2, -0.3), (0, 1, 0))):
        actions[:, 4] = grip
        obs, *_ = envs.step(actions)
        assert obs[:, 16].tolist() == list(target)


def test_inverse_kinematics_by_hand():
    """At home with the Jacobian of two unit directions a millimetre is a milliradian, less the damping."""
    jac = np.zeros((1, 6, 7))
    jac[0, range(6), range(6)] = 1.0
    error = np.zeros((1, 6))
    error[0, 0] = 0.001
    step = joint_step(HOME[None], jac, error)
    assert step[0, 0] == pytest.approx(0.001 / (1 + DAMPING**2))
    assert np.abs(step[0, 1:]).max() == 0.0


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("bad", [np.full((2, 4), np.nan), np.full((2, 4), 1.5), np.zeros((2, 3)), "up", None])
def test_bad_actions_move_nothing(bad):
    envs = ArmVectorEnv("PegInsert", 2)
    envs.reset(seed=0)
    before = envs.states
    with pytest.raises(ActionError, match="Action"):
        envs.step(bad)
    assert np.array_equal(envs.states, before)


def test_a_diverged_simulation_ends_its_own_episode_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log
    envs, alone = ArmVectorEnv("PegInsert", 3), ArmVectorEnv("PegInsert", 3)
    envs.reset(seed=0)
    alone.reset(seed=0)
    envs.world.data[1].qvel[:] = np.nan
    for _ in range(5):
        obs, rewards, terminated, truncated, infos = envs.step(np.zeros((3, 4)))
        other, *_ = alone.step(np.zeros((3, 4)))
    assert truncated.tolist() == [False, True, False]
    assert not terminated.any()
    assert not rewards.any()
    assert "diverged" in infos["env_error"][1]
    assert infos["env_error"][0] == ""
    assert np.isfinite(obs).all()
    assert np.array_equal(obs[[0, 2]], other[[0, 2]])
    obs, infos = envs.reset(seed=[None, 1, None], options={"reset_mask": truncated})
    assert infos["env_error"][1] == ""
    assert np.array_equal(obs[1], alone.reset(seed=0)[0][1])


def test_a_diverged_single_is_no_failure_of_the_agent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = ArmEnv("Lift")
    env.reset(seed=0)
    env.world.data[0].qvel[:] = 1e12
    _, reward, terminated, truncated, info = env.step(np.zeros(5))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert "diverged" in info["env_error"]
    assert env.reset(seed=0)[1]["env_error"] == ""
    assert env.step(np.zeros(5))[4]["env_error"] == ""


def test_a_missing_or_damaged_mesh_is_one_sentence(tmp_path, monkeypatch):
    shutil.copytree(scene.assets_folder(), tmp_path / "panda")
    monkeypatch.setattr(scene, "assets_folder", lambda: tmp_path / "panda")
    parts = make("PegInsert", clearance=0.77).parts
    mesh = tmp_path / "panda" / "meshes" / "hand_white.stl"
    mesh.write_bytes(mesh.read_bytes()[:100])
    with pytest.raises(CatalogueError, match="hand_white"):
        scene.build(parts)
    mesh.unlink()
    with pytest.raises(CatalogueError, match=r"hand_white\.stl.*reinstall"):
        scene.build(parts)


def test_foreign_snapshots_are_refused():
    envs = ArmVectorEnv("PegInsert", 1)
    envs.reset(seed=0)
    before = envs.states
    other = ArmVectorEnv("PegInsert", 1, clearance=1.0)
    other.reset(seed=0)
    for data, words in (
        (b"junk", "no snapshot"),
        (other.snapshot(0), "another scene"),
        (envs.snapshot(0)[:-3], "no snapshot"),
    ):
        with pytest.raises(VlgymError, match=words):
            envs.restore(0, data)
    with pytest.raises(VlgymError, match="finite"):
        envs.set_states(np.full_like(before, np.nan))
    assert np.array_equal(envs.states, before)
    env = ArmEnv("PegInsert")
    with pytest.raises(VlgymError, match="no snapshot"):
        env.restore(b"\x00\x01")


def test_options_are_checked():
    for call, words in (
        (lambda: ArmVectorEnv("PegInsrt"), "Did you mean 'PegInsert'"),
        (lambda: ArmVectorEnv("PegInsert", clearance=50), "millimetres"),
        (lambda: ArmVectorEnv("PegInsert", start_range=9), "start_range"),
        (lambda: ArmVectorEnv("PegInsert", autoreset_mode="NextStep"), "SameStep"),
        (lambda: ArmEnv("Lift", obs_mode="imge"), "Did you mean 'image'"),
        (lambda: ArmEnv("Lift", max_steps=0), "max_steps"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    envs = ArmVectorEnv("PegInsert", 2)
    with pytest.raises(TaskError, match="Unknown task"):
        envs.reset(options={"task": "train-999999"})
    with pytest.raises(ValueError, match="first reset"):
        envs.reset(options={"reset_mask": np.array([True, False])})


# ---------------------------------------------------------------- pictures and words


@pytest.fixture
def eyes():
    try:
        cameras.backend()
    except MissingDependencyError as error:
        pytest.skip(str(error))


def test_pictures_show_the_scene_and_follow_it(eyes):
    envs = ArmVectorEnv("PegInsert", 2, images=True)
    obs, _ = envs.reset(seed=0)
    assert envs.observation_space.contains(obs)
    assert obs["image"].shape == (2, 84, 84, 3)
    assert obs["image"].std(axis=(1, 2, 3)).min() > 20
    assert not np.array_equal(obs["image"][0], obs["image"][1])
    later = envs.step(np.ones((2, 4)))[0]["image"]
    for _ in range(10):
        later = envs.step(np.ones((2, 4)))[0]["image"]
    assert (np.abs(later.astype(int) - obs["image"]) > 30).any(axis=3).sum(axis=(1, 2)).min() > 50
    single = ArmEnv("PegInsert", obs_mode="image")
    assert np.array_equal(single.reset(seed=1)[0]["image"], obs["image"][1])
    assert envs.render(0, 160, 120).shape == (120, 160, 3)


def test_nothing_to_draw_with_is_one_sentence(monkeypatch):
    monkeypatch.setattr(cameras, "_loads", lambda library: False)
    with pytest.raises(MissingDependencyError, match="apt-get install libegl1"):
        gymnasium.make("vlgym/Lift-v0", render_mode="rgb_array")
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    with pytest.raises(MissingDependencyError, match=r"needs OSMESA: apt-get install libosmesa6\."):
        gymnasium.make("vlgym/Lift-v0", render_mode="rgb_array")
    gymnasium.make("vlgym/Lift-v0").reset(seed=0)  # states need no display


@pytest.mark.parametrize("name", NATIVE)
def test_the_oracle_solves_in_words(name):
    env = ArmEnv(name, action_mode="text", obs_mode="text")
    policy = env.scripted_policy("oracle")
    solved = 0
    for seed in range(2):
        observation, info = env.reset(seed=seed)
        ended = False
        while not ended:
            observation, _, terminated, truncated, info = env.step(policy(observation, info))
            assert not info["error"], info["error"]
            ended = terminated or truncated
        solved += info["success"]
    assert solved == 2


def test_pick_place_obeys_the_sentence():
    env = ArmEnv("PickPlace", action_mode="text", obs_mode="text")
    sentences = set()
    for seed in range(12):
        observation, _ = env.reset(seed=seed)
        sentences.add(observation["instruction"])
        what, where = env.world.goal[0].astype(int)
        things = [label for label, _ in env.kind.things]
        assert things[what] in observation["instruction"]
        assert things[4 + where] in observation["instruction"]
    assert len(sentences) > 6
    wrong = next(k for k in range(4) if k != what)
    skills = env._skills
    world = env.world
    pick = skills.point("pick", world.bodies[0, world.body(env.kind.movable[wrong])])
    place = skills.point("place", world.bodies[0, world.body(["white_plate", "black_plate"][where])])
    for action in (pick, place):
        info = env.step(env.grammar.format(action))[4]
        assert info["action_valid"]
    assert not info["success"], "the wrong thing on the right plate is no success"
    info = env.step("pick(0.02, 0.98)")[4]
    assert "nothing" in info["error"]


@pytest.mark.parametrize(
    "text", ["move(1,2,3)", "move(1,2,3,x)", "open(1)", "pick(2,0)", "move(nan,0,0,0)", "fly()", "move"]
)
def test_grammar_refuses(text):
    with pytest.raises(ActionError):
        ArmGrammar().parse(text)


def test_grammar_round_trip():
    grammar = ArmGrammar()
    for text in ("move(51.2, -3.0, 12.5, 10.0)", "open()", "close()", "pick(0.41, 0.73)", "place(0.0, 1.0)"):
        assert grammar.format(grammar.parse(f"  {text} ")) == text
    with pytest.raises(ActionError):
        ArmGrammar(gripper=False).parse("open()")
