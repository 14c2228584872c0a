"""screencap, uiautomator and screenrecord."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from vlgym.android.shell.call import Call


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return uint8 [H, W, 3] as a PNG file."""
    height, width, _ = picture.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row begins with filter type 0
    rows[:, 1:] = picture.reshape(height, 3 * width)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows.tobytes(), 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def screencap(call: Call) -> int:
    """Write a picture of the screen: PNG with -p or to a .png file, else raw RGBA with a header of four numbers."""
    flags, names = call.options("phj", "d")
    picture = call.device.screenshot()
    if "p" in flags or (names and names[0].endswith(".png")):
        data = png(picture)
    else:
        height, width, _ = picture.shape
        rgba = np.dstack([picture, np.full((height, width), 255, np.uint8)])
        data = struct.pack("<4I", width, height, 1, 1) + rgba.tobytes()
    if names:
        call.attempt(names[0], lambda path: call.files.write(path, data, call.user))
    else:
        call.write(data)
    return 0


def uiautomator(call: Call) -> int:
    """Write the view hierarchy to a file: ``uiautomator dump [--compressed] [FILE]``."""
    words = [word for word in call.words if not word.startswith("--")]
    if words[:1] != ["dump"]:
        call.error("Usage: uiautomator <subcommand> [options]\n\nAvailable subcommands:\n\n"
                   "help: displays help message\n\n"
                   "dump: creates an XML dump of current UI hierarchy")  # fmt: skip
        return 1
    name = words[1] if len(words) > 1 else "/sdcard/window_dump.xml"
    xml = call.device.hierarchy().encode("utf-8", "replace")
    if name == "/dev/tty":
        call.write(xml)
    else:
        call.attempt(name, lambda path: call.files.write(path, xml, call.user))
    call.line(f"UI hierchary dumped to: {name}")
    return 0


COMMANDS = {"screencap": screencap, "uiautomator": uiautomator}
