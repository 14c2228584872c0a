"""CRAFT-GUI: the sheet's numbers, the identity with GRPO, a curriculum that resumes."""

from __future__ import annotations

import math
import shutil
from collections import Counter

import numpy as np
import pytest
from toy_run import config, equal, run, trainer

from vlgym.core.actions import Action
from vlgym.core.tasks import Task
from vlgym_agents.algos.craft_gui import CraftGuiOptions
from vlgym_agents.curriculum import StageOptions, Stages
from vlgym_agents.gui_rewards import StepWeights, Target, click_score, step_reward, token_f1
from vlgym_agents.schema import OptionError
from vlgym_agents.types import Chunk, Trace, Turn

LADDER = "ladder_envs:toys/Ladder-v0"
RNG = np.random.default_rng


def tasks(*lengths: float) -> dict[str, Task]:
    return {f"n{i}-{n}": Task(f"n{i}-{n}", "", "train", n) for i, n in enumerate(lengths)}


def stages(*lengths: float, steps: int = 0, **options) -> Stages:
    made = tasks(*(lengths or (1, 2, 3, 4, 8, 9, 15) * 10))
    return Stages(made, list(made), StageOptions(**options), steps)


def group(task: str, *wins: bool, turns: int = 1) -> list[Trace]:
    turn = Turn(Chunk(np.array([20], np.int32)), np.array([1], np.int32), np.zeros(1, np.float32), "1", "pick[1]")
    return [Trace(task, 0, 0, i, [turn] * turns, success=win) for i, win in enumerate(wins)]


def lengths(drawn) -> list[float]:
    return [float(task.partition("-")[2]) for task in drawn]


# ---------------------------------------------------------------------- the sheet's numbers


def test_stages_by_length():
    made = stages(1, 3, 4, 8, 9, 15)
    assert [made.position(task) + 1 for task in made.ids] == [1, 1, 2, 2, 3, 3]
    hard = stages(1, 3, 4, 8, 9, 15, order="hard_first")
    assert [hard.position(task) + 1 for task in hard.ids] == [3, 3, 2, 2, 1, 1]


@pytest.mark.parametrize(("stage", "expected"), [(1, (18, 2, 0)), (2, (4, 14, 2)), (3, (2, 2, 16))])
def test_the_mixture_of_a_batch_of_20(stage, expected):
    made = stages(*[1] * 50, *[5] * 50, *[12] * 50)
    made.at.current = stage - 1
    drawn = Counter(lengths(made.sample(20, RNG(0))))
    found = tuple(drawn[n] for n in (1.0, 5.0, 12.0))
    if stage < 3:
        assert found == expected
    else:  # four from the two stages before, uniformly
        assert (found[2], found[0] + found[1]) == (16, 4)


def test_promotion_wants_success_and_200_groups():
    made = stages()
    for _ in range(199):
        made.update([group("n0-1", True)])
        made.at.success[0] = 0.71
    assert made.at.current == 0
    made.update([group("n0-1", True)])
    assert made.at.current == 1
    assert (made.at.groups, made.at.steps, made.at.mastered[0]) == (0, 0, True)


def test_no_promotion_without_success():
    made = stages(promote_after=2)
    for _ in range(20):
        made.update([group("n0-1", True, False, False)])
    assert made.at.current == 0


