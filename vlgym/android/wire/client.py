"""A client of an adb server, in the server's own protocol: shells, files and the emulator console of one device.

No process is started for a call, so a call costs what the way through the adb server costs.

Source: AOSP packages/modules/adb, docs/dev/services.md and docs/dev/sync.md.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vlgym.android.wire.adb import HOST, START_SECONDS, ask_server
from vlgym.android.wire.packets import CLOSE_STDIN, EXIT, STDERR, STDOUT, ShellPackets, shell_packet
from vlgym.core.errors import BackendError

CALL_SECONDS = 60.0
"""Longest silence of a device within a call."""
_CHUNK = 64 << 10
_SAFE = 0o644


class Output(NamedTuple):
    """What a command wrote, and its exit code."""

    stdout: bytes
    stderr: bytes
    code: int


class AdbClient:
    """One device behind an adb server on this host. Every method raises BackendError when the device cannot be reached.

    Args:
        serial: as `adb devices` lists it.
        port: of the adb server.
    """

    def __init__(self, serial: str, port: int) -> None:
        self.serial, self.port = serial, port

    # ------------------------------------------------------------ calls

    def shell(self, line: str, timeout: float = CALL_SECONDS) -> Output:
        """Run a line in the device's shell (`adb shell`, protocol 2: Android 7 and later)."""
        packets, out, err, code = ShellPackets(), bytearray(), bytearray(), -1
        with self._service(f"shell,v2,raw:{line}", timeout) as link:
            link.sendall(shell_packet(CLOSE_STDIN, b""))
            while data := link.recv(_CHUNK):
                for kind, payload in packets.feed(data):
                    if kind == STDOUT:
                        out += payload
                    elif kind == STDERR:
                        err += payload
                    elif kind == EXIT:
                        code = payload[0]
        if code < 0:
            raise BackendError(f"{self.serial} went away while it ran {line[:80]!r}.")
        return Output(bytes(out), bytes(err), code)

    def exec(self, line: str, timeout: float = CALL_SECONDS) -> bytes:
        """Return the bytes that a program writes (`adb exec-out`)."""
        data = bytearray()
        with self._service(f"exec:{line}", timeout) as link:
            while piece := link.recv(_CHUNK):
                data += piece
        return bytes(data)

    def root(self) -> bool:
        """Have adbd run as root, which emulators and userdebug builds allow; return whether it does."""
        with self._service("root:", CALL_SECONDS) as link:
            answer = b""
            with contextlib.suppress(OSError):
                while piece := link.recv(_CHUNK):
                    answer += piece
        if b"restarting" in answer:
            time.sleep(0.5)  # the daemon goes first and comes back then
            self.wait()
        return self.shell("id -u").stdout.strip() == b"0"

    def wait(self, timeout: float = START_SECONDS) -> None:
        """Wait until the device is online."""
        deadline = time.monotonic() + timeout
        while True:
            listed = self._ask("host:devices")[4:].decode("utf-8", "replace")
            if f"{self.serial}\tdevice" in listed:
                return
            if time.monotonic() > deadline:
                there = ", ".join(listed.replace("\t", " ").splitlines()) or "none"
                raise BackendError(
                    f"adb (server on port {self.port}) lists no device {self.serial} that is online, but: {there}. "
                    f"`vlgym-doctor android --serial {self.serial}` says what is missing."
                )
            time.sleep(0.05)

    # ------------------------------------------------------------ files

    def read(self, path: str) -> bytes | None:
        """Return the contents of a file, None if there is none that can be read."""
        with self._service("sync:", CALL_SECONDS) as link:
            _say(link, b"RECV", path.encode())
            data = bytearray()
            while True:
                kind, size = _header(link)
                if kind == b"DATA":
                    data += _exactly(link, size)
                elif kind == b"DONE":
                    return bytes(data)
                else:
                    return None

    def write(self, path: str, data: bytes) -> None:
        """Write a file whose directory exists; raises BackendError if the device refuses."""
        with self._service("sync:", CALL_SECONDS) as link:
            _say(link, b"SEND", f"{path},{0o100000 | _SAFE}".encode())
            for start in range(0, len(data), _CHUNK):
                _say(link, b"DATA", data[start : start + _CHUNK])
            link.sendall(b"DONE" + struct.pack("<I", 0))
            kind, size = _header(link)
            if kind != b"OKAY":
                reason = _exactly(link, size).decode("utf-8", "replace")
                raise BackendError(f"{self.serial} did not take the file {path!r}: {reason}.")

    def names(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; none if there is no such directory."""
        found = []
        with self._service("sync:", CALL_SECONDS) as link:
            _say(link, b"LIST", path.encode())
            while True:
                kind, _, _, _, length = struct.unpack("<4s4I", _exactly(link, 20))
                if kind != b"DENT":
                    break
                found.append(_exactly(link, length).decode("utf-8", "surrogateescape"))
        return sorted(name for name in found if name not in (".", ".."))

    # ------------------------------------------------------------ the emulator's console

    @property
    def console_port(self) -> int:
        """Port of the console, 0 for what is no emulator."""
        number = self.serial.removeprefix("emulator-")
        return int(number) if number != self.serial and number.isdecimal() else 0

    def console(self, line: str, timeout: float = 180.0) -> str:
        """Return what the emulator's console answers to a line.

        Raises:
            BackendError: there is no console, or it answered KO.
        """
        token = Path("~/.emulator_console_auth_token").expanduser()
        with (
            self._reported(f"the console of {self.serial}"),
            socket.create_connection((HOST, self.console_port), timeout) as link,
            link.makefile("r", encoding="utf-8", errors="replace", newline="\n") as reader,
        ):
            if "Authentication required" in _until_ok(reader):
                word = token.read_text(encoding="utf-8").strip() if token.is_file() else ""
                link.sendall(f"auth {word}\r\n".encode())
                _until_ok(reader)
            link.sendall(f"{line}\r\n".encode())
            return _until_ok(reader)

    # ------------------------------------------------------------ connections

    def _ask(self, request: str) -> bytes:
        with self._reported(f"the adb server on port {self.port}"):
            return ask_server(self.port, request)

    @contextlib.contextmanager
    def _service(self, name: str, timeout: float) -> Iterator[socket.socket]:
        """Open a service of the device; trouble on the way is a BackendError."""
        with (
            self._reported(f"{self.serial} through the adb server on port {self.port}"),
            socket.create_connection((HOST, self.port), timeout) as link,
        ):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in (f"host:transport:{self.serial}", name):
                raw = request.encode()
                link.sendall(b"%04x" % len(raw) + raw)
                if _exactly(link, 4) != b"OKAY":
                    reason = _exactly(link, int(_exactly(link, 4), 16)).decode("utf-8", "replace")
                    raise BackendError(f"adb cannot reach {self.serial}: {reason}.")
            yield link

    @contextlib.contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError) as error:
            raise BackendError(f"Lost {what}: {error or type(error).__name__}.") from error


def _exactly(link: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = link.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError("the connection was closed")
        data += piece
    return bytes(data)


def _say(link: socket.socket, kind: bytes, data: bytes) -> None:
    link.sendall(kind + struct.pack("<I", len(data)) + data)


def _header(link: socket.socket) -> tuple[bytes, int]:
    kind, size = struct.unpack("<4sI", _exactly(link, 8))
    return kind, size


def _until_ok(reader: object) -> str:
    """Return what a console says up to its OK; raises BackendError at a KO."""
    lines: list[str] = []
    while line := reader.readline():  # type: ignore[attr-defined]
        word = line.strip()
        if word == "OK":
            return "".join(lines)
        if word.startswith("KO"):
            raise BackendError(f"The emulator's console refused: {word[3:].strip() or 'no reason given'}.")
        lines.append(line)
    raise EOFError("the console was closed")
