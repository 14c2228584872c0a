"""One arm: `vlgym/PegInsert-v0` and its kind, with flat Box spaces or for agents that read and write."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from vlgym.core.actions import Action
from vlgym.core.cameras import backend, camera
from vlgym.core.env import Observation, Outcome, ScriptedPolicy, VlgymEnv
from vlgym.core.errors import ActionError, BackendError, VlgymError, did_you_mean
from vlgym.core.spaces import TextSpace
from vlgym.core.tasks import Task
from vlgym.manipulation.grammar import ArmGrammar
from vlgym.manipulation.looks import looks_for
from vlgym.manipulation.scripted import POLICIES
from vlgym.manipulation.skills import UNITS, Skills
from vlgym.manipulation.starts import key, task_set
from vlgym.manipulation.tasks import make
from vlgym.manipulation.vector import DIVERGED, IMAGE, LIMIT, check_actions, dense
from vlgym.manipulation.world import World

NATIVE_OBS, TEXT_OBS = ("state", "image"), ("both", "image", "text")
SIGHT = 224
"""Height and width of the image that a reading agent gets, pixels."""


class ArmEnv(VlgymEnv):
    """An arm over a table, 20 control steps a second.

    Native side (`action_mode="native"`, the default): the action is a Box [-1, 1] of A numbers, the absolute target of
        the tip (x, y, z, yaw, scaled to the workspace; of a gripper also open or closed, by the sign); the observation
        is a flat Box of D numbers, or with `obs_mode="image"` a Dict of `state` and `image` (uint8 [84, 84, 3]). Any
        Gymnasium agent trains on it; trajectories are those of `ArmVectorEnv`, bit for bit.
    Language side (`action_mode="text"`): ``move(x, y, z, yaw)``, ``open()``, ``close()``, ``pick(u, v)``, ``place(u,
        v)``; each runs a second or more of control steps. The observation is a Dict of `instruction` and, by
        `obs_mode`, `text` (what is where, in centimetres and degrees) and `image` (uint8 [224, 224, 3]).
    Reward: 1 for success, else 0; with `reward="dense"` also what the action has gained of the way to success, which
        is 1 long (`ArmTask.potential`), so that an episode's return is at most 2 and has the same best policies.
    Ends: terminated by success, truncated after `max_steps` actions.
    Info: `checkpoints` reached so far, `progress` (how many, of how many), `subgoal` (the next one), `is_success`.
    Source: ours.

    Args:
        task: a name of `vlgym.manipulation.tasks.TASKS`.
        action_mode: "native" or "text".
        obs_mode: "state" or "image"; of the language side "both", "image" or "text"; "" is the first.
        max_steps: actions of an episode; None: the task's own.
        split: split that `reset` draws starts from; None draws from all.
        reward: "sparse" or "dense".
        start_range: times the range of starts the task is trained on, up to 1.5.
        randomize: "visual": each start has colours, light and a camera pose of its own, see `looks.py`; "": none has.
        render_mode: None or "rgb_array".
        options: of the task, such as `clearance` (millimetres) of the pegs.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}
    scripted: ClassVar[tuple[str, ...]] = tuple(POLICIES)

    def __init__(
        self,
        task: str = "PegInsert",
        action_mode: str = "native",
        obs_mode: str = "",
        max_steps: int | None = None,
        split: str | None = "train",
        *,
        reward: str = "sparse",
        start_range: float = 1.0,
        randomize: str = "",
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.kind = make(task, start_range=start_range, **options)
        usual = self.kind.max_steps if action_mode == "native" else self.kind.max_words
        super().__init__(max_steps=usual if max_steps is None else max_steps, split=split, action_mode=action_mode)
        known = NATIVE_OBS if action_mode == "native" else TEXT_OBS
        self.obs_mode = obs_mode or known[0]
        if self.obs_mode not in known:
            near = did_you_mean(obs_mode, known)
            raise ValueError(
                f"Unknown obs_mode {obs_mode!r} of action_mode {action_mode!r}; known: {', '.join(known)}.{near}"
            )
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"Unknown render_mode {render_mode!r}; known: rgb_array.")
        self._dense = dense(reward)
        if render_mode or self.obs_mode in ("image", "both"):
            backend()  # that nothing can be drawn is an error now, not at the first picture
        self.render_mode = render_mode
        self.tasks = task_set(self.kind)
        if split is not None:
            self.tasks.ids(split)  # an unknown split is an error now, not at the first reset
        self.world = World(self.kind, 1, looks=bool(randomize))
        self._looks = looks_for(randomize, self.world.model, self.kind.camera)
        self.grammar = ArmGrammar(self.world.gripper)
        self._skills = Skills(self.world)
        width = self.world.target.shape[1]
        self.action_space = spaces.Box(-1.0, 1.0, (width,), np.float64) if action_mode == "native" else TextSpace(64)
        self.observation_space = self._make_space()

    def _make_space(self) -> spaces.Space[Any]:
        state = spaces.Box(-LIMIT, LIMIT, (self.kind.size,), np.float64)
        if self.obs_mode == "state":
            return state
        side = IMAGE if self.action_mode == "native" else SIGHT
        image = spaces.Box(0, 255, (side, side, 3), np.uint8)
        if self.action_mode == "native":
            return spaces.Dict({"state": state, "image": image})
        found: dict[str, spaces.Space[Any]] = {"instruction": TextSpace(256)}
        if self.obs_mode != "image":
            found["text"] = TextSpace(1024)
        if self.obs_mode != "text":
            found["image"] = image
        return spaces.Dict(found)

    # ------------------------------------------------------------------ the template's parts

    def _start(self, task: Task, seed: int) -> Outcome:
        self.world.reset(0, task.data)
        self.world.gather()
        return self._outcome(0.0)

    def _act(self, action: Action) -> Outcome:
        before, way = bool(self.world.reached[0, -1]), self._way()
        if action.verb == "servo":
            self.world.step(np.array([action.args], np.float64), np.ones(1, bool))
        else:
            self._skills.run(action)
        if self.world.broken[0]:
            raise BackendError(DIVERGED)
        return self._outcome(float(self.world.reached[0, -1] and not before) + self._way() - way)

    def _way(self) -> float:
        return float(self.kind.potential(self.world)[0]) if self._dense else 0.0

    def _idle(self) -> Outcome:
        return self._outcome(0.0)

    def _outcome(self, reward: float) -> Outcome:
        reached, names = self.world.reached[0], self.kind.checkpoints
        count = int(reached.sum())
        left = [name for name, done in zip(names, reached) if not done]
        return Outcome(
            reward=reward,
            terminated=bool(reached[-1]),
            success=bool(reached[-1]),
            score=1.0 if reached[-1] else count / len(names),
            extra={
                "is_success": bool(reached[-1]),
                "checkpoints": tuple(bool(done) for done in reached),
                "progress": (count, len(names)),
                "subgoal": left[0] if left and not reached[-1] else "",
            },
        )

    def _observe(self) -> Any:
        state = np.clip(self.kind.observe(self.world), -LIMIT, LIMIT)[0]
        if self.obs_mode == "state":
            return state
        if self.action_mode == "native":
            return {"state": state, "image": self._picture(IMAGE, IMAGE)}
        assert self.task is not None
        found: Observation = {"instruction": self.task.instruction}
        if self.obs_mode != "image":
            found["text"] = self._skills.describe()
        if self.obs_mode != "text":
            found["image"] = self._picture(SIGHT, SIGHT)
        return found

    def _blank(self) -> Any:
        if isinstance(self.observation_space, spaces.Box):
            return np.zeros(self.observation_space.shape, self.observation_space.dtype)
        return super()._blank()

    def _available(self) -> tuple[str, ...]:
        return self._skills.available() if self.action_mode == "text" else ()

    def _native(self, action: Any) -> Action:
        assert self.action_space.shape is not None
        row = action if isinstance(action, np.ndarray) else np.empty(0)
        if row.shape != self.action_space.shape or row.dtype.kind not in "fiu":
            shown = f"shape {row.shape}" if isinstance(action, np.ndarray) else repr(action)[:40]
            raise ActionError(
                f"A native action is an array of {self.action_space.shape[0]} numbers in [-1, 1], got {shown}."
            )
        return Action("servo", tuple(check_actions(row[None], (1, len(row)))[0].tolist()))

    # ------------------------------------------------------------------ the expert, snapshots, pictures

    def scripted_policy(self, name: str, seed: int = 0) -> ScriptedPolicy:
        """Return a fresh policy: "random", "oracle" (a steady hand) or "expert" (with the tremor of demonstrations)."""
        return POLICIES[name](self, seed) if name in POLICIES else super().scripted_policy(name, seed)

    @property
    def elapsed(self) -> int:
        """Actions of the episode so far."""
        return self._elapsed

    def say_move(self, target: NDArray[np.float64]) -> str:
        """Return the words of a move to `target` (4,), metres and radians, to a tenth of a millimetre."""
        x, y, z, yaw = (target * UNITS).tolist()
        return self.grammar.format(Action("move", (round(x, 2), round(y, 2), round(z, 2), round(yaw, 2))))

    def words(self) -> str | None:
        """Return what the oracle says next where the task has words of its own, else None."""
        action = self.kind.words(self.world, self._skills)
        return None if action is None else self.grammar.format(action)

    def say(self, row: NDArray[np.float64]) -> str:
        """Return the words that do what a native action (A,) does: the fingers first, where they are to change."""
        world = self.world
        target = world.low + (row + 1) * 0.5 * (world.high - world.low)
        if world.gripper and (target[4] > 0.5) != (world.target[0, 4] > 0.5):
            return self.grammar.format(Action("open" if target[4] > 0.5 else "close"))
        return self.say_move(target[:4])

    def snapshot(self) -> bytes:
        """Return the state of the episode and of the task stream; the same id with the same options can restore it."""
        if self.task is None:
            raise VlgymError("There is nothing to take a snapshot of before reset(); call reset() first.")
        head = {"task": self.task.id, "elapsed": self._elapsed, "random": self.np_random.bit_generator.state}
        return json.dumps(head).encode() + b"\n" + self.world.snapshot(0)

    def restore(self, snapshot: bytes) -> tuple[Any, dict[str, Any]]:
        """Take over a state made by `snapshot`; return its observation and info.

        Raises:
            VlgymError: it is no snapshot, or one of another scene.
        """
        line, _, body = snapshot.partition(b"\n")
        try:
            head = json.loads(line)
            key(head["task"])
            task, elapsed, state = self.tasks[head["task"]], int(head["elapsed"]), head["random"]
            self.world.restore(0, body)
            self.np_random.bit_generator.state = state
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, VlgymError):
                raise
            raise VlgymError("These bytes are no snapshot of an arm; pass what snapshot() returned.") from error
        self.task, self._elapsed = task, elapsed
        return self._observe(), self._info(self._outcome(0.0))

    def _picture(self, width: int, height: int) -> NDArray[np.uint8]:
        look = self._looks.batch(self.world.start)[0] if self._looks else None
        return camera(self.world.model, self.kind.camera, width, height).frame(self.world.data[0], look)

    def render(self) -> Any:
        """Return the scene as uint8 [240, 320, 3] if `render_mode` is "rgb_array"."""
        return self._picture(320, 240) if self.render_mode == "rgb_array" and self.task else None

    def close(self) -> None:
        """End threads, if any."""
        self.world.close()
