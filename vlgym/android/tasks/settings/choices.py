"""Tasks that choose from lists and move sliders of the settings."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from vlgym.android.tasks.settings.base import DISPLAY, FONT_SIZES, Key, SettingsTask, walk
from vlgym.android.tasks.template import Params, Screen, click, seek


class Choice(SettingsTask):
    """One of a list of values."""

    def __init__(
        self, name: str, steps: int, instruction: str, path: tuple[str, ...], key: Key, values: Mapping[str, str]
    ) -> None:
        self.name, self.steps, self.instruction, self.path = name, steps, instruction, path
        self.key, self.values = key, dict(values)
        self.checkpoints = ("open the settings", "choose {choice}")

    def draw(self, rng: random.Random) -> Params:
        """Draw what is wanted, what is there and what would be wrong."""
        choice, before, wrong = rng.sample(sorted(self.values), 3) if len(self.values) > 2 else (*self._two(rng), "")
        return {"choice": choice, "before": before, "wrong": wrong}

    def _two(self, rng: random.Random) -> list[str]:
        return rng.sample(sorted(self.values), 2)

    def begin(self, p: Params) -> dict[Key, str]:
        """Return another choice."""
        return {self.key: self.values[p["before"]]}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the choice."""
        return {self.key: self.values[p["choice"]]}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go there and choose."""
        yield from walk(screen, *self.path)
        if p["choice"]:
            yield from seek(screen, p["choice"])
            yield click(p["choice"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose something else, or nothing."""
        yield from self.solve(screen, {"choice": p["wrong"]})


class Slider(SettingsTask):
    """A slider, moved to one of its ends or somewhere between."""

    def __init__(
        self,
        name: str,
        steps: int,
        instruction: str,
        choices: Mapping[str, tuple[tuple[str, ...], str, Key]],
        limits: Mapping[str, tuple[float, Sequence[str]]],
    ) -> None:
        self.name, self.steps, self.instruction, self.choices = name, steps, instruction, choices
        self.limits = limits
        self.checkpoints = ("open the settings", "set {what} to {end}")

    def draw(self, rng: random.Random) -> Params:
        """Draw which one and which end."""
        return {"what": rng.choice(sorted(self.choices)), "end": rng.choice(sorted(self.limits))}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the value at that end."""
        key, values = self.choices[p["what"]][2], self.limits[p["end"]][1]
        return {key: values[sorted(self.choices).index(p["what"])]}

    def solve(self, screen: Screen, p: Params, share: float | None = None) -> Iterator[str]:
        """Drag it there."""
        path, label, _ = self.choices[p["what"]]
        yield from walk(screen, *path)
        yield from seek(screen, label)
        bar = screen.get(label, class_name="android.widget.SeekBar")
        left, top, right, bottom = bar.bounds
        at = self.limits[p["end"]][0] if share is None else share
        x, y = left + (right - left) * at, (top + bottom) / 2
        yield f"tap({min(max(x, left + 0.0004), right - 0.0004):.5f}, {y:.4f})"

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Drag it elsewhere."""
        yield from self.solve(screen, p, 0.36)


class FontSize(SettingsTask):
    """The font size."""

    name = "SettingsFontSize"
    instruction = "Make the text on the phone {size}: set the font size to {choice}."
    checkpoints = ("open the settings", "set the font size to {choice}")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw a size."""
        choice = rng.choice([name for name in FONT_SIZES if name != "Default"])
        return {"choice": choice, "size": "smaller" if choice == "Small" else "larger", "place": _size_place(choice)}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the scale."""
        return {("system", "font_scale"): FONT_SIZES[p["choice"]]}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the slider at that place."""
        yield from walk(screen, DISPLAY, "Font size")
        left, top, right, bottom = screen.get("Font size", class_name="android.widget.SeekBar").bounds
        inset = 0.0306  # of the track's ends, 12 dp
        x = left + inset + (right - left - 2 * inset) * p["place"] / (len(FONT_SIZES) - 1)
        yield f"tap({x:.4f}, {(top + bottom) / 2:.4f})"

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the next place."""
        place = p["place"] - 1 if p["place"] else 1
        yield from self.solve(screen, {"place": place})


def _size_place(name: str) -> int:
    return list(FONT_SIZES).index(name)
