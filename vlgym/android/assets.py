"""Files that come with the package: read once, for the first disk of a phone."""

from __future__ import annotations

from pathlib import Path


def first_photos() -> tuple[tuple[str, bytes], ...]:
    """Return path and contents of the photos of a new phone: those of its camera, and two in a folder of their own."""
    import envs_assets

    found = []
    for path in sorted((Path(next(iter(envs_assets.__path__))) / "android" / "photos").glob("*.jpg")):
        folder = "DCIM/Camera" if path.name.startswith("IMG_") else "Pictures/Garden"
        found.append((f"/storage/emulated/0/{folder}/{path.name}", path.read_bytes()))
    return tuple(found)
