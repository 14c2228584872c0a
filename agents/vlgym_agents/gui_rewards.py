"""Rewards of single GUI actions against a reference, for offline data: pure functions, no environment.

Source: the parts are CRAFT-GUI's as far as known (arXiv 2508.11360: rule signals on the action call and its arguments,
a model's judgement where no rule exists [R]); weights and measures are ours [O].
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from vlgym.core.actions import Action

NEAR = 0.14
"""Distance at which a missed click is worth 1/e, as a share of the screen's diagonal (ours)."""
MISS_CAP = 0.5
"""A click outside the target is worth at most this (ours)."""


@dataclass(frozen=True, slots=True)
class Target:
    """The reference for one step.

    Attributes:
        action: the reference action. Its verb is the type; its arguments are compared unless `box` or `words` is set.
        box: (left, top, right, bottom) of what a click must hit, in the unit of the action's first two arguments.
        screen: (width, height) of the screen in that unit.
        words: the arguments are texts, compared by tokens.
    """

    action: Action
    box: tuple[float, float, float, float] | None = None
    screen: tuple[float, float] = (1.0, 1.0)
    words: bool = False


@dataclass(frozen=True, slots=True)
class StepWeights:
    """Weights of the terms; they add up to 1, so the reward is in [0, 1]."""

    format: float = 0.10
    type: float = 0.25
    argument: float = 0.45
    judge: float = 0.20


def token_f1(said: str, wanted: str) -> float:
    """Return the F1 of word tokens (lower case, repeated words counted), in [0, 1]; 1 if both are empty."""
    a, b = (Counter(re.findall(r"\w+", text.lower())) for text in (said, wanted))
    if not a or not b:
        return float(a == b and said.strip() == wanted.strip())
    common = (a & b).total()
    return 2 * common / (a.total() + b.total())


def click_score(
    point: tuple[float, float], box: tuple[float, float, float, float], screen: tuple[float, float]
) -> float:
    """Return 1 inside the box; outside exp(-d / 0.14), at most 0.5, d the distance to the box in screen diagonals."""
    x, y = point
    if not (math.isfinite(x) and math.isfinite(y)):
        return 0.0
    dx = max(box[0] - x, 0.0, x - box[2])
    dy = max(box[1] - y, 0.0, y - box[3])
    distance = math.hypot(dx, dy) / math.hypot(*screen)
    return 1.0 if distance == 0 else min(math.exp(-distance / NEAR), MISS_CAP)


def argument_score(action: Action, target: Target) -> float:
    """Return how well an action's arguments match, in [0, 1], given that its verb does."""
    if target.box is not None:
        numbers = [float(a) for a in action.args[:2] if isinstance(a, (int, float)) and not isinstance(a, bool)]
        return click_score((numbers[0], numbers[1]), target.box, target.screen) if len(numbers) == 2 else 0.0
    if target.words:
        return token_f1(*(" ".join(map(str, a.args)) for a in (action, target.action)))
    return float(action.args == target.action.args)


def step_reward(
    action: Action | None, target: Target, judged: float | None = None, weights: StepWeights | None = None
) -> dict[str, float]:
    """Return the weighted terms of a step's reward; their sum is the reward, in [0, 1].

    Args:
        action: what the response parsed into; None if it is not exactly one action: then every term is 0.
        target: the reference.
        judged: a judge's score in [0, 1]; None (abstained, or not asked): its weight goes to the argument.
        weights: of the terms.
    """
    w = weights or StepWeights()
    right = action is not None and action.verb == target.action.verb
    share = w.argument + (w.judge if judged is None else 0.0)
    return {
        "format": w.format * (action is not None),
        "type": w.type * right,
        "argument": share * argument_score(action, target) if action is not None and right else 0.0,
        "judge": w.judge * judged if action is not None and judged is not None else 0.0,
    }
