"""nano: a small vision-language transformer of ours, the default policy.

`load` opens shipped or saved weights; `fresh` makes an untrained one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.model import NanoForImageTextToText, register
from vlgym_agents.policies.nano.policy import NanoPolicy
from vlgym_agents.policies.nano.tokenizer import NanoTokenizer
from vlgym_agents.schema import read_toml

register()

PRESET: dict[str, Any] = {
    "run.torch_threads": 1,
    "optim.lr": 3e-4,
    "optim.schedule": "linear",
    "rollout.groups": 16,
    "rollout.max_tokens": 32,
    "algo.aggregation": "turn_mean",
}
"""What a model of this size wants of the trainer. Its operations are too small to share between threads: two took
eight times the CPU of one on a busy machine. A query is ten times as long as a click, so under a mean over tokens the
clicks, where the choices are made, would hardly be heard: a mean over turns. In trials of one seed each on WebShop, two
or four optimiser steps per rollout batch learnt less than one (ours)."""

_ROWS = "vision.row.weight"

__all__ = [
    "PRESET",
    "NanoConfig",
    "NanoForImageTextToText",
    "NanoPolicy",
    "NanoTokenizer",
    "fresh",
    "load",
    "shipped",
    "wishes",
]


def wishes(source: str, family: str) -> dict[str, Any]:
    """Return the options of preset.toml beside a warm start: the tasks that it was begun on and what it learns with.

    They are for the family that the file names as run.env; in any other environment the start has no wishes.
    """
    try:
        own = _folder(source, family) / "preset.toml"
    except FileNotFoundError:
        return {}  # `load` says so
    found = read_toml(own) if own.is_file() else {}
    meant = found.pop("run.env", family)
    return found if f"{family}-".startswith(f"{meant}-") else {}


def fresh(config: NanoConfig | None = None, seed: int = 0, tokenizer: NanoTokenizer | None = None) -> NanoPolicy:
    """Return an untrained policy; equal seeds give equal weights, whatever was drawn from torch before."""
    tokenizer = tokenizer or NanoTokenizer.build()
    config = config or NanoConfig(vocab_size=len(tokenizer))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = NanoForImageTextToText(config)
    module.eval()  # type: ignore[no-untyped-call]
    return NanoPolicy(module, tokenizer, "nano-fresh")


def shipped(family: str = "") -> Path:
    """Return the folder of shipped weights: ``nano-<family>`` where a family has a warm start, else ``nano``.

    A tag such as "desk-short" is of the family "desk" unless it has a warm start of its own.

    Raises:
        FileNotFoundError: the weights are not installed.
    """
    import envs_assets

    root = Path(next(iter(envs_assets.__path__)))
    parts = f"nano-{family}".split("-") if family else ["nano"]
    for name in ("-".join(parts[:end]) for end in range(len(parts), 0, -1)):
        if (root / name / "config.json").is_file():
            return root / name
    raise FileNotFoundError(
        f"No nano weights under {root}; make them: python -m vlgym_agents.policies.nano.pretrain --out {root / 'nano'}"
    )


def _folder(source: str, family: str) -> Path:
    """Return the folder of weights that a source names."""
    folder = Path(source)
    if source == "nano" or (source.startswith("nano-") and not folder.is_dir()):
        folder = shipped(source.partition("-")[2] or family)
    return folder


def load(
    source: str | Path = "nano",
    *,
    family: str = "",
    value_head: bool = False,
    freeze_vision: bool = True,
    max_cells: int = 0,
    grid_rows: int = 0,
    thin: bool = False,
) -> NanoPolicy:
    """Open a nano policy.

    Args:
        source: "nano" opens the shipped weights (`family`'s warm start if there is one, such as "webshop");
            "nano-<family>" opens that one; anything else is a folder written by `NanoPolicy.save`.
        family: tag of the environment it will act in.
        value_head: add a critic; one absent from the weights starts at zero.
        freeze_vision: keep the pretrained convolutions; each picture then passes through them once in a run.
        max_cells: image cells kept of one observation; 0: as many as the weights were made with.
        grid_rows: rows of cells, 8 pixels each, that an image may have before it is scaled down; 0: as many as the
            weights were made with. Rows that they do not know begin at random.
        thin: keep one image cell or two of each word, not all.

    Raises:
        FileNotFoundError: no weights there.
        ValueError: the folder holds another model.
    """
    from safetensors.torch import load_file

    folder = _folder(str(source), family)
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        raise FileNotFoundError(f"{folder} holds no nano model: config.json and model.safetensors are needed.")
    config = NanoConfig.from_pretrained(folder)
    if config.model_type != NanoConfig.model_type:
        raise ValueError(f"{folder} holds a {config.model_type!r} model, not nano; open it as --model {folder}.")
    config.value_head = config.value_head or value_head
    config.max_cells = max_cells or config.max_cells
    config.thin = config.thin or thin
    config.grid[0] = grid_rows or config.grid[0]
    policy = fresh(config, tokenizer=NanoTokenizer.from_pretrained(folder))
    weights = {key: value.float() for key, value in load_file(folder / "model.safetensors").items()}
    rows = policy.core.vision.row.weight.detach()
    weights[_ROWS] = torch.cat([weights[_ROWS][: len(rows)], rows[len(weights[_ROWS]) :]])
    missing, unknown = policy.module.load_state_dict(weights, strict=False)
    if unknown or any(not key.startswith("critic.") for key in missing):
        names = ", ".join([*unknown, *missing][:3])
        raise ValueError(f"The weights in {folder} are of another shape of nano ({names}); make them again.")
    if freeze_vision:
        policy.core.vision.freeze()
    policy.name = str(source)
    return policy
