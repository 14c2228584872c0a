"""Words of the shell's grammar: quotes, parameters and substitutions."""

from __future__ import annotations

from vlgym.android.shell.io import byte
from vlgym.android.shell.tree import Arithmetic, Parameter, Part, Sequence, ShellSyntaxError, Substitution, Text, Word

OPERATORS = (":-", ":=", ":?", ":+", "-", "=", "?", "+", "##", "#", "%%", "%", "//", "/", ":")
META = " \t\n;&|<>()"
_SPECIAL = "@*#?-$!0123456789"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\033", "E": "\033", "f": "\f", "v": "\v"}


class WordReader:
    """A cursor over a script that reads words; the grammar of commands is added by `Parser`.

    Attributes:
        text: the script.
        place: index of the next character.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def sequence(self, ends: tuple[str, ...], *, line: bool = False) -> Sequence:
        """Parse commands up to one of `ends`."""
        raise NotImplementedError

    def fresh(self, text: str) -> WordReader:
        """Return a reader of another text."""
        return type(self)(text)

    # ------------------------------------------------------------ characters

    def peek(self, count: int = 1) -> str:
        return self.text[self.place : self.place + count]

    def take(self, sign: str) -> bool:
        if self.text.startswith(sign, self.place):
            self.place += len(sign)
            return True
        return False

    def blanks(self) -> None:
        """Skip blanks, continued lines and comments."""
        while True:
            if self.peek() in (" ", "\t") and self.peek():
                self.place += 1
            elif self.peek(2) == "\\\n":
                self.place += 2
            elif self.peek() == "#":
                while self.peek() not in ("", "\n"):
                    self.place += 1
            else:
                return

    def name(self) -> str:
        """Take and return a variable name, empty if none stands here."""
        end = self.place
        while end < len(self.text) and (
            self.text[end] == "_" or (self.text[end].isascii() and self.text[end].isalnum())
        ):
            end += 1
        name = self.text[self.place : end]
        if not name or name[0].isdigit():
            return ""
        self.place = end
        return name

    def _next_word(self) -> Word | None:
        self.blanks()
        return self.word()

    def balanced(self, start: int) -> str | None:
        """Return the text from `start` to the ``))`` that closes it and go past that; None if there is none."""
        depth, place = 0, start
        while place < len(self.text):
            sign = self.text[place]
            if sign == "(":
                depth += 1
            elif sign == ")":
                if depth == 0:
                    if self.text[place + 1 : place + 2] != ")":
                        return None
                    self.place = place + 2
                    return self.text[start:place]
                depth -= 1
            place += 1
        return None

    # ------------------------------------------------------------ words

    def word(self, ends: str = META) -> Word | None:
        """Parse one word up to an unquoted character of `ends`; None if there is none."""
        parts: list[Part] = []
        while self.place < len(self.text) and self.peek() not in ends:
            sign = self.peek()
            if sign == "\\":
                self.place += 1
                if self.peek() and not self.take("\n"):
                    parts.append(Text(self.peek(), True))
                    self.place += 1
            elif sign == "'":
                parts.append(Text(self._until("'"), True))
            elif sign == '"':
                self.place += 1
                parts += self.quoted_until('"') or (Text("", True),)
            elif self.peek(2) == "$'":
                self.place += 1
                parts.append(Text(_unescaped(self._until("'", escapes=True)), True))
            elif sign in "$`":
                parts.append(self.expansion(False))
            else:
                self.place += 1
                if parts and isinstance(parts[-1], Text) and not parts[-1].quoted:
                    parts[-1] = Text(parts[-1].text + sign)
                else:
                    parts.append(Text(sign))
        return tuple(parts) if parts else None

    def quoted_until(self, end: str, *, here: bool = False) -> Word:
        """Parse the inside of double quotes and go past `end`; `here` reads to the end of the text."""
        parts: list[Part] = []
        plain = ""
        while self.place < len(self.text):
            sign = self.peek()
            if sign == end and not here:
                break
            if sign == "\\" and self.peek(2)[1:] in ("$", "`", "\\", "\n", "" if here else '"'):
                plain += "" if self.peek(2) == "\\\n" else self.peek(2)[1:] or "\\"
                self.place += 2
            elif sign in "$`":
                part = self.expansion(True)
                if isinstance(part, Text):
                    plain += part.text
                    continue
                if plain:
                    parts.append(Text(plain, True))
                    plain = ""
                parts.append(part)
            else:
                plain += sign
                self.place += 1
        else:
            if not here:
                raise ShellSyntaxError("no closing quote")
        self.place += 0 if here else 1
        if plain or not parts:
            parts.append(Text(plain, True))
        return tuple(parts)

    def _until(self, quote: str, *, escapes: bool = False) -> str:
        """Return the text between two quotes, the first of which stands here."""
        start = end = self.place + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if escapes and self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise ShellSyntaxError("no closing quote")
        self.place = end + 1
        return self.text[start:end]

    def expansion(self, quoted: bool) -> Part:
        """Parse what begins with ``$`` or a backquote."""
        if self.take("`"):
            return self._backquoted(quoted)
        self.place += 1
        if self.peek(2) == "((":
            start = self.place
            inside = self.balanced(self.place + 2)
            if inside is not None:
                return Arithmetic(self.fresh(inside).quoted_until("", here=True), quoted)
            self.place = start
        if self.take("("):
            body = self.sequence((")",))
            if not self.take(")"):
                raise ShellSyntaxError(
                    "no closing quote" if self.place >= len(self.text) else "syntax error: unexpected ')'"
                )
            return Substitution(body, quoted)
        if self.take("{"):
            return self._braced(quoted)
        name = self.name()
        if not name and self.peek() and self.peek() in _SPECIAL:
            name = self.peek()
            self.place += 1
        return Parameter(name, quoted=quoted) if name else Text("$", quoted)

    def _backquoted(self, quoted: bool) -> Part:
        inside = ""
        while self.peek() != "`":
            if not self.peek():
                raise ShellSyntaxError("no closing quote")
            if self.peek() == "\\" and self.peek(2)[1:] in ("`", "\\", "$"):
                self.place += 1
            inside += self.peek()
            self.place += 1
        self.place += 1
        reader = self.fresh(inside)
        body = reader.sequence(())
        if reader.place < len(inside):
            raise ShellSyntaxError("syntax error: unexpected ')'")
        return Substitution(body, quoted)

    def _braced(self, quoted: bool) -> Part:
        if self.peek() == "#" and self.peek(2) != "#}":
            self.place += 1
            name = self._parameter()
            self._close()
            return Parameter(name, "#len", quoted=quoted)
        name = self._parameter()
        op = next((op for op in OPERATORS if self.take(op)), "")
        if not op:
            self._close()
            return Parameter(name, quoted=quoted)
        ends = "}/" if op in ("/", "//") else "}:" if op == ":" else "}"
        word = self._inner(ends, quoted and op not in ("#", "##", "%", "%%", "/", "//"))
        extra = self._inner("}", quoted) if len(ends) > 1 and self.take(ends[1]) else None
        self._close()
        return Parameter(name, op, word, extra, quoted)

    def _parameter(self) -> str:
        name = self.name()
        while not name and self.peek() and self.peek() in _SPECIAL:
            digits = self.peek()
            self.place += 1
            while digits.isdigit() and self.peek().isdigit():
                digits += self.peek()
                self.place += 1
            return digits
        if not name:
            raise ShellSyntaxError("bad substitution")
        return name

    def _inner(self, ends: str, quoted: bool) -> Word:
        """Parse the word inside ``${...}``."""
        if not quoted:
            return self.word(ends) or ()
        parts: list[Part] = []
        while self.peek() and self.peek() not in ends:
            if self.peek() == '"':
                self.place += 1
                parts += self.quoted_until('"')
            elif self.peek() in "$`":
                parts.append(self.expansion(True))
            else:
                self.place += self.peek() == "\\" and self.peek(2)[1:] in ("$", "`", '"', "\\", "}")
                parts.append(Text(self.peek(), True))
                self.place += 1
        return tuple(parts)

    def _close(self) -> None:
        if not self.take("}"):
            raise ShellSyntaxError("bad substitution")


def _unescaped(text: str) -> str:
    """Return the text of ``$'...'`` with its escapes resolved."""
    out, place = "", 0
    while place < len(text):
        sign = text[place]
        place += 1
        if sign != "\\" or place >= len(text):
            out += sign
            continue
        code = text[place]
        place += 1
        if code == "x":
            digits = "".join(c for c in text[place : place + 2] if c in "0123456789abcdefABCDEF")
            out += byte(int(digits, 16)) if digits else "x"
            place += len(digits)
        elif code in "01234567":
            end = place
            while end < min(place + 2, len(text)) and text[end] in "01234567":
                end += 1
            out += byte(int(text[place - 1 : end], 8) & 0xFF)
            place = end
        else:
            out += _ESCAPES.get(code, code)
    return out
