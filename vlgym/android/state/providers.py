"""Content providers over the databases: what `content query` and the apps' resolvers reach under content:// URIs."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vlgym.android.state.databases import Database, Row, quoted
from vlgym.android.state.files import SHARED_STORAGE, raw
from vlgym.android.state.packages import mime_type
from vlgym.android.state.settings import NAMESPACES

if TYPE_CHECKING:
    from vlgym.android.state.device_state import State

_TELEPHONY = ("com.android.providers.telephony", "mmssms.db")
_CONTACTS = ("com.android.providers.contacts", "contacts2.db")
_CALLS = ("com.android.providers.contacts", "calllog.db")
_CALENDAR = ("com.android.providers.calendar", "calendar.db")

NAME, PHONE, EMAIL = (
    "vnd.android.cursor.item/name",
    "vnd.android.cursor.item/phone_v2",
    "vnd.android.cursor.item/email_v2",
)
INBOX, SENT, DRAFT, OUTBOX = 1, 2, 3, 4
INCOMING, OUTGOING, MISSED, REJECTED = 1, 2, 3, 5

_PHONES = """(SELECT data._id AS _id, data.data1 AS number, CAST(data.data2 AS INTEGER) AS type, data.data3 AS label,
    phone_lookup.normalized_number AS number_key, raw_contacts.contact_id AS person, raw_contacts.display_name AS name,
    raw_contacts.display_name AS display_name, data.is_primary AS isprimary, raw_contacts.starred AS starred FROM data
    JOIN raw_contacts ON data.raw_contact_id = raw_contacts._id
    LEFT JOIN phone_lookup ON phone_lookup.data_id = data._id
    WHERE data.mimetype_id = 5 AND raw_contacts.deleted = 0)"""
_PEOPLE = (
    """(SELECT contact_id AS _id, display_name AS name, display_name, starred FROM raw_contacts WHERE deleted = 0)"""
)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows behind a URI.

    Attributes:
        database: (package, file).
        table: table, view or bracketed query that is read.
        writes: table that inserts, updates and deletes go to; empty for none.
        where: condition that every row meets, with the URI's values bound to ``?``.
        values: columns that the URI sets in an inserted row.
    """

    database: tuple[str, str]
    table: str
    writes: str = ""
    where: str = "1"
    bound: tuple[Any, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()
    order: str = "_id"


def _sms(path: str) -> Source | None:
    boxes = {"inbox": INBOX, "sent": SENT, "draft": DRAFT, "outbox": OUTBOX, "failed": 5, "queued": 6}
    order = "date DESC, _id DESC"
    if path == "":
        return Source(_TELEPHONY, "sms", "sms", order=order)
    if path in boxes:
        kind = boxes[path]
        return Source(_TELEPHONY, "sms", "sms", "type = ?", (kind,), (("type", kind),), order)
    if path == "conversations":
        table = (
            "(SELECT thread_id, COUNT(*) AS msg_count, body AS snippet, MAX(date) AS date FROM sms GROUP BY thread_id)"
        )
        return Source(_TELEPHONY, table, order="date DESC")
    if match := re.fullmatch(r"conversations/(\d+)", path):
        return Source(_TELEPHONY, "sms", "sms", "thread_id = ?", (int(match[1]),), order="date")
    if path.isdigit():
        return Source(_TELEPHONY, "sms", "sms", "_id = ?", (int(path),))
    return None


def _new_contacts(path: str) -> Source | None:
    tables = {
        "contacts": ("view_contacts", "contacts"),
        "raw_contacts": ("view_raw_contacts", "raw_contacts"),
        "data": ("view_data", "data"),
        "groups": ("groups", "groups"),
        "accounts": ("accounts", "accounts"),
    }
    kinds = {"data/phones": PHONE, "data/emails": EMAIL}
    if path in kinds:
        return Source(_CONTACTS, "view_data", "data", "mimetype = ?", (kinds[path],), (("mimetype", kinds[path]),))
    table, _, rest = path.partition("/")
    if table in ("phone_lookup",) and rest:
        digits = re.sub(r"\D", "", _decoded(rest))
        query = (
            "(SELECT contact_id AS _id, display_name, data1 AS number, data2 AS type FROM view_data JOIN phone_lookup"
        )
        query += " ON phone_lookup.data_id = view_data._id WHERE min_match = ?)"
        return Source(_CONTACTS, query, bound=(digits[-7:],))
    if table in tables and not rest:
        return Source(_CONTACTS, *tables[table])
    if table in tables and rest.isdigit():
        return Source(_CONTACTS, *tables[table], "_id = ?", (int(rest),))
    if match := re.fullmatch(r"contacts/(\d+)/data", path):
        return Source(_CONTACTS, "view_data", "", "contact_id = ?", (int(match[1]),))
    return None


def _old_contacts(path: str) -> Source | None:
    table, _, rest = path.partition("/")
    source = {"phones": (_PHONES, "data"), "people": (_PEOPLE, "contacts")}.get(table)
    if source is None or not (rest == "" or rest.isdigit()):
        return None
    return Source(_CONTACTS, *source, *(("_id = ?", (int(rest),)) if rest else ()))


def _calls(path: str) -> Source | None:
    table, _, rest = path.partition("/")
    if table != "calls" or not (rest == "" or rest.isdigit()):
        return None
    if rest:
        return Source(_CALLS, "calls", "calls", "_id = ?", (int(rest),))
    return Source(_CALLS, "calls", "calls", order="date DESC, _id DESC")


def _calendar(path: str) -> Source | None:
    tables = {"events": "Events", "calendars": "Calendars", "reminders": "Reminders"}
    table, _, rest = path.partition("/")
    if table not in tables or not (rest == "" or rest.isdigit()):
        return None
    return Source(_CALENDAR, tables[table], tables[table], *(("_id = ?", (int(rest),)) if rest else ()))


_AUTHORITIES = {
    "sms": _sms,
    "com.android.contacts": _new_contacts,
    "contacts": _old_contacts,
    "call_log": _calls,
    "com.android.calendar": _calendar,
}
_MEDIA = {"images": "image/", "video": "video/", "audio": "audio/", "downloads": "", "file": ""}
_MEDIA_COLUMNS = (
    "_id", "_data", "_display_name", "_size", "mime_type", "title", "date_added", "date_modified", "relative_path",
    "bucket_display_name", "media_type",
)  # fmt: skip


class ContentResolver:
    """`query`, `insert`, `update` and `delete` of content:// URIs.

    All raise ValueError for an unknown URI or a column that is none, and sqlite3.Error for SQL that SQLite refuses.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def query(
        self, uri: str, projection: Sequence[str] = (), where: str = "", arguments: Sequence[Any] = (), order: str = ""
    ) -> tuple[list[str], list[Row]]:
        """Return the column names and rows of a URI; an empty projection is all columns."""
        authority, path = _split(uri)
        if authority == "settings":
            return self._settings_rows(uri, path, projection, where, arguments)
        if authority == "media":
            return self._media_rows(uri, path, projection, where, arguments, order)
        source = self._source(uri)
        columns = ", ".join(quoted(name) for name in projection) or "*"
        condition = f"({source.where})" + (f" AND ({where})" if where else "")
        inner = () if "?" not in source.table else source.bound
        bound = (*inner, *(() if inner else source.bound), *arguments)
        sql = f"SELECT {columns} FROM {source.table} WHERE {condition} ORDER BY {order or source.order}"
        database = self._database(source)
        names = list(projection) or _columns(database, source.table)
        known = _columns(database, source.table)
        for name in projection:
            if name not in known:
                raise ValueError(f"Invalid column {name}")
        return names, database.execute(sql, bound)

    def insert(self, uri: str, values: Mapping[str, Any]) -> str:
        """Insert a row and return its URI."""
        authority, path = _split(uri)
        if authority == "settings":
            space = self._namespace(uri, path)
            self._state.settings.put(space, str(values.get("name", "")), str(values.get("value", "")))
            return f"content://settings/{space}/{values.get('name', '')}"
        source = self._source(uri)
        if not source.writes:
            raise ValueError(f"Unknown URI {uri}")
        row = self._translated(source, {**dict(source.values), **values})
        if source.writes == "sms":
            row.setdefault("date", self._state.clock.now_ms)
            row.setdefault("type", INBOX)
        number = self._database(source).insert(source.writes, row)
        return f"content://{authority}/{_folder(authority, path)}{number}"

    def update(self, uri: str, values: Mapping[str, Any], where: str = "", arguments: Sequence[Any] = ()) -> int:
        """Change rows and return how many."""
        source = self._source(uri)
        row = self._translated(source, dict(values))
        if not row:
            return 0
        changed = ", ".join(f"{quoted(name)} = ?" for name in row)
        return self._write(source, f"UPDATE {source.writes} SET {changed}", tuple(row.values()), where, arguments, uri)

    def delete(self, uri: str, where: str = "", arguments: Sequence[Any] = ()) -> int:
        """Delete rows and return how many."""
        authority, path = _split(uri)
        if authority == "settings":
            space, _, key = path.partition("/")
            match = re.fullmatch(r"\s*name\s*=\s*'?([^']*)'?\s*", where)
            return self._state.settings.delete(self._namespace(uri, space), key or (match[1] if match else ""))
        if authority == "media":
            return self._delete_media(uri, where, arguments)
        source = self._source(uri)
        return self._write(source, f"DELETE FROM {source.writes}", (), where, arguments, uri)

    # ------------------------------------------------------------ tables

    def _source(self, uri: str) -> Source:
        authority, path = _split(uri)
        find = _AUTHORITIES.get(authority)
        source = find(path) if find else None
        if source is None:
            raise ValueError(f"Unknown URI {uri}" if find else f"Could not find provider: {authority}")
        return source

    def _database(self, source: Source) -> Database:
        return self._state.app_database(*source.database)

    def _translated(self, source: Source, values: dict[str, Any]) -> dict[str, Any]:
        """Return values for the written table: a data row's MIME type becomes its number."""
        database = self._database(source)
        if source.writes == "data" and "mimetype" in values:
            kind = str(values.pop("mimetype"))
            found = database.execute("SELECT _id FROM mimetypes WHERE mimetype = ?", (kind,))
            values["mimetype_id"] = found[0][0] if found else database.insert("mimetypes", {"mimetype": kind})
        if source.writes == "raw_contacts":
            values = {k: v for k, v in values.items() if k not in ("account_name", "account_type")}
        known = _columns(database, source.writes) if source.writes else []
        for name in values:
            if name not in known:
                raise ValueError(f"Invalid column {name}")
        return values

    def _write(
        self, source: Source, sql: str, values: tuple[Any, ...], where: str, arguments: Sequence[Any], uri: str
    ) -> int:
        if not source.writes:
            raise ValueError(f"Unknown URI {uri}")
        database = self._database(source)
        condition = f"({source.where})" + (f" AND ({where})" if where else "")
        chosen = f"SELECT _id FROM {source.table} WHERE {condition}"
        rows = [row[0] for row in database.execute(chosen, (*source.bound, *arguments))]
        for start in range(0, len(rows), 500):
            some = rows[start : start + 500]
            holes = ",".join("?" * len(some))
            database.execute(f"{sql} WHERE _id IN ({holes})", (*values, *some))
        return len(rows)

    # ------------------------------------------------------------ settings

    def _namespace(self, uri: str, path: str) -> str:
        space = path.partition("/")[0]
        if space not in NAMESPACES:
            raise ValueError(f"Unknown URI {uri}")
        return space

    def _settings_rows(
        self, uri: str, path: str, projection: Sequence[str], where: str, arguments: Sequence[Any]
    ) -> tuple[list[str], list[Row]]:
        space, _, key = path.partition("/")
        table = self._state.settings.list(self._namespace(uri, space))
        rows = [(number, name, value) for number, (name, value) in enumerate(table.items(), 1) if key in ("", name)]
        return _select(("_id", "name", "value"), rows, projection, where, arguments, "_id")

    # ------------------------------------------------------------ media

    def _media(self, kind: str) -> list[Row]:
        """Return a row for each shared file whose MIME type is of a kind; hidden folders are not scanned."""
        files, found = self._state.files, []
        for path, here in files.walk(SHARED_STORAGE):
            name = path.rpartition("/")[2]
            mime = mime_type(path)
            folder = path[len(SHARED_STORAGE) + 1 : -len(name)]
            if not here.is_file or "/." in path or not mime.startswith(_MEDIA[kind]):
                continue
            if folder.startswith("Android/") or (kind == "downloads" and not folder.startswith("Download/")):
                continue
            kinds = {"image": 1, "audio": 2, "video": 3}
            seconds = here.mtime_us // 1_000_000
            bucket = folder.rstrip("/").rpartition("/")[2]
            media = kinds.get(mime.partition("/")[0], 0)
            title = name.rpartition(".")[0] or name
            number = 1000 + zlib.crc32(raw(path)) % 1_000_000
            found.append((number, path, name, here.size, mime, title, seconds, seconds, folder, bucket, media))
        return found

    def _media_rows(
        self, uri: str, path: str, projection: Sequence[str], where: str, arguments: Sequence[Any], order: str
    ) -> tuple[list[str], list[Row]]:
        match = re.fullmatch(r"(?:external|external_primary)/(\w+)(?:/media)?(?:/(\d+))?", path)
        if match is None or match[1] not in _MEDIA:
            raise ValueError(f"Unknown URI {uri}")
        rows = [row for row in self._media(match[1]) if not match[2] or row[0] == int(match[2])]
        return _select(_MEDIA_COLUMNS, rows, projection, where, arguments, order or "_data")

    def _delete_media(self, uri: str, where: str, arguments: Sequence[Any]) -> int:
        _, rows = self._media_rows(uri, _split(uri)[1], ("_data",), where, arguments, "")
        for (path,) in rows:
            self._state.files.remove(path)
        return len(rows)


def _split(uri: str) -> tuple[str, str]:
    """Return authority and path of a content URI, the query cut off."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme != "content":
        raise ValueError(f"Unknown URI {uri}")
    authority, _, path = rest.partition("?")[0].partition("/")
    return authority.rpartition("@")[2], path.strip("/")


def _folder(authority: str, path: str) -> str:
    """Return the path in front of the number of an inserted row."""
    return "" if authority == "sms" else path.rstrip("/") + "/"


def _decoded(text: str) -> str:
    return re.sub("%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)


def _columns(database: Database, table: str) -> list[str]:
    """Return the column names of a table, a view or a bracketed query."""
    return database.run(f"SELECT * FROM {table.replace('?', 'NULL')} LIMIT 0")[0]


def _select(
    columns: Sequence[str],
    rows: Sequence[Row],
    projection: Sequence[str],
    where: str,
    arguments: Sequence[Any],
    order: str,
) -> tuple[list[str], list[Row]]:
    """Return what SQL makes of rows that lie in no database."""
    for name in projection:
        if name not in columns:
            raise ValueError(f"Invalid column {name}")
    connection = sqlite3.connect(":memory:")
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute(f"CREATE TABLE t ({', '.join(columns)})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", rows)
        chosen = ", ".join(quoted(name) for name in projection or columns)
        sql = f"SELECT {chosen} FROM t WHERE {where or 1} ORDER BY {order}"
        return list(projection or columns), connection.execute(sql, tuple(arguments)).fetchall()
    finally:
        connection.close()
