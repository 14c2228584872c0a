"""The package manager: what is installed, who answers an intent, who may do what."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from vlgym.android.state.intents import CATEGORY_HOME, CATEGORY_LAUNCHER, Intent, component, full_component

FIRST_APP_UID = 10000

FEATURES = (
    "android.hardware.audio.output",
    "android.hardware.bluetooth",
    "android.hardware.camera",
    "android.hardware.camera.front",
    "android.hardware.faketouch",
    "android.hardware.microphone",
    "android.hardware.screen.landscape",
    "android.hardware.screen.portrait",
    "android.hardware.telephony",
    "android.hardware.telephony.gsm",
    "android.hardware.touchscreen",
    "android.hardware.touchscreen.multitouch",
    "android.hardware.wifi",
    "android.software.app_widgets",
    "android.software.home_screen",
    "android.software.input_methods",
    "android.software.webview",
)
LIBRARIES = ("android.test.base", "android.test.mock", "android.test.runner", "javax.obex", "org.apache.http.legacy")


@dataclass(frozen=True, slots=True)
class Filter:
    """An intent filter: an intent matches if its action is listed, its categories are and its data fit.

    Attributes:
        actions: action names.
        categories: category names; DEFAULT need not be written.
        schemes: URI schemes; empty takes intents without data only (unless `types` is set).
        types: MIME types, ``*`` allowed.
        authorities: hosts of the URI; empty takes any.
    """

    actions: tuple[str, ...]
    categories: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    authorities: tuple[str, ...] = ()

    def matches(self, intent: Intent, mime: str) -> bool:
        """Return whether the filter takes an intent whose data have the MIME type `mime` ("" if unknown)."""
        if intent.action and intent.action not in self.actions:
            return False
        known = (*self.categories, "android.intent.category.DEFAULT")
        if not set(intent.categories) <= set(known):
            return False
        scheme = intent.data.partition(":")[0] if intent.data else ""
        if scheme and (self.schemes or not self.types) and scheme not in self.schemes:
            return False
        if not scheme and self.schemes and not self.types:
            return False
        if scheme and not self.schemes and scheme not in ("content", "file"):
            return False
        host = intent.data.partition("://")[2].partition("/")[0]
        if self.authorities and host not in self.authorities:
            return False
        if self.types:
            return bool(mime) and any(fnmatch.fnmatchcase(mime, kind) for kind in self.types)
        return not mime or bool(scheme and not intent.type)


@dataclass(frozen=True, slots=True)
class ActivityInfo:
    """One activity of a manifest: class name (a leading dot is the package's), label, filters, launch mode."""

    name: str
    label: str = ""
    filters: tuple[Filter, ...] = ()
    launch_mode: str = "standard"


@dataclass(frozen=True, slots=True)
class Package:
    """What a manifest says of a package, and what it owns from the start.

    Attributes:
        name: e.g. ``com.android.settings``.
        label: shown to people.
        activities: the first with a launcher filter is the one a launcher shows.
        system: part of the system image; uninstalling it only hides it.
        permissions: runtime permissions it asks for.
        granted: those of them granted from the start.
        databases: (file name under databases/, or a path below the package's folder; SQL schema).
        files: (absolute path, contents) written when its data are made.
        providers: authorities of its content providers.
        uid: fixed user id of a system process, 0 to give it one.
        version: (code, name).
        samples: (file name of a database, SQL) of what a new phone holds; clearing the data does not bring it back.
        folders: absolute paths of folders in shared storage made with its data.
    """

    name: str
    label: str = ""
    activities: tuple[ActivityInfo, ...] = ()
    system: bool = True
    permissions: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    databases: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    providers: tuple[str, ...] = ()
    uid: int = 0
    version: tuple[int, str] = (1, "1.0")
    samples: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()

    @property
    def data_dir(self) -> str:
        """Folder of its private data."""
        return f"/data/data/{self.name}"

    @property
    def apk(self) -> str:
        """Path of its archive."""
        return f"/system/app/{self.name}/base.apk" if self.system else f"/data/app/~~sim==/{self.name}/base.apk"

    def database_path(self, name: str) -> str:
        """Return the absolute path of one of its databases."""
        return f"{self.data_dir}/{name}" if "/" in name else f"{self.data_dir}/databases/{name}"

    @property
    def launcher(self) -> str:
        """Component that a launcher starts, empty if it shows none."""
        for activity in self.activities:
            if any(CATEGORY_LAUNCHER in item.categories for item in activity.filters):
                return component(self.name, activity.name)
        return ""


@dataclass(slots=True)
class Installed:
    """The changing part of an installed package."""

    uid: int
    enabled: bool = True
    stopped: bool = False
    hidden: bool = False
    granted: tuple[str, ...] = ()
    since_ms: int = 0


_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "pdf": "application/pdf",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "3gp": "video/3gpp",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "wav": "audio/x-wav",
    "ogg": "audio/ogg",
    "vcf": "text/x-vcard",
    "csv": "text/csv",
    "json": "application/json",
    "xml": "text/xml",
    "zip": "application/zip",
    "apk": "application/vnd.android.package-archive",
}


