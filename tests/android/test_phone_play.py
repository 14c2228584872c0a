"""A person plays the phone: a page with the picture, and a script that turns mouse and keyboard into action texts."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from vlgym.android.play import SCRIPT
from vlgym.core.browser import find_executable
from vlgym.core.errors import MissingDependencyError
from vlgym.play import Game, Server, make_env

TASK = "ClockAddLabelledAlarm-test-00001"


def chromium() -> str:
    try:
        return find_executable()
    except MissingDependencyError:
        return ""


@pytest.fixture
def server() -> Iterator[Server]:
    name, env = make_env("vlgym/Android-v0", {"families": ["clock"]})
    with Server(Game(env, name, task=TASK, seed=0)) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()
    env.close()


def test_the_page_may_run_its_own_script_and_no_other(server: Server) -> None:
    with urllib.request.urlopen(server.address + "page", timeout=30) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert page.count("<script>") == 1
    assert f"<script>{SCRIPT}</script>" in page
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    with urllib.request.urlopen(server.address, timeout=30) as answer:
        assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "The phone shows: " in page
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    assert picture is not None
    assert base64.b64decode(picture[1])[16:24] == (540).to_bytes(4, "big") + (1200).to_bytes(4, "big")


def test_a_posted_action_is_the_environments(server: Server) -> None:
    for action in ("tap(0.5, 0.5)", "fly away"):
        urllib.request.urlopen(server.address + "act", urlencode({"action": action}).encode(), timeout=30).close()
    assert server.game.actions == ["tap(0.5, 0.5)", "fly away"]
    assert server.game.notice
    assert not server.game.over


@pytest.mark.skipif(not chromium(), reason="no Chromium")
def test_mouse_and_keyboard_in_a_browser(server: Server) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    game = server.game
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(server.address)

        def then(count: int) -> str:
            """Wait for that many actions; return the last."""
            page.locator("ol li").nth(count - 1).wait_for(state="attached", timeout=60_000)
            page.frame_locator("iframe").locator("#screen").wait_for()
            assert len(game.actions) == count
            return game.actions[-1]

        def box() -> dict[str, float]:
            found: dict[str, float] = page.frame_locator("iframe").locator("#screen").bounding_box()
            return found

        def press(label: str) -> None:
            elements = game.env.unwrapped.elements  # type: ignore[attr-defined]
            x, y = elements.aim(elements.get(label))
            place = box()
            page.mouse.click(place["x"] + x * place["width"], place["y"] + y * place["height"])

        press("Clock")
        assert then(1).startswith("tap(0.")
        press("Add alarm")
        then(2)
        page.frame_locator("iframe").get_by_role("button", name="Back").click()
        assert then(3) == "press(back)"
        place = box()
        page.mouse.move(place["x"] + 200, place["y"] + 600)
        page.mouse.down()
        page.mouse.move(place["x"] + 200, place["y"] + 300, steps=4)
        page.mouse.up()
        assert re.fullmatch(r"swipe\(0\.\d+, 0\.\d+, 0\.\d+, 0\.\d+\)", then(4))
        page.keyboard.press("Home")
        assert then(5) == "press(home)"
        press("Search")
        then(6)
        page.keyboard.type('set "t"', delay=10)
        assert then(7) == r'type("set \"t\"")'
        assert game.notice == ""
        page.keyboard.type("x")
        page.keyboard.press("Enter")
        assert then(8) == 'submit("x")'
        page.mouse.move(place["x"] + 200, place["y"] + 600)
        page.mouse.wheel(0, 300)
        assert then(9) == "scroll(down)"
        browser.close()
