"""Text filters: cat, head, tail, wc, sort, uniq, cut, tr, grep and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby, pairwise, zip_longest

from vlgym.android.shell.builtins import unescape
from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.expand import CLASSES
from vlgym.android.shell.io import encode


def decode(data: bytes) -> str:
    """Return bytes as text; any byte comes back by `encode`."""
    return data.decode("utf-8", "surrogateescape")


def lines_of(data: bytes) -> list[str]:
    """Return the lines of a file without their newlines."""
    text = decode(data)
    return text.removesuffix("\n").split("\n") if text else []


def cat(call: Call) -> int:
    """Print files one after the other."""
    flags, names = call.options("etuvAn")
    for name in names or ["-"]:
        try:
            data = call.read(name)
        except OSError as error:
            call.fail(f"{error.filename}: {error.strerror}")
            continue
        if "v" in flags or "e" in flags or "A" in flags:
            text = "".join(_visible(sign) for sign in data.decode("latin-1"))
            data = encode(text.replace("\n", "$\n") if "e" in flags or "A" in flags else text)
        call.write(data)
    return call.code


def _visible(sign: str) -> str:
    code = ord(sign)
    if sign in "\n\t":
        return sign
    prefix = "M-" if code >= 128 else ""
    code &= 127
    return prefix + (f"^{chr(code + 64)}" if code < 32 else "^?" if code == 127 else chr(code))


def _count(text: str) -> int:
    match = re.fullmatch(r"([-+]?\d+)([kKmMgG]?)", text)
    if match is None:
        raise Usage(f"not integer: {text}")
    return int(match[1]) * {"": 1, "k": 1024, "m": 1 << 20, "g": 1 << 30}[match[2].lower()]


def _numbered(call: Call, pattern: str) -> None:
    """Rewrite ``-5`` as ``-n5``, unless it is the value of an option."""
    words = call.words
    for place, word in enumerate(words):
        if re.fullmatch(pattern, word) and words[place - 1 : place] not in (["-n"], ["-c"]):
            words[place] = f"-n{word[word[0] == '-' :]}"
    call.arguments = [call.arguments[0], *words]


def head(call: Call) -> int:
    """Print the beginning of files."""
    _numbered(call, r"-\d+")
    flags, names = call.options("qv", "nc")
    count = _count(flags.get("c") or flags.get("n") or "10")
    if count < 0:
        return call.fail(f'-{"c" if "c" in flags else "n"} < 0 (see "head --help")')
    for number, (name, data) in enumerate(call.inputs(names)):
        if (len(names) > 1 and "q" not in flags) or "v" in flags:
            call.write(("\n" if number else "") + f"==> {name} <==\n")
        if "c" in flags:
            call.write(data[:count])
        else:
            call.write(b"".join(data.splitlines(keepends=True)[:count] if b"\r" not in data else _keep(data)[:count]))
    return call.code


def _keep(data: bytes) -> list[bytes]:
    """Return lines with their newlines; only ``\\n`` ends a line."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + ([data.split(b"\n")[-1]] if data[-1:] != b"\n" else [])


def tail(call: Call) -> int:
    """Print the end of files, or from a line on with +N."""
    _numbered(call, r"[-+]\d+")
    flags, names = call.options("fFs", "nc")
    text = flags.get("c") or flags.get("n") or "10"
    count = abs(_count(text))
    for number, (name, data) in enumerate(call.inputs(names)):
        if len(names) > 1:
            call.write(("\n" if number else "") + f"==> {name} <==\n")
        if "c" in flags:
            call.write(data[count - 1 if count else 0 :] if text[0] == "+" else data[-count:] if count else b"")
            continue
        rows = _keep(data)
        call.write(b"".join(rows[max(count - 1, 0) :] if text[0] == "+" else rows[-count:] if count else []))
    return call.code


def wc(call: Call) -> int:
    """Count lines, words and bytes."""
    flags, names = call.options("clmw")
    shown = [letter for letter in "lwmc" if letter in flags] or ["l", "w", "c"]
    totals = dict.fromkeys("lwmc", 0)
    found = call.inputs(names)
    rows = []
    for name, data in found:
        values = {"l": data.count(b"\n"), "w": len(data.split()), "m": len(decode(data)), "c": len(data)}
        totals = {letter: totals[letter] + values[letter] for letter in values}
        rows.append((values, name))
    if len(names) > 1:
        rows.append((totals, "total"))
    for values, name in rows:
        cells = [str(values[letter]) for letter in shown]
        wide = len(names) > 1 or (not names and len(shown) > 1)
        call.line(" ".join(cell.rjust(7) if wide else cell for cell in cells)
                  + (f" {name}" if names else ""))  # fmt: skip
    return call.code


