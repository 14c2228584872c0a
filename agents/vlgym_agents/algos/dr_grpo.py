"""Dr. GRPO: GRPO without its two biases, the division by the group's deviation and by the length of a response.

Advantages are returns minus their group's mean; token losses are summed, and divided by a constant instead of the
episode's length. The paper's constant is the token budget of a response. Ours is 1024, the size of a budget: under
AdamW its value matters only through the cut of the gradient norm [O].
"""

from dataclasses import replace

from vlgym_agents.algos import grpo

RECIPE = replace(
    grpo.RECIPE,
    name="dr-grpo",
    summary="GRPO without the division by deviation and length",
    source="arXiv 2503.20783 section 3.2",
    preset={
        "algo.norm": "mean",
        "algo.aggregation": "constant",
        "algo.constant_length": 1024,
        "algo.clip_high": 0.2,
        "algo.dual_clip": 0.0,
    },
)
