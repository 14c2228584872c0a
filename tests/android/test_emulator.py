"""The emulator's console and gRPC services in front of the device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_device import FakeDevice
from wire_clients import DEADLINE, console, empty, stub

from vlgym.android.wire.pictures import fitted
from vlgym.android.wire.server import DeviceServer

cv2 = pytest.importorskip("cv2")
grpc = pytest.importorskip("grpc")
pytest.importorskip("android_env")


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def server(device: FakeDevice) -> Iterator[DeviceServer]:
    with DeviceServer(device) as running:  # type: ignore[arg-type]
        yield running


# ---------------------------------------------------------------- the console


def test_the_console(device: FakeDevice, server: DeviceServer) -> None:
    def say(line: str) -> str:
        return console(server.console_port, line)

    assert "type 'help'" in say("auth whatever")
    assert say("ping") == "I am alive!\r\nOK\r\n"
    assert "Did you mean 'ping'" in say("pnig")
    assert say("sms send 123 good morning") == "OK\r\n"
    assert device.state.content.rows[-1][1]["body"] == "good morning"
    assert say("sms send no!number hi").startswith("KO: ")
    assert say("sms").startswith("KO: usage")

    assert say("gsm call 555") == "OK\r\n"
    assert device.state.call["state"] == 1
    assert say("gsm call 556").startswith("KO: There is a call")
    assert say("gsm accept") == "OK\r\n"
    device.advance(12)
    assert say("gsm list") == "inbound from 555 : active\r\nOK\r\n"
    assert say("gsm cancel") == "OK\r\n"
    assert device.state.content.rows[-1][1]["duration"] == 12
    assert say("gsm cancel").startswith("KO: ")

    device.taps = 5
    assert say("avd snapshot save five") == "OK\r\n"
    device.taps = 9
    assert "five" in say("avd snapshot list")
    assert say("avd snapshot load six").startswith("KO: no snapshot is named 'six'")
    assert say("avd snapshot load five") == "OK\r\n"
    assert device.taps == 5

    assert say("event send EV_KEY:KEY_HOME:1 EV_KEY:KEY_HOME:0") == "OK\r\n"
    assert device.keys == [3]
    assert say("event text hi there") == "OK\r\n"
    assert device.typed == "hi there"
    assert console(server.console_port, "x" * 100_000) == ""  # too long a line ends the connection
    assert say("ping").endswith("OK\r\n")


# ---------------------------------------------------------------- gRPC


@pytest.mark.parametrize("insecure", [False, True])
def test_status_and_screenshots(device: FakeDevice, server: DeviceServer, insecure: bool) -> None:
    from android_env.proto import emulator_controller_pb2 as pb

    call = stub(server, insecure=insecure)
    status = call.getStatus(empty())
    assert status.booted
    kinds = pb.ImageFormat.ImgFormat
    frame = device.screenshot()
    rgba = call.getScreenshot(pb.ImageFormat(format=kinds.RGBA8888))
    pixels = np.frombuffer(rgba.image, np.uint8).reshape(rgba.format.height, rgba.format.width, 4)
    assert (pixels[..., :3] == frame).all()
    assert (pixels[..., 3] == 255).all()
    rgb = call.getScreenshot(pb.ImageFormat(format=kinds.RGB888, width=18))
    assert (rgb.format.width, rgb.format.height, len(rgb.image)) == (18, 40, 18 * 40 * 3)
    png = cv2.imdecode(np.frombuffer(call.getScreenshot(pb.ImageFormat()).image, np.uint8), cv2.IMREAD_COLOR)
    assert (png[..., ::-1] == frame).all()
    device.rotation = 1
    turned = call.getScreenshot(pb.ImageFormat(format=kinds.RGB888, width=40, height=40))
    assert (turned.format.width, turned.format.height, turned.format.rotation.rotation) == (40, 18, 1)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [((0, 0), (36, 80)), ((18, 0), (18, 40)), ((0, 8), (4, 8)), ((360, 800), (36, 80)), ((1, 1), (1, 1))],
)
def test_screenshots_fit_and_are_never_enlarged(wanted: tuple[int, int], size: tuple[int, int]) -> None:
    assert fitted(36, 80, wanted) == size


def test_touches_and_keys(device: FakeDevice, server: DeviceServer) -> None:
    from android_env.proto import emulator_controller_pb2 as pb

    call = stub(server)

    def touch(x: int, y: int, pressure: int, finger: int = 0) -> None:
        call.sendTouch(pb.TouchEvent(touches=[pb.Touch(x=x, y=y, pressure=pressure, identifier=finger)]))

    touch(0, 0, 0)  # a lift without a touch
    touch(3, 4, 1)
    touch(30, 40, 1, finger=1)  # a second finger does not move the first
    touch(5, 6, 1)
    touch(5, 7, 0)
    assert device.touches == [("down", 3, 4), ("move", 5, 6), ("up", 5, 7)]
    device.touches.clear()
    for rotation, where in ((1, (10, 35)), (2, (35, 69)), (3, (69, 0))):
        device.rotation = rotation
        touch(0, 10, 1)
        touch(0, 10, 0)
        assert device.touches[-1] == ("up", *where)
    device.rotation = 0
    call.sendMouse(pb.MouseEvent(x=1, y=2, buttons=1))
    call.sendMouse(pb.MouseEvent(x=1, y=2, buttons=0))
    assert device.touches[-2:] == [("down", 1, 2), ("up", 1, 2)]

    codes, events = pb.KeyboardEvent.KeyCodeType, pb.KeyboardEvent.KeyEventType

    def key(code: int, kind: int = codes.XKB, event: int = events.keypress) -> None:
        call.sendKey(pb.KeyboardEvent(codeType=kind, eventType=event, keyCode=code))

    key(36)  # X11's Return
    for code, kind in ((28, codes.Evdev), (13, codes.Win), (36, codes.Mac), (40, codes.Usb), (9999, codes.XKB)):
        key(code, kind)
    assert device.keys == [66] * 5
    key(50, event=events.keydown)  # shift
    key(38)
    key(10)
    key(50, event=events.keyup)
    assert device.typed == "A!"
    key(38)
    assert device.keys[-1] == 29
    call.sendKey(pb.KeyboardEvent(key="GoHome", eventType=events.keypress))
    call.sendKey(pb.KeyboardEvent(key="é", eventType=events.keypress))
    call.sendKey(pb.KeyboardEvent(text=" typed"))
    assert (device.keys[-1], device.typed) == (3, "A!é typed")


def test_clipboard_radio_and_power(device: FakeDevice, server: DeviceServer) -> None:
    from android_env.proto import emulator_controller_pb2 as pb

    call, answers = stub(server), pb.PhoneResponse.Response
    call.setClipboard(pb.ClipData(text="copied"))
    assert call.getClipboard(empty()).text == "copied"
    assert call.sendSms(pb.SmsMessage(srcAddress="123", text="hi")).response == answers.OK
    assert call.sendSms(pb.SmsMessage(srcAddress="", text="hi")).response == answers.BadNumber
    operation = pb.PhoneCall.Operation
    assert call.sendPhone(pb.PhoneCall(operation=operation.DisconnectCall)).response == answers.InvalidAction
    assert call.sendPhone(pb.PhoneCall(operation=operation.InitCall, number="5")).response == answers.OK
    states = pb.VmRunState.RunState
    call.setVmState(pb.VmRunState(state=states.PAUSED))
    assert call.getVmState(empty()).state == states.PAUSED
    with pytest.raises(grpc.RpcError) as caught:
        call.setVmState(pb.VmRunState(state=states.RESET))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as caught:
        call.setGps(pb.GpsState())
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert not server.stopped.is_set()
    call.setVmState(pb.VmRunState(state=states.SHUTDOWN))
    assert server.stopped.wait(DEADLINE)


def test_log_and_streams(device: FakeDevice, server: DeviceServer) -> None:
    from android_env.proto import emulator_controller_pb2 as pb

    call = stub(server)
    device.state.log.write("Toy", "one", uid=10100)
    first = call.getLogcat(pb.LogMessage())
    assert first.contents.endswith("I Toy     : one\n")
    assert call.getLogcat(pb.LogMessage(start=first.next)).contents == ""
    lines = call.streamLogcat(pb.LogMessage(start=first.next, sort=pb.LogMessage.LogType.Parsed))
    frames = call.streamScreenshot(pb.ImageFormat(format=pb.ImageFormat.ImgFormat.RGB888))
    assert next(frames).image[0] == 0
    with device.lock:
        device.taps = 7
        device.state.log.write("Toy", "two", "W", uid=10100)
    entry = next(lines).entries[0]
    assert (entry.tag, entry.msg, entry.level) == ("Toy", "two", pb.LogcatEntry.LogLevel.WARN)
    assert next(frames).image[0] == 7
    server.close()
    for stream in (lines, frames):
        with pytest.raises((grpc.RpcError, StopIteration)):
            next(stream)
    assert not device.state.log.listeners


def test_snapshots_by_name(device: FakeDevice, server: DeviceServer) -> None:
    from android_env.proto import snapshot_service_pb2 as snap
    from android_env.proto import snapshot_service_pb2_grpc

    with grpc.secure_channel(f"localhost:{server.grpc_port}", grpc.local_channel_credentials()) as channel:
        call = snapshot_service_pb2_grpc.SnapshotServiceStub(channel)
        device.taps = 4
        assert call.SaveSnapshot(snap.SnapshotPackage(snapshot_id="four")).success
        device.taps = 6
        listed = call.ListSnapshots(snap.SnapshotFilter())
        assert [item.snapshot_id for item in listed.snapshots] == ["four"]
        missing = call.LoadSnapshot(snap.SnapshotPackage(snapshot_id="five"))
        assert (missing.success, missing.err) == (False, b"no snapshot is named 'five'")
        assert call.LoadSnapshot(snap.SnapshotPackage(snapshot_id="four")).success
        assert device.taps == 4
        assert call.DeleteSnapshot(snap.SnapshotPackage(snapshot_id="four")).success
        assert not call.DeleteSnapshot(snap.SnapshotPackage(snapshot_id="four")).success
