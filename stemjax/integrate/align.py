"""Rigid drift between frames that are noisy and streaked along the scan."""

import dask.array as da
import numpy as np
from jaxtyping import Complex, Float
from scipy.fft import fft2, fftfreq
from scipy.ndimage import fourier_shift
from skimage.registration import phase_cross_correlation

from stemjax.typing import AnyFrames, AnyImage

Track = Float[np.ndarray, "t yx"]
UPSAMPLING = 50  # steps per pixel of the correlation's peak
PASSES = 3  # the first against one frame, the others against the mean of all others
FINE_PX, COARSE_PX = 1.5, 16.0  # pass band of the correlation


def measure_drift(frames: da.Array | AnyFrames) -> Track:
    """Measure where each frame lies relative to their common mean position.

    Every frame is correlated with the mean of the others, drift-corrected: its own noise is not
    in it, so a noisy frame is not pulled to where it was believed to be before.

    Args:
        frames: (t, y, x), read one frame at a time.

    Returns:
        Drift (t, yx) in pixels, zero on average: what frame t shows at ``(y, x) + drift[t]``
        the mean shows at ``(y, x)``.
    """
    count, shape = len(frames), frames[0].shape
    drift = np.zeros((count, 2))
    if count == 1:
        return drift
    reference = spectrum(frames[count // 2])
    for iteration in range(PASSES):
        total = np.zeros(shape, complex)
        for k in range(count):
            moving = spectrum(frames[k])
            if iteration:
                own = fourier_shift(moving, -drift[k]) / count
                drift[k] = displacement(reference - own, moving)
            elif k != count // 2:
                drift[k] = displacement(reference, moving)
            total += fourier_shift(moving, -drift[k])
        drift -= drift.mean(axis=0)
        reference = total / count
    return drift


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
