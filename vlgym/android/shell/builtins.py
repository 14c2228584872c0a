"""Commands that are part of the shell."""

from __future__ import annotations

import re
from collections.abc import Callable

from vlgym.android.shell.arithmetic import evaluate
from vlgym.android.shell.call import Break, Call, Exit, Return
from vlgym.android.shell.conditions import test_command
from vlgym.android.shell.io import byte

_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
SPECIAL_BUILTINS = frozenset((":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return",
                              "set", "shift", "trap", "unset"))  # fmt: skip
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "e": "\033"}


def shell_error(call: Call, message: str, code: int = 1) -> int:
    """Print a message as the shell does for its builtins."""
    call.error(f"/system/bin/sh: {call.name}: {message}")
    return code


def unescape(text: str) -> tuple[str, bool]:
    """Return a text with echo's escapes resolved, and whether ``\\c`` cut it."""
    out, place = "", 0
    while place < len(text):
        sign = text[place]
        place += 1
        if sign != "\\" or place == len(text):
            out += sign
            continue
        code = text[place]
        place += 1
        if code == "c":
            return out, True
        if code in _ESCAPES:
            out += _ESCAPES[code]
        elif code == "0":
            match = re.compile("[0-7]{0,3}").match(text, place)
            assert match is not None
            out += byte(int(match[0] or "0", 8) & 0xFF)
            place = match.end()
        elif code == "x" and (match := re.compile("[0-9A-Fa-f]{1,2}").match(text, place)):
            out += byte(int(match[0], 16))
            place = match.end()
        else:
            out += "\\" + code
    return out, False


def echo(call: Call) -> int:
    """Print words; escapes are resolved as mksh does unless -E is given."""
    words, newline, escapes = call.words, True, True
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words[0][1:]:
            newline = newline and letter != "n"
            escapes = letter == "e" or (escapes and letter != "E")
        words = words[1:]
    text = " ".join(words)
    cut = False
    if escapes and "\\" in text:
        text, cut = unescape(text)
    call.write(text + ("\n" if newline and not cut else ""))
    return 0


def print_(call: Call) -> int:
    """Print words (ksh's `print`): -n no newline, -r no escapes."""
    words, flags = call.words, ""
    while words and re.fullmatch(r"-[nrR]+|--|-", words[0]):
        flags += words[0][1:]
        words = words[1:]
    text, cut = " ".join(words), False
    if not set(flags) & set("rR"):
        text, cut = unescape(text)
    call.write(text + ("" if "n" in flags or cut else "\n"))
    return 0


def cd(call: Call) -> int:
    """Change the working directory."""
    words = [word for word in call.words if word not in ("-L", "-P", "--")]
    target = words[0] if words else call.shell.variables.get("HOME", "/")
    if target == "-":
        target = call.shell.variables.get("OLDPWD", "")
        if not target:
            return shell_error(call, "no OLDPWD", 2)
        call.line(target)
    try:
        call.shell.chdir(target)
    except OSError as error:
        return shell_error(call, f"{target}: {error.strerror}", 2)
    return 0


def pwd(call: Call) -> int:
    """Print the working directory."""
    call.line(call.files.real(call.shell.cwd) if "-P" in call.words else call.shell.cwd)
    return 0


def exit_(call: Call) -> int:
    """Leave the shell."""
    raise Exit(_status(call))


def return_(call: Call) -> int:
    """Leave a function or a sourced script."""
    raise Return(_status(call))


def _status(call: Call) -> int:
    try:
        return int(call.words[0]) & 0xFF if call.words else call.shell.status
    except ValueError:
        shell_error(call, f"{call.words[0]}: bad number")
        return 1


def break_(call: Call) -> int:
    """Leave loops (`break`) or go on with the next turn (`continue`)."""
    levels = int(call.words[0]) if call.words and call.words[0].isdigit() else 1
    raise Break(max(levels, 1), go_on=call.name == "continue")


def eval_(call: Call) -> int:
    """Run words as a line of the shell."""
    return call.shell.source(" ".join(call.words)) if call.words else 0


