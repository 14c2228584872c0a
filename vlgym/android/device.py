"""The phone: state, shell and screen of one simulated Android device behind one door."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vlgym.android.state.intents import Intent

if TYPE_CHECKING:
    from vlgym.android.shell import ShellResult
    from vlgym.android.state import State
    from vlgym.android.ui.windows import WindowManager


class Device:
    """One simulated phone. Equal calls give equal devices; nothing reads the host's clock, files or shell.

    Args:
        width, height: the panel in pixels, held upright.
        density: dots per inch; 160 dpi is one pixel a dp.
        seed: of everything random in apps.
    """

    state: State
    lock: threading.RLock
    """Held by every public method; hold it to make several calls one."""
    windows: WindowManager

    def __init__(self, width: int = 1080, height: int = 2400, density: int = 420, seed: int = 0) -> None: ...

    # ------------------------------------------------------------ the screen

    def screenshot(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Return the picture, uint8 [height, width, 3], read-only; the same array while nothing changed.

        `size` is (width, height) of the picture of the upright panel, drawn at that size and not scaled afterwards;
        a display turned on its side has the two swapped. None is the panel's own.
        """

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the display as it is turned now, in pixels."""

    @property
    def rotation(self) -> int:
        """Quarter turns of the display, 0 to 3 (Surface.ROTATION_*)."""

    def hierarchy(self) -> str:
        """Return what `uiautomator dump` writes: XML of the windows on the screen, bounds in display pixels."""

    # ------------------------------------------------------------ fingers and keys

    def touch(self, kind: Literal["down", "move", "up"], x: float, y: float) -> None:
        """Put a finger down, move it or lift it, at display pixels; an up or a move without a down is ignored."""

    def tap(self, x: float, y: float) -> None:
        """Touch and lift."""

    def swipe(self, x1: float, y1: float, x2: float, y2: float, seconds: float = 0.3) -> None:
        """Drag a finger; virtual time passes. Equal ends and half a second or more make a long press."""

    def key(self, code: int, *, long: bool = False) -> None:
        """Press and release a key by its KEYCODE_* number."""

    def chord(self, *codes: int) -> None:
        """Press keys together, the last while the others are held, as `input keycombination` does."""

    def text(self, words: str) -> None:
        """Type characters into the focused field, as `input text` does."""

    def advance(self, seconds: float) -> None:
        """Let virtual time pass: long presses, flings, alarms, timers."""

    # ------------------------------------------------------------ activities

    def start_activity(self, what: str | Intent) -> str:
        """Start an activity by flattened component or intent; return its full component.

        Raises:
            LookupError: no installed activity answers; the sentence is the one `am start` prints.
        """

    def foreground(self) -> str:
        """Return the full component of the resumed activity, ``package/full.class.Name``."""

    def stack(self) -> list[dict[str, Any]]:
        """Return the tasks, front first: {"id", "visible", "activities": [full component, bottom first]}."""

    def force_stop(self, package: str) -> None:
        """Finish every activity of a package and forget its alarms."""

    # ------------------------------------------------------------ the rest

    def shell(self, line: str, stdin: bytes = b"") -> ShellResult:
        """Run a line in the device's shell: stdout and stderr as bytes, and the exit code."""

    def snapshot(self) -> bytes:
        """Return everything the device is, as bytes."""

    def restore(self, data: bytes) -> None:
        """Become what `snapshot` returned. The panel's size and density must be the same."""
