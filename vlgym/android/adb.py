"""A phone over adb: the same tasks, judges and actions as on the simulated one, on whatever adb can reach.

Set-ups and judges need a root shell, as emulators and userdebug builds have. A set-up erases data. An emulator is
taken back to a snapshot before each episode (`START`, made of the state it is in when it is first used); a phone is
only touched if its owner has said so by a file, see `CONSENT`.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.android.doors import door
from vlgym.android.elements import Elements, from_xml
from vlgym.android.tasks.phone import SHARED
from vlgym.android.wire.client import AdbClient
from vlgym.core.errors import ActionError, BackendError, did_you_mean

START = "vlgym-start"
"""Snapshot of an emulator that episodes begin with; `adb emu avd snapshot delete vlgym-start` has it made anew."""
CONSENT = "/sdcard/vlgym-may-erase-this-phone"
"""A phone that is no emulator is used only if this file is on it."""
DATE = "101515342023.00"
"""15 October 2023, 15:34, as `date` takes it: the moment at which episodes begin, as in AndroidWorld."""
_DUMP = "/data/local/tmp/vlgym.xml"
_SWITCHES = {
    ("global", "wifi_on"): "svc wifi {}",
    ("global", "bluetooth_on"): "svc bluetooth {}",
    ("global", "airplane_mode_on"): "cmd connectivity airplane-mode {}",
}
"""Settings that only tell how things stand; what changes them."""
_RESUMED = re.compile(r"(?:[rR]esumedActivity[:=]|mFocusedApp=).*?ActivityRecord\{\S+ \S+ ([\w.]+)/([\w.$]+)")


class AdbPhone:
    """What set-ups and judges see of a phone, over adb; see `vlgym.android.tasks.phone.Phone`."""

    def __init__(self, client: AdbClient) -> None:
        self.client = client

    def shell(self, line: str) -> str:
        """Run a line and return its standard output."""
        return self.client.shell(line).stdout.decode("utf-8", "replace")

    # ------------------------------------------------------------ databases

    def rows(self, database: str, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query on a copy of the database."""
        data = self.client.read(database)
        if data is None:
            return []
        with _copy(data, self.client.read(f"{database}-wal")) as path, _connection(path) as connection:
            found: list[tuple[Any, ...]] = connection.execute(sql, tuple(args)).fetchall()
            return found

    def execute(self, database: str, sql: str, args: Sequence[object] = ()) -> None:
        """Run one statement on a copy of the database and put the copy in its place, owner and mode as before."""
        place, package = shlex.quote(database), database.removeprefix("/data/data/").partition("/")[0]
        data, log = self.client.read(database) or b"", self.client.read(f"{database}-wal")
        with _copy(data, log) as path:
            with _connection(path) as connection:
                connection.execute(sql, tuple(args))
                connection.execute("PRAGMA journal_mode = DELETE")
            changed = path.read_bytes()
        owner, mode = (self.shell(f"stat -c '%u:%g %a' {place}").split() or ["", "660"])[:2] if data else ("", "660")
        self.shell(f"am kill {shlex.quote(package)}; rm -f {place}-wal {place}-shm {place}-journal")
        if not data:
            self.write(database, changed)
            return
        self.client.write(database, changed)
        self.shell(f"chown {owner} {place}; chmod {mode} {place}; restorecon {place}")

    # ------------------------------------------------------------ files

    def read(self, path: str) -> bytes | None:
        """Return the contents of a file, None if there is none."""
        return self.client.read(path)

    def write(self, path: str, data: bytes) -> None:
        """Write a file, its directories included; all belongs to whom the first directory there is belongs to."""
        folder, place = shlex.quote(path.rpartition("/")[0] or "/"), shlex.quote(path)
        found = self.shell(
            f'k={folder}; while [ ! -e "$k" ]; do k=$(dirname "$k"); done; echo "$k"; stat -c %u:%g "$k"; '
            f"mkdir -p {folder}"
        ).splitlines()
        kept, owner = found if len(found) == 2 else ("/", "0:0")
        self.client.write(path, data)
        self.shell(
            f'm={place}; while [ "$m" != {shlex.quote(kept)} ]; do chown {owner} "$m"; restorecon "$m"; '
            'm=$(dirname "$m"); done 2>/dev/null'
        )
        if path.startswith((SHARED, "/sdcard/")):
            scan = "am broadcast -a android.intent.action.MEDIA_SCANNER_SCAN_FILE -d"
            self.shell(f"{scan} {shlex.quote(f'file://{path}')} >/dev/null 2>&1")

    def remove(self, path: str) -> None:
        """Remove a file or a directory."""
        self.shell(f"rm -rf {shlex.quote(path)}")

    def list(self, path: str) -> list[str]:
        """Return the names in a directory."""
        return self.client.names(path)

    # ------------------------------------------------------------ the rest

    def setting(self, namespace: str, key: str) -> str | None:
        """Return a setting; Android does not tell the value "null" from none."""
        value = self.shell(f"settings get {shlex.quote(namespace)} {shlex.quote(key)}").removesuffix("\n")
        return None if value == "null" else value

    def put_setting(self, namespace: str, key: str, value: str) -> None:
        """Set a setting, and have done what it only reports where it is one of these."""
        service = _SWITCHES.get((namespace, key))
        if service is not None and value in ("0", "1"):
            self.shell(service.format("enable" if value == "1" else "disable"))
        self.shell(f"settings put {shlex.quote(namespace)} {shlex.quote(key)} {shlex.quote(value)}")

    def foreground(self) -> str:
        """Return the resumed activity."""
        found = _RESUMED.search(self.shell("dumpsys activity activities"))
        if found is None:
            return ""
        package, name = found.groups()
        return f"{package}/{package}{name}" if name.startswith(".") else f"{package}/{name}"

    def now(self) -> datetime:
        """Return the phone's time."""
        seconds, offset, *_ = self.shell("date '+%s.%N %z'").split()
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
        whole, _, part = seconds.partition(".")
        micros = int((part[:6] or "0").ljust(6, "0")) if part.isdecimal() else 0
        return datetime.fromtimestamp(int(whole), zone).replace(microsecond=micros)


