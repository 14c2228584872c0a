"""The general weights: reading, tapping, finding, comparing, choosing, copying on generic synthetic screens and lists.

    python -m vlgym_agents.policies.nano.pretrain --out envs_assets/nano

No benchmark's pages, tasks or words are used. Three phases: lists alone (text stem, body, heads), reading alone (vision
stem: OCR and word labels, on screens full of text), then both with tapping. A step is about 0.3 CPU-seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from vlgym_agents.policies.nano import NanoPolicy, fresh, load
from vlgym_agents.policies.nano.cards import write_general
from vlgym_agents.policies.nano.lists import Lesson, Teacher
from vlgym_agents.policies.nano.screens import Gallery, Painter, Screen
from vlgym_agents.policies.nano.tokenizer import glyphs
from vlgym_agents.policy import Sampling
from vlgym_agents.types import Chunk, Ids, Row

_SAMPLING = Sampling(max_tokens=32)
_TAP = ("tap(<x>, <y>)",)
_SIZES = ((128, 128), (96, 160), (160, 128))


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train.

    Attributes:
        lists, read, joint: optimiser steps of the phases.
        lessons: lists of a batch.  screens: screens of a batch; queries: taps asked of each screen.
        lr: peak learning rate of AdamW; 100 steps of warm-up, then linearly down to 2 %; half of it in the joint phase.
        seed: of weights, lessons and screens.
    """

    lists: int = 600
    read: int = 1000
    joint: int = 500
    lessons: int = 32
    screens: int = 12
    queries: int = 4
    lr: float = 2e-3
    seed: int = 0


# ---------------------------------------------------------------------------------------------------- lists


def list_row(policy: NanoPolicy, lesson: Lesson) -> Row:
    """Return the lesson as a training row."""
    observation = {"instruction": lesson.instruction, "text": lesson.text}
    chunk = policy.encode(observation, {"available_actions": lesson.actions}, first=True)
    return Row((chunk,), (policy.demonstrate((chunk,), lesson.action),), (True,))


def list_loss(policy: NanoPolicy, lessons: Sequence[Lesson]) -> torch.Tensor:
    """Return the mean over lessons of -log p(action)."""
    rows = [list_row(policy, lesson) for lesson in lessons]
    return -policy.score(rows, _SAMPLING).logprobs.sum() / len(rows)


def list_accuracy(policy: NanoPolicy, count: int, seed: int) -> dict[str, float]:
    """Return the share of right greedy actions per kind of lesson, on `count` fresh lessons each."""
    teacher, shares = Teacher(seed), {}
    for kind in teacher.makers:
        lessons = [teacher.lesson(kind) for _ in range(count)]
        chunks = [list_row(policy, lesson).chunks[0] for lesson in lessons]
        said = _greedy(policy, chunks)
        shares[kind] = float(np.mean([a.lower() == lesson.action.lower() for a, lesson in zip(said, lessons)]))
    return shares


def _greedy(policy: NanoPolicy, chunks: Sequence[Chunk]) -> list[str]:
    session = policy.session(len(chunks))
    nobody = [np.random.default_rng(0)] * len(chunks)
    samples = session.act(range(len(chunks)), chunks, nobody, Sampling(greedy=True, max_tokens=32))
    return [sample.action for sample in samples]


# ---------------------------------------------------------------------------------------------------- screens


def reading_losses(
    policy: NanoPolicy, screens: Sequence[Screen], features: torch.Tensor, cells: torch.Tensor
) -> torch.Tensor:
    """Return OCR cross-entropy (blank slots weigh 0.1) plus contrastive word reading, for screens of one size.

    Args:
        features: float [n, 96, h, w] of the screens.  cells: float [n, h, w / 2, 192].
    """
    vision = policy.core.vision
    logits = vision.glyph_logits(features)
    target = torch.from_numpy(np.stack([screen.glyphs for screen in screens]))
    weight = torch.ones(vision.glyphs)
    weight[0] = 0.1
    ocr = F.cross_entropy(logits.flatten(0, 2), target.flatten(), weight)
    words = list(dict.fromkeys(word for screen in screens for word in screen.words))
    index = {word: i for i, word in enumerate(words)}
    own = [np.array([index[word] for word in screen.words] + [-1]) for screen in screens]
    reads = torch.from_numpy(np.stack([names[screen.reads] for names, screen in zip(own, screens)]))
    letters = torch.tensor([glyphs(word, policy.config.word_letters) for word in words])
    found = vision.reading(cells[reads >= 0]) @ vision.spelling(letters).T
    return ocr + 0.5 * F.cross_entropy(found * 12.0, reads[reads >= 0])


