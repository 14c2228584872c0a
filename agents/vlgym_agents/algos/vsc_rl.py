"""VSC-RL: subgoal-conditioned filtering (arXiv 2502.07949), by the procedure of its release [C].

An episode is cut after every step that reaches its subgoal or the goal. A critic of segments says which successes were
surprising; the actor repeats the steps of those segments that also improve its double step critic, and imitates its own
best segments.

What differs from the release, all [O]: the critics are small classifiers on hashed features of what the policy read,
not RoBERTa and image features; s' of an episode's last step is not kept, so v' = v there; the actor's and the imitation
loss are one sum in one optimiser step, not two phases; `optim.epochs` passes go over one draw of steps, where the
release draws anew; the goal is reached where the return says so, and subgoals where the environment does, unless an
endpoint is named. The paper's own objective, the divergence from a goal-conditioned reference, is not in the release
(its imitation clones the policy's own actions [C]); `kl_coef` and `beta_ref` add it.

Legend: K turns of an episode, S steps, s a step's observation and s' the next, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vlgym_agents.batch import action_heads
from vlgym_agents.losses import Kl, importance_ratio
from vlgym_agents.losses import kl as divergence
from vlgym_agents.outcomes import WIDTH, Outcome, features
from vlgym_agents.recipe import Credit, Group, Metrics, Parts, Pass, Recipe, Setting, UniformTasks, View, env_return
from vlgym_agents.reference import Imitator, goal_reference_pass
from vlgym_agents.rollout import generator
from vlgym_agents.schema import above_zero, at_least, one_of
from vlgym_agents.subgoals import Segment, SubgoalOptions, mc_returns, segments
from vlgym_agents.types import Batch, Floats, Trace

MARGIN = 0.05
"""What a step must improve the critic's estimate by, rewards aside [C]."""
CLAMP = 1e-4
"""The segment critic's probability stays so far from 0 and 1 [C]."""


