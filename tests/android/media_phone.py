"""A phone with pictures on it, for tests of the apps that show them."""

from __future__ import annotations

from phone import Phone

from vlgym.android.apps.media import clip
from vlgym.android.apps.scenes import photo

SHARED = "/storage/emulated/0"
CAMERA = "com.android.camera2/com.android.camera.CameraLauncher"
GALLERY = "com.simplemobiletools.gallery.pro/com.simplemobiletools.gallery.pro.activities.MainActivity"
RECORDER = "com.dimowner.audiorecorder/com.dimowner.audiorecorder.app.main.MainActivity"
CHROME = "com.android.chrome/com.google.android.apps.chrome.Main"


def phone_without_pictures() -> Phone:
    """Return a phone whose photos have been taken away."""
    phone = Phone()
    for folder in ("DCIM/Camera", "Pictures/Garden"):
        phone.state.files.remove(f"{SHARED}/{folder}", tree=True)
    return phone


def phone_with_pictures() -> Phone:
    """Return a phone with three photos, one more in a folder and a clip, a minute apart, in the gallery."""
    phone = phone_without_pictures()
    phone.state.files.mkdir(f"{SHARED}/DCIM/Camera")
    phone.state.files.mkdir(f"{SHARED}/Pictures/Trips")
    for name in ("DCIM/Camera/a.jpg", "DCIM/Camera/b.jpg", "DCIM/Camera/c.jpg", "Pictures/Trips/boat.jpg"):
        phone.advance(60)
        phone.state.files.write(f"{SHARED}/{name}", photo("beach", len(name)))
    phone.state.files.write(f"{SHARED}/Movies/party.mp4", clip(65_000, picture=photo("city")))
    phone.start_activity(GALLERY)
    return phone


def hold(phone: Phone, name: str) -> None:
    """Press something for a long time."""
    x, y = phone.centre(name)
    phone.swipe(x, y, x, y, 0.8)
    phone.advance(0.5)


def names(phone: Phone, folder: str) -> list[str]:
    """Return the names in a folder of the shared storage."""
    path = f"{SHARED}/{folder}"
    return phone.state.files.list(path) if phone.state.files.exists(path) else []


def replace(phone: Phone, field: str, words: str) -> None:
    """Write over what is in a field."""
    phone.press(field)
    phone.chord(113, 29)
    phone.key(67)
    phone.text(words)
