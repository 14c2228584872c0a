"""`vlgym-play`: a person plays an environment in their own browser, against the very session and reward an agent has.

A small server on 127.0.0.1 shows the environment's own page (`play_html()` of the unwrapped environment, where the
family has one; otherwise its picture and text) beside instruction, steps and reward. What is clicked or typed becomes
action text and goes through `env.step`, nothing else does. The address carries a random token, and requests under
another host name or from another site are refused.

The form a family's page posts to "act" holds either `action` (an action text) or `template` and `text` (`text` replaces
the "{}" of the template, as in ``search[{}]``); a link opens outside its frame with ``target="_top"``. A page may bring
a script, the attribute `play_script` of the unwrapped environment: the browser is told to run that text and no other.

Source: ours.
"""

from __future__ import annotations

import argparse
import base64
import errno
import hashlib
import json
import secrets
import struct
import sys
import threading
import webbrowser
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gymnasium as gym
import numpy as np

from vlgym.core.errors import VlgymError, did_you_mean
from vlgym.registry import ENVS

MAX_FORM_BYTES = 64 << 10
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # not "no-referrer": forms would then lose their Origin
    "X-Content-Type-Options": "nosniff",
}


class Game:
    """One environment played by one person: the state behind the pages.

    Args:
        env: the environment, text actions.
        name: its id, shown in the side bar.
        task: task id of every episode, or None to draw one.
        seed: seed of the first episode; later ones continue its stream.
    """

    def __init__(self, env: gym.Env[Any, Any], name: str, *, task: str | None = None, seed: int | None = None) -> None:
        self.env, self.name, self.task, self.seed = env, name, task, seed
        self.lock = threading.Lock()  # the browser may send two requests at once, the environment takes one
        self.actions: list[str] = []
        self.reward = 0.0
        self.total = 0.0
        self.over = False
        self.notice = ""
        self.restart()

    def restart(self) -> None:
        """Start a new episode."""
        options = {"task": self.task} if self.task is not None else None
        self.observation, self.info = self.env.reset(seed=self.seed, options=options)
        self.seed = None
        self.actions, self.reward, self.total, self.over, self.notice = [], 0.0, 0.0, False, ""

    def act(self, action: str) -> None:
        """Apply an action text exactly as an agent's would be."""
        if self.over:
            self.notice = "The episode is over; start a new one."
            return
        self.observation, reward, terminated, truncated, self.info = self.env.step(action)
        self.actions.append(action)
        self.reward = float(reward)
        self.total += self.reward
        self.over = bool(terminated or truncated)
        self.notice = self.info.get("env_error") or self.info.get("error") or ""

    # ------------------------------------------------------------------ pages

    def page(self) -> str:
        """Return the environment's current page as an HTML document."""
        hook = getattr(self.env.unwrapped, "play_html", None)
        if hook is not None:
            return str(hook())
        parts = [f"<p><b>{escape(self._instruction())}</b></p>"]
        frame = self.env.render()
        if frame is None and isinstance(self.observation, Mapping):
            frame = self.observation.get("image")
        if isinstance(frame, np.ndarray):
            data = base64.b64encode(png(frame)).decode()
            parts.append(f'<img alt="current view" style="max-width:100%" src="data:image/png;base64,{data}">')
        text = self.observation.get("text", "") if isinstance(self.observation, Mapping) else self.observation
        if isinstance(text, str) and text:
            parts.append(f"<pre>{escape(text)}</pre>")
        return _document("page", f'<div style="padding:16px;overflow:auto;flex:1">{"".join(parts)}</div>')

    def board(self) -> str:
        """Return the whole window: side bar and frame."""
        steps = len(self.actions)
        limit = getattr(self.env.unwrapped, "max_steps", None)
        rows = {
            "Step": f"{steps} of {limit}" if limit else str(steps),
            "Last action": f"<code>{escape(self.actions[-1])}</code>" if self.actions else "–",
            "Reward": f"{self.reward:g}",
            "Return": f"{self.total:g}",
        }
        bar = f'<h1>{escape(self.name)}</h1><p class="task">task {escape(str(self.info.get("task", "")))}</p>'
        bar += f'<h2>Instruction</h2><p class="goal">{escape(self._instruction())}</p><h2>Episode</h2>{_list(rows)}'
        if self.notice:
            bar += f'<p class="bad" role="alert">{escape(self.notice)}</p>'
        if self.over:
            bar += self._verdict()
        else:
            bar += '<h2>Type an action</h2><form method="post" action="act"><input name="action" aria-label="Action" '
            bar += f'placeholder="{escape(self._hint())}" required autocomplete="off"><button>Do</button></form>'
        bar += '<form method="post" action="new"><button class="main">New episode</button></form>'
        if self.actions:
            items = "".join(f"<li><code>{escape(action)}</code></li>" for action in self.actions)
            bar += f"<details><summary>Actions so far</summary><ol>{items}</ol></details>"
        words = getattr(self.env.unwrapped, "action_help", "")
        bar += f"<details><summary>Action grammar</summary><p>{escape(str(words))}</p></details>" if words else ""
        return _document(
            self.name, f'<aside>{bar}</aside><iframe title="page" src="page?{secrets.token_hex(4)}"></iframe>'
        )

    def _verdict(self) -> str:
        """Return how the episode ended, with the parts of the reward."""
        success = bool(self.info.get("success"))
        words = "Solved." if success else "The episode is over."
        css = "good" if success else "bad"
        parts = {name: f"{value:g}" for name, value in dict(self.info.get("reward_parts") or {}).items()}
        table = f"<h2>Parts of the reward</h2>{_list(parts)}" if parts else ""
        return f'<p class="{css}" role="status">{words} Score {float(self.info.get("score", 0.0)):g}</p>{table}'

    def _instruction(self) -> str:
        observed = self.observation.get("instruction", "") if isinstance(self.observation, Mapping) else ""
        return str(observed)

    def _hint(self) -> str:
        grammar = getattr(self.env.unwrapped, "grammar", None)
        return " or ".join(f"{verb}…" for verb in getattr(grammar, "verbs", ()))[:60] or "action"


