"""Drawing only what differs: the frame is, bit for bit, the one that is drawn from nothing."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skia")

from phone import SETTINGS, Phone, act, actions

from vlgym.android.ui.frame import Frame, damage
from vlgym.android.ui.paint import Painter

NIGHT = "settings put secure ui_night_mode 2"
TURNED = "settings put system accelerometer_rotation 0; settings put system user_rotation 1"
LARGE = "settings put system font_scale 1.3; settings put secure navigation_mode 0"


@pytest.mark.parametrize(
    ("seed", "size", "setup"),
    [
        (1, (360, 800), "true"),
        (2, (360, 800), NIGHT),
        (3, (333, 711), "true"),
        (4, (360, 800), TURNED),
        (5, (540, 1200), LARGE),
        (6, (180, 400), "true"),
    ],
)
def test_a_walk_shows_what_a_frame_from_nothing_shows(seed: int, size: tuple[int, int], setup: str) -> None:
    phone, other = Phone(), Phone()
    phone.shell(setup)
    changes, last = 0, phone.screenshot(size)
    for step in actions(seed, 150):
        act(phone, *step)
        picture = phone.screenshot(size)
        other.restore(phone.snapshot())
        other.windows._frames.clear()
        assert np.array_equal(picture, other.screenshot(size)), step
        changes, last = changes + (picture is not last and not np.array_equal(picture, last)), picture
    assert changes > 30


def test_a_held_finger_marks_its_row_at_each_move_of_the_list() -> None:
    phone, other = Phone(), Phone()
    phone.start_activity(SETTINGS)
    for turn in range(40):
        phone.touch("down", 500, 700 + 31 * turn)
        for y in range(0, 300, 60):
            phone.advance(0.03)
            other.restore(phone.snapshot())
            other.windows._frames.clear()
            assert np.array_equal(phone.screenshot((360, 800)), other.screenshot((360, 800)))
            phone.touch("move", 500, 700 + 31 * turn - (-1) ** turn * y)
        phone.touch("up", 500, 2000)
        phone.advance(0.02)


def strokes(*shapes: tuple[str, tuple[float, ...]]) -> list[tuple[object, ...]]:
    """Return the operations of a painter's methods."""
    p = Painter()
    for name, values in shapes:
        getattr(p, name)(*values)
    return p.ops


def test_damage_is_where_two_screens_differ() -> None:
    rows = [("rect", (0, 100 * n, 400, 100 * n + 100, 0xFFFFFFFF)) for n in range(8)]
    old = strokes(*rows)
    assert damage(old, strokes(*rows), 1.0) == []
    marked = strokes(*rows[:3], ("rect", (20, 330, 80, 360, 0xFF0000FF)), *rows[3:])
    (box,) = damage(old, marked, 1.0)
    assert box[0] <= 20
    assert box[2] >= 80
    assert 320 < box[1] <= 330
    assert 360 <= box[3] < 370
    far = strokes(("rect", (0, 0, 9, 9, 1)), *rows, ("rect", (0, 790, 9, 799, 1)))
    assert len(damage(old, far, 1.0)) == 2


def test_damage_holds_a_curve_whole() -> None:
    ring = ("circle", (200.0, 400.0, 150.0, 0xFF00FF00, 4.0))
    old = strokes(ring)
    (box,) = damage(old, strokes(ring, ("rect", (190, 240, 210, 300, 0xFF0000FF))), 1.0)
    assert box[0] <= 48
    assert box[1] <= 240
    assert box[2] >= 352
    assert box[3] >= 552


def test_an_order_that_changes_is_drawn() -> None:
    red, blue = ("rect", (0, 0, 60, 60, 0xFFFF0000)), ("rect", (30, 30, 90, 90, 0xFF0000FF))
    frame = Frame(100, 100, 1.0, 1.0)
    first = frame.show(strokes(red, blue)).copy()
    second = frame.show(strokes(blue, red))
    assert tuple(first[45, 45]) == (0, 0, 255)
    assert tuple(second[45, 45]) == (255, 0, 0)


def test_pictures_that_are_held_stay_as_they_were() -> None:
    frame, kept = Frame(40, 40, 1.0, 1.0), []
    for x in range(8):
        kept.append(frame.show(strokes(("rect", (5 * x, 0, 5 * x + 5, 40, 0xFFFFFFFF)))))
    for x, picture in enumerate(kept):
        assert picture[:, 5 * x : 5 * x + 5].min() == 255
        assert int(picture.sum()) == 255 * 3 * 40 * 5
        assert not picture.flags.writeable
