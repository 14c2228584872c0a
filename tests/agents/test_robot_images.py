"""Image policies: cloned from experts, distilled from teachers; on the toy of robot_toys.py with a camera."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robot_toys
import torch
from robot_toys import ID, Slot

from vlgym_agents import cli
from vlgym_agents.robot.chunks import ChunkedBase
from vlgym_agents.robot.cloning import Cloning, shifted
from vlgym_agents.robot.demonstrations import Demonstrations, collect, read_hdf5
from vlgym_agents.robot.diffusion import DiffusionOptions
from vlgym_agents.robot.sight import CHANNELS, Sight

EYES = DiffusionOptions(
    images=True, proprio=2, horizon=8, execute=4, width=48, blocks=1, updates=400, batch=32, draws=2, warmup=10
)
QUIET = ["--env", ID, "--quiet", "--eval.episodes", "16", "--run.record", "1"]
BASE = ["--base.width", "32", "--base.blocks", "1", "--base.horizon", "8", "--base.execute", "4"]


@pytest.fixture(scope="module")
def demos() -> Demonstrations:
    return collect(Slot(6, images=True), 24, seed=0, env=ID)


@pytest.fixture(scope="module")
def cloned(demos: Demonstrations) -> Cloning:
    cloning = Cloning(EYES, demos, seed=0)
    cloning.first = cloning.train(20)  # type: ignore[attr-defined]
    cloning.train(EYES.updates - 60)
    cloning.last = cloning.train(40)  # type: ignore[attr-defined]
    return cloning


def result(out: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / f"eval_{name}.json").read_text())
    return found


def test_demonstrations_with_pictures_survive_the_file(demos: Demonstrations, tmp_path: Path) -> None:
    from vlgym_agents.robot.demonstrations import write_hdf5

    write_hdf5(tmp_path / "d.hdf5", demos)
    again = read_hdf5(tmp_path / "d.hdf5")
    for a, b in zip(demos.episodes, again.episodes):
        assert a.images is not None
        assert a.images.shape == (len(a), 32, 32, 3)
        assert np.array_equal(a.images, b.images)


def test_it_learns_from_pictures_where_things_are(cloned: Any) -> None:
    """The estimate of what the robot itself does not feel (slot, x - slot) gets good, and so does the action."""
    assert cloned.last["base_estimate_error"] < 0.25 * cloned.first["base_estimate_error"]
    assert cloned.last["base_loss"] < 0.6 * cloned.first["base_loss"]


def test_what_is_not_shown_or_felt_does_not_reach_it(cloned: Cloning, demos: Demonstrations) -> None:
    """Of the state only the robot's own numbers count; the picture does count."""
    states, images = (torch.randn(3, 4), torch.from_numpy(demos.episodes[0].images[:3]))  # type: ignore[index]
    hidden, felt, seen = states.clone(), states.clone(), images.clone()
    hidden[:, 2:], felt[:, 0] = 9.0, 9.0
    seen[:, 10:20] = 255
    policy = cloned.policy
    told = policy.condition(states, images)
    assert told.shape == (3, 2 + 2 * CHANNELS + 2)
    assert torch.equal(policy.condition(hidden, images), told)
    assert not torch.equal(policy.condition(felt, images), told)
    assert not torch.equal(policy.condition(states, seen), told)


def test_a_robot_sees_the_same_alone_and_among_others(cloned: Cloning) -> None:
    """To the bit: chunks do not depend on how many robots look at once."""
    many, alone = (Slot(n, images=True) for n in (5, 1))
    tasks = [f"test-00{k}" for k in range(5)]
    obs, _ = many.reset(options={"task": tasks})
    base = ChunkedBase(cloned.average, 5, seed=1)
    base.reset(np.ones(5, bool), np.arange(5))
    chunks = base.chunk(obs)
    for i, task in enumerate(tasks):
        single = ChunkedBase(cloned.average, 1, seed=1)
        single.reset(np.ones(1, bool), np.array([i]))
        assert np.array_equal(single.chunk(alone.reset(options={"task": task})[0])[0], chunks[i])


def test_image_cloning_resumes_to_the_bit(demos: Demonstrations) -> None:
    from dataclasses import replace

    options = replace(EYES, shift=2)
    straight, half, again = (Cloning(options, demos, seed=0) for _ in range(3))
    lines = [straight.train(3), straight.train(3)]
    half.train(3)
    again.load_state_dict(half.state_dict())
    assert again.train(3) == lines[1]


def test_nothing_but_own_numbers_needs_no_estimate() -> None:
    eyes = Sight(own=3, rest=0)
    told = eyes(torch.zeros(2, 3), torch.zeros(2, 32, 32, 3, dtype=torch.uint8))
    assert told.shape == (2, eyes.size) == (2, 3 + 2 * CHANNELS)
    assert float(eyes.error(told, torch.zeros(2, 3))) == 0.0


def test_shifts_move_the_picture_and_no_further() -> None:
    images = torch.arange(64, dtype=torch.uint8).view(1, 8, 8, 1).repeat(40, 1, 1, 3)
    moved = shifted(images, torch.Generator().manual_seed(0), 2)
    found = {int(picture[4, 4, 0]) - 36 for picture in moved}
    assert found <= {8 * dy + dx for dy in range(-2, 3) for dx in range(-2, 3)}
    assert len(found) > 8


