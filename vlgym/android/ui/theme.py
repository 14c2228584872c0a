"""Material 3 tokens (colours, type scale) and the metrics of a display: density, font scale, day or night."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from vlgym.android.ui.paint import LIGHT, MEDIUM, REGULAR

Palette = dict[str, int]
Sides = float | tuple[float, float] | tuple[float, float, float, float]
"""dp on all sides, (horizontal, vertical) or (left, top, right, bottom)."""

# The baseline scheme of Material 3 for a blue seed, https://m3.material.io/styles/color/static/baseline
_DAY = """primary 415F91, on_primary FFFFFF, primary_container D6E3FF, on_primary_container 284777, secondary 565F71,
on_secondary FFFFFF, secondary_container DAE2F9, on_secondary_container 3E4759, tertiary 705575, on_tertiary FFFFFF,
tertiary_container FAD8FD, on_tertiary_container 573E5C, error BA1A1A, on_error FFFFFF, surface F9F9FF,
surface_low F3F3FA, surface_container EDEDF4, surface_high E7E8EE, surface_highest E2E2E9, on_surface 191C20,
on_surface_variant 44474E, outline 74777F, outline_variant C4C6D0, inverse_surface 2E3036, inverse_on_surface F0F0F7,
inverse_primary AAC7FF, white FFFFFF, black 000000"""
_NIGHT = """primary AAC7FF, on_primary 0A305F, primary_container 284777, on_primary_container D6E3FF, secondary BEC6DC,
on_secondary 283141, secondary_container 3E4759, on_secondary_container DAE2F9, tertiary DDBCE0, on_tertiary 3F2844,
tertiary_container 573E5C, on_tertiary_container FAD8FD, error FFB4AB, on_error 690005, surface 111318,
surface_low 191C20, surface_container 1D2024, surface_high 282A2F, surface_highest 33353A, on_surface E2E2E9,
on_surface_variant C4C6D0, outline 8E9099, outline_variant 44474E, inverse_surface E2E2E9, inverse_on_surface 2E3036,
inverse_primary 415F91, white FFFFFF, black 000000"""


def _palette(text: str) -> Palette:
    pairs = (entry.split() for entry in text.replace("\n", " ").split(","))
    return {name: 0xFF000000 | int(value, 16) for name, value in pairs}


DAY, NIGHT = _palette(_DAY), _palette(_NIGHT)

TYPE: dict[str, tuple[float, float, str]] = {
    "display_large": (57, 64, LIGHT),
    "display_medium": (45, 52, REGULAR),
    "display_small": (36, 44, REGULAR),
    "headline_large": (32, 40, REGULAR),
    "headline_medium": (28, 36, REGULAR),
    "headline_small": (24, 32, REGULAR),
    "title_large": (22, 28, REGULAR),
    "title_medium": (16, 24, MEDIUM),
    "title_small": (14, 20, MEDIUM),
    "list_title": (18, 24, REGULAR),
    "body_large": (16, 24, REGULAR),
    "body_medium": (14, 20, REGULAR),
    "body_small": (12, 16, REGULAR),
    "label_large": (14, 20, MEDIUM),
    "label_medium": (12, 16, MEDIUM),
    "label_small": (11, 16, MEDIUM),
}
"""Style -> (size in sp, line height in sp, weight)."""


@lru_cache(4096)
def translucent(colour: int, alpha: float) -> int:
    """Return a colour with its opacity multiplied."""
    return round((colour >> 24) * alpha) << 24 | colour & 0xFFFFFF


@dataclass(frozen=True)
class Metrics:
    """What a view must know of its display.

    Attributes:
        width, height: of the display as it is turned now, in pixels.
        density: pixels a dp.
        font_scale: sp a dp.
        night: dark theme.
    """

    width: int
    height: int
    density: float
    font_scale: float = 1.0
    night: bool = False
    colours: Palette = field(init=False, compare=False, repr=False)
    _pixels: dict[float, int] = field(default_factory=dict, init=False, compare=False, repr=False)
    _sides: dict[Sides, tuple[int, int, int, int]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "colours", NIGHT if self.night else DAY)

    def dp(self, value: float) -> int:
        """Return dp as whole pixels; anything above nothing is at least one."""
        pixels = self._pixels.get(value)
        if pixels is None:
            pixels = round(value * self.density)
            self._pixels[value] = pixels = pixels if pixels or not value else 1
        return pixels

    def sides(self, value: Sides) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in pixels."""
        found = self._sides.get(value)
        if found is None:
            dp = self.dp
            if isinstance(value, (int, float)):
                found = (dp(value),) * 4
            elif len(value) == 2:
                found = (dp(value[0]), dp(value[1])) * 2
            else:
                found = (dp(value[0]), dp(value[1]), dp(value[2]), dp(value[3]))
            self._sides[value] = found
        return found

    def colour(self, name: str | int) -> int:
        """Return a token's colour; ``"primary/0.12"`` is the token at 12 % opacity; numbers are colours already."""
        if isinstance(name, int):
            return name
        token, _, alpha = name.partition("/")
        return translucent(self.colours[token], float(alpha)) if alpha else self.colours[token]

    def type(self, style: str) -> tuple[str, float, float]:
        """Return weight, size and line height in pixels of a style of `TYPE`."""
        size, line, weight = TYPE[style]
        scale = self.density * self.font_scale
        return weight, round(size * scale, 2), round(line * scale)
