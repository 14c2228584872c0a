"""`vlgym-doctor android`: what is missing for the phone on this machine, and the mend for each.

It asks instead of guessing: acceleration is tried by creating a virtual machine, not by reading cpuinfo; a device is
asked whether it has booted; the emulator's gRPC port is called.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from vlgym.android.wire.adb import find_adb
from vlgym.core.errors import MissingDependencyError

Status = Literal["ok", "warning", "failed"]

KVM_DEVICE = "/dev/kvm"
_KVM_GET_API_VERSION, _KVM_CREATE_VM, _KVM_API_VERSION = 0xAE00, 0xAE01, 12
ADB_SECONDS, GRPC_SECONDS = 30.0, 5.0
MIN_API = 29
"""Oldest Android the element list and the tasks have been thought through for."""
_EXTRA = 'pip install "vlgym[android]"'


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: what was looked at.
        status: "failed" stops the phone or this device, "warning" does not.
        found: what was found.
        mend: what to do about it; empty if nothing is to be done.
    """

    name: str
    status: Status
    found: str
    mend: str = ""


Adb = Callable[..., "subprocess.CompletedProcess[str]"]


# ---------------------------------------------------------------- this machine


def check_packages() -> Iterator[Check]:
    """Check the Python packages of the extra, and that their system libraries load."""
    purposes = {
        "skia": "draws the simulated device",
        "cv2": "converts screenshots",
        "android_env": "runs the device under android-env",
        "grpc": "is the emulator's remote control",
    }
    for module, purpose in purposes.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            library = re.search(r"(lib[\w.+-]+\.so[\w.]*)", str(error))
            mend = (
                f"Install the system library {library[1]} (Debian and Ubuntu: apt-get install libegl1 libgl1 libx11-6)."
                if library
                else f"{_EXTRA}"
            )
            yield Check(f"package {module}", "failed", f"cannot be imported: {error}", mend)
        else:
            yield Check(f"package {module}", "ok", purpose)


def check_kvm(device: str = KVM_DEVICE) -> Check:
    """Check acceleration for a real emulator by asking the device for a virtual machine."""
    name = "acceleration"
    if sys.platform != "linux":
        mend = "Run `emulator -accel-check`, which asks this system's hypervisor."
        return Check(name, "warning", f"not checked on {sys.platform}", mend)
    import fcntl

    try:
        handle = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        mends = {
            errno.EACCES: "Join its group: sudo usermod -aG kvm $USER, then log in again.",
            errno.ENOENT: "Load the module (sudo modprobe kvm_intel or kvm_amd), switch virtualisation on in the "
            "firmware, or give the container the device (--device /dev/kvm). The simulated device needs none of it.",
        }
        mend = mends.get(error.errno or 0, "See why the kernel refuses it: dmesg | grep -i kvm.")
        return Check(name, "warning", f"{device}: {os.strerror(error.errno or 0)}", mend)
    try:
        version = fcntl.ioctl(handle, _KVM_GET_API_VERSION, 0)
        os.close(fcntl.ioctl(handle, _KVM_CREATE_VM, 0))
    except OSError as error:
        mend = "The host offers no virtualisation to this machine: use another host, or the simulated device."
        return Check(name, "warning", f"{device} makes no virtual machine: {os.strerror(error.errno or 0)}", mend)
    finally:
        os.close(handle)
    if version != _KVM_API_VERSION:
        return Check(
            name, "warning", f"KVM speaks version {version}", f"Boot a kernel with version {_KVM_API_VERSION}."
        )
    return Check(name, "ok", f"{device} creates virtual machines")


def check_adb(path: str = "") -> tuple[Check, str]:
    """Check that an adb binary runs; return the finding and the path, "" if there is none."""
    try:
        adb = find_adb(path)
        done = subprocess.run([adb, "version"], capture_output=True, text=True, timeout=ADB_SECONDS)
    except MissingDependencyError as error:
        found, _, mend = str(error).partition(". ")
        return Check("adb", "failed", found, mend), ""
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("adb", "failed", f"{path or 'adb'} does not run: {error}", "Install adb for this system."), ""
    version = re.search(r"^Version (\S+)", done.stdout, re.MULTILINE)
    if done.returncode or version is None:
        return Check("adb", "failed", f"{adb} does not run: {done.stderr.strip()[:200]}", "Install adb anew."), ""
    return Check("adb", "ok", f"{adb}, version {version[1]}"), adb


