"""Teacher to student: a trained policy of states demonstrates, and an image policy clones its successes.

The teacher is the run folder of another method of this package. It acts on states while the camera records; the student
is the diffusion policy with `base.images`, which is told the picture and the robot's own numbers alone.

Source: Ankile et al. 2024, "From Imitation to Refinement", distillation: the refined policy's rollouts under visual
randomisation, cloned by a diffusion policy. Ours: only successes are kept, one camera, a small encoder trained from
nothing, an estimate of the teacher's state as a further target (`base.estimate`), and no other demonstrations mixed in.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vlgym_agents import registry
from vlgym_agents.program import Program
from vlgym_agents.robot import demonstrations as demos
from vlgym_agents.robot.actor import Controller
from vlgym_agents.robot.arms import Arms, Array, Mask
from vlgym_agents.robot.demonstrations import Demonstrations
from vlgym_agents.robot.diffusion import DiffusionOptions
from vlgym_agents.robot.evaluation import Decide, base_only, evaluate
from vlgym_agents.robot.session import DemoOptions, Learner, Runner, Session, base_steps, unaided
from vlgym_agents.schema import OptionError

PICTURES = {"": "plain", "visual": "randomised"}
"""Option `randomize` of an environment -> what its pictures are called."""


@dataclass(frozen=True)
class DistilOptions:
    """Who teaches."""

    teacher: str = ""
    """run folder of the teacher: resip, diffusion-bc or another method on states, in the same environment"""


class Demonstrator:
    """A controller as the actor of `demonstrations.collect`: each episode has noise of its own."""

    def __init__(self, control: Controller, decide: Decide) -> None:
        self._control, self._decide, self._begun = control, decide, 0
        self._keys = np.zeros(control.arms.num_envs, np.int64)

    def reset(self, mask: Mask) -> None:
        """Begin new episodes."""
        self._keys[mask] = self._begun + np.arange(mask.sum())
        self._begun += int(mask.sum())
        self._control.reset(mask, self._keys)

    @torch.no_grad()
    def act(self, obs: Array) -> Array:
        """Return actions [N, A] for states [N, D]."""
        due = self._control.left == 0
        if due.any():
            view = self._control.view(obs, due)
            self._control.decide(due, view, self._decide(view))
        return self._control.act()


def teacher_of(folder: str, env: str, arms: Arms) -> tuple[Controller, Decide]:
    """Return the policy of a run's last checkpoint at work on `arms`.

    Args:
        folder: the run folder.
        env: id of the environment it is to teach.
        arms: of that environment.

    Raises:
        OptionError: it is no run folder, or not one of a policy of states in this environment.
        CheckpointError: it holds no checkpoint.
    """
    from vlgym_agents.cli import saved_options
    from vlgym_agents.options import resolve

    remedy = "give algo.teacher the run folder of resip or diffusion-bc"
    if not folder or not (Path(folder) / "config.json").is_file():
        raise OptionError(f"{folder!r} is no run folder; {remedy}.")
    config = resolve([("teacher's run", saved_options(Path(folder)))])
    program = registry.method(config.run.algo)
    runner = program.run if isinstance(program, Program) else None
    if not isinstance(runner, Runner):
        raise OptionError(f"{folder!r} is a run of {config.run.algo}, which is no teacher; {remedy}.")
    base: DiffusionOptions | None = config.own.get("base")
    if base is not None and base.images:
        raise OptionError(f"{folder!r} learnt from pictures, and a teacher goes by states; {remedy}.")
    if registry.env_id(config.run.env) != env:
        raise OptionError(f"{folder!r} learnt {config.run.env}, not {env}; {remedy} in that environment.")
    return runner.session(config, Path(folder), arms=arms).restored()


class Distillation(Session):
    """A session whose demonstrations are the teacher's, and which measures teacher and student on equal starts."""

    def __init__(self, config: Any, *arguments: Any, **more: Any) -> None:
        if not config.own["base"].images:
            raise OptionError("The student of distil sees pictures; leave base.images true, or use diffusion-bc.")
        super().__init__(config, *arguments, **more)

    def _collect(self, arms: Arms, count: int) -> Demonstrations:
        actor = Demonstrator(*teacher_of(self.config.algo.teacher, self.id, arms))
        kwargs = self.config.given("env")
        return demos.collect(arms, count, self.config.run.seed, env=self.id, kwargs=kwargs, actor=actor)

    def _clone(self) -> None:
        """Measure the teacher, then clone it."""
        if not (self.path / "eval_teacher.json").exists():
            with contextlib.closing(self._make(self.arms.num_envs, images=False)) as arms:
                control, decide = teacher_of(self.config.algo.teacher, self.id, arms)
                self._compare("teacher", control, decide, "states")
        super()._clone()

    def _begin(self) -> None:
        self._freeze()

    def _reinforce(self) -> None:
        """Measure the student: on pictures such as it learnt from, then on those of the other kind."""
        assert self.control is not None
        kind = str(self.config.env.get("randomize", ""))
        self._compare("after", self.control, base_only(self.control), PICTURES.get(kind, kind) + " pictures")
        if self.config.run.record and self.config.eval.episodes:
            self._film("student", base_only(self.control), min(self.config.run.record, 4), by="after")
        if "randomize" not in self.config.env:
            return
        other = "" if kind else "visual"
        with contextlib.closing(self._make(self.arms.num_envs, randomize=other)) as arms:
            control = unaided(self, arms)
            self._compare(PICTURES[other], control, base_only(control), f"{PICTURES[other]} pictures")

    def _compare(self, name: str, control: Controller, decide: Decide, sees: str) -> None:
        o = self.config.eval
        if not o.episodes or self.folder is None:
            return
        with self.interrupt.abandonable():
            result = evaluate(
                control, decide, name=name, step=self.step, episodes=o.episodes, seed=o.seed, split=o.split
            )
            self.folder.evaluation(result | {"decoding": f"mean action, {sees}"})


def _student(session: Session) -> tuple[Controller, Learner | None]:
    return unaided(session, session.arms), None


_RUNNER = Runner(_student, lambda config: min(max(config.eval.episodes, 1), 50), kind=Distillation)

DISTIL = Program(
    name="distil",
    summary="an image policy cloned from the successes of a policy of states, under visual randomisation",
    source="Ankile et al. 2024, From Imitation to Refinement, distillation; the student's eyes are ours",
    sections={"demos": DemoOptions, "base": DiffusionOptions, "algo": DistilOptions},
    run=_RUNNER,
    measure=_RUNNER.measure,
    lines=base_steps,
    preset={
        "run.torch_threads": 1,
        "run.steps": 0,
        "eval.episodes": 200,
        "env.randomize": "visual",
        "demos.count": 200,
        "base.images": True,
        "base.updates": 6000,
        "base.batch": 64,
        "base.draws": 4,
    },
)
