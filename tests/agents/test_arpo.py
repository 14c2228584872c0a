"""ARPO: the sheet's numbers, the identity with GRPO, stored episodes to the bit, resumption in every phase."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_policy import ToyPolicy
from toy_run import BANDIT, TWO_TURNS, config, equal, run, trainer

from vlgym_agents.algos import arpo
from vlgym_agents.algos.arpo import ArpoOptions, ReplayCredit
from vlgym_agents.checkpoint import Checkpoints, pack, unpack
from vlgym_agents.curriculum import ProbedTasks, select
from vlgym_agents.options import resolve
from vlgym_agents.policy import Sampling
from vlgym_agents.recipe import RecipeError
from vlgym_agents.replay import Replay, Replayed, SuccessStore, present_logprobs
from vlgym_agents.schema import OptionError
from vlgym_agents.types import Chunk, Trace, Turn

RNG = np.random.default_rng
EMPTY = {"none": b"", "nothing": np.empty((0, 2), np.int32)}


def trace(score: float = 0.0, *, task="t", turns=2, version=0, valid=True, member=0, ret=None) -> Trace:
    ids = np.array([1, 8], np.int32)
    made = [
        Turn(Chunk(np.array([20 + k], np.int32)), ids, np.full(2, -1.0, np.float32), "1", "pick[1]",
             info={"action_valid": valid, "score": score})
        for k in range(turns)
    ]  # fmt: skip
    return Trace(task, 0, 0, member, made, score=score, success=score == 1.0, version=version,
                 ret=score if ret is None else ret)  # fmt: skip


def group(*scores: float, **rest) -> list[Trace]:
    return [trace(score, member=i, **rest) for i, score in enumerate(scores)]


def replay(*stored: Trace, present: float = -1.0, **options) -> Replay:
    made = Replay(ArpoOptions(**{"evaluator": "score", **options}), lambda t: np.full(t.n_tokens, present, np.float32))
    made.store.add([[item] for item in stored])
    return made


def advantages(groups, **options) -> np.ndarray:
    return np.array(ReplayCredit(ArpoOptions(**options))(groups).advantages)


# ---------------------------------------------------------------------- the sheet's numbers


@pytest.mark.parametrize(("ddof", "first", "rest"), [(1, 2.4749, -0.3536), (0, 2.6458, -0.3780)])
def test_a_repaired_group(ddof, first, rest):
    repaired = replay(trace(1.0))([group(*[0.0] * 8)], RNG(0))
    assert [t.replayed for t in repaired[0]] == [True] + [False] * 7
    assert np.allclose(advantages(repaired, adv_ddof=ddof), [first] + [rest] * 7, atol=1e-4)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.1] * 8, True), ([0.3] * 8, False), ([0] * 7 + [1], False), ([1] * 8, False), ([0] * 8, True)],
)
def test_the_trigger(scores, expected):
    stored = replay(trace(1.0))
    assert stored.repairable(group(*scores)) is expected
    assert any(t.replayed for t in stored([group(*scores)], RNG(0))[0]) is expected


def test_an_empty_store_leaves_the_group():
    failed = group(*[0.0] * 8)
    repaired = replay(trace(1.0, task="another"))([failed], RNG(0))
    assert repaired == [failed]
    assert not advantages(repaired).any()


def test_returns_with_the_format_term(tmp_path):
    cfg = config(run__algo="arpo", algo__unparsable_weight=0.5, algo__adv_eps=0.0)
    with trainer(tmp_path, cfg) as made:
        rewards = made.parts.rewards
        members = group(1, 0, 0, 0)
        for member in members:
            member.turns[-1].reward = member.score
        members[2].turns[-1].action = ""
        for member in members:
            member.ret = sum(term(member) for term in rewards.values())
        assert [member.ret for member in members] == [1, 0, -0.5, 0]
        assert np.allclose(made.parts.credit([members]).advantages, [1.3908, -0.1987, -0.9934, -0.1987], atol=1e-4)


def test_a_format_penalty_does_not_hide_a_failed_group():
    failed = group(*[0.0] * 4)
    failed[1].ret = -0.5
    assert replay(trace(1.0)).repairable(failed)


def test_what_is_stored():
    store = SuccessStore(8, 0.1, lambda t: t.score)
    store.add([group(0.1, 0.11)])
    assert len(store) == 1
    store.add([[trace(1.0, version=k)] for k in range(1, 9)])
    assert [item.version for item in store.find("t")] == list(range(1, 9))  # the first has left
    assert [item.version for item in store.find("t", 6)] == [6, 7, 8]
    again = Replayed("t", 0, 0, 0, trace().turns, score=1.0, success=True, replayed=True)
    store.add([[again]])
    assert [item.version for item in store.find("t")] == list(range(1, 9))


def test_graded_scores():
    """WebShop grades: with evaluator=success only a full success is stored, and a half success fails."""
    bought = [trace(0.5), trace(1.0)]
    assert len(replay(*bought).store) == 2
    strict = replay(*bought, evaluator="success")
    assert len(strict.store) == 1
    assert strict.repairable(group(0.5, 0.2, 0.7, 0.0))
    assert not replay(*bought).repairable(group(0.5, 0.2, 0.7, 0.0))


@pytest.mark.parametrize(("p", "kept"), [(0.05, 0.5599), (0.01, 0.1485)])
def test_the_filter_keeps_what_is_sometimes_solved(p, kept):
    assert 1 - (1 - p) ** 16 == pytest.approx(kept, abs=1e-4)  # the law, and that ProbedTasks follows it:
    ids, rng = [f"t{i}" for i in range(4000)], RNG(0)
    probe = ProbedTasks(ids, 16, lambda t: t.success)
    while probe.probing:
        tasks = probe.sample(1000, rng)
        probe.update([group(*(rng.random(8) < p).astype(float), task=task, turns=0) for task in tasks])
    assert all(n == 16 for n, _ in probe.tried.values())
    assert len(probe._uniform.ids) / 4000 == pytest.approx(kept, abs=0.03)
    assert set(probe.sample(50, rng)) <= set(probe._uniform.ids)


# ---------------------------------------------------------------------- options beyond the release


def test_importance_is_a_mean_over_tokens():
    stored = trace(1.0, turns=1)  # behaviour log-probs -1, -1
    for present, expected in ((-2.0, np.exp(-1)), (-0.5, 1.0)):
        made = replay(stored, present=present, replay_is="truncated")([group(*[0.0] * 8)], RNG(0))
        assert made[0][0].importance == pytest.approx(expected)
        assert advantages(made, replay_is="truncated")[0] == pytest.approx(2.4749 * expected, abs=1e-4)
        assert advantages(made)[1] == pytest.approx(-0.3536, abs=1e-4)


def test_old_logprobs():
    for kind, expected in (("none", -2.0), ("truncated", -2.0), ("behaviour", -1.0)):
        first = replay(trace(1.0), present=-2.0, replay_is=kind)([group(*[0.0] * 8)], RNG(0))[0][0]
        assert all((turn.logprobs == expected).all() for turn in first.turns)


def test_age_and_preference():
    old, short, new = trace(1.0, version=1, turns=3), trace(1.0, version=5, turns=1), trace(1.0, version=9, turns=2)
    failed = group(*[0.0] * 4, version=10)

    def drawn(**options):
        return [t for t in replay(old, short, new, **options)([failed], RNG(3))[0] if t.replayed]

    assert [t.version for t in drawn(replay_prefer="newest")] == [9]
    assert [t.version for t in drawn(replay_prefer="shortest", replay_per_group=2)] == [5, 9]
    assert [t.version for t in drawn(replay_prefer="newest", replay_per_group=9)] == [9, 5, 1]  # one fresh member stays
    assert drawn(replay_max_age=1)[0].age == 1
    assert drawn(replay_max_age=5, replay_prefer="shortest")[0].version == 5
    assert not [t for t in replay(old, replay_max_age=5)([failed], RNG(0))[0] if t.replayed]
    versions = {replay(old, short, new)([failed], RNG(k))[0][0].version for k in range(40)}
    assert versions == {1, 5, 9}


def test_who_makes_room():
    failed = [*group(0.0, 0.0), trace(valid=False, member=2), trace(member=3)]
    made = replay(trace(1.0), replay_position="worst_format")([failed], RNG(0))[0]
    assert [t.replayed for t in made] == [False, False, True, False]
    assert [t.member for t in made] == [0, 1, 2, 3]


def test_the_cap():
    made = replay(trace(1.0))([group(*[0.0] * 8)], RNG(0))
    found = advantages(made, replay_adv_cap=1.5)
    assert found[0] == 1.5
    assert np.allclose(found[1:], -0.3536, atol=1e-4)


def test_imitation_keeps_every_fresh_member_and_pushes_none_down():
    failed = group(*[0.0] * 8)
    made = replay(trace(1.0), replay_mode="imitate")([failed, group(1, 0)], RNG(0))
    assert made[0][:8] == failed
    assert made[0][8].replayed
    found = advantages(made, replay_mode="imitate", imitation_coef=0.5)
    assert np.allclose(found, [0] * 8 + [0.5] + [0.7071, -0.7071], atol=1e-4)


def test_a_group_of_one_is_left_alone():
    assert not replay(trace(1.0)).repairable(group(0.0))
    assert replay(trace(1.0), replay_mode="imitate").repairable(group(0.0))


def test_options_without_effect_are_refused():
    with pytest.raises(OptionError, match="store_capacity is 0"):
        config(run__algo="arpo", algo__store_capacity=0, algo__replay_prefer="newest")
    with pytest.raises(OptionError, match="replay_mode is imitate"):
        config(run__algo="arpo", algo__replay_mode="imitate", algo__replay_position="first")
    with pytest.raises(OptionError, match="Did you mean 'imitate'"):
        config(run__algo="arpo", algo__replay_mode="imitat")
    assert config(run__algo="arpo", algo__store_capacity=0, algo__probe=4, algo__evaluator="score").algo.probe == 4


def test_the_faithful_preset_is_the_release():
    cfg = resolve([("flag", {"run.preset": "arpo-faithful", "run.env": BANDIT, "run.model": "toy"})])
    assert cfg.run.algo == "arpo"
    a, o, r = cfg.algo, cfg.optim, cfg.rollout
    assert (a.clip_low, a.clip_high, a.dual_clip, a.aggregation, a.kl_coef) == (0.2, 0.3, 3.0, "sequence_mean", 0.0)
    assert (a.norm, a.adv_ddof, a.adv_eps, a.unparsable_weight) == ("mean_std", 1, 1e-6, 0.5)
    assert a.evaluator == "score"
    assert (a.store_capacity, a.store_above, a.trigger_std, a.trigger_mean) == (8, 0.1, 0.05, 0.2)
    assert (a.replay_per_group, a.replay_is, a.replay_prefer, a.replay_position) == (1, "none", "uniform", "first")
    assert (a.replay_adv_cap, a.replay_max_age, a.replay_mode, a.probe) == (0.0, 0, "repair", 16)
    assert (o.lr, o.epochs, o.clip_norm, r.groups * r.group_size / o.minibatches) == (1e-6, 1, 1.0, 8)
    assert (r.groups, r.group_size, r.max_turns, r.end_unparsable, r.temperature) == (16, 8, 15, True, 1.0)


# ---------------------------------------------------------------------- inside the trainer

PAGES = {"run__env": TWO_TURNS, "run__algo": "arpo", "rollout__groups": 4, "rollout__max_tokens": 1}


def test_an_empty_store_is_grpo_to_the_bit(tmp_path):
    plain = run(tmp_path / "a", config(**{**PAGES, "run__algo": "grpo", "run__steps": 3}))
    empty = run(tmp_path / "b", config(**PAGES, run__steps=3, algo__store_capacity=0))
    assert equal(plain[0], empty[0])
    names = plain[1][0].keys()
    assert plain[1] == [{name: line[name] for name in names} for line in empty[1]]


@pytest.mark.parametrize("window", [0, 2])
def test_stored_episodes_score_to_the_bit(tmp_path, window):
    with trainer(tmp_path, config(**PAGES, rollout__window=window, rollout__max_turns=3)) as made:
        donor = next(t for t in made._harvest(1).attempts if len(t.turns) >= 2)
        made.parts.repair.store.add([[replace(donor, success=True)]])
        stored = made.parts.repair.store.find(donor.task)[0]
        made.save()
        made.parts.repair.store._by_task.clear()
        made.resume()
        back = unpack(made.parts.repair.store.find(donor.task)[0].packed)
        assert torch.equal(stored.packed, made.parts.repair.store.find(donor.task)[0].packed)
        for a, b in zip(donor.turns, back.turns):
            assert np.array_equal(a.ids, b.ids)
            assert np.array_equal(a.logprobs, b.logprobs)
        scored = [present_logprobs(t, made.policy, made.sampling, window) for t in (donor, back)]
    assert np.array_equal(*scored)
    sampled = np.concatenate([turn.logprobs for turn in donor.turns])
    assert np.abs(scored[0] - sampled).max() < 1e-5


def test_a_stored_screen_is_small():
    screen = np.zeros((224, 224, 3), np.uint8)
    screen[40:60, 30:90] = 200
    made = trace(1.0)
    for turn in made.turns:
        turn.chunk = Chunk(turn.chunk.ids, (screen,), {"key": b"\x00\xff", "words": np.ones((3, 2), np.int32), **EMPTY})
    packed = pack(made)
    assert packed.numel() < 20_000
    back = unpack(packed)
    assert np.array_equal(back.turns[1].chunk.images[0], screen)
    assert back.turns[0].chunk.extra["key"] == b"\x00\xff"
    assert back.turns[0].chunk.extra["none"] == b""
    assert back.turns[0].chunk.extra["nothing"].shape == (0, 2)


def test_replayed_episodes_train_and_do_not_count(tmp_path):
    with trainer(tmp_path, config(**PAGES, run__steps=2)) as made:
        first = made._harvest(1).attempts
        donors = [replace(first[0], task=task, success=True, score=1.0, ret=1.0) for task in made.tasks.ids("train")]
        made.parts.repair.store.add([donors])
        logged = made.step()
    failed = logged["all_fail_groups"]
    assert failed > 0
    assert logged["repaired_groups"] == pytest.approx(failed)
    assert logged["replayed"] == pytest.approx(failed / 4)
    assert logged["zero_gradient_after_repair"] == pytest.approx(logged["zero_gradient_groups"] - failed)
    assert logged["failed_without_gradient"] == 0
    assert logged["replay_forwards"] == 4 * failed
    assert logged["success"] <= 1 - failed
    assert logged["ratio_mean"] == pytest.approx(1.0, abs=1e-5)
    assert logged["logprob_gap_max"] < 1e-5
    assert logged["replay_store"] == 8 + logged["success"] * 16  # what was replayed is not stored again


def test_dynamic_sampling_keeps_what_can_be_repaired(tmp_path):
    with trainer(tmp_path, config(**PAGES, algo__dynamic_sampling=True)) as made:
        failed = group(*[0.0] * 4, task="t1")
        assert not made.parts.keep(failed)
        made.parts.repair.store.add([[trace(1.0, task="t1")]])
        assert made.parts.keep(failed)
        assert not made.parts.keep(group(*[1.0] * 4, task="t1"))


def test_probing_costs_steps_and_teaches_nothing(tmp_path):
    cfg = config(**{**PAGES, "run__env": BANDIT, "rollout__groups": 3}, run__steps=7, algo__probe=16, algo__tasks=5,
                 algo__store_above=0.25, algo__evaluator="score")  # fmt: skip
    with trainer(tmp_path, cfg) as made:
        before = {name: value.clone() for name, value in made.policy.module.state_dict().items()}
        lines = []
        while made.parts.sampler.filtered.probing:
            assert equal(before, made.policy.module.state_dict())
            lines.append(made.step())
        assert lines[-1]["env_steps"] == 12 * len(lines) >= 5 * 16
        assert all("loss" not in line for line in lines)
        assert lines[-1]["replay_store"] == 0
        kept = {task for task, (_, won) in made.parts.sampler.filtered.tried.items() if won}
        assert kept
        assert {request.task for request in made._requests(20, 0, 3)} <= kept
        assert "loss" in made.step()
    assert list(select(made.tasks.ids("train"), 5)) == list(made.parts.sampler.filtered.candidates)


def test_successes_found_while_probing_can_be_stored(tmp_path):
    cfg = config(**{**PAGES, "run__env": BANDIT}, algo__probe=8, algo__store_probes=True)
    with trainer(tmp_path, cfg) as made:
        assert made.step()["replay_store"] > 0


def test_nothing_solved_is_an_error():
    probe = ProbedTasks(["t1"], 2, lambda t: t.success)
    with pytest.raises(RecipeError, match="None of 1 tasks was solved in 2 probing rollouts"):
        probe.update([group(0.0, 0.0, task="t1")])


def test_a_task_that_cannot_be_started_ends_the_probing():
    probe = ProbedTasks(["t1", "broken"], 2, lambda t: t.success)
    probe.update([group(0.0, 1.0, task="t1")])
    assert probe.probing
    assert set(probe.sample(3, RNG(0))) == {"broken", "t1"}
    probe.update([group(0.0, 1.0, task="t1")])
    assert not probe.probing
    assert probe.sample(2, RNG(0)) == ["t1", "t1"]


@pytest.mark.parametrize("extra", [{}, {"algo__probe": 8, "algo__store_probes": True, "algo__replay_is": "truncated"}])
def test_resumes_to_the_bit(tmp_path, extra):
    cfg = config(**PAGES, **extra, run__steps=8, run__save_every=1, run__keep=9)
    straight = run(tmp_path / "a", cfg)
    assert any(line["replayed"] for line in straight[1])
    for step in (2, 4):
        shutil.copytree(tmp_path / "a", tmp_path / f"b{step}")
        for later in range(step + 1, 9):
            shutil.rmtree(tmp_path / f"b{step}" / "checkpoints" / f"step-{later:06d}")
        resumed = run(tmp_path / f"b{step}", cfg, resume=True)
        assert equal(straight[0], resumed[0])
        assert straight[1] == resumed[1]


def test_replay_needs_no_more_than_the_store(tmp_path):
    """The state is plain: it loads without running code, and the policy's own gradient is all that replay adds."""
    cfg = config(**PAGES, run__steps=4, run__save_every=4)
    run(tmp_path, cfg)
    state = Checkpoints(tmp_path / "checkpoints", cfg.flat()).load()[1]["parts"]
    assert set(state) == {"sampler", "repair"}
    assert all(packed.dtype == torch.uint8 for kept in state["repair"].values() for packed, _, _ in kept)


def test_rescoring_follows_the_weights():
    torch.manual_seed(0)
    policy, stored = ToyPolicy(), trace(1.0)
    before = present_logprobs(stored, policy, Sampling(), 0)
    with torch.no_grad():
        policy.module.head.bias[1] += 1.0
    assert (present_logprobs(stored, policy, Sampling(), 0)[[0, 2]] > before[[0, 2]]).all()
    assert arpo.RECIPE.name == "arpo"
