"""The public contract suite: what every environment of vlgym.registry must do, one named check each.

    from vlgym.core.checks import check_env
    check_env("vlgym/WebShop-v0")        # raises AssertionError with a sentence, or returns None

A check gets a `make` function, which returns a fresh unwrapped environment for further keyword arguments.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import env_checker

from vlgym.core.env import VlgymEnv
from vlgym.core.errors import TaskError, VlgymError

Make = Callable[..., VlgymEnv]

INFO_TYPES: dict[str, type | tuple[type, ...]] = {
    "task": str,
    "success": bool,
    "score": float,
    "action_valid": bool,
    "error": str,
    "env_error": str,
    "available_actions": tuple,
}
HOSTILE: tuple[Any, ...] = (
    *(
        "",
        " ",
        "]",
        "[",
        "[]",
        "click",
        "click[",
        "\0",
        "\n",
        "💥" * 50,
        "'; drop table --",
        "__import__('os')",
        "\ud800",
    ),
    *(
        "{}[{}]",
        "click[%s]",
        "click[[[[a]]]]",
        "search[" * 500,
        "(" * 5000,
        "tap(nan, inf)",
        "A" * 1_000_000,
        "[" * 1_000_000,
    ),
    *(None, 3, 2.5, b"click[x]", ["click[x]"], {"action": "x"}),
)
ORACLE_TASKS = 6
WALK = 12


def _require(holds: object, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


def same(first: Any, second: Any) -> bool:
    """Return whether two observations or infos are equal, arrays and containers included."""
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    return bool(first == second)


def parts(observation: Any) -> Mapping[str, Any]:
    """Return an observation by its keys; one that is an array has the key ""."""
    return observation if isinstance(observation, Mapping) else {"": observation}


def walk(env: VlgymEnv, seed: int, steps: int = WALK) -> list[Any]:
    """Return what a seeded random policy sees: (observation, reward, terminated, truncated, info) from reset on."""
    policy = env.scripted_policy("random", seed)
    observation, info = env.reset(seed=seed)
    seen: list[Any] = [(observation, info)]
    for _ in range(steps):
        outcome = env.step(policy(observation, info))
        observation, info = outcome[0], outcome[4]
        seen.append(outcome)
        if outcome[2] or outcome[3]:
            break
    return seen


def gymnasium_checker(make: Make) -> None:
    """Gymnasium's own checker passes without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Its notice about environments that were not made by `gymnasium.make` does not concern us.
        warnings.filterwarnings("ignore", message=".*spec.*")
        env_checker.check_env(make(), skip_render_check=True)


def info_contract(make: Make) -> None:
    """The same info keys, of the contract's types, from reset, from a good and from a bad step."""
    env = make()
    _, info = env.reset(seed=0)
    infos = [info, env.step(env.scripted_policy("random")(env.reset(seed=0)[0], info))[4], env.step("\0")[4]]
    for found in infos:
        _require(found.keys() == info.keys(), f"info keys differ: {sorted(found.keys() ^ info.keys())}.")
        for key, kind in INFO_TYPES.items():
            _require(isinstance(found.get(key), kind), f"info[{key!r}] is {found.get(key)!r}, not {kind}.")
        _require(0.0 <= found["score"] <= 1.0, f"score {found['score']} is outside of [0, 1].")


def determinism(make: Make) -> None:
    """Two copies with the same seeds and actions see the same; the same (task, seed) is the same initial state."""
    first, second = make(), make()
    for seed in range(3):
        for one, two in zip(walk(first, seed), walk(second, seed), strict=True):
            _require(all(same(a, b) for a, b in zip(one, two, strict=True)), f"Copies differ under seed {seed}.")
    task = first.tasks.ids()[0]
    starts = [env.reset(seed=5, options={"task": task}) for env in (first, second, first)]
    equal = all(same(start[0], starts[0][0]) and same(start[1], starts[0][1]) for start in starts)
    _require(equal, f"Initial states of task {task} under the same seed differ.")


