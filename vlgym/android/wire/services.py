"""The services of adbd other than sync: shells, programs, the log, and the small ones such as `adb root`."""

from __future__ import annotations

import asyncio
import collections
import itertools
import shlex
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from vlgym.android.wire.adbd import Refused, Stream
from vlgym.android.wire.packets import CLOSE_STDIN, EXIT, MAX_PAYLOAD, STDERR, STDIN, STDOUT, ShellPackets, shell_packet
from vlgym.android.wire.pictures import rgba
from vlgym.android.wire.sync import SyncService
from vlgym.android.wire.terminal import Terminal

if TYPE_CHECKING:
    from vlgym.android.device import Device
    from vlgym.android.state.log import LogcatOptions

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], Awaitable[None]]

MAX_STDIN = 64 << 20
"""Bytes of standard input that a program is given."""

_ALWAYS_READ = {"tee", "xargs", "tr", "read"}
_OPERANDS = {
    **dict.fromkeys("cat sh wc head tail sort uniq base64 md5sum sha1sum sha256sum cut xxd".split(), 0),
    **{"grep": 1, "sed": 1, "sqlite3": 1},
}
"""Command -> operands it has besides files; with no more than these it reads its standard input."""
_WITH_VALUE = {"-n", "-c", "-d", "-f", "-e", "-m", "-k", "-w"}
"""Options of these commands whose value is the next word."""


