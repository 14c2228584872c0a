"""Warm start of one environment family: the general weights imitate a few episodes of the family's own oracle.

    python -m vlgym_agents.policies.nano.warmstart --env vlgym/WebShop-v0 --demos 30 --out envs_assets/nano-webshop

The start is meant to be weak: it should know the moves of the family and leave the rest to reinforcement learning.
"""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from vlgym_agents.evaluate import Plan, evaluate
from vlgym_agents.imitate import Imitation, demonstrations, imitate
from vlgym_agents.policies.nano import NanoPolicy, load
from vlgym_agents.policies.nano.cards import write_family
from vlgym_agents.policies.nano.grounding import Lessons, practise, screens
from vlgym_agents.policy import Sampling
from vlgym_agents.pool import EnvSpec, make_pool
from vlgym_agents.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Start:
    """How to make a warm start.

    Attributes:
        env: Gymnasium id.  env_kwargs: of the environment.
        demos: oracle episodes, of the training split.  epochs: passes over them.  lr: peak learning rate.
        seed: of the episodes and their order.  window: turns the policy sees; 0: all.
        tokens: sampled tokens of an optimiser step, about.
        ground: optimiser steps of lessons in finding names on the environment's pictures before imitation; the lessons
            then go on beside it. 0: none.
    """

    env: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    demos: int = 30
    epochs: int = 6
    lr: float = 1e-3
    seed: int = 0
    window: int = 0
    tokens: int = 256
    ground: int = 0


def warm_start(policy: NanoPolicy, start: Start) -> dict[str, float]:
    """Practise and imitate, in place; return `imitate`'s figures and the number of demonstrations."""
    found = demonstrations(
        start.env, start.demos, start.seed, policy=policy, env_kwargs=start.env_kwargs, window=start.window
    )
    figures: dict[str, float] = {"demonstrations": float(len(found))}
    how = Imitation(epochs=start.epochs, lr=start.lr, seed=start.seed, tokens=start.tokens, window=start.window)
    policy.module.train()
    if start.ground:
        seen = screens(start.env, start.env_kwargs, min(start.demos, 200), start.seed)
        lessons = Lessons(policy, seen, start.seed)
        figures["lessons_loss"] = practise(policy, lessons, start.ground)
        how = replace(how, rehearse=lambda: lessons.loss(16))
    figures |= imitate(policy, found, how)
    policy.module.eval()
    return figures


def success(policy: NanoPolicy, start: Start, episodes: int, *, greedy: bool) -> dict[str, Any]:
    """Return success and score (mean and 95 % interval) on the test split."""
    spec = EnvSpec(start.env, dict(start.env_kwargs))
    with contextlib.closing(spec.make()) as env:
        tasks = env.unwrapped.tasks
        with contextlib.closing(make_pool(spec, 16, workers=0)) as pool:
            rollout = Rollout(sampling=Sampling(greedy=greedy, max_tokens=64), batch=16, window=start.window)
            result, _ = evaluate(policy, pool, tasks, Plan("test", "test", episodes), rollout)
    return {key: result[key] for key in ("success", "score", "turns", "invalid", "seconds")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    default = Start("")
    parser = argparse.ArgumentParser(prog="python -m vlgym_agents.policies.nano.warmstart", description=__doc__)
    parser.add_argument("--env", required=True, help="Gymnasium id, such as vlgym/WebShop-v0")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the weights to")
    parser.add_argument("--model", default="nano", help="weights to start from (default: the general ones)")
    parser.add_argument(
        "--env-kwargs", type=json.loads, default={}, help='JSON, such as {"catalogue": "synthetic:500"}'
    )
    parser.add_argument("--demos", type=int, default=default.demos, help="oracle episodes (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=default.epochs, help="passes over them (default %(default)s)")
    parser.add_argument("--lr", type=float, default=default.lr, help="peak learning rate (default %(default)s)")
    parser.add_argument("--window", type=int, default=default.window, help="turns the policy sees; 0: all (default)")
    parser.add_argument("--tokens", type=int, default=default.tokens, help="of an optimiser step (default %(default)s)")
    parser.add_argument("--ground", type=int, default=0, help="steps of lessons in finding names on pictures; 0: none")
    parser.add_argument("--max-cells", type=int, default=0, help="image cells kept (default: as those weights)")
    parser.add_argument("--grid-rows", type=int, default=0, help="rows of image cells (default: as those weights)")
    parser.add_argument("--thin", action="store_true", help="keep one image cell or two of each word")
    parser.add_argument("--seed", type=int, default=default.seed, help="(default %(default)s)")
    parser.add_argument("--episodes", type=int, default=200, help="test episodes to measure on; 0: none (default 200)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="torch threads")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    start = Start(
        options.env,
        options.env_kwargs,
        options.demos,
        options.epochs,
        options.lr,
        options.seed,
        options.window,
        options.tokens,
        options.ground,
    )
    policy = load(options.model, max_cells=options.max_cells, grid_rows=options.grid_rows, thin=options.thin)
    figures: dict[str, Any] = warm_start(policy, start)
    policy.save(options.out, half=True)
    if options.episodes:
        shipped = load(options.out)
        figures["greedy"] = success(shipped, start, options.episodes, greedy=True)
        figures["sampled"] = success(shipped, start, options.episodes, greedy=False)
    record = {"start": asdict(start), "figures": figures}
    (options.out / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    command = f"python -m vlgym_agents.policies.nano.warmstart --env {start.env} --out {options.out}"
    command += f" --demos {start.demos} --epochs {start.epochs} --lr {start.lr}"
    for name in ("seed", "window", "tokens", "ground", "max_cells", "grid_rows"):
        value = getattr(options, name)
        command += f" --{name.replace('_', '-')} {value}" if value != parser.get_default(name) else ""
    command += " --thin" if options.thin else ""
    if start.env_kwargs:
        command += f" --env-kwargs '{json.dumps(start.env_kwargs)}'"
    size = sum(p.numel() for p in policy.module.parameters())
    write_family(options.out, size, command, asdict(start), figures)
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
