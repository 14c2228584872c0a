"""VL-DAC: its numbers by hand, the critic and the policy apart, limits bootstrapped, the critic alone at first."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_policy import ToyPolicy
from toy_run import BANDIT, TWO_TURNS, config, equal, run, trainer

from vlgym.core.tasks import Task, TaskSet
from vlgym_agents.advantages import standardise
from vlgym_agents.algos.vl_dac import RECIPE, TurnCredit, TurnObjective, VlDacOptions
from vlgym_agents.batch import action_heads, make_batch, with_weights
from vlgym_agents.losses import token_weights, value_loss
from vlgym_agents.options import OptionError
from vlgym_agents.policy import Sampling, Scores
from vlgym_agents.recipe import RecipeError, Setting, View
from vlgym_agents.rollout import Rollout, collect
from vlgym_agents.types import Chunk, Trace, Turn

CHUNK = Chunk(np.array([20], np.int32))


def episode(rewards, values, *, truncated=False, bootstrap=None, tokens=1, group=0) -> Trace:
    """Return an episode with given rewards and values, ended or cut."""
    ids = np.zeros(tokens, np.int32)
    turns = [
        Turn(CHUNK, ids, np.full(tokens, -1.0, np.float32), "", "x", r, value=v, values=np.full(tokens, v, np.float32))
        for r, v in zip(rewards, values)
    ]
    turns[-1].terminated, turns[-1].truncated = not truncated, truncated
    return Trace("t", 0, group, 0, turns, ret=float(sum(rewards)), bootstrap=bootstrap)


# ---------------------------------------------------------------------- advantages, by hand


def test_advantages_of_the_sheet():
    plain = VlDacOptions(gamma=0.9, lam=0.95, normalise=False)
    credit = TurnCredit(plain)([[episode([0, 0, 1], [0.2, 0.4, 0.6])]])
    np.testing.assert_allclose(credit.advantages[0], [0.57211, 0.48200, 0.40000], atol=1e-5)
    np.testing.assert_allclose(credit.targets[0], [0.77211, 0.88200, 1.00000], atol=1e-5)
    np.testing.assert_allclose(credit.values[0], [0.2, 0.4, 0.6])
    scaled = TurnCredit(replace(plain, normalise=True))([[episode([0, 0, 1], [0.2, 0.4, 0.6])]])
    np.testing.assert_allclose(scaled.advantages[0], [1.0153, -0.0314, -0.9839], atol=1e-4)
    np.testing.assert_allclose(scaled.targets[0], credit.targets[0])


@pytest.mark.parametrize(
    ("truncated", "bootstrap", "options", "expected"),
    [
        (False, None, {}, [-0.182, -0.4]),  # ended: nothing follows
        (False, 0.6, {}, [-0.182, -0.4]),
        (True, 0.6, {}, [0.2797, 0.14]),  # cut: 0.9 * 0.6 follows
        (True, 0.6, {"bootstrap": False}, [0.16, 0.0]),  # left out, as in the release
        (True, None, {}, [0.16, 0.0]),
        (True, 0.0, {}, [-0.182, -0.4]),  # ended by the policy's own words
    ],
)
def test_limits_are_bootstrapped_and_ends_are_not(truncated, bootstrap, options, expected):
    credit = TurnCredit(VlDacOptions(gamma=0.9, lam=0.95, normalise=False, **options))
    found = credit([[episode([0, 0], [0.2, 0.4], truncated=truncated, bootstrap=bootstrap)]])
    np.testing.assert_allclose(found.advantages[0], expected, atol=1e-6)
    np.testing.assert_allclose(found.targets[0], np.add(expected, [0.2, 0.4]), atol=1e-6)


def test_normalisation_is_over_turns_of_the_whole_batch():
    a, b = standardise([np.array([1.0, 2.0], np.float32), np.array([6.0], np.float32)])
    np.testing.assert_allclose([*a, *b], (np.array([1, 2, 6]) - 3) / np.std([1, 2, 6], ddof=1), atol=1e-6)
    assert [part.tolist() for part in standardise([np.full(2, 0.3, np.float32), np.float32([0.3])])] == [[0, 0], [0]]
    (masked,) = standardise([np.array([1, 0, 3], np.float32)], [np.array([True, False, True])])
    np.testing.assert_allclose(masked, [-np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-6)


def test_hybrid_with_groups():
    options = VlDacOptions(gamma=1.0, lam=1.0, group_eta=0.5)
    groups = [[episode([1], [0.5]), episode([0], [0.5])], [episode([0], [0.5], group=1), episode([0], [0.5], group=1)]]
    turns = (np.array([0.5, -0.5, -0.5, -0.5]) + 0.25) / 0.5
    relative = np.array([1, -1]) / np.sqrt(2)  # mean 0.5, sample deviation 0.7071
    found = np.concatenate(TurnCredit(options)(groups).advantages)
    np.testing.assert_allclose(found[:2], relative + 0.5 * turns[:2], atol=1e-5)
    np.testing.assert_allclose(found[2:], turns[2:], atol=1e-5)


def test_terms_of_the_return_beside_the_environment_are_paid_at_the_end():
    trace = episode([0.5, 0.0], [0.0, 0.0])
    trace.ret = 0.25  # a penalty of 0.25, or returns that a control has permuted
    found = TurnCredit(VlDacOptions(gamma=1.0, lam=1.0, normalise=False))([[trace]])
    np.testing.assert_allclose(found.advantages[0], [0.25, -0.25])


def test_an_episode_without_values_is_refused():
    trace = episode([1.0], [0.0])
    trace.turns[0].value = None
    with pytest.raises(RecipeError, match=r"model\.value_head"):
        TurnCredit(VlDacOptions())([[trace]])


# ---------------------------------------------------------------------- losses, by hand


def view(lp, advantages, *, values=(0.0,), targets=(0.0,), step=9, **streams) -> View:
    """Return the view of one turn whose old log-probs are zero."""
    lp, n = torch.as_tensor(lp), len(lp)
    trace = episode([0.0], [0.0], tokens=n)
    batch = make_batch([trace], 0)
    weights = token_weights(batch.trace, batch.row, "turn_mean", turn=batch.turn)
    batch = with_weights(batch, np.full(n, advantages, np.float32), weights)
    flat = {
        "advantages": torch.from_numpy(batch.advantages), "weights": torch.from_numpy(weights),
        "old_logprobs": torch.zeros(n), "behaviour": torch.zeros(n), "values": torch.zeros(n),
        "targets": torch.tensor(targets).expand(n),
    }  # fmt: skip
    scores = Scores(lp, torch.zeros(n), torch.as_tensor(values).expand(n))
    heads = torch.from_numpy(action_heads(batch))
    return View(batch, scores, flat | streams, torch.zeros(n).long(), heads, 1.0, step)


@pytest.mark.parametrize(("advantage", "expected"), [(1.0, -0.9), (-1.0, 1.05)])
def test_loss_of_the_sheet(advantage, expected):
    objective = TurnObjective(VlDacOptions(), per_turn=True)
    loss, _ = objective(view(np.log([1.2, 0.7]), advantage))
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_value_loss_counts_a_turn_once():
    objective = TurnObjective(VlDacOptions(value_coef=0.5), per_turn=True)
    for tokens in (1, 3):
        loss, metrics = objective(view([0.0] * tokens, 0.0, values=[0.2], targets=[1.0]))
        assert float(loss) == pytest.approx(0.5 * 0.5 * 0.64)
        assert metrics["value_loss"] == pytest.approx(0.32)


def test_value_clip_by_hand():
    values, targets, old = torch.tensor([0.5, 0.5, -0.2]), torch.tensor([1.0, 0.0, 1.0]), torch.zeros(3)
    np.testing.assert_allclose(value_loss(values, targets), [0.125, 0.125, 0.72])
    np.testing.assert_allclose(value_loss(values, targets, old, 0.1), [0.405, 0.125, 0.72], atol=1e-7)
    with pytest.raises(ValueError, match="old values"):
        value_loss(values, targets, None, 0.1)


def test_kl_to_the_old_policy_is_the_forward_one():
    lp = torch.tensor([0.3, -0.2], requires_grad=True)
    plain = TurnObjective(VlDacOptions(), per_turn=True)(view(lp, 0.0))[0]
    options = VlDacOptions(kl_coef=0.5, kl_target="old")
    loss, metrics = TurnObjective(options, per_turn=True)(view(lp, 0.0))
    ratio = np.exp([0.3, -0.2])
    expected = (ratio - 1 - np.log(ratio)).mean()
    assert float((loss - plain).detach()) == pytest.approx(0.5 * expected, abs=1e-6)
    assert metrics["kl"] == pytest.approx(expected, abs=1e-6)
    # sampled from the old policy, (ratio - 1) grad lp has the mean of grad KL(old || pi)
    np.testing.assert_allclose(torch.autograd.grad(loss, lp)[0], 0.25 * (ratio - 1), atol=1e-6)


def test_kl_to_the_reference():
    lp = torch.tensor([0.3, -0.2], requires_grad=True)
    options = VlDacOptions(kl_coef=0.04)
    loss, _ = TurnObjective(options, per_turn=True)(view(lp, 0.0, reference=torch.tensor([0.4, -0.2])))
    assert float(loss.detach()) == pytest.approx(0.04 * 0.005171 / 2, abs=1e-7)  # k3 at d = 0.1 and d = 0


def test_wild_ratios_leave_the_clipped_branch():
    lp = torch.tensor([3.0, 0.05], requires_grad=True)  # ratios 20 and 1.05, advantage -1
    for limit, expected in ((0.0, [np.exp(3.0) / 2, np.exp(0.05) / 2]), (10.0, [0.0, np.exp(0.05) / 2])):
        objective = TurnObjective(VlDacOptions(ratio_limit=limit), per_turn=True)
        np.testing.assert_allclose(torch.autograd.grad(objective(view(lp, -1.0))[0], lp)[0], expected, rtol=1e-5)


def test_defaults_are_those_of_the_release():
    names = {"clip_low", "clip_high", "aggregation", "kl_unbiased", "gamma", "lam", "value_warmup"}
    ours = VlDacOptions()
    assert {name: getattr(ours, name) for name in names} == {
        "clip_low": 0.1, "clip_high": 0.1, "aggregation": "turn_mean", "kl_unbiased": False, "gamma": 0.99, "lam": 0.95,
        "value_warmup": 2,
    }  # fmt: skip


# ---------------------------------------------------------------------- the two gradients


def gradients(policy, traces, sampling) -> tuple[dict[str, float], dict[str, float]]:
    """Return the largest |gradient| per parameter of the critic's loss and of the policy's."""
    batch = make_batch(traces, 0)
    tasks = TaskSet({"train": ["t"]}, lambda name: Task(name, "", "train", 1.0))
    parts = RECIPE.build(VlDacOptions(), Setting(tasks, "train", policy, sampling))
    batch = with_weights(batch, np.ones_like(batch.weights), parts.weigh(batch))
    heads = torch.from_numpy(action_heads(batch))
    flat = {
        "advantages": torch.from_numpy(batch.advantages), "weights": torch.from_numpy(batch.weights),
        "old_logprobs": torch.from_numpy(batch.old_logprobs), "behaviour": torch.from_numpy(batch.old_logprobs),
        "values": torch.zeros(len(batch.row)), "targets": torch.ones(len(batch.row)),
    }  # fmt: skip
    found = []
    for which in ("critic", "policy"):
        policy.module.zero_grad(set_to_none=True)
        scores = policy.score(batch.rows, sampling)
        loss, _ = getattr(parts.objective, which)(View(batch, scores, flat, torch.from_numpy(batch.row), heads, 0.1, 9))
        loss.backward()
        found.append(
            {n: 0.0 if p.grad is None else float(p.grad.abs().max()) for n, p in policy.module.named_parameters()}
        )
    return found[0], found[1]


def toy():
    torch.manual_seed(0)
    policy, sampling = ToyPolicy(), Sampling(max_tokens=2)
    return policy, sampling, {f"critic.{name}" for name, _ in policy.critic.named_parameters()}


def nano():
    from vlgym_agents.policies.nano import NanoConfig, fresh

    policy = fresh(NanoConfig(layers=1, value_head=True))
    return policy, Sampling(max_tokens=6), {f"critic.{name}" for name, _ in policy.critic.named_parameters()}


def hub(folder):
    import tiny_models

    from vlgym_agents.policies.hf import load

    policy = load(str(tiny_models.save("qwen2", folder)), value_head=True)
    return policy, Sampling(max_tokens=3), {f"value_head.{name}" for name, _ in policy.critic.named_parameters()}


def play(policy, sampling, *, turns=2, n=4) -> list[Trace]:
    """Return episodes on made-up pages, whatever the policy says there."""
    pages = ["[button] left [button_]\n[button] right [button_]\n", "[button] stop [button_]\nwell done\n"]
    session, traces = policy.session(n), [Trace("t", 0, 0, i, ret=float(i % 2)) for i in range(n)]
    for k in range(turns):
        seen = {"instruction": "go left", "text": pages[k % 2]}
        chunks = [policy.encode(seen, {"available_actions": ("click[left]",)}, first=k == 0) for _ in traces]
        randoms = [np.random.default_rng([k, i]) for i in range(n)]
        for trace, chunk, s in zip(traces, chunks, session.act(range(n), chunks, randoms, sampling)):
            trace.turns.append(Turn(chunk, s.ids, s.logprobs, s.text, s.action, value=s.value, values=s.values))
    return traces


@pytest.mark.parametrize("kind", ["toy", "nano", "hub"])
def test_the_critic_and_the_policy_do_not_touch_each_other(kind, tmp_path):
    policy, sampling, head = {"toy": toy, "nano": nano, "hub": lambda: hub(tmp_path)}[kind]()
    with torch.no_grad():
        for parameter in policy.critic.parameters():
            parameter.add_(0.1)  # its last layer starts at zero, where nothing would reach the first
    of_value, of_policy = gradients(policy, play(policy, sampling), sampling)
    assert all(of_value[name] == 0.0 for name in of_value.keys() - head)
    assert all(of_value[name] > 0.0 for name in head)
    assert all(of_policy[name] == 0.0 for name in head)
    assert max(of_policy.values()) > 0.0


# ---------------------------------------------------------------------- in the loop


def of_critic(weights, *, critic: bool):
    return {name: value for name, value in weights.items() if name.startswith("critic.") == critic}


def test_the_policy_does_not_change_while_the_critic_warms_up(tmp_path):
    options = {"run__env": TWO_TURNS, "run__algo": "vl-dac", "optim__weight_decay": 0.1, "algo__kl_coef": 0.1}
    with trainer(tmp_path, config(**options, algo__value_warmup=3)) as made:
        start = {name: value.clone() for name, value in made.policy.module.state_dict().items()}
        for step in range(1, 5):
            made.step()
            now = made.policy.module.state_dict()
            assert equal(of_critic(start, critic=False), of_critic(now, critic=False)) == (step <= 3)
            assert not equal(of_critic(start, critic=True), of_critic(now, critic=True))


def test_cut_episodes_are_judged_where_they_stopped(tmp_path):
    """The critic's word on the page behind the limit is what it would have said there without the limit."""
    with trainer(tmp_path, config(run__env=TWO_TURNS, run__algo="vl-dac")) as made:
        requests = made._requests(1, 0, 3)
        sampling = Sampling(max_tokens=2)
        for window in (0, 1, 2):
            plain = Rollout(sampling, 5, window, bootstrap=True)
            whole = collect(made.policy, made.pool, requests, plain)
            cut = collect(made.policy, made.pool, requests, replace(plain, max_turns=1))
            unasked = collect(made.policy, made.pool, requests, replace(plain, max_turns=1, bootstrap=False))
            compared = 0
            for a, b, c in zip(whole, cut, unasked):
                assert len(b.turns) == 1
                assert c.bootstrap is None
                assert b.turns[0].ids.tolist() == a.turns[0].ids.tolist() == c.turns[0].ids.tolist()
                if len(a.turns) > 1:
                    compared += 1
                    assert b.turns[0].truncated
                    assert b.bootstrap == pytest.approx(a.turns[1].value, abs=1e-6)
                if a.turns[-1].terminated:
                    assert a.bootstrap is None
            assert compared > 3


