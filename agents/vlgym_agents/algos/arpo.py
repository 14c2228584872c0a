"""ARPO: GRPO in which a group that failed as a whole gets a stored success of its task.

In a sparse task most groups fail as a whole and give no gradient. A store keeps the last successes of each task; one
takes the place of a member of such a group, which then ranks its members again. With an empty store (store_capacity 0)
the method is GRPO bit for bit.

- The trigger, the store and the place are the release's [C]; the loss and its defaults are GRPO's here, so that the two
  differ in the replay alone. `--preset arpo-faithful` sets every value of the release.
- The release computes the old log-probs of all members anew. Here those of replayed episodes are, in one extra forward
  pass over them alone; fresh ones have theirs from sampling, equal up to rounding (metric logprob_gap).
- A replayed episode has ratio 1 at the first update: plain advantage-weighted likelihood, no correction for its age
  [C]. `replay_is` and `replay_max_age` correct for it [O].
- A stored episode shares the group's task but not always its seed, hence not always its initial state.
- The task filter (16 rollouts of each candidate, keep those solved once [S]) is a phase of the run: its rollouts count
  as steps and as environment steps, and nothing is learnt from them.
- `replay_mode = imitate` is the control for "it is just imitation": the same triggers and draws, but the stored success
  joins with a self-imitation advantage of its own, and the failures are not pushed down.

Its metrics: `replay_store` episodes stored; `repaired_groups`, `zero_gradient_after_repair` and
`failed_without_gradient` as shares of the groups learnt from; `replay_age` and `replay_importance`, means over replayed
episodes; `replay_forwards`, episodes scored anew; `probing` and `tasks`, the filter's phase and what it keeps. All
other figures exclude replayed episodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vlgym_agents.algos import grpo
from vlgym_agents.curriculum import ProbedTasks, select
from vlgym_agents.recipe import Credit, Group, Metrics, Parts, Recipe, Setting
from vlgym_agents.replay import Replay, Replayed, ReplayOptions, present_logprobs
from vlgym_agents.schema import at_least
from vlgym_agents.types import Trace


@dataclass(frozen=True)
class ArpoOptions(ReplayOptions, grpo.GrpoOptions):
    """GRPO's options, the store's, and the task filter's."""

    tasks: int = 0
    """train on so many tasks of the split, the same in every run; 0: all. A store needs tasks that come back (ours)"""
    probe: int = 0
    """rollouts of each task before training; tasks never solved in them are left out; 0: no filter (ARPO: 16)"""
    store_probes: bool = False
    """successes found while probing enter the store (ours; the release starts with an empty store)"""
    unparsable_weight: float = 0.0
    """subtracted from the return of an episode with a response without a readable action (ARPO's release: 0.5)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        grpo.GrpoOptions.__post_init__(self)
        ReplayOptions.__post_init__(self)
        at_least(self, tasks=0, probe=0, unparsable_weight=0)

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found = {**grpo.GrpoOptions.idle(self), **ReplayOptions.idle(self)}
        if self.probe:
            found.pop("evaluator", None)  # the filter reads it
            found.pop("store_above", None)
        else:
            found["store_probes"] = "algo.probe is 0"
        return found


class Tasks:
    """The task filter, and the store's intake: fresh successes enter at the end of a step, dropped groups' too."""

    def __init__(self, filtered: ProbedTasks, replay: Replay, store_probes: bool) -> None:
        self.filtered, self.replay, self.store_probes = filtered, replay, store_probes

    def sample(self, n: int, rng: np.random.Generator) -> Sequence[str]:
        """Return `n` task ids."""
        return self.filtered.sample(n, rng)

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Store successes, go on with the filter."""
        if self.store_probes or not self.filtered.probing:
            self.replay.store.add(groups)
        stored = {"replay_store": float(len(self.replay.store))}
        return {**self.filtered.update(groups), **self.replay.metrics, **stored}

    def state_dict(self) -> dict[str, Any]:
        """Return the filter's state; the store is saved with `Parts.repair`."""
        return self.filtered.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.filtered.load_state_dict(state)


@dataclass(frozen=True)
class ReplayCredit:
    """GRPO's advantages; those of replayed episodes capped and weighted, or under "imitate" their own."""

    options: ArpoOptions

    def __call__(self, groups: Sequence[Group]) -> Credit:
        """Return one number per trace."""
        imitate = self.options.replay_mode == "imitate"
        ranked = [[trace for trace in group if not (imitate and trace.replayed)] for group in groups]
        relative = iter(grpo.GroupCredit(self.options)(ranked).advantages)
        advantages = []
        for group, members in zip(groups, ranked):
            baseline = float(np.mean([trace.ret for trace in members]))
            for trace in group:
                if isinstance(trace, Replayed):
                    gain = self.options.imitation_coef * max(trace.ret - baseline, 0.0) if imitate else next(relative)
                    advantages.append(self._temper(gain, trace))
                else:
                    advantages.append(next(relative))
        return Credit(advantages)

    def _temper(self, advantage: float, trace: Replayed) -> float:
        cap = self.options.replay_adv_cap or float("inf")
        return min(advantage, cap) * trace.importance


def unparsable(trace: Trace) -> bool:
    """Return whether a response held no readable action (under rollout.end_unparsable it is the last)."""
    return any(not turn.action for turn in trace.turns)


def build(options: ArpoOptions, setting: Setting) -> Parts:
    """Compose ARPO."""
    parts = grpo.build(options, setting)
    replay = Replay(options, lambda t: present_logprobs(t, setting.policy, setting.sampling, setting.window))
    filtered = ProbedTasks(
        select(setting.tasks.ids(setting.split), options.tasks),
        options.probe,
        lambda trace: options.verdict(trace) > options.store_above,
    )
    rewards = dict(parts.rewards)
    if options.unparsable_weight:
        rewards["unparsable"] = lambda trace: -options.unparsable_weight * unparsable(trace)

    def keep(group: Group) -> bool:
        """Drop what was probed; under dynamic sampling a silent group stays if the store can repair it."""
        return not filtered.probing and (parts.keep(group) or replay.repairable(group))

    return replace(
        parts,
        sampler=Tasks(filtered, replay, options.store_probes),
        rewards=rewards,
        credit=ReplayCredit(options),
        keep=keep,
        repair=replay,
    )


RECIPE = Recipe(
    name="arpo",
    summary="GRPO with replay: a stored success repairs a group that failed as a whole",
    source="arXiv 2505.16282, its released trainer [C]; options beyond it ours [O]",
    options=ArpoOptions,
    build=build,
)
