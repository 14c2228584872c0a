"""The one place that turns logits into the distribution a policy samples from, for the sampler and the trainer alike.

Processed distribution: ``log_softmax(logits / temperature + mask)`` in float32, where the mask is minus infinity on
suppressed ids (role and image placeholders, padding, ids without a token) and, before `Sampling.min_tokens` tokens of
a response, on the end-of-turn ids too. If sampler and trainer disagreed on any of it, every importance ratio would be
wrong, so neither computes log-probs in another way.

Legend: M rows (tokens), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym_agents.policy import Sampling

LOWEST = -1e4
"""Stand-in for minus infinity where a finite number is needed: exp of it is exactly 0 in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Suppression:
    """Additive masks of a vocabulary.

    Attributes:
        always: float32 [V], 0 where an id may be sampled, -inf where never.
        early: float32 [V], the same with the end-of-turn ids at -inf as well.
    """

    always: torch.Tensor
    early: torch.Tensor

    @classmethod
    def of(cls, vocabulary: int, never: Iterable[int], end: Iterable[int] = ()) -> Suppression:
        """Build the masks.

        Args:
            vocabulary: V, the width of the logits.
            never: ids that may not be sampled, out-of-range ones ignored.
            end: end-of-turn ids, suppressed before `Sampling.min_tokens` tokens.

        Raises:
            ValueError: every id is suppressed.
        """
        always = torch.zeros(vocabulary)
        always[[i for i in set(never) if 0 <= i < vocabulary]] = -torch.inf
        early = always.clone()
        early[[i for i in set(end) if 0 <= i < vocabulary]] = -torch.inf
        if not torch.isfinite(early).any():
            raise ValueError(f"All {vocabulary} ids of the vocabulary are suppressed; leave at least one to sample.")
        return cls(always, early)

    def to(self, device: torch.device | str) -> Suppression:
        """Return the masks on `device`."""
        return Suppression(self.always.to(device), self.early.to(device))


def process(
    logits: torch.Tensor, sampling: Sampling, suppressed: Suppression, position: int | torch.Tensor = 0
) -> torch.Tensor:
    """Return log-probs under the processed distribution.

    Args:
        logits: float [M, V] (or [V]).
        sampling: temperature and min_tokens are used.
        suppressed: masks of the vocabulary.
        position: index of the token within its response: one int for all rows, or int64 [M].

    Returns:
        float32 of the shape of `logits`, -inf exactly on suppressed ids; gradients there are zero, never NaN.

    Raises:
        ValueError: temperature is not positive.
    """
    if not sampling.temperature > 0:
        raise ValueError(f"temperature must be positive, got {sampling.temperature}; for the mode use greedy=True.")
    logits = logits.float()
    if sampling.temperature != 1.0:
        logits = logits / sampling.temperature
    if isinstance(position, int):
        mask = suppressed.early if position < sampling.min_tokens else suppressed.always
    elif sampling.min_tokens > 0:
        mask = torch.where((position < sampling.min_tokens)[..., None], suppressed.early, suppressed.always)
    else:
        mask = suppressed.always
    return torch.log_softmax(logits + mask, dim=-1)


def draw(logprobs: torch.Tensor, uniforms: Sequence[float] | NDArray[np.float64]) -> torch.Tensor:
    """Sample one id a row by inverting the cumulative distribution in float64.

    An id of probability zero is never returned: its step of the CDF has no width, and the target stays strictly below
    the total.

    Args:
        logprobs: float [M, V], from `process`.
        uniforms: M numbers in [0, 1).

    Returns:
        int64 [M].
    """
    cdf = logprobs.double().exp_().cumsum(-1)
    total = cdf[:, -1]
    u = torch.as_tensor(np.asarray(uniforms, dtype=np.float64), device=cdf.device)
    target = torch.minimum(u * total, torch.nextafter(total, total.new_zeros(())))
    return torch.searchsorted(cdf, target[:, None], right=True)[:, 0]


def choose(logprobs: torch.Tensor, sampling: Sampling, generators: Sequence[np.random.Generator]) -> torch.Tensor:
    """Return the next ids, int64 [M]: the mode if `sampling.greedy` (no randomness used), else one draw a row.

    Each row takes exactly one ``random()`` of its own generator, so an episode's randomness does not depend on its
    neighbours in the batch.
    """
    if sampling.greedy:
        return logprobs.argmax(-1)
    return draw(logprobs, [generator.random() for generator in generators])


def gather(logprobs: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the log-probs of chosen ids: float [M] from float [M, V] and int64 [M]."""
    return logprobs.gather(-1, ids[..., None])[..., 0]


def entropy(logprobs: torch.Tensor) -> torch.Tensor:
    """Return the entropy in nats, float [M]; differentiable, suppressed ids count zero."""
    return -(logprobs.exp() * logprobs.clamp(min=LOWEST)).sum(-1)
