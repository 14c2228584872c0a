"""Standard streams of commands: bytes in memory and files of the device."""

from __future__ import annotations

from vlgym.android.state.files import Credentials, FileSystem

MAX_OUTPUT = 16 << 20
"""Bytes that a command line may write before it is cut off."""


def encode(text: str) -> bytes:
    """Return text as bytes: bytes that came in come out, and what no byte stands for becomes a question mark."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def clean(text: str) -> str:
    """Return text that apps and databases can take: bytes that are no UTF-8 become replacement characters."""
    return encode(text).decode("utf-8", "replace")


def byte(code: int) -> str:
    """Return the character that `encode` makes one byte of."""
    return chr(code) if code < 128 else chr(0xDC00 + code)


class OutputLimit(Exception):
    """A command line wrote more than `MAX_OUTPUT` bytes."""


class Source:
    """A stream to read: what is left of some bytes. Commands that share it go on where the last one stopped."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._place = 0

    def read(self) -> bytes:
        """Return all that is left."""
        found = self._data[self._place :]
        self._place = len(self._data)
        return found

    def line(self) -> bytes:
        """Return the next line with its newline; empty at the end."""
        end = self._data.find(b"\n", self._place)
        end = len(self._data) if end < 0 else end + 1
        found = self._data[self._place : end]
        self._place = end
        return found


class Sink:
    """A stream to write into memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > MAX_OUTPUT:
            raise OutputLimit

    def value(self) -> bytes:
        """Return what was written."""
        return b"".join(self._parts)

    def flush(self) -> None:
        """Write what is held back."""


class FileSink(Sink):
    """A stream into a file of the device, which is made or cut when the stream is opened."""

    def __init__(self, files: FileSystem, path: str, who: Credentials, *, append: bool) -> None:
        super().__init__()
        self._files, self._path, self._who = files, path, who
        if not append or not files.exists(path):
            files.write(path, b"", who)
        elif not files.access(path, 2, who):
            files.write(path, b"", who, append=True)

    def write(self, data: bytes) -> None:
        """Append bytes; they reach the file at `flush`."""
        super().write(data)

    def flush(self) -> None:
        """Append what was written to the file."""
        if self._parts and self._files.exists(self._path):
            self._files.write(self._path, b"".join(self._parts), self._who, append=True)
        self._parts = []
