"""What wakes the camera: its self-timer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlgym.android.apps.camera.model import PACKAGE, Camera

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager


def receive(manager: WindowManager, key: str, payload: dict[str, Any]) -> None:
    """Take the photo that the self-timer has counted down to, if the camera is still in front."""
    from vlgym.android.apps.camera.screens import CameraLauncher

    activity = manager.activity()
    if key == "timer" and isinstance(activity, CameraLauncher):
        activity.expose()
    elif key == "timer":
        Camera(manager).preferences.put("countdown", "")
    manager.state.processes.log(PACKAGE, "CAM_Timer", f"{key} {payload}", "D")
