"""Off-policy residuals: a replay buffer, two critics, and an actor that adds to the base's action.

With the defaults it is near ResFiT (Ankile et al. 2025, abstract: layer-norm critics, demonstrations in the buffer,
chunked base), with a price on the residual's size of our own; with `entropy` and `progressive` it is Policy Decorator
(Yuan et al. 2025, section 4: SAC, critic of the sum of base and residual, residual used with a probability that grows).
Losses: Fujimoto et al. 2018 (TD3, equations 13 and 14) and Haarnoja et al. 2018 (SAC, equations 5 to 7). What the
papers leave open is ours.

Legend: N environments, B rows of a batch, F features, A numbers of an action.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from vlgym_agents.robot.actor import Controller, DivergedError, network
from vlgym_agents.robot.arms import Array, errors_of
from vlgym_agents.robot.demonstrations import Demonstrations
from vlgym_agents.schema import above_zero, at_least


@dataclass(frozen=True)
class OffPolicyOptions:
    """Learning of the residual from a replay buffer."""

    envs: int = 16
    """robots that act at the same time"""
    horizon: int = 0
    """control steps of an iteration, which begins with fresh episodes; 0: the task's time limit"""
    scale: float = 0.2
    """normalised action per unit of the residual, which is within [-1, 1]: its authority"""
    noise: float = 0.15
    """standard deviation of exploration, in units of the residual (without `entropy`)"""
    entropy: bool = False
    """soft actor-critic with a learnt temperature instead of a deterministic actor"""
    temperature: float = 0.002
    """weight of `entropy` at the beginning; a success is worth 1, so a large one drowns it"""
    progressive: int = 0
    """control steps until the residual always acts; before, with growing probability; 0: always"""
    utd: float = 0.0625
    """gradient steps per control step of all robots"""
    batch: int = 256
    """rows of a gradient step"""
    lr: float = 3e-4
    """learning rate of actor and critics (AdamW)"""
    gamma: float = 0.99
    """discount of a control step"""
    n_step: int = 3
    """rewards summed before the critic continues"""
    tau: float = 0.005
    """share by which the target critics follow"""
    demo_share: float = 0.5
    """share of each batch that comes from demonstrations"""
    critic_norm: bool = True
    """layer norm in the critics"""
    shrink: float = 0.05
    """weight of the residual's mean square in the actor's loss: it stays small where the critics see no gain (ours)"""
    actor_delay: int = 2
    """critic steps per actor step"""
    warmup: int = 16000
    """control steps before the actor learns; the residual is only noise until then"""
    capacity: int = 300000
    """control steps kept"""
    width: int = 256
    """of the hidden layers"""
    near_field: bool = True
    """show actor and critic the environment's features of the last millimetres"""

    def __post_init__(self) -> None:
        at_least(
            self,
            envs=1,
            horizon=0,
            noise=0,
            progressive=0,
            shrink=0,
            batch=2,
            n_step=1,
            actor_delay=1,
            warmup=0,
            width=1,
        )
        above_zero(self, "scale", "temperature", "utd", "lr", "tau")
        if not (0 <= self.demo_share < 1 and 0 <= self.gamma < 1 and self.capacity > self.batch):
            raise ValueError("demo_share and gamma lie in [0, 1), and capacity is above batch.")


_Step = tuple[Tensor, Tensor, float]  # features, summed action, reward


