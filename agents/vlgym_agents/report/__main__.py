"""``python -m vlgym_agents.report RUN_FOLDER``: write the report of a run again, e.g. of one that died."""

from __future__ import annotations

import sys
from pathlib import Path

from vlgym.core.errors import VlgymError
from vlgym_agents.report import write_report

if len(sys.argv) != 2:
    sys.exit("usage: python -m vlgym_agents.report RUN_FOLDER")
try:
    print(write_report(Path(sys.argv[1])))
except VlgymError as problem:
    sys.exit(str(problem))
