"""Subgoals: who names them, who says that one is reached, how the policy sees the current one, and what they cut out.

A *provider* names the subgoals of a task in order; a *judge* says after every action how many of them were newly
reached; `Subgoals` joins the two into a method's `observe` part (`rollout.Observe`), which shows the current subgoal to
the policy and writes into the info that the record keeps:

    "subgoal"   the current subgoal's text, "" once all are reached
    "progress"  (reached so far, how many there are)
    "reached"   how many this step reached

A task without subgoals is shown as it is. `segments` cuts an episode after every step that reached something: the unit
of credit of VSC-RL (arXiv 2502.07949) and of its group variant.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from vlgym.core.tasks import TaskSet
from vlgym_agents.judges import Endpoint, Limits
from vlgym_agents.recipe import RecipeError, Setting
from vlgym_agents.rollout import Seen
from vlgym_agents.schema import at_least, one_of
from vlgym_agents.types import Floats, Trace

Texts = tuple[str, ...]
Show = Literal["text", "instruction", "alone", "none"]

CURRENT = "Now: {}"
"""How the policy reads the current subgoal."""

PAGE_CHARS = 4000
"""At most so much of a page goes into a prompt of the endpoint."""


class Asks(Protocol):
    """A language model, such as `judges.Endpoint`."""

    def ask(self, prompt: str, image: NDArray[np.uint8] | None = None) -> str:
        """Return the answer to a prompt and perhaps a picture (uint8 [H, W, 3]), "" where none could be had."""
        ...


class Provider(Protocol):
    """Who names the subgoals of a task."""

    def __call__(self, task: str, observation: Mapping[str, Any], random: np.random.Generator) -> Texts:
        """Return the subgoals in order, () for none, given the first observation of an episode."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """What a judge is asked after a step.

    Attributes:
        task, goal: the task's id and instruction.
        texts: all subgoals; `done` of them are reached, so texts[done] is the current one.
        before, after: (observation, info) around the action; `before` is None for the first observation.
        random: the episode's own generator.
    """

    task: str
    goal: str
    texts: Texts
    done: int
    before: Seen | None
    after: Seen
    random: np.random.Generator


Judge = Callable[[Case], int]
"""How many further subgoals are reached now, 0 if the current one is not."""


# ---------------------------------------------------------------------- providers


@dataclass(frozen=True)
class Checkpoints:
    """The oracle: the checkpoints that the environment names for its task (`Task.checkpoints`)."""

    tasks: TaskSet

    def __call__(self, task: str, observation: Mapping[str, Any], random: np.random.Generator) -> Texts:
        """Return the task's checkpoints."""
        return self.tasks[task].checkpoints


@dataclass(frozen=True)
class Shuffled:
    """A control: the subgoals of another provider in an order drawn anew for every episode."""

    provider: Provider

    def __call__(self, task: str, observation: Mapping[str, Any], random: np.random.Generator) -> Texts:
        """Return the subgoals, permuted."""
        texts = self.provider(task, observation, random)
        return tuple(texts[i] for i in random.permutation(len(texts)))