class Server(ThreadingHTTPServer):
    """The server of one game; `address` is what to open.

    Raises:
        VlgymError: the port is taken or not allowed.
    """

    daemon_threads = True

    def __init__(self, game: Game, port: int = 0) -> None:
        self.game = game
        self.token = secrets.token_urlsafe(16)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise VlgymError(f"Port {port} is in use; choose another with --port, or leave it out.") from error
            raise VlgymError(
                f"Port {port} cannot be opened ({error.strerror}); choose one from 1024 to 65535."
            ) from error
        self.hosts = {f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    """GET "" (the window) and "page" (the frame); POST "act" and "new", both answered by a redirect to the window."""

    server: Server
    server_version = "vlgym-play"
    sys_version = ""
    timeout = 60  # seconds a silent connection may hold a thread

    def do_GET(self) -> None:
        name = self._name()
        game = self.server.game
        if name == "":
            with game.lock:
                self._send(game.board())
        elif name == "page":
            with game.lock:
                self._send(game.page(), script=getattr(game.env.unwrapped, "play_script", ""))
        elif name is not None:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        name = self._name()
        if name is None:
            return
        form = self._form()
        if form is None:
            return
        game = self.server.game
        action = form.get("action")
        if name == "act" and action is None and "text" in form:
            action = form.get("template", "{}").replace("{}", form["text"], 1)
        with game.lock:
            if name == "new":
                game.restart()
            elif name == "act" and action is not None:
                game.act(action)
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, "A form needs the field action, or template and text.")
                return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/{self.server.token}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _name(self) -> str | None:
        """Return the page asked for, or refuse the request and return None."""
        origin = self.headers.get("Origin")
        own = origin is None or urlsplit(origin).netloc in self.server.hosts
        if self.headers.get("Host") not in self.server.hosts or not own:
            self._refuse(HTTPStatus.FORBIDDEN, "This server answers only the pages it made.")
            return None
        token, slash, name = urlsplit(self.path).path.lstrip("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND, "Open the whole address that vlgym-play printed.")
            return None
        return name

    def _form(self) -> dict[str, str] | None:
        """Return the posted fields, or refuse the request and return None."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_FORM_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A form may have at most {MAX_FORM_BYTES} bytes.")
            return None
        body = self.rfile.read(int(length)).decode("utf-8", "replace")
        return {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}

    def _send(self, text: str, status: HTTPStatus = HTTPStatus.OK, script: str = "") -> None:
        data = text.encode("utf-8", "replace")
        headers = dict(_HEADERS)
        if script:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            headers["Content-Security-Policy"] += f"; script-src 'sha256-{digest}'"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self.close_connection = True
        self._send(_document("vlgym-play", f'<p style="padding:16px">{escape(sentence)}</p>'), status)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal quiet: the window shows what happens."""


@lru_cache(maxsize=1)
def _style() -> str:
    return resources.files("vlgym").joinpath("play.css").read_text(encoding="utf-8")


def _document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{_style()}</style></head><body>{body}</body></html>"
    )


