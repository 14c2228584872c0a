"""Measuring a controller on starts that training never saw, with intervals; filming it beside its base."""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vlgym.core.stats import wilson
from vlgym_agents.record import RunFolder
from vlgym_agents.robot.actor import Controller, View
from vlgym_agents.robot.arms import errors_of, state_of
from vlgym_agents.stats import bootstrap

Decide = Callable[[View], Tensor]
"""Features and base of the deciding environments -> their decisions [n, G]."""

Frames = list[np.ndarray[Any, Any]]


def base_only(control: Controller) -> Decide:
    """Return decisions of zero: what the base does by itself."""
    return lambda view: torch.zeros(len(view.features), control.decision)


def tasks_of(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return `count` task ids, all different while there are enough; equal seeds are equal tasks."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(ids)) for _ in range(-(-count // len(ids)))])[:count]
    return [str(ids[int(k)]) for k in order]


@torch.no_grad()
def evaluate(
    control: Controller, decide: Decide, *, name: str, step: int, episodes: int, seed: int, split: str = "test"
) -> dict[str, Any]:
    """Play `episodes` starts of a split and return the evaluation object (see record.py).

    Episode k always has the same start and the same noise of the base, whatever is evaluated and in how many robots.
    """
    arms, started = control.arms, time.perf_counter()
    tasks, n = tasks_of(arms.tasks.ids(split), episodes, seed), arms.num_envs
    rows: list[dict[str, Any]] = []
    returns: list[float] = []
    digest, failures = hashlib.sha256(), 0
    for first in range(0, episodes, n):
        part = tasks[first : first + n]
        number = first + np.arange(n)
        obs, infos = arms.reset(seed=seed, options={"task": [*part, *[part[0]] * (n - len(part))]})
        control.reset(np.ones(n, bool), number)
        total, turns, ended = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, bool)
        while not ended.all():
            due = (control.left == 0) & ~ended
            if due.any():
                view = control.view(obs, due)
                control.decide(due, view, decide(view))
            obs, rewards, terminated, truncated, infos = arms.step(control.act())
            total, turns = total + rewards, turns + ~ended
            ended |= terminated | truncated
        digest.update(np.ascontiguousarray(state_of(obs)[: len(part)]).tobytes())
        broken = errors_of(infos, n)
        failures += int(broken[: len(part)].sum())
        score = np.asarray(infos.get("score", infos["is_success"]), np.float64)
        for i, task in enumerate(part):
            if not broken[i]:
                success = bool(infos["is_success"][i])
                rows.append({"task": task, "seed": seed, "success": success, "score": score[i], "turns": int(turns[i])})
                returns.append(float(total[i]))
    return {
        "name": name,
        "step": step,
        "split": split,
        "decoding": "mean action",
        "episodes": len(rows),
        "env_errors": failures,
        "success": wilson(sum(row["success"] for row in rows), len(rows)).to_json(),
        "score": bootstrap([row["score"] for row in rows]).to_json(),
        "return": bootstrap(returns).to_json(),
        "turns": float(np.mean([row["turns"] for row in rows])) if rows else math.nan,
        "tokens_per_turn": 0.0,
        "invalid": 0.0,
        "seconds": time.perf_counter() - started,
        "observation_hash": digest.hexdigest(),
        "tasks": rows,
    }


# ---------------------------------------------------------------------- films


@torch.no_grad()
def film(
    control: Controller, decide: Decide, task: str, number: int, *, every: int = 2, size: tuple[int, int] = (240, 180)
) -> tuple[list[dict[str, Any]], bool]:
    """Play one start in robot 0 and return the shown moments (picture, action, reward, ...) and whether it succeeded.

    The other robots play along; nothing that robot 0 does depends on them.
    """
    arms = control.arms
    n = arms.num_envs
    obs, infos = arms.reset(seed=number, options={"task": task})
    control.reset(np.ones(n, bool), np.full(n, number))
    moments: list[dict[str, Any]] = []
    step, owed, ended = 0, 0.0, np.zeros(n, bool)
    while not ended[0]:
        due = control.left == 0
        if due.any():
            view = control.view(obs, due)
            control.decide(due, view, decide(view))
        picture = arms.render(0, *size) if step % every == 0 else None
        actions = control.act()
        obs, rewards, terminated, truncated, infos = arms.step(actions)
        ended, owed = terminated | truncated, owed + float(rewards[0])
        if picture is not None or ended[0]:
            shown = arms.render(0, *size) if ended[0] else picture
            moments.append(moment(shown, actions[0], owed, bool(terminated[0]), bool(truncated[0]), step))
            owed = 0.0
        step += 1
    return moments, bool(infos["is_success"][0])


