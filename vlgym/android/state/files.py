"""The device's file system: a tree of plain lists over copy-on-write contents; nothing here is a file of the host."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from vlgym.android.state.clock import Clock

Node = list[Any]
"""[mode, uid, gid, mtime_us, payload]; payload is dict[str, Node] | int (inode of the contents) | str (link target)."""

MODE, UID, GID, MTIME, PAYLOAD = range(5)
MAX_FILE = 64 << 20
"""Bytes a file may hold; a longer one fails with ENOSPC, as on a full disk."""
MAX_DISK = 256 << 20
"""Bytes that all files beyond the base image may hold."""
MAX_LINKS = 40
SHARED_STORAGE = "/storage/emulated/0"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks: a user id and the groups it is in. Root may do everything."""

    uid: int = 0
    groups: frozenset[int] = frozenset()


ROOT = Credentials()


@dataclass(frozen=True, slots=True)
class Stat:
    """What `stat` tells of a path: st_mode bits, owner, group, size in bytes, mtime in microseconds, link target."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime_us: int
    inode: int
    links: int
    target: str = ""

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def _fail(code: int, path: str) -> NoReturn:
    raise OSError(code, os.strerror(code), path)


def raw(name: str) -> bytes:
    """Return a name's bytes; those that are no UTF-8 stand in it as surrogates."""
    return name.encode("utf-8", "surrogateescape")


def normal(path: str, cwd: str = "/") -> str:
    """Return an absolute path without ``.``, ``..`` and doubled slashes; links are not followed."""
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{cwd}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)


