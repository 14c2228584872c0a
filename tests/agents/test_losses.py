"""Losses against numbers worked by hand, and what batching must not change."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym_agents.losses import (
    LossOptions,
    importance_ratio,
    kl,
    merge_metrics,
    policy_loss,
    surrogate,
    token_weights,
)

PLAIN = LossOptions(clip_low=0.2, clip_high=0.3)


def objective(rho, advantage, options):
    """The maximised per-token objective at probability ratio `rho`."""
    lp = torch.tensor([float(np.log(rho))])
    return -surrogate(lp, torch.zeros(1), torch.tensor([float(advantage)]), options)[0].item()


@pytest.mark.parametrize(
    ("advantage", "rho", "expected"), [(1, 1.5, 1.3), (1, 0.5, 0.5), (-1, 1.5, -1.5), (-1, 0.5, -0.8), (-1, 5, -3.0)]
)
def test_clipped_surrogate_worked_by_hand(advantage, rho, expected):
    assert objective(rho, advantage, PLAIN) == pytest.approx(expected, abs=1e-6)


def test_dual_clip_can_be_switched_off():
    assert objective(5, -1, LossOptions(clip_high=0.3, dual_clip=0)) == pytest.approx(-5, abs=1e-5)


def test_cispo_clips_the_weight_and_keeps_the_gradient():
    lp = torch.tensor([0.5, -0.5], requires_grad=True)
    options = LossOptions(ratio="cispo", clip_high=0.3)
    losses, _ = surrogate(lp, torch.zeros(2), torch.tensor([1.0, 1.0]), options)
    losses.sum().backward()
    np.testing.assert_allclose(lp.grad, [-1.3, -np.exp(-0.5)], rtol=1e-6)


def test_sequence_ratio_is_the_geometric_mean_of_a_row():
    lp = torch.tensor([0.1, 0.5, 0.3, -0.2])
    labels = torch.tensor([7, 2, 7, 2])
    got = importance_ratio(lp, torch.zeros(4), labels)
    np.testing.assert_allclose(got, np.exp([0.2, 0.15, 0.2, 0.15]), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "d", "expected"),
    [
        ("k3", 0.1, 0.005171),
        ("k3", -0.1, 0.004837),
        ("k3", -1, 0.367879),
        ("k3", 0.5, 0.148721),
        ("k3", 50, 10),
        ("k1", 0.5, -0.5),
        ("k1", 50, -10),
        ("k2", -1, 0.5),
        ("k2", 50, 10),
    ],
)
def test_kl_estimators(kind, d, expected):
    assert kl(torch.zeros(1), torch.tensor([float(d)]), kind).item() == pytest.approx(expected, abs=1e-6)


def test_aggregation_worked_by_hand():
    trace = row = np.array([0] * 2 + [1] * 6)
    losses = np.array([-1.0] * 2 + [1.0] * 6)
    assert token_weights(trace, row, "sequence_mean") @ losses == pytest.approx(0.0, abs=1e-7)
    assert token_weights(trace, row, "token_mean") @ losses == pytest.approx(0.5)
    assert token_weights(trace, row, "constant", constant_length=6) @ losses == pytest.approx(1 / 3, abs=1e-4)


def test_a_windowed_episode_weighs_as_one():
    # Episode 5 is cut in rows of 1 and 3 tokens, episode 9 is one row of 2.
    trace, row = np.array([5, 5, 5, 5, 9, 9]), np.array([0, 1, 1, 1, 2, 2])
    weights = token_weights(trace, row, "sequence_mean")
    np.testing.assert_allclose(weights, [1 / 4, 1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4], rtol=1e-6)


def test_mean_over_turns_of_mean_over_tokens():
    # VL-DAC's check: two tokens with ratios 1.2 and 0.7, clip 0.1.
    options = LossOptions(clip_low=0.1, clip_high=0.1, dual_clip=0)
    lp = torch.tensor([1.2, 0.7]).log()
    turn = np.zeros(2, int)
    weights = torch.from_numpy(token_weights(turn, turn, "sequence_mean"))
    for advantage, expected in ((1.0, -0.9), (-1.0, 1.05)):
        loss, _ = policy_loss(lp, torch.zeros(2), torch.full((2,), advantage), weights, options)
        assert loss.item() == pytest.approx(expected, abs=1e-6)


@st.composite
def batches(draw):
    """Token labels of a batch: rows of episodes, in a shuffled order of rows."""
    rows_per_episode = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    rows = [
        (i, n)
        for i, k in enumerate(rows_per_episode)
        for n in draw(st.lists(st.integers(1, 5), min_size=k, max_size=k))
    ]
    trace = np.concatenate([np.full(n, i) for i, n in rows])
    row = np.concatenate([np.full(n, j) for j, (_, n) in enumerate(rows)])
    return trace, row, draw(st.integers(0, 2**31)), draw(st.permutations(range(len(rows))))


OPTIONS = st.builds(
    LossOptions,
    ratio=st.sampled_from(["token", "sequence", "cispo"]),
    dual_clip=st.sampled_from([0.0, 3.0]),
    kl_coef=st.sampled_from([0.0, 0.3]),
    kl=st.sampled_from(["k1", "k2", "k3"]),
    kl_unbiased=st.booleans(),
    importance_cap=st.sampled_from([0.0, 1.2]),
)


def gradient(options, rows_of_parts, row, weights, data):
    """Loss, gradient with respect to each token's log-prob, and metrics, one micro-batch after another."""
    lp = torch.from_numpy(data[0]).requires_grad_()
    total, parts = 0.0, []
    for rows in rows_of_parts:
        index = np.concatenate([np.flatnonzero(row == r) for r in rows])
        old, advantages, reference, behaviour = (torch.from_numpy(x[index]) for x in data[1:])
        loss, metrics = policy_loss(
            lp[index],
            old,
            advantages,
            torch.from_numpy(weights[index]),
            options,
            lp_ref=reference,
            lp_behaviour=behaviour,
            sequence=torch.from_numpy(row[index]),
        )
        loss.backward()
        total += loss.item()
        parts.append((len(index), metrics))
    return total, lp.grad.numpy(), merge_metrics(parts)


