"""What changes files: cp, mv, rm, mkdir, touch, ln, chmod, chown and their kin."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.commands.users import number_of
from vlgym.android.state.files import Stat


def _complain(call: Call, error: OSError) -> None:
    call.fail(f"{error.filename}: {error.strerror}")


def _target(call: Call, name: str, source: str) -> str:
    """Return where a source goes: into a folder of that name, or to that name."""
    if call.files.is_dir(call.path(name)):
        last = source.rstrip("/").rpartition("/")[2]
        return name.rstrip("/") + ("" if last in (".", "..", "") else f"/{last}")
    return name


def cp(call: Call) -> int:
    """Copy files."""
    flags, names = call.options("DHLPRTadfinprsv", "t")
    target = flags.get("t") or (names.pop() if len(names) > 1 else "")
    if not names or not target:
        return call.fail('Needs 2 arguments (see "cp --help")')
    if len(names) > 1 and not call.files.is_dir(call.path(target)):
        return call.fail(f"'{target}' not directory")
    for name in names:
        _copy(call, flags, name, _target(call, target, name))
    return call.code


def _copy(call: Call, flags: dict[str, str], source: str, target: str) -> None:
    keep = bool({"a", "p"} & set(flags))
    deep = bool({"a", "r", "R"} & set(flags))
    follow = not ({"a", "d", "P", "r", "R"} & set(flags)) or "L" in flags
    try:
        here = call.attempt(source, lambda path: call.files.stat(path, call.user, follow=follow))
        if here.is_dir:
            if not deep:
                call.fail(f"Skipped dir '{source}'")
                return
            inside = call.files.real(call.path(target)) + "/"
            if inside.startswith(call.files.real(call.path(source)).rstrip("/") + "/") and target != source:
                call.fail(f"'{source}' is subdir of itself")
                return
            if not call.files.is_dir(call.path(target)):
                call.attempt(target, lambda path: call.files.mkdir(path, call.user, mode=here.mode & 0o777))
            for name in call.attempt(source, lambda path: call.files.list(path, call.user)):
                _copy(call, flags, f"{source.rstrip('/')}/{name}", f"{target.rstrip('/')}/{name}")
        elif here.is_link:
            if call.shell.exists(target):
                call.files.remove(call.path(target), call.user)
            call.attempt(target, lambda path: call.files.symlink(here.target, path, call.user))
            return
        else:
            if "n" in flags and call.files.exists(call.path(target)):
                return
            data = call.attempt(source, lambda path: call.files.read(path, call.user))
            call.attempt(target, lambda path: call.files.write(path, data, call.user, mode=_mode(path, here)))
        if "v" in flags:
            call.line(f"cp '{source}' -> '{target}'")
        if keep:
            _keep(call, here, call.path(target))
    except OSError as error:
        _complain(call, error)


def _mode(path: str, here: Stat) -> int | None:
    return None if path.startswith(("/storage", "/sdcard")) else here.mode & 0o777


def _keep(call: Call, here: Stat, path: str) -> None:
    """Give a copy the original's mode, time and, where root copies, owner."""
    if call.user.uid == 0:
        call.files.chown(path, here.uid, here.gid)
        call.files.chmod(path, here.mode & 0o7777)
    call.files.touch(path, here.mtime_us)


def mv(call: Call) -> int:
    """Move or rename files."""
    flags, names = call.options("finTv", "t")
    target = flags.get("t") or (names.pop() if len(names) > 1 else "")
    if not names or not target:
        return call.fail('Needs 2 arguments (see "mv --help")')
    if len(names) > 1 and not call.files.is_dir(call.path(target)):
        return call.fail(f"'{target}' not directory")
    for name in names:
        place = _target(call, target, name)
        if "n" in flags and call.files.exists(call.path(place)):
            continue
        try:
            call.attempt(name, lambda path: call.files.stat(path, call.user, follow=False))
            call.attempt(name, partial(call.files.rename, target=call.path(place), who=call.user))
            if "v" in flags:
                call.line(f"mv '{name}' -> '{place}'")
        except OSError as error:
            _complain(call, error)
    return call.code


def rm(call: Call) -> int:
    """Remove files."""
    flags, names = call.options("firRv")
    deep = "r" in flags or "R" in flags
    if not names and "f" not in flags:
        return call.fail('Needs 1 argument (see "rm --help")')
    for name in names:
        if name.rstrip("/").rpartition("/")[2] in (".", "..") or not name.strip("/"):
            call.fail(f"{name}: Is a directory" if name.strip("/.") else f"bad path '{name}'")
            continue
        try:
            found = call.attempt(name, lambda path: call.files.stat(path, call.user, follow=False))
            if found.is_dir and not deep:
                call.fail(f"{name}: Is a directory")
                continue
            call.attempt(name, lambda path: call.files.remove(path, call.user, tree=True))
            if "v" in flags:
                call.line(f"rm '{name}'" if not found.is_dir else f"rmdir '{name}'")
        except FileNotFoundError as error:
            if "f" not in flags:
                _complain(call, error)
        except OSError as error:
            _complain(call, error)
    return call.code


