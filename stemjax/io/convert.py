"""Convert one acquisition's files into one OME-Zarr store."""

from functools import partial
from pathlib import Path

import dask.array as da
import numpy as np
import zarr

from stemjax.errors import Refused
from stemjax.io.raw import RawImage, pick_rapid, pick_still
from stemjax.io.store import create_image, describe, multiscale, spans
from stemjax.io.units import open_frames, write_unit
from stemjax.progress import say, track
from stemjax.provenance import digest, file_sha256, versions
from stemjax.sheet import Acquisition, split_title
from stemjax.typing import AnyImage, Json


def convert_acquisition(row: Acquisition, store: str | Path) -> Json:
    """Write ``rapid`` (t, y, x), ``slow`` (y, x) and a given ``dcfi`` in raw geometry and values.

    Args:
        row: of the sheet: the files, and pixel size and dwell time where these do not say.
        store: the OME-Zarr store to write.

    Returns:
        What the record says: digest of the arrays, frames, shape, scan settings, versions.

    Raises:
        Refused: the files cannot be used; the message says why.
    """
    rapid = pick_rapid(row.rapid)
    stills = {}
    if row.slow:
        stills["slow"] = pick_still(row.slow, dcfi=False)
    if row.dcfi:
        stills["dcfi"] = pick_still(row.dcfi, dcfi=True)
    about = {
        "acquisition": row.acquisition,
        **_scan(row, rapid),
        "slow_dwell_us": stills["slow"].dwell_us if row.slow else None,
        "sources": {
            column: _source(path)
            for column, path in (("rapid", row.rapid), ("slow", row.slow), ("dcfi", row.dcfi))
            if path
        },
        "versions": versions("rosettasciio", "zarr"),
        "vendor": {"rapid": rapid.vendor, **{name: raw.vendor for name, raw in stills.items()}},
    }
    pixel, frame_time = about["pixel_size_nm"], about["frame_time_s"]
    images = {name: _still(row, name, raw, rapid) for name, raw in stills.items()}
    total = len(rapid.frames)
    group = open_frames(store, "rapid", rapid.frames.shape, rapid.frames.dtype)
    digests = _write_shards(group["rapid"], rapid.frames, Path(store), row.acquisition)
    for name in set(group) - {"rapid", *images}:
        del group[name]
    for name, image in images.items():
        create_image(group, name, image)
        digests.append(digest(image))
    described = [multiscale("rapid", pixel, frame_time)]
    describe(group, described + [multiscale(name, pixel) for name in images], about)
    return {
        "digest": digest(*digests),
        "frames": total,
        "shape": list(rapid.frames.shape[1:]),
        "scan": {key: about[key] for key in (*_scan(row, rapid), "slow_dwell_us")},
        "slow": "slow" in stills,
        "dcfi": "dcfi" in stills,
        "versions": about["versions"],
    }


def _write_shards(array: zarr.Array, frames: da.Array, store: Path, acquisition: str) -> list[str]:
    """Write what is new or changed; frames appended to a raw file cost only their own shards."""
    digests, written = [], 0
    units = list(spans(len(frames)))
    for unit in track(units, len(units), f"convert {acquisition}"):
        block = np.ascontiguousarray(frames[unit].compute())
        made, new = write_unit(
            array, unit, store.with_suffix(".units"), digest(block), partial(np.asarray, block)
        )
        digests.append(made)
        written += new
    say(f"convert {acquisition}: {written} of {len(units)} shards written")
    return digests


def _scan(row: Acquisition, rapid: RawImage) -> Json:
    pixel = rapid.pixel_size_nm or row.pixel_size_nm
    dwell = rapid.dwell_us or row.dwell_us
    for value, column in ((pixel, "pixel_size_nm"), (dwell, "dwell_us")):
        if value is None:
            raise Refused(f"{row.rapid}: does not say its {column}; give it in the sheet's column")
    height, width = rapid.frames.shape[1:]
    line_time = rapid.line_time_us or width * dwell
    return {
        "pixel_size_nm": pixel,
        "dwell_us": dwell,
        "line_time_us": line_time,
        "frame_time_s": rapid.frame_time_s or height * line_time * 1e-6,
        "rotation_rad": rapid.rotation_rad,
    }


def _still(row: Acquisition, name: str, raw: RawImage, rapid: RawImage) -> AnyImage:
    if raw.frames.shape[1:] != rapid.frames.shape[1:]:
        raise Refused(
            f"{getattr(row, name)}: {raw.describe()} is not of the size of the rapid frames "
            f"{rapid.describe()}"
        )
    return np.ascontiguousarray(raw.frames[-1].compute())


def _source(path: str) -> Json:
    file, title = split_title(path)
    return {"file": Path(file).name, "title": title, "sha256": file_sha256(file)}
