"""Exactness of base, residual and their learners, on the toy of robot_toys.py."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from robot_toys import ID, STEPS, Slot

from vlgym_agents.robot.actor import Controller, DivergedError, Gaussian
from vlgym_agents.robot.chunks import ChunkedBase
from vlgym_agents.robot.cloning import Cloning
from vlgym_agents.robot.demonstrations import Demonstrations, collect
from vlgym_agents.robot.diffusion import DiffusionOptions, DiffusionPolicy, MinMax
from vlgym_agents.robot.evaluation import base_only, evaluate
from vlgym_agents.robot.frames import Frames
from vlgym_agents.robot.methods import OffPolicyLearner, PpoLearner
from vlgym_agents.robot.offpolicy import OffPolicyOptions
from vlgym_agents.robot.ppo import PpoOptions, advantages

torch.set_num_threads(1)

BASE = DiffusionOptions(
    width=32, blocks=1, horizon=8, execute=4, sample_steps=4, updates=600, warmup=20, batch=32, lr=3e-3
)


@pytest.fixture(scope="module")
def demos() -> Demonstrations:
    return collect(Slot(4), 12, seed=0, env=ID)


@pytest.fixture(scope="module")
def policy(demos: Demonstrations) -> DiffusionPolicy:
    cloning = Cloning(BASE, demos, seed=0)
    first = cloning.train(50)["base_loss"]
    assert cloning.train(550)["base_loss"] < 0.8 * first
    return cloning.average


def controller(
    policy: DiffusionPolicy, n: int = 6, mode: str = "residual", scale: float = 0.25, **slot: Any
) -> Controller:
    arms = Slot(n, **slot)
    hold = policy.options.execute if mode == "residual-chunk" else 1
    base = ChunkedBase(policy, n, seed=5)
    return Controller(arms, mode, policy.seen, policy.done, base=base, hold=hold, scale=scale)


def ppo(control: Controller, **options: Any) -> PpoLearner:
    torch.manual_seed(1)
    settings = {"envs": control.arms.num_envs, "horizon": 30, "epochs": 2, "minibatches": 2, "width": 16, **options}
    chosen = PpoOptions(**settings)
    obs, _ = control.arms.reset(seed=0)
    actor = Gaussian(control.features(obs), control.decision, 16, chosen.log_std)
    return PpoLearner(chosen, control, actor, iterations=10, seed=4)


@torch.no_grad()
def play(control: Controller, decide: Any, steps: int = 20) -> np.ndarray:
    """Return the actions [T, N, A] of fresh episodes that are reset as they end."""
    arms, n = control.arms, control.arms.num_envs
    obs, _ = arms.reset(seed=11)
    control.reset(np.ones(n, bool), np.arange(n))
    count, out = n, []
    for _ in range(steps):
        due = control.left == 0
        if due.any():
            view = control.view(obs, due)
            control.decide(due, view, decide(view))
        actions = control.act()
        out.append(actions)
        obs, _, terminated, truncated, _ = arms.step(actions)
        ended = terminated | truncated
        if ended.any():
            obs, _ = arms.reset(options={"reset_mask": ended})
            control.reset(ended, np.arange(count, count + n))
            count += n
    return np.array(out)


# ---------------------------------------------------------------------- base and residual


@pytest.mark.parametrize("mode", ["residual", "residual-chunk"])
def test_a_zero_residual_is_the_base_to_the_bit(policy: DiffusionPolicy, mode: str) -> None:
    control = controller(policy, mode=mode)
    fresh = ppo(control)
    ours = play(control, fresh.decide())  # the last layer begins at zero
    arms, base = Slot(6), ChunkedBase(policy, 6, seed=5)
    obs, _ = arms.reset(seed=11)
    base.reset(np.ones(6, bool), np.arange(6))
    theirs = []
    for t in range(8):
        theirs.append(np.clip(base.next(obs), -1, 1))
        obs, *_ = arms.step(theirs[t])
    assert np.array_equal(ours[:8], np.array(theirs))


def test_queues_do_not_know_their_neighbours(policy: DiffusionPolicy) -> None:
    """Resetting others at any time leaves an environment's actions as they were, to the bit."""

    def actions_of_0(resets: dict[int, list[int]], n: int) -> np.ndarray:
        arms, base = Slot(n), ChunkedBase(policy, n, seed=5)
        obs, _ = arms.reset(seed=2)
        base.reset(np.ones(n, bool), np.arange(n))
        out = []
        for t in range(13):
            mask = np.isin(np.arange(n), resets.get(t, []))
            if mask.any():
                obs, _ = arms.reset(options={"reset_mask": mask})
                base.reset(mask, 100 * t + np.arange(n))
            actions = np.clip(base.next(obs), -1, 1)
            out.append(actions[0])
            obs, *_ = arms.step(actions)
        return np.array(out)

    alone = actions_of_0({}, 1)
    for resets in ({}, {1: [1]}, {2: [3, 4], 5: [1], 6: [2]}, {k: [1 + k % 4] for k in range(12)}):
        assert np.array_equal(actions_of_0(resets, 5), alone)
    assert np.array_equal(actions_of_0({3: [20, 21]}, 40), alone)


