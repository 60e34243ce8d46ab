"""What an acquisition's frames are compared with, on the slow grid or in rapid geometry."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from jaxtyping import Float, Int
from scipy.ndimage import shift

from stemjax.dataset.geometry import map_or_identity, read_session
from stemjax.distortion.lag import Lag, lag_from_json
from stemjax.distortion.map import DistortionMap, undistort, warp_matrices
from stemjax.distortion.offset import as_rapid_matrix, field_offset
from stemjax.evaluate.metrics import data_range
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
        raw: the rapid frames as recorded.
        still: for each frame the integration as recorded, moved onto it, None where the
            integrated frames show another state.
        rapid: the rapid frames, undistorted where there is a map.
        dcfi: for each frame the integration, undistorted likewise, moved onto it, None where
            the integrated frames show another state.
        slow: for each frame the slow scan moved onto it, None where it shows another state.
        truth: for each frame the ideal restoration, None outside simulations.
        inside: rows and columns that are judged.
        geometry: of all but `raw` and `still`; in rapid geometry there is neither slow scan nor
            truth.
        warp: matrices that undistort frames.
        distortion: the map they belong to.
        lag: the detector's response, None without a map.
        pixel_size_nm: of both scans.
        integrated: how many frames the integration is the mean of, each of its frames among
            them; 0 where it came with the acquisition and does not tell.
    """

    index: Int[np.ndarray, " t"]
    raw: Frames
    still: list[Image | None]
    rapid: Frames
    dcfi: list[Image | None]
    slow: list[Image | None]
    truth: list[Image | None]
    inside: tuple[slice, slice]
    geometry: Literal["slow", "rapid"]
    warp: tuple[Float[np.ndarray, "y y"], Float[np.ndarray, "x x"]]
    distortion: DistortionMap
    lag: Lag | None
    pixel_size_nm: float
    integrated: int

    def of_frame(self, k: int) -> dict[str, Image]:
        """Name what the frame at place `k` is compared with, as far as there is any, best first.

        The integration has the frames' lag and their noise in it: it is a reference only where
        there is no better one, and not of the single frame that it is. An image without contrast
        shows nothing to compare with.
        """
        if self.geometry == "rapid":
            named = {"dcfi": None if self.integrated == 1 else self.dcfi[k]}
        else:
            named = {"slow": self.slow[k], "truth": self.truth[k]}
        return {
            name: image
            for name, image in named.items()
            if image is not None and data_range(image[self.inside]) > 0
        }

    def as_rapid(self) -> Float[np.ndarray, "x x"]:
        """Give the matrix that makes of an undistorted image what a rapid frame shows of it.

        That is, undistorted once more: ``image @ matrix`` lags, and is otherwise where it was.

        Raises:
            ValueError: without a map nothing is known of the lag.
        """
        if self.lag is None:
            raise ValueError("there is no map, so the lag is not known")
        return as_rapid_matrix(self.distortion, self.lag) @ self.warp[1]


def load_references(
    row: Acquisition, converted: Path, dcfi: Path, distortion: Path, frames: int
) -> References:
    """Load evenly spaced frames of an acquisition and all that they can be compared with.

    Without a map they stay in rapid geometry, where that is their integration alone.

    Args:
        row: of the sheet; names the truth.
        converted: record of the conversion.
        dcfi: record of the integration.
        distortion: record of the session's map.
        frames: how many to load.

    Raises:
        Refused: conversion or integration was, or the map is for other scan settings.
    """
    acquired = read_record(converted)
    count = acquired["frames"]
    computed = read_record(dcfi)["computed"]
    session = read_session(row.acquisition, acquired, distortion, needed=False)
    source, scan = open_store(converted.with_suffix(".zarr"))
    the_map = map_or_identity(session, source["rapid"].shape[2])
    integrated, about = open_store(dcfi.with_suffix(".zarr"))
    first = about["first_frame"]
    index = chosen_frames(count, frames, first)
    chosen = index.tolist()
    warp = warp_matrices(the_map, source["rapid"].shape[1])
    raw = np.stack([np.asarray(source["rapid"][k], np.float32) for k in chosen])
    still = np.asarray(integrated["dcfi"], np.float32)
    drift = np.zeros((count, 2))
    drift[first:] = integrated["drift"]
    slow, offset = None, np.zeros(2)
    lag = lag_from_json(session["lag"]) if session else None
    if lag and "slow" in source:
        slow = np.asarray(source["slow"], float)
        offset = field_offset(the_map, lag, still, slow)

    def moved(image: Image | None, frame: int, by: Float[np.ndarray, " yx"]) -> Image | None:
        if image is None or frame < first:
            return None
        return shift(image, by, order=3, mode="nearest")

    undistorted = undistort(still, *warp)
    return References(
        index=index,
        raw=raw,
        still=[moved(still, k, drift[k]) for k in chosen],
        rapid=undistort(raw, *warp),
        dcfi=[moved(undistorted, k, drift[k]) for k in chosen],
        slow=[moved(slow, k, drift[k] - offset) for k in chosen],
        truth=_truth(row.truth if session else "", index),
        inside=judged(the_map, source["rapid"].shape[1]),
        geometry="slow" if session else "rapid",
        warp=warp,
        distortion=the_map,
        lag=lag,
        pixel_size_nm=scan["pixel_size_nm"],
        integrated=count - first if computed else 0,
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
