"""The environment, its batch and its scripted policies (the contract suite in tests/contract runs on it too)."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import small_shop
from gymnasium.vector import AutoresetMode

import vlgym  # noqa: F401  (registers the ids)
from vlgym.core.errors import BackendError, TaskError, VlgymError
from vlgym.core.spaces import TextSpace
from vlgym.webshop import env as env_module
from vlgym.webshop.env import WebShopEnv
from vlgym.webshop.session import Quirks


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return small_shop.write(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def env(spec: str) -> WebShopEnv:
    return WebShopEnv(spec)


def play(env: Any, *actions: str, **reset: Any) -> list[Any]:
    """Return the last step's outcome of a sequence of actions from reset."""
    env.reset(**reset)
    return [env.step(action) for action in actions][-1]


BUY_RED_8 = ("search[sneaker]", "click[b000000001]", "click[red]", "click[8]", "click[buy now]")


def test_make_and_a_purchase(spec: str) -> None:
    env = gymnasium.make("vlgym/WebShop-v0", catalogue=spec)
    _, reward, terminated, truncated, info = play(env, *BUY_RED_8, options={"task": "B000000001-s1"})
    assert (reward, terminated, truncated, info["success"], info["score"]) == (1.0, True, False, True, 1.0)
    assert info["page"] == "done"
    assert info["asin"] == "B000000001"
    assert info["reward_parts"]["r_option"] == 1.0
    assert info["available_actions"] == ()
    _, reward, terminated, _, info = play(env, *BUY_RED_8, options={"task": "B000000001-s0"})
    assert (reward, info["success"]) == (0.8, False)
    assert info["score"] == 0.8


def test_stepping_on_after_the_end_changes_nothing(env: WebShopEnv) -> None:
    play(env, *BUY_RED_8, options={"task": "B000000001-s1"})
    _, reward, terminated, _, info = env.step("search[x]")
    assert (reward, terminated, info["score"]) == (0.0, True, 1.0)
    assert "reset" in info["error"]


def test_errors_are_explained_and_change_nothing(env: WebShopEnv) -> None:
    observation, _ = env.reset(seed=0)
    again, reward, _, _, info = env.step("click[buy nwo]")
    assert again == observation
    assert (reward, info["action_valid"]) == (0.0, False)
    assert "'buy nwo'" in info["error"]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"obs_mode": "txt"}, "Unknown obs_mode 'txt'; known: text, image, both. Did you mean 'text'"),
        ({"text_format": "rich"}, "Unknown text_format 'rich'"),
        ({"action_mode": "x"}, "Unknown action_mode 'x'"),
        ({"max_steps": 0}, "max_steps must be at least 1"),
        ({"split": "tset"}, "Unknown split 'tset'"),
        ({"goals": "humna"}, "Unknown goals 'humna'"),
        ({"quirks": {"search_anywher": True}}, "Did you mean 'search_anywhere'"),
        ({"render_mode": "human"}, "Unknown render_mode 'human'"),
        ({"split_by": "asin"}, "Unknown split rule 'asin'"),
    ],
)
def test_wrong_options_are_one_sentence(spec: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TaskError), match=message.replace("?", r"\?")):
        WebShopEnv(spec, **kwargs)


def test_observation_keys_follow_obs_mode(spec: str) -> None:
    for mode, keys in (
        ("text", {"instruction", "text"}),
        ("image", {"instruction", "image"}),
        ("both", {"instruction", "text", "image"}),
    ):
        assert set(WebShopEnv(spec, obs_mode=mode).observation_space.spaces) == keys
    assert WebShopEnv(spec, obs_mode="image", image_size=(320, 200)).observation_space["image"].shape == (200, 320, 3)


def test_text_formats(spec: str) -> None:
    assert "[button] Search [button_]" in WebShopEnv(spec).reset(seed=0)[0]["text"]
    assert " [SEP] " in WebShopEnv(spec, text_format="text").reset(seed=0)[0]["text"]


