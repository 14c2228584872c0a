"""Checkpoints: everything that influences the next step, written atomically, the last few kept.

    checkpoints/step-000010/state.pt    weights, optimiser, parts, RNGs, counters (torch.save; loading runs no code)
    checkpoints/step-000010/meta.json   {"format": 1, "step": 10, "options": {...}}: what the state belongs to
    checkpoints/step-000010/model/      what Policy.save writes: enough to use the model elsewhere

A folder is written under a temporary name and renamed when it is complete, so a folder named ``step-*`` is whole.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import pickle
import random
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vlgym.core.errors import VlgymError
from vlgym_agents.types import Chunk, Trace, Turn

FORMAT = 1
FREE_OPTIONS = {
    f"run.{name}"
    for name in (
        "steps",
        "out",
        "workers",
        "step_timeout",
        "save_every",
        "keep",
        "record",
        "record_every",
        "wandb",
        "preset",
    )
}
"""Options a resumed run may change: they do not influence what is learnt."""
DISK_TROUBLE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.EROFS: "the disk is read-only",
    errno.ENOTDIR: "a part of that path is a file",
    errno.EEXIST: "a part of that path is a file",
}


class CheckpointError(VlgymError, RuntimeError):
    """A checkpoint cannot be written, read, or does not belong to this run; says which and what to do."""


@contextlib.contextmanager
def disk_errors(what: str, path: Path, remedy: str) -> Iterator[None]:
    """Turn a full or read-only disk into one sentence; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_TROUBLE:
            raise
        raise CheckpointError(f"Cannot write {what} in {str(path)!r}: {DISK_TROUBLE[error.errno]}. {remedy}") from error
    except RuntimeError as error:  # torch reports a failed write of its archive this way, without the errno
        if "PytorchStreamWriter" not in str(error) and "file write failed" not in str(error):
            raise
        raise CheckpointError(f"Cannot write {what} in {str(path)!r}: the disk may be full. {remedy}") from error