def tap_rows(
    policy: NanoPolicy, rng: random.Random, screens: Sequence[Screen], queries: int
) -> tuple[list[Row], list[Ids]]:
    """Return one row a query (widgets drawn with replacement) and the tap ids that hit the widget asked for."""
    rows: list[Row] = []
    hits: list[Ids] = []
    for screen in screens:
        for _ in range(queries):
            names = [label for label in screen.labels if screen.labels.count(label) == 1]
            if not names:
                continue
            label = rng.choice(names)
            ask = rng.choice(["tap {}", "press {}", "open {}", "click on {}", "go to {} now"]).format(label.lower())
            chunk = policy.encode({"instruction": ask, "image": screen.image}, {"available_actions": _TAP}, first=True)
            inside = _inside(screen, label, chunk)
            if len(inside):
                first = policy.config.vocab_size + chunk.extra["n_words"] + chunk.extra["n_elements"]
                action = policy.demonstrate(
                    (chunk,), f"tap({chunk.extra['points'][chunk.extra['n_words'] + inside[0]]})"
                )
                rows.append(Row((chunk,), (action,), (True,)))
                hits.append((first + inside).astype(np.int32))
    return rows, hits


def _inside(screen: Screen, label: str, chunk: Chunk) -> Ids:
    """Return which kept cells have their centre in the widget with `label`."""
    left, top, right, bottom = screen.boxes[screen.labels.index(label)]
    columns = screen.image.shape[1] // 16
    x, y = (chunk.extra["cells"] % columns) * 16 + 8, (chunk.extra["cells"] // columns) * 8 + 4
    return np.flatnonzero((x >= left) & (x <= right) & (y >= top) & (y <= bottom)).astype(np.int32)


def screen_loss(policy: NanoPolicy, gallery: Gallery, count: int, queries: int) -> torch.Tensor:
    """Return reading losses plus -log of the probability of hitting the widget."""
    rng = gallery.painter.rng
    screens = gallery.take(count, *rng.choice(_SIZES))
    rows, hits = tap_rows(policy, rng, screens, queries)
    vision = policy.core.vision
    order = list({row.chunks[0].extra["picture"]: row.chunks[0].images[0] for row in rows}.values())
    seen = [
        next(screen for screen in screens if screen.image is image or np.array_equal(screen.image, image))
        for image in order
    ]
    features = vision.features(torch.from_numpy(np.stack(order)))
    cells = vision.cells(features)
    mass = policy.mass(rows, hits, _SAMPLING, maps=list(cells))
    return reading_losses(policy, seen, features, cells) - mass.mean()


def read_loss(policy: NanoPolicy, gallery: Gallery, count: int) -> torch.Tensor:
    """Return the reading losses alone."""
    screens = gallery.take(count, *gallery.painter.rng.choice(_SIZES))
    features = policy.core.vision.features(torch.from_numpy(np.stack([screen.image for screen in screens])))
    return reading_losses(policy, screens, features, policy.core.vision.cells(features))


@torch.no_grad()
def screen_accuracy(policy: NanoPolicy, count: int, seed: int, *, held_out: bool) -> dict[str, float]:
    """Return the share of glyphs read right and of greedy taps inside the widget, on fresh screens."""
    painter = Painter(seed, held_out)
    screens = [painter.screen() for _ in range(count)]
    vision = policy.core.vision
    target = torch.from_numpy(np.stack([screen.glyphs for screen in screens]))
    read = vision.glyph_logits(
        vision.features(torch.from_numpy(np.stack([screen.image for screen in screens])))
    ).argmax(-1)
    rows, hits = tap_rows(policy, painter.rng, screens, 1)
    session = policy.session(len(rows))
    samples = session.act(
        range(len(rows)), [row.chunks[0] for row in rows], [np.random.default_rng(0)] * len(rows), Sampling(greedy=True)
    )
    right = [sample.ids[1] in hit for sample, hit in zip(samples, hits)]
    return {"glyphs": float((read == target)[target > 0].float().mean()), "taps": float(np.mean(right))}


# ---------------------------------------------------------------------------------------------------- the run


def train(policy: NanoPolicy, budget: Budget, report: Callable[[str], None] = print) -> None:
    """Run the phases, in place."""
    teacher = Teacher(budget.seed + 1)
    pages, screens = Gallery(Painter(budget.seed + 2), dense=True), Gallery(Painter(budget.seed + 3), dense=False)

    def lists() -> torch.Tensor:
        return list_loss(policy, [teacher.lesson() for _ in range(budget.lessons)])

    def joint() -> torch.Tensor:
        return lists() + screen_loss(policy, screens, budget.screens, budget.queries)

    _phase(policy, "lists", budget.lists, budget.lr, lists, report)
    _phase(policy, "read", budget.read, budget.lr, lambda: read_loss(policy, pages, 2 * budget.screens), report)
    _phase(policy, "joint", budget.joint, budget.lr / 2, joint, report)


def _phase(
    policy: NanoPolicy,
    name: str,
    steps: int,
    lr: float,
    loss: Callable[[], torch.Tensor],
    report: Callable[[str], None],
) -> None:
    """Take optimiser steps on `loss`."""
    parameters = [p for p in policy.module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.98), weight_decay=0.01)
    start = time.process_time()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = lr * min((step + 1) / 100, 1.0) * max(1.0 - step / steps, 0.02)
        value = loss()
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if step % 50 == 49:
            report(
                f"{name}: {step + 1}/{steps} steps, {time.process_time() - start:.0f} CPU-s, loss {value.item():.3f}"
            )


