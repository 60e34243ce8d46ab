"""Shards that are kept while what they are made from is equal, and never half-written."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zarr

from stemjax.io.store import SHARD
from stemjax.io.units import open_frames, write_unit
from stemjax.provenance import digest

FRAMES = np.arange(120 * 4 * 4, dtype=np.uint16).reshape(120, 4, 4)


def write(folder: Path, frames: np.ndarray, unit: int) -> bool:
    """Write one unit; tells whether it had to be made."""
    array = open_frames(folder / "a.zarr", "0", frames.shape, frames.dtype)["0"]
    span = slice(unit * SHARD, min((unit + 1) * SHARD, len(frames)))
    block = frames[span]
    made = digest(block)
    label = str(block.sum())
    return write_unit(array, span, folder / "a.units", label, lambda: (block, made))[1]


def stored(folder: Path) -> np.ndarray:
    """Read the frames back."""
    return zarr.open_group(folder / "a.zarr", mode="r")["0"][...]


def test_a_unit_is_made_once(tmp_path: Path) -> None:
    assert [write(tmp_path, FRAMES, k) for k in (0, 1, 2, 0, 1, 2)] == [True] * 3 + [False] * 3
    np.testing.assert_array_equal(stored(tmp_path), FRAMES)


def test_appended_frames_make_their_own_and_touched_units(tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path, FRAMES[:110], k)
    assert [write(tmp_path, FRAMES, k) for k in range(3)] == [False, False, True]
    np.testing.assert_array_equal(stored(tmp_path), FRAMES)


def test_a_lost_shard_is_made_again(tmp_path: Path) -> None:
    write(tmp_path, FRAMES, 0)
    (tmp_path / "a.zarr/0/c/0/0/0").unlink()
    assert write(tmp_path, FRAMES, 0)
    np.testing.assert_array_equal(stored(tmp_path)[:SHARD], FRAMES[:SHARD])


def test_a_unit_that_failed_has_no_label(tmp_path: Path) -> None:
    write(tmp_path, FRAMES, 0)
    array = open_frames(tmp_path / "a.zarr", "0", FRAMES.shape, FRAMES.dtype)["0"]

    def killed() -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_unit(array, slice(0, SHARD), tmp_path / "a.units", "other", killed)
    assert not (tmp_path / "a.units/0.json").exists()
    assert write(tmp_path, FRAMES, 0)


@pytest.mark.parametrize("before", [None, np.float32])
def test_jobs_that_share_out_a_series_start_its_store_once(
    tmp_path: Path, before: type | None
) -> None:
    """Where there is none, and where there is one of another type."""
    if before:
        open_frames(tmp_path / "a.zarr", "0", FRAMES.shape, np.dtype(before))
    with ThreadPoolExecutor(3) as jobs:
        assert all(jobs.map(lambda unit: write(tmp_path, FRAMES, unit), range(3)))
    np.testing.assert_array_equal(stored(tmp_path), FRAMES)


def test_frames_of_another_dtype_start_the_store_anew(tmp_path: Path) -> None:
    write(tmp_path, FRAMES, 0)
    group = open_frames(tmp_path / "a.zarr", "0", FRAMES.shape, np.dtype(np.float32))
    assert group["0"].dtype == np.float32
    assert not np.any(group["0"][...])
