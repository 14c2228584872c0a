"""GSPO: one importance ratio per sequence, the geometric mean of its tokens' ratios, clipped in a narrow band.

A sequence is a training row: the whole episode where the policy sees it whole (rollout.window 0), one response where it
sees one turn (rollout.window 1). The published method has a response per sequence; over a whole episode the ratio also
averages over turns [O]. The widths are the paper's [C]; with one optimiser step per rollout batch they do nothing.
"""

from dataclasses import replace

from vlgym_agents.algos import grpo

RECIPE = replace(
    grpo.RECIPE,
    name="gspo",
    summary="GRPO with one importance ratio per sequence",
    source="arXiv 2507.18071 sections 4.1 and 5.1",
    preset={
        "algo.ratio": "sequence",
        "algo.clip_low": 3e-4,
        "algo.clip_high": 4e-4,
        "algo.dual_clip": 0.0,
        "algo.aggregation": "sequence_mean",
    },
)
