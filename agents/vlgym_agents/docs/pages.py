"""One markdown page per method, from its module, its options and its parts; and the index."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vlgym_agents import registry
from vlgym_agents.docs.parts import BASE, changed, defaults, presets, presets_of
from vlgym_agents.docs.results import sections
from vlgym_agents.recipe import Recipe
from vlgym_agents.schema import of_dataclass

MADE = "<!-- Made by `python -m vlgym_agents.docs`; edit the method's file, then make it again. -->\n"
RESULTS = "results.md"


def pages(folder: Path) -> dict[str, str]:
    """Return file name -> text of every page; results are taken from the page of results in `folder`."""
    measured = sections(folder / RESULTS)
    found = {
        f"{name}.md": page(name, [measured[key] for key in measured if _about(key, name)]) for name in registry.ALGOS
    }
    found["README.md"] = index(bool(measured))
    return found


def index(measured: bool) -> str:
    """Return the page that lists the methods."""
    rows = [
        f"| [{name}]({name}.md) | {registry.recipe(name).summary} | {registry.recipe(name).source} |"
        for name in registry.ALGOS
    ]
    results = f"\nWhat their claims come to on this suite: [{RESULTS}]({RESULTS}).\n" if measured else ""
    return "\n".join(
        [
            "# Methods",
            "",
            MADE,
            "A method is one file, a composition of parts (`agents/vlgym_agents/recipe.py: Parts`), and one line of a",
            "table. `vlgym-train --list` prints the same; `--algo NAME` chooses one, `--preset NAME` a file of options",
            "to copy and edit. `vlgym-compare` runs several of them side by side. How to write one:",
            "[CONTRIBUTING.md](../../CONTRIBUTING.md).",
            results,
            "| method | what it is | source |",
            "| --- | --- | --- |",
            *rows,
            "",
            "Tags in the pages: [C] read in released code, [P] in the paper, [A] in its abstract, [S] in a summary by",
            "others, [M] from memory, [R] a reconstruction, [O] ours.",
            "",
        ]
    )


def _about(experiment: str, method: str) -> bool:
    """Whether an experiment is a method's: it bears its name, or its name and a word that makes no other method's."""
    return experiment == method or (experiment.startswith(f"{method}-") and experiment not in registry.ALGOS)


def page(name: str, measured: Sequence[str] = ()) -> str:
    """Return the page of a method, with the sections of its experiments."""
    recipe = registry.recipe(name)
    module = sys.modules[registry.ALGOS[name].partition(":")[0]]
    path = "agents/" + module.__name__.replace(".", "/") + ".py"
    blocks = [
        f"# {name}",
        MADE.strip(),
        f"{_sentence(recipe.summary)} Source: {recipe.source}. File: [{path}](../../{path}).",
        (inspect.getdoc(module) or "").strip(),
        f"```sh\nvlgym-train --env desk --algo {name}\n```",
        _parts(name),
        _options(recipe),
        _trainer(recipe),
        _presets(name),
    ]
    for found in measured:
        title, _, body = found.partition("\n")
        blocks.append(f"## Measured: {title.removeprefix('## ')}\n\n{body.strip()}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _cell(value: Any) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(str(value).split()))


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _parts(name: str) -> str:
    found = changed(name)
    title = "## Parts" if name == BASE else "## Parts that are not GRPO's"
    if not found:
        return f"{title}\n\nNone: the same parts under other options."
    return f"{title}\n\n" + _table(("part", "what it is"), list(found.items()))


def _options(recipe: Recipe) -> str:
    """Return the table of options; those that GRPO lacks or has otherwise come first."""
    base = registry.recipe(BASE)
    theirs, known = defaults(base), of_dataclass(base.options)
    mine = defaults(recipe)
    own, same = [], []
    for option in of_dataclass(recipe.options).values():
        value = getattr(mine, option.name)
        row = (f"`algo.{option.name}`", f"`{value}`", option.doc)
        if recipe.name == BASE or option.name not in known:
            own.append(row)
        elif value != getattr(theirs, option.name):
            own.append((*row[:2], f"{option.doc} (GRPO: `{getattr(theirs, option.name)}`)"))
        else:
            same.append(row)
    head = ("option", "default", "what it does")
    blocks = ["## Options"]
    if own:
        blocks += [
            "" if recipe.name == BASE else "Its own, and those that it sets otherwise than GRPO:",
            _table(head, own),
        ]
    if same:
        blocks += ["The same as GRPO's:", _table(head, same)]
    return "\n\n".join(block for block in blocks if block)


def _trainer(recipe: Recipe) -> str:
    rest = [(f"`{key}`", f"`{value}`") for key, value in recipe.preset.items() if not key.startswith("algo.")]
    return "## What it wants of the trainer\n\n" + _table(("option", "value"), rest) if rest else ""


def _presets(name: str) -> str:
    found = presets_of(name)
    if not found:
        return ""
    folder = "agents/vlgym_agents/presets"
    words = presets()
    lines = [f"- [`--preset {key}`](../../{folder}/{key}.toml): {words[key]}" for key in found]
    return "## Presets\n\n" + "\n".join(lines)


def write(folder: Path) -> list[Path]:
    """Write every page, remove pages of methods that are gone, and return what changed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted, done = pages(folder), []
    for old in folder.glob("*.md"):
        if old.name not in wanted and old.name != RESULTS:
            old.unlink()
            done.append(old)
    for file, text in wanted.items():
        path = folder / file
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            done.append(path)
    return done
