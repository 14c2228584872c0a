"""The ADB device protocol: messages between an adb server and a device, and the packets inside shell and sync streams.

Source: the protocol description in the Android Open Source Project, packages/modules/adb/protocol.txt, SYNC.TXT and
the shell protocol of adb's feature "shell_v2".
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass

from vlgym.core.errors import BackendError


def _command(word: bytes) -> int:
    return int.from_bytes(word, "little")


CNXN, AUTH, OPEN, OKAY, CLSE, WRTE = map(_command, (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE"))

VERSION_WITH_CHECKSUM = 0x01000000
VERSION = 0x01000001
"""From this version on, neither side reads the checksum."""

MAX_PAYLOAD = 1 << 20
"""Bytes of payload that this side takes in one message."""

_HEADER = struct.Struct("<6I")
_SHELL = struct.Struct("<BI")

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN, WINDOW_SIZE = range(6)
"""Kinds of packets inside a "shell,v2" stream."""


class ProtocolError(BackendError):
    """The other side sent what is no ADB message; the connection is dropped, the device goes on."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: command, its two arguments and the payload."""

    command: int
    arg0: int = 0
    arg1: int = 0
    payload: bytes = b""

    def encode(self, *, checksum: bool = False) -> bytes:
        """Return the message as bytes; `checksum` fills in the field that old peers verify."""
        total = sum(self.payload) & 0xFFFFFFFF if checksum else 0
        header = (self.command, self.arg0, self.arg1, len(self.payload), total, self.command ^ 0xFFFFFFFF)
        return _HEADER.pack(*header) + self.payload


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message.

    Raises:
        ProtocolError: the bytes are no message, or one longer than this side announced.
        asyncio.IncompleteReadError: the connection ended.
    """
    command, arg0, arg1, size, _, magic = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    if magic != command ^ 0xFFFFFFFF:
        raise ProtocolError(
            f"An adb peer sent {command:#010x} where a message should begin; the connection is dropped."
        )
    if size > MAX_PAYLOAD:
        raise ProtocolError(f"An adb peer sent a payload of {size} bytes, more than {MAX_PAYLOAD}; it is dropped.")
    return Message(command, arg0, arg1, await reader.readexactly(size) if size else b"")


def shell_packet(kind: int, data: bytes) -> bytes:
    """Return one packet of a "shell,v2" stream."""
    return _SHELL.pack(kind, len(data)) + data


class ShellPackets:
    """Cuts the bytes of a "shell,v2" stream into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take some bytes, return the packets (kind, data) that are complete."""
        self._rest += data
        found: list[tuple[int, bytes]] = []
        while len(self._rest) >= _SHELL.size:
            kind, size = _SHELL.unpack_from(self._rest)
            if size > MAX_PAYLOAD:
                raise ProtocolError(f"An adb peer sent a shell packet of {size} bytes, more than {MAX_PAYLOAD}.")
            if len(self._rest) < _SHELL.size + size:
                break
            found.append((kind, self._rest[_SHELL.size : _SHELL.size + size]))
            self._rest = self._rest[_SHELL.size + size :]
        return found
