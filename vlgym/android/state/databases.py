"""SQLite databases behind files of the device: opened in memory on first use, written back on demand, never on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from vlgym.android.state.clock import Clock
from vlgym.android.state.files import FileSystem, Live

Row = tuple[Any, ...]

MAX_VALUE = 16 << 20
"""Longest string or blob in bytes."""
MAX_RESULT = 64 << 20
"""Bytes of strings and blobs that one query may return."""
STEP = 1_000_000
MAX_STEPS = 20
"""A statement is interrupted after STEP * MAX_STEPS instructions of SQLite's machine: about a second."""

_READERS = ("SELECT", "EXPLAIN", "VALUES")
_FORBIDDEN_PRAGMAS = ("temp_store", "temp_store_directory", "data_store_directory", "mmap_size")


@cache
def image(schema: str) -> bytes:
    """Return the bytes of a database file made by a script."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.executescript(schema)
        return connection.serialize()
    finally:
        connection.close()


class Random:
    """A small random stream (SplitMix64) whose whole state is one integer."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & 0xFFFFFFFFFFFFFFFF

    def bits(self) -> int:
        """Return 64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        value = (self.state ^ self.state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        value = (value ^ value >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        return value ^ value >> 31

    def below(self, bound: int) -> int:
        """Return a number of range(bound)."""
        return self.bits() % bound

    def bytes(self, count: int) -> bytes:
        """Return random bytes."""
        return b"".join(self.bits().to_bytes(8, "little") for _ in range(-(-count // 8)))[:count]


class Database(Live):
    """One database file. Rows are tuples; SQL errors are sqlite3's own.

    SQLite's `random()` and its clock are the device's: equal devices compute equal rows.

    Attributes:
        path: the file's real path.
        changes: goes up whenever rows may have changed, also by restoring a snapshot or by pushing a file.
    """

    def __init__(self, files: FileSystem, path: str, clock: Clock, random: Random) -> None:
        self._files = files
        self.path = path
        self._clock = clock
        self._random = random
        self._connection: sqlite3.Connection | None = None
        self._image = b""
        self._dirty = False
        self._steps = 0
        self._calendar: sqlite3.Connection | None = None
        self.changes = 0

    # ------------------------------------------------------------ using it

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """Run one statement and return its rows."""
        return self._run(sql, parameters)[1]

    def script(self, sql: str) -> None:
        """Run statements separated by semicolons."""
        self._note("")
        self._open().executescript(sql)

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dicts."""
        columns, rows = self._run(sql, parameters)
        return [dict(zip(columns, row)) for row in rows]

    def insert(self, table: str, values: Mapping[str, Any]) -> int:
        """Insert a row and return its rowid."""
        names = ", ".join(quoted(name) for name in values)
        holes = ", ".join("?" * len(values))
        body = f"({names}) VALUES ({holes})" if values else "DEFAULT VALUES"
        self.execute(f"INSERT INTO {quoted(table)} {body}", tuple(values.values()))
        return int(self.execute("SELECT last_insert_rowid()")[0][0])

    def run(self, sql: str) -> tuple[list[str], list[Row], int]:
        """Run one statement of a stranger; return column names, rows and the number of rows it changed.

        Attaching files, loading code and whatever else would leave the database is refused.
        """
        connection = self._open()
        connection.set_authorizer(_authorize)
        before = connection.total_changes
        try:
            columns, rows = self._run(sql, ())
            return columns, rows, connection.total_changes - before
        finally:
            connection.set_authorizer(None)

    def _run(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> tuple[list[str], list[Row]]:
        connection = self._open()
        self._note(sql)
        self._steps = 0
        cursor = connection.execute(sql, parameters)
        columns = [column[0] for column in cursor.description or ()]
        rows: list[Row] = []
        size = 0
        while chunk := cursor.fetchmany(256):
            rows += chunk
            size += sum(len(value) for row in chunk for value in row if isinstance(value, (str, bytes)))
            if size > MAX_RESULT:
                cursor.close()
                raise sqlite3.OperationalError("out of memory")
        return columns, rows

    def _note(self, sql: str) -> None:
        if not sql.lstrip().upper().startswith(_READERS):
            self._dirty = True
            self.changes += 1
            self._files.changes += 1

    # ------------------------------------------------------------ the file behind it

    def save(self) -> None:
        """Write changes back into the file; an open transaction is left out, as SQLite's journal leaves it out."""
        if self._connection is not None and self._dirty:
            if self._connection.in_transaction:
                return
            try:
                fresh = self._connection.serialize()
            except sqlite3.Error:  # without a page yet, or no database: neither can have changed
                fresh = self._image
            self._dirty = False
            if fresh != self._image:
                self._image = fresh
                self._files.store(self.path, fresh)

    def load(self, data: bytes) -> None:
        """The file was replaced: its rows are read from it when they are next asked for.

        That takes a new connection: one that is given another file writes 0 and 1 in another way than a fresh one, and
        equal devices must have equal bytes.
        """
        if self._connection is None or (data == self._image and not self._dirty):
            return
        self.changes += 1
        self._dirty = False
        self._connection.close()
        self._connection = None

    def close(self) -> None:
        """The file is gone, or its name is: a later use opens whatever is at the path then."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._dirty = False
        self.changes += 1
        self._files.live.pop(self.path, None)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._files.exists(self.path):
                self._files.write(self.path, b"", mode=0o660)
            self._files.live[self.path] = self
            connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
            connection.set_progress_handler(self._progress, STEP)
            self._define(connection)
            self._fill(connection, self._files.read(self.path))
            connection.execute("PRAGMA temp_store = MEMORY")
            self._connection = connection
            self._dirty = False
        return self._connection

    def _fill(self, connection: sqlite3.Connection, data: bytes) -> None:
        self._image = data
        if data[18:20] == b"\2\2":  # a database in WAL mode: its log is not with it, and memory has none
            data = data[:18] + b"\1\1" + data[20:]
        if data:
            connection.deserialize(data)

    def _progress(self) -> int:
        self._steps += 1
        return self._steps > MAX_STEPS

    # ------------------------------------------------------------ the device's clock and dice

    def _define(self, connection: sqlite3.Connection) -> None:
        connection.create_function("random", 0, lambda: self._random.bits() - (1 << 63))
        connection.create_function(
            "randomblob", 1, lambda count: self._random.bytes(min(max(int(count), 1), MAX_VALUE))
        )
        for name in ("date", "time", "datetime", "julianday", "unixepoch", "strftime"):
            connection.create_function(name, -1, self._dated(name))
        for name, plain in (("current_date", "date"), ("current_time", "time"), ("current_timestamp", "datetime")):
            connection.create_function(name, 0, self._dated(plain))

    def _dated(self, name: str) -> Any:
        """Return SQLite's date function with "now" and "localtime" taken from the device."""
        skip = int(name == "strftime")

        def function(*arguments: Any) -> Any:
            if len(arguments) == skip:
                arguments = (*arguments, "now")
            minutes = int((self._clock.local().utcoffset() or timedelta()).total_seconds()) // 60
            words = {
                "now": f"{self._clock.utc():%Y-%m-%d %H:%M:%S.%f}"[:-3],
                "localtime": f"{minutes:+d} minutes",
                "utc": f"{-minutes:+d} minutes",
            }
            translated = [
                words.get(word.strip().lower(), word) if isinstance(word, str) and place >= skip else word
                for place, word in enumerate(arguments)
            ]
            if self._calendar is None:
                self._calendar = sqlite3.connect(":memory:", check_same_thread=False)
            holes = ",".join("?" * len(translated))
            return self._calendar.execute(f"SELECT {name}({holes})", translated).fetchone()[0]

        return function


def quoted(name: str) -> str:
    """Return an SQL identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def split_statements(text: str) -> Iterable[str]:
    """Yield the SQL statements of a text, without empty ones."""
    start = 0
    for place, sign in enumerate(text):
        if sign == ";" and sqlite3.complete_statement(text[start : place + 1]):
            if text[start:place].strip():
                yield text[start : place + 1].strip()
            start = place + 1
    if text[start:].strip():
        yield text[start:].strip()


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and str(first).lower() in _FORBIDDEN_PRAGMAS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
