"""Where a field of view lies in its slow scan, beside the session's map."""

import numpy as np
from jaxtyping import Float

from stemjax.distortion.lag import Lag, lag_matrix
from stemjax.distortion.map import DistortionMap, spline_matrix, undistort, warp_matrices
from stemjax.integrate.align import displacement, spectrum
from stemjax.typing import AnyImage


def field_offset(
    distortion: DistortionMap, lag: Lag, rapid: AnyImage, slow: AnyImage
) -> Float[np.ndarray, " yx"]:
    """Measure the rigid offset of a field of view that the map was not fitted to.

    The rapid image lags, and the lag looks like a displacement along the scan. To keep the two
    apart, it is compared with the slow scan as the rapid scan and its lag would have shown it.

    Args:
        distortion: the session's map.
        lag: the detector's response.
        rapid: integrated rapid frames, in raw geometry.
        slow: slow scan of the same field of view.

    Returns:
        Place (y, x) in pixels of the undistorted frame in the slow scan.
    """
    rows, columns = warp_matrices(distortion, len(rapid))
    still = spectrum(undistort(rapid.astype(np.float32), rows, columns))
    as_rapid = as_rapid_matrix(distortion, lag)
    return displacement(still, spectrum(slow.astype(float) @ as_rapid @ columns))


def as_rapid_matrix(distortion: DistortionMap, lag: Lag) -> Float[np.ndarray, "x x"]:
    """Express as a matrix what the rapid scan and its lag make of the lines of an ideal image.

    Args:
        distortion: the session's map.
        lag: the detector's response.

    Returns:
        ``image @ matrix``, of an image on the slow grid, is what the rapid scan shows of it, but
        for the map's shift of rows.
    """
    grid = np.flatnonzero(distortion.valid)
    seen = np.interp(np.arange(distortion.width), distortion.columns[grid], grid)
    return spline_matrix(distortion.width, seen).T @ lag_matrix(lag, distortion.width)
