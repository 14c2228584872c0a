"""Tasks: exact lengths, disjoint splits, a plan that always leads home, checkpoints that are reached in order."""

from __future__ import annotations

import copy
import random

import pytest

from vlgym.core.errors import TaskError
from vlgym.core.tasks import SPLITS
from vlgym.desk.apps import FIELDS, ON_PAGE
from vlgym.desk.env import DeskEnv
from vlgym.desk.goals import Goal
from vlgym.desk.tasks import LONGEST, TaskIds, build, split_of, task_set
from vlgym.desk.world import Desk

LENGTHS = range(1, LONGEST + 1)


@pytest.mark.parametrize("split", SPLITS)
def test_the_oracle_solves_every_length_in_exactly_that_many_steps(split: str) -> None:
    env = DeskEnv()
    for length in LENGTHS:
        for number in range(12):
            task = env.tasks[f"{split}-{length:02d}-{number}"]
            observation, info = env.reset(seed=0, options={"task": task.id})
            oracle, steps, passed = env.scripted_policy("oracle"), 0, [info["subgoal"]]
            assert info["progress"] == (0, len(task.checkpoints))
            terminated, reward = False, 0.0
            while not terminated:
                assert reward == 0.0
                before = info
                observation, reward, terminated, _, info = env.step(oracle(observation, info))
                steps += 1
                passed += [info["subgoal"]] * (info["subgoal"] not in (passed[-1], ""))
                assert info["action_valid"]
                assert info["progress"][0] - before["progress"][0] == (info["subgoal"] != before["subgoal"])
                assert info["score"] == info["progress"][0] / info["progress"][1]
            assert (steps, reward, info["success"], info["score"]) == (length, 1.0, True, 1.0)
            assert tuple(passed) == task.checkpoints
            assert task.difficulty == length


def solved_within(goal: Goal, steps: int) -> bool:
    """Try every action from the start, breadth first."""
    reached = [goal.start()]
    for _ in range(steps):
        after: dict[str, Desk] = {}
        for desk in reached:
            for act in [*desk.view.elements, *(goal.texts if desk.awaits == "entry" else ())]:
                new = copy.deepcopy(desk)
                new.type(act) if isinstance(act, str) else new.click(act)
                if len(new.saved) > len(desk.saved) and not goal.met_by(new):
                    continue
                if len(new.saved) == len(goal.apps):
                    return True
                after[repr(new.state())] = new
        reached = list(after.values())
    return False


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_no_solution_is_shorter(length: int) -> None:
    for number in range(12 if length < 4 else 4):
        goal = build(f"train-{length:02d}-{number}").data
        assert not solved_within(goal, length - 1)
        assert solved_within(goal, length)


def test_the_oracle_finds_home_from_anywhere() -> None:
    lost = 0
    for number in range(150):
        env = DeskEnv(max_steps=80)
        observation, info = env.reset(seed=number)
        stray, rng = env.scripted_policy("random", number), random.Random(number)
        for _ in range(rng.randint(1, 25)):
            action = stray(observation, info)
            if action != "click[Save]":
                observation, _, _, _, info = env.step(action)
        lost += len(env.plan()) > env.task.difficulty
        oracle, terminated = env.scripted_policy("oracle"), False
        best = info["progress"][0]
        while not terminated:
            observation, _, terminated, truncated, info = env.step(oracle(observation, info))
            assert info["action_valid"]
            assert not truncated
            assert info["progress"][0] >= best, "progress counts the checkpoints ever reached"
            best = info["progress"][0]
        assert info["success"]
    assert lost > 50


