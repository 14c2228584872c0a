"""What a method is made of, read off the method itself: parts and defaults that are not GRPO's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import torch

from vlgym.core.tasks import Task, TaskSet
from vlgym_agents import registry
from vlgym_agents.options import PRESETS
from vlgym_agents.policy import Sampling
from vlgym_agents.recipe import Parts, Recipe, Setting

BASE = "grpo"
"""The method that the others are described against."""


class Nobody:
    """A policy to build parts with that is never asked to act; it has all that a method could require."""

    name = "nobody"

    def __init__(self) -> None:
        self.module = torch.nn.Linear(1, 1)
        self.critic = torch.nn.Linear(1, 1)

    def reference(self) -> Nobody:
        """Return itself."""
        return self

    def parameters(self) -> Any:
        """Return its parameters."""
        return self.module.parameters()


def stand_in() -> Setting:
    """Return a setting of three tasks with checkpoints, in which every method can be composed."""
    ids = [f"train-{n:02d}" for n in (1, 5, 12)]

    def task(name: str) -> Task:
        return Task(name, "do it", "train", float(name[-2:]), ("half", "done"))

    policy: Any = Nobody()
    return Setting(TaskSet({"train": ids}, task), "train", policy, Sampling())


def defaults(recipe: Recipe) -> Any:
    """Return the options of a method as they are without a flag: its class's defaults under its own preset."""
    own = {name.removeprefix("algo."): value for name, value in recipe.preset.items() if name.startswith("algo.")}
    return recipe.options(**own)


@cache
def parts_of(name: str) -> Parts:
    """Return the parts of a method, composed with its defaults in the stand-in setting."""
    recipe = registry.recipe(name)
    parts: Parts = recipe.build(defaults(recipe), stand_in())
    return parts


def changed(name: str) -> dict[str, str]:
    """Return part -> what it is, for the parts of a method that are not GRPO's; for GRPO itself all it sets."""
    mine, blank = parts_of(name), {f.name: f.default for f in fields(Parts)}
    theirs = parts_of(BASE)
    found = {}
    for f in fields(Parts):
        value = getattr(mine, f.name)
        reference = blank[f.name] if name == BASE else getattr(theirs, f.name)
        if _identity(value) != _identity(reference) and (value or callable(value)):
            found[f.name] = describe(value)
    return found


def _identity(part: Any) -> Any:
    """Return what tells two parts apart: their code, not their settings."""
    if isinstance(part, Mapping):
        return {key: _identity(value) for key, value in part.items()}
    if inspect.isfunction(part):
        return part.__code__
    if isinstance(part, (int, float, str)) or part is None:
        return part
    return type(part)


def describe(part: Any) -> str:
    """Return a part in a few words: its name, and the first sentence of its docstring if it has one."""
    if isinstance(part, Mapping):
        return ", ".join(part) or "none"
    if isinstance(part, (int, float)):
        return f"{part:g}"
    named = part if inspect.isfunction(part) or inspect.ismethod(part) else type(part)
    words = (inspect.getdoc(named) or "").split("\n\n")[0]
    name = named.__qualname__.rpartition(".")[2]
    name = "a function" if name == "<lambda>" else f"`{name}`"
    return f"{name}: {' '.join(words.split()).rstrip('.')}" if words else name


def presets() -> dict[str, str]:
    """Return the names of the shipped presets, each with the first line of its comment."""
    found = {}
    for path in sorted(PRESETS.glob("*.toml")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        found[path.stem] = first.removeprefix("#").strip()
    return found


def presets_of(name: str) -> list[str]:
    """Return the names of the presets that choose a method."""
    from vlgym_agents.schema import read_toml

    return [key for key in presets() if read_toml(Path(PRESETS / f"{key}.toml")).get("run.algo") == name]
