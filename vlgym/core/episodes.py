"""Which episodes an evaluation plays, and the digest of what was seen in them: one answer for every command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vlgym.core.tasks import TaskSet

_EVALUATION, _TASKS = 101, 102
"""First words of the seed sequence, so that it shares no stream with training."""


def schedule(tasks: TaskSet, split: str | None, episodes: int, seed: int) -> list[tuple[str, int]]:
    """Return (task id, seed of the initial state) of every episode; each task comes once before any comes again.

    Args:
        tasks: of the environment.
        split: to take tasks from; None: all.
        episodes: how many.
        seed: equal seeds are equal episodes, for every policy and command.

    Raises:
        TaskError: no such split.
    """
    ids = tasks.ids(split)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((_EVALUATION, _TASKS, seed))))
    rounds = -(-episodes // max(len(ids), 1))
    order = [place for _ in range(rounds) for place in rng.permutation(len(ids)).tolist()]
    return [(ids[place], int(rng.integers(2**31))) for place in order[:episodes]]


def absorb(digest: Any, observation: Mapping[str, Any]) -> None:
    """Add an observation to a hashlib object in its canonical form: keys in order, arrays as bytes, the rest as text.

    The digest of an episode takes in every observation, that of the reset and the last one included; the digest of
    several is the SHA-256 of theirs (32 bytes each) in the order of the schedule.
    """
    for key in sorted(observation):
        value = observation[key]
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else str(value).encode())
