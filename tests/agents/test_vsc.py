"""VSC-RL and VSC-GRPO: the sheet's numbers, identities, terms worked by hand, learning, controls, resuming."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from subgoal_toys import STAGES
from test_subgoals import TASKS, episode
from toy_policy import ToyPolicy
from toy_run import TWO_TURNS, config, equal, run, trainer

from vlgym_agents import registry
from vlgym_agents.algos import vsc_grpo, vsc_rl
from vlgym_agents.batch import make_batch
from vlgym_agents.learn import Learner
from vlgym_agents.losses import kl
from vlgym_agents.options import OptimOptions
from vlgym_agents.outcomes import WIDTH, Outcome, features
from vlgym_agents.policy import Sampling
from vlgym_agents.recipe import Credit, Setting
from vlgym_agents.reference import goal_row
from vlgym_agents.rollout import generator
from vlgym_agents.types import Chunk, Trace, Turn

SAMPLING = Sampling(max_tokens=1)


def setting(policy=None, **kwargs) -> Setting:
    return Setting(TASKS, "train", policy or ToyPolicy(), SAMPLING, **kwargs)


# ---------------------------------------------------------------- VSC-GRPO: credit


def test_segments_compete_with_their_like():
    """First subgoal: reached in 2 steps (0.9) and in 1 (1.0); second: a tail (0) and reached in 3 (0.81)."""
    group = [episode([0, 1, 0], total=2), episode([1, 0, 0, 1], total=2, success=True)]
    credit = vsc_grpo.SegmentCredit(vsc_grpo.VscGrpoOptions(adv_eps=0.0))([group])
    half = 2**-0.5  # two values: relative advantages are -+ 1/sqrt(2) under the sample deviation
    goal = [-half, half]
    assert credit.advantages[0] == pytest.approx([goal[0] - half / 2] * 3)
    assert credit.advantages[1] == pytest.approx([goal[1] + half / 2] * 4)


def test_three_episodes_by_hand():
    """First subgoal in 1, 2 and no steps: returns 1, 0.9, 0; the second is pursued by two, whose tails are both 0."""
    group = [episode([1, 0], total=2), episode([0, 1, 0], total=2), episode([0, 0], total=2)]
    extra = vsc_grpo.SegmentCredit(vsc_grpo.VscGrpoOptions(adv_eps=0.0)).relative(group)
    mean, std = 1.9 / 3, np.std([1.0, 0.9, 0.0], ddof=1)
    expected = [(q - mean) / std for q in (1.0, 0.9, 0.0)]
    assert extra[0] == pytest.approx([expected[0], 0.0])
    assert extra[1] == pytest.approx([expected[1], expected[1], 0.0])
    assert extra[2] == pytest.approx([expected[2]] * 2)


def test_a_subgoal_of_one_episode_and_tasks_without_subgoals_leave_the_goal_s_advantage():
    credit = vsc_grpo.SegmentCredit(vsc_grpo.VscGrpoOptions())
    assert not credit.relative([episode([1, 0, 0], total=2)])[0].any()
    group = [episode([0, 0], success=won) for won in (True, False)]
    for trace in group:
        for turn in trace.turns:
            turn.info = {}
    assert all(isinstance(a, float) for a in credit([group]).advantages)


def test_masked_episodes_have_no_gradient():
    group = [episode([0, 1]), episode([0, 0])]
    group[0].turns[-1].truncated = True
    credit = vsc_grpo.SegmentCredit(vsc_grpo.VscGrpoOptions(mask_truncated=True))([group])
    assert credit.advantages[0] == 0.0
    assert np.any(credit.advantages[1])


def test_groups_with_equal_returns_are_kept_for_their_segments():
    parts = vsc_grpo.build(vsc_grpo.VscGrpoOptions(dynamic_sampling=True), setting())
    assert parts.keep([episode([0, 1]), episode([0, 0])])
    assert not parts.keep([episode([0, 0]), episode([0, 0])])


def test_progress_is_a_reward_if_wanted():
    parts = vsc_grpo.build(vsc_grpo.VscGrpoOptions(progress_weight=0.3), setting())
    assert parts.rewards["progress"](episode([0, 1, 1])) == pytest.approx(0.2)


def test_idle_and_bad_options():
    assert "gamma_s" in vsc_grpo.VscGrpoOptions(lambda_sg=0.0).idle()
    assert "kl" in vsc_rl.VscRlOptions().idle()
    for cls, bad in ((vsc_grpo.VscGrpoOptions, {"gamma_s": 0.0}), (vsc_grpo.VscGrpoOptions, {"lambda_sg": -1.0}),
                     (vsc_rl.VscRlOptions, {"gamma": 1.5}), (vsc_rl.VscRlOptions, {"quantile": 2.0}),
                     (vsc_rl.VscRlOptions, {"validation": 1.0}), (vsc_rl.VscRlOptions, {"kl": "k9"})):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(bad))):
            cls(**bad)


# ---------------------------------------------------------------- identities

LEAST = {"run__steps": 3, "rollout__max_tokens": 1, "rollout__groups": 4}


@pytest.mark.parametrize(("env", "window"), [(TWO_TURNS, 0), (STAGES, 0), (STAGES, 1)])
def test_nothing_switched_on_is_grpo_to_the_bit(tmp_path, env, window):
    off = {"algo__lambda_sg": 0.0, "algo__beta_ref": 0.0, "algo__show": "none"}
    same = dict(LEAST, run__env=env, rollout__window=window, algo__dynamic_sampling=True)
    plain = run(tmp_path / "a", config(**same))
    ours = run(tmp_path / "b", config(**same, run__algo="vsc-grpo", **off))
    assert equal(plain[0], ours[0])
    assert plain[1] == ours[1]


def test_a_task_without_subgoals_is_grpo_to_the_bit(tmp_path):
    plain = run(tmp_path / "a", config(**LEAST, run__env=TWO_TURNS))
    assert equal(plain[0], run(tmp_path / "b", config(**LEAST, run__env=TWO_TURNS, run__algo="vsc-grpo"))[0])


@pytest.mark.parametrize("option", [{"algo__lambda_sg": 0.5}, {"algo__beta_ref": 0.1}, {"algo__show": "text"}])
def test_each_switch_changes_something(tmp_path, option):
    off = {"algo__lambda_sg": 0.0, "algo__beta_ref": 0.0, "algo__show": "none"}
    same = dict(LEAST, run__env=STAGES, run__algo="vsc-grpo")
    assert not equal(
        run(tmp_path / "a", config(**same, **off))[0], run(tmp_path / "b", config(**same, **off | option))[0]
    )


def test_reads_like_grpo_where_the_reference_reads_the_same(tmp_path):
    """With nothing shown the goal-conditioned reference is GRPO's own."""
    same = dict(LEAST, run__env=STAGES, algo__kl_coef=0.1)
    ours = config(**same, run__algo="vsc-grpo", algo__lambda_sg=0.0, algo__show="none")
    assert equal(run(tmp_path / "a", config(**same))[0], run(tmp_path / "b", ours)[0])


