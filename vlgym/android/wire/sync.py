"""The service "sync:" of adbd: `adb push`, `adb pull` and `adb ls` on the device's own file system."""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import TYPE_CHECKING

from vlgym.android.wire.adbd import Stream

if TYPE_CHECKING:
    from vlgym.android.device import Device
    from vlgym.android.state.files import Stat

CHUNK = 64 << 10
"""Bytes of one DATA record, the most that adb takes."""
MAX_PATH = 1024
MAX_FILE = 64 << 20
"""Bytes that one push may bring; a longer file is refused, as on a full disk."""

_V1 = struct.Struct("<4s3I")
_DENT = struct.Struct("<4s4I")
_V2 = struct.Struct("<4sI2Q4IQ3q")
_DNT2 = struct.Struct("<4sI2Q4IQ3qI")


class SyncService:
    """Serves one "sync:" stream, request by request, until the host says QUIT."""

    def __init__(self, device: Device, stream: Stream) -> None:
        self._device = device
        self._files = device.state.files
        self._stream = stream
        self._who = device.state.shell_user

    async def run(self) -> None:
        """Serve until QUIT; raises EOFError when the host just goes."""
        while True:
            word, size = struct.unpack("<4sI", await self._stream.read(8))
            if word == b"QUIT":
                return
            if size > MAX_PATH:
                await self._fail("path too long")
                return
            path = (await self._stream.read(size)).decode("utf-8", "surrogateescape")
            if word == b"STAT":
                await self._stream.write(_V1.pack(b"STAT", *_short(self._stat(path, follow=False)[0])))
            elif word in (b"STA2", b"LST2"):
                found, code = self._stat(path, follow=word == b"STA2")
                await self._stream.write(_V2.pack(word, *_long(found, code)))
            elif word in (b"LIST", b"LIS2"):
                await self._list(path, long=word == b"LIS2")
            elif word == b"RECV":
                await self._recv(path)
            elif word == b"SEND":
                await self._send(path)
            else:
                await self._fail(f"unknown sync request {word.decode('ascii', 'replace')}")
                return

    async def _fail(self, message: str) -> None:
        text = message.encode()
        await self._stream.write(struct.pack("<4sI", b"FAIL", len(text)) + text)

    def _stat(self, path: str, *, follow: bool) -> tuple[Stat | None, int]:
        """Return what is known of a path, or None and the errno."""
        try:
            with self._device.lock:
                return self._files.stat(path, self._who, follow=follow), 0
        except OSError as error:
            return None, error.errno or errno.EIO

    async def _list(self, path: str, *, long: bool) -> None:
        entries: list[tuple[str, Stat | None]] = []
        try:
            with self._device.lock:
                for name in self._files.list(path, self._who):
                    entries.append((name, self._files.stat(f"{path}/{name}", self._who, follow=False)))
        except OSError:
            entries = []  # adbd answers an unreadable directory like an empty one
        out = bytearray()
        for name, found in entries:
            raw = os.fsencode(name)
            if long:
                out += _DNT2.pack(b"DNT2", *_long(found, 0), len(raw)) + raw
            else:
                out += _DENT.pack(b"DENT", *_short(found), len(raw)) + raw
        out += b"DONE" + bytes((_DNT2 if long else _DENT).size - 4)
        await self._stream.write(bytes(out))

    async def _recv(self, path: str) -> None:
        try:
            with self._device.lock:
                data = self._files.read(path, self._who)
        except OSError as error:
            await self._fail(f"open failed: {os.strerror(error.errno or errno.EIO)}")
            return
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            await self._stream.write(struct.pack("<4sI", b"DATA", len(piece)) + piece)
        await self._stream.write(struct.pack("<4sI", b"DONE", 0))

    async def _send(self, spec: str) -> None:
        path, comma, digits = spec.rpartition(",")
        if not comma or not digits.isdigit():
            await self._fail("missing , in ID_SEND")
            return
        data, problem = bytearray(), ""
        while True:
            word, size = struct.unpack("<4sI", await self._stream.read(8))
            if word == b"DONE":
                break
            if word != b"DATA" or size > CHUNK:
                await self._fail("invalid data message")
                raise EOFError("the host sent no DATA")
            piece = await self._stream.read(size)
            if len(data) + len(piece) > MAX_FILE:
                problem = "write failed: No space left on device"
            elif not problem:
                data += piece
        problem = problem or self._store(path, int(digits), bytes(data), mtime_s=size)
        if problem:
            await self._fail(problem)
        else:
            await self._stream.write(struct.pack("<4sI", b"OKAY", 0))

    def _store(self, path: str, mode: int, data: bytes, *, mtime_s: int) -> str:
        """Write a pushed file or link; return "" or what went wrong."""
        files, who = self._files, self._who
        try:
            with self._device.lock:
                files.mkdir(os.path.dirname(path) or "/", who, parents=True)
                if stat.S_ISLNK(mode):
                    if files.access(path, 0):
                        files.remove(path, who)
                    files.symlink(data.rstrip(b"\0").decode("utf-8", "surrogateescape"), path, who)
                else:
                    files.write(path, data, who, mode=mode & 0o777)
                    files.touch(path, mtime_s * 1_000_000, who)
        except OSError as error:
            return f"couldn't create file: {os.strerror(error.errno or errno.EIO)}"
        return ""


def _short(found: Stat | None) -> tuple[int, int, int]:
    """Return mode, size and mtime as the first protocol has them; zeros for a missing path."""
    if found is None:
        return 0, 0, 0
    return found.mode, found.size & 0xFFFFFFFF, found.mtime_us // 1_000_000 & 0xFFFFFFFF


def _long(found: Stat | None, code: int) -> tuple[int, ...]:
    """Return error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime."""
    if found is None:
        return (code,) + (0,) * 10
    seconds = found.mtime_us // 1_000_000
    return (code, 1, found.inode, found.mode, found.links, found.uid, found.gid, found.size, *(seconds,) * 3)
