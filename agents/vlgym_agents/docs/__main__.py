"""``python -m vlgym_agents.docs [FOLDER]``: write the pages of the methods (default: docs/methods)."""

from __future__ import annotations

import sys
from pathlib import Path

from vlgym_agents.docs.pages import write

if len(sys.argv) > 2 or sys.argv[1:2] == ["--help"]:
    sys.exit("usage: python -m vlgym_agents.docs [FOLDER]")
for changed in write(Path(sys.argv[1] if len(sys.argv) == 2 else "docs/methods")):
    print(changed)
