"""PPO over decisions that hold for one or more control steps, on a batch of robots.

Every iteration begins with fresh episodes in all environments, so that a checkpoint needs no simulator's state and the
first episodes give an unbiased success rate; within the iteration each environment begins anew on its own.

Source: Schulman et al. 2017, equation 7; Schulman et al. 2016 (GAE), equation 16, with the discount of a decision being
gamma to the control steps it lasted; settings of the faithful presets: Ankile et al. 2024, released configuration.

Legend: T control steps, N environments, M decisions of an iteration, F features, G numbers of a decision.
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vlgym_agents.robot.actor import Controller, DivergedError, Gaussian, network
from vlgym_agents.robot.arms import Array, Mask, errors_of
from vlgym_agents.schema import above_zero, at_least


@dataclass(frozen=True)
class PpoOptions:
    """Policy optimisation of the residual, or of an actor of its own."""

    envs: int = 128
    """robots that act at the same time"""
    horizon: int = 0
    """control steps of an iteration; 0: the task's time limit"""
    epochs: int = 10
    """passes over an iteration's decisions"""
    minibatches: int = 8
    """optimiser batches a pass is cut into"""
    lr: float = 1e-3
    """learning rate of the actor's AdamW"""
    critic_lr: float = 1e-3
    """of the critic's"""
    schedule: str = "linear"
    """learning rates over the run: constant, linear or cosine, to a twentieth"""
    critic_warmup: int = 0
    """iterations in which only the critic learns"""
    gamma: float = 0.98
    """discount of a control step"""
    gae_lambda: float = 0.95
    """trade of bias for variance in the advantages"""
    clip: float = 0.2
    """how far the importance ratio may move"""
    value_coef: float = 1.0
    """weight of the critic's loss"""
    kl_stop: float = 0.1
    """an iteration's passes end when the policy has moved this far (k3 estimate, nats); 0: never"""
    base_kl: float = 0.0
    """weight of the divergence from the initial actor (direct fine-tuning)"""
    clip_norm: float = 1.0
    """gradient norm is cut here"""
    reward_scaling: bool = False
    """divide rewards by the root of their running mean square, cut at 5"""
    bootstrap: bool = True
    """let the critic judge where a time limit cut an episode, instead of taking it for the end"""
    scale: float = 0.4
    """normalised action per unit of the residual: its authority"""
    log_std: float = -2.4
    """logarithm of the exploration's standard deviation, in units of the residual"""
    width: int = 256
    """of the two hidden layers of actor and critic"""
    near_field: bool = True
    """show actor and critic the environment's features of the last millimetres"""

    def __post_init__(self) -> None:
        at_least(
            self, envs=1, horizon=0, epochs=1, minibatches=1, lr=0, critic_lr=0, critic_warmup=0, clip=0, kl_stop=0
        )
        at_least(self, value_coef=0, base_kl=0, width=1, gamma=0, gae_lambda=0)
        above_zero(self, "clip_norm", "scale")
        if max(self.gamma, self.gae_lambda) > 1:
            raise ValueError("gamma and gae_lambda are at most 1.")
        if self.schedule not in ("constant", "linear", "cosine"):
            raise ValueError(f"Unknown schedule {self.schedule!r}; known: constant, linear, cosine.")


@dataclass(slots=True, eq=False)
class Rollout:
    """What an iteration collected.

    Attributes:
        features [M, F], decisions [M, G], log_probs [M], in the order (control step, environment).
        decided: bool [T, N], where a decision began.
        rewards, ended: [T, N]; bootstrap: [T, N], 1 where a limit cut an episode that the critic shall judge.
        finals: features [B, F] at those places in order, then [N, F] after the last step.
        success: of the first episode of each environment whose machinery held; unfinished is not solved.
        broken: episodes lost to the machinery.
    """

    features: Tensor
    decisions: Tensor
    log_probs: Tensor
    decided: Mask
    rewards: Array
    ended: Mask
    bootstrap: Mask
    finals: Tensor
    success: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    broken: int


