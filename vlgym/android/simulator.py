"""The device in process as a simulator of android-env, under its own Coordinator and TaskManager.

Textproto tasks run unchanged. Two things are better than over the wire: every log line has been read before the
observation of the same step is returned, so that a reward never comes a step late; and with `PromptTaskManager` nothing
sleeps, time being the device's own.

Source: android-env 1.3.0 (Toyama et al. 2021, arXiv 2105.13231), whose interfaces this file implements.
"""

from __future__ import annotations

import collections
import os
import shlex
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlgym.android.wire.inputs import Fingers, Keyboard
from vlgym.android.wire.services import merged
from vlgym.core.errors import BackendError, TaskError, require

for _module in ("absl", "dm_env", "android_env"):
    require(_module, extra="android", purpose="The in-process simulator")

import numpy as np  # noqa: E402
from android_env import environment  # noqa: E402
from android_env.components import (  # noqa: E402
    adb_call_parser,
    adb_controller,
    app_screen_checker,
    config_classes,
    coordinator,
    device_settings,
    dumpsys_thread,
    errors,
    log_stream,
    setup_step_interpreter,
    task_manager,
)
from android_env.components.simulators import base_simulator  # noqa: E402
from android_env.proto import adb_pb2, state_pb2, task_pb2  # noqa: E402
from google.protobuf import text_format  # noqa: E402

if TYPE_CHECKING:
    from vlgym.android.device import Device

SERIAL = "vlgym-in-process"
STEP_SECONDS = 0.1
"""Virtual time that passes before each observation: about the pace of an agent that acts ten times a second."""
READER_SECONDS = 10.0
"""How long an observation waits for the reader of the log before it is an error of the machinery."""
_POLL_SECONDS = 0.1
_SNAPSHOT = "default_snapshot"


class InProcessAdb(adb_controller.AdbController):  # type: ignore[misc]
    """Runs adb commands on a device of this process.

    A command that fails raises AdbControllerError at once, where android-env's own controller first restarts the adb
    server. Files of `push`, `pull` and `install` are the host's, as they are with adb.
    """

    def __init__(self, device: Device) -> None:  # not super().__init__: it removes variables from os.environ
        self._device = device
        self._config = config_classes.AdbControllerConfig(adb_path="adb", device_name=SERIAL)

    def init_server(self, timeout: float | None = None) -> None:
        """There is no server."""

    def execute_command(self, args: list[str], timeout: float | None = None, device_specific: bool = True) -> bytes:
        """Return the output, errors mixed in.

        Raises:
            AdbControllerError: the command failed or is none.
        """
        try:
            output, code = self._run(list(args))
        except OSError as error:
            output, code = f"adb: error: {error.strerror}: {error.filename!r}\n".encode(), 1
        if code:
            text = output.decode("utf-8", "replace").strip()
            raise errors.AdbControllerError(f"Error executing adb command: [adb {' '.join(args)}], code {code}: {text}")
        return output

    def _run(self, args: list[str]) -> tuple[bytes, int]:
        match args:
            case ["shell" | "exec-out", *words]:
                return self._shell(" ".join(words))
            case ["logcat", *words]:
                return self._shell(shlex.join(["logcat", *words]))
            case ["push", *options, source, target]:
                return self._push([option for option in options if not option.startswith("-")] + [source], target), 0
            case ["pull", source, target]:
                return self._pull(source, target), 0
            case ["install", *options, path]:
                place = f"/data/local/tmp/{os.path.basename(path)}"
                self._push([path], place)
                return self._shell(f"pm install {shlex.join(options)} {shlex.quote(place)}")
            case ["uninstall", *options, package]:
                return self._shell(shlex.join(["pm", "uninstall", *options, package]))
            case ["devices", *_]:
                return f"List of devices attached\n{SERIAL}\tdevice\n\n".encode(), 0
            case ["get-state"]:
                return b"device\n", 0
            case ["get-serialno"]:
                return f"{SERIAL}\n".encode(), 0
            case ["root"]:
                with self._device.lock:
                    self._device.state.rooted = True
                return b"adbd is already running as root\n", 0
            case ["start-server"] | ["kill-server"] | ["wait-for-device"] | ["remount"]:
                return b"", 0
        return f"adb: unknown command {' '.join(args[:1])}\n".encode(), 1

    def _shell(self, line: str) -> tuple[bytes, int]:
        result = self._device.shell(merged(line))
        return result.stdout + result.stderr, result.code

    def _push(self, sources: Sequence[str], target: str) -> bytes:
        files = self._device.state.files
        with self._device.lock:
            who = self._device.state.shell_user
            for source in sources:
                inside = target.endswith("/") or files.is_dir(target)
                place = f"{target.rstrip('/')}/{os.path.basename(source)}" if inside else target
                files.mkdir(os.path.dirname(place) or "/", who, parents=True)
                files.write(place, Path(source).read_bytes(), who)
        return f"{len(sources)} files pushed.\n".encode()

    def _pull(self, source: str, target: str) -> bytes:
        with self._device.lock:
            data = self._device.state.files.read(source, self._device.state.shell_user)
        place = Path(target)
        (place / os.path.basename(source) if place.is_dir() else place).write_bytes(data)
        return b"1 file pulled.\n"


