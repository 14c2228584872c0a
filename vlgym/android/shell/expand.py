"""Expansion of words: parameters, substitutions, splitting and patterns against the device's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from vlgym.android.shell.arithmetic import evaluate
from vlgym.android.shell.tree import Arithmetic, Parameter, Part, Substitution, Text, Word

if TYPE_CHECKING:
    from vlgym.android.shell.session import Session

Field = list[tuple[str, bool]]
"""Pieces of one argument, each with whether it was quoted."""

MAX_FIELDS = 100_000
MAX_TEXT = 4 << 20
"""Characters that one word may expand to."""
MAX_BRACES = 4096


class ExpansionError(ValueError):
    """A word cannot be expanded; ends the command, as in mksh."""


def expand_words(shell: Session, words: Iterable[Word]) -> list[str]:
    """Return the arguments that words make: expanded, split and globbed."""
    found: list[str] = []
    for word in words:
        for one in braces(word):
            for field in fields(shell, one):
                found += glob(shell, field)
        if len(found) > MAX_FIELDS:
            raise ExpansionError("too many arguments")
    return found


def expand_text(shell: Session, word: Word) -> str:
    """Return a word expanded to one string: no splitting, no patterns (assignments, redirections, case)."""
    return "".join(text for text, _ in _joined(shell, word))


def expand_pattern(shell: Session, word: Word) -> str:
    """Return a word as a pattern: quoted pattern signs are escaped."""
    return _escaped(_joined(shell, word))


def _joined(shell: Session, word: Word) -> Field:
    parts: Field = []
    size = 0
    for number, part in enumerate(word):
        if number == 0 and isinstance(part, Text) and not part.quoted and part.text.startswith("~"):
            part = Text(_home(shell, part.text))
        for pieces, fresh in _pieces(shell, part, False):
            parts += [(" ", True), *pieces] if fresh else pieces
            size += sum(len(text) for text, _ in pieces)
            if size > MAX_TEXT:
                raise ExpansionError("out of memory")
    return parts


def fields(shell: Session, word: Word) -> list[Field]:
    """Return the fields that a word makes, before patterns are matched."""
    done: list[Field] = []
    current: Field | None = None
    size = 0
    for number, part in enumerate(word):
        if number == 0 and isinstance(part, Text) and not part.quoted and part.text.startswith("~"):
            part = Text(_home(shell, part.text))
        for pieces, fresh in _pieces(shell, part, True):
            if fresh:
                if current is not None:
                    done.append(current)
                current = None
            if pieces:
                current = (current or []) + pieces
                size += sum(len(text) for text, _ in pieces)
                if size > MAX_TEXT or len(done) > MAX_FIELDS:
                    raise ExpansionError("out of memory")
    if current is not None:
        done.append(current)
    return done


def _pieces(shell: Session, part: Part, split: bool) -> Iterator[tuple[Field, bool]]:
    """Yield (pieces, whether they begin a new field)."""
    if isinstance(part, Text):
        yield [(part.text, part.quoted)], False
        return
    if isinstance(part, Parameter) and part.op == "" and part.name in ("@", "*"):
        if part.name == "*" and part.quoted:
            yield [((shell.variables.get("IFS", " \t\n") or "")[:1].join(shell.arguments), True)], False
            return
        for number, argument in enumerate(shell.arguments):
            if part.quoted:
                yield [(argument, True)], number > 0
            else:
                for index, piece in enumerate(_split(shell, argument) if split else [argument]):
                    yield ([(piece, False)] if piece else []), number > 0 or index > 0
        return
    if isinstance(part, Parameter):
        operand = _conditional(shell, part)
        if operand is not None:
            for inner in operand:
                if isinstance(inner, Text) and not part.quoted and not inner.quoted:
                    inner = Parameter("", "#text", (inner,))
                yield from _pieces(shell, inner, split)
            if part.quoted and not operand:
                yield [("", True)], False
            return
        value = inner_value(shell, part)
    elif isinstance(part, Substitution):
        value = shell.substitute(part.body)
    else:
        assert isinstance(part, Arithmetic)
        value = str(evaluate(expand_text(shell, part.expression), shell.scope))
    if part.quoted or not split:
        yield [(value, part.quoted)], False
        return
    pieces = _split(shell, value)
    for number, piece in enumerate(pieces):
        yield ([(piece, False)] if piece or (0 < number < len(pieces) - 1) else []), number > 0


def _split(shell: Session, value: str) -> list[str]:
    """Return a value cut at IFS; blank ends make empty first and last items, so that neighbours are kept apart."""
    ifs = shell.variables.get("IFS", " \t\n")
    blanks = "".join(c for c in ifs if c in " \t\n")
    others = "".join(c for c in ifs if c not in " \t\n")
    if not ifs:
        return [value]
    blank = f"[{re.escape(blanks)}]" if blanks else "(?!)"
    other = f"[{re.escape(others)}]" if others else "(?!)"
    items = re.split(f"{blank}*{other}{blank}*|{blank}+", value)
    if len(items) > 1 and items[-1] == "" and others and value.rstrip(blanks)[-1:] in others:
        items[-1] = ""
    return items


def _home(shell: Session, text: str) -> str:
    user, slash, rest = text.partition("/")
    home = {"~": shell.variables.get("HOME", "/"), "~+": shell.cwd, "~root": "/"}.get(user)
    return text if home is None else home.rstrip("/") + slash + rest if slash else home


# ---------------------------------------------------------------- parameters


def _conditional(shell: Session, part: Parameter) -> Word | None:
    """Return the word that takes the parameter's place, or None if its value is what counts."""
    op = part.op.lstrip(":") if part.op in (":-", ":=", ":?", ":+", "-", "=", "?", "+") else ""
    if not op:
        return None
    value = shell.parameter(part.name)
    unset = value is None or (part.op.startswith(":") and value == "")
    if op == "+":
        return () if unset else part.word
    if not unset:
        return None
    if op == "-":
        return part.word
    text = expand_text(shell, part.word)
    if op == "?":
        raise ExpansionError(f"{part.name}: {text or 'parameter null or not set'}")
    shell.assign(part.name, text)
    return None


