"""Learning where the optimum is known, and not learning where it must not be."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from toy_envs import PAYOFF
from toy_policy import ToyPolicy
from toy_run import BANDIT, TWO_TURNS, config, run, trainer

from vlgym_agents.imitate import Imitation, demonstrations, imitate
from vlgym_agents.policy import Sampling

LEARN = {
    "run__steps": 25, "rollout__groups": 4, "rollout__group_size": 8, "rollout__batch": 32, "rollout__max_tokens": 1,
    "eval__episodes": 60,
}  # fmt: skip


def gain(tmp_path, policy=None, **options) -> float:
    """Return the change of the mean test score."""
    with trainer(tmp_path, config(**{**LEARN, **options}), policy=policy) as made:
        made.run()
    before, after = (json.loads((tmp_path / f"eval_{name}.json").read_text()) for name in ("before", "after"))
    return after["score"]["value"] - before["score"]["value"]


@pytest.mark.parametrize("norm", ["mean_std", "mean", "rloo"])
def test_bandit_is_solved(tmp_path, norm):
    assert gain(tmp_path, algo__norm=norm) > 0.7


@pytest.mark.parametrize("control", ["shuffled_rewards", "zero_advantages"])
def test_spoilt_signals_teach_nothing(tmp_path, control):
    assert gain(tmp_path, run__control=control) < 0.3


def test_zero_advantages_leave_the_weights_alone(tmp_path):
    one = run(tmp_path / "a", config(run__control="zero_advantages", run__steps=1))[0]
    many = run(tmp_path / "b", config(run__control="zero_advantages", run__steps=4))[0]
    assert all(torch.equal(one[name], many[name]) for name in one)


def warm_policy(arms: list[int], strength: float) -> ToyPolicy:
    """Return a policy that prefers some arms."""
    torch.manual_seed(0)
    policy = ToyPolicy()
    with torch.no_grad():
        policy.module.head.bias[arms] += strength
    return policy


def test_sign_flip_makes_it_worse(tmp_path):
    scores = []
    for control in ("none", "sign_flip"):
        cfg = config(**{**LEARN, "run__control": control, "run__steps": 12, "eval__episodes": 0})
        with trainer(tmp_path / control, cfg, policy=warm_policy([5], 1.0)) as made:
            lines = [made.step() for _ in range(12)]
        scores.append([line["score"] for line in lines])
    assert np.mean(scores[1][-3:]) < scores[1][0] - 0.1
    assert np.mean(scores[0][-3:]) > scores[0][0] + 0.1


def test_credit_crosses_turns(tmp_path):
    """The reward comes after the second turn; the first must be learnt from it."""
    warm = warm_policy([0, 1, 2, 3], 2.0)
    assert gain(tmp_path, warm, run__env=TWO_TURNS, run__steps=60, optim__lr=0.02, rollout__group_size=12) > 0.5


def test_mean_gradient_is_the_analytic_one(tmp_path):
    """One-step bandit, baseline-free: E[grad] of sum p_k r_k, from the policy's own probabilities."""
    from vlgym_agents import registry
    from vlgym_agents.batch import make_batch, with_weights
    from vlgym_agents.types import Chunk, Trace, Turn

    torch.manual_seed(0)
    policy, sampling = ToyPolicy(), Sampling(max_tokens=1)
    chunk = Chunk(np.array([20], np.int32))
    arms = [
        Trace("t", 0, 0, k, [Turn(chunk, np.array([k], np.int32), np.zeros(1, np.float32), "", "x")]) for k in range(8)
    ]
    rows = make_batch(arms, 0)
    lp = policy.score(rows.rows, sampling).logprobs
    value = (lp.exp() * torch.tensor(PAYOFF)).sum()
    exact = torch.autograd.grad(value, policy.module.head.bias)[0]
    rng = np.random.default_rng(0)
    p = lp.exp().detach().numpy().astype(np.float64)
    drawn = rng.choice(9, 20000, p=[*p, 1 - p.sum()])  # arm 8: the empty response, worth nothing
    counts = np.bincount(drawn, minlength=9)[:8]
    recipe = registry.recipe("grpo")
    objective = recipe.build.__globals__["ClippedObjective"](recipe.options(norm="none"))
    batch = with_weights(rows, np.array(PAYOFF, np.float32), (counts / 20000).astype(np.float32))
    batch.old_logprobs = lp.detach().numpy()
    scores = policy.score(batch.rows, sampling)
    streams = {
        "advantages": torch.from_numpy(batch.advantages), "weights": torch.from_numpy(batch.weights),
        "old_logprobs": torch.from_numpy(batch.old_logprobs), "behaviour": torch.from_numpy(batch.old_logprobs),
    }  # fmt: skip
    from vlgym_agents.recipe import View

    loss, _ = objective(View(batch, scores, streams, torch.arange(8), torch.arange(8), 1 / 8))
    estimate = -torch.autograd.grad(loss, policy.module.head.bias)[0]
    assert torch.allclose(estimate, exact, atol=5e-3)
    assert exact.abs().max() > 0.05


# ---------------------------------------------------------------------- warm starts


@pytest.mark.parametrize("window", [0, 1, 2])
def test_demonstrations_are_imitated(window):
    torch.manual_seed(0)
    policy = ToyPolicy()
    traces = demonstrations(TWO_TURNS, 24, 5, policy=policy, window=window, slots=4)
    assert len(traces) == 24
    assert all(trace.success and trace.ret == 1.0 and len(trace.turns) == 2 for trace in traces)
    found = imitate(policy, traces, Imitation(epochs=15, tokens=24, lr=0.03, window=window))
    assert found["loss"] < 0.5 * found["loss_first"]
    assert found["tokens"] == 15 * sum(trace.n_tokens for trace in traces)


def test_imitation_does_not_depend_on_micro_batches():
    results = []
    for micro in (1, 10**6):
        torch.manual_seed(0)
        policy = ToyPolicy()
        traces = demonstrations(BANDIT, 6, 5, policy=policy)
        imitate(policy, traces, Imitation(epochs=2, tokens=4, lr=0.01, micro_tokens=micro))
        results.append(torch.cat([p.detach().flatten() for p in policy.parameters()]))
    assert torch.allclose(*results, atol=1e-5)


def test_what_cannot_be_said_is_left_out():
    class Shy(ToyPolicy):
        def demonstrate(self, chunks, action):
            return super().demonstrate(chunks, "pick[x]" if action == "pick[0]" else action)

    torch.manual_seed(0)
    traces = demonstrations(TWO_TURNS, 20, 5, policy=Shy())
    assert 0 < len(traces) < 20
    with pytest.raises(ValueError, match="no demonstrations"):
        imitate(Shy(), [], Imitation())