def _sort_key(flags: dict[str, str], spec: str, separator: str | None) -> Callable[[str], object]:
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?([bdfghMnrV]*)(?:,(\d+)(?:\.(\d+))?([bdfghMnrV]*))?", spec)
    if match is None:
        raise Usage(f"bad -k '{spec}'")
    start, last = int(match[1]), int(match[4]) if match[4] else 10**6
    letters = set(match[3] + (match[6] or "")) or set(flags)

    def key(line: str) -> object:
        parts = line.split(separator) if separator else re.findall(r"\s*\S+", line)
        text = (separator or "").join(parts[start - 1 : last])
        if match[2]:
            text = text[int(match[2]) - 1 :]
        return _comparable(text, letters)

    return key


def _comparable(text: str, letters: set[str]) -> object:
    if letters & set("ngh"):
        found = re.match(r"\s*([-+]?\d*\.?\d*)", text)
        try:
            return float(found[1]) if found and found[1] else 0.0
        except ValueError:
            return 0.0
    if "b" in letters:
        text = text.lstrip()
    if "d" in letters:
        text = re.sub(r"[^\w\s]", "", text)
    if "V" in letters:
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]
    return encode(text.upper() if "f" in letters else text)


def sort(call: Call) -> int:
    """Sort lines."""
    words, keys = [], []
    given = list(call.words)
    while given:
        word = given.pop(0)
        if word.startswith("-k"):
            keys.append(word[2:] or (given.pop(0) if given else ""))
        else:
            words.append(word)
    call.arguments = [call.arguments[0], *words]
    flags, names = call.options("bcdfghimMnrsuVxz", "ot")
    lines = [line for _, data in call.inputs(names) for line in lines_of(data)]
    orders = [_sort_key(flags, spec, flags.get("t")) for spec in keys]
    letters = set(flags)

    def key(line: str) -> tuple[object, ...]:
        return tuple(order(line) for order in orders) if orders else (_comparable(line, letters),)

    reverse = "r" in flags
    if "c" in flags:
        ordered = sorted(lines, key=key, reverse=reverse)
        if ordered != lines:
            first = next(
                n for n, pair in enumerate(pairwise(lines), 2) if sorted(pair, key=key, reverse=reverse) != [*pair]
            )
            return call.fail(f"{names[0] if names else '-'}: Check line {first}")
        return 2 * call.code
    if "s" not in flags:
        lines.sort(key=lambda line: encode(line), reverse=reverse)
    lines.sort(key=key, reverse=reverse)
    if "u" in flags:
        lines = [next(group) for _, group in groupby(lines, key=key)]
    data = "".join(line + "\n" for line in lines)
    if "o" in flags:
        text = encode(data)
        call.attempt(flags["o"], lambda path: call.files.write(path, text, call.user))
    else:
        call.write(data)
    return 2 * call.code


def uniq(call: Call) -> int:
    """Leave out repeated neighbouring lines."""
    flags, names = call.options("cdiuz", "fsw")
    skip, chars = int(flags.get("f") or 0), int(flags.get("s") or 0)
    width = int(flags["w"]) if "w" in flags else None

    def key(line: str) -> str:
        text = re.sub(rf"^(\s*\S+){{{skip}}}", "", line)[chars:] if skip else line[chars:]
        text = text if width is None else text[:width]
        return text.lower() if "i" in flags else text

    for _, data in call.inputs(names[:1]):
        for _, group in groupby(lines_of(data), key=key):
            members = list(group)
            if ("d" in flags and len(members) < 2) or ("u" in flags and len(members) > 1):
                continue
            call.line((f"{len(members):>7} " if "c" in flags else "") + members[0])
    return call.code


def _ranges(text: str) -> Callable[[int], bool]:
    parts = []
    for item in text.replace(" ", ",").split(","):
        match = re.fullmatch(r"(\d*)(-?)(\d*)", item)
        if match is None or not (match[1] or match[3]):
            raise Usage(f"bad list '{text}'")
        low = int(match[1] or 1)
        parts.append((low, int(match[3]) if match[3] else 10**9 if match[2] else low))
    return lambda number: any(low <= number <= high for low, high in parts)


def cut(call: Call) -> int:
    """Print parts of lines."""
    flags, names = call.options("Dns", "bcfdFO")
    spec = next((flags[letter] for letter in "bcfF" if letter in flags), None)
    if spec is None:
        return call.fail("Needs -fFcb")
    wanted = _ranges(spec)
    delimiter = flags.get("d", "\t" if "f" in flags else " ")
    for _, data in call.inputs(names):
        for line in lines_of(data):
            if "f" in flags or "F" in flags:
                parts = line.split(delimiter) if "f" in flags else line.split()
                if len(parts) == 1 and "f" in flags:
                    if "s" not in flags:
                        call.line(line)
                    continue
                joint = flags.get("O", delimiter)
                call.line(joint.join(part for number, part in enumerate(parts, 1) if wanted(number)))
            elif "b" in flags:
                raw = encode(line)
                call.write(bytes(byte for number, byte in enumerate(raw, 1) if wanted(number)) + b"\n")
            else:
                call.line("".join(sign for number, sign in enumerate(line, 1) if wanted(number)))
    return call.code


