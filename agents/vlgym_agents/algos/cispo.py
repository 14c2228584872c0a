"""CISPO: the importance ratio is a weight without gradient, cut from above; no token's gradient is ever dropped.

A clipped surrogate silences the tokens whose ratio left the band; here they keep the gradient of their log-prob, times
at most 1 + clip_high. The paper does not publish its width; a cut at 5 is what TRL recommends after ScaleRL (arXiv
2510.13786) [R].
"""

from dataclasses import replace

from vlgym_agents.algos import grpo

RECIPE = replace(
    grpo.RECIPE,
    name="cispo",
    summary="GRPO with a clipped importance weight in place of the clipped surrogate",
    source="arXiv 2506.13585 section 3.1, eq. 4 and 5",
    preset={"algo.ratio": "cispo", "algo.clip_high": 4.0, "algo.aggregation": "token_mean"},
)
