"""A native batch of arms that are told what to do in words."""

from __future__ import annotations

from vlgym.core.vector import BatchEnv
from vlgym.manipulation.env import ArmEnv


class ArmWordsVectorEnv(BatchEnv):
    """`num_envs` arms in lock-step: ``gymnasium.make_vec("vlgym/PickPlace-v0", num_envs=N)``.

    An action takes a second or more; for control at 20 Hz see `vlgym.manipulation.vector.ArmVectorEnv`.
    """

    env_class = ArmEnv
