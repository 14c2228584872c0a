"""Measure, layout and text of views, by numbers worked out by hand at one pixel a dp."""

from __future__ import annotations

import pytest

pytest.importorskip("skia")

import numpy as np

from vlgym.android.state import State
from vlgym.android.ui import dialogs, material, paint, pickers
from vlgym.android.ui.edit import EditText, wrap
from vlgym.android.ui.frame import Frame
from vlgym.android.ui.scroll import RecyclerView, ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, LinearLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, CheckBox, RadioButton, SeekBar, Switch, TextView
from vlgym.android.ui.window import Window
from vlgym.android.ui.windows import WindowManager


def shown(view: View, width: int = 400, height: int = 600) -> View:
    """Lay a view out in a window of a display with one pixel a dp, and return it."""
    manager = WindowManager(State(width=400, height=800, density=160))
    return Window(manager, "test", "org.test", lambda: view, (0, 0, width, height)).tree()


def box(view: View) -> tuple[int, int, int, int]:
    """Return left, top, width, height."""
    return view.left, view.top, view.w, view.h


def block(width: float = 10, height: float = 10, **attrs: object) -> View:
    return View(width=width, height=height, **attrs)  # type: ignore[arg-type]


def test_column_stacks_with_margins_spacing_and_padding() -> None:
    a, b = block(50, 20, margin=(5, 1, 0, 2)), block(30, 10)
    column = shown(Column(a, b, spacing=4, padding=(10, 20, 10, 20)))
    assert box(a) == (15, 21, 50, 20)
    assert box(b) == (10, 47, 30, 10)
    assert box(column) == (0, 0, 400, 600)


def test_weights_share_what_is_left() -> None:
    a, b, c = block(100), Space(weight=1, height=10), Space(weight=2, height=10)
    shown(Row(a, b, c, width=MATCH))
    assert [view.w for view in (a, b, c)] == [100, 100, 200]
    assert [view.left for view in (a, b, c)] == [0, 100, 200]


def test_hidden_children_take_no_room() -> None:
    a, b = block(10, 10, visible=False), block(10, 10)
    shown(Column(a, b, spacing=8))
    assert b.top == 0


@pytest.mark.parametrize(
    ("gravity", "corner"),
    [
        ("", (0, 0)),
        ("center", (190, 295)),
        ("bottom|right", (380, 590)),
        ("center_vertical", (0, 295)),
        ("right", (380, 0)),
    ],
)
def test_gravity_in_a_frame(gravity: str, corner: tuple[int, int]) -> None:
    child = block(20, 10, gravity=gravity)
    shown(FrameLayout(child))
    assert (child.left, child.top) == corner


def test_match_parent_in_a_wrapped_parent_takes_the_widest_child() -> None:
    line, wide = View(width=MATCH, height=1), block(120, 10)
    column = Column(line, wide)
    shown(FrameLayout(column))
    assert (column.w, line.w) == (120, 120)


def test_a_dialog_keeps_its_buttons_when_its_content_is_long() -> None:
    rows = [TextView(f"Row {n}", style="body_large") for n in range(60)]
    dialog = shown(dialogs.AlertDialog("Title", *rows, buttons=(("OK", lambda: None),)))
    button = next(view for view in dialog.walk() if isinstance(view, Button))
    scroll = next(view for view in dialog.walk() if isinstance(view, ScrollView))
    assert dialog.h <= 600
    assert button.top + button.h <= 600
    assert scroll.furthest > 0
    assert dialog.left == 40
    assert dialog.w == 320


def test_scrolling_moves_children_and_stops_at_the_ends() -> None:
    rows = [block(100, 100) for _ in range(10)]
    scroll = shown(ScrollView(Column(*rows)))
    assert isinstance(scroll, ScrollView)
    assert scroll.furthest == 400
    scroll.scroll_by(150)
    scroll.window.tree()
    assert rows[2].top == 50
    scroll.scroll_by(10_000)
    assert scroll.offset == 400
    assert not scroll.can_scroll(1)
    scroll.reveal(rows[0])
    scroll.window.tree()


