"""BM3D, from a package that is optional: its licence allows non-commercial use only.

Dabov et al., IEEE Trans. Image Process. 16, 2080 (2007), and for noise with a spectrum Makinen
et al., ibid. 29, 8339 (2020).
"""

import numpy as np

from stemjax.evaluate.wiener import mean_power, noise_power
from stemjax.typing import Frames, Image

# What the package chooses for spectra like a lagged frame's. Its choice itself calls np.trapz,
# which NumPy 2.4 no longer has.
THRESHOLD, NOISE_FACTOR = 3.1, 1.2


def noise_spectrum(frames: Frames) -> Image:
    """Measure the spectrum of frames' noise.

    Returns:
        Expected square of the absolute discrete Fourier transform of a frame's noise, as
        :func:`denoise` takes it: of white noise its variance times the number of pixels.
    """
    height, width = frames.shape[1:]
    return np.tile(noise_power(mean_power(frames)), (height, 1)) * height * width


def denoise(image: Image, noise: float | Image) -> Image:
    """Filter an image with BM3D.

    Args:
        image: at least 8 pixels high and wide.
        noise: standard deviation of white noise, or spectrum as of :func:`noise_spectrum`.
    """
    from bm3d import BM3DProfile, bm3d

    if not np.any(noise):
        return image
    profile = BM3DProfile()
    profile.num_threads = 1  # with more, sums depend on their order
    if np.ndim(noise) == 2:
        profile.lambda_thr3d, profile.mu2 = THRESHOLD, NOISE_FACTOR
    return bm3d(np.asarray(image, float), noise, profile)
