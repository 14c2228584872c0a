"""DAPO: GRPO with a wider upper clip, a mean over tokens, groups that rank their members only, and a price on length.

The first two are GRPO's defaults here; dynamic sampling is switched on. Soft overlong punishment (section 3.4) is an
option: its buffer depends on the token limit of a response. It is the paper's per response, and its mean over the turns
of an episode [O]. `algo.mask_truncated` is the paper's other remedy, overlong filtering, on episodes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vlgym_agents.algos import grpo
from vlgym_agents.recipe import Parts, RecipeError, Setting
from vlgym_agents.schema import at_least
from vlgym_agents.types import Trace


@dataclass(frozen=True)
class DapoOptions(grpo.GrpoOptions):
    """GRPO's options, and the price on length."""

    overlong_buffer: int = 0
    """last tokens before rollout.max_tokens over which a response's price rises from 0 to 1; 0: no price (DAPO section
    3.4, eq. 13: 4096 of 20480)"""

    def __post_init__(self) -> None:
        """Refuse a negative buffer."""
        grpo.GrpoOptions.__post_init__(self)
        at_least(self, overlong_buffer=0)


def overlong(trace: Trace, limit: int, buffer: int) -> float:
    """Return the price on length of an episode, in [0, 1]: the mean over its responses (DAPO eq. 13, sign turned)."""
    lengths = np.array([len(turn.ids) for turn in trace.turns], np.float64)
    return float(np.clip((lengths - (limit - buffer)) / buffer, 0.0, 1.0).mean())


def build(options: DapoOptions, setting: Setting) -> Parts:
    """Compose DAPO: GRPO, with one more reward term where the buffer asks for it."""
    parts, limit, buffer = grpo.build(options, setting), setting.sampling.max_tokens, options.overlong_buffer
    if not buffer:
        return parts
    if buffer > limit:
        raise RecipeError(f"algo.overlong_buffer must be at most rollout.max_tokens = {limit}, got {buffer}.")
    return replace(parts, rewards={**parts.rewards, "overlong": lambda trace: -overlong(trace, limit, buffer)})


RECIPE = replace(
    grpo.RECIPE,
    name="dapo",
    summary="GRPO with a wider upper clip, a token mean, dynamic sampling and a price on length",
    source="arXiv 2503.14476 sections 3.1 to 3.4",
    options=DapoOptions,
    build=build,
    preset={
        "algo.dynamic_sampling": True,
        "algo.clip_low": 0.2,
        "algo.clip_high": 0.28,
        "algo.dual_clip": 0.0,
        "algo.aggregation": "token_mean",
    },
)
