"""dumpsys: the parts of services' dumps that tools read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands.services import SERVICES
from vlgym.android.state.intents import short_component

_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")


def dumpsys(call: Call) -> int:
    """Print the state of one service, or of all."""
    words = list(call.words)
    while words and words[0] in ("-t", "-T", "--priority", "--pid"):
        del words[: 1 if words[0] == "--pid" else 2]
    if words[:1] == ["-l"]:
        call.line("Currently running services:")
        for name in SERVICES:
            call.line(f"  {name}")
        return 0
    if not words:
        for name in _DUMPS:
            call.line("-" * 79 + f"\nDUMP OF SERVICE {name}:")
            _DUMPS[name](call, [])
        return 0
    if words[0] not in _DUMPS and words[0] not in SERVICES:
        call.error(f"Can't find service: {words[0]}")
        return 0
    dump = _DUMPS.get(words[0])
    if dump is not None:
        dump(call, words[1:])
    return 0


# ---------------------------------------------------------------- activity


def _activity(call: Call, words: list[str]) -> None:
    names = [word for word in words if not word.startswith("-")]
    what = names[0] if names else ""
    if what == "recents":
        _recents(call)
    elif what in ("", "activities", "a", "containers"):
        _activities(call)
    elif what in ("top", "top-resumed"):
        _app(call, call.device.foreground().partition("/")[0])
    elif what == "intents":
        call.line("ACTIVITY MANAGER PENDING INTENTS (dumpsys activity intents)\n  (nothing)")
    elif what in ("processes", "p", "lru"):
        call.line("ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)")
        for name, pid, _, uid in call.state.processes.all():
            call.line(f"  *APP* UID {uid} ProcessRecord{{{_hash(name)} {pid}:{name}/{uid}}}")
    else:
        _app(call, what)


def _hash(text: str) -> str:
    return f"{zlib.crc32(text.encode()) & 0xFFFFFFF:x}"


def _record(name: str, task: int) -> str:
    return f"ActivityRecord{{{_hash(f'{name}{task}')} u0 {short_component(name)} t{task}}}"


def _activities(call: Call) -> None:
    call.line("ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)\nDisplay #0 (activities from top to bottom):")
    stack = list(call.device.stack())
    for task in stack:
        number = task["id"]
        call.line(
            f"  * Task{{{_hash(str(number))} #{number} type=standard A={task['activities'][0].partition('/')[0]} U=0 "
            f"visible={str(bool(task['visible'])).lower()} mode=fullscreen translucent=false "
            f"sz={len(task['activities'])}}}"
        )
        for place, name in reversed(list(enumerate(task["activities"]))):
            call.line(f"    * Hist  #{place}: {_record(name, number)}")
    if stack:
        top = _record(call.device.foreground(), stack[0]["id"])
        call.line(f"  ResumedActivity: {top}\n\n  topResumedActivity={top}\n  mFocusedApp={top}")


def _recents(call: Call) -> None:
    home = call.state.packages.home()
    stack = [task for task in call.device.stack() if task["activities"][0] != home]
    call.line("ACTIVITY MANAGER RECENT TASKS (dumpsys activity recents)\nmRecentsUid=10061\n  Recent tasks:")
    for place, task in enumerate(stack):
        base = task["activities"][0]
        call.line(
            f"  * Recent #{place}: Task{{{_hash(str(task['id']))} #{task['id']} type=standard "
            f"A={base.partition('/')[0]} U=0 visible={str(bool(task['visible'])).lower()} mode=fullscreen "
            f"translucent=false sz={len(task['activities'])}}}"
        )
    call.line("\n  Visible recent tasks (most recent first):")
    for place, task in enumerate(stack):
        base, top = task["activities"][0], task["activities"][-1]
        call.line(f"  * RecentTaskInfo #{place}:\n    id={task['id']} userId=0 hasTask=true lastActiveTime=0")
        call.line(
            f"    baseIntent=Intent {{ cmp={short_component(base)} }}\n    baseActivity={{{base}}}\n"
            f"    topActivity={{{top}}}"
        )


def _app(call: Call, package: str) -> None:
    """Print the activities of a package with the view hierarchy of the one in front."""
    front = call.device.foreground()
    found = False
    for task in call.device.stack():
        for name in reversed(task["activities"]):
            if package not in (name.partition("/")[0], name, short_component(name)):
                continue
            found = True
            pid = call.state.processes.pid(name.partition("/")[0])
            call.line(f"TASK {task['id']}:{name.partition('/')[0]} id={task['id']} userId=0")
            call.line(f"  ACTIVITY {short_component(name)} {_hash(name)} pid={pid or '(not running)'}")
            resumed = str(name == front).lower()
            call.line(
                f"    Local Activity {_hash(name)} State:\n"
                f"      mResumed={resumed} mStopped={str(name != front).lower()} "
                "mFinished=false"
            )
            if name == front:
                call.line("    View Hierarchy:")
                for line in view_hierarchy(call.device.hierarchy(), name):
                    call.line("      " + line)
    if not found:
        call.line(f"Bad activity command, or no activities match: {package}")


def view_hierarchy(xml: str, component: str) -> list[str]:
    """Return the lines of a "View Hierarchy" dump made of uiautomator's XML, windows of other packages left out."""
    package, _, cls = component.partition("/")
    lines = [f"DecorView@{_hash(component)}[{cls.rpartition('.')[2]}]"]
    todo = [(node, 1) for node in reversed(list(ElementTree.fromstring(xml))) if node.get("package") in (package, None)]
    number = 0
    while todo:
        node, depth = todo.pop()
        number += 1
        bounds = _BOUNDS.fullmatch(node.get("bounds", ""))
        left, top, right, bottom = (int(part) for part in bounds.groups()) if bounds else (0, 0, 0, 0)
        flags = (
            "V"
            + ("F" if node.get("focusable") == "true" else ".")
            + ("E" if node.get("enabled") != "false" else ".")
            + ("......")
        )
        state = ("C" if node.get("clickable") == "true" else ".") + (
            "L" if node.get("long-clickable") == "true" else "."
        )
        name = node.get("resource-id", "")
        shown = f" #{zlib.crc32(name.encode()) & 0x7FFFFFFF:x} app:{name.partition(':')[2]}" if name else ""
        lines.append(
            "  "
            * depth
            + f"{node.get('class', 'android.view.View')}{{{_hash(f'{component}{number}')} {flags} {state}...... "
            f"{left},{top}-{right},{bottom}{shown}}}"
        )
        todo += [(child, depth + 1) for child in reversed(list(node))]
    return lines