def exec_(call: Call) -> int:
    """Run a command in the shell's place; without words nothing happens."""
    if not call.words:
        return 0
    raise Exit(call.shell.invoke(call.words, functions=False, source=call.source))


def command(call: Call) -> int:
    """Run a command and no function of its name; -v tells what a name is."""
    words = call.words
    if words[:1] in (["-v"], ["-V"]):
        return whence(call)
    words = [word for word in words if word not in ("-p", "--")]
    return call.shell.invoke(words, functions=False, source=call.source) if words else 0


def whence(call: Call) -> int:
    """Tell what names are: `type`, `whence` and `command -v`."""
    long = call.name == "type" or "-V" in call.words
    code = 0
    for name in [word for word in call.words if not word.startswith("-")]:
        if name in call.shell.functions:
            call.line(f"{name} is a function" if long else name)
        elif name in BUILTINS:
            call.line(f"{name} is a shell builtin" if long else name)
        elif name.rpartition("/")[2] in call.shell.programs:
            base = name.rpartition("/")[2]
            call.line(f"{name} is /system/bin/{base}" if long else f"/system/bin/{base}")
        else:
            if long:
                call.line(f"{name} not found")
            code = 1
    return code


def export(call: Call) -> int:
    """Mark variables for commands (`export`), as read-only (`readonly`) or as a function's own (`local`)."""
    shell = call.shell
    words = [word for word in call.words if not re.fullmatch(r"[-+]\w*", word)]
    if not words:
        names = sorted(shell.readonly if call.name == "readonly" else shell.exported)
        for name in names:
            call.line(f"{call.name} {name}={quote(shell.variables.get(name, ''))}")
    for word in words:
        name, equals, value = word.partition("=")
        if not _NAME.match(name):
            return shell_error(call, f"{name}: is not an identifier")
        if call.name in ("local", "typeset") and shell.locals:
            shell.locals[-1].setdefault(name, shell.variables.get(name))
        if equals:
            shell.assign(name, value)
        elif call.name in ("local", "typeset") and shell.locals:
            shell.variables.pop(name, None)
        if call.name == "export" or "-x" in call.words:
            shell.exported.add(name)
        if call.name == "readonly" or "-r" in call.words:
            shell.readonly.add(name)
    return 0


def unset(call: Call) -> int:
    """Forget variables, or functions with -f."""
    for word in call.words:
        if "-f" in call.words:
            call.shell.functions.pop(word, None)
        elif not word.startswith("-"):
            if word in call.shell.readonly:
                return shell_error(call, f"{word}: is read only")
            call.shell.variables.pop(word, None)
            call.shell.exported.discard(word)
    return 0


_OPTION_NAMES = {"errexit": "e", "nounset": "u", "noglob": "f", "xtrace": "x", "allexport": "a", "noclobber": "C"}


def set_(call: Call) -> int:
    """Set options and positional parameters; alone, list the variables."""
    words = call.words
    if not words:
        for name in sorted(call.shell.variables):
            call.line(f"{name}={quote(call.shell.variables[name])}")
    while words:
        word = words.pop(0)
        if word == "--":
            call.shell.arguments = words
            return 0
        if word in ("-o", "+o") and words:
            letter = _OPTION_NAMES.get(words.pop(0), "")
            call.shell.options[letter] = word == "-o"
        elif word[:1] in ("-", "+") and len(word) > 1:
            for letter in word[1:]:
                call.shell.options[letter] = word[0] == "-"
        else:
            call.shell.arguments = [word, *words]
            return 0
    return 0


def shift(call: Call) -> int:
    """Drop positional parameters."""
    count = evaluate(call.words[0], call.shell.scope) if call.words else 1
    if not 0 <= count <= len(call.shell.arguments):
        shell_error(call, "nothing to shift")
        raise Exit(1)
    del call.shell.arguments[:count]
    return 0