class InProcessLog(log_stream.LogStream):  # type: ignore[misc]
    """The device's log as lines of ``logcat -v epoch TAG:P *:S``, handed over when an observation is made.

    Lines written while the stream is paused are dropped, as android-env drops them.
    """

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self._cursor = device.state.log.end
        self._changed = threading.Condition()
        self._pending: collections.deque[str] = collections.deque()
        self._idle = self._stopped = self._died = False
        self.set_log_filters([])

    def set_log_filters(self, log_filters: Sequence[str]) -> None:
        """Set the filters, such as "ActivityManager:I"."""
        from vlgym.android.state.log import parse_logcat

        super().set_log_filters(log_filters)
        self._options = parse_logcat(["-b", "all", "-v", "epoch", *self._filters])

    def _get_stream_output(self) -> Generator[str, None, None]:
        self._died = False
        try:
            while True:
                with self._changed:
                    self._idle = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._pending or self._stopped)
                    if self._stopped:
                        return
                    self._idle = False
                    line = self._pending.popleft()
                yield line
        finally:
            with self._changed:
                self._died = True
                self._changed.notify_all()

    def pause_stream(self) -> None:
        """Drop lines from now on."""
        self.drain()
        super().pause_stream()

    def resume_stream(self) -> None:
        """Take lines from now on."""
        self._cursor = self._device.state.log.end
        super().resume_stream()

    def stop_stream(self) -> None:
        """End the stream."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def drain(self) -> None:
        """Hand over what the log has and wait until the reader has taken all of it.

        Raises:
            ReadObservationError: the reader does not take the lines.
        """
        from vlgym.android.state.log import logcat_lines

        log = self._device.state.log
        if log.end == self._cursor or self._stopped or not self._should_stream.is_set():
            return
        with self._device.lock:
            entries, self._cursor = log.since(self._cursor), log.end
        wanted = [entry for entry in entries if self._options.wants(entry)]
        if not wanted:
            return
        text = "".join(logcat_lines(entry, self._options, self._device.state.clock) for entry in wanted)
        with self._changed:
            self._pending.extend(text.splitlines())
            self._idle = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._all_taken() or self._died or self._stopped, READER_SECONDS)
            if not (self._all_taken() or self._stopped):
                self._pending.clear()
                raise errors.ReadObservationError("The reader of the device's log has died or hangs.")

    def _all_taken(self) -> bool:
        return self._idle and not self._pending


class DeviceSimulator(base_simulator.BaseSimulator):  # type: ignore[misc]
    """A simulated device as android-env's simulator.

    Args:
        device: the device; None makes a new one.
        size: width and height of screenshots of the upright panel, drawn at that size; None is the panel's own.
        step_seconds: virtual time that passes before each observation.

    Attributes:
        device: the device.
    """

    def __init__(
        self, device: Device | None = None, *, size: tuple[int, int] | None = None, step_seconds: float = STEP_SECONDS
    ) -> None:
        super().__init__(config_classes.SimulatorConfig())
        if device is None:
            from vlgym.android.device import Device

            device = Device()
        self.device = device
        self._size = size
        self._step_seconds = step_seconds
        self._fingers, self._keyboard = Fingers(device), Keyboard(device)
        self._streams: list[InProcessLog] = []
        self._boot = b""
        self._saved: dict[str, bytes] = {}

    def get_logs(self) -> str:
        """Return the last lines of the device's log."""
        return "\n".join(
            f"{entry.priority} {entry.tag}: {entry.message}" for entry in self.device.state.log.entries()[-50:]
        )

    def adb_device_name(self) -> str:
        """Return the name that stands for a serial number."""
        return SERIAL

    def create_adb_controller(self) -> InProcessAdb:
        """Return what runs adb commands on the device."""
        return InProcessAdb(self.device)

    def create_log_stream(self) -> InProcessLog:
        """Return the device's log."""
        self._streams = [stream for stream in self._streams if not stream._stopped]
        self._streams.append(InProcessLog(self.device))
        return self._streams[-1]

    def _launch_impl(self) -> None:
        """Boot: the first launch takes the device as it is, a later one makes it that again."""
        if self._boot:
            self.device.restore(self._boot)
        else:
            self._boot = self.device.snapshot()
        self._fingers, self._keyboard = Fingers(self.device), Keyboard(self.device)

    def send_touch(self, touches: list[tuple[int, int, bool, int]]) -> None:
        """Touch at pixels of the upright screenshot; of several fingers the first to touch leads."""
        state = self.device.state
        width, height = self._size or (state.width, state.height)
        across, down = state.width / width, state.height / height
        self._fingers.send(
            (x * across + (across - 1) / 2, y * down + (down - 1) / 2, bool(is_down), number)
            for x, y, is_down, number in touches
        )

    def send_key(self, keycode: np.int32, event_type: str) -> None:
        """Take a key by its X11 code, the code of a Linux host, whatever the host is."""
        with self.device.lock:
            self._keyboard.code("xkb", int(keycode), event_type)

    def _get_screenshot_impl(self) -> Any:
        """Let time pass, draw, and see to it that what the log says by then has been read."""
        with self.device.lock:
            if self._step_seconds > 0:
                self.device.advance(self._step_seconds)
            pixels = self.device.screenshot(self._size)
        for stream in self._streams:
            stream.drain()
        return pixels

    def save_state(self, request: state_pb2.SaveStateRequest) -> state_pb2.SaveStateResponse:
        """Keep a snapshot under ``request.args["snapshot_name"]``."""
        self._saved[request.args.get("snapshot_name", _SNAPSHOT)] = self.device.snapshot()
        return state_pb2.SaveStateResponse(status=state_pb2.SaveStateResponse.Status.OK)

    def load_state(self, request: state_pb2.LoadStateRequest) -> state_pb2.LoadStateResponse:
        """Go back to the snapshot ``request.args["snapshot_name"]``."""
        status = state_pb2.LoadStateResponse.Status
        data = self._saved.get(request.args.get("snapshot_name", _SNAPSHOT))
        if data is None:
            return state_pb2.LoadStateResponse(status=status.NOT_FOUND)
        try:
            self.device.restore(data)
        except BackendError as error:
            return state_pb2.LoadStateResponse(status=status.ERROR, error_message=str(error))
        return state_pb2.LoadStateResponse(status=status.OK)


