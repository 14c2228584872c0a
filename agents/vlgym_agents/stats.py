"""Intervals for the figures a person reads, and the statistics of fresh rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vlgym.core.stats import Interval
from vlgym_agents.advantages import zero_variance
from vlgym_agents.types import Trace

METRICS: dict[str, str] = {
    "step": "optimiser batches done",
    "success": "share of fresh episodes that solved their task",
    "return": "mean return of fresh episodes",
    "score": "mean score of fresh episodes, in [0, 1]",
    "turns": "mean turns of an episode",
    "tokens_per_turn": "mean sampled tokens of a response",
    "invalid": "share of turns whose action the environment refused",
    "unparsable": "share of turns from whose words no action could be read",
    "truncated": "share of episodes cut by a step limit",
    "env_errors": "attempts lost to failures of the machinery (excluded from everything else)",
    "groups": "groups collected",
    "zero_gradient_groups": "share of groups whose members all have the same return",
    "all_fail_groups": "share of groups without a success",
    "all_success_groups": "share of groups with successes only",
    "group_return_std": "mean standard deviation of returns inside a group",
    "replayed": "share of trained episodes that come from a store",
    "env_steps": "environment steps so far, evaluation excluded",
    "tokens": "sampled tokens so far, evaluation excluded",
    "optimiser_steps": "optimiser steps of this batch",
    "extra_forwards": "rows scored once more without a gradient (reference, old log-probs, critic at a limit)",
    "loss": "loss of the batch",
    "grad_norm": "gradient norm before clipping",
    "lr": "learning rate",
    "entropy": "mean entropy of the processed distribution at sampled tokens (nats)",
    "kl": "mean k3 estimate of the divergence from the reference, where there is one (nats)",
    "clip_low": "share of tokens clipped below",
    "clip_high": "share of tokens clipped above",
    "ratio_mean": "mean importance ratio",
    "ratio_max": "largest importance ratio",
    "logprob_gap": "mean |sampler - trainer log-prob| before the first update of the batch",
    "logprob_gap_max": "largest such gap",
    "trained_tokens": "tokens with non-zero weight and advantage in the batch",
    "rollout_s": "wall seconds of collecting",
    "update_s": "wall seconds of learning",
    "seconds": "wall seconds of the step",
    "cpu_s": "CPU seconds of the step, workers excluded",
    "tokens_per_s": "sampled tokens per wall second of collecting",
    "episodes_per_s": "episodes per wall second of collecting",
}
"""Keys of a line of metrics.jsonl; methods may add their own."""


def bootstrap(
    values: ArrayLike, statistic: Callable[..., ArrayLike] = np.mean, *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Percentile bootstrap 95 % interval of a statistic of [n] values (Efron 1979); reproducible.

    Args:
        values: float [n].
        statistic: array, axis -> array; the mean by default.
        resamples: bootstrap samples.
        seed: of the resampling.
    """
    x = np.asarray(values, np.float64)
    if not len(x):
        return Interval(math.nan, math.nan, math.nan, "bootstrap 95%")
    rng = np.random.default_rng(seed)
    draws = np.concatenate(
        [np.asarray(statistic(x[rng.integers(len(x), size=(r, len(x)))], axis=1)) for r in _chunks(resamples, len(x))]
    )
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(np.asarray(statistic(x[None], axis=1))[0]), float(low), float(high), "bootstrap 95%")


def stratified_bootstrap(
    strata: Sequence[ArrayLike],
    statistic: Callable[..., ArrayLike] = np.mean,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap 95 % interval of a statistic of runs on several tasks (arXiv 2108.13264, section 4.1).

    Args:
        strata: float [n_k] per task, its runs; each is resampled by itself, then all are pooled. A single run gives an
            interval without width: it says nothing about other seeds.
        statistic: array, axis -> array; the mean by default.
        resamples: bootstrap samples.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    parts = [np.asarray(values, np.float64) for values in strata if len(np.asarray(values))]
    if not parts:
        return Interval(math.nan, math.nan, math.nan, "stratified bootstrap 95%")
    pooled = np.concatenate([x[rng.integers(len(x), size=(resamples, len(x)))] for x in parts], axis=1)
    low, high = np.quantile(np.asarray(statistic(pooled, axis=1)), [0.025, 0.975])
    value = float(np.asarray(statistic(np.concatenate(parts)[None], axis=1))[0])
    return Interval(value, float(low), float(high), "stratified bootstrap 95%")


def _chunks(resamples: int, n: int) -> list[int]:
    """Cut the resamples so that no index array exceeds a few million entries."""
    size = max(1, min(resamples, 4_000_000 // n))
    return [size] * (resamples // size) + ([resamples % size] if resamples % size else [])


def interquartile_mean(values: ArrayLike, axis: int = -1) -> np.ndarray:
    """Mean of the middle half (25 % trimmed mean; Agarwal et al. 2021, arXiv 2108.13264).

    Where n is no multiple of four, the values at the cuts count in part.
    """
    x = np.sort(np.moveaxis(np.asarray(values, np.float64), axis, -1), axis=-1)
    n = x.shape[-1]
    ranks = np.arange(n)
    weights = np.clip(np.minimum(ranks + 1, 0.75 * n) - np.maximum(ranks, 0.25 * n), 0.0, 1.0)
    return np.asarray((x * weights).sum(-1) / weights.sum())


# ---------------------------------------------------------------------- fresh rollouts


def episode_metrics(traces: Sequence[Trace]) -> dict[str, float]:
    """Means over episodes and turns; keys as in METRICS. Episodes whose environment failed are only counted."""
    fresh = [trace for trace in traces if not trace.env_error]
    turns = [turn for trace in fresh for turn in trace.turns]
    return {
        "success": _mean([trace.success for trace in fresh]),
        "return": _mean([trace.ret for trace in fresh]),
        "score": _mean([trace.score for trace in fresh]),
        "turns": _mean([len(trace.turns) for trace in fresh]),
        "tokens_per_turn": _mean([len(turn.ids) for turn in turns]),
        "invalid": _mean([not turn.info.get("action_valid", True) for turn in turns]),
        "unparsable": _mean([not turn.action for turn in turns]),
        "truncated": _mean([bool(trace.turns) and trace.turns[-1].truncated for trace in fresh]),
        "env_errors": float(len(traces) - len(fresh)),
    }


def group_metrics(groups: Sequence[Sequence[Trace]]) -> dict[str, float]:
    """Shares of groups without signal, and the spread of returns inside groups."""
    returns = [[trace.ret for trace in group] for group in groups]
    return {
        "groups": float(len(groups)),
        "zero_gradient_groups": _mean([zero_variance(r) for r in returns]),
        "all_fail_groups": _mean([not any(trace.success for trace in group) for group in groups]),
        "all_success_groups": _mean([all(trace.success for trace in group) for group in groups]),
        "group_return_std": _mean([float(np.std(r)) for r in returns]),
    }


def term_metrics(terms: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over episodes of the terms of the return, "return_<name>"; nothing where there is but one."""
    names = list(terms[0]) if terms else []
    return {f"return_{name}": _mean([found[name] for found in terms]) for name in names} if len(names) > 1 else {}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
