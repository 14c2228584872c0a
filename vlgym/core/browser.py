"""Draws HTML to pixels in a real Chromium: one lazily started browser per process, shared by all its environments.

The browser lives on a thread of its own with its own event loop, so `screenshot` may be called from any thread, from
inside a running asyncio loop and after a fork (the child starts a browser of its own). Nothing sleeps: the page is set,
Chromium confirms it, and one frame is asked for. `chromium-headless-shell` is drawn frame by frame (begin-frame
control, a third cheaper and without waiting for a 60 Hz tick), every other Chromium by `Page.captureScreenshot`.

Pages may not run scripts and may not reach the network: every host name and address is mapped to nowhere and the
browser context is offline. Equal arguments give equal bytes for one Chromium version and one set of fonts.

Source: ours; the DevTools protocol's HeadlessExperimental, Page and Emulation domains through Playwright.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import shutil
import signal
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import BackendError, MissingDependencyError, VlgymError, require

Pixels = NDArray[np.uint8]
_T = TypeVar("_T")

ENV_EXECUTABLE = "VLGYM_CHROMIUM"
"""Environment variable naming the Chromium executable to use before any other."""

ENV_SANDBOX = "VLGYM_CHROMIUM_SANDBOX"  # "1": with Chromium's own sandbox, which needs user namespaces

MAX_SIDE = 8192  # Chromium's largest surface on the software path
_PURPOSE = "Drawing pages to pixels"
_ON_PATH = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "headless_shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
_MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_FLAGS = (
    "--disable-gpu",
    "--disable-lcd-text",  # sub-pixel colours depend on how the page was layered
    "--disable-font-subpixel-positioning",
    "--font-render-hinting=none",
    "--force-device-scale-factor=1",
    "--disable-smooth-scrolling",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # also catches addresses written as numbers
    "--disable-background-networking",
    "--disable-component-update",
)
_BEGIN_FRAME_FLAGS = (
    "--enable-begin-frame-control",
    "--run-all-compositor-stages-before-draw",
    "--disable-checker-imaging",
)
_DIED = "was killed or crashed"
_START_S = 60.0
_STOP_S = 5.0
_MAX_FRAMES = 60  # the first frames of a fresh target may come without a picture


def find_executable(playwright_chrome: str | None = None) -> str:
    """Return the Chromium to run: $VLGYM_CHROMIUM, Playwright's own browser, then the PATH, then macOS applications.

    Args:
        playwright_chrome: where Playwright would keep its full Chromium (`BrowserType.executable_path`).

    Raises:
        MissingDependencyError: there is none, or $VLGYM_CHROMIUM names no executable file.
    """
    chosen = os.environ.get(ENV_EXECUTABLE)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise MissingDependencyError(f"{ENV_EXECUTABLE}={chosen!r} is not an executable file: correct or unset it.")
        return found
    if playwright_chrome:
        chrome = Path(playwright_chrome)
        root = next((p for p in chrome.parents if p.name.startswith("chromium-")), None)
        if root is not None:  # its lighter sibling <browsers>/chromium_headless_shell-<rev>/<platform>/<binary>
            shells = sorted(root.parent.glob(f"chromium_headless_shell-{root.name.removeprefix('chromium-')}/*/*"))
            for shell in shells:
                if shell.name.removesuffix(".exe") in _ON_PATH and os.access(shell, os.X_OK):
                    return str(shell)
        if chrome.is_file():
            return str(chrome)
    for name in (*_ON_PATH, *_MAC_APPS):
        found = shutil.which(name)
        if found is not None:
            return found
    raise MissingDependencyError(
        f"{_PURPOSE} needs a Chromium browser and none was found: run `playwright install chromium`, or "
        "`apt-get install chromium-headless-shell` (Debian; on Ubuntu the package is `chromium-browser`), "
        f"or set {ENV_EXECUTABLE} to an executable."
    )


def _can_begin_frame(executable: str) -> bool:
    """Begin-frame control exists only in the old headless mode, that is in the headless shell, and not on macOS."""
    return "headless" in Path(executable).name and sys.platform != "darwin"


class _Loop(asyncio.ProactorEventLoop if sys.platform == "win32" else asyncio.SelectorEventLoop):  # type: ignore[misc]
    """An event loop that remembers the subprocess it started last: Playwright's driver, which has no public handle."""

    driver: asyncio.SubprocessTransport | None = None

    async def subprocess_exec(self, factory: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("start_new_session", True)  # a Ctrl-C in the terminal is for Python, not for the driver
        self.driver, protocol = await super().subprocess_exec(factory, *args, **kwargs)
        return self.driver, protocol

    def driver_pipe(self) -> int | None:
        """Return the file descriptor whose closing ends Playwright's driver and with it the browser."""
        with contextlib.suppress(AttributeError, ValueError, OSError):
            return int(self.driver.get_pipe_transport(0).get_extra_info("pipe").fileno())  # type: ignore[union-attr]
        return None


class _Session:
    """One running browser with one page; lives entirely on the event loop of `_Worker`."""

    def __init__(self, playwright: Any) -> None:
        self.playwright = playwright
        loop = asyncio.get_running_loop()
        assert isinstance(loop, _Loop)
        self._driver_pid = loop.driver.get_pid() if loop.driver is not None else None
        self.browser: Any = None
        self.failed: asyncio.Future[str] = loop.create_future()
        self._page: Any = None  # CDP session of the page
        self._frame = ""
        self._size = (0, 0)
        self._scroll = 0
        self._begin_frame = False
        self.browser_pid: int | None = None

    @classmethod
    async def start(cls, deadline: float) -> _Session:
        """Launch Chromium; raises MissingDependencyError or BackendError with one sentence."""
        api = require("playwright.async_api", extra="web", purpose=_PURPOSE)
        session = cls(await api.async_playwright().start())
        try:
            executable = find_executable(session.playwright.chromium.executable_path)
            await asyncio.wait_for(session._launch(executable), deadline)
        except BaseException as error:
            await session.stop(kill=True)
            if isinstance(error, api.Error):
                raise _launch_error(str(error)) from error
            if isinstance(error, asyncio.TimeoutError):
                raise _launch_error(f"no answer within {deadline:g} s") from error
            raise
        return session

    async def _launch(self, executable: str) -> None:
        self._begin_frame = _can_begin_frame(executable)
        flags = _FLAGS + (_BEGIN_FRAME_FLAGS if self._begin_frame else ())
        self.browser = await self.playwright.chromium.launch(
            executable_path=executable,
            args=list(flags),
            chromium_sandbox=os.environ.get(ENV_SANDBOX) == "1",
            handle_sigint=False,  # Ctrl-C belongs to the program, which may want one more picture
            handle_sigterm=False,
            handle_sighup=False,
        )
        self.browser.on("disconnected", lambda *_: self._fail(_DIED))
        control = await self.browser.new_browser_cdp_session()
        processes = (await control.send("SystemInfo.getProcessInfo")).get("processInfo", ())
        self.browser_pid = next((int(p["id"]) for p in processes if p["type"] == "browser"), None)
        context = await self.browser.new_context(
            no_viewport=True, offline=True, java_script_enabled=False, reduced_motion="reduce"
        )
        page = await (self._open_target(control, context) if self._begin_frame else context.new_page())
        page.on("crash", lambda *_: self._fail("lost the process that draws the page"))
        self._page = await context.new_cdp_session(page)
        await self._page.send("Animation.enable")
        await self._page.send("Animation.setPlaybackRate", {"playbackRate": 0})
        self._frame = (await self._page.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        # A document honours autofocus once in its life: spent here, so that no page looks different as the first one.
        await self.draw("<input autofocus>", 64, 64, 0)

    async def _open_target(self, control: Any, context: Any) -> Any:
        """Open a page whose frames are drawn only on demand; Playwright adopts it like any page."""
        ids = (await control.send("Target.getBrowserContexts"))["browserContextIds"]
        async with context.expect_page() as opened:
            await control.send(
                "Target.createTarget",
                {"url": "about:blank", "browserContextId": ids[-1], "enableBeginFrameControl": True},
            )
        return await opened.value

    def _fail(self, what: str) -> None:
        if not self.failed.done():
            self.failed.set_result(what)

    async def draw(self, html: str, width: int, height: int, scroll: int) -> bytes:
        """Return the PNG of the page."""
        page = self._page
        if self._size != (width, height):
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            await page.send("Emulation.setDeviceMetricsOverride", size)
            self._size = (width, height)
        # Awaited before the frame is asked for: a frame issued concurrently may show the page half replaced.
        await page.send("Page.setDocumentContent", {"frameId": self._frame, "html": html})
        if scroll or self._scroll:  # the new document starts where the old one was scrolled to
            await page.send("Runtime.evaluate", {"expression": f"scrollTo(0, {scroll})"})
            self._scroll = scroll
        if "<img" in html or "url(" in html:
            await self._loaded()
        if not self._begin_frame:
            shot = await page.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True})
            return base64.b64decode(shot["data"])
        options = {"screenshot": {"format": "png", "optimizeForSpeed": True}}
        for _ in range(_MAX_FRAMES):
            frame = await page.send("HeadlessExperimental.beginFrame", options)
            if "screenshotData" in frame:
                return base64.b64decode(frame["screenshotData"])
        raise BackendError(f"The browser drew {_MAX_FRAMES} frames without a picture; the next call starts a new one.")

    async def _loaded(self) -> None:
        """Return when embedded pictures are in: mostly at the first look, `data:` loads in the page's own task."""
        while True:
            state = await self._page.send("Runtime.evaluate", {"expression": "document.readyState"})
            if state["result"].get("value") == "complete":
                return
            if self._begin_frame:
                await self._page.send("HeadlessExperimental.beginFrame", {})

    async def guard(self, work: Coroutine[Any, Any, _T], deadline: float) -> _T:
        """Await `work`, turning a dead browser, a protocol error or a missed deadline into BackendError."""
        task = asyncio.ensure_future(work)
        pending: set[asyncio.Future[Any]] = {task, self.failed}
        await asyncio.wait(pending, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and not task.cancelled() and task.exception() is None:
            return task.result()
        task.cancel()
        error = task.exception() if task.done() and not task.cancelled() else None
        if isinstance(error, VlgymError):
            raise error
        if self.failed.done() or not self.browser.is_connected():
            what = self.failed.result() if self.failed.done() else _DIED
        elif error is not None:
            what = f"refused the page ({str(error).splitlines()[0][:200]})"
        else:
            what = f"did not draw the page within {deadline:g} s and was stopped"
        raise BackendError(f"The browser that draws the pages {what}; the next call starts a new one.") from error

    async def stop(self, *, kill: bool) -> None:
        """End browser and driver; never raises and takes a few seconds at most."""
        if kill and self.browser_pid is not None:
            _kill(self.browser_pid)
        try:
            await asyncio.wait_for(self._stop_gently(), _STOP_S)
        except Exception:  # the driver is dead or frozen: nothing is left to be polite to
            for pid in (self.browser_pid, self._driver_pid):
                if pid is not None:
                    _kill(pid)

    async def _stop_gently(self) -> None:
        if self.browser is not None:
            await self.browser.close()  # for a killed one too: the driver then removes its profile folder
        await self.playwright.stop()


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):  # it is gone already
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _launch_error(message: str) -> Exception:
    """Turn Playwright's launch report (a page of text) into one sentence."""
    lowered = message.lower()
    if "missing dependencies" in lowered or "shared libraries" in lowered:
        return MissingDependencyError(
            f"{_PURPOSE} needs system libraries that Chromium misses here: run `playwright install-deps chromium`."
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    detail = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "no message")
    return BackendError(
        f"Chromium did not start ({detail[:200]}); check it with `chromium-headless-shell --version` or set "
        f"{ENV_EXECUTABLE} to another executable."
    )


