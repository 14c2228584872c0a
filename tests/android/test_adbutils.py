"""adbutils drives the phone through a real adb server, and uiautomator2's selectors read its dump."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from phone import Phone

from vlgym.android.wire.adb import AdbServer
from vlgym.android.wire.server import DeviceServer

adbutils = pytest.importorskip("adbutils")


@pytest.fixture(scope="module")
def phone() -> Phone:
    return Phone()


@pytest.fixture(scope="module")
def client(phone: Phone) -> Iterator[Any]:
    with AdbServer() as adb, DeviceServer(phone, adb_server_port=adb.port, with_grpc=False) as server:
        adb.wait_for(server.serial)
        yield adbutils.AdbClient(host="127.0.0.1", port=adb.port).device(server.serial)


def test_what_it_asks_a_phone(phone: Phone, client: Any) -> None:
    assert client.prop.model == "Simulated phone"
    assert client.getprop("ro.build.version.sdk") == "33"
    assert tuple(client.window_size()) == (1080, 2400)
    assert client.rotation() == 0
    assert client.is_screen_on()
    assert client.battery().level > 0
    assert "org.tasks" in client.list_packages()
    info = client.app_info("org.tasks")
    assert (info.version_name, info.first_install_time is not None) == ("1.0", True)
    assert client.shell2("ls /nowhere").returncode == 1
    assert client.screenshot().size == client.framebuffer().size == (1080, 2400)


def test_what_it_does_to_a_phone(phone: Phone, client: Any) -> None:
    client.app_start("com.android.settings")
    phone.advance(1)
    assert client.app_current().package == "com.android.settings"
    client.click(*phone.centre("Display"))
    phone.advance(1)
    assert phone.shows("Dark theme")
    client.keyevent("BACK")
    client.swipe(500, 1800, 500, 600, 0.3)
    phone.advance(2)
    assert not phone.shows("Network & internet")
    client.switch_wifi(False)
    assert phone.state.settings.get("global", "wifi_on") == "0"
    client.app_stop("com.android.settings")
    assert client.app_current().package != "com.android.settings"


def test_files_go_both_ways(phone: Phone, client: Any) -> None:
    assert client.sync.push(b"abc", "/sdcard/x.txt") == 3
    assert client.sync.read_bytes("/sdcard/x.txt") == phone.state.files.read("/sdcard/x.txt") == b"abc"
    assert client.sync.stat("/sdcard/x.txt").size == 3
    assert "x.txt" in [entry.path for entry in client.sync.list("/sdcard")]


def test_selectors_find_what_the_dump_shows(phone: Phone, client: Any) -> None:
    xpath = pytest.importorskip("uiautomator2.xpath")
    client.app_start("com.google.android.contacts")
    phone.advance(1)
    page = xpath.PageSource.parse(client.dump_hierarchy())
    (found,) = page.find_elements('//*[@content-desc="Create contact"]')
    left, top, right, bottom = xpath.XMLElement(found).bounds
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(phone.centre("Create contact"), abs=1)
