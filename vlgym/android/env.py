"""`vlgym/Android-v0`: everyday tasks on a phone, simulated in this process or real."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vlgym.android import marks
from vlgym.android.actions import PhoneGrammar
from vlgym.android.backend import Backend, connect
from vlgym.android.elements import MAX_TEXT, Elements
from vlgym.android.executor import Executor, stroke
from vlgym.android.scripted import POLICIES
from vlgym.android.tasks import FAMILIES, catalogue
from vlgym.android.tasks.ids import PhoneTask, task_set
from vlgym.android.tasks.plain import PLAIN
from vlgym.core.actions import Action
from vlgym.core.env import Observation, Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, VlgymError, did_you_mean
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task

OBS_MODES = ("text", "image", "both", "marks")
CLICKS, TEXTS = 48, 4
NATIVE = (
    *("scroll(down)", "scroll(up)", "scroll(right)", "scroll(left)", "press(back)", "press(home)", "press(enter)"),
    *("wait", "done"),
)
"""Native actions after those that click one of CLICKS elements or type one of TEXTS words of the task."""


_WITH_ELEMENT = ("click", "long_press", "double_tap", "type", "submit", "replace", "scroll")


class AndroidEnv(VlgymEnv):
    """Do what the instruction asks for on a phone: change settings, keep notes, send messages, look things up.

    Task: from a home screen with 16 apps, 1 to 15 and more touches; the phone's databases, files and settings are
        judged, and any other change to the same data is a failure to do the task.
    Instruction: "Set an alarm for 7:30 labelled Swimming."
    Actions: ``click[label]``, ``tap(x, y)``, ``type("text")``, ``scroll(down)``, ``press(back)``, ...: see
        `action_help`. ``native``: `Discrete(61)`; i < 48 clicks the i-th element that can be touched, 48 + j types the
        j-th word or number of the task, the others are those of `NATIVE`.
    Observation: Dict of `instruction` and, by `obs_mode`, `text` (the element list) and `image` (uint8 [H, W, 3], drawn
        at this size). "marks": both, and elements have numbers, drawn over the image.
    Reward: 1 for the action that completes the task, else 0.
    Ends: terminated by success, by ``done`` or ``impossible``, and by ``answer(...)`` if a question was asked;
        truncated after `max_steps`.
    Info: `progress` (checkpoints reached, of how many), `subgoal` (the next checkpoint in words; "" at the end);
        `score` is the share of checkpoints reached.
    Source: ours; tasks in the spirit of AndroidWorld (arXiv 2405.14573).

    Args:
        families: apps whose tasks are asked, names of `vlgym.android.tasks.FAMILIES`; None is all.
        templates: names of templates; None is all of the families.
        obs_mode: "text", "image", "both" or "marks".
        action_mode: "text" or "native".
        max_steps: steps of an episode; 0: twice the oracle's steps for the task and 6 more.
        split: split that `reset` draws from; None draws from all tasks.
        lengths: (shortest, longest) solution of the templates, in steps.
        plain: leave out templates that need more than clicks, typing, scrolls, back and waiting (`tasks.plain`).
        device: "sim", a simulated phone; "sim-wire", one behind real adb; or a real one over adb: "emulator-5554",
            "avd:NAME", a serial number.
        width: of the image in pixels.
        height: of the image in pixels.
        render_mode: None or "rgb_array".
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}
    scripted: ClassVar[tuple[str, ...]] = tuple(POLICIES)

    def __init__(
        self,
        families: Sequence[str] | None = None,
        templates: Sequence[str] | None = None,
        obs_mode: str = "text",
        action_mode: str = "text",
        max_steps: int = 0,
        split: str | None = None,
        *,
        lengths: Sequence[int] = (1, 99),
        plain: bool = False,
        device: str = "sim",
        width: int = 360,
        height: int = 800,
        render_mode: str | None = None,
    ) -> None:
        if len(lengths) != 2 or not 1 <= lengths[0] <= lengths[1]:
            raise ValueError(f"lengths must be (shortest, longest) solution in steps, got {tuple(lengths)}.")
        known = catalogue(_chosen("family", families, FAMILIES))
        chosen = [known[name] for name in _chosen("template", templates, tuple(known))]
        chosen = [
            each for each in chosen if lengths[0] <= each.steps <= lengths[1] and (each.name in PLAIN or not plain)
        ]
        self.templates = {each.name: each for each in chosen}
        if not self.templates:
            raise ValueError(f"No template among those chosen has a solution of {lengths[0]} to {lengths[1]} steps.")
        self._budget = max_steps
        longest = max(template.steps for template in self.templates.values())
        super().__init__(max_steps=max_steps or _budget(longest), split=split, action_mode=action_mode)
        _chosen("obs_mode", [obs_mode], OBS_MODES)
        if render_mode is not None:
            _chosen("render_mode", [render_mode], ("rgb_array",))
        if min(width, height) < 64 or max(width, height) > 4096:
            raise ValueError(f"width and height must be within 64 and 4096 pixels, got {width}x{height}.")
        self.obs_mode, self.render_mode, self.size = obs_mode, render_mode, (width, height)
        self.tasks = task_set(self.templates)
        if split is not None:
            self.tasks.ids(split)  # an unknown split is an error now, not at the first reset
        self.grammar = PhoneGrammar()
        self._device, self._backend = device, None if device != "sim" else connect(device)
        self.action_space = (
            spaces.Discrete(CLICKS + TEXTS + len(NATIVE)) if action_mode == "native" else TextSpace(4096)
        )
        self.observation_space = self._make_space()
        self.episode = 0
        """Episodes started or taken over so far."""

    def _make_space(self) -> spaces.Dict:
        found: dict[str, spaces.Space[Any]] = {"instruction": TextSpace(2048)}
        if self.obs_mode != "image":
            found["text"] = TextSpace(MAX_TEXT)
        if self.obs_mode != "text":
            found["image"] = spaces.Box(0, 255, (self.size[1], self.size[0], 3), np.uint8)
        return spaces.Dict(found)

    @property
    def backend(self) -> Backend:
        """The phone; a real one is reached when it is first needed."""
        if self._backend is None:
            self._backend = connect(self._device)
        return self._backend

    @property
    def elements(self) -> Elements:
        """The element list of the screen."""
        return self.backend.elements()

    # ------------------------------------------------------------------ the template's parts

    def _start(self, task: Task, seed: int) -> Outcome:
        self._begin(task)
        self.backend.reset()
        self._work.template.setup(self.backend.phone, self._work.params)
        return self._outcome()

    def _begin(self, task: Task) -> None:
        self._work: PhoneTask = task.data
        self.max_steps = self._budget or _budget(self._work.template.steps)
        self._answer, self._ended = "", False
        self._reached, self._solved = 0, False
        self._judged: tuple[object, str] | None = None
        self._holds: tuple[bool, ...] = (False,) * len(task.checkpoints)
        self.episode += 1

    def _act(self, action: Action) -> Outcome:
        if not self._ended:
            Executor(self.backend.hands, self.backend.elements).perform(action)
            if action.verb == "answer":
                self._answer = str(action.args[0])
            self._ended = action.verb in ("done", "impossible") or (
                action.verb == "answer" and self._work.template.ends == "answer"
            )
        return self._outcome(action.verb)

    def _idle(self) -> Outcome:
        return self._outcome()

    def _outcome(self, verb: str = "") -> Outcome:
        """Judge the phone, if anything has changed since the last time."""
        assert self.task is not None
        names, before, ends = self.task.checkpoints, self._solved, self._work.template.ends
        now = (self.backend.version(), self._answer)
        if now != self._judged:
            self._judged = now
            self._holds = tuple(self._work.template.reached(self.backend.phone, self._work.params, self._answer))
        if not before:
            final = bool(self._holds[-1])
            self._solved = final and (ends == "state" or self._ended) and verb != "impossible"
            self._ended = self._ended or self._solved
            ahead = [place for place, holds in enumerate(self._holds[:-1], 1) if holds]
            self._reached = len(names) if final else min(max([self._reached, *ahead]), len(names) - 1)
        total = len(names)
        return Outcome(
            reward=float(self._solved and not before),
            terminated=self._ended,
            success=self._solved,
            score=self._reached / total,
            extra={
                "progress": (self._reached, total),
                "subgoal": names[self._reached] if self._reached < total else "",
            },
        )

    def _observe(self) -> Observation:
        assert self.task is not None
        observation: Observation = {"instruction": self.task.instruction}
        if self.obs_mode != "image":
            elements = self.elements
            observation["text"] = elements.numbered if self.obs_mode == "marks" else elements.text
        if self.obs_mode != "text":
            picture = self.backend.screenshot(*self.size)
            observation["image"] = marks.draw(picture, self.elements) if self.obs_mode == "marks" else picture
        return observation

    def _available(self) -> tuple[str, ...]:
        found: tuple[str, ...] = ("tap(<x>, <y>)",)
        if self.obs_mode == "marks":
            found = tuple(f"click[{item.index}]" for item in self.elements.touchables)
        elif self.obs_mode != "image":
            found = self.elements.clicks + (found if self.obs_mode == "both" else ())
        if self.backend.typing():
            found += ('type("<words>")',)
        if self._work.template.ends == "answer":
            found += ('answer("<words>")',)
        if self._work.template.ends == "done":
            found += ("done",)
        return (*found, "scroll(down)", "scroll(up)", "back()", "home()", "wait()")

    @property
    def words(self) -> tuple[str, ...]:
        """The texts and numbers of the task that stand in its instruction, in their order there."""
        assert self.task is not None
        said = self.task.instruction
        values = [
            value for held in self._work.params.values() for value in (held if isinstance(held, list) else [held])
        ]
        texts = dict.fromkeys(str(value) for value in values if isinstance(value, (str, int)) and str(value))
        return tuple(sorted((text for text in texts if text in said), key=said.index))

    def _native(self, action: Any) -> Action:
        number = int(action) if self.action_space.contains(action) else -1
        if number < 0:
            most = CLICKS + TEXTS + len(NATIVE) - 1
            raise ActionError(f"A native action is a number from 0 to {most}, got {str(action)[:40]!r}.")
        if number < CLICKS:
            touchables = self.elements.touchables
            if number >= len(touchables):
                raise ActionError(f"Action {number} clicks nothing: {len(touchables)} elements can be touched here.")
            return Action("click", (touchables[number].index,))
        if number < CLICKS + TEXTS:
            if number - CLICKS >= len(self.words):
                raise ActionError(f"Action {number} types nothing: the task names {len(self.words)} texts.")
            return Action("type", (self.words[number - CLICKS],))
        return self.grammar.parse(NATIVE[number - CLICKS - TEXTS])

    # ------------------------------------------------------------------ the expert, snapshots, pictures

    def say(self, text: str) -> str:
        """Return an action text as it is said under this `obs_mode`: by name, by number, or as a tap on a point."""
        action = self.grammar.parse(text)
        if action.verb == "press" and action.args[0] in ("back", "home"):
            return f"{action.args[0]}()"
        if action.verb == "wait":
            return "wait()"
        place = 0 if action.verb in ("click", "long_press", "double_tap") else 1
        if len(action.args) != place + 1 or action.verb not in _WITH_ELEMENT:
            return text
        elements = self.elements
        try:
            element = elements.get(action.args[place])  # type: ignore[arg-type]
        except ActionError:
            return text
        if self.obs_mode == "image" and not place:
            x, y = elements.point(element, self.backend.screenshot(*self.size))
            return self.grammar.format(Action(action.verb.replace("click", "tap"), (round(x, 4), round(y, 4))))
        if self.obs_mode == "image" and action.verb == "scroll":
            return self.grammar.format(Action("swipe", stroke(element.bounds, str(action.args[0]))))
        named = element.index if self.obs_mode == "marks" else element.line
        return self.grammar.format(Action(action.verb, (*action.args[:place], named)))

    def script(self, name: str) -> Any:
        """Return the script "solve" or "near_miss" of the running task, an iterator of action texts."""
        return getattr(self._work.template, name)(_Screen(self), self._work.params)

    def oracle_claims(self, task_id: str) -> bool:
        """Return whether the oracle promises success on a task: if there are steps enough."""
        return not self._budget or self.tasks[task_id].difficulty <= self._budget

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return a fresh policy: "random" (any available action), "oracle", or "near_miss" (which must fail)."""
        return POLICIES[name](self, seed) if name in POLICIES else super().scripted_policy(name, seed)

    def snapshot(self) -> bytes:
        """Return the state of the episode and of the task stream; any environment of this class can restore it."""
        if self.task is None:
            raise VlgymError("There is nothing to take a snapshot of before reset(); call reset() first.")
        state = {
            "task": self.task.id,
            "elapsed": self._elapsed,
            "judged": [self._reached, self._solved, self._ended, self._answer],
            "random": self.np_random.bit_generator.state,
        }
        return json.dumps(state).encode() + b"\n" + self.backend.snapshot()

    def restore(self, snapshot: bytes) -> tuple[Observation, dict[str, Any]]:
        """Take over a state made by `snapshot`; return its observation and info.

        Raises:
            VlgymError: it is no snapshot.
        """
        head, _, phone = snapshot.partition(b"\n")
        try:
            state = json.loads(head)
            task, judged, elapsed = self.tasks[state["task"]], state["judged"], int(state["elapsed"])
            self.np_random.bit_generator.state = state["random"]
        except (ValueError, TypeError, KeyError) as error:
            raise VlgymError("These bytes are no snapshot of the phone; pass what snapshot() returned.") from error
        self.backend.restore(phone)
        self.task, self._elapsed = task, elapsed
        self._begin(task)
        self._reached, self._solved, self._ended, self._answer = judged
        return self._observe(), self._info(self._outcome())

    def render(self) -> NDArray[np.uint8] | None:
        """Return the screen as uint8 [H, W, 3] if `render_mode` is "rgb_array"."""
        return self.backend.screenshot(*self.size) if self.render_mode == "rgb_array" and self.task else None

    @property
    def asks(self) -> bool:
        """Whether the task is a question."""
        return self._work.template.ends == "answer"

    def play_html(self) -> str:
        """Return the phone as a page for a person: what `vlgym-play` serves."""
        from vlgym.android.play import play_html

        return play_html(self)

    @property
    def play_script(self) -> str:
        """The script of that page."""
        from vlgym.android.play import SCRIPT

        return SCRIPT

    def close(self) -> None:
        """Let go of the phone."""
        if self._backend is not None:
            self._backend.close()
        super().close()


class _Screen:
    """The screen of an environment as scripts see it, always the current one."""

    def __init__(self, env: AndroidEnv) -> None:
        self._env = env

    @property
    def elements(self) -> Sequence[Any]:
        """The elements in reading order."""
        return self._env.elements.items

    def find(self, words: str, **filters: object) -> Any:
        """Return the first element of these words."""
        return self._env.elements.find(words, **filters)

    def has(self, words: str) -> bool:
        """Return whether there is one."""
        return self.find(words) is not None

    def get(self, words: str, **filters: object) -> Any:
        """Return it, or raise LookupError."""
        found = self.find(words, **filters)
        if found is None:
            raise LookupError(f"There is no {words!r} on this screen.")
        return found

    def after(self, words: str, name: str) -> Any:
        """Return the first element of a name after the one of these words."""
        for element in self.elements[self.get(words).index + 1 :]:
            if element.label.partition(" (")[0] == name or name in element.words:
                return element
        raise LookupError(f"There is no {name!r} after {words!r} on this screen.")


def _budget(steps: int) -> int:
    return 2 * steps + 6


def _chosen(what: str, names: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    """Return the names, all known ones for None; raise ValueError for one that is not known."""
    for name in names or ():
        if name not in known:
            near = did_you_mean(str(name), known)
            raise ValueError(f"Unknown {what} {name!r}; known: {', '.join(known)[:400]}.{near}")
    return known if names is None else names