def test_one_of_many_is_as_one_alone(policy: DiffusionPolicy) -> None:
    """An evaluation does not depend on how many robots play it."""
    results = [
        evaluate(control, base_only(control), name="x", step=0, episodes=9, seed=7)
        for control in (controller(policy, n) for n in (1, 4, 9))
    ]
    assert results[0]["tasks"] == results[1]["tasks"] == results[2]["tasks"]
    assert len({result["success"]["value"] for result in results}) == 1


def test_a_warm_start_begins_from_the_tail(policy: DiffusionPolicy) -> None:
    warm = copy.deepcopy(policy)
    warm.options = replace(warm.options, warm_start=20)
    seen: list[Any] = []
    sample = warm.sample
    warm.sample = lambda c, noise, begin=None: (seen.append(begin), sample(c, noise, begin))[1]  # type: ignore[method-assign]
    base = ChunkedBase(warm, 2, seed=0)
    obs, _ = Slot(2).reset(seed=0)
    base.reset(np.ones(2, bool), np.arange(2))
    first = [base.next(obs) for _ in range(5)]
    assert seen[0] is None
    assert seen[1] is not None
    tail = base._chunk  # the second chunk has replaced the first one by now
    assert seen[1].shape == tail.shape
    assert not np.array_equal(first[0], first[4])


def test_sampling_starts_at_the_last_training_level(policy: DiffusionPolicy) -> None:
    assert policy.levels(99) == [99, 74, 49, 24]
    assert policy.levels(49) == [49, 24]
    assert policy.levels(0) == [0]