# ---------------------------------------------------------------- a device


def check_listed(adb: Adb, serial: str) -> tuple[Check, str]:
    """Check that a device is online; return the finding and its serial, "" if there is none to go on with."""
    done = adb("devices")
    if done.returncode:
        return Check("adb server", "failed", done.stderr.strip()[:300], "Run adb kill-server and try again."), ""
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    states = {row[0]: row[1].strip() for row in rows}
    if not serial and len(states) == 1:
        serial = next(iter(states))
    if not serial:
        if states:
            mend = f"Choose one: --serial {next(iter(states))}"
            return Check("device", "warning", f"several are listed: {', '.join(states)}", mend), ""
        mend = (
            "Nothing to do for the simulated device. Otherwise start an emulator (emulator -avd NAME -grpc 8554), plug "
            "a phone in, or run vlgym-device serve."
        )
        return Check("device", "warning", "none is listed", mend), ""
    mends = {
        "missing": f"Start it, or choose one of: {', '.join(states) or 'none is listed'}.",
        "offline": f"Wait until it has booted, or run adb -s {serial} reconnect.",
        "unauthorized": "Allow USB debugging on the phone's own screen.",
        "no permissions": "Add a udev rule for the phone (Debian: apt-get install android-sdk-platform-tools-common).",
    }
    state = states.get(serial, "missing")
    if state != "device":
        mend = next((text for key, text in mends.items() if state.startswith(key)), "Run adb kill-server, then again.")
        return Check("device", "failed", f"{serial} is {state}", mend), ""
    return Check("device", "ok", f"{serial} is online"), serial


def check_booted(shell: Callable[[str], str]) -> Check:
    """Check that Android has finished booting."""
    state = shell("getprop sys.boot_completed")
    if state == "1":
        return Check("boot", "ok", "completed")
    mend = (
        "Wait; an emulator takes a minute, without acceleration many. If it never ends: emulator -avd NAME -wipe-data."
    )
    return Check("boot", "failed", f"sys.boot_completed is {state!r}", mend)


def check_android(shell: Callable[[str], str]) -> Check:
    """Check the version of Android."""
    level, release = shell("getprop ro.build.version.sdk"), shell("getprop ro.build.version.release")
    if not level.isdecimal():
        return Check("Android", "failed", f"ro.build.version.sdk is {level!r}", "Restart the device.")
    found = f"Android {release or '?'}, API {level}"
    if int(level) < MIN_API:
        return Check("Android", "warning", found, f"Use an image of API {MIN_API} or later; 33 is the tasks' own.")
    return Check("Android", "ok", found)


def check_screen(shell: Callable[[str], str]) -> Check:
    """Check that the size of the screen is known and is upright."""
    answer = shell("wm size")
    sizes = re.findall(r"(Physical|Override) size: (\d+)x(\d+)", answer)
    if not sizes:
        return Check("screen", "failed", f"wm size says {answer[:80]!r}", "Restart the device.")
    kind, width, height = sizes[-1]
    found = f"{width}x{height}{' (overridden)' if kind == 'Override' else ''}"
    if int(width) > int(height):
        return Check(
            "screen", "warning", f"{found} lies on its side", "Use a phone's image, or run adb shell wm size reset."
        )
    if kind == "Override":
        return Check("screen", "warning", found, "If that is not meant: adb shell wm size reset.")
    return Check("screen", "ok", found)


def grpc_port_of(serial: str) -> int:
    """Return the port where an emulator of that serial listens by custom, 0 for what is no emulator."""
    match = re.fullmatch(r"emulator-(\d{1,5})", serial)
    return 8554 + (int(match[1]) - 5554) // 2 if match else 0


