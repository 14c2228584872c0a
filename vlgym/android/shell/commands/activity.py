"""am and monkey."""

from __future__ import annotations

import re
from typing import Any

from vlgym.android.shell.call import Call, Usage
from vlgym.android.shell.io import clean
from vlgym.android.state.effects import send_forests
from vlgym.android.state.intents import ACTION_MAIN, CATEGORY_LAUNCHER, Intent, full_component, short_component

_FLAG_WORDS = {
    "--activity-brought-to-front": 0x00400000, "--activity-clear-top": 0x04000000,
    "--activity-clear-when-task-reset": 0x00080000, "--activity-exclude-from-recents": 0x00800000,
    "--activity-multiple-task": 0x08000000, "--activity-no-animation": 0x00010000, "--activity-no-history": 0x40000000,
    "--activity-no-user-action": 0x00040000, "--activity-reorder-to-front": 0x00020000,
    "--activity-reset-task-if-needed": 0x00200000, "--activity-single-top": 0x20000000,
    "--activity-clear-task": 0x00008000, "--grant-read-uri-permission": 1, "--grant-write-uri-permission": 2,
    "--include-stopped-packages": 32, "--exclude-stopped-packages": 16, "--receiver-foreground": 0x10000000,
}  # fmt: skip
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise Usage(f"Invalid boolean value: {text}")
    return _TRUTHS[text.lower()]


def _list(kind: type, text: str) -> list[Any]:
    return [kind(part.replace("\\,", ",")) for part in re.split(r"(?<!\\),", text)]


_EXTRAS: dict[str, Any] = {
    "-e": str, "--es": str, "--ez": _boolean, "--ei": lambda text: int(text, 0), "--el": lambda text: int(text, 0),
    "--ef": float, "--ed": float, "--eu": str, "--ecn": str, "--eia": lambda text: _list(int, text),
    "--eial": lambda text: _list(int, text), "--ela": lambda text: _list(int, text),
    "--efa": lambda text: _list(float, text), "--esa": lambda text: _list(str, text),
    "--esal": lambda text: _list(str, text),
}  # fmt: skip


def parse_intent(words: list[str]) -> tuple[Intent, list[str]]:
    """Return the intent that words of `am` describe, and the words that are none of it; raises Usage."""
    fields: dict[str, Any] = {"categories": [], "extras": {}, "flags": 0}
    rest: list[str] = []
    todo = [clean(word) for word in words]

    def operand(word: str) -> str:
        if not todo:
            raise Usage(f"Error: Argument expected after {word!r}".replace("'", '"'))
        return todo.pop(0)

    simple = {"-a": "action", "-d": "data", "-t": "type", "-n": "component", "-p": "package"}
    while todo:
        word = todo.pop(0)
        try:
            if word in simple:
                fields[simple[word]] = operand(word)
            elif word == "-c":
                fields["categories"].append(operand(word))
            elif word in _EXTRAS:
                name = operand(word)
                fields["extras"][name] = _EXTRAS[word](operand(word))
            elif word == "--esn":
                fields["extras"][operand(word)] = None
            elif word == "-f":
                fields["flags"] |= int(operand(word), 0)
            elif word in _FLAG_WORDS:
                fields["flags"] |= _FLAG_WORDS[word]
            elif word in ("--user", "--display", "-P", "-R", "--start-profiler", "--windowingMode", "--activityType"):
                operand(word)
            else:
                rest.append(word)
        except ValueError as error:
            raise Usage(f"Error: bad value after {word}: {error}") from error
    names = [word for word in rest if not word.startswith("-")]
    if names and not fields.get("component") and not fields.get("data"):
        target = names[0]
        if re.fullmatch(r"[\w.]+/[\w.$]+", target):
            fields["component"] = target
        elif ":" in target:
            fields["data"] = target
        else:
            fields["package"] = target
            fields.setdefault("action", ACTION_MAIN)
            fields["categories"].append(CATEGORY_LAUNCHER)
    if fields.get("component"):
        if "/" not in fields["component"]:
            raise Usage(f"Error: Bad component name: {fields['component']}")
        fields["component"] = full_component(fields["component"])
    fields["categories"] = tuple(fields["categories"])
    return Intent(**fields), rest