# ---------------------------------------------------------------- the rest


def _input(call: Call, words: list[str]) -> None:
    width, height = call.device.size
    turn = call.device.rotation
    call.line("INPUT MANAGER (dumpsys input)\n\nEvent Hub State:\n  Devices:\n    1: virtio_input_multi_touch_1")
    call.line(
        "\nInput Reader State:\n  Device 2: virtio_input_multi_touch_1\n    Generation: 2\n"
        "    Touch Input Mapper (mode - DIRECT):\n"
        f"      Viewport INTERNAL: displayId=0, uniqueId=local:4619827259835644672, orientation={turn}, "
        f"logicalFrame=[0, 0, {width}, {height}], physicalFrame=[0, 0, {width}, {height}], "
        f"deviceSize=[{width}, {height}], isActive=[1]\n"
        f"      SurfaceWidth: {call.state.width}px\n      SurfaceHeight: {call.state.height}px\n"
        f"      PhysicalWidth: {call.state.width}px\n      PhysicalHeight: {call.state.height}px\n"
        f"      InputDeviceOrientation: Rotation{turn}\n      SurfaceOrientation: {turn}"
    )


def _window(call: Call, words: list[str]) -> None:
    width, height = call.device.size
    front = call.device.foreground()
    call.line("WINDOW MANAGER DISPLAY CONTENTS (dumpsys window displays)\n  Display: mDisplayId=0")
    call.line(
        f"    init={call.state.width}x{call.state.height} {call.state.density}dpi cur={width}x{height} "
        f"app={width}x{height}"
    )
    call.line(
        f"    DisplayRotation\n      mCurrentAppOrientation=SCREEN_ORIENTATION_UNSPECIFIED\n"
        f"      mCurrentRotation=ROTATION_{call.device.rotation * 90}"
    )
    call.line(f"  mCurrentFocus=Window{{{_hash(front)} u0 {front}}}")
    call.line(f"  mFocusedApp=ActivityRecord{{{_hash(front)} u0 {short_component(front)} t1}}")
    call.line("  mAwake=true\n  mScreenOn=true")


def _telephony(call: Call, words: list[str]) -> None:
    state = call.state.call
    call.line(
        f"last known state:\n  Phone Id=0\n    mCallState={state['state']}\n"
        f"    mRingingCallState={int(state['state'] == 1)}\n"
        f"    mForegroundCallState={int(state['state'] == 2)}\n    mCallIncomingNumber={state['number']}\n"
        f"    mServiceState={{mVoiceRegState={3 if call.state.settings.number('global', 'airplane_mode_on') else 0}"
        "(IN_SERVICE)}\n    mDataActivity=0\n    mDataConnectionState=2"
    )


