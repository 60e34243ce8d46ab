"""How images are shown wherever they are: their grey levels, and the length of their scale bar."""

import numpy as np
from matplotlib.axes import Axes

from stemjax.typing import AnyImage, Image

BAR_NM = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def show(axes: Axes, image: AnyImage) -> None:
    """Show an image in grey, over its :func:`grey_range`."""
    low, high = grey_range(image)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_axis_off()


def grey_range(image: AnyImage) -> tuple[float, float]:
    """Give the grey levels that are shown black and white: the 0.5 and 99.5 percentile."""
    low, high = np.percentile(image, [0.5, 99.5])
    return float(low), float(high)


def shade(image: AnyImage) -> Image:
    """Scale an image (y, x) so that its :func:`grey_range` becomes 0 to 1."""
    low, high = grey_range(image)
    return np.clip((image.astype(float) - low) / max(high - low, 1e-12), 0, 1)


def bar_length(width: int, pixel_size_nm: float) -> int:
    """Choose the length in nanometres of the scale bar of an image `width` pixels wide."""
    return max((bar for bar in BAR_NM if bar < 0.4 * width * pixel_size_nm), default=BAR_NM[0])
