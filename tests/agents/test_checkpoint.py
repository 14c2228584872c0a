"""Checkpoints: atomic, bounded, theirs and nobody else's."""

from __future__ import annotations

import errno
import json
import os
import random

import numpy as np
import pytest
import torch
from toy_policy import ToyPolicy
from toy_run import TWO_TURNS, config, equal, run, trainer

from vlgym_agents.checkpoint import CheckpointError, Checkpoints, load_weights, rng_state, set_rng_state, weights
from vlgym_agents.types import Chunk, Trace, Turn


def test_last_ones_are_kept_and_round_trip(tmp_path):
    store = Checkpoints(tmp_path, {"optim.lr": 1e-3}, keep=2)
    for step in range(1, 5):
        store.save(step, {"a": torch.tensor([step]), "b": {"c": [1, "x", None]}})
    assert store.steps() == [3, 4]
    assert store.load() == (4, {"a": torch.tensor([4]), "b": {"c": [1, "x", None]}})
    assert store.load(3)[1]["a"] == 3
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_stored_traces_survive(tmp_path):
    """Replay methods keep traces in their state; they load without running code from the file."""
    chunk = Chunk(np.arange(3, dtype=np.int32), (np.zeros((2, 2, 3), np.uint8),), {"table": np.ones(2, np.float32)})
    turn = Turn(chunk, np.array([1], np.int32), np.array([-0.5], np.float32), "x", "x", info={"score": 1.0})
    store = Checkpoints(tmp_path, {})
    store.save(1, {"store": {"t1": [Trace("t1", 3, 0, 0, [turn], success=True, replayed=True)]}})
    back = store.load()[1]["store"]["t1"][0]
    assert back.success
    assert back.replayed
    assert np.array_equal(back.turns[0].chunk.ids, turn.chunk.ids)
    assert np.array_equal(back.turns[0].chunk.images[0], turn.chunk.images[0])


def test_a_file_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch " + str(tmp_path / "ran"),)

    store = Checkpoints(tmp_path, {})
    store.save(1, {"x": Evil()})
    with pytest.raises(CheckpointError, match="damaged"):
        store.load()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_full_disk_keeps_the_previous_checkpoint(tmp_path, monkeypatch, number):
    store = Checkpoints(tmp_path, {}, keep=1)
    store.save(1, {"a": 1})
    write = torch.save

    def full(state, file):
        file.write(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match=r"checkpoint of step 2 .*The checkpoint of step 1 is intact"):
        store.save(2, {"a": 2})
    monkeypatch.setattr(torch, "save", write)
    assert store.load() == (1, {"a": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001"]


def test_training_on_a_full_disk_goes_on_later(tmp_path, monkeypatch):
    straight = run(tmp_path / "straight", config())
    cfg = config(run__save_every=1)
    write = torch.save
    calls = []

    def full(state, file):
        calls.append(1)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(state, file)

    monkeypatch.setattr(torch, "save", full)
    with trainer(tmp_path / "run", cfg) as made, pytest.raises(CheckpointError, match="the disk is full"):
        made.run()
    monkeypatch.setattr(torch, "save", write)
    assert Checkpoints(tmp_path / "run" / "checkpoints", cfg.flat()).steps()[-1] == 3
    resumed = run(tmp_path / "run", cfg, resume=True)
    assert equal(straight[0], resumed[0])
    assert straight[1] == resumed[1]


def test_metrics_on_a_full_disk_are_one_sentence(tmp_path):
    with trainer(tmp_path, config()) as made:

        class Full:
            def write(self, text):
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self): ...

        made.folder._metrics = Full()
        with pytest.raises(CheckpointError, match=r"the disk is full. The last checkpoint is intact"):
            made.run()


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((CheckpointError, NotADirectoryError)):
        Checkpoints(tmp_path / "file" / "x", {}).save(1, {})


def test_another_configuration_is_refused(tmp_path):
    run(tmp_path, config(run__steps=1))
    for options, message in [
        ({"run__env": TWO_TURNS}, "run.env = "),
        ({"optim__lr": 1.0}, "optim.lr = 0.03, not 1.0"),
        ({"model__hidden": 8}, "model.hidden = 24, not 8"),
        ({"optim__schedule": "linear", "run__steps": 9}, "planned for 1 steps"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            run(tmp_path, config(**{"run__steps": 1, **options}), resume=True)
    run(tmp_path, config(run__steps=2, run__workers=1, run__save_every=1), resume=True)  # these are free to change


def test_another_model_is_refused():
    saved = weights(ToyPolicy(8).module)
    with pytest.raises(CheckpointError, match="weights of another model"):
        load_weights(ToyPolicy(16).module, saved)
    with pytest.raises(CheckpointError, match="weights of another model"):
        load_weights(torch.nn.Linear(2, 2), saved)


def test_frozen_weights_are_not_written():
    module = ToyPolicy().module
    module.embed.requires_grad_(False)
    saved = weights(module)
    assert "embed.weight" not in saved
    before = module.embed.weight.clone()
    load_weights(module, {name: value + 1 for name, value in saved.items()})
    assert torch.equal(module.embed.weight, before)
    assert module.head.bias.requires_grad


def test_nothing_to_resume(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Checkpoints(tmp_path, {}).load()


@pytest.mark.parametrize("damage", ["state.pt", "meta.json"])
def test_damage_names_the_way_out(tmp_path, damage):
    store = Checkpoints(tmp_path, {}, keep=2)
    for step in (1, 2):
        store.save(step, {"a": step})
    file = tmp_path / "step-000002" / damage
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(CheckpointError, match=r"step-000002.*damaged.*Delete it to resume from step 1"):
        store.load()
    assert store.load(1)[1] == {"a": 1}


def test_future_format(tmp_path):
    store = Checkpoints(tmp_path, {})
    store.save(1, {})
    meta = tmp_path / "step-000001" / "meta.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        store.load()


def test_generators_round_trip():
    state = rng_state()
    drawn = [torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()]
    set_rng_state(state)
    assert [torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()] == drawn
