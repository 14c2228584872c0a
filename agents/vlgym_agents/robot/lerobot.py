"""Demonstrations as a LeRobot dataset: parquet tables with one row per control step, and their description in meta/.

Written in layout v2.1 (one table per episode); read in v2.x and v3 (tables of many episodes) alike. Columns:
`observation.state`, `action`, `next.reward`, `next.done`, `timestamp`, `frame_index`, `episode_index`, `index`,
`task_index`; ours besides: `simulator.state` and `simulator.next_state`, from which episodes replay to the bit. Numbers
stay float64. Camera images are kept in HDF5 only (demonstrations.py): LeRobot keeps videos, which lose detail.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import require
from vlgym_agents.checkpoint import disk_errors
from vlgym_agents.robot.demonstrations import Demonstration, DemonstrationError, Demonstrations, check

FPS = 20
CHUNK = 1000
"""Episodes of one data folder."""


def write_lerobot(folder: Path, demonstrations: Demonstrations, fps: int = FPS) -> None:
    """Write a dataset folder; an existing one is an error.

    Raises:
        DemonstrationError: the folder exists.
    """
    pa = require("pyarrow", extra="robot", purpose="Writing a LeRobot dataset")
    pq = require("pyarrow.parquet", extra="robot", purpose="Writing a LeRobot dataset")
    if folder.exists():
        raise DemonstrationError(f"{str(folder)!r} exists; choose another folder for the dataset.")
    tasks = list(dict.fromkeys(episode.task for episode in demonstrations.episodes))
    temporary = folder.with_name(f".{folder.name}-{os.getpid()}")
    with disk_errors("the dataset", folder, "Free some space, or choose another place."):
        try:
            start = 0
            for k, episode in enumerate(demonstrations.episodes):
                path = temporary / "data" / f"chunk-{k // CHUNK:03d}" / f"episode_{k:06d}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(pa.table(_columns(episode, k, start, tasks.index(episode.task), fps)), path)
                start += len(episode)
            _write_meta(temporary / "meta", demonstrations, tasks, fps)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _columns(episode: Demonstration, number: int, start: int, task: int, fps: int) -> dict[str, Any]:
    frames = np.arange(len(episode))
    columns: dict[str, Any] = {
        "observation.state": list(episode.observations),
        "action": list(episode.actions),
        "next.reward": episode.rewards,
        "next.done": frames == len(episode) - 1,
        "next.success": (frames == len(episode) - 1) & episode.success,
        "timestamp": frames / fps,
        "frame_index": frames,
        "episode_index": np.full(len(episode), number),
        "index": start + frames,
        "task_index": np.full(len(episode), task),
        "seed": np.full(len(episode), episode.seed),
    }
    if episode.states is not None:
        columns["simulator.state"] = list(episode.states[:-1])
        columns["simulator.next_state"] = list(episode.states[1:])
    return columns


def _write_meta(folder: Path, demonstrations: Demonstrations, tasks: list[str], fps: int) -> None:
    folder.mkdir(parents=True)
    episodes = demonstrations.episodes
    first = episodes[0]
    wide = {"observation.state": first.observations.shape[1], "action": first.actions.shape[1]}
    if first.states is not None:
        wide |= dict.fromkeys(("simulator.state", "simulator.next_state"), first.states.shape[1])
    features = {name: {"dtype": "float64", "shape": [size], "names": None} for name, size in wide.items()}
    features |= {
        name: {"dtype": kind, "shape": [1], "names": None}
        for name, kind in (
            ("next.reward", "float64"),
            ("next.done", "bool"),
            ("next.success", "bool"),
            ("timestamp", "float64"),
            *((name, "int64") for name in ("frame_index", "episode_index", "index", "task_index", "seed")),
        )
    }
    info = {
        "codebase_version": "v2.1",
        "robot_type": "panda",
        "total_episodes": len(episodes),
        "total_frames": demonstrations.steps,
        "total_tasks": len(tasks),
        "total_videos": 0,
        "total_chunks": -(-len(episodes) // CHUNK),
        "chunks_size": CHUNK,
        "fps": fps,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": None,
        "features": features,
        "vlgym": {
            "env": demonstrations.env,
            "env_kwargs": demonstrations.env_kwargs,
            "mujoco_version": demonstrations.mujoco_version,
            "model_hash": demonstrations.model_hash,
            "tries": demonstrations.tries,
        },
    }
    (folder / "info.json").write_text(json.dumps(info, indent=2), encoding="utf-8")
    _lines(folder / "tasks.jsonl", [{"task_index": k, "task": task} for k, task in enumerate(tasks)])
    rows = [{"episode_index": k, "tasks": [e.task], "length": len(e)} for k, e in enumerate(episodes)]
    _lines(folder / "episodes.jsonl", rows)
    stats = [
        {"episode_index": k, "stats": {"observation.state": _stats(e.observations), "action": _stats(e.actions)}}
        for k, e in enumerate(episodes)
    ]
    _lines(folder / "episodes_stats.jsonl", stats)


def _stats(values: NDArray[np.float64]) -> dict[str, list[float]]:
    parts = {name: getattr(values, name)(axis=0).tolist() for name in ("min", "max", "mean", "std")}
    return {**parts, "count": [len(values)]}


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_lerobot(folder: Path) -> Demonstrations:
    """Read a dataset folder; images and videos in it are left out.

    Raises:
        DemonstrationError: it is absent, damaged, or has no states and actions.
    """
    require("pyarrow", extra="robot", purpose="Reading a LeRobot dataset")
    pq = require("pyarrow.parquet", extra="robot", purpose="Reading a LeRobot dataset")
    try:
        info = json.loads((folder / "meta" / "info.json").read_text(encoding="utf-8"))
        tables = [pq.read_table(path) for path in sorted((folder / "data").rglob("*.parquet"))]
        tasks = _tasks(folder / "meta", pq)
        episodes: dict[int, Demonstration] = {}
        for table in tables:
            _read_table(table, tasks, episodes)
    except FileNotFoundError as error:
        raise DemonstrationError(f"{str(folder)!r} is no LeRobot dataset: {error.filename} is missing.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        words = " ".join(str(error).split())
        raise DemonstrationError(
            f"Cannot read the LeRobot dataset {str(folder)!r}: {words.rstrip('.')}; fetch it anew."
        ) from error
    own = info.get("vlgym") or {}
    found = Demonstrations(
        [episodes[k] for k in sorted(episodes)],
        str(own.get("env", "")),
        dict(own.get("env_kwargs") or {}),
        str(own.get("mujoco_version", "")),
        str(own.get("model_hash", "")),
        int(own.get("tries", 0)),
    )
    check(found, str(folder))
    return found


def _tasks(meta: Path, pq: Any) -> dict[int, str]:
    """Return the tasks by number: tasks.jsonl in layout 2, tasks.parquet (the task as its index) in layout 3."""
    lines, table = meta / "tasks.jsonl", meta / "tasks.parquet"
    if lines.exists():
        rows = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {int(row["task_index"]): str(row["task"]) for row in rows}
    if table.exists():
        columns = pq.read_table(table).to_pydict()
        words = next(values for name, values in columns.items() if name != "task_index")
        return dict(zip(map(int, columns["task_index"]), map(str, words)))
    return {}


def _read_table(table: Any, tasks: dict[int, str], episodes: dict[int, Demonstration]) -> None:
    """Add the episodes of a table; rows of one episode follow each other by frame."""
    numbers = table["episode_index"].to_numpy()
    columns = {name: table[name] for name in table.column_names}

    def matrix(name: str) -> NDArray[np.float64]:
        return np.array(columns[name].to_pylist(), np.float64)

    state, action = matrix("observation.state"), matrix("action")
    rewards = matrix("next.reward") if "next.reward" in columns else np.zeros(len(numbers))
    before = matrix("simulator.state") if "simulator.state" in columns else None
    after = matrix("simulator.next_state") if "simulator.next_state" in columns else None
    frame = columns["frame_index"].to_numpy() if "frame_index" in columns else np.arange(len(numbers))
    labels = columns["task_index"].to_numpy() if "task_index" in columns else np.zeros(len(numbers), int)
    seeds = columns["seed"].to_numpy() if "seed" in columns else np.zeros(len(numbers), int)
    for number in np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        states = None if before is None or after is None else np.vstack((before[rows], after[rows[-1:]]))
        task = tasks.get(int(labels[rows[0]]), "")
        episodes[int(number)] = Demonstration(
            state[rows], action[rows], rewards[rows], states, None, task, int(seeds[rows[0]])
        )
