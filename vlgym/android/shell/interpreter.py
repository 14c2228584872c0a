"""The shell itself: runs trees against a device. No command of the host is ever started, no file of it opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vlgym.android.shell import expand
from vlgym.android.shell.arithmetic import ArithmeticError_, evaluate
from vlgym.android.shell.builtins import BUILTINS, SPECIAL_BUILTINS
from vlgym.android.shell.call import Break, Call, Exit, Return, Usage
from vlgym.android.shell.commands import COMMANDS
from vlgym.android.shell.conditions import double_bracket
from vlgym.android.shell.grammar import parse
from vlgym.android.shell.io import FileSink, OutputLimit, Sink, Source, encode
from vlgym.android.shell.session import SHELL, Session
from vlgym.android.shell.tree import Command, Compound, Pipeline, Redirect, Sequence, ShellSyntaxError, Simple, Text
from vlgym.android.state.files import Credentials

if TYPE_CHECKING:
    from vlgym.android.device import Device

MAX_COMMANDS = 10_000
"""Commands that one line may run; an endless loop ends here with status 137, as if killed."""
MAX_DEPTH = 60
_EXEC = [(Text("exec"),)]


@dataclass(frozen=True, slots=True)
class ShellResult:
    """What a command line printed, and its exit status (0 to 255)."""

    stdout: bytes = b""
    stderr: bytes = b""
    code: int = 0


@dataclass(slots=True)
class Streams:
    """File descriptors of a command."""

    source: Source
    sinks: dict[int, Sink]


class _Killed(Exception):
    """The line ran too many commands or printed too much."""


class Shell(Session):
    """A shell session on a device; `Shell(device).run(line)` is what `adb shell line` does."""

    programs = COMMANDS
    """What lies under /system/bin, by name."""

    def __init__(self, device: Device, user: Credentials | None = None) -> None:
        super().__init__(device, user)
        self._streams = Streams(Source(), {1: Sink(), 2: Sink()})
        self._held: list[Sink] = []
        self._commands = 0
        self._depth = 0
        self._condition = 0

    # ------------------------------------------------------------ the door

    def run(self, line: str, stdin: bytes = b"") -> ShellResult:
        """Run a command line; never raises, whatever the line is.

        Args:
            line: any text of the shell language.
            stdin: what commands that read get.
        """
        out, err = Sink(), Sink()
        self._streams = Streams(Source(stdin), {1: out, 2: err})
        self._commands = self._depth = self._condition = 0
        self._held = []
        try:
            text = encode(line).decode("utf-8", "surrogateescape")
            self._guarded(lambda: self.source(text))
            if "EXIT" in self.traps:
                code, action = self.status, self.traps.pop("EXIT")
                self._guarded(lambda: self.source(action))
                self.status = code
        except (_Killed, OutputLimit, RecursionError):
            self.status = 137
        for sink in self._held:
            sink.flush()
        return ShellResult(out.value(), err.value(), self.status & 0xFF)

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exit as leave:
            self.status = leave.code
        except Break:
            pass

    def source(self, text: str) -> int:
        """Parse a script and run it here; a syntax error is printed and leaves status 1."""
        self.status = 0 if not text.strip() else self.status
        try:
            for tree in parse(text.replace("\r\n", "\n")):
                self.run_sequence(tree)
        except ShellSyntaxError as error:
            self.complain(str(error))
            self.status = 1
        return self.status

    # ------------------------------------------------------------ trees

    def run_sequence(self, tree: Sequence) -> int:
        """Run a list and return its status."""
        items = tree.items
        for place, (operator, pipeline) in enumerate(items):
            if (operator == "&&" and self.status != 0) or (operator == "||" and self.status == 0):
                continue
            joined = place + 1 < len(items) and items[place + 1][0] in ("&&", "||")
            self._condition += joined
            try:
                self.status = self.run_pipeline(pipeline)
            finally:
                self._condition -= joined
            if self.status and self.options.get("e") and not (joined or self._condition or pipeline.negated):
                raise Exit(self.status)
        if not items:
            self.status = 0
        return self.status

    def run_pipeline(self, pipeline: Pipeline) -> int:
        """Run commands one after the other, each with the output of the one before."""
        if len(pipeline.commands) == 1 and not pipeline.negated:
            return self.run_command(pipeline.commands[0])
        last = len(pipeline.commands) - 1
        outer, code = self._streams, 0
        source = outer.source
        self._condition += pipeline.negated
        try:
            for place, command in enumerate(pipeline.commands):
                sink = outer.sinks[1] if place == last else Sink()
                self._streams = Streams(source, {**outer.sinks, 1: sink})
                code = self._run_isolated(command) if last else self.run_command(command)
                source = Source(sink.value()) if place < last else source
        finally:
            self._streams = outer
            self._condition -= pipeline.negated
        return int(not code) if pipeline.negated else code

    def _run_isolated(self, command: Command) -> int:
        return self._isolated(lambda: self.run_command(command))

    def _isolated(self, action: Callable[[], int]) -> int:
        """Do something in a subshell: what it sets is forgotten."""
        keep = (dict(self.variables), set(self.exported), self.cwd, list(self.arguments), dict(self.functions),
                dict(self.options), dict(self.aliases), self.user)  # fmt: skip
        try:
            return action()
        except Exit as leave:
            return leave.code
        except Break:
            return 0
        finally:
            (self.variables, self.exported, self.cwd, self.arguments, self.functions, self.options, self.aliases,
             self.user) = keep  # fmt: skip

    def run_command(self, command: Command) -> int:
        """Run one command with its redirections."""
        self._count()
        self._depth += 1
        outer = self._streams
        try:
            if self._depth > MAX_DEPTH:
                raise _Killed
            self._streams = Streams(outer.source, dict(outer.sinks))
            try:
                opened = self._redirect(command.redirects)
            except OSError as error:
                self._streams = outer
                self.complain(f"can't {'open' if error.errno == 2 else 'create'} {error.filename}: {error.strerror}")
                return 1
            if isinstance(command, Simple) and command.words == _EXEC:
                outer.source, outer.sinks = self._streams.source, self._streams.sinks
                self._held += opened
                return 0
            try:
                return self._run(command)
            finally:
                for sink in (*opened, *self._held):
                    sink.flush()
        except (expand.ExpansionError, ArithmeticError_) as error:
            self.complain(str(error))
            raise Exit(1) from error
        finally:
            self._streams = outer
            self._depth -= 1

    def _count(self) -> None:
        self._commands += 1
        if self._commands > MAX_COMMANDS:
            raise _Killed

    def _run(self, command: Command) -> int:
        if isinstance(command, Simple):
            return self._simple(command)
        kinds: dict[str, Callable[[Compound], int]] = {
            "if": self._if, "while": self._while, "until": self._while, "for": self._for, "case": self._case,
            "{": lambda c: self.run_sequence(c.parts[0]), "((": self._arithmetic, "[[": self._double,
            "(": self._subshell, "function": self._define,
        }  # fmt: skip
        return kinds[command.kind](command)

    def _subshell(self, command: Compound) -> int:
        inner = Compound("{", parts=command.parts)
        return self._run_isolated(inner)

    def _define(self, command: Compound) -> int:
        self.functions[command.name] = command.parts[0]
        return 0

    def _arithmetic(self, command: Compound) -> int:
        assert command.words is not None
        return int(evaluate(expand.expand_text(self, command.words[0]), self.scope) == 0)

    def _double(self, command: Compound) -> int:
        return int(not double_bracket(self, command.words or []))

    def _if(self, command: Compound) -> int:
        parts = command.parts
        for place in range(0, len(parts) - 1, 2):
            if self._test(parts[place]) == 0:
                return self.run_sequence(parts[place + 1])
        if len(parts) % 2:
            return self.run_sequence(parts[-1])
        return 0

    def _test(self, tree: Sequence) -> int:
        self._condition += 1
        try:
            return self.run_sequence(tree)
        finally:
            self._condition -= 1

    def _loop(self, turns: Iterator[object], body: Sequence) -> int:
        code = 0
        for _ in turns:
            self._count()
            try:
                code = self.run_sequence(body)
            except Break as leave:
                code = 0
                if leave.levels > 1:
                    raise Break(leave.levels - 1, go_on=leave.go_on) from None
                if not leave.go_on:
                    break
        return code

    def _while(self, command: Compound) -> int:
        def turns() -> Iterator[object]:
            while (self._test(command.parts[0]) == 0) == (command.kind == "while"):
                yield None

        return self._loop(turns(), command.parts[1])

    def _for(self, command: Compound) -> int:
        words = list(self.arguments) if command.words is None else expand.expand_words(self, command.words)

        def turns() -> Iterator[object]:
            for word in words:
                self.assign(command.name, word)
                yield None

        return self._loop(turns(), command.parts[0])

    def _case(self, command: Compound) -> int:
        assert command.words is not None
        subject = expand.expand_text(self, command.words[0])
        for patterns, body in command.cases:
            for pattern in patterns:
                regex = expand.pattern_regex(expand.expand_pattern(self, pattern), slashes=True)
                if re.fullmatch(regex, subject):
                    return self.run_sequence(body)
        return 0

    # ------------------------------------------------------------ simple commands

    def _simple(self, command: Simple) -> int:
        arguments = expand.expand_words(self, command.words)
        if not arguments:
            before = self._commands
            for name, word in command.assignments:
                self.assign(name, expand.expand_text(self, word))
            return self.status if self._commands > before else 0
        if arguments[0] in self.aliases and command.words and arguments[0] not in self.functions:
            arguments[:1] = self.aliases[arguments[0]].split()
        keep: dict[str, str | None] = {}
        for name, word in command.assignments:
            if arguments[0] not in SPECIAL_BUILTINS:
                keep[name] = self.variables.get(name)
            self.assign(name, expand.expand_text(self, word))
        exported = self.exported
        self.exported = exported | set(keep)
        try:
            return self.invoke(arguments)
        finally:
            if keep:
                self.exported = exported
            for name, old in keep.items():
                if old is None:
                    self.variables.pop(name, None)
                else:
                    self.variables[name] = old

    def invoke(self, arguments: list[str], *, functions: bool = True, source: Source | None = None) -> int:
        """Run a function, a builtin or a command by its words and return its status."""
        self._count()
        name = arguments[0]
        if functions and name in self.functions:
            return self._function(arguments)
        call = Call(self, arguments, source or self._streams.source, self._streams.sinks[1], self._streams.sinks[2])
        if name in BUILTINS:
            return BUILTINS[name](call)
        return self.execute(call)

    def execute(self, call: Call) -> int:
        """Run an external command: one of the device's programs, or a script."""
        name = call.arguments[0]
        base = name.rpartition("/")[2]
        if "/" in name and not name.startswith(("/system/bin/", "/system/xbin/", "/bin/", "/vendor/bin/")):
            return self._script(call)
        program = self.programs.get(base)
        if program is None:
            self.complain(f"{name}: inaccessible or not found")
            return 127
        try:
            return program(call)
        except Usage as wrong:
            return call.fail(str(wrong))
        except OSError as error:
            return call.fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))

    def _script(self, call: Call) -> int:
        path = self.path(call.arguments[0])
        if not self.exists(path) or self.files.is_dir(path):
            reason = "inaccessible or not found" if not self.exists(path) else "can't execute: Is a directory"
            self.complain(f"{call.arguments[0]}: {reason}")
            return 127 if not self.exists(path) else 126
        if not self.files.access(path, 1, self.user):
            self.complain(f"{call.arguments[0]}: can't execute: Permission denied")
            return 126
        return self.run_script(self.files.read(path, self.user).decode("utf-8", "surrogateescape"), call.arguments)

    def run_script(self, text: str, arguments: list[str]) -> int:
        """Run a script as a child process would: its variables and its `exit` are its own."""
        keep, self.arguments = self.arguments, arguments[1:]
        try:
            return self._isolated(lambda: self.source(text))
        finally:
            self.arguments = keep

    def _function(self, arguments: list[str]) -> int:
        keep, self.arguments = self.arguments, arguments[1:]
        self.locals.append({})
        try:
            return self.run_sequence(self.functions[arguments[0]])
        except Return as back:
            return back.code
        finally:
            self.arguments = keep
            for name, old in self.locals.pop().items():
                if old is None:
                    self.variables.pop(name, None)
                else:
                    self.variables[name] = old

    def substitute(self, tree: Sequence) -> str:
        """Return what commands print, without the newlines at the end."""
        outer, sink = self._streams, Sink()
        self._streams = Streams(outer.source, {**outer.sinks, 1: sink})
        try:
            self.status = self._run_isolated(Compound("{", parts=[tree]))
        finally:
            self._streams = outer
        return sink.value().replace(b"\0", b"").decode("utf-8", "surrogateescape").rstrip("\n")

    # ------------------------------------------------------------ redirections

    def _redirect(self, redirects: list[Redirect]) -> list[Sink]:
        opened: list[Sink] = []
        streams = self._streams
        for item in redirects:
            target = expand.expand_text(self, item.target)
            if item.op == "<<":
                streams.source = Source(encode(target))
            elif item.op in ("<", "<>"):
                streams.source = Source(self._named(target, self.files.read))
            elif item.op == ">&" and target.isdigit():
                streams.sinks[item.fd] = streams.sinks.get(int(target), Sink())
            elif item.op in (">&", "<&") and target == "-":
                streams.sinks[item.fd] = Sink()
            elif item.op != "<&":
                sink = self._named(
                    target, lambda path, who, op=item.op: FileSink(self.files, path, who, append=op == ">>")
                )
                opened.append(sink)
                streams.sinks[item.fd] = sink
                if item.op == ">&":
                    streams.sinks[2] = sink
        return opened

    def _named(self, name: str, action: Callable[..., Any]) -> Any:
        """Do something with the file of a name; errors speak of the name as it was written."""
        try:
            if not name:
                raise OSError(2, os.strerror(2), name)
            return action(self.path(name), self.user)
        except OSError as error:
            raise OSError(error.errno, error.strerror, name) from error

    def complain(self, message: str) -> None:
        """Print a message of the shell itself."""
        self._streams.sinks[2].write(encode(f"{SHELL}: {message}\n"))
