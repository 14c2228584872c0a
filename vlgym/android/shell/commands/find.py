"""find and xargs."""

from __future__ import annotations

import re
from collections.abc import Callable

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.expand import pattern_regex
from vlgym.android.state.files import Stat

Test = Callable[[str, Stat], bool]
_SIZES = {"c": 1, "w": 2, "": 512, "b": 512, "k": 1024, "M": 1 << 20, "G": 1 << 30}


class _Find:
    """An expression of find, compiled to one function."""

    def __init__(self, call: Call, words: list[str]) -> None:
        self.call, self.words, self.place = call, words, 0
        self.depth = (0, 10**6)
        self.prints = True
        self.depth_first = False
        self.batches: list[tuple[list[str], list[str]]] = []
        self.test: Test = self._either() if words else lambda path, here: True
        if self.place < len(words):
            raise Usage(f"bad arg '{words[self.place]}'")

    def _peek(self) -> str:
        return self.words[self.place] if self.place < len(self.words) else ""

    def _either(self) -> Test:
        tests = [self._all()]
        while self._peek() in ("-o", "-or"):
            self.place += 1
            tests.append(self._all())
        return lambda path, here: any(test(path, here) for test in tests)

    def _all(self) -> Test:
        tests = []
        while self.place < len(self.words) and self._peek() not in ("-o", "-or", ")"):
            if self._peek() in ("-a", "-and"):
                self.place += 1
                continue
            tests.append(self._one())
        if not tests:
            raise Usage(f"bad arg '{self._peek()}'")
        return lambda path, here: all(test(path, here) for test in tests)

    def _one(self) -> Test:
        word = self._peek()
        self.place += 1
        if word in ("!", "-not"):
            inner = self._one()
            return lambda path, here: not inner(path, here)
        if word == "(":
            inner = self._either()
            if self._peek() != ")":
                raise Usage("need )")
            self.place += 1
            return inner
        simple = {"-print": self._print("\n"), "-print0": self._print("\0"), "-true": lambda path, here: True,
                  "-false": lambda path, here: False, "-empty": self._empty, "-delete": self._delete,
                  "-depth": lambda path, here: True, "-xdev": lambda path, here: True,
                  "-prune": lambda path, here: True}  # fmt: skip
        if word in simple:
            self.prints &= word not in ("-print", "-print0")
            self.depth_first |= word in ("-delete", "-depth")
            return simple[word]
        if word in ("-exec", "-ok"):
            return self._exec()
        operand = self._peek()
        if self.place >= len(self.words):
            raise Usage(f"'{word}' needs 1 arg")
        self.place += 1
        return self._with(word, operand)

    def _with(self, word: str, operand: str) -> Test:
        if word in ("-name", "-iname", "-path", "-wholename", "-ipath"):
            flags = re.IGNORECASE if word.startswith("-i") else 0
            regex = re.compile(pattern_regex(operand, slashes=True) + r"\Z", flags)
            whole = "name" not in word or word == "-wholename"
            return lambda path, here: bool(regex.match(path if whole else path.rstrip("/").rpartition("/")[2] or path))
        if word == "-type":
            kinds = {"f": 0o100000, "d": 0o040000, "l": 0o120000, "c": 0o020000, "b": 0o060000, "p": 0o010000}
            wanted = {kinds.get(letter, -1) for letter in operand if letter != ","}
            return lambda path, here: here.mode & 0o170000 in wanted
        if word in ("-maxdepth", "-mindepth") and operand.isdigit():
            low, high = self.depth
            self.depth = (low, int(operand)) if word == "-maxdepth" else (int(operand), high)
            return lambda path, here: True
        if word == "-newer":
            limit = self.call.attempt(operand, lambda path: self.call.files.stat(path, self.call.user)).mtime_us
            return lambda path, here: here.mtime_us > limit
        if word == "-perm" and re.fullmatch(r"[-/]?[0-7]+", operand):
            bits = int(operand.lstrip("-/"), 8)
            if operand[0] == "-":
                return lambda path, here: here.mode & bits == bits
            return lambda path, here: bool(here.mode & bits) if operand[0] == "/" else here.mode & 0o7777 == bits
        match = re.fullmatch(r"([-+]?)(\d+)([cwbkMGsmhd]?)", operand)
        if word in ("-size", "-mtime", "-mmin") and match:
            sign, number, unit = match[1], int(match[2]), match[3]
            return lambda path, here: _compare(sign, self._measure(word, unit, here), number)
        raise Usage(f"bad arg '{word}'")

    def _measure(self, word: str, unit: str, here: Stat) -> int:
        if word == "-size":
            return -(-here.size // _SIZES.get(unit, 512))
        age = (self.call.state.clock.now_us - here.mtime_us) // 1_000_000
        return age // (60 if word == "-mmin" else 86400)

    def _print(self, end: str) -> Test:
        def test(path: str, here: Stat) -> bool:
            self.call.write(path + end)
            return True

        return test

    def _empty(self, path: str, here: Stat) -> bool:
        if here.is_dir:
            return not self.call.files.list(self.call.path(path))
        return here.is_file and here.size == 0

    def _delete(self, path: str, here: Stat) -> bool:
        try:
            self.call.files.remove(self.call.path(path), self.call.user)
        except OSError as error:
            self.call.fail(f"{path}: {error.strerror}")
            return False
        return True

    def _exec(self) -> Test:
        self.prints = False
        end = self.place
        while end < len(self.words) and not (self.words[end] == ";" or (self.words[end : end + 1] == ["+"]
                                             and self.words[end - 1] == "{}")):  # fmt: skip
            end += 1
        if end >= len(self.words):
            raise Usage("-exec needs ;")
        command, self.place = self.words[self.place : end], end + 1
        if self.words[end] == "+":
            batch: list[str] = []
            self.batches.append((command[:-1], batch))

            def collect(path: str, here: Stat) -> bool:
                batch.append(path)
                return True

            return collect

        def test(path: str, here: Stat) -> bool:
            return self.call.shell.invoke([word.replace("{}", path) for word in command], functions=False) == 0

        return test


def _compare(sign: str, value: int, number: int) -> bool:
    return value > number if sign == "+" else value < number if sign == "-" else value == number


def find(call: Call) -> int:
    """Walk folders and print, test or act on what is found."""
    words = [word for word in call.words if word not in ("-H", "-L")]
    count = 0
    while count < len(words) and not words[count].startswith(("-", "(", "!")):
        count += 1
    starts = words[:count] or ["."]
    search = _Find(call, words[count:])
    for start in starts:
        _walk(search, start, 0)
    for command, batch in search.batches:
        if batch and call.shell.invoke([*command, *batch], functions=False):
            call.code = 1
    return call.code


def _walk(search: _Find, path: str, depth: int) -> None:
    call = search.call
    low, high = search.depth
    try:
        here = call.attempt(path, lambda place: call.files.stat(place, call.user, follow=False))
        names = (
            call.attempt(path, lambda place: call.files.list(place, call.user)) if here.is_dir and depth < high else []
        )
    except OSError as error:
        call.fail(f"{error.filename}: {error.strerror}")
        return

    def visit() -> None:
        if depth >= low and search.test(path, here) and search.prints:
            call.line(path)

    if not search.depth_first:
        visit()
    for name in names:
        _walk(search, f"{path.rstrip('/') if path != '/' else ''}/{name}", depth + 1)
    if search.depth_first:
        visit()


def xargs(call: Call) -> int:
    """Run a command with words from standard input."""
    flags, command = call.options("0prtx", "EILPns", stop=True)
    text = call.source.read().decode("utf-8", "surrogateescape")
    if "0" in flags:
        items = [item for item in text.split("\0") if item]
    elif "I" in flags:
        items = [line.strip() for line in text.split("\n") if line.strip()]
    else:
        items = _quoted_words(text)
    command = command or ["echo"]
    if "I" in flags:
        runs = [[word.replace(flags["I"], item) for word in command] for item in items]
    else:
        size = int(flags["n"]) if flags.get("n", "").isdigit() and int(flags["n"]) else max(len(items), 1)
        runs = [command + items[start : start + size] for start in range(0, len(items), size)]
        runs = runs or ([] if "r" in flags else [command])
    code = 0
    for words in runs:
        status = call.shell.invoke(words, functions=False)
        code = max(code, 123 if 0 < status < 126 else status)
    return code


def _quoted_words(text: str) -> list[str]:
    found = re.findall(r"""(?:"[^"\n]*"|'[^'\n]*'|\\.|[^\s"'\\])+""", text)
    return [re.sub(r"""\\(.)|"([^"]*)"|'([^']*)'""", lambda m: m[1] or m[2] or m[3] or "", word) for word in found]


COMMANDS = {"find": find, "xargs": xargs}
