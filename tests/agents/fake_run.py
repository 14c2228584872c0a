"""A made-up run folder in the trainer's format (docstring of vlgym_agents.record), for tests of the report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

PRODUCTS = ("wool rug", "desk lamp", "trail shoes", "green tea", "phone case")
COLOURS = ("ivory", "black", "teal", "red")


def page_text(query: str, found: int) -> str:
    """Return a results page in words."""
    rows = [f"B0{i:08d} [SEP] {COLOURS[i % 4].title()} {query} no. {i} [SEP] ${12 + 7 * i}.99" for i in range(found)]
    return " [SEP] ".join(["Instruction:", "Back to Search", f"Page 1 (Total results: {found})", "Next >", *rows])


def screenshot(path: Path, title: str, width: int = 480, height: int = 320) -> None:
    """Draw something like a shop page."""
    image = Image.new("RGB", (width, height), "#fbfaf7")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, 34), fill="#24364b")
    draw.text((12, 11), title, fill="white")
    for row in range(4):
        y = 46 + row * 68
        draw.rectangle((12, y, 72, y + 58), fill=("#c9b79c", "#9cb7c9", "#b5c99c", "#c99cb1")[row], outline="#666")
        draw.text((84, y + 4), f"{COLOURS[row]} thing, number {row}", fill="#17202b")
        draw.text((84, y + 24), f"${19 + 11 * row}.99", fill="#8a1f11")
    image.save(path, optimize=True)


def episode(
    name: str, kind: str, step: int, number: int, rng: np.random.Generator, images: Path | None
) -> dict[str, Any]:
    """Return one episode object; writes its screenshots under `images`."""
    product, colour = PRODUCTS[number % len(PRODUCTS)], COLOURS[number % len(COLOURS)]
    success = bool(rng.random() < (0.3 if kind == "before" else 0.35 + 0.004 * step if kind == "train" else 0.7))
    score = 1.0 if success else float(np.round(rng.choice([0.0, 1 / 3, 2 / 3]), 4))
    actions = [f"search[{colour} {product}]", f"click[b0{number % 7:08d}]", f"click[{colour}]", "click[buy now]"]
    if not success:
        actions.insert(2, "click[reviewz]")
    turns = []
    for index, action in enumerate(actions):
        bad = action == "click[reviewz]"
        image = None
        if images is not None:
            image = f"{name}-t{index:02d}.png"
            screenshot(images / image, f"{product} - page {index + 1}")
        last = index == len(actions) - 1
        turns.append(
            {
                "image": image,
                "text": page_text(product, 3 + number % 5),
                "instruction": None,
                "words": action if not bad else "I look at the reviews.\n" + action,
                "action": action,
                "tokens": 5 + index,
                "logprob": -float(rng.exponential(1.5)),
                "value": None,
                "reward": score if last else 0.0,
                "terminated": last,
                "truncated": False,
                "action_valid": not bad,
                "error": "Nothing on this page is called 'reviewz'. Did you mean 'reviews'?" if bad else "",
                "info": {
                    "page": ("results", "item", "item", "done")[min(index, 3)],
                    "score": score if last else 0.0,
                    "reward_parts": {"r_type": 1.0, "r_att": score, "r_option": score, "r_price": 1.0} if last else {},
                },
            }
        )
    return {
        "name": name,
        "kind": kind,
        "step": step,
        "task": f"synthetic-{number:05d}",
        "seed": 7 + number,
        "group": number // 4,
        "member": number % 4,
        "instruction": f"Find me a {colour} {product} that is easy to clean, price lower than {40 + number} dollars",
        "success": success,
        "score": score,
        "return": score,
        "return_parts": {"env": score, "format": 0.0},
        "advantage": float(rng.normal()) if kind == "train" else None,
        "env_error": "Chromium ended (signal 9); the next reset starts a new one." if number == 11 else "",
        "replayed": False,
        "turns": turns,
    }


def evaluation(name: str, step: int, chance: float, rng: np.random.Generator, episodes: int = 200) -> dict[str, Any]:
    """Return one evaluation object."""
    success = rng.random(episodes) < chance
    score = np.where(success, 1.0, np.round(rng.random(episodes) * 0.8, 4))

    def interval(values: np.ndarray, how: str) -> dict[str, Any]:
        half = 1.96 * float(values.std()) / math.sqrt(episodes)
        mean = float(values.mean())
        return {"value": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half), "interval": how}

    return {
        "name": name,
        "step": step,
        "split": "test",
        "decoding": "sampled",
        "episodes": episodes,
        "env_errors": 0,
        "success": interval(success.astype(float), "Wilson 95%"),
        "score": interval(score, "bootstrap 95%"),
        "return": interval(score, "bootstrap 95%"),
        "turns": 5.4 - 0.006 * step,
        "tokens_per_turn": 6.8,
        "invalid": 0.06 - 0.0003 * step,
        "seconds": 41.0,
        "observation_hash": "0" * 16,
        "tasks": [
            {"task": f"t{i}", "seed": i, "success": bool(s), "score": float(v), "turns": 5}
            for i, (s, v) in enumerate(zip(success, score))
        ],
    }


def metrics(step: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the metrics row of one step."""
    gain = 1 - math.exp(-step / 60)
    success = float(np.clip(0.3 + 0.35 * gain + rng.normal(0, 0.05), 0, 1))
    zero = float(np.clip(0.35 + rng.normal(0, 0.08), 0, 1))
    return {
        "step": step,
        "success": success,
        "return": success * 0.9 + 0.1,
        "score": min(1.0, success * 0.8 + 0.2),
        "turns": 5.5 - gain + rng.normal(0, 0.1),
        "tokens_per_turn": 6.9 + rng.normal(0, 0.05),
        "invalid": 0.06 * math.exp(-step / 40),
        "unparsable": 0.01 * math.exp(-step / 30),
        "truncated": 0.02,
        "env_errors": int(step == 40),
        "groups": 8,
        "zero_gradient_groups": zero,
        "all_fail_groups": zero * (1 - gain),
        "all_success_groups": zero * gain,
        "group_return_std": 0.3 * (1 - 0.4 * gain),
        "env_steps": step * 330,
        "tokens": step * 2300,
        "optimiser_steps": 1,
        "loss": float(rng.normal(0, 0.02)),
        "grad_norm": float(rng.lognormal(-0.5, 0.4)),
        "lr": 3e-4 * (1 - step / 150),
        "entropy": 0.9 * math.exp(-step / 80) + 0.2,
        "kl": 0.002 * step / 100 if step % 20 else float("nan"),
        "clip_low": 0.002,
        "clip_high": 0.004,
        "ratio_mean": 1.0 + rng.normal(0, 0.001),
        "ratio_max": 1.6,
        "logprob_gap": float(rng.lognormal(-15.5, 0.2)),
        "logprob_gap_max": float(rng.lognormal(-13.5, 0.2)),
        "trained_tokens": 1500,
        "rollout_s": 3.1 + rng.normal(0, 0.2),
        "update_s": 2.4 + rng.normal(0, 0.1),
        "seconds": 5.6,
        "cpu_s": 9.8,
        "tokens_per_s": 730 + rng.normal(0, 20),
        "episodes_per_s": 20 + rng.normal(0, 1),
        "bank_size": step * 2,
    }


