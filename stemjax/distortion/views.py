"""The slow scan's field of view in a rapid image, found by its edges."""

from dataclasses import dataclass

import numpy as np
from skimage.feature import match_template

from stemjax.distortion.map import spline_matrix
from stemjax.typing import Image

TEMPLATE_PX = 50  # width of the strips along the slow scan's edges that are looked for
MARGIN_PX = 16  # left off around them, by which they may lie beyond the rapid image
# In images smaller than 400 and 256 pixels, these parts of the size.
TEMPLATE_PART, MARGIN_PART = 8, 16


@dataclass(frozen=True)
class View:
    """Where a slow scan's field of view lies in a rapid image, as far as a straight line tells.

    Attributes:
        left: rapid column of the slow scan's first column, in pixels; beyond the image if negative.
        right: rapid column of the slow scan's last column, in pixels.
        row_shift: rapid row of the slow scan's first row, in pixels.
    """

    left: float
    right: float
    row_shift: int

    def scale(self, width: int) -> float:
        """Give the rapid columns per column of a slow scan of this width."""
        return (self.right - self.left) / (width - 1)


def match_view(rapid: Image, slow: Image) -> View:
    """Find the slow scan's field of view as Ihara et al. (Sci. Rep. 12, 13462, 2022) do.

    Strips of the slow scan along its left and right edge are looked for in the two halves of the
    rapid image by zero-mean normalised cross-correlation. The rapid image is stretched
    accordingly, and strips along the top and the bottom are looked for in it; the one that is
    found more surely tells the rows, to a whole pixel.

    Where the paper is silent: a margin is left off around the strips, so that the rapid image
    need not hold the edges themselves. A strip that is stretched in the rapid image is found by
    its middle: the view is the straight line through the two middles, not through the strips'
    outer ends, and thus right where the stretch is even.

    Args:
        rapid: integrated rapid image.
        slow: slow scan, of the same shape.
    """
    width = slow.shape[1]
    (_, left), (_, right) = _find_edges(rapid, slow)
    middle = _margin(width) + (_template(width) - 1) / 2
    scale = 1 + (right - left) / (width - 1 - 2 * middle)
    ends = (left + middle * (1 - scale), right + width - 1 - middle * (1 - scale))
    columns = np.clip(np.linspace(*ends, width), 0, width - 1)
    stretched = rapid @ spline_matrix(width, columns).T
    _, row_shift = max(_find_edges(stretched.T, slow.T))
    return View(*ends, row_shift)


def _find_edges(image: Image, slow: Image) -> list[tuple[float, int]]:
    """Find strips near the slow scan's left and right edge: score and displacement in columns."""
    height, width = slow.shape
    size, margin, half = _template(width), _margin(width), width // 2
    rows = slice(_margin(height), height - _margin(height))
    found = []
    for first, start in ((margin, 0), (width - margin - size, width - half)):
        template = slow[rows, first : first + size]
        scores = match_template(image[:, start : start + half], template)
        _, place = np.unravel_index(np.argmax(scores), scores.shape)
        found.append((float(scores.max()), int(place) + start - first))
    return found


def _template(size: int) -> int:
    return min(TEMPLATE_PX, size // TEMPLATE_PART)


def _margin(size: int) -> int:
    return min(MARGIN_PX, size // MARGIN_PART)
