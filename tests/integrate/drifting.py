"""Noisy frames of a specimen whose place is known."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, spline_filter
from scipy.signal import lfilter

MARGIN = 24


def view(seed: int, size: int, drift: np.ndarray) -> np.ndarray:
    """See smooth random specimen of unit contrast in frames (t, y, x) that have drifted."""
    noise = np.random.default_rng(seed).standard_normal((size + 2 * MARGIN,) * 2)
    specimen = gaussian_filter(noise, 2.5)
    spline = spline_filter(specimen / specimen.std(), order=3)
    y, x = np.mgrid[:size, :size] + float(MARGIN)
    return np.stack(
        [map_coordinates(spline, (y - dy, x - dx), order=3, prefilter=False) for dy, dx in drift]
    )


def streaks(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    """Draw noise of unit variance that lags along x by five pixels, as a slow detector's does."""
    t, y, x = shape
    white = rng.standard_normal((t, y, x + 60))
    return np.sqrt(1 - 0.8**2) * lfilter([1], [1, -0.8], white, axis=2)[:, :, 60:]


def wander(rng: np.random.Generator, frames: int, step: float) -> np.ndarray:
    """Draw a random walk (t, yx) in pixels, zero on average."""
    walk = np.cumsum(rng.normal(0, step, (frames, 2)), axis=0)
    return walk - walk.mean(axis=0)
