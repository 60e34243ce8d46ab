"""Units of work: the shards of a (t, y, x) array, each kept while what it is made from is equal."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import zarr

from stemjax.io.store import create_frames, new_store, shard_frames
from stemjax.provenance import digest, read_json, write_json
from stemjax.typing import AnyFrames


def open_frames(
    path: str | Path, name: str, shape: tuple[int, int, int], dtype: np.dtype
) -> zarr.Group:
    """Open a store and fit its frames to `shape`; start anew where they are stored otherwise.

    Jobs that share out a series may do so at the same time.
    """
    path = Path(path)
    stored = (shape[1:], dtype, (shard_frames(*shape[1:]), *shape[1:]))
    with _one_at_a_time(path):
        there = _frames_in(path, name)
        if there is None or (there.shape[1:], there.dtype, there.shards) != stored:
            with new_store(path) as group:
                create_frames(group, name, shape, dtype)
        elif there.shape != shape:
            there.resize(shape)
    return zarr.open_group(path, mode="r+")


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as file:
        with suppress(OSError):  # a file system without locks: as good as it gets
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _frames_in(path: Path, name: str) -> zarr.Array | None:
    try:
        return zarr.open_group(path, mode="r+").get(name)
    except (FileNotFoundError, zarr.errors.GroupNotFoundError):
        return None


def write_unit(
    array: zarr.Array,
    span: slice,
    labels: str | Path,
    identity: str,
    make: Callable[[], tuple[AnyFrames, str]],
) -> tuple[str, bool]:
    """Write one shard unless it is there, whole, and was made from the same input.

    A label beside the store says what a shard was made from and what it holds. It is taken away
    before the shard is touched and written after it, so that a killed job leaves no false one;
    the shard itself zarr writes aside and renames.

    Args:
        array: (t, y, x) frames of a store.
        span: frames of the unit.
        labels: folder of the labels.
        identity: digest of what the unit is made from.
        make: gives the unit's frames and their digest.

    Returns:
        Digest of the unit's frames, and whether they had to be made.
    """
    label = Path(labels) / f"{span.start // array.shards[0]}.json"
    kept = read_json(label) if label.exists() else {}
    if kept.get("input") == identity and kept["output"] == digest(array[span]):
        return str(kept["output"]), False
    label.unlink(missing_ok=True)
    frames, made = make()
    array[span] = frames
    write_json(label, {"input": identity, "output": made})
    return made, True
