"""What tells of the system: date, id, ps, getprop, uname and their kin."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from vlgym.android.shell.builtins import BUILTINS
from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.commands.users import name_of, number_of
from vlgym.android.state.files import Credentials

MAX_SLEEP = 3600.0


def date(call: Call) -> int:
    """Print or set the clock: ``date``, ``date +%s``, ``date MMDDhhmm[[CC]YY][.ss]``, ``date @SECONDS``."""
    flags, words = call.options("u", "dDrs")
    clock = call.state.clock
    moment = clock.utc() if "u" in flags else clock.local()
    if "d" in flags or "r" in flags:
        if "r" in flags:
            micros = call.attempt(flags["r"], lambda path: call.files.stat(path, call.user)).mtime_us
            moment = clock.utc(micros) if "u" in flags else clock.local(micros)
        else:
            found = _parsed(call, flags["d"])
            if found is None:
                return call.fail(f"bad date '{flags['d']}'")
            moment = found.astimezone(UTC) if "u" in flags else found
    pattern = next((word[1:] for word in words if word.startswith("+")), None)
    setting = flags.get("s") or next((word for word in words if not word.startswith("+")), None)
    if setting is not None:
        found = _parsed(call, setting)
        if found is None:
            return call.fail(f"bad date '{setting}'")
        if call.user.uid != 0:
            return call.fail("cannot set date: Operation not permitted")
        clock.set(found)
        moment = clock.local()
        if pattern is None and "s" not in flags:
            pattern = "%a %b %d %H:%M:%S %Z %Y"
    call.line(_strftime(moment, pattern if pattern is not None else "%a %b %e %H:%M:%S %Z %Y"))
    return 0


def _strftime(moment: datetime, pattern: str) -> str:
    days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()
    months = "January February March April May June July August September October November December".split()
    weekday = (moment.weekday() + 1) % 7
    values = {
        "a": days[weekday][:3],
        "A": days[weekday],
        "b": months[moment.month - 1][:3],
        "h": months[moment.month - 1][:3],
        "B": months[moment.month - 1],
        "e": f"{moment.day:>2}",
        "s": str(int(moment.timestamp())),
        "n": "\n",
        "t": "\t",
        "N": f"{moment.microsecond:06d}000",
        "Z": moment.tzname() or "UTC",
        "%": "%",
        "P": "am" if moment.hour < 12 else "pm",
        "p": "AM" if moment.hour < 12 else "PM",
        "k": f"{moment.hour:>2}",
        "l": f"{(moment.hour + 11) % 12 + 1:>2}",
        "C": f"{moment.year // 100:02d}",
        "D": f"{moment:%m/%d/%y}",
        "F": f"{moment:%Y-%m-%d}",
        "T": f"{moment:%H:%M:%S}",
        "R": f"{moment:%H:%M}",
        "c": f"{days[weekday][:3]} {months[moment.month - 1][:3]} {moment.day:>2} {moment:%H:%M:%S %Y}",
        "x": f"{moment:%m/%d/%y}",
        "X": f"{moment:%H:%M:%S}",
        "r": f"{(moment.hour + 11) % 12 + 1:02d}{moment:%M:%S}",
    }
    values["r"] = f"{(moment.hour + 11) % 12 + 1:02d}:{moment:%M:%S} {values['p']}"

    def one(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in values:
            return values[letter]
        return moment.strftime("%" + letter) if letter in "dHIjmMSuUVwWyYzgG" else "%" + letter

    return re.sub(r"%(.)", one, pattern, flags=re.DOTALL)


def _parsed(call: Call, text: str) -> datetime | None:
    clock = call.state.clock
    try:
        if match := re.fullmatch(r"@(-?\d{1,12})(\.\d+)?", text):
            return clock.local(int(match[1]) * 1_000_000)
        if match := re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d(?:\d\d)?)?(?:\.(\d\d))?", text):
            month, day, hour, minute, second = (int(part or 0) for part in (*match.groups()[:4], match[6]))
            now = clock.local()
            year = int(match[5]) if match[5] else now.year
            year += 0 if year > 99 else 1900 if year > 68 else 2000
            return clock.from_local(datetime(year, month, day, hour, minute, second))
        for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%H:%M:%S", "%H:%M"):
            try:
                naive = datetime.strptime(text, form)
            except ValueError:
                continue
            if form.startswith("%H"):
                now = clock.local()
                naive = naive.replace(year=now.year, month=now.month, day=now.day)
            return clock.from_local(naive)
    except (ValueError, OverflowError):
        return None
    return None


def sleep(call: Call) -> int:
    """Let the device's time pass."""
    total = 0.0
    for word in call.words:
        match = re.fullmatch(r"(\d*\.?\d+)([smhd]?)", word)
        if match is None:
            return call.fail(f"bad time '{word}'")
        scale = 1e-6 if call.name == "usleep" else {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
        total += float(match[1]) * scale
    call.device.advance(min(total, MAX_SLEEP))
    return 0


def id_(call: Call) -> int:
    """Print user and group."""
    flags, words = call.options("GZgnru")
    try:
        user = Credentials(number_of(words[0])) if words else call.user
    except KeyError:
        return call.fail(f"no such user '{words[0]}'")
    show = name_of if "n" in flags else str
    if "u" in flags or "g" in flags:
        call.line(show(user.uid))
    elif "G" in flags:
        call.line(" ".join(show(group) for group in sorted({user.uid, *user.groups})))
    elif "Z" in flags:
        call.line("u:r:su:s0" if user.uid == 0 else "u:r:shell:s0")
    else:
        groups = ",".join(f"{group}({name_of(group)})" for group in sorted({user.uid, *user.groups}))
        label = "su" if user.uid == 0 else "shell"
        name = name_of(user.uid)
        call.line(f"uid={user.uid}({name}) gid={user.uid}({name}) groups={groups} context=u:r:{label}:s0")
    return 0


def whoami(call: Call) -> int:
    """Print the user's name (whoami, logname) or groups (groups)."""
    if call.name == "groups":
        call.line(" ".join(name_of(group) for group in sorted({call.user.uid, *call.user.groups})))
    else:
        call.line(name_of(call.user.uid))
    return 0


def uname(call: Call) -> int:
    """Print the name of the system."""
    flags, _ = call.options("amnorsv")
    values = {
        "s": "Linux",
        "n": "localhost",
        "r": "5.15.41-android13-8-gxxxxx",
        "v": "#1 SMP PREEMPT Thu Sep 22 00:00:00 UTC 2022",
        "m": "x86_64",
        "o": "Android",
    }
    chosen = "snrvmo" if "a" in flags else "".join(letter for letter in "snrvmo" if letter in flags) or "s"
    call.line(" ".join(values[letter] for letter in chosen))
    return 0


def hostname(call: Call) -> int:
    """Print the host's name."""
    call.line("localhost")
    return 0


def env(call: Call) -> int:
    """Print the environment, or run a command with variables added to it."""
    shell, words = call.shell, list(call.words)
    keep = dict(shell.variables), set(shell.exported)
    while words and (words[0] in ("-i", "-0") or re.match(r"[A-Za-z_]\w*=", words[0])):
        word = words.pop(0)
        if "=" in word:
            name, _, value = word.partition("=")
            shell.variables[name] = value
            shell.exported.add(name)
        elif word == "-i":
            shell.exported = set()
    try:
        if words:
            return shell.invoke(words, functions=False, source=call.source)
        for name, value in shell.environment().items():
            call.line(f"{name}={value}")
    finally:
        shell.variables, shell.exported = keep
    return 0


def printenv(call: Call) -> int:
    """Print variables of the environment."""
    found = call.shell.environment()
    names = [word for word in call.words if not word.startswith("-")]
    for name in names or found:
        if name in found:
            call.line(found[name] if names else f"{name}={found[name]}")
        else:
            call.code = 1
    return call.code


def getprop(call: Call) -> int:
    """Print a system property, or all."""
    properties = call.state.properties
    words = [word for word in call.words if not word.startswith("-")]
    if words:
        call.line(properties.get(words[0], words[1] if len(words) > 1 else ""))
    else:
        for name in sorted(properties):
            call.line(f"[{name}]: [{properties[name]}]")
    return 0


def setprop(call: Call) -> int:
    """Set a system property; those of the build are fixed."""
    if len(call.words) != 2:
        return call.fail('Needs 2 arguments (see "setprop --help")')
    name, value = call.words
    if name.startswith("ro.") or (
        call.user.uid != 0 and not name.startswith(("debug.", "log.", "persist.log.", "sys.powerctl"))
    ):
        return call.fail(f"failed to set property '{name}' to '{value}'")
    if name == "persist.sys.timezone" and not call.state.set_time_zone(value):
        return call.fail(f"failed to set property '{name}' to '{value}'")
    call.state.properties[name] = value
    return 0


def ps(call: Call) -> int:
    """List processes."""
    flags, _ = call.options("AaefTwZlnM", "optugk")
    names = flags.get("o", "USER,PID,PPID,VSZ,RSS,WCHAN,ADDR,S,NAME").upper().replace("ARGS", "NAME").split(",")
    rows = [
        *call.state.processes.all(),
        ("sh", call.shell.pid, call.state.processes.pid("adbd"), call.user.uid),
        ("ps", call.shell.pid + 3, call.shell.pid, call.user.uid),
    ]
    if not {"A", "e", "f"} & set(flags) and "p" not in flags:
        rows = [row for row in rows if row[3] == call.user.uid]
    if "p" in flags:
        rows = [row for row in rows if str(row[1]) in flags["p"].split(",")]
    widths = {
        "USER": -12,
        "PID": 6,
        "PPID": 6,
        "VSZ": 10,
        "RSS": 6,
        "WCHAN": -10,
        "ADDR": 10,
        "S": 1,
        "NAME": -4,
        "CMD": -4,
    }
    if any(name not in widths for name in names):
        return call.fail(f"bad -o {flags.get('o', '')}")
    call.line(
        " ".join(_cell(name, widths[name]) for name in names).rstrip() + ("" if names[-1] != "NAME" else " " * 23)
    )
    for name, pid, parent, uid in rows:
        cells = {
            "USER": name_of(uid),
            "PID": str(pid),
            "PPID": str(parent),
            "VSZ": "13000000",
            "RSS": "90000",
            "WCHAN": "0",
            "ADDR": "0",
            "S": "S",
            "NAME": name,
            "CMD": name,
        }
        call.line(" ".join(_cell(cells[column], widths[column]) for column in names).rstrip())
    return 0


def _cell(text: str, width: int) -> str:
    return text.ljust(-width) if width < 0 else text.rjust(width)


def pidof(call: Call) -> int:
    """Print pids by name; pgrep matches parts."""
    _, words = call.options("sflnx", "o")
    found = [
        str(pid)
        for name, pid, _, _ in call.state.processes.all()
        if any(word in name if call.name == "pgrep" else word == name for word in words)
    ]
    if found:
        call.line(("\n" if call.name == "pgrep" else " ").join(found))
    return int(not found)


def kill(call: Call) -> int:
    """End processes by pid (kill) or name (killall, pkill)."""
    words = [word for word in call.words if not word.startswith("-")]
    for word in words:
        found = [name for name, pid, _, _ in call.state.processes.all() if word in (str(pid), name)]
        if not found:
            call.fail(f"{word}: No such process" if call.name != "kill" else f"bad pid '{word}'")
            continue
        for name in found:
            if name in call.state.packages:
                call.device.force_stop(name)
                call.state.processes.kill(name, "kill")
    return call.code


def uptime(call: Call) -> int:
    """Print how long the device has been up."""
    seconds = call.state.clock.uptime_us // 1_000_000
    clock = call.state.clock.local()
    call.line(f" {clock:%H:%M:%S} up {seconds // 60} min,  0 users,  load average: 0.00, 0.00, 0.00")
    return 0


def free(call: Call) -> int:
    """Print how much memory is used."""
    call.line("\t\ttotal        used        free      shared     buffers")
    call.line("Mem:       2080374784  1040187392  1040187392     2097152     4194304")
    call.line("-/+ buffers/cache:     1035993088  1044381696")
    call.line("Swap:               0           0           0")
    return 0


def which(call: Call) -> int:
    """Print where commands are."""
    for word in [word for word in call.words if not word.startswith("-")]:
        if word in call.shell.programs or word in BUILTINS:
            call.line(f"/system/bin/{word}")
        else:
            call.code = 1
    return call.code


def mount(call: Call) -> int:
    """List what is mounted."""
    for row in (
        "/dev/block/dm-0 on / type ext4 (ro,seclabel,relatime)",
        "tmpfs on /dev type tmpfs (rw,seclabel,nosuid)",
        "proc on /proc type proc (rw,relatime)",
        "/dev/block/dm-5 on /data type ext4 (rw,seclabel,nosuid,nodev)",
        "/dev/fuse on /storage/emulated type fuse (rw,nosuid,nodev,noexec,noatime)",
    ):
        call.line(row)
    return 0


def getenforce(call: Call) -> int:
    """Print SELinux's mode."""
    call.line(call.state.properties.get("vlgym.selinux", "Enforcing"))
    return 0


def setenforce(call: Call) -> int:
    """Set SELinux's mode; only root may."""
    modes = {"0": "Permissive", "permissive": "Permissive", "1": "Enforcing", "enforcing": "Enforcing"}
    if not call.words or call.words[0].lower() not in modes:
        return call.fail("Invalid argument")
    if call.user.uid != 0:
        return call.fail(f"Couldn't set enforcing status to '{call.words[0]}': Permission denied")
    call.state.properties["vlgym.selinux"] = modes[call.words[0].lower()]
    return 0


def su(call: Call) -> int:
    """Run a command as another user: ``su [-c LINE] [USER [COMMAND...]]``."""
    words, line = list(call.words), None
    if "-c" in words:
        place = words.index("-c")
        line = " ".join(words[place + 1 : place + 2])
        del words[place : place + 2]
    user = words.pop(0) if words else "0"
    try:
        uid = number_of(user.partition(",")[0])
    except KeyError:
        return call.fail(f"invalid uid/gid '{user}'")
    shell = call.shell
    keep, shell.user = shell.user, Credentials() if uid == 0 else Credentials(uid, shell.user.groups)
    try:
        if line is not None:
            return shell.run_script(line, ["sh"])
        return shell.invoke(words, functions=False, source=call.source) if words else 0
    finally:
        shell.user = keep


def sh(call: Call) -> int:
    """Run a line (-c), a script, or standard input."""
    words = list(call.words)
    while words and re.fullmatch(r"-[exulio]+", words[0]):
        words.pop(0)
    if words and re.fullmatch(r"-[a-z]*c", words[0]):
        if len(words) < 2:
            call.error("/system/bin/sh: -c requires an argument")
            return 1
        return call.shell.run_script(words[1], words[2:] or ["sh"])
    data = call.read(words[0]) if words else call.source.read()
    return call.shell.run_script(data.decode("utf-8", "surrogateescape"), words or ["sh"])


def timeout(call: Call) -> int:
    """Run a command; nothing takes real time, so nothing times out."""
    words = list(call.words)
    while words and words[0].startswith("-"):
        del words[: 2 if words[0] in ("-s", "-k") else 1]
    if len(words) < 2:
        return call.fail('Needs 2 arguments (see "timeout --help")', 125)
    return call.shell.invoke(words[1:], functions=False, source=call.source)


def passed_on(call: Call) -> int:
    """Run a command as it is (nohup, nice, time, ionice, setsid, toybox)."""
    words = list(call.words)
    while words and re.fullmatch(r"-n|-\d+|-[a-z]+", words[0]):
        del words[: 2 if words[0] == "-n" else 1]
    if not words:
        if call.name == "toybox":
            call.line(" ".join(sorted(call.shell.programs)))
            return 0
        raise Usage(f'Needs 1 argument (see "{call.name} --help")')
    return call.shell.invoke(words, functions=False, source=call.source)


def nproc(call: Call) -> int:
    """Print the number of processors."""
    call.line("4")
    return 0


def tty(call: Call) -> int:
    """Standard input is no terminal."""
    call.line("not a tty")
    return 1


def clear(_: Call) -> int:
    """There is no terminal to clear."""
    return 0


COMMANDS = {
    "date": date,
    "sleep": sleep,
    "usleep": sleep,
    "id": id_,
    "whoami": whoami,
    "logname": whoami,
    "groups": whoami,
    "uname": uname,
    "hostname": hostname,
    "env": env,
    "printenv": printenv,
    "getprop": getprop,
    "setprop": setprop,
    "ps": ps,
    "pidof": pidof,
    "pgrep": pidof,
    "kill": kill,
    "killall": kill,
    "pkill": kill,
    "uptime": uptime,
    "free": free,
    "which": which,
    "mount": mount,
    "getenforce": getenforce,
    "setenforce": setenforce,
    "su": su,
    "sh": sh,
    "mksh": sh,
    "timeout": timeout,
    "nohup": passed_on,
    "nice": passed_on,
    "time": passed_on,
    "setsid": passed_on,
    "toybox": passed_on,
    "nproc": nproc,
    "tty": tty,
    "clear": clear,
}
