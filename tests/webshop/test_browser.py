"""The shared browser: right pixels, the same pixels, no network, no orphan, and a way back after every failure."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import vlgym.core.browser as module
from vlgym.core.browser import Browser, find_executable
from vlgym.core.errors import BackendError, MissingDependencyError

pytestmark = pytest.mark.browser
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
TEXT_PAGE = "<!doctype html><style>body{font:13px sans-serif}</style><h1>Shop</h1><p>Long sleeve, 100% cotton — £5</p>"


def flat(red: int, green: int, blue: int) -> str:
    return f"<!doctype html><body style='margin:0;background:rgb({red},{green},{blue})'></body>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(cache_bytes=0) as made:
        try:
            made.screenshot("warm-up", 64, 64)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        yield made


def alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found, todo = set(), [pid]
    while todo:
        todo += (new := [child for child in children.get(todo.pop(), []) if child not in found])
        found.update(new)
    return found


def gone(pids: set[int], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# ---------------------------------------------------------------------- pixels


def test_pixels_are_the_page_in_rgb(browser: Browser) -> None:
    image = browser.screenshot(flat(10, 200, 30), 120, 80)
    assert image.shape == (80, 120, 3)
    assert image.dtype == np.uint8
    assert (image == (10, 200, 30)).all()


def test_scroll_moves_the_page(browser: Browser) -> None:
    page = (
        "<body style='margin:0'><div style='height:50px;background:red'></div><div style='height:99px;background:blue'>"
    )
    assert (browser.screenshot(page, 60, 50) == (255, 0, 0)).all()
    assert (browser.screenshot(page, 60, 50, scroll=50) == (0, 0, 255)).all()
    assert (browser.screenshot(page, 60, 50) == (255, 0, 0)).all()


def test_embedded_picture_is_in_the_first_shot(browser: Browser) -> None:
    red_dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
    page = f"<body style='margin:0'><img width=40 height=40 src='data:image/png;base64,{red_dot}'>"
    assert (browser.screenshot(page, 40, 40)[5:35, 5:35] == (255, 0, 0)).all()


def test_every_shot_shows_its_own_page(browser: Browser) -> None:
    for i in range(60):
        assert (browser.screenshot(flat(i, 4 * i, 255 - i), 50, 40) == (i, 4 * i, 255 - i)).all()


def test_same_page_same_bytes_here_and_in_another_process(browser: Browser) -> None:
    first = browser.screenshot(TEXT_PAGE, 320, 200).tobytes()
    browser.screenshot("<h1>another</h1>", 200, 320)
    assert browser.screenshot(TEXT_PAGE, 320, 200).tobytes() == first
    code = (
        "import hashlib, sys; from vlgym.core.browser import screenshot;"
        "print(hashlib.sha256(screenshot(sys.argv[1], 320, 200).tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code, TEXT_PAGE], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(first).hexdigest()


def test_animation_and_caret_stand_still(browser: Browser) -> None:
    page = (
        "<style>@keyframes k{from{background:red}to{background:blue}}div{height:50px;animation:k .2s infinite}</style>"
        "<div></div><input autofocus value=x>"
    )
    shots = set()
    for _ in range(4):
        shots.add(browser.screenshot(page, 80, 90).tobytes())
        time.sleep(0.15)
    assert len(shots) == 1


@pytest.mark.parametrize("text", ["\ud800 lone surrogate", "nul \x00 byte", "<p>" + "x" * 1_000_000, ""])
def test_odd_text_is_drawn(browser: Browser, text: str) -> None:
    assert browser.screenshot(text, 64, 48).shape == (48, 64, 3)


@pytest.mark.parametrize(("width", "height", "scroll"), [(0, 10, 0), (10, 9000, 0), (10, 10, -1)])
def test_bad_sizes_are_refused(browser: Browser, width: int, height: int, scroll: int) -> None:
    with pytest.raises(ValueError, match="got"):
        browser.screenshot("x", width, height, scroll=scroll)


def test_cache_returns_copies_and_stays_small() -> None:
    with Browser(cache_bytes=3 * 40 * 40 * 3) as small:
        first = small.screenshot(flat(1, 2, 3), 40, 40)
        first[:] = 0
        assert (small.screenshot(flat(1, 2, 3), 40, 40) == (1, 2, 3)).all()
        assert small.drawn == 1
        for i in range(5):
            small.screenshot(flat(i, i, i), 40, 40)
        small.screenshot(flat(1, 2, 3), 40, 40)
        assert small.drawn == 7  # the first page had been dropped
        assert sum(image.nbytes for image in small._cache.values()) <= small.cache_bytes


@pytest.mark.skipif(not any(map(module.shutil.which, ("chromium", "google-chrome"))), reason="no full Chromium here")
def test_full_chromium_draws_the_same_page_its_own_way(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    full = next(filter(None, map(module.shutil.which, ("chromium", "google-chrome"))))
    monkeypatch.setenv(module.ENV_EXECUTABLE, full)
    with Browser(cache_bytes=0) as other:
        for i in range(20):
            assert (other.screenshot(flat(i, 9 * i, 7), 50, 40) == (i, 9 * i, 7)).all()
        image = other.screenshot(TEXT_PAGE, 320, 200)
        assert (other.screenshot(TEXT_PAGE, 320, 200) == image).all()
    difference = np.abs(image.astype(int) - browser.screenshot(TEXT_PAGE, 320, 200))
    assert difference.mean() < 3


# ---------------------------------------------------------------------- where it may be called from


def test_threads_get_their_own_pages(browser: Browser) -> None:
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(lambda i: browser.screenshot(flat(i, i, i), 40, 40), range(40)))
    assert all((image == i).all() for i, image in enumerate(images))


def test_inside_a_running_event_loop(browser: Browser) -> None:
    async def draw() -> bool:
        here = browser.screenshot(flat(1, 1, 1), 40, 40)
        there = await asyncio.gather(*(asyncio.to_thread(browser.screenshot, flat(i, i, i), 40, 40) for i in range(4)))
        return bool((here == 1).all()) and all((image == i).all() for i, image in enumerate(there))

    assert asyncio.run(draw())


def _draw_in_child(browser: Browser, parent: int | None, results: multiprocessing.Queue) -> None:
    image = browser.screenshot(flat(7, 8, 9), 40, 40)
    results.put((bool((image == (7, 8, 9)).all()), browser.pid not in (None, parent)))


@LINUX
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's own warning about forking with threads
def test_a_forked_child_has_its_own_browser(browser: Browser) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    before = browser.pid
    child = context.Process(target=_draw_in_child, args=(browser, before, results))
    child.start()
    assert results.get(timeout=60) == (True, True)
    child.join(30)
    assert child.exitcode == 0
    assert browser.pid == before
    assert (browser.screenshot(flat(4, 5, 6), 40, 40) == (4, 5, 6)).all()


def test_importing_starts_and_loads_nothing() -> None:
    code = "import sys, vlgym.core.browser, vlgym.webshop.html; print({'playwright', 'cv2'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


# ---------------------------------------------------------------------- the network


class _Listener(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.server.seen.append(self.client_address)  # type: ignore[attr-defined]


def test_nothing_in_a_page_reaches_the_network(browser: Browser) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Listener) as server:
        server.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        for host in ("127.0.0.1", "localhost", "shop.example", "[::ffff:127.0.0.1]"):
            url = f"http://{host}:{port}"
            page = (
                f"<link rel=preconnect href='{url}'><link rel=stylesheet href='{url}/a'><style>@import '{url}/b';"
                f"body{{background:url({url}/c.png)}}@font-face{{font-family:f;src:url({url}/f)}}p{{font-family:f}}</style>"
                f"<script>new Image().src='{url}/js'</script><img src='{url}/d.png'><iframe src='{url}/e'></iframe>"
                f"<video src='{url}/v' autoplay></video><object data='{url}/o'></object><p>text"
            )
            assert browser.screenshot(page, 64, 64).shape == (64, 64, 3)
        refresh = f"<meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/r'><p>text"
        browser.screenshot(refresh, 64, 64)
        for i in range(20):  # a hostile page does not spoil the next ones
            assert (browser.screenshot(flat(i, 0, 0), 40, 40) == (i, 0, 0)).all()
        server.shutdown()
        assert server.seen == []  # type: ignore[attr-defined]


def test_scripts_do_not_run(browser: Browser) -> None:
    page = flat(0, 255, 0) + "<script>document.body.style.background='red'</script>"
    assert (browser.screenshot(page, 40, 40) == (0, 255, 0)).all()


# ---------------------------------------------------------------------- failures


def test_killed_browser_is_reported_once_and_replaced(browser: Browser) -> None:
    assert browser.pid is not None
    os.kill(browser.pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="killed or crashed; the next call starts a new one"):
        browser.screenshot("x", 40, 40)
    assert (browser.screenshot(flat(3, 2, 1), 40, 40) == (3, 2, 1)).all()


@LINUX
def test_killed_page_process_is_reported_at_once(browser: Browser) -> None:
    browser.screenshot("warm", 40, 40)
    assert browser.pid is not None
    renderers = [p for p in descendants(browser.pid) if b"--type=renderer" in Path(f"/proc/{p}/cmdline").read_bytes()]
    assert renderers
    for pid in renderers:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="starts a new one"):
        browser.screenshot("x", 40, 40)
    assert (browser.screenshot(flat(3, 2, 1), 40, 40) == (3, 2, 1)).all()


@LINUX
def test_frozen_browser_misses_its_deadline_and_is_stopped() -> None:
    with Browser(deadline=30.0) as frozen:
        frozen.screenshot("x", 40, 40)
        pid = frozen.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        frozen.deadline = 0.5
        with pytest.raises(BackendError, match=r"within 0\.5 s and was stopped"):
            frozen.screenshot("y", 40, 40)
        assert gone({pid})
        frozen.deadline = 30.0
        assert (frozen.screenshot(flat(1, 1, 1), 40, 40) == 1).all()


def test_environment_survives_a_browser_killed_mid_episode() -> None:
    env = gymnasium.make("vlgym/WebShop-v0", obs_mode="image")
    env.reset(seed=0)
    pid = module.shared_browser().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    observation, reward, terminated, truncated, info = env.step("search[lamp]")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert "killed" in info["env_error"]
    assert not observation["image"].any()
    observation, info = env.reset(seed=0)
    assert info["env_error"] == ""
    assert observation["image"].any()
    env.close()
    module.shared_browser().close()


_ORPHAN = """
import os, sys, time
from vlgym.core.browser import screenshot, shared_browser
screenshot("x", 40, 40)
if sys.argv[1] == "fork" and os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print(shared_browser().pid, flush=True)
sys.stdin.readline()
if sys.argv[1] == "raise":
    raise RuntimeError("on purpose")
