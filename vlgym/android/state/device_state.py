"""State: everything a device remembers, with snapshots as bytes."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from typing import Any

from vlgym.android.state.catalogue import PACKAGES
from vlgym.android.state.clock import ZONES, Clock
from vlgym.android.state.databases import Database, Random
from vlgym.android.state.effects import Effects
from vlgym.android.state.files import Credentials, FileSystem, Made
from vlgym.android.state.image import MEDIA_GID, SHELL_UID, clear_data, disk, make_data
from vlgym.android.state.log import LogBuffer
from vlgym.android.state.packages import Package, PackageManager
from vlgym.android.state.processes import Processes
from vlgym.android.state.providers import ContentResolver
from vlgym.android.state.settings import Settings, properties
from vlgym.core.errors import BackendError

_MAGIC = b"vlgym-phone-1\n"
_SHELL_GROUPS = frozenset((SHELL_UID, MEDIA_GID, 1004, 1007, 1011, 1015, 1028, 3001, 3002, 3003, 3006, 3009, 3011))


class State:
    """The memory of one device. Equal arguments and equal calls give equal states, bit for bit.

    Attributes:
        clock, settings, packages, files, log, processes, content, effects: the parts; see their classes.
        properties: system properties (`getprop`).
        random: the device's only source of randomness.
        rooted: whether adbd runs as root (`adb root`).
        clipboard: text of the clipboard.
        call: the current phone call: {"state": 0 idle | 1 ringing | 2 off hook, "number": str, "since_ms": int}.
        ui: the window manager's own plain data (dict, list, tuple, str, bytes, int, float, bool, None).
        on_restore: called after `restore`, to draw anew.
    """

    def __init__(
        self,
        packages: Sequence[Package] = PACKAGES,
        *,
        width: int = 1080,
        height: int = 2400,
        density: int = 420,
        seed: int = 0,
    ) -> None:
        manifests = tuple(packages)
        root, contents, self._base = disk(manifests)
        self.width, self.height, self.density = width, height, density
        self.clock = Clock()
        self.settings = Settings()
        self.properties = properties(width, height, density)
        self.packages = PackageManager(manifests)
        self.files = FileSystem(self.clock, contents)
        self.files.root = marshal.loads(root)
        self.random = Random(seed)
        self.log = LogBuffer(self.clock)
        self.processes = Processes(self)
        self.content = ContentResolver(self)
        self.effects = Effects(self)
        self.rooted = False
        self.clipboard = ""
        self.call: dict[str, Any] = {"state": 0, "number": "", "since_ms": 0}
        self.ui: dict[str, Any] = {}
        self.on_restore: list[Callable[[], None]] = []
        self._databases: dict[str, Database] = {}
        self._make_devices()
        self.processes.boot()

    # ------------------------------------------------------------ files and databases

    def database(self, path: str) -> Database:
        """Return the database at a path, made empty if there is none; the same object for every name of the file."""
        real = self.files.real(path)
        if real not in self._databases:
            self._databases[real] = Database(self.files, real, self.clock, self.random)
        return self._databases[real]

    @property
    def revision(self) -> int:
        """A number that is another one after anything a screen may show has changed, the clock aside."""
        databases = sum(database.changes for database in self._databases.values())
        return self.settings.changes + self.files.changes + databases

    def app_database(self, package: str, name: str) -> Database:
        """Return one of a package's databases by its file name."""
        return self.database(f"/data/data/{package}/databases/{name}")

    def _make_devices(self) -> None:
        made: dict[str, Callable[[], bytes]] = {
            "/dev/null": bytes,
            "/dev/zero": lambda: bytes(4096),
            "/dev/tty": bytes,
            "/dev/random": lambda: self.random.bytes(64),
            "/dev/urandom": lambda: self.random.bytes(64),
        }
        proc: dict[str, Callable[[], bytes]] = {
            "/proc/version": lambda: b"Linux version 5.15.41-android13 (build@localhost) #1 SMP PREEMPT\n",
            "/proc/uptime": lambda: f"{self.clock.uptime_us / 1e6:.2f} {self.clock.uptime_us / 1e6:.2f}\n".encode(),
            "/proc/loadavg": lambda: b"0.00 0.00 0.00 1/400 4000\n",
            "/proc/meminfo": lambda: (
                b"MemTotal:        2031616 kB\nMemFree:         1015808 kB\nMemAvailable:    1523712 kB\n"
            ),
            "/proc/cpuinfo": lambda: b"".join(b"processor\t: %d\nmodel name\t: Virtual\n\n" % n for n in range(4)),
        }
        for path, make in (made | proc).items():
            if path in made:
                self.files.device(path)
            else:
                self.files.write(path, b"", mode=0o444)
            self.files.live[path] = Made(make)

    # ------------------------------------------------------------ packages

    def install(self, package: Package) -> None:
        """Install a package that is not part of the factory image, or update it."""
        installed = self.packages.add(package, self.clock.now_ms)
        make_data(self.files, package, installed.uid)
        self.log.write(
            "PackageManager", f"installation completed for package:{package.name}.", pid=self.processes.system
        )

    def uninstall(self, name: str) -> bool:
        """Remove a package and its data; return whether it was installed."""
        if name not in self.packages:
            return False
        folder = self.packages[name].data_dir
        self.processes.kill(name)
        if self.files.exists(folder):
            self.files.remove(folder, tree=True)
        return self.packages.remove(name)

    def clear(self, name: str) -> bool:
        """Stop a package and give it fresh data (`pm clear`); return whether it is installed."""
        if name not in self.packages:
            return False
        self.processes.kill(name)
        state = self.packages.state(name)
        clear_data(self.files, self.packages[name], state.uid)
        state.granted = tuple(item for item in self.packages[name].granted)
        return True

    def set_time_zone(self, zone: str) -> bool:
        """Set the time zone; return False for a name that the device does not know."""
        if zone not in ZONES:
            return False
        self.clock.zone = self.properties["persist.sys.timezone"] = zone
        return True

    # ------------------------------------------------------------ who

    @property
    def shell_user(self) -> Credentials:
        """Credentials of `adb shell`: root after `adb root`, the user "shell" before."""
        return Credentials() if self.rooted else Credentials(SHELL_UID, _SHELL_GROUPS)

    # ------------------------------------------------------------ bytes

    def snapshot(self) -> bytes:
        """Return the whole state as bytes: a self-contained overlay over the factory disk of the same packages."""
        core = (
            self.clock.export(),
            self.settings.export(),
            self.properties,
            self.packages.export(),
            self.random.state,
            self.processes.export(),
            (self.rooted, self.clipboard, self.call),
            self.ui,
        )
        return _MAGIC + self._base + marshal.dumps((self.files.export(), self.log.export(), core), 2)

    def restore(self, data: bytes) -> None:
        """Become what `snapshot` returned, also in another process.

        Raises:
            BackendError: the bytes are no snapshot, or one of a device with other packages.
        """
        head = len(_MAGIC) + len(self._base)
        if data[: len(_MAGIC)] != _MAGIC:
            raise BackendError("These bytes are no snapshot of a simulated phone; pass what snapshot() returned.")
        if data[len(_MAGIC) : head] != self._base:
            raise BackendError("The snapshot is of a phone with other packages or of another vlgym version.")
        try:
            files, log, core = marshal.loads(memoryview(data)[head:])
        except (EOFError, ValueError, TypeError) as error:
            raise BackendError(f"The snapshot is damaged: {error}.") from error
        clock, settings, self.properties, packages, self.random.state, processes, rest, self.ui = core
        self.rooted, self.clipboard, self.call = rest
        self.clock.load(clock)
        self.settings.load(settings)
        self.packages.load(packages)
        self.processes.load(processes)
        self.files.load(files)
        self.log.load(log)
        for listener in self.on_restore:
            listener()
