"""The processed distribution: masks, temperature, draws by inversion, entropy; against hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym_agents.policies.sampling import Suppression, choose, draw, entropy, gather, process
from vlgym_agents.policy import Sampling

ALL = Suppression.of(4, [])


def test_temperature_and_suppression_by_hand():
    logits = torch.tensor([[0.0, np.log(4.0), 7.0, 0.0]])
    mask = Suppression.of(4, [2])
    p = process(logits, Sampling(temperature=2.0), mask).exp()
    np.testing.assert_allclose(p[0], [0.25, 0.5, 0.0, 0.25], atol=1e-7)  # weights 1, sqrt(4), -, 1


def test_end_is_suppressed_before_min_tokens_in_both_forms_of_position():
    mask = Suppression.of(4, [0], [3])
    logits, sampling = torch.zeros(3, 4), Sampling(min_tokens=2)
    rows = process(logits, sampling, mask, torch.tensor([0, 1, 2]))
    np.testing.assert_allclose(rows.exp(), [[0, 0.5, 0.5, 0], [0, 0.5, 0.5, 0], [0, 1 / 3, 1 / 3, 1 / 3]], atol=1e-7)
    for position in range(3):
        assert torch.equal(process(logits, sampling, mask, position)[0], rows[position])


def test_gradients_are_finite_and_zero_on_suppressed_ids():
    logits = torch.randn(5, 8, requires_grad=True)
    mask = Suppression.of(8, [1, 6], [2])
    lp = process(logits, Sampling(temperature=0.7, min_tokens=2), mask, torch.arange(5))
    (entropy(lp).sum() + gather(lp, torch.tensor([0, 3, 2, 4, 5])).sum()).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[:, [1, 6]] == 0).all()
    assert (logits.grad[:2, 2] == 0).all()
    assert (logits.grad[2:, 2] != 0).any()


def test_entropy_is_that_of_the_distribution():
    lp = process(torch.randn(6, 9), Sampling(), Suppression.of(9, [4]))
    p = lp.exp().double().numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        want = -np.where(p > 0, p * np.log(p), 0).sum(-1)
    np.testing.assert_allclose(entropy(lp), want, atol=1e-6)


def test_draw_inverts_the_distribution():
    lp = torch.log(torch.tensor([[0.25, 0.0, 0.5, 0.25]])).expand(6, 4)
    drawn = draw(lp, [0.0, 0.2499999, 0.2500001, 0.7499, 0.7501, np.nextafter(1.0, 0.0)])
    assert drawn.tolist() == [0, 0, 2, 2, 3, 3]


@given(st.integers(2, 40), st.integers(0, 2**32 - 1), st.floats(0, 1, exclude_max=True))
@settings(max_examples=150, deadline=None)
def test_a_suppressed_id_is_never_drawn(size, seed, u):
    rng = np.random.default_rng(seed)
    never = rng.choice(size, rng.integers(0, size), replace=False)
    lp = process(torch.from_numpy(rng.normal(0, 30, (1, size))), Sampling(temperature=0.3), Suppression.of(size, never))
    for number in (u, 0.0, np.nextafter(1.0, 0.0)):
        one = int(draw(lp, [number])[0])
        assert 0 <= one < size
        assert one not in never
        assert torch.isfinite(lp[0, one])


def test_frequencies_follow_the_probabilities():
    p = torch.tensor([0.1, 0.0, 0.6, 0.3])
    rng = np.random.default_rng(0)
    drawn = draw(p.log().expand(20000, 4), rng.random(20000))
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 20000, p, atol=0.012)


def test_each_row_uses_one_number_of_its_own_generator_and_greedy_none():
    lp = process(torch.randn(3, 4), Sampling(), ALL)
    generators = [np.random.default_rng(i) for i in range(3)]
    together = choose(lp, Sampling(), generators)
    alone = [int(choose(lp[i : i + 1], Sampling(), [np.random.default_rng(i)])[0]) for i in range(3)]
    assert together.tolist() == alone
    twin = np.random.default_rng(1)
    twin.random()
    assert generators[1].random() == twin.random()
    before = [g.bit_generator.state for g in generators]
    assert torch.equal(choose(lp, Sampling(greedy=True), generators), lp.argmax(-1))
    assert [g.bit_generator.state for g in generators] == before


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_bad_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be positive"):
        process(torch.zeros(1, 4), Sampling(temperature=temperature), ALL)


def test_nothing_left_to_sample_is_refused():
    with pytest.raises(ValueError, match="All 3 ids"):
        Suppression.of(3, [0, 1], [2])
