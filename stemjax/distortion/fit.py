"""Fit of the curve to all fields of view of a session, coarse to fine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stemjax.distortion import curve
from stemjax.distortion.coarse import coarse_line, late_px
from stemjax.distortion.equations import LOCAL
from stemjax.distortion.inverse import to_map
from stemjax.distortion.lag import Lag
from stemjax.distortion.map import DistortionMap
from stemjax.distortion.problem import (
    AFTERGLOW,
    Combined,
    Evaluated,
    Matrix,
    Problem,
    Vector,
    combine,
    evaluate,
    pose,
)
from stemjax.distortion.scans import Field

LEVELS = (6.0, 3.0, 1.5, 0.7)  # blur of both images in pixels, coarse to fine
ITERATIONS = 25
TOLERANCE = 1e-5  # relative gain of a step below which a level is done
LINE_FIELDS = 8  # fields of view that the first straight guess is made from
SEEN = 0.5  # of what is compared of a field, so much remains: to leave the scan is no gain


@dataclass(frozen=True)
class Fit:
    """A fitted map.

    Attributes:
        distortion: the map.
        shifts: (field, yx) place of each undistorted rapid image in its slow scan, in pixels.
        residuals: of each field, rms of what the fit leaves over that of the rapid image.
        afterglow: share of the detector's slowest decay, and its standard error.
        apart: of each field, how far in pixels (rms over the columns) the map that it asks for
            lies from the map of all others; NaN where there are no others.
        match: of each field, contrast of the slow scan in the rapid image over its error.
    """

    distortion: DistortionMap
    shifts: Float[np.ndarray, "field yx"]
    residuals: Float[np.ndarray, " field"]
    afterglow: tuple[float, float]
    apart: Float[np.ndarray, " field"]
    match: Float[np.ndarray, " field"]


def fit_map(
    fields: list[Field],
    lag: Lag,
    knots: int,
    slow_dwell_us: float = np.inf,
    lags: Sequence[Lag] = (),
) -> Fit:
    """Fit one smooth map to all fields of view of a session.

    The slow scan is sampled where the curve says the beam was, smeared with the measured lag and
    compared with the rapid image, in the rapid frame's own geometry: there the lag is the same
    everywhere, and it does not pass for a shift.

    The map's error is made of how much the gradients of bands of rows differ (the sandwich
    estimator; White, Econometrica 48, 817 (1980)), of the errors of the lag and of
    the afterglow's decay time, and of the priors'.

    Args:
        fields: at least one, of one shape.
        lag: the detector's response.
        knots: spline knots of the curve.
        slow_dwell_us: dwell time of the slow scans in microseconds, which lag as well: by a
            tenth or two of a pixel, as a whole. Not corrected by default.
        lags: responses one standard error away from `lag`, each in a direction of its own.
    """
    parameters = _straight(fields, lag, knots)
    for blur in LEVELS:
        problem = pose(fields, lag, knots, slow_dwell_us, blur)
        there, total = _minimise(problem, parameters)
        parameters = there.parameters
    common = problem.common
    covariance = _covariance(problem, there, total, lags, lag.dwell_us / slow_dwell_us)
    own = parameters[common:].reshape(-1, LOCAL)
    bent = parameters[: common - 1].copy()
    bent[0] -= lag.dwell_us / slow_dwell_us * lag.delay_px()
    row_shift = -own[:, 1].mean()
    error = np.sqrt(np.diag(covariance))
    made = to_map(bent, covariance[: common - 1, : common - 1], problem.width, row_shift)
    return Fit(
        distortion=replace(made, late=lag.displacement_px()),
        shifts=own[:, 1::-1] + [row_shift, 0.0],
        residuals=np.sqrt(there.costs / there.powers),
        afterglow=(float(parameters[common - 1]), float(error[common - 1])),
        apart=_apart(problem, there, total),
        match=own[:, 2] / _contrast_errors(there),
    )


def _straight(fields: list[Field], lag: Lag, knots: int) -> Vector:
    few = fields[:LINE_FIELDS]
    dy, gain, shift = coarse_line([f.rapid for f in few], [f.slow for f in few])
    width = fields[0].rapid.shape[1]
    line = curve.start(width, knots, gain, shift + late_px(lag))
    return np.concatenate([line, [AFTERGLOW[0]], np.tile([0.0, dy, 1.0], len(fields))])


def _minimise(problem: Problem, parameters: Vector) -> tuple[Evaluated, Combined]:
    """Levenberg-Marquardt."""
    damping = 1e-3
    here = evaluate(problem, parameters)
    total = combine(problem, here)
    enough = SEEN * here.powers
    for _ in range(ITERATIONS):
        damped = total.normal + damping * np.diag(np.diag(total.normal))
        step = -np.linalg.solve(damped, total.gradient)
        trial = evaluate(problem, here.parameters + step)
        gain = total.cost - combine(problem, trial, total.noise).cost
        if gain > 0 and (trial.powers >= enough).all():
            small = gain < TOLERANCE * total.cost
            here, total = trial, combine(problem, trial)
            damping = max(damping / 5, 1e-6)
            if small:
                break
        else:
            damping *= 10
    return here, total


def _covariance(
    problem: Problem, there: Evaluated, total: Combined, lags: Sequence[Lag], late: float
) -> Matrix:
    """Error of the parameters: scatter between bands of rows, the priors' and the lag's own."""
    variance = np.diag(total.noise * total.prior)
    for index, scores in zip(problem.indices(), there.scores, strict=True):
        variance[np.ix_(index, index)] += scores.T @ scores
    inverse = np.linalg.inv(total.normal)
    covariance = inverse @ variance @ inverse
    others = [replace(problem, lag=lag) for lag in lags]
    others.append(replace(problem, afterglow_us=problem.afterglow_us / 2))
    for other in others:
        moved = combine(other, evaluate(other, there.parameters), total.noise)
        change = -np.linalg.solve(moved.normal, moved.gradient)
        change[0] -= late * (other.lag.delay_px() - problem.lag.delay_px())
        covariance += np.outer(change, change)
    return covariance


def _contrast_errors(there: Evaluated) -> Float[np.ndarray, " field"]:
    """Error of each field's contrast by itself, whatever ails the others."""
    scatter = np.sqrt(np.sum(there.scores[:, :, -1] ** 2, axis=1))
    return scatter / there.normals[:, -1, -1]


def _apart(problem: Problem, there: Evaluated, total: Combined) -> Float[np.ndarray, " field"]:
    """One Newton step from the map of all others to that which a field alone asks for."""
    count, common = len(there.costs), problem.common
    if count == 1:
        return np.array([np.nan])
    columns = np.arange(problem.width, dtype=float)
    slopes = curve.slopes(there.parameters[: common - 1], columns, problem.width)
    apart = []
    for k, index in enumerate(problem.indices()):
        mine, gradient = there.normals[k], there.scores[k].sum(axis=0)
        rest = total.normal.copy()
        rest[np.ix_(index, index)] -= mine
        others = np.delete(np.arange(len(rest)), index[common:])
        towards = np.zeros(len(others))
        towards[:common] = gradient[:common]
        change = np.linalg.solve(rest[np.ix_(others, others)], towards)[:common]
        gradient[:common] += mine[:common, :common] @ change
        gradient[common:] += mine[common:, :common] @ change
        back = np.linalg.solve(mine + np.diag(total.prior[index]), gradient)
        wanted = slopes @ back[: common - 1]
        apart.append(wanted.std())  # a shift of the whole field is its own affair
    return np.array(apart)