@contextlib.contextmanager
def _copy(data: bytes, log: bytes | None) -> Any:
    """Lend the path of a copy of a database with its write-ahead log."""
    with tempfile.TemporaryDirectory(prefix="vlgym-db-") as folder:
        path = Path(folder) / "copy.db"
        if data[18:20] == b"\2\2" and not log:
            data = data[:18] + b"\1\1" + data[20:]  # without its log a database is no longer one that has a log
        path.write_bytes(data)
        if log:
            path.with_name("copy.db-wal").write_bytes(log)
        yield path


@contextlib.contextmanager
def _connection(path: Path) -> Any:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


class AdbHands:
    """Hands on a phone over adb; see `vlgym.android.executor.Hands`.

    Attributes:
        moves: how often the phone has been touched so far.
    """

    def __init__(self, client: AdbClient) -> None:
        self.client = client
        self.moves = 0
        self._display = (0, 0)
        self._apps: dict[str, str] = {}

    def _do(self, line: str) -> str:
        self.moves += 1
        result = self.client.shell(line)
        return (result.stdout + result.stderr).decode("utf-8", "replace")

    def display(self) -> tuple[int, int]:
        """Return width and height of the display as it is turned now, in pixels."""
        text = self.client.shell("wm size; dumpsys window | grep mCurrentRotation").stdout.decode()
        sizes = re.findall(r"size: (\d+)x(\d+)", text)  # an override comes after the physical size
        if not sizes:
            raise BackendError(f"{self.client.serial} tells no size of its screen: {text[:100]!r}.")
        width, height = map(int, sizes[-1])
        turned = re.search(r"ROTATION_(90|270)|mCurrentRotation=[13]\b", text)
        return (height, width) if turned else (width, height)

    def _pixels(self, x: float, y: float) -> str:
        width, height = self._display
        return f"{min(round(x * width), width - 1)} {min(round(y * height), height - 1)}"

    def look(self, size: tuple[int, int]) -> None:
        """Take note of the size of the display, so that touches need not ask for it."""
        self._display = size

    def tap(self, x: float, y: float) -> None:
        """Touch and lift."""
        self._sized()
        self._do(f"input tap {self._pixels(x, y)}")

    def swipe(self, x1: float, y1: float, x2: float, y2: float, seconds: float) -> None:
        """Move a finger evenly."""
        self._sized()
        self._do(f"input swipe {self._pixels(x1, y1)} {self._pixels(x2, y2)} {round(seconds * 1000)}")

    def drag(self, x1: float, y1: float, x2: float, y2: float, hold: float) -> None:
        """Rest, move, rest, lift."""
        self._sized()
        points = [(x1 + (x2 - x1) * step / 6, y1 + (y2 - y1) * step / 6) for step in range(1, 7)]
        lines = [f"input motionevent DOWN {self._pixels(x1, y1)}", f"sleep {hold:g}"] + [
            f"sleep 0.02; input motionevent MOVE {self._pixels(*point)}" for point in points
        ]
        self._do("; ".join([*lines, "sleep 0.15", f"input motionevent UP {self._pixels(x2, y2)}"]))

    def _sized(self) -> None:
        if self._display == (0, 0):
            self._display = self.display()

    def key(self, code: int, *held: int) -> None:
        """Press a key."""
        self._do(f"input keycombination {' '.join(map(str, (*held, code)))}" if held else f"input keyevent {code}")

    def text(self, words: str) -> None:
        """Type; `%s` is a blank to `input text`, so that a text with it is typed in two."""
        for number, line in enumerate(words.split("\n")):
            if number:
                self.key(66)
            for piece in re.split(r"(?<=%)(?=s)", line):
                if piece:
                    said = self._do(f"input text {shlex.quote(piece.replace(' ', '%s'))}")
                    if "Exception" in said:
                        raise ActionError(f"Android's `input text` cannot type {piece[:40]!r}, only ASCII.")

    def wait(self, seconds: float) -> None:
        """Let the phone's time pass."""
        if seconds > 0:
            self._do(f"sleep {seconds:g}")

    def launch(self, name: str) -> None:
        """Start an app by its name: one that vlgym knows, else one with the name in its package's."""
        wanted = name.strip().casefold()
        if not self._apps:
            self._apps = self._installed()
        package = self._apps.get(wanted)
        if package is None:
            raise ActionError(f"There is no app {name[:60]!r} on this phone.{did_you_mean(wanted[:60], self._apps)}")
        self._do(f"monkey -p {package} -c android.intent.category.LAUNCHER 1")

    def _installed(self) -> dict[str, str]:
        from vlgym.android.state.catalogue import PACKAGES

        lines = self.client.shell("pm list packages").stdout.decode().split()
        there = [line.removeprefix("package:") for line in lines]
        found = {part.casefold(): package for package in there for part in package.split(".")[1:]}
        found.update({known.label.casefold(): known.name for known in PACKAGES if known.name in there})
        return found