def inner_value(shell: Session, part: Parameter) -> str:
    """Return the value of a parameter with its operator applied."""
    if part.op == "#text":
        return expand_text(shell, part.word)
    if part.name in ("@", "*") and part.op == "#len":
        return str(len(shell.arguments))
    found = " ".join(shell.arguments) if part.name in ("@", "*") else shell.parameter(part.name)
    if found is None and shell.options.get("u"):
        raise ExpansionError(f"{part.name}: parameter not set")
    value = found or ""
    if part.op == "#len":
        return str(len(value))
    if part.op in ("#", "##", "%", "%%"):
        return _trimmed(value, part.op, expand_pattern(shell, part.word))
    if part.op in ("/", "//"):
        pattern = pattern_regex(expand_pattern(shell, part.word), slashes=True)
        new = expand_text(shell, part.extra or ())
        if not part.word:
            return value
        return re.sub(pattern, lambda _: new, value, count=part.op == "/")
    if part.op == ":":
        start = evaluate(expand_text(shell, part.word), shell.scope)
        start = max(len(value) + start, 0) if start < 0 else start
        if part.extra is None:
            return value[start:]
        length = evaluate(expand_text(shell, part.extra), shell.scope)
        return value[start:length] if length < 0 else value[start : start + length]
    return value


def _trimmed(value: str, op: str, pattern: str) -> str:
    regex = re.compile(pattern_regex(pattern, slashes=True) + r"\Z", re.DOTALL)
    cuts: Iterable[int] = range(len(value) + 1)
    if op in ("##", "%"):
        cuts = reversed(range(len(value) + 1))
    for cut in cuts:
        if op[0] == "#" and regex.match(value[:cut]):
            return value[cut:]
        if op[0] == "%" and regex.match(value[cut:]):
            return value[:cut]
    return value


# ---------------------------------------------------------------- patterns


def _escaped(field: Field) -> str:
    return "".join(re.sub(r"([*?\[\]\\!@+|()-])", r"\\\1", text) if quoted else text for text, quoted in field)


