"""Every template: its oracle solves it by public actions, its near miss does not, its draws and words hold."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator

import pytest

from vlgym.android.adb import AdbPhone
from vlgym.android.backend import factory
from vlgym.android.device import Device
from vlgym.android.doors import SimulatedDoor
from vlgym.android.env import AndroidEnv
from vlgym.android.tasks import FAMILIES, catalogue, templates
from vlgym.android.tasks.ids import split_of
from vlgym.android.tasks.phone import SimPhone
from vlgym.android.tasks.plain import PLAIN
from vlgym.android.tasks.template import Template

ALL = catalogue()
SEEDS = range(3)
_CAP = 80


@pytest.fixture(scope="module")
def env() -> Iterator[AndroidEnv]:
    env = AndroidEnv(max_steps=_CAP)
    yield env
    env.close()


def run(env: AndroidEnv, template: Template, script: str, number: int) -> tuple[bool, int]:
    """Return whether a script succeeded, and in how many actions."""
    observation, info = env.reset(seed=number, options={"task": f"{template.name}-train-{number:05d}"})
    assert not info["success"], "it is solved before it has begun"
    actions, steps, ended = env.script(script), 0, False
    while not ended:
        action = env.say(next(actions, "done"))
        observation, _, terminated, truncated, info = env.step(action)
        steps += 1
        assert info["action_valid"], f"{action}: {info['error']}\n{observation['text']}"
        ended = terminated or truncated
    assert info["success"] == (info["progress"][0] == info["progress"][1]) or template.ends != "state"
    return bool(info["success"]), steps


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_oracle_solves_it(env: AndroidEnv, template: Template) -> None:
    for number in SEEDS:
        success, steps = run(env, template, "solve", number)
        assert success, (
            f"the oracle failed at number {number}: {env.task and env.task.instruction}\n{env.elements.text}"
        )
        if number == 0:
            assert steps == template.steps, f"the oracle takes {steps} steps, {template.steps} are declared"


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_near_miss_does_not_solve_it(env: AndroidEnv, template: Template) -> None:
    for number in SEEDS:
        assert not run(env, template, "near_miss", number)[0], f"the near miss of number {number} succeeded"


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_random_policy_does_not_solve_it_at_once(env: AndroidEnv, template: Template) -> None:
    wins = 0
    for number in SEEDS:
        observation, info = env.reset(seed=number, options={"task": f"{template.name}-dev-{number:05d}"})
        act = env.scripted_policy("random", number)
        for _ in range(8):
            observation, _, terminated, _, info = env.step(act(observation, info))
            assert info["action_valid"], info["error"]
            if terminated:
                break
        wins += info["success"]
    assert wins < len(SEEDS)


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_params_are_plain_and_words_are_whole(template: Template) -> None:
    drawn = [template.draw(random.Random(seed)) for seed in range(20)]
    assert drawn == [template.draw(random.Random(seed)) for seed in range(20)]
    for params in drawn:
        assert json.loads(json.dumps(params)) == params
        said = template.say(params)
        assert said[0] in string.ascii_uppercase + string.digits + '"', said
        assert said[-1] in '.?!")', said
        assert len(said) < 600
        assert "{" not in said
        names = template.names(params)
        assert len(names) == len(set(names))
        assert all(name and "{" not in name for name in names)
    assert len({split_of(template, params) for params in drawn}) >= 1


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_set_up_is_repeatable_and_judged_by_pure_reads(env: AndroidEnv, template: Template) -> None:
    task = env.tasks[f"{template.name}-train-00001"]
    params = task.data.params
    verdicts, states = [], []
    for _ in range(2):
        env.backend.reset()
        phone = SimPhone(env.backend.device)  # type: ignore[attr-defined]
        template.setup(phone, params)
        before = env.backend.device.state.revision  # type: ignore[attr-defined]
        verdicts.append(list(template.reached(phone, params, "")))
        assert env.backend.device.state.revision == before  # type: ignore[attr-defined]
        states.append(env.backend.elements().text)
    assert verdicts[0] == verdicts[1]
    assert states[0] == states[1]
    assert len(verdicts[0]) == len(template.checkpoints)
    assert not verdicts[0][-1]


def test_names_are_unique_and_families_known() -> None:
    names = [template.name for family in FAMILIES for template in templates(family)]
    assert len(names) == len(set(names))
    assert all(template.app in FAMILIES for template in ALL.values())
    assert all(name.isalnum() and name[0].isupper() for name in names)


def test_plain_templates_need_plain_actions_only() -> None:
    assert set(ALL) >= PLAIN
    plain = re.compile(r'click\[.*\]|type\(".*"\)|scroll\((up|down|left|right)\)|back\(\)|wait\(\)')
    env = AndroidEnv(plain=True, max_steps=_CAP)
    assert set(env.templates) == PLAIN
    for name in sorted(PLAIN)[::5]:
        observation, info = env.reset(seed=0, options={"task": f"{name}-train-00003"})
        act, ended = env.scripted_policy("oracle"), False
        while not ended:
            action = act(observation, info)
            assert plain.fullmatch(action), f"{name}: {action}"
            assert action in info["available_actions"] or not action.startswith("click[")
            observation, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
        assert info["success"]


def test_difficulties_are_mixed() -> None:
    steps = sorted(template.steps for template in ALL.values())
    assert steps[0] <= 2
    assert steps[-1] >= 15


# ---------------------------------------------------------------------- the same over adb


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[AdbPhone, Device]]:
    pytest.importorskip("adbutils")
    door = SimulatedDoor()
    phone = AdbPhone(door.open())
    assert door.server is not None
    yield phone, door.server.device
    door.close()


@pytest.mark.parametrize("template", ALL.values(), ids=ALL)
def test_judges_say_the_same_over_adb(env: AndroidEnv, wire: tuple[AdbPhone, Device], template: Template) -> None:
    phone, device = wire
    params = env.tasks[f"{template.name}-train-00000"].data.params
    device.restore(factory())
    assert phone.client.root()
    template.setup(phone, params)
    direct = SimPhone(device)
    assert list(template.reached(phone, params, "")) == list(template.reached(direct, params, ""))
    for script in ("solve", "near_miss"):
        run(env, template, script, 0)
        device.restore(env.backend.snapshot())
        assert phone.client.root()
        answer = env._answer
        said = list(template.reached(phone, params, answer))
        assert said == list(template.reached(SimPhone(device), params, answer)), script
        assert said[-1] == (script == "solve"), script
