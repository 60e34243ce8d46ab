"""Filters that learn nothing, each at the strength that suits an acquisition best."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.restoration import denoise_nl_means

from stemjax.evaluate.metrics import fitted, psnr
from stemjax.evaluate.references import References
from stemjax.typing import Image

Filter = Callable[[Image], Image]


def gaussian(image: Image, strength: float) -> Image:
    """Blur with a Gaussian of `strength` pixels."""
    return gaussian_filter(image, strength)


def nlm(image: Image, strength: float) -> Image:
    """Non-local means (Buades et al., 2005), its threshold in units of the image's contrast."""
    low, high = np.percentile(image, [1, 99])
    if high == low:
        return image
    scaled = (image - low) / (high - low)
    filtered = denoise_nl_means(scaled, h=strength, patch_size=5, patch_distance=6, fast_mode=True)
    return filtered * (high - low) + low


BASELINES: dict[str, tuple[Callable[[Image, float], Image], tuple[float, ...]]] = {
    "gaussian": (gaussian, (0.7, 1.0, 1.5, 2.0, 3.0)),
    "nlm": (nlm, (0.03, 0.06, 0.1, 0.15, 0.25)),
}


def strongest(
    baseline: tuple[Callable[[Image, float], Image], tuple[float, ...]], references: References
) -> Filter:
    """Choose the strength that gives the best PSNR on the acquisition's last frame.

    A choice that no experiment could make, in the baseline's favour: it sees the reference.
    """
    denoise, strengths = baseline
    reference = next(iter(references.of_frame(-1).values()), None)
    if reference is None:
        return partial(denoise, strength=strengths[len(strengths) // 2])
    image, inside = references.rapid[-1], references.inside
    target = reference[inside]

    def quality(strength: float) -> float:
        return psnr(fitted(denoise(image, strength)[inside], target), target)

    return partial(denoise, strength=max(strengths, key=quality))
