"""The phone over the real adb: the same answers to set-ups and judges, the same episodes, and faults on the way."""

from __future__ import annotations

import gc
import os
import random
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wire_clients import eventually

from vlgym.android import doors
from vlgym.android.adb import CONSENT, AdbBackend, AdbPhone
from vlgym.android.backend import SimBackend
from vlgym.android.device import Device
from vlgym.android.doors import AttachedDoor, SimulatedDoor, door
from vlgym.android.env import AndroidEnv
from vlgym.android.tasks.phone import SimPhone
from vlgym.android.wire.adb import AdbServer, ask_server, find_adb
from vlgym.android.wire.server import DeviceServer
from vlgym.core.errors import ActionError, BackendError, MissingDependencyError


def adb_binary() -> str:
    try:
        return find_adb()
    except MissingDependencyError:
        return ""


pytestmark = pytest.mark.skipif(not adb_binary(), reason="no adb binary: apt-get install adb, or pip install adbutils")
EXPENSES = "/data/data/com.arduia.expense/databases/accounting.db"
SIZE = (180, 400)


@pytest.fixture(scope="module")
def backend() -> Iterator[AdbBackend]:
    made = AdbBackend("sim-wire")
    yield made
    made.close()


@pytest.fixture
def pair(backend: AdbBackend) -> tuple[AdbPhone, SimPhone]:
    """The same simulated phone seen over adb and directly."""
    backend.reset()
    assert isinstance(backend.door, SimulatedDoor)
    assert backend.door.server is not None
    return backend.phone, SimPhone(backend.door.server.device)


# ---------------------------------------------------------------- set-ups and judges


def test_what_one_writes_both_read(pair: tuple[AdbPhone, SimPhone]) -> None:
    for writer in pair:
        top = f"/sdcard/Documents/{type(writer).__name__}"
        name = f"{top}/new/it's a note.md"
        writer.write(name, b"one\n\xff\0two" * 9000)
        owners = {
            phone.shell(f'stat -c "%u:%g" "{name}"; stat -c "%u:%g" "{name.rpartition("/")[0]}"') for phone in pair
        }
        assert owners == {pair[1].shell("stat -c '%u:%g' /sdcard/Documents") * 2}
        for phone in pair:
            assert phone.read(name) == b"one\n\xff\0two" * 9000
            assert phone.list(name.rpartition("/")[0]) == ["it's a note.md"]
            assert phone.list(top) == ["new"]
            assert phone.shell(f'wc -c < "{name}"').strip() == "81000"
        writer.remove(top)
        assert [phone.read(name) for phone in pair] == [None, None]
        assert [phone.list(top) for phone in pair] == [[], []]


def test_databases(pair: tuple[AdbPhone, SimPhone]) -> None:
    columns = "(expense_id, name, amount, category, note, created_date, modified_date)"
    for number, writer in enumerate(pair, 9001):
        row = (number, "Ä 'quoted' name", 1250 * number, 3, None, 1697384040000, 1697384040000)
        writer.execute(EXPENSES, f"INSERT INTO expense {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        found = [
            phone.rows(EXPENSES, f"SELECT {columns[1:-1]} FROM expense WHERE expense_id = ?", (number,))
            for phone in pair
        ]
        assert found == [[row], [row]]
    assert pair[0].rows(EXPENSES, "SELECT count(*) FROM expense") == pair[1].rows(
        EXPENSES, "SELECT count(*) FROM expense"
    )
    assert {phone.shell(f"stat -c '%u:%g %a' {EXPENSES}") for phone in pair} == {
        pair[1].shell("stat -c '%u:%g 660' /data/data/com.arduia.expense")
    }
    assert [phone.rows("/data/data/none.db", "SELECT 1") for phone in pair] == [[], []]
    for phone in pair:
        with pytest.raises(Exception, match="no such table"):
            phone.rows(EXPENSES, "SELECT * FROM absent")


