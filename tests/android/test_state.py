"""The state: snapshots, files against the host's own, databases, packages, settings, clock and log."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vlgym.android.state import State
from vlgym.android.state.clock import ZONES, Clock
from vlgym.android.state.databases import image, split_statements
from vlgym.android.state.files import Credentials, FileSystem
from vlgym.android.state.intents import Intent, full_component, short_component
from vlgym.android.state.log import LogBuffer, logcat_lines, parse_logcat
from vlgym.core.errors import BackendError

MESSAGES = ("com.android.providers.telephony", "mmssms.db")


def act(state: State, seed: int, count: int) -> None:
    """Do things of every kind, drawn from a seed."""
    rng = random.Random(seed)
    database = state.app_database(*MESSAGES)
    for number in range(count):
        kind = rng.randrange(9)
        if kind == 0:
            state.content.insert("content://sms/inbox", {"address": f"+{rng.randrange(5)}", "body": f"text {number}"})
        elif kind == 1:
            database.execute("DELETE FROM sms WHERE _id % 3 = ?", (rng.randrange(3),))
        elif kind == 2:
            state.files.write(f"/sdcard/Download/{rng.randrange(4)}.txt", rng.randbytes(rng.randrange(4000)))
        elif kind == 3 and state.files.exists(name := f"/sdcard/Download/{rng.randrange(4)}.txt"):
            state.files.remove(name)
        elif kind == 4:
            state.settings.put("system", rng.choice(("volume_music", "screen_brightness")), rng.randrange(9))
        elif kind == 5:
            state.effects.set_airplane(bool(rng.randrange(2)))
        elif kind == 6:
            state.clock.advance(rng.random() * 100)
        elif kind == 7:
            state.ui["values"] = [state.random.below(100), {"text": "é", "on": True, "none": None, "raw": b"\0"}]
        else:
            database.execute("INSERT INTO sms (address, body, date) VALUES ('r', random(), strftime('%s', 'now'))")


# ---------------------------------------------------------------- snapshots


@pytest.mark.parametrize("seed", range(5))
def test_a_snapshot_brings_everything_back(seed: int) -> None:
    state = State(seed=seed)
    act(state, seed, 30)
    saved = state.snapshot()
    rows = state.app_database(*MESSAGES).execute("SELECT * FROM sms")
    log = state.log.entries()
    act(state, seed + 100, 40)
    first = state.snapshot()
    assert first != saved
    state.restore(saved)
    assert state.snapshot() == saved
    assert state.app_database(*MESSAGES).execute("SELECT * FROM sms") == rows
    assert state.log.entries() == log
    act(state, seed + 100, 40)
    assert state.snapshot() == first  # replayed from the snapshot, the same things happen again
    other = State(seed=99)
    other.restore(saved)
    act(other, seed + 100, 40)
    assert other.snapshot() == first


def test_equal_calls_are_equal_states_in_another_process() -> None:
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]\nimport hashlib, test_state\nfrom vlgym.android.state import State\n"
        "state = State(seed=3); test_state.act(state, 3, 60)\nprint(hashlib.sha256(state.snapshot()).hexdigest())"
    )
    folder = str(Path(__file__).parent)
    found = {
        subprocess.run(
            [sys.executable, "-c", code, folder],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    }
    assert len(found) == 1


def test_a_snapshot_holds_what_is_new_and_shares_the_rest() -> None:
    first, second = State(), State()
    path = "/data/data/org.tasks/databases/database"
    assert first.files.read(path) is second.files.read(path)
    before = len(first.snapshot())
    assert before < 100_000
    first.files.write("/sdcard/big", b"x" * 50_000)
    assert 50_000 <= len(first.snapshot()) - before < 51_000
    first.files.remove("/sdcard/big")
    assert len(first.snapshot()) < before + 1000
    first.database(path).execute("SELECT * FROM tasks")
    assert len(first.snapshot()) < before + 1000  # reading changes nothing


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", State().snapshot()[:-20], State(packages=State().packages.all()[:3]).snapshot()]
)
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    state = State()
    saved = state.snapshot()
    with pytest.raises(BackendError):
        state.restore(data)
    assert state.snapshot() == saved


# ---------------------------------------------------------------- files


class Disk:
    """The same operations on the host's file system below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def do(self, name: str, *values: Any) -> Any:
        paths = [self._root + value if isinstance(value, str) else value for value in values]
        if name == "mkdir":
            return os.mkdir(paths[0])
        if name == "write":
            with open(paths[0], "ab" if values[2] else "wb") as file:
                file.write(values[1])
            return None
        if name == "read":
            with open(paths[0], "rb") as file:
                return file.read()
        if name == "list":
            return sorted(os.listdir(paths[0]))
        if name == "rename":
            return os.rename(*paths)
        if name == "symlink":
            return os.symlink(values[0], paths[1])
        if name == "remove":
            return (
                os.rmdir(paths[0]) if os.path.isdir(paths[0]) and not os.path.islink(paths[0]) else os.unlink(paths[0])
            )
        found = os.stat(paths[0], follow_symlinks=values[1])
        return found.st_mode & 0o170000, found.st_size if found.st_mode & 0o100000 else 0


