"""A native batch of phones."""

from __future__ import annotations

from vlgym.android.env import AndroidEnv
from vlgym.core.vector import BatchEnv


class AndroidVectorEnv(BatchEnv):
    """`num_envs` phones in lock-step, reached by ``gymnasium.make_vec("vlgym/Android-v0", num_envs=N)``."""

    env_class = AndroidEnv
