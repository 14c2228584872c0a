"""What a shell session remembers: variables, parameters, the working directory and who is asking."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

from vlgym.android.shell.expand import ExpansionError
from vlgym.android.shell.tree import Sequence
from vlgym.android.state.files import Credentials, FileSystem, normal

if TYPE_CHECKING:
    from vlgym.android.device import Device

SHELL = "/system/bin/sh"


class Session:
    """The memory of a shell; `Shell` adds what runs commands.

    Attributes:
        device: the device it acts on.
        variables: shell variables; `exported` names those that commands see.
        functions: name -> body.
        arguments: positional parameters.
        cwd: working directory.
        status: ``$?``.
        options: letters of `set`, e.g. {"e": True}.
    """

    pid = 4021
    """``$$``."""

    def __init__(self, device: Device, user: Credentials | None = None) -> None:
        self.device = device
        self.state = device.state
        self.files: FileSystem = device.state.files
        self.user = user or device.state.shell_user
        self.cwd = "/"
        self.status = 0
        self.arguments: list[str] = []
        self.options: dict[str, bool] = {}
        self.functions: dict[str, Sequence] = {}
        self.aliases: dict[str, str] = {}
        self.traps: dict[str, str] = {}
        self.readonly: set[str] = set()
        self.locals: list[dict[str, str | None]] = []
        self.variables: dict[str, str] = {
            "ANDROID_DATA": "/data",
            "ANDROID_ROOT": "/system",
            "ANDROID_STORAGE": "/storage",
            "EXTERNAL_STORAGE": "/sdcard",
            "HOME": "/",
            "HOSTNAME": device.state.properties.get("ro.product.device", "android"),
            "LOGNAME": "root" if self.user.uid == 0 else "shell",
            "PATH": "/product/bin:/apex/com.android.runtime/bin:/system/bin:/system/xbin:/vendor/bin",
            "SHELL": SHELL,
            "TERM": "dumb",
            "TMPDIR": "/data/local/tmp",
            "USER": "root" if self.user.uid == 0 else "shell",
        }
        self.exported = set(self.variables)
        self.variables |= {"IFS": " \t\n", "PS1": "$ ", "PS2": "> ", "PWD": "/", "OPTIND": "1"}
        self._started_us = device.state.clock.uptime_us

    def substitute(self, tree: Sequence) -> str:
        """Return what commands print, without the newlines at the end."""
        raise NotImplementedError

    @property
    def scope(self) -> MutableMapping[str, str]:
        """The variables as arithmetic sees and sets them."""
        return _Scope(self)

    def parameter(self, name: str) -> str | None:
        """Return the value of a variable or of a special parameter, None if it is not set."""
        if name.isdigit():
            number = int(name)
            if number == 0:
                return "sh"
            return self.arguments[number - 1] if number <= len(self.arguments) else None
        special: Mapping[str, Callable[[], str]] = {
            "?": lambda: str(self.status & 0xFF),
            "#": lambda: str(len(self.arguments)),
            "$": lambda: str(self.pid),
            "!": lambda: "",
            "-": lambda: "".join(sorted(letter for letter, on in self.options.items() if on)),
            "RANDOM": lambda: str(self.state.random.below(32768)),
            "SECONDS": lambda: str((self.state.clock.uptime_us - self._started_us) // 1_000_000),
            "EPOCHREALTIME": lambda: f"{self.state.clock.now_us / 1e6:.6f}",
            "USER_ID": lambda: str(self.user.uid),
            "PPID": lambda: str(self.state.processes.pid("adbd")),
        }
        return special[name]() if name in special else self.variables.get(name)

    def assign(self, name: str, value: str) -> None:
        """Set a variable; a read-only one is an error."""
        if name in self.readonly:
            raise ExpansionError(f"read-only: {name}")
        self.variables[name] = value
        if self.options.get("a"):
            self.exported.add(name)

    def path(self, name: str) -> str:
        """Return the absolute path of a name; links and ``..`` are left to the file system."""
        return name if name.startswith("/") else f"{self.cwd.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Return whether a name names something the user may see, links not followed."""
        try:
            self.files.stat(self.path(name), self.user, follow=False)
        except OSError:
            return False
        return True

    def chdir(self, name: str) -> None:
        """Change the working directory; raises OSError."""
        target = normal(name, self.cwd)
        if not self.files.stat(target, self.user).is_dir:
            raise OSError(20, os.strerror(20), name)
        if not self.files.access(target, 1, self.user):
            raise OSError(13, os.strerror(13), name)
        self.assign("OLDPWD", self.cwd)
        self.cwd = target
        self.assign("PWD", target)

    def environment(self) -> dict[str, str]:
        """Return the variables that commands see."""
        return {name: self.variables[name] for name in sorted(self.exported) if name in self.variables}


class _Scope(MutableMapping[str, str]):
    def __init__(self, shell: Session) -> None:
        self._shell = shell

    def __getitem__(self, name: str) -> str:
        value = self._shell.parameter(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self._shell.assign(name, value)

    def __delitem__(self, name: str) -> None:
        self._shell.variables.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shell.variables)

    def __len__(self) -> int:
        return len(self._shell.variables)
