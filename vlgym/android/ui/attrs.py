"""Attributes of every view, with the names of Android's XML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from vlgym.android.ui.theme import Sides


class Attrs(TypedDict, total=False):
    """Attributes of every view; lengths in dp."""

    id: str
    """Entry name of the resource id; also what a view's saved state is found by."""
    width: float
    height: float
    weight: float
    """Share of the length that is left over in a LinearLayout."""
    margin: Sides
    padding: Sides
    gravity: str
    """Where the view stands in its parent, e.g. "center", "bottom|right"."""
    min_width: float
    min_height: float
    background: str | int
    radius: float
    """Of the background's corners; 999 rounds the ends."""
    border: str | int
    on_click: Callable[[], object]
    on_long_click: Callable[[], object]
    on_double_tap: Callable[[], object]
    on_swipe: Callable[[str], bool]
    """Called with "up", "down", "left" or "right"; returns whether the swipe was for it."""
    on_drag: Callable[[str, float, float], object]
    """Called with "down", "move" or "up" and the place in the view, each in 0..1."""
    content_desc: str
    enabled: bool
    visible: bool
    selected: bool
    focusable: bool
    android_class: str
    ripple: bool
