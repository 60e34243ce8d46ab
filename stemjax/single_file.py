"""Restore a microscope's file outside the workflow: the same code, one file in, one out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import UInt16

from stemjax.dataset.geometry import map_or_identity
from stemjax.dataset.neighbours import surroundings
from stemjax.distortion.settings import check_scan
from stemjax.errors import Refused, UserError
from stemjax.io.checks import read_frames
from stemjax.io.convert import recorded_scan
from stemjax.io.image import RawImage
from stemjax.io.raw import pick_rapid
from stemjax.io.store import create_frames, new_store, spans
from stemjax.progress import meter, say
from stemjax.provenance import versions, written_aside
from stemjax.restore.frames import Restore, bind
from stemjax.restore.restorer import load_restorer, read_map
from stemjax.restore.series import describe_restored
from stemjax.sheet import Acquisition, split_title
from stemjax.typing import ColumnMask, Json

SUFFIXES = (".zarr", ".tif", ".tiff")
BLOCK = 10  # frames between two looks at the progress

Block = UInt16[np.ndarray, "t y x"]


def restore_file(
    row: Acquisition, model: str | Path, distortion: str | Path | None, output: Path
) -> None:
    """Write the restored frames of a file as OME-Zarr, as the workflow does, or as OME-TIFF.

    Args:
        row: the file as ``rapid``; pixel size and dwell time where it does not say.
        model: folder of a trained model.
        distortion: record of the map of its session; None to leave frames in rapid geometry.
        output: to write; ends in one of :data:`SUFFIXES`.

    Raises:
        UserError: file, model, map or output cannot be used, or the map is for other scans.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"{output}: restored frames are written as .zarr or .tif")
    if output.exists():
        raise UserError(f"{output} exists already; remove it, or name another output")
    if not Path(split_title(row.rapid)[0]).exists():
        raise UserError(f"{row.rapid}: there is no such file")
    restorer = load_restorer(model, "--model")
    try:
        rapid = pick_rapid(row.rapid)
        scan = recorded_scan(row, rapid)
        shape = rapid.frames.shape
        session = _session(row, distortion, {"scan": scan, "shape": list(shape[1:])})
        the_map = map_or_identity(session, shape[2])
        if session is None and restorer.record["config"]["correct"]:
            say("no --map is given: frames stay in rapid geometry")
        restore = bind(restorer.network, the_map, shape[1])
        blocks = _restored(row.rapid, rapid, restore, restorer.network.settings.unet.context)
        about = {
            "acquisition": row.acquisition,
            "geometry": "slow" if session else "rapid",
            "model": restorer.record["digest"],
            "map": session["digest"] if session else None,
            "correct": restorer.record["config"]["correct"],
            "versions": versions("jax", "flax"),
        }
        with _told(output):
            if output.suffix.lower() == ".zarr":
                _write_zarr(output, blocks, shape, scan, about, ~the_map.valid)
            else:
                _write_tiff(output, blocks, shape, scan, about)
    except Refused as refusal:
        raise UserError(str(refusal)) from None


@contextmanager
def _told(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror or error}") from None


def _session(row: Acquisition, distortion: str | Path | None, converted: Json) -> Json | None:
    if distortion is None:
        return None
    session = read_map(distortion)
    if lacking := {"scan", "digest"} - session.keys():
        raise UserError(f"{distortion} is no record of a map, it lacks '{min(lacking)}'")
    try:
        check_scan(row.acquisition, converted, session["scan"], f"the map {distortion}")
    except Refused as refusal:
        told = str(refusal).partition("; ")[0]
        raise UserError(f"{told}; give a map that was fitted to such scans") from None
    return session


def _restored(path: str, rapid: RawImage, restore: Restore, context: int) -> Iterator[Block]:
    """Yield the restored frames shard by shard, as they are written."""
    count = len(rapid.frames)
    advance = meter(count, "restore", bar=True)
    for unit in spans(rapid.frames.shape):
        needed, _ = surroundings(unit, context, count)
        raw = read_frames(path, rapid, needed)
        made = []
        for first in range(unit.start, unit.stop, BLOCK):
            block = slice(first, min(first + BLOCK, unit.stop))
            seen, inside = surroundings(block, context, count)
            made.append(restore(raw[seen.start - needed.start : seen.stop - needed.start], inside))
            for _ in made[-1]:
                advance()
        yield np.concatenate(made)


def _write_zarr(
    output: Path,
    blocks: Iterator[Block],
    shape: tuple[int, int, int],
    scan: Json,
    about: Json,
    extrapolated: ColumnMask,
) -> None:
    with new_store(output) as group:
        array = create_frames(group, "0", shape, np.dtype(np.uint16))
        for unit, block in zip(spans(shape), blocks, strict=True):
            array[unit] = block
        describe_restored(group, np.broadcast_to(extrapolated, shape[1:]).copy(), scan, about)


def _write_tiff(
    output: Path,
    blocks: Iterator[Block],
    shape: tuple[int, int, int],
    scan: Json,
    about: Json,
) -> None:
    pixel = {
        f"PhysicalSize{axis}{unit}": value
        for axis in "XY"
        for unit, value in (("", scan["pixel_size_nm"]), ("Unit", "nm"))
    }
    time = {"TimeIncrement": scan["frame_time_s"], "TimeIncrementUnit": "s"}
    said = {"Name": about["acquisition"], "Description": json.dumps(about)}
    metadata = {"axes": "TYX", **said, **pixel, **time}
    frames = (frame for block in blocks for frame in block)
    with written_aside(output) as aside:
        tifffile.imwrite(
            aside,
            frames,
            shape=shape,
            dtype=np.uint16,
            ome=True,
            bigtiff=True,
            photometric="minisblack",
            metadata=metadata,
        )
