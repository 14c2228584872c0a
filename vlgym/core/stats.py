"""Intervals for the figures a person reads."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval; all NaN for no data."""

    value: float
    low: float
    high: float
    interval: str

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def to_json(self) -> dict[str, float | str]:
        """Return a plain dict."""
        return asdict(self)


def wilson(successes: int, n: int, z: float = 1.959963984540054) -> Interval:
    """Wilson score interval of a proportion (Wilson 1927), 95 % by default.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be between 0 and n = {n}, got {successes}.")
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, "Wilson 95%")
    p, z2 = successes / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Interval(p, max(centre - half, 0.0), min(centre + half, 1.0), "Wilson 95%")