def test_a_dead_browser_truncates_and_is_not_the_agents_failure(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env = WebShopEnv(spec, obs_mode="both")
    blank = np.zeros((480, 640, 3), np.uint8)
    monkeypatch.setattr(env, "_screenshot", lambda page: blank)
    env.reset(seed=0)

    def fail(page: Any) -> Any:
        raise BackendError("The browser died; it is started again by the next reset.")

    monkeypatch.setattr(env, "_screenshot", fail)
    observation, reward, terminated, truncated, info = env.step("search[sneaker]")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["env_error"].startswith("The browser died")
    assert observation["image"].shape == blank.shape
    assert info.keys() == env.reset(seed=0)[1].keys()
    monkeypatch.setattr(env, "_screenshot", lambda page: blank)
    assert env.reset(seed=0)[1]["env_error"] == ""


def test_native_actions_click_in_order(spec: str) -> None:
    env = WebShopEnv(spec, action_mode="native")
    env.reset(options={"task": "B000000001-s0"})
    info = env.step(0)[4]
    assert info["page"] == "results"
    assert env.page.keywords == env.goal.goal.instruction.lower()
    first = info["available_actions"].index("click[b000000001]") + 1
    assert env.step(first)[4]["asin"] == "B000000001"
    assert "clicks nothing" in env.step(63)[4]["error"]
    assert env.step(64)[4]["error"]


def test_human_goals_and_splits(tmp_path: Path) -> None:
    env = WebShopEnv(small_shop.write(tmp_path, human=True))
    assert len(env.tasks) == 3
    _, reward, *_ = play(env, *BUY_RED_8, options={"task": "B000000001-h0"})
    assert reward == 1.0
    _, reward, _, _, info = play(env, "search[x sneaker]", "click[b000000001]", "click[rust colored]", "click[buy now]",
                                 options={"task": "B000000001-h1"})  # fmt: skip
    assert reward == 1.0, info


# ---------------------------------------------------------------------- snapshots


def test_snapshot_forks_an_episode(env: WebShopEnv, spec: str) -> None:
    play(env, *BUY_RED_8[:3], options={"task": "B000000001-s1"})
    saved = env.snapshot()
    assert isinstance(saved, bytes)
    assert len(saved) < 4000
    other = WebShopEnv(spec)
    observation, info = other.restore(saved)
    assert "You have clicked red." in observation["text"]
    assert info["task"] == "B000000001-s1"
    assert other.step("click[8]")[0] == env.step("click[8]")[0]
    assert other.step("click[buy now]")[1] == 1.0
    assert env.restore(saved)[0] == observation


def test_a_pickled_or_deep_copied_environment_goes_on(env: WebShopEnv) -> None:
    play(env, *BUY_RED_8[:3], options={"task": "B000000001-s1"})
    for other in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert other.shop is env.shop
        assert other.step("click[8]")[0]["text"].startswith("You have clicked 8.")
        assert other.step("click[buy now]")[1] == 1.0
    assert env.chosen == {"color": "red"}


@pytest.mark.parametrize("wrong", [b"", b"{}", b"\xff\xfe", b'{"version": 1}', b"[]", b"nul"])
def test_wrong_snapshots_are_refused(env: WebShopEnv, wrong: bytes) -> None:
    with pytest.raises(VlgymError, match="no WebShop snapshot"):
        env.restore(wrong)


def test_snapshots_of_another_shop_or_before_reset_are_refused(env: WebShopEnv, spec: str) -> None:
    env.reset(seed=0)
    with pytest.raises(VlgymError, match="belongs to"):
        WebShopEnv(spec, goal_seed=1).restore(env.snapshot())
    with pytest.raises(VlgymError, match="before reset"):
        env.restore(WebShopEnv(spec).snapshot())
    state = json.loads(env.snapshot())
    state["session"].pop("kind")
    with pytest.raises(VlgymError, match="no WebShop snapshot"):
        env.restore(json.dumps(state).encode())


# ---------------------------------------------------------------------- scripted policies


def run(env: WebShopEnv, name: str, task: str) -> tuple[int, dict[str, Any]]:
    policy = env.scripted_policy(name, 0)
    observation, info = env.reset(seed=0, options={"task": task})
    for steps in range(1, env.max_steps + 1):
        observation, _, terminated, truncated, info = env.step(policy(observation, info))
        if terminated or truncated:
            return steps, info
    raise AssertionError("The episode did not end.")


@pytest.mark.parametrize("quirks", [Quirks(), Quirks.none()], ids=["kept", "mended"])
def test_oracle_solves_what_it_claims_in_the_planned_number_of_steps(spec: str, quirks: Quirks) -> None:
    env = WebShopEnv(spec, quirks=quirks)
    claimed = [task for task in env.tasks if env.oracle_claims(task)]
    for task in claimed:
        plan = env.plan(task)
        assert plan is not None
        assert run(env, "oracle", task) == (plan.length, env._info(env._idle()))
        assert env._idle().success
    # The rest cannot be had: "rust colored" counts as "red", brackets and button names cannot be clicked.
    declined = {task for task in env.tasks if task not in claimed}
    assert {task.partition("-")[0] for task in declined} <= {"B000000001", "B000000004"}
    assert "B000000001-s0" in claimed
    assert "B000000001-s2" in declined
    assert "B000000004-s3" in declined


def test_oracle_goes_on_from_any_state(env: WebShopEnv) -> None:
    policy = env.scripted_policy("oracle")
    observation, info = env.reset(options={"task": "B000000001-s0"})
    for action in ("search[lamp]", "click[b000000004]", 'click[5" wide]', "click[features]"):
        observation, _, _, _, info = env.step(action)
    while info["page"] != "done":
        observation, reward, *_, info = env.step(policy(observation, info))
        assert info["action_valid"]
    assert reward == 1.0


def test_oracle_turns_pages(spec: str) -> None:
    env = WebShopEnv(spec)
    plan = env.plan("C000000022-s0")
    assert plan is not None
    steps, info = run(env, "oracle", "C000000022-s0")
    assert info["success"]
    assert steps == plan.length


def test_rule_and_random(env: WebShopEnv) -> None:
    steps, info = run(env, "rule", "B000000001-s0")
    assert (steps, info["page"]) == (3, "done")
    for seed in range(5):
        policy = env.scripted_policy("random", seed)
        observation, info = env.reset(seed=seed)
        for _ in range(30):
            observation, _, terminated, truncated, info = env.step(policy(observation, info))
            assert info["action_valid"], info
            if terminated or truncated:
                break
    with pytest.raises(ValueError, match="known: random, rule, oracle"):
        env.scripted_policy("expert")


# ---------------------------------------------------------------------- the batch


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_batch_autoresets_as_stated(spec: str, mode: AutoresetMode) -> None:
    batch = gymnasium.make_vec("vlgym/WebShop-v0", num_envs=2, catalogue=spec, autoreset_mode=mode)
    assert batch.metadata["autoreset_mode"] is mode
    observations, infos = batch.reset(seed=3, options={"task": ["B000000001-s1", "B000000001-s0"]})
    assert list(infos["task"]) == ["B000000001-s1", "B000000001-s0"]
    for action in BUY_RED_8[:-1]:
        batch.step([action, "search[sneaker]"])
    observations, rewards, terminated, _, infos = batch.step(["click[buy now]", "search[lamp]"])
    assert rewards.tolist() == [1.0, 0.0]
    assert terminated.tolist() == [True, False]
    if mode is AutoresetMode.SAME_STEP:
        assert infos["final_obs"][0]["text"].startswith("Thank you")
        assert infos["final_info"][0]["success"]
        assert infos["final_obs"][1] is None
        assert observations["text"][0].startswith("WebShop")
        assert infos["page"].tolist() == ["search", "results"]
    else:
        assert observations["text"][0].startswith("Thank you")
        assert infos["success"].tolist() == [True, False]
    if mode is AutoresetMode.NEXT_STEP:
        observations, rewards, terminated, _, infos = batch.step(["search[ignored]", "search[lamp]"])
        assert infos["page"].tolist() == ["search", "results"]
        assert not terminated.any()
    if mode is AutoresetMode.DISABLED:
        with pytest.raises(ValueError, match="reset_mask"):
            batch.step(["search[x]"] * 2)
        observations, infos = batch.reset(options={"reset_mask": np.array([True, False])})
        assert observations["text"][0].startswith("WebShop")
        assert infos["_page"].tolist() == [True, False]
        batch.step(["search[x]"] * 2)


def test_batch_refuses_wrong_counts(spec: str) -> None:
    batch = gymnasium.make_vec("vlgym/WebShop-v0", num_envs=2, catalogue=spec)
    with pytest.raises(ValueError, match="each of the 2"):
        batch.reset(options={"task": ["B000000001-s1"]})
    batch.reset(seed=[1, 2])
    with pytest.raises(ValueError, match="1 actions for 2"):
        batch.step(["search[x]"])


def test_batch_goes_through_gymnasiums_wrappers(spec: str) -> None:
    batch = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        gymnasium.make_vec("vlgym/WebShop-v0", num_envs=2, catalogue=spec, autoreset_mode="NextStep")
    )
    batch.reset(options={"task": "B000000001-s1"})
    for action in BUY_RED_8:
        infos = batch.step([action, action])[4]
    assert infos["episode"]["r"].tolist() == [1.0, 1.0]


def test_a_further_environment_is_small(spec: str) -> None:
    first = WebShopEnv(spec)
    play(first, *BUY_RED_8, options={"task": "B000000001-s1"})
    tracemalloc.start()
    try:
        more = [WebShopEnv(spec) for _ in range(20)]
        for env in more:
            play(env, *BUY_RED_8[:-1], options={"task": "B000000001-s1"})
        size = tracemalloc.get_traced_memory()[0] / len(more)
    finally:
        tracemalloc.stop()
    assert size < 100_000, f"{size:.0f} bytes each"


# ---------------------------------------------------------------------- odds and ends


def test_text_space() -> None:
    space = TextSpace(10, seed=0)
    assert space.contains("é💥\ud800")
    assert not space.contains("x" * 11)
    assert not space.contains(3)
    assert all(space.contains(space.sample()) for _ in range(20))
    assert pickle.loads(pickle.dumps(space)) == space
    assert space != TextSpace(11)


def test_shops_are_shared(spec: str) -> None:
    assert WebShopEnv(spec).shop is WebShopEnv(spec, obs_mode="image").shop
    assert WebShopEnv(spec).shop is not WebShopEnv(spec, goal_seed=5).shop
    assert env_module.open_shop.cache_info().maxsize == 8
