"""`vlgym-rollout`: play episodes headless, one JSON line each on standard output, then a summary line.

The exit status is 0 if and only if every episode asked for was played, however well: 1 if the machinery failed, 2 for a
wrong request, 128 and the signal's number if it was stopped. SIGTERM and Ctrl-C end it within 5 seconds with what it
has.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlgym.core.errors import VlgymError
from vlgym.registry import env_id
from vlgym.rollout.episode import Episode, Request

PROGRAM = "vlgym-rollout"


class UsageError(VlgymError, ValueError):
    """A flag's value cannot be used."""


class Stop:
    """SIGTERM and SIGINT as a file descriptor that becomes readable; `signum` is the first signal's number, else 0.

    Inside ``with stop.abandonable():`` a signal raises KeyboardInterrupt at once instead of waiting to be looked at.
    """

    def __init__(self) -> None:
        self.signum = 0
        self.fileno, self._write = os.pipe()
        self._open = False

    def __enter__(self) -> Stop:
        self._previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self.fileno)
        os.close(self._write)

    def _handle(self, signum: int, _frame: object) -> None:
        self.signum = self.signum or signum
        os.write(self._write, b"!")
        if self._open:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def abandonable(self) -> Iterator[None]:
        """Let a signal raise at once: nothing done inside is kept if it does."""
        self._open = True
        try:
            yield
        finally:
            self._open = False


