"""From credited traces to new weights: optimiser batches, micro-batches, objective, AdamW.

Legend: N trained tokens of the rollout batch, n of a micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym_agents.advantages import to_tokens
from vlgym_agents.batch import action_heads, make_batch, micro_batches, take, with_weights
from vlgym_agents.losses import merge_metrics
from vlgym_agents.options import OptimOptions
from vlgym_agents.policy import Policy, Sampling
from vlgym_agents.recipe import Credit, Metrics, Parts, View
from vlgym_agents.types import Batch, Floats, Trace


class Learner:
    """The optimiser and how a batch of traces moves it.

    Args:
        policy: what is trained.
        parts: the method.
        options: optimiser options.
        sampling: how the traces were sampled; the trainer's log-probs use the same processed distribution.
        window: turns the policy saw; 0: all.
        steps: training steps of the whole run, for the schedule.
    """

    def __init__(
        self, policy: Policy, parts: Parts, options: OptimOptions, *, sampling: Sampling, window: int, steps: int
    ) -> None:
        self.policy, self.parts, self.options = policy, parts, options
        self.sampling, self.window, self.steps = sampling, window, steps
        self.parameters = list(policy.parameters())
        self._now = 0
        self.optimiser = torch.optim.AdamW(
            self._groups(),
            lr=options.lr,
            betas=(options.beta1, options.beta2),
            eps=options.eps,
            weight_decay=options.weight_decay,
        )

    def _groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups: one, or the policy's and the critic's where their rates differ."""
        rate, critic = self.parts.critic, self.policy.critic
        if rate in (0.0, 1.0) or critic is None:
            return [{"params": self.parameters, "rate": 1.0}]
        theirs = {id(p) for p in critic.parameters()}
        return [
            {"params": [p for p in self.parameters if id(p) not in theirs], "rate": 1.0},
            {"params": [p for p in self.parameters if id(p) in theirs], "rate": rate},
        ]

    def lr(self, step: int) -> float:
        """Return the learning rate of training step `step` (from 1)."""
        o = self.options
        warm = min(step / o.warmup, 1.0) if o.warmup else 1.0
        left = max(self.steps - step + 1, 0) / max(self.steps, 1) if o.schedule == "linear" else 1.0
        return o.lr * warm * left

    def update(self, traces: Sequence[Trace], credit: Credit, step: int, rng: np.random.Generator) -> Metrics:
        """Take the optimiser steps of one rollout batch and return their metrics.

        Args:
            traces: episodes with at least one token each, none of them spoilt by the machinery.
            credit: their advantages, aligned with `traces`.
            step: training step, from 1.
            rng: decides which traces share an optimiser batch, where there are several.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = group.get("rate", 1.0) * self.lr(step)
        self._now = step
        batch, streams = self._prepare(traces, credit)
        fresh = ~np.array([trace.replayed for trace in traces], bool)
        seen: list[tuple[int, Metrics]] = []
        norms: list[float] = []
        losses: list[float] = []
        for _ in range(self.options.epochs):
            for rows in self._minibatches(batch, len(traces), rng):
                first = fresh if not norms else None
                loss, norm, found = self._step(batch, streams, rows, first)
                losses.append(loss)
                norms.append(norm)
                seen += found
        return {
            "optimiser_steps": float(len(norms)),
            "extra_forwards": float(len(self.parts.passes) * len(batch.rows) + _judged(traces)),
            "loss": float(np.mean(losses)),
            "grad_norm": float(np.mean(norms)),
            "lr": self.lr(step),
            "trained_tokens": float((batch.advantages != 0).sum()),
            **_merge(seen),
        }

    def _prepare(self, traces: Sequence[Trace], credit: Credit) -> tuple[Batch, dict[str, Floats]]:
        """Return the whole rollout batch with advantages, and its further streams [N]."""
        batch = make_batch(traces, self.window)
        batch = with_weights(batch, to_tokens(credit.advantages, batch.trace, batch.turn), batch.weights)
        streams = {"behaviour": batch.old_logprobs}
        for name, entries in (("targets", credit.targets), ("values", credit.values)):
            if entries is not None:
                streams[name] = to_tokens(entries, batch.trace, batch.turn)
        for name, forward in self.parts.passes.items():
            values = np.zeros(len(batch.row), np.float32)
            for rows in micro_batches(batch.rows, self.options.micro_tokens, self._idle(batch)):
                part, index = take(batch, rows)
                with torch.no_grad():
                    values[index] = forward(part.rows, self.sampling).float().cpu().numpy()
            streams[name] = values
        if "old_logprobs" in streams:
            batch.old_logprobs = streams.pop("old_logprobs")
        return batch, streams

    def _idle(self, batch: Batch) -> list[int]:
        """Return the rows that cannot have a gradient."""
        if not self.parts.idle_zero:
            return []
        return np.flatnonzero(np.bincount(batch.row, batch.advantages != 0, len(batch.rows)) == 0).tolist()

    def _minibatches(self, batch: Batch, n_traces: int, rng: np.random.Generator) -> list[list[int]]:
        """Return the rows of each optimiser batch; a trace is never split."""
        if self.options.minibatches == 1:
            return [list(range(len(batch.rows)))]
        of_row = batch.trace[np.searchsorted(batch.row, np.arange(len(batch.rows)))]
        shares = np.array_split(rng.permutation(n_traces), self.options.minibatches)
        return [np.flatnonzero(np.isin(of_row, share)).tolist() for share in shares if len(share)]

    def _step(
        self, whole: Batch, streams: dict[str, Floats], rows: Sequence[int], fresh: NDArray[np.bool_] | None
    ) -> tuple[float, float, list[tuple[int, Metrics]]]:
        """Take one optimiser step on some rows; returns loss, gradient norm and metrics of its micro-batches."""
        batch, where = take(whole, rows)
        batch = with_weights(batch, batch.advantages, self.parts.weigh(batch))
        self.optimiser.zero_grad(set_to_none=True)
        per_action = 1.0 / max(len(action_heads(batch)), 1)
        total = 0.0
        found: list[tuple[int, Metrics]] = []
        for part_rows in micro_batches(batch.rows, self.options.micro_tokens, self._idle(batch)):
            part, index = take(batch, part_rows)
            view = self._view(part, {name: values[where[index]] for name, values in streams.items()}, per_action)
            loss, metrics = self.parts.objective(view)
            torch.autograd.backward(loss)
            total += float(loss.detach())
            metrics["entropy"] = float(view.scores.entropy.detach().mean())
            found.append((len(index), metrics))
            if fresh is not None:
                found.append(_gap(view, fresh))
        limit = self.options.clip_norm or float("inf")
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, limit))
        self.optimiser.step()
        return total, norm, found

    def _view(self, part: Batch, extra: dict[str, Floats], per_action: float) -> View:
        scores = self.policy.score(part.rows, self.sampling)
        if scores.logprobs.shape != part.weights.shape:
            raise ValueError(
                f"Policy {self.policy.name!r} scored {tuple(scores.logprobs.shape)} tokens of {part.weights.shape}."
            )
        device = scores.logprobs.device
        flat = {"advantages": part.advantages, "old_logprobs": part.old_logprobs, "weights": part.weights, **extra}
        streams = {name: torch.from_numpy(np.ascontiguousarray(values)).to(device) for name, values in flat.items()}
        rows, heads = (torch.from_numpy(index).long().to(device) for index in (part.row, action_heads(part)))
        return View(part, scores, streams, rows, heads, per_action, self._now)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's state."""
        return self.optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the optimiser's state."""
        self.optimiser.load_state_dict(state)


def _judged(traces: Sequence[Trace]) -> int:
    """Return how many episodes the critic was asked about where a limit cut them."""
    return sum(trace.bootstrap is not None for trace in traces)


def _gap(view: View, fresh: NDArray[np.bool_]) -> tuple[int, Metrics]:
    """Compare the sampler's log-probs with the trainer's, before any update; stored episodes do not count."""
    mine = torch.from_numpy(fresh[view.batch.trace]).to(view.scores.logprobs.device)
    gap = (view.scores.logprobs.detach() - view.streams["behaviour"])[mine].abs()
    if not len(gap):
        return 0, {}
    return len(gap), {"logprob_gap": float(gap.mean()), "logprob_gap_max": float(gap.max())}


def _merge(found: Sequence[tuple[int, Metrics]]) -> Metrics:
    """Join metrics of micro-batches of two kinds: the objective's and the gap's."""
    gaps = [item for item in found if "logprob_gap" in item[1]]
    return merge_metrics([item for item in found if item[1] and "logprob_gap" not in item[1]]) | merge_metrics(gaps)
