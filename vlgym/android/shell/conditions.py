"""`test`, `[` and `[[`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vlgym.android.shell import expand
from vlgym.android.shell.arithmetic import ArithmeticError_, evaluate
from vlgym.android.shell.tree import Text, Word
from vlgym.android.state.files import Stat

if TYPE_CHECKING:
    from vlgym.android.shell.call import Call
    from vlgym.android.shell.session import Session

_UNARY = "bcdefghkLnoprsStuwxzOG"
_NUMBERS = {"-eq": "==", "-ne": "!=", "-lt": "<", "-le": "<=", "-gt": ">", "-ge": ">="}
_BINARY = {"=", "==", "!=", "<", ">", "-nt", "-ot", "-ef", *_NUMBERS}


class ConditionError(ValueError):
    """The expression is none; status 2."""


def test_command(call: Call) -> int:
    """Run `test` or `[`: 0 true, 1 false, 2 not an expression."""
    words = call.words
    if call.name == "[":
        if words[-1:] != ["]"]:
            call.error(f"/system/bin/sh: {call.name}: missing ]")
            return 2
        words = words[:-1]
    try:
        return int(not _Condition(call.shell, words).all())
    except (ConditionError, ArithmeticError_) as error:
        call.error(f"/system/bin/sh: {call.name}: {error}")
        return 2


def double_bracket(shell: Session, words: list[Word]) -> bool:
    """Return what ``[[ words ]]`` says; the right side of = and != is a pattern."""
    texts: list[str] = []
    operators: set[int] = set()
    for place, word in enumerate(words):
        bare = len(word) == 1 and isinstance(word[0], Text) and not word[0].quoted
        if bare and isinstance(word[0], Text) and word[0].text in ("&&", "||", "(", ")", "!"):
            operators.add(place)
        pattern = place > 0 and texts[-1] in ("=", "==", "!=") and place >= 2
        texts.append(expand.expand_pattern(shell, word) if pattern else expand.expand_text(shell, word))
    try:
        return _Condition(shell, texts, double=True, operators=operators).all()
    except ConditionError as error:
        raise expand.ExpansionError(str(error)) from error


class _Condition:
    def __init__(
        self, shell: Session, words: list[str], *, double: bool = False, operators: set[int] | None = None
    ) -> None:
        self._shell, self._words, self._double = shell, words, double
        self._operators = operators or set()
        self._place = 0

    def all(self) -> bool:
        words = self._words
        if not self._double:  # POSIX decides by the number of words
            if len(words) <= 1:
                return bool(words and words[0])
            if len(words) == 2 and words[0] == "!":
                return not words[1]
            if len(words) == 3 and words[1] in _BINARY:
                return self._binary(words[0], words[1], words[2])
        value = self._or()
        if self._place < len(words):
            raise ConditionError(f"{self._peek()}: unexpected operator/operand")
        return value

    def _peek(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._words[place] if place < len(self._words) else ""

    def _is(self, *signs: str) -> bool:
        special = not self._double or self._place in self._operators
        return self._place < len(self._words) and special and self._peek() in signs

    def _or(self) -> bool:
        value = self._and()
        while self._is("-o", "||"):
            self._place += 1
            other = self._and()
            value = value or other
        return value

    def _and(self) -> bool:
        value = self._not()
        while self._is("-a", "&&"):
            self._place += 1
            other = self._not()
            value = value and other
        return value

    def _not(self) -> bool:
        negated = False
        while self._is("!") and self._place + 1 < len(self._words):
            negated = not negated
            self._place += 1
        return self._primary() != negated

    def _primary(self) -> bool:
        if self._place >= len(self._words):
            raise ConditionError("expression expected")
        if self._peek(1) in _BINARY and self._place + 2 < len(self._words):
            left, operator, right = self._words[self._place : self._place + 3]
            self._place += 3
            return self._binary(left, operator, right)
        if self._is("(") and len(self._words) - self._place > 2:
            self._place += 1
            value = self._or()
            if self._peek() != ")":
                raise ConditionError("missing )")
            self._place += 1
            return value
        word = self._peek()
        if len(word) == 2 and word[0] == "-" and word[1] in _UNARY and self._place + 1 < len(self._words):
            operand = self._peek(1)
            self._place += 2
            return self._unary(word[1], operand)
        self._place += 1
        return bool(word)

    def _unary(self, letter: str, operand: str) -> bool:
        shell = self._shell
        if letter in "nz":
            return bool(operand) == (letter == "n")
        if letter == "t":
            return False
        if letter == "o":
            return bool(shell.options.get(operand[:1]))
        path = shell.path(operand) if operand else ""
        if not operand:
            return False
        if letter in "hL":
            return shell.exists(path) and shell.files.stat(path, shell.user, follow=False).is_link
        if letter in "rwx":
            return shell.files.access(path, {"r": 4, "w": 2, "x": 1}[letter], shell.user)
        try:
            found = shell.files.stat(path, shell.user)
        except OSError:
            return False
        if letter in "OG":
            return found.uid == shell.user.uid
        bits = {"u": 0o4000, "g": 0o2000, "k": 0o1000}
        kinds = {"b": 0o060000, "c": 0o020000, "d": 0o040000, "f": 0o100000, "p": 0o010000, "S": 0o140000}
        if letter in bits:
            return bool(found.mode & bits[letter])
        return {"e": True, "s": found.size > 0}.get(letter, found.mode & 0o170000 == kinds.get(letter, -1))

    def _binary(self, left: str, operator: str, right: str) -> bool:
        shell = self._shell
        if operator in _NUMBERS:
            if not self._double:
                for word in (left, right):
                    if not re.fullmatch(r"\s*[-+]?\d+\s*", word):
                        raise ConditionError(f"{word}: bad number")
            return bool(evaluate(f"({left or 0}) {_NUMBERS[operator]} ({right or 0})", shell.scope))
        if operator in ("=", "==", "!="):
            if self._double:
                equal = bool(re.fullmatch(expand.pattern_regex(right, slashes=True), left))
            else:
                equal = left == right
            return equal == (operator != "!=")
        if operator in "<>":
            return left < right if operator == "<" else left > right
        times: list[Stat | None] = []
        for word in (left, right):
            try:
                times.append(shell.files.stat(shell.path(word), shell.user))
            except OSError:
                times.append(None)
        first, second = times
        if operator == "-ef":
            return first is not None and second is not None and first.inode == second.inode
        if operator == "-ot":
            first, second = second, first
        return first is not None and (second is None or first.mtime_us > second.mtime_us)