def unlink(call: Call) -> int:
    """Remove one file."""
    if len(call.words) != 1:
        return call.fail('Needs 1 argument (see "unlink --help")')
    if call.attempt(call.words[0], lambda path: call.files.stat(path, call.user, follow=False)).is_dir:
        return call.fail(f"couldn't unlink '{call.words[0]}': Is a directory")
    call.attempt(call.words[0], lambda path: call.files.remove(path, call.user))
    return 0


def mkdir(call: Call) -> int:
    """Make folders."""
    flags, names = call.options("pvZ", "m")
    if not names:
        return call.fail('Needs 1 argument (see "mkdir --help")')
    for name in names:
        try:
            mode = int(flags["m"], 8) if "m" in flags else 0o777
            call.attempt(name, partial(call.files.mkdir, who=call.user, parents="p" in flags, mode=mode))
            if "v" in flags:
                call.line(f"mkdir: created directory '{name}'")
        except ValueError:
            return call.fail(f"bad mode '{flags['m']}'")
        except OSError as error:
            call.fail(f"'{error.filename}': {error.strerror}")
    return call.code


def rmdir(call: Call) -> int:
    """Remove empty folders."""
    flags, names = call.options("p")
    for name in names:
        parts = name.rstrip("/").split("/")
        for count in range(len(parts), 0, -1):
            path = "/".join(parts[:count])
            try:
                if not call.attempt(path, lambda place: call.files.stat(place, call.user, follow=False)).is_dir:
                    raise NotADirectoryError(20, "Not a directory", path)
                call.attempt(path, lambda place: call.files.remove(place, call.user))
            except OSError as error:
                call.fail(f"'{error.filename}': {error.strerror}")
                break
            if "p" not in flags:
                break
    return call.code


def touch(call: Call) -> int:
    """Make files, or set their time."""
    flags, names = call.options("acmhv", "drt")
    moment = call.state.clock.now_us
    if "d" in flags or "t" in flags:
        found = _moment(call, flags.get("d") or flags["t"], stamp="t" in flags)
        if found is None:
            return call.fail(f"bad '{flags.get('d') or flags['t']}'")
        moment = found
    if "r" in flags:
        moment = call.attempt(flags["r"], lambda path: call.files.stat(path, call.user)).mtime_us
    for name in names:
        try:
            if not call.files.exists(call.path(name)):
                if "c" in flags:
                    continue
                call.attempt(name, lambda path: call.files.write(path, b"", call.user))
            call.attempt(name, lambda path: call.files.touch(path, moment, call.user))
        except OSError as error:
            call.fail(f"'{error.filename}': {error.strerror}")
    return call.code


def _moment(call: Call, text: str, *, stamp: bool) -> int | None:
    """Return the microseconds of a time as `touch -d` or `touch -t` takes it."""
    if match := re.fullmatch(r"@(-?\d{1,11})", text):
        return int(match[1]) * 1_000_000
    now = call.state.clock.local()
    forms = (
        ("%Y%m%d%H%M.%S", "%Y%m%d%H%M", "%y%m%d%H%M.%S", "%y%m%d%H%M")
        if stamp
        else (
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d",
        )
    )
    if stamp and re.fullmatch(r"\d{8}(\.\d\d)?", text):
        text = f"{now.year}{text}"
    for form in forms:
        try:
            naive = datetime.strptime(text, form)
        except ValueError:
            continue
        aware = naive.replace(tzinfo=UTC) if form.endswith("Z") else call.state.clock.from_local(naive)
        return int(aware.timestamp()) * 1_000_000
    return None


def ln(call: Call) -> int:
    """Make links; a hard one is a copy here."""
    flags, names = call.options("sfnrvT", "t")
    if not names:
        return call.fail('Needs 1 argument (see "ln --help")')
    target = flags.get("t") or (names.pop() if len(names) > 1 else ".")
    for name in names:
        place = _target(call, target, name) if "n" not in flags or not call.shell.exists(target) else target
        try:
            if "f" in flags and call.shell.exists(place):
                call.files.remove(call.path(place), call.user)
            if "s" in flags:
                call.attempt(place, partial(call.files.symlink, name, who=call.user))
            else:
                data = call.attempt(name, lambda path: call.files.read(path, call.user))
                call.attempt(place, partial(call.files.write, data=data, who=call.user))
        except OSError as error:
            call.fail(f"cannot create {'symbolic' if 's' in flags else 'hard'} link from '{name}' to '{place}': "
                      f"{error.strerror}")  # fmt: skip
    return call.code


