"""A native batch of desks."""

from __future__ import annotations

from vlgym.core.vector import BatchEnv
from vlgym.desk.env import DeskEnv


class DeskVectorEnv(BatchEnv):
    """`num_envs` desks in lock-step, reached by ``gymnasium.make_vec("vlgym/Desk-v0", num_envs=N)``."""

    env_class = DeskEnv
