"""Stable-Baselines3 on the native ids, inside the house's run folder, checkpoints and report.

The environment is made with `gymnasium.make` and handed to the library unchanged; every step of the run is one call of
its `learn`. A resumed run goes on from the saved model (with SAC its replay buffer), but on fresh episodes: the library
keeps no simulator state, so a resumed run is not the uninterrupted one to the bit.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from vlgym.core.errors import BackendError, VlgymError, require
from vlgym.core.stats import wilson
from vlgym_agents.checkpoint import Checkpoints
from vlgym_agents.interrupt import Interrupt
from vlgym_agents.options import Config
from vlgym_agents.program import Program
from vlgym_agents.record import RunFolder
from vlgym_agents.registry import env_id
from vlgym_agents.robot.evaluation import keep_film, moment, tasks_of, worth_seeing
from vlgym_agents.schema import OptionError, above_zero, at_least
from vlgym_agents.stats import bootstrap


@dataclass(frozen=True)
class Sb3Options:
    """Settings handed to Stable-Baselines3; the others are the library's own."""

    envs: int = 8
    """environments that act in turn"""
    step: int = 16384
    """environment steps of one line of metrics"""
    lr: float = 3e-4
    """learning rate"""
    gamma: float = 0.98
    """discount"""
    batch: int = 256
    """rows of a gradient step"""
    width: int = 256
    """of the two hidden layers"""
    temperature: float = 0.005
    """first entropy coefficient of SAC, which it tunes from there; with the library's 1 entropy drowns our rewards"""

    def __post_init__(self) -> None:
        at_least(self, envs=1, step=1, batch=2, width=1, gamma=0)
        above_zero(self, "lr", "temperature")


def _make(config: Config, **more: Any) -> gymnasium.Env[Any, Any]:
    try:
        env = gymnasium.make(env_id(config.run.env), **config.given("env") | more)
    except (ValueError, TypeError) as error:
        if isinstance(error, VlgymError):
            raise
        raise OptionError(f"Cannot make {config.run.env}: {error}") from error
    kinds = (gymnasium.spaces.Discrete, gymnasium.spaces.Box)
    if not isinstance(env.action_space, kinds):
        env.close()
        raise OptionError(
            f"{config.run.env} takes text, which Stable-Baselines3 cannot write; choose an id with native actions such "
            f"as vlgym/Lift-v0."
        )
    return env


