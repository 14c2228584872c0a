"""From returns to advantages: group baselines, generalised advantage estimation, and their spread over flat tokens.

Pure numpy. Legend: G members of a group, K turns of an episode, N sampled tokens of a batch (flat, no padding).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlgym.core.errors import did_you_mean
from vlgym_agents.types import Floats

Norm = Literal["mean", "mean_std", "rloo", "none"]

ZERO_STD = 1e-6
"""Groups whose returns deviate by less carry no signal (ours; division by such a deviation amplifies rounding)."""


def zero_variance(returns: ArrayLike) -> bool:
    """Return whether a group of returns [G] cannot rank its members (NaN = excluded member).

    Also true of a group with fewer than two members left.
    """
    values = np.asarray(returns, np.float64)
    values = values[~np.isnan(values)]
    return len(values) < 2 or float(values.std()) < ZERO_STD


def group_advantages(returns: ArrayLike, norm: Norm = "mean_std", *, ddof: int = 1, eps: float = 1e-6) -> Floats:
    """Return the advantages of one group of episodes that share task and initial state.

    Args:
        returns: float [G], any finite range; NaN marks an episode that must not count (its environment failed): it
            is left out of mean and deviation and gets advantage 0.
        norm: "mean_std": (R - mean) / (std + eps); "mean": R - mean; "rloo": R minus the mean of the *other*
            members; "none": R itself (no baseline; zero-variance groups keep their returns).
        ddof: 1 for the sample deviation, 0 for the population's.
        eps: added to the deviation.

    Returns:
        float32 [G]; exact zeros for a group without variance, whatever its size (except under "none").

    Raises:
        ValueError: unknown norm, or returns that are not one-dimensional or infinite.

    Source: GRPO, arXiv 2402.03300 section 4.1 (mean_std); Dr. GRPO, arXiv 2503.20783 section 3.2 (mean); RLOO, arXiv
        2402.14740 section 2.3 (rloo). ddof 1 and eps 1e-6 are what the verl family of trainers uses (TRL: eps 1e-4).
    """
    if norm not in get_args(Norm):
        known = get_args(Norm)
        raise ValueError(f"Unknown advantage norm {norm!r}.{did_you_mean(norm, known)} Known: {', '.join(known)}.")
    values = np.asarray(returns, np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise ValueError(f"Returns of a group must be one-dimensional and finite or NaN, got {values.tolist()}.")
    valid = ~np.isnan(values)
    out = np.zeros(len(values), np.float32)
    if norm == "none":
        out[valid] = values[valid]
    elif not zero_variance(values):
        kept = values[valid]
        centred = kept - kept.mean()
        if norm == "mean_std":
            centred /= kept.std(ddof=ddof) + eps
        elif norm == "rloo":
            centred *= len(kept) / (len(kept) - 1)
        out[valid] = centred
    return out


def gae(
    rewards: ArrayLike, values: ArrayLike, *, gamma: float, lam: float, bootstrap: float | None = 0.0
) -> tuple[Floats, Floats]:
    """Generalised advantage estimation over the environment steps of one episode.

    Args:
        rewards: float [K].
        values: float [K], critic's value of the observation before each step.
        gamma: discount per environment step, [0, 1].
        lam: trace decay, [0, 1].
        bootstrap: value of the observation after the last step: 0 if the episode terminated; the critic's value if a
            time limit cut it; None if it was cut and that value is unknown: the last step then says nothing
            (advantage 0, return = its value) instead of pretending that the episode ended there.

    Returns:
        (advantages, returns), float32 [K] each; returns = advantages + values are the critic's targets.

    Raises:
        ValueError: lengths differ, or there is no step.

    Source: GAE, arXiv 1506.02438 eq. 16; over steps instead of tokens: VL-DAC, arXiv 2508.04280; the None case is the
        "bad mask" of the A2C lineage that VL-DAC's release uses.
    """
    r, v = np.asarray(rewards, np.float64), np.asarray(values, np.float64)
    if r.ndim != 1 or r.shape != v.shape or not len(r):
        raise ValueError(f"gae needs as many values as rewards, at least one; got shapes {v.shape} and {r.shape}.")
    advantages = np.zeros_like(r)
    following = v[-1] if bootstrap is None else bootstrap
    carried = 0.0
    for k in range(len(r) - 1, -1, -1):
        known = k < len(r) - 1 or bootstrap is not None
        carried = r[k] + gamma * following - v[k] + gamma * lam * carried if known else 0.0
        advantages[k] = carried
        following = v[k]
    return advantages.astype(np.float32), (advantages + v).astype(np.float32)


def standardise(advantages: Sequence[Floats], counted: Sequence[NDArray[np.bool_]] | None = None) -> list[Floats]:
    """Return advantages of a whole rollout batch at mean 0 and sample deviation 1: (A - mean) / (std + 1e-8).

    Args:
        advantages: float [n_i] per episode.
        counted: bool [n_i] per episode, which of them count and are changed; None: all.

    Returns:
        float32 [n_i] per episode; zeros where the deviation is below ZERO_STD, so that rounding is not made large.

    Source: VL-DAC, arXiv 2508.04280 (over the rollout buffer), and PPO implementations since.
    """
    flat = np.concatenate([np.empty(0), *advantages])
    which = np.ones(len(flat), bool) if counted is None else np.concatenate([np.empty(0, bool), *counted])
    chosen = flat[which]
    std = chosen.std(ddof=1) if len(chosen) > 1 else 0.0
    flat[which] = (chosen - chosen.mean()) / (std + 1e-8) if std > ZERO_STD else 0.0
    return np.split(flat.astype(np.float32), np.cumsum([len(part) for part in advantages])[:-1])


def to_tokens(
    advantages: Sequence[float | NDArray[np.floating]], trace: NDArray[np.integer], turn: NDArray[np.integer]
) -> Floats:
    """Spread advantages over flat tokens.

    Args:
        advantages: one entry per trace: a scalar shared by all its tokens, float [K], one per turn, or float [n], one
            per token in order (a turn has a token at least, so n = K only where the two mean the same).
        trace: int [N], index into `advantages`.
        turn: int [N], index of the token's turn in its trace; the tokens of a trace are in order.

    Returns:
        float32 [N].

    Raises:
        ValueError: an entry has neither one number per turn nor one per token.
    """
    out = np.empty(len(trace), np.float32)
    for i, value in enumerate(advantages):
        mine = trace == i
        value = np.asarray(value, np.float32)
        if value.ndim == 0 or len(value) == mine.sum():
            out[mine] = value
        elif len(value) == turn[mine].max(initial=-1) + 1:
            out[mine] = value[turn[mine]]
        else:
            raise ValueError(
                f"Trace {i} has {mine.sum()} tokens in {turn[mine].max(initial=-1) + 1} turns and is credited by "
                f"{len(value)} numbers; give one, one per turn or one per token."
            )
    return out
