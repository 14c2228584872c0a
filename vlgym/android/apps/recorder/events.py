"""What reaches the recorder from outside: the buttons of its notification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.recorder.model import Recorder

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Pause, go on or stop."""
    recorder = Recorder(manager)
    if key == "action" and recorder.status != "idle":
        {"Pause": recorder.pause, "Resume": recorder.begin, "Stop": recorder.stop}[payload["label"]]()
