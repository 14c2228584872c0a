"""AndroidWorld's own code, unmodified, on our phone: its controller, its actions and the evaluators of its 116 tasks.

AndroidWorld is not on PyPI; vlgym/android/README.md says how to install it. It waits with fixed sleeps for a real
phone's time to pass; in this process its modules' `time.sleep` lets the phone's own time pass instead.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import time
import types
from collections.abc import Iterator
from typing import Any

import android_world_goals as goals
import numpy as np
import pytest

from vlgym.android.device import Device
from vlgym.android.wire.adb import AdbServer
from vlgym.android.wire.server import DeviceServer

if importlib.util.find_spec("android_world") is None:
    pytest.skip("android_world is not installed: see vlgym/android/README.md", allow_module_level=True)

from android_env import loader
from android_env.components import config_classes as configs
from android_world import registry
from android_world.env import adb_utils, android_world_controller, interface, json_action
from android_world.env.setup_device import setup
from android_world.utils import datetime_utils

TASKS: dict[str, Any] = registry.TaskRegistry().get_registry("android_world")
SETTINGS = "com.android.settings/com.android.settings.Settings"
WAIT_S = 0.12
"""Longest real sleep: a period of the accessibility forwarder and a little more."""


def _let_phone_sleep(device: Device) -> None:
    """Make sleeps of AndroidWorld, and of the wrapper it reads screens with, pass on the phone."""
    phone_time = types.SimpleNamespace(**{name: getattr(time, name) for name in dir(time) if name[0] != "_"})

    def sleep(seconds: float) -> None:
        device.advance(seconds)
        time.sleep(min(seconds, WAIT_S))

    phone_time.sleep = sleep
    for name, module in list(sys.modules.items()):
        own = name.startswith("android_world.") or name == "android_env.wrappers.a11y_grpc_wrapper"
        if own and hasattr(module, "time"):
            module.time = phone_time  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def device() -> Device:
    return Device()


@pytest.fixture(scope="module")
def hand(device: Device) -> Iterator[goals.Hand]:
    _let_phone_sleep(device)
    with (
        AdbServer() as adb,
        DeviceServer(device, adb_server_port=adb.port) as server,
        pytest.MonkeyPatch.context() as at,
    ):
        adb.wait_for(server.serial)
        for name in ("HOME", "ADB_LOCAL_TRANSPORT_MAX_PORT", "ADB_MDNS"):
            at.setenv(name, adb.environment[name])
        emulator = configs.EmulatorLauncherConfig(
            emulator_console_port=server.console_port, adb_port=server.adb_port, grpc_port=server.grpc_port
        )
        task = configs.FilesystemTaskConfig(path=android_world_controller._write_default_task_proto())
        client = configs.AdbControllerConfig(adb_path=adb.adb, adb_server_port=adb.port)
        simulator = configs.EmulatorConfig(emulator_launcher=emulator, adb_controller=client)
        phone = loader.load(configs.AndroidEnvConfig(task=task, simulator=simulator))
        controller = android_world_controller.AndroidWorldController(phone, install_a11y_forwarding_app=False)
        env = interface.AsyncAndroidEnv(controller)
        datetime_utils.setup_datetime(controller)
        yield goals.Hand(env)
        env.close()


@pytest.fixture
def fresh(device: Device, hand: goals.Hand) -> Iterator[goals.Hand]:
    before = device.snapshot()
    hand.env.reset(go_home=True)
    yield hand
    device.restore(before)


def begin(name: str, hand: goals.Hand) -> Any:
    random.seed(f"seed of {name}")
    task = TASKS[name](TASKS[name].generate_random_params())
    task.initialize_task(hand.env)
    return task


# ---------------------------------------------------------------- the controller


def test_the_state_has_pixels_a_forest_and_elements(fresh: goals.Hand) -> None:
    fresh.act("open_app", app_name="settings")
    state = fresh.env.get_state(wait_to_stabilize=True)
    assert state.pixels.shape == (2400, 1080, 3)
    assert state.pixels.dtype == np.uint8
    assert state.pixels.std() > 1
    assert [window.is_active for window in state.forest.windows].count(True) == 1
    assert {"Network & internet", "Display"} <= {element.text for element in state.ui_elements}
    assert fresh.env.foreground_activity_name == SETTINGS
    assert fresh.env.device_screen_size == fresh.env.logical_screen_size == (1080, 2400)
    assert fresh.env.physical_frame_boundary == (0, 0, 1080, 2400)
    assert fresh.env.orientation == 0


def test_the_forest_and_the_dump_tell_of_the_same_elements(fresh: goals.Hand) -> None:
    from android_world.env import representation_utils

    fresh.act("open_app", app_name="contacts")
    dumped = representation_utils.xml_dump_to_ui_elements(adb_utils.uiautomator_dump(fresh.controller))
    boxes = {(e.text, tuple(vars(e.bbox_pixels).values())) for e in dumped if e.text}
    seen = {(e.text, tuple(vars(e.bbox_pixels).values())) for e in fresh.elements() if e.text}
    assert seen
    assert seen <= boxes


def test_every_kind_of_action(fresh: goals.Hand) -> None:
    tried = {"input_text": _types, "click": _types, "scroll": _scrolls, "swipe": _scrolls, "long_press": _selects}
    tried |= {"keyboard_enter": _enters, "double_tap": _taps_twice, "navigate_home": _goes, "navigate_back": _goes}
    tried |= {"open_app": _goes, "wait": _waits, "answer": _answers, "status": _answers, "unknown": _answers}
    assert set(tried) == set(json_action._ACTION_TYPES)
    for check in dict.fromkeys(tried.values()):
        check(fresh)


def _types(hand: goals.Hand) -> None:
    hand.act("open_app", app_name="contacts")
    hand.click("Create contact")
    hand.fill("First name", "Ünal (née) O'Hara & $5")
    words = [element.text for element in hand.elements()]
    assert "Unal (nee) O'Hara & $5" in words  # AndroidWorld types ASCII
    hand.act("input_text", index=hand.find("First name"), text="Bo", clear_text=True)
    assert "Bo" in [element.text for element in hand.elements()]
    hand.shell("am force-stop com.google.android.contacts")


def _scrolls(hand: goals.Hand) -> None:
    texts = lambda: {element.text for element in hand.env.get_state(wait_to_stabilize=True).ui_elements}  # noqa: E731
    hand.act("open_app", app_name="settings")
    top = texts()
    hand.act("scroll", direction="down")
    below = texts()
    assert below - top
    assert top - below
    hand.act("scroll", direction="up")
    hand.act("scroll", direction="up")
    assert texts() == top
    hand.act("swipe", direction="up")
    assert texts() != top


def _selects(hand: goals.Hand) -> None:
    hand.shell(f"mkdir -p {goals.MARKOR}; echo x > {goals.MARKOR}/one.md")
    hand.act("open_app", app_name="markor")
    before = hand.elements()
    hand.act("long_press", index=hand.find("one.md"))
    assert hand.elements() != before
    hand.act("navigate_back")


def _enters(hand: goals.Hand) -> None:
    hand.act("open_app", app_name="chrome")
    hand.act("click", index=hand.find("Search or type URL"))
    hand.shell("input text shop.test")
    hand.act("keyboard_enter")
    assert any("shop" in (e.text or "").lower() for e in hand.env.get_state(wait_to_stabilize=True).ui_elements)


def _taps_twice(hand: goals.Hand) -> None:
    hand.act("open_app", app_name="clock")
    hand.click("Stopwatch")
    hand.act("double_tap", index=hand.find("Start"))  # starts and pauses
    assert hand.find("Start") >= 0


def _goes(hand: goals.Hand) -> None:
    hand.act("open_app", app_name="settings")
    hand.click("Display")
    here = hand.env.foreground_activity_name
    hand.act("navigate_back")
    assert hand.env.foreground_activity_name == SETTINGS != here
    hand.act("navigate_home")
    assert "launcher" in hand.env.foreground_activity_name


def _waits(hand: goals.Hand) -> None:
    before = int(hand.shell("date +%s"))
    hand.act("wait")
    assert int(hand.shell("date +%s")) >= before + 1


def _answers(hand: goals.Hand) -> None:
    before = hand.elements()
    hand.act("answer", text="42")
    assert hand.env.interaction_cache == "42"
    hand.act("status", goal_status="complete")
    hand.act("unknown")
    assert hand.elements() == before


# ---------------------------------------------------------------- the tasks


def test_every_task_is_tried_or_has_a_reason() -> None:
    known = {*goals.TOUCHED, *goals.WRITTEN, *goals.UNDONE, *goals.ONLY_BEGUN}
    assert known <= set(TASKS)
    assert len(known) == len(goals.TOUCHED) + len(goals.WRITTEN) + len(goals.UNDONE) + len(goals.ONLY_BEGUN)
    random.seed(0)
    rest = {name: goals.missing(TASKS[name](TASKS[name].generate_random_params())) for name in set(TASKS) - known}
    assert all(rest.values()), rest


@pytest.mark.parametrize("name", sorted({**goals.TOUCHED, **goals.WRITTEN}))
def test_a_task_is_set_up_judged_and_taken_down(fresh: goals.Hand, name: str) -> None:
    task = begin(name, fresh)
    assert task.is_successful(fresh.env) == 0.0
    {**goals.TOUCHED, **goals.WRITTEN}[name](fresh, task)
    fresh.elements()
    assert task.is_successful(fresh.env) == 1.0
    task.tear_down(fresh.env)


@pytest.mark.parametrize("name", sorted(goals.UNDONE))
def test_a_task_that_begins_at_its_goal(fresh: goals.Hand, name: str) -> None:
    task = begin(name, fresh)
    assert task.is_successful(fresh.env) == 1.0
    fresh.shell(goals.UNDONE[name])
    assert task.is_successful(fresh.env) == 0.0
    task.tear_down(fresh.env)


@pytest.mark.parametrize("name", goals.ONLY_BEGUN)
def test_a_task_that_is_only_set_up(fresh: goals.Hand, name: str) -> None:
    task = begin(name, fresh)
    assert task.is_successful(fresh.env) == 0.0
    task.tear_down(fresh.env)


def test_its_own_setup_of_apps(device: Device, fresh: goals.Hand) -> None:
    """The first screens of real apps, which it clicks away, are not there; everything else of it works."""
    quiet = ("clock", "dialer", "files", "settings", "broccoli app", "tasks", "simple calendar pro", "audio recorder")
    for app in setup._APPS:
        if app.app_name in quiet:
            app.setup(fresh.env)
            setup.app_snapshot.save_snapshot(app.app_name, fresh.controller)
            folder = f"/data/data/android_world/snapshots/{app.package_name()}"
            assert device.state.files.exists(f"{folder}/shared_prefs")