def check_grpc(serial: str, port: int) -> Check:
    """Check that an emulator's gRPC port answers without a token."""
    name = "gRPC"
    try:
        socket.create_connection(("127.0.0.1", port), GRPC_SECONDS).close()
    except OSError:
        mend = f"Start it with -grpc {port}, or name its port: --grpc-port PORT."
        return Check(name, "failed", f"{serial} answers adb but nothing answers gRPC on port {port}", mend)
    try:
        import grpc
        from android_env.proto import emulator_controller_pb2_grpc
        from google.protobuf import empty_pb2
    except ImportError as error:
        return Check(name, "failed", f"port {port} is open but cannot be called: {error}", _EXTRA)
    with grpc.secure_channel(f"localhost:{port}", grpc.local_channel_credentials()) as channel:
        try:
            stub = emulator_controller_pb2_grpc.EmulatorControllerStub(channel)
            status = stub.getStatus(empty_pb2.Empty(), timeout=GRPC_SECONDS)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                mend = "Start the emulator with -grpc PORT and without -grpc-use-token or -grpc-use-jwt."
                return Check(name, "failed", f"port {port} asks for a token", mend)
            mend = "Another program listens there: name the emulator's port with --grpc-port."
            return Check(name, "failed", f"port {port} is no emulator's: {error.code().name}", mend)
    if not status.booted:
        return Check(name, "failed", f"port {port} answers, the emulator has not booted", "Wait until it has.")
    return Check(name, "ok", f"port {port} answers: {status.version or 'an emulator'}")


# ---------------------------------------------------------------- together


def examine(serial: str = "", adb_path: str = "", grpc_port: int = 0, adb_server_port: int = 0) -> Iterator[Check]:
    """Yield all findings: this machine's, then those of the one device listed or of `serial`.

    Args:
        serial: as `adb devices` lists it; "" takes the only one.
        adb_path: of the binary; "" looks for one.
        grpc_port: of an emulator; 0 takes the customary one.
        adb_server_port: 0 takes the user's own server, which is started if there is none, as any adb command does.
    """
    yield from check_packages()
    yield check_kvm()
    found, binary = check_adb(adb_path)
    yield found
    if not binary:
        return
    prefix = [binary, *(("-P", str(adb_server_port)) if adb_server_port else ())]

    def adb(*arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run([*prefix, *arguments], capture_output=True, text=True, timeout=ADB_SECONDS)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(arguments, 1, "", f"no answer in {ADB_SECONDS:.0f} s")

    found, chosen = check_listed(adb, serial)
    yield found
    if not chosen:
        return

    def shell(line: str) -> str:
        return adb("-s", chosen, "shell", line).stdout.strip()

    yield check_booted(shell)
    yield check_android(shell)
    yield check_screen(shell)
    port = grpc_port or grpc_port_of(chosen)
    if port:
        yield check_grpc(chosen, port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vlgym-doctor", description="Find what an environment lacks on this machine.")
    parser.add_argument("family", choices=["android"], help="the family of environments")
    parser.add_argument("--serial", default="", help="device to look at, as adb devices lists it")
    parser.add_argument("--adb", default="", help="path of the adb binary")
    parser.add_argument("--adb-server-port", type=int, default=0, help="port of the adb server (default: adb's own)")
    parser.add_argument("--grpc-port", type=int, default=0, help="the emulator's gRPC port (default: by its serial)")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the findings; return 1 if one of them failed, else 0."""
    options = _parser().parse_args(arguments)
    findings: list[Check] = []
    marks = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}
    with contextlib.suppress(KeyboardInterrupt):
        for check in examine(options.serial, options.adb, options.grpc_port, options.adb_server_port):
            findings.append(check)
            if not options.json:
                print(f"{marks[check.status]}  {check.name}: {check.found}")
                if check.mend:
                    print(f"         {check.mend}", flush=True)
    if options.json:
        print(json.dumps([asdict(check) for check in findings], indent=1))
    return int(any(check.status == "failed" for check in findings))
