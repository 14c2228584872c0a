"""What the environment needs of a phone, and the simulated one."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vlgym.android.elements import Elements, from_views
from vlgym.android.executor import Hands, SimHands
from vlgym.android.tasks.phone import Phone, SimPhone


class Backend(Protocol):
    """One phone that tasks are done on.

    Any method raises BackendError when the machinery fails.

    Attributes:
        phone: what set-ups and judges see.
        hands: what touches it.
    """

    @property
    def phone(self) -> Phone:
        """What set-ups and judges see."""
        ...

    @property
    def hands(self) -> Hands:
        """What touches it."""
        ...

    def reset(self) -> None:
        """Make the phone as it left the factory, at its home screen."""
        ...

    def version(self) -> object:
        """Return a value that is another one after the screen or the phone's data may have changed."""
        ...

    def elements(self) -> Elements:
        """Return the element list of the screen."""
        ...

    def typing(self) -> bool:
        """Return whether a text field has the cursor."""
        ...

    def screenshot(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return the screen held upright, uint8 [height, width, 3]; nobody may write to it."""
        ...

    def snapshot(self) -> bytes:
        """Return everything the phone is."""
        ...

    def restore(self, data: bytes) -> None:
        """Become what `snapshot` returned."""
        ...

    def close(self) -> None:
        """Let go of the phone."""
        ...


class SimBackend:
    """A simulated phone in this process."""

    def __init__(self) -> None:
        from vlgym.android.device import Device

        self.device = Device()
        self.phone = SimPhone(self.device)
        self.hands = SimHands(self.device)
        self._seen: tuple[int, Elements] | None = None

    def reset(self) -> None:
        """Restore the factory image."""
        self.restore(factory())

    def version(self) -> int:
        """Return the number of the frame that is shown."""
        with self.device.lock:
            return self.device.windows.look()

    def elements(self) -> Elements:
        """Return the list of the views on the screen; the same object while nothing changed."""
        with self.device.lock:
            windows = self.device.windows
            frame = windows.look()
            if self._seen is None or self._seen[0] != frame:
                shown = windows.in_front() if windows.ui["awake"] else []
                views = [(window.package, window.tree()) for window in shown]
                self._seen = frame, from_views(views, windows.metrics.width, windows.metrics.height)
            return self._seen[1]

    def typing(self) -> bool:
        """Return whether the focus is in a field; the element list need not be made."""
        with self.device.lock:
            view = self.device.windows.focused_view()
            return view is not None and view.editable

    def screenshot(self, width: int, height: int) -> NDArray[np.uint8]:
        """Draw the screen at this size."""
        picture = self.device.screenshot((width, height))
        return picture if picture.shape[:2] == (height, width) else np.rot90(picture)

    def snapshot(self) -> bytes:
        """Return the device's snapshot."""
        return self.device.snapshot()

    def restore(self, data: bytes) -> None:
        """Restore the device; what has been read before is forgotten."""
        self.device.restore(data)
        self.phone = SimPhone(self.device)

    def close(self) -> None:
        """Nothing to let go of."""


@lru_cache(maxsize=1)
def factory() -> bytes:
    """Return the snapshot of a phone as it left the factory."""
    from vlgym.android.device import Device

    device = Device()
    device.advance(1.0)
    return device.snapshot()


def connect(device: str) -> Backend:
    """Return the phone that a name says: "sim", or a serial, an emulator or an AVD, reached over adb."""
    if device == "sim":
        return SimBackend()
    from vlgym.android.adb import AdbBackend

    return AdbBackend(device)
