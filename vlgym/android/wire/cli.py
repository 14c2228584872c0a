"""`vlgym-device serve`: a simulated phone on the ports of an Android emulator, for adb, android-env and other tools."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from vlgym.android.wire.adb import AdbServer
from vlgym.android.wire.server import DeviceServer
from vlgym.core.errors import MissingDependencyError, VlgymError

_EPILOG = """The device listens on 127.0.0.1 only. By default it starts a private adb server, prints how to reach the
device through it, and ends both on Ctrl-C."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vlgym-device", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve one simulated device until Ctrl-C", epilog=_EPILOG)
    serve.add_argument("--adb-port", type=int, default=0, help="port of adbd, odd, e.g. 5555 (default: a free one)")
    serve.add_argument("--console-port", type=int, default=0, help="port of the console (default: below --adb-port)")
    serve.add_argument("--grpc-port", type=int, default=0, help="port of gRPC, e.g. 8554 (default: a free one)")
    serve.add_argument("--no-grpc", action="store_true", help="do without the gRPC port and its packages")
    serve.add_argument("--adb-server-port", type=int, default=0, help="tell this adb server, e.g. 5037, start none")
    serve.add_argument("--no-adb-server", action="store_true", help="tell no adb server of the device")
    serve.add_argument("--adb", default="", help="path of the adb binary (default: look for one)")
    serve.add_argument("--size", default="1080x2400", help="panel in pixels, WIDTHxHEIGHT (default: %(default)s)")
    serve.add_argument("--density", type=int, default=420, help="dots per inch (default: %(default)s)")
    serve.add_argument("--still", action="store_true", help="let the device's time stand but for what commands take")
    serve.add_argument("--seed", type=int, default=0, help="seed of the device (default: %(default)s)")
    return parser


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 0 < int(width) <= 8192 and 0 < int(height) <= 8192):
        raise ValueError(f"--size {text!r} is no WIDTHxHEIGHT such as 1080x2400.")
    return int(width), int(height)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _serve(options)
    except (VlgymError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _serve(options: argparse.Namespace) -> int:
    from vlgym.android.device import Device

    width, height = _size(options.size)
    adb = None
    if not options.no_adb_server and not options.adb_server_port:
        try:
            adb = AdbServer(options.adb)
        except MissingDependencyError as error:
            print(f"{error} The device is served without an adb server.", file=sys.stderr)
    try:
        with DeviceServer(
            Device(width, height, options.density, options.seed),
            adb_port=options.adb_port,
            console_port=options.console_port,
            grpc_port=options.grpc_port,
            adb_server_port=adb.port if adb else options.adb_server_port,
            with_grpc=not options.no_grpc,
            moving=not options.still,
        ) as server:
            for name in (signal.SIGINT, signal.SIGTERM):
                signal.signal(name, lambda *_: server.stopped.set())
            if adb is not None:
                adb.wait_for(server.serial)
            print(_how_to(server, adb), flush=True)
            server.stopped.wait()
    finally:
        if adb is not None:
            adb.close()
    return 0


def _how_to(server: DeviceServer, adb: AdbServer | None) -> str:
    """Return what to tell a person who has just started a device."""
    lines = [
        f"serial   {server.serial}",
        f"adb      127.0.0.1:{server.adb_port}",
        f"console  127.0.0.1:{server.console_port}",
    ]
    if server.grpc_port:
        lines.append(f"gRPC     127.0.0.1:{server.grpc_port}")
    if adb is not None:
        lines.append(f"try      {adb.adb} -P {adb.port} -s {server.serial} shell getprop ro.product.model")
    return "\n".join([*lines, "Ctrl-C ends the device."])
