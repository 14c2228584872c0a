"""settings, svc, cmd, service, wm, appops, ime and other voices of system services."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.packages import package_command
from vlgym.android.shell.io import clean
from vlgym.android.state.settings import NAMESPACES


def settings(call: Call) -> int:
    """Read and write the settings tables."""
    words = list(call.words)
    if "--user" in words:
        place = words.index("--user")
        del words[place : place + 2]
    words = (
        [word for word in words if word not in ("default", "--lineage")]
        if words[:1] == ["put"] and len(words) > 4
        else words
    )
    verb = words[0] if words else ""
    sizes = {"get": 3, "put": 4, "delete": 3, "list": 2, "reset": 3}
    if verb not in sizes:
        call.error(
            f"Invalid command: {verb}"
            if verb
            else "Settings provider (settings) commands: get, put, delete, list, reset"
        )
        return 255
    if len(words) < sizes[verb]:
        call.error("Bad arguments")
        return 255
    space = words[1]
    if space not in NAMESPACES:
        call.error(f"Invalid namespace '{space}'")
        return 255
    table = call.state.settings
    if verb == "get":
        value = table.get(space, words[2])
        call.line("null" if value is None else value)
    elif verb == "put":
        table.put(space, clean(words[2]), clean(words[3]))
    elif verb == "delete":
        call.line(f"Deleted {table.delete(space, words[2])} rows")
    elif verb == "list":
        for name, value in table.list(space).items():
            call.line(f"{name}={value}")
    else:
        table.reset(space)
    return 0


def svc(call: Call) -> int:
    """Switch Wi-Fi, Bluetooth, mobile data and power."""
    service, verb = (*call.words, "", "")[:2]
    effects, on = call.state.effects, verb == "enable"
    switches: dict[str, Callable[[], None]] = {
        "wifi": lambda: effects.set_wifi(on, "com.android.shell"),
        "bluetooth": lambda: effects.set_bluetooth(on, "com.android.shell"),
        "data": lambda: effects.set_mobile_data(on),
        "nfc": lambda: call.state.settings.put("global", "nfc_on", int(on)),
    }
    if service in switches and verb in ("enable", "disable"):
        switches[service]()
        return 0
    if service == "power" and verb in ("stayon", "reboot", "shutdown", "forcesuspend"):
        if verb == "stayon":
            value = {"true": "7", "usb": "2", "ac": "1", "wireless": "4", "false": "0"}.get(
                (*call.words, "", "", "")[2], "0"
            )
            call.state.settings.put("global", "stay_on_while_plugged_in", value)
        return 0
    if service == "usb":
        return 0
    call.error(
        "Control Wi-Fi, Bluetooth, mobile data, NFC and power\n\nusage: svc [wifi|bluetooth|data|nfc] [enable|disable]"
    )
    return 1


def wm(call: Call) -> int:
    """Speak with the window manager."""
    state, words = call.state, call.words
    verb, value = (*words, "", "")[:2]
    width, height = state.width, state.height
    if verb == "size":
        override = state.ui.get("wm_size")
        if not value:
            call.line(f"Physical size: {width}x{height}")
            if override:
                call.line(f"Override size: {override}")
        elif value == "reset":
            state.ui.pop("wm_size", None)
        elif re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", value):
            state.ui["wm_size"] = value
        else:
            call.error(f"Error: bad size {value}")
            return 255
        return 0
    if verb == "density":
        override = state.ui.get("wm_density")
        if not value:
            call.line(f"Physical density: {state.density}")
            if override:
                call.line(f"Override density: {override}")
        elif value == "reset":
            state.ui.pop("wm_density", None)
        elif value.isdigit() and 72 <= int(value) <= 1000:
            state.ui["wm_density"] = int(value)
        else:
            call.error(f"Error: bad number {value}")
            return 255
        return 0
    if verb in ("user-rotation", "set-user-rotation"):
        return _rotate(call, words[1:])
    if verb in ("dismiss-keyguard", "fixed-to-user-rotation", "set-ignore-orientation-request", "overscan"):
        return 0
    call.error(f"Unknown command: {verb}" if verb else "Window manager (window) commands: size, density, user-rotation")
    return 255


def _rotate(call: Call, words: list[str]) -> int:
    table = call.state.settings
    if not words:
        free = table.number("system", "accelerometer_rotation")
        call.line("free" if free else f"lock {table.get('system', 'user_rotation')}")
    elif words[0] == "free":
        table.put("system", "accelerometer_rotation", 1)
    elif words[0] == "lock":
        table.put("system", "accelerometer_rotation", 0)
        if len(words) > 1 and words[1] in ("0", "1", "2", "3"):
            table.put("system", "user_rotation", words[1])
    else:
        call.error(f"Error: argument needs to be either 'free' or 'lock', got '{words[0]}'")
        return 255
    return 0


def service(call: Call) -> int:
    """List services, or call one: ``service call alarm 3 s16 ZONE`` sets the time zone."""
    words = call.words
    if words[:1] == ["list"]:
        call.line(f"Found {len(SERVICES)} services:")
        for number, name in enumerate(SERVICES):
            call.line(f"{number}\t{name}: []")
    elif words[:1] == ["check"] and len(words) == 2:
        call.line(f"Service {words[1]}: {'found' if words[1] in SERVICES else 'not found'}")
    elif words[:2] == ["call", "alarm"] and words[2:4] == ["3", "s16"] and len(words) == 5:
        known = call.state.set_time_zone(words[4])
        call.line("Result: Parcel(00000000    '....')" if known else
                  "Result: Parcel(fffffffd 0000001d 00610042 00200064 '........B.a.d. .')")  # fmt: skip
    elif words[:1] == ["call"] and len(words) > 2:
        call.line(
            "Result: Parcel(00000000    '....')"
            if words[1] in SERVICES
            else f"service: Service {words[1]} does not exist"
        )
    else:
        call.error("Usage: service list | service check SERVICE | service call SERVICE CODE [i32 N | s16 STR] ...")
        return 10
    return 0


SERVICES = ("accessibility", "activity", "activity_task", "alarm", "appops", "audio", "battery", "bluetooth_manager",
            "clipboard", "connectivity", "display", "input", "input_method", "isms", "location", "media_session",
            "notification", "package", "phone", "power", "settings", "statusbar", "telephony.registry", "uimode",
            "vibrator", "wallpaper", "wifi", "window")  # fmt: skip


def cmd(call: Call) -> int:
    """Give a command to a service by name."""
    words = call.words
    if not words or words[0] == "-l":
        call.line("Currently running services:")
        for name in SERVICES:
            call.line(f"  {name}")
        return 0
    name, rest = words[0], words[1:]
    forwards = {"activity": "am", "window": "wm", "settings": "settings", "input": "input", "package": "pm",
                "appops": "appops"}  # fmt: skip
    if name == "package":
        return package_command(call, rest)
    if name in forwards:
        return call.shell.invoke([forwards[name], *rest], functions=False, source=call.source)
    table, effects = call.state.settings, call.state.effects
    first, second = (*rest, "", "")[:2]
    if name == "wifi" and first == "set-wifi-enabled":
        effects.set_wifi(second == "enabled", "com.android.shell")
    elif name == "wifi" and first == "status":
        on = table.number("global", "wifi_on") in (1, 2)
        call.line(f"Wifi is {'enabled' if on else 'disabled'}")
        call.line('Wifi is connected to "AndroidWifi"' if on else "Wifi is not connected")
    elif name == "bluetooth_manager" and first in ("enable", "disable"):
        effects.set_bluetooth(first == "enable", "com.android.shell")
    elif name == "connectivity" and first == "airplane-mode":
        if second in ("enable", "disable"):
            effects.set_airplane(second == "enable")
        else:
            call.line("enabled" if table.number("global", "airplane_mode_on") else "disabled")
    elif name == "uimode" and first == "night":
        modes = {"yes": "2", "no": "1", "auto": "0"}
        if second in modes:
            table.put("secure", "ui_night_mode", modes[second])
        current = table.get("secure", "ui_night_mode", "1")
        call.line("Night mode: " + next((word for word, value in modes.items() if value == current), "no"))
    elif name == "statusbar" and first in ("expand-notifications", "expand-settings", "collapse"):
        windows = getattr(call.device, "windows", None)
        if windows is not None:
            parts = {"expand-notifications": "notifications", "expand-settings": "quick"}
            windows.open_shade(parts[first]) if first in parts else windows.close_shade()
    elif name == "clipboard":
        call.line(call.state.clipboard)
    elif name == "notification" and first == "post":
        return _post(call, rest[1:])
    elif name == "notification" and first == "list":
        return 0
    elif name == "notification" and first == "set_dnd":
        if second not in _DND:
            call.error(f"Unknown do-not-disturb mode: {second}")
            return 255
        table.put("global", "zen_mode", _DND[second])
    elif name in SERVICES:
        call.error(f"Unknown command: {first}")
        return 255
    else:
        call.error(f"cmd: Can't find service: {name}")
        return 20
    return 0


_DND = {"off": "0", "all": "0", "priority": "1", "on": "2", "none": "2", "alarms": "3"}
"""Words of ``cmd notification set_dnd`` -> the setting zen_mode."""


def _post(call: Call, words: list[str]) -> int:
    """Post a notification in the shell's name: ``cmd notification post [-t TITLE] TAG TEXT``."""
    title = ""
    while words and words[0].startswith("-"):
        flag, value, *words = [*words, ""]
        words = [word for word in words if word]
        title = value if flag in ("-t", "--title") else title
    if len(words) != 2:
        call.error("Error: expected a tag and a text")
        return 255
    notices = getattr(getattr(call.device, "windows", None), "notices", None)
    if notices is not None:
        notices.post("com.android.shell", zlib.crc32(words[0].encode()) & 0xFFFF, title or words[0], words[1])
    return 0


