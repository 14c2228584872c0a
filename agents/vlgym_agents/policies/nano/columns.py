"""From places and pointer scores to the processed distribution: the one path that sampler and scorer share.

Columns are the ids that can occur: control ids, then the turn's pointers, then (only where some row may write free
text) BPE ids. Id and column of a token differ, its log-prob does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vlgym_agents.policies import sampling as processed
from vlgym_agents.policies.nano.grammar import Options
from vlgym_agents.policies.nano.model import NanoForImageTextToText
from vlgym_agents.policies.nano.tokenizer import CONTROLS
from vlgym_agents.policy import Sampling

_NOTHING_MORE = processed.Suppression(torch.zeros(()), torch.zeros(()))


class Columns:
    """Turns hidden states and pointer scores into log-probs over columns, and columns into ids."""

    def __init__(self, module: NanoForImageTextToText, writable: torch.Tensor) -> None:
        """`writable`: bool [V - CONTROLS], BPE ids that free text may contain."""
        self.module = module
        self.writable = writable

    def logprobs(
        self, hidden: torch.Tensor, pointers: torch.Tensor, choices: Sequence[Options], sampling: Sampling
    ) -> torch.Tensor:
        """Return processed log-probs, float [N, columns].

        Args:
            hidden: float [N, d] at the places whose next token is asked for.
            pointers: float [N, K] pointer scores there.
            choices: what may come next, per row.
            sampling: temperature; the token counts are already in `choices`.
        """
        k = pointers.shape[1]
        logits = [self.module.heads.say(hidden), pointers]
        text = torch.tensor([choice.text for choice in choices])
        may = torch.from_numpy(_allowed(choices, k))
        if bool(text.any()):
            logits.append(self.module.text_logits(hidden))
            may = torch.cat([may, text[:, None] & self.writable], 1)
        masked = torch.cat(logits, 1).masked_fill(~may.to(hidden.device), -torch.inf)
        return processed.process(masked, sampling, _NOTHING_MORE)

    def ids(self, columns: Sequence[int], k: int) -> list[int]:
        """Return the ids of columns, with `k` pointer columns."""
        vocabulary = self.module.config.vocab_size
        return [
            c if c < CONTROLS else vocabulary + c - CONTROLS if c < CONTROLS + k else c - k for c in map(int, columns)
        ]

    def columns(self, ids: Sequence[int], k: int) -> list[int]:
        """Return the columns of ids; the inverse of `ids`."""
        vocabulary = self.module.config.vocab_size
        return [i if i < CONTROLS else CONTROLS + i - vocabulary if i >= vocabulary else i + k for i in map(int, ids)]


def _allowed(choices: Sequence[Options], k: int) -> np.ndarray:
    """Return bool [N, CONTROLS + k]."""
    may = np.zeros((len(choices), CONTROLS + k), bool)
    for row, choice in zip(may, choices):
        row[list(choice.control)] = True
        row[CONTROLS + choice.low : CONTROLS + choice.high] = True
    return may
