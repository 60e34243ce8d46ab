"""What a restored frame, made to lag again, leaves unexplained of the frame as it was recorded.

The residual alone does not tell: noise shall be left in it, and a filter that removes nothing
leaves nothing. What the other frames show of the same field tells signal from noise.
"""

import numpy as np
from jaxtyping import Float
from scipy.fft import dctn

from stemjax.evaluate.metrics import fitted
from stemjax.typing import AnyImage, Columns, Image

FINE_PX, COARSE_PX = 1.0, 8.0  # pass band: structure as wide as dislocations are
NOISE_BAND = (1.0, 1.6)  # radians per row: too fine for structure, not for interpolation
CHANGED = 0.07  # difference of frame and still, beside noise, that makes it another state


def unexplained_percent(
    frame: AnyImage, degraded: AnyImage, still: AnyImage, integrated: int
) -> float:
    """Tell which share of the structure's variance in a frame the restored frame misses.

    That is ``1 - R^2`` between the restored frame, made to lag again, and the signal in the
    recorded one, which is known from the mean of all others: their noise has no part in the
    restored frame, and its variance is known from how far they are from this frame (correction
    for attenuation; Spearman, Am. J. Psychol. 15, 72 (1904)). Beside structure of variance s,
    structure of variance e that was eaten gives ``e / s``, and structure that was made up, or
    noise that was kept, ``e / (s + e)``. A restored frame that was made from several frames
    shares noise with the mean of the others, which counts in its favour.

    Args:
        frame: as recorded; all three in one geometry, without what is not judged.
        degraded: the restored frame with the lag; offset and factor do not count.
        still: mean of `integrated` frames, this one among them, moved onto it.
        integrated: number of frames in that mean.

    Returns:
        Percent, which scatters about 0 for a perfect restoration. NaN where the still shows no
        structure beside its noise, or another state than the frame.

    Raises:
        ValueError: the still is the mean of one frame.
    """
    if integrated < 2:
        raise ValueError("signal shows in the mean of several frames, and there is none")
    frame = np.asarray(frame, float)
    others = (integrated * fitted(still, frame) - frame) / (integrated - 1)
    seen, made, beside = (_spectrum(each) for each in (others, degraded, frame - others))
    power = _band(frame.shape) ** 2
    differing = float(np.sum(power * beside**2))
    noise = differing / integrated  # of the mean of all others
    structure = float(np.sum(power * seen**2)) - noise
    changed = differing - float(power.sum(axis=0) @ _noise(beside))
    if structure <= noise or changed > CHANGED * max(structure, differing):
        return float("nan")
    agreeing = max(float(np.sum(power * seen * made)), 0.0)  # inverted contrast explains nothing
    if agreeing == 0:
        return 100.0
    return 100 * (1 - agreeing**2 / float(np.sum(power * made**2)) / structure)


def _noise(beside: Image) -> Columns:
    """Power of noise at each frequency along x, the same at any along y: rows share none."""
    rows = _frequencies(len(beside))
    return np.mean(beside[(rows > NOISE_BAND[0]) & (rows < NOISE_BAND[1])] ** 2, axis=0)


def _spectrum(image: AnyImage) -> Image:
    return dctn(np.asarray(image, float), norm="ortho")


def _band(shape: tuple[int, ...]) -> Image:
    """Difference of Gaussians, without row offsets; edges are reflected."""
    y, x = (_frequencies(n) for n in shape)
    k2 = y[:, None] ** 2 + x**2
    return (np.exp(-k2 * FINE_PX**2 / 2) - np.exp(-k2 * COARSE_PX**2 / 2)) * (x > 0)


def _frequencies(size: int) -> Float[np.ndarray, " n"]:
    """Frequencies of the cosine transform, in radians per pixel."""
    return np.pi * np.arange(size) / size
