"""`vlgym-rollout`: lines, hashes, failures of the machinery, signals; small desks, and toys that fail on purpose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from vlgym.rollout.cli import main

HERE = Path(__file__).resolve().parent
DESK = ["--env", "desk", "--episodes", "5"]
FRAIL = "rollout_toys:Frail-v0"


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes import rollout_toys."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], dict[str, Any], str]:
    """Return (status, episodes in order, summary, standard error)."""
    status = main(words)
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    episodes = [line for line in lines if line["kind"] == "episode"]
    assert [line["kind"] for line in lines] == ["episode"] * len(episodes) + ["summary"] * bool(lines)
    return status, sorted(episodes, key=lambda line: line["index"]), lines[-1] if lines else {}, err


def descendants(pid: int) -> set[int]:
    """Return the processes below `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found: set[int] = set()
    todo = [pid]
    while todo:
        above = todo.pop()
        below = {child for child, parent in parents.items() if parent == above} - found
        found |= below
        todo += below
    return found


# ---------------------------------------------------------------------- what it prints


def test_lines_and_summary(capsys: pytest.CaptureFixture[str]) -> None:
    status, episodes, summary, _ = run(capsys, *DESK)
    assert status == 0
    assert [line["index"] for line in episodes] == [0, 1, 2, 3, 4]
    assert all(line["success"] and line["score"] == 1.0 and not line["env_error"] for line in episodes)
    assert summary["success"] == pytest.approx(
        {"value": 1.0, "low": 0.5655175, "high": 1.0, "interval": "Wilson 95%"}, abs=1e-6
    )
    assert summary["steps"] == sum(line["steps"] for line in episodes)
    assert (summary["episodes"], summary["requested"], summary["env_errors"], summary["stopped"]) == (5, 5, 0, "")


def test_the_hash_depends_on_the_seed_and_not_on_the_workers(capsys: pytest.CaptureFixture[str]) -> None:
    alone = run(capsys, *DESK, "--policy", "random")[2]["observation_hash"]
    assert run(capsys, *DESK, "--policy", "random", "--workers", "3")[2]["observation_hash"] == alone
    assert run(capsys, *DESK, "--policy", "random", "--seed", "5")[2]["observation_hash"] != alone


def test_it_plays_what_vlgym_eval_plays(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    from vlgym_agents.evaluate import Plan, evaluate_script
    from vlgym_agents.pool import EnvSpec, ThreadPool

    spec = EnvSpec("vlgym/Desk-v0")
    pool = ThreadPool(spec, 2)
    result = evaluate_script("oracle", pool, spec.make().unwrapped.tasks, Plan("eval", "dev", 4, 7))[0]
    pool.close()
    _, episodes, summary, _ = run(capsys, "--env", "desk", "--episodes", "4", "--seed", "7", "--split", "dev")
    assert summary["observation_hash"] == result["observation_hash"]
    assert [(line["task"], line["seed"]) for line in episodes] == [(t["task"], t["seed"]) for t in result["tasks"]]


def test_report_is_one_file_that_asks_for_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, episodes, summary, _ = run(
        capsys, *DESK, "--set", "env.obs_mode=both", "--record", "2", "--out", str(out), "--policy", "random"
    )
    assert status == 0
    kept = [json.loads(line) for line in (out / "rollout.jsonl").read_text().splitlines()]
    assert sorted(kept[:-1], key=lambda line: line["index"]) == episodes
    assert kept[-1] == summary
    text = (out / "report.html").read_text()
    assert summary["observation_hash"] in text
    assert text.count("<details>") == 2
    assert text.count("data:image/png") == sum(line["steps"] for line in episodes[:2])
    for forbidden in ("<script", "http://", "https://", 'src="/'):
        assert forbidden not in text
    assert run(capsys, *DESK, "--out", str(out))[0] == 2, "a second rollout overwrote the first"
    assert (out / "report.html").read_text() == text


def test_report_shows_hostile_text_as_text() -> None:
    from vlgym.rollout.cli import Tally
    from vlgym.rollout.episode import Episode, Turn
    from vlgym.rollout.page import page

    bad = "<script>alert(1)</script>"
    episode = Episode(0, bad, 1, instruction=bad, steps=1, turns=[Turn(bad, b"", bad, bad, 0.0, bad)])
    episode.observation_hash = "00" * 32
    tally = Tally(bad, bad, bad, 0, 1, 1, [episode])
    text = page(tally.summary(bad, 1.0), tally.played)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


# ---------------------------------------------------------------------- what can be wrong with the request


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--env", "webshp"], "Did you mean 'webshop'?"),
        (["--env", "desk", "--policy", "orcale"], "Did you mean 'oracle'?"),
        (["--env", "desk", "--split", "tset"], "Did you mean 'test'?"),
        (["--env", "desk", "--episodes", "0"], "--episodes must be at least 1, got 0."),
        (["--env", "desk", "--temperature", "nan"], "--temperature must be at least 0, got nan."),
        (["--env", "desk", "--set", "obs_mode"], "--set needs the form env.NAME=VALUE"),
        (["--env", "desk", "--set", "env.no_such=1"], "Cannot make vlgym/Desk-v0"),
        (["--env", "CartPole-v1"], "has no tasks"),
        (["--env", "no_such_module:Id-v0"], "Cannot make no_such_module:Id-v0: No module named 'no_such_module'"),
    ],
)
def test_wrong_requests_are_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    status, episodes, _, err = run(capsys, *words)
    assert (status, episodes) == (2, [])
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_an_endpoint_needs_a_model_and_a_folder_a_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, _, err = run(capsys, *DESK, "--policy", "http://127.0.0.1:9/v1")
    assert status == 1
    assert "give --model" in err
    status, _, summary, err = run(capsys, *DESK, "--policy", str(tmp_path))
    assert (status, summary["episodes"]) == (1, 0)
    assert "No installed package plays from the folder" in err


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    command = f"{sys.executable} -m vlgym.rollout --env desk --episodes 100000 | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    line, status = done.stdout.splitlines()
    assert json.loads(line)["kind"] == "episode"
    assert (status, done.stderr) == (str(128 + signal.SIGPIPE), "")


def test_an_unwritable_place_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, episodes, _, err = run(capsys, *DESK, "--out", str(tmp_path / "file" / "out"))
    assert (status, episodes) == (1, [])
    assert "Not a directory" in err
    assert len(err.splitlines()) == 1


# ---------------------------------------------------------------------- what can go wrong with the machinery


def frail(capsys: pytest.CaptureFixture[str], mode: str, tmp_path: Path, *words: str) -> Any:
    options = ["--set", f"env.mode={mode}", "--set", f"env.mark={tmp_path / 'mark'}"]
    return run(capsys, "--env", FRAIL, "--policy", "random", "--episodes", "3", *options, *words)


def test_native_side(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, _, err = run(capsys, *DESK, "--set", "env.action_mode=native")
    assert status == 1
    assert "'oracle' acts by words here" in err
    pytest.importorskip("mujoco")
    status, _, summary, _ = run(capsys, "--env", "peg-insert", "--set", "env.action_mode=native", "--episodes", "2")
    assert (status, summary["success"]["value"]) == (0, 1.0)


@pytest.mark.parametrize(
    ("mode", "words"), [("raise", "boom (OSError at"), ("report", "the screen went dark"), ("die", "signal 9")]
)
def test_a_spoilt_episode_is_tried_once_more(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mode: str, words: str
) -> None:
    status, episodes, summary, _ = frail(capsys, mode, tmp_path)
    assert status == 0
    assert [line["index"] for line in episodes if not line["env_error"]] == [0, 1, 2]
    assert [words in line["env_error"] for line in episodes if line["env_error"]] == [True]
    assert (summary["env_errors"], summary["env_error_rate"]) == (1, 0.25)


def test_a_hanging_worker_is_replaced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, episodes, summary, _ = frail(capsys, "hang", tmp_path, "--timeout", "1")
    assert (status, summary["episodes"], summary["env_errors"]) == (0, 3, 1)
    assert any("did not answer within 1 s" in line["env_error"] for line in episodes)


def test_what_fails_twice_fails_the_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, summary, _ = frail(capsys, "always", tmp_path)
    assert (status, summary["episodes"], summary["env_errors"]) == (1, 0, 6)
    assert summary["success"]["value"] is None


def test_a_worker_that_cannot_start_ends_the_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, episodes, summary, err = frail(capsys, "stillborn", tmp_path)
    assert (status, episodes) == (1, [])
    assert "No environment can be started. The worker was killed by the system (signal 9)" in err
    assert summary["stopped"] in err


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_what_it_has_and_no_orphans(tmp_path: Path, number: int) -> None:
    words = ["--env", FRAIL, "--policy", "random", "--episodes", "1000", "--workers", "2"]
    words += ["--set", "env.mode=child", "--set", f"env.mark={tmp_path / 'mark'}", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "vlgym.rollout", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    below = descendants(process.pid)
    assert len(below) >= 4, "two workers, each with a child"
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    summary = json.loads(out.splitlines()[-1])
    assert process.returncode == 128 + number
    assert (first["kind"], summary["kind"]) == ("episode", "summary")
    assert summary["stopped"] == signal.Signals(number).name
    assert 0 < summary["episodes"] < 1000
    assert (tmp_path / "out" / "report.html").is_file()
    assert gone(below), "a process outlived the rollout"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for orphans in /proc")
def test_workers_end_when_their_owner_is_killed(tmp_path: Path) -> None:
    words = ["--env", FRAIL, "--policy", "random", "--episodes", "1000", "--set", "env.mode=child"]
    words += ["--set", f"env.mark={tmp_path / 'mark'}"]
    process = subprocess.Popen([sys.executable, "-m", "vlgym.rollout", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    below = descendants(process.pid)
    process.kill()
    process.communicate(timeout=30)
    assert below
    assert gone(below)


def gone(pids: set[int]) -> bool:
    """Return whether all processes end soon."""
    for _ in range(100):
        alive = [pid for pid in pids if Path(f"/proc/{pid}/stat").exists() and state(pid) != "Z"]
        if not alive:
            return True
        time.sleep(0.1)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    return False


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
