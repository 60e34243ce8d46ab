"""Restore an acquisition unit by unit, from Zarr to Zarr."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from stemjax.distortion.map import from_json
from stemjax.distortion.session import check_scan
from stemjax.io.store import (
    create_frames,
    create_image,
    describe,
    lazy_frames,
    multiscale,
    open_store,
    spans,
)
from stemjax.progress import say, track
from stemjax.provenance import digest, read_json, versions, write_json
from stemjax.records import read_record
from stemjax.restore.frames import BATCH, Restore, make_restore
from stemjax.typing import Json


@dataclass(frozen=True)
class Inputs:
    """What a restored acquisition is made from: records, each beside its store or folder."""

    converted: Path
    distortion: Path
    model: Path


def restore_acquisition(inputs: Inputs, store: str | Path, code: str) -> Json:
    """Write the restored frames ``0`` (t, y, x) and ``mask`` (y, x), true where extrapolated.

    The unit of work is one shard of frames. A finished unit keeps the digest of what it was made
    from, and is not made again while that is equal: a killed job loses one unit, and appended
    frames cost only their own.

    Args:
        inputs: records of the conversion, the session's map and the model.
        store: OME-Zarr store to write or to go on with.
        code: digest of the code; units of other code are made again.

    Raises:
        Refused: one of the inputs was refused, or the map is for other scan settings.
    """
    converted = read_record(inputs.converted)
    session = read_record(inputs.distortion)
    model = read_record(inputs.model)
    name = inputs.converted.stem
    check_scan(name, converted, session["scan"], f"the map of '{inputs.distortion.stem}'")
    source, about = open_store(inputs.converted.with_suffix(".zarr"))
    the_map = from_json(session)
    shape = source["rapid"].shape
    made_from = {"model": model["digest"], "map": session["digest"], "code": code}
    target = _open(Path(store), shape)
    restore = make_restore(inputs.model.parent, the_map, shape[1])
    frames = lazy_frames(source["rapid"])
    units = list(spans(shape[0]))
    digests, computed = [], 0
    for unit in track(units, len(units), f"restore {name}"):
        label = Path(store).with_suffix(".units") / f"{unit.start // target['0'].shards[0]}.json"
        raw = frames[unit].compute()
        identity = digest(raw, made_from)
        kept = read_json(label) if label.exists() else {}
        # The label alone would vouch for a shard that was deleted or overwritten since.
        if kept.get("input") != identity or kept["output"] != digest(target["0"][unit]):
            output = _restore_unit(raw, restore)
            target["0"][unit] = output  # one shard: zarr writes it aside and renames it
            kept = {"input": identity, "output": digest(output)}
            write_json(label, kept)
            computed += 1
        digests.append(kept["output"])
    say(f"restore {name}: {computed} of {len(units)} units computed")
    pixel, frame_time = about["pixel_size_nm"], about["frame_time_s"]
    origin = {"acquisition": name, **made_from, "versions": versions("jax", "flax")}
    described = [{**multiscale("0", pixel, frame_time), "name": name}]
    mask = np.broadcast_to(~the_map.valid, shape[1:])
    if "mask" in target:
        target["mask"][...] = mask
    else:
        create_image(target, "mask", np.ascontiguousarray(mask))
    describe(target, described, origin)
    return {
        "digest": digest(*digests, mask.copy()),
        "frames": converted["frames"],
        "shape": converted["shape"],
        "versions": origin["versions"],
    }


def _restore_unit(raw: np.ndarray, restore: Restore) -> np.ndarray:
    import dask.array as da

    blocks = da.from_array(raw, chunks=(BATCH, *raw.shape[1:]))
    return blocks.map_blocks(restore, dtype=np.uint16, meta=raw[:0].astype(np.uint16)).compute()


def _open(path: Path, shape: tuple[int, int, int]) -> zarr.Group:
    """Open the store and fit it to the number of frames; start anew where frames differ in size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.open_group(path, mode="a")
    if "0" not in group or group["0"].shape[1:] != shape[1:]:
        group = zarr.create_group(path, overwrite=True)
        create_frames(group, "0", shape, np.dtype(np.uint16))
    elif group["0"].shape != shape:
        group["0"].resize(shape)
    return group
