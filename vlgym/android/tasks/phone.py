"""What set-ups and judges see of a phone, and that view of the simulated one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from vlgym.android.device import Device

SHARED = "/storage/emulated/0"
"""The shared storage, ``/sdcard``."""

_READERS = (
    *("pm list ", "getprop ", "dumpsys activity", "dumpsys notification", "content query", "settings get"),
    *("ls ", "find "),
)
"""Commands that only read what `Device.stamp` stands for."""
_CHANGES = frozenset(">;&$`\n")


class Phone(Protocol):
    """A phone with a root shell: databases, files, settings. Everything that judges read of a device they read here."""

    def shell(self, line: str) -> str:
        """Run a line as `adb shell` does and return its standard output."""
        ...

    def rows(self, database: str, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the database at an absolute path; none if there is no such file."""
        ...

    def execute(self, database: str, sql: str, args: Sequence[object] = ()) -> None:
        """Run one statement that changes a database; for set-ups only."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return the contents of a file, None if there is none."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Write a file, its directories included; for set-ups only."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or a directory with everything in it, if it is there; for set-ups only."""
        ...

    def list(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; none if there is no such directory."""
        ...

    def setting(self, namespace: str, key: str) -> str | None:
        """Return a value of the table "system", "secure" or "global", None if it is not set."""
        ...

    def put_setting(self, namespace: str, key: str, value: str) -> None:
        """Set a value of the table "system", "secure" or "global"; for set-ups only."""
        ...

    def foreground(self) -> str:
        """Return the resumed activity, ``package/full.class.Name``."""
        ...

    def now(self) -> datetime:
        """Return the phone's wall time, aware, in its time zone."""
        ...


class SimPhone:
    """A Phone that reads and writes a simulated device directly."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._memo: dict[Hashable, tuple[object, Any]] = {}

    def _kept(self, what: Hashable, stamp: object, read: Callable[[], Any]) -> Any:
        """Return what `read` returns, or what it returned when the stamp was the same: judges ask after each step."""
        found = self._memo.get(what)
        if found is None or found[0] != stamp:
            found = self._memo[what] = stamp, read()
        return found[1]

    def shell(self, line: str) -> str:
        """Run a line as root."""
        with self.device.lock:
            if line.startswith(_READERS) and not _CHANGES.intersection(line) and "-delete" not in line:
                return str(self._kept(line, self.device.stamp(), lambda: self._run(line)))
            return self._run(line)

    def _run(self, line: str) -> str:
        state = self.device.state
        rooted, state.rooted = state.rooted, True
        try:
            return self.device.shell(line).stdout.decode("utf-8", "replace")
        finally:
            state.rooted = rooted

    def rows(self, database: str, sql: str, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.device.lock:
            if not self.device.state.files.exists(database):
                return []
            found = self.device.state.database(database)
            what = database, sql, *args
            return list(self._kept(what, (id(found), found.changes), lambda: found.execute(sql, args)))

    def execute(self, database: str, sql: str, args: Sequence[object] = ()) -> None:
        """Run one statement."""
        with self.device.lock:
            self.device.state.database(database).execute(sql, args)

    def read(self, path: str) -> bytes | None:
        """Return the contents of a file."""
        with self.device.lock:
            files = self.device.state.files

            def read() -> bytes | None:
                return files.read(path) if files.exists(path) and not files.is_dir(path) else None

            found: bytes | None = self._kept(("read", path), self.device.state.revision, read)
            return found

    def write(self, path: str, data: bytes) -> None:
        """Write a file as root; in an app's private folder it belongs to the app, in shared storage to the media."""
        with self.device.lock:
            files = self.device.state.files
            folder = path.rpartition("/")[0]
            kept = folder
            while not files.exists(kept):
                kept = kept.rpartition("/")[0] or "/"
            owner = files.stat(kept)
            files.mkdir(folder, parents=True)
            files.write(path, data)
            made = path
            while len(made) > len(kept) and made != kept:
                files.chown(made, owner.uid, owner.gid)
                made = made.rpartition("/")[0]

    def remove(self, path: str) -> None:
        """Remove a file or a directory."""
        with self.device.lock:
            if self.device.state.files.exists(path):
                self.device.state.files.remove(path, tree=True)

    def list(self, path: str) -> list[str]:
        """Return the names in a directory."""
        with self.device.lock:
            files = self.device.state.files

            def names() -> list[str]:
                return files.list(path) if files.exists(path) and files.is_dir(path) else []

            return list(self._kept(("list", path), files.changes, names))

    def setting(self, namespace: str, key: str) -> str | None:
        """Return a setting."""
        return self.device.state.settings.get(namespace, key)

    def put_setting(self, namespace: str, key: str, value: str) -> None:
        """Set a setting."""
        with self.device.lock:
            self.device.state.settings.put(namespace, key, value)

    def foreground(self) -> str:
        """Return the resumed activity."""
        return self.device.foreground()

    def now(self) -> datetime:
        """Return the phone's time."""
        return self.device.state.clock.local()
