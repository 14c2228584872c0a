"""Tasks with the camera: photos and videos, and how they are taken."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from vlgym.android.tasks.phone import SHARED, Phone
from vlgym.android.tasks.template import Params, Screen, Template, click, launch

PHOTOS, VIDEOS = f"{SHARED}/Pictures", f"{SHARED}/Movies"
DB = "/data/data/com.android.camera2/databases/camera.db"
PHOTO, VIDEO = ".jpg", ".mp4"


def pictures(phone: Phone) -> list[dict[str, Any]]:
    """Return what the camera has taken and what is still there, oldest first."""
    there = {f"{folder}/{name}" for folder in (PHOTOS, VIDEOS) for name in phone.list(folder)}
    rows = phone.rows(DB, "SELECT path, lens, flash, timer_s, zoom, ratio, length_ms FROM pictures ORDER BY _id")
    names = ("path", "lens", "flash", "timer", "zoom", "ratio", "length")
    return [dict(zip(names, row)) for row in rows if row[0] in there]


class CameraTask(Template):
    """Base: the camera has taken nothing yet, but a few old files lie in its folder."""

    app = "camera"
    checkpoints: tuple[str, ...] = ("open the camera", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw the names of old photos."""
        return {"old": sorted(f"IMG_202309{rng.randint(10, 29)}_{rng.randint(100000, 195959)}.jpg" for _ in range(2))}

    def setup(self, phone: Phone, p: Params) -> None:
        """Leave the old photos alone in the folder, and the camera as it was bought."""
        from vlgym.android.apps.scenes import photo

        for folder in (PHOTOS, VIDEOS):
            for name in phone.list(folder):
                if name.endswith((PHOTO, VIDEO)):
                    phone.remove(f"{folder}/{name}")
        phone.execute(DB, "DELETE FROM pictures")
        phone.execute(DB, "DELETE FROM preferences WHERE key != 'place'")
        for number, name in enumerate(p["old"]):
            phone.write(f"{PHOTOS}/{name}", photo("beach", number))

    def new(self, phone: Phone, p: Params) -> list[dict[str, Any]] | None:
        """Return what was taken; None if an old photo is gone."""
        if not set(p["old"]) <= set(phone.list(PHOTOS)):
            return None
        return pictures(phone)

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """Return whether these are the pictures of a success."""
        raise NotImplementedError

    def settled(self, phone: Phone, p: Params) -> bool:
        """Return whether the camera is set as it should be."""
        return True

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge what was taken."""
        taken = self.new(phone, p)
        done = taken is not None and self.fits(taken, p) and self.settled(phone, p)
        return ("com.android.camera2" in phone.foreground(), done)


class TakePhoto(CameraTask):
    """AndroidWorld's CameraTakePhoto."""

    name = "CameraTakePhoto"
    instruction = "Take one photo."
    checkpoints = ("open the camera", "take one photo")
    steps = 2

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """One photo."""
        return [picture["path"][-4:] for picture in taken] == [PHOTO]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Press the shutter."""
        yield from launch(screen, "Camera")
        yield click("Shutter")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take a video."""
        yield from launch(screen, "Camera")
        yield click("Video mode")
        yield click("Record video")
        yield click("Stop recording")


class TakeVideo(CameraTask):
    """AndroidWorld's CameraTakeVideo."""

    name = "CameraTakeVideo"
    instruction = "Take one video."
    checkpoints = ("open the camera", "take one video")
    steps = 4

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """One video."""
        return [picture["path"][-4:] for picture in taken] == [VIDEO]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Record and stop."""
        yield from launch(screen, "Camera")
        yield click("Video mode")
        yield click("Record video")
        yield click("Stop recording")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Stay in photo mode."""
        yield from launch(screen, "Camera")
        yield click("Shutter")
        yield click("Shutter")


