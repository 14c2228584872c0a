"""A table for a policy: one row of action preferences and one value for every page, for tasks whose pages are few.

It reads the page now before it and nothing else, and says one token a turn: which of `info["available_actions"]` it
takes. With no network between a method and its optimum, what it learns shows the method alone.

Legend: P rows of the table, A actions, N trained turns.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vlgym.core.errors import ActionError, VlgymError
from vlgym_agents.policies import sampling as processed
from vlgym_agents.policy import Sample, Sampling, Scores
from vlgym_agents.types import Chunk, Ids, Row

PRESET: dict[str, Any] = {"optim.lr": 0.05, "rollout.max_tokens": 1}
"""A step of Adam moves a preference by about the learning rate, and some units of it decide."""


class Table(torch.nn.Module):
    """Preferences float32 [P, A] and values [P, 1], all zero at the start: the uniform policy."""

    def __init__(self, rows: int, actions: int) -> None:
        super().__init__()
        self.preferences = torch.nn.Parameter(torch.zeros(rows, actions))
        self.critic = torch.nn.Embedding(rows, 1)
        torch.nn.init.zeros_(self.critic.weight)


class TabularPolicy:
    """See `vlgym_agents.policy.Policy`.

    Attributes:
        name: "tabular", or the folder it was loaded from.
        module: the table.
    """

    def __init__(self, rows: int = 512, actions: int = 16, name: str = "tabular") -> None:
        self.name = name
        self.module = Table(rows, actions)

    @property
    def critic(self) -> torch.nn.Module:
        """The values."""
        return self.module.critic

    def encode(self, observation: Mapping[str, Any], info: Mapping[str, Any], *, first: bool) -> Chunk:
        """See `Policy.encode`: the row of the page, by a hash of its text.

        Raises:
            VlgymError: the page has no text, or its actions cannot be enumerated or are more than the table has.
        """
        actions, most = tuple(info.get("available_actions", ())), self.module.preferences.shape[1]
        if not observation.get("text") or not 0 < len(actions) <= most or any("<" in action for action in actions):
            raise VlgymError(
                f"The table needs pages of text with 1 to {most} actions that are listed in full, and this one lists "
                f"{len(actions)}; choose another model."
            )
        page = zlib.crc32(str(observation["text"]).encode()) % self.module.preferences.shape[0]
        return Chunk(np.array([page], np.int32), extra={"actions": actions})

    def session(self, slots: int) -> TabularSession:
        """See `Policy.session`."""
        return TabularSession(self)

    def logprobs(self, chunks: Sequence[Chunk], sampling: Sampling) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (log-probs float [N, A], values float [N]) at chunks."""
        pages = torch.tensor([int(chunk.ids[0]) for chunk in chunks])
        counts = torch.tensor([len(chunk.extra["actions"]) for chunk in chunks])
        beyond = torch.arange(self.module.preferences.shape[1]) >= counts[:, None]
        preferences = self.module.preferences[pages].masked_fill(beyond, -torch.inf)
        return torch.log_softmax(preferences / sampling.temperature, -1), self.module.critic(pages)[:, 0]

    def score(self, rows: Sequence[Row], sampling: Sampling) -> Scores:
        """See `Policy.score`."""
        turns = [turn for row in rows for turn in zip(row.chunks, row.actions, row.trained) if turn[2]]
        logprobs, values = self.logprobs([chunk for chunk, _, _ in turns], sampling)
        chosen = torch.tensor([int(ids[0]) for _, ids, _ in turns])
        return Scores(processed.gather(logprobs, chosen), processed.entropy(logprobs), values)

    def demonstrate(self, chunks: Sequence[Chunk], action: str) -> Ids:
        """See `Policy.demonstrate`."""
        if action not in chunks[-1].extra["actions"]:
            raise ActionError(f"{action[:80]!r} is not among the actions of this page.")
        return np.array([chunks[-1].extra["actions"].index(action)], np.int32)

    def save(self, folder: Path) -> None:
        """See `Policy.save`."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.module.state_dict(), folder / "model.safetensors")
        rows, actions = self.module.preferences.shape
        shape = {"model_type": "vlgym-tabular", "rows": rows, "actions": actions}
        (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")

    def reference(self) -> TabularPolicy:
        """Return a frozen copy."""
        other = copy.copy(self)
        other.module = copy.deepcopy(self.module).requires_grad_(False)
        return other

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """See `Policy.parameters`."""
        return [p for p in self.module.parameters() if p.requires_grad]


class TabularSession:
    """See `vlgym_agents.policy.Session`; there is nothing to remember."""

    def __init__(self, policy: TabularPolicy) -> None:
        self.policy = policy

    @torch.no_grad()
    def act(
        self, slots: Sequence[int], chunks: Sequence[Chunk], uniforms: Sequence[np.random.Generator], sampling: Sampling
    ) -> list[Sample]:
        """See `Session.act`."""
        logprobs, values = self.policy.logprobs(chunks, sampling)
        chosen = processed.choose(logprobs, sampling, uniforms)
        samples = []
        for chunk, i, lp, value in zip(
            chunks, chosen.tolist(), processed.gather(logprobs, chosen).numpy(), values.numpy()
        ):
            action = chunk.extra["actions"][i]
            samples.append(Sample(np.array([i], np.int32), lp[None], action, action, value[None]))
        return samples

    def load(self, slot: int, chunks: Sequence[Chunk], actions: Sequence[Ids]) -> None:
        """Do nothing: only the page that comes next counts."""

    def free(self, slot: int) -> None:
        """Do nothing."""


def load(source: str, *, rows: int = 512, actions: int = 16) -> TabularPolicy:
    """Make a table, or load one that `TabularPolicy.save` wrote.

    Args:
        source: "tabular", or the folder.
        rows: pages that can be told apart, by a hash.
        actions: most actions of a page.
    """
    from safetensors.torch import load_file

    folder = Path(source)
    if not folder.is_dir():
        return TabularPolicy(rows, actions)
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    policy = TabularPolicy(shape["rows"], shape["actions"], source)
    policy.module.load_state_dict(load_file(folder / "model.safetensors"))
    return policy