def test_a_recycler_builds_only_what_is_seen() -> None:
    built: list[int] = []

    def item(place: int) -> View:
        built.append(place)
        return TextView(str(place))

    view = shown(RecyclerView(1000, item, item_height=50, columns=2))
    assert isinstance(view, RecyclerView)
    assert built == list(range(24))
    assert view.furthest == 500 * 50 - 600
    view.scroll_to(1025)
    view.window.tree()
    assert [child.text_shown for child in view.children][:3] == ["40", "41", "42"]
    assert view.children[0].top == -25
    assert view.children[1].left == 200


def test_lines_break_at_blanks_and_end_in_an_ellipsis() -> None:
    width = paint.text_width("the quick brown", "Regular", 20)
    lines = paint.break_lines("the quick brown fox jumps over the dog", "Regular", 20, width, 2)
    assert lines[0] == "the quick brown"
    assert lines[1].endswith("…")
    assert all(paint.text_width(line, "Regular", 20) <= width for line in lines)
    assert paint.break_lines("one\ntwo", "Regular", 20, 1000, 9) == ("one", "two")
    assert paint.break_lines("", "Regular", 20, 100, 9) == ("",)
    assert paint.break_lines("unbreakable", "Regular", 20, 1, 99)[0] == "u"


def test_wrapped_rows_know_where_they_begin() -> None:
    text = "some words that wrap\n\nlast"
    rows = wrap(text, "Regular", 20, 100)
    assert "".join(row for _, row in rows) == text.replace("\n", "")
    assert all(text[start : start + len(row)] == row for start, row in rows)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("M1 2h3v4H0z", [(1, 2), (4, 2), (4, 6), (0, 6)]),
        ("m1 1l2 0 0 2zm5 5h1", [(1, 1), (3, 1), (3, 3), (6, 6), (7, 6)]),
        ("M0 0 4-1.5.5.5", [(0, 0), (4, -1.5), (0.5, 0.5)]),
    ],
)
def test_svg_paths(data: str, expected: list[tuple[float, float]]) -> None:
    points = [(p.x(), p.y()) for p in paint.svg_path(data).getPoints(32)]
    assert points[: len(expected)] == expected


def test_an_arc_with_flags_that_touch_their_neighbours() -> None:
    found = paint.svg_path("M2 12a10 10 0 1020 0 10 10 0 10-20 0z").computeTightBounds()
    assert [round(v) for v in (found.left(), found.top(), found.right(), found.bottom())] == [2, 2, 22, 22]


def test_every_icon_is_a_path_inside_its_square() -> None:
    from vlgym.android.ui.paint import _icon, _icon_lines

    assert len(_icon_lines()) > 200
    for name in _icon_lines():
        found = _icon(name, 24.0)[0].getBounds()
        assert found.width() > 1, name
        assert found.left() >= -2, name
        assert found.right() <= 26, name
        assert found.bottom() <= 26, name
    assert paint.has_icon("wifi")
    assert not paint.has_icon("nothing of the kind")


