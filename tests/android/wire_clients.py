"""Small clients of the device's ports, for tests: an ADB host, the console, gRPC stubs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from vlgym.android.wire.packets import CLSE, CNXN, OKAY, OPEN, WRTE, Message
from vlgym.android.wire.server import DeviceServer

DEADLINE = 30.0
"""Seconds after which a test that waits for another process or thread gives up."""


def eventually(what: Callable[[], object], why: str) -> None:
    """Wait until a call returns something true."""
    until = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < until, why
        time.sleep(0.02)


class Host:
    """The host's side of an ADB connection, as small as can be."""

    def __init__(self, port: int, version: int = 0x01000001, max_payload: int = 4096) -> None:
        self.link = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.send(Message(CNXN, version, max_payload, b"host::\0"))
        self.banner = self.read()

    def send(self, message: Message) -> None:
        self.link.sendall(message.encode(checksum=True))

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.link.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def read(self) -> Message:
        words = np.frombuffer(self.exactly(24), "<u4")
        payload = self.exactly(int(words[3]))
        self.checksum_is_right = int(words[4]) == sum(payload)
        return Message(int(words[0]), int(words[1]), int(words[2]), payload)

    def open(self, name: str, number: int = 7) -> int:
        self.send(Message(OPEN, number, 0, name.encode() + b"\0"))
        answer = self.read()
        return answer.arg0 if answer.command == OKAY else 0

    def all(self, number: int = 7) -> bytes:
        """Read one stream to its end, acknowledging every message."""
        data = b""
        while (message := self.read()).command == WRTE:
            data += message.payload
            self.send(Message(OKAY, number, message.arg0))
        assert message.command == CLSE
        return data


def console(port: int, *lines: str) -> str:
    """Return what the console says to some lines, banner cut."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as link:
        link.sendall("".join(f"{line}\r\n" for line in [*lines, "quit"]).encode())
        data = b""
        while piece := link.recv(4096):
            data += piece
    return data.decode().split("OK\r\n", 1)[1]


def stub(server: DeviceServer, *, insecure: bool = False) -> Any:
    import grpc
    from android_env.proto import emulator_controller_pb2_grpc

    target = f"localhost:{server.grpc_port}"
    options = [("grpc.max_receive_message_length", -1)]
    credentials = grpc.local_channel_credentials()
    channel = grpc.insecure_channel(target, options) if insecure else grpc.secure_channel(target, credentials, options)
    return emulator_controller_pb2_grpc.EmulatorControllerStub(channel)


def empty() -> Any:
    from google.protobuf import empty_pb2

    return empty_pb2.Empty()