def ours(files: FileSystem, name: str, *values: Any) -> Any:
    if name == "write":
        return files.write(values[0], values[1], append=values[2])
    if name == "stat":
        found = files.stat(values[0], follow=values[1])
        return found.mode & 0o170000, found.size if found.mode & 0o100000 else 0
    return getattr(files, name)(*values)


def outcome(call: Callable[..., Any], *values: Any) -> Any:
    try:
        return call(*values)
    except OSError as error:
        return "error", error.errno


@pytest.mark.parametrize("seed", range(6))
def test_files_behave_as_the_host_s(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    disk, files = Disk(tmp_path), FileSystem(Clock())
    names = ["a", "b", "c"]

    def path() -> str:
        parts = [rng.choice([*names, *names, "..", "."]) for _ in range(rng.randrange(1, 4))]
        depth = 0
        for part in parts:  # the host's folder must not be left
            depth += -1 if part == ".." else part != "."
            if depth < 0:
                return "/a"
        return "/" + "/".join(parts)

    done = 0
    for _ in range(300):
        name = rng.choice(("mkdir", "mkdir", "write", "write", "read", "list", "rename", "remove", "stat", "symlink"))
        extra: tuple[Any, ...] = ()
        if name == "write":
            extra = (rng.randbytes(rng.randrange(9)), rng.random() < 0.5)
        elif name == "stat":
            extra = (rng.random() < 0.5,)
        elif name == "rename":
            extra = (path(),)
        values = (rng.choice(["b", "a/b", "c", "./a", "nosuch"]), path()) if name == "symlink" else (path(), *extra)
        if any(str(value).endswith((".", "..")) for value in values) and name in (
            "rename",
            "remove",
            "mkdir",
            "symlink",
        ):
            continue  # the host's answer depends on its kind of file system
        expected = outcome(disk.do, name, *values)
        assert outcome(ours, files, name, *values) == expected, (name, values)
        done += expected != ("error", 2)
    assert done > 100


def test_rights_are_checked_for_all_but_root() -> None:
    state = State()
    files, shell = state.files, state.shell_user
    files.write("/data/local/tmp/own", b"x", shell)
    assert files.stat("/data/local/tmp/own").uid == 2000
    for call in (
        lambda: files.list("/data/data", shell),
        lambda: files.read("/data/data/org.tasks/databases/database", shell),
        lambda: files.write("/system/x", b"", shell),
        lambda: files.remove("/system/etc/hosts", shell),
        lambda: files.chown("/data/local/tmp/own", 0, 0, shell),
    ):
        with pytest.raises(PermissionError):
            call()
    files.write("/sdcard/Download/a", b"", shell)
    assert files.stat("/sdcard/Download/a").gid == 1023
    assert files.read("/sdcard/Download/a", Credentials(10060, frozenset({1023}))) == b""


def test_a_full_disk_is_an_error() -> None:
    files = State().files
    with pytest.raises(OSError, match="No space left"):
        files.write("/sdcard/huge", bytes((64 << 20) + 1))


# ---------------------------------------------------------------- databases


def test_an_open_database_follows_its_file() -> None:
    state = State()
    path = "/data/data/org.tasks/databases/database"
    database = state.database(path)
    pushed = image("CREATE TABLE t (a); INSERT INTO t VALUES (7)")
    database.execute("INSERT INTO tagdata (name, td_order) VALUES ('x', 0)")
    changes = database.changes
    state.files.write(path, pushed)
    assert database.execute("SELECT * FROM t") == [(7,)]
    assert database.changes > changes
    database.execute("UPDATE t SET a = 8")
    host = sqlite3.connect(":memory:")
    host.deserialize(state.files.read(path))
    assert host.execute("SELECT a FROM t").fetchall() == [(8,)]
    state.files.remove(path)
    assert database.execute("SELECT name FROM sqlite_master") == []  # as an app that makes its database anew
    state.files.write(path, b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(sqlite3.DatabaseError):
        database.execute("SELECT 1 FROM sqlite_master")
    state.files.write(path, b"")
    database.execute("CREATE TABLE again (a)")
    assert state.database("/data/user/0/org.tasks/databases/database") is database


def test_a_renamed_folder_takes_its_databases_along() -> None:
    state = State()
    database = state.database("/data/local/tmp/one/x.db") if state.files.mkdir("/data/local/tmp/one") is None else None
    assert database is not None
    database.execute("CREATE TABLE t (a)")
    database.insert("t", {"a": 1})
    state.files.rename("/data/local/tmp/one", "/data/local/tmp/two")
    assert state.database("/data/local/tmp/two/x.db").query("SELECT * FROM t") == [{"a": 1}]
    assert not state.files.exists("/data/local/tmp/one")


def test_sql_sees_the_device_s_clock_and_dice() -> None:
    first, second = State(seed=5), State(seed=5)
    for state in (first, second):
        state.clock.set(datetime(2024, 2, 29, 23, 30, tzinfo=UTC))
        state.set_time_zone("Europe/Berlin")
    sql = "SELECT datetime('now'), date('now', 'localtime'), CURRENT_TIMESTAMP, strftime('%s'), random(), randomblob(4)"
    row = first.app_database(*MESSAGES).execute(sql)[0]
    assert row[:4] == ("2024-02-29 23:30:00", "2024-03-01", "2024-02-29 23:30:00", "1709249400")
    assert second.app_database(*MESSAGES).execute(sql)[0] == row
    assert first.app_database(*MESSAGES).execute(sql)[0][4:] != row[4:]
    assert first.app_database(*MESSAGES).execute("SELECT date('2020-01-31', '+1 month')") == [("2020-03-02",)]


def test_threads_are_kept_by_the_database_itself() -> None:
    state = State()
    database = state.app_database(*MESSAGES)
    for address, body in (("+1", "a"), ("+2", "b"), ("+1", "c")):
        state.content.insert("content://sms/inbox", {"address": address, "body": body})
    query = "SELECT snippet, message_count, read FROM threads ORDER BY _id"
    assert database.execute(query) == [("c", 2, 0), ("b", 1, 0)]
    state.content.update("content://sms", {"read": 1}, "address = ?", ("+1",))
    assert database.execute(query) == [("c", 2, 1), ("b", 1, 0)]
    state.content.delete("content://sms", "body = 'c'")
    assert database.execute(query) == [("a", 1, 1), ("b", 1, 0)]
    database.execute("DELETE FROM sms")
    assert database.execute("SELECT * FROM threads") == []


def test_statements_are_split_at_the_right_semicolons() -> None:
    text = "SELECT ';'; -- no; end\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; SELECT 3"
    assert len(list(split_statements(text))) == 3


# ---------------------------------------------------------------- packages, settings, clock, log


@pytest.mark.parametrize("name", [package.name for package in State().packages.launchable()])
def test_every_app_starts_from_the_launcher(name: str) -> None:
    packages = State().packages
    package = packages[name]
    intent = Intent(action="android.intent.action.MAIN", categories=("android.intent.category.LAUNCHER",), package=name)
    assert packages.resolve(intent) == [package.launcher]
    assert packages.resolve(Intent(component=package.launcher)) == [package.launcher]
    assert full_component(short_component(package.launcher)) == package.launcher
    packages.state(name).enabled = False
    assert packages.resolve(intent) == []


def test_every_database_of_the_catalogue_can_be_opened() -> None:
    state = State()
    opened = [
        state.database(package.database_path(name)) for package in state.packages.all() for name, _ in package.databases
    ]
    assert len(opened) >= 10
    assert all(database.execute("PRAGMA integrity_check") == [("ok",)] for database in opened)


def test_airplane_mode_takes_the_radios_along() -> None:
    state = State()
    settings = state.settings
    state.effects.set_airplane(True)
    assert (settings.get("global", "wifi_on"), settings.get("global", "bluetooth_on")) == ("3", "0")
    state.effects.set_wifi(True)
    assert settings.get("global", "wifi_on") == "2"
    state.effects.set_airplane(False)
    assert (settings.get("global", "wifi_on"), settings.get("global", "bluetooth_on")) == ("1", "1")
    with pytest.raises(KeyError, match="secure"):
        settings.get("secur", "x")


@pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "GMT"])
def test_time_zones_agree_with_the_host_s_tables(zone: str) -> None:
    try:
        known = zoneinfo.ZoneInfo(zone)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("the host has no time zone tables")
    clock = Clock()
    clock.zone = zone
    moment = datetime(2023, 1, 1, 0, 30, tzinfo=UTC)
    while moment.year < 2026:
        clock.set(moment)
        local = clock.local()
        assert local.utcoffset() == moment.astimezone(known).utcoffset(), moment
        assert local.tzname() == moment.astimezone(known).tzname(), moment
        naive = local.replace(tzinfo=None)
        if datetime(2023, 1, 1).astimezone(known).utcoffset() == local.utcoffset():
            assert clock.from_local(naive).replace(tzinfo=None) == naive
        moment += timedelta(hours=25)