def test_icons_named_in_the_code_exist() -> None:
    import re
    from pathlib import Path

    import vlgym.android.ui

    root = Path(next(iter(vlgym.android.ui.__path__))).parent
    named: set[str] = set()
    for folder in ("ui", "apps"):
        for file in (root / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            named |= set(re.findall(r'(?:icon=|ImageView\(|ImageButton\(|ActionItem\()\s*"([a-z0-9_]+)"', text))
    assert len(named) > 40
    assert {name for name in named if not paint.has_icon(name)} == set()


def test_an_unknown_icon_is_named_in_the_error() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        paint._icon("unicorn", 24.0)


# ---------------------------------------------------------------- widgets


def test_switches_report_and_radio_buttons_only_go_on() -> None:
    heard: list[object] = []
    views = [
        Switch(False, on_change=heard.append),
        CheckBox(True, on_change=heard.append),
        RadioButton(True, on_change=heard.append),
        RadioButton(False, on_change=heard.append),
        Switch(False, on_change=heard.append, enabled=False),
    ]
    shown(Column(*views))
    for view in views:
        view.perform_click()
    assert heard == [True, False, True]


def test_a_slider_follows_the_finger() -> None:
    heard: list[int] = []
    bar = SeekBar(0, 10, on_change=heard.append)
    shown(Row(bar, width=MATCH))
    assert bar.on_drag is not None
    for x in (0.0, 0.5, 0.52, 1.0, 2.0):
        bar.on_drag("move", x, 0.5)
    assert heard == [5, 10]
    assert bar.on_key(21, "")
    assert heard[-1] == 9


def test_a_field_edits_its_text() -> None:
    heard: list[str] = []
    field = EditText("ab", hint="Name", on_text=heard.append)
    shown(Column(field))
    assert (field.text, field.cursor) == ("ab", 2)
    field.insert("c\nd")
    assert field.text == "abc d"
    field.select(1, 3)
    field.insert("X")
    assert (field.text, field.cursor) == ("aX d", 2)
    field.delete()
    field.delete(forward=True)
    assert field.text == "ad"
    assert heard == ["abc d", "aX d", "a d", "ad"]
    field.set_text("")
    assert field.text_shown == "Name"
    number = EditText(kind="number")
    shown(Column(number))
    number.insert("12a3.5")
    assert number.text == "1235"
    secret = EditText("hush", kind="password")
    shown(Column(secret))
    assert secret.text_shown == "••••"


def test_a_tap_puts_the_cursor_between_two_letters() -> None:
    field = EditText("mmmm")
    shown(Column(field))
    weight, size, _ = field.metrics.type("body_large")
    step = paint.text_width("m", weight, size)
    field.cursor_to(field.left + field.pads[0] + 2.2 * step, field.top + 20)
    assert field.cursor == 2
    many = EditText("one\ntwo\nthree", kind="multiline", width=300)
    shown(Column(many))
    assert many.h >= 3 * 24
    many.cursor_to(0, many.top + 16 + 24 + 3)
    assert many.cursor == 4


def test_the_clock_dial_reads_angles() -> None:
    heard: list[tuple[int, bool]] = []

    def note(value: int, lifted: bool) -> None:
        heard.append((value, lifted))

    hours = pickers.ClockDial(0, hours=True, half_day=False, on_change=note)
    minutes = pickers.ClockDial(0, hours=False, half_day=False, on_change=note)
    half = pickers.ClockDial(15, hours=True, half_day=True, on_change=note)
    shown(Column(hours, minutes, half))
    for dial, x, y in (
        (hours, 0.9, 0.5),
        (hours, 0.75, 0.5),
        (hours, 0.5, 0.25),
        (hours, 0.5, 0.1),
        (minutes, 0.1, 0.5),
    ):
        assert dial.on_drag is not None
        dial.on_drag("up", x, y)
    assert half.on_drag is not None
    half.on_drag("down", 0.9, 0.5)
    assert heard == [(3, True), (15, True), (0, True), (12, True), (45, True), (15, False)]


def test_the_calendar_has_the_days_of_its_month() -> None:
    picked: list[tuple[int, ...]] = []
    view = pickers.DatePicker(2024, 2, 29, lambda *day: picked.append(day), lambda *month: picked.append(month))
    shown(view)
    days = [v for v in view.walk() if isinstance(v, TextView) and v.text.isdigit()]
    assert [v.text for v in days] == [str(n) for n in range(1, 30)]
    assert days[0].left > days[3].left, "the 1st was a Thursday, the 4th a Sunday"
    assert [v.text for v in days if v.selected] == ["29"]
    days[10].perform_click()
    next(v for v in view.walk() if v.id == "next").perform_click()
    assert picked == [(2024, 2, 11), (2024, 3)]


def test_a_menu_stays_on_the_display() -> None:
    menu = shown(dialogs.PopupMenu((("One", lambda: None), ("Two", lambda: None)), (350, 560, 398, 598)))
    assert menu.left + menu.w <= 400
    assert menu.top + menu.h <= 600


def test_material_rows_have_their_sizes() -> None:
    item = shown(FrameLayout(material.ListItem("Title", "Summary", icon="wifi")))
    row = item.children[0]
    assert isinstance(row, LinearLayout)
    assert row.h >= 72
    bar = shown(FrameLayout(material.Toolbar("Title", material.ActionItem("more_vert", "More", lambda: None))))
    assert bar.children[0].h == 64
    assert [v.w for v in bar.walk() if v.content_desc == "More"] == [48]


def test_a_recording_plays_at_any_scale() -> None:
    recording = paint.Recording(100, 100)
    recording.painter.rect(0, 0, 50, 100, 0xFFFF0000)
    picture = recording.finish()
    for size in (100, 30):
        red = Frame(size, size, size / 100, size / 100).show([], picture)[..., 0] == 255
        assert red.shape == (size, size)
        assert np.array_equal(red, np.arange(size)[None, :].repeat(size, 0) < size / 2)
