"""Options: frozen dataclasses, a TOML file, dotted overrides; every value knows where it came from.

A configuration has the sections run, env, model, rollout, optim, eval and algo; an option is ``section.name``. The
sections env, model and algo belong to the chosen environment, model and method: their names, types and defaults are
read off the environment's constructor, the model's loader and the recipe's options class.

Layers, later wins: default < method preset < model preset < preset file < ``--config`` file < flags; but options of
section algo that the method's preset sets are not the model's to change.
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vlgym.core.errors import did_you_mean
from vlgym_agents import registry
from vlgym_agents.schema import (
    Option,
    OptionError,
    above_zero,
    at_least,
    convert,
    of_callable,
    of_dataclass,
    one_of,
    read_toml,
    takes_more,
)

if TYPE_CHECKING:
    from vlgym_agents.program import Program

Control = Literal["none", "shuffled_rewards", "zero_advantages", "sign_flip"]
Schedule = Literal["constant", "linear"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is trained, for how long, and where it is written."""

    env: str = ""
    """environment: an id, a name or a tag (see --list)"""
    algo: str = "grpo"
    """method (see --list)"""
    model: str = "nano"
    """model: a name of the table, a hub id or a folder"""
    preset: str = ""
    """name of a preset file shipped with the package, or path of a TOML file; read before --config"""
    steps: int = 100
    """training steps: rollout batches"""
    seed: int = 0
    """seed of everything: tasks, episodes, sampling, initial weights where they are random"""
    out: str = ""
    """run folder; empty: runs/<env>-<algo>-<model>-<seed>"""
    workers: int = 0
    """environment processes; 0: threads of this process. Results do not depend on it"""
    step_timeout: float = 120.0
    """seconds after which an environment that does not answer is given up and restarted"""
    torch_threads: int = 0
    """threads torch may use; 0: as torch decides. Part of the exact reproduction of a run"""
    control: Control = "none"
    """experimental control: permute returns within the batch, set advantages to zero, or flip their sign"""
    save_every: int = 0
    """steps between checkpoints; 0: as often as costs at most a twentieth of the run"""
    keep: int = 2
    """checkpoints kept"""
    record_every: int = 10
    """steps between recorded training episodes (for the report)"""
    record: int = 8
    """episodes recorded at such a step and at each evaluation"""
    wandb: bool = False
    """also log to Weights & Biases (must be installed)"""

    def __post_init__(self) -> None:
        at_least(self, steps=0, workers=0, torch_threads=0, save_every=0, keep=1, record_every=1, record=0, seed=0)
        above_zero(self, "step_timeout")
        one_of(self, control=typing.get_args(Control))


@dataclass(frozen=True, slots=True)
class RolloutOptions:
    """How episodes are collected."""

    groups: int = 8
    """groups (task, seed) of a training step"""
    group_size: int = 8
    """episodes of a group (DeepSeekMath and the released agent trainers: 8)"""
    batch: int = 64
    """episodes that run at the same time; a finished one is replaced at once"""
    window: int = 0
    """turns the policy sees, the current one included; 0: the whole episode"""
    max_turns: int = 0
    """turns after which an episode is cut; 0: the environment's own limit only"""
    end_unparsable: bool = False
    """end the episode when no action can be read from a response (ARPO's release does)"""
    temperature: float = 1.0
    """sampling temperature, used in the trainer's log-probs alike"""
    max_tokens: int = 64
    """most sampled tokens of a response"""
    min_tokens: int = 0
    """fewest sampled tokens of a response"""
    split: str = "train"
    """split the tasks are drawn from"""

    def __post_init__(self) -> None:
        at_least(self, groups=1, group_size=1, batch=1, window=0, max_turns=0, max_tokens=1, min_tokens=0)
        above_zero(self, "temperature")


@dataclass(frozen=True, slots=True)
class OptimOptions:
    """How a batch becomes new weights."""

    lr: float = 1e-6
    """learning rate of AdamW (1e-6 suits models of a billion parameters and more; tiny ones want 3e-4)"""
    weight_decay: float = 0.0
    """AdamW's decoupled weight decay"""
    beta1: float = 0.9
    """AdamW's first-moment decay"""
    beta2: float = 0.999
    """AdamW's second-moment decay"""
    eps: float = 1e-8
    """AdamW's epsilon"""
    clip_norm: float = 1.0
    """gradient norm is cut here; 0: never"""
    schedule: Schedule = "constant"
    """learning rate over the steps: constant, or linear to zero"""
    warmup: int = 0
    """steps over which the learning rate rises to lr"""
    epochs: int = 1
    """passes over a rollout batch"""
    minibatches: int = 1
    """optimiser batches a rollout batch is cut into"""
    micro_tokens: int = 16384
    """most tokens (rows times longest row) of one forward pass; the gradient does not depend on it"""

    def __post_init__(self) -> None:
        at_least(self, lr=0, weight_decay=0, clip_norm=0, warmup=0, epochs=1, minibatches=1, micro_tokens=1)
        one_of(self, schedule=typing.get_args(Schedule))


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """Evaluation on held-out tasks before, during and after training."""

    episodes: int = 200
    """episodes of an evaluation, each on a task of its own while there are enough; 0: no evaluation"""
    split: str = "test"
    """split the tasks come from"""
    every: int = 0
    """steps between evaluations on the way; 0: only before and after"""
    greedy: bool = False
    """take the most probable token instead of sampling"""
    seed: int = 1000003
    """seed of the tasks' choice and of the episodes; the same before and after"""

    def __post_init__(self) -> None:
        at_least(self, episodes=0, every=0, seed=0)


