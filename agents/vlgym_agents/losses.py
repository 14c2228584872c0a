"""The policy-gradient losses, on flat token arrays: no padding exists, so no mask does.

A loss is sum_t weights_t * l_t. `token_weights` holds the aggregation's denominator over the whole optimiser batch;
everything else is per token (or per sequence), so splitting a batch into micro-batches, packing or reordering its rows
changes nothing.

Legend: N sampled tokens. Every tensor is [N] unless said otherwise; l is to be minimised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vlgym.core.errors import did_you_mean
from vlgym_agents.types import Floats

Aggregation = Literal["token_mean", "turn_mean", "sequence_mean", "constant"]
Ratio = Literal["token", "sequence", "cispo"]
Kl = Literal["k1", "k2", "k3"]
Metrics = dict[str, float]

LOG_RATIO_LIMIT = 20.0
"""|log-ratio| beyond which exp is not trusted (verl family)."""

KL_LIMIT = 10.0
"""|KL estimate| per token is cut here (verl / EasyR1 lineage)."""


@dataclass(frozen=True, slots=True)
class LossOptions:
    """How per-token losses are formed and summed. Sources: the methods' papers; defaults as released agent trainers."""

    clip_low: float = 0.2
    """lower clip width of the probability ratio, in [0, 1] (PPO, arXiv 1707.06347); unused by ratio=cispo"""
    clip_high: float = 0.28
    """upper clip width, >= 0; wider than the lower one keeps rare tokens alive (DAPO, arXiv 2503.14476, section 3.1)"""
    dual_clip: float = 3.0
    """where the advantage is negative a ratio counts at most this, > 1; 0 = off (dual-clip PPO, arXiv 1912.09729: 3)"""
    ratio: Ratio = "token"
    """token (PPO, GRPO), sequence (GSPO, arXiv 2507.18071: widths near 3e-4) or cispo (MiniMax-M1, arXiv 2506.13585)"""
    aggregation: Aggregation = "token_mean"
    """token_mean (DAPO section 3.3), turn_mean (each response counts once: VL-DAC, arXiv 2508.04280), sequence_mean
    (GRPO, arXiv 2402.03300) or constant (Dr. GRPO, arXiv 2503.20783)"""
    constant_length: int = 0
    """denominator per episode under aggregation=constant, in tokens; 0 elsewhere (Dr. GRPO: the token budget)"""
    kl_coef: float = 0.0
    """weight of the KL penalty to the reference policy, >= 0; 0 where rewards are verifiable (DAPO section 2.3)"""
    kl: Kl = "k3"
    """estimator of that KL: k1, k2 or k3 (k3: GRPO eq. 4; estimators: Schulman 2020, "Approximating KL divergence")"""
    kl_unbiased: bool = True
    """multiply the KL estimate by the ratio: its gradient stays right off-policy (DeepSeek-V3.2; TRL's default)"""
    importance_cap: float = 0.0
    """multiply the loss by exp(old - behaviour log-prob), cut here; 0 = off (truncated importance sampling: 2)"""

    def __post_init__(self) -> None:
        """Refuse values no method means."""
        _one_of("ratio", self.ratio, get_args(Ratio))
        _one_of("aggregation", self.aggregation, get_args(Aggregation))
        _one_of("kl", self.kl, get_args(Kl))
        for name, bad, want in (
            ("clip_low", not 0 <= self.clip_low <= 1, "between 0 and 1"),
            ("clip_high", not self.clip_high >= 0, "at least 0"),
            ("dual_clip", self.dual_clip != 0 and not self.dual_clip > 1, "above 1, or 0 for none"),
            ("kl_coef", not self.kl_coef >= 0, "at least 0"),
            ("importance_cap", not self.importance_cap >= 0, "at least 0"),
        ):
            if bad:
                raise ValueError(f"{name} must be {want}, got {getattr(self, name)}.")
        if (self.aggregation == "constant") != (self.constant_length > 0):
            raise ValueError(
                f"constant_length goes with aggregation=constant and must be positive there, "
                f"got {self.constant_length} with aggregation={self.aggregation}."
            )


