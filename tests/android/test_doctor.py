"""The doctor: every finding, what it says and the mend it prints, on machines and devices of all kinds."""

from __future__ import annotations

import errno
import fcntl
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_device import FakeDevice

from vlgym.android import doctor
from vlgym.android.wire.adb import AdbServer, find_adb
from vlgym.android.wire.server import DeviceServer
from vlgym.core.errors import MissingDependencyError

linux = pytest.mark.skipif(sys.platform != "linux", reason="KVM is Linux's")


def has_adb() -> bool:
    try:
        return bool(find_adb())
    except MissingDependencyError:
        return False


def done(out: str = "", err: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, out, err)


def says(answers: dict[str, str]) -> Callable[[str], str]:
    return lambda line: answers.get(line, "")


# ---------------------------------------------------------------- this machine


def test_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def broken(name: str) -> object:
        if name == "skia":
            raise ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
        if name == "android_env":
            raise ModuleNotFoundError("No module named 'android_env'")
        return real("json")

    monkeypatch.setattr(importlib, "import_module", broken)
    found = {check.name: check for check in doctor.check_packages()}
    assert found["package skia"].status == "failed"
    assert "libEGL.so.1" in found["package skia"].mend
    assert "apt-get install libegl1" in found["package skia"].mend
    assert 'pip install "vlgym[android]"' in found["package android_env"].mend
    assert found["package cv2"].status == "ok"


@linux
def test_kvm_is_asked_and_not_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "modprobe" in doctor.check_kvm(str(tmp_path / "none")).mend

    def refused(*arguments: object) -> int:
        raise OSError(errno.EACCES, "Permission denied")

    device = tmp_path / "kvm"
    device.touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        assert "usermod -aG kvm" in doctor.check_kvm(str(device)).mend
    plain = doctor.check_kvm(str(device))  # a file answers no ioctl
    assert plain.status == "warning"
    assert "makes no virtual machine" in plain.found

    calls: list[int] = []

    def answers(handle: int, request: int, argument: int) -> int:
        calls.append(request)
        return 12 if request == 0xAE00 else os.open(device, os.O_RDONLY)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "ioctl", answers)
        assert doctor.check_kvm(str(device)).status == "ok"
        assert calls == [0xAE00, 0xAE01]
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "ioctl", lambda handle, request, argument: os.open(device, os.O_RDONLY))
        assert "version" in doctor.check_kvm(str(device)).found


def test_other_systems_are_told_whom_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "accel-check" in doctor.check_kvm().mend


def test_adb_missing_and_broken(tmp_path: Path) -> None:
    check, path = doctor.check_adb("/nowhere/adb")
    assert (check.status, path) == ("failed", "")
    assert "apt-get install adb" in check.mend
    binary = tmp_path / "adb"
    binary.write_text("#!/bin/sh\necho 'cannot execute' >&2\nexit 1\n")
    binary.chmod(0o755)
    check, path = doctor.check_adb(str(binary))
    assert (check.status, path) == ("failed", "")
    assert "cannot execute" in check.found


# ---------------------------------------------------------------- a device


@pytest.mark.parametrize(
    ("listing", "serial", "status", "mend", "chosen"),
    [
        ("", "", "warning", "vlgym-device serve", ""),
        ("emulator-5554\tdevice\n", "", "ok", "", "emulator-5554"),
        ("emulator-5554\tdevice\nR5\tdevice\n", "", "warning", "--serial emulator-5554", ""),
        ("emulator-5554\tdevice\nR5\tdevice\n", "R5", "ok", "", "R5"),
        ("R5\tunauthorized\n", "", "failed", "Allow USB debugging", ""),
        ("R5\toffline\n", "", "failed", "reconnect", ""),
        ("R5\tno permissions (missing udev rules?)\n", "", "failed", "udev", ""),
        ("R5\tdevice\n", "R6", "failed", "R5", ""),
        ("R5\trecovery\n", "", "failed", "kill-server", ""),
    ],
)
def test_listed_devices(listing: str, serial: str, status: str, mend: str, chosen: str) -> None:
    check, found = doctor.check_listed(lambda *arguments: done("List of devices attached\n" + listing), serial)
    assert (check.status, found) == (status, chosen)
    assert mend in check.mend


