"""A complete Policy of a few thousand parameters: a recurrent network over characters. Learns the toys in seconds."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vlgym.core.errors import ActionError
from vlgym_agents import registry
from vlgym_agents.policy import Sample, Sampling, Scores
from vlgym_agents.types import Chunk, Row

DIGITS, END = 8, 8
"""Ids 0..7 are the digits the policy can utter, 8 ends its turn; observations are characters from 16 on."""
VOCABULARY = 16 + 128
PRESET = {"optim.lr": 0.03}


class Net(torch.nn.Module):
    """Embedding, GRU cell, head over the nine ids that can be uttered, value head."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(VOCABULARY, hidden)
        self.cell = torch.nn.GRUCell(hidden, hidden)
        self.head = torch.nn.Linear(hidden, DIGITS + 1)
        self.critic = torch.nn.Sequential(torch.nn.Linear(hidden, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1))

    def value(self, state: torch.Tensor) -> torch.Tensor:
        return self.critic(state.detach())[0, 0]

    def read(self, state: torch.Tensor, ids: Any) -> torch.Tensor:
        for token in torch.as_tensor(np.asarray(ids)).long():
            state = self.cell(self.embed(token)[None], state)
        return state


class ToySession:
    """Hidden state of each slot."""

    def __init__(self, policy: ToyPolicy) -> None:
        self.policy = policy
        self.states: dict[int, torch.Tensor] = {}

    @torch.no_grad()
    def act(self, slots, chunks, uniforms, sampling) -> list[Sample]:
        return [self._one(*item, sampling) for item in zip(slots, chunks, uniforms)]

    def _one(self, slot: int, chunk: Chunk, uniform: np.random.Generator, sampling: Sampling) -> Sample:
        net = self.policy.module
        state = net.read(self.states.get(slot, self.policy.blank()), chunk.ids)
        ids, logprobs, values = [], [], []
        while len(ids) < sampling.max_tokens and (not ids or ids[-1] != END):
            lp = torch.log_softmax(self.policy.logits(state, len(ids), sampling), -1)[0]
            u = uniform.random()
            token = int(lp.argmax()) if sampling.greedy else int((lp.exp().cumsum(0) < u).sum().clamp(max=DIGITS))
            ids.append(token)
            logprobs.append(float(lp[token]))
            values.append(float(net.value(state)))
            state = net.read(state, [token])
        self.states[slot] = state
        text = "".join(str(t) for t in ids if t != END)
        action = f"pick[{text}]" if text else ""
        found = [np.array(part, np.float32) for part in (logprobs, values)]
        return Sample(np.array(ids, np.int32), found[0], text, action, found[1])

    @torch.no_grad()
    def load(self, slot: int, chunks, actions) -> None:
        state = self.policy.blank()
        for chunk, ids in zip(chunks, actions):
            state = self.policy.module.read(self.policy.module.read(state, chunk.ids), ids)
        self.states[slot] = state

    def free(self, slot: int) -> None:
        self.states.pop(slot, None)


class ToyPolicy:
    """Implements vlgym_agents.policy.Policy."""

    name = "toy"

    def __init__(self, hidden: int = 24, skew: float = 0.0) -> None:
        self.module = Net(hidden)
        self.skew = skew

    @property
    def critic(self) -> torch.nn.Module:
        return self.module.critic

    def blank(self) -> torch.Tensor:
        return torch.zeros(1, self.module.cell.hidden_size)

    def logits(self, state: torch.Tensor, done: int, sampling: Sampling) -> torch.Tensor:
        logits = self.module.head(state) / sampling.temperature
        if done < sampling.min_tokens:
            logits = logits.index_fill(-1, torch.tensor([END]), -torch.inf)
        return logits

    def encode(self, observation, info, *, first: bool) -> Chunk:
        text = (str(observation.get("instruction", "")) + "|" if first else "") + str(observation["text"])
        return Chunk(np.array([16 + min(ord(c), 127) for c in text], np.int32))

    def session(self, slots: int) -> ToySession:
        return ToySession(self)

    def score(self, rows: Sequence[Row], sampling: Sampling) -> Scores:
        logprobs, entropy, values = [], [], []
        for row in rows:
            state = self.blank()
            for chunk, ids, trained in zip(row.chunks, row.actions, row.trained):
                state = self.module.read(state, chunk.ids)
                for i, token in enumerate(ids):
                    if trained:
                        lp = torch.log_softmax(self.logits(state, i, sampling), -1)[0]
                        logprobs.append(lp[int(token)])
                        values.append(self.module.value(state))
                        p = lp.exp()
                        entropy.append(-(p * lp.masked_fill(p == 0, 0.0)).sum())
                    state = self.module.read(state, [token])
        return Scores(torch.stack(logprobs), torch.stack(entropy), torch.stack(values))

    def demonstrate(self, chunks, action: str):
        digit = action.removeprefix("pick[").removesuffix("]")
        if not digit.isdigit() or int(digit) >= DIGITS:
            raise ActionError(f"The toy cannot say {action!r}.")
        return np.array([int(digit), END], np.int32)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "toy.json").write_text(json.dumps({"hidden": self.module.cell.hidden_size}))

    def reference(self) -> ToyPolicy:
        other = ToyPolicy(self.module.cell.hidden_size)
        other.module = copy.deepcopy(self.module).requires_grad_(False)
        return other

    def parameters(self):
        return (p for p in self.module.parameters() if p.requires_grad)


def load(source: str, *, action_help: str = "", hidden: int = 24) -> ToyPolicy:
    """Load the toy; random weights from torch's generator."""
    return ToyPolicy(hidden)


def install() -> None:
    """Add the toy to the table of models."""
    registry.MODELS["toy"] = "toy_policy:load"
