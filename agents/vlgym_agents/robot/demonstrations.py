"""Demonstrations: collected from the scripted experts, kept as robomimic-style HDF5, replayed bit for bit.

data                      attributes: total, format, env_args (JSON: env_name, env_kwargs, mujoco_version, ...)
data/demo_0               attributes: num_samples, task, seed, success
data/demo_0/obs/state     float64 [T, D], before each action
data/demo_0/obs/image     uint8 [T, H, W, 3], where cameras were recorded
data/demo_0/actions       float64 [T, A] in [-1, 1]
data/demo_0/rewards       float64 [T];  dones  bool [T]
data/demo_0/states        float64 [T + 1, S], the simulator before each action and after the last
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import VlgymError, require
from vlgym_agents.checkpoint import disk_errors
from vlgym_agents.robot.arms import Arms, Array, errors_of, state_of

FORMAT = "vlgym-demonstrations-1"


class DemonstrationError(VlgymError, ValueError):
    """Demonstrations cannot be collected, read or used; names the file, the record, and the remedy."""


@dataclass(slots=True, eq=False)
class Demonstration:
    """One episode of T control steps (arrays: see the head of this file; `states` and `images` may be absent)."""

    observations: Array
    actions: Array
    rewards: Array
    states: Array | None = None
    images: NDArray[np.uint8] | None = None
    task: str = ""
    seed: int = 0
    success: bool = True

    def __len__(self) -> int:
        return len(self.actions)


@dataclass(slots=True, eq=False)
class Demonstrations:
    """Episodes and where they come from.

    Attributes:
        episodes: the demonstrations.
        env, env_kwargs: id and options of the environment.
        mujoco_version, model_hash: what they replay under; "" where unknown.
        tries: episodes the expert needed to get as many successes; 0 where unknown.
    """

    episodes: list[Demonstration]
    env: str = ""
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    mujoco_version: str = ""
    model_hash: str = ""
    tries: int = 0

    @property
    def steps(self) -> int:
        """Control steps of all episodes."""
        return sum(len(episode) for episode in self.episodes)


class Actor(Protocol):
    """Who demonstrates, in all robots of a batch at once."""

    def reset(self, mask: NDArray[np.bool_]) -> None:
        """Begin new episodes where `mask` [N] says."""
        ...

    def act(self, obs: Array) -> Array:
        """Return actions [N, A] for states [N, D]."""
        ...


def collect(
    arms: Arms,
    count: int,
    seed: int,
    *,
    env: str = "",
    kwargs: Mapping[str, Any] | None = None,
    most: int = 20,
    actor: Actor | None = None,
) -> Demonstrations:
    """Let the scripted expert act until `count` of its episodes have succeeded; failures are left out.

    Args:
        arms: with autoreset "Disabled".
        count: how many successes.
        seed: of starts and of the expert's noise; equal seeds and N are equal demonstrations.
        env, kwargs: recorded with them.
        most: gives up after so many episodes per wanted one.
        actor: acts instead of the expert.

    Raises:
        DemonstrationError: the expert does not succeed often enough.
    """
    rng = np.random.default_rng([seed, 1])
    ids = arms.tasks.ids("train")
    expert = actor or arms.expert(np.random.default_rng([seed, 2]))
    kept: dict[int, Demonstration] = {}
    n, started = arms.num_envs, 0
    number, name, open_ = np.full(n, -1), [""] * n, [_Recorder() for _ in range(n)]
    obs: Any = None

    def begin(mask: NDArray[np.bool_]) -> Any:
        nonlocal started
        for i in np.flatnonzero(mask):
            number[i], name[i], open_[i] = started, str(ids[int(rng.integers(len(ids)))]), _Recorder()
            started += 1
        expert.reset(mask)
        return arms.reset(options={"reset_mask": mask, "task": list(name)} if not mask.all() else {"task": list(name)})[
            0
        ]

    obs = begin(np.ones(n, bool))
    # An episode counts if all that were started before it have ended, so that short ones are not preferred.
    while len(kept) < count or min(number) < sorted(kept)[count - 1]:
        if started > most * count + n:
            who, where = "teacher" if actor else "expert", env or "this environment"
            raise DemonstrationError(
                f"The {who} of {where} solved {len(kept)} of {started} episodes, fewer than {count}; make the task "
                f"easier, or ask for fewer demonstrations."
            )
        states, actions = arms.states, expert.act(state_of(obs))
        after, rewards, terminated, truncated, infos = arms.step(actions)
        final, success, broken = arms.states, np.asarray(infos["is_success"]), errors_of(infos, n)
        ended = terminated | truncated
        for i in range(n):
            open_[i].add(obs, i, actions[i], rewards[i], states[i])
            if ended[i] and success[i] and not broken[i]:
                kept[int(number[i])] = open_[i].finish(final[i], name[i], seed)
        obs = begin(ended) if ended.any() else after
    chosen = [kept[k] for k in sorted(kept)[:count]]
    tries = sorted(kept)[count - 1] + 1
    return Demonstrations(chosen, env, dict(kwargs or {}), mujoco_version(), arms.model_hash, tries)


class _Recorder:
    def __init__(self) -> None:
        self.rows: list[tuple[Array, Array, float, Array]] = []
        self.images: list[NDArray[np.uint8]] = []

    def add(self, obs: Any, i: int, action: Array, reward: float, state: Array) -> None:
        self.rows.append((state_of(obs)[i].copy(), action.copy(), float(reward), state.copy()))
        if isinstance(obs, Mapping):
            self.images.append(obs["image"][i].copy())

    def finish(self, final: Array, task: str, seed: int) -> Demonstration:
        observations, actions, rewards, states = (np.array(column) for column in zip(*self.rows))
        images = np.array(self.images) if self.images else None
        return Demonstration(observations, actions, rewards, np.vstack((states, final)), images, task, seed)


def mujoco_version() -> str:
    """Return the installed version, "" where there is none."""
    try:
        return version("mujoco")
    except PackageNotFoundError:
        return ""


def replay(demonstrations: Demonstrations, arms: Arms) -> int:
    """Play all actions again from the recorded first states; returns how many control steps were equal to the bit.

    Raises:
        DemonstrationError: another model or MuJoCo version, no states, or the first control step that differs.
    """
    if demonstrations.model_hash != arms.model_hash:
        raise DemonstrationError(
            f"The demonstrations were recorded with the model {demonstrations.model_hash[:12] or 'unknown'}, this is "
            f"{arms.model_hash[:12]}; make the environment with {json.dumps(demonstrations.env_kwargs)}."
        )
    if demonstrations.mujoco_version != mujoco_version():
        raise DemonstrationError(
            f"The demonstrations were recorded with mujoco {demonstrations.mujoco_version or '(unknown)'}, this is "
            f"{mujoco_version()}; install that version to replay them."
        )
    n, equal = arms.num_envs, 0
    for first in range(0, len(demonstrations.episodes), n):
        part = demonstrations.episodes[first : first + n]
        if any(episode.states is None for episode in part):
            raise DemonstrationError("The demonstrations hold no simulator states; record them with this package.")
        arms.reset()
        rows = arms.states.copy()
        for i, episode in enumerate(part):
            assert episode.states is not None
            rows[i] = episode.states[0]
        arms.set_states(rows)
        for t in range(max(map(len, part))):
            now = [episode.actions[t] if t < len(episode) else np.zeros(episode.actions.shape[1]) for episode in part]
            arms.step(np.array(now + [np.zeros_like(now[0])] * (n - len(part))))
            states = arms.states
            for i, episode in enumerate(part):
                assert episode.states is not None
                if t < len(episode) and not np.array_equal(states[i], episode.states[t + 1]):
                    raise DemonstrationError(
                        f"Demonstration {first + i} differs from its recording at control step {t}; the machine or the "
                        f"build of MuJoCo is another one."
                    )
                equal += t < len(episode)
    return equal


# ---------------------------------------------------------------------- robomimic-style HDF5


def write_hdf5(path: Path, demonstrations: Demonstrations) -> None:
    """Write the file described above; an existing one is replaced when the new one is complete."""
    h5py = require("h5py", extra="robot", purpose="Writing demonstrations")
    about = {
        "env_name": demonstrations.env,
        "type": "vlgym",
        "env_kwargs": demonstrations.env_kwargs,
        "mujoco_version": demonstrations.mujoco_version,
        "model_hash": demonstrations.model_hash,
        "tries": demonstrations.tries,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    with disk_errors("the demonstrations", path, "Free some space, or choose another place."):
        try:
            with h5py.File(temporary, "w") as file:
                data = file.create_group("data")
                data.attrs["env_args"] = json.dumps(about)
                data.attrs["total"] = demonstrations.steps
                data.attrs["format"] = FORMAT
                for k, episode in enumerate(demonstrations.episodes):
                    _write_episode(data.create_group(f"demo_{k}"), episode)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _write_episode(group: Any, episode: Demonstration) -> None:
    dones = np.zeros(len(episode), bool)
    dones[-1:] = True
    group.attrs["num_samples"] = len(episode)
    group.attrs["task"], group.attrs["seed"], group.attrs["success"] = episode.task, episode.seed, episode.success
    group["obs/state"], group["actions"] = episode.observations, episode.actions
    group["rewards"], group["dones"] = episode.rewards, dones
    if episode.states is not None:
        group["states"] = episode.states
    if episode.images is not None:
        group.create_dataset("obs/image", data=episode.images, compression="gzip", compression_opts=1)


def read_hdf5(path: Path, keys: Sequence[str] = ()) -> Demonstrations:
    """Read a file of `write_hdf5`, or another one of the robomimic layout.

    Args:
        path: the file.
        keys: observations of a foreign file that together make the state, in order; () takes `obs/state`, or where
            there is none all one-dimensional ones by name.

    Raises:
        DemonstrationError: it is absent, no HDF5, damaged, or a record does not fit.
    """
    h5py = require("h5py", extra="robot", purpose="Reading demonstrations")
    try:
        with h5py.File(path, "r") as file:
            data = file["data"]
            about = json.loads(data.attrs.get("env_args", "{}"))
            names = sorted((name for name in data if name.startswith("demo_")), key=lambda name: int(name[5:]))
            episodes = [_read_episode(data[name], keys) for name in names]
    except FileNotFoundError:
        raise DemonstrationError(f"There is no demonstration file {str(path)!r}.") from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        words = " ".join(str(error.args[0] if error.args else error).split())
        raise DemonstrationError(
            f"Cannot read demonstrations from {str(path)!r}: {words.rstrip('.')}; collect them anew."
        ) from error
    found = Demonstrations(
        episodes,
        str(about.get("env_name", "")),
        dict(about.get("env_kwargs") or {}),
        str(about.get("mujoco_version", "")),
        str(about.get("model_hash", "")),
        int(about.get("tries", 0)),
    )
    check(found, str(path))
    return found


def _read_episode(group: Any, keys: Sequence[str]) -> Demonstration:
    obs = group["obs"]
    if keys or "state" not in obs:
        keys = keys or sorted(key for key in obs if obs[key].ndim <= 2)
        columns = [np.asarray(obs[key], np.float64).reshape(len(group["actions"]), -1) for key in keys]
        state = np.concatenate(columns, axis=1)
    else:
        state = np.asarray(obs["state"], np.float64)
    actions = np.asarray(group["actions"], np.float64)
    return Demonstration(
        state,
        actions,
        np.asarray(group["rewards"], np.float64) if "rewards" in group else np.zeros(len(actions)),
        np.asarray(group["states"], np.float64) if "states" in group else None,
        np.asarray(obs["image"], np.uint8) if "image" in obs else None,
        str(group.attrs.get("task", "")),
        int(group.attrs.get("seed", 0)),
        bool(group.attrs.get("success", True)),
    )


def check(demonstrations: Demonstrations, where: str) -> None:
    """Raise DemonstrationError if episodes are empty, of unequal width or length, or not finite."""
    if not demonstrations.episodes:
        raise DemonstrationError(f"{where} holds no demonstrations; collect some first.")
    first = demonstrations.episodes[0]
    for k, episode in enumerate(demonstrations.episodes):
        good = len(episode) > 0 and len(episode.observations) == len(episode) and episode.actions.ndim == 2
        good = good and episode.actions.shape[1:] == first.actions.shape[1:]
        good = good and episode.observations.shape[1:] == first.observations.shape[1:]
        finite = np.isfinite(episode.actions).all() and np.isfinite(episode.observations).all()
        if not good or not finite:
            why = "has numbers that are not finite" if good else "has arrays that do not fit together"
            raise DemonstrationError(f"Demonstration {k} of {where} {why}; leave it out or collect it anew.")
