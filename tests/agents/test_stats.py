"""Intervals against published and hand-worked values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vlgym.core.stats import wilson
from vlgym_agents.stats import bootstrap, interquartile_mean


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.27753),
        (5, 10, 0.23659, 0.76341),
        (10, 10, 0.72247, 1.0),
        (15, 50, 0.191036, 0.437504),
        (1, 1, 0.20655, 1.0),
    ],
)
def test_wilson(k, n, low, high):
    """p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2), over 1 + z^2/n, z = 1.959964."""
    found = wilson(k, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-6)
    assert found.value == k / n


def test_wilson_refuses_nonsense():
    assert math.isnan(wilson(0, 0).value)
    with pytest.raises(ValueError, match="between 0 and n = 3, got 4"):
        wilson(4, 3)


def test_bootstrap():
    x = np.random.default_rng(0).normal(3.0, 1.0, 400)
    found = bootstrap(x)
    assert found.value == pytest.approx(x.mean())
    half = 1.96 * x.std() / 20
    assert (found.low, found.high) == pytest.approx((x.mean() - half, x.mean() + half), abs=0.2 * half)
    assert bootstrap(x) == found
    assert bootstrap([2.0, 2.0]).low == bootstrap([2.0, 2.0]).high == 2.0
    assert math.isnan(bootstrap([]).low)
    assert bootstrap(x, np.median).value == np.median(x)


def test_interquartile_mean():
    assert interquartile_mean([0, 1, 2, 100]) == 1.5
    assert interquartile_mean(range(8)) == pytest.approx(3.5)
    assert interquartile_mean([7.0]) == 7.0
    assert interquartile_mean([0, 1, 2, 3, 100]) == pytest.approx((0.75 * 1 + 2 + 0.75 * 3) / 2.5)
    assert interquartile_mean([[0, 1, 2, 100], [4, 4, 4, 4]]).tolist() == [1.5, 4.0]
