"""Methods that bring a loop of their own: what `Recipe` is to the token trainer, a `Program` is to everything else.

A program shares the command line, the options with their sources, the run folder, the checkpoints and the report with
the other methods; what happens in between is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlgym_agents.options import Config
from vlgym_agents.record import RunFolder


@dataclass(frozen=True)
class Program:
    """A method as a row of the table.

    Attributes:
        name, summary: for people.
        source: paper and section, or "ours".
        sections: section -> frozen dataclass of its options; "algo" is one of them. The sections run, env and eval are
            always there, the token trainer's model, rollout and optim never.
        run: options, open run folder, whether to go on from its last checkpoint. Raises Interrupted when it was asked
            to end; whatever it has finished by then is saved.
        measure: options, run folder, name, episodes, seed, split -> evaluation object of the last checkpoint; None if
            a run cannot be evaluated again.
        lines: options -> how many steps (lines of metrics.jsonl) the whole run has; for the progress bar.
        preset: dotted options that the method wants otherwise than the defaults.
    """

    name: str
    summary: str
    source: str
    sections: Mapping[str, type]
    run: Callable[[Config, RunFolder, bool], None]
    measure: Callable[[Config, Path, str, int, int, str], dict[str, Any]] | None = None
    lines: Callable[[Config], int] = lambda config: config.run.steps
    preset: Mapping[str, Any] = field(default_factory=dict)
