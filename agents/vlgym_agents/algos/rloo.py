"""RLOO: the return of an episode minus the mean return of the other episodes of its group; no division by a deviation.

That baseline does not depend on the episode it is subtracted from, so the gradient is unbiased. Of GRPO's parts only
the advantage differs. The paper's estimator is REINFORCE, without ratio or clip: with one optimiser step per rollout
batch the ratio is 1 and the clip does nothing; with more it stays, as in the released trainers [O]. `--preset
rloo-faithful` also sums over tokens, as the paper does.
"""

from dataclasses import replace

from vlgym_agents.algos import grpo

RECIPE = replace(
    grpo.RECIPE,
    name="rloo",
    summary="GRPO with a leave-one-out baseline and no division by the deviation",
    source="arXiv 2402.14740 section 2.3",
    preset={"algo.norm": "rloo", "algo.clip_high": 0.2, "algo.dual_clip": 0.0},
)
