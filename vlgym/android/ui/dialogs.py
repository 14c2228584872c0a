"""What lies over a screen: dialogs, menus, sheets, snackbars, toasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Unpack

from vlgym.android.ui.attrs import Attrs
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, LinearLayout, Row, Space, View, ViewGroup
from vlgym.android.ui.widgets import Button, CheckBox, ImageButton, RadioButton, TextView

if TYPE_CHECKING:
    from vlgym.android.ui.window import Window

Callback = Callable[[], object]
_LOW_DP = 280.0
"""A window lower than this has no room for a dialog's title beside its buttons."""


def AlertDialog(
    title: str,
    *content: View | None,
    message: str = "",
    buttons: Sequence[tuple[str, Callback]] = (),
    lead: View | None = None,
    wide: bool = False,
) -> LinearLayout:
    """Return a dialog: title, message, content and text buttons at the lower right, the positive one last.

    `lead` stands at the lower left. On a low display the title scrolls with the content, so that the buttons are seen.
    """
    body = [view for view in content if view is not None]
    if message:
        body.insert(
            0, TextView(message, style="body_medium", colour="on_surface_variant", id="message", margin=(24, 0))
        )
    actions = [Button(label, kind="text", on_click=act, id=f"button{n}") for n, (label, act) in enumerate(buttons, 1)]
    heading = (
        TextView(title, style="headline_small", id="alertTitle", margin=(24, 24, 24, 16)) if title else Space(height=24)
    )
    foot = Row(lead, Space(weight=1), *actions, width=MATCH, padding=(16, 16, 24, 20), spacing=8) if actions else None
    dialog = _Dialog(
        heading,
        body,
        foot,
        width=360 if wide else 320,
        background="surface_high",
        radius=28,
        padding=0 if actions else (0, 0, 0, 20),
    )
    dialog.place = "center"
    return dialog


class _Dialog(LinearLayout):
    """A title over content that scrolls over buttons."""

    def __init__(self, heading: View, body: Sequence[View], foot: View | None, **attrs: Unpack[Attrs]) -> None:
        super().__init__(**attrs)
        self.heading, self.body, self.foot = heading, body, foot

    def attach(self, window: Window, parent: ViewGroup | None, key: str) -> None:
        """Join a window; its height decides where the title stands."""
        low = window.box[3] - window.box[1] < window.metrics.dp(_LOW_DP)
        gap = Space(visible=False)  # in the title's other place, so that the keys of what follows stay
        content = [self.heading if low else gap, *self.body]
        scroll = ScrollView(Column(*content, width=MATCH), width=MATCH, id="dialog_content")
        scroll.measured_last = True
        parts = [gap if low else self.heading, scroll, self.foot]
        self.children = [part for part in parts if part is not None]
        super().attach(window, parent, key)


def ChoiceDialog(
    title: str, options: Sequence[str], chosen: int, on_choose: Callable[[int], object], on_cancel: Callback
) -> LinearLayout:
    """Return a dialog of radio buttons; choosing one should close it."""
    rows = [
        Row(
            RadioButton(place == chosen),
            TextView(text, style="body_large", id="text1"),
            width=MATCH,
            min_height=52,
            spacing=16,
            padding=(24, 0),
            on_click=partial(on_choose, place),
            content_desc="",
        )
        for place, text in enumerate(options)
    ]
    return AlertDialog(title, *rows, buttons=(("Cancel", on_cancel),))


def CheckDialog(
    title: str,
    options: Sequence[str],
    chosen: Sequence[int],
    on_toggle: Callable[[int], object],
    buttons: Sequence[tuple[str, Callback]],
    above: View | None = None,
) -> LinearLayout:
    """Return a dialog of check boxes, below a view if one is given."""
    rows = [
        Row(
            CheckBox(place in chosen),
            TextView(text, style="body_large", id="text1"),
            width=MATCH,
            min_height=52,
            spacing=16,
            padding=(24, 0),
            on_click=partial(on_toggle, place),
        )
        for place, text in enumerate(options)
    ]
    return AlertDialog(title, above, *rows, buttons=buttons)


def PopupMenu(items: Sequence[tuple[str, Callback]], at: Sequence[int] = ()) -> LinearLayout:
    """Return a menu beside the box `at` (left, top, right, bottom in pixels), as `Activity.menu` passes it."""
    rows = [
        Row(
            TextView(text, style="body_large", lines=1, id="title"),
            min_height=48,
            padding=(16, 0),
            width=MATCH,
            on_click=act,
        )
        for text, act in items
    ]
    inner = Column(*rows, width=MATCH)
    menu = Column(
        ScrollView(inner, width=MATCH),
        background="surface_container",
        radius=8,
        padding=(0, 8),
        min_width=160,
        width=200,
    )
    menu.android_class = "android.widget.ListView"
    menu.place = "anchor" if at else "center"
    if at:
        left, top, right, bottom = at
        menu.anchor = (left, top, right, bottom)
    return menu


def BottomSheet(*content: View | None, title: str = "") -> LinearLayout:
    """Return a sheet at the foot of the screen."""
    handle = View(
        width=32, height=4, radius=2, background="outline", gravity="center_horizontal", margin=(0, 16, 0, 12)
    )
    heading = TextView(title, style="title_large", margin=(24, 0, 24, 8)) if title else None
    body = Column(handle, heading, *content, width=MATCH, padding=(0, 0, 0, 32), background="surface_low", radius=28)
    sheet = Column(body, width=MATCH)
    sheet.place = "bottom"
    return sheet


def SnackbarView(text: str, action: str, on_action: Callback) -> LinearLayout:
    """Return a snackbar."""
    button = (
        Row(
            TextView(action, style="label_large", colour="inverse_primary"),
            padding=(12, 0),
            min_height=40,
            radius=20,
            on_click=on_action,
            content_desc=action,
        )
        if action
        else None
    )
    bar = Row(
        TextView(text, style="body_medium", colour="inverse_on_surface", weight=1, id="snackbar_text", padding=(0, 14)),
        button,
        width=MATCH,
        min_height=48,
        padding=(16, 0, 8, 0),
        background="inverse_surface",
        radius=4,
        margin=0,
    )
    bar.place = "bottom"
    return bar


def ToastView(text: str) -> LinearLayout:
    """Return a toast."""
    words = TextView(text, style="body_medium", colour="on_surface", align="center", padding=(20, 12), lines=3)
    toast = Row(words, background="surface_highest", radius=24, ripple=False)
    toast.android_class, toast.place = "android.widget.FrameLayout", "bottom"
    return toast


# ---------------------------------------------------------------- pickers


def Stepper(
    value: int,
    least: int,
    most: int,
    on_change: Callable[[int], object],
    *,
    width: int = 2,
    name: str = "",
    wrap: bool = True,
) -> LinearLayout:
    """Return a NumberPicker: the value between an arrow up and an arrow down."""

    def step(by: int) -> None:
        new = value + by
        span = most - least + 1
        on_change(least + (new - least) % span if wrap else min(max(new, least), most))

    picker = Column(
        ImageButton("keyboard_arrow_up", on_click=lambda: step(1), content_desc=f"Increase {name}", id=f"{name}_up"),
        TextView(f"{value:0{width}d}", style="display_small", id=f"{name}_value", padding=(8, 4)),
        ImageButton(
            "keyboard_arrow_down", on_click=lambda: step(-1), content_desc=f"Decrease {name}", id=f"{name}_down"
        ),
        align="center",
    )
    picker.android_class, picker.id = "android.widget.NumberPicker", name
    return picker
