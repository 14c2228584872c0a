"""The code that CONTRIBUTING.md shows: the environment passes the contract, the method trains."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vlgym.core import checks
from vlgym_agents import registry

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "agents"))


def shown(file: str, name: str, folder: Path) -> ModuleType:
    """Import the code block that begins with the comment ``# file`` as the module `name`."""
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    (folder / f"{name}.py").write_text(dict(blocks)[file], encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_the_environment_keeps_the_contract(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))  # where spawned workers look for it too
    check(shown("vlgym/doors/env.py", "shown_doors", tmp_path).DoorsEnv)


def test_the_method_prices_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from toy_run import TWO_TURNS, config, run

    shown("agents/vlgym_agents/algos/brief.py", "shown_brief", tmp_path)
    monkeypatch.setitem(registry.ALGOS, "brief", "shown_brief:RECIPE")
    run(
        tmp_path / "run",
        config(run__env=TWO_TURNS, run__algo="brief", run__steps=1, algo__turn_price=0.25, run__record=4),
    )
    episodes = [json.loads(path.read_text()) for path in (tmp_path / "run" / "episodes").glob("*.json")]
    assert episodes
    for episode in episodes:
        assert episode["return_parts"]["turns"] == -0.25 * len(episode["turns"])
        assert episode["return"] == pytest.approx(sum(episode["return_parts"].values()))
