"""Environments that step concurrently: threads of this process, or worker processes that each run such threads.

A pool has `size` slots, one environment each. `run` executes one round of commands, at most one per slot, all at once,
and returns their replies in the order given, so nothing depends on which environment was faster. Whatever goes wrong
below (exception, deadline, death of a worker) becomes a reply with `error`, never an exception here, and the next
reset of the slot works.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import pickle
import queue
import signal
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol

from vlgym.core.errors import BackendError, VlgymError


class PoolError(VlgymError, RuntimeError):
    """Environment processes cannot be started at all."""


START_TIMEOUT = 300.0
"""Seconds a worker process may take to start (its deadline for commands counts from then)."""


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """How to make an environment, here or in another process: a Gymnasium id and keyword arguments."""

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        """Return a new environment."""
        import gymnasium

        import vlgym  # noqa: F401  (registers the ids)

        return gymnasium.make(self.id, disable_env_checker=True, **dict(self.kwargs))


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do in one slot.

    Attributes:
        slot: in [0, size).
        kind: "reset" (task, seed), "step" (action), or "script": a whole episode of (task, seed) by the environment's
            own scripted policy `action`.
    """

    slot: int
    kind: Literal["reset", "step", "script"]
    action: str = ""
    task: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What a command brought. `steps` holds one Reply per step of a scripted episode, after that of its reset."""

    observation: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    error: str = ""
    action: str = ""
    steps: tuple[Reply, ...] = ()


class Pool(Protocol):
    """See the module's docstring; `ThreadPool` and `ProcessPool` are the two."""

    size: int

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Execute commands for distinct slots concurrently; replies in the same order.

        After an exception here (an interrupt), the pool is fit only for `close`.
        """
        ...

    def close(self) -> None:
        """Close every environment and end every thread and process."""
        ...


def make_pool(spec: EnvSpec, size: int, *, workers: int = 0, timeout: float = 120.0) -> Pool:
    """Return a pool of `size` slots over `workers` processes (0: threads of this process)."""
    return ProcessPool(spec, size, min(workers, size), timeout) if workers else ThreadPool(spec, size, timeout)


# ---------------------------------------------------------------------- one environment


class _Slot:
    """An environment made on first use, in the thread that will always use it (browsers demand that)."""

    def __init__(self, spec: EnvSpec) -> None:
        self.spec = spec
        self.env: Any = None
        self.started = False

    def execute(self, command: Command) -> Reply:
        """Run one command; exceptions of the environment become `error`, and the next reset makes it anew."""
        try:
            if self.env is None:
                self.env = self.spec.make()
            if command.kind == "step":
                return self._step(command.action)
            reply = self._reset(command)
            return reply if command.kind == "reset" or reply.error else self._script(command, reply)
        except Exception as error:
            self.close()
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = "" if isinstance(error, VlgymError) else f" ({type(error).__name__} at {where.name}:{where.lineno})"
            return Reply(error=f"{error or 'the environment failed'}{place}")

    def _reset(self, command: Command) -> Reply:
        self.started = False
        observation, info = self.env.reset(seed=command.seed, options={"task": command.task})
        self.started = not info.get("env_error")
        return Reply(observation, info, error=info.get("env_error") or "")

    def _step(self, action: str) -> Reply:
        if not self.started:
            raise BackendError("The environment was restarted in the middle of the episode; reset it.")
        observation, reward, terminated, truncated, info = self.env.step(action)
        return Reply(
            observation, info, float(reward), bool(terminated), bool(truncated), info.get("env_error") or "", action
        )

    def _script(self, command: Command, first: Reply) -> Reply:
        policy = self.env.unwrapped.scripted_policy(command.action, command.seed)
        steps, last = [first], first
        while not (last.terminated or last.truncated):
            last = self._step(policy(last.observation, last.info))
            steps.append(last)
        return Reply(steps=tuple(steps), error=last.error)

    def close(self) -> None:
        """Close the environment, whatever state it is in."""
        env, self.env, self.started = self.env, None, False
        if env is not None:
            with contextlib.suppress(Exception):
                env.close()


# ---------------------------------------------------------------------- threads


class _Thread:
    """A slot and the thread that owns it."""

    def __init__(self, spec: EnvSpec) -> None:
        self.inbox: queue.SimpleQueue[tuple[int, Command] | None] = queue.SimpleQueue()
        self.outbox: queue.SimpleQueue[tuple[int, Reply]] = queue.SimpleQueue()
        self.slot = _Slot(spec)
        self.thread = threading.Thread(target=self._serve, daemon=True, name="vlgym-env")
        self.thread.start()

    def _serve(self) -> None:
        while (item := self.inbox.get()) is not None:
            index, command = item
            self.outbox.put((index, self.slot.execute(command)))
        self.slot.close()


class ThreadPool:
    """One thread per slot. A thread that misses its deadline is abandoned with its environment and replaced."""

    def __init__(self, spec: EnvSpec, size: int, timeout: float = 120.0) -> None:
        self.spec, self.size, self.timeout = spec, size, timeout
        self._threads: list[_Thread | None] = [None] * size

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Execute commands for distinct slots concurrently; replies in the same order."""
        deadline = time.monotonic() + self.timeout
        for i, command in enumerate(commands):
            thread = self._threads[command.slot] or _Thread(self.spec)
            self._threads[command.slot] = thread
            thread.inbox.put((i, command))
        return [self._collect(command.slot, deadline) for command in commands]

    def _collect(self, slot: int, deadline: float) -> Reply:
        thread = self._threads[slot]
        assert thread is not None
        try:
            return thread.outbox.get(timeout=max(deadline - time.monotonic(), 0.001))[1]
        except queue.Empty:
            thread.inbox.put(None)  # it closes its environment if it ever comes back
            self._threads[slot] = None
            return Reply(error=f"The environment did not answer within {self.timeout:g} s and was given up.")

    def close(self) -> None:
        """Close every environment; threads that hang are left behind as daemons."""
        threads = [thread for thread in self._threads if thread is not None]
        self._threads = [None] * self.size
        for thread in threads:
            thread.inbox.put(None)
        deadline = time.monotonic() + 5.0
        for thread in threads:
            thread.thread.join(timeout=max(deadline - time.monotonic(), 0.0))


