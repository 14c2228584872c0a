"""Command lines: `vlgym-train` and `vlgym-eval`. Nothing heavy is imported before the options are known to be good."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlgym.core.errors import UnknownNameError, VlgymError, did_you_mean, require
from vlgym_agents import registry
from vlgym_agents.options import Config, Layer, resolve, table
from vlgym_agents.schema import OptionError, read_toml

if TYPE_CHECKING:
    from vlgym_agents.policy import Policy
    from vlgym_agents.pool import EnvSpec

RUN_FLAGS = ("env", "algo", "model", "preset", "steps", "seed", "out", "workers", "control")
SCRIPTS = ("random", "rule", "oracle")


# ---------------------------------------------------------------------- vlgym-train


def train(argv: Sequence[str] | None = None) -> int:
    """Train a policy; returns the exit code (130 after Ctrl-C, 1 or 2 after an error)."""
    return guard("vlgym-train", lambda: _train(list(sys.argv[1:] if argv is None else argv)))


def _train(argv: list[str]) -> int:
    arguments, layers = _parse(argv)
    require("torch", extra="train", purpose="Training")
    if arguments.list:
        from vlgym_agents.docs.listing import listing

        print(listing())
        return 0
    config = resolve(layers)
    if arguments.dry_run:
        print(table(config))
        return 0
    out = Path(config.run.out or _default_out(config))
    run = _run_program if config.own else _run
    return run(config, out, resume=arguments.resume is not None, quiet=arguments.quiet)


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[Layer]]:
    parser = argparse.ArgumentParser(
        "vlgym-train",
        description="Train a policy on an environment.",
        epilog="Every option is also a flag: --rollout.groups 4, --algo.clip_high=0.3. See them all with --dry-run.",
        allow_abbrev=False,
    )
    for name in RUN_FLAGS:
        parser.add_argument(f"--{name}", help=_doc(name))
    parser.add_argument("--wandb", action="store_const", const=True, help=_doc("wandb"))
    parser.add_argument("--config", metavar="FILE", help="TOML file of options; its tables are run, env, model, ...")
    parser.add_argument("--set", metavar="A.B=C", action="append", default=[], help="set one option")
    parser.add_argument("--resume", metavar="RUN", nargs="?", const="", help="go on with a run folder (default: --out)")
    parser.add_argument("--dry-run", action="store_true", help="print every resolved option and its source, and end")
    parser.add_argument("--list", action="store_true", help="print environments, methods, presets and models, and end")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    arguments, rest = parser.parse_known_args(argv)
    flags: dict[str, Any] = {
        f"run.{name}": value for name in (*RUN_FLAGS, "wandb") if (value := getattr(arguments, name)) is not None
    }
    known = [action.option_strings[-1] for action in parser._actions]
    flags |= _dotted(rest, known) | dict(_assignment(text) for text in arguments.set)
    layers: list[Layer] = []
    if arguments.resume is not None:
        folder = Path(arguments.resume or flags.get("run.out") or "")
        layers.append(("resumed run", saved_options(folder)))
        flags["run.out"] = str(folder)
    if arguments.config:
        layers.append((f"file {arguments.config}", read_toml(Path(arguments.config))))
    return arguments, [*layers, ("flag", flags)]


def _doc(name: str) -> str:
    from vlgym_agents.options import RunOptions
    from vlgym_agents.schema import of_dataclass

    option = of_dataclass(RunOptions)[name]
    default = f" (default: {option.default})" if option.default not in ("", None) else ""
    return option.doc.replace("%", "%%") + default


def _dotted(rest: list[str], known: Sequence[str]) -> dict[str, Any]:
    """Read ``--section.name value`` and ``--section.name=value``; anything else is an unknown flag."""
    found: dict[str, Any] = {}
    words = iter(rest)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or "." not in name:
            raise OptionError(f"Unknown argument {word!r}.{did_you_mean(word, known)} See --help.")
        if not equals:
            value = next(words, None)  # type: ignore[assignment]
            if value is None:
                raise OptionError(f"Option {word} needs a value.")
        found[name] = value
    return found


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"--set needs the form section.name=value, got {text!r}.")
    return name.strip(), value.strip()


def saved_options(folder: Path) -> dict[str, Any]:
    """Return the options that a run folder was started with, defaults and presets of method and model excepted."""
    try:
        saved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        plain = ("default", "method preset", "model preset")
        return {
            name: value
            for name, value in saved["options"].items()
            if saved["sources"][name] not in plain and name != "run.preset"
        }
    except (OSError, ValueError, KeyError) as error:
        raise OptionError(f"{str(folder)!r} is not a run folder that can be resumed ({error}).") from None


def _default_out(config: Config) -> Path:
    env = registry.env_id(config.run.env).rpartition("/")[2]
    model = "" if config.own else f"-{Path(config.run.model).name}"
    return Path("runs") / f"{env}-{config.run.algo}{model}-{config.run.seed}"


def _run(config: Config, out: Path, *, resume: bool, quiet: bool) -> int:
    from vlgym_agents.checkpoint import Checkpoints
    from vlgym_agents.interrupt import Interrupted
    from vlgym_agents.loop import Trainer
    from vlgym_agents.pool import EnvSpec, make_pool
    from vlgym_agents.record import RunFolder

    _set_threads(config.run.torch_threads)
    resumed = Checkpoints(out / "checkpoints", config.flat(), config.run.keep).load()[0] if resume else None
    spec = EnvSpec(registry.env_id(config.run.env), config.given("env"))
    with contextlib.ExitStack() as stack:
        probe = stack.enter_context(_probe(spec))
        policy = _policy(config, probe)
        folder = stack.enter_context(contextlib.closing(RunFolder(out, config, resumed=resumed, quiet=quiet)))
        r = config.rollout
        slots = min(r.batch, max(r.groups * r.group_size, config.eval.episodes))
        pool = make_pool(spec, slots, workers=config.run.workers, timeout=config.run.step_timeout)
        stack.enter_context(contextlib.closing(pool))
        recipe = registry.recipe(config.run.algo)
        trainer = Trainer(config, recipe, policy, pool, probe.unwrapped.tasks, folder)
        if resume:
            trainer.resume()
        try:
            trainer.run()
        except Interrupted as stop:
            folder.say(f"Stopped after step {trainer.counters.step}. Go on with: vlgym-train --resume {out}")
            return 128 + stop.signum
    return _finish(config, out)


def _run_program(config: Config, out: Path, *, resume: bool, quiet: bool) -> int:
    """Run a method that brings a loop of its own."""
    from vlgym_agents.checkpoint import Checkpoints
    from vlgym_agents.interrupt import Interrupted
    from vlgym_agents.program import Program
    from vlgym_agents.record import RunFolder

    _set_threads(config.run.torch_threads)
    program = registry.method(config.run.algo)
    assert isinstance(program, Program)
    resumed = Checkpoints(out / "checkpoints", config.flat(), config.run.keep).load()[0] if resume else None
    lines, fresh = program.lines(config), not out.exists()
    try:
        with contextlib.closing(RunFolder(out, config, resumed=resumed, quiet=quiet, lines=lines)) as folder:
            try:
                program.run(config, folder, resume)
            except Interrupted as stop:
                folder.say(f"Stopped. Go on with: vlgym-train --resume {out}")
                return 128 + stop.signum
    except BaseException:
        if fresh and not Checkpoints(out / "checkpoints").steps():
            shutil.rmtree(out, ignore_errors=True)  # it never began, so nothing is in the way of the next attempt
        raise
    return _finish(config, out)


def _finish(config: Config, out: Path) -> int:
    """Print the evaluations and write the report."""
    from vlgym_agents.record import success_table

    lines = (out / "eval.jsonl").read_text().splitlines() if config.eval.episodes else []
    if lines:
        print(success_table([json.loads(line) for line in lines]))
    print(f"Report: {_report(out)}")
    return 0


def _set_threads(threads: int) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)


def _probe(spec: EnvSpec) -> contextlib.closing[Any]:
    """Make the environment whose tasks and action help are read; bad options of it become one sentence."""
    try:
        return contextlib.closing(spec.make())
    except (ValueError, TypeError) as error:
        if isinstance(error, VlgymError):
            raise
        raise OptionError(f"Cannot make {spec.id}: {error}") from error


def _policy(config: Config, env: Any) -> Policy:
    """Load the model; random initial weights depend on the run's seed alone."""
    import torch

    row = registry.model(config.run.model)
    env_id = registry.env_id(config.run.env)
    world = {"action_help": env.unwrapped.action_help, "family": registry.tag(env_id)}
    wanted = {name: value for name, value in world.items() if name in inspect.signature(row.load).parameters}
    torch.manual_seed(config.run.seed)
    try:
        policy: Policy = row.load(row.source, **{**wanted, **config.given("model")})
        return policy
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, VlgymError):
            raise
        raise VlgymError(f"Cannot load the model {config.run.model!r}: {' '.join(str(error).split())}") from error


