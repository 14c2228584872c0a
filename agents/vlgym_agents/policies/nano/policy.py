"""NanoPolicy: the `Policy` that `--model nano` names.

Legend: as in layout.py; N trained tokens of the rows given.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from vlgym.core.actions import MAX_ACTION_CHARS
from vlgym.core.errors import ActionError
from vlgym_agents.policies import sampling as processed
from vlgym_agents.policies.nano import grammar, pieces
from vlgym_agents.policies.nano.columns import Columns
from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.layout import Layout, lay_out
from vlgym_agents.policies.nano.model import NanoForImageTextToText
from vlgym_agents.policies.nano.pack import Packed, Pair, distinct, pack
from vlgym_agents.policies.nano.session import NanoSession, points_of
from vlgym_agents.policies.nano.tokenizer import CONTROLS, NanoTokenizer
from vlgym_agents.policy import Sampling, Scores
from vlgym_agents.types import Chunk, Ids, Row


class NanoPolicy:
    """Reads observations as pieces, speaks in verbs and pointers; implements `vlgym_agents.policy.Policy`.

    Attributes:
        name: what it was loaded from.
        module: the model; a peft wrapper of it is fine too.
        tokenizer: its tokenizer.
    """

    def __init__(self, module: torch.nn.Module, tokenizer: NanoTokenizer, name: str = "nano") -> None:
        self.name = name
        self.module = module
        self.tokenizer = tokenizer
        self._frozen_base: NanoPolicy | None = None
        self._columns = Columns(self.core, _writable(tokenizer, self.config.vocab_size))

    @property
    def core(self) -> NanoForImageTextToText:
        """The model itself, inside a peft wrapper if there is one."""
        return self.module.get_base_model() if hasattr(self.module, "get_base_model") else self.module  # type: ignore

    @property
    def critic(self) -> torch.nn.Module | None:
        """The value head."""
        return self.core.critic if self.config.value_head else None

    @property
    def config(self) -> NanoConfig:
        """The model's shape."""
        config: NanoConfig = self.core.config  # type: ignore[assignment]
        return config

    # ------------------------------------------------------------------ the Policy protocol

    def encode(self, observation: Mapping[str, Any], info: Mapping[str, Any], *, first: bool) -> Chunk:
        """Return the pieces of an observation; see `pieces.encode`."""
        return pieces.encode(observation, info, self.config, self.tokenizer, first=first)

    def session(self, slots: int) -> NanoSession:
        """Return an empty session."""
        return NanoSession(self.core, self.tokenizer, self._columns, slots)

    def score(self, rows: Sequence[Row], sampling: Sampling) -> Scores:
        """Return scores of the trained tokens in one pass over whole rows; distinct pages are encoded once.

        Raises:
            ValueError: no rows, or a trained token that the grammar does not permit at its place.
        """
        read = self._read(rows, sampling)
        total = read.hidden.new_zeros(len(read.tokens.ids))  # tokens the grammar forces are exact zeros
        logprobs, entropy = total, total
        if len(read.free):
            place = torch.as_tensor(read.free, device=total.device)
            columns = self._columns.columns(read.tokens.ids[read.free].tolist(), read.pointers)
            picked = processed.gather(read.logprobs, torch.as_tensor(columns, device=total.device))
            logprobs = total.index_copy(0, place, picked)
            entropy = total.index_copy(0, place, processed.entropy(read.logprobs))
        values = None
        if self.config.value_head:
            before = torch.as_tensor(read.tokens.queries, device=total.device)
            values = self.core.values(read.hidden.flatten(0, 1)[before])
        return Scores(logprobs, entropy, values)

    def mass(
        self, rows: Sequence[Row], accepted: Sequence[Ids], sampling: Sampling, maps: list[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Return log-probabilities, float [N], that the one free token of each row is among those accepted.

        Args:
            rows: one turn each, with one free token.
            accepted: ids accepted there, per row.
            sampling: processed distribution.
            maps: `vision.maps` of the rows' images, in order of first use, if known already.
        """
        read = self._read(rows, sampling, maps)
        index = [self._columns.columns(ids.tolist(), read.pointers) for ids in accepted]
        chosen = torch.zeros_like(read.logprobs, dtype=torch.bool)
        for row, columns in zip(chosen, index):
            row[columns] = True
        return read.logprobs.masked_fill(~chosen, -torch.inf).logsumexp(-1)

    def demonstrate(self, chunks: Sequence[Chunk], action: str) -> Ids:
        """Return the ids that spell `action` after `chunks`.

        Raises:
            ActionError: nothing the policy can see spells it.
        """
        if len(action) > MAX_ACTION_CHARS:
            raise ActionError(f"An action of {len(action)} characters is too long to say.")
        opening, chunk = chunks[0].extra, chunks[-1].extra
        scope, points = grammar.Scope.of(opening, chunk), points_of(opening, chunk)
        return np.array(grammar.utter(action, scope, points, self.config.vocab_size, self.tokenizer), np.int32)

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Write weights (safetensors, in float16 if `half`), config.json and tokenizer files."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if self.module is self.core:
            dtype = torch.float16 if half else torch.float32
            weights = {
                key: value.detach().to("cpu", dtype).contiguous() for key, value in self.core.state_dict().items()
            }
            save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
            (folder / "model.safetensors").chmod(0o644)
        else:
            self.module.save_pretrained(folder)  # type: ignore[operator]  # the adapter alone, as peft writes it
        self.config.architectures = [type(self.core).__name__]
        self.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        path = folder / "tokenizer.json"  # half the size without its indentation
        path.write_text(json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":")) + "\n")

    def reference(self) -> NanoPolicy:
        """Return a frozen copy."""
        module = copy.deepcopy(self.module).eval().requires_grad_(False)
        return NanoPolicy(module, self.tokenizer, self.name)

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """Return trainable parameters."""
        return (p for p in self.module.parameters() if p.requires_grad)

    # ------------------------------------------------------------------ the `transformers` face

    def inputs(self, chunks: Sequence[Chunk]) -> dict[str, Any]:
        """Return keyword arguments for `module(...)` or `module.generate(...)`: one sequence a chunk, left-padded."""
        longest = max(len(chunk.ids) for chunk in chunks)
        ids = np.zeros((len(chunks), longest), np.int64)
        for row, chunk in zip(ids, chunks):
            row[longest - len(chunk.ids) :] = chunk.ids
        tensor = torch.from_numpy(ids)
        packed = pack([(chunk.extra, chunk) for chunk in chunks])
        return {"input_ids": tensor, "observations": packed, "attention_mask": (tensor > 0).long()}

    def grammar_processor(self, chunks: Sequence[Chunk], sampling: Sampling) -> Any:
        """Return a logits processor that holds `generate` to the grammar of actions after `inputs(chunks)`."""
        from transformers import LogitsProcessorList

        longest = max(len(chunk.ids) for chunk in chunks)
        scopes = [grammar.Scope.of(chunk.extra, chunk.extra) for chunk in chunks]

        def suppress(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            vocabulary = self.config.vocab_size
            mask = torch.full_like(scores, -torch.inf)
            for row, said, scope in zip(mask, input_ids[:, longest:].tolist(), scopes):
                if (said and grammar.is_end(said[-1])) or 0 in said:
                    row[0] = 0.0
                    continue
                choice = grammar.options(said, scope, sampling)
                row[list(choice.control)] = 0.0
                row[vocabulary + choice.low : vocabulary + choice.high] = 0.0
                if choice.text:
                    row[CONTROLS:vocabulary] = torch.where(self._columns.writable, 0.0, -torch.inf)
            return torch.where(mask == 0, scores.clamp(min=-1e30), mask)

        return LogitsProcessorList([suppress])

    # ------------------------------------------------------------------ inside

    def _collate(self, rows: Sequence[Row]) -> tuple[np.ndarray, Packed, np.ndarray]:
        """Return (ids int64 [B, L] right-padded, distinct observations, which of them each chunk is)."""
        pairs: list[Pair] = [(row.chunks[0].extra, chunk) for row in rows for chunk in row.chunks]
        kept, which = distinct(pairs)
        ids = np.zeros((len(rows), max(row.length for row in rows)), np.int64)
        for line, row in zip(ids, rows):
            parts = [part for chunk, action in zip(row.chunks, row.actions) for part in (chunk.ids, action)]
            whole = np.concatenate(parts)
            line[: len(whole)] = whole
        return ids, pack(kept), which

    def _read(self, rows: Sequence[Row], sampling: Sampling, maps: list[torch.Tensor] | None = None) -> _Reading:
        """Run the model over whole rows."""
        if not rows:
            raise ValueError("score() needs at least one row.")
        ids, observations, which = self._collate(rows)
        device = next(self.core.parameters()).device
        layout = lay_out(ids)
        tokens = _Tokens.of(rows, layout, sampling, self.config.vocab_size)
        read = self.core.observe(observations.to(device), maps)
        lengths = (observations.kinds > 0).sum(1).numpy()
        flat = np.concatenate([k * read.shape[1] + np.arange(lengths[k]) for k in which])
        stems = read.flatten(0, 1)[torch.as_tensor(flat, device=device)]
        hidden, keys = self.core.hidden(torch.as_tensor(ids, device=device), layout, stems)
        free = np.flatnonzero(~tokens.forced)
        if not len(free):
            return _Reading(tokens, layout, hidden, free, hidden.new_zeros(0, 1), 0)
        queries = torch.as_tensor(tokens.queries[free], device=device)
        h = hidden.flatten(0, 1)[queries]
        candidates = torch.as_tensor(layout.candidates[tokens.turn_of[free]], device=device)
        pointers = self._pointer_scores(h, queries, keys, candidates)
        logs = self._columns.logprobs(h, pointers, [tokens.choices[i] for i in free], sampling)
        return _Reading(tokens, layout, hidden, free, logs, pointers.shape[1])

    def _pointer_scores(
        self, h: torch.Tensor, queries: torch.Tensor, keys: torch.Tensor, candidates: torch.Tensor
    ) -> torch.Tensor:
        """Return float [N, K]: queries of a row are scored against all its places at once, then candidates picked,
        which copies no keys."""
        count, length = keys.shape[:2]
        row = torch.div(queries, length, rounding_mode="floor")
        per_row = torch.bincount(row, minlength=count)
        slot = torch.arange(len(row), device=row.device) - (per_row.cumsum(0) - per_row)[row]
        padded = h.new_zeros(count, int(per_row.max()), keys.shape[-1])
        padded = padded.index_put((row, slot), self.core.heads.asks(h))
        scores = self.core.heads.match(padded, keys)[row, slot]  # [N, L]
        return scores.gather(1, candidates % length)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """Attributes:
    tokens: the trained tokens.  layout: of the rows.  hidden: float [B, L, d].
    free: int64, the tokens that the grammar does not force.  logprobs: float [free, columns] there.
    pointers: number of pointer columns.
    """

    tokens: _Tokens
    layout: Layout
    hidden: torch.Tensor
    free: np.ndarray
    logprobs: torch.Tensor
    pointers: int


class _Tokens:
    """The trained tokens of rows, flat.

    Attributes:
        ids: int64 [N].  queries: int64 [N], flat place before each.  turn_of: int64 [N].
        choices: what was permitted there.  forced: bool [N].  turns: int64 [T], trained turns.
    """

    def __init__(self) -> None:
        self.choices: list[grammar.Options] = []
        self.ids = self.queries = self.turn_of = self.turns = np.zeros(0, np.int64)
        self.forced = np.zeros(0, bool)

    @classmethod
    def of(cls, rows: Sequence[Row], layout: Layout, sampling: Sampling, vocabulary: int) -> _Tokens:
        """Walk the rows; raises ValueError for a token that could not have been sampled at its place."""
        tokens = cls()
        sampled: list[int] = []
        queries: list[int] = []
        turn_of: list[int] = []
        turns: list[int] = []
        turn = 0
        for row in rows:
            for chunk, action, trained in zip(row.chunks, row.actions, row.trained):
                if trained:
                    turns.append(turn)
                    scope = grammar.Scope.of(row.chunks[0].extra, chunk.extra)
                    said = action.tolist()
                    for i, token in enumerate(said):
                        choice = grammar.options(said[:i], scope, sampling)
                        _check(token, choice, vocabulary)
                        tokens.choices.append(choice)
                    sampled += said
                    queries += range(int(layout.acts[turn]), int(layout.acts[turn]) + len(said))
                    turn_of += [turn] * len(said)
                turn += 1
        tokens.ids, tokens.queries = np.array(sampled, np.int64), np.array(queries, np.int64)
        tokens.turn_of, tokens.turns = np.array(turn_of, np.int64), np.array(turns, np.int64)
        tokens.forced = np.array([choice.forced is not None for choice in tokens.choices], bool)
        return tokens


def _check(token: int, choice: grammar.Options, vocabulary: int) -> None:
    pointer = token - vocabulary
    if (
        token in choice.control
        or choice.low <= pointer < choice.high
        or (choice.text and CONTROLS <= token < vocabulary)
    ):
        return
    raise ValueError(f"Token {token} is not permitted at its place, so it was not sampled there by this policy.")


def _writable(tokenizer: NanoTokenizer, vocabulary: int) -> torch.Tensor:
    """Return bool [V - CONTROLS]: BPE ids that free text between quotes may contain."""
    spelt = [tokenizer.convert_ids_to_tokens(i) or "" for i in range(CONTROLS, vocabulary)]
    return torch.tensor([bool(text) and '"' not in text and "\\" not in text and "Ċ" not in text for text in spelt])
