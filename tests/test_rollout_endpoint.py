"""An OpenAI-compatible endpoint as a policy, against a server of our own in a thread."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

import vlgym.rollout.endpoint as endpoint
from vlgym.rollout.cli import main
from vlgym.rollout.endpoint import Endpoint, EndpointOptions
from vlgym.rollout.episode import PolicyError, Request
from vlgym.rollout.policies import PolicySpec
from vlgym.rollout.workers import Job


class Stub(ThreadingHTTPServer):
    """Answers POSTs by `reply(number of the request, body) -> (status, headers, bytes)` and remembers them."""

    daemon_threads = True

    def __init__(self, reply: Callable[[int, dict[str, Any]], tuple[int, dict[str, str], bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hung up: that is what they are tested for."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((self.path, dict(self.headers), body))
            number = len(self.server.asked) - 1
        status, headers, data = self.server.reply(number, body)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def said(words: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps({"choices": [{"message": {"role": "assistant", "content": words}}]}).encode()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stub]]:
    monkeypatch.setattr(endpoint.time, "sleep", lambda seconds: slept.append(seconds))
    monkeypatch.delenv(endpoint.KEY, raising=False)
    slept.clear()
    started: list[Stub] = []

    def start(reply: Callable[..., Any]) -> Stub:
        started.append(Stub(reply))
        return started[-1]

    yield start
    for stub in started:
        stub.shutdown()
        stub.server_close()


slept: list[float] = []


@pytest.fixture(scope="module")
def desk() -> Iterator[Any]:
    env = Job("vlgym/Desk-v0", PolicySpec("oracle"), {"obs_mode": "both"}).make()
    yield env
    env.close()


def player(stub: Stub, desk: Any, **options: Any) -> Any:
    return Endpoint(stub.address, EndpointOptions("m", **options), desk).play(Request(0, "", 7))


def look(desk: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    observation, info = desk.reset(seed=1)
    return dict(observation), dict(info)


# ---------------------------------------------------------------- what is asked


def test_request_holds_grammar_instruction_text_and_picture(
    serve: Callable[..., Stub], desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    monkeypatch.setenv(endpoint.KEY, "secret")
    stub = serve(lambda number, body: said("wait()"))
    observation, info = look(desk)
    player(stub, desk, temperature=0.5, max_tokens=9)(observation, info)
    path, headers, body = stub.asked[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert {name: body[name] for name in ("model", "temperature", "max_tokens", "seed")} == {
        "model": "m", "temperature": 0.5, "max_tokens": 9, "seed": 7,
    }  # fmt: skip
    system, user = body["messages"]
    assert observation["instruction"] in system["content"]
    assert desk.unwrapped.action_help in system["content"]
    text, image = user["content"]
    assert text["text"] == observation["text"]
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), observation["image"])


def test_conversation_keeps_words_and_leaves_old_pictures_out(serve: Callable[..., Stub], desk: Any) -> None:
    stub = serve(lambda number, body: said(f"answer {number}"))
    act = player(stub, desk, history=2)
    observation, info = look(desk)
    for number in range(4):
        act({**observation, "text": f"page {number}"}, {**info, "error": "no such thing" if number == 3 else ""})
    messages = stub.asked[-1][2]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [message["content"] for message in messages[1:5]] == ["page 1", "answer 1", "page 2", "answer 2"]
    last = messages[5]["content"]
    assert last[0]["text"] == "Your last action was refused: no such thing\n\npage 3"
    assert "Authorization" not in stub.asked[-1][1]


@pytest.mark.parametrize(
    ("words", "action"),
    [
        ("tap(0.5, 0.25)", "tap(0.5, 0.25)"),
        ("I open the menu.\n\nAction: tap(0.1, 0.2)", "tap(0.1, 0.2)"),
        ("```\ntap(0.1, 0.2)\n```", "tap(0.1, 0.2)"),
        ("tap(0.1, 0.2)\nThat should do it.", "tap(0.1, 0.2)"),
        ("I do not know.", "I do not know."),
        ("", ""),
        ([{"type": "text", "text": "tap(0.3, "}, {"type": "text", "text": "0.4)"}], "tap(0.3, 0.4)"),
        (None, ""),
    ],
)
def test_action_is_the_last_line_that_parses(serve: Callable[..., Stub], desk: Any, words: Any, action: str) -> None:
    stub = serve(lambda number, body: said(words))
    assert player(stub, desk)(*look(desk)).action == action


# ---------------------------------------------------------------- what can go wrong


@pytest.mark.parametrize(
    ("failure", "pause"),
    [
        ((503, {}, b"busy"), 0.5),
        ((429, {"Retry-After": "3"}, b"slow down"), 3.0),
        ((429, {"Retry-After": "100000"}, b"slow down"), endpoint.MAX_PAUSE_S),
        ((200, {}, b"not json"), 0.5),
        ((200, {}, b"{}"), 0.5),
        ((200, {"Content-Length": "1000"}, b"{"), 0.5),
    ],
)
def test_passing_failures_are_tried_again(serve: Callable[..., Stub], desk: Any, failure: Any, pause: float) -> None:
    stub = serve(lambda number, body: failure if number == 0 else said("tap(0.1, 0.2)"))
    stub.RequestHandlerClass.protocol_version = "HTTP/1.0"
    assert player(stub, desk)(*look(desk)).action == "tap(0.1, 0.2)"
    assert slept == [pause]
    assert len(stub.asked) == 2


def test_a_silent_server_is_given_up_after_its_time(serve: Callable[..., Stub], desk: Any) -> None:
    release = threading.Event()
    stub = serve(lambda number, body: (release.wait(20), said("x"))[1])
    with pytest.raises(PolicyError, match="no answer in 2 attempts; the last said: timed out"):
        player(stub, desk, timeout=0.3, retries=1)(*look(desk))
    release.set()
    assert slept == [0.5]


def test_a_refusal_is_not_tried_again(serve: Callable[..., Stub], desk: Any) -> None:
    stub = serve(lambda number, body: (404, {}, b'{"error": "no model m"}'))
    with pytest.raises(PolicyError, match=r"refuses the request: HTTP 404 .*no model m"):
        player(stub, desk)(*look(desk))
    assert len(stub.asked) == 1


def test_nobody_listens(desk: Any, serve: Callable[..., Stub]) -> None:
    act = Endpoint("http://127.0.0.1:9/v1", EndpointOptions("m", retries=3), desk).play(Request(0, "", 1))
    with pytest.raises(PolicyError, match=r"no answer in 4 attempts.*refused"):
        act(*look(desk))
    assert slept == [0.5, 1.0, 2.0]


# ---------------------------------------------------------------- the whole command


def test_rollout_with_an_endpoint(serve: Callable[..., Stub], capsys: pytest.CaptureFixture[str]) -> None:
    stub = serve(lambda number, body: said("I tap.\ntap(0.5, 0.5)"))
    words = ["--env", "desk-short", "--episodes", "3", "--workers", "2", "--set", "env.max_steps=4", "--model", "m"]
    assert main([*words, "--policy", stub.address]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["steps"] for line in found[:-1]] == [4, 4, 4]
    assert len(stub.asked) == found[-1]["steps"] == 12
    assert found[-1]["invalid_rate"] == 0.0


def test_rollout_whose_endpoint_refuses(serve: Callable[..., Stub], capsys: pytest.CaptureFixture[str]) -> None:
    stub = serve(lambda number, body: (401, {}, b"wrong key"))
    assert main(["--env", "desk-short", "--policy", stub.address, "--model", "m"]) == 1
    out, err = capsys.readouterr()
    assert "HTTP 401 wrong key" in err
    assert json.loads(out.splitlines()[-1])["stopped"] in err