# ---------------------------------------------------------------- the reference


@pytest.mark.parametrize("window", [0, 1, 2])
def test_the_divergence_is_from_the_policy_that_reads_the_goal_alone(tmp_path, window):
    """At the first step policy and reference have the same weights, so all of it comes from what they read."""
    cfg = config(run__env=STAGES, run__algo="vsc-grpo", algo__kl_coef=0.1, algo__kl_unbiased=False,
                 rollout__max_tokens=1, rollout__window=window)  # fmt: skip
    with trainer(tmp_path, cfg) as made:
        policy = made.policy.reference()
        traces = [trace for group in made._harvest(1).fresh for trace in group]
        logged = made.step()
    batch = make_batch(traces, window)
    with torch.no_grad():
        lp = policy.score(batch.rows, SAMPLING).logprobs
        ref = policy.score([goal_row(row) for row in batch.rows], SAMPLING).logprobs
    assert "kl" in logged
    assert kl(lp, ref).mean() > 1e-4
    parts = vsc_grpo.build(vsc_grpo.VscGrpoOptions(kl_coef=0.1), setting(policy))
    assert torch.equal(parts.passes["reference"](batch.rows, SAMPLING), ref)


@pytest.mark.parametrize("window", [0, 1, 2])
def test_reference_actions_are_imitated(window, tmp_path):
    """One action an episode, drawn by the reference under the plain prompt; the term is their mean NLL under ours."""
    cfg = config(run__env=STAGES, run__algo="vsc-grpo", algo__beta_ref=0.5, rollout__max_tokens=1,
                 rollout__window=window)  # fmt: skip
    with trainer(tmp_path, cfg) as made:
        groups = made._harvest(1).fresh
        imitator = made.parts.repair
        assert imitator(groups, generator(5)) == groups
        rows = list(imitator.rows.values())
        traces = [trace for group in groups for trace in group]
        assert len(rows) == len(traces)
        with torch.no_grad():
            nll = -made.policy.score(rows, SAMPLING).logprobs
        alone = imitator.joined(lambda view: (view.scores.logprobs.sum() * 0.0, {}))
        parts = replace(made.parts, objective=alone, passes={})
        for micro in (1, 10**6):
            learner = Learner(made.policy, parts, OptimOptions(lr=0.0, micro_tokens=micro), sampling=SAMPLING,
                              window=window, steps=1)  # fmt: skip
            found = learner.update(traces, Credit([0.0] * len(traces)), 1, np.random.default_rng(0))
            assert found["loss"] == pytest.approx(0.5 * float(nll.mean()), rel=1e-4)
        session = imitator.reference.session(1)
        row = goal_row(rows[0])
        if len(row.chunks) > 1:
            session.load(0, row.chunks[:-1], row.actions[:-1])
        greedy = session.act([0], row.chunks[-1:], [generator(1)], replace(SAMPLING, greedy=True))[0]
        assert greedy.ids.shape == row.actions[-1].shape


