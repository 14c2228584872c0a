"""Success on tasks: of a policy in training, of a saved run, or of an environment's own scripted policies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vlgym.core.episodes import absorb, schedule
from vlgym.core.stats import wilson
from vlgym.core.tasks import TaskSet
from vlgym_agents.policy import Policy
from vlgym_agents.pool import Command, Pool, Reply
from vlgym_agents.recipe import env_return
from vlgym_agents.rollout import Request, Rollout, RolloutError, collect, light
from vlgym_agents.stats import bootstrap, episode_metrics
from vlgym_agents.types import Chunk, Trace, Turn

EVALUATION, EPISODE = 101, 103
"""First words of the keys of evaluation randomness, so that no stream is shared with training."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation plays: tasks and seeds fixed by `seed`, equal for every policy.

    Attributes:
        name: "before", "after", ...  step: optimiser batches done.
        split: of the tasks.  episodes: how many; every task once before any comes again.
        seed: of the tasks' choice, the initial states and the sampling.
        record: so many episodes keep their observations.
    """

    name: str
    split: str = "test"
    episodes: int = 200
    seed: int = 1000003
    step: int = 0
    record: int = 0

    def requests(self, tasks: TaskSet) -> list[Request]:
        """Return the episodes, in order."""
        plays = schedule(tasks, self.split, self.episodes, self.seed)
        return [
            Request(task, seed, i, 0, (EVALUATION, EPISODE, self.seed, i), i < self.record)
            for i, (task, seed) in enumerate(plays)
        ]


class ObservationHash:
    """SHA-256 over every observation of every episode, in the order of the requests: equal worlds, equal digests."""

    def __init__(self) -> None:
        self._parts: dict[int, Any] = {}

    def __call__(self, request: Request, turn: int, observation: Mapping[str, Any]) -> None:
        """Add an observation; turn 0 starts the episode's digest anew (a retry)."""
        if turn == 0:
            self._parts[request.group] = hashlib.sha256()
        absorb(self._parts[request.group], observation)

    def hexdigest(self) -> str:
        """Return the digest of all episodes."""
        whole = hashlib.sha256()
        for index in sorted(self._parts):
            whole.update(self._parts[index].digest())
        return whole.hexdigest()


def evaluate(
    policy: Policy, pool: Pool, tasks: TaskSet, plan: Plan, rollout: Rollout
) -> tuple[dict[str, Any], list[Trace]]:
    """Play a plan with a policy; returns the evaluation object (see record.py) and the recorded episodes."""
    digest, started = ObservationHash(), time.perf_counter()
    traces = collect(policy, pool, plan.requests(tasks), replace(rollout, watch=digest, version=plan.step))
    decoding = "greedy" if rollout.sampling.greedy else "sampled"
    result = summary(traces, plan, decoding=decoding, seconds=time.perf_counter() - started, digest=digest.hexdigest())
    return result, [trace for trace in traces if trace.turns and trace.turns[0].observation is not None]


def evaluate_script(
    script: str, pool: Pool, tasks: TaskSet, plan: Plan, progress: Callable[[Trace], None] | None = None
) -> tuple[dict[str, Any], list[Trace]]:
    """Play a plan with the environment's scripted policy `script` ("random", "oracle", ...); as `evaluate`."""
    digest, started = ObservationHash(), time.perf_counter()
    traces: list[Trace] = []
    kept: list[Trace] = []
    for request, reply in scripted(script, pool, plan.requests(tasks)):
        if not reply.error:
            for turn, step in enumerate(reply.steps):
                digest(request, turn, step.observation)
        trace = _script_trace(request, reply)
        traces.append(trace)
        if request.record and not trace.env_error:
            kept.append(trace)
        if progress is not None:
            progress(trace)
    if traces and all(trace.env_error for trace in traces):
        raise RolloutError(f"Every episode failed; the first said: {traces[0].env_error}")
    seconds = time.perf_counter() - started
    return summary(traces, plan, decoding=script, seconds=seconds, digest=digest.hexdigest()), kept


def scripted(script: str, pool: Pool, requests: Sequence[Request]) -> Iterator[tuple[Request, Reply]]:
    """Yield (request, reply of a whole scripted episode) in order; one that the machinery spoilt is tried once more."""
    for start in range(0, len(requests), pool.size):
        part = requests[start : start + pool.size]
        commands = [Command(slot, "script", script, request.task, request.seed) for slot, request in enumerate(part)]
        replies = pool.run(commands)
        failed = [i for i, reply in enumerate(replies) if reply.error]
        again = dict(zip(failed, pool.run([commands[i] for i in failed]) if failed else []))
        for i, request in enumerate(part):
            if i in again:
                yield request, replies[i]
            yield request, again.get(i, replies[i])


def _script_trace(request: Request, reply: Reply) -> Trace:
    """Return a scripted episode as a trace without tokens."""
    trace = Trace(request.task, request.seed, request.group, request.member, env_error=reply.error)
    if reply.error:
        return trace
    nothing = Chunk(np.empty(0, np.int32))
    for before, after in zip(reply.steps, reply.steps[1:]):
        turn = Turn(nothing, np.empty(0, np.int32), np.empty(0, np.float32), "", after.action)
        turn.reward, turn.terminated, turn.truncated = after.reward, after.terminated, after.truncated
        turn.info, turn.observation = light(after.info), before.observation if request.record else None
        trace.turns.append(turn)
    last = reply.steps[-1]
    trace.instruction = str(reply.steps[0].observation.get("instruction", ""))
    trace.success, trace.score = bool(last.info.get("success", False)), float(last.info.get("score", 0.0))
    return trace


def summary(traces: Sequence[Trace], plan: Plan, *, decoding: str, seconds: float, digest: str) -> dict[str, Any]:
    """Return the evaluation object of played episodes; those whose environment failed are only counted."""
    fresh = [trace for trace in traces if not trace.env_error]
    for trace in fresh:
        trace.ret = env_return(trace)
    means = episode_metrics(traces)
    return {
        "name": plan.name,
        "step": plan.step,
        "split": plan.split,
        "decoding": decoding,
        "episodes": len(fresh),
        "env_errors": len(traces) - len(fresh),
        "success": wilson(sum(trace.success for trace in fresh), len(fresh)).to_json(),
        "score": bootstrap([trace.score for trace in fresh]).to_json(),
        "return": bootstrap([trace.ret for trace in fresh]).to_json(),
        **{key: means[key] for key in ("turns", "tokens_per_turn", "invalid")},
        "seconds": seconds,
        "observation_hash": digest,
        "tasks": [
            {"task": t.task, "seed": t.seed, "success": t.success, "score": t.score, "turns": len(t.turns)}
            for t in fresh
        ],
    }
