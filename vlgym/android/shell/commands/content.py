"""content: query, insert, update, delete, read and gettype of content:// URIs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.io import clean
from vlgym.android.state.packages import mime_type


def _bound(text: str) -> tuple[str, Any]:
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise Usage(f"Binding not well formed: {text}")
    name, kind, value = parts[0], parts[1], parts[2] if len(parts) > 2 else ""
    convert: dict[str, Callable[[str], Any]] = {
        "s": str,
        "i": int,
        "l": int,
        "f": float,
        "d": float,
        "b": lambda t: int(t.lower() == "true"),
        "n": lambda t: None,
    }
    if kind not in convert:
        raise Usage(f"Unsupported type: {kind}")
    try:
        return name, convert[kind](value)
    except ValueError:
        raise Usage(f"Bad value: {text}") from None


def content(call: Call) -> int:
    """Speak with content providers."""
    verb, *words = [clean(word) for word in call.words] or [""]
    uri, where, order, projection, values = "", "", "", list[str](), dict[str, Any]()
    names = {"--uri", "--where", "--sort", "--projection", "--bind", "--user", "--method", "--arg", "--extra"}
    given: dict[str, str] = {}
    try:
        while words:
            word = words.pop(0)
            if word not in names:
                raise Usage(f"Unsupported argument: {word}")
            if not words:
                raise Usage(f"Argument expected after {word!r}".replace("'", '"'))
            value = words.pop(0)
            if word == "--bind":
                name, bound = _bound(value)
                values[name] = bound
            else:
                given[word] = value
        uri, where, order = given.get("--uri", ""), given.get("--where", ""), given.get("--sort", "")
        projection = given.get("--projection", "").split(":") if "--projection" in given else []
        if verb not in ("query", "insert", "update", "delete", "read", "gettype", "call"):
            raise Usage(f"Unsupported command: {verb}")
        if not uri:
            raise Usage("Content provider URI not specified. Did you specify --uri argument?")
    except Usage as wrong:
        call.error(f"[ERROR] {wrong}")
        return 1
    try:
        return _run(call, verb, uri, where, order, projection, values, given)
    except (ValueError, sqlite3.Error, sqlite3.Warning) as error:
        kind = (
            "java.lang.IllegalArgumentException"
            if isinstance(error, ValueError)
            else "android.database.sqlite.SQLiteException"
        )
        if "Could not find provider" in str(error):
            kind = "java.lang.IllegalStateException"
        call.error(f"Error while accessing provider:{uri.partition('://')[2].partition('/')[0]}\n{kind}: {error}")
        return 1


def _run(
    call: Call,
    verb: str,
    uri: str,
    where: str,
    order: str,
    projection: list[str],
    values: dict[str, Any],
    given: dict[str, str],
) -> int:
    resolver = call.state.content
    if verb == "query":
        columns, rows = resolver.query(uri, projection, where, (), order)
        for number, row in enumerate(rows):
            cells = ", ".join(f"{name}={_shown(value)}" for name, value in zip(columns, row))
            call.line(f"Row: {number} {cells}")
        if not rows:
            call.line("No result found.")
    elif verb == "insert":
        if not values:
            call.error("[ERROR] Bindings not specified. Did you specify --bind argument(s)?")
            return 1
        resolver.insert(uri, values)
    elif verb == "update":
        resolver.update(uri, values, where)
    elif verb == "delete":
        resolver.delete(uri, where)
    elif verb == "gettype":
        call.line(f"Result: {mime_type(uri) or None}".replace("None", "null"))
    elif verb == "read":
        _, rows = resolver.query(uri, ("_data",))
        if not rows:
            raise ValueError(f"No content provider: {uri}")
        call.write(call.files.read(str(rows[0][0]), call.user))
    elif uri.startswith("content://settings") and given.get("--method", "")[:4] in ("GET_", "PUT_"):
        space, key = given["--method"][4:], given.get("--arg", "")
        if given["--method"].startswith("PUT_"):
            call.state.settings.put(space, key, given.get("--extra", "value:s:").split(":", 2)[2])
            call.line("Result: null")
        else:
            call.line(f"Result: Bundle[{{value={call.state.settings.get(space, key, 'null')}}}]")
    return 0


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return "BLOB"
    return str(value)


COMMANDS = {"content": content}