_CONTENT_TYPES = (
    (r"content://contacts/people/\d+", "vnd.android.cursor.item/person"),
    (r"content://contacts/people", "vnd.android.cursor.dir/person"),
    (r"content://com\.android\.contacts/contacts/(\d+|lookup/.+)", "vnd.android.cursor.item/contact"),
    (r"content://com\.android\.contacts/contacts", "vnd.android.cursor.dir/contact"),
    (r"content://com\.android\.contacts/raw_contacts/\d+", "vnd.android.cursor.item/raw_contact"),
    (r"content://com\.android\.contacts/raw_contacts", "vnd.android.cursor.dir/raw_contact"),
    (r"content://com\.android\.calendar/events/\d+", "vnd.android.cursor.item/event"),
    (r"content://com\.android\.calendar/events", "vnd.android.cursor.dir/event"),
    (r"content://call_log/calls", "vnd.android.cursor.dir/calls"),
    (r"content://sms(/\w+)?", "vnd.android.cursor.dir/sms"),
    (r"content://media/external/images/media", "vnd.android.cursor.dir/image"),
    (r"content://media/external/video/media", "vnd.android.cursor.dir/video"),
    (r"content://media/external/audio/media", "vnd.android.cursor.dir/audio"),
)


def mime_type(uri: str) -> str:
    """Return the MIME type of a file name, a file or content URI; empty if unknown, and of web addresses."""
    scheme = uri.partition(":")[0] if ":" in uri else "file"
    if scheme == "content":
        for pattern, found in _CONTENT_TYPES:
            if re.fullmatch(pattern, uri.rstrip("/")):
                return found
    name = uri.rpartition("/")[2]
    return _TYPES.get(name.rpartition(".")[2].lower(), "") if "." in name and scheme in ("file", "content") else ""


