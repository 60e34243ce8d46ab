"""Rigid drift between frames that are noisy and streaked along the scan."""

import dask.array as da
import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import fft2, fftfreq
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.registration import phase_cross_correlation

from stemjax.typing import AnyFrames, AnyImage

Track = Float[np.ndarray, "t yx"]
UPSAMPLING = 50  # steps per pixel of the correlation's peak
PASSES = 4  # the first against one frame, the others against the mean of all others
SMOOTHING = 2.0  # of power spectra, in frequency steps
FINE_PX, COARSE_PX = 1.5, 16.0  # pass band of the correlation


def measure_drift(frames: da.Array | AnyFrames) -> Track:
    """Measure where each frame lies relative to their common mean position.

    Every frame is correlated with the mean of the others, drift-corrected: its own noise is not
    in it, so a noisy frame is not pulled to where it was believed to be before. Each spatial
    frequency counts by how well the frames themselves say that it can be told from their noise,
    which streaks make very different along and across the scan.

    Args:
        frames: (t, y, x), read one frame at a time.

    Returns:
        Drift (t, yx) in pixels, zero on average: what frame t shows at ``(y, x) + drift[t]``
        the mean shows at ``(y, x)``.
    """
    count, middle = len(frames), len(frames) // 2
    drift = np.zeros((count, 2))
    if count == 1:
        return drift
    reference, weight = spectrum(frames[middle]), None
    for _ in range(PASSES):
        total, power, before = np.zeros(reference.shape, complex), np.zeros(reference.shape), None
        for k in range(count):
            moving = spectrum(frames[k])
            if weight is not None:
                own = fourier_shift(moving, -drift[k]) / count
                drift[k] = displacement((reference - own) * weight, moving)
            elif k != middle:
                drift[k] = displacement(reference, moving)
            aligned = fourier_shift(moving, -drift[k])
            if before is not None:
                power += np.abs(aligned - before) ** 2 / 2
            total, before = total + aligned, aligned
        reference = total / count
        weight = _weight(reference, power / (count - 1), count)
    return drift - drift.mean(axis=0)


def _weight(
    mean: Complex[np.ndarray, "y x"], noise: Float[np.ndarray, "y x"], count: int
) -> Float[np.ndarray, "y x"]:
    """Matched filter for coloured noise, and Wiener's for the noise left in the mean."""
    noise = gaussian_filter(noise, SMOOTHING, mode="wrap")
    left = noise / count
    signal = np.maximum(gaussian_filter(np.abs(mean) ** 2, SMOOTHING, mode="wrap") - left, 0)
    floor = 1e-6 * signal.max() + np.finfo(float).tiny
    return signal / (signal + left + floor) / (noise + floor)


def spectrum(frame: da.Array | AnyImage) -> Complex[np.ndarray, "y x"]:
    """Fourier transform of a frame with only that left which tells where the specimen is.

    A band pass drops the background and the pixel noise. Row offsets are taken off before the
    window would spread them, and the vertical axis (kx = 0), where streaks live, is left out.
    """
    image = np.asarray(frame, dtype=float)
    image = image - image.mean(axis=1, keepdims=True)
    image *= np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape))
    ky, kx = np.meshgrid(*(2 * np.pi * fftfreq(n) for n in image.shape), indexing="ij")
    k2 = ky**2 + kx**2
    band = np.exp(-k2 * FINE_PX**2 / 2) - np.exp(-k2 * COARSE_PX**2 / 2)
    return fft2(image) * band * (kx != 0)


def displacement(
    reference: Complex[np.ndarray, "y x"], moving: Complex[np.ndarray, "y x"]
) -> Float[np.ndarray, " yx"]:
    """Measure how far one image's content lies from another's, from their spectra.

    Args:
        reference: as from :func:`spectrum`.
        moving: likewise, of the image whose place is asked for.

    Returns:
        (y, x) in pixels: what `reference` shows at ``p``, `moving` shows at ``p`` plus this.
    """
    shift, _, _ = phase_cross_correlation(
        reference, moving, space="fourier", normalization=None, upsample_factor=UPSAMPLING
    )
    return -np.asarray(shift, dtype=float)
