"""Integer arithmetic of ``$(( ))``: 32 bits with wrap-around, as in mksh."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

_TOKEN = re.compile(
    r"\s*(?:(\d+#\w+|0[xX][0-9a-fA-F]+|\d+)|([A-Za-z_]\w*)|(<<=|>>=|\|\||&&|<<|>>|[-+*/%&|^<>=!]=|\+\+|--|\S))"
)
_LEVELS = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", "<=", ">", ">="), ("<<", ">>"), ("+", "-"),
           ("*", "/", "%"))  # fmt: skip
_ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="}
MAX_NESTING = 50


class ArithmeticError_(ValueError):
    """The expression is none; the message is mksh's."""


def wrap(value: int) -> int:
    """Return a number as 32 bits hold it."""
    return (value + 2**31) % 2**32 - 2**31


def evaluate(text: str, variables: MutableMapping[str, str]) -> int:
    """Return the value of an expression; assignments change `variables`. Raises ArithmeticError_."""
    return _Evaluator(text, variables, 0).all()


class _Evaluator:
    def __init__(self, text: str, variables: MutableMapping[str, str], depth: int) -> None:
        self._text, self._variables, self._depth = text, variables, depth
        self._tokens: list[tuple[str, str]] = []
        place, end = 0, len(text.rstrip())
        while place < end:
            match = _TOKEN.match(text, place)
            assert match is not None
            place = match.end()
            self._tokens.append(("number" if match[1] else "name" if match[2] else "sign", match[match.lastindex or 0]))
        self._place = 0
        self._live = True

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _take(self, *signs: str) -> str:
        if self._place < len(self._tokens) and self._tokens[self._place][1] in signs:
            self._place += 1
            return self._tokens[self._place - 1][1]
        return ""

    def _wrong(self) -> ArithmeticError_:
        return ArithmeticError_(f"{self._text.strip()}: unexpected '{self._peek() or 'EOF'}'")

    def all(self) -> int:
        if not self._tokens:
            return 0
        value = self._comma()
        if self._place < len(self._tokens):
            raise self._wrong()
        return value

    def _comma(self) -> int:
        value = self._choice()
        while self._take(","):
            value = self._choice()
        return value

    def _choice(self) -> int:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ArithmeticError_("recursive expression")
        if self._place + 1 < len(self._tokens):
            kind, name = self._tokens[self._place]
            sign = self._tokens[self._place + 1][1]
            if kind == "name" and sign in _ASSIGN:
                self._place += 2
                value = self._choice()
                self._depth -= 1
                return self._assign(name, value if sign == "=" else self._apply(sign[:-1], self._value(name), value))
        value = self._binary(0)
        if self._take("?"):
            live = self._live
            self._live = live and value != 0
            first = self._comma()
            if not self._take(":"):
                raise self._wrong()
            self._live = live and value == 0
            second = self._choice()
            self._live = live
            value = first if value else second
        self._depth -= 1
        return value

    def _binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        value = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            if sign in ("||", "&&"):
                live = self._live
                self._live = live and (value == 0) == (sign == "||")
                other = self._binary(level + 1)
                self._live = live
                value = int(bool(value or other) if sign == "||" else bool(value and other))
            else:
                value = self._apply(sign, value, self._binary(level + 1))
        return value

    def _apply(self, sign: str, a: int, b: int) -> int:
        if sign in ("/", "%"):
            if b == 0:
                if not self._live:
                    return 0
                raise ArithmeticError_(f"{self._text.strip()}: zero divisor")
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
            return wrap(quotient if sign == "/" else a - quotient * b)
        simple = {
            "+": a + b, "-": a - b, "*": a * b, "|": a | b, "^": a ^ b, "&": a & b, "==": a == b, "!=": a != b,
            "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "<<": a << (b & 31), ">>": a >> (b & 31),
        }  # fmt: skip
        return wrap(int(simple[sign]))

    def _unary(self) -> int:
        sign = self._take("++", "--")
        if sign:
            kind, name = self._tokens[self._place] if self._place < len(self._tokens) else ("", "")
            if kind != "name":
                raise self._wrong()
            self._place += 1
            return self._assign(name, self._value(name) + (1 if sign == "++" else -1))
        sign = self._take("-", "+", "!", "~")
        if sign:
            self._depth += 1
            if self._depth > MAX_NESTING:
                raise ArithmeticError_("recursive expression")
            value = self._unary()
            self._depth -= 1
            return wrap({"-": -value, "+": value, "!": int(not value), "~": ~value}[sign])
        return self._atom()

    def _atom(self) -> int:
        if self._take("("):
            value = self._comma()
            if not self._take(")"):
                raise self._wrong()
            return value
        kind, text = self._tokens[self._place] if self._place < len(self._tokens) else ("", "")
        self._place += 1
        if kind == "number":
            return self._number(text)
        if kind == "name":
            value = self._value(text)
            if sign := self._take("++", "--"):
                self._assign(text, value + (1 if sign == "++" else -1))
            return value
        self._place -= 1
        raise self._wrong()

    def _number(self, text: str) -> int:
        try:
            if "#" in text:
                base, _, digits = text.partition("#")
                return wrap(int(digits, int(base)))
            return wrap(int(text, 16) if text[:2].lower() == "0x" else int(text))
        except ValueError as error:
            raise ArithmeticError_(f"{text}: bad number") from error

    def _value(self, name: str) -> int:
        text = self._variables.get(name, "").strip()
        if re.fullmatch(r"-?\d{1,20}", text):
            return wrap(int(text))
        if not text:
            return 0
        if self._depth >= MAX_NESTING:
            raise ArithmeticError_("recursive expression")
        return _Evaluator(text, self._variables, self._depth + 10).all()

    def _assign(self, name: str, value: int) -> int:
        if self._live:
            self._variables[name] = str(wrap(value))
        return wrap(value)