@settings(max_examples=60, deadline=None)
@given(batches(), OPTIONS, st.sampled_from(["token_mean", "sequence_mean", "constant"]))
def test_micro_batches_and_row_order_change_nothing(batch, options, mode):
    trace, row, seed, order = batch
    rng = np.random.default_rng(seed)
    data = [rng.normal(-2, 0.5, len(row)).astype(np.float64) for _ in range(5)]
    weights = token_weights(trace, row, mode, constant_length=7).astype(np.float64)
    whole = gradient(options, [range(len(order))], row, weights, data)
    split = gradient(options, [[r] for r in order], row, weights, data)
    assert split[0] == pytest.approx(whole[0], abs=1e-10)
    np.testing.assert_allclose(split[1], whole[1], atol=1e-10)
    assert split[2] == pytest.approx(whole[2], abs=1e-5)


@given(batches())
def test_weights_are_a_mean(batch):
    trace, row, _, _ = batch
    for mode in ("token_mean", "sequence_mean"):
        weights = token_weights(trace, row, mode)
        assert weights.dtype == np.float32
        assert weights.sum() == pytest.approx(1, abs=1e-5)
    per_episode = np.bincount(trace, token_weights(trace, row, "sequence_mean"))
    np.testing.assert_allclose(per_episode, 1 / len(per_episode), rtol=1e-5)
    constant = token_weights(trace, row, "constant", constant_length=4)
    assert constant.sum() == pytest.approx(len(row) / (4 * len(set(trace))), rel=1e-5)


def test_only_scored_tokens_carry_gradient():
    """Perturbing what the policy did not sample changes nothing; zero advantage and no KL give an exact zero."""
    lp = torch.randn(6, requires_grad=True)
    scored = torch.tensor([0, 0, 1, 1, 0, 1], dtype=torch.bool)
    loss, _ = policy_loss(lp[scored], torch.zeros(3), torch.ones(3), torch.full((3,), 1 / 3), PLAIN)
    loss.backward()
    assert lp.grad[~scored].abs().max() == 0
    silent, metrics = policy_loss(lp, torch.zeros(6), torch.zeros(6), torch.full((6,), 1 / 6), PLAIN)
    assert torch.autograd.grad(silent, lp)[0].abs().max() == 0
    assert metrics["clip_high"] == metrics["clip_low"] == metrics["clip_dual"] == 0


