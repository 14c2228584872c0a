"""Our loss and gradient equal TRL's `GRPOTrainer._compute_loss`: frozen numbers always, live where trl is installed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vlgym_agents.advantages import group_advantages
from vlgym_agents.losses import LossOptions, policy_loss, token_weights

_SPEC = importlib.util.spec_from_file_location("make_trl_numbers", Path(__file__).with_name("make_trl_numbers.py"))
trl_side = importlib.util.module_from_spec(_SPEC)
sys.modules["make_trl_numbers"] = trl_side
_SPEC.loader.exec_module(trl_side)

AGGREGATION = {
    "grpo": "sequence_mean",
    "bnpo": "token_mean",
    "dr_grpo": "constant",
    "dapo": "token_mean",
    "cispo": "token_mean",
}


@pytest.fixture(scope="module")
def data():
    return trl_side.inputs()


@pytest.fixture(scope="module")
def frozen():
    return np.load(trl_side.FILE)


def our_numbers(case, data):
    """Loss and gradient by our functions, from the flat view of the same batch."""
    logits = torch.from_numpy(data["logits"]).requires_grad_()
    keep = (data["completion_mask"] * data["tool_mask"]).astype(bool)
    row = np.nonzero(keep)[0]
    aggregation = AGGREGATION[case.loss_type]
    length = trl_side.LENGTH if aggregation == "constant" else 0
    options = LossOptions(
        clip_low=trl_side.CLIP_LOW,
        clip_high=trl_side.CLIP_HIGH,
        dual_clip=case.delta or 0.0,
        ratio="cispo" if case.loss_type == "cispo" else case.level,
        aggregation=aggregation,
        constant_length=length,
        kl_coef=case.beta,
        kl_unbiased=case.kl_correction,
    )
    lp = trl_side.token_logprobs(logits, data["ids"])[torch.from_numpy(keep)]
    fixed = lp.detach()
    loss, metrics = policy_loss(
        lp,
        fixed + torch.from_numpy(data["old_shift"][keep]) if case.old else fixed,
        torch.from_numpy(data["advantages"][row]),
        torch.from_numpy(token_weights(row, row, aggregation, constant_length=length)),
        options,
        lp_ref=fixed + torch.from_numpy(data["ref_shift"][keep]),
        sequence=torch.from_numpy(row),
    )
    loss.backward()
    return loss.item(), logits.grad.numpy(), metrics


@pytest.mark.parametrize("case", trl_side.CASES, ids=lambda case: case.name)
def test_loss_and_gradient_equal_the_frozen_numbers(case, data, frozen):
    loss, grad, metrics = our_numbers(case, data)
    assert abs(loss - float(frozen[f"{case.name}/loss"])) <= 1e-6
    assert np.abs(grad - frozen[f"{case.name}/grad"]).max() <= 1e-6
    assert np.abs(grad).max() > 1e-3  # the comparison is not one of zeros
    if case.old:
        assert metrics["clip_high"] > 0.05
        assert metrics["clip_low"] > 0.05 or case.loss_type == "cispo"
        assert metrics["clip_dual"] > 0.05 or not case.delta


@pytest.mark.slow
@pytest.mark.parametrize("case", trl_side.CASES, ids=lambda case: case.name)
def test_loss_and_gradient_equal_live_trl(case, data):
    trl = pytest.importorskip("trl", reason="the live comparison needs trl==1.16.0; its frozen numbers are tested")
    pytest.importorskip("datasets", reason="trl needs datasets")
    if trl.__version__ != "1.16.0":
        pytest.skip(f"compares with trl 1.16.0, found {trl.__version__}")
    loss, grad = trl_side.trl_numbers(case, data)
    ours = our_numbers(case, data)
    assert abs(ours[0] - loss) <= 1e-6
    assert np.abs(ours[1] - grad).max() <= 1e-6


def test_advantages_equal_trl_formula():
    """TRL's group scaling is (r - mean) / (sample std + 1e-4); only eps differs from our default."""
    returns = torch.tensor([0.2, 1.0, 0.0, 0.7])
    expected = (returns - returns.mean()) / (returns.std() + 1e-4)
    np.testing.assert_allclose(group_advantages(returns, eps=1e-4), expected, atol=1e-6)
