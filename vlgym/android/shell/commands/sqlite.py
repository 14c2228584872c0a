"""sqlite3 on the device's databases."""

from __future__ import annotations

import csv
import io
import sqlite3
from typing import Any

from vlgym.android.shell.call import Call
from vlgym.android.shell.io import clean
from vlgym.android.state.databases import Database, quoted, split_statements

_MODES = {"-list": "list", "-csv": "csv", "-column": "column", "-line": "line", "-json": "json", "-html": "list",
          "-quote": "quote", "-tabs": "tabs"}  # fmt: skip


class _Console:
    """One run of sqlite3."""

    def __init__(self, call: Call, database: Database) -> None:
        self.call, self.database = call, database
        self.mode, self.headers, self.separator, self.null = "list", False, "|", ""
        self.bail = False

    def feed(self, text: str) -> int:
        """Run statements and dot commands; return the status."""
        code, pending = 0, ""
        for line in clean(text).split("\n"):
            if not pending.strip() and line.lstrip().startswith("."):
                code = self._dot(line.strip()) or code
                continue
            pending += line + "\n"
            if sqlite3.complete_statement(pending):
                code, pending = self._statements(pending) or code, ""
        return (self._statements(pending) or code) if pending.strip() else code

    def _statements(self, text: str) -> int:
        for statement in split_statements(text):
            try:
                columns, rows, _ = self.database.run(statement)
            except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
                number = getattr(error, "sqlite_errorcode", None) or 1
                kind = "in prepare, " if isinstance(error, sqlite3.OperationalError) else "stepping, "
                self.call.error(f"Error: {kind}{error}" + (f" ({number & 0xFF})" if number != 1 else ""))
                return 1
            self._show(columns, rows)
        return 0

    def _show(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        call = self.call
        if not rows:
            return
        if self.mode == "line":
            width = max([5, *map(len, columns)])
            call.write(
                "\n".join("".join(f"{c:>{width}} = {self._text(v)}\n" for c, v in zip(columns, row)) for row in rows)
            )
        elif self.mode == "csv":
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\r\n")
            if self.headers:
                writer.writerow(columns)
            writer.writerows([[self._text(value) for value in row] for row in rows])
            call.write(buffer.getvalue())
        elif self.mode == "column":
            table = [columns, *([self._text(value) for value in row] for row in rows)]
            widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
            table.insert(1, ["-" * width for width in widths])
            for line in table:
                call.line("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        else:
            separator = "\t" if self.mode == "tabs" else "," if self.mode == "quote" else self.separator
            if self.headers:
                call.line(separator.join(columns))
            for row in rows:
                cells = [self._quoted(value) if self.mode == "quote" else self._text(value) for value in row]
                call.line(separator.join(cells))

    def _text(self, value: Any) -> str:
        if value is None:
            return self.null
        if isinstance(value, float):
            text = f"{value:.15g}"
            return text if any(sign in text for sign in ".en") else text + ".0"
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)

    def _quoted(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bytes):
            return f"X'{value.hex()}'"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else self._text(value)

    def _dot(self, line: str) -> int:
        words = line.split()
        if words[0] in (".tables", ".schema", ".dump", ".indexes", ".indices", ".databases"):
            try:
                self._describe(words)
            except sqlite3.Error as error:
                self.call.error(f"Error: {error}")
                return 1
        elif words[0] in (".headers", ".header") and len(words) > 1:
            self.headers = words[1] in ("on", "1", "yes", "true")
        elif words[0] == ".mode" and len(words) > 1:
            self.mode = words[1]
        elif words[0] == ".separator" and len(words) > 1:
            self.separator = words[1].strip("'\"")
        elif words[0] == ".nullvalue" and len(words) > 1:
            self.null = words[1].strip("'\"")
        elif words[0] not in (".quit", ".exit", ".timeout", ".bail", ".echo", ".changes"):
            self.call.error(f'Error: unknown command or invalid arguments:  "{words[0][1:]}". Enter ".help" for help')
            return 1
        return 0

    def _describe(self, words: list[str]) -> None:
        call, database = self.call, self.database
        rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid")
        wanted = words[1] if len(words) > 1 else ""
        if words[0] == ".tables":
            names = sorted(
                name for kind, name, _, _ in rows if kind in ("table", "view") and not name.startswith("sqlite_")
            )
            if names:
                width = max(map(len, names)) + 2
                across = max(80 // width, 1)
                down = -(-len(names) // across)
                for line in range(down):
                    call.line("".join(name.ljust(width) for name in names[line::down]).rstrip())
        elif words[0] == ".schema":
            for _, name, table, sql in rows:
                if sql and not name.startswith("sqlite_") and wanted in ("", name, table):
                    call.line(f"{sql};")
        elif words[0] == ".databases":
            call.line(f"main: {database.path} r/w")
        elif words[0] in (".indexes", ".indices"):
            for kind, name, table, _ in rows:
                if kind == "index" and wanted in ("", table):
                    call.line(name)
        else:
            self._dump(rows, wanted)

    def _dump(self, rows: list[tuple[Any, ...]], wanted: str) -> None:
        call = self.call
        call.line("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;")
        for kind, name, _, sql in rows:
            if kind == "table" and sql and wanted in ("", name) and not name.startswith("sqlite_"):
                call.line(f"{sql};")
                for row in self.database.execute(f"SELECT * FROM {quoted(name)}"):
                    call.line(f"INSERT INTO {name} VALUES({','.join(self._quoted(value) for value in row)});")
        for kind, name, table, sql in rows:
            if kind != "table" and sql and wanted in ("", name, table):
                call.line(f"{sql};")
        call.line("COMMIT;")


def sqlite3_(call: Call) -> int:
    """Run SQL on a database: ``sqlite3 [OPTIONS] FILE [SQL...]``, or SQL from standard input."""
    words: list[str] = []
    options: list[tuple[str, str]] = []
    given = list(call.words)
    while given:
        word = given.pop(0)
        if word in ("-separator", "-nullvalue", "-cmd") and given:
            options.append((word, given.pop(0)))
        elif word.startswith("-") and not words:
            options.append((word, ""))
        else:
            words.append(word)
    name = words.pop(0) if words else ":memory:"
    if ("-version", "") in options or ("--version", "") in options:
        call.line(f"{sqlite3.sqlite_version} (simulated)")
        return 0
    path = call.path(name)
    if name == ":memory:":
        path = "/data/local/tmp/.memory.db"
        if call.files.exists(path):
            call.files.remove(path)
    problem = _problem(call, path)
    if problem:
        call.error(f'Error: unable to open database "{name}": {problem}')
        return 1
    console = _Console(call, call.state.database(path))
    for option, value in options:
        option = option.replace("--", "-")
        if option in _MODES:
            console.mode = _MODES[option]
        elif option in ("-header", "-headers"):
            console.headers = True
        elif option == "-separator":
            console.separator = value
        elif option == "-nullvalue":
            console.null = value
        elif option == "-cmd":
            console.feed(value)
        elif option not in ("-noheader", "-batch", "-bail", "-readonly", "-interactive"):
            call.error(f"sqlite3: Error: unknown option: {option}")
            return 1
    try:
        texts = words or [call.source.read().decode("utf-8", "surrogateescape")]
        code = 0
        for text in texts:
            code = console.feed(text)
            if code:
                break
        return code
    finally:
        call.state.database(path).save()
        if name == ":memory:" and call.files.exists(path):
            call.files.remove(path)


def _problem(call: Call, path: str) -> str:
    """Return why a database cannot be opened, empty if it can."""
    try:
        if call.shell.exists(path):
            found = call.files.stat(path, call.user)
            if found.is_dir or not call.files.access(path, 6, call.user):
                return "unable to open database file"
        else:
            parent = path.rpartition("/")[0] or "/"
            if not call.files.stat(parent, call.user).is_dir or not call.files.access(parent, 3, call.user):
                return "unable to open database file"
    except OSError:
        return "unable to open database file"
    return ""


COMMANDS = {"sqlite3": sqlite3_}