def test_time_only_passes_when_it_is_told_to() -> None:
    clock = Clock()
    assert clock.utc() == datetime(2023, 10, 15, 15, 34, tzinfo=UTC)
    clock.advance(0.1)
    clock.advance(0.2)
    assert clock.now_us == Clock().now_us + 300_000
    up = clock.uptime_us
    clock.set(datetime(2000, 1, 1, tzinfo=UTC))
    assert clock.uptime_us == up
    with pytest.raises(ValueError, match="-1"):
        clock.advance(-1)


def test_a_follower_sees_every_line_once() -> None:
    clock = Clock()
    log = LogBuffer(clock)
    woken: list[int] = []
    log.listeners.append(lambda: woken.append(log.end))
    log.write("A", "one")
    saved, cursor = log.export(), log.end
    log.write("A", "two")
    assert [entry.message for entry in log.since(cursor)] == ["two"]
    cursor = log.end
    log.load(saved)
    assert [entry.message for entry in log.entries()] == ["one"]
    assert log.since(cursor) == []
    log.write("A", "three")
    assert [entry.message for entry in log.since(cursor)] == ["three"]
    assert woken == [1, 2, 3]
    log.clear()
    assert log.entries() == []
    for number in range(6000):
        log.write("A", str(number))
    assert 4096 <= len(log.entries()) <= 5120
    assert log.since(0)[-1].message == "5999"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "10-15 15:34:00.000  601   602 W MyTag   : hello\n"),
        ("-v epoch", "         1697384040.000   601   602 W MyTag   : hello\n"),
        ("-v brief", "W/MyTag   (  601): hello\n"),
        ("-v tag", "W/MyTag   : hello\n"),
        ("-v raw", "hello\n"),
        ("-v time", "10-15 15:34:00.000 W/MyTag   (  601): hello\n"),
        ("-v process", "W(  601) hello  (MyTag)\n"),
        ("-v thread", "W(  601:  602) hello\n"),
        ("-v long", "[ 10-15 15:34:00.000   601:  602 W/MyTag    ]\nhello\n\n"),
        ("-v threadtime -v year -v usec", "2023-10-15 15:34:00.000000   601   602 W MyTag   : hello\n"),
    ],
)
def test_log_formats(words: str, line: str) -> None:
    clock = Clock()
    log = LogBuffer(clock)
    log.write("MyTag", "hello", "W", pid=601, tid=602)
    options = parse_logcat(words.split())
    assert logcat_lines(log.entries()[0], options, clock) == line.replace("00.000  601", "00.000   601")


def test_log_filters() -> None:
    log = LogBuffer(Clock())
    for tag, level in (("A", "D"), ("A", "E"), ("B", "I")):
        log.write(tag, level, level)
    wanted = parse_logcat(["A:W", "*:S"])
    assert [entry.message for entry in log.entries() if wanted.wants(entry)] == ["E"]
    silent = parse_logcat(["-s", "B"])
    assert [entry.message for entry in log.entries() if silent.wants(entry)] == ["I"]
    assert parse_logcat([], "A:W *:S").filters == {"A": "W"}
    with pytest.raises(ValueError, match="nosuch"):
        parse_logcat(["-b", "nosuch"])
