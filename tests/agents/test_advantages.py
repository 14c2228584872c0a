"""Advantages against numbers worked by hand, and the properties every baseline must keep."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlgym_agents.advantages import gae, group_advantages, to_tokens, zero_variance

NAN = math.nan
returns_lists = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=16)
baselines = st.sampled_from(["mean", "mean_std", "rloo"])


@pytest.mark.parametrize(
    ("returns", "norm", "ddof", "expected"),
    [
        ([1, 0, 0, 1], "mean_std", 1, [0.8660, -0.8660, -0.8660, 0.8660]),
        ([1, 0, 0, 1], "mean_std", 0, [1, -1, -1, 1]),
        ([1, 0, 0, 1], "mean", 1, [0.5, -0.5, -0.5, 0.5]),
        ([1, 0, 0, 0], "mean_std", 1, [1.5, -0.5, -0.5, -0.5]),
        ([1, 0, 0, 0], "mean_std", 0, [1.7320, -0.5773, -0.5773, -0.5773]),
        ([1, 0, 0, 0], "rloo", 1, [1, -1 / 3, -1 / 3, -1 / 3]),
        ([1, 0, 0, 0, 0, 0, 0, 0], "mean_std", 1, [2.4749] + [-0.3536] * 7),
        ([1, 0, 0, 0, 0, 0, 0, 0], "mean_std", 0, [2.6458] + [-0.3780] * 7),
        ([1, 0, -0.5, 0], "mean_std", 1, [1.3908, -0.1987, -0.9934, -0.1987]),
        ([1, 0, -0.5, 0], "none", 1, [1, 0, -0.5, 0]),
    ],
)
def test_numbers_worked_by_hand(returns, norm, ddof, expected):
    got = group_advantages(returns, norm, ddof=ddof)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("norm", ["mean", "mean_std", "rloo"])
def test_a_group_without_variance_gives_exact_zeros(norm):
    for group in ([0.3] * 8, [1 / 3, 1 / 3 + 1e-9], [5.0], [NAN, 2.0], [NAN, NAN], []):
        assert zero_variance(group)
        assert np.array_equal(group_advantages(group, norm), np.zeros(len(group), np.float32))
    assert not zero_variance([0.3, 0.31])


def test_without_baseline_an_even_group_keeps_its_returns():
    assert group_advantages([0.5, 0.5, NAN], "none").tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("norm", ["mean", "mean_std", "rloo", "none"])
def test_an_unusable_episode_counts_for_nothing(norm):
    got = group_advantages([1, NAN, 0, 0, NAN, 1], norm)
    np.testing.assert_array_equal(got[[0, 2, 3, 5]], group_advantages([1, 0, 0, 1], norm))
    assert got[1] == got[4] == 0


@given(returns_lists, baselines)
def test_a_baseline_leaves_no_mean(returns, norm):
    total = float(group_advantages(returns, norm).astype(np.float64).sum())
    assert abs(total) <= 1e-5 * max(1.0, float(np.abs(returns).sum()))


@given(returns_lists, baselines, st.floats(-50, 50, width=32))
def test_a_constant_added_to_every_return_changes_nothing(returns, norm, shift):
    moved = group_advantages(np.asarray(returns, np.float64) + shift, norm)
    np.testing.assert_allclose(group_advantages(returns, norm), moved, rtol=1e-3, atol=1e-3)


@given(returns_lists, baselines, st.randoms())
def test_order_of_members_is_irrelevant(returns, norm, random):
    order = list(range(len(returns)))
    random.shuffle(order)
    whole = group_advantages(returns, norm)
    np.testing.assert_allclose(group_advantages(np.asarray(returns)[order], norm), whole[order], rtol=1e-5, atol=1e-5)


@given(returns_lists)
def test_leave_one_out_is_what_its_name_says(returns):
    values = np.asarray(returns, np.float64)
    if zero_variance(values):
        return
    others = [np.delete(values, i).mean() for i in range(len(values))]
    np.testing.assert_allclose(group_advantages(values, "rloo"), values - others, rtol=1e-4, atol=1e-4)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"'mean_sd'\. Did you mean 'mean_std'"):
        group_advantages([1, 0], "mean_sd")
    with pytest.raises(ValueError, match="finite"):
        group_advantages([1, math.inf])
    with pytest.raises(ValueError, match="one-dimensional"):
        group_advantages([[1, 0]])


def test_gae_worked_by_hand():
    advantages, targets = gae([0, 0, 1], [0.2, 0.4, 0.6], gamma=0.9, lam=0.95)
    np.testing.assert_allclose(advantages, [0.57211, 0.48200, 0.40000], atol=1e-5)
    np.testing.assert_allclose(targets, [0.77211, 0.88200, 1.00000], atol=1e-5)
    normalised = group_advantages(advantages, "mean_std", eps=1e-8)
    np.testing.assert_allclose(normalised, [1.0153, -0.0314, -0.9839], atol=1e-4)


def test_gae_bootstraps_over_a_time_limit():
    advantages, _ = gae([0, 0], [0.2, 0.4], gamma=0.9, lam=0.95, bootstrap=0.6)
    deltas = 0.9 * 0.4 - 0.2, 0.9 * 0.6 - 0.4
    np.testing.assert_allclose(advantages, [deltas[0] + 0.9 * 0.95 * deltas[1], deltas[1]], rtol=1e-6)
    unknown, targets = gae([0, 7], [0.2, 0.4], gamma=0.9, lam=0.95, bootstrap=None)
    np.testing.assert_allclose(unknown, [deltas[0], 0], rtol=1e-6)
    assert targets[1] == np.float32(0.4)


@given(st.lists(st.tuples(st.floats(-2, 2, width=32), st.floats(-2, 2, width=32)), min_size=1, max_size=12))
def test_gae_limits(steps):
    rewards, values = (np.asarray(x, np.float64) for x in zip(*steps))
    monte_carlo, targets = gae(rewards, values, gamma=1.0, lam=1.0)
    np.testing.assert_allclose(targets, np.cumsum(rewards[::-1])[::-1], atol=1e-4)
    np.testing.assert_allclose(monte_carlo + values, targets, atol=1e-5)
    one_step, _ = gae(rewards, values, gamma=0.9, lam=0.0)
    np.testing.assert_allclose(one_step, rewards + 0.9 * np.append(values[1:], 0) - values, atol=1e-5)


def test_gae_refuses_unequal_lengths():
    with pytest.raises(ValueError, match="as many values as rewards"):
        gae([0, 1], [0.5], gamma=1, lam=1)
    with pytest.raises(ValueError, match="at least one"):
        gae([], [], gamma=1, lam=1)


def test_spreading_over_sampled_tokens():
    # Stream prompt,prompt,a,a,a,obs,obs,a,a with A = 2: only the five sampled tokens exist, and all of them get 2.
    stream = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1], bool)
    trace, turn = np.zeros(5, int), np.array([0, 0, 0, 1, 1])
    full = np.zeros(9)
    full[stream] = to_tokens([2.0], trace, turn)
    assert full.tolist() == [0, 0, 2, 2, 2, 0, 0, 2, 2]
    per_turn = to_tokens([np.array([1.0, 3.0]), -1.0], np.array([1, 0, 0, 0]), np.array([0, 1, 0, 1]))
    assert per_turn.dtype == np.float32
    assert per_turn.tolist() == [-1, 3, 1, 3]
