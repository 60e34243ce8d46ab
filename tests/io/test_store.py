"""Stores: put in place whole, read back lazily."""

from pathlib import Path

import dask.array as da
import numpy as np
import pytest

from stemjax.io.store import create_frames, describe, lazy_frames, new_store, open_store, spans


def write(path: Path, value: int, *, fail: bool = False) -> None:
    """Write a store of three frames of one value."""
    with new_store(path) as group:
        array = create_frames(group, "rapid", (3, 4, 5), np.dtype("u2"))
        array[...] = np.full((3, 4, 5), value, np.uint16)
        if fail:
            raise ZeroDivisionError
        describe(group, [], {"value": value})


def test_a_store_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", 1)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.zarr", 2, fail=True)
    group, about = open_store(tmp_path / "a.zarr")
    assert about == {"value": 1}
    assert (group["rapid"][...] == 1).all()


def test_a_store_can_be_written_after_one_that_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.zarr", 1, fail=True)
    assert not (tmp_path / "a.zarr").exists()
    write(tmp_path / "a.zarr", 2)
    assert (open_store(tmp_path / "a.zarr")[0]["rapid"][...] == 2).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_lazy_frames_are_dask_chunks_of_one_frame(tmp_path: Path) -> None:
    write(tmp_path / "a.zarr", 7)
    frames = lazy_frames(open_store(tmp_path / "a.zarr")[0]["rapid"])
    assert isinstance(frames, da.Array)
    assert frames.chunks == ((1, 1, 1), (4,), (5,))
    np.testing.assert_array_equal(frames[1].compute(), np.full((4, 5), 7))


@pytest.mark.parametrize(
    ("frames", "expected"),
    [(1, [(0, 1)]), (50, [(0, 50)]), (120, [(0, 50), (50, 100), (100, 120)])],
)
def test_spans_are_fifty_frames_and_a_rest(frames: int, expected: list[tuple[int, int]]) -> None:
    found = [(span.start, span.stop) for span in spans((frames, 512, 512))]
    assert found == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(579, 50), (580, 49), (1024, 16), (2048, 4), (4096, 1), (10_000, 1)]
)
def test_a_shard_of_large_frames_holds_fewer(size: int, expected: int) -> None:
    """Never more pixels than 16 frames of 1024 x 1024, but for a frame that has more itself."""
    assert next(spans((200, size, size))) == slice(0, expected)