def moment(picture: Any, action: Any, reward: float, terminated: bool, truncated: bool, step: int) -> dict[str, Any]:
    """Return a shown moment of a film: uint8 [H, W, 3], what is done there, and the reward since the last one."""
    words = "target(" + ", ".join(f"{x:+.3f}" for x in np.ravel(action)) + ")"
    ends = {"terminated": terminated, "truncated": truncated}
    return {"picture": picture, "action": words, "reward": reward, **ends, "step": step}


def worth_seeing(before: Mapping[str, Any], tasks: Sequence[str], count: int) -> list[int]:
    """Return the places in `tasks` of `count` starts: failed and solved ones of an evaluation in turn."""
    outcome = {row["task"]: row["success"] for row in before["tasks"]}
    failed, solved = ([k for k, task in enumerate(tasks) if outcome.get(task) is kind] for kind in (False, True))
    turns = [k for pair in itertools.zip_longest(failed, solved) for k in pair if k is not None]
    return turns[:count]


def record_films(
    folder: RunFolder, control: Controller, ours: Decide, *, step: int, starts: Mapping[int, str], kind: str
) -> None:
    """Write episodes of the base and of the trained policy side by side, as episodes of the report and as GIFs.

    Without a base the policy is shown alone.

    Args:
        starts: number in the evaluation -> task; with both the film is what was evaluated.
    """
    arms = control.arms
    for k, (number, task) in enumerate(starts.items()):
        films = [film(control, ours, task, number)]
        if control.base is not None and kind == "after":
            films.insert(0, film(control, base_only(control), task, number))
        told = arms.tasks[task].instruction
        if len(films) == 2:
            told += f" (left: the base, {_verdict(films[0][1])}; right: with the residual, {_verdict(films[1][1])})"
        moments, frames = beside([moments for moments, _ in films])
        keep_film(folder, f"{kind}-{k:04d}", moments, frames, films[-1][1], kind=kind, step=step, task=task, told=told)


def keep_film(
    folder: RunFolder,
    name: str,
    moments: Sequence[Mapping[str, Any]],
    frames: Frames,
    success: bool,
    *,
    kind: str,
    step: int,
    task: str,
    told: str,
) -> None:
    """Write the moments of an episode and their frames uint8 [H, W, 3] as a GIF and as an episode of the report."""
    with folder.writing():
        save_gif(folder.path / "episodes" / f"{name}.gif", frames)
        episode = _episode(folder.path / "episodes", name, kind, step, task, moments, frames)
        episode |= {"success": success, "score": float(success), "instruction": told}
        episode["return"] = float(sum(shown["reward"] for shown in moments))
        folder.write(f"episodes/{name}.json", episode)


def _verdict(success: bool) -> str:
    return "solved" if success else "failed"


def beside(films: Sequence[list[dict[str, Any]]]) -> tuple[list[dict[str, Any]], Frames]:
    """Return the moments of the last film and frames that show all films side by side; ended ones stand still."""
    frames = []
    moments = films[-1]
    for t in range(max(map(len, films))):
        row = [each[min(t, len(each) - 1)]["picture"] for each in films]
        gap = np.full((row[0].shape[0], 4, 3), 255, np.uint8)
        frames.append(np.concatenate([part for picture in row for part in (gap, picture)][1:], axis=1))
    moments = [*moments, *[{**moments[-1], "reward": 0.0}] * (len(frames) - len(moments))]
    return moments, frames


def save_gif(path: Path, frames: Frames, milliseconds: int = 100) -> None:
    """Write frames uint8 [H, W, 3] as an endless GIF."""
    from PIL import Image

    pictures = [Image.fromarray(frame).quantize(64) for frame in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)


def _episode(
    folder: Path, name: str, kind: str, step: int, task: str, moments: Sequence[Mapping[str, Any]], frames: Frames
) -> dict[str, Any]:
    from PIL import Image

    turns = []
    for t, (shown, frame) in enumerate(zip(moments, frames)):
        picture = f"{name}-t{t:02d}.png"
        Image.fromarray(frame).quantize(128).save(folder / picture)
        turns.append(
            {
                "image": picture,
                "text": None,
                "instruction": None,
                "words": "",
                "action": shown["action"],
                "tokens": 0,
                "logprob": 0.0,
                "value": None,
                "reward": shown["reward"],
                "terminated": shown["terminated"],
                "truncated": shown["truncated"],
                "action_valid": True,
                "error": "",
                "info": {"control_step": shown["step"]},
            }
        )
    return {
        "name": name,
        "kind": kind,
        "step": step,
        "task": task,
        "seed": 0,
        "group": 0,
        "member": 0,
        "return_parts": {},
        "advantage": None,
        "env_error": "",
        "replayed": False,
        "turns": turns,
    }