class _Session:
    """A run of one of the library's algorithms."""

    def __init__(self, name: str, config: Config, folder: RunFolder) -> None:
        library = require("stable_baselines3", extra="sb3", purpose=f"--algo sb3-{name.lower()}")
        monitor = require("stable_baselines3.common.monitor", extra="sb3", purpose="It")
        vector = require("stable_baselines3.common.vec_env", extra="sb3", purpose="It")
        self.config, self.folder, self.kind = config, folder, getattr(library, name)
        self.probe = _make(config)
        if isinstance(self.probe.action_space, gymnasium.spaces.Discrete) and name == "SAC":
            raise OptionError("SAC acts in continuous spaces only; use --algo sb3-ppo here.")
        o: Sb3Options = config.algo
        self.envs = vector.DummyVecEnv([lambda: monitor.Monitor(_make(config)) for _ in range(o.envs)])
        dicts = isinstance(self.probe.observation_space, gymnasium.spaces.Dict)
        settings: dict[str, Any] = {"learning_rate": o.lr, "gamma": o.gamma, "batch_size": o.batch}
        if name == "PPO":
            settings["n_steps"] = max(o.step // o.envs // 4, 1)
        else:
            rows = min(o.step * max(config.run.steps, 1), 1_000_000)  # all there will be: each checkpoint holds them
            settings |= {"ent_coef": f"auto_{o.temperature}", "buffer_size": rows}
        net = {"net_arch": [o.width, o.width]}
        policy = "MultiInputPolicy" if dicts else "MlpPolicy"
        self.model = self.kind(policy, self.envs, seed=config.run.seed, policy_kwargs=net, device="cpu", **settings)
        self.checkpoints = Checkpoints(folder.path / "checkpoints", config.flat(), config.run.keep)
        self.interrupt, self.step = Interrupt(), 0

    def run(self, resume: bool) -> None:
        """Learn, save and evaluate; raises Interrupted between steps."""
        with self.interrupt:
            if resume:
                self._resume()
            else:
                self._save()
                self._evaluate("before")
            every = self.config.eval.every
            while self.step < self.config.run.steps:
                self._learn()
                self._save()
                self.interrupt.check()
                if every and self.step % every == 0 and self.step < self.config.run.steps:
                    self._evaluate(f"step-{self.step:06d}")
            self._evaluate("after")

    def _learn(self) -> None:
        started, cpu = time.perf_counter(), time.process_time()
        self.model.learn(self.config.algo.step, reset_num_timesteps=False, log_interval=None)
        self.step += 1
        recent = list(self.model.ep_info_buffer or ())
        values = {
            name: float(np.mean([row[key] for row in recent]))
            for name, key in (("return", "r"), ("turns", "l"))
            if recent
        }
        spent = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
        self.folder.metrics({"step": self.step, **values, "env_steps": float(self.model.num_timesteps), **spent})

    def _save(self) -> None:
        self.checkpoints.save(self.step, {"step": self.step}, self._write)

    def _write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / "model.zip")
        if hasattr(self.model, "save_replay_buffer"):
            self.model.save_replay_buffer(folder / "replay.pkl")

    def _resume(self) -> None:
        self.step = self.checkpoints.load()[0]
        folder = self.checkpoints.path(self.step) / "model"
        self.model = self.kind.load(folder / "model.zip", env=self.envs, device="cpu")
        if (folder / "replay.pkl").exists():
            self.model.load_replay_buffer(folder / "replay.pkl")

    def _evaluate(self, name: str) -> None:
        o, started = self.config.eval, time.perf_counter()
        if not o.episodes:
            return
        ids = self.probe.unwrapped.tasks.ids(o.split)  # type: ignore[attr-defined]
        rows: list[dict[str, Any]] = []
        returns: list[float] = []
        failures = 0
        tasks = tasks_of(ids, o.episodes, o.seed)
        for k, task in enumerate(tasks):
            self.interrupt.check()
            total, turns, info = self._play(self.probe, task, o.seed + k)
            if info.get("env_error"):
                failures += 1
                continue
            success = bool(info.get("success", False))
            score = float(info.get("score", success))
            rows.append({"task": task, "seed": o.seed + k, "success": success, "score": score, "turns": turns})
            returns.append(total)
        if not rows:
            raise BackendError(f"Every episode of the evaluation failed; the last said: {info.get('env_error')}")
        self.folder.evaluation(
            {
                "name": name,
                "step": self.step,
                "split": o.split,
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
                "observation_hash": "",
                "tasks": rows,
            }
        )
        drawn = "rgb_array" in self.probe.metadata.get("render_modes", ())
        if drawn and self.config.run.record and name in ("before", "after"):
            try:
                self._film(name, tasks)
            except (VlgymError, NotImplementedError) as error:
                self.folder.say(f"No films: {error}")

    def _play(
        self, env: gymnasium.Env[Any, Any], task: str, seed: int, film: list[dict[str, Any]] | None = None
    ) -> tuple[float, int, dict[str, Any]]:
        """Play an episode and return its return, steps and last info; every second step is added to `film`."""
        obs, info = env.reset(seed=seed, options={"task": task})
        total, turns, owed, done = 0.0, 0, 0.0, False
        while not done:
            picture: Any = env.render() if film is not None and turns % 2 == 0 else None
            action, _ = self.model.predict(obs, deterministic=True)
            obs, reward, terminated, truncated, info = env.step(action)
            total, owed, done = total + float(reward), owed + float(reward), terminated or truncated
            if film is not None and (picture is not None or done):
                picture = env.render() if done else picture
                film.append(moment(picture, action, owed, bool(terminated), bool(truncated), turns))
                owed = 0.0
            turns += 1
        return total, turns, info

    def _film(self, name: str, tasks: list[str]) -> None:
        """Show starts on which the first evaluation failed and did not."""
        first = json.loads((self.folder.path / "eval_before.json").read_text())
        with contextlib.closing(_make(self.config, render_mode="rgb_array")) as env:
            for k, number in enumerate(worth_seeing(first, tasks, min(self.config.run.record, 4))):
                film: list[dict[str, Any]] = []
                task = tasks[number]
                info = self._play(env, task, self.config.eval.seed + number, film)[2]
                frames = [shown["picture"] for shown in film]
                told = env.unwrapped.tasks[task].instruction  # type: ignore[attr-defined]
                success, place = bool(info.get("success", False)), f"{name}-{k:04d}"
                keep_film(self.folder, place, film, frames, success, kind=name, step=self.step, task=task, told=told)

    def close(self) -> None:
        """Close all environments."""
        self.probe.close()
        self.envs.close()


def _runner(name: str) -> Callable[[Config, RunFolder, bool], None]:
    def run(config: Config, folder: RunFolder, resume: bool) -> None:
        with contextlib.closing(_Session(name, config, folder)) as session:
            session.run(resume)

    return run


_PRESET = {"run.torch_threads": 1, "eval.episodes": 100, "env.reward": "dense"}  # reward: where the environment has it

PPO = Program(
    name="sb3-ppo",
    summary="PPO of Stable-Baselines3 on the native side of an environment",
    source="Schulman et al. 2017; Raffin et al. 2021, Stable-Baselines3",
    sections={"algo": Sb3Options},
    run=_runner("PPO"),
    preset=_PRESET | {"run.steps": 30},
)

SAC = Program(
    name="sb3-sac",
    summary="SAC of Stable-Baselines3 on the native side of an environment",
    source="Haarnoja et al. 2018; Raffin et al. 2021, Stable-Baselines3",
    sections={"algo": Sb3Options},
    run=_runner("SAC"),
    preset=_PRESET | {"run.steps": 20, "algo.step": 4096, "algo.envs": 4, "algo.lr": 1e-3},
)
