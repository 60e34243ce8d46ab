"""The fit's equations against finite differences of residuals computed with loops."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import BSpline

from stemjax.distortion.equations import BANDS, CLIP, Equations, equations

WIDTH, HEIGHT = 30, 70
FIELDS, CURVE = 2, 3
GLOW, OWN = CURVE, slice(CURVE + 1, None)  # after the curve's parameters


def bspline(places: np.ndarray) -> np.ndarray:
    """Evaluate the centred cubic B-spline."""
    basis = BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)
    return np.nan_to_num(basis(places))


@dataclass(frozen=True)
class Case:
    """Arguments of the equations, in double precision."""

    place: np.ndarray
    slopes: np.ndarray
    glow: float
    own: np.ndarray
    rapid: np.ndarray
    slow: np.ndarray
    smear: np.ndarray
    weight: np.ndarray
    tails: np.ndarray
    after: np.ndarray
    step: int = 1

    def made(self) -> Equations:
        """Set the equations up in JAX."""
        *arrays, step = self.__dict__.values()
        made = equations(*(jnp.asarray(a, jnp.float32) for a in arrays), step)
        return Equations(*(np.asarray(a, float) for a in made))

    def residuals(self, change: np.ndarray, field: int) -> np.ndarray:
        """Residuals (x, row) of a field after a change of its parameters."""
        dx, _, contrast = self.own[field] + change[OWN]
        place = self.place + self.slopes @ change[:CURVE] + dx
        rows = np.arange(0, HEIGHT, self.step)
        # A cubic B-spline per pixel, along y and then along x, where the last pixels are held.
        y = rows + self.own[field, 1] + change[CURVE + 2]
        moved = self.slow[field] @ bspline(y - np.arange(HEIGHT)[:, None])
        moved = moved - (self.glow + change[GLOW]) * (self.after @ moved)
        held = np.arange(-9, WIDTH + 9)
        scene = bspline(place[:, None] - held) @ moved[np.clip(held, 0, WIDTH - 1)]
        project = np.eye(WIDTH) - self.tails @ self.tails.T
        compared = np.diag(self.weight)
        model = project @ compared @ self.smear.T @ scene
        image = project @ compared @ self.rapid[field][:, :: self.step]
        seen = (rows + self.own[field, 1] >= 1) & (rows + self.own[field, 1] <= HEIGHT - 3)
        return (contrast * model - image) * seen


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(0)
    columns = np.arange(float(WIDTH))
    decay = np.exp(-columns / 5)
    weight = np.clip((columns + 1) / 4, 0, 1)
    weight[-2:] = 0.0
    smear = np.array([[0.4 ** (j - i) if j >= i else 0.0 for j in range(WIDTH)] for i in range(30)])
    after = np.tril(0.8 ** np.abs(columns[:, None] - columns)) - np.eye(WIDTH)
    tails, _ = np.linalg.qr(weight[:, None] * np.column_stack([decay, np.ones(WIDTH)]))
    return Case(
        place=-1.3 + 1.06 * columns + 2.0 * decay,
        slopes=np.column_stack([np.ones(WIDTH), (columns - 14.5) / 15, decay]),
        glow=0.1,
        own=np.array([[0.3, -1.7, 0.9], [-0.8, 2.6, 1.2]]),
        rapid=rng.standard_normal((FIELDS, WIDTH, HEIGHT)),
        slow=rng.standard_normal((FIELDS, WIDTH, HEIGHT)),
        smear=smear,
        weight=weight,
        tails=tails,
        after=after,
    )


COUNT = CURVE + 4
FIELD = pytest.mark.parametrize("field", range(FIELDS))
STEP = pytest.mark.parametrize("step", [1, 3])


def differences(function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Differentiate by each parameter; the last axis is the parameter."""
    steps = 1e-5 * np.eye(COUNT)
    return np.stack([(function(s) - function(-s)) / 2e-5 for s in steps], axis=-1)


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare at single precision of the largest value."""
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())


@STEP
@FIELD
def test_the_matrix_is_that_of_gauss_and_newton(case: Case, field: int, step: int) -> None:
    case = replace(case, step=step)
    jacobian = differences(lambda change: case.residuals(change, field))
    expected = np.einsum("xyp,xyq->pq", jacobian, jacobian)
    scale = np.sqrt(np.diag(expected))
    found = case.made().normal[field]
    assert_close(found / np.outer(scale, scale), expected / np.outer(scale, scale))


@STEP
@FIELD
def test_scores_are_the_gradient_of_half_the_cost(case: Case, field: int, step: int) -> None:
    case = replace(case, step=step)
    sigma = case.residuals(np.zeros(COUNT), field).std()

    def half_cost(change: np.ndarray) -> np.ndarray:
        size = np.abs(case.residuals(change, field))
        limit = CLIP * sigma
        return np.sum(np.where(size < limit, size**2 / 2, limit * (size - limit / 2)))

    made = case.made()
    scale = np.sqrt(made.cost[field] * np.diag(made.normal[field]))
    found, expected = made.scores[field].sum(axis=0), differences(half_cost)
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)


@FIELD
def test_bands_are_of_neighbouring_rows(case: Case, field: int) -> None:
    rest = case.residuals(np.zeros(COUNT), field)
    limit = CLIP * np.sqrt(np.mean(rest**2))
    jacobian = differences(lambda change: case.residuals(change, field))
    by_row = np.einsum("xyp,xy->yp", jacobian, np.clip(rest, -limit, limit))
    each = HEIGHT // BANDS  # rows; the last band has what is left
    expected = [by_row[k * each : (k + 1) * each].sum(axis=0) for k in range(BANDS - 1)]
    expected.append(by_row[(BANDS - 1) * each :].sum(axis=0))
    assert_close(case.made().scores[field], np.array(expected))


@STEP
@FIELD
def test_cost_and_power_are_of_the_compared_pixels(case: Case, field: int, step: int) -> None:
    case = replace(case, step=step)
    made = case.made()
    rest = case.residuals(np.zeros(COUNT), field)
    limit = CLIP * np.sqrt(np.mean(rest**2))
    assert made.cost[field] == pytest.approx(np.sum(np.clip(rest, -limit, limit) ** 2), rel=1e-4)
    blank = replace(case, own=case.own * [1, 1, 0]).residuals(np.zeros(COUNT), field)
    assert made.power[field] == pytest.approx(np.sum(blank**2), rel=1e-4)


def test_fields_have_nothing_to_do_with_each_other(case: Case) -> None:
    both = case.made()
    alone = replace(case, own=case.own[1:], rapid=case.rapid[1:], slow=case.slow[1:]).made()
    for one, two in zip(both, alone, strict=True):
        np.testing.assert_allclose(one[1:], two, rtol=1e-4, atol=1e-3)


def test_every_third_row_is_all_that_is_used(case: Case) -> None:
    spoilt = case.rapid.copy()
    spoilt[:, :, 1::3] = spoilt[:, :, 2::3] = 1e6
    one, two = (replace(case, step=3, rapid=rapid).made() for rapid in (case.rapid, spoilt))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_rows_beyond_the_slow_scan_are_not_compared(case: Case) -> None:
    own = np.array([[0.0, -4.5, 1.0], [0.0, 6.5, 1.0]])
    spoilt = case.rapid.copy()
    spoilt[0, ::2, :6] = spoilt[1, ::2, -9:] = 1e6
    one, two = (replace(case, own=own, rapid=rapid).made() for rapid in (case.rapid, spoilt))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    # The next rows are.
    spoilt[0, ::2, 6] = spoilt[1, ::2, -10] = 1e3
    assert (replace(case, own=own, rapid=spoilt).made().cost > 10 * one.cost).all()


def test_an_outlier_has_little_influence_whatever_its_size(case: Case) -> None:
    # A pixel that is off by a hundred and one that is off by a thousand standard deviations.
    pulls = []
    for size in (0.0, 100.0, 1000.0):
        rapid = case.rapid.copy()
        rapid[0, 12, 30] += size
        pulls.append(case_sigma(replace(case, rapid=rapid)))
    still, (large, sigma), (huge, more) = pulls
    assert more > 5 * sigma  # one pixel in two thousand raises the level of clipping itself
    # Unclipped the pull would be the pixel's own, 2000**0.5 standard deviations.
    assert np.abs(large - still[0]).max() / sigma < 0.2 * 2000**0.5
    assert np.abs(huge - still[0]).max() / more < 0.2 * 2000**0.5


def case_sigma(case: Case) -> tuple[np.ndarray, float]:
    """Give the first field's gradient by its curvature, and the residuals' level."""
    made = case.made()
    curvature = np.sqrt(np.diag(made.normal[0]))
    rest = case.residuals(np.zeros(COUNT), 0)
    return made.scores[0].sum(axis=0) / curvature, float(rest.std())
