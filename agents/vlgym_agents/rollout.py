"""Episodes from a policy and a pool of environments: a continuous batch, in rounds that no timing can change.

A round steps every running environment at once, replaces the finished episodes, and samples one response for every
episode that waits for one. Which episodes share a batch therefore depends on the episodes alone, never on which
environment answered first, and the randomness of an episode is its own: equal seeds give equal runs with any pool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from vlgym.core.errors import VlgymError
from vlgym_agents.policy import Policy, Sample, Sampling, Session
from vlgym_agents.pool import Command, Pool, Reply
from vlgym_agents.types import Chunk, Ids, Trace, Turn

UNREADABLE = "No action could be read from the response."
OBSERVE = 201
"""Last word of the key of the randomness of `Observe`, so that it shares no stream with the drawing of tokens."""
INFO_CHARS = 2000
"""Longer texts of an environment's info are not kept in the record."""


class RolloutError(VlgymError, RuntimeError):
    """No episode can be collected; quotes the first failure."""


@runtime_checkable
class Windowed(Protocol):
    """A Session that can be given a history, which a window of more than one turn needs."""

    def load(self, slot: int, chunks: Sequence[Chunk], actions: Sequence[Ids]) -> None:
        """Replace the context of `slot` by chunk 0, action 0, chunk 1, action 1, ...; the next `act` appends to it."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One episode to collect.

    Attributes:
        task, seed: initial state; the same for all members of a group.
        group, member: its place in the step.
        key: what its randomness is derived from, distinct per episode.
        record: keep the observations (for the report).
    """

    task: str
    seed: int
    group: int
    member: int
    key: tuple[int, ...]
    record: bool = False


Seen = tuple[Mapping[str, Any], Mapping[str, Any]]
"""An observation and its info."""


class Observe(Protocol):
    """How a method shows episodes to the policy: one function an episode, so that its state is the episode's own."""

    @property
    def plain(self) -> bool:
        """Whether every observation is also encoded as the environment gave it (`Chunk.plain`)."""
        ...

    def __call__(
        self, task: str, random: np.random.Generator
    ) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Seen]:
        """Return the function of one episode: (observation, info) -> what the policy reads and the record keeps.

        It is called once for every observation in order, the one after the last action included, and must not change
        its arguments. `random` is the episode's own and independent of how its tokens are drawn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rollout:
    """How to collect.

    Attributes:
        sampling: how tokens are drawn.
        batch: most episodes at the same time; at most the pool's size.
        window: turns the policy sees, the current one included; 0: all.
        max_turns: an episode is truncated after so many; 0: never by us.
        end_unparsable: an episode is truncated by a response without an action, and no environment step is made.
        bootstrap: ask the critic for the value of the observation at which a limit cut an episode (`Trace.bootstrap`).
        retries: new attempts, with the same seed and randomness, of an episode that the machinery spoilt.
        version: optimiser step of the weights.
        progress: called with every trace that ended.
        watch: called with (request, turn, observation) for every observation, the last one of an episode included.
        observe: how the method shows episodes to the policy; None: as the environment does.
    """

    sampling: Sampling = field(default_factory=Sampling)
    batch: int = 64
    window: int = 0
    max_turns: int = 0
    end_unparsable: bool = False
    bootstrap: bool = False
    retries: int = 1
    version: int = 0
    progress: Callable[[Trace], None] | None = None
    watch: Callable[[Request, int, Mapping[str, Any]], None] | None = None
    observe: Observe | None = None


@dataclass(slots=True, eq=False)
class _Episode:
    """A running episode: its request, its record so far, and what it waits for."""

    place: int
    request: Request
    retries: int
    trace: Trace
    random: np.random.Generator
    observation: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    command: Command | None = None
    show: Callable[[Mapping[str, Any], Mapping[str, Any]], Seen] | None = None
    seen: Seen = field(default_factory=lambda: ({}, {}))


def generator(*key: int) -> np.random.Generator:
    """Return a counter-based generator that depends on `key` alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def collect(policy: Policy, pool: Pool, requests: Sequence[Request], rollout: Rollout) -> list[Trace]:
    """Play every request once and return the traces in the order of the requests.

    An attempt that the machinery spoilt appears with `env_error`, before the trace of its retry.

    Raises:
        RolloutError: every attempt failed, or the policy cannot do what `rollout` asks.
    """
    return _Collection(policy, pool, rollout).run(requests)


