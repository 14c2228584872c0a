"""What the tests of the apps share: a phone with an app in front, and a look at everything that can be touched."""

from __future__ import annotations

from phone import Phone

from vlgym.android.elements import Elements, from_views


def started(package: str) -> Phone:
    """Return a phone that shows an app's first screen."""
    phone = Phone()
    phone.windows.launch(package)
    phone.advance(1.0)
    return phone


def elements(phone: Phone) -> Elements:
    """Return the element list of the screen."""
    windows = [(window.package, window.tree()) for window in phone.windows.in_front()]
    return from_views(windows, *phone.size)


def hold(phone: Phone, name: str) -> Phone:
    """Touch what has a name for a long time."""
    x, y = phone.centre(name)
    phone.swipe(x, y, x, y, 0.8)
    phone.advance(0.5)
    return phone


def write(phone: Phone, field: str, words: str) -> Phone:
    """Touch a field and replace what is in it."""
    phone.press(field)
    phone.chord(113, 29)
    phone.key(67)
    phone.text(words)
    return phone


def check_screen(phone: Phone) -> None:
    """Check what holds on every screen: everything that can be touched has a name, and it draws, day and night."""
    for element in elements(phone).touchables:
        assert element.words or element.hint or element.text, f"{element.label} has no name"
    day = phone.screenshot((270, 600)).copy()
    phone.shell("settings put secure ui_night_mode 2")
    assert (phone.screenshot((270, 600)) != day).mean() > 0.3
    phone.shell("settings put secure ui_night_mode 1")
    assert (phone.screenshot((270, 600)) == day).all()
    data = phone.snapshot()
    phone.restore(data)
    assert (phone.screenshot((270, 600)) == day).all()
    assert phone.snapshot() == data
