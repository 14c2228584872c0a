"""Runs of the trainer on the toys, for tests."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import torch
from toy_policy import ToyPolicy, install

from vlgym_agents import registry
from vlgym_agents.loop import Trainer
from vlgym_agents.options import Config, resolve
from vlgym_agents.pool import EnvSpec, make_pool
from vlgym_agents.record import RunFolder

BANDIT, TWO_TURNS = "toy_envs:toys/Bandit-v0", "toy_envs:toys/TwoTurns-v0"
install()
SMALL = {
    "run.model": "toy", "run.steps": 6, "run.record": 2, "rollout.groups": 3, "rollout.group_size": 4,
    "rollout.batch": 5, "rollout.max_tokens": 2, "eval.episodes": 0,
}  # fmt: skip
UNTIMED = {"rollout_s", "update_s", "seconds", "cpu_s", "tokens_per_s", "episodes_per_s"}


def config(**options: Any) -> Config:
    """Return SMALL with options given as section__name."""
    flags = {name.replace("__", "."): value for name, value in options.items()}
    return resolve([("flag", {**SMALL, "run.env": BANDIT, **flags})])


@contextlib.contextmanager
def trainer(out: Path, cfg: Config, *, resume: bool = False, policy: Any = None):
    """Yield a Trainer whose environments and files are closed at the end."""
    spec = EnvSpec(cfg.run.env, cfg.given("env"))
    with contextlib.ExitStack() as stack:
        env = stack.enter_context(contextlib.closing(spec.make()))
        torch.manual_seed(cfg.run.seed)
        policy = policy or ToyPolicy(cfg.model["hidden"])
        pool = make_pool(spec, cfg.rollout.batch, workers=cfg.run.workers, timeout=cfg.run.step_timeout)
        stack.enter_context(contextlib.closing(pool))
        resumed = None
        if resume:
            from vlgym_agents.checkpoint import Checkpoints

            resumed = Checkpoints(out / "checkpoints", cfg.flat()).load()[0]
        folder = stack.enter_context(contextlib.closing(RunFolder(out, cfg, resumed=resumed, quiet=True)))
        made = Trainer(cfg, registry.recipe(cfg.run.algo), policy, pool, env.unwrapped.tasks, folder)
        if resume:
            made.resume()
        yield made


def run(out: Path, cfg: Config, *, resume: bool = False) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Run to the end; returns final weights and the metrics without timings."""
    with trainer(out, cfg, resume=resume) as made:
        made.run()
        weights = {name: value.clone() for name, value in made.policy.module.state_dict().items()}
    return weights, metrics(out)


def metrics(out: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl without timings."""
    lines = (out / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in UNTIMED} for line in lines]


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Return whether two sets of weights are equal to the bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
