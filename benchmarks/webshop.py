"""Speed of vlgym/WebShop-v0, alone and against the original environment on the same actions.

    python benchmarks/webshop.py [--quick] [--json FILE]
    python benchmarks/webshop.py --policies [--data FOLDER]
    python benchmarks/webshop.py --original CHECKOUT --original-python PYTHON --data FOLDER

Episodes of the oracle, the rule and the random policy (a third each) are recorded first. Then fresh processes replay
the same actions: ours, and, in turn by blocks of episodes, the original if a checkout of princeton-nlp/WebShop is
given with an interpreter that can run it (see original_webshop.py) and the 1,000-product files. Each process reports
its own CPU time. Every step includes the `text_rich` observation and the available actions.

`steps_per_cpu_s` is taken on new goals and new queries after a warm-up of some hundred episodes, `..._cold` on that
warm-up in a fresh process, and `..._cached` on episodes that were played before, as in a group of rollouts of one
task.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
POLICIES = ("oracle", "rule", "random")
BLOCK = 50
"""Episodes that one side plays before the other: with fewer, a millisecond of ours starts with processor caches that a
second of the original has filled."""
COPIES = 500
"""Further environments made to weigh one."""


# ---------------------------------------------------------------------- replaying, in processes of their own


def replay_ours(catalogue: str) -> Iterator[float]:
    """Replay episodes from stdin with vlgym; yield CPU seconds of each."""
    from vlgym.webshop.env import WebShopEnv

    env = WebShopEnv(catalogue, goals="synthetic", split_by="goal", max_steps=10_000)
    env.reset(seed=0)
    for line in sys.stdin:
        episode = json.loads(line)
        task = env.shop.book.id(episode["goal"])
        start = time.process_time()
        env.reset(options={"task": task})
        for action in episode["actions"]:
            env.step(action)
        yield time.process_time() - start


def replay_original(checkout: str, data: str) -> Iterator[float]:
    """Replay episodes from stdin with the original; yield CPU seconds of each."""
    import original_webshop

    from vlgym.webshop.catalogue import open_catalogue
    from vlgym.webshop.goals import GoalBook

    catalogue = open_catalogue(data)
    env = original_webshop.load(Path(checkout), Path(data), catalogue, GoalBook(catalogue, "synthetic"))
    for line in sys.stdin:
        episode = json.loads(line)
        start = time.process_time()
        env.reset(session=episode["goal"])
        for action in episode["actions"]:
            env.step(action)
        yield time.process_time() - start
        env.server.user_sessions.clear()


class Replayer:
    """A process that replays episodes and tells their CPU seconds."""

    def __init__(self, python: str, *arguments: str) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [python, __file__, "--replay", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._read()

    def _read(self) -> float:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"A replaying process ended early with code {self._process.wait()}; see its message above.")
        return float(line)

    def run(self, episode: dict[str, Any]) -> float:
        """Return the CPU seconds of one episode."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(episode) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# ---------------------------------------------------------------------- measuring


def record(catalogue: str, episodes: int) -> list[dict[str, Any]]:
    """Return episodes as goal position and actions, a third of each policy."""
    from vlgym.webshop.env import WebShopEnv

    env = WebShopEnv(catalogue, goals="synthetic", split_by="goal")
    rng, found = random.Random(0), []
    for number, goal in enumerate(rng.sample(range(len(env.shop.book)), min(episodes, len(env.shop.book)))):
        policy = env.scripted_policy(POLICIES[number % len(POLICIES)], number)
        observation, info = env.reset(seed=number, options={"task": env.shop.book.id(goal)})
        actions, ended = [], False
        while not ended:
            actions.append(policy(observation, info))
            observation, _, terminated, truncated, info = env.step(actions[-1])
            ended = terminated or truncated
        found.append({"goal": goal, "actions": actions})
    return found


