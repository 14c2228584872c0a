"""One simulated device behind the three ports of an Android emulator: adbd, console and gRPC, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from vlgym.android.wire.adb import register
from vlgym.android.wire.adbd import Connection, banner
from vlgym.android.wire.console import MAX_LINE, Console
from vlgym.android.wire.services import Services
from vlgym.core.errors import BackendError, require

if TYPE_CHECKING:
    from vlgym.android.device import Device
    from vlgym.android.wire.emulator import GrpcServer
    from vlgym.android.wire.forwarder import Forwarder

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

HOST = "127.0.0.1"
FIRST_CONSOLE, LAST_CONSOLE = 5554, 5584
"""Even console ports that every adb server looks at by itself."""
TICK_SECONDS = 0.05
"""Pause between two moments at which a device's time catches up with the clock on the wall."""
RETRY_SECONDS = 0.5
"""Pause between two tries to be known to an adb server that is not there."""


class Snapshots:
    """Snapshots of a device by name, in memory."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kept: dict[str, bytes] = {}

    def sizes(self) -> dict[str, int]:
        """Return name -> bytes."""
        return {name: len(data) for name, data in self._kept.items()}

    def save(self, name: str) -> None:
        """Keep the device as it is now."""
        self._kept[name] = self._device.snapshot()

    def load(self, name: str) -> None:
        """Make the device what it was; raises LookupError for an unknown name."""
        if name not in self._kept:
            raise LookupError(f"no snapshot is named {name!r}")
        self._device.restore(self._kept[name])

    def delete(self, name: str) -> None:
        """Forget a snapshot; raises LookupError for an unknown name."""
        if self._kept.pop(name, None) is None:
            raise LookupError(f"no snapshot is named {name!r}")


class DeviceServer:
    """Serves a device until `close`; a context manager. Calls of clients run in threads of the server's own.

    Args:
        device: the device; other threads may go on using it.
        adb_port, console_port, grpc_port: 0 takes free ones; console and adb ports are neighbours, as the tools expect.
        adb_server_port: an adb server that shall know the device, kept informed also after it is restarted; 0 for none.
        with_grpc: False leaves the gRPC services, and their packages, out.
        moving: whether the device's time passes with the clock on the wall; else it stands until somebody moves it.
        name: the virtual device's name.

    Attributes:
        serial: the name under which an adb server lists the device.
        stopped: set when a client switched the device off, or after `close`.

    Raises:
        BackendError: a port is taken.
    """

    def __init__(
        self,
        device: Device,
        *,
        adb_port: int = 0,
        console_port: int = 0,
        grpc_port: int = 0,
        adb_server_port: int = 0,
        with_grpc: bool = True,
        moving: bool = False,
        name: str = "vlgym",
    ) -> None:
        self.device = device
        self.snapshots = Snapshots(device)
        self.stopped = threading.Event()
        self._adb_server_port, self._moving = adb_server_port, moving
        self._hosts = 0
        self._ready = threading.Event()
        console_socket, adb_socket = _bind(console_port, adb_port)
        self.console_port, self.adb_port = console_socket.getsockname()[1], adb_socket.getsockname()[1]
        self.serial = f"emulator-{self.adb_port - 1}"
        self._grpc: GrpcServer | None = None
        try:
            self._grpc = _grpc_server(device, self.snapshots, self.stopped.set, grpc_port) if with_grpc else None
        except BaseException:
            console_socket.close()
            adb_socket.close()
            raise
        self.grpc_port = self._grpc.port if self._grpc else 0
        self._forwarder = _forwarder(device) if with_grpc else None
        console = Console(device, self.snapshots, self.stopped.set, name)
        main = self._main(console, console_socket, adb_socket)
        self._thread = threading.Thread(target=asyncio.run, args=(main,), name=self.serial, daemon=True)
        self._thread.start()
        self._ready.wait()

    def __enter__(self) -> DeviceServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the clients, free the ports and the threads; the device lives on. Closing twice is no error."""
        self.stopped.set()
        if self._grpc is not None:
            self._grpc.close()
            self._grpc = None
        if self._forwarder is not None:
            self._forwarder.close()
            self._forwarder = None
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._leave.set)
            self._thread.join()

    # ------------------------------------------------------------ the server's thread

    async def _main(self, console: Console, console_socket: socket.socket, adb_socket: socket.socket) -> None:
        self._loop, self._leave, self._lost = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        listening = [
            await asyncio.start_server(_each(console.serve), sock=console_socket, limit=MAX_LINE),
            await asyncio.start_server(_each(self._adb), sock=adb_socket),
        ]
        tasks = [asyncio.create_task(self._keep_registered())] if self._adb_server_port else []
        tasks += [asyncio.create_task(self._keep_moving())] if self._moving else []
        self._ready.set()
        await self._leave.wait()  # what still runs then is cancelled by asyncio.run
        for server in listening:
            server.close()
        for task in tasks:
            task.cancel()

    async def _adb(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hosts += 1
        try:
            describe = lambda: banner(self.device.state.properties)  # noqa: E731
            await Connection(reader, writer, describe, Services(self.device)).run()
        finally:
            self._hosts -= 1
            self._lost.set()

    async def _keep_moving(self) -> None:
        """Let the device's time pass as it passes here."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            await asyncio.to_thread(self.device.advance, now - last)
            last = now

    async def _keep_registered(self) -> None:
        """Tell the adb server of the device, again whenever it has lost it."""
        while True:
            self._lost.clear()
            if not self._hosts:
                with contextlib.suppress(OSError, BackendError):
                    await asyncio.to_thread(register, self._adb_server_port, self.adb_port)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._lost.wait(), None if self._hosts else RETRY_SECONDS)


def _each(serve: Serve) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    """Return what starts a task for every client; asyncio's own way complains about clients that are cut off."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return accept


def _grpc_server(device: Device, snapshots: Snapshots, shutdown: Callable[[], None], port: int) -> GrpcServer:
    for module in ("grpc", "android_env"):
        require(module, extra="android", purpose="The emulator's gRPC port")
    from vlgym.android.wire.emulator import GrpcServer

    return GrpcServer(device, snapshots, shutdown, port)


def _forwarder(device: Device) -> Forwarder:
    from vlgym.android.wire.forwarder import Forwarder

    return Forwarder(device)


def _listener(port: int) -> socket.socket:
    # asyncio sends small answers at once (TCP_NODELAY) only on sockets that name their protocol
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(16)
        found.setblocking(False)
    except OSError:
        found.close()
        raise
    return found


def _bind(console_port: int, adb_port: int) -> tuple[socket.socket, socket.socket]:
    """Return listening sockets for console and adbd, neighbouring ports where both are free to choose."""
    wanted = [(console_port, adb_port)]
    if not console_port and not adb_port:
        wanted = [(port, port + 1) for port in _free_pairs()]
    elif not console_port:
        wanted = [(adb_port - 1, adb_port)]
    elif not adb_port:
        wanted = [(console_port, console_port + 1)]
    problem = ""
    for first, second in wanted:
        opened: list[socket.socket] = []
        try:
            for port in (first, second):
                opened.append(_listener(port))
            return opened[0], opened[1]
        except (OSError, OverflowError) as error:
            problem = f"{[first, second][len(opened)]} ({error})"
            for one in opened:
                one.close()
    raise BackendError(f"Port {problem} of {HOST} cannot be used: give other ports, or 0 for free ones.")


def _free_pairs() -> list[int]:
    """Return even ports whose neighbour is likely free too, from the system's own choice of free ports."""
    found = []
    for _ in range(64):
        with _listener(0) as probe:
            port = probe.getsockname()[1]
        found.append(port - port % 2 if port < 65535 else port - 3)
    return found
