"""The device under android-env: its Coordinator and TaskManager in process, its EmulatorSimulator over the wire."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_device import HOME, TOY, FakeDevice

from vlgym.core.errors import MissingDependencyError, TaskError

pytest.importorskip("android_env")

from android_env import loader
from android_env.components import action_type, config_classes, errors, task_manager
from android_env.proto import adb_pb2, state_pb2, task_pb2
from google.protobuf import text_format

from vlgym.android.simulator import DeviceSimulator, InProcessAdb, InProcessLog, load_task, make_env
from vlgym.android.wire.adb import AdbServer, find_adb
from vlgym.android.wire.server import DeviceServer

TASK = f"""
id: "toy" name: "Toy" description: "Press the button three times."
setup_steps {{ success_condition {{ check_install {{ package_name: "org.vlgym.toy" timeout_sec: 5 }} }} }}
reset_steps {{ adb_request {{ force_stop {{ package_name: "org.vlgym.toy" }} }} }}
reset_steps {{
  adb_request {{ start_activity {{ full_activity: "{TOY}" }} }}
  success_condition {{ wait_for_app_screen {{ app_screen {{ activity: "{TOY}" }} timeout_sec: 5 }} }}
}}
log_parsing_config {{ filters: "Toy:I" log_regexps {{ score: "score: ([0-9]+)" episode_end: "episode end" }} }}
"""
TOUCH, LIFT, REPEAT, PRESS = (
    action_type.ActionType.TOUCH,
    action_type.ActionType.LIFT,
    action_type.ActionType.REPEAT,
    action_type.ActionType.KEYPRESS,
)


def task(more: str = "") -> task_pb2.Task:
    proto: task_pb2.Task = text_format.Parse(TASK + more, task_pb2.Task())
    return proto


def action(kind: int, x: float = 0.5, y: float = 0.2, **more: int) -> dict[str, np.ndarray]:
    return {
        "action_type": np.array(kind),
        "touch_position": np.array([x, y], np.float32),
        **{name: np.array(value) for name, value in more.items()},
    }


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def env(device: FakeDevice) -> Iterator[Any]:
    made = make_env(task(), device)  # type: ignore[arg-type]
    yield made
    made.close()


# ---------------------------------------------------------------- rewards and time


def test_an_episode(device: FakeDevice, env: Any) -> None:
    first = env.reset()
    assert first.first()
    assert first.observation["pixels"].shape == (80, 36, 3)
    assert device.activity == TOY
    rewards = []
    for _ in range(3):
        assert env.step(action(TOUCH)).reward == 0
        last = env.step(action(LIFT))
        rewards.append(last.reward)
    assert rewards == [1, 1, 1]
    assert last.last()
    assert last.discount == 0
    assert env.step(action(TOUCH)).first()  # the next episode
    assert device.taps == 0


def test_every_reward_comes_in_its_own_step(device: FakeDevice) -> None:
    proto = task()
    proto.log_parsing_config.log_regexps.ClearField("episode_end")
    env = make_env(proto, device)  # type: ignore[arg-type]
    env.reset()
    for _ in range(200):
        assert env.step(action(TOUCH)).reward == 0
        assert env.step(action(LIFT)).reward == 1
    env.close()


def test_lines_of_reset_steps_are_no_rewards(device: FakeDevice) -> None:
    proto = task('reset_steps { adb_request { generic { args: "shell" args: "log" args: "Toy" args: "score: 9" } } }')
    env = make_env(proto, device)  # type: ignore[arg-type]
    for _ in range(3):
        assert env.reset().reward == 0
        assert env.step(action(REPEAT)).reward == 0
    env.close()


def test_time_is_the_devices_own(device: FakeDevice) -> None:
    began = time.monotonic()
    env = make_env(task("reset_steps { sleep { time_sec: 3600 } }"), device, step_seconds=0.25)  # type: ignore[arg-type]
    start = device.state.clock.uptime_us
    env.reset()
    assert device.state.clock.uptime_us - start == 3600_250_000
    env.step(action(REPEAT))
    assert device.state.clock.uptime_us - start == 3600_500_000
    env.close()
    assert time.monotonic() - began < 3000


def test_limits_in_steps_and_in_virtual_seconds(device: FakeDevice) -> None:
    env = make_env(task("max_episode_steps: 5"), device)  # type: ignore[arg-type]
    env.reset()
    steps = [env.step(action(REPEAT)) for _ in range(6)]
    assert [step.last() for step in steps] == [False] * 5 + [True]  # android-env's limit is the last step it allows
    assert steps[-1].discount == 1
    env.close()
    env = make_env(task("max_episode_sec: 1"), device, step_seconds=0.3)  # type: ignore[arg-type]
    for _ in range(2):
        env.reset()
        assert [env.step(action(REPEAT)).last() for _ in range(3)] == [False, False, True]
    env.close()


def test_leaving_the_expected_screen_ends_the_episode_at_once(device: FakeDevice) -> None:
    env = make_env(task(f'expected_app_screen {{ activity: "{TOY}" }}'), device)  # type: ignore[arg-type]
    env.reset()
    assert env.step(action(REPEAT)).mid()
    device.activity = HOME
    gone = env.step(action(REPEAT))
    assert gone.last()
    assert gone.discount == 1
    assert env.stats()["reset_count_user_exited"] == 1
    env.close()


@pytest.mark.parametrize(
    "step",
    [
        'setup_steps { success_condition { check_install { package_name: "not.there" timeout_sec: 60 } } }',
        'setup_steps { success_condition { wait_for_app_screen { app_screen { activity: "a/b" } timeout_sec: 1 } } }',
        'setup_steps { adb_request { generic { args: "shell" args: "false" } } }',
    ],
)
def test_a_setup_step_that_fails_is_an_error_without_waiting(device: FakeDevice, step: str) -> None:
    with pytest.raises(errors.TooManyRestartsError):
        make_env(text_format.Parse(step, task_pb2.Task()), device)  # type: ignore[arg-type]


def test_android_envs_own_task_manager_gets_the_same_rewards(device: FakeDevice) -> None:
    env = make_env(task(), device, prompt=False)  # type: ignore[arg-type]
    assert type(env._task_manager) is task_manager.TaskManager
    env.reset()
    assert [env.step(action(kind)).reward for kind in (TOUCH, LIFT, TOUCH, LIFT)] == [0, 1, 0, 1]
    env.close()


# ---------------------------------------------------------------- fingers, keys, screenshots


def test_touches_in_a_smaller_picture_hit_the_same_spot(device: FakeDevice) -> None:
    env = make_env(task(), device, size=(18, 40))  # type: ignore[arg-type]
    device.touches.clear()
    assert env.reset().observation["pixels"].shape == (40, 18, 3)
    assert device.touches == []  # android-env lifts all fingers before a reset; nothing touched
    env.step(action(TOUCH, 0, 0))
    env.step(action(TOUCH, 1, 1))
    env.step(action(LIFT, 1, 1))
    assert device.touches == [("down", 0.5, 0.5), ("move", 34.5, 78.5), ("up", 34.5, 78.5)]
    env.close()


def test_keys(device: FakeDevice) -> None:
    config = config_classes.CoordinatorConfig(enable_key_events=True)
    env = make_env(task(), device, config=config)  # type: ignore[arg-type]
    env.reset()
    env.step(action(PRESS, keycode=36))
    env.step(action(PRESS, keycode=110))
    assert device.keys == [66, 3]
    env.close()


def test_an_unchanged_screen_is_not_drawn_again(device: FakeDevice, env: Any) -> None:
    before = env.reset().observation["pixels"]
    drawn = device.draws
    assert env.step(action(REPEAT)).observation["pixels"] is before
    assert device.draws == drawn
    with pytest.raises(ValueError, match="read-only"):
        before[0] = 1


# ---------------------------------------------------------------- states, faults, leaks


def test_states_by_name(device: FakeDevice, env: Any) -> None:
    env.reset()
    env.step(action(TOUCH))
    env.step(action(LIFT))
    status = state_pb2.LoadStateResponse.Status
    assert env.load_state(state_pb2.LoadStateRequest(args={"snapshot_name": "b"})).status == status.NOT_FOUND
    env.save_state(state_pb2.SaveStateRequest(args={"snapshot_name": "b"}))
    env.step(action(TOUCH))
    assert env.step(action(LIFT)).reward == 1
    assert env.load_state(state_pb2.LoadStateRequest(args={"snapshot_name": "b"})).status == status.OK
    assert device.taps == 1
    rewards = [env.step(action(kind)).reward for kind in (TOUCH, LIFT, TOUCH, LIFT)]
    assert rewards == [0, 0, 0, 1]  # android-env counts on from the best score before the state was loaded


def test_a_dead_reader_of_the_log_is_a_truncation_and_heals(
    device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    proto = task()
    proto.log_parsing_config.log_regexps.reward.append("bad: (.*)")
    env = make_env(proto, device)  # type: ignore[arg-type]
    env.reset()
    device.state.log.write("Toy", "bad: no number", uid=10100)
    broken = env.step(action(REPEAT))
    assert broken.last()
    assert broken.discount == 1
    assert env.stats()["relaunch_count_fetch_observation"] == 1
    assert env.reset().first()
    assert [env.step(action(kind)).reward for kind in (TOUCH, LIFT)] == [0, 1]
    env.close()


def test_a_relaunch_is_a_reboot(device: FakeDevice) -> None:
    simulator = DeviceSimulator(device)  # type: ignore[arg-type]
    simulator.launch()
    device.taps = 7
    simulator.launch()
    assert device.taps == 0


def test_threads_end_with_the_environment(device: FakeDevice) -> None:
    before = threading.active_count()
    for _ in range(20):
        env = make_env(task(), device)  # type: ignore[arg-type]
        env.reset()
        env.close()
    assert threading.active_count() <= before  # one of an earlier test may have ended meanwhile


def test_a_stream_that_nobody_reads_does_not_hold_the_device(device: FakeDevice) -> None:
    stream = InProcessLog(device)  # type: ignore[arg-type]
    device.state.log.write("Toy", "one", uid=10100)
    stream.drain()
    stream.stop_stream()
    assert list(stream.get_stream_output()) == []


# ---------------------------------------------------------------- adb in process


def test_adb_commands(device: FakeDevice, tmp_path: Path) -> None:
    os.environ["ANDROID_HOME"] = os.environ.get("ANDROID_HOME", "kept")
    adb = InProcessAdb(device)  # type: ignore[arg-type]
    assert "ANDROID_HOME" in os.environ  # android-env's own controller removes it
    if os.environ["ANDROID_HOME"] == "kept":
        del os.environ["ANDROID_HOME"]

    def run(*arguments: str) -> bytes:
        return adb.execute_command(list(arguments))

    assert run("shell", "echo", "one", "|", "cat") == b"one\n"
    assert run("exec-out", "echo", "two") == b"two\n"
    (tmp_path / "a").write_bytes(b"data")
    run("push", str(tmp_path / "a"), "/sdcard/deep/b")
    run("push", str(tmp_path / "a"), "/sdcard/deep")
    assert device.state.files.read("/sdcard/deep/a") == b"data"
    run("pull", "/sdcard/deep/b", str(tmp_path / "c"))
    assert (tmp_path / "c").read_bytes() == b"data"
    device.state.log.write("Toy", "one line", uid=10100)
    assert run("logcat", "-d", "-s", "Toy:I").endswith(b"Toy     : one line\n")
    assert b"device" in run("devices")
    for bad in (["shell", "false"], ["pull", "/none", str(tmp_path / "d")], ["push", "/no/file", "/sdcard/x"], ["fly"]):
        with pytest.raises(errors.AdbControllerError, match="Error executing adb command"):
            run(*bad)


def test_adb_requests_through_the_environment(env: Any) -> None:
    namespace = adb_pb2.AdbRequest.SettingsRequest.Namespace.SYSTEM
    settings = adb_pb2.AdbRequest.SettingsRequest
    put = settings(name_space=namespace, put=settings.Put(key="brightness", value="7"))
    get = settings(name_space=namespace, get=settings.Get(key="brightness"))
    env.execute_adb_call(adb_pb2.AdbRequest(settings=put))
    assert env.execute_adb_call(adb_pb2.AdbRequest(settings=get)).settings.output == b"7\n"
    push = adb_pb2.AdbRequest(push=adb_pb2.AdbRequest.Push(content=b"abc", path="/sdcard/x"))
    env.execute_adb_call(push)
    pull = adb_pb2.AdbRequest(pull=adb_pb2.AdbRequest.Pull(path="/sdcard/x"))
    assert env.execute_adb_call(pull).pull.content == b"abc"


def test_tasks_from_files(tmp_path: Path) -> None:
    path = tmp_path / "toy.textproto"
    path.write_text(TASK)
    assert load_task(path).id == "toy"
    path.write_text("id: 5 nonsense")
    with pytest.raises(TaskError, match=r"toy\.textproto"):
        load_task(path)
    with pytest.raises(TaskError, match="cannot be read"):
        load_task(tmp_path / "none")


# ---------------------------------------------------------------- android-env's own simulator, unmodified


def has_adb() -> bool:
    try:
        return bool(find_adb())
    except MissingDependencyError:
        return False


@pytest.mark.skipif(not has_adb(), reason="no adb binary: apt-get install adb, or pip install adbutils")
def test_emulator_simulator_over_the_wire(device: FakeDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same task, the same actions, the same rewards through adb and gRPC as in process."""
    path = tmp_path / "toy.textproto"
    path.write_text(TASK)
    with AdbServer() as adb, DeviceServer(device, adb_server_port=adb.port) as server:  # type: ignore[arg-type]
        adb.wait_for(server.serial)
        monkeypatch.setenv("HOME", adb.environment["HOME"])
        launcher = config_classes.EmulatorLauncherConfig(
            adb_port=server.adb_port, emulator_console_port=server.console_port, grpc_port=server.grpc_port
        )
        client = config_classes.AdbControllerConfig(adb_path=adb.adb, adb_server_port=adb.port)
        config = config_classes.AndroidEnvConfig(
            task=config_classes.FilesystemTaskConfig(path=str(path)),
            simulator=config_classes.EmulatorConfig(emulator_launcher=launcher, adb_controller=client),
        )
        env = loader.load(config)
        try:
            first = env.reset()
            assert first.observation["pixels"].shape == (80, 36, 3)
            assert device.activity == TOY
            total = 0.0
            for kind in (TOUCH, LIFT) * 3:
                timestep = env.step(action(kind))
                total += timestep.reward
            until = time.monotonic() + 30
            while not timestep.last() and time.monotonic() < until:  # over the wire the log lags behind
                timestep = env.step(action(REPEAT))
                total += timestep.reward
            assert timestep.last()
            assert total == 3
            assert (timestep.observation["pixels"] == device.screenshot()).all()
            assert env.save_state(state_pb2.SaveStateRequest()).status == state_pb2.SaveStateResponse.Status.OK
            device.taps = 50
            assert env.load_state(state_pb2.LoadStateRequest()).status == state_pb2.LoadStateResponse.Status.OK
            assert device.taps == 3
        finally:
            env.close()
