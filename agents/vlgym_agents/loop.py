"""The training loop. It knows no method and no environment by name: a Recipe brings the parts, the pool the world.

What it writes, the run folder, is described in record.py.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch

from vlgym.core.tasks import TaskSet
from vlgym_agents.checkpoint import Checkpoints, load_weights, rng_state, set_rng_state, weights
from vlgym_agents.evaluate import Plan, evaluate
from vlgym_agents.interrupt import Interrupt, Interrupted
from vlgym_agents.learn import Learner
from vlgym_agents.options import Config
from vlgym_agents.policy import Policy, Sampling
from vlgym_agents.pool import Pool
from vlgym_agents.recipe import Credit, Group, Metrics, Recipe, Setting
from vlgym_agents.record import RunFolder, episode_json
from vlgym_agents.rollout import Request, Rollout, collect, generator
from vlgym_agents.stats import METRICS, episode_metrics, group_metrics, term_metrics
from vlgym_agents.types import Trace

__all__ = ["METRICS", "Counters", "Trainer"]

TASKS, MEMBER, REPAIR, UPDATE, CONTROL = range(1, 6)
"""First words of the keys of a training step's randomness."""

SAVE_SHARE = 0.05
"""Share of the run that checkpoints may cost where `run.save_every` is 0."""


@dataclass(slots=True)
class Counters:
    """What has been spent so far, evaluation excluded."""

    step: int = 0
    env_steps: int = 0
    tokens: int = 0


@dataclass(slots=True)
class _Harvest:
    """What one step's collecting brought: every attempt, the fresh groups, those that go on, rewards by name."""

    attempts: list[Trace] = field(default_factory=list)
    fresh: list[Group] = field(default_factory=list)
    kept: list[Group] = field(default_factory=list)
    rewards: dict[int, dict[str, float]] = field(default_factory=dict)


