"""The device over the wire: the real adb client, a raw ADB host, the console, gRPC, and faults of all of them."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_device import FakeDevice
from small_device import SmallDevice
from wire_clients import DEADLINE, Host, console, empty, eventually, stub

from vlgym.android.wire import cli
from vlgym.android.wire.adb import AdbServer, ask_server, find_adb
from vlgym.android.wire.packets import (
    CLSE,
    CNXN,
    OKAY,
    OPEN,
    VERSION_WITH_CHECKSUM,
    WRTE,
    Message,
    ShellPackets,
    shell_packet,
)
from vlgym.android.wire.server import DeviceServer
from vlgym.android.wire.services import logcat_arguments, wants_stdin
from vlgym.core.errors import BackendError, MissingDependencyError

cv2 = pytest.importorskip("cv2")
grpc = pytest.importorskip("grpc")
pytest.importorskip("android_env")


def adb_binary() -> str:
    try:
        return find_adb()
    except MissingDependencyError:
        return ""


needs_adb = pytest.mark.skipif(not adb_binary(), reason="no adb binary: apt-get install adb, or pip install adbutils")


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def server(device: FakeDevice) -> Iterator[DeviceServer]:
    with DeviceServer(device) as running:  # type: ignore[arg-type]
        yield running


@pytest.fixture(scope="module")
def adb() -> Iterator[AdbServer]:
    with AdbServer() as running:
        yield running


# ---------------------------------------------------------------- the ADB protocol


def test_handshake_and_a_shell(server: DeviceServer) -> None:
    host = Host(server.adb_port)
    assert host.banner.payload.startswith(b"device::ro.product.name=toy;ro.product.model=Toy Phone;")
    assert b"shell_v2" in host.banner.payload
    assert host.open("shell:echo hello")
    assert host.all() == b"hello\n"
    assert host.open("shell,v2,raw:both")
    assert ShellPackets().feed(host.all()) == [(1, b"out\n"), (2, b"err\n"), (3, b"\x03")]


def test_checksums_for_hosts_that_read_them(server: DeviceServer) -> None:
    host = Host(server.adb_port, version=VERSION_WITH_CHECKSUM)
    assert host.checksum_is_right
    host.open("shell:echo hello")
    assert host.read().payload == b"hello\n"
    assert host.checksum_is_right


def test_one_message_at_a_time_and_none_longer_than_the_host_takes(device: FakeDevice, server: DeviceServer) -> None:
    contents = os.urandom(10_000)
    device.state.files.write("/sdcard/a", contents)
    host = Host(server.adb_port, max_payload=4096)
    remote = host.open("exec:cat /sdcard/a")
    first = host.read()
    assert len(first.payload) == 4096
    host.link.settimeout(0.2)
    with pytest.raises(TimeoutError):  # nothing more before the first message is acknowledged
        host.read()
    host.link.settimeout(DEADLINE)
    host.send(Message(OKAY, 7, remote))
    assert first.payload + host.all() == contents


def test_an_unknown_service_is_refused(server: DeviceServer) -> None:
    host = Host(server.adb_port)
    for name in ("tcp:80", "localabstract:x", "jdwp:1", "exec:", "reverse:forward:tcp:1;tcp:2", ""):
        assert host.open(name) == 0
    assert host.open("shell:echo still there")


def test_the_framebuffer(device: FakeDevice, server: DeviceServer) -> None:
    device.taps = 3
    host = Host(server.adb_port)
    host.open("framebuffer:")
    data = host.all()
    assert np.frombuffer(data[:20], "<u4").tolist() == [1, 32, 36 * 80 * 4, 36, 80]
    assert (np.frombuffer(data[52:], np.uint8).reshape(80, 36, 4)[..., :3] == device.screenshot()).all()


def test_errors_come_in_order_where_there_is_one_stream() -> None:
    with DeviceServer(SmallDevice(), with_grpc=False) as server:  # type: ignore[arg-type]
        host = Host(server.adb_port)
        host.open("shell:ls /none; echo then")  # the device's own shell
        assert host.all() == b"ls: /none: No such file or directory\nthen\n"


def test_streams_run_side_by_side(server: DeviceServer) -> None:
    host = Host(server.adb_port)
    for number in (7, 8):
        host.send(Message(OPEN, number, 0, b"shell:\0"))
    messages = [host.read() for _ in range(4)]
    assert {(message.command, message.arg1) for message in messages} == {(OKAY, 7), (OKAY, 8), (WRTE, 7), (WRTE, 8)}
    assert len({message.arg0 for message in messages}) == 2


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\0" * 24, Message(OPEN, 1, 0).encode()[:10]]
)
def test_garbage_costs_the_sender_its_connection_only(server: DeviceServer, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.adb_port), DEADLINE) as link:
        link.sendall(garbage)
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""
    too_long = CNXN.to_bytes(4, "little") + b"\1\0\0\1" + b"\0\0\0\0" + b"\xff\xff\xff\x7f" + b"\0\0\0\0"
    with socket.create_connection(("127.0.0.1", server.adb_port), DEADLINE) as link:
        link.sendall(too_long + (CNXN ^ 0xFFFFFFFF).to_bytes(4, "little"))
        assert link.recv(1) == b""
    assert Host(server.adb_port).open("shell:echo still there")


def test_a_host_that_goes_in_the_middle_costs_nothing(device: FakeDevice, server: DeviceServer) -> None:
    device.state.files.write("/sdcard/a", bytes(1 << 20))
    for _ in range(5):
        host = Host(server.adb_port)
        host.open("exec:cat /sdcard/a")
        host.read()
        host.link.close()
    assert Host(server.adb_port).open("shell:echo still there")


def test_a_terminal_edits_echoes_and_ends(server: DeviceServer) -> None:
    host = Host(server.adb_port)
    remote = host.open("shell,v2,TERM=xterm,pty:")
    packets, shown = ShellPackets(), b""
    for typed in (b"cd /sdcard; X=5\r", b"echox\x7f $X\x1b[A\r", b"lost\x03", b"false\r", b"exit\r"):
        host.send(Message(WRTE, 7, remote, shell_packet(0, typed)))
    code = None
    while (message := host.read()).command != CLSE:
        if message.command == WRTE:
            host.send(Message(OKAY, 7, remote))
            for kind, data in packets.feed(message.payload):
                shown, code = (shown + data, code) if kind == 1 else (shown, data[0])
    assert b"toy:/sdcard # echox\b \b $X\r\n5\r\n" in shown
    assert b"lost^C\r\ntoy:/sdcard # false" in shown
    assert code == 1


@pytest.mark.parametrize(
    "line", ["cat", "cat > /x", "grep a", "tee /x", "sh", "sqlite3 /d", "dd of=/x", "cat - /x", "head -n 3"]
)
def test_lines_that_read_wait_for_input(line: str) -> None:
    assert wants_stdin(line)


@pytest.mark.parametrize(
    "line",
    [
        "cat /x",
        "grep a /x",
        "ls | cat",
        "sh -c 'cat'",
        "sqlite3 /d 'select 1'",
        "'",
        "",
        "dd if=/x of=/y",
        "echo hi; cat",
    ],
)
def test_other_lines_do_not_wait(line: str) -> None:
    assert not wants_stdin(line)


def test_the_logcat_of_adb_is_recognised() -> None:
    sent = "export ANDROID_LOG_TAGS=\"''\"; exec logcat '-v' 'epoch' 'Toy:I' '*:S'"
    assert logcat_arguments(sent) == (["-v", "epoch", "Toy:I", "*:S"], "")
    assert logcat_arguments("logcat -d") == (["-d"], "")
    assert logcat_arguments("logcat | grep Toy") is None
    assert logcat_arguments("export PATH=/x; exec logcat") is None


# ---------------------------------------------------------------- the real adb


@needs_adb
def test_the_real_client(device: FakeDevice, adb: AdbServer, tmp_path: Path) -> None:
    with DeviceServer(device, adb_server_port=adb.port) as server:  # type: ignore[arg-type]
        adb.wait_for(server.serial)

        def run(*arguments: str, stdin: bytes = b"") -> tuple[bytes, bytes, int]:
            done = adb.run(*arguments, serial=server.serial, stdin=stdin)
            return done.stdout, done.stderr, done.returncode

        assert b"model:Toy_Phone" in adb.run("devices", "-l").stdout
        assert run("shell", "both") == (b"out\n", b"err\n", 3)
        assert run("shell", "echo one | cat") == (b"one\n", b"", 0)
        assert run("exec-out", "both")[0] == b"out\nerr\n"
        assert run("shell", "cat > /sdcard/typed", stdin=b"x" * 300_000)[2] == 0
        assert len(device.state.files.read("/sdcard/typed")) == 300_000
        assert run("shell", stdin=b"echo script\n")[0] == b"script\n"

        tree = tmp_path / "tree"
        (tree / "deep").mkdir(parents=True)
        contents = {"a": os.urandom(200_000), "deep/empty": b"", "deep/ü n": b"name"}
        for name, data in contents.items():
            (tree / name).write_bytes(data)
        assert run("push", str(tree), "/sdcard/")[2] == 0
        assert device.state.files.read("/sdcard/tree/deep/ü n") == b"name"
        assert run("pull", "/sdcard/tree", str(tmp_path / "back"))[2] == 0
        assert {name: (tmp_path / "back" / name).read_bytes() for name in contents} == contents
        out, err, code = run("pull", "/sdcard/none", str(tmp_path / "none"))
        assert code == 1
        assert b"No such file or directory" in out + err
        assert b"tree" in run("ls", "/sdcard")[0]

        assert run("emu", "avd", "name")[0] == b"vlgym\r\nOK\r\n"
        assert run("emu", "sms", "send", "+41791234567", "hello", "you")[2] == 0
        assert device.state.content.rows[-1][1]["body"] == "hello you"
        assert run("unroot")[2] == 0
        assert run("shell", "id")[0] == b"uid=2000\n"
        assert run("push", str(tree / "a"), "/data/secret")[2] == 1  # the user "shell" may not write there
        assert run("root")[0] == b"adbd is already running as root\n"
        assert run("push", str(tree / "a"), "/data/secret")[2] == 0
        assert run("get-state")[0] == b"device\n"


@needs_adb
def test_the_real_client_follows_the_log(device: FakeDevice, adb: AdbServer) -> None:
    with DeviceServer(device, adb_server_port=adb.port) as server:  # type: ignore[arg-type]
        adb.wait_for(server.serial)
        device.state.log.write("Toy", "before", uid=10100)
        command = [adb.adb, "-P", str(adb.port), "-s", server.serial, "logcat", "-v", "epoch", "Toy:I", "*:S"]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, env=adb.environment)
        try:
            assert client.stdout is not None
            assert client.stdout.readline().endswith(b"I Toy     : before\n")
            with device.lock:
                device.state.log.write("Other", "not this", uid=10100)
                device.state.log.write("Toy", "after", uid=10100)
            assert client.stdout.readline().endswith(b"I Toy     : after\n")
        finally:
            client.kill()
            client.wait()
            client.stdout.close()
        eventually(lambda: not device.state.log.listeners, "the device still feeds a client that is gone")


@needs_adb
def test_a_device_comes_back_to_an_adb_server_that_was_killed(device: FakeDevice) -> None:
    with AdbServer() as first, DeviceServer(device, adb_server_port=first.port) as server:  # type: ignore[arg-type]
        first.wait_for(server.serial)
        port = first.port
        first.close()
        with AdbServer(port=port) as second:
            second.wait_for(server.serial)
            assert second.run("shell", "echo", "again", serial=server.serial).stdout == b"again\n"


@needs_adb
def test_an_adb_server_ends_with_the_process_that_started_it() -> None:
    code = "from vlgym.android.wire.adb import AdbServer; s = AdbServer(); print(s.port, s._home, flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    answer = child.stdout.readline().decode().split()
    port, home = int(answer[0]), Path(answer[1])
    assert home.is_dir()
    assert ask_server(port, "host:version")
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()

    def is_gone() -> bool:
        try:
            ask_server(port, "host:version")
        except OSError:
            return True
        return False

    eventually(is_gone, "the adb server outlived its owner")
    eventually(lambda: not home.exists(), "the adb server's directory outlived its owner")


def test_find_adb_explains_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="apt-get install adb"):
        find_adb()
    binary = tmp_path / "sdk" / "platform-tools" / "adb"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    monkeypatch.setenv("ANDROID_HOME", str(tmp_path / "sdk"))
    assert find_adb() == str(binary)
    with pytest.raises(MissingDependencyError, match="No adb can be run at"):
        find_adb("/nowhere/adb")


# ---------------------------------------------------------------- ports, threads, descriptors


def test_ports_are_neighbours_on_loopback_and_taken_ones_are_named(device: FakeDevice, server: DeviceServer) -> None:
    assert server.adb_port == server.console_port + 1
    assert server.serial == f"emulator-{server.console_port}"
    for given in ({"adb_port": server.adb_port, "console_port": 0}, {"grpc_port": server.grpc_port}):
        with pytest.raises(BackendError, match=f"Port {next(iter(given.values())) // 10}"):
            DeviceServer(device, **given)  # type: ignore[arg-type]


def test_nothing_is_left_behind(device: FakeDevice) -> None:
    def count() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    def once(with_grpc: bool) -> None:
        with DeviceServer(device, with_grpc=with_grpc) as server:  # type: ignore[arg-type]
            host = Host(server.adb_port)
            host.open("shell:")
            if with_grpc:
                stub(server).getStatus(empty())
            host.link.close()
        server.close()

    once(True)
    before = count()
    for turn in range(12):
        once(with_grpc=turn % 6 == 0)
    eventually(lambda: count()[0] <= before[0] and count()[1] <= before[1] + 1, f"{before} became {count()}")
    assert not device.state.log.listeners


def test_serve_runs_until_the_console_kills_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    device = FakeDevice()
    monkeypatch.setattr("vlgym.android.device.Device", lambda *arguments: device)
    ports: list[int] = []
    original = DeviceServer.__enter__

    def entered(self: DeviceServer) -> DeviceServer:
        ports.append(self.console_port)
        threading.Timer(0.2, lambda: console(self.console_port, "kill")).start()
        return original(self)

    monkeypatch.setattr(DeviceServer, "__enter__", entered)
    handlers = [(name, __import__("signal").getsignal(name)) for name in (2, 15)]
    try:
        assert cli.main(["serve", "--no-adb-server", "--no-grpc", "--size", "36x80"]) == 0
    finally:
        for name, handler in handlers:
            __import__("signal").signal(name, handler)
    assert f"127.0.0.1:{ports[0]}" in capsys.readouterr().out
    assert cli.main(["serve", "--size", "big"]) == 2
    assert "WIDTHxHEIGHT" in capsys.readouterr().err


def test_time_stands_unless_it_is_to_move(device: FakeDevice) -> None:
    before = device.state.clock.uptime_us
    with DeviceServer(device, with_grpc=False) as still:  # type: ignore[arg-type]
        host = Host(still.adb_port)
        assert host.open("shell:echo hello")
        assert host.all() == b"hello\n"
        assert device.state.clock.uptime_us == before
    with DeviceServer(device, with_grpc=False, moving=True):  # type: ignore[arg-type]
        eventually(lambda: device.state.clock.uptime_us > before + 100_000, "the device's time does not pass")
