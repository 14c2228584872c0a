"""A small stand-in for the device, for tests of the doors: real clock, files and log, a toy screen and a toy shell.

The toy app has one button, the upper half of the screen: each tap logs ``score: N`` under the tag Toy, the third one
also ``episode end``. The screen's brightness is the number of taps.
"""

from __future__ import annotations

import json
import shlex
import threading
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlgym.android.state.clock import Clock
from vlgym.android.state.files import Credentials, FileSystem
from vlgym.android.state.log import LogBuffer, logcat_lines, parse_logcat

HOME = "com.android.launcher3/com.android.launcher3.Launcher"
TOY = "org.vlgym.toy/org.vlgym.toy.Main"


class Result(NamedTuple):
    stdout: bytes = b""
    stderr: bytes = b""
    code: int = 0


class Processes:
    system = 601

    def pid(self, name: str) -> int:
        return 700


class Content:
    """Content resolver that remembers rows by URI."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def insert(self, uri: str, values: dict[str, Any]) -> str:
        self.rows.append((uri, dict(values)))
        return f"{uri}/{len(self.rows)}"


class FakeState:
    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.density = width, height, 160
        self.clock = Clock()
        self.log = LogBuffer(self.clock)
        self.files = FileSystem(self.clock)
        for folder in ("/sdcard", "/data/local/tmp"):
            self.files.mkdir(folder, parents=True)
        self.files.chmod("/data", 0o771)
        self.settings: dict[str, str] = {}
        self.properties = {"ro.product.name": "toy", "ro.product.model": "Toy Phone", "ro.product.device": "toy"}
        self.properties |= {"sys.boot_completed": "1", "ro.build.version.sdk": "33"}
        self.rooted = True
        self.clipboard = ""
        self.call: dict[str, Any] = {"state": 0, "number": "", "since_ms": 0}
        self.content = Content()
        self.processes = Processes()

    @property
    def shell_user(self) -> Credentials:
        return Credentials() if self.rooted else Credentials(2000, frozenset())


class FakeDevice:
    """The parts of Device that the doors use."""

    def __init__(self, width: int = 36, height: int = 80) -> None:
        self.state = FakeState(width, height)
        self.lock = threading.RLock()
        self.taps = 0
        self.touches: list[tuple[str, float, float]] = []
        self.keys: list[int] = []
        self.typed = ""
        self.activity = HOME
        self.rotation = 0
        self.draws = 0
        self._frames: dict[tuple[int, int, int, int], NDArray[np.uint8]] = {}

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.state.width, self.state.height
        return (height, width) if self.rotation % 2 else (width, height)

    def screenshot(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        width, height = size or (self.state.width, self.state.height)
        if self.rotation % 2:
            width, height = height, width
        key = (width, height, self.taps, self.rotation)
        if key not in self._frames:
            self.draws += 1
            frame = np.full((height, width, 3), self.taps, np.uint8)
            frame[..., 1] = np.arange(height)[:, None] % 251
            frame.flags.writeable = False
            self._frames = {key: frame}
        return self._frames[key]

    def touch(self, kind: Literal["down", "move", "up"], x: float, y: float) -> None:
        with self.lock:
            self.touches.append((kind, x, y))
            if kind == "up" and y < self.size[1] / 2 and self.activity == TOY:
                self.taps += 1
                self.state.log.write("Toy", f"score: {self.taps}", uid=10100, pid=900)
                if self.taps == 3:
                    self.state.log.write("Toy", "episode end", uid=10100, pid=900)

    def key(self, code: int, *, long: bool = False) -> None:
        with self.lock:
            self.keys.append(code)
            if code == 3:
                self.activity = HOME

    def text(self, words: str) -> None:
        with self.lock:
            self.typed += words

    def advance(self, seconds: float) -> None:
        with self.lock:
            self.state.clock.advance(seconds)

    def foreground(self) -> str:
        return self.activity

    def snapshot(self) -> bytes:
        with self.lock:
            return json.dumps([self.taps, self.typed, self.activity, self.state.settings]).encode()

    def restore(self, data: bytes) -> None:
        with self.lock:
            self.taps, self.typed, self.activity, self.state.settings = json.loads(data)

    def shell(self, line: str, stdin: bytes = b"") -> Result:
        if line.startswith("exec 2>&1\n"):
            out, err, code = self.shell(line.partition("\n")[2], stdin)
            return Result(out + err, b"", code)
        with self.lock:
            try:
                lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
                lexer.whitespace_split = True
                words = list(lexer)
            except ValueError:
                return Result(b"", b"sh: unmatched quote\n", 1)
            if words[:1] == ["export"] and ";" in words:
                words = words[words.index(";") + 1 :]
            result = Result()
            for part in _split(words, ";"):
                data = stdin
                for command in _split(part, "|"):
                    result = self._one(command, data)
                    data = result.stdout
            return result

    def _one(self, words: list[str], stdin: bytes) -> Result:
        if ">" in words:
            at = words.index(">")
            done = self._one(words[:at], stdin)
            self.state.files.write(words[at + 1], done.stdout)
            return Result(b"", done.stderr, done.code)
        match words:
            case ["exec", *rest]:
                return self._one(rest, stdin)
            case ["echo", *rest]:
                return Result((" ".join(rest) + "\n").encode())
            case ["cat"]:
                return Result(stdin)
            case ["cat", path]:
                try:
                    return Result(self.state.files.read(path))
                except OSError as error:
                    return Result(b"", f"cat: {path}: {error.strerror}\n".encode(), 1)
            case ["false"]:
                return Result(code=1)
            case ["both"]:
                return Result(b"out\n", b"err\n", 3)
            case ["grep", "-E", pattern]:
                found = b"".join(row + b"\n" for row in stdin.splitlines() if pattern.encode() in row)
                return Result(found, code=0 if found else 1)
            case ["logcat", *rest]:
                return self._logcat(rest)
            case ["getprop", name]:
                return Result((self.state.properties.get(name, "") + "\n").encode())
            case ["wm", "size"]:
                return Result(f"Physical size: {self.state.width}x{self.state.height}\n".encode())
            case ["wm", "density"]:
                return Result(b"Physical density: 160\n")
            case ["id"]:
                return Result(f"uid={self.state.shell_user.uid}\n".encode())
            case ["settings", "put", _, name, value]:
                self.state.settings[name] = value
                return Result()
            case ["settings", "get", _, name]:
                return Result((self.state.settings.get(name, "null") + "\n").encode())
            case ["dumpsys", "input"]:
                return Result(f"    SurfaceOrientation: {self.rotation}\n".encode())
            case ["am", "stack", "list"]:
                line = f"  taskId=1: {self.activity} visible=true topActivity=ComponentInfo{{{self.activity}}}\n"
                return Result(line.encode())
            case ["am", "start", *rest]:
                self.activity = rest[rest.index("-n") + 1]
                self.state.log.write("ActivityTaskManager", f"START u0 {{cmp={self.activity}}}", pid=601)
                return Result(b"Status: ok\n")
            case ["am", "force-stop", _]:
                self.activity, self.taps = HOME, 0
                return Result()
            case ["log", tag, *rest]:
                self.state.log.write(tag, " ".join(rest), uid=10100, pid=900)
                return Result()
            case ["pm", "list", "packages"]:
                return Result(b"package:org.vlgym.toy\npackage:com.android.launcher3\n")
        return Result(b"", f"sh: {words[0] if words else ''}: inaccessible or not found\n".encode(), 127)

    def _logcat(self, arguments: list[str]) -> Result:
        options = parse_logcat(arguments)
        if options.clear:
            self.state.log.clear(options.buffers)
            return Result()
        entries = [entry for entry in self.state.log.entries(options.buffers) if options.wants(entry)]
        return Result("".join(logcat_lines(entry, options, self.state.clock) for entry in entries).encode())


def _split(words: list[str], sign: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == sign:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]
