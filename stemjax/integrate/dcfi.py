"""Integrate the rapid frames of an acquisition along its drift."""

from pathlib import Path

import dask.array as da
import numpy as np
from scipy.ndimage import shift

from stemjax.integrate.align import Track, measure_drift
from stemjax.io.store import create_image, describe, lazy_frames, multiscale, new_store, open_store
from stemjax.progress import track
from stemjax.provenance import digest, versions
from stemjax.records import read_record
from stemjax.typing import AnyFrames, Image, Json

FINAL_STATE = 50  # frames of a series that are integrated: those nearest to its slow scan


def integrate(frames: da.Array | AnyFrames, drift: Track, label: str = "") -> Image:
    """Average frames after moving each back by its drift (cubic spline, edges held).

    Args:
        frames: (t, y, x), read one frame at a time.
        drift: (t, yx) in pixels, as from :func:`~stemjax.integrate.align.measure_drift`.
        label: what the progress line calls the work.

    Returns:
        The mean, float32, in the frames' own geometry and intensity.
    """
    total = np.zeros(frames[0].shape)
    for k in track(range(len(drift)), len(drift), f"integrate {label}"):
        total += shift(np.asarray(frames[k], dtype=float), -drift[k], order=3, mode="nearest")
    return (total / len(drift)).astype(np.float32)


def integrate_acquisition(
    converted: str | Path, record: str | Path, store: str | Path, *, series: bool
) -> Json:
    """Write ``dcfi`` (y, x) and the ``drift`` (t, yx) of the frames it was made from.

    A DCFI image that came with the acquisition is taken as it is; the drift is measured all the
    same. Of a series only the final state is integrated.

    Args:
        converted: store of the acquisition.
        record: of the conversion.
        store: to write.
        series: whether the acquisition is an in-situ series.

    Raises:
        Refused: the conversion was refused.
    """
    upstream = read_record(record)
    source, about = open_store(converted)
    count = upstream["frames"]
    first = max(0, count - FINAL_STATE) if series else 0
    frames = lazy_frames(source["rapid"])[first:]
    drift = measure_drift(frames)
    if upstream["dcfi"]:
        image = np.asarray(source["dcfi"][...], dtype=np.float32)
    else:
        image = integrate(frames, drift, about["acquisition"])
    with new_store(store) as group:
        create_image(group, "dcfi", image)
        group.create_array("drift", data=drift)
        described = [multiscale("dcfi", about["pixel_size_nm"])]
        describe(group, described, {"acquisition": about["acquisition"], "first_frame": first})
    return {
        "digest": digest(image, drift),
        "frames": len(drift),
        "first_frame": first,
        "computed": not upstream["dcfi"],
        "versions": versions("scikit-image", "scipy"),
    }
