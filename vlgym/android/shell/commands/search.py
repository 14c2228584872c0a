"""grep, egrep and fgrep."""

from __future__ import annotations

import re

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.commands.regex import PatternError, compile_posix
from vlgym.android.shell.commands.text import lines_of


def grep(call: Call) -> int:
    """Print lines that match: 0 if any did, 1 if none, 2 on errors."""
    patterns, words = [], []
    given = list(call.words)
    while given:
        word = given.pop(0)
        if re.fullmatch(r"-[^-]*e.*", word) and not re.match(r"-[^e]*[fmABC]", word):
            head_, _, rest = word.partition("e")
            patterns.append(rest or (given.pop(0) if given else ""))
            words += [head_] if len(head_) > 1 else []
        elif re.fullmatch(r"--color(=\w+)?", word):
            continue
        else:
            words.append(word)
    call.arguments = [call.arguments[0], *words]
    try:
        flags, names = call.options("EFHILZabchilnoqrRsvwxz", "ABCMSfm")
        if "f" in flags:
            patterns += lines_of(call.read(flags["f"]))
        if not patterns:
            if not names:
                return call.fail("no REGEX", 2)
            patterns = names.pop(0).split("\n")
        regexes = [_grep_regex(call, flags, pattern) for pattern in patterns]
    except (Usage, PatternError, OSError) as error:
        return call.fail(str(error), 2)
    deep = "r" in flags or "R" in flags
    files = [path for name in names or (["."] if deep else []) for path in (_below(call, name) if deep else [name])]
    several = len(files) > 1 or deep
    hits = 0
    for name in files or ["-"]:
        try:
            data = call.read(name)
        except OSError as error:
            if "s" not in flags:
                call.error(f"{call.name}: {error.filename}: {error.strerror}")
            call.code = 2
            continue
        hits += _grep_one(call, flags, regexes, name, data, ("H" in flags or several) and "h" not in flags)
        if hits and "q" in flags:
            return 0
    return call.code or int(hits == 0)


def _below(call: Call, name: str) -> list[str]:
    base = call.path(name)
    return [name.rstrip("/") + path[len(base.rstrip("/")) :] if path != base else name
            for path, here in call.attempt(name, lambda path: list(call.files.walk(path, call.user)))
            if here.is_file]  # fmt: skip


def _grep_regex(call: Call, flags: dict[str, str], pattern: str) -> re.Pattern[str]:
    ignore = "i" in flags
    if "F" in flags or call.name == "fgrep":
        text = re.escape(pattern)
    else:
        text = compile_posix(pattern, extended="E" in flags or call.name == "egrep", ignore_case=ignore).pattern
    if "w" in flags:
        text = rf"(?<!\w)(?:{text})(?!\w)"
    if "x" in flags:
        text = rf"\A(?:{text})\Z"
    return re.compile(text, re.IGNORECASE if ignore else 0)


def _grep_one(
    call: Call, flags: dict[str, str], regexes: list[re.Pattern[str]], name: str, data: bytes, named: bool
) -> int:
    """Search one file, print what is asked for and return the number of matching lines."""
    lines = lines_of(data)
    limit = int(flags["m"]) if flags.get("m", "").isdigit() else len(lines)
    before = int(flags.get("B") or flags.get("C") or 0)
    after = int(flags.get("A") or flags.get("C") or 0)
    hits = [number for number, line in enumerate(lines) if any(r.search(line) for r in regexes) != ("v" in flags)][
        :limit
    ]
    label = f"{'(standard input)' if name == '-' else name}"
    if "q" in flags:
        return len(hits)
    if "l" in flags or "L" in flags:
        if bool(hits) == ("l" in flags):
            call.line(label)
        return len(hits)
    if "c" in flags:
        call.line((f"{label}:" if named else "") + str(len(hits)))
        return len(hits)
    chosen, last = set(hits), -2
    shown = sorted({n for hit in hits for n in range(max(hit - before, 0), min(hit + after + 1, len(lines)))})
    for number in shown:
        if (before or after) and last >= -1 and number > last + 1:
            call.line("--")
        last = number
        sign = ":" if number in chosen else "-"
        front = (label + sign if named else "") + (f"{number + 1}{sign}" if "n" in flags else "")
        if "o" in flags and number in chosen:
            found = sorted({m.span() for r in regexes for m in r.finditer(lines[number]) if m[0]})
            for start, end in found:
                call.line(front + lines[number][start:end])
        else:
            call.line(front + lines[number])
    return len(hits)


COMMANDS = {"grep": grep, "egrep": grep, "fgrep": grep}
