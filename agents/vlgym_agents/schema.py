"""What an option is: names, types, defaults and wording read off dataclasses and signatures; values read from text."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
import textwrap
import tomllib
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from vlgym.core.errors import VlgymError, did_you_mean


class OptionError(VlgymError, ValueError):
    """An option is unknown, unused or has a bad value; names the option and the nearest known one."""


def at_least(options: Any, **bounds: float) -> None:
    """Raise ValueError if a named field is below its bound (NaN included)."""
    for name, bound in bounds.items():
        if not getattr(options, name) >= bound:
            raise ValueError(f"{name} must be at least {bound}, got {getattr(options, name)}.")


def above_zero(options: Any, *names: str) -> None:
    """Raise ValueError if a named field is not positive."""
    for name in names:
        if not getattr(options, name) > 0:
            raise ValueError(f"{name} must be above 0, got {getattr(options, name)}.")


def one_of(options: Any, **choices: Sequence[str]) -> None:
    """Raise ValueError if a named field is none of its choices."""
    for name, known in choices.items():
        value = getattr(options, name)
        if value not in known:
            raise ValueError(f"Unknown {name} {value!r}.{did_you_mean(str(value), known)} Known: {', '.join(known)}.")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a section: its type (None if unknown), default and wording."""

    name: str
    kind: Any
    default: Any
    doc: str = ""


@cache
def of_dataclass(cls: type) -> dict[str, Option]:
    """Return the options of a dataclass, with the string under each field as their wording."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            docs |= _field_docs(base)
    hints = typing.get_type_hints(cls)
    return {
        f.name: Option(
            f.name,
            hints[f.name],
            f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default,
            docs.get(f.name, ""),
        )
        for f in dataclasses.fields(cls)
    }


def _field_docs(cls: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = typing.cast(ast.ClassDef, tree.body[0]).body
    found = {}
    for node, below in itertools.pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_doc = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if is_doc and isinstance(below.value.value, str):  # type: ignore[attr-defined]
                found[node.target.id] = " ".join(below.value.value.split())  # type: ignore[attr-defined]
    return found


def of_callable(function: Callable[..., Any], skip: Sequence[str] = ()) -> dict[str, Option]:
    """Return the keyword options of a function, or of a class through all constructors that pass ``**kwargs`` on.

    Their wording is read off the "Args:" of the docstring.
    """
    docs = _argument_docs(inspect.getdoc(function) or "")
    sources: list[Any] = [function]
    if inspect.isclass(function):
        sources = [base.__dict__["__init__"] for base in function.__mro__ if "__init__" in base.__dict__]
    found: dict[str, Option] = {}
    for source in sources:
        try:
            hints = typing.get_type_hints(source)
        except (NameError, TypeError):  # names imported for type checkers only
            hints = {}
        parameters = inspect.signature(source).parameters.values()
        for p in parameters:
            if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is not p.empty and p.name not in skip:
                found.setdefault(p.name, Option(p.name, hints.get(p.name), p.default, docs.get(p.name, "")))
        if not any(p.kind == p.VAR_KEYWORD for p in parameters):
            break
    return found


def takes_more(function: Callable[..., Any]) -> bool:
    """Return whether a function has a ``**name`` of which its "Args:" speak: options beyond those of its signature."""
    parameters = inspect.signature(function).parameters.values()
    docs = _argument_docs(inspect.getdoc(function) or "")
    return any(p.kind == p.VAR_KEYWORD and p.name in docs for p in parameters)


def _argument_docs(docstring: str) -> dict[str, str]:
    """Return the entries of a docstring's "Args:" section."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)*)", docstring, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?:^ {5,}.*\n?)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def convert(value: Any, kind: Any, name: str) -> Any:
    """Return `value` (from a flag: text; from TOML: a value) as the type `kind`; raises OptionError."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if type(None) in args and (value is None or value == "none"):
            return None
        for member in (a for a in args if a is not type(None)):
            try:
                return convert(value, member, name)
            except OptionError:
                continue
    elif origin is Literal:
        if value in args:
            return value
        raise OptionError(
            f"Option {name} cannot be {value!r}.{did_you_mean(str(value), [str(a) for a in args])} "
            f"Known: {', '.join(map(str, args))}."
        )
    elif kind is bool:
        if isinstance(value, bool) or str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
    elif kind in (int, float):
        try:
            if not isinstance(value, bool) and not (kind is int and isinstance(value, float)):
                return kind(value)
        except (TypeError, ValueError):
            pass
    elif kind in (str, Path):
        if isinstance(value, (str, Path)):
            return kind(value)
    else:
        return _literal(value)
    raise OptionError(f"Option {name} must be {_wording(kind)}, got {value!r}.")


def _literal(value: Any) -> Any:
    """Read flag text as a TOML value where it is one."""
    if not isinstance(value, str):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _wording(kind: Any) -> str:
    known = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
    return known.get(kind, f"of type {kind}")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the dotted options of a TOML file whose tables are sections; raises OptionError in one sentence."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OptionError(f"There is no configuration file {str(path)!r}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"Cannot read the configuration file {str(path)!r}: {error}.") from None
    out: dict[str, Any] = {}
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise OptionError(f"{path}: {section!r} is outside a table; write it as [run] {section} = ...")
        out |= {f"{section}.{name}": value for name, value in table.items()}
    return out
