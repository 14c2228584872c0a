"""What ``vlgym-train --list`` prints: environments, methods with their parts and sources, presets and models."""

from __future__ import annotations

import textwrap

from vlgym.registry import ENVS
from vlgym_agents import registry
from vlgym_agents.docs.parts import BASE, changed, presets

WIDTH, INDENT = 118, 16


def listing() -> str:
    """Return the listing; every name in it can be given to the flag that its heading names."""
    lines = ["Environments (--env):"]
    lines += [f"  {row.id:<28} {', '.join(row.tags)}" for row in ENVS]
    lines += ["", f"Methods (--algo), with the parts that are not {BASE}'s:"]
    for name in registry.ALGOS:
        lines += _method(name)
    lines += ["", "Methods (--algo) with a loop of their own:"]
    for name in registry.PROGRAMS:
        program = registry.method(name)
        lines += _wrapped(f"  {name:<{INDENT}} ", program.summary)
        lines += _wrapped(f"{' ' * (INDENT + 3)}source: ", program.source)
    lines += ["", "Presets (--preset):"]
    for name, words in presets().items():
        lines += _wrapped(f"  {name:<{INDENT + 8}} ", words)
    lines += ["", "Models (--model):"]
    lines += [f"  {name}" for name in registry.MODELS]
    return "\n".join([*lines, "  or a folder or hub id of an image-text model that transformers loads"])


def _method(name: str) -> list[str]:
    recipe = registry.recipe(name)
    parts = "; ".join(f"{part} = {words.partition(':')[0].strip('`')}" for part, words in changed(name).items())
    sets = ", ".join(f"{key.removeprefix('algo.')} {value}" for key, value in recipe.preset.items())
    lines = _wrapped(f"  {name:<{INDENT - 3}} ", recipe.summary)
    for what, words in (("source", recipe.source), ("parts", parts), ("sets", sets)):
        lines += _wrapped(f"{' ' * INDENT}{what}: ", words) if words else []
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * (len(head) + 2))
