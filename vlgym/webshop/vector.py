"""A native batch of WebShop environments: shared catalogue and pages, a few kilobytes for each further environment."""

from __future__ import annotations

from vlgym.core.vector import BatchEnv
from vlgym.webshop.env import WebShopEnv


class WebShopVectorEnv(BatchEnv):
    """`num_envs` shops in lock-step, reached by ``gymnasium.make_vec("vlgym/WebShop-v0", num_envs=N)``."""

    env_class = WebShopEnv
