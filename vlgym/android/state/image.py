"""The disk of a fresh device: Android's directories, links, devices and each package's first data."""

from __future__ import annotations

import hashlib
import marshal
import stat as modes
from collections.abc import Iterable
from functools import lru_cache

from vlgym.android.state.clock import Clock
from vlgym.android.state.databases import image
from vlgym.android.state.files import SHARED_STORAGE, FileSystem
from vlgym.android.state.packages import Package, PackageManager

SYSTEM_UID, SHELL_UID, MEDIA_GID = 1000, 2000, 1023

_DIRECTORIES = {
    "/acct": (0, 0, 0o755),
    "/apex": (0, 0, 0o755),
    "/bin": (0, 0, 0o755),
    "/data": (SYSTEM_UID, SYSTEM_UID, 0o771),
    "/data/app": (SYSTEM_UID, SYSTEM_UID, 0o771),
    "/data/data": (SYSTEM_UID, SYSTEM_UID, 0o771),
    "/data/local": (0, 0, 0o751),
    "/data/local/tmp": (SHELL_UID, SHELL_UID, 0o771),
    "/data/media": (MEDIA_GID, MEDIA_GID, 0o770),
    "/data/misc": (SYSTEM_UID, 9998, 0o771),
    "/data/system": (SYSTEM_UID, SYSTEM_UID, 0o775),
    "/data/user": (SYSTEM_UID, SYSTEM_UID, 0o711),
    "/dev": (0, 0, 0o755),
    "/mnt": (0, SYSTEM_UID, 0o755),
    "/proc": (0, 0, 0o555),
    "/product": (0, 0, 0o755),
    "/storage": (0, 1028, 0o751),
    "/storage/emulated": (0, 1028, 0o751),
    "/storage/self": (0, 1028, 0o751),
    "/sys": (0, 0, 0o755),
    "/system": (0, 0, 0o755),
    "/system/app": (0, 0, 0o755),
    "/system/bin": (0, SHELL_UID, 0o755),
    "/system/etc": (0, 0, 0o755),
    "/system/framework": (0, 0, 0o755),
    "/vendor": (0, 2000, 0o755),
}
_LINKS = {
    "/etc": "/system/etc",
    "/sdcard": "/storage/self/primary",
    "/storage/self/primary": SHARED_STORAGE,
    "/mnt/sdcard": "/storage/self/primary",
    "/data/media/0": SHARED_STORAGE,
    "/data/user/0": "/data/data",
    "/d": "/sys/kernel/debug",
}
SHARED_FOLDERS = (
    "Alarms", "Android", "Android/data", "Android/media", "Android/obb", "Audiobooks", "DCIM", "Documents", "Download",
    "Movies", "Music", "Notifications", "Pictures", "Podcasts", "Recordings", "Ringtones",
)  # fmt: skip
PROGRAMS = """
am appops base64 basename cat chcon chgrp chmod chown cksum clear cmd cmp comm content cp cut date df diff
dirname du dumpsys egrep env expr fgrep find free fsync getenforce getprop grep groups head hostname id ime
input kill killall ln locksettings log logcat logger logname ls md5sum mkdir mksh mktemp monkey mount mv nice nl
nohup nproc paste pgrep pidof pkill pm printenv printf ps readlink realpath reboot restorecon rev rm rmdir
screencap sed seq service setenforce setprop setsid settings sh sha1sum sha224sum sha256sum sha384sum sha512sum
sleep sort sqlite3 start stat stop strings su svc sync tac tail tee time timeout toybox touch tr tty uiautomator
uname uniq unlink uptime usleep wc which whoami wm xargs xxd
""".split()
"""Files of /system/bin: the commands that the shell knows."""
_HOSTS = b"127.0.0.1       localhost\n::1             ip6-localhost\n"


@lru_cache(maxsize=8)
def disk(packages: tuple[Package, ...]) -> tuple[bytes, dict[int, bytes], bytes]:
    """Return a fresh disk: the tree (marshalled), contents shared by all devices, and a digest that names them."""
    files = FileSystem(Clock())
    for path, (uid, gid, mode) in _DIRECTORIES.items():
        files.mkdir(path, mode=mode)
        files.chown(path, uid, gid)
    files.mkdir(SHARED_STORAGE)
    files.chmod(SHARED_STORAGE, modes.S_ISGID | 0o770)
    files.chown(SHARED_STORAGE, MEDIA_GID, MEDIA_GID)
    for name in SHARED_FOLDERS:
        files.mkdir(f"{SHARED_STORAGE}/{name}")
        files.chown(f"{SHARED_STORAGE}/{name}", MEDIA_GID, MEDIA_GID)
    for path, target in _LINKS.items():
        files.symlink(target, path)
    files.write("/system/etc/hosts", _HOSTS, mode=0o644)
    for name in PROGRAMS:
        files.write(f"/system/bin/{name}", b"\x7fELF", mode=0o755)
        files.chown(f"/system/bin/{name}", 0, SHELL_UID)
    manager = PackageManager(packages)
    for package in packages:
        make_data(files, package, manager.state(package.name).uid, new=True)
    root, contents, _ = files.export()
    tree = marshal.dumps(root, 2)
    digest = hashlib.blake2b(tree, digest_size=16)
    for data in contents.values():
        digest.update(data)
    return tree, contents, digest.digest()


def make_data(files: FileSystem, package: Package, uid: int, *, new: bool = False) -> None:
    """Write a package's archive, its private folder, databases and first files; on a new phone its samples too."""
    folder = package.data_dir
    files.mkdir(package.apk.rpartition("/")[0], parents=True, mode=0o755)
    if not files.exists(package.apk):
        files.write(package.apk, b"PK\5\6" + bytes(18), mode=0o644)  # an empty zip archive
    made = [folder, f"{folder}/cache", f"{folder}/files", f"{folder}/shared_prefs"]
    for path in made:
        files.mkdir(path, parents=True, mode=0o700)
    samples = dict(package.samples) if new else {}
    contents = [(package.database_path(name), image(sql + samples.get(name, ""))) for name, sql in package.databases]
    for path, data in [*contents, *package.files]:
        parent = path.rpartition("/")[0]
        files.mkdir(parent, parents=True, mode=0o771)
        files.write(path, data, mode=None if path.startswith("/s") else 0o660)
        if not path.startswith("/s"):
            made += [parent, path]
    for path in package.folders:
        files.mkdir(path, parents=True)
    own(files, made, uid)


def own(files: FileSystem, paths: Iterable[str], uid: int) -> None:
    """Give paths to a user."""
    for path in paths:
        files.chown(path, uid, uid)


def clear_data(files: FileSystem, package: Package, uid: int) -> None:
    """Remove a package's private data and its folder in shared storage, then make them anew, as `pm clear` does."""
    for folder in (package.data_dir, f"{SHARED_STORAGE}/Android/data/{package.name}"):
        if files.exists(folder):
            for name in files.list(folder):
                files.remove(f"{folder}/{name}", tree=True)
    make_data(files, package, uid)
