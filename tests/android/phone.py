"""A device for tests of the screen: finds what is shown and touches it as a person would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from vlgym.android.device import Device
from vlgym.android.ui.view import View

SMALL = (270, 600)
SETTINGS = "com.android.settings/.Settings"
CLOCK = "com.google.android.deskclock/com.android.deskclock.DeskClock"
_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")
Box = tuple[int, int, int, int]


def bounds(node: ElementTree.Element) -> Box:
    """Return left, top, right, bottom of a node of the hierarchy."""
    found = _BOUNDS.fullmatch(node.get("bounds", ""))
    assert found is not None, node.attrib
    left, top, right, bottom = map(int, found.groups())
    return left, top, right, bottom


class Phone(Device):
    """A Device with eyes."""

    def nodes(self) -> list[ElementTree.Element]:
        """Return the nodes of the hierarchy."""
        return list(ElementTree.fromstring(self.hierarchy()).iter("node"))

    def named(self, name: str) -> list[ElementTree.Element]:
        """Return the nodes whose text, description or id is the name, the one drawn last first."""
        keys = ("text", "content-desc")
        return [
            node
            for node in reversed(self.nodes())
            if name in [node.get(key) for key in keys] or node.get("resource-id", "").endswith(":id/" + name)
        ]

    def shows(self, name: str) -> bool:
        """Return whether something of that name is on the screen."""
        return bool(self.named(name))

    def centre(self, name: str) -> tuple[float, float]:
        """Return the middle of what has a name."""
        found = self.named(name)
        assert found, f"{name!r} is not among {sorted({n.get('text', '') for n in self.nodes()})}"
        left, top, right, bottom = bounds(found[0])
        return (left + right) / 2, (top + bottom) / 2

    def press(self, *names: str) -> Phone:
        """Tap what has each of the names in turn, half a second apart."""
        for name in names:
            self.tap(*self.centre(name))
            self.advance(0.5)
        return self

    def scroll_to(self, name: str) -> Phone:
        """Scroll down until something of that name is shown."""
        for _ in range(12):
            found = self.named(name)
            if found and bounds(found[0])[3] < self.size[1] - 200:
                return self
            width, height = self.size
            self.swipe(width * 0.6, height * 0.6, width * 0.6, height * 0.4, 0.6)
            self.advance(2.5)
        assert self.shows(name), name
        return self

    def views(self) -> Iterator[View]:
        """Yield the views on the screen, lowest window first."""
        for window in self.windows.layers():
            yield from window.tree().walk()

    def logged(self, tag: str) -> list[str]:
        """Return the log lines of a tag."""
        return [entry.message for entry in self.state.log.entries() if entry.tag == tag]


def act(phone: Device, kind: int, x: int, y: int, code: int) -> None:
    """Do one of a few random actions."""
    if kind < 6:
        phone.tap(x, y)
    elif kind == 6:
        phone.swipe(x, y, code * 7 % 1080, code * 13 % 2400, 0.2)
    elif kind == 7:
        phone.key((4, 3, 187, 66, 20, 61, 4, 24)[code % 8])
    elif kind == 8:
        phone.text("ab 1"[: code % 5])
    elif kind == 9:
        phone.swipe(x, y, x, y, 0.6)
    elif kind == 10:
        phone.shell(("am start -n " + CLOCK, "am start -n " + SETTINGS, "cmd statusbar expand-notifications")[code % 3])
    phone.advance((0.0, 0.05, 0.4, 2.0)[code % 4])


def actions(seed: int, count: int) -> list[tuple[int, int, int, int]]:
    """Return random actions: (kind, x, y, number)."""
    import random

    rng = random.Random(seed)
    return [(rng.randrange(11), rng.randrange(1080), rng.randrange(2400), rng.randrange(400)) for _ in range(count)]
