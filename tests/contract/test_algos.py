"""What every method of the table must do; a new one is covered by its line there."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "agents"))
from toy_run import BANDIT, TWO_TURNS, config, equal, run, trainer

from vlgym_agents import registry
from vlgym_agents.algos.grpo import GrpoOptions
from vlgym_agents.schema import of_dataclass
from vlgym_agents.types import Chunk, Trace, Turn

pytestmark = pytest.mark.parametrize("algo", sorted(registry.ALGOS))


def test_row(algo):
    recipe = registry.recipe(algo)
    assert recipe.name == algo
    assert recipe.summary
    assert recipe.source
    options = of_dataclass(recipe.options)
    own = options.keys() - of_dataclass(GrpoOptions).keys()
    assert len(own) <= 20
    assert all(option.doc for option in options.values())
    assert recipe.options() == recipe.options()


def test_solves_the_bandit(algo, tmp_path):
    cfg = config(run__env=BANDIT, run__algo=algo, run__steps=25, rollout__groups=6, rollout__group_size=8,
                 rollout__batch=48, rollout__max_tokens=1, eval__episodes=60)  # fmt: skip
    run(tmp_path, cfg)
    before, after = (
        json.loads((tmp_path / f"eval_{name}.json").read_text())["success"] for name in ("before", "after")
    )
    assert after["value"] > before["value"] + 0.5


def test_resumes_to_the_bit(algo, tmp_path):
    cfg = config(run__env=TWO_TURNS, run__algo=algo, run__steps=4, run__save_every=2, run__keep=4)
    straight = run(tmp_path / "a", cfg)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "checkpoints" / "step-000004")
    resumed = run(tmp_path / "b", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


def test_credit_is_finite_and_aligned(algo, tmp_path):
    def trace(group: int, member: int, ret: float) -> Trace:
        ids = np.array([1, 8], np.int32)
        values = np.zeros(2, np.float32)
        turn = Turn(Chunk(np.array([20], np.int32)), ids, values - 1, "1", "pick[1]", ret, value=0.0, values=values)
        return Trace("t1", 0, group, member, [turn, turn], ret=ret, success=ret == 1.0, score=ret)

    with trainer(tmp_path, config(run__algo=algo)) as made:
        for returns in ([0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.5]):
            groups = [[trace(0, m, r) for m, r in enumerate(returns)]]
            credit = made.parts.credit(groups)
            assert len(credit.advantages) == len(returns)
            assert all(np.isfinite(a).all() for a in credit.advantages)
            assert credit.targets is None or all(len(target) in (2, 4) for target in credit.targets)  # turns, tokens


def test_state_survives_json_free_round_trip(algo, tmp_path):
    with trainer(tmp_path, config(run__algo=algo)) as made:
        made.step()
        state = made.parts.state_dict()
        made.parts.load_state_dict(state)
        made.save()
        assert made.resume() == 1
