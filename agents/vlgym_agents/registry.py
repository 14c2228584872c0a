"""The tables of methods and models: adding one is a file and a line here. Nothing is imported until it is chosen.

A method row names a `Recipe` (see recipe.py). A model row names

    load(source: str, *, <options with defaults>) -> Policy

where `source` is what follows ``--model``: the row's name, alone or as in "nano-webshop"; a folder whose config.json
says "vlgym-" and the row's name as `model_type`; or, for FALLBACK_MODEL, any other folder and any hub id. Every keyword
is an option ``model.<name>`` of the command line, its annotation the type and its default the default; two are filled
in where the loader takes them: `action_help`, the environment's action grammar in words, for the prompt, and `family`,
the environment's tag. The module may also define PRESET, a dict of dotted options ("optim.lr": 3e-4) that this model
wants instead of the trainer's defaults (those of section algo only where the method has them).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlgym.core.errors import VlgymError, did_you_mean
from vlgym.registry import ENVS

if TYPE_CHECKING:
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

MODELS: dict[str, str] = {
    "nano": "vlgym_agents.policies.nano:load",
    "smollm2": "vlgym_agents.policies.hf:load",
    "tabular": "vlgym_agents.policies.tabular:load",
}

FALLBACK_MODEL = "vlgym_agents.policies.hf:load"
"""Loads any other ``--model``: a hub id or a folder."""


class UnknownNameError(VlgymError, KeyError):
    """A name that is in no table; the sentence lists the nearest and the known."""

    def __str__(self) -> str:  # KeyError would print the sentence in quotes
        return str(self.args[0])


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


def model(name: str) -> ModelRow:
    """Return the loader of a model: a row's name, a folder, or a hub id ("org/name").

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
    preset = getattr(importlib.import_module(reference.partition(":")[0]), "PRESET", {})
    return ModelRow(name, resolve(reference), dict(preset))


def _model_type(folder: Path) -> str:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
        return str(kind).removeprefix("vlgym-")
    except (OSError, ValueError, KeyError):
        return ""


def env_id(name: str) -> str:
    """Return the Gymnasium id of an environment given by id, name ("WebShop-v0") or tag ("webshop").

    Any other Gymnasium id that is registered, or that names its module ("package.module:Id-v0"), stands for itself.

    Raises:
        UnknownNameError: no such environment, or a tag that several share.
    """
    import gymnasium

    exact = [row.id for row in ENVS if name in (row.id, row.name)]
    tagged = [row.id for row in ENVS if name in row.tags]
    if exact or len(tagged) == 1:
        return (exact or tagged)[0]
    if tagged:
        raise UnknownNameError(f"Tag {name!r} names {len(tagged)} environments: {', '.join(tagged)}. Give one of them.")
    if name in gymnasium.registry or ":" in name:
        return name
    raise unknown("environment", name, [row.id for row in ENVS] + [tag for row in ENVS for tag in row.tags])


def tag(env_id: str) -> str | None:
    """Return the first tag of an environment of the table, None for any other."""
    return next((row.tags[0] for row in ENVS if row.id == env_id and row.tags), None)
