"""One invocation of a command, as the command sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from vlgym.android.shell.io import Sink, Source, encode

if TYPE_CHECKING:
    from vlgym.android.shell.interpreter import Shell


T = TypeVar("T")


class Exit(Exception):
    """`exit`: leave the shell."""

    def __init__(self, code: int) -> None:
        self.code = code


class Return(Exit):
    """`return`: leave a function or a sourced script."""


class Break(Exception):
    """`break` and `continue`."""

    def __init__(self, levels: int, *, go_on: bool) -> None:
        self.levels, self.go_on = levels, go_on


class Usage(Exception):
    """The options are wrong; the message goes to standard error and the status is 1."""


class Call:
    """Words, streams and device of one command.

    Attributes:
        shell, device, state, files, user: where it runs and as whom.
        arguments: its words; the first is its name.
    """

    def __init__(self, shell: Shell, arguments: list[str], source: Source, out: Sink, err: Sink) -> None:
        self.shell = shell
        self.device = shell.device
        self.state = shell.state
        self.files = shell.files
        self.user = shell.user
        self.arguments = arguments
        self.source = source
        self._out, self._err = out, err
        self.code = 0

    @property
    def name(self) -> str:
        """The command's name without folders."""
        return self.arguments[0].rpartition("/")[2]

    @property
    def words(self) -> list[str]:
        """What follows the name."""
        return self.arguments[1:]

    def write(self, text: str | bytes) -> None:
        """Print to standard output."""
        self._out.write(encode(text) if isinstance(text, str) else text)

    def line(self, text: str = "") -> None:
        """Print a line to standard output."""
        self.write(text + "\n")

    def error(self, text: str) -> None:
        """Print a line to standard error as it is."""
        self._err.write(encode(text + "\n"))

    def fail(self, message: str, code: int = 1) -> int:
        """Print ``name: message`` to standard error and return the status, which the command also keeps."""
        self.error(f"{self.name}: {message}")
        self.code = code
        return code

    def path(self, name: str) -> str:
        """Return the absolute path of a name."""
        return self.shell.path(name)

    def read(self, name: str) -> bytes:
        """Return a file's contents, or standard input for "-"."""
        return self.source.read() if name == "-" else self.attempt(name, lambda path: self.files.read(path, self.user))

    def attempt(self, name: str, action: Callable[[str], T]) -> T:
        """Do something with a path; an OSError speaks of the name as it was written."""
        try:
            if not name:
                raise FileNotFoundError(2, "No such file or directory", name)
            return action(self.path(name))
        except OSError as error:
            raise OSError(error.errno, error.strerror, name) from error

    def inputs(self, names: list[str]) -> list[tuple[str, bytes]]:
        """Return (name, contents) of files, standard input if there are none; missing ones are complained of."""
        found = []
        for name in names or ["-"]:
            try:
                found.append((name, self.read(name)))
            except OSError as error:
                self.fail(f"{error.filename}: {error.strerror}")
        return found

    def options(self, flags: str, valued: str = "", *, stop: bool = False) -> tuple[dict[str, str], list[str]]:
        """Return (options, operands) of the words, options anywhere among them as toybox takes them.

        Args:
            flags: letters without a value; a given one is in the result, its value as long as it was often given.
            valued: letters with one.
            stop: take no option after the first operand.

        Raises:
            Usage: an unknown option, or a value that is missing.
        """
        found: dict[str, str] = {}
        operands: list[str] = []
        words = list(self.words)
        while words:
            word = words.pop(0)
            if word == "--":
                operands += words
                break
            if len(word) < 2 or word[0] != "-" or word.startswith("--") or (stop and operands):
                if word.startswith("--") and not (stop and operands):
                    raise Usage(f"Unknown option '{word[2:]}' (see \"{self.name} --help\")")
                operands.append(word)
                continue
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter in valued:
                    if not letters and not words:
                        raise Usage(f"Missing argument to -{letter}")
                    found[letter], letters = letters or words.pop(0), ""
                elif letter in flags:
                    found[letter] = found.get(letter, "") + letter
                else:
                    raise Usage(f"Unknown option '{letter}' (see \"{self.name} --help\")")
        return found, operands