# ---------------------------------------------------------------------- processes


def _work(connection: Connection, spec: EnvSpec, slots: int, timeout: float) -> None:
    """Body of a worker process: a ThreadPool behind a pipe, until the pipe closes (even if its owner was killed)."""
    for name in ("SIGINT", "SIGTERM"):  # Ctrl-C reaches the whole process group; the owner decides what happens
        signal.signal(getattr(signal, name), signal.SIG_IGN if name == "SIGINT" else signal.SIG_DFL)
    pool = ThreadPool(spec, slots, timeout)
    try:
        connection.send("ready")
        while (commands := connection.recv()) is not None:
            replies = pool.run(commands)
            try:
                connection.send(replies)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                reason = f"The environment's observation or info cannot be sent between processes: {error}"
                connection.send([Reply(error=reason)] * len(commands))
    except (EOFError, OSError):
        pass
    finally:
        pool.close()


class _Worker:
    def __init__(self, spec: EnvSpec, slots: int, timeout: float) -> None:
        context = mp.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, spec, slots, timeout), daemon=True, name="vlgym-worker"
        )
        self.process.start()
        theirs.close()
        self._ready = False

    def send(self, commands: list[Command]) -> None:
        """Hand over a round, once the process is up; one that dies later is noticed by whoever waits for the answer."""
        with contextlib.suppress(EOFError, OSError, ValueError):
            if not self._ready and self.connection.poll(START_TIMEOUT):
                self._ready = self.connection.recv() == "ready"
            self.connection.send(commands)
        if not self._ready:
            self.process.join(1.0)
            if (self.process.exitcode or 0) > 0:  # it ended by itself, and so would its successor
                raise PoolError(
                    f"An environment worker could not start (exit code {self.process.exitcode}); its own message is "
                    f"above. A script that starts workers needs the guard: if __name__ == '__main__'."
                )

    def stop(self, patience: float) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.connection.send(None)
        self.process.join(patience)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


class ProcessPool:
    """Slot s lives in process s % workers. A dead or hanging process is replaced; its episodes are lost."""

    def __init__(self, spec: EnvSpec, size: int, workers: int, timeout: float = 120.0) -> None:
        self.spec, self.size, self.timeout = spec, size, timeout
        self.workers = workers
        self.restarts = 0
        self._workers = [self._start() for _ in range(workers)]

    def _start(self) -> _Worker:
        return _Worker(self.spec, -(-self.size // self.workers), self.timeout)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid or 0 for worker in self._workers]

    def run(self, commands: Sequence[Command]) -> list[Reply]:
        """Execute commands for distinct slots concurrently; replies in the same order."""
        replies: list[Reply | None] = [None] * len(commands)
        waiting: dict[int, list[int]] = {}
        for i, command in enumerate(commands):
            waiting.setdefault(command.slot % self.workers, []).append(i)
        for number, indices in waiting.items():
            local = [_moved(commands[i], commands[i].slot // self.workers) for i in indices]
            self._workers[number].send(local)
        deadline = time.monotonic() + self.timeout + 5.0  # the worker's own deadline comes first
        while waiting:
            for number, answer in self._receive(list(waiting), deadline).items():
                for i, reply in zip(waiting.pop(number), answer):
                    replies[i] = reply
        return [reply for reply in replies if reply is not None]

    def _receive(self, numbers: list[int], deadline: float) -> dict[int, Any]:
        """Wait for at least one of the workers; the dead and the late are replaced and answer with errors."""
        connections = {self._workers[n].connection: n for n in numbers}
        ready = wait(list(connections), timeout=max(deadline - time.monotonic(), 0.0))
        out: dict[int, Any] = {}
        for number in numbers if not ready else [connections[c] for c in ready if isinstance(c, Connection)]:
            try:
                if not ready:
                    raise TimeoutError(f"did not answer within {self.timeout:g} s")
                out[number] = self._workers[number].connection.recv()
            except (EOFError, OSError) as error:
                self._workers[number].process.join(0.0 if isinstance(error, TimeoutError) else 1.0)
                code = self._workers[number].process.exitcode
                why = str(error) if isinstance(error, TimeoutError) else f"died (exit code {code})"
                out[number] = [Reply(error=f"The environment worker {why} and was restarted.")] * self.size
                self._replace(number)
        return out

    def _replace(self, number: int) -> None:
        self.restarts += 1
        self._workers[number].stop(patience=0.0)
        self._workers[number] = self._start()

    def close(self) -> None:
        """End every worker; those that hang are killed."""
        for worker in self._workers:
            with contextlib.suppress(OSError, ValueError):
                worker.connection.send(None)
        for worker in self._workers:
            worker.stop(patience=10.0)
        self._workers = []


def _moved(command: Command, slot: int) -> Command:
    return Command(slot, command.kind, command.action, command.task, command.seed)
