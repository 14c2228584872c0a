"""adbd, the daemon on the device that an adb server talks to: connections, and the streams inside them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from vlgym.android.wire.packets import (
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OPEN,
    VERSION,
    WRTE,
    Message,
    ProtocolError,
    read_message,
)

_log = logging.getLogger(__name__)

FEATURES = ("shell_v2", "stat_v2", "ls_v2", "fixed_push_mkdir", "fixed_push_symlink_timestamp")
"""What this adbd announces; without "cmd" the client installs by push and `pm install`, which the shell answers."""

UNREAD = 4 << 20
"""Bytes a service may leave unread before the host is told to wait."""

Service = Callable[["Stream", str], Awaitable[None]]
"""Serves one stream; the text is the name the host opened, as "shell:ls"."""


class Refused(Exception):
    """No such service; raised before `Stream.open`."""


class Stream:
    """One stream of one connection: bytes both ways, with the protocol's flow control of one message in flight."""

    def __init__(self, connection: Connection, local: int, remote: int) -> None:
        self._connection = connection
        self.local, self.remote = local, remote
        self._inbox = bytearray()
        self._owed = False
        self._changed = asyncio.Event()
        self._may_write = asyncio.Event()
        self.ended = False
        """The host closed the stream: reads give what is left, writes fail."""

    async def open(self) -> None:
        """Tell the host that the service is there."""
        self._may_write.set()
        await self._connection.send(Message(OKAY, self.local, self.remote))

    async def received(self, data: bytes) -> None:
        """Take over bytes from the host."""
        self._inbox += data
        self._changed.set()
        self._owed = len(self._inbox) > UNREAD
        if not self._owed:
            await self._connection.send(Message(OKAY, self.local, self.remote))

    def acknowledged(self) -> None:
        """The host took the last message."""
        self._may_write.set()

    def end(self) -> None:
        """The host closed the stream."""
        self.ended = True
        self._changed.set()
        self._may_write.set()

    async def read_some(self) -> bytes:
        """Return the bytes that are there, waiting for the first; b"" is the end of the stream."""
        while not self._inbox and not self.ended:
            self._changed.clear()
            await self._changed.wait()
        return await self._take(len(self._inbox))

    async def closed(self) -> None:
        """Wait until the host closes the stream; what it writes until then is dropped."""
        while await self.read_some():
            pass

    async def read(self, size: int) -> bytes:
        """Return exactly `size` bytes; raises EOFError if the stream ends before."""
        while len(self._inbox) < size:
            if self.ended:
                raise EOFError("the host closed the stream")
            self._changed.clear()
            await self._changed.wait()
        return await self._take(size)

    async def _take(self, size: int) -> bytes:
        data = bytes(self._inbox[:size])
        del self._inbox[:size]
        if self._owed and len(self._inbox) <= UNREAD:
            self._owed = False
            await self._connection.send(Message(OKAY, self.local, self.remote))
        return data

    async def write(self, data: bytes) -> None:
        """Send bytes; returns when the last message is on its way, raises ConnectionResetError on a closed stream."""
        step = self._connection.max_payload
        for start in range(0, len(data), step):
            await self._may_write.wait()
            if self.ended:
                raise ConnectionResetError("the host closed the stream")
            self._may_write.clear()
            await self._connection.send(Message(WRTE, self.local, self.remote, data[start : start + step]))

    async def flush(self) -> None:
        """Wait until the host has taken everything."""
        await self._may_write.wait()


class Connection:
    """One adb server's connection: the handshake, then any number of streams."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, banner: Callable[[], str], service: Service
    ) -> None:
        self._reader, self._writer = reader, writer
        self._banner, self._service = banner, service
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = 0
        self._checksum = True
        self.max_payload = 4096

    async def send(self, message: Message) -> None:
        """Send one message; raises ConnectionError if the host is gone."""
        self._writer.write(message.encode(checksum=self._checksum))
        await self._writer.drain()

    async def run(self) -> None:
        """Serve until the host goes."""
        try:
            while True:
                await self._handle(await read_message(self._reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except ProtocolError as error:
            _log.warning("%s", error)
        finally:
            for stream in self._streams.values():
                stream.end()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._writer.close()

    async def _handle(self, message: Message) -> None:
        stream = self._streams.get(message.arg1)
        if message.command == CNXN:
            self._checksum = min(message.arg0, VERSION) < VERSION
            self.max_payload = max(1, min(message.arg1, MAX_PAYLOAD))
            await self.send(Message(CNXN, VERSION, MAX_PAYLOAD, self._banner().encode()))
        elif message.command == OPEN and message.arg0:
            self._numbers += 1
            stream = self._streams[self._numbers] = Stream(self, self._numbers, message.arg0)
            name = message.payload.rstrip(b"\0").decode("utf-8", "replace")
            task = asyncio.create_task(self._serve(stream, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif stream is not None and stream.remote == message.arg0:
            if message.command == WRTE:
                await stream.received(message.payload)
            elif message.command == OKAY:
                stream.acknowledged()
            elif message.command == CLSE:
                stream.end()

    async def _serve(self, stream: Stream, name: str) -> None:
        opened = stream.local
        try:
            await self._service(stream, name)
            await stream.flush()
        except Refused:
            opened = 0  # a refused stream is closed from number 0
        except (EOFError, ConnectionError):
            pass
        except Exception:
            _log.exception("The adb service %r failed; its stream is closed.", name[:80])
        finally:
            self._streams.pop(stream.local, None)
            with contextlib.suppress(ConnectionError):
                await self.send(Message(CLSE, opened, stream.remote))


def banner(properties: dict[str, str]) -> str:
    """Return what a device says of itself in the handshake; `properties` as `getprop` has them."""
    names = ("ro.product.name", "ro.product.model", "ro.product.device")
    parts = [f"{name}={properties.get(name, '')}" for name in names]
    return "device::" + "".join(f"{part};" for part in [*parts, "features=" + ",".join(FEATURES)])