class AdbBackend:
    """A phone over adb as the environment's backend; see `vlgym.android.backend.Backend`.

    Args:
        device: "sim-wire", "emulator-5554", "avd:NAME" or a serial number.
    """

    def __init__(self, device: str) -> None:
        self.door = door(device)
        self._grpc: Any = None
        self._seen: tuple[int, Elements] | None = None
        self._marks: set[str] = set()
        self.client = self.door.open()
        self.phone, self.hands = AdbPhone(self.client), AdbHands(self.client)

    def _forget(self) -> None:
        self._seen = None
        self.hands.moves += 1
        self.hands.look((0, 0))
        self._drop_grpc()

    # ------------------------------------------------------------ episodes

    def reset(self) -> None:
        """Take the phone to the state that episodes begin with; an end that was lost is reached anew."""
        self.client = self.phone.client = self.hands.client = self.door.open()
        self._forget()
        if self.client.console_port:
            if START in self.client.console("avd snapshot list"):
                self.client.console(f"avd snapshot load {START}")
                self._back()
                self._prepare()
            else:
                self._prepare()
                self.client.console(f"avd snapshot save {START}")
                self._back()
        else:
            self._prepare()
        self._forget()

    def _back(self) -> None:
        """Wait until the phone is there again after a snapshot."""
        for _ in range(50):
            with contextlib.suppress(BackendError):
                self.client.wait()
                if self.client.shell("getprop sys.boot_completed", 10.0).stdout.strip() == b"1":
                    return
            time.sleep(0.2)
        raise BackendError(f"{self.client.serial} does not come back after its snapshot.")

    def _prepare(self) -> None:
        """Make a root shell, stop the apps, go home and set the clock; a phone's apps lose their data."""
        from vlgym.android.state.catalogue import PACKAGES

        client = self.client
        emulator = bool(client.console_port)
        if not emulator and client.shell(f"[ -e {CONSENT} ]").code:
            raise BackendError(
                f"{client.serial} is no emulator, and tasks erase data of its apps. If that is meant, say so: "
                f"adb -s {client.serial} shell touch {CONSENT}"
            )
        if not client.root():
            raise BackendError(
                f"{client.serial} gives no root shell, which set-ups and judges need: take an AVD whose image is "
                '"Google APIs" or AOSP, not "Google Play", or a userdebug build.'
            )
        there = set(client.shell("pm list packages").stdout.decode().replace("package:", "").split())
        apps = [known.name for known in PACKAGES if known.name in there and not known.system]
        clear = "" if emulator else "".join(f"pm clear {name} >/dev/null; " for name in apps)
        client.shell(
            f"{clear}settings put global auto_time 0; settings put global auto_time_zone 0; "
            f"cmd alarm set-timezone UTC >/dev/null 2>&1; setprop persist.sys.timezone UTC; date {DATE} >/dev/null; "
            "input keyevent 224; wm dismiss-keyguard 2>/dev/null; input keyevent 3; sleep 1"
        )

    def snapshot(self) -> bytes:
        """Have the emulator keep a snapshot, and return its name.

        Raises:
            BackendError: the phone is no emulator.
        """
        if not self.client.console_port:
            raise BackendError(f"{self.client.serial} is no emulator and has no snapshots.")
        name = f"vlgym-{time.time_ns():x}"
        self.client.console(f"avd snapshot save {name}")
        self._marks.add(name)
        self._back()
        return name.encode()

    def restore(self, data: bytes) -> None:
        """Load a snapshot that `snapshot` named."""
        name = data.decode("ascii", "replace")
        if not re.fullmatch(r"vlgym-[0-9a-f]+", name):
            raise BackendError("These bytes name no snapshot of an emulator.")
        self.client.console(f"avd snapshot load {name}")
        self._back()
        self._forget()

    def close(self) -> None:
        """Delete the snapshots made here, and end what was started."""
        self._drop_grpc()
        for name in self._marks:
            with contextlib.suppress(BackendError):
                self.client.console(f"avd snapshot delete {name}")
        self._marks.clear()
        self.door.close()

    # ------------------------------------------------------------ the screen

    def version(self) -> int:
        """Return a number that goes up with every touch."""
        return self.hands.moves

    def elements(self) -> Elements:
        """Return the list of what `uiautomator dump` says; the same object until the phone is touched."""
        if self._seen is None or self._seen[0] != self.hands.moves:
            width, height = self.hands.display()
            self.hands.look((width, height))
            self._seen = self.hands.moves, from_xml(self._dump(), width, height)
        return self._seen[1]

    def typing(self) -> bool:
        """Return whether a text field has the cursor."""
        return self.elements().focus is not None

    def _dump(self) -> str:
        said = ""
        for _ in range(3):
            result = self.client.shell(f"uiautomator dump {_DUMP} 2>&1 >/dev/null && cat {_DUMP} && rm -f {_DUMP}")
            xml = result.stdout.decode("utf-8", "replace")
            if xml.startswith("<?xml"):
                return xml
            said = xml or result.stderr.decode("utf-8", "replace")
        raise BackendError(f"`uiautomator dump` on {self.client.serial} tells nothing: {said.strip()[:200]}")

    def screenshot(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return the screen held upright: over gRPC where an emulator has it, else of `screencap`."""
        picture = self._by_grpc(width, height) if self.door.grpc_port else None
        if picture is None:
            picture = self._screencap()
        if (picture.shape[0] < picture.shape[1]) != (height < width):
            picture = np.rot90(picture)
        if picture.shape[:2] != (height, width):
            import cv2

            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        picture = np.ascontiguousarray(picture)
        picture.flags.writeable = False
        return picture

    def _screencap(self) -> NDArray[np.uint8]:
        data = self.client.exec("screencap")
        if len(data) < 16:
            raise BackendError(f"`screencap` on {self.client.serial} gives no picture.")
        width, height = (int(word) for word in np.frombuffer(data[:8], "<u4"))
        pixels = width * height * 4
        if len(data) - pixels not in (12, 16):  # before Android 9 the head has no colour space
            raise BackendError(f"`screencap` on {self.client.serial} gives {len(data)} bytes for {width}x{height}.")
        return np.frombuffer(data[-pixels:], np.uint8).reshape(height, width, 4)[:, :, :3]

    def _by_grpc(self, width: int, height: int) -> NDArray[np.uint8] | None:
        """Return the picture that the emulator's gRPC port gives, None where it gives none."""
        try:
            import grpc
            from android_env.proto import emulator_controller_pb2 as pb
            from android_env.proto import emulator_controller_pb2_grpc as pb_grpc
        except ImportError:
            return None
        if self._grpc is None:
            options = [("grpc.max_receive_message_length", -1)]
            target, credentials = f"localhost:{self.door.grpc_port}", grpc.local_channel_credentials()
            self._grpc = grpc.secure_channel(target, credentials, options)
        wanted = pb.ImageFormat(format=pb.ImageFormat.ImgFormat.RGB888, width=width, height=height)
        try:
            image = pb_grpc.EmulatorControllerStub(self._grpc).getScreenshot(wanted, timeout=10.0)
        except grpc.RpcError:
            self._drop_grpc()
            return None
        found = image.format
        if len(image.image) != found.width * found.height * 3:
            return None
        return np.frombuffer(image.image, np.uint8).reshape(found.height, found.width, 3)

    def _drop_grpc(self) -> None:
        if self._grpc is not None:
            self._grpc.close()
            self._grpc = None