def advantages(
    rewards: Array, ended: Mask, decided: Mask, values: Array, cut: Array, last: Array, gamma: float, lam: float
) -> Array:
    """Return generalised advantages [T, N] of decisions; 0 where none began.

    Args:
        rewards: [T, N].
        ended: an episode ended with this step.
        decided: a decision began with this step.
        values: [T, N] of the critic where a decision began.
        cut: [T, N] its value of what follows where an episode ended: 0 for a true end.
        last: [N] its value after the last step.
        gamma: discount of a step.
        lam: lambda.
    """
    steps, n = rewards.shape
    out = np.zeros((steps, n))
    gain, discount, value, advantage = np.zeros(n), np.ones(n), last.copy(), np.zeros(n)
    fresh = np.ones(n, bool)  # the next step begins a decision (or there is none)
    for t in reversed(range(steps)):
        begins = fresh | ended[t]
        gain = rewards[t] + np.where(begins, 0.0, gamma * gain)
        discount = gamma * np.where(begins, 1.0, discount)
        value, advantage = np.where(ended[t], cut[t], value), np.where(ended[t], 0.0, advantage)
        here = gain + discount * value - values[t] + discount * lam * advantage
        out[t] = np.where(decided[t], here, 0.0)
        value, advantage = np.where(decided[t], values[t], value), np.where(decided[t], here, advantage)
        fresh = decided[t]
    return out


