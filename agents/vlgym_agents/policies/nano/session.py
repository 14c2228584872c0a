"""Sampling with a key-value cache per running episode: chunks are prefilled together, responses drawn in a batch.

A response's last tokens need no forward of their own: they are cached together with the next chunk. A token that the
grammar forces costs nothing.

Legend: B slots that act now, L new positions of the longest, S positions cached and new, K pointers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vlgym_agents.policies import sampling as processed
from vlgym_agents.policies.nano import grammar
from vlgym_agents.policies.nano.body import Remember
from vlgym_agents.policies.nano.columns import Columns
from vlgym_agents.policies.nano.layout import places, pointed
from vlgym_agents.policies.nano.model import NanoForImageTextToText
from vlgym_agents.policies.nano.pack import distinct, pack
from vlgym_agents.policies.nano.tokenizer import NanoTokenizer
from vlgym_agents.policy import Sample, Sampling
from vlgym_agents.types import Chunk, Ids

_KEPT_STEMS = 512
_ROOM = 24
"""Positions made ready for a response; a longer one costs a copy."""


@dataclass(slots=True, eq=False)
class _Slot:
    """A running episode.

    Attributes:
        opening: `extra` of its first chunk.
        past: keys and values, float [layers, 2, H, cached, d/H].  cached: positions there.
        position: next RoPE position.
        waiting: sampled ids not in the cache yet.
        word_keys, word_stems: of the instruction's words.
        keys, stems: of all pointers of the current turn, float [K, 2d] and [K, d].
        points: the pointers' texts.  scope: what this turn can point at.
    """

    opening: Mapping[str, Any]
    past: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    cached: int = 0
    position: int = 0
    waiting: list[int] = field(default_factory=list)
    word_keys: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    word_stems: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    keys: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    stems: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    points: tuple[str, ...] = ()
    scope: grammar.Scope = field(default_factory=lambda: grammar.Scope((), 0, 0, 0))


class _Window:
    """Keys and values of the slots of one `act`, float [layers, 2, B, H, room, d/H].

    Slots keep views into the window they last acted in, so nothing is written back and a slot that is freed or moves on
    lets go of its memory.
    """

    def __init__(self, module: NanoForImageTextToText, states: Sequence[_Slot], room: int) -> None:
        config = module.config
        shape = (config.layers, 2, len(states), config.heads, room, config.width // config.heads)
        self.store = next(module.parameters()).new_zeros(shape)  # zeros: a masked place must not hold NaN
        for i, state in enumerate(states):
            if state.cached:
                self.store[:, :, i, :, : state.cached] = state.past

    def remember(self, rows: torch.Tensor, at: torch.Tensor, seen: int) -> Remember:
        """Return a `Remember` that stores keys of window rows [n] at places int64 [n, L] and shows `seen` places."""
        if seen > self.store.shape[4]:
            more = self.store.new_zeros(*self.store.shape[:4], seen, self.store.shape[5])
            self.store = torch.cat([self.store, more], 4)

        def store(layer: int, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            keys, values = self.store[layer]
            keys[rows[:, None], :, at] = k.transpose(1, 2)
            values[rows[:, None], :, at] = v.transpose(1, 2)
            if len(rows) == keys.shape[0]:
                return keys[:, :, :seen], values[:, :, :seen]
            return keys[rows, :, :seen], values[rows, :, :seen]

        return store

    def keep(self, states: Sequence[_Slot]) -> None:
        """Give every slot its view."""
        for i, state in enumerate(states):
            state.past = self.store[:, :, i, :, : state.cached]


class NanoSession:
    """Implements `vlgym_agents.policy.Session`."""

    def __init__(self, module: NanoForImageTextToText, tokenizer: NanoTokenizer, columns: Columns, slots: int) -> None:
        if slots < 1:
            raise ValueError(f"A session needs at least one slot, got {slots}.")
        self.module, self.tokenizer, self.columns = module, tokenizer, columns
        self.slots: list[_Slot | None] = [None] * slots
        self._stems: dict[tuple[bytes, bytes], torch.Tensor] = {}
        self._version = -1

    @property
    def _device(self) -> torch.device:
        return self.module.stem.embed.weight.device

    def free(self, slot: int) -> None:
        """Forget the context of a slot."""
        self.slots[slot] = None

    @torch.no_grad()
    def load(self, slot: int, chunks: Sequence[Chunk], actions: Sequence[Ids]) -> None:
        """Replace the context of `slot` by chunk 0, action 0, chunk 1, action 1, ...; the next `act` appends to it."""
        self.free(slot)
        for chunk, action in zip(chunks, actions, strict=True):
            state = self._state(slot, chunk)
            window, _ = self._prefill([state], [chunk], room=0)
            window.keep([state])
            state.waiting = action.tolist()

    @torch.no_grad()
    def act(
        self, slots: Sequence[int], chunks: Sequence[Chunk], uniforms: Sequence[np.random.Generator], sampling: Sampling
    ) -> list[Sample]:
        """Append chunks to the contexts of slots and sample one response in each; see `Session.act`."""
        if not slots:
            return []
        if not sampling.temperature > 0:
            raise ValueError(f"temperature must be positive, got {sampling.temperature}; for the mode use greedy=True.")
        states = [self._state(slot, chunk) for slot, chunk in zip(slots, chunks)]
        window, hidden = self._prefill(states, chunks, room=min(sampling.max_tokens, _ROOM))
        drawn, logprobs, values = self._decode(window, states, hidden, uniforms, sampling)
        window.keep(states)
        samples = []
        for state, ids, logs, worth in zip(states, drawn, logprobs, values):
            text = grammar.spell(ids, state.points, self.module.config.vocab_size, self.tokenizer)
            action = text if grammar.is_end(ids[-1]) else ""
            value = np.array(worth, np.float32) if self.module.config.value_head else None
            samples.append(Sample(np.array(ids, np.int32), np.array(logs, np.float32), text, action, value))
        return samples

    def _state(self, slot: int, chunk: Chunk) -> _Slot:
        state = self.slots[slot]
        if state is None:
            state = self.slots[slot] = _Slot(chunk.extra)
        return state

    def _observe(self, states: Sequence[_Slot], chunks: Sequence[Chunk]) -> list[torch.Tensor]:
        """Return the stem vectors, float [n, d], of each chunk; equal pages under equal instructions are read once."""
        version = sum(p._version for p in self.module.stem.parameters())
        if version != self._version or len(self._stems) > _KEPT_STEMS:
            self._stems.clear()
            self._version = version
        pairs, index = distinct([(state.opening, chunk) for state, chunk in zip(states, chunks)])
        names = [(opening["key"], chunk.extra["key"]) for opening, chunk in pairs]
        new = [i for i, name in enumerate(names) if name not in self._stems]
        if new:
            stems = self.module.observe(pack([pairs[i] for i in new]).to(self._device))
            for row, i in zip(stems, new):
                self._stems[names[i]] = row[: len(pairs[i][1].ids)]
        return [self._stems[names[i]] for i in index]

    def _prefill(self, states: Sequence[_Slot], chunks: Sequence[Chunk], *, room: int) -> tuple[_Window, torch.Tensor]:
        """Cache waiting tokens and chunks, set the turns' pointers, leave room for responses; return the window and the
        hidden states at `<act>`, float [B, d]."""
        stems = self._observe(states, chunks)
        owners, index = _alike(states, chunks)
        own = [states[i] for i in owners]
        parts = [torch.cat([self._speak(states[i]), stems[i]]) for i in owners]
        x = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        b, n = x.shape[:2]
        at = np.zeros((b, n), np.int64)
        positions = np.zeros((b, n), np.int64)
        end = np.zeros((b, n), np.int64)
        for row, (state, i, part) in enumerate(zip(own, owners, parts)):
            spoken, total = len(state.waiting), len(part)
            at[row] = state.cached + np.arange(n)
            end[row, :spoken] = at[row, :spoken]
            end[row, spoken:] = state.cached + total - 1
            ids = np.concatenate([state.waiting, chunks[i].ids]).astype(np.int64)
            positions[row, :total] = places(ids, state.position)
        seen = int(at.max()) + 1
        window = _Window(self.module, own, seen + room)
        device = x.device
        mask = torch.arange(seen, device=device) <= torch.as_tensor(end, device=device)[..., None]
        rows = torch.arange(b, device=device)
        remember = window.remember(rows, torch.as_tensor(at, device=device), seen)
        h = self.module.body(x, torch.as_tensor(positions, device=device), mask, remember)
        keys = self.module.heads.keys(h, x)
        last = []
        for row, state, chunk, stem in zip(index, states, chunks, stems):
            spoken, total = len(state.waiting), len(parts[row])
            self._point(state, chunk, keys[row, spoken:total], stem)
            state.position = int(positions[row, total - 1]) + 1
            state.cached += total
            state.waiting = []
            last.append(total - 1)
        at_last = torch.tensor([index, last], device=device)
        if b < len(states):
            window.store = window.store[:, :, at_last[0]]
        return window, h[at_last[0], at_last[1]]

    def _speak(self, state: _Slot) -> torch.Tensor:
        """Return the input vectors of the waiting ids."""
        if not state.waiting:
            return torch.zeros(0, self.module.config.width, device=self._device)
        return self._vectors([state] * len(state.waiting), state.waiting)

    def _vectors(self, states: Sequence[_Slot], ids: Sequence[int]) -> torch.Tensor:
        """Return the input vector of one id for each state, float [n, d]."""
        vocabulary = self.module.config.vocab_size
        blank = torch.zeros(self.module.config.width, device=self._device)
        targets = [state.stems[i - vocabulary] if i >= vocabulary else blank for state, i in zip(states, ids)]
        return self.module.utter(torch.tensor(ids, device=blank.device), torch.stack(targets))

    def _point(self, state: _Slot, chunk: Chunk, keys: torch.Tensor, stems: torch.Tensor) -> None:
        """Set what the turn can point at."""
        words, rest = pointed(chunk.ids.astype(np.int64))
        if state.opening is chunk.extra or state.cached == 0:
            state.word_keys, state.word_stems = keys[words], stems[words]
        state.keys = torch.cat([state.word_keys, keys[rest]])
        state.stems = torch.cat([state.word_stems, stems[rest]])
        state.points = points_of(state.opening, chunk.extra)
        state.scope = grammar.Scope.of(state.opening, chunk.extra)

    def _decode(
        self,
        window: _Window,
        states: Sequence[_Slot],
        hidden: torch.Tensor,
        uniforms: Sequence[np.random.Generator],
        sampling: Sampling,
    ) -> tuple[list[list[int]], list[list[float]], list[list[float]]]:
        """Draw the responses; return ids, log-probs and the critic's values (NaN: not asked)."""
        drawn: list[list[int]] = [[] for _ in states]
        logprobs: list[list[float]] = [[] for _ in states]
        values: list[list[float]] = [[] for _ in states]
        keys = torch.nn.utils.rnn.pad_sequence([state.keys for state in states], batch_first=True)
        live = list(range(len(states)))
        while True:
            choices = [grammar.options(drawn[i], states[i].scope, sampling) for i in live]
            pointers = self.module.heads.match(self.module.heads.asks(hidden)[:, None], keys[live])[:, 0]
            logs = self.columns.logprobs(hidden, pointers, choices, sampling)
            picked = processed.choose(logs, sampling, [uniforms[i] for i in live])
            picked_logs = processed.gather(logs, picked).tolist()
            worth = self.module.values(hidden).tolist() if self.module.config.value_head else [math.nan] * len(live)
            for i, token, log, value in zip(live, self.columns.ids(picked.tolist(), keys.shape[1]), picked_logs, worth):
                drawn[i].append(token)
                logprobs[i].append(log)
                values[i].append(value)
                states[i].waiting.append(token)
                self._close(states[i], drawn[i], logprobs[i], uniforms[i], sampling)
                values[i] += [math.nan] * (len(drawn[i]) - len(values[i]))
            live = [i for i in live if not grammar.is_end(drawn[i][-1]) and len(drawn[i]) < sampling.max_tokens]
            if not live:
                return drawn, logprobs, values
            hidden = self._step(window, live, [states[i] for i in live])

    def _close(
        self, state: _Slot, ids: list[int], logs: list[float], uniform: np.random.Generator, sampling: Sampling
    ) -> None:
        """Append the tokens that the grammar forces, each of probability one; no forward is needed for them."""
        while not grammar.is_end(ids[-1]) and len(ids) < sampling.max_tokens:
            forced = grammar.options(ids, state.scope, sampling).forced
            if forced is None:
                return
            if not sampling.greedy:
                uniform.random()  # every sampled token takes one number, forced or not
            ids.append(forced)
            logs.append(0.0)
            state.waiting.append(forced)

    def _step(self, window: _Window, live: Sequence[int], states: Sequence[_Slot]) -> torch.Tensor:
        """Cache the one waiting token of each live state; return hidden states, float [B, d]."""
        x = self._vectors(states, [state.waiting[-1] for state in states])[:, None]
        device = x.device
        at = torch.tensor([[state.cached] for state in states], device=device)
        positions = torch.tensor([[state.position] for state in states], device=device)
        seen = int(at.max()) + 1
        mask = torch.arange(seen, device=device) <= at[..., None]
        h = self.module.body(x, positions, mask, window.remember(torch.tensor(live, device=device), at, seen))
        for state in states:
            state.cached += 1
            state.position += 1
            state.waiting = []
        newest: torch.Tensor = h[:, 0]
        return newest


def _alike(states: Sequence[_Slot], chunks: Sequence[Chunk]) -> tuple[list[int], list[int]]:
    """Return (one slot of each kind, which of those every slot is like): slots that begin alike, as those of a group
    do, share their first forward."""
    kinds: dict[Any, int] = {}
    owners: list[int] = []
    index: list[int] = []
    for i, (state, chunk) in enumerate(zip(states, chunks)):
        begins = not state.cached and not state.waiting and state.opening is chunk.extra
        kind = chunk.extra["key"] if begins else i
        if kind not in kinds:
            kinds[kind] = len(owners)
            owners.append(i)
        index.append(kinds[kind])
    return owners, index


def points_of(opening: Mapping[str, Any], chunk: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the pointers' texts of a turn: words of the opening, then elements and cells of the chunk."""
    words: tuple[str, ...] = opening["points"][: opening["n_words"]]
    rest: tuple[str, ...] = chunk["points"][chunk["n_words"] :]
    return words + rest
