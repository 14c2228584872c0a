"""Stored successes: a store per task, and the repair of groups that failed as a whole.

Source: ARPO, arXiv 2505.16282 and its released trainer; what the release does is marked [C], our options [O].

Legend: G members of a group, N sampled tokens of an episode, e the evaluator's verdict on an episode, in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
import torch

from vlgym_agents.advantages import zero_variance
from vlgym_agents.batch import make_batch, micro_batches, take
from vlgym_agents.checkpoint import pack, unpack
from vlgym_agents.policy import Policy, Sampling
from vlgym_agents.recipe import Group, Metrics
from vlgym_agents.schema import above_zero, at_least, one_of
from vlgym_agents.types import Floats, Trace

Mode = Literal["repair", "imitate"]
Importance = Literal["none", "truncated", "behaviour"]
Prefer = Literal["uniform", "shortest", "newest"]
Position = Literal["first", "worst_format"]
Evaluator = Literal["score", "success"]

RESCORE_TOKENS = 16384
"""Most tokens of one forward pass over a stored episode (as optim.micro_tokens)."""
KEPT_INFO = ("action_valid", "progress")
"""What a stored turn keeps of the environment's info."""


@dataclass(frozen=True)
class ReplayOptions:
    """What is stored, when a group is repaired, and how."""

    evaluator: Evaluator = "success"
    """e, what store and trigger look at: success as 0 or 1 (ours: graded scores would pass half-done episodes as
    successes and hide failed groups), or the environment's score (ARPO's release, where it is mostly 0 or 1)"""
    store_capacity: int = 8
    """successes kept per task, the oldest leaves first; 0: no replay (ARPO's release: 8)"""
    store_above: float = 0.1
    """a fresh episode is stored if e is above this (ARPO's release: 0.1)"""
    trigger_std: float = 0.05
    """a group is repaired if the population deviation of e is below this (ARPO's release: 0.05) ..."""
    trigger_mean: float = 0.2
    """... and the mean of e below this (ARPO's release: 0.2)"""
    replay_mode: Mode = "repair"
    """repair: stored successes take the place of members (ARPO); imitate: they join as a term of their own (control)"""
    imitation_coef: float = 1.0
    """under imitate: their advantage is this times max(R - mean R of the group, 0) (SIL, arXiv 1806.05635, eq. 2)"""
    replay_per_group: int = 1
    """stored successes drawn for a group, at most all members but one (ARPO's release: 1)"""
    replay_is: Importance = "none"
    """none: ratio 1 against the present policy (ARPO's release); truncated: also times the mean over tokens of min(1,
    present / behaviour probability); behaviour: ratios against the policy that sampled the episode (ours)"""
    replay_max_age: int = 0
    """successes older than so many training steps are not drawn; 0: any age (ours)"""
    replay_prefer: Prefer = "uniform"
    """which successes: uniform with replacement (ARPO's release), the shortest or the newest (ours)"""
    replay_position: Position = "first"
    """who makes room: the first member (ARPO's release), or the one with most refused actions (ours)"""
    replay_adv_cap: float = 0.0
    """a replayed episode's advantage is cut here, 1.5 suggested; 0: off (ours)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        one_of(self, evaluator=get_args(Evaluator), replay_mode=get_args(Mode), replay_is=get_args(Importance))
        one_of(self, replay_prefer=get_args(Prefer), replay_position=get_args(Position))
        at_least(self, store_capacity=0, store_above=0, trigger_std=0, trigger_mean=0, imitation_coef=0)
        at_least(self, replay_max_age=0, replay_adv_cap=0)
        above_zero(self, "replay_per_group")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        if not self.store_capacity:
            names = [f.name for f in fields(ReplayOptions) if f.name != "store_capacity"]
            return dict.fromkeys(names, "algo.store_capacity is 0")
        if self.replay_mode == "repair":
            return {"imitation_coef": "algo.replay_mode is repair"}
        return {"replay_position": "algo.replay_mode is imitate"}

    def verdict(self, trace: Trace) -> float:
        """Return e."""
        return trace.score if self.evaluator == "score" else float(trace.success)


@dataclass(slots=True, eq=False)
class Replayed(Trace):
    """A copy of a stored episode in a group.

    Attributes:
        importance: factor of its loss, in [0, 1].
        age: training steps since it was sampled.
    """

    importance: float = 1.0
    age: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An episode in the store: compressed bytes (see `checkpoint.pack`), number of turns, step that sampled it."""

    packed: torch.Tensor
    turns: int
    version: int


