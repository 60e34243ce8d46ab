"""The fitted curve's formula and its spline."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stemjax.distortion import curve

WIDTH = 100
COLUMNS = np.arange(WIDTH, dtype=float)


def seen(parameters: np.ndarray, columns: np.ndarray, knots: int) -> np.ndarray:
    """Evaluate the curve with JAX, compiled."""
    basis = curve.spline_basis(columns, WIDTH, knots)
    compiled = jax.jit(curve.seen, static_argnames="width")
    arrays = (jnp.asarray(a, jnp.float32) for a in (parameters, columns, basis))
    return np.asarray(compiled(*arrays, width=WIDTH), float)


def test_the_start_is_a_straight_line_about_the_centre() -> None:
    place = seen(curve.start(WIDTH, 8, gain=1.1, shift=-3.0), COLUMNS, 8)
    np.testing.assert_allclose(place, 49.5 + 1.1 * (COLUMNS - 49.5) - 3, atol=1e-4)


def test_the_line_start_bends_by_an_exponential() -> None:
    parameters = np.array([0.0, 1.0, 6.0, np.log(20.0)])
    bend = seen(parameters, COLUMNS, 0) - COLUMNS
    np.testing.assert_allclose(bend, 6 * np.exp(-COLUMNS / 20), atol=1e-4)


def test_before_the_line_the_bend_is_held() -> None:
    parameters = np.array([0.0, 1.0, 6.0, np.log(20.0)])
    before = np.array([-30.0, -1.0])
    np.testing.assert_allclose(seen(parameters, before, 0), before + 6, atol=1e-4)


@pytest.mark.parametrize("knots", [4, 8, 16])
def test_equal_knots_shift_the_whole_line(knots: int) -> None:
    parameters = curve.start(WIDTH, knots, 1.0, 0.0)
    parameters[curve.PHYSICAL :] = 2.5
    columns = np.array([-20.0, 0.0, 33.3, 99.0, 140.0])  # beyond the frame held
    np.testing.assert_allclose(seen(parameters, columns, knots), columns + 2.5, atol=1e-4)


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
