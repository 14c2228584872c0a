"""`python -m vlgym.rollout`: the command `vlgym-rollout`."""

from __future__ import annotations

import sys

from vlgym.rollout.cli import main

if __name__ == "__main__":
    sys.exit(main())