@dataclass(frozen=True)
class VscRlOptions(SubgoalOptions):
    """Filter, critics, buffer and the terms of the loss; defaults from the release [C] unless said otherwise."""

    gamma: float = 0.5
    """discount of a segment's Monte-Carlo return, in (0, 1] (release: 0.5)"""
    quantile: float = 0.9
    """segments whose score is at or above this quantile are kept, in [0, 1] (release: 0.9)"""
    buffer: int = 2000
    """segments kept, the newest (release: 2000)"""
    draw: int = 128
    """steps drawn for each of the two losses, and for each step of a critic (release: batch 4 times 32)"""
    critic_epochs: int = 5
    """steps of each critic an iteration (release: 5 epochs)"""
    critic_lr: float = 1e-3
    """learning rate of the critics (ours: they are small networks on hashed features; release: 1e-4 for RoBERTa)"""
    validation: float = 0.2
    """share of the episodes kept from learning, on which the critics are measured, in [0, 1) (release: 0.2)"""
    goal_return: float = 1.0
    """an episode whose return is at least this reached its goal (ours; the release asks a model)"""
    imitation_weight: float = 1.0
    """weight of cloning the policy's own best segments: the release's imitation loss, no divergence from a reference"""
    kl_coef: float = 0.0
    """weight of the divergence from the frozen reference that reads the goal alone, as the paper states it [A]"""
    kl: Kl = "k3"
    """estimator of that divergence: k1, k2 or k3 (Schulman 2020, "Approximating KL divergence")"""
    beta_ref: float = 0.0
    """weight of imitating actions that the frozen reference takes when it reads the goal alone: the forward surrogate
    of that divergence, in the paper's practical form [S]; 0: off"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        SubgoalOptions.__post_init__(self)
        at_least(self, buffer=1, draw=1, critic_epochs=0, imitation_weight=0, kl_coef=0, beta_ref=0)
        above_zero(self, "critic_lr")
        one_of(self, kl=get_args(Kl))
        for name, fits, wording in (
            ("gamma", 0 < self.gamma <= 1, "above 0 and at most 1"),
            ("quantile", 0 <= self.quantile <= 1, "between 0 and 1"),
            ("validation", 0 <= self.validation < 1, "at least 0 and below 1"),
        ):
            if not fits:
                raise ValueError(f"{name} must be {wording}, got {getattr(self, name)}.")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        return {**SubgoalOptions.idle(self), **({} if self.kl_coef else {"kl": "algo.kl_coef is 0"})}


def advantage(v: Floats, after: Floats, reward: Floats, mc: Floats) -> Floats:
    """Return clamp(v' - v - 0.05 + r + mc_return, 0, 1), float32 [S]; the actor repeats a step where it is above 0 [C].

    Args:
        v, after: the double critic's probability of success at s and s', [S].
        reward: 1 on the step that closes a segment, else 0.
        mc: Monte-Carlo return of the step in its segment.
    """
    out: Floats = np.clip(after - v - MARGIN + reward + mc, 0.0, 1.0).astype(np.float32)
    return out


def kept(scores: Floats, quantile: float) -> NDArray[np.bool_]:
    """Return which segments score at or above the (linear) quantile of all scores [C]."""
    if not len(scores):
        return np.zeros(0, bool)
    exact = np.asarray(scores, np.float64)
    return np.asarray(exact >= np.quantile(exact, quantile))


@dataclass(slots=True)
class _Steps:
    """The steps of all episodes at hand, in order; S steps in M segments.

    Attributes:
        trace: int [S], which episode.  turn: int [S].  segment: int [S], which segment.
        states, after: float32 [S, D], features of s and s'.
        reward, mc: float32 [S].
        opens: int [M], the first step of each segment.  closed: bool [M].  held: bool [M], kept for validation.
    """

    trace: NDArray[np.int64]
    turn: NDArray[np.int64]
    segment: NDArray[np.int64]
    states: Floats
    after: Floats
    reward: Floats
    mc: Floats
    opens: NDArray[np.int64]
    closed: NDArray[np.bool_]
    held: NDArray[np.bool_]


class Procedure:
    """The release's iteration: store, cut, train the critics, filter, weigh steps. `repair` and `credit` of the recipe.

    Whole episodes are stored and given one weight a turn, which equals training on cut segments whatever the window.
    """

    def __init__(self, options: VscRlOptions, setting: Setting) -> None:
        self.options, self.window = options, setting.window
        self.segment_critic = Outcome(1, options.critic_lr, seed=1)
        self.step_critic = Outcome(2, options.critic_lr, seed=2)
        self.stored: list[Trace] = []
        self.metrics: Metrics = {}
        self._random = generator(0)
        self._features: dict[int, Floats] = {}

    def __call__(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        """Return the fresh episodes and the stored ones, and store the fresh: the recipe's `repair`."""
        self._random = rng
        fresh = [trace for group in groups for trace in group]
        at_hand = [[trace] for trace in (*fresh, *self.stored)]
        lean = (replace(t, replayed=True, turns=[replace(turn, observation=None) for turn in t.turns]) for t in fresh)
        self.stored += lean
        sizes = np.cumsum([len(segments(trace, self._solved(trace))) for trace in reversed(self.stored)])
        self.stored = self.stored[len(self.stored) - max(int((sizes <= self.options.buffer).sum()), 1) :]
        return at_hand

    def credit(self, groups: Sequence[Group]) -> Credit:
        """Return the weight of every turn: its share in the actor's loss plus its share in the imitation loss.

        With the token weights of `per_action`, the loss is -mean_s(1[adv > 0] sum_t lp) over the steps drawn for the
        actor, plus imitation_weight times -mean_s(sum_t lp) over those drawn for imitation.
        """
        o, traces = self.options, [trace for group in groups for trace in group]
        if not traces:
            return Credit([])
        steps = self._steps(traces)
        self._train(steps)
        reached = steps.closed.astype(np.float32)
        actor = self._drawn(steps, reached - self.segment_critic(steps.states[steps.opens]).clip(CLAMP, 1 - CLAMP))
        own = self._drawn(steps, reached)
        v, after = self.step_critic(steps.states[actor]), self.step_critic(steps.after[actor])
        gain = advantage(v, after, steps.reward[actor], steps.mc[actor])
        weights = np.zeros(len(steps.turn))
        weights[actor] += (gain > 0) * len(weights) / max(len(actor), 1)
        weights[own] += o.imitation_weight * len(weights) / max(len(own), 1)
        self.metrics |= {
            "segments": float(len(steps.opens)),
            "segments_reached": float(reached.mean()),
            "actor_steps": float(len(actor)),
            "actor_weight": float((gain > 0).mean()) if len(actor) else 0.0,
            "imitated_steps": float(len(own)),
        }
        advantages: list[Any] = [np.zeros(len(trace.turns), np.float32) for trace in traces]
        for i, k, weight in zip(steps.trace, steps.turn, weights):
            advantages[i][k] = weight
        return Credit(advantages)

    # -------------------------------------------------------------- inside

    def _solved(self, trace: Trace) -> bool:
        return trace.ret >= self.options.goal_return

    def _held(self, trace: Trace) -> bool:
        """Return whether an episode is kept for validation; a lot that follows it through the store and a resume."""
        lot = generator(trace.seed, trace.version + 1, trace.group + 1, trace.member + 1)
        return float(lot.random()) < self.options.validation

    def _steps(self, traces: Sequence[Trace]) -> _Steps:
        """Cut all episodes."""
        parts: list[tuple[int, Segment, bool]] = [
            (i, segment, self._held(trace))
            for i, trace in enumerate(traces)
            for segment in segments(trace, self._solved(trace))
        ]
        sizes = [len(segment) for _, segment, _ in parts]
        seen = {id(trace): self._read(trace) for trace in traces}
        self._features = {id(trace): seen[id(trace)] for trace in self.stored if id(trace) in seen}
        reward = [segment.reached * (np.arange(size) == size - 1) for size, (_, segment, _) in zip(sizes, parts)]
        states = [seen[id(trace)] for trace in traces]
        return _Steps(
            trace=np.repeat([i for i, _, _ in parts], sizes),
            turn=np.concatenate([np.arange(segment.first, segment.last) for _, segment, _ in parts]),
            segment=np.repeat(np.arange(len(parts)), sizes),
            states=np.concatenate(states),
            after=np.concatenate([np.concatenate([x[1:], x[-1:]]) for x in states]),
            reward=np.concatenate(reward).astype(np.float32),
            mc=np.concatenate([mc_returns(segment, self.options.gamma) for _, segment, _ in parts]),
            opens=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
            closed=np.array([segment.reached for _, segment, _ in parts]),
            held=np.array([held for _, _, held in parts]),
        )

    def _read(self, trace: Trace) -> Floats:
        """Return the features of an episode's states, float32 [K, D]."""
        if id(trace) in self._features:
            return self._features[id(trace)]
        first = trace.turns[0].chunk
        found = [features(turn.chunk if self.window == 1 else first, turn.chunk) for turn in trace.turns]
        return np.stack(found).reshape(-1, WIDTH)

    def _train(self, steps: _Steps) -> None:
        """Train both critics on the label [mc_return > 0], the step critic on s and s' alike [C]."""
        label = steps.mc > 0
        learning = [np.flatnonzero(~steps.held), np.flatnonzero(~steps.held[steps.segment])]
        losses = np.zeros(2)
        for _ in range(self.options.critic_epochs if len(learning[0]) else 0):
            chosen, some = (self._sample(index) for index in learning)
            losses[0] = self.segment_critic.learn(steps.states[steps.opens[chosen]], steps.closed[chosen])
            both = np.concatenate([steps.states[some], steps.after[some]])
            losses[1] = self.step_critic.learn(both, np.concatenate([label[some]] * 2))
        self.metrics = {"segment_critic_loss": float(losses[0]), "step_critic_loss": float(losses[1])}
        if steps.held.any():
            held, of = np.flatnonzero(steps.held), np.flatnonzero(steps.held[steps.segment])
            with torch.no_grad():
                checks = (
                    self.segment_critic.loss(steps.states[steps.opens[held]], steps.closed[held]),
                    self.step_critic.loss(steps.states[of], label[of]),
                )
            self.metrics |= {"segment_critic_check": float(checks[0]), "step_critic_check": float(checks[1])}

    def _sample(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        size = min(self.options.draw, len(index))
        return np.sort(self._random.choice(index, size, replace=False))

    def _drawn(self, steps: _Steps, scores: Floats) -> NDArray[np.int64]:
        """Return some steps of the learning segments that the filter keeps."""
        learning = np.flatnonzero(~steps.held)
        chosen = learning[kept(scores[learning], self.options.quantile)]
        return self._sample(np.flatnonzero(np.isin(steps.segment, chosen)))

    def state_dict(self) -> dict[str, Any]:
        """Return the store and the critics."""
        critics = [self.segment_critic.state_dict(), self.step_critic.state_dict()]
        return {"stored": self.stored, "critics": critics}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.stored, self._features = list(state["stored"]), {}
        for critic, saved in zip((self.segment_critic, self.step_critic), state["critics"]):
            critic.load_state_dict(saved)


class _Tasks(UniformTasks):
    """Uniform tasks; logs what the procedure did."""

    def __init__(self, ids: Sequence[str], procedure: Procedure) -> None:
        super().__init__(ids)
        self.procedure = procedure

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Learn nothing, report."""
        return self.procedure.metrics


def per_action(batch: Batch) -> Floats:
    """Return token weights 1 / actions: a mean over actions of sums over tokens, as the release's losses [C]."""
    return np.full(len(batch.row), 1.0 / max(len(action_heads(batch)), 1), np.float32)


@dataclass(frozen=True)
class WeightedLikelihood:
    """-sum_t weights_t A_t lp_t, and the stated divergence at the policy's samples, corrected for their age."""

    options: VscRlOptions

    def __call__(self, view: View) -> tuple[torch.Tensor, Metrics]:
        """Return the loss of a micro-batch and its metrics."""
        s, lp = view.streams, view.scores.logprobs
        losses = -s["advantages"] * lp
        metrics = {"nll": float(-lp.detach().mean())}
        if self.options.kl_coef:
            penalty = divergence(lp, s["reference"], self.options.kl) * importance_ratio(lp, s["old_logprobs"])
            losses = losses + self.options.kl_coef * penalty
            metrics["kl"] = float(penalty.detach().mean())
        return (s["weights"] * losses).sum(), metrics


def build(options: VscRlOptions, setting: Setting) -> Parts:
    """Compose VSC-RL."""
    procedure = Procedure(options, setting)
    passes: dict[str, Pass] = {"reference": goal_reference_pass(setting.policy)} if options.kl_coef else {}
    parts = Parts(
        sampler=_Tasks(setting.tasks.ids(setting.split), procedure),
        rewards={"env": env_return},
        repair=procedure,
        credit=procedure.credit,
        objective=WeightedLikelihood(options),
        weigh=per_action,
        passes=passes,
        idle_zero=not (options.kl_coef or options.beta_ref),
        observe=options.observe(setting, plain=bool(options.kl_coef or options.beta_ref)),
    )
    if not options.beta_ref:
        return parts
    imitator = Imitator(setting, options.beta_ref)
    return replace(parts, repair=_Both(procedure, imitator), objective=imitator.joined(parts.objective))


@dataclass
class _Both:
    """The procedure's store, then the reference's actions."""

    procedure: Procedure
    imitator: Imitator

    def __call__(self, groups: Sequence[Group], rng: np.random.Generator) -> list[Group]:
        return self.imitator(self.procedure(groups, rng), rng)

    def state_dict(self) -> dict[str, Any]:
        return self.procedure.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.procedure.load_state_dict(state)


RECIPE = Recipe(
    name="vsc-rl",
    summary="subgoal-conditioned filtering: repeat the steps of surprising successes, imitate the best segments",
    source="arXiv 2502.07949; procedure and defaults from its release [C]",
    options=VscRlOptions,
    build=build,
)