# ---------------------------------------------------------------- VSC-RL: the sheet's numbers


def test_advantage_of_the_sheet():
    def of(v, after, reward, mc):
        return float(vsc_rl.advantage(*(np.array([x], np.float32) for x in (v, after, reward, mc)))[0])

    assert of(0.40, 0.50, 0, 0.25) == pytest.approx(0.30)
    assert of(0.40, 0.42, 0, 0.0) == 0.0
    assert of(0.40, 0.46, 0, 0.0) == pytest.approx(0.01)
    assert of(0.9, 0.1, 1, 1.0) == 1.0


def test_quantile_of_the_sheet():
    scores = np.arange(1, 11) / 10
    assert vsc_rl.kept(scores, 0.9).tolist() == [False] * 9 + [True]
    assert vsc_rl.kept(np.zeros(5), 0.9).all()  # where all are equal the release keeps all
    assert vsc_rl.kept(np.zeros(0), 0.9).shape == (0,)


def stored(options: dict | None = None, traces=None):
    """Return a procedure that has seen some episodes, and those."""
    procedure = vsc_rl.Procedure(vsc_rl.VscRlOptions(**{"validation": 0.0, **(options or {})}), setting())
    traces = traces or [episode([0, 1, 0, 1], total=2, success=True), episode([0, 0], total=2), episode([0, 1, 0])]
    return procedure, traces, procedure([traces], generator(1))