def _start(call: Call, words: list[str]) -> int:
    try:
        intent, rest = parse_intent(words)
    except Usage as wrong:
        call.error(str(wrong) if str(wrong).startswith("Error") else f"Error: {wrong}")
        return 255
    before = call.device.foreground()
    if "-S" in rest:
        package = intent.component.partition("/")[0] or intent.package
        if package in call.state.packages:
            call.line(f"Stopping: {package}")
            call.device.force_stop(package)
    call.line(f"{'Starting' if call.words[0] != 'start-service' else 'Starting service'}: Intent {intent}")
    try:
        started = call.device.start_activity(intent)
    except LookupError as error:
        return _refused(call, intent, str(error.args[0]) if error.args else "")
    if started == before and "-S" not in rest:
        call.error("Warning: Activity not started, intent has been delivered to currently running top-most instance.")
    if "-W" in rest:
        call.line("Status: ok\nLaunchState: COLD" if started != before else "Status: ok\nLaunchState: HOT")
        call.line(f"Activity: {short_component(started)}\nTotalTime: 100\nWaitTime: 100\nComplete")
    return 0


def _refused(call: Call, intent: Intent, message: str) -> int:
    """Print why nothing was started, as `am` does; with -n the class is named."""
    if intent.component:
        call.error("Error type 3")
        call.error(f"Error: Activity class {{{intent.component}}} does not exist.")
    elif message.startswith("Error"):
        call.error(message)
    else:
        call.error(f"Error: Activity not started, unable to resolve Intent {intent}")
    return 1


def _broadcast(call: Call, words: list[str]) -> int:
    intent, _ = parse_intent(words)
    call.line(f"Broadcasting: Intent {intent}")
    result, data = _receive(call, intent)
    call.line(f"Broadcast completed: result={result}" + (f', data="{data}"' if data is not None else ""))
    return 0


def _receive(call: Call, intent: Intent) -> tuple[int, str | None]:
    """Let the system's receivers have a broadcast; return result code and data."""
    state, extras = call.state, intent.extras
    if intent.action in ("clipper.get", "get", "clipper.set", "set") and "ca.zgrs.clipper" in state.packages:
        if not call.device.foreground().startswith("ca.zgrs.clipper/"):
            return 0, None  # since Android 10 only the app in front may read the clipboard
        if intent.action.endswith("set"):
            state.clipboard = str(extras.get("text", ""))
            return -1, "Text is copied into clipboard."
        return -1, state.clipboard
    if intent.action == "android.intent.action.AIRPLANE_MODE" and "state" in extras:
        wanted = int(bool(extras["state"]))
        if state.settings.number("global", "airplane_mode_on") != wanted:
            state.settings.put("global", "airplane_mode_on", wanted)
    elif intent.action == "accessibility_forwarder.intent.action.SET_GRPC":
        if not send_forests(state, str(extras.get("host", "")), int(extras.get("port", 0))):
            state.log.write("AccessibilityForwarder", f"Cannot reach {extras.get('host')}:{extras.get('port')}", "W")
    elif intent.action == "android.intent.action.CLOSE_SYSTEM_DIALOGS":
        close = getattr(call.device, "close_system_dialogs", None)
        if close is not None:
            close()
    return 0, None


def tasks(call: Call) -> list[dict[str, Any]]:
    """Return the device's tasks, front first."""
    return list(call.device.stack())


def _stack_list(call: Call) -> int:
    width, height = call.device.size
    bounds = f"[0,0][{width},{height}]"
    home = call.state.packages.home()
    for task in tasks(call):
        top, base = task["activities"][-1], task["activities"][0]
        kind = "home" if base == home else "standard"
        call.line(f"RootTask id={task['id']} bounds={bounds} displayId=0 userId=0")
        call.line(f" configuration={{1.0 310mcc260mnc [en_US] ldltr sw411dp w411dp h914dp {call.state.density}dpi nrml "
                  f"long port finger -keyb/v/h -nav/h winConfig={{ mBounds=Rect(0, 0 - {width}, {height}) "
                  f"mActivityType={kind} }} s.1}}")  # fmt: skip
        shown = str(bool(task["visible"])).lower()
        call.line(f"  taskId={task['id']}: {base} bounds={bounds} userId=0 visible={shown} "
                  f"topActivity=ComponentInfo{{{top}}}")  # fmt: skip
        call.line()
    return 0


def _remove_task(call: Call, number: str) -> int:
    found = next((task for task in tasks(call) if str(task["id"]) == number), None)
    if found is None or found["activities"][0] == call.state.packages.home():
        return 0
    remove = getattr(call.device, "remove_task", None)
    if remove is not None:
        remove(found["id"])
    else:
        call.device.force_stop(found["activities"][0].partition("/")[0])
    return 0


