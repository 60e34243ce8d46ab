"""Units of work: the shards of a (t, y, x) array, each kept while what it is made from is equal."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import zarr

from stemjax.io.store import create_frames, shard_frames
from stemjax.provenance import digest, read_json, write_json
from stemjax.typing import AnyFrames


def open_frames(
    path: str | Path, name: str, shape: tuple[int, int, int], dtype: np.dtype
) -> zarr.Group:
    """Open a store and fit its frames to `shape`; start anew where they are stored otherwise.

    Jobs that share out a series may do so at the same time.
    """
    path = Path(path)
    there = _frames_in(path, name)
    stored = (shape[1:], dtype, (shard_frames(*shape[1:]), *shape[1:]))
    if there is None or (there.shape[1:], there.dtype, there.shards) != stored:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as aside:
            new, old = Path(aside) / "new", Path(aside) / "old"
            create_frames(zarr.create_group(new), name, shape, dtype)
            with suppress(FileNotFoundError):
                path.rename(old)
            with suppress(OSError):  # another job was faster: its store is there, and as good
                new.rename(path)
    elif there.shape != shape:
        there.resize(shape)
    return zarr.open_group(path, mode="r+")


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
