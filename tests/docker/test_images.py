"""The images, built and run for real: `make images`, a step of its own in .ci/run.

Docker is used where its daemon answers, podman else; docker/ci.sh installs podman where it may. Only a machine on which
neither can be had skips these tests, and not where CI is set.
"""

from __future__ import annotations

import atexit
import base64
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD_S, CACHED_S, RUN_S, END_S = 600, 60, 120, 10
CANNOT_INSTALL = 69
EPISODES = 4
ROLLOUTS: dict[str, tuple[tuple[str, str], ...]] = {
    "web": (("webshop", "text"), ("desk", "both")),
    "android": (("android", "both"),),
    "embodied": (("peg-insert", "state"), ("desk", "both")),
}
"""Target -> (environment, observation mode) whose observations must be equal to the byte inside and outside."""

DRAWN_BY_OTHERS = {"web": ("webshop", "both"), "embodied": ("peg-insert", "image")}
"""Target -> rollout whose pictures Chromium or Mesa draws: another version or other fonts may draw them differently."""
MEAN_DIFFERENCE, FAR_DIFFERENCE, FAR_SHARE = 6.0, 48, 0.05
"""Tolerance of those: mean absolute difference of a picture in levels, and the share of pixels that may differ by more
than FAR_DIFFERENCE levels."""

pytestmark = pytest.mark.docker


@functools.cache
def checkout() -> Path:
    """Return a copy of the repository's files, so that what is built does not change under the tests."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    folder = Path(tempfile.mkdtemp(prefix="images-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if listing.returncode != 0:
        unwanted = shutil.ignore_patterns(".git", ".venv", "runs", "__pycache__", "*.egg-info", ".*_cache")
        return Path(shutil.copytree(ROOT, folder / "tree", ignore=unwanted))
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def script() -> str:
    return str(checkout() / "docker" / "ci.sh")


def ci(*words: str, limit: float = RUN_S) -> subprocess.CompletedProcess[str]:
    """Run docker/ci.sh to its end; past `limit` seconds it is killed with the engine it called."""
    process = subprocess.Popen(
        [script(), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=checkout(),  # podman's monitor leaves a file "oom" where it was started
    )
    try:
        out, err = process.communicate(timeout=limit)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@functools.cache
def build(target: str) -> str:
    """Build a target once; return what docker/ci.sh said."""
    done = ci("build", target, limit=BUILD_S)
    if done.returncode == CANNOT_INSTALL and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(params=[*ROLLOUTS])
def target(request: pytest.FixtureRequest) -> str:
    build(request.param)
    return str(request.param)


def lines(output: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return (episodes in order, summary)."""
    found = [json.loads(line) for line in output.splitlines()]
    episodes = [line for line in found if line["kind"] == "episode"]
    assert found
    assert found[-1]["kind"] == "summary"
    return sorted(episodes, key=lambda line: line["index"]), found[-1]


def rollout(env: str, mode: str, *words: str) -> list[str]:
    return ["--env", env, "--set", f"env.obs_mode={mode}", "--episodes", str(EPISODES), "--seed", "3", *words]


def outside(env: str, mode: str, *words: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Play the same on this machine, with the same source."""
    command = [sys.executable, "-m", "vlgym.rollout", *rollout(env, mode, *words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, cwd=checkout())
    assert done.returncode == 0, done.stderr
    return lines(done.stdout)


def inside(target: str, code: str, *flags: str) -> str:
    """Run Python code in the restricted profile and return what it prints."""
    done = ci("run", target, *flags, "--", "python", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------- rollouts


def test_a_rollout_sees_inside_what_it_sees_outside(target: str) -> None:
    for env, mode in ROLLOUTS[target]:
        done = ci("run", target, "--", "vlgym-rollout", *rollout(env, mode, "--workers", "2"))
        assert done.returncode == 0, done.stderr
        episodes, summary = lines(done.stdout)
        assert [line["index"] for line in episodes] == list(range(EPISODES))
        assert all(line["success"] and not line["env_error"] and line["steps"] for line in episodes), done.stdout
        assert (summary["episodes"], summary["env_error_rate"], summary["stopped"]) == (EPISODES, 0.0, "")
        there, total = outside(env, mode)
        assert [line["observation_hash"] for line in episodes] == [line["observation_hash"] for line in there]
        assert summary["observation_hash"] == total["observation_hash"]


def pictures(folder: Path) -> list[Any]:
    """Return the screenshots of a rollout's report as uint8 [H, W, 3]."""
    import cv2
    import numpy as np

    page = (folder / "report.html").read_text(encoding="utf-8")
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR) for data in found]


