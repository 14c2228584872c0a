"""Speed of the arm against robosuite's Lift at the same 20 Hz, both in this process and in turn.

    python benchmarks/manipulation.py [--quick] [--json FILE] [--picture FILE]

All figures are CPU time of this process, medians over rounds in which the two take turns. `lift_ratio` compares
control steps of `vlgym/Lift-v0` (the native batch, random actions, its share of the resets included) with robosuite's
Lift as its `make` gives it without cameras; `lift_camera_ratio` the same with an 84 x 84 picture of a front camera at
each step. The renderer behind both pictures is MuJoCo's on the same OpenGL. `mib_per_env` is the memory of a further
environment in a batch, measured. Without robosuite (`pip install "vlgym[robosuite]"`) the ratios are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from vlgym.core.cameras import backend
from vlgym.core.errors import MissingDependencyError
from vlgym.manipulation.env import ArmEnv
from vlgym.manipulation.tasks import TASKS
from vlgym.manipulation.vector import ArmVectorEnv


def cpu_ms(act: Callable[[], int]) -> float:
    """Return CPU milliseconds of a control step; `act` returns how many it made."""
    start = time.process_time()
    steps = act()
    return 1e3 * (time.process_time() - start) / steps


def native(envs: ArmVectorEnv, rounds: int, expert: bool = False) -> Callable[[], int]:
    """Return what advances a batch, with resets, under random actions or its expert."""
    rng = np.random.default_rng(0)
    teacher = envs.expert(rng) if expert else None
    state: dict[str, Any] = {"obs": envs.reset(seed=0)[0]}

    def act() -> int:
        for _ in range(rounds):
            seen = state["obs"]["state"] if envs.images else state["obs"]
            actions = teacher.act(seen) if teacher else rng.uniform(-1, 1, envs.action_space.shape)
            state["obs"], _, terminated, truncated, _ = envs.step(actions)
            ended = terminated | truncated
            if ended.any():
                state["obs"], _ = envs.reset(options={"reset_mask": ended})
                if teacher:
                    teacher.reset(ended)
        return rounds * envs.num_envs

    return act


def peer(steps: int, camera: bool) -> Callable[[], int]:
    """Return what advances robosuite's own Lift, made as its documentation makes it; 100 steps an episode."""
    from vlgym.robosuite.shim import load

    env = load().make(
        "Lift",
        robots="Panda",
        has_renderer=False,
        has_offscreen_renderer=camera,
        use_camera_obs=camera,
        camera_names="frontview",
        camera_heights=84,
        camera_widths=84,
        hard_reset=False,
        control_freq=20,
        horizon=100,
        ignore_done=True,
        seed=0,
    )
    rng, count = np.random.default_rng(0), [0]
    low, high = env.action_spec
    env.reset()
    for _ in range(3):
        env.step(rng.uniform(low, high))  # numba compiles

    def act() -> int:
        if camera:
            env.sim._render_context_offscreen.gl_ctx.make_current()  # ours was the last one
        for _ in range(steps):
            if count[0] % 100 == 99:
                env.reset()
            seen = env.step(rng.uniform(low, high))[0]
            count[0] += 1
        assert not camera or seen["frontview_image"].std() > 10, "robosuite's picture is empty"
        return steps

    return act


def against_robosuite(quick: bool) -> dict[str, float]:
    """Return both sides' milliseconds and their ratios."""
    found: dict[str, float] = {}
    for name, camera in (("lift", False), ("lift_camera", True)):
        ours = native(ArmVectorEnv("Lift", 32, images=camera), 4 if quick else 10)
        theirs = peer(5 if quick else 25, camera)
        ours()
        rounds = [(cpu_ms(ours), cpu_ms(theirs)) for _ in range(3 if quick else 9)]
        found[f"{name}_ms"] = median(own for own, _ in rounds)
        found[f"robosuite_{name}_ms"] = median(other for _, other in rounds)
        found[f"{name}_ratio"] = median(other / own for own, other in rounds)
    return found


def memory(task: str = "PegInsert", few: int = 8, many: int = 72) -> float:
    """Return MiB of resident memory that a further environment of a batch takes, in a child that ran 20 steps."""
    sizes = []
    for num in (few, many):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            native(ArmVectorEnv(task, num), 20)()
            os.write(writer, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())
            os._exit(0)
        os.waitpid(child, 0)
        sizes.append(int(os.read(reader, 64)))
        os.close(reader)
        os.close(writer)
    return (sizes[1] - sizes[0]) / 1024 / (many - few)


def picture(path: Path) -> None:
    """Draw every task halfway through its expert's solution, side by side, and write a PNG."""
    from PIL import Image

    tiles = []
    for name in TASKS:
        env = ArmEnv(name, render_mode="rgb_array", split="test")
        policy = env.scripted_policy("oracle")
        observation, info = env.reset(seed=2)
        for _ in range(int(0.75 * env.kind.difficulty)):
            observation, _, terminated, _, info = env.step(policy(observation, info))
            if terminated:
                break
        tiles.append(env.render())
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % 4)
    rows = [np.hstack(tiles[k : k + 4]) for k in range(0, len(tiles), 4)]
    Image.fromarray(np.vstack(rows)).save(path, optimize=True)


def main() -> None:
    """Run, print the table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute, rougher")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--picture", type=Path, help="write a PNG of all tasks here")
    options = parser.parse_args()
    found: dict[str, Any] = {"mib_per_env": memory()}
    rounds = 5 if options.quick else 30
    for name in TASKS:
        act = native(ArmVectorEnv(name, 64), rounds, expert=True)
        act()
        found[f"{name}_steps_per_cpu_s"] = 1e3 / median(cpu_ms(act) for _ in range(3 if options.quick else 5))
    found["peg_insert_steps_per_cpu_s"] = found.pop("PegInsert_steps_per_cpu_s")
    single = native(ArmVectorEnv("PegInsert", 1), 100, expert=True)
    found["peg_insert_single_steps_per_cpu_s"] = 1e3 / median(cpu_ms(single) for _ in range(3))
    found["mujoco"] = metadata.version("mujoco")
    try:
        found |= against_robosuite(options.quick) | {"robosuite": metadata.version("robosuite"), "opengl": backend()}
    except (MissingDependencyError, metadata.PackageNotFoundError) as error:
        print(f"No comparison with robosuite: {error}")
    for name, value in found.items():
        print(f"{name:40} {value if isinstance(value, str) else format(value, ',.4g')}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        picture(options.picture)


if __name__ == "__main__":
    main()
