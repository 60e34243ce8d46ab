"""Restore an acquisition unit by unit, from Zarr to Zarr."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dask.array as da
import numpy as np

from stemjax.dataset.geometry import map_or_identity, read_session
from stemjax.io.store import create_image, describe, lazy_frames, multiscale, open_store, spans
from stemjax.io.units import open_frames, write_unit
from stemjax.progress import say, track
from stemjax.provenance import digest, versions
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

    Without a map, a model that needs none leaves the frames in rapid geometry.

    Args:
        inputs: records of the conversion, the session's map and the model.
        store: OME-Zarr store to write or to go on with.
        code: digest of the code; units of other code are made again.

    Returns:
        The record: ``digest``, ``frames``, ``shape``, and ``geometry``, slow or rapid.

    Raises:
        Refused: one of the inputs was refused and is needed, or the map is for other scan
            settings.
    """
    converted = read_record(inputs.converted)
    model = read_record(inputs.model)
    name, correct = inputs.converted.stem, model["config"]["correct"]
    session = read_session(name, converted, inputs.distortion, needed=correct)
    source, about = open_store(inputs.converted.with_suffix(".zarr"))
    shape = source["rapid"].shape
    the_map = map_or_identity(session, shape[2])
    made_from = {
        "model": model["digest"],
        "map": session["digest"] if session else None,
        "correct": correct,
        "code": code,
    }
    target = open_frames(store, "0", shape, np.dtype(np.uint16))
    restore = make_restore(inputs.model.parent, the_map, shape[1])
    frames = lazy_frames(source["rapid"])
    units = list(spans(shape[0]))
    digests, computed = [], 0
    for unit in track(units, len(units), f"restore {name}"):
        raw = frames[unit].compute()
        made, new = write_unit(
            target["0"],
            unit,
            Path(store).with_suffix(".units"),
            digest(raw, made_from),
            partial(_restore_unit, raw, restore),
        )
        digests.append(made)
        computed += new
    say(f"restore {name}: {computed} of {len(units)} units computed")
    pixel, frame_time = about["pixel_size_nm"], about["frame_time_s"]
    geometry = "slow" if session else "rapid"
    origin = {"acquisition": name, "geometry": geometry, **made_from}
    origin["versions"] = versions("jax", "flax")
    described = [{**multiscale("0", pixel, frame_time), "name": name}]
    mask = np.broadcast_to(~the_map.valid, shape[1:])
    create_image(target, "mask", np.ascontiguousarray(mask))
    describe(target, described, origin)
    return {
        "digest": digest(*digests, mask.copy()),
        "frames": converted["frames"],
        "shape": converted["shape"],
        "geometry": geometry,
        "versions": origin["versions"],
    }


def _restore_unit(raw: np.ndarray, restore: Restore) -> tuple[np.ndarray, str]:
    blocks = da.from_array(raw, chunks=(BATCH, *raw.shape[1:]))
    made = blocks.map_blocks(restore, dtype=np.uint16, meta=raw[:0].astype(np.uint16)).compute()
    return made, digest(made)