def appops(call: Call) -> int:
    """Set or get what apps may do beyond permissions."""
    words = [word for word in call.words if not word.startswith("--")]
    if words[:1] == ["set"] and len(words) == 4:
        if words[1] not in call.state.packages:
            call.error(f"Error: No UID for {words[1]} in user 0")
            return 255
        call.state.properties[f"vlgym.appops.{words[1]}.{words[2].rpartition(':')[2].upper()}"] = words[3]
        return 0
    if words[:1] == ["get"] and len(words) >= 2:
        prefix = f"vlgym.appops.{words[1]}."
        found = {k[len(prefix) :]: v for k, v in call.state.properties.items() if k.startswith(prefix)}
        wanted = words[2].rpartition(":")[2].upper() if len(words) > 2 else ""
        rows = [f"{name}: {value}" for name, value in sorted(found.items()) if wanted in ("", name)]
        call.line("\n".join(rows) or "No operations.")
        return 0
    if words[:1] == ["reset"]:
        return 0
    call.error("AppOps service (appops) commands: set, get, reset")
    return 255


def ime(call: Call) -> int:
    """List, enable or choose input methods."""
    words = call.words
    current = call.state.settings.get("secure", "default_input_method", "") or ""
    if words[:1] == ["list"]:
        call.line(current if "-s" in words else f"{current}:\n  mId={current}")
    elif words[:1] in (["enable"], ["disable"]) and len(words) == 2:
        done = "now enabled" if words[0] == "enable" else "now disabled"
        call.line(f"Input method {words[1]}: {done} for user #0")
    elif words[:1] == ["set"] and len(words) == 2:
        call.state.settings.put("secure", "default_input_method", words[1])
        call.line(f"Input method {words[1]} selected for user #0")
    elif words[:1] != ["reset"]:
        call.error("ime: list, enable, disable, set, reset")
        return 255
    return 0


def quiet(_: Call) -> int:
    """Accept a command whose effect the device does not have (start, stop, reboot, locksettings)."""
    return 0


COMMANDS = {"settings": settings, "svc": svc, "wm": wm, "service": service, "cmd": cmd, "appops": appops, "ime": ime,
            "locksettings": quiet, "start": quiet, "stop": quiet, "reboot": quiet}  # fmt: skip