class Checkpoints:
    """The checkpoint folder of a run.

    Args:
        folder: ``RUN/checkpoints``.
        options: the resolved options, dotted; those not in FREE_OPTIONS must agree on loading (None: to read only).
        keep: so many are kept.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any] | None = None, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep
        self.options = None if options is None else {name: _plain(value) for name, value in options.items()}

    def steps(self) -> list[int]:
        """Return the steps of complete checkpoints, ascending."""
        return sorted(int(path.name[5:]) for path in self.folder.glob("step-*") if path.name[5:].isdigit())

    def path(self, step: int) -> Path:
        """Return the folder of a step's checkpoint."""
        return self.folder / f"step-{step:06d}"

    def save(self, step: int, state: Mapping[str, Any], save_model: Callable[[Path], None] | None = None) -> Path:
        """Write the checkpoint of a step and drop the oldest.

        Raises:
            CheckpointError: the disk is full or not writable; earlier checkpoints are untouched.
        """
        before = self.steps()
        kept = (
            f"The checkpoint of step {before[-1]} is intact: free some space, then use --resume."
            if before
            else ("Free some space, or choose another --out.")
        )
        temporary = self.folder / f".writing-{step:06d}-{os.getpid()}"
        with disk_errors(f"the checkpoint of step {step}", self.folder, kept):
            try:
                self._write(temporary, step, state, save_model)
                target = self.path(step)
                if target.exists():
                    shutil.rmtree(target)
                os.replace(temporary, target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        for old in self.steps()[: -self.keep]:
            shutil.rmtree(self.path(old), ignore_errors=True)
        return target

    def _write(
        self, folder: Path, step: int, state: Mapping[str, Any], save_model: Callable[[Path], None] | None
    ) -> None:
        folder.mkdir(parents=True)
        with open(folder / "state.pt", "wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        meta = {"format": FORMAT, "step": step, "options": self.options}
        (folder / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
        if save_model is not None:
            save_model(folder / "model")

    def load(self, step: int | None = None) -> tuple[int, dict[str, Any]]:
        """Return (step, state) of a checkpoint, by default the latest.

        Raises:
            CheckpointError: there is none, it is damaged, or it belongs to a run with other options.
        """
        steps = self.steps()
        if not steps:
            raise CheckpointError(f"There is no checkpoint in {str(self.folder)!r}; start without --resume.")
        step = steps[-1] if step is None else step
        folder = self.path(step)
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            self._compare(meta)
            with torch.serialization.safe_globals(_RECORDS):
                state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            if isinstance(error, CheckpointError):
                raise
            others = [str(s) for s in steps if s != step]
            hint = f"Delete it to resume from step {others[-1]}." if others else "Start a new run."
            raise CheckpointError(f"The checkpoint {str(folder)!r} is damaged ({error}). {hint}") from error
        return step, state

    def _compare(self, meta: Mapping[str, Any]) -> None:
        if meta["format"] != FORMAT:
            raise CheckpointError(f"The checkpoint has format {meta['format']}, this version reads {FORMAT}.")
        theirs, ours = meta["options"], self.options
        if ours is None:
            return
        schedule = ours.get("optim.schedule", ours.get("algo.schedule", "constant"))
        if schedule != "constant" and theirs.get("run.steps") != ours.get("run.steps"):
            raise CheckpointError(
                f"The run was planned for {theirs.get('run.steps')} steps and its learning rate falls towards them; "
                f"resume with --steps {theirs.get('run.steps')}."
            )
        for name in dict.fromkeys((*theirs, *ours)):
            free = name in FREE_OPTIONS or name.startswith("eval.")
            if not free and theirs.get(name) != ours.get(name):
                raise CheckpointError(
                    f"The checkpoint belongs to a run with {name} = {theirs.get(name)!r}, not {ours.get(name)!r}; "
                    f"resume with the same options, or start a new run with another --out."
                )


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return what training can change of a module: its state without the frozen parameters."""
    frozen = {name for name, p in module.named_parameters(remove_duplicate=False) if not p.requires_grad}
    return {name: value for name, value in module.state_dict().items() if name not in frozen}


def load_weights(module: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Restore what `weights` returned.

    Raises:
        CheckpointError: the weights are another model's.
    """
    wanted = weights(module)
    names = sorted(wanted.keys() ^ state.keys())
    shapes = [name for name in wanted.keys() & state.keys() if wanted[name].shape != state[name].shape]
    if names or shapes:
        example = (names or shapes)[0]
        raise CheckpointError(
            f"The checkpoint holds the weights of another model ({example!r} does not fit); resume with the model "
            f"it was made with."
        )
    module.load_state_dict(dict(state), strict=False)


def _plain(value: Any) -> Any:
    """Return the JSON form of an option, so that saved and present options compare."""
    return json.loads(json.dumps(value, default=str))


_RECORDS: list[Any] = [
    Trace,
    Turn,
    Chunk,
    bytes,  # empty ones, and with them empty arrays, are pickled as a call of the type
    np.ndarray,
    np.dtype,
    np._core.multiarray._reconstruct if hasattr(np, "_core") else np.core.multiarray._reconstruct,  # type: ignore[attr-defined]
    *(
        type(np.dtype(t))
        for t in ("bool", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64", "U1", "O")
    ),
]
"""Classes a state may hold besides tensors and plain containers: stored traces of replay methods."""


def pack(trace: Trace) -> torch.Tensor:
    """Return a trace as compressed bytes, uint8 [n]: what a store keeps of it in memory and in a checkpoint."""
    buffer = io.BytesIO()
    torch.save(trace, buffer)
    return torch.frombuffer(bytearray(zlib.compress(buffer.getvalue(), 1)), dtype=torch.uint8)


def unpack(packed: torch.Tensor) -> Trace:
    """Return the trace that `pack` was given, equal to the bit; runs no code from it."""
    buffer = io.BytesIO(zlib.decompress(packed.numpy().tobytes()))
    with torch.serialization.safe_globals(_RECORDS):
        trace: Trace = torch.load(buffer, map_location="cpu", weights_only=True)
    return trace


def rng_state() -> dict[str, Any]:
    """Return the state of every global generator (torch, CUDA, numpy, random)."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    version, internal, gauss_next = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [
            str(kind),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(gauss),
        ],
        "python": [version, list(internal), gauss_next],
    }


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Restore what `rng_state` returned."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