def test_settings_and_the_rest(pair: tuple[AdbPhone, SimPhone]) -> None:
    over_adb, directly = pair
    for writer in pair:
        for space, key, value in (("system", "screen_brightness", "7"), ("global", "device_name", "A 'b' \"c\" $d")):
            writer.put_setting(space, key, value)
            assert [phone.setting(space, key) for phone in pair] == [value, value]
    assert [phone.setting("secure", "no_such_key") for phone in pair] == [None, None]
    over_adb.put_setting("global", "wifi_on", "0")
    assert directly.setting("global", "wifi_on") == "0"
    assert "Wi-Fi is disabled" in directly.shell("dumpsys wifi | head -5")
    assert over_adb.now() == directly.now()
    over_adb.shell("settings put global auto_time_zone 0; cmd alarm set-timezone Asia/Kolkata")
    assert over_adb.now().utcoffset() == directly.now().utcoffset()
    for component in ("com.android.settings/.Settings$WifiSettingsActivity", "com.arduia.expense/.ui.MainActivity"):
        over_adb.shell(f"am start -n '{component}'")
        assert over_adb.foreground() == directly.foreground() != ""
    assert over_adb.shell("whoami") == directly.shell("whoami") == "root\n"


# ---------------------------------------------------------------- hands and screens


def test_hands_do_the_same_over_adb(backend: AdbBackend) -> None:
    here = SimBackend()
    here.reset()
    backend.reset()
    assert isinstance(backend.door, SimulatedDoor)
    assert backend.door.server is not None
    there = backend.door.server.device
    for both in (here, backend):
        hands: Any = both.hands
        hands.launch("settings")
        hands.wait(1.0)
        hands.drag(0.5, 0.7, 0.5, 0.4, 0.0)
        hands.wait(1.0)
        hands.swipe(0.5, 0.4, 0.5, 0.8, 0.3)
        hands.wait(3.0)
        field = both.elements().find("Search settings")
        assert field is not None
        hands.tap(*both.elements().aim(field))
        hands.wait(1.0)
        hands.text('100%s  Wi-Fi\'s "$x" `y` é')
        hands.key(29, 113)
        hands.wait(1.0)
    assert [(item.label, item.words) for item in here.elements().items] == [
        (item.label, item.words) for item in backend.elements().items
    ]
    assert any('100%s  Wi-Fi\'s "$x" `y` é' in item.words for item in backend.elements().items)
    assert (backend.screenshot(*SIZE) == there.screenshot(SIZE)).all()
    with pytest.raises(ActionError, match=r"no app 'Settigs'.*Did you mean 'settings'"):
        backend.hands.launch("Settigs")