class Critic(nn.Module):
    """Value [B] of features [B, F] and the action's sum of base and residual [B, A]."""

    def __init__(self, inputs: int, width: int, norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before in (inputs, width):
            layers += [nn.Linear(before, width), *([nn.LayerNorm(width)] if norm else []), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, features: Tensor, action: Tensor) -> Tensor:
        value: Tensor = self.body(torch.cat((features, action), dim=1))[:, 0]
        return value


class Buffer:
    """Transitions in a ring: rows of (features, summed action, n-step reward, discount, next features)."""

    def __init__(self, capacity: int, wide: int, action: int) -> None:
        self.rows = torch.zeros(capacity, 2 * wide + action + 2)
        self._split = (wide, action, 1, 1, wide)
        self.count, self._next = 0, 0

    def add(self, features: Tensor, action: Tensor, reward: Tensor, discount: Tensor, after: Tensor) -> None:
        """Append [n] transitions, the oldest making room."""
        rows = torch.cat((features, action, reward[:, None], discount[:, None], after), dim=1)
        place = (self._next + torch.arange(len(rows))) % len(self.rows)
        self.rows[place] = rows
        self._next = int((self._next + len(rows)) % len(self.rows))
        self.count = min(self.count + len(rows), len(self.rows))

    def sample(self, count: int, rng: torch.Generator) -> list[Tensor]:
        """Return [count, ...] features, actions, rewards, discounts, next features."""
        rows = self.rows[torch.randint(self.count, (count,), generator=rng)]
        return list(torch.split(rows, list(self._split), dim=1))

    def state_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"rows": self.rows[: self.count].clone(), "next": self._next}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore it."""
        self.count, self._next = len(state["rows"]), state["next"]
        self.rows[: self.count] = state["rows"]


class OffPolicy:
    """Improves a residual on the robots of `control`; every iteration begins with fresh episodes.

    Args:
        options: settings.
        control: robots and base, in mode "residual".
        seed: of everything random.
    """

    def __init__(self, options: OffPolicyOptions, control: Controller, seed: int) -> None:
        self.options, self.control, self.seed = options, control, seed
        obs, _ = control.arms.reset(seed=0)
        wide, size = control.features(obs), control.action
        self.actor = network((wide, options.width, options.width), size * (2 if options.entropy else 1), 0.0, 0.0)
        self.critics = nn.ModuleList(Critic(wide + size, options.width, options.critic_norm) for _ in range(2))
        self.targets = copy.deepcopy(self.critics).requires_grad_(False)
        self.log_alpha = nn.Parameter(torch.tensor(math.log(options.temperature)))
        self._size, self._base = size, slice(wide - size, wide)
        self._actor_optimiser = torch.optim.AdamW(self.actor.parameters(), lr=options.lr, weight_decay=1e-6)
        self._critic_optimiser = torch.optim.AdamW(self.critics.parameters(), lr=options.lr, weight_decay=1e-6)
        self._alpha_optimiser = torch.optim.Adam([self.log_alpha], lr=options.lr)
        self.buffer = Buffer(options.capacity, wide, size)
        self.demos: Buffer | None = None
        self.done, self.env_steps, self._episodes, self._updates = 0, 0, 0, 0

    @property
    def horizon(self) -> int:
        """Control steps of an iteration."""
        return self.options.horizon or self.control.arms.max_steps

    # ------------------------------------------------------------------ acting

    def mean(self, features: Tensor) -> Tensor:
        """Return the residual [n, A] in [-1, 1] without exploration."""
        return torch.tanh(self.actor(features)[:, : self._size])

    def sample(self, features: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return residuals [n, A] with exploration, and their log density [n] (0 for the deterministic actor)."""
        out = self.actor(features)
        if not self.options.entropy:
            noise = self.options.noise * torch.randn(out.shape, generator=rng)
            return (torch.tanh(out) + noise).clamp(-1, 1), torch.zeros(len(out))
        mean, log_std = out[:, : self._size], out[:, self._size :].clamp(-5, 2) - 1
        z = torch.randn(mean.shape, generator=rng)
        raw = mean + log_std.exp() * z
        density = -0.5 * z**2 - log_std - 0.5 * math.log(2 * math.pi)
        squash = 2 * (math.log(2) - raw - functional.softplus(-2 * raw))
        return torch.tanh(raw), (density - squash).sum(dim=1)

    def summed(self, features: Tensor, residual: Tensor) -> Tensor:
        """Return base plus scaled residual [n, A]: what the critics judge."""
        return features[:, self._base] + self.options.scale * residual

    @torch.no_grad()
    def collect(self, rng: torch.Generator) -> dict[str, float]:
        """Play `horizon` control steps everywhere and remember them; return metrics."""
        control, arms = self.control, self.control.arms
        n, pending = arms.num_envs, [deque[_Step]() for _ in range(arms.num_envs)]
        obs, _ = arms.reset(seed=int(np.random.default_rng([self.seed, 4, self.done]).integers(2**31)))
        everywhere = np.ones(n, bool)
        control.reset(everywhere, self._keys(everywhere))
        view = control.view(obs, everywhere)
        success, broken = [], 0
        for _ in range(self.horizon):
            features, residual = view.features, self._explore(view.features, rng)
            action = self.summed(features, residual)
            control.decide(everywhere, view, residual)
            obs, rewards, terminated, truncated, infos = arms.step(control.act())
            ended = terminated | truncated
            failed = errors_of(infos, n) & ended
            broken += int(failed.sum())
            view = control.view(obs, everywhere)
            self._remember(pending, features, action, rewards, terminated, ended, view.features, self.buffer)
            self.env_steps += n
            if ended.any():
                success += list(np.asarray(infos["is_success"])[ended & ~failed])
                obs, _ = arms.reset(options={"reset_mask": ended})
                control.reset(ended, self._keys(ended))
                view = view.with_rows(ended, control.view(obs, ended))
        share = float(np.mean(success)) if success else math.nan
        return {"finished_success": share, "episodes": float(len(success)), "env_errors": float(broken)}

    def _explore(self, features: Tensor, rng: torch.Generator) -> Tensor:
        o = self.options
        residual, _ = self.sample(features, rng)
        if self.env_steps < o.warmup:
            residual = o.noise * torch.randn(residual.shape, generator=rng)
        if o.progressive:
            used = torch.rand(len(features), 1, generator=rng) < self.env_steps / o.progressive
            residual = residual * used
        return residual

    def _remember(
        self,
        pending: Any,
        features: Tensor,
        action: Tensor,
        rewards: Array,
        terminated: Any,
        ended: Any,
        after: Tensor,
        buffer: Buffer,
    ) -> None:
        """Turn a control step into n-step transitions; an episode's last ones are shorter."""
        o, rows = self.options, []
        for i, queue in enumerate(pending):
            queue.append((features[i], action[i], float(rewards[i])))
            while len(queue) >= o.n_step or (ended[i] and queue):
                gain = sum(o.gamma**k * reward for k, (_, _, reward) in enumerate(queue))
                discount = 0.0 if terminated[i] else o.gamma ** len(queue)
                first = queue.popleft()
                rows.append((first[0], first[1], gain, discount, after[i]))
        if rows:
            f, a, g, d, s = zip(*rows)
            buffer.add(torch.stack(f), torch.stack(a), torch.tensor(g), torch.tensor(d), torch.stack(s))

    def _keys(self, mask: Any) -> Any:
        keys = np.zeros(len(mask), np.int64)
        count = int(mask.sum())
        keys[mask] = self._episodes + np.arange(count)
        self._episodes += count
        return keys

    @torch.no_grad()
    def remember(self, demonstrations: Demonstrations) -> None:
        """Put demonstrations into a buffer of their own; the base's action is what it would do there now."""
        control = self.control
        assert control.base is not None
        wide = self.buffer.rows.shape[1]
        self.demos = Buffer(demonstrations.steps, (wide - self._size - 2) // 2, self._size)
        n = control.arms.num_envs
        for number, episode in enumerate(demonstrations.episodes):
            control.reset(np.ones(n, bool), np.full(n, -1 - number))
            rows, pending = np.zeros(n, bool), [deque[_Step]()]
            rows[0] = True
            seen = [np.repeat(state[None], n, axis=0) for state in episode.observations]
            views = [control.view(obs, rows).features for obs in seen]
            actions = control.told(episode.observations, episode.actions[:, None])
            for t in range(len(episode)):
                last = np.array([t == len(episode) - 1])
                after = views[min(t + 1, len(views) - 1)]
                self._remember(
                    pending, views[t], actions[t : t + 1], episode.rewards[t : t + 1], last, last, after, self.demos
                )

    # ------------------------------------------------------------------ learning

    def iterate(self) -> dict[str, float]:
        """Collect and learn; return metrics.

        Raises:
            DivergedError: the losses are not finite.
        """
        started = time.perf_counter()
        rng = torch.Generator().manual_seed((self.seed << 32) + self.done)
        found = self.collect(rng)
        collected = time.perf_counter()
        steps = max(1, round(self.options.utd * self.horizon * self.options.envs))
        learnt: dict[str, float] = {}
        for _ in range(steps):
            learnt |= self.learn(rng)
        if not all(map(math.isfinite, learnt.values())):
            raise DivergedError("The losses are not finite any more; lower algo.lr and start anew with another --out.")
        self.done += 1
        return {
            **found,
            "env_steps": float(self.env_steps),
            **learnt,
            "optimiser_steps": float(steps),
            "lr": self.options.lr,
            "rollout_s": collected - started,
            "update_s": time.perf_counter() - collected,
        }

    def _batch(self, rng: torch.Generator) -> list[Tensor]:
        o = self.options
        if self.demos is None:
            return self.buffer.sample(o.batch, rng)
        known = round(o.demo_share * o.batch)
        both = (self.buffer.sample(o.batch - known, rng), self.demos.sample(known, rng))
        return [torch.cat(pair) for pair in zip(*both)]

    def learn(self, rng: torch.Generator) -> dict[str, float]:
        """Do one gradient step of the critics, and when it is due one of the actor; return metrics."""
        o, alpha = self.options, float(self.log_alpha.detach().exp()) if self.options.entropy else 0.0
        features, action, reward, discount, after = self._batch(rng)
        with torch.no_grad():
            residual, density = self.sample(after, rng)
            ahead = torch.min(*(target(after, self.summed(after, residual)) for target in self.targets))
            goal = reward[:, 0] + discount[:, 0] * (ahead - alpha * density)
            goal = goal.clamp(max=1.0) if not o.entropy else goal  # one reward of 1 ends an episode
        loss = sum(((critic(features, action) - goal) ** 2).mean() for critic in self.critics)
        assert isinstance(loss, Tensor)
        self._step(self._critic_optimiser, loss, self.critics)
        self._updates += 1
        metrics = {"critic_loss": float(loss.detach()), "value_mean": float(goal.mean())}
        if self._updates % o.actor_delay == 0 and self.env_steps >= o.warmup:
            metrics |= self._learn_actor(features, rng, alpha)
        with torch.no_grad():
            for mine, theirs in zip(self.targets.parameters(), self.critics.parameters()):
                mine.lerp_(theirs, o.tau)
        return metrics

    def _learn_actor(self, features: Tensor, rng: torch.Generator, alpha: float) -> dict[str, float]:
        residual, density = self.sample(features, rng) if self.options.entropy else (self.mean(features), None)
        value = torch.min(*(critic(features, self.summed(features, residual)) for critic in self.critics))
        loss = -value.mean() if density is None else (alpha * density - value).mean()
        loss = loss + self.options.shrink * (residual**2).mean()
        self._step(self._actor_optimiser, loss, self.actor)
        found = {"loss": float(loss.detach()), "residual_size": float(residual.detach().abs().mean())}
        if density is not None:
            want = (self.log_alpha * (-density.detach() + self._size)).mean()  # target entropy: -A
            self._alpha_optimiser.zero_grad()
            want.backward()  # type: ignore[no-untyped-call]
            self._alpha_optimiser.step()
            found |= {"temperature": alpha, "entropy": float(-density.detach().mean())}
        return found

    @staticmethod
    def _step(optimiser: torch.optim.Optimizer, loss: Tensor, module: nn.Module) -> None:
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 10.0)
        optimiser.step()

    # ------------------------------------------------------------------ checkpoints

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next iteration depends on."""
        modules = {name: getattr(self, name).state_dict() for name in ("actor", "critics", "targets", "buffer")}
        optimisers = [o.state_dict() for o in (self._actor_optimiser, self._critic_optimiser, self._alpha_optimiser)]
        return {
            **modules,
            "optimisers": optimisers,
            "log_alpha": self.log_alpha.detach().clone(),
            "counts": [self.done, self.env_steps, self._episodes, self._updates],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for name in ("actor", "critics", "targets", "buffer"):
            getattr(self, name).load_state_dict(state[name])
        optimisers = (self._actor_optimiser, self._critic_optimiser, self._alpha_optimiser)
        for optimiser, saved in zip(optimisers, state["optimisers"]):
            optimiser.load_state_dict(saved)
        self.log_alpha.data.copy_(state["log_alpha"])
        self.done, self.env_steps, self._episodes, self._updates = state["counts"]
