"""A first, straight guess of the map: gain, shift and rows by cross-correlation."""

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter

from stemjax.distortion.lag import KERNEL, Lag
from stemjax.typing import Image

GAINS = np.arange(0.98, 1.161, 0.02)
LARGEST_SHIFT = 0.15  # of the width


def coarse_line(rapid: list[Image], slow: list[Image]) -> tuple[float, float, float]:
    """Find the straight line that makes rapid images most like the slow scans.

    The correlation surfaces of all fields of view are added up, which a field's own small
    offset survives and a chance likeness does not.

    Args:
        rapid: integrated rapid images, one for each field of view.
        slow: slow scans.

    Returns:
        Row offset in pixels, gain, and shift of the centre in pixels.
    """
    height, width = rapid[0].shape
    targets = [np.conj(rfft2(_windowed(_band(image)))) for image in slow]
    best = (-np.inf, 0.0, 1.0, 0.0)
    centre = (width - 1) / 2
    for gain in GAINS:
        columns = np.clip(centre + (np.arange(width) - centre) / gain, 0, width - 1)
        surface = np.zeros((height, width))
        for image, target in zip(rapid, targets, strict=True):
            straight = _windowed(_stretch(_band(image), columns))
            surface += irfft2(rfft2(straight) * target, s=(height, width)) / straight.std()
        reach = int(LARGEST_SHIFT * width)
        surface[:, reach : width - reach] = -np.inf
        surface[reach : height - reach] = -np.inf
        y, x = np.unravel_index(np.argmax(surface), surface.shape)
        if surface[y, x] > best[0]:
            dy, dx = (k - n if k > n // 2 else k for k, n in ((y, height), (x, width)))
            best = (surface[y, x], -float(dy), float(gain), -float(dx))
    return best[1:]


def late_px(lag: Lag) -> float:
    """Say by how many pixels structure of the size that is compared here seems to lag.

    A long tail has a large mean delay, but it is a haze beside the structure.
    """
    kernel = np.pad(lag.kernel(), KERNEL)
    return float(np.argmax(_smoothed(kernel)) - KERNEL)


def _band(image: Image) -> Image:
    image = np.asarray(image, dtype=float)
    band = _smoothed(image)
    return band / band.std()


def _smoothed(signal: np.ndarray) -> np.ndarray:
    return gaussian_filter(signal, 2.0) - gaussian_filter(signal, 16.0)


def _windowed(image: Image) -> Image:
    return image * np.outer(*(np.hanning(n) for n in image.shape))


def _stretch(image: Image, columns: np.ndarray) -> Image:
    left = np.minimum(columns.astype(int), image.shape[1] - 2)
    t = columns - left
    return (1 - t) * image[:, left] + t * image[:, left + 1]
