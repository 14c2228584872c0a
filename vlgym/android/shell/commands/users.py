"""Names of users and groups."""

from __future__ import annotations

import re

_NAMES = {0: "root", 1000: "system", 1001: "radio", 1002: "bluetooth", 1004: "input", 1007: "log", 1011: "adb",
          1013: "media", 1015: "sdcard_rw", 1023: "media_rw", 1028: "sdcard_r", 1036: "logd", 1078: "ext_data_rw",
          2000: "shell", 3001: "net_bt_admin", 3002: "net_bt", 3003: "inet", 3006: "net_bw_stats", 3009: "readproc",
          3011: "uhid", 9997: "everybody", 9998: "misc", 9999: "nobody"}  # fmt: skip
_NUMBERS = {name: number for number, name in _NAMES.items()}


def name_of(number: int) -> str:
    """Return the name of a user or group id."""
    if 10000 <= number < 20000:
        return f"u0_a{number - 10000}"
    return _NAMES.get(number, str(number))


def number_of(name: str) -> int:
    """Return the id of a user or group name or number; raises KeyError."""
    if name.isdigit():
        return int(name)
    if match := re.fullmatch(r"u0_a(\d+)", name):
        return 10000 + int(match[1])
    return _NUMBERS[name]