"""


@LINUX
@pytest.mark.parametrize("ending", ["return", "raise", "kill", "fork"])
def test_no_process_outlives_its_python(ending: str) -> None:
    """`fork`: the parent is killed while a child that inherited its pipes lives on."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _ORPHAN, ending],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    chromium = int(parent.stdout.readline())
    started = descendants(parent.pid)
    assert chromium in started
    command = Path(f"/proc/{parent.pid}/cmdline").read_bytes()
    forked = {pid for pid in started if Path(f"/proc/{pid}/cmdline").read_bytes() == command}
    try:
        if ending in ("kill", "fork"):
            parent.kill()
        else:
            parent.stdin.write("\n")
            parent.stdin.flush()
        parent.wait(30)
        assert gone(started - forked)
        assert bool(forked) == (ending == "fork")
    finally:
        for pid in started:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        parent.stdin.close()
        parent.stdout.close()


# ---------------------------------------------------------------------- nothing installed


def test_no_browser_installed_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(module.ENV_EXECUTABLE, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_MAC_APPS", ())
    with Browser() as nowhere, pytest.raises(MissingDependencyError) as caught:
        nowhere.screenshot("x", 40, 40)
    message = str(caught.value)
    assert "playwright install chromium" in message
    assert "apt-get install chromium" in message
    assert "\n" not in message


def test_wrong_executable_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(module.ENV_EXECUTABLE, str(tmp_path / "none"))
    with pytest.raises(MissingDependencyError, match="is not an executable file"):
        find_executable()
    broken = tmp_path / "chromium-headless-shell"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(module.ENV_EXECUTABLE, str(broken))
    with Browser() as wrong, pytest.raises(BackendError, match="did not start"):
        wrong.screenshot("x", 40, 40)


def test_executables_are_found_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def program(path: Path) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    monkeypatch.delenv(module.ENV_EXECUTABLE, raising=False)
    on_path = program(tmp_path / "bin" / "chromium")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    chrome = tmp_path / "browsers" / "chromium-1200" / "chrome-linux" / "chrome"
    assert find_executable(str(chrome)) == on_path
    shell_on_path = program(tmp_path / "bin" / "chromium-headless-shell")
    assert find_executable(str(chrome)) == shell_on_path
    program(chrome)
    assert find_executable(str(chrome)) == str(chrome)
    shell = program(tmp_path / "browsers" / "chromium_headless_shell-1200" / "chrome-linux" / "headless_shell")
    assert find_executable(str(chrome)) == shell
    monkeypatch.setenv(module.ENV_EXECUTABLE, on_path)
    assert find_executable(str(chrome)) == on_path


def test_missing_playwright_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with Browser() as nothing, pytest.raises(MissingDependencyError, match=r'pip install "vlgym\[web\]"'):
        nothing.screenshot("x", 40, 40)
