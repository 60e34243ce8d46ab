"""What tells material, magnification and dose of acquisitions apart, from a few rapid frames."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter

from stemjax.io.store import open_store
from stemjax.records import read_record
from stemjax.typing import Image, Json

FRAMES = 5
BACKGROUND_NM = 40.0  # what varies more slowly is thickness or bending, not lines
NEAR_PX = 3.0  # so close the covariance is still a parabola, which gives it without noise at 0
CHANCE = 0.1  # of the noise: a frame without any structure may seem to have so much contrast
MAD_TO_SIGMA = 1.4826  # of a normal distribution


def measure_statistics(converted: str | Path, frames: int | None = None) -> Json:
    """Describe an acquisition by its rapid frames as they were recorded.

    Args:
        converted: record of the conversion; its store lies beside it.
        frames: of the first so many, all by default, up to five evenly spaced ones are looked at.

    Returns:
        ``pixel_size_nm`` and ``dwell_us`` as recorded; medians over the frames of ``level``
        (mean), ``noise`` and ``contrast`` (standard deviations of noise and of structure), all
        in the detector's units, and of ``structure_nm``, the distance over which structure
        loses half of its correlation, None where there is no structure.
    """
    source, about = open_store(Path(converted).with_suffix(".zarr"))
    rapid, pixel_nm = source["rapid"], about["pixel_size_nm"]
    count = min(rapid.shape[0], frames or rapid.shape[0])
    chosen = np.unique(np.linspace(0, count - 1, min(FRAMES, count)).round().astype(int))
    images = [np.asarray(rapid[int(k)], float) for k in chosen]
    noise = np.array([noise_of(image) for image in images])
    contrast, scale = np.transpose([structure_of(image, pixel_nm) for image in images])
    shown = np.median(contrast) > CHANCE * np.median(noise)
    return {
        "pixel_size_nm": pixel_nm,
        "dwell_us": read_record(converted)["scan"]["dwell_us"],
        "level": _median(np.array([image.mean() for image in images])),
        "noise": _median(noise),
        "contrast": _median(contrast),
        "structure_nm": _median(scale[contrast > 0]) if shown else None,
    }


def noise_of(image: Image) -> float:
    """Standard deviation of what differs between neighbouring rows, as noise does.

    Second differences along y leave slopes out, and their median magnitude leaves out the few
    pixels where a line bends sharply. Within a row the lag would correlate the noise.
    """
    second = (image[:-2] - 2 * image[1:-1] + image[2:]) / np.sqrt(6.0)
    return float(MAD_TO_SIGMA * np.median(np.abs(second)))


def structure_of(image: Image, pixel_size_nm: float) -> tuple[float, float]:
    """Standard deviation of a frame's structure, and its scale in nm; zeros where there is none.

    Lag and row offsets correlate noise within a row alone. So the covariance of pixels in
    different rows is that of the structure, without any smoothing.
    """
    sigma = min(BACKGROUND_NM / pixel_size_nm, min(image.shape) / 8)
    detail = image - gaussian_filter(image, sigma)
    reach = int(1.5 * sigma) + 4
    covariance, distance = _between_rows(detail - detail.mean(), reach)
    near = distance <= NEAR_PX
    variance = np.polyfit(distance[near] ** 2, covariance[near], 1)[1]
    ring = distance.round().astype(int)
    profile = np.bincount(ring, covariance)[1 : reach + 1] / np.bincount(ring)[1 : reach + 1]
    below = int(np.argmax(profile < variance / 2))  # 0 also where none is
    if variance <= 0 or below == 0:
        return 0.0, 0.0
    inner, outer = profile[below - 1 : below + 1]
    half = below + (inner - variance / 2) / (inner - outer)  # the first ring's distance is 1
    return float(np.sqrt(variance)), float(half * pixel_size_nm)


def _between_rows(
    image: Image, reach: int
) -> tuple[Float[np.ndarray, " lags"], Float[np.ndarray, " lags"]]:
    """Covariance of pixels in different rows, and their distance, of all up to `reach` apart."""
    size = [next_fast_len(side + reach, real=True) for side in image.shape]
    sums = irfft2(np.abs(rfft2(image, size)) ** 2, size)
    y, x = np.mgrid[1 : reach + 1, -reach : reach + 1]
    pairs = (image.shape[0] - y) * (image.shape[1] - np.abs(x))
    return (sums[y, x] / pairs).ravel(), np.hypot(y, x).ravel()


def _median(values: Float[np.ndarray, " n"]) -> float:
    return float(f"{np.median(values):.5g}")  # no more than is known of it