@dataclass(slots=True)
class Tally:
    """What the summary counts; episodes with `env_error` are only counted."""

    env: str
    policy: str
    split: str
    seed: int
    requested: int
    workers: int
    played: list[Episode] = field(default_factory=list)
    env_errors: int = 0

    def add(self, episode: Episode) -> None:
        """Count an episode."""
        if episode.env_error:
            self.env_errors += 1
        else:
            self.played.append(episode)

    def observation_hash(self) -> str:
        """Return the digest of all episodes in the order of the schedule, whatever order they ended in."""
        whole = hashlib.sha256()
        for episode in sorted(self.played, key=lambda episode: episode.index):
            whole.update(bytes.fromhex(episode.observation_hash))
        return whole.hexdigest()

    def summary(self, stopped: str, seconds: float) -> dict[str, Any]:
        """Return the summary line.

        Args:
            stopped: why the run ended early, "" if it did not.
            seconds: wall time since the first worker was ready.
        """
        from vlgym import __version__
        from vlgym.core.stats import wilson

        played = self.played
        steps, attempts = sum(episode.steps for episode in played), len(played) + self.env_errors
        return {
            "kind": "summary",
            **{name: getattr(self, name) for name in ("env", "policy", "split", "seed", "workers", "requested")},
            "episodes": len(played),
            "success": wilson(sum(episode.success for episode in played), len(played)).to_json(),
            "score": _ratio(sum(episode.score for episode in played), len(played)),
            "return": _ratio(sum(episode.reward for episode in played), len(played)),
            "steps": steps,
            "invalid_rate": _ratio(sum(episode.invalid for episode in played), steps),
            "steps_per_s": round(_ratio(steps, seconds), 2),
            "env_errors": self.env_errors,
            "env_error_rate": _ratio(self.env_errors, attempts),
            "observation_hash": self.observation_hash(),
            "seconds": round(seconds, 3),
            "stopped": stopped,
            "vlgym": __version__,
        }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def text(line: dict[str, Any]) -> str:
    """Return a line as JSON; NaN, which JSON lacks, becomes null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(line), ensure_ascii=False, allow_nan=False)


# ---------------------------------------------------------------------- the request


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="Play episodes headless: one JSON line each, then a summary line.",
        epilog="Exit status: 0 if every episode was played, 1 if the machinery failed, 2 for a wrong request.",
        allow_abbrev=False,
    )
    parser.add_argument("--env", required=True, help="environment: an id, a name or a tag (webshop, android, ...)")
    parser.add_argument(
        "--policy",
        default="oracle",
        help="a scripted policy of the environment (random, oracle, ...), a run folder of vlgym-train, or the address "
        "of an OpenAI-compatible endpoint, http://HOST:PORT/v1 (default: oracle)",
    )
    parser.add_argument("--episodes", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--workers", type=int, default=1, help="processes that play them (default: 1)")
    parser.add_argument("--seed", type=int, default=1000003, help="of tasks, initial states and sampling")
    parser.add_argument("--split", default="test", help="split of the tasks (default: test)")
    parser.add_argument(
        "--set", metavar="env.NAME=VALUE", action="append", default=[], help="option of the environment"
    )
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds a reset or step may take (default: 120)")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="write rollout.jsonl and report.html there")
    parser.add_argument("--record", type=int, default=8, help="episodes shown in the report (default: 8)")
    endpoint = parser.add_argument_group("endpoint", "The key is read from the environment variable OPENAI_API_KEY.")
    endpoint.add_argument("--model", default="", help="name of the model on the server")
    endpoint.add_argument("--temperature", type=float, default=0.0, help="of the sampling (default: 0)")
    endpoint.add_argument("--max-tokens", type=int, default=512, help="most tokens of an answer (default: 512)")
    endpoint.add_argument("--history", type=int, default=8, help="earlier turns the model sees (default: 8)")
    return parser


def _checked(arguments: argparse.Namespace) -> argparse.Namespace:
    """Refuse numbers out of range."""
    least = {"episodes": 1, "workers": 1, "seed": 0, "record": 0, "history": 0, "max_tokens": 1, "temperature": 0}
    for name, low in least.items():
        if not getattr(arguments, name) >= low:  # also NaN
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} must be at least {low}, got {getattr(arguments, name)}.")
    if not arguments.timeout > 0:
        raise UsageError(f"--timeout must be above 0 seconds, got {arguments.timeout:g}.")
    return arguments


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    name = name.strip().removeprefix("env.")
    if not equals or not name.isidentifier():
        raise UsageError(f"--set needs the form env.NAME=VALUE, got {text!r}.")
    try:
        return name, json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except ValueError:
        return name, value


def _requests(job: Any, arguments: argparse.Namespace) -> list[Request]:
    """Make the environment once, check everything that can be wrong with the request, and return the schedule."""
    import gymnasium

    from vlgym.core.episodes import schedule

    try:
        env = job.make()
    except (ValueError, TypeError, ImportError, gymnasium.error.Error) as error:
        if isinstance(error, VlgymError):
            raise
        raise UsageError(f"Cannot make {job.env}: {error}") from error
    with contextlib.closing(env):
        if not hasattr(env.unwrapped, "tasks"):
            raise UsageError(f"{job.env} has no tasks: a rollout needs an environment that keeps vlgym's contract.")
        job.policy.check(tuple(env.unwrapped.scripted))
        plays = schedule(env.unwrapped.tasks, arguments.split, arguments.episodes, arguments.seed)
    shown = arguments.record if arguments.out else 0
    return [Request(i, task, seed, arguments.seed, i < shown) for i, (task, seed) in enumerate(plays)]


# ---------------------------------------------------------------------- the run


def rollout(arguments: argparse.Namespace, stop: Stop) -> int:
    """Play what the command line asks for; return the exit status."""
    from vlgym.rollout.endpoint import EndpointOptions
    from vlgym.rollout.policies import PolicySpec
    from vlgym.rollout.workers import Job, Workers

    options = EndpointOptions(arguments.model, arguments.temperature, arguments.max_tokens, arguments.history)
    policy = PolicySpec(arguments.policy, options)
    with stop.abandonable():
        job = Job(env_id(arguments.env), policy, dict(_option(item) for item in arguments.set))
        requests = _requests(job, arguments)
    limit = arguments.timeout + (options.patience if policy.is_endpoint else 0.0)
    number = min(arguments.workers, len(requests))
    tally = Tally(job.env, policy.name, arguments.split, arguments.seed, len(requests), number)
    problem = ""
    with _lines(arguments.out) as write:
        with contextlib.closing(Workers(job, number, timeout=limit, stop=stop.fileno)) as workers:
            try:
                for episode in workers.run(requests):
                    tally.add(episode)
                    write(episode.to_json())
            except VlgymError as error:
                problem = str(error)
            signum, now = stop.signum, time.perf_counter()
            summary = tally.summary(signal.Signals(signum).name if signum else problem, now - (workers.began or now))
        write(summary)
    if arguments.out:
        from vlgym.rollout.page import write_page

        print(f"{PROGRAM}: report: {write_page(arguments.out, summary, tally.played)}", file=sys.stderr)
    if problem:
        print(f"{PROGRAM}: {problem}", file=sys.stderr)
    return 128 + signum if signum else int(len(tally.played) < len(requests))


@contextlib.contextmanager
def _lines(folder: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what prints a line, and keeps it in `folder`/rollout.jsonl where there is a folder."""
    if folder is None:
        yield lambda line: print(text(line), flush=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = open(folder / "rollout.jsonl", "x", encoding="utf-8")  # noqa: SIM115 (held open below)
    except FileExistsError:
        raise UsageError(f"{str(folder)!r} already holds a rollout: choose another --out.") from None
    with file:

        def write(line: dict[str, Any]) -> None:
            print(text(line), flush=True)
            file.write(text(line) + "\n")
            file.flush()

        yield write


def main(argv: Sequence[str] | None = None) -> int:
    """Run `vlgym-rollout`; return the exit status."""
    with Stop() as stop:
        try:
            return rollout(_checked(_parser().parse_args(argv)), stop)
        except VlgymError as error:
            print(f"{PROGRAM}: {error}", file=sys.stderr)
            return 2 if isinstance(error, (KeyError, ValueError)) else 1
        except KeyboardInterrupt:
            return 128 + (stop.signum or signal.SIGINT)
        except BrokenPipeError:  # nobody reads any more, as after `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except OSError as error:
            place = repr(error.filename) if error.filename else "the disk"
            print(
                f"{PROGRAM}: Cannot write {place} ({error.strerror}); free space or choose another --out.",
                file=sys.stderr,
            )
            return 1


if __name__ == "__main__":
    sys.exit(main())