class SuccessStore:
    """Successes by task, first in first out.

    Args:
        capacity: episodes kept per task; 0: none.
        above: an episode enters if its verdict is above this.
        verdict: trace -> e.
    """

    def __init__(self, capacity: int, above: float, verdict: Callable[[Trace], float]) -> None:
        self.capacity, self.above, self.verdict = capacity, above, verdict
        self._by_task: dict[str, list[Stored]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_task.values()))

    def add(self, groups: Sequence[Group]) -> None:
        """Store the successes among fresh episodes, in order; the oldest of a full task leave."""
        if not self.capacity:
            return
        for trace in (trace for group in groups for trace in group):
            if self.verdict(trace) > self.above and trace.n_tokens and not trace.replayed:
                kept = self._by_task.setdefault(trace.task, [])
                kept.append(Stored(pack(_light(trace)), len(trace.turns), trace.version))
                del kept[: -self.capacity]

    def find(self, task: str, oldest: int = 0) -> list[Stored]:
        """Return the successes of a task sampled at step `oldest` or later, oldest first."""
        return [item for item in self._by_task.get(task, ()) if item.version >= oldest]

    def state_dict(self) -> dict[str, Any]:
        """Return everything stored."""
        return {
            task: [(item.packed, item.turns, item.version) for item in kept] for task, kept in self._by_task.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._by_task = {task: [Stored(*item) for item in kept] for task, kept in state.items()}


def _light(trace: Trace) -> Trace:
    """Return what scoring the episode again needs: no recorded observations, hardly any info."""
    turns = [
        replace(turn, observation=None, info={key: turn.info[key] for key in KEPT_INFO if key in turn.info})
        for turn in trace.turns
    ]
    return replace(trace, turns=turns)


class Replay:
    """Repairs groups from a store; a part of the loop (`Parts.repair`), whose state is the store.

    A group whose verdicts hardly differ (population deviation < trigger_std) and are low (mean < trigger_mean) gets
    stored successes of its task [C]. The verdicts decide, not the returns: a format penalty cannot hide a failed group.

    Args:
        options: when and how.
        rescore: trace -> float32 [N], log-probs of its tokens under the present policy.
    """

    def __init__(self, options: ReplayOptions, rescore: Callable[[Trace], Floats]) -> None:
        self.options, self.rescore = options, rescore
        self.store = SuccessStore(options.store_capacity, options.store_above, options.verdict)
        self.metrics: Metrics = {}

    def repairable(self, group: Group) -> bool:
        """Return whether a fresh group failed as a whole and a stored success can help it."""
        o = self.options
        e = [o.verdict(trace) for trace in group]
        if o.replay_mode == "repair" and len(group) < 2:
            return False  # a stored success alone in its group has nothing to be better than
        failed = float(np.std(e)) < o.trigger_std and float(np.mean(e)) < o.trigger_mean
        return failed and bool(self._candidates(group))

    def __call__(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Return the groups, the failed ones repaired as far as the store goes."""
        out = [self._repair(group, rng) for group in groups]
        stored = [trace for group in out for trace in group if isinstance(trace, Replayed)]
        mended = [any(trace.replayed for trace in group) for group in out]
        silent = [zero_variance([trace.ret for trace in group]) for group in out]
        lost = [quiet and not any(trace.success for trace in group) for quiet, group in zip(silent, out)]
        self.metrics = {}
        if out:
            self.metrics["repaired_groups"] = float(np.mean(mended))
            self.metrics["zero_gradient_after_repair"] = float(np.mean(silent))
            self.metrics["failed_without_gradient"] = float(np.mean(lost))
        if stored:
            self.metrics["replay_forwards"] = float(0 if self.options.replay_is == "behaviour" else len(stored))
            self.metrics["replay_age"] = float(np.mean([trace.age for trace in stored]))
            self.metrics["replay_importance"] = float(np.mean([trace.importance for trace in stored]))
        return out

    def _candidates(self, group: Group) -> list[Stored]:
        limit = self.options.replay_max_age
        return self.store.find(group[0].task, group[0].version - limit if limit else 0)

    def _repair(self, group: Group, rng: np.random.Generator) -> Group:
        if not self.repairable(group):
            return list(group)
        o, out = self.options, list(group)
        imitate = o.replay_mode == "imitate"
        room = o.replay_per_group if imitate else min(o.replay_per_group, len(group) - 1)
        drawn = [self._revive(item, group[0]) for item in self._draw(self._candidates(group), room, rng)]
        if imitate:
            return out + drawn
        for place, trace in zip(self._places(group), drawn):
            trace.member = out[place].member
            out[place] = trace
        return out

    def _draw(self, stored: list[Stored], n: int, rng: np.random.Generator) -> list[Stored]:
        if self.options.replay_prefer == "uniform":
            return [stored[int(i)] for i in rng.integers(len(stored), size=n)]
        ranked = stored[::-1]  # newest first; sorting is stable
        if self.options.replay_prefer == "shortest":
            ranked.sort(key=lambda item: item.turns)
        return [ranked[i % len(ranked)] for i in range(n)]

    def _places(self, group: Group) -> list[int]:
        """Return the members in the order in which they make room."""
        if self.options.replay_position == "first":
            return list(range(len(group)))
        refused = [np.mean([not turn.info.get("action_valid", True) for turn in trace.turns]) for trace in group]
        return sorted(range(len(group)), key=lambda i: (-refused[i], i))

    def _revive(self, item: Stored, like: Trace) -> Replayed:
        """Return a stored episode as a member of the group of `like`, its old log-probs as the options want them."""
        stored = unpack(item.packed)
        values = {f.name: getattr(stored, f.name) for f in fields(stored)}
        values |= {"group": like.group, "member": like.member, "replayed": True}
        trace = Replayed(**values, age=like.version - stored.version)
        if self.options.replay_is == "behaviour":
            return trace
        present = self.rescore(trace)
        behaviour = np.concatenate([turn.logprobs for turn in trace.turns])
        if self.options.replay_is == "truncated":
            trace.importance = float(np.exp(np.minimum(present - behaviour, 0.0)).mean())
        ends = np.cumsum([len(turn.ids) for turn in trace.turns])[:-1]
        trace.turns = [replace(turn, logprobs=part) for turn, part in zip(trace.turns, np.split(present, ends))]
        return trace

    def state_dict(self) -> dict[str, Any]:
        """Return the store."""
        return self.store.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the store."""
        self.store.load_state_dict(state)


def present_logprobs(trace: Trace, policy: Policy, sampling: Sampling, window: int) -> Floats:
    """Return float32 [N]: log-probs of an episode's tokens under the policy as it is now, in one pass or a few.

    Args:
        trace: with at least one token.
        policy: scores it.
        sampling: processed distribution.
        window: turns the policy sees; 0: all.
    """
    batch = make_batch([trace], window)
    values = np.empty(len(batch.row), np.float32)
    with torch.no_grad():
        for rows in micro_batches(batch.rows, RESCORE_TOKENS):
            part, index = take(batch, rows)
            values[index] = policy.score(part.rows, sampling).logprobs.float().cpu().numpy()
    return values
