"""`adb shell` without a command: a prompt, an echo and enough editing of the line to be used by a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

MAX_LINE = 64 << 10
"""Bytes of one line; what a person or a program types beyond is dropped."""

_INTERRUPT, _END, _BACKSPACE, _DELETE, _ESCAPE, _KILL_LINE = 0x03, 0x04, 0x08, 0x7F, 0x1B, 0x15


class Terminal:
    """The line discipline of a pty in front of the device's shell.

    Args:
        run: runs a line, returns (stdout, stderr, exit code).
        read: returns some typed bytes; b"" is the end.
        write: shows bytes.
        prompt: returns what stands before a line.
    """

    def __init__(
        self,
        run: Callable[[str], Awaitable[tuple[bytes, bytes, int]]],
        read: Callable[[], Awaitable[bytes]],
        write: Callable[[bytes], Awaitable[None]],
        prompt: Callable[[], bytes],
    ) -> None:
        self._run, self._read, self._write, self._prompt = run, read, write, prompt
        self._line = bytearray()
        self._code = 0

    async def run(self) -> int:
        """Serve until `exit`, Ctrl-D or the end of the input; return the last exit code."""
        await self._write(self._prompt())
        in_escape = False
        while data := await self._read():
            for byte in data:
                if in_escape or byte == _ESCAPE:  # arrow keys and the like: ESC [ ... letter
                    in_escape = byte == _ESCAPE or byte == ord("[") or not chr(byte).isalpha()
                elif not await self._typed(byte):
                    return self._code
        return self._code

    async def _typed(self, byte: int) -> bool:
        """Take one typed byte; return False when the session ends."""
        if byte in b"\r\n":
            line = self._line.decode("utf-8", "replace").strip()
            self._line.clear()
            await self._write(b"\r\n")
            return await self._entered(line)
        if byte in (_BACKSPACE, _DELETE):
            if self._line:
                while self._line and self._line.pop() & 0xC0 == 0x80:
                    pass  # the rest of a character of several bytes
                await self._write(b"\b \b")
        elif byte == _KILL_LINE:
            await self._write(b"\b \b" * len(self._line.decode("utf-8", "replace")))
            self._line.clear()
        elif byte == _INTERRUPT:
            self._line.clear()
            self._code = 130
            await self._write(b"^C\r\n" + self._prompt())
        elif byte == _END:
            if not self._line:
                await self._write(b"\r\n")
                return False
        elif byte >= 0x20 and len(self._line) < MAX_LINE:
            self._line.append(byte)
            await self._write(bytes([byte]))
        return True

    async def _entered(self, line: str) -> bool:
        """Run a line; return False when it is `exit`."""
        words = line.split()
        if words[:1] == ["exit"]:
            self._code = int(words[1]) & 0xFF if len(words) > 1 and words[1].isdecimal() else self._code
            return False
        if line:
            stdout, stderr, self._code = await self._run(line)
            await self._write((stdout + stderr).replace(b"\n", b"\r\n"))
        await self._write(self._prompt())
        return True