@pytest.mark.parametrize("target", [*DRAWN_BY_OTHERS])
def test_pictures_inside_are_those_outside(target: str, tmp_path: Path) -> None:
    import numpy as np

    build(target)
    env, mode = DRAWN_BY_OTHERS[target]
    tmp_path.chmod(0o777)  # the container writes there as uid 10001
    words = rollout(env, mode)
    done = ci("run", target, "-v", f"{tmp_path}:/out", "--", "vlgym-rollout", *words, "--out", "/out/in")
    assert done.returncode == 0, done.stderr
    outside(env, mode, "--out", str(tmp_path / "out"))
    here, there = pictures(tmp_path / "in"), pictures(tmp_path / "out")
    assert len(here) == len(there) >= EPISODES
    for one, other in zip(here, there):
        assert one.std() > 5, "an empty picture"
        difference = np.abs(one.astype(int) - other.astype(int))
        assert difference.mean() <= MEAN_DIFFERENCE
        assert (difference.max(axis=2) > FAR_DIFFERENCE).mean() <= FAR_SHARE


# ---------------------------------------------------------------- the profile


def test_the_container_is_shut_in(target: str) -> None:
    code = """
import json, os, pathlib, socket
def fails(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "uid": os.getuid(),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "connect": fails(lambda: socket.create_connection(("1.1.1.1", 53), 5)),
    "resolve": fails(lambda: socket.getaddrinfo("example.com", 80)),
    "write": fails(lambda: pathlib.Path("/srv/vlgym/x").write_text("x")),
    "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
    "no_new_privileges": int(status["NoNewPrivs"]),
    "tmp": fails(lambda: pathlib.Path("/tmp/x").write_text("x")),
}))
"""
    found = json.loads(inside(target, code))
    assert (found["uid"], found["interfaces"]) == (10001, ["lo"])
    assert found["connect"]
    assert found["resolve"]
    assert found["write"]
    assert (found["capabilities"], found["no_new_privileges"], found["tmp"]) == (0, 1, None)


def test_chromium_can_keep_its_own_sandbox() -> None:
    build("web")
    seccomp = f"seccomp={checkout() / 'docker' / 'seccomp-chromium.json'}"
    flags = ["-e", "VLGYM_CHROMIUM_SANDBOX=1", "--security-opt", seccomp]
    done = ci("run", "web", *flags, "--", "vlgym-rollout", *rollout("webshop", "image"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(done.stdout)[1]["episodes"] == EPISODES


def test_without_memory_it_ends_and_says_why(target: str) -> None:
    env, mode = ROLLOUTS[target][0]
    limits = ["--memory", "64m", "--memory-swap", "64m"]
    words = rollout(env, mode, "--workers", "4")
    done = ci("run", target, *limits, "--", "vlgym-rollout", *words, limit=END_S * 6)
    assert done.returncode == 137 or (done.returncode == 1 and "memory" in done.stderr), (done.returncode, done.stderr)


def test_sigterm_ends_it_with_what_it_has(target: str) -> None:
    env, mode = ROLLOUTS[target][0]
    words = ["run", target, "--", "vlgym-rollout", "--env", env, "--set", f"env.obs_mode={mode}"]
    process = subprocess.Popen([script(), *words, "--episodes", "100000"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=END_S)
    summary = json.loads(out.splitlines()[-1])
    assert (first["kind"], summary["kind"], summary["stopped"]) == ("episode", "summary", "SIGTERM")
    assert 0 < summary["episodes"] < 100000
    assert process.returncode == 143


def test_a_run_folder_asks_for_the_trainer(target: str) -> None:
    code = """
import subprocess, pathlib
pathlib.Path("/tmp/run").mkdir()
pathlib.Path("/tmp/run/config.json").write_text("{}")
done = subprocess.run(["vlgym-rollout", "--env", "desk", "--policy", "/tmp/run"], capture_output=True, text=True)
print(done.returncode, done.stderr)
"""
    said = inside(target, code)
    assert said.startswith("1 ")
    assert 'pip install "vlgym[train]"' in said


# ---------------------------------------------------------------- the cache


def test_a_second_build_is_served_from_the_cache(target: str) -> None:
    build(target)
    identity = ["engine", "image", "inspect", "--format", "{{.Id}}", f"vlgym:{target}"]
    before = ci(*identity).stdout
    assert before.strip()
    started = time.monotonic()
    done = ci("build", target, limit=CACHED_S)
    print(f"{target}: {time.monotonic() - started:.1f} s from the cache")
    assert done.returncode == 0, done.stderr
    assert ci(*identity).stdout == before
