"""The accessibility forwarder: what it says of a screen, when it speaks and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from phone import SETTINGS, bounds
from wire_clients import eventually

from vlgym.android.device import Device
from vlgym.android.state.effects import FORWARDER, forwarder_port
from vlgym.android.wire.server import DeviceServer

grpc = pytest.importorskip("grpc")
pytest.importorskip("android_env")

from android_env.proto.a11y import a11y_pb2_grpc  # noqa: E402
from android_env.wrappers.a11y.a11y_servicer import A11yServicer  # noqa: E402

from vlgym.android.wire.forwarder import forest  # noqa: E402

SWITCH_ON = f"settings put secure enabled_accessibility_services {FORWARDER}/{FORWARDER}.AccessibilityForwarder"
SET_GRPC = 'am broadcast -a accessibility_forwarder.intent.action.SET_GRPC --ei "port" {} --es "host" {}'


@pytest.fixture
def listener() -> Iterator[tuple[A11yServicer, int]]:
    """android-env's own servicer on a free port."""
    pool = ThreadPoolExecutor(2)
    server, servicer = grpc.server(pool), A11yServicer()
    a11y_pb2_grpc.add_A11yServiceServicer_to_server(servicer, server)
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    server.start()
    servicer.resume()
    yield servicer, port
    server.stop(None).wait()
    pool.shutdown()


def test_a_forest_is_the_dump_in_other_words() -> None:
    phone = Device()
    phone.start_activity(SETTINGS)
    xml = phone.hierarchy()
    (window,) = forest(xml, "com.android.settings").windows
    assert window.is_active
    assert window.is_focused
    dumped = list(ElementTree.fromstring(xml).iter("node"))
    nodes = {node.unique_id: node for node in window.tree.nodes}
    assert len(nodes) == len(dumped)
    for node, element in zip(window.tree.nodes, dumped, strict=True):
        box = node.bounds_in_screen
        assert (box.left, box.top, box.right, box.bottom) == bounds(element)
        assert (node.text, node.content_description) == (element.get("text"), element.get("content-desc"))
        assert node.is_clickable == (element.get("clickable") == "true")
        assert [nodes[child].text for child in node.child_ids] == [child.get("text") for child in element]
        assert all(nodes[child].depth == node.depth + 1 for child in node.child_ids)


def test_fields_say_that_they_can_be_typed_into() -> None:
    phone = Device()
    phone.start_activity("com.google.android.contacts/com.android.contacts.activities.ContactEditorActivity")
    windows = forest(phone.hierarchy(), "com.google.android.contacts").windows
    fields = {node.hint_text for window in windows for node in window.tree.nodes if node.is_editable}
    assert {"First name", "Last name", "Phone"} <= fields


def test_it_speaks_when_it_is_switched_on_and_told_where(listener: tuple[A11yServicer, int]) -> None:
    servicer, port = listener
    phone = Device()
    with DeviceServer(phone):
        phone.shell(SET_GRPC.format(port, "10.0.2.2"))
        assert not forwarder_port(phone.state)  # no such service is on
        phone.shell(SWITCH_ON)
        eventually(servicer.gather_forests, "no forest came")
        eventually(servicer.gather_forests, "a second one did not, of the same screen")
        phone.start_activity(SETTINGS)

        def shows_settings() -> bool:
            texts = [n.text for f in servicer.gather_forests() for w in f.windows for n in w.tree.nodes]
            return "Network & internet" in texts

        eventually(shows_settings, "the new screen was not told of")
        phone.shell("settings delete secure enabled_accessibility_services")
        assert not forwarder_port(phone.state)


@pytest.mark.parametrize(
    ("port", "host"), [(443, "192.0.2.7"), (443, "example.org"), (0, "10.0.2.2"), (70_000, "10.0.2.2")]
)
def test_it_dials_this_machine_alone(port: int, host: str) -> None:
    phone = Device()
    phone.shell(SWITCH_ON)
    phone.shell(SET_GRPC.format(port, host))
    assert not forwarder_port(phone.state)
    assert f"Cannot reach {host}:{port}" in phone.shell("logcat -d -s AccessibilityForwarder").stdout.decode()


def test_a_listener_that_goes_away_costs_nothing(listener: tuple[A11yServicer, int]) -> None:
    servicer, port = listener
    phone = Device()
    with DeviceServer(phone) as server:
        phone.shell(SWITCH_ON)
        phone.shell(SET_GRPC.format(1, "localhost"))  # nobody listens there
        phone.shell(SET_GRPC.format(port, "localhost"))
        eventually(servicer.gather_forests, "no forest came after the port was changed")
        assert server.adb_port
