"""One command does it all; it can be interrupted anywhere and resumed; what is wrong is one sentence."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robot_toys
import torch

from vlgym.core.errors import VlgymError
from vlgym_agents import cli, registry
from vlgym_agents.options import resolve
from vlgym_agents.program import Program
from vlgym_agents.robot.evaluation import worth_seeing
from vlgym_agents.schema import OptionError

SMALL = [
    "--env", robot_toys.ID, "--quiet", "--demos.count", "6", "--eval.episodes", "12", "--run.record", "1",
]  # fmt: skip
BASE = [
    "--base.updates",
    "20",
    "--base.width",
    "16",
    "--base.blocks",
    "1",
    "--base.horizon",
    "8",
    "--base.execute",
    "4",
]
LEARN = ["--algo.envs", "4", "--algo.horizon", "12", "--algo.width", "16"]
PPO = [*LEARN, "--algo.epochs", "1", "--algo.minibatches", "2"]
REPLAY = [*LEARN, "--algo.warmup", "48", "--algo.batch", "8", "--algo.capacity", "200", "--algo.utd", "0.1"]
ARGUMENTS: dict[str, list[str]] = {
    "diffusion-bc": BASE,
    "resip": [*BASE, *PPO, "--steps", "2"],
    "residual-chunk": [*BASE, *PPO, "--steps", "2"],
    "ppo-finetune": [*PPO, "--steps", "2", "--algo.clone_updates", "20", "--algo.chunk", "4"],
    "ppo-scratch": [*PPO, "--steps", "2"],
    "resfit": [*BASE, *REPLAY, "--steps", "2"],
    "policy-decorator": [*BASE, *REPLAY, "--steps", "2"],
}


def train(out: Path, algo: str, *more: str) -> int:
    return cli.train([*SMALL, "--algo", algo, *ARGUMENTS[algo], "--out", str(out), *more])


def lines(out: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    clocks = ("seconds", "cpu_s", "rollout_s", "update_s")
    return [{key: value for key, value in row.items() if key not in clocks} for row in found]


@pytest.mark.parametrize("algo", ARGUMENTS)
def test_every_method_leaves_a_whole_run(algo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert train(out, algo) == 0
    printed = capsys.readouterr().out
    assert "before" in printed
    assert "after" in printed
    for name in ("before", "after"):
        result = json.loads((out / f"eval_{name}.json").read_text())
        assert result["episodes"] == 12
        assert result["success"]["interval"] == "Wilson 95%"
    assert (out / "demonstrations.hdf5").exists()
    assert (out / "episodes/after-0000.gif").stat().st_size > 0
    page = (out / "report.html").read_text()
    assert algo in page
    assert "<dt>Seed</dt>" in page
    assert "<dt>Model</dt>" not in page  # nor any other number of text
    assert "Tokens per turn" not in page
    assert [row["step"] for row in lines(out)] == list(range(1, len(lines(out)) + 1))


def test_the_film_shows_base_and_residual_side_by_side(tmp_path: Path) -> None:
    from PIL import Image

    out = tmp_path / "run"
    train(out, "resip")
    widths = [
        Image.open(path).width for path in (out / "episodes/before-0000-t00.png", out / "episodes/after-0000-t00.png")
    ]
    assert widths[1] == 2 * widths[0] + 4
    assert "left: the base" in json.loads((out / "episodes/after-0000.json").read_text())["instruction"]
    for name in ("before", "after"):  # a film is an episode of the evaluation
        film = json.loads((out / f"episodes/{name}-0000.json").read_text())
        rows = json.loads((out / f"eval_{name}.json").read_text())["tasks"]
        assert [row["success"] for row in rows if row["task"] == film["task"]] == [film["success"]]


def test_films_show_failures_too() -> None:
    rows = [{"task": str(k), "success": k not in (3, 5)} for k in range(6)]
    tasks = [str(k) for k in range(6)]
    assert worth_seeing({"tasks": rows}, tasks, 4) == [3, 0, 5, 1]
    assert worth_seeing({"tasks": rows}, tasks, 9) == [3, 0, 5, 1, 2, 4]
    assert worth_seeing({"tasks": rows[:1]}, tasks, 4) == [0]  # the machinery lost the others


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_resume_is_exact(stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after any step, a resumed run writes the same metrics, weights and evaluations as a straight one."""
    from vlgym_agents.robot import session

    monkeypatch.setattr(session, "SLICE", 10)
    straight, other = tmp_path / "a", tmp_path / "b"
    more = ("--run.save_every", "1")
    assert train(straight, "resip", *more) == 0
    log = session.Session._log

    def interrupted(self: Any, *arguments: Any) -> None:
        if self.step == stop:
            signal.raise_signal(signal.SIGINT)
        log(self, *arguments)

    monkeypatch.setattr(session.Session, "_log", interrupted)
    assert train(other, "resip", *more) == 130
    monkeypatch.setattr(session.Session, "_log", log)
    assert cli.train(["--resume", str(other), "--quiet"]) == 0
    assert lines(straight) == lines(other)
    a, b = (torch.load(path / "checkpoints/step-000004/state.pt", weights_only=True) for path in (straight, other))
    for name, weight in a["learner"]["actor"].items():
        assert torch.equal(weight, b["learner"]["actor"][name])
    results = [json.loads((path / "eval_after.json").read_text())["tasks"] for path in (straight, other)]
    assert results[0] == results[1]