def spaces_hold(make: Make) -> None:
    """Every observation of some walks lies in the observation space, and is not changed by later steps."""
    env = make()
    for seed in range(3):
        seen = walk(env, seed)
        for outcome in seen:
            _require(
                env.observation_space.contains(outcome[0]), f"An observation is outside of {env.observation_space}."
            )
        _require(same(seen[0][0], make().reset(seed=seed)[0]), "A later step changed an earlier observation.")


def bad_actions(make: Make) -> None:
    """Hostile actions never raise, change nothing and are explained in info["error"]."""
    env = make(max_steps=10 * len(HOSTILE))
    before, info = env.reset(seed=1)
    for action in HOSTILE:
        observation, reward, terminated, truncated, info = env.step(action)
        shown = repr(action)[:40]
        _require(info["error"] and not info["action_valid"], f"{shown} was not called invalid.")
        _require(len(info["error"]) < 1000, f"The error for {shown} is {len(info['error'])} characters long.")
        _require((reward, terminated, truncated) == (0.0, False, False), f"{shown} did something.")
        _require(same(observation, before), f"{shown} changed the observation.")


def episode_ends(make: Make) -> None:
    """max_steps truncates, unless the episode has terminated."""
    env = make(max_steps=3)
    env.reset(seed=0)
    ends = [env.step("\0")[2:4] for _ in range(3)]
    _require(ends == [(False, False), (False, False), (False, True)], f"Ends of 3 idle steps with max_steps=3: {ends}.")


def clear_errors(make: Make) -> None:
    """Unknown tasks, splits and options raise one sentence that names a near one; a step before reset says so."""
    env = make()
    known = env.tasks.ids()[0]
    for options, words in (
        ({"task": known[:-1] + "_"}, ("Unknown task", "'")),
        ({"task": "no such task"}, ("Unknown task",)),
        ({"split": "tset"}, ("Unknown split", "'test'")),
        ({"tsak": known}, ("Unknown reset option", "'task'")),
    ):
        try:
            env.reset(seed=0, options=options)
        except TaskError as error:
            _require(all(word in str(error) for word in words), f"The error for {options} is not helpful: {error}")
        else:
            raise AssertionError(f"reset(options={options}) raised nothing.")
    try:
        make().step("x")
    except VlgymError as error:
        _require("reset" in str(error), f"The error of a step before reset does not name reset: {error}")
    else:
        raise AssertionError("A step before reset raised nothing.")


def tasks_split(make: Make) -> None:
    """train, dev and test exist, are disjoint and not empty, and each task says its own id, split and difficulty."""
    env = make()
    seen: set[str] = set()
    for split in ("train", "dev", "test"):
        ids = list(env.tasks.ids(split))
        _require(ids and seen.isdisjoint(ids) and len(set(ids)) == len(ids), f"Split {split} is empty or overlaps.")
        seen.update(ids)
        for task in (env.tasks[ids[0]], env.tasks[ids[-1]]):
            _require(
                task.split == split and task.instruction and task.difficulty >= 1, f"{task} does not fit its split."
            )
            _require(env.tasks[task.id] == task, f"Task {task.id} is not found under its id.")
    _require(len(env.tasks) == len(seen), f"len(tasks) is {len(env.tasks)}, splits have {len(seen)}.")


def oracle_solves(make: Make) -> None:
    """The oracle succeeds on every task it claims (some test tasks), through valid public actions; random does not."""
    env, wins = make(), {"oracle": 0, "random": 0}
    if "oracle" not in env.scripted:  # a wrapped suite that ships no expert
        return
    tasks = [task for task in env.tasks.ids("test")[:200] if env.oracle_claims(task)][:ORACLE_TASKS]
    _require(len(tasks) >= min(ORACLE_TASKS, len(env.tasks.ids("test"))) / 2, "The oracle claims hardly any task.")
    for name in wins:
        for number, task in enumerate(tasks):
            policy = env.scripted_policy(name, number)
            observation, info = env.reset(seed=number, options={"task": task})
            ended = False
            while not ended:
                observation, _, terminated, truncated, info = env.step(policy(observation, info))
                ended = terminated or truncated
                _require(info["action_valid"] or name != "oracle", f"The oracle's action was refused: {info['error']}")
            wins[name] += info["success"]
    _require(wins["oracle"] == len(tasks), f"The oracle solved {wins['oracle']} of {len(tasks)} claimed tasks.")
    _require(wins["random"] < len(tasks), "A random policy solves everything: the tasks test nothing.")