class FileSystem:
    """A tree of directories, files and links with Unix modes and owners.

    Paths are absolute. Methods raise OSError with the errno Linux would give. Contents are immutable byte strings under
    inode numbers that are never used twice, so contents of the base image are shared by all devices and a snapshot
    holds only what is new.

    Attributes:
        root: the tree.
        live: hooks by path for contents kept elsewhere (open databases, files made when read).
        changes: goes up with every change.
    """

    def __init__(self, clock: Clock, base: Mapping[int, bytes] | None = None) -> None:
        self._clock = clock
        self._base = base or {}
        self._own: dict[int, bytes] = {}
        self._used = 0
        self._next = 1 + max(self._base, default=0)
        self.root: Node = [stat.S_IFDIR | 0o755, 0, 0, clock.now_us, {}]
        self.live: dict[str, Live] = {}
        self.changes = 0

    # ------------------------------------------------------------ finding

    def _find(
        self, path: str, who: Credentials = ROOT, *, follow: bool = True, make: bool = False
    ) -> tuple[Node, str, Node | None, str]:
        """Return (directory, name, node or None, real path) of a path; the directory exists, the node may not."""
        todo = [part for part in path.split("/") if part][::-1]
        trail: list[tuple[str, Node]] = [("", self.root)]
        links = 0
        while todo:
            name, here = todo.pop(), trail[-1][1]
            if not stat.S_ISDIR(here[MODE]):
                _fail(errno.ENOTDIR, path)
            self._check(here, who, 1, path)
            if name == ".":
                continue
            if name == "..":
                del trail[max(1, len(trail) - 1) :]
                continue
            node = here[PAYLOAD].get(name)
            if node is None:
                if todo:
                    _fail(errno.ENOENT, path)
                return here, name, None, _join(trail, name)
            if stat.S_ISLNK(node[MODE]) and (todo or follow):
                links += 1
                if links > MAX_LINKS:
                    _fail(errno.ELOOP, path)
                target = node[PAYLOAD]
                if target.startswith("/"):
                    del trail[1:]
                todo += [part for part in target.split("/") if part][::-1]
                continue
            trail.append((name, node))
        if len(path) > 1 and path.endswith("/") and not stat.S_ISDIR(trail[-1][1][MODE]):
            _fail(errno.ENOTDIR, path)
        parent = trail[-2][1] if len(trail) > 1 else self.root
        return parent, trail[-1][0], trail[-1][1], _join(trail[:-1], trail[-1][0])

    def _get(self, path: str, who: Credentials, *, follow: bool = True) -> tuple[Node, str]:
        _, _, node, real = self._find(path, who, follow=follow)
        if node is None:
            _fail(errno.ENOENT, path)
        return node, real

    def _check(self, node: Node, who: Credentials, want: int, path: str) -> None:
        """Raise EACCES unless `who` has the rights `want` (4 read, 2 write, 1 search) on a node."""
        if who.uid == 0:
            return
        mode = node[MODE]
        shift = 6 if node[UID] == who.uid else 3 if node[GID] in who.groups else 0
        if want & ~(mode >> shift):
            _fail(errno.EACCES, path)

    def access(self, path: str, want: int, who: Credentials = ROOT) -> bool:
        """Return whether a path exists and `who` has the rights `want` (4 read, 2 write, 1 execute, 0 none)."""
        try:
            node, _ = self._get(path, who)
            if want & 1 and who.uid == 0 and not stat.S_ISDIR(node[MODE]):
                return bool(node[MODE] & 0o111)
            self._check(node, who, want, path)
        except OSError:
            return False
        return True

    def exists(self, path: str) -> bool:
        """Return whether a path names something, links followed."""
        return self.access(path, 0)

    def is_dir(self, path: str) -> bool:
        """Return whether a path is a directory, links followed."""
        try:
            return stat.S_ISDIR(self._get(path, ROOT)[0][MODE])
        except OSError:
            return False

    def real(self, path: str, who: Credentials = ROOT) -> str:
        """Return the path with all links followed; its last part may be missing."""
        return self._find(path, who)[3]

    def stat(self, path: str, who: Credentials = ROOT, *, follow: bool = True) -> Stat:
        """Return what is known of a path; `follow=False` describes a link itself."""
        node, real = self._get(path, who, follow=follow)
        mode, uid, gid, mtime, payload = node
        if isinstance(payload, dict):
            links = 2 + sum(stat.S_ISDIR(child[MODE]) for child in payload.values())
            return Stat(mode, uid, gid, 4096, mtime, _number(real), links)
        if isinstance(payload, str):
            return Stat(mode, uid, gid, len(raw(payload)), mtime, _number(real), 1, payload)
        hook = self.live.get(real)
        if hook is not None:
            hook.save()
            payload = node[PAYLOAD]
        return Stat(mode, uid, gid, len(self._contents(payload)), mtime, payload or _number(real), 1)

    def list(self, path: str, who: Credentials = ROOT) -> list[str]:
        """Return the names in a directory, sorted by their bytes."""
        node, _ = self._get(path, who)
        if not stat.S_ISDIR(node[MODE]):
            _fail(errno.ENOTDIR, path)
        self._check(node, who, 4, path)
        return sorted(node[PAYLOAD], key=raw)

    def walk(self, path: str, who: Credentials = ROOT) -> Iterator[tuple[str, Stat]]:
        """Yield (path, stat) of a path and of everything below it, parents first, links not followed."""
        here = self.stat(path, who, follow=False)
        yield path, here
        if here.is_dir:
            for name in self.list(path, who):
                yield from self.walk(f"{path.rstrip('/')}/{name}", who)

    # ------------------------------------------------------------ contents

    def _contents(self, inode: int) -> bytes:
        found = self._own.get(inode)
        return self._base.get(inode, b"") if found is None else found

    def read(self, path: str, who: Credentials = ROOT) -> bytes:
        """Return the contents of a file."""
        node, real = self._get(path, who)
        if stat.S_ISDIR(node[MODE]):
            _fail(errno.EISDIR, path)
        self._check(node, who, 4, path)
        hook = self.live.get(real)
        if hook is not None:
            made = hook.contents()
            if made is not None:
                return made
        return self._contents(node[PAYLOAD])

    def write(
        self, path: str, data: bytes, who: Credentials = ROOT, *, append: bool = False, mode: int | None = None
    ) -> None:
        """Create a file or replace its contents.

        Args:
            append: add to the contents instead.
            mode: permission bits of a file that is created; the default is 0660 in shared storage and 0666 elsewhere.
        """
        parent, name, node, real = self._find(path, who)
        if node is not None and stat.S_ISDIR(node[MODE]):
            _fail(errno.EISDIR, path)
        if node is None:
            self._check(parent, who, 3, path)
            node = self._new(parent, name, real, who, stat.S_IFREG | (0o666 if mode is None else mode), 0)
            if mode is None and real.startswith(SHARED_STORAGE):
                node[MODE] = stat.S_IFREG | 0o660
        else:
            self._check(node, who, 2, path)
        if stat.S_ISCHR(node[MODE]):
            return
        hook = self.live.get(real)
        if hook is not None:
            hook.save()
        fresh = self._contents(node[PAYLOAD]) + data if append else bytes(data)
        if len(fresh) > MAX_FILE or self._used + len(fresh) > MAX_DISK:
            _fail(errno.ENOSPC, path)
        self._set(node, fresh)
        if hook is not None:
            hook.load(fresh)

    def _set(self, node: Node, data: bytes) -> None:
        self._drop(node[PAYLOAD])
        self._used += len(data)
        node[PAYLOAD] = self._next
        node[MTIME] = self._clock.now_us
        self._own[self._next] = data
        self._next += 1
        self.changes += 1

    def _drop(self, inode: int) -> None:
        self._used -= len(self._own.pop(inode, b""))

    def store(self, path: str, data: bytes) -> None:
        """Replace the contents of an existing file without telling its `live` hook: the hook itself calls this."""
        node, _ = self._get(path, ROOT)
        if self._contents(node[PAYLOAD]) != data:
            self._set(node, data)

    def _new(self, parent: Node, name: str, real: str, who: Credentials, mode: int, payload: Any) -> Node:
        gid = parent[GID] if parent[MODE] & stat.S_ISGID else who.uid
        node: Node = [mode, who.uid, gid, self._clock.now_us, payload]
        if len(raw(name)) > 255:
            _fail(errno.ENAMETOOLONG, real)
        parent[PAYLOAD][name] = node
        parent[MTIME] = self._clock.now_us
        self.changes += 1
        return node

    # ------------------------------------------------------------ the tree

    def mkdir(self, path: str, who: Credentials = ROOT, *, parents: bool = False, mode: int = 0o777) -> None:
        """Make a directory; with `parents` also those above it, and an existing one is no error."""
        if parents:
            steps = [part for part in path.split("/") if part]
            for count in range(1, len(steps)):
                above = "/" + "/".join(steps[:count])
                if not self.exists(above):
                    self.mkdir(above, who, mode=mode)
        parent, name, node, real = self._find(path, who, follow=False)
        if node is not None:
            if not parents or not self.is_dir(path):
                _fail(errno.EEXIST, path)
            return
        self._check(parent, who, 3, path)
        shared = real.startswith(SHARED_STORAGE)
        bits = 0o2770 if shared else mode | (parent[MODE] & stat.S_ISGID)
        self._new(parent, name, real, who, stat.S_IFDIR | bits, {})

    def symlink(self, target: str, path: str, who: Credentials = ROOT) -> None:
        """Make a symbolic link at `path`."""
        parent, name, node, real = self._find(path, who, follow=False)
        if node is not None:
            _fail(errno.EEXIST, path)
        self._check(parent, who, 3, path)
        self._new(parent, name, real, who, stat.S_IFLNK | 0o777, target)

    def device(self, path: str) -> None:
        """Make a character device, whose contents a `live` hook gives and which swallows what is written."""
        parent, name, _, real = self._find(path)
        self._new(parent, name, real, ROOT, stat.S_IFCHR | 0o666, 0)

    def remove(self, path: str, who: Credentials = ROOT, *, tree: bool = False) -> None:
        """Remove a file, a link or an empty directory; with `tree` a directory with all it holds."""
        parent, name, node, real = self._find(path, who, follow=False)
        if node is None:
            _fail(errno.ENOENT, path)
        if real == "/":
            _fail(errno.EBUSY, path)
        self._check(parent, who, 3, path)
        if stat.S_ISDIR(node[MODE]) and node[PAYLOAD]:
            if not tree:
                _fail(errno.ENOTEMPTY, path)
            for child in list(node[PAYLOAD]):
                self.remove(f"{real}/{child}", who, tree=True)
        self._forget(real)
        if isinstance(node[PAYLOAD], int):
            self._drop(node[PAYLOAD])
        del parent[PAYLOAD][name]
        parent[MTIME] = self._clock.now_us
        self.changes += 1

    def rename(self, source: str, target: str, who: Credentials = ROOT) -> None:
        """Move a path over another, as rename(2)."""
        old, name, node, real = self._find(source, who, follow=False)
        new, final, present, place = self._find(target, who, follow=False)
        if node is None:
            _fail(errno.ENOENT, source)
        if present is node:
            return
        if place.startswith(real + "/") or real == "/":
            _fail(errno.EINVAL, target)
        if real.startswith(place.rstrip("/") + "/"):
            _fail(errno.ENOTEMPTY, target)
        self._check(old, who, 3, source)
        self._check(new, who, 3, target)
        if present is not None:
            if stat.S_ISDIR(present[MODE]) != stat.S_ISDIR(node[MODE]):
                _fail(errno.EISDIR if stat.S_ISDIR(present[MODE]) else errno.ENOTDIR, target)
            self.remove(place, who)
        self._forget(real)
        del old[PAYLOAD][name]
        new[PAYLOAD][final] = node
        old[MTIME] = new[MTIME] = self._clock.now_us
        self.changes += 1

    def chmod(self, path: str, mode: int, who: Credentials = ROOT) -> None:
        """Set the permission bits of a path; only its owner and root may."""
        node, _ = self._get(path, who)
        if who.uid not in (0, node[UID]):
            _fail(errno.EPERM, path)
        node[MODE] = stat.S_IFMT(node[MODE]) | mode & 0o7777
        self.changes += 1

    def chown(self, path: str, uid: int, gid: int, who: Credentials = ROOT) -> None:
        """Set owner and group of a path (-1 leaves one); only root may."""
        node, _ = self._get(path, who, follow=False)
        if who.uid != 0:
            _fail(errno.EPERM, path)
        node[UID], node[GID] = (node[UID] if uid < 0 else uid), (node[GID] if gid < 0 else gid)
        self.changes += 1

    def touch(self, path: str, mtime_us: int | None = None, who: Credentials = ROOT) -> None:
        """Set the modification time of an existing path, by default to now."""
        node, _ = self._get(path, who)
        self._check(node, who, 2, path)
        node[MTIME] = self._clock.now_us if mtime_us is None else mtime_us
        self.changes += 1

    def _forget(self, real: str) -> None:
        """Let the live contents at or below a path write themselves back and go."""
        for place in [place for place in self.live if place == real or place.startswith(real + "/")]:
            hook = self.live[place]
            hook.save()
            hook.close()

    # ------------------------------------------------------------ bytes

    def save(self) -> None:
        """Write every open database back into its file."""
        for hook in list(self.live.values()):
            hook.save()

    def export(self) -> tuple[Node, dict[int, bytes], int]:
        """Return the tree, the contents that the base image lacks and the next inode, as plain data."""
        self.save()
        return self.root, self._own, self._next

    def load(self, data: tuple[Node, dict[int, bytes], int]) -> None:
        """Take over what `export` returned (and marshal copied); open databases follow their files."""
        old_own, self._own = self._own, data[1]
        self.root, _, self._next = data
        self._used = sum(map(len, self._own.values()))
        for inode, content in self._own.items():  # equal contents are kept once, whoever holds them
            if old_own.get(inode) == content:
                self._own[inode] = old_own[inode]
        for path, hook in list(self.live.items()):
            try:
                node, real = self._get(path, ROOT)
            except OSError:
                node, real = None, ""
            if node is None or real != path or not isinstance(node[PAYLOAD], int):
                hook.close()
            else:
                hook.load(self._contents(node[PAYLOAD]))
        self.changes += 1

    def contents(self) -> dict[int, bytes]:
        """Return all contents by inode: the base image of further devices, taken while this one is new."""
        return {**self._base, **self._own}


class Live:
    """Contents of one path that live outside the tree."""

    def contents(self) -> bytes | None:
        """Return the contents if they are never in the tree; else bring the tree up to date."""
        self.save()
        return None

    def save(self) -> None:
        """Bring the tree up to date."""

    def load(self, data: bytes) -> None:
        """The file was replaced by `data`."""

    def close(self) -> None:
        """The path is gone."""


class Made(Live):
    """A file whose contents are made when read, as in /proc and /dev."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make

    def contents(self) -> bytes | None:
        """Return the contents of this moment."""
        return self._make()


def _join(trail: list[tuple[str, Node]], name: str) -> str:
    """Return the path of `name` in the directory at the end of a trail, which begins with the root's empty name."""
    return "/".join([*(part for part, _ in trail), name]) if name else "/"


def _number(path: str) -> int:
    """Return a stable inode number for what has no contents of its own."""
    return 0x10000 + zlib.crc32(raw(path)) % 0xF00000
