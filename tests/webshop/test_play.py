"""Human play: the same session and reward as an agent's, behind a server that answers only its own pages."""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from vlgym.core.browser import find_executable
from vlgym.core.errors import MissingDependencyError, VlgymError
from vlgym.play import MAX_FORM_BYTES, Game, Server, main, make_env

CATALOGUE = "synthetic:100"


def serve(game: Game) -> contextlib.AbstractContextManager[Server]:
    @contextlib.contextmanager
    def running() -> Iterator[Server]:
        with Server(game) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            yield server
            server.shutdown()

    return running()


@pytest.fixture
def server() -> Iterator[Server]:
    name, env = make_env("webshop", {"catalogue": CATALOGUE})
    with serve(Game(env, name, seed=7)) as running:
        yield running
    env.close()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def post(server: Server, name: str, **fields: str) -> str:
    """Post a form; return the window it redirects to."""
    with urllib.request.urlopen(server.address + name, urlencode(fields).encode(), timeout=30) as answer:
        assert answer.url == server.address
        return answer.read().decode()


def buttons(page: str) -> list[str]:
    return [unescape(value) for value in re.findall(r'<button[^>]* name="action" value="([^"]*)"', page)]


def row(window: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt><dd>(.*?)</dd>", window)
    assert found, name
    return unescape(re.sub("<[^>]*>", "", found[1]))


def oracle_actions(seed: int) -> tuple[str, list[str], float]:
    """Return task, actions and return of the oracle's episode in an environment of its own."""
    env = gymnasium.make("vlgym/WebShop-v0", catalogue=CATALOGUE).unwrapped
    task = next(task for task in env.tasks.ids("test") if env.oracle_claims(task))
    observation, info = env.reset(seed=seed, options={"task": task})
    policy, actions, total, over = env.scripted_policy("oracle"), [], 0.0, False
    while not over:
        actions.append(policy(observation, info))
        observation, reward, terminated, truncated, info = env.step(actions[-1])
        total, over = total + reward, terminated or truncated
    assert info["success"]
    return task, actions, total


# ---------------------------------------------------------------------- playing


def test_buying_by_the_buttons_gives_the_agents_reward() -> None:
    task, actions, total = oracle_actions(seed=0)
    name, env = make_env("vlgym/WebShop-v0", {"catalogue": CATALOGUE})
    with serve(Game(env, name, task=task, seed=0)) as server:
        window = get(server.address)
        for number, action in enumerate(actions, 1):
            page = get(server.address + "page")
            if action.startswith("search["):
                assert 'name="template" value="search[{}]"' in page
                window = post(server, "act", template="search[{}]", text=action[7:-1])
            else:
                assert action in buttons(page)
                window = post(server, "act", action=action)
            assert row(window, "Last action") == action
            assert row(window, "Step") == f"{number} of 15"
        assert total == 1.0
        assert float(row(window, "Return")) == total
        assert "Solved." in window
        assert "r_type" in window
        assert "Thank you for shopping with us!" in get(server.address + "page")
    env.close()


def test_every_button_of_every_page_is_an_available_action(server: Server) -> None:
    game = server.game
    for _ in range(12):
        offered = set(buttons(get(server.address + "page")))
        available = {a for a in game.info["available_actions"] if a.startswith("click[") and a != "click[search]"}
        assert offered == available
        choice = sorted(offered - {"click[buy now]", "click[back to search]"})[:1]
        window = post(server, "act", action=choice[0] if choice else "search[a]")
        assert 'role="alert"' not in window


def test_mistakes_are_shown_and_change_nothing(server: Server) -> None:
    before = get(server.address + "page")
    window = post(server, "act", action='click[<script>alert("x")</script>]')
    assert 'role="alert"' in window
    assert "<script" not in window
    assert row(window, "Step") == "1 of 15"
    assert get(server.address + "page") == before


def test_after_the_end_only_a_new_episode_goes_on(server: Server) -> None:
    for _ in range(15):
        window = post(server, "act", action="nonsense")
    assert "The episode is over." in window
    window = post(server, "act", action="search[a]")
    assert row(window, "Step") == "15 of 15"
    window = post(server, "new")
    assert row(window, "Step") == "0 of 15"


def test_a_family_without_a_page_shows_picture_and_text() -> None:
    class Plain(gymnasium.Env[Any, Any]):
        observation_space = spaces.Dict({"text": spaces.Text(20), "instruction": spaces.Text(20)})
        action_space = spaces.Text(20)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
            return {"text": "a <b> room", "instruction": "leave"}, {}

        def step(self, action: str) -> tuple[Any, float, bool, bool, Any]:
            return {"text": f"did {action}", "instruction": "leave"}, 0.5, True, False, {"success": True, "score": 0.5}

        def render(self) -> Any:
            return np.full((4, 6, 3), 200, np.uint8)

    with serve(Game(Plain(), "Plain")) as server:
        page = get(server.address + "page")
        assert "a &lt;b&gt; room" in page
        assert "data:image/png;base64,iVBOR" in page
        window = post(server, "act", action="open")
        assert float(row(window, "Return")) == 0.5
        assert "did open" in get(server.address + "page")


# ---------------------------------------------------------------------- the server's door


def status(server: Server, method: str, path: str, body: str | None = None, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None and "Content_Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders((body or "").encode())
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_only_this_machine_with_the_token_gets_in(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    path = f"/{server.token}/"
    assert status(server, "GET", path) == 200
    for wrong in ("/", "/page", f"/{server.token[:-1]}/", f"/{server.token}", "/" + "é" * 9 + "/"):
        assert status(server, "GET", urllib.request.quote(wrong)) == 404
    assert status(server, "GET", path + "nothing") == 404
    assert status(server, "GET", path, Host="evil.example") == 403
    assert status(server, "GET", path, Host=f"evil.example:{server.server_port}") == 403
    assert status(server, "DELETE", path) == 501


def test_forms_of_other_sites_are_refused(server: Server) -> None:
    act, body = f"/{server.token}/act", "action=search%5Ba%5D"
    assert status(server, "POST", act, body, Origin="https://evil.example") == 403
    assert status(server, "POST", act, body, Origin="null") == 403
    assert server.game.actions == []
    assert status(server, "POST", act, body, Origin=f"http://127.0.0.1:{server.server_port}") == 303
    assert server.game.actions == ["search[a]"]


def test_odd_forms_are_refused(server: Server) -> None:
    act = f"/{server.token}/act"
    assert status(server, "POST", act, "x=1") == 400
    assert status(server, "POST", act, "", Content_Length=str(MAX_FORM_BYTES + 1)) == 413
    assert status(server, "POST", act, "", Content_Length="-1") == 413
    assert status(server, "POST", act, "&".join(f"a{i}=1" for i in range(50))) == 400
    assert status(server, "POST", act, "action=%ff%00") == 303  # a wrong action, not a wrong form
    assert server.game.actions == ["\ufffd\x00"]


def test_pages_allow_no_script_and_no_foreign_address(server: Server) -> None:
    with urllib.request.urlopen(server.address, timeout=30) as answer:
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "form-action 'self'" in policy


# ---------------------------------------------------------------------- the command


def test_command_serves_until_ctrl_c() -> None:
    command = [
        sys.executable,
        "-u",
        "-m",
        "vlgym.play",
        "webshop",
        f"catalogue={CATALOGUE}",
        "--no-browser",
        "--seed",
        "3",
    ]
    # a runner started in the background leaves SIGINT ignored, and children inherit that
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", process.stdout.readline())
    assert found
    assert "WebShop" in get(found[0] + "page")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out.strip(), err) == (0, "Bye.", "")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["vlgym/WebShip-v0"], "Did you mean 'vlgym/WebShop-v0'?"),
        (["webshop", "catalog=synthetic:10"], "catalog"),
        (["webshop", "obs_mode=imagee"], "Unknown obs_mode 'imagee'"),
        (["webshop", f"catalogue={CATALOGUE}", "--task", "none"], "none"),
        (["webshop", "catalogue=/no/such/folder"], "/no/such/folder"),
    ],
)
def test_wrong_arguments_are_one_sentence(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*argv, "--no-browser"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("vlgym-play: ")
    assert words in message
    assert message.count("\n") == 1


@pytest.mark.parametrize("argv", [["webshop", "catalogue"], ["webshop", "--port", "70000"], []])
def test_wrong_command_lines_exit_with_usage(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_busy_port_is_one_sentence(server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(VlgymError, match=f"Port {port} is in use; choose another with --port"):
            Server(server.game, port)


# ---------------------------------------------------------------------- a person's browser


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_clicking_through_in_a_real_browser(width: int) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    task, actions, total = oracle_actions(seed=0)
    name, env = make_env("webshop", {"catalogue": CATALOGUE})
    with serve(Game(env, name, task=task, seed=0)) as server, playwright.sync_playwright() as api:
        try:
            executable = find_executable(api.chromium.executable_path)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        browser = api.chromium.launch(executable_path=executable)
        page = browser.new_page(viewport={"width": width, "height": 844})
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(server.address)
        frame = page.frame_locator("iframe")
        for number, action in enumerate(actions, 1):
            if action.startswith("search["):
                frame.locator("input[name=text]").fill(action[7:-1])
                frame.locator("input[name=text]").press("Enter")
            else:
                frame.locator(f'button[value="{action}"]').first.click()
            page.get_by_text(f"{number} of 15").wait_for()
        assert page.get_by_role("status").inner_text().startswith("Solved.")
        assert server.game.actions == actions
        assert server.game.total == total == 1.0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="New episode").click()
        page.get_by_text("0 of 15").wait_for()
        assert complaints == []
        browser.close()
    env.close()