def test_an_adb_server_that_does_not_start() -> None:
    check, found = doctor.check_listed(lambda *arguments: done(err="cannot bind: address in use", code=1), "")
    assert (check.status, found) == ("failed", "")
    assert "address in use" in check.found


@pytest.mark.parametrize(
    ("what", "answers", "status", "found"),
    [
        (doctor.check_booted, {"getprop sys.boot_completed": "1"}, "ok", "completed"),
        (doctor.check_booted, {}, "failed", "''"),
        (doctor.check_android, {"getprop ro.build.version.sdk": "33"}, "ok", "API 33"),
        (doctor.check_android, {"getprop ro.build.version.sdk": "23"}, "warning", "API 23"),
        (doctor.check_android, {}, "failed", "''"),
        (doctor.check_screen, {"wm size": "Physical size: 1080x2400"}, "ok", "1080x2400"),
        (doctor.check_screen, {"wm size": "Physical size: 1080x2400\nOverride size: 720x1600"}, "warning", "720x1600"),
        (doctor.check_screen, {"wm size": "Physical size: 2400x1080"}, "warning", "side"),
        (doctor.check_screen, {"wm size": "wm: inaccessible"}, "failed", "inaccessible"),
    ],
)
def test_android(what: Callable[..., doctor.Check], answers: dict[str, str], status: str, found: str) -> None:
    check = what(says(answers))
    assert check.status == status
    assert found in check.found
    assert bool(check.mend) == (status != "ok")


def test_customary_grpc_ports() -> None:
    ports = {"emulator-5554": 8554, "emulator-5556": 8555, "R5CT": 0, "emulator-x": 0}
    assert {serial: doctor.grpc_port_of(serial) for serial in ports} == ports


def test_grpc_that_is_silent_wrong_or_wants_a_token() -> None:
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("android_env")
    from concurrent.futures import ThreadPoolExecutor

    from android_env.proto import emulator_controller_pb2_grpc as stubs

    class Guarded(stubs.EmulatorControllerServicer):  # type: ignore[misc]
        def getStatus(self, request: object, context: object) -> object:
            return context.abort(grpc.StatusCode.UNAUTHENTICATED, "token")  # type: ignore[attr-defined]

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
        server.start()
        other = doctor.check_grpc("emulator-5554", port)
        assert "is no emulator's" in other.found
        server.stop(None).wait()
        server = grpc.server(pool)
        stubs.add_EmulatorControllerServicer_to_server(Guarded(), server)
        port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
        server.start()
        assert "-grpc-use-token" in doctor.check_grpc("emulator-5554", port).mend
        server.stop(None).wait()
    silent = doctor.check_grpc("emulator-5554", port)
    assert silent.found == f"emulator-5554 answers adb but nothing answers gRPC on port {port}"
    assert f"-grpc {port}" in silent.mend


# ---------------------------------------------------------------- together


@pytest.mark.skipif(not has_adb(), reason="no adb binary: apt-get install adb, or pip install adbutils")
def test_a_served_device_is_found_healthy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("android_env")
    monkeypatch.setattr(doctor, "check_packages", lambda: iter(()))
    with AdbServer() as adb, DeviceServer(FakeDevice(), adb_server_port=adb.port) as server:  # type: ignore[arg-type]
        adb.wait_for(server.serial)
        arguments = ["android", "--adb", adb.adb, "--adb-server-port", str(adb.port), "--json"]
        code = doctor.main([*arguments, "--grpc-port", str(server.grpc_port)])
        findings = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
        assert code == 0
        for name in ("device", "boot", "Android", "screen", "gRPC"):
            assert findings[name]["status"] == "ok", findings[name]
        assert "36x80" in findings["screen"]["found"]
        server.close()
        assert doctor.main([*arguments[:-1], "--serial", server.serial]) == 1
    printed = capsys.readouterr().out
    assert "FAILED   device" in printed


def test_without_adb_it_says_so_and_stops(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "check_packages", lambda: iter(()))
    assert doctor.main(["android", "--adb", "/nowhere/adb"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert "apt-get install adb" in last
