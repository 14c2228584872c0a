"""The camera: photos and videos of painted scenes."""