def test_pictures_without_grpc_and_on_its_side(backend: AdbBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.reset()
    quick = backend.screenshot(*SIZE)
    monkeypatch.setattr(backend.door, "grpc_port", 0)
    slow = backend.screenshot(*SIZE)
    assert quick.shape == slow.shape == (SIZE[1], SIZE[0], 3)
    assert np.abs(quick.astype(int) - slow).mean() < 4  # drawn small, or drawn large and made smaller
    backend.phone.shell("settings put system accelerometer_rotation 0; settings put system user_rotation 1")
    backend.hands.wait(0.5)
    assert backend.screenshot(*SIZE).shape == (SIZE[1], SIZE[0], 3)
    assert backend.elements().items
    assert backend.hands.display() == (2400, 1080)


def test_a_snapshot_of_the_emulator(backend: AdbBackend) -> None:
    backend.reset()
    backend.hands.launch("Settings")
    kept, where = backend.snapshot(), backend.phone.foreground()
    backend.hands.key(3)
    assert backend.phone.foreground() != where
    backend.restore(kept)
    assert backend.phone.foreground() == where
    with pytest.raises(BackendError, match="name no snapshot"):
        backend.restore(b"something; rm -rf /")


# ---------------------------------------------------------------- episodes


def play(env: AndroidEnv, task: str, policy: str) -> tuple[bool, list[str], list[tuple[int, int]]]:
    """Return whether a policy succeeds, what it sees and how far it gets."""
    act = env.scripted_policy(policy, 0)
    observation, info = env.reset(seed=0, options={"task": task})
    texts, progress, ended = [observation["text"]], [info["progress"]], False
    while not ended:
        observation, _, terminated, truncated, info = env.step(act(observation, info))
        assert not info["env_error"], info
        texts.append(observation["text"])
        progress.append(info["progress"])
        ended = terminated or truncated
    return info["success"], texts, progress


TASKS = ("ClockAddLabelledAlarm-test-00001", "ClockLaps-test-00001", "ClockAskAlarmTime-test-00002")


def test_episodes_are_the_same_over_adb() -> None:
    envs = [AndroidEnv(families=["clock"], device=name) for name in ("sim", "sim-wire")]
    try:
        for task in TASKS:
            for policy, success in (("oracle", True), ("near_miss", False)):
                here, there = (play(env, task, policy) for env in envs)
                assert here[0] is there[0] is success
                assert here[2] == there[2]
                assert here[1] == there[1]
    finally:
        for env in envs:
            env.close()


def kill_device(env: AndroidEnv) -> None:
    env.backend.door.server.close()  # type: ignore[attr-defined]


def kill_adb_server(env: AndroidEnv) -> None:
    process = env.backend.door._adb._process  # type: ignore[attr-defined]
    process.stdin.close()
    process.wait(20)


def cut_connections(env: AndroidEnv) -> None:
    env.backend.client.port = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", [kill_device, kill_adb_server, cut_connections])
def test_a_fault_costs_one_episode(fault: Any) -> None:
    env = AndroidEnv(families=["clock"], device="sim-wire", obs_mode="both", width=SIZE[0], height=SIZE[1])
    try:
        env.reset(seed=0, options={"task": TASKS[0]})
        assert not env.step("press(home)")[4]["env_error"]
        fault(env)
        observation, reward, terminated, truncated, info = env.step('open_app("Clock")')
        assert (reward, terminated, truncated, info["success"]) == (0.0, False, True, False)
        assert info["env_error"]
        assert env.observation_space.contains(observation)
        assert play(env, TASKS[0], "oracle")[0]
    finally:
        env.close()


# ---------------------------------------------------------------- doors


def test_names_of_phones() -> None:
    assert isinstance(door("emulator-5556"), AttachedDoor)
    assert door("emulator-5556").grpc_port == 8555
    assert door("R58M12ABCDE").grpc_port == 0
    assert door("192.168.0.7:5555").grpc_port == 0
    for name in ("", "sim", "avd:", "avd:a b", "-s", "a;b", "x" * 200):
        with pytest.raises(ValueError, match='is no "sim"'):
            door(name)


def test_an_emulator_that_is_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    with AdbServer() as adb, DeviceServer(Device(), adb_server_port=adb.port, with_grpc=False) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))
        adb.wait_for(server.serial)
        backend = AdbBackend(server.serial)
        server.device.shell("echo mine > /sdcard/Download/mine.txt")
        backend.reset()  # what is there at the first use is what episodes begin with
        backend.phone.remove("/sdcard/Download/mine.txt")
        backend.phone.put_setting("system", "font_scale", "1.3")
        backend.reset()
        assert backend.phone.read("/sdcard/Download/mine.txt") == b"mine\n"
        assert backend.phone.setting("system", "font_scale") == "1.0"
        assert f"{backend.phone.now():%Y-%m-%d %H:%M}" == "2023-10-15 15:34"
        backend.close()
        assert not server.stopped.is_set()  # it was not ours to end
        monkeypatch.setattr(doors, "ask_server", lambda port, request: b"")
        with pytest.raises(
            BackendError, match=r"lists no device emulator-5999.*vlgym-doctor android --serial emulator"
        ):
            AttachedDoor("emulator-5999").open()


