"""The fitted curve's formula, its spline and its derivatives."""

import numpy as np
import pytest

from stemjax.distortion import curve

WIDTH = 100
COLUMNS = np.arange(WIDTH, dtype=float)
BEYOND = np.array([-20.0, 0.0, 33.3, 99.0, 140.0])


def test_the_start_is_a_straight_line_about_the_centre() -> None:
    place = curve.seen(curve.start(WIDTH, 8, gain=1.1, shift=-3.0), COLUMNS, WIDTH)
    np.testing.assert_allclose(place, 49.5 + 1.1 * (COLUMNS - 49.5) - 3)


def test_the_line_start_bends_by_an_exponential() -> None:
    parameters = np.array([0.0, 1.0, 6.0, np.log(20.0)])
    bend = curve.seen(parameters, COLUMNS, WIDTH) - COLUMNS
    np.testing.assert_allclose(bend, 6 * np.exp(-COLUMNS / 20), atol=1e-12)


def test_before_the_line_the_bend_is_held() -> None:
    parameters = np.array([0.0, 1.0, 6.0, np.log(20.0)])
    before = np.array([-30.0, -1.0])
    np.testing.assert_allclose(curve.seen(parameters, before, WIDTH), before + 6)


@pytest.mark.parametrize("knots", [4, 8, 16])
def test_equal_knots_shift_the_whole_line(knots: int) -> None:
    parameters = curve.start(WIDTH, knots, 1.0, 0.0)
    parameters[curve.PHYSICAL :] = 2.5
    # Beyond the frame the spline is held.
    np.testing.assert_allclose(curve.seen(parameters, BEYOND, WIDTH), BEYOND + 2.5)


@pytest.mark.parametrize("knots", [0, 1, 8])
def test_slopes_are_the_derivatives_by_each_parameter(knots: int) -> None:
    rng = np.random.default_rng(knots)
    parameters = np.concatenate([[-3.0, 1.07, 6.0, np.log(15.0)], rng.standard_normal(knots)])
    slopes = curve.slopes(parameters, BEYOND, WIDTH)
    assert slopes.shape == (len(BEYOND), len(parameters))
    for k, step in enumerate(1e-5 * np.eye(len(parameters))):
        ends = (curve.seen(parameters + sign * step, BEYOND, WIDTH) for sign in (1, -1))
        expected = np.subtract(*ends) / 2e-5
        np.testing.assert_allclose(slopes[:, k], expected, atol=1e-7)


@pytest.mark.parametrize("knots", [1, 2, 3, 8])
def test_each_knot_has_its_spline(knots: int) -> None:
    basis = curve.spline_basis(COLUMNS, WIDTH, knots)
    assert basis.shape == (WIDTH, knots)
    assert np.linalg.matrix_rank(basis) == knots
    assert (basis >= 0).all()


def test_knots_lie_closer_where_the_line_starts() -> None:
    basis = curve.spline_basis(COLUMNS, WIDTH, 10)
    peaks = basis.argmax(axis=0)
    assert (np.diff(peaks) > 0).all()
    assert np.sum(peaks < WIDTH / 2) > np.sum(peaks >= WIDTH / 2)


def test_priors_scale_with_the_frame() -> None:
    small, large = curve.prior_scales(256, 3), curve.prior_scales(512, 3)
    pixels = [0, 2, 4, 5, 6]  # shift, amplitude, knots
    np.testing.assert_allclose(large[pixels], 2 * small[pixels])
    np.testing.assert_allclose(large[[1, 3]], small[[1, 3]])  # gain, logarithm
