"""The log buffers behind `logcat`: AOSP's line formats, filters, rings and a cursor for followers."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vlgym.android.state.clock import Clock

BUFFERS = ("main", "system", "radio", "events", "crash", "kernel")
PRIORITIES = "VDIWEFS"
_NEVER = -(1 << 62)
CAPACITY = 4096
"""Lines kept; older ones fall out, as from logd's ring."""
FORMATS = ("brief", "long", "process", "raw", "tag", "thread", "threadtime", "time")
MODIFIERS = ("epoch", "monotonic", "uid", "usec", "nsec", "UTC", "year", "zone", "color", "printable", "descriptive")


class LogEntry(NamedTuple):
    """One log record: times in microseconds (wall, since boot), priority a letter of `PRIORITIES`."""

    wall_us: int
    uptime_us: int
    pid: int
    tid: int
    uid: int
    buffer: str
    priority: str
    tag: str
    message: str


class LogBuffer:
    """All log buffers of one device in the order of writing.

    A follower keeps a cursor (`end` at the time it looked) and asks `since(cursor)`; cursors go up for the life of the
    process, also over `load`, so that a follower never sees restored history twice.

    Attributes:
        listeners: called with no argument after each line, for doors that wake a follower.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[tuple[Any, ...]] = []
        self._written = 0
        self._cleared: dict[str, int] = {}
        self._packed: tuple[int, int, bytes] = (-1, -1, b"")
        self.listeners: list[Callable[[], None]] = []

    def write(
        self,
        tag: str,
        message: str,
        priority: str = "I",
        *,
        pid: int = 1,
        tid: int = 0,
        uid: int = 1000,
        buffer: str = "",
    ) -> None:
        """Append a record; `buffer` defaults to "main" for apps and "system" for system processes (uid < 10000)."""
        place = buffer or ("system" if uid < 10000 else "main")
        clock = self._clock
        entry = (clock.now_us, clock.uptime_us, pid, tid or pid, uid, place, priority, tag, message)
        self._entries.append(entry)
        self._written += 1
        if len(self._entries) > CAPACITY + CAPACITY // 4:
            del self._entries[:-CAPACITY]
        for listener in self.listeners:
            listener()

    @property
    def end(self) -> int:
        """Cursor behind the newest record."""
        return self._written

    def since(self, cursor: int) -> list[LogEntry]:
        """Return the records written after a cursor, oldest first, as far as the ring still has them."""
        count = min(self._written - cursor, len(self._entries))
        return [LogEntry(*entry) for entry in self._entries[-count:]] if count > 0 else []

    def entries(self, buffers: Iterable[str] = BUFFERS) -> list[LogEntry]:
        """Return the records of some buffers that are not cleared, oldest first."""
        first = self._written - len(self._entries)
        wanted = {name: self._cleared.get(name, _NEVER) for name in buffers}
        return [
            LogEntry(*entry)
            for number, entry in enumerate(self._entries, first)
            if entry[5] in wanted and number >= wanted[entry[5]]
        ]

    def clear(self, buffers: Iterable[str] = BUFFERS) -> None:
        """Empty some buffers."""
        for name in buffers:
            self._cleared[name] = self._written

    def export(self) -> bytes:
        """Return the ring as bytes; unchanged rings cost nothing."""
        stamp = (self._written, sum(self._cleared.values()))
        if self._packed[:2] != stamp:
            live = [tuple(entry) for entry in self.entries()]
            self._packed = (*stamp, marshal.dumps(live, 2))
        return self._packed[2]

    def load(self, data: bytes) -> None:
        """Replace the ring; nothing of it counts as new for a follower."""
        if data != self.export():
            self._entries = marshal.loads(data)
            self._cleared = {}
            self._packed = (self._written, 0, data)


@dataclass(slots=True)
class LogcatOptions:
    """What a `logcat` command line asks for; see `parse_logcat`."""

    buffers: tuple[str, ...] = ("main", "system", "crash")
    format: str = "threadtime"
    modifiers: frozenset[str] = frozenset()
    filters: dict[str, str] = field(default_factory=dict)
    default: str = "V"
    pid: int = 0
    dump: bool = False
    clear: bool = False
    size: bool = False
    tail: int = -1
    pattern: str = ""
    max_count: int = 0
    follow: bool = True

    def wants(self, entry: LogEntry) -> bool:
        """Return whether the buffer, the process and the tag filters let an entry through."""
        if entry.buffer not in self.buffers or (self.pid and entry.pid != self.pid):
            return False
        level = self.filters.get(entry.tag, self.default)
        return level != "S" and PRIORITIES.index(entry.priority) >= PRIORITIES.index(level)


def logcat_lines(entry: LogEntry, options: LogcatOptions, clock: Clock) -> str:
    """Return an entry as `logcat` prints it, one line for each line of the message, each ended by a newline."""
    _, _, pid, tid, uid, _, prio, tag, message = entry
    stamp = _stamp(entry, options, clock)
    who = f"{uid:>5}:" if "uid" in options.modifiers else ""
    prefix = {
        "brief": f"{prio}/{tag:<8}({who}{pid:>5}): ",
        "process": f"{prio}({who}{pid:>5}) ",
        "tag": f"{prio}/{tag:<8}: ",
        "thread": f"{prio}({who}{pid:>5}:{tid:>5}) ",
        "time": f"{stamp} {prio}/{tag:<8}({who}{pid:>5}): ",
        "threadtime": f"{stamp} {who}{pid:>5} {tid:>5} {prio} {tag:<8}: ",
        "raw": "",
    }
    if options.format == "long":
        return f"[ {stamp} {who}{pid:>5}:{tid:>5} {prio}/{tag:<8} ]\n{message}\n\n"
    suffix = f"  ({tag})\n" if options.format == "process" else "\n"
    return "".join(prefix[options.format] + line + suffix for line in (message.split("\n") if message else [""]))


def _stamp(entry: LogEntry, options: LogcatOptions, clock: Clock) -> str:
    digits = 9 if "nsec" in options.modifiers else 6 if "usec" in options.modifiers else 3
    monotonic = "monotonic" in options.modifiers
    micros = entry.uptime_us if monotonic else entry.wall_us
    fraction = f"{micros % 1_000_000:06d}000"[:digits]
    if monotonic or "epoch" in options.modifiers:
        return f"{micros // 1_000_000:>{6 if monotonic else 19}}.{fraction}"
    moment = clock.utc(micros) if "UTC" in options.modifiers else clock.local(micros)
    year = f"{moment.year}-" if "year" in options.modifiers else ""
    zone = moment.strftime(" %z") if "zone" in options.modifiers else ""
    return f"{year}{moment:%m-%d %H:%M:%S}.{fraction}{zone}"


def parse_logcat(arguments: Sequence[str], environment_tags: str = "") -> LogcatOptions:
    """Return the options of a `logcat` command line.

    Args:
        arguments: what follows the word logcat.
        environment_tags: the value of ANDROID_LOG_TAGS, used where the line has no filter.

    Raises:
        ValueError: the message that logcat prints.
    """
    options, filters = LogcatOptions(), []
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and name in ("buffer", "format", "pid", "regex", "max-count", "tail", "uid"):
                value = _operand(todo, word)
            _set_option(options, name, value)
        elif word.startswith("-") and len(word) > 1:
            letter, value = word[1], word[2:]
            if letter in "bvTtemf" and not value:
                value = _operand(todo, word)
            _set_option(options, letter, value)
            if letter in "cdgDSL" and value:
                todo.insert(0, "-" + value)
        else:
            filters.append(word)
    for spec in filters or environment_tags.split():
        _set_filter(options, spec)
    return options


def _operand(todo: list[str], option: str) -> str:
    if not todo:
        raise ValueError(f"option requires an argument -- '{option.lstrip('-')}'")
    return todo.pop(0)


def _set_option(options: LogcatOptions, name: str, value: str) -> None:
    if name in ("b", "buffer"):
        names = [part for word in value.split(",") for part in _buffers(word)]
        fresh = options.buffers == LogcatOptions().buffers
        options.buffers = tuple(dict.fromkeys(names if fresh else [*options.buffers, *names]))
    elif name in ("v", "format"):
        for part in value.replace(",", " ").split():
            if part in FORMATS:
                options.format = part
            elif part in MODIFIERS:
                options.modifiers |= {part}
            else:
                raise ValueError(f'Invalid parameter "{part}" to -v')
    elif name in ("t", "T", "tail"):
        options.tail = int(value) if value.isdigit() else -1
        options.dump |= name == "t"
    elif name == "pid":
        options.pid = int(value) if value.isdigit() else -1
    elif name in ("e", "regex"):
        options.pattern = value
    elif name in ("m", "max-count"):
        options.max_count = int(value) if value.isdigit() else 0
    elif name in ("c", "clear"):
        options.clear = True
    elif name in ("d", "L", "last"):
        options.dump = True
    elif name in ("g", "buffer-size"):
        options.size = True
    elif name == "s":
        options.default = "S"
    elif name not in ("D", "dividers", "S", "statistics", "uid", "f", "wrap", "print"):
        raise ValueError(f"unrecognized option '{name}'")


def _buffers(name: str) -> tuple[str, ...]:
    if name == "all":
        return BUFFERS
    if name == "default":
        return LogcatOptions().buffers
    if name not in BUFFERS:
        raise ValueError(f"unknown buffer {name}")
    return (name,)


def _set_filter(options: LogcatOptions, spec: str) -> None:
    tag, colon, level = spec.partition(":")
    letter = (level[:1] or "V").upper() if colon else "V"
    letter = {"*": "V"}.get(letter, letter)
    if letter not in PRIORITIES:
        raise ValueError(f"Invalid filter expression '{spec}'")
    if tag == "*":
        options.default = letter
    else:
        options.filters[tag] = letter