def measure_speed(options: argparse.Namespace, metrics: dict[str, Any]) -> None:
    """Fill in steps per CPU second, and the ratio where the original is given."""
    warm, count, peers = (40, 60, 30) if options.quick else (300, 600, 200)
    episodes = record(options.catalogue, warm + count)
    warm = min(warm, len(episodes) // 3)
    first, measured = episodes[:warm], episodes[warm:]
    ours = Replayer(sys.executable, "ours", options.catalogue)
    metrics["steps_per_cpu_s_cold"] = rate(first, [ours.run(episode) for episode in first])
    if options.original:
        measure_ratio(options, ours, first, measured[:peers], metrics)
        measured = measured[peers:]
    metrics["steps"] = sum(len(episode["actions"]) for episode in measured)
    metrics["steps_per_cpu_s"] = rate(measured, [ours.run(episode) for episode in measured])
    metrics["steps_per_cpu_s_cached"] = rate(measured, [ours.run(episode) for episode in measured])
    ours.close()


def rate(episodes: list[dict[str, Any]], seconds: list[float]) -> float:
    """Return steps per CPU second."""
    return sum(len(episode["actions"]) for episode in episodes) / sum(seconds)


def measure_ratio(
    options: argparse.Namespace,
    ours: Replayer,
    first: list[dict[str, Any]],
    episodes: list[dict[str, Any]],
    metrics: dict[str, Any],
) -> None:
    """Fill in both sides' speed on `episodes`, which neither has seen; the original warms up on some of `first`."""
    peer = Replayer(options.original_python, "original", options.original, options.data)
    for episode in first[:10]:
        peer.run(episode)
    seconds: tuple[list[float], list[float]] = ([], [])
    for start in range(0, len(episodes), BLOCK):
        for side, found in zip((ours, peer), seconds):
            found += [side.run(episode) for episode in episodes[start : start + BLOCK]]
    mine, theirs = (rate(episodes, found) for found in seconds)
    metrics |= {"ratio_to_original": mine / theirs, "ratio_steps_per_cpu_s": mine, "original_steps_per_cpu_s": theirs}
    again = rate(episodes, [ours.run(episode) for episode in episodes])
    metrics |= {"ratio_to_original_cached": again / theirs, "original_version": git_head(options.original)}
    peer.close()


def print_policies(catalogue: str) -> None:
    """Print how the scripted policies do on every test goal."""
    from vlgym.webshop.env import WebShopEnv

    env = WebShopEnv(catalogue)
    tasks = list(env.tasks.ids("test"))
    claimed = sum(map(env.oracle_claims, tasks)) / len(tasks)
    print(f"{len(tasks)} test goals, the oracle claims {claimed:.1%}.\n")
    print("| policy | success % | score | steps |\n| --- | ---: | ---: | ---: |")
    for name in POLICIES:
        success, score, steps = 0, 0.0, 0
        for number, task in enumerate(tasks):
            policy = env.scripted_policy(name, number)
            observation, info = env.reset(seed=number, options={"task": task})
            ended = False
            while not ended:
                observation, _, terminated, truncated, info = env.step(policy(observation, info))
                ended, steps = terminated or truncated, steps + 1
            success, score = success + info["success"], score + info["score"]
        count = len(tasks)
        print(f"| {name} | {100 * success / count:.1f} | {100 * score / count:.1f} | {steps / count:.1f} |")


def git_head(checkout: str) -> str:
    """Return the commit of a checkout, or "unknown"."""
    found = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def measure_memory(options: argparse.Namespace, metrics: dict[str, Any]) -> None:
    """Fill in the resident memory of one further environment with an episode under way."""
    from vlgym.webshop.env import WebShopEnv

    made = [WebShopEnv(options.catalogue) for _ in range(20)]
    before = resident_mib()
    if before is None:
        return
    for number in range(COPIES):
        env = WebShopEnv(options.catalogue)
        policy = env.scripted_policy("rule")
        observation, info = env.reset(seed=number % 20)
        env.step(policy(observation, info))
        made.append(env)
    after = resident_mib()
    assert after is not None
    metrics["mib_per_env"] = (after - before) / COPIES


def resident_mib() -> float | None:
    """Return this process's resident memory in MiB, None where /proc is absent."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return None


def tree_cpu_seconds() -> float:
    """Return CPU seconds of this process and all its descendants that live, from /proc."""
    rows: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                rows[int(entry.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    total, family = 0.0, {os.getpid()}
    while family:
        total += sum(rows[pid][1] for pid in family if pid in rows)
        family = {pid for pid, (parent, _) in rows.items() if parent in family}
    return total


def measure_browser(options: argparse.Namespace, metrics: dict[str, Any]) -> str:
    """Fill in the CPU time of a step with an image, browser included; return why not, if not."""
    from vlgym.core.errors import BackendError, MissingDependencyError
    from vlgym.webshop.env import WebShopEnv

    env = WebShopEnv(options.catalogue, obs_mode="image")
    episodes = 6 if options.quick else 45
    try:
        _, info = env.reset(seed=0)
    except (MissingDependencyError, BackendError, ImportError) as error:
        return str(error)
    if info["env_error"]:
        return str(info["env_error"])
    steps, start = 0, tree_cpu_seconds()
    for number in range(episodes):
        policy = env.scripted_policy(POLICIES[number % len(POLICIES)], number)
        observation, info = env.reset(seed=number)
        ended = False
        while not ended:
            observation, _, terminated, truncated, info = env.step(policy(observation, info))
            ended = terminated or truncated
            steps += 1
        steps += 1  # the reset shows a page too
    metrics["browser_cpu_ms_per_step"] = 1000 * (tree_cpu_seconds() - start) / steps
    metrics["browser_steps"] = steps
    env.close()
    return ""


# ---------------------------------------------------------------------- command line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument(
        "--policies", action="store_true", help="print success and score of the scripted policies instead"
    )
    parser.add_argument("--json", type=Path, help="write the metrics to this file")
    parser.add_argument("--data", help="folder of the original's 1,000-product files (needed with --original)")
    parser.add_argument("--original", help="checkout of princeton-nlp/WebShop")
    parser.add_argument("--original-python", default=sys.executable, help="interpreter that can run it")
    options = parser.parse_args()
    if options.original and not options.data:
        parser.error("--original needs --data, the folder with the files that both sides load.")
    options.catalogue = options.data or "synthetic:1000"
    if options.policies:
        return print_policies(options.catalogue)
    metrics: dict[str, Any] = {}
    measure_speed(options, metrics)
    measure_memory(options, metrics)
    notes = [measure_browser(options, metrics)]
    if not options.original:
        notes.append("ratio_to_original is absent: give --original CHECKOUT, --original-python and --data.")
    print("| metric | value |\n| --- | ---: |")
    for name, value in metrics.items():
        print(f"| {name} | {value:,.3f} |" if isinstance(value, float) else f"| {name} | {value} |")
    for note in filter(None, notes):
        print(f"\n{note}")
    if options.json:
        options.json.write_text(json.dumps(metrics, indent=1) + "\n")


def replay(arguments: list[str]) -> None:
    """Be a Replayer's process: say that it is ready, then one number per episode."""
    replayed = {"ours": replay_ours, "original": replay_original}[arguments[0]](*arguments[1:])
    print(0.0, flush=True)
    for seconds in replayed:
        print(seconds, flush=True)


if __name__ == "__main__":
    replay(sys.argv[2:]) if sys.argv[1:2] == ["--replay"] else main()
