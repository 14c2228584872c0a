"""Stable-Baselines3 inside the run folder of the house."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from vlgym.core.tasks import Task, TaskSet
from vlgym_agents import cli

pytest.importorskip("stable_baselines3")


class Walk(gymnasium.Env):
    """Walk from 0 to 1 in steps of at most 0.2; three steps too many end the episode."""

    def __init__(self, discrete: bool = False, limit: int = 8) -> None:
        self.observation_space = spaces.Box(-5, 5, (1,), np.float32)
        self.action_space = spaces.Discrete(3) if discrete else spaces.Box(-1, 1, (1,), np.float32)
        self.discrete, self.limit = discrete, limit
        ids = {split: tuple(f"{split}-{k}" for k in range(9)) for split in ("train", "dev", "test")}
        self.tasks = TaskSet(ids, lambda name: Task(name, "Go.", name.partition("-")[0], 5, ()))

    def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
        super().reset(seed=seed)
        self.x, self.t = 0.0, 0
        return np.zeros(1, np.float32), {"success": False}

    def step(self, action):  # type: ignore[no-untyped-def]
        move = (int(action) - 1) if self.discrete else float(np.asarray(action).ravel()[0])
        self.x, self.t = self.x + 0.2 * move, self.t + 1
        done = self.x >= 0.99
        return np.array([self.x], np.float32), float(done), done, self.t >= self.limit, {"success": done}


if "robot_toys/Walk-v0" not in gymnasium.registry:
    gymnasium.register("robot_toys/Walk-v0", entry_point="test_robot_sb3:Walk")

SMALL = ["--env", "robot_toys/Walk-v0", "--quiet", "--eval.episodes", "8", "--algo.envs", "2", "--algo.width", "16"]


@pytest.mark.parametrize("algo", ["sb3-ppo", "sb3-sac"])
def test_it_runs_is_resumed_and_reports(algo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    flags = [*SMALL, "--algo", algo, "--algo.step", "128", "--algo.batch", "32", "--out", str(out)]
    assert cli.train([*flags, "--steps", "1"]) == 0
    (out / "eval_after.json").unlink()
    assert cli.train(["--resume", str(out), "--steps", "2", "--quiet"]) == 0
    steps = [json.loads(line)["env_steps"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert len(steps) == 2
    assert steps[1] >= 2 * 128
    assert json.loads((out / "eval_after.json").read_text())["episodes"] == 8
    assert algo in (out / "report.html").read_text()


def test_sac_refuses_discrete_actions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.train([*SMALL, "--algo", "sb3-sac", "--env.discrete", "true", "--out", str(tmp_path / "r")]) == 2
    assert "use --algo sb3-ppo" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "reward"), [("vlgym/Lift-v0", True), ("robot_toys/Walk-v0", False)])
def test_it_learns_from_dense_rewards_where_there_are_any(
    name: str, reward: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mujoco")
    assert cli.train(["--env", name, "--algo", "sb3-ppo", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert ("env.reward" in said and "dense" in said) == reward


def test_it_films_what_can_be_drawn(tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    out = tmp_path / "run"
    small = ["--algo.step", "64", "--algo.envs", "1", "--algo.width", "8", "--algo.batch", "16", "--env.max_steps", "7"]
    flags = ["--env", "vlgym/Lift-v0", "--algo", "sb3-ppo", "--steps", "1", "--eval.episodes", "2", "--quiet", *small]
    assert cli.train([*flags, "--out", str(out)]) == 0
    film = json.loads((out / "episodes" / "after-0001.json").read_text())
    row = json.loads((out / "eval_after.json").read_text())["tasks"][1]
    assert (film["task"], film["success"]) == (row["task"], row["success"])
    assert [turn["info"]["control_step"] for turn in film["turns"]] == [0, 2, 4, 6]
    assert film["turns"][-1]["truncated"]
    assert film["return"] != 0  # every step's gain is in it, also of those that are not shown
    assert (out / "episodes" / "after-0001.gif").exists()