def _set_of(text: str) -> str:
    text, _ = unescape(re.sub(r"\\([0-7]{1,3})", r"\\0\1", text))
    out, place = "", 0
    while place < len(text):
        match = re.compile(r"\[:(\w+):\]").match(text, place)
        if match and match[1] in CLASSES:
            signs = re.compile(f"[{CLASSES[match[1]]}]", re.ASCII)
            out += "".join(chr(code) for code in range(128) if signs.match(chr(code)))
            place = match.end()
        elif text[place + 1 : place + 2] == "-" and place + 2 < len(text) and text[place] <= text[place + 2]:
            out += "".join(chr(code) for code in range(ord(text[place]), ord(text[place + 2]) + 1))
            place += 3
        else:
            out += text[place]
            place += 1
    return out


def tr(call: Call) -> int:
    """Replace, delete or squeeze characters."""
    flags, words = call.options("Ccdst", stop=True)
    if not words:
        return call.fail('Needs 1 argument (see "tr --help")')
    first, second = _set_of(words[0]), _set_of(words[1]) if len(words) > 1 else ""
    other = bool({"c", "C"} & set(flags))
    text = decode(call.source.read())
    inside = frozenset(first)

    def chosen(sign: str) -> bool:
        return (sign in inside) != other

    if "d" in flags:
        text = "".join(sign for sign in text if not chosen(sign))
        squeezed = frozenset(second)
    elif second:
        if other:
            text = "".join(second[-1] if chosen(sign) else sign for sign in text)
        else:
            second += second[-1] * (len(first) - len(second))
            table: dict[int, str] = {}
            for old, new in zip(first, second):
                table[ord(old)] = new
            text = text.translate(table)
        squeezed = frozenset(second)
    else:
        squeezed = frozenset(sign for sign in text if chosen(sign)) if other else inside
    if "s" in flags:
        text = "".join(
            sign for place, sign in enumerate(text) if not place or sign != text[place - 1] or sign not in squeezed
        )
    call.write(text)
    return 0


def tee(call: Call) -> int:
    """Copy standard input to standard output and to files."""
    flags, names = call.options("ai")
    data = call.source.read()
    call.write(data)
    for name in names:
        call.attempt(name, lambda path: call.files.write(path, data, call.user, append="a" in flags))
    return 0


def nl(call: Call) -> int:
    """Number lines that are not empty."""
    flags, names = call.options("E", "blnsvw")
    number, width = int(flags.get("v") or 1), int(flags.get("w") or 6)
    for _, data in call.inputs(names):
        for line in lines_of(data):
            if line or flags.get("b") == "a":
                call.line(f"{number:>{width}}{flags.get('s', chr(9))}{line}")
                number += 1
            else:
                call.line(" " * (width + 1) + line)
    return call.code


def tac(call: Call) -> int:
    """Print lines in reverse order."""
    for _, data in call.inputs(call.options("")[1]):
        call.write(b"".join(reversed(_keep(data))) if data else b"")
    return call.code


def rev(call: Call) -> int:
    """Print lines backwards."""
    for _, data in call.inputs(call.options("")[1]):
        for line in lines_of(data):
            call.line(line[::-1])
    return call.code


def paste(call: Call) -> int:
    """Join lines of files side by side, or of one file with -s."""
    flags, names = call.options("s", "d")
    delimiters = unescape(flags.get("d", "\t"))[0] or "\0"
    columns = [lines_of(data) for _, data in call.inputs(names)]
    rows: Iterable[Iterable[str]] = columns if "s" in flags else zip_longest(*columns, fillvalue="")
    for row in rows:
        cells = list(row)
        text = cells[0] if cells else ""
        for place, cell in enumerate(cells[1:]):
            text += delimiters[place % len(delimiters)].replace("\0", "") + cell
        call.line(text)
    return call.code


def comm(call: Call) -> int:
    """Compare two sorted files line by line."""
    flags, names = call.options("123")
    if len(names) != 2:
        return call.fail('Needs 2 arguments (see "comm --help")')
    left, right = (lines_of(call.read(name)) for name in names)
    shown = {number: str(number) not in flags for number in (1, 2, 3)}
    while left or right:
        if left and (not right or left[0] < right[0]):
            number, line = 1, left.pop(0)
        elif right and (not left or right[0] < left[0]):
            number, line = 2, right.pop(0)
        else:
            number, line = 3, left.pop(0)
            right.pop(0)
        if shown[number]:
            call.line("\t" * sum(shown[below] for below in range(1, number)) + line)
    return 0


COMMANDS = {"cat": cat, "head": head, "tail": tail, "wc": wc, "sort": sort, "uniq": uniq, "cut": cut, "tr": tr,
            "tee": tee, "nl": nl, "tac": tac, "rev": rev, "paste": paste, "comm": comm}  # fmt: skip
