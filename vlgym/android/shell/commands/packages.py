"""pm, and `cmd package`."""

from __future__ import annotations

import io
import re
import zipfile

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.activity import parse_intent
from vlgym.android.shell.commands.manifest import read_manifest
from vlgym.android.state.intents import short_component
from vlgym.android.state.packages import FEATURES, LIBRARIES, Package

_DANGEROUS = ("CAMERA", "RECORD_AUDIO", "READ_CONTACTS", "WRITE_CONTACTS", "READ_SMS", "SEND_SMS", "RECEIVE_SMS",
              "CALL_PHONE", "READ_CALL_LOG", "WRITE_CALL_LOG", "READ_CALENDAR", "WRITE_CALENDAR", "POST_NOTIFICATIONS",
              "ACCESS_FINE_LOCATION", "ACCESS_COARSE_LOCATION", "READ_EXTERNAL_STORAGE",
              "WRITE_EXTERNAL_STORAGE")  # fmt: skip


def pm(call: Call) -> int:
    """Speak with the package manager."""
    return package_command(call, call.words)


def package_command(call: Call, words: list[str]) -> int:
    """Run a command of the package manager."""
    verb, rest = (words[0], words[1:]) if words else ("", [])
    verbs = {"list": _list, "path": _path, "clear": _clear, "grant": _permission, "revoke": _permission,
             "install": _install, "uninstall": _uninstall, "enable": _enable, "disable": _enable,
             "disable-user": _enable, "default-state": _enable, "hide": _enable, "unhide": _enable, "dump": _dump,
             "resolve-activity": _resolve, "query-activities": _resolve, "set-home-activity": _home,
             "reset-permissions": _nothing, "trim-caches": _nothing, "compile": _success,
             "set-install-location": _nothing, "suspend": _nothing, "unsuspend": _nothing}  # fmt: skip
    if verb in verbs:
        call.arguments = [call.arguments[0], verb, *rest]
        return verbs[verb](call, _without_user(rest))
    call.error(
        f"Unknown command: {verb}" if verb else "Package manager (package) commands: list, path, clear, grant, install"
    )
    return 255


def _without_user(words: list[str]) -> list[str]:
    if "--user" in words:
        place = words.index("--user")
        return words[:place] + words[place + 2 :]
    return words


def _nothing(call: Call, words: list[str]) -> int:
    return 0


def _success(call: Call, words: list[str]) -> int:
    call.line("Success")
    return 0


def _list(call: Call, words: list[str]) -> int:
    what = words[0] if words else ""
    packages = call.state.packages
    if what == "packages":
        flags = "".join(word[1:] for word in words[1:] if re.fullmatch(r"-[a-zA-Z3]", word))
        wanted = next((word for word in words[1:] if not word.startswith("-")), "")
        for package in sorted(packages.all(), key=lambda p: p.name):
            state = packages.state(package.name)
            if wanted not in package.name or ("3" in flags and package.system) or ("s" in flags and not package.system):
                continue
            if ("d" in flags and state.enabled) or ("e" in flags and not state.enabled):
                continue
            text = "package:" + (f"{package.apk}=" if "f" in flags else "") + package.name
            call.line(text + (f" uid:{state.uid}" if "U" in flags else "") + (f" versionCode:{package.version[0]}"
                      if "--show-versioncode" in words else ""))  # fmt: skip
    elif what == "features":
        for feature in ("reqGlEsVersion=0x30001", *FEATURES):
            call.line(f"feature:{feature}")
    elif what == "libraries":
        for library in LIBRARIES:
            call.line(f"library:{library}")
    elif what == "users":
        call.line("Users:\n\tUserInfo{0:Owner:4c13} running")
    elif what == "permissions":
        call.line("All Permissions:\n")
        for name in sorted({item for package in packages.all() for item in package.permissions}):
            call.line(f"permission:{name}")
    elif what in ("permission-groups", "instrumentation", "staged-sessions"):
        return 0
    else:
        call.error(f"Error: unknown list type '{what}'")
        return 255
    return 0


def _known(call: Call, name: str) -> bool:
    if name in call.state.packages:
        return True
    call.error(f"Error: Unknown package: {name}")
    return False


def _path(call: Call, words: list[str]) -> int:
    if not words or words[-1] not in call.state.packages:
        return 1
    call.line(f"package:{call.state.packages[words[-1]].apk}")
    return 0