class _Collection:
    """The state of one `collect`."""

    def __init__(self, policy: Policy, pool: Pool, rollout: Rollout) -> None:
        self.policy, self.pool, self.rollout = policy, pool, rollout
        self.slots = min(rollout.batch, pool.size)
        self.session: Session = policy.session(self.slots)
        if rollout.window > 1 and not isinstance(self.session, Windowed):
            raise RolloutError(f"Policy {policy.name!r} cannot re-read a history; set rollout.window to 0 or 1.")
        self.waiting: deque[_Episode] = deque()
        self.running: dict[int, _Episode] = {}
        self.done: list[tuple[int, Trace]] = []

    def run(self, requests: Sequence[Request]) -> list[Trace]:
        self.waiting.extend(self._begin(i, request, self.rollout.retries) for i, request in enumerate(requests))
        while self.waiting or self.running:
            self._advance()
            self._respond()
        if self.done and all(trace.env_error for _, trace in self.done):
            raise RolloutError(f"Every episode failed; the first said: {self.done[0][1].env_error}")
        self.done.sort(key=lambda item: item[0])  # stable: attempts of one request stay in order
        return [trace for _, trace in self.done]

    def _begin(self, place: int, request: Request, retries: int) -> _Episode:
        trace = Trace(request.task, request.seed, request.group, request.member, version=self.rollout.version)
        episode = _Episode(place, request, retries, trace, generator(*request.key))
        if self.rollout.observe is not None:
            episode.show = self.rollout.observe(request.task, generator(*request.key, OBSERVE))
        return episode

    # -------------------------------------------------------------- environments

    def _advance(self) -> None:
        """Step environments, and reset those whose slots are free, until every running episode waits for a response."""
        while True:
            for slot in range(self.slots):
                if slot not in self.running and self.waiting:
                    episode = self.running[slot] = self.waiting.popleft()
                    episode.command = Command(slot, "reset", task=episode.request.task, seed=episode.request.seed)
            commands = [e.command for e in self.running.values() if e.command is not None]
            if not commands:
                return
            for command, reply in zip(commands, self.pool.run(commands)):
                episode = self.running[command.slot]
                episode.command = None
                self._take(episode, command, reply)
            self._cut()

    def _take(self, episode: _Episode, command: Command, reply: Reply) -> None:
        episode.observation, episode.info = reply.observation, reply.info
        if self.rollout.watch is not None and not reply.error:
            self.rollout.watch(episode.request, len(episode.trace.turns), reply.observation)
        episode.seen = (reply.observation, reply.info)
        if episode.show is not None and not reply.error:
            episode.seen = episode.show(*episode.seen)
        if command.kind == "step" and not reply.error:
            turn = episode.trace.turns[-1]
            turn.reward, turn.terminated, turn.truncated = reply.reward, reply.terminated, reply.truncated
            turn.info = light(episode.seen[1])
            limit = self.rollout.max_turns
            turn.truncated |= bool(limit) and len(episode.trace.turns) >= limit and not turn.terminated
            if turn.terminated or (turn.truncated and not self.rollout.bootstrap):
                self._end(command.slot)
        elif reply.error:
            episode.trace.env_error = reply.error
            if episode.retries:
                self.waiting.appendleft(self._begin(episode.place, episode.request, episode.retries - 1))
            self._end(command.slot)

    def _cut(self) -> None:
        """End the episodes that a limit cut, once the critic has judged what they came to."""
        slots = [slot for slot, e in sorted(self.running.items()) if e.trace.turns and e.trace.turns[-1].truncated]
        if not slots:
            return
        chunks = [self._read(slot).chunk for slot in slots]
        asked = replace(self.rollout.sampling, greedy=True, max_tokens=1)  # of one token; its value is what is wanted
        for slot, sample in zip(slots, self.session.act(slots, chunks, [self.running[s].random for s in slots], asked)):
            self.running[slot].trace.bootstrap = sample.value
            self._end(slot)

    def _end(self, slot: int) -> None:
        episode = self.running.pop(slot)
        self.session.free(slot)
        trace, info = episode.trace, episode.info
        if not trace.env_error:
            trace.success, trace.score = bool(info.get("success", False)), float(info.get("score", 0.0))
        self.done.append((episode.place, trace))
        if self.rollout.progress is not None:
            self.rollout.progress(trace)

    # -------------------------------------------------------------- policy

    def _respond(self) -> None:
        """Sample a response for every running episode, in slot order, and decide what follows."""
        slots = sorted(self.running)
        if not slots:
            return
        turns = [self._read(slot) for slot in slots]
        samples = self.session.act(
            slots, [turn.chunk for turn in turns], [self.running[s].random for s in slots], self.rollout.sampling
        )
        for slot, turn, sample in zip(slots, turns, samples):
            _fill(turn, sample)
            episode = self.running[slot]
            episode.trace.turns.append(turn)
            if not sample.action and self.rollout.end_unparsable:
                turn.truncated = True
                turn.info = {"action_valid": False, "error": UNREADABLE}
                episode.trace.bootstrap = 0.0
                self._end(slot)
            else:
                episode.command = Command(slot, "step", sample.action)

    def _read(self, slot: int) -> Turn:
        """Encode the observation of a slot and, under a window, prepare its context."""
        episode, window = self.running[slot], self.rollout.window
        past = episode.trace.turns
        chunk = self._encode(episode, first=window == 1 or not past)
        turn = Turn(chunk, np.empty(0, np.int32), np.empty(0, np.float32), "", "")
        if not past:
            episode.trace.instruction = str(episode.observation.get("instruction", ""))
        if window > 1:
            turn.opening = chunk if not past else self._encode(episode, first=True)
        if window and len(past) >= window:  # until then the context only grows
            self.session.free(slot)
            if window > 1:
                assert isinstance(self.session, Windowed)
                self.session.load(slot, *context(past, window - 1))
        if episode.request.record:
            shown = episode.seen[0].items()
            turn.observation = {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in shown}
        return turn

    def _encode(self, episode: _Episode, *, first: bool) -> Chunk:
        """Encode what the policy is shown, and what the environment gave where a method asks for both."""
        chunk = self.policy.encode(*episode.seen, first=first)
        observe = self.rollout.observe
        if observe is None or not observe.plain or episode.seen[0] is episode.observation:
            return chunk
        return replace(chunk, plain=self.policy.encode(episode.observation, episode.info, first=first))


