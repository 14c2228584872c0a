"""One run, from nothing to the report: demonstrations, base, reinforcement, evaluation; every step can be resumed.

A step is a line of metrics.jsonl: SLICE gradient steps of behaviour cloning, or one iteration of the learner after it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from vlgym.core.errors import VlgymError
from vlgym_agents.checkpoint import Checkpoints
from vlgym_agents.interrupt import Interrupt, Interrupted
from vlgym_agents.options import Config
from vlgym_agents.record import RunFolder
from vlgym_agents.registry import env_id
from vlgym_agents.robot import demonstrations as demos
from vlgym_agents.robot.actor import Controller
from vlgym_agents.robot.arms import Arms, make_arms, own_numbers
from vlgym_agents.robot.chunks import ChunkedBase
from vlgym_agents.robot.cloning import Cloning, policy_for, told
from vlgym_agents.robot.demonstrations import Demonstrations
from vlgym_agents.robot.diffusion import DiffusionOptions, DiffusionPolicy
from vlgym_agents.robot.evaluation import (
    Decide,
    base_only,
    evaluate,
    record_films,
    tasks_of,
    worth_seeing,
)
from vlgym_agents.robot.frames import Frames
from vlgym_agents.schema import OptionError, at_least

SLICE = 500
"""Gradient steps of behaviour cloning that make one line of metrics."""

SAVE_SHARE = 0.05
"""Share of the run that checkpoints may cost where `run.save_every` is 0."""


@dataclass(frozen=True)
class DemoOptions:
    """Where demonstrations come from."""

    count: int = 50
    """successes of the scripted expert to collect"""
    file: str = ""
    """HDF5 file or LeRobot folder to read instead of collecting"""
    threads: int = 1
    """threads that share the physics; results do not depend on it"""

    def __post_init__(self) -> None:
        at_least(self, count=1, threads=1)


class Learner(Protocol):
    """What follows the base: PPO, an off-policy learner, nothing."""

    def iterate(self) -> dict[str, float]:
        """Do one step and return its metrics."""
        ...

    def decide(self) -> Decide:
        """Return what the learnt policy decides, without exploration."""
        ...

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Stage(Protocol):
    """Makes the learner once the base is there."""

    def __call__(self, session: Session) -> tuple[Controller, Learner | None]: ...


class Session:
    """A run of a robot method.

    Args:
        config: with the sections demos, base and algo.
        path: the run folder.
        stage: makes controller and learner.
        needs_base: clone a base first.
        envs: robots of the training batch.
        folder: the run folder, open for writing; None: nothing is written.
        arms: robots to act in, which the caller closes; None: they are made as the options say.

    Attributes:
        arms: the training batch.
        demonstrations: what was collected or read.
        frames: how states and actions are told to networks.
        base: the frozen base, once it is there.
    """

    def __init__(
        self,
        config: Config,
        path: Path,
        stage: Stage,
        *,
        needs_base: bool,
        envs: int,
        folder: RunFolder | None = None,
        arms: Arms | None = None,
    ) -> None:
        self.config, self.path, self.stage, self.folder = config, path, stage, folder
        self.id = env_id(config.run.env)
        options: DiffusionOptions | None = config.own.get("base")
        self.images = bool(options and options.images)
        self.arms = arms or self._make(envs)
        if options and options.images and not options.proprio:
            options = replace(options, proprio=own_numbers(self.arms))
        self.demonstrations = self._demonstrations()
        demos.check(self.demonstrations, config.own["demos"].file or "the run's own file")
        self.frames = Frames(self.arms, (options or config.algo).relative and not self.images)
        self.cloning = None
        self.frozen: DiffusionPolicy | None = None
        if options is not None and options.resume_from:
            self.frozen = saved_base(Path(options.resume_from), options, self.demonstrations, self.frames)
        elif options is not None and needs_base:
            self.cloning = Cloning(options, self.demonstrations, config.run.seed, self.frames)
        self.control: Controller | None = None
        self.learner: Learner | None = None
        known = config.flat() if folder else None  # who only reads may ask for another environment
        self.checkpoints = Checkpoints(path / "checkpoints", known, config.run.keep)
        self.interrupt = Interrupt()
        self.step = 0
        self._saved, self._saving_s, self._started = -1, 0.0, time.perf_counter()

    def _make(self, envs: int, images: bool | None = None, **more: Any) -> Arms:
        """Make robots as the options say, with pictures if the policy sees any; `more`: the environment's options."""
        seen = self.images if images is None else images
        given, threads = {**self.config.given("env"), **more}, self.config.own["demos"].threads
        return make_arms(self.id, envs, given, threads=threads, images=seen)

    def _demonstrations(self) -> Demonstrations:
        """Return the demonstrations: read where there are some, else collected and written."""
        options: DemoOptions = self.config.own["demos"]
        if options.file:
            return read(Path(options.file))
        path = self.path / "demonstrations.hdf5"
        if path.exists():
            return demos.read_hdf5(path)
        with contextlib.closing(self._make(min(options.count, 32))) as arms:
            found = self._collect(arms, options.count)
        demos.write_hdf5(path, found)
        return found

    def _collect(self, arms: Arms, count: int) -> Demonstrations:
        return demos.collect(arms, count, self.config.run.seed, env=self.id, kwargs=self.config.given("env"))

    @property
    def base_steps(self) -> int:
        """How many steps of the run clone the base."""
        return base_steps(self.config) if self.cloning is not None else 0

    # ------------------------------------------------------------------ the run

    def run(self, resume: bool) -> None:
        """Go through all stages; raises Interrupted after saving the last completed step."""
        with self.interrupt:
            try:
                if resume:
                    self.resume()
                else:
                    self.save()  # so that a run can be resumed from its first minute
                self._clone()
                self._begin()
                self._reinforce()
            except Interrupted:
                if not self.interrupt.hard and self._saved != self.step:
                    self.save()
                raise

    def _clone(self) -> None:
        if self.cloning is None:
            return
        options = self.cloning.options
        while self.cloning.done < options.updates:
            started, cpu = time.perf_counter(), time.process_time()
            metrics = self.cloning.train(min(SLICE, options.updates - self.cloning.done))
            self._log({**metrics, "lr": self.cloning.rate(self.cloning.done - 1)}, started, cpu)

    def _begin(self) -> None:
        """Freeze the base, make the learner, and measure what there is before it learns."""
        self._freeze()
        if not (self.path / "eval_before.json").exists():
            assert self.control is not None
            decide = base_only(self.control) if self.control.base is not None else self._decide()
            self._evaluate("before", decide)

    def _freeze(self) -> None:
        if self.frozen is None and self.cloning is not None:
            self.frozen = self.cloning.average
        self._make_learner()

    def _make_learner(self) -> None:
        if self.control is None:
            torch.manual_seed(self.config.run.seed)
            self.control, self.learner = self.stage(self)

    def _decide(self) -> Decide:
        assert self.control is not None
        return base_only(self.control) if self.learner is None else self.learner.decide()

    def _reinforce(self) -> None:
        last, every = self.base_steps + self.config.run.steps, self.config.eval.every
        while self.learner is not None and self.step < last:
            started, cpu = time.perf_counter(), time.process_time()
            self._log(self.learner.iterate(), started, cpu)
            if every and (self.step - self.base_steps) % every == 0 and self.step < last:
                self._evaluate(f"step-{self.step:06d}", self._decide())
        self._evaluate("after", self._decide())

    def _log(self, metrics: dict[str, float], started: float, cpu: float) -> None:
        self.step += 1
        spent = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
        assert self.folder is not None
        self.folder.metrics({"step": self.step, **metrics, **spent})
        every, elapsed = self.config.run.save_every, time.perf_counter() - self._started
        last = self.step == self.base_steps + self.config.run.steps
        if last or (self.step % every == 0 if every else self._saving_s < SAVE_SHARE * elapsed):
            self.save()
        self.interrupt.check()

    def _evaluate(self, name: str, decide: Decide) -> None:
        o = self.config.eval
        if not o.episodes or self.control is None or self.folder is None:
            return
        with self.interrupt.abandonable():
            result = evaluate(
                self.control, decide, name=name, step=self.step, episodes=o.episodes, seed=o.seed, split=o.split
            )
            self.folder.evaluation(result)
            count = min(self.config.run.record, 4)
            if count and name in ("before", "after"):
                self._film(name, decide, count)

    def _film(self, name: str, decide: Decide, count: int, by: str = "before") -> None:
        """Record films of starts that an evaluation says differ, or say in one sentence why there are none."""
        assert self.control is not None
        assert self.folder is not None
        o = self.config.eval
        tasks = tasks_of(self.arms.tasks.ids(o.split), o.episodes, o.seed)
        before = json.loads((self.path / f"eval_{by}.json").read_text())
        starts = {number: tasks[number] for number in worth_seeing(before, tasks, count)}
        try:
            record_films(self.folder, self.control, decide, step=self.step, starts=starts, kind=name)
        except (VlgymError, NotImplementedError) as error:
            self.folder.say(f"No films: {error}")

    # ------------------------------------------------------------------ checkpoints

    def save(self) -> None:
        """Write a checkpoint of the last completed step."""
        started = time.perf_counter()
        state = {
            "step": self.step,
            "cloning": self.cloning.state_dict() if self.cloning is not None else None,
            "learner": self.learner.state_dict() if self.learner is not None else None,
        }
        self.checkpoints.save(self.step, state)
        self._saved = self.step
        self._saving_s += time.perf_counter() - started

    def resume(self) -> None:
        """Go back to the last checkpoint."""
        self.step, state = self.checkpoints.load()
        if self.cloning is not None:
            self.cloning.load_state_dict(state["cloning"])
        if state["learner"] is not None:
            self.frozen = self.frozen or (self.cloning.average if self.cloning is not None else None)
            self._make_learner()
            assert self.learner is not None
            self.learner.load_state_dict(state["learner"])
        self._saved = self.step

    def restored(self, base: bool = False) -> tuple[Controller, Decide]:
        """Return controller and decisions of the last checkpoint; of its base alone if `base`.

        Raises:
            OptionError: there is no base.
        """
        self.resume()
        self._freeze()
        assert self.control is not None
        if base and self.control.base is None:
            raise OptionError(f"{str(self.path)!r} has no base to be measured alone.")
        return self.control, base_only(self.control) if base else self._decide()

    def close(self) -> None:
        """Give the robots back."""
        self.arms.close()


