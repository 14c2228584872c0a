"""The loop: reproducible, resumable to the bit, blind to workers, honest in its statistics."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_run import BANDIT, TWO_TURNS, UNTIMED, config, equal, metrics, run, trainer

from vlgym_agents import registry
from vlgym_agents.loop import METRICS
from vlgym_agents.recipe import RecipeError, UniformTasks
from vlgym_agents.types import Trace


def test_same_seed_same_run_and_other_seed_another(tmp_path):
    first = run(tmp_path / "a", config(run__env=TWO_TURNS))
    again = run(tmp_path / "b", config(run__env=TWO_TURNS))
    other = run(tmp_path / "c", config(run__env=TWO_TURNS, run__seed=1))
    assert equal(first[0], again[0])
    assert first[1] == again[1]
    assert not equal(first[0], other[0])


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_do_not_change_the_run(tmp_path, workers):
    few = config(run__env=TWO_TURNS, run__steps=3)
    assert (
        run(tmp_path / "threads", few)[1]
        == run(tmp_path / "workers", config(run__env=TWO_TURNS, run__steps=3, run__workers=workers))[1]
    )


RICH = {"optim__epochs": 2, "optim__minibatches": 2, "rollout__window": 1, "algo__kl_coef": 0.1, "rollout__groups": 2}


@pytest.mark.parametrize(("options", "steps"), [({}, (1, 2, 3, 4, 5)), (RICH, (1, 4))], ids=["plain", "rich"])
def test_resume_is_exact_at_every_step(tmp_path, options, steps):
    cfg = config(run__env=TWO_TURNS, run__save_every=1, run__keep=9, **options)
    straight = run(tmp_path / "straight", cfg)
    for step in steps:
        copy = tmp_path / f"from-{step}"
        shutil.copytree(tmp_path / "straight", copy)
        for later in range(step + 1, 7):
            shutil.rmtree(copy / "checkpoints" / f"step-{later:06d}")
        resumed = run(copy, cfg, resume=True)
        assert equal(straight[0], resumed[0]), step
        assert straight[1] == resumed[1]


def test_extending_a_run_equals_a_longer_one(tmp_path):
    straight = run(tmp_path / "long", config())
    run(tmp_path / "short", config(run__steps=3))
    assert equal(straight[0], run(tmp_path / "short", config(), resume=True)[0])


def test_every_metric_is_documented_and_logged(tmp_path):
    with trainer(tmp_path, config(run__env=TWO_TURNS, rollout__groups=6, algo__kl_coef=0.01)) as made:
        logged = made.step()
    methods_own = {"clip_dual", "old_kl"}
    assert set(logged) - methods_own == set(METRICS)
    assert logged["logprob_gap_max"] < 1e-5
    assert logged["ratio_mean"] == pytest.approx(1.0, abs=1e-5)
    assert logged["env_steps"] >= 24


def test_statistics_are_those_of_the_episodes(tmp_path, monkeypatch):
    import vlgym_agents.loop as loop

    seen = []
    collect = loop.collect
    monkeypatch.setattr(loop, "collect", lambda *args: seen.append(collect(*args)) or seen[-1])
    with trainer(tmp_path, config(run__env=TWO_TURNS)) as made:
        logged = made.step()
    traces = seen[0]
    turns = [turn for trace in traces for turn in trace.turns]
    assert logged["success"] == np.mean([trace.success for trace in traces])
    assert logged["tokens"] == sum(len(turn.ids) for turn in turns)
    assert logged["env_steps"] == len(turns)
    assert logged["unparsable"] == np.mean([turn.action == "" for turn in turns])
    groups = [[t.ret for t in traces if t.group == g] for g in range(3)]
    assert logged["zero_gradient_groups"] == np.mean([len(set(g)) == 1 for g in groups])


def test_groups_share_task_and_seed(tmp_path):
    with trainer(tmp_path, config()) as made:
        one, two = made._requests(1, 0, 3), made._requests(2, 0, 3)
    assert len({(r.task, r.seed) for r in one}) == 3
    assert all((r.task, r.seed) == (one[4 * r.group].task, one[4 * r.group].seed) for r in one)
    assert len({r.key for r in one + two}) == 24
    assert [r.seed for r in one] != [r.seed for r in two]


def test_env_errors_reach_neither_loss_nor_statistics(tmp_path):
    fuse = tmp_path / "fuse"
    clean = run(tmp_path / "clean", config(run__env=TWO_TURNS, run__steps=2))
    fuse.touch()
    spoilt = config(run__env=TWO_TURNS, run__steps=2, env__accident="backend", env__fuse=str(fuse))
    weights, logged = run(tmp_path / "spoilt", spoilt)
    assert [line["env_errors"] for line in logged] == [1.0, 0.0]
    for line, other in zip(logged, clean[1]):
        for key in line.keys() - {"env_errors", "env_steps", "tokens"}:
            assert line[key] == pytest.approx(other[key], abs=1e-5), key
    assert all(torch.allclose(weights[k], clean[0][k], atol=1e-4) for k in weights)


def test_killed_worker_costs_at_most_a_retry(tmp_path):
    fuse = tmp_path / "fuse"
    fuse.touch()
    cfg = config(run__env=TWO_TURNS, run__steps=2, run__workers=2, env__accident="kill", env__fuse=str(fuse))
    _, logged = run(tmp_path / "run", cfg)
    assert logged[0]["env_errors"] >= 1.0
    assert logged[1]["env_errors"] == 0.0
    assert logged[0]["groups"] == 3.0


@pytest.mark.parametrize(("kept", "draws"), [(False, 9), (True, 3)])
def test_dynamic_sampling_refills_up_to_its_cap(tmp_path, kept, draws):
    """Groups that are never kept are drawn three times over; the update then has nothing to learn from."""
    with trainer(tmp_path, config(algo__dynamic_sampling=True)) as made:
        made.parts = replace(made.parts, keep=lambda group: kept)
        logged = made.step()
    assert logged["groups"] == draws
    assert ("loss" in logged) == kept


def test_dropped_groups_are_in_no_denominator(tmp_path):
    with trainer(tmp_path, config(algo__dynamic_sampling=True)) as made:
        seen = []
        update = made.learner.update
        made.learner.update = lambda traces, *rest: seen.extend(traces) or update(traces, *rest)
        logged = made.step()
    groups = [[t.ret for t in seen if t.group == g] for g in {t.group for t in seen}]
    assert groups
    assert all(np.std(g) > 0 for g in groups)
    assert logged["groups"] >= len(groups)


@pytest.mark.parametrize("control", ["none", "shuffled_rewards", "zero_advantages", "sign_flip"])
def test_controls(tmp_path, control):
    with trainer(tmp_path, config(run__control=control)) as made:
        groups = [[Trace("t", 0, g, m, ret=float(m == g)) for m in range(4)] for g in range(3)]
        plain = made.parts.credit(groups).advantages
        credit = made._credit(groups, np.random.default_rng(1))
    returns = [trace.ret for group in groups for trace in group]
    if control == "shuffled_rewards":
        assert sorted(returns) == sorted([1.0] * 3 + [0.0] * 9)
        assert credit.advantages != plain
    else:
        factor = {"none": 1.0, "zero_advantages": 0.0, "sign_flip": -1.0}[control]
        assert [float(a) for a in credit.advantages] == [factor * a for a in plain]


def test_run_folder(tmp_path):
    cfg = config(
        run__env=TWO_TURNS, run__steps=2, run__record_every=2, env__image=True, eval__episodes=4, eval__every=1
    )
    run(tmp_path, cfg)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["format"] == 1
    assert saved["options"]["rollout.groups"] == 3
    assert saved["sources"]["rollout.groups"] == "flag"
    names = [json.loads(line)["name"] for line in (tmp_path / "eval.jsonl").read_text().splitlines()]
    assert names == ["before", "step-000001", "after"]
    before = json.loads((tmp_path / "eval_before.json").read_text())
    assert before["episodes"] == len(before["tasks"]) == 4
    assert before["success"]["low"] <= before["success"]["value"] <= before["success"]["high"]
    episodes = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "episodes").glob("*.json")}
    assert {"train-000001-g000-m00", "train-000002-g001-m00", "before-0000", "after-0001"} <= set(episodes)
    shown = episodes["train-000002-g001-m00"]
    assert shown["return"] == sum(shown["return_parts"].values())
    turn = shown["turns"][0]
    assert turn["image"] == "train-000002-g001-m00-t00.png"
    assert (tmp_path / "episodes" / turn["image"]).read_bytes().startswith(b"\x89PNG")
    assert turn["text"] in "0123"
    assert list((tmp_path / "tb").glob("events*"))


def test_evaluation_is_the_same_before_and_after_without_training(tmp_path):
    run(tmp_path, config(run__steps=1, optim__lr=0.0, eval__episodes=20))
    before, after = (json.loads((tmp_path / f"eval_{name}.json").read_text()) for name in ("before", "after"))
    assert before["tasks"] == after["tasks"]
    assert before["observation_hash"] == after["observation_hash"]


def test_old_folder_is_not_overwritten(tmp_path):
    from vlgym.core.errors import VlgymError

    run(tmp_path, config(run__steps=1))
    with pytest.raises(VlgymError, match="already holds a run"):
        run(tmp_path, config(run__steps=1))
    assert len(metrics(tmp_path)) == 1


def test_no_reference_no_kl(tmp_path):
    from toy_policy import ToyPolicy

    class Lonely(ToyPolicy):
        def reference(self):
            return None

    with (
        pytest.raises(RecipeError, match=r"set algo\.kl_coef to 0"),
        trainer(tmp_path, config(algo__kl_coef=0.1), policy=Lonely()),
    ):
        pass


def test_uniform_tasks_without_replacement():
    sampler = UniformTasks(["a", "b", "c"])
    assert sorted(sampler.sample(3, np.random.default_rng(0))) == ["a", "b", "c"]
    assert len(sampler.sample(7, np.random.default_rng(0))) == 7
    with pytest.raises(RecipeError, match="no tasks"):
        UniformTasks([])


def test_old_logprobs_can_be_computed_anew(tmp_path):
    """A pass named old_logprobs replaces the sampler's; the objective then sees both."""
    seen = {}
    with trainer(tmp_path, config()) as made:
        objective = made.parts.objective

        def spy(view):
            seen.update(view.streams)
            return objective(view)

        again = lambda rows, sampling: made.policy.score(rows, sampling).logprobs - 1.0  # noqa: E731
        made.parts = replace(made.parts, passes={"old_logprobs": again, "extra": again}, objective=spy, idle_zero=False)
        made.learner.parts = made.parts
        logged = made.step()
    assert torch.allclose(seen["behaviour"] - seen["old_logprobs"], torch.ones(()), atol=1e-4)
    assert torch.equal(seen["extra"], seen["old_logprobs"])
    assert logged["ratio_mean"] == pytest.approx(np.e, abs=1e-3)
    assert logged["logprob_gap_max"] < 1e-5


def test_recipes_name_themselves():
    assert all(registry.recipe(name).name == name for name in registry.ALGOS)


def test_timings_are_logged(tmp_path):
    with trainer(tmp_path, config(run__env=BANDIT)) as made:
        assert set(made.step()) >= UNTIMED


def test_weights_and_biases_gets_the_metrics(tmp_path, monkeypatch):
    import sys
    import types

    logged = []
    fake = types.SimpleNamespace(log=lambda values, step=None: logged.append((step, values)), finish=lambda: None)
    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=lambda **kwargs: fake))
    run(tmp_path, config(run__steps=2, run__wandb=True))
    assert [step for step, _ in logged] == [1, 2]
    assert "train/success" in logged[0][1]


def test_missing_weights_and_biases_is_one_sentence(tmp_path, monkeypatch):
    import sys

    from vlgym.core.errors import MissingDependencyError

    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingDependencyError, match=r"vlgym\[wandb\]"):
        run(tmp_path, config(run__steps=1, run__wandb=True))