def figures(policy: NanoPolicy, count: int = 200, seed: int = 12345) -> dict[str, float]:
    """Return the measured figures of the model card."""
    lists = {f"list_{kind}": share for kind, share in list_accuracy(policy, count, seed).items()}
    seen = screen_accuracy(policy, count, seed, held_out=False)
    unseen = screen_accuracy(policy, count, seed, held_out=True)
    screens = {f"{key}_seen_words": v for key, v in seen.items()} | {
        f"{key}_unseen_words": v for key, v in unseen.items()
    }
    return {key: round(value, 3) for key, value in (screens | lists).items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    default = Budget()
    parser = argparse.ArgumentParser(prog="python -m vlgym_agents.policies.nano.pretrain", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the weights to")
    for phase in ("lists", "read", "joint"):
        steps = getattr(default, phase)
        parser.add_argument(
            f"--{phase}", type=int, default=steps, help=f"optimiser steps of this phase (default {steps})"
        )
    parser.add_argument("--seed", type=int, default=default.seed, help="of weights and data (default %(default)s)")
    parser.add_argument("--examples", type=int, default=200, help="measured of each kind (default %(default)s)")
    parser.add_argument("--start", type=Path, help="weights to go on from (default: untrained ones)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="torch threads (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    budget = Budget(lists=options.lists, read=options.read, joint=options.joint, seed=options.seed)
    policy = fresh(seed=budget.seed)
    if options.start:
        policy = load(options.start)
    train(policy, budget, report=lambda line: print(line, flush=True))
    measured = figures(policy, options.examples)
    print(json.dumps(measured, indent=1))
    policy.save(options.out, half=True)
    size = sum(p.numel() for p in policy.module.parameters())
    command = f"python -m vlgym_agents.policies.nano.pretrain --out {options.out}"
    write_general(options.out, size, command, asdict(budget) | {"examples": options.examples}, measured)
    (options.out / "training.json").write_text(
        json.dumps({"budget": asdict(budget), "figures": measured}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
