"""The host's side: the real `adb` binary, a private adb server, and how a device makes itself known to one."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from vlgym.core.errors import BackendError, MissingDependencyError

HOST = "127.0.0.1"
START_SECONDS = 20.0
"""How long a new adb server may take to answer; a busy machine needs a few seconds."""
_MEND = (
    "Install it (Debian and Ubuntu: apt-get install adb), or the Python package adbutils, which carries one, or set "
    "ANDROID_HOME to an Android SDK."
)


def find_adb(path: str = "") -> str:
    """Return the path of an adb binary: the given one, the SDK's, the one on PATH, or the one inside adbutils.

    Raises:
        MissingDependencyError: there is none; the sentence names what to install.
    """
    if path:
        found = shutil.which(os.path.expanduser(path))
        if found is None:
            raise MissingDependencyError(f"No adb can be run at {path!r}. {_MEND}")
        return found
    for home in (os.environ.get("ANDROID_HOME"), os.environ.get("ANDROID_SDK_ROOT"), "~/Android/Sdk"):
        found = shutil.which(os.path.join(os.path.expanduser(home), "platform-tools", "adb")) if home else None
        if found:
            return found
    found = shutil.which("adb")
    if found:
        return found
    spec = importlib.util.find_spec("adbutils")
    bundled = Path(spec.origin).parent / "binaries" / "adb" if spec and spec.origin else None
    if bundled is not None and os.access(bundled, os.X_OK):
        return str(bundled)
    raise MissingDependencyError(f"No adb was found. {_MEND}")


# ---------------------------------------------------------------- talking to an adb server


def ask_server(port: int, request: str, *, timeout: float = 5.0) -> bytes:
    """Send a request such as "host:devices" to an adb server and return what follows its OKAY.

    Raises:
        BackendError: the server refused, with its reason.
        OSError: no server answers on the port.
    """
    with socket.create_connection((HOST, port), timeout) as link:
        raw = request.encode()
        link.sendall(b"%04x" % len(raw) + raw)
        status = _exactly(link, 4)
        if status == b"FAIL":
            reason = _exactly(link, int(_exactly(link, 4), 16)).decode("utf-8", "replace")
            raise BackendError(f"The adb server on port {port} refused {request!r}: {reason}.")
        answer = bytearray()
        with contextlib.suppress(OSError):  # the server closes when it has said everything
            while piece := link.recv(65536):
                answer += piece
        return bytes(answer)


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise ConnectionResetError("the adb server closed the connection")
        data += piece
    return data


def register(server_port: int, device_port: int) -> None:
    """Tell an adb server that an emulator listens on a port, as a starting emulator does."""
    raw = f"host:emulator:{device_port}".encode()
    with socket.create_connection((HOST, server_port), 5.0) as link:
        link.sendall(b"%04x" % len(raw) + raw)
        with contextlib.suppress(OSError):
            link.recv(4)


class AdbServer:
    """A private adb server, a child process that ends with this one; a context manager.

    It has its own port, home directory and key, and looks for no devices: what it lists has made itself known to it.

    Args:
        adb: path of the binary, "" to look for one.
        port: 0 takes a free one.

    Attributes:
        port: of the server; clients are run as ``adb -P port``.
        environment: for clients that are run by hand; `run` uses it.
    """

    def __init__(self, adb: str = "", port: int = 0) -> None:
        self.adb = find_adb(adb)
        self.port = port or _free_port()
        self._home = tempfile.mkdtemp(prefix="vlgym-adb-")
        token = Path(self._home) / ".emulator_console_auth_token"
        token.write_text("vlgym", encoding="utf-8")  # `adb emu` refuses to work without one
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))}
        self.environment = {
            **inherited,
            "HOME": self._home,
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "0",
            "ADB_MDNS": "0",
        }
        # The shell ends the server when this process ends, however it ends: its standard input closes.
        script = 'home=$1; shift; "$@" </dev/null & read -r _; kill $! 2>/dev/null; wait; rm -rf "$home"'
        server = [self.adb, "-P", str(self.port), "nodaemon", "server"]
        command = ["/bin/sh", "-c", script, "sh", self._home, *server]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment
        )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> AdbServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _wait(self) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, BackendError):
                ask_server(self.port, "host:version")
                return
            time.sleep(0.02)
        raise BackendError(
            f"adb ({self.adb}) did not start a server on port {self.port} in {START_SECONDS:.0f} s: "
            f"run `{self.adb} -P {self.port} nodaemon server` to see why."
        )

    def wait_for(self, serial: str, timeout: float = START_SECONDS) -> None:
        """Wait until a device is listed as online; raises BackendError if it is not in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            devices = ask_server(self.port, "host:devices")[4:].decode()
            if f"{serial}\tdevice" in devices:
                return
            if time.monotonic() > deadline:
                raise BackendError(f"adb lists no device {serial} after {timeout:.0f} s; it lists: {devices!r}.")
            time.sleep(0.02)

    def run(
        self, *arguments: str, serial: str = "", stdin: bytes = b"", timeout: float = 30.0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `adb` with some arguments against this server, for one device if `serial` is given."""
        chosen: Sequence[str] = ("-s", serial) if serial else ()
        command = [self.adb, "-P", str(self.port), *chosen, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, env=self.environment, timeout=timeout)

    def close(self) -> None:
        """End the server, and one that a client may have started in its place. Closing twice is no error."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            with contextlib.suppress(OSError, BackendError):
                ask_server(self.port, "host:kill", timeout=1.0)
            shutil.rmtree(self._home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
