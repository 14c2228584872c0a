"""The accessibility forwarder: the app through which android-env's A11yGrpcWrapper, and so AndroidWorld, reads screens.

On a real phone it is an accessibility service that dials the wrapper's gRPC server. Here a thread of the served device
plays it. It dials this machine alone, and only after a client has switched the service on and named a port.

Source: android_env/wrappers/a11y_grpc_wrapper.py and proto/a11y/a11y.proto of android-env 1.3.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import grpc
from android_env.proto.a11y import a11y_pb2_grpc
from android_env.proto.a11y.android_accessibility_forest_pb2 import AndroidAccessibilityForest
from android_env.proto.a11y.android_accessibility_node_info_pb2 import AndroidAccessibilityNodeInfo
from android_env.proto.a11y.android_accessibility_window_info_pb2 import AndroidAccessibilityWindowInfo as WindowInfo

from vlgym.android.state.effects import forwarder_port

if TYPE_CHECKING:
    from vlgym.android.device import Device

PERIOD_S = 0.1
"""Seconds between two forests; a client that reads one empties its mailbox and waits for the next."""
CALL_S = 2.0
"""Seconds after which a forest that nobody takes is given up."""

_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
_FLAGS = ("checkable", "checked", "clickable", "enabled", "focusable", "focused", "scrollable", "selected", "password")
_KINDS = {
    "com.android.systemui": WindowInfo.TYPE_SYSTEM,
    "com.google.android.inputmethod.latin": WindowInfo.TYPE_INPUT_METHOD,
}


def forest(xml: str, focused: str) -> AndroidAccessibilityForest:
    """Return what accessibility services see of a screen.

    Args:
        xml: the hierarchy as `uiautomator dump` writes it, windows lowest first.
        focused: package of the app in front, whose topmost window has the focus.
    """
    found = AndroidAccessibilityForest()
    roots = list(ElementTree.fromstring(xml))
    packages = [root.get("package", "") for root in roots]
    front = max((place for place, package in enumerate(packages) if package == focused), default=-1)
    for place, (root, package) in enumerate(zip(roots, packages, strict=True)):
        window = found.windows.add(
            id=place + 1,
            layer=place,
            title=package,
            window_type=_KINDS.get(package, WindowInfo.TYPE_APPLICATION),
            is_active=place == front,
            is_focused=place == front,
        )
        _fill(window, root)
        window.bounds_in_screen.CopyFrom(window.tree.nodes[0].bounds_in_screen)
    return found


def _fill(window: WindowInfo, root: ElementTree.Element) -> None:
    """Add the nodes of a window's tree in the order of the dump, with their numbers."""
    todo: list[tuple[ElementTree.Element, int, AndroidAccessibilityNodeInfo | None]] = [(root, 0, None)]
    while todo:
        element, depth, parent = todo.pop()
        node = window.tree.nodes.add(unique_id=len(window.tree.nodes), depth=depth, window_id=window.id)
        if parent is not None:
            parent.child_ids.append(node.unique_id)
        _describe(node, element)
        todo += [(child, depth + 1, node) for child in reversed(element)]


def _describe(node: AndroidAccessibilityNodeInfo, element: ElementTree.Element) -> None:
    get = element.get
    node.text, node.content_description, node.hint_text = get("text", ""), get("content-desc", ""), get("hint", "")
    node.class_name, node.package_name = get("class", ""), get("package", "")
    node.view_id_resource_name = get("resource-id", "")
    for flag in _FLAGS:
        setattr(node, f"is_{flag}", get(flag) == "true")
    node.is_long_clickable = get("long-clickable") == "true"
    node.is_editable = get("class") == "android.widget.EditText"
    node.is_visible_to_user = True  # the dump leaves out what is not on the screen
    box = _BOUNDS.fullmatch(get("bounds", ""))
    if box is not None:
        bounds = node.bounds_in_screen
        bounds.left, bounds.top, bounds.right, bounds.bottom = map(int, box.groups())


class Forwarder:
    """Sends the screen's forest to whoever has asked for it, `PERIOD_S` apart, until `close`."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._closing = threading.Event()
        self._port = 0
        self._channel: grpc.Channel | None = None
        self._seen, self._forest = "", AndroidAccessibilityForest()
        self._thread = threading.Thread(target=self._run, name="a11y-forwarder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and hang up."""
        self._closing.set()
        self._thread.join()
        self._dial(0)

    def _run(self) -> None:
        while not self._closing.wait(PERIOD_S):
            self._dial(forwarder_port(self._device.state))
            if self._channel is None:
                continue
            try:
                a11y_pb2_grpc.A11yServiceStub(self._channel).SendForest(self._now(), timeout=CALL_S)
            except grpc.RpcError:  # the client is not there yet, or has gone: try again, a little later
                self._closing.wait(PERIOD_S)

    def _dial(self, port: int) -> None:
        if port == self._port:
            return
        if self._channel is not None:
            self._channel.close()
        self._port, self._channel = port, None
        if port:
            self._channel = grpc.secure_channel(f"localhost:{port}", grpc.local_channel_credentials())

    def _now(self) -> AndroidAccessibilityForest:
        with self._device.lock:
            xml, front = self._device.hierarchy(), self._device.foreground()
        if xml + front != self._seen:
            self._seen, self._forest = xml + front, forest(xml, front.partition("/")[0])
        return self._forest
