"""A session's least-squares problem: what is compared, priors, and what ties the fields."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from stemjax.distortion import curve
from stemjax.distortion.equations import LOCAL
from stemjax.distortion.lag import Lag
from stemjax.distortion.problem import Evaluated, Problem, combine, evaluate

LAG = Lag((0.45, 2.0), (0.85, 0.15), 0.12, dwell_us=0.1)
WIDTH, HEIGHT, FIELDS, KNOTS = 96, 64, 2, 5
COMMON = curve.PHYSICAL + KNOTS + 1
COLUMNS = np.arange(float(WIDTH))


def problem(rapid: np.ndarray | None = None, blur: float = 0.7) -> Problem:
    rng = np.random.default_rng(0)
    stacks = rng.standard_normal((2, FIELDS, WIDTH, HEIGHT))
    rapid = stacks[0] if rapid is None else rapid
    arrays = (jnp.asarray(a, jnp.float32) for a in (rapid, stacks[1]))
    return Problem(*arrays, LAG, KNOTS, slow_dwell_us=5.0, blur=blur)


def parameters(shift: float = 0.0) -> np.ndarray:
    common = [*curve.start(WIDTH, KNOTS, 1.06, shift), 0.02]
    return np.concatenate([common, [0.5, -1.2, 0.9], [-0.3, 2.1, 1.1]])


def noise() -> np.ndarray:
    return np.asarray(problem().rapid, float)


def assert_same(one: Evaluated, two: Evaluated) -> None:
    """Compare gradients at the precision that a large disturbance leaves."""
    scale = np.abs(two.scores).max()
    np.testing.assert_allclose(one.scores / scale, two.scores / scale, atol=1e-4)
    np.testing.assert_allclose(one.costs, two.costs, rtol=1e-3)


def test_columns_that_left_the_slow_scan_are_not_compared() -> None:
    place = curve.seen(parameters(6.0)[: COMMON - 1], COLUMNS, WIDTH)
    outside = (place <= 0) | (place >= WIDTH - 1)
    assert 3 < outside.sum() < 20
    spoilt = noise()
    spoilt[:, outside] = 1e4 * np.random.default_rng(1).standard_normal(spoilt[:, outside].shape)
    assert_same(evaluate(problem(spoilt), parameters(6.0)), evaluate(problem(), parameters(6.0)))


def test_what_the_line_before_left_is_not_compared() -> None:
    left = np.random.default_rng(1).standard_normal((3, FIELDS, 1, HEIGHT))
    decays = np.array([0.45, 2.0, 0.12]) / 0.1
    tails = sum(5 * a * np.exp(-COLUMNS / d)[:, None] for a, d in zip(left, decays, strict=True))
    assert_same(evaluate(problem(noise() + tails), parameters()), evaluate(problem(), parameters()))


@pytest.mark.parametrize("period", [np.inf, 192.0, 48.0])
def test_background_along_a_line_is_not_compared(period: float) -> None:
    rows = 5 * np.random.default_rng(1).standard_normal((FIELDS, 1, HEIGHT))
    shading = np.cos(2 * np.pi * (COLUMNS + 0.5) / period)[:, None] * rows
    spoilt = evaluate(problem(noise() + shading), parameters())
    assert_same(spoilt, evaluate(problem(), parameters()))


def test_structure_along_a_line_is_compared() -> None:
    rows = 5 * np.random.default_rng(1).standard_normal((FIELDS, 1, HEIGHT))
    lines = np.cos(2 * np.pi * (COLUMNS + 0.5) / 12)[:, None] * rows
    spoilt = evaluate(problem(noise() + lines), parameters())
    assert (spoilt.powers > 3 * evaluate(problem(), parameters()).powers).all()


@pytest.mark.parametrize(("blur", "step"), [(6.0, 6), (3.0, 3), (1.5, 2), (0.7, 1)])
def test_blurred_rows_are_passed_over(blur: float, step: int) -> None:
    expected = evaluate(problem(blur=blur), parameters()).costs
    for row in (30, 31):
        spoilt = noise()
        spoilt[:, ::2, row] = 1e3
        costs = evaluate(problem(spoilt, blur), parameters()).costs
        assert (costs == expected).all() == (row % step != 0)


def test_each_field_has_the_common_parameters_and_its_own() -> None:
    one, two = problem().indices()
    shared = list(range(COMMON))
    assert list(one) == [*shared, COMMON, COMMON + 1, COMMON + 2]
    assert list(two) == [*shared, COMMON + 3, COMMON + 4, COMMON + 5]


def half_cost(values: np.ndarray, gradient: np.ndarray, tie: float) -> float:
    """Half the cost of priors and tie, written out, with a linear term for the data."""
    usual = [*curve.start(WIDTH, KNOTS, 1.06, 0.0), 0.02]
    scale = [*curve.prior_scales(WIDTH, KNOTS), 0.02]
    away = (values[:COMMON] - usual) / scale
    dx = values[COMMON::LOCAL]
    pulls = np.sum(away**2) + np.sum((dx / 4) ** 2)
    return float((2.5 * pulls + tie * dx.sum() ** 2) / 2 + gradient @ values)


def test_priors_and_tie_are_those_of_the_cost() -> None:
    fields = evaluate(problem(), parameters() + 0.1)
    total = combine(problem(), fields, noise=2.5)
    data_gradient, data_normal = np.zeros(len(parameters())), np.zeros(len(parameters()))
    for k, index in enumerate(problem().indices()):
        data_gradient[index] += fields.scores[k].sum(axis=0)
        data_normal[index] += np.diag(fields.normals[k])
    tie = 1e3 * np.mean((data_normal + 2.5 / 16)[COMMON::LOCAL])
    steps = 1e-4 * np.eye(len(parameters()))
    at = parameters() + 0.1
    expected = [
        (half_cost(at + s, data_gradient, tie) - half_cost(at - s, data_gradient, tie)) / 2e-4
        for s in steps
    ]
    np.testing.assert_allclose(total.gradient, expected, rtol=1e-5, atol=1e-3)
    only_priors = 2 * half_cost(at, np.zeros(len(at)), tie)
    assert total.cost == pytest.approx(fields.costs.sum() + only_priors)


def test_fields_are_tied_by_their_mean_displacement_alone() -> None:
    total = combine(problem(), evaluate(problem(), parameters()))
    together, apart = np.zeros((2, len(parameters())))
    together[COMMON::LOCAL] = 1.0
    apart[COMMON::LOCAL] = 1.0, -1.0
    assert together @ total.normal @ together > 1e3 * (apart @ total.normal @ apart)


def test_more_noise_gives_the_priors_more_weight() -> None:
    fields = evaluate(problem(), parameters())
    louder = replace(fields, costs=4 * fields.costs)
    known = np.isfinite(problem().priors()[1])
    assert known.sum() == COMMON + FIELDS  # neither rows nor contrast have a prior
    one, two = (combine(problem(), each).prior for each in (fields, louder))
    np.testing.assert_allclose(two[known] / one[known], 4)
    assert (two[~known] == 0).all()
