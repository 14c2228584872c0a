"""What the rollout and the learner ask of a policy. `nano` and every `transformers` model implement it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from vlgym_agents.types import Chunk, Floats, Ids, Row


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sampled response.

    Attributes:
        ids: int32 [a], sampled token ids, the end-of-turn token included if it was sampled.
        logprobs: float32 [a], under the processed distribution.
        text: decoded response (for people, and the source of the action).
        action: the action text to hand to the environment ("" if none could be read from `text`).
        values: float32 [a], critic's value before each token (the first: of the last prompt token), NaN where the token
            was the only one possible and no critic was asked; None without a value head.
    """

    ids: Ids
    logprobs: Floats
    text: str
    action: str
    values: Floats | None = None

    @property
    def value(self) -> float | None:
        """Critic's value at the last prompt token, or None."""
        return None if self.values is None else float(self.values[0])


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw tokens; sampler and trainer use the same processed distribution.

    Attributes:
        temperature: > 0; logits are divided by it before log-softmax.
        greedy: take the most probable token instead of drawing (evaluation); log-probs are still the processed ones.
        max_tokens: at most so many sampled tokens a turn.
        min_tokens: the end-of-turn id is suppressed before this many tokens (in sampler and trainer alike).
    """

    temperature: float = 1.0
    greedy: bool = False
    max_tokens: int = 64
    min_tokens: int = 0


class Session(Protocol):
    """KV cache of up to `slots` running episodes; the cache is kept across turns."""

    def act(
        self, slots: Sequence[int], chunks: Sequence[Chunk], uniforms: Sequence[np.random.Generator], sampling: Sampling
    ) -> list[Sample]:
        """Append `chunks[i]` to the context of slot `slots[i]`, then sample one response there.

        Args:
            slots: distinct slot numbers in [0, n).
            chunks: next observation of each slot.
            uniforms: one generator per slot; a token is drawn by inverting the CDF at ``generator.random()``, so an
                episode's randomness does not depend on its neighbours in the batch.
        """
        ...

    def free(self, slot: int) -> None:
        """Forget the context of a slot (episode ended)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Differentiable scores of rows.

    Attributes:
        logprobs: float32 [N], log-probs of all trained tokens, rows in the order given, tokens in order.
        entropy: float32 [N], entropy of the processed distribution there (nats).
        values: float32 [N], critic's value before each of these tokens, from hidden states without gradient: the body
            never learns from the critic's error. None without a value head.
    """

    logprobs: torch.Tensor
    entropy: torch.Tensor
    values: torch.Tensor | None = None


class Policy(Protocol):
    """A model with its reading of observations and its sampling loop."""

    name: str
    module: torch.nn.Module
    """What the optimiser trains (parameters with requires_grad) and the checkpoint saves."""

    @property
    def critic(self) -> torch.nn.Module | None:
        """The value head, a part of `module`; None without one."""
        ...

    def encode(self, observation: Mapping[str, Any], info: Mapping[str, Any], *, first: bool) -> Chunk:
        """Return the prompt tokens of an observation; `first` opens the context (instruction, action help)."""
        ...

    def session(self, slots: int) -> Session:
        """Return an empty session for up to `slots` concurrent episodes."""
        ...

    def score(self, rows: Sequence[Row], sampling: Sampling) -> Scores:
        """Return differentiable scores of the trained tokens of `rows` in one forward pass."""
        ...

    def demonstrate(self, chunks: Sequence[Chunk], action: str) -> Ids:
        """Return the token ids with which this policy would utter `action` after `chunks` (for behaviour cloning).

        Raises:
            ActionError: the action cannot be expressed (names nothing the policy can see).
        """
        ...

    def save(self, folder: Path) -> None:
        """Write weights, config and tokenizer."""
        ...

    def reference(self) -> Policy | None:
        """Return a frozen copy (or the base under an adapter) for KL terms."""
        ...

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """Return trainable parameters."""
        ...