def write_run(folder: Path, *, steps: int = 100, finished: bool = True, images: bool = True, episodes: int = 8) -> Path:
    """Write a run of `steps` steps; an unfinished one has no evaluation after training and a torn last line."""
    rng = np.random.default_rng(5)
    (folder / "episodes").mkdir(parents=True)
    options = {
        "run.env": "vlgym/WebShop-v0",
        "run.algo": "grpo",
        "run.model": "nano",
        "run.steps": 100,
        "run.seed": 3,
        "run.control": "none",
        "env.obs_mode": "both",
        "optim.lr": 3e-4,
        "algo.clip_high": 0.28,
    }
    config = {
        "format": 1,
        "created": "2026-03-04T10:20:30",
        "command": ["vlgym-train", "--env", "webshop", "--seed", "3", "--env.obs_mode", "both"],
        "versions": {"vlgym": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
        "options": options,
        "sources": {"run.seed": "flag", "run.env": "flag", "env.obs_mode": "flag", "optim.lr": "model preset"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    rows = [json.dumps(metrics(step, rng)) for step in range(1, steps + 1)]
    (folder / "metrics.jsonl").write_text("".join(row + "\n" for row in rows) + ("" if finished else '{"step": 10'))
    evaluations = [evaluation("before", 0, 0.31, rng)]
    if finished:
        half = steps // 2
        evaluations += [evaluation(f"step-{half:06d}", half, 0.5, rng), evaluation("after", steps, 0.6, rng)]
    for entry in evaluations:
        (folder / f"eval_{entry['name']}.json").write_text(json.dumps(entry))
    light = [{key: value for key, value in entry.items() if key != "tasks"} for entry in evaluations]
    (folder / "eval.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in light))
    moments = [("before", 0)] + [("train", step) for step in range(10, steps + 1, 10)] + [("after", steps)] * finished
    for kind, step in moments:
        for number in range(episodes):
            tail = f"{step:06d}-g{number // 4:03d}-m{number % 4:02d}" if kind == "train" else f"{number:04d}"
            record = episode(f"{kind}-{tail}", kind, step, number + step, rng, folder / "episodes" if images else None)
            (folder / "episodes" / f"{kind}-{tail}.json").write_text(json.dumps(record))
    return folder