# ---------------------------------------------------------------------- resolving


@dataclass(frozen=True)
class Config:
    """A resolved configuration.

    Attributes:
        run, rollout, optim, eval: the trainer's own sections.
        algo: an instance of the recipe's options class.
        env, model: all options of the environment's constructor and of the loader (pass on only `given`).
        own: section -> options of a program (algo among them); empty for a recipe.
        sources: option -> "default", "method preset", "model preset", "preset NAME", "file NAME" or "flag".
        docs: option -> its wording.
    """

    run: RunOptions
    rollout: RolloutOptions
    optim: OptimOptions
    eval: EvalOptions
    algo: Any
    env: Mapping[str, Any]
    model: Mapping[str, Any]
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    docs: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections this method reads, in the order of the help."""
        return ("run", "env", "eval", *self.own) if self.own else SECTIONS

    def part(self, section: str) -> Any:
        """Return the options of a section."""
        return self.own[section] if section in self.own else getattr(self, section)

    def given(self, section: str) -> dict[str, Any]:
        """Return what was set in the section env or model: the keyword arguments to pass on."""
        return {k: v for k, v in getattr(self, section).items() if self.sources[f"{section}.{k}"] != "default"}

    def flat(self) -> dict[str, Any]:
        """Return ``{"section.name": value}``, in the order of the help."""
        out: dict[str, Any] = {}
        for section in self.sections:
            part = self.part(section)
            values = (
                part if isinstance(part, Mapping) else {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
            )
            out |= {f"{section}.{name}": value for name, value in values.items()}
        return out


SECTIONS = ("run", "env", "model", "rollout", "optim", "eval", "algo")
PRESETS = Path(__file__).parent / "presets"

Layer = tuple[str, Mapping[str, Any]]
"""(source, {"section.name": value})."""


def resolve(layers: Sequence[Layer]) -> Config:
    """Merge layers (later wins) over the defaults and presets into a checked Config.

    Raises:
        OptionError: unknown option (with the nearest name), bad value, or an explicit option that has no effect.
        UnknownNameError: unknown environment, method or model.
    """
    run = {name: value for _, layer in layers for name, value in layer.items() if name.startswith("run.")}
    if run.get("run.preset"):
        layers = [_preset_layer(str(run["run.preset"])), *layers]
        run = {name: value for _, layer in layers for name, value in layer.items() if name.startswith("run.")}
    own = of_dataclass(RunOptions)
    chosen = {key: str(run.get(f"run.{key}", own[key].default)) for key in ("env", "algo", "model")}
    if not chosen["env"]:
        raise OptionError("No environment was named; give one with --env (see --list).")
    from vlgym_agents.program import Program

    method = registry.method(chosen["algo"])
    env_options = _env_options(registry.env_id(chosen["env"]), run_layers=layers)
    schema: dict[str, Mapping[str, Option]] = {"run": own, "env": env_options, "eval": of_dataclass(EvalOptions)}
    if isinstance(method, Program):
        schema |= {name: of_dataclass(options) for name, options in method.sections.items()}
        return _resolve_program(schema, method, layers)
    model_row = registry.model(chosen["model"], registry.tag(registry.env_id(chosen["env"])) or "")
    schema |= {
        "model": of_callable(model_row.load, skip=("source", "action_help")),
        "rollout": of_dataclass(RolloutOptions),
        "optim": of_dataclass(OptimOptions),
        "algo": of_dataclass(method.options),
    }
    schema = {section: schema[section] for section in SECTIONS}
    # a model wants its settings whatever the method, and a method whatever the model: what one lacks is passed over,
    # and what makes the method (its section algo) a model does not change
    own_algo = {name for name in method.preset if name.startswith("algo.")}
    wanted = {name: value for name, value in model_row.preset.items() if name not in own_algo}
    layers = [
        ("method preset", _without_unknown(method.preset, "model", schema)),
        ("model preset", _without_unknown(wanted, "algo", schema)),
        *layers,
    ]
    values, sources = _merge(schema, layers)
    config = Config(
        run=_make("run", RunOptions, values),
        rollout=_make("rollout", RolloutOptions, values),
        optim=_make("optim", OptimOptions, values),
        eval=_make("eval", EvalOptions, values),
        algo=_make("algo", method.options, values),
        env={name: values[f"env.{name}"] for name in schema["env"]},
        model={name: values[f"model.{name}"] for name in schema["model"]},
        sources=sources,
        docs=_docs(schema),
    )
    _refuse_idle(config)
    return config


def _resolve_program(schema: dict[str, Mapping[str, Option]], program: Program, layers: Sequence[Layer]) -> Config:
    """Merge the layers for a method that brings its own sections and has no token model."""
    preset = _without_unknown(program.preset, "env", schema)  # what a method wants of environments that have it
    values, sources = _merge(schema, [("method preset", preset), *layers])
    parts = {name: _make(name, options, values) for name, options in program.sections.items()}
    config = Config(
        run=_make("run", RunOptions, values),
        rollout=RolloutOptions(),
        optim=OptimOptions(),
        eval=_make("eval", EvalOptions, values),
        algo=parts["algo"],
        env={name: values[f"env.{name}"] for name in schema["env"]},
        model={},
        sources=sources,
        docs=_docs(schema),
        own=parts,
    )
    idle = [name for name in ("model", "workers") if sources[f"run.{name}"] == "flag"]
    if idle:
        raise OptionError(f"Option run.{idle[0]} would have no effect on {program.name}; remove it.")
    _refuse_idle(config)
    return config


def _docs(schema: Mapping[str, Mapping[str, Option]]) -> dict[str, str]:
    return {f"{section}.{o.name}": o.doc for section, options in schema.items() for o in options.values()}


def _env_options(env_id: str, run_layers: Sequence[Layer]) -> dict[str, Option]:
    """Return the options of the environment's constructor, and the given ones that it says to take and judge itself."""
    creator = _env_class(env_id)
    found = of_callable(creator, skip=("self", "render_mode", "action_mode"))
    if takes_more(creator):
        given = {name.partition(".")[2] for _, layer in run_layers for name in layer if name.startswith("env.")}
        found |= {name: Option(name, None, None) for name in sorted(given - found.keys())}
    return found