def test_ended_by_its_own_words_is_an_end(tmp_path):
    cfg = config(run__env=TWO_TURNS, run__algo="vl-dac", rollout__end_unparsable=True)
    with trainer(tmp_path, cfg) as made:
        rollout = Rollout(Sampling(max_tokens=2), 5, end_unparsable=True, bootstrap=True)
        traces = collect(made.policy, made.pool, made._requests(1, 0, 3), rollout)
    ended = [trace for trace in traces if not trace.turns[-1].action]
    assert ended
    assert all(trace.bootstrap == 0.0 for trace in ended)


RICH = {
    "optim__epochs": 2, "optim__minibatches": 2, "algo__value_rate": 3.0, "algo__value_clip": 0.2, "algo__kl_coef": 0.1,
    "algo__kl_target": "old", "algo__value_warmup": 3, "rollout__window": 1, "rollout__max_turns": 1,
}  # fmt: skip


@pytest.mark.parametrize("algo", ["vl-dac", "ppo"])
def test_resumes_to_the_bit_across_the_warm_up(algo, tmp_path):
    cfg = config(run__env=TWO_TURNS, run__algo=algo, run__save_every=2, run__keep=4, **RICH)
    straight = run(tmp_path / "a", cfg)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for step in (4, 6):
        shutil.rmtree(tmp_path / "b" / "checkpoints" / f"step-{step:06d}")
    resumed = run(tmp_path / "b", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


def test_the_rate_of_the_critic_is_its_own(tmp_path):
    changes = []
    for rate in (1.0, 4.0):
        with trainer(tmp_path / str(rate), config(run__algo="vl-dac", algo__value_rate=rate)) as made:
            start = {name: value.clone() for name, value in made.policy.module.state_dict().items()}
            made.step()
            now = made.policy.module.state_dict()
            changes.append(float((now["critic.2.bias"] - start["critic.2.bias"]).abs()))
    assert changes[1] == pytest.approx(
        4 * changes[0], rel=1e-3
    )  # the first step of Adam is the rate, whatever the gradient


def test_a_critic_is_asked_for(tmp_path):
    class Headless(ToyPolicy):
        critic = None

    with (
        pytest.raises(RecipeError, match=r"no value head.*set model\.value_head to true"),
        trainer(tmp_path, config(run__algo="vl-dac"), policy=Headless()),
    ):
        pass


def test_the_method_asks_the_model_for_a_critic():
    from vlgym_agents.options import resolve

    found = resolve([("flag", {"run.env": BANDIT, "run.algo": "vl-dac", "run.model": "nano"})])
    assert found.given("model")["value_head"] is True
    assert found.sources["model.value_head"] == "method preset"
    assert resolve([("flag", {"run.env": BANDIT, "run.model": "nano"})]).model["value_head"] is False


def test_the_preset_of_the_release_resolves(tmp_path):
    cfg = config(run__preset="vl-dac-faithful", run__env=TWO_TURNS, run__algo="vl-dac", run__steps=1)
    assert cfg.algo.kl_coef == 0.04
    assert cfg.algo.bootstrap is False
    assert cfg.sources["algo.ratio_limit"] == "preset vl-dac-faithful"
    with trainer(tmp_path, cfg) as made:
        assert np.isfinite(made.step()["value_loss"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algo__gamma": 1.2}, "at most 1"),
        ({"algo__kl_target": "reverence"}, "Did you mean 'reference'"),
        ({"algo__kl_target": "old"}, "kl_coef is 0"),
        ({"algo__normalise": False, "algo__group_eta": 0.5}, "group_eta is positive"),
        ({"algo__value_rate": 0}, "above 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        config(run__algo="vl-dac", **options)