def _clear(call: Call, words: list[str]) -> int:
    name = words[-1] if words else ""
    if name not in call.state.packages:
        call.line("Failed")
        return 1
    call.device.force_stop(name)
    call.state.clear(name)
    call.line("Success")
    return 0


def _permission(call: Call, words: list[str]) -> int:
    if len(words) < 2:
        call.error("Error: no permission specified" if words else "Error: no package specified")
        return 255
    name, permission = words[-2], words[-1]
    packages = call.state.packages
    if name not in packages:
        call.error(f"\nException occurred while executing '{call.words[0]}':\n"
                   f"java.lang.IllegalArgumentException: Unknown package: {name}")  # fmt: skip
        return 255
    try:
        (packages.grant if call.words[0] == "grant" else packages.revoke)(name, permission)
    except ValueError as error:
        call.error(f"\nException occurred while executing '{call.words[0]}':\njava.lang.SecurityException: {error}")
        return 255
    return 0


def _install(call: Call, words: list[str]) -> int:
    files = [word for word in words if not word.startswith("-")]
    name = files[-1] if files else ""
    if not call.files.exists(call.path(name)) or not name:
        call.error(f"Error: failed to open APK {name}: No such file or directory" if name else "Error: no APK given")
        return 1
    data = call.read(name)
    try:
        manifest = read_manifest(zipfile.ZipFile(io.BytesIO(data)).read("AndroidManifest.xml"))
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, OSError, RuntimeError) as error:
        reason = str(error).strip("'\"").replace("\n", " ")
        call.error(f"Failure [INSTALL_PARSE_FAILED_NOT_APK: Failed to parse {name}: {reason}]")
        return 1
    known = manifest.package in call.state.packages
    permissions = tuple(manifest.permissions)
    runtime = tuple(item for item in permissions if item.rpartition(".")[2] in _DANGEROUS)
    old = call.state.packages[manifest.package] if known else None
    package = Package(
        manifest.package, manifest.label or (old.label if old else manifest.package),
        old.activities if old else tuple(manifest.activities),
        system=old.system if old else False, permissions=permissions or (old.permissions if old else ()),
        granted=(runtime if "-g" in words else ()) or (old.granted if old else ()),
        databases=old.databases if old else (), version=manifest.version,
    )  # fmt: skip
    call.state.install(package)
    call.line("Success")
    return 0


def _uninstall(call: Call, words: list[str]) -> int:
    name = next((word for word in reversed(words) if not word.startswith("-")), "")
    if name not in call.state.packages:
        call.line("Failure [DELETE_FAILED_INTERNAL_ERROR]")
        return 1
    call.device.force_stop(name)
    call.state.uninstall(name)
    call.line("Success")
    return 0


def _enable(call: Call, words: list[str]) -> int:
    verb = call.words[0]
    name = words[-1].partition("/")[0] if words else ""
    if not _known(call, name):
        return 255
    state = call.state.packages.state(name)
    state.enabled = verb in ("enable", "default-state", "unhide")
    if not state.enabled:
        call.device.force_stop(name)
    new = {"enable": "enabled", "disable": "disabled", "disable-user": "disabled-user"}.get(verb, "default")
    call.line(f"Package {name} new state: {new}")
    return 0


def _dump(call: Call, words: list[str]) -> int:
    return call.shell.invoke(["dumpsys", "package", *words], functions=False)


def _resolve(call: Call, words: list[str]) -> int:
    brief = "--brief" in words
    intent, _ = parse_intent([word for word in words if word not in ("--brief", "--components")])
    found = call.state.packages.resolve(intent)
    if not found:
        call.line("No activity found")
        return 0
    for name in found if call.words[0] == "query-activities" else found[:1]:
        if brief or "--components" in words:
            call.line(("priority=0 preferredOrder=0 match=0x108000 specificIndex=-1 isDefault=true\n" if brief else "")
                      + short_component(name))  # fmt: skip
        else:
            package, _, cls = name.partition("/")
            call.line(f"priority=0 preferredOrder=0 match=0x108000 specificIndex=-1 isDefault=true\nActivityInfo:\n"
                      f"  name={cls}\n  packageName={package}\n  enabled=true exported=true")  # fmt: skip
    return 0


def _home(call: Call, words: list[str]) -> int:
    if not words or call.state.packages.activity(words[-1]) is None:
        call.error("Error: no such activity")
        return 1
    call.state.packages.prefer("android.intent.action.MAIN", ("android.intent.category.HOME",), words[-1])
    call.line("Success")
    return 0


COMMANDS = {"pm": pm}
