"""Errors a user can meet, each one sentence that says what is wrong and how to mend it."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


class VlgymError(Exception):
    """Base of every error raised on purpose by vlgym."""


class ActionError(VlgymError, ValueError):
    """The agent's action text does not parse or names nothing on the page; becomes ``info["error"]``, never a crash."""


class TaskError(VlgymError, KeyError):
    """A task id, a split or a task file is wrong."""

    def __str__(self) -> str:  # KeyError would print the sentence in quotes
        return str(self.args[0]) if self.args else ""


class UnknownNameError(VlgymError, KeyError):
    """A name that is in no table; the sentence lists the nearest and the known."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class CatalogueError(VlgymError, ValueError):
    """A data file is missing, truncated, corrupt or of another schema; names the file, the record and the field."""


class BackendError(VlgymError, RuntimeError):
    """The machinery failed (browser died, device lost, deadline passed).

    An environment turns it into ``truncated=True`` and ``info["env_error"]``; it is never the agent's failure.
    """


class MissingDependencyError(VlgymError, ImportError):
    """A Python extra or a system package is absent; the sentence names the command that installs it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to `name`, or "" if none is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import `module`, or raise MissingDependencyError naming the extra that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f'{purpose} needs the Python package {module.partition(".")[0]!r}: pip install "vlgym[{extra}]".'
        ) from error
