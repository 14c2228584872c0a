"""Intents and component names, the currency between shell, activity manager and apps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACTION_MAIN = "android.intent.action.MAIN"
ACTION_VIEW = "android.intent.action.VIEW"
CATEGORY_LAUNCHER = "android.intent.category.LAUNCHER"
CATEGORY_HOME = "android.intent.category.HOME"
CATEGORY_DEFAULT = "android.intent.category.DEFAULT"

FLAG_NEW_TASK = 0x10000000
FLAG_CLEAR_TOP = 0x04000000
FLAG_SINGLE_TOP = 0x20000000
FLAG_CLEAR_TASK = 0x00008000
FLAG_NO_HISTORY = 0x40000000
FLAG_REORDER_TO_FRONT = 0x00020000


def component(package: str, name: str) -> str:
    """Return ``package/full.class.Name``; a name that begins with a dot is relative to the package."""
    return f"{package}/{package}{name}" if name.startswith(".") else f"{package}/{name}"


def full_component(name: str) -> str:
    """Return ``pkg/pkg.Cls`` for ``pkg/.Cls`` and anything else unchanged."""
    package, slash, cls = name.partition("/")
    return f"{package}/{package}{cls}" if slash and cls.startswith(".") else name


def short_component(name: str) -> str:
    """Return ``pkg/.Cls`` where the class lies in the package, as `ComponentName.flattenToShortString()`."""
    package, slash, cls = name.partition("/")
    return f"{package}/{cls[len(package) :]}" if slash and cls.startswith(package + ".") else name


@dataclass(frozen=True, slots=True)
class Intent:
    """A request to start something.

    Attributes:
        action: e.g. ``android.intent.action.VIEW``; empty for none.
        data: a URI.
        type: a MIME type.
        component: ``package/class``; explicit if not empty.
        package: limits resolution to one package.
        categories: category names.
        flags: FLAG_* bits.
        extras: name -> str, int, float, bool or list of these.
    """

    action: str = ""
    data: str = ""
    type: str = ""
    component: str = ""
    package: str = ""
    categories: tuple[str, ...] = ()
    flags: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the form that `am` prints, as `Intent.toString()`."""
        return "{ " + self._parts() + " }"

    def describe(self) -> str:
        """Return the form of the activity manager's log lines, ``{act=... cmp=...}``."""
        return "{" + self._parts() + "}"

    def _parts(self) -> str:
        parts = [
            (f"act={self.action}", self.action),
            (f"cat=[{','.join(self.categories)}]", self.categories),
            (f"dat={_shown(self.data)}", self.data),
            (f"typ={self.type}", self.type),
            (f"flg=0x{self.flags:x}", self.flags),
            (f"pkg={self.package}", self.package),
            (f"cmp={short_component(self.component)}", self.component),
            ("(has extras)", self.extras),
        ]
        return " ".join(text for text, value in parts if value)

    @property
    def scheme(self) -> str:
        """Scheme of the data URI, empty if there is none."""
        return self.data.partition(":")[0] if ":" in self.data else ""

    def export(self) -> tuple[Any, ...]:
        """Return the intent as plain data."""
        extras = dict(self.extras)
        return (self.action, self.data, self.type, self.component, self.package, self.categories, self.flags, extras)

    @classmethod
    def load(cls, data: tuple[Any, ...]) -> Intent:
        """Return the intent that `export` described."""
        return cls(*data)


def _shown(uri: str) -> str:
    """Return a URI as Android logs it: numbers and addresses are hidden, paths of web addresses left out."""
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in ("tel", "sip", "sms", "smsto", "mailto"):
        return scheme + ":" + "".join("x" if sign.isalnum() else sign for sign in rest)
    if colon and rest.startswith("//") and scheme in ("http", "https", "ftp", "rtsp"):
        host, slash, _ = rest[2:].partition("/")
        return f"{scheme}://{host}" + ("/..." if slash else "")
    return uri
