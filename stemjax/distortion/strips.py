"""The map of one field of view by strips, the method of Ihara et al. (2022)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist
from skimage.metrics import peak_signal_noise_ratio

from stemjax.distortion.map import DistortionMap, undistort, warp_matrices
from stemjax.distortion.views import View, match_view
from stemjax.typing import Image

STRIP_WIDTHS = tuple(range(10, 101, 10))  # to try, in pixels of the slow grid
FEWEST_STRIPS = 4  # that an image is cut into
DEFORMATIONS = np.linspace(-0.5, 1.0, 151)  # of a strip's width
FULL_SCALE = 65535.0
RANGE_PERCENTILES = (0.1, 99.9)  # of an image, clipped there and scaled to 0 and full scale
FLATTEST = 1e-3  # rapid columns per slow column by which a map rises at least
BEST = 3  # strip widths whose maps tell the error
BLUR_PX = 1.5  # of a slow scan, before its gradient is taken
ROUNDING = 1 / 12  # variance of counts that are recorded as whole numbers

Cuts = Float[np.ndarray, " cuts"]


@dataclass(frozen=True)
class StripsFit:
    """A map fitted to one field of view.

    Attributes:
        distortion: the map; its `sigma` is the standard deviation over the three strip widths
            with the best PSNR, in pixels.
        strip_width: width of the strips with the best PSNR, in pixels of the slow grid.
        psnr: of the undistorted rapid image against the slow scan, in dB.
    """

    distortion: DistortionMap
    strip_width: int
    psnr: float


@dataclass(frozen=True)
class Differences:
    """Mean squared differences between columns.

    They are all that is needed of two images to tell how any column of the rapid image,
    interpolated linearly, differs from any of the slow scan.

    Attributes:
        across: of each rapid column (first axis) to each slow column.
        neighbours: of each rapid column to the next.
    """

    across: Float[np.ndarray, "x x"]
    neighbours: Float[np.ndarray, " pairs"]

    def at(
        self, sources: Float[np.ndarray, "tried n"], targets: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, "tried n"]:
        """Give the mean squared difference of rapid columns, held at the border, to slow ones."""
        last = len(self.across) - 1
        sources = np.clip(sources, 0, last)
        left = np.minimum(sources.astype(int), last - 1)
        t = sources - left
        # |(1 - t) a + t b - c|^2 = (1 - t) |a - c|^2 + t |b - c|^2 - t (1 - t) |a - b|^2
        ends = (1 - t) * self.across[left, targets] + t * self.across[left + 1, targets]
        return ends - t * (1 - t) * self.neighbours[left]


def fit_strips(rapid: Image, slow: Image) -> StripsFit:
    """Fit a map to one field of view as Ihara et al. (Sci. Rep. 12, 13462, 2022) do.

    The rapid image is cut to the slow scan's view, stretched evenly and cut into strips. From
    the left, each strip is deformed such that it is most like the slow scan (by PSNR) where the
    strip before ends. A cubic spline through the cuts is the map. Of several widths of strips
    the one is taken that gives the undistorted image of the best PSNR. The detector's lag is
    not told from the distortion: it moves the map.

    Where this departs from the paper: images are clipped at their 0.1 and 99.9 percentiles before
    these are scaled to 0 and 65,535. Minimum and maximum are single pixels of a noisy frame,
    and make the contrast differ; errors are then two to three times as large.

    Where the paper is silent: deformations are tried in steps of 1 %. Strips go on beyond the
    view's right edge while the slow grid is not full; what no strip covers is extrapolated
    evenly. Widths are left out that cut a small image into fewer than four strips.

    Args:
        rapid: integrated rapid image.
        slow: slow scan, of the same shape; at least 64 columns.
    """
    rapid, slow = _scaled(rapid), _scaled(slow)
    view = match_view(rapid, slow)
    differences = _differences(rapid, slow, view.row_shift)
    fits = []
    for strip_width in STRIP_WIDTHS:
        if strip_width * FEWEST_STRIPS > slow.shape[1]:
            continue
        distortion = _to_map(*place_strips(view, strip_width, differences), view, slow.shape[1])
        rows, columns = warp_matrices(distortion, len(rapid))
        psnr = peak_signal_noise_ratio(slow, undistort(rapid, rows, columns), data_range=FULL_SCALE)
        fits.append(StripsFit(distortion, strip_width, float(psnr)))
    best = sorted(fits, key=lambda fit: fit.psnr, reverse=True)[:BEST]
    sigma = np.std([fit.distortion.columns for fit in best], axis=0)
    return replace(best[0], distortion=replace(best[0].distortion, sigma=sigma))


def place_strips(view: View, strip_width: int, differences: Differences) -> tuple[Cuts, Cuts]:
    """Lay strips of the rapid image onto the slow grid, from the left.

    Args:
        view: the slow scan's view in the rapid image.
        strip_width: in pixels of the evenly stretched rapid image.
        differences: of the images' columns.

    Returns:
        Where the cuts between strips lie on the slow grid and in the rapid image, in pixels.
    """
    width = len(differences.across)
    scale = view.scale(width)
    start = max(0.0, -view.left / scale)  # the first column that both images show
    places, columns = [start], [view.left + start * scale]
    stretches = 1 + DEFORMATIONS[:, None]
    while places[-1] < width - 1 and columns[-1] < width - 1:
        targets = np.arange(int(np.ceil(places[-1])), width)[: 2 * strip_width + 1]
        distances = targets - places[-1]
        errors = differences.at(columns[-1] + scale * distances / stretches, targets)
        error = errors.mean(axis=1, where=distances < strip_width * stretches)
        places.append(places[-1] + strip_width * float(stretches[np.argmin(error), 0]))
        columns.append(columns[-1] + strip_width * scale)
    return np.array(places), np.array(columns)


def informative(slow: Image) -> float:
    """Tell how much a slow scan says about where its columns lie, per squared pixel.

    It is the mean squared horizontal gradient after a small blur, less what noise gives, over
    the noise's variance: how sharply a column's place can be told grows as its root. Noise is
    taken from mixed second differences, where smooth structure cancels.

    Args:
        slow: slow scan in counts.
    """
    gradient = gaussian_filter(slow, BLUR_PX, order=(0, 1))
    mixed = np.diff(np.diff(slow, axis=0), axis=1) / 2
    noise = (np.median(np.abs(mixed)) / 0.6745) ** 2  # a normal distribution's quartile
    blurred_noise = noise / (8 * np.pi * BLUR_PX**4)  # white noise, in the same gradient
    return float(max(np.mean(gradient**2) - blurred_noise, 0.0) / (noise + ROUNDING))


def _scaled(image: Image) -> Image:
    low, high = np.percentile(image, RANGE_PERCENTILES)
    return np.clip((image - low) / (high - low), 0, 1) * FULL_SCALE


def _differences(rapid: Image, slow: Image, row_shift: int) -> Differences:
    height = len(rapid)
    rapid = rapid[max(row_shift, 0) : height + min(row_shift, 0)]
    slow = slow[max(-row_shift, 0) : height + min(-row_shift, 0)]
    return Differences(
        across=cdist(rapid.T, slow.T, "sqeuclidean") / len(rapid),
        neighbours=np.mean(np.diff(rapid, axis=1) ** 2, axis=0),
    )


def _to_map(places: Cuts, columns: Cuts, view: View, width: int) -> DistortionMap:
    grid = np.arange(width, dtype=float)
    inside = np.clip(grid, places[0], places[-1])
    scale = view.scale(width)
    columns = CubicSpline(places, columns)(inside) + (grid - inside) * scale
    rising = np.maximum.accumulate(columns - FLATTEST * grid) + FLATTEST * grid
    return DistortionMap(
        columns=rising,
        valid=(rising >= 0) & (rising <= width - 1),
        row_shift=float(view.row_shift),
        sigma=np.zeros(width),
    )
