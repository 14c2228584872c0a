"""Pools: equal replies whatever the workers, accidents become errors, nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from toy_run import BANDIT, TWO_TURNS

from vlgym_agents.pool import Command, EnvSpec, ProcessPool, ThreadPool, make_pool


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def reset(slot: int, task: str = "t1", seed: int = 3) -> Command:
    return Command(slot, "reset", task=task, seed=seed)


def facts(reply):
    return (
        dict(reply.observation),
        reply.reward,
        reply.terminated,
        reply.truncated,
        reply.info.get("success"),
        reply.error,
    )


def play(pool):
    seen = [pool.run([reset(s, f"t{s}", s) for s in range(pool.size)])]
    for _ in range(2):
        seen.append(pool.run([Command(s, "step", "pick[1]") for s in reversed(range(pool.size))]))
    return [[facts(reply) for reply in round] for round in seen]


def test_threads_and_processes_reply_alike():
    spec = EnvSpec(TWO_TURNS)
    with (
        contextlib.closing(ThreadPool(spec, 5)) as threads,
        contextlib.closing(make_pool(spec, 5, workers=2)) as workers,
    ):
        assert isinstance(workers, ProcessPool)
        pids = workers.pids
        assert play(threads) == play(workers)
    assert not any(alive(pid) for pid in pids)


def test_steps_run_concurrently():
    """Eight steps that wait for one another would never end one by one."""
    import threading

    import gymnasium as gym

    barrier = threading.Barrier(8, timeout=30)

    class Together(gym.Env):
        def reset(self, **_):
            return {}, {}

        def step(self, action):
            barrier.wait()
            return {}, 0.0, True, False, {}

    gym.register("toys/Together-v0", Together)
    with contextlib.closing(ThreadPool(EnvSpec("toys/Together-v0"), 8)) as pool:
        pool.run([reset(s) for s in range(8)])
        assert all(not reply.error for reply in pool.run([Command(s, "step", "") for s in range(8)]))


@pytest.mark.parametrize("accident", ["error", "backend"])
def test_exceptions_become_errors(tmp_path, accident):
    fuse = tmp_path / "fuse"
    with contextlib.closing(ThreadPool(EnvSpec(BANDIT, {"accident": accident, "fuse": str(fuse)}), 2)) as pool:
        pool.run([reset(0), reset(1)])
        fuse.touch()
        broken = pool.run([Command(0, "step", "pick[5]")])[0]
        assert "the toy broke" in broken.error
        if accident == "error":
            assert "restarted" in pool.run([Command(0, "step", "pick[5]")])[0].error  # not silently another episode
        pool.run([reset(0)])
        assert [r.reward for r in pool.run([Command(0, "step", "pick[5]"), Command(1, "step", "pick[1]")])] == [
            1.0,
            0.1,
        ]


def test_hanging_environment_is_given_up(tmp_path):
    fuse = tmp_path / "fuse"
    spec = EnvSpec(BANDIT, {"accident": "hang", "fuse": str(fuse)})
    with contextlib.closing(ThreadPool(spec, 2, timeout=1.0)) as pool:
        pool.run([reset(0), reset(1)])
        fuse.touch()
        late = pool.run([Command(0, "step", "pick[5]")])[0]
        assert "did not answer within 1 s" in late.error
        assert not pool.run([reset(0)])[0].error


def test_killed_worker_costs_its_own_slots_only(tmp_path):
    with contextlib.closing(ProcessPool(EnvSpec(BANDIT), 4, workers=2)) as pool:
        pool.run([reset(s) for s in range(4)])
        victim = pool.pids[1]
        os.kill(victim, signal.SIGKILL)
        replies = pool.run([Command(s, "step", "pick[5]") for s in range(4)])
        assert [bool(r.error) for r in replies] == [False, True, False, True]
        assert "died (exit code -9)" in replies[1].error
        assert not any(r.error for r in pool.run([reset(s) for s in range(4)]))
        assert [r.reward for r in pool.run([Command(s, "step", "pick[5]") for s in range(4)])] == [1.0] * 4
        assert pool.restarts == 1
        pids = pool.pids
    assert not any(alive(pid) for pid in (*pids, victim))


def test_workers_end_when_their_owner_is_killed():
    import subprocess
    import sys

    code = (
        "import toy_envs, time\n"
        "from vlgym_agents.pool import *\n"
        f"pool = ProcessPool(EnvSpec({BANDIT!r}), 2, 2)\n"
        "pool.run([Command(s, 'reset', task='t1') for s in range(2)])\n"
        "print(*pool.pids, flush=True)\n"
        "time.sleep(600)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=env) as owner:
        pids = [int(word) for word in owner.stdout.readline().split()]
        owner.kill()
    assert len(pids) == 2
    for _ in range(100):
        if not any(alive(pid) for pid in pids):
            return
        time.sleep(0.1)
    pytest.fail("workers outlived their owner")


def test_scripted_episode():
    with contextlib.closing(ThreadPool(EnvSpec(TWO_TURNS), 1)) as pool:
        reply = pool.run([Command(0, "script", "oracle", "t1", 5)])[0]
        assert len(reply.steps) == 3
        assert reply.steps[-1].info["success"]
        assert reply.steps[1].action == f"pick[{reply.steps[0].observation['text']}]"


def test_a_worker_that_cannot_start_is_one_sentence(monkeypatch, capfd):
    from vlgym_agents import pool

    monkeypatch.setattr(pool, "_work", os.getcwd)  # takes no arguments: the process ends with a TypeError
    with (
        contextlib.closing(ProcessPool(EnvSpec(BANDIT), 2, 1)) as broken,
        pytest.raises(pool.PoolError, match="could not start"),
    ):
        broken.run([reset(0)])
