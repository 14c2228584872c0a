"""Warm starts: an environment's own expert demonstrates, the policy imitates (supervised behaviour cloning)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vlgym.core.errors import ActionError
from vlgym_agents.batch import make_batch, micro_batches, take
from vlgym_agents.evaluate import Plan, scripted
from vlgym_agents.policy import Policy, Sampling
from vlgym_agents.pool import EnvSpec, Reply, make_pool
from vlgym_agents.rollout import Request, generator, light
from vlgym_agents.types import Ids, Trace, Turn


@dataclass(frozen=True, slots=True)
class Imitation:
    """How to imitate.

    Attributes:
        epochs: passes over the demonstrations.
        tokens: sampled tokens of an optimiser batch, about.
        lr: peak learning rate of AdamW; it rises over `warmup` and falls linearly to zero.
        weight_decay: AdamW's.  warmup: share of the optimiser steps.  clip_norm: gradient norm is cut here.
        micro_tokens: most tokens (rows times longest row) of one forward pass.
        window: turns the policy sees; 0: all.
        seed: order of the demonstrations.
        rehearse: makes another loss, added to that of every optimiser step; None: nothing.
        progress: called with (optimiser step, of how many, loss).
    """

    epochs: int = 4
    tokens: int = 512
    lr: float = 3e-4
    weight_decay: float = 0.0
    warmup: float = 0.05
    clip_norm: float = 1.0
    micro_tokens: int = 16384
    window: int = 0
    seed: int = 0
    rehearse: Callable[[], torch.Tensor] | None = None
    progress: Callable[[int, int, float], None] | None = None


def demonstrations(
    env_id: str,
    n: int,
    seed: int,
    *,
    policy: Policy,
    env_kwargs: Mapping[str, Any] | None = None,
    script: str = "oracle",
    split: str = "train",
    window: int = 0,
    slots: int = 8,
    workers: int = 0,
    solved_only: bool = True,
) -> list[Trace]:
    """Return the expert's episodes on `n` tasks, in the tokens with which `policy` would utter its actions.

    Episodes that the expert did not solve, that the machinery spoilt, or that hold an action the policy cannot express
    are left out, so fewer than `n` may come back. Log-probs are zero: the record of a demonstration has no sampler.

    Args:
        env_id: Gymnasium id.
        n: tasks, each once before any comes again.
        seed: of the tasks' choice and the initial states.
        policy: its `encode` and `demonstrate` are used.
        env_kwargs: of the environment.
        script: scripted policy of the environment.
        split: the tasks come from.
        window: turns the policy will see; 0: all.
        slots: environments at the same time.
        workers: environment processes; 0: threads.
        solved_only: leave out episodes without success.
    """
    spec = EnvSpec(env_id, dict(env_kwargs or {}))
    with contextlib.closing(spec.make()) as env:
        requests = Plan("demonstrations", split, n, seed).requests(env.unwrapped.tasks)
    found = []
    with contextlib.closing(make_pool(spec, slots, workers=workers)) as pool:
        for request, reply in scripted(script, pool, requests):
            if not reply.error and (reply.steps[-1].info.get("success") or not solved_only):
                with contextlib.suppress(ActionError):
                    found.append(_utter(policy, request, reply, window))
    return found


def _utter(policy: Policy, request: Request, reply: Reply, window: int) -> Trace:
    """Return a scripted episode as the policy would have played it."""
    trace = Trace(request.task, request.seed, request.group, request.member)
    trace.instruction = str(reply.steps[0].observation.get("instruction", ""))
    for before, after in zip(reply.steps, reply.steps[1:]):
        past = trace.turns
        chunk = policy.encode(before.observation, before.info, first=window == 1 or not past)
        opening = policy.encode(before.observation, before.info, first=True) if window > 1 and past else chunk
        chunks = [chunk] if window == 1 else [*(turn.chunk for turn in past), chunk]
        ids: Ids = np.asarray(policy.demonstrate(chunks, after.action), np.int32)
        turn = Turn(chunk, ids, np.zeros(len(ids), np.float32), after.action, after.action, after.reward)
        turn.terminated, turn.truncated, turn.info = after.terminated, after.truncated, light(after.info)
        turn.opening = opening if window > 1 else None
        past.append(turn)
    last = reply.steps[-1].info
    trace.success, trace.score = bool(last.get("success", False)), float(last.get("score", 0.0))
    trace.ret = float(sum(turn.reward for turn in trace.turns))
    return trace


def imitate(
    policy: Policy, traces: Sequence[Trace], options: Imitation, sampling: Sampling | None = None
) -> dict[str, float]:
    """Minimise the mean of -log p over the tokens of `traces`.

    Args:
        policy: trained in place.
        traces: demonstrations, each with at least one token.
        options: how.
        sampling: processed distribution whose log-probs are raised; temperature 1 by default.

    Returns:
        {"loss": mean of the last epoch, "loss_first": of the first, "accuracy": share of tokens with probability above
        one half in the last epoch, "optimiser_steps", "tokens"}.

    Raises:
        ValueError: no demonstrations.
    """
    if not traces:
        raise ValueError("There are no demonstrations to imitate.")
    sampling = sampling or Sampling()
    parameters = list(policy.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    per_epoch = [_batches(traces, options, epoch) for epoch in range(options.epochs)]
    total = sum(len(batches) for batches in per_epoch)
    done, tokens, losses, accuracy = 0, 0, [], 0.0
    for batches in per_epoch:
        summed = np.zeros(3)
        for chosen in batches:
            done += 1
            for group in optimiser.param_groups:
                group["lr"] = options.lr * _ramp(done, total, options.warmup)
            summed += _clone(policy, [traces[i] for i in chosen], options, sampling, parameters, optimiser)
            if options.progress is not None:
                options.progress(done, total, summed[0] / summed[2])
        losses.append(summed[0] / summed[2])
        accuracy, tokens = summed[1] / summed[2], tokens + int(summed[2])
    return {
        "loss": float(losses[-1]),
        "loss_first": float(losses[0]),
        "accuracy": float(accuracy),
        "optimiser_steps": float(total),
        "tokens": float(tokens),
    }


def _batches(traces: Sequence[Trace], options: Imitation, epoch: int) -> list[list[int]]:
    """Return the demonstrations of each optimiser batch of an epoch, in random order."""
    batches: list[list[int]] = []
    room = 0
    for i in generator(options.seed, epoch).permutation(len(traces)).tolist():
        if room <= 0:
            batches.append([])
            room = options.tokens
        batches[-1].append(i)
        room -= traces[i].n_tokens
    return batches


def _ramp(step: int, total: int, warmup: float) -> float:
    rise = max(int(total * warmup), 1)
    return min(step / rise, (total - step + 1) / max(total - rise, 1), 1.0)


def _clone(
    policy: Policy,
    traces: Sequence[Trace],
    options: Imitation,
    sampling: Sampling,
    parameters: list[torch.nn.Parameter],
    optimiser: torch.optim.Optimizer,
) -> np.ndarray:
    """Take one optimiser step; returns (sum of -log p, tokens with p > 1/2, tokens)."""
    batch = make_batch(traces, options.window)
    n = len(batch.row)
    summed = np.zeros(3)
    optimiser.zero_grad(set_to_none=True)
    for rows in micro_batches(batch.rows, options.micro_tokens):
        part, _ = take(batch, rows)
        logprobs = policy.score(part.rows, sampling).logprobs
        torch.autograd.backward(-logprobs.sum() / n)
        found = logprobs.detach()
        summed += [-float(found.sum()), float((found > np.log(0.5)).sum()), len(found)]
    if options.rehearse is not None:
        torch.autograd.backward(options.rehearse())
    torch.nn.utils.clip_grad_norm_(parameters, options.clip_norm or float("inf"))
    optimiser.step()
    return summed