def test_the_denoiser_recovers_what_was_noised(policy: DiffusionPolicy) -> None:
    """With a network that knows the noise, DDIM returns the clean chunk."""
    chunk = torch.rand(3, 8, 2) * 1.8 - 0.9
    knows = copy.deepcopy(policy)

    class Oracle(torch.nn.Module):
        def forward(self, x: torch.Tensor, level: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
            bar = knows.alpha_bar[level][:, None, None]  # type: ignore[index]
            clean = torch.nn.functional.pad(chunk, (0, 0, 0, 0, 0, len(x) - 3))
            return (x - bar.sqrt() * clean) / (1 - bar).sqrt()

    knows.net = Oracle()
    found = knows.sample(torch.zeros(3, 4), torch.randn(3, 8, 2))
    assert torch.allclose(found, chunk, atol=1e-5)


def test_the_unet_has_the_form_of_its_input(demos: Demonstrations) -> None:
    options = replace(BASE, network="unet", width=16)
    cloning = Cloning(options, demos, seed=0)
    assert math.isfinite(cloning.train(2)["base_loss"])
    assert cloning.average.sample(torch.zeros(3, 4), torch.randn(3, 8, 2)).shape == (3, 8, 2)


def test_normalisation_inverts_itself_and_keeps_constants() -> None:
    bounds = MinMax(np.array([-1.0, 2.0, 5.0]), np.array([3.0, 2.5, 5.0]))
    values = np.array([[0.0, 2.2, 5.0], [-1.0, 2.5, 5.0]])
    assert np.allclose(bounds.out_of(bounds.into(values)), values, atol=1e-6)
    assert bounds.into(np.array([[1e9, 2.0, 5.0]]))[0].tolist() == [3.0, -1.0, -1.0]


def test_cloning_resumes_to_the_bit(demos: Demonstrations) -> None:
    straight = Cloning(BASE, demos, seed=2)
    straight.train(12)
    half = Cloning(BASE, demos, seed=2)
    half.train(6)
    again = Cloning(BASE, demos, seed=9)
    again.load_state_dict(copy.deepcopy(half.state_dict()))
    again.train(6)
    for a, b in zip(straight.average.parameters(), again.average.parameters()):
        assert torch.equal(a, b)


# ---------------------------------------------------------------------- PPO


def test_base_weights_never_change(policy: DiffusionPolicy) -> None:
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    learner = ppo(controller(policy))
    learner.iterate()
    learner.iterate()
    assert all(torch.equal(value, before[name]) for name, value in policy.state_dict().items())
    assert learner.actor.mean[-1].weight.detach().abs().max() > 0


@pytest.mark.parametrize("mode", ["residual", "residual-chunk"])
def test_logged_log_probs_are_those_of_the_normal_density(policy: DiffusionPolicy, mode: str) -> None:
    learner = ppo(controller(policy, mode=mode), log_std=-0.7)
    learner.iterate()
    rollout = learner.collect(torch.Generator().manual_seed(0))
    with torch.no_grad():
        mean = learner.actor.mean(rollout.features)
    normal = torch.distributions.Normal(mean.double(), math.exp(-0.7))
    theirs = normal.log_prob(rollout.decisions.double()).sum(dim=1)
    assert float((theirs - rollout.log_probs).abs().max()) < 1e-5
    assert int(rollout.decided.sum()) == len(rollout.decisions)


def test_advantages_of_steps_are_generalised_advantages() -> None:
    """Against the sum over delta of Schulman et al. 2016, equation 16."""
    rng = np.random.default_rng(0)
    rewards, values = rng.random((7, 3)), rng.random((7, 3))
    ended = rng.random((7, 3)) < 0.3
    cut, last = np.where(ended, rng.random((7, 3)), 0), rng.random(3)
    found = advantages(rewards, ended, np.ones((7, 3), bool), values, cut, last, 0.9, 0.8)
    for i in range(3):
        for t in range(7):
            total, factor = 0.0, 1.0
            for k in range(t, 7):
                after = cut[k, i] if ended[k, i] else (last[i] if k == 6 else values[k + 1, i])
                total += factor * (rewards[k, i] + 0.9 * after - values[k, i])
                factor *= 0.9 * 0.8
                if ended[k, i]:
                    break
            assert found[t, i] == pytest.approx(total)


def test_advantages_of_decisions_that_hold() -> None:
    """Two decisions of two steps and one of one: by hand, gamma 1/2, lambda 1."""
    rewards = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    decided = np.array([[True], [False], [True], [False], [True]])
    ended = np.array([[False], [False], [False], [True], [False]])
    values = np.array([[3.0], [0.0], [5.0], [0.0], [7.0]])
    found = advantages(rewards, ended, decided, values, np.zeros((5, 1)), np.array([6.0]), 0.5, 1.0)
    assert found[4, 0] == 16 + 0.5 * 6 - 7
    assert found[2, 0] == 4 + 0.5 * 8 - 5
    assert found[0, 0] == (1 + 0.5 * 2 + 0.25 * 5 - 3) + 0.25 * found[2, 0]
    assert found[1, 0] == found[3, 0] == 0


def test_ppo_resumes_to_the_bit(policy: DiffusionPolicy) -> None:
    straight = ppo(controller(policy))
    lines = [straight.iterate() for _ in range(3)]
    half = ppo(controller(policy))
    half.iterate()
    state = copy.deepcopy(half.state_dict())
    again = ppo(controller(policy))
    again.load_state_dict(state)
    for line in lines[1:]:
        found = again.iterate()
        assert {k: v for k, v in found.items() if k[-2:] != "_s" and k != "seconds"} == {
            k: v for k, v in line.items() if k[-2:] != "_s" and k != "seconds"
        }
    for a, b in zip(straight.critic.parameters(), again.critic.parameters()):
        assert torch.equal(a, b)


def test_ppo_learns_the_slot(policy: DiffusionPolicy) -> None:
    """Starts that the base fails are solved after a few iterations, more than are lost."""
    learner = ppo(
        controller(policy, n=48, scale=0.4),
        **{"log_std": -1.4, "gamma": 0.95, "lr": 3e-3, "critic_lr": 3e-3, "schedule": "constant"},
        **{"epochs": 8, "minibatches": 4, "horizon": 0},
    )
    before = evaluate(learner.control, base_only(learner.control), name="b", step=0, episodes=96, seed=3)
    for _ in range(12):
        learner.iterate()
    after = evaluate(learner.control, learner.decide(), name="a", step=0, episodes=96, seed=3)
    assert after["success"]["value"] > before["success"]["value"] + 0.04


def test_a_time_limit_is_no_end_and_a_failure_no_evidence(policy: DiffusionPolicy) -> None:
    control = controller(policy, fail_at=4)
    learner = ppo(control)
    rollout = learner.collect(torch.Generator().manual_seed(0))
    assert rollout.bootstrap[3, 0]
    assert rollout.broken >= 1
    assert len(rollout.success) == control.arms.num_envs - 1  # the broken first episode says nothing
    assert len(rollout.finals) == int(rollout.bootstrap.sum()) + control.arms.num_envs
    line = learner.iterate()
    assert line["env_errors"] >= 1
    assert math.isfinite(line["loss"])


def test_nan_is_one_sentence_and_moves_nothing(policy: DiffusionPolicy) -> None:
    learner = ppo(controller(policy))
    with torch.no_grad():
        learner.actor.mean[-1].weight.fill_(math.nan)
    states = learner.control.arms.states
    with pytest.raises(DivergedError, match=r"not finite .* lower algo.lr"):
        learner.iterate()
    assert (learner.control.arms.states[:, 3] == 0).all()
    assert np.isfinite(states).all()


def test_wild_residuals_stay_in_the_action_space(policy: DiffusionPolicy) -> None:
    control = controller(policy)
    actions = play(control, lambda view: torch.full((len(view.features), control.decision), 1e6), steps=3)
    assert np.abs(actions).max() <= 1


# ---------------------------------------------------------------------- off-policy


@pytest.mark.parametrize("entropy", [False, True])
def test_off_policy_resumes_to_the_bit(policy: DiffusionPolicy, demos: Demonstrations, entropy: bool) -> None:
    options = OffPolicyOptions(
        envs=4, horizon=6, batch=16, width=16, warmup=24, utd=0.2, entropy=entropy, progressive=40 if entropy else 0,
        demo_share=0.0 if entropy else 0.5, capacity=100,
    )  # fmt: skip

    def make() -> OffPolicyLearner:
        torch.manual_seed(3)
        learner = OffPolicyLearner(options, controller(policy, 4), seed=1)
        if options.demo_share:
            learner.remember(demos)
        return learner

    straight, half, again = make(), make(), make()
    for _ in range(4):
        straight.iterate()
    for _ in range(2):
        half.iterate()
    again.load_state_dict(copy.deepcopy(half.state_dict()))
    for _ in range(2):
        again.iterate()
    for a, b in zip(straight.actor.parameters(), again.actor.parameters()):
        assert torch.equal(a, b)
    assert straight.actor[-1].weight.detach().abs().max() > 0


def test_n_step_returns_by_hand(policy: DiffusionPolicy) -> None:
    from collections import deque

    from vlgym_agents.robot.offpolicy import Buffer

    options = OffPolicyOptions(envs=1, n_step=2, gamma=0.5, batch=2, capacity=10)
    learner = OffPolicyLearner(options, controller(policy, 1), seed=1)
    buffer, pending = Buffer(10, 1, 2), [deque()]  # type: ignore[var-annotated]
    for t, (reward, end) in enumerate([(1.0, False), (2.0, False), (4.0, True)]):
        f, a = torch.tensor([[float(t)]]), torch.zeros(1, 2)
        ended = np.array([end])
        learner._remember(pending, f, a, np.array([reward]), ended, ended, f + 1, buffer)
    rows = buffer.rows[: buffer.count]
    assert rows[:, 0].tolist() == [0, 1, 2]  # features
    assert rows[:, 3].tolist() == [1 + 0.5 * 2, 2 + 0.5 * 4, 4]  # rewards
    assert rows[:, 4].tolist() == [0.25, 0, 0]  # discounts
    assert rows[:, 5].tolist() == [2, 3, 3]  # what follows


def test_demonstrations_enter_the_buffer_with_what_the_base_would_do(
    policy: DiffusionPolicy, demos: Demonstrations
) -> None:
    options = OffPolicyOptions(envs=2, batch=8, capacity=50, n_step=1)
    learner = OffPolicyLearner(options, controller(policy, 2), seed=1)
    learner.remember(demos)
    assert learner.demos is not None
    assert learner.demos.count == demos.steps
    rewards = learner.demos.rows[:, learner._base.stop + 2]
    assert float(rewards.sum()) == len(demos.episodes)


def test_off_policy_sees_whole_episodes(policy: DiffusionPolicy) -> None:
    """An iteration begins with fresh episodes, so one shorter than the time limit would never see their ends."""
    learner = OffPolicyLearner(OffPolicyOptions(envs=3, batch=8, width=16, demo_share=0.0), controller(policy, 3), 1)
    found = learner.collect(torch.Generator().manual_seed(0))
    assert found["episodes"] >= 3
    assert learner.env_steps == 3 * STEPS


# ---------------------------------------------------------------------- told from the robot's own frame


class Place:
    """Frames that stand where the peg is."""

    def __init__(self, states: np.ndarray) -> None:
        self.place = states[:, None, :2]

    def into(self, actions: np.ndarray) -> np.ndarray:
        return actions - self.place

    def out_of(self, moves: np.ndarray) -> np.ndarray:
        return moves + self.place

    def turn(self, moves: np.ndarray) -> np.ndarray:
        return moves


class Told(Slot):
    """The slot with frames: told how far the slot is and how high the peg, [N, 2]."""

    def egocentric(self, obs: np.ndarray) -> np.ndarray:
        return np.stack((obs[:, 3], obs[:, 1]), axis=1)

    def frame(self, states: np.ndarray) -> Place:
        return Place(states)


def test_a_relative_policy_knows_no_place(demos: Demonstrations) -> None:
    """It goes to the slot from the same distance in the same way wherever that is; zero residuals leave it so."""
    arms = Told(2)
    frames = Frames(arms, True)
    cloning = Cloning(BASE, demos, seed=0, frames=frames)
    cloning.train(600)
    policy = cloning.average
    assert policy.seen.low.shape == (2,)
    base = ChunkedBase(policy, 2, seed=5, frames=frames)
    control = Controller(arms, "residual", policy.seen, policy.done, base=base, frames=frames)
    everywhere, shift = np.ones(2, bool), np.array([0.25, 0.0])
    obs = np.array([[-0.3, 0.6, 0.1, -0.4], [-0.05, 0.6, 0.35, -0.4]])
    control.reset(everywhere, np.zeros(2, np.int64))
    view = control.view(obs, everywhere)
    assert torch.allclose(view.features[0], view.features[1], atol=1e-6)
    assert view.base is not None
    assert np.allclose(view.base[1] - view.base[0], shift, atol=1e-6)
    control.decide(everywhere, view, torch.zeros(2, 2))
    assert np.array_equal(control.act(), np.clip(view.base[:, 0], -1, 1))
    control.decide(everywhere, view, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    unit = control.scale * float(policy.done.span[0]) / 2
    assert np.allclose(control.act() - np.clip(view.base[:, 0], -1, 1), [[unit, 0], [0, 0]], atol=1e-9)


def test_robots_without_frames_are_told_what_is() -> None:
    obs = np.ones((3, 4))
    assert Frames(Slot(3), True).see(obs) is obs
    assert Frames(Told(3), False).see(obs) is obs
    assert Frames(Told(3), True).see(obs).shape == (3, 2)