class Trainer:
    """Trains `policy` by `recipe` on the environments of `pool`, writing `folder`.

    Args:
        config: resolved options.
        recipe: the method.
        policy: with the weights to start from.
        pool: with at least `rollout.batch` slots.
        tasks: of the environment.
        folder: open run folder.
    """

    def __init__(
        self, config: Config, recipe: Recipe, policy: Policy, pool: Pool, tasks: TaskSet, folder: RunFolder
    ) -> None:
        self.config, self.policy, self.pool, self.tasks, self.folder = config, policy, pool, tasks, folder
        r, o = config.rollout, config.optim
        self.sampling = Sampling(r.temperature, False, r.max_tokens, r.min_tokens)
        setting = Setting(tasks, r.split, policy, self.sampling, o.epochs * o.minibatches, r.window, config.run.steps)
        self.parts = recipe.build(config.algo, setting)
        self.learner = Learner(policy, self.parts, o, sampling=self.sampling, window=r.window, steps=config.run.steps)
        self.checkpoints = Checkpoints(folder.path / "checkpoints", config.flat(), config.run.keep)
        self.counters = Counters()
        self.interrupt = Interrupt()
        self._saved, self._saving_s, self._started = -1, 0.0, time.perf_counter()

    # -------------------------------------------------------------- the run

    def run(self) -> list[dict[str, Any]]:
        """Train to `run.steps`, with evaluations and checkpoints; returns the evaluations of this call.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; the last completed step is saved.
            CheckpointError: the disk is full or not writable; the last checkpoint is intact.
        """
        results: list[dict[str, Any]] = []
        every, last = self.config.eval.every, self.config.run.steps
        with self.interrupt:
            try:
                if self.counters.step == 0 and not (self.folder.path / "eval_before.json").exists():
                    results += self.evaluate("before")
                while self.counters.step < last:
                    self.folder.metrics(self.step())
                    self._save_if_due()
                    self.interrupt.check()
                    if every and self.counters.step % every == 0 and self.counters.step < last:
                        results += self.evaluate(f"step-{self.counters.step:06d}")
                results += self.evaluate("after")
            except Interrupted:
                if not self.interrupt.hard and self._saved != self.counters.step:
                    self.save()
                raise
        return results

    def evaluate(self, name: str) -> list[dict[str, Any]]:
        """Evaluate on held-out tasks and record it; [] where evaluation is switched off."""
        o, r = self.config.eval, self.config.rollout
        if not o.episodes:
            return []
        plan = Plan(name, o.split, o.episodes, o.seed, self.counters.step, self.config.run.record)
        sampling = Sampling(r.temperature, o.greedy, r.max_tokens, r.min_tokens)
        with self.interrupt.abandonable():
            rollout = self._rollout(sampling, name, o.episodes)
            result, recorded = evaluate(self.policy, self.pool, self.tasks, plan, rollout)
        self.folder.evaluation(result)
        for trace in recorded:
            self.folder.episode(trace, episode_json(trace, f"{name}-{trace.group:04d}", name, self.counters.step))
        return [result]

    def _rollout(self, sampling: Sampling, what: str, episodes: int) -> Rollout:
        r, version, progress = self.config.rollout, self.counters.step, self.folder.progress(what, episodes)
        plain = Rollout(sampling, r.batch, r.window, r.max_turns, r.end_unparsable, version=version, progress=progress)
        return replace(plain, observe=self.parts.observe)

    # -------------------------------------------------------------- one step

    def step(self) -> Metrics:
        """Collect a batch, learn from it, return the step's metrics; an interrupt while collecting changes nothing."""
        step, seed, wall, cpu = self.counters.step + 1, self.config.run.seed, time.perf_counter(), time.process_time()
        torch.manual_seed(int(generator(seed, step).integers(2**63)))  # dropout and the like
        with self.interrupt.abandonable():
            harvest = self._harvest(step)
        collected = time.perf_counter()
        tokens = sum(trace.n_tokens for trace in harvest.attempts)
        groups = self.parts.repair(harvest.kept, generator(seed, REPAIR, step))
        traces = [trace for group in groups for trace in group]
        credit = self._credit(groups, generator(seed, CONTROL, step))
        learnt = self.learner.update(traces, credit, step, generator(seed, UPDATE, step)) if traces else {}
        done = time.perf_counter()
        self.counters.step = step
        self.counters.env_steps += sum(len(trace.turns) for trace in harvest.attempts)
        self.counters.tokens += tokens
        self._record(harvest, traces, credit)
        return {
            "step": step,
            **episode_metrics(harvest.attempts),
            **group_metrics(harvest.fresh),
            **term_metrics(list(harvest.rewards.values())),
            "replayed": sum(trace.replayed for trace in traces) / max(len(traces), 1),
            "env_steps": self.counters.env_steps,
            "tokens": self.counters.tokens,
            **learnt,
            **self.parts.sampler.update(harvest.fresh),
            "rollout_s": collected - wall,
            "update_s": done - collected,
            "seconds": time.perf_counter() - wall,
            "cpu_s": time.process_time() - cpu,
            "tokens_per_s": tokens / (collected - wall),
            "episodes_per_s": len(harvest.attempts) / (collected - wall),
        }

    def _harvest(self, step: int) -> _Harvest:
        """Collect groups until enough are kept, or `refill` times the wanted number were drawn."""
        r, out, drawn = self.config.rollout, _Harvest(), 0
        cap = max(r.groups, int(r.groups * self.parts.refill))
        while len(out.kept) < r.groups and drawn < cap:
            n = min(r.groups - len(out.kept), cap - drawn)
            rollout = self._rollout(self.sampling, f"step {step}", n * r.group_size)
            rollout = replace(rollout, bootstrap=bool(self.parts.critic))
            attempts = collect(self.policy, self.pool, self._requests(step, drawn, n), rollout)
            out.attempts += attempts
            for index in range(drawn, drawn + n):
                group = [trace for trace in attempts if trace.group == index and not trace.env_error]
                for trace in group:
                    terms = out.rewards[id(trace)] = {name: term(trace) for name, term in self.parts.rewards.items()}
                    trace.ret = float(sum(terms.values()))
                if group:
                    out.fresh.append(group)
                    out.kept += [group] if self.parts.keep(group) else []
            drawn += n
        return out

    def _requests(self, step: int, first: int, n: int) -> list[Request]:
        """Return the episodes of groups first .. first + n - 1: all members of a group share task and seed."""
        r, run = self.config.rollout, self.config.run
        rng = generator(run.seed, TASKS, step, first)
        tasks = self.parts.sampler.sample(n, rng)
        seeds = rng.integers(2**31, size=n)
        shown = run.record if step == 1 or step % run.record_every == 0 else 0
        return [
            Request(task, int(seed), g, m, (run.seed, MEMBER, step, g, m), record=m * r.groups + g < shown)
            for g, (task, seed) in enumerate(zip(tasks, seeds), start=first)
            for m in range(r.group_size)
        ]

    def _credit(self, groups: Sequence[Group], rng: np.random.Generator) -> Credit:
        """Return the advantages, spoilt on purpose where `run.control` asks for it."""
        control = self.config.run.control
        if control == "shuffled_rewards":
            traces = [trace for group in groups for trace in group]
            for trace, ret in zip(traces, rng.permutation([trace.ret for trace in traces])):
                trace.ret = float(ret)
        credit = self.parts.credit(groups)
        factor = {"zero_advantages": 0.0, "sign_flip": -1.0}.get(control, 1.0)
        if factor == 1.0:
            return credit
        return replace(credit, advantages=[factor * np.asarray(a) for a in credit.advantages])

    def _record(self, harvest: _Harvest, traces: Sequence[Trace], credit: Credit) -> None:
        advantage = {id(trace): value for trace, value in zip(traces, credit.advantages)}
        step = self.counters.step
        for trace in harvest.attempts:
            if trace.turns and trace.turns[0].observation is not None:
                name = f"train-{step:06d}-g{trace.group:03d}-m{trace.member:02d}"
                mine, parts = advantage.get(id(trace)), harvest.rewards.get(id(trace))
                self.folder.episode(trace, episode_json(trace, name, "train", step, advantage=mine, parts=parts))

    # -------------------------------------------------------------- checkpoints

    def _save_if_due(self) -> None:
        step, every, elapsed = self.counters.step, self.config.run.save_every, time.perf_counter() - self._started
        if step == self.config.run.steps or (step % every == 0 if every else self._saving_s < SAVE_SHARE * elapsed):
            self.save()

    def save(self) -> None:
        """Write a checkpoint of the last completed step."""
        started = time.perf_counter()
        state = {
            "policy": weights(self.policy.module),
            "optimiser": self.learner.state_dict(),
            "parts": self.parts.state_dict(),
            "rng": rng_state(),
            "counters": asdict(self.counters),
        }
        self.checkpoints.save(self.counters.step, state, self.policy.save)
        self._saved = self.counters.step
        self._saving_s += time.perf_counter() - started

    def resume(self) -> int:
        """Load the latest checkpoint; returns its step."""
        state = self.checkpoints.load()[1]
        load_weights(self.policy.module, state["policy"])
        self.learner.load_state_dict(state["optimiser"])
        self.parts.load_state_dict(state["parts"])
        set_rng_state(state["rng"])
        self.counters = Counters(**state["counters"])
        self._saved = self.counters.step
        return self.counters.step