def test_diffusion_bc_from_pictures_is_a_whole_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    flags = [*QUIET, *BASE, "--base.images", "true", "--demos.count", "6", "--base.updates", "20", "--out", str(out)]
    assert cli.train([*flags, "--algo", "diffusion-bc"]) == 0
    assert result(out, "after")["episodes"] == 16
    assert read_hdf5(out / "demonstrations.hdf5").episodes[0].images is not None
    assert "base_estimate_error" in (out / "metrics.jsonl").read_text()


# ---------------------------------------------------------------------- distillation


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "teacher"
    flags = [*QUIET, *BASE, "--algo", "resip", "--demos.count", "12", "--base.updates", "500", "--steps", "1"]
    rl = ["--algo.envs", "4", "--algo.horizon", "12", "--algo.width", "16", "--algo.epochs", "1"]
    assert cli.train([*flags, *rl, "--algo.minibatches", "1", "--out", str(out)]) == 0
    return out


def distil(teacher: Path, out: Path, *more: str) -> int:
    flags = [*QUIET, *BASE, "--algo", "distil", "--algo.teacher", str(teacher), "--demos.count", "20"]
    return cli.train([*flags, "--base.updates", "300", "--base.batch", "32", "--out", str(out), *more])


def test_a_student_learns_its_teacher_and_says_how_well(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "student"
    assert distil(teacher, out) == 0
    printed = capsys.readouterr().out
    found = {name: result(out, name) for name in ("teacher", "after", "plain")}
    assert all(name in printed for name in found)
    assert found["teacher"]["tasks"] == result(teacher, "after")["tasks"]  # the teacher at its best, on equal starts
    assert [found[name]["decoding"] for name in found] == [
        "mean action, states",
        "mean action, randomised pictures",
        "mean action, plain pictures",
    ]
    data = read_hdf5(out / "demonstrations.hdf5")
    assert len(data.episodes) == 20
    assert all(episode.rewards[-1] == 1.0 for episode in data.episodes)
    assert data.env_kwargs == {"randomize": "visual"}
    tables = {tuple(episode.images[0, 0, 0]) for episode in data.episodes}  # type: ignore[index]
    assert len(tables) > 5
    assert (out / "episodes/student-0000.gif").stat().st_size > 0
    page = (out / "report.html").read_text()
    assert all(f"{name} (mean action, " in page for name in ("teacher", "plain"))


def test_a_student_can_learn_from_plain_pictures(teacher: Path, tmp_path: Path) -> None:
    out = tmp_path / "student"
    assert distil(teacher, out, "--env.randomize", "", "--base.updates", "10") == 0
    assert result(out, "after")["decoding"] == "mean action, plain pictures"
    assert result(out, "randomised")["episodes"] == 16


def test_distillation_goes_on_where_it_was_stopped(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from vlgym_agents.robot import session

    monkeypatch.setattr(session, "SLICE", 10)
    more = ("--base.updates", "30", "--run.save_every", "1")
    assert distil(teacher, tmp_path / "a", *more) == 0
    log = session.Session._log

    def interrupted(self: Any, *arguments: Any) -> None:
        if self.step == 1:
            signal.raise_signal(signal.SIGINT)
        log(self, *arguments)

    monkeypatch.setattr(session.Session, "_log", interrupted)
    assert distil(teacher, tmp_path / "b", *more) == 130
    monkeypatch.setattr(session.Session, "_log", log)
    assert cli.train(["--resume", str(tmp_path / "b"), "--quiet"]) == 0
    for name in ("teacher", "after", "plain"):
        assert result(tmp_path / "a", name)["tasks"] == result(tmp_path / "b", name)["tasks"]
    losses = [
        [json.loads(line)["base_loss"] for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in "ab"
    ]
    assert losses[0] == losses[1]


def test_what_is_no_teacher_is_one_sentence(teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(folder: Path | str, *more: str) -> str:
        out = tmp_path / "student"
        assert distil(folder, out, *more) in (1, 2)  # type: ignore[arg-type]
        error = capsys.readouterr().err.strip()
        assert error.count("\n") == 0
        assert not out.exists()
        return error

    assert "is no run folder; give algo.teacher" in said("")
    assert "is no run folder" in said(tmp_path)
    assert "learnt vlgym/Lift-v0, not" in said(forged(teacher, tmp_path / "lift", {"run.env": "vlgym/Lift-v0"}))
    blind = forged(teacher, tmp_path / "eyes", {"base.images": True})
    assert "a teacher goes by states" in said(blind)
    empty = forged(teacher, tmp_path / "empty", {})
    assert "checkpoint" in said(empty)
    assert "sees pictures" in said(teacher, "--base.images", "false")


def forged(run: Path, folder: Path, changes: dict[str, Any]) -> Path:
    """Return a folder with a run's options changed, and nothing else of it."""
    folder.mkdir()
    config = json.loads((run / "config.json").read_text())
    config["options"] |= changes
    config["sources"] |= dict.fromkeys(changes, "flag")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_toy_is_as_the_plain_one_but_for_its_pictures() -> None:
    plain, seen = robot_toys.Slot(2), robot_toys.Slot(2, images=True, randomize="visual")
    a, b = plain.reset(seed=3)[0], seen.reset(seed=3)[0]
    assert np.array_equal(a, b["state"])
    assert b["image"].shape == (2, 32, 32, 3)