class _PromptInterpreter(setup_step_interpreter.SetupStepInterpreter):  # type: ignore[misc]
    """Runs setup and reset steps; what would wait lets the device's time pass instead."""

    def __init__(self, parser: adb_call_parser.AdbCallParser, device: Device) -> None:
        super().__init__(parser)
        self._device = device

    def _process_step_command(self, step_cmd: task_pb2.SetupStep) -> None:
        kind, condition = step_cmd.WhichOneof("step"), step_cmd.success_condition
        check = condition.WhichOneof("check")
        latest: Exception | None = None
        for _ in range(max(condition.num_retries, 3)):
            try:
                self._execute_step_cmd(step_cmd, kind)
                self._check_success(check, condition)
                return
            except errors.AdbControllerError as error:
                self._stats["error_count_adb_request"] += 1
                latest = error
            except errors.WaitForAppScreenError as error:
                self._stats["error_count_wait_for_app_screen"] += 1
                latest = error
            except errors.CheckInstallError as error:
                self._stats["error_count_check_install"] += 1
                latest = error
        raise errors.StepCommandError(f"Step failed: [{step_cmd}]") from latest

    def _execute_step_cmd(self, step_cmd: task_pb2.SetupStep, step_type: str | None) -> Any:
        if step_type == "sleep":
            self._device.advance(step_cmd.sleep.time_sec)
            return None
        return super()._execute_step_cmd(step_cmd, step_type)

    def _check_success(self, success_check: str | None, success_condition: task_pb2.SuccessCondition) -> None:
        if success_check != "wait_for_app_screen":
            super()._check_success(success_check, success_condition)
            return
        wanted = success_condition.wait_for_app_screen
        checker = app_screen_checker.AppScreenChecker(self._adb_call_parser, wanted.app_screen)
        waited = 0.0
        while checker.matches_current_app_screen() != app_screen_checker.AppScreenChecker.Outcome.SUCCESS:
            if waited >= wanted.timeout_sec:
                raise errors.WaitForAppScreenError()
            self._device.advance(_POLL_SECONDS)
            waited += _POLL_SECONDS
        self._stats["total_time_waiting_for_app_screen"] += waited

    def _check_install(self, check_install: task_pb2.CheckInstall) -> None:
        packages = adb_pb2.AdbRequest.PackageManagerRequest
        request = adb_pb2.AdbRequest(package_manager=packages(list=packages.List(packages=packages.List.Packages())))
        if check_install.package_name not in self._adb_call_parser.parse(request).package_manager.list.items:
            raise errors.CheckInstallError()


