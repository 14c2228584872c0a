"""POSIX regular expressions as Python's."""

from __future__ import annotations

import re
from functools import lru_cache

from vlgym.android.shell.expand import class_body


class PatternError(ValueError):
    """The expression is none."""


@lru_cache(maxsize=256)
def compile_posix(pattern: str, *, extended: bool, ignore_case: bool = False) -> re.Pattern[str]:
    """Return a basic or extended POSIX expression, compiled; raises PatternError."""
    try:
        return re.compile(_translate(pattern, extended), re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError) as error:
        raise PatternError(f"bad REGEX '{pattern}': {error}") from error


def _translate(pattern: str, extended: bool) -> str:
    out, place, start = "", 0, True
    while place < len(pattern):
        sign = pattern[place]
        place += 1
        if sign == "[":
            match = re.compile(r"(\^?)(\]?(?:\[:\w+:\]|[^\]])*)\]").match(pattern, place)
            if match is None:
                raise PatternError(f"bad REGEX '{pattern}': brackets ([ ]) not balanced")
            out += "[" + match[1] + class_body(match[2].replace("\\", "\\\\")) + "]"
            place, start = match.end(), False
            continue
        if sign == "\\":
            if place == len(pattern):
                raise PatternError(f"bad REGEX '{pattern}': trailing backslash (\\)")
            code = pattern[place]
            place += 1
            if not extended and code in "(){}+?":  # bionic has no \\| in basic expressions
                out += code
                start = code in "(|"
                continue
            known = {"n": "\n", "t": "\t", "<": r"\b(?=\w)", ">": r"\b(?<=\w)", "b": r"\b", "B": r"\B", "w": r"\w",
                     "W": r"\W", "s": r"\s", "S": r"\S", "`": r"\A", "'": r"\Z"}  # fmt: skip
            out += f"(?:\\{code})" if code.isdigit() and code != "0" else known.get(code, re.escape(code))
        elif sign == "*" and start:
            out += r"\*"
        elif sign in "+?(){}|" and not extended:
            out += "\\" + sign
        elif sign == "^" and not extended and not start:
            out += r"\^"
        elif sign == "$" and not extended and place < len(pattern) and pattern[place : place + 2] not in (r"\)", r"\|"):
            out += r"\$"
        elif sign == "$":
            out += r"(?!.|\n)"
        elif sign == "{" and not re.compile(r"\d*,?\d*\}").match(pattern, place):
            out += r"\{"
        elif sign in "*+?" and out[-1:] in ("*", "+", "?") and not out.endswith(("\\*", "\\+", "\\?")):
            continue  # POSIX lets repetitions be repeated, Python reads the second as "lazy" or "possessive"
        else:
            out += sign if sign in "*.^()|+?{}" else re.escape(sign)
        start = (sign in "(|" and extended) or (sign == "^" and start)
    return out
