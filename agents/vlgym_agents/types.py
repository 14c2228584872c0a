"""The record between rollout and learning. Token ids are the interchange; text is only for people.

Legend: N sampled tokens of a batch (flat, no padding), G group size, K turns of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One observation as the policy reads it: the prompt tokens it appends to the context.

    Attributes:
        ids: int32 [n], prompt token ids (never trained).
        images: uint8 [H, W, 3] arrays whose placeholders stand in `ids`, in order.
        extra: the policy's own side data (pointer tables, pixel patches); plain picklable arrays and strings.
        plain: the same observation without what the method added to it (`rollout.Observe`), for a reference that must
            not read that; None where nothing was added or no reference asks.
    """

    ids: Ids
    images: tuple[NDArray[np.uint8], ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    plain: Chunk | None = None


@dataclass(slots=True, eq=False)
class Turn:
    """Observation -> sampled tokens -> one environment step.

    Attributes:
        chunk: what the policy read.
        ids: int32 [a], sampled token ids, the sampled end-of-turn included.
        logprobs: float32 [a], log-probs at sampling time, under the processed distribution (temperature, suppression).
        text: the model's words, decoded for people.
        action: the action text handed to the environment.
        reward, terminated, truncated: from the environment.
        value: critic's value of the observation at sampling time; None without a value head.
        values: float32 [a], critic's value before each token at sampling time, `value` the first of them; NaN where the
            policy had no choice and so asked no critic; None without a value head.
        info: the environment's info after the step, without bulky entries.
        observation: what was observed before the action (kept for the report; None when not recorded).
        opening: `chunk`'s observation encoded as the first of a context, where a history window > 1 will begin there.
    """

    chunk: Chunk
    ids: Ids
    logprobs: Floats
    text: str
    action: str
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    value: float | None = None
    values: Floats | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    observation: Mapping[str, Any] | None = None
    opening: Chunk | None = None


@dataclass(slots=True, eq=False)
class Trace:
    """One episode.

    Attributes:
        task: task id.  seed: seed of the initial state.
        group: index of its group in the step.  member: index in the group.
        turns: the turns, in order.
        instruction: for people.
        success, score: the environment's verdict at the end.
        env_error: the machinery failed; the episode is excluded from learning and from statistics.
        version: optimiser step whose weights sampled it.
        replayed: it comes from a store, not from this step's rollouts.
        ret: the return R_i that advantages are computed from (reward composition; set before advantages).
        bootstrap: critic's value of the observation at which a limit cut the episode; None where it was not asked. 0
            where the policy's own words ended the episode: a limit is not to blame then.
    """

    task: str
    seed: int
    group: int
    member: int
    turns: list[Turn] = field(default_factory=list)
    instruction: str = ""
    success: bool = False
    score: float = 0.0
    env_error: str = ""
    version: int = 0
    replayed: bool = False
    ret: float = 0.0
    bootstrap: float | None = None

    @property
    def n_tokens(self) -> int:
        """Number of sampled tokens."""
        return sum(len(turn.ids) for turn in self.turns)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One training sequence: chunk 0, action 0, chunk 1, action 1, ...; what one forward pass scores.

    Attributes:
        chunks: observations, in order.
        actions: int32 arrays, the sampled ids after each chunk; same length as `chunks`.
        trained: per action, whether its tokens are scored (False for history of a windowed context).
    """

    chunks: tuple[Chunk, ...]
    actions: tuple[Ids, ...]
    trained: tuple[bool, ...]

    @property
    def n_trained(self) -> int:
        """Number of scored tokens."""
        return sum(len(ids) for ids, keep in zip(self.actions, self.trained) if keep)

    @property
    def length(self) -> int:
        """Number of ids, prompt and sampled: what micro-batches are bucketed by."""
        return sum(len(chunk.ids) for chunk in self.chunks) + sum(len(ids) for ids in self.actions)


@dataclass(slots=True, eq=False)
class Batch:
    """The flat view of an optimiser batch that advantages and losses work on; N = sum of `row.n_trained`.

    Attributes:
        rows: the training sequences.
        trace: int32 [N], index of the trace each token belongs to.
        turn: int32 [N], index of its turn in the trace.
        row: int32 [N], index of its row.
        advantages: float32 [N].
        old_logprobs: float32 [N], at sampling time.
        weights: float32 [N], token weight in the loss, the aggregation's denominator over the whole batch included:
            the loss is sum_t weights_t * l_t, so splitting into micro-batches changes nothing.
    """

    rows: list[Row]
    trace: NDArray[np.int32]
    turn: NDArray[np.int32]
    row: NDArray[np.int32]
    advantages: Floats
    old_logprobs: Floats
    weights: Floats