def base_steps(config: Config) -> int:
    """Return how many steps of a run clone the base."""
    options: DiffusionOptions = config.own["base"]
    return 0 if options.resume_from else -(-options.updates // SLICE)


def read(path: Path) -> Demonstrations:
    """Read an HDF5 file, or the folder of a LeRobot dataset."""
    if path.is_dir():
        from vlgym_agents.robot.lerobot import read_lerobot

        return read_lerobot(path)
    return demos.read_hdf5(path)


def saved_base(run: Path, options: DiffusionOptions, demonstrations: Demonstrations, frames: Frames) -> DiffusionPolicy:
    """Return the base of another run's last checkpoint.

    Raises:
        OptionError: that run has no base, or one of another shape.
        CheckpointError: there is no checkpoint.
    """
    state = Checkpoints(run / "checkpoints").load()[1]
    if not state.get("cloning"):
        raise OptionError(f"{str(run)!r} has no base of its own; name a run that cloned one (base.resume_from).")
    source = run / "demonstrations.hdf5"
    theirs = demos.read_hdf5(source) if source.exists() else demonstrations
    policy = policy_for(options, *told(theirs, options.horizon, frames))
    try:
        policy.load_state_dict(state["cloning"]["average"])
    except RuntimeError:
        raise OptionError(
            f"The base of {str(run)!r} has another shape; give the same base.network, base.width, base.blocks, "
            f"base.horizon and base.relative as that run."
        ) from None
    return policy.requires_grad_(False)


@dataclass(frozen=True)
class Runner:
    """How a program runs: a session with these parts.

    Attributes:
        stage: makes controller and learner.
        envs: options -> robots of the training batch.
        needs_base: clone a base first.
        kind: of session.
    """

    stage: Stage
    envs: Callable[[Config], int]
    needs_base: bool = True
    kind: type[Session] = Session

    def __call__(self, config: Config, folder: RunFolder, resume: bool) -> None:
        """Go through all stages; see Program.run."""
        with contextlib.closing(self.session(config, folder.path, folder)) as session:
            session.run(resume)

    def session(self, config: Config, path: Path, folder: RunFolder | None = None, arms: Arms | None = None) -> Session:
        """Return the session of a run folder; see Session for the arguments."""
        envs = self.envs(config)
        return self.kind(config, path, self.stage, needs_base=self.needs_base, envs=envs, folder=folder, arms=arms)

    def measure(
        self, config: Config, run: Path, name: str, episodes: int, seed: int, split: str, base: bool = False
    ) -> dict[str, Any]:
        """Return the evaluation object of a run's last checkpoint, in the environment that `config` describes now.

        Args:
            config: the run's options, its environment's perhaps changed.
            run: the run folder.
            name, episodes, seed, split: of the evaluation.
            base: measure the base alone.
        """
        with contextlib.closing(self.session(config, run)) as session:
            control, decide = session.restored(base)
            return evaluate(control, decide, name=name, step=session.step, episodes=episodes, seed=seed, split=split)


def unaided(session: Session, arms: Arms) -> Controller:
    """Return the session's base as the controller of `arms`, with nothing on top."""
    base = chunked(session, arms)
    return Controller(
        arms, "residual", base.policy.seen, base.policy.done, base=base, near=False, frames=session.frames
    )


def chunked(session: Session, arms: Arms) -> ChunkedBase:
    """Return the session's base at work on `arms`."""
    assert session.frozen is not None
    return ChunkedBase(session.frozen, arms.num_envs, session.config.run.seed, session.frames)