def dump_package(call: Call, words: list[str]) -> None:
    """Print what the package manager knows of a package, or of all."""
    wanted = next((word for word in words if not word.startswith("-")), "")
    packages = call.state.packages
    if wanted and wanted not in packages:
        call.line(f"Unable to find package: {wanted}")
        return
    call.line("Packages:")
    for package in packages.all():
        if wanted not in ("", package.name):
            continue
        state = packages.state(package.name)
        code, version = package.version
        since = f"{call.state.clock.local(state.since_ms * 1000):%Y-%m-%d %H:%M:%S}"
        call.line(
            f"  Package [{package.name}] ({_hash(package.name)}):\n    userId={state.uid}\n"
            f"    codePath={package.apk.rpartition('/')[0]}\n    versionCode={code} minSdk=21 targetSdk=33\n"
            f"    versionName={version}\n    dataDir=/data/user/0/{package.name}\n"
            f"    firstInstallTime={since}\n    lastUpdateTime={since}\n"
            f"    flags=[ {'SYSTEM ' if package.system else ''}HAS_CODE ALLOW_CLEAR_USER_DATA ]\n"
            f"    User 0: installed=true hidden=false stopped={str(state.stopped).lower()} "
            f"enabled={0 if state.enabled else 2}"
        )
        if package.permissions:
            call.line("      runtime permissions:")
        for permission in package.permissions:
            call.line(f"        {permission}: granted={str(permission in state.granted).lower()}")


def _battery(call: Call, words: list[str]) -> None:
    values = {
        "AC powered": "true",
        "USB powered": "false",
        "status": "2",
        "health": "2",
        "present": "true",
        "level": call.state.properties.get("vlgym.battery.level", "100"),
        "scale": "100",
        "voltage": "5000",
        "temperature": "250",
        "technology": "Li-ion",
    }
    if words[:2] == ["set", "level"] and len(words) == 3 and words[2].isdigit():
        call.state.properties["vlgym.battery.level"] = str(min(int(words[2]), 100))
        return
    if words[:1] == ["reset"]:
        call.state.properties.pop("vlgym.battery.level", None)
        return
    call.line("Current Battery Service state:")
    for name, value in values.items():
        call.line(f"  {name}: {value}")


def _wifi(call: Call, words: list[str]) -> None:
    on = call.state.settings.number("global", "wifi_on") in (1, 2)
    call.line(f"Wi-Fi is {'enabled' if on else 'disabled'}")
    call.line('mWifiInfo SSID: "AndroidWifi", Supplicant state: COMPLETED' if on else "mWifiInfo SSID: <unknown ssid>")


def _power(call: Call, words: list[str]) -> None:
    call.line(
        "POWER MANAGER (dumpsys power)\n  mWakefulness=Awake\n  mStayOn=true\n"
        "  mHoldingDisplaySuspendBlocker=true\n  Display Power: state=ON"
    )


def _display(call: Call, words: list[str]) -> None:
    width, height = call.device.size
    level = call.state.settings.number("system", "screen_brightness", 102)
    call.line(
        "DISPLAY MANAGER (dumpsys display)\n"
        f"  mViewports=[DisplayViewport{{type=INTERNAL, orientation={call.device.rotation}, "
        f"deviceWidth={width}, deviceHeight={height}}}]\n  mScreenState=ON\n  mScreenBrightness={level / 255:.4f}"
    )


def _clipboard(call: Call, words: list[str]) -> None:
    call.line(
        f"ClipData {{ text/plain {{T({len(call.state.clipboard)})}} }}" if call.state.clipboard else "No primary clip"
    )


def _audio(call: Call, words: list[str]) -> None:
    names = {
        "voice": "VOICE_CALL",
        "system": "SYSTEM",
        "ring": "RING",
        "music": "MUSIC",
        "alarm": "ALARM",
        "notification": "NOTIFICATION",
    }
    call.line("Stream volumes (device: index)")
    for key, name in names.items():
        level = call.state.settings.number("system", f"volume_{key}")
        call.line(f"- STREAM_{name}:\n   Muted: {str(level == 0).lower()}\n   streamVolume:{level}")


def _notification(call: Call, words: list[str]) -> None:
    posted: list[dict[str, Any]] = call.state.ui.get("notifications", [])
    call.line("Current Notification Manager state:\n  Notification List:")
    for item in posted:
        call.line(f"    NotificationRecord(pkg={item.get('package', '')} user=UserHandle{{0}} id={item.get('id', 0)})")
        call.line(
            f"      android.title=String ({item.get('title', '')})\n      android.text=String ({item.get('text', '')})"
        )


_DUMPS: dict[str, Callable[[Call, list[str]], None]] = {
    "activity": _activity,
    "audio": _audio,
    "battery": _battery,
    "clipboard": _clipboard,
    "display": _display,
    "input": _input,
    "notification": _notification,
    "package": dump_package,
    "power": _power,
    "telephony.registry": _telephony,
    "wifi": _wifi,
    "window": _window,
}
COMMANDS = {"dumpsys": dumpsys}