def test_a_third_of_the_run_is_enough_for_a_stage():
    made = stages(steps=9)
    seen = []
    for _ in range(9):
        made.update([group("n0-1", False)])
        seen.append(made.at.current + 1)
    assert seen == [1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert made.at.mastered == [False, False, False]


def test_a_forgotten_stage_is_taken_up_again():
    made = stages(promote_after=3, demote_after=5)
    for _ in range(3):
        made.update([group("n0-1", True)])
    assert made.at.current == 1
    made.at.success[0] = 0.55
    for _ in range(8):
        made.update([group("n0-1", False)])  # 0.95 * 0.55 = 0.5225, then below 0.5
        if made.at.current == 0:
            break
    assert made.at.current == 0
    assert 0.3 < made.at.success[0] < 0.5
    assert made.at.low == 0


def test_what_was_passed_without_success_is_not_taken_up_again():
    made = stages(steps=30, demote_after=2)
    for _ in range(15):
        made.update([group("n0-1", False)])
    assert made.at.current == 1


def test_running_success():
    made = stages()
    made.update([group("n0-1", True, False)])  # the first group sets it
    made.update([group("n1-2", True, True), group("n3-4", False)])
    assert made.at.success[:2] == pytest.approx([0.95 * 0.5 + 0.05, 0.0])
    assert math.isnan(made.at.success[2])
    assert made.rate == pytest.approx({"n0-1": 0.5, "n1-2": 0.65, "n3-4": 0.35})


def test_tasks_solved_sometimes_are_preferred():
    made = stages(1, 1, stages=())
    made.rate = {"n0-1": 1.0}  # weights 0.02 and 0.27
    drawn = Counter(made.sample(1, RNG(k))[0] for k in range(600))
    assert drawn["n0-1"] / 600 == pytest.approx(0.02 / 0.29, abs=0.035)


def test_measured_difficulty():
    made = stages(0, 0, 0)
    first = made.ids[0]
    assert made.length(first) is None
    assert made.position(first) == 0  # nobody knows: it belongs to the current stage
    made.update([group(first, True, False, turns=9), group(first, True, True, turns=5)])
    assert made.length(first) == 5.0  # median of 9, 5, 5
    assert made.position(first) == 1
    stated = stages(2, 2, difficulty="measured")
    assert stated.length(stated.ids[0]) is None


def test_empty_stages_are_passed():
    made = stages(9, 12)
    assert made.at.current == 2
    assert len(made.sample(5, RNG(0))) == 5


# ---------------------------------------------------------------------- rewards of a step


def far(dist: float) -> Action:
    return Action("click", (100 + dist, 50))


CLICK = Target(Action("click", (90, 50)), box=(80, 40, 100, 60), screen=(300, 400))  # diagonal 500
NO_JUDGE = StepWeights(0.10, 0.25, 0.45, 0.20)


@pytest.mark.parametrize(
    ("action", "total"),
    [
        (Action("click", (85, 41)), 1.0),
        (far(0.14 * 500), 0.10 + 0.25 + 0.65 * 0.3679),
        (Action("scroll", ("down",)), 0.10),
        (None, 0.0),
        (Action("click", ("x",)), 0.35),
        (far(1), 0.35 + 0.65 * 0.5),
        (Action("click", (math.nan, 0.0)), 0.35),
    ],
)
def test_step_rewards(action, total):
    assert sum(step_reward(action, CLICK, weights=NO_JUDGE).values()) == pytest.approx(total, abs=1e-4)


def test_a_judge_takes_its_own_share():
    terms = step_reward(Action("click", (85, 41)), CLICK, judged=0.5)
    assert terms == pytest.approx({"format": 0.10, "type": 0.25, "argument": 0.45, "judge": 0.10})
    assert sum(step_reward(None, CLICK, judged=1.0).values()) == 0.0


def test_texts_and_keys():
    typed = Target(Action("type", ("red running shoes",)), words=True)
    assert token_f1("Red shoes", "red running shoes") == pytest.approx(0.8)
    assert step_reward(Action("type", ("Red shoes",)), typed)["argument"] == pytest.approx(0.65 * 0.8)
    key = Target(Action("press", ("enter",)))
    assert step_reward(Action("press", ("enter",)), key)["argument"] == pytest.approx(0.65)
    assert step_reward(Action("press", ("Enter ",)), key)["argument"] == 0.0
    assert token_f1("", "") == 1.0
    assert token_f1("!", "?") == 0.0
    assert click_score((300, 400), (300, 400, 300, 400), (300, 400)) == 1.0


# ---------------------------------------------------------------------- inside the trainer

CRAFT = {"run__env": LADDER, "run__algo": "craft-gui", "rollout__groups": 4, "rollout__max_tokens": 1}
PLAIN = {"algo__stages": [], "algo__learnability": False, "algo__progress_weight": 0.0, "algo__format_weight": 0.0}


def test_one_stage_and_the_terminal_reward_are_grpo_to_the_bit(tmp_path):
    grpo = run(tmp_path / "a", config(**{**CRAFT, "run__algo": "grpo", "run__steps": 3}))
    flat = run(tmp_path / "b", config(**CRAFT, **PLAIN, run__steps=3))
    assert equal(grpo[0], flat[0])
    assert grpo[1] == [{name: line[name] for name in before} for line, before in zip(flat[1], grpo[1])]


def test_the_return_and_its_terms(tmp_path):
    with trainer(tmp_path, config(**CRAFT)) as made:
        logged = made.step()
        attempts = made._harvest(2).attempts
    assert {trace.task for trace in attempts} <= {"n1", "n2", "n3"}  # 18 of 20 would be; 4 of 4 are
    for trace in attempts:
        reached, total = trace.turns[-1].info["progress"]
        valid = np.mean([turn.info["action_valid"] for turn in trace.turns])
        assert trace.ret == pytest.approx(trace.success + 0.2 * reached / total + 0.1 * valid)
    terms = [logged[f"return_{name}"] for name in ("env", "progress", "format")]
    assert logged["return"] == pytest.approx(sum(terms))
    assert logged["return_progress"] == pytest.approx(0.2 * logged["progress"])
    assert logged["stage"] == 1.0
    assert logged["difficulty"] <= 3


def test_the_curriculum_climbs(tmp_path):
    cfg = config(**CRAFT, run__steps=9, algo__stage_share=0.33)
    with trainer(tmp_path, cfg) as made:
        lines = [made.step() for _ in range(9)]
    assert [line["stage"] for line in lines] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert np.mean([line["difficulty"] for line in lines[6:]]) > np.mean([line["difficulty"] for line in lines[:3]]) + 3


@pytest.mark.parametrize("extra", [{}, {"algo__difficulty": "measured", "algo__order": "hard_first"}])
def test_resumes_to_the_bit(tmp_path, extra):
    cfg = config(**CRAFT, **extra, run__steps=6, run__save_every=3, run__keep=4)
    straight = run(tmp_path / "a", cfg)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "checkpoints" / "step-000006")
    resumed = run(tmp_path / "b", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


def test_the_plan_survives_a_resume_with_more_steps():
    made, later = stages(steps=9), stages(steps=900)
    made.update([group("n0-1", True)])
    later.load_state_dict(made.state_dict())
    assert later.at == made.at
    assert later.at.planned == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stages": (8, 3)}, "ascending"),
        ({"stages": (3, 2.5)}, "whole numbers"),
        ({"stages": 3}, "whole numbers"),
        ({"earlier_share": 0.8, "next_share": 0.3}, "leave something"),
        ({"order": "hard"}, "Did you mean 'hard_first'"),
        ({"judge_weight": 0.1, "judge": "model"}, "endpoint"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises(ValueError, match=said):
        CraftGuiOptions(**options)


def test_idle_options_are_refused():
    with pytest.raises(OptionError, match="judge_weight is 0"):
        config(**CRAFT, algo__judge_cache="x")
    with pytest.raises(OptionError, match="stages is empty"):
        config(**CRAFT, algo__stages=[], algo__promote_at=0.5)