def _report(out: Path) -> Path:
    from vlgym_agents.report import write_report

    return write_report(out)


# ---------------------------------------------------------------------- vlgym-eval


def evaluate(argv: Sequence[str] | None = None) -> int:
    """Evaluate a scripted policy or a run; returns the exit code."""
    return guard("vlgym-eval", lambda: _evaluate(list(sys.argv[1:] if argv is None else argv)))


def _evaluate(argv: list[str]) -> int:
    parser = argparse.ArgumentParser("vlgym-eval", description="Measure success on held-out tasks.", allow_abbrev=False)
    parser.add_argument("--env", help="environment: an id, a name or a tag (default: the run's)")
    parser.add_argument(
        "--policy", required=True, help=f"{', '.join(SCRIPTS)} (as far as the environment has them), or a run folder"
    )
    parser.add_argument("--episodes", type=int, default=200, help="episodes, each on a task of its own (default: 200)")
    parser.add_argument("--seed", type=int, default=1000003, help="seed of tasks, initial states and sampling")
    parser.add_argument("--split", default="test", help="split of the tasks (default: test)")
    parser.add_argument("--greedy", action="store_true", help="take the most probable token instead of sampling")
    parser.add_argument("--workers", type=int, default=0, help="environment processes; 0: threads")
    parser.add_argument("--slots", type=int, default=16, help="episodes at the same time (default: 16)")
    parser.add_argument(
        "--set", metavar="env.NAME=VALUE", action="append", default=[], help="option of the environment"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the evaluation there")
    arguments = parser.parse_args(argv)
    if arguments.episodes < 1 or arguments.seed < 0 or arguments.slots < 1:
        raise OptionError("--episodes and --slots must be at least 1 and --seed at least 0.")
    require("torch", extra="train", purpose="Evaluation")
    result = _measure(arguments)
    from vlgym_agents.checkpoint import disk_errors
    from vlgym_agents.record import success_table, to_json

    print(success_table([result]))
    print(f"env_errors {result['env_errors']}  observation_hash {result['observation_hash']}")
    if arguments.json:
        with disk_errors("the evaluation", Path(arguments.json), "Choose another --json."):
            Path(arguments.json).write_text(json.dumps(to_json(result), indent=1), encoding="utf-8")
    return 0


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    from vlgym_agents.evaluate import Plan, evaluate_script
    from vlgym_agents.evaluate import evaluate as evaluate_policy
    from vlgym_agents.pool import EnvSpec, make_pool
    from vlgym_agents.rollout import Rollout

    folder = Path(arguments.policy)
    is_run = (folder / "config.json").is_file()
    layers: list[Layer] = [("resumed run", saved_options(folder))] if is_run else []
    flags = dict(_assignment(text) for text in arguments.set) | ({"run.env": arguments.env} if arguments.env else {})
    config = resolve([*layers, ("flag", flags)])
    if is_run and config.own:
        return _measure_program(config, folder, arguments)
    spec = EnvSpec(registry.env_id(config.run.env), config.given("env"))
    plan = Plan("eval", arguments.split, arguments.episodes, arguments.seed)
    with contextlib.ExitStack() as stack:
        probe = stack.enter_context(_probe(spec))
        scripts = probe.unwrapped.scripted
        if not is_run and arguments.policy not in scripts:
            known = ", ".join(scripts)
            raise OptionError(
                f"Unknown policy {arguments.policy!r}.{did_you_mean(arguments.policy, scripts)} Give one of the "
                f"environment's ({known}) or a run folder."
            )
        pool = make_pool(
            spec, min(arguments.slots, plan.episodes), workers=arguments.workers, timeout=config.run.step_timeout
        )
        stack.enter_context(contextlib.closing(pool))
        progress = stack.enter_context(_bar(plan.episodes))
        if not is_run:
            return evaluate_script(arguments.policy, pool, probe.unwrapped.tasks, plan, progress)[0]
        r = config.rollout
        from vlgym_agents.policy import Sampling
        from vlgym_agents.recipe import Setting

        sampling = Sampling(r.temperature, arguments.greedy, r.max_tokens, r.min_tokens)
        rollout = Rollout(sampling, pool.size, r.window, r.max_turns, r.end_unparsable, progress=progress)
        policy, tasks = trained_policy(config, probe, folder), probe.unwrapped.tasks
        setting = Setting(tasks, plan.split, policy, sampling, window=r.window)
        parts = registry.recipe(config.run.algo).build(config.algo, setting)
        return evaluate_policy(policy, pool, tasks, plan, replace(rollout, observe=parts.observe))[0]


def _measure_program(config: Config, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluate a run of a method that brings a loop of its own."""
    from vlgym_agents.program import Program

    program = registry.method(config.run.algo)
    assert isinstance(program, Program)
    if program.measure is None:
        raise OptionError(f"A run of {program.name} cannot be evaluated once more; its evaluations are in eval.jsonl.")
    _set_threads(config.run.torch_threads)
    return program.measure(config, folder, "eval", arguments.episodes, arguments.seed, arguments.split)


def trained_policy(config: Config, env: Any, folder: Path) -> Policy:
    """Return the policy of a run's last checkpoint."""
    from vlgym_agents.checkpoint import Checkpoints, load_weights

    policy = _policy(config, env)
    _, state = Checkpoints(folder / "checkpoints").load()
    load_weights(policy.module, state["policy"])
    return policy


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Any], None]]:
    from tqdm import tqdm

    with tqdm(total=total, unit="episode", dynamic_ncols=True) as bar:
        yield lambda _: bar.update(1) and None


# ---------------------------------------------------------------------- both


def _reader_left() -> bool:
    """Return whether nobody reads our output any more, as after `| head`; if so, what is left of it is dropped."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def guard(program: str, body: Callable[[], int]) -> int:
    """Run a command; errors meant for people become one sentence on stderr."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        status = body()
        sys.stdout.flush()
        return status
    except VlgymError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2 if isinstance(error, (OptionError, UnknownNameError)) else 1
    except BrokenPipeError:
        if not _reader_left():
            raise
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.filename is None:  # not about a file a person named
            raise
        print(f"{program}: Cannot use {error.filename!r} ({error.strerror}); choose another path.", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        return 128 + getattr(stop, "signum", 2)