@lru_cache(maxsize=512)
def pattern_regex(pattern: str, *, slashes: bool) -> str:
    """Return a shell pattern as a regular expression (not anchored); without `slashes` no sign stands for "/"."""
    any_sign = "." if slashes else "[^/]"
    out, place = "", 0
    while place < len(pattern):
        sign = pattern[place]
        place += 1
        if sign == "*":
            while pattern[place : place + 1] == "*":
                place += 1
            out += any_sign + "*"
        elif sign == "?":
            out += any_sign
        elif sign == "\\" and place < len(pattern):
            out += re.escape(pattern[place])
            place += 1
        elif sign == "[":
            match = re.compile(r"([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]").match(pattern, place)
            if match is None:
                out += r"\["
                continue
            place = match.end()
            out += "[" + ("^" if match[1] else "") + class_body(match[2]) + "]"
        else:
            out += re.escape(sign)
    return "(?s:" + out + ")"


CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
            "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": r"\w", "cntrl": r"\x00-\x1f\x7f",
            "print": r"\x20-\x7e", "graph": r"\x21-\x7e"}  # fmt: skip


def class_body(body: str) -> str:
    """Return the inside of a POSIX bracket expression as Python writes it."""
    parts = re.split(r"\[:(\w+):\]", body)
    for place, text in enumerate(parts):
        if place % 2:
            parts[place] = CLASSES.get(text, "")
        else:
            plain = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if "\\" in text else text
            parts[place] = re.sub(r"([\\\[\]^&~|])", r"\\\1", plain)
            if re.search(r"(.)-(.)", plain) and any(a > b for a, b in re.findall(r"(.)-(.)", plain)):
                parts[place] = re.sub(r"-", r"\\-", parts[place])
    return "".join(parts) or "^\\s\\S"


def glob(shell: Session, field: Field) -> list[str]:
    """Return the paths that a field's pattern matches, or its text if it has none or none matches."""
    plain = "".join(text for text, _ in field)
    if shell.options.get("f") or not any(not quoted and re.search(r"[*?\[]", text) for text, quoted in field):
        return [plain]
    pattern = _escaped(field)
    parts = [part for part in pattern.split("/") if part]
    found = ["/" if pattern.startswith("/") else ""]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        fresh = []
        if re.search(r"(?<!\\)[*?\[]", part):
            regex = re.compile(pattern_regex(part, slashes=False) + r"\Z")
            for folder in found:
                try:
                    names = shell.files.list(shell.path(folder or "."), shell.user)
                except OSError:
                    continue
                names = [n for n in names if regex.match(n) and (not n.startswith(".") or part.startswith("."))]
                fresh += [folder + name for name in names]
        else:
            name = re.sub(r"\\(.)", r"\1", part)
            fresh = [folder + name for folder in found if name in (".", "..") or shell.exists(folder + name)]
        found = fresh if last else [path + "/" for path in fresh if shell.files.is_dir(shell.path(path))]
    if pattern.endswith("/"):
        found = [path + "/" for path in found if shell.files.is_dir(shell.path(path))]
    return found or [plain]


def braces(word: Word) -> list[Word]:
    """Return the words that ``a{b,c}d`` makes; only braces within one unquoted text are seen."""
    choices = 1
    for part in word:
        if isinstance(part, Text) and not part.quoted:
            for inside in re.findall(r"\{([^{}]*)\}", part.text):
                choices *= inside.count(",") + 1
    if choices > MAX_BRACES:
        raise ExpansionError("too many arguments")
    return _braced(word)


def _braced(word: Word) -> list[Word]:
    for number, part in enumerate(word):
        if isinstance(part, Text) and not part.quoted and "{" in part.text and "," in part.text:
            match = re.search(r"\{([^{}]*,[^{}]*)\}", part.text)
            if match:
                before, after = part.text[: match.start()], part.text[match.end() :]
                out: list[Word] = []
                for choice in match[1].split(","):
                    fresh = (*word[:number], Text(before + choice + after), *word[number + 1 :])
                    out += _braced(fresh)
                return out
    return [word]
