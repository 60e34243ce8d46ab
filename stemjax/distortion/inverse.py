"""From the curve, x of the rapid column j, to the map, j of the slow-grid column x."""

import numpy as np
from jaxtyping import Float

from stemjax.distortion import curve
from stemjax.distortion.map import DistortionMap

STEP_PX = 0.25  # at which the curve is followed
FLATTEST = 0.1  # slope below which the error is not scaled up further


def to_map(
    parameters: curve.Vector, covariance: Float[np.ndarray, "p p"], width: int, row_shift: float
) -> DistortionMap:
    """Find for each slow-grid column the rapid column that saw it.

    Beyond the frame the curve is extrapolated. There, and where the beam ran backwards, the map
    is not valid but still increases.

    Args:
        parameters: of the curve.
        covariance: their errors.
        width: columns of a frame.
        row_shift: of the map, in pixels.
    """
    columns = np.arange(-width / 2, 1.5 * width, STEP_PX)
    place = curve.seen(parameters, columns, width)
    rising = np.maximum.accumulate(place) + 1e-6 * np.arange(len(place))
    folded = np.interp(np.arange(width), rising, (rising - place > 0.05).astype(float)) > 0
    inverse = np.interp(np.arange(width), rising, columns)
    slopes = curve.slopes(parameters, inverse, width)
    error = np.sqrt(np.einsum("xp,pq,xq->x", slopes, covariance, slopes))
    steepness = np.interp(inverse, columns, np.gradient(rising, columns))
    return DistortionMap(
        columns=inverse,
        valid=(inverse >= 0) & (inverse <= width - 1) & ~folded,
        row_shift=float(row_shift),
        sigma=error / np.maximum(steepness, FLATTEST),
    )
