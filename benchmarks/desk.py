"""Speed of vlgym/Desk-v0 and success of its scripted policies.

    python benchmarks/desk.py [--quick] [--json FILE] [--picture FILE]

Episodes of the oracle and of the random policy (half each) are recorded, then replayed in CPU time of this process.
`new` draws every task anew, `again` plays tasks that were drawn before, as in a group of rollouts. A step includes the
observation, the plan behind `progress` and `subgoal`, the available actions and its share of the resets. Pictures are
256 x 256. `--picture` writes the screens of one task for the README.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from vlgym.desk.env import DeskEnv
from vlgym.desk.tasks import build
from vlgym.desk.vector import DeskVectorEnv

Episode = tuple[str, list[str]]


def record(obs_mode: str, episodes: int) -> list[Episode]:
    """Return (task, actions) of oracle and random episodes in turn."""
    env, found = DeskEnv(obs_mode=obs_mode), []
    for number in range(episodes):
        policy = env.scripted_policy(("oracle", "random")[number % 2], number)
        observation, info = env.reset(seed=number)
        actions, ended = [], False
        while not ended:
            actions.append(policy(observation, info))
            observation, _, terminated, truncated, info = env.step(actions[-1])
            ended = terminated or truncated
        found.append((info["task"], actions))
    return found


def replay(env: DeskEnv, episodes: list[Episode]) -> float:
    """Return steps per CPU second."""
    start, steps = time.process_time(), 0
    for task, actions in episodes:
        env.reset(options={"task": task})
        for action in actions:
            env.step(action)
        steps += len(actions)
    return steps / (time.process_time() - start)


def batch(num_envs: int, steps: int) -> dict[str, float]:
    """Return environment steps per CPU second of a native batch and of Gymnasium's own, in turn, under the same random
    native actions (their episodes are short, so resets to new tasks weigh more than elsewhere)."""
    options = {"action_mode": "native"}
    sync = gymnasium.vector.SyncVectorEnv(
        [lambda: DeskEnv(**options)] * num_envs, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP
    )
    both = {"batch": DeskVectorEnv(num_envs, **options), "sync": sync}
    sync.action_space.seed(0)
    actions = [sync.action_space.sample() for _ in range(steps)]
    seconds = dict.fromkeys(both, 0.0)
    for envs in both.values():
        envs.reset(seed=0)
    for chosen in actions:
        for name, envs in both.items():
            build.cache_clear()
            start = time.process_time()
            envs.step(chosen)
            seconds[name] += time.process_time() - start
    speed = {f"{name}_of_{num_envs}_steps_per_cpu_s": num_envs * steps / spent for name, spent in seconds.items()}
    return {**speed, "ratio_batch_to_sync": seconds["sync"] / seconds["batch"]}


def milliseconds(act: Any, times: int) -> float:
    """Return CPU milliseconds of one call."""
    start = time.process_time()
    for _ in range(times):
        act()
    return 1000 * (time.process_time() - start) / times


def policies(per_length: int) -> dict[str, float]:
    """Return success in per cent of the scripted policies on test tasks of every length."""
    env, found = DeskEnv(), {}
    for name in env.scripted:
        wins = []
        for number, task in enumerate(env.tasks.ids("test")[: 15 * per_length]):
            policy = env.scripted_policy(name, number)
            observation, info = env.reset(seed=number, options={"task": task})
            ended = False
            while not ended:
                observation, _, terminated, truncated, info = env.step(policy(observation, info))
                ended = terminated or truncated
            wins.append(info["success"])
        found[f"{name}_success_percent"] = 100 * float(np.mean(wins))
    return found


def picture(file: Path) -> None:
    """Write the screens of one task, side by side."""
    from PIL import Image

    env = DeskEnv(obs_mode="image")
    observation, info = env.reset(options={"task": "train-08-00004"})
    oracle, screens, ended = env.scripted_policy("oracle"), [], False
    while not ended:
        screens.append(np.pad(observation["image"], ((4, 4), (4, 4), (0, 0)), constant_values=255))
        observation, _, ended, _, info = env.step(oracle(observation, info))
    half = (len(screens) + 1) // 2
    rows = [np.concatenate(screens[at : at + half], 1) for at in range(0, len(screens) - half + 1, half)]
    Image.fromarray(np.concatenate(rows)).quantize(64).save(file, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--json", type=Path, help="write the metrics to this file")
    parser.add_argument("--picture", type=Path, help="write the screens of one task to this file instead")
    options = parser.parse_args()
    if options.picture:
        return picture(options.picture)
    episodes = 400 if options.quick else 3000
    metrics: dict[str, float] = {}
    for mode in ("text", "image", "state"):
        recorded = record(mode, episodes)
        env = DeskEnv(obs_mode=mode)
        build.cache_clear()
        metrics[f"{mode}_steps_per_cpu_s_new"] = replay(env, recorded)
        metrics[f"{mode}_steps_per_cpu_s_again"] = replay(env, recorded)
    env = DeskEnv(obs_mode="image")
    env.reset(options={"task": "train-08-00004"})
    view, snapshot = env._desk.view, env.snapshot()
    metrics["picture_ms"] = milliseconds(lambda: env._screen.draw(view), 1000)
    metrics["snapshot_ms"] = milliseconds(env.snapshot, 1000)
    metrics["restore_ms"] = milliseconds(lambda: env.restore(snapshot), 1000)
    metrics["snapshot_bytes"] = float(len(snapshot))
    metrics |= batch(64, episodes // 8)
    metrics |= policies(4 if options.quick else 60)
    print("| metric | value |\n| --- | ---: |")
    for name, value in metrics.items():
        print(f"| {name} | {value:,.3f} |")
    if options.json:
        options.json.write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
