"""The shell's grammar: text to a tree, as mksh reads it. Nothing is run here and nothing is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vlgym.android.shell.tree import (
    Command,
    Compound,
    Parameter,
    Pipeline,
    Redirect,
    Sequence,
    ShellSyntaxError,
    Simple,
    Text,
    Word,
)
from vlgym.android.shell.words import META, WordReader

MAX_NESTING = 60
"""Deeper nesting is a syntax error: Python's stack is not the shell's to spend."""
_RESERVED = set("if then else elif fi for while until do done case esac { } ! [[ function in time".split())


def parse(text: str) -> Iterator[Sequence]:
    """Yield the trees of a script, line by line: what stands before a syntax error has been run, as in mksh.

    Raises:
        ShellSyntaxError: when the line with the error is reached.
    """
    parser = Parser(text)
    while True:
        parser.newlines()
        if parser.place >= len(text):
            return
        start = parser.place
        tree = parser.sequence((), line=True)
        if parser.place < len(text) and (parser.place == start or text[parser.place - 1] != "\n"):
            raise parser.unexpected()
        parser.close()
        yield tree


def parse_text(text: str) -> Word:
    """Return the word that the inside of double quotes makes of a text, as for here-documents and arithmetic."""
    return Parser(text).quoted_until("", here=True)


class Parser(WordReader):
    """Recursive descent over one text; `place` is the next character."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._waiting: list[tuple[list[Redirect], int, str, bool, bool]] = []

    def newlines(self) -> None:
        """Skip blanks and line ends."""
        while True:
            self.blanks()
            if not self._newline():
                return

    def _newline(self) -> bool:
        if not self.take("\n"):
            return False
        for redirects, index, delimiter, literal, tabs in self._waiting:
            body = self._here(delimiter, tabs)
            word: Word = (Text(body, True),) if literal else parse_text(body)
            redirects[index] = Redirect(redirects[index].fd, "<<", word)
        self._waiting.clear()
        return True

    def _here(self, delimiter: str, tabs: bool) -> str:
        lines = []
        while self.place < len(self.text):
            end = self.text.find("\n", self.place)
            end = len(self.text) if end < 0 else end
            line = self.text[self.place : end]
            self.place = end + 1
            line = line.lstrip("\t") if tabs else line
            if line == delimiter:
                break
            lines.append(line + "\n")
        else:
            raise ShellSyntaxError(f"here document '{delimiter}' unclosed")
        self.place = min(self.place, len(self.text))
        return "".join(lines)

    def close(self) -> None:
        """Complain of a here-document that never begins."""
        if self._waiting:
            raise ShellSyntaxError(f"here document '{self._waiting[0][2]}' unclosed")

    def unexpected(self) -> ShellSyntaxError:
        """Return mksh's complaint about what stands here."""
        self.blanks()
        sign = self.peek(2) if self.peek(2) in ("&&", "||", ";;", ">>", "<<") else self.peek()
        rest = self.text[self.place :].split(maxsplit=1)
        shown = sign if sign and sign in META + "&&||;;" else (rest[0] if rest else "EOF")
        return ShellSyntaxError(f"syntax error: unexpected {'newline' if shown == chr(10) else repr(shown)}")

    def reserved(self) -> str:
        """Return the reserved word that stands here, without taking it."""
        end = self.place
        while end < len(self.text) and self.text[end] not in META:
            end += 1
        word = self.text[self.place : end]
        return word if word in _RESERVED else ""

    def expect(self, word: str) -> None:
        self.newlines()
        if self.reserved() != word and self.peek(len(word)) != word:
            raise self.unexpected()
        self.place += len(word)

    # ------------------------------------------------------------ commands

    def sequence(self, ends: tuple[str, ...], *, line: bool = False) -> Sequence:
        """Parse a list up to one of the reserved words or signs `ends`, which is left; `line` ends with its line."""
        found, operator = Sequence(), ";"
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ShellSyntaxError("syntax error: nested too deeply")
        while True:
            if line:
                self.blanks()
                if found.items and (self.place >= len(self.text) or self._newline()):
                    break
            else:
                self.newlines()
            if (
                self.place >= len(self.text)
                or self.reserved() in ends
                or any(self.peek(len(end)) == end for end in ends if end in (")", ";;", "}"))
            ):
                break
            if self.peek() in (")", ";", "&", "|"):
                break
            found.items.append((operator, self.pipeline()))
            self.blanks()
            while self.peek(2) in ("&&", "||"):
                joint = self.peek(2)
                self.place += 2
                self.newlines()
                found.items.append((joint, self.pipeline()))
                self.blanks()
            operator = ";"
            if self.peek(2) == ";;":
                break
            if self.take("&"):
                continue
            ended = self._newline()
            if (ended and line) or not (ended or self.take(";")):
                break
        self._depth -= 1
        return found

    def pipeline(self) -> Pipeline:
        negated = False
        self.blanks()
        while self.reserved() in ("!", "time"):
            negated ^= self.reserved() == "!"
            self.place += len(self.reserved())
            self.blanks()
        commands = [self.command()]
        self.blanks()
        while self.peek() == "|" and self.peek(2) != "||":
            self.place += 1
            self.newlines()
            commands.append(self.command())
            self.blanks()
        return Pipeline(commands, negated)

    def command(self) -> Command:
        self.blanks()
        word = self.reserved()
        if word in ("if", "while", "until", "for", "case", "{", "[[", "function"):
            self.place += len(word)
            kinds: dict[str, Callable[[str], Compound]] = {
                "if": self._if, "while": self._while, "until": self._while, "for": self._for, "case": self._case,
                "{": self._braces, "[[": self._double, "function": self._function,
            }  # fmt: skip
            found = kinds[word](word)
        elif word:
            raise self.unexpected()
        elif self.peek(2) == "((":
            found = self._arithmetic()
        elif self.take("("):
            found = Compound("(", parts=[self.sequence((")",))])
            self.expect(")")
        else:
            return self.simple()
        while True:
            self.blanks()
            if not self.redirect(found.redirects):
                return found

    def _if(self, _: str) -> Compound:
        found = Compound("if")
        while True:
            found.parts.append(self.sequence(("then",)))
            self.expect("then")
            found.parts.append(self.sequence(("elif", "else", "fi")))
            word = self.reserved()
            if word == "else":
                self.place += 4
                found.parts.append(self.sequence(("fi",)))
            if word != "elif":
                self.expect("fi")
                return found
            self.place += 4

    def _while(self, word: str) -> Compound:
        condition = self.sequence(("do",))
        return Compound(word, parts=[condition, self._body()])

    def _body(self) -> Sequence:
        self.newlines()
        braces = self.take("{")
        if not braces:
            self.expect("do")
        body = self.sequence(("}",) if braces else ("done",))
        self.expect("}" if braces else "done")
        return body

    def _for(self, word: str) -> Compound:
        self.blanks()
        found = Compound("for", name=self.name())
        if not found.name:
            raise self.unexpected()
        self.newlines()
        if self.reserved() == "in":
            self.place += 2
            found.words = []
            while word_ := self._next_word():
                found.words.append(word_)
        self.blanks()
        self.take(";")
        found.parts.append(self._body())
        return found

    def _case(self, _: str) -> Compound:
        subject = self._next_word()
        if subject is None:
            raise self.unexpected()
        found = Compound("case", words=[subject])
        self.expect("in")
        while True:
            self.newlines()
            if self.reserved() == "esac":
                self.place += 4
                return found
            self.take("(")
            patterns = []
            while True:
                pattern = self._next_word()
                if pattern is None:
                    raise self.unexpected()
                patterns.append(pattern)
                self.blanks()
                if not self.take("|"):
                    break
            self.expect(")")
            found.cases.append((patterns, self.sequence((";;", "esac"))))
            self.newlines()
            if not self.take(";;") and self.reserved() != "esac":
                raise self.unexpected()

    def _braces(self, _: str) -> Compound:
        found = Compound("{", parts=[self.sequence(("}",))])
        self.expect("}")
        return found

    def _double(self, _: str) -> Compound:
        """Parse ``[[ ... ]]``: its words are neither split nor globbed."""
        found = Compound("[[", words=[])
        assert found.words is not None
        while True:
            self.newlines()
            for sign in ("&&", "||", "(", ")", "<", ">"):
                if self.take(sign):
                    found.words.append((Text(sign),))
                    break
            else:
                word = self._next_word()
                if word is None:
                    raise self.unexpected()
                if word == (Text("]]"),):
                    return found
                found.words.append(word)

    def _function(self, _: str) -> Compound:
        self.blanks()
        name = self.name()
        if not name:
            raise self.unexpected()
        self.blanks()
        if self.take("("):
            self.expect(")")
        return self._definition(name)

    def _definition(self, name: str) -> Compound:
        self.newlines()
        body = self.command()
        return Compound("function", name=name, parts=[Sequence([(";", Pipeline([body]))])])

    def _arithmetic(self) -> Compound:
        start = self.place
        inside = self.balanced(self.place + 2)
        if inside is None:
            self.place = start + 1
            found = Compound("(", parts=[self.sequence((")",))])
            self.expect(")")
            return found
        return Compound("((", words=[parse_text(inside)])

    def simple(self) -> Command:
        found = Simple()
        while True:
            self.blanks()
            if self.redirect(found.redirects):
                continue
            start = self.place
            name = self.name()
            if name and not found.words and self.take("="):
                found.assignments.append((name, self.word() or ()))
                continue
            if name and not found.words and self.take("+="):
                found.assignments.append((name, (Parameter(name, quoted=True), *(self.word() or ()))))
                continue
            self.place = start
            word = self.word()
            if word is None:
                break
            found.words.append(word)
            if len(found.words) == 1 and self.peek(2) == "()" and name:
                self.place += 2
                return self._definition(name)
        if not (found.words or found.assignments or found.redirects):
            raise self.unexpected()
        return found

    def redirect(self, redirects: list[Redirect]) -> bool:
        """Parse a redirection if one stands here."""
        start, fd = self.place, ""
        while self.peek().isdigit():
            fd += self.peek()
            self.place += 1
        for op in ("<<-", "<<", ">>", ">|", ">&", "<&", "<>", "&>", ">", "<"):
            if not (op == "&>" and fd) and self.take(op):
                break
        else:
            self.place = start
            return False
        target = self._next_word()
        if target is None:
            raise self.unexpected()
        number = int(fd) if fd else int(op[0] != "<")
        if op == "&>":
            redirects += [Redirect(1, ">", target), Redirect(2, ">&", (Text("1"),))]
        elif op.startswith("<<"):
            plain = "".join(part.text for part in target if isinstance(part, Text))
            literal = any(getattr(part, "quoted", False) for part in target)
            redirects.append(Redirect(number, "<<", ()))
            self._waiting.append((redirects, len(redirects) - 1, plain, literal, op == "<<-"))
        else:
            redirects.append(Redirect(number, op, target))
        return True
