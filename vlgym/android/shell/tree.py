"""The tree of a shell script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union


class ShellSyntaxError(ValueError):
    """The line is no shell command; the message is the one mksh prints."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal characters; quoted ones are neither split nor patterns."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$name`` or ``${name<op>word}``; op is "", "#len", or one of `OPERATORS`."""

    name: str
    op: str = ""
    word: Word = ()
    extra: Word | None = None
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Substitution:
    """``$(...)`` or backquotes."""

    body: Sequence
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``$((...))``."""

    expression: Word
    quoted: bool = False


Part = Union[Text, Parameter, Substitution, Arithmetic]  # noqa: UP007 (forward references)
Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """``fd op target``; op is one of > >> >| < <> >& <& <<; a here-document's target is its text."""

    fd: int
    op: str
    target: Word


@dataclass(slots=True)
class Simple:
    """Assignments, words and redirections of one command."""

    assignments: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Compound:
    """if, while, until, for, case, {}, () or (( )) with redirections; `parts` depends on `kind`."""

    kind: str
    name: str = ""
    words: list[Word] | None = None
    parts: list[Sequence] = field(default_factory=list)
    cases: list[tuple[list[Word], Sequence]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


Command = Union[Simple, Compound]  # noqa: UP007


@dataclass(slots=True)
class Pipeline:
    """Commands joined by ``|``."""

    commands: list[Command]
    negated: bool = False


@dataclass(slots=True)
class Sequence:
    """Pipelines, each with the operator in front of it: ";", "&", "&&" or "||"."""

    items: list[tuple[str, Pipeline]] = field(default_factory=list)
