"""The noise of rapid frames, and frames that show nothing else.

Lines in what a restoration makes of a field without a specimen are made up. Such fields need no
microscope: they follow from the noise that an acquisition's own frames show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt16
from scipy.ndimage import convolve1d
from scipy.signal import oaconvolve
from scipy.stats import theilslopes

from stemjax.distortion.lag import Lag
from stemjax.typing import AnyFrames, AnyImage, Image

BLOCK = 16  # pixels on a side over which variances are averaged, at least
BLOCKS = 32  # along the shorter side, at most: the slope is the median over all pairs of them
EDGE = 16  # of a frame's height and width, one such part is left out on each side
CERTAIN = 0.99  # that variance grows with intensity, before a slope is believed
SECOND = np.array([1.0, -2.0, 1.0])  # second difference
FOURTH = np.convolve(SECOND, SECOND)
FULL_SCALE = 65535


@dataclass(frozen=True)
class Noise:
    """What shot noise, lag and electronics do to a rapid frame.

    Attributes:
        gain: variance per signal before the lag, in ADU: what a detected electron reads, times
            the excess noise of its pulse height.
        dark: reading without electrons in ADU.
        read: standard deviation in ADU of the noise that does not lag.
        rows: standard deviation of row offsets relative to the shot noise before the lag.
        lag: the detector's response.
    """

    gain: float
    dark: float
    read: float
    rows: float
    lag: Lag


def measure_noise(
    frames: AnyFrames, still: Sequence[AnyImage | None], lag: Lag, integrated: int
) -> Noise:
    """Measure the photon transfer curve (Janesick, 2007): how variance grows with intensity.

    It is taken of second differences along y of what a frame has beside the still. Rows do not
    share their noise; structure, as far as drift or moving lines left any, is smooth. Noise that
    does not lag is known by fourth differences along x, which lagged noise has little of. Where
    intensities differ too little to tell the dark level, it is taken to be 0.

    Args:
        frames: (t, y, x), raw.
        still: for each frame the mean of `integrated` frames, moved onto it, in its geometry;
            frames where it is None are left out.
        lag: the detector's response.
        integrated: number of frames in that mean, each frame itself among them.

    Raises:
        ValueError: there is no still, it is the mean of one frame, or there is no shot noise.
    """
    known = [k for k, image in enumerate(still) if image is not None]
    if not known or integrated < 2:
        raise ValueError("noise shows beside the mean of several frames, and there is none")
    height, width = frames.shape[1:]
    y, x = height // EDGE, width // EDGE
    inside = (slice(None), slice(y, height - y), slice(x, width - x))
    level = np.stack([np.asarray(still[k], float) for k in known])[inside]
    # The mean holds part of the frame's own noise, and as large a part of every other's.
    scale = np.sqrt(integrated / (integrated - 1) / (SECOND @ SECOND))
    noise = scale * np.diff(frames[known].astype(float)[inside] - level, 2, axis=1)
    offsets = noise.mean(axis=2)
    noise -= offsets[..., None]
    variance, roughness, of_mean = _lagged_white(lag, noise.shape[2])
    total, rough = np.mean(noise**2), np.mean(np.diff(noise, 4, axis=2) ** 2)
    smooth, not_lagged = roughness / variance, FOURTH @ FOURTH
    # Where the lag smooths nothing, the two kinds of noise are one.
    excess = (rough - smooth * total) / (not_lagged - smooth) if smooth < not_lagged / 2 else 0.0
    read = float(np.clip(excess, 0, total))
    white = (total - read) / variance
    if not white > 0:
        raise ValueError("the frames show no shot noise beside their mean")
    # Bright or dark, all pixels of a row got the same variance from the mean taken off them.
    local = (noise**2).mean(axis=0) - read - white * of_mean
    # The lag gives signal its weights and variance their squares: either is given the other's too.
    kernel = lag.kernel()
    signal = _along_x(level[:, 1:-1].mean(axis=0), kernel**2)
    dark = _dark(_blocks(signal), _blocks(_along_x(local, kernel)))
    return Noise(
        gain=float(white / (level.mean() - dark)),
        dark=dark,
        read=float(np.sqrt(read)),
        rows=float(np.sqrt(max(np.mean(offsets**2) / white - of_mean, 0.0))),
        lag=lag,
    )


def blank_frames(
    noise: Noise, level: float, shape: tuple[int, int], count: int, seed: int
) -> UInt16[np.ndarray, "t y x"]:
    """Draw raw frames of a field without a specimen.

    Electrons before the lag are Poisson numbers scaled to the gain. As on the microscope, the
    tail of a row runs on into the next one.

    Args:
        noise: as measured.
        level: mean intensity in ADU; at the dark level there are no electrons, and no row offsets
            either.
        shape: (y, x) of a frame.
        count: number of frames.
        seed: of what is drawn.

    Raises:
        ValueError: the level is below the dark level.
    """
    rng = np.random.default_rng(seed)
    kernel = noise.lag.kernel()
    electrons = (level - noise.dark) / noise.gain
    height, width = shape
    pulses = rng.poisson(electrons, len(kernel) - 1 + count * height * width).astype(float)
    signal = oaconvolve(pulses, kernel / kernel.sum(), mode="valid").reshape(count, height, width)
    signal += noise.rows * np.sqrt(electrons) * rng.standard_normal((count, height, 1))
    frames = noise.dark + noise.gain * signal + noise.read * rng.standard_normal(signal.shape)
    return np.clip(np.rint(frames), 0, FULL_SCALE).astype(np.uint16)


def _lagged_white(lag: Lag, width: int) -> tuple[float, float, float]:
    """Say what the lag leaves of white noise's variance in rows of `width` pixels.

    Returns:
        The variance about a row's mean, that of fourth differences, that of row means.
    """
    kernel = lag.kernel()
    covariance = np.correlate(kernel, kernel, "full")[len(kernel) - 1 :][:width]
    shares = 2 * (1 - np.arange(len(covariance)) / width)
    shares[0] = 1
    of_mean = float(shares @ covariance) / width
    return (
        float(covariance[0]) - of_mean,
        float(np.sum(np.convolve(kernel, FOURTH) ** 2)),
        of_mean,
    )


def _along_x(image: Image, weights: Float[np.ndarray, " n"]) -> Image:
    """Average over what came before."""
    late = -(len(weights) // 2)
    return convolve1d(image, weights / weights.sum(), axis=1, mode="nearest", origin=late)


def _dark(level: Float[np.ndarray, " n"], variance: Float[np.ndarray, " n"]) -> float:
    """Continue variance to where it is none: robust against blocks where something moved."""
    slope, _, least, _ = theilslopes(variance, level, CERTAIN)
    if not least > 0:
        return 0.0
    return float(np.clip(level.mean() - variance.mean() / slope, 0, level.min()))


def _blocks(image: Image) -> Float[np.ndarray, " n"]:
    """Average blocks of pixels; what is left over at the end is left out."""
    size = max(BLOCK, min(image.shape) // BLOCKS)
    height, width = (n // size for n in image.shape)
    cut = image[: height * size, : width * size]
    return cut.reshape(height, size, width, size).mean(axis=(1, 3)).ravel()