class _Worker:
    """A daemon thread with an event loop that owns at most one `_Session`; requests are served one at a time.

    One at a time, because two frames in flight end Chromium's compositor; more throughput comes from more processes.
    """

    def __init__(self) -> None:
        self.loop = _Loop()
        self.loop.set_exception_handler(lambda loop, context: None)  # leftovers of a browser that was killed
        self._turn: asyncio.Lock | None = None
        self.session: _Session | None = None
        self._thread = threading.Thread(target=self._run, name="vlgym-browser", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def draw(self, html: str, width: int, height: int, scroll: int, deadline: float) -> bytes:
        """Return the PNG of a page, from any thread but the worker's own."""
        work = self._draw(html, width, height, scroll, deadline)
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    async def _draw(self, html: str, width: int, height: int, scroll: int, deadline: float) -> bytes:
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            if self.session is None:
                self.session = await _Session.start(max(deadline, _START_S))
            session = self.session
            try:
                return await session.guard(session.draw(html, width, height, scroll), deadline)
            except BackendError:
                self.session = None
                await session.stop(kill=True)
                raise

    def stop(self) -> None:
        """End browser, driver and thread; safe to call twice and at interpreter exit."""
        if self.loop.is_closed():
            return
        with contextlib.suppress(Exception):
            asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(2 * _STOP_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self.loop.close()

    async def _stop(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            await session.stop(kill=False)


class Browser:
    """A browser that starts at the first `screenshot`, restarts after a failure, and remembers recent pages.

    Args:
        deadline: seconds one page may take (the start of the browser has at least 60 s of its own).
        cache_bytes: memory for recent screenshots; the members of a GRPO group revisit the same pages.

    Thread-safe; after a fork the child's copy starts a browser of its own. A context manager; `close` is idempotent and
    a closed Browser starts again when used. No process outlives its Python process, however that ends.
    """

    def __init__(self, *, deadline: float = 30.0, cache_bytes: int = 64 << 20) -> None:
        self.deadline = deadline
        self.cache_bytes = cache_bytes
        self.drawn = 0
        """Pages really drawn, that is not served from the cache."""
        self._cache: OrderedDict[bytes, Pixels] = OrderedDict()
        self._cached = 0
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._finalizer: Any = None
        _BROWSERS.add(self)

    def screenshot(self, html: str, width: int, height: int, *, scroll: int = 0) -> Pixels:
        """Draw an HTML document.

        Args:
            html: the document; scripts in it do not run and nothing in it is fetched but `data:` URLs.
            width: viewport width in CSS pixels, which are image pixels, 1 to 8192.
            height: viewport height, 1 to 8192.
            scroll: pixels the page is scrolled down, as far as the page allows.

        Returns:
            uint8 [height, width, 3], RGB; the caller's own copy.

        Raises:
            BackendError: the browser died or missed the deadline; the next call starts a new one.
            MissingDependencyError: no Playwright, no OpenCV or no Chromium.
            ValueError: a size or scroll out of range.
        """
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise ValueError(f"Screenshot size must be between 1x1 and {MAX_SIDE}x{MAX_SIDE}, got {width}x{height}.")
        if scroll < 0:
            raise ValueError(f"scroll must be at least 0 pixels, got {scroll}.")
        cv2 = require("cv2", extra="web", purpose=_PURPOSE)
        data = html.encode("utf-8", "replace")  # lone surrogates, which Chromium's protocol refuses
        key = hashlib.blake2b(data, digest_size=16).digest() + b"%d,%d,%d" % (width, height, scroll)
        with self._lock:
            known = self._cache.get(key)
            if known is not None:
                self._cache.move_to_end(key)
                return known.copy()
            if self._worker is None:
                self._worker = _Worker()
                self._finalizer = weakref.finalize(self, _Worker.stop, self._worker)
            worker = self._worker
        png = worker.draw(data.decode(), width, height, scroll, self.deadline)
        image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        if image is None or image.shape != (height, width, 3):
            raise BackendError(
                f"The browser returned a picture that is not {width}x{height}; the next call tries again."
            )
        pixels: Pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        self._remember(key, pixels)
        return pixels.copy()

    def _remember(self, key: bytes, pixels: Pixels) -> None:
        with self._lock:
            self.drawn += 1
            if key in self._cache or pixels.nbytes > self.cache_bytes:
                return
            self._cache[key] = pixels
            self._cached += pixels.nbytes
            while self._cached > self.cache_bytes:
                self._cached -= self._cache.popitem(last=False)[1].nbytes

    @property
    def pid(self) -> int | None:
        """Process id of the running Chromium, None before the first page and after `close`."""
        session = self._worker.session if self._worker is not None else None
        return session.browser_pid if session is not None else None

    def close(self) -> None:
        """End the browser and forget its pages."""
        with self._lock:
            self._worker = None
            self._cache.clear()
            self._cached = 0
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _after_fork(self) -> None:
        """Forget the parent's browser in a forked child, without holding the pipe that keeps it alive."""
        self._lock = threading.Lock()
        if self._worker is None:
            return
        pipe = self._worker.loop.driver_pipe()
        if pipe is not None:
            with contextlib.suppress(OSError):  # replaced, not closed: the inherited objects still know the number
                null = os.open(os.devnull, os.O_RDWR)
                os.dup2(null, pipe)
                os.close(null)
        _INHERITED.append(self._worker)
        self._finalizer.detach()
        self._worker, self._finalizer = None, None


_BROWSERS: weakref.WeakSet[Browser] = weakref.WeakSet()
_INHERITED: list[_Worker] = []  # never collected: their destructors would touch the parent's event loop
_shared: Browser | None = None
_shared_lock = threading.Lock()


def shared_browser() -> Browser:
    """Return the process's own Browser, making it at first use (its Chromium starts at the first page)."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Browser()
        return _shared


def screenshot(html: str, width: int, height: int, *, scroll: int = 0) -> Pixels:
    """Draw a document with the process's shared browser; see `Browser.screenshot`."""
    return shared_browser().screenshot(html, width, height, scroll=scroll)


def _after_fork_in_child() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for browser in list(_BROWSERS):
        browser._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