def test_the_loss_is_the_release_s():
    """-mean over the drawn steps of 1[adv > 0] sum_t lp for the actor, and of sum_t lp for imitation."""
    procedure, traces, groups = stored({"quantile": 0.0, "imitation_weight": 0.5})
    weights = procedure.credit(groups).advantages
    gain = []
    for trace in traces:
        states = procedure._read(trace)
        after = np.concatenate([states[1:], states[-1:]])
        for segment in vsc_rl.segments(trace, trace.success):
            mc = vsc_rl.mc_returns(segment, 0.5)
            last = np.arange(len(segment)) == len(segment) - 1
            here = slice(segment.first, segment.last)
            v, then = procedure.step_critic(states[here]), procedure.step_critic(after[here])
            gain += list(vsc_rl.advantage(v, then, (last & segment.reached).astype(np.float32), mc) > 0)
    assert np.concatenate(weights) == pytest.approx(np.array(gain) + 0.5)  # all 9 steps are drawn for both
    policy = ToyPolicy()
    parts = vsc_rl.build(vsc_rl.VscRlOptions(), setting(policy))
    flat = [
        replace(trace, turns=[replace(t, logprobs=np.zeros(2, np.float32)) for t in trace.turns]) for trace in traces
    ]
    batch = make_batch(flat, 0)
    lp = policy.score(batch.rows, SAMPLING).logprobs.detach()
    sums = lp.reshape(-1, 2).sum(1)
    learner = Learner(policy, parts, OptimOptions(lr=0.0), sampling=SAMPLING, window=0, steps=1)
    loss = learner.update(flat, Credit(weights), 1, np.random.default_rng(0))["loss"]
    actor = -(sums * torch.tensor(gain)).mean()
    assert loss == pytest.approx(float(actor - 0.5 * sums.mean()), rel=1e-5)


def test_only_kept_segments_are_learnt():
    """Of 10 segments that closed alike and one tail, the 0.9 quantile of raw reward keeps the closed ones."""
    traces = [episode([1] * 10 + [0], total=11)]
    procedure, _, groups = stored({"quantile": 0.9}, traces)
    weights = procedure.credit(groups).advantages[0]
    assert (weights[:10] > 0).all()
    assert weights[10] == 0.0


def test_critics_tell_what_closes():
    """Segments that begin under one goal close, under another never: the surprise is the rare success."""

    def of(goal: int, won: bool) -> Trace:
        turn = Turn(Chunk(np.array([goal], np.int32)), np.array([1], np.int32), np.zeros(1, np.float32), "", "")
        return Trace("a", 0, 0, 0, [turn], success=won, ret=float(won))

    traces = [of(30, True) for _ in range(12)] + [of(40, False) for _ in range(11)] + [of(40, True)]
    procedure, _, groups = stored({"critic_epochs": 40, "critic_lr": 0.01, "imitation_weight": 0.0}, traces)
    weights = np.concatenate(procedure.credit(groups).advantages)
    easy, hard = procedure.segment_critic(np.stack([procedure._read(traces[0])[0], procedure._read(traces[20])[0]]))
    assert easy > 0.8
    assert hard < 0.3
    assert weights[-1] > 0
    assert not weights[12:-1].any()


def test_the_buffer_forgets_and_does_not_count_as_fresh():
    procedure, traces, groups = stored({"buffer": 4})
    assert [group[0] for group in groups] == traces
    assert [len(trace.turns) for trace in procedure.stored] == [2, 3]  # 3 segments; the oldest had 2 more
    again = procedure([[episode([1])]], generator(2))
    assert [group[0].replayed for group in again] == [False, True, True]
    assert not any(trace.replayed for trace in traces)


def test_validation_episodes_are_not_learnt():
    traces = [replace(episode([0, 1]), seed=seed) for seed in range(40)]
    procedure, _, groups = stored({"validation": 0.5, "quantile": 0.0}, traces)
    weights = procedure.credit(groups).advantages
    held = [procedure._held(trace) for trace in traces]
    assert 10 < sum(held) < 30
    assert all(w.any() != kept for w, kept in zip(weights, held))
    assert {"segment_critic_check", "step_critic_check"} <= procedure.metrics.keys()


