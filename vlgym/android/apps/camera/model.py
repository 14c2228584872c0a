"""What the camera does: photos and videos of the scenes before it, written to where the media store puts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlgym.android.apps.media import Preferences, clip, save
from vlgym.android.apps.scenes import MOTIFS, encode, picture
from vlgym.android.state.files import SHARED_STORAGE

if TYPE_CHECKING:
    from vlgym.android.ui.windows import WindowManager

PACKAGE = "com.android.camera2"
PHOTOS, VIDEOS = f"{SHARED_STORAGE}/Pictures", f"{SHARED_STORAGE}/Movies"
"""Folders of what is taken; AndroidWorld's evaluators look there too."""
FLASHES = ("auto", "on", "off")
TIMERS = (0, 3, 10)
ZOOMS = ("1", "2", "5")
SIZES = ((480, 640), (480, 480), (360, 640))
"""Sizes of photos in pixels, by the setting "ratio"."""
RATIOS = ("4:3", "1:1", "16:9")


class Camera:
    """The camera's settings, its shutter and its recorder."""

    def __init__(self, manager: WindowManager) -> None:
        self.manager, self.state = manager, manager.state
        self.database = self.state.app_database(PACKAGE, "camera.db")
        self.preferences = Preferences(self.database)

    # ------------------------------------------------------------ settings

    def choice(self, key: str, options: tuple[object, ...]) -> int:
        """Return which of some options a setting has."""
        place = self.preferences.number(key)
        return place if 0 <= place < len(options) else 0

    def turn(self, key: str, options: tuple[object, ...]) -> None:
        """Set the next option."""
        self.preferences.put(key, (self.choice(key, options) + 1) % len(options))

    def on(self, key: str, default: bool = False) -> bool:
        """Return whether a switch is on."""
        return self.preferences.number(key, int(default)) == 1

    def wake(self) -> None:
        """Choose the place where the phone is, the first time."""
        if not self.preferences.get("place"):
            self.preferences.put("place", self.state.random.below(1000))

    # ------------------------------------------------------------ the scene

    def scene(self) -> tuple[str, int]:
        """Return motif and number of what the lens in use sees now."""
        if self.on("front"):
            return "portrait", self.preferences.number("place")
        step = self.preferences.number("place") + self.preferences.number("shots")
        return tuple(MOTIFS)[step % len(MOTIFS)], step

    def zoom(self) -> float:
        """Return how much the middle is enlarged."""
        return float(ZOOMS[self.choice("zoom", ZOOMS)])

    def _encoded(self) -> bytes:
        return encode(picture(*self.scene()), *SIZES[self.choice("ratio", RATIOS)], zoom=self.zoom())

    # ------------------------------------------------------------ pictures

    def _path(self, folder: str, prefix: str, ending: str) -> str:
        """Return the name of a new file by the phone's time."""
        files, moment = self.state.files, self.state.clock.local()
        files.mkdir(folder, parents=True)
        stem = f"{folder}/{prefix}_{moment:%Y%m%d_%H%M%S}"
        number, path = 0, f"{stem}.{ending}"
        while files.exists(path):
            number += 1
            path = f"{stem}_{number}.{ending}"
        return path

    def shoot(self) -> str:
        """Take a photo; return its path, "" if the disk is full."""
        return self._write(self._path(PHOTOS, "IMG", "jpg"), self._encoded())

    def _write(self, path: str, data: bytes, length: int = 0) -> str:
        if not save(self.state.files, path, data):
            return ""
        self.preferences.put("shots", self.preferences.number("shots") + 1)
        self.database.insert(
            "pictures",
            {
                "path": path,
                "lens": "front" if self.on("front") else "back",
                "flash": FLASHES[self.choice("flash", FLASHES)],
                "timer_s": TIMERS[self.choice("timer", TIMERS)] if not length else 0,
                "zoom": self.zoom(),
                "ratio": RATIOS[self.choice("ratio", RATIOS)],
                "length_ms": length,
            },
        )
        self.state.processes.log(PACKAGE, "CAM_MediaSaver", f"Saved {path} ({len(data)} bytes)", "V")
        return path

    def latest(self) -> str:
        """Return the path of the newest photo or video of the camera's that is still there, "" if there is none."""
        taken = self.database.query("SELECT path FROM pictures ORDER BY _id DESC")
        return next((row["path"] for row in taken if self.state.files.exists(row["path"])), "")

    # ------------------------------------------------------------ videos

    @property
    def recording_ms(self) -> int:
        """How long the video being recorded is, -1 while there is none."""
        began, kept = self.preferences.get("began"), self.preferences.number("kept")
        if began == "":
            return -1
        return kept + (self.state.clock.uptime_ms - int(began) if began != "paused" else 0)

    @property
    def is_paused(self) -> bool:
        """Whether the recording rests."""
        return self.preferences.get("began") == "paused"

    def record(self) -> None:
        """Begin a video, or go on with one."""
        if self.preferences.get("began") == "":
            self.preferences.put("kept", 0)
        self.preferences.put("began", self.state.clock.uptime_ms)

    def pause(self) -> None:
        """Let the recording rest."""
        self.preferences.put("kept", self.recording_ms)
        self.preferences.put("began", "paused")

    def stop(self) -> str:
        """End the video; return its path, "" if there was none."""
        length = self.recording_ms
        if length < 0:
            return ""
        self.preferences.put("began", "")
        return self._write(
            self._path(VIDEOS, "VID", "mp4"), clip(length, picture=self._encoded(), load=length // 4), length
        )
