"""vlgym: Gymnasium environments for GUI and embodied tasks. Importing it registers every id of `vlgym.registry`."""

from __future__ import annotations

import gymnasium

from vlgym.registry import ENVS

__version__ = "0.1.0"

for _row in ENVS:
    if _row.id not in gymnasium.registry:
        gymnasium.register(
            _row.id,
            entry_point=_row.entry_point,
            vector_entry_point=_row.vector_entry_point or None,
            kwargs=dict(_row.kwargs),
        )