class Cached:
    """Subgoals from a JSON file, ``{"task id": ["subgoal", ...], ...}``, completed by a model if one is given.

    VSC-RL's release makes such a file once, off-line, with one call a task; here a missing task is asked for when it
    first comes up, and the file is rewritten at once, so that no question is paid twice and a run can be repeated.

    Args:
        path: of the file; with a client it need not exist yet.
        client: a model that names the subgoals of tasks which are not in the file; None: such a task has none.

    Raises:
        RecipeError: the file cannot be read or has another form.
    """

    def __init__(self, path: Path, client: Asks | None = None) -> None:
        self.path, self.client = path, client
        self.known: dict[str, Texts] = {}
        if path.exists() or client is None:
            self.known = self._read()

    def _read(self) -> dict[str, Texts]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RecipeError(f"Cannot read subgoals from {str(self.path)!r} ({error}); mend algo.subgoals.") from None
        if not isinstance(found, dict) or not all(_is_texts(texts) for texts in found.values()):
            raise RecipeError(f'{str(self.path)!r} must hold {{"task id": ["subgoal", ...]}}; mend algo.subgoals.')
        return {task: tuple(texts) for task, texts in found.items()}

    def __call__(self, task: str, observation: Mapping[str, Any], random: np.random.Generator) -> Texts:
        """Return the task's subgoals, asking the model for those of a new task."""
        if task not in self.known and self.client is not None:
            prompt = DECOMPOSE.format(goal=_goal(observation), page=_page(observation))
            texts = read_list(self.client.ask(prompt, observation.get("image")))
            if not texts:  # an abstention is no answer: ask again next time
                return ()
            self.known[task] = texts
            self._write()
        return self.known.get(task, ())

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}-{os.getpid()}")
        temporary.write_text(json.dumps(self.known, indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, self.path)


DECOMPOSE = (
    "An agent acts on a screen, one action at a time. Split its task into the few stages that it must pass, in order, "
    "each a short imperative whose completion can be seen on the screen. Write one stage per line and nothing else.\n\n"
    "Task: {goal}\n\nFirst screen:\n{page}"
)
"""Prompt of the provider; ours (the release asks the same of Gemini-1.5-Pro with one worked example and a picture)."""


def read_list(answer: str) -> Texts:
    """Return the lines of a model's answer without numbers and bullets; a total function, at most 20 lines."""
    lines = (re.sub(r"^\s*(?:[-*\u2022]|\(?\d+[.):])\s*", "", line).strip() for line in answer[:20_000].splitlines())
    return tuple(line[:200] for line in lines if line)[:20]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _goal(observation: Mapping[str, Any]) -> str:
    return str(observation.get("instruction", ""))


def _page(observation: Mapping[str, Any]) -> str:
    return str(observation.get("text", ""))[:PAGE_CHARS]


# ---------------------------------------------------------------------- judges


def environment_judge(case: Case) -> int:
    """Judge by the environment's own ``info["progress"]``: (reached, total)."""
    reached = case.after[1].get("progress", (0, 0))[0]
    return max(int(reached) - case.done, 0)


@dataclass(frozen=True)
class ByLot:
    """A control: each turn reaches the current subgoal with the oracle's pace, whatever was done.

    The pace is checkpoints / `Task.difficulty` (the oracle's steps), at most 1/2.
    """

    tasks: TaskSet

    def __call__(self, case: Case) -> int:
        """Draw."""
        if case.before is None:
            return 0
        pace = len(case.texts) / max(self.tasks[case.task].difficulty, 2.0 * len(case.texts))
        return int(case.random.random() < pace)


@dataclass(frozen=True)
class Asked:
    """Judge by a model that reads the screen's text before and after the action, and sees the picture after it.

    An answer that does not begin with "yes" means no. The release shows the last two screenshots and asks about "all
    finished subgoals and the current one" [C].
    """

    client: Asks

    def __call__(self, case: Case) -> int:
        """Ask about the current subgoal."""
        if case.before is None or case.done >= len(case.texts):
            return 0
        wanted = "; ".join(case.texts[: case.done + 1])
        before, after = _page(case.before[0]), _page(case.after[0])
        prompt = VERDICT.format(goal=case.goal, wanted=wanted, before=before, after=after)
        answer = self.client.ask(prompt, case.after[0].get("image"))
        return int(re.match(r"\W*yes\b", answer, re.IGNORECASE) is not None)


VERDICT = (
    "An agent acts on a screen to reach a goal in stages. Are all the stages named below complete? "
    "Answer yes or no.\n\nGoal: {goal}\nStages: {wanted}\n\nScreen before its last action:\n{before}\n\n"
    "Screen now:\n{after}"
)
"""Prompt of the judge; ours."""


# ---------------------------------------------------------------------- what the policy sees


@dataclass(frozen=True)
class Subgoals:
    """A method's `observe` part (see `rollout.Observe`).

    Attributes:
        provider, judge: see the module's docstring.
        show: "text" puts a line before the page, "instruction" words after the goal, "alone" words in its place, "none"
            shows nothing.
        plain: also encode what the environment gave.
        client: the model that either asks; what it has spent is part of a run's state.
        live: where the environment says in ``info["subgoal"]`` what comes next, show its words, not the provider's.
    """

    provider: Provider
    judge: Judge
    show: Show = "text"
    plain: bool = False
    live: bool = False
    client: Endpoint | None = None

    def __call__(self, task: str, random: np.random.Generator) -> Guide:
        """Return the guide of one episode."""
        return Guide(self, task, random)

    def state_dict(self) -> dict[str, Any]:
        """Return what the model was asked and what that cost."""
        return self.client.state_dict() if self.client is not None else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        if self.client is not None:
            self.client.load_state_dict(state)


@dataclass(slots=True)
class Guide:
    """One episode's subgoals and how far it has come."""

    subgoals: Subgoals
    task: str
    random: np.random.Generator
    texts: Texts = ()
    done: int = 0
    before: Seen | None = field(default=None)

    def __call__(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> Seen:
        """Return what the policy is shown."""
        if self.before is None:
            self.texts = self.subgoals.provider(self.task, observation, self.random)
        new = self._judge((observation, info))
        self.before = (observation, info)
        if not self.texts:
            return observation, info
        self.done += new
        text = self.texts[self.done] if self.done < len(self.texts) else ""
        if text and self.subgoals.live:
            text = str(info.get("subgoal") or text)
        noted = {**info, "subgoal": text, "progress": (self.done, len(self.texts)), "reached": new}
        return (_shown(observation, text, self.subgoals.show) if text else observation), noted

    def _judge(self, after: Seen) -> int:
        left = len(self.texts) - self.done
        if not left:
            return 0
        case = Case(self.task, _goal(after[0]), self.texts, self.done, self.before, after, self.random)
        return min(self.subgoals.judge(case), left)


def _shown(observation: Mapping[str, Any], text: str, show: Show) -> Mapping[str, Any]:
    """Return an observation with the current subgoal in it."""
    line = CURRENT.format(text)
    if show == "none":
        return observation
    if show in ("instruction", "alone"):
        return {**observation, "instruction": text if show == "alone" else f"{_goal(observation)} {line}".strip()}
    if "text" not in observation:
        raise RecipeError(
            "The environment shows no text in which the current subgoal could stand; set algo.show to instruction and "
            "rollout.window to 1."
        )
    page = str(observation["text"])
    flat = "\n" not in page and " [SEP] " in page
    return {**observation, "text": f"{line}{' [SEP] ' if flat else chr(10)}{page}"}


# ---------------------------------------------------------------------- options of a method


NAMED = ("checkpoints", "shuffled")
"""Values of the option `subgoals` that are no file."""


@dataclass(frozen=True)
class SubgoalOptions:
    """Where a method's subgoals come from."""

    subgoals: str = "checkpoints"
    """checkpoints of the environment (oracle); shuffled: those in random order, reached by lot (control); or the path
    of a JSON file {"task id": ["subgoal", ...]}, reached as the environment's progress says"""
    endpoint: str = ""
    """URL#model of an OpenAI-compatible server that names the subgoals of tasks which the file lacks, and judges them;
    its key is read from the variable VLGYM_API_KEY"""
    endpoint_calls: int = 10_000
    """requests that the endpoint is sent at most, then tasks have no new subgoals and none is reached; 0: no limit"""
    show: Show = "text"
    """how the policy reads the current subgoal: a line before the page (text); words after the goal (instruction) or in
    its place (alone), both with rollout.window 1; or not at all (none)"""

    def __post_init__(self) -> None:
        """Refuse values without a meaning."""
        one_of(self, show=get_args(Show))
        at_least(self, endpoint_calls=0)
        if not self.subgoals or (self.endpoint and self.subgoals in NAMED):
            wanted = "an endpoint writes a JSON file" if self.endpoint else "checkpoints, shuffled or a JSON file"
            raise ValueError(f"subgoals must name its source ({wanted}), got {self.subgoals!r}.")

    def idle(self) -> Mapping[str, str]:
        """Return the options that the others make ineffective, with the reason."""
        return {} if self.endpoint else {"endpoint_calls": "algo.endpoint is empty"}

    def observe(self, setting: Setting, *, plain: bool) -> Subgoals:
        """Return the `observe` part; `plain`: a reference reads the goal alone.

        Raises:
            RecipeError: the file cannot be read, or `show` cannot work.
        """
        in_words = self.show in ("instruction", "alone")
        if in_words and setting.window != 1:
            raise RecipeError(
                f"A policy that sees {setting.window or 'all'} turns reads the instruction once, so a later subgoal "
                f"would never reach it; set rollout.window to 1 or algo.show to text."
            )
        if plain and in_words:
            raise RecipeError(
                "A reference that reads the goal alone needs the same words to point at; set algo.show to text, or "
                "algo.kl_coef and algo.beta_ref to 0."
            )
        checkpoints = Checkpoints(setting.tasks)
        if self.subgoals == "shuffled":
            return Subgoals(Shuffled(checkpoints), ByLot(setting.tasks), self.show, plain)
        if self.subgoals == "checkpoints":
            return Subgoals(checkpoints, environment_judge, self.show, plain, live=True)
        path = Path(self.subgoals)
        client = self._client(path) if self.endpoint else None
        judge = Asked(client) if client is not None else environment_judge
        return Subgoals(Cached(path, client), judge, self.show, plain, client=client)

    def _client(self, path: Path) -> Endpoint:
        """Return the endpoint; its answers are kept beside the file of subgoals."""
        return Endpoint.of(self.endpoint, Limits(calls=self.endpoint_calls), path.with_suffix(".answers.jsonl"))


# ---------------------------------------------------------------------- segments


@dataclass(frozen=True, slots=True)
class Segment:
    """Turns first .. last - 1 of an episode, between two rewards.

    Attributes:
        index: subgoals reached before it: segments of the same index pursue the same subgoal.
        reached: it ends with its reward; only the last segment of an episode can be without.
    """

    index: int
    first: int
    last: int
    reached: bool

    def __len__(self) -> int:
        return self.last - self.first


def segments(trace: Trace, solved: bool) -> list[Segment]:
    """Cut an episode after every step that reached a subgoal, and after its last if that `solved` the goal.

    VSC-RL's release rewards a step by 1 where the subgoal or the goal is judged reached, and cuts there [C].
    """
    out: list[Segment] = []
    first, before = 0, 0
    for k, turn in enumerate(trace.turns):
        reached = int(turn.info.get("reached", 0))
        if k == 0:
            before = int(turn.info.get("progress", (reached, 0))[0]) - reached
        last = k + 1 == len(trace.turns)
        if reached or last:
            out.append(Segment(before, first, k + 1, bool(reached) or solved))
            first, before = k + 1, before + reached
    return out


def mc_returns(segment: Segment, gamma: float) -> Floats:
    """Return float32 [len]: gamma^(n - 1 - j) for step j of a closed segment, 0 in an open one."""
    left = np.arange(len(segment) - 1, -1, -1)
    return np.asarray(gamma**left if segment.reached else np.zeros(len(left)), np.float32)
