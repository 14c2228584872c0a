"""Demonstrations: collected, written, read and replayed to the bit; what is wrong with a file is one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from robot_toys import ID, Slot

from vlgym_agents.robot.demonstrations import (
    DemonstrationError,
    Demonstrations,
    check,
    collect,
    read_hdf5,
    replay,
    write_hdf5,
)
from vlgym_agents.robot.lerobot import read_lerobot, write_lerobot


@pytest.fixture(scope="module")
def found() -> Demonstrations:
    return collect(Slot(4), 7, seed=3, env=ID, kwargs={"width": 0.05})


def same(a: Demonstrations, b: Demonstrations) -> None:
    assert (a.env, a.env_kwargs, a.mujoco_version, a.model_hash, a.tries) == (
        b.env,
        b.env_kwargs,
        b.mujoco_version,
        b.model_hash,
        b.tries,
    )
    assert len(a.episodes) == len(b.episodes)
    for x, y in zip(a.episodes, b.episodes):
        for name in ("observations", "actions", "rewards", "states"):
            assert np.array_equal(getattr(x, name), getattr(y, name)), name
        assert (x.task, x.seed, x.success) == (y.task, y.seed, y.success)


def test_only_successes_are_kept_in_the_order_they_began(found: Demonstrations) -> None:
    assert len(found.episodes) == 7
    assert found.tries >= 7
    for episode in found.episodes:
        assert episode.states is not None
        assert len(episode.states) == len(episode) + 1
        assert episode.rewards.tolist() == [0.0] * (len(episode) - 1) + [1.0]
        assert episode.states[-1][1] < -0.3


def test_equal_seeds_are_equal_demonstrations(found: Demonstrations) -> None:
    same(found, collect(Slot(4), 7, seed=3, env=ID, kwargs={"width": 0.05}))


def test_an_expert_that_fails_is_an_error() -> None:
    with pytest.raises(DemonstrationError, match="solved 0 of"):
        collect(Slot(4, max_steps=2), 2, seed=0)


def test_hdf5_and_lerobot_give_back_what_they_took(found: Demonstrations, tmp_path: Path) -> None:
    write_hdf5(tmp_path / "d.hdf5", found)
    same(found, read_hdf5(tmp_path / "d.hdf5"))
    write_lerobot(tmp_path / "set", found)
    same(found, read_lerobot(tmp_path / "set"))
    with pytest.raises(DemonstrationError, match="exists"):
        write_lerobot(tmp_path / "set", found)


def test_lerobot_of_many_episodes_in_one_table(found: Demonstrations, tmp_path: Path) -> None:
    """Layout 3 keeps all episodes in one table and the tasks in another."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_lerobot(tmp_path / "set", found)
    tables = [pq.read_table(path) for path in sorted((tmp_path / "set/data").rglob("*.parquet"))]
    for path in (tmp_path / "set/data").rglob("*.parquet"):
        path.unlink()
    pq.write_table(pa.concat_tables(reversed(tables)), tmp_path / "set/data/file-000.parquet")
    words = list(dict.fromkeys(episode.task for episode in found.episodes))
    (tmp_path / "set/meta/tasks.jsonl").unlink()
    table = pa.table({"task_index": list(range(len(words))), "task": words})
    pq.write_table(table, tmp_path / "set/meta/tasks.parquet")
    same(found, read_lerobot(tmp_path / "set"))


def test_replay_is_exact_and_says_where_it_is_not(found: Demonstrations) -> None:
    assert replay(found, Slot(3)) == found.steps
    with pytest.raises(DemonstrationError, match="model"):
        replay(found, Slot(3, width=0.06))
    with pytest.raises(DemonstrationError, match="install that version"):
        replay(replace(found, mujoco_version="0.0"), Slot(3))
    bad = replace(found.episodes[1], actions=found.episodes[1].actions * 0.99)
    spoilt = replace(found, episodes=[found.episodes[0], bad])
    with pytest.raises(DemonstrationError, match=r"Demonstration 1 differs .* step 1"):
        replay(spoilt, Slot(3))


def test_bad_files_are_one_sentence(found: Demonstrations, tmp_path: Path) -> None:
    path = tmp_path / "d.hdf5"
    with pytest.raises(DemonstrationError, match="no demonstration file"):
        read_hdf5(path)
    write_hdf5(path, found)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DemonstrationError, match="Cannot read demonstrations"):
        read_hdf5(path)
    path.write_bytes(b"not at all")
    with pytest.raises(DemonstrationError, match="Cannot read demonstrations"):
        read_hdf5(path)
    holes = replace(found.episodes[2], actions=np.full_like(found.episodes[2].actions, np.nan))
    with pytest.raises(DemonstrationError, match=r"Demonstration 1 of there has numbers that are not finite"):
        check(replace(found, episodes=[found.episodes[0], holes]), "there")
    with pytest.raises(DemonstrationError, match="no LeRobot dataset"):
        read_lerobot(tmp_path / "nothing")
    with pytest.raises(DemonstrationError, match="no demonstrations"):
        check(replace(found, episodes=[]), "it")


def test_a_foreign_robomimic_file_is_read(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "square.hdf5", "w") as file:
        for k in range(11):  # demo_10 comes after demo_9, not after demo_1
            group = file.create_group(f"data/demo_{k}")
            group["obs/robot0_eef_pos"] = np.full((5, 3), float(k))
            group["obs/object"] = np.full((5, 2), 2.0)
            group["obs/agentview_image"] = np.zeros((5, 4, 4, 3), np.uint8)
            group["actions"] = np.full((5, 7), 0.5, np.float32)
    found = read_hdf5(tmp_path / "square.hdf5")
    assert [episode.observations[0].tolist() for episode in found.episodes][10] == [2.0, 2.0, 10.0, 10.0, 10.0]
    assert read_hdf5(tmp_path / "square.hdf5", ["object"]).episodes[0].observations.shape == (5, 2)


def test_writing_leaves_the_old_file_when_it_fails(found: Demonstrations, tmp_path: Path) -> None:
    path = tmp_path / "d.hdf5"
    write_hdf5(path, found)
    before = path.read_bytes()
    spoilt = replace(found, episodes=[replace(found.episodes[0], task=None)])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write_hdf5(path, spoilt)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["d.hdf5"]
