"""A trained run played by `vlgym-rollout`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlgym.rollout.cli import main
from vlgym_agents import cli, player

CREDIT = "vlgym_agents.sanity:sanity/Credit-v0"
SMALL = ["--rollout.groups", "2", "--rollout.group_size", "2", "--eval.episodes", "0", "--quiet"]


@pytest.mark.parametrize("window", ["0", "1"])
def test_rollout_plays_what_vlgym_eval_plays(tmp_path: Path, window: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, file = tmp_path / "run", tmp_path / "eval.json"
    words = ["--env", CREDIT, "--model", "tabular", "--steps", "2", "--rollout.window", window, "--out", str(out)]
    assert cli.train([*words, *SMALL]) == 0
    plan = ["--policy", str(out), "--episodes", "12", "--seed", "4"]
    assert cli.evaluate([*plan, "--json", str(file)]) == 0
    expected = json.loads(file.read_text())
    capsys.readouterr()
    assert main(["--env", CREDIT, *plan, "--workers", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    played = sorted(lines[:-1], key=lambda line: line["index"])
    assert [
        {"task": line["task"], "seed": line["seed"], "success": line["success"], "score": line["score"],
         "turns": line["steps"]}
        for line in played
    ] == expected["tasks"]  # fmt: skip
    assert len({line["success"] for line in played}) == 2, "a policy that always does the same shows nothing"
    assert lines[-1]["observation_hash"] == expected["observation_hash"]
    assert lines[-1]["success"] == pytest.approx(expected["success"])


def test_a_folder_of_something_else_is_left_to_others(tmp_path: Path) -> None:
    assert player.load(str(tmp_path), None) is None
