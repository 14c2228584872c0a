"""The methods: compositions of base, controller and learner; one table row each in `vlgym_agents.registry.PROGRAMS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from vlgym_agents.options import Config
from vlgym_agents.program import Program
from vlgym_agents.robot.actor import Controller, Gaussian, View
from vlgym_agents.robot.arms import Array
from vlgym_agents.robot.cloning import told
from vlgym_agents.robot.diffusion import DiffusionOptions, MinMax
from vlgym_agents.robot.evaluation import Decide
from vlgym_agents.robot.offpolicy import OffPolicy, OffPolicyOptions
from vlgym_agents.robot.ppo import Ppo, PpoOptions
from vlgym_agents.robot.session import DemoOptions, Learner, Runner, Session, Stage, base_steps, chunked, unaided

RESIP_PAPER = "Ankile et al. 2024, From Imitation to Refinement, section 4"


class PpoLearner(Ppo):
    """PPO as a stage of a session."""

    def decide(self) -> Decide:
        """Return the mean decisions."""
        return lambda view: self.actor.mean(view.features)


def _runs(runner: Runner) -> dict[str, Any]:
    return {"run": runner, "measure": runner.measure}


# ---------------------------------------------------------------------- diffusion-bc


@dataclass(frozen=True)
class NoOptions:
    """Nothing to set beyond the base."""


def _clone_only(session: Session) -> tuple[Controller, Learner | None]:
    return unaided(session, session.arms), None


DIFFUSION_BC = Program(
    name="diffusion-bc",
    summary="behaviour cloning of the scripted expert with a diffusion policy over chunks of actions",
    source="Chi et al. 2023, Diffusion Policy, sections 3 and 4",
    sections={"demos": DemoOptions, "base": DiffusionOptions, "algo": NoOptions},
    **_runs(Runner(_clone_only, lambda config: min(max(config.eval.episodes, 1), 128))),
    lines=base_steps,
    preset={"run.torch_threads": 1, "run.steps": 0, "eval.episodes": 500},
)


# ---------------------------------------------------------------------- residuals by PPO


def _residual(mode: str) -> Stage:
    def stage(session: Session) -> tuple[Controller, Learner | None]:
        options: PpoOptions = session.config.algo
        assert session.frozen is not None
        hold = session.frozen.options.execute if mode == "residual-chunk" else 1
        control = Controller(
            session.arms,
            mode,
            session.frozen.seen,
            session.frozen.done,
            base=chunked(session, session.arms),
            hold=hold,
            scale=options.scale,
            near=options.near_field,
            frames=session.frames,
        )
        return control, _ppo(session, control, gain=0.0)

    return stage


def _ppo(session: Session, control: Controller, gain: float) -> PpoLearner:
    options: PpoOptions = session.config.algo
    obs, _ = session.arms.reset(seed=0)
    actor = Gaussian(control.features(obs), control.decision, options.width, options.log_std, gain)
    return PpoLearner(options, control, actor, session.config.run.steps, session.config.run.seed)


def _envs(config: Config) -> int:
    return int(config.algo.envs)


def _lines(config: Config) -> int:
    return base_steps(config) + config.run.steps


_STEPS = {"run.torch_threads": 1, "run.steps": 80, "eval.episodes": 500}

_FEW = {"demos.count": 4, "base.updates": 1500}
"""So few demonstrations that cloning them solves half of PegInsert: the rest is what reinforcement has to find."""

RESIP = Program(
    name="resip",
    summary="a residual on every action of a frozen diffusion base, learnt by PPO from sparse success",
    source=RESIP_PAPER,
    sections={"demos": DemoOptions, "base": DiffusionOptions, "algo": PpoOptions},
    **_runs(Runner(_residual("residual"), _envs)),
    lines=_lines,
    preset=_STEPS | _FEW,
)

RESIDUAL_CHUNK = Program(
    name="residual-chunk",
    summary="baseline of resip: one residual for a whole chunk, decided when the chunk begins",
    source=f"{RESIP_PAPER} (ablation)",
    sections=RESIP.sections,
    **_runs(Runner(_residual("residual-chunk"), _envs)),
    lines=_lines,
    preset=_STEPS | _FEW,
)


# ---------------------------------------------------------------------- PPO without a frozen base


@dataclass(frozen=True)
class AloneOptions(PpoOptions):
    """PPO of an actor without a frozen base."""

    chunk: int = 1
    """actions of a decision"""
    clone_updates: int = 3000
    """gradient steps of behaviour cloning before (mean squared error); 0: from scratch"""
    relative: bool = True
    """see and act from the robot's own frame where it has one"""

    def __post_init__(self) -> None:
        PpoOptions.__post_init__(self)
        if self.chunk < 1 or self.clone_updates < 0:
            raise ValueError(f"chunk must be at least 1 and clone_updates at least 0, got {self.chunk}.")


