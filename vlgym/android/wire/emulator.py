"""The emulator's gRPC services, EmulatorController and SnapshotService, in front of one device.

The stubs are the ones that ship with android-env. Calls that are not served answer UNIMPLEMENTED, as gRPC does.

Source: the emulator's emulator_controller.proto and snapshot_service.proto.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from android_env.proto import emulator_controller_pb2 as pb
from android_env.proto import emulator_controller_pb2_grpc as pb_grpc
from android_env.proto import snapshot_service_pb2 as snap
from android_env.proto import snapshot_service_pb2_grpc as snap_grpc
from google.protobuf import empty_pb2

from vlgym.android.wire import modem
from vlgym.android.wire.inputs import Fingers, Keyboard
from vlgym.android.wire.pictures import fitted, png, rgba
from vlgym.core.errors import BackendError

if TYPE_CHECKING:
    from vlgym.android.device import Device
    from vlgym.android.state.log import LogEntry
    from vlgym.android.wire.server import Snapshots

FRAME_SECONDS = 1 / 30
"""Pause between two looks of a stream of screenshots at whether the screen has changed."""
WORKERS = 8
"""Calls served at once; each open stream takes one."""

_EMPTY = empty_pb2.Empty()
_LEVELS = {"V": 2, "D": 3, "I": 4, "W": 5, "E": 6, "F": 7, "S": 8}
_PLATFORMS = {
    pb.KeyboardEvent.KeyCodeType.Usb: "usb",
    pb.KeyboardEvent.KeyCodeType.Evdev: "evdev",
    pb.KeyboardEvent.KeyCodeType.XKB: "xkb",
    pb.KeyboardEvent.KeyCodeType.Win: "win",
    pb.KeyboardEvent.KeyCodeType.Mac: "mac",
}
_MOUSE = -1
"""Number of the finger that the mouse's left button is."""