def _words(line: str) -> list[str]:
    """Return the words and operators of a command line; none if its quotes do not close."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return []


def _is_operator(word: str) -> bool:
    return bool(word) and set(word) <= set("|&;()<>")


def wants_stdin(line: str) -> bool:
    """Return whether a command line begins with a command that reads its standard input.

    A client's standard input is often a terminal that never ends, so only such a line waits for it.
    """
    words = list(itertools.takewhile(lambda word: not _is_operator(word), _words(line)))
    name, *rest = (words[1:] if words[:1] == ["while"] else words) or [""]
    if name in _ALWAYS_READ:
        return True
    if name == "dd":
        return not any(word.startswith("if=") for word in rest)
    if name not in _OPERANDS or (name == "sh" and "-c" in rest):
        return False
    pairs = zip(["", *rest], rest)
    operands = [word for before, word in pairs if word[:1] != "-" and before not in _WITH_VALUE]
    return "-" in rest or len(operands) <= _OPERANDS[name]


def logcat_arguments(line: str) -> tuple[list[str], str] | None:
    """Return (arguments, value of ANDROID_LOG_TAGS) of a plain `logcat` such as `adb logcat` sends, else None."""
    words, tags = _words(line), ""
    if words[:1] == ["export"] and len(words) > 2 and words[2] == ";":
        name, _, tags = words[1].partition("=")
        if name != "ANDROID_LOG_TAGS":
            return None
        tags, words = tags.strip("'\""), words[3:]
    words = words[1:] if words[:1] == ["exec"] else words
    return None if words[:1] != ["logcat"] or any(map(_is_operator, words)) else (words[1:], tags)


def merged(line: str) -> str:
    """Return a line whose error output comes in the order of writing within its output."""
    return f"exec 2>&1\n{line}"


class Services:
    """All services of one device's adbd; an instance is what `Connection` takes as its service."""

    def __init__(self, device: Device) -> None:
        self._device = device

    async def __call__(self, stream: Stream, name: str) -> None:
        """Serve one stream.

        Raises:
            Refused: there is no such service.
        """
        kind, _, rest = name.partition(":")
        if kind == "shell" or kind.startswith("shell,"):
            options = kind.split(",")[1:]
            await stream.open()
            await (self._shell_v2(stream, rest, "pty" in options) if "v2" in options else self._raw(stream, rest))
        elif kind == "exec" and rest:
            await stream.open()
            await self._raw(stream, rest)
        elif kind == "sync":
            await stream.open()
            await SyncService(self._device, stream).run()
        elif kind == "framebuffer":
            await stream.open()
            await stream.write(self._framebuffer())
        else:
            text = self._small(kind if kind != "reverse" else name)
            await stream.open()
            await stream.write(text)

    # ------------------------------------------------------------ shells

    async def _run(self, line: str, stdin: bytes = b"") -> tuple[bytes, bytes, int]:
        result = await asyncio.to_thread(self._device.shell, line, stdin)
        return result.stdout, result.stderr, result.code

    async def _shell_v2(self, stream: Stream, line: str, pty: bool) -> None:
        packets, waiting = ShellPackets(), collections.deque[bytes]()

        async def put(kind: int, data: bytes) -> None:
            for start in range(0, len(data), MAX_PAYLOAD // 2):
                await stream.write(shell_packet(kind, data[start : start + MAX_PAYLOAD // 2]))

        async def read() -> bytes:
            """Return some bytes of the standard input; b"" is its end."""
            while not waiting:
                data = await stream.read_some()
                for kind, payload in packets.feed(data):
                    if kind == CLOSE_STDIN or (kind == STDIN and payload):
                        waiting.append(payload if kind == STDIN else b"")
                if not data:
                    return b""
            return waiting.popleft()

        out, err = partial(put, STDOUT), partial(put, STDERR)
        if pty and not line:
            code = await self._terminal(read, out).run()
        else:
            stdin = await _all(read) if not line or wants_stdin(line) else b""
            line = line or stdin.decode("utf-8", "surrogateescape")
            code = await self._execute(stream, line, stdin, out, err)
        await put(EXIT, bytes([code & 0xFF]))

    async def _raw(self, stream: Stream, line: str) -> None:
        """Serve "shell:" of the first protocol and "exec:": one stream of bytes, no exit code."""
        if line:
            stdin = await _all(stream.read_some) if wants_stdin(line) else b""
            await self._execute(stream, line, stdin, stream.write)
        else:
            await self._terminal(stream.read_some, stream.write).run()

    def _terminal(self, read: Read, write: Write) -> Terminal:
        """Return an interactive session, whose directory and variables last from line to line."""
        from vlgym.android.shell import Shell

        device = self._device
        with device.lock:
            shell = Shell(device)

        def run_now(line: str) -> tuple[bytes, bytes, int]:
            with device.lock:
                result = shell.run(line)
            return result.stdout, result.stderr, result.code

        async def run(line: str) -> tuple[bytes, bytes, int]:
            return await asyncio.to_thread(run_now, line)

        def prompt() -> bytes:
            mark = "#" if shell.user.uid == 0 else "$"
            return f"{shell.variables.get('HOSTNAME', '')}:{shell.cwd} {mark} ".encode()

        return Terminal(run, read, write, prompt)

    async def _execute(self, stream: Stream, line: str, stdin: bytes, out: Write, err: Write | None = None) -> int:
        """Run a line, or follow the log if it is such a `logcat`; return the exit code. No `err` mixes errors in."""
        options = self._followed(line)
        if options is not None:
            await self._follow(stream, out, options)
            return 0
        stdout, stderr, code = await self._run(merged(line) if err is None else line, stdin)
        await out(stdout)
        await (err or out)(stderr)
        return code

    def _followed(self, line: str) -> LogcatOptions | None:
        """Return the options of a `logcat` that goes on until the client leaves, else None."""
        from vlgym.android.state.log import parse_logcat

        found = logcat_arguments(line) if "logcat" in line else None
        if found is None:
            return None
        try:
            options = parse_logcat(*found)
        except ValueError:
            return None  # the shell prints the message
        return None if options.dump or options.clear or options.size or options.max_count else options

    async def _follow(self, stream: Stream, out: Write, options: LogcatOptions) -> None:
        """Write the log so far and then every new line, until the host closes the stream."""
        from vlgym.android.state.log import logcat_lines

        device, loop, wake = self._device, asyncio.get_running_loop(), asyncio.Event()
        log = device.state.log

        def listener() -> None:
            loop.call_soon_threadsafe(wake.set)

        with device.lock:
            entries, cursor = log.entries(options.buffers), log.end
            log.listeners.append(listener)
        ended = asyncio.ensure_future(stream.closed())
        ended.add_done_callback(lambda _: wake.set())
        try:
            wanted = [entry for entry in entries if options.wants(entry)]
            wanted = wanted if options.tail < 0 else wanted[len(wanted) - min(options.tail, len(wanted)) :]
            while not ended.done():
                text = "".join(logcat_lines(entry, options, device.state.clock) for entry in wanted)
                await out(text.encode("utf-8", "replace"))
                await wake.wait()
                wake.clear()
                with device.lock:
                    fresh, cursor = log.since(cursor), log.end
                wanted = [entry for entry in fresh if options.wants(entry)]
        finally:
            ended.cancel()
            with device.lock:
                log.listeners.remove(listener)

    # ------------------------------------------------------------ the rest

    def _small(self, name: str) -> bytes:
        """Serve what is answered by one text. Ports of the device lead nowhere: forwards and reverses are refused."""
        if name in ("root", "unroot"):
            with self._device.lock:
                self._device.state.rooted = name == "root"
            # at once and without the restart of the real adbd, which clients wait out for seconds
            return b"adbd is already running as root\n" if name == "root" else b"adbd not running as root\n"
        text = _FIXED.get(name)
        if text is None:
            raise Refused(name)
        return text

    def _framebuffer(self) -> bytes:
        """Return the screen as `framebuffer:` sends it: version 1 header, then RGBA rows."""
        pixels = rgba(self._device.screenshot())
        height, width = pixels.shape[:2]
        header = struct.pack("<13I", 1, 32, pixels.nbytes, width, height, 0, 8, 16, 8, 8, 8, 24, 8)
        return header + pixels.tobytes()


async def _all(read: Read) -> bytes:
    """Return what `read` gives until it gives nothing; what is over MAX_STDIN is dropped."""
    data = bytearray()
    while piece := await read():
        data += piece[: MAX_STDIN - len(data)]
    return bytes(data)


_FIXED = {"remount": b"remount succeeded\n", "reverse:list-forward": b"0000", "reverse:killforward-all": b"OKAY"}