def test_at_ratio_one_the_gradient_is_the_policy_gradient():
    lp = torch.randn(5, dtype=torch.float64, requires_grad=True)
    advantages, weights = torch.randn(5, dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    for ratio in ("token", "cispo"):
        loss, metrics = policy_loss(lp, lp.detach(), advantages, weights, LossOptions(ratio=ratio))
        assert torch.allclose(torch.autograd.grad(loss, lp)[0], -weights * advantages, atol=1e-14)
        assert metrics["ratio_mean"] == metrics["ratio_max"] == 1
        assert metrics["old_kl"] == 0


def test_one_step_bandit_follows_the_analytic_gradient():
    """Uniform softmax policy: dJ/dtheta_a = p_a (r_a - mean r); a baseline that includes i shrinks it by (G-1)/G."""
    from vlgym_agents.advantages import group_advantages

    rewards, group, groups = np.array([1.0, 0.0, 0.5, 0.2]), 8, 2000
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 4, (groups, group))
    for norm, shrink in (("mean", (group - 1) / group), ("rloo", 1.0)):
        advantages = np.concatenate([group_advantages(rewards[row], norm) for row in actions])
        theta = torch.zeros(4, requires_grad=True)
        lp = theta.log_softmax(-1)[torch.from_numpy(actions.ravel())]
        weights = torch.full((actions.size,), 1 / actions.size)
        loss, _ = policy_loss(lp, lp.detach(), torch.from_numpy(advantages), weights, PLAIN)
        got = -torch.autograd.grad(loss, theta)[0].numpy()
        np.testing.assert_allclose(got, shrink * 0.25 * (rewards - rewards.mean()), atol=0.005)


def test_metrics_count_what_was_clipped():
    lp = torch.tensor([1.5, 1.5, 0.5, 0.5, 5.0, 1.0]).log()
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0])
    _, metrics = surrogate(lp, torch.zeros(6), advantages, PLAIN)
    assert {key: metrics[key] for key in ("clip_high", "clip_low", "clip_dual")} == pytest.approx(
        {"clip_high": 1 / 6, "clip_low": 1 / 6, "clip_dual": 1 / 6}
    )
    assert metrics["ratio_max"] == pytest.approx(5)
    merged = merge_metrics([(1, {"a": 0.0, "r_max": 2.0}), (3, {"a": 1.0, "r_max": 1.0}), (0, {})])
    assert merged == {"a": 0.75, "r_max": 2.0}


def test_far_ratios_stay_finite():
    lp = torch.tensor([500.0, -500.0], requires_grad=True)
    for advantage in (1.0, -1.0):
        loss, _ = policy_loss(lp, torch.zeros(2), torch.full((2,), advantage), torch.ones(2), LossOptions())
        assert torch.isfinite(loss)
        assert torch.isfinite(torch.autograd.grad(loss, lp)[0]).all()


def test_no_tokens_no_loss():
    empty = torch.zeros(0, requires_grad=True)
    loss, metrics = policy_loss(empty, empty, empty, empty, PLAIN)
    loss.backward()
    assert loss.item() == 0
    assert metrics == {}
    assert token_weights(np.zeros(0, int), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": "tokn"}, "Unknown ratio 'tokn'. Did you mean 'token'"),
        ({"aggregation": "mean"}, "Unknown aggregation 'mean'"),
        ({"kl": "k4"}, "Unknown kl 'k4'"),
        ({"clip_low": 1.5}, "clip_low must be between 0 and 1, got 1.5"),
        ({"clip_high": float("nan")}, "clip_high must be at least 0"),
        ({"dual_clip": 0.5}, "dual_clip must be above 1"),
        ({"kl_coef": -1}, "kl_coef must be at least 0"),
        ({"aggregation": "constant"}, "constant_length goes with aggregation=constant"),
        ({"constant_length": 64}, "constant_length goes with aggregation=constant"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LossOptions(**options)


def test_missing_inputs_are_named():
    lp, ones = torch.zeros(2), torch.ones(2)
    for options, message in (
        (LossOptions(kl_coef=0.1), "reference policy"),
        (LossOptions(importance_cap=2), "recorded at sampling"),
        (LossOptions(ratio="sequence"), "row label"),
    ):
        with pytest.raises(ValueError, match=message):
            policy_loss(lp, lp, ones, ones, options)
    with pytest.raises(ValueError, match="positive constant_length"):
        token_weights(np.zeros(2, int), np.zeros(2, int), "constant")


def test_turn_mean_counts_every_response_once() -> None:
    trace, turn = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 1])
    weights = token_weights(trace, trace, "turn_mean", turn=turn)  # 4 responses of 3, 1, 1, 1 tokens
    np.testing.assert_allclose(weights, [1 / 12, 1 / 12, 1 / 12, 1 / 4, 1 / 4, 1 / 4], rtol=1e-6)
    with pytest.raises(ValueError, match="turn_mean needs the turn"):
        token_weights(trace, trace, "turn_mean")