def _one_of(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise ValueError(f"Unknown {what} {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}.")


def token_weights(
    trace: NDArray[np.integer],
    row: NDArray[np.integer],
    mode: Aggregation = "token_mean",
    *,
    turn: NDArray[np.integer] | None = None,
    constant_length: int | None = None,
) -> Floats:
    """Return the weight of each token in the loss; call it once on a whole optimiser batch, before splitting.

    Args:
        trace: int [N], which episode a token belongs to (any labels).
        row: int [N], which training row; a windowed context gives several rows to one episode.
        mode: "token_mean": 1/N. "sequence_mean": mean over episodes of the mean over their rows of the mean over
            their tokens, so a row of an episode with K rows counts 1/K. "turn_mean": mean over turns of the mean over
            their tokens. "constant": sum over tokens divided by `constant_length`, mean over episodes.
        turn: int [N], turn of its episode; only for "turn_mean".
        constant_length: tokens, > 0; only for "constant".

    Returns:
        float32 [N], non-negative.

    Raises:
        ValueError: unknown mode, "constant" without a length or "turn_mean" without turns.
    """
    _one_of("aggregation", mode, get_args(Aggregation))
    n = len(trace)
    if mode == "token_mean":
        return np.full(n, 1.0 / max(n, 1), np.float32)
    if mode == "turn_mean":
        if turn is None:
            raise ValueError("aggregation=turn_mean needs the turn of each token.")
        _, response = np.unique(np.stack([trace, turn]), axis=1, return_inverse=True)
        trace = row = response.reshape(-1)
    episodes, trace_of = np.unique(trace, return_inverse=True)
    if mode == "constant":
        if not constant_length or constant_length < 0:
            raise ValueError(f"aggregation=constant needs a positive constant_length, got {constant_length}.")
        return np.full(n, 1.0 / (max(len(episodes), 1) * constant_length), np.float32)
    _, first, row_of, tokens_in_row = np.unique(row, return_index=True, return_inverse=True, return_counts=True)
    rows_in_trace = np.bincount(trace_of[first], minlength=len(episodes))
    weights: Floats = (1.0 / (len(episodes) * rows_in_trace[trace_of] * tokens_in_row[row_of])).astype(np.float32)
    return weights


def kl(lp: Tensor, lp_ref: Tensor, kind: Kl = "k3") -> Tensor:
    """Estimate KL(policy || reference) per token from samples of the policy, with d = lp_ref - lp.

    k1 = -d (unbiased, signed); k2 = d^2 / 2; k3 = exp(d) - d - 1 (>= 0, low variance). d is cut to +-20 before exp and
    the result to +-10, as in the verl lineage.
    """
    _one_of("kl", kind, get_args(Kl))
    d = (lp_ref - lp).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    estimate = -d if kind == "k1" else d.square() / 2 if kind == "k2" else d.exp() - d - 1
    return estimate.clamp(-KL_LIMIT, KL_LIMIT)


def importance_ratio(lp: Tensor, lp_old: Tensor, sequence: Tensor | None = None) -> Tensor:
    """Return exp(lp - lp_old), or its geometric mean over each sequence (int64 labels; sequences must be whole)."""
    log_ratio = (lp - lp_old).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    if sequence is not None:
        labels, index = torch.unique(sequence, return_inverse=True)
        zeros = log_ratio.new_zeros(len(labels))
        total = zeros.index_add(0, index, log_ratio)
        count = zeros.index_add(0, index, torch.ones_like(log_ratio))
        log_ratio = (total / count)[index]
    return log_ratio.exp()


def surrogate(
    lp: Tensor, lp_old: Tensor, advantages: Tensor, options: LossOptions, sequence: Tensor | None = None
) -> tuple[Tensor, Metrics]:
    """Return the per-token policy loss and how much of it was clipped.

    Args:
        lp: log-probs under the current policy, differentiable.
        lp_old: log-probs under the policy that the ratio is taken against; no gradient.
        advantages: one per token.
        options: `ratio`, `clip_low`, `clip_high`, `dual_clip` are read.
        sequence: int64, row labels; needed by ratio="sequence", whose rows must not be split over micro-batches.

    Returns:
        l = -min(rho A, clip(rho, 1 - clip_low, 1 + clip_high) A), where A < 0 at most dual_clip * |A|; under "cispo"
        l = -min(rho, 1 + clip_high) A lp, the ratio without gradient and without a lower bound. Metrics are means over
        the tokens given: `clip_high`, `clip_low`, `clip_dual` (shares of tokens whose gradient the clip removed; under
        cispo: whose weight it cut), `ratio_mean`, `ratio_max`, `old_kl` (k3 between old and current).

    Source: PPO eq. 7; dual clip, arXiv 1912.09729 eq. 5; sequence ratio, GSPO eq. 7; CISPO, arXiv 2506.13585 eq. 4.
    """
    if options.ratio == "sequence" and sequence is None:
        raise ValueError("ratio=sequence needs the row label of every token.")
    rho = importance_ratio(lp, lp_old, sequence if options.ratio == "sequence" else None)
    high = 1 + options.clip_high
    gain, loss_side = advantages > 0, advantages < 0
    never = torch.zeros_like(gain)
    if options.ratio == "cispo":
        losses = -rho.detach().clamp(max=high) * advantages * lp
        low_clipped, dual_clipped = never, never
    else:
        clipped = rho.clamp(1 - options.clip_low, high)
        losses = -torch.minimum(rho * advantages, clipped * advantages)
        low_clipped, dual_clipped = (rho < 1 - options.clip_low) & loss_side, never
        if options.dual_clip:
            dual_clipped = (rho > options.dual_clip) & loss_side
            losses = torch.where(dual_clipped, -options.dual_clip * advantages, losses)
    metrics = {
        "clip_high": _share((rho > high) & gain),
        "clip_low": _share(low_clipped),
        "clip_dual": _share(dual_clipped),
        "ratio_mean": float(rho.detach().mean()),
        "ratio_max": float(rho.detach().max()),
        "old_kl": float(kl(lp_old.detach(), lp.detach()).mean()),
    }
    return losses, metrics


def _share(flags: Tensor) -> float:
    return float(flags.float().mean())


def policy_loss(
    lp: Tensor,
    lp_old: Tensor,
    advantages: Tensor,
    weights: Tensor,
    options: LossOptions,
    *,
    lp_ref: Tensor | None = None,
    lp_behaviour: Tensor | None = None,
    sequence: Tensor | None = None,
) -> tuple[Tensor, Metrics]:
    """Return sum_t weights_t * (surrogate_t + kl_coef * kl_t) and its metrics.

    Args:
        lp, lp_old, advantages: as in `surrogate`.
        weights: from `token_weights` over the whole optimiser batch; the losses of micro-batches add up to the batch's.
        options: all fields but `aggregation` and `constant_length` are read.
        lp_ref: log-probs under the reference policy; needed if kl_coef > 0.
        lp_behaviour: log-probs recorded at sampling, where lp_old was computed anew; needed if importance_cap > 0.
        sequence: int64 row labels; needed by ratio="sequence".

    Returns:
        Scalar loss and metrics: those of `surrogate`, `kl` with a reference, `importance_mean` with a cap.

    Raises:
        ValueError: an option needs an input that was not given.
    """
    if not lp.numel():
        return lp.sum(), {}
    losses, metrics = surrogate(lp, lp_old, advantages, options, sequence)
    if options.importance_cap:
        if lp_behaviour is None:
            raise ValueError("importance_cap needs the log-probs recorded at sampling.")
        correction = importance_ratio(lp_old, lp_behaviour).detach().clamp(max=options.importance_cap)
        losses = losses * correction
        metrics["importance_mean"] = float(correction.mean())
    if options.kl_coef:
        if lp_ref is None:
            raise ValueError("kl_coef needs the log-probs under the reference policy.")
        penalty = kl(lp, lp_ref, options.kl)
        if options.kl_unbiased:
            penalty = penalty * importance_ratio(lp, lp_old, sequence if options.ratio == "sequence" else None)
        losses = losses + options.kl_coef * penalty
        metrics["kl"] = float(penalty.detach().mean())
    return (weights * losses).sum(), metrics


def value_loss(values: Tensor, targets: Tensor, old: Tensor | None = None, clip: float = 0.0) -> Tensor:
    """Return the critic's loss per value, [n]: half the squared error.

    Args:
        values: float [n], differentiable.
        targets: float [n].
        old: float [n], the values when the episodes were sampled; needed if `clip` > 0.
        clip: > 0: a value may move so far from the old one; of the errors with and without that limit the larger
            counts. 0: no limit.

    Source: VL-DAC, arXiv 2508.04280, L_V; clipping as in the code of PPO, arXiv 1707.06347 (in no paper; Andrychowicz
        et al. 2020, arXiv 2006.05990, find that it does not help).
    """
    error = (values - targets).square()
    if clip:
        if old is None:
            raise ValueError("value_loss with a clip needs the old values.")
        near = old + (values - old).clamp(-clip, clip)
        error = torch.maximum(error, (near - targets).square())
    return error / 2


def merge_metrics(parts: Sequence[tuple[int, Mapping[str, float]]]) -> Metrics:
    """Join the metrics of micro-batches, given as (number of tokens, metrics): token-weighted means, `*_max` by max."""
    parts = [(n, metrics) for n, metrics in parts if metrics]
    total = sum(n for n, _ in parts)
    return {
        key: max(m[key] for _, m in parts) if key.endswith("_max") else sum(n * m[key] for n, m in parts) / total
        for key in (parts[0][1] if parts else {})
    }
