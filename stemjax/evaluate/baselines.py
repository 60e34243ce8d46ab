"""Filters that learn nothing, each at the strength that suits an acquisition best."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.restoration import denoise_nl_means

from stemjax.distortion.map import undistort
from stemjax.evaluate import bm3d
from stemjax.evaluate.metrics import fitted, psnr
from stemjax.evaluate.references import References
from stemjax.evaluate.wiener import Response, respond, wiener_response
from stemjax.typing import AnyFrames, Frames, Image

Filter = Callable[[AnyFrames], Frames]
"""From raw frames, as recorded, to filtered and undistorted ones."""

SIGMAS_PX = (0.7, 1.0, 1.5, 2.0, 3.0)
THRESHOLDS = (0.03, 0.06, 0.1, 0.15, 0.25)  # of the contrast
NOISE_POWERS = (0.5, 1.0, 2.0, 4.0)  # of the measured one
NOISE_DEVIATIONS = (1.0, 2.0, 3.0, 4.0)  # of the measured one: lagged noise is coarse


def nlm(image: Image, threshold: float) -> Image:
    """Non-local means (Buades et al., 2005); the threshold is in the image's units."""
    exact = image.astype(float)
    return denoise_nl_means(exact, h=threshold, patch_size=5, patch_distance=6, fast_mode=True)


def gaussian_filter_of(references: References) -> Filter:
    """Blur with a Gaussian."""
    filters = [_undistorted(partial(gaussian_filter, sigma=s), references) for s in SIGMAS_PX]
    return strongest(filters, references)


def nlm_filter_of(references: References) -> Filter:
    """Average alike patches, by a threshold in units of the last frame's contrast."""
    low, high = np.percentile(references.rapid[-1], [1, 99])
    thresholds = [float(share * (high - low)) for share in THRESHOLDS]
    filters = [_undistorted(partial(nlm, threshold=h), references) for h in thresholds]
    return strongest(filters, references)


def wiener_filter_of(references: References) -> Filter | None:
    """Undo the lag, as far as noise allows; None without a map, where nothing is known of it."""
    if references.lag is None:
        return None
    late = references.distortion.late
    responses = [wiener_response(references.raw, references.lag, late, s) for s in NOISE_POWERS]
    return strongest([_deconvolved(response, references) for response in responses], references)


def bm3d_filter_of(references: References) -> Filter:
    """Apply BM3D as if the noise were white."""
    spectrum = bm3d.noise_spectrum(references.rapid)
    deviation = float(np.sqrt(spectrum.mean() / spectrum.size))
    sigmas = [factor * deviation for factor in NOISE_DEVIATIONS]
    filters = [_undistorted(partial(bm3d.denoise, noise=s), references) for s in sigmas]
    return strongest(filters, references)


def bm3d_spectrum_filter_of(references: References) -> Filter:
    """Apply BM3D with the measured spectrum of the noise, which leaves nothing to choose."""
    spectrum = bm3d.noise_spectrum(references.rapid)
    return _undistorted(partial(bm3d.denoise, noise=spectrum), references)


BASELINES: dict[str, Callable[[References], Filter | None]] = {
    "gaussian": gaussian_filter_of,
    "nlm": nlm_filter_of,
    "wiener": wiener_filter_of,
    "bm3d": bm3d_filter_of,
    "bm3d-spectrum": bm3d_spectrum_filter_of,
}


def strongest(filters: Sequence[Filter], references: References) -> Filter:
    """Choose the filter that gives the best PSNR on the acquisition's last frame.

    A choice that no experiment could make, in the baseline's favour: it sees the reference.
    """
    reference = next(iter(references.of_frame(-1).values()), None)
    if reference is None:
        return filters[len(filters) // 2]
    inside = references.inside
    target = reference[inside]

    def quality(apply: Filter) -> float:
        return psnr(fitted(apply(references.raw[-1:])[0][inside], target), target)

    return max(filters, key=quality)


def _undistorted(denoise: Callable[[Image], Image], references: References) -> Filter:
    """Filter frames one by one after undistorting them."""

    def apply(frames: AnyFrames) -> Frames:
        still = undistort(frames.astype(np.float32), *references.warp)
        return np.stack([denoise(frame) for frame in still])

    return apply


def _deconvolved(response: Response, references: References) -> Filter:
    """Filter frames before undistorting them."""

    def apply(frames: AnyFrames) -> Frames:
        return undistort(respond(frames, response), *references.warp)

    return apply
