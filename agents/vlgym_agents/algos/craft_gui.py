"""CRAFT-GUI: GRPO on tasks from easy to hard, with a return made of several terms.

Known of the method: difficulty is tied to the length of the trajectory, three stages of 1-3, 4-8 and more steps [S],
GRPO as optimiser [A], rule signals mixed with a model's judgement [A]. Not known: weights, mixture, promotion, judge.
What stands here for those is ours [O], so this is an implementation of the idea and no reproduction.

- Tasks: `curriculum.Stages`, 70 % of the groups from the current stage, 20 % from those before, 10 % from the next;
  inside a stage tasks that are solved sometimes are preferred. `order = hard_first` is the control for "any order
  helps".
- Return: R = s + 0.2 progress + 0.1 (share of turns with a valid action), s the environment's rewards, progress the
  share of the task's checkpoints that were reached (0 where the environment has none), and if wanted a judge's score.
- The reward of a single step against a reference, for offline data, is `gui_rewards.step_reward`.

One stage (`stages = []`, `learnability = false`) and the terminal reward alone (`progress_weight = format_weight = 0`)
are GRPO bit for bit.

Its metrics: `stage`, the position of the current one; `stage_<position>_success`, running; `difficulty`, mean length of
the tasks met; `return_<term>`; `progress`; with a judge `judge_abstained`, and of a model `judge_calls` and
`judge_tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from vlgym_agents.algos import grpo
from vlgym_agents.curriculum import StageOptions, Stages, select
from vlgym_agents.judges import Endpoint, Judge, JudgedTerm, Limits, ModelJudge, RuleJudge
from vlgym_agents.recipe import Group, Metrics, Parts, Recipe, Setting, malformed_share, progress
from vlgym_agents.schema import at_least, one_of
from vlgym_agents.types import Trace

JudgeKind = Literal["rule", "model"]


@dataclass(frozen=True)
class CraftGuiOptions(StageOptions, grpo.GrpoOptions):
    """GRPO's options, the curriculum's, and the terms of the return."""

    progress_weight: float = 0.2
    """the share of checkpoints an episode reached, times this, is added to its return (ours)"""
    format_weight: float = 0.1
    """the share of turns with an action the environment accepts, times this, is added to the return (ours)"""
    judge_weight: float = 0.0
    """a judge's score of the answer and last screen, times this, is added to the return; 0: none is asked (ours)"""
    judge: JudgeKind = "rule"
    """rule: token F1 with the info's "reference", where the environment has one; model: a language model (ours)"""
    endpoint: str = ""
    """URL#model of an OpenAI-compatible server that judges; its key is read from the variable VLGYM_API_KEY"""
    judge_cache: str = ""
    """file in which the model's answers are kept from run to run; empty: in memory and in the checkpoint"""
    judge_calls: int = 1000
    """requests the model may be sent in a run, failed ones included; after them it abstains; 0: no limit (ours)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        grpo.GrpoOptions.__post_init__(self)
        StageOptions.__post_init__(self)
        at_least(self, judge_weight=0, judge_calls=0)
        one_of(self, judge=get_args(JudgeKind))
        if self.judge_weight and (self.judge == "model") != bool(self.endpoint):
            raise ValueError(
                f"judge=model needs an endpoint, URL#model, and judge=rule has none; got judge={self.judge} with the "
                f"endpoint {self.endpoint!r}."
            )

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        found = {**grpo.GrpoOptions.idle(self), **StageOptions.idle(self)}
        if not self.judge_weight:
            found |= dict.fromkeys(("judge", "endpoint", "judge_cache", "judge_calls"), "algo.judge_weight is 0")
        elif self.judge == "rule":
            found |= dict.fromkeys(("judge_cache", "judge_calls"), "algo.judge is rule")
        return found

    def make_judge(self) -> Judge:
        """Return the judge; raises EndpointError."""
        if self.judge == "rule":
            return RuleJudge()
        cache = Path(self.judge_cache) if self.judge_cache else None
        return ModelJudge(Endpoint.of(self.endpoint, Limits(calls=self.judge_calls), cache))


class Terms(dict[str, Callable[[Trace], float]]):
    """The named terms of a return; what their judge has spent and remembers is part of the run's state."""

    @property
    def judged(self) -> JudgedTerm | None:
        """The term that asks a judge."""
        found = self.get("judge")
        return found if isinstance(found, JudgedTerm) else None

    def state_dict(self) -> dict[str, Any]:
        """Return the endpoint's state."""
        endpoint = self._endpoint()
        return {} if endpoint is None else endpoint.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        endpoint = self._endpoint()
        if endpoint is not None:
            endpoint.load_state_dict(state)

    def _endpoint(self) -> Endpoint | None:
        judge = self.judged.judge if self.judged else None
        return judge.endpoint if isinstance(judge, ModelJudge) else None


def terms(options: CraftGuiOptions, plain: Mapping[str, Callable[[Trace], float]]) -> Terms:
    """Return the terms of the return.

    Args:
        options: weights and judge.
        plain: GRPO's terms; its penalty on malformed turns gives way to the reward of well-formed ones.
    """
    out = Terms({name: term for name, term in plain.items() if name != "format"})
    if options.format_weight:
        out["format"] = lambda trace: options.format_weight * (1.0 - malformed_share(trace))
    if options.judge_weight:
        out["judge"] = JudgedTerm(options.make_judge(), options.judge_weight, lambda trace: trace.score)
    return out


class Curriculum(Stages):
    """The stages of `curriculum.Stages`; adds progress and the judge's cost to the metrics."""

    def __init__(self, setting: Setting, options: CraftGuiOptions, judged: JudgedTerm | None) -> None:
        ids = select(setting.tasks.ids(setting.split), options.tasks)
        super().__init__(setting.tasks, ids, options, setting.steps)
        self.judged = judged

    def update(self, groups: Sequence[Group]) -> Metrics:
        """Follow the groups of a step."""
        traces = [trace for group in groups for trace in group]
        metrics = super().update(groups)
        if traces:
            metrics["progress"] = float(np.mean([progress(trace) for trace in traces]))
        return metrics | (self.judged.metrics() if self.judged else {})


def build(options: CraftGuiOptions, setting: Setting) -> Parts:
    """Compose CRAFT-GUI."""
    parts = grpo.build(options, setting)
    rewards = terms(options, parts.rewards)
    return replace(parts, sampler=Curriculum(setting, options, rewards.judged), rewards=rewards)


RECIPE = Recipe(
    name="craft-gui",
    summary="GRPO with a curriculum over task lengths and a return of several terms",
    source="arXiv 2508.11360 [A], [S]; mixture, promotion, weights and judge ours [O]",
    options=CraftGuiOptions,
    build=build,
)