def _stack(call: Call, words: list[str]) -> int:
    if words[:1] == ["list"]:
        return _stack_list(call)
    if words[:1] == ["remove"] and len(words) == 2:
        return _remove_task(call, words[1])
    call.error(f"Error: unknown command '{' '.join(words)}'")
    return 255


def _task(call: Call, words: list[str]) -> int:
    if words[:1] == ["lock"] and len(words) == 2:
        if words[1] == "stop":
            call.state.ui.pop("lock_task", None)
            call.line("Activity manager is not in lockTaskMode")
        else:
            call.state.ui["lock_task"] = int(words[1]) if words[1].isdigit() else 0
            call.line("Activity manager is in lockTaskMode")
        return 0
    return _stack(call, words)


def _force_stop(call: Call, words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-") and word not in ("0", "all", "current")]
    if not names:
        call.error("Error: no package name")
        return 255
    for name in names:
        if name in call.state.packages:
            call.device.force_stop(name)
            call.state.processes.kill(name, "from pid 4021")
            call.state.packages.state(name).stopped = True
    return 0


def am(call: Call) -> int:
    """Speak with the activity manager."""
    words = call.words
    verb = words[0] if words else ""
    rest = words[1:]
    if verb in ("start", "start-activity"):
        return _start(call, rest)
    if verb == "broadcast":
        return _broadcast(call, rest)
    if verb in ("force-stop", "kill", "stop-app", "crash"):
        return _force_stop(call, rest)
    if verb == "stack":
        return _stack(call, rest)
    if verb == "task":
        return _task(call, rest)
    if verb in ("startservice", "start-service", "start-foreground-service", "stopservice", "stop-service"):
        intent, _ = parse_intent(rest)
        call.line(f"{'Stopping' if 'stop' in verb else 'Starting'} service: Intent {intent}")
        name = intent.component.partition("/")[0]
        if name not in call.state.packages:
            call.error(
                "Error: Not found; no service started."
                if "stop" not in verb
                else "Service not stopped: was not running."
            )
            return 1
        return 0
    simple = {"kill-all": "", "get-current-user": "0", "get-standby-bucket": "10",
              "get-started-user-state": "RUNNING_UNLOCKED",
              "wait-for-broadcast-idle": "All broadcast queues are idle!", "idle-maintenance": "", "set-debug-app": "",
              "clear-debug-app": "", "screen-compat": "", "switch-user": "", "is-user-stopped": "false"}  # fmt: skip
    if verb in simple:
        if simple[verb]:
            call.line(simple[verb])
        return 0
    if verb == "instrument":
        call.error("INSTRUMENTATION_FAILED: this device runs no instrumentation")
        return 1
    call.error(
        f"Unknown command: {verb}"
        if verb
        else "Activity manager (activity) commands: start, broadcast, force-stop, stack, task"
    )
    return 255


def monkey(call: Call) -> int:
    """Start a package (``monkey -p PACKAGE 1``); further events are taps drawn from the device's randomness."""
    flags, words = (
        call.options("v", "pcs", stop=False)
        if not any(w.startswith("--") for w in call.words)
        else ({"p": call.words[call.words.index("-p") + 1]} if "-p" in call.words[:-1] else {}, call.words[-1:])
    )
    count = int(words[-1]) if words and words[-1].isdigit() else 0
    if not count:
        call.error("** Error: Count not specified")
        return 1
    call.line(f"  bash arg: {' '.join(call.words)}")
    package = flags.get("p", "")
    if package:
        launcher = call.state.packages[package].launcher if package in call.state.packages else ""
        if not launcher:
            call.line("** No activities found to run, monkey aborted.")
            return 252
        call.device.start_activity(
            Intent(action=ACTION_MAIN, component=launcher, categories=(CATEGORY_LAUNCHER,), flags=0x10200000)
        )
    width, height = call.device.size
    for _ in range(min(count - 1, 1000) if package else min(count, 1000)):
        x, y = call.state.random.below(width), call.state.random.below(height)
        call.device.touch("down", x, y)
        call.device.touch("up", x, y)
    call.line(f"Events injected: {count}")
    call.line("## Network stats: elapsed time=10ms (0ms mobile, 0ms wifi, 10ms not connected)")
    return 0


COMMANDS = {"am": am, "monkey": monkey}