class PackageManager:
    """Packages by name, in the order of installation."""

    def __init__(self, packages: Iterable[Package] = ()) -> None:
        self._manifests: dict[str, Package] = {}
        self._factory: dict[str, Package] = {}
        self._installed: dict[str, Installed] = {}
        self._next_uid = FIRST_APP_UID + 60
        self._choices: dict[str, str] = {}
        for package in packages:
            self.add(package)
        self._factory = dict(self._manifests)

    def add(self, package: Package, now_ms: int = 0) -> Installed:
        """Install a package, or replace it and keep its state."""
        self._manifests[package.name] = package
        old = self._installed.get(package.name)
        if old is None:
            uid = package.uid or self._next_uid
            self._next_uid += not package.uid
            old = self._installed[package.name] = Installed(uid, granted=package.granted, since_ms=now_ms)
        old.hidden = False
        return old

    def remove(self, name: str) -> bool:
        """Uninstall a package (hide it, if it is part of the system); return whether it was there."""
        if name not in self:
            return False
        if self._manifests[name].system:
            self._installed[name].hidden = True
        else:
            del self._manifests[name], self._installed[name]
        return True

    def __contains__(self, name: object) -> bool:
        found = self._installed.get(str(name))
        return found is not None and not found.hidden

    def __getitem__(self, name: str) -> Package:
        if name not in self:
            raise KeyError(name)
        return self._manifests[name]

    def state(self, name: str) -> Installed:
        """Return the changing part of an installed package."""
        return self._installed[self[name].name]

    def all(self) -> list[Package]:
        """Return the installed packages."""
        return [package for name, package in self._manifests.items() if name in self]

    def launchable(self) -> list[Package]:
        """Return the packages that a launcher shows, by label."""
        shown = [p for p in self.all() if p.launcher and self._installed[p.name].enabled]
        return sorted(shown, key=lambda package: (package.label.lower(), package.name))

    def owner(self, uid: int) -> str:
        """Return the package that has a user id, empty if none has."""
        return next((name for name, state in self._installed.items() if state.uid == uid), "")

    def grant(self, name: str, permission: str) -> None:
        """Grant a permission; KeyError if the package is unknown, ValueError if it does not ask for it."""
        package, state = self[name], self.state(name)
        if permission not in package.permissions:
            raise ValueError(f"Package {name} has not requested permission {permission}")
        if permission not in state.granted:
            state.granted = (*state.granted, permission)

    def revoke(self, name: str, permission: str) -> None:
        """Take a permission back; errors as for `grant`."""
        package, state = self[name], self.state(name)
        if permission not in package.permissions:
            raise ValueError(f"Package {name} has not requested permission {permission}")
        state.granted = tuple(item for item in state.granted if item != permission)

    def activity(self, flat: str) -> tuple[Package, ActivityInfo] | None:
        """Return the manifest entry of a component, or None."""
        name, _, _ = flat.partition("/")
        if name in self:
            for activity in self._manifests[name].activities:
                if component(name, activity.name) == full_component(flat):
                    return self._manifests[name], activity
        return None

    def resolve(self, intent: Intent) -> list[str]:
        """Return the components that answer an intent, the preferred first.

        An explicit intent is answered by its component alone, and only if it is installed and enabled.
        """
        if intent.component:
            found = self.activity(intent.component)
            return [full_component(intent.component)] if found and self._installed[found[0].name].enabled else []
        mime = intent.type or mime_type(intent.data)
        answers = [
            component(package.name, activity.name)
            for package in self.all()
            if self._installed[package.name].enabled and intent.package in ("", package.name)
            for activity in package.activities
            if any(item.matches(intent, mime) for item in activity.filters)
        ]
        preferred = self._choices.get(intent.action + " " + " ".join(intent.categories))
        return sorted(answers, key=lambda name: name != preferred)

    def prefer(self, action: str, categories: Sequence[str], flat: str) -> None:
        """Make a component the first answer to an action with categories."""
        self._choices[action + " " + " ".join(categories)] = full_component(flat)

    def home(self) -> str:
        """Return the component of the home screen, empty if there is none."""
        answers = self.resolve(Intent(action="android.intent.action.MAIN", categories=(CATEGORY_HOME,)))
        return answers[0] if answers else ""

    def stamp(self) -> tuple[Any, ...]:
        """Return something that is another thing when a package has come, gone or changed."""
        states = self._installed.items()
        return tuple((name, s.enabled, s.stopped, s.hidden, s.granted, s.since_ms) for name, s in states)

    def export(self) -> tuple[Any, ...]:
        """Return the installed packages as plain data; manifests of the factory image are left out."""
        own = [_plain(p) for p in self._manifests.values() if self._factory.get(p.name) is not p]
        states = {name: astuple(state) for name, state in self._installed.items()}
        return own, states, self._next_uid, self._choices

    def load(self, data: tuple[Any, ...]) -> None:
        """Take over what `export` returned."""
        own, states, self._next_uid, self._choices = data
        known = {**self._factory, **{fields[0]: _package(fields) for fields in own}}
        self._manifests = {name: known[name] for name in states}
        self._installed = {name: Installed(*fields) for name, fields in states.items()}


def _plain(package: Package) -> tuple[Any, ...]:
    return astuple(package)


def _package(fields: tuple[Any, ...]) -> Package:
    activities = tuple(
        ActivityInfo(name, label, tuple(Filter(*item) for item in filters), mode)
        for name, label, filters, mode in fields[2]
    )
    return Package(fields[0], fields[1], activities, *fields[3:])
