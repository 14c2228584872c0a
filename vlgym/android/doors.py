"""How a phone is reached by name: one that is attached, an emulator started for the purpose, a simulated one over adb.

`door("emulator-5554")`, `door("R58M12ABCDE")`, `door("avd:Pixel_6")`, `door("sim-wire")`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Protocol

from vlgym.android.wire.adb import HOST, AdbServer, ask_server, find_adb
from vlgym.android.wire.client import AdbClient
from vlgym.core.errors import BackendError, MissingDependencyError

if TYPE_CHECKING:
    from vlgym.android.wire.server import DeviceServer

BOOT_SECONDS = 300.0
"""How long an emulator may take to boot; without KVM that is minutes."""
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_EMULATOR_PORTS = range(5554, 5682, 2)


class Door(Protocol):
    """The way to one phone. `open` raises BackendError when the machinery fails, and may be called again then."""

    grpc_port: int
    """Port of an emulator's gRPC, 0 for none known."""

    def open(self) -> AdbClient:
        """Return a client of the phone, online; what has ended meanwhile is started anew."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


def door(name: str) -> Door:
    """Return the way to the phone of a name: "sim-wire", "avd:NAME", or a serial as `adb devices` lists it.

    Raises:
        ValueError: the name is none of these.
    """
    if name == "sim-wire":
        return SimulatedDoor()
    if name.startswith("avd:"):
        if _SERIAL.fullmatch(name[4:]):
            return EmulatorDoor(name[4:])
    elif _SERIAL.fullmatch(name) and name != "sim":
        return AttachedDoor(name)
    raise ValueError(f'device {name[:60]!r} is no "sim", "sim-wire", "emulator-5554", "avd:NAME" or serial of adb.')


class AttachedDoor:
    """A phone or emulator that runs already, behind the user's own adb server (ANDROID_ADB_SERVER_PORT, else 5037)."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        number = serial.removeprefix("emulator-")
        self.grpc_port = 8554 + (int(number) - 5554) // 2 if number != serial and number.isdecimal() else 0

    def open(self) -> AdbClient:
        """Return a client; an adb server is started if none runs, as any adb command does."""
        port = int(os.environ.get("ANDROID_ADB_SERVER_PORT") or 5037)
        try:
            ask_server(port, "host:version")
        except OSError:
            command = [find_adb(), "-P", str(port), "start-server"]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(command, capture_output=True, timeout=30)
        client = AdbClient(self.serial, port)
        client.wait(5.0)
        return client

    def close(self) -> None:
        """Nothing was started but, perhaps, the user's adb server, which stays."""


class EmulatorDoor:
    """An Android virtual device that is started headless, with a private adb server, and ended at `close`."""

    def __init__(self, avd: str) -> None:
        self.avd = avd
        self.grpc_port = 0
        self._adb: AdbServer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._console = 0

    def open(self) -> AdbClient:
        """Start the emulator unless it runs, and wait until it has booted."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        assert self._adb is not None
        client = AdbClient(f"emulator-{self._console}", self._adb.port)
        try:
            self._booted(client)
        except BaseException:
            self.close()
            raise
        return client

    def _start(self) -> None:
        binary = find_emulator()
        self._adb = AdbServer()
        self._console = _free_console()
        self.grpc_port = _free_port()
        command = [binary, "-avd", self.avd, "-ports", f"{self._console},{self._console + 1}"]
        command += ["-grpc", str(self.grpc_port), "-no-window", "-no-audio", "-no-boot-anim", "-no-snapshot-save"]
        command += ["-gpu", "swiftshader_indirect"]
        environment = {**os.environ, "ANDROID_ADB_SERVER_PORT": str(self._adb.port)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )

    def _booted(self, client: AdbClient) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            assert self._process is not None
            with contextlib.suppress(BackendError):
                client.wait(1.0)
                if client.shell("getprop sys.boot_completed").stdout.strip() == b"1":
                    return
            if self._process.poll() is not None:
                raise BackendError(
                    f"The emulator ended with code {self._process.returncode} before the AVD {self.avd!r} had booted: "
                    f"`emulator -avd {self.avd}` shows why, `emulator -list-avds` what there is."
                )
            if time.monotonic() > deadline:
                raise BackendError(f"The AVD {self.avd!r} has not booted after {BOOT_SECONDS:.0f} s.")
            time.sleep(0.2)

    def close(self) -> None:
        """End the emulator and its adb server."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._adb is not None:
            self._adb.close()
            self._adb = None


class SimulatedDoor:
    """A simulated phone of this process behind the ports of an emulator and a real, private adb server.

    Attributes:
        server: the phone's ports while the door is open.
    """

    def __init__(self) -> None:
        self.grpc_port = 0
        self.server: DeviceServer | None = None
        self._adb: AdbServer | None = None

    def open(self) -> AdbClient:
        """Start device and adb server unless they run."""
        from vlgym.android.device import Device
        from vlgym.android.wire.server import DeviceServer

        try:
            if self._adb is not None:
                ask_server(self._adb.port, "host:version")
        except (OSError, BackendError):
            self.close()
        if self.server is not None and self.server.stopped.is_set():
            self.close()
        if self._adb is None:
            self._adb = AdbServer()
        if self.server is None:
            with_grpc = _has_grpc()
            self.server = DeviceServer(Device(), adb_server_port=self._adb.port, with_grpc=with_grpc)
            self.grpc_port = self.server.grpc_port
        client = AdbClient(self.server.serial, self._adb.port)
        client.wait()
        return client

    def close(self) -> None:
        """End both."""
        if self.server is not None:
            self.server.close()
            self.server = None
        if self._adb is not None:
            self._adb.close()
            self._adb = None


def find_emulator() -> str:
    """Return the path of the SDK's emulator.

    Raises:
        MissingDependencyError: there is none; the sentence says how to get it.
    """
    for home in (os.environ.get("ANDROID_HOME"), os.environ.get("ANDROID_SDK_ROOT"), "~/Android/Sdk"):
        found = shutil.which(os.path.join(os.path.expanduser(home), "emulator", "emulator")) if home else None
        if found:
            return found
    found = shutil.which("emulator")
    if found:
        return found
    raise MissingDependencyError(
        "No Android emulator was found: install one with the SDK's `sdkmanager emulator` and set ANDROID_HOME, "
        'or use device="sim", which needs none.'
    )


def _has_grpc() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("grpc", "android_env"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _free_console() -> int:
    """Return an even port of an emulator's range that is free together with its neighbour."""
    for port in reversed(_EMULATOR_PORTS):
        with contextlib.ExitStack() as stack:
            try:
                for number in (port, port + 1):
                    stack.enter_context(socket.socket()).bind((HOST, number))
            except OSError:
                continue
            return port
    raise BackendError("All 64 port pairs of emulators (5554 to 5681) are taken on this machine.")
