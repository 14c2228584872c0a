"""sed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.commands.regex import PatternError, compile_posix
from vlgym.android.shell.commands.text import decode
from vlgym.android.shell.io import encode

MAX_STEPS = 1_000_000
MAX_SPACE = 1 << 18


@dataclass(slots=True)
class _Address:
    """A line number, "$" as -1, a regular expression or FIRST~STEP."""

    number: int = 0
    step: int = 0
    regex: re.Pattern[str] | None = None
    relative: bool = False


@dataclass(slots=True)
class _Command:
    """One command of a script; `active` is whether its range of lines has begun."""

    verb: str
    addresses: list[_Address] = field(default_factory=list)
    negated: bool = False
    text: str = ""
    regex: re.Pattern[str] | None = None
    flags: str = ""
    which: int = 1
    active: bool = False
    until: int = -1
    jump: int = -1


class _Script:
    """Parses a script into a flat list of commands; braces and labels become jumps."""

    def __init__(self, text: str, extended: bool) -> None:
        self.text, self.place, self.extended = text, 0, extended
        self.commands: list[_Command] = []
        self.last: re.Pattern[str] | None = None
        labels: dict[str, int] = {}
        opened: list[int] = []
        while True:
            while self.place < len(text) and text[self.place] in " \t\n;":
                self.place += 1
            if self.place >= len(text):
                break
            command = self._command()
            if command.verb == "#":
                continue
            if command.verb == "{":
                opened.append(len(self.commands))
            elif command.verb == "}":
                if not opened:
                    raise Usage("bad }")
                self.commands[opened.pop()].jump = len(self.commands)
                continue
            elif command.verb == ":":
                labels[command.text] = len(self.commands)
                continue
            self.commands.append(command)
        if opened:
            raise Usage("no }")
        for command in self.commands:
            if command.verb in "btT":
                if command.text and command.text not in labels:
                    raise Usage(f"no :{command.text}")
                command.jump = labels.get(command.text, len(self.commands))

    def _address(self) -> _Address | None:
        sign = self.text[self.place : self.place + 1]
        if match := re.compile(r"(\+?)(\d+)(?:~(\d+))?").match(self.text, self.place):
            self.place = match.end()
            return _Address(int(match[2]), int(match[3] or 0), relative=bool(match[1]))
        if sign == "$":
            self.place += 1
            return _Address(-1)
        if sign in ("/", "\\") and sign:
            self.place += 1 + (sign == "\\")
            pattern = self._until(self.text[self.place - 1])
            ignore = self.text[self.place : self.place + 1] == "I"
            self.place += ignore
            return _Address(regex=self._regex(pattern, ignore))
        return None

    def _regex(self, pattern: str, ignore: bool = False) -> re.Pattern[str]:
        if not pattern:
            if self.last is None:
                raise Usage("no previous regex")
            return self.last
        self.last = compile_posix(pattern, extended=self.extended, ignore_case=ignore)
        return self.last

    def _until(self, end: str) -> str:
        out = ""
        while self.place < len(self.text):
            sign = self.text[self.place]
            self.place += 1
            if sign == end:
                return out
            if sign == "\\" and self.place < len(self.text):
                following = self.text[self.place]
                self.place += 1
                out += following if following == end and end not in ".*[]^$+?(){}|\\" else sign + following
            elif sign == "[":
                match = re.compile(r"\^?\]?(?:\[:\w+:\]|[^\]])*\]").match(self.text, self.place)
                bracket = match[0] if match else ""
                out += sign + bracket
                self.place += len(bracket)
            else:
                out += sign
        raise Usage(f"bad pattern: no {end}")

    def _command(self) -> _Command:
        addresses = []
        while (address := self._address()) is not None:
            addresses.append(address)
            match = re.compile(r"\s*,\s*").match(self.text, self.place)
            if len(addresses) == 2 or match is None:
                break
            self.place = match.end()
        negated = False
        while self.text[self.place : self.place + 1] in (" ", "\t", "!") and self.place < len(self.text):
            negated |= self.text[self.place] == "!"
            self.place += 1
        verb = self.text[self.place : self.place + 1]
        self.place += 1
        command = _Command(verb, addresses, negated)
        if verb == "s":
            self._substitution(command)
        elif verb == "y":
            end = self.text[self.place : self.place + 1]
            self.place += 1
            command.text, command.flags = _plain(self._until(end)), _plain(self._until(end))
            if len(command.text) != len(command.flags):
                raise Usage("bad y")
        elif verb in ("a", "i", "c") and verb:
            command.text = self._inserted()
        elif verb in (":", "b", "t", "T", "r", "w") and verb:
            match = re.compile(r"[ \t]*([^\n;}]*)" if verb in ":btT" else r"[ \t]*([^\n]*)").match(
                self.text, self.place
            )
            assert match is not None
            command.text, self.place = match[1].strip(), match.end()
        elif verb in ("q", "Q", "l") and verb:
            match = re.compile(r"[ \t]*(\d*)").match(self.text, self.place)
            assert match is not None
            command.text, self.place = match[1], match.end()
        elif verb == "#":
            newline = self.text.find("\n", self.place)
            self.place = len(self.text) if newline < 0 else newline
        elif not verb or verb not in "{}=dDgGhHnNpPx":
            raise Usage(f"bad pattern '{self.text}'@{self.place} ({verb})")
        return command

    def _inserted(self) -> str:
        match = re.compile(r"[ \t]*\\?\n?[ \t]*").match(self.text, self.place)
        assert match is not None
        self.place = match.end()
        out = ""
        while self.place < len(self.text) and self.text[self.place] != "\n":
            if self.text[self.place] == "\\" and self.place + 1 < len(self.text):
                self.place += 1
            out += self.text[self.place]
            self.place += 1
        return out

    def _substitution(self, command: _Command) -> None:
        end = self.text[self.place : self.place + 1]
        self.place += 1
        pattern = self._until(end) if end else ""
        if not end:
            raise Usage("bad s")
        start = self.place
        raw = ""
        while self.place < len(self.text) and self.text[self.place] != end:
            step = 2 if self.text[self.place] == "\\" else 1
            raw += self.text[self.place : self.place + step]
            self.place += step
        if self.place >= len(self.text):
            raise Usage(f"bad pattern '{self.text}'@{start} (s)")
        self.place += 1
        command.text = raw.replace("\\" + end, end) if end not in "&\\n" and not end.isdigit() else raw
        match = re.compile(r"[gpIie\d]*").match(self.text, self.place)
        assert match is not None
        self.place = match.end()
        command.flags = match[0]
        number = re.search(r"\d+", match[0])
        command.which = int(number[0]) if number else 1
        command.regex = self._regex(pattern, "i" in command.flags.lower())


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text, flags=re.DOTALL)


def _replacement(match: re.Match[str], text: str) -> str:
    out, place = "", 0
    while place < len(text):
        sign = text[place]
        place += 1
        if sign == "&":
            out += match[0]
        elif sign == "\\" and place < len(text):
            code = text[place]
            place += 1
            if code.isdigit():
                if int(code) > (match.re.groups or 0):
                    raise Usage(f"\\{code} too big")
                out += match[int(code)] or ""
            else:
                out += {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)
        else:
            out += sign
    return out


class _Run:
    """One pass of a script over lines."""

    def __init__(self, script: _Script, lines: list[str], quiet: bool) -> None:
        self.commands, self.lines, self.quiet = script.commands, lines, quiet
        self.out: list[str] = []
        self.number = 0
        self.hold = ""
        self.steps = 0
        self.code = 0

    def run(self) -> str:
        while self.number < len(self.lines):
            self.number += 1
            if not self._cycle(self.lines[self.number - 1]):
                break
        return "".join(line + "\n" for line in self.out)

    def _matches(self, command: _Command, space: str) -> bool:
        addresses = command.addresses
        if not addresses:
            return True
        if len(addresses) == 1:
            return self._at(addresses[0], space)
        first, second = addresses
        if not command.active:
            if not self._at(first, space):
                return False
            command.active = True
            command.until = self.number + second.number if second.relative else -1
            end = command.until if second.relative else second.number
            if second.regex is None and end not in (-1,) and end <= self.number:
                command.active = False
            return True
        if second.relative:
            command.active = self.number < command.until
        elif second.regex is not None or second.number == -1:
            command.active = not self._at(second, space)
        else:
            command.active = self.number < second.number
            return self.number <= second.number
        return True

    def _at(self, address: _Address, space: str) -> bool:
        if address.regex is not None:
            return bool(address.regex.search(space))
        if address.number == -1:
            return self.number == len(self.lines)
        if address.step:
            return self.number >= address.number and (self.number - address.number) % address.step == 0
        return self.number == address.number

    def _cycle(self, space: str) -> bool:
        """Run the script on one line; return whether there is a next cycle."""
        place, changed, after, more, printed = 0, False, [], True, not self.quiet
        while place < len(self.commands):
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Usage("too many steps")
            command = self.commands[place]
            place += 1
            if self._matches(command, space) == command.negated:
                place = command.jump if command.verb == "{" else place
                continue
            verb = command.verb
            if verb == "s":
                space, hit = self._substitute(command, space)
                changed |= hit
            elif verb == "y":
                space = space.translate({ord(old): new for old, new in zip(command.text, command.flags)})
            elif verb == "p":
                self.out.append(space)
            elif verb == "P":
                self.out.append(space.partition("\n")[0])
            elif verb == "=":
                self.out.append(str(self.number))
            elif verb == "l":
                self.out.append(space.encode("unicode_escape").decode() + "$")
            elif verb == "i":
                self.out.append(command.text)
            elif verb == "a":
                after.append(command.text)
            elif verb == "c":
                if len(command.addresses) < 2 or not command.active or command.negated:
                    self.out.append(command.text)
                printed = False
                break
            elif verb == "d":
                printed = False
                break
            elif verb == "D":
                _, newline, rest = space.partition("\n")
                if not newline:
                    printed = False
                    break
                space, place = rest, 0
            elif verb in "hHgGx":
                space = self._hold(verb, space)
                if len(space) + len(self.hold) > 2 * MAX_SPACE:
                    raise Usage("line too long")
            elif verb in "nN":
                if self.number >= len(self.lines):
                    more = False
                    break
                if verb == "n" and not self.quiet:
                    self.out.append(space)
                space = (space + "\n" if verb == "N" else "") + self.lines[self.number]
                self.number += 1
            elif verb == "b" or (verb == "t" and changed) or (verb == "T" and not changed):
                place = command.jump
                changed = changed and verb == "b"
            elif verb in "qQ":
                printed = printed and verb == "q"
                self.code = int(command.text or 0)
                more = False
                break
        if printed:
            self.out.append(space)
        self.out += after
        return more

    def _hold(self, verb: str, space: str) -> str:
        if verb == "x":
            self.hold, space = space, self.hold
        elif verb in "hH":
            self.hold = (self.hold + "\n" if verb == "H" else "") + space
        else:
            space = (space + "\n" if verb == "G" else "") + self.hold
        return space

    def _substitute(self, command: _Command, space: str) -> tuple[str, bool]:
        assert command.regex is not None
        out, last, count, hit = "", 0, 0, False
        end = -1
        for match in command.regex.finditer(space):
            if not match[0] and match.start() == end:
                continue  # POSIX: no empty match right behind a match
            end = match.end()
            count += 1
            if count < command.which or (hit and "g" not in command.flags):
                continue
            out += space[last : match.start()] + _replacement(match, command.text)
            last, hit = match.end(), True
            if len(out) > MAX_SPACE:
                raise Usage("line too long")
        if hit:
            space = out + space[last:]
            if "p" in command.flags:
                self.out.append(space)
        return space, hit


def sed(call: Call) -> int:
    """Edit text by a script."""
    scripts, words = [], []
    given = list(call.words)
    while given:
        word = given.pop(0)
        if word in ("-e", "--expression") and given:
            scripts.append(given.pop(0))
        elif re.fullmatch(r"-[nErszi]*e", word) and given:
            words.append(word[:-1])
            scripts.append(given.pop(0))
        elif word == "-f" and given:
            scripts.append(decode(call.read(given.pop(0))))
        else:
            words.append("-i" if word.startswith("-i") and not set(word[1:]) <= set("nErszi") else word)
    call.arguments = [call.arguments[0], *words]
    flags, names = call.options("Einrsz")
    if not scripts:
        if not names:
            return call.fail("no pattern")
        scripts.append(names.pop(0))
    try:
        script = _Script("\n".join(scripts), "E" in flags or "r" in flags)
        if "i" in flags:
            for name in names:
                text = _edit(call, script, call.read(name), "n" in flags)
                data = encode(text)
                call.attempt(name, partial(call.files.write, data=data, who=call.user))
        else:
            call.write(_edit(call, script, b"".join(data for _, data in call.inputs(names)), "n" in flags))
    except PatternError as error:
        return call.fail(str(error))
    return call.code


def _edit(call: Call, script: _Script, data: bytes, quiet: bool) -> str:
    for command in script.commands:
        command.active = False
    text = decode(data)
    run = _Run(script, text.removesuffix("\n").split("\n") if text else [], quiet)
    result = run.run()
    call.code = call.code or run.code
    return result.removesuffix("\n") if text and not text.endswith("\n") and result else result


COMMANDS = {"sed": sed}
