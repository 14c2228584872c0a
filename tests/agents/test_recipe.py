"""The slots of a Recipe hold other kinds of method: replay of successes, a turn-level critic, a curriculum."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from toy_run import TWO_TURNS, config, equal, run, trainer

from vlgym_agents import registry
from vlgym_agents.advantages import gae
from vlgym_agents.algos import grpo
from vlgym_agents.losses import policy_loss
from vlgym_agents.recipe import Credit, Parts, Recipe, Setting


class Replay:
    """An all-fail group gets a stored success of its task in the place of its first member (ARPO's rule, reduced)."""

    def __init__(self) -> None:
        self.store: dict[str, deque] = {}

    def __call__(self, groups, rng):
        out = []
        for group in groups:
            stored = self.store.get(group[0].task)
            if stored and not any(trace.success for trace in group):
                out.append([stored[int(rng.integers(len(stored)))], *group[1:]])
            else:
                out.append(list(group))
            kept = self.store.setdefault(group[0].task, deque(maxlen=8))
            kept.extend(replace(trace, replayed=True) for trace in group if trace.success)
        return out

    def state_dict(self):
        return {task: list(kept) for task, kept in self.store.items()}

    def load_state_dict(self, state):
        self.store = {task: deque(kept, maxlen=8) for task, kept in state.items()}


def replay(options, setting: Setting) -> Parts:
    def again(rows, sampling):
        return setting.policy.score(rows, sampling).logprobs

    return replace(grpo.build(options, setting), repair=Replay(), passes={"old_logprobs": again}, idle_zero=False)


def critic(options, setting: Setting) -> Parts:
    """Advantages per turn from the critic's values; the critic's error joins the loss."""

    def credit(groups):
        found = [
            gae([turn.reward for turn in trace.turns], [turn.value for turn in trace.turns], gamma=0.9, lam=0.9)
            for group in groups
            for trace in group
        ]
        return Credit([advantages for advantages, _ in found], [targets for _, targets in found])

    def objective(view):
        s = view.streams
        loss, metrics = policy_loss(view.scores.logprobs, s["old_logprobs"], s["advantages"], s["weights"], options)
        error = (view.scores.values[view.heads] - s["targets"][view.heads]).square()
        return loss + error.sum() * view.per_action, metrics | {"value_loss": float(error.detach().mean())}

    return replace(grpo.build(options, setting), credit=credit, objective=objective, idle_zero=False)


class EasyFirst:
    """Tasks in order of their measured success, remembered over steps."""

    def __init__(self, ids) -> None:
        self.rate = dict.fromkeys(ids, 0.5)

    def sample(self, n, rng):
        return sorted(self.rate, key=lambda task: (-self.rate[task], task))[:n]

    def update(self, groups):
        for group in groups:
            self.rate[group[0].task] = float(np.mean([trace.success for trace in group]))
        return {"easiest": max(self.rate.values())}

    def state_dict(self):
        return dict(self.rate)

    def load_state_dict(self, state):
        self.rate = dict(state)


def curriculum(options, setting: Setting) -> Parts:
    return replace(grpo.build(options, setting), sampler=EasyFirst(setting.tasks.ids(setting.split)))


@dataclass(frozen=True)
class Options(grpo.GrpoOptions):
    """As GRPO."""


RECIPES = {build.__name__: Recipe(build.__name__, "", "", Options, build) for build in (replay, critic, curriculum)}


@pytest.fixture(params=sorted(RECIPES))
def algo(request, monkeypatch):
    monkeypatch.setitem(registry.ALGOS, request.param, f"test_recipe:{request.param}")
    monkeypatch.setattr(registry, "recipe", RECIPES.__getitem__)
    return request.param


def test_resumes_to_the_bit(algo, tmp_path):
    cfg = config(run__env=TWO_TURNS, run__algo=algo, run__steps=6, run__save_every=3, run__keep=4, rollout__groups=5,
                 rollout__max_tokens=1)  # fmt: skip
    straight = run(tmp_path / "a", cfg)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "checkpoints" / "step-000006")
    resumed = run(tmp_path / "b", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


def test_replayed_episodes_train_and_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "recipe", RECIPES.__getitem__)
    monkeypatch.setitem(registry.ALGOS, "replay", "")
    with trainer(tmp_path, config(run__env=TWO_TURNS, run__algo="replay")) as made:
        made.step()
        donor = next(trace for trace in made._harvest(2).attempts if len(trace.turns) == 3)
        repair = made.parts.repair
        for task in made.tasks.ids("train"):
            repair.store[task] = deque([replace(donor, task=task, success=True, ret=1.0, replayed=True)])
        logged = made.step()
    assert logged["replayed"] == pytest.approx(1 / 4)
    assert logged["success"] == 0.0
    assert logged["ratio_mean"] == pytest.approx(1.0, abs=1e-5)  # old log-probs are the present policy's
    assert logged["logprob_gap_max"] < 1e-5  # over fresh episodes only
    assert logged["trained_tokens"] > 0


def test_critic_learns_the_value(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "recipe", RECIPES.__getitem__)
    monkeypatch.setitem(registry.ALGOS, "critic", "")
    cfg = config(run__algo="critic", run__steps=12, optim__lr=0.02, rollout__max_tokens=1, optim__micro_tokens=20)
    with trainer(tmp_path, cfg) as made:
        losses = [made.step()["value_loss"] for _ in range(12)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.2


def test_value_gradient_does_not_depend_on_the_split():
    from test_batch import SAMPLING, made_up
    from toy_policy import ToyPolicy

    from vlgym.core.tasks import Task, TaskSet
    from vlgym_agents.learn import Learner
    from vlgym_agents.options import OptimOptions

    found = []
    traces = made_up()
    for trace in traces:
        for turn in trace.turns:
            turn.value = 0.1
    for micro in (1, 40, 10**6):
        torch.manual_seed(0)
        policy = ToyPolicy()
        tasks = TaskSet({"train": ["t"]}, lambda name: Task(name, "", "train", 1.0))
        parts = critic(Options(), Setting(tasks, "train", policy, SAMPLING))
        learner = Learner(policy, parts, OptimOptions(micro_tokens=micro), sampling=SAMPLING, window=0, steps=1)
        learner.update(traces, parts.credit([traces]), 1, np.random.default_rng(0))
        found.append(torch.cat([p.grad.flatten() for p in policy.parameters()]))
    assert torch.allclose(found[0], found[2], atol=1e-6)
    assert torch.allclose(found[1], found[2], atol=1e-6)


def test_curriculum_remembers(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "recipe", RECIPES.__getitem__)
    monkeypatch.setitem(registry.ALGOS, "curriculum", "")
    with trainer(tmp_path, config(run__algo="curriculum")) as made:
        made.parts.sampler.rate = {task: float(task == "t6") for task in made.tasks.ids("train")}
        assert made._requests(1, 0, 3)[0].task == "t6"
        assert "easiest" in made.step()
        made.save()
        rates = dict(made.parts.sampler.rate)
        made.parts.sampler.rate = {}
        made.resume()
        assert made.parts.sampler.rate == rates