class Controller(pb_grpc.EmulatorControllerServicer):  # type: ignore[misc]
    """EmulatorController of one device.

    Args:
        device: the device.
        shutdown: called when a client switches the machine off.
    """

    def __init__(self, device: Device, shutdown: Callable[[], None]) -> None:
        self._device = device
        self._shutdown = shutdown
        self._fingers = Fingers(device)
        self._keyboard = Keyboard(device)
        self._state = pb.VmRunState.RunState.RUNNING
        self.closing = threading.Event()
        """Set when the server stops: streams end."""

    # ------------------------------------------------------------ the machine

    def getStatus(self, request: Any, context: Any) -> Any:
        """Report a booted emulator, its uptime (virtual milliseconds) and its display."""
        state = self._device.state
        config = {"hw.lcd.width": state.width, "hw.lcd.height": state.height, "hw.lcd.density": state.density}
        entries = [pb.Entry(key=key, value=str(value)) for key, value in config.items()]
        return pb.EmulatorStatus(
            version="vlgym simulated device",
            uptime=state.clock.uptime_ms,
            booted=True,
            vmConfig=pb.VmConfiguration(hypervisorType=pb.VmConfiguration.VmHypervisorType.NONE, numberOfCpuCores=1),
            hardwareConfig=pb.EntryList(entry=entries),
        )

    def getVmState(self, request: Any, context: Any) -> Any:
        """Report whether the machine runs or is paused."""
        return pb.VmRunState(state=self._state)

    def setVmState(self, request: Any, context: Any) -> Any:
        """Pause, go on, or switch off. Time is virtual, so that a pause is only remembered."""
        wanted = pb.VmRunState.RunState
        if request.state in (wanted.RUNNING, wanted.PAUSED):
            self._state = request.state
        elif request.state in (wanted.SHUTDOWN, wanted.TERMINATE):
            self._shutdown()
        else:
            name = wanted.Name(request.state)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The simulated device cannot go to the state {name}.")
        return _EMPTY

    def getDisplayConfigurations(self, request: Any, context: Any) -> Any:
        """Report the one display."""
        state = self._device.state
        display = pb.DisplayConfiguration(width=state.width, height=state.height, dpi=state.density, display=0)
        return pb.DisplayConfigurations(displays=[display])

    # ------------------------------------------------------------ the screen

    def _image(self, wanted: Any, pixels: Any, seq: int = 0) -> Any:
        height, width = pixels.shape[:2]
        kinds = pb.ImageFormat.ImgFormat
        if wanted.format == kinds.PNG:
            data = png(pixels)
        else:
            data = (rgba(pixels) if wanted.format == kinds.RGBA8888 else pixels).tobytes()
        turned = pb.Rotation(rotation=self._device.rotation)
        kind = pb.ImageFormat(format=wanted.format, rotation=turned, width=width, height=height)
        micros = self._device.state.clock.now_us
        return pb.Image(format=kind, width=width, height=height, image=data, seq=seq, timestampUs=micros)

    def _pixels(self, wanted: Any) -> Any:
        """Return the screen at the size a client asks for: within it and of the display's aspect, never enlarged."""
        device = self._device
        with device.lock:
            if not (wanted.width or wanted.height):
                return device.screenshot()
            width, height = fitted(*device.size, (wanted.width, wanted.height))
            return device.screenshot((height, width) if device.rotation % 2 else (width, height))

    def getScreenshot(self, request: Any, context: Any) -> Any:
        """Return the screen as PNG, RGBA or RGB, drawn at the size asked for."""
        return self._image(request, self._pixels(request))

    def streamScreenshot(self, request: Any, context: Any) -> Iterator[Any]:
        """Send the screen now and whenever it has changed."""
        shown, number = None, 0
        while context.is_active() and not self.closing.is_set():
            pixels = self._pixels(request)
            if pixels is not shown:
                shown = pixels
                yield self._image(request, pixels, number)
                number += 1
            self.closing.wait(FRAME_SECONDS)

    # ------------------------------------------------------------ fingers and keys

    def sendTouch(self, request: Any, context: Any) -> Any:
        """Touch the panel; coordinates are those of the upright panel, pressure 0 lifts the finger."""
        self._fingers.send((touch.x, touch.y, touch.pressure > 0, touch.identifier) for touch in request.touches)
        return _EMPTY

    def sendMouse(self, request: Any, context: Any) -> Any:
        """Touch with the left button of the mouse."""
        self._fingers.send([(request.x, request.y, bool(request.buttons & 1), _MOUSE)])
        return _EMPTY

    def sendKey(self, request: Any, context: Any) -> Any:
        """Take a key by code, by W3C name, or a text to type."""
        event = pb.KeyboardEvent.KeyEventType.Name(request.eventType)
        with self._device.lock:
            if request.text:
                self._device.text(request.text)
            elif request.key:
                self._keyboard.key(request.key, event)
            else:
                self._keyboard.code(_PLATFORMS[request.codeType], request.keyCode, event)
        return _EMPTY

    def setClipboard(self, request: Any, context: Any) -> Any:
        """Set the text of the clipboard."""
        with self._device.lock:
            self._device.state.clipboard = request.text
        return _EMPTY

    def getClipboard(self, request: Any, context: Any) -> Any:
        """Return the text of the clipboard."""
        return pb.ClipData(text=self._device.state.clipboard)

    # ------------------------------------------------------------ radio

    def sendSms(self, request: Any, context: Any) -> Any:
        """Let a message arrive."""
        try:
            modem.receive_sms(self._device, request.srcAddress, request.text)
        except ValueError:
            return pb.PhoneResponse(response=pb.PhoneResponse.Response.BadNumber)
        return pb.PhoneResponse(response=pb.PhoneResponse.Response.OK)

    def sendPhone(self, request: Any, context: Any) -> Any:
        """Let a call come in, or change it."""
        names = {"InitCall": "call", "AcceptCall": "accept", "RejectCallExplicit": "busy", "RejectCallBusy": "busy"}
        names |= {"DisconnectCall": "cancel", "PlaceCallOnHold": "hold", "TakeCallOffHold": "accept"}
        answers = pb.PhoneResponse.Response
        try:
            modem.change_call(self._device, names[pb.PhoneCall.Operation.Name(request.operation)], request.number)
        except ValueError:
            return pb.PhoneResponse(response=answers.BadNumber)
        except LookupError:
            return pb.PhoneResponse(response=answers.InvalidAction)
        return pb.PhoneResponse(response=answers.OK)

    # ------------------------------------------------------------ the log

    def _log_message(self, request: Any, entries: list[LogEntry], start: int, end: int) -> Any:
        from vlgym.android.state.log import LogcatOptions, logcat_lines

        if request.sort == pb.LogMessage.LogType.Parsed:
            parsed = [
                pb.LogcatEntry(
                    timestamp=entry.wall_us // 1000,
                    pid=entry.pid,
                    tid=entry.tid,
                    level=_LEVELS[entry.priority],
                    tag=entry.tag,
                    msg=entry.message,
                )
                for entry in entries
            ]
            return pb.LogMessage(start=start, next=end, sort=request.sort, entries=parsed)
        options, clock = LogcatOptions(), self._device.state.clock
        text = "".join(logcat_lines(entry, options, clock) for entry in entries)
        return pb.LogMessage(contents=text, start=start, next=end, sort=request.sort)

    def getLogcat(self, request: Any, context: Any) -> Any:
        """Return the log from `start` on; `next` of one answer is `start` of the next question."""
        with self._device.lock:
            log = self._device.state.log
            entries, end = log.since(max(0, request.start)), log.end
        return self._log_message(request, entries, end - len(entries), end)

    def streamLogcat(self, request: Any, context: Any) -> Iterator[Any]:
        """Send the log from `start` on and then every new line."""
        log, wake = self._device.state.log, threading.Event()
        context.add_callback(wake.set)
        cursor = max(0, request.start)
        with self._device.lock:
            log.listeners.append(wake.set)
        try:
            while context.is_active() and not self.closing.is_set():
                wake.clear()
                with self._device.lock:
                    entries, end = log.since(cursor), log.end
                if entries:
                    yield self._log_message(request, entries, end - len(entries), end)
                cursor = end
                wake.wait(1.0)
        finally:
            with self._device.lock:
                log.listeners.remove(wake.set)


