"""The phone: state, shell and screen of one simulated Android device behind one door."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vlgym.android.state import State
from vlgym.android.state.catalogue import PACKAGES
from vlgym.android.state.intents import Intent

if TYPE_CHECKING:
    from vlgym.android.shell import ShellResult
    from vlgym.android.state.packages import Package
    from vlgym.android.ui.windows import WindowManager

SWIPE_STEP_S = 0.016
"""Seconds between two moves of a swipe."""
MAX_STEPS = 60


class Device:
    """One simulated phone. Equal calls give equal devices; nothing reads the host's clock, files or shell.

    Coordinates are pixels of the display as it is turned; time is the phone's own and passes in `advance` and `swipe`.

    Args:
        width, height: the panel in pixels, held upright.
        density: dots per inch; 160 dpi is one pixel a dp.
        seed: of everything random in apps.
        apps: installed packages.
    """

    state: State
    lock: threading.RLock
    """Held by every public method; hold it to make several calls one."""
    windows: WindowManager

    def __init__(
        self,
        width: int = 1080,
        height: int = 2400,
        density: int = 420,
        seed: int = 0,
        apps: Sequence[Package] = PACKAGES,
    ) -> None:
        from vlgym.android.ui.windows import WindowManager

        self.lock = threading.RLock()
        self.state = State(apps, width=width, height=height, density=density, seed=seed)
        self.windows = WindowManager(self.state)
        self.state.on_restore.append(self.windows.forget)

    # ------------------------------------------------------------ the screen

    def screenshot(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3], read-only; the same array while nothing changed.

        `size` is (width, height) of the picture of the upright panel, drawn at that size and not scaled afterwards;
        a display turned on its side has the two swapped. None is the panel's own.
        """
        with self.lock:
            return self.windows.screenshot(size)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the display as it is turned now, in pixels."""
        with self.lock:
            self.windows.sync()
            return self.windows.metrics.width, self.windows.metrics.height

    @property
    def rotation(self) -> int:
        """Quarter turns of the display, 0 to 3 (Surface.ROTATION_*)."""
        with self.lock:
            return self.windows.rotation

    def hierarchy(self) -> str:
        """Return what `uiautomator dump` writes: XML of the windows on the screen, bounds in display pixels."""
        with self.lock:
            return self.windows.hierarchy()

    # ------------------------------------------------------------ fingers and keys

    def touch(self, kind: Literal["down", "move", "up"], x: float, y: float) -> None:
        """Put a finger down, move it or lift it, at display pixels; an up or a move without a down is ignored."""
        with self.lock:
            finger = self.windows.touch
            if kind == "down":
                finger.down(x, y)
            elif kind == "move":
                finger.move(x, y)
            elif kind == "up":
                finger.up(x, y)
            else:
                raise ValueError(f"A finger goes 'down', 'move' or 'up', not {kind!r}.")

    def tap(self, x: float, y: float) -> None:
        """Touch and lift."""
        with self.lock:
            self.touch("down", x, y)
            self.touch("up", x, y)

    def swipe(self, x1: float, y1: float, x2: float, y2: float, seconds: float = 0.3) -> None:
        """Drag a finger; virtual time passes. Equal ends and half a second or more make a long press."""
        steps = min(max(int(seconds / SWIPE_STEP_S), 1), MAX_STEPS)
        with self.lock:
            self.touch("down", x1, y1)
            for step in range(1, steps + 1):
                self.advance(seconds / steps)
                self.touch("move", x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps)
            self.touch("up", x2, y2)

    def key(self, code: int, *, long: bool = False) -> None:
        """Press and release a key by its KEYCODE_* number."""
        with self.lock:
            self.windows.keys.press(code, long)

    def chord(self, *codes: int) -> None:
        """Press keys together, the last while the others are held, as `input keycombination` does."""
        with self.lock:
            if codes:
                self.windows.keys.press(codes[-1], False, codes[:-1])

    def text(self, words: str) -> None:
        """Type characters into the focused field, as `input text` does."""
        with self.lock:
            self.windows.keys.type(words)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass: long presses, flings, alarms, timers."""
        with self.lock:
            clock = self.state.clock
            end = clock.uptime_us + round(seconds * 1_000_000)
            if seconds < 0:
                raise ValueError(f"Time passes forwards, not by {seconds} seconds.")
            while True:
                due = self.windows.next_event_us()
                if due is None or due > end:
                    break
                clock.advance(max(due - clock.uptime_us, 0) / 1_000_000)
                self.windows.tick()
            clock.advance((end - clock.uptime_us) / 1_000_000)
            self.windows.settle()

    # ------------------------------------------------------------ activities

    def start_activity(self, what: str | Intent) -> str:
        """Start an activity by flattened component or intent; return its full component.

        Raises:
            LookupError: no installed activity answers; the sentence is the one `am start` prints.
        """
        with self.lock:
            return self.windows.start(what)

    def foreground(self) -> str:
        """Return the full component of the resumed activity, ``package/full.class.Name``."""
        with self.lock:
            return str(self.windows.tasks.top["component"])

    def stack(self) -> list[dict[str, Any]]:
        """Return the tasks, front first: {"id", "visible", "activities": [full component, bottom first]}."""
        with self.lock:
            return [
                {"id": task["id"], "visible": place == 0, "activities": [r["component"] for r in task["activities"]]}
                for place, task in enumerate(self.windows.tasks.all)
            ]

    def force_stop(self, package: str) -> None:
        """Finish every activity of a package and forget its alarms."""
        with self.lock:
            self.windows.force_stop(package)

    def remove_task(self, number: int) -> None:
        """End a task, as swiping it off the recent apps does."""
        with self.lock:
            self.windows.end_task(number)

    def close_system_dialogs(self) -> None:
        """Put shade, recent apps and keyboard away."""
        with self.lock:
            self.windows.close_system()

    # ------------------------------------------------------------ the rest

    def shell(self, line: str, stdin: bytes = b"") -> ShellResult:
        """Run a line in the device's shell: stdout and stderr as bytes, and the exit code."""
        from vlgym.android.shell import Shell

        with self.lock:
            before = self._uncounted()
            result = Shell(self).run(line, stdin)  # a process of its own, as of `adb shell`
            if self._uncounted() != before:
                self.windows.after_shell()
            return result

    def stamp(self) -> tuple[Any, ...]:
        """Return something that is another thing when anything but the clock and the log has changed."""
        with self.lock:
            state = self.state
            tasks = [(task["id"], [record["component"] for record in task["activities"]]) for task in state.ui["tasks"]]
            notes = [(note["package"], note["id"], note["title"], note["text"]) for note in state.ui["notifications"]]
            return state.revision, self._uncounted(), tasks, notes

    def _uncounted(self) -> tuple[Any, ...]:
        """Return what the screen shows that `State.revision` does not count."""
        state, ui = self.state, self.state.ui
        size = (ui.get("wm_size"), ui.get("wm_density"))
        return state.packages.stamp(), {**state.properties}, {**state.call}, state.clipboard, state.clock.zone, size

    def snapshot(self) -> bytes:
        """Return everything the device is, as bytes."""
        with self.lock:
            return self.state.snapshot()

    def restore(self, data: bytes) -> None:
        """Become what `snapshot` returned. The panel's size and density must be the same."""
        with self.lock:
            self.state.restore(data)
