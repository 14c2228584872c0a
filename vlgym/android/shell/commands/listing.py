"""What tells of files: ls, stat, du, df, readlink, realpath, basename, dirname."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.users import name_of
from vlgym.android.shell.io import encode
from vlgym.android.state.files import Stat

_TYPES = {0o040000: "d", 0o120000: "l", 0o020000: "c", 0o060000: "b", 0o010000: "p", 0o140000: "s"}
_KINDS = {"d": "directory", "l": "symbolic link", "c": "character device", "-": "regular file"}


def mode_text(mode: int) -> str:
    """Return mode bits as ``drwxr-x--x``."""
    text = _TYPES.get(mode & 0o170000, "-")
    for shift, special, letter in ((6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")):
        bits = mode >> shift & 7
        text += ("r" if bits & 4 else "-") + ("w" if bits & 2 else "-")
        execute = "x" if bits & 1 else "-"
        if mode & special:
            execute = letter if bits & 1 else letter.upper()
        text += execute
    return text


def human(size: int) -> str:
    """Return a size as ``ls -h`` shows it."""
    if size < 1000:
        return str(size)
    value, units = float(size) / 1024, "KMGT"
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1024, units[1:]
    unit = units[0]
    return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"


def _blocks(found: Stat) -> int:
    return 4 * -(-found.size // 4096)


def ls(call: Call) -> int:
    """List files."""
    flags, names = call.options("ACFHLNRSZabcdfghiklmnopqrstuwx1")
    plain: list[tuple[str, Stat]] = []
    folders: list[tuple[str, Stat]] = []
    for name in sorted(names or ["."], key=encode):
        try:
            follow = not ({"l", "d", "F"} & set(flags)) or "L" in flags or "H" in flags or name.endswith("/")
            found = call.attempt(name, partial(_stat, call, follow=follow))
            (folders if found.is_dir and "d" not in flags else plain).append((name, found))
        except OSError as error:
            call.fail(f"{error.filename}: {error.strerror}")
    _show(call, flags, plain)
    headed = len(names) > 1 or "R" in flags
    for number, (name, _) in enumerate(folders):
        _folder(call, flags, name, headed, number > 0 or bool(plain))
    return call.code


def _stat(call: Call, path: str, follow: bool) -> Stat:
    try:
        return call.files.stat(path, call.user, follow=follow)
    except FileNotFoundError:
        return call.files.stat(path, call.user, follow=False)


def _folder(call: Call, flags: dict[str, str], folder: str, headed: bool, spaced: bool) -> None:
    try:
        names = call.attempt(folder, lambda path: call.files.list(path, call.user))
    except OSError as error:
        call.fail(f"{error.filename}: {error.strerror}")
        return
    if "a" in flags or "f" in flags:
        names = [".", "..", *names]
    elif "A" not in flags:
        names = [name for name in names if not name.startswith(".")]
    if headed:
        call.write(("\n" if spaced else "") + f"{folder}:\n")
    entries = [(name, _stat(call, f"{call.path(folder)}/{name}", "L" in flags)) for name in names]
    if {"l", "s", "o", "g", "n"} & set(flags):
        call.line(f"total {sum(_blocks(found) for _, found in entries)}")
    _show(call, flags, entries, folder)
    if "R" in flags:
        for name, found in _sorted(flags, entries):
            if found.is_dir and name not in (".", ".."):
                _folder(call, flags, f"{folder.rstrip('/')}/{name}", True, True)


def _sorted(flags: dict[str, str], entries: list[tuple[str, Stat]]) -> list[tuple[str, Stat]]:
    if "f" in flags:
        return entries
    entries = sorted(entries, key=lambda entry: encode(entry[0]))
    if "S" in flags:
        entries.sort(key=lambda entry: -entry[1].size)
    if "t" in flags:
        entries.sort(key=lambda entry: -entry[1].mtime_us)
    return entries[::-1] if "r" in flags else entries


def _show(call: Call, flags: dict[str, str], entries: list[tuple[str, Stat]], folder: str = "") -> None:
    entries = _sorted(flags, entries)
    shown = [(_decorated(flags, name, found), found, _target(flags, found)) for name, found in entries]
    front = ["" for _ in shown]
    columns: dict[str, Callable[[Stat], str]] = {"i": lambda s: str(s.inode), "s": lambda s: str(_blocks(s))}
    for letter, value in columns.items():
        if letter in flags:
            width = max((len(value(found)) for _, found, _ in shown), default=0)
            front = [text + f"{value(found):>{width}} " for text, (_, found, _) in zip(front, shown)]
    if {"l", "o", "g", "n"} & set(flags):
        rows = [_columns(call, flags, found) for _, found, _ in shown]
        widths = [max((len(row[place]) for row in rows), default=0) for place in range(6)]
        for text, row, (name, _, target) in zip(front, rows, shown):
            cells = [row[0], f"{row[1]:>{widths[1]}}"]
            cells += [f"{row[place]:<{widths[place]}}" for place in (2, 3) if row[place]]
            cells += [f"{row[4]:>{widths[4]}}", row[5], name]
            call.line(text + " ".join(cells) + target)
    elif "m" in flags:
        call.line(", ".join(text + name for text, (name, _, _) in zip(front, shown)))
    elif ("C" in flags or "x" in flags) and shown:
        call.line("  ".join(text + name for text, (name, _, _) in zip(front, shown)))
    else:
        for text, (name, _, _) in zip(front, shown):
            call.line(text + name)


def _decorated(flags: dict[str, str], name: str, found: Stat) -> str:
    if "F" in flags or "p" in flags:
        if found.is_dir:
            return name + "/"
        if "F" in flags:
            return name + ("@" if found.is_link else "*" if found.mode & 0o111 else "")
    return name


def _target(flags: dict[str, str], found: Stat) -> str:
    return f" -> {found.target}" if found.is_link and "l" in flags else ""


def _columns(call: Call, flags: dict[str, str], found: Stat) -> list[str]:
    owner, group = (str(found.uid), str(found.gid)) if "n" in flags else (name_of(found.uid), name_of(found.gid))
    size = human(found.size) if "h" in flags else str(found.size)
    if "Z" in flags:
        group += " u:object_r:system_file:s0"
    return [
        mode_text(found.mode), str(found.links), "" if "g" in flags else owner, "" if "o" in flags else group, size,
        _when(call, found, len(flags.get("l", ""))),
    ]  # fmt: skip


def _when(call: Call, found: Stat, detail: int) -> str:
    moment: datetime = call.state.clock.local(found.mtime_us)
    if detail > 1:
        return f"{moment:%Y-%m-%d %H:%M:%S}.{found.mtime_us % 1_000_000:06d}000 {moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M}"


def stat(call: Call) -> int:
    """Tell everything of files."""
    flags, names = call.options("Lft", "c")
    if not names:
        return call.fail('Needs 1 argument (see "stat --help")')
    for name in names:
        try:
            found = call.attempt(name, lambda path: call.files.stat(path, call.user, follow="L" in flags))
        except OSError as error:
            call.fail(f"'{error.filename}': {error.strerror}")
            continue
        if "c" in flags:
            call.line(_formatted(call, flags["c"], name, found))
            continue
        kind = _KINDS.get(mode_text(found.mode)[0], "regular file")
        kind = "regular empty file" if kind == "regular file" and not found.size else kind
        link = f" -> '{found.target}'" if found.is_link else ""
        call.line(_formatted(call, f"  File: '%n'{link}\n  Size: %s\t Blocks: %b\t IO Blocks: 4096\t{kind}\n"
                             "Device: %dd\t Inode: %i\t Links: %h\n"
                             "Access: (%a/%A)\tUid: (%5u/%8U)\tGid: (%5g/%8G)\n"
                             "Access: %x\nModify: %y\nChange: %z", name, found))  # fmt: skip
    return call.code


def _formatted(call: Call, pattern: str, name: str, found: Stat) -> str:
    full = _when(call, found, 2)
    values = {
        "a": f"{found.mode & 0o7777:o}", "A": mode_text(found.mode), "b": str(_blocks(found) * 2), "B": "512",
        "d": "64512", "f": f"{found.mode:x}", "F": _KINDS.get(mode_text(found.mode)[0], "regular file"),
        "g": str(found.gid), "G": name_of(found.gid), "h": str(found.links), "i": str(found.inode), "n": name,
        "N": f"'{name}'", "o": "4096", "s": str(found.size), "u": str(found.uid), "U": name_of(found.uid),
        "x": full, "y": full, "z": full, "X": str(found.mtime_us // 1_000_000), "Y": str(found.mtime_us // 1_000_000),
        "Z": str(found.mtime_us // 1_000_000), "%": "%",
    }  # fmt: skip
    if values["F"] == "regular file" and not found.size:
        values["F"] = "regular empty file"
    return re.sub(r"%(\d*)(.)", lambda m: values.get(m[2], "?").rjust(int(m[1] or 0)), pattern)


def du(call: Call) -> int:
    """Sum up the room that files take, in kilobytes."""
    flags, names = call.options("achkLHmslx", "d")
    for name in names or ["."]:
        try:
            found = call.attempt(name, lambda path: list(call.files.walk(path, call.user)))
        except OSError as error:
            call.fail(f"{error.filename}: {error.strerror}")
            continue
        sums: dict[str, int] = {}
        for path, here in found:
            folder = path if here.is_dir else path.rpartition("/")[0]
            while True:
                sums[folder] = sums.get(folder, 0) + _blocks(here)
                if len(folder) <= len(found[0][0]):
                    break
                folder = folder.rpartition("/")[0]
        start = found[0][0]
        depth = 0 if "s" in flags else int(flags["d"]) if flags.get("d", "").isdigit() else 10**6
        for path, here in reversed(found):
            deep = path[len(start) :].count("/")
            if deep <= depth and (here.is_dir or "a" in flags or path == start):
                size = sums[path] if here.is_dir else _blocks(here)
                call.line(f"{human(size * 1024) if 'h' in flags else size}\t{name}{path[len(start) :]}")
    return call.code


def df(call: Call) -> int:
    """Tell how full the disks are."""
    flags, _ = call.options("HPkhait", "")
    used = sum(_blocks(found) for _, found in call.files.walk("/data")) + 1_500_000
    rows = [("/dev/block/dm-0", 900_000, 897_212, "/"), ("tmpfs", 1_015_808, 1_120, "/dev"),
            ("/dev/block/dm-5", 6_082_144, used, "/data"),
            ("/dev/fuse", 6_082_144, used, "/storage/emulated")]  # fmt: skip
    title = "Size  Used Avail" if "h" in flags else "1K-blocks    Used Available"
    call.line(f"Filesystem      {title} Use% Mounted on")
    for device, size, taken, place in rows:
        cells = (size, taken, size - taken)
        if "h" in flags:
            columns = " ".join(f"{human(cell * 1024):>5}" for cell in cells)
        else:
            columns = f"{cells[0]:>9} {cells[1]:>7} {cells[2]:>9}"
        call.line(f"{device:<15} {columns} {-(-100 * taken // size):>3}% {place}")
    return 0


def readlink(call: Call) -> int:
    """Print what links point to; -f the canonical path."""
    flags, names = call.options("femnqz")
    for name in names:
        try:
            if "f" in flags or "e" in flags or "m" in flags:
                call.line(call.attempt(name, lambda path: call.files.real(path, call.user)))
                if "e" in flags and not call.files.exists(call.path(name)):
                    call.code = 1
            else:
                found = call.attempt(name, lambda path: call.files.stat(path, call.user, follow=False))
                if not found.is_link:
                    call.code = 1
                else:
                    call.write(found.target + ("" if "n" in flags else "\n"))
        except OSError:
            call.code = 1
    return call.code


def realpath(call: Call) -> int:
    """Print canonical paths of what exists."""
    _, names = call.options("emqsz")
    for name in names:
        path = call.attempt(name, lambda path: call.files.real(path, call.user))
        call.attempt(name, lambda path: call.files.stat(path, call.user))
        call.line(path)
    return 0


def basename(call: Call) -> int:
    """Print the last part of paths."""
    flags, words = call.options("a", "s")
    if not words:
        return call.fail('Needs 1 argument (see "basename --help")')
    several = "a" in flags or "s" in flags
    suffix = flags.get("s", "") if several else (words[1] if len(words) > 1 else "")
    for word in words if several else words[:1]:
        name = word.rstrip("/").rpartition("/")[2] or ("/" if word else "")
        call.line(name.removesuffix(suffix) if suffix and name != suffix else name)
    return 0


def dirname(call: Call) -> int:
    """Print paths without their last part."""
    if not call.words:
        return call.fail('Needs 1 argument (see "dirname --help")')
    for word in call.words:
        head, slash, _ = word.rstrip("/").rpartition("/")
        call.line(head.rstrip("/") or ("/" if slash or word.startswith("/") else "."))
    return 0


COMMANDS = {"ls": ls, "stat": stat, "du": du, "df": df, "readlink": readlink, "realpath": realpath,
            "basename": basename, "dirname": dirname}  # fmt: skip
