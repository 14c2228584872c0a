"""Processes that play episodes. One that dies or hangs is replaced and its episode tried once more.

Nothing here depends on which worker is faster but the order in which episodes come back. Workers end with their owner,
however that ends: each stops when its pipe closes.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from vlgym.core.errors import MissingDependencyError, VlgymError
from vlgym.rollout.episode import Episode, PolicyError, Request, play
from vlgym.rollout.policies import PolicySpec

START_TIMEOUT = 300.0
"""Seconds a worker may take until its environment and policy are made."""
GRACE = 2.0
"""Seconds workers get to close their environments when the run is stopped."""


class WorkerError(VlgymError, RuntimeError):
    """The run cannot go on: workers cannot start, or what they need is absent."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker plays: an environment's id and options, and a policy."""

    env: str
    policy: PolicySpec
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        """Return a new environment."""
        import gymnasium

        import vlgym  # noqa: F401  (registers the ids)

        return gymnasium.make(self.env, disable_env_checker=True, **dict(self.kwargs))


# ---------------------------------------------------------------------- the worker's side


def _serve(connection: Connection, job: Job) -> None:
    """Body of a worker: play requests until None comes or the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides what happens
    signal.signal(signal.SIGTERM, _leave)
    env: Any = None
    try:
        env = job.make()
        player = job.policy.bind(env)
        connection.send("ready")
        while (request := connection.recv()) is not None:
            connection.send(play(env, player, request, lambda: connection.send("beat")))
    except (PolicyError, MissingDependencyError) as error:
        with contextlib.suppress(OSError):
            connection.send(WorkerError(str(error)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the owner is gone
    finally:
        with contextlib.suppress(Exception):
            if env is not None:
                env.close()


def _leave(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


# ---------------------------------------------------------------------- the owner's side


class _Worker:
    """A worker process, the request it plays and the moment by which it must show life."""

    def __init__(self, job: Job) -> None:
        context = mp.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, job), daemon=True, name="vlgym-rollout")
        self.process.start()
        theirs.close()
        self.ready = False
        self.request: Request | None = None
        self.retries = 0
        self.deadline = time.monotonic() + START_TIMEOUT

    def fate(self) -> str:
        """Return how the process ended, in words."""
        self.process.join(2.0)
        code = self.process.exitcode
        if code == -signal.SIGKILL:
            return "was killed by the system (signal 9), most often for want of memory: give it more, or fewer workers"
        return f"ended with exit status {code}; its own message is above" if code != 0 else "ended"

    def end(self, patience: float) -> None:
        """End the process: by itself within `patience` seconds, else by force."""
        self.connection.close()
        self.process.join(patience)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Workers:
    """`number` processes that play a job.

    Args:
        job: the environment and the policy.
        number: how many.
        timeout: seconds one step or reset, policy included, may take.
        retries: new attempts of an episode that the machinery spoilt.
        stop: file descriptor that becomes readable when the run shall end, or None.
    """

    def __init__(self, job: Job, number: int, *, timeout: float, retries: int = 1, stop: int | None = None) -> None:
        self.job, self.timeout, self.retries, self.stop = job, timeout, retries, stop
        self._workers = [_Worker(job) for _ in range(number)]
        self._stillborn = 0
        self.began: float | None = None
        """`time.perf_counter()` when the first worker was ready to play."""

    def run(self, requests: Sequence[Request]) -> Iterator[Episode]:
        """Yield every episode as it ends, attempts that the machinery spoilt included; return early when stopped.

        Raises:
            WorkerError: the run cannot go on.
        """
        todo = deque((request, self.retries) for request in requests)
        while True:
            for worker in self._workers:
                if worker.ready and worker.request is None and todo:
                    worker.request, worker.retries = todo.popleft()
                    worker.deadline = time.monotonic() + self.timeout
                    with contextlib.suppress(OSError):  # a dead worker is noticed where its answer is awaited
                        worker.connection.send(worker.request)
            if not todo and all(worker.request is None for worker in self._workers):
                return
            messages = self._wait()
            if messages is None:
                return
            for speaker, message in messages:
                episode = self._take(speaker, message)
                if episode is None:
                    continue
                request, speaker.request = speaker.request, None
                assert request is not None
                if episode.env_error and speaker.retries:
                    todo.appendleft((request, speaker.retries - 1))
                yield episode

    def _wait(self) -> list[tuple[_Worker, Any]] | None:
        """Return (worker, message) of those that have something to say, None if the run shall end.

        The message of a dead or late worker is a sentence about it.
        """
        busy = [worker for worker in self._workers if worker.request is not None or not worker.ready]
        places: dict[Any, _Worker] = {worker.connection: worker for worker in busy}
        soonest = min(worker.deadline for worker in busy)
        watched = [*places, *([] if self.stop is None else [self.stop])]
        found = wait(watched, timeout=max(soonest - time.monotonic(), 0.0))
        if self.stop is not None and self.stop in found:
            return None
        messages: list[tuple[_Worker, Any]] = []
        for connection in found:
            try:
                messages.append((places[connection], places[connection].connection.recv()))
            except (EOFError, OSError):
                messages.append((places[connection], f"The worker {places[connection].fate()}."))
        late = [worker for worker in busy if worker.connection not in found and worker.deadline < time.monotonic()]
        return messages + [(worker, f"The worker did not answer within {self.timeout:g} s.") for worker in late]

    def _take(self, worker: _Worker, message: Any) -> Episode | None:
        """Apply a message; return the episode it ends, if any."""
        if isinstance(message, WorkerError):
            raise message
        if message == "ready":
            worker.ready, self._stillborn = True, 0
            self.began = self.began or time.perf_counter()
            return None
        if message == "beat":
            worker.deadline = time.monotonic() + self.timeout
            return None
        if isinstance(message, Episode):
            return message
        worker.end(patience=0.0)
        self._stillborn += not worker.ready
        if self._stillborn > self.retries:
            raise WorkerError(f"No environment can be started. {message}")
        self._workers[self._workers.index(worker)] = _Worker(self.job)
        if worker.request is None:
            return None
        return Episode(worker.request.index, worker.request.task, worker.request.seed, env_error=str(message))

    def close(self) -> None:
        """End every worker within a few seconds, whatever it does."""
        for worker in self._workers:
            if worker.process.is_alive() and worker.process.pid:
                with contextlib.suppress(OSError):
                    os.kill(worker.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for worker in self._workers:
            worker.end(patience=max(deadline - time.monotonic(), 0.0))
        self._workers = []
