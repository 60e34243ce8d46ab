"""OME-Zarr 0.5 stores: how every stage writes image arrays and reads them back."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask.array as da
import numpy as np
import zarr
from jaxtyping import Shaped

from stemjax.typing import Json

SHARD = 50  # frames of a shard at most: one file, the unit of appending and restoring
SHARD_PIXELS = 16 * 1024**2  # at most: whole shards are held in memory
FORMAT = "0.5"


@contextmanager
def new_store(path: str | Path) -> Iterator[zarr.Group]:
    """Give an empty group beside `path` and put it in its place if the body succeeds."""
    path = Path(path)
    aside = path.with_name(f".{path.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        yield zarr.create_group(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)


def create_frames(
    group: zarr.Group, name: str, shape: tuple[int, int, int], dtype: np.dtype
) -> zarr.Array:
    """Create a (t, y, x) array: one frame to a chunk, :func:`shard_frames` to a file."""
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(1, *shape[1:]),
        shards=(shard_frames(*shape[1:]), *shape[1:]),
        dimension_names=("t", "y", "x"),
    )


def create_image(group: zarr.Group, name: str, image: Shaped[np.ndarray, "y x"]) -> zarr.Array:
    """Write a (y, x) image as an array of one chunk, in the place of an earlier one."""
    array = group.create_array(
        name,
        shape=image.shape,
        dtype=image.dtype,
        chunks=image.shape,
        dimension_names=("y", "x"),
        overwrite=True,
    )
    array[...] = image
    return array


def shard_frames(height: int, width: int) -> int:
    """Count the frames of a shard: :data:`SHARD`, fewer where frames are larger than 579^2."""
    return min(SHARD, max(1, SHARD_PIXELS // (height * width)))


def spans(shape: tuple[int, int, int]) -> Iterator[slice]:
    """Split frames of a shape (t, y, x) into shards."""
    frames, step = shape[0], shard_frames(*shape[1:])
    return (slice(k, min(k + step, frames)) for k in range(0, frames, step))


def multiscale(name: str, pixel_size_nm: float, frame_time_s: float | None = None) -> Json:
    """Describe one array as OME-NGFF 0.5 wants it; with `frame_time_s`, a series."""
    axes = [
        {"name": "y", "type": "space", "unit": "nanometer"},
        {"name": "x", "type": "space", "unit": "nanometer"},
    ]
    scale = [pixel_size_nm, pixel_size_nm]
    if frame_time_s is not None:
        axes.insert(0, {"name": "t", "type": "time", "unit": "second"})
        scale.insert(0, frame_time_s)
    transformation = {"type": "scale", "scale": scale}
    return {
        "name": name,
        "axes": axes,
        "datasets": [{"path": name, "coordinateTransformations": [transformation]}],
    }


def describe(group: zarr.Group, multiscales: list[Json], about: Json) -> None:
    """Write the OME-NGFF attributes and, under ``stemjax``, what else there is to say."""
    group.attrs.update({"ome": {"version": FORMAT, "multiscales": multiscales}, "stemjax": about})


def open_store(path: str | Path) -> tuple[zarr.Group, Json]:
    """Open a store for reading, with its ``stemjax`` attributes."""
    group = zarr.open_group(path, mode="r")
    return group, dict(group.attrs["stemjax"])


def lazy_frames(array: zarr.Array) -> da.Array:
    """Give a (t, y, x) array of a store as a Dask array, one frame to a chunk."""
    return da.from_zarr(array, chunks=(1, *array.shape[1:]))