def _alone(session: Session) -> tuple[Controller, Learner]:
    """Make an actor that decides whole actions, cloned first where the options say so."""
    options: AloneOptions = session.config.algo
    states, chunks = told(session.demonstrations, options.chunk, session.frames)
    moves = chunks.reshape(-1, chunks.shape[-1])
    if not options.clone_updates:
        moves = np.stack((-np.ones_like(moves[0]), np.ones_like(moves[0])))
    seen, done = (MinMax(rows.min(axis=0), rows.max(axis=0)) for rows in (states, moves))
    control = Controller(
        session.arms, "alone", seen, done, hold=options.chunk, near=options.near_field, frames=session.frames
    )
    learner = _ppo(session, control, gain=0.01)
    if options.clone_updates:
        _clone_mean(session, learner, control, options, chunks)
    return control, learner


def _clone_mean(
    session: Session, learner: PpoLearner, control: Controller, options: AloneOptions, chunks: Array
) -> None:
    """Fit the actor's mean to the demonstrations' next `chunk` moves [n, chunk, A]."""
    states = np.concatenate([e.observations for e in session.demonstrations.episodes])
    features = control.view(states, np.ones(len(states), bool)).features
    targets = control.done.into(chunks).flatten(1)
    rng = torch.Generator().manual_seed(session.config.run.seed)
    optimiser = torch.optim.AdamW(learner.actor.parameters(), lr=1e-3, weight_decay=1e-6)
    for _ in range(options.clone_updates):
        rows = torch.randint(len(features), (256,), generator=rng)
        loss = functional.mse_loss(learner.actor.mean(features[rows]), targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    learner.hold_on()


PPO_FINETUNE = Program(
    name="ppo-finetune",
    summary="baseline of resip: a cloned network over chunks, all of whose weights PPO moves, held to where it began",
    source=f"{RESIP_PAPER} (direct fine-tuning)",
    sections={"demos": DemoOptions, "algo": AloneOptions},
    **_runs(Runner(_alone, _envs, needs_base=False)),
    preset=_STEPS | {"demos.count": 4} | {"algo.chunk": 8, "algo.log_std": -3.0, "algo.lr": 3e-4, "algo.base_kl": 0.01},
)

PPO_SCRATCH = Program(
    name="ppo-scratch",
    summary="baseline of resip: PPO from random weights",
    source="Schulman et al. 2017, Proximal Policy Optimization",
    sections={"demos": DemoOptions, "algo": AloneOptions},
    **_runs(Runner(_alone, _envs, needs_base=False)),
    preset=_STEPS | {"demos.count": 4} | {"algo.clone_updates": 0, "algo.log_std": -1.0, "algo.lr": 3e-4},
)


# ---------------------------------------------------------------------- residuals off-policy


class OffPolicyLearner(OffPolicy):
    """The off-policy residual as a stage of a session."""

    def decide(self) -> Decide:
        """Return the mean decisions."""

        def mean(view: View) -> Any:
            return self.mean(view.features)

        return mean


def _off_policy(session: Session) -> tuple[Controller, Learner]:
    options: OffPolicyOptions = session.config.algo
    assert session.frozen is not None
    control = Controller(
        session.arms,
        "residual",
        session.frozen.seen,
        session.frozen.done,
        base=chunked(session, session.arms),
        scale=options.scale,
        near=options.near_field,
        frames=session.frames,
    )
    learner = OffPolicyLearner(options, control, session.config.run.seed)
    if options.demo_share:
        learner.remember(session.demonstrations)
    return control, learner


RESFIT = Program(
    name="resfit",
    summary="a residual learnt off-policy: critics with layer norm, demonstrations in every batch, n-step returns",
    source="Ankile et al. 2025, Residual Off-Policy RL (ResFiT), abstract; what it leaves open is ours",
    sections={"demos": DemoOptions, "base": DiffusionOptions, "algo": OffPolicyOptions},
    **_runs(Runner(_off_policy, _envs)),
    lines=_lines,
    preset=_STEPS | _FEW | {"run.steps": 150},
)

POLICY_DECORATOR = Program(
    name="policy-decorator",
    summary="baseline of resip: SAC on a bounded residual that acts with a growing probability",
    source="Yuan et al. 2025, Policy Decorator, section 4",
    sections=RESFIT.sections,
    **_runs(Runner(_off_policy, _envs)),
    lines=_lines,
    preset=_STEPS
    | _FEW
    | {
        "run.steps": 150,
        "algo.entropy": True,
        "algo.scale": 0.1,
        "algo.shrink": 0.0,
        "algo.critic_norm": False,
        "algo.demo_share": 0.0,
        "algo.n_step": 1,
        "algo.progressive": 100000,
        "algo.gamma": 0.97,
        "algo.tau": 0.01,
    },
)