class SnapshotService(snap_grpc.SnapshotServiceServicer):  # type: ignore[misc]
    """Snapshots by name, kept as bytes in this process."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    def ListSnapshots(self, request: Any, context: Any) -> Any:
        """List what was saved, with sizes in bytes."""
        found = [snap.SnapshotDetails(snapshot_id=name, size=size) for name, size in self._snapshots.sizes().items()]
        return snap.SnapshotList(snapshots=found)

    def _do(self, action: Callable[[str], None], name: str) -> Any:
        try:
            action(name)
        except (LookupError, BackendError) as error:
            return snap.SnapshotPackage(snapshot_id=name, success=False, err=str(error).encode())
        return snap.SnapshotPackage(snapshot_id=name, success=True)

    def SaveSnapshot(self, request: Any, context: Any) -> Any:
        """Save the device under a name."""
        return self._do(self._snapshots.save, request.snapshot_id)

    def LoadSnapshot(self, request: Any, context: Any) -> Any:
        """Restore the device from a name."""
        return self._do(self._snapshots.load, request.snapshot_id)

    def DeleteSnapshot(self, request: Any, context: Any) -> Any:
        """Forget a name."""
        return self._do(self._snapshots.delete, request.snapshot_id)


class GrpcServer:
    """Both services on one port of 127.0.0.1.

    Args:
        port: 0 takes a free one.

    Raises:
        BackendError: the port is taken.
    """

    def __init__(self, device: Device, snapshots: Snapshots, shutdown: Callable[[], None], port: int = 0) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="emulator-grpc")
        limits = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._server = grpc.server(self._pool, options=[*limits, ("grpc.so_reuseport", 0)])
        self._controller = Controller(device, shutdown)
        pb_grpc.add_EmulatorControllerServicer_to_server(self._controller, self._server)
        snap_grpc.add_SnapshotServiceServicer_to_server(SnapshotService(snapshots), self._server)
        try:
            self.port: int = self._server.add_secure_port(f"127.0.0.1:{port}", grpc.local_server_credentials())
        except RuntimeError:
            self.port = 0
        if not self.port:
            self.close()
            raise BackendError(f"Port {port} of 127.0.0.1 is taken: give another --grpc-port, or 0 for a free one.")
        self._server.start()

    def close(self) -> None:
        """End streams and calls, free the port and the threads."""
        self._controller.closing.set()
        self._server.stop(grace=0.5).wait()
        self._pool.shutdown(wait=True)