class TakeLongVideo(CameraTask):
    """A video of some length, with a pause."""

    name = "CameraRecordVideoOfLength"
    instruction = "Record one video that is between {low} and {high} seconds long."
    checkpoints = ("open the camera", "record a video of {low} to {high} seconds")
    steps = 8

    def draw(self, rng: random.Random) -> Params:
        """Draw the length."""
        low = rng.randint(12, 45)
        return {**super().draw(rng), "low": low, "high": low + 9}

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """One video of that length."""
        lengths = [picture["length"] for picture in taken]
        return len(lengths) == 1 and p["low"] * 1000 <= lengths[0] <= p["high"] * 1000

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Watch the clock on the screen."""
        yield from launch(screen, "Camera")
        yield click("Video mode")
        yield click("Record video")
        while _seconds(screen) < p["low"] + 1:
            yield "wait"
        yield click("Stop recording")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Stop too early."""
        yield from self.solve(screen, {**p, "low": p["low"] // 2 - 2})


def _seconds(screen: Screen) -> int:
    """Return how long the recording on the screen is."""
    for element in screen.elements:
        if element.resource_id.endswith("recording_time"):
            minutes, seconds = element.text.split(":")
            return int(minutes) * 60 + int(seconds)
    return 0


class TakeSelfie(CameraTask):
    """A photo with the front camera and the self-timer."""

    name = "CameraTakeTimedSelfie"
    instruction = "Take one photo with the front camera, using the self-timer set to {seconds} seconds."
    checkpoints = ("open the camera", "take one photo with the front camera after {seconds} seconds")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw the timer."""
        return {**super().draw(rng), "seconds": rng.choice((3, 10))}

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """One such photo."""
        return [(t["lens"], t["timer"], t["length"]) for t in taken] == [("front", p["seconds"], 0)]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Turn the camera, set the timer, press, wait."""
        yield from launch(screen, "Camera")
        yield click("Switch to front camera")
        yield click("Timer, off")
        if p["seconds"] == 10:
            yield click("Timer, 3 seconds")
        yield click("Shutter")
        yield from ["wait"] * (1 if p["seconds"] == 3 else 3)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget to turn the camera."""
        yield from launch(screen, "Camera")
        yield click("Timer, off")
        if p["seconds"] == 10:
            yield click("Timer, 3 seconds")
        yield click("Shutter")
        yield from ["wait"] * (1 if p["seconds"] == 3 else 3)


class TakeSetPhoto(CameraTask):
    """A photo with several settings."""

    name = "CameraTakePhotoWithSettings"
    instruction = "Take one {ratio} photo at {zoom}× zoom with the flash {flash}."
    checkpoints = ("open the camera", "take one {ratio} photo at {zoom}× zoom with the flash {flash}")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw the settings."""
        choice = {"ratio": rng.choice(("1:1", "16:9")), "zoom": rng.choice((2, 5)), "flash": rng.choice(("on", "off"))}
        return {**super().draw(rng), **choice}

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """One such photo."""
        wanted = [(p["ratio"], float(p["zoom"]), p["flash"], 0)]
        return [(t["ratio"], t["zoom"], t["flash"], t["length"]) for t in taken] == wanted

    def _settings(self, p: Params) -> Iterator[str]:
        yield click("Settings")
        yield click("Aspect ratio")
        yield click(p["ratio"])
        yield click(f"Zoom {p['zoom']}×")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Set everything, then press."""
        yield from launch(screen, "Camera")
        yield from self._settings(p)
        yield click("Flash, auto")
        if p["flash"] == "off":
            yield click("Flash, on")
        yield click("Shutter")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave the flash as it is."""
        yield from launch(screen, "Camera")
        yield from self._settings(p)
        yield click("Shutter")


class GridLines(CameraTask):
    """Two switches of the camera."""

    name = "CameraSetUp"
    instruction = "In the camera, turn the grid lines on and the camera sounds off, without taking a picture."
    checkpoints = ("open the camera", "turn the grid lines on", "turn the camera sounds off")
    steps = 4

    def _settings(self, phone: Phone) -> dict[str, str]:
        return {str(key): str(value) for key, value in phone.rows(DB, "SELECT key, value FROM preferences")}

    def fits(self, taken: Sequence[dict[str, Any]], p: Params) -> bool:
        """No picture."""
        return not taken

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the two switches."""
        settings = self._settings(phone)
        grid, quiet = settings.get("grid") == "1", settings.get("sounds") == "0"
        clean = self.new(phone, p) == []
        return ("com.android.camera2" in phone.foreground(), grid, grid and quiet and clean)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Use the settings."""
        yield from launch(screen, "Camera")
        yield click("Settings")
        yield click("Grid lines")
        yield click("Camera sounds")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Switch the wrong one."""
        yield from launch(screen, "Camera")
        yield click("Settings")
        yield click("Grid lines")
        yield click("Save location")


class TakeSeveral(CameraTask):
    """Some photos and a video."""

    name = "CameraTakeSeveral"
    instruction = "Take exactly {count} photos and then one video, all with the {lens} camera."
    checkpoints = ("open the camera", "take {count} photos", "take one video")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw how many."""
        return {**super().draw(rng), "count": rng.randint(2, 7), "lens": rng.choice(("front", "back"))}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge order, number and lens."""
        taken = self.new(phone, p) or []
        kinds = [picture["path"][-4:] for picture in taken]
        right = all(picture["lens"] == p["lens"] for picture in taken)
        photos = kinds[: p["count"]] == [PHOTO] * p["count"] and right
        done = right and kinds == [PHOTO] * p["count"] + [VIDEO]
        return ("com.android.camera2" in phone.foreground(), photos, done)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take them."""
        yield from launch(screen, "Camera")
        if p["lens"] == "front":
            yield click("Switch to front camera")
        yield from [click("Shutter")] * p["count"]
        yield click("Video mode")
        yield click("Record video")
        yield click("Stop recording")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take one photo too many."""
        yield from self.solve(screen, {**p, "count": p["count"] + 1})


TEMPLATES: tuple[Template, ...] = (
    *(TakePhoto(), TakeVideo(), TakeLongVideo(), TakeSelfie(), TakeSetPhoto(), GridLines(), TakeSeveral()),
)
