"""The compiled AndroidManifest.xml of an APK: just enough to install it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from vlgym.android.state.packages import ActivityInfo, Filter

_XML, _STRINGS, _START, _END = 0x0003, 0x0001, 0x0102, 0x0103
_UTF8 = 0x100
_TYPE_REFERENCE, _TYPE_STRING, _TYPE_BOOLEAN = 0x01, 0x03, 0x12
MAX_ELEMENTS = 100_000


@dataclass(slots=True)
class Manifest:
    """What is taken from a manifest."""

    package: str = ""
    label: str = ""
    version: tuple[int, str] = (1, "1.0")
    permissions: list[str] = field(default_factory=list)
    activities: list[ActivityInfo] = field(default_factory=list)


def read_manifest(data: bytes) -> Manifest:
    """Return what a binary manifest says; raises ValueError if it is none."""
    found, path = Manifest(), list[str]()
    actions: list[str] = []
    categories: list[str] = []
    schemes: list[str] = []
    try:
        for kind, name, values in _events(data):
            if kind == _END:
                if name == "intent-filter" and path[-2:-1] == ["activity"] and found.activities:
                    last = found.activities[-1]
                    made = Filter(tuple(actions), tuple(categories), tuple(schemes))
                    found.activities[-1] = ActivityInfo(last.name, last.label, (*last.filters, made))
                del path[-1:]
                continue
            path.append(name)
            if name == "manifest":
                found.package = str(values.get("package", ""))
                found.version = (int(values.get("versionCode", 1)), str(values.get("versionName", "1.0")))
            elif name == "uses-permission":
                found.permissions.append(str(values.get("name", "")))
            elif name == "application":
                found.label = str(values.get("label", ""))
            elif name in ("activity", "activity-alias"):
                path[-1] = "activity"
                found.activities.append(ActivityInfo(str(values.get("name", "")), str(values.get("label", ""))))
            elif name == "intent-filter":
                actions, categories, schemes = [], [], []
            elif name in ("action", "category", "data"):
                lists = {"action": (actions, "name"), "category": (categories, "name"), "data": (schemes, "scheme")}
                target, key = lists[name]
                target += [str(values[key])] if key in values else []
    except (struct.error, IndexError, UnicodeDecodeError, MemoryError) as error:
        raise ValueError(f"Corrupt XML binary file ({error})") from error
    if not found.package:
        raise ValueError("no package in AndroidManifest.xml")
    return found


def _events(data: bytes) -> Iterator[tuple[int, str, dict[str, str | int]]]:
    """Yield (start or end, tag, attributes) of each element."""
    kind, _, size = struct.unpack_from("<HHI", data, 0)
    if kind != _XML or size > len(data):
        raise ValueError("Corrupt XML binary file")
    strings: list[str] = []
    place, count = 8, 0
    while place < size:
        kind, head, length = struct.unpack_from("<HHI", data, place)
        count += 1
        if length < 8 or place + length > size or count > MAX_ELEMENTS:
            raise ValueError("Corrupt XML binary file")
        if kind == _STRINGS:
            strings = _pool(data, place)
        elif kind == _END:
            yield kind, strings[struct.unpack_from("<I", data, place + head + 4)[0]], {}
        elif kind == _START:
            _, tag, start, width, number = struct.unpack_from("<IIHHH", data, place + head)
            values: dict[str, str | int] = {}
            for index in range(number):
                _, name, raw, _, _, form, value = struct.unpack_from(
                    "<IIIHBBi", data, place + head + start + index * width
                )
                if form == _TYPE_STRING and 0 <= value < len(strings):
                    values[strings[name]] = strings[value]
                elif raw != 0xFFFFFFFF:
                    values[strings[name]] = strings[raw]
                elif form != _TYPE_REFERENCE:
                    values[strings[name]] = value
            yield kind, strings[tag], values
        place += length


def _pool(data: bytes, place: int) -> list[str]:
    _, head, _, count, _, flags, start, _ = struct.unpack_from("<HHIIIIII", data, place)
    found = []
    for index in range(min(count, MAX_ELEMENTS)):
        offset = place + start + struct.unpack_from("<I", data, place + head + 4 * index)[0]
        if flags & _UTF8:
            offset += 2 if data[offset] & 0x80 else 1
            size = data[offset]
            offset += 1
            if size & 0x80:
                size = (size & 0x7F) << 8 | data[offset]
                offset += 1
            found.append(data[offset : offset + size].decode("utf-8", "replace"))
        else:
            (size,) = struct.unpack_from("<H", data, offset)
            offset += 2
            if size & 0x8000:
                size = (size & 0x7FFF) << 16 | struct.unpack_from("<H", data, offset)[0]
                offset += 2
            found.append(data[offset : offset + 2 * size].decode("utf-16-le", "replace"))
    return found