class _PromptScreenCheck(dumpsys_thread.DumpsysThread):  # type: ignore[misc]
    """Looks at the screen when it is asked; android-env's own tells the answer one look later."""

    _main_loop_counter: int

    def check_user_exited(self, timeout: float | None = None) -> bool:
        self._main_loop_counter += 1
        if self._check_frequency <= 0 or self._main_loop_counter < self._check_frequency:
            return False
        self._main_loop_counter = 0
        return bool(self._check_impl())


class PromptTaskManager(task_manager.TaskManager):  # type: ignore[misc]
    """android-env's TaskManager without its fixed sleeps, and with `max_episode_sec` in virtual seconds.

    Deviations: setup steps wait in virtual time; leaving `expected_app_screen` is seen at the step that looks, not at
    the look after; by default every step looks.
    """

    def __init__(
        self, task: task_pb2.Task, device: Device, config: config_classes.TaskManagerConfig | None = None
    ) -> None:
        untimed = task_pb2.Task()
        untimed.CopyFrom(task)
        untimed.ClearField("max_episode_sec")
        super().__init__(untimed, config or config_classes.TaskManagerConfig(dumpsys_check_frequency=1))
        self._device = device
        self._max_us = task.max_episode_sec * 1_000_000
        self._began_us = device.state.clock.uptime_us

    def reset_task(self) -> None:
        """Run the reset steps."""
        super().reset_task()
        self._began_us = self._device.state.clock.uptime_us

    def _determine_transition_fn(self) -> Any:
        import dm_env

        found = super()._determine_transition_fn()
        late = self._max_us > 0 and self._device.state.clock.uptime_us - self._began_us > self._max_us
        if found is dm_env.transition and late:
            self._stats["reset_count_max_duration_reached"] += 1
            return dm_env.truncation
        return found

    def _start_setup_step_interpreter(self, adb_call_parser: adb_call_parser.AdbCallParser) -> None:
        self._setup_step_interpreter = _PromptInterpreter(adb_call_parser, self._device)

    def _start_dumpsys_thread(self, adb_call_parser: adb_call_parser.AdbCallParser) -> None:
        self._dumpsys_thread = _PromptScreenCheck(
            app_screen_checker.AppScreenChecker(adb_call_parser, self._task.expected_app_screen),
            check_frequency=self._config.dumpsys_check_frequency,
            max_failed_current_activity=self._config.max_failed_current_activity,
        )


def load_task(path: str | os.PathLike[str]) -> task_pb2.Task:
    """Return the task of a textproto file.

    Raises:
        TaskError: the file is missing or is no task; names the line.
    """
    task = task_pb2.Task()
    try:
        text_format.Parse(Path(path).read_text(encoding="utf-8"), task)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise TaskError(f"The task {os.fspath(path)!r} cannot be read as a textproto: {error}.") from error
    return task


def make_env(
    task: task_pb2.Task | str | os.PathLike[str],
    device: Device | None = None,
    *,
    size: tuple[int, int] | None = None,
    step_seconds: float = STEP_SECONDS,
    prompt: bool = True,
    config: config_classes.CoordinatorConfig | None = None,
) -> environment.AndroidEnv:
    """Return android-env's environment (a `dm_env.Environment`) over a device of this process.

    Args:
        task: a Task, or the path of a textproto.
        device: the device; None makes a new one.
        size: width and height of the screenshots; None is the panel's own.
        step_seconds: virtual time that passes before each observation.
        prompt: False takes android-env's own TaskManager, with its sleep of 0.5 s after each setup step.
        config: of the Coordinator; `enable_key_events` adds keys to the actions.
    """
    proto = task if isinstance(task, task_pb2.Task) else load_task(task)
    simulator = DeviceSimulator(device, size=size, step_seconds=step_seconds)
    tasks = PromptTaskManager(proto, simulator.device) if prompt else task_manager.TaskManager(proto)
    leader = coordinator.Coordinator(simulator, tasks, device_settings.DeviceSettings(simulator), config)
    return environment.AndroidEnv(simulator=simulator, coordinator=leader, task_manager=tasks)