def test_saving_too_early_a_stranger_or_twice_ends_the_task_without_success() -> None:
    env = DeskEnv()
    env.reset(options={"task": "train-04-00000"})
    app = env.task.data.apps[0]
    stranger = next(name for name in ("Mail", "Files") if name != app)
    for name in (app, stranger):
        env.reset(options={"task": "train-04-00000"})
        if env.task.data.app:
            env.step("click[Cancel]")
        env.step(f"click[{name}]")
        _, reward, terminated, _, info = env.step("click[Save]")
        assert (reward, terminated, info["success"], info["subgoal"]) == (0.0, True, False, "")
    task = next(t for t in (build(f"train-12-{i:05d}") for i in range(50)) if len(t.data.apps) > 1)
    observation, info = env.reset(options={"task": task.id})
    oracle = env.scripted_policy("oracle")
    while not env._desk.saved:
        observation, _, terminated, _, info = env.step(oracle(observation, info))
    assert not terminated
    env.step(f"click[{task.data.apps[0]}]")
    _, reward, terminated, _, info = env.step("click[Save]")
    assert (reward, terminated, info["success"]) == (0.0, True, False)


def test_a_wrong_toggle_fails_the_save_and_can_be_taken_back() -> None:
    for mend in (False, True):
        env = DeskEnv()
        env.reset(options={"task": "train-02-00000"})
        goal = env.task.data
        page = ON_PAGE[goal.app, goal.page] if goal.app else ()
        other = next(f for f in page if f.kind == "toggle" and f.path not in goal.changes)
        env.step(f"click[{other.name}]")
        if mend:
            _, _, _, _, info = env.step(f"click[{other.name}]")
            assert info["progress"][0] == 0
            while (step := env.plan()[0]).argument != "Save":
                env.step(env.say(step))
        _, _, terminated, _, info = env.step("click[Save]")
        assert (terminated, info["success"]) == (True, mend)


# ---------------------------------------------------------------------- ids, splits, words


def test_splits_never_want_the_same() -> None:
    wanted: dict[str, set[object]] = {}
    for split in SPLITS:
        goals = [build(f"{split}-{length:02d}-{number:05d}").data for length in LENGTHS for number in range(60)]
        assert {split_of(goal) for goal in goals} == {split}
        wanted[split] = {(g.app, g.page, frozenset(g.apps), frozenset(g.changes.items())) for g in goals}
    assert not wanted["train"] & wanted["dev"]
    assert not wanted["train"] & wanted["test"]
    assert not wanted["dev"] & wanted["test"]
    assert len(wanted["train"]) > 600


def test_ids_are_an_even_mixture_and_endless() -> None:
    ids = TaskIds("dev", range(4, 9))
    assert ids[:6] == [
        *(f"dev-{length:02d}-00000" for length in range(4, 9)),
        "dev-04-00001",
    ]
    assert len(ids) % 5 == 0
    assert ids[-1] == ids[len(ids) - 1]
    assert build("train-09-123456789012").difficulty == 9
    tasks = task_set(range(4, 9))
    whole = [task for split in SPLITS for task in tasks.ids(split)]
    every = tasks.ids()
    assert list(every) == whole
    assert [every[i] for i in (0, 29_999, 30_000, 31_500, -1)] == [whole[i] for i in (0, 29_999, 30_000, 31_500, -1)]
    assert every[29_998:30_002] == whole[29_998:30_002]
    with pytest.raises(IndexError):
        ids[len(ids)]


@pytest.mark.parametrize(
    "task", ["", "train", "train-7-00001", "train-16-00001", "train-00-0", "train-05-", "train-05-1-2", "trian-05-1"]
)
def test_other_ids_are_refused(task: str) -> None:
    with pytest.raises(TaskError, match=r"Unknown task .*split-length-number"):
        build(task)


def test_the_instruction_names_all_that_changes_and_stays_short() -> None:
    for number in range(200):
        task = build(f"train-15-{number:05d}")
        assert len(task.instruction.split()) <= 60
        for path, value in task.data.changes.items():
            assert FIELDS[path].name in task.instruction
            assert value in task.instruction
            assert value != task.data.values[path]


def test_equal_ids_are_equal_tasks() -> None:
    first = build("test-11-00007")
    build.cache_clear()
    assert build("test-11-00007") == first
