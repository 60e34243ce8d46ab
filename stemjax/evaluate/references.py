"""What an acquisition's frames are compared with, on the slow grid."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import shift

from stemjax.distortion.lag import lag_from_json
from stemjax.distortion.map import DistortionMap, from_json, warp_matrices
from stemjax.distortion.offset import field_offset
from stemjax.distortion.session import check_scan
from stemjax.io.store import open_store
from stemjax.records import read_record
from stemjax.sheet import Acquisition
from stemjax.typing import Frames, Image

BORDER = 8  # pixels beside invalid columns and the frame's edge that are not judged


@dataclass(frozen=True)
class References:
    """Frames to judge and what they should look like.

    Attributes:
        index: numbers of the frames in the acquisition.
        rapid: the undistorted rapid frames.
        dcfi: for each frame the undistorted integration moved onto it, None where the
            integrated frames show another state.
        slow: for each frame the slow scan moved onto it, None where it shows another state.
        truth: for each frame the ideal restoration, None outside simulations.
        inside: rows and columns that are judged.
    """

    index: Int[np.ndarray, " t"]
    rapid: Frames
    dcfi: list[Image | None]
    slow: list[Image | None]
    truth: list[Image | None]
    inside: tuple[slice, slice]


def load_references(
    row: Acquisition, converted: Path, dcfi: Path, distortion: Path, frames: int
) -> References:
    """Load evenly spaced frames of an acquisition and all that they can be compared with.

    Args:
        row: of the sheet; names the truth.
        converted: record of the conversion.
        dcfi: record of the integration.
        distortion: record of the session's map.
        frames: how many to load.

    Raises:
        Refused: one of the records says so, or the map is for other scan settings.
    """
    acquired = read_record(converted)
    count = acquired["frames"]
    session = read_record(distortion)
    check_scan(row.acquisition, acquired, session["scan"], f"the map of '{row.session}'")
    the_map = from_json(session)
    source, _ = open_store(converted.with_suffix(".zarr"))
    read_record(dcfi)
    integrated, about = open_store(dcfi.with_suffix(".zarr"))
    first = about["first_frame"]
    index = chosen_frames(count, frames, first)
    chosen = index.tolist()
    rows, columns = warp_matrices(the_map, source["rapid"].shape[1])
    raw = np.stack([np.asarray(source["rapid"][k], np.float32) for k in chosen])
    still = rows @ np.asarray(integrated["dcfi"], np.float32) @ columns
    drift = np.zeros((count, 2))
    drift[first:] = integrated["drift"]
    offset = np.zeros(2)
    if "slow" in source:
        slow = np.asarray(source["slow"], float)
        lag = lag_from_json(session["lag"])
        offset = field_offset(the_map, lag, np.asarray(integrated["dcfi"]), slow)

    def moved(image: Image, frame: int, by: Float[np.ndarray, " yx"]) -> Image | None:
        return shift(image, by, order=3, mode="nearest") if frame >= first else None

    return References(
        index=index,
        rapid=rows @ raw @ columns,
        dcfi=[moved(still, k, drift[k]) for k in chosen],
        slow=[moved(slow, k, drift[k] - offset) if "slow" in source else None for k in chosen],
        truth=_truth(row.truth, index),
        inside=judged(the_map, source["rapid"].shape[1]),
    )


def chosen_frames(count: int, wanted: int, final: int) -> Int[np.ndarray, " t"]:
    """Choose frames evenly; of a series also from its final state on, which the slow scan shows."""
    whole = np.linspace(0, count - 1, min(wanted, count))
    end = np.linspace(final, count - 1, min(wanted, count - final)) if final else whole
    return np.unique(np.concatenate([whole, end]).round().astype(int))


def judged(the_map: DistortionMap, height: int) -> tuple[slice, slice]:
    """Rows and columns that the rapid frame saw, without a border."""
    seen = np.flatnonzero(the_map.valid)
    edge = BORDER + int(np.ceil(abs(the_map.row_shift)))
    return slice(edge, height - edge), slice(int(seen[0]) + BORDER, int(seen[-1]) + 1 - BORDER)


def _truth(path: str, index: Int[np.ndarray, " t"]) -> list[Image | None]:
    if not path:
        return [None] * len(index)
    with h5py.File(path) as file:
        return [np.asarray(file["clean"][int(k)], float) for k in index]
