"""The distortion map of a session: what it says, how it is stored, how frames are mapped."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.interpolate import BSpline, make_interp_spline

from stemjax.typing import ColumnMask, Columns, Json

BLOCK = 64  # rows or columns that are made at once
NEGLIGIBLE = 1e-8  # share of a pixel, below the resolution of float32


@dataclass(frozen=True)
class DistortionMap:
    """Where each slow-grid column is found in a rapid frame.

    The undistorted frame shows at ``(y, x)`` what the rapid frame shows at
    ``(y + row_shift, columns[x] + late)``.

    Attributes:
        columns: rapid-frame column of each slow-grid column, increasing, in pixels.
        valid: false where the rapid frame did not see the column and the map is extrapolated.
        row_shift: vertical shift in pixels.
        sigma: standard error of `columns` in pixels.
        late: columns by which the detector's lag displaces what a frame shows; undistorting
            takes that back too.
    """

    columns: Columns
    valid: ColumnMask
    row_shift: float
    sigma: Columns
    late: float = 0.0

    @property
    def width(self) -> int:
        """Columns of the frames this map is for."""
        return len(self.columns)

    def to_json(self) -> Json:
        """Give the map as plain JSON values."""
        return {
            "columns": [round(float(c), 4) for c in self.columns],
            "valid": [bool(v) for v in self.valid],
            "row_shift": round(float(self.row_shift), 4),
            "sigma": [round(float(s), 4) for s in self.sigma],
            "late": round(float(self.late), 4),
        }


def from_json(content: Json) -> DistortionMap:
    """Take a map out of a record."""
    return DistortionMap(
        columns=np.asarray(content["columns"], float),
        valid=np.asarray(content["valid"], bool),
        row_shift=float(content["row_shift"]),
        sigma=np.asarray(content["sigma"], float),
        late=float(content.get("late", 0.0)),  # maps of earlier versions do not say
    )


def warp_matrices(
    distortion: DistortionMap, height: int, offset: tuple[float, float] = (0.0, 0.0)
) -> tuple[Float[np.ndarray, "y y"], Float[np.ndarray, "x x"]]:
    """Express the map as two matrices: the undistorted frame is ``rows @ frame @ columns``.

    Rows and columns are independent and interpolation is linear in the pixels, so a cubic
    spline through a unit vector gives one pixel's share in every result. Beyond the frame, and
    where the map is extrapolated, the nearest valid column or row is held.

    Args:
        distortion: the map.
        height: rows of a frame.
        offset: (y, x) in pixels; the result shows at ``p`` what it would show at ``p + offset``.
    """
    rows = np.arange(height) + distortion.row_shift + offset[0]
    grid = np.arange(distortion.width)
    inside = grid[distortion.valid]
    columns = np.interp(grid + offset[1], inside, distortion.columns[distortion.valid])
    columns += distortion.late
    return (
        spline_matrix(height, np.clip(rows, 0, height - 1)),
        spline_matrix(distortion.width, np.clip(columns, 0, distortion.width - 1)).T,
    )


def undistort(
    frames: Float[np.ndarray, "... y x"],
    rows: Float[np.ndarray, "y y"],
    columns: Float[np.ndarray, "x x"],
) -> Float[np.ndarray, "... y x"]:
    """Apply the matrices of :func:`warp_matrices`: ``rows @ frames @ columns``, in float32.

    A result depends on its neighbourhood alone, so the matrices are taken in blocks without
    the zeros around them.
    """
    frames = np.ascontiguousarray(frames, np.float32)
    across, result = np.empty_like(frames), np.empty_like(frames)
    for made, needed in _blocks(columns.T):
        np.matmul(frames[..., needed], columns[needed, made], out=across[..., made])
    for made, needed in _blocks(rows):
        np.matmul(rows[made, needed], across[..., needed, :], out=result[..., made, :])
    return result


def _blocks(matrix: Float[np.ndarray, "n n"]) -> Iterator[tuple[slice, slice]]:
    """Split the rows of a band matrix; beside each block, the columns that it needs."""
    for start in range(0, len(matrix), BLOCK):
        made = slice(start, start + BLOCK)
        needed = np.flatnonzero(matrix[made].any(axis=0))
        yield made, slice(int(needed[0]), int(needed[-1]) + 1)


def spline_matrix(size: int, places: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n size"]:
    """Express cubic spline interpolation at some places of a line as a matrix."""
    spline = _unit_splines(size)
    matrix = np.empty((len(places), size), np.float32)
    for start in range(0, len(places), BLOCK):
        block = slice(start, start + BLOCK)
        shares = BSpline.design_matrix(places[block], spline.t, spline.k) @ spline.c
        # They fade exponentially, to numbers so small that processors stumble over them.
        shares[np.abs(shares) < NEGLIGIBLE] = 0
        matrix[block] = shares
    return matrix


@lru_cache(maxsize=2)  # rows and columns
def _unit_splines(size: int) -> BSpline:
    """Give the splines through each unit vector."""
    return make_interp_spline(np.arange(size), np.eye(size), k=3)
