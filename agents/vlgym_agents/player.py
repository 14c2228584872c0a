"""A trained run as a player of `vlgym-rollout`, named by the entry point group `vlgym.policies` of pyproject.toml.

An episode is played turn by turn as `rollout.collect` plays it, and its randomness is derived from the key that
`vlgym-eval` uses, so both commands play the same episodes. Only the environment's own limits end an episode here: the
options rollout.max_turns and rollout.end_unparsable belong to training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlgym.core.errors import require

if TYPE_CHECKING:
    from vlgym.rollout.episode import Act, Player, Request


def load(folder: str, env: Any) -> Player | None:
    """Return the player of a run folder's last checkpoint, or None if this is no run folder.

    Raises:
        MissingDependencyError: torch is absent.
        VlgymError: the run cannot be read.
    """
    if not (Path(folder) / "config.json").is_file():
        return None
    require("torch", extra="train", purpose="Playing from a run folder")
    import torch

    from vlgym_agents import registry
    from vlgym_agents.cli import saved_options, trained_policy
    from vlgym_agents.options import resolve
    from vlgym_agents.policy import Sampling
    from vlgym_agents.recipe import Setting

    torch.set_num_threads(1)  # players run side by side, one a process
    config = resolve([("resumed run", saved_options(Path(folder)))])
    policy, r = trained_policy(config, env, Path(folder)), config.rollout
    sampling = Sampling(r.temperature, False, r.max_tokens, r.min_tokens)
    setting = Setting(env.unwrapped.tasks, "test", policy, sampling, window=r.window)
    observe = registry.recipe(config.run.algo).build(config.algo, setting).observe
    return lambda request: _act(policy, sampling, r.window, observe, request)


def _act(policy: Any, sampling: Any, window: int, observe: Any, request: Request) -> Act:
    """Return the policy of one episode; `window` turns are its context, 0: all."""
    import numpy as np

    from vlgym.rollout.episode import Move
    from vlgym_agents.evaluate import EPISODE, EVALUATION
    from vlgym_agents.rollout import OBSERVE, context, generator
    from vlgym_agents.types import Turn

    key = (EVALUATION, EPISODE, request.plan, request.index)
    random, session, past = generator(*key), policy.session(1), list[Turn]()
    show = observe(request.task, generator(*key, OBSERVE)) if observe is not None else None

    def act(observation: Mapping[str, Any], info: Mapping[str, Any]) -> Move:
        seen = (observation, info) if show is None else show(observation, info)
        chunk = policy.encode(*seen, first=window == 1 or not past)
        opening = None if window < 2 else chunk if not past else policy.encode(*seen, first=True)
        if window and len(past) >= window:  # until then the context only grows
            session.free(0)
            if window > 1:
                session.load(0, *context(past, window - 1))
        sample = session.act([0], [chunk], [random], sampling)[0]
        past.append(Turn(chunk, sample.ids, np.empty(0, np.float32), sample.text, sample.action, opening=opening))
        return Move(sample.action, sample.text)

    return act
