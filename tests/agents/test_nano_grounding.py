"""Lessons in finding names: what counts as a hit, and that practice hits more."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("skia")

from vlgym_agents.imitate import Imitation, demonstrations, imitate  # noqa: E402
from vlgym_agents.policies.nano import NanoPolicy, load  # noqa: E402
from vlgym_agents.policies.nano.grounding import Lessons, Screen, practise, screens, written  # noqa: E402

KWARGS = {"obs_mode": "image", "plain": True, "lengths": [1, 3], "max_steps": 6}


@pytest.fixture(scope="module")
def seen() -> list[Screen]:
    return screens("vlgym/Android-v0", KWARGS, 4, 0)


def small() -> NanoPolicy:
    return load("nano", max_cells=96, grid_rows=100, thin=True)


def test_names_are_those_written_once() -> None:
    def element(name: str, place: float, description: str = "") -> SimpleNamespace:
        return SimpleNamespace(words=(name,), description=description, bounds=(0.0, place, 1.0, place + 0.1))

    once, twice = element("Wi-Fi", 0.1), [element("Delete", 0.2), element("Delete", 0.3)]
    unseen, short = element("Back", 0.4, "Back"), element("OK", 0.5)
    found = written([once, *twice, unseen, short, SimpleNamespace(words=(), description="", bounds=(0, 0, 1, 1))])
    assert found == (("Wi-Fi", (0.0, 0.1, 1.0, 0.2)),)


def test_the_accepted_taps_are_all_those_in_what_is_asked_for(seen: list[Screen]) -> None:
    assert len(seen) >= 4
    policy, asked = small(), 0
    for screen in seen[:6]:
        for name, (left, top, right, bottom) in screen.names[:3]:
            row, hits = Lessons(policy, [Screen(screen.image, ((name, (left, top, right, bottom)),))], 0).draw()
            candidates = row.chunks[0].extra["points"]
            places = [tuple(map(float, point.split(","))) if "," in point else (-1, -1) for point in candidates]
            inside = [k for k, (x, y) in enumerate(places) if left <= x < right and top <= y < bottom]
            assert [int(i) - policy.config.vocab_size for i in hits] == inside
            assert int(row.actions[0][1]) == hits[0]
            asked += 1
    assert asked >= 8


def test_practice_hits_more(seen: list[Screen]) -> None:
    policy = small()
    before = float(np.mean([Lessons(policy, seen, 7).loss(48).item()]))
    policy.module.train()
    practise(policy, Lessons(policy, seen, 1), 12, count=12)
    policy.module.eval()
    assert Lessons(policy, seen, 7).loss(48).item() < 0.7 * before


def test_lessons_are_rehearsed_at_every_step_of_imitation(seen: list[Screen]) -> None:
    policy, count = small(), 0
    found = demonstrations("vlgym/Android-v0", 2, 0, policy=policy, env_kwargs=KWARGS, window=1)
    weights = [p.detach().clone() for p in policy.parameters()]
    lessons = Lessons(policy, seen, 3)

    def rehearse() -> torch.Tensor:
        nonlocal count
        count += 1
        return lessons.loss(2)

    figures = imitate(policy, found, Imitation(epochs=2, tokens=4, lr=1e-4, window=1, rehearse=rehearse))
    assert count == figures["optimiser_steps"] > 2
    assert any(not torch.equal(a, b) for a, b in zip(weights, policy.parameters()))


def test_without_pictures_there_are_no_lessons() -> None:
    with pytest.raises(ValueError, match="leave out --ground"):
        screens("vlgym/Android-v0", {**KWARGS, "obs_mode": "text"}, 1, 0)