def read(call: Call) -> int:
    """Read a line into variables."""
    raw = any(word.startswith("-") and "r" in word for word in call.words)
    names = [word for word in call.words if not word.startswith("-")] or ["REPLY"]
    data = call.source.line()
    text = data.decode("utf-8", "surrogateescape")
    line = text.removesuffix("\n")
    while not raw and line.endswith("\\"):
        line = line[:-1] + call.source.line().decode("utf-8", "surrogateescape").removesuffix("\n")
    line = line if raw else re.sub(r"\\(.)", r"\1", line)
    ifs = call.shell.variables.get("IFS", " \t\n")
    blanks = "".join(sign for sign in ifs if sign in " \t\n")
    rest = line.strip(blanks) if blanks else line
    for place, name in enumerate(names):
        if place == len(names) - 1:
            call.shell.assign(name, rest)
        elif ifs:
            parts = re.split(f"[{re.escape(blanks)}]*[{re.escape(ifs)}][{re.escape(blanks)}]*" if blanks
                             else f"[{re.escape(ifs)}]", rest, maxsplit=1)  # fmt: skip
            call.shell.assign(name, parts[0])
            rest = parts[1] if len(parts) > 1 else ""
    return 0 if text.endswith("\n") else 1


def source(call: Call) -> int:
    """Run a file of the device in this shell."""
    if not call.words:
        return shell_error(call, "missing argument")
    try:
        text = call.read(call.words[0]).decode("utf-8", "surrogateescape")
    except OSError as error:
        shell_error(call, f"{call.words[0]}: {error.strerror}")
        raise Exit(1) from error
    try:
        return call.shell.source(text)
    except Return as back:
        return back.code


def alias(call: Call) -> int:
    """Define or list aliases."""
    for word in call.words:
        name, equals, value = word.partition("=")
        if equals:
            call.shell.aliases[name] = value
        elif name in call.shell.aliases:
            call.line(f"{name}={quote(call.shell.aliases[name])}")
        else:
            return shell_error(call, f"{name}: alias not found")
    if not call.words:
        for name, value in sorted(call.shell.aliases.items()):
            call.line(f"{name}={quote(value)}")
    return 0


def unalias(call: Call) -> int:
    """Forget aliases."""
    for word in call.words:
        call.shell.aliases.pop(word, None)
    return 0


def umask(call: Call) -> int:
    """Print the file mode mask; the device's is fixed."""
    if not call.words:
        call.line("000")
    return 0


def trap(call: Call) -> int:
    """Say what to run when the shell ends; there are no signals."""
    words = [word for word in call.words if word != "--"]
    if len(words) > 1 and words[1] in ("0", "EXIT"):
        if words[0] in ("-", ""):
            call.shell.traps.pop("EXIT", None)
        else:
            call.shell.traps["EXIT"] = words[0]
    elif not words:
        for name, action in call.shell.traps.items():
            call.line(f"trap -- {quote(action)} {name}")
    return 0


def let(call: Call) -> int:
    """Evaluate arithmetic; status 0 if the last value is not 0."""
    value = 0
    for word in call.words:
        value = evaluate(word, call.shell.scope)
    return int(value == 0)


def quote(text: str) -> str:
    """Return a word as the shell would have to be given it."""
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text, re.ASCII) else "'" + text.replace("'", "'\\''") + "'"


def _true(_: Call) -> int:
    return 0


def _false(_: Call) -> int:
    return 1


BUILTINS: dict[str, Callable[[Call], int]] = {
    ":": _true, "true": _true, "false": _false, "test": test_command, "[": test_command, "echo": echo, "print": print_,
    "cd": cd, "pwd": pwd, "exit": exit_, "return": return_, "break": break_, "continue": break_, "eval": eval_,
    "exec": exec_, "command": command, "builtin": command, "type": whence, "whence": whence, "export": export,
    "readonly": export, "local": export, "typeset": export, "unset": unset, "set": set_, "shift": shift, "read": read,
    ".": source, "source": source, "alias": alias, "unalias": unalias, "umask": umask, "let": let, "wait": _true,
    "trap": trap, "ulimit": _true, "times": _true, "hash": _true, "bg": _true, "fg": _true, "jobs": _true,
}  # fmt: skip