def test_no_episodes_no_credit():
    assert stored()[0].credit([]).advantages == []


def test_features_tell_states_apart():
    chunk = Chunk(np.array([20, 21], np.int32), extra={"words": np.array([[1, 2]]), "scale": np.zeros((3, 3))})
    other = replace(chunk, extra={"words": np.array([[2, 1]])})
    pictured = replace(chunk, images=(np.full((5, 40, 3), 51, np.uint8),))
    one, two, three = (features(chunk, c) for c in (chunk, other, pictured))
    assert one.shape == (WIDTH,)
    assert not np.array_equal(one, two)
    assert three[-256:] == pytest.approx(0.2)
    assert np.array_equal(one, features(chunk, replace(chunk)))


def test_critics_leave_the_global_generator_alone():
    state = torch.get_rng_state()
    a, b = Outcome(2, 0.01, seed=3), Outcome(2, 0.01, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    x, y = np.random.default_rng(0).random((8, WIDTH)).astype(np.float32), np.arange(8) % 2 == 0
    for _ in range(3):
        a.learn(x, y)
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    assert a.learn(x, y) == b.learn(x, y)
    assert np.array_equal(a(x), b(x))


# ---------------------------------------------------------------- whole runs


@pytest.mark.parametrize(
    ("algo", "options"),
    [
        ("vsc-grpo", {"algo__kl_coef": 0.05, "algo__beta_ref": 0.05, "algo__subgoals": "shuffled"}),
        ("vsc-rl", {"algo__kl_coef": 0.05, "algo__beta_ref": 0.05, "algo__buffer": 8, "rollout__window": 1}),
    ],
)
def test_resumes_to_the_bit(algo, options, tmp_path):
    cfg = config(run__env=STAGES, run__algo=algo, run__steps=4, run__save_every=2, run__keep=4, rollout__max_tokens=1,
                 rollout__groups=2,
                 optim__epochs=2, optim__minibatches=2, **options)  # fmt: skip
    straight = run(tmp_path / "a", cfg)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "checkpoints" / "step-000004")
    resumed = run(tmp_path / "b", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


CHAIN = {
    "run__env": STAGES, "env__length": 4, "env__spare": 1, "rollout__groups": 3, "rollout__group_size": 8,
    "rollout__batch": 24, "rollout__max_tokens": 1,
}  # fmt: skip


def last(tmp_path, steps: int, **options) -> float:
    """Return the mean score of the last three steps on a chain that plain GRPO cannot begin to solve."""
    with trainer(tmp_path, config(**{**CHAIN, **options})) as made:
        return float(np.mean([made.step()["score"] for _ in range(steps)][-3:]))


def test_subgoals_teach_what_a_terminal_reward_cannot(tmp_path):
    """Four digits in five steps: a success is one in a thousand at first, a digit one in nine."""
    hidden = {"run__algo": "vsc-grpo", "algo__show": "none"}
    plain = last(tmp_path / "a", 12)
    oracle = last(tmp_path / "b", 12, **hidden)
    shuffled = last(tmp_path / "c", 12, **hidden, algo__subgoals="shuffled")
    assert oracle > 0.7
    assert plain < 0.4
    assert shuffled < 0.4


def test_the_released_procedure_learns_the_chain(tmp_path):
    released = {"run__algo": "vsc-rl", "algo__show": "none", "algo__draw": 32, "rollout__window": 1}
    assert last(tmp_path, 12, **released, optim__epochs=2) > 0.6


def test_rows_are_declared():
    for name in ("vsc-rl", "vsc-grpo"):
        recipe = registry.recipe(name)
        assert "2502.07949" in recipe.source
        parts = recipe.build(recipe.options(), setting())
        assert parts.observe is not None