def new_mode(text: str, old: int, *, folder: bool) -> int:
    """Return mode bits changed as chmod's argument says; raises Usage."""
    if re.fullmatch(r"[0-7]{1,4}", text):
        return int(text, 8)
    for clause in text.split(","):
        match = re.fullmatch(r"([ugoa]*)([-+=])([rwxXst]*|[ugo])", clause)
        if match is None:
            raise Usage(f"bad mode '{text}'")
        who = match[1].replace("a", "ugo") or "ugo"
        bits = 0
        for person, shift in (("u", 6), ("g", 3), ("o", 0)):
            if person not in who:
                continue
            if match[3] in ("u", "g", "o") and match[3]:
                rights = old >> {"u": 6, "g": 3, "o": 0}[match[3]] & 7
            else:
                rights = sum(value for letter, value in (("r", 4), ("w", 2), ("x", 1)) if letter in match[3])
                rights |= int("X" in match[3] and (folder or bool(old & 0o111)))
            bits |= rights << shift
            bits |= 0o4000 * ("s" in match[3] and person == "u") | 0o2000 * ("s" in match[3] and person == "g")
        bits |= 0o1000 * ("t" in match[3])
        mask = sum(7 << shift for person, shift in (("u", 6), ("g", 3), ("o", 0)) if person in who)
        old = old | bits if match[2] == "+" else old & ~bits if match[2] == "-" else old & ~mask | bits
    return old


def chmod(call: Call) -> int:
    """Change modes; the mode may look like an option (-w) or follow the flags."""
    words = call.words
    deep = any(re.fullmatch(r"-[fvR]+", word) and "R" in word for word in words)
    words = [word for word in words if not re.fullmatch(r"-[fvR]+", word)]
    if len(words) < 2:
        return call.fail('Needs 2 arguments (see "chmod --help")')
    mode, *names = words
    for name in names:
        try:
            places = call.attempt(name, lambda path: list(call.files.walk(path, call.user)) if deep else [(path, None)])
            for path, _ in places:
                here = call.files.stat(path, call.user)
                call.files.chmod(path, new_mode(mode, here.mode & 0o7777, folder=here.is_dir), call.user)
        except OSError as error:
            call.fail(f"{'chmod ' if error.errno == 1 else ''}{name}: {error.strerror}")
    return call.code


def chown(call: Call) -> int:
    """Change owners (chown) or groups (chgrp)."""
    flags, words = call.options("hfRvHLP")
    if len(words) < 2:
        return call.fail(f'Needs 2 arguments (see "{call.name} --help")')
    who, *names = words
    owner, _, group = (who.replace(".", ":", 1) if call.name == "chown" else ":" + who).partition(":")
    try:
        uid, gid = (number_of(text) if text else -1 for text in (owner, group))
    except KeyError:
        return call.fail(f"no user '{who}'")
    for name in names:
        try:
            places = call.attempt(name, lambda path: list(call.files.walk(path, call.user)) if "R" in flags
                                  else [(path, call.files.stat(path, call.user))])  # fmt: skip
            for path, _ in places:
                call.files.chown(path, uid, gid, call.user)
        except OSError as error:
            call.fail(f"'{name}' to '{who}': {error.strerror}")
    return call.code


def relabel(call: Call) -> int:
    """Check that files exist; they have no security labels to restore (restorecon, chcon)."""
    names = [word for word in call.words if not word.startswith("-")][int(call.name == "chcon") :]
    for name in names:
        if not call.shell.exists(name):
            call.fail(f"{name}: No such file or directory")
    return call.code


def mktemp(call: Call) -> int:
    """Make a file of a new name."""
    flags, names = call.options("dqtu", "p")
    pattern = names[0] if names else "tmp.XXXXXXXXXX"
    folder = flags.get("p") or (
        "" if names and "t" not in flags else call.shell.variables.get("TMPDIR", "/data/local/tmp")
    )
    match = re.search(r"X+$", pattern)
    if match is None or len(match[0]) < 3:
        return call.fail("need XXX")
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    tail = "".join(letters[call.state.random.below(len(letters))] for _ in match[0])
    name = (folder.rstrip("/") + "/" if folder else "") + pattern[: match.start()] + tail
    if "u" not in flags and "d" in flags:
        call.attempt(name, lambda path: call.files.mkdir(path, call.user, mode=0o700))
    elif "u" not in flags:
        call.attempt(name, lambda path: call.files.write(path, b"", call.user, mode=0o600))
    call.line(name)
    return 0


def sync(_: Call) -> int:
    """Nothing is held back."""
    return 0


COMMANDS = {"cp": cp, "mv": mv, "rm": rm, "unlink": unlink, "mkdir": mkdir, "rmdir": rmdir, "touch": touch, "ln": ln,
            "chmod": chmod, "chown": chown, "chgrp": chown, "restorecon": relabel, "chcon": relabel, "mktemp": mktemp,
            "sync": sync, "fsync": sync}  # fmt: skip