class Ppo:
    """Improves `actor` on the robots of `control`.

    Args:
        options: settings.
        control: robots, base and how decisions act on them.
        actor: the decisions.
        iterations: planned, for the schedules.
        seed: of starts, exploration and batches.
    """

    def __init__(self, options: PpoOptions, control: Controller, actor: Gaussian, iterations: int, seed: int) -> None:
        self.options, self.control, self.actor, self.iterations, self.seed = options, control, actor, iterations, seed
        inputs = next(actor.mean.parameters()).shape[1]
        self.critic = network((inputs, options.width, options.width), 1, 0.25, 0.25)
        self._first = copy.deepcopy(actor.mean).requires_grad_(False)  # what base_kl holds on to
        self.optimiser = torch.optim.AdamW(
            [
                {"params": list(actor.parameters()), "rate": options.lr},
                {"params": list(self.critic.parameters()), "rate": options.critic_lr},
            ],
            eps=1e-5,
            weight_decay=1e-6,
        )
        self.done, self.env_steps, self._episodes = 0, 0, 0
        self._square, self._seen = 0.0, 0  # of rewards, for their scale

    def hold_on(self) -> None:
        """Take the actor as it is now for the one that base_kl holds on to."""
        self._first.load_state_dict(self.actor.mean.state_dict())

    # ------------------------------------------------------------------ one iteration

    def iterate(self) -> dict[str, float]:
        """Collect and learn; return metrics.

        Raises:
            DivergedError: decisions or losses are not finite.
        """
        started, cpu = time.perf_counter(), time.process_time()
        rng = torch.Generator().manual_seed((self.seed << 32) + self.done)
        rollout = self.collect(rng)
        collected = time.perf_counter()
        learnt = self.learn(rollout, rng)
        self.done += 1
        self.env_steps += rollout.rewards.size
        return {
            "success": float(rollout.success.mean()) if len(rollout.success) else math.nan,
            "return": float(rollout.success.mean()) if len(rollout.success) else math.nan,
            "turns": float(rollout.lengths.mean()) if len(rollout.lengths) else math.nan,
            "env_errors": float(rollout.broken),
            "env_steps": float(self.env_steps),
            **learnt,
            "rollout_s": collected - started,
            "update_s": time.perf_counter() - collected,
            "seconds": time.perf_counter() - started,
            "cpu_s": time.process_time() - cpu,
        }

    @torch.no_grad()
    def collect(self, rng: torch.Generator) -> Rollout:
        """Play `horizon` control steps in every environment."""
        control, arms = self.control, self.control.arms
        steps = self.options.horizon or arms.max_steps
        n = arms.num_envs
        everywhere = np.ones(n, bool)
        obs, _ = arms.reset(seed=int(np.random.default_rng([self.seed, 3, self.done]).integers(2**31)))
        control.reset(everywhere, self._keys(everywhere))
        rewards, ended = np.zeros((steps, n)), np.zeros((steps, n), bool)
        decided, bootstrap = np.zeros((steps, n), bool), np.zeros((steps, n), bool)
        features, decisions, log_probs, finals = [], [], [], []
        first, success, lengths, broken = everywhere.copy(), [], [], 0
        for t in range(steps):
            due = control.left == 0
            decided[t] = due
            if due.any():
                view = control.view(obs, due)
                mean = self.actor.mean(view.features)
                decision = self.actor.sample(mean, rng)
                control.decide(due, view, decision)
                features.append(view.features)
                decisions.append(decision)
                log_probs.append(self.actor.log_prob(mean, decision))
            obs, rewards[t], terminated, truncated, infos = arms.step(control.act())
            ended[t] = terminated | truncated
            if not ended[t].any():
                continue
            failed = errors_of(infos, n) & ended[t]
            broken += int(failed.sum())
            fresh = ended[t] & first & ~failed
            success += list(np.asarray(infos["is_success"])[fresh])
            lengths += [t + 1] * int(fresh.sum())
            first &= ~ended[t]
            bootstrap[t] = (truncated & ~terminated & self.options.bootstrap) | failed
            if bootstrap[t].any():
                finals.append(control.view(obs, bootstrap[t]).features)
            obs, _ = arms.reset(options={"reset_mask": ended[t]})
            control.reset(ended[t], self._keys(ended[t]))
        finals.append(control.view(obs, everywhere).features)
        success += [False] * int(first.sum())  # a shorter horizon than the time limit: not solved within it
        return Rollout(
            torch.cat(features),
            torch.cat(decisions),
            torch.cat(log_probs),
            decided,
            rewards,
            ended,
            bootstrap,
            torch.cat(finals),
            np.array(success, bool),
            np.array(lengths, np.int64),
            broken,
        )

    def _keys(self, mask: Mask) -> NDArray[np.int64]:
        """Return names of the next episodes, where `mask` says."""
        keys = np.zeros(len(mask), np.int64)
        count = int(mask.sum())
        keys[mask] = self._episodes + np.arange(count)
        self._episodes += count
        return keys

    # ------------------------------------------------------------------ learning

    def credit(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """Return advantages [M] and the critic's targets [M]."""
        with torch.no_grad():
            values = np.zeros(rollout.rewards.shape)
            values[rollout.decided] = self.critic(rollout.features)[:, 0].double().numpy()
            after = self.critic(rollout.finals)[:, 0].double().numpy()
        n, cut = rollout.rewards.shape[1], np.zeros(rollout.rewards.shape)
        cut[rollout.bootstrap] = after[:-n]
        o = self.options
        rewards, last = self._scaled(rollout.rewards), after[-n:]
        found = advantages(rewards, rollout.ended, rollout.decided, values, cut, last, o.gamma, o.gae_lambda)
        advantage = torch.from_numpy(found[rollout.decided]).float()
        return advantage, advantage + torch.from_numpy(values[rollout.decided]).float()

    def _scaled(self, rewards: Array) -> Array:
        if not self.options.reward_scaling:
            return rewards
        self._square += float((rewards**2).sum())
        self._seen += rewards.size
        return np.clip(rewards / math.sqrt(self._square / self._seen + 1e-8), -5.0, 5.0)

    def learn(self, rollout: Rollout, rng: torch.Generator) -> dict[str, float]:
        """Move actor and critic; return metrics."""
        o, count = self.options, len(rollout.decisions)
        advantage, target = self.credit(rollout)
        actor_learns = self.done >= o.critic_warmup
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * self._share()
        sums: dict[str, float] = {}
        batches, kl = 0, 0.0
        for _ in range(o.epochs):
            order = torch.randperm(count, generator=rng)
            drift = []
            for part in order.chunk(o.minibatches):
                loss, metrics = self._loss(rollout, part, advantage[part], target[part], actor_learns)
                self.optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                norms = [nn.utils.clip_grad_norm_(g["params"], o.clip_norm) for g in self.optimiser.param_groups]
                self.optimiser.step()
                drift.append(metrics["kl"])
                for name, value in {**metrics, "loss": float(loss.detach()), "grad_norm": float(norms[0])}.items():
                    sums[name] = sums.get(name, 0.0) + value
                batches += 1
            kl = float(np.mean(drift))
            if o.kl_stop and kl > o.kl_stop:
                break
        if not math.isfinite(sums["loss"]):
            raise DivergedError("The loss is not finite any more; lower algo.lr and resume with a new --out.")
        spread = float(target.var())
        return {
            **{name: value / batches for name, value in sums.items()},
            "kl": kl,
            "optimiser_steps": float(batches),
            "lr": o.lr * self._share(),
            "value_mean": float(target.mean()),
            "explained_variance": 1 - float(advantage.var()) / spread if spread > 0 else 0.0,
            "decisions": float(count),
        }

    def _share(self) -> float:
        """Return the schedule's share of the learning rates at this iteration."""
        left = 1 - self.done / max(self.iterations, 1)
        if self.options.schedule == "constant":
            return 1.0
        if self.options.schedule == "cosine":
            left = 0.5 * (1 + math.cos(math.pi * (1 - left)))
        return max(left, 0.05)

    def _loss(
        self, rollout: Rollout, part: Tensor, advantage: Tensor, target: Tensor, actor_learns: bool
    ) -> tuple[Tensor, dict[str, float]]:
        o, features = self.options, rollout.features[part]
        mean = self.actor.mean(features)
        shift = self.actor.log_prob(mean, rollout.decisions[part]) - rollout.log_probs[part]
        ratio = shift.exp()
        gain = (advantage - advantage.mean()) / (advantage.std() + 1e-8) if len(advantage) > 1 else advantage
        surrogate = torch.min(ratio * gain, ratio.clamp(1 - o.clip, 1 + o.clip) * gain)
        value = (self.critic(features)[:, 0] - target).pow(2).mean()
        loss = o.value_coef * value
        if actor_learns:
            loss = loss - surrogate.mean()
        metrics = {"value_loss": float(value.detach())}
        if o.base_kl:
            with torch.no_grad():
                before = self._first(features)
            distance = 0.5 * ((mean - before).pow(2).sum(dim=1) * math.exp(-2 * self.actor.log_std)).mean()
            loss = loss + o.base_kl * distance
            metrics["base_kl"] = float(distance.detach())
        with torch.no_grad():
            metrics["kl"] = float((ratio - 1 - shift).mean())
            metrics["clip_low"] = float((ratio < 1 - o.clip).float().mean())
            metrics["clip_high"] = float((ratio > 1 + o.clip).float().mean())
            metrics["residual_size"] = float(mean.abs().mean())
        return loss, metrics

    # ------------------------------------------------------------------ checkpoints

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next iteration depends on."""
        return {
            "actor": self.actor.state_dict(),
            "critic": self.critic.state_dict(),
            "first": self._first.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "counts": [self.done, self.env_steps, self._episodes, self._seen, self._square],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.actor.load_state_dict(state["actor"])
        self.critic.load_state_dict(state["critic"])
        self._first.load_state_dict(state["first"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.env_steps, self._episodes, self._seen, self._square = state["counts"]