def test_a_phone_is_not_erased_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    with AdbServer() as adb, DeviceServer(Device(), adb_server_port=adb.port, with_grpc=False) as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))
        adb.wait_for(server.serial)
        backend = AdbBackend(server.serial)
        monkeypatch.setattr(type(backend.client), "console_port", 0)  # as if it were a phone
        backend.phone.client.root()
        backend.phone.write("/data/data/net.gsantner.markor/files/keep", b"mine")
        with pytest.raises(BackendError, match="shell touch " + CONSENT):
            backend.reset()
        assert backend.phone.read("/data/data/net.gsantner.markor/files/keep") == b"mine"
        with pytest.raises(BackendError, match="has no snapshots"):
            backend.snapshot()
        backend.phone.shell(f"touch {CONSENT}")
        backend.reset()
        assert backend.phone.read("/data/data/net.gsantner.markor/files/keep") is None
        monkeypatch.setattr(type(backend.client), "root", lambda self: False)
        with pytest.raises(BackendError, match="gives no root shell"):
            backend.reset()
        backend.close()


EMULATOR = f"""#!{sys.executable}
import os, sys
from vlgym.android.wire.cli import main
if "-avd" not in sys.argv or sys.argv[sys.argv.index("-avd") + 1] != "Pixel":
    sys.exit(3)
console, adb = sys.argv[sys.argv.index("-ports") + 1].split(",")
grpc = sys.argv[sys.argv.index("-grpc") + 1]
server = os.environ["ANDROID_ADB_SERVER_PORT"]
ports = ["--console-port", console, "--adb-port", adb, "--grpc-port", grpc, "--adb-server-port", server]
sys.exit(main(["serve", *ports]))
"""


def test_an_avd_is_started_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "emulator" / "emulator"
    program.parent.mkdir()
    program.write_text(EMULATOR)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(doors.__file__).parents[2]))
    backend = AdbBackend("avd:Pixel")
    backend.reset()
    assert backend.screenshot(*SIZE).any()
    process: Any = backend.door._process  # type: ignore[attr-defined]
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(BackendError):
        backend.phone.shell("true")
    backend.reset()  # started anew
    again: Any = backend.door._process  # type: ignore[attr-defined]
    assert backend.phone.shell("echo hi") == "hi\n"
    backend.close()
    assert again.poll() is not None
    with pytest.raises(BackendError, match="ended with code 3 before the AVD 'Other' had booted"):
        AdbBackend("avd:Other")


def test_an_absent_emulator_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path))
    monkeypatch.setenv("ANDROID_SDK_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(doors.shutil, "which", lambda *_: None)
    with pytest.raises(MissingDependencyError, match="ANDROID_HOME"):
        doors.find_emulator()


def test_a_served_device_and_its_adb_server_end_on_sigterm() -> None:
    code = "from vlgym.android.wire.cli import main; raise SystemExit(main(['serve', '--no-grpc']))"
    served = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert served.stdout is not None
        said = {
            line.split(None, 1)[0]: line.split(None, 1)[1].strip()
            for line in iter(served.stdout.readline, "Ctrl-C ends the device.\n")
        }
        words = said["try"].split()
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert done.stdout == "Simulated phone\n"
        served.send_signal(signal.SIGTERM)
        assert served.wait(30) == 0
        with pytest.raises(OSError, match="refused"):
            ask_server(int(words[words.index("-P") + 1]), "host:version")
    finally:
        served.kill()
        served.wait()


# ---------------------------------------------------------------- leaks


def usage() -> tuple[int, int]:
    """Return how many threads and descriptors this process has."""
    gc.collect()
    return threading.active_count(), len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_nothing_is_left_behind() -> None:
    rng = random.Random(0)

    def once() -> None:
        env = AndroidEnv(families=["clock"])
        env.reset(seed=0)
        env.step("press(home)")
        env.close()
        if rng.random() < 0.5:
            with DeviceServer(Device(), with_grpc=rng.random() < 0.2) as server:
                assert server.serial

    def wired() -> None:
        backend = AdbBackend("sim-wire")
        backend.screenshot(*SIZE)
        backend.close()

    for act, times in ((once, 200), (wired, 4)):
        act()
        before = usage()
        for _ in range(times):
            act()
        eventually(lambda before=before: usage() <= before, f"{act.__name__}: {usage()} after {before}")