def _list(rows: Mapping[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows.items())}</dl>"


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return uint8 [H, W, 3] as a PNG file, without an imaging package."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # a filter byte before each row
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def make_env(name: str, options: Mapping[str, Any]) -> tuple[str, gym.Env[Any, Any]]:
    """Return (id, environment) of an id, with or without "vlgym/", or of a registered tag.

    Raises:
        VlgymError: no such environment, or it does not take these options.
    """
    rows = {key: row for row in ENVS for key in (row.id, row.name, *row.tags)}
    if name not in rows:
        ids = [row.id for row in ENVS]
        raise VlgymError(f"Unknown environment {name!r}; known: {', '.join(ids)}.{did_you_mean(name, rows)}")
    chosen = rows[name].id
    try:
        env = gym.make(chosen, disable_env_checker=True, **options)
        modes = env.metadata.get("render_modes", ())
        if not hasattr(env.unwrapped, "play_html") and "rgb_array" in modes and "render_mode" not in options:
            env.close()
            env = gym.make(chosen, disable_env_checker=True, render_mode="rgb_array", **options)
    except (TypeError, ValueError) as error:
        raise VlgymError(f"{chosen} does not take these options: {error}") from error
    return chosen, env


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is no option; write key=value, for example catalogue=synthetic:100")
    try:
        return name, json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except ValueError:
        return name, value


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vlgym-play", description="Play an environment in your own browser.")
    parser.add_argument("env", help="environment id, for example vlgym/WebShop-v0")
    parser.add_argument("options", nargs="*", type=_option, metavar="key=value", help="options of gymnasium.make")
    parser.add_argument("--task", help="task id; without it one is drawn")
    parser.add_argument("--seed", type=int, help="seed of the first episode")
    parser.add_argument("--port", type=int, default=0, help="port of the local server; without it a free one")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    arguments = parser.parse_intermixed_args(argv)
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port must be from 0 to 65535, got {arguments.port}")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run `vlgym-play`; return the exit status."""
    arguments = _arguments(argv)
    env: gym.Env[Any, Any] | None = None
    try:
        name, env = make_env(arguments.env, dict(arguments.options))
        game = Game(env, name, task=arguments.task, seed=arguments.seed)
        with Server(game, arguments.port) as server:
            print(f"Play at {server.address} (Ctrl-C ends).", flush=True)
            if not arguments.no_browser:
                webbrowser.open(server.address)
            server.serve_forever()
    except VlgymError as error:
        print(f"vlgym-play: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nBye.")
    finally:
        if env is not None:
            env.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
