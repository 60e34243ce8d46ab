"""Convert one acquisition's files into one OME-Zarr store."""

from pathlib import Path

import numpy as np

from stemjax.errors import Refused
from stemjax.io.raw import RawImage, pick_rapid, pick_still
from stemjax.io.store import create_frames, create_image, describe, multiscale, new_store, spans
from stemjax.progress import track
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
    with new_store(store) as group:
        described = [multiscale("rapid", pixel, frame_time)]
        total = len(rapid.frames)
        array = create_frames(group, "rapid", rapid.frames.shape, rapid.frames.dtype)
        digests = []
        for span in track(spans(total), -(-total // 50), f"convert {row.acquisition}"):
            frames = np.ascontiguousarray(rapid.frames[span].compute())
            array[span] = frames
            digests.append(digest(frames))
        for name, image in images.items():
            create_image(group, name, image)
            digests.append(digest(image))
            described.append(multiscale(name, pixel))
        describe(group, described, about)
    return {
        "digest": digest(*digests),
        "frames": total,
        "shape": list(rapid.frames.shape[1:]),
        "scan": {key: about[key] for key in (*_scan(row, rapid), "slow_dwell_us")},
        "slow": "slow" in stills,
        "dcfi": "dcfi" in stills,
        "versions": about["versions"],
    }


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
