"""The map as the inverse of a curve, with its errors."""

import numpy as np
import pytest

from stemjax.distortion.inverse import FLATTEST, to_map
from stemjax.distortion.map import DistortionMap

GRID = np.arange(100)


def inverse(
    parameters: list[float], errors: tuple[float, ...] = (), row_shift: float = 0.0
) -> DistortionMap:
    """Invert a curve without knots, whose first parameters have these independent errors."""
    covariance = np.zeros((4, 4))
    covariance[: len(errors), : len(errors)] = np.diag(np.square(errors))
    return to_map(np.array(parameters), covariance, 100, row_shift)


def test_a_curve_is_inverted_on_the_slow_grid() -> None:
    distortion = inverse([2.0, 1.08, 5.0, np.log(12.0)])
    columns, valid = distortion.columns, distortion.valid
    place = 49.5 + 1.08 * (columns - 49.5) + 2.0 + 5.0 * np.exp(-columns / 12.0)
    np.testing.assert_allclose(place[valid], GRID[valid], atol=0.01)
    np.testing.assert_array_equal(valid, (columns >= 0) & (columns <= 99))
    assert valid.sum() > 90


def test_what_the_rapid_frame_did_not_see_is_not_valid() -> None:
    distortion = inverse([6.5, 1.0, 0.0, 1.0])  # moved to the right: the left is missed
    np.testing.assert_allclose(distortion.columns, GRID - 6.5, atol=1e-3)
    np.testing.assert_array_equal(distortion.valid, GRID >= 7)


def test_where_the_beam_ran_backwards_the_map_is_not_valid() -> None:
    # The line start folds: the place falls from 30 at column 0 before it rises.
    distortion = inverse([0.0, 1.0, 30.0, np.log(8.0)])
    assert (np.diff(distortion.columns) > 0).all()
    place = GRID + 30 * np.exp(-GRID / 8)
    turn = int(place.argmin())
    assert turn > 5
    assert not distortion.valid[: int(place[turn])].any()
    clear = int(np.ceil(place[0])) + 2  # beyond what was seen twice
    assert distortion.valid[clear:98].all()


def test_the_frames_rows_are_shifted_as_told() -> None:
    assert inverse([0.0, 1.0, 0.0, 1.0], row_shift=-1.75).row_shift == -1.75


def test_an_error_is_that_of_the_curve_over_its_slope() -> None:
    distortion = inverse([3.0, 1.25, 0.0, 1.0], errors=(0.3, 0.01))
    curve_error = np.hypot(0.3, 0.01 * (distortion.columns - 49.5))
    np.testing.assert_allclose(distortion.sigma, curve_error / 1.25, rtol=1e-3)


def test_errors_that_go_together_are_added_up() -> None:
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = np.outer([0.3, 0.01], [0.3, 0.01])  # fully correlated
    sigma = to_map(np.array([0.0, 1.0, 0.0, 1.0]), covariance, 100, 0.0).sigma
    np.testing.assert_allclose(sigma, np.abs(0.3 + 0.01 * (GRID - 49.5)), atol=1e-3)


def test_an_error_stays_finite_where_the_beam_stood_still() -> None:
    # The place of column j is 39.99 + j**2 / 80 to begin with: almost at rest at 40.
    distortion = inverse([-0.01, 1.0, 40.0, np.log(40.0)], errors=(0.2,))
    assert distortion.sigma[40] == pytest.approx(0.2 / FLATTEST)
    assert distortion.sigma.max() == distortion.sigma[40]