def _fill(turn: Turn, sample: Sample) -> None:
    turn.ids, turn.logprobs, turn.value, turn.values = sample.ids, sample.logprobs, sample.value, sample.values
    turn.text, turn.action = sample.text, sample.action


def context(turns: Sequence[Turn], last: int) -> tuple[tuple[Chunk, ...], tuple[Ids, ...]]:
    """Return chunks and actions of the `last` turns as a context of their own: the first chunk is its opening."""
    kept = turns[len(turns) - last :]
    if not kept:
        return (), ()
    opening = kept[0].opening or kept[0].chunk
    return (opening, *(turn.chunk for turn in kept[1:])), tuple(turn.ids for turn in kept)


def light(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an environment's info worth keeping: scalars, short texts and small containers of them."""
    out: dict[str, Any] = {}
    for key, value in info.items():
        if key == "available_actions":
            continue
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (bool, int, float)) or value is None:
            out[key] = value
        elif isinstance(value, str):
            out[key] = value[:INFO_CHARS]
        elif isinstance(value, Mapping) and len(value) <= 32:
            out[key] = light(value)
        elif isinstance(value, (tuple, list)) and len(value) <= 32:
            out[key] = tuple(v[:INFO_CHARS] if isinstance(v, str) else v for v in value)
    return out