def snapshots(make: Make) -> None:
    """A snapshot taken anywhere, restored in another copy, goes on as the original does."""
    env, other = make(), make()
    if not hasattr(env, "snapshot"):
        return
    policy = env.scripted_policy("random", 3)
    observation, info = env.reset(seed=3)
    for _ in range(WALK):
        copied = other.restore(env.snapshot())  # type: ignore[attr-defined]
        _require(same(copied[0], observation), "The restored observation differs.")
        action = policy(observation, info)
        outcome, again = env.step(action), other.step(action)
        assert all(same(a, b) for a, b in zip(outcome, again, strict=True)), (
            f"After {action} the restored copy differs."
        )
        observation, info = outcome[0], outcome[4]
        if outcome[2] or outcome[3]:
            break
    _require(same(env.reset()[0], other.reset()[0]), "The next random task differs after restore.")


def native_mode(make: Make) -> None:
    """action_mode="native" has a Gymnasium space whose samples never raise."""
    env = make(action_mode="native")
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(50):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
    gymnasium_checker(functools.partial(make, action_mode="native"))


def threads(make: Make) -> None:
    """Environments in several threads see what they see alone."""
    alone = [walk(make(), seed) for seed in range(4)]
    found: list[Any] = [None] * 4

    def run(seed: int) -> None:
        found[seed] = walk(make(), seed)

    workers = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for seed in range(4):
        _require(len(alone[seed]) == len(found[seed] or []), f"The thread with seed {seed} failed or ended early.")
        for one, two in zip(alone[seed], found[seed]):
            _require(all(same(a, b) for a, b in zip(one, two)), f"Seed {seed} differs in a thread.")


def processes(make: Make) -> None:
    """AsyncVectorEnv works with fork and with spawn and shows what one environment shows."""
    alone = make().reset(seed=11)[0]
    for context in ("fork", "spawn"):
        vector = gym.vector.AsyncVectorEnv([make, make], context=context)
        try:
            observations, _ = vector.reset(seed=[11, 12])
            for key, value in parts(alone).items():
                assert same(np.asarray(parts(observations)[key][0]), np.asarray(value)), (
                    f"{key or 'The observation'} differs in a {context} worker."
                )
            _, rewards, _, _, infos = vector.step(("\0", "\0"))
            _require(
                not rewards.any() and not infos["action_valid"].any(), f"A bad action did something under {context}."
            )
        finally:
            vector.close()


CHECKS: tuple[Callable[[Make], None], ...] = (
    *(gymnasium_checker, info_contract, determinism, spaces_hold, bad_actions, episode_ends, clear_errors),
    *(tasks_split, oracle_solves, snapshots, native_mode, threads, processes),
)


def make_unwrapped(env_id: str, **kwargs: Any) -> VlgymEnv:
    """Return a fresh environment without Gymnasium's wrappers (a module-level function: spawned workers can import
    it)."""
    env = gym.make(env_id, disable_env_checker=True, **kwargs).unwrapped
    if not isinstance(env, VlgymEnv):
        raise AssertionError(f"{env_id} is not a VlgymEnv.")
    return env


def check_env(env_id: str, **kwargs: Any) -> None:
    """Run the whole suite on an id of the registry.

    Raises:
        AssertionError: a check failed; the sentence says what was expected.
    """
    make = functools.partial(make_unwrapped, env_id, **kwargs)
    for check in CHECKS:
        check(make)
