"""Image quality against a reference."""

import numpy as np
from jaxtyping import Float
from skimage.metrics import structural_similarity

from stemjax.typing import AnyImage, Image

FULL_SCALE = 65535.0
MIDDLE = 20_000.0, 40_000.0  # intensities of the paper's middle range
RANGE_PERCENTILES = (0.1, 99.9)


def paper_psnr(image: AnyImage, reference: AnyImage) -> float:
    """PSNR in dB as Ihara et al. (2022) compute it.

    Both images are stretched from their minimum and maximum to 0 to 65,535 first. That makes it
    depend on single extreme pixels: use it to compare with the paper, not to judge.
    """
    return _decibels(FULL_SCALE, _stretched(image) - _stretched(reference))


def paper_psnr_by_range(image: AnyImage, reference: AnyImage) -> tuple[float, float]:
    """PSNR in dB of the middle intensities and of the rest, as Ihara et al. (2022) split it.

    Both images are stretched as in :func:`paper_psnr`; a pixel is in the middle where the
    stretched reference (the slow scan) is 20,000 to 40,000, both included.

    Returns:
        Of the middle, of the rest; NaN where no pixel is in the range.
    """
    target = _stretched(reference)
    error = _stretched(image) - target
    middle = (target >= MIDDLE[0]) & (target <= MIDDLE[1])
    return _decibels(FULL_SCALE, error[middle]), _decibels(FULL_SCALE, error[~middle])


def gain_percent(method_db: float, rapid_db: float) -> float:
    """Gain in percent of a method's mean PSNR over the rapid frame's, as Ihara et al. (2022)."""
    return 100 * (method_db / rapid_db - 1)


def fitted(image: AnyImage, reference: AnyImage) -> Image:
    """Give the image with offset and factor that bring it closest to the reference.

    Contrast and brightness of two scans differ; what is asked is how well the structure agrees.
    """
    x, y = image.astype(float), reference.astype(float)
    spread = x - x.mean()
    variance = np.mean(spread**2)
    slope = np.mean(spread * (y - y.mean())) / variance if variance > 0 else 0.0
    return y.mean() + slope * spread


def psnr(image: AnyImage, reference: AnyImage) -> float:
    """PSNR in dB; the range is the reference's, from its 0.1 to its 99.9 percentile."""
    return _decibels(data_range(reference), image.astype(float) - reference.astype(float))


def ssim(image: AnyImage, reference: AnyImage) -> float:
    """Structural similarity (Wang et al., 2004): Gaussian window, sigma 1.5, range as in `psnr`."""
    return float(
        structural_similarity(
            image.astype(float),
            reference.astype(float),
            data_range=data_range(reference),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


def data_range(reference: AnyImage) -> float:
    """Range of a reference that single pixels cannot move."""
    low, high = np.percentile(reference, RANGE_PERCENTILES)
    return float(high - low)


def _decibels(peak: float, error: Float[np.ndarray, "..."]) -> float:
    if not error.size:
        return np.nan
    with np.errstate(divide="ignore"):  # infinite where there is no error
        return float(10 * np.log10(peak**2 / np.mean(error**2)))


def _stretched(image: AnyImage) -> Image:
    low, high = float(image.min()), float(image.max())
    if high == low:
        return np.zeros(image.shape)
    return (image - low) * (FULL_SCALE / (high - low))
