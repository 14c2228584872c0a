"""The environment: element lists, marks, actions, judging, snapshots."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from vlgym.android import marks
from vlgym.android.actions import PhoneGrammar
from vlgym.android.backend import SimBackend
from vlgym.android.elements import Elements, from_xml
from vlgym.android.env import NATIVE, AndroidEnv
from vlgym.android.executor import Executor
from vlgym.core.errors import ActionError, BackendError, TaskError

SETTINGS = "com.android.settings/.Settings"
GRAMMAR = PhoneGrammar()


@pytest.fixture
def phone() -> SimBackend:
    backend = SimBackend()
    backend.reset()
    return backend


def do(phone: SimBackend, *actions: str) -> Elements:
    """Do actions and return what is then on the screen."""
    executor = Executor(phone.hands, phone.elements)
    for action in actions:
        executor.perform(GRAMMAR.parse(action))
    return phone.elements()


def episode(env: AndroidEnv, task: str, policy: str = "oracle") -> Iterator[tuple[dict, str, dict]]:
    """Yield observation, action and the info that follows."""
    observation, info = env.reset(seed=0, options={"task": task})
    act, ended = env.scripted_policy(policy, 0), False
    while not ended:
        action = act(observation, info)
        seen = observation
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
        yield seen, action, info


# ---------------------------------------------------------------------- element lists


def test_views_and_xml_give_equal_lists(phone: SimBackend) -> None:
    rng, lists = random.Random(0), set()
    for _ in range(60):
        elements = phone.elements()
        width, height = phone.device.size
        assert from_xml(phone.device.hierarchy(), width, height) == elements
        lists.add(elements.text)
        actions = [f"click[{item.index}]" for item in elements.touchables] * 3
        do(phone, rng.choice([*actions, "scroll(down)", "scroll(up)", "press(back)", "press(home)", "press(recents)"]))
    assert len(lists) > 20


def test_every_element_is_named_and_found_by_its_name(phone: SimBackend) -> None:
    for component in (SETTINGS, SETTINGS + "$DisplaySettingsActivity", SETTINGS + "$SoundSettingsActivity"):
        phone.device.start_activity(component)
        elements = phone.elements()
        names = [item.name for item in elements.touchables]
        assert len(set(names)) == len(names)
        for item in elements.touchables:
            assert elements.get(item.line) is item
            assert elements.get(item.label) is item
            action = GRAMMAR.parse(f"click[{item.name}]")
            assert elements.get(action.args[0]) is item  # type: ignore[arg-type]


def test_a_switch_row_is_one_element_that_is_on_or_off(phone: SimBackend) -> None:
    phone.device.start_activity(SETTINGS + "$DisplaySettingsActivity")
    for state in (True, False):
        elements = do(phone, "click[Dark theme]")
        rows = [item for item in elements.items if item.label.startswith("Dark theme")]
        assert [(row.checkable, row.checked) for row in rows] == [(True, state)]
        tag = "clicked button" if state else "button"
        assert f"\n[{tag}] Dark theme: " in elements.text
        assert ("(on)" if state else "(off)") in next(
            line for line in elements.numbered.splitlines() if "Dark theme" in line
        )


def test_clicks_reach_the_element_and_not_what_lies_in_it(phone: SimBackend) -> None:
    phone.device.start_activity("com.google.android.deskclock/com.android.deskclock.DeskClock")
    elements = phone.elements()
    width, height = phone.device.size
    for item in elements.touchables:
        x, y = elements.aim(item)
        for other in elements.touchables:
            left, top, right, bottom = other.bounds
            inside = other.index > item.index and left <= x < right and top <= y < bottom
            assert not inside, f"{item.label} at ({x * width:.0f}, {y * height:.0f}) touches {other.label}"


def test_in_pictures_a_click_is_a_touch_of_something_drawn(phone: SimBackend) -> None:
    width, height = 360, 800
    for app in ("com.google.android.deskclock/com.android.deskclock.DeskClock", "com.android.settings/.Settings"):
        phone.device.start_activity(app)
        elements, frame = phone.elements(), phone.screenshot(width, height)
        assert len(elements.touchables) > 5
        for item in elements.touchables:
            x, y = elements.point(item, frame)
            left, top, right, bottom = item.bounds
            assert left <= x < right
            assert top <= y < bottom
            touched = [o for o in elements.touchables if _holds(o.bounds, x, y)]
            assert touched[-1] is item, f"{item.label} at ({x:.3f}, {y:.3f}) touches {touched[-1].label}"
            column, row = int(x * width), int(y * height)
            around = frame[max(row - 4, 0) : row + 4, max(column - 8, 0) : column + 8]
            assert around.std() > 2, f"{item.label}: nothing is drawn at ({x:.3f}, {y:.3f})"
            if right - left > 0.8:  # a row: its middle may be blank
                assert _holds(item.named, x, y)


def _holds(box: tuple[float, float, float, float], x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def test_unknown_names_and_numbers_are_explained(phone: SimBackend) -> None:
    with pytest.raises(ActionError, match="Did you mean 'settings'"):
        do(phone, "click[Setings]")
    with pytest.raises(ActionError, match="no element 99"):
        do(phone, "click[99]")
    with pytest.raises(ActionError, match="touch a text field first"):
        do(phone, 'type("hello")')
    with pytest.raises(ActionError, match="takes no text"):
        do(phone, 'type[Settings]("hello")')
    with pytest.raises(ActionError, match=r"There is no app 'Clok'.*Did you mean 'clock'"):
        do(phone, 'open_app("Clok")')


def test_marks_are_drawn_over_a_copy_within_each_box(phone: SimBackend) -> None:
    picture = phone.screenshot(270, 600)
    elements = phone.elements()
    before = picture.copy()
    marked = marks.draw(picture, elements)
    assert np.array_equal(picture, before)
    changed = (marked != picture).any(-1)
    for item in elements.touchables:
        left, top, right, bottom = (round(v * s) for v, s in zip(item.bounds, (270, 600, 270, 600)))
        assert changed[top : bottom + 1, left : right + 1].any()
    assert not changed[:20].any()


# ---------------------------------------------------------------------- actions


def test_scrolling_goes_there_and_back(phone: SimBackend) -> None:
    top = do(phone, 'open_app("Settings")').text
    middle = do(phone, "scroll(down)").text
    assert middle != top
    assert do(phone, "scroll(up)", "scroll(up)").text == top
    assert do(phone, "scroll(down)", "scroll(down)").text == do(phone, "scroll(down)").text


def test_typing_replacing_and_submitting(phone: SimBackend) -> None:
    elements = do(phone, "click[Search]", 'type("cam")')
    assert elements.focus is not None
    assert elements.focus.text == "cam"
    assert "Camera" in elements.text
    assert "Clock" not in elements.text
    do(phone, 'replace("clock")')
    assert "deskclock" in phone.phone.foreground()


def test_other_gestures(phone: SimBackend) -> None:
    assert "System UI" in do(phone, "swipe(0.5, 0.01, 0.5, 0.6)").text
    do(phone, "back()", "long_press[Clock]")
    assert "InstalledAppDetails" in phone.phone.foreground() or "SubSettings" in phone.phone.foreground()
    do(phone, "home()", "swipe(up)")
    assert phone.elements().find("Markor") is not None
    do(phone, "press(power)")
    assert phone.elements().items == ()


def test_time_passes_in_every_step(phone: SimBackend) -> None:
    start = phone.phone.now()
    do(phone, "click[Clock]")
    one = (phone.phone.now() - start).total_seconds()
    do(phone, "wait")
    assert 0.5 < one < 3 < (phone.phone.now() - start).total_seconds()


# ---------------------------------------------------------------------- episodes


def test_checkpoints_are_progress_and_subgoal() -> None:
    env = AndroidEnv(templates=["ClockLaps"])
    seen = [(info["progress"], info["subgoal"]) for _, _, info in episode(env, "ClockLaps-train-00000")]
    assert seen[0][1] == "start the stopwatch"
    assert [progress[0] for progress, _ in seen] == sorted(progress[0] for progress, _ in seen)
    assert seen[-1] == ((4, 4), "")


@pytest.mark.parametrize("mode", ["image", "marks", "both"])
def test_the_oracle_speaks_the_language_of_every_mode(mode: str) -> None:
    env = AndroidEnv(families=["clock", "settings"], obs_mode=mode, width=180, height=400)
    for name in ("ClockAddRepeatingAlarm", "SettingsDeviceName"):
        for observation, action, info in episode(env, f"{name}-train-00001"):
            assert info["action_valid"]
            if mode == "image":
                assert not action.startswith("click[")
            if mode == "marks" and action.startswith("click["):
                assert f"[{action[6:-1]}] " in observation["text"]
        assert info["success"]


def test_every_offered_click_stands_in_the_text() -> None:
    env = AndroidEnv(families=["settings"])
    observation, info = env.reset(seed=3)
    policy = env.scripted_policy("random", 1)
    for _ in range(10):
        for action in info["available_actions"]:
            if action.startswith("click["):
                inside = action[6:-1]
                assert f"button] {inside} [" in observation["text"]
        observation, _, terminated, truncated, info = env.step(policy(observation, info))
        if terminated or truncated:
            break


def test_native_actions_click_type_and_press() -> None:
    env = AndroidEnv(templates=["ClockAddLabelledAlarm"], action_mode="native")
    env.reset(seed=0, options={"task": "ClockAddLabelledAlarm-train-00000"})

    def click(label: str) -> dict:
        labels = [item.label for item in env.elements.touchables]
        return env.step(labels.index(label))[4]

    clock, label = env._work.params["new"], env.words.index(env._work.params["label"])
    for name in ("Clock", "Add alarm", f"{clock[0]} hours", f"{clock[1]} minutes", "OK", "Label"):
        assert click(name)["action_valid"]
    assert env.step(48 + label)[4]["action_valid"]
    assert click("OK")["success"]
    refused = env.step(47)[4]
    assert "clicks nothing" in refused["error"]
    assert len(NATIVE) == 9


def test_done_answer_and_impossible_end_an_episode() -> None:
    env = AndroidEnv(templates=["ClockAskAlarmTime", "ClockSwitchAlarm"])
    for task, action, terminated in (
        ("ClockAskAlarmTime", 'answer("nonsense")', True),
        ("ClockAskAlarmTime", "done", True),
        ("ClockSwitchAlarm", 'answer("nonsense")', False),
        ("ClockSwitchAlarm", "done", True),
        ("ClockSwitchAlarm", "impossible", True),
    ):
        env.reset(seed=0, options={"task": f"{task}-train-00000"})
        _, reward, ended, _, info = env.step(action)
        assert (ended, reward, info["success"]) == (terminated, 0.0, False)


def test_snapshot_in_the_middle_goes_on_to_success_elsewhere() -> None:
    env, other = AndroidEnv(templates=["SettingsThreeSwitches"]), AndroidEnv(templates=["SettingsThreeSwitches"])
    actions = [action for _, action, _ in episode(env, "SettingsThreeSwitches-train-00002")]
    env.reset(seed=0, options={"task": "SettingsThreeSwitches-train-00002"})
    half = len(actions) // 2
    for action in actions[:half]:
        info = env.step(action)[4]
    snapshot = env.snapshot()
    env.step("home()")
    _, restored = other.restore(snapshot)
    assert {**restored, "error": ""} == {**info, "error": ""}
    for action in actions[half:]:
        info = other.step(action)[4]
    assert info["success"]


def test_splits_ask_for_different_things_and_ids_are_checked() -> None:
    env = AndroidEnv(families=["clock"])
    wanted = {
        split: {repr(env.tasks[task].data) for task in env.tasks.ids(split)[:60] if "AddAlarm" in task}
        for split in ("train", "dev", "test")
    }
    assert wanted["train"].isdisjoint(wanted["dev"] | wanted["test"])
    assert wanted["dev"].isdisjoint(wanted["test"])
    with pytest.raises(TaskError, match="Did you mean 'ClockAddAlarm'"):
        env.tasks["ClockAdAlarm-train-00001"]
    with pytest.raises(ValueError, match=r"Unknown family 'clok'.*Did you mean 'clock'"):
        AndroidEnv(families=["clok"])


def test_a_lost_phone_is_no_failure_of_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    env = AndroidEnv(templates=["ClockSwitchAlarm"])

    def lost(*_: object) -> None:
        raise BackendError("The phone has gone; plug it in.")

    env.reset(seed=0)
    with monkeypatch.context() as patch:
        patch.setattr(SimBackend, "elements", lost)
        _, reward, terminated, truncated, info = env.step("click[Clock]")
        assert (reward, terminated, truncated, info["env_error"]) == (
            0.0,
            False,
            True,
            "The phone has gone; plug it in.",
        )
        patch.setattr(SimBackend, "reset", lost)
        observation, info = env.reset(seed=1)
        assert info["env_error"]
        assert env.observation_space.contains(observation)
        assert env.step("click[Clock]")[3]
    assert not env.reset(seed=2)[1]["env_error"]


def test_lengths_choose_templates() -> None:
    env = AndroidEnv(families=["settings", "clock"], lengths=(4, 6))
    assert {template.steps for template in env.templates.values()} == {4, 5, 6}
    with pytest.raises(ValueError, match="No template"):
        AndroidEnv(families=["clock"], lengths=(50, 60))
    with pytest.raises(ValueError, match="lengths must be"):
        AndroidEnv(lengths=(3, 1))


def test_budget_follows_the_task_unless_given() -> None:
    env = AndroidEnv(templates=["ClockSwitchAlarm", "SettingsFiveSwitches"])
    budgets = []
    for name in ("ClockSwitchAlarm", "SettingsFiveSwitches"):
        env.reset(seed=0, options={"task": f"{name}-train-00000"})
        budgets.append(env.max_steps)
    assert budgets == [10, 40]
    assert AndroidEnv(templates=["ClockSwitchAlarm"], max_steps=3).max_steps == 3
