"""`vlgym/WebShop-v0`: the shopping environment of Yao et al. 2022 behind the vlgym contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vlgym.core.actions import Action
from vlgym.core.env import Observation, Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, VlgymError, did_you_mean
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task
from vlgym.webshop.catalogue import ProductCatalogue, open_catalogue
from vlgym.webshop.goals import GoalBook, ShoppingGoal
from vlgym.webshop.grammar import WebShopGrammar
from vlgym.webshop.pages import TEXT_FORMS, PageMaker
from vlgym.webshop.reward import NO_PARTS, PARTS, Scorer
from vlgym.webshop.scripted import POLICIES, Plan, make_plan
from vlgym.webshop.session import Quirks, Session
from vlgym.webshop.types import Page

OBS_MODES = ("text", "image", "both")
MAX_TEXT = 1 << 17
"""Longest page text in characters."""
NATIVE_ACTIONS = 64
"""Size of the native action space: index 0 searches, index i clicks the i-th thing of the page."""


class Shop:
    """What all environments of a process that use the same catalogue and goals share.

    Attributes:
        catalogue: products and search.
        book: the goals.
        tasks: the goals as a TaskSet.
        maker: makes pages.
        scorer: computes rewards.
    """

    def __init__(self, catalogue: ProductCatalogue, book: GoalBook, *, show_attrs: bool) -> None:
        self.catalogue, self.book = catalogue, book
        self.tasks = book.tasks()
        self.maker = PageMaker(catalogue, show_attrs)
        self.scorer = Scorer(catalogue)
        self.plan = lru_cache(maxsize=8192)(self._plan)

    def _plan(self, task_id: str) -> Plan | None:
        return make_plan(self, self.book.goal(task_id))


@lru_cache(maxsize=8)
def open_shop(catalogue: str, nouns: str, goals: str, goal_seed: int, split_by: str, show_attrs: bool) -> Shop:
    """Return the shop of these options, one per process (see WebShopEnv for their meaning)."""
    opened = open_catalogue(catalogue, nouns=nouns)
    if split_by == "auto":
        split_by = "product" if catalogue.startswith("synthetic:") else "goal"
    return Shop(opened, GoalBook(opened, goals, goal_seed, split_by), show_attrs=show_attrs)


class WebShopEnv(VlgymEnv):
    """Find and buy the product that an instruction describes.

    Task: search a shop of up to 1.18 million products, open an item, choose its options and buy it.
    Instruction: attributes, product kind, options and a price limit, in one sentence.
    Actions: ``search[words]`` and ``click[value]``; a wrong one changes nothing. ``native``: `Discrete(64)`, 0 searches
        the words of the instruction, i clicks the i-th clickable of ``info["available_actions"]`` (without the search).
    Observation: Dict of `instruction` and, by `obs_mode`, `text` (the page as the original's `text_rich` or `text`
        string) and `image` (the page in a real browser, uint8 [H, W, 3]).
    Reward: 0 until ``click[buy now]``, then the original's reward in [0, 1]; its parts are in ``info["reward_parts"]``.
    Ends: terminated by the purchase, truncated after `max_steps`. Success is a reward of exactly 1.
    Source: Yao et al., "WebShop: Towards Scalable Real-World Web Interaction with Grounded Language Agents", 2022.

    Args:
        catalogue: "synthetic:N", or the folder or file of a catalogue in the original's formats.
        obs_mode: "text", "image" or "both".
        text_format: "text_rich" or "text".
        action_mode: "text" or "native".
        max_steps: steps of an episode (the paper's code allows 100, verl-agent 15).
        split: split that `reset` draws from; None draws from all goals.
        show_attrs: item pages offer the product's attributes too (the original's `show_attrs`).
        nouns: which words of a title the reward takes for nouns: "builtin", "spacy" (the original's tagger) or "auto".
        goals: "auto" (human if the catalogue has them), "human" or "synthetic".
        goal_seed: seed of prices and price limits.
        split_by: "goal" (the original's splits), "product" (no product in two splits) or "auto" (by product for
            synthetic catalogues, else by goal).
        quirks: which oddities of the original are kept; a mapping of flag names works too.
        render_mode: None or "rgb_array".
        image_size: (width, height) of images in pixels.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}
    scripted: ClassVar[tuple[str, ...]] = ("random", "rule", "oracle")

    def __init__(
        self,
        catalogue: str = "synthetic:1000",
        obs_mode: str = "text",
        text_format: str = "text_rich",
        action_mode: str = "text",
        max_steps: int = 15,
        split: str | None = None,
        *,
        show_attrs: bool = False,
        nouns: str = "auto",
        goals: str = "auto",
        goal_seed: int = 0,
        split_by: str = "auto",
        quirks: Quirks | Mapping[str, bool] | None = None,
        render_mode: str | None = None,
        image_size: tuple[int, int] = (640, 480),
    ) -> None:
        self._options = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__(max_steps=max_steps, split=split, action_mode=action_mode)
        _check("obs_mode", obs_mode, OBS_MODES)
        _check("text_format", text_format, tuple(TEXT_FORMS))
        if render_mode is not None:
            _check("render_mode", render_mode, ("rgb_array",))
        self.obs_mode, self.render_mode = obs_mode, render_mode
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.quirks = _quirks(quirks)
        self.shop = open_shop(str(catalogue), nouns, goals, int(goal_seed), split_by, bool(show_attrs))
        self.tasks = self.shop.tasks
        if split is not None:
            self.tasks.ids(split)  # an unknown split is an error now, not at the first reset
        self.grammar = WebShopGrammar()
        self._text_form = TEXT_FORMS[text_format]
        self._session = Session(self.shop.maker, self.quirks)
        self._goal: ShoppingGoal | None = None
        self._parts: Mapping[str, float] = NO_PARTS
        self.action_space = spaces.Discrete(NATIVE_ACTIONS) if action_mode == "native" else TextSpace(4096)
        self.observation_space = self._make_space()

    def _make_space(self) -> spaces.Dict:
        found: dict[str, spaces.Space[Any]] = {"instruction": TextSpace(4096)}
        if self.obs_mode != "image":
            found["text"] = TextSpace(MAX_TEXT)
        if self.obs_mode != "text":
            width, height = self.image_size
            found["image"] = spaces.Box(0, 255, (height, width, 3), np.uint8)
        return spaces.Dict(found)

    # ------------------------------------------------------------------ the template's parts

    def _start(self, task: Task, seed: int) -> Outcome:
        self._goal = task.data
        self._session = Session(self.shop.maker, self.quirks)
        self._parts = NO_PARTS
        return self._outcome()

    def _act(self, action: Action) -> Outcome:
        session, goal = self._session, self._goal
        assert goal is not None
        if session.act(action):
            price = self.shop.book.price(session.product)
            score = self.shop.scorer.score(session.product, session.options, price, goal.goal, goal.target)
            self._parts = score.parts
            session.finish(score.reward)
            return self._outcome(reward=score.reward)
        return self._outcome()

    def _idle(self) -> Outcome:
        return self._outcome()

    def _outcome(self, reward: float = 0.0) -> Outcome:
        session = self._session
        done = session.kind == "done"
        return Outcome(
            reward=reward,
            terminated=done,
            success=done and session.reward == 1.0,
            score=session.reward,
            extra={"reward_parts": dict(self._parts), "page": session.kind, "asin": session.asin},
        )

    def _observe(self) -> Observation:
        assert self._goal is not None
        session, instruction = self._session, self._goal.goal.instruction
        observation: Observation = {"instruction": instruction}
        if self.obs_mode != "image":
            observation["text"] = self._text_form.of_view(session.view, session.kind, instruction)
        if self.obs_mode != "text":
            observation["image"] = self._screenshot(session.page(instruction))
        return observation

    def _available(self) -> tuple[str, ...]:
        return self._session.view.available

    def _native(self, action: Any) -> Action:
        goal = self._goal
        assert goal is not None
        if not isinstance(action, (int, np.integer)) or not 0 <= action < NATIVE_ACTIONS:
            raise ActionError(
                f"A native action is an integer from 0 to {NATIVE_ACTIONS - 1}, got {str(action)[:40]!r}."
            )
        if action == 0:
            return Action("search", (goal.goal.instruction.lower(),))
        clicks = [text for text in self._available() if text.startswith("click[")]
        if action > len(clicks):
            raise ActionError(f"Action {action} clicks nothing: this page has {len(clicks)} things to click.")
        return self.grammar.parse(clicks[int(action) - 1])

    # ------------------------------------------------------------------ pages and pictures

    @property
    def page(self) -> Page:
        """The current page (of the page model, see vlgym.webshop.types)."""
        assert self._goal is not None, "call reset() first"
        return self._session.page(self._goal.goal.instruction)

    @property
    def chosen(self) -> Mapping[str, str]:
        """Options chosen on the current product: group -> value."""
        return self._session.options

    def plan(self, task_id: str) -> Plan | None:
        """Return the oracle's plan for a task (within `max_steps`), or None if it declines the task."""
        plan = self.shop.plan(task_id)
        return plan if plan is not None and plan.length <= self.max_steps else None

    def oracle_claims(self, task_id: str) -> bool:
        """Return whether the oracle promises success on a task."""
        return self.plan(task_id) is not None

    @property
    def goal(self) -> ShoppingGoal:
        """The current goal."""
        if self._goal is None:
            raise VlgymError("There is no goal before reset(); call reset() first.")
        return self._goal

    def _screenshot(self, page: Page) -> NDArray[np.uint8]:
        from vlgym.core.browser import screenshot
        from vlgym.webshop.html import render_html

        return screenshot(render_html(page, self.shop.catalogue), *self.image_size)

    def play_html(self) -> str:
        """Return the page as an HTML document whose buttons submit action texts (see vlgym.play)."""
        from vlgym.webshop.html import play_html

        return play_html(self)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the page as uint8 [H, W, 3] if `render_mode` is "rgb_array"."""
        return self._screenshot(self.page) if self.render_mode == "rgb_array" and self._goal is not None else None

    # ------------------------------------------------------------------ snapshots and scripted policies

    def snapshot(self) -> bytes:
        """Return the state of the episode and of the task stream; `restore` takes it in any process that has the same
        catalogue and goals."""
        state = {
            "version": 1,
            "shop": self._identity(),
            "task": self.task.id if self.task else None,
            "elapsed": self._elapsed,
            "session": self._session.state(),
            "parts": dict(self._parts),
            "random": self.np_random.bit_generator.state,
        }
        return json.dumps(state).encode()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self._options, self.snapshot() if self.task else b""))

    def restore(self, snapshot: bytes) -> tuple[Observation, dict[str, Any]]:
        """Take over a state made by `snapshot`; return its observation and info.

        Raises:
            VlgymError: it is no snapshot, or one of another catalogue or goal seed.
        """
        self._load(snapshot)
        return self._observe(), self._info(self._outcome())

    def _load(self, snapshot: bytes) -> None:
        try:
            state = json.loads(snapshot)
            version, shop = state["version"], state["shop"]
            if (version, shop) != (1, self._identity()):
                raise VlgymError(
                    f"The snapshot belongs to {shop}, this environment is {self._identity()}; restore it there."
                )
            if state["task"] is None:
                raise VlgymError("The snapshot was taken before reset(); there is nothing to restore.")
            task, session = self.tasks[state["task"]], Session(self.shop.maker, self.quirks)
            session.load(state["session"])
            self.np_random.bit_generator.state = state["random"]
            self._elapsed, self._parts = int(state["elapsed"]), {name: float(state["parts"][name]) for name in PARTS}
        except (ValueError, TypeError, KeyError) as error:
            raise VlgymError("These bytes are no WebShop snapshot; pass what snapshot() returned.") from error
        self.task, self._goal, self._session = task, task.data, session

    def _identity(self) -> list[Any]:
        book = self.shop.book
        return [self.shop.catalogue.fingerprint, book.kind, book.seed]

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return a fresh policy: "random" (any available action), "rule" (the paper's: search the instruction, open the
        first item, buy) or "oracle"."""
        if name not in POLICIES:
            raise ValueError(f"WebShop has no scripted policy {name!r}; known: {', '.join(POLICIES)}.")
        return POLICIES[name](self, seed)


def _rebuild(kind: type[WebShopEnv], options: dict[str, Any], snapshot: bytes) -> WebShopEnv:
    """Unpickle an environment: the shop is opened anew (or shared), the episode comes from the snapshot."""
    env = kind(**options)
    if snapshot:
        env._load(snapshot)
    return env


def _check(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"Unknown {name} {value!r}; known: {', '.join(known)}.{did_you_mean(str(value), known)}")


def _quirks(value: Quirks | Mapping[str, bool] | None) -> Quirks:
    if value is None or isinstance(value, Quirks):
        return value or Quirks()
    known = Quirks.__slots__
    for name in value:
        _check("quirk", name, tuple(known))
    return Quirks(**value)
