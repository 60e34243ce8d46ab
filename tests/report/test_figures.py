"""How images are shown."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from stemjax.report.figures import bar_length, show


def test_an_image_is_shown_from_its_half_percentile_on_both_sides() -> None:
    axes = Figure().subplots()
    show(axes, np.arange(10_000.0).reshape(100, 100))
    assert axes.images[0].get_clim() == pytest.approx((49.995, 9949.005))


@pytest.mark.parametrize("pixel_size_nm", [0.01, 0.05, 0.3, 2.1, 15.0])
def test_the_scale_bar_is_round_and_fits_into_the_picture(pixel_size_nm: float) -> None:
    length = bar_length(512, pixel_size_nm)
    assert str(length).rstrip("0") in {"1", "2", "5"}
    assert 0 < length < 0.4 * 512 * pixel_size_nm or length == 1
