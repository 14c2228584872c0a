"""Material components made of views: app bars, list rows, navigation, floating buttons, app icons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple, Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, Column, FrameLayout, LinearLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, ImageView, Picture, Switch, TextView


class ActionItem(NamedTuple):
    """An icon button of an app bar."""

    icon: str
    label: str
    on_click: Callable[[], object]
    id: str = ""


def _button(item: ActionItem) -> ImageButton:
    return ImageButton(
        item.icon, content_desc=item.label, on_click=item.on_click, id=item.id, colour="on_surface_variant"
    )


def Toolbar(
    title: str,
    *actions: ActionItem,
    on_up: Callable[[], object] | None = None,
    up: str = "Navigate up",
    up_icon: str = "arrow_back",
    background: str | int = "",
) -> LinearLayout:
    """Return an app bar, 64 dp high: an arrow if `on_up` is given, the title, buttons."""
    lead: View = Space(width=12)
    if on_up is not None:
        lead = ImageButton(up_icon, content_desc=up, on_click=on_up, colour="on_surface")
    heading = TextView(title, style="title_large", lines=1, weight=1, margin=(4, 0))
    row = Row(
        lead, heading, *(_button(a) for a in actions), width=MATCH, height=64, padding=(4, 0), background=background
    )
    row.android_class, row.id = "android.view.ViewGroup", "toolbar"
    return row


def LargeTitle(title: str, *actions: ActionItem, on_up: Callable[[], object] | None = None) -> LinearLayout:
    """Return the tall app bar of a settings page: buttons above, the title large below."""
    lead: View = Space(width=4)
    if on_up is not None:
        lead = ImageButton("arrow_back", content_desc="Navigate up", on_click=on_up, colour="on_surface")
    buttons = Row(lead, Space(weight=1), *(_button(a) for a in actions), width=MATCH, height=64, padding=(4, 0))
    heading = TextView(title, style="display_small", margin=(24, 12, 24, 24), lines=2, id="collapsing_title")
    return Column(buttons, heading, width=MATCH, id="app_bar")


def ListItem(
    title: str,
    summary: str = "",
    *,
    icon: str = "",
    lead: View | None = None,
    trailing: View | None = None,
    title_style: str = "body_large",
    **attrs: Unpack[Attrs],
) -> LinearLayout:
    """Return a row of a list: something in front, a title over a summary, something behind."""
    enabled = attrs.get("enabled", True)
    words = Column(
        TextView(title, style=title_style, id="title", lines=2, enabled=enabled),
        TextView(summary, style="body_medium", colour="on_surface_variant", id="summary", lines=3, enabled=enabled)
        if summary
        else None,
        weight=1,
        padding=(0, 10),
    )
    if lead is None and icon:
        lead = ImageView(icon, id="icon", width=24, height=24, enabled=enabled)
    gap = Space(width=20) if lead is not None else None
    attrs.setdefault("width", MATCH)
    attrs.setdefault("min_height", 72 if summary else 56)
    attrs.setdefault("padding", (24, 0))
    return Row(lead, gap, words, Space(width=16) if trailing is not None else None, trailing, **attrs)


def SwitchItem(
    title: str,
    checked: bool,
    on_change: Callable[[bool], object],
    summary: str = "",
    *,
    icon: str = "",
    **attrs: Unpack[Attrs],
) -> LinearLayout:
    """Return a row with a switch; a tap anywhere on it switches."""
    enabled = attrs.get("enabled", True)
    alone = on_change if "on_click" in attrs else None  # a row that does something else has its switch apart
    mark = Switch(checked, id="switch_widget", content_desc=title, enabled=enabled, on_change=alone)
    attrs.setdefault("on_click", lambda: on_change(not checked))
    return ListItem(title, summary, icon=icon, trailing=mark, **attrs)


def MainSwitch(title: str, checked: bool, on_change: Callable[[bool], object], **attrs: Unpack[Attrs]) -> LinearLayout:
    """Return the broad switch at the head of a settings page."""
    look: Attrs = {
        "width": MATCH,
        "min_height": 72,
        "margin": (16, 8),
        "padding": (24, 0),
        "radius": 28,
        "background": "primary_container",
        "on_click": lambda: on_change(not checked),
    }
    look.update(attrs)
    return Row(
        TextView(title, style="title_large", colour="on_primary_container", weight=1, id="switch_text"),
        Switch(checked, content_desc=title, id="main_switch"),
        **look,
    )


def Section(title: str) -> TextView:
    """Return the heading of a group of rows."""
    return TextView(title, style="label_large", colour="primary", padding=(24, 16, 24, 8), width=MATCH)


def Card(*children: View | None, spacing: float = 0.0, **attrs: Unpack[Attrs]) -> LinearLayout:
    """Return a column on a raised surface with round corners."""
    attrs.setdefault("background", "surface_container")
    attrs.setdefault("radius", 16)
    attrs.setdefault("padding", 16)
    attrs.setdefault("width", MATCH)
    return Column(*children, spacing=spacing, **attrs)


class Destination(NamedTuple):
    """A place that a navigation bar leads to."""

    label: str
    icon: str


def BottomNavigation(places: Sequence[Destination], selected: int, on_select: Callable[[int], object]) -> LinearLayout:
    """Return a navigation bar, 80 dp high."""
    cells = []
    for number, place in enumerate(places):
        chosen = number == selected
        mark = FrameLayout(
            ImageView(
                place.icon, colour="on_secondary_container" if chosen else "on_surface_variant", gravity="center"
            ),
            width=64,
            height=32,
            radius=16,
            background="secondary_container" if chosen else "",
        )
        label = TextView(
            place.label, style="label_medium", colour="on_surface" if chosen else "on_surface_variant", lines=1
        )
        cells.append(
            Column(
                mark,
                label,
                spacing=4,
                align="center",
                weight=1,
                height=MATCH,
                selected=chosen,
                content_desc=place.label,
                on_click=partial(on_select, number),
                id=f"tab_{place.label.lower().replace(' ', '_')}",
                ripple=False,
                android_class="android.widget.FrameLayout",
            )
        )
    return Row(*cells, width=MATCH, height=80, background="surface_container", id="navigation_bar")


def TabBar(labels: Sequence[str], selected: int, on_select: Callable[[int], object]) -> LinearLayout:
    """Return tabs in a row, 48 dp high, the chosen one underlined."""
    cells: list[View] = []
    for number, label in enumerate(labels):
        chosen = number == selected
        text = TextView(
            label, style="title_small", colour="primary" if chosen else "on_surface_variant", gravity="center"
        )
        line = View(height=3, width=MATCH, gravity="bottom", background="primary", radius=2) if chosen else None
        cells.append(
            FrameLayout(
                text,
                line,
                weight=1,
                height=MATCH,
                selected=chosen,
                content_desc=label,
                on_click=partial(on_select, number),
            )
        )
    return Row(*cells, width=MATCH, height=48, id="tabs")


def FloatingActionButton(icon: str, label: str, act: Callable[[], object], **attrs: Unpack[Attrs]) -> ImageButton:
    """Return the round-cornered main button of a screen, 56 dp across."""
    look: Attrs = {
        "width": 56,
        "height": 56,
        "gravity": "bottom|right",
        "margin": 16,
        "radius": 16,
        "background": "primary_container",
        "id": "fab",
        "content_desc": label,
        "on_click": act,
    }
    look.update(attrs)
    return ImageButton(icon, colour="on_primary_container", **look)


def Dropdown(label: str, value: str, act: Callable[[], object], **attrs: Unpack[Attrs]) -> LinearLayout:
    """Return a spinner: the chosen value and an arrow; a tap should open a menu."""
    attrs.setdefault("width", MATCH)
    attrs.setdefault("min_height", 56)
    attrs.setdefault("padding", (16, 4))
    attrs.setdefault("radius", 4)
    attrs.setdefault("border", "outline")
    words = Column(
        TextView(label, style="body_small", colour="on_surface_variant") if label else None,
        TextView(value, style="body_large", lines=1, id="text1"),
        weight=1,
    )
    attrs["on_click"] = act
    row = Row(words, ImageView("arrow_drop_down"), **attrs)
    row.android_class, row.content_desc = "android.widget.Spinner", label
    return row


def Empty(text: str, icon: str = "") -> LinearLayout:
    """Return what a list without entries shows."""
    return Column(
        ImageView(icon, size=56, colour="outline") if icon else None,
        TextView(text, style="body_large", colour="on_surface_variant", align="center"),
        width=MATCH,
        height=MATCH,
        align="center",
        spacing=16,
        padding=(32, 0),
    )


# ---------------------------------------------------------------- app icons

# package -> (icon, background colour, ink)
_ICONS: dict[str, tuple[str, int, int]] = {
    "com.android.settings": ("settings", 0xFF5F6F84, 0xFFFFFFFF),
    "com.google.android.deskclock": ("access_time", 0xFF24305E, 0xFFE6ECFF),
    "com.google.android.contacts": ("person", 0xFF1E6FD9, 0xFFFFFFFF),
    "com.google.android.dialer": ("call", 0xFF158A57, 0xFFFFFFFF),
    "com.simplemobiletools.smsmessenger": ("chat", 0xFF2F9BB5, 0xFFFFFFFF),
    "com.simplemobiletools.calendar.pro": ("calendar_month", 0xFFD9542B, 0xFFFFFFFF),
    "net.gsantner.markor": ("edit", 0xFF33373E, 0xFFFF7A66),
    "com.google.android.documentsui": ("folder", 0xFFF0A91F, 0xFFFFFFFF),
    "org.tasks": ("task_alt", 0xFF3C7BE0, 0xFFFFFFFF),
    "com.arduia.expense": ("payments", 0xFF6A4FB3, 0xFFFFFFFF),
    "com.flauschcode.broccoli": ("restaurant", 0xFF4C8F2F, 0xFFFFFFFF),
    "com.android.chrome": ("language", 0xFFE8EEF7, 0xFF2C67C9),
    "com.android.camera2": ("photo_camera", 0xFF394450, 0xFFF2F5F7),
    "com.simplemobiletools.gallery.pro": ("photo_library", 0xFFC2417C, 0xFFFFFFFF),
    "com.dimowner.audiorecorder": ("mic", 0xFFC93A3A, 0xFFFFFFFF),
    "ca.zgrs.clipper": ("content_paste", 0xFF7B8794, 0xFFFFFFFF),
}
_SPARE = (0xFF47739B, 0xFF8B5FA8, 0xFF4A8A73, 0xFFA86A3D, 0xFF5B65B0)


@cache
def app_face(package: str) -> tuple[str, int, int]:
    """Return icon, background and ink of a package; those without artwork get a letter's colour by their name."""
    return _ICONS.get(package, ("apps", _SPARE[sum(package.encode()) % len(_SPARE)], 0xFFFFFFFF))


def AppIcon(package: str, size: float = 56, **attrs: Unpack[Attrs]) -> Picture:
    """Return a package's round icon."""
    icon, back, ink = app_face(package)

    def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
        radius = min(width, height) / 2
        p.circle(left + width / 2, top + height / 2, radius, back)
        side = radius * 1.1
        p.icon(icon, left + (width - side) / 2, top + (height - side) / 2, side, ink)

    look: Attrs = {"width": size, "height": size}
    look.update(attrs)
    return Picture(draw, **look)
