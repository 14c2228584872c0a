"""The tables of methods and models: adding one is a file and a line here. Nothing is imported until it is chosen.

A method row names a `Recipe` (see recipe.py) or a `Program` (see program.py). A model row names

    load(source: str, *, <options with defaults>) -> Policy

where `source` is what follows ``--model``: the row's name, alone or as in "nano-webshop"; a folder whose config.json
says "vlgym-" and the row's name as `model_type`; or, for FALLBACK_MODEL, any other folder and any hub id. Every keyword
is an option ``model.<name>`` of the command line, its annotation the type and its default the default; two are filled
in where the loader takes them: `action_help`, the environment's action grammar in words, for the prompt, and `family`,
the environment's tag. The module may also define PRESET, a dict of dotted options ("optim.lr": 3e-4) that this model
wants instead of the trainer's defaults (those of section algo only where the method has them), and
`wishes(source, family) -> dict` for what certain weights want beyond it, such as the tasks that they were begun on.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlgym.core.errors import UnknownNameError, did_you_mean
from vlgym.registry import ENVS
from vlgym.registry import env_id as env_id  # --env and --model are resolved in one place

if TYPE_CHECKING:
    from vlgym_agents.program import Program
    from vlgym_agents.recipe import Recipe

ALGOS: dict[str, str] = {
    "grpo": "vlgym_agents.algos.grpo:RECIPE",
    "ppo": "vlgym_agents.algos.ppo:RECIPE",
    "vl-dac": "vlgym_agents.algos.vl_dac:RECIPE",
    "arpo": "vlgym_agents.algos.arpo:RECIPE",
    "craft-gui": "vlgym_agents.algos.craft_gui:RECIPE",
    "vsc-rl": "vlgym_agents.algos.vsc_rl:RECIPE",
    "vsc-grpo": "vlgym_agents.algos.vsc_grpo:RECIPE",
    "rloo": "vlgym_agents.algos.rloo:RECIPE",
    "dr-grpo": "vlgym_agents.algos.dr_grpo:RECIPE",
    "dapo": "vlgym_agents.algos.dapo:RECIPE",
    "gspo": "vlgym_agents.algos.gspo:RECIPE",
    "cispo": "vlgym_agents.algos.cispo:RECIPE",
    "gigpo": "vlgym_agents.algos.gigpo:RECIPE",
    "filtered-bc": "vlgym_agents.algos.filtered_bc:RECIPE",
}

PROGRAMS: dict[str, str] = {
    "diffusion-bc": "vlgym_agents.robot.methods:DIFFUSION_BC",
    "resip": "vlgym_agents.robot.methods:RESIP",
    "residual-chunk": "vlgym_agents.robot.methods:RESIDUAL_CHUNK",
    "ppo-finetune": "vlgym_agents.robot.methods:PPO_FINETUNE",
    "ppo-scratch": "vlgym_agents.robot.methods:PPO_SCRATCH",
    "policy-decorator": "vlgym_agents.robot.methods:POLICY_DECORATOR",
    "resfit": "vlgym_agents.robot.methods:RESFIT",
    "distil": "vlgym_agents.robot.distil:DISTIL",
    "sb3-ppo": "vlgym_agents.robot.sb3:PPO",
    "sb3-sac": "vlgym_agents.robot.sb3:SAC",
}
"""Methods that bring a loop of their own (see program.py)."""

MODELS: dict[str, str] = {
    "nano": "vlgym_agents.policies.nano:load",
    "smollm2": "vlgym_agents.policies.hf:load",
    "tabular": "vlgym_agents.policies.tabular:load",
}

FALLBACK_MODEL = "vlgym_agents.policies.hf:load"
"""Loads any other ``--model``: a hub id or a folder."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A resolved ``--model``: its loader, the source to give it, and the options it prefers."""

    source: str
    load: Callable[..., Any]
    preset: dict[str, Any]


def unknown(kind: str, name: str, known: list[str]) -> UnknownNameError:
    """Return the error for `name`, which is no `kind`."""
    return UnknownNameError(f"Unknown {kind} {name!r}.{did_you_mean(name, known)} Known: {', '.join(sorted(known))}.")


def resolve(reference: str) -> Any:
    """Return the object "package.module:NAME" names."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def recipe(name: str) -> Recipe:
    """Return the recipe of a method; raises UnknownNameError."""
    if name not in ALGOS:
        raise unknown("algorithm", name, list(ALGOS))
    found: Recipe = resolve(ALGOS[name])
    return found


def method(name: str) -> Recipe | Program:
    """Return the recipe or the program of a method; raises UnknownNameError."""
    if name in ALGOS:
        return recipe(name)
    if name not in PROGRAMS:
        raise unknown("algorithm", name, [*ALGOS, *PROGRAMS])
    found: Program = resolve(PROGRAMS[name])
    return found


def model(name: str, family: str = "") -> ModelRow:
    """Return the loader of a model: a row's name, a folder, or a hub id ("org/name"); `family`: what it will act in.

    Raises:
        UnknownNameError: neither a row, nor a folder, nor of the form of a hub id.
    """
    folder = Path(name)
    row = _model_type(folder) if folder.is_dir() else name if name in MODELS else name.partition("-")[0]
    if row not in MODELS and not folder.is_dir() and "/" not in name:
        raise UnknownNameError(
            f"Unknown model {name!r}.{did_you_mean(name, MODELS)} Give one of {', '.join(sorted(MODELS))}, a folder, "
            f"or a hub id such as 'org/name'."
        )
    reference = MODELS.get(row, FALLBACK_MODEL)
    module = importlib.import_module(reference.partition(":")[0])
    preset = dict(getattr(module, "PRESET", {}))
    if hasattr(module, "wishes"):
        preset |= module.wishes(name, family)
    return ModelRow(name, resolve(reference), preset)


def _model_type(folder: Path) -> str:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
        return str(kind).removeprefix("vlgym-")
    except (OSError, ValueError, KeyError):
        return ""


def tag(env_id: str) -> str | None:
    """Return the first tag of an environment of the table, None for any other."""
    return next((row.tags[0] for row in ENVS if row.id == env_id and row.tags), None)
