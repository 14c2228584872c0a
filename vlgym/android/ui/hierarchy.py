"""The view hierarchy as `uiautomator dump` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vlgym.android.ui.edit import EditText
from vlgym.android.ui.scroll import Scroller
from vlgym.android.ui.view import View
from vlgym.android.ui.window import Window

_SPECIAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
)
Box = tuple[int, int, int, int]


def escape(text: str) -> str:
    """Return a text as an attribute's value; what XML cannot hold becomes a full stop."""
    return _SPECIAL.sub(".", text).translate(_MARKS) if text else text


def to_xml(windows: Iterable[Window], rotation: int, width: int, height: int) -> str:
    """Return the XML of windows, lowest first; views outside the display or their container are left out."""
    out = [f"<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><hierarchy rotation=\"{rotation}\">"]
    for number, window in enumerate(windows):
        _node(out, window.tree(), window, number, (0, 0, width, height))
    out.append("</hierarchy>")
    return "".join(out)


def _node(out: list[str], view: View, window: Window, index: int, clip: Box) -> None:
    left, top, right, bottom = view.left, view.top, view.left + view.w, view.top + view.h
    low_x, low_y = max(left, clip[0]), max(top, clip[1])
    high_x, high_y = min(right, clip[2]), min(bottom, clip[3])
    if high_x <= low_x or high_y <= low_y:
        return
    name = f"{window.package}:id/{escape(view.id)}" if view.id else ""
    hint = f' hint="{escape(view.hint)}"' if isinstance(view, EditText) else ""
    scrolls = isinstance(view, Scroller) and view.furthest > 0
    flag = _FLAG
    out.append(
        f'<node index="{index}" text="{escape(view.text_shown)}" resource-id="{name}" class="{view.android_class}" '
        f'package="{window.package}" content-desc="{escape(view.content_desc)}" checkable="{flag[view.checkable]}" '
        f'checked="{flag[view.checked]}" clickable="{flag[view.clickable]}" enabled="{flag[view.enabled]}" '
        f'focusable="{flag[view.can_focus]}" focused="{flag[view.is_focused]}" scrollable="{flag[scrolls]}" '
        f'long-clickable="{flag[view.long_clickable]}" password="{flag[view.password]}" '
        f'selected="{flag[view.selected]}"{hint} bounds="[{low_x},{low_y}][{high_x},{high_y}]"'
    )
    children = [child for child in view.children if child.visible]
    if not children:
        out.append(" />")
        return
    out.append(">")
    for number, child in enumerate(children):
        _node(out, child, window, number, (low_x, low_y, high_x, high_y))
    out.append("</node>")


_FLAG = {False: "false", True: "true"}
