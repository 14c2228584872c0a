"""Pretraining of nano: lessons and labels are right, and training on them for seconds already pays."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("PIL")

from vlgym_agents.policies.nano import NanoConfig, fresh, load, shipped  # noqa: E402
from vlgym_agents.policies.nano.lists import Teacher  # noqa: E402
from vlgym_agents.policies.nano.pretrain import (  # noqa: E402
    Budget,
    list_accuracy,
    list_row,
    main,
    screen_accuracy,
    tap_rows,
    train,
)
from vlgym_agents.policies.nano.screens import Gallery, Painter, is_held_out  # noqa: E402
from vlgym_agents.policies.nano.tokenizer import GLYPHS  # noqa: E402
from vlgym_agents.policy import Sampling  # noqa: E402


def test_lessons_are_reproducible_and_their_actions_can_be_said():
    policy = fresh(NanoConfig(layers=1))
    one, two = Teacher(7), Teacher(7)
    for _ in range(100):
        lesson = one.lesson()
        assert lesson == two.lesson()
        row = list_row(policy, lesson)
        assert len(row.actions[0]) >= 2


@pytest.mark.parametrize("kind", ["record", "bounded", "extreme"])
def test_the_right_record_is_listed_once(kind):
    teacher = Teacher(3)
    for _ in range(30):
        lesson = teacher.lesson(kind)
        assert (
            sum(line.strip(" []_").endswith(lesson.action[6:-1] + " [button") for line in lesson.text.splitlines()) <= 1
        )
        assert lesson.action[6:-1] in lesson.text


@pytest.mark.parametrize("dense", [False, True])
def test_labels_stand_where_the_ink_is(dense):
    painter = Painter(5)
    for _ in range(5):
        screen = painter.screen(128, 160, dense=dense)
        assert screen.image.shape == (128, 160, 3)
        assert len(screen.labels) == len(screen.boxes) > 0
        written = sorted(
            letter for label in screen.labels for letter in label.lower() if letter in GLYPHS and letter != " "
        )
        read = [GLYPHS[glyph] for glyph in screen.glyphs[screen.glyphs > 0]]
        assert len(read) > 0.8 * len(written), "a slot holds one glyph, so narrow neighbours may hide each other"
        assert set(read) <= set(written)
        for row, column in zip(*np.nonzero(screen.glyphs)):
            x, y = column * 4 + 2, row * 8 + 4
            assert any(
                left <= x <= right and top <= y + 8 and y - 8 <= bottom for left, top, right, bottom in screen.boxes
            )


def test_held_out_words_are_never_drawn_for_training():
    seen = {word for _ in range(20) for word in Painter(_, False).screen().words if word.isalpha()}
    unseen = {word for _ in range(20) for word in Painter(_, True).screen().words if word.isalpha()}
    assert not any(is_held_out(word) for word in seen)
    assert all(is_held_out(word) for word in unseen)


def test_a_gallery_reuses_screens():
    gallery = Gallery(Painter(1), dense=False, room=16)
    taken = [screen for _ in range(8) for screen in gallery.take(8, 96, 96)]
    assert len({id(screen) for screen in taken}) < len(taken)


def test_taps_asked_for_can_be_hit():
    policy = fresh(NanoConfig(layers=1))
    painter = Painter(2)
    screens = [painter.screen() for _ in range(4)]
    rows, hits = tap_rows(policy, painter.rng, screens, 2)
    assert rows
    assert all(row.actions[0][1] in hit for row, hit in zip(rows, hits))
    mass = policy.mass(rows, hits, Sampling())
    assert (mass <= 0).all()
    assert torch.isfinite(mass).all()


@pytest.mark.slow
def test_half_a_minute_of_pretraining_learns_lists():
    torch.manual_seed(0)
    policy = fresh(seed=0)
    before = list_accuracy(policy, 40, 99)
    train(policy, Budget(lists=70, read=0, joint=0), report=lambda line: None)
    after = list_accuracy(policy, 40, 99)
    assert before["press"] < 0.4
    assert after["press"] > 0.85
    assert after["record"] > 0.6
    assert after["form"] > 0.5


@pytest.mark.slow
def test_the_command_writes_weights_that_load(tmp_path):
    main(["--out", str(tmp_path), "--lists", "2", "--read", "2", "--joint", "2", "--threads", "1", "--examples", "4"])
    policy = load(tmp_path)
    assert set(screen_accuracy(policy, 4, 0, held_out=True)) == {"glyphs", "taps"}


def test_shipped_weights_do_what_their_card_says():
    policy = load(shipped())
    lists = list_accuracy(policy, 60, 4321)
    assert lists["press"] > 0.95
    assert lists["record"] > 0.85
    assert lists["form"] > 0.85
    assert lists["look_up"] > 0.8
