"""The training loop. It knows no method and no environment by name: a Recipe brings the parts, the pool the world.

Run folder (everything a person or the report reads; written as the run goes):

    config.json          {"format": 1, "created": ISO time, "command": [argv], "versions": {package: version},
                          "options": {"algo.clip_high": value, ...}, "sources": {"algo.clip_high": "flag", ...}}
    metrics.jsonl        one flat JSON object per training step; keys in stats.METRICS, further ones come from the method
    eval.jsonl           one line per evaluation, in order; the object of eval_<name>.json without "tasks"
    eval_before.json     evaluation before training; eval_after.json: after; eval_step-000050.json: on the way
    episodes/NAME.json   a sampled episode; NAME is "train-000010-g003-m00" (step, group, member) or "before-0007"
    episodes/NAME-tNN.png  screenshot before action NN (only where the environment shows images)
    tb/                  TensorBoard events (tags are "train/<metric>", "eval/<name>")
    checkpoints/step-NNNNNN/  see checkpoint.py
    report.html          written at the end by report.write_report

An evaluation object:

    {"name": "before", "step": 0, "split": "test", "decoding": "sampled", "episodes": 200, "env_errors": 0,
     "success": {"value": 0.31, "low": 0.25, "high": 0.38, "interval": "Wilson 95%"},
     "score":   {"value": 0.52, "low": 0.48, "high": 0.56, "interval": "bootstrap 95%"},
     "return":  {"value": ..., "low": ..., "high": ..., "interval": "bootstrap 95%"},
     "turns": 5.1, "tokens_per_turn": 7.0, "invalid": 0.02, "seconds": 41.0, "observation_hash": "hex",
     "tasks": [{"task": id, "seed": 7, "success": true, "score": 1.0, "turns": 4}, ...]}

An episode object (`value` null without a critic, `image` null without a screenshot, `text`/`instruction` null where
the observation has no such key; `info` holds the light part of the environment's info after the step):

    {"name": NAME, "kind": "train" | "before" | "after" | "step-000050", "step": 10, "task": id, "seed": 7,
     "group": 3, "member": 0, "instruction": str, "success": bool, "score": 0.5, "return": 0.5,
     "return_parts": {"env": 0.5, "format": 0.0}, "advantage": 0.87 | null, "env_error": "", "replayed": false,
     "turns": [{"image": "NAME-t00.png" | null, "text": str | null, "instruction": str | null,
                "words": "the model's text", "action": "click[buy now]", "tokens": 5, "logprob": -1.2, "value": null,
                "reward": 0.0, "terminated": false, "truncated": false, "action_valid": true, "error": "",
                "info": {...}}]}
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from vlgym_agents.stats import METRICS, episode_metrics, group_metrics
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
        setting = Setting(tasks, r.split, policy, self.sampling, o.epochs * o.minibatches)
        self.parts = recipe.build(config.algo, setting)
        self.learner = Learner(policy, self.parts, o, sampling=self.sampling, window=r.window, steps=config.run.steps)
        self.checkpoints = Checkpoints(folder.path / "checkpoints", config.flat(), config.run.keep)
        self.counters = Counters()
        self.interrupt = Interrupt()
        self._saved = -1
        self._saving_s, self._started = 0.0, time.perf_counter()

    # -------------------------------------------------------------- the run

    def run(self) -> list[dict[str, Any]]:
        """Train to `run.steps`, with evaluations and checkpoints; returns the evaluations of this call.

        Raises:
            Interrupted: Ctrl-C or SIGTERM; the last completed step is saved.
            CheckpointError: the disk is full or not writable; the last checkpoint is intact.
        """
        results = []
        every, last = self.config.eval.every, self.config.run.steps
        with self.interrupt:
            try:
                if self.counters.step == 0:
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
            result, recorded = evaluate(self.policy, self.pool, self.tasks, plan, self._rollout(sampling, name, o.episodes))
        self.folder.evaluation(result)
        for trace in recorded:
            episode = episode_json(trace, f"{name}-{trace.group:04d}", name, self.counters.step)
            self.folder.episode(trace, episode)
        return [result]

    def _rollout(self, sampling: Sampling, what: str, episodes: int) -> Rollout:
        r, version, progress = self.config.rollout, self.counters.step, self.folder.progress(what, episodes)
        return Rollout(
            sampling, r.batch, r.window, r.max_turns, r.end_unparsable, version=version, progress=progress
        )

    # -------------------------------------------------------------- one step

    def step(self) -> Metrics:
        """Collect one batch, learn from it, and return the step's metrics. Until it returns, nothing has changed."""
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
        self.counters.step = step
        self.counters.env_steps += sum(len(trace.turns) for trace in harvest.attempts)
        self.counters.tokens += tokens
        self._record(harvest, traces, credit)
        done = time.perf_counter()
        return {
            "step": step,
            **episode_metrics(harvest.attempts),
            **group_metrics(harvest.fresh),
            "replayed": sum(trace.replayed for trace in traces) / max(len(traces), 1),
            "env_steps": self.counters.env_steps,
            "tokens": self.counters.tokens,
            **learnt,
            **self.parts.sampler.update(harvest.fresh),
            "rollout_s": collected - wall,
            "update_s": done - collected,
            "seconds": done - wall,
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
            requests = self._requests(step, drawn, n)
            rollout = self._rollout(self.sampling, f"step {step}", len(requests))
            attempts = collect(self.policy, self.pool, requests, rollout)
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
        return credit if factor == 1.0 else Credit([factor * np.asarray(a) for a in credit.advantages], credit.targets)

    def _record(self, harvest: _Harvest, traces: Sequence[Trace], credit: Credit) -> None:
        advantage = {id(trace): value for trace, value in zip(traces, credit.advantages)}
        for trace in harvest.attempts:
            if trace.turns and trace.turns[0].observation is not None:
                name = f"train-{self.counters.step:06d}-g{trace.group:03d}-m{trace.member:02d}"
                parts = harvest.rewards.get(id(trace))
                episode = episode_json(
                    trace, name, "train", self.counters.step, advantage=advantage.get(id(trace)), parts=parts
                )
                self.folder.episode(trace, episode)

    # -------------------------------------------------------------- checkpoints

    def _save_if_due(self) -> None:
        step, every = self.counters.step, self.config.run.save_every
        share = self._saving_s / max(time.perf_counter() - self._started, 1e-9)
        if step == self.config.run.steps or (step % every == 0 if every else share < SAVE_SHARE):
            self.save()

    def save(self) -> None:
        """Write a checkpoint of the last completed step."""
        started = time.perf_counter()
        state = {
            "policy": weights(self.policy.module),
            "optimiser": self.learner.state_dict(),
            "parts": self.parts.state_dict(),
            "rng": rng_state(),
            "counters": {name: getattr(self.counters, name) for name in Counters.__slots__},
        }
        self.checkpoints.save(self.counters.step, state, self.policy.save)
        self._saved = self.counters.step
        self._saving_s += time.perf_counter() - started

    def resume(self) -> int:
        """Load the latest checkpoint; returns its step."""
        _, state = self.checkpoints.load()
        load_weights(self.policy.module, state["policy"])
        self.learner.load_state_dict(state["optimiser"])
        self.parts.load_state_dict(state["parts"])
        set_rng_state(state["rng"])
        self.counters = Counters(**state["counters"])
        self._saved = self.counters.step
        return self.counters.step
