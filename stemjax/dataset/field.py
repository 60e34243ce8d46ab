"""Load the pairs of one field of view, on the slow grid or in rapid geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stemjax.dataset.geometry import map_or_identity
from stemjax.dataset.scale import Scale
from stemjax.distortion.lag import lag_from_json
from stemjax.distortion.map import DistortionMap, undistort, warp_matrices
from stemjax.distortion.offset import field_offset
from stemjax.io.store import open_store
from stemjax.records import read_record
from stemjax.typing import Frames, Image

Paths = tuple[str, str, str | None]  # records of conversion, integration and map, if any

BORDER = 3  # pixels beside the edge of what both scans saw, which interpolation touches


@dataclass(frozen=True)
class FieldPairs:
    """Rapid frames of one field of view, with the target of them all.

    Attributes:
        rapid: (t, y, x) undistorted, unless they stay in rapid geometry, and moved onto the target.
        target: (y, x); None where the target of a frame is any other one.
        inside: first and last + 1 row and column that both scans saw.
    """

    rapid: Frames
    target: Image | None
    inside: tuple[int, int, int, int]


@dataclass(frozen=True)
class Place:
    """Where rapid frames of a field of view lie.

    Attributes:
        distortion: the map that they go through.
        shift: (y, x) of the undistorted field in the slow scan, in pixels.
        moves: (t, yx) by which each frame is moved back, drift without shift, in pixels.
        inside: as of :class:`FieldPairs`.
    """

    distortion: DistortionMap
    shift: Float[np.ndarray, " 2"]
    moves: Float[np.ndarray, "t 2"]
    inside: tuple[int, int, int, int]


def place_field(
    converted: str | Path, dcfi: str | Path, distortion: str | Path | None, frames: Sequence[int]
) -> Place:
    """Tell where frames of one acquisition lie; without a map and its shift, by drift alone.

    Args:
        converted: record of the conversion; its store lies beside it.
        dcfi: record of the integration.
        distortion: record of the session's map; None for rapid geometry.
        frames: which to place.
    """
    converted = Path(converted)
    session = read_record(distortion) if distortion else None
    source, _ = open_store(converted.with_suffix(".zarr"))
    integrated, _ = open_store(Path(dcfi).with_suffix(".zarr"))
    height, width = source["rapid"].shape[1:]
    the_map = map_or_identity(session, width)
    shift = np.zeros(2)
    if session and converted.stem in session["shifts"]:
        shift = np.array(session["shifts"][converted.stem], float)
    elif session and "slow" in source:  # the map was fitted before this field of view was there
        lag, mean = lag_from_json(session["lag"]), np.asarray(integrated["dcfi"], np.float32)
        shift = field_offset(the_map, lag, mean, np.asarray(source["slow"]))
    moves = np.asarray(integrated["drift"])[list(frames)] - shift
    border = BORDER + int(np.ceil(np.abs(moves).max()))
    seen = np.flatnonzero(the_map.valid)
    top = border + int(np.ceil(max(-the_map.row_shift, 0)))
    bottom = height - border - int(np.ceil(max(the_map.row_shift, 0)))
    inside = (top, bottom, int(seen[0]) + border, int(seen[-1]) + 1 - border)
    return Place(the_map, shift, moves, inside)


def read_target(converted: str | Path, dcfi: str | Path, target: str) -> Image | None:
    """Read the still image that is the target of all frames, as recorded; None for ``rapid``."""
    if target == "rapid":
        return None
    stage = converted if target == "slow" else dcfi
    return np.asarray(open_store(Path(stage).with_suffix(".zarr"))[0][target], np.float32)


def load_field(
    converted: str | Path,
    dcfi: str | Path,
    distortion: str | Path | None,
    target: str,
    frames: Sequence[int],
    scale: Scale | None = None,
) -> FieldPairs:
    """Load frames of one acquisition onto the slow grid, or as they were recorded.

    Each frame is moved by its own drift and the field's offset, so that it lies on the slow
    scan; the target itself is not interpolated (a DCFI target is mapped as the frames are).
    In rapid geometry a frame is moved by its drift alone. Without a slow scan there is no offset.

    Args:
        converted: record of the conversion; its store lies beside it.
        dcfi: record of the integration.
        distortion: record of the session's map; None for rapid geometry.
        target: ``slow``, ``dcfi`` or ``rapid``.
        frames: which to load.
        scale: to the network's range; grey levels without.
    """
    place = place_field(converted, dcfi, distortion, frames)
    source = open_store(Path(converted).with_suffix(".zarr"))[0]["rapid"]
    height, width = source.shape[1:]
    rapid = np.empty((len(frames), height, width), np.float32)
    for k, frame in enumerate(frames):
        recorded = source[frame]
        levels = scale.of_rapid(recorded) if scale else recorded.astype(np.float32)
        rows, columns = warp_matrices(place.distortion, height, tuple(place.moves[k].tolist()))
        rapid[k] = undistort(levels, rows, columns)
    still = read_target(converted, dcfi, target)
    if still is not None and scale:
        still = scale.of_target(still)
    if still is not None and target == "dcfi":
        back = tuple((-place.shift).tolist())
        still = undistort(still, *warp_matrices(place.distortion, height, back))
    return FieldPairs(rapid, still, place.inside)