def _without_unknown(
    preset: Mapping[str, Any], section: str, schema: Mapping[str, Mapping[str, Option]]
) -> dict[str, Any]:
    return {
        n: v for n, v in preset.items() if not n.startswith(f"{section}.") or n.partition(".")[2] in schema[section]
    }


def _preset_layer(name: str) -> Layer:
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not path.exists():
        known = sorted(p.stem for p in PRESETS.glob("*.toml"))
        raise OptionError(f"Unknown preset {name!r}.{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}.")
    return f"preset {path.stem}", read_toml(path)


def _env_class(env_id: str) -> Any:
    import gymnasium
    from gymnasium.envs.registration import load_env_creator

    import vlgym  # noqa: F401  (registers the ids)

    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        entry = gymnasium.spec(name).entry_point
        return load_env_creator(entry) if isinstance(entry, str) else entry
    except (gymnasium.error.Error, ImportError) as error:
        raise OptionError(f"Cannot load the environment {env_id!r}: {error}") from error


def _merge(
    schema: Mapping[str, Mapping[str, Option]], layers: Sequence[Layer]
) -> tuple[dict[str, Any], dict[str, str]]:
    options = {f"{section}.{o.name}": o for section, part in schema.items() for o in part.values()}
    values = {name: option.default for name, option in options.items()}
    sources = dict.fromkeys(options, "default")
    for source, layer in layers:
        for name, value in layer.items():
            if name not in options:
                raise OptionError(_unknown(name, schema, source))
            values[name], sources[name] = convert(value, options[name].kind, name), source
    return values, sources


def _unknown(name: str, schema: Mapping[str, Mapping[str, Option]], source: str) -> str:
    section, _, key = name.partition(".")
    where = "" if source == "flag" else f" ({source})"
    if section not in schema:
        known = [f"{s}.{o}" for s in schema for o in schema[s]]
        return f"Unknown option {name!r}{where}.{did_you_mean(name, known)} Sections: {', '.join(schema)}."
    elsewhere = [f"{s}.{key}" for s in schema if key in schema[s]]
    near = f" Did you mean {elsewhere[0]!r}?" if elsewhere else did_you_mean(key, schema[section])
    return f"Unknown option {name!r}{where}.{near} Options of {section}: {', '.join(schema[section]) or 'none'}."


def _make(section: str, cls: Any, values: Mapping[str, Any]) -> Any:
    try:
        return cls(**{name: values[f"{section}.{name}"] for name in of_dataclass(cls)})
    except ValueError as error:
        raise OptionError(f"Option {section}.{error}" if section != "algo" else f"Options of algo: {error}") from None


def _refuse_idle(config: Config) -> None:
    """Refuse options that a person set and that nothing would read (an options class tells by `idle()`)."""
    for section in config.sections:
        part = config.part(section)
        idle: Mapping[str, str] = part.idle() if hasattr(part, "idle") else {}
        for name, why in idle.items():
            source = config.sources[f"{section}.{name}"]
            if source == "flag" or source.startswith("file"):
                raise OptionError(f"Option {section}.{name} ({source}) would have no effect because {why}; remove it.")


def table(config: Config) -> str:
    """Return every resolved option with its source and wording, for ``--dry-run``."""
    rows = [(name, str(value) if value != "" else '""', config.sources[name]) for name, value in config.flat().items()]
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        f"{name:<{wide[0]}}  {value:<{min(wide[1], 40)}}  {source:<{wide[2]}}  {config.docs.get(name, '')}".rstrip()
        for name, value, source in rows
    )
