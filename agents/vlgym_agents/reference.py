"""A goal-conditioned reference: a frozen policy that reads the goal without the subgoal that the trained one is shown.

Three terms hold a subgoal-conditioned policy near it, and they are not the same:

- `goal_reference_pass` feeds the *stated* objective of VSC-RL (arXiv 2502.07949, [A]): the reverse divergence
  KL(p_policy(.|subgoal) || p_reference(.|goal)), estimated token by token at the policy's own samples (`losses.kl`).
- `Imitator` is its *forward surrogate* (the paper's practical form, [S]): the cross-entropy of actions that the
  reference sampled, max E[log policy(a_reference | state, subgoal)].
- behaviour cloning of the policy's *own* best segments, which is what the release does [C], is no divergence from a
  reference at all; it belongs to `algos/vsc_rl.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from vlgym_agents.policy import Policy
from vlgym_agents.recipe import Group, Metrics, Objective, Pass, RecipeError, Setting, View
from vlgym_agents.rollout import Windowed, context
from vlgym_agents.types import Chunk, Ids, Row, Trace

SLOTS = 64
"""Contexts in which the reference acts at once."""


def goal_row(row: Row) -> Row:
    """Return the row as the reference reads it: every observation without what the method added."""
    return replace(row, chunks=tuple(_plain(chunk) for chunk in row.chunks))


def _plain(chunk: Chunk) -> Chunk:
    return chunk.plain or chunk


def frozen(policy: Policy) -> Policy:
    """Return the frozen reference, taken now; raises RecipeError if the policy has none."""
    reference = policy.reference()
    if reference is None:
        raise RecipeError(f"Policy {policy.name!r} has no reference; set algo.kl_coef and algo.beta_ref to 0.")
    return reference


def goal_reference_pass(policy: Policy) -> Pass:
    """Return the forward pass of the frozen goal-conditioned reference: log-probs of the policy's own tokens."""
    reference = frozen(policy)
    return lambda rows, sampling: reference.score([goal_row(row) for row in rows], sampling).logprobs


class Imitator:
    """Lets the reference act once in every fresh episode, and adds the imitation of those actions to an objective.

    The turn is drawn by lot, so an iteration costs one reference action and one more scored response an episode. The
    reference reads the goal alone, and the policy learns its words under the subgoal.

    Args:
        setting: of the method.
        beta: weight of the term.
    """

    def __init__(self, setting: Setting, beta: float) -> None:
        self.policy, self.sampling, self.window, self.beta = setting.policy, setting.sampling, setting.window, beta
        self.reference = frozen(setting.policy)
        self.rows: dict[int, Row] = {}
        self._kept: list[Chunk] = []
        self._turns = 0

    def __call__(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Record reference actions on fresh episodes (a recipe's `repair` part); the groups stay as they are."""
        traces = [trace for group in groups for trace in group]
        fresh = [trace for trace in traces if not trace.replayed]
        self._turns = sum(len(trace.turns) for trace in traces)
        self.rows, self._kept = {}, []
        for start in range(0, len(fresh), SLOTS):
            self._record(fresh[start : start + SLOTS], rng)
        return list(groups)

    def _record(self, traces: Sequence[Trace], rng: np.random.Generator) -> None:
        session = self.reference.session(len(traces))
        places = [int(rng.integers(len(trace.turns))) for trace in traces]
        chunks = []
        for slot, (trace, k) in enumerate(zip(traces, places)):
            chunks.append(_plain(trace.turns[k].chunk))
            past = self._past(trace, k)
            if past[0]:
                if not isinstance(session, Windowed):
                    raise RecipeError(f"Policy {self.policy.name!r} cannot re-read a history; set algo.beta_ref to 0.")
                session.load(slot, [_plain(chunk) for chunk in past[0]], past[1])
        random = [np.random.Generator(np.random.Philox(int(rng.integers(2**63)))) for _ in traces]
        for trace, k, sample in zip(traces, places, session.act(range(len(traces)), chunks, random, self.sampling)):
            before, said = self._past(trace, k)
            chunk = trace.turns[k].chunk
            self.rows[id(chunk)] = Row((*before, chunk), (*said, sample.ids), (False,) * len(said) + (True,))
            self._kept.append(chunk)  # an id stays its chunk's own while the chunk lives

    def _past(self, trace: Trace, k: int) -> tuple[tuple[Chunk, ...], tuple[Ids, ...]]:
        """Return the context of turn k."""
        seen = min(self.window - 1, k) if self.window else k
        return context(trace.turns[:k], seen)

    def joined(self, objective: Objective) -> Objective:
        """Return the objective plus beta times the mean of -log p over the tokens of the reference's actions."""

        def with_imitation(view: View) -> tuple[torch.Tensor, Metrics]:
            loss, metrics = objective(view)
            counted = {"reference_actions": float(len(self.rows))}
            rows = [
                self.rows[id(chunk)]
                for row in view.batch.rows
                for chunk, trained in zip(row.chunks, row.trained)
                if trained and id(chunk) in self.rows
            ]
            if not rows:
                return loss, metrics | {"reference_nll": 0.0, **counted}
            nll = -self.policy.score(rows, self.sampling).logprobs
            tokens = sum(row.n_trained for row in self.rows.values())
            share = view.per_action * self._turns / tokens  # 1 / tokens, where one optimiser batch holds all turns
            return loss + self.beta * share * nll.sum(), metrics | {
                "reference_nll": float(nll.detach().mean()),
                **counted,
            }

        return with_imitation