def test_a_base_is_taken_over_from_another_run(tmp_path: Path) -> None:
    train(tmp_path / "bc", "diffusion-bc")
    taken = ["--base.resume_from", str(tmp_path / "bc"), "--demos.file", str(tmp_path / "bc/demonstrations.hdf5")]
    assert train(tmp_path / "rl", "resip", *taken) == 0
    assert len(lines(tmp_path / "rl")) == 2
    before = [json.loads((tmp_path / run / "eval_before.json").read_text())["tasks"] for run in ("bc", "rl")]
    assert before[0] == before[1]
    assert train(tmp_path / "bad", "resip", *taken, "--base.width", "24") == 2


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*more: str) -> str:
        assert train(tmp_path / "run", "resip", *more) in (1, 2)
        error = capsys.readouterr().err.strip()
        assert error.count("\n") == 0
        assert not (tmp_path / "run").exists()  # nothing is in the way of the next attempt
        return error

    assert "no batch of robots" in said("--env", "vlgym/WebShop-v0")
    assert "Did you mean 'gamma'" in said("--algo.gama", "0.9")
    assert "no demonstration file" in said("--demos.file", str(tmp_path / "nothing.hdf5"))
    (tmp_path / "bad.hdf5").write_bytes(b"no")
    assert "Cannot read demonstrations" in said("--demos.file", str(tmp_path / "bad.hdf5"))
    assert "would have no effect" in said("--model", "nano")
    assert "execute must be at most horizon" in said("--base.execute", "40")


def test_programs_and_recipes_share_the_tables() -> None:
    for name in registry.PROGRAMS:
        program = registry.method(name)
        assert isinstance(program, Program)
        assert program.name == name
        assert "algo" in program.sections
        config = resolve([("flag", {"run.env": robot_toys.ID, "run.algo": name})])
        assert set(config.sections) == {"run", "env", "eval", *program.sections}
        assert not any(key.startswith(("rollout.", "optim.", "model.")) for key in config.flat())
    with pytest.raises(VlgymError, match="Did you mean 'resip'"):
        registry.method("resipp")


def test_options_of_the_environment_reach_it(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "diffusion-bc", "--env.width", "0.2") == 0
    from vlgym_agents.robot.demonstrations import read_hdf5

    assert read_hdf5(tmp_path / "run/demonstrations.hdf5").model_hash == "slot-0.2"
    with pytest.raises(OptionError):
        resolve([("flag", {"run.env": robot_toys.ID, "run.algo": "resip", "env.widht": 0.2})])


def test_the_faithful_preset_is_the_paper() -> None:
    config = resolve([("flag", {"run.env": robot_toys.ID, "run.algo": "resip", "run.preset": "resip-faithful"})])
    algo, base = config.own["algo"], config.own["base"]
    assert (algo.scale, algo.log_std, algo.gamma, algo.epochs, algo.minibatches) == (0.1, -1.0, 0.999, 50, 1)
    assert (base.network, base.horizon, base.execute, base.sample_steps, base.warm_start) == ("unet", 32, 8, 4, 50)
    assert np.isclose(algo.critic_lr, 5e-3)


def test_a_run_is_evaluated_under_other_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    train(out, "resip")
    capsys.readouterr()
    wide = ("--set", "env.width=0.5")
    for name, more in {"same": (), "wide": wide}.items():
        arguments = ["--policy", str(out), "--episodes", "12", "--json", str(tmp_path / f"{name}.json"), *more]
        assert cli.evaluate(arguments) == 0
    same, easy = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("same", "wide"))
    assert same["tasks"] == json.loads((out / "eval_after.json").read_text())["tasks"]
    assert easy["success"]["value"] > same["success"]["value"]
