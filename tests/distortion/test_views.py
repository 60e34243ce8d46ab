"""A slow scan's view, found in rapid images that show it a known way."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.distortion.views import View, match_view

HEIGHT, WIDTH, BESIDE = 192, 256, 48
TEXTURE = gaussian_filter(
    np.random.default_rng(0).standard_normal((HEIGHT + 2 * BESIDE, WIDTH + 2 * BESIDE)), 2.5
)
SLOW = TEXTURE[BESIDE:-BESIDE, BESIDE:-BESIDE]


def rapid(gain: float, shift: float, row_shift: int = 0) -> np.ndarray:
    """Show at column j the slow scan's column `gain` * j + `shift`, and so many rows lower."""
    rows = np.arange(HEIGHT)[:, None] - row_shift + BESIDE
    columns = gain * np.arange(WIDTH)[None] + shift + BESIDE
    return map_coordinates(TEXTURE, np.broadcast_arrays(rows, columns), order=3)


def assert_found(view: View, gain: float, shift: float, row_shift: int) -> None:
    assert view.left == pytest.approx(-shift / gain, abs=1)
    assert view.right == pytest.approx((WIDTH - 1 - shift) / gain, abs=1)
    assert view.row_shift == row_shift


@pytest.mark.parametrize(
    ("gain", "shift", "row_shift"),
    [
        (1.0, 0.0, 0),
        (1.06, -8.0, 3),
        (1.1, -20.0, -4),
        (1.03, -2.0, 12),
        (1.08, -15.0, -15),
        (1.15, -25.0, 4),
    ],
)
def test_an_even_stretch_and_a_shift_are_found(gain: float, shift: float, row_shift: int) -> None:
    assert_found(match_view(rapid(gain, shift, row_shift), SLOW), gain, shift, row_shift)


@pytest.mark.parametrize("shift", [12.0, -12.0])
def test_an_edge_beyond_the_rapid_image_is_found(shift: float) -> None:
    view = match_view(rapid(1.0, shift), SLOW)
    assert (view.left < 0) == (shift > 0)
    assert_found(view, 1.0, shift, 0)


def test_brightness_and_contrast_do_not_matter() -> None:
    image = rapid(1.05, -6.0, 2)
    assert match_view(9000 + 40 * image, SLOW) == match_view(image, SLOW)


def test_a_blank_edge_leaves_the_rows_to_the_other() -> None:
    # Only the lower half shows anything: what looks alike at the top is chance.
    blank = np.random.default_rng(1).standard_normal((2, HEIGHT, WIDTH)) * 0.02
    lower = np.arange(HEIGHT)[:, None] > HEIGHT / 2
    image, slow = (
        np.where(lower, a, b) for a, b in zip((rapid(1.05, -6, 5), SLOW), blank, strict=True)
    )
    assert_found(match_view(image, slow), 1.05, -6.0, 5)


def test_the_scale_is_that_of_rapid_to_slow_columns() -> None:
    assert View(left=10.0, right=110.0, row_shift=0).scale(201) == pytest.approx(0.5)
