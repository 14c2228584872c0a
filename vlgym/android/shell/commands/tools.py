"""Small tools of toybox: printf, seq, hashes, base64, xxd, expr and their kin."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import re

from vlgym.android.shell.arithmetic import ArithmeticError_, evaluate
from vlgym.android.shell.builtins import unescape
from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.regex import PatternError, compile_posix
from vlgym.android.shell.commands.text import decode, lines_of

_FORMAT = re.compile(r"%([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?([diouxXeEfFgGcsb%])")


def printf(call: Call) -> int:
    """Print words by a format, again and again until they are used up."""
    if not call.words:
        return call.fail('Needs 1 argument (see "printf --help")')
    pattern = call.words[0]
    words = call.words[1:]
    first = True
    while first or words:
        before = len(words)
        text, cut = _formatted(call, pattern, words)
        call.write(text)
        if cut or (not first and len(words) == before) or (first and len(words) == before):
            break
        first = False
    return call.code


def _formatted(call: Call, pattern: str, words: list[str]) -> tuple[str, bool]:
    out, place = "", 0
    pattern = re.sub(r"\\([1-7][0-7]{0,2})", r"\\0\1", pattern)
    for match in _FORMAT.finditer(pattern):
        text, cut = unescape(pattern[place : match.start()])
        out, place = out + text, match.end()
        if cut:
            return out, True
        if match[4] == "%":
            out += "%"
            continue
        width, precision = ((words.pop(0) if words else "0") if size == "*" else size for size in (match[2], match[3]))
        word = words.pop(0) if words else None
        if match[4] == "b":
            text, cut = unescape(re.sub(r"\\([1-7][0-7]{0,2})", r"\\0\1", word or ""))
            out += text.rjust(int(width or 0)) if "-" not in match[1] else text.ljust(int(width or 0))
            if cut:
                return out, True
            continue
        out += _one(call, match[1], min(int(width or 0), 4096), precision, match[4], word)
    text, cut = unescape(pattern[place:])
    return out + text, cut


def _one(call: Call, flags: str, width: int, precision: str | None, kind: str, word: str | None) -> str:
    shape = f"%{flags}{width or ''}" + (f".{min(int(precision or 0), 4096)}" if precision is not None else "")
    if kind in "sc":
        return f"{shape}s" % ((word or "")[: 1 if kind == "c" else None])
    if kind in "eEfFgG":
        try:
            return f"{shape}{kind}" % float(word or 0)
        except ValueError:
            call.fail(f"bad %{kind} @{word}")
            return f"{shape}{kind}" % 0.0
    try:
        value = ord(word[1]) if word and len(word) > 1 and word[0] in "\"'" else _integer(word or "0")
    except ValueError:
        call.fail(f"bad %{kind} @{word}")
        value = 0
    if value < 0 and kind in "ouxX":
        value += 1 << 64
    return f"{shape}{'d' if kind in 'iu' else kind}" % value


def _integer(text: str) -> int:
    text = text.strip()
    if re.fullmatch(r"[-+]?0[0-7]+", text):
        return int(text, 8)
    return int(text, 0)


def seq(call: Call) -> int:
    """Print numbers from first to last."""
    words, flags, given = [], {}, list(call.words)
    while given:
        word = given.pop(0)
        if re.match("-[sf]", word) and (word[2:] or given):
            flags[word[1]] = word[2:] or given.pop(0)
        elif word == "-w":
            flags["w"] = ""
        else:
            words.append(word)
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return call.fail(f"bad number '{next(w for w in words if not re.fullmatch(r'[-+]?[0-9.]+', w))}'")
    if not 1 <= len(numbers) <= 3:
        return call.fail('Needs 1 argument (see "seq --help")')
    last = numbers[-1]
    first = numbers[0] if len(numbers) > 1 else 1.0
    step = numbers[1] if len(numbers) == 3 else 1.0
    digits = max(len(word.partition(".")[2]) for word in words)
    count = int((last - first) / step + 1e-9) + 1 if step else 0
    if count > 1_000_000:
        return call.fail("too many numbers")
    rows = [f"{first + step * place:.{digits}f}" for place in range(max(count, 0))]
    if "w" in flags:
        width = max((len(row) for row in rows), default=0)
        rows = [("-" if row[0] == "-" else "") + row.lstrip("-").rjust(width - (row[0] == "-"), "0") for row in rows]
    if rows:
        call.line(flags.get("s", "\n").join(rows))
    return 0


def hashes(call: Call) -> int:
    """Print the hash of files."""
    flags, names = call.options("bcs")
    kind = call.name.removesuffix("sum")
    for name, data in call.inputs(names):
        digest = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
        call.line(digest if "b" in flags else f"{digest}  {name}")
    return call.code


def cksum(call: Call) -> int:
    """Print POSIX checksums."""
    for name, data in call.inputs(call.options("")[1]):
        value, size = 0, len(data)
        tail = b""
        while size:
            tail += bytes([size & 255])
            size >>= 8
        for byte in data + tail:
            value ^= byte << 24
            for _ in range(8):
                value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
        call.line(f"{value ^ 0xFFFFFFFF} {len(data)}" + ("" if name == "-" else f" {name}"))
    return call.code


def base64_(call: Call) -> int:
    """Encode or decode base64."""
    flags, names = call.options("di", "w")
    for _, data in call.inputs(names):
        if "d" in flags:
            try:
                call.write(base64.b64decode(re.sub(rb"[^A-Za-z0-9+/=]", b"", data)))
            except binascii.Error:
                return call.fail("bad input")
            continue
        text = base64.b64encode(data).decode()
        width = int(flags.get("w") or 76)
        rows = [text[place : place + width] for place in range(0, len(text), width)] if width else [text]
        call.write("".join(row + "\n" for row in rows) if width else text)
    return call.code


def xxd(call: Call) -> int:
    """Print bytes in hexadecimal."""
    flags, names = call.options("pir", "cglos")
    for _, data in call.inputs(names[:1]):
        if "r" in flags:
            call.write(bytes.fromhex("".join(re.findall(r"[0-9a-fA-F]{2}", decode(data)))) if "p" in flags else b"")
            continue
        data = data[: int(flags["l"])] if flags.get("l", "").isdigit() else data
        width = int(flags.get("c") or (30 if "p" in flags else 16))
        for place in range(0, len(data), width):
            row = data[place : place + width]
            if "p" in flags:
                call.line(row.hex())
                continue
            pairs = [row[start : start + 2].hex() for start in range(0, len(row), 2)]
            shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            call.line(f"{place:08x}: {' '.join(pairs):<{width * 5 // 2 - 1}}  {shown}")
    return call.code


def strings(call: Call) -> int:
    """Print runs of printable characters."""
    flags, names = call.options("afo", "nt")
    size = int(flags.get("n") or 4)
    for _, data in call.inputs(names):
        for match in re.finditer(rb"[\x20-\x7e\t]{%d,}" % size, data):
            call.write(match[0] + b"\n")
    return call.code


def cmp(call: Call) -> int:
    """Compare two files: 0 equal, 1 different, 2 trouble."""
    flags, names = call.options("ls", "n")
    if not names:
        return call.fail('Needs 1 argument (see "cmp --help")', 2)
    try:
        left, right = call.read(names[0]), call.read(names[1] if len(names) > 1 else "-")
    except OSError as error:
        return call.fail(f"{error.filename}: {error.strerror}", 2)
    if left == right:
        return 0
    for place, (a, b) in enumerate(zip(left, right), 1):
        if a != b:
            if "s" not in flags:
                call.line(f"{names[0]} {names[1]} differ: char {place}, line {left[: place - 1].count(10) + 1}")
            return 1
    if "s" not in flags:
        shorter = names[0] if len(left) < len(right) else names[1]
        call.error(f"cmp: EOF on {shorter} after byte {min(len(left), len(right))}")
    return 1


def diff(call: Call) -> int:
    """Compare two files line by line: 0 equal, 1 different, 2 trouble."""
    flags, names = call.options("abBdiNqrswu", "LSU")
    if len(names) != 2:
        return call.fail('Needs 2 arguments (see "diff --help")', 2)
    try:
        left, right = (lines_of(call.read(name)) for name in names)
    except OSError as error:
        return call.fail(f"{error.filename}: {error.strerror}", 2)
    if left == right:
        if "s" in flags:
            call.line(f"Files {names[0]} and {names[1]} are identical")
        return 0
    if "q" in flags:
        call.line(f"Files {names[0]} and {names[1]} differ")
        return 1
    for line in difflib.unified_diff(left, right, names[0], names[1], lineterm="", n=int(flags.get("U") or 3)):
        call.line(line)
    return 1


def expr(call: Call) -> int:
    """Evaluate an expression: 0 if it is neither empty nor 0, else 1."""
    words = call.words
    if not words:
        return call.fail("needs 1 argument", 2)
    try:
        value = _expr(words)
    except (ValueError, ArithmeticError_, PatternError) as error:
        return call.fail(str(error) or "syntax error", 2)
    call.line(value)
    return int(value in ("", "0"))


def _expr(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    for operators in (("|",), ("&",), ("=", "==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"), (":",)):
        depth = 0
        for place in range(len(words) - 1, 0, -1):
            depth += {")": 1, "(": -1}.get(words[place], 0)
            if depth == 0 and words[place] in operators and place < len(words) - 1:
                return _applied(words[place], _expr(words[:place]), _expr(words[place + 1 :]))
    if words[0] == "(" and words[-1] == ")":
        return _expr(words[1:-1])
    if words[0] == "length" and len(words) == 2:
        return str(len(words[1]))
    if words[0] == "substr" and len(words) == 4:
        start = int(words[2])
        return words[1][start - 1 : start - 1 + int(words[3])] if start > 0 else ""
    if words[0] == "match" and len(words) == 3:
        return _applied(":", words[1], words[2])
    raise ValueError(f"syntax error @{words[1] if len(words) > 1 else words[0]}")


def _applied(sign: str, left: str, right: str) -> str:
    if sign == ":":
        match = compile_posix(right, extended=False).match(left)
        grouped = r"\(" in right
        return (match[1] or "" if grouped else str(len(match[0]))) if match else ("" if grouped else "0")
    if sign == "|":
        return left if left not in ("", "0") else right
    if sign == "&":
        return left if left not in ("", "0") and right not in ("", "0") else "0"
    numbers = all(re.fullmatch(r"-?\d+", word) for word in (left, right))
    if sign in ("=", "==", "!=", "<", "<=", ">", ">="):
        a, b = (int(left), int(right)) if numbers else (left, right)
        order = (a > b) - (a < b)  # type: ignore[operator]
        return str(int({"=": order == 0, "==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0,
                        ">": order > 0, ">=": order >= 0}[sign]))  # fmt: skip
    if not numbers:
        raise ValueError("not a number: " + (left if not re.fullmatch(r"-?\d+", left) else right))
    return str(evaluate(f"({left}) {sign} ({right})", {}))


COMMANDS = {"printf": printf, "seq": seq, "md5sum": hashes, "sha1sum": hashes, "sha224sum": hashes,
            "sha256sum": hashes, "sha384sum": hashes, "sha512sum": hashes, "cksum": cksum, "base64": base64_,
            "xxd": xxd, "strings": strings, "cmp": cmp, "diff": diff, "expr": expr}  # fmt: skip
