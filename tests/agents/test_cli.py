"""The command lines, mostly in this process; signals in a process of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy_run import BANDIT, TWO_TURNS, equal, metrics

from vlgym_agents import cli
from vlgym_agents.checkpoint import Checkpoints

TINY = ["--model", "toy", "--quiet", "--rollout.groups=2", "--rollout.group_size=3", "--rollout.max_tokens=2"]
TINY += ["--eval.episodes=4", "--run.record=2"]


@pytest.fixture(autouse=True)
def plain_report(monkeypatch):
    monkeypatch.setattr(cli, "_report", lambda out: out / "report.html")


def train(*words: str) -> int:
    return cli.train([*TINY, *words])


def test_a_reader_that_leaves_early_is_no_error():
    program = [sys.executable, "-c", "from vlgym_agents.cli import train; raise SystemExit(train())"]
    command = [*program, "--env", "vlgym_agents.sanity:sanity/Credit-v0", "--model", "tabular", "--dry-run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGPIPE
    assert errors == ""


def test_dry_run_prints_every_option_and_touches_nothing(tmp_path, capsys):
    out = tmp_path / "run"
    assert train("--env", BANDIT, "--out", str(out), "--algo.clip_high=0.4", "--dry-run") == 0
    lines = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()}
    assert lines["algo.clip_high"] == ["0.4", "flag"]
    assert lines["algo.clip_low"] == ["0.2", "default"]
    assert lines["rollout.groups"] == ["2", "flag"]
    assert not out.exists()


def test_list(capsys):
    assert cli.train(["--list"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("grpo", "filtered-bc", "nano", "vlgym/WebShop-v0", "gigpo-faithful"))
    assert "parts: credit = StepGroupCredit" in shown
    assert "sets: norm rloo" in shown
    assert "source: arXiv 2503.20783" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--env webshopp", "Did you mean 'webshop'"),
        (f"--env {BANDIT} --algo grop", "Did you mean 'grpo'"),
        (f"--env {BANDIT} --algoo grpo", "Did you mean '--algo'"),
        (f"--env {BANDIT} --algo.cliphigh 1", "Did you mean 'clip_high'"),
        (f"--env {BANDIT} --algo.clip_high", "needs a value"),
        (f"--env {BANDIT} --set algo.clip_high", "section.name=value"),
        (f"--env {BANDIT} --config absent.toml", "no configuration file"),
        (f"--env {BANDIT} --resume nowhere", "is not a run folder"),
        (f"--env {BANDIT} --env.accident fire", "Cannot make toy_envs:toys/Bandit-v0: No such accident: fire"),
        ("", "--env"),
    ],
)
def test_mistakes_are_one_sentence(words, message, capsys):
    assert train(*words.split()) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert said.startswith("vlgym-train: ")
    assert len(said.splitlines()) == 1


def test_train_evaluate_resume(tmp_path, capsys):
    out = tmp_path / "run"
    assert train("--env", TWO_TURNS, "--out", str(out), "--steps", "2") == 0
    shown = capsys.readouterr().out
    assert "before" in shown
    assert "after" in shown
    assert f"Report: {out / 'report.html'}" in shown
    assert cli.train(["--resume", str(out), "--steps", "3", "--quiet"]) == 0
    assert [line["step"] for line in metrics(out)] == [1, 2, 3]
    capsys.readouterr()
    file = tmp_path / "eval.json"
    assert cli.evaluate(["--policy", str(out), "--episodes", "5", "--json", str(file), "--seed", "4"]) == 0
    one = json.loads(file.read_text())
    assert (
        cli.evaluate(["--policy", str(out), "--episodes", "5", "--json", str(file), "--seed", "4", "--workers", "1"])
        == 0
    )
    other = json.loads(file.read_text())
    assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}


@pytest.mark.parametrize(("policy", "expected"), [("oracle", 1.0), ("random", None)])
def test_scripted_policies(tmp_path, policy, expected, capsys):
    file = tmp_path / "eval.json"
    words = ["--env", TWO_TURNS, "--policy", policy, "--episodes", "7", "--slots", "3", "--json", str(file)]
    assert cli.evaluate(words) == 0
    result = json.loads(file.read_text())
    assert result["episodes"] == 7
    assert result["env_errors"] == 0
    assert expected is None or result["success"]["value"] == expected
    assert result["success"]["interval"] == "Wilson 95%"
    assert len(result["observation_hash"]) == 64
    assert cli.evaluate([*words, "--workers", "2"]) == 0
    assert json.loads(file.read_text())["observation_hash"] == result["observation_hash"]


def test_unwritable_places_are_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert train("--env", BANDIT, "--out", str(tmp_path / "file" / "run")) == 1
    assert "a part of that path is a file" in capsys.readouterr().err
    words = ["--env", BANDIT, "--policy", "oracle", "--episodes", "1", "--json", str(tmp_path / "file" / "x")]
    assert cli.evaluate(words) == 1
    assert "Choose another --json" in capsys.readouterr().err


def test_unknown_policy(capsys):
    assert cli.evaluate(["--env", BANDIT, "--policy", "orcale"]) == 2
    assert "Did you mean 'oracle'" in capsys.readouterr().err


# ---------------------------------------------------------------------- signals


SCRIPT = "import sys, toy_run; from vlgym_agents.cli import train; sys.exit(train())"


def start(out: Path, *words: str) -> subprocess.Popen[str]:
    """Start a long run of two-turn episodes in a process group of its own."""
    here = str(Path(__file__).parent)
    env = {**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-c",
        SCRIPT,
        *TINY,
        "--env",
        TWO_TURNS,
        "--out",
        str(out),
        "--eval.episodes",
        "0",
        *words,
    ]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for_steps(out: Path, n: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError, ValueError):
            if len(metrics(out)) >= n:
                return
        time.sleep(0.05)
    raise AssertionError("the run did not get going")


def group_members(pgid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == pgid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds left-over processes through /proc")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_saves_and_leaves_nothing_behind(tmp_path, signum, code):
    out = tmp_path / "run"
    run = start(out, "--steps", "100000", "--workers", "2", "--run.save_every", "100000", "--env.delay", "0.01")
    try:
        wait_for_steps(out, 2)
        os.killpg(run.pid, signum)  # as a terminal does: the workers get it too
        said = run.communicate(timeout=60)[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == code, said
    assert "Traceback" not in said
    step = Checkpoints(out / "checkpoints").steps()[-1]
    assert step == len(metrics(out)) >= 2
    assert f"vlgym-train --resume {out}" in said
    for _ in range(50):
        if not group_members(run.pid):
            break
        time.sleep(0.1)
    assert not group_members(run.pid)

    straight = tmp_path / "straight"
    assert (
        train(
            "--env",
            TWO_TURNS,
            "--out",
            str(straight),
            "--steps",
            str(step + 1),
            "--eval.episodes",
            "0",
            "--env.delay",
            "0.01",
        )
        == 0
    )
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    assert cli.train(["--resume", str(copy), "--steps", str(step + 1), "--quiet", "--workers", "0"]) == 0
    states = [Checkpoints(folder / "checkpoints").load(step + 1)[1]["policy"] for folder in (straight, copy)]
    assert equal(*states)
