"""The phone's screen: Android views, windows and system bars, drawn with skia."""
