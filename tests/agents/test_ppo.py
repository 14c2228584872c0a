"""PPO with a critic of tokens: GAE over tokens by hand, and a step on every kind of policy."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_vl_dac import CHUNK, hub, nano, toy, view
from toy_run import TWO_TURNS, config, trainer

from vlgym_agents.advantages import to_tokens
from vlgym_agents.algos.ppo import ActorCritic, PpoOptions, TokenCredit
from vlgym_agents.batch import make_batch
from vlgym_agents.recipe import RecipeError
from vlgym_agents.types import Trace, Turn

NAN = float("nan")


def episode(rewards, values, *, truncated=False, bootstrap=None) -> Trace:
    """Return an episode whose turns have the given values, one per token."""
    turns = []
    for reward, worth in zip(rewards, values):
        found = np.array(worth, np.float32)
        ids = np.zeros(len(worth), np.int32)
        turns.append(Turn(CHUNK, ids, found * 0 - 1, "", "x", reward, value=worth[0], values=found))
    turns[-1].terminated, turns[-1].truncated = not truncated, truncated
    return Trace("t", 0, 0, 0, turns, ret=float(sum(rewards)), bootstrap=bootstrap)


def credited(trace, **options):
    credit = TokenCredit(PpoOptions(**{"gamma": 1.0, "lam": 0.5, "normalise": False, **options}))([[trace]])
    return credit.advantages[0], credit.targets[0]


def test_gae_over_tokens_crosses_turns():
    """V 0.1 0.2 | 0.5, reward 1 at the end: deltas 0.1, 0.3, 0.5."""
    advantages, targets = credited(episode([0, 1], [[0.1, 0.2], [0.5]]))
    np.testing.assert_allclose(advantages, [0.375, 0.55, 0.5], atol=1e-6)
    np.testing.assert_allclose(targets, [0.475, 0.75, 1.0], atol=1e-6)


def test_a_reward_comes_with_the_last_token_of_its_turn():
    """Reward 1 in the first turn: deltas 0.1, 1.3, -0.5; with gamma 0.9: 0.08, 1.25, -0.5."""
    advantages, _ = credited(episode([1, 0], [[0.1, 0.2], [0.5]]))
    np.testing.assert_allclose(advantages, [0.1 + 0.5 * 1.05, 1.3 - 0.25, -0.5], atol=1e-6)
    advantages, _ = credited(episode([1, 0], [[0.1, 0.2], [0.5]]), gamma=0.9)
    np.testing.assert_allclose(advantages, [0.08 + 0.45 * 1.025, 1.25 - 0.45 * 0.5, -0.5], atol=1e-6)


def test_limits_are_bootstrapped():
    """Cut where the critic says 0.8: the last delta is 0.8 - 0.5."""
    values = [[0.1, 0.2], [0.5]]
    cut = episode([0, 0], values, truncated=True, bootstrap=0.8)
    np.testing.assert_allclose(credited(cut)[0], [0.1 + 0.5 * 0.45, 0.3 + 0.5 * 0.3, 0.3], atol=1e-6)
    np.testing.assert_allclose(credited(cut, bootstrap=False)[0], [0.1 + 0.5 * 0.3, 0.3, 0.0], atol=1e-6)
    np.testing.assert_allclose(credited(episode([0, 0], values))[0], [0.1 + 0.5 * 0.05, 0.3 - 0.25, -0.5], atol=1e-6)


def test_tokens_without_a_choice_are_no_steps():
    """Forced tokens between and behind the choices change nothing for the others, and teach nothing."""
    plain, targets = credited(episode([0.3, 1], [[0.1, 0.2], [0.5]]))
    forced, forced_targets = credited(episode([0.3, 1], [[0.1, NAN, 0.2, NAN], [0.5, NAN, NAN]]))
    steps = [0, 2, 4]
    np.testing.assert_allclose(forced[steps], plain)
    np.testing.assert_allclose(forced_targets[steps], targets)
    assert forced[[1, 3, 5, 6]].tolist() == [0.0] * 4
    assert np.isnan(forced_targets[[1, 3, 5, 6]]).all()


def test_normalisation_leaves_forced_tokens_out():
    trace = episode([0.3, 1], [[0.1, NAN, 0.2], [0.5]])
    plain, _ = credited(trace)
    scaled, _ = credited(trace, normalise=True)
    steps = [0, 2, 3]
    np.testing.assert_allclose(
        scaled[steps], (plain[steps] - plain[steps].mean()) / plain[steps].std(ddof=1), atol=1e-5
    )
    assert scaled[1] == 0.0


def test_critic_learns_where_it_was_asked():
    objective = ActorCritic(PpoOptions(value_coef=1.0))
    loss, metrics = objective(view([0.0] * 4, 0.0, values=[0.5], targets=[1.0, NAN, 0.0, NAN]))
    assert float(loss) == pytest.approx((0.125 + 0.125) / 4)  # the weights of all four tokens are 1/4
    assert metrics["value_loss"] == pytest.approx(0.125)
    nowhere, metrics = objective.critic(view([0.0], 0.0, values=[0.5], targets=[NAN]))
    assert float(nowhere) == 0.0
    assert not metrics


def test_credit_by_token_reaches_its_token():
    trace, turn = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 0, 1, 0])
    flat = to_tokens([np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0]), 6.0], trace, turn)
    assert flat.tolist() == [1, 2, 3, 4, 5, 6]
    assert to_tokens([np.array([1.0, 3.0]), 4.0, 6.0], trace, turn).tolist() == [1, 1, 3, 4, 4, 6]
    with pytest.raises(ValueError, match="3 tokens in 2 turns"):
        to_tokens([np.zeros(5), 0.0, 0.0], trace, turn)


def test_an_episode_without_values_is_refused():
    trace = episode([1], [[0.1]])
    trace.turns[0].values = None
    with pytest.raises(RecipeError, match=r"model\.value_head"):
        TokenCredit(PpoOptions())([[trace]])


# ---------------------------------------------------------------------- on every kind of policy


@pytest.mark.parametrize("algo", ["ppo", "vl-dac"])
@pytest.mark.parametrize("kind", ["toy", "nano", "hub"])
def test_a_step_on_every_kind_of_policy(algo, kind, tmp_path):
    policy, sampling, head = {"toy": toy, "nano": nano, "hub": lambda: hub(tmp_path / "hub")}[kind]()
    cfg = config(
        run__env=TWO_TURNS, run__algo=algo, rollout__max_tokens=sampling.max_tokens, rollout__max_turns=2,
        algo__value_warmup=1, algo__gamma=0.9, rollout__groups=2,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(trainer(tmp_path / "run", cfg, policy=policy))
        seen = []
        update = made.learner.update
        made.learner.update = lambda traces, *rest: seen.extend(traces) or update(traces, *rest)
        # a reward whatever untrained models say
        made.parts = replace(made.parts, rewards={"odd": lambda trace: trace.member % 2})
        start = {name: value.clone() for name, value in policy.module.state_dict().items()}
        first, second = made.step(), made.step()
        batch = make_batch(seen[-8:], 0)
    changed = {name for name, value in policy.module.state_dict().items() if not torch.equal(value, start[name])}
    assert changed & head
    assert changed - head
    for logged in (first, second):
        assert logged["logprob_gap_max"] < 1e-5
        assert np.isfinite(logged["value_loss"])
        assert logged["loss"] == logged["loss"]
    cut = [trace for trace in seen if trace.turns[-1].truncated]
    assert cut
    assert all(trace.bootstrap is not None for trace in cut)
    asked = np.concatenate([turn.values for trace in seen[-8:] for turn in trace.turns])
    assert len(asked) == len(batch.row)
    policy.save(tmp_path / "saved")


@pytest.mark.parametrize("kind", ["toy", "nano", "hub"])
def test_values_of_sampler_and_trainer_agree(kind, tmp_path):
    policy, sampling, _ = {"toy": toy, "nano": nano, "hub": lambda: hub(tmp_path)}[kind]()
    with torch.no_grad():
        for parameter in policy.critic.parameters():
            parameter.add_(0.1)
    from test_vl_dac import play

    traces = play(policy, sampling, turns=3)
    said = np.concatenate([turn.values for trace in traces for turn in trace.turns])
    scored = policy.score(make_batch(traces, 0).rows, sampling).values.detach().numpy()
    asked = ~np.isnan(said)
    assert said[asked].std() > 1e-4
    assert np.abs(scored - said)[asked].max() < 1e-5
    assert all(turn.value == turn.values[0] for trace in traces for turn in trace.turns)


def test_the_critic_is_saved_and_loaded(tmp_path):
    from test_vl_dac import play

    from vlgym_agents.policies.hf import load as load_hub
    from vlgym_agents.policies.nano import load as load_nano

    for name, (policy, sampling, _), load in (("nano", nano(), load_nano), ("hub", hub(tmp_path / "tiny"), load_hub)):
        with torch.no_grad():
            for parameter in policy.critic.parameters():
                parameter.add_(0.1)
        rows = make_batch(play(policy, sampling), 0).rows
        policy.save(tmp_path / name)
        again = load(str(tmp_path / name), value_head=True)
        assert torch.equal(again.score(rows, sampling).values, policy.score(rows, sampling).values)
